"""What the gateway sees to before anything reaches a workflow, and how it tells what a workflow cannot answer."""

from typing import Any

import pytest
import sqlalchemy as sa
from temporalio.client import WorkflowHandle, WorkflowQueryFailedError
from temporalio.service import RPCError, RPCStatusCode

from kcity_flow.adapters.vault import TEXTS
from kcity_flow.domain.errors import AlreadyReceived, Refusal, Unavailable
from kcity_flow.interfaces.board import snapshot
from tests.season import CHAIR, COMMITTEE, DESK, HEAD, MINISTRY, PROOF, SECOND_MINISTRY, YEAR, Season, refused


def outcomes(season: Season) -> list[tuple[str, str]]:
    return [(line["ref"][-4:], line["outcome"]) for line in season.vault.journal()]


async def arrival(season: Season, **more: Any) -> dict[str, Any]:
    return {
        "programme": "planning",
        "applicant": {
            "contact": "P-MAYOR",
            "organisation": "O-ANKARA",
            "kind": "local_government",
            "country": "TR",
        },
        "city": "Ankara",
        "title": "A plan",
        "received_at": (await season.now()).isoformat(),
        "channel": "post",
        **more,
    }


async def test_an_arrival_refused_by_what_is_known_costs_no_number(season: Season) -> None:
    with refused("NotPermitted"):
        await season.gateway.receive(YEAR, await arrival(season), CHAIR)
    with refused("GuardFailed", guard="channel_allowed"):
        await season.gateway.receive(YEAR, await arrival(season, channel="fax"), DESK)
    assert outcomes(season) == []

    receipt = await season.gateway.receive(YEAR, await arrival(season), DESK)

    assert (receipt.subject, receipt.stage) == ("KC2021-PLA-0001", "received")


@pytest.mark.parametrize("journal_knows", [True, False])
async def test_an_arrival_the_workflow_refuses_may_come_again(
    season: Season, monkeypatch: pytest.MonkeyPatch, journal_knows: bool
) -> None:
    with monkeypatch.context() as dying:
        if not journal_knows:
            dying.setattr(season.vault, "mark", lambda ref, outcome: None)
        with refused("GuardFailed", guard="received_since_opening"):
            later = season.closes_at.isoformat()
            await season.gateway.receive(YEAR, await arrival(season, received_at=later), DESK)
    await season.ledger("KC2021-PLA-0001")

    receipt = await season.gateway.receive(YEAR, await arrival(season), DESK)

    assert receipt.subject == "KC2021-PLA-0002"
    code = "GuardFailed" if journal_knows else Refusal.code
    assert outcomes(season) == [("0001", "booked"), ("0001", code), ("0002", "booked"), ("0002", "received")]
    season.vault.verify()
    await season.ledger("KC2021-PLA-0002")
    with pytest.raises(AlreadyReceived, match="as KC2021-PLA-0002"):
        await season.gateway.receive(YEAR, await arrival(season), DESK)
    seen = snapshot(season.edition, season.register, season.vault)
    assert [view.subject for view in seen.views] == ["KC2021-PLA-0002"]
    assert await season.faults() == []


async def test_a_text_is_kept_once_and_only_with_its_command(season: Season) -> None:
    def texts() -> list[str]:
        with season.vault.reading() as connection:
            return list(connection.execute(sa.select(TEXTS.c.text)).scalars())

    ankara = await season.apply("Ankara")
    before = texts()

    with refused("Unreadable"):
        await ankara.do("withdraw", DESK, reason="Nobody reads this.", note="Not a code.")
    await ankara.do("flag", DESK, reason="The mayor rang.")

    assert sorted(set(texts()) - set(before)) == ["The mayor rang."]
    assert len(texts()) == len(before) + 1
    [entry] = [entry for entry in await ankara.ledger() if entry.command == "flag"]
    assert season.vault.text(entry.reason or "") == "The mayor rang."


async def test_what_was_not_answered_is_sent_again_in_the_same_words(
    season: Season, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a server that was killed would write the second's words into the history, and the ledger has the first's."""
    ankara, izmir, bursa = await season.shortlisted("Ankara", "Izmir", "Bursa")
    for life in (ankara, izmir, bursa):  # whom a decision leaves out is read in the register
        await life.comes_to("shortlisted")
    execute, said = WorkflowHandle.execute_update, list[Any]()

    async def unanswered(handle: Any, trigger: str, data: Any, **more: Any) -> Any:
        said.append(data)
        if len(said) < 3:
            raise RPCError("the server is away", RPCStatusCode.UNAVAILABLE, b"")
        return await execute(handle, trigger, data, **more)

    chosen = {"programme": "solution", "ranking": [ankara.ref], "selected": [await ankara.choice(1)], "reason": "So."}
    with monkeypatch.context() as dying:
        dying.setattr(WorkflowHandle, "execute_update", unanswered)
        for _ in range(2):
            with refused("Unavailable"):
                await season.gateway.command(str(YEAR), "decide_selection", chosen, COMMITTEE, "twice")
        dying.undo()
        await bursa.do("withdraw", DESK, evidence=[PROOF])
        await bursa.comes_to("withdrawn")
        await bursa.ledger()
        dying.setattr(WorkflowHandle, "execute_update", unanswered)
        with refused("IdTaken"):
            await season.gateway.command(str(YEAR), "flag", {}, DESK, "twice")
        with refused("IdTaken"):
            await season.gateway.command(str(YEAR), "decide_selection", chosen, MINISTRY, "twice")
        with refused("IdTaken"):
            await season.gateway.command(str(YEAR), "decide_selection", chosen | {"ranking": []}, COMMITTEE, "twice")
        await season.gateway.command(str(YEAR), "decide_selection", chosen, COMMITTEE, "twice")

    assert said[0]["left_out"] == [izmir.ref, bursa.ref]
    assert said[1:] == [said[0], said[0]]
    assert (await season.ledger())[-1].reason == said[0]["reason"]
    assert season.vault.sending("edition/2021", "twice") is None
    with season.vault.reading() as connection:
        assert list(connection.execute(sa.select(TEXTS.c.text)).scalars()).count("So.") == 1


async def test_an_edition_is_closed_by_what_the_register_counts(season: Season) -> None:
    ankara, izmir = await season.apply("Ankara"), await season.apply("Izmir")
    await izmir.do("withdraw", DESK, evidence=[PROOF])
    await izmir.comes_to("withdrawn")
    await season.until(season.closes_at)
    await season.decided_without(*(programme.key for programme in season.edition.programmes))
    await season.publish()

    with refused("GuardFailed", guard="every_application_ended"):
        await season.decide("close_edition", MINISTRY, open_applications=0)
    assert (await season.ledger())[-1].data == {"open_applications": 1}

    await ankara.do("withdraw", DESK, evidence=[PROOF])
    await ankara.comes_to("withdrawn")
    assert (await season.decide("close_edition", MINISTRY, SECOND_MINISTRY)).stage == "closed"


async def test_a_workflow_that_was_ended_from_outside_is_not_called_closed(season: Season) -> None:
    ankara = await season.apply("Ankara")
    await ankara.comes_to("received")
    await season.handle(ankara.ref).terminate("by mistake")

    with pytest.raises(Unavailable, match="has ended though its file is open"):
        await ankara.do("acknowledge", DESK)

    await season.handle("2021").terminate("by mistake")
    with pytest.raises(Unavailable, match="has ended though its file is open"):
        await season.decide("flag", HEAD)


async def test_a_workflow_that_cannot_answer_is_told_in_a_sentence(
    season: Season, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fails(*_: Any, **__: Any) -> None:
        raise WorkflowQueryFailedError("it does not read its history")

    monkeypatch.setattr("temporalio.client.WorkflowHandle.query", fails)

    with pytest.raises(Unavailable, match="it does not read its history"):
        await season.gateway.standing("KC2021-PLA-0001")
    with pytest.raises(Unavailable, match="it does not read its history"):
        await season.gateway.rules(2020)


async def test_an_id_that_was_used_for_another_move_is_refused(season: Season) -> None:
    ankara = await season.apply("Ankara")
    await season.gateway.command(ankara.ref, "flag", {}, DESK, "the same")

    with refused("IdTaken"):
        await season.gateway.command(ankara.ref, "acknowledge", {}, DESK, "the same")
    assert not (await ankara.facts())["acknowledged"]


@pytest.mark.parametrize("reason", ["", "  \n"])
async def test_an_empty_reason_is_none(season: Season, reason: str) -> None:
    ankara = await season.apply("Ankara")

    with refused("Unreadable"):
        await ankara.do("correct", DESK, supersedes=1, field="city", value="Bursa", reason=reason)
    assert (await ankara.standing())["proposals"] == []
