"""Work that is too long for one go on the loop and has to be done there: piece by piece, one such work at a time.

It decides who goes on when: everybody else on the loop has some rounds between two pieces, so that a request is taken,
handled and answered without waiting for a second one; and work that began later waits for what began earlier. Work that ends with its first piece waits for
nobody. What only computes belongs into the worker process instead. Callers: rooms that read whole conversations or logs.
"""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from typing import TypeVar

__all__ = ["PIECE_BYTES", "LongWork", "at_once"]

T = TypeVar("T")

PIECE_BYTES = 256 * 1024
"""How much a piece may read and decode: some 2 ms of work."""
_ROUNDS = 10
"""Of the loop between two pieces: what a request needs from its socket to its answer. An empty one takes 10 us."""


class LongWork:
    """Of one loop."""

    def __init__(self) -> None:
        self._lock = asyncio.Lock()

    async def through(self, work: Generator[None, None, T]) -> T:
        """Do `work`, which yields after each piece (a millisecond or two); what it returns. One that is cancelled is
        closed where it stands."""
        try:
            next(work)
            async with self._lock:
                while True:
                    await _others()
                    next(work)
        except StopIteration as end:
            found: T = end.value
            return found
        finally:
            work.close()

    async def turn(self) -> None:
        """Wait for a round of the loop that nobody has begun such work in: for who does something short together with
        many others."""
        async with self._lock:
            await _others()


async def _others() -> None:
    for _ in range(_ROUNDS):
        await asyncio.sleep(0)


def at_once(work: Generator[None, None, T]) -> T:
    """Do `work` without a pause; what it returns. For who may keep the loop, or runs beside it."""
    while True:
        try:
            next(work)
        except StopIteration as end:
            found: T = end.value
            return found
