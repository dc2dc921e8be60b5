"""What the fold's steps share: finding the running turn, changing one call of it. Pure; part of `session.fold`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TypeVar

from agentd.session.state import CallState, SessionState, TurnState

__all__ = ["in_turn", "set_call", "with_"]

V = TypeVar("V")


def with_(mapping: Mapping[str, V], key: str, value: V) -> dict[str, V]:
    """`mapping` with `key` set."""
    return {**mapping, key: value}


def in_turn(state: SessionState, turn: str) -> TurnState | None:
    """The running turn, if it is this one."""
    return state.turn if state.turn is not None and state.turn.id == turn else None


def set_call(state: SessionState, turn_id: str, call_id: str, change: Callable[[CallState], CallState]) -> SessionState:
    """`state` with one call of the running turn changed; as it was when there is no such call."""
    turn = in_turn(state, turn_id)
    if turn is None:
        return state
    calls = tuple(change(call) if call.call == call_id else call for call in turn.calls)
    return replace(state, turn=replace(turn, calls=calls))
