"""How the contractor is found: what guards of its moves read, and what those moves do (announcement, 4).

The announcement asks for Korean contractors; how they are found is edition data, assumed. Bids stay sealed until two
persons open them; a committee evaluates them, and no contract is made before bidders had time to complain.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from kcity_flow.domain import messages as m
from kcity_flow.domain.application import (
    Application,
    Bid,
    Complaint,
    Contract,
    Effect,
    Evaluator,
    Facts,
    Question,
    Tender,
)
from kcity_flow.domain.edition import BEFORE_CLOSE, ProcurementMode, Programme
from kcity_flow.domain.freeze import falls_on
from kcity_flow.domain.guards import Setting
from kcity_flow.domain.stages import Role

STANDSTILL = "standstill"
"""The timer by which the arrival of a complaint is judged."""

OVERTAKES = {
    "evaluate_bids": ("evaluate_bids",),
    "record_negotiation": ("award_contract",),
    "uphold_complaint": ("uphold_complaint", "award_contract"),
    "dismiss_complaint": ("uphold_complaint",),
}
"""Move → whose proposals end with it: they were about a tender that is no longer so."""


def open_tender(setting: Setting) -> str:
    """The contractor is found by open procurement (announcement, 4); in designated mode it is the consortium's."""
    return "" if setting.programme.procurement.mode == "open" else "open procurement; this programme's is designated"


# --- terms ------------------------------------------------------------------------------------------------------------


def one_document(facts: Facts) -> str:
    """The terms of reference are one document."""
    return "" if len(facts.command.evidence) == 1 else "the hash of the terms, and of nothing else, as evidence"


def terms_open(facts: Facts) -> str:
    """The terms may change until the notice; whoever bids bids on what it said."""
    return "a procurement without a notice" if facts.application.tender.closes_at else ""


def terms_to_agree(facts: Facts) -> str:
    """Terms are set that the applicant has yet to agree to."""
    if facts.application.terms is None:
        return "terms of reference"
    return "terms not yet agreed" if facts.application.terms_agreed else ""


def same_terms(facts: Facts) -> str:
    """The applicant agrees the text that was set, not one before it."""
    terms = facts.application.terms
    return "" if terms is None or facts.command.terms == terms else "the terms that stand now"


def agreed_in_writing(facts: Facts) -> str:
    """The applicant agrees themselves; the desk records what they wrote."""
    if facts.command.by.role is Role.APPLICANT or facts.command.evidence:
        return ""
    return "the hash of the applicant's letter as evidence"


def terms_agreed(facts: Facts) -> str:
    """The terms are set, and the applicant agreed to them."""
    return "" if facts.application.terms_agreed else "terms of reference that the applicant agreed to"


# --- the notice, questions, bids --------------------------------------------------------------------------------------


def no_notice_yet(facts: Facts) -> str:
    """The first notice is published once; later ones are re-notices."""
    return "a procurement without a notice; renotice follows" if facts.application.tender.closes_at else ""


def notice_long_enough(facts: Facts) -> str:
    """The notice runs as many days as the edition says (assumed: 20, a re-notice 10)."""
    least = facts.edition.least_ahead("renotice" if facts.command.trigger == "renotice" else "procurement_notice")
    return "" if facts.command.closes_at >= facts.now + least else f"a notice of at least {least.days} days"


def bids_sealed(facts: Facts) -> str:
    """A notice is out, and its bids are not opened yet."""
    tender = facts.application.tender
    return "" if tender.closes_at and not tender.opened else "a notice whose bids are not opened yet"


def _arrived(facts: Facts) -> datetime:
    at: datetime = facts.command.received_at or facts.now
    return at


def _between(facts: Facts, since: datetime | None, until: datetime | None, missing: str) -> str:
    at = _arrived(facts)
    if at > facts.now:
        return "a received_at that is not in the future"
    return "" if since and until and since <= at < until else missing


def arrived_in_time(facts: Facts) -> str:
    """Arrival decides, whenever it is booked; the closing instant itself is too late."""
    tender = facts.application.tender
    return _between(facts, tender.published_at, tender.closes_at, "arrival while the notice ran, before its close")


def asked_in_time(facts: Facts) -> str:
    """Questions are taken until some working days before the close (edition data, assumed: 5)."""
    tender, timer = facts.application.tender, facts.application.timers.get(BEFORE_CLOSE)
    until = tender.closes_at if facts.edition.ladder(BEFORE_CLOSE) is None else timer.due_at if timer else None
    return _between(facts, tender.published_at, until, "arrival before the last day for questions was over")


def question_waits(facts: Facts) -> str:
    """There is such a question, and it has no answer yet."""
    questions, number = facts.application.tender.questions, facts.command.number
    if number > len(questions):
        return f"one of the {len(questions)} questions"
    return "a question without an answer" if questions[number - 1].answered else ""


def bid_received(facts: Facts) -> str:
    """The bidder has a bid that was not withdrawn."""
    bid = facts.application.tender.bid_of(facts.command.bidder)
    return "" if bid and not bid.withdrawn else f"a bid of {facts.command.bidder}"


def after_its_last_word(facts: Facts) -> str:
    """A bidder's latest word counts, by when it arrived."""
    bid = facts.application.tender.bid_of(facts.command.bidder)
    return "" if bid is None or _arrived(facts) > bid.received_at else "arrival after this bidder's last word"


def bids_closed(facts: Facts) -> str:
    """Opened at or after the close, once."""
    tender = facts.application.tender
    return (
        "" if tender.closes_at and facts.now >= tender.closes_at and not tender.opened else "a notice that has closed"
    )


def questions_answered(facts: Facts) -> str:
    """Every question has its answer."""
    waiting = [str(n) for n, one in enumerate(facts.application.tender.questions, start=1) if not one.answered]
    return f"answers to the questions {', '.join(waiting)}" if waiting else ""


# --- the evaluation ---------------------------------------------------------------------------------------------------


def bids_opened(facts: Facts) -> str:
    """Opened, not yet evaluated."""
    tender = facts.application.tender
    return "" if tender.opened and tender.valid is None else "bids opened and not yet evaluated"


def same_envelope(facts: Facts) -> str:
    """What is recorded is what was sealed."""
    bid = facts.application.tender.bid_of(facts.command.bidder)
    return "" if bid is None or bid.sealed == facts.command.document else "the document that was sealed, by its hash"


def recorded_once(facts: Facts) -> str:
    """What a bid says is recorded once; anew with a reason."""
    bid = facts.application.tender.bid_of(facts.command.bidder)
    anew = bid is not None and bid.krw is not None
    return "a reason for recording it anew" if anew and not facts.command.reason else ""


def before_evaluation(facts: Facts) -> str:
    """A notice is out, and its bids are not evaluated yet."""
    tender = facts.application.tender
    return "" if tender.closes_at and tender.valid is None else "a notice whose bids are not evaluated yet"


def enough_members(facts: Facts) -> str:
    """As many as the edition says (assumed: 3), each named once; another committee needs a reason."""
    fewest, members = facts.programme.procurement.evaluators, facts.command.members
    if len(set(members)) < len(members):
        return "each member named once"
    if len(members) < fewest:
        return f"{fewest} members"
    replaced = facts.application.tender.committee and not facts.command.reason
    return "a reason for another committee" if replaced else ""


def named_by_others(facts: Facts) -> str:
    """Nobody who names the committee, or named the one before, sits in it."""
    named_by = (*facts.application.tender.named_by, facts.command.by.person)
    both = [member for member in facts.command.members if member in named_by]
    sits = [one.person for one in facts.application.tender.committee if one.person == facts.command.by.person]
    return f"{', '.join(dict.fromkeys((*both, *sits)))} either naming or judging" if both or sits else ""


def tie_of(application: Application, person: str, organisations: tuple[str, ...] = ()) -> str:
    """What ties a person to the applicant or to a bidder, or an empty string."""
    tender = application.tender
    if declared := tender.tied.get(person):
        return f"a declared conflict of the kind {declared}"
    known = next((one.organisations for one in tender.committee if one.person == person), ())
    theirs = tuple(dict.fromkeys((*organisations, *known)))
    bid = [one.bidder for one in tender.standing if one.bidder in theirs]
    return f"belonging to {', '.join(bid)}, which bids" if bid else application.conflict_of(person, theirs)


def untied(facts: Facts) -> str:
    """Whoever declared a conflict with a bidder handles no bid and makes no contract."""
    tie = facts.application.tender.tied.get(facts.command.by.person)
    return f"somebody without a declared conflict of the kind {tie}" if tie else ""


def members_free(facts: Facts) -> str:
    """Nobody is named whom something ties to the applicant or to a bidder."""
    tied = [member for member in facts.command.members if tie_of(facts.application, member)]
    return f"somebody else than {', '.join(tied)}, in conflict" if tied else ""


def on_the_committee(facts: Facts) -> str:
    """Members declare for themselves."""
    members = [one.person for one in facts.application.tender.committee]
    return "" if facts.command.by.person in members else "a seat on the committee"


def conflict_with_whom(facts: Facts) -> str:
    """A conflict is one with a bidder, or with the applicant where none is named."""
    bidder, tender = facts.command.bidder, facts.application.tender
    if bidder is None:
        return ""
    known = facts.command.conflict and tender.bid_of(bidder)
    return "" if known else "one of the bidders, where there is a conflict"


def no_tie_on_record(facts: Facts) -> str:
    """Who is in conflict by the record cannot declare that there is none."""
    command = facts.command
    tie = "" if command.conflict else tie_of(facts.application, command.by.person, command.organisations)
    return f"somebody without {tie}" if tie else ""


def every_bid_recorded(facts: Facts) -> str:
    """What each bid says is recorded."""
    waiting = [bid.bidder for bid in facts.application.tender.standing if bid.krw is None]
    return f"what the bids of {', '.join(waiting)} say" if waiting else ""


def free_to_evaluate(facts: Facts) -> str:
    """Whoever evaluates sits on the committee and is in no conflict: both persons, when the second confirms."""
    free = free_members(facts.application)
    persons = [facts.command.by.person, *([facts.proposal.person] if facts.proposal else [])]
    barred = [person for person in persons if person not in free]
    return f"members of the committee free of conflict; {', '.join(barred)} is none" if barred else ""


def free_members(application: Application) -> list[str]:
    """Who sits on the committee, has declared no conflict, and is in none."""
    return [one.person for one in application.tender.committee if one.free and not tie_of(application, one.person)]


def undeclared(application: Application) -> list[str]:
    """Who sits on the committee of opened bids, and has yet to say whether there is a conflict."""
    tender = application.tender
    waits = tender.opened and tender.valid is None
    return [one.person for one in tender.committee if one.free is None] if waits else []


def committee_free(facts: Facts) -> str:
    """Every member has declared that there is no conflict, and is in none; whoever is, is replaced first."""
    members, free = facts.application.tender.committee, free_members(facts.application)
    lacking = max(facts.programme.procurement.evaluators, len(members)) - len(free)
    return f"{lacking} more members of the committee who declared themselves free of conflict" if lacking > 0 else ""


def every_bid_judged(facts: Facts) -> str:
    """Each bid is found valid, with its points, or not, with its ground."""
    bidders = [verdict.bidder for verdict in facts.command.verdicts]
    wanted = [bid.bidder for bid in facts.application.tender.standing]
    if sorted(bidders) != sorted(wanted):
        return f"a word on each of {', '.join(sorted(wanted))}, once"
    abroad = {bid.bidder for bid in facts.application.tender.standing if korean(facts.programme, bid.country)}
    if wrong := [v.bidder for v in facts.command.verdicts if v.valid and v.bidder in abroad]:
        return f"no valid bid of {', '.join(wrong)}, which is not Korean"
    unsaid = [v.bidder for v in facts.command.verdicts if v.valid is not (v.points is not None and v.ground is None)]
    unsaid += [v.bidder for v in facts.command.verdicts if not v.valid and v.ground is None]
    return f"points if valid, a ground if not, for {', '.join(dict.fromkeys(unsaid))}" if unsaid else ""


def order_by_points(facts: Facts) -> str:
    """The valid bids in the order of their points; of equals the cheaper first, and of those any, with a reason."""
    prices = {bid.bidder: bid.krw or 0 for bid in facts.application.tender.standing}
    rank = {v.bidder: (-(v.points or 0), prices.get(v.bidder, 0)) for v in facts.command.verdicts if v.valid}
    order = facts.command.order
    if sorted(order) != sorted(rank):
        return "an order of exactly the valid bids"
    ranks = [rank[bidder] for bidder in order]
    if ranks != sorted(ranks):
        return "points that fall from bid to bid, and of equals the cheaper first"
    told_apart = len(set(ranks)) == len(ranks)
    return "" if told_apart or facts.command.reason else "a reason for the order of bids equal in points and price"


def too_few_bids_and_renotices_left(facts: Facts) -> str:
    """Fewer than two valid bids, or nobody left to negotiate with, and fewer than two re-notices (assumed)."""
    rules, tender = facts.programme.procurement, facts.application.tender
    if tender.valid is None:
        return "evaluated bids"
    if len(tender.valid) >= rules.valid_bids and tender.candidates:
        return f"fewer than {rules.valid_bids} valid bids"
    return "" if tender.renotices < rules.renotices else f"fewer than {rules.renotices} re-notices"


# --- negotiation, standstill, complaints ------------------------------------------------------------------------------


def enough_valid_bids(facts: Facts) -> str:
    """Two valid bids (assumed), or one after the last re-notice with a reason."""
    rules, tender = facts.programme.procurement, facts.application.tender
    if tender.valid is None:
        return "evaluated bids"
    last_resort = tender.renotices >= rules.renotices and bool(facts.command.reason)
    return "" if len(tender.valid) >= rules.valid_bids or last_resort else f"{rules.valid_bids} valid bids"


def first_in_order(facts: Facts) -> str:
    """Negotiated with the first in the order; with the next once that has failed."""
    first = next(iter(facts.application.tender.candidates), None)
    return "" if facts.command.bidder == first else f"the first in the order, {first or 'of whom nobody is left'}"


def agreed_price(facts: Facts) -> str:
    """What was agreed is no more than the bid and the award; where nothing was, there is no price."""
    command, place = facts.command, facts.application.place
    bid = facts.application.tender.bid_of(command.bidder)
    if not command.agreed:
        return "no price where none was agreed" if command.krw is not None else ""
    most = min((bid.krw or 0) if bid else 0, place.krw if place else 0)
    return "" if command.krw is not None and command.krw <= most else f"a price of at most {most:,} KRW"


def no_open_complaint(facts: Facts) -> str:
    """No complaint waits for its decision."""
    waiting = facts.application.tender.open_complaints()
    return f"a decision on the complaint of {', '.join(waiting)}" if waiting else ""


def price_agreed(facts: Facts) -> str:
    """Told is who was negotiated with, once."""
    tender = facts.application.tender
    if tender.negotiated is None or tender.negotiated.contractor != facts.command.contractor:
        return "the bidder with whom a price was agreed"
    return "an award not yet announced" if tender.announced_at else ""


def in_standstill(facts: Facts) -> str:
    """A complaint arrives after the announcement and before the standstill is over; it may be booked later."""
    timer, tender = facts.application.timers.get(STANDSTILL), facts.application.tender
    return _between(facts, tender.announced_at, timer.due_at if timer else None, "arrival in the standstill")


def not_complained_yet(facts: Facts) -> str:
    """A bidder complains once of each announcement."""
    tender = facts.application.tender
    since = tender.announced_at or facts.now
    again = any(one.bidder == facts.command.bidder and one.at >= since for one in tender.complaints)
    return "a bidder who has not complained of this announcement" if again else ""


def complaint_ground(facts: Facts) -> str:
    """The ground is one the programme allows (assumed)."""
    grounds = facts.programme.procurement.complaint_grounds
    return "" if facts.command.ground in grounds else f"one of the grounds {', '.join(grounds)}"


def open_complaint(facts: Facts) -> str:
    """The bidder's complaint waits."""
    waits = facts.command.bidder in facts.application.tender.open_complaints()
    return "" if waits else f"an open complaint of {facts.command.bidder}"


def outside_the_evaluation(facts: Facts) -> str:
    """Nobody decides on what they did: neither a member of the committee nor whoever handled the bids."""
    tender = facts.application.tender
    insiders = (*tender.handled_by, *tender.named_by, *tender.tied, *(one.person for one in tender.committee))
    inside = facts.command.by.person in insiders
    return "somebody who took no part in the tender" if inside else ""


# --- the contract -----------------------------------------------------------------------------------------------------


def contractor_found(facts: Facts) -> str:
    """Open: the one with whom a price was agreed. Designated: the consortium's, on terms that it agreed to."""
    application, contractor = facts.application, facts.command.contractor
    if _designated(facts):
        if not application.terms_agreed:
            return "terms of reference that the applicant agreed to"
        holder = application.applicant.organisation if application.applicant else ""
        return "" if contractor == holder else "the contractor of the applying consortium"
    negotiated = application.tender.negotiated
    return "" if negotiated and negotiated.contractor == contractor else "a contractor with whom a price was agreed"


def _designated(facts: Facts) -> bool:
    return facts.programme.procurement.mode is ProcurementMode.DESIGNATED


def contractor_korean(facts: Facts) -> str:
    """Korean contractors or consultants (announcement, 4), where the edition says so, by what the bid said as well."""
    bid = facts.application.tender.bid_of(facts.command.contractor)
    return korean(facts.programme, facts.command.country, bid.country if bid else None)


def korean(programme: Programme, *countries: str | None) -> str:
    """What is missing where the edition wants a Korean contractor, by each country that is known to be its own."""
    abroad = programme.procurement.contractor != "any" and {*countries} - {None, "KR"}
    return "a Korean contractor" if abroad else ""


def contractor_acceded(facts: Facts) -> str:
    """The contractor is a signed party of the framework (announcement, 5)."""
    party = facts.application.parties.get(facts.command.contractor)
    return "" if party and party.signed else "the contractor's accession to the framework"


def within_award(facts: Facts) -> str:
    """The contract is within the award."""
    place = facts.application.place
    return "" if place and facts.command.krw <= place.krw else f"at most {place.krw if place else 0:,} KRW"


def price_as_agreed(facts: Facts) -> str:
    """The contract's sum is the price that was agreed; in designated mode there was no negotiation."""
    agreed = facts.application.tender.negotiated
    return "" if agreed is None or facts.command.krw == agreed.krw else f"the agreed price of {agreed.krw:,} KRW"


def standstill_over(facts: Facts) -> str:
    """Bidders have time to complain after the announcement (edition data, assumed: 10 days).

    Where the contractor is designated nobody else bid.
    """
    if _designated(facts):
        return ""
    timer = facts.application.timers.get(STANDSTILL)
    if facts.application.tender.announced_at is None:
        return "an announced award"
    # A day or two longer the timer runs for what arrived in time; the contract need not wait for that.
    return f"the standstill to be over, on {timer.due_at.isoformat()}" if timer and facts.now < timer.due_at else ""


def procurement_has_failed(facts: Facts) -> str:
    """Re-notices are used up and left too few valid bids or nobody to negotiate with, or the money was withdrawn."""
    if facts.command.ground == "money_withdrawn":
        return "" if facts.command.evidence else "the hash of the withdrawal as evidence"
    rules, tender = facts.programme.procurement, facts.application.tender
    if _designated(facts) or tender.renotices < rules.renotices or tender.valid is None:
        return "re-notices used up and their bids evaluated"
    if len(tender.valid) >= rules.valid_bids and tender.candidates:
        return f"fewer than {rules.valid_bids} valid bids, or failed negotiations with all of them"
    return no_open_complaint(facts)


def less_and_in_range(facts: Facts) -> str:
    """A smaller award is still one the programme allows (announcement, 1 to 3)."""
    place, award, krw = facts.application.place, facts.programme.award, facts.command.krw
    if place and krw < place.krw and award.allows(krw, facts.application.months):
        return ""
    return f"less than {place.krw if place else 0:,} KRW, and at least {award.min_krw:,} KRW"


# --- effects ----------------------------------------------------------------------------------------------------------


def _tender(facts: Facts, **change: Any) -> dict[str, Any]:
    return {"tender": facts.application.tender.model_copy(update=change)}


def _handled(facts: Facts, **change: Any) -> dict[str, Any]:
    """The same by somebody, or two, who have handled bids from now on."""
    persons = (facts.proposal.person,) if facts.proposal else ()
    before = facts.application.tender.handled_by
    return _tender(facts, handled_by=tuple(dict.fromkeys((*before, *persons, facts.command.by.person))), **change)


def _notice(facts: Facts) -> dict[str, Any]:
    before, anew = facts.application.tender, facts.command.trigger == "renotice"
    tender = Tender(
        published_at=facts.now,
        closes_at=facts.command.closes_at,
        renotices=before.renotices + anew,
        named_by=before.named_by,
        handled_by=before.handled_by,
        tied=before.tied,
    )
    return {"tender": tender}


def _answer(facts: Facts) -> dict[str, Any]:
    questions = list(facts.application.tender.questions)
    number = facts.command.number - 1
    questions[number] = questions[number].model_copy(update={"answered": True})
    return _tender(facts, questions=tuple(questions))


def _with_bid(bids: Iterable[Bid], changed: Bid) -> tuple[Bid, ...]:
    """The bids in the order of the bidders' first ones, one of them changed or added."""
    by_bidder = {bid.bidder: bid for bid in bids} | {changed.bidder: changed}
    return tuple(by_bidder.values())


def _change_bid(facts: Facts, **change: Any) -> tuple[Bid, ...]:
    bid = facts.application.tender.bid_of(facts.command.bidder)
    assert bid is not None  # guard `bid_received`
    return _with_bid(facts.application.tender.bids, bid.model_copy(update=change))


def _bid(facts: Facts) -> dict[str, Any]:
    command: m.ReceiveBid = facts.command
    bid = Bid(bidder=command.bidder, received_at=_arrived(facts), sealed=command.sealed, contact=command.contact)
    return _tender(facts, bids=_with_bid(facts.application.tender.bids, bid))


def _name(facts: Facts) -> dict[str, Any]:
    tender, by = facts.application.tender, facts.command.by.person
    seated = {one.person: one for one in tender.committee}
    committee = tuple(seated.get(person) or Evaluator(person=person) for person in facts.command.members)
    return _tender(facts, committee=committee, named_by=tuple(dict.fromkeys((*tender.named_by, by))))


def _declare(facts: Facts) -> dict[str, Any]:
    command: m.DeclareBidConflict = facts.command
    tender, person = facts.application.tender, command.by.person
    said = {"free": not command.conflict, "organisations": command.organisations}
    committee = tuple(one.model_copy(update=said) if one.person == person else one for one in tender.committee)
    if command.kind is None:
        return _tender(facts, committee=committee)
    if command.bidder is not None:
        return _tender(facts, committee=committee, tied={**tender.tied, person: command.kind})
    conflicts = {**facts.application.conflicts, person: command.kind}
    return {**_tender(facts, committee=committee), "conflicts": conflicts}


def _evaluate(facts: Facts) -> dict[str, Any]:
    found = {v.bidder: {"valid": v.valid, "points": v.points, "ground": v.ground} for v in facts.command.verdicts}
    bids = tuple(bid.model_copy(update=found.get(bid.bidder, {})) for bid in facts.application.tender.bids)
    return _handled(facts, bids=bids, order=facts.command.order)


def _negotiate(facts: Facts) -> dict[str, Any]:
    # Another word with the same bidder takes the place of the one before, and is to be announced anew.
    command: m.RecordNegotiation = facts.command
    tender = facts.application.tender
    if not command.agreed:
        return _handled(facts, negotiated=None, announced_at=None, failed=(*tender.failed, command.bidder))
    agreed = Contract(contractor=command.bidder, krw=command.krw or 0)
    return _handled(facts, negotiated=agreed, announced_at=None)


def _complain(facts: Facts) -> dict[str, Any]:
    complaint = Complaint(bidder=facts.command.bidder, ground=facts.command.ground, at=facts.now)
    return _tender(facts, complaints=(*facts.application.tender.complaints, complaint))


def _decided(facts: Facts, state: str) -> tuple[Complaint, ...]:
    return tuple(
        one.model_copy(update={"state": state}) if one.state == "open" and one.bidder == facts.command.bidder else one
        for one in facts.application.tender.complaints
    )


def _uphold(facts: Facts) -> dict[str, Any]:
    """What the evaluation, and all that rests on it, came to counts no more."""
    nothing = {"valid": None, "points": None, "ground": None}
    bids = tuple(bid.model_copy(update=nothing) for bid in facts.application.tender.bids)
    anew: dict[str, Any] = {"order": None, "failed": (), "negotiated": None, "announced_at": None}
    return _tender(facts, complaints=_decided(facts, "upheld"), bids=bids, **anew)


def _contract(facts: Facts) -> dict[str, Any]:
    contract = Contract(contractor=facts.command.contractor, krw=facts.command.krw)
    edition = facts.edition
    ends_on = falls_on(facts.application.pauses, edition.implementation.ends_on, edition.zone, facts.now)
    return {"contract": contract, "ends_on": ends_on, "ends_set_at": facts.now, "contracted_at": facts.now}


def _reduce(facts: Facts) -> dict[str, Any]:
    assert facts.application.place is not None  # guard `less_and_in_range`
    return {"place": facts.application.place.model_copy(update={"krw": facts.command.krw})}


EFFECTS: dict[str, Effect] = {
    "set_terms": lambda f: {"terms": f.command.evidence[0], "terms_agreed": False},
    "agree_terms": lambda _: {"terms_agreed": True},
    "publish_notice": _notice,
    "ask_question": lambda f: _tender(
        f, questions=(*f.application.tender.questions, Question(bidder=f.command.bidder))
    ),
    "answer_question": _answer,
    "receive_bid": _bid,
    "withdraw_bid": lambda f: _tender(f, bids=_change_bid(f, withdrawn=True, received_at=_arrived(f))),
    "open_bids": lambda f: _handled(f, opened=True),
    "name_committee": _name,
    "declare_bid_conflict": _declare,
    "record_bid": lambda f: _handled(f, bids=_change_bid(f, krw=f.command.krw, country=f.command.country)),
    "evaluate_bids": _evaluate,
    "renotice": _notice,
    "record_negotiation": _negotiate,
    "announce_award": lambda f: _handled(f, announced_at=f.now),
    "complain": _complain,
    "uphold_complaint": _uphold,
    "dismiss_complaint": lambda f: _tender(f, complaints=_decided(f, "dismissed")),
    "award_contract": _contract,
    "reduce_award": _reduce,
}
