"""Whatever is sent past the gateway is judged or refused, and no workflow ever stands still because of it."""

import asyncio
import json
from typing import Any

import pytest
from temporalio.api.common.v1 import Payload
from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowUpdateFailedError
from temporalio.common import RawValue
from temporalio.exceptions import ApplicationError

from kcity_flow.domain.messages import PAYLOAD_LIMIT, Outcome
from tests.season import DESK, HEAD, PROOF, Life, Season, refused

BY = DESK.by()


def raw(data: bytes, encoding: bytes = b"json/plain") -> RawValue:
    return RawValue(Payload(metadata={"encoding": encoding}, data=data))


MALFORMED: dict[str, tuple[str, list[Any]]] = {
    "no argument": ("acknowledge", []),
    "two arguments": ("acknowledge", [{"by": BY}, {"by": BY}]),
    "not JSON": ("acknowledge", [raw(b"{")]),
    "not text": ("acknowledge", [raw(b"\xff\xfe")]),
    "an encoding of its own": ("acknowledge", [raw(b"x", b"binary/of-its-own")]),
    "bytes": ("acknowledge", [raw(b"x", b"binary/plain")]),
    "nothing": ("acknowledge", [None]),
    "a list": ("acknowledge", [[{"by": BY}]]),
    "a number": ("acknowledge", [7]),
    "brackets without end": ("acknowledge", [raw(b"[" * 100_000)]),
    "a number without end": ("acknowledge", [raw(b'{"by":' + b"9" * 10_000 + b"}")]),
    "an unknown name": ("approve_everything", [{"by": BY}]),
    "a name with everything in it": ("'; drop table entries; --\n\0", [{"by": BY}]),
    "an edition's command": ("close_edition", [{"by": BY, "open_applications": 0}]),
    "nobody": ("acknowledge", [{}]),
    "an unknown role": ("acknowledge", [{"by": {"person": "P-DESK", "role": "king"}}]),
    "a name for an id": ("acknowledge", [{"by": {"person": "Kim Minsu", "role": "desk"}}]),
    "an empty id": ("acknowledge", [{"id": "", "by": BY}]),
    "missing fields": ("pass_screening", [{"by": BY}]),
    "wrong types": ("pass_screening", [{"by": BY, "answers": [1], "complete": "perhaps"}]),
    "half a character": ("pass_screening", [raw(json.dumps({"by": BY, "answers": {"\ud800": True}}).encode())]),
    "half a character in a text": (
        "correct",
        [raw(json.dumps({"by": BY, "supersedes": 1, "field": "city", "value": "\ud800"}).encode())],
    ),
    "free text for a commitment": ("acknowledge", [{"by": BY, "reason": "because"}]),
    "too many faults to tell": ("submit_final", [{"by": BY, "deliverables": [1] * 100_000}]),
    "a day beyond the calendar": ("extend", [{"by": BY, "ends_on": "9999-12-31", "ground": "scale"}]),
    "an instant beyond the calendar": ("schedule", [{"by": BY, "date_at": "9999-12-31T23:59:59Z"}]),
    "an instant before it": ("schedule", [{"by": BY, "date_at": "0001-01-01T00:00:00+09:00"}]),
    "an instant without a zone": ("schedule", [{"by": BY, "date_at": "2021-05-01T09:00:00"}]),
}  # fmt: skip


async def by_update(life: Life, name: str, args: list[Any]) -> str:
    """The refusal's code."""
    with pytest.raises(WorkflowUpdateFailedError) as failed:
        await life.season.handle(life.ref).execute_update(name, args=args)
    assert isinstance(failed.value.cause, ApplicationError)
    assert len(failed.value.cause.message) < 2000
    return failed.value.cause.type or ""


async def by_signal(life: Life, name: str, args: list[Any]) -> str:
    before = len(await life.ledger())
    await life.season.handle(life.ref).signal(name, args=args)
    entry = (await life.ledger_grown_to(before + 1))[-1]
    assert entry.refused is not None
    return entry.refused.code


async def assert_never_stuck(season: Season, life: Life) -> None:
    for history in (*await season.runs(life.ref), *await season.runs("edition/2021")):
        failed = [e for e in history.events if e.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED]
        assert not failed
    assert await season.faults() == []


@pytest.mark.parametrize("send", [by_update, by_signal])
async def test_what_cannot_be_read_is_refused_and_recorded(season: Season, send: Any) -> None:
    ankara = await season.apply("Ankara")

    told = {case: await send(ankara, name, args) for case, (name, args) in MALFORMED.items()}

    assert told == dict.fromkeys(MALFORMED, "Unreadable")
    recorded = [e for e in await ankara.ledger() if e.outcome is Outcome.REFUSED]
    assert [e.command for e in recorded] == [name[:80] for name, _ in MALFORMED.values()]
    assert {(e.person, e.role) for e in recorded} == {("unknown", "unknown")}
    assert {e.via for e in recorded} == {"update" if send is by_update else "signal"}
    await ankara.do("acknowledge", DESK)
    await assert_never_stuck(season, ankara)


async def test_the_edition_refuses_what_cannot_be_read(season: Season) -> None:
    edition = season.handle("2021")

    for name, args in (("open_call", []), ("decide_selection", [{"by": BY}]), ("nonsense", [{}])):
        await edition.signal(name, args=args)
        with pytest.raises(WorkflowUpdateFailedError):
            await edition.execute_update(name, args=args)

    codes = [entry.refused.code for entry in await season.ledger() if entry.refused]
    assert codes == ["Unreadable"] * 6


async def test_a_flood_leaves_no_trace(season: Season) -> None:
    """A validator's rejection writes nothing: what would only swell the history is kept out of it."""
    ankara = await season.apply("Ankara")
    flood = {"by": BY, "note": "x" * 300 * 1024}

    assert await by_update(ankara, "acknowledge", [flood]) == "TooLarge"
    assert await by_update(ankara, "a" * 500, [{"by": BY}]) == "TooLarge"

    events = (await ankara.history()).events
    accepted = [e for e in events if e.event_type == EventType.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED]
    assert len(accepted) == 1  # its receipt
    assert sum(event.ByteSize() for event in events) < 100 * 1024
    assert len(await ankara.ledger()) == 1


async def test_a_flood_by_signal_is_refused_and_not_kept(season: Season) -> None:
    """A signal has no validator and stands in the history; the ledger says so, without what it carried."""
    ankara = await season.apply("Ankara")
    deliverables = [{"kind": "x", "sha256": PROOF}] * 4000

    assert await by_signal(ankara, "submit_final", [{"by": BY, "deliverables": deliverables}]) == "TooLarge"

    assert len((await ankara.ledger())[-1].model_dump_json()) < 2000
    await assert_never_stuck(season, ankara)


async def test_many_large_commands_at_once_are_all_recorded(season: Season) -> None:
    """As many as a server takes at once (its limit is ten in flight); refused ones are kept by their hash."""
    ankara = await season.apply("Ankara")
    deliverables = [{"kind": "x", "sha256": PROOF}] * (PAYLOAD_LIMIT // 110)

    await asyncio.gather(
        *(by_update(ankara, "submit_final", [{"by": BY, "deliverables": deliverables}]) for _ in range(10))
    )

    assert len(await ankara.ledger()) == 11
    await assert_never_stuck(season, ankara)


async def test_more_than_a_hundred_refusals_an_hour_are_counted(season: Season) -> None:
    ankara = await season.apply("Ankara")

    for _ in range(105):
        with refused("IllegalMove"):
            await ankara.do("submit_final", DESK, deliverables=[])
    assert len(await ankara.ledger()) == 101
    assert (await ankara.standing())["uncounted_refusals"] == 5

    await season.after(hours=1)
    with refused("IllegalMove"):
        await ankara.do("submit_final", DESK, deliverables=[])
    assert len(await ankara.ledger()) == 102
    await ankara.do("acknowledge", HEAD)
    await assert_never_stuck(season, ankara)
