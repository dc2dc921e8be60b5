"""An answer that a server cuts, a server that goes away, and a stand-in: what a person at the command line gets."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.daemon import RealDaemon, real_daemon
from support.fake_model_server import Break, FakeModelServer, Reply, chunk, failure, say
from support.waiting import until


@pytest.fixture
def server() -> Iterator[FakeModelServer]:
    with FakeModelServer() as server:
        yield server


def connection(name: str, server: FakeModelServer, more: str = "") -> str:
    return f'[models.{name}]\nkind = "openai-chat"\nurl = "{server.url}"\nmodel = "fake"\n{more}\n'


@pytest.fixture
def daemon(home: Path, server: FakeModelServer) -> Iterator[RealDaemon]:
    with real_daemon(home, started=False) as daemon:
        daemon.settings(
            '[models]\nuse = "far"\n'
            + connection("far", server, 'fallback = ["gone", "near"]')
            + connection("gone", server)
            + '[models.near]\nkind = "offline"\n'
        )
        daemon.start()
        yield daemon


def test_an_answer_that_is_cut_twice_is_one_answer_on_stdout(
    daemon: RealDaemon, server: FakeModelServer, workspace: Path
) -> None:
    server.script(say("It is ", finish="length"), say("the same ans", finish="length"), say("wer."))
    ran = daemon.agentctl("ask", "go", cwd=workspace)
    assert (ran.code, ran.out) == (0, "It is the same answer.\n")
    (row,) = daemon.agentctl("sessions", "list", "--json").rows
    assert "identical" in daemon.agentctl("sessions", "replay", str(row["id"])).out


def test_a_server_that_dies_in_the_middle_is_waited_for_and_the_turn_goes_on(
    daemon: RealDaemon, server: FakeModelServer, workspace: Path
) -> None:
    server.script(Reply([chunk({"content": "half an "}), Break()]), say("A whole answer."))
    ran = daemon.agentctl("ask", "go", cwd=workspace)
    assert ran.code == 0
    assert ran.out.endswith("A whole answer.\n")
    assert "broken stream: " in ran.err


def test_the_stand_in_goes_on_and_says_so(daemon: RealDaemon, server: FakeModelServer, workspace: Path) -> None:
    missing = failure(404, {"error": {"message": "no such model", "code": "model_not_found"}})
    server.script(missing, missing)
    ran = daemon.agentctl("ask", "which file is there?", cwd=workspace)
    assert ran.code == 0, ran.err
    assert "not found: no such model; gone goes on" in ran.err
    assert "not found: no such model; near goes on" in ran.err
    assert [request.json["model"] for request in server.requests if request.method == "POST"] == ["fake"] * 2


def test_a_local_server_that_crashes_in_the_middle_and_comes_back_finishes_the_turn(
    home: Path, workspace: Path
) -> None:
    """Ollama's own protocol; the session is the same, and nothing is said twice."""
    with real_daemon(home, started=False) as daemon:
        with FakeModelServer() as server:
            port = int(server.origin.rpartition(":")[2])
            daemon.settings(f'[models.local]\nkind = "ollama"\nurl = "{server.origin}"\nmodel = "fake"\n')
            daemon.start()
            half = b'{"message": {"role": "assistant", "content": "half an "}, "done": false}\n'
            server.script(Reply([half, Break()]))
            asked = daemon.spawn("ask", "go", "--json", cwd=workspace)
            until(
                lambda: any(request.method == "POST" and "chat" in request.path for request in server.requests),
                "a call",
            )
        until(lambda: "network" in [line.get("failure") for line in lines_of(daemon)], "nobody is there")
        with FakeModelServer(port=port) as server:
            ended = b'{"message": {"role": "assistant", "content": ""}, "done": true, "done_reason": "stop", '
            counted = b'"prompt_eval_count": 10, "eval_count": 5}\n'
            whole = b'{"message": {"role": "assistant", "content": "A whole answer."}, "done": false}\n'
            server.script(Reply([whole, ended + counted], headers={"content-type": "application/x-ndjson"}))
            out, err = asked.communicate(timeout=60)
    assert asked.returncode == 0, err
    said = json.loads(out)
    assert (said["text"], said["stop_reason"]) == ("A whole answer.", "end")


def lines_of(daemon: RealDaemon) -> list[dict[str, object]]:
    (row,) = daemon.agentctl("sessions", "list", "--json").rows
    return daemon.lines(str(row["id"]))
