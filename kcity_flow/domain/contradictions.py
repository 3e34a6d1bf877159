"""What an edition must not say: rules that cannot both hold.

Asked when a file is read, never by the models themselves: an old history must stay readable after a rule is added here.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import NamedTuple

from kcity_flow.domain.edition import BEFORE_CLOSE, TIMERS, Edition, QuotaKind, StepKind, TieRule, values
from kcity_flow.domain.screening import DERIVED
from kcity_flow.domain.stages import Role

CLOCK_MOVES = frozenset({"open_screening", "lapse_clarification", "lapse_proposal", "expire", "close_file"})
"""What a timer may do instead of raising a flag."""

RECIPIENTS = frozenset(Role) - {Role.CLOCK} | {"subscribers", "approvers", "missing_parties"}
"""Whom a ladder may remind: a role, or those a fact singles out."""


class Contradiction(NamedTuple):
    """Two rules that cannot both hold: where, as a path, and what to do about it."""

    path: str
    sentence: str


def contradictions(edition: Edition) -> tuple[Contradiction, ...]:
    """Everything in an edition that contradicts something else in it; nothing if it can be used."""
    return tuple(
        Contradiction(path, sentence)
        for rule in (_duplicates, _dates, _references, _routes, _sums, _quotas, _timers, _provenance)
        for path, sentence in rule(edition)
    )


Found = Iterator[tuple[str, str]]


def _duplicates(edition: Edition) -> Found:
    def twice(where: str, names: Iterable[object], what: str) -> Found:
        for name, count in Counter(names).items():
            if count > 1:
                yield where, f"{what} {name} stands {count} times; keep one"

    yield from twice("windows", (window.name for window in edition.windows), "the window")
    yield from twice("desks", (desk.name for desk in edition.desks), "the desk")
    yield from twice("programmes", (programme.key for programme in edition.programmes), "the programme")
    yield from twice("programmes", (programme.code for programme in edition.programmes), "the code")
    yield from twice("programmes", (programme.number for programme in edition.programmes), "the number")
    yield from twice("ladders", (ladder.timer for ladder in edition.ladders), "the timer")
    yield from twice("assumed", edition.assumed, "the path")
    for programme in edition.programmes:
        at = f"programmes.{programme.key}"
        yield from twice(f"{at}.criteria", (criterion.key for criterion in programme.criteria), "the criterion")
        yield from twice(f"{at}.eligibility", (item.key for item in programme.eligibility), "the item")
        yield from twice(f"{at}.route", (step.kind for step in programme.route), "the step")


def _dates(edition: Edition) -> Found:
    for window in edition.windows:
        if window.closes_at <= window.opens_at:
            yield f"windows.{window.name}.closes_at", "the window closes before it opens; write a later instant"
    results, work = edition.results, edition.implementation
    # A zone is at most 14 hours ahead of UTC, so a date given in it may begin on the day before in UTC.
    opens_on = min(window.opens_at for window in edition.windows).date() - timedelta(days=1)
    for name, day in (("warn_on", results.warn_on), ("decided_on", results.decided_on)):
        if day is not None and day > results.due_on:
            yield f"results.{name}", f"{day} is after results.due_on ({results.due_on}); write an earlier date"
    if results.due_on < opens_on:
        yield "results.due_on", f"{results.due_on} is before the first window opens; write a later date"
    if work.starts_on is not None and work.starts_on > work.ends_on:
        yield "implementation.starts_on", f"{work.starts_on} is after ends_on ({work.ends_on}); write an earlier date"
    if work.ends_on < results.due_on:
        yield (
            "implementation.ends_on",
            f"{work.ends_on} is before results.due_on ({results.due_on}); write a later date",
        )
    if (edition.tempo.starts_at is None) != (edition.tempo.origin_at is None):
        yield "tempo", "starts_at and origin_at go together; give both or neither"
    if edition.tempo.factor != 1 and edition.tempo.starts_at is None:
        yield "tempo.factor", "a factor needs starts_at and origin_at; give them, or leave the factor out"


def _references(edition: Edition) -> Found:
    programmes = {programme.key for programme in edition.programmes}
    windows = {window.name for window in edition.windows}

    def unknown(where: str, name: str, what: str, known: set[str]) -> Found:
        if name not in known:
            yield where, f"there is no {what} {name}; write one of {', '.join(sorted(known))}"

    for desk in edition.desks:
        for key in desk.programmes:
            yield from unknown(f"desks.{desk.name}.programmes", key, "programme", programmes)
    for key in sorted(programmes - {key for desk in edition.desks for key in desk.programmes}):
        yield "desks", f"no desk receives {key}; name it in one desk's programmes"
    for project in edition.projects:
        if project.programme is not None:
            yield from unknown("projects", project.programme, "programme", programmes)
    for programme in edition.programmes:
        at = f"programmes.{programme.key}"
        yield from unknown(f"{at}.window", programme.window, "window", windows)
        criteria = {criterion.key for criterion in programme.criteria}
        for index, tie in enumerate(programme.ties):
            if (tie.by is TieRule.CRITERION) != (tie.criterion is not None):
                yield f"{at}.ties.{index}", 'criterion goes with by = "criterion" and with nothing else'
            elif tie.criterion is not None:
                yield from unknown(f"{at}.ties.{index}.criterion", tie.criterion, "criterion", criteria)
            if tie.by is TieRule.VOTE and index < len(programme.ties) - 1:
                yield f"{at}.ties.{index}", "the vote decides every tie; move it to the end"
        for index, preference in enumerate(programme.preferences):
            # The programme may be one of an earlier year that this edition no longer has.
            if (preference.by == "previous_result") != (preference.programme is not None):
                yield f"{at}.preferences.{index}", 'programme goes with by = "previous_result" and with nothing else'
        for item in programme.eligibility:
            if item.key in DERIVED:
                yield f"{at}.eligibility", f"{item.key} is answered by the record itself; give the item another key"
        for kind in programme.only_with_government:
            yield from unknown(f"{at}.only_with_government", kind, "applicant", set(programme.applicants))
        if programme.deliverables_needed > len(programme.deliverables):
            yield f"{at}.deliverables_needed", f"only {len(programme.deliverables)} deliverables are named; write less"
        if programme.partner.mode == "none" and programme.partner.kinds:
            yield f"{at}.partner", 'kinds are named but no partner is required; write mode = "required"'
        for party in programme.framework.before_work:
            yield from unknown(f"{at}.framework.before_work", party, "party", set(programme.framework.parties))


def _routes(edition: Edition) -> Found:
    order = list(StepKind)
    for programme in edition.programmes:
        steps = [order.index(step.kind) for step in programme.route]
        if steps[0] != 0 or steps != sorted(steps):
            yield f"programmes.{programme.key}.route", f"the order is {', '.join(order)}, the first always; put it so"
        for step in programme.route:
            if step.rounds > 1 and step.kind is not StepKind.CONSULTATION:
                yield f"programmes.{programme.key}.route", f"only a consultation has rounds; write {step.kind} alone"


def _sums(edition: Edition) -> Found:
    for programme in edition.programmes:
        at, award = f"programmes.{programme.key}.award", programme.award
        ranges = [(at, award.min_krw, award.max_krw)]
        ranges += [(f"{at}.bands.{index}", band.min_krw, band.max_krw) for index, band in enumerate(award.bands)]
        for where, least, most in ranges:
            if least > most:
                yield where, f"min_krw {least} is above max_krw {most}; exchange them"
        lengths = [band.months for band in award.bands]
        if lengths != sorted(set(lengths)):
            yield f"{at}.bands", "months must rise from band to band; put the bands in order, each length once"


def _quotas(edition: Edition) -> Found:
    total = edition.total
    if total is None or total.kind is QuotaKind.AT_LEAST:
        return
    needed = 0
    for programme in edition.programmes:
        quota = programme.quota
        needed += quota.places if quota.kind in (QuotaKind.EXACT, QuotaKind.AT_LEAST) else 0
        if quota.places > total.places:
            yield (
                f"programmes.{programme.key}.quota",
                f"{quota.places} places are more than the total of {total.places}; lower one or raise the other",
            )
    if needed > total.places:
        yield "total", f"the programmes must have {needed} places, the total has {total.places}; raise it"
    if edition.budget_krw is not None and edition.budget_krw < min(p.award.min_krw for p in edition.programmes):
        yield "budget_krw", "the budget pays for no project; raise it or lower an award"


def _timers(edition: Edition) -> Found:
    for ladder in edition.ladders:
        at = f"ladders.{ladder.timer}"
        if ladder.timer not in TIMERS:
            yield f"{at}.timer", f"there is no timer {ladder.timer}; write one of {', '.join(TIMERS)}"
        if ladder.timer == BEFORE_CLOSE and ladder.due.working_days is None:
            yield f"{at}.due", "questions end some working days before the close; write working_days"
        if ladder.then != "flag" and ladder.then not in CLOCK_MOVES:
            moves = ", ".join(sorted(CLOCK_MOVES))
            yield f"{at}.then", f"the clock may not {ladder.then}; write flag or one of {moves}"
        for field, names in (("to", ladder.to), ("escalate_to", ladder.escalate_to)):
            for name in names:
                if name not in RECIPIENTS:
                    yield f"{at}.{field}", f"nobody is called {name}; write one of {', '.join(sorted(RECIPIENTS))}"
        if ladder.remind and not ladder.to:
            yield f"{at}.to", "nobody is named to remind; name somebody, or leave remind out"
        if ladder.times != 1 and not (ladder.due.days or ladder.due.working_days or ladder.due.months):
            yield f"{at}.times", "only days, working_days or months come again; give one of them, or leave times out"
        if ladder.timer == "report" and ladder.times != 0:
            yield f"{at}.times", "reports come for as long as work lasts; write 0"
        if list(ladder.remind) != sorted(set(ladder.remind)):
            yield f"{at}.remind", "reminders must rise from the earliest to the latest; put them in order, each once"


def _provenance(edition: Edition) -> Found:
    # People are left out of every dump; a source may name them all the same.
    stated = {"notice.contact", "notice.quoted"}
    for path in values(edition):
        parts = path.split(".")
        stated |= {".".join(parts[:length]) for length in range(1, len(parts) + 1)}
    given = [(f"sources.{path}", path) for path in edition.sources]
    given += [(f"assumed.{index}", path) for index, path in enumerate(edition.assumed)]
    for where, path in given:
        if path not in stated:
            yield where, f"{path} names nothing in this file; mend it"
