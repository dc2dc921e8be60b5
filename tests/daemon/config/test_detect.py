"""What is found without configuration, and which connection is chosen and why."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from agentd.config.detect import PROBE_MS, VARIABLES, Detected, by_key, by_port, choose, not_configured
from agentd.config.model import ConnectionSettings, ModelSettings
from agentd.world.doors import HttpRequest
from agentd.world.fake import fake_world
from agentd.world.fake_http import Answer, Pause, Refused
from agentd.world.real import real_world

OPENAI = Detected(
    "openai", ConnectionSettings("openai-chat", "https://api.openai.com/v1", key="env:OPENAI_API_KEY"),
    "OPENAI_API_KEY", "OPENAI_API_KEY is set",
)  # fmt: skip


def test_a_key_in_the_environment_is_a_connection() -> None:
    found = by_key({"OPENAI_API_KEY": "k", "OPENROUTER_API_KEY": "k", "GEMINI_API_KEY": "k", "ANTHROPIC_API_KEY": "k"})
    assert [(row.name, row.connection.url, row.connection.key, row.usable) for row in found] == [
        ("openai", "https://api.openai.com/v1", "env:OPENAI_API_KEY", True),
        ("openrouter", "https://openrouter.ai/api/v1", "env:OPENROUTER_API_KEY", True),
        ("gemini", "https://generativelanguage.googleapis.com/v1beta/openai", "env:GEMINI_API_KEY", True),
        ("anthropic", "https://api.anthropic.com", "env:ANTHROPIC_API_KEY", True),
    ]
    assert found[0] == OPENAI
    assert found[3].reason == "ANTHROPIC_API_KEY is set"
    assert by_key({"OPENAI_API_KEY": "  ", "PATH": "/bin"}) == ()


def test_another_address_is_honoured_and_a_key_in_it_is_not_repeated() -> None:
    (row,) = by_key({"OPENAI_BASE_URL": "http://127.0.0.1:9/v1/"})
    assert row == Detected(
        "openai",
        ConnectionSettings("openai-chat", "http://127.0.0.1:9/v1"),
        "OPENAI_BASE_URL",
        "OPENAI_BASE_URL is set",
    )
    (row,) = by_key({"OPENAI_API_KEY": "k", "OPENAI_BASE_URL": "https://h/v1"})
    assert (row.connection.url, row.connection.key) == ("https://h/v1", "env:OPENAI_API_KEY")
    (row,) = by_key({"OPENAI_BASE_URL": "https://me:secret@h/v1"})
    assert (row.usable, row.reason) == (False, "OPENAI_BASE_URL is set, but is no plain address like https://HOST/v1")
    assert "secret" not in repr(row)


def test_the_variables_that_are_looked_at_are_named() -> None:
    assert VARIABLES == (
        "ANTHROPIC_API_KEY",
        "ANTHROPIC_BASE_URL",
        "GEMINI_API_KEY",
        "OLLAMA_HOST",
        "OPENAI_API_KEY",
        "OPENAI_BASE_URL",
        "OPENROUTER_API_KEY",
    )


MODELS = json.dumps({"object": "list", "data": [{"id": name, "object": "model"} for name in "abcd"]}).encode()


def test_local_servers_are_asked_all_at_once_and_within_the_deadline() -> None:
    world = fake_world(auto=True)

    def answer(request: HttpRequest) -> Answer | Refused:
        match request.url:
            case "http://127.0.0.1:11434/v1/models":
                return Answer(parts=[MODELS])
            case "http://127.0.0.1:1234/v1/models":
                return Answer(parts=[Pause(60_000), MODELS])
            case "http://127.0.0.1:8080/v1/models":
                return Answer(parts=[b"<html>somebody else's program</html>"])
            case _:
                return Refused()

    world.http.on(answer)
    assert world.run(by_port(world, {})) == (
        Detected(
            "ollama",
            ConnectionSettings("ollama", "http://127.0.0.1:11434", model="a"),
            "http://127.0.0.1:11434",
            "Ollama answers at 127.0.0.1:11434 with 4 models: a, b, c ...",
        ),
    )
    assert world.clock.monotonic_ms() <= PROBE_MS
    assert len(world.http.network.sent) == 4


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b'{"data": [{"name": "x"}]}', 200),
        (b'{"data": "x"}', 200),
        (b"[]", 200),
        (b"\xff", 200),
        (b"", 200),
        (MODELS, 301),
        (MODELS, 500),
        (b" " * (5 * 1024 * 1024), 200),
    ],
)
def test_what_is_no_list_of_models_is_no_server(body: bytes, status: int) -> None:
    world = fake_world(auto=True)
    world.http.on(lambda _request: Answer(status, parts=[body]))
    assert world.run(by_port(world, {})) == ()


def test_a_server_without_a_model_is_shown_but_cannot_be_used() -> None:
    world = fake_world(auto=True)
    world.http.on(lambda request: Answer(parts=[b'{"data": []}']) if ":8000/" in request.url else Refused())
    (row,) = world.run(by_port(world, {}))
    assert (row.name, row.usable, row.reason) == (
        "vllm",
        False,
        "vLLM answers at 127.0.0.1:8000 and has no model loaded",
    )


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("0.0.0.0", "http://127.0.0.1:11434/v1/models"),
        ("box:99", "http://box:99/v1/models"),
        ("https://box", "https://box:11434/v1/models"),
        ("[::1]:99", "http://[::1]:99/v1/models"),
        ("box:many", None),
        ("http://me:secret@box", None),
    ],
)
def test_the_host_of_ollama_is_honoured(host: str, url: str | None) -> None:
    world = fake_world(auto=True)
    world.run(by_port(world, {"OLLAMA_HOST": host}))
    others = {f"http://127.0.0.1:{port}/v1/models" for port in (1234, 8080, 8000)}
    assert {request.url for request in world.http.network.sent} - others == ({url} if url else set())


@contextmanager
def server() -> Iterator[int]:
    class Answering(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if self.path == "/v1/models" else 404)
            self.send_header("content-length", str(len(MODELS)))
            self.end_headers()
            self.wfile.write(MODELS)

        def log_message(self, format: str, *args: object) -> None:
            return

    with ThreadingHTTPServer(("127.0.0.1", 0), Answering) as serving:
        thread = threading.Thread(target=serving.serve_forever)
        thread.start()
        try:
            yield serving.server_port
        finally:
            serving.shutdown()
            thread.join()


def test_a_real_server_is_found(tmp_path: Path) -> None:
    world = real_world(str(tmp_path))

    async def story(port: int) -> tuple[Detected, ...]:
        try:
            return await by_port(world, {"OLLAMA_HOST": f"127.0.0.1:{port}"})
        finally:
            await world.http.close()

    with server() as port:
        found = asyncio.run(story(port))
    assert [row.connection.model for row in found if row.name == "ollama"] == ["a"]


LOCAL = ConnectionSettings("openai-chat", "http://127.0.0.1:11434/v1")


@pytest.mark.parametrize(
    ("use", "names", "found", "chosen"),
    [
        ("", (), (), ("offline", "no key, no server, no configuration")),
        ("", ("a",), (OPENAI,), ("a", "it is the only one that is configured")),
        ("", ("a", "b"), (), ("offline", "2 are configured (a, b) and models.use names none of them")),
        (
            "",
            (),
            (OPENAI,),
            ("offline", "none is configured; found, and to be chosen with `agentctl models use`: openai"),
        ),
        ("b", ("a", "b"), (), ("b", "models.use names it")),
        ("offline", ("a",), (), ("offline", "models.use names it")),
        ("openai", (), (OPENAI,), ("openai", "models.use names it; OPENAI_API_KEY is set")),
        ("openai", ("a",), (), ("openai", "models.use names it, but it is not configured and was not found")),
    ],
)
def test_one_is_chosen_with_its_reason(
    use: str, names: tuple[str, ...], found: tuple[Detected, ...], chosen: tuple[str, str]
) -> None:
    assert choose(ModelSettings(use, dict.fromkeys(names, LOCAL)), found) == chosen


def test_what_is_configured_is_not_offered_again() -> None:
    ollama = Detected("ollama", LOCAL, LOCAL.url, "it answers")
    assert not_configured((OPENAI, ollama), ModelSettings("", {"mine": LOCAL})) == (OPENAI,)
    assert not_configured((OPENAI, ollama), ModelSettings("", {"openai": LOCAL})) == ()
