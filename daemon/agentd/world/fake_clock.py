"""Time that only a test moves: sleepers wake in the order of their times, and nothing waits for a real second.

Two ways to move it: `advance` by hand, or `auto`, in which time jumps to the next sleeper whenever everything else
waits. Both need to know when the loop has nothing left to do; `IdleLoop` tells exactly (it is asked to block), which
is why `FakeWorld.run` is the way to run a story. In any other loop `advance` gives tasks a number of rounds instead,
and `auto` is refused.

It decides the order of wake-ups: by due time, then by who asked first. It must never read a real clock.
"""

from __future__ import annotations

import asyncio
import heapq
import selectors
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from types import TracebackType
from typing import Any

from agentd.errors import DeadlineError
from agentd.world.faults import Crash, Points

__all__ = ["START_MS", "FakeClock", "IdleLoop"]

START_MS = 1_767_603_600_000
"""2026-01-05 09:00:00 UTC, a Monday morning."""

_ROUNDS = 100  # of a loop that cannot tell when it is idle; a chain of awaits longer than this would be cut short


class _Timer:
    __slots__ = ("callback",)

    def __init__(self, callback: Callable[[], None]) -> None:
        self.callback: Callable[[], None] | None = callback

    def cancel(self) -> None:
        self.callback = None


class FakeClock:
    """See `agentd.world.doors.Clock`."""

    def __init__(self, points: Points, *, now_ms: int = START_MS, auto: bool = False) -> None:
        self._points = points
        self._wall_less_monotonic = now_ms
        self._asleep_ms = 0
        self._monotonic_ms = 0
        self._timers: list[tuple[int, int, _Timer]] = []
        self._count = 0
        self._idle_waiter: asyncio.Future[None] | None = None
        self.auto = auto

    # --- the door ---

    def now_ms(self) -> int:
        return self._wall_less_monotonic + self._monotonic_ms

    def monotonic_ms(self) -> int:
        return self._monotonic_ms

    def boot_ms(self) -> int:
        return self._monotonic_ms + self._asleep_ms

    def perf_us(self) -> int:
        return self._monotonic_ms * 1_000

    async def sleep(self, ms: int) -> None:
        self._points.check_alive()
        loop = asyncio.get_running_loop()
        if self.auto and not self._is_mine(loop):
            raise RuntimeError("a clock that moves by itself needs FakeWorld.run instead of asyncio.run")
        if ms <= 0:
            await asyncio.sleep(0)
            return
        woken: asyncio.Future[None] = loop.create_future()
        timer = self.call_later(ms, lambda: None if woken.done() else woken.set_result(None))
        try:
            await woken
        finally:
            timer.cancel()
        self._points.check_alive()

    def deadline(self, ms: int) -> AbstractAsyncContextManager[None]:
        return _Deadline(self, ms)

    # --- the hand on the clock ---

    def call_later(self, ms: int, callback: Callable[[], None]) -> _Timer:
        timer = _Timer(callback)
        self._count += 1
        heapq.heappush(self._timers, (self._monotonic_ms + ms, self._count, timer))
        return timer

    async def advance(self, ms: int) -> None:
        """Let `ms` milliseconds pass: each sleeper wakes at its own time, and all its work is done before the next."""
        until = self._monotonic_ms + ms
        await self.settle()
        while (due := self._next_due()) is not None and due <= until:
            self._fire_next()
            await self.settle()
        self._monotonic_ms = until

    async def settle(self) -> None:
        """Return when everybody else waits for something."""
        loop = asyncio.get_running_loop()
        if not self._is_mine(loop):
            for _ in range(_ROUNDS):
                await asyncio.sleep(0)
            return
        while self._idle_waiter is not None:
            await asyncio.wait([self._idle_waiter])
        self._idle_waiter = loop.create_future()
        await self._idle_waiter

    def shift_wall(self, ms: int) -> None:
        """Somebody sets the clock of the wall, by `ms` (also back). Nobody wakes of that."""
        self._wall_less_monotonic += ms

    def suspend(self, ms: int) -> None:
        """The machine sleeps for `ms`: wall and boot time go on, the monotonic one stands."""
        self._wall_less_monotonic += ms
        self._asleep_ms += ms

    def successor(self, points: Points) -> FakeClock:
        """The clock of the next process: it goes on from here, and nobody sleeps by it yet."""
        clock = FakeClock(points, now_ms=self._wall_less_monotonic, auto=self.auto)
        clock._monotonic_ms = self._monotonic_ms
        clock._asleep_ms = self._asleep_ms
        return clock

    def when_idle(self) -> bool:
        """Called by `IdleLoop` when nobody is left to run; whether that has woken somebody."""
        if self._idle_waiter is not None:
            waiter, self._idle_waiter = self._idle_waiter, None
            if not waiter.done():
                waiter.set_result(None)
            return True
        if self.auto and self._next_due() is not None:
            self._fire_next()
            return True
        return False

    def _is_mine(self, loop: asyncio.AbstractEventLoop) -> bool:
        return isinstance(loop, IdleLoop) and loop.clock is self

    def _next_due(self) -> int | None:
        while self._timers and self._timers[0][2].callback is None:
            heapq.heappop(self._timers)
        return self._timers[0][0] if self._timers else None

    def _fire_next(self) -> None:
        due, _, timer = heapq.heappop(self._timers)
        self._monotonic_ms = max(self._monotonic_ms, due)
        callback, timer.callback = timer.callback, None
        if callback is not None:
            callback()


class _Deadline:
    """The block of `deadline`, on fake time; cancels as `asyncio.timeout` does."""

    def __init__(self, clock: FakeClock, ms: int) -> None:
        self._clock = clock
        self._ms = ms
        self._expired = False

    async def __aenter__(self) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._task = task
        self._cancelling = task.cancelling()
        self._timer = self._clock.call_later(self._ms, self._expire)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        self._timer.cancel()
        if self._expired and self._task.uncancel() <= self._cancelling and kind is asyncio.CancelledError:
            raise DeadlineError(f"it took longer than {self._ms} ms") from None

    def _expire(self) -> None:
        self._expired = True
        self._task.cancel()


class _IdleSelector(selectors.DefaultSelector):
    """Asked to block, it asks the clock first: only a loop with nothing ready asks to block."""

    def __init__(self, clock: FakeClock) -> None:
        super().__init__()
        self._clock = clock

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        events = super().select(0)
        if events or timeout == 0 or self._clock.when_idle():
            return events
        return super().select(timeout)


class IdleLoop(asyncio.SelectorEventLoop):
    """An asyncio loop that lets `clock` move when nothing else can."""

    def __init__(self, clock: FakeClock) -> None:
        super().__init__(_IdleSelector(clock))
        self.clock = clock

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        """A simulated death is no news: what the dead process's tasks raise on their way out is not reported."""
        if not isinstance(context.get("exception"), Crash):
            super().call_exception_handler(context)
