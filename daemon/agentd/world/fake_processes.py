"""Children that are a table: program -> what it would do. Nothing runs, everything is counted.

It decides how a scripted run ends (its own exit, the clock, the output limit, a cancelled caller) by the same rules as
the production door. The history is shared over simulated restarts, because what was done to the outside stays done.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from agentd.errors import BusyError, DeadlineError, MissingProgramError, WorkerError
from agentd.world.doors import Exit, Spawn
from agentd.world.fake_clock import FakeClock
from agentd.world.fake_files import FakeFiles
from agentd.world.faults import Points

__all__ = ["FakeProcesses", "Handler", "Job", "ProcessTable", "Script"]


@dataclass(frozen=True, slots=True)
class Script:
    """What a run does: it says `output` and `errors`, takes `takes_ms` of the clock, exits with `code`."""

    output: bytes = b""
    errors: bytes = b""
    code: int = 0
    takes_ms: int = 0


Handler = Callable[[Spawn, FakeFiles], Script]
"""Performs the effect of a run (on the files that it is given, or on whatever the test holds) when it starts."""

Job = Callable[..., object]


@dataclass(slots=True)
class ProcessTable:
    """What the machine has and what was done on it: outlives a simulated crash of the daemon."""

    handlers: dict[tuple[str, ...], Handler] = field(default_factory=dict)
    jobs: dict[str, Job] = field(default_factory=dict)
    started: list[Spawn] = field(default_factory=list)
    left_running: int = 0


class FakeProcesses:
    """See `agentd.world.doors.Processes`."""

    def __init__(self, points: Points, clock: FakeClock, files: FakeFiles, table: ProcessTable | None = None) -> None:
        self._points = points
        self._clock = clock
        self._files = files
        self.table = table or ProcessTable()
        self._running: dict[asyncio.Task[object], Spawn] = {}
        points.on_crash(self._leave)

    # --- the table ---

    def on(self, *argv: str, does: Script | Handler) -> None:
        """Answer every run whose argument vector begins with `argv` (the longest match wins). The program is compared
        by its last component."""
        self.table.handlers[argv] = (lambda _spawn, _files: does) if isinstance(does, Script) else does

    def on_job(self, name: str, function: Job) -> None:
        self.table.jobs[name] = function

    def runs(self, label: str) -> int:
        """How many times the world was touched under this label, over all restarts."""
        return sum(spawn.label == label for spawn in self.table.started)

    def running(self) -> list[Spawn]:
        return list(self._running.values())

    # --- the door ---

    async def run(self, spawn: Spawn, on_output: Callable[[bytes], None] | None = None) -> Exit:
        handler = self._handler(spawn)
        task = asyncio.current_task()
        assert task is not None
        begun = self._clock.monotonic_ms()
        ended_by: Literal["itself", "timeout"] = "itself"
        try:
            with self._points.call("processes.spawn", " ".join(spawn.argv)):
                self.table.started.append(spawn)
                self._running[task] = spawn
                script = handler(spawn, self._files)
        except OSError as error:
            raise BusyError(f"cannot start {spawn.argv[0]} now", why=str(error)) from error
        try:
            said = script.output + script.errors if spawn.merge_stderr else script.output
            kept = said[: spawn.output_limit]
            errors = b"" if spawn.merge_stderr else script.errors[: spawn.output_limit - len(kept)]
            if on_output is not None and kept:
                on_output(kept)
            if len(kept) + len(errors) < len(script.output) + len(script.errors):
                return Exit(-15, kept, errors, 0, "output_limit")
            if script.takes_ms > spawn.timeout_ms:
                ended_by = "timeout"
            await self._clock.sleep(min(script.takes_ms, spawn.timeout_ms))
        finally:
            if not self._points.crashed:
                self._running.pop(task, None)
        code = script.code if ended_by == "itself" else -15
        return Exit(code, kept, errors, self._clock.monotonic_ms() - begun, ended_by)

    def find(self, program: str, path: str) -> str | None:
        known = any(_last(argv[0]) == program for argv in self.table.handlers)
        folders = [folder for folder in path.split(":") if folder.startswith("/")]
        return f"{folders[0]}/{program}" if known and folders else None

    def program(self, module: str) -> Sequence[str]:
        return ("python", module)

    async def end_all(self) -> None:
        tasks = [task for task in self._running if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    def sweep(self) -> int:
        self._points.check_alive()
        count, self.table.left_running = self.table.left_running, 0
        return count

    async def job(self, name: str, arguments: Mapping[str, object], timeout_ms: int) -> object:
        function = self.table.jobs.get(name)
        if function is None:
            raise WorkerError(f"the job {name} failed", why=f"LookupError: there is no job {name!r}")
        try:
            with self._points.call("processes.job", name):
                await self._clock.sleep(0)
                return function(**arguments)
        except TimeoutError:
            raise DeadlineError(f"the job {name} took longer than {timeout_ms} ms") from None
        except Exception as error:
            raise WorkerError(f"the job {name} failed", why=f"{type(error).__name__}: {error}") from error

    def _handler(self, spawn: Spawn) -> Handler:
        argv = (_last(spawn.argv[0]), *spawn.argv[1:])
        for length in range(len(argv), 0, -1):
            for known, handler in self.table.handlers.items():
                if (_last(known[0]), *known[1:]) == argv[:length]:
                    return handler
        raise MissingProgramError(f"{spawn.argv[0]} is not on the PATH")

    def _leave(self) -> None:
        self.table.left_running += len(self._running)


def _last(program: str) -> str:
    return program.rpartition("/")[2]
