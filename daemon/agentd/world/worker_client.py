"""The daemon's side of the one worker process: starts it when a job comes, ends it when none came for a while.

It decides when the worker lives and dies. Jobs run one at a time in the order they came; a job that takes too long, or
whose caller is cancelled, is ended with the process, because a pure job has nothing to clean up and nothing to lose.
The other side, and the jobs, are in `agentd.worker`. Used by `agentd.world.processes`.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Mapping

import msgspec

from agentd.errors import DeadlineError, WorkerError
from agentd.world.child_io import Ends, Feeder
from agentd.world.groups import start_child, start_error
from agentd.world.records import Records

__all__ = ["ANSWER_LIMIT", "IDLE_MS", "WorkerClient"]

IDLE_MS = 30_000
"""A worker costs about 20 MB and 50 ms to start: kept through a turn's burst of searches, not through the night."""

ANSWER_LIMIT = 64 * 1024 * 1024
"""Bytes of one answer; a job that has more to say has to write a file."""

_NICE = 10
_HEADER = 4
_TAIL = 4_096

# The modules are found where this process finds them; nothing else of the site or the environment is looked at, which
# saves the interpreter a third of its start.
_ENTRY = "import sys; sys.path[:] = sys.argv[1:]; from agentd.worker import main; main()"


class _Answer(msgspec.Struct, frozen=True):
    id: int
    result: object = None
    error: str | None = None


class _Worker:
    """One running worker process and the conversation with it."""

    def __init__(self, records: Records) -> None:
        self._loop = asyncio.get_running_loop()
        program = [sys.executable, "-I", "-S", "-X", "utf8", "-c", _ENTRY]
        try:
            with Ends() as ends:
                self._stdin, stdin = ends.to_child()
                self._stdout, stdout = ends.from_child()
                self._stderr, stderr = ends.from_child()
                self._group = start_child(
                    [*program, *(place for place in sys.path if place.startswith("/"))],
                    sys.executable,
                    records=records,
                    cwd="/",
                    env={},
                    stdin=stdin,
                    stdout=stdout,
                    stderr=stderr,
                    nice=_NICE,
                    label="worker",
                )
        except OSError as error:
            raise start_error(error, "the worker") from error
        self._heard = bytearray()
        self._complaint = b""
        self._waiting: asyncio.Future[_Answer] | None = None
        self.gone = self._group.gone
        self._loop.add_reader(self._stdout, self._hear)
        self._loop.add_reader(self._stderr, self._hear_complaint)
        self.gone.add_done_callback(lambda _: self._ended())

    def ask(self, body: bytes) -> asyncio.Future[_Answer]:
        self._waiting = self._loop.create_future()
        Feeder(os.dup(self._stdin), len(body).to_bytes(_HEADER, "big") + body)
        return self._waiting

    def end(self) -> None:
        self._group.kill()

    def _hear(self) -> None:
        data = os.read(self._stdout, 1_048_576)
        if not data:
            # Its end comes by `gone`, with the exit code.
            self._loop.remove_reader(self._stdout)
            return
        self._heard += data
        size = int.from_bytes(self._heard[:_HEADER], "big")
        if len(self._heard) >= _HEADER and size > ANSWER_LIMIT:
            self._fail(f"its answer has {size} bytes, allowed are {ANSWER_LIMIT}")
            self.end()
        elif len(self._heard) >= _HEADER + size:
            frame = bytes(self._heard[_HEADER : _HEADER + size])
            del self._heard[: _HEADER + size]
            try:
                answer = msgspec.msgpack.decode(frame, type=_Answer)
            except msgspec.MsgspecError as error:
                self._fail(f"its answer cannot be read: {error}")
                self.end()
            else:
                if self._waiting is not None and not self._waiting.done():
                    self._waiting.set_result(answer)

    def _hear_complaint(self) -> None:
        data = os.read(self._stderr, 65_536)
        if not data:
            self._loop.remove_reader(self._stderr)
        self._complaint = (self._complaint + data)[-_TAIL:]

    def _ended(self) -> None:
        for descriptor in (self._stdout, self._stderr):
            self._loop.remove_reader(descriptor)
        try:
            self._hear_complaint()
        except BlockingIOError:
            pass
        for descriptor in (self._stdin, self._stdout, self._stderr):
            os.close(descriptor)
        self._fail(f"it ended with {self.gone.result()}: {self._complaint.decode('utf-8', 'replace').strip()}")

    def _fail(self, why: str) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_exception(WorkerError("the worker process failed", why=why))


class WorkerClient:
    """See `agentd.world.doors.Processes.job`."""

    def __init__(self, records: Records, *, idle_ms: int = IDLE_MS) -> None:
        self._records = records
        self._idle_ms = idle_ms
        self._turn = asyncio.Lock()
        self._worker: _Worker | None = None
        self._ending: set[asyncio.Future[int]] = set()
        self._idle: asyncio.TimerHandle | None = None
        self._number = 0

    async def run(self, name: str, arguments: Mapping[str, object], timeout_ms: int) -> object:
        """The job's result. `DeadlineError` counts from the moment the job is the worker's (its start included)."""
        self._number += 1
        try:
            body = msgspec.msgpack.encode({"id": self._number, "name": name, "arguments": arguments})
        except (TypeError, ValueError, OverflowError) as error:
            raise WorkerError(f"the job {name} failed", why=f"its arguments cannot be sent: {error}") from error
        async with self._turn:
            if self._idle is not None:
                self._idle.cancel()
            try:
                async with asyncio.timeout(timeout_ms / 1_000):
                    answer = await self._ask(body)
            except TimeoutError:
                self._drop()
                raise DeadlineError(f"the job {name} took longer than {timeout_ms} ms") from None
            except BaseException:
                self._drop()
                raise
            self._idle = asyncio.get_running_loop().call_later(self._idle_ms / 1_000, self._drop)
        if answer.error is not None:
            raise WorkerError(f"the job {name} failed", why=answer.error)
        return answer.result

    async def close(self) -> None:
        """End the worker; returns when it is reaped."""
        if self._idle is not None:
            self._idle.cancel()
        self._drop()
        if self._ending:
            await asyncio.wait(self._ending)

    async def _ask(self, body: bytes) -> _Answer:
        if self._worker is None or self._worker.gone.done():
            self._worker = _Worker(self._records)
        return await self._worker.ask(body)

    def _drop(self) -> None:
        worker, self._worker = self._worker, None
        if worker is not None and not worker.gone.done():
            self._ending.add(worker.gone)
            worker.gone.add_done_callback(self._ending.discard)
            worker.end()
