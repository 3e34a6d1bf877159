"""Who judges, decides and judges again is bound to nobody and to nothing they did before."""

import pytest

from kcity_flow.domain.errors import GuardFailed
from kcity_flow.domain.moves import MOVES
from kcity_flow.domain.reading import closed_to, listed
from kcity_flow.domain.retelling import application_of
from kcity_flow.domain.stages import Role, Stage
from tests.unit.case import HASH, REASON, REVIEWERS, Case

FIRST, SIXTH = REVIEWERS[0], REVIEWERS[5]
ERROR = {"ground": "reviewers_error"}


def seated(case: Case, person: str, step: str = "paper_review", **declares: object) -> None:
    """Somebody takes a seat and declares whether there is a conflict."""
    case.do("assign_reviewer", reviewer=person, step=step, reason=REASON)
    case.do("declare_conflict", Role.REVIEWER, person=person, step=step, **({"conflict": False} | declares))


def objected(case: Case) -> Case:
    """The decision is published, told, and objected to."""
    if case.stage is Stage.NOT_SELECTED:
        case.ordered("publish_result")
    case.do("send_letter")
    case.do("object", Role.APPLICANT, **ERROR)
    return case


def rejected() -> Case:
    """Judged on paper, one reviewer replaced after sealing, and rejected by the chair."""
    case = Case().to(Stage.PAPER_REVIEW)
    case.seal(40, 60, 60)
    case.do("replace_reviewer", replaces=FIRST, reviewer=SIXTH, step="paper_review", reason=REASON)
    case.do("declare_conflict", person=SIXTH, step="paper_review", conflict=False)
    case.do("seal_sheet", person=SIXTH, scores=dict.fromkeys(("priority", "demand", "korean_opportunities"), 60))
    case.do("reject", ground="below_threshold", reason=REASON)
    return case


@pytest.mark.parametrize("person", [FIRST, SIXTH, "P-CHAIR"], ids=["replaced", "seated", "who decided"])
def test_nobody_who_judged_an_application_judges_the_objection_to_it(person):
    case = objected(rejected())

    for move, data in (("dismiss_objection", {}), ("uphold_objection", {"step": "paper_review"})):
        with pytest.raises(GuardFailed) as refusal:
            case.do(move, person=person, reason=REASON, **data)
        assert refusal.value.guard == "none_of_the_first_reviewers"
    case.do("dismiss_objection", reason=REASON)


@pytest.mark.parametrize("person", ["P-DESK", "P-DESK-2"], ids=["proposed", "confirmed"])
def test_both_who_declared_an_application_ineligible_are_barred_from_the_objection(person):
    case = objected(Case().to(Stage.INELIGIBLE))

    with pytest.raises(GuardFailed, match="neither reviewed the application nor decided on it"):
        case.do("dismiss_objection", person=person, reason=REASON)


def test_both_who_passed_it_over_at_the_edition_are_among_those_who_judged_it():
    case = Case().to(Stage.NOT_SELECTED)

    assert case.facts.judged_by == (*REVIEWERS[:3], "P-CHAIR", "P-COMMITTEE", "P-MINISTRY-2")


def test_who_judged_it_is_remembered_once_and_also_when_it_was_undone():
    case = Case().to(Stage.PAPER_REVIEW)
    case.seal(60, 60, 60)
    case.do("reject", person="P-CHAIR-2", ground="below_threshold", reason=REASON)
    case.two("return_to_paper_review", reason=REASON)
    case.do("reject", ground="below_threshold", reason=REASON)

    assert case.facts.judged_by == (*REVIEWERS[:3], "P-CHAIR-2", "P-CHAIR")


@pytest.mark.parametrize("case", [rejected, lambda: Case().to(Stage.INELIGIBLE)])
def test_a_ledger_tells_who_judged(case):
    found = case()

    assert application_of(found.edition, found.ref, found.entries).judged_by == found.facts.judged_by != ()


def tied_chair() -> Case:
    """Judged on paper, below the threshold; the chair had a seat and declared a conflict."""
    case = Case().to(Stage.SCREENING)
    seated(case, "P-CHAIR", conflict=True, kind="employment")
    case.to(Stage.PAPER_REVIEW)
    case.seal(60, 60, 60)
    return case


@pytest.mark.parametrize(
    ("move", "data"),
    [
        ("reject", {"ground": "below_threshold"}),
        ("void_sheet", {"reviewer": FIRST, "step": "paper_review"}),
        ("replace_reviewer", {"replaces": FIRST, "reviewer": SIXTH, "step": "paper_review"}),
        ("invite_to_consultation", {}),
    ],
)
def test_a_chair_in_conflict_decides_nothing(move, data):
    case = tied_chair()

    with pytest.raises(GuardFailed, match="somebody without a declared conflict of the kind employment"):
        case.do(move, reason=REASON, **data)
    assert case.stage is Stage.PAPER_REVIEW


@pytest.mark.parametrize(
    ("move", "data"),
    [
        ("pass_screening", {"answers": {"government": True, "oversees": True}, "complete": True}),
        ("declare_ineligible", {"item": "government"}),
        ("assign_reviewer", {"reviewer": SIXTH, "step": "paper_review"}),
        ("correct", {"supersedes": 1, "field": "kind", "value": "local_government"}),
    ],
)
def test_the_applicants_own_contact_screens_nothing_as_the_desk(move, data):
    case = Case().to(Stage.SCREENING)
    case.assign("paper_review", 3)

    with pytest.raises(GuardFailed, match="somebody without being the applicant's own contact"):
        case.do(move, person="P-MAYOR", reason=REASON, **data)
    case.do(move, reason=REASON, **data)


def test_neither_of_two_may_be_in_conflict():
    case = Case().to(Stage.SCREENING)
    proposed = case.do("declare_ineligible", item="government")

    with pytest.raises(GuardFailed, match="being the applicant's own contact"):
        case.do("declare_ineligible", person="P-MAYOR", item="government", proposal=proposed.entry)


def test_applicants_go_on_speaking_for_themselves():
    case = Case().to(Stage.SCREENING)
    case.do("ask_clarification", question=HASH)

    case.do("answer_clarification", Role.APPLICANT)
    case.do("withdraw", Role.APPLICANT, evidence=[HASH])

    assert case.stage is Stage.WITHDRAWN


def test_whatever_judges_asks_whoever_acts_for_a_conflict():
    asked = {move.trigger for move in MOVES if "impartial" in [guard.__name__ for guard in move.guards]}

    assert {trigger for trigger in asked if not trigger.startswith("return_to_")} == {
        "refuse_late", "defer", "merge_duplicate", "declare_ineligible", "pass_screening", "correct",
        "assign_reviewer", "replace_reviewer", "void_sheet",
        "invite_to_consultation", "invite_to_presentation", "request_confirmation", "record_confirmation",
        "shortlist", "reject", "no_show", "uphold_objection", "dismiss_objection",
        "open_bids", "name_committee", "record_bid", "record_negotiation", "announce_award", "uphold_complaint",
        "dismiss_complaint", "award_contract",
        "accept_plan", "change_scope", "accept_milestone", "approve_subcontract", "accept_claim", "reject_claim", "pay",
        "replace_contractor", "accept_final", "record_settlement", "write_off", "close",
    }  # fmt: skip


# --- organisations ----------------------------------------------------------------------------------------------------

EMPLOYED = {"organisations": ["O-TBILISI"]}
"""By the applicant."""


def test_a_seat_keeps_whom_its_reviewer_belongs_to():
    case = Case().to(Stage.SCREENING)

    case.do("assign_reviewer", reviewer=FIRST, step="paper_review", reason=REASON, organisations=["O-KR"])

    assert case.facts.seats("paper_review")[0].organisations == ("O-KR",)


def test_whoever_is_employed_by_the_applicant_neither_counts_nor_reads_nor_is_listed():
    case = Case().to(Stage.PAPER_REVIEW)
    case.seal(60, 60, 60)
    first, *others = case.facts.seats("paper_review")
    seats = (first.model_copy(update={"organisations": ("O-TBILISI",)}), *others)
    case.file.carried.application = case.facts.model_copy(update={"reviews": {"paper_review": seats}})

    assert [seat.reviewer for seat in case.facts.counted_sheets("paper_review")] == REVIEWERS[1:3]
    assert (case.facts.reviewers(), case.file.view().barred) == (REVIEWERS[1:3], (FIRST,))
    assert closed_to(case.facts, FIRST, Role.REVIEWER).startswith("belonging to O-TBILISI")
    assert not listed(case.file.view(), FIRST, [Role.REVIEWER])


def test_a_tie_that_becomes_known_after_the_assignment_bars_from_declaring_sealing_and_reading():
    case = Case().to(Stage.PAPER_REVIEW)
    scores = dict.fromkeys(("priority", "demand", "korean_opportunities"), 60)
    declaration = {"step": "paper_review", "conflict": False}

    for move, data in (("declare_conflict", declaration), ("seal_sheet", {"scores": scores})):
        with pytest.raises(GuardFailed):
            case.do(move, person=FIRST, **data, **EMPLOYED)
    assert closed_to(case.facts, FIRST, Role.REVIEWER, ("O-TBILISI",)).startswith("belonging to O-TBILISI")
    case.do("declare_conflict", person=FIRST, step="paper_review", conflict=True, kind="employment", **EMPLOYED)

    assert case.facts.seats("paper_review")[0].organisations == ("O-TBILISI",)
