"""Two links driven at random: messages wait on the way, arrive late, are nonsense; the promises hold at every step.

The model beside them counts only what crossed the wire, so that it can't share a link's own mistake.
"""

from __future__ import annotations

import copy
from collections import deque

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from agentproto.codec import encode_map
from agentproto.envelope import Hello, Kind
from agentproto.errors import ErrorCode, LocalProtocolError, RemoteProtocolError, WireError
from agentproto.framing import from_frames, to_frames
from agentproto.limits import Limits
from agentproto.link import Failed, Happened, Replied, Requested
from agentproto.shape import to_plain
from agentproto.testing import LinkPair, a_hello, a_welcome
from agentproto.versions import CAPABILITIES, WIRE_MAX, WIRE_MIN, VersionRange

LIMITS = Limits(window_events=8, window_bytes=400, in_flight_requests=3)
SIZES = st.integers(0, 600)
NONSENSE = st.one_of(
    st.lists(st.binary(max_size=12), max_size=4),
    st.sampled_from(
        [
            to_frames(Kind.HELLO, 0, "", to_plain(a_hello())),
            to_frames(Kind.WELCOME, 0, "", to_plain(a_welcome())),
            to_frames(Kind.REQUEST, 0, "turn.start"),
            to_frames(Kind.REPLY, 2**40),
            to_frames(Kind.CREDIT, 0, "", {"events": 2**40, "bytes": 0}),
            to_frames(Kind.CREDIT, 0, "", {"events": 0, "bytes": 2**40}),
            to_frames(Kind.ERROR, 0, "", {"code": 1}),
            to_frames(Kind.PING, 0, "", {"active_at_ms": "now"}),
        ]
    ),
)


class Conversation(RuleBasedStateMachine):
    """`up` and `down` are the wire; a message is on it until a rule delivers it."""

    def __init__(self) -> None:
        super().__init__()
        self.pair = LinkPair(LIMITS, counts_on_receive=False)
        self.up: deque[list[bytes]] = deque()
        self.down: deque[list[bytes]] = deque()
        self.unhandled: deque[Happened] = deque()
        self.window = (0, 0)
        self.sent: list[int] = []
        self.credited = (0, 0)
        self.requested: list[int] = []
        self.answered: list[int] = []

    @initialize(events=st.integers(-1, 12), size=st.integers(-1, 600))
    def greet(self, events: int, size: int) -> None:
        hello = Hello(
            product="1",
            wire=VersionRange(WIRE_MIN, WIRE_MAX),
            capabilities=CAPABILITIES,
            client="c",
            name="n",
            credit_events=events,
            credit_bytes=size,
        )
        self.pair.greet(hello)
        self.window = (max(1, min(events, 8)), max(1, min(size, 400)))

    # what either end does

    @rule(body=st.dictionaries(st.sampled_from("abc"), st.integers(0, 9)))
    def client_requests(self, body: dict[str, object]) -> None:
        id, frames = self.pair.client.request("session.list", body)
        assert id not in self.requested
        self.requested.append(id)
        self.up.append(frames)

    @precondition(lambda self: self.requested)
    @rule(data=st.data())
    def client_cancels(self, data: st.DataObject) -> None:
        self.up.append(self.pair.client.cancel(data.draw(st.sampled_from(self.requested))))

    @precondition(lambda self: self.pair.daemon.open_requests)
    @rule(data=st.data(), well=st.booleans())
    def daemon_answers(self, data: st.DataObject, well: bool) -> None:
        id = data.draw(st.sampled_from(sorted(self.pair.daemon.open_requests)))
        daemon = self.pair.daemon
        self.down.append(daemon.reply(id, {}) if well else daemon.error(id, WireError("conflict", "client", "no")))

    @rule(size=SIZES)
    def daemon_publishes(self, size: int) -> None:
        if self.pair.daemon.window_open:
            body = encode_map({"": b"x" * size})
            self.sent.append(len(body))
            self.down.append(self.pair.daemon.event("turn.delta", body))

    @rule()
    def client_handles_an_event(self) -> None:
        if self.unhandled:
            self.pair.client.handled(self.unhandled.popleft())

    @rule()
    def both_send_what_they_owe(self) -> None:
        self.up.extend(self.pair.client.take_owed())
        self.down.extend(self.pair.daemon.take_owed())

    # the wire

    @rule()
    def the_daemon_receives(self) -> None:
        if not self.up:
            return
        frames = self.up.popleft()
        message = from_frames(frames)
        try:
            event = self.pair.to_daemon(frames)
        except RemoteProtocolError as fault:
            expected = fault.code is ErrorCode.BUSY and len(self.pair.daemon.open_requests) == 3
            if not expected:
                raise
            self.down.append(self.pair.daemon.error(message.id, fault.to_wire()))
            return
        if message.kind is Kind.CREDIT:
            self.credited = (int(str(message.body["events"])), int(str(message.body["bytes"])))
        assert isinstance(event, Requested) == (message.kind is Kind.REQUEST)

    @rule()
    def the_client_receives(self) -> None:
        if not self.down:
            return
        event = self.pair.to_client(self.down.popleft())
        match event:
            case Happened():
                self.unhandled.append(event)
            case Replied(id=id) | Failed(id=id):
                assert id not in self.answered
                self.answered.append(id)

    @rule(ms=st.integers(0, 2_000))
    def time_passes(self, ms: int) -> None:
        """A pump receives everything that waits before it asks for heartbeats."""
        self.pair.now_ms += ms
        self.up.extend(self.pair.client.tick(self.pair.now_ms))
        self.everything_arrives()
        assert self.pair.daemon.tick(self.pair.now_ms) == []

    def everything_arrives(self) -> None:
        self.both_send_what_they_owe()
        while self.up or self.down:
            self.the_daemon_receives()
            self.the_client_receives()
            self.both_send_what_they_owe()

    # what must not be

    @rule(frames=NONSENSE, at_client=st.booleans())
    def nonsense_arrives(self, frames: list[bytes], at_client: bool) -> None:
        link = self.pair.client if at_client else self.pair.daemon
        before = copy.deepcopy(vars(link))
        try:
            link.receive(frames, self.pair.now_ms + 1)
        except RemoteProtocolError:
            assert vars(link) == before
            return
        raise AssertionError(f"taken: {frames}")

    @rule(which=st.integers(0, 6))
    def a_wrong_call_is_made(self, which: int) -> None:
        client, daemon = self.pair.client, self.pair.daemon
        calls = [
            (client, lambda: client.hello(a_hello(), 0)),
            (client, lambda: client.reply(1, {})),
            (client, lambda: client.event("a.b", b"\x80")),
            (client, lambda: client.request("a.b", {"x": object()})),
            (daemon, lambda: daemon.welcome(a_welcome())),
            (daemon, lambda: daemon.request("a.b", {})),
            (daemon, lambda: daemon.cancel(1)),
        ]
        link, call = calls[which]
        before = copy.deepcopy(vars(link))
        try:
            call()  # type: ignore[no-untyped-call]
        except LocalProtocolError:
            assert vars(link) == before
            return
        raise AssertionError(f"allowed: {which}")

    # what always holds

    @invariant()
    def nobody_is_lost(self) -> None:
        assert not self.pair.client.lost
        assert not self.pair.daemon.lost

    @invariant()
    def what_is_in_flight_stays_below_the_window_and_one_event(self) -> None:
        events, size = len(self.sent) - self.credited[0], sum(self.sent) - self.credited[1]
        assert 0 <= events <= max(self.window[0], 0)
        assert size - (self.sent[-1] if self.sent else 0) < max(self.window[1], 1)
        assert self.pair.daemon.window_open == (events < self.window[0] and size < self.window[1])

    @invariant()
    def a_request_is_open_at_the_client_until_its_answer_arrived(self) -> None:
        assert self.pair.client.open_requests == set(self.requested) - set(self.answered)
        assert self.pair.daemon.open_requests <= self.pair.client.open_requests
        assert len(self.pair.daemon.open_requests) <= 3

    def teardown(self) -> None:
        """However it went: when all was carried over and handled, the window is open and nothing waits for ever."""
        if not self.window[0]:
            return
        self.everything_arrives()
        while self.unhandled:
            self.client_handles_an_event()
        self.everything_arrives()
        assert self.pair.daemon.window_open
        for id in sorted(self.pair.daemon.open_requests):
            self.down.append(self.pair.daemon.reply(id, {}))
        self.everything_arrives()
        assert self.pair.client.open_requests == frozenset()


def test_two_links_keep_their_promises_whatever_happens() -> None:
    run_state_machine_as_test(Conversation, settings=settings(max_examples=150, stateful_step_count=40))
