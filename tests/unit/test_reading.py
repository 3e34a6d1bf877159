"""Who reads a file, and whose sheets: one question asked in many places."""

import pytest

from kcity_flow.domain.reading import SEALED, closed_to, entry_without, listed, sealed_to, without
from kcity_flow.domain.stages import Role, Stage
from tests.unit.case import REASON, REVIEWERS, Case

FIRST, SECOND, THIRD = REVIEWERS[:3]


def sealed(case: Case, person: str, role: Role) -> set[str]:
    """Whose paper sheets somebody may not read."""
    programme = case.edition.programme(case.programme)
    return {reviewer for step, reviewer in sealed_to(case.facts, programme, person, role) if step == "paper_review"}


def test_files_open_to_reviewers_who_declared_themselves_free_when_screening_is_passed():
    case = Case().to(Stage.SCREENING)
    assert closed_to(case.facts, FIRST, Role.REVIEWER) == "they are not assigned to it"
    case.do("assign_reviewer", reviewer=FIRST, step="paper_review", reason=REASON)
    assert closed_to(case.facts, FIRST, Role.REVIEWER) == "they have yet to declare themselves free of conflict"
    case.do("declare_conflict", person=FIRST, step="paper_review", conflict=False)
    assert closed_to(case.facts, FIRST, Role.REVIEWER) == "files open when screening is passed"

    assert closed_to(Case().to(Stage.PAPER_REVIEW).facts, FIRST, Role.REVIEWER) == ""


@pytest.mark.parametrize("stage", [Stage.PAPER_REVIEW, Stage.CONSULTATION, Stage.SHORTLISTED, Stage.RESERVE])
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
    sheets = sealed_to(case.facts, case.edition.programme("planning"), FIRST, Role.REVIEWER)
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
