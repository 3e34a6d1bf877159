"""An edition's file carried over to another year: the draft that people mend with the new announcement beside them.

The text is edited, not written anew, so that comments and order stay. Nothing in a draft is announced: whatever was
changed is assumed, and a source that is kept says of which year it is.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from tree_sitter import Node

from kcity_flow.adapters.edition_files import Lines, Loc
from kcity_flow.domain import agenda
from kcity_flow.domain.edition import Edition, Project, Statistics

YEARS_OFF = range(-1, 4)
"""Of which years before and after the edition's the holidays are asked for."""


class Outcome(NamedTuple):
    """What came of the year before, as the register knows it."""

    projects: tuple[Project, ...]
    statistics: Statistics


class _Edit(NamedTuple):
    start: int
    end: int
    text: str


def draft(source: bytes, before: Edition, year: int, outcome: Outcome | None) -> str:
    """The same rules for another year.

    Every date is moved by whole years, 29 February to the 28th, and then to the next working day of the edition's
    calendars; of a period that closes at midnight it is the last day that is moved. The order of dates stays.

    Args:
        source: The file of the edition to begin with; it can be used.
        before: That edition.
        year: The new one.
        outcome: Its selected projects and its counts; without them those of the file stay.
    """
    data = tomllib.loads(source.decode())
    return _Draft(source, data, before, year, outcome).text()


class _Draft:
    def __init__(
        self, source: bytes, data: dict[str, Any], before: Edition, year: int, outcome: Outcome | None
    ) -> None:
        self._source, self._data, self._before, self._year, self._outcome = source, data, before, year, outcome
        self._lines = Lines(source, data)
        # An announcement that is not yet made has no notice, and what the register knows is not copied.
        self._dropped = ("notice", *(("projects", "statistics") if outcome else ()))
        days_off = agenda.days_off(before.calendars, range(year + YEARS_OFF.start, year + YEARS_OFF.stop))
        self._calendar = agenda.Calendar(ZoneInfo(before.zone), frozenset(days_off))
        self._changed: list[str] = []

    def text(self) -> str:
        """The draft."""
        edits = sorted([*self._values(), *self._head(), *self._without(), *self._provenance()])
        written, at = bytearray(), 0
        for edit in edits:
            written += self._source[at : edit.start] + edit.text.encode()
            at = edit.end
        return (written + self._source[at:]).decode()

    # --- values ---

    def _values(self) -> Iterator[_Edit]:
        for loc, node in self._lines.nodes.items():
            if loc[0] in (*self._dropped, "sources", "assumed", "tempo"):
                continue
            new = self._new(loc, self._at(loc))
            if new is not None:
                self._changed.append(self._lines.path(loc))
                yield _Edit(node.start_byte, node.end_byte, new)

    def _at(self, loc: Loc) -> Any:
        value: Any = self._data
        for part in loc:
            value = value[part]
        return value

    def _new(self, loc: Loc, value: Any) -> str | None:
        """What is to stand here instead; nothing, if it stays."""
        old = str(self._before.year)
        if loc == ("year",):
            return str(self._year)
        if loc[0] == "title" and isinstance(value, str) and old in value:
            return _quoted(value.replace(old, str(self._year)))
        if isinstance(value, datetime):
            return self._moved_instant(value, closes=loc[-1] == "closes_at").isoformat()
        return self._moved(value).isoformat() if isinstance(value, date) else None

    def _moved_instant(self, instant: datetime, *, closes: bool) -> datetime:
        day = timedelta(days=1 if closes and instant.time() == time() else 0)
        return datetime.combine(self._moved(instant.date() - day) + day, instant.timetz())

    def _moved(self, day: date) -> date:
        year = day.year + self._year - self._before.year
        try:
            moved = day.replace(year=year)
        except ValueError:  # 29 February
            moved = day.replace(year=year, day=28)
        return self._calendar.plus_working_days(moved, 0)

    # --- what stands there no more, or is new ---

    def _head(self) -> Iterator[_Edit]:
        """What the file says of itself above its first line: it speaks of the edition before."""
        first = min(node.start_byte for _, node in self._lines.statements)
        yield _Edit(
            0,
            first,
            f"# Edition {self._year}, begun from {self._before.year}: nothing in it is announced yet. "
            "docs/edition.md defines the format.\n",
        )
        if self._outcome:
            year = self._lines.nodes["year",]
            yield _Edit(self._end_of_line(year), self._end_of_line(year), _outcome(self._outcome))

    def _without(self) -> Iterator[_Edit]:
        for loc, node in self._lines.statements:
            if loc[0] in self._dropped:
                yield self._whole_lines(node)

    def _whole_lines(self, node: Node) -> _Edit:
        end = node.end_byte if self._source[: node.end_byte].endswith(b"\n") else self._end_of_line(node)
        return _Edit(node.start_byte, end, "")

    def _end_of_line(self, node: Node) -> int:
        end = self._source.find(b"\n", node.end_byte)
        return len(self._source) if end < 0 else end + 1

    # --- where values come from ---

    def _provenance(self) -> Iterator[_Edit]:
        yield self._assumed()
        for loc, node in self._lines.nodes.items():
            if loc[0] != "sources" or len(loc) != 2:
                continue
            path, said = str(loc[1]), str(self._at(loc))
            if path in self._changed or path.partition(".")[0] in self._dropped:
                assert node.parent is not None  # a value stands in a pair
                yield self._whole_lines(node.parent)
            elif not said.startswith("as in "):
                yield _Edit(node.start_byte, node.end_byte, _quoted(f"as in {self._before.year}: {said}"))

    def _assumed(self) -> _Edit:
        """All that was assumed, with what was said to it, and whatever was changed."""
        array = self._lines.nodes.get(("assumed",))
        paths: dict[str, str] = {}
        row = -1
        for child in array.named_children if array else ():
            if child.type == "comment":
                # It stands behind the comma, on the line of what it is about, or on one of its own.
                about = next(reversed(paths), None)
                if about and child.start_point.row == row:
                    paths[about] = f"  {child.text.decode()}" if child.text else ""
                continue
            path, row = str(self._at(("assumed", len(paths)))), child.end_point.row
            paths[path] = ""
        kept = {path: said for path, said in paths.items() if path.partition(".")[0] not in self._dropped}
        # What the register says is no guess; that it will be printed is one.
        counted = ("projects", "statistics") if self._outcome else ()
        lines = "".join(
            f"    {_quoted(path)},{kept.get(path, '')}\n" for path in dict.fromkeys((*kept, *self._changed, *counted))
        )
        if array:
            return _Edit(array.start_byte, array.end_byte, f"[\n{lines}]")
        year = self._end_of_line(self._lines.nodes["year",])
        return _Edit(year, year, f"assumed = [\n{lines}]\n")


def _outcome(outcome: Outcome) -> str:
    counts = outcome.statistics
    lines = [f"statistics = {{ applications = {counts.applications}, countries = {counts.countries} }}", "projects = ["]
    for project in outcome.projects:
        said = project.model_dump(exclude_none=True)
        lines.append(f"    {{ {', '.join(f'{name} = {_quoted(str(value))}' for name, value in said.items())} }},")
    return "\n".join([*lines, "]\n"])


def _quoted(text: str) -> str:
    """A text as TOML has it: as JSON, which lets one character stand that TOML does not."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007F")
