"""A freeze: what rests, and that every date moves by exactly the pause it lay in."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kcity_flow.audit.contracting import record
from kcity_flow.audit.explain import explain
from kcity_flow.audit.moments import Source
from kcity_flow.domain.errors import GuardFailed, IllegalMove
from kcity_flow.domain.freeze import ALL, Freeze, Pause, falls, falls_on, pauses_of
from kcity_flow.domain.messages import Outcome
from kcity_flow.domain.stages import Role, Stage
from kcity_flow.gateway import filled
from kcity_flow.letters import Letters
from tests.unit.case import HASH, REASON, Case, Office, rules, seoul
from tests.unit.paper import entry, view

S = Stage
SECONDS = st.integers(min_value=0, max_value=200 * 86_400)
PAUSES = st.lists(st.tuples(SECONDS, SECONDS), max_size=4)
"""So many seconds after the thaw before, for so many."""


def freeze(case: Case, at: datetime | None = None, *countries: str) -> Case:
    case.ordered("freeze", countries=countries, from_at=at or case.now, reason=REASON)
    return case


def unfreeze(case: Case, *countries: str) -> Case:
    case.ordered("unfreeze", countries=countries, thawed_at=case.now, reason=REASON)
    return case


def frozen_for(case: Case, **span: float) -> timedelta:
    before = case.now
    freeze(case).wait(**span)
    unfreeze(case)
    return case.now - before


def dues(case: Case) -> dict[str, datetime]:
    return {name: timer.due_at for name, timer in case.facts.timers.items()}


def generations(case: Case) -> dict[str, int]:
    return {name: timer.generation for name, timer in case.facts.timers.items()}


# --- arithmetic -------------------------------------------------------------------------------------------------------

START = datetime(2021, 3, 1, tzinfo=UTC)


@st.composite
def histories(draw: st.DrawFn) -> list[Pause]:
    found, at = [], START
    for runs, rests in draw(PAUSES):
        since = at + timedelta(seconds=runs)
        at = since + timedelta(seconds=rests)
        found.append(Pause(since=since, until=at))
    return found


@given(pauses=histories(), armed=SECONDS, lasts=SECONDS)
def test_a_deadline_has_as_much_time_as_without_any_pause(pauses, armed, lasts):
    armed_at = START + timedelta(seconds=armed)
    fell = falls(pauses, armed_at + timedelta(seconds=lasts), armed_at, armed_at)
    rested = [max(min(fell, p.until) - max(armed_at, p.since), timedelta(0)) for p in pauses]

    assert fell - armed_at - sum(rested, timedelta(0)) == timedelta(seconds=lasts)


@given(pauses=histories(), lasts=SECONDS)
def test_no_deadline_falls_within_a_pause(pauses, lasts):
    fell = falls(pauses, START + timedelta(seconds=lasts), START, START)

    assert [p for p in pauses if p.since < fell < p.until] == []


@given(lasts=SECONDS, begins=SECONDS)
def test_a_pause_of_nothing_changes_nothing(lasts, begins):
    at, since = START + timedelta(seconds=lasts), START + timedelta(seconds=begins)

    assert falls([Pause(since=since, until=since)], at, since) == at


@pytest.mark.parametrize("zone", ["Asia/Seoul", "Europe/Istanbul", "America/Santiago", "Pacific/Apia"])
@pytest.mark.parametrize(
    ("day", "days", "expected"),
    [
        (date(2024, 2, 28), 1, date(2024, 2, 29)),
        (date(2023, 2, 28), 1, date(2023, 3, 1)),
        (date(2021, 1, 31), 28, date(2021, 2, 28)),
        (date(2021, 12, 31), 73, date(2022, 3, 14)),
    ],
)
def test_a_day_moves_by_whole_days_in_whatever_zone(zone, day, days, expected):
    since = datetime.combine(day, datetime.min.time(), tzinfo=ZoneInfo(zone)).astimezone(UTC)
    pause = Pause(since=since, until=since + timedelta(days=days, hours=-5))

    assert falls_on([pause], day, zone, since) == expected


@given(spans=st.lists(st.tuples(SECONDS, SECONDS), min_size=1, max_size=6))
def test_time_that_two_freezes_share_counts_once(spans):
    freezes = [
        Freeze(scope=str(n), since=START + timedelta(seconds=a), until=START + timedelta(seconds=a + b))
        for n, (a, b) in enumerate(spans)
    ]
    edges = sorted({one.since for one in freezes} | {one.until for one in freezes})
    covered = sum(
        (b - a for a, b in pairwise(edges) if any(f.since <= a and b <= f.until for f in freezes)),
        timedelta(0),
    )

    pauses = pauses_of(freezes)
    assert sum((pause.until - pause.since for pause in pauses), timedelta(0)) == covered
    assert all(one.until < other.since for one, other in pairwise(pauses))


# --- an application ---------------------------------------------------------------------------------------------------

POPULATED = (S.RECEIVED, S.SCREENING, S.PAPER_REVIEW, S.SHORTLISTED, S.RESERVE, S.FRAMEWORK, S.IMPLEMENTATION,
             S.SUSPENDED, S.ACCEPTANCE, S.SETTLEMENT)  # fmt: skip


@pytest.mark.parametrize("carry_over", [False, True], ids=["one run", "continued"])
@pytest.mark.parametrize("stage", POPULATED)
def test_every_running_deadline_moves_by_exactly_the_pause(stage, carry_over):
    case = Case(carry_over=carry_over).to(stage)
    before, held = dues(case), [n for n, timer in case.facts.timers.items() if case.facts.holds_up(timer)]

    pause = frozen_for(case, days=73, seconds=1)

    assert {name: due - before[name] for name, due in dues(case).items()} == {
        name: timedelta(0) if name in held else pause for name in before
    }
    assert generations(case) == {name: int(name not in held) for name in before}


@given(pauses=PAUSES, stage=st.sampled_from((S.SCREENING, S.FRAMEWORK, S.IMPLEMENTATION)))
def test_whatever_the_freezes_no_deadline_falls_due_in_one(pauses, stage):
    case = Case().to(stage)
    rests = []
    for runs, lasts in pauses:
        case.wait(seconds=runs)
        if case.stage is not stage:
            return
        since, before, entries = case.now, dues(case), len(case.entries)
        expected = {k: due + timedelta(seconds=lasts) if due > since else due for k, due in before.items()}
        frozen_for(case, seconds=lasts)

        assert [e.command for e in case.entries[entries:]] == ["freeze", "unfreeze"]
        assert dues(case) == expected
        rests.append((since, case.now))
    case.wait(days=500)

    assert [e for e in case.entries if e.role == Role.CLOCK and any(a < e.at < b for a, b in rests)] == []


def test_freezing_and_thawing_at_once_changes_nothing():
    case = Case().to(S.FRAMEWORK)
    before = case.facts

    unfreeze(freeze(case))

    assert case.facts == before


def test_while_it_is_frozen_the_clock_does_nothing_and_nobody_is_reminded():
    case = freeze(Case().to(S.SCREENING))
    entries, letters = len(case.entries), len(case.letters)

    case.wait(days=400)

    assert (len(case.entries), len(case.letters), case.file.next_due()) == (entries, letters, None)
    assert (case.file.view().waiting, case.file.view().next_due_at) == ((), None)


def test_what_is_not_for_frozen_applications_is_refused_by_one_rule():
    case = freeze(Case().to(S.SCREENING))

    with pytest.raises(GuardFailed) as refusal:
        case.do("ask_clarification", question=REASON)

    assert refusal.value.guard == "not_frozen"
    assert refusal.value.missing == f"the end of the freeze; it rests since {case.now.isoformat()}"


def test_it_is_withdrawn_while_it_is_frozen_and_told_no_thaw():
    case = freeze(Case().to(S.SCREENING)).wait(days=9)

    case.do("withdraw", evidence=[HASH])

    assert (case.stage, case.facts.frozen) == (S.WITHDRAWN, {})
    with pytest.raises(IllegalMove):
        unfreeze(case)
    case.wait(days=40)
    assert case.file.finished()


def test_a_question_is_answered_while_it_is_frozen():
    case = Case().to(S.SCREENING)
    case.do("ask_clarification", question=REASON)
    freeze(case).wait(days=30)

    case.do("answer_clarification", answer=REASON)

    assert not case.facts.clarification_open


def test_what_comes_back_by_an_undone_move_has_rested_too():
    case = Case().to(S.SCREENING)
    due = dues(case)["screening"]
    case.assign("paper_review", 3)
    answers = {item.key: True for item in case.edition.programme("planning").eligibility}
    case.do("pass_screening", answers=answers, complete=True)

    pause = frozen_for(case, days=30)
    case.two("return_to_screening", reason=REASON)

    assert dues(case)["screening"] == due + pause


def test_a_withdrawal_in_error_is_undone_with_the_time_it_rested():
    case = Case().to(S.SCREENING)
    due = dues(case)["screening"]
    freeze(case).wait(days=5)
    case.do("withdraw", evidence=[HASH])
    case.two("return_to_screening", reason=REASON)

    assert (dues(case)["screening"], case.facts.frozen) == (due + timedelta(days=5), {})


def test_a_freeze_on_top_of_another_counts_once_and_lasts_until_both_are_lifted():
    case = Case().to(S.FRAMEWORK)
    before, since = dues(case), case.now
    freeze(case, None, "GE").wait(days=3)
    freeze(case).wait(days=4)
    unfreeze(case, "GE").wait(days=5)
    assert case.facts.frozen == {ALL: 1}
    unfreeze(case)

    assert {name: due - before[name] for name, due in dues(case).items()} == dict.fromkeys(before, timedelta(days=12))
    assert case.facts.pauses == (Pause(since=since, until=since + timedelta(days=12)),)


@pytest.mark.parametrize("first", ["freeze", "suspend"])
def test_a_freeze_and_a_suspension_at_once_count_once(first):
    case = Case().to(S.IMPLEMENTATION)
    before, ends = dues(case)["implementation_end"], case.facts.ends_on
    if first == "suspend":
        case.do("suspend", reason=REASON)
        suspension = dues(case.wait(days=2))["suspension"]
        frozen_for(case, days=30)
        assert dues(case)["suspension"] == suspension + timedelta(days=30)
        case.wait(days=1).do("resume", reason=REASON)
    else:
        frozen_for(case, days=30)
        case.do("suspend", reason=REASON)
        case.wait(days=3).do("resume", reason=REASON)

    assert dues(case)["implementation_end"] == before + timedelta(days=33)
    assert case.facts.ends_on == ends + timedelta(days=33)


def test_a_meeting_a_tender_and_a_notice_of_termination_move_with_it():
    meeting = Case().to(S.CONSULTATION)
    meeting.do("schedule", **meeting.meeting())
    tender = Case().to(S.PROCUREMENT)
    tender.agree_terms()
    tender.do("publish_notice", closes_at=tender.now + timedelta(days=20))
    notice = Case().to(S.IMPLEMENTATION)
    notice.do("notify_termination", ends_at=notice.now + timedelta(days=30), reason=REASON)
    dates = [meeting.facts.meeting.at, tender.facts.tender.closes_at, notice.facts.termination_at]

    pauses = [frozen_for(case, days=8, minutes=1) for case in (meeting, tender, notice)]

    moved = [meeting.facts.meeting.at, tender.facts.tender.closes_at, notice.facts.termination_at]
    assert [after - before for before, after in zip(dates, moved, strict=True)] == pauses
    assert moved[2] == notice.file.timers["termination_notice"].due_at
    told = [letter for letter in notice.letters if letter.template == "thawed"]
    assert {letter.to for letter in told if "termination_notice" in [moved.timer for moved in letter.dates]} == {
        "P-MAYOR",
        "P-SIGN-O-KR",
    }


def test_a_tender_that_closes_later_is_told_to_its_bidders_and_to_the_public():
    case = Case().to(S.PROCUREMENT)
    case.notice()
    case.do("receive_bid", bidder="O-KR", sealed=HASH, contact="P-BIDDER")
    sent, closes_at = len(case.letters), case.facts.tender.closes_at

    closes_later = closes_at + frozen_for(case, days=8)

    told = [letter for letter in case.letters[sent:] if letter.to == "P-BIDDER"]
    assert [letter.template for letter in told] == ["frozen", "thawed"]
    dates = {moved.timer: (moved.was, moved.due_at) for moved in told[-1].dates}
    assert dates["procurement_notice"] == (closes_at, closes_later)
    released = record(case.edition, case.entries, {}, "ocds-x").releases[-1]
    assert (released.tag, released.tender.tenderPeriod.endDate) == (("tenderAmendment",), closes_later)


def test_a_suspension_that_is_undone_keeps_the_freeze_that_was_in_it():
    case = Case().to(S.IMPLEMENTATION)
    due, ends = dues(case)["implementation_end"], case.facts.ends_on
    case.do("suspend", reason=REASON)
    case.wait(days=5)
    pause = frozen_for(case, days=30)
    case.wait(days=5)
    case.two("return_to_implementation", reason=REASON)

    assert [one.until - one.since for one in case.facts.pauses] == [pause]
    assert (case.facts.suspended_at, case.facts.suspensions) == (None, ())
    assert (dues(case)["implementation_end"], case.facts.ends_on) == (due + pause, ends + timedelta(days=30))


def test_a_freeze_that_is_dated_back_begins_after_what_has_happened():
    case = Case().to(S.SCREENING)
    entered = case.now
    case.wait(days=1)

    freeze(case, entered - timedelta(days=30))

    assert case.facts.frozen_since == entered


def test_a_deadline_between_the_date_and_the_order_rests_with_the_others():
    case = Case().to(S.SCREENING)
    since, before = case.now, dues(case)
    case.now += timedelta(days=60)  # nobody had come to it yet
    freeze(case, since)
    unfreeze(case)

    assert dues(case) == {name: due + timedelta(days=60) for name, due in before.items()}


def test_whoever_arrives_in_a_frozen_country_rests_and_its_window_closes_later():
    case = Case()
    since = case.now - timedelta(days=2)
    case.receive(freezes=[Freeze(scope="GE", since=since, entry=4)])
    assert (case.facts.frozen, case.file.next_due()) == ({"GE": 4}, None)

    case.wait(days=71)
    unfreeze(case, "GE")

    assert dues(case)["call"] == case.window.closes_at + timedelta(days=73)
    case.until(case.window.closes_at + timedelta(days=73))
    assert case.stage is S.SCREENING


def test_an_arrival_after_the_close_is_in_time_where_the_country_was_frozen():
    late = Case().window.closes_at + timedelta(days=10)
    cases = []
    for days in (10, 11):
        case = Case()
        case.now = late
        freezes = [Freeze(scope="GE", since=seoul(2021, 3, 1), until=seoul(2021, 3, 1) + timedelta(days=days), entry=2)]
        case.receive(freezes=freezes)
        case.wait(days=1)
        cases.append(case.stage)

    assert cases == [S.RECEIVED, S.SCREENING]


def test_the_end_of_the_work_counts_the_pauses_before_the_contract():
    case = Case().to(S.FRAMEWORK)
    frozen_for(case, days=73)

    case.to(S.IMPLEMENTATION)

    assert case.facts.ends_on == rules("2021").implementation.ends_on + timedelta(days=73)
    assert dues(case)["implementation_end"] == seoul(2022, 7, 1) + timedelta(days=73)


def test_each_person_gets_one_letter_when_it_rests_and_one_with_the_new_dates():
    case = Case().to(S.FRAMEWORK)
    case.do("table_text", text=HASH)
    case.two("list_party", party="CITY", kind="host_government", signatory="P-SIGN")
    due = dues(case)["framework_signature"]
    sent = len(case.letters)

    pause = frozen_for(case, days=73)

    told = [letter for letter in case.letters[sent:] if letter.template in ("frozen", "thawed")]
    assert sorted((letter.template, letter.to) for letter in told) == [
        ("frozen", "P-MAYOR"), ("frozen", "P-SIGN"), ("thawed", "P-MAYOR"), ("thawed", "P-SIGN"),
    ]  # fmt: skip
    [thawed] = [letter for letter in told if (letter.template, letter.to) == ("thawed", "P-SIGN")]
    assert [(d.timer, d.was, d.due_at) for d in thawed.dates] == [("framework_signature", due, due + pause)]
    for letter in told:
        _, body = Letters().write(letter, view(), entry(1), "Ms Nino Beridze", {"reason": "A war."})
        assert max(map(len, body.splitlines())) <= 80
    assert "the signature of the cooperation framework\n      before:  the end of" in body


# --- an edition -------------------------------------------------------------------------------------------------------


def opened() -> Office:
    office = Office()
    office.two("open_call")
    return office


def give(office: Office, trigger: str, *countries: str, **data: Any) -> None:
    office.two(trigger, countries=countries, reason=REASON, **data)


def scopes(office: Office) -> list[str]:
    return sorted(office.facts.frozen())


def test_one_country_of_two_is_lifted_and_a_freeze_of_all_is_another():
    office = opened()
    give(office, "freeze", "TR", "UA")
    give(office, "freeze")
    give(office, "unfreeze", "TR")

    assert scopes(office) == ["UA", ALL]


def test_what_is_frozen_is_frozen_again_only_for_those_left_out():
    office = opened()
    give(office, "freeze", "TR")
    with pytest.raises(GuardFailed, match="something_to_freeze"):
        give(office, "freeze", "TR")

    give(office, "freeze", "TR", refs=["KC2021-PLA-0007"])

    assert [one.scope for one in office.facts.freezes] == ["TR"]
    assert [batch.refs for batch in office.file.orders] == [["KC2021-PLA-0007"]]


def test_a_country_is_not_lifted_out_of_a_freeze_of_all():
    office = opened()
    give(office, "freeze")

    with pytest.raises(GuardFailed, match="freeze the other countries by name, then lift that"):
        give(office, "unfreeze", "TR")


@pytest.mark.parametrize("off", [timedelta(microseconds=-1), timedelta(microseconds=1)], ids=["before", "after"])
def test_a_freeze_counts_neither_from_the_future_nor_from_before_the_present_stage(off):
    office = opened()
    since = office.now
    office.wait(days=1)

    with pytest.raises(GuardFailed, match="counts_from_then"):
        give(office, "freeze", from_at=since + off if off < timedelta(0) else office.now + off)
    give(office, "freeze", from_at=since)

    assert office.facts.frozen()[ALL].since == since


def test_while_all_is_frozen_the_intake_does_not_close_and_closes_later_by_the_pause():
    office = opened()
    closes = office.edition.windows[0].closes_at
    give(office, "freeze")
    office.wait(days=73)
    assert (office.stage, office.file.next_due()) == ("open", None)
    give(office, "unfreeze")

    office.until(closes + timedelta(days=73) - timedelta(microseconds=1))
    assert office.stage == "open"
    office.until(closes + timedelta(days=73))
    assert office.stage == "deciding"
    assert office.facts.timers["results"].due_at == seoul(2021, 7, 1) + timedelta(days=73)


def test_a_freeze_of_a_country_leaves_the_edition_its_clock():
    office = opened()
    give(office, "freeze", "TR")

    office.until(office.edition.windows[0].closes_at)

    assert office.stage == "deciding"


def test_its_orders_name_the_entry_and_the_instant():
    office = opened()
    give(office, "freeze", "TR", refs=["KC2021-PLA-0001"])
    [batch] = office.file.orders

    [(ref, trigger, data)] = batch.commands
    assert (ref, trigger, data["countries"], data["from_at"]) == (
        "KC2021-PLA-0001", "freeze", ["TR"], office.now.isoformat(),
    )  # fmt: skip
    assert (data["by"]["order"]["entry"], data["reason"]) == (batch.entry, REASON)
    assert office.entries[-1].outcome is Outcome.MADE


def test_those_whom_it_meets_are_found_and_not_typed():
    views = [
        view(subject="KC2021-PLA-0001", country="TR"),
        view(subject="KC2021-PLA-0002", country="TR", frozen={"TR": 3}),
        view(subject="KC2021-PLA-0003", country="GE"),
        view(subject="KC2021-PLA-0004", country="TR", stage="withdrawn"),
        view(subject="edition/2021", stage="open"),
    ]

    def met(trigger: str, *countries: str) -> list[str]:
        data = {"countries": list(countries), "refs": ["KC2021-PLA-0009"]}
        return filled(trigger, data, lambda: views, {"refs": ["KC2021-PLA-0008"]})["refs"]

    assert met("freeze", "TR") == ["KC2021-PLA-0001"]
    assert met("unfreeze", "TR") == ["KC2021-PLA-0002"]
    assert met("freeze") == ["KC2021-PLA-0001", "KC2021-PLA-0002", "KC2021-PLA-0003"]


def test_it_is_told_that_it_rests_and_what_leads_on_meanwhile():
    case = freeze(Case().to(S.SCREENING))
    source = Source(edition=case.edition, ledger=case.entries, view=case.file.view())
    told = [sentence.text for chapter in explain(source, case.now) for sentence in chapter.sentences]

    [rests] = [text for text in told if text.startswith("It rests since")]
    assert rests.endswith("no deadline runs until the ministry lifts the freeze.")
    assert [text for text in told if text.startswith("It comes to")] == [
        "It comes to withdrawn by `withdraw`: the applicant or the secretariat.",
        "It comes to cancelled by `cancel_call`: the ministry, confirmed by a second person, "
        "by a decision of the edition.",
    ]
