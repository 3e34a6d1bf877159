"""Begins a new year's edition from an earlier one."""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from kcity_flow.adapters.edition_drafts import Outcome, draft
from kcity_flow.adapters.edition_files import edition_of, read_edition, shipped
from kcity_flow.adapters.register import Register
from kcity_flow.domain.edition import Edition, Project, Statistics, values
from kcity_flow.domain.messages import edition_id
from kcity_flow.domain.stages import Stage
from kcity_flow.interfaces.misuse import Misused

SELECTED = (
    Stage.SELECTED,
    Stage.FRAMEWORK,
    Stage.PROCUREMENT,
    Stage.IMPLEMENTATION,
    Stage.SUSPENDED,
    Stage.ACCEPTANCE,
    Stage.SETTLEMENT,
    Stage.CLOSED,
    Stage.TERMINATED,
)
"""Where a project stands that a country has, or had: what came to nothing before work began is none."""

SAID_IN_FULL = 6
"""Of more values than these under one path only the number is told."""


_INSTANT = re.compile(r"\d{4}-\d{2}-\d{2}T[0-9:.]+Z")


class Begun(NamedTuple):
    """A draft that was written: its file, and what is assumed in it, each path with what stands there."""

    file: Path
    assumed: dict[str, str]
    from_register: bool


def begin(year: int, origin: str, file: Path | None, register: Register) -> Begun:
    """Write the rules of ``origin`` for another year: every date moved on, to a working day.

    Args:
        year: The new edition's.
        origin: A shipped edition or a file.
        file: Where to; ``YEAR.toml`` in the present folder if none is given.
        register: What it knows of the year before fills in projects and statistics.

    Raises:
        Unknown: there is no such edition to begin from.
        EditionFileError: its file, or what would come of it, cannot be used.
        Misused: the file is there already, or cannot be written.
    """
    before = read_edition(origin)
    path = file or Path(f"{year}.toml")
    outcome = outcome_of(before, register)
    text = draft(shipped().get(origin, Path(origin)).read_bytes(), before, year, outcome)
    edition = edition_of(path, text.encode())
    try:
        with path.open("x", encoding="utf-8") as written:
            written.write(text)
    except FileExistsError:
        raise Misused(f"{path} is there already; remove it, or name another file with --output.") from None
    except OSError as error:
        raise Misused(f"{path} cannot be written: {error.strerror}.") from None
    return Begun(path, assumed(edition), outcome is not None)


def outcome_of(edition: Edition, register: Register) -> Outcome | None:
    """Selected projects of an edition, and how many applied from how many countries; nothing, if it knows none."""
    views = [v for v in register.subjects(edition.year) if v.subject != edition_id(edition.year)]
    received = [view for view in views if view.stage != Stage.ABSENT]
    if not received or any(view.adopted for view in received):
        return None  # of those that were adopted the selection was not kept here
    projects = tuple(
        Project(city=view.city, country=view.country, title=view.title, programme=view.programme)
        for view in sorted(received, key=lambda view: view.subject)
        if view.stage in SELECTED and view.published
    )
    countries = {view.country for view in received}
    return Outcome(projects, Statistics(applications=len(received), countries=len(countries)))


def assumed(edition: Edition) -> dict[str, str]:
    """Every path that an edition assumes, with what stands there, in words."""
    zone = ZoneInfo(edition.zone)
    stated = {path: _plain(value, zone) for path, value in values(edition).items()}
    return {path: _said(path, stated) for path in edition.assumed}


def _said(path: str, stated: dict[str, str]) -> str:
    if path in stated:
        return stated[path]
    under = {name.removeprefix(f"{path}."): value for name, value in stated.items() if name.startswith(f"{path}.")}
    if len(under) > SAID_IN_FULL:
        return f"{len(under)} values"
    return ", ".join(f"{name} {value}" for name, value in under.items())


def _plain(value: Any, zone: ZoneInfo) -> str:
    if isinstance(value, str) and _INSTANT.fullmatch(value):
        return datetime.fromisoformat(value).astimezone(zone).isoformat()
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
