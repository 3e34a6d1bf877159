"""A conflict found after a step is over calls for another reviewer, as one found before does."""

import pytest

from kcity_flow.domain.errors import GuardFailed
from kcity_flow.domain.messages import Reviewer
from kcity_flow.domain.retelling import application_of
from kcity_flow.domain.reviewers import propose, wanted
from kcity_flow.domain.stages import Role, Stage
from tests.unit.case import REASON, REVIEWERS, Case, rules

PLANNING = rules("2021").programme("planning")
POOL = tuple(Reviewer(person=f"P-REVIEWER-{number}") for number in range(1, 8))


@pytest.mark.parametrize("stage", [Stage.CONSULTATION, Stage.SHORTLISTED, Stage.RESERVE])
def test_a_reviewer_is_proposed_for_a_sheet_that_was_lost_behind_the_step(stage):
    case = Case().to(stage)
    assert wanted(case.facts, PLANNING, "paper_review") == 0
    lost = case.facts.counted_sheets("paper_review")[0].reviewer
    case.do("void_sheet", Role.CHAIR, reviewer=lost, step="paper_review", reason=REASON)

    [pair] = propose(POOL, 2, [case.facts], PLANNING, "paper_review", case.now).pairs

    assert pair.reviewer.person not in [seat.reviewer for seat in case.facts.seats("paper_review")]


def test_nobody_is_proposed_once_the_application_has_left():
    case = Case().to(Stage.SHORTLISTED)
    lost = case.facts.counted_sheets("paper_review")[0].reviewer
    case.do("void_sheet", Role.CHAIR, reviewer=lost, step="paper_review", reason=REASON)
    case.do("withdraw", Role.DESK, evidence=["0" * 64])

    assert wanted(case.facts, PLANNING, "paper_review") == 0


FIRST = REVIEWERS[0]
CONFLICT = {"reviewer": FIRST, "step": "paper_review", "conflict": True, "kind": "employment"}


@pytest.mark.parametrize("role", [Role.CHAIR, Role.HEAD])
@pytest.mark.parametrize("stage", [Stage.PAPER_REVIEW, Stage.SHORTLISTED, Stage.SELECTED])
def test_chair_or_head_records_a_conflict_that_a_reviewer_hid_and_it_bars_from_every_step(role, stage):
    case = Case().to(stage)

    case.do("declare_conflict", role, **CONFLICT, reason=REASON)

    assert case.facts.conflicts == {FIRST: "employment"}
    assert (case.facts.seats("paper_review")[0].free, FIRST in case.facts.reviewers()) == (False, False)


@pytest.mark.parametrize(
    ("role", "person", "change", "missing"),
    [
        (Role.CHAIR, "P-CHAIR", {"reason": None}, "a reason"),
        (Role.CHAIR, "P-CHAIR", {"conflict": False, "kind": None}, f"that there is none only {FIRST} declares"),
        (Role.CHAIR, "P-CHAIR", {"reviewer": "P-REV-7"}, "an assignment to this application"),
        (Role.REVIEWER, REVIEWERS[1], {}, f"{FIRST} themselves, or the chair or head"),
        (Role.HEAD, "P-MAYOR", {}, "somebody without being the applicant's own contact"),
    ],
)
def test_what_is_recorded_of_somebody_else_takes_a_reason_a_seat_and_somebody_impartial(role, person, change, missing):
    case = Case().to(Stage.PAPER_REVIEW)

    with pytest.raises(GuardFailed, match=missing):
        case.do("declare_conflict", role, person=person, **({**CONFLICT, "reason": REASON} | change))


@pytest.mark.parametrize("stage", [Stage.SELECTED, Stage.RESERVE, Stage.NOT_SELECTED])
def test_a_conflict_found_after_the_decision_is_flagged_told_and_takes_nothing_back(stage):
    case = Case().to(stage)
    place, letters = case.facts.place, len(case.letters)

    case.do("declare_conflict", Role.REVIEWER, person=FIRST, step="paper_review", conflict=True, kind="family")

    assert (case.stage, case.facts.place) == (stage, place)
    assert FIRST not in [seat.reviewer for seat in case.facts.counted_sheets("paper_review")]
    assert (case.entries[-1].command, case.entries[-1].data) == ("flag", {"note": "conflict_after_decision"})
    assert [(one.template, one.to) for one in case.letters[letters:]] == [
        ("conflict_found", "ministry"), ("conflict_found", "desk"),
    ]  # fmt: skip


def test_a_decision_can_still_be_undone_after_a_conflict_was_found_and_the_conflict_stays():
    case = Case().to(Stage.CONSULTATION)
    case.do("declare_conflict", person=FIRST, step="paper_review", conflict=True, kind="family")

    case.two("return_to_paper_review", reason=REASON)

    assert (case.facts.conflicts, case.facts.seats("paper_review")[0].free) == ({FIRST: "family"}, False)
    assert application_of(case.edition, case.ref, case.entries).conflicts == case.facts.conflicts


def test_before_the_decision_a_conflict_raises_no_flag():
    case = Case().to(Stage.SHORTLISTED)

    case.do("declare_conflict", person=FIRST, step="paper_review", conflict=True, kind="family")

    assert case.entries[-1].command == "declare_conflict"


def test_a_place_is_refused_that_a_score_was_decided_for_which_a_conflict_has_changed():
    """Four sheets of 72, 72, 72 and 92: the last one's reviewer is tied, found out between proposal and approval."""
    case = Case().to(Stage.PAPER_REVIEW)
    case.do("assign_reviewer", reviewer="P-REV-4", step="paper_review", reason=REASON)
    case.do("declare_conflict", person="P-REV-4", step="paper_review", conflict=False)
    case.seal(72, 72, 72, 92)
    case.do("invite_to_consultation")
    case.finish_step()
    case.do("shortlist")
    assert case.file.view().scores["score"] == "77"
    case.do("declare_conflict", person="P-REV-4", step="paper_review", conflict=True, kind="consortium")

    for trigger, data in (("select", {"krw": 400_000_000, "rank": 1}), ("place_on_reserve", {})):
        with pytest.raises(GuardFailed, match="score 77 by which it was ranked; its sheets come to 72"):
            case.ordered(trigger, score="77", **data)
    case.ordered("select", krw=400_000_000, rank=1, score="72")
    assert case.stage is Stage.SELECTED
