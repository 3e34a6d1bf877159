"""``kcity season``: a season played with a bar that says how far it is, and its figures for people."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import Callable, Iterator
from typing import Any, Literal

from rich.console import Console, Group, RenderableType
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from kcity_flow.adapters.edition_files import read_edition
from kcity_flow.domain.errors import Refusal
from kcity_flow.interfaces.running import log_to
from kcity_flow.rehearsal.director import Played, WentOtherwise
from kcity_flow.rehearsal.season import Season, play_season
from kcity_flow.rehearsal.theatre import Unplayable
from kcity_flow.settings import Settings


def play(
    edition: str, applications: int, seed: int, server: Literal["skip", "real"], day: float, *, quiet: bool
) -> Season:
    """Play a season.

    Raises:
        Unknown: there is no such edition.
        EditionFileError: its file cannot be used.
        NoServer: no server can be started.
        Refusal: the season went otherwise than planned.
    """
    found, settings = read_edition(edition), Settings.read()
    log_to(settings.logs / "season.log", settings.log_level)
    with _shown(quiet) as (played, checked):
        try:
            return asyncio.run(
                play_season(
                    found,
                    applications,
                    seed,
                    server=server,
                    day=day,
                    settings=settings,
                    progress=played,
                    checking=checked,
                )
            )
        except (Unplayable, WentOtherwise) as error:
            raise Refusal(
                f"The season of {edition} with {applications} applications and seed {seed} ended early: {error}"
            ) from None


@contextlib.contextmanager
def _shown(quiet: bool) -> Iterator[tuple[Callable[[Played], None], Callable[[str, int, int], None]]]:
    columns = (TextColumn("{task.description:<34}"), BarColumn(), TextColumn("{task.percentage:>3.0f} %"))
    console = Console(stderr=True, quiet=quiet or not sys.stderr.isatty())
    with Progress(*columns, TimeElapsedColumn(), console=console, transient=True) as progress:
        bars: dict[str, Any] = {"playing": progress.add_task("the cast learns its parts", total=None)}

        def played(now: Played) -> None:
            said = f"{now.at:%d %b %Y}  {now.done:,} of {now.of:,} acts"
            progress.update(bars["playing"], completed=now.done, total=now.of, description=said)

        def checked(what: str, done: int, of: int) -> None:
            if what not in bars:
                bars[what] = progress.add_task(f"histories {what}")
            progress.update(bars[what], completed=done, total=of)

        yield played, checked


def summary(season: Season) -> RenderableType:
    """The season's figures for people."""
    figures = season.report
    table = Table.grid(padding=(0, 2))
    table.add_row("applications", f"{figures.applications}")
    table.add_row("where they stand", ", ".join(f"{stage} {count}" for stage, count in figures.by_stage.items()))
    table.add_row("selected", ", ".join(f"{key} {count}" for key, count in figures.selected.items()))
    table.add_row(
        "moves covered",
        f"{figures.moves_covered} of {figures.moves_reachable} reachable here, {figures.moves_total} in the table",
    )
    table.add_row("contracts", f"{figures.contracts}, {figures.paid_krw:,} KRW paid, {figures.extensions} extensions")
    table.add_row("refused", f"{figures.refusals}")
    table.add_row("illegal, over quota", f"{figures.illegal_moves}, {figures.over_quota}")
    took = f", {figures.framework.median_days} days in the middle" if figures.framework.signed else ""
    table.add_row("frameworks", f"{figures.framework.signed} signed{took}, {figures.framework.failed} failed")
    table.add_row("pauses", f"{figures.pauses_checked} deadlines moved by exactly that, {figures.pauses_wrong} did not")
    table.add_row("mails", f"{figures.mails.sent:,} sent, {figures.mails.duplicate} twice")
    table.add_row("replayed", f"{figures.replayed.histories} histories, {figures.replayed.failures} led elsewhere")
    table.add_row("the register", "matches the histories" if figures.register_matches else "differs from the histories")
    table.add_row("time", f"{figures.simulated_days} days in {figures.wall_seconds:.0f} s")
    table.add_row("digest", figures.digest)
    return Group(Text(season.plan.edition.title.en, style="bold"), table)
