"""A case file in a test's hand: people who act, a clock that is wound by hand, and a way to every stage."""

from datetime import date, datetime, timedelta
from functools import cache
from typing import Any, Self
from zoneinfo import ZoneInfo

from kcity_flow.adapters.edition_files import read_edition
from kcity_flow.domain import agenda
from kcity_flow.domain import messages as m
from kcity_flow.domain.casefile import ApplicationFile, EditionFile
from kcity_flow.domain.edition import Edition
from kcity_flow.domain.messages import By, Entry, Letter, Order, Receipt
from kcity_flow.domain.moves import BY_TRIGGER, EDITION_BY_TRIGGER
from kcity_flow.domain.stages import Role, Stage, Via

SEOUL = ZoneInfo("Asia/Seoul")
HASH, REASON = "a" * 64, "b" * 64
REVIEWERS = [f"P-REV-{n}" for n in range(1, 8)]
EVALUATORS = ("P-EVAL-1", "P-EVAL-2", "P-EVAL-3")
"""The committee that evaluates bids."""
PATH = (
    Stage.RECEIVED, Stage.SCREENING, Stage.PAPER_REVIEW, Stage.CONSULTATION, Stage.PRESENTATION, Stage.CONFIRMATION,
    Stage.SHORTLISTED, Stage.SELECTED, Stage.FRAMEWORK, Stage.PROCUREMENT, Stage.IMPLEMENTATION, Stage.ACCEPTANCE,
    Stage.SETTLEMENT, Stage.CLOSED,
)  # fmt: skip


def seoul(*parts: int) -> datetime:
    """An instant in Seoul."""
    return datetime(*parts, tzinfo=SEOUL)  # type: ignore[arg-type]  # parts are those of a datetime


@cache
def rules(name: str) -> Edition:
    """A shipped edition."""
    return read_edition(name)


@cache
def korean_days_off() -> tuple[Any, ...]:
    """Korea's public holidays in the years of the shipped editions."""
    return agenda.days_off(("KR",), range(2020, 2034))


def person_of(role: Role, second: bool = False) -> str:
    """Who acts in a role, and the other one who may."""
    if role is Role.APPLICANT:
        return "P-MAYOR"
    return "clock" if role is Role.CLOCK else f"P-{role.upper().replace('_', '-')}{'-2' if second else ''}"


class _Bench:
    """What a case and a call have in common."""

    file: Any
    kind: Any
    rows: Any
    now: datetime

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.letters: list[Letter] = []
        self.ids = 0

    @property
    def stage(self) -> Any:
        return self.file.stage

    def command(self, trigger: str, by: By, **data: Any) -> Any:
        self.ids += 1
        return m.parse(self.kind, trigger, {"id": f"test/{self.ids}", "by": by, **data})

    def give(self, command: Any) -> Receipt:
        """A command as it is; what it left is collected, also when it was refused."""
        try:
            return self.file.handle(command, self.now, self.now)
        finally:
            self.collect()

    def collect(self) -> None:
        batch = self.file.take_batch()
        self.entries += batch.entries
        self.letters += batch.letters

    def do(self, trigger: str, role: Role | None = None, *, person: str = "", via: Via = Via.UPDATE, **data: Any):
        """One person gives one command; the first role of the row if none is named."""
        role = role or self.rows[trigger, self.stage].actors[0]
        return self.give(self.command(trigger, By(person=person or person_of(role), role=role, via=via), **data))

    def two(self, trigger: str, **data: Any) -> Receipt:
        """Proposed by one and confirmed by another."""
        row = self.rows[trigger, self.stage]
        proposed = self.do(trigger, **data)
        role = row.approvers[0]
        return self.do(trigger, role, person=person_of(role, second=True), proposal=proposed.entry, **data)

    def wait(self, **span: float) -> Self:
        """Time passes, and the clock does what came due on each day of it."""
        return self.until(self.now + timedelta(**span))

    def until(self, then: datetime) -> Self:
        while (due := self.file.next_due()) is not None and due <= then:
            self.now = max(self.now, due)
            self.file.run_clock(self.now, self.now)
            self.collect()
        self.now = max(self.now, then)
        return self


AT_WORK = (Stage.IMPLEMENTATION, Stage.ACCEPTANCE, Stage.SETTLEMENT, Stage.CLOSED)


class Case(_Bench):
    """One application."""

    kind = "application"
    rows = BY_TRIGGER

    def __init__(self, programme: str = "planning", edition: str | Edition = "2021", carry_over: bool = False) -> None:
        super().__init__()
        self.programme, self.carry_over = programme, carry_over
        self.edition = rules(edition) if isinstance(edition, str) else edition
        self.window = self.edition.window(self.edition.programme(programme))
        self.now = self.window.opens_at + timedelta(days=4)
        self.days_to_the_second_round = 20
        self.ref = f"KC{self.edition.year}-{self.edition.programme(programme).code}-0001"
        self.file = self._file(None)

    def _file(self, carried: dict[str, Any] | None) -> ApplicationFile:
        return ApplicationFile(
            m.StartApplication(
                ref=self.ref, edition=self.edition, edition_hash=HASH, days_off=korean_days_off(), file=carried
            )
        )

    @property
    def facts(self):
        return self.file.application

    def collect(self) -> None:
        super().collect()
        if self.carry_over:  # as a workflow that is continued as new after every command
            self.file = self._file(self.file.carried.model_dump(mode="json", exclude_unset=True))

    def ordered(self, trigger: str, role: Role = Role.MINISTRY, **data: Any) -> Receipt:
        """By the edition's order, which two persons decided."""
        approver = person_of(role, second=True)
        order = Order(edition=self.edition.year, entry=1, proposed_by="P-COMMITTEE", approved_by=approver)
        return self.give(self.command(trigger, By(person=approver, role=role, via=Via.EDITION, order=order), **data))

    # --- the straight way ---

    def arrival(self) -> dict[str, Any]:
        """What an application says that may be eligible."""
        programme = self.edition.programme(self.programme)
        kind = next((k for k in programme.applicants if k == "local_government"), programme.applicants[0])
        partners = [{"organisation": "O-PARTNER", "kind": kind} for kind in programme.partner.kinds[:1]]
        applicant = {"contact": "P-MAYOR", "organisation": "O-TBILISI", "kind": kind, "country": "GE"}
        applicant |= {"partners": partners}
        documents = [{"kind": kind, "sha256": HASH} for kind in programme.documents]
        data = {"programme": self.programme, "applicant": applicant, "city": "Tbilisi", "title": "A plan", "months": 6}
        channel = "e-mail" if self.window.channels[-1] != "post" else "post"
        return data | {"received_at": self.now, "channel": channel, "documents": documents}

    def receive(self, **more: Any) -> Receipt:
        return self.do("receive", **(self.arrival() | more))

    def assign(self, step: str, count: int) -> None:
        for reviewer in REVIEWERS[:count]:
            self.do("assign_reviewer", reviewer=reviewer, step=step, reason=REASON)
            self.do("declare_conflict", person=reviewer, step=step, conflict=False)

    def seal(self, *scores: int) -> None:
        criteria = self.edition.programme(self.programme).criteria
        for reviewer, score in zip(REVIEWERS, scores, strict=False):
            self.do("seal_sheet", person=reviewer, scores={criterion.key: score for criterion in criteria})

    def meeting(self, **more: Any) -> dict[str, Any]:
        """What a meeting's command says, twenty days ahead."""
        sides = {"applicant": ["P-MAYOR"], "ministry": ["P-MINISTRY"]}
        return {"date_at": self.now + timedelta(days=20), "zone": "Asia/Tbilisi", "evidence": [HASH], **sides} | more

    def meet(self, days: int = 20) -> None:
        self.do("schedule", **self.meeting(date_at=self.now + timedelta(days=days)))
        self.wait(days=days)
        self.do("hold")

    def agree(self, scope: bool = True) -> None:
        for role in (Role.APPLICANT, Role.MINISTRY):
            self.do("agree_minutes", role, side=role.value, minutes=HASH, scope_agreed=scope)

    def finish_step(self) -> None:
        """Do what the present step of the evaluation wants."""
        match self.stage:
            case Stage.PAPER_REVIEW:
                self.seal(80, 80, 80)
            case Stage.CONSULTATION:
                rounds = next(s.rounds for s in self.edition.programme(self.programme).route if s.kind == self.stage)
                for number in range(1, rounds + 1):
                    self.meet(days=20 if number == 1 else self.days_to_the_second_round)
                    self.agree()
                    if number < rounds:
                        self.do("finish_round")
            case Stage.PRESENTATION:
                self.meet()
                self.seal(80, 80, 80, 80, 80)
            case Stage.CONFIRMATION:
                self.do("record_confirmation", agreed=True, evidence=[HASH])

    @property
    def today(self) -> date:
        """The date in Seoul."""
        return self.now.astimezone(SEOUL).date()

    def put_signature(self, party: str, trigger: str = "sign", **more: Any) -> Receipt:
        """A party's own signatory signs the text in force, today."""
        listed, text = self.facts.parties[party], self.facts.framework.in_force
        data = {"person": listed.signatory, "party": party, "text": text.sha256}
        data |= {"signed_on": self.today, "evidence": [HASH]}
        return self.do(trigger, **(data | more))

    def sign(self) -> None:
        if not self.facts.framework.in_force:
            self.do("table_text", text=HASH)
        contractor = "O-TBILISI" if self.edition.programme(self.programme).procurement.mode == "designated" else "O-KR"
        kinds = {"MOLIT": "korean_government", "CITY": "host_government", contractor: "company"}
        for party, kind in kinds.items():
            self.two("list_party", party=party, kind=kind, signatory=f"P-SIGN-{party}")
            self.put_signature(party)

    def agree_terms(self, terms: str = HASH) -> None:
        self.do("set_terms", evidence=[terms])
        self.do("agree_terms", terms=terms)

    def notice(self, notice: str = "publish_notice", days: int = 20) -> None:
        if notice == "publish_notice":
            self.agree_terms()
        self.do(notice, closes_at=self.now + timedelta(days=days))

    def bid(self, *bidders: str) -> None:
        for bidder in bidders:
            self.do("receive_bid", bidder=bidder, sealed=HASH)

    def name_committee(self, *members: str, declare: bool = True, **more: Any) -> None:
        members = members or EVALUATORS
        self.do("name_committee", members=members, **more)
        for member in members if declare else ():
            self.do("declare_bid_conflict", person=member, conflict=False)

    def record_bids(self, krw: int = 100_000_000) -> None:
        for bid in self.facts.tender.standing:
            self.do("record_bid", bidder=bid.bidder, document=bid.sealed, krw=krw, country="KR")

    def evaluate(self, *valid: str, **more: Any) -> Receipt:
        """The bids named are valid, the best first; the others are not."""
        points = {bidder: 95 - 5 * place for place, bidder in enumerate(valid)}
        verdicts = [
            {"bidder": bid.bidder, "valid": True, "points": points[bid.bidder]}
            if bid.bidder in points
            else {"bidder": bid.bidder, "valid": False, "ground": "incomplete"}
            for bid in self.facts.tender.standing
        ]
        data = {"verdicts": verdicts, "order": valid} | more
        proposed = self.do("evaluate_bids", person=EVALUATORS[0], **data)
        return self.do("evaluate_bids", person=EVALUATORS[1], proposal=proposed.entry, **data)

    def tender(self, valid: tuple[str, ...] = ("O-KR", "O-KR-2"), notice: str = "publish_notice") -> None:
        """A notice, and bids that are all found valid, in their order."""
        self.notice(notice)
        self.bid(*valid)
        self.wait(days=20)
        self.two("open_bids")
        if valid:
            self.name_committee()
            self.record_bids()
            self.evaluate(*valid)

    def announce(self, contractor: str = "O-KR", krw: int = 100_000_000, **more: Any) -> None:
        """A price is agreed with the first, and the bidders are told."""
        self.do("record_negotiation", bidder=contractor, agreed=True, krw=krw, evidence=[HASH], **more)
        self.do("announce_award", contractor=contractor)

    def stand_still(self) -> None:
        """Until a contract may be made."""
        if "standstill" in self.file.timers:  # an edition may do without
            self.until(self.file.timers["standstill"].due_at)

    def contract(self, **more: Any) -> Receipt:
        designated = self.edition.programme(self.programme).procurement.mode == "designated"
        if not designated and self.facts.tender.announced_at is None:
            self.announce()
            self.stand_still()
        data = {"contractor": "O-TBILISI" if designated else "O-KR", "country": "KR", "krw": 100_000_000}
        return self.two("award_contract", **(data | more))

    # --- the work ---

    @property
    def contractor(self) -> str:
        """Who speaks for the contractor."""
        return self.file.application.contractor

    def milestones(self, *sums: int, days: int = 30) -> list[dict[str, Any]]:
        """A plan with these sums, a milestone every so many days; the last is the final report."""
        kinds = self.edition.programme(self.programme).deliverables
        keys = [*(f"part_{n}" for n in range(1, len(sums))), "final_report"]
        begun = self.now.astimezone(SEOUL).date()
        plan = [{"key": key, "due_on": begun + timedelta(days=days * n), "krw": krw} for n, (key, krw)
                in enumerate(zip(keys, sums, strict=True), start=1)]  # fmt: skip
        return [one | {"deliverables": kinds[:1] if one["key"] != "final_report" else ()} for one in plan]

    def planned(self, *sums: int) -> Self:
        """With a plan that the contractor set and the desk accepted."""
        set_by = self.do("set_plan", person=self.contractor, milestones=self.milestones(*(sums or (40_000_000,) * 2)))
        self.do("accept_plan", plan=set_by.entry)
        return self

    def reached(self, milestone: str = "part_1") -> Self:
        """With a milestone that was reported and accepted."""
        kinds = self.facts.milestone(milestone).deliverables
        documents = [{"kind": kind, "sha256": HASH} for kind in kinds]
        month = f"{self.now.astimezone(SEOUL):%Y-%m}"
        self.do("report", person=self.contractor, kind="monthly", month=month, document=f"{len(self.entries):064x}",
                milestone=milestone, deliverables=documents)  # fmt: skip
        self.do("accept_milestone", milestone=milestone, evidence=[HASH])
        return self

    def claiming(self, krw: int = 40_000_000, milestone: str = "part_1", claim: int = 0, **more: Any) -> dict[str, Any]:
        """What a claim says."""
        number = claim or len(self.facts.claims) + 1
        data = {"claim": number, "milestone": milestone, "krw": krw, "country": "KR"}
        payee = self.facts.contract.contractor if self.facts.contract else "O-KR"
        return data | {"payee": payee, "evidence": [HASH]} | more

    def claimed(self, krw: int = 40_000_000, **more: Any) -> Self:
        self.do("claim", person=self.contractor, **self.claiming(krw, **more))
        return self

    def accepted(self, krw: int = 40_000_000, **more: Any) -> Self:
        self.claimed(krw, **more)
        self.do("accept_claim", claim=len(self.facts.claims), evidence=[HASH])
        return self

    def paid(self, krw: int = 40_000_000, **more: Any) -> Self:
        self.accepted(krw, **more)
        today = self.now.astimezone(SEOUL).date()
        self.do("pay", claim=len(self.facts.claims), done_on=today, evidence=[HASH])
        return self

    def agree_acceptance(self) -> Self:
        for role, person in ((Role.HOST_GOVERNMENT, "P-SIGN-CITY"), (Role.DESK, "P-DESK")):
            self.do("agree_acceptance", role, person=person, minutes=HASH)
        return self

    def step(self) -> None:
        """One stage further on the straight way."""
        programme = self.edition.programme(self.programme)
        route = [step.kind.value for step in programme.route]
        match self.stage:
            case Stage.ABSENT:
                self.receive()
            case Stage.RECEIVED if self.window.continuous:
                self.do("open_screening", Role.DESK)
            case Stage.RECEIVED:
                self.until(self.window.closes_at)  # the clock opens it
            case Stage.SCREENING:
                self.assign("paper_review", 3)
                answers = {item.key: True for item in programme.eligibility}
                self.do("pass_screening", answers=answers, complete=True)
            case stage if stage.value in route:
                following = route[route.index(stage.value) + 1 :]
                if following[:1] == ["presentation"]:
                    self.assign("presentation", 5)
                self.finish_step()
                way = {"consultation": "invite_to_consultation", "presentation": "invite_to_presentation"}
                self.do(way.get(following[0], "request_confirmation") if following else "shortlist")
            case Stage.SHORTLISTED:
                self.ordered("select", krw=programme.award.min_krw, rank=1)
            case Stage.SELECTED:
                self.ordered("publish_result")
                self.do("open_framework")
            case Stage.FRAMEWORK:
                self.sign()
                self.do("complete_framework")
            case Stage.PROCUREMENT if programme.procurement.mode == "designated":
                self.agree_terms()
                self.contract()
            case Stage.PROCUREMENT:
                self.tender()
                self.contract()
            case Stage.IMPLEMENTATION:
                if not self.facts.plan:
                    self.planned(80_000_000)
                deliverables = [{"kind": kind, "sha256": HASH} for kind in programme.deliverables]
                self.do("submit_final", person=self.contractor, deliverables=deliverables)
            case Stage.ACCEPTANCE:
                self.agree_acceptance()
                self.do("accept_final")
            case Stage.SETTLEMENT:
                paid, due = self.facts.paid_krw, self.facts.owed_krw
                self.do("record_settlement", paid_krw=paid, due_krw=due, evidence=[HASH])
                self.two("close", grade="good", filed=True)
            case _:
                raise AssertionError(f"no straight way leads on from {self.stage}")

    def to(self, stage: Stage) -> Self:
        """Go the straight way to a stage, and to those beside it by their one move."""
        beside = {
            Stage.RESERVE: (Stage.SHORTLISTED, lambda: self.ordered("place_on_reserve")),
            Stage.SUSPENDED: (Stage.IMPLEMENTATION, lambda: self.do("suspend", reason=REASON)),
            Stage.INELIGIBLE: (Stage.SCREENING, lambda: self.two("declare_ineligible", item=self._item())),
            Stage.WITHDRAWN: (Stage.SCREENING, lambda: self.do("withdraw", evidence=[HASH])),
            Stage.NOT_SELECTED: (Stage.SHORTLISTED, lambda: self.ordered("pass_over")),
            Stage.CANCELLED: (Stage.SELECTED, lambda: self.ordered("cancel_award", reason=REASON)),
        }
        before, move = beside.get(stage, (stage, None))
        if before in AT_WORK:
            # By as much sooner as the standstill lasts: work begins on 20 June 2021.
            self.days_to_the_second_round = 9
        while self.stage is not before:
            self.step()
        if move:
            move()
        assert self.stage is stage
        return self

    def _item(self) -> str:
        return self.edition.programme(self.programme).eligibility[0].key


class Office(_Bench):
    """One edition."""

    kind = "edition"
    rows = EDITION_BY_TRIGGER

    def __init__(self, edition: str | Edition = "2021") -> None:
        super().__init__()
        self.edition = rules(edition) if isinstance(edition, str) else edition
        self.now = self.edition.windows[0].opens_at
        self.file = EditionFile(m.StartEdition(edition=self.edition, edition_hash=HASH, days_off=korean_days_off()))

    @property
    def facts(self):
        return self.file.call

    def deciding(self) -> Self:
        self.two("open_call")
        return self.until(max(window.closes_at for window in self.edition.windows))

    def decide(self, programme: str, selected: int = 0, reserve: int = 0, *, start: int = 1, **more: Any) -> Receipt:
        """Places and reserve for applications numbered from ``start``, in their order."""
        chosen = [self.choice(programme, start + n) for n in range(selected + reserve)]
        data = {"programme": programme, "selected": chosen[:selected], "reserve": chosen[selected:]} | more
        ranking = [choice["ref"] for choice in (*data["selected"], *data["reserve"])]
        return self.two("decide_selection", **{"ranking": ranking} | data)

    def choice(self, programme: str, number: int, **more: Any) -> dict[str, Any]:
        rules_of = self.edition.programme(programme)
        choice = {"ref": f"KC{self.edition.year}-{rules_of.code}-{number:04}", "krw": rules_of.award.min_krw}
        choice |= {"rank": number, "organisation": f"O-{rules_of.code}-{number}", "country": "GE"}
        return choice | {"score": str(100 - number)} | more
