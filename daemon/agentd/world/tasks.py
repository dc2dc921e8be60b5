"""Supervised asyncio tasks: each has a name, none is lost, and an exception that escapes one is always reported.

It decides what happens when a task dies. Nothing else in the daemon calls `create_task` (a bare task can be garbage
collected while it runs, and its exception is printed, if at all, when nobody looks). Used by every room that awaits
beside its caller; `agentd.app` hands out one `Tasks` and stops it last.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import TypeVar

__all__ = ["OnDeath", "Report", "Tasks"]

T = TypeVar("T")

Report = Callable[[str, BaseException], None]
"""Told the task's name and the exception that escaped it. Must not raise."""

OnDeath = Callable[[BaseException], None]
"""Told the exception that ended one particular task, after it was reported; the place for a restart or a stop."""


class Tasks:
    """The tasks of one owner. `report` hears every escaped exception; cancellation is no exception in this sense."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._running: set[asyncio.Task[object]] = set()

    def start(
        self, name: str, coroutine: Coroutine[object, object, T], *, on_death: OnDeath | None = None
    ) -> asyncio.Task[T]:
        """Run `coroutine` beside the caller, under `name` (shown by `names` and in reports; need not be unique).

        The task is returned to be awaited or cancelled; awaiting it is never needed to learn of its death.
        """
        task = asyncio.get_running_loop().create_task(coroutine, name=name)
        self._running.add(task)
        task.add_done_callback(lambda ended: self._ended(ended, on_death))
        return task

    def names(self) -> list[str]:
        """Names of the tasks that run, sorted."""
        return sorted(task.get_name() for task in self._running)

    async def stop_all(self, deadline_ms: int) -> list[str]:
        """Cancel all tasks but the calling one, wait for them; the sorted names of those that had not ended in time.

        Tasks that are started while this waits are cancelled too.
        """
        loop = asyncio.get_running_loop()
        until = loop.time() + deadline_ms / 1_000
        cancelled: set[asyncio.Task[object]] = set()
        own = asyncio.current_task()
        while left := {task for task in self._running if task is not own}:
            for task in left - cancelled:
                task.cancel()
            cancelled |= left
            remaining = until - loop.time()
            if remaining <= 0:
                return sorted(task.get_name() for task in left)
            await asyncio.wait(left, timeout=remaining, return_when=asyncio.FIRST_COMPLETED)
        return []

    def _ended(self, task: asyncio.Task[object], on_death: OnDeath | None) -> None:
        self._running.discard(task)
        if task.cancelled():
            return
        error = task.exception()
        if error is None:
            return
        self._report(task.get_name(), error)
        if on_death is None:
            return
        try:
            on_death(error)
        except Exception as second:  # noqa: BLE001 - a fault of the undertaker is a death like any other: reported
            self._report(f"{task.get_name()}: on_death", second)
