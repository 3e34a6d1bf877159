"""One application's journey, from its receipt to the closing of its file."""

from temporalio import workflow
from temporalio.exceptions import FailureError

from workflows.casework import Casework

with workflow.unsafe.imports_passed_through():
    from kcity_flow.domain.casefile import ApplicationFile
    from kcity_flow.domain.messages import StartApplication, View, edition_id


@workflow.defn(name="Application")
class ApplicationWorkflow(Casework):
    """One application. Its commands are those of :data:`~kcity_flow.domain.messages.APPLICATION_COMMANDS`."""

    _file: ApplicationFile

    @workflow.init
    def __init__(self, start: StartApplication) -> None:
        self._start = start
        self._open(ApplicationFile(start))

    @workflow.run
    async def run(self, start: StartApplication) -> View:
        """Live until the file closes: at an end, with every period over."""
        self._begin()
        while not (self._file.finished() and self._told):
            await self._wait()
            await self._tell_register()
            await self._release_places()
            if self._may_continue_as_new():
                carried = self._file.carried.model_dump(mode="json", exclude_unset=True)
                workflow.continue_as_new(start.model_copy(update={"file": carried, "edition": self._file.edition}))
        return self._file.view()

    async def _release_places(self) -> None:
        """Tell the edition of places that came free; no other application is ever spoken to."""
        while self._file.releases:
            release = self._file.releases.pop(0)
            edition = workflow.get_external_workflow_handle(edition_id(self._start.edition.year))
            try:
                await edition.signal(release.trigger, release.model_dump(mode="json"))
            except FailureError:
                # A closed edition counts no places any more; this application still has its own way to go.
                workflow.logger.warning("edition.does_not_hear", extra={"release": release.id})

    @workflow.query
    def standing(self) -> dict[str, object]:
        """The facts as they are, the moves the stage offers, and the proposals that wait."""
        return self._standing(self._file.application)
