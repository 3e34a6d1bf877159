"""A conflict found after a step is over calls for another reviewer, as one found before does."""

import pytest

from kcity_flow.domain.messages import Reviewer
from kcity_flow.domain.reviewers import propose, wanted
from kcity_flow.domain.stages import Role, Stage
from tests.unit.case import REASON, Case, rules

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
