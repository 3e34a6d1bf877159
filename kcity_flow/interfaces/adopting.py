"""Takes over projects that run already, from a file: all are judged before any is proposed.

Judged are they by the guards that will judge them again, each as if those before it in the file were adopted. The first
person's run proposes; a second person's run with the same file confirms what says the same. What was done is not done
twice, however often it is started again.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from kcity_flow.domain import messages as m
from kcity_flow.domain import selection
from kcity_flow.domain.edition import Edition
from kcity_flow.domain.errors import GuardFailed, Refusal
from kcity_flow.domain.machine import EDITIONS
from kcity_flow.domain.messages import By, Outcome
from kcity_flow.domain.selection import Call, EditionFacts
from kcity_flow.domain.stages import Role
from kcity_flow.gateway import STANDS_FOR_A_TEXT, Actor
from kcity_flow.interfaces import files
from kcity_flow.interfaces.misuse import Misused
from kcity_flow.interfaces.office import Office

COLUMNS = {
    **files.PROJECT,
    "stage": "where it stands",
    "since": "the day on which it came there",
    "krw": "the award",
    "evidence": "files or hashes that prove it, separated by ;",
    "parties": "party=kind/signatory's id/day of the signature, separated by ;",
    "framework": "file or hash of the framework's text that was signed",
    "contractor": "name of the contractor, or an id O-…",
    "contract_country": "the contractor's, ISO 3166-1, two letters",
    "contract_krw": "the contract's sum",
    "contract_signatory": "id of the person who signed for the contractor",
    "contract_signed_on": "when",
    "paid_krw": "what was paid of it so far",
    "ends_on": "the day on which the work is to end",
    "deliverables": "kind=file or kind=sha256, separated by ;",
    "settled": "yes, once the sums are settled",
    "grade": "good, fair or poor",
    "months": "length of the work",
    "over_quota_reason": "for more places than the quota is about",
}
"""The header row of a CSV file."""

NEEDED = (*files.ALWAYS, "stage", "since", "krw", "evidence")
"""The columns that it must have; the others may be missing where the stage does not need them."""

_HASH = re.compile(r"[0-9a-f]{64}")
_PARTY = re.compile(r"([^/]+)/([^/]+)(?:/([^/]+))?")


@dataclass(frozen=True, slots=True)
class Project:
    """One project of a file: where it stands there, the command's data with names for ids, and what is wrong with it.

    ``ref`` is its number, if it was adopted before.
    """

    where: str
    data: dict[str, Any]
    faults: tuple[str, ...] = ()
    ref: str = ""


def projects(
    found: list[tuple[str, dict[str, Any]]],
    edition: Edition,
    call: Call,
    now: datetime,
    known: Mapping[str, str],
    keep: Callable[[str], str],
) -> list[Project]:
    """Every project of a file, judged; nothing is sent.

    Args:
        found: What :func:`files.read` returned.
        edition: Which takes them over.
        call: Its places as they are.
        now: Business time, UTC.
        known: Organisations' ids by their names, as the vault has them.
        keep: Keeps the document of this file name and returns its hash.
    """
    judged = []
    adopted = {project: ref for ref, project in call.adopted.items()}
    for number, (where, written) in enumerate(found, start=1):
        data: dict[str, Any] = written
        try:
            data = _completed(written, keep)
            command = _read(_by_ids(data, known), edition, number)
            if ref := adopted.get(command.project):
                judged.append(Project(where, data, ref=ref))
                continue
            row = EDITIONS.row("adopt", call.stage, Role.HEAD)
            stage = call.stage
            facts = EditionFacts(call=call, command=command, edition=edition, now=now, source=stage, dest=stage)
            EDITIONS.judge(row, stage, facts)
            call = selection.after(facts, stage)
        except GuardFailed as refusal:
            judged.append(Project(where, data, (f"it lacks {refusal.missing}",)))
        except Refusal as refusal:
            judged.append(Project(where, data, (refusal.missing or refusal.sentence.rstrip("."),)))
        except (ValueError, TypeError, AttributeError, KeyError, Misused) as error:
            judged.append(Project(where, data, (str(error).rstrip("."),)))
        else:
            judged.append(Project(where, data))
    return judged


def _completed(written: dict[str, Any], keep: Callable[[str], str]) -> dict[str, Any]:
    """A row as the command has it, people and organisations by name."""
    if files.BEYOND in written:
        raise ValueError("it has more cells than the header; put a text with commas in quotes")
    data: dict[str, Any] = files.nested(_plain(written))
    applicant = data["applicant"]
    if lacking := [n for n in ("country", "kind", "organisation", "contact") if not applicant.get(n)]:
        raise ValueError(f"{', '.join(lacking)} missing")
    if not str(applicant["contact"]).startswith("P-") and "@" not in str(applicant.get("address", "")):
        raise ValueError("address is no e-mail address")
    evidence = data.get("evidence", [])
    named = evidence.split(";") if isinstance(evidence, str) else evidence
    data["evidence"] = [_kept(str(one).strip(), keep) for one in named if str(one).strip()]
    if text := data.get("framework"):
        data["framework"] = _kept(str(text).strip(), keep)
    if isinstance(deliverables := data.get("deliverables"), str):
        data["deliverables"] = [
            {"kind": kind, "sha256": _kept(what, keep)} for kind, what in files.pairs(deliverables, "deliverables")
        ]
    if isinstance(parties := data.get("parties"), str):
        data["parties"] = [_party(name, said) for name, said in files.pairs(parties, "parties")]
    if "contractor" in data:
        said = {name: data.pop(f"contract_{name}", None) for name in ("country", "krw", "signatory", "signed_on")}
        data["contract"] = {"contractor": data.pop("contractor"), **said}
    if isinstance(contract := data.get("contract"), dict) and not contract.get("country"):
        raise ValueError("the country of the contractor missing; write an ISO 3166-1 code like KR")
    if isinstance(settled := data.get("settled"), str):
        data["settled"] = settled.casefold() in ("yes", "true")
    return data


def _plain(value: Any) -> Any:
    """TOML's own dates as they are written in JSON."""
    match value:
        case dict():
            return {name: _plain(inner) for name, inner in value.items()}
        case list():
            return [_plain(inner) for inner in value]
        case date():
            return value.isoformat()
    return value


def _kept(named: str, keep: Callable[[str], str]) -> str:
    return named if _HASH.fullmatch(named) else keep(named)


def _party(name: str, said: str) -> dict[str, Any]:
    parts = _PARTY.fullmatch(said)
    if parts is None:
        example = "KR-MOLIT=korean_government/P-…/2020-09-01"
        raise ValueError(f"parties: {said!r} is not kind/signatory's id/day; write each like {example}")
    kind, signatory, day = parts.groups()
    return {"party": name, "kind": kind, "signatory": signatory, **({"signed_on": day} if day else {})}


def _by_ids(data: dict[str, Any], known: Mapping[str, str]) -> dict[str, Any]:
    """The same with an id for each name; who is new has one that stands for nobody yet."""

    def organisation(name: Any) -> str:
        if str(name).startswith("O-"):
            return str(name)
        return known.get(str(name)) or f"O-{hashlib.sha256(str(name).encode()).hexdigest()[:20].upper()}"

    applicant = {name: value for name, value in data["applicant"].items() if name != "address"}
    applicant["organisation"] = organisation(applicant["organisation"])
    if not str(applicant["contact"]).startswith("P-"):
        applicant["contact"] = "P-X"
    if applicant.get("partners"):
        partners = applicant["partners"]
        applicant["partners"] = [{**one, "organisation": organisation(one["organisation"])} for one in partners]
    contract = data.get("contract")
    if isinstance(contract, dict):
        contract = {**contract, "contractor": organisation(contract.get("contractor"))}
    return {**data, "applicant": applicant, **({"contract": contract} if contract else {})}


def _read(data: dict[str, Any], edition: Edition, number: int) -> m.Adopt:
    if unknown := [name for name in m.unknown_fields("adopt", "edition", data) if name != "trigger"]:
        raise ValueError(f"{', '.join(unknown)} not known here")
    code = edition.programme(str(data.get("programme"))).code
    # Above what the journal will give: no number of the file is another's.
    ref = data.get("ref") or f"KC{edition.year}-{code}-{99_0000 + number}"
    texts = {name: STANDS_FOR_A_TEXT for name in ("reason", "over_quota_reason") if data.get(name)}
    by = By(person="P-X", role=Role.HEAD)
    adopt: m.Adopt = m.parse("edition", "adopt", {**data, **texts, "ref": ref, "id": "file", "by": by})
    return adopt


# --- what is sent -----------------------------------------------------------------------------------------------------


@dataclass
class Taken:
    """What became of a file's projects, by where they stand in it: a number, an entry, or a sentence."""

    adopted: dict[str, str]
    proposed: dict[str, str]
    repeated: dict[str, str]
    refused: dict[str, str]


async def adopt(office: Office, edition: Edition, found: Iterable[Project], actor: Actor) -> Taken:
    """Propose each project, or confirm it where another proposed it in the same words."""
    taken = Taken({}, {}, {}, {})
    for project in found:
        try:
            became, said = await _adopt(office, edition, project, actor)
        except Refusal as refusal:
            became, said = "refused", refusal.sentence
        getattr(taken, became)[project.where] = said
    return taken


async def _adopt(office: Office, edition: Edition, project: Project, actor: Actor) -> tuple[str, str]:
    if project.ref:
        return "repeated", f"{project.ref} was adopted before"
    id_of = files.organisation_ids(office.vault)
    data = files.with_ids(project.data, office.vault)
    if "contract" in data:
        data["contract"] = {**data["contract"], "contractor": id_of(str(data["contract"]["contractor"]))}
    year = edition.year
    same = _read(data, edition, 0)
    for proposal in (await office.gateway.standing(str(year)))["proposals"]:
        substance = proposal["substance"]
        if proposal["trigger"] != "adopt" or _read(_said(substance), edition, 0).project != same.project:
            continue
        ref, entry = substance["ref"], proposal["entry"]
        if proposal["person"] == actor.person:
            return "repeated", f"{ref} waits for a second person as entry {entry}"
        if differ := _differing(same.model_copy(update={"ref": ref}).substance(), substance):
            return "refused", f"Its data ({', '.join(differ)}) differ from those that entry {entry} proposes for {ref}."
        receipt = await office.do(str(year), "adopt", {}, person=actor.person, role=actor.role, confirm=entry)
        return "adopted", f"{ref} by entry {receipt.entry}"
    receipt = await office.gateway.adopt(year, data, actor)
    return ("proposed" if receipt.outcome is Outcome.PROPOSED else "adopted"), f"entry {receipt.entry}"


def _said(substance: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in substance.items() if name != "trigger" and value is not None}


def _differing(mine: dict[str, Any], theirs: dict[str, Any]) -> list[str]:
    """Fields in which two say otherwise. A text has another commitment each time: that there is one is enough."""
    return [
        name
        for name, value in mine.items()
        if (bool(value) != bool(theirs.get(name)) if name == "over_quota_reason" else value != theirs.get(name))
    ]
