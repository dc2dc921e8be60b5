"""The record of running children, and the sweep that ends what a killed daemon left behind.

Theory. Each child leads a session of its own, so its process id is also the id of its group and session, and the
kernel gives that number to nobody else while a member is left. `run/children/<id>` holds id, start time and boot as
long as the child runs. At the next start a recorded session is ended unless its id now belongs to a process of another
start time: then the number was given anew, so nobody of the old session is left.

A process is signalled through a descriptor of itself (pidfd) after its start time was compared once more, so a number
that is given anew between look and signal is never hit. Used by `agentd.world.groups` and `agentd.world.processes`.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Iterable

import msgspec

from agentd.world import process_table
from agentd.world.disk_errors import at_path
from agentd.world.process_table import Entry

__all__ = ["GIVE_UP_MS", "GRACE_MS", "POLL_MS", "Record", "Records", "Reservation", "signal_process"]

GRACE_MS = 200
"""Between TERM and KILL: long enough for git to remove its lock file, short enough for an interrupt within 250 ms."""

GIVE_UP_MS = 5_000
"""A process that KILL has not ended by then hangs in the kernel; waiting longer would hang its caller too."""

POLL_MS = 5
"""Between two looks whether a session is gone: nothing tells when the last process of somebody else's child ends."""

# A record is written over this many spaces, so that a full disk is met before the child runs, not after.
_ROOM = 1_024


class Record(msgspec.Struct, frozen=True):
    """What is written of a running child. `label` says who asked for it."""

    pid: int
    start: str
    machine: str
    label: str


class Reservation:
    """Room on disk for the record of a child that is about to be started."""

    __slots__ = ("_folder", "_path")

    def __init__(self, folder: str, path: str) -> None:
        self._folder = folder
        self._path = path

    def fill(self, pid: int, label: str, machine: str) -> None:
        """Record the child. One that is gone already needs no record."""
        found = process_table.entry(pid)
        if found is None:
            self.give_up()
            return
        content = msgspec.json.encode(Record(pid, found.start, machine, label[:100]))
        try:
            descriptor = os.open(self._path, os.O_WRONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
            try:
                os.write(descriptor, content)
            finally:
                os.close(descriptor)
            os.rename(self._path, f"{self._folder}/{pid}")
        except OSError:
            # Somebody took the folder away meanwhile. The child runs already and its caller has to hear how it ends;
            # all that is lost is the sweep, should this daemon be killed before then.
            return

    def give_up(self) -> None:
        try:
            os.unlink(self._path)
        except FileNotFoundError:
            return


class Records:
    """The folder of records. Nothing is synced: a reboot, which alone could lose them, ends the children too."""

    __slots__ = ("_folder", "_machine")

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._machine = ""

    def reserve(self) -> Reservation:
        """Before a child is started; `DiskError` when its record could not be kept."""
        with at_path(self._folder, "record a child in"):
            os.makedirs(self._folder, mode=0o700, exist_ok=True)
            path = f"{self._folder}/.{os.urandom(8).hex()}"
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
            descriptor = os.open(path, flags, 0o600)
            try:
                os.write(descriptor, b" " * _ROOM)
            except OSError:
                os.unlink(path)
                raise
            finally:
                os.close(descriptor)
            return Reservation(self._folder, path)

    def machine(self) -> str:
        self._machine = self._machine or process_table.machine()
        return self._machine

    def remove(self, pid: int) -> None:
        try:
            os.unlink(f"{self._folder}/{pid}")
        except FileNotFoundError:
            pass

    def sweep(self) -> int:
        """End every recorded session that still runs; how many there were. Blocks for the grace time if there are any."""
        try:
            names = sorted(os.listdir(self._folder))
        except FileNotFoundError:
            return 0
        left = []
        for name in names:
            record = self._read(name)
            if record is not None and record.machine == self.machine() and _still_ours(record):
                left.append(record.pid)
        _end(left)
        for name in names:
            os.unlink(f"{self._folder}/{name}")
        return len(left)

    def _read(self, name: str) -> Record | None:
        try:
            with open(f"{self._folder}/{name}", "rb") as file:
                return msgspec.json.decode(file.read(), type=Record)
        except (OSError, msgspec.MsgspecError):
            return None  # reserved and not filled: the daemon was killed before or while it started the child


def signal_process(target: Entry, number: signal.Signals) -> None:
    """Signal exactly this process; nothing happens when it has ended or may not be signalled by us."""
    try:
        if sys.platform != "linux":
            if process_table.entry(target.pid) == target:
                os.kill(target.pid, number)
            return
        descriptor = os.pidfd_open(target.pid)
        try:
            now = process_table.entry(target.pid)
            if now is not None and now.start == target.start:
                signal.pidfd_send_signal(descriptor, number)
        finally:
            os.close(descriptor)
    except (ProcessLookupError, PermissionError):
        return


def _still_ours(record: Record) -> bool:
    leader = process_table.entry(record.pid)
    if leader is not None and leader.start != record.start:
        return False
    return bool(process_table.members(record.pid))


def _end(sessions: Iterable[int]) -> None:
    waiting = list(sessions)
    for number, wait_ms in ((signal.SIGTERM, GRACE_MS), (signal.SIGKILL, GIVE_UP_MS)):
        until = time.monotonic() + wait_ms / 1_000
        _signal_all(waiting, number)
        while waiting and time.monotonic() < until:
            time.sleep(POLL_MS / 1_000)
            waiting = [session for session in waiting if process_table.members(session)]
            if number == signal.SIGKILL:
                _signal_all(waiting, number)  # who was forked between the look and the signal


def _signal_all(sessions: Iterable[int], number: signal.Signals) -> None:
    for session in sessions:
        for member in process_table.members(session):
            signal_process(member, number)
