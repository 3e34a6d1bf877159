"""What the cast does, act by act, over the whole season: computed in advance, without a server.

Each application has a script, a scene for each stage; the edition has one of its own. A scene does what its stage is
for, then what the application's fate says, and meets on its way whatever nobody has met yet: a proposal that lapses,
a move taken back, a reviewer replaced.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Container, Generator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from fractions import Fraction
from random import Random
from typing import Any

from kcity_flow.domain import adoption, framework, screening, selection
from kcity_flow.domain.application import FINAL_REPORT, Application
from kcity_flow.domain.edition import Edition, Late, ProcurementMode, Programme, StepKind
from kcity_flow.domain.evaluation import criterion_mean, final_score, judged_steps, quorum, ranking_step, too_few_sheets
from kcity_flow.domain.messages import ConflictKind, Outcome
from kcity_flow.domain.procurement import tie_of, undeclared
from kcity_flow.domain.stages import ENDS, EditionStage, Role, Stage
from kcity_flow.domain.work import (
    LONG_STOP,
    NOTICE_TIMER,
    REPORT_TIMER,
    half_of_the_work,
    month_asked,
    month_of,
    settled,
)
from kcity_flow.rehearsal.cast import BELOW, ZONES, Character, cast, documents, firm, given, proof
from kcity_flow.rehearsal.theatre import Act, Acting, Do, Moved, Plan, Script, Theatre, Until

S, R = Stage, Role

SELECTED_FROM, RESERVE_FROM = 86, 79
"""The committee gives a place from so many points on, and a place on the reserve."""

DECIDED_BEFORE = 17
"""Working days between the decision and the day on which results are due, where the edition does not say."""

CROWDED = (S.RECEIVED, S.SCREENING, S.PAPER_REVIEW, S.CONSULTATION, S.NOT_SELECTED, S.INELIGIBLE)
"""Stages that many come to: what happens beside the road there is shared out."""

BEFORE_DECISION = (
    S.RECEIVED,
    S.SCREENING,
    S.PAPER_REVIEW,
    S.CONSULTATION,
    S.PRESENTATION,
    S.CONFIRMATION,
    S.SHORTLISTED,
)

FROZEN_DAYS = (4, 20)
"""Working days that a freeze lasts: while decisions are near, and afterwards."""

ASIDE = ("lapse_proposal", "flag", "correct", "refuse_proposal", "retract_proposal")
"""What may happen anywhere."""


def plan(edition: Edition, applications: int, seed: int) -> Plan:
    """The whole season.

    Args:
        edition: Whose season it is; its tempo does not matter.
        applications: How many apply.
        seed: The same seed makes the same plan, on any machine.

    Raises:
        Unplayable: a script asks for what the table forbids.
    """
    theatre = Theatre(edition, cast(edition, applications, seed))
    stories = [Story(theatre, character) for character in theatre.cast.characters]
    secretariat = Secretariat(theatre, stories)
    lives = [(story.character.key, story.life(), story.fate.tier != "passed_over") for story in stories]
    return theatre.play([("edition", secretariat.season(), True), *lives])


@dataclass(frozen=True, slots=True)
class Wish:
    """What an application's script needs the edition to do."""

    trigger: str
    ref: str
    data: dict[str, Any]


class Story:
    """One application's script."""

    def __init__(self, theatre: Theatre, character: Character) -> None:
        self.theatre, self.character, self.fate = theatre, character, character.fate
        self.random = Random(f"{theatre.edition.year}/{theatre.cast.seed}/{character.key}")  # noqa: S311
        self.programme: Programme = theatre.edition.programme(character.programme)
        self.window = theatre.edition.window(self.programme)
        self.officer = ""
        self.ref = ""
        self.awaits_decision = False
        self.takes_back = False
        self._done: set[str] = set()
        self._claims: list[tuple[str, Stage]] = []

    # --- what a scene sees ---

    @property
    def app(self) -> Application:
        """The facts."""
        return self.theatre.dry.files[self.ref].application

    @property
    def stage(self) -> Stage:
        """Where it stands."""
        return self.app.stage

    @property
    def steps(self) -> list[Stage]:
        """Its programme's route."""
        return [Stage(step.kind.value) for step in self.programme.route]

    def next_step(self) -> Stage:
        """Where the route leads from here."""
        route = self.steps
        return [*route, S.SHORTLISTED][route.index(self.stage) + 1]

    def claim(self, trigger: str) -> bool:
        """Whether this move is still to be met at this stage."""
        if not self.theatre.claim(trigger, self.stage):
            return False
        self._claims.append((trigger, self.stage))
        return True

    def once(self, what: str) -> bool:
        """True the first time it is asked."""
        first = what not in self._done
        self._done.add(what)
        return first

    @property
    def unhurried(self) -> bool:
        """Whether there is time for things to lapse: those that must be decided in June have none."""
        return self.fate.tier == "passed_over" or self.stage not in BEFORE_DECISION

    # --- what a scene does ---

    def do(self, trigger: str, who: tuple[str, Role], confirms: Act | None = None, **data: Any) -> Acting:
        """Act."""
        act: Act = yield Do(trigger, data, *who, confirms=confirms)
        return act

    def desk(self, trigger: str, **data: Any) -> Acting:
        """The desk officer in charge acts."""
        return (yield from self.do(trigger, (self.officer, R.DESK), **data))

    def pause(self, *days: int) -> Script:
        """Wait some working days."""
        yield Until(self.theatre.in_days(self.random.randint(*days) if len(days) > 1 else days[0]))

    def two(self, trigger: str, first: Role, second: Role, **data: Any) -> Acting:
        """One proposes, another confirms a day or so later."""
        proposer = self.officer if first is R.DESK else self.theatre.pick(first)
        proposed = yield from self.do(trigger, (proposer, first), **data)
        yield from self.pause(1)
        other = self.theatre.pick(second, proposer)
        return (yield from self.do(trigger, (other, second), confirms=proposed, **data))

    def by(self, role: Role) -> tuple[str, Role]:
        """Somebody in a role."""
        return self.theatre.pick(role), role

    @property
    def applicant(self) -> tuple[str, Role]:
        """The applicant."""
        return self.character.applicant.id, R.APPLICANT

    def proof(self, of: str) -> str:
        """The hash of a document about this application."""
        return proof(self.character.key, of)

    # --- the life ---

    def life(self) -> Script:
        """From arrival, or from where it is taken over, to the end."""
        if self.fate.adopted_at:
            yield from self.be_adopted()
        else:
            yield Until(self.character.arrives_at + timedelta(minutes=self.random.randint(30, 400)))
            self.officer = self.theatre.pick(R.DESK)
            act = yield from self.do("receive", (self.officer, R.DESK), **given(self.character))
            self.ref = act.subject
        while True:
            stage, acts = self.stage, len(self.theatre.dry.files[self.ref].carried.seen)
            done = set(self._done)
            try:
                yield from self.nonsense()
                yield from self.take_back()
                if self.stage is stage:
                    yield from self.rest()
                if self.stage is stage:
                    yield from SCENES[stage](self)
            except Moved:
                self.theatre.give_up(self._claims)
                self.awaits_decision = False
                if self.stage is stage:
                    self._done = done  # a freeze came between: what was about to be done is not
            self._claims.clear()
            if self.stage is stage and acts == len(self.theatre.dry.files[self.ref].carried.seen):
                return
            if self.theatre.dry.is_closed(self.ref):
                return

    def be_adopted(self) -> Script:
        """Wait until the edition has taken it over."""
        self.officer = self.theatre.pick(R.DESK)
        while not self.ref:
            yield from self.pause(1)
        self.theatre.player(self.character.key).subject = self.ref

    def running(self, ref: str, stage: Stage) -> dict[str, Any]:
        """What the edition is told of it: signed half a year ago, some of the money paid, as far as it has come."""
        said, today, award = given(self.character), self._today, self.award
        signed_on = (today - timedelta(days=180)).isoformat()
        come_to = adoption.stands_for(stage)
        signed = {"signed_on": signed_on} if "complete_framework" in come_to else {}
        told: dict[str, Any] = {
            **{name: said[name] for name in ("programme", "applicant", "city", "title", "months")},
            "ref": ref,
            "stage": stage.value,
            "since": (today - timedelta(days=20)).isoformat(),
            "krw": award,
            "parties": [{"party": party, "kind": kind, "signatory": signatory, **signed}
                        for party, kind, signatory in self.governments],
            "framework": self.proof("framework 1") if signed else None,
            "evidence": [self.proof("minutes of the handover")],
        }  # fmt: skip
        if "award_contract" in come_to:
            contract = {
                "contractor": firm(self._firm), "country": "KR", "krw": award * 95 // 100,
                "signatory": f"P-FIRM-{self._firm}",
            }  # fmt: skip
            ends_on = (today + timedelta(days=540)).isoformat()
            told |= {"contract": contract | signed, "paid_krw": award * 3 // 10, "ends_on": ends_on}
        if "submit_final" in come_to:
            handed_in = [{"kind": kind, "sha256": self.proof(kind)} for kind in self.programme.deliverables]
            told |= {"deliverables": handed_in}
        if "close" in come_to:
            told |= {"settled": True, "grade": "good"}
        return told

    def nonsense(self) -> Script:
        """Now and then somebody asks for what is not allowed, and is refused."""
        if self.stage in ENDS or self.random.random() > 0.08:
            return
        impossible: dict[str, tuple[str, tuple[str, Role], dict[str, Any]]] = {
            "unproven": ("withdraw", self.applicant, {}),
            "skipped": ("shortlist", self.by(R.CHAIR), {}),
            "alone": ("select", self.by(R.COMMITTEE), {"krw": self.award, "rank": 1}),
        }
        known = {S.SHORTLISTED: "alone", S.RECEIVED: "skipped"}
        if self.stage is S.SCREENING and (tied := self.tied()):
            known[S.SCREENING] = "tied"
            data = {"reviewer": tied[0], "step": S.PAPER_REVIEW.value, "reason": "knows the project well"}
            impossible["tied"] = ("assign_reviewer", (self.officer, R.DESK), data)
        trigger, who, data = impossible[known.get(self.stage, "unproven")]
        yield Do(trigger, data, *who, expect=Outcome.REFUSED)

    def take_back(self) -> Script:
        """Undo the move that led here, if nobody has yet undone such a one. It was made in error."""
        undo = self.theatre.dry.files[self.ref].carried.undo
        if undo is None:
            return
        before, here = undo.before, self.stage
        if here is S.SELECTED and self.fate.tier != "reserve" and self.fate.name != "works as planned":
            return  # they have enough before them until results are published
        if not self.claim(f"return_to_{before.stage}"):
            return
        if S.RESERVE in (before.stage, here) or before.place != self.app.place:
            self.theatre.wishes.append(_return_wish(self, before))
            yield from self.wait_for_the_edition()
        else:
            self.takes_back = True
            try:
                yield from self.pause(1)
                yield from self.two(f"return_to_{before.stage}", R.DESK, R.HEAD, reason="entered in the wrong file")
            finally:
                self.takes_back = False

    def wait_for_the_edition(self) -> Script:
        """Until it has acted. If the stage changes by that, the scene is over."""
        undo = self.theatre.dry.files[self.ref].carried.undo
        while (now := self.theatre.dry.files[self.ref].carried.undo) is undo or (
            now and undo and now.entry == undo.entry
        ):
            yield from self.pause(1)

    def rest(self) -> Script:
        """Be frozen with the whole country, at a stage at which nobody has been yet."""
        if not self._may_rest() or not [trigger for trigger in ("freeze", "unfreeze") if self.claim(trigger)]:
            return
        pauses = self.app.pauses
        self.theatre.wishes.append(Wish("freeze", self.ref, {"country": self.character.country}))
        while self.app.pauses == pauses:
            yield from self.pause(1)

    def _may_rest(self) -> bool:
        """Whether nobody of the country who may get a place loses the time in which it is decided."""
        if self.stage not in BEFORE_DECISION:
            decided = self.theatre.dry.edition.call.published_at is not None  # else what was adopted stops applicants
            return decided and (self.app.published or self.stage not in (S.SELECTED, S.RESERVE))
        mates = (c for c in self.theatre.cast.characters if c.country == self.character.country)
        # Nor who is to come too late: in a country that was frozen the window closes later.
        return all(m.fate.tier == "passed_over" and not m.fate.late and not m.fate.found_late for m in mates)

    def aside(self) -> Script:
        """What happens beside the road: flags, corrections, and proposals that come to nothing."""
        met = 0
        for trigger in ASIDE:
            if met == 2 and self.stage in CROWDED:
                break
            if trigger == "lapse_proposal" and not self.unhurried:
                continue
            if trigger == "lapse_proposal" and self.stage is S.RECEIVED and not self._open_for(30):
                continue
            if self.claim(trigger):
                met += 1
                yield from self._aside(trigger)
        while "lapse_proposal" in [trigger for trigger, _ in self._claims] and self._proposals():
            yield from self.pause(2)

    def _open_for(self, days: int) -> bool:
        return self.window.continuous or self.theatre.now + timedelta(days=days) < self._closes_at()

    def _proposals(self) -> bool:
        return bool(self.theatre.dry.files[self.ref].carried.proposals)

    def _aside(self, trigger: str) -> Script:
        yield from self.pause(0, 2)
        if trigger == "flag":
            yield from self.desk("flag", note="ask_the_embassy")
            return
        data = {"supersedes": 1, "field": "title", "value": f"{self.app.title.removesuffix(' (revised)')} (revised)",
                "reason": "the title page says otherwise"}  # fmt: skip
        if trigger == "correct":
            yield from self.two("correct", R.DESK, R.HEAD, **data)
            return
        proposed = yield from self.desk("correct", **data)
        if trigger == "lapse_proposal":
            return
        yield from self.pause(1)
        who = (self.officer, R.DESK) if trigger == "retract_proposal" else self.by(R.HEAD)
        yield from self.do(trigger, who, confirms=proposed, reason="the title stands as it is")

    def departures(self) -> Script:
        """A country dropped from the call, a duplicate, a letter of withdrawal: whatever fate has for this stage."""
        stage, fate = self.stage, self.fate
        if fate.country_cancelled_at is stage and self.once("cancelled"):
            yield from self.ask_edition("cancel_call")
        if fate.duplicate_at is stage:
            other = self.theatre.cast.characters[self.character.number - 2]
            survivor = next((p.subject for p in self.theatre.players if p.key == other.key and p.subject), "")
            yield from self.two("merge_duplicate", R.DESK, R.HEAD, survivor=survivor or f"{self.ref[:-4]}9999")
        elif fate.withdraws_at is stage or (f"withdraws_{stage}" in fate.work and self.once(f"withdraws_{stage}")):
            who = self.applicant if self.random.random() < 0.7 else (self.officer, R.DESK)
            yield from self.do("withdraw", who, evidence=[self.proof("withdrawal")])

    def ask_edition(self, trigger: str) -> Script:
        """Have the edition act on this application, and wait until it has."""
        self.theatre.wishes.append(Wish(trigger, self.ref, {"country": self.character.country}))
        yield from self.wait_for_the_edition()

    def clarify(self) -> Script:
        """Ask the applicant something, where nobody has been asked yet, or now and then."""
        if self.app.clarifications < 2 and self.claim("answer_clarification"):
            yield from self._ask(answered=True)
        if self.app.clarifications < 2 and self.unhurried and self.claim("lapse_clarification"):
            yield from self._ask(answered=False)
        elif self.app.clarifications == 0 and self.stage is S.SCREENING and self.random.random() < 0.2:
            yield from self._ask(answered=True)

    def _ask(self, *, answered: bool, sends: tuple[str, ...] = ()) -> Script:
        question = "Which office will look after the equipment?"
        yield from self.desk("ask_clarification", question=f"Please send the {sends[0]}." if sends else question)
        if answered:
            yield from self.pause(2, 5)
            yield from self.do("answer_clarification", self.applicant,
                               answer="It is attached." if sends else "The transport department.",
                               documents=documents(self.character, *sends), evidence=[self.proof("answer")])  # fmt: skip
        while self.app.clarification_open:
            yield from self.pause(2)

    def complete(self) -> Script:
        """Ask for the documents that are missing; who is to be ineligible for them does not answer."""
        there = {document.kind for document in self.app.documents}
        missing = tuple(kind for kind in self.programme.documents if kind not in there)
        if missing and not self.app.clarifications:
            yield from self._ask(answered=self.fate.lacks != "documents", sends=missing)

    def supersede(self) -> Script:
        """A newer version, which came soon after the first."""
        at = self.character.arrives_at + timedelta(minutes=20)
        in_time = not self.fate.late and not self.fate.found_late
        if in_time and self.claim("supersede"):
            sent = documents(self.character, *self.character.documents, version=2)
            yield from self.desk(
                "supersede", received_at=at.isoformat(), channel=self.character.channel, documents=sent
            )

    # --- reviewers ---

    def seat(self, step: Stage, *, more: int = 0) -> Script:
        """Assign reviewers for a step until enough are declared free of conflict, and some more."""
        while True:
            waiting = [seat.reviewer for seat in self.app.awaited_seats(step) if seat.free is None]
            if not waiting and len(self.app.free_seats(step)) >= quorum(self.programme, step) + more:
                return
            if not waiting:
                for chosen in (yield from self._chosen(step)):
                    yield from self.desk("assign_reviewer", step=step.value, **chosen)
            elif self.claim("replace_reviewer"):
                yield from self.replace(waiting[0], step)
            else:
                yield from self.do("declare_conflict", (waiting[0], R.REVIEWER), step=step.value, conflict=False)

    def _chosen(self, step: Stage) -> Generator[Do | Until, Any, list[dict[str, Any]]]:
        """Whom the system proposes; now and then somebody else, with a reason."""
        while self.theatre.dry.newest() == self.theatre.now:  # what is proposed is to come out of the ledgers again
            yield Until(self.theatre.now + timedelta(minutes=1))
        proposed = self.theatre.dry.proposed(self.ref, step)
        if not proposed or self.random.random() < 0.12:
            seated = [seat.reviewer for seat in self.app.seats(step)]
            other = self.theatre.pick(R.REVIEWER, *seated, *self.tied())
            return [{"reviewer": other, "reason": "was free that day"}]
        return [{"reviewer": p.reviewer.person, "basis": p.basis.model_dump(mode="json")} for p in proposed]

    def replace(self, reviewer: str, step: Stage) -> Script:
        """A reviewer declares a conflict, and the chair names another."""
        kind = self.random.choice(list(ConflictKind)).value
        yield from self.do("declare_conflict", (reviewer, R.REVIEWER), step=step.value, conflict=True, kind=kind)
        chosen = (yield from self._chosen(step))[0] | {"reason": "a conflict of interest"}
        yield from self.do("replace_reviewer", self.by(R.CHAIR), step=step.value, replaces=reviewer, **chosen)

    def find_conflict(self) -> Script:
        """A conflict is found after the decision: the reviewer tells, or the chair records it; nothing is taken back."""
        if not self.claim("declare_conflict"):
            return
        step, reviewer = next((step, seat.reviewer) for step, seats in self.app.reviews.items() for seat in seats)
        data: dict[str, Any] = {"step": step, "conflict": True, "kind": ConflictKind.RECENT.value}
        if self.stage is S.SELECTED:
            yield from self.do("declare_conflict", self.by(R.CHAIR), reviewer=reviewer, **data,
                               reason="the reviewer advises the applicant")  # fmt: skip
        else:
            yield from self.do("declare_conflict", (reviewer, R.REVIEWER), **data)

    def tied(self) -> list[str]:
        """Reviewers of the pool who are in conflict with it."""
        pool = self.theatre.dry.pool.values()
        return [one.person for one in pool if self.app.conflict_of(one.person, one.organisations)]

    def score(self, step: Stage) -> Script:
        """Every reviewer of a step who has not yet done so seals a sheet."""
        for seat in self.app.free_seats(step):
            if seat.scores is None:
                yield from self.pause(0, 1)
                yield from self.seal("seal_sheet", seat.reviewer, step)

    def seal(self, trigger: str, reviewer: str, step: Stage, **data: Any) -> Script:
        """A reviewer's sheet, with a comment that nobody else keeps."""
        points = BELOW if self.fate.rejected_at is step else self.character.points
        scores = {c.key: max(0, min(100, points + self.random.randint(-3, 3))) for c in self.programme.criteria}
        yield from self.do(trigger, (reviewer, R.REVIEWER), scores=scores, comment=self.proof(f"comment {reviewer}"),
                           step=None if step is self.stage else step.value, **data)  # fmt: skip

    def judge(self) -> Script:
        """Seats and sheets until those of every step so far suffice: whom a conflict bars, it bars from all of them."""
        while lacking := self._lacking():
            step = lacking[0]
            far_apart = len(self.app.counted_sheets(step)) >= quorum(self.programme, step)
            yield from self.seat(step, more=int(far_apart))
            yield from self.score(step)

    def _lacking(self) -> list[Stage]:
        return [step for step in self._judged() if too_few_sheets(self.app, self.programme, step)]

    @property
    def judged_in_full(self) -> bool:
        """Whether the sheets of every step that it has come to suffice."""
        return not self._lacking()

    def _judged(self) -> list[Stage]:
        """The steps judged by sheets that it has come to."""
        return [step for step in map(Stage, judged_steps(self.programme)) if step in self.app.reached]

    def lose_sheets(self) -> Script:
        """Sheets that count no more, and those that take their place: a conflict found late, a mix-up."""
        step = self._judged()[-1]
        if self.stage is step and self.claim("supersede_sheet"):
            reviewer = self.app.counted_sheets(step)[0].reviewer
            yield from self.seal("supersede_sheet", reviewer, step, reason="two columns were exchanged")
        is_next = self.ref in self.theatre.dry.edition.call.nominated.values()  # and may be promoted any day
        if is_next or not self.unhurried or len(self.app.counted_sheets(step)) != quorum(self.programme, step):
            return
        if self.claim("replace_reviewer"):
            yield from self.replace(self.app.counted_sheets(step)[0].reviewer, step)
            yield from self.judge()
        if [trigger for trigger in ("void_sheet", "assign_reviewer", "seal_sheet") if self.claim(trigger)]:
            reviewer = self.app.counted_sheets(step)[-1].reviewer
            yield from self.do("void_sheet", self.by(R.CHAIR), reviewer=reviewer, step=step.value,
                               reason="the sheet speaks of another city")  # fmt: skip
            yield from self.judge()

    def go_on(self) -> Script:
        """To the next step of the route, or onto the shortlist."""
        step = self.next_step()
        if step is S.PRESENTATION:
            yield from self.seat(S.PRESENTATION)
            yield from self.judge()
        trigger = {
            S.CONSULTATION: "invite_to_consultation",
            S.PRESENTATION: "invite_to_presentation",
            S.CONFIRMATION: "request_confirmation",
            S.SHORTLISTED: "shortlist",
        }[step]
        who = (self.officer, R.DESK) if step is S.CONFIRMATION else self.by(R.CHAIR)
        yield from self.do(trigger, who)

    def reject(self, ground: str) -> Script:
        """Not selected on merit."""
        evidence = [self.proof("minutes without agreement")] if ground == "no_agreement" else None
        reason = "see the sheets and the minutes"
        yield from self.do("reject", self.by(R.CHAIR), ground=ground, reason=reason, evidence=evidence)

    def meet(self, *, missed: int = 0) -> Script:
        """Agree a date and hold the meeting; of a missed date another is made."""
        if self.app.meeting is None:
            yield from self.desk("schedule", **self._invitation())
        while self.app.meeting and not self.app.meeting.held:
            yield Until(max(self.app.meeting.at + timedelta(hours=20), self.theatre.now))
            if self.theatre.now < self.app.meeting.at:
                continue  # a freeze has moved it
            if self.app.meeting.missed:
                yield from self.desk("reschedule", **self._invitation(), reason="the applicant asked for it")
            elif self.app.missed < missed:
                yield from self.desk("miss_date")
                if missed == 2 and self.app.missed == 2:
                    return
            elif self.random.random() < 0.2:
                yield from self.desk("hold", present=[self.applicant[0], self.officer])
            else:
                yield from self.desk("hold")

    def _invitation(self) -> dict[str, Any]:
        """A date, in the zone of whoever is invited, and who comes from either side."""
        return {"date_at": self._date().isoformat(), "zone": ZONES[self.character.country], "minutes": 90,
                "applicant": [self.applicant[0]], "ministry": [self.theatre.pick(R.MINISTRY)],
                "evidence": [self.proof(f"agenda {self.app.rounds_finished}")]}  # fmt: skip

    def _date(self) -> datetime:
        return self.theatre.in_days(self.random.randint(3, 5), self.random.choice((10, 11, 14, 15)))

    # --- scenes ---

    def received(self) -> Script:
        """The desk acknowledges, and waits for the close."""
        yield from self.pause(0, 1)
        if not self.app.acknowledged and not self.acknowledges_late():
            yield from self.desk("acknowledge")
        yield from self.supersede()
        yield from self.aside()
        yield from self.departures()
        if self.stage is not S.RECEIVED:
            return
        if self._late():
            yield from self.turn_away()
        elif self.window.continuous:
            yield from self.pause(1, 3)
            yield from self.desk("open_screening")
        else:
            while self.stage is S.RECEIVED:
                yield Until(max(self._closes_at(), self.theatre.in_days(1)))

    def _late(self) -> bool:
        arrived = self.app.received_at
        return arrived is not None and arrived >= self._closes_at()

    def _closes_at(self) -> datetime:
        """When the window closes for it, pauses counted."""
        return self.app.falls(self.window.closes_at, self.theatre.now)

    def acknowledges_late(self) -> bool:
        """Whether this is the one that is forgotten, and acknowledged when it is screened."""
        on_time = not (self.fate.late or self.fate.withdraws_at is S.RECEIVED or self.fate.duplicate_at is S.RECEIVED)
        if on_time and self.theatre.claim("acknowledge", S.SCREENING):
            self._done.add("acknowledged late")
        return "acknowledged late" in self._done

    def turn_away(self) -> Script:
        """What comes too late is refused, or passed on to the next edition."""
        if self.window.late is Late.DEFER:
            yield from self.desk("defer")
        else:
            yield from self.two("refuse_late", R.DESK, R.HEAD)

    def screening(self) -> Script:
        """Checklist, eligibility, reviewers."""
        yield from self.pause(0, 2)
        if not self.app.acknowledged:
            yield from self.desk("acknowledge")
        yield from self.aside()
        yield from self.departures()
        if self.stage is not S.SCREENING:
            return
        yield from self.supersede()
        yield from self.complete()
        yield from self.clarify()
        if self.fate.found_late:
            if self.once("found late"):
                stamp = (self._closes_at() + timedelta(minutes=25)).isoformat()
                yield from self.two("correct", R.DESK, R.HEAD, supersedes=1, field="received_at", value=stamp,
                                    reason="the stamp on the envelope was misread")  # fmt: skip
            yield from self.turn_away()
            return
        if self.fate.ineligible and "reopened" not in self._done:
            item = next(line.item for line in screening.checklist(self.app, self.programme) if not line.answer)
            yield from self.two("declare_ineligible", R.DESK, R.HEAD, item=item)
            return
        yield from self.seat(S.PAPER_REVIEW)
        yield from self.pause(0, 1)
        answers = {item.key: True for item in self.programme.eligibility}
        yield from self.desk("pass_screening", answers=answers, complete=True)

    def paper_review(self) -> Script:
        """Sheets, and the chair's decision on them."""
        yield from self.pause(1, 2)
        yield from self.aside()
        yield from self.departures()
        if self.stage is not S.PAPER_REVIEW:
            return
        yield from self.clarify()
        yield from self.judge()
        yield from self.lose_sheets()
        yield from self.pause(0, 1)
        if self.fate.rejected_at is S.PAPER_REVIEW:
            yield from self.reject("below_threshold")
        else:
            yield from self.go_on()

    def consultation(self) -> Script:
        """Rounds of consultation: a date, minutes agreed by both sides, at last the scope."""
        yield from self.aside()
        yield from self.departures()
        if self.stage is not S.CONSULTATION:
            return
        yield from self.clarify()
        yield from self.lose_sheets()
        rounds = next(step.rounds for step in self.programme.route if step.kind is StepKind.CONSULTATION)
        if self.fate.no_show_at is S.CONSULTATION:
            yield from self.stay_away()
            return
        while True:
            yield from self.meet(missed=1 if self.claim("reschedule") else self.app.missed)
            if self.fate.rejected_at is S.CONSULTATION:
                yield from self.reject("no_agreement")
                return
            last = self.app.rounds_finished + 1 == rounds
            yield from self.agree(last)
            if last:
                break
            yield from self.desk("finish_round")
        yield from self.go_on()

    def agree(self, scope: bool) -> Script:
        """Both sides agree the minutes."""
        agreed = self.app.meeting.agreed_by if self.app.meeting else ()
        for side, who in (("applicant", self.applicant), ("ministry", self.by(R.MINISTRY))):
            if side not in agreed:
                yield from self.pause(0, 1)
                minutes = self.proof(f"minutes {self.app.rounds_finished}")
                yield from self.do("agree_minutes", who, side=side, minutes=minutes, scope_agreed=scope)

    def stay_away(self) -> Script:
        """Miss two dates."""
        yield from self.meet(missed=2)
        yield from self.do("no_show", self.by(R.CHAIR), reason="two dates missed without a word")

    def presentation(self) -> Script:
        """A date, the panel's sheets, and the chair's decision on them."""
        yield from self.aside()
        yield from self.departures()
        if self.stage is not S.PRESENTATION:
            return
        yield from self.clarify()
        if self.fate.no_show_at is S.PRESENTATION:
            yield from self.stay_away()
            return
        yield from self.meet(missed=1 if self.claim("reschedule") else self.app.missed)
        yield from self.judge()
        yield from self.lose_sheets()
        yield from self.pause(0, 1)
        if self.fate.rejected_at is S.PRESENTATION:
            yield from self.reject("below_threshold")
        else:
            yield from self.go_on()

    def confirmation(self) -> Script:
        """The counterpart's letter."""
        yield from self.aside()
        yield from self.departures()
        if self.stage is not S.CONFIRMATION:
            return
        yield from self.clarify()
        yield from self.lose_sheets()
        agreed = self.fate.rejected_at is not S.CONFIRMATION
        if self.app.confirmed is None:
            yield from self.pause(2, 6)
            yield from self.desk(
                "record_confirmation", agreed=agreed, evidence=[self.proof("letter of the counterpart")]
            )
        yield from self.pause(0, 1)
        if agreed:
            yield from self.go_on()
        else:
            yield from self.reject("refused")

    def shortlisted(self) -> Script:
        """Wait for the committee."""
        yield from self.aside()
        yield from self.departures()
        if self.stage is S.SHORTLISTED:
            yield from self.lose_sheets()
        while self.stage is S.SHORTLISTED:
            self.awaits_decision = True
            yield from self.pause(1)

    def reserve(self) -> Script:
        """Wait for a place, or for the last day."""
        if not self.fate.promoted and self.fate.withdraws_at is not S.RESERVE:
            yield from self.lose_sheets()  # whoever has the time: longer than others, for a proposal to lapse after it
            yield from self.aside()
        yield from self.departures()
        if self.stage is S.RESERVE:
            yield from self.tell()
        while self.stage is S.RESERVE:
            yield from self.rest()
            if not self.fate.promoted and self.fate.withdraws_at is not S.RESERVE:
                yield from self.aside()  # what somebody else was kept from by a freeze
            yield from self.pause(1)

    def tell(self) -> Script:
        """The letter, once the result is published."""
        while not self.app.published:
            yield from self.pause(1)
        if not self.app.letter_sent:
            yield from self.pause(0, 2)
            yield from self.desk("send_letter")

    def selected(self) -> Script:
        """Told, and on to the framework."""
        yield from self.departures()
        if self.stage is not S.SELECTED:
            return
        yield from self.tell()
        yield from self.rest()
        yield from self.find_conflict()
        if "award_cancelled" in self.fate.work:
            yield from self.ask_edition("cancel_award")
        yield from self.reduce()
        yield from self.aside()
        yield from self.pause(2, 8)
        yield from self.desk("open_framework")

    def framework(self) -> Script:
        """Parties are listed and sign; work begins only then."""
        yield from self.pause(1, 4)
        yield from self.aside()
        yield from self.departures()
        if self.stage is not S.FRAMEWORK:
            return
        if not self.app.framework.texts:
            yield from self.table_text()
        for party, kind, signatory in self.governments:
            yield from self.list_party(party, kind, signatory)
        if "framework_fails" in self.fate.work:
            yield from self.fail_framework()
            return
        yield from self.reduce()
        if self.claim("negotiate_text") or (self.random.random() < 0.3 and self.once("negotiated")):
            yield from self.renegotiate()
        if self.claim("refuse_signature"):
            yield from self.refuse(self.governments[1][0])
        yield from self.change_parties()
        for party, _, _ in self.governments:
            yield from self.sign(party, "sign")
        if self._designated or self.claim("accede"):
            party, signatory = self.contractor
            yield from self.list_and_sign(party, "company", signatory)
        yield from self.pause(1, 5)
        yield from self.desk("complete_framework")

    @property
    def governments(self) -> tuple[tuple[str, str, str], ...]:
        """Both governments: the party, its kind, and who signs for it."""
        country = self.character.country
        return (
            ("KR-MOLIT", "korean_government", "P-GOV-KR"),
            (f"{country}-GOV", "host_government", f"P-GOV-{country}"),
        )

    @property
    def _designated(self) -> bool:
        return self.programme.procurement.mode is ProcurementMode.DESIGNATED

    @property
    def contractor(self) -> tuple[str, str]:
        """The organisation that does the work, and who signs for it."""
        agreed = self.app.tender.negotiated
        if agreed is not None:
            return agreed.contractor, f"P-FIRM-{agreed.contractor.rpartition('-')[2]}"
        organisation = self.character.organisation if self._designated else firm(self._firm)
        return organisation, f"P-FIRM-{self._firm}"

    @property
    def _firm(self) -> int:
        return self.character.number % len(self.theatre.cast.firms) + 1

    def table_text(self) -> Script:
        """The desk tables the next text of the framework."""
        yield from self.desk("table_text", text=self.proof(f"framework {len(self.app.framework.texts) + 1}"))

    def list_party(self, party: str, kind: str, signatory: str) -> Script:
        """A party is listed by two persons of the desk."""
        if party not in self.app.parties:
            yield from self.two("list_party", R.DESK, R.HEAD, party=party, kind=kind, signatory=signatory)

    def list_and_sign(self, party: str, kind: str, signatory: str) -> Script:
        """A party is listed, and accedes."""
        yield from self.list_party(party, kind, signatory)
        yield from self.sign(party, "accede")

    def sign(self, party: str, trigger: str) -> Script:
        """A party signs the text in force, by whoever signs for it then; it is recorded as soon as the page is here."""
        if not self.app.parties[party].signed:
            yield from self.pause(1, 6)
            text = self.app.framework.in_force
            assert text is not None  # the scene of the framework begins with one
            day = self.theatre.calendar.day_of(self.theatre.now)
            yield from self.do(
                trigger, (self.app.parties[party].signatory, R.SIGNATORY), party=party, text=text.sha256,
                signed_on=day.isoformat(), evidence=[self.proof(f"signature {party}")],
            )  # fmt: skip

    def renegotiate(self) -> Script:
        """A government has signed when the other asks for a change; both sign the next text instead."""
        (first, _, _), (other, _, _) = self.governments
        yield from self.sign(first, "sign")
        yield from self.pause(2, 4)
        today = self.theatre.calendar.day_of(self.theatre.now)
        asks = self.app.parties[other].signatory if self.random.random() < 0.5 else self.officer
        yield from self.do("negotiate_text", (asks, R.DESK if asks == self.officer else R.SIGNATORY), party=other,
                           took_part=[first, other], held_on=today.isoformat(),
                           minutes=self.proof(f"minutes of the negotiation {len(self.app.framework.rounds)}"))  # fmt: skip
        yield from self.pause(1, 3)
        yield from self.table_text()

    def refuse(self, party: str) -> Script:
        """A party will not sign, and the desk has it in writing."""
        if not self.app.parties[party].refused:
            yield from self.pause(1, 3)
            yield from self.desk("refuse_signature", party=party, evidence=[self.proof(f"refusal {party}")])

    def change_parties(self) -> Script:
        """A signatory leaves office, and a party that had been listed is not to sign after all."""
        name = f"OBSERVER-{self.stage.value.upper()}"
        claims = [
            trigger for trigger in ("replace_signatory", "refuse_signature", "strike_party") if self.claim(trigger)
        ]
        if not claims:
            return
        yield from self.list_party(name, "private_body", self.governments[0][2])
        if "replace_signatory" in claims:
            yield from self.two("replace_signatory", R.DESK, R.HEAD, party=name, signatory=self.governments[1][2],
                                evidence=[self.proof(f"letter of {name}")])  # fmt: skip
        if "refuse_signature" in claims:
            yield from self.refuse(name)
        yield from self.two("strike_party", R.DESK, R.HEAD, party=name, reason="it follows the project from afar")

    def fail_framework(self) -> Script:
        """A party refuses; or, after that was taken back, the long-stop date passes, the second time for good."""
        if self.once("refused"):
            yield from self.refuse(self.governments[1][0])
            yield from self.pause(2)
            yield from self.two("fail_framework", R.MINISTRY, R.MINISTRY, ground="party_refused",
                                reason="the council voted against it")  # fmt: skip
            return
        yield from self.let_the_long_stop_pass()
        if self.claim("extend_signature"):
            later = self.theatre.calendar.day_of(self.theatre.now) + timedelta(days=21)
            yield from self.two("extend_signature", R.MINISTRY, R.MINISTRY, signs_by=later.isoformat(),
                                missing=framework.missing(self.app, self.programme),
                                reason="the council meets again next month")  # fmt: skip
            yield from self.let_the_long_stop_pass()
        yield from self.two(
            "fail_framework", R.MINISTRY, R.MINISTRY, ground="long_stop", reason="nobody signed in time"
        )

    def let_the_long_stop_pass(self) -> Script:
        """Nobody signs."""
        while "framework_long_stop" in self.app.timers:
            yield from self.pause(5)
        yield from self.pause(2)

    def procurement(self) -> Script:
        """Terms; an open tender where the programme has one; the contract."""
        yield from self.pause(1, 4)
        yield from self.aside()
        yield from self.departures()
        if self.stage is not S.PROCUREMENT:
            return
        if "money_withdrawn" in self.fate.work and self.once("money"):
            yield from self.fail_procurement("money_withdrawn", evidence=[self.proof("budget letter")])
            return
        yield from self.reduce()
        if not self.app.terms_agreed:
            yield from self.terms()
        if not self._designated and not (yield from self.tender()):
            yield from self.fail_procurement("renotices_used_up")
            return
        party, signatory = self.contractor
        yield from self.list_and_sign(party, "company", signatory)
        if self.claim("accede"):
            yield from self.join("PUBLIC-WORKS")
        yield from self.change_parties()
        for absent in [name for name, listed in self.app.parties.items() if not listed.signed]:
            yield from self.two("strike_party", R.DESK, R.HEAD, party=absent, reason="another firm does the work")
        assert self.app.place is not None  # it was selected
        agreed, officer = self.app.tender.negotiated, R.PROCUREMENT_OFFICER
        yield from self.two("award_contract", officer, officer, contractor=party, country="KR",
                            krw=agreed.krw if agreed else self.app.place.krw * 95 // 100)  # fmt: skip

    def terms(self) -> Script:
        """The terms, changed once if nobody has met that, and the applicant's agreement."""
        officer = self.by(R.PROCUREMENT_OFFICER)
        if self.app.terms is None:
            yield from self.do("set_terms", officer, evidence=[self.proof("terms")])
        yield from self.pause(1, 3)
        if "renotice" in self.fate.work and self.once("terms changed"):
            yield from self.do("set_terms", officer, evidence=[self.proof("terms, mended")])
            yield from self.pause(1)
        by_letter = self.random.random() < 0.5
        who, letter = (
            ((self.officer, R.DESK), [self.proof("letter on the terms")]) if by_letter else (self.applicant, None)
        )
        yield from self.do("agree_terms", who, terms=self.app.terms, evidence=letter)

    def reduce(self) -> Script:
        """A smaller award, where the programme leaves room for one and nobody has met it here."""
        place, award = self.app.place, self.programme.award
        assert place is not None  # it was selected
        less = place.krw - 10_000_000
        if award.allows(less, self.app.months) and self.claim("reduce_award"):
            yield from self.two("reduce_award", R.MINISTRY, R.MINISTRY, krw=less, reason="the budget was cut")

    def fail_procurement(self, ground: str, **data: Any) -> Script:
        """No contract comes about."""
        yield from self.two("fail_procurement", R.MINISTRY, R.MINISTRY, ground=ground, reason="no contract is possible",
                            **data)  # fmt: skip

    def tender(self) -> Generator[Do | Until, Any, bool]:
        """Notices until a price is agreed, the award announced and the standstill over; whether that came about."""
        rules = self.programme.procurement
        while self.app.tender.announced_at is None:
            tender = self.app.tender
            too_few = tender.valid is not None and (len(tender.valid) < rules.valid_bids or not tender.candidates)
            if too_few and tender.renotices >= rules.renotices:
                return False
            if tender.closes_at is None or too_few:
                yield from self.give_notice()
            elif not tender.opened:
                yield from self.take_bids()
            elif tender.valid is None:
                yield from self.evaluate_bids()
            else:
                yield from self.negotiate()
        return True

    def give_notice(self) -> Script:
        """The first notice, or another."""
        first = self.app.tender.closes_at is None
        closes = self.theatre.in_days(18 if first else 11, 18) + timedelta(days=0 if first else 1)
        notice = "publish_notice" if first else "renotice"
        yield from self.do(notice, self.by(R.PROCUREMENT_OFFICER), closes_at=closes.isoformat())

    def take_bids(self) -> Script:
        """Questions and sealed bids; one is replaced, one taken back; then two persons open them."""
        officer, tender = R.PROCUREMENT_OFFICER, self.app.tender
        few = 0 if self.programme.procurement.valid_bids == 1 else 1
        fails = "tender_fails" in self.fate.work or ("renotice" in self.fate.work and tender.renotices == 0)
        bidders = self._bidders()[: few if fails else 3]
        if bidders and self.claim("ask_question"):
            yield from self.do("ask_question", self.by(officer), bidder=bidders[-1], question="Who pays for the maps?")
            yield from self.pause(1)
            yield from self.do("answer_question", self.by(officer), number=1, answer="The city does.")
        for bidder in bidders:
            if tender.bid_of(bidder) is None and self._before_the_close(3):
                yield from self.pause(1, 3)
                yield from self._bid(bidder, 1)
        received = [bidder for bidder in bidders if self.app.tender.bid_of(bidder)]
        if len(received) == 3 and self._before_the_close(3) and self.once("a bid is replaced"):
            yield from self.pause(1)
            yield from self._bid(bidders[1], 2)
            yield from self.do("withdraw_bid", self.by(officer), bidder=bidders[2],
                               evidence=[self.proof(f"withdrawal of {bidders[2]}")])  # fmt: skip
        while (closes := self.app.tender.closes_at) and self.theatre.now < closes + timedelta(hours=20):
            yield Until(closes + timedelta(hours=20))
        yield from self.two("open_bids", officer, officer)

    def _before_the_close(self, days: int) -> bool:
        closes = self.app.tender.closes_at
        return closes is not None and self.theatre.in_days(days) + timedelta(days=1) < closes

    def _bid(self, bidder: str, version: int) -> Script:
        number = bidder.rpartition("-")[2]
        arrived = self.theatre.now - timedelta(hours=1)  # booked when the envelope is on the desk
        published = self.app.tender.published_at
        yield from self.do("receive_bid", self.by(R.PROCUREMENT_OFFICER), bidder=bidder, contact=f"P-FIRM-{number}",
                           sealed=self._envelope(bidder, version),
                           received_at=arrived.isoformat() if published and arrived > published else None)  # fmt: skip

    def _envelope(self, bidder: str, version: int) -> str:
        return self.proof(f"bid {bidder} {self.app.tender.renotices} {version}")

    def evaluate_bids(self) -> Script:
        """A committee, one of whom may be in conflict and is replaced; its word on every bid."""
        officer, tender = R.PROCUREMENT_OFFICER, self.app.tender
        assert self.app.place is not None  # it was selected
        for nth, bid in enumerate(bid for bid in tender.standing if bid.krw is None):
            yield from self.do("record_bid", self.by(officer), bidder=bid.bidder, document=bid.sealed, country="KR",
                               krw=self.app.place.krw * (95 + nth) // 100)  # fmt: skip
        if not tender.committee:
            yield from self.do("name_committee", self.by(officer), members=self._evaluators())
        if self.claim("declare_bid_conflict"):
            tied = self.app.tender.committee[0].person
            yield from self.do("declare_bid_conflict", (tied, R.REVIEWER), conflict=True,
                               kind=ConflictKind.FAMILY.value, bidder=tender.standing[0].bidder)  # fmt: skip
            yield from self.pause(1)
            members = [*self._evaluators(tied)[:1], *(one.person for one in self.app.tender.committee[1:])]
            yield from self.do("name_committee", self.by(officer), members=members, reason="a conflict of interest")
        while waiting := undeclared(self.app):
            yield from self.do("declare_bid_conflict", (waiting[0], R.REVIEWER), conflict=False)
        yield from self.pause(2, 4)
        first, second = (one.person for one in self.app.tender.committee[:2])
        bidders = [bid.bidder for bid in self.app.tender.standing]
        verdicts = [{"bidder": bidder, "valid": True, "points": 92 - 4 * nth} for nth, bidder in enumerate(bidders)]
        data: dict[str, Any] = {"verdicts": verdicts, "order": bidders}
        proposed = yield from self.do("evaluate_bids", (first, R.REVIEWER), **data)
        yield from self.pause(1)
        yield from self.do("evaluate_bids", (second, R.REVIEWER), confirms=proposed, **data)

    def _evaluators(self, *but: str) -> list[str]:
        """Members who are tied to nobody and sit there for the first time."""
        seated = [one.person for one in self.app.tender.committee]
        able = [one.id for one in self.theatre.cast.acting(R.REVIEWER)]
        free = [one for one in able if one not in (*seated, *but, *self.tied()) and not tie_of(self.app, one)]
        return free[: self.programme.procurement.evaluators]

    def negotiate(self) -> Script:
        """A price with the first, the announcement, and what bidders say to it."""
        officer, tender = self.by(R.PROCUREMENT_OFFICER), self.app.tender
        first = tender.candidates[0]
        bid = tender.bid_of(first)
        assert bid is not None  # guard `order_by_points`
        assert bid.krw is not None  # guard `every_bid_recorded`
        minutes = [self.proof(f"minutes of the negotiation with {first}")]
        yield from self.pause(1, 3)
        if "no_price" in self.fate.work and self.once("negotiated in vain"):
            yield from self.do("record_negotiation", officer, bidder=first, agreed=False, evidence=minutes)
            return
        yield from self.do("record_negotiation", officer, bidder=first, agreed=True, krw=bid.krw, evidence=minutes,
                           reason="the only bid, after the last re-notice")  # fmt: skip
        yield from self.do("announce_award", officer, contractor=first)
        others = [bid.bidder for bid in tender.standing if bid.bidder != first and "standstill" in self.app.timers]
        if others and self.claim("uphold_complaint"):
            yield from self.complain(others[0], upheld=True)
            return
        if others and self.claim("dismiss_complaint"):
            yield from self.complain(others[0], upheld=False)
        while "standstill" in self.app.timers:
            yield Until(max(self.app.timers["standstill"].due_at + timedelta(days=4), self.theatre.in_days(1)))

    def complain(self, bidder: str, *, upheld: bool) -> Script:
        """A bidder complains in the standstill, and the objection committee decides."""
        committee = R.OBJECTION_COMMITTEE
        yield from self.pause(1, 2)
        yield from self.desk("complain", bidder=bidder, ground=self.programme.procurement.complaint_grounds[0],
                             evidence=[self.proof(f"complaint of {bidder}")])  # fmt: skip
        yield from self.pause(1, 3)
        if upheld:
            yield from self.two("uphold_complaint", committee, committee, bidder=bidder, reason="a page was not read")
        else:
            yield from self.do("dismiss_complaint", self.by(committee), bidder=bidder, reason="the minutes bear it out")

    def _bidders(self) -> list[str]:
        mine = self.contractor[0]
        return [mine, *(firm(n) for n in range(1, len(self.theatre.cast.firms) + 1) if firm(n) != mine)]

    def join(self, name: str) -> Script:
        """One more party joins the framework."""
        if name not in self.app.parties:
            yield from self.list_and_sign(name, "public_body", f"P-GOV-{self.character.country}")

    # --- work ---

    @property
    def firm(self) -> tuple[str, Role]:
        """Whoever speaks for the contractor there is now."""
        return self.app.contractor, R.CONTRACTOR

    def implementation(self) -> Script:
        """The work, the money for it, and what may come between."""
        yield from self.pause(5, 15)
        yield from self.aside()
        if self.claim("accede"):
            yield from self.join("UTILITY")
        yield from self.change_parties()
        if self.claim("extend") or self._over():
            yield from self.extend()
        yield from self.set_plan()
        yield from self.report_what_is_due()
        for first in self.app.plan[:-1][:1]:  # what was adopted past its work has its final report alone
            yield from self.finish(first.key)
            yield from self.be_paid(first.key)
        yield from self.look_after()
        if "terminated_implementation" in self.fate.work and self.once("terminated"):
            yield from self.terminate()
            return
        if "suspended" in self.fate.work.split() and "resumed" not in self._done:
            yield from self.suspend()
            return
        if self.once("worked"):
            starts = self.theatre.edition.implementation.starts_on or self._today
            assert self.app.ends_on is not None  # there is a contract
            length = (self.app.ends_on - max(starts, self._today)).days
            yield from self.work_on(self.theatre.in_days(max(5, int(length * 5 / 7 * self.random.uniform(0.5, 0.8)))))
        for milestone in self.app.plan[1:-1]:
            yield from self.finish(milestone.key)
        wanted = self.programme.deliverables[: self.programme.deliverables_needed]
        documents = [{"kind": kind, "sha256": self.proof(kind)} for kind in wanted]
        yield from self.do("submit_final", self.firm, deliverables=documents)

    @property
    def _today(self) -> date:
        return self.theatre.calendar.day_of(self.theatre.now)

    def _over(self) -> bool:
        return self.app.ends_on is not None and self.app.ends_on < self._today

    def set_plan(self) -> Script:
        """Three milestones until the end of the work; the first rests on nothing but the report on it."""
        if self.app.plan:
            return
        contract, ends_on, begun = self.app.contract, self.app.ends_on, self._today
        assert contract is not None  # that is where the work begins
        assert ends_on is not None
        left = contract.krw - self.app.paid_krw
        first, second = left * 4 // 10, left * 3 // 10
        kinds = self.programme.deliverables[: self.programme.deliverables_needed]
        parts: list[tuple[str, int, tuple[str, ...]]] = [
            ("inception_report", first, ()), ("interim_results", second, kinds[:1]),
            (FINAL_REPORT, left - first - second, kinds),
        ]  # fmt: skip
        milestones = [
            {"key": key, "due_on": (begun + (ends_on - begun) * n // 3).isoformat(), "krw": krw, "deliverables": kinds}
            for n, (key, krw, kinds) in enumerate(parts, start=1)
        ]
        plan = self.app.plan_proposed
        if plan is None:
            yield from self.do("set_plan", self.firm, milestones=milestones)
            yield from self.pause(1, 3)
            plan = self.app.plan_proposed
        assert plan is not None
        yield from self.desk("accept_plan", plan=plan.entry)

    def finish(self, key: str) -> Script:
        """A milestone is reported by the contractor and accepted by the desk."""
        milestone = self.app.milestone(key)
        if milestone is None or milestone.accepted_at:
            return
        if milestone.reported_by is None:
            yield from self.pause(1, 4)
            documents = [{"kind": kind, "sha256": self.proof(kind)} for kind in milestone.deliverables]
            yield from self.report(month_of(self._today), milestone=key, deliverables=documents)
        yield from self.pause(1, 3)
        yield from self.desk("accept_milestone", milestone=key, evidence=[self.proof(f"review of {key}")])

    def report(self, month: str, **data: Any) -> Script:
        """A report on a month; at half of the work the interim report."""
        half = month_of(half_of_the_work(self.app, self.theatre.calendar.zone))
        interim = month >= half and "interim" not in [report.kind for report in self.app.reports]
        yield from self.do("report", self.firm, kind="interim" if interim else "monthly", month=month,
                           document=self.proof(f"report {len(self.app.reports)}"), **data)  # fmt: skip

    def _next_report(self) -> datetime | None:
        """When the contractor writes the report that is due next; nothing, where none is asked for."""
        timer = self.app.timers.get(REPORT_TIMER)
        return timer.due_at - timedelta(days=8) if timer else None

    def report_what_is_due(self) -> Script:
        """The reports of the months that are due about now."""
        while (at := self._next_report()) is not None and at <= self.theatre.now:
            yield from self.report(month_asked(self.app.timers[REPORT_TIMER], self.theatre.calendar.zone))

    def work_on(self, until: datetime) -> Script:
        """Work until then, with a report each month."""
        while (at := self._next_report()) is not None and at < until:
            yield Until(max(at, self.theatre.now))
            yield from self.report_what_is_due()
        yield Until(max(until, self.theatre.now))

    def be_paid(self, key: str) -> Script:
        """An accepted milestone is claimed, in part or in full, and what is accepted of it is paid."""
        milestone = self.app.milestone(key)
        if milestone is None or not milestone.accepted_at:
            return
        while True:
            yield from self.decide_claims(key)
            yield from self.pay(key)
            left = milestone.krw - self.app.claimed_krw(milestone=key)
            if not left:
                return
            yield from self.make_claim(key, left)

    def make_claim(self, key: str, krw: int) -> Script:
        """The contractor claims a sum for a milestone."""
        assert self.app.contract is not None  # whose contractor claims
        yield from self.pause(1, 3)
        number = len(self.app.claims) + 1
        yield from self.do("claim", self.firm, claim=number, milestone=key, krw=krw, payee=self.app.contract.contractor,
                           country="KR", evidence=[self.proof(f"invoice {number}")])  # fmt: skip

    def decide_claims(self, key: str | None = None) -> Script:
        """Each claim, or each for a milestone, is accepted; where nobody has rejected one yet, it lacks a document."""
        for claim in self.app.claims:
            if claim.state == "claimed" and key in (None, claim.milestone):
                yield from self.pause(1, 3)
                if self.claim("reject_claim"):
                    yield from self.desk("reject_claim", claim=claim.number, reason="the invoice is not signed")
                else:
                    evidence = [self.proof(f"check of claim {claim.number}")]
                    yield from self.desk("accept_claim", claim=claim.number, evidence=evidence)

    def pay(self, key: str | None = None) -> Script:
        """What was accepted, or was for a milestone, is paid."""
        for claim in self.app.claims:
            if claim.state == "accepted" and key in (None, claim.milestone):
                yield from self.pause(1, 4)
                yield from self.do("pay", self.by(R.FINANCE), claim=claim.number, done_on=self._today.isoformat(),
                                   evidence=[self.proof(f"payment {claim.number}")])  # fmt: skip

    def look_after(self) -> Script:
        """A visit, a subcontract, a change of what is to be done."""
        yield from self.visit()
        if self.claim("approve_subcontract") or (self.random.random() < 0.3 and self.once("subcontract")):
            assert self.app.contract is not None  # there is one
            yield from self.desk("approve_subcontract", firm=firm(1), country="KR", krw=self.app.contract.krw // 10,
                                 evidence=[self.proof("subcontract")])  # fmt: skip
        if self.claim("change_scope"):
            yield from self.change_scope()

    def visit(self) -> Script:
        """The desk goes and looks, where nobody has gone at this stage, or now and then."""
        if self.claim("visit_site") or (self.random.random() < 0.3 and self.once(f"visit {self.stage}")):
            yield from self.desk("visit_site", done_on=self._today.isoformat(), present=[self.officer, self.firm[0]],
                                 minutes=self.proof(f"visit {self.stage}"))  # fmt: skip

    def change_scope(self) -> Script:
        """Some of the final report's work becomes a milestone of its own."""
        *before, final = [milestone.model_dump(mode="json") for milestone in self.app.plan]
        names = ("key", "due_on", "krw", "deliverables")
        training = {"key": "training", "due_on": final["due_on"], "krw": final["krw"] // 4, "deliverables": []}
        final = {**final, "krw": final["krw"] - training["krw"]}
        milestones = [{name: one[name] for name in names} for one in (*before, training, final)]
        yield from self.two("change_scope", R.DESK, R.HEAD, milestones=milestones, evidence=[self.proof("new scope")],
                            reason="the city wants its own people trained")  # fmt: skip

    def suspend(self) -> Script:
        """The work is suspended, in the midst of things: two claims wait."""
        silent = "silent" in self.fate.work
        while silent and REPORT_TIMER in self.app.timers and self.app.reports_missed < self._may_miss:
            yield from self.pause(4)
        for milestone in self.app.plan[1:2]:
            yield from self.finish(milestone.key)
            for _ in range(2 if not self.app.claimed_krw(milestone=milestone.key) else 0):
                yield from self.make_claim(milestone.key, milestone.krw // 4)
        yield from self.pause(5, 10)
        why = "reports were missed" if silent else "the site cannot be entered"
        yield from self.do("suspend", self.by(R.MINISTRY), reason=why)

    @property
    def _may_miss(self) -> int:
        return self.theatre.edition.implementation.missed_reports

    def extend(self) -> Script:
        """A later end of the work."""
        assert self.app.ends_on is not None  # there is a contract
        later = max(self.app.ends_on, self._today) + timedelta(days=45)
        ground = self.theatre.edition.implementation.extension_reasons[0]
        yield from self.two("extend", R.MINISTRY, R.MINISTRY, ends_on=later.isoformat(), ground=ground)

    def terminate(self) -> Script:
        """Notice, settlement, and the end once the notice is over; where nobody has yet, a first notice is withdrawn."""
        if self.claim("withdraw_termination"):
            yield from self.notify("the city has stopped the works")
            yield from self.pause(5, 8)
            yield from self.do("withdraw_termination", self.by(R.MINISTRY), reason="the works have begun again")
        yield from self.notify("the city has stopped the works for good")
        yield from self.decide_claims()
        yield from self.settle()
        while (ends := self.app.termination_at) is not None and self.theatre.now < ends + timedelta(hours=30):
            yield Until(ends + timedelta(hours=30))
        yield from self.two("terminate", R.MINISTRY, R.MINISTRY)

    def notify(self, why: str) -> Script:
        """Notice of termination, a few days longer than it must be: until it is given some may pass."""
        ends = self.theatre.now + self.theatre.edition.least_ahead(NOTICE_TIMER) + timedelta(days=6)
        yield from self.do("notify_termination", self.by(R.MINISTRY), ends_at=ends.isoformat(), reason=why)

    def settle(self, refund: int = 0) -> Script:
        """The sums are recorded as the ledger has them, and so much that is still to be refunded."""
        refund += self.app.recovered_krw + self.app.written_off_krw
        yield from self.do("record_settlement", self.by(R.FINANCE), paid_krw=self.app.paid_krw,
                           due_krw=self.app.owed_krw, refund_krw=refund, evidence=[self.proof("settlement")])  # fmt: skip

    def get_back(self) -> Script:
        """A part of what is to be refunded comes in; the rest never will."""
        part = self.app.refund_krw // 2
        if part:
            yield from self.pause(4, 8)
            yield from self.do("recover", self.by(R.FINANCE), krw=part, done_on=self._today.isoformat(),
                               evidence=[self.proof("refund")])  # fmt: skip
        if self.app.refund_krw:
            yield from self.pause(4, 8)
            yield from self.two("write_off", R.MINISTRY, R.MINISTRY, krw=self.app.refund_krw,
                                reason="the firm has gone bankrupt")  # fmt: skip

    def suspended(self) -> Script:
        """Work rests; claims are decided all the same."""
        yield from self.pause(2, 4)
        yield from self.aside()
        if self.claim("accede"):
            yield from self.join("INSURER")
        yield from self.change_parties()
        if self.claim("extend"):
            yield from self.extend()
        yield from self.visit()
        yield from self.decide_claims()
        if "terminated_suspended" in self.fate.work:
            yield from self.terminate()
            return
        yield from self.pay()
        if self.claim("replace_contractor"):
            yield from self.replace_contractor()
        yield from self.pause(10, 20)
        self._done.add("resumed")
        yield from self.do("resume", self.by(R.MINISTRY), reason="the site is open again")

    def replace_contractor(self) -> Script:
        """The first one is paid for what was accepted; another firm accedes to the framework and does the rest."""
        contract, number = self.app.contract, (self.character.number + 1) % len(self.theatre.cast.firms) + 1
        assert contract is not None  # it is being worked on
        for milestone in self.app.plan:
            yield from self.be_paid(milestone.key)
        yield from self.list_and_sign(firm(number), "company", f"P-FIRM-{number}")
        paid, due = self.app.paid_krw, self.app.owed_krw
        officer = R.PROCUREMENT_OFFICER
        yield from self.two("replace_contractor", officer, officer, contractor=firm(number), country="KR",
                            krw=contract.krw - paid - due, paid_krw=paid, due_krw=due,
                            evidence=[self.proof("notice of default")], reason="the firm has left the site")  # fmt: skip

    def acceptance(self) -> Script:
        """The report is read, sent back if something is missing, and accepted with the host government."""
        yield from self.pause(3, 8)
        yield from self.aside()
        if self.claim("extend"):
            yield from self.extend()
        yield from self.visit()
        for milestone in self.app.plan:
            yield from self.be_paid(milestone.key)
        if "terminated_acceptance" in self.fate.work and self.once("terminated"):
            yield from self.terminate()
            return
        if self.claim("return_final") or (self.random.random() < 0.2 and self.once("returned")):
            yield from self.desk("return_final", missing=["annex_on_operations"])
            return
        host = f"P-GOV-{self.character.country}", R.HOST_GOVERNMENT
        for side, who in (("secretariat", (self.officer, R.DESK)), ("host_government", host)):
            if side not in self.app.acceptance:
                yield from self.pause(0, 2)
                yield from self.do("agree_acceptance", who, minutes=self.proof("minutes of acceptance"))
        yield from self.desk("accept_final")

    def settlement(self) -> Script:
        """Money is paid and settled, and the file is closed by two of the ministry."""
        yield from self.pause(5, 12)
        yield from self.aside()
        for milestone in self.app.plan:
            yield from self.be_paid(milestone.key)
        yield from self.pay()
        refunds = [trigger for trigger in ("recover", "write_off") if self.claim(trigger)]
        late = not refunds and LONG_STOP in self.app.timers and self.closes_late()
        if self.claim("record_settlement") or not settled(self.app) or refunds or late:
            yield from self.settle(refund=self.app.paid_krw // 20 if refunds or late else 0)
        if refunds:
            yield from self.get_back()
        while late and LONG_STOP in self.app.timers:
            yield from self.pause(5)
        yield from self.pause(2, 6)
        grade = self.random.choice(("good", "good", "fair", "poor"))
        why = "the refund is before the court" if self.app.refund_krw else None
        yield from self.two("close", R.MINISTRY, R.MINISTRY, grade=grade, filed=True, reason=why)

    def closes_late(self) -> bool:
        """Whether this is the one that is closed on what is known, with a refund that is still to come."""
        if self.theatre.claim("recover", S.CLOSED):
            self._claims.append(("recover", S.CLOSED))
            return True
        return False

    # --- ends ---

    def closed(self) -> Script:
        """Follow-up, half a year later and a year later."""
        if self.once("closed"):
            yield from self.aside()
        yield from self.get_back()
        if not self.once("followed up"):
            return
        for status in ("proposed", self.random.choice(("agreed", "declined"))):
            while self.stage is S.CLOSED and not self._asked_what_became_of_it():
                yield from self.pause(10)
            if self.stage is not S.CLOSED:
                return
            kind = self.random.choice(self.theatre.edition.follow_on)
            yield from self.record("follow_up", kind, status)
            if self.claim("supersede_follow_up"):
                yield from self.pause(2)
                yield from self.record("supersede_follow_up", kind, status, krw=self.award * 10,
                                       supersedes=self.app.follow_ups[-1].entry,
                                       reason="the sum had been left out")  # fmt: skip
            if self.random.random() < 0.5:
                break

    def _asked_what_became_of_it(self) -> bool:
        timer = self.app.timers.get("follow_up")
        return timer is None or timer.done > 0

    def record(self, trigger: str, kind: str, status: str, **data: Any) -> Script:
        """What became of the project, with a letter that says so."""
        bank = ["O-DEVELOPMENT-BANK"] if "bank" in kind else []
        yield from self.desk(trigger, kind=kind, status=status, partners=[self.character.organisation, *bank], **data,
                             evidence=[self.proof(f"letter {kind} {status}")])  # fmt: skip

    def turned_down(self) -> Script:
        """Ineligible or not selected: a letter, and perhaps an objection."""
        yield from self.aside()
        if self.stage is S.NOT_SELECTED and not self.app.published:
            while not self.app.published:
                yield from self.pause(2)
        if not self.app.letter_sent:
            yield from self.pause(0, 3)
            yield from self.desk("send_letter")
        upheld = self.fate.objection if isinstance(self.fate.objection, Stage) else None
        if self.fate.objection is None:
            yield from self.find_conflict()
        if self.app.objection is None and self.fate.objection is not None and self.once("objects"):
            if upheld is not None and (upheld is S.SCREENING) != (self.stage is S.INELIGIBLE):
                return
            yield from self.pause(1, 2)
            yield from self.do("object", self.applicant, ground="office_error", evidence=[self.proof("objection")])
        objection = self.app.objection
        if objection is None:
            return
        if objection.state == "open":
            yield from self.pause(2, 4)
            committee = R.OBJECTION_COMMITTEE
            if upheld is None:
                yield from self.do("dismiss_objection", self.by(committee), reason="the sheets bear the decision out")
                return
            yield from self.two("uphold_objection", committee, committee, step=upheld.value,
                                reason="a page of the file had been overlooked")  # fmt: skip
        if upheld is not None:
            name = {S.SHORTLISTED: "selection", S.PAPER_REVIEW: "review"}.get(upheld, upheld.value)
            yield from self.pause(1)
            self._done.add("reopened")
            yield from self.desk(f"reopen_{name}")

    def gone(self) -> Script:
        """Withdrawn, deferred or cancelled: only what may happen anywhere."""
        if self.once(f"gone {self.stage}") or self.theatre.missing():
            yield from self.aside()
        if self.stage is S.WITHDRAWN and self.claim("send_letter"):
            yield from self.desk("send_letter")

    def terminated(self) -> Script:
        """What was accepted is paid; the sums are settled once more, where too much was paid."""
        yield from self.aside()
        yield from self.pay()
        if self.claim("record_settlement"):
            yield from self.settle(refund=self.app.paid_krw // 20)
        yield from self.get_back()

    # --- places ---

    def choice(self, rank: int, krw: int, line: selection.Ranked) -> dict[str, Any]:
        """A place for it, as the edition names it."""
        character = self.character
        return {"ref": self.ref, "krw": krw, "rank": rank, "organisation": character.organisation,
                "country": character.country, "score": line.candidate.score, "bonus": line.bonus,
                "decided_by": line.decided_by}  # fmt: skip

    @property
    def award(self) -> int:
        """What it would be granted, in KRW."""
        award = self.programme.award
        if not award.bands:
            return award.max_krw if self.character.number % 2 else award.min_krw
        return next(band for band in award.bands if (self.character.months or 0) <= band.months).max_krw


SCENES: dict[Stage, Callable[[Story], Script]] = {
    S.RECEIVED: Story.received,
    S.SCREENING: Story.screening,
    S.PAPER_REVIEW: Story.paper_review,
    S.CONSULTATION: Story.consultation,
    S.PRESENTATION: Story.presentation,
    S.CONFIRMATION: Story.confirmation,
    S.SHORTLISTED: Story.shortlisted,
    S.SELECTED: Story.selected,
    S.RESERVE: Story.reserve,
    S.FRAMEWORK: Story.framework,
    S.PROCUREMENT: Story.procurement,
    S.IMPLEMENTATION: Story.implementation,
    S.SUSPENDED: Story.suspended,
    S.ACCEPTANCE: Story.acceptance,
    S.SETTLEMENT: Story.settlement,
    S.CLOSED: Story.closed,
    S.INELIGIBLE: Story.turned_down,
    S.NOT_SELECTED: Story.turned_down,
    S.WITHDRAWN: Story.gone,
    S.DEFERRED: Story.gone,
    S.CANCELLED: Story.gone,
    S.TERMINATED: Story.terminated,
}


def _return_wish(story: Story, before: Application) -> Wish:
    """The edition's order to undo a move that took or freed a place."""
    return Wish("order_return", story.ref, {"to": before.stage.value})


class Secretariat:
    """The edition's script: what the committee, the ministry and the head do day by day."""

    def __init__(self, theatre: Theatre, stories: list[Story]) -> None:
        self.theatre, self.stories = theatre, stories
        self.edition = theatre.edition
        calendar, results = theatre.calendar, theatre.edition.results
        due = results.due_on
        self.decides_on = results.decided_on or calendar.plus_working_days(due, -DECIDED_BEFORE)
        self.publishes_on = calendar.plus_working_days(due, -1)
        self._named_for: dict[str, int] = {}
        self._thaws: list[tuple[datetime, tuple[str, ...]]] = []
        self._ordered_at = theatre.origin_at

    @property
    def call(self) -> selection.Call:
        """The edition's facts."""
        return self.theatre.dry.edition.call

    def two(self, trigger: str, first: Role, second: Role, concerns: tuple[str, ...] = (), **data: Any) -> Acting:
        """One proposes, another confirms after lunch."""
        proposer = self.theatre.pick(first)
        proposed = yield Do(trigger, data, proposer, first, concerns=())
        yield Until(self.theatre.now + timedelta(minutes=90))
        other = self.theatre.pick(second, proposer)
        self._ordered_at = self.theatre.now
        act: Act = yield Do(trigger, data, other, second, confirms=proposed, concerns=concerns)
        return act

    def season(self) -> Script:
        """From the opening of the call to the closing of the edition."""
        yield Until(self.theatre.working(self.theatre.now))
        proposed = yield Do("open_call", {}, self.theatre.pick(R.HEAD), R.HEAD)
        yield Do("open_call", {}, self.theatre.pick(R.MINISTRY), R.MINISTRY, confirms=proposed)
        pool = [reviewer.model_dump(mode="json") for reviewer in self.theatre.cast.pool]
        yield Do("name_reviewers", {"reviewers": pool}, self.theatre.pick(R.DESK), R.DESK)
        yield from self.adopt()
        while not self.over():
            yield Until(self.theatre.in_days(1))
            yield from self.thaw()
            yield from self.grant()
            today = self.theatre.calendar.day_of(self.theatre.now)
            if self.call.stage in (EditionStage.DECIDING, EditionStage.PUBLISHED) and today >= self.decides_on:
                for programme in self.edition.programmes:
                    yield from self.decide(programme)
                    yield from self.promote(programme)
                yield from self.publish(today >= self.publishes_on)
        yield from self.two("close_edition", R.MINISTRY, R.MINISTRY, open_applications=0)

    def adopt(self) -> Script:
        """Projects that run already are taken over before anybody applies: the journal's first numbers are theirs."""
        proposals = []
        for story in self.stories:
            if stage := story.fate.adopted_at:
                data = story.running(self.theatre.dry.number(story.programme.key), stage)
                proposed = yield Do("adopt", data, self.theatre.pick(R.HEAD), R.HEAD)
                proposals.append((story, data, proposed))
        for story, data, proposed in proposals:
            second = self.theatre.pick(R.MINISTRY)
            yield Do("adopt", data, second, R.MINISTRY, confirms=proposed, concerns=(data["ref"],))
            story.ref = data["ref"]

    def over(self) -> bool:
        """Whether every application has ended and nobody has anything more to do."""
        if self.call.stage is not EditionStage.PUBLISHED:
            return False
        return all(player.over for player in self.theatre.players[1:])

    def grant(self) -> Script:
        """What applications wait for: a cancellation, or a move taken back."""
        wishes, self.theatre.wishes = self.theatre.wishes, []
        for wish in wishes:
            data: dict[str, Any] = {"reason": "asked for by the case officer"}
            if wish.trigger == "cancel_call":
                if self.call.stage is EditionStage.DRAFT:
                    self.theatre.wishes.append(wish)
                    continue
                refs = self._of_country(wish.data["country"])
                data |= {"countries": [wish.data["country"]], "refs": refs}
                yield from self.two("cancel_call", R.MINISTRY, R.MINISTRY, tuple(refs), **data)
            elif wish.trigger == "freeze":
                if self.call.stage is EditionStage.DRAFT:
                    self.theatre.wishes.append(wish)
                else:
                    yield from self.freeze(wish)
            elif wish.trigger == "cancel_award":
                yield from self.two("cancel_award", R.MINISTRY, R.MINISTRY, (wish.ref,), ref=wish.ref, **data)
            else:
                data |= {"ref": wish.ref, **wish.data}
                yield from self.two("order_return", R.DESK, R.HEAD, (wish.ref,), **data)

    def freeze(self, wish: Wish) -> Script:
        """A country of which somebody asked for it rests; after the decision, another that has most at work with it."""
        near = next(story for story in self.stories if story.ref == wish.ref).stage in (*BEFORE_DECISION, S.RESERVE)
        frozen = self.call.frozen()
        at_work = Counter(
            s.character.country for s in self.stories if s.ref and s.stage not in (*ENDS, *BEFORE_DECISION)
        )
        others = [country for country, _ in at_work.most_common() if country != wish.data["country"]]
        countries = tuple(c for c in (wish.data["country"], *others[: 0 if near else 1]) if c not in frozen)
        if wish.data["country"] not in countries:
            return
        yield from self.two("freeze", R.MINISTRY, R.MINISTRY, self._resting(countries), countries=list(countries),
                            reason="the borders are closed")  # fmt: skip
        self._thaws.append((self.theatre.in_days(FROZEN_DAYS[0] if near else FROZEN_DAYS[1]), countries))

    def thaw(self) -> Script:
        """Freezes whose time is over are lifted."""
        over = [countries for at, countries in self._thaws if at <= self.theatre.now]
        self._thaws = [(at, countries) for at, countries in self._thaws if at > self.theatre.now]
        for countries in over:
            yield from self.two("unfreeze", R.MINISTRY, R.MINISTRY, self._resting(countries), countries=list(countries),
                                reason="the borders are open again")  # fmt: skip

    def _resting(self, countries: tuple[str, ...]) -> tuple[str, ...]:
        closed = self.theatre.dry.is_closed
        return tuple(
            s.ref for s in self.stories
            if s.ref and s.character.country in countries and s.stage not in ENDS and not closed(s.ref)
        )  # fmt: skip

    def _of_country(self, country: str) -> list[str]:
        closed = self.theatre.dry.is_closed
        return [
            story.ref
            for story in self.stories
            if story.ref and story.character.country == country and not closed(story.ref)
            and (story.stage in BEFORE_DECISION or story.stage is S.RESERVE)
        ]  # fmt: skip

    # --- places ---

    def decide(self, programme: Programme) -> Script:
        """Those who wait for a decision are ranked, and the committee's proposal is approved."""
        waiting = [
            s for s in self.stories
            if s.ref and s.programme is programme and s.awaits_decision and s.stage is S.SHORTLISTED and s.judged_in_full
        ]  # fmt: skip
        reserve_of = {choice.ref: choice for choice in self.call.reserve(programme.key)}
        standing = [s for s in self.stories if s.ref in reserve_of and s.stage is S.RESERVE and s.judged_in_full]
        judged_anew = any(_candidate(s).score != reserve_of[s.ref].score for s in standing)
        if not waiting and not judged_anew and programme.key in self.call.decided:
            return
        with_project = {holder.choice.country for holder in self.call.places.values()}
        lines = selection.rank(
            programme,
            [_candidate(story) for story in (*waiting, *standing)],
            frozenset({*self.edition.project_countries, *with_project}),
        )
        by_ref = {story.ref: story for story in (*waiting, *standing)}
        room = 0 if programme.key in self.call.nominated else self._room(programme)  # what came free is the reserve's
        selected: list[Any] = []
        reserve: list[Any] = []
        first = self.call.next_rank(programme.key)
        for place, line in enumerate(lines):
            ref, points = line.candidate.ref, Fraction(line.candidate.score) + line.bonus
            choice = by_ref[ref].choice(first + place, by_ref[ref].award, line)
            if ref in reserve_of or (points >= RESERVE_FROM and self._reserve_open() and len(selected) >= room):
                room = 0  # whoever comes after the reserve goes behind it
                reserve.append(choice)
            elif points >= SELECTED_FROM and len(selected) < room:
                selected.append(choice)
            elif points >= RESERVE_FROM and self._reserve_open():
                reserve.append(choice)
        ranking = [line.candidate.ref for line in lines]
        voted, equals = selection.told_apart(lines, {choice["ref"] for choice in (*selected, *reserve)})
        minutes = [proof(programme.key, "minutes of the vote", *voted)] if voted else None
        in_order = [choice["ref"] for choice in (*selected, *reserve)] == ranking[: len(selected) + len(reserve)]
        for story in waiting:
            story.awaits_decision = False
        yield from self.two("decide_selection", R.COMMITTEE, R.MINISTRY, tuple(s.ref for s in waiting),
                            programme=programme.key, ranking=ranking, selected=selected, reserve=reserve, voted=voted,
                            equals=equals, evidence=minutes,
                            reason=None if in_order and not self.call.nominated and not self._others(programme, by_ref)
                            else "who is not ranked is not judged in full yet, or comes too late")  # fmt: skip

    def _others(self, programme: Programme, ranked: Container[str]) -> bool:
        """Whether others than those ranked may come to the shortlist at any moment, or back to it."""
        return any(
            s.ref and s.programme is programme and s.ref not in ranked and not self.theatre.dry.is_closed(s.ref)
            for s in self.stories
        )

    def _room(self, programme: Programme) -> int:
        places = self.call.places
        adopted = sum(ref in places and places[ref].programme == programme.key for ref in self.call.adopted)
        meant = programme.quota.places - (self.call.taken(programme.key) - adopted)
        left = selection.places_left(self.call, self.edition, programme)
        return max(0, meant if left is None else min(meant, left))

    def _reserve_open(self) -> bool:
        ladder = self.edition.ladder("reserve")
        last = ladder.due.on if ladder else None
        return last is None or self.theatre.calendar.day_of(self.theatre.now) + timedelta(days=4) < last

    def promote(self, programme: Programme) -> Script:
        """Three days after a place came free it goes to whoever was named next, or, with a reason, to who is ready."""
        named = self.call.nominated.get(programme.key)
        able = [
            story for story in self.stories
            if story.ref and story.programme is programme and story.stage is S.RESERVE and self._is_as_decided(story)
            and not story.app.frozen
        ]  # fmt: skip
        # Who had a place, and lost it by a move taken back, has much before it.
        back = [story.ref for story in able if story.fate.tier == "selected"]
        ready = back or [story.ref for story in able if story.fate.promoted]
        if named is None or not ready or not self._reserve_open() or self.theatre.wishes:
            self._named_for[programme.key] = 0
            return
        self._named_for[programme.key] = self._named_for.get(programme.key, 0) + 1
        if self._named_for[programme.key] < 3:
            return
        ref = named if named in ready else ready[0]
        story = next(story for story in self.stories if story.ref == ref)
        yield from self.two("promote_next", R.MINISTRY, R.MINISTRY, (ref,), ref=ref, krw=story.award,
                            reason=None if ref == named else "the first whose host government is ready")  # fmt: skip

    def _is_as_decided(self, story: Story) -> bool:
        held = self.call.standing(story.ref)
        return held is not None and story.judged_in_full and _candidate(story).score == held.choice.score

    def publish(self, day_has_come: bool) -> Script:
        """All results at one instant; later, those of applications that were rejected since."""
        undecided = [p.key for p in self.edition.programmes if p.key not in self.call.decided]
        if not day_has_come or undecided or any(story.awaits_decision or story.takes_back for story in self.stories):
            return
        if self.theatre.wishes or self.theatre.now < self._ordered_at + timedelta(hours=40):
            return  # what was decided yesterday may still be found to be an error
        refs = tuple(
            story.ref for story in self.stories
            if story.ref and story.stage in (S.SELECTED, S.RESERVE, S.NOT_SELECTED) and not story.app.published
            and not self.theatre.dry.is_closed(story.ref)
        )  # fmt: skip
        if refs or self.call.stage is EditionStage.DECIDING:
            yield from self.two("publish_results", R.MINISTRY, R.MINISTRY, refs,
                                reason="fewer places than announced, where so")  # fmt: skip


def _candidate(story: Story) -> selection.Candidate:
    score = final_score(story.app, story.programme)
    criteria = {c.key: str(criterion_mean(story.app, story.programme, c.key)) for c in story.programme.criteria}
    return selection.Candidate(
        ref=story.ref,
        country=story.character.country,
        organisation=story.character.organisation,
        score=str(score),
        criteria=criteria,
        sheets=len(story.app.counted_sheets(ranking_step(story.programme))),
        matching_krw=story.app.matching_krw,
    )
