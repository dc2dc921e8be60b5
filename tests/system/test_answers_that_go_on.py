"""An answer that a server cuts, a server that goes away, and a stand-in: what a person at the command line gets."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from support.daemon import RealDaemon, real_daemon
from support.fake_model_server import Break, FakeModelServer, Reply, chunk, failure, say


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
    assert "broken_stream: " in ran.err


def test_the_stand_in_goes_on_and_says_so(daemon: RealDaemon, server: FakeModelServer, workspace: Path) -> None:
    missing = failure(404, {"error": {"message": "no such model", "code": "model_not_found"}})
    server.script(missing, missing)
    ran = daemon.agentctl("ask", "which file is there?", cwd=workspace)
    assert ran.code == 0, ran.err
    assert "not_found: no such model; gone goes on" in ran.err
    assert "not_found: no such model; near goes on" in ran.err
    assert [request.json["model"] for request in server.requests if request.method == "POST"] == ["fake"] * 2
