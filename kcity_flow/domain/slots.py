"""Slots: presentations one after another, in the working hours of working days."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, time, timedelta

from kcity_flow.domain.agenda import Calendar

OPENS, CLOSES = time(9, 30), time(17, 30)
"""Between these hours of the edition's zone presentations are heard."""


def slots(
    first: datetime, minutes: int, pause: int, taken: Iterable[tuple[datetime, int]], calendar: Calendar
) -> Iterator[datetime]:
    """Instants at which a presentation may begin, without end. UTC.

    Args:
        first: The first that may be. Aware.
        minutes: How long each lasts.
        pause: Minutes between two.
        taken: Meetings that are set already: when, and for how many minutes. The panel cannot be in two at once.
        calendar: Working days, and the zone of the hours.
    """
    length, between = timedelta(minutes=minutes), timedelta(minutes=pause)
    busy = sorted((at - between, at + timedelta(minutes=lasts) + between) for at, lasts in taken)
    at = first
    while True:
        local = at.astimezone(calendar.zone)
        ends = (local + length).time()
        if not calendar.works(local.date()) or local.time() > CLOSES or ends > CLOSES or ends < local.time():
            day = calendar.plus_working_days(local.date(), 1)
            at = calendar.hour_of(day, OPENS.hour, OPENS.minute)
            continue
        if local.time() < OPENS:
            at = calendar.hour_of(local.date(), OPENS.hour, OPENS.minute)
            continue
        clash = next((until for since, until in busy if since < at + length and at < until), None)
        if clash is not None:
            at = clash
            continue
        yield at
        at = at + length + between
