"""Find the daemon of a home, and start it when none runs: ten clients that start at once end with one daemon.

    connection.json answers within 200 ms                                 -> that one
    else, holding run/start.lock (so that only one client is here):
        agentd.lock is held    -> a daemon lives: wait up to 10 s for its answer or its end, then name its pid
        agentd.lock is free    -> start one, wait until it answers (10 s), or show why it ended

How to ask for an answer is the caller's (`attempt`), so that both pumps share this. The daemon's lock is probed only
under the start lock, and only for a moment, so that the probe can't be what keeps a daemon from starting.
"""

from __future__ import annotations

import fcntl
import os
import pwd
import stat
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TypeVar

from agentclient.errors import DaemonSilentError, DaemonStartError, HomeError, NoDaemonError
from agentclient.starting import DAEMON_COMMAND, is_alive, launch, log_size, log_tail
from agentproto.endpoints import CONNECTION_FILE, LOCK_FILE, START_LOCK_FILE, Connection, read_connection
from agentproto.errors import RemoteProtocolError
from agentproto.homes import LOG_FILE, Folders, is_ours, locate

__all__ = ["ANSWER_MS", "READY_MS", "Attempt", "find", "folders_of", "lock_holder", "read", "stamp"]

T = TypeVar("T")
Attempt = Callable[[Connection, int], T | None]
"""Say hello to a connection and wait so many milliseconds for a welcome; None when none came."""

ANSWER_MS = 200
"""A daemon at rest answers in 2 ms; 200 ms without an answer is a daemon that died or is stuck."""
READY_MS = 10_000
"""A cold start takes half a second; ten are for a slow disk with many sessions to look at."""
_LONGEST_MS = 1600
_STEP_S = 0.01


def folders_of(environment: Mapping[str, str]) -> Folders:
    """The folders of the home that `environment` names, on this machine."""
    return locate(
        environment,
        platform=sys.platform,
        cwd=os.getcwd() if environment.get("AGENTD_HOME") else "/",
        account_home=lambda: pwd.getpwuid(os.getuid()).pw_dir,
        real=os.path.realpath,
        ours=_ours,
    )


def _ours(path: str) -> bool:
    try:
        seen = os.lstat(path)
    except OSError:
        return False
    return is_ours(
        folder=stat.S_ISDIR(seen.st_mode), owner=seen.st_uid, mode=stat.S_IMODE(seen.st_mode), uid=os.geteuid()
    )


def read(folders: Folders) -> Connection | None:
    """The connection file, or None when there is none. HomeError when it is not ours to trust or can't be read."""
    path = f"{folders.run}/{CONNECTION_FILE}"
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    except OSError as fault:
        raise HomeError(
            f"{path} can't be opened", why=str(fault.strerror), remedy=f"Look at it: ls -l {path}"
        ) from None
    try:
        owner = os.fstat(descriptor).st_uid
        data = os.read(descriptor, 65536)
    finally:
        os.close(descriptor)
    if owner != os.geteuid():
        raise HomeError(
            f"{path} belongs to another user (uid {owner})",
            why="A connection file of somebody else could lead anywhere.",
            remedy=f"Remove the folder {folders.run} or choose another AGENTD_HOME.",
        )
    try:
        return read_connection(data)
    except RemoteProtocolError as fault:
        raise HomeError(f"{path} can't be understood", why=fault.message, remedy="agentctl daemon restart") from None


def stamp(folders: Folders) -> tuple[int, int] | None:
    """What tells one daemon's connection file from the next one's; None when there is none."""
    try:
        seen = os.stat(f"{folders.run}/{CONNECTION_FILE}")
    except OSError:
        return None
    return seen.st_ino, seen.st_mtime_ns


def lock_holder(folders: Folders) -> tuple[bool, int | None]:
    """Whether a daemon holds this home, and the pid it wrote down (None: nobody does, or it can't be read)."""
    try:
        descriptor = os.open(f"{folders.run}/{LOCK_FILE}", os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return False, None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        said = os.read(descriptor, 64).split()
        return True, int(said[0]) if said and said[0].isdigit() else None
    else:
        return False, None
    finally:
        os.close(descriptor)


def find(
    folders: Folders,
    attempt: Attempt[T],
    *,
    environment: Mapping[str, str],
    start: bool = True,
    patience_ms: int = 0,
    ready_ms: int = READY_MS,
    command: Sequence[str] = DAEMON_COMMAND,
) -> T:
    """What `attempt` made of the daemon's connection. NoDaemonError (or a child of it) when there is none to be had.

    With `start` false none is started; one that is just coming up is waited for during `patience_ms`. `ready_ms`: how
    long one that holds the home, or was started here, may take to answer.
    """
    connection = read(folders)
    if connection is not None:
        found = attempt(connection, ANSWER_MS)
        if found is not None:
            return found
    if not start:
        return _without_starting(folders, attempt, patience_ms, ready_ms)
    deadline = _now_ms() + ready_ms
    with _start_lock(folders, deadline + READY_MS):
        latest = read(folders)
        if latest is not None and latest != connection:
            found = attempt(latest, ANSWER_MS)
            if found is not None:
                return found
        held, pid = lock_holder(folders)
        if held:
            found = _await(folders, attempt, deadline, None, lambda: lock_holder(folders)[0])
            if found is not None:
                return found
            if lock_holder(folders)[0]:
                raise _silent(folders, pid, ready_ms)
            latest = read(folders)  # it was ending, and has ended
        return _start(folders, attempt, latest, environment, command, ready_ms)


def _start(
    folders: Folders,
    attempt: Attempt[T],
    stale: Connection | None,
    environment: Mapping[str, str],
    command: Sequence[str],
    ready_ms: int,
) -> T:
    _make(folders.state)
    logged = log_size(folders)
    pid = launch(folders, environment, command)
    # A daemon that a service manager started a moment earlier wins the lock; ours then ends, and theirs is waited for.
    found = _await(folders, attempt, _now_ms() + ready_ms, stale, lambda: is_alive(pid) or lock_holder(folders)[0])
    if found is not None:
        return found
    said = log_tail(folders, logged)
    if is_alive(pid):
        what = f"the daemon (pid {pid}) was started but did not answer within {ready_ms / 1000:g} s"
    else:
        what = "the daemon was started and ended at once"
    raise DaemonStartError(
        what,
        why=said or f"It wrote nothing to {folders.state}/{LOG_FILE}.",
        remedy="Mend what it says, then: agentctl daemon start",
    )


def _await(
    folders: Folders, attempt: Attempt[T], deadline: int, stale: Connection | None, hope: Callable[[], bool]
) -> T | None:
    """Try until the deadline, each time with more patience, as long as there is hope. A stale file is no daemon."""
    patience = ANSWER_MS
    looked = 0
    while (left := deadline - _now_ms()) > 0:
        connection = read(folders)
        if connection is not None and connection != stale:
            found = attempt(connection, min(patience, left))
            if found is not None:
                return found
            patience = min(patience * 2, _LONGEST_MS)
        else:
            time.sleep(_STEP_S)
        looked += 1
        if looked % 5 == 0 and not hope():
            return None
    return None


def _without_starting(folders: Folders, attempt: Attempt[T], patience_ms: int, ready_ms: int) -> T:
    held, pid = lock_holder(folders)
    deadline = _now_ms() + (ready_ms if held else patience_ms)
    found = _await(folders, attempt, deadline, None, lambda: True)
    if found is not None:
        return found
    if held:
        raise _silent(folders, pid, ready_ms)
    raise NoDaemonError(
        "no daemon is running", why=f"Nobody answers for {folders.run}.", remedy="agentctl daemon start"
    )


def _silent(folders: Folders, pid: int | None, ready_ms: int) -> DaemonSilentError:
    return DaemonSilentError(
        f"the daemon (pid {pid if pid is not None else 'unknown'}) does not answer",
        why=f"It holds {folders.run}/{LOCK_FILE}, but nothing came within {ready_ms / 1000:g} s.",
        remedy=f"Look at {folders.state}/{LOG_FILE}; if it is stuck: kill {pid if pid is not None else 'PID'}",
        pid=pid,
    )


@contextmanager
def _start_lock(folders: Folders, deadline: int) -> Iterator[None]:
    """Hold `start.lock`. Whoever held it before us has a daemon ready, or failed."""
    _make(folders.run)
    path = f"{folders.run}/{START_LOCK_FILE}"
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except OSError as fault:
        raise HomeError(f"{path} can't be opened", why=str(fault.strerror), remedy="agentctl doctor") from None
    try:
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if _now_ms() >= deadline:
                    raise NoDaemonError(
                        "another client is starting the daemon and does not finish",
                        why=f"It has held {path} for {2 * READY_MS // 1000} s.",
                        remedy="agentctl doctor",
                    ) from None
                time.sleep(_STEP_S)
        yield
    finally:
        os.close(descriptor)


def _make(folder: str) -> None:
    try:
        os.makedirs(folder, mode=0o700, exist_ok=True)
    except OSError as fault:
        raise HomeError(
            f"the folder {folder} can't be made", why=str(fault.strerror), remedy="Check the rights of its parent."
        ) from None


def _now_ms() -> int:
    return time.monotonic_ns() // 1_000_000
