"""What an edition decided, told to each application it concerns."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncGenerator, Coroutine, Iterable
from itertools import islice
from typing import Any, Protocol, TypeVar

from temporalio import activity

from kcity_flow.domain.errors import Refusal, Unavailable
from kcity_flow.domain.messages import OrderBatch, OrderResult

T = TypeVar("T")

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
        heartbeat. An application that does not answer holds up nobody; where more than a few do not, server or worker
        is away, and the rest is not asked. The edition has all of these told again.
        """
        commands, refs = batch.commands, batch.refs
        done, refused = _so_far()
        sending = (self._send(batch, *command) for command in commands[done:])
        async with contextlib.aclosing(side_by_side(sending, AT_ONCE)) as answers:
            async for code in answers:
                if code is not None:
                    refused.setdefault(code, []).append(done)
                done += 1
                activity.heartbeat(done, refused)
                if len(refused.get(Unavailable.code, ())) > AT_ONCE:
                    break
        silent = refused.pop(Unavailable.code, [])
        return OrderResult(
            refusals={code: tuple(refs[place] for place in places) for code, places in refused.items()},
            # The silent last: however many they are, each time somebody else is told.
            untold=(*refs[done:], *(refs[place] for place in silent)),
        )

    async def _send(self, batch: OrderBatch, ref: str, trigger: str, data: dict[str, Any]) -> str | None:
        """Send one command; returns the refusal's code if it was refused, :class:`Unavailable`'s if nobody answered."""
        try:
            await self._commands.order(ref, trigger, data, batch.command_id(ref, trigger))
        except Refusal as refusal:
            return refusal.code
        return None


async def side_by_side(sending: Iterable[Coroutine[Any, Any, T]], at_once: int) -> AsyncGenerator[T]:
    """The answers in order, so that one number says how far it has come; ``at_once`` are awaited side by side.

    Raises:
        Exception: the first that one of them raises; those beside it are cancelled.
    """
    left = iter(sending)
    waiting = deque(asyncio.create_task(each) for each in islice(left, at_once))
    try:
        while waiting:
            answer = await waiting[0]
            waiting.popleft()
            waiting.extend(asyncio.create_task(each) for each in islice(left, 1))
            yield answer
    finally:
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)


def _so_far() -> tuple[int, dict[str, list[int]]]:
    """How many are behind us, and the places in the batch of those that refused, or were silent, by the code."""
    done, refused = activity.info().heartbeat_details or (0, {})
    return int(done), {code: list(places) for code, places in refused.items()}
