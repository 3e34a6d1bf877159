"""What is due, for whom and when: which moves arm which timers, and how a ladder climbs.

A pure function of the edition and of what has happened. Instants are business time in UTC; reminders go out at
09:00 in the edition's zone, offsets are working days. A timer never decides: it makes the moves that the table
gives to the clock, and otherwise raises a flag.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import holidays

from kcity_flow.domain.application import RUN_WHILE_SUSPENDED, Application, Timer
from kcity_flow.domain.edition import BEFORE_CLOSE, DateOf, Edition, Ladder
from kcity_flow.domain.moves import CLARIFIED, ENDS_OF_WORK, JUDGED, WORK
from kcity_flow.domain.stages import ENDS, OBJECTIONABLE, EditionStage, Stage
from kcity_flow.domain.values import last_day, start_of
from kcity_flow.domain.work import LONG_STOP, NOTICE_TIMER, PAYMENT_TIMER, REPORT_TIMER

S, E = Stage, EditionStage

FILE_TIMER = "file"
"""Runs at every end; when it and every other timer is over, the file closes."""

PROMOTION_TIMER = "promotion"
"""Runs for each programme of which somebody was named as next on the reserve."""


def undeclared(application: Application) -> list[str]:
    """Reviewers who have yet to say whether there is a conflict."""
    seats = (seat for step in application.reviews for seat in application.awaited_seats(step))
    return sorted({seat.reviewer for seat in seats if seat.free is None})


def unsealed(application: Application) -> list[str]:
    """Reviewers who have yet to seal a sheet: of the step the application stands on, or of one that lost a sheet."""
    steps = [step for step in application.reviews if Stage(step) in application.reached]
    return sorted({seat.reviewer for step in steps for seat in application.awaited_seats(step) if seat.free})


def sides_to_agree(application: Application) -> list[str]:
    """The sides that have yet to agree the minutes of the meeting that was held."""
    meeting = application.meeting
    if meeting is None or not meeting.held:
        return []
    return [side for side in ("applicant", "ministry") if side not in meeting.agreed_by]


def bids_to_evaluate(application: Application) -> list[str]:
    """Whose bids were opened and not evaluated yet."""
    tender = application.tender
    return [bid.bidder for bid in tender.standing] if tender.opened and tender.valid is None else []


def open_complaints(application: Application) -> list[str]:
    """Whose complaint against the award waits for its decision."""
    return application.tender.open_complaints()


class Arming(NamedTuple):
    """A row reads: *armed_by* starts the timer, *cleared_by* ends it, and it runs only at *stages*.

    Where *waits_on* is given, the timer runs for as long as that names somebody. *answered_by* is for one that comes
    again: it ends what was asked for until then, and the next time comes as it would have.
    """

    timer: str
    armed_by: tuple[str, ...]
    cleared_by: tuple[str, ...]
    stages: tuple[Any, ...]
    waits_on: Callable[[Any], list[str]] | None = None
    answered_by: tuple[str, ...] = ()


# fmt: off
APPLICATION_TIMERS = (
    Arming("call",                ("receive", "return_to_received"),     (),                          (S.RECEIVED,)),
    Arming("acknowledge",         ("receive",),                          ("acknowledge",),            (S.RECEIVED, S.SCREENING)),
    Arming("screening",           ("open_screening", "reopen_screening"), (),                         (S.SCREENING,)),
    Arming("clarification",       ("ask_clarification",),                ("answer_clarification", "lapse_clarification"), CLARIFIED),
    Arming("conflict_declaration", ("assign_reviewer", "replace_reviewer"), (),                       JUDGED,    undeclared),
    Arming("score_sheet",         ("pass_screening", "hold", "declare_conflict", "reopen_review", "reopen_presentation"), (), JUDGED[1:], unsealed),
    Arming("schedule",            ("invite_to_consultation", "invite_to_presentation", "finish_round", "miss_date", "reopen_consultation", "reopen_presentation"), ("schedule", "reschedule"), (S.CONSULTATION, S.PRESENTATION)),
    Arming("minutes",             ("hold",),                             (),                          (S.CONSULTATION,), sides_to_agree),
    Arming("presentation",        ("schedule", "reschedule"),            ("hold", "miss_date"),       (S.PRESENTATION, S.CONSULTATION)),
    Arming("letters",             ("publish_result", "declare_ineligible", "refuse_late", "expire"), ("send_letter",), (S.SELECTED, S.RESERVE, *OBJECTIONABLE)),
    Arming("objection_period",    ("send_letter",),                      ("object",),                 OBJECTIONABLE),
    Arming("objection",           ("object",),                           ("uphold_objection", "dismiss_objection"), OBJECTIONABLE),
    Arming("reserve",             ("place_on_reserve",),                 (),                          (S.RESERVE,)),
    Arming("framework_signature", ("open_framework", "extend_signature"), (),                         (S.FRAMEWORK,)),
    Arming("framework_long_stop", ("open_framework", "extend_signature"), (),                         (S.FRAMEWORK,)),
    Arming("procurement_notice",  ("publish_notice",),                   ("open_bids",),              (S.PROCUREMENT,)),
    Arming("renotice",            ("renotice",),                         ("open_bids",),              (S.PROCUREMENT,)),
    Arming("bid_questions",       ("publish_notice", "renotice"),        ("open_bids",),              (S.PROCUREMENT,)),
    Arming("bid_evaluation",      ("open_bids", "uphold_complaint"),     (),                          (S.PROCUREMENT,), bids_to_evaluate),
    Arming("standstill",          ("announce_award",),                   ("record_negotiation", "uphold_complaint", "renotice"), (S.PROCUREMENT,)),
    Arming("complaint",           ("complain",),                         (),                          (S.PROCUREMENT,), open_complaints),
    Arming(REPORT_TIMER,          ("award_contract", "return_final"),    (),                          (S.IMPLEMENTATION, S.SUSPENDED)),
    Arming("implementation_end",  ("award_contract", "extend"),          (),                          WORK),
    Arming("suspension",          ("suspend",),                          (),                          (S.SUSPENDED,)),
    Arming(NOTICE_TIMER,          ("notify_termination",),               ("withdraw_termination", "resume"), WORK),
    Arming("acceptance",          ("submit_final",),                     (),                          (S.ACCEPTANCE,)),
    Arming(PAYMENT_TIMER,         (),                                    (),                          ENDS_OF_WORK),  # one for each accepted claim
    Arming("settlement",          ("accept_final",),                     (),                          (S.SETTLEMENT,)),
    Arming(LONG_STOP,             ("accept_final",),                     (),                          (S.SETTLEMENT,)),
    Arming("follow_up",           ("close",),                            (),                          (S.CLOSED,), None, ("follow_up",)),
    Arming(FILE_TIMER,            ("follow_up",),                        (),                          ENDS),  # armed on entering an end; a record can be mended
)
EDITION_TIMERS = (
    Arming("call",                ("open_call",),                        (),                          (E.OPEN,)),
    Arming("results",             ("close_intake",),                     (),                          (E.DECIDING,)),
    Arming(PROMOTION_TIMER,       (),                                    (),                          (E.DECIDING, E.PUBLISHED)),  # one for each nomination
)
# fmt: on

BOOKED_LATE = {
    "objection_period": timedelta(days=7),
    BEFORE_CLOSE: timedelta(days=3),
    "standstill": timedelta(days=3),
}
"""So long after their due date these timers run on: what arrived by post in time is booked after a holiday, too."""

REMINDER_HOUR = 9
JITTER_MINUTES = 30
"""Reminders of one morning are spread over so many minutes."""


class Step(NamedTuple):
    """A rung of a ladder: a reminder ``offset`` days from the due date, or what happens ``then`` (offset ``None``)."""

    at: datetime
    offset: int | None


class Calendar(NamedTuple):
    """A zone and the days that are no working days beside Saturdays and Sundays."""

    zone: ZoneInfo
    days_off: frozenset[date]

    def works(self, day: date) -> bool:
        """Whether this is a working day."""
        return day.weekday() < 5 and day not in self.days_off

    def plus_working_days(self, day: date, count: int) -> date:
        """The working day ``count`` working days away; 0 is the day itself, or the next one that is."""
        step = timedelta(days=1 if count >= 0 else -1)
        if count == 0:
            while not self.works(day):
                day += step
        for _ in range(abs(count)):
            day += step
            while not self.works(day):
                day += step
        return day

    def day_of(self, instant: datetime) -> date:
        """The date an instant falls on, here."""
        return instant.astimezone(self.zone).date()

    def start_of(self, day: date) -> datetime:
        """Midnight at the start of a day here, in UTC."""
        return start_of(day, self.zone)

    def hour_of(self, day: date, hour: int, minute: int = 0) -> datetime:
        """An hour of a day here, in UTC."""
        return datetime.combine(day, time(hour, minute), tzinfo=self.zone).astimezone(UTC)


def days_off(countries: tuple[str, ...], years: range) -> tuple[date, ...]:
    """Public holidays of the countries, by the ``holidays`` library.

    Asked once, when an edition opens or an application arrives; the answer travels by value, so that a newer
    library never changes a deadline that runs.
    """
    found: set[date] = set()
    for country in countries:
        if country in holidays.list_supported_countries():
            found |= set(holidays.country_holidays(country, years=years))
    return tuple(sorted(found))


def due_at(
    ladder: Ladder, edition: Edition, calendar: Calendar, now: datetime, closes_at: datetime, stated: Mapping[str, Any],
    falls: Callable[[datetime], datetime] = lambda at: at,
) -> datetime:  # fmt: skip
    """When a timer armed now falls due. A date is over at the end of that day.

    Args:
        ladder: The timer's ladder.
        edition: Whose dates ``of`` refers to.
        calendar: Working days and zone.
        now: The business time at which the timer is armed.
        closes_at: The close of the window concerned.
        stated: The instant or date that the command states, if it does.
        falls: When a date of the edition falls here, pauses counted.
    """
    if ladder.timer == BEFORE_CLOSE:
        last, back = last_day(stated["closes_at"], calendar.zone), -(ladder.due.working_days or 0)
        return calendar.start_of(calendar.plus_working_days(last, back) + timedelta(days=1))
    for name in ("date_at", "closes_at", "ends_at"):
        if name in stated:
            return stated[name]  # type: ignore[no-any-return]  # parsed by the command's model
    if "ends_on" in stated:
        return calendar.start_of(stated["ends_on"] + timedelta(days=1))
    if "signs_by" in stated:
        return calendar.start_of(
            stated["signs_by"] + timedelta(days=1 + _after_signing(ladder, edition, calendar, now))
        )
    due = ladder.due
    if due.of is DateOf.WINDOW:
        return falls(closes_at)
    if due.of is DateOf.RESULTS:
        return falls(calendar.start_of(edition.results.due_on + timedelta(days=1)))
    if due.of is DateOf.IMPLEMENTATION:
        return falls(calendar.start_of(edition.implementation.ends_on + timedelta(days=1)))
    if due.on is not None:
        return falls(calendar.start_of(due.on + timedelta(days=1)))
    today = calendar.day_of(now)
    if due.working_days is not None:
        return calendar.start_of(calendar.plus_working_days(today, due.working_days) + timedelta(days=1))
    if due.months is not None:
        return calendar.start_of(_plus_months(today, due.months) + timedelta(days=1))
    return calendar.start_of(today + timedelta(days=(due.days or 0) + 1))


def _after_signing(ladder: Ladder, edition: Edition, calendar: Calendar, now: datetime) -> int:
    """How many days after the last day for signing a timer of the framework falls due, as the edition has them."""
    signing = edition.ladder("framework_signature")
    if signing is None or ladder.timer == signing.timer:
        return 0
    days = [calendar.day_of(due_at(one, edition, calendar, now, now, {})) for one in (signing, ladder)]
    return max(0, (days[1] - days[0]).days)


def _plus_months(day: date, months: int) -> date:
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    for last in (day.day, 30, 29, 28):
        try:
            return date(year, month + 1, min(day.day, last))
        except ValueError:
            continue
    raise AssertionError("every month has 28 days")


def steps(timer: Timer, ladder: Ladder, calendar: Calendar, subject: str) -> list[Step]:
    """The rungs of a timer in order of time.

    Always as many, so that ``done`` means the same rungs when a deadline has moved. What happens ``then`` comes
    last: at the due instant, or later where what arrived in time may be booked later, or reminders go on beyond it.
    """
    jitter = int(hashlib.sha256(subject.encode()).hexdigest()[:8], 16) % JITTER_MINUTES
    # A due instant is the end of a day: the day it belongs to is the one that has just ended.
    due_day = last_day(timer.due_at, calendar.zone)
    reminders = []
    for offset in ladder.remind:
        day = due_day + timedelta(days=offset) if ladder.calendar_days else calendar.plus_working_days(due_day, offset)
        reminders.append(Step(calendar.hour_of(day, REMINDER_HOUR, jitter), offset))
    over = timer.due_at + BOOKED_LATE.get(timer.name, timedelta(0))
    then = max([over, *(step.at for step in reminders)])
    return [*reminders, Step(then, None)]


def armed(
    rows: tuple[Arming, ...], trigger: str, stage: Any, timers: Mapping[str, Timer], facts: Any
) -> tuple[list[str], dict[str, Timer]]:
    """What a move arms, and what still runs after it; ``facts`` are those after the move."""

    def runs(row: Arming) -> bool:
        return stage in row.stages and (row.waits_on is None or bool(row.waits_on(facts)))

    kept = {}
    stages = {row.timer: row for row in rows}
    for name, timer in timers.items():
        row = stages.get(timer.name)
        if row is None or (trigger not in row.cleared_by and runs(row)):
            kept[name] = timer
    # Who is assigned later does not move the date of those who were assigned before.
    started = [row for row in rows if trigger in row.armed_by and not (row.waits_on and row.timer in kept)]
    return [row.timer for row in started if runs(row)], kept


def running(timers: Mapping[str, Timer], stage: Any) -> Iterator[Timer]:
    """Timers that run at this stage: while work is suspended, only the suspension's own and proposals'."""
    for timer in timers.values():
        if stage is not Stage.SUSPENDED or timer.name in RUN_WHILE_SUSPENDED:
            yield timer
