"""After a crash: what becomes of effects that were begun and not ended. Pure; part of the turn machine.

A model call that was under way is marked broken (its streamed text kept) and made again. A tool call that was begun and
not ended is resolved as its tool says: `rerun` (it only reads), `probe` (look at the world), `ask` (a person decides),
`probe_ask` (look, and ask when that does not tell), `report` (the model is told that the outcome is unknown). Nothing
that changes the outside is ever silently run again.
"""

from __future__ import annotations

from agentd.session.asking import Asked
from agentd.session.entries import Broke, Done, Resumed
from agentd.session.state import CallState, SessionState, TurnState
from agentd.turn.effects import BeginCalls, ProbeCall
from agentd.turn.events import Probed, Recovered
from agentd.turn.pen import Pen

__all__ = ["MAX_RESTARTS", "UNKNOWN_OUTCOME", "ask_again", "recover", "undecided"]

MAX_RESTARTS = 10
"""A model call that a restart interrupted is made again at most this often: a call that kills the daemon must not
do so for ever."""

UNKNOWN_OUTCOME = (
    "The outcome of this call is unknown: it was begun, and the daemon ended before it was over. "
    "It was not run again. Look at the present state before you go on."
)
"""What the model is told of a call that a crash cut off."""


def recover(pen: Pen, event: Recovered) -> None:
    """Record that the session goes on, and resolve what was under way. The machine goes on from there."""
    pen.record(
        Resumed(
            product=event.product,
            reason=event.reason,
            torn_bytes=event.torn_bytes,
            saved_as=event.saved_as,
            head_missing=event.head_missing,
        )
    )
    turn = pen.state.turn
    if turn is None:
        return
    if turn.phase == "calling":
        again = turn.interrupted is None and turn.restarts + 1 < MAX_RESTARTS
        pen.record(
            Broke(
                turn=turn.id,
                step=turn.step_id,
                failure="restart",
                text="the daemon ended during this model call",
                remedy="" if again else "The call was made several times and the daemon ended each time.",
                kept=event.kept,
                again=again,
                attempt=turn.attempts,
            )
        )
    elif turn.phase == "tools":
        _resolve_calls(pen)


def undecided(state: SessionState) -> frozenset[str]:
    """Calls that are still owed a verdict: none was recorded, or a power cut took the question that belongs to it."""
    open_now = {asked.question for asked, _ in state.questions}
    calls = state.turn.calls if state.turn is not None else ()
    return frozenset(
        call.call
        for call in calls
        if call.status == "planned" or (call.status == "asking" and call.question not in open_now)
    )


def _resolve_calls(pen: Pen) -> None:
    turn = pen.state.turn
    assert turn is not None
    again: list[str] = []
    for call in turn.calls:
        if call.status != "begun":
            continue
        if call.recovery == "rerun" and turn.interrupted is None:
            again.append(call.call)
        elif call.recovery in ("probe", "probe_ask"):
            pen.do(ProbeCall(call.call))
        elif call.recovery == "ask" and turn.interrupted is None:
            ask_again(pen, turn, call)
        else:
            pen.record(
                Done(
                    turn=turn.id,
                    call=call.call,
                    tool=call.tool,
                    status="unknown",
                    text=UNKNOWN_OUTCOME,
                    summary="outcome unknown: the daemon ended during the call",
                )
            )
    if again:
        pen.do(BeginCalls(turn.step_id, tuple(again)))


def ask_again(pen: Pen, turn: TurnState, call: CallState, found: Probed | None = None) -> None:
    """Let a person decide about a call whose outcome nobody knows. `found`: what was seen of it."""
    number = pen.state.question_count + 1
    summary = f"{call.tool} was begun when the daemon ended; its outcome is unknown. Run it again?"
    pen.record(
        Asked(
            question=f"{pen.state.session}.q{number}",
            turn=turn.id,
            call=call.call,
            kind="permission",
            tool=call.tool,
            summary=summary,
            command=call.target,
            hash="",
            gates=("unknown outcome",),
            cwd=pen.state.cwd,
            sandbox="none",
            choices=("once",),
            changed={} if found is None else dict(found.changed),
            modes={} if found is None else dict(found.modes),
        )
    )
