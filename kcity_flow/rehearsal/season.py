"""A whole season on a server of its own, in a folder of its own, and the report on it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

from temporalio.client import Client

from kcity_flow.adapters.register import Register
from kcity_flow.adapters.smtp import Postman
from kcity_flow.adapters.vault import State, Vault
from kcity_flow.audit import histories
from kcity_flow.domain.edition import Edition, Tempo, transformed
from kcity_flow.domain.errors import AlreadyReceived
from kcity_flow.gateway import TEXTS
from kcity_flow.rehearsal.cast import Cast
from kcity_flow.rehearsal.director import Clock, Director, PassingClock, Played, SkippingClock
from kcity_flow.rehearsal.plan import plan
from kcity_flow.rehearsal.report import Ledgers, Mails, Replayed, Report, report
from kcity_flow.rehearsal.theatre import Plan
from kcity_flow.server import connect, serving, skipping_server
from kcity_flow.settings import Settings
from worker import WORKFLOWS, Programme, assemble, workflow_runner, working

SECONDS_A_DAY = 86_400


@dataclass(frozen=True, slots=True)
class Season:
    """A season that was played: its figures, and what the page about it is made of."""

    plan: Plan
    report: Report
    ledgers: Ledgers
    mailed_at: tuple[datetime, ...]
    """When letters were called for, business time."""
    faults: tuple[str, ...]
    """Where histories, register or ledgers are not as they should be."""


async def play_season(
    edition: Edition,
    applications: int,
    seed: int,
    *,
    server: Literal["skip", "real"] = "skip",
    day: float = 1.0,
    folder: Path | None = None,
    settings: Settings | None = None,
    progress: Callable[[Played], None] | None = None,
    checking: Callable[[str, int, int], None] | None = None,
) -> Season:
    """Play a season from the opening of the call to the last timer, and look at what it left.

    Args:
        edition: Whose season; its tempo does not matter.
        applications: How many apply.
        seed: The same seed plays the same season.
        server: One that skips time, or the real one, on disk.
        day: Seconds a business day takes on the real server.
        folder: Where everything is kept; a temporary one that is removed afterwards if not given.
        settings: An installation's choices beside the folder, such as a running server's address.
        progress: Told after each batch of acts.
        checking: Told what is checked afterwards, how many are done and of how many.

    Raises:
        Unplayable: the plan cannot be made.
        WentOtherwise: an act led elsewhere than in the plan.
        NoServer: no server can be started.
    """
    started = time.monotonic()
    planned = plan(edition, applications, seed)
    with contextlib.ExitStack() as stack:
        place = folder or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="kcity-season-")))
        chosen = (settings or Settings.read()).model_copy(
            update={
                "var_dir": place,
                "database_url": None,
                "vault_database_url": None,
                "documents_dir": None,
                "smtp_host": None,
            }
        )
        async with (
            _server(server, chosen, planned, day) as (client, clock, tempo),
            _at_work(client, chosen) as programme,
        ):
            people_the(programme.vault, planned.cast)
            await _open(programme, planned.edition.model_copy(update={"tempo": tempo}))
            director = Director(planned, programme.gateway, programme.register, clock, progress=progress)
            await director.play()
            await programme.postman.drain()
            played = time.monotonic() - started
            return await _looked_at(planned, programme, played, checking or (lambda *_: None))


def people_the(vault: Vault, cast: Cast) -> None:
    """Make everybody of the cast known."""
    for person in cast.people():
        vault.add_person(person.name, person.address, roles=person.roles, id=person.id)
    for organisation, name in cast.organisations():
        vault.add_organisation(name, organisation)


async def _open(programme: Programme, edition: Edition) -> None:
    with contextlib.suppress(AlreadyReceived):
        await programme.gateway.open_edition(edition)


@contextlib.asynccontextmanager
async def _server(
    kind: Literal["skip", "real"], settings: Settings, planned: Plan, day: float
) -> AsyncIterator[tuple[Client, Clock, Tempo]]:
    """A server, how time passes on it, and the tempo that makes the season begin now."""
    if kind == "skip":
        async with skipping_server() as environment:
            tempo = transformed(
                planned.edition, starts_at=await environment.get_current_time(), origin_at=planned.origin_at
            ).tempo
            yield environment.client, SkippingClock(environment, tempo), tempo
        return
    factor = max(1, round(SECONDS_A_DAY / day))
    async with serving(settings) as running:
        client = await connect(running.address, settings)
        starts_at = datetime.now(UTC) + timedelta(seconds=2)
        tempo = transformed(planned.edition, starts_at=starts_at, origin_at=planned.origin_at, factor=factor).tempo
        yield client, PassingClock(tempo), tempo


@contextlib.asynccontextmanager
async def _at_work(client: Client, settings: Settings) -> AsyncIterator[Programme]:
    register, vault = Register(settings.register_url), Vault(settings.vault_url)
    register.prepare()
    vault.prepare()
    try:
        async with working(assemble(client, register, vault, Postman(vault, settings), settings)) as programme:
            yield programme
    finally:
        register.close()
        vault.close()


async def _looked_at(
    planned: Plan, programme: Programme, wall_seconds: float, checking: Callable[[str, int, int], None]
) -> Season:
    client, vault, register = programme.client, programme.vault, programme.register
    names = histories.subjects(vault, register)
    count, failures = await histories.replay(
        client, names, WORKFLOWS, workflow_runner(), lambda done, of: checking("replayed", done, of)
    )
    differences = await histories.check(client, vault, register, lambda done, of: checking("compared", done, of))
    leaks = await _leaks(client, names, planned)
    ledgers = await asyncio.to_thread(_ledgers, planned.edition, register)
    catcher = programme.postman.catcher
    twice = sum(times - 1 for times in catcher.duplicates().values()) if catcher else 0
    figures = report(
        ledgers,
        mails=Mails(sent=vault.mail_counts().get(State.SENT, 0), duplicate=twice),
        replayed=Replayed(histories=count, failures=len(failures)),
        register_matches=not differences,
        origin_at=planned.origin_at,
        wall_seconds=wall_seconds,
    )
    told = (ledgers.illegal(), ledgers.too_early(), ledgers.out_of_turn(), ledgers.pauses()[1])
    faults = (*failures, *differences, *leaks, *(fault for faults in told for fault in faults))
    return Season(planned, figures, ledgers, _mailed_at(planned, vault), faults)


async def _leaks(client: Client, names: list[str], planned: Plan) -> list[str]:
    """Where a history holds somebody's name or address, or what somebody wrote."""
    texts = {str(act.data[name]) for act in planned.acts for name in TEXTS if name in act.data}
    people = {word for person in planned.cast.people() for word in (person.name, person.address)}
    needles = [(word, json.dumps(word)[1:-1].encode()) for word in sorted(texts | people)]
    found = []
    for name in names:
        for history in await histories.runs(client, name):
            written = b"".join(event.SerializeToString() for event in history.events)
            found += [f"The history of {name} holds {word!r}." for word, needle in needles if needle in written]
    return found


def _ledgers(edition: Edition, register: Register) -> Ledgers:
    views = register.subjects(edition=edition.year)
    return Ledgers(edition, (entry for view in views for entry in register.entries(view.subject)))


def _mailed_at(planned: Plan, vault: Vault) -> tuple[datetime, ...]:
    """When each mail that was sent had been called for. The outbox knows only the machine's own time."""
    called = {letter.key: at for at, letter in planned.letters}
    sent = vault.outbox(State.SENT)
    return tuple(sorted(at for row in sent if (at := called.get(row.key) or called.get(row.key.rpartition("/")[0]))))
