"""A conversation: every kind in every state, ids, credit, heartbeats. Both sides are real and talk by real frames."""

from __future__ import annotations

import copy

import pytest

from agentproto.codec import encode_map
from agentproto.envelope import Hello, Kind, Ping
from agentproto.errors import ErrorCode, LocalProtocolError, RemoteProtocolError, WireError
from agentproto.framing import from_frames, to_frames
from agentproto.limits import Limits
from agentproto.link import (
    BEATS_MISSED,
    Beat,
    Cancelled,
    Credited,
    Failed,
    Greeted,
    Happened,
    Link,
    Replied,
    Requested,
    Welcomed,
)
from agentproto.link_states import MAY_RECEIVE, MAY_SEND, Side, State
from agentproto.shape import to_plain
from agentproto.testing import LinkPair, a_hello, a_welcome
from agentproto.versions import VersionRange

BODIES: dict[Kind, dict[str, object]] = {
    Kind.HELLO: to_plain(a_hello()),
    Kind.WELCOME: to_plain(a_welcome()),
    Kind.ERROR: {"code": "busy", "owner": "daemon", "message": "no"},
    Kind.CREDIT: {"events": 0, "bytes": 0},
}
TEN = encode_map({"text": "abc"})
assert len(TEN) == 10


def frames_of(kind: Kind, id: int = 0, name: str = "", body: dict[str, object] | None = None) -> list[bytes]:
    return to_frames(kind, id, name, BODIES.get(kind) if body is None else body)


def in_state(side: Side, state: State) -> Link:
    pair = LinkPair()
    link = pair.client if side == "client" else pair.daemon
    if state is State.GREETING:
        frames = pair.client.hello(a_hello(), 0)
        if side == "daemon":
            pair.to_daemon(frames)
    elif state is not State.NEW:
        pair.greet()
    if state is State.OPEN and side == "client":
        link.request("session.list", {})
    elif state is State.LOST:
        link.tick(0)
        link.tick(1_000_000)
    assert link.state is state
    return link


def state_of(link: Link) -> dict[str, object]:
    return copy.deepcopy(vars(link))


def an_open_pair(**limits: int) -> LinkPair:
    pair = LinkPair(Limits(**limits)) if limits else LinkPair()
    pair.greet()
    return pair


def sends(link: Link, kind: Kind) -> list[bytes]:
    """One message of this kind by the call that makes it."""
    match kind:
        case Kind.HELLO:
            return link.hello(a_hello(), 0)
        case Kind.WELCOME:
            return link.welcome(a_welcome())
        case Kind.REQUEST:
            return link.request("session.list", {})[1]
        case Kind.REPLY:
            return link.reply(1, {})
        case Kind.ERROR:
            return link.error(1, WireError("busy", "daemon", "no"))
        case Kind.EVENT:
            return link.event("turn.delta", TEN)
        case Kind.CANCEL:
            return link.cancel(1)
        case Kind.CREDIT | Kind.PING | Kind.PONG:
            raise NotImplementedError("the link makes these by itself")


BY_ITSELF = (Kind.CREDIT, Kind.PING, Kind.PONG)


@pytest.mark.parametrize("kind", [kind for kind in Kind if kind not in BY_ITSELF])
@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("side", ["client", "daemon"])
def test_a_call_that_the_state_does_not_allow_sends_and_changes_nothing(side: Side, state: State, kind: Kind) -> None:
    link = in_state(side, state)
    before = state_of(link)
    if kind in MAY_SEND.get((side, state), ()):
        assert from_frames(sends(link, kind)).kind is kind
    else:
        with pytest.raises(LocalProtocolError, match=f"{kind.name.lower()} can't be sent by the {side} now"):
            sends(link, kind)
        assert state_of(link) == before


@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("side", ["client", "daemon"])
def test_a_message_that_the_state_does_not_expect_changes_nothing(side: Side, state: State, kind: Kind) -> None:
    link = in_state(side, state)
    before = state_of(link)
    frames = frames_of(kind, 1 if kind in (Kind.REQUEST, Kind.REPLY, Kind.CANCEL) else 0)
    if kind in MAY_RECEIVE.get((side, state), ()):
        link.receive(frames, 1)
    else:
        with pytest.raises(RemoteProtocolError) as caught:
            link.receive(frames, 1)
        ungreeted = side == "daemon" and state is not State.OPEN
        assert caught.value.code is (ErrorCode.NOT_GREETED if ungreeted else ErrorCode.BAD_FRAME)
        assert state_of(link) == before


def test_a_conversation_from_hello_to_reply() -> None:
    pair = LinkPair()
    hello, welcome = a_hello(), a_welcome(("session.list",))
    assert pair.to_daemon(pair.client.hello(hello, 0)) == Greeted(hello)
    assert pair.to_client(pair.daemon.welcome(welcome)) == Welcomed(welcome)
    id, frames = pair.client.request("session.list", {"limit": 2}, [b"blob"])
    assert pair.to_daemon(frames) == Requested(1, "session.list", {"limit": 2}, (b"blob",))
    assert pair.to_client(pair.daemon.reply(id, {"sessions": []}, [b"a", b""])) == Replied(
        1, {"sessions": []}, (b"a", b"")
    )
    assert (pair.client.open_requests, pair.daemon.open_requests) == (frozenset(), frozenset())


def test_an_error_closes_the_request_it_answers() -> None:
    pair = an_open_pair()
    id, frames = pair.client.request("session.read", {"session": "s"})
    pair.to_daemon(frames)
    error = WireError(
        code="not_found", owner="client", message="no session s", field="session", retry_after_ms=5, reference="r"
    )
    assert pair.to_client(pair.daemon.error(id, error)) == Failed(1, error)
    assert (pair.client.open_requests, pair.daemon.open_requests) == (frozenset(), frozenset())


def test_an_error_of_no_request_closes_none() -> None:
    pair = an_open_pair()
    pair.client.request("session.list", {})
    for id in (0, 99):
        error = WireError("bad_frame", "client", "?")
        assert pair.to_client(pair.daemon.error(id, error)) == Failed(id, error)
    assert pair.client.open_requests == {1}


def test_a_refused_hello_may_be_answered_and_said_again() -> None:
    pair = LinkPair()
    pair.to_daemon(pair.client.hello(a_hello(), 0))
    refused = WireError("bad_version", "client", "no common version")
    assert pair.to_client(pair.daemon.error(0, refused)) == Failed(0, refused)
    assert (pair.client.state, pair.daemon.state) == (State.GREETING, State.GREETING)


def test_ids_count_up_and_a_failed_send_uses_none() -> None:
    pair = an_open_pair()
    assert pair.client.request("a.b", {})[0] == 1
    with pytest.raises(LocalProtocolError):
        pair.client.request("a.b", {"x": object()})
    assert pair.client.request("a.b", {})[0] == 2
    assert pair.client.open_requests == {1, 2}


@pytest.mark.parametrize("id", [0, 1])
def test_a_request_with_a_taken_id_or_zero_is_refused(id: int) -> None:
    pair = an_open_pair()
    pair.to_daemon(pair.client.request("a.b", {})[1])
    before = state_of(pair.daemon)
    with pytest.raises(RemoteProtocolError) as caught:
        pair.to_daemon(frames_of(Kind.REQUEST, id, "a.b"))
    assert caught.value.code is ErrorCode.BAD_FRAME
    assert state_of(pair.daemon) == before


def test_too_many_unanswered_requests_are_refused_until_one_is_answered() -> None:
    pair = an_open_pair(in_flight_requests=2)
    for _ in range(2):
        pair.to_daemon(pair.client.request("a.b", {})[1])
    third = pair.client.request("a.b", {})[1]
    with pytest.raises(RemoteProtocolError) as caught:
        pair.to_daemon(third)
    assert caught.value.code is ErrorCode.BUSY
    pair.daemon.reply(1, {})
    assert pair.to_daemon(third) == Requested(3, "a.b", {}, ())


@pytest.mark.parametrize("id", [0, 2, 2**62])
def test_a_reply_that_answers_nothing_is_refused(id: int) -> None:
    pair = an_open_pair()
    pair.client.request("a.b", {})
    with pytest.raises(RemoteProtocolError, match="not open"):
        pair.to_client(pair.daemon.reply(id, {}))
    assert pair.client.open_requests == {1}


def test_a_request_is_answered_once() -> None:
    pair = an_open_pair()
    pair.to_daemon(pair.client.request("a.b", {})[1])
    frames = pair.daemon.reply(1, {})
    pair.to_client(frames)
    with pytest.raises(RemoteProtocolError, match="not open"):
        pair.to_client(frames)


def test_a_cancel_names_its_request_and_the_request_stays_open_until_it_is_answered() -> None:
    pair = an_open_pair()
    id, frames = pair.client.request("turn.start", {})
    pair.to_daemon(frames)
    assert pair.to_daemon(pair.client.cancel(id)) == Cancelled(id)
    assert (pair.client.open_requests, pair.daemon.open_requests) == ({id}, {id})


@pytest.mark.parametrize(
    ("kind", "body", "field"),
    [
        (Kind.HELLO, {}, None),
        (Kind.HELLO, {**BODIES[Kind.HELLO], "client": ""}, "client"),
        (Kind.HELLO, {**BODIES[Kind.HELLO], "client": "c" * 65}, "client"),
        (Kind.HELLO, {**BODIES[Kind.HELLO], "name": "n" * 65}, "name"),
        (Kind.HELLO, {**BODIES[Kind.HELLO], "wire": 1}, "wire"),
        (Kind.HELLO, {**BODIES[Kind.HELLO], "credit_events": "9"}, "credit_events"),
    ],
)
def test_a_hello_that_does_not_fit_is_refused_by_field(kind: Kind, body: dict[str, object], field: str | None) -> None:
    link = Link("daemon")
    with pytest.raises(RemoteProtocolError) as caught:
        link.receive(frames_of(kind, body=body), 0)
    assert (caught.value.code, caught.value.field) == (ErrorCode.BAD_INPUT, field)
    assert link.state is State.NEW


def test_a_hello_of_a_newer_client_is_read_without_what_is_new() -> None:
    link = Link("daemon")
    body = {**to_plain(a_hello()), "colour": "blue", "wire": [1, 9, "more"]}
    event = link.receive(frames_of(Kind.HELLO, body=body), 0)
    assert event == Greeted(Hello(**{**_fields(a_hello()), "wire": VersionRange(1, 9)}))  # type: ignore[arg-type]


def _fields(hello: Hello) -> dict[str, object]:
    return {name: getattr(hello, name) for name in Hello.__struct_fields__}


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"wire": 2}, "wire"),
        ({"wire": 0}, "wire"),
        ({"heartbeat_ms": 0}, "heartbeat_ms"),
        ({"heartbeat_ms": -5}, "heartbeat_ms"),
    ],
)
def test_a_welcome_that_cannot_be_lived_with_is_refused(change: dict[str, object], field: str) -> None:
    link = in_state("client", State.GREETING)
    with pytest.raises(RemoteProtocolError) as caught:
        link.receive(frames_of(Kind.WELCOME, body={**BODIES[Kind.WELCOME], **change}), 0)
    assert caught.value.field == field
    assert (link.state, link.heartbeat_ms) == (State.GREETING, 2000)


# -- credit ----------------------------------------------------------------------------------------------------------


def grants(pair: LinkPair) -> list[dict[str, object]]:
    """What the client grants now; it is delivered."""
    owed = pair.client.take_owed()
    assert [pair.to_daemon(frames) for frames in owed] == [Credited()] * len(owed)
    return [from_frames(frames).body for frames in owed]


def test_the_window_shuts_after_its_events_and_opens_when_half_of_it_was_handled() -> None:
    pair = an_open_pair(window_events=4)
    seen = []
    while pair.daemon.window_open:
        seen.append(pair.daemon.event("turn.delta", TEN))
    assert len(seen) == 4
    assert pair.to_client(seen[0]) == Happened("turn.delta", {"text": "abc"}, 10)
    assert grants(pair) == []
    pair.to_client(seen[1])
    assert grants(pair) == [{"events": 2, "bytes": 20}]
    assert grants(pair) == []
    assert pair.daemon.window_open


def test_the_window_shuts_after_its_bytes_and_one_event_may_pass_over_it() -> None:
    pair = an_open_pair(window_bytes=25)
    sent = []
    while pair.daemon.window_open:
        sent.append(pair.daemon.event("turn.delta", TEN))
    assert len(sent) == 3
    pair.to_client(sent[0])
    assert grants(pair) == []
    pair.to_client(sent[1])
    assert grants(pair) == [{"events": 2, "bytes": 20}]


def test_an_event_larger_than_the_window_passes_alone() -> None:
    pair = an_open_pair(window_bytes=5)
    assert pair.daemon.window_open
    frames = pair.daemon.event("turn.delta", TEN)
    assert not pair.daemon.window_open
    pair.to_client(frames)
    assert grants(pair) == [{"events": 1, "bytes": 10}]
    assert pair.daemon.window_open


@pytest.mark.parametrize(
    ("asked", "given"),
    [((2, 1024), 2), ((1, 1024), 1), ((0, 1024), 1), ((-5, -5), 1), ((10**9, 10**9), 8), ((8, 15), 2)],
)
def test_a_client_that_asks_for_a_small_window_is_never_starved(asked: tuple[int, int], given: int) -> None:
    """Both ends must count with the same window: else one waits for credit that the other never grants."""
    pair = LinkPair(Limits(window_events=8))
    hello = Hello(**{**_fields(a_hello()), "credit_events": asked[0], "credit_bytes": asked[1]})  # type: ignore[arg-type]
    pair.greet(hello)
    for _ in range(5):
        sent = []
        while pair.daemon.window_open:
            sent.append(pair.daemon.event("turn.delta", TEN))
        assert len(sent) >= 1
        for frames in sent:
            pair.to_client(frames)
        assert len(grants(pair)) == 1
    assert len(sent) == given


def test_events_count_when_they_were_handled_if_the_client_keeps_a_queue() -> None:
    pair = LinkPair(Limits(window_events=2), counts_on_receive=False)
    pair.greet()
    events = [pair.to_client(pair.daemon.event("turn.delta", TEN)) for _ in range(2)]
    assert (grants(pair), pair.daemon.window_open) == ([], False)
    assert isinstance(events[0], Happened)
    pair.client.handled(events[0])
    assert (grants(pair), pair.daemon.window_open) == ([{"events": 1, "bytes": 10}], True)


def test_a_lost_or_doubled_or_late_grant_changes_nothing() -> None:
    pair = an_open_pair(window_events=4)
    sent = [pair.daemon.event("turn.delta", TEN) for _ in range(4)]
    first, second = {"events": 2, "bytes": 20}, {"events": 4, "bytes": 40}
    for credit in (second, second, first):
        assert pair.to_daemon(frames_of(Kind.CREDIT, body=credit)) == Credited()
    assert len(sent) == 4
    opened = 0
    while pair.daemon.window_open:
        pair.daemon.event("turn.delta", TEN)
        opened += 1
    assert opened == 4


@pytest.mark.parametrize("body", [{"events": 2, "bytes": 10}, {"events": 1, "bytes": 11}])
def test_credit_for_more_than_was_sent_is_refused(body: dict[str, object]) -> None:
    pair = an_open_pair()
    pair.daemon.event("turn.delta", TEN)
    with pytest.raises(RemoteProtocolError, match="more than was sent"):
        pair.to_daemon(frames_of(Kind.CREDIT, body=body))


def test_only_events_take_of_the_window() -> None:
    pair = an_open_pair(window_events=1, window_bytes=1)
    for id in range(1, 4):
        pair.to_daemon(pair.client.request("a.b", {})[1])
        pair.to_client(pair.daemon.reply(id, {"text": "x" * 100}))
    assert pair.daemon.window_open


# -- heartbeat -------------------------------------------------------------------------------------------------------


def test_a_client_beats_every_two_seconds_and_is_answered() -> None:
    pair = an_open_pair()
    beats = {now: len(pair.client.tick(now)) for now in (0, 1, 1_999, 2_000, 2_001, 3_999, 4_000)}
    assert beats == {0: 0, 1: 0, 1_999: 0, 2_000: 1, 2_001: 0, 3_999: 0, 4_000: 1}


def test_a_ping_says_when_a_person_was_last_active_and_its_pong_is_owed() -> None:
    pair = an_open_pair()
    pair.now_ms = 2_000
    (ping,) = pair.client.tick(2_000, active_at_ms=1_795_000_000_000)
    assert pair.to_daemon(ping) == Beat(1_795_000_000_000)
    (pong,) = pair.daemon.take_owed()
    assert pair.to_client(pong) == Beat(0)
    assert pair.daemon.take_owed() == []


def test_a_pong_carries_its_pings_id() -> None:
    pair = an_open_pair()
    pair.to_daemon(to_frames(Kind.PING, 12, "", to_plain(Ping(3))))
    assert [from_frames(frames).id for frames in pair.daemon.take_owed()] == [12]


@pytest.mark.parametrize("side", ["client", "daemon"])
def test_silence_of_three_beats_is_the_end(side: Side) -> None:
    pair = an_open_pair()
    link = pair.client if side == "client" else pair.daemon
    link.tick(0)
    link.tick(BEATS_MISSED * 2_000)
    assert (link.lost, link.state) == (False, State.OPEN)
    assert link.tick(BEATS_MISSED * 2_000 + 1) == []
    assert (link.lost, link.state) == (True, State.LOST)


@pytest.mark.parametrize("side", ["client", "daemon"])
def test_whatever_is_heard_puts_the_end_off_but_nonsense_does_not(side: Side) -> None:
    pair = an_open_pair()
    link = pair.client if side == "client" else pair.daemon
    link.receive(frames_of(Kind.PONG if side == "client" else Kind.PING), 5_000)
    link.tick(11_000)
    assert not link.lost
    with pytest.raises(RemoteProtocolError):
        link.receive([b"nonsense"], 11_000)
    link.tick(11_001)
    assert link.lost


def test_the_daemons_heartbeat_is_the_clients_too() -> None:
    pair = LinkPair()
    welcome = a_welcome()
    pair.greet(
        welcome=type(welcome)(
            **{**{name: getattr(welcome, name) for name in welcome.__struct_fields__}, "heartbeat_ms": 100}
        )
    )
    assert [len(pair.client.tick(now)) for now in (99, 100, 199, 200, 300)] == [0, 1, 0, 1, 1]
    pair.client.tick(301)
    assert pair.client.lost


def test_a_client_that_gets_no_welcome_is_lost_too() -> None:
    link = in_state("client", State.GREETING)
    assert [link.tick(now) for now in (0, 2_000, 6_000)] == [[], [], []]
    link.tick(6_001)
    assert link.lost


def test_a_client_that_slept_is_told_to_say_hello_again() -> None:
    pair = an_open_pair()
    pair.daemon.tick(0)
    pair.daemon.tick(6_001)
    with pytest.raises(RemoteProtocolError) as caught:
        pair.to_daemon(pair.client.request("a.b", {})[1])
    assert caught.value.code is ErrorCode.NOT_GREETED
    assert pair.to_client(pair.daemon.error(1, caught.value.to_wire())) == Failed(1, caught.value.to_wire())


def test_settle_carries_what_either_end_owes() -> None:
    pair = an_open_pair(window_events=2)
    pair.to_client(pair.daemon.event("turn.delta", TEN))
    pair.to_daemon(frames_of(Kind.PING))
    assert pair.settle() == [Credited(), Beat(0)]
