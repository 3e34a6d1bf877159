"""A season to test with, in the programme's words: an edition, its people, and applications that live through it.

One :class:`Season` works on any server; what differs is only how time passes. So a test reads as what people did.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any
from unittest import mock
from zoneinfo import ZoneInfo

from temporalio.client import Client, WorkflowHandle, WorkflowHistory

import worker
from kcity_flow.adapters.edition_files import read_edition
from kcity_flow.adapters.register import Register
from kcity_flow.adapters.smtp import Postman
from kcity_flow.adapters.vault import Vault
from kcity_flow.audit import histories
from kcity_flow.domain.edition import Edition, Programme, StepKind, transformed
from kcity_flow.domain.errors import GuardFailed, Refusal
from kcity_flow.domain.messages import Entry, Outcome, Receipt, View, edition_id
from kcity_flow.domain.stages import Role
from kcity_flow.gateway import Actor, workflow_id
from kcity_flow.server import connect, serving, skipping_server
from kcity_flow.settings import Settings

DESK, HEAD = Actor("P-DESK", Role.DESK), Actor("P-HEAD", Role.HEAD)
APPLICANT, CHAIR = Actor("P-MAYOR", Role.APPLICANT), Actor("P-CHAIR", Role.CHAIR)
COMMITTEE = Actor("P-COMMITTEE", Role.COMMITTEE)
MINISTRY, SECOND_MINISTRY = Actor("P-MINISTRY-1", Role.MINISTRY), Actor("P-MINISTRY-2", Role.MINISTRY)
OFFICER, SECOND_OFFICER = Actor("P-OFFICER-1", Role.PROCUREMENT_OFFICER), Actor("P-OFFICER-2", Role.PROCUREMENT_OFFICER)
FINANCE = Actor("P-FINANCE", Role.FINANCE)
OBJECTIONS = Actor("P-OBJECTION", Role.OBJECTION_COMMITTEE)
SIGNATORY, CONTRACTOR = Actor("P-SIGNATORY", Role.SIGNATORY), Actor("P-FIRM", Role.SIGNATORY)
HOST = Actor("P-SIGNATORY", Role.HOST_GOVERNMENT)
REVIEWERS = [Actor(f"P-REVIEWER-{n}", Role.REVIEWER) for n in range(1, 6)]
SECOND = {DESK: HEAD, MINISTRY: SECOND_MINISTRY, COMMITTEE: MINISTRY, OFFICER: SECOND_OFFICER}
"""Who confirms what the other proposed."""

PEOPLE = [
    DESK, HEAD, APPLICANT, CHAIR, COMMITTEE, MINISTRY, SECOND_MINISTRY, OFFICER, SECOND_OFFICER, FINANCE, OBJECTIONS,
    SIGNATORY, CONTRACTOR, *REVIEWERS,
]  # fmt: skip

YEAR = 2021
OPENING_DAY = datetime(2021, 2, 17, 15, tzinfo=UTC)
PROOF = sha256(b"a letter").hexdigest()
FIRM = "O-FIRM"
KOREAN = "korean_organisation"
SOONER = 60.0  # seconds; what has not happened by then will not


def edition_of(year: str = "2021", *, now: datetime, closes_in: timedelta | None = None) -> Edition:
    """An edition whose opening day is now; on a clock that cannot be skipped its window may close soon."""
    edition = read_edition(year)
    origin = min(window.opens_at for window in edition.windows) + timedelta(minutes=1)
    if closes_in is not None:
        windows = tuple(w.model_copy(update={"closes_at": origin + closes_in}) for w in edition.windows)
        edition = edition.model_copy(update={"windows": windows})
    return transformed(edition, starts_at=now, origin_at=origin)


class Season:
    """An open edition on a running server, with everybody who acts in it."""

    def __init__(self, programme: worker.Programme, edition: Edition, sleep: Callable[[timedelta], Awaitable[None]],
                 clock: Callable[[], Awaitable[datetime]]) -> None:  # fmt: skip
        self.programme, self.edition = programme, edition
        self.gateway, self.register, self.vault = programme.gateway, programme.register, programme.vault
        self.client: Client = programme.client
        self._sleep, self._clock = sleep, clock

    # --- time ---

    async def now(self) -> datetime:
        """Business time, UTC."""
        return self.edition.tempo.business(await self._clock())

    async def until(self, instant: datetime) -> None:
        """Let time pass until a business instant, and everything that falls due by then happen."""
        left = self.edition.tempo.clock(instant) - await self._clock()
        if left > timedelta(0):
            await self._sleep(left)

    async def after(self, **length: float) -> None:
        """Let so much time pass."""
        await self._sleep(timedelta(**length))

    @property
    def closes_at(self) -> datetime:
        return max(window.closes_at for window in self.edition.windows)

    # --- what people do ---

    async def open(self) -> None:
        """Open the edition and, by two persons, its call."""
        await self.gateway.open_edition(self.edition)
        await self.decide("open_call", HEAD, MINISTRY)

    async def decide(self, trigger: str, *who: Actor, **data: Any) -> Receipt:
        """Give the edition a command; by two persons, the first proposes and the second confirms."""
        return await _give(self, str(self.edition.year), trigger, who, data)

    async def apply(
        self, city: str = "Ankara", programme: str = "planning", *, country: str = "TR", **more: Any
    ) -> Life:
        """An application arrives and is given its number."""
        kind = KOREAN if programme == "demonstration" else "local_government"
        data = {
            "programme": programme,
            "applicant": {
                "contact": APPLICANT.person,
                "organisation": f"O-{city.upper()}",
                "kind": kind,
                "country": country,
                "partners": [{"organisation": "O-HOST", "kind": "local_government"}] if kind == KOREAN else [],
            },
            "city": city,
            "title": f"A plan for {city}",
            "received_at": (await self.now()).isoformat(),
            "channel": "post",
            "documents": [{"kind": name, "sha256": PROOF} for name in self.edition.programme(programme).documents],
            **more,
        }
        receipt = await self.gateway.receive(self.edition.year, data, DESK)
        return Life(self, receipt.subject, programme)

    async def shortlisted(self, *cities: str, programme: str = "solution") -> list[Life]:
        """Applications from these cities, each led to the shortlist."""
        lives = [await self.apply(city, programme) for city in cities]
        await self.until(self.closes_at)
        for life in lives:
            await life.is_reviewed()
        for life in lives:
            await life.is_consulted()
        return lives

    async def results(self, programme: str, selected: list[Life], reserve: list[Life] | None = None,
                      passed_over: list[Life] | None = None, **more: Any) -> Receipt:  # fmt: skip
        """The committee proposes who is selected, the ministry approves."""
        lives = [*selected, *(reserve or [])]
        choices = [await life.choice(rank) for rank, life in enumerate(lives, start=1)]
        return await self.decide(
            "decide_selection", COMMITTEE, MINISTRY, programme=programme, selected=choices[: len(selected)],
            reserve=choices[len(selected) :], ranking=[life.ref for life in (*lives, *(passed_over or []))], **more,
        )  # fmt: skip

    async def decided_without(self, *programmes: str) -> None:
        """Programmes nobody is selected in."""
        for programme in programmes:
            await self.results(programme, [])

    async def publish(self, *lives: Life) -> Receipt:
        """Publish all results, and wait until each of these applications was told."""
        receipt = await self.decide("publish_results", MINISTRY, SECOND_MINISTRY, reason="nobody else")
        for life in lives:
            await life.is_told("publish_result")
        return receipt

    # --- what is known ---

    async def places(self) -> list[str]:
        """Who holds a place, as the edition counts."""
        return sorted((await self.gateway.standing(str(self.edition.year)))["facts"]["places"])

    async def ledger(self, subject: str = "") -> list[Entry]:
        """The whole ledger, the edition's if none is named, once the register has heard of it all."""
        subject = subject or edition_id(self.edition.year)
        entries = (await self.handle(subject).query("standing"))["view"]["entries"]
        await eventually(lambda: len(self.register.entries(subject)) == entries)
        return self.register.entries(subject)

    def handle(self, subject: str) -> WorkflowHandle[Any, Any]:
        """The workflow itself, for what only Temporal can do to it."""
        return self.client.get_workflow_handle(workflow_id(subject))

    async def runs(self, subject: str) -> list[WorkflowHistory]:
        """Every run's history."""
        return await histories.runs(self.client, subject)

    async def faults(self) -> list[str]:
        """Where register and histories differ, or a replay leads somewhere else."""
        differing = await histories.check(self.client, self.vault, self.register)
        names = histories.subjects(self.vault, self.register)
        _, failed = await histories.replay(self.client, names, worker.WORKFLOWS, worker.workflow_runner())
        return differing + failed

    async def mails_to(self, actor: Actor, template: str) -> list[str]:
        """Keys of the letters of one kind to one person."""
        await self.ledger()
        return [row.key for row in self.vault.outbox(person=actor.person) if row.template == template]


class Life:
    """One application, and what people do about it."""

    def __init__(self, season: Season, ref: str, programme: str) -> None:
        self.season, self.ref, self.programme = season, ref, programme

    async def do(self, trigger: str, *who: Actor, command_id: str | None = None, **data: Any) -> Receipt:
        """One move; by two persons, the first proposes and the second confirms."""
        return await _give(self.season, self.ref, trigger, who, data, command_id)

    async def signal(self, trigger: str, who: Actor, **data: Any) -> None:
        """The same by signal, past the gateway."""
        await self.season.handle(self.ref).signal(trigger, {**data, "by": who.by()})

    async def standing(self) -> dict[str, Any]:
        return await self.season.gateway.standing(self.ref)

    async def facts(self) -> dict[str, Any]:
        found: dict[str, Any] = (await self.season.handle(self.ref).query("standing"))["facts"]
        return found

    async def view(self) -> View:
        return View.model_validate((await self.season.handle(self.ref).query("standing"))["view"])

    async def stage(self) -> str:
        return (await self.view()).stage

    async def comes_to(self, stage: str) -> None:
        """Wait until it stands there and the register knows."""
        await eventually(lambda: getattr(self.season.register.view(self.ref), "stage", None) == stage)

    async def is_told(self, trigger: str) -> None:
        """Wait until the edition's order has been made, and the register knows."""
        await eventually(lambda: trigger in [entry.command for entry in self.season.register.entries(self.ref)])

    async def ledger(self) -> list[Entry]:
        return await self.season.ledger(self.ref)

    async def ledger_grown_to(self, entries: int) -> list[Entry]:
        """The ledger once it has so many entries."""
        await eventually(lambda: len(self.season.register.entries(self.ref)) >= entries)
        return self.season.register.entries(self.ref)

    async def made(self) -> list[str]:
        """The moves that were made, in order."""
        return [entry.command for entry in await self.ledger() if entry.outcome is Outcome.MADE]

    async def history(self) -> WorkflowHistory:
        return (await self.season.runs(self.ref))[-1]

    async def choice(self, rank: int = 1) -> dict[str, Any]:
        """A place for it, as a decision names it: by the score that its sheets come to now."""
        return {
            "ref": self.ref,
            "krw": self.award,
            "rank": rank,
            "organisation": f"O-{self.ref}",
            "country": "TR",
            "score": (await self.view()).scores.get("score", "0"),
        }

    @property
    def rules(self) -> Programme:
        return self.season.edition.programme(self.programme)

    @property
    def award(self) -> int:
        return self.rules.award.min_krw

    # --- stretches of a life ---

    async def is_screened(self) -> None:
        """To the paper review, a quorum being free of conflict. The window must have closed."""
        await self.comes_to("screening")
        await self._seat(REVIEWERS[: self.rules.review.paper_quorum], "paper_review")
        answers = {item.key: True for item in self.rules.eligibility}
        await self.do("pass_screening", DESK, answers=answers, complete=True)

    async def is_reviewed(self, points: int = 80) -> None:
        """Through screening and paper review, to where it can be decided."""
        await self.is_screened()
        await self._score(REVIEWERS[: self.rules.review.paper_quorum], points)

    async def is_consulted(self) -> None:
        """Through every consultation, onto the shortlist."""
        await self.do("invite_to_consultation", CHAIR)
        rounds = next(step.rounds for step in self.rules.route if step.kind is StepKind.CONSULTATION)
        for last in (*[False] * (rounds - 1), True):
            await self._meets()
            for who, side in ((APPLICANT, "applicant"), (MINISTRY, "ministry")):
                await self.do("agree_minutes", who, side=side, minutes=PROOF, scope_agreed=last)
            if not last:
                await self.do("finish_round", DESK)
        await self.do("shortlist", CHAIR)

    async def is_presented(self) -> None:
        """Through the presentation, onto the shortlist."""
        panel = REVIEWERS[: self.rules.review.panel_quorum]
        await self._seat(panel, "presentation")
        await self.do("invite_to_presentation", CHAIR)
        await self._meets()
        await self._score(panel, 80)
        await self.do("shortlist", CHAIR)

    async def is_contracted(self) -> None:
        """From selection to the beginning of work: framework, parties, contractor."""
        await self.do("send_letter", DESK)
        await self.do("open_framework", DESK)
        kinds = {"KOREA": "korean_government", "HOST": "host_government", self._contractor: "company"}
        await self.is_listed(kinds)
        for party in kinds:
            await self.signs(party)
        await self.do("complete_framework", DESK)
        await self.do("set_terms", OFFICER, evidence=[PROOF])
        await self.do("agree_terms", APPLICANT, terms=PROOF)
        if self.rules.procurement.mode == "open":
            await self._tender()
        await self.do(
            "award_contract", OFFICER, SECOND_OFFICER, contractor=self._contractor, country="KR", krw=self.award
        )

    async def is_listed(self, kinds: dict[str, str]) -> None:
        """A text of the framework is tabled, and parties are listed by their kinds."""
        await self.do("table_text", DESK, text=PROOF)
        for party, kind in kinds.items():
            await self.do("list_party", DESK, HEAD, party=party, kind=kind, signatory=SIGNATORY.person)

    async def signs(self, party: str, text: str = PROOF) -> Receipt:
        """A party signs the text today."""
        today = (await self.season.now()).astimezone(ZoneInfo(self.season.edition.zone)).date().isoformat()
        return await self.do("sign", SIGNATORY, party=party, text=text, signed_on=today, evidence=[PROOF])

    async def is_planned(self) -> None:
        """With an accepted plan of two milestones, the second being the final report."""
        begun, half = (await self.season.now()).astimezone(UTC).date() + timedelta(days=1), self.award // 2
        keys, deliverables = ("first_part", "final_report"), self.rules.deliverables
        milestones = [{"key": key, "due_on": (begun + timedelta(days=n)).isoformat(), "krw": half,
                       "deliverables": deliverables[:1] if not n else ()} for n, key in enumerate(keys)]  # fmt: skip
        plan = await self.do("set_plan", DESK, milestones=milestones)
        await self.do("accept_plan", HEAD, plan=plan.entry)

    async def is_paid(self, milestone: str, claim: int) -> None:
        """What an accepted milestone is worth is claimed, accepted and paid."""
        firm = (await self.facts())["contract"]["contractor"]
        data = {"milestone": milestone, "krw": self.award // 2, "payee": firm, "country": "KR"}
        await self.do("claim", DESK, claim=claim, evidence=[PROOF], **data)
        await self.do("accept_claim", HEAD, claim=claim, evidence=[PROOF])
        today = (await self.season.now()).astimezone(ZoneInfo(self.season.edition.zone)).date()
        await self.do("pay", FINANCE, claim=claim, done_on=today.isoformat(), evidence=[PROOF])

    async def is_finished(self) -> None:
        """From work to closure: planned, reported, accepted and paid."""
        await self.is_planned()
        documents = [{"kind": kind, "sha256": PROOF} for kind in self.rules.deliverables]
        month = f"{(await self.season.now()).astimezone(ZoneInfo(self.season.edition.zone)):%Y-%m}"
        await self.do("report", DESK, kind="monthly", month=month, document=PROOF, milestone="first_part",
                      deliverables=documents[:1])  # fmt: skip
        await self.do("accept_milestone", HEAD, milestone="first_part", evidence=[PROOF])
        await self.is_paid("first_part", 1)
        await self.do("submit_final", DESK, deliverables=documents)
        for who in (HEAD, HOST):
            await self.do("agree_acceptance", who, minutes=PROOF)
        await self.do("accept_final", HEAD)
        await self.is_paid("final_report", 2)
        await self.do("record_settlement", FINANCE, paid_krw=self.award // 2 * 2, evidence=[PROOF])
        await self.do("close", MINISTRY, SECOND_MINISTRY, grade="good", filed=True)

    @property
    def _contractor(self) -> str:
        return "O-SEOUL" if self.programme == "demonstration" else FIRM

    async def _seat(self, reviewers: list[Actor], step: str) -> None:
        for reviewer in reviewers:
            await self.do("assign_reviewer", DESK, reviewer=reviewer.person, step=step, reason="knows the field")
            await self.do("declare_conflict", reviewer, step=step, conflict=False)

    async def _score(self, reviewers: list[Actor], points: int) -> None:
        criteria = self.rules.criteria
        for reviewer in reviewers:
            await self.do("seal_sheet", reviewer, scores={criterion.key: points for criterion in criteria})

    async def _meets(self) -> None:
        """Soon. Where a busy machine brings that command too late, it is given again for somewhat later."""
        sides = {"applicant": [APPLICANT.person], "ministry": [MINISTRY.person]}
        lead = timedelta(seconds=1)
        while True:
            at = await self.season.now() + lead
            try:
                await self.do("schedule", DESK, date_at=at.isoformat(), **sides, evidence=[PROOF])
                break
            except GuardFailed as refusal:
                if refusal.guard != "date_in_the_future":
                    raise
                lead *= 4
        await self.season.until(at)
        await self.do("hold", DESK)

    async def _tender(self) -> None:
        closes_at = await self.season.now() + timedelta(days=21)
        await self.do("publish_notice", OFFICER, closes_at=closes_at.isoformat())
        await self.do("ask_question", OFFICER, bidder="O-OTHER", question="May the report be in English?")
        await self.do("answer_question", OFFICER, number=1, answer="It may.")
        for bidder in (FIRM, "O-OTHER", "O-THIRD"):
            await self.do("receive_bid", OFFICER, bidder=bidder, sealed=PROOF, contact=SIGNATORY.person)
        await self.do("withdraw_bid", OFFICER, bidder="O-THIRD", evidence=[PROOF])
        await self.season.until(closes_at)
        await self.do("open_bids", OFFICER, SECOND_OFFICER)
        committee = REVIEWERS[:3]
        await self.do("name_committee", OFFICER, members=[member.person for member in committee])
        for member in committee:
            await self.do("declare_bid_conflict", member, conflict=False)
        verdicts = []
        for bidder, points in ((FIRM, 90), ("O-OTHER", 80)):
            await self.do("record_bid", OFFICER, bidder=bidder, document=PROOF, krw=self.award, country="KR")
            verdicts.append({"bidder": bidder, "valid": True, "points": points})
        await self.do("evaluate_bids", *committee[:2], verdicts=verdicts, order=[FIRM, "O-OTHER"])
        await self.do("record_negotiation", OFFICER, bidder=FIRM, agreed=True, krw=self.award, evidence=[PROOF])
        await self.do("announce_award", OFFICER, contractor=FIRM)
        await self.season.until(await self.season.now() + timedelta(days=12))


async def _give(season: Season, subject: str, trigger: str, who: tuple[Actor, ...], data: dict[str, Any],
                command_id: str | None = None) -> Receipt:  # fmt: skip
    first, *second = who
    receipt = await season.gateway.command(subject, trigger, data, first, command_id)
    if second and receipt.outcome is Outcome.PROPOSED:
        confirm = f"{command_id}/confirmed" if command_id else None
        return await season.gateway.command(subject, trigger, {**data, "proposal": receipt.entry}, second[0], confirm)
    return receipt


@contextlib.contextmanager
def refused(code: str, *, guard: str = "") -> Iterator[None]:
    """What people are told when the rules do not allow it."""
    try:
        yield
    except Refusal as refusal:
        assert (refusal.code, refusal.guard) == (code, guard), refusal.sentence  # noqa: PT017  # this is the helper that others use
    else:
        raise AssertionError(f"{code} {guard} was expected, and it was allowed")


async def eventually(holds: Callable[[], bool]) -> None:
    """Wait until something holds that happens beside us."""
    async with asyncio.timeout(SOONER):
        while not holds():
            await asyncio.sleep(0.01)


@contextlib.asynccontextmanager
async def assembled(client: Client, folder: Path, **settings: Any) -> AsyncIterator[worker.Programme]:
    """Everything put together on a server, its stores in a folder, everybody known; the worker works."""
    chosen = Settings.read(var_dir=folder, **settings)
    register, vault = Register(chosen.register_url), Vault(f"sqlite:///{folder / 'vault.db'}")
    register.prepare()
    vault.prepare()
    for actor in PEOPLE:
        roles = [actor.role, *([HOST.role] if actor == SIGNATORY else [])]
        vault.add_person(actor.person.title(), f"{actor.person.lower()}@example.org", roles=roles, id=actor.person)
    programme = worker.assemble(client, register, vault, Postman(vault, chosen), chosen)
    async with worker.working(programme):
        yield programme


@contextlib.asynccontextmanager
async def skipped_season(folder: Path, year: str = "2021", *, opened: bool = True) -> AsyncIterator[Season]:
    """A season on the server that skips time."""
    async with skipping_server() as environment, assembled(environment.client, folder) as programme:
        started = await environment.get_current_time()
        season = Season(programme, edition_of(year, now=started), environment.sleep, environment.get_current_time)
        if opened:
            await season.open()
        yield season


@contextlib.asynccontextmanager
async def real_server(folder: Path, **dynamic_config: int) -> AsyncIterator[Client]:
    """The server that ``kcity up`` starts, on disk; ``dynamic_config`` has underscores for dots."""
    settings = Settings.read(var_dir=folder)
    config = {name.replace("_", "."): value for name, value in dynamic_config.items()}
    with mock.patch.dict("kcity_flow.server._DYNAMIC_CONFIG", config):
        async with serving(settings) as server:
            yield await connect(server.address, settings)


@contextlib.asynccontextmanager
async def real_season(client: Client, folder: Path, *, closes_in: timedelta | None = None) -> AsyncIterator[Season]:
    """A season on a real server, where time passes as it does; ``closes_in`` brings the close near."""

    async def sleep(length: timedelta) -> None:
        await asyncio.sleep(length.total_seconds())

    async def clock() -> datetime:
        return datetime.now(UTC)

    async with assembled(client, folder) as programme:
        season = Season(programme, edition_of(now=await clock(), closes_in=closes_in), sleep, clock)
        await season.open()
        yield season


def on(day: str) -> datetime:
    """The first instant of a day in Seoul."""
    year, month, number = (int(part) for part in day.split("-"))
    return datetime.combine(date(year, month, number), datetime.min.time(), tzinfo=UTC) - timedelta(hours=9)
