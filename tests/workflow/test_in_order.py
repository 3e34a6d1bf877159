"""A history that a worker lived which began in the middle of it replays: updates come after what came before them."""

import asyncio
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from temporalio import activity, workflow
from temporalio.bridge.proto.workflow_activation import WorkflowActivation
from temporalio.bridge.proto.workflow_completion import WorkflowActivationCompletion
from temporalio.client import Client
from temporalio.worker import Replayer, UnsandboxedWorkflowRunner, Worker

from tests.season import real_server
from workflows.in_order import InOrder

HANGS: list[float] = []
"""Seconds for which whoever comes next to the activity's completion says nothing, as a worker that was killed."""


@activity.defn
async def nothing() -> None:
    """What a history waits for."""


@workflow.defn
class Reacting:
    """Answers updates, and reacts with a command to an activity's completion."""

    def __init__(self) -> None:
        self.updates = 0

    @workflow.run
    async def run(self) -> None:
        await workflow.execute_activity(nothing, start_to_close_timeout=timedelta(seconds=5))
        if HANGS:
            time.sleep(HANGS.pop())  # it hangs: that is what is tried
        await asyncio.wait([asyncio.create_task(workflow.sleep(1000)), asyncio.create_task(self._closed())])

    async def _closed(self) -> None:
        await workflow.wait_condition(lambda: self.updates == 9)

    @workflow.update
    def command(self) -> int:
        """Count."""
        self.updates += 1
        return self.updates


@pytest.fixture
async def lived(tmp_path: Path) -> Any:
    """The history of one whose task timed out between a completion and an update."""
    async with real_server(tmp_path) as client:
        yield await _lived(client)


async def _lived(client: Client) -> Any:
    HANGS[:] = [1.6]
    worker = Worker(
        client,
        task_queue="in order",
        workflows=[Reacting],
        activities=[nothing],
        workflow_runner=InOrder(UnsandboxedWorkflowRunner()),
        max_cached_workflows=0,
    )
    async with worker:
        handle = await client.start_workflow(
            Reacting.run, id="reacting", task_queue="in order", task_timeout=timedelta(seconds=1)
        )
        while HANGS:
            await asyncio.sleep(0.01)
        assert await handle.execute_update(Reacting.command) == 1
        return await handle.fetch_history()


async def test_what_was_lived_in_two_activations_replays_in_one(lived: Any) -> None:
    kinds = [event.WhichOneof("attributes") for event in lived.events]
    assert "workflow_task_timed_out_event_attributes" in kinds
    assert kinds.index("timer_started_event_attributes") < kinds.index(
        "workflow_execution_update_accepted_event_attributes"
    )

    await Replayer(workflows=[Reacting], workflow_runner=InOrder(UnsandboxedWorkflowRunner())).replay_workflow(lived)


class Ending:
    """Stands for a run that goes on as another as soon as its activity is done."""

    def __init__(self) -> None:
        self.given: list[list[str | None]] = []

    def create_instance(self, _: Any) -> Any:
        return self

    def activate(self, act: WorkflowActivation) -> WorkflowActivationCompletion:
        self.given.append([job.WhichOneof("variant") for job in act.jobs])
        completion = WorkflowActivationCompletion()
        completion.successful.commands.add().continue_as_new_workflow_execution.SetInParent()
        return completion


def test_an_update_that_comes_with_the_end_of_a_run_is_left_to_the_next():
    """Else the run that has handed over already would answer it, and nobody would know of it any more."""
    run = Ending()
    together = WorkflowActivation()
    together.jobs.add().do_update.SetInParent()
    together.jobs.add().resolve_activity.SetInParent()

    completion = InOrder(run).create_instance(None).activate(together)  # type: ignore[arg-type]

    assert run.given == [["resolve_activity"]]
    assert [command.WhichOneof("variant") for command in completion.successful.commands] == [
        "continue_as_new_workflow_execution"
    ]
