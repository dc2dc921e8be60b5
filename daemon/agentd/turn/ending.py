"""How a step and a turn end: part of the turn machine, pure. Decides what follows a step, and closes what is open.

Every way that a turn can end goes through `close`: open questions of it are closed, the decision is recorded with its
reason, and the turn's last entry says it all for a late reader. Callers: `turn.machine`, `turn.recover`.
"""

from __future__ import annotations

from agentd.session.asking import Answered
from agentd.session.breaker import judge, seen
from agentd.session.entries import Decided, Done, Finished, Notice
from agentd.session.fold import REPEATED
from agentd.session.state import TurnState
from agentd.turn.effects import PrepareCall
from agentd.turn.events import DAEMON
from agentd.turn.pen import Pen
from agentproto.api.turn import StopReason
from agentproto.content import ResultStatus

__all__ = ["MOST_CUTS", "answer_call", "close", "close_stopped", "decide"]


MOST_CUTS = 3
"""Answers running that the output limit may cut before the turn ends with what there is: who needs a fourth was asked for
a book, or does not come to an end."""


def decide(pen: Pen, turn: TurnState) -> bool:
    """Decide what follows a step. True when an effect was asked for and the machine waits."""
    most = turn.request.max_steps or turn.max_steps or pen.limits.max_steps
    if turn.interrupted is not None:
        close_stopped(pen, turn, turn.interrupted)
    elif turn.failure is not None:
        close(pen, turn, "error", turn.failure[0], turn.failure[0], turn.failure[1])
    elif turn.faults >= (turn.max_faults or pen.limits.max_faults):
        what = "repeated itself" if turn.stop == REPEATED else "called tools wrongly"
        text = f"the model {what} {turn.faults} times running"
        close(pen, turn, "error", text, text, "Try another model: `agentctl models list`.")
    elif not (turn.calls or turn.spoken_to or _goes_on(turn, most)):
        _close_answered(pen, turn)
    elif turn.calls and (verdict := judge(turn.recent)).kind == "stop":
        close(pen, turn, "error", verdict.reason, verdict.reason, "Say what to do instead, or try another model.")
    elif turn.step >= most:
        close(pen, turn, "max_steps", f"{most} steps were made", None, "Ask to go on, or give --max-steps.")
    else:
        pen.record(Decided(turn=turn.id, step=turn.step_id, next="step", reason=_why_on(turn)))
        pen.do(PrepareCall(f"{turn.id}.{turn.step + 1}"))
        return True
    return False


def _goes_on(turn: TurnState, most: int) -> bool:
    """Whether an answer without calls is not the end of it: it was cut, or stopped because it repeated itself."""
    return turn.stop == REPEATED or (0 < turn.cuts <= MOST_CUTS and turn.step < most)


def _why_on(turn: TurnState) -> str:
    if turn.calls:
        return "the model gets the results of its calls"
    if turn.spoken_to:
        return "somebody spoke"
    if turn.cuts:
        return f"the answer was cut at the output limit and goes on ({turn.cuts} of {MOST_CUTS})"
    return "the answer repeated itself and was stopped; the model is told so"


def _close_answered(pen: Pen, turn: TurnState) -> None:
    if turn.stop == "length":
        text = "the answer was cut at the model's output limit"
        pen.record(Notice(code=f"cut.{turn.id}", text=text, turn=turn.id))
    if turn.stop in ("refused", "filtered"):
        close(pen, turn, "refused", f"the model ended with {turn.stop}")
    elif turn.denied:
        close(pen, turn, "denied", "a rule refused a call and the model had nothing else")
    else:
        close(pen, turn, "end", "the model answered without calling a tool")


def close_stopped(pen: Pen, turn: TurnState, reason: str) -> None:
    """Close a turn that somebody stopped: by an interrupt, or by taking its message back."""
    close(pen, turn, "withdrawn" if turn.withdrawn else "interrupted", reason)


def close(
    pen: Pen,
    turn: TurnState,
    stop: StopReason,
    reason: str,
    error: str | None = None,
    remedy: str | None = None,
    dropped: bool = False,
) -> None:
    """End the turn. `error` and `remedy` are for the person; `reason` is the decision's; `dropped`: it leaves the talk."""
    for asked, _ in pen.state.questions:
        if asked.turn == turn.id:
            pen.record(Answered(question=asked.question, turn=turn.id, decision="closed", actor=DAEMON))
    pen.record(
        Decided(turn=turn.id, step=turn.step_id, next="end", reason=reason),
        Finished(
            turn=turn.id,
            stop=stop,
            steps=turn.steps_done,
            usage=turn.usage,
            text=turn.last_text if stop in ("end", "denied", "refused") else "",
            error=error,
            remedy=remedy,
            dropped=dropped,
        ),
    )


def answer_call(
    pen: Pen,
    turn: TurnState,
    call: str,
    tool: str,
    status: ResultStatus,
    text: str,
    changed: dict[str, tuple[str | None, str | None]] | None = None,
    modes: dict[str, int] | None = None,
) -> None:
    """Give a call that does not run, or whose outcome is not known, its result; with what it changed all the same."""
    state = next((one for one in turn.calls if one.call == call), None)
    digests = None
    if state is not None and status in ("denied", "error"):
        one = seen(tool, state.arguments, status, text, changed=False)
        digests = (one.call, one.outcome)
    pen.record(
        Done(
            turn=turn.id,
            call=call,
            tool=tool,
            status=status,
            text=text,
            summary=text.partition("\n")[0][:200],
            changed=changed or {},
            modes=modes or {},
            seen=digests,
        )
    )
