"""The sweep: what a daemon that was killed with -9 left running is ended, and nobody else is ever touched."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest

from agentd.world import process_table
from agentd.world.process_table import Entry
from agentd.world.processes import RealProcesses
from agentd.world.records import Record, signal_process

# A daemon in small: runs three children, one of which ignores TERM and one of which left its group, and tells their ids.
DAEMON = """
import asyncio, sys
from agentd.world.doors import NoBox, Spawn
from agentd.world.processes import RealProcesses
SCRIPTS = ["echo $$; exec sleep 600", "trap '' TERM; echo $$; while :; do sleep 600; done",
           "set -m; sleep 600 >/dev/null & echo $$ $!; wait"]
async def main():
    processes = RealProcesses(sys.argv[1])
    say = lambda data: print(data.decode().strip(), flush=True)
    runs = [Spawn(argv=("bash", "-c", s), cwd="/", env={"PATH": "/usr/bin:/bin"}, box=NoBox(), timeout_ms=600_000,
                  label=f"call-{n}") for n, s in enumerate(SCRIPTS)]
    await asyncio.gather(*(processes.run(run, say) for run in runs))
asyncio.run(main())
"""


@contextmanager
def bystander() -> Iterator[subprocess.Popen[bytes]]:
    """Somebody else's process, leading a session of its own."""
    child = subprocess.Popen(["sleep", "600"], start_new_session=True)
    try:
        yield child
    finally:
        child.kill()
        child.wait()


def record(folder: Path, **fields: str | int) -> None:
    folder.mkdir(exist_ok=True)
    written = Record(**{"label": "", "machine": process_table.machine(), **fields})  # type: ignore[arg-type]
    (folder / str(written.pid)).write_bytes(msgspec.json.encode(written))


def start_of(pid: int) -> str:
    found = process_table.entry(pid)
    assert found is not None
    return found.start


def alive(pid: int) -> bool:
    found = process_table.entry(pid)
    return found is not None and not found.zombie


def test_what_a_killed_daemon_left_is_ended_at_the_next_start(home: Path) -> None:
    folder = home / "children"
    with bystander() as other:
        daemon = subprocess.Popen(
            [sys.executable, "-c", DAEMON, str(folder)], stdout=subprocess.PIPE, start_new_session=True
        )
        with daemon:
            assert daemon.stdout is not None
            pids = [int(word) for _ in range(3) for word in daemon.stdout.readline().split()]
            records = [msgspec.json.decode(path.read_bytes(), type=Record) for path in sorted(folder.iterdir())]
            daemon.kill()
        assert sorted(r.label for r in records) == ["call-0", "call-1", "call-2"]
        assert [alive(pid) for pid in pids] == [True] * 4
        assert RealProcesses(str(folder)).sweep() == 3
        assert [alive(pid) for pid in pids] == [False] * 4
        assert alive(other.pid)
    assert list(folder.iterdir()) == []
    assert RealProcesses(str(folder)).sweep() == 0


def test_an_id_that_was_given_anew_is_not_touched(home: Path) -> None:
    with bystander() as other:
        record(home / "children", pid=other.pid, start=str(int(start_of(other.pid)) - 1))
        assert (RealProcesses(f"{home}/children").sweep(), alive(other.pid)) == (0, True)
    assert list((home / "children").iterdir()) == []


def test_a_record_of_another_boot_is_not_believed(home: Path) -> None:
    with bystander() as other:
        record(home / "children", pid=other.pid, start=start_of(other.pid), machine="another boot")
        assert (RealProcesses(f"{home}/children").sweep(), alive(other.pid)) == (0, True)


def test_a_group_without_its_leader_is_ended_too(home: Path) -> None:
    leader = subprocess.Popen(
        ["sh", "-c", "sleep 600 >/dev/null & echo $!; read _"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    with leader:
        assert leader.stdout is not None
        left = int(leader.stdout.readline())
        record(home / "children", pid=leader.pid, start=start_of(leader.pid))
    assert alive(left)
    assert (RealProcesses(f"{home}/children").sweep(), alive(left)) == (1, False)


@pytest.mark.parametrize("content", [b"", b"   ", b'{"pid": 1', b"[1]", b'{"pid": "x"}', b"\xff"])
def test_a_record_that_cannot_be_read_is_thrown_away(home: Path, content: bytes) -> None:
    (home / "children").mkdir()
    (home / "children" / ".0123").write_bytes(content)
    assert RealProcesses(f"{home}/children").sweep() == 0
    assert list((home / "children").iterdir()) == []


def test_no_folder_of_records_is_no_fault(home: Path) -> None:
    assert RealProcesses(f"{home}/none").sweep() == 0


def test_a_signal_reaches_only_the_process_that_was_meant() -> None:
    with bystander() as other:
        found = process_table.entry(other.pid)
        assert found is not None
        signal_process(Entry(found.pid, found.group, found.session, "1", False), signal.SIGKILL)
        assert alive(other.pid)
        signal_process(found, signal.SIGTERM)
        assert other.wait(10) == -signal.SIGTERM
        signal_process(found, signal.SIGTERM)


def test_a_process_of_somebody_else_that_may_not_be_signalled_is_left(home: Path) -> None:
    """Process 1 is not ours unless we are root; for root the kernel protects it. Either way nothing is raised."""
    first = process_table.entry(1)
    assert first is not None
    signal_process(first, signal.Signals(signal.SIGCONT))
    assert os.path.exists("/proc/1")
