"""How the contractor is found: what guards of its moves read, and what those moves do (announcement, 4)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from kcity_flow.domain.application import Contract, Effect, Facts, Tender
from kcity_flow.domain.guards import Setting


def open_tender(setting: Setting) -> str:
    """The contractor is found by open procurement (announcement, 4); in designated mode it is the consortium's."""
    return "" if setting.programme.procurement.mode == "open" else "open procurement; this programme's is designated"


def terms_agreed(facts: Facts) -> str:
    """The terms are set."""
    return "" if facts.application.terms_set else "terms of reference"


def terms_open(facts: Facts) -> str:
    """Set once."""
    return "terms not yet set" if facts.application.terms_set else ""


def no_notice_yet(facts: Facts) -> str:
    """The first notice is published once; later ones are re-notices."""
    return "a procurement without a notice; renotice follows" if facts.application.tender.closes_at else ""


def notice_long_enough(facts: Facts) -> str:
    """The notice runs as many days as the edition says (assumed: 20, a re-notice 10)."""
    ladder = facts.edition.ladder("renotice" if facts.command.trigger == "renotice" else "procurement_notice")
    days = (ladder.due.days if ladder else None) or 0
    earliest = facts.now + timedelta(days=days)
    return "" if facts.command.closes_at >= earliest else f"a notice of at least {days} days"


def notice_running(facts: Facts) -> str:
    """Bids are received until the close; the closing instant itself is too late."""
    closes = facts.application.tender.closes_at
    return "" if closes and facts.now < closes and not facts.application.tender.opened else "a running notice"


def bids_closed(facts: Facts) -> str:
    """Bids are opened at or after the close, once."""
    tender = facts.application.tender
    return (
        "" if tender.closes_at and facts.now >= tender.closes_at and not tender.opened else "a notice that has closed"
    )


def bids_opened(facts: Facts) -> str:
    """Opened, not yet evaluated."""
    tender = facts.application.tender
    return "" if tender.opened and tender.valid is None else "bids opened and not yet evaluated"


def valid_bids_received(facts: Facts) -> str:
    """A bid found valid was received and is named once, and conflicts were declared."""
    if not facts.command.conflicts_declared:
        return "the committee's declarations of conflict"
    if len(set(facts.command.valid)) < len(facts.command.valid):
        return "each valid bid named once"
    unknown = sorted(set(facts.command.valid) - set(facts.application.tender.bids))
    return f"bids from {', '.join(unknown)}" if unknown else ""


def too_few_bids_and_renotices_left(facts: Facts) -> str:
    """Fewer than two valid bids, and fewer than two re-notices (assumed)."""
    rules, tender = facts.programme.procurement, facts.application.tender
    if tender.valid is None:
        return "evaluated bids"
    if len(tender.valid) >= rules.valid_bids:
        return f"fewer than {rules.valid_bids} valid bids"
    return "" if tender.renotices < rules.renotices else f"fewer than {rules.renotices} re-notices"


def contractor_found(facts: Facts) -> str:
    """Open: bids evaluated, two valid, or one after the last re-notice with a reason. Designated: the consortium."""
    rules, tender, contractor = facts.programme.procurement, facts.application.tender, facts.command.contractor
    if rules.mode == "designated":
        if not facts.application.terms_set:
            return "terms of reference"
        holder = facts.application.applicant.organisation if facts.application.applicant else ""
        return "" if contractor == holder else "the contractor of the applying consortium"
    valid = tender.valid or ()
    if contractor not in valid:
        return "a contractor whose bid was found valid"
    last_resort = tender.renotices >= rules.renotices and bool(facts.command.reason)
    return "" if len(valid) >= rules.valid_bids or last_resort else f"{rules.valid_bids} valid bids"


def contractor_korean(facts: Facts) -> str:
    """Korean contractors or consultants (announcement, 4), where the edition says so."""
    anybody = facts.programme.procurement.contractor == "any"
    return "" if anybody or facts.command.country == "KR" else "a Korean contractor"


def contractor_acceded(facts: Facts) -> str:
    """The contractor is a signed party of the framework (announcement, 5)."""
    party = facts.application.parties.get(facts.command.contractor)
    return "" if party and party.signed else "the contractor's accession to the framework"


def within_award(facts: Facts) -> str:
    """The contract is within the award."""
    place = facts.application.place
    return "" if place and facts.command.krw <= place.krw else f"at most {place.krw if place else 0:,} KRW"


def procurement_has_failed(facts: Facts) -> str:
    """Re-notices are used up without a contract, or the money was withdrawn."""
    if facts.command.ground == "money_withdrawn":
        return "" if facts.command.evidence else "the hash of the withdrawal as evidence"
    rules, tender = facts.programme.procurement, facts.application.tender
    used_up = rules.mode == "open" and tender.renotices >= rules.renotices and tender.valid is not None
    return "" if used_up else "re-notices used up and their bids evaluated"


# --- effects ----------------------------------------------------------------------------------------------------------


def _tender(facts: Facts, **change: Any) -> dict[str, Any]:
    return {"tender": facts.application.tender.model_copy(update=change)}


def _contract(facts: Facts) -> dict[str, Any]:
    contract = Contract(contractor=facts.command.contractor, krw=facts.command.krw)
    return {"contract": contract, "ends_on": facts.edition.implementation.ends_on, "ends_set_at": facts.now}


EFFECTS: dict[str, Effect] = {
    "set_terms": lambda _: {"terms_set": True},
    "publish_notice": lambda f: _tender(f, closes_at=f.command.closes_at),
    "receive_bid": lambda f: _tender(f, bids=(*f.application.tender.bids, f.command.bidder)),
    "open_bids": lambda f: _tender(f, opened=True),
    "evaluate_bids": lambda f: _tender(f, valid=f.command.valid),
    "renotice": lambda f: {
        "tender": Tender(closes_at=f.command.closes_at, renotices=f.application.tender.renotices + 1)
    },
    "award_contract": _contract,
}
