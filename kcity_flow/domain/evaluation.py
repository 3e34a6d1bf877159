"""How sealed sheets become a score. Scores are integers 0 to 100, means exact fractions, rounded only for print."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction

from kcity_flow.domain.application import Application
from kcity_flow.domain.edition import Criterion, Programme, StepKind
from kcity_flow.domain.messages import View
from kcity_flow.domain.stages import Stage

JUDGED_BY_SHEETS = (Stage.PAPER_REVIEW, Stage.PRESENTATION)


def judged_steps(programme: Programme) -> list[str]:
    """The steps of a programme's route that are judged by sheets, in order."""
    return [step.kind.value for step in programme.route if step.kind.value in JUDGED_BY_SHEETS]


def sheet_total(scores: dict[str, int], criteria: Iterable[Criterion]) -> Fraction:
    """A sheet's weighted mean over the programme's criteria."""
    weights = {criterion.key: criterion.weight for criterion in criteria}
    return Fraction(sum(weight * scores[key] for key, weight in weights.items()), sum(weights.values()))


def sheets(application: Application, step: str) -> list[dict[str, int]]:
    """The scores of the sheets of a step that count."""
    return [seat.scores for seat in application.counted_sheets(step) if seat.scores is not None]


def mean(totals: Sequence[Fraction], trim_from: int | None) -> Fraction:
    """The mean of sheets; from ``trim_from`` sheets on without the highest and the lowest."""
    kept = sorted(totals)
    if trim_from is not None and len(kept) >= trim_from:
        kept = kept[1:-1]
    return sum(kept, Fraction(0)) / len(kept)


def score(application: Application, programme: Programme, step: str) -> Fraction | None:
    """The application's score at a step, or ``None`` while no sheet counts."""
    totals = [sheet_total(scores, programme.criteria) for scores in sheets(application, step)]
    return mean(totals, programme.review.trim_from) if totals else None


def ranking_step(programme: Programme) -> str:
    """The step whose score ranks: the presentation where the route has one, else the paper review."""
    steps = judged_steps(programme)
    return steps[-1] if steps else StepKind.PAPER_REVIEW.value


def last_judged(application: Application, programme: Programme) -> str:
    """The last step judged by sheets that it has come to; the paper review while it has come to none."""
    reached = [step for step in judged_steps(programme) if Stage(step) in application.reached]
    return reached[-1] if reached else StepKind.PAPER_REVIEW.value


def means(application: Application, programme: Programme, step: str) -> dict[str, str]:
    """The exact score at a step and the mean of each criterion; nothing before every sheet that is awaited is in."""
    if too_few_sheets(application, programme, step):
        return {}
    found = sheets(application, step)
    each = {c.key: str(Fraction(sum(s[c.key] for s in found), len(found))) for c in programme.criteria}
    return {"score": str(score(application, programme, step)), **each}


def final_score(application: Application, programme: Programme) -> Fraction | None:
    """The score that ranks."""
    return score(application, programme, ranking_step(programme))


def criterion_mean(application: Application, programme: Programme, criterion: str) -> Fraction | None:
    """The mean of one criterion over the sheets of the step that ranks."""
    found = sheets(application, ranking_step(programme))
    return Fraction(sum(s[criterion] for s in found), len(found)) if found else None


LEFT = (Stage.WITHDRAWN, Stage.DEFERRED, Stage.CANCELLED, Stage.INELIGIBLE)
"""Who stands here takes no other's place among those that are invited."""


def paper_rank(ref: str, views: Iterable[View]) -> int | None:
    """An application's rank by its paper review among its programme's, of equals the better one; if it was judged.

    Whoever is judged later can only push it further back.
    """
    scores = {view.subject: Fraction(view.paper_score) for view in views if view.paper_score and view.stage not in LEFT}
    own = scores.get(ref)
    return None if own is None else 1 + sum(other > own for other in scores.values())


def quorum(programme: Programme, step: str) -> int:
    """How many sheets a step needs."""
    return programme.review.panel_quorum if step == StepKind.PRESENTATION.value else programme.review.paper_quorum


def too_few_sheets(application: Application, programme: Programme, step: str) -> str:
    """What is missing for the step to be judged: sheets up to the quorum, and one more where they lie far apart.

    Whoever is seated is waited for, so that no order of arrival decides; the chair gives up a seat that is not needed.
    """
    totals = [sheet_total(scores, programme.criteria) for scores in sheets(application, step)]
    needed = quorum(programme, step)
    if len(totals) < needed:
        return f"{needed - len(totals)} more sealed sheets ({len(totals)} of {needed})"
    if awaited := len(application.awaited_seats(step)):
        awaited_sheets = f"{awaited} sheet{'s' * (awaited > 1)}"
        return f"{awaited_sheets} of those who are seated; void_sheet gives up a seat that is not needed"
    if max(totals) - min(totals) > programme.review.spread and len(totals) == needed:
        return f"one more sheet, as the sealed ones lie more than {programme.review.spread} points apart"
    return ""


def points(score: Fraction | str, others: Iterable[Fraction | str] = ()) -> str:
    """An exact score as people read it: two decimals, and in full as well where these would mislead.

    They mislead where they show a whole number, such as a threshold, that was not reached or was passed, and where
    they show one of ``others`` that is not equal.
    """
    exact = Fraction(score)
    shown = round(exact, 2)
    beside = [Fraction(round(exact)), *(Fraction(other) for other in others)]
    misled = any(exact != other and shown == round(other, 2) for other in beside)
    return f"{float(shown):.2f}" + (f" (exactly {exact})" if misled else "")


def below_threshold(application: Application, programme: Programme, step: str) -> str:
    """What is missing for the step to be passed: a mean that reaches the threshold."""
    reached, threshold = score(application, programme, step), programme.review.threshold
    return "" if reached is not None and reached >= threshold else f"a score of at least {threshold}"
