"""Two countries rest in a running season, and a third does not; a freeze outlives the worker that carried it out."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from kcity_flow.domain.errors import GuardFailed
from kcity_flow.domain.messages import Outcome
from tests.season import (
    APPLICANT,
    DESK,
    MINISTRY,
    PROOF,
    SECOND_MINISTRY,
    Life,
    Season,
    assembled,
    edition_of,
    on,
    real_server,
    refused,
)

PAUSE = timedelta(days=73)
TWO = (MINISTRY, SECOND_MINISTRY)


async def dues(life: Life) -> dict[str, datetime]:
    timers = (await life.facts())["timers"]
    return {name: datetime.fromisoformat(timer["due_at"]) for name, timer in timers.items()}


async def test_two_countries_rest_for_73_days_and_a_third_does_not(season: Season) -> None:
    ankara, kyiv = await season.apply("Ankara"), await season.apply("Kyiv", country="UA")
    tbilisi = await season.apply("Tbilisi", country="GE")
    await season.until(season.closes_at + timedelta(hours=1))
    for life in (ankara, kyiv, tbilisi):
        await life.comes_to("screening")
    await ankara.do("ask_clarification", DESK)
    before = await dues(ankara)
    await season.until(on("2021-05-03"))

    await season.decide("freeze", *TWO, countries=["TR", "UA"], reason="a war")
    for life in (ankara, kyiv):
        await life.is_told("freeze")
    since = datetime.fromisoformat((await ankara.facts())["pauses"][0]["since"])
    with refused("GuardFailed", guard="not_frozen"):
        await ankara.do("ask_clarification", DESK)
    await ankara.do("answer_clarification", APPLICANT, answer="It is attached.", evidence=[PROOF])
    bursa = await season.apply("Bursa")
    assert (await bursa.view()).frozen == {"TR": (await season.ledger())[-1].number}
    with pytest.raises(GuardFailed, match="something_to_freeze"):
        await season.decide("freeze", MINISTRY, countries=["TR"], reason="a war")
    await season.until(since + timedelta(days=40))
    await kyiv.do("withdraw", APPLICANT, evidence=[PROOF])
    await season.until(since + PAUSE)
    await season.decide("unfreeze", *TWO, countries=["TR", "UA"], reason="peace")
    for life in (ankara, bursa):
        await life.is_told("unfreeze")

    pause = datetime.fromisoformat((await ankara.facts())["pauses"][0]["until"]) - since
    assert PAUSE <= pause < PAUSE + timedelta(hours=1)
    after = await dues(ankara)
    moved = {name: due - before[name] for name, due in after.items()}
    assert moved == {name: pause if before[name] > since else timedelta(0) for name in after}
    assert moved["screening"] == pause
    assert await kyiv.stage() == "withdrawn"
    clock = {
        life.ref: [e.command for e in await life.ledger() if e.role == "clock" and since < e.at < since + pause]
        for life in (ankara, kyiv, tbilisi)
    }
    assert clock == {ankara.ref: [], kyiv.ref: [], tbilisi.ref: ["flag"]}
    assert "freeze" not in [entry.command for entry in await tbilisi.ledger()]
    assert [e.refused.guard for e in await ankara.ledger() if e.outcome is Outcome.REFUSED] == ["not_frozen"]
    letters = await season.mails_to(APPLICANT, "frozen") + await season.mails_to(APPLICANT, "thawed")
    assert sorted("/".join(key.split("/")[:2]) for key in letters) == sorted(
        [f"{life.ref}/frozen" for life in (ankara, kyiv, bursa)] + [f"{life.ref}/thawed" for life in (ankara, bursa)]
    )
    assert await season.faults() == []


async def test_another_worker_knows_what_is_frozen(tmp_path: Path) -> None:
    async def sleep(length: timedelta) -> None:
        await asyncio.sleep(length.total_seconds())

    async def clock() -> datetime:
        return datetime.now(UTC)

    async with real_server(tmp_path) as client:
        edition = edition_of(now=await clock())
        async with assembled(client, tmp_path) as programme:
            season = Season(programme, edition, sleep, clock)
            await season.open()
            ankara = await season.apply("Ankara")
            await ankara.ledger()
            await season.decide("freeze", *TWO, reason="a pandemic")
            await ankara.is_told("freeze")
        async with assembled(client, tmp_path) as programme:
            season = Season(programme, edition, sleep, clock)
            ankara = Life(season, ankara.ref, "planning")
            due = (await dues(ankara))["call"]
            with refused("GuardFailed", guard="not_frozen"):
                await ankara.do("acknowledge", DESK)
            await season.decide("unfreeze", *TWO, reason="it is over")
            await ankara.is_told("unfreeze")
            [rested] = (await ankara.facts())["pauses"]

            pause = datetime.fromisoformat(rested["until"]) - datetime.fromisoformat(rested["since"])
            assert (await dues(ankara))["call"] == due + pause
            assert await season.faults() == []
