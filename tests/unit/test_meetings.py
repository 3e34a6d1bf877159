"""Consultations that go wrong are mended, and objections that came in time are heard."""

from datetime import timedelta

import pytest

from kcity_flow.domain.errors import GuardFailed
from kcity_flow.domain.retelling import application_of
from kcity_flow.domain.stages import Role, Stage
from tests.unit.case import HASH, REASON, Case

ANOTHER = "c" * 64
INSTANT = timedelta(microseconds=1)
SIDES = {"applicant": Role.APPLICANT, "ministry": Role.MINISTRY}


def says(case: Case, side: str, minutes: str = HASH, *, scope: bool = False) -> None:
    case.do("agree_minutes", SIDES[side], side=side, minutes=minutes, scope_agreed=scope)


def last_round() -> Case:
    case = Case().to(Stage.CONSULTATION)
    case.meet()
    case.agree()
    case.do("finish_round")
    case.meet()
    return case


def agreed(case: Case) -> tuple[str | None, set[str], set[str]]:
    meeting = case.facts.meeting
    return meeting.agreed, set(meeting.agreed_by), set(meeting.scope_agreed)


def test_a_side_that_forgot_the_scope_agrees_it_afterwards():
    case = last_round()
    says(case, "applicant")
    says(case, "ministry", scope=True)
    with pytest.raises(GuardFailed, match="the scope agreed by both sides"):
        case.do("shortlist")
    says(case, "applicant", scope=True)
    case.do("shortlist")

    assert case.stage is Stage.SHORTLISTED


def test_a_wrong_text_is_replaced_by_whoever_agreed_it_and_the_ledger_keeps_both():
    case = last_round()
    says(case, "applicant", ANOTHER, scope=True)
    with pytest.raises(GuardFailed, match="same_minutes"):
        says(case, "ministry", scope=True)
    says(case, "applicant", scope=True)
    says(case, "ministry", scope=True)

    assert agreed(case) == (HASH, {"applicant", "ministry"}, {"applicant", "ministry"})
    said = [entry.data["minutes"] for entry in case.entries if entry.command == "agree_minutes"][-4:]
    assert said == [ANOTHER, HASH, HASH, HASH]
    assert application_of(case.edition, case.ref, case.entries) == case.facts.model_copy(update={"timers": {}})


def test_what_both_agreed_is_fixed():
    case = last_round()
    says(case, "applicant", scope=True)
    says(case, "ministry", scope=True)
    before = agreed(case)

    for side in SIDES:
        with pytest.raises(GuardFailed, match="agrees_once"):
            says(case, side, scope=True)
        with pytest.raises(GuardFailed, match="agrees_once"):
            says(case, side)
        with pytest.raises(GuardFailed):
            says(case, side, ANOTHER, scope=True)
    assert agreed(case) == before


def test_nobody_has_missed_a_meeting_that_has_only_begun():
    case = Case().to(Stage.CONSULTATION)
    case.do("schedule", **case.meeting(minutes=90))
    begins = case.facts.meeting.at
    for now in (begins, begins + timedelta(minutes=90) - INSTANT):
        case.now = now
        with pytest.raises(GuardFailed, match="date_passed_unheld"):
            case.do("miss_date")
    case.now = begins + timedelta(minutes=90)
    case.do("miss_date")

    assert case.facts.missed == 1


# --- objections -------------------------------------------------------------------------------------------------------


def told(case: Case) -> Case:
    """Rejected, published, told: the objection period runs."""
    case.ordered("publish_result")
    case.do("send_letter")
    return case


def after_its_end(days: int) -> tuple[Case, object]:
    case = told(Case().to(Stage.NOT_SELECTED))
    ends_at = case.file.timers["objection_period"].due_at
    return case.until(ends_at + timedelta(days=days)), ends_at


def test_an_objection_that_came_on_the_last_day_is_booked_after_the_weekend():
    case, ends_at = after_its_end(3)
    case.do("object", Role.DESK, ground="office_error", received_at=ends_at - INSTANT)

    assert case.facts.objection.state == "open"


def test_an_objection_that_came_too_late_is_refused_whenever_it_is_booked():
    case, ends_at = after_its_end(0)

    for arrival in ({"received_at": ends_at}, {}):
        with pytest.raises(GuardFailed, match="in_objection_period"):
            case.do("object", Role.DESK, ground="office_error", **arrival)


def test_no_objection_comes_from_the_future_or_before_the_letter():
    case = told(Case().to(Stage.NOT_SELECTED))

    for at in (case.now + INSTANT, case.now - INSTANT):
        with pytest.raises(GuardFailed, match="in_objection_period"):
            case.do("object", Role.DESK, ground="office_error", received_at=at)


def test_a_file_stays_open_for_a_week_after_the_period_and_no_longer():
    case = Case().to(Stage.NOT_SELECTED).wait(days=100)  # its own thirty days are over
    told(case)
    ends_at = case.file.timers["objection_period"].due_at

    case.until(ends_at + timedelta(days=7) - INSTANT)
    assert not case.file.finished()
    case.until(ends_at + timedelta(days=7))
    assert case.file.finished()
    with pytest.raises(GuardFailed, match="in_objection_period"):
        case.do("object", Role.DESK, ground="office_error", received_at=ends_at - INSTANT, reason=REASON)
