"""A server is found or started, kept to itself, and loses nothing however it ends."""

import asyncio
import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from temporalio.api.operatorservice.v1 import ListSearchAttributesRequest
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest
from temporalio.client import Client
from temporalio.common import SearchAttributeKey, SearchAttributePair, TypedSearchAttributes
from temporalio.service import RPCError

from kcity_flow.server import (
    SEARCH_ATTRIBUTES,
    AlreadyRunning,
    NoServer,
    Server,
    connect,
    locate,
    serving,
    skipping_server,
)
from kcity_flow.settings import CannotStart, Settings

STAGE = SearchAttributeKey.for_keyword("KcityStage")
DUE = SearchAttributeKey.for_datetime("KcityDue")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings.read(var_dir=tmp_path / "var")


async def start_something(client: Client) -> None:
    await client.start_workflow(
        "Something",
        id="application/KC2021-DEM-0042",
        task_queue="nobody",
        search_attributes=TypedSearchAttributes(
            [SearchAttributePair(STAGE, "received"), SearchAttributePair(DUE, datetime(2021, 4, 1, tzinfo=UTC))]
        ),
    )


async def something_is_there(client: Client) -> bool:
    described = await client.get_workflow_handle("application/KC2021-DEM-0042").describe()
    return described.typed_search_attributes.get(STAGE) == "received"


async def assert_prepared(client: Client) -> None:
    namespace = await client.workflow_service.describe_namespace(DescribeNamespaceRequest(namespace=client.namespace))
    assert namespace.config.workflow_execution_retention_ttl.ToTimedelta() >= timedelta(days=3652)
    listed = await client.operator_service.list_search_attributes(
        ListSearchAttributesRequest(namespace=client.namespace)
    )
    assert dict(listed.custom_attributes) == SEARCH_ATTRIBUTES


def until(condition: Callable[[], Any], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.05)


def running(settings: Settings) -> Server | None:
    try:
        return locate(settings)
    except NoServer:
        return None


class Serving:
    """Another process that serves the same var folder."""

    def __init__(self, settings: Settings) -> None:
        program = (
            "import asyncio, sys; from kcity_flow.server import serving; from kcity_flow.settings import Settings\n"
            "async def main():\n"
            "    async with serving(Settings.read(var_dir=sys.argv[1])):\n"
            "        print('ready', flush=True)\n"
            "        await asyncio.sleep(600)\n"
            "try: asyncio.run(main())\n"
            "except KeyboardInterrupt: print('stopped')\n"
        )
        self.settings = settings
        self.process = subprocess.Popen(
            [sys.executable, "-c", program, str(settings.var_dir)],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            start_new_session=True,
        )
        assert self.process.stdout
        assert "ready\n" in self.process.stdout

    def __enter__(self) -> "Serving":
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()
        assert self.process.stdout
        self.process.stdout.close()
        server = running(self.settings)
        if server is not None and server.pid is not None:
            os.kill(server.pid, signal.SIGKILL)


async def test_a_server_starts_prepared_and_starts_again_where_it_was(settings):
    async with serving(settings) as server:
        client = await connect(server.address, settings)
        await assert_prepared(client)
        await start_something(client)
        assert locate(settings) == server
        assert server.ui is not None
        with urllib.request.urlopen(server.ui) as page:
            assert page.status == 200

    with pytest.raises(NoServer, match="kcity up"):
        locate(settings)

    async with serving(settings) as again:
        assert (again.address, again.ui) == (server.address, server.ui)
        assert await something_is_there(await connect(again.address, settings))


async def test_two_that_start_in_the_same_moment_have_a_server_each(tmp_path):
    """Both find the usual port free, and only one can have it."""
    first, second = (Settings.read(var_dir=tmp_path / name) for name in ("first", "second"))
    async with contextlib.AsyncExitStack() as both:
        servers = await asyncio.gather(*(both.enter_async_context(serving(each)) for each in (first, second)))
        assert len({server.address for server in servers}) == 2
        clients = [await connect(server.address, each) for server, each in zip(servers, (first, second), strict=True)]
        await start_something(clients[0])

        with pytest.raises(RPCError, match="not found"):
            await something_is_there(clients[1])
        assert await something_is_there(clients[0])


async def test_a_second_start_says_that_one_is_running_and_where(settings):
    with Serving(settings) as first:
        address = locate(settings).address

        with pytest.raises(AlreadyRunning) as refused:
            async with serving(settings):
                pass

        assert str(first.process.pid) in str(refused.value)
        assert address in str(refused.value)

        os.killpg(first.process.pid, signal.SIGINT)  # as a terminal's Ctrl-C, to the whole group
        assert first.process.stdout
        assert first.process.stdout.read().endswith("stopped\n")
        assert first.process.wait() == 0

    assert running(settings) is None


async def test_a_killed_starter_leaves_a_server_that_the_next_takes_over(settings):
    with Serving(settings) as first:
        first.process.kill()
        first.process.wait()
        orphan = locate(settings)
        await start_something(await connect(orphan.address, settings))

        async with serving(settings) as server:
            assert server == orphan
            assert await something_is_there(await connect(server.address, settings))

    assert running(settings) is None


async def test_a_killed_server_is_started_again_at_the_same_address(settings):
    async with serving(settings) as server:
        client = await connect(server.address, settings)
        await start_something(client)
        assert server.pid is not None

        os.kill(server.pid, signal.SIGKILL)

        # The same client, which knows nothing of the change.
        assert await something_is_there(client)
        after = locate(settings)
        assert after.address == server.address
        assert after.pid != server.pid


async def test_starter_and_server_killed_together_lose_nothing(settings):
    with Serving(settings) as first:
        server = locate(settings)
        await start_something(await connect(server.address, settings))
        first.process.kill()
        first.process.wait()
        assert server.pid is not None
        os.kill(server.pid, signal.SIGKILL)
    until(lambda: running(settings) is None)

    async with serving(settings) as again:
        assert await something_is_there(await connect(again.address, settings))


async def test_a_stranger_with_the_remembered_number_is_left_alone(settings):
    with subprocess.Popen(["sleep", "600"]) as stranger:
        state = Server(address="127.0.0.1:1", ui="http://127.0.0.1:2/", pid=stranger.pid)
        settings.var_dir.mkdir()
        (settings.var_dir / "server.json").write_text(state.model_dump_json())
        try:
            with pytest.raises(NoServer):
                locate(settings)
            async with serving(settings) as server:
                assert server.pid != stranger.pid
            assert stranger.poll() is None
        finally:
            stranger.kill()


async def test_a_server_that_is_named_is_prepared_and_never_stopped(settings, tmp_path):
    async with serving(settings) as server:
        named = Settings.read(var_dir=tmp_path / "other", temporal_address=server.address, namespace="another")

        async with serving(named) as found:
            assert found == locate(named) == Server(address=server.address)
            client = await connect(found.address, named)
            await assert_prepared(client)
            await start_something(client)

        assert await something_is_there(client)


async def test_the_skipping_server_skips_and_knows_our_search_attributes():
    async with skipping_server() as environment:
        before = await environment.get_current_time()

        await environment.sleep(timedelta(days=480))
        await start_something(environment.client)

        assert await environment.get_current_time() - before >= timedelta(days=480)
        assert await something_is_there(environment.client)


async def test_nobody_at_the_address(settings):
    with pytest.raises(NoServer, match=r"No Temporal server answers at 127.0.0.1:9; .*kcity up"):
        await connect("127.0.0.1:9", settings)


@pytest.mark.parametrize("variable", ["KCITY_TEMPORAL_PORT", "KCITY_TEMPORAL_UI_PORT"])
async def test_a_port_that_is_taken(tmp_path, variable):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        settings = Settings.read(var_dir=tmp_path, **{variable.removeprefix("KCITY_").lower(): port})

        with pytest.raises(CannotStart, match=f"Port {port} is in use by another program; set {variable}"):
            async with serving(settings):
                pass


async def test_a_var_folder_that_cannot_be_written(tmp_path):
    (tmp_path / "file").touch()

    with pytest.raises(CannotStart, match=r"cannot be written \(Not a directory\).*KCITY_VAR_DIR"):
        async with serving(Settings.read(var_dir=tmp_path / "file" / "var")):
            pass


async def test_a_disk_that_is_full(settings, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(2**40, 2**40 - 2**20, 2**20))

    with pytest.raises(CannotStart, match="has 1 MiB left and 64 are needed; make room"):
        async with serving(settings):
            pass


async def test_a_server_that_does_not_start_says_why(settings, tmp_path, monkeypatch):
    program = tmp_path / "temporal"
    program.write_text("#!/bin/sh\necho starting\necho database is malformed\nexit 1\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")

    with pytest.raises(NoServer, match=r"did not start \(database is malformed\); see .*temporal.log"):
        async with serving(settings):
            pass

    assert running(settings) is None


async def test_no_program_to_start(settings, monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name, path=None: None)

    with pytest.raises(NoServer, match="make setup"):
        async with serving(settings):
            pass
    with pytest.raises(NoServer, match="make setup"):
        async with skipping_server():
            pass
