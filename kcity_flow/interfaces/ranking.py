"""The ranking of a programme, now or as it stood when it was decided, and the decision that follows from it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from kcity_flow.adapters.register import Register
from kcity_flow.domain import retelling
from kcity_flow.domain.application import Application
from kcity_flow.domain.edition import Edition, Preference, Programme, QuotaKind
from kcity_flow.domain.errors import GuardFailed, Unknown
from kcity_flow.domain.evaluation import criterion_mean, final_score, ranking_step, too_few_sheets
from kcity_flow.domain.machine import EDITIONS
from kcity_flow.domain.messages import By, DecideSelection, Entry, Outcome, View, edition_id, parse
from kcity_flow.domain.selection import Call, Candidate, EditionFacts, Ranked, rank
from kcity_flow.domain.stages import Role, Stage
from kcity_flow.gateway import STANDS_FOR_A_TEXT
from kcity_flow.interfaces.misuse import Misused


class Ranking(NamedTuple):
    """Shortlisted applications in order, and how many of them there are places for. KRW.

    ``incomplete`` are shortlisted ones whose sheets no longer suffice, each with what is missing. ``decision`` is the
    edition's entry that decided on them, if one has.
    """

    programme: Programme
    lines: list[Ranked]
    cities: dict[str, str]
    incomplete: dict[str, str]
    taken: int
    places: int
    committed: int
    budget: int | None
    decision: Entry | None = None

    def sums(self) -> tuple[int, int]:
        """The least and the most that the places cost."""
        award, count = self.programme.award, min(self.places, len(self.lines))
        return award.min_krw * count, award.max_krw * count

    def outcomes(self) -> dict[str, str]:
        """What each line came to, or would come to by the ranking: place, reserve, or passed over."""
        refs = [line.candidate.ref for line in self.lines]
        if self.decision is None:
            return {ref: "place" if number < self.places else "reserve" for number, ref in enumerate(refs)}
        data = self.decision.data
        decided = dict.fromkeys(data["ranking"], "passed over")
        decided |= {choice["ref"]: "reserve" for choice in data.get("reserve", ())}
        decided |= {choice["ref"]: "place" for choice in data["selected"]}
        return {ref: decided.get(ref, "not decided on") for ref in refs}


class _Standing(NamedTuple):
    """A shortlisted application as the ranking sees it; ``missing``: what bars it from being ranked."""

    ref: str
    city: str
    country: str
    organisations: tuple[str, ...]
    scores: Mapping[str, str]
    sheets: int
    matching_krw: int
    missing: str = ""


def ranking(edition: Edition, programme: str, call: Call, register: Register) -> Ranking:
    """Rank everybody who is shortlisted in a programme and not yet decided, by how the register says they stand.

    Raises:
        Unknown: the edition has no such programme.
    """
    rules = edition.programme(programme)
    views = register.subjects(edition.year, Stage.SHORTLISTED, programme)
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
    standing = (_of_application(one, rules) for one in told if one.stage is Stage.SHORTLISTED)
    call = retelling.call_of(edition, of_edition, until)
    return _ranked(edition, rules, call, standing, register)._replace(decision=decision)


def _decides(entry: Entry, programme: str) -> bool:
    made = entry.command == "decide_selection" and entry.outcome is Outcome.MADE
    return made and entry.data.get("programme") == programme


def _ranked(
    edition: Edition, rules: Programme, call: Call, standing: Iterable[_Standing], register: Register
) -> Ranking:
    everybody = list(standing)
    placed = {holder.choice.country for holder in call.places.values()}
    candidates = [_candidate(one, rules, edition, register) for one in everybody if not one.missing]
    lines = rank(rules, candidates, frozenset({*edition.project_countries, *placed}))
    return Ranking(
        programme=rules,
        lines=lines,
        cities={one.ref: one.city for one in everybody},
        incomplete={one.ref: one.missing for one in everybody if one.missing},
        taken=call.taken(rules.key),
        places=_places(edition, rules, call, len(lines)),
        committed=call.committed_krw(),
        budget=edition.budget_krw,
    )


def _places(edition: Edition, programme: Programme, call: Call, candidates: int) -> int:
    """How many places can still be given without a reason: by the programme's quota and by the total."""
    quota, total = programme.quota, edition.total
    left = candidates if quota.kind is QuotaKind.AT_LEAST else quota.places - call.taken(programme.key)
    if total is not None and total.kind is not QuotaKind.AT_LEAST:
        left = min(left, total.places - call.taken())
    return max(0, left)


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
        missing=missing,
    )


def _candidate(one: _Standing, programme: Programme, edition: Edition, register: Register) -> Candidate:
    return Candidate(
        ref=one.ref,
        country=one.country,
        organisation=one.organisations[0],
        score=one.scores["score"],
        criteria={key: value for key, value in one.scores.items() if key != "score"},
        sheets=one.sheets,
        matching_krw=one.matching_krw,
        preferred=any(
            _has_previous_result(one, rule, edition.year, register)
            for rule in programme.preferences
            if rule.by == "previous_result"
        ),
    )


def _has_previous_result(one: _Standing, rule: Preference, year: int, register: Register) -> bool:
    """Whether the applicant, or a partner, had a project of the programme named that ended as well as the rule asks.

    Both are compared by the ids that the vault gave to their names; a project was its applicant's.
    """
    if rule.from_year is not None and year < rule.from_year:
        return False
    grades = ("good",) if rule.grade == "good" else ("good", "fair")
    return any(
        entry.command == "close" and entry.data.get("grade") in grades
        for earlier in register.subjects(year - rule.years_before, Stage.CLOSED, rule.programme, country=one.country)
        if earlier.organisation in one.organisations
        for entry in register.entries(earlier.subject)
    )


def decision(
    found: Ranking,
    places: int | None,
    awards: dict[str, int],
    order: Iterable[str] = (),
    *,
    reserve: int | None = None,
    override: Iterable[str] = (),
) -> dict[str, Any]:
    """What ``decide_selection`` is to say: places for the best, the reserve for the next; the rest is passed over.

    Args:
        found: The ranking.
        places: How many places to give; all that are left if not given.
        awards: KRW by reference number; under ``""`` for everybody else. May be empty where the award is one sum.
        order: The committee's order of those whom no rule separates: its minuted vote.
        reserve: How many stand on the reserve; all that are left if not given.
        override: Who comes first whatever the ranking says, in this order; it takes a reason.

    Raises:
        Misused: an order or an award is missing.
    """
    order, override = list(order), list(override)
    ranked = {line.candidate.ref: line for line in found.lines}
    if unknown := [ref for ref in [*order, *override, *(ref for ref in awards if ref)] if ref not in ranked]:
        raise Misused(f"{', '.join(unknown)} is not in the ranking; see it with `kcity rank`.")
    computed, voted = _in_order(found.lines, order)
    chosen = [*override, *(ref for ref in computed if ref not in override)]
    wanted = found.places if places is None else places
    listed = len(chosen) if reserve is None else wanted + reserve
    choices = list(_choices(found, [ranked[ref] for ref in chosen[:listed]], awards, wanted))
    return {
        "programme": found.programme.key,
        "ranking": computed,
        "selected": choices[:wanted],
        "reserve": choices[wanted:],
        "voted": voted,
    }


def _in_order(lines: list[Ranked], order: list[str]) -> tuple[list[str], list[str]]:
    """Everybody in the order of the ranking, equals in the committee's; and who those equals are."""
    ties: dict[int, list[str]] = {}
    for line in lines:
        ties.setdefault(line.rank, []).append(line.candidate.ref)
    voted = [ref for tied in ties.values() if len(tied) > 1 for ref in tied]
    if not set(voted) <= set(order):
        told_apart = [*order, *(ref for ref in voted if ref not in order)]
        raise Misused(
            f"No rule decides between {', '.join(voted)}; give the committee's order of all of them, "
            f"such as --order {','.join(told_apart)}."
        )
    # Equal ranks take the committee's order; everybody else has a rank of their own already.
    place_of = {ref: place for place, ref in enumerate(order)}
    computed = sorted(lines, key=lambda line: (line.rank, place_of.get(line.candidate.ref, 0)))
    return [line.candidate.ref for line in computed], voted


def _choices(found: Ranking, lines: list[Ranked], awards: dict[str, int], wanted: int) -> Iterator[dict[str, Any]]:
    award = found.programme.award
    fixed = award.min_krw if award.min_krw == award.max_krw else 0
    for number, line in enumerate(lines, start=1):
        ref = line.candidate.ref
        krw = awards.get(ref) or awards.get("") or fixed
        if not krw and number <= wanted:
            raise Misused(
                f"An award in {found.programme.key} lies between {award.min_krw:,} and {award.max_krw:,} KRW; "
                f"give each one's with --krw {ref}=SUM, or one for all with --krw SUM."
            )
        yield {
            "ref": ref,
            "krw": krw or award.min_krw,
            "rank": number,
            "organisation": line.candidate.organisation,
            "country": line.candidate.country,
            "score": line.candidate.score,
            "bonus": line.bonus,
            "decided_by": line.decided_by,
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
