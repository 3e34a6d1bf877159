"""The board that ``kcity up`` draws: a season at a glance, in a terminal of any size from 80 by 24."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from rich.cells import cell_len, set_cell_size
from rich.text import Text

from kcity_flow.adapters.register import Register
from kcity_flow.adapters.vault import State, Vault
from kcity_flow.domain.edition import Edition
from kcity_flow.domain.messages import Entry, Outcome, View
from kcity_flow.domain.stages import ENDS, Stage
from kcity_flow.domain.values import last_day
from kcity_flow.interfaces.tables import ZONE, quota

S = Stage
_ENDED = tuple(stage for stage in ENDS if stage is not S.CLOSED)

COARSE: tuple[tuple[str, tuple[Stage, ...]], ...] = (
    ("Arrived", (S.RECEIVED, S.SCREENING)),
    ("Review", (S.PAPER_REVIEW,)),
    ("Meetings", (S.CONSULTATION, S.PRESENTATION, S.CONFIRMATION)),
    ("Shortlist", (S.SHORTLISTED,)),
    ("Chosen", (S.SELECTED, S.RESERVE)),
    ("Contract", (S.FRAMEWORK, S.PROCUREMENT)),
    ("At work", (S.IMPLEMENTATION, S.SUSPENDED, S.ACCEPTANCE, S.SETTLEMENT)),
    ("Ended", ENDS),
)
FINE: tuple[tuple[str, tuple[Stage, ...]], ...] = (
    ("Received", (S.RECEIVED,)),
    ("Screening", (S.SCREENING,)),
    ("Paper", (S.PAPER_REVIEW,)),
    ("Consulted", (S.CONSULTATION,)),
    ("Presenting", (S.PRESENTATION, S.CONFIRMATION)),
    ("Shortlist", (S.SHORTLISTED,)),
    ("Selected", (S.SELECTED,)),
    ("Reserve", (S.RESERVE,)),
    ("Framework", (S.FRAMEWORK,)),
    ("Procuring", (S.PROCUREMENT,)),
    ("At work", (S.IMPLEMENTATION, S.SUSPENDED)),
    ("Accepting", (S.ACCEPTANCE, S.SETTLEMENT)),
    ("Closed", (S.CLOSED,)),
    ("Ended", _ENDED),
)
_FINE_FROM = 140
"""Columns of the terminal from which every stage has its own."""

_ROOMY = 100
"""Columns from which things are said in full."""

_TIMELINE_FROM = 30
"""Lines from which the season is drawn as a line, too."""

_COLOURS = ("cyan", "magenta", "green", "yellow", "blue")
_FRESH, _WARM = 1.5, 5.0
"""Seconds for which an application that has moved stands out, and then less so."""


class Snapshot(NamedTuple):
    """How an edition stands at one moment. ``now`` is business time, UTC."""

    edition: Edition
    now: datetime
    stage: str
    views: list[View]
    recent: list[Entry]
    tally: dict[str, int]
    mails: dict[State, int]

    def entries(self) -> int:
        """How many entries all ledgers have."""
        return sum(self.tally.values())


def snapshot(edition: Edition, register: Register, vault: Vault, recent: int = 30) -> Snapshot:
    """Look once.

    Raises:
        StoreFailed: a store cannot be read.
    """
    views = register.subjects(edition.year)
    own = next((view for view in views if view.subject.startswith("edition/")), None)
    return Snapshot(
        edition=edition,
        now=edition.tempo.business(datetime.now(UTC)),
        stage=own.stage if own else "not opened",
        # What was refused on arrival never was an application.
        views=[view for view in views if view is not own and view.stage != S.ABSENT],
        recent=register.recent(edition.year, recent),
        tally=register.tally(edition.year),
        mails=vault.mail_counts(),
    )


def summary(seen: Snapshot) -> str:
    """One line for where nobody watches."""
    stages = Counter(view.stage for view in seen.views)
    standing = ", ".join(f"{stage} {stages[stage]}" for stage in Stage if stages[stage]) or "no application yet"
    return (
        f"{seen.now.astimezone(ZONE):%G-W%V %a %d %b %Y}: {standing} · {seen.tally.get(Outcome.MADE, 0)} moves, "
        f"{seen.tally.get(Outcome.REFUSED, 0)} refused, {seen.mails.get(State.SENT, 0)} mails"
    )


def data(seen: Snapshot) -> dict[str, Any]:
    """The same as JSON."""
    return {
        "at": seen.now.isoformat(timespec="seconds"),
        "edition": seen.edition.year,
        "stage": seen.stage,
        "applications": len(seen.views),
        "by_stage": dict(sorted(Counter(view.stage for view in seen.views).items())),
        "entries": seen.tally,
        "mails": {str(state): count for state, count in seen.mails.items()},
    }


@dataclass
class Board:
    """Draws snapshots, and remembers what moved between them."""

    hints: tuple[str, ...]
    """What to type in a second terminal; ``{ref}`` becomes an application that moves."""
    notice: str = ""
    """Something to say in place of the first hint, such as that the season is over."""
    clock: Callable[[], float] = time.monotonic
    _stages: dict[str, str] = field(default_factory=dict)
    _moved: dict[str, float] = field(default_factory=dict)

    def draw(self, seen: Snapshot, width: int, height: int) -> Text:
        """The whole screen, exactly ``height`` lines of at most ``width`` cells."""
        self._notice_moves(seen)
        programmes = seen.edition.programmes
        groups = FINE if width >= _FINE_FROM else COARSE
        timeline = [self._timeline(seen, width)] if height >= _TIMELINE_FROM else []
        body = height - 5 - len(timeline)
        refs = max(1, (body - max(4, body // 3)) // max(1, len(programmes)) - 2)
        lines = [self._title(seen, width), self._counts(seen, width), *timeline, self._heads(groups, width)]
        for number, programme in enumerate(programmes):
            lines += self._programme(seen, programme.key, groups, _COLOURS[number % len(_COLOURS)], refs, width)
        lines += self._below(seen, width, max(1, height - 2 - len(lines)))
        lines = [*lines[: height - 2], *self._footer(seen, width)]
        return Text("\n").join(lines)

    def _notice_moves(self, seen: Snapshot) -> None:
        for view in seen.views:
            before = self._stages.get(view.subject)
            # What stood there when the board began has not just moved.
            if before != view.stage and (before is not None or self._stages):
                self._moved[view.subject] = self.clock()
        self._stages = {"": "", **{view.subject: view.stage for view in seen.views}}

    def _heat(self, ref: str) -> float:
        return self.clock() - self._moved.get(ref, float("-inf"))

    def _title(self, seen: Snapshot, width: int) -> Text:
        when = f"{seen.now.astimezone(ZONE):%a %d %b %Y  %H:%M} KST "
        factor = seen.edition.tempo.factor
        if factor > 1 and width >= _ROOMY:
            when = f"a day in {86400 / factor:.2g} s   {when}"
        name = seen.edition.title.en if width >= _ROOMY else f"K-City Network {seen.edition.year}"
        return Text(set_cell_size(f" {name}", max(0, width - cell_len(when))) + when, style="bold white on blue")

    def _timeline(self, seen: Snapshot, width: int) -> Text:
        """The season as a line: how far it has come, and what it comes to."""
        edition = seen.edition
        begins, ends = min(window.opens_at for window in edition.windows), edition.implementation.ends_on
        days = max(1, (ends - begins.date()).days)
        line = Text(" ")
        marks = sorted(
            {
                *(
                    ((window.closes_at.astimezone(ZONE) - timedelta(days=1)).date(), "call closes")
                    for window in edition.windows
                ),
                (edition.results.due_on, "results"),
                (ends, "work ends"),
            }
        )
        come = width * (seen.now.date() - begins.date()).days // days
        for day, name in marks:
            label = f" {name} {day:%d %b} "
            until = min(width, width * (day - begins.date()).days // days) - len(label)
            length = max(0, until - len(line))
            behind = min(length, max(0, come - len(line)))
            line.append("━" * behind, style="bold blue")
            line.append("─" * (length - behind), style="dim")
            line.append(label, style="dim" if come > until else "")
        line.truncate(width)
        return line

    def _counts(self, seen: Snapshot, width: int) -> Text:
        waiting = sum(len(view.waiting_proposals) for view in seen.views)
        mails, stuck = seen.mails, seen.mails.get(State.HELD, 0) + seen.mails.get(State.FAILED, 0)
        parts = [
            (f" {seen.stage}", "bold"),
            (f"{len(seen.views)} {'applications' if width >= _ROOMY else 'in'}", ""),
            (f"{seen.tally.get(Outcome.MADE, 0):,} moves", ""),
            (f"{seen.tally.get(Outcome.REFUSED, 0)} refused", "red"),
            (f"{waiting} half-signed", "yellow"),
            (f"{mails.get(State.SENT, 0):,} mails", "green"),
        ]
        if stuck:
            parts.append((f"{stuck} stuck", "red"))
        line = Text("  ").join(Text(text, style) for text, style in parts)
        line.truncate(width)
        return line

    def _heads(self, groups: tuple[tuple[str, tuple[Stage, ...]], ...], width: int) -> Text:
        cell = width // len(groups)
        return Text("".join(set_cell_size(f" {name}", cell) for name, _ in groups), style="bold underline")

    def _programme(
        self,
        seen: Snapshot,
        key: str,
        groups: tuple[tuple[str, tuple[Stage, ...]], ...],
        colour: str,
        refs: int,
        width: int,
    ) -> Iterator[Text]:
        rules = seen.edition.programme(key)
        views = [view for view in seen.views if view.programme == key]
        cells = [[view for view in views if view.stage in stages] for _, stages in groups]
        taken = sum(1 for view in views if view.krw is not None and view.stage not in _ENDED)
        name = f" {key}  {taken} of {quota(rules.quota)} places  "
        yield Text(name + "─" * max(0, width - cell_len(name)), style=colour)
        most = max(1, *(len(cell) for cell in cells)) if cells else 1
        size = width // len(groups)
        bar_room = size - 5
        counts = Text()
        for cell in cells:
            bar = "█" * round(len(cell) / most * bar_room) or ("▏" if cell else "")
            counts.append(set_cell_size(f" {len(cell) or '·':>2} {bar}", size), style=colour if cell else "dim")
        yield counts
        for row in range(refs):
            yield self._row(cells, row, size, colour)

    def _row(self, cells: list[list[View]], row: int, size: int, colour: str) -> Text:
        line = Text()
        for cell in cells:
            newest = sorted(cell, key=lambda view: (-view.since.timestamp(), view.subject))
            if row >= len(newest):
                line.append(" " * size)
                continue
            view = newest[row]
            heat = self._heat(view.subject)
            style = f"bold reverse {colour}" if heat < _FRESH else f"bold {colour}" if heat < _WARM else "dim"
            mark = "!" if view.waiting_proposals else " "
            line.append(" ")
            line.append(f"{view.subject[-4:]} {view.country}"[: size - 2], style=style)
            line.append(set_cell_size(mark, max(0, size - 1 - min(size - 2, 7))), style="yellow")
        return line

    def _below(self, seen: Snapshot, width: int, height: int) -> Iterator[Text]:
        left = width * 5 // 8
        moves, deadlines = list(self._moves(seen)), list(self._deadlines(seen))
        head = Text(
            set_cell_size(" Last moves", left) + set_cell_size(" Next deadlines", width - left), style="bold underline"
        )
        yield head
        for row in range(height - 1):
            line = Text()
            for texts, size in ((moves, left), (deadlines, width - left)):
                text = texts[row] if row < len(texts) else Text()
                text.truncate(size - 1, overflow="ellipsis", pad=True)
                line.append_text(text)
                line.append(" ")
            yield line

    def _moves(self, seen: Snapshot) -> Iterator[Text]:
        for entry in seen.recent:
            went = f" → {entry.dest}" if entry.dest != entry.source else ""
            style = {Outcome.REFUSED: "red", Outcome.PROPOSED: "yellow"}.get(entry.outcome, "")
            said = {Outcome.REFUSED: " refused", Outcome.PROPOSED: " proposed"}.get(entry.outcome, "")
            why = f": {entry.refused.guard or entry.refused.code}" if entry.refused else ""
            name = entry.subject[7:] if entry.subject.startswith("KC") else "edition "
            yield Text.assemble(
                (f" {name} ", "dim"), (f"{entry.command}{said}{why}{went}", style), (f"  {entry.role}", "dim")
            )

    def _deadlines(self, seen: Snapshot) -> Iterator[Text]:
        # Many fall due together: one line for all of a kind on a day.
        due: dict[tuple[datetime, str, str], list[str]] = {}
        for view in seen.views:
            if view.next_due_at and not view.closed:
                due.setdefault((view.next_due_at, view.next_timer, view.waits_on), []).append(view.subject)
        for (at, timer, waits_on), refs in sorted(due.items()):
            days = (at - seen.now).total_seconds() / 86400
            style = "red" if days < 0 else "yellow" if days < 3 else ""
            whose = refs[0][7:] if len(refs) == 1 else f"×{len(refs)}"
            yield Text.assemble((f" {last_day(at, ZONE):%d %b} ", style), f"{whose} {timer}", (f"  {waits_on}", "dim"))

    def _footer(self, seen: Snapshot, width: int) -> list[Text]:
        moving = next((e.subject for e in seen.recent if e.subject.startswith("KC")), f"{seen.edition.year}")
        hints = [hint.format(ref=moving) for hint in self.hints]
        if self.notice:
            hints[0] = self.notice
        lines = [Text(f" {hint}", style="bold" if number == 0 else "") for number, hint in enumerate(hints)]
        for line in lines:
            line.truncate(width)
        return lines
