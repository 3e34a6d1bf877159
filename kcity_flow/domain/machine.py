"""The ``transitions`` machine, built from a table and from nothing else."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import Any, Protocol

from transitions import Machine

from kcity_flow.domain.errors import GuardFailed, IllegalMove, NotPermitted
from kcity_flow.domain.moves import EDITION_MOVES, MOVES, Move
from kcity_flow.domain.stages import EditionStage, Role, Stage, Via


class Judged(Protocol):
    """What :meth:`Lifecycle.judge` looks at beside the guards' own facts."""

    @property
    def command(self) -> Any:
        """The command, with who gives it."""
        ...


class _Standing:
    """A model for one question: where something stands. The machine moves it and is asked again."""

    def __init__(self, stage: StrEnum) -> None:
        self.stage = stage


def _refuses(guard: Callable[..., str]) -> Callable[[Judged], bool]:
    # transitions compares with True and False; a guard answers what is missing.
    return lambda facts: bool(guard(facts))


class Lifecycle(Machine):
    """The stages of one table and the moves between them.

    It holds no application: positions are given and answered. So one machine serves every workflow of a
    process, keeps none of them alive, and needs no lock.
    """

    def __init__(self, table: tuple[Move, ...], stages: type[StrEnum]) -> None:
        self.rows = {(move.trigger, source): move for move in table for source in move.sources}
        super().__init__(
            model=None,
            states=stages,
            initial=None,
            transitions=[
                {
                    "trigger": move.trigger,
                    "source": list(move.sources),
                    "dest": move.dest,  # None: an internal transition, the stage is kept
                    "unless": [_refuses(guard) for guard in (*move.rules, *move.guards)],
                }
                for move in table
            ],
            # Without this every stage is reachable from every other by to_<stage>().
            auto_transitions=False,
            model_attribute="stage",
        )

    def offers(self, stage: StrEnum) -> list[str]:
        """Triggers leaving a stage, in table order, guards aside."""
        return [trigger for trigger, source in self.rows if source == stage]

    def row(self, trigger: str, stage: StrEnum, role: str) -> Move:
        """The row for a trigger at a stage.

        Raises:
            IllegalMove: the table has none.
        """
        move = self.rows.get((trigger, stage))
        if move is None:
            raise IllegalMove(trigger, stage, role, self.offers(stage))
        return move

    def judge(self, move: Move, stage: StrEnum, facts: Judged) -> None:
        """Raise what :meth:`fire` would raise, and change nothing.

        Raises:
            NotPermitted: the role, or the way the command came, is not the row's.
            GuardFailed: a rule or guard refuses; the first to do so is named.
        """
        by = facts.command.by
        ordered = move.ordered(by)
        if move.sent_by is not None and (by.via is not move.sent_by or (by.via is Via.EDITION and not ordered)):
            raise NotPermitted(move.trigger, stage, by.role, f"the {move.sent_by}, which alone may send it")
        if by.role is Role.CLOCK and by.via not in (Via.CLOCK, Via.APPLICATION):
            raise NotPermitted(move.trigger, stage, by.role, "the clock itself; nobody speaks for it")
        second = bool(move.approvers) and (facts.command.proposal is not None or ordered)
        allowed = move.approvers if second else move.actors
        if by.role not in allowed:
            raise NotPermitted(move.trigger, stage, by.role, " or ".join(allowed))
        for guard in (*move.rules, *move.guards):
            missing = guard(facts)  # type: ignore[arg-type]  # facts hold all that a rule's setting has
            if missing:
                raise GuardFailed(move.trigger, stage, by.role, guard.__name__, missing)

    def fire(self, move: Move, stage: StrEnum, facts: Judged) -> Any:
        """Make the move and return the new stage. Raises what :meth:`judge` raises."""
        # transitions answers False, not an error, when a guard refuses; judge()
        # comes first so that every refusal has a reason.
        self.judge(move, stage, facts)
        standing = _Standing(stage)
        if not self.events[move.trigger].trigger(standing, facts):
            raise AssertionError(f"{move.trigger} was judged legal from {stage}, and the machine did not make it")
        return standing.stage


APPLICATIONS = Lifecycle(MOVES, Stage)
EDITIONS = Lifecycle(EDITION_MOVES, EditionStage)
