"""What is due and when: working days, ladders, and a clock that never goes back."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kcity_flow.domain import agenda
from kcity_flow.domain.agenda import Calendar, due_at, steps
from kcity_flow.domain.application import Timer
from kcity_flow.domain.contradictions import contradictions
from kcity_flow.domain.edition import Due, Ladder, transformed
from kcity_flow.domain.errors import Refusal
from kcity_flow.domain.stages import ENDS, EditionStage, Role, Stage
from tests.unit.case import HASH, REASON, SEOUL, Case, Office, korean_days_off, rules, seoul

CALENDAR = Calendar(SEOUL, frozenset(korean_days_off()))
DAYS = st.dates(date(2021, 1, 1), date(2033, 12, 31))
INSTANTS = st.datetimes(datetime(2021, 1, 1), datetime(2023, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001  # zone given beside


# --- working days -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("day", "count", "expected"),
    [
        (date(2021, 2, 10), 1, date(2021, 2, 15)),  # over Seollal, 11 to 13 February, and a Sunday
        (date(2021, 2, 15), -1, date(2021, 2, 10)),
        (date(2021, 9, 17), 1, date(2021, 9, 23)),  # over Chuseok, Monday 20 to Wednesday 22 September
        (date(2021, 9, 24), -2, date(2021, 9, 17)),
        (date(2021, 9, 21), 0, date(2021, 9, 23)),  # on Chuseok itself: the next that is one
        (date(2021, 3, 5), 1, date(2021, 3, 8)),  # over a week-end
        (date(2021, 3, 5), 0, date(2021, 3, 5)),
        (date(2021, 5, 4), 1, date(2021, 5, 6)),  # over Children's Day
    ],
)
def test_working_days_leave_out_weekends_and_korean_holidays(day, count, expected):
    assert CALENDAR.plus_working_days(day, count) == expected


@given(DAYS, st.integers(1, 40))
def test_working_days_forth_and_back_are_the_same_day(day, count):
    start = CALENDAR.plus_working_days(day, 0)

    assert CALENDAR.plus_working_days(CALENDAR.plus_working_days(start, count), -count) == start


@given(DAYS, st.integers(0, 40))
def test_a_count_of_working_days_ends_on_one(day, count):
    then = CALENDAR.plus_working_days(day, count)

    assert CALENDAR.works(then)
    # Counted one by one, as a person with a calendar would.
    between = [day + timedelta(days=n) for n in range(1, (then - day).days + 1)]
    assert sum(map(CALENDAR.works, between)) == (count or (0 if CALENDAR.works(day) else 1))


def test_a_country_unknown_to_the_library_adds_no_holidays():
    assert agenda.days_off(("ZZ",), range(2021, 2022)) == ()


# --- due dates --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("due", "expected"),
    [
        ({"days": 14}, seoul(2021, 4, 15)),
        ({"working_days": 2}, seoul(2021, 4, 3)),  # Thursday 1 to Friday 2 April, armed on Wednesday
        ({"months": 1}, seoul(2021, 5, 1)),  # 31 April is the 30th
        ({"on": date(2021, 12, 31)}, seoul(2022, 1, 1)),
        ({"of": "window"}, seoul(2021, 4, 21)),
        ({"of": "results"}, seoul(2021, 7, 1)),
        ({"of": "implementation"}, seoul(2022, 7, 1)),
    ],
)
def test_a_date_is_over_at_the_end_of_its_day(due, expected):
    ladder = Ladder(timer="x", due=Due(**due))

    assert due_at(ladder, rules("2021"), CALENDAR, seoul(2021, 3, 31, 23, 59), seoul(2021, 4, 21), {}) == expected


def test_a_date_the_command_states_comes_first():
    ladder = Ladder(timer="x", due=Due(days=20))
    armed = (ladder, rules("2021"), CALENDAR, seoul(2021, 3, 31), seoul(2021, 4, 21))

    assert due_at(*armed, {"closes_at": seoul(2021, 5, 5, 17)}) == seoul(2021, 5, 5, 17)
    assert due_at(*armed, {"ends_on": date(2021, 5, 5)}) == seoul(2021, 5, 6)


@given(DAYS, st.integers(1, 240))
def test_months_keep_the_day_or_take_the_last_of_the_month(day, months):
    ladder = Ladder(timer="x", due=Due(months=months))
    due = due_at(ladder, rules("2021"), CALENDAR, CALENDAR.start_of(day), CALENDAR.start_of(day), {})
    last = due.astimezone(SEOUL).date() - timedelta(days=1)

    assert (last.year * 12 + last.month) - (day.year * 12 + day.month) == months
    assert last.day == day.day or (last.day < day.day and (last + timedelta(days=1)).day == 1)


# --- ladders ----------------------------------------------------------------------------------------------------------


def climb(ladder: Ladder, armed: datetime, due: datetime, subject: str = "KC2021-PLA-0001") -> list[agenda.Step]:
    return steps(Timer(name=ladder.timer, entry=1, armed_at=armed, due_at=due), ladder, CALENDAR, subject)


def test_reminders_go_out_in_the_morning_in_seoul_a_little_apart():
    ladder = Ladder(timer="x", due=Due(days=14), remind=(-7, -2, 1), to=("desk",))
    mornings = {
        step.at.astimezone(SEOUL).time()
        for number in range(200)
        for step in climb(ladder, seoul(2021, 5, 3), seoul(2021, 6, 1), f"KC2021-PLA-{number:04}")
        if step.offset is not None
    }

    assert {time.hour for time in mornings} == {9}
    assert {time.minute for time in mornings} == set(range(agenda.JITTER_MINUTES))


def test_a_ladder_s_offsets_are_working_days_from_the_last_day():
    ladder = Ladder(timer="x", due=Due(days=14), remind=(-2, 0, 1), to=("desk",))
    # Due at the end of Thursday 23 September 2021; Chuseok was from Monday to Wednesday.
    days = [step.at.astimezone(SEOUL).date() for step in climb(ladder, seoul(2021, 9, 1), seoul(2021, 9, 24))]

    assert days == [date(2021, 9, 16), date(2021, 9, 23), date(2021, 9, 24), date(2021, 9, 24)]


def test_a_ladder_in_calendar_days_counts_every_day():
    ladder = Ladder(timer="x", due=Due(days=60), remind=(-5,), calendar_days=True, to=("desk",))

    assert climb(ladder, seoul(2021, 9, 1), seoul(2021, 9, 26))[0].at.astimezone(SEOUL).date() == date(2021, 9, 20)


@pytest.mark.parametrize("edition", ["2021", "rehearsal"])
@given(data=st.data())
@settings(max_examples=60)
def test_rungs_rise_and_what_happens_then_comes_last(edition, data):
    ladder = data.draw(st.sampled_from(rules(edition).ladders))
    armed = data.draw(INSTANTS)
    due = armed + data.draw(st.timedeltas(timedelta(0), timedelta(days=400)))
    rungs = climb(ladder, armed, due)

    assert [rung.offset for rung in rungs] == [*ladder.remind, None]
    assert [rung.at for rung in rungs] == sorted(rung.at for rung in rungs)
    assert rungs[-1].at == max(due, *(rung.at for rung in rungs))


def test_reminders_from_before_a_timer_was_armed_are_never_sent():
    case = Case().to(Stage.SHORTLISTED)
    case.until(seoul(2021, 12, 22))
    case.ordered("place_on_reserve")  # its last day is 31 December; 30 working days before are long over
    case.until(seoul(2022, 1, 5))

    assert [letter.key.split("/")[4:] for letter in case.letters if "/reserve/" in letter.key] == [
        ["reminder-7", "ministry"]
    ]


def test_a_clarification_is_reminded_twice_told_once_and_then_lapses():
    case = Case().to(Stage.SCREENING)
    case.do("ask_clarification")  # on 21 April; due at the end of 5 May, a holiday
    asked = len(case.entries)
    case.until(seoul(2021, 5, 20))

    said = [(x.template, x.to, x.due_at.astimezone(SEOUL).date()) for x in case.letters if "/clarification/" in x.key]
    due = date(2021, 5, 6)
    assert said == [
        *[("reminder", "P-MAYOR", due)] * 2, ("overdue", "P-MAYOR", due), ("overdue", "desk", due),
    ]  # fmt: skip
    lapsed = next(entry for entry in case.entries if entry.command == "lapse_clarification")
    assert (lapsed.number > asked, lapsed.at.astimezone(SEOUL).date()) == (True, date(2021, 5, 6))
    assert not case.facts.clarification_open


def test_a_moved_date_is_a_new_generation_with_reminders_of_its_own():
    case = Case().to(Stage.CONSULTATION)
    case.do("schedule", **case.meeting(date_at=case.now + timedelta(days=30)))
    first = case.file.timers["presentation"]
    case.wait(days=25)
    case.do("reschedule", reason=REASON, **case.meeting(date_at=case.now + timedelta(days=30)))
    second = case.file.timers["presentation"]
    case.wait(days=29)

    assert (first.generation, second.generation) == (0, 1)
    assert second.due_at == first.due_at + timedelta(days=25)
    assert [x.key.split("/")[3:5] for x in case.letters if x.template == "reminder" and "/presentation/" in x.key] == [
        ["0", "reminder-7"], ["1", "reminder-7"], ["1", "reminder-1"],
    ]  # fmt: skip


FOLLOW_UP = {"kind": "ppp", "status": "proposed", "evidence": [HASH]}


def follow_ups(case: Case) -> list[tuple[str, date]]:
    """What was written about what became of it, and for which day."""
    told = [letter for letter in case.letters if "/follow_up/" in letter.key]
    return [(x.template, x.due_at.astimezone(SEOUL).date() - timedelta(days=1)) for x in told if x.to == "desk"]


def flags(case: Case) -> int:
    """How often nobody had said in time what became of it."""
    return len([e for e in case.entries if e.data.get("note") == "follow_up"])


def test_the_desk_is_asked_what_became_of_it_after_six_months_and_after_twelve():
    case = Case().to(Stage.CLOSED)
    first, second = (agenda._plus_months(case.now.astimezone(SEOUL).date(), months) for months in (6, 12))
    case.wait(days=500)

    assert follow_ups(case) == [
        (told, day) for day in (first, second) for told in ("reminder", "overdue", "flagged")
    ]  # fmt: skip
    assert flags(case) == 2


def test_a_record_answers_what_was_asked_and_nothing_that_is_to_be_asked_later():
    case = Case().to(Stage.CLOSED)
    second = agenda._plus_months(case.now.astimezone(SEOUL).date(), 12)
    case.wait(days=100)
    case.do("follow_up", **FOLLOW_UP)
    case.wait(days=95)
    assert [told for told, _ in follow_ups(case)] == ["reminder"]  # an early record answers nobody's question

    case.do("follow_up", **FOLLOW_UP)
    case.wait(days=150)
    assert [told for told, _ in follow_ups(case)] == ["reminder"]
    case.wait(days=40)
    assert follow_ups(case)[1:] == [("reminder", second)]
    case.do("follow_up", **FOLLOW_UP)
    case.wait(days=29)
    assert not case.file.finished()  # a record that was wrong can still be mended
    case.wait(days=2)

    assert (case.file.finished(), flags(case)) == (True, 0)


def test_what_was_not_asked_in_time_waits_until_there_is_a_record():
    case = Case().to(Stage.CLOSED)
    case.wait(days=240)
    overdue = [waits for waits in case.file.view().waiting if waits.due_at <= case.now]
    case.do("follow_up", **FOLLOW_UP)

    assert [(waits.what, waits.to) for waits in overdue] == [("follow_up", ("desk",))]
    assert [waits for waits in case.file.view().waiting if waits.due_at <= case.now] == []


def test_a_record_that_was_wrong_is_replaced_and_stays_in_the_ledger():
    case = Case().to(Stage.CLOSED)
    case.do("follow_up", **FOLLOW_UP)
    wrong = len(case.entries)
    case.do("follow_up", **FOLLOW_UP | {"kind": "ministry", "krw": 7_000_000_000})
    bank = {"kind": "ministry_with_development_bank", "status": "agreed", "partners": ["O-BANK"], "evidence": [HASH]}
    case.do("supersede_follow_up", **bank, supersedes=wrong, reason=REASON)

    assert [(r.kind, r.status, r.partners, r.krw) for r in case.facts.follow_ups] == [
        ("ministry_with_development_bank", "agreed", ("O-BANK",), None), ("ministry", "proposed", (), 7_000_000_000),
    ]  # fmt: skip
    assert (case.entries[-1].supersedes, case.entries[wrong - 1].data["kind"]) == (wrong, "ppp")


@pytest.mark.parametrize("due", [{"on": date(2021, 12, 31)}, {"of": "results"}, {"days": 0}, {"working_days": 0}])
def test_what_comes_again_needs_a_span(due):
    ladder = Ladder(timer="report", due=Due(**due), times=0)
    edition = rules("2021")
    ladders = (*(other for other in edition.ladders if other.timer != "report"), ladder)

    assert [found.path for found in contradictions(edition.model_copy(update={"ladders": ladders}))] == [
        "ladders.report.times"
    ]


def test_a_timer_of_an_edition_that_has_no_ladder_for_it_does_not_run():
    edition = rules("2021")
    ladders = tuple(ladder for ladder in edition.ladders if ladder.timer != "acknowledge")

    assert list(Case(edition=edition.model_copy(update={"ladders": ladders})).to(Stage.RECEIVED).file.timers) == [
        "call"
    ]


@pytest.mark.parametrize("row", [*agenda.APPLICATION_TIMERS, *agenda.EDITION_TIMERS], ids=lambda row: row.timer)
def test_a_timer_is_armed_and_cleared_by_moves_there_are(row):
    file = Case().file if row in agenda.APPLICATION_TIMERS else Office().file
    triggers = {trigger for trigger, _ in file.lifecycle.rows}

    assert {*row.armed_by, *row.cleared_by} - triggers == set()
    assert set(row.stages) <= set(Stage) | set(EditionStage)
    assert rules("2021").ladder(row.timer) is not None


# --- the clock --------------------------------------------------------------------------------------------------------


def test_on_every_day_of_a_life_the_next_thing_due_lies_ahead_and_never_goes_back():
    case = Case().to(Stage.FRAMEWORK)
    dues = []
    for _ in range(200):
        dues.append(case.file.next_due())
        case.wait(days=1)
        assert (due := case.file.next_due()) is None or due > case.now
    dues = [due for due in dues if due is not None]

    assert dues == sorted(dues)


def test_the_clock_woken_late_does_all_that_was_due_in_its_order():
    case = Case().to(Stage.SCREENING)
    case.do("ask_clarification")
    case.now += timedelta(days=60)
    case.file.run_clock(case.now, case.now)
    case.collect()
    offsets = [x.key.split("/")[4] for x in case.letters if "/clarification/" in x.key and x.to == "P-MAYOR"]

    assert offsets == ["reminder-7", "reminder-2", "overdue+1"]
    assert not case.facts.clarification_open


def test_the_call_opens_each_screening_and_closes_the_intake_at_the_same_instant():
    case, office = Case().to(Stage.RECEIVED), Office()
    office.two("open_call")
    closes = case.window.closes_at
    case.until(closes - timedelta(microseconds=1))
    office.until(closes - timedelta(microseconds=1))
    assert (case.stage, office.stage) == (Stage.RECEIVED, EditionStage.OPEN)

    case.until(closes)
    office.until(closes)
    assert (case.stage, office.stage) == (Stage.SCREENING, EditionStage.DECIDING)
    assert (case.entries[-1].at, case.entries[-1].role) == (closes, Role.CLOCK)


def test_what_arrived_late_is_flagged_and_never_opened_by_the_clock():
    case = Case()
    case.now = case.window.closes_at + timedelta(days=1)
    case.receive(received_at=case.window.closes_at)
    case.wait(days=30)

    assert (case.stage, {e.command for e in case.entries}) == (Stage.RECEIVED, {"receive", "flag"})


def test_missing_parties_are_reminded_each_and_those_who_signed_or_refused_are_not():
    case = Case().to(Stage.FRAMEWORK)
    case.do("table_text", text=HASH)
    for party, kind in {"MOLIT": "korean_government", "CITY": "host_government", "FIRM": "company"}.items():
        case.two("list_party", party=party, kind=kind, signatory=f"P-{party}")
    case.put_signature("MOLIT")
    case.do("refuse_signature", party="FIRM", person="P-FIRM")
    case.wait(days=61)

    assert {x.to for x in case.letters if "/framework_signature/" in x.key and x.template == "reminder"} == {"P-CITY"}


@given(INSTANTS)
def test_a_day_in_a_second_and_back_is_the_same_instant(business):
    tempo = transformed(rules("2021"), starts_at=datetime(2026, 1, 1, tzinfo=UTC), factor=86400).tempo
    business = max(business, tempo.origin_at)
    clock = tempo.clock(business)

    assert timedelta(0) <= tempo.business(clock) - business < timedelta(microseconds=86400)
    assert tempo.clock(tempo.business(clock)) == clock


def test_a_whole_life_never_raises_but_by_refusing():
    """Every stage with every timer of it run out."""
    for stage in [s for s in Stage if s not in (*ENDS, Stage.ABSENT, Stage.PRESENTATION, Stage.CONFIRMATION)]:
        case = Case().to(stage).wait(days=700)
        try:
            case.do("withdraw", Role.DESK, evidence=[HASH])
        except Refusal:
            assert case.stage not in (Stage.SCREENING, Stage.FRAMEWORK)
        assert (due := case.file.next_due()) is None or due > case.now


def test_a_flag_asks_nobody_outside_to_decide():
    case = Case().to(Stage.CONSULTATION)
    case.do("schedule", **case.meeting())
    case.wait(days=30)

    assert [entry.data["note"] for entry in case.entries if entry.command == "flag"][-1] == "presentation"
    told = [(letter.template, letter.to) for letter in case.letters if "/presentation/" in letter.key]
    assert told == [("reminder", "P-MAYOR")] * 2
