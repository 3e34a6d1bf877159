"""Which move is told to whom, and by which letter. The wording is made when the letter is written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from kcity_flow.domain.messages import Entry, Letter, Moved, Outcome
from kcity_flow.domain.recipients import (
    ANNOUNCED_TO,
    APPLICANT,
    BIDDERS,
    CONCERNED,
    CONTRACTOR,
    EVALUATORS,
    FORMER_SIGNATORY,
    MISSING,
    NOTIFIED,
    OTHER_BIDDERS,
    PROJECT,
    SIGNATORY,
)
from kcity_flow.domain.stages import DECIDED, Role

COMMITTEE_NAMED = "committee_named"
"""The letter to who evaluates bids: whoever is in conflict with whom can only be said once the bidders are known."""

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
    "withdraw": (("withdrawn", APPLICANT), ("tender_ended", BIDDERS)),
    "merge_duplicate": (("withdrawn", APPLICANT),),
    "cancel_award": (("cancelled", APPLICANT),),
    "cancel_call": (("cancelled", APPLICANT),),
    "fail_framework": (("cancelled", APPLICANT),),
    "fail_procurement": (("procurement_failed", APPLICANT), ("tender_ended", BIDDERS)),
    "open_framework": (("framework_opened", APPLICANT),),
    "list_party": (("party_listed", SIGNATORY),),
    "strike_party": (("signature_not_asked", FORMER_SIGNATORY),),
    "replace_signatory": (("signatory_named", SIGNATORY), ("signature_not_asked", FORMER_SIGNATORY)),
    "table_text": (("framework_text", MISSING),),
    "refuse_signature": (("signature_refused", "ministry"), ("signature_refused", "desk")),
    "extend_signature": (("signature_extended", APPLICANT), ("signature_extended", MISSING)),
    "complete_framework": (("framework_complete", APPLICANT),),
    "publish_notice": (("procurement_notice", APPLICANT),),
    "renotice": (("procurement_notice", APPLICANT), ("tendered_again", BIDDERS)),
    "set_terms": (("terms_set", APPLICANT),),
    "name_committee": ((COMMITTEE_NAMED, EVALUATORS),),
    "open_bids": ((COMMITTEE_NAMED, EVALUATORS),),
    "record_negotiation": (("award_taken_back", ANNOUNCED_TO),),
    "announce_award": (("award_announced", BIDDERS),),
    "complain": (("complaint_received", BIDDERS), ("complaint_received", "objection_committee")),
    "uphold_complaint": (("complaint_upheld", BIDDERS), ("complaint_upheld", "procurement_officer")),
    "dismiss_complaint": (("complaint_dismissed", BIDDERS), ("complaint_dismissed", "procurement_officer")),
    "reduce_award": (("award_reduced", APPLICANT),),
    "award_contract": (("contract_awarded", PROJECT), ("contract_made", OTHER_BIDDERS)),
    "suspend": (("suspended", PROJECT),),
    "resume": (("resumed", PROJECT), ("termination_withdrawn", NOTIFIED)),
    "extend": (("extended", PROJECT),),
    "accept_plan": (("plan_accepted", CONTRACTOR),),
    "accept_milestone": (("milestone_accepted", CONTRACTOR),),
    "reject_claim": (("claim_rejected", CONTRACTOR),),
    "pay": (("claim_paid", CONTRACTOR),),
    "return_final": (("final_returned", PROJECT),),
    "accept_final": (("final_accepted", PROJECT), ("termination_withdrawn", NOTIFIED)),
    "replace_contractor": (("contractor_replaced", PROJECT),),
    "notify_termination": (("termination_notified", PROJECT),),
    "withdraw_termination": (("termination_withdrawn", NOTIFIED),),
    "terminate": (("terminated", PROJECT),),
    "close": (("closed", PROJECT),),
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
    entry: Entry, approvers: tuple[str, ...], due: Mapping[str, datetime], late: bool, decided_by: int,
    grounds: tuple[str, ...], bidders: tuple[str, ...], people: Mapping[str, Sequence[str]],
) -> list[Letter]:  # fmt: skip
    """The letters an entry calls for.

    Args:
        entry: What was recorded.
        approvers: Roles of which one must confirm, if the entry is a proposal.
        due: When each timer that runs is due, UTC.
        late: Whether the application arrived late, which is then why it is ineligible.
        decided_by: The entry that led to where the application stands: its ground and reason are what a result tells.
        grounds: On which a decision may be objected to.
        bidders: Whose bids are open, which whoever evaluates them is told.
        people: Who is meant by a recipient that is no role (:func:`~kcity_flow.domain.recipients.people`).
    """
    if entry.outcome is Outcome.PROPOSED:
        return [_letter(entry, "proposal_waiting", role, due) for role in approvers]
    if entry.outcome is not Outcome.MADE:
        return []
    if entry.command == "send_letter":
        result = "late" if late and entry.source == "ineligible" else RESULTS[entry.source]
        found = [_letter(entry, result, person, due, decided_by) for person in people[APPLICANT]]
        objectionable = DUE_BY.get(result) == "objection_period"
        return [told.model_copy(update={"grounds": grounds}) if objectionable else told for told in found]
    if entry.command.startswith("return_to_"):
        return [_letter(entry, "returned", person, due) for person in people[CONCERNED]]
    if entry.command == "declare_conflict" and entry.data.get("conflict") and entry.source in DECIDED:
        # Found after the decision, it takes nothing back: those who can are told.
        return [_letter(entry, CONFLICT_FOUND, role, due) for role in ("ministry", "desk")]
    if entry.command == "release_place" and "krw" in entry.data:
        return []  # no place came free; whoever is next on the reserve for the money is named by itself
    if entry.command == "flag" and (entry.role, entry.data.get("note")) == (Role.CLOCK, REPORTS_MISSED):
        return [_letter(entry, REPORTS_MISSED, "ministry", due)]
    found = [
        _letter(entry, template, person, due)
        for template, to in TOLD.get(entry.command, ())
        for person in people.get(to, (to,))
    ]
    return [t.model_copy(update={"bidders": bidders}) if t.template == COMMITTEE_NAMED else t for t in found]


def told_of_pause(entry: Entry, dates: Mapping[str, Sequence[Moved]]) -> list[Letter]:
    """One letter a person about all the deadlines of theirs that rest, or have moved.

    Args:
        entry: By which it began to rest, or ceased to.
        dates: Person's id → their deadlines.
    """
    template = PAUSES[entry.command]
    return [_letter(entry, template, to, {}).model_copy(update={"dates": tuple(own)}) for to, own in dates.items()]
