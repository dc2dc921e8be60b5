"""`agentctl daemon`: condition, stop, logs; nothing is started by asking."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from pathlib import Path

from agentclient.testing import Call, DoubleDaemon
from agentproto.api import daemon
from clients.scene import Ran, ctl, double, environment


def test_the_condition_as_json_has_the_documented_fields(home: Path) -> None:
    with double(home):
        found = json.loads(ctl(home, "daemon", "status", "--json").out)
    assert {name: found[name] for name in ("pid", "version", "home", "endpoint", "sandbox", "model", "sessions")} == {
        "pid": os.getpid(),
        "version": "0.1.0",
        "home": str(home),
        "endpoint": f"ipc://{home}/run/agentd.sock",
        "sandbox": "none",
        "model": "offline",
        "sessions": 0,
    }


def test_the_condition_for_people_says_that_there_is_no_sandbox(home: Path) -> None:
    with double(home):
        lines = ctl(home, "daemon", "status").out.splitlines()
    assert lines[0] == f"agentd runs (pid {os.getpid()})"
    assert "  sandbox       NONE: tools run with your own rights" in lines


def test_no_daemon_is_exit_3_and_none_is_started(home: Path) -> None:
    assert ctl(home, "daemon", "status") == Ran(
        3, "", f"error: no daemon is running\n  why: Nobody answers for {home}/run.\n   do: agentctl daemon start\n"
    )
    assert list(home.iterdir()) == []


def test_stopping_waits_until_it_is_gone(home: Path) -> None:
    ending: list[threading.Thread] = []

    def stop(call: Call) -> daemon.StopResult:
        ending.append(threading.Timer(0.2, served.stop))
        ending[0].start()
        return daemon.StopResult(2)

    served: DoubleDaemon = double(home, {"daemon.stop": stop})
    served.start()
    ran = ctl(home, "daemon", "stop")
    gone = not os.path.exists(f"{home}/run/connection.json")
    ending[0].join()
    assert (ran, gone) == (
        Ran(
            0,
            "",
            f"2 turns were paused; they go on when the daemon runs again\nstopped (pid {os.getpid()})\n",
        ),
        True,
    )
    params = served.calls[0].params
    assert isinstance(params, daemon.StopParams)
    assert params.drain


def test_stopping_what_does_not_run_is_no_error(home: Path) -> None:
    assert ctl(home, "daemon", "stop") == Ran(0, "", "no daemon is running\n")


def test_logs_are_read_without_a_daemon(home: Path) -> None:
    assert ctl(home, "daemon", "logs").code == 1
    (home / "state").mkdir()
    (home / "state" / "agentd.log").write_text("one\ntwo\nthr\x1bee\n")
    assert ctl(home, "daemon", "logs", "-n", "2") == Ran(0, "two\nthr\\x1bee\n", "")


def test_following_the_log_survives_its_rotation(home: Path) -> None:
    (home / "state").mkdir()
    log = home / "state" / "agentd.log"
    log.write_text("one\n")
    running = subprocess.Popen(
        [sys.executable, "-m", "agentctl", "daemon", "logs", "-f"],
        stdout=subprocess.PIPE,
        env=environment(home),
        text=True,
    )
    assert running.stdout is not None
    assert running.stdout.readline() == "one\n"
    with log.open("a") as file:
        file.write("two\n")
    assert running.stdout.readline() == "two\n"
    (home / "next").write_text("three\n")
    os.rename(home / "next", log)
    assert running.stdout.readline() == "three\n"
    running.terminate()
    running.wait(30)
    running.stdout.close()
