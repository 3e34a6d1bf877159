"""The ranking of a programme, now or as it stood when it was decided, and the decision that follows from it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import datetime
from itertools import takewhile
from typing import Any, NamedTuple

from kcity_flow.adapters.register import Register
from kcity_flow.domain import retelling
from kcity_flow.domain.application import Application
from kcity_flow.domain.edition import Edition, Preference, Programme
from kcity_flow.domain.errors import GuardFailed, Unknown
from kcity_flow.domain.evaluation import criterion_mean, final_score, ranking_step, too_few_sheets
from kcity_flow.domain.ledger import entry_hash
from kcity_flow.domain.machine import EDITIONS
from kcity_flow.domain.messages import (
    By,
    Choice,
    DecideSelection,
    Entry,
    MatchingFund,
    Outcome,
    PreviousResult,
    View,
    edition_id,
    parse,
)
from kcity_flow.domain.selection import Call, Candidate, EditionFacts, Ranked, places_left, rank, told_apart
from kcity_flow.domain.stages import Role, Stage
from kcity_flow.gateway import AWAITED, STANDS_FOR_A_TEXT
from kcity_flow.interfaces.misuse import Misused


class Ranking(NamedTuple):
    """Who is shortlisted or on the reserve, in order, and how many places are left. KRW.

    ``on_reserve`` are those who stand there already: they get a place by promotion, and keep their line. ``incomplete``
    are those whose sheets no longer suffice, each with what is missing. ``first_rank`` comes after every place that
    was given. ``decision`` is the edition's entry that decided on them, if one has.
    """

    programme: Programme
    lines: list[Ranked]
    cities: dict[str, str]
    incomplete: dict[str, str]
    taken: int
    places: int
    committed: int
    budget: int | None
    on_reserve: frozenset[str] = frozenset()
    first_rank: int = 1
    decision: Entry | None = None
    faults: tuple[str, ...] = ()
    """What in the decision's grounds the ledgers do not bear out, a sentence each."""

    def given(self) -> int:
        """How many places can be given in the order of the ranking: to those before the first on the reserve."""
        ahead = takewhile(lambda line: line.candidate.ref not in self.on_reserve, self.lines)
        return min(self.places, sum(1 for _ in ahead))

    def sums(self) -> tuple[int, int]:
        """The least and the most that the places cost."""
        award, count = self.programme.award, self.given()
        return award.min_krw * count, award.max_krw * count

    def outcomes(self) -> dict[str, str]:
        """What each line came to, or would come to by the ranking: place, reserve, or passed over."""
        refs = [line.candidate.ref for line in self.lines]
        if self.decision is None:
            return {ref: "place" if number < self.given() else "reserve" for number, ref in enumerate(refs)}
        data = self.decision.data
        decided = dict.fromkeys(data["ranking"], "passed over")
        decided |= {choice["ref"]: "reserve" for choice in data.get("reserve", ())}
        decided |= {choice["ref"]: "place" for choice in data["selected"]}
        return {ref: decided.get(ref, "not decided on") for ref in refs}


class _Standing(NamedTuple):
    """An application that awaits a place, as the ranking sees it; ``missing``: what bars it from being ranked."""

    ref: str
    city: str
    country: str
    organisations: tuple[str, ...]
    scores: Mapping[str, str]
    sheets: int
    matching_krw: int
    matching: MatchingFund | None
    missing: str = ""


def ranking(edition: Edition, programme: str, call: Call, register: Register) -> Ranking:
    """Rank everybody in a programme who is shortlisted and not yet decided, or on the reserve, as the register says.

    Raises:
        Unknown: the edition has no such programme.
    """
    rules = edition.programme(programme)
    views = [view for view in register.subjects(edition.year, programme=programme) if view.stage in AWAITED]
    return _ranked(edition, rules, call, (_of_view(view, rules, register) for view in views), register)


def ranking_told(edition: Edition, programme: str, register: Register, number: int | None = None) -> Ranking:
    """The same from ledgers alone, every sheet counted again; as it stood at a decision, if one is meant.

    Args:
        edition: Whose rules apply.
        programme: Which of its programmes.
        register: Where the ledgers are.
        number: The edition's entry that made the decision. Without it: now, if anybody waits for a decision, else
            at the last decision there was.

    Raises:
        Unknown: there is no such programme, or no such decision.
    """
    rules = edition.programme(programme)
    of_edition = register.entries(edition_id(edition.year))
    decisions = [entry for entry in of_edition if _decides(entry, programme)]
    waiting = bool(register.subjects(edition.year, Stage.SHORTLISTED, programme))
    decision = next((d for d in decisions if d.number == number), None)
    if number is not None and decision is None:
        known = ", ".join(str(entry.number) for entry in decisions) or "none"
        raise Unknown(
            f"Entry {number} of edition {edition.year} decided nothing in {programme}; those that did: {known}."
        )
    if decision is None and decisions and not waiting:
        decision = decisions[-1]
    # What the second person confirmed is what the first one saw.
    seen = next(e for e in of_edition if e.number == decision.proposal) if decision else None
    until = seen.at if seen else None
    told = (
        retelling.application_of(edition, view.subject, register.entries(view.subject), until)
        for view in register.subjects(edition.year, programme=programme)
    )
    standing = (_of_application(one, rules) for one in told if one.stage in AWAITED)
    call = retelling.call_of(edition, of_edition, until)
    found = _ranked(edition, rules, call, standing, register, until)._replace(decision=decision)
    return found._replace(faults=tuple(_unproven(found, register)))


def _unproven(found: Ranking, register: Register) -> Iterator[str]:
    """Preferences that the decision gave and the ledgers do not bear out, or the other way round."""
    data = found.decision.data if found.decision else {}
    told = {line.candidate.ref: line.candidate.previous for line in found.lines}
    for choice in map(Choice.model_validate, (*data.get("selected", ()), *data.get("reserve", ()))):
        named, counts = choice.previous, told.get(choice.ref)
        if named is not None and (why := _unproven_result(named, register)):
            yield f"{choice.ref} was preferred for {named.ref}, {why}."
        elif named != counts and choice.ref in told:
            said = f"was preferred for {named.ref}" if named else "was not preferred"
            yield f"{choice.ref} {said}; by the ledgers {counts.ref if counts else 'no earlier project'} counts."


def _unproven_result(named: PreviousResult, register: Register) -> str:
    entry = register.entry(named.ref, named.entry)
    if entry is None or entry.outcome is not Outcome.MADE or entry.dest != Stage.CLOSED:
        return f"whose entry {named.entry} did not close it"
    if named.hash != entry.hash or entry.hash != entry_hash(entry):
        return f"whose entry {named.entry} has another hash"
    grade = entry.data.get("grade")
    return "" if grade == named.grade else f"which entry {named.entry} graded {grade}, not {named.grade}"


def _decides(entry: Entry, programme: str) -> bool:
    made = entry.command == "decide_selection" and entry.outcome is Outcome.MADE
    return made and entry.data.get("programme") == programme


def _ranked(
    edition: Edition, rules: Programme, call: Call, standing: Iterable[_Standing], register: Register,
    until: datetime | None = None,
) -> Ranking:  # fmt: skip
    # The edition knows first: who was just given a place may still seem to wait for one.
    everybody = [one for one in standing if one.ref not in call.places]
    placed = {holder.choice.country for holder in call.places.values()}
    candidates = [_candidate(one, rules, edition, register, until) for one in everybody if not one.missing]
    lines = rank(rules, candidates, frozenset({*edition.project_countries, *placed}))
    left = places_left(call, edition, rules)
    return Ranking(
        programme=rules,
        lines=lines,
        cities={one.ref: one.city for one in everybody},
        incomplete={one.ref: one.missing for one in everybody if one.missing},
        taken=call.taken(rules.key),
        places=len(lines) if left is None else left,
        committed=call.committed_krw(),
        budget=edition.budget_krw,
        on_reserve=frozenset(choice.ref for choice in call.reserve(rules.key)),
        first_rank=call.next_rank(rules.key),
    )


def _of_view(view: View, rules: Programme, register: Register) -> _Standing:
    asked = any(preference.by == "previous_result" for preference in rules.preferences)
    received = register.entry(view.subject, 1) if asked else None
    partners = [p["organisation"] for p in received.data["applicant"].get("partners", ())] if received else []
    missing = "" if "score" in view.scores else "sheets; `kcity moves` says which"
    return _Standing(
        ref=view.subject,
        city=view.city,
        country=view.country,
        organisations=(view.organisation, *partners),
        scores=view.scores,
        sheets=view.sheets,
        matching_krw=view.matching_krw,
        matching=view.matching,
        missing=missing,
    )


def _of_application(told: Application, programme: Programme) -> _Standing:
    assert told.applicant is not None  # it was received
    step = ranking_step(programme)
    missing = too_few_sheets(told, programme, step)
    scores = {} if missing else {
        "score": str(final_score(told, programme)),
        **{c.key: str(criterion_mean(told, programme, c.key)) for c in programme.criteria},
    }  # fmt: skip
    return _Standing(
        ref=told.ref,
        city=told.city,
        country=told.applicant.country,
        organisations=told.applicant.organisations(),
        scores=scores,
        sheets=len(told.counted_sheets(step)),
        matching_krw=told.matching_krw,
        matching=told.matching,
        missing=missing,
    )


def _candidate(
    one: _Standing, programme: Programme, edition: Edition, register: Register, until: datetime | None
) -> Candidate:
    rules = (rule for rule in programme.preferences if rule.by == "previous_result")
    found = (_previous_result(one, rule, edition.year, register, until) for rule in rules)
    previous = next((result for result in found if result), None)
    return Candidate(
        ref=one.ref,
        country=one.country,
        organisation=one.organisations[0],
        score=one.scores["score"],
        criteria={key: value for key, value in one.scores.items() if key != "score"},
        sheets=one.sheets,
        matching_krw=one.matching_krw,
        matching=one.matching,
        preferred=previous is not None,
        previous=previous,
    )


def _previous_result(
    one: _Standing, rule: Preference, year: int, register: Register, until: datetime | None
) -> PreviousResult | None:
    """The project of the programme named that the applicant, or a partner, had, and that ended as the rule asks.

    Both are compared by the ids that the vault gave to their names; a project was its applicant's. What was recorded
    at or after ``until`` is left out. Of several the first with the best grade.
    """
    if rule.from_year is not None and year < rule.from_year:
        return None
    grades = ("good",) if rule.grade == "good" else ("good", "fair")
    closed = (
        _closure(register.entries(earlier.subject), until)
        for earlier in register.subjects(year - rule.years_before, programme=rule.programme, country=one.country)
        if earlier.organisation in one.organisations
    )
    results = [
        PreviousResult(ref=entry.subject, grade=entry.data["grade"], entry=entry.number, hash=entry.hash)
        for entry in closed
        if entry is not None and entry.data.get("grade") in grades
    ]
    return min(results, key=lambda result: (grades.index(result.grade), result.ref), default=None)


def _closure(ledger: Iterable[Entry], until: datetime | None) -> Entry | None:
    """The entry by which a project had ended by then, if it had."""
    closure = None
    for entry in ledger:
        if entry.outcome is Outcome.MADE and (until is None or entry.at < until) and entry.source != entry.dest:
            closure = entry if entry.dest == Stage.CLOSED else None
    return closure


def decision(
    found: Ranking,
    places: int | None,
    awards: dict[str, int],
    order: Iterable[str] = (),
    *,
    reserve: int | None = None,
    override: Iterable[str] = (),
    without: Iterable[str] = (),
) -> dict[str, Any]:
    """What ``decide_selection`` is to say: places for the best, the reserve for the next; the rest is passed over.

    Whoever stands on the reserve stays there, ranked anew with those that come to it.

    Args:
        found: The ranking.
        places: How many places to give; if not given all that are left, as far as nobody on the reserve comes before.
        awards: KRW by reference number; under ``""`` for everybody else. May be empty where the award is one sum.
        order: The committee's order of those whom no rule separates: its minuted vote.
        reserve: How many stand on the reserve, with those who do already; all that are left if not given.
        override: Who comes first whatever the ranking says, in this order; it takes a reason.
        without: Who is left out, and goes on waiting; it takes a reason.

    Raises:
        Misused: an order or an award is missing, or somebody who cannot be ranked is not left out.
    """
    order, override, without = list(order), list(override), list(without)
    if stray := [ref for ref in without if ref not in found.cities]:
        raise Misused(f"{', '.join(stray)} is not in the ranking; see it with `kcity rank`.")
    if sentence := unranked(found, without):
        raise Misused(sentence)
    found = found._replace(lines=[line for line in found.lines if line.candidate.ref not in without])
    ranked = {line.candidate.ref: line for line in found.lines}
    if unknown := [ref for ref in [*order, *override, *(ref for ref in awards if ref)] if ref not in ranked]:
        raise Misused(f"{', '.join(unknown)} is not in the ranking; see it with `kcity rank`.")
    computed = _in_order(found.lines, order)
    chosen = [*override, *(ref for ref in computed if ref not in override)]
    newcomers = [ref for ref in chosen if ref not in found.on_reserve]
    selected = newcomers[: found.given() if places is None else places]
    others = [ref for ref in chosen if ref not in selected]
    stay = [ref for n, ref in enumerate(others) if reserve is None or n < reserve or ref in found.on_reserve]
    voted, equals = told_apart(found.lines, {*selected, *stay})
    if not set(voted) <= set(order):
        wanted = [*order, *(ref for ref in voted if ref not in order)]
        raise Misused(
            f"No rule decides between {', '.join(voted)}; give the committee's order of all of them, "
            f"such as --order {','.join(wanted)}."
        )
    choices = list(_choices(found, [ranked[ref] for ref in (*selected, *stay)], awards, len(selected)))
    return {
        "programme": found.programme.key,
        "ranking": computed,
        "selected": choices[: len(selected)],
        "reserve": choices[len(selected) :],
        "voted": voted,
        "equals": equals,
        "left_out": without,
    }


def unranked(found: Ranking, without: Collection[str]) -> str:
    """Who cannot be ranked, and is not left out on purpose; nothing, if nobody."""
    lacking = {ref: missing for ref, missing in found.incomplete.items() if ref not in without}
    if not lacking:
        return ""
    told = "; ".join(f"{ref} (it lacks {missing})" for ref, missing in lacking.items())
    out = ",".join([*without, *lacking])
    return f"Not all can be ranked: {told}. See to that, or leave them out with `--without {out} --reason TEXT`."


def _in_order(lines: list[Ranked], order: list[str]) -> list[str]:
    """Everybody in the order of the ranking, equals in the committee's."""
    place_of = {ref: place for place, ref in enumerate(order)}
    computed = sorted(lines, key=lambda line: (line.rank, place_of.get(line.candidate.ref, len(order))))
    return [line.candidate.ref for line in computed]


def _choices(found: Ranking, lines: list[Ranked], awards: dict[str, int], wanted: int) -> Iterator[dict[str, Any]]:
    award = found.programme.award
    fixed = award.min_krw if award.min_krw == award.max_krw else 0
    for number, line in enumerate(lines):
        ref = line.candidate.ref
        krw = awards.get(ref) or awards.get("") or fixed
        if not krw and number < wanted:
            raise Misused(
                f"An award in {found.programme.key} lies between {award.min_krw:,} and {award.max_krw:,} KRW; "
                f"give each one's with --krw {ref}=SUM, or one for all with --krw SUM."
            )
        yield {
            "ref": ref,
            "krw": krw or award.min_krw,
            "rank": found.first_rank + number,
            "organisation": line.candidate.organisation,
            "country": line.candidate.country,
            "score": line.candidate.score,
            "bonus": line.bonus,
            "decided_by": line.decided_by,
            **({"previous": previous.model_dump(mode="json")} if (previous := line.candidate.previous) else {}),
        }


def against(data: dict[str, Any], call: Call, edition: Edition, grounds: frozenset[str], *, minuted: bool) -> list[str]:
    """What the rules have against a decision before it is proposed, each as the refusal would say it.

    Args:
        data: The decision.
        call: The edition's places as they are.
        edition: Its rules.
        grounds: Which reasons would go with it: ``reason``, ``over_quota_reason``.
        minuted: Whether the minutes of a vote would.

    Raises:
        IllegalMove: the edition does not stand where it decides.
    """
    by = By(person="P-COMMITTEE", role=Role.COMMITTEE)
    move = EDITIONS.row("decide_selection", call.stage, by.role)
    given = {**dict.fromkeys(grounds, STANDS_FOR_A_TEXT), "evidence": [STANDS_FOR_A_TEXT] if minuted else []}
    command: DecideSelection = parse("edition", "decide_selection", {**data, **given, "id": "preview", "by": by})
    now = min(window.opens_at for window in edition.windows)  # no guard of this move asks
    facts = EditionFacts(call=call, command=command, edition=edition, now=now, source=call.stage, dest=call.stage)
    return [
        GuardFailed("decide_selection", call.stage, by.role, guard.__name__, missing).sentence
        for guard in move.guards
        if (missing := guard(facts))
    ]
