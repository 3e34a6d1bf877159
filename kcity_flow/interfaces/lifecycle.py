"""The lifecycle as people read it, made from the tables of moves and from nothing else."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from typing import Any

from kcity_flow.domain.moves import ADOPTIONS, EDITION_MOVES, FACT_MOVES, MOVES, STAGE_MOVES, Move
from kcity_flow.domain.stages import ENDS, EditionStage, Role, Stage

EVERYBODY = tuple(role for role in Role if role not in (Role.CLOCK, Role.AUDITOR))
_STAGES_BUT_ABSENT = tuple(stage for stage in Stage if stage is not Stage.ABSENT)

_HEAD = """\
# Lifecycle

Generated from the tables in `kcity_flow/domain/moves.py` by `make docs`; change the table, never this page.

A row reads: one of *who* may make the *move* on what stands at one of *from*; it then stands at *to*, provided every
condition holds. Where a *second person* is named, the first one's command is a proposal, and the move is made when a
second person of these roles confirms it with the same data. While an application is *frozen* it rests: only moves that
say *yes* are made then, and the clock makes none.
"""


def sentence(guard: Callable[..., Any]) -> str:
    """What a guard asks for: the first line of its docstring."""
    return (inspect.getdoc(guard) or guard.__name__).splitlines()[0].replace("``", "")


def data() -> dict[str, list[dict[str, Any]]]:
    """Every row of both tables."""
    return {"application": [_row(move) for move in MOVES], "edition": [_row(move) for move in EDITION_MOVES]}


def _row(move: Move) -> dict[str, Any]:
    return {
        "trigger": move.trigger,
        "sources": [str(source) for source in move.sources],
        "dest": None if move.dest is None else str(move.dest),
        "actors": [role.value for role in move.actors],
        "approvers": [role.value for role in move.approvers],
        "sent_by": move.sent_by.value if move.sent_by else None,
        "rests": move.rests,
        "guards": [{"name": guard.__name__, "sentence": sentence(guard)} for guard in (*move.rules, *move.guards)],
    }


def sources(move: Move) -> str:
    """Where a move leaves from, in few words."""
    if move.sources == _STAGES_BUT_ABSENT or move.sources == tuple(EditionStage):
        return "any stage"
    return ", ".join(move.sources)


def roles(given: Iterable[Role]) -> str:
    """Roles in few words."""
    given = tuple(given)
    return "everybody" if given == EVERYBODY else ", ".join(given)


def mermaid() -> str:
    """The moves between stages as a mermaid state diagram, the undoing ones left out."""
    return _diagram(STAGE_MOVES, Stage.ABSENT, ENDS)


def edition_mermaid() -> str:
    """The same for an edition."""
    return _diagram(EDITION_MOVES, EditionStage.DRAFT, (EditionStage.CLOSED,))


def _diagram(table: Iterable[Move], first: Any, ends: Iterable[Any]) -> str:
    triggers: dict[tuple[Any, Any], list[str]] = {}
    for move in table:
        for source in move.sources:
            if move.dest is not None:
                triggers.setdefault((source, move.dest), []).append(move.trigger)
    lines = ["stateDiagram-v2"]
    for (source, dest), names in triggers.items():
        lines.append(f"    {'[*]' if source is Stage.ABSENT else source} --> {dest}: {', '.join(names)}")
    if first is not Stage.ABSENT:
        lines.insert(1, f"    [*] --> {first}")
    return "\n".join([*lines, *(f"    {end} --> [*]" for end in ends)])


def markdown() -> str:
    """The page ``docs/lifecycle.md``."""
    undoing = tuple(move for move in MOVES if move.undoes)
    parts = [
        _HEAD,
        "## An application\n",
        f"```mermaid\n{mermaid()}\n```\n",
        "### Moves that change the stage\n",
        _table(STAGE_MOVES, frozen=True),
        "### Moves that take over a project that ran before\n",
        "By the edition's `adopt`; they begin a file at the stage where the project stands.\n",
        _table(ADOPTIONS),
        "### Moves that undo the last one\n",
        "Each leads back to the stage that the last move left.\n",
        _table(undoing, frozen=True),
        "### Moves that record a fact and keep the stage\n",
        _table(FACT_MOVES, frozen=True),
        "## An edition\n",
        f"```mermaid\n{edition_mermaid()}\n```\n",
        _table(EDITION_MOVES),
    ]
    return "\n".join(parts)


def _table(table: Iterable[Move], *, frozen: bool = False) -> str:
    head = ["move", "from", "to", "who", "second person", *["frozen"] * frozen, "conditions"]
    lines = [f"| {' | '.join(head)} |", f"| {' | '.join(['---'] * len(head))} |"]
    for move in table:
        who = f"{roles(move.actors)} (sent by the {move.sent_by})" if move.sent_by else roles(move.actors)
        asked = " ".join(f"**{g.__name__}**: {sentence(g)}" for g in (*move.rules, *move.guards))
        rests = ["no" if move.rests else "yes"] * frozen
        second = roles(move.approvers) or "–"
        cells = (f"`{move.trigger}`", sources(move), move.dest or "–", who, second, *rests, asked or "–")
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"
