"""The production clock: the only reader of the system's time.

It decides which system clock serves which question and must never be imported for a decision: rooms get a `Clock`
from the world they are handed. Built by `agentd.world.real`.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from agentd.errors import DeadlineError

__all__ = ["RealClock"]

# Linux stops CLOCK_MONOTONIC while the machine sleeps and has CLOCK_BOOTTIME beside it; macOS's CLOCK_MONOTONIC goes on.
if sys.platform == "linux":
    _BOOT_CLOCK = time.CLOCK_BOOTTIME
else:
    _BOOT_CLOCK = time.CLOCK_MONOTONIC


class RealClock:
    """See `agentd.world.doors.Clock`."""

    __slots__ = ()

    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000

    def monotonic_ms(self) -> int:
        return time.monotonic_ns() // 1_000_000

    def boot_ms(self) -> int:
        return time.clock_gettime_ns(_BOOT_CLOCK) // 1_000_000

    def perf_us(self) -> int:
        return time.perf_counter_ns() // 1_000

    async def sleep(self, ms: int) -> None:
        await asyncio.sleep(ms / 1_000)

    def deadline(self, ms: int) -> AbstractAsyncContextManager[None]:
        return _deadline(ms)


@asynccontextmanager
async def _deadline(ms: int) -> AsyncIterator[None]:
    limit = asyncio.timeout(ms / 1_000)
    try:
        async with limit:
            yield
    except TimeoutError:
        # A TimeoutError of the block's own is not this deadline's business.
        if not limit.expired():
            raise
        raise DeadlineError(f"it took longer than {ms} ms") from None
