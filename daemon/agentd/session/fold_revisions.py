"""The fold's steps for what is taken back or left out: withdrawn messages, reverted turns and files, cleared results. Pure;
part of `session.fold`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from agentd.session.compactions import Compacted
from agentd.session.remembering import REMEMBERED, keyed, without
from agentd.session.revisions import Reverted, Reverting, Withdrawn
from agentd.session.state import SessionState

__all__ = ["REVISIONS", "number_of"]


def _withdrawn(state: SessionState, e: Withdrawn, seq: int, at_ms: int) -> SessionState:
    state = keyed(state, e.key, e.hash, seq, e.turn)
    turn = state.turn
    if turn is None or turn.id != e.turn:
        return replace(state, queue=tuple(r for r in state.queue if r.turn != e.turn))
    return replace(state, turn=replace(turn, withdrawn=True, interrupted="the message was taken back"))


def _reverting(state: SessionState, e: Reverting, seq: int, at_ms: int) -> SessionState:
    return replace(keyed(state, e.key, e.hash, seq, ",".join(e.turns)), reverting=e)


def _reverted(state: SessionState, e: Reverted, seq: int, at_ms: int) -> SessionState:
    finished, undone = state.finished, state.undone
    if e.kind == "redo":
        finished = tuple(sorted({*finished, *e.turns}, key=number_of))[-REMEMBERED:]
        undone = tuple(one for one in undone if one[0] != e.undoes)
    else:
        finished = tuple(turn for turn in finished if turn not in e.turns)
        undone = (*undone, (seq, e.turns))[-REMEMBERED:]
    # A file that was brought back has bytes that the model, as the talk stands now, may never have seen.
    hashes = without(state.read_hashes, {one.path for one in e.files if one.action != "kept"})
    return replace(state, reverting=None, finished=finished, undone=undone, read_hashes=hashes)


def number_of(turn: str) -> int:
    """A turn's number. A fork's own go on behind those that it was given."""
    number = turn.rpartition(".t")[2]
    return int(number) if number.isdecimal() else 0


def _compacted(state: SessionState, e: Compacted, seq: int, at_ms: int) -> SessionState:
    counters = {**state.counters, "compactions": state.counters.get("compactions", 0) + 1}
    state = replace(state, counters=counters)
    turn = state.turn
    if turn is None or turn.id != e.turn:
        return state
    return replace(state, turn=replace(turn, overflowed=False, compacted=turn.compacted + 1))


REVISIONS: dict[type, Callable[..., SessionState]] = {
    Withdrawn: _withdrawn,
    Reverting: _reverting,
    Reverted: _reverted,
    Compacted: _compacted,
}
