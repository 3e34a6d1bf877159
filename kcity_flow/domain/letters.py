"""Which move is told to whom, and by which letter. The wording is made when the letter is written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from types import MappingProxyType

from kcity_flow.domain.messages import Entry, Letter, Moved, Outcome
from kcity_flow.domain.stages import DECIDED, Role

APPLICANT, BIDDERS, CONTRACTOR = "applicant", "bidders", "contractor"

TOLD: dict[str, tuple[tuple[str, str], ...]] = {
    #  trigger                  (template, to) …
    "acknowledge": (("acknowledgement", APPLICANT),),
    "defer": (("deferred", APPLICANT),),
    "ask_clarification": (("clarification_asked", APPLICANT),),
    "invite_to_consultation": (("invited_to_consultation", APPLICANT),),
    "invite_to_presentation": (("invited_to_presentation", APPLICANT),),
    "request_confirmation": (("confirmation_requested", APPLICANT),),
    "schedule": (("meeting_scheduled", APPLICANT),),
    "reschedule": (("meeting_moved", APPLICANT),),
    "miss_date": (("meeting_missed", APPLICANT),),
    "withdraw": (("withdrawn", APPLICANT),),
    "merge_duplicate": (("withdrawn", APPLICANT),),
    "cancel_award": (("cancelled", APPLICANT),),
    "cancel_call": (("cancelled", APPLICANT),),
    "fail_framework": (("cancelled", APPLICANT),),
    "fail_procurement": (("procurement_failed", APPLICANT),),
    "open_framework": (("framework_opened", APPLICANT),),
    "list_party": (("party_listed", "signatory"),),
    "strike_party": (("signature_not_asked", "former_signatory"),),
    "replace_signatory": (("signatory_named", "signatory"), ("signature_not_asked", "former_signatory")),
    "table_text": (("framework_text", "signatories"),),
    "refuse_signature": (("signature_refused", "ministry"), ("signature_refused", "desk")),
    "extend_signature": (("signature_extended", APPLICANT), ("signature_extended", "signatories")),
    "complete_framework": (("framework_complete", APPLICANT),),
    "publish_notice": (("procurement_notice", APPLICANT),),
    "renotice": (("procurement_notice", APPLICANT),),
    "set_terms": (("terms_set", APPLICANT),),
    "announce_award": (("award_announced", BIDDERS),),
    "complain": (("complaint_received", BIDDERS), ("complaint_received", "objection_committee")),
    "uphold_complaint": (("complaint_upheld", BIDDERS), ("complaint_upheld", "procurement_officer")),
    "dismiss_complaint": (("complaint_dismissed", BIDDERS), ("complaint_dismissed", "procurement_officer")),
    "reduce_award": (("award_reduced", APPLICANT),),
    "award_contract": (("contract_awarded", APPLICANT),),
    "suspend": (("suspended", APPLICANT),),
    "resume": (("resumed", APPLICANT),),
    "extend": (("extended", APPLICANT),),
    "accept_plan": (("plan_accepted", CONTRACTOR),),
    "accept_milestone": (("milestone_accepted", CONTRACTOR),),
    "reject_claim": (("claim_rejected", CONTRACTOR),),
    "pay": (("claim_paid", CONTRACTOR),),
    "return_final": (("final_returned", APPLICANT),),
    "accept_final": (("final_accepted", APPLICANT),),
    "terminate": (("terminated", APPLICANT),),
    "close": (("closed", APPLICANT),),
    "object": (("objection_received", APPLICANT), ("objection_received", "objection_committee")),
    "uphold_objection": (("objection_upheld", APPLICANT),),
    "dismiss_objection": (("objection_dismissed", APPLICANT),),
    "reopen_screening": (("reopened", APPLICANT),),
    "reopen_review": (("reopened", APPLICANT),),
    "reopen_consultation": (("reopened", APPLICANT),),
    "reopen_presentation": (("reopened", APPLICANT),),
    "reopen_confirmation": (("reopened", APPLICANT),),
    "reopen_selection": (("reopened", APPLICANT),),
    "release_place": (("place_free", "ministry"),),
    "nominate_next": (("promotion_due", "ministry"),),
}
"""Trigger → the letters a made move calls for. Decisions are told by ``send_letter``, not when they are made."""

RESULTS = {
    "selected": "result_selected",
    "reserve": "result_reserve",
    "not_selected": "result_not_selected",
    "ineligible": "ineligible",
    "withdrawn": "withdrawn",
}
"""Stage → the letter that ``send_letter`` sends there."""


CONFLICT_FOUND = "conflict_found"
"""The letter about a conflict that was found after the decision."""

PAUSES = {"receive": "frozen", "freeze": "frozen", "unfreeze": "thawed"}
"""Trigger → the letter to everybody whose deadlines rest from then on, or run again."""
REPORTS_MISSED = "reports_missed"
"""The letter about reports that were missed in a row; the flag that is raised has the same name."""

DUE_BY = {
    "clarification_asked": "clarification",
    "framework_opened": "framework_signature",
    "party_listed": "framework_signature",
    "signatory_named": "framework_signature",
    "framework_text": "framework_signature",
    "signature_extended": "framework_signature",
    "final_accepted": "settlement",
    "objection_received": "objection",
    "result_not_selected": "objection_period",
    "ineligible": "objection_period",
    "late": "objection_period",
    "result_reserve": "reserve",
    "promotion_due": "promotion",
    "award_announced": "standstill",
    "complaint_received": "complaint",
}
"""Template → the timer whose due date the letter states."""


def _letter(entry: Entry, template: str, to: str, due: Mapping[str, datetime], about: int = 0) -> Letter:
    return Letter(
        key=f"{entry.subject}/{template}/{entry.number}/{to}",
        subject=entry.subject,
        template=template,
        to=to,
        about=about or entry.number,
        due_at=due.get(DUE_BY.get(template, "")),
    )


def letters(
    entry: Entry, contact: str, approvers: tuple[str, ...], due: Mapping[str, datetime], late: bool, decided_by: int,
    grounds: tuple[str, ...] = (), people: Mapping[str, Sequence[str]] = MappingProxyType({}),
) -> list[Letter]:  # fmt: skip
    """The letters an entry calls for.

    Args:
        entry: What was recorded.
        contact: The applicant's person id.
        approvers: Roles of which one must confirm, if the entry is a proposal.
        due: When each timer that runs is due, UTC.
        late: Whether the application arrived late, which is then why it is ineligible.
        decided_by: The entry that led to where the application stands: its ground and reason are what a result tells.
        grounds: On which a decision may be objected to.
        people: Who is meant by a recipient that is no role: the parties' signatories, bidders.
    """
    if entry.outcome is Outcome.PROPOSED:
        return [_letter(entry, "proposal_waiting", role, due) for role in approvers]
    if entry.outcome is not Outcome.MADE:
        return []
    if entry.command == "send_letter":
        result = RESULTS[entry.source]
        told = _letter(entry, "late" if late and result == "ineligible" else result, contact, due, decided_by)
        objectionable = DUE_BY.get(told.template) == "objection_period"
        return [told.model_copy(update={"grounds": grounds}) if objectionable else told]
    if entry.command.startswith("return_to_"):
        return [_letter(entry, "returned", contact, due)]
    if entry.command == "declare_conflict" and entry.data.get("conflict") and entry.source in DECIDED:
        # Found after the decision, it takes nothing back: those who can are told.
        return [_letter(entry, CONFLICT_FOUND, role, due) for role in ("ministry", "desk")]
    if entry.command == "release_place" and "krw" in entry.data:
        return []  # no place came free; whoever is next on the reserve for the money is named by itself
    if entry.command == "flag" and (entry.role, entry.data.get("note")) == (Role.CLOCK, REPORTS_MISSED):
        return [_letter(entry, REPORTS_MISSED, "ministry", due)]
    people = {APPLICANT: (contact,), "signatory": (str(entry.data.get("signatory", "")),), **people}
    return [
        _letter(entry, template, person, due)
        for template, to in TOLD.get(entry.command, ())
        for person in people.get(to, (to,))
        if person
    ]


def told_of_pause(entry: Entry, dates: Mapping[str, Sequence[Moved]]) -> list[Letter]:
    """One letter a person about all the deadlines of theirs that rest, or have moved.

    Args:
        entry: By which it began to rest, or ceased to.
        dates: Person's id → their deadlines.
    """
    template = PAUSES[entry.command]
    return [_letter(entry, template, to, {}).model_copy(update={"dates": tuple(own)}) for to, own in dates.items()]
