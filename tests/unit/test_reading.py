"""Who reads a file, and whose sheets: one question asked in many places."""

from datetime import timedelta

import pytest

from kcity_flow.domain.errors import GuardFailed
from kcity_flow.domain.reading import (
    SEALED,
    Reading,
    as_told,
    closed_to,
    entry_without,
    informed,
    listed,
    published,
    read_as,
    row_for,
    sheets_open_to,
    without,
)
from kcity_flow.domain.stages import Role, Stage
from tests.unit.case import EVALUATORS, REASON, REVIEWERS, Case

FIRST, SECOND, THIRD = REVIEWERS[:3]


def sealed(case: Case, person: str, role: Role) -> set[str]:
    """Whose paper sheets somebody may not read."""
    sheets = sheets_open_to(case.facts, case.edition.programme(case.programme), person, role)
    seats = case.facts.seats("paper_review")
    return {s.reviewer for s in seats if s.scores is not None and not sheets.shows("paper_review", s.reviewer)}


def test_files_open_to_reviewers_who_declared_themselves_free_when_screening_is_passed():
    case = Case().to(Stage.SCREENING)
    assert closed_to(case.facts, FIRST, Role.REVIEWER) == "they are not assigned to it"
    case.do("assign_reviewer", reviewer=FIRST, step="paper_review", reason=REASON)
    assert closed_to(case.facts, FIRST, Role.REVIEWER) == "they have yet to declare themselves free of conflict"
    case.do("declare_conflict", person=FIRST, step="paper_review", conflict=False)
    assert closed_to(case.facts, FIRST, Role.REVIEWER) == "files open when screening is passed"

    assert closed_to(Case().to(Stage.PAPER_REVIEW).facts, FIRST, Role.REVIEWER) == ""


@pytest.mark.parametrize("stage", [Stage.PAPER_REVIEW, Stage.SHORTLISTED, Stage.RESERVE, Stage.SELECTED])
@pytest.mark.parametrize("role", [Role.REVIEWER, Role.CHAIR, Role.DESK, Role.OBJECTION_COMMITTEE])
def test_whoever_is_in_conflict_reads_nothing_in_whatever_role_they_come(stage, role):
    case = Case().to(stage)
    case.do("declare_conflict", person=FIRST, step="paper_review", conflict=True, kind="family")

    assert closed_to(case.facts, FIRST, role) == "a declared conflict of the kind family"
    assert not listed(case.file.view(), FIRST, [role])


def test_nobody_reads_anothers_sheet_before_the_step_is_over():
    case = Case().to(Stage.PAPER_REVIEW)
    case.seal(80, 75)
    assert sealed(case, FIRST, Role.REVIEWER) == {SECOND}
    assert sealed(case, "P-DESK", Role.DESK) == {FIRST, SECOND}
    assert sealed(case, "P-CHAIR", Role.CHAIR) == {FIRST, SECOND}
    case.do("seal_sheet", person=THIRD, scores=dict.fromkeys(("priority", "demand", "korean_opportunities"), 70))
    assert sealed(case, "P-CHAIR", Role.CHAIR) == set()  # who decides on them
    assert sealed(case, FIRST, Role.REVIEWER) == {SECOND, THIRD}
    case.do("invite_to_consultation")

    assert [sealed(case, who, role) for who, role in ((FIRST, Role.REVIEWER), ("P-DESK", Role.DESK))] == [set(), set()]


def test_a_reviewer_stays_one_in_another_role():
    case = Case().to(Stage.PAPER_REVIEW)
    case.seal(80, 80, 80)

    assert sealed(case, FIRST, Role.DESK) == {SECOND, THIRD}


def test_an_applicant_reads_their_own_file_and_no_sheet():
    case = Case().to(Stage.CONSULTATION)

    assert closed_to(case.facts, "P-MAYOR", Role.APPLICANT) == ""
    assert closed_to(case.facts, "P-OTHER", Role.APPLICANT) == "it is somebody else's application"
    assert sealed(case, "P-MAYOR", Role.APPLICANT) == {FIRST, SECOND, THIRD}


def test_signatories_read_what_they_sign_for():
    case = Case().to(Stage.PROCUREMENT)

    assert closed_to(case.facts, "P-SIGN-MOLIT", Role.SIGNATORY) == ""
    assert closed_to(case.facts, "P-SIGN-OTHER", Role.SIGNATORY) == "they sign for no party of it"


def test_what_is_sealed_stands_neither_in_the_facts_nor_in_the_ledger_that_one_is_shown():
    case = Case().to(Stage.PAPER_REVIEW)
    case.seal(83, 74)
    sheets = sheets_open_to(case.facts, case.edition.programme("planning"), FIRST, Role.REVIEWER)
    facts = without(sheets, case.facts.model_dump(mode="json"))
    entries = [entry_without(sheets, entry) for entry in case.entries]

    assert [seat["scores"] == SEALED for seat in facts["reviews"]["paper_review"]] == [False, True, False]
    assert [entry.data["scores"] == SEALED for entry in entries if entry.command == "seal_sheet"] == [False, True]
    assert "74" not in str([entry.data for entry in entries])


def test_lists_hold_what_concerns_one():
    view = Case().to(Stage.PAPER_REVIEW).file.view()

    assert [listed(view, who, [role]) for who, role in (
        (FIRST, Role.REVIEWER), ("P-REV-9", Role.REVIEWER), ("P-MAYOR", Role.APPLICANT), ("P-OTHER", Role.APPLICANT),
        ("P-DESK", Role.DESK), ("P-AUDITOR", Role.AUDITOR),
    )] == [True, False, True, False, True, True]  # fmt: skip


SCORES = dict.fromkeys(("priority", "demand", "korean_opportunities"), 40)


def read(case: Case, person: str, role: Role) -> Reading:
    return read_as(case.facts, case.file.view(), case.entries, case.edition, person, role)


def told_scores(reading: Reading) -> list[object]:
    """What a reader sees in the entries of sheets, refused ones among them."""
    return [entry.data["scores"] for entry in reading.ledger if "scores" in entry.data]


def test_a_reviewer_who_takes_a_seat_late_reads_nobody_elses_sheet_before_sealing_their_own():
    case = Case().to(Stage.SHORTLISTED)
    case.do("declare_conflict", person=FIRST, step="paper_review", conflict=True, kind="family")
    case.do("assign_reviewer", reviewer="P-REV-6", step="paper_review", reason=REASON)
    case.do("declare_conflict", person="P-REV-6", step="paper_review", conflict=False)
    assert sealed(case, "P-REV-6", Role.REVIEWER) == {FIRST, SECOND, THIRD}
    assert set(told_scores(read(case, "P-REV-6", Role.REVIEWER))) == {SEALED}

    case.do("seal_sheet", person="P-REV-6", scores=SCORES, step="paper_review")

    assert sealed(case, "P-REV-6", Role.REVIEWER) == set()


def test_a_refused_sheet_is_shown_to_nobody_but_its_author():
    case = Case().to(Stage.PAPER_REVIEW)
    with pytest.raises(GuardFailed):
        case.do("seal_sheet", person=FIRST, scores={"priority": 40})

    seen = [told_scores(read(case, who, role)) for who, role in (
        (SECOND, Role.REVIEWER), ("P-DESK", Role.DESK), ("P-MAYOR", Role.APPLICANT), (FIRST, Role.REVIEWER),
    )]  # fmt: skip

    assert seen == [[SEALED], [SEALED], [SEALED], [{"priority": 40}]]


def test_the_sheet_of_a_reviewer_who_was_replaced_stays_sealed_while_the_step_runs():
    case = Case().to(Stage.PAPER_REVIEW)
    case.do("seal_sheet", person=FIRST, scores=SCORES)
    case.do("replace_reviewer", replaces=FIRST, reviewer="P-REV-6", step="paper_review", reason=REASON)

    assert told_scores(read(case, SECOND, Role.REVIEWER)) == told_scores(read(case, "P-DESK", Role.DESK)) == [SEALED]


@pytest.mark.parametrize("declares", [False, True])
def test_the_chair_reads_no_sheet_while_one_is_awaited_declared_or_not(declares):
    case = Case().to(Stage.PAPER_REVIEW)
    case.do("assign_reviewer", reviewer="P-REV-4", step="paper_review", reason=REASON)
    if declares:
        case.do("declare_conflict", person="P-REV-4", step="paper_review", conflict=False)
    case.seal(80, 80, 80)

    assert sealed(case, "P-CHAIR", Role.CHAIR) == {FIRST, SECOND, THIRD}


def test_scores_stand_in_a_row_and_in_a_file_for_those_alone_who_may_read_the_sheets():
    case = Case().to(Stage.PAPER_REVIEW)
    case.seal(80, 80, 80)
    readers = {
        "P-CHAIR": Role.CHAIR, "P-DESK": Role.DESK, FIRST: Role.REVIEWER, "P-MAYOR": Role.APPLICANT,
    }  # fmt: skip

    def seen() -> list[list[bool]]:
        view = case.file.view()
        return [
            [bool(row_for(view, who, [role]).scores), bool(read(case, who, role).view.scores)]
            for who, role in readers.items()
        ]

    assert seen() == [[True, True], [False, False], [False, False], [False, False]]
    case.do("invite_to_consultation")
    assert seen() == [[True, True], [True, True], [True, True], [False, False]]


def test_a_row_holds_no_scores_for_a_reviewer_who_has_yet_to_seal():
    case = Case().to(Stage.PAPER_REVIEW)
    case.do("assign_reviewer", reviewer="P-REV-4", step="paper_review", reason=REASON)
    case.seal(80, 80, 80)
    view = case.file.view().model_copy(update={"scores": {"score": "80"}, "stage": "consultation"})

    assert view.unsealed == ("P-REV-4",)
    assert (row_for(view, "P-REV-4", [Role.REVIEWER]).scores, row_for(view, FIRST, [Role.REVIEWER]).scores) == (
        {}, {"score": "80"},
    )  # fmt: skip


# --- before publication -----------------------------------------------------------------------------------------------

BEFORE = {Stage.SELECTED: "shortlisted", Stage.RESERVE: "shortlisted", Stage.NOT_SELECTED: "shortlisted"}


@pytest.mark.parametrize("stage", BEFORE)
@pytest.mark.parametrize(("person", "role"), [("P-MAYOR", Role.APPLICANT), (FIRST, Role.REVIEWER)])
def test_a_decision_is_not_told_before_it_is_published(stage, person, role):
    case = Case().to(stage)
    case.do("flag", Role.DESK, note="ask_the_embassy")

    before = read(case, person, role)

    assert (before.application.stage, before.view.stage, before.view.krw) == ("shortlisted", "shortlisted", None)
    assert (before.ledger[-1].command, before.view.entries) == ("shortlist", before.ledger[-1].number)
    assert before.view.since == before.application.since == before.ledger[-1].at
    case.ordered("publish_result")
    after = read(case, person, role)
    assert (after.application.stage, after.view.stage) == (stage, stage)
    assert [entry.number for entry in after.ledger] == [entry.number for entry in case.entries]


@pytest.mark.parametrize("role", [Role.DESK, Role.HEAD, Role.CHAIR, Role.COMMITTEE, Role.MINISTRY, Role.AUDITOR])
def test_those_who_decide_and_audit_know_at_once(role):
    case = Case().to(Stage.SELECTED)

    found = read(case, "P-SOMEBODY", role)

    assert (found.application.stage, found.ledger[-1].command) == ("selected", "select")
    assert informed(found.view, "P-SOMEBODY", [role])
    assert not informed(found.view, "P-MAYOR", [role, Role.APPLICANT])


def test_a_rejection_on_paper_is_not_told_before_the_results_are():
    case = Case().to(Stage.PAPER_REVIEW)
    case.seal(60, 60, 60)
    case.do("reject", ground="below_threshold", reason=REASON)

    before = read(case, "P-MAYOR", Role.APPLICANT)

    assert (before.view.stage, before.ledger[-1].command) == ("paper_review", "seal_sheet")
    assert sealed_in(read(case, FIRST, Role.REVIEWER)) == {SECOND, THIRD}


def sealed_in(found: Reading) -> set[str]:
    return {entry.person for entry in found.ledger if entry.data.get("scores") == SEALED}


def test_a_promotion_is_told_when_it_is_published_and_the_reserve_until_then():
    case = Case().to(Stage.RESERVE)
    case.ordered("publish_result")
    case.ordered("promote", krw=400_000_000, rank=1)
    assert read(case, "P-MAYOR", Role.APPLICANT).view.stage == "reserve"

    case.ordered("publish_result")

    assert read(case, "P-MAYOR", Role.APPLICANT).view.stage == "selected"


def test_a_decision_undone_before_it_was_published_is_never_told():
    case = Case().to(Stage.PAPER_REVIEW)
    case.seal(60, 60, 60)
    case.do("reject", ground="below_threshold", reason=REASON)
    case.two("return_to_paper_review", reason=REASON)
    case.do("flag", Role.DESK, note="ask_the_embassy")

    commands = [entry.command for entry in published(case.entries)]

    assert commands[-2:] == ["seal_sheet", "flag"]
    assert read(case, "P-MAYOR", Role.APPLICANT).application.stage is Stage.PAPER_REVIEW


def test_who_withdraws_after_a_decision_reads_all_of_it():
    case = Case().to(Stage.SELECTED)
    case.do("withdraw", Role.APPLICANT, evidence=["0" * 64])

    assert published(case.entries) == case.entries


def test_a_row_before_publication_says_where_it_stood_and_what_waits_for_nobody():
    case = Case().to(Stage.SELECTED)
    view = as_told(case.file.view(), published(case.entries))

    assert (view.stage, view.krw, view.waiting, view.next_timer, view.waiting_proposals) == (
        "shortlisted", None, (), "", (),
    )  # fmt: skip


def test_means_are_told_to_an_applicant_once_the_result_is_published():
    case = Case().to(Stage.SELECTED)
    assert read(case, "P-MAYOR", Role.APPLICANT).sheets.means == frozenset()

    case.ordered("publish_result")

    assert read(case, "P-MAYOR", Role.APPLICANT).sheets.means == {"paper_review"}
    assert sealed(case, "P-MAYOR", Role.APPLICANT) == {FIRST, SECOND, THIRD}


def test_who_signed_the_framework_reads_nothing_of_a_tender_they_may_bid_in():
    case = Case().to(Stage.PROCUREMENT)
    case.tender()

    read = read_as(case.facts, case.file.view(), case.entries, case.edition, "P-SIGN-O-KR", Role.SIGNATORY)

    assert case.facts.tender.order == ("O-KR", "O-KR-2")
    assert (read.application.tender.order, read.application.tender.committee) == (None, ())
    assert {"record_bid", "evaluate_bids", "name_committee"} & {entry.command for entry in read.ledger} == set()


# --- who evaluates bids -----------------------------------------------------------------------------------------------


def committee(opened: bool = True) -> Case:
    """A tender with two bids and a committee that has declared nothing."""
    case = Case().to(Stage.PROCUREMENT)
    case.notice()
    case.bid("O-KR", "O-KR-2")
    case.name_committee(declare=False)
    if opened:
        case.wait(days=20)
        case.two("open_bids")
    return case


MEMBER, OTHER_MEMBER = EVALUATORS[:2]


def test_the_file_opens_to_who_evaluates_the_bids_once_these_are_open_and_no_conflict_is_declared():
    case = committee(opened=False)
    assert closed_to(case.facts, MEMBER, Role.REVIEWER) == "it opens to the committee with the bids"

    case.wait(days=20)
    case.two("open_bids")
    assert closed_to(case.facts, MEMBER, Role.REVIEWER) == "they have yet to declare themselves free of conflict"

    case.do("declare_bid_conflict", person=MEMBER, conflict=False)
    case.do("declare_bid_conflict", person=OTHER_MEMBER, conflict=True, kind="family", bidder="O-KR")
    assert closed_to(case.facts, MEMBER, Role.REVIEWER) == ""
    assert closed_to(case.facts, MEMBER, Role.REVIEWER, ("O-KR-2",)) == "belonging to O-KR-2, which bids"
    assert closed_to(case.facts, OTHER_MEMBER, Role.REVIEWER) == "a declared conflict of the kind family"


def test_who_sits_on_the_committee_and_has_declared_nothing_reads_in_no_other_role_either():
    assert closed_to(committee(opened=False).facts, MEMBER, Role.CHAIR) == ""
    assert closed_to(committee().facts, MEMBER, Role.CHAIR) == "they have yet to declare themselves free of conflict"


def test_whoever_declared_a_tie_to_a_bidder_reads_no_bid_when_somebody_else_sits_in_their_place_either():
    case = committee()
    case.do("declare_bid_conflict", person=MEMBER, conflict=True, kind="family", bidder="O-KR")
    case.do("name_committee", members=[OTHER_MEMBER, EVALUATORS[2], "P-EVAL-4"], reason=REASON)

    assert MEMBER not in [one.person for one in case.facts.tender.committee]
    assert closed_to(case.facts, MEMBER, Role.CHAIR) == "a declared conflict of the kind family"


def test_who_evaluates_bids_has_the_application_in_their_lists_until_they_are_in_conflict_or_there_is_a_contract():
    case = committee()
    assert listed(case.file.view(), MEMBER, [Role.REVIEWER])
    assert not listed(case.file.view(), "P-EVAL-4", [Role.REVIEWER])

    for person in EVALUATORS:
        case.do("declare_bid_conflict", person=person, conflict=False)
    case.record_bids()
    case.evaluate("O-KR", "O-KR-2")
    replaced = committee()
    replaced.do("declare_bid_conflict", person=MEMBER, conflict=True, kind="family", bidder="O-KR")
    assert not listed(replaced.file.view(), MEMBER, [Role.REVIEWER])

    case.contract()
    assert not listed(case.file.view(), MEMBER, [Role.REVIEWER])
    assert closed_to(case.facts, MEMBER, Role.REVIEWER) == "they are not assigned to it"


def test_who_evaluates_bids_reads_the_tender_and_no_score_sheet():
    case = committee()
    case.do("declare_bid_conflict", person=MEMBER, conflict=False)
    case.record_bids()

    found = read(case, MEMBER, Role.REVIEWER)

    assert [bid.krw for bid in found.application.tender.standing] == [100_000_000] * 2
    assert {"record_bid", "name_committee"} <= {entry.command for entry in found.ledger}
    assert (sealed(case, MEMBER, Role.REVIEWER), found.view.scores) == ({FIRST, SECOND, THIRD}, {})
    assert set(told_scores(found)) == {SEALED}
    assert row_for(case.file.view(), MEMBER, [Role.REVIEWER]).scores == {}


def test_who_judged_the_application_reads_nothing_of_its_tender():
    case = committee()
    case.record_bids()

    found = read(case, FIRST, Role.REVIEWER)

    assert (closed_to(case.facts, FIRST, Role.REVIEWER), sealed(case, FIRST, Role.REVIEWER)) == ("", set())
    assert (found.application.tender.opened, found.application.tender.committee) == (False, ())
    assert {"record_bid", "name_committee"} & {entry.command for entry in found.ledger} == set()


def test_bids_of_another_notice_are_sealed_to_who_evaluated_those_before():
    case = committee()
    for person in EVALUATORS:
        case.do("declare_bid_conflict", person=person, conflict=False)
    case.record_bids()
    case.evaluate("O-KR")
    case.do("renotice", closes_at=case.now + timedelta(days=10))
    case.bid("O-LATER")

    assert closed_to(case.facts, MEMBER, Role.REVIEWER) == "they are not assigned to it"
    assert not listed(case.file.view(), MEMBER, [Role.REVIEWER])
