"""What is published of a procurement: told step by step, and nothing that is nobody's business."""

import asyncio
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from pydantic import ValidationError

from kcity_flow.adapters.documents import Documents
from kcity_flow.audit.contracting import MINISTRY, package, record
from kcity_flow.audit.ocds import Record, Value
from kcity_flow.domain.messages import Batch, Outcome, StartEdition
from kcity_flow.domain.stages import Role, Stage
from kcity_flow.interfaces import cli
from kcity_flow.interfaces.cli import exporting
from kcity_flow.interfaces.exporting import written
from kcity_flow.interfaces.office import Office, stores
from kcity_flow.settings import Settings
from tests.unit.case import HASH, REASON, Case, seoul
from tests.unit.test_casefile import PROGRAMMES, wander

NAMES = {"O-KR": "Hanbit Consulting", "O-KR-2": "Narae Engineering", "O-TBILISI": "Tbilisi Works"}
PREFIX = "ocds-000000"


def told(case: Case, names: dict[str, str] = NAMES) -> Record:
    found = record(case.edition, case.entries, names, PREFIX)
    assert found is not None
    return found


def tags(case: Case) -> list[tuple[str, ...]]:
    return [release.tag for release in told(case).releases]


def stands(case: Case) -> dict[str, Any]:
    return told(case).compiledRelease.plain()


def last(case: Case) -> dict[str, Any]:
    return told(case).releases[-1].plain()


# --- step by step -----------------------------------------------------------------------------------------------------


def test_a_procurement_is_told_from_its_terms_to_the_end_of_the_contract() -> None:
    assert tags(Case().to(Stage.CLOSED)) == [
        ("planning",),
        ("tender",),
        ("tenderUpdate",),  # bids were opened
        ("tenderUpdate",),  # and evaluated
        ("award",),  # announced
        ("award", "contract"),
        ("contractUpdate",),  # the plan of the work
        ("implementation",),
        ("contractTermination",),
    ]


def test_what_is_told_adds_up_to_how_it_stands() -> None:
    case = Case().to(Stage.CLOSED)
    made = {entry.command: entry for entry in case.entries if entry.outcome is Outcome.MADE}
    at = {trigger: entry.model_dump(mode="json")["at"] for trigger, entry in made.items()}
    announced, number = made["announce_award"].number, made["award_contract"].number
    ministry, value = MINISTRY.plain(), {"amount": 100_000_000, "currency": "KRW"}
    supplier = {"id": "O-KR", "name": "Hanbit Consulting"}

    assert stands(case) == {
        "ocid": "ocds-000000-KC2021-PLA-0001",
        "id": f"ocds-000000-KC2021-PLA-0001-{at['close']}",
        "date": at["close"],
        "tag": ["compiled"],
        "initiationType": "tender",
        "language": "en",
        "parties": [{**ministry, "roles": ["buyer", "procuringEntity"]}, {**supplier, "roles": ["supplier"]}],
        "buyer": ministry,
        "planning": {
            "budget": {"amount": {"amount": 400_000_000, "currency": "KRW"}, "project": case.edition.title.en}
        },
        "tender": {
            "id": case.ref,
            "title": "A plan",
            "description": "Smart City Planning: Tbilisi, Georgia",
            "status": "complete",
            "procuringEntity": ministry,
            "procurementMethod": "open",
            "mainProcurementCategory": "services",
            "tenderPeriod": {"startDate": at["publish_notice"], "endDate": made["publish_notice"].data["closes_at"]},
            "numberOfTenderers": 2,
            "milestones": [
                {
                    "id": f"evaluation-{made['evaluate_bids'].number}",
                    "title": "Bids evaluated",
                    "type": "assessment",
                    "description": "Bids: 2; found valid: 2.",
                    "status": "met",
                    "dateMet": at["evaluate_bids"],
                }
            ],
        },
        "awards": [
            {
                "id": f"award-{announced}",
                "status": "active",
                "date": at["award_contract"],
                "value": value,
                "suppliers": [supplier],
            }
        ],
        "contracts": [
            {
                "id": f"contract-{number}",
                "awardID": f"award-{announced}",
                "status": "terminated",
                "dateSigned": at["award_contract"],
                "value": value,
                "period": {"startDate": at["award_contract"], "endDate": "2022-06-30T14:59:59.000000Z"},
                "implementation": {
                    "milestones": [
                        {
                            "id": "final-report",
                            "title": "Final report accepted",
                            "type": "delivery",
                            "status": "met",
                            "dueDate": "2021-07-20T14:59:59.000000Z",
                            "dateMet": at["accept_final"],
                        }
                    ]
                },
            }
        ],
    }


def test_without_a_tender_the_contractor_of_the_consortium_is_said_to_be_designated() -> None:
    case = Case("demonstration").to(Stage.IMPLEMENTATION)

    assert tags(case) == [("planning",), ("award", "contract")]
    assert stands(case)["tender"]["procurementMethod"] == "direct"
    assert stands(case)["awards"][0]["suppliers"] == [{"id": "O-TBILISI", "name": "Tbilisi Works"}]


def test_a_release_is_named_after_the_entry_it_tells_of() -> None:
    case = Case().to(Stage.PROCUREMENT)
    case.do("set_terms", evidence=[HASH])
    terms = case.entries[-1]

    assert [(r.id, r.date) for r in told(case).releases] == [(f"{terms.number}-{terms.hash[:12]}", terms.at)]


def test_a_notice_says_until_when_bids_are_taken() -> None:
    case = Case().to(Stage.PROCUREMENT)
    closes_at = case.now + timedelta(days=30)
    case.notice(days=30)

    period = told(case).releases[-1].tender.tenderPeriod
    assert (period.startDate, period.endDate, stands(case)["tender"]["status"]) == (case.now, closes_at, "active")


def test_a_renotice_says_why_and_takes_back_how_many_bid_before() -> None:
    case = Case().to(Stage.PROCUREMENT)
    case.tender(valid=("O-KR",))
    before = told(case).releases[-1].id
    case.do("renotice", closes_at=case.now + timedelta(days=15))

    tender = last(case)["tender"]
    assert (tags(case)[-1], tender["numberOfTenderers"]) == (("tenderAmendment",), None)
    assert "numberOfTenderers" not in stands(case)["tender"]
    [amendment] = tender["amendments"]
    assert amendment["rationale"] == "Fewer than 2 bids were found valid; bids are invited anew."
    assert (amendment["amendsReleaseID"], amendment["releaseID"]) == (before, last(case)["id"])


def test_every_evaluation_stays() -> None:
    case = Case().to(Stage.PROCUREMENT)
    case.tender(valid=("O-KR",))
    case.tender(valid=("O-KR", "O-KR-2"), notice="renotice")

    assert [one["description"] for one in stands(case)["tender"]["milestones"]] == [
        "Bids: 1; found valid: 1.",
        "Bids: 2; found valid: 2.",
    ]


def used_up() -> Case:
    case = Case().to(Stage.PROCUREMENT)
    case.tender(valid=())
    case.tender(valid=(), notice="renotice")
    case.tender(valid=(), notice="renotice")
    case.two("fail_procurement", ground="renotices_used_up", reason=REASON)
    return case


def unfunded() -> Case:
    case = Case().to(Stage.PROCUREMENT)
    case.do("set_terms", evidence=[HASH])
    case.two("fail_procurement", ground="money_withdrawn", evidence=[HASH], reason=REASON)
    return case


def withdrawn() -> Case:
    case = Case().to(Stage.PROCUREMENT)
    case.do("set_terms", evidence=[HASH])
    case.do("withdraw", evidence=[HASH])
    return case


@pytest.mark.parametrize(
    ("fails", "status"), [(used_up, "unsuccessful"), (unfunded, "cancelled"), (withdrawn, "cancelled")]
)
def test_a_search_that_finds_nobody_is_told(fails: Callable[[], Case], status: str) -> None:
    case = fails()

    assert tags(case)[-1] == ("tenderCancellation",)
    assert stands(case)["tender"]["status"] == status
    assert "contracts" not in stands(case)


def test_an_extension_names_its_ground_and_the_last_second_of_the_work() -> None:
    case = Case().to(Stage.IMPLEMENTATION)
    case.two("extend", ends_on=date(2022, 9, 30), ground="covid_19", reason=REASON)

    [contract] = last(case)["contracts"]
    assert tags(case)[-1] == ("contractAmendment",)
    assert contract["period"] == {"endDate": "2022-09-30T14:59:59.000000Z"}
    assert contract["amendments"][0]["rationale"] == "The work is given more time; the ground is: covid 19."


def test_a_pause_is_told_when_the_work_goes_on_by_what_the_end_moves() -> None:
    case = Case().to(Stage.SUSPENDED)
    before = tags(case)
    case.wait(days=12)
    case.do("resume", reason=REASON)

    [contract] = last(case)["contracts"]
    assert tags(case) == [*before, ("contractAmendment",)]
    assert contract["period"] == {"endDate": "2022-07-12T14:59:59.000000Z"}
    assert contract["amendments"][0]["rationale"] == "The work was suspended; its end moves by as many days: 12."


def test_a_pause_that_moves_no_day_is_not_told() -> None:
    case = Case().to(Stage.SUSPENDED)
    before = tags(case)
    case.do("resume", reason=REASON)

    assert tags(case) == before


def working() -> Case:
    """Under a plan of which the first milestone was accepted."""
    return Case().to(Stage.IMPLEMENTATION).planned(40_000_000, 60_000_000).reached()


def test_a_plan_is_told_once_it_is_accepted_and_a_milestone_when_it_is_met() -> None:
    case = working()
    met = case.now.strftime("%Y-%m-%dT%H:%M:%S.%fZ")

    assert tags(case)[-2:] == [("contractUpdate",), ("implementation",)]
    assert [
        (one["id"], one["title"], one["status"], one["dueDate"], one.get("dateMet"))
        for one in stands(case)["contracts"][0]["implementation"]["milestones"]
    ] == [
        ("final-report", "Final report accepted", "scheduled", "2021-08-19T14:59:59.000000Z", None),
        ("part-1", "Part 1 accepted", "met", "2021-07-20T14:59:59.000000Z", met),
    ]


def test_a_payment_is_a_transaction_between_parties_and_a_claim_is_nobodys_business() -> None:
    case = working()
    before = tags(case)
    case.claimed(30_000_000)
    case.do("accept_claim", claim=1, evidence=[HASH])
    assert tags(case) == before

    case.do("pay", claim=1, done_on=date(2021, 6, 20), evidence=[HASH])
    payee = {"id": "O-KR", "name": "Hanbit Consulting"}
    assert tags(case) == [*before, ("implementation",)]
    assert stands(case)["contracts"][0]["implementation"]["transactions"] == [
        {
            "id": "payment-1",
            "date": "2021-06-20T14:59:59.000000Z",
            "value": {"amount": 30_000_000, "currency": "KRW"},
            "payer": MINISTRY.plain(),
            "payee": payee,
        }
    ]
    assert stands(case)["parties"] == [
        {**MINISTRY.plain(), "roles": ["buyer", "procuringEntity", "payer"]},
        {**payee, "roles": ["supplier", "payee"]},
    ]


def test_a_changed_scope_is_an_amendment_and_what_it_leaves_out_is_not_met() -> None:
    case = Case().to(Stage.IMPLEMENTATION).planned(10, 20, 30)
    first, _, final = case.milestones(10, 20, 30)
    case.two("change_scope", milestones=[first, final], evidence=[HASH], reason=REASON)

    [contract] = last(case)["contracts"]
    assert tags(case)[-1] == ("contractAmendment",)
    assert contract["amendments"][0]["rationale"] == "The scope of the work, and with it the plan, was changed."
    assert {one["id"]: one["status"] for one in stands(case)["contracts"][0]["implementation"]["milestones"]} == {
        "part-1": "scheduled",
        "part-2": "notMet",
        "final-report": "scheduled",
    }


def test_a_pause_moves_the_milestones_that_are_told() -> None:
    case = Case().to(Stage.IMPLEMENTATION).planned(100)
    case.do("suspend", reason=REASON)
    case.wait(days=2)
    case.do("resume", reason=REASON)

    [milestone] = last(case)["contracts"][0]["implementation"]["milestones"]
    assert milestone["dueDate"] == "2021-07-22T14:59:59.000000Z"


def replaced() -> Case:
    case = working().paid(30_000_000).accepted(10_000_000)
    case.two("list_party", party="O-KR-2", kind="company", signatory="P-SIGN-O-KR-2")
    case.put_signature("O-KR-2", "accede")
    case.do("suspend", reason=REASON)
    sums = {"krw": 60_000_000, "paid_krw": 30_000_000, "due_krw": 10_000_000}
    case.two("replace_contractor", contractor="O-KR-2", country="KR", evidence=[HASH], reason=REASON, **sums)
    return case


def test_another_contractor_is_another_award_and_the_first_contract_ends() -> None:
    case = replaced()
    first, second = stands(case)["contracts"]

    assert tags(case)[-1] == ("award", "contract", "contractTermination")
    assert (first["status"], second["status"], second["value"]["amount"]) == ("terminated", "active", 60_000_000)
    assert [award["suppliers"][0]["id"] for award in stands(case)["awards"]] == ["O-KR", "O-KR-2"]
    assert ("transactions" in first["implementation"], "transactions" in second["implementation"]) == (True, False)


def test_what_is_paid_to_the_first_contractor_is_paid_under_the_first_contract() -> None:
    case = replaced()
    case.do("pay", claim=2, done_on=date(2021, 6, 20), evidence=[HASH])

    first, second = stands(case)["contracts"]
    assert [(one["id"], one["payee"]["id"]) for one in first["implementation"]["transactions"]] == [
        ("payment-1", "O-KR"),
        ("payment-2", "O-KR"),
    ]
    assert (first["status"], second["status"], "transactions" in second["implementation"]) == (
        "terminated", "active", False,
    )  # fmt: skip


def ended_early() -> Case:
    case = Case().to(Stage.IMPLEMENTATION)
    case.do("notify_termination", ends_at=case.now + timedelta(days=30), reason=REASON)
    case.wait(days=31)
    case.do("record_settlement", evidence=[HASH])
    case.two("terminate")
    return case


def test_a_contract_that_is_ended_early_ends_then_and_its_report_never_came() -> None:
    case = ended_early()

    [contract] = told(case).compiledRelease.contracts
    assert (contract.status, contract.period.endDate) == ("terminated", case.now)
    assert [milestone.status for milestone in contract.implementation.milestones] == ["notMet"]


def test_a_corrected_title_is_told_and_another_correction_is_not() -> None:
    case = Case().to(Stage.PROCUREMENT)
    case.do("set_terms", evidence=[HASH])
    case.two("correct", supersedes=1, field="channel", value="post", reason=REASON)
    assert len(tags(case)) == 1

    case.two("correct", supersedes=1, field="title", value="A better plan", reason=REASON)
    case.two("correct", supersedes=1, field="city", value="Batumi", reason=REASON)

    assert tags(case)[1:] == [("tenderUpdate",)] * 2
    tender = stands(case)["tender"]
    assert (tender["title"], tender["description"]) == ("A better plan", "Smart City Planning: Batumi, Georgia")


# --- what was made in error -------------------------------------------------------------------------------------------


def test_a_contract_made_in_error_is_cancelled_and_its_award_waits_again() -> None:
    case = Case().to(Stage.IMPLEMENTATION)
    first = told(case).releases[-1]
    case.two("correct", supersedes=1, field="title", value="A better plan", reason=REASON)
    case.two("return_to_procurement", reason=REASON)

    assert tags(case)[-1] == ("awardUpdate", "contractUpdate")
    assert stands(case)["tender"]["status"] == "active"
    assert [award["status"] for award in stands(case)["awards"]] == ["pending"]
    assert last(case)["tender"]["amendments"][0]["amendsReleaseID"] == first.id

    case.contract()
    both = stands(case)
    assert [award["status"] for award in both["awards"]] == ["active"]
    assert [contract["status"] for contract in both["contracts"]] == ["cancelled", "active"]
    assert {contract["awardID"] for contract in both["contracts"]} == {both["awards"][0]["id"]}


def test_an_award_to_the_consortium_made_in_error_is_cancelled_and_the_next_one_is_another() -> None:
    case = Case("demonstration").to(Stage.IMPLEMENTATION)
    case.two("return_to_procurement", reason=REASON)

    assert tags(case)[-1] == ("awardCancellation", "contractUpdate")
    assert stands(case)["awards"][0]["status"] == "cancelled"

    case.contract()
    both = stands(case)
    assert [award["status"] for award in both["awards"]] == ["cancelled", "active"]
    assert [contract["awardID"] for contract in both["contracts"]] == [award["id"] for award in both["awards"]]


def announced(*then: str) -> Case:
    """A price was agreed and the bidders told; then a complaint is upheld or dismissed, or the negotiation fails."""
    case = Case().to(Stage.PROCUREMENT)
    case.tender()
    case.announce()
    if "fails" in then:
        case.do("record_negotiation", bidder="O-KR", agreed=False, evidence=[HASH])
    for decision in then:
        if decision.endswith("_complaint"):
            case.do("complain", bidder="O-KR-2", ground="wrong_evaluation", evidence=[HASH])
            data = {"bidder": "O-KR-2", "reason": REASON}
            case.two(decision, **data) if decision == "uphold_complaint" else case.do(decision, **data)
    return case


def test_in_the_standstill_there_is_an_award_and_nobody_learns_whose() -> None:
    case = announced()
    [award] = last(case)["awards"]

    assert (tags(case)[-1], award["status"]) == (("award",), "pending")
    assert award["value"] == {"amount": 100_000_000, "currency": "KRW"}
    assert "O-KR" not in written(package(case.edition, [case.entries], NAMES, PREFIX))


def test_an_announced_award_that_counts_no_more_is_cancelled_and_one_that_stands_is_not_told_again() -> None:
    before = len(tags(announced()))

    assert tags(announced("uphold_complaint"))[before:] == [("awardCancellation",)]
    assert tags(announced("fails"))[before:] == [("awardCancellation",)]
    assert tags(announced("dismiss_complaint"))[before:] == []


def test_a_search_given_up_in_the_standstill_ends_its_award_too_until_that_is_undone() -> None:
    case = announced()
    case.two("fail_procurement", ground="money_withdrawn", evidence=[HASH], reason=REASON)

    assert tags(case)[-1] == ("tenderCancellation", "awardCancellation")
    assert stands(case)["awards"][0]["status"] == "cancelled"

    case.ordered("return_to_procurement", Role.DESK, reason=REASON)
    assert tags(case)[-1] == ("tenderUpdate", "awardUpdate")
    assert stands(case)["awards"][0]["status"] == "pending"


def test_that_bidders_ask_is_told_with_the_first_answer_and_taken_back_by_a_renotice() -> None:
    case = Case().to(Stage.PROCUREMENT)
    case.notice()
    before = len(tags(case))
    for number in (1, 2):
        case.do("ask_question", bidder="O-KR", question=REASON)
        case.do("answer_question", number=number, answer=REASON)

    assert tags(case)[before:] == [("tenderUpdate",)]
    assert stands(case)["tender"]["hasEnquiries"] is True

    case.wait(days=20)
    case.two("open_bids")
    case.notice("renotice")
    assert "hasEnquiries" not in stands(case)["tender"]


def test_a_smaller_award_is_a_smaller_budget() -> None:
    case = Case().to(Stage.SHORTLISTED)
    case.ordered("select", krw=500_000_000, rank=1)
    case.to(Stage.PROCUREMENT)
    case.agree_terms()
    case.two("reduce_award", krw=450_000_000, reason=REASON)

    assert tags(case)[-1] == ("planningUpdate",)
    assert stands(case)["planning"]["budget"]["amount"]["amount"] == 450_000_000


UNDONE = {
    "close": (lambda: Case().to(Stage.CLOSED), "return_to_settlement", "met"),
    "accept_final": (lambda: Case().to(Stage.SETTLEMENT), "return_to_acceptance", "scheduled"),
    "terminate": (ended_early, "return_to_implementation", "scheduled"),
}


@pytest.mark.parametrize("undone", UNDONE)
def test_an_end_made_in_error_leaves_the_contract_as_it_stood_before(undone: str) -> None:
    begin, back, report = UNDONE[undone]
    case = begin()
    released, contract = told(case).releases[-1].id, stands(case)["contracts"][0]
    case.two(back, reason=REASON)

    [stood] = stands(case)["contracts"]
    assert (tags(case)[-1], stood["status"]) == (("contractUpdate",), "active")
    assert stood["period"] == contract["period"] | {"endDate": "2022-06-30T14:59:59.000000Z"}
    [milestone] = stood["implementation"]["milestones"]
    assert (milestone["status"], "dateMet" in milestone) == (report, report == "met")
    [amendment] = stood["amendments"]
    assert amendment["amendsReleaseID"] == released
    assert amendment["rationale"] == "What the amended release tells of was an error, and is undone."


def test_a_pause_that_was_no_pause_moves_the_end_back() -> None:
    case = Case().to(Stage.SUSPENDED).wait(days=12)
    case.do("resume", reason=REASON)
    case.two("return_to_suspended", reason=REASON)

    assert stands(case)["contracts"][0]["period"]["endDate"] == "2022-06-30T14:59:59.000000Z"


@pytest.mark.parametrize(("fails", "status"), [(used_up, "active"), (unfunded, "planned"), (withdrawn, "planned")])
def test_a_search_given_up_in_error_goes_on(fails: Callable[[], Case], status: str) -> None:
    case = fails()
    case.ordered("return_to_procurement", Role.DESK, reason=REASON)

    assert tags(case)[-1] == ("tenderUpdate",)
    assert stands(case)["tender"]["status"] == status


def test_undoing_what_was_never_told_tells_nothing() -> None:
    case = Case().to(Stage.ACCEPTANCE)
    before = tags(case)
    case.two("return_to_implementation", reason=REASON)

    assert tags(case) == before


# --- what stays untold ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("stage", [Stage.ABSENT, Stage.SHORTLISTED, Stage.SELECTED, Stage.FRAMEWORK, Stage.PROCUREMENT])
def test_before_its_terms_are_set_nothing_is_public(stage: Stage) -> None:
    case = Case().to(stage)

    assert package(case.edition, [case.entries] if case.entries else [], NAMES, PREFIX).records == ()


def test_what_ends_before_its_terms_are_set_was_never_a_procurement() -> None:
    case = Case().to(Stage.FRAMEWORK)
    case.two("correct", supersedes=1, field="title", value="A better plan", reason=REASON)
    case.do("withdraw", evidence=[HASH])

    assert record(case.edition, case.entries, NAMES, PREFIX) is None


def test_without_a_published_result_nothing_is_public() -> None:
    case = Case().to(Stage.CLOSED)
    unpublished = [entry for entry in case.entries if entry.command != "publish_result"]

    assert record(case.edition, unpublished, NAMES, PREFIX) is None


def test_while_a_notice_runs_nobody_learns_of_any_bid() -> None:
    case = Case().to(Stage.PROCUREMENT)
    case.notice()
    silent = written(package(case.edition, [case.entries], NAMES, PREFIX))
    case.bid("O-KR", "O-KR-2")

    assert written(package(case.edition, [case.entries], NAMES, PREFIX)) == silent

    case.wait(days=20)
    case.two("open_bids")
    opened = written(package(case.edition, [case.entries], NAMES, PREFIX))
    assert '"numberOfTenderers": 2' in opened
    assert "O-KR" not in opened


def test_who_bid_twice_is_one_bidder() -> None:
    case = Case().to(Stage.PROCUREMENT)
    case.notice()
    for _ in range(2):
        case.bid("O-KR")
        case.wait(days=1)
    case.wait(days=20)
    case.two("open_bids")

    assert stands(case)["tender"]["numberOfTenderers"] == 1


def test_a_firm_whose_name_is_gone_stands_by_its_id() -> None:
    case = Case().to(Stage.IMPLEMENTATION)

    assert told(case, {}).releases[-1].awards[0].suppliers[0].plain() == {"id": "O-KR"}


def test_what_is_refused_or_only_proposed_is_not_told() -> None:
    case = Case().to(Stage.IMPLEMENTATION)
    before = tags(case)
    case.do("extend", ends_on=date(2022, 9, 30), ground="scale", reason=REASON)

    assert case.entries[-1].outcome is Outcome.PROPOSED
    assert tags(case) == before


# --- whatever happens -------------------------------------------------------------------------------------------------


def flat(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], Any]]:
    """Each plain value by its path, in which items with an id go by that."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from flat(inner, (*path, name))
    elif isinstance(value, list) and all(isinstance(item, dict) for item in value):
        for item in value:
            yield from flat(item, (*path, ("id", item["id"])))
    else:
        yield path, value


WALKS = [
    (programme, stage, seed)
    for stage in (Stage.PROCUREMENT, Stage.IMPLEMENTATION, Stage.SUSPENDED, Stage.SETTLEMENT, Stage.CLOSED)
    for seed, programme in enumerate(PROGRAMMES)
]


@pytest.fixture(scope="module", params=WALKS, ids=lambda walk: f"{walk[0][0]} from {walk[1]}")
def walked(request: pytest.FixtureRequest) -> Case:
    """A case with which somebody did this and that, after its terms were set."""
    programme, stage, seed = request.param
    case = Case(*programme).to(stage)
    if case.facts.terms is None:
        case.do("set_terms", evidence=[HASH])
    return wander(case, seed, 60)


def test_releases_come_in_order_each_of_its_own_name(walked: Case) -> None:
    releases = told(walked).releases
    made = {(e.number, e.at) for e in walked.entries if e.outcome is Outcome.MADE}

    numbers = [int(release.id.partition("-")[0]) for release in releases]
    assert numbers == sorted(set(numbers))
    assert [release.date for release in releases] == sorted(release.date for release in releases)
    assert {(number, release.date) for number, release in zip(numbers, releases, strict=True)} <= made


def test_merged_by_the_paths_of_their_values_releases_come_to_how_it_stands(walked: Case) -> None:
    releases = [release.plain() for release in told(walked).releases]
    merged = {path: value for release in releases for path, value in flat(release)}
    merged |= {("id",): f"{releases[-1]['ocid']}-{releases[-1]['date']}", ("tag",): ["compiled"]}

    assert dict(flat(stands(walked))) == {path: value for path, value in merged.items() if value is not None}


def test_how_it_stands_is_what_the_file_says(walked: Case) -> None:
    facts, compiled = walked.facts, told(walked).compiledRelease
    live = [contract for contract in compiled.contracts if contract.status != "cancelled"]
    if facts.contract is None:
        assert live == []
        return
    [contract] = live
    [award] = [award for award in compiled.awards if award.id == contract.awardID]
    ended = facts.stage in (Stage.CLOSED, Stage.TERMINATED)
    krw = Value(amount=facts.contract.krw, currency="KRW")
    assert (award.status, award.suppliers[0].id, award.value) == ("active", facts.contract.contractor, krw)
    assert (contract.status, contract.value) == ("terminated" if ended else "active", krw)
    assert compiled.tender.status == "complete"
    if facts.stage is not Stage.TERMINATED:
        midnight = datetime.combine(facts.ends_on + timedelta(days=1), datetime.min.time(), seoul(2021, 1, 1).tzinfo)
        assert contract.period.endDate == midnight.astimezone(UTC) - timedelta(seconds=1)


def test_nobody_is_named_and_no_text_is_quoted_or_hinted_at(walked: Case) -> None:
    text = written(package(walked.edition, [walked.entries], NAMES, PREFIX))

    assert re.findall(r"\bP-[A-Z0-9-]+", text) == []
    assert re.findall(r"[0-9a-f]{64}", text) == []  # neither commitments nor documents
    assert {word for word in ("rank", "score", "grade", "evidence", "reason") if f'"{word}' in text} == set()


def test_every_organisation_of_a_release_stands_among_its_parties(walked: Case) -> None:
    for release in (*told(walked).releases, told(walked).compiledRelease):
        parties = {party.id for party in release.parties}
        named = {supplier.id for award in release.awards for supplier in award.suppliers}
        named |= {release.buyer.id} if release.buyer else set()

        assert named <= parties


# --- packages ---------------------------------------------------------------------------------------------------------


def test_the_same_ledgers_make_the_same_bytes_in_whatever_order_they_come() -> None:
    one, other = Case().to(Stage.CLOSED), Case("solution").to(Stage.PROCUREMENT)
    other.do("set_terms", evidence=[HASH])
    ledgers = [one.entries, other.entries]
    found = package(one.edition, ledgers, NAMES, PREFIX)

    assert written(found) == written(package(one.edition, ledgers[::-1], NAMES, PREFIX))
    assert [told.ocid for told in found.records] == [f"{PREFIX}-{one.ref}", f"{PREFIX}-{other.ref}"]
    assert found.publishedDate == max(one.entries[-1].at, other.entries[-1].at)


def test_what_is_published_later_goes_by_another_name() -> None:
    case = Case().to(Stage.ACCEPTANCE)
    before = package(case.edition, [case.entries], NAMES, PREFIX)
    case.agree_acceptance()
    case.do("accept_final")

    after = package(case.edition, [case.entries], NAMES, PREFIX)
    assert before.uri != after.uri
    assert after.uri.startswith("urn:uuid:")


def test_a_file_says_which_standard_it_follows_and_who_publishes() -> None:
    case = Case().to(Stage.IMPLEMENTATION)
    told = json.loads(written(package(case.edition, [case.entries], NAMES, PREFIX)))

    assert (told["version"], told["publisher"]) == ("1.1", {"name": "Ministry of Land, Infrastructure and Transport"})


def test_no_field_goes_out_that_the_standard_does_not_name() -> None:
    with pytest.raises(ValidationError, match="rank"):
        Value(amount=1, currency="KRW", rank=1)  # type: ignore[call-arg]  # that is the point


# --- the command ------------------------------------------------------------------------------------------------------


@pytest.fixture
def office(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Office]:
    """Where edition 2021 is open, with a project that is under way and an application that is not so far."""
    monkeypatch.setenv("KCITY_VAR_DIR", str(tmp_path / "var"))
    monkeypatch.delenv("KCITY_OCID_PREFIX", raising=False)
    monkeypatch.chdir(tmp_path)
    settings = Settings.read()
    under_way, early = Case().to(Stage.IMPLEMENTATION), Case("solution").to(Stage.SCREENING)

    class Rules:
        async def rules(self, year: int) -> StartEdition:
            return StartEdition(edition=under_way.edition, edition_hash="")

    with stores(settings) as (register, vault):
        for case in (under_way, early):
            register.project(Batch(entries=tuple(case.entries), letters=(), view=case.file.view()))
        vault.add_organisation("Hanbit Consulting", "O-KR")
        gateway: Any = Rules()
        opened = Office(settings, register, vault, Documents(settings.documents), SimpleNamespace(), gateway)  # type: ignore[arg-type]  # no server is asked
        monkeypatch.setattr(exporting, "with_office", lambda work: asyncio.run(work(opened)))
        yield opened


def test_the_command_writes_what_is_public_with_names_from_the_vault(
    office: Office, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(["export", "2021", "--format", "ocds", "-o", "out.json", "--json"]) == 0

    assert json.loads(capsys.readouterr().out) == {"file": "out.json", "records": 1, "releases": 6}
    [found] = json.loads(Path("out.json").read_text(encoding="utf-8"))["records"]
    assert found["ocid"] == "ocds-000000-KC2021-PLA-0001"
    assert found["compiledRelease"]["parties"][1]["name"] == "Hanbit Consulting"


def test_the_command_prints_the_file_itself_and_says_beside_it_what_the_prefix_lacks(
    office: Office, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(["export", "2021", "-o", "-"]) == 0

    said = capsys.readouterr()
    assert json.loads(said.out)["version"] == "1.1"
    assert said.err == "Set KCITY_OCID_PREFIX before this is published: ocds-000000 is nobody's.\n"


def test_a_registered_prefix_begins_every_identifier_and_nothing_is_missing(
    office: Office, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KCITY_OCID_PREFIX", "ocds-abc123")
    opened = replace(office, settings=Settings.read())
    monkeypatch.setattr(exporting, "with_office", lambda work: asyncio.run(work(opened)))

    assert cli.run(["export", "2021", "-o", "-"]) == 0

    said = capsys.readouterr()
    assert [found["ocid"] for found in json.loads(said.out)["records"]] == ["ocds-abc123-KC2021-PLA-0001"]
    assert said.err == ""


def test_where_nothing_is_public_yet_the_command_says_so_and_writes_nothing(
    office: Office, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(["export", "2022", "-o", "out.json"]) == 1

    assert capsys.readouterr().err == (
        "Nothing of edition 2022 is public yet: the first release of a procurement is that its terms are set.\n"
    )
    assert not Path("out.json").exists()


def test_a_file_that_cannot_be_written_is_named(office: Office, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["export", "2021", "-o", "nowhere/out.json", "--json"]) == 2

    assert "nowhere/out.json cannot be written" in capsys.readouterr().err
