"""Handlers without a wire: the household's parts behind Services, and a caller with a conversation of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import msgspec

from agentd.config.load import Sources as SettingsSources
from agentd.connections.room import Connections
from agentd.server.conversation import Conversation
from agentd.server.handlers import config, daemon, log, model, question, session, tool, turn
from agentd.server.handling import Call
from agentd.server.sources import Sources
from agentd.server.streams import Streams
from agentd.services import Caller, Services
from agentd.settings.room import SettingsInForce
from agentd.turn.forking import Forking
from agentd.turn.taking_back import TakingBack
from agentd.world.fake import FakeWorld, fake_world
from agentproto.api.daemon import StatusResult
from agentproto.homes import Folders
from agentproto.link import Link
from agentproto.table import METHODS
from support.household import WORKSPACE, Household, Reply

HANDLERS = {
    name: handler
    for module in (config, daemon, log, model, question, session, tool, turn)
    for name, handler in module.HANDLERS.items()
}
FOLDERS = Folders("/home/config", "/home/data", "/home/state", "/home/cache", "/home/run")
STATUS = StatusResult(
    pid=1,
    version="0",
    daemon="d",
    home="/home",
    endpoint="ipc://x",
    sandbox="none",
    model="offline",
    sessions=0,
    turns_running=0,
    questions_open=0,
    clients=1,
    started_at_ms=0,
    now_ms=0,
    durability="always",
    log_file="/home/state/agentd.log",
    resident_bytes=0,
)


@dataclass
class Reception:
    """`ask(method, **fields)` calls a handler as the router would, parameters converted strictly."""

    house: Household
    environment: dict[str, str] = field(default_factory=dict)
    told: list[tuple[str, str]] = field(default_factory=list)
    stops: list[bool] = field(default_factory=list)
    variables: dict[str, Mapping[str, str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        world = self.house.world
        self.settings = SettingsInForce(
            world.files,
            SettingsSources("/home/config/settings.toml"),
            lambda name, text: self.told.append((name, text)),
        )
        parts = self.house.parts
        self.models = Connections(world, self.settings, lambda: self.environment, parts.spending, parts.reporter)
        sources = Sources()
        sources.loaded = lambda id: self.house.sessions.loaded().get(id)
        self.streams = Streams(sources, world.clock.now_ms)
        self.caller = Caller("client-1", "test", "owner")
        self.conversation = Conversation(Link("daemon"), self.caller, lambda frames: True, self.streams.catch_up)
        self.services = Services(
            world=world,
            folders=FOLDERS,
            store=self.house.store,
            sessions=self.house.sessions,
            taking_back=TakingBack(self.house.parts, self.house.sessions),
            forking=Forking(self.house.parts, self.house.sessions),
            requests=self.house.requests,
            tools=self.house.parts.tools,
            settings=self.settings,
            models=self.models,
            status=lambda: STATUS,
            stop=self._stop,
            variables=lambda: ("PATH", "LANG", "OPENAI_API_KEY"),
            remember_variables=self.variables.__setitem__,
            give_variables=self.environment.update,
            spending=self.house.parts.spending,
            turn_settings=self.house.parts.settings,
            secrets=lambda: ("known-secret-value",),
        )

    async def _stop(self, drain: bool) -> int:
        self.stops.append(drain)
        return 3

    async def ask(self, method: str, **fields: object) -> msgspec.Struct:
        params = msgspec.convert(fields, METHODS[method].params)
        call = Call(self.services, self.caller, self.conversation, self.streams)
        result = await HANDLERS[method](call, params)
        assert isinstance(result, METHODS[method].result)
        return result


def a_world() -> FakeWorld:
    world = fake_world(seed=5, auto=True)
    world.files.make_folder(f"{WORKSPACE}/.git")
    world.files.make_folder(f"{WORKSPACE}/inner")
    world.files.make_folder("/home/config")
    world.files.write_atomic(f"{WORKSPACE}/a.txt", b"one\n")
    return world


def receive(story: object, *replies: Reply, world: FakeWorld | None = None, slow_ms: int = 0) -> None:
    """Run `story(reception)` in a world of its own."""
    world = world or a_world()

    async def main() -> None:
        house = Household(world, replies or ("fine",), slow_ms=slow_ms)
        await house.start()
        await story(Reception(house))  # type: ignore[operator]
        assert house.faults == []
        await house.sessions.stop()

    world.run(main())


def names(rows: Sequence[object], field_name: str) -> list[object]:
    return [getattr(row, field_name) for row in rows]
