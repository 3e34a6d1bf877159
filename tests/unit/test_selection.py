"""Places: quota, total, budget, range, reserve; and the ranking they are given by."""

# ruff: noqa: E501  # tables are read as tables
from fractions import Fraction
from functools import cmp_to_key
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kcity_flow.domain.edition import Edition, Preference, Quota, Tie
from kcity_flow.domain.errors import GuardFailed, NotPermitted, Unreadable
from kcity_flow.domain.messages import PAYLOAD_LIMIT, canonical
from kcity_flow.domain.selection import Candidate, rank
from kcity_flow.domain.stages import EditionStage, Role, Via
from tests.unit.case import HASH, REASON, Office, rules, seoul


def with_quota(kind: str, places: int, edition: str = "2021", **more: Any) -> Edition:
    """An edition whose planning programme has this quota."""
    data = rules(edition)
    programmes = tuple(
        p.model_copy(update={"quota": Quota(kind=kind, places=places)}) if p.key == "planning" else p
        for p in data.programmes
    )
    return data.model_copy(update={"programmes": programmes} | more)


@pytest.fixture
def office() -> Office:
    return Office().deciding()


def refused(office: Office, guard: str, trigger: str, **data: Any) -> str:
    call = office.facts
    with pytest.raises(GuardFailed) as refusal:
        office.do(trigger, **data)
    assert (refusal.value.guard, office.facts) == (guard, call)
    return refusal.value.missing


def decision(office: Office, programme: str, selected: int, reserve: int = 0, **more: Any) -> dict[str, Any]:
    chosen = [office.choice(programme, n + 1) for n in range(selected + reserve)]
    return ranked(programme=programme, selected=chosen[:selected], reserve=chosen[selected:]) | more


def ranked(**data: Any) -> dict[str, Any]:
    """The data of a decision whose ranking is the order in which it names them."""
    chosen = [*data["selected"], *data.get("reserve", [])]
    return {"ranking": [choice["ref"] for choice in chosen]} | data


# --- places -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["exact", "up_to"])
def test_a_hard_quota_is_filled_exactly_and_never_exceeded(kind):
    office = Office(with_quota(kind, 3)).deciding()
    missing = refused(
        office, "quota_left", "decide_selection", **decision(office, "planning", 4), over_quota_reason=HASH
    )
    assert missing == "at most 3 places in planning; asked for 4"

    office.decide("planning", 3)
    assert office.facts.taken("planning") == 3


def test_about_is_exceeded_with_a_reason_and_not_without(office):
    missing = refused(office, "quota_left", "decide_selection", **decision(office, "planning", 5))
    assert missing == "a reason for more than about 4 places in planning"

    office.decide("planning", 5, over_quota_reason=HASH)
    assert office.facts.taken("planning") == 5


def test_at_least_has_no_upper_end_but_the_total():
    office = Office(with_quota("at_least", 1)).deciding()
    assert (
        refused(office, "total_left", "decide_selection", **decision(office, "planning", 12))
        == "at most 11 places in all; asked for 12"
    )

    office.decide("planning", 11)
    assert office.facts.taken() == 11


def test_places_taken_before_count(office):
    office.decide("planning", 3)
    later = ranked(programme="planning", selected=[office.choice("planning", n) for n in (4, 5)])

    refused(office, "quota_left", "decide_selection", **later)


def test_eleven_in_all_and_no_twelfth(office):
    office.decide("planning", 5, over_quota_reason=HASH)
    office.decide("solution", 4)
    assert (
        refused(office, "total_left", "decide_selection", **decision(office, "demonstration", 3))
        == "at most 11 places in all; asked for 12"
    )

    office.decide("demonstration", 2)
    assert office.facts.taken() == 11


@pytest.mark.parametrize(
    ("krw", "in_range"), [(399_999_999, False), (400_000_000, True), (600_000_000, True), (600_000_001, False)]
)
def test_an_award_is_within_its_range_both_ends_included(office, krw, in_range):
    data = ranked(programme="planning", selected=[office.choice("planning", 1, krw=krw)])
    if in_range:
        office.two("decide_selection", **data)
        assert office.facts.committed_krw() == krw
    else:
        refused(office, "awards_in_range", "decide_selection", **data)


def test_a_budget_is_spent_to_its_last_won_and_no_further():
    for budget, fits in ((800_000_000, True), (799_999_999, False)):
        office = Office(rules("2021").model_copy(update={"budget_krw": budget})).deciding()
        if fits:
            office.decide("planning", 2)
            assert office.facts.committed_krw() == budget
        else:
            missing = refused(office, "budget_left", "decide_selection", **decision(office, "planning", 2))
            assert missing == "1 KRW more in the budget of 799,999,999 KRW"


def test_one_place_for_each_applicant_where_the_edition_says_so():
    office = Office(rules("2021").model_copy(update={"one_per_applicant": True})).deciding()
    twice = [office.choice("planning", n, organisation="O-SAME") for n in (1, 2)]
    refused(office, "one_place_each", "decide_selection", **ranked(programme="planning", selected=twice))

    office.two("decide_selection", **ranked(programme="planning", selected=twice[:1], reserve=twice[1:]))
    assert (
        refused(office, "holds_no_place_yet", "promote_next", ref=twice[1]["ref"], krw=400_000_000)
        == "one place for each applicant"
    )


def test_two_projects_of_one_applicant_are_legal_where_it_does_not(office):
    twice = [office.choice("planning", n, organisation="O-SAME") for n in (1, 2)]

    office.two("decide_selection", **ranked(programme="planning", selected=twice))
    assert office.facts.taken() == 2


PLA = [f"KC2021-PLA-000{n}" for n in range(1, 6)]


@pytest.mark.parametrize(
    ("guard", "change"),
    [
        ("decided_impartially", {"tied": ["P-COMMITTEE"]}),
        ("programme_known", {"programme": "x"}),
        ("applied_for_it", {"ranking": [*PLA[:2], "KC2021-DEM-0001"]}),
        ("applied_for_it", {"ranking": [*PLA[:2], "KC2020-PLA-0001"]}),
        ("each_named_once", {"ranking": [PLA[0], PLA[1], PLA[0]]}),
        ("each_named_once", {"ranking": PLA[:1]}),
        ("each_named_once", {"voted": PLA[2:3], "evidence": [HASH]}),
        ("ranked_in_order", {"ranking": [PLA[1], PLA[0]]}),
        ("ranked_in_order", {"ranking": [PLA[0], PLA[2], PLA[1]]}),
        ("vote_minuted", {"voted": PLA[:2]}),
        ("vote_minuted", {"equals": [[2, 2]]}),
    ],
)
def test_a_decision_is_refused_that(office, guard, change):
    refused(office, guard, "decide_selection", **(decision(office, "planning", 2) | change))


@pytest.mark.parametrize(
    ("guard", "scores"),
    [("scores_stated", ("80", None)), ("scores_fall", ("79", "80")), ("scores_fall", ("239/3", "80"))],
)
def test_a_decision_goes_by_the_scores_it_states(office, guard, scores):
    chosen = [office.choice("planning", n, score=score) for n, score in enumerate(scores, start=1)]
    refused(office, guard, "decide_selection", **ranked(programme="planning", selected=chosen[:1], reserve=chosen[1:]))


def test_a_bonus_counts_with_its_score(office):
    chosen = [office.choice("planning", 1, score="78", bonus=3), office.choice("planning", 2, score="80")]
    office.two("decide_selection", **ranked(programme="planning", selected=chosen))

    assert office.facts.taken() == 2


def test_a_score_is_a_fraction_and_nothing_else(office):
    for score in ("good", "1/0", "-1", "80.5"):
        with pytest.raises(Unreadable):
            office.two(
                "decide_selection", **ranked(programme="planning", selected=[office.choice("planning", 1, score=score)])
            )


def test_nobody_who_waits_is_left_out_of_a_decision_without_a_reason(office):
    office.decide("planning", 0, 1)
    best = {"left_out": ["KC2021-PLA-0009"], **decision(office, "planning", 0, 1)}
    missing = refused(office, "nobody_left_out", "decide_selection", **best)
    assert missing == "KC2021-PLA-0009 in the ranking, or a reason for leaving them out"

    later = ranked(programme="planning", selected=[], reserve=[office.choice("planning", 2)])
    missing = refused(office, "nobody_left_out", "decide_selection", **later)
    assert missing == "KC2021-PLA-0001 in the ranking, or a reason for leaving them out"
    office.two("decide_selection", **later, reason=REASON)

    # Who is left out stands behind those that were ranked.
    assert reserve(office, "planning") == [(2, "0002", "98"), (3, "0001", "99")]


def test_of_many_that_are_left_out_a_few_are_named_and_the_others_counted(office):
    left_out = [f"KC2021-PLA-{number:04}" for number in range(10, 1010)]
    missing = refused(
        office, "nobody_left_out", "decide_selection", programme="planning", ranking=[], selected=[], left_out=left_out
    )

    assert missing.startswith("KC2021-PLA-0010, KC2021-PLA-0011")
    assert " and 995 more in the ranking" in missing


def test_ranks_rise_from_line_to_line(office):
    chosen = [office.choice("planning", 1), office.choice("planning", 2, rank=1)]

    refused(office, "ranks_rise", "decide_selection", **ranked(programme="planning", selected=chosen))


def test_a_rank_is_given_once_in_a_programme(office):
    office.decide("planning", 2)
    again = ranked(programme="planning", selected=[office.choice("planning", 9, rank=2)])
    missing = refused(office, "ranks_rise", "decide_selection", **again)

    assert missing == "ranks that rise from line to line, from 3 on"


def test_the_order_of_the_ranking_is_left_with_a_reason_only_and_stays_on_record(office):
    data = decision(office, "planning", 2) | {"ranking": [PLA[1], PLA[0]]}
    office.two("decide_selection", **data, reason=REASON)

    assert office.facts.taken() == 2
    assert (office.entries[-1].data["ranking"], office.entries[-1].reason) == ([PLA[1], PLA[0]], REASON)


def test_whoever_is_ranked_and_not_chosen_is_passed_over(office):
    office.decide("planning", 1, 1, ranking=PLA)

    assert office.facts.decided["planning"].passed_over == tuple(PLA[2:])


def test_a_vote_goes_with_its_minutes(office):
    office.two("decide_selection", **decision(office, "planning", 2), voted=PLA[:2], evidence=[HASH])

    assert (office.entries[-1].data["voted"], office.entries[-1].evidence) == (PLA[:2], (HASH,))


def test_who_holds_a_place_is_not_ranked_again_and_who_waits_for_one_is_given_it_by_promotion(office):
    office.decide("planning", 1, 1)

    for number in (1, 2):
        again = ranked(programme="planning", selected=[office.choice("planning", number)])
        refused(office, "not_yet_decided", "decide_selection", **again)


def test_nobody_falls_off_the_reserve_by_a_later_decision(office):
    office.decide("planning", 1, 1)

    refused(office, "reserve_kept", "decide_selection", programme="planning", selected=[], ranking=PLA[1:2])


def test_who_was_passed_over_may_be_decided_anew(office):
    office.two("decide_selection", programme="planning", selected=[], ranking=PLA[:1])
    office.decide("planning", 1)

    assert (list(office.facts.places), office.facts.decided["planning"].passed_over) == (PLA[:1], ())


# --- the reserve ------------------------------------------------------------------------------------------------------


def test_the_best_of_the_reserve_is_promoted_first_or_a_reason_is_given(office):
    office.decide("planning", 3, 2)
    third, second = (f"KC2021-PLA-000{n}" for n in (5, 4))
    assert (
        refused(office, "best_on_reserve", "promote_next", ref=third, krw=400_000_000)
        == f"a reason for passing over {second}"
    )
    office.two("promote_next", ref=second, krw=450_000_000)

    assert office.facts.places[second].choice.krw == 450_000_000
    assert [choice.ref for choice in office.facts.decided["planning"].reserve] == [third]


def reserve(office: Office, programme: str) -> list[tuple[int, str, str | None]]:
    """Rank, number and score of each line."""
    return [(choice.rank, choice.ref[-4:], choice.score) for choice in office.facts.reserve(programme)]


def anew(office: Office, programme: str, *lines: tuple[int, str], selected: int = 0) -> dict[str, Any]:
    """A decision on lines (number, score), the first of which get places, with ranks after those that were given."""
    first = office.facts.next_rank(programme)
    chosen = [office.choice(programme, n, score=score, rank=first + at) for at, (n, score) in enumerate(lines)]
    return ranked(programme=programme, selected=chosen[:selected], reserve=chosen[selected:])


def test_who_comes_late_to_the_reserve_is_ranked_with_those_who_stand_there(office):
    """An objection is upheld after the decision; 71 does not come before 85 because it is decided on alone."""
    office.decide("solution", 4, 1)
    old = ("0005", "95")
    office.two("decide_selection", **anew(office, "solution", (5, "95"), (9, "71")))
    assert reserve(office, "solution") == [(5, *old), (6, "0009", "71")]
    office.two("decide_selection", **anew(office, "solution", (8, "96"), (5, "95"), (9, "71")))
    assert reserve(office, "solution") == [(5, "0008", "96"), (6, *old), (7, "0009", "71")]
    assert [batch.commands[0][:2] for batch in office.file.orders[1:]] == [
        ("KC2021-SOL-0009", "place_on_reserve"), ("KC2021-SOL-0008", "place_on_reserve"),
    ]  # fmt: skip
    free(office, "KC2021-SOL-0001")

    assert office.facts.nominated == {"solution": "KC2021-SOL-0008"}


def test_a_free_place_goes_to_a_newcomer_past_the_reserve_with_a_reason_only(office):
    office.decide("solution", 3, 1)
    past = anew(office, "solution", (9, "71"), (4, "96"), selected=1)
    past["ranking"] = past["ranking"][::-1]
    refused(office, "ranked_in_order", "decide_selection", **past)
    office.two("decide_selection", **past, reason=REASON)

    assert "KC2021-SOL-0009" in office.facts.places


def test_while_somebody_is_named_as_next_a_better_newcomer_gets_a_place_with_a_reason_only(office):
    office.decide("solution", 3, 1)
    free(office, "KC2021-SOL-0001")
    better = anew(office, "solution", (9, "99"), (4, "96"), selected=1)
    missing = refused(office, "named_comes_first", "decide_selection", **better)
    assert missing == "a reason for giving places before KC2021-SOL-0004, named as next on the reserve"

    office.two("decide_selection", **better, reason=REASON)
    assert office.facts.nominated == {"solution": "KC2021-SOL-0004"}


def test_the_last_place_in_all_is_kept_for_whoever_is_named_in_another_programme(office):
    office.decide("planning", 5, over_quota_reason=HASH)
    office.decide("solution", 4, 1)
    office.decide("demonstration", 2)
    free(office, "KC2021-SOL-0001")

    refused(office, "named_comes_first", "decide_selection", **anew(office, "demonstration", (9, "99"), selected=1))


def test_who_returns_to_a_reserve_that_was_ranked_anew_stands_behind_it(office):
    office.decide("solution", 3, 2)
    free(office, "KC2021-SOL-0004")
    office.two("decide_selection", **anew(office, "solution", (9, "96"), (5, "95")))
    office.two("order_return", ref="KC2021-SOL-0004", to="reserve", reason=REASON)

    assert reserve(office, "solution") == [(4, "0009", "96"), (5, "0005", "95"), (6, "0004", "96")]


def test_a_reserve_that_was_judged_anew_is_ranked_anew_and_nobody_is_told_twice(office):
    office.decide("solution", 4, 2)
    office.file.orders.clear()
    office.two("decide_selection", **anew(office, "solution", (6, "94"), (5, "90")))

    assert (reserve(office, "solution"), office.file.orders) == ([(5, "0006", "94"), (6, "0005", "90")], [])


def test_two_reasons_stand_for_two_overrides_of_a_promotion(office):
    office.decide("planning", 4, 2)
    skips = {"ref": "KC2021-PLA-0006", "krw": 400_000_000, "reason": REASON}
    missing = refused(office, "place_free", "promote_next", **skips)
    assert missing == "a reason for more than about 4 places in planning"
    refused(office, "best_on_reserve", "promote_next", **{**skips, "reason": None}, over_quota_reason=HASH)
    office.two("promote_next", **skips, over_quota_reason=HASH)

    assert office.facts.taken("planning") == 5


def test_a_return_to_a_place_beyond_the_quota_takes_a_reason_of_its_own(office):
    office.decide("planning", 4, 1)
    free(office, "KC2021-PLA-0001")
    office.two("promote_next", ref="KC2021-PLA-0005", krw=400_000_000)
    back = {"ref": "KC2021-PLA-0001", "to": "selected", "reason": REASON}
    refused(office, "returned_place_free", "order_return", **back)
    office.two("order_return", **back, over_quota_reason=HASH)

    assert office.facts.taken("planning") == 5


def test_nobody_is_promoted_before_a_place_comes_free(office):
    office.decide("solution", 4, 1)
    waiting = "KC2021-SOL-0005"
    missing = refused(office, "place_free", "promote_next", ref=waiting, krw=300_000_000)
    assert missing == "at most 4 places in solution; asked for 5"
    free(office, "KC2021-SOL-0001")
    office.two("promote_next", ref=waiting, krw=300_000_000)

    assert sorted(office.facts.places) == [f"KC2021-SOL-000{n}" for n in (2, 3, 4, 5)]


@pytest.mark.parametrize(
    ("krw", "guard"), [(299_999_999, "award_of_promotion_in_range"), (300_000_001, "award_of_promotion_in_range")]
)
def test_a_promotion_is_within_the_range(office, krw, guard):
    office.decide("solution", 3, 1)

    refused(office, guard, "promote_next", ref="KC2021-SOL-0004", krw=krw)


def test_a_promotion_is_within_the_budget():
    office = Office(rules("2021").model_copy(update={"budget_krw": 899_999_999})).deciding()
    office.decide("solution", 2, 1)

    refused(office, "budget_left_for_promotion", "promote_next", ref="KC2021-SOL-0003", krw=300_000_000)


def free(office: Office, ref: str) -> None:
    """An application that has withdrawn says so."""
    office.do("release_place", Role.APPLICANT, via=Via.APPLICATION, ref=ref)


def test_a_place_is_released_by_the_application_alone_and_once(office):
    office.decide("planning", 1)
    with pytest.raises(NotPermitted):
        office.do("release_place", Role.DESK, ref="KC2021-PLA-0001")
    free(office, "KC2021-PLA-0001")
    assert (office.facts.places, office.facts.committed_krw()) == ({}, 0)

    with pytest.raises(GuardFailed, match="known_to_the_edition"):
        free(office, "KC2021-PLA-0001")


def test_a_withdrawal_from_the_reserve_is_released_too(office):
    office.decide("planning", 0, 2)
    free(office, "KC2021-PLA-0001")

    assert [choice.ref for choice in office.facts.decided["planning"].reserve] == ["KC2021-PLA-0002"]


def test_a_place_the_application_would_not_take_comes_back(office):
    office.decide("planning", 1)
    (batch,) = office.file.orders
    office.file.refused(batch, ["KC2021-PLA-0001"], office.now, office.now)

    assert office.facts.places == {}


def test_a_promotion_the_application_would_not_take_leaves_it_on_the_reserve(office):
    office.decide("solution", 3, 1)
    office.two("promote_next", ref="KC2021-SOL-0004", krw=300_000_000)
    office.file.refused(office.file.orders[-1], ["KC2021-SOL-0004"], office.now, office.now)

    assert office.facts.taken("solution") == 3
    assert [choice.ref for choice in office.facts.decided["solution"].reserve] == ["KC2021-SOL-0004"]


def test_a_place_is_counted_until_its_application_has_let_go_of_it(office):
    office.decide("solution", 4, 1)
    office.two("cancel_award", ref="KC2021-SOL-0001", reason=REASON)
    office.file.refused(office.file.orders[-1], ["KC2021-SOL-0001"], office.now, office.now)

    assert office.facts.taken("solution") == 4
    refused(office, "place_free", "promote_next", ref="KC2021-SOL-0005", krw=300_000_000)


def test_a_return_the_application_would_not_make_gives_it_nothing(office):
    office.decide("solution", 4)
    free(office, "KC2021-SOL-0001")
    office.two("order_return", ref="KC2021-SOL-0001", to="selected", reason=REASON)
    assert office.facts.taken("solution") == 4
    office.file.refused(office.file.orders[-1], ["KC2021-SOL-0001"], office.now, office.now)

    assert office.facts.taken("solution") == 3


def test_who_goes_back_from_a_place_to_the_reserve_stands_there_in_its_order(office):
    office.decide("solution", 2, 2)
    office.two("promote_next", ref="KC2021-SOL-0003", krw=300_000_000)
    office.do("release_place", Role.DESK, via=Via.APPLICATION, ref="KC2021-SOL-0003", reserve=True)

    assert office.facts.taken("solution") == 2
    assert [c.ref for c in office.facts.decided["solution"].reserve] == ["KC2021-SOL-0003", "KC2021-SOL-0004"]


def test_a_place_that_is_free_again_as_a_promotion_is_undone_names_the_next_once_more(office):
    office.decide("solution", 4, 2)
    free(office, "KC2021-SOL-0001")
    office.two("promote_next", ref="KC2021-SOL-0005", krw=300_000_000)
    assert (office.facts.vacant, office.facts.nominated) == ((), {})
    office.do("release_place", Role.HEAD, via=Via.APPLICATION, ref="KC2021-SOL-0005", reserve=True)

    assert office.facts.nominated == {"solution": "KC2021-SOL-0005"}


def test_who_expired_on_the_reserve_returns_to_it_though_every_place_is_taken(office):
    office.decide("solution", 4, 1)
    free(office, "KC2021-SOL-0005")
    office.two("order_return", ref="KC2021-SOL-0005", to="reserve", reason=REASON)

    assert [choice.ref for choice in office.facts.decided["solution"].reserve] == ["KC2021-SOL-0005"]


def test_a_place_is_given_back_by_a_return_only_where_one_is_free(office):
    office.decide("solution", 4, 1)
    free(office, "KC2021-SOL-0001")
    office.two("promote_next", ref="KC2021-SOL-0005", krw=300_000_000)

    back = {"ref": "KC2021-SOL-0001", "to": "selected", "reason": REASON}
    missing = refused(office, "returned_place_free", "order_return", **back)
    assert missing == "at most 4 places in solution; asked for 5"


@pytest.mark.parametrize(("ref", "to"), [("KC2021-SOL-0001", "selected"), ("KC2021-SOL-0004", "reserve")])
def test_nobody_returns_to_what_they_have_yet_to_let_go_of(office, ref, to):
    """Withdrawn by mistake, and called back before its release has arrived: it would hold a place nobody counts."""
    office.decide("solution", 3, 1)
    back = {"ref": ref, "to": to, "reason": REASON}
    refused(office, "let_go_of", "order_return", **back)
    free(office, ref)
    office.two("order_return", **back)

    assert office.facts.standing(ref) is not None


def test_whoever_was_promoted_returns_to_the_reserve_while_the_place_is_counted(office):
    office.decide("solution", 3, 1)
    office.two("promote_next", ref="KC2021-SOL-0004", krw=300_000_000)

    office.two("order_return", ref="KC2021-SOL-0004", to="reserve", reason=REASON)


@pytest.mark.parametrize(("ref", "to"), [("KC2021-SOL-0009", "selected"), ("KC2021-SOL-0005", "selected")])
def test_nobody_returns_to_a_place_that_was_never_theirs(office, ref, to):
    office.decide("solution", 3, 2)
    free(office, "KC2021-SOL-0005")  # from the reserve

    refused(office, "held_before", "order_return", ref=ref, to=to, reason=REASON)


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(1, 12)), max_size=25))
def test_no_sequence_of_decisions_exceeds_quota_total_or_budget(asked):
    office = Office(with_quota("exact", 4, budget_krw=4_000_000_000)).deciding()
    for what, number in asked:
        programme = ("planning", "solution", "demonstration")[number % 3]
        choice = office.choice(programme, number)
        try:
            match what:
                case 0 | 1 | 2:
                    chosen = [choice, office.choice(programme, number + 12)]
                    data = ranked(programme=programme, selected=chosen[:what], reserve=chosen[what:])
                    office.two("decide_selection", **data)
                case 3:
                    office.two("promote_next", ref=choice["ref"], krw=choice["krw"], reason=REASON)
                case 4:
                    free(office, choice["ref"])
                case 5:
                    office.two("cancel_award", ref=choice["ref"], reason=REASON)
        except GuardFailed:
            pass

    taken = [office.facts.taken(key) <= most for key, most in (("planning", 4), ("solution", 4), ("demonstration", 3))]
    assert (taken, office.facts.taken() <= 11, office.facts.committed_krw() <= 4_000_000_000) == (
        [True] * 3,
        True,
        True,
    )


# --- who is next ------------------------------------------------------------------------------------------------------


def nominated(office: Office) -> list[tuple[str, str]]:
    """Who was named as next on a reserve, in order."""
    return [
        (entry.data["programme"], entry.data["ref"]) for entry in office.entries if entry.command == "nominate_next"
    ]


def test_whoever_stands_first_is_named_the_moment_a_place_comes_free(office):
    office.decide("solution", 4, 2)
    assert nominated(office) == []
    free(office, "KC2021-SOL-0001")

    assert nominated(office) == [("solution", "KC2021-SOL-0005")]
    assert [(entry.command, entry.role) for entry in office.entries[-2:]] == [
        ("release_place", "applicant"), ("nominate_next", "clock"),
    ]  # fmt: skip
    assert ("promotion_due", "ministry") in [(letter.template, letter.to) for letter in office.letters]
    assert office.file.timers["promotion#solution"].due_at > office.now


def test_a_place_that_was_never_given_is_nobodys_yet(office):
    office.decide("solution", 3, 1)

    assert nominated(office) == []


def test_who_is_named_leaves_and_the_next_is_named(office):
    office.decide("solution", 4, 2)
    free(office, "KC2021-SOL-0001")
    free(office, "KC2021-SOL-0005")

    assert nominated(office) == [("solution", "KC2021-SOL-0005"), ("solution", "KC2021-SOL-0006")]


def test_once_promoted_nobody_is_named_any_more_until_another_place_comes_free(office):
    office.decide("solution", 4, 2)
    free(office, "KC2021-SOL-0001")
    office.two("promote_next", ref="KC2021-SOL-0005", krw=300_000_000)
    assert (office.facts.nominated, office.facts.vacant) == ({}, ())
    assert "promotion#solution" not in office.file.timers
    free(office, "KC2021-SOL-0002")

    assert nominated(office)[1:] == [("solution", "KC2021-SOL-0006")]


def test_a_place_given_back_is_free_no_more(office):
    office.decide("solution", 4, 1)
    free(office, "KC2021-SOL-0001")
    office.two("order_return", ref="KC2021-SOL-0001", to="selected", reason=REASON)

    assert (office.facts.nominated, office.facts.vacant) == ({}, ())


def test_money_that_comes_free_in_one_programme_names_who_waited_for_it_in_another():
    office = Office(rules("2021").model_copy(update={"budget_krw": 1_000_000_000})).deciding()
    office.decide("planning", 1)
    office.decide("solution", 2, 1)
    assert office.facts.committed_krw() == 1_000_000_000
    free(office, "KC2021-PLA-0001")

    assert nominated(office) == [("solution", "KC2021-SOL-0003")]


def test_whoever_cannot_be_promoted_is_not_named():
    office = Office(rules("2021").model_copy(update={"one_per_applicant": True})).deciding()
    twin = office.choice("solution", 5, organisation="O-SOL-2")
    chosen = [office.choice("solution", n) for n in (1, 2, 3, 4)]
    waits = [twin, office.choice("solution", 6)]
    office.two("decide_selection", **ranked(programme="solution", selected=chosen, reserve=waits))
    free(office, "KC2021-SOL-0001")
    assert office.facts.nominated == {"solution": "KC2021-SOL-0006"}

    office.two("promote_next", ref="KC2021-SOL-0006", krw=300_000_000)
    assert "KC2021-SOL-0006" in office.facts.places


def test_two_places_that_come_free_name_one_after_the_other(office):
    office.decide("solution", 4, 2)
    for number in (1, 2):
        free(office, f"KC2021-SOL-000{number}")
    assert nominated(office) == [("solution", "KC2021-SOL-0005")]
    office.two("promote_next", ref="KC2021-SOL-0005", krw=300_000_000)

    assert nominated(office)[1:] == [("solution", "KC2021-SOL-0006")]


def test_nobody_else_names_who_is_next(office):
    office.decide("solution", 4, 1)

    with pytest.raises(NotPermitted):
        office.do("nominate_next", Role.MINISTRY, programme="solution", ref="KC2021-SOL-0005")


def test_nobody_is_in_the_pool_twice(office):
    twice = [{"person": "P-REV-1"}, {"person": "P-REV-1", "capacity": 2}]

    assert refused(office, "each_reviewer_once", "name_reviewers", reviewers=twice) == "P-REV-1 named once"


# --- the edition's own way --------------------------------------------------------------------------------------------


def test_the_intake_closes_when_the_last_window_has():
    office = Office("rehearsal")
    office.two("open_call")
    office.until(seoul(2030, 9, 30, 23, 59))
    assert office.stage is EditionStage.OPEN

    assert office.until(seoul(2030, 10, 1)).stage is EditionStage.DECIDING


def test_results_are_published_when_every_programme_is_decided(office):
    office.decide("planning", 4)
    office.decide("solution", 4)
    assert refused(office, "every_programme_decided", "publish_results", refs=[]) == "decisions on demonstration"
    office.decide("demonstration", 2)
    assert (
        refused(office, "every_programme_decided", "publish_results", refs=[])
        == "a reason for fewer places than the quota in demonstration"
    )
    office.two("publish_results", refs=[], reason=REASON)

    assert (office.stage, office.facts.published_at) == (EditionStage.PUBLISHED, office.now)


def test_a_decision_orders_each_application_and_names_both_persons(office):
    office.decide("planning", 1, 1, ranking=[*PLA[:2], "KC2021-PLA-0009"])
    [batch] = office.file.orders

    assert [(ref, trigger) for ref, trigger, _ in batch.commands] == [
        ("KC2021-PLA-0001", "select"), ("KC2021-PLA-0002", "place_on_reserve"), ("KC2021-PLA-0009", "pass_over"),
    ]  # fmt: skip
    assert batch.commands[0][2]["by"]["order"] == {
        "edition": 2021, "entry": office.entries[-1].number, "proposed_by": "P-COMMITTEE", "approved_by": "P-MINISTRY-2",
    }  # fmt: skip


def test_ten_thousand_are_passed_over_in_one_payload(office):
    """Temporal warns from 512 KiB on and refuses two MiB; a command may have 256 KiB here."""
    refs = [f"KC2021-PLA-{number:05d}" for number in range(10_000, 20_000)]
    office.decide("planning", 1, 1, ranking=[*PLA[:2], *refs])
    [batch] = office.file.orders

    assert len(batch) == len(batch.commands) == 10_002
    assert [command for command in batch.commands if command[2]["by"] != batch.by.model_dump(mode="json")] == []
    assert len(batch.model_dump_json()) < 256 * 1024
    assert len(canonical(office.entries[-1].data)) < PAYLOAD_LIMIT


def test_what_was_decided_is_published_though_nobody_named_it(office):
    office.decide("planning", 1, 1, ranking=PLA[:3])
    for programme in ("solution", "demonstration"):
        office.decide(programme)
    office.file.orders.clear()
    office.two("publish_results", refs=["KC2021-SOL-0007", PLA[0]], reason=REASON)
    [batch] = office.file.orders

    assert [ref for ref, _, _ in batch.commands] == ["KC2021-SOL-0007", *PLA[:1], *PLA[1:3]]


def test_the_reason_of_a_decision_may_be_about_another_and_is_told_to_nobody(office):
    office.decide("planning", 2, 1, ranking=[PLA[1], PLA[0], *PLA[2:4]], reason=REASON)
    office.two("promote_next", ref=PLA[2], krw=400_000_000, reason=REASON)
    office.two("cancel_award", ref=PLA[0], reason=REASON)

    assert [batch.reason for batch in office.file.orders] == [None, None, REASON]


@pytest.mark.parametrize(
    ("ranking", "bonus", "last"),
    [
        (PLA[:4], 0, "97"),
        (PLA[:4], 5, "98"),
        ([PLA[0], PLA[3], PLA[1], PLA[2]], 0, "99"),  # two were put up before the fourth, with a reason
        ([PLA[3], *PLA[:3]], 0, None),
    ],
)
def test_who_is_passed_over_hears_the_points_of_the_last_before_it(office, ranking, bonus, last):
    selected, third = [office.choice("planning", n) for n in (1, 2)], office.choice("planning", 3, bonus=bonus)
    data = {"programme": "planning", "ranking": ranking, "selected": selected, "reserve": [third]}
    office.two("decide_selection", **data, reason=REASON)
    passed = office.file.orders[0].orders[-1]

    assert (passed.trigger, passed.refs, passed.common.get("last")) == ("pass_over", (PLA[3],), last)
    assert passed.data == {}


def test_an_order_holds_what_is_the_same_for_all_once(office):
    office.decide("planning", 2, 1, ranking=[*PLA[:3], "KC2021-PLA-0009"])
    [batch] = office.file.orders

    assert [same.model_dump(exclude_defaults=True) for same in batch.orders] == [
        {
            "trigger": "select",
            "refs": ("KC2021-PLA-0001", "KC2021-PLA-0002"),
            "common": {"krw": 400_000_000},
            "data": {
                "KC2021-PLA-0001": {"rank": 1, "score": "99"},
                "KC2021-PLA-0002": {"rank": 2, "score": "98"},
            },
        },
        {"trigger": "place_on_reserve", "refs": ("KC2021-PLA-0003",), "common": {"score": "97"}},
        {"trigger": "pass_over", "refs": ("KC2021-PLA-0009",), "common": {"last": "97"}},
    ]
    assert batch.commands[1][2].items() >= {"krw": 400_000_000, "rank": 2, "score": "98"}.items()
    assert batch.gives == ("KC2021-PLA-0001", "KC2021-PLA-0002", "KC2021-PLA-0003")


def test_a_proposal_orders_nothing(office):
    office.do("decide_selection", **decision(office, "planning", 1))

    assert (office.file.orders, office.facts.places) == ([], {})


def test_what_is_decided_after_publication_is_published_at_once(office):
    for programme in ("planning", "solution", "demonstration"):
        office.decide(programme, 0, 1)
    office.two("publish_results", refs=[], reason=REASON)
    office.file.orders.clear()
    office.two("promote_next", ref="KC2021-PLA-0001", krw=400_000_000)

    assert [[trigger for _, trigger, _ in batch.commands] for batch in office.file.orders] == [
        ["promote"],
        ["publish_result"],
    ]


def test_an_edition_closes_when_no_application_is_open(office):
    for programme in ("planning", "solution", "demonstration"):
        office.decide(programme)
    office.two("publish_results", refs=[], reason=REASON)

    assert (
        refused(office, "every_application_ended", "close_edition", open_applications=1) == "the end of 1 applications"
    )
    assert office.two("close_edition", open_applications=0).stage == EditionStage.CLOSED


@pytest.mark.parametrize(("trigger", "guard", "data"), [
    ("cancel_award", "holds_a_place", {"ref": "KC2021-PLA-0001", "reason": REASON}),
    ("cancel_call", "scope_stated", {"refs": [], "reason": REASON}),
    ("cancel_call", "of_this_edition", {"refs": ["KC2020-PLA-0001"], "countries": ["GE"], "reason": REASON}),
    ("publish_results", "of_this_edition", {"refs": ["KC2020-PLA-0001"], "reason": REASON}),
    ("cancel_call", "reason_given", {"refs": [], "countries": ["GE"]}),
    ("correct", "corrects_an_entry", {"supersedes": 99, "field": "title", "value": "x", "reason": REASON}),
])  # fmt: skip
def test_the_edition_refuses(office, trigger, guard, data):
    refused(office, guard, trigger, **data)


def test_the_intake_is_not_closed_before_its_hour():
    office = Office()
    office.two("open_call")

    refused(office, "windows_over", "close_intake", via=Via.CLOCK)


# --- the ranking ------------------------------------------------------------------------------------------------------

PLANNING, DEMONSTRATION = (rules("2021").programme(key) for key in ("planning", "demonstration"))


def candidate(number: int, score: str = "80", **more: Any) -> Candidate:
    return Candidate(
        ref=f"KC2021-X-{number:04}", country="GE", organisation=f"O-{number}", score=score, **{"criteria": {}} | more
    )


def line(ranked) -> list[tuple[int, str, str]]:
    return [(r.rank, r.candidate.ref[-1], r.decided_by) for r in ranked]


@pytest.mark.parametrize(
    ("better", "worse", "rule"),
    [
        ({"score": "241/3"}, {"score": "80"}, "score"),
        (
            {"criteria": {"basic_conditions": "81"}},
            {"criteria": {"basic_conditions": "80"}},
            "criterion basic_conditions",
        ),
        ({"matching_krw": 1}, {}, "matching_funds"),
        ({"preferred": True}, {}, "preference"),
        ({"country": "VN"}, {}, "country_without_project"),
    ],
)
def test_ties_are_decided_by_rules_in_their_order(better, worse, rule):
    first, second = (candidate(n).model_copy(update=change) for n, change in ((2, better), (1, worse)))

    for order in ((first, second), (second, first)):
        assert line(rank(DEMONSTRATION, order, frozenset({"GE"}))) == [(1, "2", rule), (2, "1", rule)]


def test_an_earlier_rule_outweighs_every_later_one():
    first = candidate(1, criteria={"basic_conditions": "81"})
    second = candidate(2, criteria={"basic_conditions": "80"}, matching_krw=1, preferred=True).model_copy(
        update={"country": "VN"}
    )

    assert line(rank(DEMONSTRATION, [second, first], frozenset({"GE"})))[0] == (1, "1", "criterion basic_conditions")


def test_whom_no_rule_separates_the_committee_votes_on():
    assert line(rank(PLANNING, [candidate(3, "70"), candidate(2), candidate(1)])) == [
        (1, "1", "vote"),
        (1, "2", "vote"),
        (3, "3", "score"),
    ]


def test_bonus_points_are_added_where_the_edition_gives_them():
    programme = PLANNING.model_copy(update={"preferences": (Preference(by="matching_funds", points=5),)})
    [first, second] = rank(programme, [candidate(1, "80"), candidate(2, "76", matching_krw=1)])

    assert (first.candidate.ref[-1], first.bonus, second.bonus) == ("2", 5, 0)


def test_a_ranking_of_nobody_and_of_one():
    assert rank(PLANNING, []) == []
    assert line(rank(PLANNING, [candidate(1)])) == [(1, "1", "score")]


CANDIDATES = st.lists(
    st.builds(
        lambda number, score, criterion, country, funds, preferred: Candidate(
            ref=f"KC2021-X-{number:04}", country=country, organisation="O-X", score=score,
            criteria={"basic_conditions": criterion, "priority": criterion}, matching_krw=funds, preferred=preferred,
        ),
        st.integers(0, 9999), st.sampled_from(["80", "241/3", "70"]), st.sampled_from(["60", "61/2"]), st.sampled_from(["GE", "VN"]), st.sampled_from([0, 7]), st.booleans(),
    ),
    max_size=12, unique_by=lambda c: c.ref,
)  # fmt: skip


def expected(programme, candidates, with_project):
    """The ranking once more, by comparing two at a time as a person would."""
    asks = {
        "criterion": lambda tie, c: Fraction(c.criteria[tie.criterion]),
        "matching_funds": lambda _, c: c.matching_krw > 0,
        "preference": lambda _, c: c.preferred,
        "country_without_project": lambda _, c: c.country not in with_project,
    }

    def compare(a: Candidate, b: Candidate) -> int:
        for ask, tie in [
            (lambda _, c: Fraction(c.score), None),
            *((asks[t.by.value], t) for t in programme.ties if t.by != "vote"),
        ]:
            if ask(tie, a) != ask(tie, b):
                return -1 if ask(tie, a) > ask(tie, b) else 1
        return 0

    in_order = sorted(sorted(candidates, key=lambda c: c.ref), key=cmp_to_key(compare))
    return [(1 + sum(compare(other, c) < 0 for other in candidates), c.ref) for c in in_order]


@given(CANDIDATES, st.randoms(), st.sampled_from([PLANNING, DEMONSTRATION]))
def test_the_ranking_is_what_comparing_two_at_a_time_gives_in_any_order_of_arrival(candidates, dice, programme):
    ranked = rank(programme, candidates, frozenset({"GE"}))
    shuffled = list(candidates)
    dice.shuffle(shuffled)

    assert [(r.rank, r.candidate.ref) for r in ranked] == expected(programme, candidates, {"GE"})
    assert rank(programme, shuffled, frozenset({"GE"})) == ranked
    assert {r.rank for r in ranked if r.decided_by == "vote"} == {
        r.rank for r in ranked if [x.rank for x in ranked].count(r.rank) > 1
    }


def test_a_rule_the_edition_does_not_name_is_not_asked():
    programme = PLANNING.model_copy(update={"ties": (Tie(by="vote"),)})

    assert line(rank(programme, [candidate(1, matching_krw=1), candidate(2)])) == [(1, "1", "vote"), (1, "2", "vote")]


def test_what_an_edition_decides_is_told_to_its_offices_and_to_no_applicant_but_by_their_own_file():
    office = Office().deciding()
    office.decide("planning", 1, 1)
    office.letters.clear()
    office.two("cancel_award", ref="KC2021-PLA-0001", reason=REASON)

    assert [(letter.template, letter.to) for letter in office.letters] == [("proposal_waiting", "ministry")]
