"""How a move is told: a sentence for each trigger, in words for people who know nothing of the software.

Sentences name roles, never people. Dates are Korean.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any

from kcity_flow.audit.moments import Moment
from kcity_flow.domain.adoption import LED_TO, trigger_at
from kcity_flow.domain.edition import QuotaKind, StepKind
from kcity_flow.domain.evaluation import final_score, points
from kcity_flow.domain.screening import checklist
from kcity_flow.domain.stages import DECIDED, Role, Stage
from kcity_flow.domain.work import settled
from kcity_flow.letters.wording import ZONE, country, day, due, won, words


class Heading(StrEnum):
    """Under what a sentence stands, in this order."""

    IN_SHORT = "In short"
    RECEIPT = "Receipt"
    SCREENING = "Screening"
    REVIEW = "Review"
    MEETINGS = "Meetings"
    DECISION = "Decision"
    OBJECTION = "Objection"
    BEFORE_WORK = "Before the work"
    WORK = "The work"
    RECORD = "On record"
    NEXT = "What comes next"


# --- words ------------------------------------------------------------------------------------------------------------

WHO = {
    Role.DESK: "the secretariat's desk",
    Role.HEAD: "the head of the secretariat",
    Role.REVIEWER: "a reviewer",
    Role.CHAIR: "the chair",
    Role.COMMITTEE: "the selection committee",
    Role.MINISTRY: "the ministry",
    Role.PROCUREMENT_OFFICER: "the procurement officer",
    Role.FINANCE: "the finance office",
    Role.OBJECTION_COMMITTEE: "the objection committee",
    Role.RECORDS: "the records office",
    Role.APPLICANT: "the applicant",
    Role.SIGNATORY: "a signatory",
    Role.CONTRACTOR: "the contractor",
    Role.HOST_GOVERNMENT: "the host government",
    Role.CLOCK: "the calendar",
}

STANDS = {
    Stage.RECEIVED: "It has been waiting for its screening since {since}.",
    Stage.SCREENING: "It has been in screening since {since}: is it eligible, and is it complete?",
    Stage.PAPER_REVIEW: "Reviewers have been judging it on paper since {since}.",
    Stage.CONSULTATION: "It has been in consultation with the applicant since {since}.",
    Stage.PRESENTATION: "It has stood at its presentation to a panel since {since}.",
    Stage.CONFIRMATION: "The counterpart's confirmation has been awaited since {since}.",
    Stage.SHORTLISTED: "It has been on the shortlist since {since}; nothing has been decided yet.",
    Stage.SELECTED: "It has been selected.",
    Stage.RESERVE: "It stands on the reserve: it gets a place if one comes free.",
    Stage.FRAMEWORK: "It has been selected, and its cooperation framework has been open for signing since {since}.",
    Stage.PROCUREMENT: "It has been selected, and a contractor has been sought since {since}.",
    Stage.IMPLEMENTATION: "The work has been going on since {since}.",
    Stage.SUSPENDED: "The work has been suspended since {since}.",
    Stage.ACCEPTANCE: "The final report has been under examination since {since}.",
    Stage.SETTLEMENT: "The final report has been accepted; the sums have been in settlement since {since}.",
    Stage.CLOSED: "The project is closed.",
    Stage.INELIGIBLE: "It is ineligible.",
    Stage.NOT_SELECTED: "It has not been selected.",
    Stage.WITHDRAWN: "It has been withdrawn.",
    Stage.DEFERRED: "It has been passed on to the next edition.",
    Stage.CANCELLED: "It has been cancelled before work began.",
    Stage.TERMINATED: "The work has been ended early.",
}
"""Where an application stands. Of an end, and of a decision, the move that led there is told as well."""

BY_ITSELF = {
    "open_screening": "the screening opens by itself",
    "lapse_clarification": "the question lapses by itself, and the file is judged as it is",
    "expire": "it leaves the reserve by itself and is not selected",
    "lapse_proposal": "the proposal lapses by itself",
}
"""The clock's moves, of timers that end with one."""

GROUNDS = {
    "reviewers_error": "an error of the reviewers",
    "plain_misreading": "a plain misreading of the documents",
    "office_error": "an error of the office",
    "party_refused": "a party refused in writing to sign",
    "long_stop": "the last day for signing was over",
    "renotices_used_up": "too few valid bids came, the last time it was put out to tender, too",
    "money_withdrawn": "the money was withdrawn",
    "wrong_evaluation": "a wrong evaluation",
    "breach_of_procedure": "a breach of procedure",
    "no_agreement": "the meetings came to no agreement",
    "refused": "the counterpart refused in its letter",
}

FOLLOW_ON = {
    "ppp": "a public-private partnership",
    "ministry": "an investment of the ministry's own",
    "ministry_with_development_bank": "an investment of the ministry together with a development bank",
}

SEPARATED_BY = {
    "score": "its score",
    "matching_funds": "matching funds",
    "preference": "an earlier project with a good result",
    "country_without_project": "that its country has no project yet",
    "vote": "the committee's minuted vote",
}


def on(at: datetime) -> str:
    """The day of an instant, in Korea."""
    return day(at.astimezone(ZONE).date())


def at(instant: datetime) -> str:
    """An instant that is no deadline, to the minute, in Korea."""
    local = instant.astimezone(ZONE)
    return f"{local:%H:%M} on {day(local.date())}"


def until(at: datetime | str) -> str:
    """A deadline, to stand after *by* or *at*: ``the end of Friday, 30 April 2021``."""
    return due(at).removesuffix(" (Korea Standard Time)")


def who(role: str) -> str:
    """A role in words, whatever it is."""
    return WHO.get(Role(role), words(role)) if role in list(Role) else words(role)


def listed(parts: Iterable[str], last: str = "and") -> str:
    """Things one after the other, *and* before the last."""
    *rest, end = [*parts] or [""]
    return f"{', '.join(rest)} {last} {end}" if rest else end


def counted(number: int, noun: str) -> str:
    """So many of something."""
    return f"{number} {noun}{'s' * (number != 1)}"


def party_kind(kind: str) -> str:
    """What a party to the framework is, in words."""
    return words(kind).replace("korean", "Korean")


def capital(text: str) -> str:
    """The same as the beginning of a sentence."""
    return text[:1].upper() + text[1:]


# --- what a move is told by -------------------------------------------------------------------------------------------

Saying = Callable[[Moment], str | None]


def said(moment: Moment) -> tuple[Heading, str] | None:
    """How a move is told and under which heading; nothing, where what came of it tells more."""
    trigger = moment.entry.command
    if trigger in UNTOLD:
        return None
    heading, saying = SAYINGS.get(trigger, (Heading.RECORD, f"On {{on}}: {words(trigger)}."))
    if trigger.startswith("return_to_"):
        saying = _returned
    text = _filled(saying, moment) if isinstance(saying, str) else saying(moment)
    return (heading, text) if text else None


def _filled(saying: str, moment: Moment) -> str:
    data = {name: _plain(name, value) for name, value in moment.data.items()}
    return saying.format_map(_Words({**data, "on": on(moment.entry.at), "who": who(moment.entry.role)}))


class _Words(dict[str, str]):
    def __missing__(self, name: str) -> str:
        return f"({words(name)} not stated)"


def _plain(name: str, value: Any) -> str:
    if isinstance(value, list | tuple):
        return listed(words(str(part)) for part in value)
    return until(str(value)) if name.endswith("_at") else GROUNDS.get(str(value), words(str(value)))


def _received(moment: Moment) -> str:
    arrived, window = moment.after.received_at, moment.source.edition.window(moment.programme)
    assert arrived is not None  # `receive` sets it
    closes_at = moment.after.falls(window.closes_at, arrived)
    judged = "in time" if arrived < closes_at else "too late"
    rests = " It was frozen on arrival." if moment.after.frozen else ""
    return (
        f"It was received by {moment.after.channel} at {at(arrived)}, {judged}: "
        f"the call closed at {until(closes_at)}.{rests}"
    )


def _passed_screening(moment: Moment) -> str:
    items = listed(f"“{item.text.en}”" for item in moment.programme.eligibility)
    answered = f" Answered yes: {items}" if moment.programme.eligibility else ""
    return f"It passed the screening on {on(moment.entry.at)}, eligible and complete.{answered}"


def _ineligible(moment: Moment) -> str:
    item = next(line for line in checklist(moment.before, moment.programme) if line.item == moment.data["item"])
    asked = f"“{item.text}”"
    return f"It was found ineligible on {on(moment.entry.at)}, as the answer to this was no: {asked}"


def _conflict(moment: Moment) -> str | None:
    if not moment.data.get("conflict"):
        return None
    kind = f" ({words(moment.data['kind'])})" if moment.data.get("kind") else ""
    when, decided = on(moment.entry.at), moment.entry.source in DECIDED
    part = "; their sheet counts no more, and the decision stands unless it is taken back" if decided else ""
    if moment.data.get("reviewer"):
        recorder = capital(who(moment.entry.role))
        return f"{recorder} recorded on {when} that a reviewer is in a conflict of interest{kind}{part}."
    return f"On {when} a reviewer declared a conflict of interest{kind}{part or ', and takes no part'}."


def _voided(moment: Moment) -> str:
    step, reviewer = str(moment.data["step"]), moment.data["reviewer"]
    sealed = any(seat.reviewer == reviewer and seat.scores is not None for seat in moment.before.seats(step))
    what = "A sheet was declared void" if sealed else "A reviewer's seat was given up before a sheet was sealed"
    return f"{what}, on {on(moment.entry.at)}."


def _held(moment: Moment) -> str:
    meeting = moment.after.meeting
    assert meeting is not None  # `hold` needs a date
    others = ", with others present than were to come" if moment.data.get("present") else ""
    return f"{_meeting_name(moment)} was held on {on(meeting.at)}{others}."


def _meeting_name(moment: Moment) -> str:
    if moment.entry.source != Stage.CONSULTATION:
        return "The presentation"
    rounds = next((s.rounds for s in moment.programme.route if s.kind is StepKind.CONSULTATION), 1)
    return f"Round {moment.before.rounds_finished + 1} of {rounds} of the consultation"


def _agreed(moment: Moment) -> str:
    meeting = moment.after.meeting
    assert meeting is not None  # `agree_minutes` needs one that was held
    side, before = str(moment.data["side"]), moment.before.meeting
    scope = ", and with them the scope of the project" if moment.data.get("scope_agreed") else ""
    anew = " anew, in place of what it had agreed before," if before and side in before.agreed_by else ""
    return f"{capital(who(side))} agreed the minutes{anew} on {on(moment.entry.at)}{scope}."


def _confirmed(moment: Moment) -> str:
    answer = "agreed to it" if moment.data.get("agreed") else "refused it"
    return f"The counterpart {answer} in writing, which was recorded on {on(moment.entry.at)}."


def _rejected(moment: Moment) -> str:
    ground = str(moment.data.get("ground"))
    review = moment.programme.review
    why = {
        "below_threshold": f"its score lies below {review.threshold} of 100, the least that is asked for",
        "outside_invited": f"by its paper review it ranked {moment.data.get('paper_rank')}, "
        f"and {review.invited} are invited to the next step",
    }.get(ground, GROUNDS.get(ground, words(ground)))
    return f"It was not selected, which {who(moment.entry.role)} decided on {on(moment.entry.at)}: {why}."


def _selected(moment: Moment) -> str:
    given = won(int(moment.data.get("krw", 0)))
    places = ""
    if order := moment.order():
        count, quota = len(order.data.get("selected", ())), moment.programme.quota
        bound = {QuotaKind.ABOUT: "about ", QuotaKind.UP_TO: "up to ", QuotaKind.AT_LEAST: "at least "}
        places = f"; {counted(count, 'place')} of {bound.get(quota.kind, '')}{quota.places} went to this programme"
    return f"It was selected on {on(moment.entry.at)}, with an award of {given}: {_rank(moment)}{places}."


def _reserved(moment: Moment) -> str:
    order = moment.order()
    reserve = [choice["ref"] for choice in order.data.get("reserve", ())] if order else []
    number = f" as number {reserve.index(moment.after.ref) + 1}" if moment.after.ref in reserve else ""
    others = ", as the places went to others" if order and order.data.get("selected") else ""
    return f"It was put on the reserve on {on(moment.entry.at)}{number}{others}: {_rank(moment)}."


def _passed_over(moment: Moment) -> str:
    places = len(order.data.get("selected", ())) if (order := moment.order()) else 0
    went = f"{counted(places, 'place')} went to others" if places else "no place was given"
    return f"It was not selected, which was decided on {on(moment.entry.at)}: {went}, and {_rank(moment)}."


def _rank(moment: Moment) -> str:
    """Its rank and mean, and which rule told it from its neighbours."""
    order, ref = moment.order(), moment.after.ref
    data: Mapping[str, Any] = order.data if order else {}
    choices = [*data.get("selected", ()), *data.get("reserve", ())]
    ranking = data.get("ranking", [])
    choice: Mapping[str, Any] = next((choice for choice in choices if choice["ref"] == ref), {})
    rank, of = ranking.index(ref) + 1 if ref in ranking else moment.data.get("rank"), len(ranking)
    first, many = next(((f, n) for f, n in data.get("equals", ()) if rank and f <= rank < f + n), (rank, 1))
    mean = final_score(moment.before, moment.programme)
    scored = f" with a mean of {points(mean)}" if mean is not None else ""
    bonus = f" and a bonus of {counted(choice['bonus'], 'point')}" if choice.get("bonus") else ""
    by = "vote" if ref in data.get("voted", ()) else choice.get("decided_by")
    criteria = {f"criterion {c.key}": f"the criterion “{c.title.en}”" for c in moment.programme.criteria}
    told_by = criteria.get(str(by)) or SEPARATED_BY.get(str(by)) or words(str(by))
    equal = "" if by == "score" else ", as scores were equal"
    decided = f", told from its neighbours by {told_by}{equal}" if by else ""
    beside = f", equal with {counted(many - 1, 'other')}," if many > 1 else ""
    ranked = f"it ranked {first}{f' of {of}' if of else ''}{beside}" if rank else "it was judged"
    previous = choice.get("previous")
    rests_on = "; what it is preferred for is {ref}, graded {grade} by its entry {entry}, whose hash is {hash}"
    preferred = rests_on.format_map(previous) if previous else ""
    return f"{ranked}{scored}{bonus}{decided}{preferred}"


def _promoted(moment: Moment) -> str:
    given = won(int(moment.data.get("krw", 0)))
    return (
        f"A place came free, and it was promoted from the reserve on {on(moment.entry.at)}, with an award of {given}."
    )


def _objected(moment: Moment) -> str:
    arrived = moment.data.get("received_at")
    day_of_it = on(datetime.fromisoformat(arrived)) if arrived else on(moment.entry.at)
    ground = str(moment.data["ground"])
    return f"The applicant objected on {day_of_it}, because of {GROUNDS.get(ground, words(ground))}."


def _upheld(moment: Moment) -> str:
    step = words(str(moment.data.get("step")))
    error = f"the error lies in the step {step}, which may be opened again"
    return f"The objection was upheld on {on(moment.entry.at)}: {error}."


def _framework(moment: Moment) -> str:
    kinds = Counter(party_kind(p.kind) for p in moment.after.parties.values() if p.signed)
    signed = listed(kind if count == 1 else f"{kind} ({count})" for kind, count in kinds.items())
    return f"The cooperation framework was complete on {on(moment.entry.at)}, signed by: {signed}."


def _party(moment: Moment) -> str:
    """The kind of the party that a move is about, after *the*."""
    return party_kind(moment.before.parties[str(moment.data["party"])].kind)


def _struck(moment: Moment) -> str:
    return f"The {_party(moment)} was struck from the parties to the framework on {on(moment.entry.at)}."


def _signatory_replaced(moment: Moment) -> str:
    return f"Since {on(moment.entry.at)} another person signs the framework for the {_party(moment)}."


def _text_tabled(moment: Moment) -> str:
    number, ended = len(moment.after.framework.texts), sum(p.signed for p in moment.before.parties.values())
    signatures = "one signature" if ended == 1 else f"{ended} signatures"
    lost = f"; {signatures} given to the text before it ended with that" if ended else ""
    return f"Text {number} of the framework was tabled for signature on {on(moment.entry.at)}{lost}."


def _negotiated(moment: Moment) -> str:
    rounds = moment.after.framework.rounds
    many = len(rounds[-1].took_part)
    return (
        f"The {_party(moment)} asked for a change of the text; round {len(rounds)} of the negotiation was held on "
        f"{day(rounds[-1].held_on)}, and {f'{many} parties' if many > 1 else 'it alone'} took part."
    )


def _refused_to_sign(moment: Moment) -> str:
    how = "said" if moment.entry.role == Role.SIGNATORY else "told in writing"
    return f"The {_party(moment)} {how} on {on(moment.entry.at)} that it does not sign the framework as it is."


def _signing_extended(moment: Moment) -> str:
    lacking, last = len(moment.data.get("missing", ())), day(str(moment.data["signs_by"]))
    were = f"{counted(lacking, 'signature')} {'was' if lacking == 1 else 'were'}"
    return f"The framework may be signed until {last}: {were} missing on {on(moment.entry.at)}."


def _failed(what: str) -> Saying:
    def saying(moment: Moment) -> str:
        ground = str(moment.data.get("ground"))
        return f"{what} failed, and it was cancelled on {on(moment.entry.at)}: {GROUNDS.get(ground, words(ground))}."

    return saying


def _noticed(moment: Moment) -> str:
    again = " again" if moment.entry.command == "renotice" else ""
    closes = until(str(moment.data["closes_at"]))
    return f"The contract was put out to tender{again} on {on(moment.entry.at)}; bids were taken until {closes}."


def _terms(moment: Moment) -> str:
    anew = " anew" if moment.before.terms else ""
    return f"The terms of the contract were set{anew} on {on(moment.entry.at)}, for the applicant to agree to."


def _opened(moment: Moment) -> str:
    found = counted(_bids(moment), "bid") if _bids(moment) else "there was none"
    return f"The bids were opened on {on(moment.entry.at)}, by two persons: {found}."


def _bids(moment: Moment) -> int:
    return len(moment.before.tender.standing)


def _evaluated(moment: Moment) -> str:
    valid, when = len(moment.data.get("order", ())), on(moment.entry.at)
    found = f"of {counted(_bids(moment), 'bid')}, {valid} {'was' if valid == 1 else 'were'} valid"
    return f"A committee evaluated the bids, which was recorded on {when}: {found}."


def _committee(moment: Moment) -> str:
    another = "Another" if moment.before.tender.committee else "A"
    members = counted(len(moment.data.get("members", ())), "member")
    return f"{another} committee of {members} was named on {on(moment.entry.at)}, to evaluate the bids."


def _bid_conflict(moment: Moment) -> str | None:
    if not moment.data.get("conflict"):
        return None
    kind, whom = words(str(moment.data["kind"])), "a bidder" if moment.data.get("bidder") else "the applicant"
    return (
        f"On {on(moment.entry.at)} a member of the committee declared a conflict of interest with {whom} ({kind}), "
        "and judges nothing."
    )


def _price_negotiated(moment: Moment) -> str:
    order = moment.before.tender.order or ()
    place = order.index(str(moment.data["bidder"])) + 1 if moment.data["bidder"] in order else 0
    whom = f"the bidder who came {'first' if place == 1 else f'as number {place}'}"
    if not moment.data.get("agreed"):
        return f"The negotiation with {whom} failed, which was recorded on {on(moment.entry.at)}."
    return f"A price of {won(int(moment.data['krw']))} was agreed with {whom} on {on(moment.entry.at)}."


def _complained(moment: Moment) -> str:
    arrived = moment.data.get("received_at")
    when = on(datetime.fromisoformat(arrived)) if arrived else on(moment.entry.at)
    ground = str(moment.data["ground"])
    return f"A bidder complained of the award on {when}, because of {GROUNDS.get(ground, words(ground))}."


def _reduced(moment: Moment) -> str:
    before = won(moment.before.place.krw) if moment.before.place else "what it was"
    return f"The award was reduced on {on(moment.entry.at)} from {before} to {won(int(moment.data['krw']))}."


def _contracted(moment: Moment) -> str:
    sum_of_it = won(int(moment.data.get("krw", 0)))
    return f"The contract of {sum_of_it} was awarded on {on(moment.entry.at)}, and the work began."


def _withdrawn(moment: Moment) -> str:
    how = "by the applicant" if moment.entry.role == Role.APPLICANT else "on the applicant's written word"
    return f"It was withdrawn {how} on {on(moment.entry.at)}."


def _call_cancelled(moment: Moment) -> str:
    order = moment.order()
    scope = [*(order.data.get("programmes", ()))] if order else []
    scope += [country(code) for code in (order.data.get("countries", ()) if order else ())]
    whom = f" for {listed(scope)}" if scope else ""
    return f"The call was cancelled{whom} on {on(moment.entry.at)}, and this application with it."


def _frozen(moment: Moment) -> str:
    countries = [country(code) for code in moment.data.get("countries", ())]
    whom = f"The applications of {listed(countries)} were" if countries else "The whole edition was"
    if moment.before.frozen:
        return f"{whom} frozen on {on(moment.entry.at)}, while this one rested already."
    since = moment.after.frozen_since
    assert since is not None  # it was frozen by this
    return f"{whom} frozen on {on(moment.entry.at)}: this one rests since {at(since)}, and no deadline of it runs."


def _unfrozen(moment: Moment) -> str:
    if moment.after.frozen:
        return f"One freeze was lifted on {on(moment.entry.at)}; another still holds."
    return f"The freeze was lifted on {on(moment.entry.at)}; every date still to come moved by exactly the pause."


def _extended(moment: Moment) -> str:
    return f"The work was given until {day(str(moment.data['ends_on']))}, for its {words(str(moment.data['ground']))}."


def _planned(moment: Moment) -> str:
    milestones = moment.data["milestones"]
    worth = won(sum(int(milestone["krw"]) for milestone in milestones))
    plan, last = counted(len(milestones), "milestone"), day(str(milestones[-1]["due_on"]))
    if moment.entry.command == "change_scope":
        return f"The plan of the work was changed on {on(moment.entry.at)}: {plan} worth {worth}, the last by {last}."
    return f"{capital(who(moment.entry.role))} set a plan of the work on {on(moment.entry.at)}: {plan} worth {worth}."


def _reported(moment: Moment) -> str | None:
    reached = moment.data.get("milestone")
    if reached is None and moment.data["kind"] == "monthly":
        return None  # one more month tells little; `kcity show` has them all
    what = f"The {moment.data['kind']} report on {moment.data['month']} came on {on(moment.entry.at)}"
    return f"{what}; by it the milestone {words(str(reached))} is reached." if reached else f"{what}."


def _visited(moment: Moment) -> str:
    people = counted(len(moment.data["present"]), "person").replace("persons", "people")
    return f"The site was visited on {day(str(moment.data['done_on']))}, by {people}."


def _claimed(moment: Moment) -> str:
    sum_of_it, milestone = won(int(moment.data["krw"])), words(str(moment.data["milestone"]))
    number, made = moment.data["claim"], on(moment.entry.at)
    return f"Claim {number}, of {sum_of_it} for the milestone {milestone}, was made on {made}."


def _paid(moment: Moment) -> str:
    claim = moment.after.claim(int(moment.data["claim"]))
    assert claim is not None  # guard `claim_accepted`
    paid_on, so_far = day(str(moment.data["done_on"])), won(moment.after.paid_krw)
    return f"Claim {claim.number}, of {won(claim.krw)}, was paid on {paid_on}; {so_far} so far."


def _subcontracted(moment: Moment) -> str:
    return f"A subcontract of {won(int(moment.data['krw']))} was approved on {on(moment.entry.at)}."


def _contractor_replaced(moment: Moment) -> str:
    rest, gone = won(int(moment.data["krw"])), won(int(moment.data["paid_krw"]) + int(moment.data["due_krw"]))
    return (
        f"The contractor was replaced on {on(moment.entry.at)}, after a default: the first one keeps {gone}, "
        f"the new contract is of {rest}."
    )


def _accepting(moment: Moment) -> str:
    return f"{capital(who(moment.entry.role))} agreed the minutes of the acceptance on {on(moment.entry.at)}."


def _sums_settled(moment: Moment) -> str:
    sums = moment.after.settlement
    assert sums is not None  # that is what the move recorded
    parts = [f"{won(sums.paid_krw)} paid"]
    parts += [f"{won(sums.due_krw)} still due"] * bool(sums.due_krw)
    parts += [f"{won(sums.refund_krw)} to be refunded"] * bool(sums.refund_krw)
    return f"The sums were settled on {on(moment.entry.at)}: {listed(parts)}."


def _closed(moment: Moment) -> str:
    how = "settled" if settled(moment.before) else "on what was known, long after the acceptance"
    return f"The project was closed on {on(moment.entry.at)}: {how}, filed, and graded {moment.data['grade']}."


def _money(what: str) -> Saying:
    return lambda moment: f"{won(int(moment.data['krw']))} {what} on {on(moment.entry.at)}."


def _followed_up(moment: Moment) -> str:
    data, kind = moment.data, FOLLOW_ON.get(str(moment.data.get("kind")), words(str(moment.data.get("kind"))))
    krw = f", of {won(int(data['krw']))}" if data.get("krw") is not None else ""
    partners = f", with {listed(data['partners'])}" if data.get("partners") else ""
    anew = f"; this takes the place of entry {data['supersedes']}" if data.get("supersedes") else ""
    status = data.get("status", "recorded")
    return f"What became of it, as recorded on {on(moment.entry.at)}: {kind}{krw}{partners}, was {status}{anew}."


def _adopted(moment: Moment) -> str:
    adopted = moment.after.adopted
    assert adopted is not None  # that is what the move made
    where = f"as it stood: at {words(adopted.stage)} since {day(adopted.since)}"
    given = won(int(moment.data.get("krw", 0)))
    return f"It ran before, with an award of {given}, and was taken over on {on(moment.entry.at)} {where}."


def _returned(moment: Moment) -> str:
    undone = words(str(moment.entry.source))
    back = words(moment.entry.dest)
    return f"That it stood at {undone} was an error, undone on {on(moment.entry.at)}: it stood at {back} again."


def _corrected(moment: Moment) -> str:
    what, value = str(moment.data.get("field")), str(moment.data.get("value"))
    shown = at(datetime.fromisoformat(value)) if what == "received_at" else f"“{value}”"
    effect = ""
    if what == "received_at" and moment.after.received_at:
        received_at = moment.after.received_at
        closes = moment.after.falls(moment.source.edition.window(moment.programme).closes_at, received_at)
        effect = ", in time" if moment.after.received_at < closes else ", too late"
    said = f"entry {moment.data.get('supersedes')} said otherwise"
    return f"Corrected on {on(moment.entry.at)}: {words(what)} is {shown}{effect}; {said}."


def _proposal(came_to: str) -> Saying:
    def saying(moment: Moment) -> str:
        proposed = moment.source.entry(moment.entry.proposal)
        what = f": {words(proposed.command)}" if proposed else ""
        told = came_to.format(who=who(moment.entry.role))
        return f"A proposal {told}, on {on(moment.entry.at)}{what}."

    return saying


def _reopened(moment: Moment) -> str:
    anew = "" if moment.entry.dest == Stage.SHORTLISTED else ": what it and the steps after it came to counts no more"
    return f"The step {words(moment.entry.dest)} was opened again on {on(moment.entry.at)}{anew}."


H = Heading
SAYINGS: dict[str, tuple[Heading, str | Saying]] = {
    "receive": (H.RECEIPT, _received),
    **{trigger_at(stage): (H.RECEIPT, _adopted) for stage in LED_TO},
    "acknowledge": (H.RECEIPT, "Its receipt was acknowledged on {on}."),
    "supersede": (H.RECEIPT, "A newer version took its place on {on}; the older one is kept."),
    "open_screening": (H.SCREENING, "Its screening began on {on}."),
    "ask_clarification": (H.SCREENING, "The applicant was asked a question on {on}."),
    "answer_clarification": (H.SCREENING, "The question was answered on {on}."),
    "lapse_clarification": (H.SCREENING, "No answer came in time; since {on} the file is judged as it is."),
    "pass_screening": (H.SCREENING, _passed_screening),
    "declare_ineligible": (H.SCREENING, _ineligible),
    "refuse_late": (H.SCREENING, "It was refused on {on}, as it had arrived too late."),
    "defer": (H.SCREENING, "It came after the cut-off, and on {on} it was passed on to the next edition."),
    "merge_duplicate": (H.SCREENING, "It was withdrawn on {on}, as the same applicant's {survivor} stands for both."),
    "declare_conflict": (H.REVIEW, _conflict),
    "replace_reviewer": (H.REVIEW, "A reviewer was replaced on {on}."),
    "supersede_sheet": (H.REVIEW, "A reviewer replaced a sealed sheet on {on}."),
    "void_sheet": (H.REVIEW, _voided),
    "invite_to_consultation": (H.REVIEW, "It was invited to the consultation on {on}, by {who}."),
    "invite_to_presentation": (H.REVIEW, "It was invited to the presentation on {on}, by {who}."),
    "request_confirmation": (H.REVIEW, "The counterpart was asked on {on} to confirm it."),
    "record_confirmation": (H.MEETINGS, _confirmed),
    "miss_date": (H.MEETINGS, "The applicant missed the date of a meeting; that was recorded on {on}."),
    "reschedule": (H.MEETINGS, "A meeting was moved to another date on {on}."),
    "hold": (H.MEETINGS, _held),
    "agree_minutes": (H.MEETINGS, _agreed),
    "no_show": (H.DECISION, "It was not selected, which {who} decided on {on}: the applicant missed two dates."),
    "shortlist": (H.DECISION, "It was put on the shortlist on {on}, by {who}: every step of its way was complete."),
    "reject": (H.DECISION, _rejected),
    "select": (H.DECISION, _selected),
    "place_on_reserve": (H.DECISION, _reserved),
    "pass_over": (H.DECISION, _passed_over),
    "promote": (H.DECISION, _promoted),
    "expire": (H.DECISION, "The reserve's last day passed without a free place; since {on} it is not selected."),
    "publish_result": (H.DECISION, "The result was published on {on}."),
    "send_letter": (H.DECISION, "The letter with the decision was sent on {on}."),
    "withdraw": (H.DECISION, _withdrawn),
    "cancel_award": (H.DECISION, "The award was taken back, and the project cancelled, on {on}."),
    "cancel_call": (H.DECISION, _call_cancelled),
    "object": (H.OBJECTION, _objected),
    "uphold_objection": (H.OBJECTION, _upheld),
    "dismiss_objection": (H.OBJECTION, "The objection was dismissed on {on}: the decision stands."),
    **{f"reopen_{step}": (H.OBJECTION, _reopened) for step in
       ("screening", "review", "consultation", "presentation", "confirmation", "selection")},
    "open_framework": (H.BEFORE_WORK, "The cooperation framework was opened for signing on {on}."),
    "strike_party": (H.BEFORE_WORK, _struck),
    "replace_signatory": (H.BEFORE_WORK, _signatory_replaced),
    "table_text": (H.BEFORE_WORK, _text_tabled),
    "negotiate_text": (H.BEFORE_WORK, _negotiated),
    "refuse_signature": (H.BEFORE_WORK, _refused_to_sign),
    "extend_signature": (H.BEFORE_WORK, _signing_extended),
    "complete_framework": (H.BEFORE_WORK, _framework),
    "fail_framework": (H.BEFORE_WORK, _failed("The cooperation framework")),
    "set_terms": (H.BEFORE_WORK, _terms),
    "agree_terms": (H.BEFORE_WORK, "The applicant agreed to the terms on {on}."),
    "withdraw_bid": (H.BEFORE_WORK, "A bidder took its bid back; that was recorded on {on}."),
    "open_bids": (H.BEFORE_WORK, _opened),
    "name_committee": (H.BEFORE_WORK, _committee),
    "declare_bid_conflict": (H.BEFORE_WORK, _bid_conflict),
    "record_negotiation": (H.BEFORE_WORK, _price_negotiated),
    "announce_award": (H.BEFORE_WORK, "The bidders were told on {on} who is to be the contractor."),
    "complain": (H.BEFORE_WORK, _complained),
    "uphold_complaint": (H.BEFORE_WORK, "The complaint was upheld on {on}: the bids are evaluated anew."),
    "dismiss_complaint": (H.BEFORE_WORK, "The complaint was dismissed on {on}: the award stands."),
    "reduce_award": (H.BEFORE_WORK, _reduced),
    "publish_notice": (H.BEFORE_WORK, _noticed),
    "renotice": (H.BEFORE_WORK, _noticed),
    "evaluate_bids": (H.BEFORE_WORK, _evaluated),
    "award_contract": (H.BEFORE_WORK, _contracted),
    "fail_procurement": (H.BEFORE_WORK, _failed("The search for a contractor")),
    "suspend": (H.WORK, "The work was suspended on {on}, by {who}."),
    "resume": (H.WORK, "The work went on from {on}; every deadline moved by the days of the pause."),
    "set_plan": (H.WORK, _planned),
    "accept_plan": (H.WORK, "The plan of the work was accepted on {on}, by {who}."),
    "change_scope": (H.WORK, _planned),
    "report": (H.WORK, _reported),
    "visit_site": (H.WORK, _visited),
    "accept_milestone": (H.WORK, "The milestone {milestone} was accepted on {on}."),
    "approve_subcontract": (H.WORK, _subcontracted),
    "claim": (H.WORK, _claimed),
    "accept_claim": (H.WORK, "Claim {claim} was accepted on {on}."),
    "reject_claim": (H.WORK, "Claim {claim} was rejected on {on}."),
    "pay": (H.WORK, _paid),
    "replace_contractor": (H.WORK, _contractor_replaced),
    "agree_acceptance": (H.WORK, _accepting),
    "recover": (H.WORK, _money("of the refund came in, which was recorded")),
    "write_off": (H.WORK, _money("of the refund were written off")),
    "extend": (H.WORK, _extended),
    "submit_final": (H.WORK, "The final report was handed in on {on}."),
    "return_final": (H.WORK, "The final report was given back on {on}, as something was missing: {missing}."),
    "accept_final": (H.WORK, "The final report was accepted on {on}, by {who}."),
    "notify_termination": (H.WORK, "Notice was given on {on} that the work may be ended early, from {ends_at}."),
    "withdraw_termination": (H.WORK, "The notice that the work may be ended early was withdrawn on {on}."),
    "terminate": (H.WORK, "The work was ended early on {on}: the notice had run out and the sums were settled."),
    "record_settlement": (H.WORK, _sums_settled),
    "close": (H.WORK, _closed),
    "follow_up": (H.WORK, _followed_up),
    "supersede_follow_up": (H.WORK, _followed_up),
    "freeze": (H.RECORD, _frozen),
    "unfreeze": (H.RECORD, _unfrozen),
    "correct": (H.RECORD, _corrected),
    "refuse_proposal": (H.RECORD, _proposal("was refused, by {who}")),
    "retract_proposal": (H.RECORD, _proposal("was taken back by whoever had made it")),
    "lapse_proposal": (H.RECORD, _proposal("lapsed, as no second person confirmed it")),
}  # fmt: skip
"""Trigger → under which heading it is told, and how. ``{on}`` is the day, ``{who}`` the role; the rest is its data."""

UNTOLD = (
    "assign_reviewer", "seal_sheet", "schedule", "finish_round", "list_party", "sign", "accede", "receive_bid",
    "ask_question", "answer_question", "record_bid", "flag",
)  # fmt: skip
"""Told by what came of them, or counted."""
