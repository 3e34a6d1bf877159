"""Projects that ran before their edition was kept here: what must be known of one, and what its file begins with.

An adopted project comes to its stage by no move of its own: the edition's entry, two persons' and with evidence, says
where it stands. From there it lives as any other. Its place counts in its edition; nothing else is judged anew, for
it was selected before.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from kcity_flow.domain import freeze
from kcity_flow.domain import messages as m
from kcity_flow.domain.application import (
    FINAL_REPORT,
    Adoption,
    Contract,
    Effect,
    Facts,
    Framework,
    FrameworkText,
    Milestone,
    Party,
    Place,
    Settlement,
)
from kcity_flow.domain.edition import PartyKind
from kcity_flow.domain.procurement import korean
from kcity_flow.domain.stages import Stage
from kcity_flow.domain.values import start_of

S = Stage

LED_TO = {
    S.FRAMEWORK: "open_framework",
    S.PROCUREMENT: "complete_framework",
    S.IMPLEMENTATION: "award_contract",
    S.SUSPENDED: "suspend",
    S.ACCEPTANCE: "submit_final",
    S.SETTLEMENT: "accept_final",
    S.CLOSED: "close",
}
"""Stages at which a project can be adopted, in their order, and the move that would have led there."""

_STAGES = tuple(LED_TO)


def trigger_at(stage: str) -> str:
    """The application's move that adopts it at a stage."""
    return f"adopt_at_{stage}"


def stands_for(stage: Stage) -> list[str]:
    """The moves that an adoption at this stage takes the place of, in order: their deadlines run."""
    return [LED_TO[passed] for passed in _STAGES[: _STAGES.index(stage) + 1]]


def begins_at(facts: Facts) -> datetime:
    """The start of the day on which it came to its stage, in the edition's zone. UTC."""
    return _start_of(facts.command.since, facts)


def _start_of(day: date, facts: Facts) -> datetime:
    return start_of(day, ZoneInfo(facts.edition.zone))


def _passed(facts: Facts, stage: Stage) -> bool:
    """Whether it has come to this stage, or further. The edition's command says where it stands, by name."""
    stands = getattr(facts.command, "stage", facts.dest)
    return stands in _STAGES and _STAGES.index(stands) >= _STAGES.index(stage)


# --- guards: what must be known ---------------------------------------------------------------------------------------


def came_to_it_before(facts: Facts) -> str:
    """The day on which it came to its stage is over, or today."""
    return "" if begins_at(facts) <= facts.now else "a day that is not in the future as since"


def signatures_known(facts: Facts) -> str:
    """Past the framework, every party the edition wants before work has signed, with its day (announcement, 5)."""
    parties: tuple[m.AdoptedParty, ...] = facts.command.parties
    if twice := sorted({p.party for p in parties if [other.party for other in parties].count(p.party) > 1}):
        return f"{', '.join(twice)} named once"
    if future := [p.party for p in parties if p.signed_on and _start_of(p.signed_on, facts) > facts.now]:
        return f"days that are not in the future as those of {', '.join(future)}"
    if any(party.signed_on for party in parties) and not facts.command.framework:
        return "the hash of the framework's text, which was signed"
    if not _passed(facts, S.PROCUREMENT):
        return ""
    signed = {party.kind for party in parties if party.signed_on}
    waited = [kind.value for kind in facts.programme.framework.before_work if kind not in signed]
    if waited:
        return f"signatures of {', '.join(waited)} with their days"
    return ""


def contract_known(facts: Facts) -> str:
    """Past procurement there is a contract, within the award, and the day on which the work is to end."""
    contract = facts.command.contract
    if not _passed(facts, S.IMPLEMENTATION):
        return "" if contract is None and not facts.command.paid_krw else "neither contract nor payments before work"
    if contract is None or facts.command.ends_on is None:
        return "the contract, with contractor, sum and signature, and the end of the work"
    if _start_of(contract.signed_on, facts) > facts.now or facts.command.ends_on < contract.signed_on:
        return "a contract signed before today and before the end of the work"
    if contract.krw > facts.command.krw:
        return f"a contract of at most {facts.command.krw:,} KRW, the award"
    return "" if facts.command.paid_krw <= contract.krw else f"payments of at most {contract.krw:,} KRW, the contract"


def contract_korean(facts: Facts) -> str:
    """The contract is with a Korean contractor, as any other's (announcement, 4), where the edition says so."""
    contract = facts.command.contract
    return korean(facts.programme, contract.country) if contract else ""


def result_known(facts: Facts) -> str:
    """Whoever handed in has deliverables; what is closed was settled and graded."""
    needed = facts.programme.deliverables_needed
    if _passed(facts, S.ACCEPTANCE):
        given = {document.kind for document in facts.command.deliverables} & set(facts.programme.deliverables)
        if len(given) < needed:
            return f"{needed} of the deliverables {', '.join(facts.programme.deliverables)}"
    if not _passed(facts, S.CLOSED):
        return ""
    return "" if facts.command.settled and facts.command.grade else "the sums settled, and the grade"


# --- effects ----------------------------------------------------------------------------------------------------------


def _adopt(facts: Facts) -> dict[str, Any]:
    """The facts that the moves it did not make here would have left."""
    command: m.AdoptAt = facts.command
    contract, since = command.contract, begins_at(facts)
    return {
        "adopted": Adoption(stage=facts.dest, since=command.since, paid_krw=command.paid_krw),
        "since": since,
        "programme": command.programme,
        "applicant": command.applicant,
        "city": command.city,
        "title": command.title,
        "months": command.months,
        "place": Place(krw=command.krw, rank=command.rank),
        # Whoever applied knows; no result of it is ever to be published or told here.
        "published": True,
        "letter_sent": True,
        "parties": _parties(command),
        "framework": _framework(command),
        "contract": Contract(contractor=contract.contractor, krw=contract.krw) if contract else None,
        "contracted_at": _start_of(contract.signed_on, facts) if contract else None,
        "ends_on": command.ends_on,
        "suspended_at": since if facts.dest is S.SUSPENDED else None,
        "deliverables": command.deliverables,
        "plan": _what_is_left(facts),
        "settlement": Settlement(paid_krw=command.paid_krw, due_krw=0, refund_krw=0) if command.settled else None,
        "grade": command.grade,
        **freeze.arrived(command.freezes),
    }


def _what_is_left(facts: Facts) -> tuple[Milestone, ...]:
    """Past the work the rest of the contract is the final report's: there is no plan to be made any more."""
    command, contract = facts.command, facts.command.contract
    if facts.dest not in (S.ACCEPTANCE, S.SETTLEMENT) or contract.krw == command.paid_krw:
        return ()
    accepted_at = begins_at(facts) if facts.dest is S.SETTLEMENT else None
    left = contract.krw - command.paid_krw
    return (Milestone(key=FINAL_REPORT, due_on=command.ends_on, krw=left, accepted_at=accepted_at),)


def _parties(command: m.AdoptAt) -> dict[str, Party]:
    parties = {party.party: _party(party.kind, party.signatory, party.signed_on) for party in command.parties}
    if contract := command.contract:
        parties[contract.contractor] = _party(PartyKind.COMPANY, contract.signatory, contract.signed_on)
    return parties


def _party(kind: PartyKind, signatory: str, signed_on: date | None) -> Party:
    signed = {"signed": True, "signed_on": signed_on, "version": 1} if signed_on else {}
    return Party(kind=kind, signatory=signatory, **signed)


def _framework(command: m.AdoptAt) -> Framework:
    if command.framework is None:
        return Framework()
    # When it was tabled nobody knows any more; who accedes later signs after those who did.
    tabled_on = min((party.signed_on for party in command.parties if party.signed_on), default=command.since)
    return Framework(texts=(FrameworkText(sha256=command.framework, tabled_on=tabled_on),))


EFFECTS: dict[str, Effect] = {trigger_at(stage): _adopt for stage in LED_TO}
