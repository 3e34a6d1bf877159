"""An application as it stands: the facts that guards read, and what each move does to them.

Everything here is a frozen value; a move makes a new one. Whether a move may be made is not decided here
but in :mod:`kcity_flow.domain.moves`. Instants are UTC in business time, money is KRW.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

from pydantic import StrictInt

from kcity_flow.domain import messages as m
from kcity_flow.domain.edition import Edition, PartyKind, Programme, Window
from kcity_flow.domain.stages import Role, Stage
from kcity_flow.domain.values import Frozen, Instant


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
    """A party to the framework."""

    kind: PartyKind
    signatory: m.PersonId
    signed: bool = False


class Tender(Frozen):
    """The open procurement: its notices and bids. ``closes_at`` is the first instant too late for a bid."""

    closes_at: Instant | None = None
    renotices: int = 0
    bids: tuple[str, ...] = ()
    opened: bool = False
    valid: tuple[str, ...] | None = None


class Contract(Frozen):
    """The contract: who, and how much in KRW."""

    contractor: str
    krw: int


class Timer(Frozen):
    """A running deadline. ``entry`` armed it; moving it is a new ``generation``; ``done`` counts rungs climbed.

    ``fallen`` counts how often it fell due.
    """

    name: str
    entry: int
    armed_at: Instant
    due_at: Instant
    generation: int = 0
    done: int = 0
    fallen: int = 0


PROPOSAL_TIMERS = ("second_person", "proposal_lapse")
RUN_WHILE_SUSPENDED = ("suspension", *PROPOSAL_TIMERS)


class Application(Frozen):
    """One application's facts. ``absent`` until it is received."""

    ref: m.Ref
    stage: Stage = Stage.ABSENT
    since: Instant | None = None
    decided_by: int = 0
    """The entry that led to the present stage."""
    reached: tuple[Stage, ...] = ()
    programme: str = ""
    applicant: m.Applicant | None = None
    city: str = ""
    title: str = ""
    received_at: Instant | None = None
    channel: str = ""
    documents: tuple[m.Document, ...] = ()
    matching_krw: int = 0
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
    terms_set: bool = False
    tender: Tender = Tender()
    contract: Contract | None = None
    ends_on: date | None = None
    ends_set_at: Instant | None = None
    suspended_at: Instant | None = None
    deliverables: tuple[str, ...] = ()
    termination_at: Instant | None = None
    settled: bool = False
    grade: str | None = None
    follow_ups: tuple[str, ...] = ()
    timers: dict[str, Timer] = {}

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

    def counted_sheets(self, step: str) -> tuple[Seat, ...]:
        """The seats of a step whose sealed sheet counts."""
        return tuple(seat for seat in self.free_seats(step) if seat.scores is not None)

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
        """The window the application came in by."""
        return self.edition.window(self.programme)

    @property
    def step(self) -> str:
        """The step that a command about sheets speaks of: the one it names, else where the application stands."""
        return getattr(self.command, "step", None) or self.source.value


KEEP_UNDO = ("correct", "flag", "declare_conflict", "refuse_proposal", "retract_proposal", "lapse_proposal")
"""Moves after which the last stage move can still be undone."""


def undo_after(facts: Facts, number: int, undo: Undo | None) -> Undo | None:
    """What can be undone after a move that became entry ``number``; before it that was ``undo``."""
    trigger = facts.command.trigger
    if facts.dest is not facts.source and not trigger.startswith("return_to_"):
        return Undo(trigger=trigger, entry=number, before=facts.application)
    if undo is not None and trigger == "declare_conflict":
        # Whoever is in conflict is so in the application before as well.
        before = undo.before.model_copy(update=_declare(replace(facts, application=undo.before)))
        return undo.model_copy(update={"before": before})
    return undo if trigger in KEEP_UNDO else None


Effect = Callable[[Facts], dict[str, Any]]

_OVER: dict[str, Any] = {"clarification_open": False}
_UNTOLD: dict[str, Any] = {"letter_sent": False, "letter_sent_at": None}


def _receive(facts: Facts) -> dict[str, Any]:
    command: m.Receive = facts.command
    return {
        "programme": command.programme,
        "applicant": command.applicant,
        "city": command.city,
        "title": command.title,
        "received_at": command.received_at,
        "channel": command.channel,
        "documents": command.documents,
        "matching_krw": command.matching.krw if command.matching else 0,
        "months": command.months,
        "site_kind": command.site_kind,
        "sector": command.sector,
    }


def _supersede(facts: Facts) -> dict[str, Any]:
    command: m.Supersede = facts.command
    stated: dict[str, Any] = {"documents": command.documents, "versions": facts.application.versions + 1}
    if command.matching is not None:
        stated["matching_krw"] = command.matching.krw
    if command.months is not None:
        stated["months"] = command.months
    return stated


def _take_place(facts: Facts) -> dict[str, Any]:
    return {"place": Place(krw=facts.command.krw, rank=facts.command.rank)}


def _promoted(facts: Facts) -> dict[str, Any]:
    # What was published and told was the reserve; the place is published and told anew.
    return {**_take_place(facts), "published": False, **_UNTOLD}


def _free_place(facts: Facts) -> dict[str, Any]:
    return {"place": None, **_OVER}


def _assign(facts: Facts) -> dict[str, Any]:
    command: m.AssignReviewer = facts.command
    seats = tuple(seat for seat in facts.application.seats(command.step) if seat.reviewer != command.replaces)
    seat = Seat(reviewer=command.reviewer)
    if command.organisations:
        seat = seat.model_copy(update={"organisations": command.organisations})
    seats = (*seats, seat)
    return {"reviews": {**facts.application.reviews, command.step: seats}}


def _change_seat(facts: Facts, step: str, reviewer: str, **change: Any) -> dict[str, Any]:
    if known := getattr(facts.command, "organisations", ()):
        change["organisations"] = known
    seats = tuple(
        seat.model_copy(update=change) if seat.reviewer == reviewer else seat for seat in facts.application.seats(step)
    )
    return {"reviews": {**facts.application.reviews, step: seats}}


def _declare(facts: Facts) -> dict[str, Any]:
    command: m.DeclareConflict = facts.command
    declared = _change_seat(facts, command.step, command.concerns, free=not command.conflict)
    if command.kind is None:
        return declared
    return {**declared, "conflicts": {**facts.application.conflicts, command.concerns: command.kind}}


def _seal(facts: Facts) -> dict[str, Any]:
    return _change_seat(facts, facts.step, facts.command.by.person, scores=dict(facts.command.scores))


def _void(facts: Facts) -> dict[str, Any]:
    return _change_seat(facts, facts.command.step, facts.command.reviewer, void=True)


def _schedule(facts: Facts) -> dict[str, Any]:
    command: m.Schedule = facts.command
    return {
        "meeting": Meeting(
            at=command.date_at,
            zone=command.zone,
            minutes=command.minutes,
            applicant=command.applicant,
            ministry=command.ministry,
            agenda=command.evidence[0] if command.evidence else None,
        )
    }


def _meeting(facts: Facts, **change: Any) -> dict[str, Any]:
    assert facts.application.meeting is not None  # the guard of every caller
    return {"meeting": facts.application.meeting.model_copy(update=change)}


def _agree(facts: Facts) -> dict[str, Any]:
    meeting, command = facts.application.meeting, facts.command
    assert meeting is not None  # guard `held`
    # What the side said before is replaced; the ledger keeps both.
    agreed_by, scope = (tuple(s for s in who if s != command.side) for who in (meeting.agreed_by, meeting.scope_agreed))
    return _meeting(
        facts,
        agreed=command.minutes,
        agreed_by=(*agreed_by, command.side),
        scope_agreed=(*scope, command.side) if command.scope_agreed else scope,
    )


def _enter_meetings(_: Facts) -> dict[str, Any]:
    return {"meeting": None, "missed": 0, "rounds_finished": 0}


def _party(facts: Facts) -> dict[str, Any]:
    command: m.ListParty = facts.command
    party = Party(kind=command.kind, signatory=command.signatory)
    return {"parties": {**facts.application.parties, command.party: party}}


def _sign(facts: Facts) -> dict[str, Any]:
    party = facts.application.parties[facts.command.party].model_copy(update={"signed": True})
    return {"parties": {**facts.application.parties, facts.command.party: party}}


def _tender(facts: Facts, **change: Any) -> dict[str, Any]:
    return {"tender": facts.application.tender.model_copy(update=change)}


def _contract(facts: Facts) -> dict[str, Any]:
    contract = Contract(contractor=facts.command.contractor, krw=facts.command.krw)
    return {"contract": contract, "ends_on": facts.edition.implementation.ends_on, "ends_set_at": facts.now}


def _resume(facts: Facts) -> dict[str, Any]:
    """Move every deadline by exactly the pause."""
    application = facts.application
    assert application.suspended_at is not None  # the stage is `suspended`
    stood_still = application.suspended_at
    pause = facts.now - max(stood_still, application.ends_set_at or stood_still)
    ends_on = application.ends_on + timedelta(days=pause.days) if application.ends_on else None
    timers = {key: _after_pause(timer, stood_still, facts.now) for key, timer in application.timers.items()}
    return {"suspended_at": None, "ends_on": ends_on, "timers": timers}


def _after_pause(timer: Timer, since: datetime, until: datetime) -> Timer:
    """A deadline that stood still, later by the pause, or by what came of it after it was set; reminders with it."""
    if timer.name in RUN_WHILE_SUSPENDED:
        return timer
    pause = until - max(since, timer.armed_at)
    return timer.model_copy(
        update={
            "due_at": timer.due_at + pause,
            "armed_at": timer.armed_at + pause,
            "generation": timer.generation + 1,
        }
    )


def _reopen(facts: Facts) -> dict[str, Any]:
    """What the step in error and those after it came to counts no more: they begin anew, seats and sheets included."""
    reached = facts.application.reached
    before = reached[: reached.index(facts.dest)]
    return {
        "objection": None,
        "published": False,
        **_UNTOLD,
        "reached": (*before, facts.dest),
        "reviews": {step: seats for step, seats in facts.application.reviews.items() if Stage(step) in before},
    }


def _reopen_before_meetings(facts: Facts) -> dict[str, Any]:
    return {**_reopen(facts), **_enter_meetings(facts), "confirmed": None}


def _correct(facts: Facts) -> dict[str, Any]:
    field, value = facts.command.field, facts.command.value
    if field == "kind":
        assert facts.application.applicant is not None  # there is none before it was received
        return {"applicant": facts.application.applicant.model_copy(update={"kind": value})}
    return {field: datetime.fromisoformat(value) if field == "received_at" else value}


CORRECTABLE = ("city", "title", "channel", "received_at", "site_kind", "sector", "kind")
"""What a correction may say anew. It outlives the undoing of a move."""

_NOT_UNDONE = ("stage", "since", "decided_by", "timers", "applicant", "judged_by", *CORRECTABLE)


def _undo(facts: Facts) -> dict[str, Any]:
    assert facts.undo is not None  # guard `made_in_error`
    before = facts.undo.before
    facts_of_then = {name: getattr(before, name) for name in Application.model_fields if name not in _NOT_UNDONE}
    # Armed by this entry, so that no reminder's key comes twice.
    back = {k: timer.model_copy(update={"entry": facts.entries + 1}) for k, timer in before.timers.items()}
    return {**facts_of_then, "timers": {**facts.application.timers, **back}}


EFFECTS: dict[str, Effect] = {
    "receive": _receive,
    "supersede": _supersede,
    "acknowledge": lambda _: {"acknowledged": True},
    "declare_ineligible": lambda _: _OVER,
    "refuse_late": lambda _: _OVER,
    "defer": lambda _: _OVER,
    "merge_duplicate": lambda _: _OVER,
    "ask_clarification": lambda f: {
        "clarification_open": True,
        "clarifications": f.application.clarifications + 1,
    },
    "answer_clarification": lambda f: {
        "clarification_open": False,
        "documents": (*f.application.documents, *f.command.documents),
    },
    "lapse_clarification": lambda _: {"clarification_open": False},
    "assign_reviewer": _assign,
    "replace_reviewer": _assign,
    "declare_conflict": _declare,
    "seal_sheet": _seal,
    "supersede_sheet": _seal,
    "void_sheet": _void,
    "invite_to_consultation": _enter_meetings,
    "invite_to_presentation": _enter_meetings,
    "request_confirmation": lambda _: {"confirmed": None},
    "no_show": lambda _: _OVER,
    "schedule": _schedule,
    "reschedule": _schedule,
    "miss_date": lambda f: {**_meeting(f, missed=True), "missed": f.application.missed + 1},
    "hold": lambda f: _meeting(f, held=True),
    "agree_minutes": _agree,
    "finish_round": lambda f: {"meeting": None, "missed": 0, "rounds_finished": f.application.rounds_finished + 1},
    "record_confirmation": lambda f: {"confirmed": f.command.agreed},
    "select": _take_place,
    "promote": _promoted,
    "expire": lambda _: _UNTOLD,
    "cancel_award": _free_place,
    "cancel_call": _free_place,
    "withdraw": _free_place,
    "fail_framework": _free_place,
    "fail_procurement": _free_place,
    "publish_result": lambda _: {"published": True, **_UNTOLD},
    "send_letter": lambda f: {"letter_sent": True, "letter_sent_at": f.now},
    "object": lambda f: {"objection": Objection(ground=f.command.ground, state="open", at=f.now)},
    "uphold_objection": lambda f: {
        "objection": f.application.objection.model_copy(update={"state": "upheld", "step": f.command.step, "at": f.now})
        if f.application.objection
        else None
    },
    "dismiss_objection": lambda f: {
        "objection": f.application.objection.model_copy(update={"state": "dismissed"})
        if f.application.objection
        else None
    },
    "reopen_screening": _reopen_before_meetings,
    "reopen_review": _reopen_before_meetings,
    "reopen_consultation": _reopen_before_meetings,
    "reopen_presentation": _reopen_before_meetings,
    "reopen_confirmation": lambda f: {**_reopen(f), "confirmed": None},
    "reopen_selection": _reopen,
    "list_party": _party,
    "sign": _sign,
    "accede": _sign,
    "set_terms": lambda _: {"terms_set": True},
    "publish_notice": lambda f: _tender(f, closes_at=f.command.closes_at),
    "receive_bid": lambda f: _tender(f, bids=(*f.application.tender.bids, f.command.bidder)),
    "open_bids": lambda f: _tender(f, opened=True),
    "evaluate_bids": lambda f: _tender(f, valid=f.command.valid),
    "renotice": lambda f: {
        "tender": Tender(closes_at=f.command.closes_at, renotices=f.application.tender.renotices + 1)
    },
    "award_contract": _contract,
    "extend": lambda f: {"ends_on": f.command.ends_on, "ends_set_at": f.now},
    "suspend": lambda f: {"suspended_at": f.now},
    "resume": _resume,
    "submit_final": lambda f: {"deliverables": tuple(d.kind for d in f.command.deliverables)},
    "return_final": lambda _: {"deliverables": ()},
    "notify_termination": lambda f: {"termination_at": f.command.ends_at},
    "record_settlement": lambda _: {"settled": True},
    "close": lambda f: {"grade": f.command.grade},
    "follow_up": lambda f: {"follow_ups": (*f.application.follow_ups, f.command.kind)},
    "correct": _correct,
}
"""Trigger → what it changes beside the stage. A trigger that is not here changes nothing else."""


JUDGEMENTS = (
    "refuse_late", "declare_ineligible", "seal_sheet", "supersede_sheet", "shortlist", "reject", "no_show",
    "place_on_reserve", "pass_over",
)  # fmt: skip
"""Moves of which whoever makes them judges the application, and no objection to it afterwards."""


def _judges(facts: Facts) -> tuple[m.PersonId, ...]:
    """Who has judged it after a move: both persons, where it takes two."""
    by, proposal = facts.command.by, facts.proposal
    if facts.command.trigger not in JUDGEMENTS:
        return facts.application.judged_by
    proposers = (by.order.proposed_by,) if by.order else (proposal.person,) if proposal else ()
    return tuple(dict.fromkeys((*facts.application.judged_by, *proposers, by.person)))


def after(facts: Facts, dest: Stage) -> Application:
    """The application after a legal move to ``dest``. The move must have been judged before."""
    trigger = facts.command.trigger
    effect = _undo if trigger.startswith("return_to_") else EFFECTS.get(trigger)
    changes = effect(facts) if effect else {}
    if (judges := _judges(facts)) != facts.application.judged_by:
        changes = {**changes, "judged_by": judges}
    moved = facts.application.model_copy(update=changes) if changes else facts.application
    if dest is facts.application.stage:
        return moved
    reached = moved.reached if dest in moved.reached else (*moved.reached, dest)
    stands = {"stage": dest, "since": facts.now, "decided_by": facts.entries + 1, "reached": reached}
    return moved.model_copy(update=stands)
