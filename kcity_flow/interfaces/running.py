"""``kcity up`` and ``kcity worker``: everything put together, run until somebody ends it, and shown meanwhile."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import shutil
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import structlog
from rich.console import Console
from rich.live import Live
from temporalio.runtime import LogForwardingConfig, LoggingConfig, Runtime, TelemetryConfig, TelemetryFilter

from kcity_flow import logs
from kcity_flow.adapters.edition_files import load_edition, read_edition, shipped
from kcity_flow.adapters.smtp import Postman
from kcity_flow.adapters.stores import StoreFailed
from kcity_flow.domain.edition import Edition
from kcity_flow.domain.errors import Refusal
from kcity_flow.interfaces import board
from kcity_flow.interfaces.letters import check_own
from kcity_flow.interfaces.misuse import Misused
from kcity_flow.interfaces.office import stores
from kcity_flow.rehearsal.live import Diary, going_on, rehearse
from kcity_flow.server import Server, connect, locate, serving
from kcity_flow.settings import Settings
from worker import Programme, assemble, working

log = structlog.get_logger(__name__)

_LOOKS_EVERY = 0.4
"""Seconds between two looks at the register."""


async def run_everything(rehearsed: str | None, as_json: bool) -> None:
    """Run server, worker and postman, and a rehearsal if one is named, until Ctrl-C or SIGTERM.

    Raises:
        CannotStart: a setting cannot be used, or it runs already.
        Unknown: there is no edition of that name.
        EditionFileError: the edition cannot be used.
        LettersAtFault: the installation's own templates cannot be.
        StoreFailed: a store cannot be opened.
        Misused: the folder holds an unfinished rehearsal, and this is not to go on with it.
    """
    edition = read_edition(rehearsed) if rehearsed else None
    settings = Settings.read()
    check_own(settings)
    log_to(settings.logs / "kcity.log", settings.log_level)
    voice = _Voice(as_json)
    with _stopping() as stop:
        voice.say("starting", f"kcity starts in {settings.var_dir} …", folder=str(settings.var_dir))
        async with (
            serving(settings, lambda: _no_other_rehearsal(settings, edition)) as server,
            _parts(settings, server) as programme,
            going_on(programme, edition, settings),
            working(programme),
        ):
            voice.say("running", _where(server), **server.model_dump(mode="json"))
            await _watched(_Watch(programme, server, edition, voice), edition, settings, stop)
            voice.say("stopping", "kcity stops …")
        again = f"{program()} up" + (f" --rehearse {rehearsed}" if rehearsed else "")
        voice.say("stopped", f"Stopped. Everything is kept in {settings.var_dir}; `{again}` goes on from there.")


def _no_other_rehearsal(settings: Settings, edition: Edition | None) -> None:
    """The time of a rehearsal that nobody plays would run, a day a second."""
    unfinished = Diary.of(settings).unfinished()
    if unfinished is not None and (edition is None or edition.year != unfinished):
        names = {load_edition(path).year: name for name, path in shipped().items()}
        raise Misused(
            f"{settings.var_dir} holds an unfinished rehearsal of edition {unfinished}: `{program()} up --rehearse "
            f"{names.get(unfinished, 'FILE')}` goes on with it; to begin in earnest choose another folder "
            "with KCITY_VAR_DIR."
        )


async def _watched(watch: _Watch, edition: Edition | None, settings: Settings, stop: asyncio.Event) -> None:
    """Show what happens, and play the rehearsal if there is one, until asked to stop."""
    tasks = [asyncio.create_task(watch.run(), name="watch")]
    if edition:
        tasks.append(asyncio.create_task(watch.rehearse(edition, settings), name="rehearsal"))
    try:
        await _first(stop, tasks[0])
    finally:
        for task in tasks:
            task.cancel()
        # What is under way at the server goes on by itself at the next start.
        await asyncio.gather(*tasks, return_exceptions=True)


async def run_worker(as_json: bool) -> None:
    """Run one more worker at the server that runs, until Ctrl-C or SIGTERM.

    Raises:
        CannotStart: a setting cannot be used, or no server runs.
        LettersAtFault: the installation's own templates cannot be used.
        StoreFailed: a store cannot be opened.
    """
    settings = Settings.read()
    check_own(settings)
    server = locate(settings)
    with _stopping() as stop:
        async with _parts(settings, server) as programme:
            # Only a real mail server takes mail from several postmen; the catcher's is that of `kcity up`.
            running = working(programme) if settings.smtp_host else programme.worker
            async with running:
                said = f"A worker works for {server.address} on the queue {settings.task_queue}; Ctrl-C stops it."
                _Voice(as_json).say("running", said, address=server.address, task_queue=settings.task_queue)
                await stop.wait()


def program() -> str:
    """How this program is typed in another terminal of the same folder."""
    own = Path(sys.argv[0]).absolute()
    if shutil.which("kcity") and Path(shutil.which("kcity") or "").absolute() == own:
        return "kcity"
    with contextlib.suppress(ValueError):
        return str(own.relative_to(Path.cwd()))
    return str(own)


@contextlib.asynccontextmanager
async def _parts(settings: Settings, server: Server) -> AsyncIterator[Programme]:
    client = await connect(server.address, settings)
    with stores(settings) as (register, vault):
        yield assemble(client, register, vault, Postman(vault, settings), settings)


@contextlib.contextmanager
def _stopping() -> Iterator[asyncio.Event]:
    """An event that Ctrl-C and SIGTERM set."""
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    signals = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    for number in signals:
        loop.add_signal_handler(number, stop.set)
    try:
        yield stop
    finally:
        for number in signals:
            loop.remove_signal_handler(number)


async def _first(stop: asyncio.Event, task: asyncio.Task[None]) -> None:
    """Wait until asked to stop, or until the task fails; its error is raised."""
    waiting = asyncio.create_task(stop.wait())
    await asyncio.wait({waiting, task}, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    if task.done():
        task.result()


def log_to(file: Path, level: str) -> None:
    """Everything into one file, also what the SDK's core and Python's warnings say: nothing may write on the board."""
    logs.configure(level, file)
    logging.captureWarnings(True)
    # The catcher reports every line of every dialogue at INFO.
    logging.getLogger("mail.log").setLevel(logging.WARNING)
    filtered = TelemetryFilter(core_level="WARN", other_level="ERROR")
    forwarding = LogForwardingConfig(logger=logging.getLogger("temporal.core"))
    Runtime.set_default(
        Runtime(telemetry=TelemetryConfig(logging=LoggingConfig(filter=filtered, forwarding=forwarding))),
        error_if_already_set=False,
    )


def _where(server: Server) -> str:
    page = f"; its page is {server.ui}" if server.ui else ""
    return f"kcity runs as process {os.getpid()}, with Temporal at {server.address}{page}. Ctrl-C stops it."


class _Voice:
    """Says what happens: one line each, or one JSON object each."""

    def __init__(self, as_json: bool) -> None:
        self.as_json = as_json

    def say(self, event: str, sentence: str, **facts: Any) -> None:
        print(json.dumps({"event": event, **facts}, default=str) if self.as_json else sentence, flush=True)


class _Watch:
    """Looks at the register again and again: draws the board, or says a line a business week."""

    def __init__(self, programme: Programme, server: Server, edition: Edition | None, voice: _Voice) -> None:
        self._programme = programme
        self._voice = voice
        self._year = edition.year if edition else None
        self._console = Console(highlight=False)
        temporal = f"Temporal's own page: {server.ui}" if server.ui else f"Temporal: {server.address}"
        self._board = board.Board((f"Second terminal: {program()} moves {{ref}}   · Ctrl-C stops", temporal))

    async def rehearse(self, edition: Edition, settings: Settings) -> None:
        """Play the edition; what ends it is told on the board."""
        try:
            await rehearse(self._programme, edition, settings=settings)
            self._notice(
                "rehearsed", f"The rehearsal of edition {edition.year} is over; everything stays to be looked at."
            )
        except (Refusal, StoreFailed) as error:
            log.error("rehearsal.stopped", why=str(error))
            self._notice("rehearsal_stopped", f"The rehearsal stopped: {error}")
        except Exception as error:
            log.exception("rehearsal.failed")
            self._notice(
                "rehearsal_failed", f"The rehearsal failed ({type(error).__name__}: {error}); see var/logs/kcity.log."
            )

    def _notice(self, event: str, sentence: str) -> None:
        self._board.notice = sentence
        if self._voice.as_json or not self._console.is_terminal:
            self._voice.say(event, sentence, told=sentence)

    async def run(self) -> None:
        """Until cancelled."""
        if self._console.is_terminal and not self._voice.as_json:
            with Live(console=self._console, screen=True, auto_refresh=False) as live:
                # After a start every file is read again before the first question is answered.
                live.update("kcity runs; it reads its files …", refresh=True)
                while True:
                    live.update(await self._screen(), refresh=True)
                    await asyncio.sleep(_LOOKS_EVERY)
        week = None
        while True:
            seen = await self._look()
            if seen and (now := seen.now.isocalendar()[:2]) != week:
                week = now
                self._voice.say("week", board.summary(seen), **board.data(seen))
            await asyncio.sleep(_LOOKS_EVERY)

    async def _screen(self) -> Any:
        size = self._console.size
        seen = await self._look()
        if seen:
            return self._board.draw(seen, size.width, size.height)
        if self._year:
            return f"The rehearsal of edition {self._year} begins …\n\n{self._board.notice}"
        people = await asyncio.to_thread(self._programme.vault.people)
        first = "" if people else f'\n  {program()} person add "Kim Min-ji" minji@desk.example --role desk --role head'
        return (
            f"kcity runs; no edition is open yet.\n\nIn a second terminal:{first}"
            f"\n  {program()} edition open 2021\n  {program()} --help\n\n{self._board.hints[1]}\n{self._board.notice}"
        )

    async def _look(self) -> board.Snapshot | None:
        """How the edition stands; nothing before one is open."""
        try:
            year = self._year or await asyncio.to_thread(self._latest)
            if year is None:
                return None
            rules = await self._programme.gateway.rules(year)
            return await asyncio.to_thread(
                board.snapshot, rules.edition, self._programme.register, self._programme.vault
            )
        except (Refusal, StoreFailed) as error:
            # Not opened yet, or away for a moment: the next look will tell.
            log.debug("board.waits", why=str(error))
            return None

    def _latest(self) -> int | None:
        opened = [view for view in self._programme.register.subjects() if view.subject.startswith("edition/")]
        running = [view for view in opened if not view.closed] or opened
        return max((view.edition for view in running), default=None)
