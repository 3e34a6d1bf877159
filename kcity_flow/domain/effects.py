"""What each move does to an application beside its stage: trigger → effect, in one table.

Whether a move may be made is not decided here but in :mod:`kcity_flow.domain.moves`.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

from kcity_flow.domain import adoption, framework, freeze, procurement, work
from kcity_flow.domain import messages as m
from kcity_flow.domain.application import (
    CORRECTABLE,
    Application,
    Effect,
    Facts,
    Meeting,
    Objection,
    Place,
    Seat,
    Undo,
)
from kcity_flow.domain.stages import ENDS, Role, Stage

KEEP_UNDO = (
    "correct", "flag", "declare_conflict", "refuse_proposal", "retract_proposal", "lapse_proposal", "freeze",
    "unfreeze",
)  # fmt: skip
"""Moves after which the last stage move can still be undone."""


def undo_after(facts: Facts, number: int, undo: Undo | None) -> Undo | None:
    """What can be undone after a move that became entry ``number``; before it that was ``undo``."""
    trigger = facts.command.trigger
    if facts.dest is not facts.source and not trigger.startswith("return_to_"):
        return Undo(trigger=trigger, entry=number, before=_freed_by_its_end(facts, facts.application, facts.dest))
    if undo is not None and trigger == "unfreeze" and not (after := EFFECTS[trigger](facts))["frozen"]:
        # What may come back rested with the rest.
        since, until = facts.application.pauses[-1].since, facts.command.thawed_at
        # What a suspension held up did not move with the freeze; were that undone, it would have to have moved.
        held_up = {key: timer for key, timer in facts.application.timers.items() if facts.application.holds_up(timer)}
        before = undo.before.model_copy(update={"timers": {**held_up, **undo.before.timers}})
        before = before.model_copy(update=freeze.dates_after(before, since, until, facts.edition.zone))
        return undo.model_copy(update={"before": before}) if after["pauses"] else undo
    if undo is not None and trigger == "declare_conflict":
        # Whoever is in conflict is so in the application before as well.
        before = undo.before.model_copy(update=_declare(replace(facts, application=undo.before)))
        return undo.model_copy(update={"before": before})
    return undo if trigger in KEEP_UNDO else None


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
        "matching": command.matching,
        "months": command.months,
        "site_kind": command.site_kind,
        "sector": command.sector,
        **freeze.arrived(command.freezes),
    }


def _supersede(facts: Facts) -> dict[str, Any]:
    command: m.Supersede = facts.command
    stated: dict[str, Any] = {"documents": command.documents, "versions": facts.application.versions + 1}
    if command.matching is not None:
        stated |= {"matching_krw": command.matching.krw, "matching": command.matching}
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


_NOT_UNDONE = (
    "stage", "since", "decided_by", "timers", "applicant", "judged_by", "frozen", "pauses", "last_at", *CORRECTABLE,
)  # fmt: skip


def _undo(facts: Facts) -> dict[str, Any]:
    assert facts.undo is not None  # guard `made_in_error`
    before = facts.undo.before
    facts_of_then = {name: getattr(before, name) for name in Application.model_fields if name not in _NOT_UNDONE}
    # Armed by this entry, so that no reminder's key comes twice.
    back = {k: timer.model_copy(update={"entry": facts.entries + 1}) for k, timer in before.timers.items()}
    return {**facts_of_then, "timers": {**facts.application.timers, **back}}


OVERTAKES: dict[str, tuple[str, ...]] = {**procurement.OVERTAKES, **work.OVERTAKES}
"""Move → whose proposals end with it, what they were about being no longer so."""

EFFECTS: dict[str, Effect] = {
    **framework.EFFECTS,
    **procurement.EFFECTS,
    **work.EFFECTS,
    **freeze.EFFECTS,
    **adoption.EFFECTS,
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
    if facts.command.by.role is Role.CLOCK or trigger not in KEEP_UNDO:
        changes = {**changes, "last_at": facts.now}
    moved = facts.application.model_copy(update=changes) if changes else facts.application
    moved = _freed_by_its_end(facts, moved, dest)
    if dest is facts.application.stage:
        return moved
    reached = moved.reached if dest in moved.reached else (*moved.reached, dest)
    since = moved.since if facts.source is Stage.ABSENT and moved.adopted else facts.now
    stands = {"stage": dest, "since": since, "decided_by": facts.entries + 1, "reached": reached}
    return moved.model_copy(update=stands)


def _freed_by_its_end(facts: Facts, application: Application, dest: Stage) -> Application:
    # No thaw reaches an end, and nothing rests there.
    if dest not in ENDS or not application.frozen:
        return application
    return application.model_copy(update=freeze.thawed(application, facts.now, facts.edition.zone))
