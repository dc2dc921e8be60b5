"""What a turn is told of its connection's server: asked once, also by turns that begin together."""

from __future__ import annotations

import asyncio

from agentd.config.load import Sources
from agentd.connections.room import Connections
from agentd.settings.room import SettingsInForce
from agentd.world.doors import HttpRequest
from agentd.world.fake import FakeWorld, fake_world
from agentd.world.fake_http import Answer, Refused

SETTINGS = b"""
[models.near]
kind = "openai-chat"
url = "http://127.0.0.1:8080/v1"
model = "m"
"""


def room(world: FakeWorld) -> Connections:
    world.files.make_folder("/home/config")
    world.files.write_atomic("/home/config/settings.toml", SETTINGS)
    settings = SettingsInForce(world.files, Sources("/home/config/settings.toml"), lambda name, text: None)
    return Connections(world, settings, dict)


def test_turns_that_begin_together_ask_a_server_once_and_all_wait_for_its_answer() -> None:
    world = fake_world(auto=True)

    async def answer(request: HttpRequest) -> Answer:
        await world.clock.sleep(20)
        return Answer(parts=[b'{"data": [{"id": "m", "context_length": 8192}]}' if "models" in request.url else b"{}"])

    async def story() -> list[int]:
        world.http.on(answer)
        models = room(world)

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
        models = room(world)
        await asyncio.gather(*(models.ready("near") for _ in range(3)))
        return len(world.http.network.sent), world.clock.monotonic_ms()

    assert world.run(story()) == (1, 500)
