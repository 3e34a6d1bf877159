import asyncio
import json
from typing import Any

import pytest
from temporalio.testing import ActivityEnvironment

from activities.orders import AT_ONCE, Orders
from kcity_flow.domain.casefile import FIRST_PAUSE, LONGEST_PAUSE, EditionFile
from kcity_flow.domain.errors import GuardFailed, Unavailable
from kcity_flow.domain.messages import By, OrderBatch, OrderResult, SameOrder, StartEdition, canonical
from kcity_flow.domain.stages import Role, Via
from tests.unit.case import HASH, Office, korean_days_off

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

    result = await ActivityEnvironment().run(Orders(applications).carry_out, BATCH)

    assert result == OrderResult(untold=(REFS[3],))
    assert applications.told == {f"edition/2021/7/{ref}/publish_result": 1 for ref in REFS}


async def test_where_more_than_a_few_are_silent_the_rest_is_not_asked_and_comes_first_the_next_time():
    silent = tuple(REFS[:12])
    applications = Applications(silent=silent)

    result = await ActivityEnvironment().run(Orders(applications).carry_out, BATCH)
    assert len(applications.told) < len(REFS)
    assert result == OrderResult(untold=(*REFS[9:], *REFS[:9]))

    again = await ActivityEnvironment().run(Orders(applications).carry_out, BATCH.only(result.untold, 1))
    once_more = await ActivityEnvironment().run(Orders(applications).carry_out, BATCH.only(again.untold, 2))

    assert sorted(once_more.untold) == sorted(silent)
    assert set(applications.told) == {f"edition/2021/7/{ref}/publish_result" for ref in REFS}


async def test_a_repeated_run_goes_on_behind_its_last_heartbeat_and_forgets_nobody():
    """The first run ends where the tenth answer is awaited; who was silent until then is left to the edition."""
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

    assert result == OrderResult(refusals={"GuardFailed": (REFS[0],)}, untold=(REFS[4],))
    assert list(applications.told) == [f"edition/2021/7/{ref}/publish_result" for ref in REFS[10:]]


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


# --- the edition's side: who did not answer is told again, and holds up nobody ----------------------------------------


ANKARA, IZMIR, BURSA = (f"KC2021-PLA-{number:04d}" for number in (1, 2, 3))


@pytest.fixture
def office() -> Office:
    """An edition that has decided on three, and on one more since, and has told nobody yet."""
    office = Office().deciding()
    office.decide("planning", 1, 1, ranking=[ANKARA, IZMIR, BURSA])
    office.two("cancel_award", ref=ANKARA, reason="0" * 64)
    return office


def told(office: Office, *untold: str) -> list[tuple[str, str]]:
    """Carry out what comes next; these do not answer."""
    batch = office.file.next_orders(office.now)
    if batch is None:
        return []
    silent = tuple(ref for ref in batch.refs if ref in untold)
    office.file.answered(OrderResult(untold=silent), office.now, office.now)
    return [(ref, trigger) for ref, trigger, _ in batch.commands if ref not in silent]


def test_a_later_order_waits_for_the_answer_to_an_earlier_one_and_nobody_elses(office: Office):
    assert told(office, ANKARA) == [(IZMIR, "place_on_reserve"), (BURSA, "pass_over")]
    assert told(office) == []
    assert office.file.orders == []

    office.file.tell_again()

    assert told(office) == [(ANKARA, "select")]
    assert told(office) == [(ANKARA, "cancel_award")]
    assert (office.file.orders, office.file.carried.untold) == ([], [])


def test_what_is_told_again_is_told_under_its_first_id_and_with_its_own_data(office: Office):
    first = office.file.orders[0]
    told(office, ANKARA)
    [again] = office.file.carried.untold

    assert again.command_id(ANKARA, "select") == first.command_id(ANKARA, "select")
    assert again.commands == [first.commands[0]]
    assert again.gives == first.gives


def test_pauses_grow_to_their_longest_and_somebody_newly_silent_is_not_made_to_wait_for_it(office: Office):
    pauses = []
    for _ in range(14):
        told(office, ANKARA)
        pauses.append(office.file.carried.again_at - office.now)
        del office.file.orders[:]
        office.file.tell_again()
    told(office, ANKARA)
    office.decide("planning", 0, 1, start=5, reason="0" * 64)
    told(office, "KC2021-PLA-0005")

    assert pauses == sorted(pauses)
    assert (pauses[0], pauses[1], pauses[-1]) == (FIRST_PAUSE, 2 * FIRST_PAUSE, LONGEST_PAUSE)
    assert office.file.carried.again_at == office.now + FIRST_PAUSE


def test_a_continued_run_tells_again_whom_the_run_before_did_not_reach(office: Office):
    told(office, ANKARA, BURSA)
    told(office)
    carried = json.loads(json.dumps(office.file.carried.model_dump(mode="json", exclude_unset=True)))
    start = StartEdition(edition=office.edition, edition_hash=HASH, days_off=korean_days_off(), file=carried)
    office.file, before = EditionFile(start), office.file

    assert office.file.carried.untold == before.carried.untold
    assert office.file.carried.again_at == before.carried.again_at
    office.file.tell_again()
    assert told(office) == [(ANKARA, "select"), (BURSA, "pass_over")]
    assert told(office) == [(ANKARA, "cancel_award")]


def test_an_edition_is_not_over_while_somebody_is_to_be_told(office: Office):
    for programme in ("solution", "demonstration"):
        office.decide(programme)
    office.two("publish_results", refs=[], reason="0" * 64)
    office.two("close_edition", open_applications=0)
    while office.file.orders:
        told(office, BURSA)

    assert not office.file.finished()
    office.file.tell_again()
    assert told(office) == [(BURSA, "pass_over")]
    assert not office.file.finished()
    assert told(office) == [(BURSA, "publish_result")]
    assert office.file.finished()
