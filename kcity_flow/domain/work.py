"""The work, its acceptance and its end: what guards of its moves read, and what those moves do."""

from __future__ import annotations

from typing import Any

from kcity_flow.domain import freeze
from kcity_flow.domain.application import Effect, Facts


def deliverables_listed(facts: Facts) -> str:
    """The deliverables the programme wants (announcement, 1 to 3)."""
    wanted = set(facts.programme.deliverables)
    given = {document.kind for document in facts.command.deliverables}
    unknown = sorted(given - wanted)
    if unknown:
        return f"deliverables among {', '.join(sorted(wanted))}; {', '.join(unknown)} is none"
    needed = facts.programme.deliverables_needed
    return "" if len(given) >= needed else f"{needed} of the deliverables {', '.join(sorted(wanted))}"


def names_what_is_missing(facts: Facts) -> str:
    """A report goes back with a list."""
    return "" if facts.command.missing else "a list of what is missing"


def later_than_the_end(facts: Facts) -> str:
    """An extension ends later than the present end."""
    ends = facts.application.ends_on
    return "" if ends and facts.command.ends_on > ends else f"an end after {ends}"


def reason_known(facts: Facts) -> str:
    """Scale, complexity, COVID-19 (announcement, 4) or another the edition lists."""
    grounds = facts.edition.implementation.extension_reasons
    return "" if facts.command.ground in grounds else f"one of the grounds {', '.join(grounds)}"


def cause_and_notice_period(facts: Facts) -> str:
    """The cause is stated, the notice takes effect later."""
    if not facts.command.reason:
        return "the cause"
    return "" if facts.command.ends_at > facts.now else "a notice period that ends in the future"


def notice_over(facts: Facts) -> str:
    """Notified, and the notice period is over."""
    at = facts.application.termination_at
    return "" if at and facts.now >= at else "a notice of termination whose period is over"


def settlement_recorded(facts: Facts) -> str:
    """The sums are settled."""
    return "" if facts.application.settled else "a recorded settlement"


def documents_filed(facts: Facts) -> str:
    """The file is complete."""
    return "" if facts.command.filed else "the documents filed"


def kind_of_follow_up(facts: Facts) -> str:
    """PPP, the ministry's own investment, or with a development bank (announcement, 5)."""
    kinds = facts.edition.follow_on
    return "" if facts.command.kind in kinds else f"one of {', '.join(kinds)}"


# --- effects ----------------------------------------------------------------------------------------------------------


def _resume(facts: Facts) -> dict[str, Any]:
    """Move every deadline by exactly the pause."""
    application = facts.application
    assert application.suspended_at is not None  # the stage is `suspended`
    stood_still = application.suspended_at
    ends_on = freeze.end_of_work_after(application, stood_still, facts.now, facts.edition.zone)
    timers = freeze.timers_after(application.timers, stood_still, facts.now, application.holds_up)
    return {"suspended_at": None, "ends_on": ends_on, "timers": timers}


EFFECTS: dict[str, Effect] = {
    "extend": lambda f: {"ends_on": f.command.ends_on, "ends_set_at": f.now},
    "suspend": lambda f: {"suspended_at": f.now},
    "resume": _resume,
    "submit_final": lambda f: {"deliverables": tuple(d.kind for d in f.command.deliverables)},
    "return_final": lambda _: {"deliverables": ()},
    "notify_termination": lambda f: {"termination_at": f.command.ends_at},
    "record_settlement": lambda _: {"settled": True},
    "close": lambda f: {"grade": f.command.grade},
    "follow_up": lambda f: {"follow_ups": (*f.application.follow_ups, f.command.kind)},
}
