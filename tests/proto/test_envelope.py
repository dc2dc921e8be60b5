"""Kinds and the link's own bodies: numbers stay, small structures leave out what is default."""

from __future__ import annotations

from agentproto.envelope import Credit, Hello, Kind, Message, Ping, Welcome
from agentproto.shape import to_plain, typed
from agentproto.testing import a_hello, a_welcome


def test_the_numbers_of_the_kinds_are_these_for_ever() -> None:
    assert {kind.name: int(kind) for kind in Kind} == {
        "HELLO": 1,
        "WELCOME": 2,
        "REQUEST": 3,
        "REPLY": 4,
        "ERROR": 5,
        "EVENT": 6,
        "CANCEL": 7,
        "CREDIT": 8,
        "PING": 9,
        "PONG": 10,
    }


def test_a_message_is_a_value() -> None:
    assert Message(Kind.PONG, 1, "", {}) == Message(Kind.PONG, 1, "", {}, (), 0)


def test_bodies_as_they_cross() -> None:
    assert to_plain(Ping()) == {}
    assert to_plain(Ping(5)) == {"active_at_ms": 5}
    assert to_plain(Credit(1, 2)) == {"events": 1, "bytes": 2}
    assert to_plain(a_hello()) == {
        "product": "0.1.0",
        "wire": [1, 1],
        "capabilities": ("credit", "partial", "resume"),
        "client": "test-client",
        "name": "test",
    }


def test_hello_and_welcome_of_another_version_are_read() -> None:
    """Both are read before a version is agreed upon: what is not known in them is passed over."""
    assert typed({**to_plain(a_hello()), "new": 1}, Hello) == a_hello()
    assert typed({**to_plain(a_welcome()), "new": 1}, Welcome) == a_welcome()
