"""One conversation, either side of it, without any I/O: frames in, events out; calls in, frames out.

The link knows the protocol and nothing else: it never sleeps, looks at no clock (`now_ms` is an argument, monotonic)
and touches no socket. A pump (the daemon's router, `agentclient.blocking`, `agentclient.client`) moves the frames.

Two rules keep it honest. Whatever the peer sends that breaks the protocol raises RemoteProtocolError and changes
nothing in here. Whatever this side asks for that is not allowed raises LocalProtocolError and sends nothing.

Flow control: a client grants credit (cumulative events and bytes handled); the daemon's side answers `window_open`,
so that what is in flight to one slow client stays bounded and the rest waits where it can be merged.

The events are structs: every one-shot command imports them, and nine frozen dataclasses would cost it 4 ms.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from agentproto.envelope import Credit, Hello, Kind, Message, Ping, Welcome
from agentproto.errors import ErrorCode, LocalProtocolError, RemoteProtocolError, WireError
from agentproto.framing import from_frames, to_frames
from agentproto.limits import LIMITS, Limits
from agentproto.link_states import Side, State, after_receive, after_send
from agentproto.shape import to_plain, typed
from agentproto.versions import WIRE_MAX, WIRE_MIN

__all__ = [
    "BEATS_MISSED",
    "Beat",
    "Cancelled",
    "Credited",
    "Failed",
    "Greeted",
    "Happened",
    "Link",
    "LinkEvent",
    "Replied",
    "Requested",
    "Welcomed",
]

BEATS_MISSED = 3
"""Silence of this many heartbeats means that the peer is lost."""


class Greeted(msgspec.Struct, frozen=True):
    """Daemon's side: a client said hello. Answer with `welcome` or `error`."""

    hello: Hello


class Welcomed(msgspec.Struct, frozen=True):
    """Client's side: the conversation is open."""

    welcome: Welcome


class Requested(msgspec.Struct, frozen=True):
    id: int
    method: str
    body: dict[str, object]
    blobs: tuple[bytes, ...]


class Cancelled(msgspec.Struct, frozen=True):
    id: int


class Credited(msgspec.Struct, frozen=True):
    """The client has handled more; look at `window_open` again."""


class Replied(msgspec.Struct, frozen=True):
    id: int
    body: dict[str, object]
    blobs: tuple[bytes, ...]


class Failed(msgspec.Struct, frozen=True):
    """`id` 0, or one that is not open: the error answers no request (a refused hello, a frame that can't be read)."""

    id: int
    error: WireError


class Happened(msgspec.Struct, frozen=True):
    """An event of a stream. `size` is the number of bytes of its body: what it takes of the window."""

    name: str
    body: dict[str, object]
    size: int = 0


class Beat(msgspec.Struct, frozen=True):
    """A heartbeat came. `active_at_ms` is set on the daemon's side."""

    active_at_ms: int


LinkEvent = Greeted | Welcomed | Requested | Cancelled | Credited | Replied | Failed | Happened | Beat


class Link:
    """`side` says which end this is. Frames that the link itself owes the peer wait in `take_owed()`.

    An event counts as handled when it is received. A client that keeps received events in a queue of its own sets
    `counts_on_receive=False` and calls `handled` when one leaves that queue, so that its slowness is felt at the daemon.
    """

    def __init__(
        self, side: Side, *, heartbeat_ms: int = 2000, limits: Limits = LIMITS, counts_on_receive: bool = True
    ) -> None:
        self.side = side
        self.counts_on_receive = counts_on_receive
        self.state = State.NEW
        self.heartbeat_ms = heartbeat_ms
        self.limits = limits
        self._owed: list[list[bytes]] = []
        self._next_id = 1
        self._open_ids: set[int] = set()
        self._heard_ms: int | None = None
        self._beat_ms: int | None = None
        # Events and bytes: sent (daemon), handled and last granted (client), credited (daemon).
        self._sent = Credit(0, 0)
        self._handled = Credit(0, 0)
        self._granted = Credit(0, 0)
        self._credit = Credit(0, 0)
        self._window = Credit(limits.window_events, limits.window_bytes)

    # -- frames in ---------------------------------------------------------------------------------------------

    def receive(self, frames: Sequence[bytes], now_ms: int) -> LinkEvent:
        """What one message means. RemoteProtocolError when it breaks the rules; the link is as it was then."""
        message = from_frames(frames, self.limits)
        state = after_receive(self.side, self.state, message.kind)
        if state is None:
            ungreeted = self.side == "daemon" and self.state is not State.OPEN
            code = ErrorCode.NOT_GREETED if ungreeted else ErrorCode.BAD_FRAME
            raise RemoteProtocolError(code, f"{message.kind.name.lower()} is not expected now ({self.state.value})")
        event = self._understand(message)
        self.state = state
        self._heard_ms = now_ms
        return event

    def _understand(self, message: Message) -> LinkEvent:
        match message.kind:
            case Kind.HELLO:
                hello = typed(message.body, Hello)
                self._window = self._window_of(hello)
                return Greeted(hello)
            case Kind.WELCOME:
                welcome = typed(message.body, Welcome)
                if not WIRE_MIN <= welcome.wire <= WIRE_MAX:
                    raise RemoteProtocolError(
                        ErrorCode.BAD_VERSION, f"wire version {welcome.wire} was not offered", field="wire"
                    )
                self.heartbeat_ms = welcome.heartbeat_ms
                return Welcomed(welcome)
            case Kind.REQUEST:
                if message.id in self._open_ids or message.id == 0:
                    raise RemoteProtocolError(ErrorCode.BAD_FRAME, f"request id {message.id} is taken or 0")
                if len(self._open_ids) >= self.limits.in_flight_requests:
                    raise RemoteProtocolError(ErrorCode.BUSY, "too many requests of this client are unanswered")
                self._open_ids.add(message.id)
                return Requested(message.id, message.name, message.body, message.blobs)
            case Kind.CANCEL:
                return Cancelled(message.id)
            case Kind.CREDIT:
                credit = typed(message.body, Credit)
                if credit.events > self._sent.events or credit.bytes > self._sent.bytes:
                    raise RemoteProtocolError(ErrorCode.BAD_FRAME, "credit for more than was sent")
                self._credit = Credit(max(credit.events, self._credit.events), max(credit.bytes, self._credit.bytes))
                return Credited()
            case Kind.REPLY:
                self._answered(message.id)
                return Replied(message.id, message.body, message.blobs)
            case Kind.ERROR:
                error = typed(message.body, WireError)
                self._open_ids.discard(message.id)
                return Failed(message.id, error)
            case Kind.EVENT:
                happened = Happened(message.name, message.body, message.size)
                if self.counts_on_receive:
                    self.handled(happened)
                return happened
            case Kind.PING:
                ping = typed(message.body, Ping)
                self._owed.append(to_frames(Kind.PONG, message.id))
                return Beat(ping.active_at_ms)
            case Kind.PONG:
                return Beat(0)

    def _answered(self, id: int) -> None:
        if id not in self._open_ids:
            raise RemoteProtocolError(ErrorCode.BAD_FRAME, f"a reply to request {id}, which is not open")
        self._open_ids.discard(id)

    # -- frames out --------------------------------------------------------------------------------------------

    def hello(self, hello: Hello, now_ms: int) -> list[bytes]:
        frames = self._send(Kind.HELLO, 0, "", to_plain(hello))
        self._beat_ms = self._heard_ms = now_ms
        self._window = self._window_of(hello)
        return frames

    def welcome(self, welcome: Welcome) -> list[bytes]:
        return self._send(Kind.WELCOME, 0, "", to_plain(welcome))

    def request(self, method: str, body: dict[str, object], blobs: Sequence[bytes] = ()) -> tuple[int, list[bytes]]:
        """(id, frames). Ids count up and are never used twice in one conversation."""
        id = self._next_id
        frames = self._send(Kind.REQUEST, id, method, body, blobs)
        self._next_id += 1
        self._open_ids.add(id)
        return id, frames

    def reply(self, id: int, body: dict[str, object], blobs: Sequence[bytes] = ()) -> list[bytes]:
        frames = self._send(Kind.REPLY, id, "", body, blobs)
        self._open_ids.discard(id)
        return frames

    def error(self, id: int, error: WireError) -> list[bytes]:
        frames = self._send(Kind.ERROR, id, "", to_plain(error))
        self._open_ids.discard(id)
        return frames

    def event(self, name: str, body: bytes) -> list[bytes]:
        """One event; `body` is made once by `codec.encode_map` for all its readers. Ask `window_open` before: an event
        is not refused when it is shut, because the one that says `log.gap` has to get through."""
        frames = self._send(Kind.EVENT, 0, name, body)
        self._sent = Credit(self._sent.events + 1, self._sent.bytes + len(body))
        return frames

    def cancel(self, id: int) -> list[bytes]:
        return self._send(Kind.CANCEL, id)

    def _send(
        self,
        kind: Kind,
        id: int = 0,
        name: str = "",
        body: dict[str, object] | bytes | None = None,
        blobs: Sequence[bytes] = (),
    ) -> list[bytes]:
        state = after_send(self.side, self.state, kind)
        if state is None:
            raise LocalProtocolError(
                ErrorCode.BAD_FRAME, f"{kind.name.lower()} can't be sent by the {self.side} now ({self.state.value})"
            )
        frames = to_frames(kind, id, name, body, blobs, limits=self.limits)
        self.state = state
        return frames

    # -- flow and time -----------------------------------------------------------------------------------------

    @property
    def window_open(self) -> bool:
        """Daemon's side: whether one more event may be sent now. What is in flight thus stays below the window plus one
        event: an event that is larger than what is left (or than the window) must be able to pass."""
        return (
            self._sent.events - self._credit.events < self._window.events
            and self._sent.bytes - self._credit.bytes < self._window.bytes
        )

    def handled(self, event: Happened) -> None:
        """Client's side, with `counts_on_receive=False`: this event was dealt with and its room is free again."""
        self._handled = Credit(self._handled.events + 1, self._handled.bytes + event.size)

    def _window_of(self, hello: Hello) -> Credit:
        """What a hello asks for, within the limits: both sides must count with the same window."""
        return Credit(
            max(1, min(hello.credit_events, self.limits.window_events)),
            max(1, min(hello.credit_bytes, self.limits.window_bytes)),
        )

    def take_owed(self) -> list[list[bytes]]:
        """Messages that the link owes: answers to pings, and credit once half the window was handled."""
        owed, self._owed = self._owed, []
        if (
            self.side == "client"
            and self.state is State.OPEN
            and (
                (self._handled.events - self._granted.events) * 2 >= self._window.events
                or (self._handled.bytes - self._granted.bytes) * 2 >= self._window.bytes
            )
        ):
            self._granted = self._handled
            owed.append(self._send(Kind.CREDIT, 0, "", to_plain(self._granted)))
        return owed

    def tick(self, now_ms: int, active_at_ms: int = 0) -> list[list[bytes]]:
        """Heartbeats that are due (client's side), and the decision that the peer is lost.

        Call it after everything that waits in the socket was received: a pump that slept must not take its own silence
        for the peer's.
        """
        if self._heard_ms is None:
            self._heard_ms = now_ms
        if self.state is not State.LOST and now_ms - self._heard_ms > BEATS_MISSED * self.heartbeat_ms:
            self.state = State.LOST
            return []
        if self.side == "daemon" or self.state is not State.OPEN:
            return []
        if self._beat_ms is not None and now_ms - self._beat_ms < self.heartbeat_ms:
            return []
        self._beat_ms = now_ms
        return [self._send(Kind.PING, 0, "", to_plain(Ping(active_at_ms)))]

    @property
    def lost(self) -> bool:
        return self.state is State.LOST

    @property
    def open_requests(self) -> frozenset[int]:
        """Requests that have no answer yet."""
        return frozenset(self._open_ids)
