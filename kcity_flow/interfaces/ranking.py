"""The ranking of a programme as the register has it, and the decision that follows from it."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from typing import Any, NamedTuple

from kcity_flow.adapters.register import Register
from kcity_flow.domain.edition import Edition, Preference, Programme, QuotaKind
from kcity_flow.domain.messages import View
from kcity_flow.domain.selection import Call, Candidate, Ranked, rank
from kcity_flow.domain.stages import Stage
from kcity_flow.interfaces.misuse import Misused


class Ranking(NamedTuple):
    """Shortlisted applications in order, and how many of them there are places for. KRW."""

    programme: Programme
    lines: list[Ranked]
    views: dict[str, View]
    taken: int
    places: int
    budget_left: int | None

    def sums(self) -> tuple[int, int]:
        """The least and the most that the places cost."""
        award, count = self.programme.award, min(self.places, len(self.lines))
        return award.min_krw * count, award.max_krw * count


def ranking(edition: Edition, programme: str, call: Call, register: Register) -> Ranking:
    """Rank everybody who is shortlisted in a programme and not yet decided.

    Raises:
        Unknown: the edition has no such programme.
    """
    rules = edition.programme(programme)
    views = register.subjects(edition.year, Stage.SHORTLISTED, programme)
    placed = (view.country for view in register.subjects(edition.year) if view.krw is not None and view.country)
    lines = rank(
        rules,
        [_candidate(view, rules, edition, register) for view in views],
        frozenset({*edition.project_countries, *placed}),
    )
    taken = call.taken(programme)
    return Ranking(
        rules,
        lines,
        {view.subject: view for view in views},
        taken,
        _places(edition, rules, call, len(lines)),
        None if edition.budget_krw is None else edition.budget_krw - call.committed_krw(),
    )


def _places(edition: Edition, programme: Programme, call: Call, candidates: int) -> int:
    """How many places can still be given without a reason: by the programme's quota and by the total."""
    quota, total = programme.quota, edition.total
    left = candidates if quota.kind is QuotaKind.AT_LEAST else quota.places - call.taken(programme.key)
    if total is not None and total.kind is not QuotaKind.AT_LEAST:
        left = min(left, total.places - call.taken())
    return max(0, left)


def _candidate(view: View, programme: Programme, edition: Edition, register: Register) -> Candidate:
    return Candidate(
        ref=view.subject,
        country=view.country,
        organisation=view.organisation,
        score=view.scores.get("score", "0"),
        criteria={key: value for key, value in view.scores.items() if key != "score"},
        matching_krw=view.matching_krw,
        preferred=any(
            _has_previous_result(view, rule, edition.year, register)
            for rule in programme.preferences
            if rule.by == "previous_result"
        ),
    )


def _has_previous_result(view: View, rule: Preference, year: int, register: Register) -> bool:
    """Whether the applicant, or a partner, had a project of the programme named that ended as well as the rule asks.

    Both are compared by the ids that the vault gave to their names; a project was its applicant's.
    """
    if rule.from_year is not None and year < rule.from_year:
        return False
    received = register.entry(view.subject, 1)
    partners = received.data.get("applicant", {}).get("partners", ()) if received else ()
    grades = ("good",) if rule.grade == "good" else ("good", "fair")
    return any(
        entry.command == "close" and entry.data.get("grade") in grades
        for earlier in register.subjects(year - rule.years_before, Stage.CLOSED, rule.programme, country=view.country)
        if earlier.organisation in (*partners, view.organisation)
        for entry in register.entries(earlier.subject)
    )


def decision(found: Ranking, places: int | None, awards: dict[str, int], order: Iterable[str]) -> dict[str, Any]:
    """What ``decide_selection`` is to say: the best get the places, the rest stands on the reserve in order.

    Args:
        found: The ranking.
        places: How many places to give; all that are left if not given.
        awards: KRW by reference number; under ``""`` for everybody else. May be empty where the award is one sum.
        order: The committee's order of those whom no rule separates.

    Raises:
        Misused: an order or an award is missing.
    """
    award, order = found.programme.award, list(order)
    if unknown := [ref for ref in [*order, *(ref for ref in awards if ref)] if ref not in found.views]:
        raise Misused(f"{', '.join(unknown)} is not in the ranking; see it with `kcity rank`.")
    ties: dict[int, list[str]] = {}
    for line in found.lines:
        ties.setdefault(line.rank, []).append(line.candidate.ref)
    unordered = [ref for tied in ties.values() if len(tied) > 1 for ref in tied if ref not in order]
    if unordered:
        raise Misused(
            f"No rule decides between {', '.join(unordered)}; give the committee's order, "
            f"such as --order {','.join(unordered)}."
        )
    # Equal ranks take the committee's order; everybody else has a rank of their own already.
    place_of = {ref: place for place, ref in enumerate(order)}
    lines = sorted(found.lines, key=lambda line: (line.rank, place_of.get(line.candidate.ref, 0)))
    wanted = found.places if places is None else places
    fixed = award.min_krw if award.min_krw == award.max_krw else 0
    choices = []
    for number, line in enumerate(lines, start=1):
        ref = line.candidate.ref
        krw = awards.get(ref) or awards.get("") or fixed
        if not krw and number <= wanted:
            raise Misused(
                f"An award in {found.programme.key} lies between {award.min_krw:,} and {award.max_krw:,} KRW; "
                f"give each one's with --krw {ref}=SUM, or one for all with --krw SUM."
            )
        choices.append(
            {
                "ref": ref,
                "krw": krw or award.min_krw,
                "rank": number,
                "organisation": line.candidate.organisation,
                "country": line.candidate.country,
            }
        )
    return {
        "programme": found.programme.key,
        "selected": choices[:wanted],
        "reserve": choices[wanted:],
        "passed_over": [],
    }


def rounded(score: str) -> str:
    """An exact mean as people read it: two decimals."""
    return f"{float(Fraction(score)):.2f}"
