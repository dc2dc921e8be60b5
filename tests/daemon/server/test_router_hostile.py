"""Clients that come back, leave in the middle, name another's id, or never say hello: each costs itself alone."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import cast

import msgspec

from agentd.server.conversation import Conversation
from agentd.server.handling import Call
from agentd.server.router import Router
from agentd.server.sockets import Inbox, WireSocket
from agentd.server.streams import Numbered, Streams
from agentd.services import Caller, Services
from agentd.world.fake import fake_world
from agentd.world.tasks import Tasks
from agentproto.api import daemon as api
from agentproto.api.turn import DeltaEvent
from agentproto.envelope import Hello, Welcome
from agentproto.link import Failed, Link, LinkEvent, Replied
from agentproto.link_states import State
from agentproto.method import Role
from agentproto.table import METHODS
from agentproto.versions import CAPABILITIES, WIRE_MAX, WIRE_MIN, VersionRange
from support.reception import STATUS

_Handler = Callable[[Call, object], Awaitable[msgspec.Struct]]


class Wire:
    """What the router sends, by routing id; a routing id in `deaf` takes nothing."""

    def __init__(self) -> None:
        self.sent: list[tuple[bytes, Sequence[bytes]]] = []
        self.deaf: set[bytes] = set()
        self.tried = 0

    def open(self, inbox: Inbox) -> None:
        self.inbox = inbox

    def send(self, routing: bytes, frames: Sequence[bytes]) -> bool:
        self.tried += 1
        if routing not in self.deaf:
            self.sent.append((routing, frames))
        return routing not in self.deaf


class Nothing:
    """Streams of which nothing is to be read."""

    def after(self, stream: str, seq: int, limit: int) -> Sequence[Numbered]:
        return ()

    def head(self, stream: str) -> int:
        return 0

    def live(self, stream: str) -> DeltaEvent | None:
        return None


class Silent:
    def happened(
        self, category: str, name: str, text: str, session: str | None = None, details: Mapping[str, object] = {}
    ) -> None:
        return

    def bug(self, where: str, fault: BaseException) -> str:
        raise AssertionError(f"a bug in {where}") from fault


async def status(call: Call, params: object) -> api.StatusResult:
    return STATUS


class Ground:
    def __init__(self, handler: _Handler = status) -> None:
        self.wire = Wire()
        self.gone: list[str] = []
        self.subscribers: list[Conversation] = []
        self.streams = Streams(Nothing(), lambda: 0)

        async def noted(call: Call, params: object) -> msgspec.Struct:
            self.subscribers.append(call.conversation)
            return await handler(call, params)

        def welcome(caller: Caller, wire: int) -> Welcome:
            return Welcome(
                product="0",
                wire=wire,
                capabilities=(),
                daemon="d",
                role=caller.role,
                pid=1,
                sandbox="none",
                model="m",
                methods=(),
                variables=(),
                heartbeat_ms=2000,
            )

        def died(name: str, fault: BaseException) -> None:
            raise AssertionError(name) from fault

        self.router = Router(
            cast(WireSocket, self.wire),
            self.streams,
            Tasks(died),
            fake_world().clock,
            Silent(),
            {"daemon.status": (METHODS["daemon.status"], noted)},
            welcome,
            self.gone.append,
        )
        self.router.open(cast(Services, object()))

    def greet(self, routing: bytes, role: Role = "owner") -> Link:
        link = Link("client")
        hello = Hello("0", VersionRange(WIRE_MIN, WIRE_MAX), CAPABILITIES, "the client", "a test", role=role)
        self.wire.inbox(routing, link.hello(hello, 0), role)
        link.receive(self.wire.sent[-1][1], 0)
        self.wire.sent.clear()
        return link

    def heard(self, link: Link) -> list[LinkEvent]:
        return [link.receive(frames, 0) for _, frames in self.wire.sent]


async def a_while() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


def test_a_request_that_is_cancelled_before_it_began_is_answered() -> None:
    async def main() -> None:
        ground = Ground()
        link = ground.greet(b"r")
        id, frames = link.request("daemon.status", {})
        ground.wire.inbox(b"r", frames, "owner")
        ground.wire.inbox(b"r", link.cancel(id), "owner")
        await a_while()
        (answer,) = ground.heard(link)
        assert isinstance(answer, Failed)
        assert (answer.id, answer.error.code) == (id, "cancelled")

    asyncio.run(main())


def test_who_never_said_hello_and_left_is_answered_once() -> None:
    async def main() -> None:
        ground = Ground()
        ground.wire.deaf.add(b"r")
        link = Link("client")
        link.state = State.OPEN
        ground.wire.inbox(b"r", link.request("daemon.status", {})[1], "owner")
        loop = asyncio.get_running_loop()
        later: asyncio.Future[None] = loop.create_future()
        loop.call_later(0.03, later.set_result, None)
        await later
        assert ground.wire.tried == 1

    asyncio.run(main())


def test_a_client_that_comes_back_by_another_way_stops_nothing() -> None:
    async def main() -> None:
        ground = Ground()
        link = ground.greet(b"one")
        ground.wire.inbox(b"one", link.request("daemon.status", {})[1], "owner")
        await a_while()
        (conversation,) = ground.subscribers
        ground.streams.subscribe(conversation, "s1", 0)
        conversation.stop_with.add("s1.t1")
        ground.greet(b"two")
        assert (ground.gone, ground.router.clients) == ([], 1)

    asyncio.run(main())


def test_a_lesser_key_ends_nobody_by_naming_an_owners_id() -> None:
    async def main() -> None:
        ground = Ground()
        link = ground.greet(b"one")
        ground.greet(b"two", "observer")
        ground.wire.inbox(b"one", link.request("daemon.status", {})[1], "owner")
        await a_while()
        (answer,) = ground.heard(link)
        assert isinstance(answer, Replied)

    asyncio.run(main())


def test_another_key_behind_a_known_routing_id_is_another_client() -> None:
    async def main() -> None:
        ground = Ground()
        ground.greet(b"r")
        other = Link("client")
        other.state = State.OPEN
        ground.wire.inbox(b"r", other.request("daemon.status", {})[1], "observer")
        await a_while()
        (answer,) = ground.heard(other)
        assert isinstance(answer, Failed)
        assert (answer.error.code, ground.subscribers) == ("not_greeted", [])

    asyncio.run(main())


def test_answers_that_nobody_takes_end_the_conversation() -> None:
    async def main() -> None:
        taken: list[Sequence[bytes]] = []
        conversation = Conversation(Link("daemon"), Caller("c", "a test", "owner"), lambda frames: False, taken.append)  # type: ignore[arg-type]
        for _ in range(1000):
            conversation.post([b"x" * 100])
        assert not conversation.closed
        for _ in range(1000):
            conversation.post([b"x" * 100])
        assert conversation.closed

    asyncio.run(main())
