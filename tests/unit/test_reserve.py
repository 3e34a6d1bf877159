"""A place that comes free reaches the first of the reserve in a whole season, by its ledgers alone."""

from collections.abc import Callable
from typing import Any

import pytest

from kcity_flow.adapters.edition_files import read_edition
from kcity_flow.audit.reserve import out_of_turn
from kcity_flow.domain.messages import Entry
from kcity_flow.rehearsal.plan import plan
from kcity_flow.rehearsal.report import Ledgers, made

EDITIONS = {name: read_edition(name) for name in ("2021", "rehearsal")}


def played(name: str) -> Ledgers:
    planned = plan(EDITIONS[name], 40, 7)
    return Ledgers(EDITIONS[name], planned.entries)


@pytest.fixture(scope="module")
def season() -> Ledgers:
    return played("2021")


def told(season: Ledgers, of_edition: list[Entry]) -> list[str]:
    """Faults, without whose they are."""
    return [said.split(", ", 2)[2] for said in out_of_turn(season.edition, of_edition, season.applications)]


def the(season: Ledgers, command: str, holds: Callable[[Entry], Any] = lambda _: True) -> Entry:
    """The first entry of the edition's ledger that is so."""
    return next(entry for entry in season.of_edition if entry.command == command and made(entry) and holds(entry))


def test_whole_seasons_keep_the_turn(season: Ledgers) -> None:
    assert [name for name in EDITIONS if played(name).out_of_turn()] == []
    assert [entry.data["ref"] for entry in season.of_edition if entry.command == "nominate_next" and made(entry)]


def test_a_place_that_came_free_and_for_which_nobody_was_named_is_told(season: Ledgers) -> None:
    named = the(season, "nominate_next")
    without = [entry for entry in season.of_edition if entry is not named]

    assert told(season, season.of_edition) == []
    assert told(season, without) == [
        f"release_place: a place was free in {named.data['programme']}, and {named.data['ref']}, "
        "the first of the reserve, was not named"
    ]


def test_one_who_was_named_only_after_something_else_is_told(season: Ledgers) -> None:
    ledger, at = season.of_edition, season.of_edition.index(the(season, "nominate_next"))
    late = [*ledger[:at], ledger[at + 1], ledger[at], *ledger[at + 2 :]]

    assert [said.partition(":")[0] for said in told(season, late)] == ["release_place"]


def test_a_promotion_of_another_than_the_first_needs_a_reason(season: Ledgers) -> None:
    promoted = the(season, "promote_next")
    before = season.of_edition[: season.of_edition.index(promoted)]
    reserve = next(
        [choice["ref"] for choice in entry.data["reserve"]]
        for entry in reversed(before)
        if made(entry) and promoted.data["ref"] in [choice["ref"] for choice in entry.data.get("reserve") or ()]
    )
    assert reserve[0] == promoted.data["ref"]
    of_second = promoted.model_copy(update={"data": {**promoted.data, "ref": reserve[1]}})
    reasoned = of_second.model_copy(update={"reason": "a" * 64})
    said = f"promote_next: {reserve[1]} came before {reserve[0]}, the first of the reserve, without a reason"

    assert said in told(season, [of_second if e is promoted else e for e in season.of_edition])
    assert said not in told(season, [reasoned if e is promoted else e for e in season.of_edition])


def test_a_promotion_of_one_who_does_not_stand_on_the_reserve_is_told(season: Ledgers) -> None:
    promoted = the(season, "promote_next")
    holder = the(season, "decide_selection", lambda e: e.data["selected"]).data["selected"][0]["ref"]
    of_holder = promoted.model_copy(update={"data": {**promoted.data, "ref": holder}})

    told_of_it = told(season, [of_holder if e is promoted else e for e in season.of_edition])
    assert f"promote_next: {holder} did not stand on the reserve" in told_of_it


def test_a_decision_that_gives_a_free_place_to_others_needs_a_reason(season: Ledgers) -> None:
    named = the(season, "nominate_next")
    key, ref = named.data["programme"], f"{named.data['ref'][:-4]}9999"
    newcomer = {"ref": ref, "rank": 99, "krw": 1, "organisation": "O-NEW"}
    decision = named.model_copy(
        update={"command": "decide_selection", "data": {"programme": key, "selected": [newcomer], "reserve": []}}
    )
    said = f"decide_selection: {ref} came before {named.data['ref']}, the first of the reserve, without a reason"
    at = season.of_edition.index(named) + 1

    def with_it(entry: Entry) -> list[str]:
        return told(season, [*season.of_edition[:at], entry, *season.of_edition[at:]])

    assert said in with_it(decision)
    assert said not in with_it(decision.model_copy(update={"reason": "a" * 64}))


def test_a_place_that_an_application_let_go_of_unheard_is_told(season: Ledgers) -> None:
    lets_go = the(season, "release_place", lambda e: e.data.get("krw") is None and not e.data["reserve"])
    unheard = [entry for entry in season.of_edition if entry is not lets_go]
    place = [s for s in out_of_turn(season.edition, unheard, season.applications) if s.startswith(lets_go.data["ref"])]

    assert [said.rpartition(": ")[2] for said in place] == ["its place came free, and the edition never heard of it"]
