"""One daemon a home, whoever starts it and how often; and what a home that can't be served is told."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from agentclient import blocking
from agentclient.errors import DaemonSilentError
from support.daemon import Ran, RealDaemon
from support.skips import need
from support.waiting import until

HOLDER = """
import fcntl, os, sys, time
file = open(sys.argv[1], "w")
fcntl.flock(file, fcntl.LOCK_EX)
file.write(f"{os.getpid()}\\n")
file.flush()
print("held", flush=True)
sys.stdin.read()
"""


def second_run(daemon: RealDaemon) -> Ran:
    """`agentd run` on the same home, to its end."""
    done = subprocess.run(
        [sys.executable, "-m", "agentd", "run"],
        env=daemon.environment,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    return Ran(done.returncode, done.stdout, done.stderr)


def test_ten_clients_that_start_at_once_end_with_one_daemon(idle: RealDaemon) -> None:
    started = [idle.spawn("daemon", "start", "--json") for _ in range(10)]
    ends = [(client.communicate(timeout=60), client.returncode) for client in started]

    assert [code for _, code in ends] == [0] * 10, ends
    pids = {json.loads(out)["pid"] for (out, _), _ in ends}
    assert pids == {idle.pid}
    assert daemons_of(idle) == pids


def daemons_of(daemon: RealDaemon) -> set[int]:
    """Processes that run `agentd run` with this home in their environment."""
    wanted = f"AGENTD_HOME={daemon.home}".encode()
    found = set()
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if wanted in folder.joinpath("environ").read_bytes().split(b"\0") and b"agentd" in folder.joinpath(
                "cmdline"
            ).read_bytes().split(b"\0"):
                found.add(int(folder.name))
        except OSError:  # it has ended, or is somebody else's
            continue
    return found


def test_a_second_daemon_ends_and_names_the_first(daemon: RealDaemon) -> None:
    ran = second_run(daemon)

    assert (ran.code, ran.out) == (75, "")
    assert ran.err.startswith(f"agentd: another daemon holds this home (pid {daemon.pid})\n")
    assert daemon.agentctl("daemon", "status").code == 0


def test_what_a_killed_daemon_left_lying_about_stops_nobody(daemon: RealDaemon) -> None:
    first = daemon.connection
    daemon.kill()
    left = [Path(daemon.folders.run, name).exists() for name in ("connection.json", "agentd.sock", "agentd.lock")]
    status = daemon.agentctl("daemon", "status")
    ran = daemon.agentctl("daemon", "start", "--json")

    assert left == [True, True, True]
    assert status.code == 3
    assert ran.code == 0, ran.err
    second = daemon.connection
    assert ran.fields["pid"] == second.pid == daemon.pid != first.pid
    keys = {(it.server_public, it.client_public, it.client_secret) for it in (first, second)}
    assert len(keys) == 2


def test_a_lock_whose_holder_never_answers_is_told_with_its_pid_and_in_time(idle: RealDaemon) -> None:
    run = Path(idle.folders.run)
    run.mkdir(mode=0o700)
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(run / "agentd.lock")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(DaemonSilentError) as quick:
            blocking.connect("a test", environment=idle.environment, ready_ms=300)
        begun = time.monotonic()
        ran = idle.agentctl("daemon", "start")
        took = time.monotonic() - begun
        holder.kill()

    assert quick.value.pid == holder.pid
    assert ran.code == 3
    assert f"(pid {holder.pid}) does not answer" in ran.err
    assert f"kill {holder.pid}" in ran.err
    assert 9 < took < 15


def test_a_client_waits_for_a_daemon_that_is_just_coming_up(idle: RealDaemon) -> None:
    process = idle.process = idle.launch()
    until(lambda: idle.pid == process.pid, "the daemon holds its lock")
    ran = idle.agentctl("daemon", "start", "--json")

    assert (ran.code, ran.fields["pid"]) == (0, process.pid), ran.err


# -- homes that are refused --------------------------------------------------------------------------------------


def group_writable(idle: RealDaemon) -> Path:
    idle.home.chmod(0o770)
    return idle.home


def writable_data(idle: RealDaemon) -> Path:
    data = Path(idle.folders.data)
    data.mkdir()
    data.chmod(0o777)
    return data


def linked_state(idle: RealDaemon) -> Path:
    elsewhere = idle.root / "elsewhere"
    elsewhere.mkdir(mode=0o700)
    state = Path(idle.folders.state)
    state.symlink_to(elsewhere)
    return state


def foreign(idle: RealDaemon) -> Path:
    need(os.geteuid() == 0, "root, to give a folder to somebody else", "run the tests as root, in a container")
    os.chown(idle.home, 65534, 65534)
    return idle.home


@pytest.mark.parametrize(
    ("spoil", "words", "cure"),
    [
        (group_writable, "others can write to", "chmod"),
        (writable_data, "others can write to", "chmod"),
        (linked_state, "is a link", "rm "),
        (foreign, "belongs to somebody else", "chown"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_a_home_that_others_could_change_is_refused_with_its_cure(
    idle: RealDaemon, spoil: object, words: str, cure: str
) -> None:
    assert callable(spoil)
    path = spoil(idle)
    ran = second_run(idle)
    by_client = idle.agentctl("daemon", "start")

    assert ran.code == 78
    assert ran.err.startswith("agentd: ")
    assert str(path) in ran.err.splitlines()[0]
    assert words in ran.err.splitlines()[0]
    assert cure in ran.err.splitlines()[-1]
    assert "Traceback" not in ran.err
    assert by_client.code == 3
    assert not Path(idle.folders.run, "connection.json").exists()


def test_what_others_could_only_read_is_closed_to_them(idle: RealDaemon) -> None:
    settings = idle.settings("[turn]\nmax_steps = 9\n")
    settings.chmod(0o644)
    idle.start()

    assert settings.stat().st_mode & 0o777 == 0o600
    assert idle.home.stat().st_mode & 0o777 == 0o700
    status = idle.agentctl("daemon", "status", "--json").fields
    assert [str(settings) in str(notice) for notice in status["notices"]] == [True]  # type: ignore[attr-defined]
