"""The guards and rules of the table. Each answers what is missing, or an empty string when it holds.

A guard looks at facts. A *rule* looks at the edition alone (:class:`Setting`), so that what an edition can
reach is computed from the table and never written down twice. Neither chooses a destination: they refuse.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from zoneinfo import ZoneInfo

from pydantic import TypeAdapter

from kcity_flow.domain import screening
from kcity_flow.domain.application import CORRECTABLE, SIDES, Application, Facts, Seat
from kcity_flow.domain.edition import ApplicantKind, Programme, StepKind, Window
from kcity_flow.domain.evaluation import (
    JUDGED_BY_SHEETS,
    below_threshold,
    final_score,
    judged_steps,
    quorum,
    too_few_sheets,
)
from kcity_flow.domain.messages import ConflictKind
from kcity_flow.domain.stages import Role, Stage, Via
from kcity_flow.domain.values import Instant


@dataclass(frozen=True, slots=True)
class Setting:
    """What a rule may look at: one programme, its window, and the row's ends."""

    programme: Programme
    window: Window
    source: Stage
    dest: Stage


Rule = Callable[[Setting], str]

INSTANT: TypeAdapter[datetime] = TypeAdapter(Instant)


# --- rules: what the edition has at all -------------------------------------------------------------------------------


def late_is_refused(setting: Setting) -> str:
    """The window refuses what comes late."""
    return "" if setting.window.late == "refuse" else "a window that refuses late applications; this one defers them"


def late_is_deferred(setting: Setting) -> str:
    """The window passes what comes after its cut-off to the next edition."""
    return "" if setting.window.late == "defer" else "a window that defers late applications; this one refuses them"


def _route(programme: Programme) -> list[str]:
    return [step.kind.value for step in programme.route]


def next_on_route(setting: Setting) -> str:
    """The destination is the step after this one on the programme's route (announcement, 4)."""
    route = _route(setting.programme)
    if setting.source.value in route:
        after = route[route.index(setting.source.value) + 1 :]
        if after[:1] == [setting.dest.value]:
            return ""
        return f"the route of {setting.programme.key} leads on to {after[0] if after else 'the shortlist'}"
    return f"{setting.source.value} is not on the route of {setting.programme.key}"


def last_on_route(setting: Setting) -> str:
    """No step is left on the programme's route."""
    route = _route(setting.programme)
    return "" if route[-1:] == [setting.source.value] else f"the last step of its route, {route[-1]}"


def on_route(setting: Setting) -> str:
    """The destination is a step of the programme's route."""
    return "" if setting.dest.value in _route(setting.programme) else f"{setting.dest.value} on its route"


def judged_on_route(setting: Setting) -> str:
    """The stage is one of the route's steps, or lies before or after them all."""
    route, stage = _route(setting.programme), setting.source.value
    return "" if stage in route or stage not in list(StepKind) else f"{stage} on its route"


# --- guards: receipt --------------------------------------------------------------------------------------------------


def edition_opened(facts: Facts) -> str:
    """The window has opened. After its close an application is still received: post is booked late."""
    return "" if facts.now >= facts.window.opens_at else f"the window to open at {facts.window.opens_at.isoformat()}"


def programme_known(facts: Facts) -> str:
    """The edition has the programme."""
    known = [programme.key for programme in facts.edition.programmes]
    return "" if facts.command.programme in known else f"one of the programmes {', '.join(known)}"


def channel_allowed(facts: Facts) -> str:
    """By post or e-mail (announcement, 4)."""
    channels = facts.window.channels
    return "" if facts.command.channel in channels else f"one of the channels {', '.join(channels)}"


def received_since_opening(facts: Facts) -> str:
    """Stated, not before the window opens, not in the future."""
    at = facts.command.received_at
    return "" if facts.window.opens_at <= at <= facts.now else "a received_at between the opening and now"


def received_in_time(facts: Facts) -> str:
    """On time is judged on arrival. The closing instant itself is too late."""
    at = facts.application.received_at
    return "" if at and at < facts.window.closes_at else f"arrival before {facts.window.closes_at.isoformat()}"


def received_late(facts: Facts) -> str:
    """It arrived at or after the close."""
    return "" if received_in_time(facts) else f"arrival at or after {facts.window.closes_at.isoformat()}"


def window_closed_or_continuous(facts: Facts) -> str:
    """Files are opened together, after the close, unless intake is continuous."""
    if facts.window.continuous or facts.now >= facts.window.closes_at:
        return ""
    return f"the window to close at {facts.window.closes_at.isoformat()}"


def not_acknowledged(facts: Facts) -> str:
    """Acknowledged once."""
    return "an application not yet acknowledged" if facts.application.acknowledged else ""


def newer_version_in_time(facts: Facts) -> str:
    """A newer version counts if it arrives, as the first did, before the close; the closing instant is too late."""
    at, window = facts.command.received_at, facts.window
    earlier = facts.application.received_at
    if earlier is None or not earlier < at <= facts.now:
        return "a received_at after that of the first version, and not in the future"
    return "" if at < window.closes_at else f"arrival before {window.closes_at.isoformat()}"


def subject_known(facts: Facts) -> str:
    """The kind of site and the sector, where they are stated, are the programme's (announcement, 1 and 2)."""
    command, programme = facts.command, facts.programme
    if command.site_kind is not None and command.site_kind not in programme.site_kinds:
        return f"a site_kind among {', '.join(programme.site_kinds) or 'none'}"
    if command.sector is not None and command.sector not in programme.sectors:
        return f"a sector among {', '.join(programme.sectors) or 'none'}"
    return ""


def funds_follow_from_the_rate(facts: Facts) -> str:
    """Matching funds (announcement, 3) count in KRW: what is promised in another currency says how it is converted."""
    funds, on = facts.command.matching, facts.command.received_at.astimezone(ZoneInfo(facts.edition.zone)).date()
    if funds is None:
        return ""
    said = {name: getattr(funds, name) for name in ("amount", "currency", "rate", "rate_on")}
    if lacking := [name for name, value in said.items() if value is None]:
        return "" if len(lacking) == len(said) else f"{', '.join(lacking)} of the matching funds"
    if funds.rate_on > on:
        return f"a rate that was known when it arrived, on {on}"
    return (
        ""
        if funds.krw == funds.converted
        else f"{funds.converted:,} KRW, which is what {funds.amount} {funds.currency} comes to"
    )


def names_another_application(facts: Facts) -> str:
    """The surviving application is another one."""
    return "" if facts.command.survivor != facts.application.ref else "another application that survives"


# --- guards: screening and clarification ------------------------------------------------------------------------------


def item_of_the_checklist(facts: Facts) -> str:
    """The item answered no is one of the checklist (announcement, 1 to 3), and the record does not say yes to it.

    Missing documents are no reason before the applicant was asked for them (assumed).
    """
    lines = {line.item: line for line in screening.checklist(facts.application, facts.programme)}
    found = lines.get(facts.command.item)
    if found is None:
        return f"one of the items {', '.join(lines)}"
    if found.answer:
        return f"a no to {found.item}; the record says: {found.text}"
    asked = facts.application.clarifications > 0 and not facts.application.clarification_open
    return "" if found.item != "documents" or asked else "a clarification that asked for the documents, and is over"


def eligible(facts: Facts) -> str:
    """Every eligibility item of the programme is answered yes."""
    open_items = [item.key for item in facts.programme.eligibility if not facts.command.answers.get(item.key)]
    return f"a yes to {', '.join(open_items)}" if open_items else ""


def record_eligible(facts: Facts) -> str:
    """Who applies, and with whom, is what the programme asks for (announcement, 1 to 3)."""
    application, programme = facts.application, facts.programme
    return screening.applicant_kind(application, programme) or screening.partner(application, programme)


def checklist_complete(facts: Facts) -> str:
    """The documents that the programme asks for are there, and the desk found them complete."""
    missing = screening.documents(facts.application, facts.programme)
    return missing or ("" if facts.command.complete else "a complete checklist")


def no_open_clarification(facts: Facts) -> str:
    """No question waits for the applicant's answer."""
    return "the answer, or the lapse, of the open clarification" if facts.application.clarification_open else ""


def one_open_clarification(facts: Facts) -> str:
    """A question waits."""
    return "" if facts.application.clarification_open else "an open clarification"


def clarification_overdue(facts: Facts) -> str:
    """The question's day is over."""
    timer = facts.application.timers.get("clarification")
    return "" if timer and facts.now >= timer.due_at else "the clarification's last day to be over"


def clarification_closed(facts: Facts) -> str:
    """One question at a time."""
    return "no clarification open already" if facts.application.clarification_open else ""


def fewer_than_two_asked(facts: Facts) -> str:
    """At most two clarifications (assumed)."""
    return "fewer than two clarifications asked so far" if facts.application.clarifications >= 2 else ""


def paper_quorum_declared(facts: Facts) -> str:
    """Enough paper reviewers are assigned and each has declared itself free of conflict."""
    return _declared(facts, Stage.PAPER_REVIEW)


def panel_declared(facts: Facts) -> str:
    """Enough of the panel is assigned and each has declared itself free of conflict."""
    return _declared(facts, Stage.PRESENTATION)


def _declared(facts: Facts, step: Stage) -> str:
    needed = quorum(facts.programme, step)
    free = len(facts.application.free_seats(step.value))
    return "" if free >= needed else f"{needed - free} more reviewers for {step.value} declared free of conflict"


def step_is_judged(facts: Facts) -> str:
    """The step to be judged is on the route, and not over: it lies ahead, or its sheets no longer suffice."""
    step = facts.command.step
    if step not in judged_steps(facts.programme):
        return f"a step of its route that is judged by sheets; {step} is not"
    over = Stage(step) in facts.application.reached and facts.source.value != step
    suffices = over and not too_few_sheets(facts.application, facts.programme, step)
    return f"a step that is not over; {step} is" if suffices else ""


def not_in_conflict(facts: Facts) -> str:
    """Nothing ties the reviewer to the application."""
    command = facts.command
    tie = facts.application.conflict_of(command.reviewer, command.organisations)
    return f"a reviewer without {tie}" if tie else ""


def impartial(facts: Facts) -> str:
    """Nothing ties whoever acts to the application; what the edition orders was decided there."""
    by = facts.command.by
    tie = "" if by.via is Via.EDITION else facts.application.conflict_of(by.person)
    return f"somebody without {tie}" if tie else ""


def proposed_or_reasoned(facts: Facts) -> str:
    """The system proposed the reviewer, or the desk says why it chose somebody else."""
    return "" if facts.command.basis or facts.command.reason else "a reason for a choice that was not proposed"


def not_assigned(facts: Facts) -> str:
    """The reviewer has no seat on this step yet."""
    taken = [seat.reviewer for seat in facts.application.seats(facts.command.step)]
    return f"somebody else than {facts.command.reviewer}, who is assigned" if facts.command.reviewer in taken else ""


def replaces_nobody(facts: Facts) -> str:
    """A seat is added; taking one away is ``replace_reviewer``, with its reasons."""
    return "nobody to replace; the chair's replace_reviewer does that" if facts.command.replaces else ""


def replaces_assigned(facts: Facts) -> str:
    """The reviewer who leaves has a seat on this step."""
    taken = [seat.reviewer for seat in facts.application.seats(facts.command.step)]
    return "" if facts.command.replaces in taken else f"one of the assigned, {', '.join(taken) or 'nobody'}, to replace"


def assigned_here(facts: Facts) -> str:
    """Whoever declares, or is named, has a seat on the step."""
    taken = [seat.reviewer for seat in facts.application.seats(facts.command.step)]
    return "" if facts.command.concerns in taken else "an assignment to this application"


def declared_or_recorded(facts: Facts) -> str:
    """Reviewers declare for themselves; of others chair or head record a conflict, never its absence, and why."""
    command = facts.command
    if command.concerns == command.by.person:
        return ""
    if command.by.role is Role.REVIEWER:
        return f"{command.concerns} themselves, or the chair or head"
    if not command.conflict:
        return f"a conflict; that there is none only {command.concerns} declares"
    return reason_given(facts) or impartial(facts)


def no_conflict_on_record(facts: Facts) -> str:
    """A conflict stays declared; who declared one by mistake is replaced all the same."""
    return (
        ""
        if facts.command.conflict
        or not facts.application.conflict_of(facts.command.concerns, facts.command.organisations)
        else "nobody who is in conflict, by a declaration before or by an organisation"
    )


def kind_of_conflict(facts: Facts) -> str:
    """A conflict is declared with its kind, and with nothing more."""
    if facts.command.conflict is (facts.command.kind is not None):
        return ""
    return f"one of the kinds {', '.join(ConflictKind)}" if facts.command.conflict else "no kind without a conflict"


def _own_seat(facts: Facts) -> Seat | None:
    mine = (seat for seat in facts.application.seats(facts.step) if seat.reviewer == facts.command.by.person)
    return next(mine, None)


def free_to_judge(facts: Facts) -> str:
    """Assigned here, declared free of conflict, and not voided."""
    seat = _own_seat(facts)
    if seat is None:
        return "an assignment to this application"
    if tie := facts.application.conflict_of(seat.reviewer, facts.command.organisations):
        return f"a reviewer without {tie}"
    if seat.void:
        return "a seat whose sheet was not voided; another reviewer takes it"
    return "" if seat.free else "a declaration free of conflict"


def none_sealed_yet(facts: Facts) -> str:
    """One sheet a reviewer and step; a sealed one is only superseded."""
    seat = _own_seat(facts)
    return "a sheet not yet sealed; a sealed one is only superseded" if seat and seat.scores is not None else ""


def own_sheet_sealed(facts: Facts) -> str:
    """There is a sheet of one's own to supersede."""
    seat = _own_seat(facts)
    return "" if seat and seat.scores is not None else "a sealed sheet of one's own"


def sheet_wanted(facts: Facts) -> str:
    """The application stands on the step, or left it: who is seated there now replaces a sheet that was lost."""
    if facts.step in judged_steps(facts.programme) and Stage(facts.step) in facts.application.reached:
        return ""
    return f"a step that was reached and is judged by sheets; {facts.step} is not"


def sheet_of_the_step(facts: Facts) -> str:
    """Only while the application stands on the step: afterwards the sheets of others may be read."""
    return "" if facts.step == facts.source.value else f"the step {facts.source.value}, where it stands"


def sheet_counts_or_awaited(facts: Facts) -> str:
    """The sheet to be voided counts so far, or is awaited: then the seat is given up."""
    application, step = facts.application, facts.command.step
    found = [seat.reviewer for seat in (*application.counted_sheets(step), *application.awaited_seats(step))]
    return "" if facts.command.reviewer in found else "a sheet that counts, or is awaited"


def scores_in_range(facts: Facts) -> str:
    """Each score is a whole number from 0 to 100."""
    wrong = sorted(key for key, score in facts.command.scores.items() if not 0 <= score <= 100)
    return f"scores from 0 to 100 for {', '.join(wrong)}" if wrong else ""


def every_criterion_scored(facts: Facts) -> str:
    """The sheet has each criterion of the programme and no other."""
    wanted = {criterion.key for criterion in facts.programme.criteria}
    given = set(facts.command.scores)
    return "" if wanted == given else f"scores for exactly {', '.join(sorted(wanted))}"


def presentation_held(facts: Facts) -> str:
    """A panel judges what it has seen."""
    if facts.step != Stage.PRESENTATION or facts.source is not Stage.PRESENTATION:
        return ""
    return "" if facts.application.meeting and facts.application.meeting.held else "a presentation that was held"


# --- guards: the route ------------------------------------------------------------------------------------------------


def step_complete(facts: Facts) -> str:
    """The step the application stands on is done, with a result that lets it go on."""
    application, programme = facts.application, facts.programme
    if facts.source in JUDGED_BY_SHEETS:
        return _judged(application, programme, facts.source.value)
    if facts.source is Stage.CONSULTATION:
        return _consultation_incomplete(application, programme)
    if facts.source is Stage.CONFIRMATION:
        return "" if application.confirmed else "the counterpart's agreement"
    return ""


def _judged(application: Application, programme: Programme, step: str) -> str:
    return too_few_sheets(application, programme, step) or below_threshold(application, programme, step)


def judged_in_full(facts: Facts) -> str:
    """Every judged step it has passed still has its sheets, and reached the threshold: one may have become void."""
    return _of_steps_reached(facts, _judged)


def _of_steps_reached(facts: Facts, judge: Callable[[Application, Programme, str], str]) -> str:
    application, programme = facts.application, facts.programme
    for step in judged_steps(programme):
        if Stage(step) in application.reached and (missing := judge(application, programme, step)):
            return f"for {step}: {missing}"
    return ""


def _consultation_incomplete(application: Application, programme: Programme) -> str:
    rounds = next(step.rounds for step in programme.route if step.kind is StepKind.CONSULTATION)
    if application.rounds_finished + 1 < rounds:
        return f"round {application.rounds_finished + 1} of {rounds} finished"
    meeting = application.meeting
    if meeting is None or not meeting.agreed_by_both:
        return f"minutes of round {rounds} agreed by both sides"
    return "" if set(meeting.scope_agreed) == set(SIDES) else "the scope agreed by both sides"


def grounds_for_rejection(facts: Facts) -> str:
    """The ground fits the step and holds: no merit is refused unjudged."""
    application, programme, ground = facts.application, facts.programme, facts.command.ground
    if facts.source in JUDGED_BY_SHEETS:
        missing = too_few_sheets(application, programme, facts.source.value)
        if missing:
            return missing
        if ground == "below_threshold":
            below = below_threshold(application, programme, facts.source.value)
            return "" if below else f"a score below {programme.review.threshold}"
        if ground == "outside_invited":
            return _among_the_invited(facts)
        return "the ground below_threshold or outside_invited"
    if facts.source is Stage.CONFIRMATION:
        return "" if ground == "refused" and application.confirmed is False else "the counterpart's refusal"
    if ground != "no_agreement":
        return "the ground no_agreement"
    if not application.met():
        return "a meeting that was held or missed"
    if not _consultation_incomplete(application, programme):
        return "a consultation that came to no agreement; both sides agreed everything"
    return "" if facts.command.evidence else "the hash of what shows that there is no agreement as evidence"


def _among_the_invited(facts: Facts) -> str:
    invited, rank = facts.programme.review.invited, facts.command.paper_rank
    if facts.source is not Stage.PAPER_REVIEW or invited is None:
        return "a paper review after which a fixed number is invited"
    ranked = f"it ranks {rank}" if rank else "the register does not rank it yet"
    return "" if rank and rank > invited else f"a rank beyond the {invited} that are invited; {ranked}"


def reason_given(facts: Facts) -> str:
    """Reasons stand in writing."""
    return "" if facts.command.reason else "a reason"


def own_application(facts: Facts) -> str:
    """An applicant speaks for their own application alone."""
    by, applicant = facts.command.by, facts.application.applicant
    stranger = by.role is Role.APPLICANT and (applicant is None or by.person != applicant.contact)
    return "the contact of this application" if stranger else ""


def in_writing(facts: Facts) -> str:
    """A document proves it."""
    return "" if facts.command.evidence else "the hash of the letter or message as evidence"


def both_sides_and_agenda(facts: Facts) -> str:
    """A consultation names who comes from either side, and its agenda is attached; so does a presentation's speaker."""
    command = facts.command
    if not command.applicant:
        return "who comes from the applicant"
    if facts.source is not Stage.CONSULTATION:
        return ""
    if not command.ministry:
        return "who comes from the ministry"
    return "" if command.evidence else "the hash of the agenda as evidence"


def no_date_set(facts: Facts) -> str:
    """This round has no date yet."""
    return "a round without a date; reschedule moves one" if facts.application.meeting else ""


def date_in_the_future(facts: Facts) -> str:
    """A meeting is not scheduled into the past."""
    return "" if facts.command.date_at > facts.now else "a date in the future"


def date_passed_unheld(facts: Facts) -> str:
    """The meeting would be over, and nobody came: who is late has not missed it."""
    meeting = facts.application.meeting
    over = meeting and not meeting.held and not meeting.missed and facts.now >= meeting.ends_at
    return "" if over else "a date that passed unheld, to the meeting's end"


def date_reached(facts: Facts) -> str:
    """The date has come, was not missed and is not yet held."""
    meeting = facts.application.meeting
    return "" if meeting and not meeting.held and not meeting.missed and facts.now >= meeting.at else "its date reached"


def movable_date(facts: Facts) -> str:
    """There is a date, not held."""
    meeting = facts.application.meeting
    return "" if meeting and not meeting.held else "a date that was not held"


def two_dates_missed(facts: Facts) -> str:
    """The applicant missed two dates."""
    return "" if facts.application.missed >= 2 else f"two missed dates; so far {facts.application.missed}"


def held(facts: Facts) -> str:
    """The meeting was held."""
    return "" if facts.application.meeting and facts.application.meeting.held else "a meeting that was held"


def agrees_once(facts: Facts) -> str:
    """A side speaks for itself, and says nothing twice: another word replaces its own until both agreed one text.

    From then on only the scope, where a side left it open, is still agreed.
    """
    meeting, command = facts.application.meeting, facts.command
    if command.by.role.value != command.side:
        return f"the {command.side} itself"
    if meeting is None or command.side not in meeting.agreed_by:
        return ""
    scope = command.side in meeting.scope_agreed
    if meeting.agreed_by_both:
        says_more = command.scope_agreed and not scope
    else:
        says_more = (command.minutes, command.scope_agreed) != (meeting.agreed, scope)
    return "" if says_more else f"minutes not yet agreed by the {command.side}"


def same_minutes(facts: Facts) -> str:
    """Both sides agree the same text."""
    meeting, command = facts.application.meeting, facts.command
    if meeting is None or not set(meeting.agreed_by) - {command.side} or meeting.agreed == command.minutes:
        return ""
    return "the minutes that the other side agreed"


def round_agreed_rounds_left(facts: Facts) -> str:
    """Both sides agreed this round's minutes, and another round follows."""
    rounds = next((step.rounds for step in facts.programme.route if step.kind is StepKind.CONSULTATION), 0)
    meeting = facts.application.meeting
    if meeting is None or not meeting.agreed_by_both:
        return "minutes agreed by both sides"
    return "" if facts.application.rounds_finished + 1 < rounds else "a round after this one"


def no_answer_recorded(facts: Facts) -> str:
    """The counterpart has not answered yet."""
    return "a counterpart that has not answered" if facts.application.confirmed is not None else ""


# --- guards: places, results, objections ------------------------------------------------------------------------------


def award_in_range(facts: Facts) -> str:
    """The award is what the programme allows (announcement, 1 to 3)."""
    award = facts.programme.award
    if award.allows(facts.command.krw, facts.application.months):
        return ""
    return f"an award from {award.min_krw:,} to {award.max_krw:,} KRW"


def score_as_decided(facts: Facts) -> str:
    """Its score is still the one that it was ranked by: a conflict found late may have taken a sheet away."""
    decided, score = facts.command.score, final_score(facts.application, facts.programme)
    if decided is None or score == Fraction(decided):
        return ""
    return f"the score {decided} by which it was ranked; its sheets come to {score}"


def sheets_complete(facts: Facts) -> str:
    """Nobody is passed over unjudged: each judged step it has reached still has its sheets."""
    return _of_steps_reached(facts, too_few_sheets)


def not_above_the_line(facts: Facts) -> str:
    """Its score does not exceed that of the last who got a place or the reserve.

    That of the last has its bonus, the application's own is left out: it would only raise what is compared.
    """
    last, score = facts.command.last, final_score(facts.application, facts.programme)
    above = last is not None and score is not None and score > Fraction(last)
    return f"a score of at most {last}, that of the last before it; its sheets come to {score}" if above else ""


def reserve_day_over(facts: Facts) -> str:
    """The reserve's last day is over."""
    timer = facts.application.timers.get("reserve")
    return "" if timer and facts.now >= timer.due_at else "the reserve's last day to be over"


def reserve_still_open(facts: Facts) -> str:
    """Before the reserve's last day."""
    timer = facts.application.timers.get("reserve")
    return "" if timer is None or facts.now < timer.due_at else "the reserve's last day not over"


def result_published(facts: Facts) -> str:
    """The edition has published the result."""
    return "" if facts.application.published else "the result published by the edition"


def not_published(facts: Facts) -> str:
    """Published once for each decision."""
    return "a result not yet published" if facts.application.published else ""


def letter_due(facts: Facts) -> str:
    """One letter for each decision, and none before the results are published."""
    if facts.application.letter_sent:
        return "a decision whose letter was not sent"
    told_at_once = facts.source in (Stage.INELIGIBLE, Stage.WITHDRAWN)
    return "" if told_at_once or facts.application.published else "the result published by the edition"


def in_objection_period(facts: Facts) -> str:
    """It arrived within the days the letter stated; the desk may book it later, as long as the file is open."""
    timer = facts.application.timers.get("objection_period")
    at = facts.command.received_at or facts.now
    if at > facts.now:
        return "a received_at that is not in the future"
    return "" if timer and timer.armed_at <= at < timer.due_at else "arrival in the objection period"


def no_objection_yet(facts: Facts) -> str:
    """One objection a decision."""
    return "a decision without an objection" if facts.application.objection else ""


def ground_allowed(facts: Facts) -> str:
    """The ground is one the edition allows (assumed)."""
    grounds = facts.edition.objection_grounds
    return "" if facts.command.ground in grounds else f"one of the grounds {', '.join(grounds)}"


def open_objection(facts: Facts) -> str:
    """An objection waits."""
    objection = facts.application.objection
    return "" if objection and objection.state == "open" else "an open objection"


def none_of_the_first_reviewers(facts: Facts) -> str:
    """Nobody judges an objection to their own judgement: neither who has or had a seat, nor who decided."""
    reviewers = {seat.reviewer for seats in facts.application.reviews.values() for seat in seats}
    judged = facts.command.by.person in (*facts.application.judged_by, *reviewers)
    return "somebody who neither reviewed the application nor decided on it" if judged else ""


def step_was_reached(facts: Facts) -> str:
    """The step in error is one the application stood on, and it fits the decision."""
    step = Stage(facts.command.step)
    fits = (step is Stage.SCREENING) == (facts.source is Stage.INELIGIBLE)
    return "" if step in facts.application.reached and fits else "a step this decision rests on"


def objection_upheld(facts: Facts) -> str:
    """An upheld objection names the destination as the step in error."""
    objection = facts.application.objection
    if objection and objection.state == "upheld" and objection.step == facts.dest.value:
        return ""
    return f"an upheld objection that names {facts.dest.value}"


# --- guards: corrections and proposals --------------------------------------------------------------------------------


def made_in_error(facts: Facts) -> str:
    """The last stage move came from there, and nothing but corrections followed."""
    undo = facts.undo
    if undo is None or undo.before.stage is not facts.dest:
        return f"a last move from {facts.dest.value} with nothing but corrections since"
    return ""


def places_left_to_the_edition(facts: Facts) -> str:
    """A move that took or freed a place is undone by the edition, which counts places."""
    if facts.undo is None:
        return ""
    touched = Stage.RESERVE in (facts.source, facts.dest) or facts.undo.before.place != facts.application.place
    by_edition = facts.command.by.via is Via.EDITION
    return "the edition's order, as a place is concerned" if touched and not by_edition else ""


def corrects_an_entry(facts: Facts) -> str:
    """It names an entry that exists and a field that can be corrected."""
    if facts.command.supersedes > facts.entries:
        return f"an entry between 1 and {facts.entries}"
    if facts.command.field not in CORRECTABLE:
        return f"one of the fields {', '.join(CORRECTABLE)}"
    if facts.command.field == "received_at" and not _is_instant(facts.command.value):
        return "an instant with its offset, such as 2021-04-21T09:00:00+09:00"
    if facts.command.field == "kind" and facts.command.value not in list(ApplicantKind):
        return f"one of {', '.join(ApplicantKind)}"
    return ""


def _is_instant(text: str) -> bool:
    try:
        INSTANT.validate_python(datetime.fromisoformat(text))
    except ValueError:  # pydantic's own is one
        return False
    return True


def waiting_proposal(facts: Facts) -> str:
    """The proposal named waits."""
    return "" if facts.proposal else "a waiting proposal, named by its entry"


def another_who_may_approve(facts: Facts) -> str:
    """Refused by somebody else who could have approved it."""
    proposal, by = facts.proposal, facts.command.by
    if proposal is None:
        return ""
    return "" if by.person != proposal.person and by.role in proposal.approvers else "another person who may approve it"


def the_proposer(facts: Facts) -> str:
    """Retracted by whoever proposed."""
    proposal = facts.proposal
    return "" if proposal is None or facts.command.by.person == proposal.person else "the person who proposed it"
