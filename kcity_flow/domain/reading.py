"""Who may read an application's file, and whose score sheets.

A conflict of interest closes the file; files open to reviewers who declared themselves free of one, when screening is
passed; and nobody reads another's sheet before the step is over (assumed: the announcement says nothing of either).
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from kcity_flow.domain.application import Application
from kcity_flow.domain.edition import Programme
from kcity_flow.domain.evaluation import too_few_sheets
from kcity_flow.domain.messages import Entry, View
from kcity_flow.domain.stages import Role, Stage

Sheets = frozenset[tuple[str, str]]
"""Score sheets, each by its step and its reviewer."""

OUTSIDE = (Role.APPLICANT, Role.SIGNATORY, Role.CONTRACTOR, Role.HOST_GOVERNMENT)
"""Roles that read their own projects, and no sheets."""


def closed_to(application: Application, person: str, role: Role) -> str:
    """Why somebody may not read the file, or an empty string.

    Whoever has a seat reads as a reviewer, in whatever other role they may come.
    """
    seated = [step for step in application.reviews if any(s.reviewer == person for s in application.seats(step))]
    if role is Role.APPLICANT:
        own = application.applicant is not None and application.applicant.contact == person
        return "" if own else "it is somebody else's application"
    if role in OUTSIDE:
        signs = any(party.signatory == person for party in application.parties.values())
        return "" if signs else "they sign for no party of it"
    if tie := application.conflict_of(person):
        return tie
    if role is not Role.REVIEWER and not seated:
        return ""
    if not seated:
        return "they are not assigned to it"
    free = [step for step in seated if any(s.reviewer == person for s in application.free_seats(step))]
    if not free:
        return "they have yet to declare themselves free of conflict"
    return "" if Stage.PAPER_REVIEW in application.reached else "files open when screening is passed"


def listed(view: View, person: str, roles: Collection[Role]) -> bool:
    """Whether an application stands in somebody's lists: in nobody's who is in conflict; of reviewers, their own."""
    if person in view.barred:
        return False
    if person in view.reviewers or view.contact == person:
        return True
    return not set(roles) <= {Role.REVIEWER, *OUTSIDE}


def sealed_to(application: Application, programme: Programme, person: str, role: Role) -> Sheets:
    """The sheets somebody may not read, each by step and reviewer."""
    sheets = [(step, seat) for step, seats in application.reviews.items() for seat in seats if seat.scores is not None]
    readable = {step for step in application.reviews if _is_over(application, programme, step, role)}
    outside = role in OUTSIDE
    return frozenset(
        (step, seat.reviewer) for step, seat in sheets if outside or (seat.reviewer != person and step not in readable)
    )


SEALED = "sealed"
"""What stands for scores that the reader may not see."""


def without(sheets: Sheets, facts: dict[str, Any]) -> dict[str, Any]:
    """An application's facts, as JSON has them, without the scores of some sheets."""

    def shown(step: str, seat: dict[str, Any]) -> dict[str, Any]:
        return {**seat, "scores": SEALED} if (step, seat["reviewer"]) in sheets else seat

    reviews = {step: [shown(step, seat) for seat in seats] for step, seats in facts.get("reviews", {}).items()}
    return {**facts, "reviews": reviews}


def entry_without(sheets: Sheets, entry: Entry) -> Entry:
    """A ledger's entry without the scores of some sheets; its hash is that of the whole."""
    step = entry.data.get("step") or entry.source
    if "scores" not in entry.data or (step, entry.person) not in sheets:
        return entry
    return entry.model_copy(update={"data": {**entry.data, "scores": SEALED}})


def _is_over(application: Application, programme: Programme, step: str, role: Role) -> bool:
    """Left behind; the chair, who decides, reads as soon as no sheet is awaited any more."""
    if Stage(step) in application.reached and application.stage != step:
        return True
    awaited = any(seat.scores is None for seat in application.free_seats(step))
    return role is Role.CHAIR and not awaited and not too_few_sheets(application, programme, step)
