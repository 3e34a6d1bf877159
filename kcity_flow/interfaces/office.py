"""What a command works with: the settings, the two stores, and the gateway to a server that runs already."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from temporalio.client import Client

from kcity_flow.adapters.documents import Documents
from kcity_flow.adapters.register import Register
from kcity_flow.adapters.vault import Vault
from kcity_flow.domain import messages as m
from kcity_flow.domain import reading
from kcity_flow.domain.application import Application
from kcity_flow.domain.edition import Edition
from kcity_flow.domain.errors import NotPermitted, Unknown
from kcity_flow.domain.moves import BY_TRIGGER, EDITION_BY_TRIGGER
from kcity_flow.domain.stages import Role
from kcity_flow.gateway import TEXTS, Actor, Gateway, is_year, kind_of, row_key
from kcity_flow.interfaces.misuse import Misused
from kcity_flow.server import connect, locate
from kcity_flow.settings import Settings


def reader(vault: Vault, person: str) -> tuple[str, tuple[Role, ...]]:
    """Who reads, and in which roles they might.

    Raises:
        Unknown: there is no such person.
    """
    known = vault.person(person)
    if known is None:
        raise Unknown(f"There is no person {person}; `kcity person list` shows who is known.")
    return person, known.roles


HANDLES_PROPOSALS = ("refuse_proposal", "retract_proposal")
"""Moves about a proposal, which they name but whose data they do not repeat."""

_CATCHES_UP_WITHIN = 2.0
"""Seconds the register is given to hear of what a workflow has just recorded."""


class Stores(NamedTuple):
    """The register and the vault, up to date and open."""

    register: Register
    vault: Vault


@contextlib.contextmanager
def stores(settings: Settings) -> Iterator[Stores]:
    """Open both stores for as long as the block lasts.

    Raises:
        StoreFailed: one of them cannot be opened.
    """
    opened = Stores(Register(settings.register_url), Vault(settings.vault_url))
    try:
        for store in opened:
            store.prepare()
        yield opened
    finally:
        for store in opened:
            store.close()


@dataclass(frozen=True, slots=True)
class Office:
    """Everything at hand. Instants are UTC, in the business time of the edition concerned."""

    settings: Settings
    register: Register
    vault: Vault
    documents: Documents
    client: Client
    gateway: Gateway

    async def now(self, year: int) -> datetime:
        """The business time of an edition.

        Raises:
            Unknown: it was never opened.
        """
        rules = await self.gateway.rules(year)
        return rules.edition.tempo.business(datetime.now(UTC))

    async def ledger(self, subject: str, entries: int) -> list[m.Entry]:
        """A subject's ledger up to an entry that its workflow has recorded."""
        for _ in range(int(_CATCHES_UP_WITHIN / 0.1)):
            ledger = self.register.entries(subject)
            if len(ledger) >= entries:
                break
            await asyncio.sleep(0.1)
        return ledger

    def texts(self, ledger: list[m.Entry]) -> dict[str, str]:
        """What was written in a ledger's entries, by the commitments that stand there for it; redacted texts aside."""
        stated = {str(entry.data[name]) for entry in ledger for name in TEXTS if name in entry.data}
        found = {name: self.vault.text(name) for name in stated | {entry.reason or "" for entry in ledger}}
        return {commitment: text for commitment, text in found.items() if text}

    async def do(
        self,
        subject: str,
        trigger: str,
        data: dict[str, Any],
        *,
        person: str | None = None,
        role: Role | None = None,
        reason: str | None = None,
        confirm: int | None = None,
        evidence: tuple[Path, ...] = (),
        command_id: str | None = None,
    ) -> m.Receipt:
        """Send one command for somebody.

        Args:
            subject: A reference number or an edition's year.
            trigger: The move.
            data: Its fields.
            person: Who acts; may be left out where one person alone could.
            role: In what role; the first of the person's that the table asks for, if left out.
            reason: Kept in the vault.
            confirm: The proposal's entry; its data, reason and evidence are repeated, so that none need be given.
            evidence: Files to keep; their hashes are sent.
            command_id: So that the same command can be sent again.

        Raises:
            Refusal: by the gateway or the workflow.
            Misused: who acts is not clear, or a file cannot be read.
        """
        standing = await self.gateway.standing(subject)
        proposal = next((p for p in standing["proposals"] if p["entry"] == confirm), None)
        fitting = fitting_roles(subject, trigger, standing["view"]["stage"], second=confirm is not None)
        if trigger in HANDLES_PROPOSALS and proposal:
            fitting = proposal["approvers"] if trigger == "refuse_proposal" else [proposal["role"]]
        elif proposal and proposal["trigger"] == trigger:
            substance = {name: value for name, value in proposal["substance"].items() if name != "trigger"}
            data = {**await self._grounds(subject, proposal["entry"]), **(data or substance)}
        proposer = proposal["person"] if proposal else ""
        if trigger == "retract_proposal":
            person, proposer = person or proposer or None, ""
        actor = self.actor(person, role, fitting, f"{trigger} {subject}", but=proposer)
        given: dict[str, Any] = {"reason": reason, "proposal": confirm}
        if evidence:
            given["evidence"] = [*data.get("evidence", ()), *map(self.keep, evidence)]
        data = {**data, **{name: value for name, value in given.items() if value is not None}}
        return await self.gateway.command(subject, trigger, data, actor, command_id)

    async def _grounds(self, subject: str, number: int) -> dict[str, Any]:
        """Reason and evidence of an entry: the reason as its commitment, which the gateway passes on."""
        ledger = await self.ledger(row_key(subject), number)
        entry = next((entry for entry in ledger if entry.number == number), None)
        return {"reason": entry.reason, "evidence": list(entry.evidence)} if entry else {}

    async def read(
        self, subject: str, person: str | None, rules: Edition, standing: dict[str, Any] | None = None
    ) -> reading.Reading:
        """An application as somebody may read it; as the desk does, if nobody is named.

        Raises:
            Unknown: there is no such application or person.
            NotPermitted: a conflict of interest, or somebody else's file.
        """
        standing = standing or await self.gateway.standing(subject)
        view = m.View.model_validate(standing["view"])
        ledger = await self.ledger(subject, view.entries)
        return self.read_as(Application.model_validate(standing["facts"]), view, ledger, rules, person)

    def read_as(
        self, application: Application, view: m.View, ledger: Sequence[m.Entry], rules: Edition, person: str | None
    ) -> reading.Reading:
        """The same of what was read before, in the role of theirs that knows most.

        Raises:
            Unknown: there is no such person.
            NotPermitted: a conflict of interest, or somebody else's file.
        """
        who, roles = reader(self.vault, person) if person else ("", (Role.DESK,))
        belongs = tuple(self.gateway.belongs_to(rules.year, who)) if person else ()
        closed = {role: reading.closed_to(application, who, role, belongs) for role in roles or (Role.DESK,)}
        may = sorted((role for role, why in closed.items() if not why), key=lambda role: role not in reading.INFORMED)
        if not may:
            first, why = next(iter(closed.items()))
            raise NotPermitted("read", "this file", first, f"another reader than {who}: {why}")
        return reading.read_as(application, view, ledger, rules, who, may[0])

    def actor(self, person: str | None, role: Role | None, fitting: list[str], what: str, but: str = "") -> Actor:
        """Who acts here (:func:`acting`)."""
        return acting(self.vault, person, role, fitting, what, but)

    def keep(self, file: Path) -> str:
        """Put a file into the document folder and return its hash.

        Raises:
            Misused: it cannot be read.
        """
        try:
            return self.documents.put(file)
        except OSError as error:
            raise Misused(
                f"The document {file} cannot be kept: {error.strerror}; name a file that can be read."
            ) from None


def acting(vault: Vault, person: str | None, role: Role | None, fitting: list[str], what: str, but: str = "") -> Actor:
    """Who acts, in what role; ``but`` may not, as the one who proposed it.

    Raises:
        Misused: nobody is named, and not exactly one person could be meant.
    """
    if person is None:
        able = {p.id for name in fitting if role in (None, name) for p in vault.people(name)} - {but}
        wanted = " or ".join([role] if role else fitting) or "anybody"
        if not able:
            raise Misused(
                f"Nobody here is {wanted}, which {what} takes; add somebody with "
                f"`kcity person add NAME ADDRESS --role {(role or (fitting or ['desk'])[0])}`."
            )
        if len(able) > 1:
            some = ", ".join(sorted(able)[:4]) + (", …" if len(able) > 4 else "")
            raise Misused(f"Say with --as who acts; {what} takes {wanted}, such as {some}.")
        person = able.pop()
    known = vault.person(person)
    roles = [*(known.roles if known else ())]
    chosen = role or next((r for r in fitting if r in roles), None) or next(iter(roles or fitting), Role.DESK)
    return Actor(person, Role(chosen))


@contextlib.asynccontextmanager
async def connected() -> AsyncIterator[Office]:
    """Open the stores and find the server that runs, for as long as the block lasts.

    Raises:
        CannotStart: a setting cannot be used, or no server runs.
        StoreFailed: a store cannot be opened.
    """
    settings = Settings.read()
    client = await connect(locate(settings).address, settings)
    with stores(settings) as (register, vault):
        gateway = Gateway(client, register, vault, settings.task_queue)
        yield Office(settings, register, vault, Documents(settings.documents), client, gateway)


def fitting_roles(subject: str, trigger: str, stage: str, *, second: bool) -> list[str]:
    """The roles that the table lets make, or confirm, a move; from any stage where it has none from this one.

    Raises:
        Unknown: there is no such move.
    """
    table: dict[Any, Any] = BY_TRIGGER if kind_of(subject) == "application" else EDITION_BY_TRIGGER
    rows = [table[trigger, stage]] if (trigger, stage) in table else [r for (t, _), r in table.items() if t == trigger]
    if not rows:
        raise Unknown(f"There is no move {trigger!r}; `kcity moves {subject}` lists those that are legal now.")
    return list(dict.fromkeys(role.value for row in rows for role in ((second and row.approvers) or row.actors)))


def as_year(edition: str) -> int:
    """An edition by its year, as the commands take it.

    Raises:
        Misused: it is no year.
    """
    if not is_year(edition):
        raise Misused(f"{edition!r} is no edition's year; write it like 2021 (`kcity edition list` shows them).")
    return int(edition)


def as_instant(given: str, zone: str, option: str) -> datetime:
    """An instant as somebody types it; without a zone it is meant in the edition's.

    Raises:
        Misused: it is none.
    """
    try:
        at = datetime.fromisoformat(given)
        return (at if at.tzinfo else at.replace(tzinfo=ZoneInfo(zone))).astimezone(UTC)
    except (ValueError, OverflowError):
        raise Misused(f"{option} {given!r} is no instant; write one like 2021-06-08T09:30.") from None
