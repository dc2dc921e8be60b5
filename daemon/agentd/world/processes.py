"""The production children: started from an argument vector, bounded in time and output, ended as whole groups.

It decides how output is collected and what ends a run (the child itself, the clock, the output limit, a cancelled
caller). It must never use a shell, never search a relative PATH entry, and never return before the group is gone. Built
by `agentd.world.real`; tools, hooks, MCP servers and git run through it.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Literal, assert_never

from agentd.errors import MissingProgramError
from agentd.world.child_io import Collector, Ends, Feeder
from agentd.world.doors import Exit, NoBox, Spawn
from agentd.world.groups import Group, start_child, start_error
from agentd.world.records import Records
from agentd.world.worker_client import IDLE_MS, WorkerClient

__all__ = ["WHOLE_LOG_JOBS", "RealProcesses"]

_Reason = Literal["itself", "timeout", "output_limit", "cancelled"]

# Makes the terminal on descriptor 0 the controlling one of its (new) session, then becomes the program. Run by a bare
# interpreter because nothing of ours may run between fork and exec. argv: keep or drop LC_CTYPE (which the interpreter
# itself sets in a bare environment), program, its argument vector.
_TAKE_TERMINAL = (
    "import fcntl, os, sys, termios\n"
    "fcntl.ioctl(0, termios.TIOCSCTTY, 0)\n"
    "if sys.argv[1] == 'drop': os.environ.pop('LC_CTYPE', None)\n"
    "os.execve(sys.argv[2], sys.argv[3:], os.environ)\n"
)

# As for the worker: modules are found where this process finds them, and nothing else of the site is looked at.
_OWN_PROGRAM = (
    "import importlib, sys\n"
    "sys.path[:] = sys.argv[1].split('\\n')\n"
    "module = sys.argv[2]\n"
    "del sys.argv[1:3]\n"
    "importlib.import_module(module).main()\n"
)

WHOLE_LOG_JOBS = frozenset(
    {
        *("bundle-session", "import-session", "redact-events", "redact-session", "search-sessions"),
        *("session-replay", "session-verify", "session-workflow"),
    }
)
"""Jobs that may read for minutes. They have a worker of their own, so that no turn's search or command waits for them."""


class RealProcesses:
    """See `agentd.world.doors.Processes`. `children_folder` holds the records of who runs (made when needed)."""

    def __init__(self, children_folder: str, *, worker_idle_ms: int = IDLE_MS) -> None:
        self._records = Records(children_folder)
        self._running: dict[Group, Callable[[_Reason], None]] = {}
        self._worker = WorkerClient(self._records, idle_ms=worker_idle_ms)
        self._reader = WorkerClient(self._records, idle_ms=worker_idle_ms)

    async def run(self, spawn: Spawn, on_output: Callable[[bytes], None] | None = None) -> Exit:
        begun = time.monotonic()
        ended_by: _Reason = "itself"

        def end_for(reason: _Reason) -> None:
            nonlocal ended_by
            if ended_by == "itself":
                ended_by = reason
            group.end()

        collector = Collector(spawn.output_limit, on_output, lambda: end_for("output_limit"))
        group = self._start(spawn, collector)
        self._running[group] = end_for
        timer = asyncio.get_running_loop().call_later(spawn.timeout_ms / 1_000, end_for, "timeout")
        cancelled: asyncio.CancelledError | None = None
        try:
            while not group.gone.done():
                try:
                    await asyncio.wait([group.gone])
                except asyncio.CancelledError as error:
                    # The caller may leave only when the group is gone; a second cancellation hurries it.
                    cancelled = error
                    end_for("cancelled")
        finally:
            timer.cancel()
            del self._running[group]
            collector.finish()
        if cancelled is not None:
            raise cancelled
        if collector.failure is not None:
            raise collector.failure
        return Exit(
            code=group.gone.result(),
            output=collector.output(),
            errors=collector.errors(),
            duration_ms=round((time.monotonic() - begun) * 1_000),
            ended_by=ended_by,
        )

    def find(self, program: str, path: str) -> str | None:
        for folder in path.split(":"):
            candidate = f"{folder}/{program}"
            if folder.startswith("/") and os.path.isfile(candidate) and os.access(candidate, os.X_OK):
                return candidate
        return None

    def program(self, module: str) -> Sequence[str]:
        places = "\n".join(place for place in sys.path if place.startswith("/"))
        return (sys.executable, "-I", "-S", "-X", "utf8", "-c", _OWN_PROGRAM, places, module)

    async def end_all(self) -> None:
        running = dict(self._running)
        for end_for in running.values():
            end_for("cancelled")
        if running:
            await asyncio.wait([group.gone for group in running])
        await self._worker.close()
        await self._reader.close()

    def sweep(self) -> int:
        return self._records.sweep()

    async def job(self, name: str, arguments: Mapping[str, object], timeout_ms: int) -> object:
        worker = self._reader if name in WHOLE_LOG_JOBS else self._worker
        return await worker.run(name, arguments, timeout_ms)

    def _start(self, spawn: Spawn, collector: Collector) -> Group:
        match spawn.box:
            case NoBox():
                executable = self._resolve(spawn)
            case _:
                assert_never(spawn.box)
        argv = list(spawn.argv)
        try:
            with Ends() as ends:
                errors_end = input_end = None
                if spawn.terminal:
                    output_end, input_end, theirs = ends.terminal()
                    stdin = stdout = stderr = theirs
                    keep = "keep" if "LC_CTYPE" in spawn.env else "drop"
                    argv = [sys.executable, "-I", "-S", "-c", _TAKE_TERMINAL, keep, executable, *argv]
                    executable = sys.executable
                else:
                    output_end, stdout = ends.from_child()
                    stderr = stdout
                    if not spawn.merge_stderr:
                        errors_end, stderr = ends.from_child()
                    if spawn.stdin:
                        input_end, stdin = ends.to_child()
                    else:
                        stdin = ends.nothing()
                group = start_child(
                    argv,
                    executable,
                    records=self._records,
                    cwd=spawn.cwd,
                    env=spawn.env,
                    stdin=stdin,
                    stdout=stdout,
                    stderr=stderr,
                    pass_fds=spawn.pass_fds,
                    nice=spawn.nice,
                    label=spawn.label,
                )
        except OSError as error:
            raise start_error(error, spawn.argv[0]) from error
        collector.listen(output_end)
        if errors_end is not None:
            collector.listen(errors_end, apart=True)
        if input_end is not None:
            # A terminal has no end of file to send but its end-of-transmission character.
            collector.feed(Feeder(input_end, spawn.stdin + b"\x04" if spawn.terminal else spawn.stdin))
        return group

    def _resolve(self, spawn: Spawn) -> str:
        program = spawn.argv[0]
        if "/" in program:
            found = os.path.join(spawn.cwd, program)
            if os.path.isfile(found) and os.access(found, os.X_OK):
                return found
            raise MissingProgramError(f"{program} is not a program that can be run")
        on_path = self.find(program, spawn.env.get("PATH", ""))
        if on_path is None:
            raise MissingProgramError(f"{program} is not on the PATH", why=spawn.env.get("PATH", "") or "PATH is empty")
        return on_path
