"""The digest of a state: the same for the same log, whatever order its mappings were made in."""

from __future__ import annotations

from dataclasses import replace

import msgspec

from agentd.session.actors import Actor
from agentd.session.entries import Requested
from agentd.session.state import KeyRecord, SessionState, TurnState
from agentd.session.state_hash import state_hash


def test_order_does_not_count_and_everything_else_does() -> None:
    one, two = KeyRecord("h", 1, "t1"), KeyRecord("h", 2, "t2")
    state = SessionState(session="s", seq=2, keys={"a": one, "b": two})
    assert state_hash(state) == state_hash(replace(state, keys={"b": two, "a": one}))
    assert state_hash(state) != state_hash(replace(state, seq=3))
    assert len(state_hash(state)) == 64


def test_a_state_that_went_through_a_checkpoint_is_the_same() -> None:
    turn = TurnState(Requested(turn="s.t1", actor=Actor(kind="client"), key="k", hash="h", prompt="p"), "m", "ask")
    state = SessionState(session="s", seq=2, turn=turn, env={"PATH": "/bin"}, finished=("s.t0",))
    again = msgspec.convert(msgspec.to_builtins(state), SessionState)
    assert state_hash(again) == state_hash(state)
