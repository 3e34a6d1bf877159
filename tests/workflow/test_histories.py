"""What an auditor asks: whether register, ledgers and histories say the same, and what an interruption leaves."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from temporalio.client import Client, WorkflowHistory

from kcity_flow.adapters.register import ENTRIES, SUBJECTS
from kcity_flow.audit import histories
from kcity_flow.domain.messages import Batch, application_id
from tests.season import DESK, HEAD, MINISTRY, YEAR, Season, assembled, edition_of, eventually, real_server


async def test_an_interrupted_rebuild_leaves_the_register_as_it_was(
    season: Season, monkeypatch: pytest.MonkeyPatch
) -> None:
    await season.ledger()
    before = season.register.dump()

    async def interrupted(*_: Any) -> None:
        raise KeyboardInterrupt

    # The edition has no application yet: nothing but the register knows that it is there.
    with monkeypatch.context() as halfway:
        halfway.setattr(histories, "batches", interrupted)
        with pytest.raises(KeyboardInterrupt):
            await histories.rebuild(season.client, season.vault, season.register)
    assert season.register.dump() == before

    assert await histories.rebuild(season.client, season.vault, season.register) == 1
    assert season.register.dump() == before


async def test_an_entry_that_was_altered_breaks_its_chain(season: Season) -> None:
    ankara = await season.apply("Ankara")
    await ankara.do("acknowledge", DESK)
    entry = (await ankara.ledger())[-1]
    assert histories.broken(season.register) == []

    altered = entry.model_copy(update={"person": "P-OTHER"}).model_dump_json()
    with season.register.writing() as connection:
        connection.execute(sa.update(ENTRIES).where(ENTRIES.c.command == "acknowledge").values(entry=altered))

    assert histories.broken(season.register) == [f"{ankara.ref}: entry 2 was changed after it was written"]


async def test_what_is_recorded_while_register_and_histories_are_compared_is_no_difference(
    season: Season, monkeypatch: pytest.MonkeyPatch
) -> None:
    ankara = await season.apply("Ankara")
    read, meanwhile = histories.batches, iter(["ask_the_embassy"])

    async def and_then_somebody_acts(client: Client, history: WorkflowHistory) -> list[Batch]:
        found = await read(client, history)
        if history.workflow_id == application_id(ankara.ref) and (note := next(meanwhile, None)):
            await ankara.do("flag", DESK, note=note)
            await ankara.ledger()
        return found

    monkeypatch.setattr(histories, "batches", and_then_somebody_acts)

    assert await histories.check(season.client, season.vault, season.register) == []
    assert await ankara.made() == ["receive", "flag"]


async def test_a_column_that_was_altered_is_a_difference(season: Season) -> None:
    ankara = await season.apply("Ankara")
    await season.ledger()
    await ankara.ledger()
    with season.register.writing() as connection:
        connection.execute(sa.update(SUBJECTS).where(SUBJECTS.c.subject == ankara.ref).values(stage="withdrawn"))

    assert await histories.check(season.client, season.vault, season.register) == [
        f"The register and the histories differ in {ankara.ref} as it stands."
    ]


async def test_a_call_opened_after_a_restart_replays_at_the_next_one(tmp_path: Path) -> None:
    """A task without commands may be replayed as one with the next, whose commands then come in another order."""
    async with real_server(tmp_path) as client:
        async with assembled(client, tmp_path) as programme:
            await programme.gateway.open_edition(edition_of(now=datetime.now(UTC)))
            await programme.gateway.standing(str(YEAR))
        async with assembled(client, tmp_path) as programme:
            proposal = await programme.gateway.command(str(YEAR), "open_call", {}, HEAD)
            await eventually(lambda: programme.register.view(f"edition/{YEAR}") is not None)
        async with assembled(client, tmp_path) as programme:
            receipt = await programme.gateway.command(str(YEAR), "open_call", {"proposal": proposal.entry}, MINISTRY)

    assert receipt.stage == "open"
