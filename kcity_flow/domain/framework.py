"""The cooperation framework: what guards of its moves read, and what those moves do (announcement, 5).

A signature is given to one text. A new text ends it, as nobody has signed what they have not seen. Dates are those
of the edition's zone.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from kcity_flow.domain import messages as m
from kcity_flow.domain.application import Application, Effect, Facts, FrameworkText, Negotiation, Party
from kcity_flow.domain.edition import PartyKind, Programme
from kcity_flow.domain.stages import Role
from kcity_flow.domain.values import start_of

SIGNATURE, LONG_STOP = "framework_signature", "framework_long_stop"

GOVERNMENTS = (PartyKind.KOREAN_GOVERNMENT, PartyKind.HOST_GOVERNMENT)


# --- who is missing ---------------------------------------------------------------------------------------------------


def unlisted(application: Application, programme: Programme) -> list[str]:
    """Kinds that the edition wants before work and of which no party is listed."""
    listed = {party.kind for party in application.parties.values()}
    return [kind.value for kind in programme.framework.before_work if kind not in listed]


def missing(application: Application, programme: Programme) -> list[str]:
    """Who has not signed: every listed party, by its name, and each wanted kind of which none is listed."""
    unsigned = [name for name, party in application.parties.items() if not party.signed]
    return [*unsigned, *unlisted(application, programme)]


def asked(application: Application) -> list[str]:
    """Who is asked to sign the text in force, each once: the signatories of parties that neither signed nor refused."""
    if application.framework.in_force is None:
        return []
    waited = (party for party in application.parties.values() if not party.signed and not party.refused)
    return list(dict.fromkeys(party.signatory for party in waited))


def refused_before_work(application: Application, programme: Programme) -> bool:
    """Whether a party of a kind that the edition wants before work refuses to sign."""
    wanted = programme.framework.before_work
    return any(party.refused and party.kind in wanted for party in application.parties.values())


def refused_beside(application: Application, programme: Programme) -> bool:
    """Whether another party refuses, without which work could begin once it is struck."""
    wanted = programme.framework.before_work
    return any(party.refused and party.kind not in wanted for party in application.parties.values())


# --- guards: parties --------------------------------------------------------------------------------------------------


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


def leaves_both_governments(facts: Facts) -> str:
    """Neither the last Korean nor the last host government is struck: without them it is no framework (assumed)."""
    parties = facts.application.parties
    kind = parties[facts.command.party].kind  # guard `listed_and_unsigned`
    others = [party for name, party in parties.items() if name != facts.command.party and party.kind is kind]
    return "" if others or kind not in GOVERNMENTS else f"another party of the kind {kind} listed first"


def another_signatory(facts: Facts) -> str:
    """Somebody else than the person whom the party named before."""
    party = facts.application.parties[facts.command.party]  # guard `listed_and_unsigned`
    return "" if facts.command.signatory != party.signatory else "a person other than the present signatory"


def signs_for_itself(facts: Facts) -> str:
    """Whoever signs is the person the party named."""
    party = facts.application.parties.get(facts.command.party)
    return "" if party and party.signatory == facts.command.by.person else "the signatory the party named"


def speaks_for_its_party(facts: Facts) -> str:
    """A signatory speaks for their own party alone; the desk records what any of them said."""
    return signs_for_itself(facts) if facts.command.by.role is Role.SIGNATORY else ""


# --- guards: the text -------------------------------------------------------------------------------------------------


def text_is_new(facts: Facts) -> str:
    """Another text than the one in force: a signature would end for nothing."""
    text = facts.application.framework.in_force
    return "" if text is None or text.sha256 != facts.command.text else "a text other than the one in force"


def text_tabled(facts: Facts) -> str:
    """There is a text to speak of."""
    return "" if facts.application.framework.in_force else "a text of the framework, tabled"


def all_listed(facts: Facts) -> str:
    """The party that asked is among those who took part, and each of these is listed and named once."""
    took_part, parties = facts.command.took_part, facts.application.parties
    strangers = [name for name in took_part if name not in parties]
    if strangers:
        return f"{', '.join(strangers)} listed as a party"
    if len(set(took_part)) < len(took_part):
        return "each party named once"
    return "" if facts.command.party in took_part else f"{facts.command.party} among those who took part"


def held_since_tabling(facts: Facts) -> str:
    """A round is about the text in force: held since it was tabled, and not in the future."""
    return _since_tabling(facts, facts.command.held_on)


def signs_text_in_force(facts: Facts) -> str:
    """Nobody signs what is not, or no longer, to be signed."""
    text = facts.application.framework.in_force
    if text is None:
        return "a text of the framework, tabled"
    return "" if facts.command.text == text.sha256 else f"the text in force, {text.sha256}"


def signed_since_tabling(facts: Facts) -> str:
    """Signed on or after the day the text was tabled, and not in the future."""
    return _since_tabling(facts, facts.command.signed_on)


def _since_tabling(facts: Facts, day: date) -> str:
    text = facts.application.framework.in_force
    assert text is not None  # guards `text_tabled` and `signs_text_in_force`
    if day < text.tabled_on:
        return f"a date from {text.tabled_on} on, when the text was tabled"
    return "" if day <= _today(facts) else f"a date that is not after {_today(facts)}"


# --- guards: refusal, completion, failure -----------------------------------------------------------------------------


def not_refused_yet(facts: Facts) -> str:
    """A refusal stands until the party signs, or a new text is tabled."""
    refused = facts.application.parties[facts.command.party].refused  # guard `listed_and_unsigned`
    return "a refusal not yet recorded" if refused else ""


def own_word_or_in_writing(facts: Facts) -> str:
    """The signatory's own word is enough; the desk has it in writing."""
    by_itself = facts.command.by.role is Role.SIGNATORY
    return "" if by_itself or facts.command.evidence else "the hash of the party's written refusal as evidence"


def parties_signed(facts: Facts) -> str:
    """Every party of the kinds the edition wants before work has signed, at least one of each (announcement, 5)."""
    wanted, parties = facts.programme.framework.before_work, facts.application.parties
    unsigned = [name for name, party in parties.items() if party.kind in wanted and not party.signed]
    waited = [*unsigned, *unlisted(facts.application, facts.programme)]
    return f"signatures of {', '.join(waited)}" if waited else ""


def everybody_signed(facts: Facts) -> str:
    """Every listed party has signed: the framework is concluded before a project starts (announcement, 5)."""
    waited = missing(facts.application, facts.programme)
    return f"signatures of {', '.join(waited)}" if waited else ""


def framework_has_failed(facts: Facts) -> str:
    """A party that the edition wants before work refused, or the long-stop date is over."""
    if facts.command.ground == "party_refused":
        refused = refused_before_work(facts.application, facts.programme)
        return "" if refused else "a recorded refusal of a party that is wanted before work"
    # Its timer ends when it falls due.
    waits = facts.edition.ladder(LONG_STOP) is None or LONG_STOP in facts.application.timers
    return "the long-stop date to be over" if waits else ""


def names_the_missing(facts: Facts) -> str:
    """More time is given for somebody: all who have not signed are named, as they are."""
    waited = missing(facts.application, facts.programme)
    if not waited:
        return "a party that has not signed"
    return "" if sorted(facts.command.missing) == sorted(waited) else f"the missing as they are: {', '.join(waited)}"


def later_signing_day(facts: Facts) -> str:
    """The new last day is later than the present one, and is not over."""
    timer = facts.application.timers.get(SIGNATURE)
    present = max(timer.due_at, facts.now) if timer else facts.now
    zone = ZoneInfo(facts.edition.zone)
    ends = start_of(facts.command.signs_by + timedelta(days=1), zone)
    return "" if ends > present else "a day later than the present one, and not over"


def _today(facts: Facts) -> date:
    return facts.now.astimezone(ZoneInfo(facts.edition.zone)).date()


# --- effects ----------------------------------------------------------------------------------------------------------


def _list(facts: Facts) -> dict[str, Any]:
    command: m.ListParty = facts.command
    party = Party(kind=command.kind, signatory=command.signatory)
    return {"parties": {**facts.application.parties, command.party: party}}


def _strike(facts: Facts) -> dict[str, Any]:
    return {
        "parties": {name: party for name, party in facts.application.parties.items() if name != facts.command.party}
    }


def _change_party(facts: Facts, **change: Any) -> dict[str, Any]:
    party = facts.application.parties[facts.command.party].model_copy(update=change)
    return {"parties": {**facts.application.parties, facts.command.party: party}}


def _change_framework(facts: Facts, **change: Any) -> dict[str, Any]:
    return {"framework": facts.application.framework.model_copy(update=change)}


def _table(facts: Facts) -> dict[str, Any]:
    text = FrameworkText(sha256=facts.command.text, tabled_on=_today(facts))
    anew = {"signed": False, "signed_on": None, "version": None, "refused": False}
    parties = {name: party.model_copy(update=anew) for name, party in facts.application.parties.items()}
    return {"parties": parties, **_change_framework(facts, texts=(*facts.application.framework.texts, text))}


def _negotiate(facts: Facts) -> dict[str, Any]:
    command: m.NegotiateText = facts.command
    held = Negotiation(
        asked_by=command.party, took_part=command.took_part, held_on=command.held_on, minutes=command.minutes
    )
    return _change_framework(facts, rounds=(*facts.application.framework.rounds, held))


def _sign(facts: Facts) -> dict[str, Any]:
    version = len(facts.application.framework.texts)
    return _change_party(facts, signed=True, signed_on=facts.command.signed_on, version=version, refused=False)


EFFECTS: dict[str, Effect] = {
    "list_party": _list,
    "strike_party": _strike,
    "replace_signatory": lambda f: _change_party(f, signatory=f.command.signatory),
    "table_text": _table,
    "negotiate_text": _negotiate,
    "sign": _sign,
    "accede": _sign,
    "refuse_signature": lambda f: _change_party(f, refused=True),
    "extend_signature": lambda f: _change_framework(f, signs_by=f.command.signs_by),
}
