"""Reads applications from files that people write: TOML, JSON or CSV.

What is read becomes the data of the command ``receive``. People and organisations stand in a file by name; they go
into the vault, and the command names them by id.
"""

from __future__ import annotations

import csv
import io
import json
import re
import tomllib
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date, datetime, time
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import pycountry

from kcity_flow.adapters.edition_files import currency_known
from kcity_flow.adapters.vault import Vault
from kcity_flow.domain import messages as m
from kcity_flow.domain.application import Application, Facts
from kcity_flow.domain.edition import ApplicantKind, Edition
from kcity_flow.domain.errors import Unknown, Unreadable
from kcity_flow.domain.moves import BY_TRIGGER
from kcity_flow.domain.stages import Role, Stage
from kcity_flow.domain.values import canonical_instant
from kcity_flow.interfaces.misuse import Misused

PROJECT = {
    "programme": "planning, solution or demonstration",
    "title": "of the project",
    "city": "where it is",
    "country": "ISO 3166-1, two letters",
    "kind": "local_government, central_government, korean_organisation …",
    "organisation": "name of the applicant",
    "contact": "name of the person letters go to, or an id P-…",
    "address": "that person's e-mail address",
}
"""The columns of every file of projects: what is to be done where, and who applies."""

ALWAYS = tuple(name for name in PROJECT if name != "address")
"""Those that none goes without; a contact who has an id needs no address."""

COLUMNS = {
    **PROJECT,
    "received_at": "when it arrived, Korean time unless it has a zone; empty: now",
    "channel": "post or e-mail",
    "partners": "kind=name, separated by ;",
    "months": "length of the work",
    "matching_krw": "money the host adds, KRW",
    "matching_sha256": "hash of its evidence",
    "matching_amount": "the same in the currency it is promised in, exactly, like 1500000.50",
    "matching_currency": "ISO 4217, three letters",
    "matching_rate": "KRW for one unit of it",
    "matching_rate_on": "the day of that rate",
    "documents": "kind=file or kind=sha256, separated by ;",
    "site_kind": "one of the programme's kinds of site",
    "sector": "one of the programme's sectors",
}
"""The header row of a CSV file."""

_NEEDED = (*ALWAYS, "channel")
_APPLICANT = ("country", "kind", "organisation", "contact", "address", "partners")

HALF_A_CHARACTER = "it holds half a character, such as \\ud800; write the whole one"
BEYOND = "cells beyond the header"
_ORGANISATION = re.compile(r"O-[A-Z0-9-]{1,40}")
_HASH = re.compile(r"^[0-9a-f]{64}$")


class Row(NamedTuple):
    """One application of a file: where it stands, what it says, and what is wrong with it, in words."""

    where: str
    data: dict[str, Any]
    faults: tuple[str, ...]


def read(
    path: Path,
    needed: Sequence[str] = _NEEDED,
    columns: Iterable[str] = tuple(COLUMNS),
    listed: str = "applications",
) -> list[tuple[str, dict[str, Any]]]:
    """The applications, or whatever else a file lists, as they are written, each with where it stands.

    Args:
        path: Of a file whose name ends in what it is.
        needed: Columns that a CSV file must have.
        columns: Its whole header row, to be told when one is missing.
        listed: What a TOML or JSON file calls its list.

    Raises:
        Misused: the file cannot be opened or is not what its name ends in.
    """
    readers: dict[str, Callable[[str], Iterator[tuple[str, dict[str, Any]]]]] = {
        ".toml": lambda text: _several(tomllib.loads(text), listed),
        ".json": lambda text: _several(json.loads(text), listed),
        ".csv": partial(_csv, needed=needed, columns=columns),
    }
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise Misused(f"{path} ends in none of .toml, .json and .csv; rename it to what it is.")
    try:
        found = list(reader(path.read_text(encoding="utf-8-sig")))
    except OSError as error:
        raise Misused(f"The file {path} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise Misused(f"The file {path} is not UTF-8; save it as UTF-8.") from None
    except RecursionError:
        raise Misused(f"The file {path} is nested too deep; write its fields side by side.") from None
    except (ValueError, csv.Error) as error:  # of TOML and JSON, and of numbers with thousands of digits
        raise Misused(f"The file {path} is not {path.suffix[1:].upper()}: {error}; mend that.") from None
    if not found:
        raise Misused(f"The file {path} holds no {listed.removesuffix('s')}.")
    return found


def _several(data: Any, listed: str) -> Iterator[tuple[str, dict[str, Any]]]:
    one = listed.removesuffix("s")
    items = data.get(listed, [data]) if isinstance(data, dict) else data
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise Misused(f"The file is neither one {one} nor a list of them called {listed}.")
    for number, item in enumerate(items, start=1):
        yield f"{one} {number}", item


def _csv(text: str, needed: Sequence[str], columns: Iterable[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    reader = csv.DictReader(io.StringIO(text), strict=True)
    header = reader.fieldnames or []
    if lacking := [name for name in needed if name not in header]:
        raise Misused(f"The header row lacks {', '.join(lacking)}; it should be {','.join(columns)}.")
    for row in reader:
        extra = row.pop(None, None)  # where DictReader puts what is beyond the header
        if any((value or "").strip() for value in row.values()) or extra:
            cells = {name: (value or "").strip() for name, value in row.items() if (value or "").strip()}
            yield f"row {reader.line_num}", {**cells, **({BEYOND: extra} if extra else {})}


# --- what is read becomes data of the command ------------------------------------------------------------------------


def rows(
    found: list[tuple[str, dict[str, Any]]], edition: Edition, now: datetime, keep: Callable[[str], str]
) -> list[Row]:
    """Every application as data of ``receive``, judged before anything is sent.

    Who applies stays by name here; :func:`with_ids` puts the ids in.

    Args:
        found: What :func:`read` returned.
        edition: Whose call it is.
        now: Business time, UTC; also when an application arrived that does not say.
        keep: Keeps the document of this file name and returns its hash.
    """
    judged: list[Row] = []
    first: dict[str, str] = {}
    for where, written in found:
        data, faults = written, []
        try:
            if BEYOND in data:
                raise ValueError("it has more cells than the header; put a text with commas in quotes")
            json.dumps(data, ensure_ascii=False, default=str).encode()
            data = _completed(nested(data), edition, now, keep)
            faults = list(_faults(data, edition, now))
        except UnicodeEncodeError:
            faults = [HALF_A_CHARACTER]
        except (ValueError, TypeError, AttributeError, Misused) as error:
            faults = [str(error)]
        same = {name: value for name, value in data.items() if name not in ("received_at", "channel")}
        earlier = first.setdefault(json.dumps(same, sort_keys=True, default=str), where)
        if earlier != where:
            faults.append(f"it repeats {earlier}")
        judged.append(Row(where, data, tuple(faults)))
    return judged


def nested(written: dict[str, Any]) -> dict[str, Any]:
    """A flat row as the command has it; what is nested already stays.

    Raises:
        ValueError: something is not written as it should be.
    """
    data = {name: value for name, value in written.items() if name not in _APPLICANT}
    nested = written.get("applicant", {})
    if not isinstance(nested, dict):
        raise ValueError("applicant holds no fields; write country, kind, organisation and contact in it")
    data["applicant"] = {**{name: written[name] for name in _APPLICANT if name in written}, **nested}
    if isinstance(partners := data["applicant"].get("partners"), str):
        data["applicant"]["partners"] = [
            {"kind": kind, "organisation": name} for kind, name in pairs(partners, "partners")
        ]
    if isinstance(documents := data.get("documents"), str):
        data["documents"] = [
            {"kind": kind, "sha256" if _HASH.match(what) else "file": what}
            for kind, what in pairs(documents, "documents")
        ]
    if funds := {name: data.pop(name) for name in COLUMNS if name.startswith("matching_") and name in data}:
        data["matching"] = {"krw": None, "sha256": None} | {
            name.removeprefix("matching_"): value for name, value in funds.items()
        }
    return data


def pairs(written: str, column: str) -> Iterator[tuple[str, str]]:
    """What is written as ``kind=…``, separated by ``;``.

    Raises:
        ValueError: the kind is missing.
    """
    for pair in written.split(";"):
        kind, equals, what = (part.strip() for part in pair.partition("="))
        if equals and kind and what:
            yield kind, what
        elif pair.strip():
            raise ValueError(f"{column}: {pair.strip()!r} lacks its kind; write each as kind=…, separated by ;")


def _completed(data: dict[str, Any], edition: Edition, now: datetime, keep: Callable[[str], str]) -> dict[str, Any]:
    received = data.get("received_at", now)
    if isinstance(received, str):
        try:
            received = datetime.fromisoformat(received)
        except ValueError:
            raise ValueError(f"received_at {received!r} is no instant like 2021-03-15T10:00") from None
    if isinstance(received, date) and not isinstance(received, datetime):
        received = datetime.combine(received, time())
    if received.tzinfo is None:
        received = received.replace(tzinfo=ZoneInfo(edition.zone))
    try:
        received_at = canonical_instant(received)
    except OverflowError:
        raise ValueError(f"received_at {received} lies beyond the calendar") from None
    if not all(isinstance(document, dict) and "kind" in document for document in data.get("documents", ())):
        raise ValueError("a document lacks its kind; write each with kind, and file or sha256")
    partners = data["applicant"].get("partners", ())
    if not all(isinstance(partner, dict) and {"kind", "organisation"} <= set(partner) for partner in partners):
        raise ValueError("a partner lacks its kind; write each with kind and organisation")
    documents = [
        {"kind": document["kind"], "sha256": keep(document["file"])} if "file" in document else document
        for document in data.get("documents", ())
    ]
    return {**data, "received_at": received_at, "documents": documents}


def _faults(data: dict[str, Any], edition: Edition, now: datetime) -> Iterator[str]:
    applicant = data["applicant"]
    lacking = [name for name in ("country", "kind", "organisation", "contact") if not applicant.get(name)]
    country = applicant.get("country", "")
    if lacking:
        yield f"{', '.join(lacking)} missing"
    if country and pycountry.countries.get(alpha_2=str(country)) is None:
        yield f"no country has the code {country!r}; write an ISO 3166-1 code like TR"
    if applicant.get("kind") and applicant["kind"] not in list(ApplicantKind):
        yield f"kind {applicant['kind']!r} is not one of {', '.join(ApplicantKind)}"
    currency = (data.get("matching") or {}).get("currency")
    if currency and not currency_known(currency):
        yield f"no currency has the code {currency!r}; write an ISO 4217 code like MNT"
    if not str(applicant.get("contact", "")).startswith("P-") and "@" not in str(applicant.get("address", "")):
        yield "address is no e-mail address"
    known = {"applicant": {name: value for name, value in applicant.items() if name != "address"}}
    if applicant.get("partners"):
        known["applicant"]["partners"] = [{"kind": one["kind"], "organisation": "O-X"} for one in applicant["partners"]]
    for name, prefix in (("contact", "P-"), ("organisation", "O-")):
        # An id is judged as it is; a name gets one later.
        if not str(applicant.get(name, "")).startswith(prefix):
            known["applicant"][name] = f"{prefix}X"
    unknown = m.unknown_fields("receive", "application", data)
    unknown += sorted(set(known["applicant"]) - set(m.Applicant.model_fields))
    if unknown:
        yield f"{', '.join(unknown)} not known here"
    if lacking or unknown:
        return
    try:
        by = {"person": "P-X", "role": Role.DESK}
        command = m.parse("application", "receive", {**data, **known, "id": "file", "by": by})
        edition.programme(command.programme)
    except Unreadable as refusal:
        yield refusal.missing
        return
    except Unknown as refusal:
        yield refusal.sentence.rstrip(".")
        return
    facts = Facts(
        application=Application(ref="KC2000-AAA-0000"),
        command=command,
        edition=edition,
        now=now,
        source=Stage.ABSENT,
        dest=Stage.RECEIVED,
    )
    for guard in BY_TRIGGER["receive", Stage.ABSENT].guards:
        if missing := guard(facts):
            yield f"it lacks {missing}"


def organisation_ids(vault: Vault) -> Callable[[str], str]:
    """What gives an organisation's id by its name; who is new is added to the vault. An id stands for itself."""
    known_by = {name: id for id, name in vault.organisations().items()}

    def id_of(name: str) -> str:
        if _ORGANISATION.fullmatch(name):
            return name
        if name not in known_by:
            known_by[name] = vault.add_organisation(name)
        return known_by[name]

    return id_of


def with_ids(data: dict[str, Any], vault: Vault) -> dict[str, Any]:
    """The same data with people and organisations, partners among them, by id; who is new is added to the vault.

    Whoever is known by address, or an organisation by name, keeps their id: so an application that comes twice is
    recognised.
    """
    applicant = dict(data["applicant"])
    contact, address = str(applicant["contact"]), str(applicant.pop("address", ""))
    organisation = str(applicant["organisation"])
    id_of = organisation_ids(vault)
    applicant["organisation"] = id_of(organisation)
    if "partners" in applicant:
        applicant["partners"] = [{**one, "organisation": id_of(one["organisation"])} for one in applicant["partners"]]
    if not contact.startswith("P-"):
        known = next((p for p in vault.people(Role.APPLICANT) if p.address.casefold() == address.casefold()), None)
        applicant["contact"] = (
            known.id if known else vault.add_person(contact, address, organisation=organisation, roles=[Role.APPLICANT])
        )
    return {**data, "applicant": applicant}
