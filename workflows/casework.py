"""What both workflows share: commands in, entries out, one alarm for the next thing due.

Handlers are synchronous: they ask the case file and return. Only ``run`` awaits. So no two commands ever
interleave, no handler needs a lock, and what a history says is what happened, in that order.
"""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from pydantic import BaseModel
from temporalio import workflow
from temporalio.common import RawValue, SearchAttributeKey, SearchAttributeUpdate
from temporalio.exceptions import ApplicationError

# Passed through, not imported again for every run: none of these modules holds state or does I/O on import.
with workflow.unsafe.imports_passed_through():
    from activities.record import Recorder
    from kcity_flow.domain.casefile import CaseFile
    from kcity_flow.domain.edition import Tempo
    from kcity_flow.domain.errors import Refusal, TooLarge, Unreadable
    from kcity_flow.domain.messages import PAYLOAD_LIMIT, RETIME, Command, Receipt, View, canonical, parse
    from kcity_flow.domain.stages import Via

RELEASE = "release_place"

EDITION = SearchAttributeKey.for_keyword("KcityEdition")
PROGRAMME = SearchAttributeKey.for_keyword("KcityProgramme")
STAGE = SearchAttributeKey.for_keyword("KcityStage")
COUNTRY = SearchAttributeKey.for_keyword("KcityCountry")
WAITS_ON = SearchAttributeKey.for_keyword("KcityWaitsOn")
DUE = SearchAttributeKey.for_datetime("KcityDue")


def _size(args: Sequence[RawValue]) -> int:
    return sum(len(arg.payload.data) for arg in args)


def _flood(name: str, args: Sequence[RawValue]) -> TooLarge:
    return TooLarge(
        f"The command {name[:40]!r} has {_size(args):,} bytes; {PAYLOAD_LIMIT:,} are allowed. "
        "Send documents by their hash.",
        trigger=name[:80],
    )


class Casework:
    """A case file kept by a workflow."""

    _file: CaseFile

    def _open(self, file: CaseFile) -> None:
        self._file = file
        self._shown: tuple[SearchAttributeUpdate[Any], ...] = ()
        self._knows_closed = False
        self._rang = False
        self._alarm: asyncio.Task[None] | None = None
        self._alarm_at: datetime | None = None

    # --- commands ---

    @workflow.update(dynamic=True)
    def command(self, name: str, args: Sequence[RawValue]) -> Receipt:
        """Make or propose the move of this name.

        Raises:
            ApplicationError: refused; its type is the refusal's code, its details the refusal's fields.
        """
        info = workflow.current_update_info()
        try:
            return self._handle(name, args, info.id if info else "", Via.UPDATE)
        except Refusal as refusal:
            fields = {
                "trigger": refusal.trigger,
                "stage": refusal.stage,
                "role": refusal.role,
                "guard": refusal.guard,
                "missing": refusal.missing,
            }
            raise ApplicationError(refusal.sentence, fields, type=refusal.code, non_retryable=True) from None

    @command.validator
    def refuse_flood(self, name: str, args: Sequence[RawValue]) -> None:
        """Keep out of the history what would only swell it. Everything else is judged, and recorded, by the handler."""
        if _size(args) > PAYLOAD_LIMIT or len(name) > 200:
            flood = _flood(name, args)
            raise ApplicationError(flood.sentence, type=flood.code, non_retryable=True)

    @workflow.signal(dynamic=True)
    def signalled(self, name: str, args: Sequence[RawValue]) -> None:
        """The same by signal: recorded, not answered."""
        if name == RETIME and self._retimed(args):
            return
        try:
            self._handle(name, args, f"signal/{self._file.carried.entries + 1}", Via.SIGNAL)
        except Refusal:
            return  # it stands in the ledger; there is nobody to tell

    def _handle(self, name: str, args: Sequence[RawValue], command_id: str, via: Via) -> Receipt:
        now = self._now()
        # What was due before the command came happens before it, however late the alarm rings.
        self._file.run_clock(now, workflow.now())
        try:
            command = self._read(name, args, command_id, via)
        except (Unreadable, TooLarge) as refusal:
            self._file.refuse(name, None, refusal, now, workflow.now(), via)
            raise
        return self._file.handle(command, now, workflow.now())

    def _read(self, name: str, args: Sequence[RawValue], command_id: str, via: Via) -> Command:
        if _size(args) > PAYLOAD_LIMIT:
            raise _flood(name, args)
        if len(args) != 1:
            raise Unreadable(name, f"it has {len(args)} arguments, and one object is expected")
        try:
            data = workflow.payload_converter().from_payload(args[0].payload)
        except Exception as error:  # any decoder may fail in its own way; none may block the workflow
            raise Unreadable(name, f"its payload is not JSON ({type(error).__name__})") from None
        try:
            canonical(data).encode()
        except Exception:
            # Half of a surrogate pair, endless digits, bytes: no hash and no answer could ever be made of them.
            raise Unreadable(name, "it holds what JSON in Unicode cannot say") from None
        if isinstance(data, dict):
            data.setdefault("id", command_id)
        command: Command = parse(self._file.kind, name, data)
        # An edition orders by update, an application gives its place back by signal; any other way is as it was seen.
        believed = Via.EDITION if via is Via.UPDATE else Via.APPLICATION if name == RELEASE else via
        if command.by.via is not believed:
            command = command.model_copy(update={"by": command.by.model_copy(update={"via": via})})
        return command

    # --- the clock and the register ---

    def _retimed(self, args: Sequence[RawValue]) -> bool:
        """Let a rehearsal that was stopped go on from where it was. In earnest nobody moves the clock."""
        if self._file.edition.tempo.factor == 1 or len(args) != 1:
            return False
        try:
            tempo = Tempo.model_validate(workflow.payload_converter().from_payload(args[0].payload))
        except Exception:  # any decoder may fail in its own way; none may block the workflow
            return False
        self._file.edition = self._file.edition.model_copy(update={"tempo": tempo})
        # The alarm was set by the old tempo; run sets another.
        self._rang, self._alarm_at = True, None
        return True

    def _now(self) -> datetime:
        return self._file.edition.tempo.business(workflow.now())

    def _begin(self) -> None:
        """Show how things stand where a run begins with nothing to tell: an edition in draft, a continued run.

        Its first task must leave a command: an empty one may be replayed as one with the next task, in which the alarm
        would then be set before, not after, what its commands lead to.
        """
        if self._told:
            self._show(self._file.view())

    async def _wait(self) -> None:
        """Until something was recorded or comes due; then let the clock do what is due."""
        self._set_alarm()
        await workflow.wait_condition(lambda: self._rang or not self._told)
        self._rang = False
        self._file.run_clock(self._now(), workflow.now())

    def _set_alarm(self) -> None:
        due = self._file.next_due()
        # An alarm that rings too early costs less than moving it with every command.
        if due is None or (self._alarm_at is not None and self._alarm_at <= due):
            return
        if self._alarm is not None:
            self._alarm.cancel()
        self._alarm_at = due
        self._alarm = asyncio.create_task(self._ring(self._file.edition.tempo.clock(due)))

    async def _ring(self, at: datetime) -> None:
        left = at - workflow.now()
        if left > timedelta(0):
            await workflow.sleep(left, summary="the next thing due")
        self._rang, self._alarm_at = True, None

    @property
    def _told(self) -> bool:
        """Whether the register knows all there is to know: that the file has closed is no entry, and yet news."""
        return not self._file.outgoing and not self._file.post and self._knows_closed == self._file.finished()

    async def _tell_register(self) -> None:
        """Send what was recorded to register and outbox, and show it in Temporal's own page.

        What is recorded while that is under way goes with the next batch.
        """
        while not self._told:
            self._knows_closed = self._file.finished()
            batch = self._file.take_batch()
            self._show(batch.view)
            # Not a local activity: that would write, and mail, what a killed worker's history then does not say.
            await workflow.execute_activity_method(
                Recorder.record, batch, start_to_close_timeout=timedelta(minutes=1), summary="register and letters"
            )

    def _show(self, view: View) -> None:
        due = f", {view.next_timer} due {view.next_due_at.date()}" if view.next_due_at else ""
        workflow.set_current_details(
            f"**{view.stage}** since {view.since.date()}{due}\n\n{view.title}\n\nEntries: {view.entries}"
        )
        shown: tuple[SearchAttributeUpdate[Any], ...] = (
            EDITION.value_set(str(view.edition)),
            PROGRAMME.value_set(view.programme or "-"),
            STAGE.value_set(view.stage),
            COUNTRY.value_set(view.country or "-"),
            WAITS_ON.value_set(view.waits_on or "-"),
            DUE.value_set(view.next_due_at) if view.next_due_at else DUE.value_unset(),
        )
        changed = [update for update in shown if update not in self._shown]
        if changed:
            self._shown = shown
            workflow.upsert_search_attributes(changed)

    def _standing(self, facts: BaseModel) -> dict[str, object]:
        file = self._file
        return {
            "view": file.view().model_dump(mode="json"),
            "offers": file.lifecycle.offers(file.stage),
            "proposals": [proposal.model_dump(mode="json") for proposal in file.carried.proposals.values()],
            "uncounted_refusals": file.carried.uncounted_refusals,
            "facts": facts.model_dump(mode="json"),
        }

    def _may_continue_as_new(self) -> bool:
        return workflow.info().is_continue_as_new_suggested() and self._told
