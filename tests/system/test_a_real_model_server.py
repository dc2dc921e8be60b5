"""A real model server, from `models add` to a turn with tools: foreign framing, foreign token counts, a window."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from support.conversations import ended, events_of
from support.daemon import RealDaemon
from support.real_model import RealModel, real_model


@pytest.fixture(scope="module")
def server() -> Iterator[RealModel]:
    with real_model(window=8_192) as server:
        yield server


@pytest.fixture
def connected(daemon: RealDaemon, server: RealModel) -> RealDaemon:
    """A daemon that was told of the server by the command line, and uses it."""
    added = daemon.agentctl(
        *("models", "add", "real", "--kind", "openai-chat", "--url", server.url, "--model", server.model),
        *("--window", str(server.window)),
    )
    assert added.code == 0, added.err
    used = daemon.agentctl("models", "use", "real")
    assert used.code == 0, used.err
    return daemon


def test_the_server_is_listed_tried_and_used(connected: RealDaemon, server: RealModel) -> None:
    rows = {str(row["name"]): row for row in connected.agentctl("models", "list", "--json").rows}
    tried = connected.agentctl("models", "test", "real", "--json", seconds=90)
    status = connected.agentctl("daemon", "status", "--json").fields

    assert (rows["real"]["in_use"], rows["real"]["url"], rows["real"]["window"]) == (True, server.url, server.window)
    assert rows["offline"]["in_use"] is False
    assert (tried.code, tried.fields["ok"]) == (0, True), tried.out + tried.err
    assert status["model"] == "real"


def test_a_turn_with_tools_ends_and_its_usage_is_the_servers(
    connected: RealDaemon, server: RealModel, workspace: Path
) -> None:
    ran = connected.agentctl(
        *("ask", "What is in README.md?", "--max-steps", "3", "--mode", "plan", "--json"), cwd=workspace, seconds=110
    )
    said = ran.fields
    events = events_of(connected, str(said["session"]))
    replies = [body for name, body in events if name == "step.replied"]

    assert said["stop_reason"] in ("end", "max_steps", "error"), ran.err
    assert replies, ran.err
    usage = said["usage"]
    assert isinstance(usage, dict)
    assert usage["estimated"] is False
    assert 0 < usage["input"] < 3 * server.window
    assert usage["output"] > 0
    assert [name for name, _ in events][-1] == "turn.finished"


def test_a_turn_that_streams_from_the_server_survives_kill_9(connected: RealDaemon, workspace: Path) -> None:
    id = connected.agentctl(
        "ask", "Say something.", "--background", "--max-steps", "1", "--mode", "plan", cwd=workspace
    ).out.strip()
    connected.restart()
    end = ended(connected, id, seconds=100)

    assert end.turn == f"{id}.t1"
    assert end.stop in ("end", "max_steps", "error")
    assert connected.answers


def test_a_server_that_is_not_there_is_named_with_what_to_do(daemon: RealDaemon) -> None:
    daemon.agentctl("models", "add", "gone", "--kind", "openai-chat", "--url", "http://127.0.0.1:9/v1", "--model", "x")
    tried = daemon.agentctl("models", "test", "gone", "--json")

    assert tried.code == 1
    assert tried.fields["ok"] is False
    assert "127.0.0.1:9" in tried.out
