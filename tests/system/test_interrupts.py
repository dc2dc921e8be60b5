"""An interrupt stops tokens and children at once, is recorded, and what had come is kept."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from agentclient.keys import new_key
from agentclient.starting import is_alive
from agentproto.api import turn
from support.conversations import ended, events_of, follow, start
from support.daemon import RealDaemon, real_daemon
from support.waiting import until

LONG = " ".join(f"word{number}" for number in range(2_000))
AT_ONCE_S = 1.0
"""The promise is 250 ms; the rest is for two clients' starts on a slow machine."""


@pytest.fixture
def daemon(home: Path) -> Iterator[RealDaemon]:
    """The model `slow` speaks for twenty seconds."""
    with real_daemon(home, started=False) as daemon:
        daemon.settings('[models]\nuse = "slow"\n' + daemon.model("slow", {"text": LONG, "piece_ms": 10}, loop=True))
        daemon.start()
        yield daemon


def logs(daemon: RealDaemon) -> bytes:
    return b"".join(path.read_bytes() for path in Path(daemon.folders.data).glob("sessions/*/*/*/log.jsonl"))


def test_ctrl_c_ends_the_ask_with_130_and_the_turn_as_interrupted(daemon: RealDaemon, workspace: Path) -> None:
    with daemon.spawn("ask", "go", cwd=workspace) as asking:
        until(lambda: b'"type":"partial"' in logs(daemon), "some of the answer is kept")
        asking.send_signal(signal.SIGINT)
        out, err = asking.communicate(timeout=15)
    (row,) = daemon.agentctl("sessions", "list", "--json").rows
    end = ended(daemon, str(row["id"]))
    replied = [body for name, body in events_of(daemon, str(row["id"])) if name == "step.replied"]

    assert asking.returncode == 130
    assert "agentctl ask -s" in err
    assert LONG.startswith(out.strip())
    assert out.startswith("word0 word1 ")
    assert (end.stop, len(replied), replied[0]["interrupted"]) == ("interrupted", 1, True)
    items = replied[0]["items"]
    assert isinstance(items, list)
    (item,) = items
    assert LONG.startswith(item["text"])
    assert item["text"].startswith("word0 word1 ")
    assert daemon.agentctl("ask", "again", "-s", str(row["id"]), "--background", cwd=workspace).code == 0


def test_tokens_stop_within_their_limit(daemon: RealDaemon, workspace: Path) -> None:
    with daemon.client() as client:
        begun = start(client, "go", workspace, subscribe=True)
        follow(client, "turn.delta")
        before = time.monotonic()
        stopped = client.call(
            "turn.interrupt", turn.InterruptParams(key=new_key(), session=begun.session), turn.InterruptResult
        )
        heard = follow(client, "turn.finished")
        took = time.monotonic() - before

    assert stopped.interrupted
    assert heard[-1][1]["stop"] == "interrupted"
    assert took < AT_ONCE_S


def test_a_command_and_its_children_are_killed_within_their_limit(daemon: RealDaemon, workspace: Path) -> None:
    files = [workspace / "pid", workspace / "child"]
    command = "trap '' TERM; echo $$ > pid; sleep 1000 & echo $! > child; wait; wait"
    with daemon.client() as client:
        begun = start(client, f"run: {command}", workspace, model="offline", allow=["shell"], subscribe=True)
        until(lambda: all(file.exists() and file.read_text().strip() for file in files), "the command runs")
        pids = [int(file.read_text()) for file in files]
        before = time.monotonic()
        client.call("turn.interrupt", turn.InterruptParams(key=new_key(), session=begun.session), turn.InterruptResult)
        heard = follow(client, "turn.finished")
        took = time.monotonic() - before

    assert [is_alive(pid) for pid in pids] == [False, False]
    assert took < AT_ONCE_S
    assert heard[-1][1]["stop"] == "interrupted"
    (done,) = [body for name, body in heard if name == "tool.finished"]
    assert done["status"] == "interrupted"


def test_an_interrupt_closes_an_open_question(daemon: RealDaemon, workspace: Path) -> None:
    with daemon.client() as client:
        begun = start(client, "run: touch made.txt", workspace, model="offline", subscribe=True)
        follow(client, "question.opened")
        client.call("turn.interrupt", turn.InterruptParams(key=new_key(), session=begun.session), turn.InterruptResult)
        heard = follow(client, "turn.finished")

    assert [body["decision"] for name, body in heard if name == "question.answered"] == ["closed"]
    assert heard[-1][1]["stop"] == "interrupted"
    assert daemon.agentctl("pending", "--json").rows == []
    assert not (workspace / "made.txt").exists()


def test_interrupting_where_nothing_runs_does_nothing(daemon: RealDaemon, workspace: Path) -> None:
    with daemon.client() as client:
        begun = start(client, "what is in README.md?", workspace, model="offline")
        ended(daemon, begun.session)
        before = events_of(daemon, begun.session)
        stopped = client.call(
            "turn.interrupt", turn.InterruptParams(key=new_key(), session=begun.session), turn.InterruptResult
        )

    assert not stopped.interrupted
    assert events_of(daemon, begun.session) == before


def test_an_interrupt_holds_over_kill_9(daemon: RealDaemon, workspace: Path) -> None:
    """Interrupted, killed before the end could be recorded or after it: the next start never speaks on."""
    with daemon.client() as client:
        begun = start(client, "go", workspace, subscribe=True)
        follow(client, "turn.delta")
        ticket = client.send("turn.interrupt", turn.InterruptParams(key=new_key(), session=begun.session))
        daemon.restart()
        result = client.receive(ticket, turn.InterruptResult)
    end = ended(daemon, begun.session)

    assert (result.interrupted, end.stop) == (True, "interrupted")
