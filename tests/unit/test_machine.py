"""The machine: the table and nothing else, and refusals that say what is missing."""

import pytest

from kcity_flow.domain.errors import GuardFailed, IllegalMove, NotPermitted, SecondPersonNeeded, Unreadable
from kcity_flow.domain.machine import APPLICATIONS, EDITIONS
from kcity_flow.domain.messages import By, Order, parse
from kcity_flow.domain.moves import EDITION_MOVES, MOVES
from kcity_flow.domain.stages import Role, Stage, Via
from tests.unit.case import HASH, REASON, Case, person_of


@pytest.mark.parametrize(
    ("machine", "table"), [(APPLICATIONS, MOVES), (EDITIONS, EDITION_MOVES)], ids=["application", "edition"]
)
def test_the_machine_knows_no_move_outside_the_table(machine, table):
    """Guards against transitions' to_<stage>() shortcuts: by default every stage leads to every other."""
    known = [
        (trigger, row.source, row.dest)
        for trigger, event in machine.events.items()
        for rows in event.transitions.values()
        for row in rows
    ]

    assert sorted(known, key=str) == sorted(
        ((m.trigger, source.name, m.dest and m.dest.name) for m in table for source in m.sources), key=str
    )


def test_a_closed_application_offers_follow_up_and_what_is_always_offered():
    assert APPLICATIONS.offers(Stage.CLOSED) == [
        "return_to_settlement", "recover", "write_off", "follow_up", "supersede_follow_up", "flag", "correct",
        "refuse_proposal", "retract_proposal", "lapse_proposal",
    ]  # fmt: skip


def refusal(case: Case, kind: type[Exception], trigger: str, *args, **data) -> str:
    stage, facts, waiting = case.stage, case.facts, dict(case.file.carried.proposals)
    with pytest.raises(kind) as refused:
        case.do(trigger, *args, **data)
    assert (case.stage, case.facts, case.file.carried.proposals) == (stage, facts, waiting)
    last = case.entries[-1]
    assert (last.command, last.outcome, last.refused.code) == (trigger, "refused", kind.__name__)
    return str(refused.value)


def test_an_illegal_move_is_refused_with_what_is_legal_instead():
    said = refusal(Case().to(Stage.RECEIVED), IllegalMove, "select", Role.COMMITTEE, krw=1, rank=1)

    assert said == (
        "select is not legal from received (asked by committee). Legal there: refuse_late, defer, open_screening, "
        "withdraw, merge_duplicate, cancel_call, acknowledge, supersede, flag, correct, refuse_proposal, "
        "retract_proposal, lapse_proposal, freeze, unfreeze."
    )


def test_another_role_is_refused_with_the_roles_that_may():
    said = refusal(Case().to(Stage.SCREENING), NotPermitted, "withdraw", Role.REVIEWER, evidence=[HASH])

    assert said == "reviewer may not withdraw from screening: it takes applicant or desk or head."


def test_what_only_the_edition_sends_is_refused_from_anybody_else():
    said = refusal(Case().to(Stage.SHORTLISTED), NotPermitted, "select", krw=400_000_000, rank=1)

    assert said == "committee may not select from shortlisted: it takes the edition, which alone may send it."


def test_the_editions_name_without_the_editions_order_is_refused():
    said = refusal(Case().to(Stage.SHORTLISTED), NotPermitted, "pass_over", via=Via.EDITION)

    assert said == "committee may not pass_over from shortlisted: it takes the edition, which alone may send it."


def test_nobody_speaks_for_the_clock():
    case = Case().to(Stage.SCREENING)
    case.do("ask_clarification")

    said = refusal(case, NotPermitted, "lapse_clarification", Role.CLOCK, via=Via.SIGNAL)
    assert said == "clock may not lapse_clarification from screening: it takes the clock itself; nobody speaks for it."


def test_a_failed_guard_is_named_with_what_is_missing():
    said = refusal(Case().to(Stage.SCREENING), GuardFailed, "withdraw", Role.APPLICANT)

    assert said == (
        "applicant cannot withdraw from screening: in_writing does not hold. "
        "Missing: the hash of the letter or message as evidence."
    )


def test_a_refusal_carries_its_parts():
    with pytest.raises(GuardFailed) as refused:
        Case().to(Stage.RECEIVED).do("open_screening", Role.DESK)

    parts = refused.value
    assert (parts.trigger, parts.stage, parts.role, parts.guard) == (
        "open_screening", "received", "desk", "window_closed_or_continuous",
    )  # fmt: skip
    assert parts.missing == "the window to close at 2021-04-20T15:00:00+00:00"


def test_the_same_person_is_not_two():
    case = Case().to(Stage.SCREENING)
    proposed = case.do("declare_ineligible", item="government")

    said = refusal(case, SecondPersonNeeded, "declare_ineligible", item="government", proposal=proposed.entry)
    assert (
        said
        == "desk cannot confirm declare_ineligible from screening: it takes a second person, and this one proposed it."
    )


def test_two_roles_of_one_person_are_still_one():
    case = Case().to(Stage.SCREENING)
    entry = case.do("declare_ineligible", item="government").entry
    desk = person_of(Role.DESK)

    with pytest.raises(SecondPersonNeeded, match="second person"):
        case.do("declare_ineligible", Role.HEAD, person=desk, item="government", proposal=entry)


@pytest.mark.parametrize(
    ("change", "missing"),
    [
        ({"item": "oversees"}, "its data (item) differ from those proposed; repeat them, or refuse the proposal"),
        ({"proposal": 99}, "no declare_ineligible waits under entry 99"),
    ],
)
def test_other_data_or_another_proposal_do_not_confirm(change, missing):
    case = Case().to(Stage.SCREENING)
    entry = case.do("declare_ineligible", item="government").entry

    said = refusal(
        case, SecondPersonNeeded, "declare_ineligible", Role.HEAD, **{"item": "government", "proposal": entry} | change
    )
    assert said == f"head cannot confirm declare_ineligible from screening: {missing}."


@pytest.mark.parametrize(
    ("proposed_by", "approved_by", "missing"),
    [
        ("P-MINISTRY-2", "P-MINISTRY-2", "names one person twice"),
        ("P-COMMITTEE", "P-OTHER", "was approved by somebody else"),
    ],
)
def test_an_order_of_the_edition_names_two_persons_of_whom_one_sends_it(proposed_by, approved_by, missing):
    case = Case().to(Stage.SHORTLISTED)
    order = Order(edition=2021, entry=1, proposed_by=proposed_by, approved_by=approved_by)
    by = By(person="P-MINISTRY-2", role=Role.MINISTRY, via=Via.EDITION, order=order)

    with pytest.raises(SecondPersonNeeded, match=missing):
        case.give(case.command("pass_over", by))


@pytest.mark.parametrize("via", [Via.UPDATE, Via.SIGNAL, Via.EDITION])
def test_an_order_does_not_stand_for_two_persons_where_the_edition_has_no_say(via):
    case = Case().to(Stage.SCREENING)
    order = Order(edition=2021, entry=1, proposed_by="P-A", approved_by="P-DESK")
    by = By(person="P-DESK", role=Role.DESK, via=via, order=order)

    assert case.give(case.command("declare_ineligible", by, item="government")).outcome == "proposed"
    assert case.stage is Stage.SCREENING


def test_a_command_that_does_not_parse_says_where():
    with pytest.raises(Unreadable) as refused:
        parse("application", "suspend", {"id": "1", "by": {"person": "Kim", "role": "ministry"}, "reason": REASON})

    assert str(refused.value) == (
        "The command 'suspend' cannot be read: by.person: String should match pattern '^(P-[A-Z0-9-]{1,40}|clock)$'. "
        "Nothing was done; send it again with these mended."
    )


def test_an_unknown_command_says_so():
    with pytest.raises(Unreadable, match="The command 'explode' cannot be read: there is no command of that name"):
        parse("edition", "explode", {})


def test_a_payload_that_is_no_object_says_so():
    with pytest.raises(Unreadable, match="its payload is list, not an object"):
        parse("application", "suspend", [])
