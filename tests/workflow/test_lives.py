"""What people do by update or by signal, what time does by itself, and what only the edition may do."""

import asyncio
import json
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from temporalio.client import WorkflowUpdateFailedError

from kcity_flow.audit import histories
from kcity_flow.domain.ledger import breaks
from kcity_flow.domain.messages import application_id
from tests.season import (
    APPLICANT,
    COMMITTEE,
    DESK,
    HEAD,
    MINISTRY,
    PROOF,
    SECOND_MINISTRY,
    real_season,
    real_server,
    refused,
)

TEMPORAL = str(Path(sys.executable).with_name("temporal"))


async def eventually(register, subject, command):
    """Until the register has heard of it."""
    for _ in range(100):
        if any(entry.command == command for entry in register.entries(subject)):
            return
        await asyncio.sleep(0.05)
    raise AssertionError(f"{subject} never came to {command}")


async def test_screening_opens_by_itself_when_the_window_has_closed(season):
    ankara = await season.apply("Ankara")
    await season.until(season.closes_at - timedelta(minutes=1))
    assert (await ankara.standing())["view"]["stage"] == "received"

    await season.until(season.closes_at + timedelta(minutes=1))

    assert (await ankara.standing())["view"]["stage"] == "screening"


async def test_a_clarification_lapses_after_its_day(season):
    ankara = await season.apply("Ankara")
    await season.until(season.closes_at + timedelta(hours=1))
    await ankara.do("ask_clarification", DESK)

    await season.after(days=20)

    assert [e.command for e in await ankara.ledger() if e.role == "clock"][-1] == "lapse_clarification"
    with refused("GuardFailed", guard="one_open_clarification"):
        await ankara.do("answer_clarification", APPLICANT)


async def test_a_proposal_lapses_when_nobody_answers(season):
    ankara = await season.apply("Ankara")
    await ankara.do("merge_duplicate", DESK, survivor="KC2021-PLA-0009")

    await season.after(days=30)

    standing = await ankara.standing()
    assert standing["proposals"] == []
    assert standing["view"]["stage"] == "received"


async def test_a_file_closes_when_its_periods_are_over(season):
    ankara = await season.apply("Ankara")
    await ankara.do("withdraw", APPLICANT, evidence=[PROOF])
    await season.after(days=60)

    with refused("FileClosed"):
        await ankara.do("flag", DESK)
    assert season.register.view(ankara.ref).closed


async def test_the_same_command_id_is_answered_and_not_done_again(season):
    ankara = await season.apply("Ankara")

    first = await season.gateway.command(ankara.ref, "flag", {}, DESK, "the same")
    again = await season.gateway.command(ankara.ref, "flag", {}, DESK, "the same")

    assert again == first.model_copy(update={"repeated": again.repeated})
    assert [entry.command for entry in await ankara.ledger()] == ["receive", "flag"]


async def test_a_signal_does_what_the_update_of_its_name_does(season):
    ankara, bursa = await season.apply("Ankara"), await season.apply("Bursa")
    by = {"person": DESK.person, "role": "desk"}

    await ankara.do("acknowledge", DESK)
    await season.handle(bursa.ref).signal("acknowledge", {"by": by})
    [one], [other] = (await ankara.ledger())[1:], (await bursa.ledger_grown_to(2))[1:]

    same = {"subject", "via", "command_id", "at", "recorded_at", "previous", "hash"}
    assert one.model_dump(exclude=same) == other.model_dump(exclude=same)
    assert (one.via, other.via) == ("update", "signal")


async def test_only_the_edition_hands_out_places(season):
    [ankara] = await season.shortlisted("Ankara")
    order = {"edition": 2021, "entry": 1, "proposed_by": "P-X", "approved_by": MINISTRY.person}
    data = {"krw": 300_000_000, "rank": 1}

    with refused("NotPermitted"):
        await ankara.do("select", MINISTRY, **data)
    by = {"person": MINISTRY.person, "role": "ministry", "via": "edition", "order": order}
    entries = len(await ankara.ledger())
    await season.handle(ankara.ref).signal("select", {**data, "by": by})

    forged = (await ankara.ledger_grown_to(entries + 1))[-1]
    assert (forged.command, forged.outcome, forged.via) == ("select", "refused", "signal")
    assert await ankara.stage() == "shortlisted"


@pytest.mark.parametrize(("send", "via"), [("update", "clock"), ("update", "application"), ("signal", "application")])
async def test_nobody_speaks_for_the_clock_by_whatever_way_they_claim_to_come(season, send, via):
    ankara = await season.apply("Ankara")
    proposed = await season.gateway.command(
        ankara.ref, "correct", {"supersedes": 1, "field": "city", "value": "x", "reason": "typed wrong"}, DESK
    )
    data = {"proposal": proposed.entry, "by": {"person": "clock", "role": "clock", "via": via}}

    if send == "update":
        with pytest.raises(WorkflowUpdateFailedError):
            await season.handle(ankara.ref).execute_update("lapse_proposal", data)
    else:
        await season.handle(ankara.ref).signal("lapse_proposal", data)

    entry = (await ankara.ledger_grown_to(3))[-1]
    assert (entry.refused.code, entry.via) == ("NotPermitted", send)
    assert [proposal["entry"] for proposal in (await ankara.standing())["proposals"]] == [proposed.entry]


async def test_an_application_goes_its_way_when_its_edition_is_no_more(season):
    (ankara,) = await season.shortlisted("Ankara")
    await season.results("solution", [ankara])
    await ankara.comes_to("selected")
    await season.after(days=1)  # the edition has nothing under way
    await season.handle("2021").terminate()

    await ankara.do("withdraw", APPLICANT, evidence=[PROOF])
    await season.after(days=60)

    ended = await season.handle(ankara.ref).result()
    assert (ended["stage"], ended["closed"]) == ("withdrawn", True)


async def test_a_place_comes_back_when_its_holder_withdraws_and_goes_to_the_reserve(season):
    ankara, bursa = await season.shortlisted("Ankara", "Bursa")
    await season.results("solution", [ankara], [bursa])
    await ankara.comes_to("selected")
    await bursa.comes_to("reserve")

    await ankara.do("withdraw", APPLICANT, evidence=[PROOF])
    await eventually(season.register, "edition/2021", "nominate_next")
    await season.decide("promote_next", MINISTRY, SECOND_MINISTRY, ref=bursa.ref, krw=300_000_000)

    await bursa.comes_to("selected")
    assert [entry.command for entry in await season.ledger()][-1] == "promote_next"


async def test_a_framework_that_fails_of_a_refusal_names_the_first_on_the_reserve_on_a_real_server(tmp_path):
    async with (
        real_server(tmp_path) as client,
        real_season(client, tmp_path, closes_in=timedelta(seconds=30)) as season,
    ):
        ankara, bursa, cairo = await season.shortlisted("Ankara", "Bursa", "Cairo")
        await season.results("solution", [ankara], [bursa, cairo])
        await season.decided_without("planning", "demonstration")
        for life, stage in ((ankara, "selected"), (bursa, "reserve"), (cairo, "reserve")):
            await life.comes_to(stage)
        await season.publish(ankara)
        await ankara.do("open_framework", DESK)
        await ankara.is_listed({"KOREA": "korean_government", "HOST": "host_government"})
        await ankara.signs("KOREA")
        failure = {"ground": "party_refused", "reason": "the council voted against it"}
        with refused("GuardFailed", guard="framework_has_failed"):
            await ankara.do("fail_framework", MINISTRY, SECOND_MINISTRY, **failure)
        await ankara.do("refuse_signature", DESK, party="HOST", evidence=[PROOF])

        await ankara.do("fail_framework", MINISTRY, SECOND_MINISTRY, **failure)
        await eventually(season.register, "edition/2021", "nominate_next")

        assert await season.places() == []
        last = [(entry.command, entry.role, entry.data["ref"]) for entry in (await season.ledger())[-2:]]
        assert last == [("release_place", "ministry", ankara.ref), ("nominate_next", "clock", bursa.ref)]


async def test_two_decisions_at_once_never_exceed_the_quota(season):
    lives = await season.shortlisted("Ankara", "Bursa", "Cairo", "Dakar", "Essen", "Fez")
    proposals = []
    for group in (lives[:3], lives[3:]):
        selected = [await life.choice(rank) for rank, life in enumerate(group, start=1)]
        data = {"programme": "solution", "ranking": [life.ref for life in group], "selected": selected}
        data |= {"reason": "the others are decided on beside these"}
        receipt = await season.gateway.command("2021", "decide_selection", data, COMMITTEE)
        proposals.append({**data, "proposal": receipt.entry})

    answers = await asyncio.gather(
        *(season.gateway.command("2021", "decide_selection", data, MINISTRY) for data in proposals),
        return_exceptions=True,
    )

    assert sorted(type(answer).__name__ for answer in answers) == ["GuardFailed", "Receipt"]


async def test_runs_are_continued_and_the_ledger_goes_on(short_runs):
    season = short_runs
    ankara = await season.apply("Ankara")
    receipts = [await season.gateway.command(ankara.ref, "flag", {}, DESK, f"flag {n}") for n in range(12)]

    ledger = await ankara.ledger_grown_to(13)
    for _ in range(100):  # a run is continued when everything it recorded has been told
        if len(await season.runs(ankara.ref)) > 1:
            break
        await asyncio.sleep(0.05)
    assert len(await season.runs(ankara.ref)) > 1
    again = await season.gateway.command(ankara.ref, "flag", {}, DESK, "flag 0")
    assert (again.entry, again.hash) == (receipts[0].entry, receipts[0].hash)
    assert [entry.number for entry in ledger] == list(range(1, 14))
    assert breaks(ledger) == []
    assert await histories.check(season.client, season.vault, season.register) == []


async def test_temporals_own_command_line_can_signal(short_runs):
    """What `temporal workflow signal` sends is recorded as a signal, and acts."""
    season = short_runs
    ankara = await season.apply("Ankara")
    by = {"person": HEAD.person, "role": "head"}
    address = season.client.service_client.config.target_host
    done = await asyncio.to_thread(
        subprocess.run,
        [
            TEMPORAL, "workflow", "signal", "--address", address, "--namespace", season.client.namespace,
            "--workflow-id", application_id(ankara.ref), "--name", "acknowledge", "--input", json.dumps({"by": by}),
        ],
        capture_output=True,
        text=True,
    )  # fmt: skip

    assert done.returncode == 0, done.stderr
    entry = (await ankara.ledger_grown_to(2))[-1]
    assert (entry.command, entry.outcome, entry.via) == ("acknowledge", "made", "signal")
