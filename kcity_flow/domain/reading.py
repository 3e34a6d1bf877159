"""Who may read an application's file, whose score sheets, and what of a decision before it is published.

A conflict of interest closes the file; files open to reviewers who declared themselves free of one, when screening is
passed; and nobody reads another's sheet before the step is over (assumed: the announcement says nothing of either).
What was decided is told when the edition publishes it: until then all but those who decide see what was before.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any, NamedTuple

from kcity_flow.domain.application import Application, Tender
from kcity_flow.domain.edition import Edition, Programme
from kcity_flow.domain.evaluation import JUDGED_BY_SHEETS, judged_steps, ranking_step, too_few_sheets
from kcity_flow.domain.messages import Entry, Outcome, View
from kcity_flow.domain.procurement import free_members, tie_of
from kcity_flow.domain.retelling import application_of
from kcity_flow.domain.stages import DECIDED, Role, Stage

OUTSIDE = (Role.APPLICANT, Role.SIGNATORY, Role.CONTRACTOR, Role.HOST_GOVERNMENT)
"""Roles that read their own projects, and no sheets."""

INFORMED = (Role.DESK, Role.HEAD, Role.CHAIR, Role.COMMITTEE, Role.MINISTRY, Role.AUDITOR)
"""Roles that know of a decision before it is published."""

IN_CONFIDENCE = (
    "receive_bid", "withdraw_bid", "ask_question", "name_committee", "declare_bid_conflict", "record_bid",
    "evaluate_bids", "record_negotiation", "announce_award", "complain", "uphold_complaint", "dismiss_complaint",
)  # fmt: skip
"""Moves of a tender that those outside, and reviewers, read nothing of: bidders, or their rivals, may be among them."""

UNDECLARED = "they have yet to declare themselves free of conflict"

SEALED = "sealed"
"""What stands for scores that the reader may not see."""


class OpenSheets(NamedTuple):
    """Score sheets that somebody may read: their own, and all of some steps. Of ``means`` they read the means."""

    person: str
    steps: frozenset[str]
    means: frozenset[str]

    def shows(self, step: str, reviewer: str) -> bool:
        """Whether a reviewer's sheet of a step is open."""
        return reviewer == self.person or step in self.steps


class Reading(NamedTuple):
    """An application as somebody may read it."""

    application: Application
    view: View
    ledger: list[Entry]
    sheets: OpenSheets


def closed_to(application: Application, person: str, role: Role, organisations: tuple[str, ...] = ()) -> str:
    """Why somebody may not read the file, or an empty string.

    Whoever has a seat reads as a reviewer, in whatever other role they may come; whoever evaluates bids, from when
    these are open until there is a contract.

    Args:
        application: Whose file.
        person: Who reads.
        role: In what role.
        organisations: Those they belong to, as far as is known now.
    """
    seated = [step for step in application.reviews if any(s.reviewer == person for s in application.seats(step))]
    named = _on_the_committee(application, person)
    evaluates = named and application.tender.opened
    if role is Role.APPLICANT:
        own = application.applicant is not None and application.applicant.contact == person
        return "" if own else "it is somebody else's application"
    if role in OUTSIDE:
        signs = any(party.signatory == person for party in application.parties.values())
        return "" if signs else "they sign for no party of it"
    if tie := application.conflict_of(person, organisations):
        return tie
    # Whoever declared a tie to a bidder has it also when somebody else sits in their place.
    bound = application.stage is Stage.PROCUREMENT and person in application.tender.tied
    if (evaluates or bound) and (tie := tie_of(application, person, organisations)):
        return tie
    if role is not Role.REVIEWER and not seated and not evaluates:
        return ""
    if evaluates:
        return "" if person in free_members(application) else UNDECLARED
    if not seated:
        return "it opens to the committee with the bids" if named else "they are not assigned to it"
    free = [step for step in seated if any(s.reviewer == person for s in application.free_seats(step))]
    if not free:
        return UNDECLARED
    return "" if Stage.PAPER_REVIEW in application.reached else "files open when screening is passed"


def _on_the_committee(application: Application, person: str) -> bool:
    """Whether somebody evaluates the bids of the tender that runs."""
    sits = any(one.person == person for one in application.tender.committee)
    return sits and application.stage is Stage.PROCUREMENT


def read_as(
    application: Application, view: View, ledger: Sequence[Entry], edition: Edition, person: str, role: Role
) -> Reading:
    """An application as somebody to whom its file is not closed may read it in a role."""
    known = list(ledger) if role in INFORMED else published(ledger)
    if len(known) < len(ledger):
        application, view = application_of(edition, application.ref, known), as_told(view, known)
    programme = edition.programme(application.programme)
    sheets = sheets_open_to(application, programme, person, role)
    if ranking_step(programme) not in sheets.means:
        view = view.model_copy(update={"scores": {}})
    if role in OUTSIDE or (role is Role.REVIEWER and not _on_the_committee(application, person)):
        application, view = application.model_copy(update={"tender": _outlined(application.tender)}), _unnamed(view)
        known = [entry for entry in known if entry.command not in IN_CONFIDENCE]
    told = [sealed_bids(application, entry_without(sheets, entry)) for entry in known]
    return Reading(application, view, told, sheets)


# --- lists ------------------------------------------------------------------------------------------------------------


def listed(view: View, person: str, roles: Collection[Role]) -> bool:
    """Whether an application stands in somebody's lists: in nobody's who is in conflict; of who judges, their own."""
    if person in view.barred:
        return False
    if person in (*view.reviewers, *view.evaluators) or view.contact == person:
        return True
    return not set(roles) <= {Role.REVIEWER, *OUTSIDE}


def informed(view: View, person: str, roles: Collection[Role]) -> bool:
    """Whether somebody knows of a decision before it is published: nobody does of their own application."""
    return view.contact != person and not set(roles).isdisjoint(INFORMED)


def row_for(view: View, person: str, roles: Collection[Role]) -> View:
    """An application's row without scores, where the reader may not see them: by what a row says, so rather too few."""
    within = set(roles) - {Role.REVIEWER, *OUTSIDE} if view.contact != person else set()
    running = view.stage in JUDGED_BY_SHEETS and (Role.CHAIR not in within or view.unsealed)
    reads = (within or person in view.reviewers) and not running and person not in view.unsealed
    return view if reads else view.model_copy(update={"scores": {}})


# --- before publication -----------------------------------------------------------------------------------------------


def published(ledger: Iterable[Entry]) -> list[Entry]:
    """A ledger without a decision that is not published yet, and all since; nor one that was undone before it was."""
    known: list[Entry] = []
    kept_back: list[Entry] = []
    for entry in ledger:
        made = entry.outcome is Outcome.MADE
        decides = made and entry.dest in DECIDED and (entry.source not in DECIDED or entry.command == "promote")
        if not kept_back and not decides:
            known.append(entry)
            continue
        kept_back.append(entry)
        undone = entry.command.startswith("return_to_") and entry.dest == kept_back[0].source
        if made and (undone or entry.command == "publish_result" or entry.dest not in DECIDED):
            known += () if undone else kept_back
            kept_back = []
    return known


def as_told(view: View, known: Sequence[Entry]) -> View:
    """An application's row as the entries that are known tell it."""
    moved = next(e for e in reversed(known) if e.outcome is Outcome.MADE and e.source != e.dest)
    then = {"stage": moved.dest, "since": moved.at, "entries": known[-1].number, "head": known[-1].hash}
    nothing = {"waits_on": "", "next_timer": "", "next_due_at": None, "waiting": (), "waiting_proposals": ()}
    return view.model_copy(update={**then, **nothing, "krw": None})


# --- sheets -----------------------------------------------------------------------------------------------------------


def sheets_open_to(application: Application, programme: Programme, person: str, role: Role) -> OpenSheets:
    """The sheets somebody may read; of an application's own people the means alone, once the result is published."""
    steps = frozenset(step for step in judged_steps(programme) if _is_over(application, programme, step, person, role))
    if role is Role.REVIEWER and not any(s.reviewer == person for seats in application.reviews.values() for s in seats):
        return OpenSheets(person, frozenset(), frozenset())  # whoever evaluates bids needs none
    if role not in OUTSIDE:
        return OpenSheets(person, steps, steps)
    return OpenSheets(person, frozenset(), steps if application.published else frozenset())


def without(sheets: OpenSheets, facts: dict[str, Any]) -> dict[str, Any]:
    """An application's facts, as JSON has them, without the scores of sheets that are not open.

    Of bids that are sealed it has no more than their number.
    """

    def shown(step: str, seat: dict[str, Any]) -> dict[str, Any]:
        hidden = seat.get("scores") is not None and not sheets.shows(step, seat["reviewer"])
        return {**seat, "scores": SEALED} if hidden else seat

    reviews = {step: [shown(step, seat) for seat in seats] for step, seats in facts.get("reviews", {}).items()}
    tender = facts.get("tender", {})
    if tender and not tender.get("opened"):
        asked = [{**question, "bidder": SEALED} for question in tender.get("questions", ())]
        bids = sum(not bid.get("withdrawn") for bid in tender.get("bids", ()))
        tender = {**tender, "bids": bids, "questions": asked}
    return {**facts, "reviews": reviews, **({"tender": tender} if tender else {})}


def _outlined(tender: Tender) -> Tender:
    """A tender as those may know it who have no part in it: bidders, and their rivals, sign before the contract."""
    nothing = {"opened": False, "order": None, "failed": (), "negotiated": None, "announced_at": None}
    return tender.model_copy(update={**nothing, "committee": (), "tied": {}, "complaints": ()})


def _unnamed(view: View) -> View:
    within = tuple(one for one in view.waiting if one.what not in IN_CONFIDENCE)
    return view.model_copy(update={"waiting": within})


def sealed_bids(application: Application, entry: Entry) -> Entry:
    """A ledger's entry without who bids, or asks, while the bids of the last notice are sealed."""
    tender = application.tender
    secret = entry.command in ("receive_bid", "withdraw_bid", "ask_question") and "bidder" in entry.data
    since = tender.published_at
    if not secret or tender.opened or since is None or entry.at < since:
        return entry
    hidden = {name: SEALED for name in ("bidder", "contact") if name in entry.data}
    return entry.model_copy(update={"data": {**entry.data, **hidden}})


def entry_without(sheets: OpenSheets, entry: Entry) -> Entry:
    """A ledger's entry without scores that are not open, refused ones among them; its hash is that of the whole."""
    if "scores" not in entry.data or sheets.shows(entry.data.get("step") or entry.source, entry.person):
        return entry
    return entry.model_copy(update={"data": {**entry.data, "scores": SEALED}})


def _is_over(application: Application, programme: Programme, step: str, person: str, role: Role) -> bool:
    """Left behind, and for the chair, who decides, once no sheet is awaited; never for who has yet to seal theirs."""
    awaited = application.awaited_seats(step)
    if any(seat.reviewer == person for seat in awaited):
        return False
    if Stage(step) in application.reached and application.stage != step:
        return True
    return role is Role.CHAIR and not too_few_sheets(application, programme, step)
