"""The cooperation framework: what guards of its moves read, and what those moves do (announcement, 5)."""

from __future__ import annotations

from typing import Any

from kcity_flow.domain import messages as m
from kcity_flow.domain.application import Effect, Facts, Party

LONG_STOP = "framework_long_stop"


def kind_allowed(facts: Facts) -> str:
    """The kind of party is one the programme's framework knows (announcement, 5)."""
    kinds = facts.programme.framework.parties
    return "" if facts.command.kind in kinds else f"one of the kinds {', '.join(kinds)}"


def not_listed(facts: Facts) -> str:
    """Listed once."""
    return f"a party other than {facts.command.party}" if facts.command.party in facts.application.parties else ""


def listed_and_unsigned(facts: Facts) -> str:
    """The party is listed and has not signed."""
    party = facts.application.parties.get(facts.command.party)
    if party is None:
        return f"{facts.command.party} listed as a party"
    return f"a signature not yet given by {facts.command.party}" if party.signed else ""


def signs_for_itself(facts: Facts) -> str:
    """Whoever signs is the person the party named."""
    party = facts.application.parties.get(facts.command.party)
    return "" if party and party.signatory == facts.command.by.person else "the signatory the party named"


def parties_signed(facts: Facts) -> str:
    """Every party the edition wants before work has signed (announcement, 5)."""
    signed = {party.kind for party in facts.application.parties.values() if party.signed}
    waited = [kind.value for kind in facts.programme.framework.before_work if kind not in signed]
    return f"signatures of {', '.join(waited)}" if waited else ""


def framework_has_failed(facts: Facts) -> str:
    """A party refused in writing, or the long-stop date is over."""
    if facts.command.ground == "party_refused":
        return "" if facts.command.evidence else "the hash of the party's written refusal as evidence"
    # Its timer ends when it falls due.
    waits = facts.edition.ladder(LONG_STOP) is None or LONG_STOP in facts.application.timers
    return "the long-stop date to be over" if waits else ""


# --- effects ----------------------------------------------------------------------------------------------------------


def _party(facts: Facts) -> dict[str, Any]:
    command: m.ListParty = facts.command
    party = Party(kind=command.kind, signatory=command.signatory)
    return {"parties": {**facts.application.parties, command.party: party}}


def _sign(facts: Facts) -> dict[str, Any]:
    party = facts.application.parties[facts.command.party].model_copy(update={"signed": True})
    return {"parties": {**facts.application.parties, facts.command.party: party}}


EFFECTS: dict[str, Effect] = {
    "list_party": _party,
    "sign": _sign,
    "accede": _sign,
}
