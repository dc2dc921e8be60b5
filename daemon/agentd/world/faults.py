"""Numbered door calls, and plans that make one of them fail or the whole process die there.

Every call through a fake door that touches the outside (file operations, spawn, job, http send) passes `Points.call`
and gets the next number. A `Plan` says what happens at a number. A harness runs a story once without a plan, reads
`Points.calls`, and runs it again for each plan of `plans`.

It decides what a fault means. Nothing in the product catches `Crash` (a BaseException), and after it every further
call raises it again: a dead process cannot tidy up. Used by `agentd.world.fake` alone.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal

__all__ = ["FAULTS_BY_CALL", "Call", "Crash", "Fault", "Plan", "Points", "plans"]

Fault = Literal["crash_before", "crash_after", "ENOSPC", "EIO", "EINTR", "short_write"]
"""`crash_before` and `crash_after`: the process dies before or after the call had its effect. `ENOSPC`, `EIO`: the call
fails without effect. `EINTR`: a signal came; the door repeats the call, so nobody sees it. `short_write`: half of the
bytes are written, the door writes the rest by a call of its own (with a number of its own, so a crash fits between)."""

_CRASHES: tuple[Fault, ...] = ("crash_before", "crash_after")

FAULTS_BY_CALL: Mapping[str, tuple[Fault, ...]] = {
    "files.create": (*_CRASHES, "ENOSPC", "EIO", "EINTR"),
    "files.link": (*_CRASHES, "ENOSPC", "EIO"),
    "files.list": ("EIO",),
    "files.lock": ("EIO", "EINTR"),
    "files.mkdir": (*_CRASHES, "ENOSPC", "EIO"),
    "files.open": ("EIO", "EINTR"),
    "files.read": ("EIO", "EINTR"),
    "files.rename": (*_CRASHES, "ENOSPC", "EIO"),
    "files.set_mode": (*_CRASHES, "EIO"),
    "files.set_mtime": (*_CRASHES, "EIO"),
    "files.sync": (*_CRASHES, "ENOSPC", "EIO", "EINTR"),
    "files.sync_folder": (*_CRASHES, "EIO", "EINTR"),
    "files.truncate": (*_CRASHES, "EIO", "EINTR"),
    "files.unlink": (*_CRASHES, "EIO"),
    "files.write": (*_CRASHES, "ENOSPC", "EIO", "EINTR", "short_write"),
    "http.send": (*_CRASHES, "EIO"),
    "processes.job": (*_CRASHES, "EIO"),
    "processes.spawn": (*_CRASHES, "EIO"),
}
"""Every name a call can have, and the faults that make sense there. Calls that change nothing need no crash: it would
be the same as one at the changing call before or after."""


class Crash(BaseException):
    """The simulated process died here. Not an Exception, so that no handler of the product can survive it."""


@dataclass(frozen=True, slots=True)
class Call:
    """One door call: its number (from 1), its name (a key of `FAULTS_BY_CALL`), and the path, program or URL."""

    number: int
    name: str
    subject: str


@dataclass(frozen=True, slots=True)
class Plan:
    """Number of a call -> what happens there. The empty plan lets everything work."""

    faults: Mapping[int, Fault] = field(default_factory=dict)


class Points:
    """The counter that all fake doors of one simulated process share."""

    def __init__(self, plan: Plan | None = None) -> None:
        self.plan = plan or Plan()
        self.calls: list[Call] = []
        self.crashed = False
        self._watchers: list[Callable[[], None]] = []

    @contextmanager
    def call(self, name: str, subject: str) -> Iterator[Fault | None]:
        """The block is the call's effect. Raises OSError for a planned failure, `Crash` for a planned death."""
        self.check_alive()
        if name not in FAULTS_BY_CALL:
            raise KeyError(f"{name} is not in FAULTS_BY_CALL")
        self.calls.append(Call(len(self.calls) + 1, name, subject))
        fault = self.plan.faults.get(len(self.calls))
        if fault == "crash_before":
            self.crash()
        if fault == "ENOSPC" or fault == "EIO":
            number = getattr(errno, fault)
            raise OSError(number, os.strerror(number))
        yield fault
        self.check_alive()
        if fault == "crash_after":
            self.crash()

    def check_alive(self) -> None:
        """Raise `Crash` when the process has died already."""
        if self.crashed:
            raise Crash("this process is dead")

    def crash(self) -> None:
        """Die here and now; what is told to `on_crash` is called first."""
        self.crashed = True
        for watcher in self._watchers:
            watcher()
        last = self.calls[-1] if self.calls else None
        raise Crash(f"at {last}")

    def on_crash(self, watcher: Callable[[], None]) -> None:
        self._watchers.append(watcher)


def plans(calls: Iterable[Call], only: Iterable[Fault] | None = None) -> Iterator[Plan]:
    """A plan with one fault for each call and each fault that makes sense there (of `only`, when given)."""
    wanted = None if only is None else frozenset(only)
    for call in calls:
        for fault in FAULTS_BY_CALL[call.name]:
            if wanted is None or fault in wanted:
                yield Plan({call.number: fault})
