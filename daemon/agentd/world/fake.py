"""A whole deterministic world in memory: same doors, no machine behind them. Shipped, so that plug-ins test with it.

    world = fake_world(auto=True)
    world.processes.on("git", does=Script(output=b"ok"))
    world.run(story(world))              # raises Crash when the plan says so
    again = world.restart(drop_unsynced=True)

It decides what a restart keeps: the disk as a crash leaves it, the machine's programs, the network, what was done to
both, and the time. It must never touch the real machine. Every call has a number (`calls`, `agentd.world.faults`).
"""

from __future__ import annotations

import asyncio
import random
import weakref
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import TypeVar

from agentd.errors import DiskError, ReadOnlyLogError
from agentd.world.doors import Handle, World
from agentd.world.fake_clock import START_MS, FakeClock, IdleLoop
from agentd.world.fake_files import FakeFiles
from agentd.world.fake_http import FakeHttp
from agentd.world.fake_processes import FakeProcesses
from agentd.world.faults import Crash, Plan, Points
from agentd.world.ids import session_id, unit_fraction
from agentd.world.tasks import Tasks

__all__ = ["FakeIds", "FakeJournal", "FakeWorld", "fake_world"]

T = TypeVar("T")


class FakeIds:
    """See `agentd.world.doors.Ids`; the same seed gives the same ids."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def session(self, now_ms: int) -> str:
        return session_id(now_ms, self._random.getrandbits(35))

    def token(self, size: int) -> bytes:
        return self._random.randbytes(size)

    def jitter(self) -> float:
        return unit_fraction(self._random.randbytes(7))


class FakeJournal:
    """See `agentd.world.doors.Journal`; writes at once, through the handle's own numbered calls. What is owed is synced
    when `clock` has come so far (without one: when the journal is closed)."""

    def __init__(self, clock: FakeClock | None = None) -> None:
        self._clock = clock
        self._poisoned: weakref.WeakKeyDictionary[Handle, str] = weakref.WeakKeyDictionary()
        self._owed: dict[Handle, Handle] = {}
        self._within_ms: Callable[[], int] = lambda: 0
        self._failed: Callable[[DiskError], None] = lambda _: None
        self._closed = False

    def relax(self, within_ms: Callable[[], int], failed: Callable[[DiskError], None]) -> None:
        self._within_ms, self._failed = within_ms, failed

    async def append(self, handle: Handle, data: bytes, *, sync: bool) -> int:
        if self._closed:
            raise ReadOnlyLogError("the journal is closed", why="the daemon is stopping")
        reason = self._poisoned.get(handle)
        if reason is not None:
            raise ReadOnlyLogError("this log takes no more entries", why=reason)
        try:
            offset = handle.append(data)
            if sync and (within_ms := self._within_ms()):
                self._owe(handle, within_ms)
            elif sync:
                handle.sync()
        except DiskError as error:
            self._poisoned[handle] = error.what
            raise
        # The real one answers from a thread: others may run before its caller does.
        await asyncio.sleep(0)
        return offset

    async def close(self) -> None:
        self._closed = True
        for handle in tuple(self._owed):
            self._settle(handle)

    def _owe(self, handle: Handle, within_ms: int) -> None:
        if handle not in self._owed:
            self._owed[handle] = handle.duplicate()
            if self._clock is not None:
                loop = asyncio.get_running_loop()

                def due() -> None:
                    loop.call_soon(self._settle, handle)

                self._clock.call_later(within_ms, due)

    def _settle(self, handle: Handle) -> None:
        twin = self._owed.pop(handle, None)
        if twin is None:
            return
        try:
            twin.sync()
        except DiskError as error:
            self._poisoned[handle] = error.what
            self._failed(error)
        except Crash:
            pass  # it is the world that has ended, and whoever runs it sees that
        finally:
            twin.close()


@dataclass(frozen=True, slots=True)
class FakeWorld(World):
    """All fake doors, each with its own type, and the counter that they share."""

    clock: FakeClock
    ids: FakeIds
    files: FakeFiles
    journal: FakeJournal
    processes: FakeProcesses
    http: FakeHttp
    points: Points
    seed: int

    @property
    def calls(self) -> list[str]:
        """Names of the calls so far, in order: call n is `calls[n - 1]`."""
        return [call.name for call in self.points.calls]

    def run(self, main: Coroutine[object, object, T]) -> T:
        """Run `main` to its end on this world's time. `Crash` when the plan killed the process, in whatever task."""
        with asyncio.Runner(loop_factory=lambda: IdleLoop(self.clock)) as runner:
            return runner.run(self._until_dead(main))

    def restart(self, *, drop_unsynced: bool | int = False, plan: Plan | None = None) -> FakeWorld:
        """The world that the next process finds; this one is dead from now on.

        `drop_unsynced`: False as after kill -9, True as after a power cut, a seed for something in between.
        """
        self.points.crashed = True
        points = Points(plan)
        clock = self.clock.successor(points)
        return _build(
            points,
            clock=clock,
            files=self.files.successor(points, clock.now_ms, drop_unsynced),
            before=self,
            seed=self.seed + 1,
        )

    async def _until_dead(self, main: Coroutine[object, object, T]) -> T:
        dead: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.points.on_crash(lambda: None if dead.done() else dead.set_result(None))
        # What the story raises is raised from here, so there is nothing to report.
        story = Tasks(lambda _name, _error: None).start("story", main)
        try:
            both: list[asyncio.Future[T] | asyncio.Future[None]] = [story, dead]
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        finally:
            story.cancel()
        if self.points.crashed:
            raise Crash(f"at {self.points.calls[-1]}")
        return await story


def fake_world(*, seed: int = 0, plan: Plan | None = None, now_ms: int = START_MS, auto: bool = False) -> FakeWorld:
    """An empty disk with `/`, no programs, no network, the time `now_ms` (see `fake_clock` for `auto`)."""
    points = Points(plan)
    clock = FakeClock(points, now_ms=now_ms, auto=auto)
    return _build(points, clock=clock, files=FakeFiles(points, clock.now_ms), before=None, seed=seed)


def _build(points: Points, *, clock: FakeClock, files: FakeFiles, before: FakeWorld | None, seed: int) -> FakeWorld:
    return FakeWorld(
        clock=clock,
        ids=FakeIds(seed),
        files=files,
        journal=FakeJournal(clock),
        processes=FakeProcesses(points, clock, files, None if before is None else before.processes.table),
        http=FakeHttp(points, clock, None if before is None else before.http.network),
        points=points,
        seed=seed,
    )
