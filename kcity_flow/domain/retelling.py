"""Applications and editions as their ledgers tell them, at any instant: what was made, made again on paper.

Nothing is judged here: what stands in a ledger happened. Timers are left out; they are the clock's.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any, Literal, NamedTuple

from kcity_flow.domain import effects, selection
from kcity_flow.domain import messages as m
from kcity_flow.domain.application import Application, Facts, Proposal, Undo
from kcity_flow.domain.edition import Edition
from kcity_flow.domain.selection import Call, EditionFacts
from kcity_flow.domain.stages import EditionStage, Role, Stage


class Made(NamedTuple):
    """A move that was made: its entry, the application before and after it, and the entry that it undid."""

    entry: m.Entry
    before: Application
    after: Application
    undid: int | None


def moves_of(edition: Edition, ref: str, entries: Iterable[m.Entry], until: datetime | None = None) -> Iterator[Made]:
    """Every move that an application's ledger tells of, in order.

    Args:
        edition: The rules it is judged by.
        ref: Its reference number.
        entries: Its ledger, in order.
        until: Business time; what was recorded at or after it is left out. All of it, if not given.
    """
    told = Application(ref=ref)
    undo: Undo | None = None
    entries = list(entries)
    proposals = {entry.number: _proposal(entry) for entry in entries if entry.outcome is m.Outcome.PROPOSED}
    for entry in _made(entries, until):
        facts = Facts(
            application=told,
            command=_command("application", entry),
            edition=edition,
            now=entry.at,
            source=Stage(entry.source),
            dest=Stage(entry.dest),
            entries=entry.number - 1,
            undo=undo,
            proposal=proposals.get(entry.proposal or 0),
        )
        moved = effects.after(facts, facts.dest).model_copy(update={"timers": {}})
        undid = undo.entry if undo and entry.command.startswith("return_to_") else None
        yield Made(entry, told, moved, undid)
        told, undo = moved, effects.undo_after(facts, entry.number, undo)


def application_of(
    edition: Edition, ref: str, entries: Iterable[m.Entry], until: datetime | None = None
) -> Application:
    """An application as its ledger tells it; absent while nothing was made. Arguments as in :func:`moves_of`."""
    told = Application(ref=ref)
    for made in moves_of(edition, ref, entries, until):
        told = made.after
    return told


def call_of(edition: Edition, entries: Iterable[m.Entry], until: datetime | None = None) -> Call:
    """An edition's places as its ledger tells them; arguments as in :func:`moves_of`."""
    told = Call(year=edition.year)
    for entry in _made(entries, until):
        facts = EditionFacts(
            call=told,
            command=_command("edition", entry),
            edition=edition,
            now=entry.at,
            source=EditionStage(entry.source),
            dest=EditionStage(entry.dest),
            entries=entry.number - 1,
        )
        told = selection.after(facts, EditionStage(entry.dest))
    return told


def _proposal(entry: m.Entry) -> Proposal:
    return Proposal(
        entry=entry.number,
        trigger=entry.command,
        person=entry.person,
        role=Role(entry.role),
        approvers=(),
        substance={},
    )


def _made(entries: Iterable[m.Entry], until: datetime | None) -> Iterator[m.Entry]:
    return (e for e in entries if e.outcome is m.Outcome.MADE and (until is None or e.at < until))


def _command(kind: Literal["application", "edition"], entry: m.Entry) -> Any:
    by = {"person": entry.person, "role": entry.role, "via": entry.via, "order": entry.order}
    wrapping = {"id": entry.command_id or "unknown", "by": by, "evidence": entry.evidence, "reason": entry.reason}
    return m.parse(kind, entry.command, {**entry.data, **wrapping, "proposal": entry.proposal})
