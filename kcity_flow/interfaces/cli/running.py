"""Bring it up, play a season, print the table of moves."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from kcity_flow.interfaces.cli.shell import REFUSED, AsJson, answer, write

commands = typer.Typer()


@commands.command(epilog="Example: kcity up --rehearse 2021")
def up(
    rehearse: Annotated[
        str | None, typer.Option(metavar="E", help="Play this edition with an invented cast, a day in about a second.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Bring everything up and show it: server, worker, mail. Ctrl-C stops; the next start goes on from there."""
    from kcity_flow.interfaces.running import run_everything

    asyncio.run(run_everything(rehearse, as_json))


@commands.command(epilog="Example: KCITY_TEMPORAL_ADDRESS=10.0.0.5:7233 kcity worker")
def worker(as_json: AsJson = False) -> None:
    """Run one more worker at the server that runs, until Ctrl-C."""
    from kcity_flow.interfaces.running import run_worker

    asyncio.run(run_worker(as_json))


@commands.command(epilog="Example: kcity season 2021 --applications 80 --seed 7 --report - --html season.html")
def season(
    edition: Annotated[str, typer.Argument(metavar="E", help="A shipped edition, or a file.")],
    applications: Annotated[int, typer.Option(min=1, help="How many apply.")] = 80,
    seed: Annotated[int, typer.Option(help="The same seed plays the same season.")] = 7,
    server: Annotated[
        Literal["skip", "real"], typer.Option(help="A server that skips time, or the real one.")
    ] = "skip",
    report: Annotated[str | None, typer.Option(metavar="FILE|-", help="Where to write the report, JSON.")] = None,
    html: Annotated[Path | None, typer.Option(metavar="FILE", help="Where to write the report to look at.")] = None,
    day: Annotated[float, typer.Option(min=0.05, help="Seconds a day takes on the real server.")] = 1.0,
    as_json: AsJson = False,
) -> None:
    """Play a whole season with an invented cast, from the call to the last timer, and report."""
    from kcity_flow.interfaces.seasons import play, summary

    for path in (Path(report or "-"), html):
        if path is not None and path != Path("-"):
            write(path, "", "a")  # a file that cannot be written is told now, not after the season
    played = play(edition, applications, seed, server, day, quiet=as_json or report == "-")
    figures = played.report.model_dump(mode="json")
    if report not in (None, "-"):
        write(Path(report), json.dumps(figures, ensure_ascii=False, indent=2) + "\n")
    if html:
        from kcity_flow.rehearsal.html import page

        write(html, page(played))
    answer(as_json or report == "-", figures, lambda: summary(played))
    for fault in played.faults:
        print(fault, file=sys.stderr)
    if played.faults:
        raise typer.Exit(REFUSED)


@commands.command(epilog="Example: kcity lifecycle --format markdown")
def lifecycle(
    form: Annotated[
        Literal["table", "markdown", "mermaid", "json"],
        typer.Option("--format", help="table, markdown, mermaid, json."),
    ] = "table",
    as_json: AsJson = False,
) -> None:
    """Print every legal move, from the tables that decide."""
    from kcity_flow.interfaces import lifecycle as pages

    if form == "json" or as_json:
        answer(True, pages.data(), str)
    elif form == "table":
        from kcity_flow.interfaces import tables

        answer(False, None, tables.lifecycle_tables)
    else:
        print(pages.markdown() if form == "markdown" else pages.mermaid(), end="\n" if form == "mermaid" else "")
