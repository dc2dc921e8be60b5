"""Finding a daemon, and starting one: whatever happened before, the client ends with one daemon or with the reason."""

from __future__ import annotations

import fcntl
import os
import select
import signal
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from agentclient import discover
from agentclient.blocking import connect
from agentclient.errors import DaemonSilentError, DaemonStartError, HomeError, NoDaemonError
from agentclient.testing import DoubleDaemon
from agentproto.api import daemon
from agentproto.endpoints import Connection
from clients.scene import double, environment, folders

RUN_DOUBLE = (sys.executable, "-P", "-m", "agentclient.testing")


def status(home: Path, **more: object) -> daemon.StatusResult:
    with connect("test", environment=environment(home), **more) as client:  # type: ignore[arg-type]
        return client.call("daemon.status", daemon.StatusParams(), daemon.StatusResult)


def kill(pid: int, number: int) -> None:
    watch = os.pidfd_open(pid)
    os.kill(pid, number)
    assert select.select([watch], [], [], 20)[0], f"{pid} does not end"
    os.close(watch)


def end(pid: int) -> None:
    """End a daemon that a test started, and wait for it."""
    kill(pid, signal.SIGTERM)


def test_a_running_daemon_is_found(home: Path) -> None:
    with double(home):
        assert status(home, start=False).pid == os.getpid()


def test_none_is_started_when_that_is_not_wanted(home: Path) -> None:
    with pytest.raises(NoDaemonError) as caught:
        status(home, start=False)
    assert (caught.value.what, caught.value.remedy) == ("no daemon is running", "agentctl daemon start")


def test_one_is_started_when_none_runs(home: Path) -> None:
    pid = status(home, command=RUN_DOUBLE).pid
    try:
        assert pid != os.getpid()
        assert status(home, command=("/bin/false",)).pid == pid, "the second client found it"
    finally:
        end(pid)


def test_ten_clients_at_once_end_with_one_daemon(home: Path) -> None:
    with ThreadPoolExecutor(10) as pool:
        found = [job.result() for job in [pool.submit(status, home, command=RUN_DOUBLE) for _ in range(10)]]
    pids = {one.pid for one in found}
    for pid in pids:
        end(pid)
    assert len(pids) == 1


def test_a_killed_daemon_is_replaced_although_its_file_is_still_there(home: Path) -> None:
    first = status(home, command=RUN_DOUBLE).pid
    kill(first, signal.SIGKILL)
    assert os.path.exists(f"{home}/run/connection.json")
    second = status(home, command=RUN_DOUBLE).pid
    try:
        assert second != first
    finally:
        end(second)


def test_a_daemon_that_ends_at_once_shows_the_end_of_its_log(home: Path) -> None:
    with pytest.raises(DaemonStartError) as caught:
        status(home, command=(*RUN_DOUBLE, "fail"))
    assert (caught.value.what, caught.value.why) == (
        "the daemon was started and ended at once",
        "agentd: the settings file is damaged",
    )


def test_a_daemon_that_holds_the_lock_and_is_silent_is_named_after_a_while(home: Path) -> None:
    with double(home) as silent:
        silent.fall_silent()
        with pytest.raises(DaemonSilentError) as caught:
            status(home, command=("/bin/false",), ready_ms=400)
    assert caught.value.pid == os.getpid()
    assert f"kill {os.getpid()}" in caught.value.remedy


def test_a_daemon_that_is_just_coming_up_is_waited_for(home: Path) -> None:
    where = folders(home)
    os.makedirs(where.run, mode=0o700)
    late = double(home)
    tries: list[Connection | None] = []

    def attempt(connection: Connection, wait_ms: int) -> str:
        tries.append(connection)
        return connection.daemon

    with ThreadPoolExecutor(1) as pool:
        descriptor = os.open(f"{where.run}/agentd.lock", os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        finding = pool.submit(discover.find, where, attempt, environment={}, command=("/bin/false",))
        os.close(descriptor)  # the double takes the lock over
        with late:
            assert finding.result() == "d-double"


@pytest.mark.parametrize("content", [b"", b"{}", b'{"endpoint":', b"\xff"])
def test_a_connection_file_that_can_not_be_understood_is_named(home: Path, content: bytes) -> None:
    os.makedirs(f"{home}/run")
    Path(f"{home}/run/connection.json").write_bytes(content)
    with pytest.raises(HomeError, match=r"connection\.json can't be understood"):
        discover.read(folders(home))


def test_a_link_in_place_of_the_connection_file_is_refused(home: Path) -> None:
    os.makedirs(f"{home}/run")
    os.symlink("/etc/passwd", f"{home}/run/connection.json")
    with pytest.raises(HomeError, match="can't be opened"):
        discover.read(folders(home))


def test_a_home_that_can_not_be_made_is_named(home: Path) -> None:
    (home / "file").write_text("")
    with pytest.raises(HomeError, match="can't be opened"):
        status(home / "file")


def test_the_lock_tells_its_holder(home: Path) -> None:
    where = folders(home)
    assert discover.lock_holder(where) == (False, None)
    with double(home):
        assert discover.lock_holder(where) == (True, os.getpid())
    assert discover.lock_holder(where) == (False, None)


def test_a_second_double_is_turned_away(home: Path) -> None:
    with double(home), pytest.raises(SystemExit) as caught:
        DoubleDaemon(folders(home)).start()
    assert caught.value.code == 75


def test_the_stamp_changes_with_each_daemon(home: Path) -> None:
    where = folders(home)
    assert discover.stamp(where) is None
    with double(home):
        first = discover.stamp(where)
    with double(home):
        assert discover.stamp(where) not in (first, None)
