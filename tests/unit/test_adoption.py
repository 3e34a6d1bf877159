"""Projects that ran before their edition was kept here: adopted once, by two, with evidence; then as any other."""

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from kcity_flow.domain import agenda
from kcity_flow.domain.adoption import LED_TO
from kcity_flow.domain.errors import GuardFailed, NotPermitted, Unreadable
from kcity_flow.domain.messages import Via
from kcity_flow.domain.retelling import application_of, call_of
from kcity_flow.domain.stages import EditionStage, Role, Stage
from kcity_flow.domain.work import month_asked
from kcity_flow.interfaces import adopting, files
from tests.unit.case import HASH, SEOUL, Case, Office, rules, seoul

STUDY = [{"kind": kind, "sha256": HASH} for kind in ("master_plan", "feasibility_study")]
PARTIES = [
    {"party": "MOLIT", "kind": "korean_government", "signatory": "P-SIGN-MOLIT", "signed_on": date(2020, 8, 1)},
    {"party": "CITY", "kind": "host_government", "signatory": "P-SIGN-CITY", "signed_on": date(2020, 8, 3)},
]
CONTRACT = {
    "contractor": "O-KR",
    "country": "KR",
    "krw": 280_000_000,
    "signatory": "P-SIGN-KR",
    "signed_on": date(2020, 9, 1),
}
PROJECT = {
    "programme": "planning",
    "applicant": {"contact": "P-MAYOR", "organisation": "O-CUZCO", "kind": "local_government", "country": "PE"},
    "city": "Cuzco", "title": "Astete Airport Area", "since": date(2020, 9, 1), "krw": 300_000_000,
    "parties": PARTIES, "contract": CONTRACT, "ends_on": date(2021, 3, 31), "deliverables": STUDY, "framework": HASH,
    "evidence": [HASH],
}  # fmt: skip
NOW = seoul(2020, 10, 1)


def adopted(stage: Stage, **more: Any) -> Case:
    """A project at this stage, taken over on 1 October 2020."""
    case = Case(edition="2020")
    case.now = NOW
    ends = {"settled": True, "grade": "good"} if stage is Stage.CLOSED else {}
    before_work = {"contract": None} if stage in (Stage.FRAMEWORK, Stage.PROCUREMENT) else {}
    case.ordered(f"adopt_at_{stage}", **PROJECT | ends | before_work | {"rank": 1} | more)
    return case


# --- the application --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("stage", [stage for stage in LED_TO if stage not in (Stage.SUSPENDED, Stage.CLOSED)])
def test_an_adopted_project_goes_the_way_of_any_other_to_its_end(stage):
    case = adopted(stage, parties=PARTIES if stage is not Stage.FRAMEWORK else [])
    if stage is Stage.PROCUREMENT:
        case.two("list_party", party="O-KR", kind="company", signatory="P-SIGN-O-KR")
        case.put_signature("O-KR", "accede")
    while case.stage is not Stage.CLOSED:
        case.step()

    assert (case.facts.adopted.stage, case.file.view().adopted) == (stage, True)
    assert [entry.outcome for entry in case.entries if entry.outcome == "refused"] == []
    told = application_of(case.edition, case.ref, case.entries)
    assert told == case.facts.model_copy(update={"timers": {}})


def test_a_suspended_one_is_resumed_and_its_deadline_moves_by_the_whole_pause():
    case = adopted(Stage.SUSPENDED, since=date(2020, 9, 21))
    case.do("resume", reason="b" * 64)

    assert (case.stage, case.facts.ends_on) == (Stage.IMPLEMENTATION, date(2021, 4, 10))
    assert last_day(case, "implementation_end") == date(2021, 4, 10)


def last_day(case: Case, timer: str) -> date:
    return (case.file.timers[timer].due_at - timedelta(microseconds=1)).astimezone(SEOUL).date()


@pytest.mark.parametrize(
    ("stage", "deadlines"),
    [
        (Stage.FRAMEWORK, {}),
        (Stage.IMPLEMENTATION, {"implementation_end": date(2021, 3, 31)}),
        (Stage.SUSPENDED, {"suspension": date(2021, 2, 28), "implementation_end": date(2021, 3, 31)}),
        (Stage.ACCEPTANCE, {"acceptance": date(2020, 10, 19), "implementation_end": date(2021, 3, 31)}),
        (Stage.SETTLEMENT, {"settlement": date(2020, 10, 31)}),
        (Stage.CLOSED, {"follow_up": date(2021, 3, 1), "file": date(2020, 10, 31)}),
    ],
)
def test_the_deadlines_of_its_stage_run_from_the_day_on_which_it_came_there(stage, deadlines):
    case = adopted(stage)

    found = {name: last_day(case, name) for name in case.file.timers}
    assert {name: day for name, day in found.items() if name in deadlines} == deadlines
    assert case.facts.since == seoul(2020, 9, 1)


def test_nobody_is_reminded_of_what_was_due_before_it_was_adopted():
    case = adopted(Stage.SETTLEMENT, since=date(2020, 8, 10))  # due on 9 October: reminded 30 and 7 days before
    case.wait(days=1)
    assert [letter.template for letter in case.letters] == []
    case.wait(days=40)

    assert [letter.template for letter in case.letters][:1] == ["overdue"]


@pytest.mark.parametrize(
    ("since", "reports"),
    [
        (date(2020, 9, 1), [("2020-09", date(2020, 10, 1)), ("2020-10", date(2020, 11, 1))]),  # the first is due today
        (date(2020, 3, 15), [("2020-09", date(2020, 10, 15)), ("2020-10", date(2020, 11, 15))]),
    ],
)
def test_reports_are_asked_for_from_the_first_that_falls_due_after_it_was_adopted(since, reports):
    case, found = adopted(Stage.IMPLEMENTATION, since=since), []
    for _ in reports:
        timer = case.file.timers["report"]
        found.append((month_asked(timer, SEOUL), last_day(case, "report")))
        while case.file.timers["report"].fallen == timer.fallen:
            case.until(case.file.next_due())

    assert found == reports


def test_one_that_is_adopted_while_its_country_is_frozen_rests_until_that_is_lifted(office):
    office.two("freeze", countries=["PE"], reason="b" * 64)
    office.until(NOW + timedelta(days=5))
    adopt(office)
    [(_, trigger, data)] = office.file.orders[-1].commands
    case = Case(edition="2020")
    case.now = office.now
    case.give(case.command(trigger, data.pop("by"), **{k: v for k, v in data.items() if v is not None}))
    assert (case.facts.frozen_since, [*case.facts.frozen]) == (NOW, ["PE"])
    due, ends_on = case.file.timers["implementation_end"].due_at, case.facts.ends_on

    case.wait(days=45)
    assert [entry.command for entry in case.entries] == [trigger]
    case.ordered("unfreeze", countries=["PE"], thawed_at=case.now, reason="b" * 64)
    rested = case.now - NOW
    assert (case.file.timers["implementation_end"].due_at, case.facts.ends_on) == (
        due + rested, ends_on + rested,
    )  # fmt: skip


def test_only_the_edition_adopts():
    case = Case(edition="2020")
    case.now = NOW
    with pytest.raises(NotPermitted, match="the edition, which alone may send it"):
        case.do("adopt_at_framework", Role.HEAD, **PROJECT, rank=1)


# --- the edition ------------------------------------------------------------------------------------------------------


@pytest.fixture
def office() -> Office:
    made = Office("2020")
    made.two("open_call")
    return made.until(NOW)


def adopt(office: Office, number: int = 1, **more: Any) -> Any:
    data = PROJECT | {"ref": f"KC2020-PLA-{number:04}", "stage": "implementation"} | more
    return office.two("adopt", **data)


def test_two_adopt_and_the_place_is_counted_before_the_application_has_it(office):
    assert office.stage is EditionStage.DECIDING
    office.do("adopt", **PROJECT, ref="KC2020-PLA-0001", stage="implementation")
    assert (office.facts.taken(), office.file.orders) == (0, [])
    office.do("adopt", Role.MINISTRY, proposal=len(office.entries), **PROJECT, ref="KC2020-PLA-0001",
              stage="implementation")  # fmt: skip

    [batch] = office.file.orders
    [(ref, trigger, data)] = batch.commands
    assert (office.facts.taken("planning"), ref, trigger) == (1, "KC2020-PLA-0001", "adopt_at_implementation")
    assert (data["rank"], data["evidence"], data["by"]["via"]) == (1, [HASH], "edition")
    assert (data["by"]["order"]["proposed_by"], data["by"]["order"]["approved_by"]) == ("P-HEAD", "P-MINISTRY")
    assert call_of(office.edition, office.entries).places == office.facts.places


def test_what_the_edition_orders_is_what_the_application_makes_of_it(office):
    adopt(office)
    [(_, trigger, data)] = office.file.orders[0].commands
    case = Case(edition="2020")
    case.now = NOW
    via = data.pop("by")
    case.give(case.command(trigger, via, **{k: v for k, v in data.items() if v is not None}))

    assert (case.stage, case.facts.place.krw, case.facts.contract.krw) == (
        Stage.IMPLEMENTATION, 300_000_000, 280_000_000,
    )  # fmt: skip
    assert case.entries[-1].order.entry == len(office.entries)


@pytest.mark.parametrize(
    ("guard", "more"),
    [
        ("in_writing", {"evidence": []}),
        ("stage_is_adopted", {"stage": "selected"}),
        ("stage_is_adopted", {"stage": "terminated"}),
        ("programme_known", {"programme": "demonstration"}),
        ("numbered_in_it", {"ref": "KC2020-SOL-0001"}),
        ("numbered_in_it", {"ref": "KC2021-PLA-0001"}),
        ("came_to_it_before", {"since": date(2020, 10, 2)}),
        ("signatures_known", {"parties": PARTIES[:1]}),
        ("contract_known", {"contract": None}),
        ("contract_korean", {"contract": CONTRACT | {"country": "PE"}}),
        ("result_known", {"stage": "closed"}),
    ],
)
def test_an_adoption_that_lacks_something_is_refused_by_the_rule_s_name(office, guard, more):
    call = office.facts
    with pytest.raises(GuardFailed) as refusal:
        office.do("adopt", **PROJECT | {"ref": "KC2020-PLA-0001", "stage": "implementation"} | more)

    assert (refusal.value.guard, office.facts, office.entries[-1].refused.guard) == (guard, call, guard)


def test_a_stage_that_there_is_not_cannot_be_read(office):
    with pytest.raises(Unreadable, match="stage"):
        office.do("adopt", **PROJECT, ref="KC2020-PLA-0001", stage="dreaming")


@pytest.mark.parametrize(
    "again",
    [
        {"ref": "KC2020-PLA-0002", "city": "CUZCO", "title": "Another title"},
        {"ref": "KC2020-PLA-0001", "city": "Lima", "applicant": PROJECT["applicant"] | {"organisation": "O-LIMA"}},
    ],
    ids=["project", "number"],
)
def test_a_project_and_a_number_are_adopted_once(office, again):
    adopt(office)
    with pytest.raises(GuardFailed) as refusal:
        office.do("adopt", **PROJECT | {"stage": "implementation"} | again)

    assert (refusal.value.guard, office.facts.taken()) == ("not_adopted_before", 1)


def test_one_who_left_is_not_adopted_anew(office):
    adopt(office)
    office.do("release_place", Role.APPLICANT, via=Via.APPLICATION, ref="KC2020-PLA-0001")
    with pytest.raises(GuardFailed) as refusal:
        office.do("adopt", **PROJECT, ref="KC2020-PLA-0002", stage="implementation")

    assert (refusal.value.guard, office.facts.taken()) == ("not_adopted_before", 0)


def test_places_count_by_the_quotas_and_nothing_else_is_judged_anew(office):
    for number in range(1, 7):
        adopt(office, number, city=f"City {number}", krw=300_000_000)  # below what the programme grants today
    more = PROJECT | {"ref": "KC2020-PLA-0007", "stage": "implementation", "city": "City 7"}
    with pytest.raises(GuardFailed) as refusal:
        office.do("adopt", **more)
    assert refusal.value.guard == "room_for_the_adopted"
    office.two("adopt", **more, over_quota_reason="c" * 64)
    for number in range(1, 6):
        ref = {"ref": f"KC2020-SOL-{number:04}", "programme": "solution", "city": f"City {number}"}
        office.two("adopt", **PROJECT | {"stage": "implementation"} | ref)
    with pytest.raises(GuardFailed, match="at most 12 places in all"):
        office.do("adopt", **more | {"ref": "KC2020-PLA-0008", "city": "City 8", "over_quota_reason": "c" * 64})

    assert (office.facts.taken("planning"), office.facts.taken()) == (7, 12)


def test_an_edition_that_does_not_say_so_takes_over_nothing():
    office = Office().deciding()
    with pytest.raises(GuardFailed, match="takes over projects; this one does not"):
        office.do("adopt", **PROJECT, ref="KC2021-PLA-0001", stage="implementation")


def test_results_that_are_published_later_are_not_those_of_the_adopted(office):
    adopt(office)
    for programme in ("planning", "solution"):
        office.two("decide_selection", programme=programme, ranking=[], selected=[])
    office.file.orders.clear()
    office.two("publish_results", refs=[], reason="b" * 64)

    assert office.file.orders == []


# --- files ------------------------------------------------------------------------------------------------------------

HEADER = ("programme,title,city,country,kind,organisation,contact,address,stage,since,krw,evidence,parties,"
          "framework,contractor,contract_country,contract_krw,contract_signatory,contract_signed_on,"
          "ends_on")  # fmt: skip
SIGNED = "KR-MOLIT=korean_government/P-GOV-KR/2020-08-01;PE-GOV=host_government/P-GOV-PE/2020-08-03"
ROW = (
    "planning,Airport Area,Cuzco,PE,local_government,City of Cuzco,Rosa,rosa@example.org,implementation,2020-09-01,"
    f"500000000,{HASH},{SIGNED},{HASH},Hanbit,KR,480000000,P-FIRM-1,2020-09-01,2021-03-31"
)


def judged(tmp_path: Path, office: Office, *rows: str, known: dict[str, str] | None = None) -> list[adopting.Project]:
    file = tmp_path / "running.csv"
    file.write_text("\n".join([HEADER, *rows]), encoding="utf-8")
    found = files.read(file, adopting.NEEDED, adopting.COLUMNS, "projects")
    return adopting.projects(found, rules("2020"), office.facts, NOW, known or {}, lambda _: HASH)


def test_a_file_is_judged_row_by_row_as_if_those_before_were_adopted(office, tmp_path):
    sound, twice, unproven, unknown, late, stateless, abroad = judged(
        tmp_path, office, ROW, ROW.replace("Airport Area", "Station"),
        ROW.replace(HASH, "", 1).replace("Cuzco", "Puno"),
        ROW.replace("implementation", "dreaming").replace("Cuzco", "Ica"),
        ROW.replace("2020-09-01,500", "2020-12-01,500").replace("Cuzco", "Tacna"),
        ROW.replace("Hanbit,KR", "Hanbit,").replace("Cuzco", "Lima"),
        ROW.replace("Hanbit,KR", "Hanbit,PE").replace("Cuzco", "Lima"),
    )  # fmt: skip

    assert (sound.faults, sound.data["contract"]["krw"], sound.data["evidence"]) == ((), "480000000", [HASH])
    assert twice.faults == ("it lacks a project not adopted yet; this one is KC2020-PLA-990001",)
    assert unproven.faults == ("it lacks the hash of the letter or message as evidence",)
    assert unknown.faults[0].startswith("stage: Input should be 'absent', 'received'")
    assert late.faults == ("it lacks a day that is not in the future as since",)
    assert stateless.faults == ("the country of the contractor missing; write an ISO 3166-1 code like KR",)
    assert abroad.faults == ("it lacks a Korean contractor",)


def test_a_file_knows_what_was_adopted_before(office, tmp_path):
    known = {"City of Cuzco": "O-CUZCO"}
    adopt(office)

    assert [(p.ref, p.faults) for p in judged(tmp_path, office, ROW, known=known)] == [("KC2020-PLA-0001", ())]


def test_a_toml_file_may_say_the_same_with_dates_of_its_own(office, tmp_path):
    file = tmp_path / "running.toml"
    file.write_text(
        """[[projects]]
programme = "planning"
title = "Airport Area"
city = "Cuzco"
stage = "closed"
since = 2020-09-01
krw = 500_000_000
evidence = ["HASH"]
ends_on = 2020-08-31
framework = "HASH"
paid_krw = 480_000_000
settled = true
grade = "good"
applicant = { country = "PE", kind = "local_government", organisation = "City of Cuzco", contact = "P-ROSA" }
contract = { contractor = "Hanbit", country = "KR", krw = 480_000_000, signatory = "P-FIRM-1", signed_on = 2020-08-10 }
deliverables = [{ kind = "master_plan", sha256 = "HASH" }]
parties = [
    { party = "KR-MOLIT", kind = "korean_government", signatory = "P-GOV-KR", signed_on = 2020-08-01 },
    { party = "PE-GOV", kind = "host_government", signatory = "P-GOV-PE", signed_on = 2020-08-03 },
]
""".replace("HASH", HASH)
    )
    found = files.read(file, adopting.NEEDED, adopting.COLUMNS, "projects")
    [project] = adopting.projects(found, rules("2020"), office.facts, NOW, {}, lambda _: HASH)

    assert (project.faults, project.data["since"]) == ((), "2020-09-01")


def test_every_stage_that_can_be_adopted_is_one_that_the_edition_2020_adopts():
    assert [*rules("2020").adopts] == [stage.value for stage in LED_TO]
    assert {timer.timer for timer in agenda.APPLICATION_TIMERS if {*timer.armed_by} & {*LED_TO.values()}} >= {
        "framework_signature", "implementation_end", "suspension", "acceptance", "settlement", "follow_up",
    }  # fmt: skip
