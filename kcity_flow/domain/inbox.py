"""What waits for whom, over every application and edition at once: the inbox.

It is made of views alone (:attr:`~kcity_flow.domain.messages.View.waiting`), so lists never ask a workflow.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set
from datetime import UTC, datetime

from kcity_flow.domain.messages import Entry, View, Waiting
from kcity_flow.domain.moves import EDITION_MOVES
from kcity_flow.domain.values import Frozen

OF_THE_EDITION = frozenset(move.trigger for move in EDITION_MOVES)

_NEVER = datetime.max.replace(tzinfo=UTC)

TASKS = {
    "acknowledge": "acknowledge its receipt",
    "screening": "finish the screening",
    "clarification": "answer the question that was asked",
    "conflict_declaration": "declare whether there is a conflict of interest",
    "score_sheet": "seal the score sheet",
    "refuse_late": "refuse it as late",
    "defer": "defer it to the next edition",
    "open_screening": "open the screening",
    "open_call": "open the call",
    "assign_reviewer": "assign another reviewer",
    "schedule": "set the date of the next meeting",
    "reschedule": "set another date for the meeting that was missed",
    "hold": "record whether the meeting was held",
    "finish_round": "finish the round",
    "record_confirmation": "record the counterpart's answer",
    "decide_selection": "decide on the shortlist",
    "publish_results": "publish the result",
    "open_framework": "open the framework",
    "set_terms": "set the terms of the procurement",
    "agree_terms": "agree the terms of the procurement",
    "award_contract": "award the contract",
    "close": "close the project",
    "list_party": "list the parties that are to sign the framework",
    "table_text": "table a text of the framework",
    "framework_refused": "decide what follows, as a party refuses to sign the framework",
    "strike_party": "strike the party that refuses to sign, or table another text",
    "accede": "accede to the framework, which the contract waits for",
    "complete_framework": "complete the framework",
    "publish_notice": "publish the notice",
    "answer_question": "answer a bidder's question",
    "name_committee": "name the committee that evaluates the bids",
    "declare_bid_conflict": "declare whether there is a conflict with a bidder or the applicant",
    "record_bid": "record what the opened bids say",
    "evaluate_bids": "evaluate the bids",
    "give_notice_again": "give notice again",
    "fail_procurement": "let the procurement fail",
    "record_negotiation": "negotiate with the first in the order",
    "announce_award": "tell the bidders who is to be the contractor",
    "bid_evaluation": "have the bids evaluated",
    "standstill": "wait for complaints, then award the contract",
    "complaint": "decide on the bidder's complaint",
    "minutes": "agree the minutes",
    "presentation": "meet on the date that was set",
    "results": "decide, and publish the results",
    "letters": "send the letter with the decision",
    "objection": "decide on the objection",
    "promotion": "promote who is next on the reserve, or somebody else with a reason",
    "reserve": "give it a place, should one come free",
    "framework_signature": "sign the framework",
    "framework_long_stop": "complete the framework, give it more time, or let it fail",
    "procurement_notice": "open the bids",
    "renotice": "open the bids",
    "plan": "set the plan of the work",
    "accept_plan": "accept the plan of the work",
    "accept_milestone": "accept the milestone that was reported",
    "accept_claim": "accept or reject the claim",
    "reports_missed": "decide whether the work is suspended, as reports were missed",
    "record_settlement": "record the settlement",
    "recover": "recover what is to be refunded",
    "report": "report on the work",
    "implementation_end": "finish the work and hand in the final report",
    "suspension": "let the work go on, or end it",
    "termination_notice": "end the work once the notice has run, or withdraw the notice",
    "acceptance": "agree the minutes of the acceptance, then accept the final report, or return it",
    "payment": "pay the accepted claim",
    "settlement": "settle the sums",
    "settlement_long_stop": "see that it is closed; once that day is over, on what is known",
    "follow_up": "ask what became of it",
    "retention": "erase personal data, unless they are still needed",
}
"""Timer or task → what those who are waited for have to do, after *to*."""


class Item(Frozen):
    """Something that waits for a person, or for anybody.

    ``overdue`` means that its day is over by the edition's business time; ``escalated`` that it is in this person's
    inbox because of that alone. What the edition decides for many ``applications`` at once is one item, the edition's.
    """

    subject: str
    edition: int
    programme: str
    city: str
    overdue: bool
    escalated: bool
    waiting: Waiting
    applications: int = 1

    def task(self) -> str:
        """What is to be done, after *to*."""
        return task(self.waiting) + (f" ({self.applications:,} applications)" if self.applications > 1 else "")


def task(waiting: Waiting) -> str:
    """What those who are waited for have to do, after *to*."""
    words = waiting.what.replace("_", " ")
    return f"confirm or refuse the proposal: {words}" if waiting.proposal else TASKS.get(waiting.what, words)


def inbox(
    views: Iterable[View], now: Mapping[int, datetime], person: str | None = None, roles: Set[str] = frozenset()
) -> list[Item]:
    """What waits, the most urgent first, what has no date last.

    Nothing waits for whoever is in conflict with an application, and for its own contact only what names them.
    A proposal waits for whoever may approve it and has not proposed it. What is overdue also waits for those it
    escalates to. The due instant itself is overdue: it is the first that is too late.

    Args:
        views: Of applications and editions, of whatever years.
        now: Business time by edition, UTC; in an edition without one nothing counts as overdue.
        person: Whose inbox; nobody: everything that waits for anybody, what only the clock will do left out.
        roles: The person's.
    """
    found = []
    for view in views:
        # Whoever is in conflict has nothing to do with it; of their own, applicants are asked what names them.
        names = {person} if person == view.contact else {*roles, person}
        for waiting in () if view.closed or person in view.barred else view.waiting:
            at = now.get(view.edition)
            overdue = at is not None and waiting.due_at is not None and waiting.due_at <= at
            mine = person is None or not names.isdisjoint(waiting.to)
            escalated = not mine and overdue and not names.isdisjoint(waiting.escalates_to)
            if waiting.to and (mine or escalated) and (person is None or waiting.but != person):
                item = Item(
                    subject=view.subject,
                    edition=view.edition,
                    programme=view.programme,
                    city=view.city,
                    overdue=overdue,
                    escalated=escalated,
                    waiting=waiting,
                )
                found.append(item)
    return sorted(_decided_together(found), key=_urgency)


def _decided_together(items: Iterable[Item]) -> Iterable[Item]:
    """Each item as it is, but one for all applications of a programme that wait for the same act of the edition."""
    found: dict[tuple[object, ...], Item] = {}
    for item in items:
        if item.waiting.proposal or item.subject.startswith("edition/") or item.waiting.what not in OF_THE_EDITION:
            found[len(found),] = item
            continue
        key = (item.edition, item.programme, item.waiting.what)
        first = found.setdefault(key, item.model_copy(update={"applications": 0}))
        oldest = min(first.waiting, item.waiting, key=lambda waiting: waiting.since)
        together = {"applications": first.applications + 1, "waiting": oldest}
        found[key] = first.model_copy(update={**together, "subject": f"edition/{item.edition}", "city": ""})
    return found.values()


def business_time(newest: Entry, clock: datetime) -> datetime:
    """How late it is for an edition whose newest entry, its applications' included, is this one. UTC.

    An entry has both times. In earnest they are one, and it is as late as the clock says. Where they differ, in a
    rehearsal, it is at least as late as the entry says, however the rehearsal was stopped or slowed down since.
    """
    return clock if newest.at == newest.recorded_at else newest.at


def _urgency(item: Item) -> tuple[datetime, str, int]:
    return item.waiting.due_at or _NEVER, item.subject, item.waiting.entry
