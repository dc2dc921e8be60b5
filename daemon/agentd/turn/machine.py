"""The turn machine: `(state, event) -> (state, effects)`. It decides what comes next and does nothing itself.

A turn goes through the phases of `TurnState.phase`:

    preparing --Prepared--> calling --ModelReplied--> judging --CallsJudged--> tools --all ended--> deciding
        ^                      |                                                                       |
        |<--- Wait ------------+ ModelFailed, again                                                    |
        +------------------------------------ Decided(step) ------------------------------------------+--> Finished

Four rules may be relied upon. (1) Everything that will be true is recorded before anything else is done: the state
that is returned is the fold of the returned Records. (2) Each effect that was asked for answers with exactly one event
(RunCalls: one a call), also when it is cancelled. (3) An event that does not belong to the present phase and step
changes nothing. (4) From every phase there is a way to `Finished`: `Interrupt` leads there from all of them.

No await, no clock, no chance, no I/O; `at_ms` is an argument. Callers: `turn.runner`, replay.
"""

from __future__ import annotations

from typing import assert_never

from msgspec import structs

from agentd.session.asking import Answered
from agentd.session.entries import Assembled, Begun, Broke, Called, Entry, Started
from agentd.session.state import CALL_ENDED, SessionState, TurnState
from agentd.turn.effects import (
    BeginCalls,
    CallModel,
    Cancel,
    Effect,
    JudgeCalls,
    PrepareCall,
    RestoreFiles,
    RunCalls,
    TurnEnded,
    Wait,
)
from agentd.turn.ending import answer_call, close, close_stopped, decide
from agentd.turn.events import (
    DAEMON,
    Answer,
    CallEnded,
    CallsJudged,
    Change,
    Event,
    Happening,
    Intended,
    Interrupt,
    ModelFailed,
    ModelReplied,
    Prepared,
    Probed,
    Recovered,
    Refused,
    Restored,
    Revert,
    SessionMade,
    Speak,
    UserSaid,
    WaitOver,
    Withdraw,
)
from agentd.turn.pen import Limits, Pen
from agentd.turn.recover import UNKNOWN_OUTCOME, ask_again, recover, undecided
from agentd.turn.revise import revert, withdraw
from agentd.turn.schedule import runnable
from agentproto.api.turn import StopReason
from agentproto.content import ResultStatus

__all__ = ["react"]


def react(state: SessionState, event: Event, limits: Limits, at_ms: int) -> tuple[SessionState, tuple[Effect, ...]]:
    """What `event` means in `state`: the state after it, and what has to be done, in order."""
    pen = Pen(state, limits, at_ms)
    _take(pen, event)
    return pen.state, tuple(pen.effects)


def _take(pen: Pen, event: Event) -> None:
    turn = pen.state.turn
    match event:
        case SessionMade(entry):
            pen.record(entry)
        case Change(entry):
            if event.instead_of is None or (turn is None and pen.state.title == event.instead_of):
                pen.record(entry)
        case Happening(entry):
            if entry.code not in pen.state.notices:
                pen.record(entry)
        case UserSaid(entry):
            pen.record(entry)
            if turn is None:
                _advance(pen)
        case Speak(entry):
            if turn is not None and turn.id == entry.turn:
                pen.record(structs.replace(entry, after=turn.step_id if turn.phase == "calling" else ""))
        case Interrupt(entry):
            # Recorded in any case: sent again, maybe while a later turn runs, its key has to be known.
            meant = turn is not None and turn.id == entry.turn
            pen.record(entry if meant else structs.replace(entry, turn=""))
            if turn is not None and meant and turn.interrupted is None:
                pen.do(Cancel(turn.step_id))
                if turn.phase == "tools":
                    _tools(pen)
        case Withdraw(entry):
            withdraw(pen, entry)
        case Revert(entry):
            revert(pen, entry)
        case Restored(entry):
            if pen.state.reverting is not None:
                pen.record(entry)
                _advance(pen)
        case Prepared():
            if _is_now(turn, event.step, "preparing"):
                _prepared(pen, event)
        case Refused():
            if _is_now(turn, event.step, "preparing"):
                assert turn is not None
                # What does not fit would keep every later turn from fitting: nobody has answered it, so it leaves the talk.
                stop: StopReason = "budget" if event.over_budget else "error"
                close(pen, turn, stop, event.text, event.text, event.remedy, event.too_long and not turn.steps_done)
                _advance(pen)
        case WaitOver(step):
            if _is_now(turn, step, "preparing"):
                _advance(pen)
        case ModelReplied(entry):
            if _is_now(turn, entry.step, "calling"):
                pen.record(entry)
                _advance(pen)
        case ModelFailed():
            if turn is not None and _is_now(turn, event.step, "calling"):
                _failed(pen, turn, event)
        case CallsJudged():
            if _is_now(turn, event.step, "judging") or _is_now(turn, event.step, "tools"):
                _judged(pen, event)
        case Intended():
            if turn is not None and turn.step_id == event.step and turn.phase == "tools":
                _begin(pen, turn, event)
        case CallEnded(entry):
            if turn is not None and any(c.call == entry.call and c.status not in CALL_ENDED for c in turn.calls):
                pen.record(entry)
                _tools(pen)
        case Answer(entry):
            if any(asked.question == entry.question for asked, _ in pen.state.questions):
                pen.record(entry)
                if turn is not None and turn.phase == "tools":
                    _tools(pen)
        case Probed():
            _probed(pen, event)
        case Recovered():
            recover(pen, event)
            _recovered(pen)
        case _:
            assert_never(event)


def _is_now(turn: TurnState | None, step: str, phase: str) -> bool:
    return turn is not None and turn.step_id == step and turn.phase == phase


def _advance(pen: Pen) -> None:
    """Go on from the present phase as far as nobody has to be waited for. Called when a phase was entered."""
    while True:
        turn = pen.state.turn
        if turn is None:
            if pen.state.reverting is not None:
                return  # files are being brought back; what waits begins after that
            if not pen.state.queue:
                pen.do(TurnEnded())
                return
            _start(pen)
            continue
        match turn.phase:
            case "preparing":
                if turn.interrupted is not None:
                    close_stopped(pen, turn, turn.interrupted)
                    continue
                pen.do(PrepareCall(turn.step_id))
                return
            case "calling":
                return
            case "judging":
                pen.do(JudgeCalls(turn.step_id))
                return
            case "tools":
                _tools(pen)
                return
            case "deciding":
                if not decide(pen, turn):
                    continue
            case _:
                assert_never(turn.phase)


def _start(pen: Pen) -> None:
    """Begin the turn that waits first. Its limits are those of this moment, whatever settings say later."""
    request, limits = pen.state.queue[0], pen.limits
    pen.record(
        Started(
            turn=request.turn,
            model=request.model or pen.state.model or limits.default_model,
            mode=request.mode or pen.state.mode,
            max_steps=limits.max_steps,
            max_faults=limits.max_faults,
            parallel_calls=limits.parallel_calls,
        )
    )


def _prepared(pen: Pen, event: Prepared) -> None:
    turn = pen.state.turn
    assert turn is not None
    if turn.interrupted is not None:
        _advance(pen)
        return
    entries: list[Entry] = [notice for notice in event.notices if notice.code not in pen.state.notices]
    if event.compacted is not None:
        entries.append(event.compacted)
    entries += event.reminded
    if event.prefix is not None:
        entries.append(event.prefix)
    entries.append(
        Assembled(
            turn=turn.id,
            step=event.step,
            messages=event.messages,
            input_tokens=event.input_tokens,
            window=event.window,
            reason=event.reason,
        )
    )
    entries.append(
        Called(
            turn=turn.id,
            step=event.step,
            purpose=event.purpose,
            model=event.model,
            prefix=event.prefix_blob,
            input_tokens=event.input_tokens,
            output_tokens=event.output_tokens,
            usd_micros=event.usd_micros,
            attempt=turn.attempts + 1,
        )
    )
    pen.record(*entries)
    pen.do(CallModel(event.step))


def _failed(pen: Pen, turn: TurnState, event: ModelFailed) -> None:
    # The same bytes will never fit; a smaller context may, once a step.
    shrink = event.failure == "overflow" and not turn.compacted and not turn.overflowed and turn.interrupted is None
    again = shrink or (event.wait_ms is not None and event.failure != "overflow" and turn.interrupted is None)
    wait_ms = event.wait_ms or 0
    pen.record(
        Broke(
            turn=turn.id,
            step=event.step,
            failure=event.failure,
            text=event.text,
            remedy=event.remedy,
            kept=event.kept,
            again=again,
            wait_ms=wait_ms if again else 0,
            attempt=turn.attempts,
            next_model=event.next_model if again and not shrink else "",
        )
    )
    if shrink:
        pen.do(PrepareCall(event.step))
    elif again:
        pen.do(Wait(event.step, wait_ms))
    else:
        _advance(pen)


def _judged(pen: Pen, event: CallsJudged) -> None:
    owed = undecided(pen.state)
    for judged, asked in event.verdicts:
        if judged.call not in owed:
            continue
        pen.record(judged)
        if asked is not None:
            number = pen.state.question_count + 1
            pen.record(structs.replace(asked, question=f"{pen.state.session}.q{number}"))
    _advance(pen)


def _begin(pen: Pen, turn: TurnState, event: Intended) -> None:
    ready = [
        call for call in turn.calls if call.call in event.before and call.status in ("allowed", "approved", "begun")
    ]
    if not ready:
        return
    if turn.interrupted is not None:
        _tools(pen)
        return
    pen.record(
        *(
            Begun(
                turn=turn.id,
                call=call.call,
                tool=call.tool,
                attempt=call.attempt + 1,
                before=dict(event.before[call.call]),
                effect=call.call in event.effects,
                target=call.target,
                verdict=call.status if call.status == "approved" else call.verdict,
                reason=call.words,
            )
            for call in ready
        )
    )
    pen.do(RunCalls(tuple(call.call for call in ready)))


def _tools(pen: Pen) -> None:
    """Answer the calls that will not run, begin those that may; when all have ended, go on."""
    turn = pen.state.turn
    assert turn is not None
    for call in turn.calls:
        if call.status == "denied" and call.attempt:
            # It was begun once, before a crash; what was denied is a second time.
            answer_call(pen, turn, call.call, call.tool, "unknown", f"{UNKNOWN_OUTCOME}\n{call.words}".rstrip())
        elif call.status == "denied":
            answer_call(pen, turn, call.call, call.tool, "denied", f"Not run: {call.words}")
        elif call.status == "faulty":
            answer_call(pen, turn, call.call, call.tool, "error", call.words)
        elif turn.interrupted is not None and call.status in ("planned", "allowed", "approved", "asking"):
            if call.question is not None and any(asked.question == call.question for asked, _ in pen.state.questions):
                pen.record(Answered(question=call.question, turn=turn.id, decision="closed", actor=DAEMON))
            if call.attempt:
                answer_call(pen, turn, call.call, call.tool, "unknown", UNKNOWN_OUTCOME)
            else:
                answer_call(pen, turn, call.call, call.tool, "interrupted", "Not run: the turn was interrupted.")
    turn = pen.state.turn
    assert turn is not None
    if turn.phase == "deciding":
        _advance(pen)
        return
    ready = runnable(turn.calls, turn.parallel_calls or pen.limits.parallel_calls)
    if ready:
        pen.do(BeginCalls(turn.step_id, ready))


def _probed(pen: Pen, event: Probed) -> None:
    turn = pen.state.turn
    if turn is None or not any(call.call == event.call and call.status == "begun" for call in turn.calls):
        return
    call = next(call for call in turn.calls if call.call == event.call)
    if event.outcome == "not_done" and turn.interrupted is not None:
        answer_call(pen, turn, call.call, call.tool, "interrupted", "Not run: the turn was interrupted.")
        _tools(pen)
        return
    if event.outcome == "not_done":
        pen.do(BeginCalls(turn.step_id, (call.call,)))
        return
    if event.outcome != "done" and call.recovery == "probe_ask" and turn.interrupted is None:
        ask_again(pen, turn, call, event)
        return
    status: ResultStatus = "ok" if event.outcome == "done" else "unknown"
    answer_call(pen, turn, call.call, call.tool, status, event.text, dict(event.changed), dict(event.modes))
    _tools(pen)


def _recovered(pen: Pen) -> None:
    turn = pen.state.turn
    if pen.state.reverting is not None:
        pen.do(RestoreFiles())
    elif turn is None or turn.phase != "tools":
        _advance(pen)
    elif turn.interrupted is None and undecided(pen.state):
        pen.do(JudgeCalls(turn.step_id))
    elif not any(isinstance(effect, BeginCalls) for effect in pen.effects):
        _tools(pen)
