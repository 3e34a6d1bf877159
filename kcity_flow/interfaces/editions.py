"""Begins a new year's edition from an earlier one."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

from kcity_flow.adapters.edition_files import EditionFileError, load_edition, read_edition, shipped
from kcity_flow.interfaces.misuse import Misused

_DATE = re.compile(r"\b(\d{4})-(\d{2})-(\d{2})(?!\d)")
_FORMAT = re.compile(r"^format\s*=\s*", re.MULTILINE)
_SOURCES = re.compile(r"^\[sources\]\n(?:(?!\[).*\n?)*", re.MULTILINE)


def begin(year: int, origin: str) -> tuple[Path, list[str]]:
    """Write ``YEAR.toml`` into the present folder: the rules of ``origin`` with every date moved on.

    Its ``[sources]`` are left out: they are those of another announcement.

    Returns:
        The file, and a line for each thing that has to be looked at.

    Raises:
        Unknown: there is no such edition to begin from.
        EditionFileError: its file cannot be used.
        Misused: the file is there already, or cannot be written.
    """
    before = read_edition(origin)
    source = shipped().get(origin, Path(origin)).read_text(encoding="utf-8")
    path = Path(f"{year}.toml")
    text = _SOURCES.sub("", _FORMAT.split(source, maxsplit=1)[-1])
    head = (
        f"# Edition {year}, begun from {origin}: nothing in it is announced yet. docs/edition.md defines the format.\n"
    )
    text = head + "format = " + _DATE.sub(lambda found: _moved(found, year - before.year), text)
    text = re.sub(r"^year = \d+", f"year = {year}", text, count=1, flags=re.MULTILINE)
    text = re.sub(rf"^(title\..*){before.year}", rf"\g<1>{year}", text, flags=re.MULTILINE)
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise Misused(f"{path} is there already; remove it or choose another year.") from None
    except OSError as error:
        raise Misused(f"{path} cannot be written: {error.strerror}.") from None
    return path, _to_see_to(path, text)


def _moved(found: re.Match[str], years: int) -> str:
    year, month, day = map(int, found.groups())
    try:
        return date(year + years, month, day).isoformat()
    except ValueError:  # 29 February
        return date(year + years, month, 28).isoformat()


def _to_see_to(path: Path, text: str) -> list[str]:
    dates = [
        f"line {number}: {line.partition('#')[0].strip()}"
        for number, line in enumerate(text.splitlines(), start=1)
        if _DATE.search(line.partition("#")[0]) and len(line) < 120
    ]
    try:
        edition = load_edition(path)
    except EditionFileError as error:
        return [*dates, *str(error).splitlines()]
    return [
        *dates,
        "assumed before, and again unless the new announcement says it:",
        *map("  {}".format, edition.assumed),
    ]
