"""One child and everything that it started: a session of its own, ended as a whole.

It decides how a group ends: TERM to all, 200 ms, KILL to who is left; also when its leader ends by itself and leaves
others behind. It must never run Python code between fork and exec, and never signal an id that may have been given
anew: the leader is a zombie of ours until it is reaped, and afterwards members are signalled one by one, each checked.
Used by `agentd.world.processes` and `agentd.world.worker_client`.
"""

from __future__ import annotations

import asyncio
import errno
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence

from agentd.errors import AgentdError, BusyError, MissingFileError, MissingProgramError, TooLargeError
from agentd.world import process_table
from agentd.world.records import GIVE_UP_MS, GRACE_MS, POLL_MS, Records, signal_process

__all__ = ["Group", "start_child", "start_error"]

_FEW_FORKS_MS = 10_000
"""A child younger than this has only members with larger ids: nobody forks through all ids in so short a time."""


def start_child(
    argv: Sequence[str],
    executable: str,
    *,
    records: Records,
    cwd: str,
    env: Mapping[str, str],
    stdin: int,
    stdout: int,
    stderr: int,
    pass_fds: Sequence[int] = (),
    nice: int = 0,
    label: str = "",
) -> Group:
    """Start `executable` with `argv` in a new session, with these three descriptors (which stay the caller's to close).

    `MissingFileError` when `cwd` is not there, `MissingProgramError` when the program cannot be executed.
    """
    if not os.path.isdir(cwd):
        raise MissingFileError(f"there is no folder {cwd} to run {argv[0]} in")
    reservation = records.reserve()
    try:
        process = subprocess.Popen(
            list(argv),
            executable=executable,
            cwd=cwd,
            env=dict(env),
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            pass_fds=tuple(pass_fds),
            start_new_session=True,
            bufsize=0,
        )
    except (OSError, ValueError) as error:
        reservation.give_up()
        raise start_error(error, argv[0]) from error
    reservation.fill(process.pid, label, records.machine())
    try:
        group = Group(process, records)
    except OSError as error:  # no descriptor left to watch it with
        process.kill()
        process.wait()
        records.remove(process.pid)
        raise start_error(error, argv[0]) from error
    if nice:
        group.set_nice(nice)
    return group


def start_error(error: OSError | ValueError, program: str) -> AgentdError:
    """Why `program` could not be started: for now, for its arguments, or at all."""
    number = error.errno if isinstance(error, OSError) else None
    if number in (errno.EAGAIN, errno.ENOMEM, errno.EMFILE, errno.ENFILE):
        return BusyError(f"cannot start {program} now", why=str(error))
    if number == errno.E2BIG:
        return TooLargeError(f"arguments and environment of {program} are too long", why=str(error))
    return MissingProgramError(f"cannot run {program}", why=str(error))


class Group:
    """A running child with its session. `gone` is done with the leader's exit code (negative: the signal) when nobody
    of the session is left, or when the last of them resisted KILL for five seconds."""

    def __init__(self, process: subprocess.Popen[bytes], records: Records) -> None:
        self.process = process
        self.gone: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._loop = asyncio.get_running_loop()
        self._records = records
        self._begun = time.monotonic()
        self._reaped = False
        self._signal: signal.Signals | None = None
        self._kill_timer: asyncio.TimerHandle | None = None
        self._watch_exit()

    @property
    def pid(self) -> int:
        return self.process.pid

    def set_nice(self, nice: int) -> None:
        try:
            os.setpriority(os.PRIO_PGRP, self.pid, nice)
        except (ProcessLookupError, PermissionError):
            return  # it has ended already, or it became somebody else

    def kill(self) -> None:
        """KILL at once. Returns at once: await `gone`."""
        if self._kill_timer is not None:
            self._kill_timer.cancel()
        if self.gone.done():
            return
        self._send(signal.SIGKILL)
        self._loop.call_later(GIVE_UP_MS / 1_000, self._give_up)

    def end(self) -> None:
        """Ask the group to end; a second call, or 200 ms, makes it KILL. Returns at once: await `gone`."""
        if self.gone.done():
            return
        if self._signal is None:
            self._send(signal.SIGTERM)
            self._kill_timer = self._loop.call_later(GRACE_MS / 1_000, self.kill)
        elif self._signal is signal.SIGTERM:
            self.kill()

    # --- signals ---

    def _send(self, number: signal.Signals) -> None:
        self._signal = number
        if not self._reaped:
            # In one stroke, so that no member can fork away from it. Safe: an unreaped leader keeps the number ours.
            try:
                os.killpg(self.pid, number)
            except (ProcessLookupError, PermissionError):
                pass
        for member in self._members():
            if self._reaped or member.group != self.pid:
                signal_process(member, number)

    def _members(self) -> list[process_table.Entry]:
        young = (time.monotonic() - self._begun) * 1_000 < _FEW_FORKS_MS
        return process_table.members(self.pid, since=self.pid if young else 0)

    # --- exit ---

    def _watch_exit(self) -> None:
        if sys.platform == "linux":
            descriptor = os.pidfd_open(self.pid)
            self._loop.add_reader(descriptor, self._leader_ended, descriptor)
        else:
            threading.Thread(target=self._wait_in_thread, name=f"agentd-wait-{self.pid}", daemon=True).start()

    def _wait_in_thread(self) -> None:
        self.process.wait()
        try:
            self._loop.call_soon_threadsafe(self._reap)
        except RuntimeError:
            return  # the loop was closed: nobody waits for this child any more

    def _leader_ended(self, descriptor: int) -> None:
        self._loop.remove_reader(descriptor)
        os.close(descriptor)
        self._reap()

    def _reap(self) -> None:
        self.process.wait()
        self._reaped = True
        self._look()

    def _look(self) -> None:
        """After the leader: whoever is left is ended too, and looked for until nobody is."""
        if self.gone.done():
            return
        if not self._members():
            self._finish()
            return
        if self._signal is None:
            self.end()
        elif self._signal is signal.SIGKILL:
            self._send(signal.SIGKILL)  # who was forked between the look and the signal
        self._loop.call_later(POLL_MS / 1_000, self._look)

    def _finish(self) -> None:
        if self._kill_timer is not None:
            self._kill_timer.cancel()
        self._records.remove(self.pid)
        self.gone.set_result(self.process.returncode)

    def _give_up(self) -> None:
        """The record stays, so that the next start tries again."""
        if not self.gone.done():
            self.gone.set_result(-signal.SIGKILL if self.process.returncode is None else self.process.returncode)
