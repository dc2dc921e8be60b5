"""One client's conversation: its link, what it is owed, what it has asked.

Decides when an event may leave (credit, a writable pipe) and never waits for anybody: what can't leave stays in the
outbox, bounded. Callers: `server.router`.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence

from agentd.server.outbox import Outbox
from agentd.server.rounds import EVENTS, Rounds
from agentd.services import Caller
from agentproto.limits import LIMITS
from agentproto.link import Link

__all__ = ["Conversation", "in_ms"]

_RETRY_S = 0.005
"""How soon a full pipe is tried again: libzmq does not tell when a ROUTER's peer can take more."""


class Conversation:
    """`send` hands frames to the socket and says whether they left. `rounds`: shared with the other conversations."""

    def __init__(
        self,
        link: Link,
        caller: Caller,
        send: Callable[[Sequence[bytes]], bool],
        more: Callable[[Conversation], None],
        rounds: Rounds | None = None,
    ) -> None:
        self.link = link
        self.caller = caller
        self.outbox = Outbox()
        self.requests: dict[int, asyncio.Task[None]] = {}
        self.changing: set[int] = set()
        """Requests that change something: they run to their end."""
        self.granted = caller.role
        """The role of the key, before hello asked for less."""
        self.stop_with: set[str] = set()
        """Turns that end when this client vanishes and nobody else listens."""
        self._send = send
        self._more = more
        self._rounds = rounds or Rounds(in_ms)
        self._stuck: deque[Sequence[bytes]] = deque()
        self._stuck_bytes = 0
        self._scheduled = False
        self._closed = False

    def post(self, frames: Sequence[bytes]) -> None:
        """Send a reply, an error, a pong. It waits its turn when the pipe is full; a client that goes on asking and takes
        nothing is lost (`closed`). Nothing leaves any more then: a routing id may be another conversation's by now."""
        if self._closed:
            return
        if self._stuck or not self._send(frames):
            self._stick(frames)
            self._later()

    def _stick(self, frames: Sequence[bytes]) -> None:
        self._stuck.append(frames)
        self._stuck_bytes += sum(map(len, frames))
        if len(self._stuck) > LIMITS.queue_events or self._stuck_bytes > LIMITS.message_bytes + LIMITS.queue_bytes:
            self.close()

    @property
    def closed(self) -> bool:
        return self._closed

    def wake(self) -> None:
        """Let events leave soon: once for all that is put in before their round comes. Whose window is shut is woken
        again by its credit."""
        if self._closed or not (self._stuck or self.link.window_open):
            return
        if self.outbox.numbered:
            self._rounds.hurry()
        if not self._scheduled:
            self._scheduled = True
            self._rounds.join(self._pump)

    def _later(self) -> None:
        if not self._scheduled and not self._closed:
            self._scheduled = True
            asyncio.get_running_loop().call_later(_RETRY_S, self._pump, EVENTS)

    def _pump(self, most: int) -> int:
        """Send at most `most` events; how many left."""
        self._scheduled = False
        if self._closed:
            return 0
        while self._stuck:
            if not self._send(self._stuck[0]):
                self._later()
                return 0
            self._stuck_bytes -= sum(map(len, self._stuck.popleft()))
        sent = 0
        while self.link.window_open:
            if not len(self.outbox):
                self._more(self)
                if not len(self.outbox):
                    break
            if sent >= most:
                self.wake()
                break
            name, body = self.outbox.pop()
            frames = self.link.event(name, body)
            if not self._send(frames):
                self._stick(frames)
                self._later()
                break
            sent += 1
        return sent

    def close(self) -> None:
        """The conversation is over; its requests go on, their answers go nowhere."""
        self._closed = True
        self._stuck.clear()


def in_ms(ms: int, call: Callable[[], None]) -> None:
    """Have the running loop make a call after `ms`, with 0 as soon as it comes round."""
    loop = asyncio.get_running_loop()
    if ms:
        loop.call_later(ms / 1000, call)
    else:
        loop.call_soon(call)
