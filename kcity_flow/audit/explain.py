"""Why an application stands where it does and what comes next, in plain sentences, from what histories say alone.

Sentences name roles, never people; what somebody wrote is quoted where the vault still has it. While a step is being
judged its scores stay untold, as nobody may see them before it is over.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

from kcity_flow.audit.moments import Moment, Source, moments
from kcity_flow.audit.sayings import (
    BY_ITSELF,
    STANDS,
    Heading,
    at,
    capital,
    counted,
    listed,
    on,
    party_kind,
    said,
    until,
    who,
)
from kcity_flow.domain import agenda, freeze, guards
from kcity_flow.domain.application import Application, Facts
from kcity_flow.domain.edition import PartyKind
from kcity_flow.domain.evaluation import JUDGED_BY_SHEETS, points, quorum, score, sheet_total, sheets
from kcity_flow.domain.inbox import task
from kcity_flow.domain.letters import PAUSES
from kcity_flow.domain.messages import Outcome, Waiting
from kcity_flow.domain.moves import BY_TRIGGER, Move
from kcity_flow.domain.stages import ENDS, OBJECTIONABLE, Role, Stage
from kcity_flow.domain.values import Frozen
from kcity_flow.letters.wording import country, words


class Sentence(Frozen):
    """A sentence and the entries it rests on: the application's, and the edition's. ``quoted``: somebody wrote it."""

    text: str
    entries: tuple[int, ...] = ()
    edition_entries: tuple[int, ...] = ()
    quoted: bool = False


class Chapter(Frozen):
    """The sentences under one heading."""

    heading: Heading
    sentences: tuple[Sentence, ...]


def explain(source: Source, now: datetime, scored: Collection[str] | None = None) -> list[Chapter]:
    """Everything worth saying, by heading.

    Args:
        source: What the histories say.
        now: Business time, UTC: what is due by then is called overdue.
        scored: Steps whose scores are told once they are over; all, if not given.
    """
    made = list(moments(source))
    undone = {moment.undid for moment in made}
    told: dict[Heading, list[Sentence]] = {heading: [] for heading in Heading}
    for moment in made:
        over = moment.entry.source in JUDGED_BY_SHEETS and moment.entry.dest != moment.entry.source
        if over and (scored is None or moment.entry.source in scored):
            told[Heading.REVIEW] += _scores(moment, made)
        if about := said(moment):
            heading, text = about
            text += " That was undone later." if moment.entry.number in undone else ""
            told[heading].append(Sentence(text=text, entries=(moment.entry.number,)))
            if not _told_at_once(moment):
                told[heading] += [*_two_persons(moment), *_departures(moment), *_written(moment)]
    told[Heading.RECORD] += _record(source)
    told[Heading.IN_SHORT] += _in_short(source, made)
    told[Heading.NEXT] += _next(source, made, now)
    return [Chapter(heading=heading, sentences=tuple(sentences)) for heading, sentences in told.items() if sentences]


# --- decisions --------------------------------------------------------------------------------------------------------


def _told_at_once(moment: Moment) -> bool:
    """Whether this only publishes what was decided by the same entry of the edition, which is explained already."""
    order = moment.order()
    return moment.entry.command == "publish_result" and order is not None and order.command != "publish_results"


def _two_persons(moment: Moment) -> Iterator[Sentence]:
    """Who proposed and who confirmed, by their roles: at the edition, or here."""
    entry, order = moment.entry, moment.order()
    if entry.order and order is None:
        text = f"The edition decided it, by its entry {entry.order.entry}."
        yield Sentence(text=text, entries=(entry.number,), edition_entries=(entry.order.entry,))
        return
    second = order or entry
    first = (moment.source.edition_entry if order else moment.source.entry)(second.proposal)
    if first is None or first.command != second.command:
        return
    proposed, day = f"{capital(who(first.role))} proposed it on {on(first.at)}", on(second.at)
    another = "a second person there" if first.role == second.role else f"{who(second.role)}, as second person,"
    text = f"{proposed}, and {another} confirmed it {'the same day' if day == on(first.at) else f'on {day}'}."
    both = (first.number, second.number)
    if order:
        yield Sentence(text=text, entries=(entry.number,), edition_entries=both)
    else:
        yield Sentence(text=text, entries=both)


def _departures(moment: Moment) -> Iterator[Sentence]:
    """Where the edition's decision left the computed order, or the quota."""
    order = moment.order()
    if order is None or moment.entry.command not in ("select", "place_on_reserve", "pass_over"):
        return
    chosen = [choice["ref"] for choice in (*order.data["selected"], *order.data.get("reserve", ()))]
    rests_on: dict[str, Any] = {"entries": (moment.entry.number,), "edition_entries": (order.number,)}
    if chosen != order.data["ranking"][: len(chosen)]:
        yield Sentence(text="The decision leaves the computed order; the reason for that is on record.", **rests_on)
    if over := order.data.get("over_quota_reason"):
        text = "More places were given than the programme is meant to have; the reason for that is on record."
        yield Sentence(text=text, **rests_on)
        yield from _quoted(moment, over)


def _written(moment: Moment) -> Iterator[Sentence]:
    """What was written to it; that a reason stands on record is said in any case.

    The reason of a decision on many is not quoted: it may be about somebody else.
    """
    entry, order = moment.entry, moment.order()
    if entry.reason or (order and order.reason):
        yield from _quoted(moment, entry.reason) or [Sentence(text="A reason is on record.", entries=(entry.number,))]
    for name in ("question", "answer"):
        yield from _quoted(moment, entry.data.get(name))


def _quoted(moment: Moment, commitment: str | None) -> list[Sentence]:
    text = moment.source.texts.get(commitment or "")
    if not text:
        return []
    return [Sentence(text=f"In writing: “{' '.join(text.split())}”", entries=(moment.entry.number,), quoted=True)]


# --- scores -----------------------------------------------------------------------------------------------------------


def _scores(moment: Moment, made: Sequence[Moment]) -> Iterator[Sentence]:
    """What the sheets of a step that is over came to, and nobody's own sheet."""
    step, programme = moment.entry.source, moment.programme
    counts, mean = sheets(moment.before, step), score(moment.before, programme, step)
    if mean is None:
        return
    threshold, trim = programme.review.threshold, programme.review.trim_from
    totals = [sheet_total(scores, programme.criteria) for scores in counts]
    each = listed(
        f"{criterion.title.en} {points(Fraction(sum(scores[criterion.key] for scores in counts), len(counts)))}"
        for criterion in programme.criteria
    )
    trimmed = ", the highest and the lowest left out" if trim is not None and len(counts) >= trim else ""
    reached = "reaches" if mean >= threshold else "does not reach"
    judges = [seat.reviewer for seat in moment.before.counted_sheets(step)]
    for text in (
        f"In the {words(step)} {counted(len(counts), 'score sheet')} came to a mean of {points(mean)} of "
        f"100{trimmed}, which {reached} the {threshold} that are asked for.",
        f"By criterion: {each}; the sheets lie at most {points(max(totals) - min(totals))} points apart.",
    ):
        yield Sentence(text=text, entries=_sealing(made, step, judges, moment.entry.number))


def _sealing(made: Sequence[Moment], step: str, judges: Sequence[str], before: int) -> tuple[int, ...]:
    """The entries by which these people's sheets were sealed, each one's last."""
    found = {
        moment.entry.person: moment.entry.number
        for moment in made
        if moment.entry.number < before and moment.entry.source == step and "scores" in moment.data
    }
    return tuple(sorted(number for person, number in found.items() if person in judges))


# --- in short, and on record ------------------------------------------------------------------------------------------


def _in_short(source: Source, made: Sequence[Moment]) -> Iterator[Sentence]:
    if not made:
        first = source.entry(1)
        lacking = f"; it took {first.refused.missing}" if first and first.refused and first.refused.missing else ""
        yield Sentence(text=f"It was refused on arrival{lacking}.", entries=(1,) if first else ())
        return
    application = made[-1].after
    programme, applicant = source.edition.programme(application.programme), application.applicant
    where = f"{application.city} ({country(applicant.country)})" if applicant else application.city
    yield Sentence(
        text=(
            f"With “{application.title}”, {where} applies to programme {programme.number} of {source.edition.year}, "
            f"“{programme.title.en}”."
        ),
        entries=(made[0].entry.number,),
    )
    came = next(moment for moment in reversed(made) if moment.entry.dest != moment.entry.source)
    heading, why = said(came) or (Heading.RECORD, "")
    decided = application.stage in (*ENDS, Stage.SELECTED, Stage.RESERVE) and heading is not Heading.RECORD
    stands = STANDS[application.stage].format(since=on(application.since or came.entry.at))
    yield Sentence(text=why if decided else stands, entries=(came.entry.number,))


def _record(source: Source) -> Iterator[Sentence]:
    refused = [entry for entry in source.ledger if entry.outcome is Outcome.REFUSED]
    if refused:
        moves = Counter(words(entry.command) for entry in refused)
        what = listed(f"{move} ({times} times)" if times > 1 else move for move, times in moves.items())
        were = "command was" if len(refused) == 1 else "commands were"
        text = f"{len(refused)} {were} refused, as the rules did not allow it: {what}."
        yield Sentence(text=text, entries=tuple(entry.number for entry in refused))
    flags = [entry for entry in source.ledger if entry.command == "flag" and entry.outcome is Outcome.MADE]
    if flags:
        each = listed(f"{words(str(entry.data.get('note') or 'no deadline'))} on {on(entry.at)}" for entry in flags)
        text = f"Flags were raised, so that somebody looks: {each}."
        yield Sentence(text=text, entries=tuple(entry.number for entry in flags))


# --- what comes next --------------------------------------------------------------------------------------------------


def _next(source: Source, made: Sequence[Moment], now: datetime) -> Iterator[Sentence]:
    view = source.view
    if view.closed or not made:
        yield Sentence(text="The file is closed: nothing is due any more.")
        return
    application = made[-1].after
    if application.frozen_since:
        frozen = tuple(moment.entry.number for moment in made if moment.entry.command in PAUSES)[-1:]
        since = f"It rests since {at(application.frozen_since)}: no deadline runs until the ministry lifts the freeze."
        yield Sentence(text=since, entries=frozen)
    if application.stage in JUDGED_BY_SHEETS:
        yield _progress(source, application, made)
    for waiting in _together(view.waiting):
        yield from _waits(source, application, waiting, now)
    if not view.waiting and not view.next_due_at and not application.frozen:
        yield Sentence(text="It waits for nobody at this moment.")
    if application.stage is Stage.SHORTLISTED:
        text = "The selection committee decides on the whole shortlist of the programme, and the ministry approves it."
        yield Sentence(text=text)
    if application.stage in (Stage.SELECTED, Stage.RESERVE, Stage.NOT_SELECTED) and not application.published:
        text = "The result has not been published yet: all results of the edition are published at one instant."
        yield Sentence(text=text)
    untold = application.stage in OBJECTIONABLE and not application.letter_sent
    if untold:
        yield Sentence(text="Once the letter with the decision is sent, the applicant may object.")
    if view.next_due_at and view.next_timer == "objection_period":
        if now < view.next_due_at:
            yield Sentence(text=f"The applicant may object until {until(view.next_due_at)}.")
        else:
            text = (
                f"An objection counts only if it arrived by {until(view.next_due_at)}; such a one may still be booked."
            )
            yield Sentence(text=text)
    if view.next_due_at and view.next_timer == "file" and not untold:
        yield Sentence(text=f"The file closes at {until(view.next_due_at)}, if nothing else happens.")
    yield from _ways_on(source, application)


def _progress(source: Source, application: Application, made: Sequence[Moment]) -> Sentence:
    """How many sheets are sealed; not what they say, while others are still to be written."""
    step, programme = application.stage.value, source.edition.programme(application.programme)
    judges = [seat.reviewer for seat in application.counted_sheets(step)]
    return Sentence(
        text=f"{len(judges)} of the {counted(quorum(programme, step), 'score sheet')} that are needed are sealed.",
        entries=_sealing(made, step, judges, source.view.entries + 1),
    )


def _together(waiting: Iterable[Waiting]) -> Iterator[Waiting]:
    """What several people are to do by the same day, as one."""
    found: dict[Any, Waiting] = {}
    for one in waiting:
        key = (one.what, one.entry if one.proposal else None, one.due_at)
        same = found.get(key)
        found[key] = one.model_copy(update={"to": (*same.to, *one.to)}) if same else one
    yield from found.values()


def _waits(source: Source, application: Application, waiting: Waiting, now: datetime) -> Iterator[Sentence]:
    rests_on = (waiting.entry,)
    overdue = waiting.due_at is not None and waiting.due_at <= now
    if waiting.to:
        whom = listed(_whom(application, waiting.to), "or" if waiting.proposal else "and")
        by = f"; it {'was' if overdue else 'is'} due by {until(waiting.due_at)}" if waiting.due_at else ""
        late = ", and is overdue" if overdue else ""
        text = f"It waits for {whom} to {task(waiting)}, since {on(waiting.since)}{by}{late}."
        yield Sentence(text=text, entries=rests_on)
    if waiting.proposal and (proposal := source.entry(waiting.entry)):
        text = f"{capital(who(proposal.role))} proposed it; whoever did may not confirm it."
        yield Sentence(text=text, entries=rests_on)
    if waiting.escalates_to and not overdue:
        above = listed(_whom(application, waiting.escalates_to))
        yield Sentence(text=f"Once that is overdue, {above} will be told, too.", entries=rests_on)
    ladder = source.edition.ladder("proposal_lapse" if waiting.proposal else waiting.what)
    ends = _lapses_at(source, waiting, application.pauses) if waiting.proposal else waiting.due_at
    if ladder and ends and ladder.then in BY_ITSELF and not application.frozen:
        yield Sentence(text=f"After {until(ends)} {BY_ITSELF[ladder.then]}.", entries=rests_on)


def _lapses_at(source: Source, proposal: Waiting, pauses: Iterable[freeze.Pause]) -> datetime | None:
    """When a proposal lapses, if its edition lets it."""
    ladder = source.edition.ladder("proposal_lapse")
    if ladder is None:
        return None
    calendar = agenda.Calendar(ZoneInfo(source.edition.zone), frozenset(source.days_off))
    closes_at = max(window.closes_at for window in source.edition.windows)
    at = agenda.due_at(ladder, source.edition, calendar, proposal.since, closes_at, {})
    return freeze.falls(pauses, at, at, proposal.since)


def _whom(application: Application, to: Sequence[str]) -> list[str]:
    """Roles in words, and people by what they are here, not who."""
    found = Counter(_called(application, name) for name in to)
    reviewers = {"a reviewer": counted(found["a reviewer"], "reviewer")} if found["a reviewer"] > 1 else {}
    return [reviewers.get(what, what) for what in found]


def _called(application: Application, name: str) -> str:
    if application.applicant and name == application.applicant.contact:
        return who(Role.APPLICANT)
    if any(seat.reviewer == name for seats in application.reviews.values() for seat in seats):
        return "a reviewer"
    signs_for = {key: party for key, party in application.parties.items() if party.signatory == name}
    if application.contract and application.contract.contractor in signs_for:
        return who(Role.CONTRACTOR)
    if application.contract and any(party.kind is PartyKind.HOST_GOVERNMENT for party in signs_for.values()):
        return who(Role.HOST_GOVERNMENT)
    if signs_for:
        kinds = dict.fromkeys(party_kind(party.kind) for party in signs_for.values() if not party.signed)
        return f"whoever signs for the {listed(kinds)}" if kinds else "a signatory"
    return "a person named" if name.startswith("P-") else who(name)


SECRETARIAT = "the secretariat"

NOT_TO_BE_MENDED = (guards.received_late, guards.received_in_time, guards.objection_upheld)
"""Conditions that no waiting meets: a move that lacks one of them leads nowhere from here."""


def _ways_on(source: Source, application: Application) -> Iterator[Sentence]:
    """The moves that lead on, from the table."""
    leaving = [move for (_, stage), move in BY_TRIGGER.items() if stage is application.stage and not move.undoes]
    if application.frozen:
        leaving = [move for move in leaving if not move.rests]
    ways = [move for move in leaving if move.dest is not None and _open(source, application, move)]
    for move in ways:
        how = ", by a decision of the edition" if move.sent_by else ""
        yield Sentence(text=f"It comes to {words(move.dest)} by `{move.trigger}`: {_by(move)}{how}.")
    if not ways:
        yield Sentence(text="No move leads on from here.")


def _open(source: Source, application: Application, move: Move) -> bool:
    programme, stage = source.edition.programme(application.programme), application.stage
    setting = guards.Setting(programme, source.edition.window(programme), stage, move.dest)
    facts = Facts(application, None, source.edition, source.view.since, stage, move.dest)
    lacking = [guard for guard in move.guards if guard in NOT_TO_BE_MENDED and guard(facts)]
    return not lacking and not any(rule(setting) for rule in move.rules)


def _by(move: Move) -> str:
    first, second = (
        listed(dict.fromkeys(SECRETARIAT if role in (Role.DESK, Role.HEAD) else who(role) for role in roles), "or")
        for roles in (move.actors, move.approvers)
    )
    if not second:
        return first
    return f"{first}, confirmed by a second person" + ("" if second == first else f", {second}")
