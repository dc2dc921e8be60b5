"""Pictures with a real daemon: given with a prompt and read by a tool, seen by a server that can, over a restart too."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from support.daemon import RealDaemon
from support.drawn import png
from support.fake_model_server import FakeModelServer, Request
from support.model_dialects import DIALECTS, Dialect

GIVEN, READ = png(30, 20), png(50, 40)
KINDS = ["openai-chat", "ollama"]


@pytest.fixture
def server() -> Iterator[FakeModelServer]:
    with FakeModelServer(window=64_000, sees=True) as server:
        yield server


def connect(daemon: RealDaemon, server: FakeModelServer, kind: str, **more: str) -> Dialect:
    url = server.origin if kind == "ollama" else server.url
    settings = "".join(f"{name} = {value}\n" for name, value in more.items())
    daemon.settings(f'[models]\nuse = "it"\n[models.it]\nkind = "{kind}"\nurl = "{url}"\nmodel = "fake"\n{settings}')
    daemon.start()
    return DIALECTS[kind]


def asked(server: FakeModelServer) -> Sequence[Request]:
    return [request for request in server.requests if request.method == "POST" and request.path != "/api/show"]


def seen(request: Request) -> list[int]:
    """How often each of the two pictures is in a request."""
    return [request.body.count(b64encode(data)) for data in (GIVEN, READ)]


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_given_and_what_is_read_is_seen(
    idle: RealDaemon, server: FakeModelServer, workspace: Path, kind: str
) -> None:
    dialect = connect(idle, server, kind)
    (workspace / "given.png").write_bytes(GIVEN)
    (workspace / "there.png").write_bytes(READ)
    server.script(dialect.calls(("read", {"path": "there.png"})), dialect.say("Two squares."))
    ran = idle.agentctl("ask", "What is it?", "--file", "given.png", "--json", cwd=workspace)
    assert (ran.code, ran.fields["text"]) == (0, "Two squares."), ran.err
    assert [seen(request) for request in asked(server)] == [[1, 0], [1, 1]]

    idle.kill()
    idle.start()
    (workspace / "given.png").unlink()
    server.script(dialect.say("The same."))
    again = idle.agentctl("ask", "And now?", "-s", str(ran.fields["session"]), "--json", cwd=workspace)
    assert (again.code, again.fields["text"]) == (0, "The same."), again.err
    before, after = (request.body.removesuffix(b"]}") for request in asked(server)[1:])
    assert after.startswith(before)


def test_a_connection_that_is_said_to_be_blind_is_told_in_words(
    idle: RealDaemon, server: FakeModelServer, workspace: Path
) -> None:
    dialect = connect(idle, server, "openai-chat", images="false", effort='"low"')
    (workspace / "given.png").write_bytes(GIVEN)
    server.script(dialect.say("I can't see it."))
    ran = idle.agentctl("ask", "What is it?", "--file", "given.png", "--json", cwd=workspace)
    [request] = asked(server)
    messages: Any = request.json["messages"]
    words = "[an image (image/png) of 30x20 pixels, which this connection can't show to the model]"
    path = workspace.resolve() / "given.png"
    assert ran.code == 0, ran.err
    assert messages[-1]["content"] == f'<file path="{path}"/>\n\n{words}\n\nWhat is it?'
    assert request.json["reasoning_effort"] == "low"


def test_what_is_no_picture_and_no_text_is_refused_with_words(daemon: RealDaemon, workspace: Path) -> None:
    (workspace / "x.png").write_bytes(GIVEN[:20])
    ran = daemon.agentctl("ask", "What is it?", "--file", "x.png", cwd=workspace)
    assert ran.code != 0
    assert "x.png is not text, and no picture that can be shown" in ran.err
