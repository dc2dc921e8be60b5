"""The shipped double itself: a plug-in author's tests are as true as it is."""

from __future__ import annotations

from agentproto.limits import Limits
from agentproto.link import Greeted, Happened, Requested, Welcomed
from agentproto.link_states import State
from agentproto.shape import to_plain, typed
from agentproto.testing import LinkPair, a_hello, a_welcome


def test_greet_opens_both_ends() -> None:
    pair = LinkPair()
    assert (pair.client.state, pair.daemon.state) == (State.NEW, State.NEW)
    pair.greet()
    assert (pair.client.state, pair.daemon.state) == (State.OPEN, State.OPEN)


def test_greet_takes_other_introductions() -> None:
    pair = LinkPair()
    hello, welcome = a_hello("other"), a_welcome(("turn.start",))
    assert pair.to_daemon(pair.client.hello(hello, 0)) == Greeted(hello)
    assert pair.to_client(pair.daemon.welcome(welcome)) == Welcomed(welcome)
    other = LinkPair()
    other.greet(hello, welcome)
    assert other.client.state is State.OPEN


def test_messages_go_through_real_frames() -> None:
    pair = LinkPair(Limits(window_events=3))
    pair.greet()
    _, frames = pair.client.request("turn.start", {"key": "k"}, [b"blob"])
    assert [type(frame) for frame in frames] == [bytes, bytes, bytes]
    assert pair.to_daemon(frames) == Requested(1, "turn.start", {"key": "k"}, (b"blob",))
    assert pair.to_client(pair.daemon.event("log.gap", b"\x80")) == Happened("log.gap", {}, 1)


def test_the_introductions_fit_their_structures() -> None:
    assert typed(to_plain(a_hello()), type(a_hello())) == a_hello()
    assert typed(to_plain(a_welcome(("a.b",))), type(a_welcome())) == a_welcome(("a.b",))
