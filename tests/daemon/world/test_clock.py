"""The real clock: its readings agree with the system's, its deadlines end what they should and nothing else."""

from __future__ import annotations

import asyncio
import time

import pytest

from agentd.errors import DeadlineError
from agentd.world.clock import RealClock


def test_each_reading_is_the_systems() -> None:
    clock = RealClock()
    before = (
        time.time_ns() // 10**6,
        time.monotonic_ns() // 10**6,
        time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 10**6,
    )
    read = (clock.now_ms(), clock.monotonic_ms(), clock.boot_ms())
    after = (time.time_ns() // 10**6, time.monotonic_ns() // 10**6, time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 10**6)
    assert all(low <= value <= high for low, value, high in zip(before, read, after, strict=True))


def test_spans_are_in_microseconds() -> None:
    clock = RealClock()
    begun = clock.perf_us()
    asyncio.run(clock.sleep(5))
    assert 5_000 <= clock.perf_us() - begun < 5_000_000


def test_a_block_that_takes_too_long_ends_with_a_deadline_error() -> None:
    async def story() -> None:
        async with RealClock().deadline(1):
            await asyncio.Event().wait()

    with pytest.raises(DeadlineError, match="longer than 1 ms"):
        asyncio.run(story())


def test_a_block_that_is_quick_enough_is_left_alone() -> None:
    async def story() -> str:
        async with RealClock().deadline(10_000):
            await asyncio.sleep(0)
            return "done"

    assert asyncio.run(story()) == "done"


def test_a_timeout_of_the_blocks_own_is_not_taken_for_the_deadline() -> None:
    async def story() -> None:
        async with RealClock().deadline(10_000):
            raise TimeoutError("mine")

    with pytest.raises(TimeoutError, match="mine"):
        asyncio.run(story())


def test_cancelling_from_outside_is_not_taken_for_the_deadline() -> None:
    async def story() -> None:
        async def inner() -> None:
            async with RealClock().deadline(10_000):
                await asyncio.Event().wait()

        task = asyncio.ensure_future(inner())
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()

    asyncio.run(story())
