"""What an edition decided, told to each application it concerns."""

from __future__ import annotations

import asyncio
from typing import Any, Protocol

from temporalio import activity

from kcity_flow.domain.errors import Refusal, Unavailable
from kcity_flow.domain.messages import OrderBatch, OrderResult

AT_ONCE = 8
"""Applications that are told side by side."""


class Commands(Protocol):
    """By which way an application is commanded."""

    async def order(self, ref: str, trigger: str, data: dict[str, Any], command_id: str) -> None:
        """Send one command; the same id is answered, not done, again.

        Raises:
            Refusal: the application refuses.
        """


class Orders:
    """Carries out what editions decide."""

    def __init__(self, commands: Commands) -> None:
        self._commands = commands

    @activity.defn(name="carry_out")
    async def carry_out(self, batch: OrderBatch) -> OrderResult:
        """Send each application its command, and collect those that were refused.

        Safe to run twice: each command has an id made of the edition's entry, the application and the trigger, so
        that one which was carried out before is answered as it was then. A repeated run goes on behind the last
        heartbeat.

        Raises:
            Unavailable: an application does not answer; the activity is repeated.
        """
        done, refused = _so_far()
        for start in range(done, len(batch.commands), AT_ONCE):
            some = batch.commands[start : start + AT_ONCE]
            answers = await asyncio.gather(*(self._send(batch, *order) for order in some))
            refused += [
                (ref, trigger, code) for (ref, trigger, _), code in zip(some, answers, strict=True) if code is not None
            ]
            activity.heartbeat(start + len(some), refused)
        return OrderResult(refused=tuple(refused))

    async def _send(self, batch: OrderBatch, ref: str, trigger: str, data: dict[str, Any]) -> str | None:
        """Send one command; returns the refusal's code if it was refused."""
        try:
            await self._commands.order(ref, trigger, data, f"edition/{batch.edition}/{batch.entry}/{ref}/{trigger}")
        except Unavailable:
            raise  # whether it was done is unknown, which is no refusal
        except Refusal as refusal:
            return refusal.code
        return None


def _so_far() -> tuple[int, list[tuple[str, str, str]]]:
    details = activity.info().heartbeat_details
    if not details:
        return 0, []
    done, refused = details
    return int(done), [(ref, trigger, code) for ref, trigger, code in refused]
