"""Slots for presentations: one after another, in working hours, never two at once."""

from datetime import timedelta
from itertools import islice, pairwise
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from kcity_flow.domain.agenda import Calendar
from kcity_flow.domain.slots import CLOSES, OPENS, slots
from tests.unit.case import SEOUL, korean_days_off, seoul

CALENDAR = Calendar(ZoneInfo("Asia/Seoul"), frozenset(korean_days_off()))


def first(count: int, start, minutes: int = 40, pause: int = 10, taken=()) -> list[str]:
    found = islice(slots(start, minutes, pause, taken, CALENDAR), count)
    return [f"{at.astimezone(SEOUL):%d %H:%M}" for at in found]


def test_one_follows_the_other_with_a_pause():
    assert first(3, seoul(2021, 6, 8, 9, 30)) == ["08 09:30", "08 10:20", "08 11:10"]


def test_the_last_of_a_day_ends_when_the_day_does_and_the_next_begins_with_the_next_working_day():
    assert first(2, seoul(2021, 6, 4, 16, 50)) == ["04 16:50", "07 09:30"]
    assert first(1, seoul(2021, 6, 4, 16, 51)) == ["07 09:30"]


def test_before_the_hour_and_on_a_holiday_nobody_presents():
    assert first(1, seoul(2021, 6, 8, 7, 0)) == ["08 09:30"]
    assert first(1, seoul(2021, 5, 5, 10, 0)) == ["06 09:30"]  # Children's Day


def test_what_is_set_already_is_left_its_time_and_its_pause():
    taken = [(seoul(2021, 6, 8, 10, 0), 60)]

    assert first(2, seoul(2021, 6, 8, 9, 30), minutes=30, taken=taken) == ["08 11:10", "08 11:50"]


@given(
    st.datetimes(seoul(2021, 5, 1).replace(tzinfo=None), seoul(2021, 7, 1).replace(tzinfo=None)),
    st.integers(5, 240),
    st.integers(0, 120),
    st.lists(st.tuples(st.integers(0, 40_000), st.integers(5, 240)), max_size=6),
)
def test_slots_never_meet_each_other_nor_what_is_taken(start, minutes, pause, taken):
    begin = start.replace(tzinfo=SEOUL, microsecond=0)
    held = [(begin + timedelta(minutes=after), lasts) for after, lasts in taken]
    found = list(islice(slots(begin, minutes, pause, held, CALENDAR), 12))
    between = timedelta(minutes=pause)
    meetings = sorted((at, at + timedelta(minutes=minutes)) for at in found)

    assert all(later[0] - earlier[1] >= between for earlier, later in pairwise(meetings))
    for at, ends in meetings:
        local = at.astimezone(SEOUL)
        assert CALENDAR.works(local.date())
        assert OPENS <= local.time() <= ends.astimezone(SEOUL).time() <= CLOSES
        assert all(ends + between <= h or h + timedelta(minutes=m) + between <= at for h, m in held)
