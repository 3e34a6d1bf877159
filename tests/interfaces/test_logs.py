"""Lines say when and from where, and a replay says nothing twice."""

import json
import logging
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
import structlog
from temporalio import activity, workflow
from temporalio.client import WorkflowHistory
from temporalio.testing import ActivityEnvironment
from temporalio.worker import Replayer, UnsandboxedWorkflowRunner, Worker

from kcity_flow import logs
from kcity_flow.server import skipping_server


@workflow.defn
class Talkative:
    """Says one thing before and one after a day."""

    @workflow.run
    async def run(self) -> None:
        """Speak twice."""
        structlog.get_logger("talkative").info("before")
        await workflow.sleep(timedelta(days=1))
        structlog.get_logger("talkative").info("after")


@activity.defn
def talk() -> None:
    """Speak once."""
    structlog.get_logger("talkative").info("working")


@pytest.fixture
def file(tmp_path: Path) -> Iterator[Path]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield tmp_path / "logs" / "kcity.log"
    for handler in set(root.handlers) - set(handlers):
        handler.close()
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def read(file: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in file.read_text().splitlines()]


def test_both_ways_of_logging_write_the_same_kind_of_line(file):
    logs.configure(file=file)

    structlog.get_logger("kcity").info("received", ref="KC2021-DEM-0042", city="세종")
    logging.getLogger("library").warning("slow by %d s", 3)

    ours, theirs = read(file)
    assert (ours["event"], ours["level"], ours["logger"], ours["city"]) == ("received", "info", "kcity", "세종")
    assert (theirs["event"], theirs["level"], theirs["logger"]) == ("slow by 3 s", "warning", "library")
    assert str(ours["timestamp"]).endswith("+00:00")
    assert "timestamp" in theirs


def test_an_error_is_written_with_its_traceback_on_one_line(file):
    logs.configure(file=file)

    try:
        raise LookupError("no such city")
    except LookupError:
        structlog.get_logger().exception("failed")

    (line,) = read(file)
    assert "LookupError: no such city" in str(line["exception"])


def test_less_than_the_level_is_not_written_nor_the_chatter_of_transitions(file):
    logs.configure("info", file=file)

    structlog.get_logger().debug("detail")
    logging.getLogger("transitions.core").info("Executed callback")

    assert read(file) == []


async def test_an_activity_says_which_it_is(file):
    logs.configure(file=file)

    ActivityEnvironment().run(talk)

    (line,) = read(file)
    assert (line["workflow_id"], line["activity_id"], line["attempt"]) == ("test", "test", 1)


async def test_a_workflow_speaks_in_its_own_time_and_a_replay_is_silent(file):
    logs.configure(file=file)
    async with skipping_server() as server:
        queue = str(uuid4())
        runner = UnsandboxedWorkflowRunner()
        async with Worker(server.client, task_queue=queue, workflows=[Talkative], workflow_runner=runner):
            handle = await server.client.start_workflow(Talkative.run, id="talk/1", task_queue=queue)
            await handle.result()
        history = WorkflowHistory.from_json("talk/1", (await handle.fetch_history()).to_json())

    said = [line for line in read(file) if line["logger"] == "talkative"]
    assert [(line["event"], line["workflow_id"]) for line in said] == [("before", "talk/1"), ("after", "talk/1")]
    # A day lies between them though the test took no day.
    assert str(said[0]["timestamp"])[:10] < str(said[1]["timestamp"])[:10]

    await Replayer(workflows=[Talkative], workflow_runner=runner).replay_workflow(history)

    assert [line for line in read(file) if line["logger"] == "talkative"] == said
