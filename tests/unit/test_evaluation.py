"""Scores: exact means, quorum, spread, and what is dropped."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from kcity_flow.domain.application import Application, Seat
from kcity_flow.domain.edition import Criterion, Text
from kcity_flow.domain.errors import GuardFailed, Unreadable
from kcity_flow.domain.evaluation import (
    criterion_mean,
    final_score,
    mean,
    paper_rank,
    points,
    score,
    sheet_total,
    too_few_sheets,
)
from kcity_flow.domain.messages import View
from kcity_flow.domain.stages import Stage
from tests.unit.case import HASH, REASON, REVIEWERS, Case, rules

PLANNING = rules("2021").programme("planning")
DEMONSTRATION = rules("2021").programme("demonstration")
CRITERIA = [criterion.key for criterion in PLANNING.criteria]


def judged(*totals: int, step: str = "paper_review", programme=PLANNING, free: bool = True) -> Application:
    seats = tuple(
        Seat(reviewer=reviewer, free=free, scores={criterion.key: total for criterion in programme.criteria})
        for reviewer, total in zip(REVIEWERS, totals, strict=False)
    )
    return Application(ref="KC2021-PLA-0001", reviews={step: seats})


@pytest.mark.parametrize(
    ("totals", "missing"),
    [
        ((80, 80), "1 more sealed sheets (2 of 3)"),
        ((80, 80, 80), ""),
        ((90, 80, 70), ""),  # twenty apart is not over twenty
        ((91, 80, 70), "one more sheet, as the sealed ones lie more than 20 points apart"),
        ((91, 80, 70, 80), ""),
    ],
)
def test_a_step_needs_its_quorum_and_one_more_where_sheets_lie_far_apart(totals, missing):
    assert too_few_sheets(judged(*totals), PLANNING, "paper_review") == missing


def test_whoever_is_seated_is_waited_for_so_that_no_order_of_sheets_decides():
    """Three of four sealed below the threshold: without the fourth nothing is decided, and no mean is shown."""
    case = Case().to(Stage.PAPER_REVIEW)
    case.do("assign_reviewer", reviewer="P-REV-4", step="paper_review", reason=REASON)
    case.seal(69, 69, 69)

    with pytest.raises(GuardFailed) as refused:
        case.do("reject", ground="below_threshold", reason=REASON)
    assert refused.value.missing == "1 sheet of those who are seated; void_sheet gives up a seat that is not needed"
    assert case.file.view().scores == {}

    case.do("declare_conflict", person="P-REV-4", step="paper_review", conflict=False)
    case.do("seal_sheet", person="P-REV-4", scores=dict.fromkeys(CRITERIA, 73))
    case.do("invite_to_consultation")
    assert case.file.view().scores["score"] == "70"


def test_a_seat_that_is_overdue_and_not_needed_is_given_up_with_a_reason_and_waited_for_no_more():
    case = Case().to(Stage.PAPER_REVIEW)
    case.do("assign_reviewer", reviewer="P-REV-4", step="paper_review", reason=REASON)
    case.seal(69, 69, 69)
    case.wait(days=30)
    case.do("void_sheet", reviewer="P-REV-4", step="paper_review", reason=REASON)

    assert [(one.what, one.to) for one in case.file.view().waiting] == [("reject", ("chair",))]
    with pytest.raises(GuardFailed, match="free_to_judge"):
        case.do("seal_sheet", person="P-REV-4", scores=dict.fromkeys(CRITERIA, 99))
    case.do("reject", ground="below_threshold", reason=REASON)
    assert case.stage is Stage.NOT_SELECTED


def test_a_panel_has_a_quorum_of_its_own():
    panel = judged(80, 80, 80, step="presentation", programme=DEMONSTRATION)

    assert too_few_sheets(panel, DEMONSTRATION, "presentation") == "2 more sealed sheets (3 of 5)"


def test_sheets_of_those_who_are_not_free_do_not_count():
    assert score(judged(80, 80, 80, free=False), PLANNING, "paper_review") is None


def test_a_mean_is_an_exact_fraction():
    assert score(judged(70, 70, 71), PLANNING, "paper_review") == Fraction(211, 3)


def test_weights_count():
    criteria = [Criterion(key="a", title=Text(en="a"), weight=2), Criterion(key="b", title=Text(en="b"))]

    assert sheet_total({"a": 90, "b": 60}, criteria) == 80


@pytest.mark.parametrize(("trim_from", "expected"), [(None, 60), (5, 70), (6, 60)])
def test_from_so_many_sheets_on_the_extremes_are_dropped(trim_from, expected):
    assert mean([Fraction(x) for x in (0, 60, 70, 80, 90)], trim_from) == expected


@given(st.lists(st.integers(0, 100), min_size=1, max_size=9), st.randoms())
def test_the_order_of_sheets_changes_nothing(totals, dice):
    shuffled = list(totals)
    dice.shuffle(shuffled)

    assert mean(list(map(Fraction, totals)), 3) == mean(list(map(Fraction, shuffled)), 3)


@given(st.lists(st.integers(0, 100), min_size=1, max_size=9))
def test_a_mean_lies_between_the_lowest_and_the_highest(totals):
    assert min(totals) <= mean(list(map(Fraction, totals)), 5) <= max(totals)


def test_the_panel_ranks_where_there_is_one():
    paper = judged(90, 90, 90, programme=DEMONSTRATION)
    both = paper.model_copy(
        update={"reviews": paper.reviews | judged(*[71] * 5, step="presentation", programme=DEMONSTRATION).reviews}
    )

    assert final_score(both, DEMONSTRATION) == 71
    assert final_score(paper, DEMONSTRATION) is None
    assert criterion_mean(both, DEMONSTRATION, "proven_merit") == 71
    assert criterion_mean(paper, DEMONSTRATION, "proven_merit") is None


@pytest.mark.parametrize(
    ("score", "others", "told"),
    [
        ("70", (), "70.00"),
        ("20999/300", (), "70.00 (exactly 20999/300)"),
        ("21001/300", (), "70.00 (exactly 21001/300)"),
        ("269/3", (), "89.67"),
        ("269/3", ("269/3", "80"), "89.67"),
        ("269/3", ("8967/100",), "89.67 (exactly 269/3)"),
    ],
)
def test_two_decimals_never_show_a_threshold_as_reached_or_two_as_equal_that_are_not(score, others, told):
    assert points(score, others) == told


def test_who_is_rejected_on_paper_is_told_the_score_though_a_panel_would_have_ranked_it():
    case = Case("demonstration").to(Stage.PAPER_REVIEW)
    case.seal(60, 61, 62)
    case.do("reject", ground="below_threshold", reason=REASON)

    assert (case.file.view().scores["score"], case.file.view().sheets) == ("61", 3)


def test_while_the_panel_seals_its_sheets_no_mean_is_shown():
    case = Case("demonstration").to(Stage.PRESENTATION)
    case.meet()
    case.seal(80, 80, 80, 80)

    assert case.file.view().scores == {}


@pytest.mark.parametrize("score", [True, "85", 90.0])
def test_a_score_is_a_whole_number_and_nothing_that_could_be_read_as_one(score):
    case = Case().to(Stage.PAPER_REVIEW)

    with pytest.raises(Unreadable, match=r"scores\.demand"):
        case.do("seal_sheet", person="P-REV-1", scores={"priority": 80, "demand": score, "korean_opportunities": 80})
    with pytest.raises(ValidationError, match="demand"):
        Seat(reviewer="P-REV-1", scores={"demand": score})


def reviewed(number: int, *scores: int, withdraws: bool = False) -> View:
    """How an application that was judged on paper stands in the register."""
    case = Case("joint_design", "rehearsal").to(Stage.PAPER_REVIEW)
    case.seal(*scores)
    if withdraws:
        case.do("withdraw", evidence=[HASH])
    return case.file.view().model_copy(update={"subject": f"KC2030-JOI-{number:04}"})


def test_a_rank_on_paper_is_counted_among_those_that_are_judged_and_have_not_left():
    views = [
        reviewed(1, 80, 80, 80),
        reviewed(2, 90, 90, 90),
        reviewed(3, 80, 80, 80),
        reviewed(4, 95, 95, 95, withdraws=True),
        reviewed(5, 70, 70, 70),
        reviewed(6, 99, 99),
    ]

    assert [paper_rank(view.subject, views) for view in views] == [2, 1, 2, None, 4, None]
