"""One edition: the call, its places, and the decisions that only it may hand out."""

import asyncio
import contextlib
from datetime import timedelta

from temporalio import workflow

from workflows.casework import Casework

with workflow.unsafe.imports_passed_through():
    from activities.orders import Orders
    from kcity_flow.domain.casefile import EditionFile
    from kcity_flow.domain.messages import StartEdition, View


@workflow.defn(name="Edition")
class EditionWorkflow(Casework):
    """One edition. Its commands are those of :data:`~kcity_flow.domain.messages.EDITION_COMMANDS`."""

    _file: EditionFile

    @workflow.init
    def __init__(self, start: StartEdition) -> None:
        self._open(EditionFile(start))

    @workflow.run
    async def run(self, start: StartEdition) -> View:
        """Live until the edition is closed."""
        self._begin()
        messenger = asyncio.create_task(self._carry_out())
        while not (self._file.finished() and self._told):
            await self._wait()
            await self._tell_register()
            if self._may_continue_as_new() and not self._file.orders:
                carried = self._file.carried.model_dump(mode="json", exclude_unset=True)
                workflow.continue_as_new(start.model_copy(update={"file": carried, "edition": self._file.edition}))
        messenger.cancel()
        return self._file.view()

    async def _carry_out(self) -> None:
        """Tell applications what was decided, one decision after the other, beside everything else.

        Who does not answer is told again after a pause, and holds up nobody: what is decided meanwhile goes on.
        """
        while True:
            await self._something_to_tell()
            batch = self._file.next_orders(workflow.now())
            if batch is None:
                continue
            result = await workflow.execute_activity_method(
                Orders.carry_out,
                batch,
                start_to_close_timeout=timedelta(hours=2),
                heartbeat_timeout=timedelta(seconds=60),
                summary=f"{len(batch)} orders of entry {batch.entry}",
            )
            self._file.answered(result, self._now(), workflow.now())
            if self._file.carried.untold:
                # Nothing may be recorded for weeks while some are told again: run is to see how long it has become.
                self._rang = True

    async def _something_to_tell(self) -> None:
        while not self._file.orders:
            again_at = self._file.carried.again_at
            left = again_at - workflow.now() if again_at else None
            if left is not None and left <= timedelta(0):
                self._file.tell_again()
                return
            with contextlib.suppress(TimeoutError):
                await workflow.wait_condition(
                    lambda: bool(self._file.orders), timeout=left, timeout_summary="the silent are told again"
                )

    @workflow.query
    def standing(self) -> dict[str, object]:
        """The facts as they are, the moves the stage offers, and the proposals that wait."""
        return self._standing(self._file.call)

    @workflow.query
    def orders(self) -> list[tuple[int, list[str], int, list[str]]]:
        """What is still to be carried out, the first being under way, or about to be where nobody is told again.

        Its entry, its triggers, how many are told, and who of them are told again, not having answered.
        """
        return [
            (
                batch.entry,
                list(dict.fromkeys(same.trigger for same in batch.orders)),
                len(batch),
                batch.refs if batch.silences else [],
            )
            for batch in (*self._file.orders, *self._file.carried.untold)
        ]

    @workflow.query
    def rules(self) -> dict[str, object]:
        """The edition's rules by value, and the days off that travel with them."""
        return {
            "edition": self._file.edition.model_dump(mode="json"),
            "days_off": [day.isoformat() for day in sorted(self._file.calendar.days_off)],
        }
