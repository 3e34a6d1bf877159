"""What the gateway sees to before anything reaches a workflow, and how it tells what a workflow cannot answer."""

from typing import Any

import pytest

from kcity_flow.domain.errors import AlreadyReceived, Refusal
from kcity_flow.interfaces.board import snapshot
from tests.season import CHAIR, DESK, YEAR, Season, refused


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
