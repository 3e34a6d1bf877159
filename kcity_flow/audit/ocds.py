"""The part of the Open Contracting Data Standard 1.1 that is published here, as models, and how releases merge.

Field names and codes are the standard's own. Instants are UTC, money is KRW. A field that is stated as ``None`` takes
back what an earlier release said; one that is not stated leaves it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from kcity_flow.domain.values import Instant, Krw

Tag = Literal[
    "planning", "planningUpdate", "tender", "tenderAmendment", "tenderUpdate", "tenderCancellation", "award",
    "awardUpdate", "awardCancellation", "contract", "contractUpdate", "contractAmendment", "implementation",
    "contractTermination", "compiled",
]  # fmt: skip


class Published(BaseModel):
    """What others read: nothing goes out that the standard does not name."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    def plain(self) -> dict[str, Any]:
        """As JSON has it: what is stated, and nothing else."""
        return self.model_dump(mode="json", exclude_unset=True)


class Value(Published):
    """An amount in KRW."""

    amount: Krw
    currency: Literal["KRW"]


class Period(Published):
    """From when to when. A bid is too late from ``endDate`` on; work ends with the second that ``endDate`` names."""

    startDate: Instant | None = None
    endDate: Instant | None = None


class OrganizationReference(Published):
    """An organisation that stands among the parties of the same release."""

    id: str
    name: str | None = None


class Organization(OrganizationReference):
    """An organisation and what part it has."""

    roles: tuple[Literal["buyer", "procuringEntity", "supplier", "payer", "payee"], ...]


class Milestone(Published):
    """A step on the way, and whether it was reached."""

    id: str
    title: str | None = None
    type: Literal["assessment", "delivery"] | None = None
    description: str | None = None
    status: Literal["scheduled", "met", "notMet"]
    dueDate: Instant | None = None
    dateMet: Instant | None = None


class Amendment(Published):
    """Why something was changed, which release it was that said otherwise, and which says what holds now."""

    id: str
    date: Instant
    rationale: str
    amendsReleaseID: str
    releaseID: str


class Budget(Published):
    """The money there is, and what for."""

    amount: Value
    project: str


class Planning(Published):
    """What stands before the tender."""

    budget: Budget


class Tender(Published):
    """The search for a contractor."""

    id: str
    title: str | None = None
    description: str | None = None
    status: Literal["planned", "active", "complete", "cancelled", "unsuccessful"] | None = None
    procuringEntity: OrganizationReference | None = None
    procurementMethod: Literal["open", "direct"] | None = None
    procurementMethodRationale: str | None = None
    mainProcurementCategory: Literal["services"] | None = None
    tenderPeriod: Period | None = None
    hasEnquiries: bool | None = None
    numberOfTenderers: int | None = Field(default=None, ge=0)
    milestones: tuple[Milestone, ...] = ()
    amendments: tuple[Amendment, ...] = ()


class Award(Published):
    """Who was found; nobody is named while it is ``pending``, in the standstill."""

    id: str
    status: Literal["pending", "active", "cancelled"]
    date: Instant | None = None
    value: Value | None = None
    suppliers: tuple[OrganizationReference, ...] = ()


class Transaction(Published):
    """Money that went from one to another."""

    id: str
    date: Instant
    value: Value
    payer: OrganizationReference
    payee: OrganizationReference


class Implementation(Published):
    """How the work went, and what was paid for it."""

    milestones: tuple[Milestone, ...] = ()
    transactions: tuple[Transaction, ...] = ()


class Contract(Published):
    """The contract with whoever was found. ``terminated`` is said of every contract that has ended, also as agreed."""

    id: str
    awardID: str
    status: Literal["active", "cancelled", "terminated"]
    dateSigned: Instant | None = None
    value: Value | None = None
    period: Period | None = None
    implementation: Implementation | None = None
    amendments: tuple[Amendment, ...] = ()


class Release(Published):
    """What became known at an instant."""

    ocid: str
    id: str
    date: Instant
    tag: tuple[Tag, ...] = Field(min_length=1)
    initiationType: Literal["tender"]
    language: Literal["en"]
    parties: tuple[Organization, ...] = ()
    buyer: OrganizationReference | None = None
    planning: Planning | None = None
    tender: Tender | None = None
    awards: tuple[Award, ...] = ()
    contracts: tuple[Contract, ...] = ()


class Record(Published):
    """Everything released of one procurement, oldest first, and how it stands after all of it."""

    ocid: str
    releases: tuple[Release, ...] = Field(min_length=1)
    compiledRelease: Release


class Publisher(Published):
    """Who publishes."""

    name: str


class RecordPackage(Published):
    """Records with what is to be known of all of them."""

    uri: str
    version: Literal["1.1"]
    publisher: Publisher
    publishedDate: Instant
    records: tuple[Record, ...]


def compiled(releases: Iterable[Release]) -> Release:
    """How it stands after some releases of one procurement, which are in order of their dates; at least one."""
    stands: dict[str, Any] = {}
    for release in releases:
        stands = _merged(stands, release.plain())
    return Release.model_validate({**stands, "id": f"{stands['ocid']}-{stands['date']}", "tag": ["compiled"]})


def _merged(stands: Mapping[str, Any], said: Mapping[str, Any]) -> dict[str, Any]:
    """Objects are merged field by field; a ``None`` takes the field away."""
    found = {**stands, **{name: _value(stands.get(name), value) for name, value in said.items()}}
    return {name: value for name, value in found.items() if value is not None}


def _value(stands: Any, said: Any) -> Any:
    """Lists of objects are merged by the objects' ids; every other list, and every plain value, is replaced."""
    match said:
        case dict():
            return _merged(stands or {}, said)
        case [{"id": _}, *_]:
            by_id = {item["id"]: item for item in stands or ()}
            return list({**by_id, **{one["id"]: _merged(by_id.get(one["id"], {}), one) for one in said}}.values())
        case _:
            return said
