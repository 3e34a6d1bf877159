"""Many commands at once: interrupted and started again they lead to what they would have led to undisturbed."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from temporalio.client import WorkflowHandle, WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError

import worker
from kcity_flow.adapters.documents import Documents
from kcity_flow.adapters.stores import StoreFailed
from kcity_flow.audit import histories
from kcity_flow.domain.errors import Unavailable, Unknown
from kcity_flow.domain.messages import Outcome
from kcity_flow.domain.stages import Role
from kcity_flow.gateway import Actor, OrdersUnderWay, answered, workflow_id
from kcity_flow.interfaces import bulk
from kcity_flow.interfaces.office import Office
from kcity_flow.settings import Settings
from tests.season import (
    CHAIR,
    DESK,
    HEAD,
    MINISTRY,
    OBJECTIONS,
    PROOF,
    REVIEWERS,
    SECOND_MINISTRY,
    SOONER,
    YEAR,
    Life,
    Season,
    eventually,
    real_season,
    real_server,
    refused,
)

REASON = "Below the threshold of 70 points."


class Killed(Exception):
    """As a process ends that is killed."""


def office(season: Season, folder: Path) -> Office:
    parts = (season.register, season.vault, Documents(folder / "documents"), season.client, season.gateway)
    return Office(Settings.read(var_dir=folder), *parts)


def results(season: Season, folder: Path, *lives: Life, no_to: str = "") -> Path:
    """A file of screening results; the last one's answer to an item is no."""
    items = [item.key for item in season.edition.programme("planning").eligibility]
    file = folder / "results.csv"
    rows = [[life.ref, "yes", *("no" if life is lives[-1] and i == no_to else "yes" for i in items)] for life in lives]
    file.write_text("\n".join(",".join(cells) for cells in [["ref", "complete", *items], *rows]))
    return file


async def screened(season: Season, folder: Path, file: Path, *, killed_after: int | None = None) -> bulk.Sent:
    def told(done: int, _: int) -> None:
        if done == killed_after:
            raise Killed

    at, views = office(season, folder), {view.subject: view for view in season.register.subjects(YEAR)}
    commands = bulk.screening(file, season.edition, views)
    found = await bulk.judged(at, YEAR, commands, DESK, None)
    assert [command for command in found if command.faults] == []
    return await bulk.sent(at, found, DESK, told)


async def seated(season: Season, *cities: str) -> list[Life]:
    """Applications with their reviewers, in screening."""
    lives = [await season.apply(city) for city in cities]
    await season.until(season.closes_at)
    for life in lives:
        await life.comes_to("screening")
        await life._seat(REVIEWERS[:3], "paper_review")
    return lives


async def made(life: Life) -> list[tuple[str, str, str]]:
    return [(entry.command, entry.outcome, entry.dest) for entry in await life.ledger()]


async def test_a_screening_that_was_killed_goes_on_as_if_it_had_not_been(season: Season, tmp_path: Path) -> None:
    lives = await seated(season, "Ankara", "Izmir", "Bursa", "Adana", "Konya", "Sivas")
    undisturbed, killed = lives[:3], lives[3:]
    item = season.edition.programme("planning").eligibility[0].key
    first = await screened(season, tmp_path, results(season, tmp_path, *undisturbed, no_to=item))
    file = results(season, tmp_path, *killed, no_to=item)

    with pytest.raises(Killed):
        await screened(season, tmp_path, file, killed_after=1)
    again = await screened(season, tmp_path, file)
    once_more = await screened(season, tmp_path, file)

    assert list(first.done.values()) == [life.ref for life in undisturbed]
    assert {*again.done.values(), *again.repeated.values()} == {life.ref for life in killed}
    assert (once_more.done, once_more.refused) == ({}, {})
    assert [await made(life) for life in killed] == [await made(life) for life in undisturbed]
    assert (await made(killed[0]))[-1] == ("pass_screening", "made", "paper_review")
    assert (await made(killed[2]))[-1] == ("declare_ineligible", "proposed", "screening")


async def test_who_was_screened_before_and_is_reopened_is_screened_anew(season: Season, tmp_path: Path) -> None:
    [life] = await seated(season, "Ankara")
    item = season.edition.programme("planning").eligibility[0].key
    file = results(season, tmp_path, life, no_to=item)
    await screened(season, tmp_path, file)
    await life.do("declare_ineligible", HEAD, item=item, proposal=(await life.ledger())[-1].number)
    await life.do("send_letter", DESK)
    await life.do("object", DESK, ground="office_error", evidence=[PROOF])
    second = Actor("P-OBJECTION-2", Role.OBJECTION_COMMITTEE)
    season.vault.add_person("Second", "second@example.org", roles=[second.role], id=second.person)
    await life.do("uphold_objection", OBJECTIONS, second, step="screening", reason="An error.")
    await life.do("reopen_screening", DESK)

    again = await screened(season, tmp_path, file)

    assert list(again.done.values()) == [life.ref]
    assert [entry[:2] for entry in await made(life) if entry[0] == "declare_ineligible"] == [
        ("declare_ineligible", "proposed"),
        ("declare_ineligible", "made"),
        ("declare_ineligible", "proposed"),
    ]


async def test_what_the_rules_refuse_is_told_before_anything_is_sent(season: Season, tmp_path: Path) -> None:
    life = await season.apply()
    await season.until(season.closes_at)
    await life.comes_to("screening")
    views = {view.subject: view for view in season.register.subjects(YEAR)}
    commands = bulk.screening(results(season, tmp_path, life), season.edition, views)

    [found] = await bulk.judged(office(season, tmp_path), YEAR, commands, DESK, None)

    assert found.faults == ("it lacks 3 more reviewers for paper_review declared free of conflict",)
    assert [entry.command for entry in await life.ledger() if entry.outcome is Outcome.REFUSED] == []


async def test_the_chair_declines_those_below_the_threshold_and_nobody_else(season: Season, tmp_path: Path) -> None:
    lives = [await season.apply(city) for city in ("Ankara", "Izmir", "Bursa", "Adana")]
    await season.until(season.closes_at)
    for life, points in zip(lives, (60, 80, 69, None), strict=True):
        await (life.is_reviewed(points) if points else life.is_screened())
        await life.comes_to("paper_review")
    at = office(season, tmp_path)

    async def declined() -> tuple[list[str], bulk.Sent]:
        views = season.register.subjects(YEAR, programme="planning")
        found = await bulk.judged(at, YEAR, bulk.declining(views), CHAIR, None)
        below = [command for command in found if not command.faults]
        return [fault for c in found for fault in c.faults], await bulk.sent(at, below, CHAIR, None, reason=REASON)

    staying, first = await declined()
    for life in (lives[0], lives[2]):
        await life.comes_to("not_selected")
    _, again = await declined()

    assert list(first.done) == [lives[0].ref, lives[2].ref]
    assert sorted(staying) == ["it lacks 3 more sealed sheets (0 of 3)", "it lacks a score below 70"]
    assert (again.done, again.repeated, again.refused) == ({}, {}, {})
    assert [await life.stage() for life in lives] == ["not_selected", "paper_review", "not_selected", "paper_review"]
    reasons = {(await life.ledger())[-1].reason for life in (lives[0], lives[2])}
    assert [season.vault.text(reason or "") for reason in reasons] == [REASON]


async def test_a_question_is_asked_until_it_is_answered_and_a_refusal_is_an_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("kcity_flow.gateway.FIRST_PAUSE", 0.0)
    answers: list[Exception | str] = [Unavailable("No worker."), StoreFailed("No disk."), "made", Unknown("Nobody.")]
    told: list[str] = []

    async def send() -> str:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    assert await answered(send, told.append) == "made"
    assert told == ["No worker.", "No disk."]
    with refused("Unknown"):
        await answered(send, told.append)


async def test_an_edition_says_how_many_are_still_to_be_told(
    season: Season, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    lives = await season.shortlisted("Ankara", "Izmir", "Bursa")
    gate, order = asyncio.Event(), season.gateway.order
    seen: list[tuple[int, int]] = []

    async def slow(ref: str, *rest: object) -> None:
        if ref == lives[2].ref:
            await gate.wait()
        await order(ref, *rest)  # type: ignore[arg-type]  # passed on as they came

    monkeypatch.setattr(season.gateway, "order", slow)
    receipt = await season.results("solution", [], passed_over=lives)
    watch = asyncio.create_task(
        bulk.everybody_told(office(season, tmp_path), YEAR, receipt.entry, lambda *t: seen.append(t))
    )
    await eventually(lambda: (2, 3) in seen)
    under_way = await season.gateway.orders(YEAR)
    gate.set()
    await watch

    assert under_way == [OrdersUnderWay(receipt.entry, ("pass_over",), 3, 2)]
    assert seen[-1] == (3, 3)
    assert await season.gateway.orders(YEAR) == []


async def test_one_that_does_not_answer_holds_up_no_decision_and_hears_each_in_its_order(
    season: Season, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    ankara, izmir, bursa = await season.shortlisted("Ankara", "Izmir", "Bursa")
    stuck, order = {bursa.ref}, season.gateway.order

    async def reaches(ref: str, trigger: str, *rest: object) -> None:
        if ref in stuck and trigger == "pass_over":
            raise Unavailable(f"No answer for {ref}.")
        await order(ref, trigger, *rest)  # type: ignore[arg-type]  # passed on as they came

    monkeypatch.setattr(season.gateway, "order", reaches)
    decided = await season.results("solution", [ankara], [izmir], [bursa])
    seen: list[tuple[int, int]] = []
    silent = await bulk.everybody_told(office(season, tmp_path), YEAR, decided.entry, lambda *t: seen.append(t))
    await season.decided_without("planning", "demonstration")
    refs = [life.ref for life in (ankara, izmir, bursa)]
    published = await season.decide("publish_results", MINISTRY, SECOND_MINISTRY, refs=refs, reason="nobody else")
    for life in (ankara, izmir):
        await life.is_told("publish_result")

    async with asyncio.timeout(SOONER):
        while sorted(await season.handle("2021").query("orders")) != [
            [decided.entry, ["pass_over"], 1, [bursa.ref]],
            [published.entry, ["publish_result"], 1, [bursa.ref]],
        ]:
            await asyncio.sleep(0.1)
    assert (silent, seen[-1]) == ([bursa.ref], (2, 3))
    assert await bursa.stage() == "shortlisted"

    stuck.clear()
    await season.after(minutes=30)
    await bursa.is_told("publish_result")

    told = [entry for entry in await bursa.ledger() if entry.order]
    assert [(entry.command, entry.outcome) for entry in told] == [("pass_over", "made"), ("publish_result", "made")]


async def test_what_the_server_rejects_in_its_own_name_is_no_refusal_and_is_told_again(
    season: Season, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that was killed forgets whom it had handed an update, and says of it what a worker would not."""
    ankara, izmir = await season.shortlisted("Ankara", "Izmir")
    rejected: list[str] = []
    execute = WorkflowHandle.execute_update

    async def rejects_first(handle: Any, update: str, *args: Any, **more: Any) -> Any:
        if handle.id == workflow_id(ankara.ref) and update == "select" and not rejected:
            rejected.append(update)
            sentence = "Workflow Update is rejected because it wasn't processed by worker."
            raise WorkflowUpdateFailedError(ApplicationError(sentence, type="UnprocessedUpdate", non_retryable=True))
        return await execute(handle, update, *args, **more)

    monkeypatch.setattr(WorkflowHandle, "execute_update", rejects_first)
    await season.results("solution", [ankara], passed_over=[izmir])
    await izmir.is_told("pass_over")
    await season.after(minutes=30)
    await ankara.is_told("select")

    assert rejected == ["select"]
    assert [(entry.command, entry.outcome) for entry in await ankara.ledger() if entry.order] == [("select", "made")]
    assert "release_place" not in [entry.command for entry in await season.ledger()]


async def test_an_application_that_was_lost_is_told_again_across_runs_of_the_edition_and_nobody_twice(
    tmp_path: Path,
) -> None:
    async with (
        real_server(tmp_path, limit_historyCount_suggestContinueAsNew=20) as client,
        real_season(client, tmp_path) as season,
    ):
        lost, *others = [await season.apply(city) for city in ("Ankara", "Izmir", "Bursa")]
        await season.handle(lost.ref).terminate()
        cancel = {"countries": ["TR"], "reason": "No longer possible."}
        first = await season.decide("cancel_call", MINISTRY, SECOND_MINISTRY, refs=[lost.ref, others[0].ref], **cancel)
        second = await season.decide("cancel_call", MINISTRY, SECOND_MINISTRY, refs=[lost.ref, others[1].ref], **cancel)
        for life in others:
            await life.comes_to("cancelled")

        async def is_continued() -> int:
            while (runs := len(await season.runs("edition/2021"))) < 3:
                await asyncio.sleep(0.2)
            return runs

        await asyncio.wait_for(is_continued(), timeout=30)

        async with asyncio.timeout(SOONER):  # one of them may be under way
            while sorted((some.entry, some.of, some.again) for some in await season.gateway.orders(YEAR)) != [
                (first.entry, 1, (lost.ref,)),
                (second.entry, 1, (lost.ref,)),
            ]:
                await asyncio.sleep(0.1)
        assert [entry.command for life in others for entry in await life.ledger()].count("cancel_call") == 2
        names = ["edition/2021", *(life.ref for life in others)]
        _, failed = await histories.replay(client, names, worker.WORKFLOWS, worker.workflow_runner())
        assert failed == []
