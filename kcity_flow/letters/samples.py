"""Letters as they might be called for: what templates are checked with, and shown by.

Each template is given what it may count on, and no more: a field that stands in ``ALWAYS`` is in every sample, one in
``SOMETIMES`` only where everything is stated.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from kcity_flow.domain.edition import Edition, Programme
from kcity_flow.domain.letters import COMMITTEE_NAMED, DUE_BY, PAUSES
from kcity_flow.domain.messages import Entry, Letter, Moved, Outcome, View
from kcity_flow.domain.stages import EditionStage, Role, Stage, Via

DUE = datetime(2021, 4, 20, 15, tzinfo=UTC)
AT = datetime(2021, 3, 2, 5, tzinfo=UTC)

ALWAYS: dict[str, dict[str, Any]] = {
    "meeting_scheduled": {"date_at": "2021-05-03T05:00:00.000000Z"},
    "meeting_moved": {"date_at": "2021-05-03T05:00:00.000000Z"},
    "party_listed": {"party": "TBILISI", "kind": "host_government", "signatory": "P-MAYOR"},
    "framework_text": {"text": "c" * 64},
    "signatory_named": {"party": "TBILISI", "signatory": "P-MAYOR"},
    "signature_not_asked": {"party": "TBILISI"},
    "signature_refused": {"party": "TBILISI"},
    "signature_extended": {"signs_by": "2021-09-30", "missing": ["TBILISI"]},
    "procurement_notice": {"closes_at": "2021-08-31T15:00:00.000000Z"},
    "award_announced": {"contractor": "O-STUDIO"},
    "complaint_received": {"bidder": "O-OTHER", "ground": "wrong_evaluation"},
    "complaint_upheld": {"bidder": "O-OTHER"},
    "complaint_dismissed": {"bidder": "O-OTHER"},
    "award_reduced": {"krw": 450_000_000},
    "contract_awarded": {"contractor": "O-STUDIO", "country": "KR", "krw": 480_000_000},
    "contract_made": {"contractor": "O-STUDIO"},
    "contractor_replaced": {"contractor": "O-NEXT"},
    "tendered_again": {"closes_at": "2021-10-31T15:00:00.000000Z"},
    "termination_notified": {"ends_at": "2022-03-31T15:00:00.000000Z"},
    "extended": {"ends_on": "2022-09-30", "ground": "covid_19"},
    "plan_accepted": {"plan": 60},
    "milestone_accepted": {"milestone": "inception_report"},
    "claim_rejected": {"claim": 3},
    "claim_paid": {"claim": 3, "done_on": "2022-03-31"},
    "final_returned": {"missing": ["feasibility_study"]},
    "objection_received": {"ground": "office_error"},
    "objection_upheld": {"step": "paper_review"},
    "place_free": {"ref": "KC2021-PLA-0002"},
    "conflict_found": {"kind": "family", "step": "paper_review", "conflict": True},
    "promotion_due": {"programme": "planning", "ref": "KC2021-PLA-0002"},
}
"""Template → what the entry behind it states in any case."""

SOMETIMES: dict[str, dict[str, Any]] = {
    "ineligible": {"item": "government"},
    "proposal_waiting": {"krw": 500_000_000, "ground": "covid_19"},
    "result_not_selected": {"ground": "below_threshold", "last": "80"},
    "withdrawn": {"survivor": "KC2021-PLA-0002"},
}
"""Template → what the entry behind it may state as well."""

TOLD_BY = {"result_not_selected": ("reject", "pass_over", "expire")}
"""Template → the commands that lead to it, where it says something else for each."""

OF_AN_EDITION = ("place_free", "promotion_due")
OF_BOTH = ("proposal_waiting", "reminder", "overdue", "flagged")
TIMERS = ("reminder", "overdue", "flagged")

TEXTS = {
    "question": "Who owns the land on which the sensors are to stand?",
    "reason": "As the minutes of that day say so.",
}

ORGANISATIONS = {"O-STUDIO": "Narae Urban Data", "O-OTHER": "Haneul Engineering", "O-NEXT": "Dasan Consultants"}

NAMES = {"en": "Ms Nino Beridze", "ko": "니노 베리제"}


class Sample(NamedTuple):
    """What a letter is written from, and ``of`` what kind it is, in words."""

    of: str
    letter: Letter
    view: View
    entry: Entry
    texts: dict[str, str]


def samples(template: str, editions: Sequence[Edition]) -> Iterator[Sample]:
    """A letter of this template about each kind of subject, with everything stated and with nothing but what must be.

    Args:
        template: Its name.
        editions: Whose programmes are the kinds of application.
    """
    for view in _subjects(template, editions):
        kind = f"an application of {view.programme}" if view.programme else "an edition"
        for command in TOLD_BY.get(template, ("receive",)):
            yield _sample(template, view, command, kind, stated=True)
            yield _sample(template, view, command, f"{kind}, with no more stated than must be", stated=False)


def _subjects(template: str, editions: Sequence[Edition]) -> Iterator[View]:
    if template not in OF_AN_EDITION:
        for edition in editions:
            for programme in edition.programmes:
                yield _application(edition, programme)
    if template in OF_AN_EDITION or template in OF_BOTH:
        for edition in editions:
            yield View(
                subject=f"edition/{edition.year}", edition=edition.year, stage=EditionStage.DECIDING, since=AT,
                entries=1, head="0" * 64,
            )  # fmt: skip


def _application(edition: Edition, programme: Programme) -> View:
    return View(
        subject=f"KC{edition.year}-{programme.code}-0001",
        edition=edition.year,
        stage=Stage.CONSULTATION,
        since=AT,
        programme=programme.key,
        country="GE",
        city="Tbilisi",
        title="A blueprint for the old town",
        contact="P-MAYOR",
        krw=500_000_000,
        next_timer="clarification",
        next_due_at=DUE,
        entries=1,
        head="0" * 64,
    )


def _sample(template: str, view: View, command: str, of: str, *, stated: bool) -> Sample:
    dated = stated or template in TIMERS
    letter = Letter(
        key=f"{view.subject}/{'clarification/1/0/' if template in TIMERS else ''}{template}/1/P-MAYOR",
        subject=view.subject,
        template=template,
        to="P-MAYOR",
        about=1,
        due_at=DUE if dated else None,
        grounds=("reviewers_error", "office_error") if stated and DUE_BY.get(template) == "objection_period" else (),
        dates=(_moved(template),) if stated and template in PAUSES.values() else (),
        bidders=("O-STUDIO", "O-OTHER") if stated and template == COMMITTEE_NAMED else (),
    )
    entry = Entry(
        subject=view.subject,
        number=1,
        command=command,
        outcome=Outcome.MADE,
        source=view.stage,
        dest=view.stage,
        person="P-DESK",
        role=Role.DESK,
        via=Via.UPDATE,
        command_id="c1",
        at=AT,
        recorded_at=AT,
        data={**ALWAYS.get(template, {}), **(SOMETIMES.get(template, {}) if stated else {})},
        evidence=("a" * 64,) if stated else (),
        previous="0" * 64,
    )
    if stated:
        view = view.model_copy(update={"scores": {"score": "239/3"}})
    return Sample(of, letter, view, entry, TEXTS if stated else {})


def _moved(template: str) -> Moved:
    now = DUE + timedelta(days=9) if template == PAUSES["unfreeze"] else None
    return Moved(timer="clarification", was=DUE, due_at=now)
