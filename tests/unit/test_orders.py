import asyncio
import json
from typing import Any

import pytest
from temporalio.testing import ActivityEnvironment

from activities.orders import AT_ONCE, Orders
from kcity_flow.domain.errors import GuardFailed, Unavailable
from kcity_flow.domain.messages import By, OrderBatch, SameOrder, canonical
from kcity_flow.domain.stages import Role, Via

REFS = [f"KC2021-PLA-{number:04d}" for number in range(1, 21)]
MINISTRY = By(person="P-MINISTRY", role=Role.MINISTRY, via=Via.EDITION)
BATCH = OrderBatch(edition=2021, entry=7, by=MINISTRY, orders=(SameOrder(trigger="publish_result", refs=tuple(REFS)),))


class KilledError(Exception):
    """As a process ends that is killed."""


class Applications:
    """Applications that remember what they were told, and some of which refuse or do not answer."""

    def __init__(self, refuses: tuple[str, ...] = (), silent: tuple[str, ...] = ()) -> None:
        self.told: dict[str, int] = {}
        self.refuses, self.silent = refuses, silent

    async def order(self, ref: str, trigger: str, data: dict[str, Any], command_id: str) -> None:
        self.told[command_id] = self.told.get(command_id, 0) + 1
        if ref in self.silent:
            raise Unavailable("no answer")
        if ref in self.refuses:
            raise GuardFailed(trigger, "withdrawn", "ministry", "not_told_yet", "an application that is told once")


async def test_each_application_is_told_once_under_an_id_that_never_changes():
    applications = Applications()

    result = await ActivityEnvironment().run(Orders(applications).carry_out, BATCH)

    assert result.refusals == {}
    assert applications.told == {f"edition/2021/7/{ref}/publish_result": 1 for ref in REFS}


async def test_refusals_are_collected_and_stop_nobody():
    applications = Applications(refuses=(REFS[0], REFS[19]))

    result = await ActivityEnvironment().run(Orders(applications).carry_out, BATCH)

    assert result.refusals == {"GuardFailed": (REFS[0], REFS[19])}
    assert len(applications.told) == 20


async def test_who_does_not_answer_holds_up_nobody_and_is_no_refusal():
    applications = Applications(silent=(REFS[3],))

    with pytest.raises(Unavailable, match=REFS[3]):
        await ActivityEnvironment().run(Orders(applications).carry_out, BATCH)

    assert applications.told == {f"edition/2021/7/{ref}/publish_result": 1 for ref in REFS}


async def test_where_nobody_answers_not_everybody_is_asked():
    applications = Applications(silent=tuple(REFS))

    with pytest.raises(Unavailable):
        await ActivityEnvironment().run(Orders(applications).carry_out, BATCH)

    assert len(applications.told) < len(REFS)


async def test_a_repeated_run_goes_on_behind_its_last_heartbeat_and_forgets_nobody():
    """The first run ends where the tenth answer is awaited; who was silent until then is asked again."""
    beats: list[Any] = []
    first = ActivityEnvironment()

    def beat(*details: Any) -> None:
        beats.append(json.loads(canonical(details)))
        if details[0] == 10:
            raise KilledError

    first.on_heartbeat = beat
    with pytest.raises(KilledError):
        await first.run(Orders(Applications(refuses=(REFS[0],), silent=(REFS[4],))).carry_out, BATCH)

    again, applications = ActivityEnvironment(), Applications()
    again.info = ActivityEnvironment.default_info()
    again.info = again.info.__class__(**{**vars(again.info), "heartbeat_details": beats[-1]})
    result = await again.run(Orders(applications).carry_out, BATCH)

    assert result.refusals == {"GuardFailed": (REFS[0],)}
    assert list(applications.told) == [f"edition/2021/7/{ref}/publish_result" for ref in (REFS[4], *REFS[10:])]


async def test_a_heartbeat_stays_small_whoever_refuses():
    refs = tuple(f"KC2021-PLA-{number:05d}" for number in range(10_000, 12_000))
    beats: list[Any] = []
    environment = ActivityEnvironment()
    environment.on_heartbeat = lambda *details: beats.append(canonical(details))
    batch = OrderBatch(edition=2021, entry=7, by=MINISTRY, orders=(SameOrder(trigger="pass_over", refs=refs),))

    result = await environment.run(Orders(Applications(refuses=refs)).carry_out, batch)

    assert result.refusals == {"GuardFailed": refs}
    assert len(beats[-1]) < 5 * len(refs)


async def test_no_more_than_a_few_are_told_side_by_side():
    class Crowd(Applications):
        inside = most = 0

        async def order(self, ref: str, trigger: str, data: dict[str, Any], command_id: str) -> None:
            self.inside += 1
            self.most = max(self.most, self.inside)
            await asyncio.sleep(0)
            self.inside -= 1

    crowd = Crowd()
    await ActivityEnvironment().run(Orders(crowd).carry_out, BATCH)

    assert crowd.most == AT_ONCE
