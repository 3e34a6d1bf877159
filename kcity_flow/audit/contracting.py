"""What the public may know of each procurement, release by release, from the ledgers alone.

Only what was made is told, only of applications whose result is published, and only by what the table below names:
no reason's text, no score, no sealed bid, no bidder but the contractor, and no person. While a notice runs, nobody
learns how many bids there are; in the standstill nobody learns who may get the contract. Business time, UTC.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime, time
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from kcity_flow.audit.ocds import (
    Amendment,
    Award,
    Budget,
    Contract,
    Implementation,
    Milestone,
    Organization,
    OrganizationReference,
    Period,
    Planning,
    Publisher,
    Record,
    RecordPackage,
    Release,
    Tender,
    Transaction,
    Value,
    compiled,
)
from kcity_flow.domain.application import FINAL_REPORT, Application
from kcity_flow.domain.application import Milestone as PlannedMilestone
from kcity_flow.domain.edition import Edition, ProcurementMode
from kcity_flow.domain.messages import Entry, canonical
from kcity_flow.domain.retelling import Made, moves_of
from kcity_flow.domain.stages import Stage
from kcity_flow.letters.wording import country, words

MINISTRY = OrganizationReference(id="MOLIT", name="Ministry of Land, Infrastructure and Transport")
"""The buyer, and the publisher."""

LAST_SECOND = time(23, 59, 59)
"""Of a day."""


class Telling(NamedTuple):
    """A move that is made public: what the ledger says, and what was released before."""

    edition: Edition
    names: Mapping[str, str]
    made: Made
    id: str
    """Of the release."""
    amends: str
    """Of the release before, or of the one that told of what is undone."""
    undone: str
    """The move that this one takes back, where that was released."""
    awarded_by: int
    """The entry that awarded the contract there is."""
    award: int
    """That of its award: the one that announced it, or the same."""
    before: tuple[int, int]
    """Both of the contract that it takes the place of, if it does."""

    @property
    def at(self) -> datetime:
        """When."""
        return self.made.entry.at

    @property
    def after(self) -> Application:
        """The application once it was made."""
        return self.made.after


Sections = dict[str, Any]
"""Fields of a release."""


def package(
    edition: Edition, ledgers: Iterable[Sequence[Entry]], names: Mapping[str, str], prefix: str
) -> RecordPackage:
    """Everything public about an edition's procurements. The same ledgers and names make the same package.

    Args:
        edition: Whose.
        ledgers: Those of its applications, each in order.
        names: Of organisations by their ids; one that is missing stands by its id alone.
        prefix: What every procurement's identifier begins with.
    """
    found = (record(edition, ledger, names, prefix) for ledger in ledgers)
    records = sorted((one for one in found if one), key=lambda one: one.ocid)
    opened_at = min(window.opens_at for window in edition.windows)
    said = canonical([one.plain() for one in records])
    return RecordPackage(
        uri=uuid.uuid5(uuid.NAMESPACE_OID, said).urn,
        version="1.1",
        publisher=Publisher(name=str(MINISTRY.name)),
        publishedDate=max((one.compiledRelease.date for one in records), default=opened_at),
        records=tuple(records),
    )


def record(edition: Edition, ledger: Sequence[Entry], names: Mapping[str, str], prefix: str) -> Record | None:
    """What is public of an application's procurement; nothing before its terms are set. Arguments as above."""
    ref = ledger[0].subject
    said: dict[str, Any] = {"ocid": f"{prefix}-{ref}", "initiationType": "tender", "language": "en"}
    commands = {entry.number: entry.command for entry in ledger}
    releases: dict[int, Release] = {}
    awarded_by = award = announced = 0
    before = (0, 0)
    claimed: dict[int, tuple[int, int]] = {}
    for made in moves_of(edition, ref, ledger):
        entry = made.entry
        if not made.after.published or not (releases or entry.command == "set_terms"):
            continue
        match entry.command:
            case "announce_award":
                announced = award = entry.number
            case "award_contract":
                awarded_by, award = entry.number, announced or entry.number
            case "replace_contractor":
                before = (awarded_by, award)
                awarded_by = award = entry.number
            case "claim":
                claimed[int(entry.data["claim"])] = (awarded_by, award)
        undone = made.undid if made.undid in releases else None
        amended = releases[undone] if undone else next(reversed(releases.values()), None)
        told = Telling(
            edition=edition,
            names=names,
            made=made,
            id=f"{entry.number}-{entry.hash[:12]}",
            amends=amended.id if amended else "",
            undone=commands[undone] if undone else "",
            awarded_by=awarded_by,
            award=award,
            before=before,
        )
        if entry.command == "pay":  # under the contract of its claim, which may have been replaced since
            by, of = claimed[int(entry.data["claim"])]
            told = told._replace(awarded_by=by, award=of, before=(awarded_by, award))
        if sections := (_taken_back if undone else TOLD.get(entry.command, _nothing))(told):
            releases[entry.number] = Release(id=told.id, date=entry.at, **said, **sections)
    in_order = tuple(releases.values())
    return Record(ocid=said["ocid"], releases=in_order, compiledRelease=compiled(in_order)) if releases else None


# --- what each move says ----------------------------------------------------------------------------------------------


def _nothing(_: Telling) -> Sections:
    return {}


def _terms(told: Telling) -> Sections:
    place, programme = told.after.place, told.edition.programme(told.after.programme)
    assert place is not None  # procurement follows a place
    ministry = Organization(id=MINISTRY.id, name=MINISTRY.name, roles=("buyer", "procuringEntity"))
    budget = Budget(amount=_krw(place.krw), project=told.edition.title.en)
    how: Sections = {"procurementMethod": "open"}
    if programme.procurement.mode is ProcurementMode.DESIGNATED:
        why = "The contractor is the one of the consortium that applied."
        how = {"procurementMethod": "direct", "procurementMethodRationale": why}
    how |= {"status": "planned", "procuringEntity": MINISTRY, "mainProcurementCategory": "services"}
    tender = _tender(told, **_subject(told), **how)
    return {
        "tag": ("planningUpdate" if told.amends else "planning",),
        "parties": (ministry,),
        "buyer": MINISTRY,
        "planning": Planning(budget=budget),
        "tender": tender,
    }


def _notice(told: Telling) -> Sections:
    return {"tag": ("tender",), "tender": _tender(told, status="active", tenderPeriod=_bidding(told))}


def _renotice(told: Telling) -> Sections:
    asked = told.edition.programme(told.after.programme).procurement.valid_bids
    few = len(told.made.before.tender.valid or ()) < asked
    why = f"Fewer than {asked} bids were found valid" if few else "No negotiation came to an agreement"
    amendment = _amendment(told, f"{why}; bids are invited anew.")
    # How many bid on the notice before says nothing of this one.
    said_before: Sections = {"numberOfTenderers": None, "hasEnquiries": None}
    anew: Sections = {"status": "active", "tenderPeriod": _bidding(told), **said_before}
    return {"tag": ("tenderAmendment",), "tender": _tender(told, **anew, amendments=(amendment,))}


def _opening(told: Telling) -> Sections:
    return {"tag": ("tenderUpdate",), "tender": _tender(told, numberOfTenderers=_bidders(told))}


def _evaluation(told: Telling) -> Sections:
    evaluated = Milestone(
        id=f"evaluation-{told.made.entry.number}",
        title="Bids evaluated",
        type="assessment",
        description=f"Bids: {_bidders(told)}; found valid: {len(told.after.tender.valid or ())}.",
        status="met",
        dateMet=told.at,
    )
    return {"tag": ("tenderUpdate",), "tender": _tender(told, milestones=(evaluated,))}


def _reduction(told: Telling) -> Sections:
    place = told.after.place
    assert place is not None  # that is what was reduced
    budget = Budget(amount=_krw(place.krw), project=told.edition.title.en)
    return {"tag": ("planningUpdate",), "planning": Planning(budget=budget)}


def _enquiry(told: Telling) -> Sections:
    known = any(question.answered for question in told.made.before.tender.questions)
    return {} if known else {"tag": ("tenderUpdate",), "tender": _tender(told, hasEnquiries=True)}


def _announcement(told: Telling) -> Sections:
    return {"tag": ("award",), "awards": (_pending(told),)}


def _pending(told: Telling) -> Award:
    agreed = told.after.tender.negotiated
    assert agreed is not None  # only an agreed price is announced
    return Award(
        id=_ids(told)["awardID"], status="pending", date=told.after.tender.announced_at, value=_krw(agreed.krw)
    )


def _given_up(told: Telling) -> Sections:
    """An announced award that counts no more."""
    if told.made.before.tender.announced_at is None:
        return {}
    return {"tag": ("awardCancellation",), "awards": (Award(id=_ids(told)["awardID"], status="cancelled"),)}


def _failure(told: Telling) -> Sections:
    unsuccessful = told.made.entry.data.get("ground") == "renotices_used_up"
    status = "unsuccessful" if unsuccessful else "cancelled"
    given_up = _given_up(told)
    tag = ("tenderCancellation", *given_up.get("tag", ()))
    return {**given_up, "tag": tag, "tender": _tender(told, status=status)}


def _award(told: Telling) -> Sections:
    contract = told.after.contract
    assert contract is not None  # that is what the move made
    supplier, value = _organisation(told, contract.contractor), _krw(contract.krw)
    award = Award(id=_ids(told)["awardID"], status="active", date=told.at, value=value, suppliers=(supplier,))
    signed = _contract(
        told,
        dateSigned=told.at,
        value=value,
        period=_work(told, startDate=told.at),
        implementation=_implementation(told),
    )
    return {
        "tag": ("award", "contract"),
        "parties": (Organization(**supplier.plain(), roles=("supplier",)),),
        "tender": _tender(told, status="complete"),
        "awards": (award,),
        "contracts": (signed,),
    }


def _replacement(told: Telling) -> Sections:
    """The first contract ends then; what is left of its work is in another, under an award of its own."""
    award = _award(told._replace(made=told.made._replace(after=_for_the_rest(told))))
    period = Period(endDate=told.at)
    ended = Contract(
        **_ids(told._replace(awarded_by=told.before[0], award=told.before[1])), status="terminated", period=period
    )
    del award["tender"]
    return {**award, "tag": ("award", "contract", "contractTermination"), "contracts": (ended, *award["contracts"])}


def _for_the_rest(told: Telling) -> Application:
    contract = told.after.contract
    assert contract is not None  # one was replaced by it
    rest = contract.model_copy(update={"krw": int(told.made.entry.data["krw"])})
    return told.after.model_copy(update={"contract": rest})


def _extension(told: Telling) -> Sections:
    ground = words(str(told.made.entry.data["ground"]))
    return _moved(told, f"The work is given more time; the ground is: {ground}.")


def _pause(told: Telling) -> Sections:
    closes, closed = told.after.tender.closes_at, told.made.before.tender.closes_at
    if told.after.contract is None and closes is not None and closes != closed:
        why = (_amendment(told, "The procurement was frozen; its close moves by as long."),)
        period = Period(startDate=told.after.tender.published_at, endDate=closes)
        return {"tag": ("tenderAmendment",), "tender": _tender(told, tenderPeriod=period, amendments=why)}
    before, after = told.made.before.ends_on, told.after.ends_on
    if before is None or after is None or after == before:
        return {}
    rested = "suspended" if told.made.entry.command == "resume" else "frozen"
    return _moved(told, f"The work was {rested}; its end moves by as many days: {(after - before).days}.")


def _moved(told: Telling, rationale: str) -> Sections:
    stated: Sections = {"period": _work(told), "amendments": (_amendment(told, rationale),)}
    if told.after.plan != told.made.before.plan:
        stated["implementation"] = _implementation(told)
    return {"tag": ("contractAmendment",), "contracts": (_contract(told, **stated),)}


def _plan(told: Telling) -> Sections:
    return {"tag": ("contractUpdate",), "contracts": (_contract(told, implementation=_implementation(told)),)}


def _scope(told: Telling) -> Sections:
    why = (_amendment(told, "The scope of the work, and with it the plan, was changed."),)
    contract = _contract(told, implementation=_implementation(told), amendments=why)
    return {"tag": ("contractAmendment",), "contracts": (contract,)}


def _acceptance(told: Telling) -> Sections:
    """A milestone, or the final report, is accepted."""
    return {"tag": ("implementation",), "contracts": (_contract(told, implementation=_implementation(told)),)}


def _payment(told: Telling) -> Sections:
    claim, contract = told.after.claim(int(told.made.entry.data["claim"])), told.after.contract
    assert claim is not None  # it was paid
    assert contract is not None  # under it
    assert claim.paid_on is not None
    payee = _organisation(told, claim.payee)
    transaction = Transaction(
        id=f"payment-{claim.number}",
        date=_end_of(told, claim.paid_on),
        value=_krw(claim.krw),
        payer=MINISTRY,
        payee=payee,
    )
    contractors = (contract, *told.after.contracts_before)
    supplies = ("supplier",) * (claim.payee in [one.contractor for one in contractors])
    return {
        "tag": ("implementation",),
        "parties": (
            Organization(id=MINISTRY.id, name=MINISTRY.name, roles=("buyer", "procuringEntity", "payer")),
            Organization(**payee.plain(), roles=(*supplies, "payee")),
        ),
        "contracts": (_contract(told, implementation=Implementation(transactions=(transaction,))),),
    }


def _completion(told: Telling) -> Sections:
    return {"tag": ("contractTermination",), "contracts": (_contract(told),)}


def _termination(told: Telling) -> Sections:
    ended = _contract(told, period=Period(endDate=told.at), implementation=_implementation(told))
    return {"tag": ("contractTermination",), "contracts": (ended,)}


def _correction(told: Telling) -> Sections:
    if _subject(told) == _subject(told._replace(made=told.made._replace(after=told.made.before))):
        return {}
    return {"tag": ("tenderUpdate",), "tender": _tender(told, **_subject(told))}


def _taken_back(told: Telling) -> Sections:
    """A move made in error is undone: what stood before it stands again."""
    why = (_amendment(told, "What the amended release tells of was an error, and is undone."),)
    if told.after.contract is not None:
        contract = _contract(told, period=_work(told), implementation=_implementation(told), amendments=why)
        return {"tag": ("contractUpdate",), "contracts": (contract,)}
    status = "active" if told.after.tender.closes_at else "planned"
    tender = _tender(told, status=status, amendments=why)
    stands = (_pending(told),) if told.after.tender.announced_at else ()
    if told.undone != "award_contract":
        awards: Sections = {"awards": stands} if stands else {}
        return {"tag": ("tenderUpdate", *(["awardUpdate"] if stands else [])), "tender": tender, **awards}
    ids = _ids(told)
    return {
        "tag": ("awardUpdate" if stands else "awardCancellation", "contractUpdate"),
        "tender": tender,
        "awards": stands or (Award(id=ids["awardID"], status="cancelled"),),
        "contracts": (Contract(**ids, status="cancelled"),),
    }


TOLD: dict[str, Callable[[Telling], Sections]] = {
    "set_terms": _terms,
    "publish_notice": _notice,
    "renotice": _renotice,
    "answer_question": _enquiry,
    "open_bids": _opening,
    "evaluate_bids": _evaluation,
    "record_negotiation": _given_up,
    "announce_award": _announcement,
    "uphold_complaint": _given_up,
    "reduce_award": _reduction,
    "fail_procurement": _failure,
    "withdraw": _failure,
    "award_contract": _award,
    "accept_plan": _plan,
    "change_scope": _scope,
    "accept_milestone": _acceptance,
    "pay": _payment,
    "replace_contractor": _replacement,
    "extend": _extension,
    "resume": _pause,
    "unfreeze": _pause,
    "accept_final": _acceptance,
    "close": _completion,
    "terminate": _termination,
    "correct": _correction,
}
"""Trigger → what is released of it. What is not here is nobody else's business, unless it undoes what is."""


# --- what they are made of --------------------------------------------------------------------------------------------


def _krw(amount: int) -> Value:
    return Value(amount=amount, currency="KRW")


def _tender(told: Telling, **stated: Any) -> Tender:
    return Tender(id=told.after.ref, **stated)


def _subject(told: Telling) -> Sections:
    """What the tender is about."""
    after, programme = told.after, told.edition.programme(told.after.programme)
    where = f"{after.city}, {country(after.applicant.country)}" if after.applicant else after.city
    return {"title": after.title, "description": f"{programme.title.en}: {where}"}


def _bidding(told: Telling) -> Period:
    return Period(startDate=told.at, endDate=told.after.tender.closes_at)


def _bidders(told: Telling) -> int:
    return len(told.after.tender.standing)


def _amendment(told: Telling, rationale: str) -> Amendment:
    return Amendment(id=told.id, date=told.at, rationale=rationale, amendsReleaseID=told.amends, releaseID=told.id)


def _organisation(told: Telling, id: str) -> OrganizationReference:
    name = told.names.get(id)
    return OrganizationReference(id=id, name=name) if name else OrganizationReference(id=id)


def _ids(told: Telling) -> dict[str, str]:
    """A contract's, and its award's: by the entry that made them, as one that was cancelled keeps its own."""
    return {"id": f"contract-{told.awarded_by}", "awardID": f"award-{told.award}"}


def _contract(told: Telling, **stated: Any) -> Contract:
    replaced = told.made.entry.command == "pay" and told.before[0] != told.awarded_by
    ended = replaced or told.after.stage in (Stage.CLOSED, Stage.TERMINATED)
    return Contract(**_ids(told), status="terminated" if ended else "active", **stated)


def _work(told: Telling, **stated: Any) -> Period:
    """The time of the work: to the last second of its last day in the edition's zone."""
    ends_on: date | None = told.after.ends_on
    assert ends_on is not None  # a contract has an end
    return Period(endDate=_end_of(told, ends_on), **stated)


def _end_of(told: Telling, day: date) -> datetime:
    return datetime.combine(day, LAST_SECOND, ZoneInfo(told.edition.zone))


def _implementation(told: Telling) -> Implementation:
    """The milestones: accepted, still to come, or never; before there is a plan, the final report alone.

    One that a changed plan no longer has is told as not met.
    """
    plan, before = told.after.plan, told.made.before.plan
    gone = {old.key for old in before} - {milestone.key for milestone in plan} - {FINAL_REPORT}
    milestones = [_milestone(told, milestone) for milestone in plan]
    milestones += [Milestone(id=_milestone_id(key), status="notMet") for key in sorted(gone)]
    return Implementation(milestones=tuple(milestones) or (_milestone(told, None),))


def _milestone(told: Telling, milestone: PlannedMilestone | None) -> Milestone:
    key = milestone.key if milestone else FINAL_REPORT
    met = milestone.accepted_at if milestone else None
    missed = told.after.stage is Stage.TERMINATED
    stated: Sections = {"dueDate": _end_of(told, milestone.due_on)} if milestone else {}
    if met or told.undone:
        stated["dateMet"] = met
    return Milestone(
        id=_milestone_id(key),
        title=f"{words(key).capitalize()} accepted",
        type="delivery",
        status="met" if met else "notMet" if missed else "scheduled",
        **stated,
    )


def _milestone_id(key: str) -> str:
    return key.replace("_", "-")
