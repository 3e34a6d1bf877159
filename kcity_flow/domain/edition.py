"""One year's call as data: what may be applied for, by whom, when, and by which rules it is judged.

Editions travel by value into workflows and stay in histories for ten years. Two rules follow. The models check form
only, and only optional fields are ever added, so that an old history can always be read; whether the rules contradict
each other is asked once, when a file is read (:mod:`kcity_flow.domain.contradictions`). And no person is ever
serialised. Instants are aware and in UTC, in business time; money is an integer of KRW.
"""

import hashlib
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any, Literal, NamedTuple, Self

from pydantic import (
    Field,
    model_validator,
)

from kcity_flow.domain.errors import Unknown
from kcity_flow.domain.values import Day, Frozen, Instant, Krw

Key = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,59}$")]
Channel = Annotated[str, Field(pattern=r"^[a-z][a-z-]{0,29}$")]
Country = Annotated[str, Field(pattern=r"^[A-Z]{2}$", description="ISO 3166-1, two letters")]


class Text(Frozen):
    """A text in English and, where there is one, in Korean. A file may give the English alone."""

    en: str = Field(min_length=1)
    ko: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _english_alone(cls, data: Any) -> Any:
        return {"en": data} if isinstance(data, str) else data


# --- the call ---------------------------------------------------------------------------------------------------------


class Late(StrEnum):
    """What becomes of an application that arrives at or after the close."""

    REFUSE = "refuse"
    DEFER = "defer"


class Window(Frozen):
    """When applications are taken, and by which channels."""

    name: Key
    opens_at: Instant
    closes_at: Instant
    """The first instant that is too late."""
    late: Late = Late.REFUSE
    channels: tuple[Channel, ...] = Field(min_length=1)
    continuous: bool = False
    """Screening begins on arrival, not when the window has closed."""


class Desk(Frozen):
    """Who receives the applications of which programmes."""

    name: Key
    title: Text | None = None
    programmes: tuple[Key, ...] = Field(min_length=1)
    post: str | None = None
    email: str | None = None


class Person(Frozen):
    """Somebody the announcement names. Read from the file, never serialised."""

    name: str
    phone: str | None = None
    office: str | None = None


class Notice(Frozen):
    """The announcement itself."""

    published_on: Day
    source: str
    subject: str
    document: str | None = None
    inquiries: int | None = Field(default=None, ge=0)
    # Editions stand in histories, which cannot be edited: people stay in the file.
    contact: Person | None = Field(default=None, exclude=True)
    quoted: Person | None = Field(default=None, exclude=True)


class Publication(Frozen):
    """A web site that carries the public notice."""

    site: str
    address: str | None = None


class Results(Frozen):
    """When results are announced. They may be decided earlier; both are dates in the edition's zone."""

    due_on: Day
    warn_on: Day | None = None
    decided_on: Day | None = None


class Implementation(Frozen):
    """When the work begins, if that is stated, and ends; soft, for the reasons an extension may have."""

    starts_on: Day | None = None
    ends_on: Day
    extension_reasons: tuple[Key, ...] = ()
    missed_reports: int = Field(default=2, ge=1)
    """So many reports missed in a row, and the ministry decides whether the work is suspended."""


class Tempo(Frozen):
    """How business time runs against the workflow's clock; together unless a rehearsal says otherwise.

    When the clock shows ``starts_at``, business time is ``origin_at``; from there it runs ``factor`` times as fast.
    Until then it stands still.
    """

    starts_at: Instant | None = None
    origin_at: Instant | None = None
    factor: int = Field(default=1, ge=1)

    def business(self, clock: datetime) -> datetime:
        """Business time at an instant of the clock. UTC."""
        starts, origin = self._anchors(clock)
        return (origin + max(clock - starts, timedelta(0)) * self.factor).astimezone(UTC)

    def clock(self, business: datetime) -> datetime:
        """The first instant of the clock, to the microsecond, at which business time has reached this. UTC."""
        starts, origin = self._anchors(business)
        # Rounded up: a timer that fires a microsecond early would find its date not yet reached.
        return (starts - (origin - business) // self.factor).astimezone(UTC)

    def _anchors(self, fallback: datetime) -> tuple[datetime, datetime]:
        if self.starts_at is None or self.origin_at is None:
            return fallback, fallback
        return self.starts_at, self.origin_at


class Project(Frozen):
    """A project the announcement names: city and country as printed, the country's code beside."""

    city: str
    country: Country
    printed_country: str | None = None
    title: str | None = None
    programme: Key | None = None


class Statistics(Frozen):
    """Counts as printed, of what cannot be counted here: applications, and the countries they came from."""

    applications: int = Field(ge=0)
    countries: int = Field(ge=0)


# --- programmes -------------------------------------------------------------------------------------------------------


class QuotaKind(StrEnum):
    """How binding a number of places is."""

    EXACT = "exact"
    UP_TO = "up_to"
    AT_LEAST = "at_least"
    ABOUT = "about"


class Quota(Frozen):
    """A number of places and how binding it is.

    ``exact`` and ``up_to`` are never exceeded; ``about`` is, with a reason; ``at_least`` has no upper end. Fewer
    than ``exact`` or ``at_least`` needs a reason when results are published.
    """

    kind: QuotaKind
    places: int = Field(ge=1)

    def left(self, taken: int) -> int | None:
        """How many more places may be given without a reason when ``taken`` are; ``None``: as many as one likes."""
        return None if self.kind is QuotaKind.AT_LEAST else max(0, self.places - taken)

    def falls_short(self, taken: int) -> bool:
        """Whether publishing with ``taken`` places needs a reason."""
        return self.kind in (QuotaKind.EXACT, QuotaKind.AT_LEAST) and taken < self.places


class Band(Frozen):
    """The range of an award for work of up to ``months`` months. KRW, both ends included."""

    months: int = Field(ge=1)
    min_krw: Krw
    max_krw: Krw


class Award(Frozen):
    """What one project may be granted, in KRW, both ends included; by the length of the work where bands say so.

    A file writes ``{ krw = … }`` for a fixed sum, or bands alone.
    """

    min_krw: Krw
    max_krw: Krw
    bands: tuple[Band, ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _short_forms(cls, data: Any) -> Any:
        match data:
            case {"krw": krw, **rest}:
                return {"min_krw": krw, "max_krw": krw, **rest}
            case {"bands": [*bands]} if bands and not {"min_krw", "max_krw"} & set(data):
                try:
                    least, most = min(band["min_krw"] for band in bands), max(band["max_krw"] for band in bands)
                except (KeyError, TypeError):
                    least, most = 0, 0  # the band at fault is refused by itself
                return {**data, "min_krw": least, "max_krw": most}
        return data

    def allows(self, krw: int, months: int | None = None) -> bool:
        """Whether this sum may be granted for work of so many months.

        Where the range depends on the length, a length not stated or beyond the last band allows nothing.
        """
        if not self.bands:
            return self.min_krw <= krw <= self.max_krw
        if months is None:
            return False
        band = min((band for band in self.bands if months <= band.months), key=lambda b: b.months, default=None)
        return band is not None and band.min_krw <= krw <= band.max_krw


class ApplicantKind(StrEnum):
    """Who may apply, or be a partner."""

    CENTRAL_GOVERNMENT = "central_government"
    LOCAL_GOVERNMENT = "local_government"
    KOREAN_ORGANISATION = "korean_organisation"
    KOREAN_CORPORATION = "korean_corporation"
    INTERNATIONAL_ORGANISATION = "international_organisation"


class PartnerKind(StrEnum):
    """What a partner abroad may be."""

    CENTRAL_GOVERNMENT = "central_government"
    LOCAL_GOVERNMENT = "local_government"
    PUBLIC_BODY = "public_body"
    PRIVATE_BODY = "private_body"
    INTERNATIONAL_ORGANISATION = "international_organisation"


class Partner(Frozen):
    """Whether an application needs a partner abroad. A file may write ``"none"`` or ``"required"`` alone."""

    mode: Literal["none", "required"] = "none"
    kinds: tuple[PartnerKind, ...] = ()
    not_only_private: bool = False
    """Private bodies count only beside another kind."""

    @model_validator(mode="before")
    @classmethod
    def _mode_alone(cls, data: Any) -> Any:
        return {"mode": data} if isinstance(data, str) else data


class EligibilityItem(Frozen):
    """A question of the screening checklist; answered no, ``reason`` is the code of the refusal."""

    key: Key
    text: Text
    reason: Key


class Solution(Frozen):
    """Where the solution of a demonstration comes from and how its merit was proven."""

    origins: tuple[Key, ...] = ()
    consortium: str | None = None
    """A consortium the announcement names as an example."""
    proof: str | None = None


class StepKind(StrEnum):
    """A step of the evaluation; each is the stage of the same name."""

    PAPER_REVIEW = "paper_review"
    CONSULTATION = "consultation"
    PRESENTATION = "presentation"
    CONFIRMATION = "confirmation"


class Step(Frozen):
    """A step of a programme's route. A file may write ``"paper_review"`` or ``{ consultation = 2 }``."""

    kind: StepKind
    rounds: int = Field(default=1, ge=1)

    @model_validator(mode="before")
    @classmethod
    def _short_forms(cls, data: Any) -> Any:
        if isinstance(data, str):
            return {"kind": data}
        if isinstance(data, dict) and len(data) == 1 and "kind" not in data:
            [(kind, rounds)] = data.items()
            return {"kind": kind, "rounds": rounds}
        return data


class PartyKind(StrEnum):
    """What a party to the cooperation framework may be. The announcement's list is one of examples: ``other``."""

    KOREAN_GOVERNMENT = "korean_government"
    HOST_GOVERNMENT = "host_government"
    COMPANY = "company"
    PUBLIC_BODY = "public_body"
    PRIVATE_BODY = "private_body"
    OTHER = "other"


class FrameworkRules(Frozen):
    """Who may be party to the framework, and of which kinds somebody must have signed before work."""

    parties: tuple[PartyKind, ...] = Field(min_length=1)
    before_work: tuple[PartyKind, ...] = Field(min_length=1)


class ProcurementMode(StrEnum):
    """How the contractor is found: by open notice, or it is the one that applied."""

    OPEN = "open"
    DESIGNATED = "designated"


class ProcurementRules(Frozen):
    """How the contractor is found, and of which nationality it and every payee must be."""

    mode: ProcurementMode
    contractor: Literal["korean", "any"] = "korean"
    payee: Literal["korean", "any"] = "korean"
    valid_bids: int = Field(default=2, ge=1)
    renotices: int = Field(default=2, ge=0)
    evaluators: int = Field(default=3, ge=1)
    """The fewest who evaluate the bids."""
    complaint_grounds: tuple[Key, ...] = ("wrong_evaluation", "breach_of_procedure", "conflict_of_interest")


class Criterion(Frozen):
    """What is scored from 0 to 100, and its weight beside the others."""

    key: Key
    title: Text
    weight: int = Field(default=1, ge=1)


class ReviewRules(Frozen):
    """How sheets become a decision. Scores are of 100."""

    paper_quorum: int = Field(default=3, ge=1)
    panel_quorum: int = Field(default=5, ge=1)
    spread: int = Field(default=20, ge=0, le=100)
    """A wider spread between two sheets asks for one more reviewer."""
    threshold: int = Field(default=70, ge=0, le=100)
    trim_from: int | None = Field(default=None, ge=3)
    """From so many sheets on, the highest and the lowest are dropped."""
    invited: int | None = Field(default=None, ge=1)
    """How many of a programme are invited to the step after paper; none: all above the threshold."""


class TieRule(StrEnum):
    """What decides between equal scores."""

    CRITERION = "criterion"
    MATCHING_FUNDS = "matching_funds"
    PREFERENCE = "preference"
    COUNTRY_WITHOUT_PROJECT = "country_without_project"
    VOTE = "vote"


class Tie(Frozen):
    """One rule for equal scores; rules are asked in order, and after the last the committee votes."""

    by: TieRule
    criterion: Key | None = None


class Preference(Frozen):
    """What raises an application's chances: matching funds, or an earlier project with a good result.

    An earlier project is found by its host government, which is now the partner abroad. Bonus ``points`` are added to
    the mean of 100; with none, the preference only decides ties.
    """

    by: Literal["matching_funds", "previous_result"]
    programme: Key | None = None
    years_before: int = Field(default=1, ge=1)
    grade: Literal["good", "fair"] = "good"
    from_year: int | None = None
    """The first edition in which it counts."""
    points: int = Field(default=0, ge=0, le=100)


class Programme(Frozen):
    """One of an edition's programmes."""

    key: Key
    code: str = Field(pattern=r"^[A-Z]{3}$", description="in reference numbers: KC2021-PLA-0001")
    number: int = Field(ge=1)
    title: Text
    window: Key
    applicants: tuple[ApplicantKind, ...] = Field(min_length=1)
    only_with_government: tuple[ApplicantKind, ...] = ()
    """Kinds of applicant that are eligible only together with a government."""
    partner: Partner = Partner()
    eligibility: tuple[EligibilityItem, ...] = ()
    solution: Solution | None = None
    site_kinds: tuple[Key, ...] = ()
    sectors: tuple[Key, ...] = ()
    solution_kinds: tuple[Key, ...] = ()
    documents: tuple[Key, ...] = ()
    """Kinds of document without which an application is incomplete."""
    outputs: tuple[Key, ...] = Field(min_length=1)
    deliverables: tuple[Key, ...] = ()
    """Kinds of document the final report may consist of; a file that names none means the outputs."""
    deliverables_needed: int = Field(default=1, ge=1)
    quota: Quota
    award: Award
    route: tuple[Step, ...] = Field(min_length=1)
    framework: FrameworkRules
    procurement: ProcurementRules
    criteria: tuple[Criterion, ...] = Field(min_length=1)
    criteria_open: bool = False
    """The announcement names its criteria as examples."""
    review: ReviewRules = ReviewRules()
    ties: tuple[Tie, ...] = ()
    preferences: tuple[Preference, ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _outputs_are_deliverables(cls, data: Any) -> Any:
        if isinstance(data, dict) and not data.get("deliverables"):
            return {**data, "deliverables": data.get("outputs", ())}
        return data


# --- timers -----------------------------------------------------------------------------------------------------------


class DateOf(StrEnum):
    """Dates that stand elsewhere in the edition."""

    WINDOW = "window"
    RESULTS = "results"
    IMPLEMENTATION = "implementation"


class Due(Frozen):
    """When a timer falls due: exactly one of these.

    ``days`` (calendar), ``working_days`` and ``months`` count from the entry that armed the timer; ``on`` is a date
    in the edition's zone; ``of`` is the window's close, ``results.due_on`` or ``implementation.ends_on``. Where a
    command states the date (presentation, procurement_notice, renotice, termination_notice), the span is the least
    it must lie ahead; that of bid_questions, in working days, counts back from the notice's close.
    """

    days: int | None = Field(default=None, ge=0)
    working_days: int | None = Field(default=None, ge=0)
    months: int | None = Field(default=None, ge=1)
    on: Day | None = None
    of: DateOf | None = None

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        given = [value for value in (self.days, self.working_days, self.months, self.on, self.of) if value is not None]
        if len(given) != 1:
            raise ValueError("give exactly one of days, working_days, months, on, of")
        return self


class Ladder(Frozen):
    """A timer: when it falls due, who is reminded before and after, and what happens then.

    Reminders after the due date also go to ``escalate_to``, one step higher each time. A file may write one
    recipient without brackets.
    """

    timer: Key
    due: Due
    remind: tuple[int, ...] = ()
    """Offsets from the due date: working days, or calendar days where ``calendar_days`` says so."""
    calendar_days: bool = False
    to: tuple[Key, ...] = ()
    escalate_to: tuple[Key, ...] = ()
    then: Key = "flag"
    """``flag``, or the move the clock makes."""
    times: int = Field(default=1, ge=0)
    """How often it falls due, each time the same span later; 0: as long as its stage lasts."""

    @model_validator(mode="before")
    @classmethod
    def _one_recipient(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        return {k: (v,) if k in ("to", "escalate_to") and isinstance(v, str) else v for k, v in data.items()}


TIMERS = (
    "call", "acknowledge", "screening", "clarification", "conflict_declaration", "score_sheet", "schedule", "minutes",
    "presentation", "results", "letters", "objection_period", "objection", "second_person", "proposal_lapse",
    "promotion", "reserve", "framework_signature", "framework_long_stop", "procurement_notice", "renotice",
    "bid_questions", "bid_evaluation", "standstill", "complaint", "report", "implementation_end", "suspension",
    "termination_notice", "acceptance", "payment", "settlement", "settlement_long_stop", "follow_up", "file",
    "retention",
)  # fmt: skip
"""Every timer there is. An edition without a ladder for one does without that timer."""

BEFORE_CLOSE = "bid_questions"
"""The timer whose span counts back from the notice's close."""


AdoptedAt = Literal[
    "framework", "procurement", "implementation", "suspended", "acceptance", "settlement", "closed"
]  # fmt: skip


# --- the edition ------------------------------------------------------------------------------------------------------


class Edition(Frozen):
    """One year's call with all its rules.

    ``sources`` and ``assumed`` say where values come from, by path; tables in lists go by their name:
    ``programmes.planning.quota.places``, ``ladders.call.due``.
    """

    format: Literal[1]
    year: int = Field(ge=2020, le=2200)
    title: Text
    collaboration: Key | None = None
    zone: str
    calendars: tuple[Country, ...] = Field(min_length=1)
    total: Quota | None = None
    budget_krw: Krw | None = None
    one_per_applicant: bool = False
    approver: Text | None = None
    tempo: Tempo = Tempo()
    windows: tuple[Window, ...] = Field(min_length=1)
    desks: tuple[Desk, ...] = Field(min_length=1)
    notice: Notice | None = None
    publications: tuple[Publication, ...] = ()
    results: Results
    implementation: Implementation
    objection_grounds: tuple[Key, ...] = ("reviewers_error", "plain_misreading", "office_error")
    follow_on: tuple[Key, ...] = ()
    adopts: tuple[AdoptedAt, ...] = ()
    """Stages at which it takes over projects that ran before it was kept here; none: it takes over none."""
    projects: tuple[Project, ...] = ()
    statistics: Statistics | None = None
    programmes: tuple[Programme, ...] = Field(min_length=1)
    ladders: tuple[Ladder, ...] = ()
    sources: dict[str, str] = {}
    assumed: tuple[str, ...] = ()

    @property
    def version(self) -> str:
        """The first twelve digits of the hash: enough to tell versions apart when people talk."""
        return edition_hash(self)[:12]

    @property
    def project_countries(self) -> tuple[str, ...]:
        """Codes of the countries that have a named project, sorted, each once."""
        return tuple(sorted({project.country for project in self.projects}))

    def programme(self, key: str) -> Programme:
        """The programme of this key.

        Raises:
            Unknown: the edition has none.
        """
        for programme in self.programmes:
            if programme.key == key:
                return programme
        known = ", ".join(programme.key for programme in self.programmes)
        raise Unknown(f"Edition {self.year} has no programme {key!r}; it has {known}.")

    def window(self, programme: Programme) -> Window:
        """The window in which applications to this programme are taken."""
        return next(window for window in self.windows if window.name == programme.window)

    def ladder(self, timer: str) -> Ladder | None:
        """The ladder of a timer; none: the edition does without it."""
        return next((ladder for ladder in self.ladders if ladder.timer == timer), None)

    def least_ahead(self, timer: str) -> timedelta:
        """How far ahead the date must lie at least that starts this timer; none, where the edition does without it."""
        ladder = self.ladder(timer)
        return timedelta(days=(ladder.due.days if ladder else None) or 0)

    def provenance(self, path: str) -> str:
        """Where a value comes from: its source, ``assumed``, or nothing when the file does not say.

        The longest path given in the file that leads to the value decides; in both lists, it is assumed in part.
        """
        parts = path.split(".")
        for length in range(len(parts), 0, -1):
            head = ".".join(parts[:length])
            given = [self.sources[head]] if head in self.sources else []
            if head in self.assumed:
                given.append("assumed in part" if given else "assumed")
            if given:
                return "; ".join(given)
        return ""


def edition_hash(edition: Edition) -> str:
    """SHA-256 of the edition as canonical JSON: sorted keys, no blanks, values that are not the default.

    Defaults are left out so that an optional field added later leaves the hash of every older edition as it was.
    """
    data = edition.model_dump(mode="json", exclude_defaults=True)
    written = json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(written.encode()).hexdigest()


def transformed(
    edition: Edition, *, starts_at: datetime, factor: int = 1, origin_at: datetime | None = None
) -> Edition:
    """The same edition at another tempo, for a rehearsal: nothing but ``tempo`` differs.

    Args:
        edition: The edition to rehearse.
        starts_at: What the clock shows when the rehearsal starts. Aware.
        factor: Seconds of business time for each second of the clock.
        origin_at: Business time at that moment; the first window's opening if not given. Aware.
    """
    origin_at = origin_at or min(window.opens_at for window in edition.windows)
    tempo = Tempo(starts_at=starts_at, origin_at=origin_at, factor=factor)
    return edition.model_copy(update={"tempo": tempo})


# --- paths: how values are named --------------------------------------------------------------------------------------


def name_of(item: Any, index: int) -> str:
    """How an item of a list is called in a path: by its key, name, timer or city, else by its place from 0."""
    if isinstance(item, dict):
        for field in ("key", "name", "timer", "city"):
            if isinstance(item.get(field), str):
                return str(item[field])
    return str(index)


def _leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    match value:
        case dict():
            for key, inner in value.items():
                yield from _leaves(inner, f"{path}.{key}" if path else key)
        case list() if any(isinstance(item, dict) for item in value):
            for index, item in enumerate(value):
                yield from _leaves(item, f"{path}.{name_of(item, index)}")
        case _:
            yield path, value


def values(edition: Edition) -> dict[str, Any]:
    """Every value the edition states, by path, as JSON has it; values left at their default are not stated."""
    return dict(_leaves(edition.model_dump(mode="json", exclude_unset=True, exclude={"sources", "assumed"})))


class Difference(NamedTuple):
    """A value that two editions do not share; None where one has none."""

    path: str
    old: Any
    new: Any


def differences(old: Edition, new: Edition) -> tuple[Difference, ...]:
    """What changed from one edition to another, stated or by default, in the order of the paths."""
    before, after = (
        dict(_leaves(edition.model_dump(mode="json", exclude={"sources", "assumed"}))) for edition in (old, new)
    )
    return tuple(
        Difference(path, before.get(path), after.get(path))
        for path in sorted(before | after)
        if before.get(path) != after.get(path)
    )
