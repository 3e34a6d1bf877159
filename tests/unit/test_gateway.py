"""What the gateway refuses before anything reaches a workflow: no server is asked."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from kcity_flow.adapters.register import Register
from kcity_flow.adapters.vault import Vault
from kcity_flow.domain.errors import Unreadable
from kcity_flow.domain.messages import Batch
from kcity_flow.domain.stages import Role, Stage
from kcity_flow.gateway import Actor, Gateway
from kcity_flow.interfaces.office import stores
from kcity_flow.interfaces.reviewing import proposal
from kcity_flow.settings import Settings
from tests.unit.case import HASH, REVIEWERS, Case, Office

REF = "KC2021-PLA-0001"
NOBODY: Any = None
"""Where a client would be, had the server to be asked."""


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[tuple[Gateway, Register, Vault]]:
    """A gateway without a server, and its two stores with somebody of the desk."""
    with stores(Settings(var_dir=tmp_path)) as (register, vault):
        vault.add_person("Kim", "kim@example.org", roles=[Role.DESK], id="P-DESK")
        yield Gateway(NOBODY, register, vault, "kcity"), register, vault


DESK = Actor("P-DESK", Role.DESK)


def named(register: Register, *reviewers: dict[str, Any]) -> None:
    """The edition's first entry names a pool."""
    office = Office()
    office.do("name_reviewers", reviewers=reviewers)
    register.project(Batch(entries=tuple(office.entries), letters=(), view=office.file.view()))


@pytest.mark.parametrize("zone", ["Asia/Atlantis", "Asia", "../etc/passwd"])
async def test_a_zone_that_there_is_not_is_refused_where_it_is_typed(desk, zone):
    gateway, *_ = desk
    meeting = {"date_at": "2021-06-01T09:00:00Z", "zone": zone, "applicant": ["P-MAYOR"]}

    with pytest.raises(Unreadable, match="none there is; write one such as America/Lima"):
        await gateway.command(REF, "schedule", meeting, DESK)


@pytest.mark.parametrize("organisation", ["Tbilisi City Hall", "O-TBILISI"], ids=["by name", "by id"])
def test_a_reviewer_from_outside_the_pool_belongs_to_whom_the_vault_says(desk, organisation):
    gateway, _, vault = desk
    vault.add_organisation("Tbilisi City Hall", "O-TBILISI")
    vault.add_person("Lee", "lee@example.org", organisation=organisation, roles=[Role.REVIEWER], id="P-REV-1")

    assert gateway.belongs_to(2021, "P-REV-1") == ["O-TBILISI"]
    assert gateway.belongs_to(2021, "P-DESK") == []


def test_a_reviewer_of_the_pool_belongs_to_whom_either_says(desk):
    gateway, register, vault = desk
    vault.add_organisation("Tbilisi City Hall", "O-TBILISI")
    vault.add_person("Lee", "lee@example.org", organisation="O-TBILISI", roles=[Role.REVIEWER], id="P-REV-1")
    named(register, {"person": "P-REV-1", "organisations": ["O-KR"]})

    assert gateway.belongs_to(2021, "P-REV-1") == ["O-KR", "O-TBILISI"]


@pytest.mark.parametrize(
    ("pool", "reviewer", "why"),
    [
        (999, "P-REV-1", "entry 999 of the edition, which names no pool of reviewers"),
        (1, "P-REV-9", "entry 1 of the edition, which does not name P-REV-9"),
    ],
)
async def test_a_basis_that_was_invented_is_refused(desk, pool, reviewer, why):
    gateway, register, _ = desk
    named(register, {"person": "P-REV-1"})
    basis = {"pool": pool, "at": "1999-01-01T00:00:00+09:00", "expert": True, "load": 0, "share": 0}
    assignment = {"reviewer": reviewer, "step": "paper_review", "basis": basis}

    with pytest.raises(Unreadable, match=why):
        await gateway.command(REF, "assign_reviewer", assignment, DESK)


def test_a_proposal_is_dated_by_the_newest_entry_it_read_and_not_by_the_clock(desk):
    _, register, _ = desk
    named(register, *({"person": reviewer} for reviewer in REVIEWERS))
    case = Case().to(Stage.SCREENING)
    register.project(Batch(entries=tuple(case.entries), letters=(), view=case.file.view()))

    found = proposal(case.edition, "planning", "paper_review", case.now + timedelta(days=3), register)

    assert {pair.basis.at for pair in found.pairs} == {case.entries[-1].at}


def test_the_same_command_is_judged_the_same_whatever_zones_a_machine_knows():
    case = Case().to(Stage.CONSULTATION)

    case.do("schedule", **case.meeting(zone="Asia/Atlantis", evidence=[HASH]))

    assert case.facts.meeting.zone == "Asia/Atlantis"
