"""The reviewers' pool from a file, the proposal of who judges what, and whether what was assigned comes out again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from pydantic import ValidationError

from kcity_flow.adapters.register import Register
from kcity_flow.adapters.vault import Vault
from kcity_flow.domain import messages as m
from kcity_flow.domain import retelling
from kcity_flow.domain.agenda import Calendar
from kcity_flow.domain.application import Application
from kcity_flow.domain.edition import Edition
from kcity_flow.domain.errors import Unknown
from kcity_flow.domain.reviewers import Assignment, propose
from kcity_flow.domain.slots import slots
from kcity_flow.domain.stages import Role, Stage
from kcity_flow.domain.values import canonical_instant
from kcity_flow.interfaces import files
from kcity_flow.interfaces.misuse import Misused

COLUMNS = ("person", "organisations", "expertise", "capacity")
"""The header of a pool's file; several organisations or subjects are separated by ``;``."""


class Pool(NamedTuple):
    """The pool that an edition named last, and the entry that did."""

    entry: int
    reviewers: tuple[m.Reviewer, ...]


def pool_of(edition: int, register: Register, number: int | None = None) -> Pool:
    """The edition's pool: the last one, or that of one of its entries.

    Raises:
        Unknown: it has named none.
    """
    entries = register.entries(m.edition_id(edition)) if number else ()
    last = register.latest(m.edition_id(edition), "name_reviewers")
    named = next((entry for entry in entries if entry.number == number), last if number is None else None)
    if named is None or named.command != "name_reviewers":
        raise Unknown(f"Edition {edition} has no pool of reviewers; name one with `kcity reviewers {edition} FILE`.")
    return Pool(named.number, tuple(m.Reviewer.model_validate(one) for one in named.data["reviewers"]))


def read_pool(path: Path, edition: Edition, vault: Vault) -> list[dict[str, Any]]:
    """The pool that a file names, as data of ``name_reviewers``; organisations get their ids.

    Raises:
        Misused: the file cannot be read, or a row is at fault: every fault, with its row.
    """
    rows = files.read(path, ("person",), COLUMNS, listed="reviewers")
    faults = [f"{where}: {fault}" for where, row in rows for fault in _faults(row, edition, vault)]
    if faults:
        raise Misused(f"{path} names no pool; {'; '.join(faults)}.")
    id_of = files.organisation_ids(vault)
    return [
        {
            "person": row["person"],
            "organisations": [id_of(name) for name in _several(row, "organisations")],
            "expertise": _several(row, "expertise"),
            **({"capacity": int(row["capacity"])} if "capacity" in row else {}),
        }
        for _, row in rows
    ]


def _several(row: dict[str, Any], column: str) -> list[str]:
    cell = row.get(column, [])
    parts = cell if isinstance(cell, list) else str(cell).split(";")
    return [str(part).strip() for part in parts if str(part).strip()]


def _faults(row: dict[str, Any], edition: Edition, vault: Vault) -> Iterator[str]:
    person = str(row.get("person", ""))
    if unknown := [name for name in row if name not in COLUMNS]:
        yield f"{', '.join(unknown)} not known here; the columns are {','.join(COLUMNS)}"
    if vault.person(person) is None:
        yield f"there is no person {person!r}; add them with `kcity person add … --role reviewer`"
    elif not vault.has_role(person, Role.REVIEWER):
        yield f"{person} is no reviewer; give them the role with `kcity person add … --id {person} --role reviewer`"
    known = subjects(edition)
    if wrong := [one for one in _several(row, "expertise") if one not in known]:
        yield f"{', '.join(wrong)} is no subject of edition {edition.year}; write some of {', '.join(known)}"
    capacity = str(row.get("capacity", ""))
    if capacity and not (capacity.isdecimal() and 0 < int(capacity) < 10_000):
        yield f"capacity {capacity!r} is no number of applications; write one from 1 to 9999, or leave it empty"
    try:
        m.Reviewer.model_validate({"person": person})
    except ValidationError:
        yield f"{person!r} is no id; write P-…"


def subjects(edition: Edition) -> list[str]:
    """What an application can be about, and a reviewer know: programmes, kinds of site, sectors."""
    found = [key for p in edition.programmes for key in (p.key, *p.site_kinds, *p.sectors)]
    return list(dict.fromkeys(found))


Ledgers = Mapping[str, list[m.Entry]]
"""The entries of each application of an edition."""


def ledgers_of(edition: Edition, register: Register) -> Ledgers:
    """Every application's ledger, in order of reference number."""
    views = [view for view in register.subjects(edition.year) if view.programme]
    return {view.subject: register.entries(view.subject) for view in views}


def told(edition: Edition, ledgers: Ledgers, until: datetime | None = None) -> list[Application]:
    """Every application of an edition as its ledger tells it, before an instant of business time."""
    found = (retelling.application_of(edition, ref, ledger, until) for ref, ledger in ledgers.items())
    return [one for one in found if one.applicant is not None]


def proposal(edition: Edition, programme: str, step: str, now: datetime, register: Register) -> Assignment:
    """Who should judge what, by the ledgers as the register has them.

    It is stated up to the newest entry that was read, as the register may lag behind the clock; up to ``now``, if none
    was. That instant is included.

    Raises:
        Unknown: there is no such programme, or no pool.
    """
    ledgers = ledgers_of(edition, register)
    at = max((entry.at for ledger in ledgers.values() for entry in ledger), default=now)
    return _proposed(edition, programme, step, at, ledgers, pool_of(edition.year, register))


def _proposed(edition: Edition, programme: str, step: str, at: datetime, ledgers: Ledgers, pool: Pool) -> Assignment:
    known = told(edition, ledgers, at + timedelta(microseconds=1))
    return propose(pool.reviewers, pool.entry, known, edition.programme(programme), step, at)


class Slot(NamedTuple):
    """A presentation and when it may be heard, UTC."""

    ref: str
    at: datetime
    data: dict[str, Any]


def slots_for(
    edition: Edition, programme: str, first: datetime, minutes: int, pause: int, register: Register, days_off: Any
) -> list[Slot]:
    """A slot for each of a programme's presentations that has no date, in order of reference number.

    Raises:
        Unknown: there is no such programme.
    """
    key = edition.programme(programme).key
    calendar = Calendar(ZoneInfo(edition.zone), frozenset(days_off))
    everybody = [one for one in told(edition, ledgers_of(edition, register)) if one.stage is Stage.PRESENTATION]
    set_already = [one.meeting for one in everybody if one.meeting and not (one.meeting.held or one.meeting.missed)]
    taken = [(meeting.at, meeting.minutes or minutes) for meeting in set_already]
    waiting = [one for one in everybody if one.programme == key and one.meeting is None]
    return [
        Slot(
            one.ref,
            at,
            {
                "date_at": canonical_instant(at),
                "zone": edition.zone,
                "minutes": minutes,
                "applicant": [one.applicant.contact] if one.applicant else [],
            },
        )
        for one, at in zip(waiting, slots(first, minutes, pause, taken, calendar), strict=False)
    ]


class Checked(NamedTuple):
    """What comes of proposing again all that was ever assigned in a programme."""

    proposed: int
    """Assignments that come out again as they were made."""
    otherwise: tuple[str, ...]
    """Those that do not, a sentence each."""
    chosen: tuple[tuple[str, str], ...]
    """The desk's own choices: reference number and reviewer; each has its reason on record."""


def check(edition: Edition, programme: str, register: Register) -> Checked:
    """Propose again what was assigned, from the ledgers of that time, and compare pair by pair."""
    ledgers, code = ledgers_of(edition, register), edition.programme(programme).code
    made = [
        (ref, m.AssignReviewer.model_validate({**e.data, "trigger": e.command, "id": "x", "by": _by(e)}))
        for ref, ledger in ledgers.items()
        for e in ledger
        if f"-{code}-" in ref and e.command == "assign_reviewer" and e.outcome is m.Outcome.MADE
    ]
    chosen = tuple((ref, command.reviewer) for ref, command in made if command.basis is None)
    based = [(c.basis.pool, c.basis.at, c.step, ref, c) for ref, c in made if c.basis is not None]
    otherwise, count = [], 0
    for (pool, at, step), some in groupby(sorted(based, key=lambda b: (*b[:4], b[4].reviewer)), key=lambda b: b[:3]):
        pairs = _proposed(edition, programme, step, at, ledgers, pool_of(edition.year, register, pool)).pairs
        again = {(pair.ref, pair.reviewer.person): pair.basis for pair in pairs}
        for *_, ref, command in some:
            if again.get((ref, command.reviewer)) == command.basis:
                count += 1
            else:
                otherwise.append(f"{ref}: {command.reviewer} for {step} does not come out of entry {pool}'s pool again")
    return Checked(count, tuple(otherwise), chosen)


def _by(entry: m.Entry) -> dict[str, str]:
    return {"person": entry.person, "role": entry.role}
