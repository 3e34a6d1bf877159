"""Where scripts play: a dry season, everybody's diary, and a record of who did what when.

That record is a :class:`Plan`. Each of its acts is known to lead where it should, so a run on a server only has to
repeat them. Acts lie in working hours, and a day away from anything the clock does to the same application, so that
a slow server changes no order.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Generator, Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from random import Random
from typing import Any

from kcity_flow.domain import messages as m
from kcity_flow.domain.agenda import Calendar
from kcity_flow.domain.edition import Edition
from kcity_flow.domain.errors import Refusal
from kcity_flow.domain.messages import Outcome
from kcity_flow.domain.moves import BY_TRIGGER, reachable
from kcity_flow.domain.stages import Role, Stage
from kcity_flow.gateway import TEXTS
from kcity_flow.rehearsal.cast import Cast, proof
from kcity_flow.rehearsal.dry import DryRun, digest

MARGIN = timedelta(hours=20)
"""So far people keep from what the clock does to the same file."""

PATIENCE = timedelta(days=15 * 365)
"""No season lasts so long."""

FIRST_MINUTE, LAST_MINUTE = 9 * 60 + 40, 17 * 60 + 20
BETWEEN = timedelta(minutes=12)
"""What an act takes whoever does it."""


FULL_DAY = 9
"""Acts in a day, for every ten applications, from which on what is not urgent waits for the next."""


@dataclass(frozen=True, slots=True)
class Act:
    """One thing somebody does.

    ``subject`` is a reference number of the dry season, or empty for the edition; a run with other numbers replaces
    them, also in ``data``. ``confirms`` is the key of the act whose proposal it names.
    """

    key: str
    at: datetime
    subject: str
    trigger: str
    data: dict[str, Any]
    person: str
    role: Role
    confirms: str | None
    expect: Outcome
    told: tuple[str, ...] = ()
    """Applications that the edition orders something."""
    entry: int = 0
    """The ledger's number of what it became."""


@dataclass(frozen=True, slots=True)
class Plan:
    """A whole season."""

    edition: Edition
    cast: Cast
    origin_at: datetime
    acts: tuple[Act, ...]
    ends_at: datetime
    """When nothing is due any more."""
    entries: tuple[m.Entry, ...]
    letters: tuple[tuple[datetime, m.Letter], ...]

    @property
    def digest(self) -> str:
        """What every run of it must lead to."""
        return digest(self.entries)

    def ledgers(self) -> dict[str, int]:
        """How many entries each ledger has in the end."""
        return Counter(entry.subject for entry in self.entries)


class Unplayable(Exception):
    """A script asked for what the table forbids: a fault of the script, or a change of the rules."""


class Moved(Exception):
    """The application was moved by somebody else meanwhile: the edition, or the clock."""


@dataclass(frozen=True, slots=True)
class Do:
    """A script's wish to act."""

    trigger: str
    data: dict[str, Any]
    person: str
    role: Role
    confirms: Act | None = None
    expect: Outcome = Outcome.MADE
    concerns: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Until:
    """A script's wish to wait."""

    at: datetime


Script = Generator[Do | Until, Any, None]
Acting = Generator[Do | Until, Any, Act]


@dataclass(slots=True)
class Player:
    """A script at play: whose file it is about and where that stood when it last waited."""

    script: Script
    key: str
    subject: str = ""
    stage: Any = None
    urgent: bool = True
    """Whether it goes on also on days that are full already."""
    acts: int = 0
    over: bool = False


def first_day(edition: Edition, calendar: Calendar) -> datetime:
    """When a season begins: the working day before the first window opens, at midnight."""
    opens = calendar.day_of(min(window.opens_at for window in edition.windows))
    return calendar.start_of(calendar.plus_working_days(opens, -1))


class Theatre:
    """Where scripts play: the dry season, everybody's diary, and what has been covered so far."""

    def __init__(self, edition: Edition, cast: Cast) -> None:
        self.edition, self.cast = edition, cast
        self.dry = DryRun(edition, min(window.opens_at for window in edition.windows))
        self.calendar = self.dry.calendar
        self.dry.now = self.origin_at = first_day(edition, self.calendar)
        self.random = Random(f"plan/{edition.year}/{cast.seed}")  # noqa: S311  # repeatable on purpose
        self.reachable = frozenset(reachable(edition))
        self.acts: list[Act] = []
        self.wishes: list[Any] = []
        self.players: list[Player] = []
        self._covered: set[tuple[str, str]] = set()
        self._claimed: set[tuple[str, Stage]] = set()
        self._free_at: dict[str, datetime] = {}
        self._rang_at: dict[str, datetime] = {}
        self._on_day: Counter[date] = Counter()
        self._full_day = max(8, len(cast.characters) * FULL_DAY // 10)
        self._queue: list[tuple[datetime, int, Player, Do | None]] = []
        self._tick = 0
        self.dry.on_entry = self._note

    def play(self, scripts: Iterable[tuple[str, Script, bool]]) -> Plan:
        """Let all scripts run to their ends: of each its key, itself, and whether it is urgent."""
        self.players = [Player(script, key, urgent=urgent) for key, script, urgent in scripts]
        for player in self.players:
            self._push(self.origin_at, player)
        while self._queue:
            at, _, player, wish = heapq.heappop(self._queue)
            self.dry.advance(at)
            if wish is None and self._rests(player):
                self._push(self.working(self.now + timedelta(days=1)), player)
            elif wish is None:
                self._resume(player, None)
            else:
                self._perform(player, wish)
        self._let_everything_fall_due()
        for ref, trigger in self.dry.refused_orders:
            if trigger not in ("publish_result", "place_on_reserve"):  # who withdrew between proposal and approval
                raise Unplayable(f"{ref} would not {trigger}, as the edition ordered")
        entries = tuple(self.dry.entries)
        return Plan(
            edition=self.edition,
            cast=self.cast,
            origin_at=self.origin_at,
            acts=tuple(self.acts),
            ends_at=max(entry.at for entry in entries) + timedelta(days=40),
            entries=entries,
            letters=tuple(self.dry.letters),
        )

    def player(self, key: str) -> Player:
        """Who plays under a key."""
        return next(player for player in self.players if player.key == key)

    # --- time ---

    @property
    def now(self) -> datetime:
        """Business time, UTC."""
        return self.dry.now

    def working(self, at: datetime) -> datetime:
        """The first working minute at or after an instant."""
        local = at.astimezone(self.calendar.zone)
        minute = local.hour * 60 + local.minute
        day = local.date()
        if minute > LAST_MINUTE or not self.calendar.works(day):
            day = self.calendar.plus_working_days(day, 1)
            minute = FIRST_MINUTE
        minute = max(minute, FIRST_MINUTE)
        return self.calendar.hour_of(day, minute // 60, minute % 60)

    def in_days(self, count: int, hour: int = 10) -> datetime:
        """An hour of the working day so many days on."""
        day = self.calendar.plus_working_days(self.calendar.day_of(self.now), count)
        return self.calendar.hour_of(day, hour)

    # --- people ---

    def pick(self, role: Role, *but: str) -> str:
        """Whoever of a role is free first."""
        able = [person.id for person in self.cast.acting(role) if person.id not in but]
        return min(able, key=lambda person: (self._free_at.get(person, self.origin_at), able.index(person)))

    def _slot(self, player: Player, person: str, not_before: datetime) -> datetime:
        at = self.working(max(not_before, self._free_at.get(person, not_before)))
        while not player.urgent and self._on_day[self.calendar.day_of(at)] >= self._full_day:
            at = self.calendar.hour_of(self.calendar.plus_working_days(self.calendar.day_of(at), 1), 10)
        self._on_day[self.calendar.day_of(at)] += 1
        self._free_at[person] = max(self._free_at.get(person, at), at + BETWEEN)
        return at

    # --- coverage ---

    def claim(self, trigger: str, stage: Stage) -> bool:
        """Whether this pair is still to be met; asked once, it is the asker's to meet."""
        pair = (trigger, stage)
        if pair not in self.reachable or pair in self._covered or pair in self._claimed:
            return False
        self._claimed.add(pair)
        return True

    def give_up(self, claims: Iterable[tuple[str, Stage]]) -> None:
        """Leave to somebody else what was claimed and not met."""
        self._claimed.difference_update(claims)

    def missing(self) -> list[tuple[str, Stage]]:
        """Pairs nobody met, in table order."""
        return [pair for pair in reachable(self.edition) if pair not in self._covered]

    def _note(self, entry: m.Entry) -> None:
        if entry.role == Role.CLOCK:
            self._rang_at[entry.subject] = entry.at
        if entry.outcome is Outcome.MADE and not entry.subject.startswith("edition/"):
            self._covered.add((entry.command, entry.source))

    # --- scripts ---

    def _push(self, at: datetime, player: Player, wish: Do | None = None) -> None:
        if at > self.origin_at + PATIENCE:
            raise Unplayable(
                f"Edition {self.edition.year} cannot be played to its end: {player.subject or 'the secretariat'} would "
                f"wait at {self._stage(player) or self.dry.edition.stage} for ever. The edition lacks a ladder that leads "
                "on from there; compare its ladders with those of 2021."
            )
        self._tick += 1
        heapq.heappush(self._queue, (max(at, self.now), self._tick, player, wish))

    def _stage(self, player: Player) -> Any:
        return self.dry.file(player.subject).stage if player.subject.startswith("KC") else None

    def _rests(self, player: Player) -> bool:
        # Whatever was meant to be done next is thought over again when it goes on: dates have moved.
        return player.subject.startswith("KC") and self.dry.file(player.subject).rests

    @staticmethod
    def _held_up(wish: Do, stage: Stage) -> bool:
        move = BY_TRIGGER.get((wish.trigger, stage))
        return move is None or move.rests

    def _resume(self, player: Player, value: Act | None, moved: bool = False) -> None:
        try:
            if moved or (value is None and player.stage is not None and player.stage != self._stage(player)):
                request = player.script.throw(Moved())
            else:
                request = player.script.send(value)
        except StopIteration:
            player.over = True
            return
        player.stage = self._stage(player)
        if isinstance(request, Until):
            self._push(request.at, player)
            return
        # Somebody who acts again sits at the desk already.
        self._push(self._slot(player, request.person, self.now + BETWEEN), player, request)

    def _perform(self, player: Player, wish: Do) -> None:
        rests = self._rests(player) and self._held_up(wish, player.stage)
        if player.stage != self._stage(player) or self.dry.is_closed(player.subject) or rests:
            self._resume(player, None, moved=True)
            return
        later = self._clear_of_clocks(player, wish)
        if later > self.now:
            self._push(later, player, wish)
            return
        player.acts += 1
        key = f"{player.key}/{player.acts}"
        proposal = {"proposal": wish.confirms.entry} if wish.confirms else {}
        data = {name: proof(v) if name in TEXTS else v for name, v in wish.data.items() if v is not None} | proposal
        by = {"person": wish.person, "role": wish.role.value}
        outcome = Outcome.REFUSED
        subject = player.subject
        try:
            if wish.trigger == "receive":
                receipt = self.dry.receive(data, by)
                player.subject = subject = receipt.subject
            else:
                receipt = self.dry.command(subject, wish.trigger, data, by, key)
            outcome = receipt.outcome
        except Refusal as refusal:
            if wish.expect is not Outcome.REFUSED:
                raise Unplayable(f"{self.now:%Y-%m-%d %H:%M} {key} {subject}: {refusal.sentence}") from None
        if wish.expect is Outcome.REFUSED and outcome is not Outcome.REFUSED:
            raise Unplayable(f"{key} {subject}: {wish.trigger} should have been refused")
        entry = receipt.entry if outcome is not Outcome.REFUSED else self.dry.file(subject).carried.entries
        act = Act(
            key=key, at=self.now, subject=subject, trigger=wish.trigger,
            data={name: v for name, v in wish.data.items() if v is not None}, person=wish.person, role=wish.role,
            confirms=wish.confirms.key if wish.confirms else None, expect=outcome, told=wish.concerns, entry=entry,
        )  # fmt: skip
        self.acts.append(act)
        player.stage = self._stage(player)
        self._resume(player, act)

    def _clear_of_clocks(self, player: Player, wish: Do) -> datetime:
        """When the act is a day away from what the clock does to the files concerned."""
        at = self.now
        for subject in (player.subject, *wish.concerns):
            due = self.dry.next_entry_at(subject) if subject else None
            for clock in (self._rang_at.get(subject), due):
                if clock is not None and clock - MARGIN < at < clock + MARGIN:
                    at = clock + MARGIN
        return at if at == self.now else self.working(at)

    def _let_everything_fall_due(self) -> None:
        # Files that never close have nothing due either: the queue of alarms runs empty.
        self.dry.advance(self.now + timedelta(days=4 * 365))
