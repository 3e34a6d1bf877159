"""The only holder of a Temporal client: everything that people do passes here.

It checks who may act (the person has the role; whether the role fits the move is the workflow's to say), keeps
free text in the vault and sends its commitment on, and turns Temporal's errors into refusals. Each command has an
id; sent again under the same id it is answered, not done again.
"""

from __future__ import annotations

import asyncio
import json
import re
import secrets
import uuid
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from functools import partial
from typing import Any, Literal, NamedTuple, TypeVar

from temporalio.client import (
    Client,
    WithStartWorkflowOperation,
    WorkflowHandle,
    WorkflowQueryFailedError,
    WorkflowUpdateFailedError,
)
from temporalio.client import WorkflowUpdateRPCTimeoutOrCancelledError as UpdateTimeout
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import ApplicationError, WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from kcity_flow.adapters.edition_files import currency_known, zone_named
from kcity_flow.adapters.register import Register
from kcity_flow.adapters.stores import StoreFailed
from kcity_flow.adapters.vault import RECEIVED, Sending, Vault
from kcity_flow.domain import agenda
from kcity_flow.domain import errors as e
from kcity_flow.domain import messages as m
from kcity_flow.domain.application import Application, Facts
from kcity_flow.domain.edition import Edition, Tempo, edition_hash
from kcity_flow.domain.evaluation import paper_rank
from kcity_flow.domain.freeze import ALL
from kcity_flow.domain.machine import APPLICATIONS
from kcity_flow.domain.moves import ADOPTIONS, NO_END
from kcity_flow.domain.stages import DECIDED, ENDS, Role, Stage

PATIENCE = timedelta(seconds=30)
"""How long a command waits for its answer. It may be sent again under the same id."""

YEARS_AHEAD = 4
"""Public holidays are fixed for so many years when an edition opens or an application arrives."""

TEXTS = ("reason", "question", "answer", "over_quota_reason")
"""Fields of free text: kept in the vault, only their commitment goes into a history."""

COUNTED = "open_applications"
"""The field of ``close_edition`` that nobody types: how many applications have not ended, from the register."""

BELONGS_TO = "organisations"
"""That of an assignment, a declaration, a sheet: whom the reviewer belongs to, as pool and vault know it now."""

PAPER_RANK = "paper_rank"
"""That of a rejection outside the invited number: its rank among the programme's, from the register."""

LEFT_OUT = "left_out"
"""That of a decision: who of the programme waits for one, or on the reserve, and is not ranked."""

TIED = "tied"
"""That of a decision on places: who is in conflict with an application it decides on, or leaves out."""

FILLED = {
    "decide_selection": (LEFT_OUT, TIED),
    "publish_results": ("refs",),
    "promote_next": (TIED,),
    "freeze": ("refs",),
    "unfreeze": ("refs",),
}
"""Those of an edition's decisions, by their triggers.

``refs``: whoever's result stands and is not published; whoever a freeze meets, or its end.
"""

FREEZES = "freezes"
"""That of a receipt: the freezes of the applicant's country and of all, from the edition."""

ADOPTED = "adopted"
"""The channel of the intake journal by which a project came that ran before its edition was kept here."""

AWAITED = (Stage.SHORTLISTED, Stage.RESERVE)
"""Where applications wait for a place."""

FIRST_PAUSE, LONGEST_PAUSE = 0.2, 5.0
"""Seconds between two tries to reach who is away; each pause is twice the one before."""

T = TypeVar("T")

STANDS_FOR_A_TEXT = "0" * 64
"""A commitment to nothing, where a command is judged before its texts are kept: guards ask whether there is one."""
_COMMITMENT = re.compile(r"^[0-9a-f]{64}$")
_YEAR = re.compile(r"[0-9]{4}")
_REF = re.compile(r"KC[0-9]{4}-[A-Z]{3}-[0-9]{4,6}")
_ADOPTIONS = frozenset(move.trigger for move in ADOPTIONS)
_REFUSALS = {cls.code: cls for cls in e.Refusal.__subclasses__()}


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts, in what role. The role must be one the person has."""

    person: str
    role: Role

    def by(self) -> dict[str, str]:
        """As a command carries it."""
        return {"person": self.person, "role": self.role.value}


class OrdersUnderWay(NamedTuple):
    """What an edition's entry decided and not everybody has been told: so many orders, of which so many are done.

    ``again``: those whom they are for, where they did not answer and are told again until they do.
    """

    entry: int
    triggers: tuple[str, ...]
    of: int
    done: int
    again: tuple[str, ...] = ()


async def answered(send: Callable[[], Awaitable[T]], away: Callable[[str], None] = lambda _: None) -> T:
    """Send until there is an answer: server, worker or database may be away, and come back.

    Args:
        send: What is safe to send again: a question, or a command with an id of its own.
        away: Is told, in a sentence, each time that nobody answers.

    Raises:
        Refusal: that was the answer.
    """
    pause = FIRST_PAUSE
    while True:
        try:
            return await send()
        except (e.Unavailable, StoreFailed) as failure:
            away(str(failure))
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE)


def is_year(text: str) -> bool:
    """Whether it is written as a year is: four digits."""
    return _YEAR.fullmatch(text) is not None


def kind_of(subject: str) -> Literal["application", "edition"]:
    """Whose commands a subject takes: ``KC2021-PLA-0001`` is an application, ``2021`` or ``edition/2021`` an edition.

    Raises:
        Unknown: it is neither.
    """
    if _REF.fullmatch(subject):
        return "application"
    if is_year(subject.removeprefix("edition/")):
        return "edition"
    raise e.Unknown(f"{subject!r} is neither a reference number such as KC2021-PLA-0001 nor an edition such as 2021.")


def year_of(subject: str) -> int:
    """The edition a subject belongs to.

    Raises:
        Unknown: it is neither a reference number nor a year.
    """
    return int(subject[2:6] if kind_of(subject) == "application" else subject.removeprefix("edition/"))


def row_key(subject: str) -> str:
    """Under which name the register keeps a subject: an edition's year becomes ``edition/2021``.

    Raises:
        Unknown: it is neither a reference number nor a year.
    """
    return subject if kind_of(subject) == "application" else m.edition_id(year_of(subject))


def workflow_id(subject: str) -> str:
    """The workflow that keeps a subject's file."""
    return m.application_id(subject) if kind_of(subject) == "application" else row_key(subject)


class Gateway:
    """Sends commands and asks for standings."""

    def __init__(self, client: Client, register: Register, vault: Vault, task_queue: str) -> None:
        self._client = client
        self._register = register
        self._vault = vault
        self._task_queue = task_queue
        self._rules: dict[int, m.StartEdition] = {}

    # --- editions ---

    async def open_edition(self, edition: Edition) -> None:
        """Start the edition's workflow, in draft. Its call is opened by the command ``open_call``, by two persons.

        Raises:
            AlreadyReceived: this edition runs already.
        """
        first = min(window.opens_at for window in edition.windows).year
        start = m.StartEdition(
            edition=edition,
            edition_hash=edition_hash(edition),
            days_off=agenda.days_off(edition.calendars, range(first, first + YEARS_AHEAD)),
        )
        try:
            await self._client.start_workflow(
                "Edition",
                start,
                id=m.edition_id(edition.year),
                task_queue=self._task_queue,
                id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
                static_summary=edition.title.en,
            )
        except WorkflowAlreadyStartedError:
            raise e.AlreadyReceived(
                f"Edition {edition.year} is already there; see it with `kcity edition show {edition.year}`."
            ) from None

    async def rules(self, year: int) -> m.StartEdition:
        """The rules of a running edition, by value.

        Raises:
            Unknown: no such edition was opened.
            Unavailable: Temporal, a worker, or the edition's own workflow does not answer.
        """
        if year not in self._rules:
            try:
                found = await self._handle(f"edition/{year}").query("rules", rpc_timeout=PATIENCE)
            except RPCError as error:
                if error.status is RPCStatusCode.NOT_FOUND:
                    raise e.Unknown(f"Edition {year} is not open; open it with `kcity edition open {year}`.") from None
                raise _unavailable(error) from None
            except WorkflowQueryFailedError as error:
                raise _unreadable(f"edition {year}", error) from None
            edition = Edition.model_validate(found["edition"])
            self._rules[year] = m.StartEdition(
                edition=edition, edition_hash=edition_hash(edition), days_off=found["days_off"]
            )
        return self._rules[year]

    async def retime(self, subjects: Iterable[str], tempo: Tempo) -> None:
        """Give a rehearsal's files another tempo. Files in earnest refuse it, those that are closed need none.

        Raises:
            Unavailable: Temporal does not answer.
        """
        data = tempo.model_dump(mode="json")
        for subject in subjects:
            try:
                await self._handle(subject).signal(m.RETIME, data, rpc_timeout=PATIENCE)
            except RPCError as error:
                if error.status is not RPCStatusCode.NOT_FOUND:
                    raise _unavailable(error) from None
        self._rules.clear()

    # --- commands ---

    async def receive(self, year: int, data: dict[str, Any], actor: Actor) -> m.Receipt:
        """Give an application its reference number and start its workflow with the command ``receive``.

        The intake journal gives one number to one application: what arrived before is answered with its number,
        also if the process ended between journal and workflow.

        Raises:
            AlreadyReceived: it arrived before; the sentence names its number.
            Refusal: it was refused. If the workflow did, the journal says so beside the number, which is not used
                again; sent again, mended or not, the application gets the next one.
        """
        self._may_act(actor)
        rules = await self.rules(year)
        programme = rules.edition.programme(str(data.get("programme")))
        data = {name: value for name, value in data.items() if name != FREEZES}
        self._strict("receive", "application", data)
        if fault := _currency_at_fault(data):
            raise e.Unreadable("receive", fault)
        command = m.parse("application", "receive", {**data, "id": "receive", "by": actor.by()})
        _judge_receipt(command, rules.edition, actor.role)
        content = m.canonical(command.model_dump(mode="json", exclude={"id", "by", "received_at", "channel"}))
        arrival = (year, programme.code, content, command.received_at, command.channel)
        ref, _ = self._vault.book(*arrival)
        known = self._register.view(ref)
        if known is not None and known.stage == Stage.ABSENT:
            # Refused, and the process ended before the journal heard of it.
            self._vault.mark(ref, e.Refusal.code)
            ref, _ = self._vault.book(*arrival)
            known = self._register.view(ref)
        earlier = e.AlreadyReceived(f"This application was received before, as {ref}; nothing was changed.")
        if known is not None:
            raise earlier
        try:
            sent = {**data, "id": f"receive/{ref}", "by": actor.by()}
            receipt = await self._begun_with(ref, "receive", sent, command, rules, command.received_at.year)
        except WorkflowAlreadyStartedError:
            raise earlier from None
        except e.Unavailable:
            raise  # whether it was received is unknown: the number stays its own
        except e.Refusal as refusal:
            self._vault.mark(ref, refusal.code)
            raise
        if receipt.repeated:
            raise earlier
        self._vault.mark(ref, RECEIVED)
        return receipt

    async def _begun_with(
        self, ref: str, trigger: str, data: dict[str, Any], command: m.Receive | m.AdoptAt, rules: m.StartEdition,
        first: int,
    ) -> m.Receipt:  # fmt: skip
        """Start an application's workflow with its first command; the same id again is answered.

        Args:
            ref: Its number.
            trigger: The command's name.
            data: The command as it is sent, its id and who gives it included.
            command: The same, read.
            rules: Its edition's.
            first: The year from which on public holidays of its country are fixed.

        Raises:
            WorkflowAlreadyStartedError: it was, and has ended since.
            Refusal: the workflow refuses.
        """
        country = command.applicant.country
        start = m.StartApplication(
            ref=ref,
            edition=rules.edition.model_copy(update=_NOT_JUDGED_BY),
            edition_hash=rules.edition_hash,
            days_off=tuple(sorted({*rules.days_off, *agenda.days_off((country,), range(first, first + YEARS_AHEAD))})),
        )
        operation: WithStartWorkflowOperation[Any, Any] = WithStartWorkflowOperation(
            "Application",
            start,
            id=m.application_id(ref),
            task_queue=self._task_queue,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
            static_summary=f"{ref} · {command.title}, {command.city} ({country})"[:200],
        )
        # Asked last: what is frozen after this finds it in the register.
        if trigger == "receive" and (freezes := await self._freezes(rules.edition.year, country)):
            data = {**data, FREEZES: freezes}

        def send(said: dict[str, Any]) -> Awaitable[m.Receipt]:
            return self._sent(
                ref,
                self._client.execute_update_with_start_workflow(
                    trigger,
                    said,
                    start_workflow_operation=operation,
                    id=data["id"],
                    result_type=m.Receipt,
                    rpc_timeout=PATIENCE,
                ),
            )

        # Whoever enters it again, it is the same application. What is frozen since is said, as nobody else would.
        asked, to = m.canonical(data.get(FREEZES, [])), workflow_id(ref)
        if (kept := self._vault.sending(to, data["id"])) and kept.asked != asked:
            self._vault.answered(to, data["id"])
        return await self._in_the_same_words(ref, trigger, data["id"], asked, lambda: data, send)

    async def adopt(self, year: int, data: dict[str, Any], actor: Actor, command_id: str | None = None) -> m.Receipt:
        """Propose that the edition take over a project that runs already, under a number of its own.

        The intake journal gives one number to one project, said in the same words. The second person confirms the
        proposal as any other. With the same ``command_id`` it is answered again, and not proposed twice.

        Raises:
            Refusal: nothing was proposed; the journal says so beside the number, which is not used again.
        """
        self._may_act(actor)
        rules = await self.rules(year)
        programme = rules.edition.programme(str(data.get("programme")))
        self._strict("adopt", "edition", data)
        texts = dict.fromkeys(_texts(data), STANDS_FOR_A_TEXT)
        nobody = {"ref": f"KC{year}-{programme.code}-0000", "id": "adopt", "by": actor.by()}
        command: m.Adopt = m.parse("edition", "adopt", {**data, **texts, **nobody})
        content = m.canonical(command.model_dump(mode="json", exclude={"id", "by", "ref", "reason", "evidence"}))
        since = datetime.combine(command.since, time(), tzinfo=UTC)
        ref, _ = self._vault.book(year, programme.code, content, since, ADOPTED)
        try:
            return await self.command(str(year), "adopt", {**data, "ref": ref}, actor, command_id)
        except e.Unavailable:
            raise  # whether it was proposed is unknown: the number stays its own
        except e.Refusal as refusal:
            if ref not in (await self.standing(str(year)))["facts"]["adopted"]:
                self._vault.mark(ref, refusal.code)
            raise

    async def command(
        self, subject: str, trigger: str, data: dict[str, Any], actor: Actor, command_id: str | None = None
    ) -> m.Receipt:
        """Send one command.

        Args:
            subject: A reference number, or an edition's year.
            trigger: The move.
            data: Its fields. Free text goes into the vault here.
            actor: Who acts.
            command_id: Give the same id again to be answered, not to act again.

        Raises:
            Refusal: with the rule that refused; nothing has changed.
        """
        self._may_act(actor)
        given, kind = data, kind_of(subject)
        known = m.APPLICATION_COMMANDS if kind == "application" else m.EDITION_COMMANDS
        if trigger not in known:
            raise e.Unknown(f"There is no move {trigger!r}; `kcity moves {subject}` lists those that are legal now.")
        if trigger == "close_edition":
            # Counted, not believed: whatever was typed does not matter.
            data = {**data, COUNTED: self._open_applications(year_of(subject))}
        if BELONGS_TO in known[trigger].model_fields:
            belongs_to = self.belongs_to(year_of(subject), data.get("reviewer", actor.person))
            typed = {name: value for name, value in data.items() if name != BELONGS_TO}
            data = typed | ({BELONGS_TO: belongs_to} if belongs_to else {})
        if trigger == "reject":
            data = {**data, PAPER_RANK: self._paper_rank(subject) if data.get("ground") == "outside_invited" else None}
        if trigger in FILLED:
            open_files = partial(self._register.subjects, year_of(subject), closed=False)
            data = filled(trigger, data, open_files, await self._proposed(subject, data.get("proposal")))
        if trigger == "adopt" and not self._vault.booked(str(data.get("ref"))):
            raise e.Unreadable(trigger, "its ref is no number of the intake journal; adopt with `kcity adopt`")
        self._strict(trigger, kind, data)
        if fault := _zone_at_fault(data) or _currency_at_fault(data) or self._basis_at_fault(subject, data):
            raise e.Unreadable(trigger, fault)
        texts = _texts(data)
        empty = [name for name, text in texts.items() if not text.strip()]
        if empty:
            raise e.Unreadable(trigger, f"{', '.join(empty)} is empty")
        command_id = command_id or f"{trigger}/{uuid.UUID(bytes=secrets.token_bytes(16))}"
        # Read here so that a fault is told with its field and never reaches a history.
        command, unsaid = {**data, "by": actor.by()}, dict.fromkeys(texts, STANDS_FOR_A_TEXT)
        m.parse(kind, trigger, {**command, "id": command_id, **unsaid})
        asked = m.canonical({**given, "by": actor.by(), **unsaid})

        def written() -> dict[str, Any]:
            return command | {name: self._vault.commit(text) for name, text in texts.items()}

        def send(said: dict[str, Any]) -> Awaitable[m.Receipt]:
            return self._execute(subject, trigger, said, command_id)

        receipt = await self._in_the_same_words(subject, trigger, command_id, asked, written, send)
        if receipt.trigger not in ("", trigger):
            # Temporal answers an id that it knows with what it answered then, and asks no workflow.
            raise e.IdTaken(trigger, command_id, receipt.trigger)
        return receipt

    async def order(self, ref: str, trigger: str, data: dict[str, Any], command_id: str) -> None:
        """Send an application what its edition decided. For the edition's activity alone.

        What is adopted begins by that. Cut off anywhere and sent again it is answered: the workflow has the number
        for its id, and the command an id of its own.

        Raises:
            Refusal: the application refuses.
        """
        if trigger not in _ADOPTIONS:
            await self._execute(ref, trigger, data, command_id)
            return
        if not self._vault.booked(ref):
            raise e.Unknown(f"The intake journal gave the number {ref} to nothing; adopt with `kcity adopt`.")
        known = self._register.view(ref)
        if known is None or not known.adopted:  # else it was done, perhaps so long ago that its file is closed by now
            data = {**data, "id": command_id}
            command: m.AdoptAt = m.parse("application", trigger, data)
            await self._begun_with(ref, trigger, data, command, await self.rules(year_of(ref)), command.since.year)
        self._vault.mark(ref, RECEIVED)

    async def _in_the_same_words(
        self, subject: str, trigger: str, id: str, asked: str, written: Callable[[], dict[str, Any]],
        send: Callable[[dict[str, Any]], Awaitable[m.Receipt]],
    ) -> m.Receipt:  # fmt: skip
        """Send a command; where it was sent before under its id and not answered, in the words of then.

        A server that was killed takes what is sent again for what a worker has acted on already. Were it in other
        words, drawn or looked up anew, these would stand in the history, and what was made of the first in the ledger.

        Args:
            subject: To which.
            trigger: The command's name.
            id: Its id.
            asked: Who asks for what: only the same may be sent again.
            written: The command as it would be sent now.
            send: Sends it.

        Raises:
            IdTaken: something else was sent under this id, and is not answered.
            Refusal: that was the answer.
        """
        to = workflow_id(subject)
        first = self._vault.sending(to, id)
        if first is None:
            first = self._vault.send(to, id, Sending(trigger, asked, m.canonical(written())))
        if (first.trigger, first.asked) != (trigger, asked):
            raise e.IdTaken(trigger, id, first.trigger)
        try:
            receipt = await send(json.loads(first.command))
        except e.Unavailable:
            raise  # whether it was done is unknown: it may be sent again
        except e.Refusal:
            self._vault.answered(to, id)
            raise
        self._vault.answered(to, id)
        return receipt

    async def _execute(self, subject: str, trigger: str, data: dict[str, Any], command_id: str) -> m.Receipt:
        return await self._sent(
            subject,
            self._handle(subject).execute_update(
                trigger, {**data, "id": command_id}, id=command_id, result_type=m.Receipt, rpc_timeout=PATIENCE
            ),
        )

    async def _sent(self, subject: str, sending: Any) -> m.Receipt:
        try:
            receipt: m.Receipt = await sending
            return receipt
        except WorkflowUpdateFailedError as failed:
            raise _refusal(subject, failed) from None
        except UpdateTimeout:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise asyncio.CancelledError from None  # which Temporal's client tells as a time-out
            raise e.Unavailable(
                f"No answer for {subject} within {PATIENCE.seconds} seconds; whether it was done is unknown. "
                "See that a worker runs (`kcity up`), then look with `kcity show` before sending it again."
            ) from None
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                raise self._missing(subject) from None
            if error.status is RPCStatusCode.INVALID_ARGUMENT:
                raise e.TooLarge(f"Temporal refuses the command for {subject}: {error.message}.") from None
            raise _unavailable(error) from None

    # --- questions ---

    async def standing(self, subject: str) -> dict[str, Any]:
        """Facts, offers and waiting proposals, from the workflow itself.

        Raises:
            Unknown: there is no such application or edition.
            FileClosed: it is closed, and its history is gone.
            Unavailable: Temporal, a worker, or the subject's own workflow does not answer.
        """
        found: dict[str, Any] = await self._asked(subject, "standing")
        return found

    async def orders(self, year: int) -> list[OrdersUnderWay]:
        """What an edition's applications are yet to be told, in the order in which they will be.

        Raises:
            Unknown: there is no such edition.
            Unavailable: Temporal, a worker, or the edition's own workflow does not answer.
        """
        waiting = await self._asked(str(year), "orders")
        if not waiting:
            return []
        try:
            described = await self._handle(str(year)).describe(rpc_timeout=PATIENCE)
        except RPCError as error:
            raise _unavailable(error) from None
        done = 0
        for pending in described.raw_description.pending_activities:
            if pending.activity_type.name == "carry_out" and pending.heartbeat_details.payloads:
                past, codes = await self._client.data_converter.decode(pending.heartbeat_details.payloads)
                done = past - len(codes.get(e.Unavailable.code, ()))  # who was silent is told again
        # They are carried out one after the other: only the first can have begun.
        return [
            OrdersUnderWay(entry, tuple(triggers), of, 0 if place else min(done, of), tuple(again))
            for place, (entry, triggers, of, again) in enumerate(waiting)
        ]

    async def _asked(self, subject: str, question: str) -> Any:
        try:
            return await self._handle(subject).query(question, rpc_timeout=PATIENCE)
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                raise self._missing(subject) from None
            raise _unavailable(error) from None
        except WorkflowQueryFailedError as error:
            raise _unreadable(subject, error) from None

    def _handle(self, subject: str) -> WorkflowHandle[Any, Any]:
        return self._client.get_workflow_handle(workflow_id(subject))

    def _missing(self, subject: str) -> e.Refusal:
        view = self._register.view(row_key(subject))
        if view is not None and not view.closed:
            return e.Unavailable(
                f"The workflow of {subject} has ended though its file is open (it stands at {view.stage}): it failed "
                "or was terminated. Temporal's own page says when; restore the server's database from a backup.",
                stage=view.stage,
            )
        if view is not None:
            return e.FileClosed(
                f"The file of {subject} is closed: it ended as {view.stage} and its periods are over. "
                "Nothing more can be recorded on it.",
                stage=view.stage,
            )
        return e.Unknown(f"There is no {subject}; `kcity list` shows the applications that were received.")

    def _may_act(self, actor: Actor) -> None:
        person = self._vault.person(actor.person)
        if person is None:
            raise e.Unknown(f"There is no person {actor.person}; `kcity person list` shows who is known.")
        if not self._vault.has_role(actor.person, actor.role):
            raise e.NotPermitted(
                "act", "any stage", actor.role, f"the role {actor.role}, which {actor.person} does not have"
            )

    def _strict(self, trigger: str, kind: Literal["application", "edition"], data: dict[str, Any]) -> None:
        unknown = [name for name in m.unknown_fields(trigger, kind, data) if name != "trigger"]
        if unknown:
            raise e.Unreadable(trigger, f"it has no field {', '.join(unknown)}")
        try:
            size = len(m.canonical(data).encode())
        except UnicodeEncodeError:
            raise e.Unreadable(trigger, "it holds half a character, such as \\ud800") from None
        if size > m.PAYLOAD_LIMIT:
            raise e.TooLarge(
                f"The data of {trigger} are larger than {m.PAYLOAD_LIMIT // 1024} KiB; send documents by their hash."
            )

    async def _proposed(self, subject: str, proposal: Any) -> dict[str, Any] | None:
        if proposal is None:
            return None
        waiting = (await self.standing(subject))["proposals"]
        return next((found["substance"] for found in waiting if found["entry"] == proposal), None)

    def _basis_at_fault(self, subject: str, data: dict[str, Any]) -> str:
        """What is wrong with a basis: its pool is to name the reviewer. That it comes out again only a check says."""
        basis = data.get("basis")
        if not isinstance(basis, dict):
            return ""
        pool, reviewer = basis.get("pool"), data.get("reviewer")
        named = (
            entry
            for entry in self._register.entries(m.edition_id(year_of(subject)))
            if entry.number == pool and entry.command == "name_reviewers" and entry.outcome is m.Outcome.MADE
        )
        people = [one["person"] for entry in named for one in entry.data["reviewers"]]
        if reviewer in people:
            return ""
        lacks = f"does not name {reviewer}" if people else "names no pool of reviewers"
        return (
            f"its basis is entry {pool} of the edition, which {lacks}; take what `kcity assign` proposes, or a reason"
        )

    def belongs_to(self, year: int, person: Any) -> list[str]:
        """The organisations somebody belongs to: those that the edition's last pool names, then the vault's own."""
        named = self._register.latest(m.edition_id(year), "name_reviewers")
        pool = [one for one in (named.data["reviewers"] if named else ()) if one["person"] == person]
        known = self._vault.person(person) if isinstance(person, str) else None
        theirs = known.organisation if known else ""
        own = [id for id, name in self._vault.organisations().items() if theirs in (id, name)] if theirs else []
        return list(dict.fromkeys([*(one for row in pool for one in row.get("organisations", ())), *own]))

    async def _freezes(self, year: int, country: str) -> list[dict[str, Any]]:
        found = (await self.standing(str(year)))["facts"][FREEZES]
        return [freeze for freeze in found if freeze["scope"] in (ALL, country)]

    def _paper_rank(self, ref: str) -> int | None:
        view = self._register.view(ref)
        return paper_rank(ref, self._register.subjects(view.edition, programme=view.programme)) if view else None

    def _open_applications(self, year: int) -> int:
        views = self._register.subjects(year, closed=False)
        return sum(view.subject != m.edition_id(year) and view.stage not in (*ENDS, Stage.ABSENT) for view in views)


def _zone_at_fault(data: dict[str, Any]) -> str:
    """What is wrong with a date's zone: both sides are to read the same hour.

    Asked here and not by the domain: which zones there are differs between machines and years, and a history must lead
    to the same place on every one.
    """
    zone = data.get("zone")
    unknown = zone and zone_named(zone) is None
    return f"zone {zone!r} is none there is; write one such as America/Lima" if unknown else ""


def _currency_at_fault(data: dict[str, Any]) -> str:
    """What is wrong with the currency of matching funds; asked here for the same reason."""
    funds = data.get("matching")
    code = funds.get("currency") if isinstance(funds, dict) else None
    unknown = code and not currency_known(code)
    return f"currency {code!r} is none there is; write a code of ISO 4217 such as MNT" if unknown else ""


def filled(
    trigger: str, data: dict[str, Any], views: Callable[[], Iterable[m.View]], proposed: dict[str, Any] | None
) -> dict[str, Any]:
    """The data of a decision with the fields that nobody types, whatever was typed.

    Args:
        trigger: One of :data:`FILLED`.
        data: What was typed, which may be anything.
        views: How the edition's open applications stand.
        proposed: The data of the proposal that is confirmed: the second person confirms what the first one saw.
    """
    if trigger in ("freeze", "unfreeze"):
        return {**data, "refs": _met(trigger, data.get("countries"), views())}
    if proposed is not None:
        return {**data, **{name: proposed.get(name, ()) for name in FILLED[trigger]}}
    if trigger == "publish_results":
        return {**data, "refs": [view.subject for view in views() if view.stage in DECIDED and not view.published]}
    if trigger == "promote_next":
        return {**data, TIED: _tied(view for view in views() if view.subject == data.get("ref"))}
    ranking = data.get("ranking")
    ranked = frozenset(map(str, ranking if isinstance(ranking, (list, tuple)) else ()))
    waits = [view for view in views() if view.stage in AWAITED and view.programme == data.get("programme")]
    left_out = [view.subject for view in waits if view.subject not in ranked]
    return {**data, LEFT_OUT: left_out, TIED: _tied(waits)}


def _tied(views: Iterable[m.View]) -> list[str]:
    return sorted({person for view in views for person in view.barred})


def _met(trigger: str, countries: Any, views: Iterable[m.View]) -> list[str]:
    """Whom a freeze meets: every application that is no end and not frozen by it; its end, those that are."""
    named = tuple(map(str, countries)) if isinstance(countries, (list, tuple)) else ()
    return [
        view.subject
        for view in views
        if view.stage in NO_END
        and (not named or view.country in named)
        and ((view.country if named else ALL) in view.frozen) is (trigger == "unfreeze")
    ]


def _texts(data: dict[str, Any]) -> dict[str, str]:
    """The free text of a command. A commitment stands for itself."""
    given = {name: data.get(name) for name in TEXTS}
    return {name: text for name, text in given.items() if isinstance(text, str) and not _COMMITMENT.match(text)}


_NOT_JUDGED_BY: dict[str, Any] = {
    "sources": {},
    "assumed": (),
    "projects": (),
    "publications": (),
    "notice": None,
    "statistics": None,
}
"""What an application is not judged by stays out of its history; the edition's own has it all."""


def _judge_receipt(command: m.Receive, edition: Edition, role: Role) -> None:
    """Judge an arrival before it costs a number; only whether it lies in the future is left to the workflow's clock.

    Raises:
        Refusal: as the workflow would refuse it.
    """
    move = APPLICATIONS.row("receive", Stage.ABSENT, role)
    facts = Facts(
        application=Application(ref="KC2000-AAA-0000"),
        command=command,
        edition=edition,
        now=command.received_at,
        source=Stage.ABSENT,
        dest=Stage.RECEIVED,
    )
    APPLICATIONS.judge(move, Stage.ABSENT, facts)


def _refusal(subject: str, failed: WorkflowUpdateFailedError) -> e.Refusal:
    cause = failed.cause
    if not isinstance(cause, ApplicationError) or cause.type not in _REFUSALS:
        # Not the workflow's word: a server that was killed rejects in its own name what it forgot to have handed out.
        return e.Unavailable(f"{subject} was not asked ({cause}); send the command again.")
    fields = cause.details[0] if cause.details and isinstance(cause.details[0], dict) else {}
    refusal = e.Refusal.__new__(_REFUSALS[cause.type])
    e.Refusal.__init__(refusal, cause.message, **fields)
    return refusal


def _unreadable(subject: str, error: WorkflowQueryFailedError) -> e.Unavailable:
    return e.Unavailable(f"The workflow of {subject} cannot answer ({error}); see `var/logs/kcity.log` for why.")


def _unavailable(error: RPCError) -> e.Unavailable:
    return e.Unavailable(f"Temporal does not answer ({error.message}); see that `kcity up` is running.")
