"""Whose turn it is: what an application waits for where it stands, whether or not a deadline runs for it.

Who acts comes from the table of moves, and whether it is their turn from the facts; a deadline, where the edition
gives one, is the agenda's and has the name of the task.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import NamedTuple

from kcity_flow.domain import guards as g
from kcity_flow.domain import procurement as p
from kcity_flow.domain.agenda import bids_to_evaluate, sides_to_agree, undeclared, unsealed
from kcity_flow.domain.application import ACCEPTING, FINAL_REPORT, Application, Facts
from kcity_flow.domain.edition import Edition, Late, PartyKind, ProcurementMode
from kcity_flow.domain.evaluation import JUDGED_BY_SHEETS, too_few_sheets
from kcity_flow.domain.framework import asked, parties_signed, refused_before_work, refused_beside, unlisted
from kcity_flow.domain.moves import BY_TRIGGER, CLARIFIED, ENDS_OF_WORK, JUDGED, REFUNDED, STAGE_MOVES, WORK
from kcity_flow.domain.stages import DECIDED, OBJECTIONABLE, Role, Stage
from kcity_flow.domain.work import PAYMENT_TIMER, REPORTS_MISSED, settled

S = Stage
MEETINGS = (S.CONSULTATION, S.PRESENTATION)


class Awaited(NamedTuple):
    """One thing somebody is to do: the name of the task, roles or people, since when (UTC)."""

    what: str
    to: tuple[str, ...]
    since: datetime


class Task(NamedTuple):
    """A row reads: at *stages* it waits for *trigger* while *waits* holds.

    It waits for the first role that the table lets make the move, or for those whom *people* names.
    """

    what: str
    trigger: str
    stages: tuple[Stage, ...]
    waits: Callable[[Application, Edition], bool]
    people: Callable[[Application], list[str]] | None = None


def _always(*_: object) -> bool:
    return True


def _asked(app: Application, _: Edition) -> bool:
    return app.clarification_open


def _unconfirmed(app: Application, _: Edition) -> bool:
    return app.confirmed is None


def _published(app: Application, _: Edition) -> bool:
    return app.published


def _late(app: Application, edition: Edition) -> bool:
    window, at = edition.window(edition.programme(app.programme)), app.received_at
    return at is not None and at >= app.falls(window.closes_at, at)


def _late_and(late: Late) -> Callable[[Application, Edition], bool]:
    return lambda app, edition: _late(app, edition) and edition.window(edition.programme(app.programme)).late is late


def _in_time(app: Application, edition: Edition) -> bool:
    return not _late(app, edition)


def _at_any_time(app: Application, edition: Edition) -> bool:
    return _in_time(app, edition) and edition.window(edition.programme(app.programme)).continuous


def _no_meeting(app: Application, _: Edition) -> bool:
    return app.meeting is None


def _missed(app: Application, _: Edition) -> bool:
    return app.meeting is not None and app.meeting.missed


def _not_held(app: Application, _: Edition) -> bool:
    # Until the date is over its own timer says whom it waits for.
    meeting, runs = app.meeting, "presentation" in app.timers
    return meeting is not None and not meeting.held and not meeting.missed and not runs


def _sheets_lack(app: Application, edition: Edition) -> bool:
    lacks = too_few_sheets(app, edition.programme(app.programme), app.stage.value)
    return bool(lacks) and not _sheets_to_come(app) and not undeclared(app)


def _sheets_to_come(app: Application) -> list[str]:
    """Who has yet to seal a sheet, and can: a panel judges what it has seen."""
    before_it = app.stage is S.PRESENTATION and not (app.meeting and app.meeting.held)
    return [] if before_it else unsealed(app)


def _round_over(app: Application, edition: Edition) -> bool:
    facts = Facts(app, None, edition, _since(app), app.stage, app.stage)
    return not g.round_agreed_rounds_left(facts)


def _unpublished(app: Application, _: Edition) -> bool:
    return not app.published


def _untold(app: Application, _: Edition) -> bool:
    return not app.letter_sent and (app.published or app.stage is S.INELIGIBLE)


def _signed(app: Application, edition: Edition) -> bool:
    return not parties_signed(Facts(app, None, edition, _since(app), app.stage, app.stage))


def _unlisted(app: Application, edition: Edition) -> bool:
    return bool(unlisted(app, edition.programme(app.programme)))


def _no_text(app: Application, _: Edition) -> bool:
    return app.framework.in_force is None


def _refused(app: Application, edition: Edition) -> bool:
    return refused_before_work(app, edition.programme(app.programme))


def _refused_beside(app: Application, edition: Edition) -> bool:
    return refused_beside(app, edition.programme(app.programme))


def _refused_at_all(app: Application, _: Edition) -> bool:
    # Past the framework no refusal lets it fail: whoever was listed late is struck.
    return any(party.refused for party in app.parties.values())


def _no_terms(app: Application, _: Edition) -> bool:
    return app.terms is None


def _terms_to_agree(app: Application, _: Edition) -> bool:
    return app.terms is not None and not app.terms_agreed


def _unplanned(app: Application, _: Edition) -> bool:
    return not app.plan and app.plan_proposed is None


def _contractor(app: Application) -> list[str]:
    return [app.contractor] * bool(app.contractor)


def _planned(app: Application, _: Edition) -> bool:
    return app.plan_proposed is not None


def _reported(app: Application, _: Edition) -> bool:
    return any(one.reported_by and not one.accepted_at and one.key != FINAL_REPORT for one in app.plan)


def _claimed(app: Application, _: Edition) -> bool:
    return bool(app.claimed_krw("claimed"))


def _owed(app: Application, _: Edition) -> bool:
    return bool(app.owed_krw)


def _silent(app: Application, edition: Edition) -> bool:
    return app.reports_missed >= edition.implementation.missed_reports


def _sides_to_accept(app: Application) -> list[str]:
    """The sides that have yet to agree the minutes of the acceptance; then the desk."""
    lacking = [side for side in ACCEPTING if side not in app.acceptance]
    hosts = [p.signatory for p in app.parties.values() if p.kind is PartyKind.HOST_GOVERNMENT and p.signed]
    host = hosts if "host_government" in lacking else []
    desk = [Role.DESK.value] if "secretariat" in lacking or not lacking else []
    return list(dict.fromkeys([*host, *desk]))


def _unsettled(app: Application, _: Edition) -> bool:
    return not settled(app)


def _to_refund(app: Application, _: Edition) -> bool:
    return bool(app.refund_krw)


def _settled(app: Application, _: Edition) -> bool:
    return settled(app) and not app.owed_krw and not app.refund_krw


def _tendered(app: Application, edition: Edition) -> bool:
    return edition.programme(app.programme).procurement.mode is ProcurementMode.OPEN


def _no_notice(app: Application, edition: Edition) -> bool:
    return app.terms_agreed and _tendered(app, edition) and app.tender.closes_at is None


def _unanswered(app: Application, _: Edition) -> bool:
    return any(not question.answered for question in app.tender.questions)


def _no_committee(app: Application, _: Edition) -> bool:
    # Whoever is in conflict is replaced by another committee.
    in_conflict = any(one.free is False or p.tie_of(app, one.person) for one in app.tender.committee)
    return bool(bids_to_evaluate(app)) and (not app.tender.committee or in_conflict)


def _unrecorded(app: Application, _: Edition) -> bool:
    return app.tender.opened and any(bid.krw is None for bid in app.tender.standing)


def _to_evaluate(app: Application, edition: Edition) -> bool:
    free = len(p.free_members(app)) == len(app.tender.committee) > 0
    return bool(bids_to_evaluate(app)) and free and not _unrecorded(app, edition)


def _to_renotice(app: Application, edition: Edition) -> bool:
    rules, tender = edition.programme(app.programme).procurement, app.tender
    too_few = tender.valid is not None and (len(tender.valid) < rules.valid_bids or not tender.candidates)
    return too_few and tender.renotices < rules.renotices


def _to_fail(app: Application, edition: Edition) -> bool:
    rules = edition.programme(app.programme).procurement
    return app.tender.valid is not None and not app.tender.candidates and app.tender.renotices >= rules.renotices


def _to_negotiate(app: Application, edition: Edition) -> bool:
    undecided = bool(app.tender.candidates) and (app.tender.negotiated is None or _too_dear(app))
    return undecided and not _to_renotice(app, edition)


def _too_dear(app: Application) -> bool:
    """Whether the award was reduced below the price that was agreed: it is to be agreed anew."""
    agreed, place = app.tender.negotiated, app.place
    return agreed is not None and place is not None and agreed.krw > place.krw


def _complained(app: Application, _: Edition) -> bool:
    return bool(app.tender.open_complaints())


def _to_announce(app: Application, _: Edition) -> bool:
    return app.tender.negotiated is not None and app.tender.announced_at is None


def _contractor_found(app: Application, edition: Edition) -> bool:
    if not _tendered(app, edition):
        return app.terms_agreed
    over = app.tender.announced_at is not None and p.STANDSTILL not in app.timers
    return over and not app.tender.open_complaints() and not _too_dear(app)


def _objection(state: str) -> Callable[[Application, Edition], bool]:
    return lambda app, _: app.objection is not None and app.objection.state == state


# fmt: off
TASKS = (
    #    what                    trigger               stages                            waits
    Task("refuse_late",          "refuse_late",        (S.RECEIVED, S.SCREENING),        _late_and(Late.REFUSE)),
    Task("defer",                "defer",              (S.RECEIVED, S.SCREENING),        _late_and(Late.DEFER)),
    Task("open_screening",       "open_screening",     (S.RECEIVED,),                    _at_any_time),
    Task("screening",            "pass_screening",     (S.SCREENING,),                   _in_time),
    Task("clarification",        "answer_clarification", CLARIFIED,                      _asked),
    Task("conflict_declaration", "declare_conflict",   JUDGED,                           _always, undeclared),
    Task("score_sheet",          "seal_sheet",         JUDGED[1:],                       _always, _sheets_to_come),
    Task("assign_reviewer",      "assign_reviewer",    JUDGED_BY_SHEETS,                 _sheets_lack),
    Task("schedule",             "schedule",           MEETINGS,                         _no_meeting),
    Task("reschedule",           "reschedule",         MEETINGS,                         _missed),
    Task("hold",                 "hold",               MEETINGS,                         _not_held),
    Task("minutes",              "agree_minutes",      (S.CONSULTATION,),                _always, sides_to_agree),
    Task("finish_round",         "finish_round",       (S.CONSULTATION,),                _round_over),
    Task("record_confirmation",  "record_confirmation", (S.CONFIRMATION,),               _unconfirmed),
    Task("decide_selection",     "select",             (S.SHORTLISTED,),                 _always),
    Task("publish_results",      "publish_result",     DECIDED,                          _unpublished),
    Task("letters",              "send_letter",        (*DECIDED, S.INELIGIBLE),         _untold),
    Task("open_framework",       "open_framework",     (S.SELECTED,),                    _published),
    Task("list_party",           "list_party",         (S.FRAMEWORK,),                   _unlisted),
    Task("table_text",           "table_text",         (S.FRAMEWORK,),                   _no_text),
    Task("framework_signature",  "sign",               (S.FRAMEWORK,),                   _always, asked),
    Task("framework_refused",    "fail_framework",     (S.FRAMEWORK,),                   _refused),
    Task("strike_party",         "strike_party",       (S.FRAMEWORK,),                   _refused_beside),
    Task("strike_party",         "strike_party",       (S.PROCUREMENT,),                 _refused_at_all),
    Task("accede",               "accede",             (S.PROCUREMENT,),                 _always, asked),
    Task("complete_framework",   "complete_framework", (S.FRAMEWORK,),                   _signed),
    Task("set_terms",            "set_terms",          (S.PROCUREMENT,),                 _no_terms),
    Task("agree_terms",          "agree_terms",        (S.PROCUREMENT,),                 _terms_to_agree),
    Task("publish_notice",       "publish_notice",     (S.PROCUREMENT,),                 _no_notice),
    Task("answer_question",      "answer_question",    (S.PROCUREMENT,),                 _unanswered),
    Task("name_committee",       "name_committee",     (S.PROCUREMENT,),                 _no_committee),
    Task("declare_bid_conflict", "declare_bid_conflict", (S.PROCUREMENT,),               _always, p.undeclared),
    Task("record_bid",           "record_bid",         (S.PROCUREMENT,),                 _unrecorded),
    Task("evaluate_bids",        "evaluate_bids",      (S.PROCUREMENT,),                 _to_evaluate, p.free_members),
    Task("give_notice_again",    "renotice",           (S.PROCUREMENT,),                 _to_renotice),
    Task("fail_procurement",     "fail_procurement",   (S.PROCUREMENT,),                 _to_fail),
    Task("record_negotiation",   "record_negotiation", (S.PROCUREMENT,),                 _to_negotiate),
    Task("announce_award",       "announce_award",     (S.PROCUREMENT,),                 _to_announce),
    Task("complaint",            "uphold_complaint",   (S.PROCUREMENT,),                 _complained),
    Task("award_contract",       "award_contract",     (S.PROCUREMENT,),                 _contractor_found),
    Task("plan",                 "set_plan",           (S.IMPLEMENTATION,),              _unplanned, _contractor),
    Task("accept_plan",          "accept_plan",        (S.IMPLEMENTATION,),              _planned),
    Task("accept_milestone",     "accept_milestone",   (S.IMPLEMENTATION,),              _reported),
    Task("accept_claim",         "accept_claim",       (*WORK, S.SETTLEMENT),             _claimed),
    Task(PAYMENT_TIMER,          "pay",                ENDS_OF_WORK,                     _owed),
    Task(REPORTS_MISSED,         "suspend",            (S.IMPLEMENTATION,),              _silent),
    Task("acceptance",           "accept_final",       (S.ACCEPTANCE,),                  _always, _sides_to_accept),
    Task("record_settlement",    "record_settlement",  (S.SETTLEMENT,),                  _unsettled),
    Task("recover",              "recover",            REFUNDED,                         _to_refund),
    Task("close",                "close",              (S.SETTLEMENT,),                  _settled),
    Task("objection",            "uphold_objection",   OBJECTIONABLE,                    _objection("open")),
)
# fmt: on

ONWARD = [move for move in STAGE_MOVES if g.step_complete in move.guards]
"""Moves to the next step of a route."""

BACK = [move for move in STAGE_MOVES if g.objection_upheld in move.guards]
"""Moves that reopen an application."""


def awaited(app: Application, edition: Edition) -> Iterator[Awaited]:
    """What an application waits for, and for whom, in the order of the table."""
    for task in TASKS:
        if app.stage in task.stages and task.waits(app, edition):
            to = task.people(app) if task.people else [BY_TRIGGER[task.trigger, app.stage].actors[0].value]
            if to:
                yield Awaited(task.what, tuple(_person(app, name) for name in to), _since(app))
    for trigger in (*_onward(app, edition), *_back(app)):
        yield Awaited(trigger, (BY_TRIGGER[trigger, app.stage].actors[0].value,), _since(app))


def _onward(app: Application, edition: Edition) -> Iterator[str]:
    """The next move on the route once the step is complete; the rejection where it is over and did not succeed."""
    for move in ONWARD:
        if app.stage in move.sources:
            programme = edition.programme(app.programme)
            setting = g.Setting(programme, edition.window(programme), app.stage, move.dest)
            if not any(rule(setting) for rule in move.rules):
                if not g.step_complete(Facts(app, None, edition, _since(app), app.stage, move.dest)):
                    yield move.trigger
                elif _over(app, edition):
                    yield "reject"


def _over(app: Application, edition: Edition) -> bool:
    """Whether nothing is left to do on a step."""
    if app.stage in JUDGED_BY_SHEETS:
        return not too_few_sheets(app, edition.programme(app.programme), app.stage.value)
    if app.stage is S.CONFIRMATION:
        return app.confirmed is False
    agreed = app.meeting is not None and app.meeting.held and not sides_to_agree(app)
    return agreed and not _round_over(app, edition)


def _back(app: Application) -> Iterator[str]:
    """The reopening that an upheld objection asks for."""
    if app.objection is not None and app.objection.state == "upheld":
        yield from (move.trigger for move in BACK if app.stage in move.sources and move.dest == app.objection.step)


def _person(app: Application, name: str) -> str:
    return app.applicant.contact if app.applicant and name == Role.APPLICANT else name


def _since(app: Application) -> datetime:
    """Since when it has been so: the meeting's date, the objection's decision, else the stage's first day."""
    if app.stage in MEETINGS and app.meeting is not None:
        return app.meeting.at
    if app.stage in OBJECTIONABLE and app.objection is not None and app.objection.at is not None:
        return app.objection.at
    assert app.since is not None  # whoever stands at a stage came to it
    return app.since
