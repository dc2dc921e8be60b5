"""Frames -> link -> handler -> frames: who is speaking, and what they get.

Decides: hello or error, which method may be called by whom, that a fault of one client stays with it. Every error in
the tree is answered as itself; anything else is a bug, logged with its traceback and answered as `internal` with an id
to quote. Callers: `server.sockets` (frames), `agentd.app`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import get_args

from agentd.errors import AgentdError
from agentd.server.conversation import Conversation, in_ms
from agentd.server.handling import Call, Handler
from agentd.server.rounds import Rounds
from agentd.server.sockets import WireSocket
from agentd.server.streams import Streams
from agentd.services import Caller, Services
from agentd.turn.parts import Reporter
from agentd.world.doors import Clock
from agentd.world.tasks import Tasks
from agentproto.envelope import Hello, Welcome
from agentproto.errors import ErrorCode, LocalProtocolError, RemoteProtocolError, WireError
from agentproto.framing import decode_header
from agentproto.link import Beat, Cancelled, Credited, Greeted, Link, LinkEvent, Requested
from agentproto.method import Method, Role, may, shrink
from agentproto.shape import request, to_plain
from agentproto.versions import WIRE_MAX, WIRE_MIN, VersionRange, negotiate

__all__ = ["MAX_CLIENTS", "Router"]

MAX_CLIENTS = 2000
"""Conversations at a time; a new one beyond gets `busy`. Each costs up to 64 KiB with its CURVE session."""
_MUTE_MS = 60_000


class Router:
    def __init__(
        self,
        socket: WireSocket,
        streams: Streams,
        tasks: Tasks,
        clock: Clock,
        reporter: Reporter,
        methods: dict[str, tuple[Method, Handler]],
        welcome: Callable[[Caller, int], Welcome],
        gone: Callable[[str], None],
    ) -> None:
        self._socket = socket
        self._streams = streams
        self._tasks = tasks
        self._clock = clock
        self._reporter = reporter
        self._methods = methods
        self._welcome = welcome
        self._gone = gone
        self._services: Services | None = None
        self._rounds = Rounds(in_ms)
        self._conversations: dict[bytes, Conversation] = {}
        self._by_client: dict[tuple[str, Role], bytes] = {}
        self._muted: dict[bytes, int] = {}

    def open(self, services: Services) -> None:
        self._services = services
        self._socket.open(self._receive)

    @property
    def clients(self) -> int:
        return len(self._conversations)

    # -- in ----------------------------------------------------------------------------------------------------

    def _receive(self, routing: bytes, frames: Sequence[bytes], role: str) -> None:
        now = self._clock.monotonic_ms()
        if self._muted and self._is_muted(routing, now):
            return
        conversation = self._conversations.get(routing)
        if conversation is not None and (conversation.closed or conversation.granted != role):
            # It takes nothing any more; or another peer has come by its id, with another key.
            self._drop(routing)
            conversation = None
        if conversation is None:
            granted = _role(role)
            if granted is None:
                self._muted[routing] = now
                return
            conversation = self._new(routing, granted)
        link = conversation.link
        try:
            event = link.receive(frames, now)
        except RemoteProtocolError as fault:
            self._refuse(routing, conversation, frames, fault, now)
            return
        self._conversations[routing] = conversation
        try:
            self._understand(routing, conversation, event)
        except RemoteProtocolError as fault:
            conversation.post(link.error(event.id if isinstance(event, Requested) else 0, fault.to_wire()))
        for owed in link.take_owed():
            conversation.post(owed)

    def _new(self, routing: bytes, role: Role) -> Conversation:
        def send(frames: Sequence[bytes]) -> bool:
            return self._socket.send(routing, frames)

        return Conversation(Link("daemon"), Caller("", "", role), send, self._more, self._rounds)

    def _more(self, conversation: Conversation) -> None:
        self._streams.forget_cut_off(conversation)
        self._streams.catch_up(conversation)

    def _refuse(
        self, routing: bytes, conversation: Conversation, frames: Sequence[bytes], fault: RemoteProtocolError, now: int
    ) -> None:
        """Answer what can be answered; a sender without a readable id is muted. Nobody else notices."""
        try:
            _, _, id, _ = decode_header(frames[0] if frames else b"")
        except RemoteProtocolError:
            if routing not in self._conversations:
                self._muted[routing] = now
                return
            id = 0
        try:
            error = conversation.link.error(id, fault.to_wire())
        except LocalProtocolError:
            self._muted[routing] = now
            return
        if routing in self._conversations:
            conversation.post(error)
        else:
            self._socket.send(routing, error)  # once: nobody would ever stop the trying

    def _is_muted(self, routing: bytes, now: int) -> bool:
        since = self._muted.get(routing)
        if since is None:
            return False
        if now - since >= _MUTE_MS:
            del self._muted[routing]
            return False
        self._muted[routing] = now
        return True

    def _understand(self, routing: bytes, conversation: Conversation, event: LinkEvent) -> None:
        match event:
            case Greeted(hello):
                self._greet(routing, conversation, hello)
            case Requested():
                self._request(conversation, event)
            case Cancelled(id):
                task = conversation.requests.get(id)
                # What changes something is not taken back half-way: its answer comes, and its key is known then.
                if task is not None and id not in conversation.changing:
                    task.cancel()
            case Credited():
                conversation.wake()
            case Beat(active_at_ms):
                conversation.caller.active_at_ms = max(active_at_ms, conversation.caller.active_at_ms)
            case _:
                raise AssertionError(f"a daemon's link does not give {type(event).__name__}")

    def _greet(self, routing: bytes, conversation: Conversation, hello: Hello) -> None:
        version = negotiate(VersionRange(WIRE_MIN, WIRE_MAX), hello.wire)
        fault: WireError | None = None
        if version is None:
            fault = RemoteProtocolError(
                ErrorCode.BAD_VERSION,
                f"this daemon speaks wire versions {WIRE_MIN} to {WIRE_MAX}, the client {hello.wire.lowest} to "
                f"{hello.wire.highest}",
            ).to_wire()
        elif len(self._conversations) > MAX_CLIENTS:
            fault = RemoteProtocolError(ErrorCode.BUSY, f"{MAX_CLIENTS} clients are connected").to_wire()
        if fault is not None:
            conversation.post(conversation.link.error(0, fault))
            self._drop(routing)
            return
        caller = conversation.caller
        caller.client, caller.name = hello.client, hello.name
        # A role can only shrink: a tool that was given the owner's file may ask for less.
        caller.role = shrink(caller.role, hello.role)
        # A client is its id and its role: a lesser key can't end an owner's conversation by naming its id.
        client = (caller.client, caller.role)
        earlier = self._by_client.get(client)
        if earlier is not None and earlier != routing:
            # The same client by another way: it has not vanished, so nothing stops.
            before = self._conversations[earlier]
            conversation.stop_with, before.stop_with = before.stop_with, set()
            self._drop(earlier)
        self._by_client[client] = routing
        assert version is not None
        conversation.post(conversation.link.welcome(self._welcome(caller, version)))

    # -- requests ----------------------------------------------------------------------------------------------

    def _request(self, conversation: Conversation, event: Requested) -> None:
        known = self._methods.get(event.method)
        if known is None:
            raise RemoteProtocolError(ErrorCode.UNKNOWN_METHOD, f"there is no method {event.method[:64]!r}")
        method, handler = known
        if not may(conversation.caller.role, method):
            raise RemoteProtocolError(
                ErrorCode.FORBIDDEN, f"{event.method} needs the role {method.role}; yours is {conversation.caller.role}"
            )
        params = request(event.body, method.params)
        task = self._tasks.start(f"request {event.method}", self._answer(conversation, event.id, handler, params))
        conversation.requests[event.id] = task
        if method.mutates:
            conversation.changing.add(event.id)
        task.add_done_callback(lambda _: self._ended(conversation, event.id))

    def _ended(self, conversation: Conversation, id: int) -> None:
        """A request that was cancelled before it began has not answered: it does now."""
        if conversation.requests.pop(id, None) is not None:
            cancelled = RemoteProtocolError(ErrorCode.CANCELLED, "cancelled").to_wire()
            conversation.post(conversation.link.error(id, cancelled))

    async def _answer(self, conversation: Conversation, id: int, handler: Handler, params: object) -> None:
        assert self._services is not None
        link = conversation.link
        call = Call(self._services, conversation.caller, conversation, self._streams)
        try:
            result = await handler(call, params)
            conversation.post(link.reply(id, to_plain(result)))
        except RemoteProtocolError as fault:
            conversation.post(link.error(id, fault.to_wire()))
        except LocalProtocolError as fault:
            conversation.post(link.error(id, fault.to_wire()))
        except AgentdError as fault:
            conversation.post(link.error(id, fault.to_wire()))
        except asyncio.CancelledError:
            conversation.post(link.error(id, RemoteProtocolError(ErrorCode.CANCELLED, "cancelled").to_wire()))
            raise
        except Exception as fault:  # noqa: BLE001 - a bug: it is logged with its traceback and answered with an id to quote
            reference = self._reporter.bug("request", fault)
            internal = ErrorCode.INTERNAL
            error = WireError(
                internal.value, internal.owner, "the daemon has a bug", remedy=internal.remedy, reference=reference
            )
            conversation.post(link.error(id, error))
        finally:
            conversation.requests.pop(id, None)
            conversation.changing.discard(id)
        conversation.wake()

    # -- time --------------------------------------------------------------------------------------------------

    def tick(self) -> None:
        """Every heartbeat: who is silent for too long is gone."""
        now = self._clock.monotonic_ms()
        for routing, conversation in tuple(self._conversations.items()):
            conversation.link.tick(now)
            if conversation.link.lost or conversation.closed:
                self._drop(routing)
        for routing, since in tuple(self._muted.items()):
            if now - since >= _MUTE_MS:
                del self._muted[routing]

    def _drop(self, routing: bytes) -> None:
        conversation = self._conversations.pop(routing, None)
        if conversation is None:
            return
        conversation.close()
        client = (conversation.caller.client, conversation.caller.role)
        if self._by_client.get(client) == routing:
            del self._by_client[client]
        self._streams.leave(conversation)
        wanted = self._streams.wanted()
        for turn in conversation.stop_with:
            if turn.partition(".")[0] not in wanted:
                self._gone(turn)

    def active_at_ms(self) -> int:
        """The last key press of any person, as clients tell it."""
        return max((c.caller.active_at_ms for c in self._conversations.values()), default=0)

    def close(self) -> None:
        """Say that the daemon stops, then close the socket."""
        error = RemoteProtocolError(ErrorCode.STOPPING, "the daemon is stopping").to_wire()
        for conversation in self._conversations.values():
            for id in tuple(conversation.requests):
                try:
                    conversation.post(conversation.link.error(id, error))
                except LocalProtocolError:
                    continue
            conversation.close()
        self._socket.close()


def _role(text: str) -> Role | None:
    """The role that the door-keeper wrote on the connection; None for a word that is none."""
    return next((role for role in get_args(Role) if role == text), None)
