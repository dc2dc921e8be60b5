"""A model that has to be waited for: the person sees why and for how long, and Ctrl-C ends it at once."""

from __future__ import annotations

import os
import pty
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.conversations import ended, state_of
from support.daemon import RealDaemon, real_daemon
from support.fake_model_server import HANGS_UP, FakeModelServer, Reply, failure, rate_limited, say
from support.waiting import until

AT_ONCE_S = 3.0
"""A second is promised; the rest is for the client's own end on a slow machine. The wait would be ten times as long."""


@pytest.fixture
def server() -> Iterator[FakeModelServer]:
    with FakeModelServer() as server:
        yield server


@pytest.fixture
def daemon(home: Path, server: FakeModelServer) -> Iterator[RealDaemon]:
    with real_daemon(home, started=False) as daemon:
        daemon.settings(f'[models.m]\nkind = "openai-chat"\nurl = "{server.url}"\nmodel = "m"\n')
        daemon.start()
        yield daemon


def read_until(descriptor: int, words: str, seconds: float = 20) -> str:
    """What is written to a descriptor, up to and with `words`."""
    seen, end = "", time.monotonic() + seconds
    while words not in seen:
        ready, _, _ = select.select([descriptor], [], [], max(0.0, end - time.monotonic()))
        assert ready, f"{words!r} did not come; this did: {seen!r}"
        data = os.read(descriptor, 65_536)
        assert data, f"it ended; this came: {seen!r}"
        seen += data.decode("utf-8", "replace")
    return seen


def the_session(daemon: RealDaemon) -> str:
    (row,) = daemon.agentctl("sessions", "list", "--json").rows
    return str(row["id"])


def test_in_a_pipe_the_wait_has_a_line_with_its_reason_and_ctrl_c_ends_it_at_once_with_130(
    daemon: RealDaemon, server: FakeModelServer
) -> None:
    server.script(rate_limited("30"), say("Too late."))
    with daemon.spawn("ask", "hi") as asking:
        assert asking.stderr is not None
        told = read_until(asking.stderr.fileno(), "\n")
        asking.send_signal(signal.SIGINT)
        before = time.monotonic()
        out, err = asking.communicate(timeout=20)
        took = time.monotonic() - before
    assert told.startswith("- rate limited: Rate limit reached (it asks to wait 30 s); asked again in 3")
    assert (asking.returncode, out) == (130, "")
    assert "Traceback" not in err
    assert err.splitlines()[-1].startswith("interrupted; go on: agentctl ask -s ")
    assert took < AT_ONCE_S
    assert ended(daemon, the_session(daemon)).stop == "interrupted"
    assert len(server.requests) == 3, "the question what it is (twice), and one call"


def test_on_a_terminal_the_time_that_is_left_runs_down(daemon: RealDaemon, server: FakeModelServer) -> None:
    server.script(rate_limited("30"), say("Too late."))
    leader, follower = pty.openpty()
    command = [sys.executable, "-m", "agentctl", "ask", "hi"]
    environment = {**daemon.environment, "TERM": "xterm"}
    with subprocess.Popen(
        command,
        stdin=follower,
        stdout=follower,
        stderr=follower,
        env=environment,
        cwd=daemon.user,
        start_new_session=True,
    ) as asking:
        os.close(follower)
        read_until(leader, "asking the model again in 30 s; Ctrl-C stops the turn")
        read_until(leader, "asking the model again in 29 s")
        asking.send_signal(signal.SIGINT)
        before = time.monotonic()
        rest = read_until(leader, "interrupted; go on")
        assert asking.wait(20) == 130
    os.close(leader)
    assert time.monotonic() - before < AT_ONCE_S
    assert "stopping the turn" in rest
    assert "asking the model again" not in rest.partition("stopping the turn")[2]


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        (rate_limited("1"), "rate limited: Rate limit reached (it asks to wait 1 s); asked again in 1."),
        (
            failure(503, {"error": {"code": 503, "message": "Loading model", "type": "unavailable_error"}}),
            "overloaded: Loading model; asked again in ",
        ),
        (failure(502, "<html><title>502 Bad Gateway</title></html>"), "overloaded: 502 Bad Gateway; asked again in "),
        (Reply([b"data: {}\n\n"]), "broken stream: "),
    ],
    ids=["429", "503", "a proxy's page", "half a stream"],
)
def test_what_passes_is_waited_for_with_a_line_and_the_answer_comes(
    daemon: RealDaemon, server: FakeModelServer, reply: Reply, words: str
) -> None:
    server.script(reply, say("Hello."))
    ran = daemon.agentctl("ask", "hi")
    assert (ran.code, ran.out) == (0, "Hello.\n")
    (line,) = ran.err.splitlines()
    assert line.startswith(f"- {words}")
    assert "asked again" in line


def test_a_kept_connection_that_the_server_closes_is_not_even_a_line(
    daemon: RealDaemon, server: FakeModelServer
) -> None:
    server.script(say("One."), HANGS_UP, say("Two."))
    first = daemon.agentctl("ask", "hi", "--json")
    second = daemon.agentctl("ask", "and?", "-s", str(first.fields["session"]))
    assert (second.code, second.out, second.err) == (0, "Two.\n", "")
    assert sum(request.method == "POST" for request in server.requests) == 3


def test_what_does_not_pass_is_told_once_with_what_to_do(daemon: RealDaemon, server: FakeModelServer) -> None:
    server.script(failure(401, {"error": {"message": "Incorrect API key provided", "code": "invalid_api_key"}}))
    ran = daemon.agentctl("ask", "hi")
    assert (ran.code, ran.out) == (1, "")
    assert "Incorrect API key provided" in ran.err
    assert "models.m.key" in ran.err
    assert len([request for request in server.requests if request.method == "POST"]) == 1


def test_a_wait_outlives_the_daemon_and_the_call_is_made_by_the_next_one(
    daemon: RealDaemon, server: FakeModelServer
) -> None:
    server.script(rate_limited("2"), say("At last."))
    started = daemon.agentctl("ask", "hi", "--background")
    id = started.out.strip()
    until(lambda: any(line["type"] == "model.broke" for line in daemon.lines(id)), "the call is refused", 15)
    daemon.restart()
    until(lambda: state_of(daemon, id) == "idle", "the turn ends", 30)
    assert (ended(daemon, id).stop, ended(daemon, id).text) == ("end", "At last.")
