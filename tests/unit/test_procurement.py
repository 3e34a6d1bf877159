"""How the contractor is found: sealed bids, a committee, a standstill; and what is refused on the way."""

import re
from datetime import timedelta
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kcity_flow.domain.application import Application, Bid, Facts, Tender
from kcity_flow.domain.errors import GuardFailed
from kcity_flow.domain.messages import EvaluateBids, Verdict
from kcity_flow.domain.procurement import order_by_points
from kcity_flow.domain.reading import SEALED, read_as, without
from kcity_flow.domain.stages import Role, Stage, Via
from kcity_flow.interfaces.tables import _tender
from kcity_flow.letters import Letters
from tests.unit.case import EVALUATORS, HASH, REASON, Case, Office, rules, seoul

OTHER = "c" * 64
INSTANT = timedelta(microseconds=1)


def sought(programme: str = "planning") -> Case:
    return Case(programme).to(Stage.PROCUREMENT)


def opened(*bidders: str) -> Case:
    """Its bids are opened."""
    case = sought()
    case.notice()
    case.bid(*bidders)
    case.wait(days=20)
    case.two("open_bids")
    return case


def tendered(*valid: str) -> Case:
    case = sought()
    case.tender(valid or ("O-KR", "O-2"))
    return case


def announced() -> Case:
    case = tendered()
    case.announce()
    return case


def complain(case: Case, bidder: str = "O-2", **more: Any) -> None:
    case.do("complain", bidder=bidder, ground="wrong_evaluation", evidence=[HASH], **more)


# --- terms ------------------------------------------------------------------------------------------------------------


def test_new_terms_have_to_be_agreed_anew():
    case = sought()
    case.agree_terms(HASH)
    case.do("set_terms", evidence=[OTHER])

    assert (case.facts.terms, case.facts.terms_agreed) == (OTHER, False)
    with pytest.raises(GuardFailed) as refusal:
        case.do("publish_notice", closes_at=case.now + timedelta(days=30))
    assert refusal.value.guard == "terms_agreed"

    case.do("agree_terms", Role.DESK, terms=OTHER, evidence=[HASH])
    assert case.facts.terms_agreed


def test_another_applicant_agrees_to_nothing():
    case = sought()
    case.do("set_terms", evidence=[HASH])

    with pytest.raises(GuardFailed, match="the contact of this application"):
        case.do("agree_terms", person="P-STRANGER", terms=HASH)


def test_where_the_contractor_is_designated_terms_and_contract_are_all_there_is():
    case = sought("demonstration")
    case.agree_terms()

    for trigger, data in {
        "publish_notice": {"closes_at": seoul(2030, 1, 1)},
        "ask_question": {"bidder": "O-KR", "question": REASON},
        "receive_bid": {"bidder": "O-KR", "sealed": HASH},
        "open_bids": {},
        "name_committee": {"members": EVALUATORS},
        "announce_award": {"contractor": "O-KR"},
        "complain": {"bidder": "O-KR", "ground": "wrong_evaluation"},
    }.items():
        with pytest.raises(GuardFailed) as refusal:
            case.do(trigger, **data)
        assert refusal.value.guard == "open_tender"

    case.contract()
    assert case.stage is Stage.IMPLEMENTATION


# --- bids -------------------------------------------------------------------------------------------------------------


def test_a_bid_that_arrived_in_time_is_booked_after_the_close_and_not_after_the_opening():
    case = sought()
    case.notice()
    closes = case.facts.tender.closes_at
    case.wait(days=21)

    case.do("receive_bid", bidder="O-KR", sealed=HASH, received_at=closes - INSTANT)
    with pytest.raises(GuardFailed) as late:
        case.do("receive_bid", bidder="O-2", sealed=HASH, received_at=closes)
    case.two("open_bids")
    with pytest.raises(GuardFailed) as opened:
        case.do("receive_bid", bidder="O-2", sealed=HASH, received_at=closes - INSTANT)

    assert (late.value.guard, opened.value.guard) == ("arrived_in_time", "bids_sealed")
    assert [bid.bidder for bid in case.facts.tender.bids] == ["O-KR"]


def test_the_latest_word_of_a_bidder_counts_and_the_ledger_keeps_all():
    case = sought()
    case.notice()
    case.bid("O-KR", "O-2")
    case.wait(days=1)
    case.do("receive_bid", bidder="O-KR", sealed=OTHER)
    case.do("withdraw_bid", bidder="O-2", evidence=[HASH])

    assert [(bid.bidder, bid.sealed) for bid in case.facts.tender.standing] == [("O-KR", OTHER)]
    assert [e.command for e in case.entries if e.command.endswith("_bid")] == ["receive_bid"] * 3 + ["withdraw_bid"]

    case.wait(days=1)
    case.bid("O-2")
    assert len(case.facts.tender.standing) == 2


def test_an_earlier_bid_that_is_booked_late_does_not_undo_a_later_one():
    case = sought()
    case.notice()
    case.wait(days=2)
    case.bid("O-KR")

    with pytest.raises(GuardFailed) as refusal:
        case.do("receive_bid", bidder="O-KR", sealed=OTHER, received_at=case.now - timedelta(days=1))
    assert refusal.value.guard == "after_its_last_word"


def test_bids_are_opened_by_two_persons_and_not_before_the_close():
    case = sought()
    case.notice()
    case.bid("O-KR")
    with pytest.raises(GuardFailed) as early:
        case.do("open_bids")
    case.wait(days=20)
    case.do("open_bids")

    assert (early.value.guard, case.facts.tender.opened) == ("bids_closed", False)


def test_questions_end_some_working_days_before_the_close():
    case = sought()
    case.agree_terms()
    case.now = seoul(2021, 8, 2, 10)
    case.do("publish_notice", closes_at=seoul(2021, 8, 31))  # over with Monday, the 30th

    assert case.file.timers["bid_questions"].due_at == seoul(2021, 8, 24)  # over with Monday, the 23rd


def test_a_question_that_came_in_time_is_booked_a_day_after_the_last():
    case = sought()
    case.notice()
    over = case.file.timers["bid_questions"].due_at
    case.until(over + timedelta(days=1))

    case.do("ask_question", bidder="O-KR", question=REASON, received_at=over - INSTANT)
    with pytest.raises(GuardFailed) as refusal:
        case.do("ask_question", bidder="O-KR", question=REASON, received_at=over)
    assert refusal.value.guard == "asked_in_time"


# --- sealed -----------------------------------------------------------------------------------------------------------


def test_while_bids_are_sealed_a_reader_learns_how_many_there_are_and_not_whose():
    case = sought()
    case.notice()
    case.do("ask_question", bidder="O-2", question=REASON)
    case.do("receive_bid", bidder="O-KR", sealed=HASH, contact="P-FIRM")

    read = read_as(case.facts, case.file.view(), case.entries, case.edition, "P-DESK", Role.DESK)
    facts = without(read.sheets, case.facts.model_dump(mode="json"))

    assert facts["tender"]["bids"] == 1
    assert [e.data["bidder"] for e in read.ledger if "bidder" in e.data] == [SEALED, SEALED]
    assert "O-KR" not in str([facts["tender"], read.ledger[-1]])
    assert "P-FIRM" not in str([facts["tender"], read.ledger[-1]])

    case.wait(days=20)
    case.do("answer_question", number=1, answer=REASON)
    case.two("open_bids")
    read = read_as(case.facts, case.file.view(), case.entries, case.edition, "P-DESK", Role.DESK)
    assert [e.data["bidder"] for e in read.ledger if "bidder" in e.data] == ["O-2", "O-KR"]


def shown(case: Case) -> list[str]:
    read = read_as(case.facts, case.file.view(), case.entries, case.edition, "P-DESK", Role.DESK)
    return list(_tender(without(read.sheets, case.facts.model_dump(mode="json"))))


def test_the_tender_is_shown_as_it_stands():
    case = sought()
    case.do("set_terms", evidence=[HASH])
    assert shown(case) == ["terms: to be agreed by the applicant"]

    case.do("agree_terms", terms=HASH)
    case.now = seoul(2021, 8, 2, 10)
    case.do("publish_notice", closes_at=seoul(2021, 8, 31))
    case.bid("O-KR", "O-2")
    case.do("ask_question", bidder="O-2", question=REASON)
    case.do("answer_question", number=1, answer=REASON)
    notice = [
        "terms: agreed",
        "notice: from 2021-08-02 10:00, bids until 2021-08-30",
        "questions: 1, answered 1",
    ]
    assert shown(case) == [*notice, "bids: 2, sealed"]

    case.until(seoul(2021, 8, 31, 10))
    case.two("open_bids")
    case.name_committee()
    case.record_bids()
    case.evaluate("O-KR")
    assert shown(case) == [
        *notice,
        "bids: 2, opened",
        "  O-KR, 100,000,000 KRW, KR, 95 points",
        "  O-2, 100,000,000 KRW, KR, not valid: incomplete",
        "committee: 3 members, free of conflict 3",
        "evaluated: O-KR",
    ]


def test_negotiation_standstill_and_complaints_are_shown():
    case = tendered()
    case.now = seoul(2021, 9, 1, 10)
    case.do("record_negotiation", bidder="O-KR", agreed=False, evidence=[HASH])
    case.announce("O-2")
    complain(case, "O-KR")

    assert shown(case)[-5:] == [
        "evaluated: O-KR before O-2",
        "negotiation failed with O-KR",
        "agreed: O-2 at 100,000,000 KRW",
        "award announced 2021-09-01 10:00, standstill until 2021-09-11",
        "complaint: O-KR, wrong evaluation, open",
    ]


# --- the evaluation ---------------------------------------------------------------------------------------------------


def judged(*points: tuple[int, int], order: tuple[int, ...], reason: str | None = None) -> str:
    """What is missing from an order of bids of so many points and such a price."""
    names = [f"O-{n}" for n in range(len(points))]
    bids = tuple(
        Bid(bidder=name, received_at=seoul(2021, 1, 1), sealed=HASH, krw=krw)
        for name, (_, krw) in zip(names, points, strict=True)
    )
    verdicts = tuple(Verdict(bidder=n, valid=True, points=p) for n, (p, _) in zip(names, points, strict=True))
    by: dict[str, Any] = {"person": "P-1", "role": "reviewer"}
    command = EvaluateBids(id="x", by=by, verdicts=verdicts, order=tuple(names[n] for n in order), reason=reason)
    app = Application(ref="KC2021-PLA-0001", tender=Tender(bids=bids, opened=True))
    facts = Facts(app, command, rules("2021"), seoul(2021, 1, 1), Stage.PROCUREMENT, Stage.PROCUREMENT)
    return order_by_points(facts)


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(1, 3)), min_size=1, max_size=4))
@settings(deadline=None)
def test_of_all_orders_those_pass_in_which_points_fall_and_of_equals_prices_rise(points: list[tuple[int, int]]):
    rank = [(-p, krw) for p, krw in points]
    for order in permutations(range(len(points))):
        in_order = [rank[n] for n in order] == sorted(rank)
        told_apart = len(set(rank)) == len(rank)

        assert (judged(*points, order=order, reason=REASON) == "") is in_order
        assert (judged(*points, order=order) == "") is (in_order and told_apart)


def test_whoever_is_in_conflict_judges_nothing_and_is_replaced():
    case = opened("O-KR", "O-2")
    case.record_bids()
    case.name_committee()
    case.do("declare_bid_conflict", person="P-EVAL-3", conflict=True, kind="family", bidder="O-2")

    with pytest.raises(GuardFailed) as barred:
        case.do("evaluate_bids", person="P-EVAL-3", verdicts=[], order=[])
    with pytest.raises(GuardFailed) as unreplaced:
        case.evaluate("O-KR", "O-2")
    assert (barred.value.guard, unreplaced.value.guard) == ("free_to_evaluate", "committee_free")

    case.do("name_committee", members=("P-EVAL-1", "P-EVAL-2", "P-EVAL-4"), reason=REASON)
    case.do("declare_bid_conflict", person="P-EVAL-4", conflict=False)
    case.evaluate("O-KR", "O-2")
    assert case.facts.tender.order == ("O-KR", "O-2")


def test_a_conflict_with_the_applicant_holds_for_the_whole_application_and_one_with_a_bidder_for_the_tender():
    case = opened("O-KR", "O-2")
    case.name_committee(declare=False)
    case.do("declare_bid_conflict", person="P-EVAL-1", conflict=True, kind="adviser")
    case.do("declare_bid_conflict", person="P-EVAL-2", conflict=True, kind="family", bidder="O-KR")

    assert case.facts.conflict_of("P-EVAL-1") == "a declared conflict of the kind adviser"
    assert case.facts.conflict_of("P-EVAL-2") == ""


def test_who_proposed_an_evaluation_and_declares_a_conflict_then_has_evaluated_nothing():
    case = opened("O-KR", "O-2")
    case.name_committee()
    case.record_bids()
    verdicts = [{"bidder": bidder, "valid": True, "points": points} for bidder, points in (("O-KR", 90), ("O-2", 80))]
    data = {"verdicts": verdicts, "order": ["O-KR", "O-2"]}
    proposed = case.do("evaluate_bids", person="P-EVAL-1", **data)
    case.do("declare_bid_conflict", person="P-EVAL-1", conflict=True, kind="family", bidder="O-2")
    case.do("name_committee", members=("P-EVAL-2", "P-EVAL-3", "P-EVAL-4"), reason=REASON)
    case.do("declare_bid_conflict", person="P-EVAL-4", conflict=False)

    with pytest.raises(GuardFailed) as refusal:
        case.do("evaluate_bids", person="P-EVAL-2", proposal=proposed.entry, **data)
    assert refusal.value.guard == "free_to_evaluate"
    assert case.facts.tender.order is None


def test_where_nobody_bid_there_is_nothing_to_evaluate_and_notice_is_given_again():
    case = sought()
    case.notice()
    case.wait(days=20)
    case.two("open_bids")
    case.notice("renotice")

    assert (case.facts.tender.renotices, case.facts.tender.opened) == (1, False)


# --- negotiation and standstill ---------------------------------------------------------------------------------------


def test_when_a_negotiation_fails_the_next_in_the_order_is_asked():
    case = tendered()
    case.do("record_negotiation", bidder="O-KR", agreed=False, evidence=[HASH])
    case.announce("O-2", krw=90_000_000)

    assert case.facts.tender.negotiated.model_dump() == {"contractor": "O-2", "krw": 90_000_000}


def test_who_was_announced_and_does_not_sign_leaves_room_for_the_next():
    case = announced()
    case.do("record_negotiation", bidder="O-KR", agreed=False, evidence=[HASH])

    assert case.facts.tender.announced_at is None
    assert "standstill" not in case.file.timers
    case.announce("O-2")


def test_the_standstill_is_over_with_its_tenth_day_in_korea_and_a_flag_says_so_when_its_post_is_in():
    case = tendered()
    case.now = seoul(2021, 9, 1, 10)
    case.announce()
    assert case.file.timers["standstill"].due_at == seoul(2021, 9, 12)

    case.until(seoul(2021, 9, 15))
    assert [(e.command, e.data["note"]) for e in case.entries[-1:]] == [("flag", "standstill")]


def test_a_complaint_that_arrived_in_the_standstill_is_booked_after_it():
    case = announced()
    over = case.file.timers["standstill"].due_at
    case.until(over + timedelta(days=1))

    complain(case, received_at=over - INSTANT)
    with pytest.raises(GuardFailed) as refusal:
        case.contract()
    assert refusal.value.guard == "no_open_complaint"


def test_an_upheld_complaint_sends_the_evaluation_back():
    case = announced()
    complain(case)
    case.two("uphold_complaint", bidder="O-2", reason=REASON)
    tender = case.facts.tender

    assert (tender.order, tender.negotiated, tender.announced_at) == (None, None, None)
    assert {bid.points for bid in tender.bids} == {None}
    assert [one.state for one in tender.complaints] == ["upheld"]
    assert "bid_evaluation" in case.file.timers

    case.evaluate("O-2", "O-KR")
    case.announce("O-2")
    complain(case, "O-KR")
    case.do("dismiss_complaint", bidder="O-KR", reason=REASON)
    case.stand_still()
    case.two("list_party", party="O-2", kind="company", signatory="P-SIGN-2")
    case.put_signature("O-2", "accede")
    case.contract(contractor="O-2")
    assert case.facts.contract.contractor == "O-2"


@pytest.mark.parametrize("person", ["P-EVAL-1", "P-PROCUREMENT-OFFICER", "P-PROCUREMENT-OFFICER-2"])
def test_no_complaint_is_decided_by_whoever_had_a_part_in_the_tender(person: str):
    case = announced()
    complain(case)

    for trigger in ("uphold_complaint", "dismiss_complaint"):
        with pytest.raises(GuardFailed) as refusal:
            case.do(trigger, Role.MINISTRY, person=person, bidder="O-2", reason=REASON)
        assert refusal.value.guard == "outside_the_evaluation"
    assert [one.state for one in case.facts.tender.complaints] == ["open"]


def test_whoever_only_proposed_to_open_the_bids_had_a_part_in_the_tender_too():
    case = sought()
    case.notice()
    case.wait(days=20)
    proposed = case.do("open_bids", person="P-CLERK")
    case.do("open_bids", person="P-OTHER-CLERK", proposal=proposed.entry)

    assert case.facts.tender.handled_by == ("P-CLERK", "P-OTHER-CLERK")


def test_bidders_are_told_of_the_award_and_nobody_of_who_evaluated():
    case = sought()
    case.notice()
    for bidder, contact in (("O-KR", "P-KR"), ("O-2", "P-TWO"), ("O-3", None)):
        case.do("receive_bid", bidder=bidder, sealed=HASH, contact=contact)
    case.wait(days=20)
    case.two("open_bids")
    case.name_committee()
    case.record_bids()
    case.evaluate("O-KR", "O-2", "O-3")
    case.announce()
    told = [letter for letter in case.letters if letter.template == "award_announced"]

    assert [letter.to for letter in told] == ["P-KR", "P-TWO", "procurement_officer"]
    assert {letter.due_at for letter in told} == {case.file.timers["standstill"].due_at}
    assert "EVAL" not in case.entries[-1].model_dump_json()

    complain(case)
    case.do("dismiss_complaint", bidder="O-2", reason=REASON)
    assert [(one.template, one.to) for one in case.letters[-4:]] == [
        ("complaint_received", "P-TWO"),
        ("complaint_received", "objection_committee"),
        ("complaint_dismissed", "P-TWO"),
        ("complaint_dismissed", "procurement_officer"),
    ]


CONTACTS = {"O-KR": "P-KR", "O-2": "P-TWO"}
"""Who has the bidders' letters."""


def bidding(*valid: str) -> Case:
    """Bids of two whose contacts are known, opened; evaluated where any is valid."""
    case = sought()
    case.notice()
    for bidder, contact in CONTACTS.items():
        case.do("receive_bid", bidder=bidder, sealed=HASH, contact=contact)
    case.wait(days=20)
    case.two("open_bids")
    case.name_committee()
    case.record_bids()
    case.evaluate(*valid)
    return case


def told(case: Case, template: str) -> list[str]:
    return [letter.to for letter in case.letters if letter.template == template]


def worded(case: Case, template: str) -> str:
    """What a letter says, the last of its kind."""
    letter = next(one for one in reversed(case.letters) if one.template == template)
    entry = next(one for one in case.entries if one.number == letter.about)
    return " ".join(" ".join(Letters().write(letter, case.file.view(), entry, "Mr Han")).split())


def test_bidders_are_told_when_an_announced_award_is_taken_back_and_only_then():
    case = bidding("O-KR", "O-2")
    case.do("record_negotiation", bidder="O-KR", agreed=True, krw=90_000_000, evidence=[HASH])
    case.do("record_negotiation", bidder="O-KR", agreed=True, krw=80_000_000, evidence=[HASH])
    case.do("announce_award", contractor="O-KR")
    assert told(case, "award_taken_back") == []

    case.do("record_negotiation", bidder="O-KR", agreed=False, evidence=[HASH])
    assert told(case, "award_taken_back") == ["P-KR", "P-TWO"]


def test_bidders_are_told_of_a_renotice_and_of_the_day_until_which_they_may_bid_again():
    case = bidding("O-KR")
    case.do("renotice", closes_at=seoul(2030, 1, 1))

    assert told(case, "tendered_again") == ["P-KR", "P-TWO"]
    assert "Bids until: the end of Monday, 31 December 2029" in worded(case, "tendered_again")


@pytest.mark.parametrize("ended_by", ["fail_procurement", "withdraw"])
def test_bidders_are_told_that_a_tender_has_ended_and_that_it_goes_on_after_all(ended_by: str):
    case = bidding("O-KR", "O-2")
    if ended_by == "withdraw":
        case.do("withdraw", evidence=[HASH])
    else:
        case.two("fail_procurement", ground="money_withdrawn", evidence=[HASH], reason=REASON)
    case.ordered("return_to_procurement", Role.HEAD, reason=REASON)

    assert told(case, "tender_ended") == ["P-KR", "P-TWO"]
    assert told(case, "returned") == ["P-MAYOR", "P-KR", "P-TWO"]


def test_who_did_not_get_the_contract_is_told_who_did_and_no_rivals_price_or_points():
    case = bidding("O-KR", "O-2")
    case.announce(krw=87_654_321)
    case.stand_still()
    case.contract(krw=87_654_321)

    assert (told(case, "contract_made"), told(case, "contract_awarded")) == (["P-TWO"], ["P-MAYOR", "P-SIGN-O-KR"])
    assert "Contractor: O-KR" in worded(case, "contract_made")
    for template in ("award_announced", "contract_made"):
        assert not re.search(r"87,654,321|100,000,000|\b9[05]\b|points", worded(case, template))
    assert "KRW 87,654,321" in worded(case, "contract_awarded")


# --- the committee's letters ------------------------------------------------------------------------------------------


def test_who_is_named_before_the_opening_is_told_so_and_who_bids_only_when_that_is_known():
    case = sought()
    case.notice()
    case.bid("O-KR", "O-2")
    case.name_committee(declare=False)
    assert told(case, "committee_named") == [*EVALUATORS]
    assert [letter.bidders for letter in case.letters if letter.template == "committee_named"] == [()] * 3
    assert "The bids are still sealed." in worded(case, "committee_named")

    case.wait(days=20)
    case.two("open_bids")
    assert told(case, "committee_named") == [*EVALUATORS, *EVALUATORS]
    assert "These have bid: - O-KR - O-2 Please declare" in worded(case, "committee_named")


def test_who_is_named_in_anothers_place_is_told_alone():
    case = opened("O-KR", "O-2")
    case.name_committee()
    case.name_committee("P-EVAL-1", "P-EVAL-2", "P-EVAL-4", declare=False, reason=REASON)

    assert told(case, "committee_named") == [*EVALUATORS, "P-EVAL-4"]


# --- the award --------------------------------------------------------------------------------------------------------


def test_a_contract_above_an_award_that_was_reduced_is_refused_until_a_price_within_it_is_agreed():
    case = Case().to(Stage.SHORTLISTED)
    case.ordered("select", krw=500_000_000, rank=1)
    case.to(Stage.PROCUREMENT)
    case.notice()
    case.bid("O-KR", "O-2")
    case.wait(days=20)
    case.two("open_bids")
    case.name_committee()
    case.record_bids(480_000_000)
    case.evaluate("O-KR", "O-2")
    case.announce(krw=480_000_000)
    case.two("reduce_award", krw=450_000_000, reason=REASON)
    case.stand_still()

    with pytest.raises(GuardFailed) as refusal:
        case.contract(krw=480_000_000)
    assert refusal.value.guard == "within_award"

    case.announce(krw=450_000_000)
    case.stand_still()
    case.contract(krw=450_000_000)
    assert case.facts.contract.krw == 450_000_000


def test_a_smaller_award_frees_money_of_the_edition_and_no_place():
    case = Case().to(Stage.SHORTLISTED)
    case.ordered("select", krw=500_000_000, rank=1)
    case.two("reduce_award", krw=450_000_000, reason=REASON)
    [release] = case.file.releases

    office = Office().deciding()
    office.decide("planning", selected=1, reserve=1)
    before = office.facts.committed_krw()
    office.do("release_place", Role.MINISTRY, via=Via.APPLICATION, ref=release.ref, krw=release.krw - 100_000_000)

    assert (release.ref, release.krw) == (case.ref, 450_000_000)
    assert before - office.facts.committed_krw() == 50_000_000
    assert office.facts.taken("planning") == 1
    assert office.facts.vacant == ()
    assert office.letters[-1].template != "place_free"


def test_money_that_a_smaller_award_frees_goes_to_whoever_waited_for_it_on_the_reserve():
    edition = rules("2021").model_copy(update={"budget_krw": 800_000_000})
    office = Office(edition).deciding()
    chosen = [office.choice("planning", 1, krw=500_000_000)]
    office.two(
        "decide_selection", programme="planning", selected=chosen, reserve=[office.choice("planning", 2)],
        ranking=[chosen[0]["ref"], "KC2021-PLA-0002"],
    )  # fmt: skip
    office.do("release_place", Role.MINISTRY, via=Via.APPLICATION, ref="KC2021-PLA-0001", krw=400_000_000)

    assert office.facts.nominated == {"planning": "KC2021-PLA-0002"}


def test_an_evaluation_that_waits_for_its_second_person_reminds_the_others_on_the_committee_and_may_be_frozen():
    case = Case().to(Stage.PROCUREMENT)
    case.notice()
    case.bid("O-KR")
    case.wait(days=20).two("open_bids")
    case.name_committee()
    case.record_bids()
    verdicts = [{"bidder": "O-KR", "valid": True, "points": 90}]
    case.do("evaluate_bids", person=EVALUATORS[0], verdicts=verdicts, order=["O-KR"])
    case.letters.clear()
    case.ordered("freeze", from_at=case.now, reason=REASON)
    case.wait(days=3).ordered("unfreeze", thawed_at=case.now, reason=REASON)
    told = {letter.to for letter in case.letters if letter.to.startswith("P-EVAL")}
    case.letters.clear()
    case.wait(days=10)
    reminded = [letter.to for letter in case.letters if letter.to in EVALUATORS]

    assert told == set(EVALUATORS[1:])
    assert set(reminded) == set(EVALUATORS[1:])


# --- proposals that are overtaken -------------------------------------------------------------------------------------

AWARD = {"contractor": "O-KR", "country": "KR", "krw": 100_000_000}


def complaining() -> Case:
    """A contract is proposed; then a complaint is booked that had arrived in time."""
    case = Case().to(Stage.PROCUREMENT)
    case.tender()
    case.announce()
    arrived = case.now
    case.stand_still()
    case.do("award_contract", **AWARD)
    case.do("complain", bidder="O-KR-2", ground="wrong_evaluation", evidence=[HASH], received_at=arrived)
    return case


def waiting(case: Case) -> list[str]:
    return [proposal.trigger for proposal in case.file.carried.proposals.values()]


def test_an_upheld_complaint_ends_the_contract_that_was_proposed_before():
    case = complaining()
    assert waiting(case) == ["award_contract"]
    case.two("uphold_complaint", bidder="O-KR-2", reason=REASON)

    assert waiting(case) == []
    assert [key for key in case.file.timers if key.startswith("second_person")] == []


def test_a_complaint_that_another_dismisses_is_not_upheld_by_an_earlier_proposal():
    case = complaining()
    case.do("uphold_complaint", bidder="O-KR-2", reason=REASON)
    case.do("dismiss_complaint", person="P-OTHER", bidder="O-KR-2", reason=REASON)

    assert waiting(case) == ["award_contract"]


def test_another_word_with_the_same_bidder_ends_the_contract_at_the_old_price():
    case = Case().to(Stage.PROCUREMENT)
    case.tender()
    case.announce()
    case.stand_still()
    case.do("award_contract", **AWARD)
    case.do("record_negotiation", bidder="O-KR", agreed=True, krw=90_000_000, evidence=[HASH])

    assert waiting(case) == []


def test_of_two_evaluations_that_are_proposed_the_one_that_is_confirmed_ends_the_other():
    case = Case().to(Stage.PROCUREMENT)
    case.notice()
    case.bid("O-KR", "O-KR-2")
    case.wait(days=20)
    case.two("open_bids")
    case.name_committee()
    case.record_bids()
    points = [{"bidder": "O-KR", "valid": True, "points": 70}, {"bidder": "O-KR-2", "valid": True, "points": 60}]
    case.do("evaluate_bids", person="P-EVAL-3", verdicts=points, order=["O-KR", "O-KR-2"])
    case.evaluate("O-KR", "O-KR-2")

    assert waiting(case) == []
