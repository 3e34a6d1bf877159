"""What the ranking and the proposal of reviewers rest on, and what must not change either."""

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from kcity_flow.adapters.register import Register
from kcity_flow.domain.application import Application, Seat
from kcity_flow.domain.edition import Edition
from kcity_flow.domain.evaluation import criterion_mean, final_score, too_few_sheets
from kcity_flow.domain.messages import Applicant, Batch, Choice, ConflictKind, Entry, Partner, Reviewer
from kcity_flow.domain.reviewers import Assignment, propose
from kcity_flow.domain.selection import Call, Candidate, Holder, Programmes, Ranked, rank
from kcity_flow.domain.stages import Stage
from kcity_flow.gateway import filled
from kcity_flow.interfaces import tables
from kcity_flow.interfaces.misuse import Misused
from kcity_flow.interfaces.ranking import Ranking, decision, ranking, ranking_told
from tests.unit.case import Case, Office, rules
from tests.unit.paper import AT, entry, view

NEXT_YEAR = rules("2021").model_copy(update={"year": 2022, "projects": ()})
"""The first edition in which a study of the year before counts."""
DEMONSTRATION, PLANNING = NEXT_YEAR.programme("demonstration"), NEXT_YEAR.programme("planning")
EQUAL = {"score": "80", **{criterion.key: "80" for criterion in DEMONSTRATION.criteria}}
TAKEN = Holder(
    programme="demonstration",
    choice=Choice(ref="KC2022-DEM-0009", krw=1, rank=1, organisation="O-9", country="TR"),
)


# --- ties -------------------------------------------------------------------------------------------------------------


@pytest.fixture
def register(tmp_path: Path) -> Iterator[Register]:
    """Last year's study by O-IZMIR ended well."""
    made = Register(f"sqlite:///{tmp_path / 'register.db'}")
    made.prepare()
    study = view(2, "KC2021-SOL-0001", stage="closed", programme="solution", country="VN", organisation="O-IZMIR")
    good = entry(2, study.subject, command="close", source="settlement", dest="closed", data={"grade": "good"})
    made.project(Batch(entries=(good,), letters=(), view=study))
    yield made
    made.close()


def ranked(register: Register, *differences: dict[str, Any], edition: Edition = NEXT_YEAR) -> Ranking:
    """Shortlisted demonstrations that are equal by every rule but for what is said, number 1 first."""
    for number, differs in enumerate(differences, start=1):
        usual = {"country": "VN", "organisation": f"O-{number}", "scores": EQUAL}
        shortlisted = view(
            1, f"KC2022-DEM-{number:04}", edition=2022, stage="shortlisted", programme="demonstration",
            **(usual | differs),
        )  # fmt: skip
        register.project(Batch(entries=(), letters=(), view=shortlisted))
    call = Call(year=2022, places={TAKEN.choice.ref: TAKEN})
    return ranking(edition, "demonstration", call, register)


ONLY_ONE = {
    "criterion basic_conditions": {"scores": {**EQUAL, "basic_conditions": "241/3"}},
    "matching_funds": {"matching_krw": 1},
    "preference": {"organisation": "O-IZMIR"},
}


@pytest.mark.parametrize("rule", ONLY_ONE)
def test_a_tie_that_only_one_rule_decides_is_decided_by_it(register, rule):
    found = ranked(register, {}, ONLY_ONE[rule])

    assert [(line.rank, line.candidate.ref[-1], line.decided_by) for line in found.lines] == [
        (1, "2", rule), (2, "1", rule),
    ]  # fmt: skip


def test_a_country_in_which_a_place_was_given_already_comes_second(register):
    found = ranked(register, {"country": "TR"}, {})

    assert [(line.candidate.ref[-1], line.decided_by) for line in found.lines] == [
        ("2", "country_without_project"), ("1", "country_without_project"),
    ]  # fmt: skip


@pytest.mark.parametrize("rule", ["criterion basic_conditions", "matching_funds", "preference"])
def test_without_its_rule_the_tie_is_the_committees(register, rule):
    others = tuple(tie for tie in DEMONSTRATION.ties if tie.by.value not in rule)
    programme = DEMONSTRATION.model_copy(update={"ties": others})
    edition = NEXT_YEAR.model_copy(update={"programmes": (programme,)})

    assert [line.decided_by for line in ranked(register, {}, ONLY_ONE[rule], edition=edition).lines] == ["vote"] * 2


def test_equals_share_a_rank_and_no_decision_comes_about_without_the_committees_order(register):
    found = ranked(register, {}, {}, ONLY_ONE["matching_funds"])
    assert [(line.rank, line.decided_by) for line in found.lines] == [(1, "matching_funds"), (2, "vote"), (2, "vote")]
    best, *equals = (line.candidate.ref for line in found.lines)

    for order in ([], equals[:1], [best]):
        with pytest.raises(Misused, match="No rule decides between KC2022-DEM-0001, KC2022-DEM-0002"):
            decision(found, 2, {"": 400_000_000}, order)
    data = decision(found, 2, {"": 400_000_000}, equals[::-1])

    assert data["ranking"] == [best, *equals[::-1]]
    assert [choice["ref"] for choice in data["selected"]] == [best, equals[1]]
    assert sorted(data["voted"]) == equals


def test_equals_who_all_get_nothing_need_no_vote_and_are_named_as_equals(register):
    found = ranked(register, {}, {}, ONLY_ONE["matching_funds"])
    best, *equals = (line.candidate.ref for line in found.lines)

    data = decision(found, 1, {"": 400_000_000}, reserve=0)

    assert (data["ranking"], data["voted"], data["equals"]) == ([best, *equals], [], [(2, 2)])


def test_the_committee_orders_equals_and_nobody_else(register):
    found = ranked(register, {}, {}, ONLY_ONE["matching_funds"])
    everybody = [line.candidate.ref for line in found.lines]

    data = decision(found, 1, {"": 400_000_000}, everybody[::-1])

    assert [choice["ref"] for choice in data["selected"]] == everybody[:1]
    assert everybody[0] not in data["voted"]


@pytest.mark.parametrize(("days", "counts"), [(-1, True), (1, False)])
def test_a_result_of_last_year_counts_in_decisions_after_it_alone(register, days, counts):
    """Counted again as it stood at its decision, a ranking knows nothing of what came afterwards."""
    case, office = Case("demonstration", NEXT_YEAR).to(Stage.SHORTLISTED), Office(NEXT_YEAR).deciding()
    office.until(case.now + timedelta(hours=1)).decide("demonstration", 0, 1)
    told = {case.file: case.entries, office.file: office.entries}
    for file, entries in told.items():
        register.project(Batch(entries=tuple(entries), letters=(), view=file.view()))
    study = view(2, "KC2021-SOL-0002", stage="closed", programme="solution", country="GE", organisation="O-TBILISI")
    ends = {"command": "close", "source": "settlement", "dest": "closed", "data": {"grade": "good"}}
    closed = entry(2, study.subject, at=office.now + timedelta(days=days), **ends)
    register.project(Batch(entries=(closed,), letters=(), view=study))

    [line] = ranking_told(NEXT_YEAR, "demonstration", register, office.entries[-1].number).lines
    assert line.candidate.preferred is counts


_WINDOW = NEXT_YEAR.windows[0]
_LATER = {end: getattr(_WINDOW, end) + timedelta(days=730) for end in ("opens_at", "closes_at")}
LATER = NEXT_YEAR.model_copy(update={"windows": (_WINDOW.model_copy(update=_LATER),)})
"""The same after the studies of the year before have ended."""


@pytest.fixture
def both(tmp_path: Path) -> Iterator[Register]:
    """A register that knows nothing yet."""
    made = Register(f"sqlite:///{tmp_path / 'both.db'}")
    made.prepare()
    yield made
    made.close()


def preferred(register: Register) -> tuple[Office, Entry, str]:
    """Two editions in one register: the partner's study ended well, and its demonstration is given a place for it.

    Returns:
        The later edition, the entry that graded the study, and the demonstration's number.
    """
    study, trial, office = Case("solution").to(Stage.CLOSED), Case("demonstration", LATER), Office(LATER)
    applicant = trial.arrival()["applicant"] | {"organisation": "O-SEOUL"}
    trial.receive(applicant=applicant | {"partners": [{"organisation": "O-TBILISI", "kind": "local_government"}]})
    trial.to(Stage.SHORTLISTED)
    office.deciding().until(trial.now + timedelta(hours=1))
    for case in (study, trial):
        register.project(Batch(entries=tuple(case.entries), letters=(), view=case.file.view()))
    data = decision(ranking(LATER, "demonstration", office.facts, register), 1, {"": 400_000_000})
    office.two("decide_selection", **data)
    register.project(Batch(entries=tuple(office.entries), letters=(), view=office.file.view()))
    return office, next(e for e in study.entries if e.dest == Stage.CLOSED), trial.ref


def test_a_preference_names_the_entry_it_rests_on_in_the_ranking_and_in_the_decision(both):
    office, closure, ref = preferred(both)
    named = {"ref": "KC2021-SOL-0001", "grade": "good", "entry": closure.number, "hash": closure.hash}
    found = ranking_told(LATER, "demonstration", both, office.entries[-1].number)

    [line] = tables.ranking_data(found)["lines"]
    [choice] = office.entries[-1].data["selected"]
    assert (line["previous"], choice["previous"], found.faults) == (named, named, ())
    assert f"{ref} is preferred for KC2021-SOL-0001, graded good by its entry {closure.number}" in printed(found)


def printed(found: Ranking) -> str:
    """The ranking as people read it."""
    console = Console(width=400, file=StringIO(), record=True)
    console.print(tables.ranking(found))
    return console.export_text()


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"hash": "e" * 64}, "whose entry {} has another hash"),
        ({"grade": "fair"}, "which entry {} graded good, not fair"),
        ({"entry": 1}, "whose entry 1 did not close it"),
        ({"ref": "KC2021-SOL-0009"}, "whose entry {} did not close it"),
        (None, "by the ledgers KC2021-SOL-0001 counts"),
    ],
)
def test_a_preference_that_the_ledgers_do_not_bear_out_is_told(both, tmp_path, change, fault):
    office, closure, _ = preferred(both)
    other = Register(f"sqlite:///{tmp_path / 'other.db'}")
    other.prepare()
    for known in both.subjects():
        entries = [_with_another_ground(e, change) for e in both.entries(known.subject)]
        other.project(Batch(entries=tuple(entries), letters=(), view=known))

    [told] = ranking_told(LATER, "demonstration", other, office.entries[-1].number).faults
    assert fault.format(closure.number) in told


def _with_another_ground(entry: Entry, change: dict[str, Any] | None) -> Entry:
    if entry.command != "decide_selection":
        return entry
    [choice] = entry.data["selected"]
    named = {"previous": choice["previous"] | change} if change else {}
    honest = {name: value for name, value in choice.items() if name != "previous"}
    return entry.model_copy(update={"data": {**entry.data, "selected": [honest | named]}})


# --- the reserve, and whoever is left out -----------------------------------------------------------------------------


def with_reserve(register: Register, *numbers: int) -> Ranking:
    """Demonstrations 1 to 3, each a point better than the next; those named stand on the reserve."""
    for number in (1, 2, 3):
        standing = view(
            1, f"KC2022-DEM-{number:04}", edition=2022, stage="reserve" if number in numbers else "shortlisted",
            programme="demonstration", country="VN", organisation=f"O-{number}",
            scores={**EQUAL, "score": str(90 - number)},
        )  # fmt: skip
        register.project(Batch(entries=(), letters=(), view=standing))
    lines = [
        Choice(ref=f"KC2022-DEM-{n:04}", krw=1, rank=n + 1, organisation=f"O-{n}", country="VN", score="80")
        for n in numbers
    ]
    decided = {"demonstration": Programmes(reserve=tuple(lines))}
    call = Call(year=2022, decided=decided, places={TAKEN.choice.ref: TAKEN})
    return ranking(NEXT_YEAR, "demonstration", call, register)


def test_the_reserve_is_ranked_with_the_shortlist_and_keeps_its_line(register):
    data = decision(with_reserve(register, 2), None, {"": 1}, reserve=0)

    assert [(choice["ref"][-1], choice["rank"]) for choice in data["selected"]] == [("1", 2)]
    assert [(choice["ref"][-1], choice["rank"], choice["score"]) for choice in data["reserve"]] == [("2", 3, "88")]
    assert [ref[-1] for ref in data["ranking"]] == ["1", "2", "3"]


def test_places_go_to_those_before_the_reserve_and_past_it_only_if_they_are_asked_for(register):
    found = with_reserve(register, 1)

    assert decision(found, None, {"": 1})["selected"] == []
    assert [choice["ref"][-1] for choice in decision(found, 2, {"": 1})["selected"]] == ["2", "3"]
    assert list(found.outcomes().values()) == ["reserve"] * 3


def test_whoever_cannot_be_ranked_is_left_out_on_purpose_or_nothing_is_decided(register):
    best = {"country": "VN", "organisation": "O-1", "scores": {}}
    found = ranked(register, best, {})
    first, second = "KC2022-DEM-0001", "KC2022-DEM-0002"

    with pytest.raises(Misused, match=f"{first} .*--without {first} --reason"):
        decision(found, 1, {"": 1})
    data = decision(found, 1, {"": 1}, without=[first])
    assert (data["ranking"], data["left_out"]) == ([second], [first])
    everybody = decision(found, 1, {"": 1}, without=[first, second])
    assert (everybody["ranking"], everybody["left_out"]) == ([], [first, second])


def test_nobody_types_who_is_left_out_or_whose_result_is_published(register):
    stages = ("shortlisted", "reserve", "selected", "not_selected", "withdrawn", "not_selected", "shortlisted")
    views = [
        view(1, f"KC2021-PLA-000{n}", stage=stage, published=n in (2, 6)) for n, stage in enumerate(stages, start=1)
    ]
    asked = {"programme": "planning", "ranking": [views[0].subject], "left_out": ["x"], "refs": ["x"]}
    refs = [one.subject for one in views]

    assert filled("decide_selection", asked, lambda: views, None)["left_out"] == [refs[1], refs[6]]
    assert filled("decide_selection", {**asked, "ranking": 7}, lambda: views, None)["left_out"] == [
        refs[0], refs[1], refs[6],
    ]  # fmt: skip
    assert filled("publish_results", asked, lambda: views, None)["refs"] == [refs[2], refs[3]]
    # The second person confirms what the first one saw.
    assert filled("decide_selection", asked, lambda: views, {"left_out": refs[:1]})["left_out"] == refs[:1]


def test_nobody_types_who_is_in_conflict_with_those_who_are_decided_on(register):
    stages = ("shortlisted", "reserve", "not_selected")
    views = [view(1, f"KC2021-PLA-000{n}", stage=s, barred=(f"P-{n}",)) for n, s in enumerate(stages, start=1)]
    asked = {"programme": "planning", "ranking": [views[0].subject], "tied": []}

    assert filled("decide_selection", asked, lambda: views, None)["tied"] == ["P-1", "P-2"]
    assert filled("promote_next", {"ref": views[1].subject}, lambda: views, None)["tied"] == ["P-2"]


# --- what changes nothing ---------------------------------------------------------------------------------------------

PEOPLE = [f"P-R-{number}" for number in range(1, 7)]
SHEET = st.fixed_dictionaries({criterion.key: st.integers(0, 100) for criterion in PLANNING.criteria})
SHEETS = st.lists(SHEET, min_size=3, max_size=5)


def judged(number: int, sheets: list[dict[str, int]], **more: Any) -> Application:
    """A shortlisted application with these sheets."""
    seats = tuple(Seat(reviewer=who, free=True, scores=scores) for who, scores in zip(PEOPLE, sheets, strict=False))
    return _application(number, stage=Stage.SHORTLISTED, reviews={"paper_review": seats}, **more)


def _application(number: int, **more: Any) -> Application:
    applicant = Applicant(
        contact=f"P-MAYOR-{number}", organisation=f"O-{number}", kind="local_government", country="VN",
        partners=(Partner(organisation="O-PARTNER", kind="public_body"),) if number % 3 == 0 else (),
    )  # fmt: skip
    return Application(ref=f"KC2022-PLA-{number:04}", programme="planning", applicant=applicant, **more)


def in_order(applications: list[Application]) -> list[Ranked]:
    """The ranking of those whose sheets suffice."""
    candidates = [
        Candidate(
            ref=one.ref, country="VN", organisation="O-X", score=str(final_score(one, PLANNING)),
            criteria={c.key: str(criterion_mean(one, PLANNING, c.key)) for c in PLANNING.criteria},
        )
        for one in applications
        if not too_few_sheets(one, PLANNING, "paper_review")
    ]  # fmt: skip
    return rank(PLANNING, candidates)


@given(st.lists(SHEETS, min_size=1, max_size=5), st.randoms(use_true_random=False))
def test_neither_the_order_of_sheets_nor_that_of_applications_changes_scores_and_ranking(given_sheets, dice):
    applications = [judged(number, sheets) for number, sheets in enumerate(given_sheets, start=1)]
    shuffled = []
    for one in applications:
        seats = list(one.seats("paper_review"))
        dice.shuffle(seats)
        shuffled.append(one.model_copy(update={"reviews": {"paper_review": tuple(seats)}}))
    dice.shuffle(shuffled)

    assert in_order(shuffled) == in_order(applications)


@given(st.lists(SHEETS, min_size=1, max_size=4), SHEET, st.sampled_from(ConflictKind))
def test_the_sheet_of_somebody_in_conflict_changes_nothing(given_sheets, sheet, kind):
    applications = [judged(number, sheets) for number, sheets in enumerate(given_sheets, start=1)]
    seat = Seat(reviewer=PEOPLE[-1], free=True, scores=sheet)
    more = [
        one.model_copy(
            update={
                "reviews": {"paper_review": (seat, *one.seats("paper_review"))},
                "conflicts": {seat.reviewer: kind},
            }
        )
        for one in applications
    ]

    assert in_order(more) == in_order(applications)


# --- who is proposed --------------------------------------------------------------------------------------------------

POOL = st.lists(
    st.builds(
        Reviewer,
        person=st.sampled_from([f"P-R-{number}" for number in range(1, 10)]),
        organisations=st.sampled_from([(), (), ("O-1",), ("O-PARTNER",)]),
        expertise=st.sampled_from([(), ("planning",), ("new_town",), ("energy",)]),
        capacity=st.integers(1, 6),
    ),
    max_size=8, unique_by=lambda reviewer: reviewer.person,
)  # fmt: skip
WAITING = st.lists(
    st.builds(
        lambda number, kind, declared: _application(
            number, stage=Stage.SCREENING, site_kind=kind, conflicts=dict.fromkeys(declared, ConflictKind.FAMILY)
        ),
        st.integers(1, 30),
        st.sampled_from([None, "new_town"]),
        st.sets(st.sampled_from(["P-R-1", "P-R-2", "P-R-3"]), max_size=2),
    ),
    max_size=7, unique_by=lambda application: application.ref,
)  # fmt: skip


def proposed(pool: list[Reviewer], waiting: list[Application]) -> Assignment:
    return propose(pool, 7, waiting, PLANNING, "paper_review", AT)


@given(POOL, WAITING, st.randoms(use_true_random=False))
def test_neither_the_order_of_reviewers_nor_that_of_applications_changes_a_proposal(pool, waiting, dice):
    first = proposed(pool, waiting)
    dice.shuffle(pool)
    dice.shuffle(waiting)

    assert proposed(pool, waiting) == first


@given(POOL, WAITING)
def test_nobody_is_proposed_in_conflict_twice_or_beyond_their_capacity(pool, waiting):
    assignment = proposed(pool, waiting)
    by_ref = {application.ref: application for application in waiting}
    seats = Counter(pair.reviewer.person for pair in assignment.pairs)

    assert not [
        pair for pair in assignment.pairs
        if by_ref[pair.ref].conflict_of(pair.reviewer.person, pair.reviewer.organisations)
    ]  # fmt: skip
    assert len({(pair.ref, pair.reviewer.person) for pair in assignment.pairs}) == len(assignment.pairs)
    assert all(seats[reviewer.person] <= reviewer.capacity for reviewer in pool)
    filled = Counter(pair.ref for pair in assignment.pairs)
    assert {ref: filled[ref] + assignment.short.get(ref, 0) for ref in by_ref} == dict.fromkeys(by_ref, 3)


@given(POOL, WAITING)
def test_what_a_pair_rests_on_can_be_computed_again(pool, waiting):
    assignment = proposed(pool, waiting)
    by_ref = {application.ref: application for application in waiting}

    loads: dict[str, list[int]] = {}
    for pair in assignment.pairs:
        one = by_ref[pair.ref]
        knows = {"planning", one.site_kind} & set(pair.reviewer.expertise)
        # Rounded up: an equal share of three seats for each application.
        assert pair.basis.share == -(-3 * len(waiting) // len(pool))
        assert (pair.basis.pool, pair.basis.at, pair.basis.expert) == (7, AT, bool(knows))
        assert dict(pair.left_out).keys() == {r.person for r in pool if one.conflict_of(r.person, r.organisations)}
        loads.setdefault(pair.reviewer.person, []).append(pair.basis.load)
    assert all(sorted(found) == list(range(len(found))) for found in loads.values())


@given(POOL, WAITING)
def test_where_nobody_is_expert_or_full_seats_are_dealt_out_evenly_among_those_in_no_conflict(pool, waiting):
    pool = [reviewer.model_copy(update={"expertise": (), "capacity": 50}) for reviewer in pool]
    seats = Counter(pair.reviewer.person for pair in proposed(pool, waiting).pairs)
    able = [r.person for r in pool if not any(one.conflict_of(r.person, r.organisations) for one in waiting)]

    loads = [seats[person] for person in able]
    assert not loads or max(loads) - min(loads) <= 1
