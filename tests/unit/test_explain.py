"""An explanation says, of every ending and every way there, what decided it; and what comes next."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from kcity_flow.audit.explain import Sentence, explain
from kcity_flow.audit.moments import Source, moments
from kcity_flow.audit.sayings import SAYINGS, UNTOLD, Heading
from kcity_flow.domain import messages as m
from kcity_flow.domain.application import Application
from kcity_flow.domain.errors import Refusal
from kcity_flow.domain.moves import MOVES
from kcity_flow.domain.stages import ENDS, Role, Stage
from tests.unit.case import HASH, PATH, REASON, REVIEWERS, Case, Office, korean_days_off, seoul
from tests.unit.test_adoption import adopted
from tests.unit.test_casefile import begun, wander

H = Heading
TEXT = "Too much of it is unclear."


def source(case: Case, office: Office | None = None, texts: Mapping[str, str] | None = None) -> Source:
    decided = office.entries if office else []
    return Source(case.edition, case.entries, case.file.view(), decided, texts or {}, korean_days_off())


def sentences(
    case: Case, heading: Heading, office: Office | None = None, now: datetime | None = None, **texts: str
) -> list[Sentence]:
    by_commitment = {REASON: texts["reason"]} if texts else {}
    chapters = explain(source(case, office, by_commitment), now or case.now)
    return [sentence for chapter in chapters if chapter.heading is heading for sentence in chapter.sentences]


def told(case: Case, heading: Heading, *more: Any, **texts: str) -> list[str]:
    return [sentence.text for sentence in sentences(case, heading, *more, **texts)]


def everything(case: Case) -> str:
    return "\n".join(sentence.text for chapter in explain(source(case), case.now) for sentence in chapter.sentences)


def ordered(office: Office, case: Case) -> None:
    """The application is told what the edition ordered."""
    for batch in office.file.orders:
        for number, (ref, trigger, data) in enumerate(batch.commands):
            if ref == case.ref:
                id = f"order/{batch.entry}/{number}/{trigger}"
                case.give(m.parse("application", trigger, {**data, "id": id}))
    office.file.orders = []


def decided(case: Case, *decision: dict[str, Any]) -> Office:
    """An office that has made decisions on the case, which stands on the shortlist and is told of them."""
    office = Office().deciding()
    office.until(case.now)
    for one in decision:
        trigger = one.pop("trigger", "decide_selection")
        if trigger == "decide_selection":
            for choice in (*one["selected"], *one.get("reserve", ())):
                choice["score"] = "80"  # what the case's sheets come to
            one.setdefault("ranking", [choice["ref"] for choice in (*one["selected"], *one.get("reserve", ()))])
        office.two(trigger, **one)
        ordered(office, case)
    return office


# --- the ledger played back -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("stage", [*PATH, Stage.RESERVE, Stage.SUSPENDED, Stage.NOT_SELECTED, Stage.INELIGIBLE])
@pytest.mark.parametrize(("programme", "edition"), [("planning", "2021"), ("twinning", "rehearsal")])
def test_whatever_happened_is_played_back_to_the_facts_and_can_be_explained(programme, edition, stage) -> None:
    for seed in range(6):
        case = wander(begun((programme, edition), stage), seed, 25)

        made = list(moments(source(case)))

        assert facts(made[-1].after) == facts(case.facts)
        said = everything(case)
        assert "P-" not in said
        assert "not stated" not in said


def facts(application: Application) -> dict[str, Any]:
    return application.model_dump(exclude={"timers"})


def test_every_move_has_its_words() -> None:
    triggers = {move.trigger for move in MOVES if not move.undoes}

    assert triggers - set(SAYINGS) - set(UNTOLD) == set()


def test_a_move_without_words_is_told_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    case = Case()
    case.receive()
    monkeypatch.delitem(SAYINGS, "receive")

    assert told(case, H.RECORD) == ["On Monday, 22 February 2021: receive."]


# --- endings ----------------------------------------------------------------------------------------------------------


def late() -> Case:
    case = Case()
    case.now = case.window.closes_at + timedelta(hours=9)
    case.receive()
    case.two("refuse_late")
    return case


def passed_on() -> Case:
    case = Case("city_lab", "rehearsal")
    case.now = case.window.closes_at
    case.receive()
    case.do("defer")
    return case


def rejected() -> Case:
    case = Case().to(Stage.PAPER_REVIEW)
    case.seal(60, 70, 65)
    case.do("reject", ground="below_threshold", reason=REASON)
    return case


def absent() -> Case:
    case = Case().to(Stage.CONSULTATION)
    for trigger, reason in (("schedule", {}), ("reschedule", {"reason": REASON})):
        case.do(trigger, **case.meeting(date_at=case.now + timedelta(days=10)), **reason)
        case.wait(days=11)
        case.do("miss_date")
    case.do("no_show", reason=REASON)
    return case


def expired() -> Case:
    return Case().to(Stage.RESERVE).until(seoul(2022, 1, 3))


def merged() -> Case:
    case = Case().to(Stage.SCREENING)
    case.two("merge_duplicate", survivor="KC2021-PLA-0009")
    return case


def unsigned() -> Case:
    case = Case().to(Stage.FRAMEWORK)
    case.do("table_text", text=HASH)
    case.two("list_party", party="CITY", kind="host_government", signatory="P-S")
    case.do("refuse_signature", person="P-S", party="CITY")
    case.two("fail_framework", ground="party_refused", reason=REASON)
    return case


def unfunded() -> Case:
    case = Case().to(Stage.PROCUREMENT)
    case.two("fail_procurement", ground="money_withdrawn", evidence=[HASH], reason=REASON)
    return case


def terminated() -> Case:
    case = Case().to(Stage.IMPLEMENTATION)
    case.do("notify_termination", ends_at=case.now + timedelta(days=30), reason=REASON)
    case.wait(days=31)
    case.do("record_settlement", evidence=[HASH])
    case.two("terminate")
    return case


ENDINGS = {
    "closed": (
        lambda: Case().to(Stage.CLOSED),
        "The project was closed on Sunday, 20 June 2021: settled, filed, and graded good.",
    ),
    "ineligible": (
        lambda: Case().to(Stage.INELIGIBLE),
        "It was found ineligible on Wednesday, 21 April 2021, as the answer to this was no: "
        "“The applicant is a central or local government.”",
    ),
    "late": (late, "It was refused on Wednesday, 21 April 2021, as it had arrived too late."),
    "deferred": (
        passed_on,
        "It came after the cut-off, and on Tuesday, 1 October 2030 it was passed on to the next edition.",
    ),
    "below the threshold": (
        rejected,
        "It was not selected, which the chair decided on Wednesday, 21 April 2021: "
        "its score lies below 70 of 100, the least that is asked for.",
    ),
    "no show": (
        absent,
        "It was not selected, which the chair decided on Thursday, 13 May 2021: the applicant missed two dates.",
    ),
    "expired": (
        expired,
        "The reserve's last day passed without a free place; since Saturday, 1 January 2022 it is not selected.",
    ),
    "withdrawn": (
        lambda: Case().to(Stage.WITHDRAWN),
        "It was withdrawn by the applicant on Wednesday, 21 April 2021.",
    ),
    "merged": (
        merged,
        "It was withdrawn on Wednesday, 21 April 2021, as the same applicant's KC2021-PLA-0009 stands for both.",
    ),
    "award taken back": (
        lambda: Case().to(Stage.CANCELLED),
        "The award was taken back, and the project cancelled, on Monday, 31 May 2021.",
    ),
    "unsigned": (
        unsigned,
        "The cooperation framework failed, and it was cancelled on Monday, 31 May 2021: "
        "a party refused in writing to sign.",
    ),
    "unfunded": (
        unfunded,
        "The search for a contractor failed, and it was cancelled on Monday, 31 May 2021: the money was withdrawn.",
    ),
    "terminated": (
        terminated,
        "The work was ended early on Wednesday, 21 July 2021: the notice had run out and the sums were settled.",
    ),
}


@pytest.mark.parametrize("ending", ENDINGS)
def test_an_ending_is_explained_in_short(ending: str) -> None:
    begin, why = ENDINGS[ending]
    case = begin()
    assert case.stage in ENDS

    assert told(case, H.IN_SHORT)[1:] == [why]
    assert why in everything(case).split("\n")[2:]
    assert sentences(case, H.NEXT)[-1].text == "No move leads on from here."


def test_there_is_an_ending_of_every_kind() -> None:
    assert {begin().stage for begin, _ in ENDINGS.values()} == set(ENDS)


def test_two_persons_stand_beside_what_they_decided_with_both_entries() -> None:
    case = Case().to(Stage.INELIGIBLE)

    assert sentences(case, H.SCREENING)[-1] == Sentence(
        text="The secretariat's desk proposed it on Wednesday, 21 April 2021, "
        "and a second person there confirmed it the same day.",
        entries=(4, 5),
    )


def test_a_reason_is_quoted_where_the_vault_has_it_and_said_to_be_there_in_any_case() -> None:
    case = rejected()

    assert sentences(case, H.DECISION)[1:] == [Sentence(text="A reason is on record.", entries=(14,))]
    quoted = Sentence(text=f"In writing: “{TEXT}”", entries=(14,), quoted=True)
    assert sentences(case, H.DECISION, reason=TEXT)[1:] == [quoted]


# --- arrival ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("before", "judged"), [(timedelta(microseconds=1), "in time"), (timedelta(0), "too late")])
def test_the_closing_instant_is_too_late(before: timedelta, judged: str) -> None:
    case = Case()
    case.now = case.window.closes_at
    case.receive(received_at=case.window.closes_at - before)

    [received] = told(case, H.RECEIPT)
    assert received.endswith(f", {judged}: the call closed at the end of Tuesday, 20 April 2021.")


def test_a_late_application_can_be_refused_and_never_screened() -> None:
    case = Case()
    case.now = case.window.closes_at
    case.receive()
    ways = [sentence for sentence in told(case, H.NEXT) if sentence.startswith("It comes to")]

    assert [way.split(":")[0] for way in ways] == [
        "It comes to ineligible by `refuse_late`",
        "It comes to withdrawn by `withdraw`",
        "It comes to withdrawn by `merge_duplicate`",
        "It comes to cancelled by `cancel_call`",
    ]


def test_a_corrected_arrival_says_whether_it_is_in_time_now() -> None:
    case = Case()
    case.now = case.window.closes_at
    case.receive()
    case.two("correct", supersedes=1, field="received_at", value="2021-04-20T18:00:00+09:00", reason=REASON)

    assert told(case, H.RECORD)[0] == (
        "Corrected on Wednesday, 21 April 2021: received at is 18:00 on Tuesday, 20 April 2021, in time; "
        "entry 1 said otherwise."
    )


def test_what_was_refused_on_arrival_says_what_it_lacked() -> None:
    case = Case()
    with pytest.raises(Refusal):
        case.receive(channel="pigeon")

    assert everything(case).split("\n") == [
        "It was refused on arrival; it took one of the channels post, e-mail.",
        "1 command was refused, as the rules did not allow it: receive.",
        "The file is closed: nothing is due any more.",
    ]


# --- scores -----------------------------------------------------------------------------------------------------------


def test_scores_are_told_when_the_step_is_over_and_rest_on_the_sheets_that_counted() -> None:
    case = Case().to(Stage.PAPER_REVIEW)
    case.seal(60, 70, 66)
    assert told(case, H.REVIEW) == []
    assert told(case, H.NEXT)[0] == "3 of the 3 score sheets that are needed are sealed."

    case.do("reject", ground="below_threshold", reason=REASON)

    by_criterion = (
        "By criterion: project priority in the host country 65.33, demand for smart solutions 65.33 and opportunities "
        "for Korean companies in future projects 65.33; the sheets lie at most 10.00 points apart."
    )
    assert sentences(case, H.REVIEW) == [
        Sentence(
            text="In the paper review 3 score sheets came to a mean of 65.33 of 100, which does not reach the 70 "
            "that are asked for.",
            entries=(11, 12, 13),
        ),
        Sentence(text=by_criterion, entries=(11, 12, 13)),
    ]


def test_scores_are_told_to_those_alone_who_may_know_them() -> None:
    case = rejected()

    for scored in ((), ("presentation",)):
        assert told_to(case, scored) == []
    assert len(told_to(case, ("paper_review",))) == 2


def told_to(case: Case, scored: tuple[str, ...]) -> list[str]:
    chapters = explain(source(case), case.now, scored)
    return [said.text for chapter in chapters for said in chapter.sentences if "sheets" in said.text]


def test_a_sheet_that_was_void_counts_in_nothing() -> None:
    case = Case().to(Stage.PAPER_REVIEW)
    case.seal(90, 80, 80)
    case.do("declare_conflict", person=REVIEWERS[0], step="paper_review", conflict=True, kind="adviser")
    case.do("assign_reviewer", reviewer=REVIEWERS[3], step="paper_review", reason=REASON)
    case.do("declare_conflict", person=REVIEWERS[3], step="paper_review", conflict=False)
    criteria = case.edition.programme("planning").criteria
    case.do("seal_sheet", person=REVIEWERS[3], scores={criterion.key: 80 for criterion in criteria})
    case.do("declare_conflict", person=REVIEWERS[1], step="paper_review", conflict=False)  # again, after sealing
    case.do("invite_to_consultation")

    conflict, scores, *_ = sentences(case, H.REVIEW)
    assert conflict.text == (
        "On Wednesday, 21 April 2021 a reviewer declared a conflict of interest (adviser), and takes no part."
    )
    assert scores.text.startswith("In the paper review 3 score sheets came to a mean of 80.00 of 100, which reaches")
    assert scores.entries == (12, 13, 17)


# --- selection --------------------------------------------------------------------------------------------------------


def test_who_is_selected_reads_rank_award_places_and_both_decisions() -> None:
    case = Case().to(Stage.SHORTLISTED)
    office = Office().deciding()
    office.until(case.now)
    best, *others = [office.choice("planning", number) for number in (1, 2, 3)]
    chosen = [best | {"score": "80"}, *(other | {"score": "79"} for other in others)]
    ranking = [choice["ref"] for choice in chosen]
    office.two("decide_selection", programme="planning", ranking=ranking, selected=chosen[:2], reserve=chosen[2:])
    ordered(office, case)

    assert sentences(case, H.DECISION, office)[1:] == [
        Sentence(
            text="It was selected on Monday, 31 May 2021, with an award of KRW 400,000,000: "
            "it ranked 1 of 3 with a mean of 80.00; 2 places of about 4 went to this programme.",
            entries=(27,),
        ),
        Sentence(
            text="The selection committee proposed it on Monday, 31 May 2021, and the ministry, as second person, "
            "confirmed it the same day.",
            entries=(27,),
            edition_entries=(4, 5),
        ),
    ]


def test_who_stands_on_the_reserve_reads_which_number_it_is_and_until_when() -> None:
    case = Case().to(Stage.SHORTLISTED)
    choices = [Office().choice("planning", number) for number in (3, 2, 1)]
    ranked = [choice | {"rank": rank} for rank, choice in enumerate(choices, start=1)]
    office = decided(case, {"programme": "planning", "selected": ranked[:1], "reserve": ranked[1:]})

    assert told(case, H.IN_SHORT, office)[1] == (
        "It was put on the reserve on Monday, 31 May 2021 as number 2, as the places went to others: "
        "it ranked 3 of 3 with a mean of 80.00."
    )
    assert "After the end of Friday, 31 December 2021 it leaves the reserve by itself and is not selected." in told(
        case, H.NEXT, office
    )


def test_who_was_passed_over_reads_its_rank_and_how_many_places_went_to_others() -> None:
    case = Case().to(Stage.SHORTLISTED)
    selected = [Office().choice("planning", 2)]
    office = decided(case, {"programme": "planning", "selected": selected, "ranking": [selected[0]["ref"], case.ref]})

    assert told(case, H.IN_SHORT, office)[1] == (
        "It was not selected, which was decided on Monday, 31 May 2021: "
        "1 place went to others, and it ranked 2 of 2 with a mean of 80.00."
    )


@pytest.mark.parametrize(
    ("decided_by", "voted", "told_by"),
    [
        ("score", False, "its score"),
        ("criterion demand", False, "the criterion “demand for smart solutions”, as scores were equal"),
        ("matching_funds", False, "matching funds, as scores were equal"),
        ("score", True, "the committee's minuted vote, as scores were equal"),
    ],
)
def test_a_ranking_that_stands_in_the_decision_is_told_with_the_rule_that_decided(decided_by, voted, told_by) -> None:
    case = Case().to(Stage.SHORTLISTED)
    office = decided(case, {"programme": "planning", "selected": [Office().choice("planning", 1)]})
    order = office.entries[-1]
    choice = {**order.data["selected"][0], "bonus": 2, "decided_by": decided_by}
    more = {"ranking": [case.ref, "KC2021-PLA-0002", "KC2021-PLA-0003"], "voted": [case.ref] if voted else []}
    office.entries[-1] = order.model_copy(update={"data": {**order.data, "selected": [choice], **more}})

    assert (
        f"it ranked 1 of 3 with a mean of 80.00 and a bonus of 2 points, told from its neighbours by {told_by}; 1 place"
        in told(case, H.DECISION, office)[1]
    )


def test_what_an_application_was_preferred_for_is_told_with_the_entry_and_its_hash() -> None:
    case = Case().to(Stage.SHORTLISTED)
    office = decided(case, {"programme": "planning", "selected": [Office().choice("planning", 1)]})
    order = office.entries[-1]
    previous = {"ref": "KC2020-SOL-0004", "grade": "good", "entry": 31, "hash": "e" * 64}
    choice = {**order.data["selected"][0], "previous": previous}
    office.entries[-1] = order.model_copy(update={"data": {**order.data, "selected": [choice]}})

    assert (
        f"; what it is preferred for is KC2020-SOL-0004, graded good by its entry 31, whose hash is {'e' * 64}; 1 place"
        in told(case, H.DECISION, office)[1]
    )


def test_an_adopted_project_is_told_as_one_that_ran_before() -> None:
    case = adopted(Stage.IMPLEMENTATION)

    assert told(case, H.RECEIPT) == [
        "It ran before, with an award of KRW 300,000,000, and was taken over on Thursday, 1 October 2020 as it stood: "
        "at implementation since Tuesday, 1 September 2020.",
        "The edition decided it, by its entry 1.",
    ]
    assert told(case, H.IN_SHORT)[1] == "The work has been going on since Tuesday, 1 September 2020."


def test_whom_no_rule_told_apart_and_nothing_was_given_is_told_so() -> None:
    case = Case().to(Stage.SHORTLISTED)
    others = [choice["ref"] for choice in (Office().choice("planning", number) for number in (2, 3, 4))]
    selected = [Office().choice("planning", 2)]
    data = {"programme": "planning", "selected": selected, "ranking": [*others[:2], case.ref, others[2]]}
    office = decided(case, data | {"equals": [[2, 2]]})

    assert "it ranked 2 of 4, equal with 1 other, with a mean of" in " ".join(told(case, H.DECISION, office))


def test_leaving_the_computed_order_and_the_quota_is_said_and_what_is_about_another_is_not_quoted() -> None:
    case = Case().to(Stage.SHORTLISTED)
    selected = [Office().choice("planning", number) for number in (1, 2, 3, 4, 5)]
    ranking = [choice["ref"] for choice in (selected[1], selected[0], *selected[2:])]
    data = {"programme": "planning", "selected": selected, "ranking": ranking}
    office = decided(case, data | {"reason": REASON, "over_quota_reason": HASH})

    said = told(case, H.DECISION, office, reason=TEXT)
    assert "it ranked 2 of 5" in said[1]
    assert "The decision leaves the computed order; the reason for that is on record." in said
    assert "More places were given than the programme is meant to have; the reason for that is on record." in said
    assert "A reason is on record." in said
    assert TEXT not in " ".join(said)


def test_a_promotion_and_an_award_taken_back_name_the_editions_two_persons() -> None:
    case = Case().to(Stage.SHORTLISTED)
    office = decided(
        case,
        {"programme": "planning", "selected": [], "reserve": [Office().choice("planning", 1)]},
        {"trigger": "promote_next", "ref": case.ref, "krw": 500_000_000},
        {"trigger": "cancel_award", "ref": case.ref, "reason": REASON},
    )

    assert told(case, H.DECISION, office)[1:] == [
        "It was put on the reserve on Monday, 31 May 2021 as number 1: it ranked 1 of 1 with a mean of 80.00.",
        "The selection committee proposed it on Monday, 31 May 2021, and the ministry, as second person, "
        "confirmed it the same day.",
        "A place came free, and it was promoted from the reserve on Monday, 31 May 2021, "
        "with an award of KRW 500,000,000.",
        "The ministry proposed it on Monday, 31 May 2021, and a second person there confirmed it the same day.",
        "The award was taken back, and the project cancelled, on Monday, 31 May 2021.",
        "The ministry proposed it on Monday, 31 May 2021, and a second person there confirmed it the same day.",
        "A reason is on record.",
    ]


def test_what_is_decided_after_publication_is_explained_once() -> None:
    case = Case().to(Stage.SHORTLISTED)
    nothing = [{"programme": key, "selected": []} for key in ("planning", "solution", "demonstration")]
    office = decided(
        case,
        *nothing,
        {"trigger": "publish_results", "refs": [], "reason": REASON},
        {"programme": "planning", "selected": [Office().choice("planning", 1)], "reason": REASON},
    )

    assert told(case, H.DECISION, office)[2:] == [
        "The selection committee proposed it on Monday, 31 May 2021, and the ministry, as second person, "
        "confirmed it the same day.",
        "A reason is on record.",
        "The result was published on Monday, 31 May 2021.",
    ]


def test_a_cancelled_call_says_for_whom() -> None:
    case = Case().to(Stage.SCREENING)
    scope = {"countries": ["GE"], "programmes": ["planning"], "refs": [case.ref], "reason": REASON}
    office = decided(case, {"trigger": "cancel_call", **scope})

    assert told(case, H.IN_SHORT, office)[1] == (
        "The call was cancelled for planning and Georgia on Wednesday, 21 April 2021, and this application with it."
    )


# --- objections and undone moves --------------------------------------------------------------------------------------


def objected(case: Case) -> Case:
    case.do("send_letter")
    case.do("object", ground="plain_misreading")
    return case


def test_an_objection_is_told_to_its_end() -> None:
    case = objected(Case().to(Stage.INELIGIBLE))
    case.two("uphold_objection", step="screening", reason=REASON)
    assert told(case, H.NEXT)[-1] == "It comes to screening by `reopen_screening`: the secretariat."
    case.do("reopen_screening")

    assert told(case, H.OBJECTION) == [
        "The applicant objected on Wednesday, 21 April 2021, because of a plain misreading of the documents.",
        "The objection was upheld on Wednesday, 21 April 2021: the error lies in the step screening, "
        "which may be opened again.",
        "The objection committee proposed it on Wednesday, 21 April 2021, "
        "and a second person there confirmed it the same day.",
        "A reason is on record.",
        "The step screening was opened again on Wednesday, 21 April 2021: "
        "what it and the steps after it came to counts no more.",
    ]
    assert told(case, H.IN_SHORT)[1].startswith("It has been in screening since Wednesday, 21 April 2021")


def test_a_dismissed_objection_leaves_the_decision() -> None:
    case = objected(Case().to(Stage.INELIGIBLE))
    case.do("dismiss_objection", reason=REASON)

    assert told(case, H.OBJECTION)[1:] == [
        "The objection was dismissed on Wednesday, 21 April 2021: the decision stands.",
        "A reason is on record.",
    ]


def test_until_when_may_be_objected_is_said() -> None:
    case = Case().to(Stage.INELIGIBLE)
    assert "Once the letter with the decision is sent, the applicant may object." in told(case, H.NEXT)

    case.do("send_letter")

    assert "The applicant may object until the end of Saturday, 1 May 2021." in told(case, H.NEXT)


def test_a_file_does_not_close_before_its_applicant_was_told() -> None:
    case = Case().to(Stage.NOT_SELECTED)
    closing = "The file closes at the end of Wednesday, 30 June 2021, if nothing else happens."
    assert case.file.view().next_timer == "file"
    assert closing not in told(case, H.NEXT)
    assert "Once the letter with the decision is sent, the applicant may object." in told(case, H.NEXT)

    assert told(Case().to(Stage.CANCELLED), H.NEXT)[0] == closing


def test_what_was_undone_later_says_so() -> None:
    case = Case().to(Stage.INELIGIBLE)
    case.two("return_to_screening", reason=REASON)

    assert [said for said in told(case, H.SCREENING) if said.endswith(" That was undone later.")] == [
        "It was found ineligible on Wednesday, 21 April 2021, as the answer to this was no: "
        "“The applicant is a central or local government.” That was undone later."
    ]
    assert told(case, H.RECORD)[0] == (
        "That it stood at ineligible was an error, undone on Wednesday, 21 April 2021: it stood at screening again."
    )


# --- what comes next --------------------------------------------------------------------------------------------------


def test_a_proposal_is_waited_for_with_its_day_and_what_happens_after_it() -> None:
    case = Case().to(Stage.SCREENING)
    case.do("acknowledge")
    case.do("declare_ineligible", item="government")

    assert told(case, H.NEXT)[:4] == [
        "It waits for the secretariat's desk or the head of the secretariat to confirm or refuse the proposal: "
        "declare ineligible, since Wednesday, 21 April 2021; it is due by the end of Wednesday, 28 April 2021.",
        "The secretariat's desk proposed it; whoever did may not confirm it.",
        "Once that is overdue, the head of the secretariat will be told, too.",
        "After the end of Wednesday, 5 May 2021 the proposal lapses by itself.",
    ]


@pytest.mark.parametrize(("early", "says"), [(timedelta(microseconds=1), False), (timedelta(0), True)])
def test_the_due_instant_is_overdue(early: timedelta, says: bool) -> None:
    case = Case().to(Stage.SCREENING)
    due = seoul(2021, 5, 7)

    said = " ".join(told(case, H.NEXT, None, due - early))

    assert ("it was due by the end of Thursday, 6 May 2021, and is overdue" in said) is says


def test_how_a_framework_came_about_is_told_by_kinds_and_not_by_names() -> None:
    case = Case().to(Stage.FRAMEWORK)
    case.do("table_text", text=HASH)
    for party, kind in (("MOLIT", "korean_government"), ("CITY", "host_government"), ("FIRM", "company")):
        case.two("list_party", party=party, kind=kind, signatory=f"P-{party}")
    case.put_signature("MOLIT")
    took_part, day = ["MOLIT", "CITY"], case.today
    case.do("negotiate_text", person="P-CITY", party="CITY", took_part=took_part, held_on=day, minutes=HASH)
    case.do("table_text", text="c" * 64)
    case.do("refuse_signature", person="P-FIRM", party="FIRM")
    case.two("strike_party", party="FIRM", reason=REASON)
    case.two("replace_signatory", party="CITY", signatory="P-NEW", evidence=[HASH])
    case.two("extend_signature", signs_by=date(2021, 8, 31), missing=["MOLIT", "CITY"], reason=REASON)

    said = [
        text
        for text in told(case, H.BEFORE_WORK)
        if not text.startswith(("A reason", "The secretariat's desk prop", "The ministry prop"))
    ]
    assert said == [
        "The cooperation framework was opened for signing on Monday, 31 May 2021.",
        "Text 1 of the framework was tabled for signature on Monday, 31 May 2021.",
        "The host government asked for a change of the text; round 1 of the negotiation was held on Monday, "
        "31 May 2021, and 2 parties took part.",
        "Text 2 of the framework was tabled for signature on Monday, 31 May 2021; one signature given to the text "
        "before it ended with that.",
        "The company said on Monday, 31 May 2021 that it does not sign the framework as it is.",
        "The company was struck from the parties to the framework on Monday, 31 May 2021.",
        "Since Monday, 31 May 2021 another person signs the framework for the host government.",
        "The framework may be signed until Tuesday, 31 August 2021: 2 signatures were missing on Monday, 31 May 2021.",
    ]


def test_people_who_are_waited_for_are_called_by_what_they_are() -> None:
    case = Case().to(Stage.FRAMEWORK)
    case.do("table_text", text=HASH)
    case.two("list_party", party="CITY", kind="host_government", signatory="P-SIGN-CITY")
    first = told(case, H.NEXT)[0]

    assert first.startswith("It waits for whoever signs for the host government to sign the framework, since")

    working = Case().to(Stage.IMPLEMENTATION)
    assert any(
        one.startswith("It waits for the contractor and the secretariat's desk to finish the work")
        for one in told(working, H.NEXT)
    )
    assert told(Case().to(Stage.ACCEPTANCE), H.NEXT)[1].startswith(
        "It waits for the host government and the secretariat's desk to agree the minutes of the acceptance"
    )


def test_what_several_reviewers_are_waited_for_is_one_sentence() -> None:
    case = Case().to(Stage.PAPER_REVIEW)
    waits = tuple(
        m.Waiting(what="score_sheet", entry=number, since=case.now, due_at=seoul(2021, 5, 14), to=(reviewer,))
        for number, reviewer in enumerate(REVIEWERS[:3], start=4)
    )
    here = source(case)
    with_sheets = Source(here.edition, here.ledger, here.view.model_copy(update={"waiting": waits}))

    said = [s.text for chapter in explain(with_sheets, case.now) for s in chapter.sentences]
    assert (
        "It waits for 3 reviewers to seal the score sheet, since Wednesday, 21 April 2021; "
        "it is due by the end of Thursday, 13 May 2021."
    ) in said


def test_refusals_are_counted_and_a_closed_file_waits_for_nothing() -> None:
    case = Case().to(Stage.WITHDRAWN)
    with pytest.raises(Refusal):
        case.do("pass_screening", Role.DESK, answers={}, complete=True)
    case.wait(days=60)

    assert told(case, H.RECORD)[0] == "1 command was refused, as the rules did not allow it: pass screening."
    assert told(case, H.NEXT) == ["The file is closed: nothing is due any more."]


# --- words mended, seats given up, objections booked later ------------------------------------------------------------


def test_a_seat_given_up_is_told_apart_from_a_sheet_declared_void() -> None:
    case = Case().to(Stage.PAPER_REVIEW)
    case.seal(80, 80)
    for reviewer in ("P-REV-1", "P-REV-3"):
        case.do("void_sheet", reviewer=reviewer, step="paper_review", reason=REASON)

    assert [text for text in told(case, H.REVIEW) if "reason" not in text] == [
        "A sheet was declared void, on Wednesday, 21 April 2021.",
        "A reviewer's seat was given up before a sheet was sealed, on Wednesday, 21 April 2021.",
    ]


def test_minutes_agreed_anew_and_who_else_was_there_are_told() -> None:
    case = Case().to(Stage.CONSULTATION)
    case.do("schedule", **case.meeting())
    case.wait(days=20)
    case.do("hold", present=["P-MAYOR", "P-GUEST"])
    for minutes in ("c" * 64, HASH):
        case.do("agree_minutes", Role.APPLICANT, side="applicant", minutes=minutes)

    assert told(case, H.MEETINGS) == [
        "Round 1 of 2 of the consultation was held on Tuesday, 11 May 2021, with others present than were to come.",
        "The applicant agreed the minutes on Tuesday, 11 May 2021.",
        "The applicant agreed the minutes anew, in place of what it had agreed before, on Tuesday, 11 May 2021.",
    ]


def test_an_objection_booked_later_is_told_by_the_day_it_arrived() -> None:
    case = Case().to(Stage.NOT_SELECTED)
    case.ordered("publish_result")
    case.do("send_letter")
    ends_at = case.file.timers["objection_period"].due_at
    assert "The applicant may object until the end of Thursday, 10 June 2021." in told(case, H.NEXT)
    case.until(ends_at + timedelta(days=2))
    assert (
        "An objection counts only if it arrived by the end of Thursday, 10 June 2021; such a one may still be booked."
    ) in told(case, H.NEXT)
    case.do("object", Role.DESK, ground="office_error", received_at=ends_at - timedelta(hours=1))

    assert told(case, H.OBJECTION) == [
        "The applicant objected on Thursday, 10 June 2021, because of an error of the office."
    ]
