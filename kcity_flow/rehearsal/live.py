"""The live rehearsal: a season before one's eyes, a day in about a second, that goes on where it was stopped.

While nobody runs it, its time stands still: before any worker works again every file is told a new tempo, which
begins where the old one was left. Nobody's command is refused because the machine was switched off.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import structlog
from pydantic import BaseModel, ValidationError

from kcity_flow.domain.edition import Edition, Tempo, transformed
from kcity_flow.domain.messages import edition_id
from kcity_flow.domain.values import Instant
from kcity_flow.gateway import answered
from kcity_flow.rehearsal.director import Director, PassingClock, Position
from kcity_flow.rehearsal.plan import plan
from kcity_flow.rehearsal.season import SECONDS_A_DAY, people_the
from kcity_flow.settings import Settings
from worker import Programme

log = structlog.get_logger(__name__)

APPLICATIONS = 40
"""As many as it takes to meet every move."""

SEED = 7
"""The season everybody sees first."""

BREATH = timedelta(seconds=2)
"""So long after a start time begins to run, so that its first day is seen."""

A_FILE = timedelta(milliseconds=250)
"""And so much longer for each file whose history has to be read again."""

BEAT = 0.5
"""Seconds between two notes of what business time it is."""


class Standing(BaseModel):
    """What is kept of a rehearsal between two runs of the program."""

    year: int
    applications: int
    seed: int
    factor: int
    at: Instant
    """Business time when it was last noted."""
    position: Position = Position()
    over: bool = False


class Diary:
    """The file in which a rehearsal's standing is kept."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @classmethod
    def of(cls, settings: Settings) -> Diary:
        """The diary of an installation."""
        return cls(settings.var_dir / "rehearsal.json")

    def read(self, edition: Edition) -> Standing | None:
        """How the rehearsal of an edition stands; nothing if there is none."""
        standing = self._kept()
        return standing if standing and standing.year == edition.year else None

    def unfinished(self) -> int | None:
        """Which edition's rehearsal was begun here and is not over."""
        standing = self._kept()
        return standing.year if standing and not standing.over else None

    def _kept(self) -> Standing | None:
        try:
            return Standing.model_validate_json(self._path.read_text())
        except (OSError, ValidationError):
            return None

    def write(self, standing: Standing) -> None:
        """Keep it; a reader finds the old or the new, never half of one."""
        draft = self._path.with_suffix(".new")
        draft.write_text(standing.model_dump_json())
        draft.replace(self._path)


@contextlib.asynccontextmanager
async def going_on(
    programme: Programme, edition: Edition | None, settings: Settings | None = None
) -> AsyncIterator[None]:
    """Set every file of a rehearsal to a time that goes on where it stopped. Enter it before a worker works.

    Timers that came due while nothing ran have their files woken first of all by this word, and see that nothing is
    due yet.
    """
    diary = Diary.of(settings or Settings.read())
    standing = diary.read(edition) if edition else None
    if edition is not None and standing is not None and not standing.over:
        views = await asyncio.to_thread(programme.register.subjects, edition=edition.year, closed=False)
        tempo = _tempo(edition, standing, BREATH + len(views) * A_FILE)
        await programme.gateway.retime([edition_id(edition.year), *(view.subject for view in views)], tempo)
        log.info("rehearsal.goes_on", at=standing.at, subjects=len(views))
    yield


def _tempo(edition: Edition, standing: Standing, breath: timedelta) -> Tempo:
    # Time stands still until then, so that no deadline passes while histories are read.
    starts_at = datetime.now(UTC) + breath
    return transformed(edition, starts_at=starts_at, origin_at=standing.at, factor=standing.factor).tempo


async def rehearse(
    programme: Programme,
    edition: Edition,
    *,
    applications: int = APPLICATIONS,
    seed: int = SEED,
    day: float = 1.0,
    settings: Settings | None = None,
) -> None:
    """Play an edition's season before everybody's eyes; return when it is over. Cancel it to stop for now.

    Args:
        programme: Everything put together, with a worker at work.
        edition: What is rehearsed; opened if it is not.
        applications: How many apply, if it begins now.
        seed: Which season, if it begins now.
        day: Seconds a business day takes, if it begins now.
        settings: Where the rehearsal's standing is kept.

    Raises:
        AlreadyReceived: this edition runs in earnest.
    """
    diary = Diary.of(settings or Settings.read())
    standing = await asyncio.to_thread(diary.read, edition)
    begins = standing is None
    if standing is None:
        factor = max(1, round(SECONDS_A_DAY / day))
        standing = Standing(
            year=edition.year, applications=applications, seed=seed, factor=factor, at=datetime.now(UTC)
        )
    if standing.over:
        return
    planned = await asyncio.to_thread(plan, edition, standing.applications, standing.seed)
    if begins:
        standing = standing.model_copy(update={"at": planned.origin_at})
        tempo = _tempo(edition, standing, BREATH)
        await asyncio.to_thread(people_the, programme.vault, planned.cast)
        await programme.gateway.open_edition(edition.model_copy(update={"tempo": tempo}))
        await asyncio.to_thread(diary.write, standing)
    else:
        # So many histories read at once may leave the first question without an answer.
        tempo = (await answered(lambda: programme.gateway.rules(edition.year))).edition.tempo
    director = Director(
        planned, programme.gateway, programme.register, PassingClock(tempo), position=standing.position, strict=False
    )

    def note(over: bool = False) -> None:
        diary.write(
            standing.model_copy(
                update={"at": tempo.business(datetime.now(UTC)), "position": director.position, "over": over}
            )
        )

    async def beat() -> None:
        while True:
            await asyncio.sleep(BEAT)
            note()

    heart = asyncio.create_task(beat(), name="rehearsal diary")
    try:
        await director.play()
    finally:
        heart.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await heart
        note()
        for sentence in director.otherwise:
            log.warning("rehearsal.otherwise", what=sentence)
    note(over=True)
