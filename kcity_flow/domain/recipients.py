"""Who is meant where a letter's recipient is named by what they are to an application, and not by a role.

Which letter goes to whom stands in :data:`~kcity_flow.domain.letters.TOLD`; the persons behind those names are found
here alone. Each gets a letter once, whatever else they are.
"""

from __future__ import annotations

from collections.abc import Iterable

from kcity_flow.domain import messages as m
from kcity_flow.domain.application import Application, Facts
from kcity_flow.domain.edition import PartyKind
from kcity_flow.domain.framework import asked
from kcity_flow.domain.procurement import undeclared
from kcity_flow.domain.stages import Role, Stage

APPLICANT = "applicant"
MISSING = "missing_parties"
"""Who is asked to sign the framework for a party that has not."""
SIGNATORY, FORMER_SIGNATORY = "signatory", "former_signatory"
"""Who is to sign for the party that a move is about, and who was before it."""
CONTRACTOR = "contractor"
"""Who speaks for the contractor; of a claim, for the one that is paid, who may have been replaced since."""
PROJECT = "project"
"""Applicant and contractor, and who spoke for the contractor until this move: what happens to the work is theirs."""
NOTIFIED = "notified"
"""The same where a notice of termination ends by this move."""
BIDDERS = "bidders"
"""Of the bidder whom the move names; else of all whose bid stands."""
OTHER_BIDDERS = "other_bidders"
"""All but the contractor."""
ANNOUNCED_TO = "announced_to"
"""The bidders where an award was announced, and counts no more by this move."""
CONCERNED = "concerned"
"""Whoever was told of what is undone."""
EVALUATORS = "evaluators"
"""Of the committee who were named by this move, or are to declare now that the bids are open."""

NOBODY: dict[str, tuple[str, ...]] = {
    name: ()
    for name in (
        APPLICANT, MISSING, SIGNATORY, FORMER_SIGNATORY, CONTRACTOR, PROJECT, NOTIFIED, BIDDERS, OTHER_BIDDERS,
        ANNOUNCED_TO, CONCERNED, EVALUATORS, Role.HOST_GOVERNMENT.value,
    )
}  # fmt: skip
"""Each such name, and nobody behind it: an edition's letters are its offices' alone, never those of all applicants."""

ALSO_TOLD = {
    "procurement_notice": BIDDERS,
    "renotice": BIDDERS,
    "standstill": BIDDERS,
    "termination_notice": PROJECT,
}
"""Timer → whose date it is, whoever is reminded of it: they are told when a freeze moves it."""


def standing(application: Application) -> dict[str, tuple[str, ...]]:
    """Who is meant by each name as the application stands: of reminders, too."""
    parties = application.parties.values()
    hosts = (party.signatory for party in parties if party.kind is PartyKind.HOST_GOVERNMENT and party.signed)
    applicant = [application.applicant.contact] if application.applicant else []
    return {
        APPLICANT: _once(applicant),
        CONTRACTOR: _once([application.contractor]),
        PROJECT: _once([*applicant, application.contractor]),
        MISSING: _once(asked(application)),
        Role.HOST_GOVERNMENT.value: _once(hosts),
        BIDDERS: bidders(application),
    }


def people(facts: Facts, now: Application) -> dict[str, tuple[str, ...]]:
    """Who is meant by each name after a move; ``facts`` are those before it."""
    before, command, stands = facts.application, facts.command, standing(now)
    project = _once([*stands[PROJECT], before.contractor])
    notice_ends = before.termination_at is not None and now.termination_at is None
    taken_back = before.tender.announced_at is not None and now.tender.announced_at is None
    all_bidders, party = bidders(before), before.parties.get(getattr(command, "party", ""))
    return {
        **stands,
        PROJECT: project,
        SIGNATORY: _once([getattr(command, "signatory", "")]),
        FORMER_SIGNATORY: _once([party.signatory] if party else []),
        CONTRACTOR: _once([_paid_or_at_work(now, command)]),
        NOTIFIED: project if notice_ends else (),
        # An announcement that counts no more was made to all.
        BIDDERS: bidders(before, None if taken_back else getattr(command, "bidder", None)),
        OTHER_BIDDERS: bidders(before, but=now.contract.contractor if now.contract else None),
        ANNOUNCED_TO: all_bidders if taken_back else (),
        CONCERNED: _once([*project, *(all_bidders if now.stage is Stage.PROCUREMENT else ())]),
        EVALUATORS: _evaluators(before, now),
    }


def told_of(timer: str, application: Application) -> tuple[str, ...]:
    """Who is told, beside those who are reminded, that a timer's date has moved."""
    return standing(application).get(ALSO_TOLD.get(timer, ""), ())


def bidders(application: Application, named: str | None = None, but: str | None = None) -> tuple[str, ...]:
    """Who has the letters of a bidder, or of all; where nobody is known to the vault, the officer passes them on."""
    bids = (bid for bid in application.tender.standing if named in (None, bid.bidder) and bid.bidder != but)
    return _once(bid.contact or Role.PROCUREMENT_OFFICER.value for bid in bids)


def _once(persons: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(person for person in persons if person))


def _paid_or_at_work(application: Application, command: m.Command) -> str:
    claim = application.claim(getattr(command, "claim", 0))
    party = application.parties.get(claim.payee) if claim else None
    return party.signatory if party else application.contractor


def _evaluators(before: Application, now: Application) -> tuple[str, ...]:
    if now.tender.opened and not before.tender.opened:
        return _once(undeclared(now))
    seated = {one.person for one in before.tender.committee}
    return _once(one.person for one in now.tender.committee if one.person not in seated)
