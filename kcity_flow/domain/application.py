"""An application as it stands: the facts that guards read and effects change.

Everything here is a frozen value; a move makes a new one (:mod:`kcity_flow.domain.effects`). Instants are UTC in
business time, money is KRW.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Literal

from pydantic import StrictInt

from kcity_flow.domain import messages as m
from kcity_flow.domain.edition import Edition, PartyKind, Programme, Window
from kcity_flow.domain.freeze import Pause, falls, pauses_of
from kcity_flow.domain.stages import Role, Stage
from kcity_flow.domain.values import Day, Frozen, Instant


class Seat(Frozen):
    """A reviewer's place on a step: declared free of conflict (``None``: not declared), and the sealed sheet.

    A sheet that the chair voided keeps its scores and does not count. ``organisations`` are those the reviewer was
    known to belong to when last assigned, declaring or sealing.
    """

    reviewer: m.PersonId
    free: bool | None = None
    scores: dict[str, StrictInt] | None = None
    void: bool = False
    organisations: tuple[m.OrganisationId, ...] = ()


SIDES = ("applicant", "ministry")
"""Who agree the minutes of a consultation."""

LASTS = 60
"""Minutes that a meeting lasts where its date does not say."""


class Meeting(Frozen):
    """The date of a consultation round or a presentation, and who agreed its minutes."""

    at: Instant
    zone: str | None = None
    minutes: int | None = None
    applicant: tuple[m.PersonId, ...] = ()
    ministry: tuple[m.PersonId, ...] = ()
    agenda: m.Sha256 | None = None
    missed: bool = False
    held: bool = False
    agreed: m.Sha256 | None = None
    """The minutes, as whoever agreed them so far did."""
    agreed_by: tuple[str, ...] = ()
    scope_agreed: tuple[str, ...] = ()

    @property
    def ends_at(self) -> datetime:
        """When it is over, if it lasts as long as it is meant to. UTC."""
        return self.at + timedelta(minutes=self.minutes or LASTS)

    @property
    def agreed_by_both(self) -> bool:
        """Whether both sides agreed its minutes."""
        return set(self.agreed_by) == set(SIDES)


class Place(Frozen):
    """A place under the quota: the award in KRW and the rank it was given by."""

    krw: int
    rank: int


class Objection(Frozen):
    """An objection to a decision, as it stands since ``at``. ``step`` is the step in error once it is upheld."""

    ground: str
    state: str
    step: str | None = None
    at: Instant | None = None


class Party(Frozen):
    """A party to the framework. ``signed`` and ``refused`` speak of the text in force alone.

    ``version`` is the number of the text that it signed, from 1; ``signed_on`` a date in the edition's zone.
    """

    kind: PartyKind
    signatory: m.PersonId
    signed: bool = False
    signed_on: date | None = None
    version: int | None = None
    refused: bool = False


class FrameworkText(Frozen):
    """A text of the framework, and the day on which it was tabled, in the edition's zone."""

    sha256: m.Sha256
    tabled_on: date


class Negotiation(Frozen):
    """A round of negotiation on the text: which party asked for it, who took part, when, and its minutes."""

    asked_by: m.PartyId
    took_part: tuple[m.PartyId, ...]
    held_on: date
    minutes: m.Sha256


class Framework(Frozen):
    """The text of the framework: its versions, of which the last is in force, and the rounds of negotiation on it.

    ``signs_by`` is the last day for signing, where the ministry has moved it.
    """

    texts: tuple[FrameworkText, ...] = ()
    rounds: tuple[Negotiation, ...] = ()
    signs_by: date | None = None

    @property
    def in_force(self) -> FrameworkText | None:
        """The text that is to be signed, once there is one."""
        return self.texts[-1] if self.texts else None


class Contract(Frozen):
    """The contract: who, and how much in KRW."""

    contractor: str
    krw: int


FINAL_REPORT = "final_report"
"""The key of a plan's last milestone: handed in by ``submit_final``, accepted by ``accept_final``."""


class Milestone(m.Milestone):
    """A milestone of the accepted plan, and what came of it: reported by whom, with what, and accepted when."""

    reported_by: m.PersonId | None = None
    handed_in: tuple[m.Document, ...] = ()
    accepted_at: Instant | None = None


class Plan(Frozen):
    """A plan that waits to be accepted: the entry that set it, and by whom."""

    entry: int
    by: m.PersonId
    milestones: tuple[m.Milestone, ...]


class Report(Frozen):
    """A report on a month."""

    kind: str
    month: m.Month
    document: m.Sha256
    at: Instant


class Visit(Frozen):
    """A visit to the site."""

    done_on: Day
    minutes: m.Sha256
    present: tuple[m.PersonId, ...]


class Extension(Frozen):
    """A later end of the work, and its ground."""

    ends_on: Day
    ground: str
    at: Instant


class Suspension(Frozen):
    """A suspension that is over, and by how many days it moved the days of the work."""

    since: Instant
    until: Instant
    days: int


class Subcontract(Frozen):
    """Part of the contractor's work that another firm does."""

    firm: m.OrganisationId
    country: str
    krw: int


class Claim(Frozen):
    """A claim and how it stands; ``decided_by`` accepted or rejected it."""

    number: int
    milestone: m.Code
    krw: int
    payee: m.OrganisationId
    country: str
    claimed_by: m.PersonId
    state: Literal["claimed", "accepted", "rejected", "paid"] = "claimed"
    decided_by: m.PersonId | None = None
    decided_at: Instant | None = None
    paid_on: Day | None = None


class Settlement(Frozen):
    """The sums as they were settled, KRW."""

    paid_krw: int
    due_krw: int
    refund_krw: int


ACCEPTING = ("secretariat", "host_government")
"""The sides that agree the minutes of an acceptance."""


class Question(Frozen):
    """A bidder's question about the notice; the texts are in the vault."""

    bidder: m.OrganisationId
    answered: bool = False


class Bid(Frozen):
    """A bidder's last word: the sealed envelope by its hash, what it says once opened (KRW), what it was found to be.

    ``received_at`` is when that last word arrived, its withdrawal included.
    """

    bidder: m.OrganisationId
    received_at: Instant
    sealed: m.Sha256
    contact: m.PersonId | None = None
    withdrawn: bool = False
    krw: int | None = None
    country: str | None = None
    valid: bool | None = None
    ground: str | None = None
    points: int | None = None


class Evaluator(Frozen):
    """A member of the committee that evaluates the bids; ``free`` as in :class:`Seat`."""

    person: m.PersonId
    free: bool | None = None
    organisations: tuple[m.OrganisationId, ...] = ()


class Complaint(Frozen):
    """A bidder's complaint against the award that was announced, as it stands; booked ``at``."""

    bidder: m.OrganisationId
    ground: str
    at: Instant
    state: str = "open"


class Tender(Frozen):
    """The open procurement under its last notice. ``closes_at`` is the first instant too late for a bid.

    What a notice, or an evaluation, before this one came to stands in the ledger alone.
    """

    published_at: Instant | None = None
    closes_at: Instant | None = None
    renotices: int = 0
    questions: tuple[Question, ...] = ()
    bids: tuple[Bid, ...] = ()
    opened: bool = False
    committee: tuple[Evaluator, ...] = ()
    named_by: tuple[m.PersonId, ...] = ()
    """Who ever named the committee, under earlier notices too."""
    tied: dict[m.PersonId, m.ConflictKind] = {}
    """Who declared a conflict with a bidder. One with the applicant is the application's."""
    handled_by: tuple[m.PersonId, ...] = ()
    """Who ever handled the bids, under earlier notices too: no complaint is theirs to decide."""
    order: tuple[m.OrganisationId, ...] | None = None
    """The valid bids, the best first, once they are evaluated."""
    failed: tuple[m.OrganisationId, ...] = ()
    """With whom the negotiation failed."""
    negotiated: Contract | None = None
    """With whom a price was agreed, and which, in KRW."""
    announced_at: Instant | None = None
    complaints: tuple[Complaint, ...] = ()

    @property
    def standing(self) -> tuple[Bid, ...]:
        """The bids that were not withdrawn."""
        return tuple(bid for bid in self.bids if not bid.withdrawn)

    @property
    def valid(self) -> tuple[str, ...] | None:
        """The valid bids in order; where nobody bid there is nothing to evaluate. ``None``: not known yet."""
        return () if self.opened and not self.standing else self.order

    @property
    def candidates(self) -> tuple[str, ...]:
        """Those of the order with whom the negotiation has not failed."""
        return tuple(bidder for bidder in self.valid or () if bidder not in self.failed)

    def bid_of(self, bidder: str) -> Bid | None:
        """A bidder's bid, also one that was withdrawn."""
        return next((bid for bid in self.bids if bid.bidder == bidder), None)

    def open_complaints(self) -> list[str]:
        """Whose complaint waits for its decision."""
        return [complaint.bidder for complaint in self.complaints if complaint.state == "open"]


class Adoption(Frozen):
    """That the project ran before its edition was kept here: where it stood then, since which day, what was paid."""

    stage: Stage
    since: date
    paid_krw: int = 0


class FollowOn(Frozen):
    """What became of the project afterwards, as the record of ``entry`` says. KRW, where the sum is known."""

    entry: int
    kind: str
    status: str
    partners: tuple[m.OrganisationId, ...] = ()
    krw: int | None = None


class Timer(Frozen):
    """A running deadline. ``entry`` armed it; moving it is a new ``generation``; ``done`` counts rungs climbed.

    ``fallen`` counts how often it fell due; ``rested`` is by how much pauses have moved it since it last did.
    """

    name: str
    entry: int
    armed_at: Instant
    due_at: Instant
    generation: int = 0
    done: int = 0
    fallen: int = 0
    rested: timedelta = timedelta(0)

    @property
    def would_be_due_at(self) -> datetime:
        """When it would fall due, had nothing rested. UTC."""
        return self.due_at - self.rested


PROPOSAL_TIMERS = ("second_person", "proposal_lapse")
RUN_WHILE_SUSPENDED = ("suspension", "termination_notice", *PROPOSAL_TIMERS)


class Application(Frozen):
    """One application's facts. ``absent`` until it is received."""

    ref: m.Ref
    stage: Stage = Stage.ABSENT
    since: Instant | None = None
    decided_by: int = 0
    """The entry that led to the present stage."""
    reached: tuple[Stage, ...] = ()
    adopted: Adoption | None = None
    """Set once, for ever."""
    programme: str = ""
    applicant: m.Applicant | None = None
    city: str = ""
    title: str = ""
    received_at: Instant | None = None
    channel: str = ""
    documents: tuple[m.Document, ...] = ()
    matching_krw: int = 0
    matching: m.MatchingFund | None = None
    months: int | None = None
    site_kind: str | None = None
    sector: str | None = None
    versions: int = 1
    acknowledged: bool = False
    clarification_open: bool = False
    clarifications: int = 0
    reviews: dict[str, tuple[Seat, ...]] = {}
    conflicts: dict[m.PersonId, m.ConflictKind] = {}
    """Who declared a conflict, also after another took the seat."""
    judged_by: tuple[m.PersonId, ...] = ()
    """Who ever judged it: sealed a sheet or decided, in order, also after they were replaced or it was undone."""
    rounds_finished: int = 0
    meeting: Meeting | None = None
    missed: int = 0
    confirmed: bool | None = None
    place: Place | None = None
    published: bool = False
    letter_sent: bool = False
    letter_sent_at: Instant | None = None
    objection: Objection | None = None
    parties: dict[str, Party] = {}
    framework: Framework = Framework()
    terms: m.Sha256 | None = None
    terms_agreed: bool = False
    """By the applicant: the terms of the procurement that stand now."""
    tender: Tender = Tender()
    contract: Contract | None = None
    contracted_at: Instant | None = None
    contracts_before: tuple[Contract, ...] = ()
    """Of contractors that were replaced: each with what it was paid, or is still due."""
    ends_on: date | None = None
    ends_set_at: Instant | None = None
    extensions: tuple[Extension, ...] = ()
    suspended_at: Instant | None = None
    suspensions: tuple[Suspension, ...] = ()
    plan_proposed: Plan | None = None
    plan: tuple[Milestone, ...] = ()
    reports: tuple[Report, ...] = ()
    reports_missed: int = 0
    """In a row, as the clock found; the next report ends the row."""
    visits: tuple[Visit, ...] = ()
    subcontracts: tuple[Subcontract, ...] = ()
    claims: tuple[Claim, ...] = ()
    deliverables: tuple[m.Document, ...] = ()
    acceptance: dict[str, m.Sha256] = {}
    """The minutes of the acceptance, as each side agreed them."""
    termination_at: Instant | None = None
    settlement: Settlement | None = None
    recovered_krw: int = 0
    written_off_krw: int = 0
    grade: str | None = None
    follow_ups: tuple[FollowOn, ...] = ()
    timers: dict[str, Timer] = {}
    frozen: dict[str, int] = {}
    """What it rests for, its country or all, and the edition's entry that said so."""
    pauses: tuple[Pause, ...] = ()
    """When freezes let it rest, in order; the last has no end while it does."""
    last_at: Instant | None = None
    """When it was last moved on, or the clock last did something: no pause begins before."""

    @property
    def frozen_since(self) -> datetime | None:
        """Since when it rests; nothing, if it does not."""
        return self.pauses[-1].since if self.frozen else None

    @property
    def rested(self) -> tuple[Pause, ...]:
        """When the work rested, by a freeze or a suspension, in order; without a pause that lasts."""
        suspended = (Pause(since=one.since, until=one.until) for one in self.suspensions)
        return pauses_of((*(pause for pause in self.pauses if pause.until is not None), *suspended))

    def falls(self, at: datetime, now: datetime) -> datetime:
        """When a date of the edition falls for this application: later by what it lay in of each pause. UTC."""
        return falls(self.pauses, at, now)

    def holds_up(self, timer: Timer) -> bool:
        """Whether a suspension lets this timer rest."""
        return self.suspended_at is not None and timer.name not in RUN_WHILE_SUSPENDED

    def seats(self, step: str) -> tuple[Seat, ...]:
        """Reviewers assigned to a step."""
        return self.reviews.get(step, ())

    def conflict_of(self, person: str, organisations: tuple[str, ...] = ()) -> str:
        """What ties a person to the application, or an empty string.

        The one predicate of conflict: whoever is assigned, reads, is listed or counted is asked here.

        Args:
            person: Who.
            organisations: Those they belong to, where more is known than their seats say.
        """
        if declared := self.conflicts.get(person):
            return f"a declared conflict of the kind {declared}"
        if self.applicant is None:
            return ""
        if person == self.applicant.contact:
            return "being the applicant's own contact"
        seats = [seat for seats in self.reviews.values() for seat in seats if seat.reviewer == person]
        theirs = dict.fromkeys((*organisations, *(one for seat in seats for one in seat.organisations)))
        shared = [one for one in theirs if one in self.applicant.organisations()]
        return f"belonging to {', '.join(shared)}, which applies or is a partner" if shared else ""

    def _seated(self) -> list[str]:
        return sorted({seat.reviewer for seats in self.reviews.values() for seat in seats})

    def reviewers(self) -> list[str]:
        """Who has a seat on any step and no conflict, each once, sorted."""
        return [person for person in self._seated() if not self.conflict_of(person)]

    def barred(self) -> list[str]:
        """Who has, or had, a seat and is in conflict, each once, sorted."""
        return sorted({*self.conflicts, *(person for person in self._seated() if self.conflict_of(person))})

    def free_seats(self, step: str) -> tuple[Seat, ...]:
        """Those of a step who declared themselves free of conflict, and are; without voided sheets."""
        return tuple(
            seat for seat in self.seats(step) if seat.free and not seat.void and not self.conflict_of(seat.reviewer)
        )

    def awaited_seats(self, step: str) -> tuple[Seat, ...]:
        """The seats of a step whose sheet is yet to come: of all who are not in conflict, declared or not."""
        return tuple(
            seat
            for seat in self.seats(step)
            if seat.scores is None and not seat.void and seat.free is not False and not self.conflict_of(seat.reviewer)
        )

    def unsealed(self) -> list[str]:
        """Who has yet to seal a sheet, on whatever step, each once, sorted."""
        return sorted({seat.reviewer for step in self.reviews for seat in self.awaited_seats(step)})

    def evaluators(self) -> list[str]:
        """Who sits on the committee of a tender that runs, and has declared no conflict, each once, sorted."""
        free = (one.person for one in self.tender.committee if one.free is not False)
        return sorted(free) if self.stage is Stage.PROCUREMENT else []

    def counted_sheets(self, step: str) -> tuple[Seat, ...]:
        """The seats of a step whose sealed sheet counts."""
        return tuple(seat for seat in self.free_seats(step) if seat.scores is not None)

    @property
    def contractor(self) -> str:
        """The person who speaks for the contractor: who signed the framework for it; nobody without a contract."""
        party = self.parties.get(self.contract.contractor) if self.contract else None
        return party.signatory if party else ""

    def milestone(self, key: str) -> Milestone | None:
        """A milestone of the accepted plan."""
        return next((milestone for milestone in self.plan if milestone.key == key), None)

    def claim(self, number: int) -> Claim | None:
        """A claim by its number."""
        return next((claim for claim in self.claims if claim.number == number), None)

    def claimed_krw(self, *states: str, milestone: str | None = None) -> int:
        """The sum of the claims that stand so, or of all that were not rejected; of one milestone, or of all.

        What was paid before the project was adopted is of no milestone.
        """
        wanted = states or ("claimed", "accepted", "paid")
        before = self.adopted.paid_krw if self.adopted and milestone is None and "paid" in wanted else 0
        found = (c.krw for c in self.claims if c.state in wanted and milestone in (None, c.milestone))
        return before + sum(found)

    @property
    def paid_krw(self) -> int:
        """What was paid."""
        return self.claimed_krw("paid")

    @property
    def owed_krw(self) -> int:
        """What was accepted and is still to be paid."""
        return self.claimed_krw("accepted")

    @property
    def refund_krw(self) -> int:
        """What is still to be refunded by the contractor."""
        refund = self.settlement.refund_krw if self.settlement else 0
        return refund - self.recovered_krw - self.written_off_krw

    def met(self) -> bool:
        """Whether a meeting of the present step took place, or was missed."""
        return bool(self.rounds_finished or self.missed or (self.meeting and self.meeting.held))

    def counted(self) -> bool:
        """Whether the edition counts it: it holds a place, or stands on the reserve."""
        return self.place is not None or self.stage is Stage.RESERVE


class Undo(Frozen):
    """The last stage move and the application before it, kept until anything but a correction follows.

    Of the timers before, only those that the move ended or moved: the others run on.
    """

    trigger: str
    entry: int
    before: Application


class Proposal(Frozen):
    """A two-person move that waits for its second person, since ``at``."""

    entry: int
    trigger: str
    person: str
    role: Role
    approvers: tuple[Role, ...]
    substance: dict[str, Any]
    at: Instant | None = None


@dataclass(frozen=True, slots=True)
class Facts:
    """All a guard may look at. ``now`` is business time, UTC; ``proposal`` the one that ``command.proposal`` names."""

    application: Application
    command: Any
    edition: Edition
    now: datetime
    source: Stage
    dest: Stage
    entries: int = 0
    undo: Undo | None = None
    proposal: Proposal | None = None

    @property
    def programme(self) -> Programme:
        """The application's programme under its own edition's rules."""
        key = self.command.programme if self.source is Stage.ABSENT else self.application.programme
        return self.edition.programme(key)

    @property
    def window(self) -> Window:
        """The window the application came in by, and when it closes for this one."""
        window = self.edition.window(self.programme)
        closes_at = self.application.falls(window.closes_at, self.now)
        return window if closes_at == window.closes_at else window.model_copy(update={"closes_at": closes_at})

    @property
    def step(self) -> str:
        """The step that a command about sheets speaks of: the one it names, else where the application stands."""
        return getattr(self.command, "step", None) or self.source.value


Effect = Callable[[Facts], dict[str, Any]]
"""What a move changes beside the stage: fields of the application."""

CORRECTABLE = ("city", "title", "channel", "received_at", "site_kind", "sector", "kind")
"""What a correction may say anew. It outlives the undoing of a move."""
