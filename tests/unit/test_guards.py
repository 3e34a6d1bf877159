"""Each guard at its boundary: one case that it just refuses, and one that it just lets pass."""

# ruff: noqa: E501  # tables are read as tables
from collections.abc import Callable
from contextlib import nullcontext
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from kcity_flow.domain.errors import GuardFailed
from kcity_flow.domain.messages import Partner
from kcity_flow.domain.moves import MOVES
from kcity_flow.domain.stages import Role, Stage, Via
from tests.unit.case import HASH, REASON, REVIEWERS, Case, seoul

Given = Callable[[], Case]
INSTANT = timedelta(microseconds=1)
CLOSES = seoul(2021, 4, 21)
OPENS = seoul(2021, 2, 18)


def at(stage: Stage, *then: Callable[[Case], Any], programme: str = "planning", edition: str = "2021") -> Given:
    """A case at a stage, after some more."""

    def given() -> Case:
        case = Case(programme, edition).to(stage)
        for step in then:
            step(case)
        return case

    return given


def do(trigger: str, *args: Any, **data: Any) -> Callable[[Case], Any]:
    return lambda case: case.do(trigger, *args, **data)


def seal(*scores: int) -> Callable[[Case], Any]:
    return lambda case: case.seal(*scores)


def wait(**span: float) -> Callable[[Case], Any]:
    return lambda case: setattr(case, "now", case.now + timedelta(**span))


def until(instant: Any) -> Callable[[Case], Any]:
    """To an instant, the clock having done what came due by then."""
    return lambda case: case.until(instant)


def received(when: Any, booked: Any = None) -> Given:
    def given() -> Case:
        case = Case()
        case.now = booked or max(when, OPENS)
        case.receive(received_at=when)
        return case

    return given


def arriving(when: Any) -> Given:
    """Nothing received yet, at a given instant."""

    def given() -> Case:
        case = Case()
        case.now = when
        return case

    return given


RECEIVE = {"programme": "planning", "applicant": {"contact": "P-M", "organisation": "O-T", "kind": "local_government", "country": "GE"},
           "city": "T", "title": "t", "received_at": OPENS, "channel": "post"}  # fmt: skip
ONES = {"priority": 1, "demand": 1, "korean_opportunities": 1}
MERITS = {"basic_conditions": 1, "proven_merit": 1, "applicability": 1}
NEWER = {"channel": "post", "documents": [{"kind": "proposal", "sha256": "c" * 64}]}
MEETING = {"date_at": seoul(2023, 1, 1), "applicant": ["P-MAYOR"], "ministry": ["P-MINISTRY"], "evidence": [HASH]}
YES = {"answers": {"government": True, "oversees": True}, "complete": True}
QUORUM = lambda case: case.assign("paper_review", 3)  # noqa: E731  # a name for a step of the table
DOLLARS = {
    "krw": 1_105,
    "sha256": HASH,
    "amount": "1.00",
    "currency": "USD",
    "rate": "1105.5",
    "rate_on": date(2021, 2, 18),
}
BECAME = {"kind": "ppp", "status": "proposed", "evidence": [HASH]}
S = Stage
SIGNS = {"party": "CITY", "person": "P-S", "text": HASH, "signed_on": date(2021, 5, 31), "evidence": [HASH]}
ROUND = {"party": "CITY", "person": "P-S", "took_part": ["CITY"], "held_on": date(2021, 5, 31), "minutes": HASH}
LATER = {"signs_by": date(2021, 7, 31), "missing": ["korean_government", "host_government"], "reason": REASON}


RECORD = {"bidder": "O-KR", "document": HASH, "krw": 100_000_000, "country": "KR"}
JUDGED = {"verdicts": [{"bidder": "O-KR", "valid": True, "points": 90}, {"bidder": "O-2", "valid": True, "points": 80}],
          "order": ["O-KR", "O-2"], "person": "P-EVAL-1"}  # fmt: skip
EQUALS = JUDGED | {"verdicts": [{"bidder": bidder, "valid": True, "points": 80} for bidder in ("O-KR", "O-2")]}
AGREED = {"bidder": "O-KR", "agreed": True, "krw": 100_000_000, "evidence": [HASH]}
COMPLAINT = {"bidder": "O-2", "ground": "wrong_evaluation", "evidence": [HASH]}


SIGNED = [{"party": party, "kind": kind, "signatory": f"P-SIGN-{party}", "signed_on": date(2020, 2, 1)}
          for party, kind in (("MOLIT", "korean_government"), ("CITY", "host_government"))]  # fmt: skip
STUDY = [{"kind": "master_plan", "sha256": HASH}]
RUNS = {"programme": "planning", "applicant": {"contact": "P-MAYOR", "organisation": "O-T", "kind": "local_government", "country": "GE"},
        "city": "T", "title": "t", "since": date(2020, 2, 5), "krw": 300_000_000, "rank": 1, "framework": HASH, "evidence": [HASH]}  # fmt: skip
CONTRACT = {
    "contractor": "O-KR",
    "country": "KR",
    "krw": 300_000_000,
    "signatory": "P-SIGN-FIRM",
    "signed_on": date(2020, 2, 4),
}
AT_WORK = RUNS | {"parties": SIGNED, "contract": CONTRACT, "ends_on": date(2021, 3, 31)}


def running() -> Case:
    """Nothing received yet, in an edition that takes over projects, on 5 February."""
    return Case(edition="2020")


def followed_up(case: Case) -> None:
    """What became of the project is on record, as entry ``number``."""
    case.do("follow_up", **BECAME)
    case.number = len(case.entries)


def award(**more: Any) -> dict[str, Any]:
    return {"contractor": "O-KR", "country": "KR", "krw": 100_000_000} | more


def tendered(*valid: str, renotices: int = 0) -> list[Callable[[Case], Any]]:
    return [
        lambda case: case.tender(valid if not renotices else ()),
        *[
            lambda case, last=n == renotices - 1: case.tender(valid if last else (), "renotice")
            for n in range(renotices)
        ],
    ]


def terms(case: Case) -> None:
    case.do("set_terms", evidence=[HASH])


def agreed_terms(case: Case) -> None:
    case.agree_terms()


def notice(case: Case) -> None:
    case.notice()


def asked(case: Case) -> None:
    case.do("ask_question", bidder="O-KR", question=REASON)


def answered(case: Case) -> None:
    case.do("answer_question", number=1, answer=REASON)


def bid(*bidders: str, **more: Any) -> Callable[[Case], Any]:
    return lambda case: [case.do("receive_bid", bidder=bidder, sealed=HASH, **more) for bidder in bidders]


def closed_tender(case: Case) -> None:
    case.notice()
    case.bid("O-KR", "O-2")
    case.now += timedelta(days=20)


def opened(case: Case) -> None:
    closed_tender(case)
    case.two("open_bids")


def named(*members: str, declare: bool = True, **more: Any) -> Callable[[Case], Any]:
    return lambda case: case.name_committee(*members, declare=declare, **more)


def tied(member: str = "P-EVAL-1", bidder: str | None = "O-KR") -> Callable[[Case], Any]:
    """A member declares a conflict with a bidder, or with the applicant."""
    return do("declare_bid_conflict", person=member, conflict=True, kind="family", bidder=bidder)


def recorded(case: Case) -> None:
    case.record_bids()


def announced(case: Case) -> None:
    case.announce()


def negotiated(case: Case) -> None:
    case.do("record_negotiation", bidder="O-KR", agreed=True, krw=100_000_000, evidence=[HASH])


def failed_with(*bidders: str) -> Callable[[Case], Any]:
    return lambda case: [
        case.do("record_negotiation", bidder=bidder, agreed=False, evidence=[HASH]) for bidder in bidders
    ]


def stood_still(off: timedelta = timedelta(0)) -> Callable[[Case], Any]:
    return lambda case: setattr(case, "now", case.file.timers["standstill"].due_at + off)


def complained(case: Case) -> None:
    case.do("complain", bidder="O-2", ground="wrong_evaluation", evidence=[HASH])


def dismissed(case: Case) -> None:
    case.do("dismiss_complaint", bidder="O-2", reason=REASON)


def arrives(off: timedelta = timedelta(0)) -> Callable[[Case], Any]:
    """Something came at the close of the notice, or so much off it; it is booked now."""
    return lambda case: setattr(case, "close", case.facts.tender.closes_at + off)


def dear(krw: int) -> Callable[[Case], Any]:
    """Two valid bids at this price."""

    def step(case: Case) -> None:
        opened(case)
        case.name_committee()
        case.record_bids(krw)
        case.evaluate("O-KR", "O-2")

    return step


def abroad(case: Case) -> None:
    """The best bid says that its bidder is seated abroad."""
    opened(case)
    case.name_committee()
    case.record_bids()
    case.do("record_bid", **(RECORD | {"country": "GE", "reason": REASON}))


def rich(case: Case) -> None:
    """With more than the least that its programme grants."""
    changed(place=case.facts.place.model_copy(update={"krw": 500_000_000}))(case)


def scheduled(case: Case) -> None:
    case.do("schedule", **case.meeting(date_at=case.now + timedelta(days=3)))


def at_the_end(off: timedelta = timedelta(0)) -> Callable[[Case], Any]:
    """To the end of the hour that a meeting lasts."""
    return lambda case: setattr(case, "now", case.facts.meeting.at + timedelta(hours=1) + off)


def ministry_agrees(case: Case) -> None:
    case.do("agree_minutes", Role.MINISTRY, side="ministry", minutes=HASH)


def held(case: Case) -> None:
    case.meet()


def frozen(*countries: str) -> Callable[[Case], Any]:
    return lambda case: case.ordered("freeze", countries=countries, from_at=case.now, reason=REASON)


def thawed() -> Callable[[Case], Any]:
    return lambda case: case.ordered("unfreeze", thawed_at=case.now, reason=REASON)


def conflicted(reviewer: str, step: str = "paper_review", kind: str = "adviser") -> Callable[[Case], Any]:
    return do("declare_conflict", person=reviewer, step=step, conflict=True, kind=kind)


def voided(reviewer: str) -> Callable[[Case], Any]:
    return do("void_sheet", reviewer=reviewer, step="paper_review", reason=REASON)


def replaced(by: str, whom: str, *, declares: bool = True) -> Callable[[Case], Any]:
    """The chair puts somebody else into a seat of the paper review, who is free of conflict."""

    def step(case: Case) -> None:
        case.do("replace_reviewer", reviewer=by, replaces=whom, step="paper_review", reason=REASON)
        if declares:
            case.do("declare_conflict", person=by, step="paper_review", conflict=False)

    return step


def fourth(case: Case) -> None:
    """One more than the quorum sits on paper, free of conflict."""
    case.do("assign_reviewer", reviewer="P-REV-4", step="paper_review", reason=REASON)
    case.do("declare_conflict", person="P-REV-4", step="paper_review", conflict=False)


def sealed_by(reviewer: str) -> Callable[[Case], Any]:
    return do("seal_sheet", person=reviewer, scores=dict.fromkeys(ONES, 80), step="paper_review")


def changed(**facts: Any) -> Callable[[Case], Any]:
    """The same case with another record."""
    return lambda case: setattr(case.file.carried, "application", case.facts.model_copy(update=facts))


without_documents = changed(documents=())


def _applicant(case: Case, **change: Any) -> None:
    changed(applicant=case.facts.applicant.model_copy(update=change))(case)


def of_kind(kind: str) -> Callable[[Case], Any]:
    return lambda case: _applicant(case, kind=kind)


def with_partners(*kinds: str) -> Callable[[Case], Any]:
    return lambda case: _applicant(case, partners=tuple(Partner(organisation="O-P", kind=kind) for kind in kinds))


def missed(times: int) -> Callable[[Case], Any]:
    def step(case: Case) -> None:
        for n in range(times):
            meeting = case.meeting(date_at=case.now + timedelta(days=3))
            case.do("reschedule" if n else "schedule", reason=REASON, **meeting)
            case.now += timedelta(days=3, hours=1)
            case.do("miss_date")

    return step


def told(case: Case) -> None:
    case.ordered("publish_result")
    case.do("send_letter")


def objected(case: Case) -> None:
    told(case)
    case.do("object", ground="office_error")


def upheld(step: str) -> Callable[[Case], Any]:
    def uphold(case: Case) -> None:
        objected(case)
        case.two("uphold_objection", step=step, reason=REASON)

    return uphold


def noticed(days: int) -> Callable[[Case], Any]:
    def step(case: Case) -> None:
        case.do("record_settlement", evidence=[HASH])
        case.do("notify_termination", ends_at=case.now + timedelta(days=30), reason=REASON)
        case.now += timedelta(days=days)

    return step


def given_notice(ends_at: datetime) -> Callable[[Case], Any]:
    return do("notify_termination", ends_at=ends_at, reason=REASON)


def party(case: Case) -> None:
    case.do("table_text", text=HASH)
    case.two("list_party", party="CITY", kind="host_government", signatory="P-S")


def listed(name: str, kind: str = "company") -> Callable[[Case], Any]:
    return lambda case: case.two("list_party", party=name, kind=kind, signatory=f"P-{name}")


def signed(name: str, trigger: str = "sign") -> Callable[[Case], Any]:
    return lambda case: case.put_signature(name, trigger)


def refuses(name: str, signatory: str = "P-S") -> Callable[[Case], Any]:
    return do("refuse_signature", party=name, person=signatory)


def agreed_round(rounds: int, scope: bool = True) -> Callable[[Case], Any]:
    def step(case: Case) -> None:
        for n in range(1, rounds + 1):
            case.meet()
            case.agree(scope)
            if n < rounds:
                case.do("finish_round")

    return step


def ladder_off(name: str, at_microseconds: int = 0) -> Callable[[Case], Any]:
    """To the instant at which a timer falls due, or so many microseconds off it, the clock not yet having rung."""
    return lambda case: setattr(case, "now", case.file.timers[name].due_at + timedelta(microseconds=at_microseconds))


BY_CLOCK = {"role": Role.CLOCK, "via": Via.CLOCK}


def planned(case: Case) -> None:
    case.planned()


def with_plan(milestones: list[dict[str, Any]]) -> Callable[[Case], Any]:
    """Set by the contractor and accepted by the desk."""

    def step(case: Case) -> None:
        plan = case.do("set_plan", person=case.contractor, milestones=milestones)
        case.do("accept_plan", plan=plan.entry)

    return step


def noted(case: Case) -> None:
    case.number = len(case.entries)  # type: ignore[attr-defined]  # what a row asks for by its name


def plan_set(case: Case) -> None:
    case.do("set_plan", person=case.contractor, milestones=PLAN)
    noted(case)


def reached(case: Case) -> None:
    case.reached()


def reported(case: Case) -> None:
    concept = [{"kind": "basic_concept", "sha256": HASH}]
    case.do("report", **REPORT | FIRM, milestone="part_1", deliverables=concept)


def claimed(krw: int = 40_000_000, **more: Any) -> Callable[[Case], Any]:
    return lambda case: case.claimed(krw, **more)


def accepted(krw: int = 40_000_000, **more: Any) -> Callable[[Case], Any]:
    return lambda case: case.accepted(krw, **more)


def paid(krw: int = 40_000_000, **more: Any) -> Callable[[Case], Any]:
    return lambda case: case.paid(krw, **more)


def contract_of(krw: int) -> Callable[[Case], Any]:
    """The same case under a contract of this sum, as none of its moves would leave it."""
    return lambda case: changed(contract=case.facts.contract.model_copy(update={"krw": krw}))(case)


def claim_with(**change: Any) -> Callable[[Case], Any]:
    return lambda case: changed(claims=tuple(claim.model_copy(update=change) for claim in case.facts.claims))(case)


def joined(case: Case) -> None:
    """Another firm has acceded to the framework, and the work is suspended."""
    case.two("list_party", party="O-KR-2", kind="company", signatory="P-SIGN-O-KR-2")
    case.put_signature("O-KR-2", "accede")
    case.do("suspend", reason=REASON)


def agreed(case: Case) -> None:
    case.agree_acceptance()


def handed_in(case: Case) -> None:
    case.do("submit_final", person=case.contractor, deliverables=[MASTER])


def at_instant(instant: Any) -> Callable[[Case], Any]:
    return lambda case: setattr(case, "now", instant)


def final_claimed(case: Case) -> None:
    """What the final report is worth was claimed, and accepted."""
    case.accepted(milestone="final_report")


def final_settled(case: Case) -> None:
    case.do("record_settlement", due_krw=40_000_000, evidence=[HASH])


def final_paid(case: Case) -> None:
    case.do("pay", claim=1, done_on=date(2021, 6, 20), evidence=[HASH])


def refunding(krw: int) -> Callable[[Case], Any]:
    """The final report was paid, and so much of it is to be refunded."""

    def step(case: Case) -> None:
        case.paid(milestone="final_report")
        case.do("record_settlement", paid_krw=40_000_000, refund_krw=krw, evidence=[HASH])

    return step


def written_off(krw: int) -> Callable[[Case], Any]:
    return lambda case: case.two("write_off", krw=krw, reason=REASON)


def long_stop_over(case: Case) -> None:
    case.until(case.file.timers["settlement_long_stop"].due_at)


def without_the_studys_hash(case: Case) -> None:
    [final] = case.facts.plan
    changed(plan=(final.model_copy(update={"deliverables": ("feasibility_study",)}),), deliverables=())(case)


FIRM = {"role": Role.CONTRACTOR, "person": "P-SIGN-O-KR"}
DESK = {"role": Role.DESK, "person": "P-DESK"}
HOST = {"role": Role.HOST_GOVERNMENT, "person": "P-SIGN-CITY", "minutes": HASH}
PLAN: list[dict[str, Any]] = [
    {"key": "part_1", "due_on": date(2022, 1, 31), "krw": 40_000_000, "deliverables": ["basic_concept"]},
    {"key": "final_report", "due_on": date(2022, 6, 1), "krw": 40_000_000},
]
MASTER = {"kind": "master_plan", "sha256": HASH}
SCOPE = {"milestones": [PLAN[0] | {"krw": 10_000_000}, PLAN[1]], "evidence": [HASH], "reason": REASON}
REPORT = DESK | {"kind": "monthly", "month": "2021-06", "document": HASH}
VISIT = {"minutes": HASH, "present": ["P-DESK"]}
SUBCONTRACT = {"firm": "O-SUB", "country": "KR", "krw": 40_000_000, "evidence": [HASH]}
CLAIM = DESK | {
    "claim": 1,
    "milestone": "part_1",
    "krw": 40_000_000,
    "payee": "O-KR",
    "country": "KR",
    "evidence": [HASH],
}
PAYMENT = {"claim": 1, "done_on": date(2021, 6, 20), "evidence": [HASH]}
OTHER = {
    "contractor": "O-KR-2",
    "country": "KR",
    "krw": 1,
    "paid_krw": 0,
    "due_krw": 0,
    "evidence": [HASH],
    "reason": REASON,
}
REFUND = {"krw": 1, "done_on": date(2021, 6, 20), "evidence": [HASH]}
GRADED = {"grade": "good", "filed": True}


def final_of(*deliverables: str) -> list[dict[str, Any]]:
    return [PLAN[0], PLAN[1] | {"deliverables": deliverables}]


BOUNDARIES: list[tuple[str, str, dict[str, Any], Given, Given, dict[str, Any]]] = [
    # guard                       move              data that both give          refused                                      passing      data of the passing one, where they differ
    ("programme_known",           "receive",        RECEIVE | {"programme": "x"}, arriving(OPENS),                            arriving(OPENS), {"programme": "planning"}),
    ("edition_opened",            "receive",        RECEIVE,                     arriving(OPENS - INSTANT),                   arriving(OPENS), {}),
    ("channel_allowed",           "receive",        RECEIVE | {"channel": "fax"}, arriving(OPENS),                            arriving(OPENS), {"channel": "e-mail"}),
    ("received_since_opening",    "receive",        RECEIVE | {"received_at": OPENS - INSTANT}, arriving(OPENS),              arriving(OPENS), {"received_at": OPENS}),
    ("received_since_opening",    "receive",        RECEIVE | {"received_at": OPENS + INSTANT}, arriving(OPENS),              arriving(OPENS + INSTANT), {}),
    ("received_in_time",          "open_screening", {},                          received(CLOSES),                            received(CLOSES - INSTANT, CLOSES), {}),
    ("received_late",             "refuse_late",    {},                          received(CLOSES - INSTANT, CLOSES),          received(CLOSES), {}),
    ("window_closed_or_continuous", "open_screening", {},                        received(OPENS, CLOSES - INSTANT),           received(OPENS, CLOSES), {}),
    ("not_acknowledged",          "acknowledge",    {},                          at(S.RECEIVED, do("acknowledge")),           at(S.RECEIVED), {}),
    ("names_another_application", "merge_duplicate", {"survivor": "KC2021-PLA-0001"}, at(S.RECEIVED),                         at(S.RECEIVED), {"survivor": "KC2021-PLA-0002"}),
    ("funds_follow_from_the_rate", "receive",       RECEIVE | {"matching": DOLLARS}, arriving(OPENS),                         arriving(OPENS), {"matching": DOLLARS | {"krw": 1_106}}),
    ("funds_follow_from_the_rate", "receive",       RECEIVE | {"matching": DOLLARS | {"krw": 1_106, "rate": None}}, arriving(OPENS), arriving(OPENS), {"matching": {"krw": 1_106, "sha256": HASH}}),
    ("funds_follow_from_the_rate", "receive",       RECEIVE | {"matching": DOLLARS | {"krw": 1_106, "rate_on": date(2021, 2, 19)}}, arriving(OPENS), arriving(OPENS), {"matching": DOLLARS | {"krw": 1_106}}),
    ("funds_follow_from_the_rate", "supersede",     NEWER | {"received_at": OPENS + INSTANT, "matching": DOLLARS}, received(OPENS, CLOSES), received(OPENS, CLOSES), {"matching": DOLLARS | {"krw": 1_106}}),
    ("subject_known",             "receive",        RECEIVE | {"site_kind": "island"}, arriving(OPENS),                      arriving(OPENS), {"site_kind": "new_town"}),
    ("subject_known",             "receive",        RECEIVE | {"sector": "traffic"}, arriving(OPENS),                        arriving(OPENS), {"sector": None}),
    ("newer_version_in_time",     "supersede",      NEWER | {"received_at": CLOSES}, at(S.SCREENING),                        at(S.SCREENING), {"received_at": CLOSES - INSTANT}),
    ("newer_version_in_time",     "supersede",      NEWER | {"received_at": OPENS + timedelta(days=4)}, at(S.SCREENING),     at(S.SCREENING), {"received_at": OPENS + timedelta(days=4) + INSTANT}),
    ("item_of_the_checklist",     "declare_ineligible", {"item": "korean_holder"}, at(S.SCREENING),                           at(S.SCREENING), {"item": "government"}),
    ("item_of_the_checklist",     "declare_ineligible", {"item": "applicant_kind"}, at(S.SCREENING),                          at(S.SCREENING, of_kind("korean_corporation")), {}),
    ("item_of_the_checklist",     "declare_ineligible", {"item": "documents"},   at(S.SCREENING, without_documents),          at(S.SCREENING, without_documents, do("ask_clarification"), do("answer_clarification")), {}),
    ("record_eligible",           "pass_screening", YES,                         at(S.SCREENING, QUORUM, of_kind("korean_corporation")), at(S.SCREENING, QUORUM), {}),
    ("record_eligible",           "pass_screening", {"answers": {"partner_abroad": True}, "complete": True}, at(S.SCREENING, QUORUM, with_partners("private_body"), programme="pilot", edition="rehearsal"), at(S.SCREENING, QUORUM, with_partners("private_body", "local_government"), programme="pilot", edition="rehearsal"), {}),
    ("record_eligible",           "pass_screening", {"answers": {"government": True}, "complete": True}, at(S.SCREENING, QUORUM, of_kind("international_organisation"), programme="twinning", edition="rehearsal"), at(S.SCREENING, QUORUM, of_kind("international_organisation"), with_partners("local_government"), programme="twinning", edition="rehearsal"), {}),
    ("checklist_complete",        "pass_screening", YES,                         at(S.SCREENING, QUORUM, without_documents),  at(S.SCREENING, QUORUM, without_documents, do("ask_clarification"), do("answer_clarification", documents=[{"kind": "proposal", "sha256": HASH}])), {}),
    ("eligible",                  "pass_screening", YES | {"answers": {"government": True, "oversees": False}}, at(S.SCREENING, QUORUM), at(S.SCREENING, QUORUM), YES),
    ("eligible",                  "pass_screening", YES | {"answers": {"government": True}}, at(S.SCREENING, QUORUM),         at(S.SCREENING, QUORUM), YES),
    ("checklist_complete",        "pass_screening", YES | {"complete": False},   at(S.SCREENING, QUORUM),                     at(S.SCREENING, QUORUM), YES),
    ("no_open_clarification",     "pass_screening", YES,                         at(S.SCREENING, QUORUM, do("ask_clarification")), at(S.SCREENING, QUORUM, do("ask_clarification"), do("answer_clarification")), {}),
    ("paper_quorum_declared",     "pass_screening", YES,                         at(S.SCREENING, lambda c: c.assign("paper_review", 2)), at(S.SCREENING, QUORUM), {}),
    ("paper_quorum_declared",     "pass_screening", YES,                         at(S.SCREENING, QUORUM, conflicted(REVIEWERS[0])), at(S.SCREENING, QUORUM), {}),
    ("one_open_clarification",    "answer_clarification", {},                    at(S.SCREENING),                             at(S.SCREENING, do("ask_clarification")), {}),
    ("clarification_closed",      "ask_clarification", {},                       at(S.SCREENING, do("ask_clarification")),    at(S.SCREENING), {}),
    ("clarification_overdue",     "lapse_clarification", BY_CLOCK,      at(S.SCREENING, do("ask_clarification"), ladder_off("clarification", -1)), at(S.SCREENING, do("ask_clarification"), ladder_off("clarification")), {}),
    ("fewer_than_two_asked",      "ask_clarification", {},                       at(S.SCREENING, *[do("ask_clarification"), do("answer_clarification")] * 2), at(S.SCREENING, do("ask_clarification"), do("answer_clarification")), {}),
    ("step_is_judged",            "assign_reviewer", {"reviewer": "P-R", "step": "presentation", "reason": REASON}, at(S.SCREENING),            at(S.SCREENING), {"step": "paper_review"}),
    ("step_is_judged",            "assign_reviewer", {"reviewer": "P-R", "step": "paper_review", "reason": REASON}, at(S.PRESENTATION, programme="demonstration"), at(S.PRESENTATION, programme="demonstration"), {"step": "presentation"}),
    ("step_is_judged",            "replace_reviewer", {"reviewer": "P-R", "step": "paper_review", "replaces": "P-REV-1", "reason": REASON}, at(S.CONSULTATION), at(S.CONSULTATION, conflicted("P-REV-1")), {}),
    ("not_in_conflict",           "assign_reviewer", {"reviewer": "P-REV-4", "step": "paper_review", "organisations": ["O-TBILISI"], "reason": REASON}, at(S.SCREENING), at(S.SCREENING), {"organisations": ["O-KR"]}),
    ("not_in_conflict",           "assign_reviewer", {"reviewer": "P-MAYOR", "step": "paper_review", "reason": REASON}, at(S.SCREENING), at(S.SCREENING), {"reviewer": "P-REV-4"}),
    ("not_in_conflict",           "replace_reviewer", {"reviewer": "P-REV-1", "step": "paper_review", "replaces": "P-REV-2", "reason": REASON}, at(S.SCREENING, QUORUM, conflicted("P-REV-1"), replaced("P-REV-4", "P-REV-1")), at(S.SCREENING, QUORUM, replaced("P-REV-4", "P-REV-1")), {}),
    ("impartial",                 "pass_screening", YES | {"person": "P-MAYOR"}, at(S.SCREENING, QUORUM),                     at(S.SCREENING, QUORUM), {"person": "P-DESK"}),
    ("impartial",                 "shortlist",      {"person": "P-REV-1"},       at(S.CONSULTATION, conflicted("P-REV-1"), replaced("P-REV-4", "P-REV-1"), sealed_by("P-REV-4"), agreed_round(2)), at(S.CONSULTATION, agreed_round(2)), {}),
    ("impartial",                 "dismiss_objection", {"reason": REASON, "person": "P-MAYOR"}, at(S.NOT_SELECTED, objected), at(S.NOT_SELECTED, objected), {"person": "P-OTHER"}),
    ("proposed_or_reasoned",      "assign_reviewer", {"reviewer": "P-REV-4", "step": "paper_review"}, at(S.SCREENING),         at(S.SCREENING), {"basis": {"pool": 1, "at": OPENS, "expert": True, "load": 0, "share": 1}}),
    ("not_assigned",              "assign_reviewer", {"reviewer": "P-REV-1", "step": "paper_review", "reason": REASON}, at(S.SCREENING, QUORUM), at(S.SCREENING, QUORUM), {"reviewer": "P-REV-4"}),
    ("replaces_nobody",           "assign_reviewer", {"reviewer": "P-REV-4", "step": "paper_review", "replaces": "P-REV-1", "reason": REASON}, at(S.SCREENING, QUORUM), at(S.SCREENING, QUORUM), {"replaces": None}),
    ("replaces_assigned",         "replace_reviewer", {"reviewer": "P-REV-5", "step": "paper_review", "replaces": "P-REV-4", "reason": REASON}, at(S.SCREENING, QUORUM), at(S.SCREENING, QUORUM), {"replaces": "P-REV-3"}),
    ("assigned_here",             "declare_conflict", {"person": "P-REV-4", "step": "paper_review", "conflict": True, "kind": "family"}, at(S.SCREENING, QUORUM), at(S.SCREENING, QUORUM), {"person": "P-REV-1"}),
    ("declared_or_recorded",      "declare_conflict", {"role": Role.CHAIR, "reviewer": "P-REV-1", "step": "paper_review", "conflict": True, "kind": "family"}, at(S.SCREENING, QUORUM), at(S.SCREENING, QUORUM), {"reason": REASON}),
    ("kind_of_conflict",          "declare_conflict", {"person": "P-REV-1", "step": "paper_review", "conflict": True}, at(S.SCREENING, QUORUM), at(S.SCREENING, QUORUM), {"kind": "recent"}),
    ("kind_of_conflict",          "declare_conflict", {"person": "P-REV-1", "step": "paper_review", "conflict": False, "kind": "recent"}, at(S.SCREENING, QUORUM), at(S.SCREENING, QUORUM), {"kind": None}),
    ("no_conflict_on_record",     "declare_conflict", {"person": "P-REV-1", "step": "paper_review", "conflict": False}, at(S.SCREENING, QUORUM, conflicted("P-REV-1")), at(S.SCREENING, QUORUM), {}),
    ("none_sealed_yet",           "seal_sheet",     {"person": "P-REV-1", "scores": ONES}, at(S.PAPER_REVIEW, seal(80)), at(S.PAPER_REVIEW), {}),
    ("free_to_judge",             "seal_sheet",     {"person": "P-REV-1", "scores": ONES}, at(S.PAPER_REVIEW, conflicted("P-REV-1")), at(S.PAPER_REVIEW), {}),
    ("free_to_judge",             "supersede_sheet", {"person": "P-REV-1", "scores": ONES, "reason": REASON}, at(S.PAPER_REVIEW, seal(80), voided("P-REV-1")), at(S.PAPER_REVIEW, seal(80)), {}),
    ("own_sheet_sealed",          "supersede_sheet", {"person": "P-REV-1", "scores": ONES, "reason": REASON}, at(S.PAPER_REVIEW), at(S.PAPER_REVIEW, seal(80)), {}),
    ("sheet_of_the_step",         "supersede_sheet", {"person": "P-REV-1", "scores": {"basic_conditions": 1, "proven_merit": 1, "applicability": 1}, "step": "paper_review", "reason": REASON}, at(S.PRESENTATION, held, seal(80), programme="demonstration"), at(S.PRESENTATION, held, seal(80), programme="demonstration"), {"step": "presentation"}),
    ("sheet_wanted",              "seal_sheet",     {"person": "P-REV-1", "scores": MERITS, "step": "presentation"}, at(S.PAPER_REVIEW, lambda c: c.assign("presentation", 5), programme="demonstration"), at(S.PAPER_REVIEW, lambda c: c.assign("presentation", 5), programme="demonstration"), {"step": "paper_review"}),
    ("sheet_wanted",              "seal_sheet",     {"person": "P-REV-1", "scores": MERITS, "step": "presentation"}, at(S.PAPER_REVIEW, lambda c: c.assign("presentation", 5), programme="demonstration"), at(S.PRESENTATION, held, programme="demonstration"), {}),
    ("scores_in_range",           "seal_sheet",     {"person": "P-REV-1", "scores": ONES | {"demand": 101}}, at(S.PAPER_REVIEW), at(S.PAPER_REVIEW), {"scores": ONES | {"demand": 100}}),
    ("scores_in_range",           "seal_sheet",     {"person": "P-REV-1", "scores": ONES | {"demand": -1}}, at(S.PAPER_REVIEW), at(S.PAPER_REVIEW), {"scores": ONES | {"demand": 0}}),
    ("sheet_counts_or_awaited",   "void_sheet",     {"reviewer": "P-REV-1", "step": "paper_review", "reason": REASON}, at(S.PAPER_REVIEW, voided("P-REV-1")), at(S.PAPER_REVIEW), {}),
    ("sheet_counts_or_awaited",   "void_sheet",     {"reviewer": "P-REV-4", "step": "paper_review", "reason": REASON}, at(S.PAPER_REVIEW, seal(80)), at(S.PAPER_REVIEW, seal(80)), {"reviewer": "P-REV-1"}),
    ("step_complete",             "invite_to_consultation", {},                  at(S.PAPER_REVIEW, fourth, seal(80, 80, 80)), at(S.PAPER_REVIEW, fourth, seal(80, 80, 80), voided("P-REV-4")), {}),
    ("grounds_for_rejection",     "reject",         {"ground": "below_threshold", "reason": REASON}, at(S.PAPER_REVIEW, fourth, seal(60, 60, 60)), at(S.PAPER_REVIEW, fourth, seal(60, 60, 60, 60)), {}),
    ("free_to_judge",             "seal_sheet",     {"person": "P-REV-4", "scores": {"priority": 1, "demand": 1, "korean_opportunities": 1}}, at(S.PAPER_REVIEW, do("assign_reviewer", reviewer="P-REV-4", step="paper_review", reason=REASON)), at(S.PAPER_REVIEW), {"person": "P-REV-1"}),
    ("every_criterion_scored",    "seal_sheet",     {"person": "P-REV-1", "scores": {"priority": 1, "demand": 1}}, at(S.PAPER_REVIEW), at(S.PAPER_REVIEW), {"scores": {"priority": 0, "demand": 100, "korean_opportunities": 50}}),
    ("presentation_held",         "seal_sheet",     {"person": "P-REV-1", "scores": {"basic_conditions": 1, "proven_merit": 1, "applicability": 1}}, at(S.PRESENTATION, scheduled, programme="demonstration"), at(S.PRESENTATION, held, programme="demonstration"), {}),
    ("step_complete",             "invite_to_consultation", {},                  at(S.PAPER_REVIEW, seal(80, 80)),            at(S.PAPER_REVIEW, seal(80, 80, 80)), {}),
    ("step_complete",             "invite_to_consultation", {},                  at(S.PAPER_REVIEW, seal(70, 70, 69)),        at(S.PAPER_REVIEW, seal(70, 70, 70)), {}),
    ("step_complete",             "invite_to_consultation", {},                  at(S.PAPER_REVIEW, seal(91, 80, 70)),        at(S.PAPER_REVIEW, seal(90, 80, 70)), {}),
    ("step_complete",             "shortlist",      {},                          at(S.CONSULTATION, agreed_round(1)),         at(S.CONSULTATION, agreed_round(2)), {}),
    ("step_complete",             "shortlist",      {},                          at(S.CONSULTATION, agreed_round(2, scope=False)), at(S.CONSULTATION, agreed_round(2)), {}),
    ("step_complete",             "shortlist",      {},                          at(S.CONFIRMATION, programme="twinning", edition="rehearsal"), at(S.CONFIRMATION, do("record_confirmation", agreed=True, evidence=[HASH]), programme="twinning", edition="rehearsal"), {}),
    ("next_on_route",             "invite_to_presentation", {},                  at(S.PAPER_REVIEW, seal(80, 80, 80)),        at(S.PAPER_REVIEW, seal(80, 80, 80), lambda c: c.assign("presentation", 5), programme="demonstration"), {}),
    ("last_on_route",             "shortlist",      {},                          at(S.PAPER_REVIEW, seal(80, 80, 80)),        at(S.CONSULTATION, agreed_round(2)), {}),
    ("judged_in_full",            "shortlist",      {},                          at(S.CONSULTATION, conflicted("P-REV-1"), agreed_round(2)), at(S.CONSULTATION, conflicted("P-REV-1"), replaced("P-REV-4", "P-REV-1"), lambda c: c.do("seal_sheet", person="P-REV-4", scores=dict.fromkeys(ONES, 80), step="paper_review"), agreed_round(2)), {}),
    ("judged_in_full",            "select",         {"krw": 400_000_000, "rank": 1}, at(S.SHORTLISTED, voided("P-REV-1")),    at(S.SHORTLISTED), {}),
    ("panel_declared",            "invite_to_presentation", {},                  at(S.PAPER_REVIEW, seal(80, 80, 80), lambda c: c.assign("presentation", 4), programme="demonstration"), at(S.PAPER_REVIEW, seal(80, 80, 80), lambda c: c.assign("presentation", 5), programme="demonstration"), {}),
    ("grounds_for_rejection",     "reject",         {"ground": "below_threshold", "reason": REASON}, at(S.PAPER_REVIEW, seal(70, 70, 70)), at(S.PAPER_REVIEW, seal(70, 70, 69)), {}),
    ("grounds_for_rejection",     "reject",         {"ground": "below_threshold", "reason": REASON}, at(S.PAPER_REVIEW, seal(10, 10)), at(S.PAPER_REVIEW, seal(10, 10, 10)), {}),
    ("grounds_for_rejection",     "reject",         {"ground": "no_agreement", "evidence": [HASH], "reason": REASON}, at(S.CONSULTATION, scheduled), at(S.CONSULTATION, held), {}),
    ("grounds_for_rejection",     "reject",         {"ground": "no_agreement", "evidence": [HASH], "reason": REASON}, at(S.CONSULTATION, agreed_round(2)), at(S.CONSULTATION, agreed_round(2, scope=False)), {}),
    ("grounds_for_rejection",     "reject",         {"ground": "no_agreement", "reason": REASON}, at(S.CONSULTATION, missed(1)), at(S.CONSULTATION, missed(1)), {"evidence": [HASH]}),
    ("grounds_for_rejection",     "reject",         {"ground": "no_agreement", "evidence": [HASH], "reason": REASON}, at(S.PAPER_REVIEW, seal(60, 60, 60)), at(S.PAPER_REVIEW, seal(60, 60, 60)), {"ground": "below_threshold"}),
    ("grounds_for_rejection",     "reject",         {"ground": "refused", "reason": REASON}, at(S.CONFIRMATION, do("record_confirmation", agreed=True, evidence=[HASH]), programme="twinning", edition="rehearsal"), at(S.CONFIRMATION, do("record_confirmation", agreed=False, evidence=[HASH]), programme="twinning", edition="rehearsal"), {}),
    ("grounds_for_rejection",     "reject",         {"ground": "outside_invited", "paper_rank": 6, "reason": REASON}, at(S.PAPER_REVIEW, seal(80, 80, 80), programme="joint_design", edition="rehearsal"), at(S.PAPER_REVIEW, seal(80, 80, 80), programme="joint_design", edition="rehearsal"), {"paper_rank": 7}),
    ("grounds_for_rejection",     "reject",         {"ground": "outside_invited", "reason": REASON}, at(S.PAPER_REVIEW, seal(80, 80, 80), programme="joint_design", edition="rehearsal"), at(S.PAPER_REVIEW, seal(80, 80, 80), programme="joint_design", edition="rehearsal"), {"paper_rank": 7}),
    ("grounds_for_rejection",     "reject",         {"ground": "outside_invited", "paper_rank": 7, "reason": REASON}, at(S.PAPER_REVIEW, seal(60, 60, 60)), at(S.PAPER_REVIEW, seal(60, 60, 60)), {"ground": "below_threshold"}),
    ("reason_given",              "reject",         {"ground": "below_threshold"}, at(S.PAPER_REVIEW, seal(60, 60, 60)),      at(S.PAPER_REVIEW, seal(60, 60, 60)), {"reason": REASON}),
    ("own_application",           "withdraw",       {"evidence": [HASH], "person": "P-STRANGER"}, at(S.SCREENING),            at(S.SCREENING), {"person": "P-MAYOR"}),
    ("in_writing",                "withdraw",       {},                          at(S.SCREENING),                             at(S.SCREENING), {"evidence": [HASH]}),
    ("two_dates_missed",          "no_show",        {"reason": REASON},          at(S.CONSULTATION, missed(1)),               at(S.CONSULTATION, missed(2)), {}),
    ("no_date_set",               "schedule",       MEETING, at(S.CONSULTATION, scheduled),            at(S.CONSULTATION), {}),
    ("both_sides_and_agenda",     "schedule",       MEETING | {"applicant": []}, at(S.CONSULTATION),                         at(S.CONSULTATION), {"applicant": ["P-MAYOR"]}),
    ("both_sides_and_agenda",     "schedule",       MEETING | {"ministry": []},  at(S.CONSULTATION),                          at(S.PRESENTATION, programme="demonstration"), {}),
    ("both_sides_and_agenda",     "schedule",       MEETING | {"evidence": []},  at(S.CONSULTATION),                          at(S.CONSULTATION), {"evidence": [HASH]}),
    ("same_minutes",              "agree_minutes",  {"role": Role.MINISTRY, "side": "ministry", "minutes": "c" * 64}, at(S.CONSULTATION, held, do("agree_minutes", Role.APPLICANT, side="applicant", minutes=HASH)), at(S.CONSULTATION, held, do("agree_minutes", Role.APPLICANT, side="applicant", minutes=HASH)), {"minutes": HASH}),
    ("date_in_the_future",        "schedule",       MEETING | {"date_at": CLOSES},         at(S.CONSULTATION, lambda c: setattr(c, "now", CLOSES)), at(S.CONSULTATION, lambda c: setattr(c, "now", CLOSES - INSTANT)), {}),
    ("date_passed_unheld",        "miss_date",      {},                          at(S.CONSULTATION, scheduled, at_the_end(-INSTANT)), at(S.CONSULTATION, scheduled, at_the_end()), {}),
    ("movable_date",              "reschedule",     MEETING | {"reason": REASON}, at(S.CONSULTATION, held), at(S.CONSULTATION, scheduled), {}),
    ("date_reached",              "hold",           {},                          at(S.CONSULTATION, scheduled, ladder_off("presentation", -1)), at(S.CONSULTATION, scheduled, ladder_off("presentation")), {}),
    ("held",                      "agree_minutes",  {"role": Role.MINISTRY, "side": "ministry", "minutes": HASH}, at(S.CONSULTATION, scheduled), at(S.CONSULTATION, held), {}),
    ("agrees_once",               "agree_minutes",  {"role": Role.MINISTRY, "side": "applicant", "minutes": HASH}, at(S.CONSULTATION, held), at(S.CONSULTATION, held), {"side": "ministry"}),
    ("agrees_once",               "agree_minutes",  {"role": Role.MINISTRY, "side": "ministry", "minutes": HASH}, at(S.CONSULTATION, held, ministry_agrees), at(S.CONSULTATION, held, ministry_agrees), {"minutes": "c" * 64}),
    ("agrees_once",               "agree_minutes",  {"role": Role.MINISTRY, "side": "ministry", "minutes": HASH, "scope_agreed": True}, at(S.CONSULTATION, agreed_round(1)), at(S.CONSULTATION, agreed_round(1, scope=False)), {}),
    ("agrees_once",               "agree_minutes",  {"role": Role.MINISTRY, "side": "ministry", "minutes": HASH}, at(S.CONSULTATION, agreed_round(1)), at(S.CONSULTATION, held), {}),
    ("same_minutes",              "agree_minutes",  {"role": Role.MINISTRY, "side": "ministry", "minutes": "c" * 64, "scope_agreed": True}, at(S.CONSULTATION, agreed_round(1, scope=False)), at(S.CONSULTATION, agreed_round(1, scope=False)), {"minutes": HASH}),
    ("round_agreed_rounds_left",  "finish_round",   {},                          at(S.CONSULTATION, agreed_round(2)),         at(S.CONSULTATION, agreed_round(1)), {}),
    ("no_answer_recorded",        "record_confirmation", {"agreed": True, "evidence": [HASH]}, at(S.CONFIRMATION, do("record_confirmation", agreed=False, evidence=[HASH]), programme="twinning", edition="rehearsal"), at(S.CONFIRMATION, programme="twinning", edition="rehearsal"), {}),
    ("award_in_range",            "select",         {"krw": 399_999_999, "rank": 1}, at(S.SHORTLISTED),                      at(S.SHORTLISTED), {"krw": 400_000_000}),
    ("award_in_range",            "select",         {"krw": 600_000_001, "rank": 1}, at(S.SHORTLISTED),                      at(S.SHORTLISTED), {"krw": 600_000_000}),
    ("award_in_range",            "promote",        {"krw": 600_000_001, "rank": 1}, at(S.RESERVE),                          at(S.RESERVE), {"krw": 600_000_000}),
    ("reserve_day_over",          "expire",         BY_CLOCK,          at(S.RESERVE, ladder_off("reserve", -1)),    at(S.RESERVE, ladder_off("reserve")), {}),
    ("reserve_still_open",        "promote",        {"krw": 400_000_000, "rank": 1}, at(S.RESERVE, ladder_off("reserve")),   at(S.RESERVE, ladder_off("reserve", -1)), {}),
    ("result_published",          "open_framework", {},                          at(S.SELECTED),                              at(S.SELECTED, lambda c: c.ordered("publish_result")), {}),
    ("not_published",             "publish_result", {},                          at(S.SELECTED, lambda c: c.ordered("publish_result")), at(S.SELECTED), {}),
    ("letter_due",                "send_letter",    {},                          at(S.NOT_SELECTED),                          at(S.NOT_SELECTED, lambda c: c.ordered("publish_result")), {}),
    ("letter_due",                "send_letter",    {},                          at(S.INELIGIBLE, do("send_letter")),         at(S.INELIGIBLE), {}),
    ("in_objection_period",       "object",         {"ground": "office_error"},  at(S.NOT_SELECTED, told, ladder_off("objection_period")), at(S.NOT_SELECTED, told, ladder_off("objection_period", -1)), {}),
    ("ground_allowed",            "object",         {"ground": "bad_luck"},      at(S.NOT_SELECTED, told),                    at(S.NOT_SELECTED, told), {"ground": "plain_misreading"}),
    ("no_objection_yet",          "object",         {"ground": "office_error"},  at(S.NOT_SELECTED, told, lambda c: setattr(c, "keep", c.file.timers["objection_period"]), do("object", ground="office_error"), lambda c: c.file._set_timers({"objection_period": c.keep})), at(S.NOT_SELECTED, told), {}),
    ("open_objection",            "dismiss_objection", {"reason": REASON},       at(S.NOT_SELECTED, told),                    at(S.NOT_SELECTED, objected), {}),
    ("none_of_the_first_reviewers", "dismiss_objection", {"reason": REASON, "person": "P-REV-1"}, at(S.NOT_SELECTED, objected), at(S.NOT_SELECTED, objected), {"person": "P-OTHER"}),
    ("step_was_reached",          "uphold_objection", {"step": "presentation", "reason": REASON}, at(S.NOT_SELECTED, objected), at(S.NOT_SELECTED, objected), {"step": "consultation"}),
    ("step_was_reached",          "uphold_objection", {"step": "screening", "reason": REASON}, at(S.NOT_SELECTED, objected),  at(S.NOT_SELECTED, objected), {"step": "shortlisted"}),
    ("objection_upheld",          "reopen_review",  {},                          at(S.NOT_SELECTED, upheld("consultation")),  at(S.NOT_SELECTED, upheld("paper_review")), {}),
    ("kind_allowed",              "list_party",     {"party": "X", "kind": "other", "signatory": "P-S"}, at(S.FRAMEWORK, lambda c: setattr(c.file, "edition", _no_others(c))), at(S.FRAMEWORK), {}),
    ("not_listed",                "list_party",     {"party": "CITY", "kind": "company", "signatory": "P-S"}, at(S.FRAMEWORK, party), at(S.FRAMEWORK), {}),
    ("listed_and_unsigned",       "sign",           SIGNS,                       at(S.FRAMEWORK, party, signed("CITY")),      at(S.FRAMEWORK, party), {}),
    ("listed_and_unsigned",       "sign",           SIGNS | {"party": "X"},      at(S.FRAMEWORK, party),                      at(S.FRAMEWORK, party), {"party": "CITY"}),
    ("listed_and_unsigned",       "strike_party",   {"party": "FIRM", "reason": REASON}, at(S.FRAMEWORK, party, listed("FIRM"), signed("FIRM")), at(S.FRAMEWORK, party, listed("FIRM")), {}),
    ("listed_and_unsigned",       "replace_signatory", {"party": "CITY", "signatory": "P-NEW", "evidence": [HASH]}, at(S.FRAMEWORK, party, signed("CITY")), at(S.FRAMEWORK, party), {}),
    ("leaves_both_governments",   "strike_party",   {"party": "CITY", "reason": REASON}, at(S.FRAMEWORK, party, listed("MOLIT", "korean_government")), at(S.FRAMEWORK, party, listed("CITY-2", "host_government")), {}),
    ("another_signatory",         "replace_signatory", {"party": "CITY", "signatory": "P-S", "evidence": [HASH]}, at(S.FRAMEWORK, party), at(S.FRAMEWORK, party), {"signatory": "P-NEW"}),
    ("signs_for_itself",          "sign",           SIGNS | {"person": "P-OTHER"}, at(S.FRAMEWORK, party),                    at(S.FRAMEWORK, party), {"person": "P-S"}),
    ("signs_for_itself",          "sign",           SIGNS,                       at(S.FRAMEWORK, party, lambda c: c.two("replace_signatory", party="CITY", signatory="P-NEW", evidence=[HASH])), at(S.FRAMEWORK, party), {}),
    ("signs_text_in_force",       "sign",           SIGNS,                       at(S.FRAMEWORK, party, do("table_text", text=REASON)), at(S.FRAMEWORK, party, do("table_text", text=REASON)), {"text": REASON}),
    ("signs_text_in_force",       "accede",         SIGNS,                       at(S.FRAMEWORK, lambda c: c.two("list_party", party="CITY", kind="host_government", signatory="P-S")), at(S.FRAMEWORK, party), {}),
    ("signed_since_tabling",      "sign",           SIGNS | {"signed_on": date(2021, 5, 30)}, at(S.FRAMEWORK, party),         at(S.FRAMEWORK, party), {"signed_on": date(2021, 5, 31)}),
    ("signed_since_tabling",      "sign",           SIGNS | {"signed_on": date(2021, 6, 1)}, at(S.FRAMEWORK, party, until(seoul(2021, 6, 1) - INSTANT)), at(S.FRAMEWORK, party, until(seoul(2021, 6, 1))), {}),
    ("in_writing",                "sign",           SIGNS | {"evidence": []},    at(S.FRAMEWORK, party),                      at(S.FRAMEWORK, party), {"evidence": [HASH]}),
    ("text_is_new",               "table_text",     {"text": HASH},              at(S.FRAMEWORK, party),                      at(S.FRAMEWORK, party), {"text": REASON}),
    ("text_tabled",               "negotiate_text", ROUND,                       at(S.FRAMEWORK, lambda c: c.two("list_party", party="CITY", kind="host_government", signatory="P-S")), at(S.FRAMEWORK, party), {}),
    ("all_listed",                "negotiate_text", ROUND | {"took_part": ["CITY", "X"]}, at(S.FRAMEWORK, party),             at(S.FRAMEWORK, party, listed("X")), {}),
    ("all_listed",                "negotiate_text", ROUND | {"took_part": ["CITY", "CITY"]}, at(S.FRAMEWORK, party),          at(S.FRAMEWORK, party), {"took_part": ["CITY"]}),
    ("all_listed",                "negotiate_text", ROUND | {"took_part": ["X"]}, at(S.FRAMEWORK, party, listed("X")),        at(S.FRAMEWORK, party, listed("X")), {"took_part": ["X", "CITY"]}),
    ("speaks_for_its_party",      "negotiate_text", ROUND | {"person": "P-OTHER"}, at(S.FRAMEWORK, party),                    at(S.FRAMEWORK, party), {"role": Role.DESK}),
    ("held_since_tabling",        "negotiate_text", ROUND | {"held_on": date(2021, 5, 30)}, at(S.FRAMEWORK, party),           at(S.FRAMEWORK, party), {"held_on": date(2021, 5, 31)}),
    ("speaks_for_its_party",      "refuse_signature", {"party": "CITY", "person": "P-OTHER"}, at(S.FRAMEWORK, party),         at(S.FRAMEWORK, party), {"person": "P-S"}),
    ("own_word_or_in_writing",    "refuse_signature", {"party": "CITY", "role": Role.DESK}, at(S.FRAMEWORK, party),           at(S.FRAMEWORK, party), {"evidence": [HASH]}),
    ("own_word_or_in_writing",    "refuse_signature", {"party": "CITY", "role": Role.DESK}, at(S.FRAMEWORK, party),           at(S.FRAMEWORK, party), {"role": Role.SIGNATORY, "person": "P-S"}),
    ("not_refused_yet",           "refuse_signature", {"party": "CITY", "person": "P-S"}, at(S.FRAMEWORK, party, refuses("CITY")), at(S.FRAMEWORK, party, refuses("CITY"), do("table_text", text=REASON)), {}),
    ("names_the_missing",         "extend_signature", LATER | {"missing": ["CITY"]}, at(S.FRAMEWORK, party),                  at(S.FRAMEWORK, party), {"missing": ["korean_government", "CITY"]}),
    ("names_the_missing",         "extend_signature", LATER | {"missing": []},   at(S.FRAMEWORK, lambda c: c.sign()),         at(S.FRAMEWORK, lambda c: c.sign(), listed("X")), {"missing": ["X"]}),
    ("later_signing_day",         "extend_signature", LATER | {"signs_by": date(2021, 7, 30)}, at(S.FRAMEWORK),               at(S.FRAMEWORK), {"signs_by": date(2021, 7, 31)}),
    ("later_signing_day",         "extend_signature", LATER | {"signs_by": date(2021, 8, 29)}, at(S.FRAMEWORK, until(seoul(2021, 8, 30))), at(S.FRAMEWORK, until(seoul(2021, 8, 30) - INSTANT)), {}),
    ("parties_signed",            "complete_framework", {},                      at(S.FRAMEWORK, party, signed("CITY")),      at(S.FRAMEWORK, lambda c: c.sign()), {}),
    ("parties_signed",            "complete_framework", {},                      at(S.FRAMEWORK, lambda c: c.sign(), listed("CITY-2", "host_government")), at(S.FRAMEWORK, lambda c: c.sign(), listed("X")), {}),
    ("everybody_signed",          "award_contract", award(),                     at(S.PROCUREMENT, *tendered("O-KR", "O-2"), announced, stood_still(), listed("X", "public_body")), at(S.PROCUREMENT, *tendered("O-KR", "O-2"), announced, stood_still(), listed("X", "public_body"), signed("X", "accede")), {}),
    ("everybody_signed",          "award_contract", award(),                     at(S.PROCUREMENT, *tendered("O-KR", "O-2"), announced, stood_still(), listed("X", "public_body")), at(S.PROCUREMENT, *tendered("O-KR", "O-2"), announced, stood_still(), listed("X", "public_body"), lambda c: c.two("strike_party", party="X", reason=REASON)), {}),
    ("framework_has_failed",      "fail_framework", {"ground": "long_stop", "reason": REASON}, at(S.FRAMEWORK, lambda c: c.until(c.file.timers["framework_long_stop"].due_at - INSTANT)), at(S.FRAMEWORK, lambda c: c.until(c.file.timers["framework_long_stop"].due_at)), {}),
    ("framework_has_failed",      "fail_framework", {"ground": "long_stop", "reason": REASON}, at(S.FRAMEWORK, until(seoul(2021, 8, 30)), lambda c: c.two("extend_signature", signs_by=date(2021, 8, 30), missing=["korean_government", "host_government"], reason=REASON)), at(S.FRAMEWORK, until(seoul(2021, 8, 30))), {}),
    ("framework_has_failed",      "fail_framework", {"ground": "party_refused", "reason": REASON, "evidence": [HASH]}, at(S.FRAMEWORK, party, listed("X"), refuses("X", "P-X")), at(S.FRAMEWORK, party, refuses("CITY")), {}),
    ("framework_has_failed",      "fail_framework", {"ground": "party_refused", "reason": REASON}, at(S.FRAMEWORK, party, refuses("CITY"), signed("CITY")), at(S.FRAMEWORK, party, refuses("CITY")), {}),
    ("framework_has_failed",      "fail_framework", {"ground": "party_refused", "reason": REASON}, at(S.FRAMEWORK, party, refuses("CITY"), do("table_text", text=REASON)), at(S.FRAMEWORK, party, refuses("CITY")), {}),
    ("terms_open",                "set_terms",      {"evidence": [HASH]},        at(S.PROCUREMENT, notice),                   at(S.PROCUREMENT, agreed_terms), {}),
    ("one_document",              "set_terms",      {"evidence": []},            at(S.PROCUREMENT),                           at(S.PROCUREMENT), {"evidence": [HASH]}),
    ("one_document",              "set_terms",      {"evidence": [HASH, "c" * 64]}, at(S.PROCUREMENT),                        at(S.PROCUREMENT), {"evidence": ["c" * 64]}),
    ("terms_to_agree",            "agree_terms",    {"terms": HASH},             at(S.PROCUREMENT),                           at(S.PROCUREMENT, terms), {}),
    ("terms_to_agree",            "agree_terms",    {"terms": HASH},             at(S.PROCUREMENT, agreed_terms),             at(S.PROCUREMENT, agreed_terms, terms), {}),
    ("same_terms",                "agree_terms",    {"terms": "c" * 64},         at(S.PROCUREMENT, terms),                    at(S.PROCUREMENT, terms), {"terms": HASH}),
    ("agreed_in_writing",         "agree_terms",    {"terms": HASH, "role": Role.DESK}, at(S.PROCUREMENT, terms),             at(S.PROCUREMENT, terms), {"evidence": [HASH]}),
    ("terms_agreed",              "publish_notice", {"closes_at": seoul(2030, 1, 1)}, at(S.PROCUREMENT, agreed_terms, terms), at(S.PROCUREMENT, agreed_terms), {}),
    ("no_notice_yet",             "publish_notice", {"closes_at": seoul(2030, 1, 1)}, at(S.PROCUREMENT, notice),             at(S.PROCUREMENT, agreed_terms), {}),
    ("notice_long_enough",        "publish_notice", {"closes_at": seoul(2030, 1, 21)}, at(S.PROCUREMENT, agreed_terms, lambda c: setattr(c, "now", seoul(2030, 1, 1) + INSTANT)), at(S.PROCUREMENT, agreed_terms, lambda c: setattr(c, "now", seoul(2030, 1, 1))), {}),
    ("bids_sealed",               "receive_bid",    {"bidder": "O-3", "sealed": HASH}, at(S.PROCUREMENT, opened),             at(S.PROCUREMENT, notice), {}),
    ("arrived_in_time",           "receive_bid",    {"bidder": "O-KR", "sealed": HASH}, at(S.PROCUREMENT, notice, wait(days=20)), at(S.PROCUREMENT, notice, wait(days=20, microseconds=-1)), {}),
    ("arrived_in_time",           "receive_bid",    {"bidder": "O-3", "sealed": HASH, "received_at": "close"}, at(S.PROCUREMENT, closed_tender, arrives()), at(S.PROCUREMENT, closed_tender, arrives(-INSTANT)), {}),
    ("arrived_in_time",           "receive_bid",    {"bidder": "O-KR", "sealed": HASH, "received_at": seoul(2030, 1, 1)}, at(S.PROCUREMENT, notice), at(S.PROCUREMENT, notice), {"received_at": None}),
    ("after_its_last_word",       "receive_bid",    {"bidder": "O-KR", "sealed": HASH}, at(S.PROCUREMENT, notice, bid("O-KR")), at(S.PROCUREMENT, notice, bid("O-KR"), wait(microseconds=1)), {}),
    ("bid_received",              "withdraw_bid",   {"bidder": "O-2", "evidence": [HASH]}, at(S.PROCUREMENT, notice, bid("O-KR"), wait(days=1)), at(S.PROCUREMENT, notice, bid("O-2"), wait(days=1)), {}),
    ("asked_in_time",             "ask_question",   {"bidder": "O-KR", "question": REASON}, at(S.PROCUREMENT, notice, ladder_off("bid_questions")), at(S.PROCUREMENT, notice, ladder_off("bid_questions", -1)), {}),
    ("question_waits",            "answer_question", {"number": 1, "answer": REASON}, at(S.PROCUREMENT, notice, asked, answered), at(S.PROCUREMENT, notice, asked), {}),
    ("question_waits",            "answer_question", {"number": 2, "answer": REASON}, at(S.PROCUREMENT, notice, asked),       at(S.PROCUREMENT, notice, asked, asked), {}),
    ("bids_closed",               "open_bids",      {},                          at(S.PROCUREMENT, notice, wait(days=20, microseconds=-1)), at(S.PROCUREMENT, notice, wait(days=20)), {}),
    ("questions_answered",        "open_bids",      {},                          at(S.PROCUREMENT, notice, asked, wait(days=20)), at(S.PROCUREMENT, notice, asked, wait(days=20), answered), {}),
    ("before_evaluation",         "name_committee", {"members": ["P-1", "P-2", "P-3"]}, at(S.PROCUREMENT, agreed_terms),      at(S.PROCUREMENT, notice), {}),
    ("before_evaluation",         "name_committee", {"members": ["P-1", "P-2", "P-3"], "reason": REASON}, at(S.PROCUREMENT, *tendered("O-KR")), at(S.PROCUREMENT, opened), {}),
    ("enough_members",            "name_committee", {"members": ["P-1", "P-2"]}, at(S.PROCUREMENT, opened),                   at(S.PROCUREMENT, opened), {"members": ["P-1", "P-2", "P-3"]}),
    ("enough_members",            "name_committee", {"members": ["P-1", "P-2", "P-2"]}, at(S.PROCUREMENT, opened),            at(S.PROCUREMENT, opened), {"members": ["P-1", "P-2", "P-3"]}),
    ("enough_members",            "name_committee", {"members": ["P-1", "P-2", "P-3"]}, at(S.PROCUREMENT, opened, named()),   at(S.PROCUREMENT, opened, named()), {"reason": REASON}),
    ("named_by_others",           "name_committee", {"members": ["P-1", "P-2", "P-3"], "person": "P-1"}, at(S.PROCUREMENT, opened), at(S.PROCUREMENT, opened), {"person": "P-4"}),
    ("named_by_others",           "name_committee", {"members": ["P-1", "P-2", "P-PROCUREMENT-OFFICER"], "person": "P-4", "reason": REASON}, at(S.PROCUREMENT, opened, named()), at(S.PROCUREMENT, opened), {}),
    ("named_by_others",           "name_committee", {"members": ["P-1", "P-2", "P-3"], "person": "P-EVAL-1", "reason": REASON}, at(S.PROCUREMENT, opened, named()), at(S.PROCUREMENT, opened), {}),
    ("members_free",              "name_committee", {"members": ["P-MAYOR", "P-2", "P-3"]}, at(S.PROCUREMENT, opened),        at(S.PROCUREMENT, opened), {"members": ["P-1", "P-2", "P-3"]}),
    ("members_free",              "name_committee", {"members": ["P-EVAL-1", "P-EVAL-2", "P-EVAL-3"], "reason": REASON}, at(S.PROCUREMENT, opened, named(declare=False), tied()), at(S.PROCUREMENT, opened, named(declare=False), tied()), {"members": ["P-EVAL-2", "P-EVAL-3", "P-4"]}),
    ("untied",                    "name_committee", {"members": ["P-1", "P-2", "P-3"], "person": "P-EVAL-1", "reason": REASON}, at(S.PROCUREMENT, opened, named(declare=False), tied()), at(S.PROCUREMENT, opened, named(declare=False), tied()), {"person": "P-PROCUREMENT-OFFICER"}),
    ("bids_opened",               "declare_bid_conflict", {"person": "P-EVAL-1", "conflict": False}, at(S.PROCUREMENT, closed_tender, named(declare=False)), at(S.PROCUREMENT, opened, named(declare=False)), {}),
    ("on_the_committee",          "declare_bid_conflict", {"person": "P-1", "conflict": False}, at(S.PROCUREMENT, opened, named(declare=False)), at(S.PROCUREMENT, opened, named(declare=False)), {"person": "P-EVAL-1"}),
    ("conflict_with_whom",        "declare_bid_conflict", {"person": "P-EVAL-1", "conflict": True, "kind": "family", "bidder": "O-9"}, at(S.PROCUREMENT, opened, named(declare=False)), at(S.PROCUREMENT, opened, named(declare=False)), {"bidder": "O-2"}),
    ("no_tie_on_record",          "declare_bid_conflict", {"person": "P-EVAL-1", "conflict": False}, at(S.PROCUREMENT, opened, named(declare=False), tied()), at(S.PROCUREMENT, opened, named(declare=False), tied("P-EVAL-2")), {}),
    ("no_tie_on_record",          "declare_bid_conflict", {"person": "P-EVAL-1", "conflict": False, "organisations": ["O-2"]}, at(S.PROCUREMENT, opened, named(declare=False)), at(S.PROCUREMENT, opened, named(declare=False)), {"organisations": ["O-9"]}),
    ("no_tie_on_record",          "declare_bid_conflict", {"person": "P-EVAL-1", "conflict": False, "organisations": ["O-TBILISI"]}, at(S.PROCUREMENT, opened, named(declare=False)), at(S.PROCUREMENT, opened, named(declare=False)), {"organisations": []}),
    ("bids_opened",               "record_bid",     RECORD,                      at(S.PROCUREMENT, closed_tender),            at(S.PROCUREMENT, opened), {}),
    ("same_envelope",             "record_bid",     RECORD | {"document": "c" * 64}, at(S.PROCUREMENT, opened),              at(S.PROCUREMENT, opened), RECORD),
    ("recorded_once",             "record_bid",     RECORD,                      at(S.PROCUREMENT, opened, recorded),         at(S.PROCUREMENT, opened, recorded), {"reason": REASON}),
    ("bids_opened",               "evaluate_bids",  JUDGED,                      at(S.PROCUREMENT, closed_tender),            at(S.PROCUREMENT, opened, named(), recorded), {}),
    ("every_bid_recorded",        "evaluate_bids",  JUDGED,                      at(S.PROCUREMENT, opened, named()),          at(S.PROCUREMENT, opened, named(), recorded), {}),
    ("free_to_evaluate",          "evaluate_bids",  JUDGED | {"person": "P-1"},  at(S.PROCUREMENT, opened, named(), recorded), at(S.PROCUREMENT, opened, named(), recorded), {"person": "P-EVAL-2"}),
    ("free_to_evaluate",          "evaluate_bids",  JUDGED,                      at(S.PROCUREMENT, opened, named(), recorded, tied()), at(S.PROCUREMENT, opened, named(), recorded), {}),
    ("free_to_evaluate",          "evaluate_bids",  JUDGED,                      at(S.PROCUREMENT, opened, named(), recorded, tied(bidder=None)), at(S.PROCUREMENT, opened, named(), recorded), {}),
    ("committee_free",            "evaluate_bids",  JUDGED,                      at(S.PROCUREMENT, opened, named(), recorded, tied("P-EVAL-3")), at(S.PROCUREMENT, opened, named(), recorded), {}),
    ("every_bid_judged",          "evaluate_bids",  JUDGED | {"verdicts": JUDGED["verdicts"][:1]}, at(S.PROCUREMENT, opened, named(), recorded), at(S.PROCUREMENT, opened, named(), recorded), JUDGED),
    ("every_bid_judged",          "evaluate_bids",  JUDGED | {"verdicts": [{"bidder": "O-KR", "valid": True}, JUDGED["verdicts"][1]]}, at(S.PROCUREMENT, opened, named(), recorded), at(S.PROCUREMENT, opened, named(), recorded), JUDGED),
    ("every_bid_judged",          "evaluate_bids",  JUDGED | {"verdicts": [JUDGED["verdicts"][0], {"bidder": "O-2", "valid": False}], "order": ["O-KR"]}, at(S.PROCUREMENT, opened, named(), recorded), at(S.PROCUREMENT, opened, named(), recorded), {"verdicts": [JUDGED["verdicts"][0], {"bidder": "O-2", "valid": False, "ground": "incomplete"}]}),
    ("order_by_points",           "evaluate_bids",  JUDGED | {"order": ["O-2", "O-KR"]}, at(S.PROCUREMENT, opened, named(), recorded), at(S.PROCUREMENT, opened, named(), recorded), JUDGED),
    ("order_by_points",           "evaluate_bids",  JUDGED | {"order": ["O-KR"]}, at(S.PROCUREMENT, opened, named(), recorded), at(S.PROCUREMENT, opened, named(), recorded), JUDGED),
    ("order_by_points",           "evaluate_bids",  EQUALS,                      at(S.PROCUREMENT, opened, named(), recorded), at(S.PROCUREMENT, opened, named(), recorded), {"reason": REASON}),
    ("too_few_bids_and_renotices_left", "renotice", {"closes_at": seoul(2030, 1, 1)}, at(S.PROCUREMENT, *tendered("O-KR", "O-2")), at(S.PROCUREMENT, *tendered("O-KR")), {}),
    ("too_few_bids_and_renotices_left", "renotice", {"closes_at": seoul(2030, 1, 1)}, at(S.PROCUREMENT, *tendered("O-KR", "O-2"), failed_with("O-KR")), at(S.PROCUREMENT, *tendered("O-KR", "O-2"), failed_with("O-KR", "O-2")), {}),
    ("too_few_bids_and_renotices_left", "renotice", {"closes_at": seoul(2030, 1, 1)}, at(S.PROCUREMENT, *tendered("O-KR", renotices=2)), at(S.PROCUREMENT, *tendered("O-KR", renotices=1)), {}),
    ("enough_valid_bids",         "record_negotiation", AGREED,                  at(S.PROCUREMENT, *tendered("O-KR")),        at(S.PROCUREMENT, *tendered("O-KR", "O-2")), {}),
    ("enough_valid_bids",         "record_negotiation", AGREED,                  at(S.PROCUREMENT, *tendered("O-KR", renotices=2)), at(S.PROCUREMENT, *tendered("O-KR", renotices=2)), {"reason": REASON}),
    ("enough_valid_bids",         "record_negotiation", AGREED | {"reason": REASON}, at(S.PROCUREMENT, *tendered("O-KR", renotices=1)), at(S.PROCUREMENT, *tendered("O-KR", renotices=2)), {}),
    ("first_in_order",            "record_negotiation", AGREED | {"bidder": "O-2"}, at(S.PROCUREMENT, *tendered("O-KR", "O-2")), at(S.PROCUREMENT, *tendered("O-KR", "O-2"), failed_with("O-KR")), {}),
    ("agreed_price",              "record_negotiation", AGREED | {"krw": 100_000_001}, at(S.PROCUREMENT, *tendered("O-KR", "O-2")), at(S.PROCUREMENT, *tendered("O-KR", "O-2")), {"krw": 100_000_000}),
    ("agreed_price",              "record_negotiation", AGREED | {"krw": 400_000_001}, at(S.PROCUREMENT, dear(500_000_000)),  at(S.PROCUREMENT, dear(500_000_000)), {"krw": 400_000_000}),
    ("agreed_price",              "record_negotiation", AGREED | {"agreed": False}, at(S.PROCUREMENT, *tendered("O-KR", "O-2")), at(S.PROCUREMENT, *tendered("O-KR", "O-2")), {"krw": None}),
    ("price_agreed",              "announce_award", {"contractor": "O-KR"},      at(S.PROCUREMENT, *tendered("O-KR", "O-2")), at(S.PROCUREMENT, *tendered("O-KR", "O-2"), negotiated), {}),
    ("price_agreed",              "announce_award", {"contractor": "O-KR"},      at(S.PROCUREMENT, *tendered("O-KR", "O-2"), announced), at(S.PROCUREMENT, *tendered("O-KR", "O-2"), announced, negotiated), {}),
    ("in_standstill",             "complain",       COMPLAINT,                   at(S.PROCUREMENT, *tendered("O-KR", "O-2"), announced, stood_still()), at(S.PROCUREMENT, *tendered("O-KR", "O-2"), announced, stood_still(-INSTANT)), {}),
    ("in_standstill",             "complain",       COMPLAINT,                   at(S.PROCUREMENT, *tendered("O-KR", "O-2"), negotiated), at(S.PROCUREMENT, *tendered("O-KR", "O-2"), announced), {}),
    ("bid_received",              "complain",       COMPLAINT | {"bidder": "O-9"}, at(S.PROCUREMENT, *tendered("O-KR", "O-2"), announced), at(S.PROCUREMENT, *tendered("O-KR", "O-2"), announced), COMPLAINT),
    ("not_complained_yet",        "complain",       COMPLAINT,                   at(S.PROCUREMENT, *tendered("O-KR", "O-2"), announced, complained, dismissed), at(S.PROCUREMENT, *tendered("O-KR", "O-2"), announced, complained, dismissed), {"bidder": "O-KR"}),
    ("complaint_ground",          "complain",       COMPLAINT | {"ground": "bad_luck"}, at(S.PROCUREMENT, *tendered("O-KR", "O-2"), announced), at(S.PROCUREMENT, *tendered("O-KR", "O-2"), announced), COMPLAINT),
    ("open_complaint",            "dismiss_complaint", {"bidder": "O-2", "reason": REASON}, at(S.PROCUREMENT, *tendered("O-KR", "O-2"), announced), at(S.PROCUREMENT, *tendered("O-KR", "O-2"), announced, complained), {}),
    ("outside_the_evaluation",    "dismiss_complaint", {"bidder": "O-2", "reason": REASON, "person": "P-EVAL-3"}, at(S.PROCUREMENT, *tendered("O-KR", "O-2"), announced, complained), at(S.PROCUREMENT, *tendered("O-KR", "O-2"), announced, complained), {"person": "P-4"}),
    ("outside_the_evaluation",    "uphold_complaint", {"bidder": "O-2", "reason": REASON, "person": "P-PROCUREMENT-OFFICER-2"}, at(S.PROCUREMENT, *tendered("O-KR", "O-2"), announced, complained), at(S.PROCUREMENT, *tendered("O-KR", "O-2"), announced, complained), {"person": "P-4"}),
    ("no_open_complaint",         "award_contract", award(),                     at(S.PROCUREMENT, *tendered("O-KR", "O-2"), announced, complained, stood_still()), at(S.PROCUREMENT, *tendered("O-KR", "O-2"), announced, complained, stood_still(), dismissed), {}),
    ("no_open_complaint",         "record_negotiation", AGREED,                  at(S.PROCUREMENT, *tendered("O-KR", "O-2"), announced, complained), at(S.PROCUREMENT, *tendered("O-KR", "O-2"), announced), {}),
    ("contractor_found",          "award_contract", award(),                     at(S.PROCUREMENT, *tendered("O-KR", "O-2")), at(S.PROCUREMENT, *tendered("O-KR", "O-2"), announced, stood_still()), {}),
    ("contractor_found",          "award_contract", award(contractor="O-KR"),    at(S.PROCUREMENT, agreed_terms, programme="demonstration"), at(S.PROCUREMENT, agreed_terms, programme="demonstration"), {"contractor": "O-TBILISI"}),
    ("contractor_found",          "award_contract", award(contractor="O-TBILISI"), at(S.PROCUREMENT, terms, programme="demonstration"), at(S.PROCUREMENT, agreed_terms, programme="demonstration"), {}),
    ("contractor_korean",         "award_contract", award(country="GE"),         at(S.PROCUREMENT, *tendered("O-KR", "O-2"), announced, stood_still()), at(S.PROCUREMENT, *tendered("O-KR", "O-2"), announced, stood_still()), {"country": "KR"}),
    ("every_bid_judged",          "evaluate_bids",  JUDGED,                      at(S.PROCUREMENT, abroad),                   at(S.PROCUREMENT, opened, named(), recorded), {}),
    ("contractor_acceded",        "award_contract", award(contractor="O-2"),     at(S.PROCUREMENT, *tendered("O-2", "O-KR"), lambda c: c.announce("O-2"), stood_still()), at(S.PROCUREMENT, *tendered("O-KR", "O-2"), announced, stood_still()), {"contractor": "O-KR"}),
    ("within_award",              "award_contract", award(krw=400_000_001),      at(S.PROCUREMENT, *tendered("O-KR", "O-2"), announced, stood_still()), at(S.PROCUREMENT, dear(400_000_000), lambda c: c.announce(krw=400_000_000), stood_still()), {"krw": 400_000_000}),
    ("price_as_agreed",           "award_contract", award(krw=100_000_001),      at(S.PROCUREMENT, *tendered("O-KR", "O-2"), announced, stood_still()), at(S.PROCUREMENT, *tendered("O-KR", "O-2"), announced, stood_still()), {"krw": 100_000_000}),
    ("standstill_over",           "award_contract", award(),                     at(S.PROCUREMENT, *tendered("O-KR", "O-2"), announced, stood_still(-INSTANT)), at(S.PROCUREMENT, *tendered("O-KR", "O-2"), announced, stood_still()), {}),
    ("standstill_over",           "award_contract", award(),                     at(S.PROCUREMENT, *tendered("O-KR", "O-2"), negotiated), at(S.PROCUREMENT, *tendered("O-KR", "O-2"), announced, stood_still()), {}),
    ("open_tender",               "publish_notice", {"closes_at": seoul(2030, 1, 1)}, at(S.PROCUREMENT, agreed_terms, programme="demonstration"), at(S.PROCUREMENT, agreed_terms), {}),
    ("procurement_has_failed",    "fail_procurement", {"ground": "renotices_used_up", "reason": REASON}, at(S.PROCUREMENT, *tendered("O-KR", renotices=1)), at(S.PROCUREMENT, *tendered("O-KR", renotices=2)), {}),
    ("procurement_has_failed",    "fail_procurement", {"ground": "renotices_used_up", "reason": REASON}, at(S.PROCUREMENT, *tendered("O-KR", "O-2", renotices=2), failed_with("O-KR")), at(S.PROCUREMENT, *tendered("O-KR", "O-2", renotices=2), failed_with("O-KR", "O-2")), {}),
    ("procurement_has_failed",    "fail_procurement", {"ground": "money_withdrawn", "reason": REASON}, at(S.PROCUREMENT),     at(S.PROCUREMENT), {"evidence": [HASH]}),
    ("less_and_in_range",         "reduce_award",   {"krw": 399_999_999, "reason": REASON}, at(S.SELECTED, rich),             at(S.SELECTED, rich), {"krw": 400_000_000}),
    ("less_and_in_range",         "reduce_award",   {"krw": 500_000_000, "reason": REASON}, at(S.SELECTED, rich),             at(S.SELECTED, rich), {"krw": 499_999_999}),
    ("own_contract",              "submit_final",   {"deliverables": [MASTER]}, at(S.IMPLEMENTATION, planned),                 at(S.IMPLEMENTATION, planned), FIRM),
    ("own_contract",              "set_plan",       {"milestones": PLAN},        at(S.IMPLEMENTATION),                        at(S.IMPLEMENTATION), DESK),
    ("plan_accepted",             "submit_final",   FIRM | {"deliverables": [MASTER]}, at(S.IMPLEMENTATION),                  at(S.IMPLEMENTATION, planned), {}),
    ("plan_accepted",             "change_scope",   SCOPE,                       at(S.IMPLEMENTATION),                        at(S.IMPLEMENTATION, planned), {}),
    ("deliverables_listed",       "submit_final",   FIRM | {"deliverables": []}, at(S.IMPLEMENTATION, planned),               at(S.IMPLEMENTATION, planned), {"deliverables": [MASTER]}),
    ("deliverables_listed",       "submit_final",   FIRM | {"deliverables": [MASTER, {"kind": "poem", "sha256": HASH}]}, at(S.IMPLEMENTATION, planned), at(S.IMPLEMENTATION, planned), {"deliverables": [MASTER]}),
    ("deliverables_listed",       "submit_final",   FIRM | {"deliverables": [MASTER]}, at(S.IMPLEMENTATION, with_plan(final_of("feasibility_study"))), at(S.IMPLEMENTATION, with_plan(final_of("feasibility_study"))), {"deliverables": [{"kind": "feasibility_study", "sha256": HASH}]}),
    ("no_plan_accepted",          "set_plan",       DESK | {"milestones": PLAN}, at(S.IMPLEMENTATION, planned),               at(S.IMPLEMENTATION), {}),
    ("final_report_last",         "set_plan",       DESK | {"milestones": PLAN[:1]}, at(S.IMPLEMENTATION),                   at(S.IMPLEMENTATION), {"milestones": PLAN}),
    ("final_report_last",         "set_plan",       DESK | {"milestones": [PLAN[0], *PLAN]}, at(S.IMPLEMENTATION),           at(S.IMPLEMENTATION), {"milestones": PLAN}),
    ("days_in_order",             "set_plan",       DESK | {"milestones": [PLAN[0] | {"due_on": date(2022, 6, 2)}, PLAN[1]]}, at(S.IMPLEMENTATION), at(S.IMPLEMENTATION), {"milestones": [PLAN[0] | {"due_on": date(2022, 6, 1)}, PLAN[1]]}),
    ("days_in_order",             "set_plan",       DESK | {"milestones": [PLAN[0], PLAN[1] | {"due_on": date(2022, 7, 1)}]}, at(S.IMPLEMENTATION), at(S.IMPLEMENTATION), {"milestones": [PLAN[0], PLAN[1] | {"due_on": date(2022, 6, 30)}]}),
    ("days_in_order",             "set_plan",       DESK | {"milestones": [PLAN[0] | {"due_on": date(2021, 6, 19)}, PLAN[1]]}, at(S.IMPLEMENTATION), at(S.IMPLEMENTATION), {"milestones": [PLAN[0] | {"due_on": date(2021, 6, 20)}, PLAN[1]]}),
    ("plan_within_contract",      "set_plan",       DESK | {"milestones": [PLAN[0] | {"krw": 60_000_001}, PLAN[1]]}, at(S.IMPLEMENTATION), at(S.IMPLEMENTATION), {"milestones": [PLAN[0] | {"krw": 60_000_000}, PLAN[1]]}),
    ("rests_on_deliverables",     "set_plan",       DESK | {"milestones": [PLAN[0] | {"deliverables": ["poem"]}, PLAN[1]]}, at(S.IMPLEMENTATION), at(S.IMPLEMENTATION), {"milestones": PLAN}),
    ("plan_waits",                "accept_plan",    {"plan": 99},                at(S.IMPLEMENTATION, plan_set),              at(S.IMPLEMENTATION, plan_set), {"plan": "number"}),
    ("plan_waits",                "accept_plan",    {"plan": 1},                 at(S.IMPLEMENTATION),                        at(S.IMPLEMENTATION, plan_set), {"plan": "number"}),
    ("not_who_set_it",            "accept_plan",    {"plan": "number"},          at(S.IMPLEMENTATION, do("set_plan", Role.DESK, milestones=PLAN), noted), at(S.IMPLEMENTATION, do("set_plan", Role.DESK, milestones=PLAN), noted), {"person": "P-DESK-2"}),
    ("evidence_attached",         "change_scope",   SCOPE | {"evidence": []},    at(S.IMPLEMENTATION, planned),               at(S.IMPLEMENTATION, planned), {"evidence": [HASH]}),
    ("accepted_kept",             "change_scope",   SCOPE,                       at(S.IMPLEMENTATION, with_plan(PLAN), reached), at(S.IMPLEMENTATION, with_plan(PLAN), reached), {"milestones": [PLAN[0], PLAN[1] | {"krw": 60_000_000}]}),
    ("month_of_the_work",         "report",         REPORT | {"month": "2021-05"}, at(S.IMPLEMENTATION),                      at(S.IMPLEMENTATION), {"month": "2021-06"}),
    ("month_of_the_work",         "report",         REPORT | {"month": "2021-07"}, at(S.IMPLEMENTATION),                      at(S.IMPLEMENTATION, lambda c: c.until(seoul(2021, 7, 1))), {}),
    ("month_of_the_work",         "report",         REPORT | {"kind": "interim", "month": "2021-11"}, at(S.IMPLEMENTATION, lambda c: c.until(seoul(2022, 1, 1))), at(S.IMPLEMENTATION, lambda c: c.until(seoul(2022, 1, 1))), {"month": "2021-12"}),
    ("report_not_recorded",       "report",         REPORT,                      at(S.IMPLEMENTATION, do("report", **REPORT)), at(S.IMPLEMENTATION), {}),
    ("reports_a_milestone",       "report",         REPORT | {"milestone": "part_1"}, at(S.IMPLEMENTATION, planned),          at(S.IMPLEMENTATION, planned), {"deliverables": [{"kind": "basic_concept", "sha256": HASH}]}),
    ("reports_a_milestone",       "report",         REPORT | {"milestone": "part_1", "deliverables": [{"kind": "basic_concept", "sha256": HASH}]}, at(S.IMPLEMENTATION, planned, reached), at(S.IMPLEMENTATION, planned), {}),
    ("reports_a_milestone",       "report",         REPORT | {"milestone": "final_report"}, at(S.IMPLEMENTATION, planned),    at(S.IMPLEMENTATION, planned), {"milestone": None}),
    ("reports_a_milestone",       "report",         REPORT | {"deliverables": [MASTER]}, at(S.IMPLEMENTATION, planned),       at(S.IMPLEMENTATION, planned), {"deliverables": []}),
    ("done_by_today",             "visit_site",     VISIT | {"done_on": date(2021, 6, 21)}, at(S.IMPLEMENTATION),             at(S.IMPLEMENTATION), {"done_on": date(2021, 6, 20)}),
    ("done_by_today",             "visit_site",     VISIT | {"done_on": date(2021, 6, 19)}, at(S.IMPLEMENTATION),             at(S.IMPLEMENTATION), {"done_on": date(2021, 6, 20)}),
    ("done_by_today",             "pay",            {"claim": 1, "done_on": date(2021, 6, 20), "evidence": [HASH]}, at(S.IMPLEMENTATION, planned, reached, wait(days=1), accepted()), at(S.IMPLEMENTATION, planned, reached, wait(days=1), accepted()), {"done_on": date(2021, 6, 21)}),
    ("milestone_reported",        "accept_milestone", {"milestone": "part_1", "evidence": [HASH]}, at(S.IMPLEMENTATION, planned), at(S.IMPLEMENTATION, planned, reported), {}),
    ("milestone_reported",        "accept_milestone", {"milestone": "part_1", "evidence": [HASH]}, at(S.IMPLEMENTATION, planned, reached), at(S.IMPLEMENTATION, planned, reported), {}),
    ("evidence_attached",         "accept_milestone", {"milestone": "part_1"},   at(S.IMPLEMENTATION, planned, reported),     at(S.IMPLEMENTATION, planned, reported), {"evidence": [HASH]}),
    ("not_who_reported_it",       "accept_milestone", {"milestone": "part_1", "evidence": [HASH], "person": "P-SIGN-O-KR"}, at(S.IMPLEMENTATION, planned, reported), at(S.IMPLEMENTATION, planned, reported), {"person": "P-DESK"}),
    ("milestones_accepted",       "accept_final",   {},                          at(S.IMPLEMENTATION, planned, handed_in, agreed), at(S.IMPLEMENTATION, planned, reached, handed_in, agreed), {}),
    ("not_who_reported_it",       "accept_final",   {"person": "P-SIGN-O-KR"},   at(S.ACCEPTANCE, agreed),                    at(S.ACCEPTANCE, agreed), {"person": "P-DESK"}),
    ("evidence_attached",         "approve_subcontract", SUBCONTRACT | {"evidence": []}, at(S.IMPLEMENTATION),               at(S.IMPLEMENTATION), {"evidence": [HASH]}),
    ("subcontracts_within_contract", "approve_subcontract", SUBCONTRACT | {"krw": 60_000_001}, at(S.IMPLEMENTATION, do("approve_subcontract", **SUBCONTRACT)), at(S.IMPLEMENTATION, do("approve_subcontract", **SUBCONTRACT)), {"krw": 60_000_000}),
    ("own_contract",              "claim",          CLAIM | {"role": Role.CONTRACTOR, "person": "P-OTHER-FIRM"}, at(S.IMPLEMENTATION, planned, reached), at(S.IMPLEMENTATION, planned, reached), FIRM),
    ("evidence_attached",         "claim",          CLAIM | {"evidence": []},    at(S.IMPLEMENTATION, planned, reached),      at(S.IMPLEMENTATION, planned, reached), {"evidence": [HASH]}),
    ("claim_numbered_anew",       "claim",          CLAIM | {"krw": 1},          at(S.IMPLEMENTATION, planned, reached, claimed(1)), at(S.IMPLEMENTATION, planned, reached, claimed(1)), {"claim": 2}),
    ("milestone_accepted",        "claim",          CLAIM,                       at(S.IMPLEMENTATION, planned, reported),     at(S.IMPLEMENTATION, planned, reached), {}),
    ("within_milestone",          "claim",          CLAIM | {"claim": 2, "krw": 10_000_001}, at(S.IMPLEMENTATION, planned, reached, claimed(30_000_000)), at(S.IMPLEMENTATION, planned, reached, claimed(30_000_000)), {"krw": 10_000_000}),
    ("claims_within_contract",    "claim",          CLAIM | {"krw": 40_000_000}, at(S.IMPLEMENTATION, planned, reached, contract_of(39_999_999)), at(S.IMPLEMENTATION, planned, reached, contract_of(40_000_000)), {}),
    ("payee_of_the_contract",     "claim",          CLAIM | {"payee": "O-SUB"},  at(S.IMPLEMENTATION, planned, reached, do("approve_subcontract", **SUBCONTRACT)), at(S.IMPLEMENTATION, planned, reached), {"payee": "O-KR"}),
    ("payee_korean",              "claim",          CLAIM | {"country": "GE"},   at(S.IMPLEMENTATION, planned, reached),      at(S.IMPLEMENTATION, planned, reached), {"country": "KR"}),
    ("payee_korean",              "pay",            PAYMENT,                     at(S.IMPLEMENTATION, planned, reached, accepted(), claim_with(country="GE")), at(S.IMPLEMENTATION, planned, reached, accepted()), {}),
    ("claim_waits",               "accept_claim",   {"claim": 1, "evidence": [HASH]}, at(S.IMPLEMENTATION, planned, reached, accepted()), at(S.IMPLEMENTATION, planned, reached, claimed()), {}),
    ("claim_waits",               "reject_claim",   {"claim": 2, "reason": REASON}, at(S.IMPLEMENTATION, planned, reached, claimed()), at(S.IMPLEMENTATION, planned, reached, claimed()), {"claim": 1}),
    ("evidence_attached",         "accept_claim",   {"claim": 1},                at(S.IMPLEMENTATION, planned, reached, claimed()), at(S.IMPLEMENTATION, planned, reached, claimed()), {"evidence": [HASH]}),
    ("not_the_claimant",          "accept_claim",   {"claim": 1, "evidence": [HASH], "person": "P-SIGN-O-KR"}, at(S.IMPLEMENTATION, planned, reached, claimed()), at(S.IMPLEMENTATION, planned, reached, claimed()), {"person": "P-DESK"}),
    ("reason_given",              "reject_claim",   {"claim": 1},                at(S.IMPLEMENTATION, planned, reached, claimed()), at(S.IMPLEMENTATION, planned, reached, claimed()), {"reason": REASON}),
    ("claim_accepted",            "pay",            PAYMENT,                     at(S.IMPLEMENTATION, planned, reached, claimed()), at(S.IMPLEMENTATION, planned, reached, accepted()), {}),
    ("claim_accepted",            "pay",            PAYMENT,                     at(S.IMPLEMENTATION, planned, reached, paid()), at(S.IMPLEMENTATION, planned, reached, accepted()), {}),
    ("neither_claimant_nor_accepter", "pay",        PAYMENT | {"person": "P-SIGN-O-KR"}, at(S.IMPLEMENTATION, planned, reached, accepted()), at(S.IMPLEMENTATION, planned, reached, accepted()), {"person": "P-FINANCE"}),
    ("neither_claimant_nor_accepter", "pay",        PAYMENT | {"person": "P-DESK"}, at(S.IMPLEMENTATION, planned, reached, accepted()), at(S.IMPLEMENTATION, planned, reached, accepted()), {"person": "P-FINANCE"}),
    ("payments_within_contract",  "pay",            PAYMENT,                     at(S.IMPLEMENTATION, planned, reached, accepted(), contract_of(39_999_999)), at(S.IMPLEMENTATION, planned, reached, accepted(), contract_of(40_000_000)), {}),
    ("evidence_attached",         "pay",            PAYMENT | {"evidence": []},  at(S.IMPLEMENTATION, planned, reached, accepted()), at(S.IMPLEMENTATION, planned, reached, accepted()), {"evidence": [HASH]}),
    ("claims_decided",            "replace_contractor", OTHER,                   at(S.IMPLEMENTATION, planned, reached, claimed(), joined), at(S.IMPLEMENTATION, planned, reached, accepted(), joined), {"due_krw": 40_000_000}),
    ("accepted_claimed",          "replace_contractor", OTHER | {"due_krw": 39_999_999}, at(S.IMPLEMENTATION, planned, reached, accepted(39_999_999), joined), at(S.IMPLEMENTATION, planned, reached, accepted(39_999_999), joined, accepted(1)), {"due_krw": 40_000_000}),
    ("accepted_claimed",          "replace_contractor", OTHER | {"due_krw": 39_999_999}, at(S.IMPLEMENTATION, planned, reached, accepted(39_999_999), contract_of(40_000_000), joined), at(S.IMPLEMENTATION, planned, reached, accepted(39_999_999), contract_of(40_000_000), joined, contract_of(39_999_999)), {"krw": 0}),
    ("sums_as_recorded",          "replace_contractor", OTHER | {"paid_krw": 40_000_000}, at(S.IMPLEMENTATION, planned, reached, accepted(), joined), at(S.IMPLEMENTATION, planned, reached, accepted(), joined), {"paid_krw": 0, "due_krw": 40_000_000}),
    ("another_contractor",        "replace_contractor", OTHER | {"contractor": "O-KR"}, at(S.IMPLEMENTATION, joined),         at(S.IMPLEMENTATION, joined), {"contractor": "O-KR-2"}),
    ("contractor_korean",         "replace_contractor", OTHER | {"country": "GE"}, at(S.IMPLEMENTATION, joined),              at(S.IMPLEMENTATION, joined), {"country": "KR"}),
    ("contractor_acceded",        "replace_contractor", OTHER,                   at(S.SUSPENDED),                             at(S.IMPLEMENTATION, joined), {}),
    ("within_what_is_left",       "replace_contractor", OTHER | {"due_krw": 40_000_000, "krw": 60_000_001}, at(S.IMPLEMENTATION, planned, reached, accepted(), joined), at(S.IMPLEMENTATION, planned, reached, accepted(), joined), {"krw": 60_000_000}),
    ("evidence_attached",         "replace_contractor", OTHER | {"evidence": []}, at(S.IMPLEMENTATION, joined),               at(S.IMPLEMENTATION, joined), {"evidence": [HASH]}),
    ("speaks_for_the_host",       "agree_acceptance", HOST | {"person": "P-SIGN-MOLIT"}, at(S.ACCEPTANCE),                    at(S.ACCEPTANCE), {"person": "P-SIGN-CITY"}),
    ("signs_for_no_side_else",    "agree_acceptance", {"role": Role.DESK, "minutes": HASH, "person": "P-SIGN-CITY"}, at(S.ACCEPTANCE),           at(S.ACCEPTANCE), {"person": "P-DESK"}),
    ("accepts_once",              "agree_acceptance", HOST,                      at(S.ACCEPTANCE, do("agree_acceptance", **HOST)), at(S.ACCEPTANCE, do("agree_acceptance", **HOST)), {"minutes": "c" * 64}),
    ("same_acceptance",           "agree_acceptance", HOST | {"minutes": "c" * 64}, at(S.ACCEPTANCE, do("agree_acceptance", Role.DESK, minutes=HASH)), at(S.ACCEPTANCE, do("agree_acceptance", Role.DESK, minutes=HASH)), {"minutes": HASH}),
    ("acceptance_agreed",         "accept_final",   {},                          at(S.ACCEPTANCE, do("agree_acceptance", Role.DESK, minutes=HASH)), at(S.ACCEPTANCE, agreed), {}),
    ("names_what_is_missing",     "return_final",   {"missing": []},             at(S.ACCEPTANCE),                            at(S.ACCEPTANCE), {"missing": ["annex"]}),
    ("later_than_the_end",        "extend",         {"ends_on": date(2022, 6, 30), "ground": "scale"}, at(S.IMPLEMENTATION),    at(S.IMPLEMENTATION), {"ends_on": date(2022, 7, 1)}),
    ("later_than_the_end",        "extend",         {"ends_on": date(2022, 3, 31), "ground": "scale"}, at(S.IMPLEMENTATION),   at(S.IMPLEMENTATION), {"ends_on": date(2022, 7, 1)}),
    ("ends_in_the_future",        "extend",         {"ends_on": date(2022, 8, 31), "ground": "scale"}, at(S.IMPLEMENTATION, at_instant(seoul(2022, 9, 1))), at(S.IMPLEMENTATION, at_instant(seoul(2022, 9, 1) - INSTANT)), {}),
    ("reason_known",              "extend",         {"ends_on": date(2022, 7, 1), "ground": "laziness"}, at(S.IMPLEMENTATION), at(S.IMPLEMENTATION), {"ground": "scale"}),
    ("notice_period_long_enough", "notify_termination", {"ends_at": seoul(2030, 1, 31), "reason": REASON}, at(S.IMPLEMENTATION, at_instant(seoul(2030, 1, 1) + INSTANT)), at(S.IMPLEMENTATION, at_instant(seoul(2030, 1, 1))), {}),
    ("notice_not_shortened",      "notify_termination", {"ends_at": seoul(2030, 1, 31), "reason": REASON}, at(S.IMPLEMENTATION, given_notice(seoul(2030, 1, 31) + INSTANT)), at(S.IMPLEMENTATION, given_notice(seoul(2030, 1, 31))), {}),
    ("notice_given",              "withdraw_termination", {"reason": REASON},    at(S.IMPLEMENTATION),                        at(S.IMPLEMENTATION, noticed(1)), {}),
    ("notice_over",               "terminate",      {},                          at(S.IMPLEMENTATION, noticed(30), wait(microseconds=-1)), at(S.IMPLEMENTATION, noticed(30)), {}),
    ("settlement_recorded",       "close",          {"grade": "good", "filed": True}, at(S.SETTLEMENT),                       at(S.SETTLEMENT, do("record_settlement", evidence=[HASH])), {}),
    ("settlement_adds_up",        "record_settlement", {"evidence": [HASH]},     at(S.IMPLEMENTATION, planned, reached, paid()), at(S.IMPLEMENTATION, planned, reached, paid()), {"paid_krw": 40_000_000}),
    ("settlement_adds_up",        "record_settlement", {"evidence": [HASH]},     at(S.IMPLEMENTATION, planned, reached, accepted()), at(S.IMPLEMENTATION, planned, reached, accepted()), {"due_krw": 40_000_000}),
    ("settlement_adds_up",        "record_settlement", {"evidence": [HASH]},     at(S.IMPLEMENTATION, planned, reached, claimed()), at(S.IMPLEMENTATION, planned, reached), {}),
    ("settlement_adds_up",        "record_settlement", {"evidence": [HASH], "paid_krw": 40_000_000, "refund_krw": 40_000_001}, at(S.IMPLEMENTATION, planned, reached, paid()), at(S.IMPLEMENTATION, planned, reached, paid()), {"refund_krw": 40_000_000}),
    ("settlement_adds_up",        "record_settlement", {"evidence": [HASH], "paid_krw": 30_000_000, "due_krw": 10_000_000, "refund_krw": 1}, at(S.IMPLEMENTATION, planned, reached, paid(30_000_000), accepted(10_000_000)), at(S.IMPLEMENTATION, planned, reached, paid(30_000_000), accepted(10_000_000)), {"refund_krw": 0}),
    ("settlement_adds_up",        "record_settlement", {"evidence": [HASH], "due_krw": 40_000_000}, at(S.IMPLEMENTATION, planned, reached, accepted(), contract_of(39_999_999)), at(S.IMPLEMENTATION, planned, reached, accepted(), contract_of(40_000_000)), {}),
    ("settlement_adds_up",        "record_settlement", {"evidence": [HASH], "paid_krw": 40_000_000, "refund_krw": 4}, at(S.SETTLEMENT, refunding(5), do("recover", **REFUND | {"krw": 5})), at(S.SETTLEMENT, refunding(5), do("recover", **REFUND | {"krw": 5})), {"refund_krw": 5}),
    ("evidence_attached",         "record_settlement", {},                       at(S.SETTLEMENT),                            at(S.SETTLEMENT), {"evidence": [HASH]}),
    ("evidence_attached",         "recover",        REFUND | {"evidence": []},   at(S.SETTLEMENT, refunding(5)),              at(S.SETTLEMENT, refunding(5)), {"evidence": [HASH]}),
    ("within_refund",             "recover",        REFUND | {"krw": 6},         at(S.SETTLEMENT, refunding(5)),              at(S.SETTLEMENT, refunding(5)), {"krw": 5}),
    ("within_refund",             "write_off",      {"krw": 6, "reason": REASON}, at(S.SETTLEMENT, refunding(5)),             at(S.SETTLEMENT, refunding(5)), {"krw": 5}),
    ("done_by_today",             "recover",        REFUND | {"done_on": date(2021, 6, 21)}, at(S.SETTLEMENT, refunding(5)),  at(S.SETTLEMENT, refunding(5)), {"done_on": date(2021, 6, 20)}),
    ("settlement_recorded",       "close",          GRADED,                      at(S.SETTLEMENT, do("record_settlement", evidence=[HASH]), final_claimed), at(S.SETTLEMENT, final_claimed, final_settled, final_paid), {}),
    ("settlement_recorded",       "close",          GRADED,                      at(S.SETTLEMENT, long_stop_over),            at(S.SETTLEMENT, long_stop_over), {"reason": REASON}),
    ("settlement_recorded",       "close",          GRADED | {"reason": REASON}, at(S.SETTLEMENT, ladder_off("settlement_long_stop")), at(S.SETTLEMENT, long_stop_over), {}),
    ("accepted_paid",             "close",          GRADED,                      at(S.SETTLEMENT, final_claimed, final_settled), at(S.SETTLEMENT, final_claimed, final_settled, final_paid), {}),
    ("accepted_paid",             "close",          GRADED | {"reason": REASON},  at(S.SETTLEMENT, final_claimed, final_settled, long_stop_over), at(S.SETTLEMENT, final_claimed, final_settled, final_paid, long_stop_over), {}),
    ("nothing_to_recover",        "close",          GRADED,                      at(S.SETTLEMENT, refunding(5)),              at(S.SETTLEMENT, refunding(5), written_off(5)), {}),
    ("nothing_to_recover",        "close",          GRADED,                      at(S.SETTLEMENT, refunding(5), long_stop_over), at(S.SETTLEMENT, refunding(5), long_stop_over), {"reason": REASON}),
    ("documents_filed",           "close",          GRADED,                      at(S.SETTLEMENT, do("record_settlement", evidence=[HASH]), without_the_studys_hash), at(S.SETTLEMENT, do("record_settlement", evidence=[HASH])), {}),
    ("documents_filed",           "close",          {"grade": "good", "filed": False}, at(S.SETTLEMENT, do("record_settlement", evidence=[HASH])), at(S.SETTLEMENT, do("record_settlement", evidence=[HASH])), {"filed": True}),
    ("came_to_it_before",         "adopt_at_framework", RUNS | {"since": date(2020, 2, 6)}, running,                          running, {"since": date(2020, 2, 5)}),
    ("signatures_known",          "adopt_at_procurement", RUNS | {"parties": SIGNED[:1]}, running,                            running, {"parties": SIGNED}),
    ("signatures_known",          "adopt_at_procurement", RUNS | {"parties": [SIGNED[0], SIGNED[1] | {"signed_on": None}]}, running, running, {"parties": SIGNED}),
    ("signatures_known",          "adopt_at_procurement", RUNS | {"parties": SIGNED, "framework": None}, running,               running, {"framework": HASH}),
    ("contract_known",            "adopt_at_implementation", AT_WORK | {"paid_krw": 300_000_001}, running,                    running, {"paid_krw": 300_000_000}),
    ("signatures_known",          "adopt_at_framework", RUNS | {"parties": [SIGNED[0] | {"signed_on": date(2030, 1, 1)}]}, running, running, {"parties": SIGNED[:1]}),
    ("signatures_known",          "adopt_at_framework", RUNS | {"parties": SIGNED, "framework": None}, running,                 running, {"framework": HASH}),
    ("contract_known",            "adopt_at_framework", RUNS | {"paid_krw": 1},           running,                                     running, {"paid_krw": 0}),
    ("contract_known",            "adopt_at_implementation", AT_WORK | {"contract": CONTRACT | {"signed_on": date(2030, 1, 1)}}, running, running, {"contract": CONTRACT}),
    ("signatures_known",          "adopt_at_framework", RUNS | {"parties": [*SIGNED, SIGNED[0]]}, running,                    running, {"parties": []}),
    ("contract_known",            "adopt_at_implementation", AT_WORK | {"contract": None}, running,                           running, {"contract": CONTRACT}),
    ("contract_known",            "adopt_at_implementation", AT_WORK | {"ends_on": None}, running,                            running, {"ends_on": date(2021, 3, 31)}),
    ("contract_known",            "adopt_at_suspended", AT_WORK | {"contract": CONTRACT | {"krw": 300_000_001}}, running, running, {"contract": CONTRACT}),
    ("contract_korean",           "adopt_at_implementation", AT_WORK | {"contract": CONTRACT | {"country": "GE"}}, running,   running, {"contract": CONTRACT | {"country": None}}),
    ("result_known",              "adopt_at_acceptance", AT_WORK,                running,                                     running, {"deliverables": STUDY}),
    ("result_known",              "adopt_at_closed", AT_WORK | {"deliverables": STUDY, "settled": True}, running,             running, {"grade": "good"}),
    ("result_known",              "adopt_at_closed", AT_WORK | {"deliverables": STUDY, "grade": "good"}, running,             running, {"settled": True}),
    ("in_writing",                "adopt_at_framework", RUNS | {"evidence": []}, running,                                     running, {"evidence": [HASH]}),
    ("programme_known",           "adopt_at_framework", RUNS | {"programme": "demonstration"}, running,                       running, {"programme": "solution"}),
    ("kind_of_follow_up",         "follow_up",      BECAME | {"kind": "party"},  at(S.CLOSED),                                at(S.CLOSED), {"kind": "ppp"}),
    ("bank_named",                "follow_up",      BECAME | {"kind": "ministry_with_development_bank"}, at(S.CLOSED),        at(S.CLOSED), {"partners": ["O-BANK"]}),
    ("in_writing",                "follow_up",      BECAME | {"evidence": []},   at(S.CLOSED),                                at(S.CLOSED), {"evidence": [HASH]}),
    ("supersedes_a_follow_up",    "supersede_follow_up", BECAME | {"supersedes": 1, "reason": REASON}, at(S.CLOSED, followed_up), at(S.CLOSED, followed_up), {"supersedes": "number"}),
    ("kind_of_follow_up",         "supersede_follow_up", BECAME | {"kind": "party", "supersedes": "number", "reason": REASON}, at(S.CLOSED, followed_up), at(S.CLOSED, followed_up), {"kind": "ppp"}),
    ("bank_named",                "supersede_follow_up", BECAME | {"kind": "ministry_with_development_bank", "supersedes": "number", "reason": REASON}, at(S.CLOSED, followed_up), at(S.CLOSED, followed_up), {"partners": ["O-BANK"]}),
    ("reason_given",              "supersede_follow_up", BECAME | {"supersedes": "number"}, at(S.CLOSED, followed_up),            at(S.CLOSED, followed_up), {"reason": REASON}),
    ("corrects_an_entry",         "correct",        {"supersedes": 1, "field": "received_at", "value": "0021-04-20T09:00:00+09:00", "reason": REASON}, at(S.RECEIVED), at(S.RECEIVED), {"value": "2021-04-20T09:00:00+09:00"}),
    ("corrects_an_entry",         "correct",        {"supersedes": 2, "field": "city", "value": "x", "reason": REASON}, at(S.RECEIVED), at(S.RECEIVED), {"supersedes": 1}),
    ("made_in_error",             "return_to_screening", {"reason": REASON},     at(S.PAPER_REVIEW, seal(80)),                at(S.PAPER_REVIEW), {}),
    ("places_left_to_the_edition", "return_to_shortlisted", {"reason": REASON},  at(S.RESERVE),                               at(S.NOT_SELECTED), {}),
    ("waiting_proposal",          "retract_proposal", {"role": Role.DESK, "proposal": 1, "reason": REASON}, at(S.SCREENING),  at(S.SCREENING, do("declare_ineligible", item="government"), lambda c: setattr(c, "number", len(c.entries))), {"proposal": "number"}),
    ("late_is_deferred",          "defer",          {},                          received(CLOSES),                            lambda: _late_in("rehearsal"), {}),
    ("late_is_refused",           "refuse_late",    {},                          lambda: _late_in("rehearsal"),               received(CLOSES), {}),
    ("judged_on_route",           "void_sheet",     {"reviewer": "P-REV-1", "step": "paper_review", "reason": REASON}, lambda: _at_confirmation("demonstration", "2021"), lambda: _at_confirmation("twinning", "rehearsal"), {}),
    ("on_route",                  "reopen_presentation", {},                     at(S.NOT_SELECTED, upheld("consultation")),  at(S.NOT_SELECTED, upheld("presentation"), programme="demonstration"), {}),
    ("score_as_decided",          "select",         {"krw": 400_000_000, "rank": 1, "score": "77"}, at(S.SHORTLISTED),         at(S.SHORTLISTED), {"score": "80"}),
    ("score_as_decided",          "place_on_reserve", {"score": "161/2"},          at(S.SHORTLISTED),                      at(S.SHORTLISTED), {"score": "160/2"}),
    ("score_as_decided",          "promote",        {"krw": 400_000_000, "rank": 1, "score": "79"}, at(S.RESERVE),             at(S.RESERVE), {"score": "80"}),
    ("sheets_complete",           "pass_over",      {},                          at(S.SHORTLISTED, voided("P-REV-1")),    at(S.SHORTLISTED), {}),
    ("not_above_the_line",        "pass_over",      {"last": "239/3"},           at(S.SHORTLISTED),                      at(S.SHORTLISTED), {"last": "80"}),
    ("judged_in_full",            "place_on_reserve", {},                        at(S.SHORTLISTED, lambda c: setattr(c.file.carried, "application", c.facts.model_copy(update={"reviews": {}}))), at(S.SHORTLISTED), {}),
    ("not_frozen",                "acknowledge",    {},                          at(S.RECEIVED, frozen()),                    at(S.RECEIVED, frozen(), thawed()), {}),
    ("of_the_country",            "freeze",         {"countries": ["TR"], "from_at": CLOSES, "reason": REASON}, at(S.SCREENING), at(S.SCREENING), {"countries": ["TR", "GE"]}),
    ("not_frozen_by_it",          "freeze",         {"from_at": CLOSES, "reason": REASON}, at(S.SCREENING, frozen()),      at(S.SCREENING, frozen("GE")), {}),
    ("frozen_by_it",              "unfreeze",       {"thawed_at": CLOSES, "reason": REASON}, at(S.SCREENING, frozen("GE")), at(S.SCREENING, frozen()), {}),
    ("another_who_may_approve",   "refuse_proposal", {"role": Role.CHAIR, "reason": REASON, "proposal": "number"}, at(S.SCREENING, do("declare_ineligible", item="government"), lambda c: setattr(c, "number", len(c.entries))), at(S.SCREENING, do("declare_ineligible", item="government"), lambda c: setattr(c, "number", len(c.entries))), {"role": Role.HEAD}),
    ("the_proposer",              "retract_proposal", {"role": Role.HEAD, "reason": REASON, "proposal": "number"}, at(S.SCREENING, do("declare_ineligible", item="government"), lambda c: setattr(c, "number", len(c.entries))), at(S.SCREENING, do("declare_ineligible", item="government"), lambda c: setattr(c, "number", len(c.entries))), {"role": Role.DESK}),
]  # fmt: skip


def _no_others(case: Case):
    """The same edition, whose framework knows no other kinds."""
    edition = case.edition.model_dump(mode="json")
    for programme in edition["programmes"]:
        programme["framework"]["parties"].remove("other")
    return type(case.edition).model_validate(edition)


def _at_confirmation(programme: str, edition: str) -> Case:
    """Sealed on paper, and at a stage that only one of the routes has."""
    case = Case(programme, edition).to(Stage.PAPER_REVIEW)
    case.seal(80, 80, 80)
    case.file.carried.application = case.facts.model_copy(update={"stage": Stage.CONFIRMATION})
    return case


def _late_in(edition: str) -> Case:
    case = Case("twinning", edition)
    case.now = case.window.closes_at
    case.receive(received_at=case.window.closes_at)
    return case


def ask(case: Case, trigger: str, data: dict[str, Any]) -> None:
    data = {key: getattr(case, value) if value in ("number", "close") else value for key, value in data.items()}
    role = data.pop("role", None)
    if BY_EDITION[trigger]:
        case.ordered(trigger, **data)
    else:
        case.do(trigger, role, **data)


BY_EDITION = {move.trigger: move.sent_by is Via.EDITION for move in MOVES}


@pytest.mark.parametrize("passes", [False, True], ids=["refuses", "passes"])
@pytest.mark.parametrize(
    ("guard", "trigger", "data", "refused", "passing", "change"),
    BOUNDARIES,
    ids=[f"{n}-{row[0]}-{row[1]}" for n, row in enumerate(BOUNDARIES)],
)
def test_a_guard_at_its_boundary(guard, trigger, data, refused, passing, change, passes):
    case = passing() if passes else refused()
    before = case.facts

    with nullcontext() if passes else pytest.raises(GuardFailed) as refusal:
        ask(case, trigger, data | change if passes else data)
    if passes:
        assert case.entries[-1].outcome != "refused"
    else:
        assert (refusal.value.guard, case.entries[-1].refused.guard) == (guard, guard)
        assert refusal.value.missing
        assert case.facts == before


def test_every_guard_and_rule_of_the_table_stands_here():
    asked = {guard.__name__ for move in MOVES for guard in (*move.rules, *move.guards)}

    assert asked - {row[0] for row in BOUNDARIES} == set()
