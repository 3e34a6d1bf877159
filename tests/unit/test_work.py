"""The work and its money: what follows what, what adds up, and what falls due."""

from contextlib import suppress
from datetime import date, datetime, timedelta
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kcity_flow.audit.explain import Source, explain
from kcity_flow.domain import retelling
from kcity_flow.domain.application import Application
from kcity_flow.domain.errors import GuardFailed, IllegalMove, Refusal
from kcity_flow.domain.freeze import whole_days
from kcity_flow.domain.stages import Role, Stage
from kcity_flow.domain.work import half_of_the_work, month_asked, month_due, month_reported
from kcity_flow.interfaces import tables
from tests.unit.case import HASH, REASON, SEOUL, Case, seoul

DAY = timedelta(days=1)


def working(*sums: int) -> Case:
    """At work under an accepted plan."""
    return Case().to(Stage.IMPLEMENTATION).planned(*sums)


def at(case: Case, instant: datetime) -> Case:
    """The same case at an instant, its clock not having rung."""
    case.now = instant
    return case


def waits(case: Case) -> dict[str, tuple[str, ...]]:
    return {waiting.what: waiting.to for waiting in case.file.view().waiting}


def letters(case: Case, template: str) -> list[str]:
    return [letter.to for letter in case.letters if letter.template == template]


def flags(case: Case, note: str) -> list[date]:
    return [entry.at.astimezone(SEOUL).date() for entry in case.entries if entry.data.get("note") == note]


# --- the plan ---------------------------------------------------------------------------------------------------------


def test_a_plan_that_is_set_again_is_the_one_that_waits() -> None:
    case = Case().to(Stage.IMPLEMENTATION)
    first = case.do("set_plan", person=case.contractor, milestones=case.milestones(1, 2))
    second = case.do("set_plan", person=case.contractor, milestones=case.milestones(3, 4))

    with pytest.raises(GuardFailed, match="plan_waits"):
        case.do("accept_plan", plan=first.entry)
    case.do("accept_plan", plan=second.entry)
    assert [milestone.krw for milestone in case.facts.plan] == [3, 4]


def test_a_changed_plan_keeps_what_was_accepted_and_what_waits_to_be() -> None:
    case = working(10, 20, 30).reached()
    case.do("report", Role.DESK, kind="monthly", month="2021-06", document=HASH, milestone="part_2",
            deliverables=[{"kind": "basic_concept", "sha256": HASH}])  # fmt: skip
    first, second, final = case.milestones(10, 20, 30)
    case.two("change_scope", milestones=[first, second, final | {"krw": 29}], evidence=[HASH], reason=REASON)

    one, two, three = case.facts.plan
    assert (one.accepted_at, two.reported_by, three.krw) == (case.now, "P-DESK", 29)


def test_a_reported_milestone_that_is_changed_has_to_be_reported_again() -> None:
    case = working(10, 20, 30)
    case.do("report", Role.DESK, kind="monthly", month="2021-06", document=HASH, milestone="part_2",
            deliverables=[{"kind": "basic_concept", "sha256": HASH}])  # fmt: skip
    first, second, final = case.milestones(10, 20, 30)
    case.two("change_scope", milestones=[first, second | {"krw": 21}, final], evidence=[HASH], reason=REASON)

    assert case.facts.milestone("part_2").reported_by is None


# --- money ------------------------------------------------------------------------------------------------------------


def test_money_goes_from_a_milestone_by_a_claim_to_a_payment() -> None:
    case = working().reached().paid(30_000_000).accepted(10_000_000)

    facts = case.facts
    assert (facts.claimed_krw(), facts.paid_krw, facts.owed_krw) == (40_000_000, 30_000_000, 10_000_000)
    assert [(claim.state, claim.claimed_by, claim.decided_by) for claim in facts.claims] == [
        ("paid", "P-SIGN-O-KR", "P-DESK"),
        ("accepted", "P-SIGN-O-KR", "P-DESK"),
    ]


def test_a_rejected_claim_leaves_its_sum_to_be_claimed_again() -> None:
    case = working().reached().claimed()
    case.do("reject_claim", claim=1, reason=REASON)
    case.claimed()

    assert [claim.state for claim in case.facts.claims] == ["rejected", "claimed"]


def asked(case: Case, dice: Random) -> tuple[str, Role, dict[str, Any]]:
    """Something that somebody asks for about money; much of it is wrong."""
    number = dice.randint(1, 4)
    done_on = case.now.astimezone(SEOUL).date()
    krw, part = dice.choice([5_000_000, 10_000_000, 20_000_000]), dice.choice(["part_1", "part_2", "final_report"])
    return dice.choice(
        [
            ("claim", Role.DESK, case.claiming(krw, part, len(case.facts.claims) + dice.choice([0, 1, 1, 1]) or 1)),
            ("accept_claim", Role.DESK, {"claim": number}),
            ("reject_claim", Role.DESK, {"claim": number}),
            ("pay", Role.FINANCE, {"claim": number, "done_on": done_on}),
            ("suspend", Role.MINISTRY, {}),
            ("resume", Role.MINISTRY, {}),
        ]
    )


@given(st.integers(0, 2**32))
@settings(max_examples=20, deadline=None)
def test_whoever_asks_for_whatever_nobody_is_paid_more_than_was_accepted_and_no_two_of_three_are_one(seed: int) -> None:
    dice = Random(seed)
    case = working(30_000_000, 20_000_000, 10_000_000).reached("part_1").reached("part_2")
    for _ in range(60):
        trigger, role, data = asked(case, dice)
        with suppress(Refusal):
            person = dice.choice(["P-A", "P-B", "P-C"])
            case.do(trigger, role, person=person, **{"evidence": [HASH], "reason": REASON, **data})

    facts = case.facts
    for milestone in facts.plan:
        assert facts.claimed_krw(milestone=milestone.key) <= (milestone.krw if milestone.accepted_at else 0)
    assert facts.paid_krw + facts.owed_krw <= facts.claimed_krw() <= facts.contract.krw
    made = {(e.command, e.data["claim"]): e.person for e in case.entries if e.outcome == "made" and "claim" in e.data}
    for claim in facts.claims:
        hands = [made.get((trigger, claim.number)) for trigger in ("claim", "accept_claim", "pay")]
        assert len(set(hands)) == 3 if claim.state == "paid" else hands[2] is None
    # The ledger alone says the same.
    assert retelling.application_of(case.edition, case.ref, case.entries).claims == facts.claims


def test_another_contractor_gets_what_is_left_and_every_limit_counts_the_first_ones() -> None:
    case = working().reached().paid(30_000_000).accepted(10_000_000).until(seoul(2021, 9, 10))
    missed = case.facts.reports_missed
    case.two("list_party", party="O-KR-2", kind="company", signatory="P-SIGN-O-KR-2")
    case.put_signature("O-KR-2", "accede")
    case.do("suspend", reason=REASON)
    sums = {"krw": 60_000_000, "paid_krw": 30_000_000, "due_krw": 10_000_000}
    case.two("replace_contractor", contractor="O-KR-2", country="KR", evidence=[HASH], reason=REASON, **sums)
    case.do("resume", reason=REASON)

    facts = case.facts
    assert [(contract.contractor, contract.krw) for contract in facts.contracts_before] == [("O-KR", 40_000_000)]
    assert (facts.contract.contractor, facts.contract.krw, case.contractor) == ("O-KR-2", 100_000_000, "P-SIGN-O-KR-2")
    assert (missed, facts.reports_missed) == (1, 0)
    # What was accepted for the first one is paid to it; only the second speaks for the contract now.
    case.do("pay", claim=2, done_on=case.now.astimezone(SEOUL).date(), evidence=[HASH])
    with pytest.raises(GuardFailed, match="own_contract"):
        case.do("report", person="P-SIGN-O-KR", kind="monthly", month="2021-08", document=HASH)


def test_what_was_accepted_under_a_contract_is_paid_to_its_firm_and_what_was_not_is_reported_anew() -> None:
    case = working(40_000_000, 20_000_000, 40_000_000).reached()
    concept = {"deliverables": [{"kind": "basic_concept", "sha256": HASH}]}
    report = {"kind": "monthly", "month": "2021-06", "milestone": "part_2", **concept}
    case.do("report", person=case.contractor, document="1" * 64, **report)
    case.two("list_party", party="O-KR-2", kind="company", signatory="P-SIGN-O-KR-2")
    case.put_signature("O-KR-2", "accede")
    case.do("suspend", reason=REASON)
    firm = {"contractor": "O-KR-2", "country": "KR", "krw": 60_000_000, "evidence": [HASH], "reason": REASON}
    with pytest.raises(GuardFailed, match="accepted_claimed"):
        case.two("replace_contractor", **firm, paid_krw=0, due_krw=0)
    case.accepted()
    case.two("replace_contractor", **firm, paid_krw=0, due_krw=40_000_000)
    case.do("resume", reason=REASON)

    assert [(claim.payee, claim.state) for claim in case.facts.claims] == [("O-KR", "accepted")]
    with pytest.raises(GuardFailed, match="within_milestone"):
        case.claimed(1)
    with pytest.raises(GuardFailed, match="milestone_reported"):
        case.do("accept_milestone", milestone="part_2", evidence=[HASH])
    case.do("report", person=case.contractor, document="2" * 64, **report)
    case.do("accept_milestone", milestone="part_2", evidence=[HASH])
    case.claimed(20_000_000, milestone="part_2")
    assert [claim.payee for claim in case.facts.claims] == ["O-KR", "O-KR-2"]


def test_a_plan_that_the_first_contractor_had_set_is_not_the_next_ones() -> None:
    case = Case().to(Stage.IMPLEMENTATION)
    plan = case.do("set_plan", person=case.contractor, milestones=case.milestones(50_000_000, 50_000_000))
    case.two("list_party", party="O-KR-2", kind="company", signatory="P-SIGN-O-KR-2")
    case.put_signature("O-KR-2", "accede")
    case.do("suspend", reason=REASON)
    case.two("replace_contractor", contractor="O-KR-2", country="KR", krw=60_000_000, paid_krw=0, due_krw=0,
             evidence=[HASH], reason=REASON)  # fmt: skip
    case.do("resume", reason=REASON)

    with pytest.raises(GuardFailed, match="plan_waits"):
        case.do("accept_plan", plan=plan.entry)


@pytest.mark.parametrize("move", ["accept_claim", "reject_claim", "pay"])
def test_whoever_is_in_conflict_with_the_applicant_decides_nothing_about_money(move: str) -> None:
    case = working().reached()
    case.accepted() if move == "pay" else case.claimed()

    with pytest.raises(GuardFailed, match="impartial"):
        case.do(move, person="P-MAYOR", claim=1, evidence=[HASH], reason=REASON,
                **({"done_on": date(2021, 6, 20)} if move == "pay" else {}))  # fmt: skip


def test_an_extension_leaves_the_sum_of_the_contract() -> None:
    case = working()
    contract = case.facts.contract
    case.two("extend", ends_on=date(2022, 9, 30), ground="complexity")

    assert (case.facts.contract, case.facts.ends_on) == (contract, date(2022, 9, 30))
    assert [(one.ends_on, one.ground) for one in case.facts.extensions] == [(date(2022, 9, 30), "complexity")]


# --- the end ----------------------------------------------------------------------------------------------------------


def test_a_claim_after_the_settlement_has_to_be_settled_anew() -> None:
    case = Case().to(Stage.SETTLEMENT)
    case.do("record_settlement", evidence=[HASH])
    assert "close" in waits(case)

    case.accepted(milestone="final_report")
    assert ("close" in waits(case), waits(case)["record_settlement"]) == (False, ("finance",))


def test_work_that_ends_early_is_settled_by_what_was_accepted_and_its_file_stays_open_for_the_money() -> None:
    case = working().reached().accepted()
    case.do("notify_termination", ends_at=case.now + timedelta(days=30), reason=REASON)
    case.do("record_settlement", due_krw=40_000_000, evidence=[HASH])
    case.wait(days=30)
    case.two("terminate")
    case.wait(days=400)
    assert (case.file.finished(), waits(case)) == (False, {"payment": ("finance",)})

    case.do("pay", claim=1, done_on=case.now.astimezone(SEOUL).date(), evidence=[HASH])
    assert (case.file.finished(), case.facts.paid_krw) == (True, 40_000_000)


def test_a_refund_comes_in_or_is_written_off_before_the_file_closes() -> None:
    case = working().reached().paid()
    case.do("notify_termination", ends_at=case.now + timedelta(days=30), reason=REASON)
    case.do("record_settlement", paid_krw=40_000_000, refund_krw=7, evidence=[HASH])
    case.wait(days=30)
    case.two("terminate")
    case.wait(days=400)
    assert waits(case) == {"recover": ("finance",)}

    case.do("recover", krw=5, done_on=case.now.astimezone(SEOUL).date(), evidence=[HASH])
    assert not case.file.finished()
    case.two("write_off", krw=2, reason=REASON)
    assert (case.file.finished(), case.facts.refund_krw) == (True, 0)


# --- the notice of termination ----------------------------------------------------------------------------------------


def under_notice(stage: Stage = Stage.IMPLEMENTATION, days: int = 30) -> Case:
    case = Case().to(stage)
    case.do("notify_termination", ends_at=case.now + days * DAY, reason=REASON)
    case.do("record_settlement", evidence=[HASH])
    return case


BOTH = ["P-MAYOR", "P-SIGN-O-KR"]
"""Who speak for the applicant and for the contractor."""


def test_a_notice_may_be_prolonged_and_then_ends_no_sooner() -> None:
    case = under_notice()
    first = case.facts.termination_at
    case.do("notify_termination", ends_at=case.now + 40 * DAY, reason=REASON)

    assert (case.facts.termination_at, case.file.timers["termination_notice"].due_at) == (first + 10 * DAY,) * 2
    with pytest.raises(GuardFailed, match="notice_over"):
        case.until(first).two("terminate")


@pytest.mark.parametrize("stage", [Stage.IMPLEMENTATION, Stage.SUSPENDED, Stage.ACCEPTANCE])
def test_a_notice_that_is_withdrawn_ends_the_work_no_more_and_both_are_told(stage: Stage) -> None:
    case = under_notice(stage).wait(days=30)
    case.do("terminate")
    case.do("withdraw_termination", reason=REASON)

    assert (letters(case, "termination_notified"), letters(case, "termination_withdrawn")) == (BOTH, BOTH)
    assert (case.facts.termination_at, case.file.carried.proposals, "termination_notice" in waits(case)) == (
        None, {}, False,
    )  # fmt: skip
    with pytest.raises(GuardFailed, match="notice_over"):
        case.do("terminate")


def test_work_that_is_resumed_or_accepted_is_under_no_notice() -> None:
    resumed, accepted = under_notice(Stage.SUSPENDED), under_notice(Stage.ACCEPTANCE)
    resumed.do("resume", reason=REASON)
    accepted.agree_acceptance()
    accepted.do("accept_final")

    for case in (resumed, accepted):
        assert (case.facts.termination_at, letters(case, "termination_withdrawn")) == (None, BOTH)
        assert "termination_notice" not in case.file.timers


def test_a_contractor_does_not_end_the_notice_by_handing_in_a_report_nor_does_a_suspension() -> None:
    case = Case().to(Stage.ACCEPTANCE)
    case.do("notify_termination", ends_at=case.now + 30 * DAY, reason=REASON)
    ends = case.facts.termination_at
    case.do("return_final", missing=["annex"])
    case.wait(days=3).do("suspend", reason=REASON)

    assert (case.facts.termination_at, case.file.timers["termination_notice"].due_at) == (ends, ends)
    case.do("record_settlement", evidence=[HASH])
    case.until(ends).two("terminate")
    assert (case.stage, flags(case, "termination_notice")) == (Stage.TERMINATED, [ends.astimezone(SEOUL).date()])


def test_work_that_goes_on_without_a_notice_is_told_of_none() -> None:
    case = Case().to(Stage.SUSPENDED)
    case.do("resume", reason=REASON)

    assert letters(case, "termination_withdrawn") == []


def test_once_the_notice_has_run_the_ministry_ends_the_work_or_withdraws_the_notice() -> None:
    case = under_notice().wait(days=31)

    assert (flags(case, "termination_notice"), waits(case)["termination_notice"]) == (
        [date(2021, 7, 20)],
        ("ministry",),
    )


def test_a_notice_that_led_to_an_end_by_mistake_runs_again_once_that_is_undone() -> None:
    case = under_notice().wait(days=30)
    case.two("terminate")
    case.two("return_to_implementation", reason=REASON)

    case.two("terminate")
    assert case.stage is Stage.TERMINATED


# --- who is told ------------------------------------------------------------------------------------------------------


def test_what_happens_to_the_work_is_told_to_applicant_and_contractor() -> None:
    case = Case().to(Stage.ACCEPTANCE)
    case.do("return_final", missing=["annex"])
    case.two("extend", ends_on=date(2022, 9, 30), ground="complexity")
    case.do("suspend", reason=REASON)
    case.do("resume", reason=REASON)
    closed, ended = Case().to(Stage.CLOSED), under_notice().wait(days=30)
    ended.two("terminate")

    told = {letter.template for one in (case, closed, ended) for letter in one.letters if letter.to == BOTH[1]}
    assert {"contract_awarded", "final_returned", "extended", "suspended", "resumed", "closed", "terminated"} <= told
    for one, templates in (
        (case, ("contract_awarded", "final_returned", "extended", "suspended", "resumed")),
        (closed, ("final_accepted", "closed")),
        (ended, ("terminated",)),
    ):
        assert {template: letters(one, template) for template in templates} == dict.fromkeys(templates, BOTH)


def test_who_is_replaced_is_told_so_as_are_applicant_and_successor() -> None:
    case = Case().to(Stage.SUSPENDED)
    case.two("list_party", party="O-NEW", kind="company", signatory="P-SIGN-O-NEW")
    case.put_signature("O-NEW", "accede")
    case.two("replace_contractor", contractor="O-NEW", country="KR", krw=1, paid_krw=0, due_krw=0, evidence=[HASH],
             reason=REASON)  # fmt: skip

    assert letters(case, "contractor_replaced") == ["P-MAYOR", "P-SIGN-O-NEW", "P-SIGN-O-KR"]


def test_a_consortium_that_is_its_own_contractor_gets_each_letter_once() -> None:
    case = Case("demonstration").to(Stage.FRAMEWORK)
    case.do("table_text", text=HASH)
    for party, kind, signatory in (("MOLIT", "korean_government", "P-GOV"), ("CITY", "host_government", "P-CITY"),
                                   ("O-TBILISI", "company", "P-MAYOR")):  # fmt: skip
        case.two("list_party", party=party, kind=kind, signatory=signatory)
        case.put_signature(party)
    case.do("complete_framework")
    case.agree_terms()
    case.contract()

    assert letters(case, "contract_awarded") == ["P-MAYOR"]


# --- acceptance -------------------------------------------------------------------------------------------------------


def test_a_report_that_is_given_back_is_agreed_on_anew() -> None:
    case = Case().to(Stage.ACCEPTANCE).agree_acceptance()
    case.do("return_final", missing=["annex"])

    assert (case.facts.acceptance, case.facts.deliverables, case.facts.milestone("final_report").reported_by) == (
        {},
        (),
        None,
    )


# --- reports ----------------------------------------------------------------------------------------------------------


def test_a_report_is_due_each_month_on_the_day_of_the_contract() -> None:
    case = working()  # since 20 June
    due = [case.file.timers["report"].due_at]
    for _ in range(3):
        case.until(due[-1] + 30 * DAY)
        due.append(case.file.timers["report"].due_at)

    assert due == [seoul(2021, 7, 21), seoul(2021, 8, 21), seoul(2021, 9, 21), seoul(2021, 10, 21)]


def test_the_report_on_a_month_is_due_within_the_next_and_meets_that_date_early_or_late() -> None:
    case = working()
    case.do("report", person=case.contractor, kind="monthly", month="2021-06", document="1" * 64)
    assert case.file.timers["report"].due_at == seoul(2021, 8, 21)

    # A report on August leaves July's due; once that is in, too, September's is next.
    case.until(seoul(2021, 8, 19))
    case.do("report", person=case.contractor, kind="monthly", month="2021-08", document="2" * 64)
    assert case.file.timers["report"].due_at == seoul(2021, 8, 21)
    case.do("report", person=case.contractor, kind="monthly", month="2021-07", document="3" * 64)
    assert case.file.timers["report"].due_at == seoul(2021, 10, 21)


def test_from_half_of_the_work_on_a_monthly_report_is_not_enough_until_the_interim_report_is_there() -> None:
    case = working().until(seoul(2021, 12, 31))
    assert half_of_the_work(case.facts, SEOUL) == date(2021, 12, 24)
    for month in ("2021-11", "2021-12"):
        case.do("report", person=case.contractor, kind="monthly", month=month, document=f"{month[-2:]:0>64}")

    assert [month_reported(case.facts, month, SEOUL) for month in ("2021-11", "2021-12")] == [True, False]
    assert case.file.timers["report"].due_at == seoul(2022, 1, 21)
    case.do("report", person=case.contractor, kind="interim", month="2021-12", document="f" * 64)
    assert case.file.timers["report"].due_at == seoul(2022, 2, 21)


def test_two_reports_missed_in_a_row_and_the_ministry_decides_on_a_suspension() -> None:
    case = working().until(seoul(2021, 8, 10))
    assert (len(flags(case, "report")), flags(case, "reports_missed")) == (1, [])
    assert "reports_missed" not in waits(case)

    case.until(seoul(2021, 9, 10))
    assert (len(flags(case, "report")), len(flags(case, "reports_missed"))) == (2, 1)
    assert waits(case)["reports_missed"] == ("ministry",)
    assert letters(case, "reports_missed") == ["ministry"]
    assert case.stage is Stage.IMPLEMENTATION

    case.until(seoul(2021, 10, 10))
    assert (len(flags(case, "report")), len(flags(case, "reports_missed"))) == (3, 1)


def test_a_pause_ends_the_row_of_reports_that_were_missed() -> None:
    case = working().until(seoul(2021, 8, 10))
    assert case.facts.reports_missed == 1
    pause(case, "suspend", DAY)

    assert case.facts.reports_missed == 0


def test_a_report_ends_the_row_of_those_that_were_missed() -> None:
    case = working().until(seoul(2021, 8, 10))
    case.do("report", person=case.contractor, kind="monthly", month="2021-07", document="1" * 64)
    case.until(seoul(2021, 10, 10))

    assert (len(flags(case, "report")), flags(case, "reports_missed"), case.facts.reports_missed) == (2, [], 1)


def test_nobody_is_asked_for_reports_while_the_final_report_is_examined() -> None:
    case = Case().to(Stage.ACCEPTANCE)
    assert "report" not in case.file.timers
    case.do("return_final", missing=["annex"])

    assert case.file.timers["report"].due_at == seoul(2021, 7, 21)


@given(st.dates(date(2021, 1, 1), date(2030, 12, 31)))
def test_the_report_that_is_due_on_a_day_is_on_the_month_before(day: date) -> None:
    year, month = divmod(day.year * 12 + day.month - 2, 12)

    assert month_due(day) == f"{year}-{month + 1:02}"


# --- payments ---------------------------------------------------------------------------------------------------------


def test_each_accepted_claim_has_a_date_of_its_own_until_it_is_paid() -> None:
    case = working().reached().accepted(10)
    case.wait(days=3)
    case.accepted(20)
    first, second = (case.file.timers[f"payment#{n}"].due_at for n in (1, 2))
    assert second - first == 3 * DAY

    case.do("pay", claim=1, done_on=case.now.astimezone(SEOUL).date(), evidence=[HASH])
    assert [key for key in case.file.timers if key.startswith("payment")] == ["payment#2"]
    assert letters(case, "claim_paid") == ["P-SIGN-O-KR"]


@pytest.mark.parametrize("carry_over", [False, True])
def test_a_payment_that_is_late_is_flagged_and_waits_until_it_is_made(carry_over: bool) -> None:
    case = Case(carry_over=carry_over).to(Stage.IMPLEMENTATION).planned().reached().accepted()
    case.wait(days=50)
    assert (len(flags(case, "payment")), waits(case)["payment"]) == (1, ("finance",))

    case.do("pay", claim=1, done_on=case.now.astimezone(SEOUL).date(), evidence=[HASH])
    assert ("payment" in waits(case), "payment#1" in case.file.carried.missed) == (False, False)


# --- suspension -------------------------------------------------------------------------------------------------------


DAYS_OF_THE_WORK = st.dates(date(2021, 6, 21), date(2022, 6, 20))
PAUSES = st.timedeltas(timedelta(0), timedelta(days=1000))
EXAMPLES: dict[str, Any] = {"max_examples": 25, "deadline": None}


def counted(pause: timedelta) -> timedelta:
    """Days that lasted an hour, counted one by one."""
    return DAY * sum(1 for n in range(pause.days + 1) if pause > n * DAY + timedelta(hours=1))


@given(PAUSES)
def test_of_days_every_one_that_has_lasted_an_hour_counts(pause: timedelta) -> None:
    assert whole_days(pause) * DAY == counted(pause)


def before_a_pause(since: date, hour: int, due_on: date) -> Case:
    """A case at work, with a milestone that is due on a day and an end on a leap day."""
    case = Case().to(Stage.IMPLEMENTATION)
    milestones = [
        {"key": "part_1", "due_on": min(due_on, date(2022, 6, 29)), "krw": 40_000_000},
        {"key": "final_report", "due_on": date(2022, 6, 30), "krw": 40_000_000},
    ]
    case.two("extend", ends_on=date(2024, 2, 29), ground="scale")
    plan = case.do("set_plan", person=case.contractor, milestones=milestones)
    case.do("accept_plan", plan=plan.entry)
    case.until(seoul(since.year, since.month, since.day, hour))
    return case


@given(DAYS_OF_THE_WORK, st.integers(0, 23), PAUSES, DAYS_OF_THE_WORK)
@settings(**EXAMPLES)
def test_a_pause_moves_every_deadline_by_exactly_that_the_days_of_the_work_by_its_days_and_none_fires(
    since: date, hour: int, pause: timedelta, due_on: date
) -> None:
    case = before_a_pause(since, hour, due_on)
    before = {key: timer.due_at for key, timer in case.file.timers.items()}
    case.do("suspend", reason=REASON)
    days, plan, told, missed = counted(pause), case.facts.plan, len(case.letters), flags(case, "report")
    case.until(case.now + pause)
    rung = [letter.key.split("/")[1] for letter in case.letters[told:]]
    case.do("resume", reason=REASON)

    # What was overdue before stays so.
    begun = seoul(since.year, since.month, since.day, hour)
    assert {key: timer.due_at - before[key] for key, timer in case.file.timers.items()} == {
        key: pause if due > begun else timedelta(0) for key, due in before.items()
    }
    assert case.facts.ends_on == date(2024, 2, 29) + days
    # The day of the work ends an hour before its deadline at the most.
    ends = seoul(*(case.facts.ends_on + DAY).timetuple()[:3])
    assert -timedelta(hours=1) <= ends - case.file.timers["implementation_end"].due_at < DAY
    assert [one.due_on for one in case.facts.plan] == [
        one.due_on + days * (seoul(*(one.due_on + DAY).timetuple()[:3]) > begun) for one in plan
    ]
    assert set(rung) <= {"suspension", "suspended"}
    assert flags(case, "report") == missed
    # The ledger alone says so too.
    retold = retelling.application_of(case.edition, case.ref, case.entries)
    told = (case.facts.ends_on, case.facts.plan, case.facts.suspensions)
    assert (retold.ends_on, retold.plan, retold.suspensions) == told


SPANS = st.timedeltas(timedelta(0), timedelta(days=100))
HOURS = st.timedeltas(timedelta(0), timedelta(days=3))


@given(st.lists(st.tuples(HOURS, HOURS), min_size=2, max_size=5))
@settings(**EXAMPLES)
def test_pauses_one_after_the_other_add_up(pauses: list[tuple[timedelta, timedelta]]) -> None:
    case = working()
    before = {key: timer.due_at for key, timer in case.file.timers.items()}
    for work, pause in pauses:
        case.now += work
        case.do("suspend", reason=REASON)
        case.now += pause
        case.do("resume", reason=REASON)

    rested, days = sum((p for _, p in pauses), timedelta(0)), sum((counted(p) for _, p in pauses), timedelta(0))
    assert {key: timer.due_at - before[key] for key, timer in case.file.timers.items()} == dict.fromkeys(before, rested)
    assert case.facts.ends_on == date(2022, 6, 30) + days


@pytest.mark.parametrize(
    ("days", "ends_on"),
    [
        (1, date(2022, 7, 1)),  # beyond the end of a month
        (3, date(2022, 7, 3)),  # a Sunday stays one
        (609, date(2024, 2, 29)),  # a leap day
        (610, date(2024, 3, 1)),
    ],
)
def test_the_end_of_the_work_moves_on_the_calendar(days: int, ends_on: date) -> None:
    case = at(working(), seoul(2021, 6, 25))
    case.do("suspend", reason=REASON)
    at(case, case.now + days * DAY).do("resume", reason=REASON)

    assert case.facts.ends_on == ends_on


def test_a_milestone_that_was_accepted_keeps_its_day_and_a_plan_that_waits_moves() -> None:
    case = working().reached()
    accepted, final = case.facts.plan
    waiting = Case().to(Stage.IMPLEMENTATION)
    waiting.do("set_plan", person=waiting.contractor, milestones=waiting.milestones(1, 2))
    [first, _] = waiting.facts.plan_proposed.milestones
    for one in (case, waiting):
        one.do("suspend", reason=REASON)
        one.now += timedelta(hours=5)
        one.do("resume", reason=REASON)

    assert [one.due_on for one in case.facts.plan] == [accepted.due_on, final.due_on + DAY]
    assert waiting.facts.plan_proposed.milestones[0].due_on == first.due_on + DAY


def pause(case: Case, kind: str, length: timedelta) -> Case:
    """The work rests so long: suspended, frozen, or frozen in the midst of a suspension."""
    third = length / 3 if kind == "both" else timedelta(0)
    if kind != "freeze":
        case.do("suspend", reason=REASON)
        case.now += third
    if kind != "suspend":
        case.ordered("freeze", from_at=case.now, reason=REASON)
    case.now += length - 2 * third
    if kind != "suspend":
        case.ordered("unfreeze", thawed_at=case.now, reason=REASON)
    if kind != "freeze":
        case.now += third
        case.do("resume", reason=REASON)
    return case


def reports_due(case: Case, then: datetime, *, written: bool = False) -> dict[int, tuple[str, datetime]]:
    """Which report it is, its month and its date, of those that fall due until then; written on that day, or never."""
    found = {}
    while True:
        timer, rung = case.file.timers["report"], case.file.next_due()
        month = month_asked(timer, SEOUL)
        if timer.due_at <= then:
            found[timer.fallen] = (month, timer.due_at)
        if written and timer.due_at <= min(then, rung or then):
            kind = "interim" if month >= f"{half_of_the_work(case.facts, SEOUL):%Y-%m}" else "monthly"
            document = f"{len(case.entries):064x}"
            case.until(timer.due_at).do("report", person=case.contractor, kind=kind, month=month, document=document)
            continue
        if rung is None or rung > then:
            case.until(then)
            return found
        case.until(rung)


@pytest.mark.parametrize("kind", ["suspend", "freeze", "both"])
def test_after_a_pause_a_report_is_due_on_each_month_that_saw_work_and_then_on_the_day_of_the_contract(
    kind: str,
) -> None:
    case = pause(working().until(seoul(2021, 7, 15)), kind, seoul(2021, 9, 15) - seoul(2021, 7, 15))

    assert [*reports_due(case, seoul(2021, 12, 1), written=True).values()] == [
        ("2021-06", seoul(2021, 9, 21)),  # six days were left
        ("2021-07", seoul(2021, 10, 16)),  # its time began in the pause: a month from the end of that
        ("2021-09", seoul(2021, 10, 21)),
        ("2021-10", seoul(2021, 11, 21)),
    ]


def test_a_pause_moves_no_report_whose_time_has_not_begun_however_early_the_one_before_it_came() -> None:
    early = working()
    early.do("report", person=early.contractor, kind="monthly", month="2021-06", document=HASH)
    cases = [pause(case, "suspend", 10 * DAY) for case in (early, working())]

    assert [[*reports_due(case, seoul(2021, 9, 1)).values()] for case in cases] == [
        [("2021-07", seoul(2021, 8, 21))],
        [("2021-06", seoul(2021, 7, 31)), ("2021-07", seoul(2021, 8, 21))],
    ]


@given(st.lists(st.tuples(SPANS, SPANS, st.sampled_from(["suspend", "freeze", "both"])), max_size=5), st.booleans())
@settings(**EXAMPLES)
def test_whatever_the_pauses_each_month_of_work_is_asked_for_once_in_order_and_none_in_which_all_stood_still(
    pauses: list[tuple[timedelta, timedelta, str]], written: bool
) -> None:
    case = working()
    worked, asked = [(seoul(2021, 6, 1), case.now)], dict[int, tuple[str, datetime]]()
    for work, length, kind in [*pauses, (120 * DAY, DAY, "suspend")]:
        worked.append((case.now, case.now + work))
        asked |= reports_due(case, case.now + work, written=written)
        pause(case, kind, length)

    months = [f"{year}-{month:02}" for year in (2021, 2022, 2023, 2024) for month in range(1, 13)]
    firsts = [seoul(int(month[:4]), int(month[5:]), 1) for month in months]
    saw_work = [
        month
        for month, begins, ends in zip(months, firsts, firsts[1:], strict=False)
        if any(max(begins, since) < min(ends, until) for since, until in worked)
    ]
    assert [month for month, _ in asked.values()] == saw_work[: len(asked)]
    assert len(asked) > 1


def test_what_does_not_rest_is_not_resumed() -> None:
    with pytest.raises(IllegalMove, match="resume"):
        working().do("resume", Role.MINISTRY, reason=REASON)


# --- what people see --------------------------------------------------------------------------------------------------


def test_each_step_waits_for_whose_turn_it_is() -> None:
    case = Case().to(Stage.IMPLEMENTATION)
    assert waits(case)["plan"] == ("P-SIGN-O-KR",)
    plan = case.do("set_plan", person=case.contractor, milestones=case.milestones(40_000_000, 60_000_000))
    assert (waits(case)["accept_plan"], "plan" in waits(case)) == (("desk",), False)
    case.do("accept_plan", plan=plan.entry)
    case.do("report", person=case.contractor, kind="monthly", month="2021-06", document=HASH, milestone="part_1",
            deliverables=[{"kind": "basic_concept", "sha256": HASH}])  # fmt: skip
    assert waits(case)["accept_milestone"] == ("desk",)
    case.do("accept_milestone", milestone="part_1", evidence=[HASH])
    case.claimed()
    assert waits(case)["accept_claim"] == ("desk",)
    case.do("accept_claim", claim=1, evidence=[HASH])
    assert waits(case)["payment"] == ("finance",)


def test_an_acceptance_waits_for_both_sides_and_then_for_the_desk() -> None:
    case = Case().to(Stage.ACCEPTANCE)
    assert waits(case)["acceptance"] == ("P-SIGN-CITY", "desk")
    case.do("agree_acceptance", Role.DESK, minutes=HASH)
    assert waits(case)["acceptance"] == ("P-SIGN-CITY",)
    case.do("agree_acceptance", Role.HOST_GOVERNMENT, person="P-SIGN-CITY", minutes=HASH)
    assert waits(case)["acceptance"] == ("desk",)


def shown(facts: Application) -> str:
    screen = tables.console()
    with screen.capture() as printed:
        screen.print(tables.work(facts))
    return printed.get()


def test_the_work_is_shown_with_its_plan_and_a_line_that_adds_it_up() -> None:
    case = working(40_000_000, 60_000_000).reached().paid(30_000_000)
    case.do("visit_site", done_on=date(2021, 6, 20), minutes=HASH, present=["P-DESK", "P-MAYOR"])
    case.two("extend", ends_on=date(2022, 9, 30), ground="scale")
    lines = [" ".join(line.split()) for line in shown(case.facts).splitlines()]

    assert "contract 100,000,000 KRW · claimed 30,000,000 · paid 30,000,000 · left 70,000,000" in lines
    assert "part_1 2021-07-20 40,000,000 2021-06-20 30,000,000 30,000,000" in lines
    assert "final_report 2021-08-19 60,000,000 0 0" in lines
    assert lines[-4:] == [
        "claims: 1 30,000,000 KRW paid",
        "reports: 2021-06 monthly",
        "visits: 2021-06-20 (2 there)",
        "extensions: to 2022-09-30 (scale)",
    ]


def test_the_money_is_explained_in_sentences() -> None:
    case = working().reached().paid()
    source = Source(case.edition, case.entries, case.file.view())
    work = next(chapter for chapter in explain(source, case.now) if chapter.heading == "The work")

    assert [sentence.text for sentence in work.sentences] == [
        "The contractor set a plan of the work on Sunday, 20 June 2021: 2 milestones worth KRW 80,000,000.",
        "The plan of the work was accepted on Sunday, 20 June 2021, by the secretariat's desk.",
        "The monthly report on 2021-06 came on Sunday, 20 June 2021; by it the milestone part 1 is reached.",
        "The milestone part 1 was accepted on Sunday, 20 June 2021.",
        "Claim 1, of KRW 40,000,000 for the milestone part 1, was made on Sunday, 20 June 2021.",
        "Claim 1 was accepted on Sunday, 20 June 2021.",
        "Claim 1, of KRW 40,000,000, was paid on Sunday, 20 June 2021; KRW 40,000,000 so far.",
    ]


def test_a_pause_of_an_undone_resumption_is_no_pause() -> None:
    case = working()
    case.do("suspend", reason=REASON)
    case.wait(days=3)
    case.do("resume", reason=REASON)
    case.two("return_to_suspended", reason=REASON)

    assert case.facts.suspensions == ()
