"""Every network kind over real HTTP: the same story, made by the registry, gives the same events."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path

import pytest

from agentd.providers import validate
from agentd.providers.base import (
    Ended,
    Failure,
    ModelEvent,
    ModelMessage,
    ModelRequest,
    TextPiece,
    ToolDefinition,
    ToolUse,
    Usage,
)
from agentd.providers.connection import Connection
from agentd.providers.keys import Keys
from agentd.providers.prepared import mint
from agentd.providers.registry import make_provider
from agentd.world.real import real_world
from agentproto.content import TextBlock
from support.fake_model_server import Break, FakeModelServer, Pause, Reply, Request, failure, trickled
from support.model_dialects import DIALECTS, Dialect

READ = ToolDefinition("read", "Reads.", {"type": "object", "properties": {"path": {"type": "string"}}})
REQUEST = ModelRequest("m", (("a", "Be."),), (READ,), (ModelMessage("user", (TextBlock("hi"),)),), 100)
KINDS = [pytest.param(dialect, id=kind) for kind, dialect in DIALECTS.items()]
VALID = {
    "anthropic": validate.messages,
    "openai-chat": validate.chat_completions,
    "openai-responses": validate.responses,
}


def asked(
    home: Path,
    dialect: Dialect,
    *replies: Reply,
    url: str = "",
    stall_ms: int = 60_000,
    request: ModelRequest = REQUEST,
) -> tuple[list[list[ModelEvent]], list[Request]]:
    """The events of one call for each reply, and what the server was sent."""

    async def run(server: FakeModelServer) -> list[list[ModelEvent]]:
        world = real_world(str(home))
        address = url.format(server=server.origin) or (
            server.url if dialect.kind.startswith("openai") else server.origin
        )
        connection = Connection("c", dialect.kind, address, "m", "env:K", 8_192, stall_ms=stall_ms)
        provider = make_provider(connection, world, Keys({"K": "sesame"}, world))
        call = mint(
            provider="c",
            body=provider.encode(request),
            purpose="test",
            session="s",
            call="t",
            input_tokens=42,
            output_tokens=100,
        )
        found = []
        try:
            for _ in replies:
                async with aclosing(provider.stream(call)) as stream:
                    found.append([event async for event in stream])
        finally:
            await world.http.close()
        return found

    with FakeModelServer() as server:
        server.script(*replies)
        return asyncio.run(run(server)), server.requests


@pytest.mark.parametrize("dialect", KINDS)
def test_text_and_calls_come_through(home: Path, dialect: Dialect) -> None:
    usage = (12, 3, 0)
    said = dialect.say("Grüße, ", "日本🦜", usage=usage)
    called = dialect.calls(("read", {"path": "é"}), ("ls", {}), text="Both.", usage=usage)
    found, requests = asked(home, dialect, said, trickled(said), called, dialect.say("x", cut_off=True))
    text = [TextPiece("Grüße, "), TextPiece("日本🦜"), Ended("end", Usage(12, 3))]
    assert found[:2] == [text, text]
    assert found[2][0] == TextPiece("Both.")
    assert [(one.name, one.arguments) for one in found[2] if isinstance(one, ToolUse)] == [
        ("read", {"path": "é"}),
        ("ls", {}),
    ]
    assert found[2][-1] == Ended("tool_use", Usage(12, 3))
    assert found[3] == [TextPiece("x"), Ended("length", Usage(10, 5))]
    assert {(request.method, request.path) for request in requests} == {("POST", dialect.path)}
    assert [VALID[dialect.kind](request.body) for request in requests if dialect.kind in VALID] == (
        [()] * 4 if dialect.kind in VALID else []
    )


SCHEMA = {"type": "object", "properties": {"a": {"type": "null"}}, "required": ["a"], "additionalProperties": False}
ASKED_FOR: dict[str, dict[str, object]] = {
    "anthropic": {
        "thinking": {"type": "enabled", "budget_tokens": 1_024},
        "output_config": {"format": {"type": "json_schema", "schema": SCHEMA}},
    },
    "ollama": {"think": True, "format": SCHEMA},
    "openai-chat": {
        "reasoning_effort": "low",
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "answer", "schema": SCHEMA, "strict": True},
        },
    },
    "openai-responses": {
        "reasoning": {"effort": "low"},
        "text": {"format": {"type": "json_schema", "name": "answer", "schema": SCHEMA, "strict": True}},
    },
}


@pytest.mark.parametrize("dialect", KINDS)
def test_thinking_and_a_form_of_the_answer_are_asked_for_in_each_protocol(home: Path, dialect: Dialect) -> None:
    wished = replace(REQUEST, tools=(), max_output=2_000, effort="low", schema=SCHEMA)
    [[text, _]], [request] = asked(home, dialect, dialect.say('{"a":null}'), request=wished)
    assert text == TextPiece('{"a":null}')
    assert {key: request.json[key] for key in ASKED_FOR[dialect.kind]} == ASKED_FOR[dialect.kind]


@pytest.mark.parametrize("dialect", KINDS)
def test_the_key_goes_where_the_protocol_wants_it(home: Path, dialect: Dialect) -> None:
    _, [request] = asked(home, dialect, dialect.say("x"))
    wanted = ("x-api-key", "sesame") if dialect.kind == "anthropic" else ("authorization", "Bearer sesame")
    assert [one for one in request.headers.items() if "sesame" in one[1]] == [wanted]
    assert request.headers["user-agent"].endswith("(test)")
    lines = dialect.kind == "ollama"
    assert request.headers["accept"] == ("application/x-ndjson" if lines else "text/event-stream")


@pytest.mark.parametrize("dialect", [DIALECTS["anthropic"], DIALECTS["ollama"]], ids=["anthropic", "ollama"])
def test_a_v1_too_much_in_the_url_is_taken_off(home: Path, dialect: Dialect) -> None:
    found, [request] = asked(home, dialect, dialect.say("x"), url="{server}/v1")
    assert (found[0][-1], request.path) == (Ended("end", Usage(10, 5)), dialect.path)


@pytest.mark.parametrize("dialect", KINDS)
def test_faults_are_told_in_every_protocols_words(home: Path, dialect: Dialect) -> None:
    date = "Fri, 31 Dec 9999 23:59:59 GMT"
    replies = (
        dialect.overflow(),
        dialect.rate_limited("7"),
        dialect.rate_limited(date),
        dialect.unauthorized(),
        dialect.failing("so ", "far"),
        failure(529, {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}),
        failure(502, "<html><title>Bad Gateway</title></html>"),
        Reply([*dialect.say("so far").parts[:-1], Break()], headers=dialect.say("x").headers),
        replace(dialect.say("x"), parts=[Pause()]),
        Reply([b"<!doctype html><title>Sign in</title>"], headers={"content-type": "text/html"}),
    )
    found, _ = asked(home, dialect, *replies, stall_ms=1_000)
    ends = [events[-1] for events in found]
    assert [(end.kind, end.retry_after_ms) for end in ends if isinstance(end, Failure)] == [
        ("overflow", None),
        ("rate_limited", 7_000),
        ("rate_limited", 24 * 3_600_000),
        ("auth", None),
        ("overloaded", None),
        ("overloaded", None),
        ("overloaded", None),
        ("broken_stream", None),
        ("broken_stream", None),
        ("not_found", None),
    ]
    assert found[4][:-1] == [TextPiece("so "), TextPiece("far")]
    assert all(isinstance(one, TextPiece) for events in found for one in events[:-1])
