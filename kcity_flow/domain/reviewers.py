"""A balanced proposal of who judges what: reproducible, and explained pair by pair.

Reviewers come from the pool that the edition's ledger names, applications from their own ledgers. Whoever is in
conflict is left out; experts on the application's subject come first as long as nobody carries more than their share,
then whoever has the fewest seats. Order of names and of arrival, and chance, decide nothing but between equals, and
there the ids do.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from kcity_flow.domain.application import Application
from kcity_flow.domain.edition import Programme
from kcity_flow.domain.evaluation import below_threshold, judged_steps, quorum, too_few_sheets
from kcity_flow.domain.messages import Basis, Reviewer
from kcity_flow.domain.moves import JUDGED
from kcity_flow.domain.stages import Stage


class Pair(NamedTuple):
    """A reviewer proposed for an application, why, and who was left out for a conflict."""

    ref: str
    reviewer: Reviewer
    basis: Basis
    left_out: tuple[tuple[str, str], ...]

    @property
    def why(self) -> str:
        """In words."""
        knows = "knows its subject" if self.basis.expert else "no expert on it"
        barred = "".join(f"; not {person}: {tie}" for person, tie in self.left_out)
        return f"{knows}, has {self.basis.load} seats where an equal share is {self.basis.share}{barred}"


class Assignment(NamedTuple):
    """The pairs, in order of reference number, and how many seats nobody could be found for."""

    pairs: tuple[Pair, ...]
    short: dict[str, int]


def wanted(application: Application, programme: Programme, step: str) -> int:
    """How many reviewers an application lacks on a step: one that it stands before or on, or that lost a sheet."""
    if application.programme != programme.key or step not in judged_steps(programme):
        return 0
    seats = [seat for seat in application.seats(step) if not seat.void and seat.free is not False]
    seated = [seat for seat in seats if not application.conflict_of(seat.reviewer)]
    missing = max(0, quorum(programme, step) - len(seated))
    if Stage(step) in application.reached and application.stage in JUDGED:
        sealed = all(seat.scores is not None for seat in seated)
        return missing or int(sealed and bool(too_few_sheets(application, programme, step)))
    if step == Stage.PAPER_REVIEW:
        return missing if application.stage is Stage.SCREENING else 0
    before = application.stage in (Stage.PAPER_REVIEW, Stage.CONSULTATION)
    # A panel is for those who passed the paper review.
    passed = not too_few_sheets(application, programme, Stage.PAPER_REVIEW) and not below_threshold(
        application, programme, Stage.PAPER_REVIEW
    )
    return missing if before and passed else 0


def propose(
    pool: Iterable[Reviewer],
    named_by: int,
    applications: Iterable[Application],
    programme: Programme,
    step: str,
    at: datetime,
) -> Assignment:
    """Propose a reviewer for every seat that a programme's applications lack on a step.

    Args:
        pool: Everybody who may be proposed, in any order.
        named_by: The edition's entry that named them.
        applications: All of the edition, in any order: those of other programmes count as load.
        programme: Whose seats are to be filled.
        step: ``paper_review`` or ``presentation``.
        at: Business time up to which the ledgers of the applications were read. UTC.
    """
    reviewers = sorted(pool, key=lambda reviewer: reviewer.person)
    files = sorted(applications, key=lambda application: application.ref)
    load = Counter(
        seat.reviewer
        for application in files
        for seats in application.reviews.values()
        for seat in seats
        if not application.conflict_of(seat.reviewer)
    )
    lacking = {a.ref: count for a in files if (count := wanted(a, programme, step))}
    in_pool = sum(load[reviewer.person] for reviewer in reviewers)
    share = -(-(in_pool + sum(lacking.values())) // max(1, len(reviewers)))
    pairs: list[Pair] = []
    short: dict[str, int] = {}
    # Who has the fewest to choose from chooses first.
    by_ref = {application.ref: application for application in files}
    ties = {ref: _ties(reviewers, by_ref[ref]) for ref in lacking}
    able = {ref: _able(reviewers, by_ref[ref], step, ties[ref]) for ref in lacking}
    for ref in sorted(able, key=lambda ref: (len(able[ref]), ref)):
        application = by_ref[ref]
        subjects = {application.programme, application.site_kind, application.sector}
        for _ in range(lacking[ref]):
            free = [r for r in able[ref] if load[r.person] < r.capacity]
            if not free:
                short[ref] = short.get(ref, 0) + 1
                continue
            chosen = min(
                free,
                key=lambda r: (
                    load[r.person] >= share, not subjects & set(r.expertise), load[r.person], r.person,
                ),
            )  # fmt: skip
            basis = Basis(
                pool=named_by,
                at=at,
                expert=bool(subjects & set(chosen.expertise)),
                load=load[chosen.person],
                share=share,
            )
            pairs.append(Pair(ref, chosen, basis, tuple(ties[ref].items())))
            load[chosen.person] += 1
            able[ref].remove(chosen)
    return Assignment(tuple(sorted(pairs, key=lambda pair: (pair.ref, pair.basis.load, pair.reviewer.person))), short)


def _ties(reviewers: Iterable[Reviewer], application: Application) -> dict[str, str]:
    """What ties each reviewer who is in conflict, in their order."""
    asked = ((one.person, application.conflict_of(one.person, one.organisations)) for one in reviewers)
    return {person: tie for person, tie in asked if tie}


def _able(reviewers: Iterable[Reviewer], application: Application, step: str, ties: dict[str, str]) -> list[Reviewer]:
    barred = {seat.reviewer for seat in application.seats(step)} | ties.keys()
    return [reviewer for reviewer in reviewers if reviewer.person not in barred]
