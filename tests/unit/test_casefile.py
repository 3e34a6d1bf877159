"""What a case file does with commands, whoever gives them in whatever order."""

# ruff: noqa: E501  # tables are read as tables
import random
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kcity_flow.domain import framework, retelling
from kcity_flow.domain import messages as m
from kcity_flow.domain.casefile import REFUSALS_AN_HOUR, REMEMBERED
from kcity_flow.domain.errors import GuardFailed, IdTaken, IllegalMove, Refusal, SecondPersonNeeded, Unreadable
from kcity_flow.domain.ledger import breaks
from kcity_flow.domain.messages import By
from kcity_flow.domain.moves import BY_TRIGGER
from kcity_flow.domain.stages import ENDS, Role, Stage, Via
from tests.unit.case import HASH, PATH, REASON, REVIEWERS, SEOUL, Case, Office, person_of, seoul

# --- any sequence -----------------------------------------------------------------------------------------------------

PROGRAMMES = [
    ("planning", "2021"),
    ("demonstration", "2021"),
    ("twinning", "rehearsal"),
    ("city_lab", "rehearsal"),
    ("pilot", "rehearsal"),
]


def plausible(case: Case, trigger: str, dice: random.Random) -> dict[str, Any]:
    """Data with which a move might be made as things stand; some of it is wrong."""
    rules, facts = case.edition.programme(case.programme), case.facts
    soon = case.now + timedelta(days=dice.choice([-1, 0, 15, 25]))
    data: dict[str, Any] = {"evidence": [HASH], "reason": REASON}
    data |= {
        "receive": case.arrival,
        "pass_screening": lambda: {"answers": {i.key: dice.random() < 0.9 for i in rules.eligibility}, "complete": True},
        "declare_ineligible": lambda: {"item": rules.eligibility[0].key},
        "reject": lambda: {"ground": dice.choice(["below_threshold", "outside_invited", "no_agreement", "refused"])},
        "select": lambda: {"krw": rules.award.min_krw, "rank": 1},
        "promote": lambda: {"krw": rules.award.min_krw, "rank": 1},
        "fail_framework": lambda: {"ground": dice.choice(["party_refused", "long_stop"])},
        "fail_procurement": lambda: {"ground": dice.choice(["renotices_used_up", "money_withdrawn"])},
        "award_contract": lambda: {"contractor": dice.choice(["O-KR", "O-TBILISI"]), "country": "KR", "krw": 100_000_000},
        "submit_final": lambda: {"deliverables": [{"kind": k, "sha256": HASH} for k in rules.deliverables]},
        "return_final": lambda: {"missing": ["annex"]},
        "close": lambda: {"grade": "good", "filed": True},
        "merge_duplicate": lambda: {"survivor": "KC2021-PLA-0999"},
        "assign_reviewer": lambda: {"reviewer": dice.choice(REVIEWERS), "step": dice.choice(["paper_review", "presentation"]), "reason": dice.choice([REASON] * 4 + [None])},
        "replace_reviewer": lambda: {"reviewer": dice.choice(REVIEWERS), "step": "paper_review", "replaces": dice.choice(REVIEWERS)},
        "declare_conflict": lambda: {"step": "paper_review"} | dice.choice([{"conflict": False}] * 2 + [{"conflict": True, "kind": "adviser"}]),
        "supersede": lambda: {"received_at": case.now, "channel": "post", "documents": [{"kind": "proposal", "sha256": HASH}]},
        "supersede_sheet": lambda: {"scores": {c.key: dice.choice([60, 80]) for c in rules.criteria}},
        "void_sheet": lambda: {"reviewer": dice.choice(REVIEWERS), "step": dice.choice(["paper_review", "presentation"])},
        "seal_sheet": lambda: {"scores": {c.key: dice.choice([60, 80]) for c in rules.criteria}},
        "schedule": lambda: case.meeting(date_at=soon),
        "reschedule": lambda: case.meeting(date_at=soon),
        "agree_minutes": lambda: {"side": dice.choice(["applicant", "ministry"]), "minutes": HASH, "scope_agreed": True},
        "record_confirmation": lambda: {"agreed": dice.random() < 0.6},
        "object": lambda: {"ground": "office_error"},
        "uphold_objection": lambda: {"step": dice.choice([s.value for s in facts.reached if s.value in {"screening", "paper_review", "consultation", "presentation", "confirmation", "shortlisted"}] or ["screening"])},
        "list_party": lambda: {"party": f"P{dice.randint(1, 3)}", "kind": "company", "signatory": "P-SIGNATORY"},
        "strike_party": lambda: {"party": f"P{dice.randint(1, 3)}"},
        "replace_signatory": lambda: {"party": f"P{dice.randint(1, 3)}", "signatory": f"P-SIGNATORY{dice.choice(['', '-2'])}"},
        "table_text": lambda: {"text": dice.choice([HASH, REASON])},
        "negotiate_text": lambda: {"party": "P1", "took_part": ["P1", f"P{dice.randint(1, 3)}"], "held_on": dice.choice([case.today, soon.date()]), "minutes": HASH},
        "sign": lambda: {"party": f"P{dice.randint(1, 3)}", "text": dice.choice([HASH, REASON]), "signed_on": dice.choice([case.today, soon.date()])},
        "accede": lambda: {"party": f"P{dice.randint(1, 3)}", "text": dice.choice([HASH, REASON]), "signed_on": case.today},
        "refuse_signature": lambda: {"party": f"P{dice.randint(1, 3)}"},
        "extend_signature": lambda: {"signs_by": soon.date(), "missing": framework.missing(facts, rules)},
        "publish_notice": lambda: {"closes_at": soon},
        "renotice": lambda: {"closes_at": soon},
        "agree_terms": lambda: {"terms": HASH},
        "set_terms": lambda: {"evidence": [HASH]},
        "ask_question": lambda: {"bidder": "O-KR", "question": REASON},
        "answer_question": lambda: {"number": 1, "answer": REASON},
        "receive_bid": lambda: {"bidder": dice.choice(["O-KR", "O-KR-2"]), "sealed": HASH},
        "withdraw_bid": lambda: {"bidder": "O-KR-2"},
        "name_committee": lambda: {"members": REVIEWERS[:3]},
        "declare_bid_conflict": lambda: dice.choice([{"conflict": False}] * 4 + [{"conflict": True, "kind": "adviser", "bidder": "O-KR"}]),
        "record_bid": lambda: {"bidder": dice.choice(["O-KR", "O-KR-2"]), "document": HASH, "krw": 100_000_000, "country": "KR"},
        "evaluate_bids": lambda: {"verdicts": [{"bidder": bid.bidder, "valid": True, "points": 80} for bid in facts.tender.standing], "order": [bid.bidder for bid in facts.tender.standing]},
        "record_negotiation": lambda: dice.choice([{"agreed": False}, {"agreed": True, "krw": 100_000_000}]) | {"bidder": next(iter(facts.tender.candidates), "O-KR")},
        "announce_award": lambda: {"contractor": "O-KR"},
        "complain": lambda: {"bidder": dice.choice(["O-KR", "O-KR-2"]), "ground": "wrong_evaluation"},
        "uphold_complaint": lambda: {"bidder": dice.choice(["O-KR", "O-KR-2"])},
        "dismiss_complaint": lambda: {"bidder": dice.choice(["O-KR", "O-KR-2"])},
        "reduce_award": lambda: {"krw": dice.choice([rules.award.min_krw, 450_000_000])},
        "set_plan": lambda: {"milestones": case.milestones(*dice.choice([(30_000_000, 70_000_000), (50_000_000, 60_000_000)]))},
        "accept_plan": lambda: {"plan": facts.plan_proposed.entry if facts.plan_proposed else 1},
        "change_scope": lambda: {"milestones": [one.model_dump() for one in facts.plan] or case.milestones(1)},
        "report": lambda: {"kind": dice.choice(["monthly"] * 4 + ["interim"]), "month": f"{case.now.astimezone(SEOUL):%Y-%m}", "document": f"{len(case.entries):064x}"} | dice.choice([{}, {"milestone": "part_1", "deliverables": [{"kind": rules.deliverables[0], "sha256": HASH}]}]),
        "visit_site": lambda: {"done_on": case.now.astimezone(SEOUL).date(), "minutes": HASH, "present": ["P-DESK"]},
        "accept_milestone": lambda: {"milestone": "part_1"},
        "approve_subcontract": lambda: {"firm": "O-SUB", "country": "KR", "krw": 40_000_000},
        "claim": lambda: case.claiming(dice.choice([10_000_000, 30_000_000]), dice.choice(["part_1", "final_report"])),
        "accept_claim": lambda: {"claim": dice.randint(1, 3)},
        "reject_claim": lambda: {"claim": dice.randint(1, 3)},
        "pay": lambda: {"claim": dice.randint(1, 3), "done_on": case.now.astimezone(SEOUL).date()},
        "replace_contractor": lambda: {"contractor": "O-KR-2", "country": "KR", "krw": 1, "paid_krw": facts.paid_krw, "due_krw": facts.owed_krw},
        "agree_acceptance": lambda: {"minutes": HASH},
        "record_settlement": lambda: {"paid_krw": facts.paid_krw, "due_krw": facts.owed_krw, "refund_krw": dice.choice([0, facts.paid_krw])},
        "recover": lambda: {"krw": max(1, facts.refund_krw), "done_on": case.now.astimezone(SEOUL).date()},
        "write_off": lambda: {"krw": max(1, facts.refund_krw)},
        "extend": lambda: {"ends_on": date(2022, 12, 31), "ground": "scale"},
        "notify_termination": lambda: {"ends_at": case.now + timedelta(days=dice.choice([29, 30, 45]))},
        "follow_up": lambda: {"kind": "ppp", "status": "proposed"},
        "supersede_follow_up": lambda: {"kind": "ppp", "status": "agreed", "supersedes": dice.randint(1, len(case.entries))},
        "correct": lambda: {"supersedes": dice.randint(1, 4), "field": dice.choice(["city", "title", "stage"]), "value": f"v{dice.randint(1, 9)}"},
    }.get(trigger, dict)()  # fmt: skip
    return data


def wander(case: Case, seed: int, moves: int) -> Case:
    """Somebody asks for something, again and again; now and then time passes."""
    dice = random.Random(seed)
    triggers = sorted({trigger for trigger, _ in BY_TRIGGER})
    for _ in range(moves):
        if dice.random() < 0.2:
            case.wait(days=dice.choice([0, 1, 9, 40]))
        offers = case.file.lifecycle.offers(case.stage)
        waiting = list(case.file.carried.proposals.values())
        person, more, role = "", {}, dice.choice(list(Role))
        if waiting and dice.random() < 0.6:
            proposal = dice.choice(waiting)
            trigger = dice.choice([proposal.trigger] * 4 + ["refuse_proposal", "retract_proposal"])
            role = dice.choice(proposal.approvers)
            person = person_of(role, second=dice.random() < 0.8)
            more = {"proposal": proposal.entry, **({} if trigger.endswith("_proposal") else proposal.substance)}
        else:
            # Ends would swallow most walks; moves that lead on are asked for more often.
            trigger = dice.choice(offers) if dice.random() < 0.85 else dice.choice(triggers)
            row = BY_TRIGGER.get((trigger, case.stage))
            if row and dice.random() < 0.85:
                role = dice.choice(row.approvers if row.sent_by else row.actors)
            if role is Role.REVIEWER:
                person = dice.choice(REVIEWERS)
        data = plausible(case, trigger, dice) | more
        data.pop("trigger", None)
        row = BY_TRIGGER.get((trigger, case.stage))
        try:
            if row and (row.sent_by or row.undoes) and dice.random() < 0.8:
                case.ordered(trigger, role if role in row.approvers else row.approvers[0], **data)
            else:
                case.do(trigger, role, person=person, **data)
        except Unreadable:
            continue  # it has not reached the file
        except Refusal:
            pass
    return case


WALKS = st.tuples(
    st.sampled_from(PROGRAMMES), st.sampled_from([*PATH, Stage.RESERVE, Stage.SUSPENDED, Stage.NOT_SELECTED, Stage.INELIGIBLE, Stage.WITHDRAWN]),
    st.integers(0, 2**32),
)  # fmt: skip


def begun(programme: tuple[str, str], stage: Stage, **how: Any) -> Case:
    case = Case(*programme, **how)
    on_route = {step.kind.value for step in case.edition.programme(case.programme).route}
    skipped = {s for s in (Stage.CONSULTATION, Stage.PRESENTATION, Stage.CONFIRMATION) if s.value not in on_route}
    return case.to(Stage.SHORTLISTED if stage in skipped else stage)


@given(WALKS)
@settings(max_examples=60, deadline=None)
def test_no_sequence_of_commands_leaves_the_table(walk):
    """Whoever asks whatever in whatever order, each change of stage is a row, by an allowed role, by two where two."""
    programme, stage, seed = walk
    case = wander(begun(programme, stage), seed, 25)
    entries = {entry.number: entry for entry in case.entries}

    assert breaks(case.entries) == []
    at = Stage.ABSENT
    for entry in case.entries:
        assert entry.source == at
        at = Stage(entry.dest)
        if entry.outcome != "made":
            assert entry.source == entry.dest
            continue
        row = BY_TRIGGER[entry.command, Stage(entry.source)]
        assert entry.dest == (row.dest or entry.source)
        if not row.approvers:
            assert entry.role in row.actors
        elif entry.order is not None and entry.proposal is None:
            assert row.sent_by is Via.EDITION or row.undoes
            assert entry.order.proposed_by != entry.order.approved_by == entry.person
        else:
            proposed = entries[entry.proposal]
            assert (proposed.command, proposed.outcome, proposed.data) == (entry.command, "proposed", entry.data)
            assert proposed.role in row.actors
            assert entry.role in row.approvers
            assert "clock" != proposed.person != entry.person != "clock"
    assert at is case.stage


@given(WALKS)
@settings(max_examples=40, deadline=None)
def test_a_continued_run_goes_on_as_if_nothing_had_happened(walk):
    """The carried state dumped and read again after every command (continue-as-new) leads to the same hashes and letters."""
    programme, stage, seed = walk
    straight, continued = (
        wander(begun(programme, stage, carry_over=way), seed, 20).wait(days=90) for way in (False, True)
    )

    assert [entry.hash for entry in continued.entries] == [entry.hash for entry in straight.entries]
    assert continued.letters == straight.letters
    assert continued.file.carried.model_dump() == straight.file.carried.model_dump()


@given(WALKS)
@settings(max_examples=25, deadline=None)
def test_the_same_commands_give_the_same_hashes(walk):
    programme, stage, seed = walk
    first, second = (wander(begun(programme, stage), seed, 15) for _ in range(2))

    assert [entry.hash for entry in first.entries] == [entry.hash for entry in second.entries]


@given(WALKS)
@settings(max_examples=60, deadline=None)
def test_no_letter_s_key_ever_repeats(walk):
    programme, stage, seed = walk
    case = wander(begun(programme, stage), seed, 25).wait(days=200)
    keys = [letter.key for letter in case.letters]

    assert sorted(keys) == sorted(set(keys))


@given(WALKS)
@settings(max_examples=30, deadline=None)
def test_the_clock_repeated_at_one_instant_does_nothing_twice(walk):
    programme, stage, seed = walk
    case = wander(begun(programme, stage), seed, 12).wait(days=7)
    before = case.file.carried.model_dump()

    case.file.run_clock(case.now, case.now)
    case.collect()
    assert case.file.carried.model_dump() == before
    assert (due := case.file.next_due()) is None or due > case.now


# --- refusals and repetition ------------------------------------------------------------------------------------------


def test_a_command_sent_again_is_answered_with_its_first_receipt():
    case = Case()
    command = case.command(
        "receive", By(person="P-DESK", role=Role.DESK), **plausible(case, "receive", random.Random(1))
    )
    first, second = case.give(command), case.give(command)

    assert second == first.model_copy(update={"repeated": True})
    assert len(case.entries) == 1


def test_as_many_command_ids_are_remembered_as_are_promised():
    case = Case().to(Stage.RECEIVED)
    for _ in range(REMEMBERED + 5):
        case.do("flag", Role.DESK)

    assert len(case.file.carried.seen) == REMEMBERED
    assert case.file.receipt_of("test/1") is None
    assert case.file.receipt_of(f"test/{case.ids}").repeated


def test_after_a_hundred_refusals_an_hour_they_are_counted():
    case = Case().to(Stage.RECEIVED)
    for _ in range(REFUSALS_AN_HOUR + 3):
        with pytest.raises(IllegalMove):
            case.do("resume", Role.MINISTRY)

    assert sum(entry.outcome == "refused" for entry in case.entries) == REFUSALS_AN_HOUR
    assert case.file.carried.uncounted_refusals == 3


def test_an_hour_later_they_are_recorded_again():
    case = Case().to(Stage.RECEIVED)
    for _ in range(REFUSALS_AN_HOUR):
        with pytest.raises(IllegalMove):
            case.do("resume", Role.MINISTRY)
    case.wait(hours=1)
    with pytest.raises(IllegalMove):
        case.do("resume", Role.MINISTRY)

    assert case.entries[-1].refused.code == "IllegalMove"
    assert case.file.carried.uncounted_refusals == 0


# --- two persons ------------------------------------------------------------------------------------------------------


@pytest.fixture
def proposed() -> Case:
    case = Case().to(Stage.SCREENING)
    case.do("declare_ineligible", item="government")
    return case


def number(case: Case) -> int:
    return next(iter(case.file.carried.proposals))


def test_a_proposal_changes_nothing_until_a_second_person_confirms(proposed):
    assert (proposed.stage, proposed.entries[-1].outcome) == (Stage.SCREENING, "proposed")

    proposed.do("declare_ineligible", Role.HEAD, item="government", proposal=number(proposed))
    assert (proposed.stage, proposed.file.carried.proposals) == (Stage.INELIGIBLE, {})


def test_guards_are_judged_again_at_the_confirmation():
    case = Case().to(Stage.FRAMEWORK)
    case.wait(days=91)
    entry = case.do("fail_framework", ground="long_stop", reason=REASON).entry

    with pytest.raises(GuardFailed, match="reason_given"):
        case.do("fail_framework", person="P-OTHER", ground="long_stop", proposal=entry)
    assert case.stage is Stage.FRAMEWORK


def test_a_proposal_is_refused_by_another_who_may_approve_and_with_a_reason(proposed):
    entry = number(proposed)
    with pytest.raises(GuardFailed, match="another_who_may_approve"):
        proposed.do("refuse_proposal", Role.DESK, proposal=entry, reason=REASON)
    with pytest.raises(GuardFailed, match="another_who_may_approve"):
        proposed.do("refuse_proposal", Role.CHAIR, proposal=entry, reason=REASON)
    with pytest.raises(GuardFailed, match="reason_given"):
        proposed.do("refuse_proposal", Role.HEAD, proposal=entry)
    proposed.do("refuse_proposal", Role.HEAD, proposal=entry, reason=REASON)

    with pytest.raises(SecondPersonNeeded, match="no declare_ineligible waits"):
        proposed.do("declare_ineligible", Role.HEAD, item="government", proposal=entry)


def test_a_proposal_is_retracted_by_nobody_but_its_proposer(proposed):
    with pytest.raises(GuardFailed, match="the_proposer"):
        proposed.do("retract_proposal", Role.HEAD, proposal=number(proposed), reason=REASON)
    proposed.do("retract_proposal", Role.DESK, proposal=number(proposed), reason=REASON)

    assert proposed.file.carried.proposals == {}
    assert [key for key in proposed.file.timers if "#" in key] == []


def test_the_clock_lapses_a_proposal_and_never_confirms_one(proposed):
    waiting = number(proposed)
    proposed.wait(days=32)

    lapsed = next(entry for entry in proposed.entries if entry.command == "lapse_proposal")
    assert (lapsed.person, lapsed.proposal, lapsed.outcome) == ("clock", waiting, "made")
    assert (proposed.stage, proposed.file.carried.proposals) == (Stage.SCREENING, {})


def test_a_change_of_stage_ends_what_waited_but_not_a_correction(proposed):
    proposed.do("correct", supersedes=1, field="city", value="Batumi", reason=REASON)
    proposed.do("withdraw", evidence=[HASH])

    assert [p.trigger for p in proposed.file.carried.proposals.values()] == ["correct"]


def test_a_command_of_one_person_that_names_a_proposal_leaves_it_waiting(proposed):
    proposed.do("flag", Role.DESK, proposal=number(proposed))

    assert [p.trigger for p in proposed.file.carried.proposals.values()] == ["declare_ineligible"]


# --- corrections and returns ------------------------------------------------------------------------------------------


def test_a_correction_supersedes_and_never_overwrites():
    case = Case().to(Stage.RECEIVED)
    first = case.entries[0]
    case.two("correct", supersedes=1, field="city", value="Batumi", reason=REASON)

    assert case.facts.city == "Batumi"
    assert (case.entries[0], case.entries[-1].supersedes) == (first, 1)
    assert case.entries[0].data["city"] == "Tbilisi"


@pytest.mark.parametrize(
    ("change", "guard"),
    [
        ({"supersedes": 2}, "corrects_an_entry"),
        ({"field": "stage"}, "corrects_an_entry"),
        ({"reason": None}, "reason_given"),
    ],
)
def test_a_correction_names_an_entry_a_field_and_a_reason(change, guard):
    case = Case().to(Stage.RECEIVED)
    with pytest.raises(GuardFailed, match=guard):
        case.do("correct", **{"supersedes": 1, "field": "city", "value": "x", "reason": REASON} | change)


def test_a_return_undoes_the_contract_with_the_move_that_made_it():
    case = Case().to(Stage.IMPLEMENTATION)
    assert case.facts.contract is not None
    case.two("return_to_procurement", reason=REASON)

    assert (case.stage, case.facts.contract, case.facts.ends_on) == (Stage.PROCUREMENT, None, None)
    assert "implementation_end" not in case.file.timers


def test_a_return_brings_back_the_timers_the_move_had_ended():
    case = Case().to(Stage.FRAMEWORK)
    due = case.file.timers["framework_long_stop"].due_at
    case.do("withdraw", evidence=[HASH])
    assert "framework_long_stop" not in case.file.timers
    case.ordered("return_to_framework", Role.DESK, reason=REASON)

    assert case.file.timers["framework_long_stop"].due_at == due
    assert case.file.timers["framework_long_stop"].entry == len(case.entries)


def test_a_return_is_possible_only_directly_after():
    case = Case().to(Stage.PAPER_REVIEW)
    case.seal(80)

    with pytest.raises(GuardFailed, match="made_in_error"):
        case.do("return_to_screening", reason=REASON)


def test_corrections_may_come_between_and_outlive_the_return():
    case = Case().to(Stage.PAPER_REVIEW)
    case.two("correct", supersedes=1, field="city", value="Batumi", reason=REASON)
    case.two("return_to_screening", reason=REASON)

    assert (case.stage, case.facts.city) == (Stage.SCREENING, "Batumi")


@pytest.mark.parametrize(("stage", "to"), [(Stage.SELECTED, "shortlisted"), (Stage.RESERVE, "shortlisted")])
def test_where_a_place_is_concerned_only_the_edition_returns(stage, to):
    case = Case().to(stage)
    with pytest.raises(GuardFailed, match="places_left_to_the_edition"):
        case.do(f"return_to_{to}", reason=REASON)
    case.ordered(f"return_to_{to}", Role.DESK, reason=REASON)

    assert (case.stage, case.facts.place) == (Stage.SHORTLISTED, None)


def test_what_the_clock_did_meanwhile_is_not_done_again_after_a_return():
    """A timer that runs on through a move made in error is not wound back with it."""
    case = Case()
    case.until(case.window.closes_at - timedelta(days=1))
    case.receive()
    case.until(case.window.closes_at + timedelta(days=6))  # screening is open; the acknowledgement is overdue
    case.two("return_to_received", reason=REASON)
    case.wait(days=30)

    assert [entry.data["note"] for entry in case.entries if entry.command == "flag"].count("acknowledge") == 1
    assert case.file.timers.keys() & {"acknowledge"} == set()


# --- results, letters, the end ----------------------------------------------------------------------------------------


def test_who_was_told_of_the_reserve_is_told_of_the_promotion():
    case = Case().to(Stage.RESERVE)
    case.ordered("publish_result")
    case.do("send_letter")
    case.ordered("promote", krw=400_000_000, rank=5)
    with pytest.raises(GuardFailed, match="result_published"):
        case.do("open_framework")
    case.ordered("publish_result")
    case.do("send_letter")

    assert [letter.template for letter in case.letters if letter.template.startswith("result")] == [
        "result_reserve",
        "result_selected",
    ]


def test_an_expired_reserve_is_told_and_may_object():
    case = Case().to(Stage.RESERVE)
    case.ordered("publish_result")
    case.do("send_letter")
    case.until(seoul(2022, 1, 1))
    assert case.stage is Stage.NOT_SELECTED
    case.do("send_letter")
    case.do("object", ground="office_error")

    assert [letter.template for letter in case.letters if letter.template.startswith("result")] == [
        "result_reserve",
        "result_not_selected",
    ]


def test_a_file_stays_open_until_the_letter_is_sent_and_its_period_is_over():
    case = Case().to(Stage.NOT_SELECTED).wait(days=100)
    assert not case.file.finished()
    case.ordered("publish_result")
    case.do("send_letter")
    assert not case.file.finished()
    case.wait(days=40)

    assert case.file.finished()


def test_a_file_stays_open_while_an_objection_is_undecided():
    case = Case().to(Stage.INELIGIBLE)
    case.do("send_letter")
    case.do("object", ground="office_error")
    case.wait(days=200)
    assert not case.file.finished()
    case.do("dismiss_objection", reason=REASON)

    assert case.file.finished()


def test_the_counterpart_is_asked_anew_after_an_upheld_objection():
    case = Case("twinning", "rehearsal").to(Stage.CONFIRMATION)
    case.do("record_confirmation", agreed=False, evidence=[HASH])
    case.do("reject", ground="refused", reason=REASON)
    case.ordered("publish_result")
    case.do("send_letter")
    case.do("object", ground="reviewers_error")
    case.two("uphold_objection", step="paper_review", reason=REASON)
    case.do("reopen_review")
    case.assign("paper_review", 3)
    case.seal(80, 80, 80)
    case.do("request_confirmation")
    case.do("record_confirmation", agreed=True, evidence=[HASH])
    case.do("shortlist")

    assert case.stage is Stage.SHORTLISTED


@pytest.mark.parametrize("stage", [Stage.SELECTED, Stage.RESERVE, Stage.FRAMEWORK, Stage.PROCUREMENT])
def test_who_leaves_with_a_place_tells_the_edition(stage):
    case = Case().to(stage)
    case.do("withdraw", evidence=[HASH])

    assert [(r.trigger, r.ref, r.by.via) for r in case.file.releases] == [("release_place", case.ref, Via.APPLICATION)]


def test_also_who_is_cancelled_by_the_edition_tells_it_that_the_place_is_free():
    case = Case().to(Stage.SELECTED)
    case.ordered("cancel_award", reason=REASON)

    assert [(r.ref, r.reserve) for r in case.file.releases] == [(case.ref, False)]


def test_who_goes_back_to_the_reserve_keeps_a_line_there():
    case = Case().to(Stage.RESERVE)
    case.ordered("promote", krw=500_000_000, rank=1)
    case.ordered("return_to_reserve", Role.DESK, reason=REASON)

    assert [(r.ref, r.reserve) for r in case.file.releases] == [(case.ref, True)]


def test_an_id_that_was_used_for_another_move_is_refused_and_does_nothing():
    case = Case().to(Stage.RECEIVED)
    by = By(person="P-DESK", role=Role.DESK)
    case.give(m.parse("application", "flag", {"id": "the same", "by": by}))

    with pytest.raises(IdTaken, match=r"'the same' was used for flag before"):
        case.give(m.parse("application", "acknowledge", {"id": "the same", "by": by}))
    assert (case.facts.acknowledged, case.entries[-1].refused.code) == (False, "IdTaken")


@pytest.mark.parametrize("end", [Stage.CLOSED, Stage.WITHDRAWN])
def test_an_end_closes_when_its_timers_are_over(end):
    case = Case().to(end)
    assert not case.file.finished()
    case.wait(days=800)

    assert case.stage in ENDS
    assert (case.file.finished(), case.file.next_due()) == (True, None)


# --- suspension -------------------------------------------------------------------------------------------------------


def test_nothing_but_the_suspension_and_proposals_runs_while_work_stands_still():
    case = Case().to(Stage.IMPLEMENTATION)
    case.do("correct", supersedes=1, field="city", value="Batumi", reason=REASON)
    due = case.file.timers["second_person#" + str(len(case.entries))].due_at
    case.do("suspend", reason=REASON)
    case.until(due - timedelta(hours=1))
    case.do("resume", reason=REASON)

    assert case.file.timers["second_person#" + str(number(case))].due_at == due
    assert {name for name in case.file.timers if "#" not in name} == {"implementation_end", "report"}


def test_an_end_that_was_set_during_the_pause_moves_by_what_came_of_it_after():
    case = Case().to(Stage.IMPLEMENTATION)
    case.do("suspend", reason=REASON)
    case.wait(days=20)
    case.two("extend", ends_on="2022-12-31", ground="covid_19")
    case.wait(days=10)
    case.do("resume", reason=REASON)

    assert case.facts.ends_on == date(2023, 1, 10)
    assert case.file.timers["implementation_end"].due_at == seoul(2023, 1, 11)
    # The ledger alone says so too: a pause is counted from facts, not from timers.
    assert retelling.application_of(case.edition, case.facts.ref, case.entries).ends_on == date(2023, 1, 10)


def test_a_resumption_undone_and_made_again_moves_deadlines_once():
    case = Case().to(Stage.IMPLEMENTATION)
    due = case.file.timers["implementation_end"].due_at
    case.do("suspend", reason=REASON)
    case.wait(days=10)
    case.do("resume", reason=REASON)
    case.two("return_to_suspended", reason=REASON)
    case.wait(days=5)
    case.do("resume", reason=REASON)

    assert case.file.timers["implementation_end"].due_at == due + timedelta(days=15)


# --- the edition ------------------------------------------------------------------------------------------------------


def test_a_closed_edition_has_no_file_timer():
    office = Office().deciding()
    for programme in ("planning", "solution", "demonstration"):
        office.decide(programme)
    office.two("publish_results", refs=[], reason=REASON)
    office.two("close_edition", open_applications=0)

    assert office.facts.timers == {}
    assert office.file.finished()
