"""Plays a plan on a server, through the gateway, as people would.

Acts of one application keep their order; those of different applications go side by side. Each act has an id that
follows from the plan, so one that is sent again is answered and not repeated: a director that was killed goes on from
where it had written down that it was.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from itertools import groupby
from typing import Any, Protocol
from zoneinfo import ZoneInfo

from pydantic import BaseModel
from temporalio.testing import WorkflowEnvironment

from kcity_flow.adapters.register import Register
from kcity_flow.domain.edition import Tempo
from kcity_flow.domain.errors import AlreadyReceived, Refusal
from kcity_flow.domain.messages import Outcome, Receipt, edition_id
from kcity_flow.gateway import Actor, Gateway, answered
from kcity_flow.rehearsal.theatre import Act, Plan

AT_ONCE = 8
"""Applications that are spoken for side by side."""

PATIENCE = timedelta(seconds=20)
"""How long the register may take to hear of something."""

IN_COMPANY = timedelta(seconds=1)
"""The same where others act as well, and the plan may be wrong."""

NOON = 13
"""Hour from which acts go with the afternoon's."""

LOOK = 0.02
"""Seconds between two looks at it."""

_REF = re.compile(r"KC\d{4}-[A-Z]{3}-\d{4,6}")


class Clock(Protocol):
    """How business time passes."""

    async def until(self, instant: datetime) -> None:
        """Return when business time has reached an instant; at once if it has passed."""


@dataclass(frozen=True, slots=True)
class SkippingClock:
    """The time-skipping server's: nothing happens between two things that happen."""

    environment: WorkflowEnvironment
    tempo: Tempo

    async def until(self, instant: datetime) -> None:
        """Skip."""
        left = self.tempo.clock(instant) - await self.environment.get_current_time()
        if left > timedelta(0):
            await self.environment.sleep(left)


@dataclass(slots=True)
class PassingClock:
    """Everybody's, at the edition's tempo."""

    tempo: Tempo

    async def until(self, instant: datetime) -> None:
        """Wait."""
        await asyncio.sleep(max(0.0, (self.tempo.clock(instant) - datetime.now(UTC)).total_seconds()))


class Position(BaseModel):
    """How far a season has been played: what a director needs to go on."""

    played: int = 0
    """Acts behind us."""
    refs: dict[str, str] = {}
    """The plan's reference numbers, and those that were given."""
    proposals: dict[str, int] = {}
    """Entries under which acts' proposals wait."""


@dataclass(frozen=True, slots=True)
class Played:
    """What a progress callback is told."""

    at: datetime
    """Business time, UTC."""
    done: int
    of: int
    act: Act


class WentOtherwise(Exception):
    """An act led elsewhere than in the plan."""


@dataclass(slots=True)
class Director:
    """Plays one plan."""

    plan: Plan
    gateway: Gateway
    register: Register
    clock: Clock
    position: Position = field(default_factory=Position)
    strict: bool = True
    """Whether an act that leads elsewhere ends the season; otherwise it is passed over."""
    progress: Callable[[Played], None] | None = None
    otherwise: list[str] = field(default_factory=list)
    """What led elsewhere, in sentences."""

    async def play(self) -> None:
        """Play what is left of the plan, to the instant at which nothing is due any more.

        Raises:
            WentOtherwise: an act led elsewhere than in the plan.
        """
        for batch in self._batches():
            await self.clock.until(batch[-1].at)
            await self._play(batch)
            self.position.played += len(batch)
            if self.progress:
                self.progress(Played(batch[-1].at, self.position.played, len(self.plan.acts), batch[-1]))
        await self._everything_falls_due()

    def _batches(self) -> list[list[Act]]:
        """Acts of a morning or an afternoon together; the edition's each for itself, in their place."""
        zone = ZoneInfo(self.plan.edition.zone)

        def half_day(act: Act) -> tuple[date, bool]:
            local = act.at.astimezone(zone)
            return local.date(), local.hour >= NOON

        left = self.plan.acts[self.position.played :]
        batches: list[list[Act]] = []
        for _, half in groupby(left, half_day):
            for of_edition, acts in groupby(half, lambda act: act.subject == ""):
                some = list(acts)
                batches += [[act] for act in some] if of_edition else [some]
        return batches

    async def _play(self, batch: Sequence[Act]) -> None:
        # Reference numbers are given in the order of the plan.
        for act in batch:
            if act.trigger == "receive":
                await self._send(act)
        by_subject: dict[str, list[Act]] = {}
        for act in batch:
            if act.trigger != "receive":
                by_subject.setdefault(act.subject, []).append(act)
        room = asyncio.Semaphore(AT_ONCE)

        async def follow(acts: list[Act]) -> None:
            async with room:
                for act in acts:
                    await self._send(act)

        # Nobody is left speaking when one has gone wrong.
        ended = await asyncio.gather(*(follow(acts) for acts in by_subject.values()), return_exceptions=True)
        for error in ended:
            if error is not None:
                raise error

    async def _send(self, act: Act) -> None:
        if act.subject == "":
            # Places that applications give back reach the edition by themselves, and belong before.
            await self._comes_to(edition_id(self.plan.edition.year), act.entry - 1)
        try:
            receipt = await self._answer(act)
        except Refusal as refusal:
            if act.expect is not Outcome.REFUSED:
                self._went_otherwise(act, refusal.sentence)
            return
        if receipt is not None and receipt.outcome is Outcome.PROPOSED:
            self.position.proposals[act.key] = receipt.entry
        elif receipt is not None and act.told:
            await self._obeyed(act, receipt.entry)
        if act.expect is Outcome.REFUSED:
            self._went_otherwise(act, "it was not refused")

    async def _answer(self, act: Act) -> Receipt | None:
        """Send an act until it is answered: whoever is away comes back."""
        actor = Actor(act.person, act.role)
        if act.trigger == "receive":
            return await answered(lambda: self._receive(act, actor))
        data = self._renamed(act.data)
        command_id = f"season/{self.plan.cast.seed}/{act.key}"
        if act.trigger == "adopt" and act.confirms is None:
            return await answered(lambda: self._adopt(act, data, actor, command_id))
        if act.confirms is not None:
            data["proposal"] = self.position.proposals.get(act.confirms, 0)
        subject = self._renamed(act.subject) or str(self.plan.edition.year)
        return await answered(lambda: self.gateway.command(subject, act.trigger, data, actor, command_id))

    async def _receive(self, act: Act, actor: Actor) -> Receipt | None:
        try:
            receipt = await self.gateway.receive(self.plan.edition.year, act.data, actor)
        except AlreadyReceived as earlier:
            # It was sent before, by a director that did not live to write it down.
            found = _REF.search(earlier.sentence)
            self.position.refs[act.subject] = found.group() if found else act.subject
            return None
        self.position.refs[act.subject] = receipt.subject
        return receipt

    async def _adopt(self, act: Act, data: dict[str, Any], actor: Actor, command_id: str) -> Receipt:
        year = self.plan.edition.year
        said = {name: value for name, value in data.items() if name != "ref"}
        receipt = await self.gateway.adopt(year, said, actor, command_id)
        for proposal in (await self.gateway.standing(str(year)))["proposals"]:
            if proposal["entry"] == receipt.entry:
                self.position.refs[act.data["ref"]] = proposal["substance"]["ref"]
        return receipt

    def _renamed(self, value: Any) -> Any:
        """The same with the reference numbers that were given here."""
        match value:
            case str():
                return self.position.refs.get(value, value)
            case dict():
                return {key: self._renamed(inner) for key, inner in value.items()}
            case list() | tuple():
                return [self._renamed(inner) for inner in value]
        return value

    async def _obeyed(self, act: Act, entry: int) -> None:
        """Wait until everybody has answered what this entry of the edition orders."""
        for ref in act.told:
            for _ in range(int(PATIENCE.total_seconds() / LOOK)):
                ledger = await asyncio.to_thread(self.register.entries, self._renamed(ref))
                if any(line.order is not None and line.order.entry == entry for line in ledger):
                    break
                await asyncio.sleep(LOOK)

    async def _comes_to(self, subject: str, entries: int) -> None:
        """Wait until a ledger has so many entries. Where others act as well, it may never have."""
        patience = PATIENCE if self.strict else IN_COMPANY
        for _ in range(int(patience.total_seconds() / LOOK)):
            view = await asyncio.to_thread(self.register.view, subject)
            if (view.entries if view else 0) >= entries:
                break
            await asyncio.sleep(LOOK)

    async def _everything_falls_due(self) -> None:
        """Wait for the last timer, and until the register has heard of it."""
        await self.clock.until(self.plan.ends_at)
        for subject, entries in self.plan.ledgers().items():
            await self._comes_to(self._renamed(subject), entries)

    def _went_otherwise(self, act: Act, why: str) -> None:
        sentence = f"{act.at:%Y-%m-%d} {self._renamed(act.subject) or 'edition'} {act.trigger}: {why}"
        self.otherwise.append(sentence)
        if self.strict:
            raise WentOtherwise(sentence)
