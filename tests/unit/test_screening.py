"""What the record itself says of eligibility: who applies, with whom, with what documents."""

import pytest

from kcity_flow.domain.messages import Partner
from kcity_flow.domain.screening import applicant_kind, checklist, documents, partner
from kcity_flow.domain.stages import Stage
from tests.unit.case import HASH, Case


def received(programme: str = "planning", edition: str = "2021", *partners: str, **applicant: str) -> Case:
    case = Case(programme, edition).to(Stage.RECEIVED)
    told = tuple(Partner(organisation=f"O-{n}", kind=kind) for n, kind in enumerate(partners))
    changed = case.facts.applicant.model_copy(update={"partners": told, **applicant})
    case.file.carried.application = case.facts.model_copy(update={"applicant": changed})
    return case


@pytest.mark.parametrize(("programme", "kind", "may"), [
    ("planning", "central_government", True),
    ("planning", "local_government", True),
    ("planning", "korean_corporation", False),
    ("solution", "local_government", True),
    ("solution", "international_organisation", False),
    ("demonstration", "korean_corporation", True),
    ("demonstration", "korean_organisation", True),
    ("demonstration", "local_government", False),
])  # fmt: skip
def test_who_may_apply_is_what_the_announcement_says(programme, kind, may):
    case = received(programme, kind=kind)

    assert (applicant_kind(case.facts, case.edition.programme(programme)) == "") is may


def test_an_international_body_applies_only_together_with_a_government_where_the_edition_says_so():
    alone = received("twinning", "rehearsal", "private_body", kind="international_organisation")
    together = received("twinning", "rehearsal", "local_government", kind="international_organisation")
    rules = alone.edition.programme("twinning")

    assert applicant_kind(alone.facts, rules) == "a government beside the international_organisation"
    assert applicant_kind(together.facts, rules) == ""


@pytest.mark.parametrize(("programme", "edition", "partners", "missing"), [
    ("planning", "2021", (), ""),
    ("demonstration", "2021", (), "a partner abroad that is one of central_government, local_government, "
     "public_body, private_body, international_organisation"),
    ("demonstration", "2021", ("private_body",), ""),
    ("pilot", "rehearsal", ("private_body",), "a partner abroad beside private bodies"),
    ("pilot", "rehearsal", ("private_body", "local_government"), ""),
    ("pilot", "rehearsal", ("public_body",), "a partner abroad that is one of local_government, private_body"),
])  # fmt: skip
def test_the_partner_abroad(programme, edition, partners, missing):
    case = received(programme, edition, *partners)

    assert partner(case.facts, case.edition.programme(programme)) == missing


def test_documents_that_are_missing_come_with_an_answer():
    case = Case("demonstration")
    case.receive(documents=[{"kind": "proposal", "sha256": HASH}])
    case.until(case.window.closes_at)
    rules = case.edition.programme("demonstration")
    assert documents(case.facts, rules) == "the documents consortium_agreement"
    case.do("ask_clarification")
    case.do("answer_clarification", documents=[{"kind": "consortium_agreement", "sha256": HASH}])

    assert documents(case.facts, rules) == ""


def test_the_checklist_has_the_records_answers_before_the_desks_questions():
    case = received("demonstration", "2021", "private_body")
    lines = checklist(case.facts, case.edition.programme("demonstration"))

    assert [(line.item, line.answer) for line in lines] == [
        ("applicant_kind", True), ("partner", True), ("documents", True),
        ("korean_holder", None), ("made_in_korea", None), ("merit_proven", None), ("partner_abroad", None),
    ]  # fmt: skip
    assert [line.reason for line in lines][-1] == "no_partner_abroad"


def test_a_newer_version_takes_the_place_of_the_older_which_stays_in_the_ledger():
    case = Case().to(Stage.RECEIVED)
    case.wait(days=1)
    newer = [{"kind": "proposal", "sha256": "c" * 64}]
    case.do("supersede", received_at=case.now, channel="post", documents=newer, matching={"krw": 5, "sha256": HASH})

    assert ([d.sha256 for d in case.facts.documents], case.facts.versions, case.facts.matching_krw) == (
        ["c" * 64],
        2,
        5,
    )
    assert case.entries[0].data["documents"] == [{"kind": "proposal", "sha256": HASH}]


def test_a_kind_that_was_mistyped_is_corrected():
    case = received(kind="korean_corporation")
    case.two("correct", supersedes=1, field="kind", value="local_government", reason="b" * 64)

    assert applicant_kind(case.facts, case.edition.programme("planning")) == ""
