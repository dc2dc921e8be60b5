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
from support.dialect_failures import IN_THE_STREAM, REFUSALS
from support.fake_model_server import HANGS_UP, Break, FakeModelServer, Pause, Reply, Request, failure, trickled
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
    """The events of one call for each reply (HANGS_UP behind another is nobody's reply), and what the server was sent."""

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
            for _ in range(sum(reply is not HANGS_UP for reply in replies) or 1):
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


def failures(found: list[list[ModelEvent]]) -> list[tuple[str, int | None]]:
    """Class and status of the failure that each call ended with."""
    ends = [events[-1] for events in found]
    assert all(isinstance(end, Failure) for end in ends), ends
    return [(end.kind, end.status) for end in ends if isinstance(end, Failure)]


@pytest.mark.parametrize("dialect", KINDS)
def test_a_refusal_in_each_servers_own_words_is_of_its_class(home: Path, dialect: Dialect) -> None:
    table = REFUSALS[dialect.kind]
    found, requests = asked(home, dialect, *(failure(status, body) for _, status, body in table))
    assert failures(found) == [(kind, status) for kind, status, _ in table]
    assert len(requests) == len(table), "each is asked once: whether again is decided elsewhere"
    for events, (_, _, body) in zip(found, table, strict=True):
        (end,) = events
        assert isinstance(end, Failure)
        assert end.text
        assert end.remedy
        assert "sesame" not in end.text
        assert "<html>" not in end.text, body


@pytest.mark.parametrize("dialect", KINDS)
def test_a_stream_that_says_in_place_of_an_answer_that_there_is_none_is_of_its_class(
    home: Path, dialect: Dialect
) -> None:
    table = IN_THE_STREAM[dialect.kind]
    found, _ = asked(home, dialect, *(reply for _, reply in table))
    assert [(len(events), kind) for events, (kind, _) in zip(found, failures(found), strict=True)] == [
        (1, kind) for kind, _ in table
    ]


@pytest.mark.parametrize("dialect", KINDS)
@pytest.mark.parametrize(
    ("told", "wait_ms"),
    [
        ({"retry-after": "7"}, 7_000),
        ({"retry-after": "0"}, 0),
        ({"retry-after": "1.5"}, 1_500),
        ({"retry-after-ms": "250", "retry-after": "1"}, 250),
        ({"retry-after": "Fri, 31 Dec 1999 23:59:59 GMT"}, 0),
        ({"retry-after": "Fri, 31 Dec 9999 23:59:59 GMT"}, 24 * 3_600_000),
        ({"retry-after": "soon"}, None),
        ({}, None),
    ],
    ids=["seconds", "at once", "a fraction", "milliseconds", "a date gone by", "a far date", "nonsense", "nothing"],
)
def test_how_long_to_wait_is_read_in_every_form(
    home: Path, dialect: Dialect, told: dict[str, str], wait_ms: int | None
) -> None:
    kind, status, body = next(row for row in REFUSALS[dialect.kind] if row[0] == "rate_limited")
    found, _ = asked(home, dialect, failure(status, body, told))
    (end,) = found[0]
    assert isinstance(end, Failure)
    assert (end.kind, end.retry_after_ms) == (kind, wait_ms)


@pytest.mark.parametrize("dialect", KINDS)
def test_a_stream_that_breaks_is_told_with_what_had_come(home: Path, dialect: Dialect) -> None:
    said = dialect.say("so ", "far", "and on")
    cuts = [replace(said, parts=[*said.parts[:at], Break()]) for at in range(len(said.parts))]
    found, _ = asked(home, dialect, *cuts)
    assert {kind for kind, _ in failures(found)} <= {"broken_stream", "network"}
    texts = ["".join(one.text for one in events if isinstance(one, TextPiece)) for events in found]
    assert all("so farand on".startswith(text) for text in texts)
    assert {"", "so "} <= set(texts), "broken before the first text, and after it"
    assert all(len(events) == 1 + sum(isinstance(one, TextPiece) for one in events) for events in found)


@pytest.mark.parametrize("dialect", KINDS)
def test_silence_is_a_broken_stream_wherever_it_begins_and_a_slow_trickle_is_none(home: Path, dialect: Dialect) -> None:
    said = dialect.say("so ", "far")
    middle = len(said.parts) - 1
    found, _ = asked(
        home,
        dialect,
        replace(said, before_ms=60_000),
        replace(said, parts=[Pause()]),
        replace(said, parts=[*said.parts[:middle], Pause(), *said.parts[middle:]]),
        stall_ms=1_000,
    )
    assert [kind for kind, _ in failures(found)] == ["network", "broken_stream", "broken_stream"]
    assert found[2][:2] == [TextPiece("so "), TextPiece("far")]
    pieces = trickled(said, 40)
    slow = replace(pieces, parts=[piece for part in pieces.parts for piece in (part, Pause(20))])
    found, _ = asked(home, dialect, slow, stall_ms=1_000)
    assert found == [[TextPiece("so "), TextPiece("far"), Ended("end", Usage(10, 5))]]


@pytest.mark.parametrize("dialect", KINDS)
def test_what_is_no_stream_is_a_failure_whatever_it_says_it_is(home: Path, dialect: Dialect) -> None:
    overloaded = {"error": {"message": "overloaded", "type": "overloaded_error"}}
    replies = (
        Reply([b"<!doctype html><title>Sign in</title>"], headers={"content-type": "text/html"}),
        Reply([b"<!doctype html><title>Sign in</title>"]),
        Reply([b"ok"], headers={"content-type": "text/plain"}),
        failure(200, overloaded),
        Reply([b'{"error":"overloaded"}']),
        Reply([]),
        failure(204, ""),
    )
    found, _ = asked(home, dialect, *replies)
    kinds = [kind for kind, _ in failures(found)]
    assert set(kinds) <= {"not_found", "broken_stream", "overloaded"}, kinds
    assert kinds[3] == "overloaded", "an error inside a 200"
    assert all(len(events) == 1 for events in found), "nothing of it is an answer"


@pytest.mark.parametrize("dialect", KINDS)
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_told_and_not_followed_and_the_key_goes_nowhere(
    home: Path, dialect: Dialect, status: int
) -> None:
    with FakeModelServer() as elsewhere:
        found, requests = asked(home, dialect, failure(status, "", {"location": f"{elsewhere.url}/take"}))
        assert elsewhere.requests == []
    (end,) = found[0]
    assert isinstance(end, Failure)
    assert (end.kind, end.status, len(requests)) == ("not_found", status, 1)
    assert "redirects are not followed" in end.text


@pytest.mark.parametrize("dialect", KINDS)
def test_a_kept_connection_that_is_closed_as_the_next_call_goes_out_is_nobodys_failure(
    home: Path, dialect: Dialect
) -> None:
    found, requests = asked(home, dialect, dialect.say("one"), HANGS_UP, dialect.say("two"))
    assert found == [[TextPiece(word), Ended("end", Usage(10, 5))] for word in ("one", "two")]
    assert len(requests) == 3


@pytest.mark.parametrize("dialect", KINDS)
def test_a_server_that_hangs_up_on_the_first_call_is_a_network_failure(home: Path, dialect: Dialect) -> None:
    found, requests = asked(home, dialect, HANGS_UP)
    assert (failures(found), len(requests)) == ([("network", None)], 1)
