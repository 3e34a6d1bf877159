"""Whatever people, races and kills do to a selection: places, reserve, conflicts, ranking and ledgers stay right.

Examples are drawn by hypothesis and played on a real server, on disk. ``make test`` plays a few, always the same;
``make proof`` plays many, and kills more often.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections import Counter
from fractions import Fraction
from functools import partial
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from temporalio.service import RPCError

from kcity_flow.domain import retelling
from kcity_flow.domain.application import Application
from kcity_flow.domain.edition import Programme, Quota, QuotaKind, Tempo
from kcity_flow.domain.errors import FileClosed, NotPermitted, Refusal, Unavailable
from kcity_flow.domain.ledger import breaks
from kcity_flow.domain.messages import Entry, Outcome, Receipt, View, edition_id
from kcity_flow.domain.moves import BY_TRIGGER, EDITION_BY_TRIGGER
from kcity_flow.domain.reading import SEALED, listed, without
from kcity_flow.domain.selection import Call
from kcity_flow.domain.stages import Role, Stage
from kcity_flow.gateway import Actor
from kcity_flow.interfaces.ranking import decision, ranking, ranking_told
from tests.proof.world import BOTH, ROLES, SECOND_COMMITTEE, SECOND_OBJECTIONS, World, world
from tests.season import (
    APPLICANT,
    CHAIR,
    COMMITTEE,
    DESK,
    HEAD,
    MINISTRY,
    OBJECTIONS,
    PROOF,
    REVIEWERS,
    SECOND_MINISTRY,
    Life,
)  # fmt: skip

PROOFS = int(os.environ.get("PROOF", "0"))
"""Servers on which examples are played in full; without any, a sample."""

PATIENCE = 180.0
"""Seconds within which everything that was ordered is told, also when an activity was killed with its worker."""

WHY = "as the minutes say"
CITIES = ("ANKARA", "BURSA", "CAIRO", "DAKAR", "ESSEN", "FEZ", "GAZA")
COUNTRIES = ("TR", "VN")
WITH_FUNDS = (1, 4)
"""Which of the cities bring matching funds."""

INDEX = st.integers(0, len(CITIES) - 1)
REVIEWER = st.integers(0, len(REVIEWERS) - 1)
STEP = st.sampled_from(["paper_review", "presentation"])
POINTS = st.tuples(*[st.sampled_from([80, 75, 90, 72])] * 2)
KRW = st.sampled_from([400_000_000, 500_000_000, 600_000_000, 399_999_999, 600_000_001])
QUOTAS = st.builds(Quota, kind=st.sampled_from(["up_to", "exact", "about"]), places=st.integers(1, 2))
ROUTES = st.sampled_from([("paper_review",), ("paper_review", {"consultation": 1}), ("paper_review", "presentation")])

sometimes = st.booleans()
Answer = Receipt | Refusal


class Selection(RuleBasedStateMachine):
    """An edition of its own, some applications, and what people do with them in any order."""

    kills = 0
    examples, steps = 0, 0
    done: Counter[str] = Counter()

    def __init__(self, runs: World) -> None:
        super().__init__()
        self.world = runs
        self.lives: list[Life] = []
        self.dead: list[Life] = []
        self.checked: dict[str, int] = {}
        Selection.examples += 1

    def run(self, work: Any) -> Any:
        return self.world.run(work)

    # --- the beginning ---

    @initialize(
        quota=QUOTAS, total=st.sampled_from([None, 2]), budget_krw=st.sampled_from([None, 900_000_000]), route=ROUTES,
        one_per_applicant=sometimes, trim_from=st.sampled_from([None, 3]), bonus=st.sampled_from([0, 0, 7]),
        points=st.lists(POINTS, min_size=4, max_size=4),
    )  # fmt: skip
    def opens(self, points: list[tuple[int, int]], **rules: Any) -> None:
        self.season = self.world.season(**rules)
        self.edition, self.register = self.season.edition, self.season.register
        self.name, self.office = edition_id(self.edition.year), self.world.office()
        self.run(self._opens(points))

    async def _opens(self, points: list[tuple[int, int]]) -> None:
        await self.season.open()
        ankaras = {"person": REVIEWERS[-1].person, "organisations": ["O-ANKARA"]}
        pool = [ankaras, *({"person": reviewer.person} for reviewer in REVIEWERS[:-1])]
        await self.season.decide("name_reviewers", DESK, reviewers=pool)
        await self.season.ledger()  # of which the gateway knows whom reviewers belong to
        for number, programme in enumerate(["planning", "planning", "planning", "demonstration"]):
            await self._applies(number, programme)
        await asyncio.gather(*(self._to_shortlist(life, p) for life, p in zip(self.lives, points, strict=True)))

    async def _applies(self, number: int, programme: str) -> None:
        more: dict[str, Any] = {
            "country": COUNTRIES[number % 2],
            "received_at": self.edition.windows[0].opens_at.isoformat(),
        }
        if number in WITH_FUNDS:
            more["matching"] = {"krw": 50_000_000, "sha256": PROOF}
        self.lives.append(await self.season.apply(CITIES[number], programme, **more))

    async def _to_shortlist(self, life: Life, points: tuple[int, int]) -> None:
        await life.is_screened()
        while await life.stage() != "shortlisted":
            await self._goes_on(life, points)

    async def _goes_on(self, life: Life, points: tuple[int, int]) -> None:
        """One step further on its route."""
        stage = await life.stage()
        following = [step.kind.value for step in life.rules.route]
        following = following[following.index(stage) + 1 :] if stage in following else []
        match stage:
            case "screening":
                await life.is_screened()
            case "paper_review":
                if not (await life.facts())["reviews"]:  # an objection led back here: they are chosen anew
                    await life._seat(REVIEWERS[1:3], "paper_review")
                await self._judges(life, points)
                if "consultation" in following:
                    await life.is_consulted()
                elif "presentation" in following:
                    await life._seat(REVIEWERS[:2], "presentation")
                    await life.do("invite_to_presentation", CHAIR)
                    await life._meets()
                else:
                    await life.do("shortlist", CHAIR)
            case "presentation":
                await self._judges(life, points)
                await life.do("shortlist", CHAIR)

    async def _judges(self, life: Life, points: tuple[int, int]) -> None:
        seats = (await life.facts())["reviews"][await life.stage()]
        judges = [Actor(seat["reviewer"], Role.REVIEWER) for seat in seats if seat["scores"] is None][:2]
        for reviewer, given in zip(judges, points, strict=False):
            await life.do("seal_sheet", reviewer, scores=_scores(life, given))

    # --- commands ---

    async def attempt(self, subject: str, trigger: str, who: Actor, **data: Any) -> Answer:
        """One command. A refusal is recorded under its rule, and has changed nothing."""
        before = await self._standing(subject)
        try:
            return await self.season.gateway.command(subject, trigger, data, who)
        except FileClosed as refusal:
            assert before["view"]["closed"]
            return refusal
        except Refusal as refusal:
            last = (await self.season.ledger(subject))[-1]
            assert last.refused is not None
            told = (last.command, last.person, last.refused.code, last.refused.guard)
            _same(told, (trigger, who.person, refusal.code, refusal.guard))
            _same((last.number, last.previous), (before["view"]["entries"] + 1, before["view"]["head"]))
            after = await self._standing(subject)
            _same((after["facts"], after["proposals"]), (before["facts"], before["proposals"]))
            return refusal

    async def two(self, subject: str, trigger: str, first: Actor, second: Actor, **data: Any) -> Answer:
        """Proposed by one and confirmed by the other."""
        answer = await self.attempt(subject, trigger, first, **data)
        if isinstance(answer, Receipt) and answer.outcome is Outcome.PROPOSED:
            answer = await self.attempt(subject, trigger, second, **data, proposal=answer.entry)
            if first.person == second.person:
                assert isinstance(answer, Refusal)
                assert answer.code in ("SecondPersonNeeded", "GuardFailed")
        return answer

    async def insist(self, subject: str, trigger: str, who: Actor, id: str, **data: Any) -> Answer:
        """One command, sent again under its id until there is an answer, whatever is killed meanwhile."""
        while True:
            try:
                return await self.season.gateway.command(subject, trigger, data, who, id)
            except Unavailable:
                await asyncio.sleep(0.2)
            except Refusal as refusal:
                return refusal

    def life(self, index: int) -> Life:
        alive = self.alive()
        return alive[index % len(alive)]

    def alive(self) -> list[Life]:
        return [life for life in self.lives if life not in self.dead]

    # --- applications ---

    @precondition(lambda self: len(self.lives) < len(CITIES))
    @rule(programme=st.sampled_from(["planning", "demonstration"]))
    def one_more_applies(self, programme: str) -> None:
        self.run(self._applies(len(self.lives), programme))

    @rule(index=INDEX, points=POINTS)
    def one_goes_on(self, index: int, points: tuple[int, int]) -> None:
        async def goes_on() -> None:
            with contextlib.suppress(Refusal):  # somebody was replaced, or a sheet lacks
                await self._goes_on(self.life(index), points)

        self.run(goes_on())

    @rule(index=INDEX, in_writing=sometimes)
    def one_withdraws(self, index: int, in_writing: bool) -> None:
        self.run(self.attempt(self.life(index).ref, "withdraw", DESK, evidence=[PROOF] if in_writing else []))

    @rule(index=INDEX, kind=st.sampled_from(["employment", "recent"]), who=REVIEWER, step=STEP, conflict=sometimes)
    def a_reviewer_declares(self, index: int, kind: str, who: int, step: str, conflict: bool) -> None:
        data = {"step": step, "conflict": conflict, **({"kind": kind} if conflict else {})}
        self.run(self.attempt(self.life(index).ref, "declare_conflict", REVIEWERS[who], **data))

    @rule(index=INDEX, leaves=REVIEWER, comes=REVIEWER, step=STEP, points=st.sampled_from([80, 50, 101]))
    def a_reviewer_is_replaced(self, index: int, leaves: int, comes: int, step: str, points: int) -> None:
        life, new = self.life(index), REVIEWERS[comes]

        async def replaced() -> None:
            data = {"reviewer": new.person, "step": step, "replaces": REVIEWERS[leaves].person}
            answer = await self.attempt(life.ref, "replace_reviewer", CHAIR, **data, reason=WHY)
            if isinstance(answer, Receipt):
                assert (new.person, life.ref) != (REVIEWERS[-1].person, self.lives[0].ref), "belongs to the applicant"
                await self.attempt(life.ref, "declare_conflict", new, step=step, conflict=False)
                await self.attempt(life.ref, "seal_sheet", new, step=step, scores=_scores(life, points))

        self.run(replaced())

    @rule(index=INDEX, who=REVIEWER, step=STEP)
    def another_reviewer_is_assigned(self, index: int, who: int, step: str) -> None:
        data = {"reviewer": REVIEWERS[who].person, "step": step, "reason": WHY}
        self.run(self.attempt(self.life(index).ref, "assign_reviewer", DESK, **data))

    @rule(
        index=INDEX, who=REVIEWER, points=st.sampled_from([85, 101, -1]), again=sometimes,
        step=st.sampled_from([None, "paper_review", "presentation"]),
    )  # fmt: skip
    def a_sheet_comes(self, index: int, who: int, points: int, again: bool, step: str | None) -> None:
        life, trigger = self.life(index), "supersede_sheet" if again else "seal_sheet"
        data = {
            "scores": _scores(life, points),
            **({"step": step} if step else {}),
            **({"reason": WHY} if again else {}),
        }
        answer = self.run(self.attempt(life.ref, trigger, REVIEWERS[who], **data))
        assert 0 <= points <= 100 or isinstance(answer, Refusal)

    @rule(index=INDEX, who=REVIEWER, step=STEP)
    def a_sheet_is_voided(self, index: int, who: int, step: str) -> None:
        data = {"reviewer": REVIEWERS[who].person, "step": step, "reason": WHY}
        self.run(self.attempt(self.life(index).ref, "void_sheet", CHAIR, **data))

    @rule(index=INDEX, who=st.sampled_from([APPLICANT, MINISTRY]), side=st.sampled_from(["applicant", "ministry"]))
    def minutes_are_agreed_twice(self, index: int, who: Actor, side: str) -> None:
        async def agreed() -> None:
            data = {"side": side, "minutes": PROOF}
            await self.attempt(self.life(index).ref, "agree_minutes", who, **data)
            assert isinstance(await self.attempt(self.life(index).ref, "agree_minutes", who, **data), Refusal)

        self.run(agreed())

    @rule(
        index=INDEX, ground=st.sampled_from(["reviewers_error", "dislike"]), late=sometimes,
        step=st.sampled_from(["shortlisted", "paper_review", "presentation"]),
    )  # fmt: skip
    def one_objects(self, index: int, ground: str, late: bool, step: str) -> None:
        life = self.life(index)
        reopening = {"shortlisted": "selection", "paper_review": "review"}.get(step, step)

        async def objects() -> None:
            await self.attempt(life.ref, "send_letter", DESK)
            if late:
                await self._days_pass(11)
            answer = await self.attempt(life.ref, "object", APPLICANT, ground=ground)
            if ground == "dislike" or late:
                assert isinstance(answer, Refusal)
            if isinstance(answer, Receipt):
                data = {"step": step, "reason": WHY}
                await self.two(life.ref, "uphold_objection", OBJECTIONS, SECOND_OBJECTIONS, **data)
                await self.attempt(life.ref, f"reopen_{reopening}", DESK)

        self.run(objects())

    @precondition(lambda self: len(self.lives) > 4 and not self.dead)
    @rule(index=INDEX)
    def a_workflow_dies(self, index: int) -> None:
        """As an operator's mistake would end it: nothing is told to it any more, and everybody else goes on."""
        life = self.life(index)
        self.run(self.season.handle(life.ref).terminate())
        self.dead.append(life)
        Selection.done["workflows dead"] += 1

    # --- decisions ---

    @rule(
        programme=st.sampled_from(["planning", "planning", "demonstration"]), places=st.integers(0, 3), krw=KRW,
        last_first=sometimes, reason=sometimes, over=sometimes, minutes=sometimes,
        approver=st.sampled_from([MINISTRY, SECOND_MINISTRY, BOTH]),
    )  # fmt: skip
    def a_decision_by_the_ranking(
        self, programme: str, places: int, krw: int, last_first: bool, reason: bool, over: bool, minutes: bool,
        approver: Actor,
    ) -> None:  # fmt: skip
        async def decides() -> None:
            call = Call.model_validate((await self._standing(self.name))["facts"])
            found = ranking(self.edition, programme, call, self.register)
            order = [line.candidate.ref for line in found.lines]
            first = order[-1:] if last_first else []
            few = min(places, len(order))
            data = decision(found, few, {"": krw}, order, override=first, without=found.incomplete)
            data |= {"reason": WHY} if reason else {}
            data |= {"over_quota_reason": WHY} if over else {}
            data |= {"evidence": [PROOF]} if minutes else {}
            proposer = BOTH if approver is BOTH else COMMITTEE
            confirms = Actor(BOTH.person, Role.MINISTRY) if approver is BOTH else approver
            answer = await self.two(self.name, "decide_selection", proposer, confirms, **data)
            if data["selected"] and not 400_000_000 <= krw <= 600_000_000:
                assert isinstance(answer, Refusal)

        self.run(decides())

    @rule(data=st.data(), programme=st.sampled_from(["planning", "demonstration"]))
    def two_decisions_at_once(self, data: Any, programme: str) -> None:
        """Two committee members propose at the same time, and two persons of the ministry confirm."""
        decisions = [self._freely(data, programme) for _ in range(2)]

        async def decide() -> None:
            proposals = await asyncio.gather(
                *(
                    self.insist(self.name, "decide_selection", who, self._id(), **chosen)
                    for who, chosen in zip((COMMITTEE, SECOND_COMMITTEE), decisions, strict=True)
                )
            )
            await asyncio.gather(
                *(
                    self.insist(self.name, "decide_selection", who, self._id(), **chosen, proposal=answer.entry)
                    for who, chosen, answer in zip((MINISTRY, SECOND_MINISTRY), decisions, proposals, strict=True)
                    if isinstance(answer, Receipt)
                )
            )

        self.run(decide())

    def _freely(self, data: Any, programme: str) -> dict[str, Any]:
        """Places and reserve for any applications at all, wherever they stand and whatever they applied for."""
        lives = data.draw(st.lists(st.sampled_from(self.lives), unique_by=lambda life: life.ref, max_size=3))
        places = data.draw(st.integers(0, len(lives)))
        views = {life.ref: self.register.view(life.ref) for life in lives}
        scores = {ref: view.scores.get("score", "0") if view else "0" for ref, view in views.items()}
        first = data.draw(st.integers(1, 9))
        choices = [
            {"ref": ref, "krw": 450_000_000, "rank": rank, "organisation": "O-ANY", "country": "TR", "score": score}
            for rank, (ref, score) in enumerate(scores.items(), start=first)
        ]
        chosen = {"selected": choices[:places], "reserve": choices[places:]}
        return {"programme": programme, "ranking": list(scores), **chosen, "reason": WHY}

    @rule(index=INDEX, krw=KRW, reason=sometimes, named=sometimes)
    def one_is_promoted(self, index: int, krw: int, reason: bool, named: bool) -> None:
        """Whoever was named as next, if anybody was; or any other."""
        nominated = self.run(self._standing(self.name))["facts"]["nominated"] if named else {}
        ref = next(iter(nominated.values()), self.life(index).ref)
        data = {"ref": ref, "krw": krw, **({"reason": WHY} if reason else {})}
        self.run(self.two(self.name, "promote_next", MINISTRY, SECOND_MINISTRY, **data))

    @rule(index=INDEX, reason=sometimes)
    def an_award_is_cancelled(self, index: int, reason: bool) -> None:
        data = {"ref": self.life(index).ref, **({"reason": WHY} if reason else {})}
        self.run(self.two(self.name, "cancel_award", MINISTRY, SECOND_MINISTRY, **data))

    @rule(index=INDEX, to=st.sampled_from(["selected", "reserve", "shortlisted"]))
    def a_return_is_ordered(self, index: int, to: str) -> None:
        data = {"ref": self.life(index).ref, "to": to, "reason": WHY}
        self.run(self.two(self.name, "order_return", DESK, HEAD, **data))

    @rule(index=INDEX, to=st.sampled_from(["selected", "reserve"]))
    def one_withdraws_while_its_return_is_ordered(self, index: int, to: str) -> None:
        ref = self.life(index).ref
        data = {"ref": ref, "to": to, "reason": WHY}

        async def race() -> None:
            proposed = await self.attempt(self.name, "order_return", DESK, **data)
            if isinstance(proposed, Receipt):
                await self.insist(ref, "withdraw", DESK, self._id(), evidence=[PROOF])
                await self.insist(self.name, "order_return", HEAD, self._id(), **data, proposal=proposed.entry)

        self.run(race())

    @rule()
    def results_are_published(self) -> None:
        self.run(self.two(self.name, "publish_results", MINISTRY, SECOND_MINISTRY, reason=WHY))

    # --- time, and what breaks ---

    @rule(days=st.sampled_from([1, 6, 15, 260]))
    def days_pass(self, days: int) -> None:
        self.run(self._days_pass(days))

    async def _days_pass(self, days: int) -> None:
        now = await self.season.now()
        clock = self.edition.tempo.clock(now)
        later = now.timestamp() + days * 86_400
        tempo = Tempo(starts_at=clock, origin_at=now.fromtimestamp(later, now.tzinfo), factor=2)
        self.season.edition = self.edition = self.edition.model_copy(update={"tempo": tempo})
        await self.season.gateway.retime([self.name, *(life.ref for life in self.alive())], tempo)
        await self._settled()

    @rule(
        index=INDEX, of=st.sampled_from(["worker", "server"]), after=st.sampled_from([0.0, 0.02, 0.1]), data=st.data()
    )
    def everything_is_killed_in_the_middle(self, index: int, of: str, after: float, data: Any) -> None:
        # Not a precondition: what is drawn next must not depend on how often anything was killed before.
        kills, Selection.kills = Selection.kills > 0, Selection.kills - 1
        chosen = self._freely(data, "planning")

        async def both() -> None:
            proposed = await self.insist(self.name, "decide_selection", COMMITTEE, self._id(), **chosen)
            entry = proposed.entry if isinstance(proposed, Receipt) else None
            under_way = asyncio.gather(
                self.insist(self.name, "decide_selection", MINISTRY, self._id(), **chosen, proposal=entry),
                self.insist(self.life(index).ref, "withdraw", DESK, self._id(), evidence=[PROOF]),
                self.insist(self.name, "cancel_award", MINISTRY, self._id(), ref=self.life(index + 1).ref, reason=WHY),
            )
            if kills:
                await asyncio.sleep(after)
                await asyncio.to_thread(self.world.kill_worker if of == "worker" else self.world.kill_server)
            await under_way

        self.run(both())

    def _id(self) -> str:
        Selection.done["ids"] += 1
        return f"proof/{Selection.done['ids']}"

    # --- what holds ---

    @invariant()
    def everything_holds(self) -> None:
        if not self.lives:
            return
        Selection.steps += 1
        found = self.run(self._settled())
        ledgers = {subject: self.register.entries(subject) for subject in found}
        call = Call.model_validate(found[self.name]["facts"])
        applications = {
            subject: Application.model_validate(standing["facts"])
            for subject, standing in found.items()
            if subject != self.name
        }
        self._places_are_within_the_rules(call, applications)
        for ref, application in applications.items():
            self._conflicts_bar(application, View.model_validate(found[ref]["view"]), ledgers[ref])
        for subject, ledger in ledgers.items():
            assert breaks(ledger) == []
            assert ledger[-1].hash == found[subject]["view"]["head"]
            self._every_entry_is_legal(subject, ledger, ledgers[self.name])
        assert _without_timers(retelling.call_of(self.edition, ledgers[self.name])) == _without_timers(call)
        for ref, application in applications.items():
            told = retelling.application_of(self.edition, ref, ledgers[ref])
            assert _without_timers(told) == _without_timers(application)
        for programme in ("planning", "demonstration"):
            self._the_ranking_is_what_a_person_would_compute(programme, call, ledgers)

    def _places_are_within_the_rules(self, call: Call, applications: dict[str, Application]) -> None:
        dead = {life.ref for life in self.dead}  # of which the edition may know more than they do
        placed = [a for a in applications.values() if a.place and a.ref not in dead]
        assert {a.ref: a.place.krw for a in placed if a.place} == {
            ref: holder.choice.krw for ref, holder in call.places.items() if ref not in dead
        }
        for programme in self.edition.programmes:
            taken = call.taken(programme.key)
            assert taken <= programme.quota.places or programme.quota.kind is QuotaKind.ABOUT
            waits = call.decided[programme.key].reserve if programme.key in call.decided else ()
            assert [choice.rank for choice in waits] == sorted(choice.rank for choice in waits)
            if programme.key in call.vacant and waits:
                assert call.nominated[programme.key] == waits[0].ref
        assert self.edition.total is None or len(call.places) <= self.edition.total.places
        assert self.edition.budget_krw is None or call.committed_krw() <= self.edition.budget_krw

    def _every_entry_is_legal(self, subject: str, ledger: list[Entry], of_edition: list[Entry]) -> None:
        rows: Any = EDITION_BY_TRIGGER if subject == self.name else BY_TRIGGER
        ids = Counter(entry.command_id for entry in ledger if entry.outcome is not Outcome.REFUSED)
        assert max(ids.values()) == 1, ids.most_common(1)
        for entry in ledger[self.checked.get(subject, 0) :]:
            assert (entry.refused is not None) == (entry.outcome is Outcome.REFUSED)
            if entry.outcome is not Outcome.MADE:
                assert entry.source == entry.dest
                continue
            Selection.done[entry.command] += 1
            row = rows[entry.command, entry.source]
            assert entry.dest == (row.dest or entry.source)
            assert entry.via == (row.sent_by or entry.via)
            second = bool(row.approvers) and (entry.proposal or entry.order)
            assert entry.role in (row.approvers if second else row.actors)
            if row.approvers and entry.order:
                decided = of_edition[entry.order.entry - 1]
                first = of_edition[(decided.proposal or 0) - 1]
                assert (first.person, decided.person) == (entry.order.proposed_by, entry.order.approved_by)
                assert first.person != decided.person == entry.person
            elif row.approvers:
                assert entry.proposal
                first = ledger[entry.proposal - 1]
                assert (first.outcome, first.command, first.data) == (Outcome.PROPOSED, entry.command, entry.data)
                assert first.person != entry.person
                assert first.role in row.actors
            if subject == self.name:
                self._leaves_the_order_with_a_reason_only(entry, ledger)
        self.checked[subject] = len(ledger)

    def _conflicts_bar(self, application: Application, view: View, ledger: list[Entry]) -> None:
        """Whoever is in conflict has no sheet that counts, no list with it, and no file; nobody reads others' sheets.

        That of a step that is not over, and of reviewers only: the chair decides by them.
        """
        made = (e for e in ledger if e.outcome is Outcome.MADE and e.command == "declare_conflict")
        tied = {entry.person for entry in made if entry.data["conflict"]}
        counted = {seat.reviewer for step in application.reviews for seat in application.counted_sheets(step)}
        assert not tied & counted
        for person in tied:
            assert not listed(view, person, ROLES[person])
            with pytest.raises(NotPermitted):
                self.office.read_as(application, view, ledger, self.edition, person)
            Selection.done["files closed to who is in conflict"] += 1
        for step, seats in application.reviews.items():
            for person in {seat.reviewer for seat in seats if seat.scores is None and not seat.void} - tied:
                if Stage(step) not in application.reached:
                    continue
                with contextlib.suppress(NotPermitted):  # who has yet to declare reads nothing at all
                    read = self.office.read_as(application, view, ledger, self.edition, person)
                    given = [e for e in read.ledger if "scores" in e.data and (e.data.get("step") or e.source) == step]
                    assert {str(entry.data["scores"]) for entry in given if entry.person != person} <= {SEALED}
                    Selection.done["sheets hidden"] += sum(entry.person != person for entry in given)
                    shown = without(read.sheets, read.application.model_dump(mode="json"))["reviews"][step]
                    assert {str(seat["scores"]) for seat in shown if seat["reviewer"] != person} <= {SEALED, "None"}

    def _leaves_the_order_with_a_reason_only(self, entry: Entry, ledger: list[Entry]) -> None:
        before = retelling.call_of(self.edition, ledger[: entry.number - 1])
        if entry.command == "promote_next":
            held = before.standing(entry.data["ref"])
            assert held is not None
            first = before.decided[held.programme].reserve[0].ref
            assert entry.reason or entry.data["ref"] == first
            self._has_room(held.programme, before.taken(held.programme) + 1, entry.data.get("over_quota_reason"))
        if entry.command == "decide_selection":
            selected, programme = entry.data["selected"], entry.data["programme"]
            chosen = [choice["ref"] for choice in (*selected, *entry.data.get("reserve", []))]
            assert entry.reason or chosen == entry.data["ranking"][: len(chosen)]
            assert entry.evidence or not entry.data.get("voted")
            given = (*selected, *entry.data.get("reserve", []))
            points = [Fraction(choice["score"]) + (choice.get("bonus") or 0) for choice in given]
            assert entry.reason or (points == sorted(points, reverse=True) and not entry.data.get("left_out"))
            waits = [choice.ref for choice in before.reserve(programme)]
            assert set(waits) <= {choice["ref"] for choice in entry.data.get("reserve", [])} or entry.reason
            self._has_room(programme, before.taken(programme) + len(selected), entry.data.get("over_quota_reason"))

    def _has_room(self, programme: str, taken: int, reason: str | None) -> None:
        quota = self.edition.programme(programme).quota
        assert taken <= quota.places or (quota.kind is QuotaKind.ABOUT and reason)

    def _the_ranking_is_what_a_person_would_compute(
        self, programme: str, call: Call, ledgers: dict[str, list[Entry]]
    ) -> None:
        rules = self.edition.programme(programme)
        step = [s.kind.value for s in rules.route if s.kind != "consultation"][-1]
        with_project = {*self.edition.project_countries, *(holder.choice.country for holder in call.places.values())}
        keyed: dict[str, tuple[Fraction, ...]] = {}
        bonus: dict[str, int] = {}
        waits = False
        for life in self.lives:
            stage = getattr(self.register.view(life.ref), "stage", "")
            waits = waits or (life.programme == programme and stage == "shortlisted")
            if life.programme == programme and stage in ("shortlisted", "reserve"):
                country = ledgers[life.ref][0].data["applicant"]["country"]
                given = _counted_by_hand(ledgers[life.ref], step)
                weights = {c.key: c.weight for c in rules.criteria}
                if computed := _computed_by_hand(given, weights, rules.ties[0].criterion, rules.review.trim_from):
                    funds = "matching" in ledgers[life.ref][0].data
                    bonus[life.ref] = sum(preference.points for preference in rules.preferences) if funds else 0
                    score, tie = computed
                    Selection.done["bonuses ranked"] += bonus[life.ref] > 0
                    keyed[life.ref] = (score + bonus[life.ref], tie, *_by_ties(rules, funds, country, with_project))
        by_hand = [
            (1 + sum(other > key for other in keyed.values()), ref, key[0] - bonus[ref], bonus[ref])
            for ref, key in sorted(keyed.items(), key=lambda item: ([-value for value in item[1]], item[0]))
        ]

        found = ranking(self.edition, programme, call, self.register)
        lines = [(one.rank, one.candidate.ref, Fraction(one.candidate.score), one.bonus) for one in found.lines]
        assert lines == by_hand
        if waits:
            assert ranking_told(self.edition, programme, self.register).lines == found.lines

    def teardown(self) -> None:
        if self.lives:
            names = [self.name, *(life.ref for life in self.lives)]
            assert self.run(self.world.replayed(names)) == []

    # --- how everything stands ---

    async def _standing(self, subject: str) -> dict[str, Any]:
        while True:
            try:
                found: dict[str, Any] = await self.season.handle(subject).query("standing")
                return found
            except RPCError:  # what was killed is on its way back
                await asyncio.sleep(0.2)

    async def _settled(self) -> dict[str, dict[str, Any]]:
        """How everybody stands, once every order is carried out, every place let go of, and the register has heard."""
        names, awaited = [self.name, *(life.ref for life in self.lives)], ["an answer"]
        try:
            async with asyncio.timeout(PATIENCE):
                while True:
                    standings = await asyncio.gather(*(self._standing(name) for name in names))
                    found = dict(zip(names, standings, strict=True))
                    if not (awaited := self._awaited(found)):
                        return found
                    await asyncio.sleep(0.02)
        except TimeoutError:
            raise AssertionError(f"never came about: {'; '.join(awaited)}") from None

    def _awaited(self, found: dict[str, dict[str, Any]]) -> list[str]:
        views = {subject: View.model_validate(standing["view"]) for subject, standing in found.items()}
        unheard = [subject for subject, view in views.items() if self.register.view(subject) != view]
        if unheard:
            return [f"the register to know {', '.join(unheard)}"]
        call = Call.model_validate(found[self.name]["facts"])
        awaited = ["the intake to close"] if call.stage == "open" else []
        for life in self.alive():
            facts, counted = found[life.ref]["facts"], call.standing(life.ref)
            stands = "place" if facts["place"] else "reserve" if facts["stage"] == "reserve" else "none"
            counts = "none" if counted is None else "reserve" if counted.reserve else "place"
            if stands != counts:
                awaited.append(f"{life.ref}: the edition counts {counts}, it stands at {facts['stage']} with {stands}")
        return awaited + self._orders_under_way()

    def _orders_under_way(self) -> list[str]:
        heard = {life.ref: [entry.command_id for entry in self.register.entries(life.ref)] for life in self.lives}
        ledger, dead = self.register.entries(self.name), [life.ref for life in self.dead]
        return [
            f"entry {entry.number} to reach {ref}"
            for entry in ledger
            if entry.outcome is Outcome.MADE
            for ref in _told(entry, retelling.call_of(self.edition, ledger[: entry.number - 1]))
            if ref in heard and not self._is_closed(ref) and ref not in dead
            if not any(id.startswith(f"edition/{self.edition.year}/{entry.number}/") for id in heard[ref])
        ]

    def _is_closed(self, ref: str) -> bool:
        view = self.register.view(ref)
        return view is not None and view.closed


def _same(found: Any, expected: Any) -> None:
    assert found == expected


def _told(entry: Entry, before: Call) -> list[str]:
    """Whom an edition's decision is told to: of those ranked, whoever did not stand on the reserve already."""
    match entry.command:
        case "decide_selection":
            waits = [choice.ref for choice in before.reserve(entry.data["programme"])]
            return [ref for ref in entry.data["ranking"] if ref not in waits]
        case "publish_results":
            return list(entry.data["refs"])
        case "promote_next" | "cancel_award" | "order_return":
            return [entry.data["ref"]]
    return []


def _scores(life: Life, points: int) -> dict[str, int]:
    """Two of three are a point apart from the first, so that criteria differ."""
    return {criterion.key: points - (number > 0) for number, criterion in enumerate(life.rules.criteria)}


def _counted_by_hand(ledger: list[Entry], step: str) -> list[dict[str, int] | None]:
    """The sheets of a step that count, or are still awaited (``None``), from the entries alone."""
    sheets: dict[tuple[str, str], dict[str, int] | None] = {}
    barred = set()
    for entry in ledger:
        of, data = entry.data.get("step") or entry.source, entry.data
        match entry.command if entry.outcome is Outcome.MADE else "":
            case "seal_sheet" | "supersede_sheet":
                sheets[of, entry.person] = data["scores"]
            case "void_sheet":
                del sheets[of, data["reviewer"]]
            case "reopen_review":
                sheets.clear()
            case "reopen_presentation":
                sheets = {seat: scores for seat, scores in sheets.items() if seat[0] == "paper_review"}
            case "assign_reviewer":
                sheets[of, data["reviewer"]] = None
            case "replace_reviewer":
                sheets.pop((of, data["replaces"]), None)
                sheets[of, data["reviewer"]] = None
            case "declare_conflict" if data["conflict"]:
                barred.add(entry.person)
    return [scores for (of, person), scores in sheets.items() if of == step and person not in barred]


def _computed_by_hand(
    found: list[dict[str, int] | None], weights: dict[str, int], tie: str | None, trim_from: int | None
) -> tuple[Fraction, Fraction] | None:
    """Score and mean of the criterion that decides ties; nothing while a sheet is awaited, or lacking."""
    given = [sheet for sheet in found if sheet is not None]
    if len(given) < len(found):
        return None
    totals = sorted(Fraction(sum(w * s[k] for k, w in weights.items()), sum(weights.values())) for s in given)
    if len(totals) < 2 or (len(totals) == 2 and totals[1] - totals[0] > 20):
        return None
    kept = totals
    if trim_from and len(totals) >= trim_from:
        kept = totals[1:-1]
        Selection.done["means trimmed"] += 1
    return sum(kept) / Fraction(len(kept)), Fraction(sum(s[tie or ""] for s in given), len(given))


def _by_ties(rules: Programme, funds: bool, country: str, with_project: set[str]) -> list[Fraction]:
    """What the tie rules after the first criterion make of it; nobody here has an earlier project."""
    holds = {"matching_funds": funds, "country_without_project": country not in with_project}
    return [Fraction(holds.get(tie.by, False)) for tie in rules.ties[1:]]


def _without_timers(facts: Application | Call) -> dict[str, Any]:
    return facts.model_dump(mode="json", exclude={"timers"})


@pytest.mark.parametrize("server", range(max(1, PROOFS)))
def test_nothing_that_people_do_breaks_a_selection(
    server: int, tmp_path_factory: pytest.TempPathFactory, capsys: pytest.CaptureFixture[str]
) -> None:
    Selection.kills = 40 if PROOFS else 1
    played = settings(
        max_examples=120 if PROOFS else 5, stateful_step_count=30 if PROOFS else 15, derandomize=not PROOFS,
        deadline=None, database=None, print_blob=False, report_multiple_bugs=False, phases=(Phase.generate,),
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    with world(tmp_path_factory.mktemp("proof")) as runs:
        run_state_machine_as_test(partial(Selection, runs), settings=played)
        assert runs.run(runs.faults()) == []
    if PROOFS:
        with capsys.disabled():
            kinds = ", ".join(f"{name} {times}" for name, times in sorted(Selection.done.items()))
            print(f"\n{Selection.examples} examples, {Selection.steps} steps; made and checked: {kinds}")
