"""A server on disk and a worker in a process of its own, for many small editions: both can be killed at any time."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Coroutine, Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import worker
from kcity_flow.adapters.documents import Documents
from kcity_flow.adapters.edition_files import read_edition
from kcity_flow.adapters.register import Register
from kcity_flow.adapters.smtp import Postman
from kcity_flow.adapters.vault import Vault
from kcity_flow.audit import histories
from kcity_flow.domain.edition import Edition, Preference, Programme, Quota, Step, Tempo
from kcity_flow.domain.stages import Role
from kcity_flow.gateway import Actor
from kcity_flow.interfaces.office import Office
from kcity_flow.server import connect, serving
from kcity_flow.settings import Settings
from tests.season import PEOPLE, Season

FIRST_YEAR = 2030
"""Each example takes a year from here on; an edition's last is 2200."""

BOTH = Actor("P-BOTH", Role.COMMITTEE)
"""Sits in the committee and works at the ministry."""
SECOND_COMMITTEE = Actor("P-COMMITTEE-2", Role.COMMITTEE)
SECOND_OBJECTIONS = Actor("P-OBJECTION-2", Role.OBJECTION_COMMITTEE)
ROLES = {actor.person: [actor.role] for actor in (*PEOPLE, SECOND_COMMITTEE, SECOND_OBJECTIONS)}
ROLES[BOTH.person] = [Role.COMMITTEE, Role.MINISTRY]

WORKER = """
import asyncio, sys
from kcity_flow.adapters.register import Register
from kcity_flow.adapters.smtp import Postman
from kcity_flow.adapters.vault import Vault
from kcity_flow.process import leave
from kcity_flow.interfaces.office import Office
from kcity_flow.server import connect, locate
from kcity_flow.settings import Settings
from worker import assemble, working

async def main():
    settings = Settings.read()
    register, vault = Register(settings.register_url), Vault(settings.vault_url)
    client = await connect(locate(settings).address, settings)
    async with working(assemble(client, register, vault, Postman(vault, settings), settings)):
        await asyncio.to_thread(sys.stdin.read)  # until whoever started it is gone

asyncio.run(main())
leave(0)
"""


class World:
    """Everything that runs, and the loop that speaks to it from beside the tests."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._parts = folder, contextlib.AsyncExitStack()
        self._years = count(FIRST_YEAR)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self.run(self._start())

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Do something on the loop and wait for it."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    async def _start(self) -> None:
        self.settings = settings = Settings.read(var_dir=self._folder)
        register, vault = Register(settings.register_url), Vault(settings.vault_url)
        register.prepare()
        vault.prepare()
        for person, roles in ROLES.items():
            vault.add_person(person.title(), f"{person.lower()}@example.org", roles=roles, id=person)
        server = await self._parts.enter_async_context(serving(settings))
        client = await connect(server.address, settings)
        # Its worker never runs: that is the other process's.
        self.programme = worker.assemble(client, register, vault, Postman(vault, settings), settings)
        self._worker = self._work()

    def _work(self) -> subprocess.Popen[bytes]:
        environment = {**os.environ, "KCITY_VAR_DIR": str(self._folder)}
        with (self._folder / "worker.log").open("ab") as output:
            return subprocess.Popen(
                [sys.executable, "-c", WORKER], env=environment, stdin=subprocess.PIPE, stdout=output, stderr=output
            )

    def kill_worker(self) -> None:
        """Without warning; another one starts."""
        self._worker.kill()
        self._worker.communicate()
        self._worker = self._work()

    def kill_server(self) -> None:
        """Without warning; whoever keeps it starts it again on the same files."""
        os.kill(json.loads((self._folder / "server.json").read_text())["pid"], signal.SIGKILL)

    def season(self, **rules: Any) -> Season:
        """An edition of its own, in draft."""
        edition = _edition(next(self._years), **rules)

        async def sleep(length: timedelta) -> None:
            await asyncio.sleep(length.total_seconds())

        async def clock() -> datetime:
            return datetime.now(UTC)

        return Season(self.programme, edition, sleep, clock)

    async def faults(self) -> list[str]:
        """Where register and histories differ, or a chain of hashes does not hold."""
        client, vault, register = self.programme.client, self.programme.vault, self.programme.register
        return [*await histories.check(client, vault, register), *histories.broken(register)]

    async def replayed(self, names: list[str]) -> list[str]:
        """Which histories the code of the workflows does not lead to where they went."""
        _, failed = await histories.replay(self.programme.client, names, worker.WORKFLOWS, worker.workflow_runner())
        return failed

    def office(self) -> Office:
        """By which people read and act at this place."""
        parts = self.programme
        documents = Documents(self._folder / "documents")
        return Office(self.settings, parts.register, parts.vault, documents, parts.client, parts.gateway)

    def close(self) -> None:
        self._worker.kill()
        self._worker.communicate()
        self.run(self._parts.aclose())
        self.programme.register.close()
        self.programme.vault.close()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


@contextlib.contextmanager
def world(folder: Path) -> Iterator[World]:
    """A world, for as long as the block runs."""
    made = World(folder)
    try:
        yield made
    finally:
        made.close()


def _edition(
    year: int, quota: Quota, total: int | None, budget_krw: int | None, route: tuple[Any, ...], one_per_applicant: bool,
    trim_from: int | None, bonus: int,
) -> Edition:  # fmt: skip
    """Two programmes of 2021, small: two sheets suffice. Its window closes as it opens, and its days can be skipped."""
    edition = read_edition("2021")
    closes_at = max(window.closes_at for window in edition.windows)
    tempo = Tempo(starts_at=datetime.now(UTC), origin_at=closes_at, factor=2)
    steps = tuple(Step.model_validate(step) for step in route)
    preferences = (Preference(by="matching_funds", points=bonus),) if bonus else ()

    def small(programme: Programme, **more: Any) -> Programme:
        review = programme.review.model_copy(update={"paper_quorum": 2, "panel_quorum": 2, "trim_from": trim_from})
        return programme.model_copy(update={"review": review, "preferences": preferences, **more})

    programmes = (
        small(edition.programme("planning"), quota=quota, route=steps),
        small(
            edition.programme("demonstration"),
            quota=Quota(kind="up_to", places=1),
            route=(Step.model_validate("paper_review"),),
        ),
    )
    return edition.model_copy(
        update={
            "year": year,
            "tempo": tempo,
            "programmes": programmes,
            "total": Quota(kind="up_to", places=total) if total else None,
            "budget_krw": budget_krw,
            "one_per_applicant": one_per_applicant,
        }
    )
