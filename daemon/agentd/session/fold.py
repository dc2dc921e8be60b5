"""entries -> SessionState: one small function an entry type. Pure; the only definition of what an entry means.

`fold(state, line)` never refuses: a log is the truth, whatever order a crash left it in. An entry about a turn that is
not the running one changes counters at most. Callers: `session.log` (each append), `turn.machine` (what will be so once
its entries are recorded).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from agentd.session import breaker
from agentd.session.entries import (
    Assembled,
    Begun,
    Broke,
    Called,
    Changed,
    Checkpoint,
    Decided,
    Done,
    Entry,
    Finished,
    Interrupted,
    Judged,
    Notice,
    Opened,
    Partial,
    PrefixRecorded,
    Replied,
    Requested,
    Resumed,
    Started,
    Steered,
)
from agentd.session.fold_questions import QUESTIONS
from agentd.session.fold_revisions import REVISIONS, number_of
from agentd.session.folding import in_turn, set_call, with_
from agentd.session.remembering import REMEMBERED, keyed, latest, without
from agentd.session.reminders import Reminded
from agentd.session.state import (
    CALL_ENDED,
    CallState,
    CallStatus,
    Owed,
    PrefixRef,
    SessionState,
    TurnState,
)
from agentproto.api.turn import TurnUsage
from agentproto.content import ToolUseBlock, text_of

__all__ = ["MACHINE", "REPEATED", "add_usage", "first_title", "fold"]

REPEATED = "repeated"
"""The stop of a reply that was ended because it repeated itself."""

MACHINE = 1
"""Version of the meaning of entries and of the turn machine; the header names it."""

V = TypeVar("V")


def fold(state: SessionState, seq: int, at_ms: int, entry: Entry) -> SessionState:
    """The state after `entry`."""
    after = _STEPS[type(entry)](state, entry, seq, at_ms)
    return replace(after, seq=seq, updated_at_ms=at_ms)


def add_usage(a: TurnUsage, b: TurnUsage) -> TurnUsage:
    """The sum, field by field; estimated when either is."""
    return TurnUsage(
        input=a.input + b.input,
        output=a.output + b.output,
        cached=a.cached + b.cached,
        cache_written=a.cache_written + b.cache_written,
        reasoning=a.reasoning + b.reasoning,
        usd_micros=a.usd_micros + b.usd_micros,
        estimated=a.estimated or b.estimated,
    )


def _opened(state: SessionState, e: Opened, seq: int, at_ms: int) -> SessionState:
    return replace(
        state,
        session=e.session,
        created_at_ms=at_ms,
        kind=e.kind,
        product=e.product,
        machine=e.machine,
        workspace=e.workspace,
        cwd=e.cwd,
        mode=e.mode,
        model=e.model,
        title=e.title,
        parent=e.parent,
        env=e.env,
        actor=e.actor,
    )


def first_title(prompt: str) -> str:
    """What a session is called as long as nobody has named it: how its first message begins."""
    return " ".join(prompt.split())[:80]


def _requested(state: SessionState, e: Requested, seq: int, at_ms: int) -> SessionState:
    queued = state.turn is not None or bool(state.queue)
    state = keyed(state, e.key, e.hash, seq, e.turn, queued=queued)
    title = state.title if state.title is not None else first_title(e.prompt)
    hashes = state.read_hashes
    for path, digest, _ in e.files:
        hashes = latest(hashes, path, digest)
    return replace(
        state, title=title, turns=max(state.turns + 1, number_of(e.turn)), queue=(*state.queue, e), read_hashes=hashes
    )


def _started(state: SessionState, e: Started, seq: int, at_ms: int) -> SessionState:
    request = next((r for r in state.queue if r.turn == e.turn), None)
    if request is None:
        return state
    queue = tuple(r for r in state.queue if r.turn != e.turn)
    turn = TurnState(
        request=request,
        model=e.model,
        mode=e.mode,
        step=1,
        max_steps=e.max_steps,
        max_faults=e.max_faults,
        parallel_calls=e.parallel_calls,
        started_at_ms=at_ms,
    )
    told = ("told.tokens", "told.usd.turn")  # of the window, and of the turn's own limit: each turn is told anew
    counters = {name: one for name, one in state.counters.items() if name not in told}
    return replace(state, queue=queue, turn=turn, counters=counters)


def _prefix(state: SessionState, e: PrefixRecorded, seq: int, at_ms: int) -> SessionState:
    return replace(state, prefix=PrefixRef(e.blob, e.model, e.tools))


def _assembled(state: SessionState, e: Assembled, seq: int, at_ms: int) -> SessionState:
    return state


def _called(state: SessionState, e: Called, seq: int, at_ms: int) -> SessionState:
    turn = in_turn(state, e.turn)
    if turn is None:
        return state
    calling = replace(
        turn, phase="calling", attempts=e.attempt, wait_ms=0, calls=(), partial={}, spoken_to=False, owed=""
    )
    return replace(state, turn=calling, model_calls=state.model_calls + 1)


def _partial(state: SessionState, e: Partial, seq: int, at_ms: int) -> SessionState:
    turn = in_turn(state, e.turn)
    if turn is None:
        return state
    reached = e.offset + len(e.text.encode())
    return replace(state, turn=replace(turn, partial=with_(turn.partial, e.item, reached)))


def _replied(state: SessionState, e: Replied, seq: int, at_ms: int) -> SessionState:
    state = replace(state, usage=add_usage(state.usage, e.usage))
    turn = in_turn(state, e.turn)
    if turn is None:
        return state
    calls = tuple(
        CallState(block.call, block.name, block.arguments, mended=e.mended.get(block.call, ()))
        for block in e.blocks
        if isinstance(block, ToolUseBlock)
    )
    cut, repeated = e.stop == "length" and not calls, e.stop == REPEATED
    text = text_of(e.blocks)
    turn = replace(
        turn,
        phase="judging" if calls else "deciding",
        calls=calls,
        stop=e.stop,
        usage=add_usage(turn.usage, e.usage),
        steps_done=turn.steps_done + 1,
        # What was cut goes on in the next answer: to whoever reads the end they are one.
        last_text=turn.last_text + text if turn.cuts else text,
        cuts=turn.cuts + 1 if cut else 0,
        reached=True,
        faults=turn.faults + 1 if repeated else turn.faults,
        partial={},
    )
    return replace(state, turn=turn)


def _broke(state: SessionState, e: Broke, seq: int, at_ms: int) -> SessionState:
    turn = in_turn(state, e.turn)
    if turn is None:
        return state
    counters = with_(state.counters, f"broke.{e.failure}", state.counters.get(f"broke.{e.failure}", 0) + 1)
    if e.again:
        turn = replace(
            turn,
            phase="preparing",
            attempts=e.attempt,
            wait_ms=e.wait_ms,
            waited_ms=turn.waited_ms + e.wait_ms,
            overflowed=e.failure == "overflow",
            reached=turn.reached or e.failure not in ("network", "restart"),
            restarts=turn.restarts + (e.failure == "restart"),
            partial={},
        )
        if e.next_model:
            turn = replace(
                turn,
                model=e.next_model,
                given_up=(*turn.given_up, turn.model),
                attempts_before=e.attempt,
                waited_ms=0,
                reached=False,
                compacted=0,
            )
    else:
        turn = replace(turn, phase="deciding", calls=(), failure=(e.text, e.remedy), partial={})
    return replace(state, turn=turn, counters=counters)


_VERDICTS: dict[str, CallStatus] = {"allow": "allowed", "ask": "asking", "deny": "denied", "fault": "faulty"}


def _judged(state: SessionState, e: Judged, seq: int, at_ms: int) -> SessionState:
    def change(call: CallState) -> CallState:
        return replace(
            call,
            status=_VERDICTS[e.verdict],
            words=e.fault or e.reason,
            target=e.target,
            verdict=e.verdict,
            touches=e.touches,
            concurrency_safe=e.concurrency_safe,
            recovery=e.recovery,
        )

    state = set_call(state, e.turn, e.call, change)
    turn = in_turn(state, e.turn)
    if turn is not None and e.verdict == "deny":
        turn = replace(turn, denied=True)
        state = replace(state, turn=turn)
    if turn is not None and all(call.status != "planned" for call in turn.calls):
        faults = turn.faults + 1 if all(call.status == "faulty" for call in turn.calls) else 0
        state = replace(state, turn=replace(turn, phase="tools", faults=faults))
    return state


def _begun(state: SessionState, e: Begun, seq: int, at_ms: int) -> SessionState:
    return set_call(
        state, e.turn, e.call, lambda call: replace(call, status="begun", attempt=e.attempt, before=e.before)
    )


def _done(state: SessionState, e: Done, seq: int, at_ms: int) -> SessionState:
    status: CallStatus = "done" if e.status == "ok" else "unknown" if e.status == "unknown" else "failed"
    if e.touched:
        hashes = state.read_hashes
        for path, (_, after) in e.touched.items():
            hashes = without(hashes, {path}) if after is None else latest(hashes, path, after)
        state = replace(state, read_hashes=hashes)
    state = set_call(state, e.turn, e.call, lambda call: replace(call, status=status))
    turn = in_turn(state, e.turn)
    if turn is not None:
        ended = bool(turn.calls) and all(call.status in CALL_ENDED for call in turn.calls)
        turn = replace(turn, phase="deciding" if ended else turn.phase, denied=turn.denied and e.status != "ok")
        if e.seen is not None:
            changed = any(was != is_now for was, is_now in (*e.touched.values(), *e.changed.values()))
            turn = replace(turn, recent=breaker.after(turn.recent, breaker.Seen(*e.seen, changed)))
        state = replace(state, turn=turn)
    return state


def _decided(state: SessionState, e: Decided, seq: int, at_ms: int) -> SessionState:
    turn = in_turn(state, e.turn)
    if turn is None or e.next != "step":
        return state
    following = replace(
        turn,
        phase="preparing",
        step=turn.step + 1,
        calls=(),
        attempts=0,
        wait_ms=0,
        waited_ms=0,
        stop="",
        overflowed=False,
        compacted=0,
        attempts_before=0,
        restarts=0,
        owed=_owed(turn),
    )
    return replace(state, turn=following)


def _owed(turn: TurnState) -> Owed:
    if turn.stop == REPEATED:
        return "repeated"
    if turn.cuts:
        return "cut"
    return "stuck" if turn.calls and breaker.judge(turn.recent).kind == "warn" else ""


def _reminded(state: SessionState, e: Reminded, seq: int, at_ms: int) -> SessionState:
    if e.level:
        kind = ".".join(e.code.split(".")[:2])  # a day's level takes the place of the day's before
        others = {name: one for name, one in state.counters.items() if not name.startswith(f"told.{kind}")}
        state = replace(state, counters=with_(others, f"told.{e.code}", e.level))
    turn = in_turn(state, e.turn)
    return state if turn is None or e.level else replace(state, turn=replace(turn, owed=""))


def _steered(state: SessionState, e: Steered, seq: int, at_ms: int) -> SessionState:
    state = keyed(state, e.key, e.hash, seq, e.turn)
    turn = in_turn(state, e.turn)
    return state if turn is None else replace(state, turn=replace(turn, spoken_to=True, recent=breaker.Recent()))


def _interrupted(state: SessionState, e: Interrupted, seq: int, at_ms: int) -> SessionState:
    state = keyed(state, e.key, e.hash, seq, e.turn)
    turn = in_turn(state, e.turn)
    return state if turn is None else replace(state, turn=replace(turn, interrupted=e.reason))


def _finished(state: SessionState, e: Finished, seq: int, at_ms: int) -> SessionState:
    state = replace(state, last_stop=e.stop)
    turn = in_turn(state, e.turn)
    if turn is None:
        return replace(state, queue=tuple(r for r in state.queue if r.turn != e.turn))
    if turn.withdrawn:
        return replace(state, turn=None)
    finished = (*state.finished, e.turn)
    forgotten = state.forgotten + max(0, len(finished) - REMEMBERED)
    # What was taken back stays so once the talk went on another way.
    return replace(state, turn=None, finished=finished[-REMEMBERED:], forgotten=forgotten, undone=())


def _notice(state: SessionState, e: Notice, seq: int, at_ms: int) -> SessionState:
    if e.code in state.notices:
        return state
    return replace(state, notices=(*state.notices, e.code)[-REMEMBERED:])


def _changed(state: SessionState, e: Changed, seq: int, at_ms: int) -> SessionState:
    state = keyed(state, e.key, e.hash, seq, state.session)
    return replace(
        state,
        mode=e.mode if e.mode is not None else state.mode,
        model=e.model if e.model is not None else state.model,
        title=e.title if e.title is not None else state.title,
        prefix=None if e.model is not None and e.model != state.model else state.prefix,
    )


def _resumed(state: SessionState, e: Resumed, seq: int, at_ms: int) -> SessionState:
    return replace(state, counters=with_(state.counters, "resumed", state.counters.get("resumed", 0) + 1))


def _checkpoint(state: SessionState, e: Checkpoint, seq: int, at_ms: int) -> SessionState:
    return state


_STEPS: dict[type, Callable[..., SessionState]] = {
    Opened: _opened,
    Requested: _requested,
    Started: _started,
    PrefixRecorded: _prefix,
    Assembled: _assembled,
    Called: _called,
    Partial: _partial,
    Replied: _replied,
    Broke: _broke,
    Judged: _judged,
    Begun: _begun,
    Done: _done,
    Decided: _decided,
    Steered: _steered,
    Interrupted: _interrupted,
    Finished: _finished,
    Notice: _notice,
    Changed: _changed,
    Resumed: _resumed,
    Checkpoint: _checkpoint,
    Reminded: _reminded,
    **QUESTIONS,
    **REVISIONS,
}
