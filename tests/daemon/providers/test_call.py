"""The caller against real HTTP: what goes wrong below or inside it is a Failure, and nothing is left open."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import pytest

from agentd.providers.base import Ended, Failure, ModelEvent, ModelMessage, ModelRequest, TextPiece, Usage
from agentd.providers.call import HttpProvider, ask_server
from agentd.providers.connection import Connection
from agentd.providers.keys import Keys
from agentd.providers.openai_chat import OpenAIChat
from agentd.providers.prepared import PreparedCall, mint
from agentd.providers.registry import make_provider
from agentd.providers.report import Report
from agentd.world.doors import HttpRequest, World
from agentd.world.fake import FakeWorld, fake_world
from agentd.world.fake_http import Answer, Refused
from agentd.world.fake_http import Break as FakeBreak
from agentd.world.fake_http import Pause as FakePause
from agentd.world.fake_processes import Script
from agentd.world.real import real_world
from agentproto.__about__ import __version__
from agentproto.content import TextBlock
from support.fake_model_server import Break, FakeModelServer, Pause, Reply, chunk, failure, rate_limited, say, trickled

T = TypeVar("T")
REQUEST = ModelRequest("m", (), (), (ModelMessage("user", (TextBlock("hi"),)),), 100)


def prepared(provider: HttpProvider) -> PreparedCall:
    return mint(
        provider=provider.name,
        body=provider.encode(REQUEST),
        purpose="test",
        session="s",
        call="c",
        input_tokens=42,
        output_tokens=100,
    )


def provider_of(url: str, world: World, *, key: str = "", environment: dict[str, str] | None = None) -> HttpProvider:
    connection = Connection("local", "openai-chat", url, "m", key)
    return HttpProvider("local", OpenAIChat(), connection, world, Keys(environment or {}, world))


async def all_of(provider: HttpProvider) -> list[ModelEvent]:
    async with aclosing(provider.stream(prepared(provider))) as stream:
        return [event async for event in stream]


def real(home: Path, server: FakeModelServer, story: Callable[[HttpProvider], Awaitable[T]], **more: str) -> T:
    """Run a story with a provider of the real network's."""
    key = "env:K" if "key" in more else ""

    async def run() -> T:
        world = real_world(str(home))
        try:
            return await story(provider_of(server.url, world, key=key, environment={"K": more.get("key", "")}))
        finally:
            await world.http.close()

    return asyncio.run(run())


def test_a_stream_is_sent_and_read(home: Path) -> None:
    with FakeModelServer() as server:
        server.script(say("Grüße, ", "you", usage=(7, 2, 1)))
        events = real(home, server, all_of, key="sesame")
        [request] = server.requests
    assert events == [TextPiece("Grüße, "), TextPiece("you"), Ended("end", Usage(7, 2, 1))]
    assert (request.method, request.path, request.body) == (
        "POST",
        "/v1/chat/completions",
        OpenAIChat().encode(REQUEST),
    )
    told = {name: request.headers.get(name) for name in ("user-agent", "authorization", "content-type", "accept")}
    assert told == {
        "user-agent": f"agentd/{__version__} (test)",
        "authorization": "Bearer sesame",
        "content-type": "application/json",
        "accept": "text/event-stream",
    }


def test_bytes_one_at_a_time_change_nothing(home: Path) -> None:
    with FakeModelServer() as server:
        server.script(trickled(say("日本🦜", usage=(7, 2, 1))))
        assert real(home, server, all_of) == [TextPiece("日本🦜"), Ended("end", Usage(7, 2, 1))]


def test_a_finished_answers_connection_is_used_again(home: Path) -> None:
    async def twice(provider: HttpProvider) -> list[ModelEvent]:
        return await all_of(provider) + await all_of(provider)

    with FakeModelServer() as server:
        server.script(say("a"), say("b"))
        real(home, server, twice)
        assert (len(server.requests), server.connections) == (2, 1)


def test_a_server_that_leaves_a_finished_answer_open_is_not_waited_for(home: Path) -> None:
    with FakeModelServer() as server:
        server.script(replace(say("a"), parts=[*say("a").parts, Pause()]))
        assert real(home, server, all_of)[-1] == Ended("end", Usage(10, 5))
        assert server.requests[0].hung_up.wait(5)


def test_what_was_not_counted_is_the_budgets_own_projection(home: Path) -> None:
    with FakeModelServer() as server:
        server.script(say("abc", usage=None))
        assert real(home, server, all_of)[-1] == Ended("end", Usage(input=42, output=1, estimated=True))


def test_closing_the_iterator_hangs_up_at_once(home: Path) -> None:
    async def leave(provider: HttpProvider) -> ModelEvent:
        async with aclosing(provider.stream(prepared(provider))) as stream:
            return await anext(stream)

    with FakeModelServer() as server:
        server.script(Reply([chunk({"content": "a"}), Pause()]))
        assert real(home, server, leave) == TextPiece("a")
        assert server.requests[0].hung_up.wait(5)


def test_a_cancelled_turn_hangs_up_at_once(home: Path) -> None:
    async def cancel(provider: HttpProvider) -> bool:
        first = asyncio.Event()

        async def turn() -> None:
            async with aclosing(provider.stream(prepared(provider))) as stream:
                async for _ in stream:
                    first.set()

        task = asyncio.ensure_future(turn())
        await first.wait()
        task.cancel()
        await asyncio.wait([task])
        return task.cancelled()

    with FakeModelServer() as server:
        server.script(Reply([chunk({"content": "a"}), Pause()]))
        assert real(home, server, cancel)
        assert server.requests[0].hung_up.wait(5)


@pytest.mark.parametrize(
    ("reply", "kind", "status", "wait"),
    [
        (rate_limited("2"), "rate_limited", 429, 2_000),
        (rate_limited("Thu, 01 Jan 1970 00:00:00 GMT"), "rate_limited", 429, 0),
        (failure(500, {"error": {"message": "boom"}}), "overloaded", 500, None),
        (failure(503, {"error": {"message": "Loading model"}}, {"retry-after": "1"}), "overloaded", 503, 1_000),
        (failure(401, {"error": {"message": "bad key sesame"}}), "auth", 401, None),
        (failure(308, "", {"location": "https://elsewhere/v1"}), "not_found", 308, None),
        (failure(500, "x" * 1_000_000), "overloaded", 500, None),
    ],
)
def test_an_error_is_classified(home: Path, reply: Reply, kind: str, status: int, wait: int | None) -> None:
    with FakeModelServer() as server:
        server.script(reply)
        [event] = real(home, server, all_of, key="sesame")
    assert isinstance(event, Failure)
    assert (event.kind, event.status, event.retry_after_ms) == (kind, status, wait)
    assert "sesame" not in event.text


def test_a_page_where_a_stream_should_be_is_a_wrong_address(home: Path) -> None:
    with FakeModelServer() as server:
        server.script(failure(200, "<!doctype html><title>Welcome</title>"))
        [event] = real(home, server, all_of)
    assert isinstance(event, Failure)
    assert event.kind == "not_found"


def test_a_disconnect_in_the_middle_is_a_broken_stream(home: Path) -> None:
    part = chunk({"content": "a"})
    with FakeModelServer() as server:
        server.script(Reply([part, Break()]))
        first, event = real(home, server, all_of)
    assert first == TextPiece("a")
    assert isinstance(event, Failure)
    assert (event.kind, event.details["bytes_seen"]) == ("broken_stream", len(part))


def test_a_request_over_the_servers_limit_is_an_overflow(home: Path) -> None:
    with FakeModelServer(body_limit=10) as server:
        [event] = real(home, server, all_of)
    assert isinstance(event, Failure)
    assert event.kind == "overflow"


def test_nobody_at_the_address_is_a_network_failure(home: Path) -> None:
    with FakeModelServer() as server:
        pass
    [event] = real(home, server, all_of)
    assert isinstance(event, Failure)
    assert (event.kind, event.details["phase"]) == ("network", "connect")


def asked(home: Path, url: str) -> Report | Failure:
    async def run() -> Report | Failure:
        world = real_world(str(home))
        try:
            return await ask_server(Connection("c", "openai-chat", url, "fake"), world, Keys({}, world))
        finally:
            await world.http.close()

    return asyncio.run(run())


def test_a_server_is_asked_what_it_is(home: Path) -> None:
    with FakeModelServer(window=4_096) as server:
        assert asked(home, server.url) == Report(("fake",), 4_096, 1)
        assert asked(home, server.url + "/x") == Report()
        assert {request.path for request in server.requests} == {
            "/v1/models",
            "/props",
            "/v1/x/models",
            "/v1/x/props",
        }
    gone = asked(home, server.url)
    assert isinstance(gone, Failure)
    assert gone.kind == "network"


# --- time and the network's own faults, in a simulated world ---


def simulated(answer: Answer | Refused) -> tuple[list[ModelEvent], FakeWorld]:
    world = fake_world(auto=True)
    world.http.on(lambda request: answer)
    return world.run(all_of(provider_of("http://server/v1", world))), world


def test_a_stall_is_a_broken_stream_after_two_minutes() -> None:
    events, world = simulated(Answer(parts=[chunk({"content": "a"}), FakePause(130_000)]))
    assert events[0] == TextPiece("a")
    assert isinstance(events[1], Failure)
    assert events[1].kind == "broken_stream"
    assert world.clock.monotonic_ms() == 120_000


def test_an_answer_without_end_is_given_up() -> None:
    ping = b": " + b"x" * 1_000_000 + b"\n\n"
    events, _ = simulated(Answer(parts=[ping] * 70))
    assert [event.kind for event in events if isinstance(event, Failure)] == ["broken_stream"]


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (Refused(), "network"),
        (Refused("server disconnected", "headers"), "network"),
        (Answer(parts=[FakeBreak()]), "broken_stream"),
        (Answer(500, parts=[FakeBreak()]), "broken_stream"),
        (Answer(parts=[b"data: {oops\n\n"]), "broken_stream"),
    ],
)
def test_every_fault_is_one_failure_at_the_end(answer: Answer | Refused, kind: str) -> None:
    events, _ = simulated(answer)
    assert [event.kind for event in events if isinstance(event, Failure)] == [kind]
    assert isinstance(events[-1], Failure)


@pytest.mark.parametrize(
    ("answer", "text", "remedy"),
    [
        (
            Refused("connection refused"),
            "nobody answers at http://server/v1 (connection refused)",
            "check that its server runs and that models.local.url names it",
        ),
        (
            Refused("no answer in time", "connect"),
            "http://server/v1 did not answer in time",
            "check that its server runs and that models.local.url names it",
        ),
        (
            Answer(parts=[chunk({"content": "a"}), FakePause(130_000)]),
            "server sent nothing for too long",
            "try again, or give it more time: models.local.stall_ms is 120000",
        ),
        (
            Answer(parts=[chunk({"content": "a"}), FakeBreak("reset")]),
            "server broke off its answer (reset)",
            "try again; look at the server's own log when it happens often",
        ),
    ],
)
def test_what_broke_is_told_with_why_and_what_to_do(answer: Answer | Refused, text: str, remedy: str) -> None:
    event = simulated(answer)[0][-1]
    assert isinstance(event, Failure)
    assert (event.text, event.remedy) == (text, remedy)


def test_a_key_that_can_not_be_had_sends_nothing() -> None:
    world = fake_world(auto=True)
    [event] = world.run(all_of(provider_of("http://server/v1", world, key="env:NONE")))
    assert isinstance(event, Failure)
    assert (event.kind, event.remedy != "") == ("auth", True)
    assert world.http.network.sent == []


def test_the_request_names_its_deadline() -> None:
    world = fake_world(auto=True)
    seen: list[HttpRequest] = []

    def answer(request: HttpRequest) -> Answer:
        seen.append(request)
        return Answer(401, parts=[b"{}"])

    world.http.on(answer)
    connection = Connection("slow", "openai-chat", "http://server/v1", "m", stall_ms=600_000)
    provider = HttpProvider("slow", OpenAIChat(), connection, world, Keys({}, world))
    world.run(all_of(provider))
    assert [(request.url, request.stall_ms) for request in seen] == [("http://server/v1/chat/completions", 600_000)]


# --- keys ---


def refusing(*bad: str) -> tuple[FakeWorld, list[str]]:
    """A server that takes some keys for none, and a password manager that has a new one each time."""
    world = fake_world(auto=True)
    seen: list[str] = []
    kept = iter(("key-number-one", "key-number-two", "key-number-three"))

    def answer(request: HttpRequest) -> Answer:
        seen.append(request.headers["authorization"])
        if any(key in seen[-1] for key in bad):
            return Answer(401, {}, [f'{{"error": {{"message": "what is {seen[-1]}?"}}}}'.encode()])
        return Answer(parts=say("hello").parts)  # type: ignore[arg-type]

    world.http.on(answer)
    world.processes.on("pass", does=lambda spawn, files: Script(next(kept).encode()))
    return world, seen


async def twice(provider: HttpProvider) -> list[ModelEvent]:
    return [*(await all_of(provider)), *(await all_of(provider))]


def test_a_remembered_key_that_is_refused_is_asked_for_anew() -> None:
    world, seen = refusing("key-number-one")
    provider = provider_of("http://server/v1", world, key="cmd:pass x")
    assert [type(event) for event in world.run(twice(provider))] == [TextPiece, Ended] * 2
    assert seen == ["Bearer key-number-one", "Bearer key-number-two", "Bearer key-number-two"]


def test_a_call_asks_for_another_key_once() -> None:
    world, seen = refusing("key-number")
    [event] = world.run(all_of(provider_of("http://server/v1", world, key="cmd:pass x")))
    assert seen == ["Bearer key-number-one", "Bearer key-number-two"]
    assert isinstance(event, Failure)
    assert (event.kind, event.text) == ("auth", "what is Bearer (key)?")


def test_a_key_that_is_read_at_each_call_is_not_sent_twice() -> None:
    world, seen = refusing("sesame")
    [event] = world.run(all_of(provider_of("http://server/v1", world, key="env:K", environment={"K": "sesame"})))
    assert isinstance(event, Failure)
    assert (event.kind, seen) == ("auth", ["Bearer sesame"])


def test_what_is_told_of_a_broken_connection_is_without_the_key() -> None:
    world = fake_world(auto=True)
    world.http.on(lambda request: Refused("illegal header: b'x-sesame-street'", "headers"))
    provider = provider_of("http://server/v1", world, key="env:K", environment={"K": "sesame-street"})
    [event] = world.run(all_of(provider))
    assert isinstance(event, Failure)
    assert event.text == "http://server/v1 ended the connection without an answer (illegal header: b'x-(key)')"


@pytest.mark.parametrize("wish", [False, True])
@pytest.mark.parametrize("kind", ["openai-chat", "openai-responses", "anthropic", "ollama"])
def test_the_session_is_named_only_when_the_connection_says_so(home: Path, kind: str, wish: bool) -> None:
    async def story(url: str) -> None:
        world = real_world(str(home))
        connection = Connection("c", kind, url, "m", send_session_id=wish)
        try:
            provider = make_provider(connection, world, Keys({}, world))
            assert isinstance(provider, HttpProvider)
            await all_of(provider)
            await ask_server(connection, world, Keys({}, world))
        finally:
            await world.http.close()

    with FakeModelServer() as server:
        asyncio.run(story(server.url))
        call, *questions = server.requests
    assert call.headers.get("x-session-id") == ("s" if wish else None)
    assert [request for request in questions if "x-session-id" in request.headers] == []
    assert {request.headers["user-agent"] for request in server.requests} == {f"agentd/{__version__} (test)"}


@pytest.mark.parametrize(
    ("asked", "text", "remedy"),
    [
        ("0.2", "Rate limit reached", "wait, or name who stands in for it, in models.local.fallback"),
        ("2", "Rate limit reached (it asks to wait 2 s)", "wait, or name who stands in for it, in models.local.fallback"),
        ("150", "Rate limit reached (it asks to wait 3 min)", "wait, or name who stands in for it, in models.local.fallback"),
        ("7200", "Rate limit reached (it asks to wait 2 h)", "wait, or name who stands in for it, in models.local.fallback"),
    ],
)  # fmt: skip
def test_how_long_a_server_asks_to_wait_is_told_with_what_else_can_be_done(asked: str, text: str, remedy: str) -> None:
    reply = rate_limited(asked)
    events, _ = simulated(Answer(reply.status, dict(reply.headers), list(reply.parts)))  # type: ignore[arg-type]
    assert [(event.text, event.remedy) for event in events if isinstance(event, Failure)] == [(text, remedy)]
