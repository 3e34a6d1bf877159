"""An explanation rests on histories, and says what the register's entries would have it say."""

import asyncio

from kcity_flow.audit import histories
from kcity_flow.audit.explain import explain
from kcity_flow.audit.moments import Source
from tests.season import DESK, Season


async def test_histories_and_register_explain_the_same(season: Season) -> None:
    chosen, spare, other = await season.shortlisted("Ankara", "Bursa", "Izmir")
    await season.results("solution", [chosen], [spare], [other])
    await season.decided_without("planning", "demonstration")
    await season.publish(chosen, spare, other)
    await chosen.do("correct", DESK, supersedes=1, field="title", value="A plan", reason="as the letter says")
    now = await season.now()

    for life in (chosen, spare, other):
        ledger, view = await life.ledger(), season.register.view(life.ref)
        assert view is not None
        found = await histories.source_of(season.client, life.ref)
        assert found is not None
        registered = Source(found.edition, ledger, view, await season.ledger(), days_off=found.days_off)

        assert found == registered
        assert explain(found, now) == explain(registered, now)

    [in_short, *_] = explain(found, now)
    assert in_short.sentences[1].text.endswith("1 place went to others, and it ranked 3 of 3 with a mean of 80.00.")


async def test_every_run_of_a_continued_workflow_is_read(short_runs: Season) -> None:
    season = short_runs
    ankara = await season.apply("Ankara")
    for _ in range(12):
        await ankara.do("flag", DESK)
    ledger = await ankara.ledger()
    for _ in range(100):  # a run is continued when everything it recorded has been told
        if len(await season.runs(ankara.ref)) > 1:
            break
        await asyncio.sleep(0.05)

    found = await histories.source_of(season.client, ankara.ref)

    assert len(await season.runs(ankara.ref)) > 1
    assert found is not None
    assert (found.ledger, found.view) == (ledger, season.register.view(ankara.ref))


async def test_who_never_applied_has_nothing_to_explain(season: Season) -> None:
    assert await histories.source_of(season.client, "KC2021-PLA-0404") is None
