"""Who judges, what counts, and what comes of it, on a server: proposed, found out late, counted again."""

import asyncio
from fractions import Fraction
from pathlib import Path

import pytest

from kcity_flow.audit import histories
from kcity_flow.domain.selection import Call
from kcity_flow.interfaces import bulk, reviewing
from kcity_flow.interfaces.misuse import Misused
from kcity_flow.interfaces.ranking import against, decision, ranking, ranking_told
from tests.season import CHAIR, COMMITTEE, DESK, HEAD, MINISTRY, PROOF, REVIEWERS, Life, Season, refused

POOL = [
    {"person": reviewer.person, "expertise": ["traffic"] if n < 2 else [], "organisations": ["O-UNI"]}
    for n, reviewer in enumerate(REVIEWERS)
]


async def assigned(season: Season, programme: str = "solution") -> None:
    """Every empty seat filled as the system proposes."""
    found = reviewing.proposal(season.edition, programme, "paper_review", await season.now(), season.register)
    for command in bulk.assigning(found.pairs, "paper_review"):
        await season.gateway.command(command.ref, command.trigger, command.data, DESK)
        await Life(season, command.ref, programme).ledger()


async def test_what_was_assigned_comes_out_again_and_the_desks_own_choice_stands_beside_it(season: Season) -> None:
    lives = [await season.apply(city, "solution", sector="traffic") for city in ("Ankara", "Bursa", "Izmir")]
    await season.decide("name_reviewers", HEAD, reviewers=POOL)
    await season.ledger()
    await season.until(season.closes_at)
    for life in lives:
        await life.comes_to("screening")
    await lives[0].do("assign_reviewer", DESK, reviewer=REVIEWERS[4].person, step="paper_review", reason="knows it")
    await lives[0].ledger()
    await assigned(season)
    await season.after(hours=1)

    checked = reviewing.check(season.edition, "solution", season.register)
    assert (checked.proposed, checked.otherwise) == (8, ())
    assert checked.chosen == ((lives[0].ref, REVIEWERS[4].person),)
    assert sorted(len(season.register.view(life.ref).reviewers) for life in lives) == [3, 3, 3]


async def test_whom_a_reviewer_belongs_to_is_the_pools_to_say_whatever_was_typed(season: Season) -> None:
    ankara = await season.apply("Ankara", "solution")
    tied = [{"person": REVIEWERS[0].person, "organisations": ["O-ANKARA"]}]
    await season.decide("name_reviewers", HEAD, reviewers=tied)
    await season.ledger()
    await season.until(season.closes_at)
    await ankara.comes_to("screening")

    with refused("GuardFailed", guard="not_in_conflict"):
        await ankara.do(
            "assign_reviewer", DESK, reviewer=REVIEWERS[0].person, step="paper_review", organisations=[], reason="why"
        )


async def test_a_conflict_found_late_voids_the_sheet_bars_the_place_and_is_counted_anew(season: Season) -> None:
    [ankara, bursa] = await season.shortlisted("Ankara", "Bursa")
    first, fourth = REVIEWERS[0], REVIEWERS[3]
    await ankara.do("declare_conflict", first, step="paper_review", conflict=True, kind="adviser")
    for life in (ankara, bursa):
        await life.ledger()
    found = ranking(season.edition, "solution", await call(season), season.register)
    assert [line.candidate.ref for line in found.lines] == [bursa.ref]
    assert list(found.incomplete) == [ankara.ref]
    await season.results("solution", [bursa, ankara])
    await bursa.comes_to("selected")
    assert (await ankara.stage(), await season.places()) == ("shortlisted", [bursa.ref])  # refused, and given back
    step = {"step": "paper_review"}
    await ankara.do("replace_reviewer", CHAIR, reviewer=fourth.person, replaces=first.person, reason="a tie", **step)
    with refused("GuardFailed", guard="not_in_conflict"):
        await ankara.do("assign_reviewer", DESK, reviewer=first.person, reason="again", **step)
    await ankara.do("declare_conflict", fourth, conflict=False, **step)
    await ankara.do("seal_sheet", fourth, scores={c.key: 95 for c in ankara.rules.criteria}, **step)
    await ankara.ledger()

    [line] = ranking(season.edition, "solution", await call(season), season.register).lines
    assert Fraction(line.candidate.score) == Fraction(80 + 80 + 95, 3)


async def test_the_ranking_counted_again_from_histories_is_the_one_that_was_decided_on(season: Season) -> None:
    ankara, bursa, izmir = await season.shortlisted("Ankara", "Bursa", "Izmir")
    for life in (ankara, bursa, izmir):
        await life.comes_to("shortlisted")
    now = ranking(season.edition, "solution", await call(season), season.register)
    order = [izmir.ref, ankara.ref, bursa.ref]  # no rule separates them
    data = decision(now, 1, {}, order, reserve=1)
    assert (data["ranking"], data["voted"], len(data["reserve"])) == (order, sorted(order), 1)
    found = against(data, await call(season), season.edition, frozenset(), minuted=False)
    assert [line.split(":")[1].split()[0] for line in found] == ["vote_minuted"]
    assert against(data, await call(season), season.edition, frozenset(), minuted=True) == []
    await season.decide("decide_selection", COMMITTEE, MINISTRY, evidence=[PROOF], **data)
    await bursa.comes_to("not_selected")
    await season.ledger()

    names = histories.subjects(season.vault, season.register)
    async with histories.told_anew(season.client, names) as (fresh, _):
        again = ranking_told(season.edition, "solution", fresh)
    assert again.lines == now.lines
    assert again.decision is not None
    assert [again.outcomes()[ref] for ref in order] == ["place", "reserve", "passed over"]


async def test_a_place_given_back_names_the_first_on_the_reserve_at_once(season: Season) -> None:
    ankara, bursa = await season.shortlisted("Ankara", "Bursa")
    await season.results("solution", [ankara], [bursa])
    await ankara.comes_to("selected")
    await bursa.comes_to("reserve")
    await ankara.do("withdraw", DESK, evidence=[PROOF])
    ledger = await named(season)

    assert [(e.command, e.role, e.data["ref"]) for e in ledger[-2:]] == [
        ("release_place", "desk", ankara.ref), ("nominate_next", "clock", bursa.ref),
    ]  # fmt: skip
    assert len(await season.mails_to(MINISTRY, "promotion_due")) == 1


def test_a_pools_faults_are_told_with_their_rows(season: Season, tmp_path: Path) -> None:
    file = tmp_path / "pool.csv"
    file.write_text("person,expertise,capacity\nP-NOBODY,traffic,3\n" + f"{REVIEWERS[0].person},magic,many\n")
    with pytest.raises(Misused) as misused:
        reviewing.read_pool(file, season.edition, season.vault)

    assert [fault.split(";")[0] for fault in str(misused.value).split("row ")[1:]] == [
        "2: there is no person 'P-NOBODY'",
        "3: magic is no subject of edition 2021",
        "3: capacity 'many' is no number of applications",
    ]


def test_a_name_that_begins_like_an_id_is_a_name_in_a_pool_too(season: Season, tmp_path: Path) -> None:
    file = tmp_path / "pool.csv"
    file.write_text(f"person,organisations\n{REVIEWERS[0].person},O-ring Water;O-UNI\n")
    [reviewer] = reviewing.read_pool(file, season.edition, season.vault)
    names = season.vault.organisations()

    assert [names.get(id, id) for id in reviewer["organisations"]] == ["O-ring Water", "O-UNI"]


async def call(season: Season) -> Call:
    return Call.model_validate((await season.gateway.standing("2021"))["facts"])


async def named(season: Season):
    """The edition's ledger once somebody was named as next."""
    async with asyncio.timeout(10):
        while (ledger := await season.ledger())[-1].command != "nominate_next":
            await asyncio.sleep(0.02)
    return ledger
