"""A ledger tells the same as the file that wrote it, now and at any instant before."""

import random

import pytest

from kcity_flow.domain.retelling import application_of, call_of
from kcity_flow.domain.stages import Role, Stage
from tests.unit.case import HASH, REASON, Case, Office
from tests.unit.test_casefile import PROGRAMMES, wander


def told(case: Case, until=None):
    return application_of(case.edition, case.ref, case.entries, until)


@pytest.mark.parametrize("stage", [Stage.ABSENT, Stage.SCREENING, Stage.SHORTLISTED, Stage.IMPLEMENTATION])
@pytest.mark.parametrize("seed", range(8))
def test_whatever_happened_the_ledger_tells_it(seed, stage):
    programme, edition = random.Random(seed).choice(PROGRAMMES)
    case = wander(Case(programme, edition).to(stage), seed, 120)

    assert told(case) == case.facts.model_copy(update={"timers": {}})


def test_nothing_made_is_nothing_told():
    case = Case()

    assert told(case) == case.facts


def test_the_past_is_told_as_it_was():
    case = Case().to(Stage.PAPER_REVIEW)
    before, now = case.facts, case.now
    case.wait(days=1)
    case.seal(80, 80, 80)
    case.wait(days=1)
    case.do("invite_to_consultation")

    assert told(case, now).stage is Stage.RECEIVED  # what happened at that instant is not before it
    assert told(case, case.entries[-1].at).stage is Stage.PAPER_REVIEW
    assert told(case, case.entries[-4].at) == before.model_copy(update={"timers": {}})


def test_an_editions_ledger_tells_its_places():
    office = Office().deciding()
    office.decide("solution", 4, 2)
    office.do("release_place", Role.APPLICANT, via="application", ref="KC2021-SOL-0001")
    office.two("promote_next", ref="KC2021-SOL-0005", krw=300_000_000)
    office.two("cancel_award", ref="KC2021-SOL-0002", reason=REASON)
    office.do("flag", Role.DESK)

    assert call_of(office.edition, office.entries) == office.facts.model_copy(update={"timers": {}})


def test_a_move_taken_back_is_told_as_taken_back():
    case = Case().to(Stage.PAPER_REVIEW)
    case.two("return_to_screening", reason=REASON)
    case.two("correct", supersedes=1, field="city", value="Batumi", reason=REASON)

    assert (told(case).stage, told(case).city) == (Stage.SCREENING, "Batumi")
    assert HASH in [document.sha256 for document in told(case).documents]
