"""Dates that a letter brings for its reader's calendar: those it states, and those of earlier letters that fall away.

What a reader's calendar holds is what earlier letters brought, so nothing else is kept of it. A date that moves keeps
its name, and says by a greater ``sequence`` that it is the later word.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime, timedelta

from pydantic import TypeAdapter

from kcity_flow.domain.agenda import APPLICATION_TIMERS, EDITION_TIMERS
from kcity_flow.domain.letters import DUE_BY
from kcity_flow.domain.messages import Entry, Letter, View
from kcity_flow.domain.values import Frozen, Instant

MEETING = "presentation"
"""The timer that stands for the date of a consultation round or a presentation."""

MEETS = ("meeting_scheduled", "meeting_moved")
"""Letters that state such a date."""

USUAL_MINUTES = 60
"""How long a meeting lasts in a calendar where nobody said how long it does (assumed)."""

SHOWN_FOR = timedelta(hours=1)
"""What a deadline takes up in a calendar: the hour before it, so that the end of a day stands on that day."""

STAGES = {
    row.timer: {
        str(stage)
        for other in (*APPLICATION_TIMERS, *EDITION_TIMERS)
        if other.timer == row.timer
        for stage in other.stages
    }
    for row in (*APPLICATION_TIMERS, *EDITION_TIMERS)
}
"""Timer → the stages at which it runs; elsewhere its date has fallen away."""


class Dated(Frozen):
    """A date in somebody's calendar. ``sequence`` rises with each word on it; both instants are UTC."""

    uid: str
    sequence: int
    timer: str
    starts_at: Instant
    ends_at: Instant
    summary: str
    cancelled: bool = False


_ALL = TypeAdapter(tuple[Dated, ...])


def dates(letter: Letter, view: View, entry: Entry, earlier: Iterable[str], awaited: Callable[[str], str]) -> str:
    """The dates that a letter brings, as the outbox keeps them; empty if it brings none.

    Args:
        letter: Which.
        view: How its subject stands.
        entry: What the letter is about.
        earlier: What earlier letters about the subject brought the same person, in order.
        awaited: What a timer is called.
    """
    known = {dated.uid: dated for brought in earlier for dated in _ALL.validate_json(brought)}
    to_come = {dated.timer: dated for dated in known.values() if dated.ends_at > entry.at}
    found = [
        Dated(
            uid=to_come[timer].uid if timer in to_come else f"{view.subject}/{timer}/{letter.about}@kcity-flow",
            sequence=view.entries,
            timer=timer,
            starts_at=starts_at,
            ends_at=ends_at,
            summary=f"{awaited(timer)} [{view.subject.removeprefix('edition/')}]",
        )
        for timer, starts_at, ends_at in _stated(letter, entry)
    ]
    fallen = [
        dated.model_copy(update={"sequence": view.entries, "cancelled": True})
        for timer, dated in to_come.items()
        if not dated.cancelled and (view.frozen or view.stage not in STAGES.get(timer, (view.stage,)))
    ]
    stated = {dated.uid for dated in found}
    brought = (*found, *(dated for dated in fallen if dated.uid not in stated))
    return _ALL.dump_json(brought).decode() if brought else ""


def files(brought: str, organizer: str, stamp: datetime) -> Iterator[tuple[str, bytes]]:
    """The calendar files of a letter, each with its method; a calendar takes in only one kind of news at once.

    Args:
        brought: As :func:`dates` made it.
        organizer: The mail address that the dates come from.
        stamp: When the letter was written, UTC.
    """
    if not brought:
        return
    for method, cancelled in (("PUBLISH", False), ("CANCEL", True)):
        if some := [dated for dated in _ALL.validate_json(brought) if dated.cancelled == cancelled]:
            yield method, _file(method, some, organizer, stamp)


def timer_of(letter: Letter) -> str:
    """The timer of a reminder: it stands behind the subject in the key."""
    return letter.key.removeprefix(f"{letter.subject}/").partition("/")[0]


def _stated(letter: Letter, entry: Entry) -> Iterator[tuple[str, datetime, datetime]]:
    """Each date that a letter states: its timer, and from when to when it stands in a calendar."""
    timer = timer_of(letter) if letter.template == "reminder" else DUE_BY.get(letter.template)
    said = [(moved.timer, moved.due_at) for moved in letter.dates]
    if letter.template in MEETS:
        said.append((MEETING, datetime.fromisoformat(entry.data["date_at"])))
    elif timer:
        said.append((timer, letter.due_at))
    for name, at in said:
        if at and name == MEETING:
            yield name, at, at + timedelta(minutes=entry.data.get("minutes") or USUAL_MINUTES)
        elif at:
            yield name, at - SHOWN_FOR, at


def _file(method: str, some: Sequence[Dated], organizer: str, stamp: datetime) -> bytes:
    # Imported here: it reads every time zone.
    from icalendar import Calendar, Event

    calendar = Calendar()
    calendar.add("prodid", "-//K-City Network//kcity-flow//EN")
    calendar.add("version", "2.0")
    calendar.add("method", method)
    for dated in some:
        event = Event()
        event.add("uid", dated.uid)
        event.add("sequence", dated.sequence)
        event.add("dtstamp", stamp)
        event.add("dtstart", dated.starts_at)
        event.add("dtend", dated.ends_at)
        event.add("summary", dated.summary)
        event.add("organizer", f"mailto:{organizer}")
        event.add("status", "CANCELLED" if dated.cancelled else "CONFIRMED")
        # Nobody is busy because something is due.
        event.add("transp", "OPAQUE" if dated.timer == MEETING else "TRANSPARENT")
        calendar.add_component(event)
    file: bytes = calendar.to_ical()
    return file
