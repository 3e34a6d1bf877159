"""Runs workflow code so that a history replays in the order in which it was lived."""

from __future__ import annotations

from typing import Any

from temporalio.bridge.proto.workflow_activation import WorkflowActivation
from temporalio.bridge.proto.workflow_completion import WorkflowActivationCompletion
from temporalio.worker import WorkflowInstance, WorkflowInstanceDetails, WorkflowRunner

ENDS = (
    "complete_workflow_execution", "fail_workflow_execution", "cancel_workflow_execution",
    "continue_as_new_workflow_execution",
)  # fmt: skip
"""Commands by which a run ends."""


class InOrder(WorkflowRunner):
    """Has every update handled after what came before it, whether both come in one activation or in two.

    A worker that begins cold, the one before having been killed between an activity's completion and its workflow task,
    is given the completion and then, in an activation of its own, the update. Replayed, both come in one, and the SDK
    handles updates first: the commands come in another order, and the history never replays again (temporalio/sdk-rust
    issue 1146, temporalio/sdk-python issue 1591). Split here, they are always handled in the order of the history.
    """

    def __init__(self, runner: WorkflowRunner) -> None:
        """Keep the runner that does the work."""
        self._runner = runner

    def prepare_workflow(self, defn: Any) -> None:
        """As the runner does."""
        self._runner.prepare_workflow(defn)

    def create_instance(self, det: WorkflowInstanceDetails) -> WorkflowInstance:
        """The runner's instance, activated in order."""
        return _Instance(self._runner.create_instance(det))

    def set_worker_level_failure_exception_types(self, types: Any) -> None:
        """As the runner does."""
        self._runner.set_worker_level_failure_exception_types(types)


class _Instance(WorkflowInstance):
    def __init__(self, instance: WorkflowInstance) -> None:
        self._instance = instance

    def activate(self, act: WorkflowActivation) -> WorkflowActivationCompletion:
        """Handle what came before the updates, then the updates. A workflow's beginning goes with its first update.

        A run that ends by what came before is given none: what it made of them would be answered and lost, the next
        run having taken over. The server keeps those it has no word of, and hands them to that run.
        """
        updates = [job for job in act.jobs if job.HasField("do_update")]
        before = [job for job in act.jobs if not job.HasField("do_update")]
        if not updates or not before or any(job.HasField("initialize_workflow") for job in before):
            return self._instance.activate(act)
        completion = self._instance.activate(_only(act, before))
        ended = any(command.WhichOneof("variant") in ENDS for command in completion.successful.commands)
        if completion.HasField("failed") or ended:
            return completion
        after = self._instance.activate(_only(act, updates))
        if after.HasField("failed"):
            return after
        completion.successful.MergeFrom(after.successful)
        return completion

    def get_serialization_context(self, command_info: Any) -> Any:
        return self._instance.get_serialization_context(command_info)

    def get_external_store_context(self, command_info: Any) -> Any:
        return self._instance.get_external_store_context(command_info)

    def get_info(self) -> Any:
        return self._instance.get_info()

    def get_thread_id(self) -> int | None:
        return self._instance.get_thread_id()


def _only(act: WorkflowActivation, jobs: list[Any]) -> WorkflowActivation:
    part = WorkflowActivation()
    part.CopyFrom(act)
    del part.jobs[:]
    part.jobs.extend(jobs)
    return part
