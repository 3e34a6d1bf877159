"""Histories recorded once, replayed by the code of today: what an auditor does, and what an upgrade must pass."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from temporalio.client import WorkflowHistory
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.worker import (
    ExecuteWorkflowInput,
    Interceptor,
    Replayer,
    UnsandboxedWorkflowRunner,
    WorkflowInboundInterceptor,
    WorkflowInterceptorClassInput,
)

from kcity_flow.domain.messages import View
from kcity_flow.domain.stages import ENDS
from worker import WORKFLOWS, workflow_runner
from workflows.in_order import InOrder

GOLDENS = sorted((Path(__file__).parent / "goldens").glob("*.json.gz"))


def history(golden: Path) -> WorkflowHistory:
    return WorkflowHistory.from_json(golden.stem, gzip.decompress(golden.read_bytes()).decode())


def recorded_result(golden: Path) -> dict[str, Any]:
    """What the workflow returned when it was recorded: its last view."""
    last = history(golden).events[-1].workflow_execution_completed_event_attributes
    result: dict[str, Any] = json.loads(last.result.payloads[0].data)
    return result


def test_there_is_a_golden_for_every_end():
    assert {stage.value for stage in ENDS} <= {golden.name.removesuffix(".json.gz") for golden in GOLDENS}


@pytest.mark.parametrize("golden", GOLDENS, ids=lambda golden: golden.name.removesuffix(".json.gz"))
async def test_every_golden_leads_the_code_to_the_same_commands(golden):
    replayer = Replayer(
        workflows=list(WORKFLOWS), data_converter=pydantic_data_converter, workflow_runner=workflow_runner()
    )

    await replayer.replay_workflow(history(golden))


@pytest.mark.parametrize("golden", GOLDENS, ids=lambda golden: golden.name.removesuffix(".json.gz"))
async def test_every_golden_leads_to_the_same_end(golden):
    """The head of the ledger is part of it: every entry has the hash it had."""
    ended: list[View] = []

    class Ending(WorkflowInboundInterceptor):
        async def execute_workflow(self, input: ExecuteWorkflowInput) -> Any:  # the SDK's name
            result = await super().execute_workflow(input)
            ended.append(result)
            return result

    class Watching(Interceptor):
        def workflow_interceptor_class(self, input: WorkflowInterceptorClassInput) -> type[Ending]:
            return Ending

    replayer = Replayer(
        workflows=list(WORKFLOWS),
        data_converter=pydantic_data_converter,
        workflow_runner=InOrder(UnsandboxedWorkflowRunner()),
        interceptors=[Watching()],
    )
    await replayer.replay_workflow(history(golden))

    assert [view.model_dump(mode="json") for view in ended] == [recorded_result(golden)]
