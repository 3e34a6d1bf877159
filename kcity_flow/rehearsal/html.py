"""The season as a page to look at: one file, pictures drawn in SVG, nothing fetched, nothing run.

Every figure on it comes from the ledgers. Geometry is computed here, looks are in ``season.html.j2``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

from jinja2 import Environment, PackageLoader, StrictUndefined

from kcity_flow.domain.messages import Entry, Outcome
from kcity_flow.domain.moves import BY_TRIGGER, reachable
from kcity_flow.domain.stages import ENDS, Role, Stage
from kcity_flow.rehearsal.report import Ledgers, made
from kcity_flow.rehearsal.season import Season

S = Stage

WIDE = 1120
"""Width of every picture, in its own units."""

LEFT, RIGHT = 146, 14
"""Room beside a picture's weeks, for names."""

FULL_WEEK = 30
"""Acts of one person in a week that fill it."""

COLUMNS: tuple[tuple[tuple[Stage, ...], str], ...] = (
    ((S.RECEIVED,), "Received"),
    ((S.SCREENING,), "Screening"),
    ((S.PAPER_REVIEW,), "Paper review"),
    ((S.CONSULTATION,), "Consultation"),
    ((S.PRESENTATION,), "Presentation"),
    ((S.CONFIRMATION,), "Confirmation"),
    ((S.SHORTLISTED,), "Shortlist"),
    ((S.RESERVE,), "Reserve"),
    ((S.SELECTED,), "Selected"),
    ((S.FRAMEWORK,), "Framework"),
    ((S.PROCUREMENT,), "Procurement"),
    ((S.IMPLEMENTATION, S.SUSPENDED, S.ACCEPTANCE, S.SETTLEMENT), "Work"),
)
"""The flow's nodes, in the order of a life; an end stands at the right edge."""

# Where a node stands: two ways from paper to shortlist lie one above the other.
_PLACE = {
    "Received": (0, 0), "Screening": (1, 0), "Paper review": (2, 0), "Consultation": (3, 0), "Presentation": (4, 1),
    "Confirmation": (5, 0), "Shortlist": (6, 0), "Reserve": (7, 1), "Selected": (8, 0), "Framework": (9, 0),
    "Procurement": (10, 0), "Work": (11, 0),
}  # fmt: skip

_ENV = Environment(loader=PackageLoader("kcity_flow.rehearsal", "."), autoescape=True, undefined=StrictUndefined,
                   trim_blocks=True, lstrip_blocks=True)  # fmt: skip


def page(season: Season) -> str:
    """The page."""
    plan, ledgers = season.plan, season.ledgers
    weeks = Weeks(plan.origin_at, max(entry.at for entry in plan.entries), ZoneInfo(plan.edition.zone))
    return _ENV.get_template("season.html.j2").render(
        edition=plan.edition,
        seed=plan.cast.seed,
        report=season.report,
        faults=season.faults,
        countries=len({character.country for character in plan.cast.characters}),
        wide=WIDE,
        left=LEFT,
        weeks=weeks,
        timeline=_timeline(season, weeks),
        flow=_flow(ledgers),
        load=_load(season, weeks),
        mails=_bars(weeks, {"mails": Counter(weeks.of(at) for at in season.mailed_at)}, 110),
        endings=_endings(ledgers),
        coverage=_coverage(ledgers),
        refusals=_refusals(ledgers),
    )


def words(name: str) -> str:
    """A key as people read it."""
    return name.replace("_", " ")


_ENV.filters["words"] = words
_ENV.filters["day"] = lambda day: f"{day.day} {day:%b %Y}"


class Weeks:
    """The season's weeks along a picture."""

    def __init__(self, first: datetime, last: datetime, zone: ZoneInfo) -> None:
        self.zone = zone
        day = first.astimezone(zone).date()
        self.first = day - timedelta(days=day.weekday())
        self.count = (last.astimezone(zone).date() - self.first).days // 7 + 1
        self.width = (WIDE - LEFT - RIGHT) / self.count

    def day(self, at: datetime) -> date:
        """The day an instant lies in."""
        return at.astimezone(self.zone).date()

    def of(self, at: datetime) -> int:
        """The week an instant lies in, from 0."""
        return (self.day(at) - self.first).days // 7

    def x(self, day: date) -> float:
        """Where a day lies."""
        return LEFT + (day - self.first).days / 7 * self.width

    def monday(self, week: int) -> date:
        """A week's first day."""
        return self.first + timedelta(weeks=week)

    @property
    def months(self) -> list[dict[str, Any]]:
        """A tick for every month, named each quarter."""
        found, day = [], self.first.replace(day=1)
        end = self.first + timedelta(weeks=self.count)
        while day < end:
            if day >= self.first:
                year = f" {day.year}" if day.month == 1 else ""
                found.append({"x": self.x(day), "name": f"{day:%b}{year}" if day.month % 3 == 1 else ""})
            day = (day + timedelta(days=32)).replace(day=1)
        return found


# --- bars -------------------------------------------------------------------------------------------------------------


def _bars(weeks: Weeks, kinds: dict[str, Counter[int]], height: int) -> dict[str, Any]:
    """Stacked bars, one a week."""
    most = max((sum(kind[w] for kind in kinds.values()) for w in range(weeks.count)), default=1) or 1
    bars = []
    for week in range(weeks.count):
        below, total = 0, sum(kind[week] for kind in kinds.values())
        for name, counts in kinds.items():
            if counts[week]:
                tall = counts[week] / most * height
                bars.append(
                    {
                        "kind": name,
                        "x": LEFT + week * weeks.width + 0.5,
                        "y": height - (below + counts[week]) / most * height,
                        "width": max(1.0, weeks.width - 1),
                        "height": tall,
                        "title": f"Week of {weeks.monday(week):%d %b %Y}: {total}",
                    }
                )
                below += counts[week]
    return {"bars": bars, "most": most, "height": height, "kinds": list(kinds)}


def _timeline(season: Season, weeks: Weeks) -> dict[str, Any]:
    edition = season.plan.edition
    kinds: dict[str, Counter[int]] = {"people": Counter(), "clock": Counter(), "edition": Counter()}
    for ledger in season.ledgers.applications.values():
        for entry in ledger:
            if made(entry):
                who = "clock" if entry.role == Role.CLOCK else "edition" if entry.order else "people"
                kinds[who][weeks.of(entry.at)] += 1
    bands = [
        {"x": weeks.x(weeks.day(w.opens_at)), "x2": weeks.x(weeks.day(w.closes_at)),
         "name": f"Window “{words(w.name)}”" if len(edition.windows) > 1 else "The call is open"}
        for w in edition.windows
    ]  # fmt: skip
    marks = [("Results due", edition.results.due_on), ("Work ends", edition.implementation.ends_on)]
    reserve = edition.ladder("reserve")
    if reserve and reserve.due.on:
        marks.append(("Reserve’s last day", reserve.due.on))
    published = season.ledgers.published_at()
    if published:
        marks.append(("Results published", weeks.day(published)))
    lines: list[dict[str, Any]] = []
    for name, day in sorted(marks, key=lambda mark: mark[1]):
        taken = {line["row"] for line in lines if abs(line["x"] - weeks.x(day)) < 195}
        lines.append({"name": name, "day": day, "x": weeks.x(day), "row": min(set(range(9)) - taken)})
    return {**_bars(weeks, kinds, 190), "bands": bands, "marks": lines}


# --- the flow ---------------------------------------------------------------------------------------------------------


def path(ledger: Iterable[Entry]) -> list[str]:
    """The nodes an application passed for good: what was undone or reopened is cut out."""
    nodes = {stage: name for stages, name in COLUMNS for stage in stages}
    way: list[str] = []
    for entry in ledger:
        if made(entry) and entry.source != entry.dest:
            node = nodes.get(Stage(entry.dest), entry.dest)
            way = way[: way.index(node)] if node in way else way
            # An end that was left again is none.
            way = [*(other for other in way if other not in {str(end) for end in ENDS}), node]
    return way


def _flow(ledgers: Ledgers) -> dict[str, Any]:
    links = Counter[tuple[str, str]]()
    passed = Counter[str]()
    for ledger in ledgers.applications.values():
        way = path(ledger)
        passed.update(way)
        links.update(pairwise(way))
    names = [name for _, name in COLUMNS if passed[name]]
    ends = [stage.value for stage in ENDS if passed[stage.value]]
    columns = {place: index for index, place in enumerate(sorted({_PLACE[name][0] for name in names}))}
    height, gap, thick = 460, 16, 15
    unit = (height - 60 - gap * max(0, len(ends) - 1)) / max(1, sum(passed[end] for end in ends))
    step = (WIDE - 170) / max(1, len(columns))
    boxes: dict[str, dict[str, Any]] = {}
    for name in names:
        column, row = _PLACE[name]
        boxes[name] = {
            "name": name, "count": passed[name], "x": 10 + columns[column] * step, "y": 46 + row * 165, "thick": thick,
            "height": max(2.0, passed[name] * unit), "kind": "step", "out": 0.0, "in": 0.0,
            "lift": columns[column] % 2 * 17,
        }  # fmt: skip
    y = 46.0
    order = ("closed", "terminated", "cancelled", "withdrawn", "not_selected", "ineligible", "deferred")
    for end in sorted(ends, key=order.index):
        boxes[end] = {
            "name": words(end), "count": passed[end], "x": WIDE - 130, "y": y, "thick": thick,
            "height": max(2.0, passed[end] * unit), "kind": end, "out": 0.0, "in": 0.0, "lift": 0,
        }  # fmt: skip
        y += boxes[end]["height"] + gap
    ribbons = []
    # Those that go furthest leave at the top, so that ribbons cross as little as they can.
    rank = {name: (name in ends, boxes[name]["y"], boxes[name]["x"]) for name in boxes}
    for (source, dest), count in sorted(links.items(), key=lambda item: (boxes[item[0][0]]["x"], rank[item[0][1]])):
        a, b, tall = boxes[source], boxes[dest], count * unit
        x1, x2 = a["x"] + thick, b["x"]
        y1, y2 = a["y"] + a["out"], b["y"] + b["in"]
        a["out"] += tall
        b["in"] += tall
        bend = min((x2 - x1) / 2, 150)
        there = f"M{x1:.1f},{y1:.1f} C{x1 + bend:.1f},{y1:.1f} {x2 - bend:.1f},{y2:.1f} {x2:.1f},{y2:.1f}"
        y1, y2 = y1 + tall, y2 + tall
        back = f"L{x2:.1f},{y2:.1f} C{x2 - bend:.1f},{y2:.1f} {x1 + bend:.1f},{y1:.1f} {x1:.1f},{y1:.1f} Z"
        title = f"{boxes[source]['name']} → {boxes[dest]['name']}: {count}"
        ribbons.append({"d": f"{there} {back}", "kind": boxes[dest]["kind"], "title": title})
    bottom = max((box["y"] + box["height"] for box in boxes.values()), default=0)
    return {"boxes": list(boxes.values()), "ribbons": ribbons, "height": max(height, bottom + 24)}


# --- who was busy -----------------------------------------------------------------------------------------------------


def _load(season: Season, weeks: Weeks) -> dict[str, Any]:
    done: dict[str, Counter[int]] = {}
    people: dict[str, set[str]] = {}
    for ledger in season.ledgers.by_subject.values():
        for entry in ledger:
            if entry.role in (Role.CLOCK, Role.APPLICANT, Role.SIGNATORY, Role.CONTRACTOR) or entry.order is not None:
                continue
            done.setdefault(entry.role, Counter())[weeks.of(entry.at)] += 1
            people.setdefault(entry.role, set()).add(entry.person)
    rows = []
    busiest: tuple[float, str, int] = (0, "", 0)
    for role in (str(role) for role in Role if role in done):
        staff = len(season.plan.cast.acting(Role(role))) or len(people[role])
        cells = []
        for week, count in sorted(done[role].items()):
            each = count / staff
            busiest = max(busiest, (each, role, week))
            cells.append(
                {
                    "x": LEFT + week * weeks.width,
                    "share": min(1.0, each / FULL_WEEK),
                    "full": each >= FULL_WEEK,
                    "title": f"{words(role)}, week of {weeks.monday(week):%d %b %Y}: {count} acts, {each:.1f} each",
                }
            )
        rows.append({"role": role, "staff": staff, "total": sum(done[role].values()), "cells": cells})
    most, who, when = busiest
    return {"rows": rows, "role": who, "week": weeks.monday(when), "each": most}


# --- tables -----------------------------------------------------------------------------------------------------------


def _endings(ledgers: Ledgers) -> dict[str, Any]:
    counts: dict[str, Counter[str]] = {programme.key: Counter() for programme in ledgers.edition.programmes}
    for ref, ledger in ledgers.applications.items():
        counts[ledgers.programmes[ref]][ledger[-1].dest] += 1
    stages = [stage.value for stage in Stage if any(counter[stage.value] for counter in counts.values())]
    ordered: Sequence[str] = sorted(stages, key=lambda stage: stage not in [str(end) for end in ENDS])
    selected = ledgers.selected()
    rows = [
        {"programme": p, "counts": [counts[p.key][stage] for stage in ordered], "sum": sum(counts[p.key].values()),
         "selected": selected[p.key]}
        for p in ledgers.edition.programmes
    ]  # fmt: skip
    return {"stages": ordered, "rows": rows, "sums": [sum(c[s] for c in counts.values()) for s in ordered]}


def _coverage(ledgers: Ledgers) -> dict[str, Any]:
    pairs, covered = set(reachable(ledgers.edition)), ledgers.covered()
    times = Counter((e.command, e.source) for ledger in ledgers.applications.values() for e in ledger if made(e))
    stages = [stage for stage in Stage if any(source is stage for _, source in BY_TRIGGER)]
    triggers = list(dict.fromkeys(trigger for trigger, _ in BY_TRIGGER))
    cell, across, down = 15, 158, 92
    half = (len(triggers) + 1) // 2
    dots = []
    for number, trigger in enumerate(triggers):
        offset = (number >= half) * (across + len(stages) * cell + 36)
        for place, stage in enumerate(stages):
            if (trigger, stage) in BY_TRIGGER:
                state = "met" if (trigger, stage) in covered else "unmet" if (trigger, stage) in pairs else "beyond"
                dots.append(
                    {
                        "x": across + place * cell + cell / 2 + offset,
                        "y": down + (number % half) * cell + cell / 2,
                        "state": state,
                        "r": 2.6 + min(3.2, times[(trigger, stage)] ** 0.5 / 3) if state == "met" else 2.2,
                        "title": f"{words(trigger)} from {words(stage)}: "
                        + (
                            f"{times[(trigger, stage)]} times"
                            if state == "met"
                            else "not in this edition"
                            if state == "beyond"
                            else "never"
                        ),
                    }
                )
    labels = [
        {"name": words(trigger), "x": across - 8 + (number >= half) * (across + len(stages) * cell + 36),
         "y": down + (number % half) * cell + cell / 2}
        for number, trigger in enumerate(triggers)
    ]  # fmt: skip
    heads = [
        {
            "name": words(stage),
            "x": across + place * cell + cell / 2 + side * (across + len(stages) * cell + 36),
            "y": down - 6,
        }
        for side in (0, 1)
        for place, stage in enumerate(stages)
    ]
    return {"dots": dots, "labels": labels, "heads": heads, "height": down + half * cell + 8,
            "width": 2 * (across + len(stages) * cell) + 84}  # fmt: skip


def _refusals(ledgers: Ledgers) -> list[dict[str, Any]]:
    found: Counter[tuple[str, str, str]] = Counter()
    examples: dict[tuple[str, str, str], str] = {}
    for ledger in ledgers.by_subject.values():
        for entry in ledger:
            if entry.outcome is Outcome.REFUSED and entry.refused:
                what = (entry.command, entry.refused.code, entry.refused.guard)
                found[what] += 1
                examples.setdefault(what, entry.refused.missing)
    return [
        {
            "command": words(command),
            "code": code,
            "guard": words(guard),
            "count": count,
            "missing": examples[command, code, guard],
        }
        for (command, code, guard), count in found.most_common(8)
    ]
