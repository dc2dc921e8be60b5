"""The connections in force: one resolver of keys for all of them, no key in anybody's words, whatever breaks; and a
server that is asked about itself once, also by turns that begin together."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Mapping
from contextlib import aclosing

import pytest

from agentd.config.load import Sources
from agentd.connections.room import Connections
from agentd.providers.base import Failure, ModelMessage, ModelRequest
from agentd.providers.call import HttpProvider
from agentd.providers.connection import Connection
from agentd.providers.keys import Keys
from agentd.providers.openai_chat import OpenAIChat
from agentd.providers.prepared import PreparedCall, mint
from agentd.settings.room import SettingsInForce
from agentd.telemetry.logs import close_log, open_log
from agentd.telemetry.redact import MASK, Redactor
from agentd.turn.spending import Spending
from agentd.world.doors import HttpRequest
from agentd.world.fake import FakeWorld, fake_world
from agentd.world.fake_http import Answer, Refused
from agentd.world.fake_processes import Script
from agentproto.content import TextBlock

KEY = "Zq7+Mw/4tX9=Kp2&Lr8%vB3nD6"
REQUEST = ModelRequest("m", (), (), (ModelMessage("user", (TextBlock("hi"),)),), 100)


def prepared(body: bytes) -> PreparedCall:
    return mint(provider="p", body=body, purpose="test", session="", call="c", input_tokens=1, output_tokens=1)


class Broken(OpenAIChat):
    """A codec with a bug: it fails with the key in its hands, and in its message."""

    def headers(self, key: str | None) -> dict[str, str]:
        value = {"authorization": f"Bearer {key}"}
        raise KeyError(value)


def test_a_bug_that_has_the_key_in_its_hands_does_not_show_it() -> None:
    world, redactor, out = fake_world(auto=True), Redactor(), io.StringIO()
    provider = HttpProvider(
        "p", Broken(), Connection("p", "k", "http://x", key="env:K"), world, Keys({"K": KEY}, world, redactor.know)
    )

    async def story() -> None:
        async with aclosing(provider.stream(prepared(provider.encode(REQUEST)))) as stream:
            async for _ in stream:
                raise AssertionError("it has a bug")

    with pytest.raises(KeyError) as caught:
        world.run(story())
    log = open_log(out, redactor, "debug")
    try:
        log.bug("provider p", "bug-1", caught.value)
    finally:
        close_log(out)
    told = out.getvalue()
    assert MASK in told
    assert 'File "' in told
    assert KEY not in told


# --- connections of settings ---


class Silent:
    """Nobody who watches."""

    def happened(
        self, category: str, name: str, text: str, session: str | None = None, details: Mapping[str, object] = {}
    ) -> None:
        return

    def bug(self, where: str, fault: BaseException) -> str:
        raise AssertionError(where) from fault


def connections(world: FakeWorld, settings: str) -> Connections:
    world.files.make_folder("/c")
    world.files.write_atomic("/c/settings.toml", settings.encode())
    in_force = SettingsInForce(world.files, Sources("/c/settings.toml"), lambda name, text: None)
    return Connections(world, in_force, lambda: {"PATH": "/bin"}, Spending(), Silent())


def test_all_connections_ask_a_program_for_their_key_once() -> None:
    world, asked = fake_world(auto=True), list[str]()
    table = 'kind = "openai-chat"\nurl = "http://x/v1"\nmodel = "m"\nkey = "cmd:pass x"\n'
    room = connections(world, f"[models.a]\n{table}[models.b]\n{table}")

    def safe(spawn: object, files: object) -> Script:
        asked.append("pass")
        return Script(KEY.encode())

    def answer(request: HttpRequest) -> Answer:
        asked.append(request.headers["authorization"])
        return Answer(404)

    world.processes.on("pass", does=safe)
    world.http.on(answer)

    async def story() -> list[Failure]:
        found = []
        for name in ("a", "b"):
            await room.ready(name)
            provider = room.get(name).provider
            async with aclosing(provider.stream(prepared(provider.encode(REQUEST)))) as stream:
                found += [event async for event in stream if isinstance(event, Failure)]
        return found

    assert [failure.kind for failure in world.run(story())] == ["not_found", "not_found"]
    assert asked == ["pass", *[f"Bearer {KEY}"] * 6]


def test_a_server_that_can_not_count_is_not_asked_again_for_a_while() -> None:
    world, asked = fake_world(auto=True), list[str]()
    room = connections(world, '[models.a]\nkind = "openai-chat"\nurl = "http://x/v1"\nmodel = "m"\n')
    counts = False

    def answer(request: HttpRequest) -> Answer:
        asked.append(request.url.removeprefix("http://x"))
        return (
            Answer(parts=[b'{"prompt": "p"}' if "template" in asked[-1] else b'{"tokens": [1]}'])
            if counts
            else Answer(404)
        )

    world.http.on(answer)

    async def story() -> list[int | None]:
        nonlocal counts
        body = OpenAIChat().encode(REQUEST)
        found = [await room.count("a", body), await room.count("a", body), await room.count("nobody", body)]
        counts = True
        await world.clock.sleep(10 * 60_000)
        return [*found, await room.count("a", body), await room.count("offline", body)]

    assert world.run(story()) == [None, None, None, 1, None]
    assert asked == ["/apply-template", "/tokenize"] * 2


NEAR = '[models.near]\nkind = "openai-chat"\nurl = "http://127.0.0.1:8080/v1"\nmodel = "m"\n'


def test_turns_that_begin_together_ask_a_server_once_and_all_wait_for_its_answer() -> None:
    world = fake_world(auto=True)

    async def answer(request: HttpRequest) -> Answer:
        await world.clock.sleep(20)
        return Answer(parts=[b'{"data": [{"id": "m", "context_length": 8192}]}' if "models" in request.url else b"{}"])

    async def story() -> list[int]:
        world.http.on(answer)
        models = connections(world, NEAR)

        async def turn() -> int:
            await models.ready("near")
            return models.get("near").limits.window

        return await asyncio.gather(*(turn() for _ in range(3)))

    assert world.run(story()) == [8192, 8192, 8192]
    assert [request.url for request in world.http.network.sent] == [
        "http://127.0.0.1:8080/v1/models",
        "http://127.0.0.1:8080/props",
    ]


def test_a_server_that_does_not_answer_keeps_turns_that_begin_together_waiting_once() -> None:
    world = fake_world(auto=True)

    async def never(request: HttpRequest) -> Refused:
        await world.clock.sleep(500)
        return Refused("no answer in time")

    async def story() -> tuple[int, int]:
        world.http.on(never)
        models = connections(world, NEAR)
        await asyncio.gather(*(models.ready("near") for _ in range(3)))
        return len(world.http.network.sent), world.clock.monotonic_ms()

    assert world.run(story()) == (1, 500)
