"""Framework, contract, evidence and money come in their order in a whole season, by its ledgers alone."""

import pytest

from kcity_flow.adapters.edition_files import read_edition
from kcity_flow.audit.after_award import out_of_order
from kcity_flow.domain.messages import Entry, Outcome
from kcity_flow.domain.stages import Role
from kcity_flow.rehearsal.plan import plan
from kcity_flow.rehearsal.report import Ledgers, made

EDITION = read_edition("2021")


@pytest.fixture(scope="module")
def season() -> Ledgers:
    planned = plan(EDITION, 40, 11)
    return Ledgers(EDITION, planned.entries)


@pytest.fixture(scope="module")
def paid(season: Ledgers) -> list[Entry]:
    """A ledger of a project that was tendered, paid and closed, with no such step taken back."""
    return next(ledger for ledger in season.applications.values() if _straight([e for e in ledger if made(e)]))


def _straight(ledger: list[Entry]) -> bool:
    commands = [entry.command for entry in ledger]
    if not {"open_framework", "evaluate_bids", "pay", "close"} <= set(commands):
        return False
    after = commands[commands.index("open_framework") : commands.index("close")]
    return not [c for c in after if c.startswith(("return_to_", "replace_contractor"))]


def told(ledger: list[Entry]) -> list[str]:
    code = {programme.code: programme for programme in EDITION.programmes}
    return [said.split(", ", 2)[2] for said in out_of_order(code[ledger[0].subject.split("-")[1]], ledger)]


def without(ledger: list[Entry], *commands: str) -> list[Entry]:
    return [entry for entry in ledger if entry.command not in commands]


def test_a_whole_season_keeps_the_order(season: Ledgers) -> None:
    assert season.too_early() == []
    assert sum(entry.command == "pay" for ledger in season.applications.values() for entry in ledger) > 5


@pytest.mark.parametrize(
    ("missing", "said"),
    [
        (("sign",), "complete_framework: not everybody who is wanted before work had signed"),
        (("sign", "accede"), "award_contract: not everybody who is listed had signed"),
        (("complete_framework",), "set_terms: the framework was not complete"),
        (("award_contract",), "set_plan: there was no contract"),
        (("accept_milestone",), "claim: its milestone was not accepted"),
        (("accept_claim",), "pay: the claim was not accepted"),
    ],
)
def test_what_comes_before_what_it_has_to_follow_is_told(
    paid: list[Entry], missing: tuple[str, ...], said: str
) -> None:
    assert told(paid) == []
    assert said in told(without(paid, *missing))


def changed(ledger: list[Entry], command: str, **change: object) -> list[Entry]:
    return [e.model_copy(update=change) if (e.command, made(e)) == (command, True) else e for e in ledger]


def test_a_payment_by_whoever_accepted_the_claim_or_beyond_the_contract_is_told(paid: list[Entry]) -> None:
    accepter = next(entry.person for entry in paid if entry.command == "accept_claim")
    small = next(entry.data for entry in paid if entry.command == "award_contract") | {"krw": 1}

    assert "pay: whoever claimed or accepted it paid" in told(changed(paid, "pay", person=accepter))
    assert any(said.endswith("of a contract of 1") for said in told(changed(paid, "award_contract", data=small)))


def test_a_claim_for_another_than_the_firm_of_the_contract_is_told(paid: list[Entry]) -> None:
    other = next(entry.data for entry in paid if entry.command == "claim") | {"payee": "O-OTHER"}

    assert "claim: it was for another than the contract's firm" in told(changed(paid, "claim", data=other))


def test_a_clock_that_acts_in_a_pause_is_told(season: Ledgers) -> None:
    rested = next(
        ledger
        for ledger in season.applications.values()
        if any(e.command == "suspend" and made(e) for e in ledger) and any(e.command == "unfreeze" for e in ledger)
    )
    rang = {"command": "flag", "role": Role.CLOCK, "data": {"note": "report"}, "outcome": Outcome.MADE}

    suspended = next(entry for entry in rested if entry.source == "suspended" and entry.source == entry.dest)
    ring = [suspended.model_copy(update=rang) if entry is suspended else entry for entry in rested]
    frozen = next(n for n, entry in enumerate(rested) if entry.command == "freeze")
    after = rested[frozen].model_copy(update={**rang, "number": 10_000})
    assert "flag: the clock acted while work was suspended" in told(ring)
    assert "flag: the clock acted while it was frozen" in told([*rested[: frozen + 1], after, *rested[frozen + 1 :]])
