"""``make bench-size``: one decision on ten thousand applications, on the real on-disk server.

The applications begin at the shortlist: their workflows start with carried state, and the register is given the
views they would have written; their ledgers begin there. From then on everything is the product's own: ranking,
proposal, approval, orders, publication, and rejections by the chair. In the middle of the orders the worker's
process is killed with -9 and another one started.
"""

import argparse
import asyncio
import contextlib
import hashlib
import json
import os
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from temporalio.client import Client

from kcity_flow.adapters.documents import Documents
from kcity_flow.adapters.edition_files import read_edition
from kcity_flow.adapters.register import ENTRIES, SUBJECTS, Register
from kcity_flow.adapters.vault import Vault
from kcity_flow.domain import agenda
from kcity_flow.domain import messages as m
from kcity_flow.domain.application import Application, Seat
from kcity_flow.domain.casefile import ApplicationFile
from kcity_flow.domain.edition import Edition, edition_hash, transformed
from kcity_flow.domain.selection import Call
from kcity_flow.domain.stages import Role, Stage
from kcity_flow.gateway import Actor, Gateway
from kcity_flow.interfaces import bulk
from kcity_flow.interfaces.office import Office
from kcity_flow.interfaces.ranking import decision, ranking
from kcity_flow.process import leave
from kcity_flow.rehearsal.dry import DryRun
from kcity_flow.server import connect, serving
from kcity_flow.settings import Settings

PLACES, RESERVE, STARTED_AT_ONCE, PROGRAMME = 4, 20, 16, "planning"
OTHER, DECLINED = "solution", 1000
HEAD, COMMITTEE, CHAIR = Actor("P-HEAD", Role.HEAD), Actor("P-COMMITTEE", Role.COMMITTEE), Actor("P-CHAIR", Role.CHAIR)
MINISTRY, SECOND = Actor("P-MINISTRY-1", Role.MINISTRY), Actor("P-MINISTRY-2", Role.MINISTRY)
MAYOR = Actor("P-MAYOR", Role.APPLICANT)
MINUTES = hashlib.sha256(b"The committee voted on those whom no rule separates.").hexdigest()
REASON = "The others follow in the ranking."
LIMIT = 3600.0
"""Seconds after which a step that has not ended is given up."""


async def main(count: int, at_once: int) -> dict[str, Any]:
    """Measure one edition of this size."""
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings.read(var_dir=Path(folder))
        os.environ["KCITY_VAR_DIR"] = folder
        async with serving(settings) as server:
            client = await connect(server.address, settings)
            register, vault = Register(settings.register_url), Vault(settings.vault_url)
            register.prepare()
            vault.prepare()
            for actor in (HEAD, COMMITTEE, CHAIR, MINISTRY, SECOND, MAYOR):
                vault.add_person(actor.person, f"{actor.person}@bench.example", roles=[actor.role], id=actor.person)
            gateway = Gateway(client, register, vault, settings.task_queue)
            async with Workers(at_once) as workers:
                return await measure(
                    count, at_once, Parts(client, register, vault, gateway, workers, settings.task_queue)
                )


class Workers:
    """One worker at a time, in a process of its own that can be killed."""

    def __init__(self, at_once: int) -> None:
        self.at_once = at_once
        self.peak_mib = 0
        self.kills = 0

    async def __aenter__(self) -> "Workers":
        await self.begin()
        return self

    async def __aexit__(self, *_: object) -> None:
        self.look()
        self.process.send_signal(signal.SIGTERM)
        await self.process.wait()

    async def begin(self) -> None:
        """Start one."""
        self.process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "bench.size", "--work", "--at-once", str(self.at_once),
            stdout=asyncio.subprocess.DEVNULL,
        )  # fmt: skip

    async def kill(self) -> None:
        """Without warning; then another one."""
        self.look()
        self.process.kill()
        await self.process.wait()
        self.kills += 1
        await self.begin()

    def look(self) -> None:
        """How much memory it has had at most; a process that has ended no longer says."""
        with contextlib.suppress(OSError):
            status = Path(f"/proc/{self.process.pid}/status").read_text()
            peak = next((int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM")), 0)
            self.peak_mib = max(self.peak_mib, peak // 1024)


@dataclass(frozen=True)
class Parts:
    """What a measurement works with."""

    client: Client
    register: Register
    vault: Vault
    gateway: Gateway
    workers: Workers
    queue: str

    def told(self, trigger: str) -> tuple[int, int]:
        """How many applications have made a move, and how many times it was made in all."""
        made = (ENTRIES.c.command == trigger) & (ENTRIES.c.outcome == m.Outcome.MADE.value)
        with self.register.reading() as connection:
            row = connection.execute(
                sa.select(sa.func.count(sa.distinct(ENTRIES.c.subject)), sa.func.count()).where(made)
            ).one()
            return int(row[0]), int(row[1])

    def standing(self) -> dict[str, int]:
        """How many stand where, as the register says."""
        query = sa.select(SUBJECTS.c.stage, sa.func.count()).where(SUBJECTS.c.programme != "")
        with self.register.reading() as connection:
            return {str(stage): int(count) for stage, count in connection.execute(query.group_by(SUBJECTS.c.stage))}


async def measure(count: int, at_once: int, parts: Parts) -> dict[str, Any]:
    """Every step, in seconds, and what it left."""
    rules = await begin_edition(parts)
    found: dict[str, Any] = {"applications": count, "at_once": at_once}
    with timed(found, "start"):
        await begin_applications(parts, rules, count)
    await parts.gateway.standing("2021")
    with timed(found, "rank"):
        ranked = ranking(rules, PROGRAMME, Call(year=2021), parts.register)
    with timed(found, "propose_and_approve"):
        refs = [line.candidate.ref for line in ranked.lines]
        chosen = decision(ranked, PLACES, {"": ranked.programme.award.min_krw}, refs, reserve=RESERVE)
        over = refs[PLACES + RESERVE :]
        data = {**chosen, "evidence": [MINUTES]}
        found["command_bytes"] = len(m.canonical(data))
        await decide(parts, "decide_selection", COMMITTEE, MINISTRY, data)
    with timed(found, "carry_out"):
        await fan_out(parts, "pass_over", len(over), kill_at=len(over) // 3)
    found |= {"kills": parts.workers.kills, "stages": parts.standing(), "passed_over": parts.told("pass_over")}
    for other in ("solution", "demonstration"):
        await decide(
            parts, "decide_selection", COMMITTEE, MINISTRY, {"programme": other, "ranking": [], "selected": []}
        )
    with timed(found, "publish"):
        await decide(parts, "publish_results", MINISTRY, SECOND, {"reason": REASON})
        await fan_out(parts, "publish_result", count)
    found["published"] = parts.told("publish_result")
    found |= await declined(parts, rules, min(count, DECLINED))
    history = await parts.client.get_workflow_handle(m.edition_id(2021)).fetch_history()
    payloads = [event.activity_task_scheduled_event_attributes for event in history.events]
    parts.workers.look()
    found |= {
        "edition_events": len(history.events),
        "edition_bytes": sum(event.ByteSize() for event in history.events),
        "largest_activity_input_bytes": max(one.input.ByteSize() for one in payloads),
        "worker_peak_mib": parts.workers.peak_mib,
    }
    for step, each in (
        ("start", count), ("carry_out", len(over)), ("publish", count), ("decline", found["declined"]),
    ):  # fmt: skip
        found[f"{step}_a_second"] = round(each / found[f"{step}_seconds"], 1)
    return found


async def declined(parts: Parts, rules: Edition, count: int) -> dict[str, Any]:
    """The chair's rejections: as many more applications at the paper review, every second below the threshold."""
    await begin_applications(parts, rules, count, OTHER)
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        documents, vault = Documents(Path(folder)), parts.vault
        office = Office(Settings.read(), parts.register, vault, documents, parts.client, parts.gateway)
        with timed(found, "judge"):
            asked = bulk.declining(parts.register.subjects(2021, programme=OTHER))
            answers = await bulk.judged(office, 2021, asked, CHAIR, told)
        below = [command for command in answers if not command.faults]
        with timed(found, "decline"):
            sent = await bulk.sent(office, below, CHAIR, told, reason=REASON)
    return {**found, "judged": len(answers), "declined": len(sent.done), "decline_refused": len(sent.refused)}


def told(done: int, of: int) -> None:
    """How far it is."""
    say(f"{done} of {of} ")


@contextlib.contextmanager
def timed(found: dict[str, Any], step: str) -> Iterator[None]:
    """Seconds that a step takes."""
    begun = time.perf_counter()
    yield
    found[f"{step}_seconds"] = round(time.perf_counter() - begun, 2)
    say(f"{step}: {found[f'{step}_seconds']} s\n")


def say(line: str) -> None:
    """Onto standard error, over the last line."""
    print(f"\r{line}", end="", file=sys.stderr, flush=True)


async def begin_edition(parts: Parts) -> Edition:
    """An edition whose intake has closed: its call was opened, and its windows are over."""
    plain = read_edition("2021")
    closed = max(window.closes_at for window in plain.windows) + timedelta(days=1)
    rules = transformed(plain, starts_at=datetime.now(UTC), origin_at=closed)
    dry = DryRun(rules, min(window.opens_at for window in rules.windows))
    for proposal, actor in ((None, HEAD), (1, MINISTRY)):
        dry.command("2021", "open_call", {"proposal": proposal}, actor.by(), f"open_call/{proposal}")
    dry.advance(closed)
    start = m.StartEdition(
        edition=rules,
        edition_hash=edition_hash(rules),
        days_off=agenda.days_off(rules.calendars, range(2021, 2025)),
        file=dry.edition.carried.model_dump(mode="json", exclude_unset=True),
    )
    await parts.client.start_workflow("Edition", start, id=m.edition_id(2021), task_queue=parts.queue)
    parts.register.project(m.Batch(entries=tuple(dry.entries), letters=(), view=dry.edition.view()))
    return rules


async def begin_applications(parts: Parts, rules: Edition, count: int, programme: str = PROGRAMME) -> None:
    """Applications on the shortlist, or at another programme's paper review, with their workflows and rows."""
    gate, plain = asyncio.Semaphore(STARTED_AT_ONCE), rules.model_copy(update={"sources": {}, "assumed": ()})
    days_off, hashed, done = agenda.days_off(("KR", "TR"), range(2021, 2025)), edition_hash(rules), 0

    async def begin(number: int) -> None:
        nonlocal done
        ref = f"KC2021-{rules.programme(programme).code}-{number:04d}"
        carried = {"application": judged(ref, rules, number, programme)}
        start = m.StartApplication(ref=ref, edition=plain, edition_hash=hashed, days_off=days_off, file=carried)
        async with gate:
            name = m.application_id(ref)
            handle = await parts.client.start_workflow("Application", start, id=name, task_queue=parts.queue)
            await handle.query("standing")  # once it has begun: what is measured does not wait behind beginnings
            view = ApplicationFile(start).view()
            await asyncio.to_thread(parts.register.project, m.Batch(entries=(), letters=(), view=view))
        done += 1
        if done % 50 == 0:
            say(f"{done} of {count} started")

    for first in range(1, count + 1, 1000):
        await asyncio.gather(*(begin(number) for number in range(first, min(first + 1000, count + 1))))


def judged(ref: str, rules: Edition, number: int, programme: str) -> dict[str, Any]:
    """An application as it carries itself: on the shortlist, or at the paper review."""
    since = max(window.closes_at for window in rules.windows)
    at_review = programme == OTHER
    points = 60 + number % 2 * 20 if at_review else 75 + number % 25
    scores = {criterion.key: points for criterion in rules.programme(programme).criteria}
    reached = (Stage.RECEIVED, Stage.SCREENING, Stage.PAPER_REVIEW, Stage.CONSULTATION, Stage.SHORTLISTED)
    application = Application(
        ref=ref,
        stage=Stage.PAPER_REVIEW if at_review else Stage.SHORTLISTED,
        since=since,
        reached=reached[:3] if at_review else reached,
        programme=programme,
        applicant=m.Applicant(contact=MAYOR.person, organisation=f"O-{number}", kind="local_government", country="TR"),
        city=f"City {number}",
        title=f"Plan {number}",
        received_at=since - timedelta(days=30),
        channel="post",
        acknowledged=True,
        reviews={"paper_review": tuple(Seat(reviewer=f"P-R{n}", free=True, scores=scores) for n in range(3))},
        rounds_finished=0 if at_review else 2,
    )
    return application.model_dump(mode="json")


async def decide(parts: Parts, trigger: str, first: Actor, second: Actor, data: dict[str, Any]) -> None:
    """By two persons."""
    waiting = await parts.gateway.command("2021", trigger, data, first)
    await parts.gateway.command("2021", trigger, {**data, "proposal": waiting.entry}, second)


async def fan_out(parts: Parts, trigger: str, of: int, kill_at: int | None = None) -> None:
    """Until everybody has been told, as the register says."""
    begun = time.monotonic()
    while (done := parts.told(trigger)[0]) < of:
        if time.monotonic() - begun > LIMIT:
            raise TimeoutError(f"{trigger}: {done} of {of} after {LIMIT:.0f} seconds")
        say(f"{trigger}: {done} of {of}, {done / (time.monotonic() - begun + 0.001):.0f} a second ")
        if kill_at is not None and done >= kill_at:
            await parts.workers.kill()
            say(f"{trigger}: worker killed with -9 at {done}, another one starts\n")
            kill_at = None
        await asyncio.sleep(0.5)


async def work(at_once: int) -> None:
    """Be the worker."""
    import activities.orders
    from kcity_flow.interfaces.running import run_worker

    activities.orders.AT_ONCE = at_once
    await run_worker(as_json=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("applications", type=int, nargs="?", default=10_000)
    parser.add_argument("--at-once", type=int, default=8, help="orders carried out side by side")
    parser.add_argument("--work", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.work:
        asyncio.run(work(given.at_once))
    else:
        results = json.dumps(asyncio.run(main(given.applications, given.at_once)), indent=2)
        print(results)
        (Path(__file__).parent / "size.json").write_text(results + "\n")
    leave(0)
