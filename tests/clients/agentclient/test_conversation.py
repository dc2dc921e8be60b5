"""What survives a reconnect: pending requests, subscriptions, variables. Both ends are real links, without sockets."""

from __future__ import annotations

import msgspec
import pytest

from agentclient.conversation import Answered, Conversation, Opened, Outcome, Refused
from agentproto.codec import encode_map
from agentproto.envelope import Kind
from agentproto.errors import LocalProtocolError, WireError
from agentproto.framing import to_frames
from agentproto.limits import LIMITS
from agentproto.link import Greeted, Happened, Link, LinkEvent, Requested
from agentproto.testing import a_welcome


class Wire:
    """A conversation and the daemon's link behind it; `again` is a daemon that was started anew."""

    def __init__(self, variables: dict[str, str] | None = None, wanted: tuple[str, ...] = ()) -> None:
        self.client = Conversation("test", "c1", variables)
        self.daemon = Link("daemon")
        self.wanted = wanted

    def greet(self, role: str = "owner") -> Outcome | None:
        self.daemon = Link("daemon")
        hello = self.daemon.receive(self.client.begin(0), 0)
        assert isinstance(hello, Greeted)
        assert hello.hello.client == "c1"
        welcome = a_welcome(("daemon.environment",))
        welcome = msgspec.structs.replace(welcome, variables=self.wanted, role=role)
        return self.client.receive(self.daemon.welcome(welcome), 0)

    def asked(self) -> list[tuple[str, dict[str, object], int]]:
        """What the daemon is asked now."""
        found: list[LinkEvent] = [self.daemon.receive(frames, 0) for frames in self.client.outgoing(0)]
        return [(event.method, event.body, event.id) for event in found if isinstance(event, Requested)]

    def event(self, name: str, body: dict[str, object]) -> Outcome | None:
        return self.client.receive(self.daemon.event(name, encode_map(body)), 0)

    def reply(self, id: int, body: dict[str, object]) -> Outcome | None:
        return self.client.receive(self.daemon.reply(id, body), 0)


def test_a_request_is_sent_and_its_answer_carries_its_ticket() -> None:
    wire = Wire()
    assert isinstance(wire.greet(), Opened)
    ticket = wire.client.ask("session.list", {"limit": 1})
    assert wire.asked() == [("session.list", {"limit": 1}, 1)]
    assert wire.reply(1, {"sessions": []}) == Answered(ticket, {"sessions": []}, ())


def test_what_is_asked_before_welcome_waits_for_it() -> None:
    wire = Wire()
    wire.client.ask("daemon.status", {})
    wire.greet()
    assert [name for name, _, _ in wire.asked()] == ["daemon.status"]


def test_an_unanswered_request_is_sent_again_with_the_same_key() -> None:
    wire = Wire()
    wire.greet()
    ticket = wire.client.ask("turn.start", {"key": "k1", "prompt": "hi"})
    wire.asked()
    wire.greet()
    assert wire.asked() == [("turn.start", {"key": "k1", "prompt": "hi"}, 1)]
    assert wire.reply(1, {"session": "s1", "turn": "t", "seq": 1, "workspace": "/"}) == Answered(
        ticket, {"session": "s1", "turn": "t", "seq": 1, "workspace": "/"}, ()
    )


def test_an_answered_request_is_not_sent_again() -> None:
    wire = Wire()
    wire.greet()
    wire.client.ask("turn.interrupt", {"key": "k1", "session": "s1"})
    wire.asked()
    wire.reply(1, {"interrupted": True})
    wire.greet()
    assert wire.asked() == []


def test_a_subscription_is_taken_up_after_the_last_number_seen() -> None:
    wire = Wire()
    wire.greet()
    wire.client.ask("log.subscribe", {"stream": "s1", "after_seq": 2})
    wire.asked()
    wire.reply(1, {"stream": "s1", "head_seq": 4})
    for seq in (3, 4):
        assert wire.event("turn.queued", {"stream": "s1", "seq": seq}) is not None
    wire.greet()
    assert wire.asked() == [("log.subscribe", {"stream": "s1", "after_seq": 4}, 1)]


def test_a_turn_that_was_started_with_subscribe_is_taken_up_too() -> None:
    wire = Wire()
    wire.greet()
    wire.client.ask("turn.start", {"key": "k", "prompt": "hi", "subscribe": True})
    wire.asked()
    wire.reply(1, {"session": "s9", "turn": "t", "seq": 7, "workspace": "/"})
    assert wire.event("turn.queued", {"stream": "s9", "seq": 7}) is not None
    wire.greet()
    assert wire.asked() == [("log.subscribe", {"stream": "s9", "after_seq": 7}, 1)]


def test_from_now_on_stays_from_then_on_after_a_reconnect() -> None:
    wire = Wire()
    wire.greet()
    wire.client.ask("log.subscribe", {"stream": "daemon", "after_seq": -1})
    wire.asked()
    wire.reply(1, {"stream": "daemon", "head_seq": 41})
    wire.greet()
    assert wire.asked() == [("log.subscribe", {"stream": "daemon", "after_seq": 41}, 1)]


def test_events_that_come_again_are_dropped_and_deltas_are_not() -> None:
    wire = Wire()
    wire.greet()
    wire.client.ask("log.subscribe", {"stream": "s1"})
    wire.asked()
    event: dict[str, object] = {"stream": "s1", "seq": 5}
    assert wire.event("turn.queued", event) == Happened("turn.queued", event, 16)
    assert wire.event("turn.queued", event) is None
    assert wire.event("turn.delta", event) == Happened("turn.delta", event, 16)


def test_events_that_nobody_took_shut_the_window_and_taking_them_opens_it() -> None:
    wire = Wire()
    wire.greet()
    taken: list[Happened] = []
    while wire.daemon.window_open:
        event = wire.event("turn.delta", {"stream": "s1", "seq": 1})
        assert isinstance(event, Happened)
        taken.append(event)
        wire.asked()
    assert len(taken) == LIMITS.window_events
    for event in taken:
        wire.client.handled(event)
    wire.asked()
    assert wire.daemon.window_open


def test_events_of_a_link_that_is_gone_give_no_credit_to_the_next_one() -> None:
    wire = Wire()
    wire.greet()
    before = [wire.event("turn.delta", {"stream": "s1", "seq": 1}) for _ in range(200)]
    wire.greet()
    for event in before:
        assert isinstance(event, Happened)
        wire.client.handled(event)
    assert wire.asked() == []
    assert wire.daemon.window_open


def test_after_a_gap_the_subscription_resumes_by_itself() -> None:
    wire = Wire()
    wire.greet()
    wire.client.ask("log.subscribe", {"stream": "s1"})
    wire.asked()
    assert wire.event("log.gap", {"stream": "s1", "resume_after": 12}) is None
    assert wire.asked() == [("log.subscribe", {"stream": "s1", "after_seq": 12}, 2)]


def test_unsubscribed_stays_unsubscribed() -> None:
    wire = Wire()
    wire.greet()
    wire.client.ask("log.subscribe", {"stream": "s1"})
    wire.client.ask("log.unsubscribe", {"stream": "s1"})
    wire.asked()
    wire.reply(1, {"stream": "s1", "head_seq": 0})
    wire.reply(2, {"subscribed": True})
    wire.greet()
    assert wire.asked() == []


def test_a_refused_resubscription_is_told_to_the_caller() -> None:
    wire = Wire()
    wire.greet()
    wire.client.ask("log.subscribe", {"stream": "s1"})
    wire.asked()
    wire.reply(1, {"stream": "s1", "head_seq": 0})
    wire.greet()
    wire.asked()
    error = WireError("not_found", "client", "no such stream")
    assert wire.client.receive(wire.daemon.error(1, error), 0) == Refused(0, error)
    wire.greet()
    assert wire.asked() == []


def test_an_owner_gives_only_the_variables_that_are_wanted_and_before_anything_else() -> None:
    wire = Wire({"PATH": "/bin", "SECRET": "x", "LANG": "C"}, wanted=("PATH", "LANG", "TZ"))
    wire.client.ask("turn.start", {"key": "k", "prompt": "hi"})
    wire.greet()
    first, second = wire.asked()
    assert first == ("daemon.environment", {"variables": {"PATH": "/bin", "LANG": "C"}}, 1)
    assert second[0] == "turn.start"
    assert wire.reply(1, {"taken": ["PATH"]}) is None
    wire.greet()
    assert wire.asked()[0] == first, "a restarted daemon has forgotten them"


@pytest.mark.parametrize(("variables", "role"), [(None, "owner"), ({"PATH": "/bin"}, "editor")])
def test_nobody_else_gives_any(variables: dict[str, str] | None, role: str) -> None:
    wire = Wire(variables, wanted=("PATH",))
    wire.greet(role)
    assert wire.asked() == []


def test_a_cancelled_request_is_told_and_its_answer_dropped() -> None:
    wire = Wire()
    wire.greet()
    ticket = wire.client.ask("model.test", {"name": "x"})
    wire.asked()
    wire.client.cancel(ticket)
    kinds = [type(wire.daemon.receive(frames, 0)).__name__ for frames in wire.client.outgoing(0)]
    assert kinds == ["Cancelled"]
    assert wire.reply(1, {}) is None
    wire.greet()
    assert wire.asked() == []


def test_an_answer_that_breaks_the_rules_ends_its_request_instead_of_hanging() -> None:
    wire = Wire()
    wire.greet()
    ticket = wire.client.ask("daemon.status", {})
    wire.asked()
    outcome = wire.client.receive(to_frames(Kind.REPLY, 1, "", b"\xc1"), 0)
    assert isinstance(outcome, Refused)
    assert (outcome.ticket, outcome.error.code) == (ticket, "bad_frame")
    assert wire.client.receive([b"noise", b"\x80"], 0) is None


def test_a_request_over_a_limit_is_not_pending() -> None:
    wire = Wire()
    wire.greet()
    with pytest.raises(LocalProtocolError):
        wire.client.ask("turn.start", {"prompt": "x" * 5_000_000})
    wire.greet()
    assert wire.asked() == []


def test_a_refused_hello_is_told() -> None:
    client, daemon = Conversation("test", "c1"), Link("daemon")
    daemon.receive(client.begin(0), 0)
    error = WireError("bad_version", "client", "too old")
    assert client.receive(daemon.error(0, error), 0) == Refused(0, error)


def test_silence_makes_it_lost_and_a_new_link_finds_it_again() -> None:
    wire = Wire()
    wire.greet()
    wire.client.outgoing(6001)
    assert wire.client.lost
    wire.greet()
    assert not wire.client.lost
