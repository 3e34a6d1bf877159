"""The edition's side: its places, what guards of its moves read, what those moves do, and how applications rank.

Places are counted here and nowhere else, so no race can exceed a quota: a place is counted before its application
has it, and until the application says that it has let go of it. Money is KRW.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence, Set
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from itertools import count, groupby, takewhile
from typing import Any

from kcity_flow.domain import freeze
from kcity_flow.domain import messages as m
from kcity_flow.domain.adoption import trigger_at
from kcity_flow.domain.application import Proposal, Timer
from kcity_flow.domain.edition import Edition, Programme, Quota, QuotaKind, Tie, TieRule
from kcity_flow.domain.freeze import Freeze
from kcity_flow.domain.messages import Choice
from kcity_flow.domain.stages import EditionStage, Role, Stage
from kcity_flow.domain.values import Frozen, Instant

NAMED = 5
"""Of more applications than this a sentence names so many, and counts the others."""

REASON_TOLD = ("cancel_award", "cancel_call", "order_return", "freeze", "unfreeze")
"""Moves whose reason is about each application they meet, and goes to it. Of others it may be about somebody else."""

HOLDING = (Stage.SELECTED, Stage.FRAMEWORK, Stage.PROCUREMENT)
"""Stages whose application holds a place that can still be let go of."""


class Holder(Frozen):
    """Who holds a place of a programme, or did; with ``reserve``, a line on the reserve."""

    programme: str
    choice: Choice
    reserve: bool = False


class Programmes(Frozen):
    """What was decided for one programme: the reserve in rank order, and who was passed over."""

    reserve: tuple[Choice, ...] = ()
    passed_over: tuple[str, ...] = ()


class Call(Frozen):
    """An edition's facts."""

    year: int
    stage: EditionStage = EditionStage.DRAFT
    since: Instant | None = None
    decided: dict[str, Programmes] = {}
    places: dict[str, Holder] = {}
    left: dict[str, Holder] = {}
    published_at: Instant | None = None
    vacant: tuple[str, ...] = ()
    """Programmes in which a place, or the money for one, came free and is to go to the reserve."""
    adopted: dict[str, str] = {}
    """What ran before: reference number → which project it is."""
    nominated: dict[str, str] = {}
    """Programme → who was named as next on its reserve."""
    timers: dict[str, Timer] = {}
    freezes: tuple[Freeze, ...] = ()
    """Every freeze of all or of a country there was, as they were ordered."""
    rang_at: Instant | None = None
    """When the clock last did something here."""

    def frozen(self) -> dict[str, Freeze]:
        """What is frozen now: a country's code, or ``all``, and by which freeze."""
        return {one.scope: one for one in self.freezes if one.until is None}

    def freezes_of(self, country: str) -> list[Freeze]:
        """Every freeze of all or of this country there was."""
        return [one for one in self.freezes if one.scope in (freeze.ALL, country)]

    def falls(self, at: datetime, now: datetime) -> datetime:
        """When a date of the edition falls for the edition itself: it rests where all is frozen. UTC."""
        return freeze.falls(freeze.pauses_of(one for one in self.freezes if one.scope == freeze.ALL), at, now)

    def standings(self) -> dict[str, Holder]:
        """Every place that is counted, and every line on a reserve, by application."""
        on_reserve = {
            choice.ref: Holder(programme=key, choice=choice, reserve=True)
            for key, decided in self.decided.items()
            for choice in decided.reserve
        }
        return {**on_reserve, **self.places}

    def standing(self, ref: str) -> Holder | None:
        """The place that is counted for an application, or its line on the reserve."""
        return self.standings().get(ref)

    def taken(self, programme: str | None = None) -> int:
        """Places taken, in a programme or in all."""
        return sum(1 for holder in self.places.values() if programme in (None, holder.programme))

    def committed_krw(self) -> int:
        """The sum of all awards."""
        return sum(holder.choice.krw for holder in self.places.values())

    def reserve(self, programme: str) -> tuple[Choice, ...]:
        """Who stands on a programme's reserve, in order."""
        return self.decided[programme].reserve if programme in self.decided else ()

    def next_rank(self, programme: str) -> int:
        """The first rank after those of a programme's places, also of places that may be returned to."""
        holders = (*self.places.values(), *self.left.values())
        ranks = [held.choice.rank for held in holders if held.programme == programme and not held.reserve]
        return 1 + max(ranks, default=0)


@dataclass(frozen=True, slots=True)
class EditionFacts:
    """All a guard of an edition's move may look at. ``now`` is business time, UTC."""

    call: Call
    command: Any
    edition: Edition
    now: datetime
    source: EditionStage
    dest: EditionStage
    entries: int = 0
    proposal: Proposal | None = None

    @property
    def programme(self) -> Programme:
        """The programme the command speaks of."""
        return self.edition.programme(self.command.programme)


# --- guards -----------------------------------------------------------------------------------------------------------


def windows_over(facts: EditionFacts) -> str:
    """The last window has closed."""
    last = facts.call.falls(max(window.closes_at for window in facts.edition.windows), facts.now)
    return "" if facts.now >= last else f"the last window to close at {last.isoformat()}"


def programme_known(facts: EditionFacts) -> str:
    """The edition has the programme."""
    known = [programme.key for programme in facts.edition.programmes]
    return "" if facts.command.programme in known else f"one of the programmes {', '.join(known)}"


def each_reviewer_once(facts: EditionFacts) -> str:
    """Nobody is twice in the pool."""
    times = Counter(reviewer.person for reviewer in facts.command.reviewers)
    twice = sorted(person for person, count in times.items() if count > 1)
    return f"{', '.join(twice)} named once" if twice else ""


def _some(refs: Collection[str]) -> str:
    """A few of them by name, the others counted."""
    named = list(refs)[:NAMED]
    return ", ".join(named) + (f" and {len(refs) - len(named):,} more" if len(refs) > len(named) else "")


def _waiting(facts: EditionFacts) -> dict[str, Choice]:
    """Who stands on the reserve of the programme the command speaks of, in order."""
    return {choice.ref: choice for choice in facts.call.reserve(facts.command.programme)}


def not_yet_decided(facts: EditionFacts) -> str:
    """Nobody ranked holds a place, and whoever stands on the reserve comes to one by promotion alone."""
    placed = [ref for ref in facts.command.ranking if ref in facts.call.places]
    if placed:
        return f"applications without a place; {_some(placed)} hold one"
    waiting = _waiting(facts)
    promoted = [choice.ref for choice in facts.command.selected if choice.ref in waiting]
    return f"promote_next for {_some(promoted)}, on the reserve already" if promoted else ""


def reserve_kept(facts: EditionFacts) -> str:
    """Nobody falls off the reserve by a decision: it is ranked anew with those that come to it."""
    waiting = _waiting(facts)
    fallen = [ref for ref in facts.command.passed_over if ref in waiting]
    return f"{_some(fallen)} on the reserve still" if fallen else ""


def nobody_left_out(facts: EditionFacts) -> str:
    """Everybody who waits for a decision, or on the reserve, is ranked, unless a reason is on record.

    Of the reserve the edition itself knows. Who else waits the register says, which may be a moment behind.
    """
    command, call = facts.command, facts.call
    waits = [ref for ref in command.left_out if ref not in call.places]
    ranked = frozenset(command.ranking)
    missing = dict.fromkeys(ref for ref in (*waits, *_waiting(facts)) if ref not in ranked)
    refused = missing and not command.reason
    return f"{_some(missing)} in the ranking, or a reason for leaving them out" if refused else ""


def decided_impartially(facts: EditionFacts) -> str:
    """Nobody proposes or approves a decision on an application that they are in conflict with."""
    return (
        "somebody who is in conflict with none of those decided on"
        if facts.command.by.person in facts.command.tied
        else ""
    )


def each_named_once(facts: EditionFacts) -> str:
    """No application is ranked twice, or both selected and on the reserve, and whoever is chosen is ranked."""
    command = facts.command
    chosen = [choice.ref for choice in (*command.selected, *command.reserve)]
    twice = sorted({ref for refs in (command.ranking, chosen) for ref, n in Counter(refs).items() if n > 1})
    if twice:
        return f"{', '.join(twice)} named once"
    unranked = sorted({*chosen, *command.voted} - set(command.ranking))
    return f"{', '.join(unranked)} in the ranking" if unranked else ""


def applied_for_it(facts: EditionFacts) -> str:
    """Whoever is decided on applied for this programme, in this edition: else a place would count elsewhere."""
    prefix = f"KC{facts.edition.year}-{facts.programme.code}-"
    others = [ref for ref in facts.command.ranking if not ref.startswith(prefix)]
    return f"applications for {facts.command.programme} alone; {', '.join(others)} is none" if others else ""


def of_this_edition(facts: EditionFacts) -> str:
    """An edition speaks to its own applications alone."""
    others = [ref for ref in facts.command.refs if not ref.startswith(f"KC{facts.edition.year}-")]
    return f"applications of {facts.edition.year} alone; {', '.join(others)} is none" if others else ""


def ranked_in_order(facts: EditionFacts) -> str:
    """The best get the places and the next stand on the reserve, nobody skipped, unless a reason is on record."""
    chosen = [choice.ref for choice in (*facts.command.selected, *facts.command.reserve)]
    in_order = tuple(chosen) == facts.command.ranking[: len(chosen)]
    return "" if in_order or facts.command.reason else "the order of the ranking, or a reason for leaving it"


def ranks_rise(facts: EditionFacts) -> str:
    """Each line of the decision has a rank after the line before, and the first after every place of the programme."""
    ranks = [choice.rank for choice in (*facts.command.selected, *facts.command.reserve)]
    first = facts.call.next_rank(facts.command.programme)
    rise = ranks == sorted(set(ranks)) and (not ranks or ranks[0] >= first)
    return "" if rise else f"ranks that rise from line to line, from {first} on"


def scores_stated(facts: EditionFacts) -> str:
    """Each line of the decision says which score it was given by: its application is held to it."""
    unsaid = [choice.ref for choice in (*facts.command.selected, *facts.command.reserve) if choice.score is None]
    return f"the score by which {_some(unsaid)} was ranked" if unsaid else ""


def scores_fall(facts: EditionFacts) -> str:
    """Nobody with more points, bonus included, comes after somebody with fewer, unless a reason is on record."""
    points = [c.points for c in (*facts.command.selected, *facts.command.reserve) if c.points is not None]
    in_order = points == sorted(points, reverse=True)
    return "" if in_order or facts.command.reason else "scores that fall from line to line, or a reason against it"


def named_comes_first(facts: EditionFacts) -> str:
    """A place that came free is for whoever was named as next on the reserve; another gets it with a reason only."""
    command, call, edition = facts.command, facts.call, facts.edition
    if not command.selected or command.reason:
        return ""
    after = _decide(facts)
    passed = [
        ref
        for key, ref in call.nominated.items()
        if key == command.programme or not _can_promote(after, edition, edition.programme(key))
    ]
    return f"a reason for giving places before {_some(passed)}, named as next on the reserve" if passed else ""


def vote_minuted(facts: EditionFacts) -> str:
    """Where no rule decides the committee votes, minuted, on whoever gets a place or a line on the reserve."""
    command = facts.command
    chosen = {choice.ref for choice in (*command.selected, *command.reserve)}
    untold = [ref for place, many in command.equals for ref in command.ranking[max(0, place - 1) :][:many]]
    if chosen & set(untold):
        return f"the committee's vote on {_some(untold)}, whom no rule tells apart"
    return "the hash of the vote's minutes as evidence" if command.voted and not command.evidence else ""


def quota_left(facts: EditionFacts) -> str:
    """The programme's quota by its kind; beyond ``about`` a reason (announcement, 1)."""
    return _over_quota(facts, facts.command.programme, len(facts.command.selected))


def total_left(facts: EditionFacts) -> str:
    """Up to eleven in all (announcement, first paragraph)."""
    return _over_total(facts, len(facts.command.selected))


def _over_quota(facts: EditionFacts, programme: str, more: int) -> str:
    quota = facts.edition.programme(programme).quota
    return _over(facts, quota, facts.call.taken(programme), more, f"in {programme}")


def _over_total(facts: EditionFacts, more: int) -> str:
    total = facts.edition.total
    return _over(facts, total, facts.call.taken(), more, "in all") if total else ""


def _over(facts: EditionFacts, quota: Quota, taken: int, more: int, where: str) -> str:
    left = quota.left(taken)
    if left is None or more <= left:
        return ""
    if quota.kind is QuotaKind.ABOUT:
        return "" if facts.command.over_quota_reason else f"a reason for more than about {quota.places} places {where}"
    return f"at most {quota.places} places {where}; asked for {taken + more}"


def places_left(call: Call, edition: Edition, programme: Programme) -> int | None:
    """How many places of a programme can be given without a reason, by its quota and the total; ``None``: no end."""
    lefts = [programme.quota.left(call.taken(programme.key))]
    lefts += [edition.total.left(call.taken())] if edition.total else []
    return min((left for left in lefts if left is not None), default=None)


def awards_in_range(facts: EditionFacts) -> str:
    """Each award is what the programme allows (announcement, 1 to 3); the application judges its length again."""
    award = facts.programme.award
    wrong = [c.ref for c in facts.command.selected if not award.min_krw <= c.krw <= award.max_krw]
    return f"awards from {award.min_krw:,} to {award.max_krw:,} KRW for {', '.join(wrong)}" if wrong else ""


def budget_left(facts: EditionFacts) -> str:
    """The awards are within the budget, where one is stated."""
    return _over_budget(facts, sum(choice.krw for choice in facts.command.selected))


def _over_budget(facts: EditionFacts, more: int) -> str:
    budget = facts.edition.budget_krw
    if budget is None or facts.call.committed_krw() + more <= budget:
        return ""
    return f"{facts.call.committed_krw() + more - budget:,} KRW more in the budget of {budget:,} KRW"


def one_place_each(facts: EditionFacts) -> str:
    """One project for each applicant, where the edition says so."""
    if not facts.edition.one_per_applicant:
        return ""
    holders = [holder.choice.organisation for holder in facts.call.places.values()]
    holders += [choice.organisation for choice in facts.command.selected]
    return "one place for each applicant" if len(set(holders)) < len(holders) else ""


def every_programme_decided(facts: EditionFacts) -> str:
    """Results are published together, at one instant."""
    waiting = [p.key for p in facts.edition.programmes if p.key not in facts.call.decided]
    if waiting:
        return f"decisions on {', '.join(waiting)}"
    short = [p.key for p in facts.edition.programmes if p.quota.falls_short(facts.call.taken(p.key))]
    return (
        f"a reason for fewer places than the quota in {', '.join(short)}" if short and not facts.command.reason else ""
    )


def _on_reserve(call: Call, ref: str) -> tuple[str, Choice] | None:
    for key, decided in call.decided.items():
        for choice in decided.reserve:
            if choice.ref == ref:
                return key, choice
    return None


def next_in_line(facts: EditionFacts) -> str:
    """A place came free in the programme, and this is who stands first on its reserve."""
    due = dict(nominations(facts.call, facts.edition))
    return "" if due.get(facts.command.programme) == facts.command.ref else "a free place and the first on the reserve"


def best_on_reserve(facts: EditionFacts) -> str:
    """The best rank first, or a recorded reason."""
    found = _on_reserve(facts.call, facts.command.ref)
    if found is None:
        return f"{facts.command.ref} on the reserve"
    first = _first(facts.call, facts.edition, found[0])
    passes = first not in (None, facts.command.ref) and not facts.command.reason
    return f"a reason for passing over {first}" if passes else ""


def place_free(facts: EditionFacts) -> str:
    """A place of the programme, and one in all, is free."""
    found = _on_reserve(facts.call, facts.command.ref)
    return _no_room(facts, found[0]) if found else ""


def _no_room(facts: EditionFacts, programme: str) -> str:
    return _over_quota(facts, programme, 1) or _over_total(facts, 1)


def _can_promote(call: Call, edition: Edition, programme: Programme) -> bool:
    """Whether place and money for one more are there without anybody's reason."""
    budget = edition.budget_krw
    affordable = budget is None or call.committed_krw() + programme.award.min_krw <= budget
    return affordable and places_left(call, edition, programme) != 0


def nominations(call: Call, edition: Edition) -> list[tuple[str, str]]:
    """Who is to be named next: programme and reference number, for each place that came free and is still free."""
    firsts = ((programme.key, _first(call, edition, programme.key)) for programme in edition.programmes)
    return [(key, first) for key, first in firsts if first and key in call.vacant and key not in call.nominated]


def _first(call: Call, edition: Edition, programme: str) -> str | None:
    """Who stands first on a reserve of those that may be given a place."""
    able = (choice.ref for choice in call.reserve(programme) if not _second_place(call, edition, choice))
    return next(able, None)


def award_of_promotion_in_range(facts: EditionFacts) -> str:
    """The award is what the programme allows."""
    found = _on_reserve(facts.call, facts.command.ref)
    if found is None:
        return ""
    award = facts.edition.programme(found[0]).award
    if award.min_krw <= facts.command.krw <= award.max_krw:
        return ""
    return f"an award from {award.min_krw:,} to {award.max_krw:,} KRW"


def budget_left_for_promotion(facts: EditionFacts) -> str:
    """The award is within what is left of the budget."""
    return _over_budget(facts, facts.command.krw)


def holds_no_place_yet(facts: EditionFacts) -> str:
    """One project for each applicant, where the edition says so; also for who is promoted."""
    found = _on_reserve(facts.call, facts.command.ref)
    return _second_place(facts.call, facts.edition, found[1]) if found else ""


def _second_place(call: Call, edition: Edition, choice: Choice) -> str:
    if not edition.one_per_applicant:
        return ""
    holders = (holder.choice.organisation for holder in call.places.values())
    return "one place for each applicant" if choice.organisation in holders else ""


def holds_a_place(facts: EditionFacts) -> str:
    """The application holds a place."""
    return "" if facts.command.ref in facts.call.places else f"{facts.command.ref} among the selected"


def scope_stated(facts: EditionFacts) -> str:
    """For which countries or programmes the call is cancelled."""
    return (
        "" if facts.command.countries or facts.command.programmes else "the countries or programmes it is cancelled for"
    )


def held_before(facts: EditionFacts) -> str:
    """Nobody returns to what the edition never gave; where no place is held, there is none to ask for."""
    command, call = facts.command, facts.call
    held = call.standing(command.ref) or call.left.get(command.ref)
    if held is None:
        return f"{command.ref} among those that hold a place, stand on the reserve, or did"
    if call.standing(command.ref) or command.to not in (*HOLDING, Stage.RESERVE):
        return ""
    was = "on the reserve" if held.reserve else "among the selected"
    return "" if held.reserve is (command.to is Stage.RESERVE) else f"a return to where it was: {was}"


def let_go_of(facts: EditionFacts) -> str:
    """Whoever is to have again what the edition still counts has yet to let go of it.

    Given at once, it would be taken away again by the application's own word, which is still on its way.
    """
    counted, to = facts.call.standing(facts.command.ref), facts.command.to
    same = counted and (to is Stage.RESERVE if counted.reserve else to in HOLDING)
    return f"{facts.command.ref} to have let go of what it held; try again in a moment" if same else ""


def returned_place_free(facts: EditionFacts) -> str:
    """Who is to hold a place again finds one free; the reserve has room for everybody."""
    back = _given_back(facts)
    if back is None or back.reserve:
        return ""
    return (
        _no_room(facts, back.programme)
        or _over_budget(facts, back.choice.krw)
        or _second_place(facts.call, facts.edition, back.choice)
    )


def known_to_the_edition(facts: EditionFacts) -> str:
    """It held a place, or stood on the reserve."""
    return "" if facts.call.standing(facts.command.ref) else f"{facts.command.ref} among the selected or on the reserve"


def stage_is_adopted(facts: EditionFacts) -> str:
    """The edition takes over projects that stand there (assumed)."""
    stages = facts.edition.adopts
    if facts.command.stage in stages:
        return ""
    return (
        f"one of the stages {', '.join(stages)}" if stages else "an edition that takes over projects; this one does not"
    )


def numbered_in_it(facts: EditionFacts) -> str:
    """The reference number is one of the programme's, in this edition."""
    prefix = f"KC{facts.edition.year}-{facts.programme.code}-"
    return "" if facts.command.ref.startswith(prefix) else f"a reference number that begins with {prefix}"


def not_adopted_before(facts: EditionFacts) -> str:
    """A project is adopted once, and under a number that nobody else has."""
    command, call = facts.command, facts.call
    same = next((ref for ref, project in call.adopted.items() if project == command.project), None)
    if same:
        return f"a project not adopted yet; this one is {same}"
    taken = command.ref in call.adopted or command.ref in call.standings() or command.ref in call.left
    return f"a number of its own; {command.ref} is another's" if taken else ""


def room_for_the_adopted(facts: EditionFacts) -> str:
    """It was this edition's own selection: its place counts by the quota's kind, and in all (announcement, 1)."""
    return _no_room(facts, facts.command.programme)


def every_application_ended(facts: EditionFacts) -> str:
    """No application is at work any more, as the register counts them."""
    return f"the end of {facts.command.open_applications} applications" if facts.command.open_applications else ""


def reason_given(facts: EditionFacts) -> str:
    """Reasons stand in writing."""
    return "" if facts.command.reason else "a reason"


def corrects_an_entry(facts: EditionFacts) -> str:
    """It names an entry that exists."""
    return "" if facts.command.supersedes <= facts.entries else f"an entry between 1 and {facts.entries}"


# --- effects ----------------------------------------------------------------------------------------------------------


def _without(call: Call, ref: str) -> Call:
    places = {key: holder for key, holder in call.places.items() if key != ref}
    decided = {
        key: value.model_copy(
            update={
                "reserve": tuple(choice for choice in value.reserve if choice.ref != ref),
                "passed_over": tuple(other for other in value.passed_over if other != ref),
            }
        )
        for key, value in call.decided.items()
    }
    left = {key: holder for key, holder in call.left.items() if key != ref}
    return call.model_copy(update={"places": places, "decided": decided, "left": left})


def _with(call: Call, holder: Holder) -> Call:
    """The same with somebody's place, or line on the reserve, in its order."""
    call = _without(call, holder.choice.ref)
    if not holder.reserve:
        return call.model_copy(update={"places": {**call.places, holder.choice.ref: holder}})
    decided = call.decided.get(holder.programme, Programmes())
    reserve = tuple(sorted((*decided.reserve, holder.choice), key=lambda choice: choice.rank))
    decided = decided.model_copy(update={"reserve": reserve})
    return call.model_copy(update={"decided": {**call.decided, holder.programme: decided}})


def _decide(facts: EditionFacts) -> Call:
    command: m.DecideSelection = facts.command
    call, programme = facts.call, command.programme
    places = {c.ref: Holder(programme=programme, choice=c) for c in command.selected}
    earlier = call.decided.get(programme, Programmes())
    # Who was passed over may, after an upheld objection, be decided anew.
    chosen = (*command.selected, *command.reserve)
    anew = {choice.ref for choice in chosen}
    # Who was not ranked with the others stands, or will stand on its return, behind them.
    ranks = count(chosen[-1].rank + 1 if chosen else call.next_rank(programme))
    behind = [c.model_copy(update={"rank": next(ranks)}) for c in earlier.reserve if c.ref not in anew]
    left = {
        ref: held.model_copy(update={"choice": held.choice.model_copy(update={"rank": next(ranks)})})
        if held.reserve and held.programme == programme
        else held
        for ref, held in call.left.items()
        if ref not in anew
    }
    decided = Programmes(
        reserve=(*command.reserve, *behind),
        passed_over=tuple(r for r in dict.fromkeys((*earlier.passed_over, *command.passed_over)) if r not in anew),
    )
    return call.model_copy(
        update={
            "places": {**call.places, **places},
            "left": left,
            "decided": {**call.decided, programme: decided},
        }
    )


def _promote(facts: EditionFacts) -> Call:
    found = _on_reserve(facts.call, facts.command.ref)
    assert found is not None  # guard `best_on_reserve`
    programme, choice = found
    return _with(facts.call, Holder(programme=programme, choice=choice.model_copy(update={"krw": facts.command.krw})))


def _given_back(facts: EditionFacts) -> Holder | None:
    """What an application will hold again once it has returned."""
    command, call = facts.command, facts.call
    wanted = command.to in (*HOLDING, Stage.RESERVE) and call.standing(command.ref) is None
    return call.left.get(command.ref) if wanted else None


def _return(facts: EditionFacts) -> Call:
    back = _given_back(facts)
    return _with(facts.call, back) if back else facts.call


def _release(facts: EditionFacts) -> Call:
    command: m.ReleasePlace = facts.command
    held = facts.call.standing(command.ref)
    assert held is not None  # guard `known_to_the_edition`
    if command.krw is not None:
        kept = held.model_copy(update={"choice": held.choice.model_copy(update={"krw": command.krw})})
        call = _with(facts.call, kept)
        return call.model_copy(update={"vacant": _vacant(facts, kept.model_copy(update={"reserve": True}), call)})
    if command.reserve:
        call = _with(facts.call, held.model_copy(update={"reserve": True}))
    else:
        call = _without(facts.call, command.ref)
        call = call.model_copy(update={"left": {**call.left, command.ref: held}})
    return call.model_copy(update={"vacant": _vacant(facts, held, call)})


def _adopt(facts: EditionFacts) -> Call:
    command: m.Adopt = facts.command
    choice = Choice(
        ref=command.ref,
        krw=command.krw,
        rank=facts.call.next_rank(command.programme),
        organisation=command.applicant.organisation,
        country=command.applicant.country,
    )
    call = _with(facts.call, Holder(programme=command.programme, choice=choice))
    return call.model_copy(update={"adopted": {**call.adopted, command.ref: command.project}})


def _vacant(facts: EditionFacts, held: Holder, after: Call) -> tuple[str, ...]:
    """Where a place waits for the reserve: it came free here, or the total or the budget barred it until now."""
    freed = {held.programme} if not held.reserve else set()
    for programme in facts.edition.programmes:
        before = _can_promote(facts.call, facts.edition, programme)
        if not before and _can_promote(after, facts.edition, programme):
            freed.add(programme.key)
    return tuple(p.key for p in facts.edition.programmes if p.key in freed or p.key in facts.call.vacant)


EFFECTS: dict[str, Callable[[EditionFacts], Call]] = {
    "decide_selection": _decide,
    # Published again for those that were rejected since: the first instant stands.
    "publish_results": lambda f: f.call.model_copy(update={"published_at": f.call.published_at or f.now}),
    "nominate_next": lambda f: f.call.model_copy(
        update={"nominated": {**f.call.nominated, f.command.programme: f.command.ref}}
    ),
    "promote_next": _promote,
    "order_return": _return,
    "release_place": _release,
    **freeze.EDITION_EFFECTS,
    "adopt": _adopt,
}
"""Trigger → what it does to the call beside its stage."""


def after(facts: EditionFacts, dest: EditionStage) -> Call:
    """The call after a legal move to ``dest``. The move must have been judged before."""
    effect = EFFECTS.get(facts.command.trigger)
    moved = _still_vacant(effect(facts), facts.edition) if effect else facts.call
    if facts.command.by.role is Role.CLOCK:
        moved = moved.model_copy(update={"rang_at": facts.now})
    if dest is facts.call.stage:
        return moved
    return moved.model_copy(update={"stage": dest, "since": facts.now})


def _still_vacant(call: Call, edition: Edition) -> Call:
    """The same without vacancies that were filled, and without nominations that no longer hold."""
    vacant = tuple(key for key in call.vacant if _can_promote(call, edition, edition.programme(key)))
    nominated = {k: ref for k, ref in call.nominated.items() if k in vacant and _first(call, edition, k) == ref}
    return call.model_copy(update={"vacant": vacant, "nominated": nominated})


def orders(facts: EditionFacts) -> list[tuple[str, str, dict[str, Any]]]:
    """What applications are told to do because of this move: (ref, trigger, data)."""
    command = facts.command
    match command.trigger:
        case "decide_selection":
            waiting, last = _waiting(facts), _last(command)
            decided = [
                *((c.ref, "select", {"krw": c.krw, "rank": c.rank, "score": c.score}) for c in command.selected),
                *((c.ref, "place_on_reserve", {"score": c.score}) for c in command.reserve if c.ref not in waiting),
                *((ref, "pass_over", {"last": last} if last else {}) for ref in command.passed_over),
            ]
            return [*decided, *_told_at_once(facts, [ref for ref, _, _ in decided])]
        case "publish_results":
            # The register may not have heard yet of what was decided a moment ago.
            here = [] if facts.call.published_at else _decided_here(facts.call)
            return [(ref, "publish_result", {}) for ref in dict.fromkeys((*command.refs, *here))]
        case "promote_next":
            found = _on_reserve(facts.call, command.ref)
            assert found is not None  # guard `best_on_reserve`
            given = {"krw": command.krw, "rank": found[1].rank, "score": found[1].score}
            return [(command.ref, "promote", given), *_told_at_once(facts, [command.ref])]
        case "cancel_award":
            return [(command.ref, "cancel_award", {})]
        case "cancel_call":
            return [(ref, "cancel_call", {}) for ref in command.refs]
        case "freeze" | "unfreeze":
            return freeze.orders(facts)
        case "order_return":
            return [(command.ref, f"return_to_{command.to}", {})]
        case "adopt":
            said = {k: v for k, v in command.stated().items() if k not in ("ref", "stage", "over_quota_reason")}
            said |= {"rank": facts.call.next_rank(command.programme), "evidence": list(command.evidence)}
            if concern := facts.call.freezes_of(command.applicant.country):
                said["freezes"] = [one.model_dump(mode="json") for one in concern]
            return [(command.ref, trigger_at(command.stage), said)]
        case _:
            return []


def _last(command: m.DecideSelection) -> str | None:
    """The fewest points, bonus included, of those that have a place or the reserve before anybody is passed over.

    Whom the committee put up with a reason comes later in the ranking, and says nothing about the others.
    """
    chosen = {choice.ref: choice.points for choice in (*command.selected, *command.reserve)}
    before = [chosen[ref] for ref in takewhile(chosen.__contains__, command.ranking)]
    points = [each for each in before if each is not None]
    return str(min(points)) if points else None


def _decided_here(call: Call) -> list[str]:
    """Everybody that the edition decided on here."""
    return [
        *(ref for ref in call.standings() if ref not in call.adopted),
        *(ref for decided in call.decided.values() for ref in decided.passed_over),
    ]


def _told_at_once(facts: EditionFacts, refs: list[str]) -> list[tuple[str, str, dict[str, Any]]]:
    # What is decided after publication is published as it is decided.
    return [(ref, "publish_result", {}) for ref in refs] if facts.call.published_at else []


# --- ranking ----------------------------------------------------------------------------------------------------------


class Candidate(Frozen):
    """A shortlisted application as it enters the ranking. ``scores`` are exact fractions written ``n/d``."""

    ref: str
    country: str
    organisation: str
    score: str
    criteria: dict[str, str]
    sheets: int = 0
    matching_krw: int = 0
    matching: m.MatchingFund | None = None
    preferred: bool = False
    previous: m.PreviousResult | None = None
    """What it is preferred for."""


class Ranked(Frozen):
    """One line of the ranking. Those whom no rule separates share a rank; ``decided_by`` says which rule did."""

    rank: int
    candidate: Candidate
    bonus: int
    decided_by: str


def rank(
    programme: Programme, candidates: Iterable[Candidate], with_project: frozenset[str] = frozenset()
) -> list[Ranked]:
    """Order candidates by score and the edition's tie rules; never by arrival, never by chance.

    Args:
        programme: Whose rules apply.
        candidates: In any order.
        with_project: Countries that have a selected project already.

    Returns:
        Best first. Equal ranks, marked ``vote``, mean that the committee's minuted vote must decide.
    """
    bonus_points = {preference.by: preference.points for preference in programme.preferences}

    def bonus(c: Candidate) -> int:
        funds = bonus_points.get("matching_funds", 0) if c.matching_krw else 0
        return funds + (bonus_points.get("previous_result", 0) if c.preferred else 0)

    def measure(tie: Tie, c: Candidate) -> Fraction:
        match tie.by:
            case TieRule.CRITERION:
                return Fraction(c.criteria.get(tie.criterion or "", "0"))
            case TieRule.MATCHING_FUNDS:
                return Fraction(1 if c.matching_krw else 0)
            case TieRule.PREFERENCE:
                return Fraction(1 if c.preferred else 0)
            case TieRule.COUNTRY_WITHOUT_PROJECT:
                return Fraction(0 if c.country in with_project else 1)
            case TieRule.VOTE:
                return Fraction(0)  # separates nobody: the committee does

    names = ["score", *(f"criterion {tie.criterion}" if tie.criterion else tie.by.value for tie in programme.ties)]

    def measures(c: Candidate) -> tuple[Fraction, ...]:
        return (Fraction(c.score) + bonus(c), *(measure(tie, c) for tie in programme.ties))

    keyed = sorted(
        ((tuple(-value for value in measures(c)), c) for c in candidates), key=lambda pair: (pair[0], pair[1].ref)
    )
    lines: list[Ranked] = []
    for place, (measured, candidate) in enumerate(keyed, start=1):
        above = keyed[place - 2][0] if place > 1 else None
        below = keyed[place][0] if place < len(keyed) else None
        rank_of = lines[-1].rank if above == measured else place
        decided = "vote" if measured in (above, below) else names[_depth(measured, above, below)]
        lines.append(Ranked(rank=rank_of, candidate=candidate, bonus=bonus(candidate), decided_by=decided))
    return lines


def told_apart(lines: Sequence[Ranked], chosen: Set[str]) -> tuple[list[str], list[tuple[int, int]]]:
    """Of those whom no rule separates: who takes the committee's vote, and who does not, as all of them get nothing.

    Args:
        lines: The ranking.
        chosen: Who gets a place or a line on the reserve.

    Returns:
        Those to be voted on; and of the others the place of the first in the ranking, from 1, and how many are equal.
    """
    voted: list[str] = []
    equals: list[tuple[int, int]] = []
    for _, group in groupby(enumerate(lines, start=1), key=lambda placed: placed[1].rank):
        places, tied = zip(*((place, line.candidate.ref) for place, line in group), strict=True)
        if len(tied) > 1 and not chosen.isdisjoint(tied):
            voted += tied
        elif len(tied) > 1:
            equals.append((places[0], len(tied)))
    return voted, equals


def _depth(measured: tuple[Fraction, ...], *neighbours: tuple[Fraction, ...] | None) -> int:
    """How many rules were asked until a line was told from its neighbours."""
    depths = [
        next(i for i, (mine, theirs) in enumerate(zip(measured, other, strict=True)) if mine != theirs)
        for other in neighbours
        if other is not None
    ]
    return max(depths, default=0)
