"""What waits, for whom, by when: as views say it and as an inbox shows it."""

from datetime import timedelta

import pytest

from kcity_flow.adapters.edition_files import shipped
from kcity_flow.domain.agenda import APPLICATION_TIMERS, EDITION_TIMERS
from kcity_flow.domain.inbox import TASKS, business_time, inbox
from kcity_flow.domain.messages import View, Waiting
from kcity_flow.domain.moves import BY_TRIGGER
from kcity_flow.domain.stages import Role, Stage
from kcity_flow.domain.tasks import TASKS as ROWS
from tests.unit.case import HASH, Case, Office, rules, seoul

INSTANT = timedelta(microseconds=1)


def waiting(case: Case | Office, what: str) -> Waiting:
    """The one thing of this name that waits."""
    [found] = [waiting for waiting in case.file.view().waiting if waiting.what == what]
    return found


def names(case: Case | Office) -> set[str]:
    return {waiting.what for waiting in case.file.view().waiting}


def view(subject: str, *waits: Waiting, **more: object) -> View:
    return View(
        subject=subject, edition=2021, stage="screening", since=seoul(2021, 5, 1), waiting=waits, entries=1, head=HASH,
        **more,
    )  # fmt: skip


def waits(what: str = "screening", *to: str, due_at=None, **more: object) -> Waiting:
    return Waiting(what=what, entry=1, since=seoul(2021, 5, 1), due_at=due_at, to=to or ("desk",), **more)


# --- what views say ---------------------------------------------------------------------------------------------------


def test_a_proposal_waits_once_for_those_who_may_approve_and_not_for_its_proposer() -> None:
    case = Case().to(Stage.SCREENING)
    proposed_at = case.now
    proposed = case.do("declare_ineligible", item="government")

    assert waiting(case, "declare_ineligible") == Waiting(
        what="declare_ineligible",
        entry=proposed.entry,
        since=proposed_at,
        due_at=seoul(2021, 4, 29),
        to=("desk", "head"),
        escalates_to=("head",),
        but="P-DESK",
        proposal=True,
    )
    assert names(case) == {"declare_ineligible", "acknowledge", "screening"}


@pytest.mark.parametrize("carry_over", [False, True])
def test_an_overdue_proposal_keeps_its_day_until_it_is_handled(carry_over: bool) -> None:
    case = Case(carry_over=carry_over).to(Stage.SCREENING)
    proposed = case.do("declare_ineligible", item="government")

    case.wait(days=10)  # past its day and the last reminder, before it lapses
    assert waiting(case, "declare_ineligible").due_at == seoul(2021, 4, 29)

    case.do("declare_ineligible", Role.HEAD, item="government", proposal=proposed.entry)
    assert names(case) == {"letters"}
    assert "second_person#4" not in case.file.carried.missed


def test_a_proposal_waits_without_a_day_where_the_edition_sets_none() -> None:
    case = Case(edition=rules("2021").model_copy(update={"ladders": ()}))
    case.receive()
    case.wait(days=1)
    case.do("merge_duplicate", survivor="KC2021-PLA-0009")

    assert (waiting(case, "merge_duplicate").since, waiting(case, "merge_duplicate").due_at) == (case.now, None)


@pytest.mark.parametrize("carry_over", [False, True])
def test_a_missed_deadline_waits_until_what_it_stands_for_is_done(carry_over: bool) -> None:
    case = Case(carry_over=carry_over)
    case.receive()
    case.wait(days=20)
    assert waiting(case, "acknowledge").due_at == seoul(2021, 2, 25)

    case.do("acknowledge")

    assert "acknowledge" not in names(case)


def test_a_deadline_set_again_takes_the_place_of_the_one_that_was_missed() -> None:
    case = Case().to(Stage.IMPLEMENTATION).until(seoul(2022, 8, 1))
    assert waiting(case, "implementation_end").due_at == seoul(2022, 7, 1)

    case.two("extend", ends_on="2022-12-31", ground="scale")

    assert waiting(case, "implementation_end").due_at == seoul(2023, 1, 1)


def test_a_question_waits_for_the_applicant_in_person() -> None:
    case = Case().to(Stage.SCREENING)
    case.do("ask_clarification")

    assert waiting(case, "clarification").to == ("P-MAYOR",)
    assert waiting(case, "clarification").escalates_to == ("desk",)


def test_the_framework_waits_for_the_signatories_who_are_missing() -> None:
    case = Case().to(Stage.FRAMEWORK)
    case.do("table_text", text=HASH)
    assert "framework_signature" not in names(case)
    for party, kind in (("MOLIT", "korean_government"), ("CITY", "host_government")):
        case.two("list_party", party=party, kind=kind, signatory=f"P-SIGN-{party}")
    case.put_signature("MOLIT")

    assert waiting(case, "framework_signature").to == ("P-SIGN-CITY",)


def test_what_the_clock_will_do_waits_for_nobody() -> None:
    case = Case()
    case.receive()

    assert (waiting(case, "call").to, waiting(case, "call").due_at) == ((), case.window.closes_at)
    assert [item.waiting.what for item in inbox([case.file.view()], {})] == ["acknowledge"]


def test_nothing_waits_on_work_that_is_suspended_but_the_suspension() -> None:
    assert names(Case().to(Stage.SUSPENDED)) == {"suspension"}


def test_nothing_waits_in_a_file_that_has_closed_though_a_day_was_missed() -> None:
    case = Case().to(Stage.CLOSED)
    case.wait(days=500)

    assert "follow_up" in case.file.carried.missed
    assert (case.file.view().closed, case.file.view().waiting) == (True, ())


def test_an_edition_waits_for_its_results_and_its_second_persons() -> None:
    office = Office().deciding()
    office.do("decide_selection", programme="planning", ranking=[], selected=[])

    assert names(office) == {"results", "decide_selection"}
    assert waiting(office, "decide_selection").to == ("ministry",)


# --- the inbox --------------------------------------------------------------------------------------------------------


def test_the_due_instant_is_overdue_and_the_one_before_is_not() -> None:
    due = seoul(2021, 5, 7)
    screening = view("KC2021-PLA-0001", waits(due_at=due, escalates_to=("head",)))

    [before] = inbox([screening], {2021: due - INSTANT}, "P-DESK", frozenset({"desk"}))
    [then] = inbox([screening], {2021: due}, "P-DESK", frozenset({"desk"}))

    assert (before.overdue, then.overdue) == (False, True)
    assert inbox([screening], {2021: due - INSTANT}, "P-HEAD", frozenset({"head"})) == []
    [escalated] = inbox([screening], {2021: due}, "P-HEAD", frozenset({"head"}))
    assert (escalated.overdue, escalated.escalated, then.escalated) == (True, True, False)


def test_nothing_is_overdue_in_an_edition_whose_time_is_unknown() -> None:
    [item] = inbox([view("KC2021-PLA-0001", waits(due_at=seoul(2000, 1, 1)))], {})

    assert not item.overdue


def test_the_most_urgent_comes_first_and_what_has_no_date_last() -> None:
    views = [
        view("KC2021-PLA-0001", waits("open_screening")),
        view("KC2021-PLA-0002", waits(due_at=seoul(2021, 5, 8))),
        view("edition/2021", waits("results", due_at=seoul(2021, 5, 7))),
        view("KC2021-PLA-0003", waits(due_at=seoul(2021, 5, 8) - INSTANT)),
    ]

    found = [item.subject for item in inbox(views, {})]

    assert found == ["edition/2021", "KC2021-PLA-0003", "KC2021-PLA-0002", "KC2021-PLA-0001"]


def test_a_proposal_is_in_the_inbox_of_everybody_who_may_confirm_it_but_its_proposer() -> None:
    proposal = view("KC2021-PLA-0001", waits("correct", "desk", "head", but="P-DESK-1", proposal=True))

    def sees(person: str, *roles: str) -> bool:
        return bool(inbox([proposal], {}, person, frozenset(roles)))

    assert sees("P-DESK-2", "desk")
    assert sees("P-HEAD", "head", "chair")
    assert not sees("P-DESK-1", "desk", "head")
    assert not sees("P-MINISTRY", "ministry")
    assert inbox([proposal], {})[0].task() == "confirm or refuse the proposal: correct"


def test_people_see_what_waits_for_them_by_name_and_nothing_of_others() -> None:
    views = [
        view("KC2021-PLA-0001", waits("clarification", "P-MAYOR")),
        view("KC2021-PLA-0002", waits("clarification", "P-OTHER")),
        view("KC2021-PLA-0003", waits("score_sheet", "P-REV-1", "P-REV-2")),
        view("KC2021-PLA-0004", waits("conflict_declaration", "P-REV-2")),
    ]

    def seen(person: str, role: str) -> list[str]:
        return [item.subject[-1] for item in inbox(views, {}, person, frozenset({role}))]

    assert seen("P-MAYOR", "applicant") == ["1"]
    assert seen("P-REV-1", "reviewer") == ["3"]
    assert seen("P-REV-2", "reviewer") == ["3", "4"]
    assert seen("P-NOBODY", "applicant") == []


def test_nothing_of_an_application_waits_for_whoever_is_in_conflict_with_it() -> None:
    case = Case().to(Stage.SCREENING)
    case.assign("paper_review", 2)
    case.do("assign_reviewer", reviewer="P-REV-3", step="paper_review", reason=HASH)

    def found(person: str, *roles: str) -> list[str]:
        return sorted(item.waiting.what for item in inbox([case.file.view()], {}, person, frozenset(roles)))

    assert found("P-REV-3", "desk", "reviewer") == ["acknowledge", "conflict_declaration", "screening"]
    case.do("declare_conflict", person="P-REV-3", step="paper_review", conflict=True, kind="family")

    assert found("P-REV-3", "desk", "reviewer") == []
    assert found("P-DESK", "desk") == ["acknowledge", "screening"]


def test_the_contact_of_an_application_is_asked_what_names_them_and_nothing_as_the_desk() -> None:
    case = Case().to(Stage.SCREENING)
    case.do("ask_clarification")

    found = inbox([case.file.view()], {}, "P-MAYOR", frozenset({"applicant", "desk"}))

    assert [item.waiting.what for item in found] == ["clarification"]


def test_a_closed_file_waits_for_nobody() -> None:
    assert inbox([view("KC2021-PLA-0001", waits(), closed=True)], {}) == []


def test_business_time_is_the_clocks_in_earnest_and_the_newest_entrys_in_a_rehearsal() -> None:
    case = Case()
    case.receive()
    entry, clock = case.entries[0], seoul(2026, 1, 1)

    assert business_time(entry, clock) == clock
    assert business_time(entry.model_copy(update={"recorded_at": clock}), clock) == entry.at


def test_everybody_who_is_waited_for_is_told_what_to_do() -> None:
    timers = {row.timer for row in (*APPLICATION_TIMERS, *EDITION_TIMERS)}
    ladders = [ladder for name in shipped() for ladder in rules(name).ladders]
    waited = {ladder.timer for ladder in ladders if ladder.to and ladder.to != ("subscribers",)}

    assert (waited & timers) - set(TASKS) == set()


def test_a_view_from_before_says_that_nothing_waits() -> None:
    older = view("KC2021-PLA-0001").model_dump(mode="json", exclude={"waiting"})

    assert View.model_validate(older).waiting == ()


# --- whose turn it is, without a deadline -----------------------------------------------------------------------------


def turn(case: Case, what: str) -> tuple[tuple[str, ...], bool]:
    """For whom it waits, and whether there is a day."""
    found = waiting(case, what)
    assert found.since <= case.now
    return found.to, found.due_at is not None


def invited(case: Case) -> None:
    sides = {"applicant": ["P-MAYOR"], "ministry": ["P-MIN"]}
    case.do("schedule", date_at=case.now + timedelta(days=14), **sides, evidence=[HASH])


def held(case: Case) -> Case:
    invited(case)
    case.wait(days=14)
    case.do("hold")
    return case


@pytest.mark.parametrize(
    ("stage", "what", "to", "dated"),
    [
        (Stage.CONSULTATION, "schedule", "desk", True),
        (Stage.SHORTLISTED, "decide_selection", "committee", False),
        (Stage.SELECTED, "publish_results", "ministry", False),
        (Stage.RESERVE, "publish_results", "ministry", False),
        (Stage.NOT_SELECTED, "publish_results", "ministry", False),
        (Stage.PROCUREMENT, "set_terms", "procurement_officer", False),
    ],
)
def test_where_an_application_stands_says_whose_turn_it_is(stage: Stage, what: str, to: str, dated: bool) -> None:
    assert turn(Case().to(stage), what) == ((to,), dated)


def test_minutes_wait_for_the_side_that_has_not_agreed_them() -> None:
    case = held(Case().to(Stage.CONSULTATION))
    assert turn(case, "minutes") == (("P-MAYOR", "ministry"), True)

    case.do("agree_minutes", Role.APPLICANT, person="P-MAYOR", side="applicant", minutes=HASH)
    assert turn(case, "minutes") == (("ministry",), True)

    case.do("agree_minutes", Role.MINISTRY, side="ministry", minutes=HASH)
    assert "minutes" not in names(case)
    assert turn(case, "finish_round") == (("desk",), False)


def test_who_agreed_the_minutes_is_not_reminded_of_them() -> None:
    case = held(Case().to(Stage.CONSULTATION))
    case.do("agree_minutes", Role.APPLICANT, person="P-MAYOR", side="applicant", minutes=HASH)
    case.wait(days=10)

    reminded = {letter.to for letter in case.letters if "/minutes/" in letter.key}
    assert reminded == {"desk", "ministry"}


def test_a_date_that_was_missed_is_to_be_set_again_and_one_that_passed_to_be_recorded() -> None:
    case = Case().to(Stage.CONSULTATION)
    invited(case)
    assert names(case) == {"presentation"}

    case.wait(days=15)
    assert turn(case, "hold") == (("desk",), False)

    case.do("miss_date")
    assert turn(case, "reschedule") == (("desk",), False)


def test_an_upheld_objection_waits_for_the_reopening_it_names() -> None:
    case = Case().to(Stage.NOT_SELECTED)
    case.ordered("publish_result")
    case.do("send_letter")
    case.do("object", Role.APPLICANT, person="P-MAYOR", ground="office_error", evidence=[HASH])
    assert waiting(case, "objection").to == ("objection_committee",)
    case.two("uphold_objection", step="shortlisted", reason=HASH)

    found = waiting(case, "reopen_selection")
    assert (found.to, found.due_at, found.since) == (("desk",), None, case.now)


def test_an_application_that_arrived_late_waits_to_be_refused() -> None:
    case = Case()
    case.until(case.window.closes_at)
    case.receive(received_at=case.window.closes_at)

    assert turn(case, "refuse_late") == (("desk",), False)


def test_what_the_edition_decides_for_many_is_one_line_of_the_inbox() -> None:
    shortlist = [
        view(f"KC2021-PLA-000{n}", waits("decide_selection", "committee"), programme="planning") for n in (1, 2, 3)
    ]

    [item] = inbox(shortlist, {}, "P-COMMITTEE", frozenset({"committee"}))

    assert (item.subject, item.task()) == ("edition/2021", "decide on the shortlist (3 applications)")


def test_every_task_is_a_move_of_its_stage_and_has_words() -> None:
    for row in ROWS:
        assert [stage for stage in row.stages if (row.trigger, stage) not in BY_TRIGGER] == []
        assert row.what in TASKS
