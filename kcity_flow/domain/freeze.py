"""A freeze of a whole edition or of some countries: what rests, and where its dates fall afterwards.

A *pause* is the time in which something rests. A deadline that was over before one began stays over; any other moves
by exactly what it lay in of it. Instants are UTC in business time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from kcity_flow.domain.values import Frozen, Instant

if TYPE_CHECKING:  # they are made of what stands here
    from kcity_flow.domain.application import Application, Facts, Timer
    from kcity_flow.domain.selection import Call, EditionFacts

NO_DAY = timedelta(hours=1)
"""Up to so much is left of a pause for nothing where days are counted: it ends at the hour at which it began."""

ALL = "all"
"""The scope of a freeze that names no country."""


class Pause(Frozen):
    """From when until when something rests; it still does while there is no ``until``."""

    since: Instant
    until: Instant | None = None


class Freeze(Frozen):
    """An edition's freeze of one ``scope``: a country's code, or ``all``; ``entry`` is the one that ordered it."""

    scope: str
    since: Instant
    until: Instant | None = None
    entry: int = 0


def scopes(countries: Sequence[str]) -> tuple[str, ...]:
    """What a command is about: the countries it names, or all of them."""
    return tuple(dict.fromkeys(countries)) or (ALL,)


def pauses_of(rests: Iterable[Freeze | Pause]) -> tuple[Pause, ...]:
    """When anything rested that all of these concern; where two of them overlap, the time counts once."""
    found: list[Pause] = []
    for rest in sorted(rests, key=lambda one: one.since):
        last = found[-1] if found else None
        if last is None or (last.until is not None and last.until < rest.since):
            found.append(Pause(since=rest.since, until=rest.until))
        elif last.until is not None and (rest.until is None or rest.until > last.until):
            found[-1] = last.model_copy(update={"until": rest.until})
    return tuple(found)


def falls(pauses: Iterable[Pause], at: datetime, now: datetime, armed_at: datetime | None = None) -> datetime:
    """When a deadline falls that would have fallen ``at``, had there been no pause; one that lasts ends ``now``.

    Args:
        pauses: In order of time.
        at: The deadline.
        now: Until when a pause without an end has lasted so far.
        armed_at: Since when the deadline is set; it did not rest before that. A date of the edition always was.
    """
    for pause in pauses:
        since = max(pause.since, armed_at or pause.since)
        at += max(pause.until or now, since) - since if since < at else timedelta(0)
    return at


def falls_on(pauses: Iterable[Pause], day: date, zone: str, now: datetime, set_at: datetime | None = None) -> date:
    """The same for a day in a zone, by whole days (:func:`whole_days`)."""
    over = datetime.combine(day + timedelta(days=1), time(), tzinfo=ZoneInfo(zone))
    return day + timedelta(days=whole_days(falls(pauses, over, now, set_at) - over))


def whole_days(length: timedelta) -> int:
    """How many days of 24 hours that is: one that has lasted an hour counts in full, less than that for nothing."""
    return max(0, -((NO_DAY - length) // timedelta(days=1)))


def timers_after(
    timers: Mapping[str, Timer], since: datetime, until: datetime, rests: Callable[[Timer], bool] = lambda _: True
) -> dict[str, Timer]:
    """Timers after a pause; those that did not rest as they were."""
    return {key: _after(timer, since, until) if rests(timer) else timer for key, timer in timers.items()}


def _after(timer: Timer, since: datetime, until: datetime) -> Timer:
    due_at = falls((Pause(since=since, until=until),), timer.due_at, until, timer.armed_at)
    if due_at == timer.due_at:
        return timer
    # The generation is in the keys of reminders: what is reminded of at the new date is another letter.
    by = due_at - timer.due_at
    moved = {"due_at": due_at, "armed_at": timer.armed_at + by, "rested": timer.rested + by}
    return timer.model_copy(update={**moved, "generation": timer.generation + 1})


def days_of_the_work_after(application: Application, since: datetime, until: datetime, zone: str) -> dict[str, Any]:
    """The end of the work and the days of milestones that are not accepted, after a pause."""
    pause, changed = (Pause(since=since, until=until),), dict[str, Any]()

    def later(milestone: Any) -> Any:
        return milestone.model_copy(update={"due_on": falls_on(pause, milestone.due_on, zone, until)})

    if application.ends_on is not None:
        changed["ends_on"] = falls_on(pause, application.ends_on, zone, until, application.ends_set_at)
    if application.plan:
        changed["plan"] = tuple(one if one.accepted_at else later(one) for one in application.plan)
    if proposed := application.plan_proposed:
        milestones = tuple(later(one) for one in proposed.milestones)
        changed["plan_proposed"] = proposed.model_copy(update={"milestones": milestones})
    return changed


def dates_after(application: Application, since: datetime, until: datetime, zone: str) -> dict[str, Any]:
    """Every date of an application after a freeze. What a suspension holds up rests already, and moves with its end."""
    pause = (Pause(since=since, until=until),)
    meeting, tender, notice = application.meeting, application.tender, application.termination_at
    changed: dict[str, Any] = {
        "timers": timers_after(application.timers, since, until, lambda timer: not application.holds_up(timer))
    }
    if notice is not None:
        changed["termination_at"] = falls(pause, notice, until)
    if application.suspended_at is None:
        changed |= days_of_the_work_after(application, since, until, zone)
    if meeting is not None and not meeting.held and not meeting.missed:
        changed["meeting"] = meeting.model_copy(update={"at": falls(pause, meeting.at, until)})
    if application.framework.signs_by is not None:
        signs_by = falls_on(pause, application.framework.signs_by, zone, until)
        changed["framework"] = application.framework.model_copy(update={"signs_by": signs_by})
    if tender.closes_at is not None and not tender.opened:
        changed["tender"] = tender.model_copy(update={"closes_at": falls(pause, tender.closes_at, until)})
    return changed


def thawed(application: Application, until: datetime, zone: str) -> dict[str, Any]:
    """What it changes that a frozen application rests no more from ``until`` on."""
    *earlier, pause = application.pauses
    if until <= pause.since:
        return {"frozen": {}, "pauses": tuple(earlier)}
    over = pause.model_copy(update={"until": until})
    return {"frozen": {}, "pauses": (*earlier, over), **dates_after(application, pause.since, until, zone)}


# --- guards of an application's moves ---------------------------------------------------------------------------------


def not_frozen(facts: Facts) -> str:
    """While it is frozen, an application rests."""
    since = facts.application.frozen_since
    return f"the end of the freeze; it rests since {since.isoformat()}" if since else ""


def _scope(facts: Facts) -> str:
    applicant = facts.application.applicant
    return applicant.country if facts.command.countries and applicant else ALL


def of_the_country(facts: Facts) -> str:
    """It is of a country that is named, or none is."""
    countries = facts.command.countries
    return "" if _scope(facts) in scopes(countries) else f"an application of {', '.join(countries)}"


def not_frozen_by_it(facts: Facts) -> str:
    """Frozen once for its country, and once with all."""
    return f"an application not yet frozen for {_scope(facts)}" if _scope(facts) in facts.application.frozen else ""


def frozen_by_it(facts: Facts) -> str:
    """What is lifted holds."""
    return "" if _scope(facts) in facts.application.frozen else f"an application frozen for {_scope(facts)}"


# --- guards of an edition's moves -------------------------------------------------------------------------------------


def _split(facts: EditionFacts) -> tuple[list[str], list[str]]:
    """The scopes a command names: those that are frozen now, and the others."""
    frozen, named = facts.call.frozen(), scopes(facts.command.countries)
    return [one for one in named if one in frozen], [one for one in named if one not in frozen]


def something_to_freeze(facts: EditionFacts) -> str:
    """None of it is frozen already, or all of it is and some were left out: those are frozen now."""
    already, fresh = _split(facts)
    if not already or (not fresh and facts.command.refs):
        return ""
    return f"a freeze of what is not frozen yet; {', '.join(already)} is"


def something_to_lift(facts: EditionFacts) -> str:
    """All of it is frozen by that name, or none is any more and some were left behind: those are freed now."""
    frozen, others = _split(facts)
    if not others or (not frozen and facts.command.refs):
        return ""
    everywhere = "; the whole edition is: freeze the other countries by name, then lift that" * (
        ALL in facts.call.frozen()
    )
    return f"a freeze of {', '.join(others)} by name{everywhere}"


def counts_from_then(facts: EditionFacts) -> str:
    """Not in the future, nor before the edition came to where it stands or its calendar last did something."""
    from_at = facts.command.from_at
    if from_at is None:
        return ""
    earliest = max((at for at in (facts.call.since, facts.call.rang_at) if at is not None), default=from_at)
    return "" if earliest <= from_at <= facts.now else f"a from_at between {earliest.isoformat()} and now"


# --- effects ----------------------------------------------------------------------------------------------------------


def _frozen(facts: Facts) -> dict[str, Any]:
    application, order = facts.application, facts.command.by.order
    frozen = {"frozen": {**application.frozen, _scope(facts): order.entry if order else 0}}
    if application.frozen:
        return frozen
    # What has happened stands: a freeze that is dated back begins after it.
    ends = [pause.until for pause in application.pauses if pause.until is not None]
    since = max(facts.command.from_at, *ends, application.last_at or facts.command.from_at)
    return {**frozen, "pauses": (*application.pauses, Pause(since=since))}


def _unfrozen(facts: Facts) -> dict[str, Any]:
    frozen = {scope: entry for scope, entry in facts.application.frozen.items() if scope != _scope(facts)}
    return {"frozen": frozen} if frozen else thawed(facts.application, facts.command.thawed_at, facts.edition.zone)


EFFECTS: dict[str, Callable[[Facts], dict[str, Any]]] = {"freeze": _frozen, "unfreeze": _unfrozen}


def arrived(freezes: tuple[Freeze, ...]) -> dict[str, Any]:
    """What it means for an application on its arrival that its country is, or was, frozen."""
    open_ones = {freeze.scope: freeze.entry for freeze in freezes if freeze.until is None}
    return {"frozen": open_ones, "pauses": pauses_of(freezes)} if freezes else {}


def _edition_frozen(facts: EditionFacts) -> Call:
    _, fresh = _split(facts)
    since = facts.command.from_at or facts.now
    added = (Freeze(scope=scope, since=since, entry=facts.entries + 1) for scope in fresh)
    return facts.call.model_copy(update={"freezes": (*facts.call.freezes, *added)})


def _edition_unfrozen(facts: EditionFacts) -> Call:
    call, (lifted, _) = facts.call, _split(facts)
    freezes = tuple(
        one.model_copy(update={"until": facts.now}) if one.until is None and one.scope in lifted else one
        for one in call.freezes
    )
    since = call.frozen()[ALL].since if ALL in lifted else facts.now
    return call.model_copy(update={"freezes": freezes, "timers": timers_after(call.timers, since, facts.now)})


EDITION_EFFECTS: dict[str, Callable[[EditionFacts], Call]] = {"freeze": _edition_frozen, "unfreeze": _edition_unfrozen}


def orders(facts: EditionFacts) -> list[tuple[str, str, dict[str, Any]]]:
    """What the applications concerned are told: (ref, trigger, data)."""
    command = facts.command
    told: dict[str, Any] = {"countries": list(command.countries)} if command.countries else {}
    if command.trigger == "freeze":
        told["from_at"] = (command.from_at or facts.now).isoformat()
    else:
        told["thawed_at"] = facts.now.isoformat()
    return [(ref, command.trigger, told) for ref in command.refs]
