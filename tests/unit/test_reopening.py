"""An upheld objection has an effect: the step in error, and every step after it, is judged anew."""

from typing import Any

import pytest

from kcity_flow.audit.sayings import Heading
from kcity_flow.domain.errors import GuardFailed
from kcity_flow.domain.retelling import application_of
from kcity_flow.domain.stages import Stage
from tests.unit.case import REASON, REVIEWERS, Case
from tests.unit.test_explain import told

S = Stage


def upheld(case: Case, step: str) -> Case:
    """Its rejection is published and told, objected to, and the step found in error."""
    case.ordered("publish_result")
    case.do("send_letter")
    case.do("object", ground="reviewers_error")
    case.two("uphold_objection", step=step, reason=REASON)
    return case


def rejected_on_paper() -> Case:
    case = Case().to(S.PAPER_REVIEW)
    case.seal(60, 60, 60)
    case.do("reject", ground="below_threshold", reason=REASON)
    return case


def rejected_at_the_presentation() -> Case:
    case = Case("demonstration").to(S.PRESENTATION)
    case.meet()
    case.seal(60, 60, 60, 60, 60)
    case.do("reject", ground="below_threshold", reason=REASON)
    return case


def test_what_was_reopened_for_a_reviewers_error_is_not_rejected_on_the_same_sheets():
    case = upheld(rejected_on_paper(), "paper_review")
    case.do("reopen_review")

    with pytest.raises(GuardFailed) as refused:
        case.do("reject", ground="below_threshold", reason=REASON)

    assert refused.value.missing == "3 more sealed sheets (0 of 3)"


def test_reviewers_of_a_reopened_review_are_seated_declare_and_seal_anew_by_new_dates():
    case = upheld(rejected_on_paper(), "paper_review")
    case.do("reopen_review")
    waited: list[list[str]] = [[one.what for one in case.file.view().waiting]]
    for reviewer in REVIEWERS[:3]:
        case.do("assign_reviewer", reviewer=reviewer, step="paper_review", reason=REASON)
    waited.append([one.what for one in case.file.view().waiting])
    for reviewer in REVIEWERS[:3]:
        case.do("declare_conflict", person=reviewer, step="paper_review", conflict=False)
    waited.append([one.what for one in case.file.view().waiting])

    assert waited == [["assign_reviewer"], ["conflict_declaration"], ["score_sheet"]]


def test_who_was_wrongly_judged_on_paper_comes_to_the_presentation_after_all():
    case = upheld(rejected_at_the_presentation(), "paper_review")
    case.do("reopen_review")
    case.assign("paper_review", 3)
    case.seal(95, 95, 95)
    case.assign("presentation", 5)
    case.do("invite_to_presentation")
    case.meet()
    case.seal(90, 90, 90, 90, 90)
    case.do("shortlist")

    assert case.file.view().scores["score"] == "90"


REOPENED = [
    #  step             reached then                                      seats that stay
    ("paper_review", ["received", "screening", "paper_review"], []),
    ("presentation", ["received", "screening", "paper_review", "presentation"], ["paper_review"]),
]


@pytest.mark.parametrize(("step", "reached", "seated"), REOPENED)
def test_only_what_lies_before_the_reopened_step_stands(step: str, reached: list[str], seated: list[str]):
    case = upheld(rejected_at_the_presentation(), step)
    case.do({"paper_review": "reopen_review"}.get(step, f"reopen_{step}"))
    facts = case.facts

    assert (list(facts.reached), list(facts.reviews), facts.meeting) == (reached, seated, None)


def test_a_reopened_consultation_begins_with_its_first_round_and_keeps_the_sheets():
    case = upheld(Case().to(S.NOT_SELECTED), "consultation")
    case.do("reopen_consultation")

    assert (case.facts.rounds_finished, case.facts.meeting) == (0, None)
    case.finish_step()
    case.do("shortlist")
    assert case.file.view().scores["score"] == "80"


def test_at_the_reopened_shortlist_every_step_stands():
    case = upheld(Case().to(S.NOT_SELECTED), "shortlisted")
    before = case.facts.reviews
    case.do("reopen_selection")

    assert case.facts.reviews == before
    assert case.facts.reached[-1] is S.SHORTLISTED


def test_what_was_judged_before_stays_in_the_ledger_and_is_told_as_it_was():
    case = upheld(rejected_on_paper(), "paper_review")
    before = case.facts.reviews
    case.wait(days=1)
    case.do("reopen_review")
    reopened_at = case.entries[-1].at
    case.assign("paper_review", 3)
    case.seal(80, 80, 80)
    case.do("invite_to_consultation")

    assert application_of(case.edition, case.ref, case.entries, reopened_at).reviews == before
    assert application_of(case.edition, case.ref, case.entries) == case.facts.model_copy(update={"timers": {}})


def _means(case: Case) -> list[Any]:
    return [text for text in told(case, Heading.REVIEW) if "came to a mean" in text]


def test_both_judgements_are_explained_each_by_its_own_sheets():
    case = upheld(rejected_on_paper(), "paper_review")
    case.do("reopen_review")
    case.assign("paper_review", 3)
    case.seal(80, 80, 80)
    case.do("invite_to_consultation")

    assert [text.split(" of 100")[0] for text in _means(case)] == [
        "In the paper review 3 score sheets came to a mean of 60.00",
        "In the paper review 3 score sheets came to a mean of 80.00",
    ]
