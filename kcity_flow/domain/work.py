"""The work, its money, its acceptance and its end: what guards of its moves read, and what those moves do.

Money follows evidence: a claim rests on an accepted milestone, a payment on an accepted claim, and each on a document.
Days are those of the edition's zone, money is KRW.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from kcity_flow.domain import freeze
from kcity_flow.domain import messages as m
from kcity_flow.domain.application import (
    ACCEPTING,
    FINAL_REPORT,
    Application,
    Claim,
    Contract,
    Effect,
    Extension,
    Facts,
    FollowOn,
    Milestone,
    Plan,
    Report,
    Settlement,
    Subcontract,
    Suspension,
    Timer,
    Visit,
)
from kcity_flow.domain.stages import Role, Stage
from kcity_flow.domain.values import last_day, start_of

LONG_STOP = "settlement_long_stop"
REPORT_TIMER = "report"
WITH_BANK = "ministry_with_development_bank"
"""The kind of follow-on that a development bank shares in."""
PAYMENT_TIMER = "payment"
NOTICE_TIMER = "termination_notice"
REPORTS_MISSED = "reports_missed"
"""The note of the flag that is raised when too many reports in a row were missed."""


def _zone(facts: Facts) -> ZoneInfo:
    return ZoneInfo(facts.edition.zone)


def _today(facts: Facts) -> date:
    return facts.now.astimezone(_zone(facts)).date()


def _contract_krw(facts: Facts) -> int:
    return facts.application.contract.krw if facts.application.contract else 0


def _at_most(krw: int, cap: int) -> str:
    return "" if krw <= cap else f"at most {cap:,} KRW in all; it would be {krw:,}"


# --- who, and on what -------------------------------------------------------------------------------------------------


def own_contract(facts: Facts) -> str:
    """A contractor speaks for its own contract alone: as who signed the framework for it."""
    by = facts.command.by
    stranger = by.role is Role.CONTRACTOR and by.person != facts.application.contractor
    return "the contractor of this project" if stranger else ""


def evidence_attached(facts: Facts) -> str:
    """A document shows it (assumed)."""
    return "" if facts.command.evidence else "the hash of the document that shows it as evidence"


def done_by_today(facts: Facts) -> str:
    """It happened under the contract and not in the future; a payment not before its claim was accepted."""
    application, zone = facts.application, _zone(facts)
    begun: datetime | None = application.contracted_at
    if facts.command.trigger == "pay":
        claim = application.claim(facts.command.claim)
        begun = claim.decided_at if claim else None
    first, last = begun.astimezone(zone).date() if begun else date.min, _today(facts)
    return "" if first <= facts.command.done_on <= last else f"a done_on from {first} to {last}"


# --- the plan ---------------------------------------------------------------------------------------------------------


def no_plan_accepted(facts: Facts) -> str:
    """A plan is set until one is accepted; that one is changed by two, with a reason."""
    return "a project without an accepted plan; change_scope changes one" if facts.application.plan else ""


def plan_accepted(facts: Facts) -> str:
    """There is an accepted plan (assumed): nothing is claimed, changed or finished without one."""
    return "" if facts.application.plan else "an accepted plan"


def final_report_last(facts: Facts) -> str:
    """Each milestone has a key of its own, and the last one is the final report."""
    keys = [milestone.key for milestone in facts.command.milestones]
    if len(set(keys)) < len(keys):
        return "milestones with a key of their own each"
    return "" if keys[-1] == FINAL_REPORT else f"{FINAL_REPORT} as the last milestone"


def days_in_order(facts: Facts) -> str:
    """Milestones are in the order of their days, from the contract's to the end of the work."""
    application, days = facts.application, [milestone.due_on for milestone in facts.command.milestones]
    begun, ends = application.contracted_at, application.ends_on
    if days != sorted(days):
        return "milestones in the order of their days"
    first = begun.astimezone(_zone(facts)).date() if begun else days[0]
    last = ends or days[-1]
    return "" if first <= days[0] and days[-1] <= last else f"days from {first} to {last}"


def plan_within_contract(facts: Facts) -> str:
    """The milestones' sums come to the contract's at most."""
    return _at_most(sum(milestone.krw for milestone in facts.command.milestones), _contract_krw(facts))


def rests_on_deliverables(facts: Facts) -> str:
    """A milestone rests on deliverables that the programme knows (announcement, 1 to 3)."""
    known = facts.programme.deliverables
    unknown = sorted({kind for milestone in facts.command.milestones for kind in milestone.deliverables} - set(known))
    return f"deliverables among {', '.join(known)}; {', '.join(unknown)} is none" if unknown else ""


def plan_waits(facts: Facts) -> str:
    """The plan that is named is the one that waits: whoever accepts it has seen it."""
    plan = facts.application.plan_proposed
    if plan is None:
        return "a plan that waits to be accepted"
    return "" if facts.command.plan == plan.entry else f"the plan of entry {plan.entry}, which waits"


def not_who_set_it(facts: Facts) -> str:
    """Another accepts the plan than set it."""
    plan = facts.application.plan_proposed
    return "somebody else than set the plan" if plan and facts.command.by.person == plan.by else ""


def accepted_kept(facts: Facts) -> str:
    """A changed plan keeps what was accepted, and so what was claimed and paid for it."""
    new = {milestone.key: milestone for milestone in facts.command.milestones}
    changed = [old.key for old in facts.application.plan if old.accepted_at and new.get(old.key) != _as_planned(old)]
    return f"{', '.join(changed)} as accepted" if changed else ""


def _as_planned(milestone: Milestone) -> m.Milestone:
    return m.Milestone(**{name: getattr(milestone, name) for name in m.Milestone.model_fields})


# --- reports, visits, milestones, subcontracts ------------------------------------------------------------------------


def month_of(day: date) -> str:
    """The month of a day: ``2021-10``."""
    return f"{day:%Y-%m}"


def half_of_the_work(application: Application, zone: ZoneInfo) -> date:
    """The day in the middle between the contract and the end of the work as it stands."""
    assert application.contracted_at is not None  # there is a contract
    assert application.ends_on is not None
    begun = application.contracted_at.astimezone(zone).date()
    return begun + (application.ends_on - begun) // 2


def month_reported(application: Application, month: str, zone: ZoneInfo) -> bool:
    """Whether a month has its report; from half of the work on, an interim report is the one that is missing."""
    kinds = [report.kind for report in application.reports if report.month == month]
    interim = "interim" in {report.kind for report in application.reports}
    return bool(kinds) and (interim or month < month_of(half_of_the_work(application, zone)))


def month_due(due_on: date) -> str:
    """The month whose report is due on a day: the one before it."""
    return month_of(due_on.replace(day=1) - timedelta(days=1))


def month_asked(timer: Timer, zone: ZoneInfo) -> str:
    """The month whose report a timer waits for: a pause moves the day, and not the month."""
    return month_due(last_day(timer.would_be_due_at, zone))


def stood_still(application: Application, month: str, zone: ZoneInfo) -> bool:
    """Whether the work rested all of a month; a pause that lasts does not count yet."""
    first = date.fromisoformat(f"{month}-01")
    begins, ends = start_of(first, zone), start_of((first + timedelta(days=31)).replace(day=1), zone)
    return any(pause.since <= begins and pause.until and ends <= pause.until for pause in application.rested)


def month_of_the_work(facts: Facts) -> str:
    """A report is on a month since the contract, up to this one; an interim report not before half of the work."""
    application, zone = facts.application, _zone(facts)
    assert application.contracted_at is not None  # there is a contract
    begun = application.contracted_at.astimezone(zone).date()
    first = half_of_the_work(application, zone) if facts.command.kind == "interim" else begun
    if month_of(first) <= facts.command.month <= month_of(_today(facts)):
        return ""
    return f"a month from {month_of(first)} to {month_of(_today(facts))}"


def report_not_recorded(facts: Facts) -> str:
    """The same report is recorded once."""
    known = facts.command.document in [report.document for report in facts.application.reports]
    return "a report that is not yet recorded" if known else ""


def reports_a_milestone(facts: Facts) -> str:
    """What is reported as reached is an open milestone of the plan, with what it rests on; the final report is not."""
    if facts.command.milestone is None:
        return "a milestone that the deliverables are for" if facts.command.deliverables else ""
    milestone = _open_milestone(facts)
    if milestone is None:
        return "an open milestone of the accepted plan, other than the final report"
    lacking = sorted(set(milestone.deliverables) - {document.kind for document in facts.command.deliverables})
    return f"the deliverables {', '.join(lacking)}" if lacking else ""


def _open_milestone(facts: Facts) -> Milestone | None:
    milestone = facts.application.milestone(facts.command.milestone)
    final = facts.command.milestone == FINAL_REPORT
    return None if milestone is None or milestone.accepted_at or final else milestone


def milestone_reported(facts: Facts) -> str:
    """A milestone is accepted once, after it was reported; the final report by ``accept_final``."""
    milestone = _open_milestone(facts)
    return "" if milestone and milestone.reported_by else "a milestone that was reported and is not yet accepted"


def not_who_reported_it(facts: Facts) -> str:
    """Another accepts a milestone, or the final report, than reported it."""
    milestone = facts.application.milestone(getattr(facts.command, "milestone", FINAL_REPORT))
    reported_it = milestone is not None and facts.command.by.person == milestone.reported_by
    return "somebody else than reported it" if reported_it else ""


def subcontracts_within_contract(facts: Facts) -> str:
    """Subcontracts come to the contract's sum at most, without what went to an earlier contractor."""
    approved = sum(subcontract.krw for subcontract in facts.application.subcontracts)
    before = sum(contract.krw for contract in facts.application.contracts_before)
    return _at_most(approved + facts.command.krw, _contract_krw(facts) - before)


# --- claims and payments ----------------------------------------------------------------------------------------------


def claim_numbered_anew(facts: Facts) -> str:
    """A claim's number is used once."""
    return "a number not yet used" if facts.application.claim(facts.command.claim) else ""


def milestone_accepted(facts: Facts) -> str:
    """Only what was accepted is claimed."""
    milestone = facts.application.milestone(facts.command.milestone)
    return "" if milestone and milestone.accepted_at else "an accepted milestone"


def within_milestone(facts: Facts) -> str:
    """All claims for a milestone come to its sum at most."""
    milestone = facts.application.milestone(facts.command.milestone)
    claimed = facts.application.claimed_krw(milestone=facts.command.milestone)
    return _at_most(claimed + facts.command.krw, milestone.krw if milestone else 0)


def claims_within_contract(facts: Facts) -> str:
    """All claims come to the contract's sum at most."""
    return _at_most(facts.application.claimed_krw() + facts.command.krw, _contract_krw(facts))


def payee_of_the_contract(facts: Facts) -> str:
    """Who is paid is the contract's firm, which pays its subcontractors itself (assumed)."""
    contract = facts.application.contract
    firm = contract.contractor if contract else ""
    return "" if facts.command.payee == firm else f"the contract's firm, {firm}, as payee"


def payee_korean(facts: Facts) -> str:
    """Who is paid is seated in Korea where the edition says so (announcement, 4, of contractors; assumed of payees)."""
    command: Any = facts.command
    paid = command if command.trigger == "claim" else facts.application.claim(command.claim)
    anybody = facts.programme.procurement.payee == "any"
    return "" if anybody or paid is None or paid.country == "KR" else "a Korean payee"


def claim_waits(facts: Facts) -> str:
    """A claim is decided once."""
    claim = facts.application.claim(facts.command.claim)
    return "" if claim and claim.state == "claimed" else "a claim that waits to be decided"


def not_the_claimant(facts: Facts) -> str:
    """Another accepts a claim than made it."""
    claim = facts.application.claim(facts.command.claim)
    return "somebody else than made the claim" if claim and facts.command.by.person == claim.claimed_by else ""


def claim_accepted(facts: Facts) -> str:
    """An accepted claim is paid, once."""
    claim = facts.application.claim(facts.command.claim)
    return "" if claim and claim.state == "accepted" else "an accepted claim that is not yet paid"


def neither_claimant_nor_accepter(facts: Facts) -> str:
    """Three persons stand between the work and the money: who claims, who accepts, who pays."""
    claim = facts.application.claim(facts.command.claim)
    had_a_part = claim is not None and facts.command.by.person in (claim.claimed_by, claim.decided_by)
    return "somebody who neither made nor accepted the claim" if had_a_part else ""


def payments_within_contract(facts: Facts) -> str:
    """All payments come to the contract's sum at most: asked once more where the money leaves."""
    claim = facts.application.claim(facts.command.claim)
    return _at_most(facts.application.paid_krw + (claim.krw if claim else 0), _contract_krw(facts))


# --- another contractor -----------------------------------------------------------------------------------------------


def claims_decided(facts: Facts) -> str:
    """No claim waits: its sum would be neither paid nor due."""
    waiting = [str(claim.number) for claim in facts.application.claims if claim.state == "claimed"]
    return f"a decision on the claims {', '.join(waiting)}" if waiting else ""


def accepted_claimed(facts: Facts) -> str:
    """What was accepted under a contract is claimed under it, as far as its sum goes (assumed)."""
    application = facts.application
    accepted = [one for one in application.plan if one.accepted_at]
    left = [one.key for one in accepted if application.claimed_krw(milestone=one.key) < one.krw]
    unclaimed = left and application.claimed_krw() < _contract_krw(facts)
    return f"claims of the whole sum of {', '.join(left)}, which the present contractor reached" if unclaimed else ""


def sums_as_recorded(facts: Facts) -> str:
    """What was paid, and what is still due, are what the ledger says."""
    paid, due = facts.application.paid_krw, facts.application.owed_krw
    same = (facts.command.paid_krw, facts.command.due_krw) == (paid, due)
    return "" if same else f"{paid:,} KRW as paid and {due:,} as due"


def another_contractor(facts: Facts) -> str:
    """The new contractor is another firm."""
    contract = facts.application.contract
    return "another contractor" if contract and contract.contractor == facts.command.contractor else ""


def within_what_is_left(facts: Facts) -> str:
    """The new contract comes to what is left of the old one at most."""
    return _at_most(facts.application.claimed_krw() + facts.command.krw, _contract_krw(facts))


# --- time -------------------------------------------------------------------------------------------------------------


def later_than_the_end(facts: Facts) -> str:
    """An extension ends later than the present end."""
    ends = facts.application.ends_on
    return "" if ends and facts.command.ends_on > ends else f"an end after {ends}"


def ends_in_the_future(facts: Facts) -> str:
    """No extension ends in the past, however late it is decided."""
    return "" if facts.command.ends_on >= _today(facts) else f"an end not before {_today(facts)}"


def reason_known(facts: Facts) -> str:
    """Scale, complexity, COVID-19 (announcement, 4) or another the edition lists."""
    grounds = facts.edition.implementation.extension_reasons
    return "" if facts.command.ground in grounds else f"one of the grounds {', '.join(grounds)}"


def notice_period_long_enough(facts: Facts) -> str:
    """The notice of termination runs as many days as the edition says (assumed: 30)."""
    least = facts.edition.least_ahead(NOTICE_TIMER)
    return "" if facts.command.ends_at >= facts.now + least else f"a notice of at least {least.days} days"


def notice_not_shortened(facts: Facts) -> str:
    """A notice that runs is followed by none that is over before it."""
    at = facts.application.termination_at
    return "" if at is None or facts.command.ends_at >= at else f"an end not before the notice's, {at.isoformat()}"


def notice_given(facts: Facts) -> str:
    """Notice was given, and neither withdrawn nor overtaken."""
    return "" if facts.application.termination_at else "a notice of termination"


def notice_over(facts: Facts) -> str:
    """Notified, and the notice period is over."""
    at = facts.application.termination_at
    if at is None or facts.now >= at:
        return notice_given(facts)
    return f"the notice of termination to be over, on {at.isoformat()}"


# --- acceptance -------------------------------------------------------------------------------------------------------


def deliverables_listed(facts: Facts) -> str:
    """The deliverables the programme wants (announcement, 1 to 3), those of the plan's last milestone among them."""
    wanted = set(facts.programme.deliverables)
    given = {document.kind for document in facts.command.deliverables}
    final = facts.application.milestone(FINAL_REPORT)
    if final and (lacking := sorted(set(final.deliverables) - given)):
        return f"the deliverables {', '.join(lacking)}"
    unknown = sorted(given - wanted)
    if unknown:
        return f"deliverables among {', '.join(sorted(wanted))}; {', '.join(unknown)} is none"
    needed = facts.programme.deliverables_needed
    return "" if len(given) >= needed else f"{needed} of the deliverables {', '.join(sorted(wanted))}"


def milestones_accepted(facts: Facts) -> str:
    """Nothing of the plan is left open: what is not done any more is taken out of it before (assumed)."""
    plan = facts.application.plan
    left = [milestone.key for milestone in plan if not milestone.accepted_at and milestone.key != FINAL_REPORT]
    return f"{', '.join(left)} accepted before" if left else ""


def names_what_is_missing(facts: Facts) -> str:
    """A report goes back with a list."""
    return "" if facts.command.missing else "a list of what is missing"


def _side(facts: Facts) -> str:
    return "host_government" if facts.command.by.role is Role.HOST_GOVERNMENT else "secretariat"


def speaks_for_the_host(facts: Facts) -> str:
    """For the host government speaks who signed the framework for it."""
    signed = [p.signatory for p in facts.application.parties.values() if p.kind == "host_government" and p.signed]
    speaks = facts.command.by.role is not Role.HOST_GOVERNMENT or facts.command.by.person in signed
    return "" if speaks else "who signed the framework for the host government"


def signs_for_no_side_else(facts: Facts) -> str:
    """Who speaks for the host government does not speak for the secretariat."""
    hosts = [p.signatory for p in facts.application.parties.values() if p.kind == "host_government"]
    both = facts.command.by.role is not Role.HOST_GOVERNMENT and facts.command.by.person in hosts
    return "somebody else than speaks for the host government" if both else ""


def accepts_once(facts: Facts) -> str:
    """A side agrees the same minutes once; others replace them until both agreed the same."""
    said = facts.application.acceptance.get(_side(facts))
    return f"minutes that the {_side(facts)} has not agreed yet" if said == facts.command.minutes else ""


def same_acceptance(facts: Facts) -> str:
    """Both sides agree the same minutes."""
    others = {side: said for side, said in facts.application.acceptance.items() if side != _side(facts)}
    return "" if set(others.values()) <= {facts.command.minutes} else "the minutes that the other side agreed"


def acceptance_agreed(facts: Facts) -> str:
    """The minutes of the acceptance are agreed with the host government (assumed)."""
    waiting = [side for side in ACCEPTING if side not in facts.application.acceptance]
    return f"minutes of the acceptance agreed by the {' and the '.join(waiting)}" if waiting else ""


# --- the end ----------------------------------------------------------------------------------------------------------


def settlement_adds_up(facts: Facts) -> str:
    """The sums are those of the ledger: what is due was accepted, and nobody owes the other at the same time."""
    command, application = facts.command, facts.application
    if missing := claims_decided(facts) or sums_as_recorded(facts):
        return missing
    if command.due_krw and command.refund_krw:
        return "either a sum that is due or one that is to be refunded"
    least, most = application.recovered_krw + application.written_off_krw, command.paid_krw
    if not least <= command.refund_krw <= most:
        return f"a refund from {least:,} to {most:,} KRW"
    return _at_most(command.paid_krw + command.due_krw, _contract_krw(facts))


def within_refund(facts: Facts) -> str:
    """No more comes in, or is written off, than is still to be refunded."""
    left = facts.application.refund_krw
    return "" if facts.command.krw <= left else f"at most the {left:,} KRW that are still to be refunded"


def on_available_information(facts: Facts) -> bool:
    """Whether a project is closed on what is known: the long-stop of its settlement is over, and the reason given."""
    over = facts.edition.ladder(LONG_STOP) is not None and LONG_STOP not in facts.application.timers
    return facts.source is Stage.SETTLEMENT and over and bool(facts.command.reason)


def settled(application: Application) -> bool:
    """Whether the sums are settled as they stand now: a claim since then would have to be settled anew."""
    found = application.settlement
    now = application.claimed_krw()
    return found is not None and found.paid_krw + found.due_krw == now


def settlement_recorded(facts: Facts) -> str:
    """The sums are settled as they stand; long after the acceptance it is closed on what is known, with a reason."""
    done = settled(facts.application) or on_available_information(facts)
    return "" if done else "a recorded settlement of the sums as they stand"


def accepted_paid(facts: Facts) -> str:
    """Everything accepted is paid: no long-stop lets money be owed for ever."""
    owed = facts.application.owed_krw
    return f"payment of the {owed:,} KRW that were accepted" if owed else ""


def nothing_to_recover(facts: Facts) -> str:
    """Every refund came in or was written off; long after the acceptance it is closed on what is known."""
    left = facts.application.refund_krw
    return "" if not left or on_available_information(facts) else f"{left:,} KRW recovered or written off"


def documents_filed(facts: Facts) -> str:
    """The file is complete: with the hashes of what the plan rests on."""
    if not facts.command.filed:
        return "the documents filed"
    application = facts.application
    filed = [*application.deliverables, *(one for milestone in application.plan for one in milestone.handed_in)]
    wanted = {kind for milestone in application.plan for kind in milestone.deliverables}
    lacking = sorted(wanted - {document.kind for document in filed})
    return f"the hashes of {', '.join(lacking)}" if lacking else ""


def kind_of_follow_up(facts: Facts) -> str:
    """PPP, the ministry's own investment, or with a development bank (announcement, 5)."""
    kinds = facts.edition.follow_on
    return "" if facts.command.kind in kinds else f"one of {', '.join(kinds)}"


def bank_named(facts: Facts) -> str:
    """Where a development bank takes part (announcement, 5), the record names it."""
    unnamed = facts.command.kind == WITH_BANK and not facts.command.partners
    return "the development bank among the partners" if unnamed else ""


def supersedes_a_follow_up(facts: Facts) -> str:
    """Only a record of what became of the project is replaced by another, and no record twice."""
    records = [record.entry for record in facts.application.follow_ups]
    if facts.command.supersedes in records:
        return ""
    return f"a record that stands: {', '.join(map(str, records)) or 'there is none'}"


# --- effects ----------------------------------------------------------------------------------------------------------


def _set_plan(facts: Facts) -> dict[str, Any]:
    command: m.SetPlan = facts.command
    entry = facts.entries + 1
    return {"plan_proposed": Plan(entry=entry, by=command.by.person, milestones=command.milestones)}


def _accept_plan(facts: Facts) -> dict[str, Any]:
    plan = facts.application.plan_proposed
    assert plan is not None  # guard `plan_waits`
    return {"plan_proposed": None, "plan": tuple(_fresh(milestone) for milestone in plan.milestones)}


def _fresh(milestone: m.Milestone) -> Milestone:
    return Milestone(**{name: getattr(milestone, name) for name in m.Milestone.model_fields})


def _change_scope(facts: Facts) -> dict[str, Any]:
    # What is as it was keeps what came of it: also a milestone that was reported and waits.
    known = [(_as_planned(old), old) for old in facts.application.plan]
    kept = {old.key: old for planned, old in known if planned in facts.command.milestones}
    return {"plan": tuple(kept.get(new.key, _fresh(new)) for new in facts.command.milestones)}


def _change_milestone(application: Application, key: str, **change: Any) -> tuple[Milestone, ...]:
    return tuple(one.model_copy(update=change) if one.key == key else one for one in application.plan)


def _report(facts: Facts) -> dict[str, Any]:
    command: m.Report = facts.command
    report = Report(kind=command.kind, month=command.month, document=command.document, at=facts.now)
    changes: dict[str, Any] = {"reports": (*facts.application.reports, report), "reports_missed": 0}
    if command.milestone is not None:
        reached = {"reported_by": command.by.person, "handed_in": command.deliverables}
        changes["plan"] = _change_milestone(facts.application, command.milestone, **reached)
    return changes


def _flag(facts: Facts) -> dict[str, Any]:
    missed = facts.command.by.role is Role.CLOCK and facts.command.note == REPORT_TIMER
    return {"reports_missed": facts.application.reports_missed + 1} if missed else {}


def _visit(facts: Facts) -> dict[str, Any]:
    command: m.VisitSite = facts.command
    visit = Visit(done_on=command.done_on, minutes=command.minutes, present=command.present)
    return {"visits": (*facts.application.visits, visit)}


def _subcontract(facts: Facts) -> dict[str, Any]:
    command: m.ApproveSubcontract = facts.command
    approved = Subcontract(firm=command.firm, country=command.country, krw=command.krw)
    return {"subcontracts": (*facts.application.subcontracts, approved)}


def _claim(facts: Facts) -> dict[str, Any]:
    command: m.MakeClaim = facts.command
    claim = Claim(
        number=command.claim,
        milestone=command.milestone,
        krw=command.krw,
        payee=command.payee,
        country=command.country,
        claimed_by=command.by.person,
    )
    return {"claims": (*facts.application.claims, claim)}


def _change_claim(facts: Facts, **change: Any) -> dict[str, Any]:
    claims = facts.application.claims
    return {"claims": tuple(c.model_copy(update=change) if c.number == facts.command.claim else c for c in claims)}


def _decide(state: str) -> Callable[[Facts], dict[str, Any]]:
    return lambda f: _change_claim(f, state=state, decided_by=f.command.by.person, decided_at=f.now)


def _extend(facts: Facts) -> dict[str, Any]:
    command: m.Extend = facts.command
    extension = Extension(ends_on=command.ends_on, ground=command.ground, at=facts.now)
    extensions = (*facts.application.extensions, extension)
    return {"ends_on": command.ends_on, "ends_set_at": facts.now, "extensions": extensions}


def _replace_contractor(facts: Facts) -> dict[str, Any]:
    command: m.ReplaceContractor = facts.command
    old = facts.application.contract
    assert old is not None  # the stage is `suspended`
    earlier = facts.application.contracts_before
    went = command.paid_krw + command.due_krw - sum(contract.krw for contract in earlier)
    return {
        # The sum stays that of the whole: every limit counts what went to whoever was replaced.
        "contract": Contract(contractor=command.contractor, krw=command.paid_krw + command.due_krw + command.krw),
        "contracts_before": (*earlier, Contract(contractor=old.contractor, krw=went)),
        # What the old one handed in and nobody accepted the new one reports, and plans, anew.
        "plan": tuple(one if one.accepted_at else _fresh(one) for one in facts.application.plan),
        "plan_proposed": None,
        "subcontracts": (),
        "reports_missed": 0,
    }


def _resume(facts: Facts) -> dict[str, Any]:
    """Move every deadline by exactly the pause, and the end of the work and the open milestones by its days.

    Those are days of the edition's zone: one that has lasted an hour counts in full, what is less for nothing. Where
    one falls on no working day it stays all the same: the pause is given back, and no day more. An accepted milestone
    keeps its day. What was set during the pause moves by what came of the pause after that.
    """
    application, zone = facts.application, facts.edition.zone
    assert application.suspended_at is not None  # the stage is `suspended`
    since, until = application.suspended_at, facts.now
    over = Suspension(since=since, until=until, days=freeze.whole_days(until - since))
    return {
        "suspended_at": None,
        "termination_at": None,
        "reports_missed": 0,
        "suspensions": (*application.suspensions, over),
        "timers": freeze.timers_after(application.timers, since, until, application.holds_up),
        **freeze.days_of_the_work_after(application, since, until, zone),
    }


def _submit_final(facts: Facts) -> dict[str, Any]:
    command: m.SubmitFinal = facts.command
    plan = _change_milestone(facts.application, FINAL_REPORT, reported_by=command.by.person)
    return {"deliverables": command.deliverables, "plan": plan, "acceptance": {}}


def _return_final(facts: Facts) -> dict[str, Any]:
    plan = _change_milestone(facts.application, FINAL_REPORT, reported_by=None)
    return {"deliverables": (), "plan": plan, "acceptance": {}}


def _record_settlement(facts: Facts) -> dict[str, Any]:
    command: m.RecordSettlement = facts.command
    sums = Settlement(paid_krw=command.paid_krw, due_krw=command.due_krw, refund_krw=command.refund_krw)
    return {"settlement": sums}


def _record(facts: Facts) -> FollowOn:
    command: m.FollowUp | m.SupersedeFollowUp = facts.command
    return FollowOn(
        entry=facts.entries + 1,
        kind=command.kind,
        status=command.status,
        partners=command.partners,
        krw=command.krw,
    )


def _replace_record(facts: Facts) -> dict[str, Any]:
    replaced = facts.command.supersedes
    records = facts.application.follow_ups
    return {"follow_ups": tuple(_record(facts) if record.entry == replaced else record for record in records)}


OVERTAKES = {"withdraw_termination": ("terminate",)}
"""Move → whose proposals end with it: the notice they rest on is no more."""


EFFECTS: dict[str, Effect] = {
    "set_plan": _set_plan,
    "accept_plan": _accept_plan,
    "change_scope": _change_scope,
    "report": _report,
    "flag": _flag,
    "visit_site": _visit,
    "accept_milestone": lambda f: {
        "plan": _change_milestone(f.application, f.command.milestone, accepted_at=f.now),
    },
    "approve_subcontract": _subcontract,
    "claim": _claim,
    "accept_claim": _decide("accepted"),
    "reject_claim": _decide("rejected"),
    "pay": lambda f: _change_claim(f, state="paid", paid_on=f.command.done_on),
    "extend": _extend,
    "suspend": lambda f: {"suspended_at": f.now},
    "resume": _resume,
    "replace_contractor": _replace_contractor,
    "submit_final": _submit_final,
    "return_final": _return_final,
    "agree_acceptance": lambda f: {"acceptance": {**f.application.acceptance, _side(f): f.command.minutes}},
    "accept_final": lambda f: {
        "plan": _change_milestone(f.application, FINAL_REPORT, accepted_at=f.now),
        "termination_at": None,
    },
    "notify_termination": lambda f: {"termination_at": f.command.ends_at},
    "withdraw_termination": lambda _: {"termination_at": None},
    "record_settlement": _record_settlement,
    "recover": lambda f: {"recovered_krw": f.application.recovered_krw + f.command.krw},
    "write_off": lambda f: {"written_off_krw": f.application.written_off_krw + f.command.krw},
    "close": lambda f: {"grade": f.command.grade},
    "follow_up": lambda f: {"follow_ups": (*f.application.follow_ups, _record(f))},
    "supersede_follow_up": _replace_record,
}
