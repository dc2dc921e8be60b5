"""LinkPair: both ends of one conversation with a fake wire between them, for tests and for plug-in authors.

Every message goes through real frames, so a test of one side also checks the other side's view of it.
"""

from __future__ import annotations

from agentproto.__about__ import __version__
from agentproto.envelope import Hello, Welcome
from agentproto.limits import LIMITS, Limits
from agentproto.link import Link, LinkEvent
from agentproto.versions import CAPABILITIES, WIRE_MAX, WIRE_MIN, VersionRange

__all__ = ["LinkPair", "a_hello", "a_welcome"]


def a_hello(client: str = "test-client") -> Hello:
    return Hello(
        product=__version__,
        wire=VersionRange(WIRE_MIN, WIRE_MAX),
        capabilities=CAPABILITIES,
        client=client,
        name="test",
    )


def a_welcome(methods: tuple[str, ...] = ()) -> Welcome:
    return Welcome(
        product=__version__,
        wire=WIRE_MAX,
        capabilities=CAPABILITIES,
        daemon="d-test",
        role="owner",
        pid=1,
        sandbox="none",
        model="offline",
        methods=methods,
    )


class LinkPair:
    """`client` and `daemon` are Links; `now_ms` is the time both are told."""

    def __init__(self, limits: Limits = LIMITS, *, counts_on_receive: bool = True) -> None:
        self.client = Link("client", limits=limits, counts_on_receive=counts_on_receive)
        self.daemon = Link("daemon", limits=limits)
        self.now_ms = 0

    def greet(self, hello: Hello | None = None, welcome: Welcome | None = None) -> None:
        """Take both ends to OPEN."""
        self.to_daemon(self.client.hello(hello or a_hello(), self.now_ms))
        self.to_client(self.daemon.welcome(welcome or a_welcome()))

    def to_daemon(self, frames: list[bytes]) -> LinkEvent:
        return self.daemon.receive(frames, self.now_ms)

    def to_client(self, frames: list[bytes]) -> LinkEvent:
        return self.client.receive(frames, self.now_ms)

    def settle(self) -> list[LinkEvent]:
        """Carry over what either end owes the other; the events that came of it."""
        events: list[LinkEvent] = []
        for frames in self.client.take_owed():
            events.append(self.to_daemon(frames))
        for frames in self.daemon.take_owed():
            events.append(self.to_client(frames))
        return events
