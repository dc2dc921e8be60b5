"""The table of states: each side, each state, each kind, written out whole."""

from __future__ import annotations

from typing import get_args

import pytest

from agentproto.envelope import Kind
from agentproto.link_states import Side, State, after_receive, after_send

TALK_UP = {Kind.REQUEST, Kind.CANCEL, Kind.CREDIT, Kind.PING}
TALK_DOWN = {Kind.REPLY, Kind.ERROR, Kind.EVENT, Kind.PONG}
SENDS: dict[tuple[Side, State], dict[Kind, State]] = {
    ("client", State.NEW): {Kind.HELLO: State.GREETING},
    ("client", State.GREETING): {},
    ("client", State.OPEN): dict.fromkeys(TALK_UP, State.OPEN),
    ("client", State.LOST): {},
    ("daemon", State.NEW): {Kind.ERROR: State.NEW},
    ("daemon", State.GREETING): {Kind.WELCOME: State.OPEN, Kind.ERROR: State.GREETING},
    ("daemon", State.OPEN): dict.fromkeys(TALK_DOWN, State.OPEN),
    ("daemon", State.LOST): {Kind.ERROR: State.LOST},
}
RECEIVES: dict[tuple[Side, State], dict[Kind, State]] = {
    ("client", State.NEW): {},
    ("client", State.GREETING): {Kind.WELCOME: State.OPEN, Kind.ERROR: State.GREETING},
    ("client", State.OPEN): dict.fromkeys(TALK_DOWN, State.OPEN),
    ("client", State.LOST): {},
    ("daemon", State.NEW): {Kind.HELLO: State.GREETING},
    ("daemon", State.GREETING): {},
    ("daemon", State.OPEN): dict.fromkeys(TALK_UP, State.OPEN),
    ("daemon", State.LOST): {},
}
ALL = [(side, state) for side in get_args(Side) for state in State]


@pytest.mark.parametrize(("side", "state"), ALL)
def test_what_may_be_sent(side: Side, state: State) -> None:
    assert {kind: after_send(side, state, kind) for kind in Kind} == {
        kind: SENDS[side, state].get(kind) for kind in Kind
    }


@pytest.mark.parametrize(("side", "state"), ALL)
def test_what_may_be_received(side: Side, state: State) -> None:
    assert {kind: after_receive(side, state, kind) for kind in Kind} == {
        kind: RECEIVES[side, state].get(kind) for kind in Kind
    }


def test_what_one_side_may_send_in_a_conversation_the_other_may_receive() -> None:
    for here, there in (("client", "daemon"), ("daemon", "client")):
        assert SENDS[here, State.OPEN].keys() == RECEIVES[there, State.OPEN].keys()  # type: ignore[index]
