"""What a season came to, read from its ledgers alone: the plan is not asked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from statistics import median_low
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict

from kcity_flow.audit.after_award import RUNS_ON, out_of_order
from kcity_flow.audit.reserve import out_of_turn
from kcity_flow.domain import agenda
from kcity_flow.domain import messages as m
from kcity_flow.domain.application import Application
from kcity_flow.domain.casefile import ApplicationFile
from kcity_flow.domain.edition import Edition, QuotaKind
from kcity_flow.domain.errors import Refusal
from kcity_flow.domain.messages import Entry, Outcome
from kcity_flow.domain.moves import BY_TRIGGER, reachable
from kcity_flow.domain.retelling import application_of
from kcity_flow.domain.stages import ENDS, EditionStage, Role, Stage, Via
from kcity_flow.domain.values import start_of
from kcity_flow.gateway import YEARS_AHEAD
from kcity_flow.rehearsal.dry import digest

S = Stage

HOLDING = (
    S.SELECTED, S.FRAMEWORK, S.PROCUREMENT, S.IMPLEMENTATION, S.SUSPENDED, S.ACCEPTANCE, S.SETTLEMENT, S.CLOSED,
    S.TERMINATED,
)  # fmt: skip
"""Stages of an application that has a place."""


class Mails(BaseModel):
    """Letters that went out, and how many a recipient has more than once."""

    model_config = ConfigDict(frozen=True)

    sent: int
    duplicate: int


class Replayed(BaseModel):
    """Histories run again, and how many led elsewhere."""

    model_config = ConfigDict(frozen=True)

    histories: int
    failures: int


class Frameworks(BaseModel):
    """Cooperation frameworks that were completed, and that failed; what was undone counts as neither."""

    model_config = ConfigDict(frozen=True)

    signed: int
    failed: int
    median_days: int | None
    """From opening to completion, in whole days; of an even number, the lower of the two in the middle."""


class Report(BaseModel):
    """The season's figures."""

    model_config = ConfigDict(frozen=True)

    applications: int
    by_stage: dict[str, int]
    selected: dict[str, int]
    """Places taken when results were published, by programme."""
    moves_covered: int
    moves_reachable: int
    moves_total: int
    refusals: int
    illegal_moves: int
    over_quota: int
    framework: Frameworks
    pauses_checked: int
    """Pairs of an application and a deadline that moved by exactly the pauses they lay in."""
    pauses_wrong: int
    mails: Mails
    replayed: Replayed
    register_matches: bool
    simulated_days: int
    wall_seconds: float
    digest: str
    contracts: int
    paid_krw: int
    extensions: int


class Ledgers:
    """Every entry of a season, by subject and in order of time."""

    def __init__(self, edition: Edition, entries: Iterable[Entry]) -> None:
        """Keep the entries.

        Args:
            edition: Whose season it was.
            entries: Of applications and of the edition.
        """
        self.edition = edition
        self.by_subject: dict[str, list[Entry]] = {}
        for entry in entries:
            self.by_subject.setdefault(entry.subject, []).append(entry)
        for ledger in self.by_subject.values():
            ledger.sort(key=lambda entry: entry.number)
        self.programmes = {ref: str(ledger[0].data["programme"]) for ref, ledger in self.applications.items()}
        """The programme of each application, by reference number."""

    @property
    def applications(self) -> dict[str, list[Entry]]:
        """Ledgers of applications, by reference number."""
        return {ref: ledger for ref, ledger in sorted(self.by_subject.items()) if not ref.startswith("edition/")}

    @property
    def of_edition(self) -> list[Entry]:
        """The edition's own ledger."""
        return self.by_subject.get(f"edition/{self.edition.year}", [])

    def in_time(self) -> list[Entry]:
        """Entries of applications in order of business time."""
        return sorted(
            (e for ledger in self.applications.values() for e in ledger), key=lambda e: (e.at, e.subject, e.number)
        )

    def covered(self) -> set[tuple[str, str]]:
        """Pairs of trigger and source that were made at least once."""
        return {(e.command, e.source) for ledger in self.applications.values() for e in ledger if made(e)}

    def by_stage(self) -> dict[str, int]:
        """Where applications stand at last, in the order of stages."""
        last = Counter(ledger[-1].dest for ledger in self.applications.values())
        return {stage.value: last[stage.value] for stage in Stage if last[stage.value]}

    def published_at(self) -> datetime | None:
        """When results were published. UTC."""
        return next((e.at for e in self.of_edition if made(e) and e.dest == EditionStage.PUBLISHED), None)

    def selected(self) -> dict[str, int]:
        """Places taken when results were published, by programme."""
        places, stages = Counter[str](), dict[str, str]()
        until = self.published_at()
        for entry in self.in_time():
            if until is not None and entry.at < until:
                stages[entry.subject] = entry.dest
        for ref, stage in stages.items():
            places[self.programmes[ref]] += stage in HOLDING
        return {programme.key: places[programme.key] for programme in self.edition.programmes}

    def over_quota(self) -> int:
        """How often a place was given beyond a programme's quota or the edition's total."""
        quota = {p.key: p.quota.places for p in self.edition.programmes if p.quota.kind is not QuotaKind.AT_LEAST}
        total = self.edition.total
        most = total.places if total and total.kind is not QuotaKind.AT_LEAST else None
        reasons = {e.number for e in self.of_edition if made(e) and e.data.get("over_quota_reason")}
        held: dict[str, str] = {}
        over = 0
        for entry in self.in_time():
            programme = self.programmes[entry.subject]
            if entry.dest not in HOLDING:
                held.pop(entry.subject, None)
            elif entry.subject not in held:
                held[entry.subject] = programme
                taken = sum(1 for other in held.values() if other == programme)
                about = self.edition.programme(programme).quota.kind is QuotaKind.ABOUT
                excused = about and entry.order is not None and entry.order.entry in reasons
                over += taken > quota.get(programme, taken) and not excused
                over += most is not None and len(held) > most
        return over

    def frameworks(self) -> Frameworks:
        """Frameworks that were completed or failed, as it stood at last, and how long the completed ones took."""
        days, failed = [], 0
        for ledger in self.applications.values():
            opened, ended = None, None
            for entry in filter(made, ledger):
                if entry.command == "open_framework":
                    opened, ended = entry.at, None
                elif entry.command in ("complete_framework", "fail_framework"):
                    ended = entry
                elif entry.command == "return_to_framework" and ended and entry.source == ended.dest:
                    ended = None
            if opened and ended and ended.command == "complete_framework":
                days.append((ended.at - opened).days)
            failed += ended is not None and ended.command == "fail_framework"
        return Frameworks(signed=len(days), failed=failed, median_days=median_low(days) if days else None)

    def contracted(self) -> list[Application]:
        """Applications that have a contract, as their ledgers tell them in the end."""
        told = (application_of(self.edition, ref, ledger) for ref, ledger in self.applications.items())
        return [application for application in told if application.contract is not None]

    def too_early(self) -> list[str]:
        """What came before what it has to follow after the award, a sentence each."""
        programmes = {programme.key: programme for programme in self.edition.programmes}
        return [
            fault
            for ref, ledger in self.applications.items()
            for fault in out_of_order(programmes[self.programmes[ref]], ledger)
        ]

    def out_of_turn(self) -> list[str]:
        """Places that came free and did not reach the first of the reserve, a sentence each."""
        return out_of_turn(self.edition, self.of_edition, self.applications)

    def illegal(self) -> list[str]:
        """Moves that were made though the table forbids them, a sentence each."""
        found = []
        for ref, ledger in self.applications.items():
            by_number = {entry.number: entry for entry in ledger}
            for entry in ledger:
                if made(entry) and (why := _breach(entry, by_number)):
                    found.append(f"{ref}, entry {entry.number}, {entry.command} from {entry.source}: {why}")
        return found

    def pauses(self) -> tuple[set[tuple[str, str]], list[str]]:
        """Deadlines that moved by exactly the pauses they lay in, and a sentence for each that did not.

        How long a pause was is counted here, from when freezes and suspensions were ordered and lifted.
        """
        right: set[tuple[str, str]] = set()
        wrong: list[str] = []
        for ref, ledger in self.applications.items():
            if not any(made(entry) and entry.command in ("unfreeze", "resume") for entry in ledger):
                continue
            for rest, before, after in _ends_of_rest(self.edition, ref, ledger, wrong):
                moved = _deadlines(before, after, self.edition.zone)
                for name, (set_at, was, now) in moved.items():
                    expected = rest.moves(name, set_at, was)
                    if now - was != expected:
                        wrong.append(f"{ref}, {name}: it moved by {now - was} at {rest.until}, and not by {expected}")
                    elif expected:
                        right.add((ref, name))
        return right, wrong


FOR_PEOPLE = (*RUNS_ON, "termination")
"""What runs on while the work is suspended."""

DAYS = ("end of work", "milestone ")
"""What falls on a day moves by whole days, one that has lasted an hour counted in full."""


@dataclass(frozen=True, slots=True)
class _Rest:
    """A time in which an application rested, by its ledger alone; of a suspension, ``suspends``."""

    since: datetime
    until: datetime
    suspends: bool
    suspended: bool
    zone: ZoneInfo

    def moves(self, name: str, set_at: datetime, was: datetime) -> timedelta:
        """By how much a deadline moves that was set then and due then."""
        for_people = name.partition("#")[0] in FOR_PEOPLE
        if self.suspends and for_people:
            return timedelta(0)  # it ran on
        if self.suspended and not self.suspends and not for_people:
            return timedelta(0)  # the suspension holds it up, and will move it
        if was <= self.since:
            return timedelta(0)
        rested = max(self.until - max(self.since, set_at), timedelta(0))
        if not name.startswith(DAYS):
            return rested
        begun = rested > timedelta(days=rested.days, hours=1)
        return timedelta(days=rested.days + begun)


def _deadlines(before: Application, after: Application, zone: str) -> dict[str, tuple[datetime, datetime, datetime]]:
    """Name → when it was set, when it was due before, and when it is now."""
    found = {
        name: (timer.armed_at, timer.due_at, after.timers[name].due_at)
        for name, timer in before.timers.items()
        # One that has moved on to its next time is another deadline.
        if name in after.timers and after.timers[name].fallen == timer.fallen
    }
    long_ago = before.received_at or before.since
    assert long_ago is not None  # it was received
    dates: dict[str, tuple[datetime | None, datetime | None, datetime | None]] = {
        "termination": (long_ago, before.termination_at, after.termination_at),
        "tender": (long_ago, before.tender.closes_at, after.tender.closes_at),
        "end of work": (before.ends_set_at, _over(before.ends_on, zone), _over(after.ends_on, zone)),
    }
    now = {one.key: one for one in after.plan}
    for one in before.plan:
        if not one.accepted_at and one.key in now:
            dates[f"milestone {one.key}"] = (long_ago, _over(one.due_on, zone), _over(now[one.key].due_on, zone))
    if before.meeting and after.meeting and not before.meeting.held and not before.meeting.missed:
        dates["meeting"] = (long_ago, before.meeting.at, after.meeting.at)
    if before.tender.opened:
        del dates["tender"]
    return found | {name: (a, b, c) for name, (a, b, c) in dates.items() if a and b and c}


def _over(day: date | None, zone: str) -> datetime | None:
    # Counted in days, wherever summer time begins between the two.
    return datetime.combine(day + timedelta(days=1), time(), tzinfo=ZoneInfo(zone)) if day else None


def _ends_of_rest(
    edition: Edition, ref: str, ledger: Sequence[Entry], wrong: list[str]
) -> Iterator[tuple[_Rest, Application, Application]]:
    """Each time that rest ended, with the application just before and just after: its ledger played again."""
    frozen: set[str] = set()
    frozen_since = suspended_since = last = thawed = ledger[0].at
    zone = ZoneInfo(edition.zone)
    file = _again(edition, ref, ledger[0])
    for entry in ledger:
        before = file.application
        if not _play(file, entry):
            wrong.append(f"{ref}, entry {entry.number}, {entry.command}: played again, it is refused")
        if not made(entry):
            continue
        country = ledger[0].data["applicant"]["country"]
        scope = country if entry.data.get("countries") else "all"
        suspended = entry.source == Stage.SUSPENDED
        if entry.source == Stage.ABSENT:
            open_ones = [one for one in entry.data.get("freezes", ()) if not one.get("until")]
            frozen = {one["scope"] for one in open_ones}
            if entry.dest == Stage.SUSPENDED:  # before it was adopted
                suspended_since = start_of(date.fromisoformat(entry.data["since"]), zone)
            frozen_since = min((datetime.fromisoformat(one["since"]) for one in open_ones), default=entry.at)
        elif entry.command == "freeze":
            if not frozen:
                frozen_since = max(datetime.fromisoformat(entry.data["from_at"]), last, thawed)
            frozen.add(scope)
        elif entry.command == "unfreeze":
            frozen.discard(scope)
            if not frozen:
                thawed = datetime.fromisoformat(entry.data["thawed_at"])
                yield _Rest(frozen_since, thawed, False, suspended, zone), before, file.application
        elif entry.command == "suspend":
            suspended_since = entry.at
        elif entry.command == "resume":
            yield _Rest(suspended_since, entry.at, True, True, zone), before, file.application
        if entry.dest in ENDS:
            frozen.clear()
        if entry.role == Role.CLOCK or entry.command not in ASIDE:
            last = entry.at


ASIDE = (
    "freeze", "unfreeze", "correct", "flag", "declare_conflict", "refuse_proposal", "retract_proposal",
)  # fmt: skip
"""What people do beside the road: a freeze that is dated back may begin before it."""


def _again(edition: Edition, ref: str, begun: Entry) -> ApplicationFile:
    first = min(window.opens_at for window in edition.windows).year
    arrived = date.fromisoformat(str(begun.data.get("received_at") or begun.data["since"])[:10]).year
    days_off = {
        *agenda.days_off(edition.calendars, range(first, first + YEARS_AHEAD)),
        *agenda.days_off((begun.data["applicant"]["country"],), range(arrived, arrived + YEARS_AHEAD)),
    }
    return ApplicationFile(
        m.StartApplication(ref=ref, edition=edition, edition_hash="", days_off=tuple(sorted(days_off)))
    )


def _play(file: ApplicationFile, entry: Entry) -> bool:
    """Give the file what made an entry, the clock's own aside; whether it is made again."""
    file.run_clock(entry.at, entry.recorded_at)
    file.outgoing, file.post, file.releases = [], [], []
    if entry.outcome is Outcome.REFUSED or file.carried.entries >= entry.number:
        file.carried.entries = max(file.carried.entries, entry.number)
        return True
    by = {"person": entry.person, "role": entry.role, "via": entry.via, "order": entry.order}
    wrapping = {"id": entry.command_id, "by": by, "evidence": entry.evidence, "reason": entry.reason}
    command = m.parse("application", entry.command, {**entry.data, **wrapping, "proposal": entry.proposal})
    try:
        file.handle(command, entry.at, entry.recorded_at)
    except Refusal:
        return False
    finally:
        file.outgoing, file.post, file.releases = [], [], []
    return True


def made(entry: Entry) -> bool:
    """Whether an entry records a move, not a proposal or a refusal."""
    return entry.outcome is Outcome.MADE


def _breach(entry: Entry, ledger: dict[int, Entry]) -> str:
    """What the table has against a move that was made; nothing if it is legal."""
    move = BY_TRIGGER.get((entry.command, Stage(entry.source)))
    if move is None:
        return "the table has no such move"
    if entry.dest != (move.dest or entry.source):
        return f"it should have led to {move.dest}"
    if move.sent_by is not None and entry.via is not move.sent_by:
        return f"only the {move.sent_by} may send it"
    if not move.approvers:
        return "" if entry.role in move.actors else f"{entry.role} may not make it"
    if entry.role not in move.approvers:
        return f"{entry.role} may not approve it"
    if entry.order is not None and entry.via is Via.EDITION:
        return "" if entry.order.proposed_by != entry.order.approved_by else "one person ordered it alone"
    proposal = ledger.get(entry.proposal or 0)
    if proposal is None or proposal.outcome is not Outcome.PROPOSED or proposal.command != entry.command:
        return "nobody had proposed it"
    if proposal.person == entry.person or Role.CLOCK in (proposal.role, entry.role):
        return "it takes two persons"
    return "" if proposal.data == entry.data else "the two persons did not say the same"


def report(
    ledgers: Ledgers,
    *,
    mails: Mails,
    replayed: Replayed,
    register_matches: bool,
    origin_at: datetime,
    wall_seconds: float,
) -> Report:
    """The figures.

    Args:
        ledgers: Every entry.
        mails: As the mail server has them.
        replayed: What the replay of all histories found.
        register_matches: Whether the register says what the histories say.
        origin_at: When the season began, business time.
        wall_seconds: How long it took to play.
    """
    pairs, contracted = reachable(ledgers.edition), ledgers.contracted()
    covered = ledgers.covered()
    everything: Sequence[Entry] = [e for ledger in ledgers.by_subject.values() for e in ledger]
    last = max((entry.at for entry in everything), default=origin_at)
    right, wrong = ledgers.pauses()
    return Report(
        applications=len(ledgers.applications),
        by_stage=ledgers.by_stage(),
        selected=ledgers.selected(),
        moves_covered=sum(pair in covered for pair in BY_TRIGGER),
        moves_reachable=len(pairs),
        moves_total=len(BY_TRIGGER),
        refusals=sum(entry.outcome is Outcome.REFUSED for entry in everything),
        illegal_moves=len(ledgers.illegal()),
        over_quota=ledgers.over_quota(),
        framework=ledgers.frameworks(),
        pauses_checked=len(right),
        pauses_wrong=len(wrong),
        mails=mails,
        replayed=replayed,
        register_matches=register_matches,
        simulated_days=(last - origin_at).days,
        wall_seconds=round(wall_seconds, 1),
        digest=digest(everything),
        contracts=len(contracted),
        paid_krw=sum(application.paid_krw for application in contracted),
        extensions=sum(len(application.extensions) for application in contracted),
    )
