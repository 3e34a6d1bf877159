"""One edition: the call, its places, and the decisions that only it may hand out."""

import asyncio
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
        """Tell applications what was decided, one decision after the other, beside everything else."""
        while True:
            await workflow.wait_condition(lambda: bool(self._file.orders))
            batch = self._file.orders[0]
            result = await workflow.execute_activity_method(
                Orders.carry_out,
                batch,
                start_to_close_timeout=timedelta(hours=2),
                heartbeat_timeout=timedelta(seconds=60),
                summary=f"{len(batch)} orders of entry {batch.entry}",
            )
            self._file.orders.pop(0)
            for refs in result.refusals.values():
                self._file.refused(batch, refs, self._now(), workflow.now())

    @workflow.query
    def standing(self) -> dict[str, object]:
        """The facts as they are, the moves the stage offers, and the proposals that wait."""
        return self._standing(self._file.call)

    @workflow.query
    def orders(self) -> list[tuple[int, list[str], int]]:
        """What is still to be carried out, the first being under way: its entry, its triggers, how many are told."""
        return [(batch.entry, [same.trigger for same in batch.orders], len(batch)) for batch in self._file.orders]

    @workflow.query
    def rules(self) -> dict[str, object]:
        """The edition's rules by value, and the days off that travel with them."""
        return {
            "edition": self._file.edition.model_dump(mode="json"),
            "days_off": [day.isoformat() for day in sorted(self._file.calendar.days_off)],
        }
