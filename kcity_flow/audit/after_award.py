"""What must come before what after the award, checked on a ledger alone: no guard is asked, and no effect.

The framework before procurement, the contract before work, evidence before money, and rest while something rests
(announcement, 5). What was undone counts for nothing; a project that was adopted brought its past with it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from kcity_flow.domain.edition import Programme
from kcity_flow.domain.freeze import ALL
from kcity_flow.domain.messages import Entry, Outcome
from kcity_flow.domain.stages import ENDS, Role, Stage

PROCURES = (
    "set_terms", "agree_terms", "publish_notice", "receive_bid", "open_bids", "evaluate_bids", "record_negotiation",
    "announce_award",
)  # fmt: skip
WORKS = ("set_plan", "accept_plan", "report", "accept_milestone", "claim", "accept_claim", "pay", "submit_final")

RUNS_ON = ("suspension", "termination_notice", "second_person", "proposal_lapse")
"""Timers that ring while work is suspended."""


def out_of_order(programme: Programme, ledger: Sequence[Entry]) -> list[str]:
    """Each entry that came too early, paid too much, or rang in a pause, a sentence each; in order."""
    if ledger and ledger[0].command.startswith("adopt_at_"):
        return []
    return list(_faults(programme, _counted(ledger)))


def _counted(ledger: Sequence[Entry]) -> list[Entry]:
    """What was made and not undone."""
    undone: set[int] = set()
    last = 0
    for entry in ledger:
        if entry.outcome is Outcome.MADE and entry.source != entry.dest:
            if entry.command.startswith("return_to_"):
                undone |= {last, entry.number}
            last = entry.number
    return [entry for entry in ledger if entry.outcome is Outcome.MADE and entry.number not in undone]


def _faults(programme: Programme, made: Sequence[Entry]) -> Iterator[str]:
    kinds: dict[str, str] = {}
    signed: set[str] = set()
    claims: dict[int, Entry] = {}
    accepted: dict[int, Entry] = {}
    milestones: set[str] = set()
    complete, contract, paid, frozen = False, 0, 0, set[str]()
    contractor = ""
    for entry in made:
        data, command = entry.data, entry.command

        def fault(why: str, entry: Entry = entry) -> str:
            return f"{entry.subject}, entry {entry.number}, {entry.command}: {why}"

        if entry.role == Role.CLOCK:
            if frozen:
                yield fault("the clock acted while it was frozen")
            if entry.source == Stage.SUSPENDED and data.get("note") not in RUNS_ON and command != "lapse_proposal":
                yield fault("the clock acted while work was suspended")
        if command in PROCURES and not complete:
            yield fault("the framework was not complete")
        if command in WORKS and not contract:
            yield fault("there was no contract")
        match command:
            case "list_party":
                kinds[data["party"]] = data["kind"]
            case "strike_party":
                del kinds[data["party"]]
            case "table_text":
                signed.clear()
            case "sign" | "accede":
                signed.add(data["party"])
            case "complete_framework":
                complete = True
                wanted = {party for party, kind in kinds.items() if kind in programme.framework.before_work}
                if not wanted <= signed or {kinds[party] for party in wanted} != set(programme.framework.before_work):
                    yield fault("not everybody who is wanted before work had signed")
            case "award_contract":
                contract, contractor = data["krw"], data["contractor"]
                if set(kinds) - signed:
                    yield fault("not everybody who is listed had signed")
            case "replace_contractor":
                contract, contractor = data["paid_krw"] + data["due_krw"] + data["krw"], data["contractor"]
            case "accept_milestone":
                milestones.add(data["milestone"])
            case "accept_final":
                milestones.add("final_report")
            case "claim":
                claims[data["claim"]] = entry
                if data["milestone"] not in milestones:
                    yield fault("its milestone was not accepted")
                if data["payee"] != contractor:
                    yield fault("it was for another than the contract's firm")
            case "accept_claim":
                accepted[data["claim"]] = entry
            case "pay":
                claim, acceptance = claims.get(data["claim"]), accepted.get(data["claim"])
                if claim is None or acceptance is None:
                    yield fault("the claim was not accepted")
                    continue
                paid += claim.data["krw"]
                if entry.person in (claim.person, acceptance.person):
                    yield fault("whoever claimed or accepted it paid")
                if paid > contract:
                    yield fault(f"{paid:,} KRW were paid of a contract of {contract:,}")
            case "receive":
                frozen = {_scope(one["scope"] != ALL) for one in data.get("freezes", ()) if not one.get("until")}
            case "freeze":
                frozen.add(_scope(data.get("countries")))
            case "unfreeze":
                frozen.discard(_scope(data.get("countries")))
        if entry.dest in ENDS:
            frozen.clear()  # no thaw reaches an end, and nothing rests there


def _scope(countries: object) -> str:
    return "its country" if countries else ALL
