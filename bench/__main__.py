"""``make bench``: three ratios to the floor, each measured side by side in one run on one real server.

The two sides take turns in short blocks, so that a machine that slows down slows both. Figures are printed and
written to ``bench/results.json``.
"""

import asyncio
import json
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from temporalio.client import Client, WorkflowHistory
from temporalio.worker import Replayer, Worker

from bench.bare import BareWorkflow
from kcity_flow.adapters.edition_files import read_edition
from kcity_flow.adapters.register import Register
from kcity_flow.adapters.smtp import Postman
from kcity_flow.adapters.vault import Vault
from kcity_flow.domain.edition import transformed
from kcity_flow.domain.stages import Role
from kcity_flow.gateway import Actor
from kcity_flow.process import leave
from kcity_flow.server import connect, serving
from kcity_flow.settings import Settings
from worker import WORKFLOWS, Programme, assemble, workflow_runner, working

BLOCKS, UPDATES_A_BLOCK = 12, 25
APPLICATIONS, AT_ONCE, COMMANDS = 20, 8, 32
DESK, HEAD, MINISTRY = Actor("P-DESK", Role.DESK), Actor("P-HEAD", Role.HEAD), Actor("P-MINISTRY", Role.MINISTRY)
REVIEWERS = [Actor(f"P-R{n}", Role.REVIEWER) for n in range(1, 4)]
APPLICANT = Actor("P-APPLICANT", Role.APPLICANT)
Command = tuple[str, dict[str, Any], Actor]


async def main() -> None:
    """Measure, print, write."""
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings.read(var_dir=Path(folder))
        async with serving(settings) as server:
            client = await connect(server.address, settings)
            register, vault = Register(settings.register_url), Vault(settings.vault_url)
            register.prepare()
            vault.prepare()
            for actor in (DESK, HEAD, MINISTRY, APPLICANT, *REVIEWERS):
                vault.add_person(
                    actor.person, f"{actor.person.lower()}@bench.example", roles=[actor.role], id=actor.person
                )
            programme = assemble(client, register, vault, Postman(vault, settings), settings)
            floor = Worker(client, task_queue="bare", workflows=[BareWorkflow], max_cached_workflows=2000)
            async with working(programme), floor:
                results = await measure(client, programme)
    print(json.dumps(results, indent=2))
    (Path(__file__).parent / "results.json").write_text(json.dumps(results, indent=2) + "\n")


async def measure(client: Client, programme: Programme) -> dict[str, Any]:
    """All three ratios, and what a move costs in events and bytes."""
    edition = read_edition("2021")
    origin = min(window.opens_at for window in edition.windows) + timedelta(days=1)
    await programme.gateway.open_edition(transformed(edition, starts_at=datetime.now(UTC), origin_at=origin))
    waiting = await programme.gateway.command("2021", "open_call", {}, HEAD)
    await programme.gateway.command("2021", "open_call", {"proposal": waiting.entry}, MINISTRY)

    ref = await received(programme, 0)
    bare = await start_bare(client, 0)
    ours, theirs = await latencies(programme, ref, bare)
    season, floor = await throughput(client, programme)
    history = await client.get_workflow_handle(f"application/{ref}").fetch_history()
    moves = BLOCKS * UPDATES_A_BLOCK + 1
    replayed, replayed_floor = await replays(client, season["refs"], floor["ids"])
    return {
        "update": {
            "p50_ms": centile(ours, 50), "p99_ms": centile(ours, 99),
            "floor_p50_ms": centile(theirs, 50), "floor_p99_ms": centile(theirs, 99),
            "p50_ratio": round(centile(ours, 50) / centile(theirs, 50), 2),
            "p99_ratio": round(centile(ours, 99) / centile(theirs, 99), 2),
        },
        "season": {
            "applications_a_second": round(season["rate"], 2), "floor_a_second": round(floor["rate"], 2),
            "ratio": round(season["rate"] / floor["rate"], 2), "commands_each": COMMANDS,
        },
        "replay": {
            "histories_a_second": round(replayed, 1), "floor_a_second": round(replayed_floor, 1),
            "ratio": round(replayed / replayed_floor, 2),
        },
        "a_move": {
            "events": round(len(history.events) / moves, 2),
            "bytes": round(sum(event.ByteSize() for event in history.events) / moves),
        },
    }  # fmt: skip


def centile(values: list[float], which: int) -> float:
    """A percentile of times, in milliseconds."""
    return round(statistics.quantiles(values, n=100)[which - 1] * 1000, 2)


async def timed(work: Callable[[], Awaitable[Any]]) -> float:
    """Seconds that it takes."""
    begun = time.perf_counter()
    await work()
    return time.perf_counter() - begun


async def latencies(programme: Programme, ref: str, bare: Any) -> tuple[list[float], list[float]]:
    """Seconds of single updates, ours and the floor's, in turns."""
    ours: list[float] = []
    theirs: list[float] = []
    for block in range(BLOCKS):
        for number in range(UPDATES_A_BLOCK):
            ours.append(await timed(lambda: programme.gateway.command(ref, "flag", {"note": "bench"}, DESK)))
            key = f"{block}/{number}"
            bare_flag = partial(bare.execute_update, "command", {"trigger": "flag", "note": "bench"}, id=key)
            theirs.append(await timed(bare_flag))
    return ours[UPDATES_A_BLOCK:], theirs[UPDATES_A_BLOCK:]  # the first block warms up


def life(number: int) -> list[Command]:
    """An application's first months: what a season's commands are mostly like."""
    steps: list[Command] = [("acknowledge", {}, DESK)]
    steps += [("flag", {"note": f"seen_{n}"}, DESK) for n in range(COMMANDS - 2)]
    return [*steps, ("withdraw", {"evidence": [f"{number:064x}"]}, APPLICANT)]


async def throughput(client: Client, programme: Programme) -> tuple[dict[str, Any], dict[str, Any]]:
    """Applications a second through their commands, AT_ONCE at a time; the sides take turns by halves."""
    ours: dict[str, Any] = {"seconds": 0.0, "refs": []}
    theirs: dict[str, Any] = {"seconds": 0.0, "ids": []}
    for half in range(4):
        numbers = [1 + half * (APPLICATIONS // 4) + n for n in range(APPLICATIONS // 4)]
        gate = asyncio.Semaphore(AT_ONCE)

        async def one(number: int, gate: asyncio.Semaphore = gate) -> None:
            async with gate:
                ref = await received(programme, number)
                for trigger, data, actor in life(number):
                    await programme.gateway.command(ref, trigger, data, actor)
                ours["refs"].append(ref)

        async def floor(number: int, gate: asyncio.Semaphore = gate) -> None:
            async with gate:
                handle = await start_bare(client, number)
                for place, (trigger, data, _) in enumerate([("receive", {}, DESK), *life(number)]):
                    await handle.execute_update("command", {"trigger": trigger, **data}, id=str(place))
                theirs["ids"].append(handle.id)

        async def all_of(each: Callable[[int], Awaitable[None]], numbers: list[int] = numbers) -> None:
            await asyncio.gather(*(each(number) for number in numbers))

        ours["seconds"] += await timed(lambda: all_of(one))
        theirs["seconds"] += await timed(lambda: all_of(floor))
    for side in (ours, theirs):
        side["rate"] = APPLICATIONS / side["seconds"]
    return ours, theirs


async def replays(client: Client, refs: list[str], ids: list[str]) -> tuple[float, float]:
    """Histories a second, ours as in production (sandboxed) and the floor's, three times in turns."""
    ours = [await client.get_workflow_handle(f"application/{ref}").fetch_history() for ref in refs]
    theirs = [await client.get_workflow_handle(name).fetch_history() for name in ids]
    spent = [0.0, 0.0]
    for _ in range(3):
        spent[0] += await timed(lambda: replay(client, list(WORKFLOWS), ours))
        spent[1] += await timed(lambda: replay(client, [BareWorkflow], theirs))
    return 3 * len(ours) / spent[0], 3 * len(theirs) / spent[1]


async def replay(client: Client, workflows: list[type], histories: list[WorkflowHistory]) -> None:
    """Replay every history; any that leads elsewhere ends the run."""
    replayer = Replayer(workflows=workflows, data_converter=client.data_converter, workflow_runner=workflow_runner())
    for history in histories:
        await replayer.replay_workflow(history)


async def received(programme: Programme, number: int) -> str:
    """An application's number."""
    now = (await programme.gateway.rules(2021)).edition.tempo.business(datetime.now(UTC))
    data = {
        "programme": "planning",
        "applicant": {
            "contact": APPLICANT.person, "organisation": f"O-{number}", "kind": "local_government", "country": "TR",
        },
        "city": f"City {number}", "title": f"Plan {number}", "received_at": now.isoformat(), "channel": "post",
    }  # fmt: skip
    receipt = await programme.gateway.receive(2021, data, DESK)
    return receipt.subject


async def start_bare(client: Client, number: int) -> Any:
    """A bare workflow of its own."""
    return await client.start_workflow(
        "Bare", {"number": number}, id=f"bare/{number}/{time.time_ns()}", task_queue="bare"
    )


if __name__ == "__main__":
    asyncio.run(main())
    leave(0)
