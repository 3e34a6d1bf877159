"""How sealed sheets become a score. Scores are integers 0 to 100, means exact fractions, rounded only for print."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction

from kcity_flow.domain.application import Application, Seat
from kcity_flow.domain.edition import Criterion, Programme, StepKind


def sheet_total(scores: dict[str, int], criteria: Iterable[Criterion]) -> Fraction:
    """A sheet's weighted mean over the programme's criteria."""
    weights = {criterion.key: criterion.weight for criterion in criteria}
    return Fraction(sum(weight * scores[key] for key, weight in weights.items()), sum(weights.values()))


def sealed(seats: Iterable[Seat]) -> list[dict[str, int]]:
    """The sheets that count: sealed, by somebody free of conflict."""
    return [seat.scores for seat in seats if seat.scores is not None and seat.free]


def mean(totals: Sequence[Fraction], trim_from: int | None) -> Fraction:
    """The mean of sheets; from ``trim_from`` sheets on without the highest and the lowest."""
    kept = sorted(totals)
    if trim_from is not None and len(kept) >= trim_from:
        kept = kept[1:-1]
    return sum(kept, Fraction(0)) / len(kept)


def score(application: Application, programme: Programme, step: str) -> Fraction | None:
    """The application's score at a step, or ``None`` while no sheet is sealed."""
    totals = [sheet_total(scores, programme.criteria) for scores in sealed(application.seats(step))]
    return mean(totals, programme.review.trim_from) if totals else None


def final_score(application: Application, programme: Programme) -> Fraction | None:
    """The score that ranks: the presentation's where the route has one, else that of the paper review."""
    judged = [
        step.kind.value for step in programme.route if step.kind in (StepKind.PAPER_REVIEW, StepKind.PRESENTATION)
    ]
    return score(application, programme, judged[-1]) if judged else None


def criterion_mean(application: Application, programme: Programme, criterion: str) -> Fraction | None:
    """The mean of one criterion over the sheets of the step that ranks."""
    judged = [
        step.kind.value for step in programme.route if step.kind in (StepKind.PAPER_REVIEW, StepKind.PRESENTATION)
    ]
    sheets = sealed(application.seats(judged[-1])) if judged else []
    return Fraction(sum(s[criterion] for s in sheets), len(sheets)) if sheets else None


def quorum(programme: Programme, step: str) -> int:
    """How many sheets a step needs."""
    return programme.review.panel_quorum if step == StepKind.PRESENTATION.value else programme.review.paper_quorum


def too_few_sheets(application: Application, programme: Programme, step: str) -> str:
    """What is missing for the step to be judged: sheets up to the quorum, or one more where they lie far apart."""
    totals = [sheet_total(scores, programme.criteria) for scores in sealed(application.seats(step))]
    needed = quorum(programme, step)
    if len(totals) < needed:
        return f"{needed - len(totals)} more sealed sheets ({len(totals)} of {needed})"
    if max(totals) - min(totals) > programme.review.spread and len(totals) == needed:
        return f"one more sheet, as the sealed ones lie more than {programme.review.spread} points apart"
    return ""
