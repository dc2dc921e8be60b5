"""One client's conversation over any number of links, without any I/O: what must survive a reconnect.

A `Link` dies with its socket. What outlives it is here: requests that have no answer yet (sent again on the next link
with the same idempotency key), subscriptions (taken up after the last number seen, nothing doubled), and the variables
that the daemon asked for (a restarted daemon has forgotten them). It never sleeps, touches no socket and no clock.
Callers: the two pumps, `blocking` and `client`.

Values on the way of a one-shot command are frozen structs: each frozen dataclass would cost it 0.4 ms at import.

    pump: begin() -> send; receive(frames) -> outcomes; outgoing(now) -> send; lost? -> new socket, begin() again
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence

import msgspec

from agentproto.__about__ import __version__
from agentproto.envelope import Hello, Kind, Welcome
from agentproto.errors import RemoteProtocolError, WireError
from agentproto.framing import decode_header
from agentproto.limits import LIMITS
from agentproto.link import Failed, Happened, Link, Replied, Welcomed
from agentproto.link_states import State
from agentproto.versions import CAPABILITIES, WIRE_MAX, WIRE_MIN, VersionRange

__all__ = ["Answered", "Conversation", "Opened", "Outcome", "Refused"]


class Opened(msgspec.Struct, frozen=True):
    """The daemon said welcome. Everything that waited is on its way."""

    welcome: Welcome


class Answered(msgspec.Struct, frozen=True):
    ticket: int
    body: dict[str, object]
    blobs: tuple[bytes, ...]


class Refused(msgspec.Struct, frozen=True):
    """`ticket` 0: the error answers no request of the caller's (a refused hello, a lost subscription)."""

    ticket: int
    error: WireError


Outcome = Opened | Answered | Refused | Happened


class _Pending(msgspec.Struct, frozen=True):
    method: str
    body: dict[str, object]
    blobs: tuple[bytes, ...]
    own: bool
    """Asked by the conversation itself; nobody waits for the answer."""


class Conversation:
    """`name` is shown to people; `client` is the id that stays. `variables`: the environment from which the daemon may
    be given what it asks for; None gives it nothing."""

    def __init__(self, name: str, client: str, variables: Mapping[str, str] | None = None) -> None:
        self.name = name
        self.client = client
        self.welcome: Welcome | None = None
        self._variables = variables
        self._link = Link("client", counts_on_receive=False)
        self._given = 0
        self._given_before = 0
        self._tickets = 0
        self._pending: dict[int, _Pending] = {}
        self._by_id: dict[int, int] = {}
        self._held: deque[int] = deque()
        self._out: list[list[bytes]] = []
        self._followed: set[str] = set()
        self._heads: dict[str, int] = {}

    # -- a link begins -----------------------------------------------------------------------------------------

    def begin(self, now_ms: int) -> list[bytes]:
        """Hello on a new link. What was pending stays pending until that link is open."""
        self._link = Link("client", counts_on_receive=False)
        self._given_before += self._given
        self._given = 0
        self._by_id = {}
        self._held.clear()
        self._out = []
        hello = Hello(__version__, VersionRange(WIRE_MIN, WIRE_MAX), CAPABILITIES, self.client, self.name)
        return self._link.hello(hello, now_ms)

    def _opened(self, welcome: Welcome) -> None:
        again, self.welcome = self.welcome is not None, welcome
        waiting = {ticket: pending for ticket, pending in self._pending.items() if not pending.own}
        self._pending = {}
        if self._variables is not None and welcome.role == "owner":
            wanted = {name: self._variables[name] for name in welcome.variables if name in self._variables}
            if wanted:
                self._ask_ourselves("daemon.environment", {"variables": wanted})
        if again:
            for stream in sorted(self._followed):
                self._subscribe_again(stream, self._heads.get(stream, 0))
        self._pending |= waiting
        for ticket in waiting:
            self._send(ticket)

    # -- asking ------------------------------------------------------------------------------------------------

    def ask(self, method: str, body: dict[str, object], blobs: Sequence[bytes] = ()) -> int:
        """A request; its ticket (1, 2, ...) comes back with the answer. Sent now, or as soon as a link is open.

        LocalProtocolError when a limit of the wire is passed; nothing is pending then.
        """
        return self._add(_Pending(method, body, tuple(blobs), own=False))

    def _ask_ourselves(self, method: str, body: dict[str, object]) -> None:
        self._add(_Pending(method, body, (), own=True))

    def _add(self, pending: _Pending) -> int:
        self._tickets += 1
        ticket = self._tickets
        self._pending[ticket] = pending
        if pending.method == "log.subscribe" and not pending.own:
            after = pending.body.get("after_seq", 0)
            self._followed.add(str(pending.body.get("stream")))
            self._heads[str(pending.body.get("stream"))] = after if isinstance(after, int) else 0
        if self._link.state is State.OPEN:
            try:
                self._send(ticket)
            except Exception:
                del self._pending[ticket]
                raise
        return ticket

    def _send(self, ticket: int) -> None:
        if len(self._by_id) >= LIMITS.in_flight_requests:
            self._held.append(ticket)  # a reconnect takes up any number of subscriptions at once
            return
        pending = self._pending[ticket]
        id, frames = self._link.request(pending.method, pending.body, pending.blobs)
        self._by_id[id] = ticket
        self._out.append(frames)

    def cancel(self, ticket: int) -> None:
        """Tell the daemon that nobody waits any more; an answer that comes nevertheless is dropped."""
        if self._pending.pop(ticket, None) is None:
            return
        for id, known in self._by_id.items():
            if known == ticket and self._link.state is State.OPEN:
                self._out.append(self._link.cancel(id))

    # -- frames in ---------------------------------------------------------------------------------------------

    def receive(self, frames: Sequence[bytes], now_ms: int) -> Outcome | None:
        """What one message means to the caller; None when it means nothing to it."""
        try:
            event = self._link.receive(frames, now_ms)
        except RemoteProtocolError as fault:
            return self._unreadable(frames, fault)
        match event:
            case Welcomed(welcome):
                self._opened(welcome)
                return Opened(welcome)
            case Replied(id, body, blobs):
                ticket, pending = self._take(id)
                if pending is None:
                    return None
                self._learn(pending, body)
                return None if pending.own else Answered(ticket, body, blobs)
            case Failed(id, error):
                if id == 0:
                    return Refused(0, error)
                ticket, pending = self._take(id)
                if pending is None:
                    return None
                if pending.method == "log.subscribe":
                    self._followed.discard(str(pending.body.get("stream")))
                if pending.own:
                    return None if pending.method == "daemon.environment" else Refused(0, error)
                return Refused(ticket, error)
            case Happened():
                if self._is_new(event):
                    self._given += 1
                    return event
                self._link.handled(event)
                return None
            case _:
                return None

    def handled(self, event: Happened) -> None:
        """The reader is done with an event that `receive` gave, in the order given: it may have another. A reader that
        does not come to it is felt at the daemon, not in an endless queue here."""
        if self._given_before:  # of a link that is gone, with its account
            self._given_before -= 1
        elif self._given:
            self._given -= 1
            self._link.handled(event)

    def _take(self, id: int) -> tuple[int, _Pending | None]:
        ticket = self._by_id.pop(id, 0)
        taken = self._pending.pop(ticket, None)
        while self._held and len(self._by_id) < LIMITS.in_flight_requests:
            held = self._held.popleft()
            if held in self._pending:
                self._send(held)
        return ticket, taken

    def _unreadable(self, frames: Sequence[bytes], fault: RemoteProtocolError) -> Outcome | None:
        """An answer that breaks the rules still ends its request: waiting for it for ever would be worse."""
        try:
            _, kind, id, _ = decode_header(frames[0])
        except RemoteProtocolError:
            return None
        ticket, pending = self._take(id) if kind in (Kind.REPLY, Kind.ERROR) else (0, None)
        return None if pending is None or pending.own else Refused(ticket, fault.to_wire())

    def _learn(self, pending: _Pending, body: dict[str, object]) -> None:
        """Which streams are ours now, and from which number on."""
        match pending.method, body:
            case "log.subscribe", {"stream": str() as stream, "head_seq": int() as head}:
                if pending.body.get("after_seq") == -1:
                    self._heads[stream] = max(head, self._heads.get(stream, 0))
            case "log.unsubscribe", _:
                self._followed.discard(str(pending.body.get("stream")))
            case "turn.start", {"session": str() as session, "seq": int() as seq} if pending.body.get("subscribe"):
                self._followed.add(session)
                self._heads.setdefault(session, seq - 1)
            case _:
                pass

    def _is_new(self, event: Happened) -> bool:
        stream, seq = event.body.get("stream"), event.body.get("seq")
        if not isinstance(stream, str):
            return True
        if event.name == "log.gap":
            after = event.body.get("resume_after")
            self._subscribe_again(stream, after if isinstance(after, int) else 0)
            return False
        if not isinstance(seq, int) or seq == 0 or event.name == "turn.delta":
            # Deltas have no number of their own: their item and offset keep them apart. 0: said, but not from the log.
            return True
        if seq <= self._heads.get(stream, 0):
            return False
        self._heads[stream] = seq
        return True

    def _subscribe_again(self, stream: str, after: int) -> None:
        self._ask_ourselves("log.subscribe", {"stream": stream, "after_seq": after})

    # -- frames out, and time ----------------------------------------------------------------------------------

    def outgoing(self, now_ms: int, active_at_ms: int = 0) -> list[list[bytes]]:
        """Everything that has to be sent now: requests, credit, heartbeats. Call it after `ask`, after `receive`, and
        at least once a second while waiting."""
        out, self._out = self._out, []
        out += self._link.take_owed()
        out += self._link.tick(now_ms, active_at_ms)
        return out

    @property
    def lost(self) -> bool:
        """The daemon was silent for three heartbeats."""
        return self._link.lost

    @property
    def heartbeat_ms(self) -> int:
        return self._link.heartbeat_ms
