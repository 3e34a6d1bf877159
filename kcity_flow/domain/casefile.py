"""What a workflow does with a command: judge it by the table, record it, keep proposals, let the clock run.

:class:`CaseFile` is the one place where a command becomes an entry. It is synchronous and pure but for its own
fields; the workflow gives it the time and sends away what it leaves in ``outgoing``.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Literal
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict

from kcity_flow.domain import adoption, agenda, effects, freeze, procurement, recipients, selection, work
from kcity_flow.domain import messages as m
from kcity_flow.domain.agenda import sides_to_agree
from kcity_flow.domain.application import PROPOSAL_TIMERS, SIDES, Application, Facts, Proposal, Timer, Undo
from kcity_flow.domain.edition import Edition, Ladder, StepKind
from kcity_flow.domain.errors import IdTaken, Refusal, SecondPersonNeeded
from kcity_flow.domain.evaluation import last_judged, means
from kcity_flow.domain.ledger import GENESIS, sealed
from kcity_flow.domain.letters import PAUSES, letters, told_of_pause
from kcity_flow.domain.machine import APPLICATIONS, EDITIONS, Lifecycle
from kcity_flow.domain.messages import Batch, By, Entry, Letter, Outcome, Receipt, View, canonical
from kcity_flow.domain.moves import EDITION_BY_TRIGGER, Move
from kcity_flow.domain.selection import Call, EditionFacts
from kcity_flow.domain.stages import DECIDED, ENDS, OBJECTIONABLE, EditionStage, Role, Stage, Via
from kcity_flow.domain.tasks import Awaited, awaited
from kcity_flow.domain.values import Instant

REMEMBERED = 500
"""Command ids remembered for repetition; Temporal forgets them at continue-as-new."""

REFUSED_KEPT = 4096
"""Characters of a refused command's data that are kept; of more, the hash and how many they were."""

REFUSALS_AN_HOUR = 100
"""More refusals than this in an hour are counted, not recorded one by one."""

UNKNOWN = "unknown"
"""Person and role of a command that cannot be read."""

FIRST_PAUSE, LONGEST_PAUSE = timedelta(seconds=1), timedelta(minutes=10)
"""Before an application that did not answer is told again; each time twice as long."""

OUTSIDE = ("applicant", "missing_parties", "contractor", "host_government", "subscribers")
"""Recipients of reminders who decide nothing here."""

STATED = ("date_at", "closes_at", "ends_at", "ends_on", "signs_by")
"""Fields by which a command itself says when the timers that it starts fall due."""


class Carried(BaseModel):
    """All that a continued run needs: derived state and the ledger's head, never the ledger itself."""

    model_config = ConfigDict(extra="ignore")

    entries: int = 0
    head: str = GENESIS
    proposals: dict[int, Proposal] = {}
    seen: dict[str, Receipt] = {}
    refusals: int = 0
    refusals_since: Instant | None = None
    uncounted_refusals: int = 0
    application: Application | None = None
    undo: Undo | None = None
    call: Call | None = None
    missed: dict[str, Timer] = {}
    """Deadlines that are over for the clock and not for people: what they stand for is still to be done."""
    untold: list[m.OrderBatch] = []
    """An edition's orders to applications that did not answer, and what was decided on these since, oldest first."""
    again_at: Instant | None = None
    """When those are told again, by the workflow's clock."""


Coming = tuple[datetime, str, agenda.Step]
"""What comes next: when, of which timer, which rung."""


class CaseFile:
    """A subject's file: its state, the head of its ledger, its waiting proposals. Times are business time, UTC."""

    kind: Literal["application", "edition"]
    lifecycle: Lifecycle
    timer_rows: tuple[agenda.Arming, ...]

    def __init__(
        self, subject: str, edition: Edition, days_off: tuple[Any, ...], carried: Mapping[str, Any] | None
    ) -> None:
        self.subject = subject
        self.edition = edition
        self.calendar = agenda.Calendar(ZoneInfo(edition.zone), frozenset(days_off))
        # Both are changed in place; named here they count as set, and a continued run gets them (exclude_unset).
        self.carried = Carried.model_validate({"proposals": {}, "seen": {}, **(carried or {})})
        self._coming: tuple[tuple[dict[str, Timer], Any, bool], list[Coming]] | None = None
        self.outgoing: list[Entry] = []
        self.post: list[Letter] = []

    # What differs between an application and an edition.

    @property
    def stage(self) -> Any:
        """Where the subject stands."""
        raise NotImplementedError

    @property
    def timers(self) -> dict[str, Timer]:
        """Its running deadlines."""
        raise NotImplementedError

    def _set_timers(self, timers: dict[str, Timer]) -> None:
        raise NotImplementedError

    def facts(self, command: m.Command, move: Move, now: datetime) -> Any:
        """What the guards of a move look at."""
        raise NotImplementedError

    def _standing(self) -> Any:
        """The facts as they are."""
        raise NotImplementedError

    def _make(self, facts: Any, dest: Any, number: int) -> None:
        raise NotImplementedError

    def view(self) -> View:
        """How the subject stands, for lists."""
        raise NotImplementedError

    # --- commands ---

    def receipt_of(self, command_id: str) -> Receipt | None:
        """The receipt of a command that was handled before, under the same id."""
        earlier = self.carried.seen.get(command_id)
        return earlier.model_copy(update={"repeated": True}) if earlier else None

    def handle(self, command: m.Command, now: datetime, recorded_at: datetime) -> Receipt:
        """Make or propose a move, and record it.

        Raises:
            Refusal: after it has been recorded; nothing else has changed.
        """
        trigger = command.trigger  # type: ignore[attr-defined]  # every member of the union has one
        earlier = self.receipt_of(command.id)
        if earlier and earlier.trigger == trigger:
            return earlier
        source = self.stage
        try:
            if earlier:
                raise IdTaken(trigger, command.id, earlier.trigger)
            move = self.lifecycle.row(trigger, source, command.by.role)
            facts = self.facts(command, move, now)
            if self._proposes(move, command):
                self.lifecycle.judge(move, source, facts)
                outcome, dest = Outcome.PROPOSED, source
            else:
                self._second_person(move, command)
                outcome, dest = Outcome.MADE, self.lifecycle.fire(move, source, facts)
        except Refusal as refusal:
            self.refuse(trigger, command, refusal, now, recorded_at)
            raise
        entry = self._record(command, outcome, source, dest, now, recorded_at)
        if outcome is Outcome.PROPOSED:
            proposal = Proposal(
                entry=entry.number,
                trigger=trigger,
                person=command.by.person,
                role=command.by.role,
                approvers=move.approvers,
                substance=command.substance(),
                at=now,
            )
            self.carried.proposals[entry.number] = proposal
            for name in PROPOSAL_TIMERS:
                self._arm(name, entry.number, now, {}, key=f"{name}#{entry.number}")
        else:
            self._settle(command, facts, dest, entry, now)
        due = {timer.name: timer.due_at for timer in self.timers.values()}
        about = (self._is_late(), self._decided_by(), self.edition.objection_grounds)
        self.post += letters(entry, move.approvers, due, *about, self._bidders(), self._people(facts))
        receipt = Receipt(
            subject=self.subject,
            entry=entry.number,
            outcome=outcome,
            stage=self.stage,
            hash=entry.hash,
            trigger=trigger,
            meets=len(command.refs) if hasattr(command, "refs") else None,
        )
        self._remember(command.id, receipt)
        return receipt

    def refuse(
        self, trigger: str, command: m.Command | None, refusal: Refusal, now: datetime, recorded_at: datetime,
        via: Via = Via.UPDATE,
    ) -> None:  # fmt: skip
        """Record a refusal; beyond a hundred an hour they are only counted.

        Args:
            trigger: What was asked for.
            command: Nothing, if it could not be read: then nobody knows who asked.
            refusal: Why not.
            now: Business time, UTC.
            recorded_at: The workflow's clock, UTC.
            via: The way by which an unreadable one came.
        """
        since = self.carried.refusals_since
        if since is None or now - since >= timedelta(hours=1):
            self.carried.refusals_since, self.carried.refusals = now, 0
        self.carried.refusals += 1
        if self.carried.refusals > REFUSALS_AN_HOUR:
            self.carried.uncounted_refusals += 1
            return
        refused = m.Refused(code=refusal.code, guard=refusal.guard, missing=refusal.missing[:500])
        self._append(trigger[:80], command, Outcome.REFUSED, self.stage, self.stage, now, recorded_at, refused, via)

    def _proposes(self, move: Move, command: m.Command) -> bool:
        return bool(move.approvers) and command.proposal is None and not move.ordered(command.by)

    def _second_person(self, move: Move, command: m.Command) -> None:
        """Two persons, of whom none is the clock, and equal data.

        Raises:
            SecondPersonNeeded: with what is missing.
        """
        by = command.by
        if not move.approvers:
            return

        def refuse(missing: str) -> SecondPersonNeeded:
            return SecondPersonNeeded(move.trigger, self.stage, by.role, missing)

        if by.order is not None and move.ordered(by):  # both persons acted at the edition
            if by.order.proposed_by == by.order.approved_by:
                raise refuse("the edition's order names one person twice")
            if by.order.approved_by != by.person:
                raise refuse("the edition's order was approved by somebody else")
            return
        proposal = self.carried.proposals.get(command.proposal or 0)
        if proposal is None or proposal.trigger != move.trigger:
            raise refuse(f"no {move.trigger} waits under entry {command.proposal}")
        if proposal.person == by.person:
            raise refuse("it takes a second person, and this one proposed it")
        substance = command.substance()
        if proposal.substance != substance:
            differ = [name for name, value in substance.items() if proposal.substance.get(name) != value]
            raise refuse(
                f"its data ({', '.join(differ)}) differ from those proposed; repeat them, or refuse the proposal"
            )

    def _settle(self, command: m.Command, facts: Any, dest: Any, entry: Entry, now: datetime) -> None:
        trigger = entry.command
        before = self.stage
        self._make(facts, dest, entry.number)
        named = facts.proposal
        if named is not None and (named.trigger == trigger or isinstance(command, m.HandleProposal)):
            self._drop_proposal(named.entry)
        overtaken = effects.OVERTAKES.get(trigger, ())
        for number, waits in list(self.carried.proposals.items()):
            if (dest != before and waits.trigger != "correct") or waits.trigger in overtaken:
                self._drop_proposal(number)
        to_arm, kept = agenda.armed(
            self.timer_rows, trigger, dest, self._timers_of_proposals_that_wait(), self._standing()
        )
        self._set_timers(kept)
        self.carried.missed = agenda.armed(self.timer_rows, trigger, dest, self.carried.missed, self._standing())[1]
        self._answer(trigger, now)
        stated = {name: getattr(command, name) for name in STATED if hasattr(command, name)}
        if trigger == "award_contract":
            stated = {"ends_on": self._standing().ends_on}
        for name in to_arm:
            # The end of the work is no date of its reports.
            self._arm(name, entry.number, now, stated if name != work.REPORT_TIMER else {})
        # Only an application's rows have it; stages of the two tables that are spelt alike are equal.
        if dest != before and any(r.timer == agenda.FILE_TIMER and dest in r.stages for r in self.timer_rows):
            self._arm(agenda.FILE_TIMER, entry.number, now, {})

    def _answer(self, trigger: str, now: datetime) -> None:
        """What was asked for has come: it is missed no more, and what comes next is the next time."""
        names = [row.timer for row in self.timer_rows if trigger in row.answered_by]
        if not names:
            return
        self.carried.missed = {key: timer for key, timer in self.carried.missed.items() if timer.name not in names}
        for key, timer in self.timers.items():
            ladder = self.edition.ladder(timer.name)
            if timer.name in names and timer.done and ladder is not None:
                others = {name: other for name, other in self.timers.items() if name != key}
                again = self._again(timer, ladder, now, now)
                self._set_timers(others | ({key: again} if again else {}))

    def _timers_of_proposals_that_wait(self) -> dict[str, Timer]:
        # An undone move brings back the timers of its time, those of proposals that are gone among them.
        waits = self.carried.proposals
        return {
            key: timer
            for key, timer in self.timers.items()
            if timer.name not in PROPOSAL_TIMERS or timer.entry in waits
        }

    def _drop_proposal(self, number: int) -> None:
        self.carried.proposals.pop(number, None)
        gone = {f"{name}#{number}" for name in PROPOSAL_TIMERS}
        self._set_timers({key: timer for key, timer in self.timers.items() if key not in gone})
        self.carried.missed = {key: timer for key, timer in self.carried.missed.items() if key not in gone}

    def _remember(self, command_id: str, receipt: Receipt) -> None:
        self.carried.seen[command_id] = receipt
        while len(self.carried.seen) > REMEMBERED:
            del self.carried.seen[next(iter(self.carried.seen))]

    # --- the ledger ---

    def _record(
        self, command: m.Command, outcome: Outcome, source: Any, dest: Any, now: datetime, recorded_at: datetime
    ) -> Entry:
        trigger = command.trigger  # type: ignore[attr-defined]  # every member of the union has one
        return self._append(trigger, command, outcome, source, dest, now, recorded_at)

    def _append(
        self,
        trigger: str,
        command: m.Command | None,
        outcome: Outcome,
        source: Any,
        dest: Any,
        now: datetime,
        recorded_at: datetime,
        refused: m.Refused | None = None,
        via: Via = Via.UPDATE,
    ) -> Entry:
        by = command.by if command else None
        data = command.stated() if command else {}
        if refused and len(written := canonical(data)) > REFUSED_KEPT:
            data = {"sha256": hashlib.sha256(written.encode()).hexdigest(), "characters": len(written)}
        entry = sealed(
            Entry(
                subject=self.subject,
                number=self.carried.entries + 1,
                command=trigger,
                outcome=outcome,
                source=source,
                dest=dest,
                person=by.person if by else UNKNOWN,
                role=by.role if by else UNKNOWN,
                via=by.via if by else via,
                command_id=command.id if command else "",
                at=now,
                recorded_at=recorded_at,
                data=data,
                evidence=command.evidence if command else (),
                reason=command.reason if command else None,
                proposal=command.proposal if command else None,
                supersedes=getattr(command, "supersedes", None),
                order=by.order if by else None,
                refused=refused,
                previous=self.carried.head,
            )
        )
        self.carried.entries, self.carried.head = entry.number, entry.hash
        self.outgoing.append(entry)
        return entry

    def take_batch(self) -> Batch:
        """Everything recorded since the last batch, to be told to the register."""
        batch = Batch(entries=tuple(self.outgoing), letters=tuple(self.post), view=self.view())
        self.outgoing, self.post = [], []
        return batch

    # --- the clock ---

    def _arm(
        self, name: str, entry: int, now: datetime, stated: Mapping[str, Any], key: str | None = None,
        told_since: datetime | None = None,
    ) -> None:  # fmt: skip
        ladder = self.edition.ladder(name)
        if ladder is None:
            return
        due = agenda.due_at(ladder, self.edition, self.calendar, now, self._closes_at(), stated, self._falls(now))
        moved = self.timers.get(key or name)
        generation = moved.generation + 1 if moved else 0
        timer = Timer(name=name, entry=entry, armed_at=now, due_at=due, generation=generation)
        self._set_timers({**self.timers, key or name: self._not_before_armed(timer, ladder, told_since)})

    def _not_before_armed(self, timer: Timer, ladder: Ladder, told_since: datetime | None = None) -> Timer:
        """The timer with the reminders left out that would lie before it was armed, or before anybody was told."""
        rungs, first = agenda.steps(timer, self._reminded(ladder), self.calendar, self.subject), told_since
        return timer.model_copy(update={"done": sum(1 for r in rungs[:-1] if r.at <= (first or timer.armed_at))})

    def _closes_at(self) -> datetime:
        return max(window.closes_at for window in self.edition.windows)

    def _falls(self, now: datetime) -> Callable[[datetime], datetime]:
        """When a date of the edition falls for this subject, pauses counted."""
        return lambda at: self._standing().falls(at, now)

    @property
    def rests(self) -> bool:
        """Whether a freeze lets it rest: no timer runs."""
        raise NotImplementedError

    def _rested(self) -> Sequence[freeze.Pause]:
        """When what comes again and again rested, in order."""
        return ()

    def running(self, timers: Mapping[str, Timer]) -> Iterator[Timer]:
        """Which of these timers run now."""
        return iter(()) if self.rests else agenda.running(timers, self.stage)

    def _reminded(self, ladder: Ladder) -> Ladder:
        return ladder

    def _then(self, ladder: Ladder) -> str:
        return ladder.then

    def _next_steps(self) -> list[Coming]:
        # Asked several times a command; timers are values, replaced when they change, never changed.
        of = (self.timers, self.stage, self.rests)
        if self._coming is None or any(was is not now for was, now in zip(self._coming[0], of, strict=True)):
            self._coming = (of, self._steps_of_timers())
        return self._coming[1]

    def _steps_of_timers(self) -> list[Coming]:
        found = []
        for key, timer in self.timers.items():
            ladder = self.edition.ladder(timer.name)
            if ladder is None or timer not in self.running(self.timers):
                continue
            rungs = agenda.steps(timer, self._reminded(ladder), self.calendar, self.subject)
            found.append((rungs[timer.done].at, key, rungs[timer.done]))
        return sorted(found, key=lambda item: item[:2])

    def next_due(self) -> datetime | None:
        """The next instant at which the clock has something to do. Business time, UTC."""
        return next((at for at, _, _ in self._next_steps()), None)

    def run_clock(self, now: datetime, recorded_at: datetime) -> None:
        """Do everything that is due by ``now``, in order: reminders, flags, and the clock's own moves."""
        while True:
            due = self._next_steps()
            if not due or due[0][0] > now:
                return
            _, key, step = due[0]
            timer = self.timers[key]
            ladder = self.edition.ladder(timer.name)
            assert ladder is not None  # _next_steps leaves timers without a ladder out
            if step.offset is None:
                self._come_due(key, timer, ladder, now, recorded_at)
            else:
                self._set_timers({**self.timers, key: timer.model_copy(update={"done": timer.done + 1})})
                self._remind(timer, ladder, step.offset)

    def _come_due(self, key: str, timer: Timer, ladder: Ladder, now: datetime, recorded_at: datetime) -> None:
        # The clock moves first: guards of its moves read the date that has just passed.
        self._clock_moves(timer, ladder, now, recorded_at)
        if self.timers.get(key) != timer:
            return  # the move has ended or moved it
        timers = {name: other for name, other in self.timers.items() if name != key}
        given_up_at = agenda.steps(timer, self._reminded(ladder), self.calendar, self.subject)[-1].at
        again = self._again(timer, ladder, now, given_up_at)
        if again:
            timers[key] = again
        if not again or ladder.times:
            # What comes for ever has its own next time; of what comes a few times, each is to be done.
            self.carried.missed = {**self.carried.missed, f"{key}/{timer.fallen}" if again else key: timer}
        self._set_timers(timers)

    def _again(
        self, timer: Timer, ladder: Ladder, now: datetime, over_at: datetime, else_from: datetime | None = None
    ) -> Timer | None:
        """The timer as it falls due the next time, after ``over_at``; nothing, if this was the last.

        Its time begins where that of the last one would have ended, had nothing rested, and moves by what rests in it.
        Where it would be over before the last one was, it begins where the last one's ended, or ``else_from``.
        """
        fallen = timer.fallen + 1
        if ladder.times and fallen >= ladder.times:
            return None

        def due_after(last: datetime) -> datetime:
            # Due is the end of a day: counted from the next day, the date would slip by one each time.
            day = last - timedelta(microseconds=1)
            return agenda.due_at(ladder, self.edition, self.calendar, day, self._closes_at(), {}, self._falls(now))

        for begins in (timer.would_be_due_at, else_from or timer.due_at):
            due_at = freeze.falls(self._rested(), due_after(begins), now, begins)
            if due_at > over_at:
                break
        moved = {
            "armed_at": begins,
            "due_at": due_at,
            "generation": timer.generation + 1,
            "fallen": fallen,
            "rested": due_at - due_after(timer.would_be_due_at),
        }
        return self._not_before_armed(timer.model_copy(update=moved), ladder, now)

    def _clock_moves(self, timer: Timer, ladder: Ladder, now: datetime, recorded_at: datetime) -> None:
        then, number = self._then(ladder), self.carried.entries + 1
        if then == "close_file":
            return
        base: dict[str, Any] = {"id": f"clock/{timer.name}/{timer.entry}/{timer.generation}", "by": m.CLOCK}
        if then == "flag":
            base["note"] = timer.name
        elif then == "lapse_proposal":
            base["proposal"] = timer.entry
        try:
            command = m.parse(self.kind, then, base)
            move = self.lifecycle.row(then, self.stage, Role.CLOCK)
            self.lifecycle.judge(move, self.stage, self.facts(command, move, now))
        except Refusal:
            return  # the clock does what is legal by then and leaves the rest; it is nobody to be refused
        self.handle(command, now, recorded_at)
        if then == "flag":
            # A flag is for those who can decide; whoever was waited for has had the reminders.
            deciders = [name for name in (*ladder.to, *ladder.escalate_to) if name not in OUTSIDE]
            self._tell(timer, "flagged", tuple(deciders), number)

    def _remind(self, timer: Timer, ladder: Ladder, offset: int) -> None:
        if offset <= 0:
            self._tell(timer, "reminder", ladder.to, offset)
        else:
            self._tell(timer, "overdue", (*ladder.to, *ladder.escalate_to), offset)

    def _tell(self, timer: Timer, template: str, to: tuple[str, ...], offset: int) -> None:
        for recipient in self._recipients(timer, to):
            key = f"{self.subject}/{timer.name}/{timer.entry}/{timer.generation}/{template}{offset:+d}/{recipient}"
            self.post.append(
                Letter(
                    key=key,
                    subject=self.subject,
                    template=template,
                    to=recipient,
                    about=timer.entry,
                    due_at=timer.due_at,
                )
            )

    def _recipients(self, timer: Timer, to: tuple[str, ...]) -> list[str]:
        found: list[str] = []
        for name in to:
            if name == "approvers":
                proposal = self.carried.proposals.get(timer.entry)
                found += proposal.approvers if proposal else ()
            elif name != "subscribers":  # nobody can subscribe to a call yet
                found.append(name)
        return list(dict.fromkeys(found))

    def _waiting(self) -> tuple[m.Waiting, ...]:
        """What waits, and for whom: each proposal, each task, each deadline that is somebody's or the clock acts on.

        A deadline that was missed waits on, until what it stands for is done or the file closes. Where it dates a
        task, it waits for those whose turn it is, who may be fewer than those whom the edition reminds.
        """
        if self.finished():
            return ()
        timers, awaited = {**self.carried.missed, **self.timers}, {task.what: task for task in self._awaited()}
        found = [self._proposal_waits(proposal, timers) for proposal in self.carried.proposals.values()]
        if self.rests:
            # Proposals are still handled; nobody has to by a date.
            return tuple(waiting.model_copy(update={"due_at": None}) for waiting in found)
        for timer in agenda.running(timers, self.stage):
            ladder = self.edition.ladder(timer.name)
            if ladder is None or timer.name in PROPOSAL_TIMERS:
                continue
            task = awaited.pop(timer.name, None)
            to = task.to if task else tuple(self._recipients(timer, ladder.to))
            by_clock = timer in self.timers.values() and self._then(ladder) not in ("flag", "close_file")
            if to or by_clock:
                found.append(
                    m.Waiting(
                        what=timer.name,
                        entry=timer.entry,
                        since=timer.armed_at,
                        due_at=timer.due_at,
                        to=to,
                        escalates_to=tuple(self._recipients(timer, ladder.escalate_to)),
                    )
                )
        for task in awaited.values():
            found.append(m.Waiting(what=task.what, entry=self._decided_by(), since=task.since, to=task.to))
        return tuple(found)

    def _awaited(self) -> Iterable[Awaited]:
        """Whose turn it is, whether or not a deadline runs."""
        return ()

    def _proposal_waits(self, proposal: Proposal, timers: Mapping[str, Timer]) -> m.Waiting:
        timer, ladder = timers.get(f"second_person#{proposal.entry}"), self.edition.ladder("second_person")
        return m.Waiting(
            what=proposal.trigger,
            entry=proposal.entry,
            since=proposal.at or (timer.armed_at if timer else self._since()),
            due_at=timer.due_at if timer else None,
            to=tuple(proposal.approvers),
            escalates_to=tuple(self._recipients(timer, ladder.escalate_to)) if timer and ladder else (),
            but=proposal.person,
            proposal=True,
        )

    def _since(self) -> datetime:
        """Since when the subject stands where it does."""
        raise NotImplementedError

    def _contact(self) -> str:
        return ""

    def _people(self, facts: Any) -> Mapping[str, Sequence[str]]:
        """Whom letters name by what they are, after a move; ``facts`` are those before it."""
        return recipients.NOBODY

    def _bidders(self) -> tuple[str, ...]:
        """Whose bids are open."""
        return ()

    def _is_late(self) -> bool:
        return False

    def _decided_by(self) -> int:
        return 0

    def finished(self) -> bool:
        """Whether nothing can be waited for any more."""
        raise NotImplementedError


class ApplicationFile(CaseFile):
    """An application's file."""

    kind = "application"
    lifecycle = APPLICATIONS
    timer_rows = agenda.APPLICATION_TIMERS

    def __init__(self, start: m.StartApplication) -> None:
        super().__init__(start.ref, start.edition, start.days_off, start.file)
        self.releases: list[m.ReleasePlace] = []
        if self.carried.application is None:
            self.carried.application = Application(ref=start.ref)

    @property
    def application(self) -> Application:
        """The facts."""
        assert self.carried.application is not None  # set on construction
        return self.carried.application

    @property
    def stage(self) -> Stage:
        """Where it stands."""
        return self.application.stage

    @property
    def timers(self) -> dict[str, Timer]:
        """Its running deadlines."""
        return self.application.timers

    def _set_timers(self, timers: dict[str, Timer]) -> None:
        self.carried.application = self.application.model_copy(update={"timers": timers})

    def facts(self, command: m.Command, move: Move, now: datetime) -> Facts:
        """What the guards of a move look at."""
        return Facts(
            application=self.application,
            command=command,
            edition=self.edition,
            now=now,
            source=self.stage,
            dest=move.dest or self.stage,
            entries=self.carried.entries,
            undo=self.carried.undo,
            proposal=self.carried.proposals.get(command.proposal or 0),
        )

    def _standing(self) -> Application:
        return self.application

    def _make(self, facts: Facts, dest: Stage, number: int) -> None:
        self.carried.application = effects.after(facts, dest)
        before, now = facts.application, self.application
        if (before.counted() and not now.counted()) or (before.place and not now.place):
            by = facts.command.by.model_copy(update={"via": Via.APPLICATION, "order": None})
            id, reserve = f"release/{self.subject}/{number}", now.counted()
            self.releases.append(m.ReleasePlace(id=id, by=by, ref=self.subject, reserve=reserve))
        elif facts.command.trigger == "reduce_award":
            # The edition counts the money: what is let go of may pay for somebody on the reserve.
            by = facts.command.by.model_copy(update={"via": Via.APPLICATION})
            id = f"release/{self.subject}/{number}"
            self.releases.append(m.ReleasePlace(id=id, by=by, ref=self.subject, krw=facts.command.krw))
        self.carried.undo = effects.undo_after(facts, number, self.carried.undo)

    @property
    def rests(self) -> bool:
        """Whether it is frozen."""
        return bool(self.application.frozen)

    def _rested(self) -> Sequence[freeze.Pause]:
        return self.application.rested

    def _tell_of_pause(self, entry: Entry, before: Mapping[str, Timer]) -> None:
        """One letter to everybody whose deadlines rest, or have moved: the applicant in any case."""
        dates: dict[str, list[m.Moved]] = {self._contact(): []}
        for key, timer in self.timers.items():
            ladder = self.edition.ladder(timer.name)
            if ladder is None or self.application.holds_up(timer):
                continue
            was, since = before.get(key, timer).due_at, self.application.frozen_since
            if was <= since if since else was == timer.due_at:
                continue  # it was over before
            moved = m.Moved(timer=timer.name, was=was, due_at=None if since else timer.due_at)
            whose = recipients.told_of(timer.name, self.application)
            for person in dict.fromkeys((*self._recipients(timer, ladder.to), *whose)):
                if person.startswith("P-"):
                    dates.setdefault(person, []).append(moved)
        self.post += told_of_pause(entry, dates)

    def _settle(self, command: m.Command, facts: Any, dest: Any, entry: Entry, now: datetime) -> None:
        timers, rested = self.application.timers, self.rests
        super()._settle(command, facts, dest, entry, now)
        if entry.command in PAUSES and rested != self.rests:
            self._tell_of_pause(entry, timers)
        if entry.command == "accept_claim":
            key = f"{work.PAYMENT_TIMER}#{facts.command.claim}"
            self._arm(work.PAYMENT_TIMER, entry.number, now, {}, key=key)
        self._drop_paid()
        self._pass_reports(self._needless, now)
        if isinstance(command, m.AdoptAt):
            self._arm_adopted(command, facts, entry.number, now)
        undo = self.carried.undo
        if undo is not None and undo.entry == entry.number:
            # The clock goes on after a move made in error: only what the move itself ended or moved is to come back.
            ended = {key: timer for key, timer in undo.before.timers.items() if self.timers.get(key) != timer}
            before = undo.before.model_copy(update={"timers": ended})
            self.carried.undo = undo.model_copy(update={"before": before})

    def _drop_paid(self) -> None:
        """End the timers of claims that are paid, also where they were overdue."""
        waits = {f"{work.PAYMENT_TIMER}#{c.number}" for c in self.application.claims if c.state == "accepted"}

        def kept(timers: dict[str, Timer]) -> dict[str, Timer]:
            return {key: t for key, t in timers.items() if t.name != work.PAYMENT_TIMER or key in waits}

        if kept(self.timers) != self.timers:
            self._set_timers(kept(self.timers))
        self.carried.missed = kept(self.carried.missed)

    def _pass_reports(self, passed: Callable[[Timer], bool], now: datetime) -> None:
        """Let the next report be due that is not passed over."""
        ladder = self.edition.ladder(work.REPORT_TIMER)
        while ladder and (timer := self.timers.get(work.REPORT_TIMER)) and passed(timer):
            # A month in which all stood still leaves its time to the next one.
            again = self._again(timer, ladder, now, now, timer.armed_at if self._stood_still(timer) else None)
            assert again is not None  # it comes for as long as work lasts
            self._set_timers({**self.timers, work.REPORT_TIMER: again})

    def _needless(self, report: Timer) -> bool:
        """Whether a report is not asked for: it is there, or there is nothing to report."""
        month = work.month_asked(report, self.calendar.zone)
        return work.month_reported(self.application, month, self.calendar.zone) or self._stood_still(report)

    def _stood_still(self, report: Timer) -> bool:
        return work.stood_still(self.application, work.month_asked(report, self.calendar.zone), self.calendar.zone)

    def _come_due(self, key: str, timer: Timer, ladder: Ladder, now: datetime, recorded_at: datetime) -> None:
        super()._come_due(key, timer, ladder, now, recorded_at)
        self._pass_reports(self._needless, now)

    def _arm_adopted(self, command: m.AdoptAt, facts: Facts, number: int, now: datetime) -> None:
        """Its stage's deadlines, counted from the day it came there. Whom they remind is told from now on."""
        since = adoption.begins_at(facts)
        moves = adoption.stands_for(facts.dest)
        started = [
            name
            for trigger in moves
            for name in agenda.armed(self.timer_rows, trigger, facts.dest, {}, self._standing())[0]
        ]
        for name in dict.fromkeys(started):
            stated = {"ends_on": command.ends_on} if name == "implementation_end" and command.ends_on else {}
            self._arm(name, number, since, stated, told_since=now)
        # Reports that were due before are not in its file: the first that is asked for is the next one.
        self._pass_reports(lambda report: report.due_at <= now, now)

    def handle(self, command: m.Command, now: datetime, recorded_at: datetime) -> Receipt:
        """Make or propose a move; a conflict found after the decision is flagged, and takes nothing back by itself.

        So is it flagged when so many reports in a row were missed that the ministry is to decide.

        Raises:
            Refusal: after it has been recorded; nothing else has changed.
        """
        receipt = super().handle(command, now, recorded_at)
        if (
            isinstance(command, m.DeclareConflict)
            and command.conflict
            and self.stage in DECIDED
            and not self.receipt_of(flag := f"clock/conflict/{receipt.entry}")
        ):
            note = {"id": flag, "by": m.CLOCK, "note": "conflict_after_decision"}
            self.handle(m.parse(self.kind, "flag", note), now, recorded_at)
        if (
            isinstance(command, m.Plain)
            and (command.by.role, command.note) == (Role.CLOCK, work.REPORT_TIMER)
            and self.application.reports_missed == self.edition.implementation.missed_reports
            and not self.receipt_of(flag := f"clock/{work.REPORTS_MISSED}/{receipt.entry}")
        ):
            note = {"id": flag, "by": m.CLOCK, "note": work.REPORTS_MISSED}
            self.handle(m.parse(self.kind, "flag", note), now, recorded_at)
        return receipt

    def _closes_at(self) -> datetime:
        programme = self.application.programme
        if not programme:
            return super()._closes_at()
        return self.edition.window(self.edition.programme(programme)).closes_at

    def _reminded(self, ladder: Ladder) -> Ladder:
        # The call's reminders go to subscribers, once, from the edition.
        return ladder.model_copy(update={"remind": ()}) if ladder.timer == "call" else ladder

    def _awaited(self) -> Iterable[Awaited]:
        return awaited(self.application, self.edition) if self.stage is not Stage.ABSENT else ()

    def _contact(self) -> str:
        return self.application.applicant.contact if self.application.applicant else ""

    def _people(self, facts: Facts) -> Mapping[str, Sequence[str]]:
        return recipients.people(facts, self.application)

    def _bidders(self) -> tuple[str, ...]:
        tender = self.application.tender
        return tuple(bid.bidder for bid in tender.standing) if tender.opened else ()

    def _decided_by(self) -> int:
        return self.application.decided_by

    def _since(self) -> datetime:
        app = self.application
        return app.since or app.received_at or self.edition.windows[0].opens_at

    def _is_late(self) -> bool:
        at = self.application.received_at
        return at is not None and at >= self.application.falls(self._closes_at(), at)

    def _recipients(self, timer: Timer, to: tuple[str, ...]) -> list[str]:
        found: list[str] = []
        standing = recipients.standing(self.application)
        for name in super()._recipients(timer, to):
            if name == "reviewer":
                found += self._reviewers(timer)
            elif timer.name != "minutes" or name not in SIDES or name in sides_to_agree(self.application):
                found += standing.get(name, (name,))
        return list(dict.fromkeys(found))

    def _reviewers(self, timer: Timer) -> list[str]:
        """Which reviewers a timer waits for: of a proposal that they confirm, the others on the tender's committee."""
        proposal = self.carried.proposals.get(timer.entry) if timer.name in PROPOSAL_TIMERS else None
        if proposal is not None:
            return [one for one in procurement.free_members(self.application) if one != proposal.person]
        row = next(row for row in self.timer_rows if row.timer == timer.name)
        return row.waits_on(self.application) if row.waits_on else []

    def finished(self) -> bool:
        """At an end, told of it, no objection open, no timer running; or nothing was ever received."""
        app = self.application
        if self.stage not in (*ENDS, Stage.ABSENT) or self.timers or not self.carried.entries:
            return False
        # A rejection in spring is published, and may be objected to, in summer.
        untold = self.stage in OBJECTIONABLE and not app.letter_sent
        if app.owed_krw or app.refund_krw:
            return False  # money is still to go, or to come back
        return not untold and (app.objection is None or app.objection.state == "dismissed")

    def view(self) -> View:
        """How the application stands, for lists."""
        app, now_due = self.application, self._next_steps()
        ladder = self.edition.ladder(self.timers[now_due[0][1]].name) if now_due else None
        programme = self.edition.programme(app.programme) if app.programme else None
        # Where it stands, or stood when it was decided: who is rejected on paper was never judged by a panel.
        judged = last_judged(app, programme) if programme else ""
        return View(
            subject=self.subject,
            edition=self.edition.year,
            stage=app.stage,
            since=self._since(),
            programme=app.programme,
            country=app.applicant.country if app.applicant else "",
            city=app.city,
            title=app.title,
            contact=self._contact(),
            organisation=app.applicant.organisation if app.applicant else "",
            waits_on=ladder.to[0] if ladder and ladder.to else "",
            next_timer=self.timers[now_due[0][1]].name if now_due else "",
            next_due_at=self.timers[now_due[0][1]].due_at if now_due else None,
            waiting_proposals=tuple(self.carried.proposals),
            waiting=self._waiting(),
            krw=app.place.krw if app.place else None,
            scores=means(app, programme, judged) if programme else {},
            sheets=len(app.counted_sheets(judged)),
            paper_score=means(app, programme, StepKind.PAPER_REVIEW.value).get("score", "") if programme else "",
            reviewers=tuple(app.reviewers()),
            barred=tuple(app.barred()),
            evaluators=tuple(app.evaluators()),
            unsealed=tuple(app.unsealed()),
            matching_krw=app.matching_krw,
            matching=app.matching,
            published=app.published,
            frozen=app.frozen,
            frozen_since=app.frozen_since,
            adopted=app.adopted is not None,
            closed=self.finished(),
            entries=self.carried.entries,
            head=self.carried.head,
        )


class EditionFile(CaseFile):
    """An edition's file.

    ``orders`` are what applications are yet to be told, one decision after the other. An application is never told of
    a decision before it has answered to all earlier ones; nobody else waits for it.
    """

    kind = "edition"
    lifecycle = EDITIONS
    timer_rows = agenda.EDITION_TIMERS

    def __init__(self, start: m.StartEdition) -> None:
        super().__init__(m.edition_id(start.edition.year), start.edition, start.days_off, start.file)
        self.orders: list[m.OrderBatch] = []
        if self.carried.call is None:
            self.carried.call = Call(year=start.edition.year)

    def _since(self) -> datetime:
        return self.call.since or min(window.opens_at for window in self.edition.windows)

    def _then(self, ladder: Ladder) -> str:
        # The same date opens each application's screening and closes the edition's intake.
        return "close_intake" if ladder.timer == "call" else ladder.then

    @property
    def call(self) -> Call:
        """The facts."""
        assert self.carried.call is not None  # set on construction
        return self.carried.call

    @property
    def stage(self) -> EditionStage:
        """Where it stands."""
        return self.call.stage

    @property
    def timers(self) -> dict[str, Timer]:
        """Its running deadlines."""
        return self.call.timers

    def _set_timers(self, timers: dict[str, Timer]) -> None:
        self.carried.call = self.call.model_copy(update={"timers": timers})

    @property
    def rests(self) -> bool:
        """Whether all is frozen; a freeze of some countries leaves the edition its clock."""
        return freeze.ALL in self.call.frozen()

    def _awaited(self) -> Iterable[Awaited]:
        if self.stage is EditionStage.DRAFT:
            yield Awaited("open_call", (EDITION_BY_TRIGGER["open_call", self.stage].actors[0].value,), self._since())

    def facts(self, command: m.Command, move: Move, now: datetime) -> EditionFacts:
        """What the guards of a move look at."""
        return EditionFacts(
            call=self.call,
            command=command,
            edition=self.edition,
            now=now,
            source=self.stage,
            dest=move.dest or self.stage,
            entries=self.carried.entries,
            proposal=self.carried.proposals.get(command.proposal or 0),
        )

    def _standing(self) -> Call:
        return self.call

    def handle(self, command: m.Command, now: datetime, recorded_at: datetime) -> Receipt:
        """Make or propose a move, and name who is next on the reserve where a place came free by it.

        Raises:
            Refusal: after it has been recorded; nothing else has changed.
        """
        receipt = super().handle(command, now, recorded_at)
        waits = {f"{agenda.PROMOTION_TIMER}#{key}" for key in self.call.nominated}
        kept = {k: t for k, t in self.timers.items() if t.name != agenda.PROMOTION_TIMER or k in waits}
        if len(kept) < len(self.timers):
            self._set_timers(kept)
        for programme, ref in selection.nominations(self.call, self.edition)[:1]:
            number = self.carried.entries + 1
            id = f"clock/nominate_next/{programme}/{number}"
            self.handle(m.NominateNext(id=id, by=m.CLOCK, programme=programme, ref=ref), now, recorded_at)
            self._arm(agenda.PROMOTION_TIMER, number, now, {}, key=f"{agenda.PROMOTION_TIMER}#{programme}")
        return receipt

    def _make(self, facts: EditionFacts, dest: EditionStage, number: int) -> None:
        proposal = facts.proposal
        commands = selection.orders(facts)
        self.carried.call = selection.after(facts, dest)
        if not commands or proposal is None:
            return
        before, after = facts.call.standings(), self.call.standings()
        given = tuple(ref for ref, _, _ in commands if before.get(ref) != after.get(ref))
        by = facts.command.by
        order = m.Order(edition=self.edition.year, entry=number, proposed_by=proposal.person, approved_by=by.person)
        # A decision reaches everybody before its publication reaches anybody.
        for first in (True, False):
            wave = [c for c in commands if (c[1] != "publish_result") is first]
            if wave:
                batch = m.OrderBatch(
                    edition=self.edition.year,
                    entry=number,
                    by=By(person=by.person, role=by.role, via=Via.EDITION, order=order),
                    reason=facts.command.reason if facts.command.trigger in selection.REASON_TOLD else None,
                    orders=m.told_the_same(wave),
                    gives=given if first else (),
                )
                self.orders.append(batch)

    def next_orders(self, recorded_at: datetime) -> m.OrderBatch | None:
        """The first of ``orders``, without those who have yet to answer to an earlier one; nothing if it was theirs."""
        batch, waiting = self.orders[0], {ref for earlier in self.carried.untold for ref in earlier.refs}
        free = [ref for ref in batch.refs if ref not in waiting]
        if len(free) < len(batch):
            self.orders[0] = batch.only(free, batch.silences)
            self._tell_again(batch, [ref for ref in batch.refs if ref in waiting], recorded_at)
        if free:
            return self.orders[0]
        del self.orders[0]
        return None

    def answered(self, result: m.OrderResult, now: datetime, recorded_at: datetime) -> None:
        """The first of ``orders`` was carried out: take back what was refused, and tell those again who are silent."""
        batch = self.orders.pop(0)
        self._tell_again(batch, result.untold, recorded_at)
        for refs in result.refusals.values():
            self.refused(batch, refs, now, recorded_at)

    def _tell_again(self, batch: m.OrderBatch, refs: Sequence[m.Ref], recorded_at: datetime) -> None:
        if refs:
            pause = min(FIRST_PAUSE * 2 ** min(batch.silences, 16), LONGEST_PAUSE)
            self.carried.again_at = min(self.carried.again_at or recorded_at + pause, recorded_at + pause)
            self.carried.untold = [*self.carried.untold, batch.only(refs, batch.silences + 1)]

    def tell_again(self) -> None:
        """The pause is over: what was left unanswered is told before what was decided later."""
        self.orders[:0] = self.carried.untold
        self.carried.untold, self.carried.again_at = [], None

    def refused(self, batch: m.OrderBatch, refs: Iterable[str], now: datetime, recorded_at: datetime) -> None:
        """Take back what applications would not have: they had withdrawn meanwhile, or moved on."""
        given = frozenset(batch.gives)
        promoted = {ref for same in batch.orders if same.trigger == "promote" for ref in same.refs}
        by = By(person="clock", role=Role.CLOCK, via=Via.APPLICATION)
        for ref in refs:
            if ref in given:
                id = f"release/{batch.entry}/{ref}"
                command = m.ReleasePlace(id=id, by=by, ref=ref, reserve=ref in promoted)
                with contextlib.suppress(Refusal):  # recorded as such: it held no place
                    self.handle(command, now, recorded_at)

    def finished(self) -> bool:
        """The edition is closed and has nothing left to order."""
        return self.stage is EditionStage.CLOSED and not self.orders and not self.carried.untold

    def view(self) -> View:
        """How the edition stands, for lists."""
        due = self._next_steps()
        return View(
            subject=self.subject,
            edition=self.edition.year,
            stage=self.stage,
            since=self._since(),
            title=self.edition.title.en,
            next_timer=self.timers[due[0][1]].name if due else "",
            next_due_at=self.timers[due[0][1]].due_at if due else None,
            waiting_proposals=tuple(self.carried.proposals),
            waiting=self._waiting(),
            krw=self.call.committed_krw(),
            frozen={scope: found.entry for scope, found in self.call.frozen().items()},
            frozen_since=min((found.since for found in self.call.frozen().values()), default=None),
            closed=self.finished(),
            entries=self.carried.entries,
            head=self.carried.head,
        )
