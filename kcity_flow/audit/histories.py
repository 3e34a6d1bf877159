"""What Temporal's histories say, read back: the register made again from them, and the code replayed over them."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from collections.abc import AsyncIterator, Callable, Iterable, Sequence

from temporalio.api.common.v1 import Payload
from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import Client, WorkflowHistory
from temporalio.service import RPCError, RPCStatusCode
from temporalio.worker import Replayer, WorkflowRunner

from kcity_flow.adapters.register import Register
from kcity_flow.adapters.vault import Vault
from kcity_flow.audit.moments import Source
from kcity_flow.domain.ledger import breaks
from kcity_flow.domain.messages import Batch, StartApplication, edition_id
from kcity_flow.gateway import workflow_id

READ_AGAIN, PAUSE = 5, 0.5
"""How often subjects that differ are read again, and seconds in between."""

Progress = Callable[[int, int], None]
"""Told how many are done, of how many."""


def subjects(vault: Vault, register: Register) -> list[str]:
    """Every application that was given a number, from the intake journal, which has no gaps; and the editions.

    An edition that has no application yet is known to the register alone.
    """
    journal = vault.journal()
    opened = {view.edition for view in register.subjects() if view.subject == edition_id(view.edition)}
    years = sorted(opened | {int(line["year"]) for line in journal})
    refs = sorted(dict.fromkeys(str(line["ref"]) for line in journal))
    return [*(edition_id(year) for year in years), *refs]


async def runs(client: Client, subject: str) -> list[WorkflowHistory]:
    """Every run of a subject's workflow, the first one first; none if its workflow never started.

    A run that was continued names the one before it, so the chain is followed backwards from the latest.
    """
    found: list[WorkflowHistory] = []
    run_id: str | None = None
    while True:
        try:
            history = await client.get_workflow_handle(workflow_id(subject), run_id=run_id).fetch_history()
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND and not found:
                return []
            raise
        found.insert(0, history)
        started = history.events[0].workflow_execution_started_event_attributes
        run_id = started.continued_execution_run_id
        if not run_id:
            return found


async def batches(client: Client, history: WorkflowHistory) -> list[Batch]:
    """What the register was told in one run, in order."""
    found: list[Batch] = []
    for event in history.events:
        payloads = _told(event)
        if payloads:
            [batch] = await client.data_converter.decode(payloads, [Batch])
            found.append(batch)
    return found


async def source_of(client: Client, ref: str) -> Source | None:
    """What an application's histories say, and its edition's beside them; nothing if it never had one."""
    found = await runs(client, ref)
    told = [batch for history in found for batch in await batches(client, history)]
    if not told:
        return None
    started = found[0].events[0].workflow_execution_started_event_attributes
    [start] = await client.data_converter.decode(started.input.payloads, [StartApplication])
    year = edition_id(start.edition.year)
    orders = [batch for history in await runs(client, year) for batch in await batches(client, history)]
    return Source(
        edition=start.edition,
        ledger=[entry for batch in told for entry in batch.entries],
        view=told[-1].view,
        edition_ledger=[entry for batch in orders for entry in batch.entries],
        days_off=start.days_off,
    )


def _told(event: HistoryEvent) -> Sequence[Payload]:
    if event.event_type == EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED:
        scheduled = event.activity_task_scheduled_event_attributes
        return scheduled.input.payloads if scheduled.activity_type.name == "record" else ()
    return ()


@contextlib.asynccontextmanager
async def told_anew(
    client: Client, names: Sequence[str], progress: Progress | None = None
) -> AsyncIterator[tuple[Register, int]]:
    """What the register should say of some subjects, from the histories alone, in a place of its own; of how many."""
    kept = 0
    with tempfile.TemporaryDirectory(prefix="kcity-register-") as folder:
        fresh = Register(f"sqlite:///{folder}/register.db")
        fresh.prepare()
        try:
            for done, subject in enumerate(names, start=1):
                histories = await runs(client, subject)
                for history in histories:
                    for batch in await batches(client, history):
                        fresh.project(batch)
                kept += bool(histories)
                if progress:
                    progress(done, len(names))
            yield fresh, kept
        finally:
            fresh.close()


async def rebuild(client: Client, vault: Vault, register: Register, progress: Progress | None = None) -> int:
    """Make the register again from the histories alone. Returns how many subjects it holds.

    Every history is read before the register changes: interrupted, it stays as it was, with the editions that only
    it knows.
    """
    async with told_anew(client, subjects(vault, register), progress) as (fresh, kept):
        register.replace(fresh)
    return kept


async def check(client: Client, vault: Vault, register: Register, progress: Progress | None = None) -> list[str]:
    """Where register and histories differ, a sentence each; nothing if they say the same.

    People work meanwhile: what was recorded after a history was read is no difference, so subjects that differ are
    read again.
    """
    known = (view.subject for view in register.subjects())
    names = list(dict.fromkeys([*subjects(vault, register), *known]))
    found = await _differences(client, names, register, progress)
    for _ in range(READ_AGAIN):
        if not found:
            break
        await asyncio.sleep(PAUSE)
        found = await _differences(client, list(found), register)
    return [sentence for sentences in found.values() for sentence in sentences]


async def _differences(
    client: Client, names: list[str], register: Register, progress: Progress | None = None
) -> dict[str, list[str]]:
    """The sentences about each subject that differs."""
    async with told_anew(client, names, progress) as (fresh, _):
        stored, told = register.dump(), fresh.dump()
    asked, found = frozenset(names), dict[str, list[str]]()
    for subject, what in sorted({key for key in (*stored, *told) if key[0] in asked}):
        said, says = stored.get((subject, what)), told.get((subject, what))
        if said is None:
            found.setdefault(subject, []).append(f"The register lacks {subject}{what}.")
        elif says is None:
            found.setdefault(subject, []).append(f"The histories know nothing of {subject}{what}.")
        elif said != says:
            found.setdefault(subject, []).append(f"The register and the histories differ in {subject}{what}.")
    return found


def broken(register: Register) -> list[str]:
    """Where a ledger's chain of hashes does not hold, a sentence each."""
    return [fault for view in register.subjects() for fault in breaks(register.entries(view.subject))]


async def replay(
    client: Client,
    names: Iterable[str],
    workflows: Sequence[type],
    runner: WorkflowRunner,
    progress: Progress | None = None,
) -> tuple[int, list[str]]:
    """Run the workflow code over every history again, as an auditor does.

    Returns:
        How many histories were replayed, and a sentence for each that led somewhere else.
    """
    names = list(names)
    replayer = Replayer(workflows=list(workflows), data_converter=client.data_converter, workflow_runner=runner)
    count, failures = 0, []

    async def each() -> AsyncIterator[WorkflowHistory]:
        nonlocal count
        for done, subject in enumerate(names, start=1):
            for history in await runs(client, subject):
                count += 1
                yield history
            if progress:
                progress(done, len(names))

    async with replayer.workflow_replay_iterator(each()) as results:
        async for result in results:
            if result.replay_failure is not None:
                failures.append(f"{result.history.workflow_id}: {result.replay_failure}")
    return count, failures
