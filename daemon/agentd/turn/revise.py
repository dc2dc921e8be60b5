"""What is taken back: part of the turn machine, pure.

A message can be withdrawn until its model has spoken; turns and their files can be reverted while no turn is open. What
has to be done to which file was planned before (`turn.reverting`) and is in the entry: the machine only lets it happen,
once, and lets the session go on afterwards. Callers: `turn.machine`.
"""

from __future__ import annotations

from msgspec import structs

from agentd.session.entries import Finished
from agentd.session.revisions import Reverting, Withdrawn
from agentd.session.state import SessionState, TurnState
from agentd.turn.effects import Cancel, RestoreFiles
from agentd.turn.pen import Pen
from agentproto.api.turn import TurnUsage

__all__ = ["can_be_withdrawn", "may_revert", "revert", "withdraw"]


def can_be_withdrawn(turn: TurnState) -> bool:
    """Whether the running turn's message can still be taken back: no reply of its model has come."""
    return turn.steps_done == 0 and turn.phase in ("preparing", "calling") and turn.interrupted is None


def withdraw(pen: Pen, entry: Withdrawn) -> None:
    """Take a message back that waits, or whose turn has not been answered yet. A wish that comes too late is recorded
    too, for its key: sent again it takes back no later message."""
    turn = pen.state.turn
    if turn is not None and turn.id == entry.turn and can_be_withdrawn(turn):
        pen.record(entry)
        pen.do(Cancel(turn.step_id))
    elif any(request.turn == entry.turn for request in pen.state.queue):
        # Whoever waits for its end hears of it, though it never began.
        pen.record(entry, Finished(turn=entry.turn, stop="withdrawn", steps=0, usage=TurnUsage()))
    else:
        pen.record(structs.replace(entry, turn=""))


def may_revert(state: SessionState) -> bool:
    """Whether nothing is under way that a revert could get in the way of."""
    return state.turn is None and not state.queue and state.reverting is None


def revert(pen: Pen, entry: Reverting) -> None:
    """Begin a revert; its outcome comes as `Restored`."""
    if may_revert(pen.state):
        pen.record(entry)
        pen.do(RestoreFiles())
