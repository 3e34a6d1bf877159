"""What crosses a process boundary: commands, entries, receipts, workflow inputs and workflow ids.

All of it stands in histories for years: only optional fields are ever added. The gateway forbids
unknown fields (:func:`parse` with ``strict=True``); workflows ignore them. Instants are aware and kept in UTC,
in business time. Nothing here names a person: people are ids (``P-…``), free text is a salted commitment.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from datetime import date
from enum import StrEnum
from fractions import Fraction
from itertools import groupby
from typing import Annotated, Any, Literal, get_args

from pydantic import (
    Field,
    StrictInt,
    TypeAdapter,
    ValidationError,
)

from kcity_flow.domain.edition import Country, Edition, PartnerKind, PartyKind
from kcity_flow.domain.errors import Unreadable
from kcity_flow.domain.freeze import Freeze
from kcity_flow.domain.stages import Role, Stage, Via
from kcity_flow.domain.values import Day, Frozen, Instant, Krw

PAYLOAD_LIMIT = 256 * 1024
"""Bytes a command may have. A document is sent by its hash."""


RETIME = "retime"
"""The signal by which a rehearsal is given another tempo: no command, and unknown in earnest."""


Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Commitment = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$", description="salted SHA-256 of a text kept in the vault")]
PersonId = Annotated[str, Field(pattern=r"^P-[A-Z0-9-]{1,40}$")]
OrganisationId = Annotated[str, Field(pattern=r"^O-[A-Z0-9-]{1,40}$")]
PartyId = Annotated[str, Field(pattern=r"^[A-Z0-9-]{1,40}$")]
Ref = Annotated[str, Field(pattern=r"^KC\d{4}-[A-Z]{3}-\d{4,6}$")]
Code = Annotated[str, Field(pattern=r"^[a-z0-9_]{1,60}$")]
Month = Annotated[str, Field(pattern=r"^2[01][0-9]{2}-(0[1-9]|1[0-2])$", description="a month, such as 2021-10")]
Zone = Annotated[str, Field(pattern=r"^[A-Za-z0-9_+/-]{1,60}$", description="IANA, such as America/Lima")]
Score = Annotated[
    str, Field(pattern=r"^[0-9]{1,12}(/[1-9][0-9]{0,11})?$", description="an exact fraction, such as 241/3")
]


class Order(Frozen):
    """The edition's entry that decided what an application is told, and its two persons."""

    edition: int
    entry: int
    proposed_by: PersonId
    approved_by: PersonId


class By(Frozen):
    """Who commands, in what role, by which way."""

    person: str = Field(pattern=r"^(P-[A-Z0-9-]{1,40}|clock)$")
    role: Role
    via: Via = Via.UPDATE
    order: Order | None = None


CLOCK = By(person="clock", role=Role.CLOCK, via=Via.CLOCK)


_WRAPPING = {"id", "by", "evidence", "reason", "proposal"}


class Command(Frozen):
    """What every command carries.

    ``proposal`` names the ledger entry that a second person confirms; the rest must then equal it.
    ``evidence`` are hashes of documents.
    """

    id: str = Field(min_length=1, max_length=200)
    by: By
    evidence: tuple[Sha256, ...] = ()
    reason: Commitment | None = None
    proposal: int | None = None

    def substance(self) -> dict[str, Any]:
        """The command without who, when and why: what two persons must agree on."""
        return self.model_dump(mode="json", exclude=_WRAPPING)

    def stated(self) -> dict[str, Any]:
        """Of that, only what was said: a field that is added later stands in no older entry."""
        return self.model_dump(mode="json", exclude={*_WRAPPING, "trigger"}, exclude_unset=True, exclude_none=True)


# --- applications: what is received -----------------------------------------------------------------------------------


class Document(Frozen):
    """A document by what it is and the hash of its bytes."""

    kind: str = Field(pattern=r"^[a-z0-9_]+$", max_length=60)
    sha256: Sha256


class Partner(Frozen):
    """An organisation in the consortium beside the applicant, and what kind it is of the edition's."""

    organisation: OrganisationId
    kind: PartnerKind


class Applicant(Frozen):
    """Who applies: a central or local government, or a Korean organisation with a partner abroad.

    ``contact`` is a person in the vault; kinds are those of :class:`~kcity_flow.domain.edition.ApplicantKind`.
    """

    contact: PersonId
    organisation: OrganisationId
    kind: str
    country: str = Field(pattern=r"^[A-Z]{2}$", description="where the project's site is, ISO 3166-1")
    partners: tuple[Partner, ...] = ()

    def organisations(self) -> tuple[str, ...]:
        """Everybody who gains by the application: the applicant, then its partners."""
        return (self.organisation, *(partner.organisation for partner in self.partners))


class MatchingFund(Frozen):
    """Money the host government adds, in KRW, with its evidence.

    Where it is promised in another ``currency`` (ISO 4217): the exact ``amount`` of it, and the ``rate``, KRW for one
    unit, of the day ``rate_on``. ``krw`` is then their product, in whole KRW, a half rounded up.
    """

    krw: Krw
    sha256: Sha256
    amount: Annotated[str, Field(pattern=r"^[0-9]{1,15}(\.[0-9]{1,4})?$")] | None = None
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")] | None = None
    rate: Annotated[str, Field(pattern=r"^[0-9]{1,9}(\.[0-9]{1,9})?$")] | None = None
    rate_on: Day | None = None

    @property
    def converted(self) -> int | None:
        """What the amount comes to in KRW by its rate; nothing, if it was not promised in another currency."""
        if self.amount is None or self.rate is None:
            return None
        return math.floor(Fraction(self.amount) * Fraction(self.rate) + Fraction(1, 2))


class Receive(Command):
    """An application arrives."""

    trigger: Literal["receive"] = "receive"
    programme: str
    applicant: Applicant
    city: str = Field(max_length=120)
    title: str = Field(max_length=300)
    received_at: Instant
    channel: str
    documents: tuple[Document, ...] = ()
    matching: MatchingFund | None = None
    months: int | None = Field(default=None, ge=1, le=60, description="length of the work, months")
    site_kind: Code | None = None
    sector: Code | None = None
    freezes: tuple[Freeze, ...] = ()
    """Those of its country and of all, ended or not, as the edition has them."""


class Supersede(Command):
    """A newer version of the application's documents; the older one stays in the ledger."""

    trigger: Literal["supersede"] = "supersede"
    received_at: Instant
    channel: str
    documents: tuple[Document, ...]
    matching: MatchingFund | None = None
    months: int | None = Field(default=None, ge=1, le=60, description="length of the work, months")


class Plain(Command):
    """Commands that say nothing but that it happens."""

    trigger: Literal[
        "refuse_late", "defer", "acknowledge", "open_screening", "invite_to_consultation",
        "invite_to_presentation", "request_confirmation", "shortlist", "no_show", "expire",
        "open_framework", "complete_framework", "suspend", "resume", "accept_final", "withdraw_termination",
        "terminate", "withdraw", "cancel_award", "cancel_call", "lapse_clarification", "miss_date", "finish_round",
        "send_letter",
        "dismiss_objection", "set_terms", "open_bids", "flag", "publish_result",
        "reopen_screening", "reopen_review", "reopen_consultation", "reopen_presentation", "reopen_confirmation",
        "reopen_selection",
        "return_to_received", "return_to_screening", "return_to_paper_review", "return_to_consultation",
        "return_to_presentation", "return_to_confirmation", "return_to_shortlisted", "return_to_selected",
        "return_to_reserve", "return_to_framework", "return_to_procurement", "return_to_implementation",
        "return_to_suspended", "return_to_acceptance", "return_to_settlement", "return_to_ineligible",
        "return_to_not_selected",
    ]  # fmt: skip
    note: str | None = Field(default=None, pattern=r"^[a-z0-9_]{1,60}$", description="a code, never free text")


class PassScreening(Command):
    """The checklist with each eligibility item answered, and whether the documents are complete."""

    trigger: Literal["pass_screening"] = "pass_screening"
    answers: dict[str, bool]
    complete: bool


class DeclareIneligible(Command):
    """The eligibility item that is answered no."""

    trigger: Literal["declare_ineligible"] = "declare_ineligible"
    item: str


class Reject(Command):
    """Not selected on merit, with its ground.

    ``paper_rank`` is its rank by the paper review, where the ground is that it lies outside the invited number.
    """

    trigger: Literal["reject"] = "reject"
    ground: Literal["below_threshold", "outside_invited", "no_agreement", "refused"]
    paper_rank: int | None = Field(default=None, ge=1)


class Select(Command):
    """A place, with the award in KRW, and the rank and the score it was given by."""

    trigger: Literal["select", "promote"]
    krw: Krw
    rank: int = Field(ge=1)
    score: Score | None = None


class PlaceOnReserve(Command):
    """A line on the reserve, with the score it was given by."""

    trigger: Literal["place_on_reserve"] = "place_on_reserve"
    score: Score | None = None


class PassOver(Command):
    """Neither place nor reserve. ``last``: no higher a score, bonus included, comes after those that have either."""

    trigger: Literal["pass_over"] = "pass_over"
    last: Score | None = None


class FailFramework(Command):
    """Why no framework comes about: a party's written refusal, or the long-stop date."""

    trigger: Literal["fail_framework"] = "fail_framework"
    ground: Literal["party_refused", "long_stop"]


class AwardContract(Command):
    """The contract: its contractor, where that firm is seated, and the sum in KRW."""

    trigger: Literal["award_contract"] = "award_contract"
    contractor: str
    country: str = Field(pattern=r"^[A-Z]{2}$")
    krw: Krw


class FailProcurement(Command):
    """Why no contract comes about."""

    trigger: Literal["fail_procurement"] = "fail_procurement"
    ground: Literal["renotices_used_up", "money_withdrawn"]


class SubmitFinal(Command):
    """The final report with its deliverables."""

    trigger: Literal["submit_final"] = "submit_final"
    deliverables: tuple[Document, ...]


class ReturnFinal(Command):
    """What is missing from the final report."""

    trigger: Literal["return_final"] = "return_final"
    missing: tuple[Code, ...]


class Close(Command):
    """The end of the work: documents filed, result graded."""

    trigger: Literal["close"] = "close"
    grade: Literal["good", "fair", "poor"]
    filed: bool


class MergeDuplicate(Command):
    """The application that survives."""

    trigger: Literal["merge_duplicate"] = "merge_duplicate"
    survivor: Ref


class AskClarification(Command):
    """A question to the applicant; its text is in the vault."""

    trigger: Literal["ask_clarification"] = "ask_clarification"
    question: Commitment | None = None


class AnswerClarification(Command):
    """The applicant's answer, its text in the vault; documents that were missing join the file."""

    trigger: Literal["answer_clarification"] = "answer_clarification"
    answer: Commitment | None = None
    documents: tuple[Document, ...] = ()


JudgedStep = Literal["paper_review", "presentation"]
"""Steps that are judged by sheets."""


class Basis(Frozen):
    """Why the system proposed a reviewer: what can be computed again from the pool and the ledgers of that time.

    ``pool`` is the edition's entry that named the pool, ``at`` the business time up to which ledgers were read,
    ``expert`` whether the reviewer knows the application's subject, ``load`` how many seats they had, ``share`` how
    many each would have if all had as many.
    """

    pool: int
    at: Instant
    expert: bool
    load: int
    share: int


class AssignReviewer(Command):
    """A reviewer for a step that is judged by sheets; ``replaces`` names one who leaves.

    ``organisations`` are those the reviewer belongs to, as the gateway knows them now. Without a ``basis`` it is
    the desk's own choice.
    """

    trigger: Literal["assign_reviewer", "replace_reviewer"]
    reviewer: PersonId
    step: JudgedStep
    replaces: PersonId | None = None
    organisations: tuple[OrganisationId, ...] = ()
    basis: Basis | None = None


class ConflictKind(StrEnum):
    """What ties a reviewer to an application. More than the kind is nobody's business, and in no history."""

    EMPLOYMENT = "employment"
    CONSORTIUM = "consortium"
    ADVISER = "adviser"
    FAMILY = "family"
    RECENT = "recent"
    """One of these within the last three years."""


class DeclareConflict(Command):
    """A reviewer's own declaration, before any file opens; a conflict with its kind.

    ``reviewer`` is somebody else, of whom chair or head record a conflict that was not declared.
    """

    trigger: Literal["declare_conflict"] = "declare_conflict"
    step: JudgedStep
    conflict: bool
    kind: ConflictKind | None = None
    reviewer: PersonId | None = None
    organisations: tuple[OrganisationId, ...] = ()

    @property
    def concerns(self) -> str:
        """Whose conflict it is, or is not."""
        return self.reviewer or self.by.person


class SealSheet(Command):
    """A reviewer's scores, 0 to 100 per criterion of the programme, and the hash of their comment.

    ``step`` names an earlier step whose sheets no longer suffice; else it is the one the application stands on.
    """

    trigger: Literal["seal_sheet", "supersede_sheet"]
    scores: dict[str, StrictInt]
    comment: Sha256 | None = None
    step: JudgedStep | None = None
    organisations: tuple[OrganisationId, ...] = ()


class VoidSheet(Command):
    """A sheet that no longer counts, or one that is no longer awaited: its seat is given up."""

    trigger: Literal["void_sheet"] = "void_sheet"
    reviewer: PersonId
    step: JudgedStep


class Schedule(Command):
    """A date for a consultation or presentation, in the zone people will read it in; its agenda is the evidence.

    ``applicant`` and ``ministry`` name who comes from either side, ``minutes`` how long it lasts. Whether there is
    such a zone is the gateway's to say: machines and years differ in that, and a history must not.
    """

    trigger: Literal["schedule", "reschedule"]
    date_at: Instant
    zone: Zone | None = None
    minutes: int | None = Field(default=None, ge=5, le=600)
    applicant: tuple[PersonId, ...] = ()
    ministry: tuple[PersonId, ...] = ()


class Hold(Command):
    """The meeting took place; who was there, where that differs from who was to come."""

    trigger: Literal["hold"] = "hold"
    present: tuple[PersonId, ...] = ()


class AgreeMinutes(Command):
    """One side agrees the minutes of a round; at the last round the scope as well. Its last word counts."""

    trigger: Literal["agree_minutes"] = "agree_minutes"
    side: Literal["applicant", "ministry"]
    minutes: Sha256
    scope_agreed: bool = False


class RecordConfirmation(Command):
    """The counterpart's letter."""

    trigger: Literal["record_confirmation"] = "record_confirmation"
    agreed: bool


class Object(Command):
    """An objection to the last decision, on one of the edition's grounds.

    ``received_at`` is when it arrived, where it is booked later.
    """

    trigger: Literal["object"] = "object"
    ground: Code
    received_at: Instant | None = None


class UpholdObjection(Command):
    """The objection stands: the step in error is named, and may be reopened."""

    trigger: Literal["uphold_objection"] = "uphold_objection"
    step: Literal["screening", "paper_review", "consultation", "presentation", "confirmation", "shortlisted"]


class ListParty(Command):
    """A party to the cooperation framework and the person who signs for it."""

    trigger: Literal["list_party"] = "list_party"
    party: PartyId
    kind: PartyKind
    signatory: PersonId


class StrikeParty(Command):
    """A party that is no longer to sign."""

    trigger: Literal["strike_party"] = "strike_party"
    party: PartyId


class ReplaceSignatory(Command):
    """Another person signs for a party; the letter that names them is the evidence."""

    trigger: Literal["replace_signatory"] = "replace_signatory"
    party: PartyId
    signatory: PersonId


class TableText(Command):
    """A text of the framework for signature: the hash of the document. Texts are numbered from 1, in order."""

    trigger: Literal["table_text"] = "table_text"
    text: Sha256


class NegotiateText(Command):
    """A round of negotiation: the party that asked for a change of the text, who took part, and the minutes.

    ``held_on`` is a date in the edition's zone.
    """

    trigger: Literal["negotiate_text"] = "negotiate_text"
    party: PartyId
    took_part: tuple[PartyId, ...] = Field(min_length=1)
    held_on: Day
    minutes: Sha256


class SignParty(Command):
    """A listed party signs, or accedes later (the contractor). The signed page is the evidence.

    ``text`` is the hash of what it signs, ``signed_on`` the date on the page, in the edition's zone.
    """

    trigger: Literal["sign", "accede"]
    party: str
    text: Sha256
    signed_on: Day


class RefuseSignature(Command):
    """A party will not sign: its signatory says so, or the desk by its written refusal."""

    trigger: Literal["refuse_signature"] = "refuse_signature"
    party: PartyId


class ExtendSignature(Command):
    """A later last day for signing, in the edition's zone; the long-stop keeps its distance from it.

    ``missing`` are all who have not signed: parties by their names, and kinds of which none is listed yet.
    """

    trigger: Literal["extend_signature"] = "extend_signature"
    signs_by: Day
    missing: tuple[str, ...]


class AgreeTerms(Command):
    """The applicant agrees the terms of the procurement, named by the hash of their document."""

    trigger: Literal["agree_terms"] = "agree_terms"
    terms: Sha256


class PublishNotice(Command):
    """A procurement notice and the first instant at which a bid is too late."""

    trigger: Literal["publish_notice", "renotice"]
    closes_at: Instant


class AskQuestion(Command):
    """A bidder's question about the notice, its text in the vault; ``received_at`` as of a bid."""

    trigger: Literal["ask_question"] = "ask_question"
    bidder: OrganisationId
    question: Commitment
    received_at: Instant | None = None


class AnswerQuestion(Command):
    """The answer to the question of this number, from 1 in each notice; its text is in the vault."""

    trigger: Literal["answer_question"] = "answer_question"
    number: int = Field(ge=1)
    answer: Commitment


class ReceiveBid(Command):
    """A sealed bid by its hash; a bidder's later one takes its place. ``contact``: who has the bidder's letters.

    ``received_at`` is when it arrived, where it is booked later.
    """

    trigger: Literal["receive_bid"] = "receive_bid"
    bidder: OrganisationId
    sealed: Sha256
    received_at: Instant | None = None
    contact: PersonId | None = None


class WithdrawBid(Command):
    """A bidder takes its bid back, in writing; ``received_at`` as of a bid."""

    trigger: Literal["withdraw_bid"] = "withdraw_bid"
    bidder: OrganisationId
    received_at: Instant | None = None


class NameCommittee(Command):
    """Who evaluates the bids; it takes the place of the committee before."""

    trigger: Literal["name_committee"] = "name_committee"
    members: tuple[PersonId, ...]


class DeclareBidConflict(Command):
    """A member's own declaration, before any bid is evaluated; a conflict with its kind, and with which bidder.

    Without a ``bidder`` it is one with the applicant.
    """

    trigger: Literal["declare_bid_conflict"] = "declare_bid_conflict"
    conflict: bool
    kind: ConflictKind | None = None
    bidder: OrganisationId | None = None
    organisations: tuple[OrganisationId, ...] = ()


class RecordBid(Command):
    """What an opened bid says: its price in KRW and where the bidder is seated; ``document`` is the sealed hash."""

    trigger: Literal["record_bid"] = "record_bid"
    bidder: OrganisationId
    document: Sha256
    krw: Krw
    country: str = Field(pattern=r"^[A-Z]{2}$")


class Verdict(Frozen):
    """What a bid was found to be: valid with its points, price among them, of 100; or not, and on what ground."""

    bidder: OrganisationId
    valid: bool
    points: int | None = Field(default=None, ge=0, le=100)
    ground: Code | None = None


class EvaluateBids(Command):
    """The committee's word on every bid, and the order of the valid ones, the best first."""

    trigger: Literal["evaluate_bids"] = "evaluate_bids"
    verdicts: tuple[Verdict, ...]
    order: tuple[OrganisationId, ...]


class RecordNegotiation(Command):
    """How the negotiation with the first in the order ended, and the agreed price in KRW. Its minutes are evidence."""

    trigger: Literal["record_negotiation"] = "record_negotiation"
    bidder: OrganisationId
    agreed: bool
    krw: Krw | None = None


class AnnounceAward(Command):
    """Every bidder is told who is to be the contractor."""

    trigger: Literal["announce_award"] = "announce_award"
    contractor: OrganisationId


class Complain(Command):
    """A bidder's complaint against the announced award, on one of the programme's grounds; in writing.

    ``received_at`` is when it arrived, where it is booked later.
    """

    trigger: Literal["complain"] = "complain"
    bidder: OrganisationId
    ground: Code
    received_at: Instant | None = None


class DecideComplaint(Command):
    """Upheld, the bids are evaluated anew; dismissed, the award stands."""

    trigger: Literal["uphold_complaint", "dismiss_complaint"]
    bidder: OrganisationId


class ReduceAward(Command):
    """A smaller award, in KRW."""

    trigger: Literal["reduce_award"] = "reduce_award"
    krw: Krw


class Extend(Command):
    """A later end of the work, for a reason the edition knows."""

    trigger: Literal["extend"] = "extend"
    ends_on: Day
    ground: str


class Milestone(Frozen):
    """A part of the work: when it is due, in the edition's zone, what it is worth, and the deliverables it rests on."""

    key: Code
    due_on: Day
    krw: Krw
    deliverables: tuple[Code, ...] = ()


class SetPlan(Command):
    """The whole plan of the work, in order; its last milestone is the final report."""

    trigger: Literal["set_plan", "change_scope"]
    milestones: tuple[Milestone, ...] = Field(min_length=1, max_length=60)


class AcceptPlan(Command):
    """The plan that is accepted, by the entry that set it."""

    trigger: Literal["accept_plan"] = "accept_plan"
    plan: int = Field(ge=1)


class Report(Command):
    """A report on a month, by the hash of its document; the one at half of the work is an interim report.

    ``milestone`` is one that the contractor says is reached, with the deliverables that it rests on.
    """

    trigger: Literal["report"] = "report"
    kind: Literal["monthly", "interim"]
    month: Month
    document: Sha256
    milestone: Code | None = None
    deliverables: tuple[Document, ...] = ()


class VisitSite(Command):
    """A visit to the site: its day, its minutes, and who was there."""

    trigger: Literal["visit_site"] = "visit_site"
    done_on: Day
    minutes: Sha256
    present: tuple[PersonId, ...] = Field(min_length=1)


class AcceptMilestone(Command):
    """The milestone that was reached; the evidence shows it."""

    trigger: Literal["accept_milestone"] = "accept_milestone"
    milestone: Code


class ApproveSubcontract(Command):
    """A firm that does part of the contractor's work, where it is seated, and for how much."""

    trigger: Literal["approve_subcontract"] = "approve_subcontract"
    firm: OrganisationId
    country: Country
    krw: Krw


class MakeClaim(Command):
    """A claim for all or part of an accepted milestone: its number, the sum, and who is to be paid."""

    trigger: Literal["claim"] = "claim"
    claim: int = Field(ge=1)
    milestone: Code
    krw: int = Field(ge=1, description="South Korean won")
    payee: OrganisationId
    country: Country


class DecideClaim(Command):
    """The claim that is accepted or rejected, by its number."""

    trigger: Literal["accept_claim", "reject_claim"]
    claim: int = Field(ge=1)


class Pay(Command):
    """The accepted claim that was paid, in full, and on which day; the evidence is the bank's."""

    trigger: Literal["pay"] = "pay"
    claim: int = Field(ge=1)
    done_on: Day


class ReplaceContractor(Command):
    """Another contractor for the rest of the work, after a default: what it gets, and what the first one does.

    ``paid_krw`` is what was paid so far, ``due_krw`` what was accepted and is still to be paid.
    """

    trigger: Literal["replace_contractor"] = "replace_contractor"
    contractor: str
    country: Country
    krw: Krw
    paid_krw: Krw
    due_krw: Krw


class AgreeAcceptance(Command):
    """One side agrees the minutes of the acceptance: the secretariat, or the host government."""

    trigger: Literal["agree_acceptance"] = "agree_acceptance"
    minutes: Sha256


class RecordSettlement(Command):
    """The sums, in KRW: paid so far, accepted and still due to the contractor, and to be refunded by it."""

    trigger: Literal["record_settlement"] = "record_settlement"
    paid_krw: Krw = 0
    due_krw: Krw = 0
    refund_krw: Krw = 0


class Recover(Command):
    """A refund that came in, and on which day."""

    trigger: Literal["recover"] = "recover"
    krw: int = Field(ge=1, description="South Korean won")
    done_on: Day


class WriteOff(Command):
    """A refund that will not come in any more."""

    trigger: Literal["write_off"] = "write_off"
    krw: int = Field(ge=1, description="South Korean won")


class NotifyTermination(Command):
    """Notice of termination; it may take effect at ``ends_at``."""

    trigger: Literal["notify_termination"] = "notify_termination"
    ends_at: Instant


class _BecameOfIt(Command):
    """What became of the project: of what kind it is, how far it has come, with whom, for how much.

    ``kind`` is one of the edition's; ``partners`` are organisations, a development bank among them; ``krw`` where the
    sum is known.
    """

    kind: Code
    status: Literal["proposed", "agreed", "declined"]
    partners: tuple[OrganisationId, ...] = ()
    krw: Krw | None = None


class FollowUp(_BecameOfIt):
    """What became of the project afterwards."""

    trigger: Literal["follow_up"] = "follow_up"


class SupersedeFollowUp(_BecameOfIt):
    """The same anew, in place of the record of entry ``supersedes``, which was wrong."""

    trigger: Literal["supersede_follow_up"] = "supersede_follow_up"
    supersedes: int = Field(ge=1)


class AdoptedParty(Frozen):
    """A party to the framework of a project that is adopted, and the day on which it signed, if it has."""

    party: str = Field(pattern=r"^[A-Z0-9-]{1,40}$")
    kind: PartyKind
    signatory: PersonId
    signed_on: Day | None = None


class AdoptedContract(Frozen):
    """Its contract: with whom, how much in KRW, and who signed the framework for the contractor, and when.

    ``country`` is the contractor's; what was adopted before it was asked for has none.
    """

    contractor: OrganisationId
    krw: Krw
    signatory: PersonId
    signed_on: Day
    country: Country | None = None


class _Running(Command):
    """A project that runs already, as far as the stage it stands at needs it to be known.

    ``since`` is the day on which it came there, ``ends_on`` that on which the work is to end, both in the edition's
    zone; ``krw`` the award, ``paid_krw`` what was paid of the contract so far, ``framework`` the text that was signed.
    """

    programme: str
    applicant: Applicant
    city: str = Field(max_length=120)
    title: str = Field(max_length=300)
    since: Day
    krw: Krw
    months: int | None = Field(default=None, ge=1, le=60, description="length of the work, months")
    parties: tuple[AdoptedParty, ...] = ()
    framework: Sha256 | None = None
    contract: AdoptedContract | None = None
    paid_krw: Krw = 0
    ends_on: Day | None = None
    deliverables: tuple[Document, ...] = ()
    settled: bool = False
    grade: Literal["good", "fair", "poor"] | None = None


class AdoptAt(_Running):
    """Adopted at the stage that its name says, in the place of this rank."""

    trigger: Literal[
        "adopt_at_framework", "adopt_at_procurement", "adopt_at_implementation", "adopt_at_suspended",
        "adopt_at_acceptance", "adopt_at_settlement", "adopt_at_closed",
    ]  # fmt: skip
    rank: int = Field(ge=1)
    freezes: tuple[Freeze, ...] = ()


class HandleProposal(Command):
    """What ends a waiting proposal, ``proposal`` naming it."""

    trigger: Literal["refuse_proposal", "retract_proposal", "lapse_proposal"]


class Correct(Command):
    """A superseding entry: entry ``supersedes`` was wrong in ``field``; ``value`` is what it should say."""

    trigger: Literal["correct"] = "correct"
    supersedes: int = Field(ge=1)
    field: str = Field(pattern=r"^[a-z_.]{1,80}$")
    value: str = Field(max_length=300)


class FreezeOrder(Command):
    """It rests, with all or with its country, from ``from_at`` on."""

    trigger: Literal["freeze"] = "freeze"
    countries: tuple[Country, ...] = ()
    from_at: Instant


class UnfreezeOrder(Command):
    """What let it rest was lifted at ``thawed_at``."""

    trigger: Literal["unfreeze"] = "unfreeze"
    countries: tuple[Country, ...] = ()
    thawed_at: Instant


ApplicationCommand = Annotated[
    Receive | Supersede | Plain | PassScreening | DeclareIneligible | Reject | Select | PlaceOnReserve | PassOver
    | FailFramework | AwardContract | FailProcurement | SubmitFinal | ReturnFinal | Close | MergeDuplicate
    | AskClarification | AnswerClarification | AssignReviewer | DeclareConflict | SealSheet | VoidSheet | Schedule
    | Hold | AgreeMinutes | RecordConfirmation | Object | UpholdObjection | ListParty | StrikeParty
    | ReplaceSignatory | TableText | NegotiateText | SignParty | RefuseSignature | ExtendSignature | AgreeTerms
    | PublishNotice | AskQuestion | AnswerQuestion | ReceiveBid | WithdrawBid | NameCommittee | DeclareBidConflict
    | RecordBid | EvaluateBids | RecordNegotiation | AnnounceAward | Complain | DecideComplaint | ReduceAward
    | SetPlan | AcceptPlan | Report | VisitSite | AcceptMilestone | ApproveSubcontract | MakeClaim | DecideClaim | Pay
    | Extend | ReplaceContractor | NotifyTermination | AgreeAcceptance | RecordSettlement | Recover | WriteOff
    | FollowUp | SupersedeFollowUp | AdoptAt | HandleProposal | Correct | FreezeOrder | UnfreezeOrder,
    Field(discriminator="trigger"),
]  # fmt: skip


# --- editions ---------------------------------------------------------------------------------------------------------


class PlainEdition(Command):
    """Edition commands that say nothing but that it happens."""

    trigger: Literal["open_call", "close_intake", "flag"]
    note: str | None = Field(default=None, pattern=r"^[a-z0-9_]{1,60}$", description="a code, never free text")


class Reviewer(Frozen):
    """Somebody of the reviewers' pool: whom they belong to, what they know, and how many applications they take."""

    person: PersonId
    organisations: tuple[OrganisationId, ...] = ()
    expertise: tuple[Code, ...] = ()
    capacity: int = Field(default=50, ge=1)


class NameReviewers(Command):
    """The pool from which reviewers are proposed; it replaces the one named before."""

    trigger: Literal["name_reviewers"] = "name_reviewers"
    reviewers: tuple[Reviewer, ...] = Field(min_length=1)


class PreviousResult(Frozen):
    """The closed project that a preference rests on: how it was graded, by which entry, and that entry's hash."""

    ref: Ref
    grade: str
    entry: int = Field(ge=1)
    hash: Sha256


class Choice(Frozen):
    """A place, or a line on the reserve: the award in KRW, the rank, and the organisation it goes to.

    ``score``, ``bonus`` and ``decided_by`` say how the ranking came to that rank, and ``previous`` what it was
    preferred for.
    """

    ref: Ref
    krw: Krw
    rank: int = Field(ge=1)
    organisation: str
    country: str = Field(pattern=r"^[A-Z]{2}$")
    score: Score | None = None
    bonus: int | None = None
    decided_by: str | None = None
    previous: PreviousResult | None = None

    @property
    def points(self) -> Fraction | None:
        """Score and bonus: what ranks it."""
        return None if self.score is None else Fraction(self.score) + (self.bonus or 0)


class DecideSelection(Command):
    """The decision on one programme: places, and the whole reserve as it stands afterwards. The rest is passed over.

    ``ranking`` is everybody decided on and everybody on the reserve, the best first, whatever the committee then made
    of it; ``voted`` are those whose order among equals is its minuted vote. ``equals`` are those whom neither a rule
    nor a vote tells apart: in the ranking the place of the first, from 1, and how many. ``left_out`` are those of the
    programme that wait for a decision, or on the reserve, and are not ranked, as the register has them; ``tied`` is
    whoever is in conflict with any that wait.
    """

    trigger: Literal["decide_selection"] = "decide_selection"
    programme: str
    ranking: tuple[Ref, ...]
    selected: tuple[Choice, ...]
    reserve: tuple[Choice, ...] = ()
    voted: tuple[Ref, ...] = ()
    equals: tuple[tuple[StrictInt, StrictInt], ...] = ()
    left_out: tuple[Ref, ...] = ()
    tied: tuple[PersonId, ...] = ()
    over_quota_reason: Commitment | None = None

    @property
    def passed_over(self) -> tuple[str, ...]:
        """Whoever is ranked and has neither a place nor a line on the reserve, in the order of the ranking."""
        chosen = {choice.ref for choice in (*self.selected, *self.reserve)}
        return tuple(ref for ref in self.ranking if ref not in chosen)


class PublishResults(Command):
    """Publish every decision at one instant. ``refs``: whose result stands untold, by the register."""

    trigger: Literal["publish_results"] = "publish_results"
    refs: tuple[Ref, ...]


class NominateNext(Command):
    """A place, or money, has come free: the clock names who is next on the reserve. The ministry promotes."""

    trigger: Literal["nominate_next"] = "nominate_next"
    programme: str
    ref: Ref


class PromoteNext(Command):
    """A free place goes to the reserve. ``reason`` is for passing over whoever stands first.

    ``tied`` is whoever is in conflict with the application, as the register has them.
    """

    trigger: Literal["promote_next"] = "promote_next"
    ref: Ref
    krw: Krw
    tied: tuple[PersonId, ...] = ()
    over_quota_reason: Commitment | None = None


class CancelAward(Command):
    """Take an award back before the framework opens."""

    trigger: Literal["cancel_award"] = "cancel_award"
    ref: Ref


class CancelCall(Command):
    """Cancel the call for some countries, programmes or all; ``refs`` are the applications it meets."""

    trigger: Literal["cancel_call"] = "cancel_call"
    countries: tuple[str, ...] = ()
    programmes: tuple[str, ...] = ()
    refs: tuple[Ref, ...]


class _Counted(Command):
    """``refs`` are the applications it meets, as the register has them when it takes effect: nobody agrees on them."""

    countries: tuple[Country, ...] = ()
    refs: tuple[Ref, ...] = ()

    def substance(self) -> dict[str, Any]:
        """What two persons agree on: whoever arrived since is met as well."""
        return {name: value for name, value in super().substance().items() if name != "refs"}


class FreezeEdition(_Counted):
    """All applications of some countries, or of all if none is named, rest from ``from_at`` on, or from now."""

    trigger: Literal["freeze"] = "freeze"
    from_at: Instant | None = None


class UnfreezeEdition(_Counted):
    """The end of a freeze of the countries that are named, or of that of all."""

    trigger: Literal["unfreeze"] = "unfreeze"


class OrderReturn(Command):
    """Undo an application's last move where it took or freed a place. ``to`` is the stage it goes back to."""

    trigger: Literal["order_return"] = "order_return"
    ref: Ref
    to: Stage
    over_quota_reason: Commitment | None = None


class ReleasePlace(Command):
    """An application has let go of its place, or of its line on the reserve.

    With ``reserve`` it stands on the reserve again, as it did before it was promoted; with ``krw`` it keeps its
    place, at that smaller award.
    """

    trigger: Literal["release_place"] = "release_place"
    ref: Ref
    reserve: bool = False
    krw: Krw | None = None


class Adopt(_Running):
    """Take over a project that runs already, at the stage it stands at: it gets a place, a number and a file."""

    trigger: Literal["adopt"] = "adopt"
    ref: Ref
    stage: Stage
    over_quota_reason: Commitment | None = None

    @property
    def project(self) -> str:
        """What makes two adoptions the same project: programme, applicant and city."""
        return f"{self.programme}/{self.applicant.organisation}/{self.city.casefold()}"


class CloseEdition(Command):
    """The end of the edition; ``open_applications`` as the register counts them."""

    trigger: Literal["close_edition"] = "close_edition"
    open_applications: int = Field(ge=0)


EditionCommand = Annotated[
    PlainEdition | NameReviewers | DecideSelection | PublishResults | NominateNext | PromoteNext | CancelAward
    | CancelCall | OrderReturn | ReleasePlace | Adopt | CloseEdition | HandleProposal | Correct | FreezeEdition
    | UnfreezeEdition,
    Field(discriminator="trigger"),
]  # fmt: skip

_PARSERS: dict[str, TypeAdapter[Any]] = {
    "application": TypeAdapter(ApplicationCommand),
    "edition": TypeAdapter(EditionCommand),
}


def _models(union: Any) -> dict[str, type[Command]]:
    return {
        trigger: model
        for model in get_args(get_args(union)[0])
        for trigger in get_args(model.model_fields["trigger"].annotation)
    }


APPLICATION_COMMANDS = _models(ApplicationCommand)
"""Trigger → the model of its command. Forms, help and completions are made from these."""

EDITION_COMMANDS = _models(EditionCommand)


def parse(kind: Literal["application", "edition"], trigger: str, data: Any) -> Any:
    """Read a command by its name.

    Args:
        kind: Whose command it is.
        trigger: The command's name: that of the update or signal.
        data: The payload, already decoded from JSON.

    Raises:
        Unreadable: with each field at fault.
    """
    known = APPLICATION_COMMANDS if kind == "application" else EDITION_COMMANDS
    if trigger not in known:
        raise Unreadable(trigger, "there is no command of that name")
    if not isinstance(data, dict):
        raise Unreadable(trigger, f"its payload is {type(data).__name__}, not an object")
    try:
        return _PARSERS[kind].validate_python({**data, "trigger": trigger})
    except ValidationError as error:
        raise Unreadable(trigger, explain(error)) from None


FAULTS_TOLD = 5
"""More than these are counted."""


def explain(error: ValidationError) -> str:
    """Each fault of a pydantic error, with its field, in one line."""
    faults, found = [], error.errors(include_url=False, include_input=False)
    for fault in found[:FAULTS_TOLD]:
        where = ".".join(str(part) for part in fault["loc"][1:] or fault["loc"])
        faults.append(f"{where[:100]}: {fault['msg'][:200]}")
    if len(found) > FAULTS_TOLD:
        faults.append(f"and {len(found) - FAULTS_TOLD} more")
    return "; ".join(faults)


def unknown_fields(trigger: str, kind: Literal["application", "edition"], data: dict[str, Any]) -> list[str]:
    """Fields of ``data`` that the command's model does not have; the gateway refuses them, workflows ignore them."""
    known = (APPLICATION_COMMANDS if kind == "application" else EDITION_COMMANDS)[trigger].model_fields
    return sorted(set(data) - set(known))


# --- what a command becomes -------------------------------------------------------------------------------------------


class Outcome(StrEnum):
    """What became of a command."""

    MADE = "made"
    PROPOSED = "proposed"
    REFUSED = "refused"


class Refused(Frozen):
    """A refusal as it stands in the ledger."""

    code: str
    guard: str = ""
    missing: str = ""


class Entry(Frozen):
    """One line of the ledger. ``at`` is business time, ``recorded_at`` the workflow's clock; both UTC.

    ``hash`` seals it (:func:`~kcity_flow.domain.ledger.entry_hash`), ``previous`` is the hash of the entry before.
    """

    subject: str
    number: int
    command: str
    outcome: Outcome
    source: str
    dest: str
    person: str
    role: str
    via: Via
    command_id: str
    at: Instant
    recorded_at: Instant
    data: dict[str, Any] = {}
    evidence: tuple[str, ...] = ()
    reason: str | None = None
    proposal: int | None = None
    supersedes: int | None = None
    order: Order | None = None
    refused: Refused | None = None
    previous: str
    hash: str = ""


class Receipt(Frozen):
    """The answer to a command that was made or proposed. ``repeated``: it had been, under the same id, before."""

    subject: str
    trigger: str = ""
    entry: int
    outcome: Outcome
    stage: str
    hash: str
    repeated: bool = False
    meets: int | None = None
    """How many applications an edition's decision names."""


class Moved(Frozen):
    """A deadline that rests, or that has moved: its timer, when it was due, and when it is now."""

    timer: str
    was: Instant
    due_at: Instant | None = None


class Letter(Frozen):
    """A letter due: what it is about and to whom; its text is made when it is written to the outbox.

    ``key`` never repeats. ``to`` is a person's id or a role of the desk's. ``grounds`` are those on which the decision
    it tells may be objected to; ``dates`` those that it tells of; ``bidders`` those whose bids are to be evaluated.
    """

    key: str
    subject: str
    template: str
    to: str
    about: int
    due_at: Instant | None = None
    grounds: tuple[str, ...] = ()
    dates: tuple[Moved, ...] = ()
    bidders: tuple[OrganisationId, ...] = ()


class Waiting(Frozen):
    """What waits for somebody: a proposal for its second person, or a deadline that runs or was missed.

    ``what`` is the proposal's trigger or the timer's name, ``entry`` the proposal's or the one that armed the timer.
    ``to`` and ``escalates_to`` are roles or people's ids; nobody, if only the clock has something to do. ``but`` may
    not confirm: the proposer.
    """

    what: str
    entry: int
    since: Instant
    due_at: Instant | None = None
    to: tuple[str, ...] = ()
    escalates_to: tuple[str, ...] = ()
    but: str = ""
    proposal: bool = False


class View(Frozen):
    """How an application or edition stands, for lists: the register's row."""

    subject: str
    edition: int
    stage: str
    since: Instant
    programme: str = ""
    country: str = ""
    city: str = ""
    title: str = ""
    contact: str = ""
    organisation: str = ""
    waits_on: str = ""
    next_timer: str = ""
    next_due_at: Instant | None = None
    waiting_proposals: tuple[int, ...] = ()
    waiting: tuple[Waiting, ...] = ()
    krw: int | None = None
    scores: dict[str, str] = {}
    sheets: int = 0
    paper_score: str = ""
    """The exact mean of its paper review, once every sheet that is awaited is in."""
    reviewers: tuple[str, ...] = ()
    """Who has a seat and no conflict."""
    barred: tuple[str, ...] = ()
    """Who is in conflict: by a declaration, or by an organisation."""
    unsealed: tuple[str, ...] = ()
    """Who has a seat and no conflict, and has yet to seal a sheet."""
    evaluators: tuple[str, ...] = ()
    """Who sits on the committee that evaluates the bids, as long as that lasts, and has declared no conflict."""
    matching_krw: int = 0
    matching: MatchingFund | None = None
    """As it was promised, where it was."""
    published: bool = False
    """Whether its result is."""
    frozen: dict[str, int] = {}
    """What it rests for, its country or all, and the edition's entry that said so."""
    frozen_since: Instant | None = None
    adopted: bool = False
    """Whether it ran before its edition was kept here."""
    closed: bool = False
    entries: int
    head: str


class Batch(Frozen):
    """What the register is told at once: new entries in full, the letters they call for, and the view after them."""

    entries: tuple[Entry, ...]
    letters: tuple[Letter, ...]
    view: View


class StartApplication(Frozen):
    """Input of an application's workflow: the rules it is judged by, by value, and what a continued run carries."""

    ref: Ref
    edition: Edition
    edition_hash: str
    days_off: tuple[date, ...] = ()
    file: dict[str, Any] | None = None


class StartEdition(Frozen):
    """Input of an edition's workflow."""

    edition: Edition
    edition_hash: str
    days_off: tuple[date, ...] = ()
    file: dict[str, Any] | None = None


class SameOrder(Frozen):
    """Applications that are told the same, ``common``; ``data`` holds only what is one's own, such as a rank."""

    trigger: str
    refs: tuple[Ref, ...]
    common: dict[str, Any] = {}
    data: dict[Ref, dict[str, Any]] = {}


def told_the_same(commands: Iterable[tuple[Ref, str, dict[str, Any]]]) -> tuple[SameOrder, ...]:
    """Commands in order, those beside each other that say the same as one."""
    told = []
    for trigger, some in groupby(commands, key=lambda command: command[1]):
        data = {ref: fields for ref, _, fields in some}
        first = next(iter(data.values()))
        common = {name: value for name, value in first.items() if all(f.get(name) == value for f in data.values())}
        own = {ref: {n: v for n, v in fields.items() if n not in common} for ref, fields in data.items()}
        own = {ref: fields for ref, fields in own.items() if fields}
        told.append(SameOrder(trigger=trigger, refs=tuple(data), common=common, data=own))
    return tuple(told)


class OrderBatch(Frozen):
    """What an edition's entry tells applications, at most one command each.

    Ten thousand have to fit into one payload: what is the same for all stands here once. ``gives`` names those that
    the edition counts from now on; who refuses is counted as before. ``silences`` counts how often those it names were
    told in vain, or had to wait for an earlier order.
    """

    edition: int
    entry: int
    by: By
    reason: Commitment | None = None
    orders: tuple[SameOrder, ...]
    gives: tuple[Ref, ...] = ()
    silences: int = 0

    @property
    def commands(self) -> list[tuple[Ref, str, dict[str, Any]]]:
        """Every command in order, in full: (reference number, trigger, data)."""
        wrapping = {"by": self.by.model_dump(mode="json"), "reason": self.reason}
        return [
            (ref, same.trigger, {**same.common, **same.data.get(ref, {}), **wrapping})
            for same in self.orders
            for ref in same.refs
        ]

    def __len__(self) -> int:
        """How many are told."""
        return sum(len(same.refs) for same in self.orders)

    @property
    def refs(self) -> list[Ref]:
        """Who is told, in order."""
        return [ref for same in self.orders for ref in same.refs]

    def only(self, refs: Iterable[Ref], silences: int) -> OrderBatch:
        """The same for these alone, in this order."""
        told = {
            ref: (ref, same.trigger, {**same.common, **same.data.get(ref, {})})
            for same in self.orders
            for ref in same.refs
        }
        orders = told_the_same(told[ref] for ref in refs)
        return self.model_copy(update={"orders": orders, "silences": silences})

    def command_id(self, ref: Ref, trigger: str) -> str:
        """One command's id: it follows from what was decided, so that it never changes."""
        return f"edition/{self.edition}/{self.entry}/{ref}/{trigger}"


class OrderResult(Frozen):
    """Who refused an edition's order, by the refusal's code, and who is still to be told, last those who are silent."""

    refusals: dict[str, tuple[Ref, ...]] = {}
    untold: tuple[Ref, ...] = ()


def application_id(ref: str) -> str:
    """Workflow id of an application."""
    return f"application/{ref}"


def edition_id(year: int) -> str:
    """Workflow id of an edition."""
    return f"edition/{year}"


def canonical(value: Any) -> str:
    """JSON with sorted keys and no blanks: what is hashed."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
