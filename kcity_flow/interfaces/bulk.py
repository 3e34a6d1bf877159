"""Many commands at once: screening results, seats and slots, rejections; and watching an edition's orders.

All are judged, by the guards that will judge them again, before the first is sent. Each command's id follows from
what it says and from where its application stands, so that whatever was interrupted can be started again: what was
done is found in the ledger, what was on its way is answered and not done twice.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

from activities.orders import side_by_side
from kcity_flow.domain import messages as m
from kcity_flow.domain.application import Application, Facts
from kcity_flow.domain.edition import Edition
from kcity_flow.domain.errors import GuardFailed, Refusal
from kcity_flow.domain.evaluation import JUDGED_BY_SHEETS
from kcity_flow.domain.machine import APPLICATIONS
from kcity_flow.domain.messages import Entry, Outcome, View
from kcity_flow.domain.moves import BY_TRIGGER
from kcity_flow.domain.reviewers import Pair
from kcity_flow.domain.stages import Stage
from kcity_flow.gateway import STANDS_FOR_A_TEXT, Actor, answered
from kcity_flow.interfaces import files
from kcity_flow.interfaces.office import Office
from kcity_flow.interfaces.reviewing import Slot

T = TypeVar("T")

AT_ONCE = 16
"""Applications that are spoken for side by side."""

LOOKS_EVERY = 1.0
"""Seconds between two looks at how far an edition's orders are."""

SCREENED_BY = ("ref", "complete")
"""Columns of a file of screening results; each eligibility item has one of its own beside them."""

_WORDS = {"yes": True, "true": True, "no": False, "false": False}

Told = Callable[[int, int], None]
"""Is told how many are done, and of how many."""

Away = Callable[[str], None]
"""Is told, in a sentence, that nobody answers; it is tried again."""


@dataclass(frozen=True, slots=True)
class Command:
    """One command of many: where it was asked for, and what is wrong with it, in words.

    ``done``: the ledger holds it, or its proposal waits.
    """

    where: str
    ref: str
    trigger: str = ""
    data: dict[str, Any] = field(default_factory=dict)
    faults: tuple[str, ...] = ()
    id: str = ""
    done: bool = False


@dataclass
class Sent:
    """What became of many commands: by where they were asked for, the reference number or a sentence."""

    done: dict[str, str] = field(default_factory=dict)
    repeated: dict[str, str] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)


# --- what is asked for ------------------------------------------------------------------------------------------------


def screening(file: Path, edition: Edition, views: dict[str, View]) -> list[Command]:
    """A file of screening results as commands: all answered yes passes, the first item answered no is ineligible.

    Args:
        file: CSV, TOML or JSON; each row with ``ref``, ``complete`` and an answer for each eligibility item.
        edition: Whose applications they are.
        views: Those applications, by reference number.

    Raises:
        Misused: the file cannot be read.
    """
    commands, first = [], dict[str, str]()
    for where, row in files.read(file, SCREENED_BY, (*SCREENED_BY, "and each eligibility item's key")):
        ref = str(row.get("ref", ""))
        try:
            trigger, data = _screened(row, edition, views.get(ref))
            faults = [f"it repeats {first[ref]}"] if ref in first else []
        except ValueError as fault:
            trigger, data, faults = "", {}, [str(fault)]
        first.setdefault(ref, where)
        commands.append(Command(where, ref, trigger, data, tuple(faults)))
    return commands


def _screened(row: dict[str, Any], edition: Edition, view: View | None) -> tuple[str, dict[str, Any]]:
    if files.BEYOND in row:
        raise ValueError("it has more cells than the header")
    if view is None or not view.programme:
        raise ValueError(f"edition {edition.year} has no application {row.get('ref', '')!r}")
    items = [item.key for item in edition.programme(view.programme).eligibility]
    given = row.get("answers", {})
    if not isinstance(given, dict):
        raise ValueError("answers holds no items; write each with yes or no")
    given = {**{name: value for name, value in row.items() if name not in (*SCREENED_BY, "answers")}, **given}
    if unknown := [name for name in given if name not in items]:
        raise ValueError(f"{', '.join(unknown)} not among {view.programme}'s eligibility items {', '.join(items)}")
    if lacking := [item for item in items if item not in given]:
        raise ValueError(f"no answer for {', '.join(lacking)}")
    answers = {item: _yes(item, given[item]) for item in items}
    complete = _yes("complete", row.get("complete", ""))
    for item, met in answers.items():
        if not met:
            return "declare_ineligible", {"item": item}
    return "pass_screening", {"answers": answers, "complete": complete}


def _yes(name: str, written: Any) -> bool:
    found = written if isinstance(written, bool) else _WORDS.get(str(written).strip().casefold())
    if found is None:
        raise ValueError(f"{name} is {written!r}; write yes or no")
    return found


def declining(views: Iterable[View]) -> list[Command]:
    """A rejection below the threshold for each application whose stage is judged by sheets."""
    data = {"ground": "below_threshold", "reason": STANDS_FOR_A_TEXT}
    return [Command(view.subject, view.subject, "reject", data) for view in views if view.stage in JUDGED_BY_SHEETS]


def assigning(pairs: Iterable[Pair], step: str) -> list[Command]:
    """Each proposed reviewer's seat."""
    return [
        Command(
            f"{pair.ref}, {pair.reviewer.person}",
            pair.ref,
            "assign_reviewer",
            {"reviewer": pair.reviewer.person, "step": step, "basis": pair.basis.model_dump(mode="json")},
        )
        for pair in pairs
    ]


def scheduling(slots: Iterable[Slot]) -> list[Command]:
    """Each presentation's date."""
    return [Command(slot.ref, slot.ref, "schedule", slot.data) for slot in slots]


# --- judged, then sent ------------------------------------------------------------------------------------------------


async def judged(
    office: Office, year: int, commands: list[Command], actor: Actor, told: Told | None, away: Away = lambda _: None
) -> list[Command]:
    """The same commands, each with its id and what the rules have against it; nothing is sent."""
    rules = (await answered(lambda: office.gateway.rules(year), away)).edition
    now = await answered(lambda: office.now(year), away)

    async def judge(command: Command) -> Command:
        if command.faults:
            return command
        try:
            standing = await answered(lambda: office.gateway.standing(command.ref), away)
            ledger = await office.ledger(command.ref, standing["view"]["entries"])
            command = _known(command, ledger, standing["proposals"])
            if not command.done:
                parsed = m.parse("application", command.trigger, {**command.data, "id": command.id, "by": actor.by()})
                stage = Stage(standing["view"]["stage"])
                row = APPLICATIONS.row(command.trigger, stage, actor.role)
                facts = Facts(
                    application=Application.model_validate(standing["facts"]),
                    command=parsed,
                    edition=rules,
                    now=now,
                    source=stage,
                    dest=row.dest or stage,
                    entries=len(ledger),
                )
                APPLICATIONS.judge(row, stage, facts)
        except GuardFailed as refusal:
            return replace(command, faults=(f"it lacks {refusal.missing}",))
        except Refusal as refusal:
            return replace(command, faults=(refusal.sentence.rstrip("."),))
        return command

    return await _all(judge, commands, told)


def _known(command: Command, ledger: list[Entry], proposals: list[dict[str, Any]]) -> Command:
    """The command with its id, and whether it has been given before.

    An application that comes to the same stage once more is judged anew, and what was refused may be asked for again:
    both are counted into the id.
    """
    sources = [source for trigger, source in BY_TRIGGER if trigger == command.trigger]
    times = sum(entry.dest in sources and entry.dest != entry.source for entry in ledger)
    said = m.canonical({"trigger": command.trigger, **command.data})
    id = f"bulk/{command.ref}/{times}/{hashlib.sha256(said.encode()).hexdigest()[:16]}"
    given = [entry for entry in ledger if entry.command_id.startswith(f"{id}/")]
    refused = sum(entry.outcome is Outcome.REFUSED for entry in given)
    waits = any(proposal["trigger"] == command.trigger for proposal in proposals)
    return replace(command, id=f"{id}/{refused}", done=waits or len(given) > refused)


async def sent(
    office: Office,
    commands: list[Command],
    actor: Actor,
    told: Told | None,
    away: Away = lambda _: None,
    *,
    reason: str | None = None,
) -> Sent:
    """Send what was judged without fault, each until it is answered.

    Args:
        office: Where.
        commands: From :func:`judged`.
        actor: Who acts.
        told: Is told how far it is.
        away: Is told when nobody answers.
        reason: One text for all; kept in the vault once.
    """
    grounds = {"reason": office.vault.commit(reason)} if reason else {}
    sound = [command for command in commands if not command.faults]

    async def send(command: Command) -> tuple[str, str]:
        if command.done:
            return "repeated", command.ref
        data = {**command.data, **grounds}
        try:
            receipt = await answered(
                lambda: office.gateway.command(command.ref, command.trigger, data, actor, command.id), away
            )
        except Refusal as refusal:
            return "refused", refusal.sentence
        return "repeated" if receipt.repeated else "done", command.ref

    found = Sent()
    for command, (became, text) in zip(sound, await _all(send, sound, told), strict=True):
        getattr(found, became)[command.where] = text
    return found


async def _all(
    work: Callable[[Command], Coroutine[Any, Any, T]], commands: list[Command], told: Told | None
) -> list[T]:
    results: list[T] = []
    async with contextlib.aclosing(side_by_side(map(work, commands), AT_ONCE)) as answers:
        async for answer in answers:
            results.append(answer)
            if told:
                told(len(results), len(commands))
    return results


# --- an edition's orders ----------------------------------------------------------------------------------------------


async def everybody_told(office: Office, year: int, entry: int, told: Told) -> list[str]:
    """Look on until all who answer have been told what an edition's entry decided; it goes on without being looked at.

    Returns:
        Who did not answer, and is told again until they do.
    """
    of = 0
    while True:
        left = [some for some in await answered(lambda: office.gateway.orders(year)) if some.entry == entry]
        of = max(of, sum(some.of for some in left))
        told(of - sum(some.of - some.done for some in left), of)
        if all(some.again for some in left):
            return [ref for some in left for ref in some.again]
        await asyncio.sleep(LOOKS_EVERY)
