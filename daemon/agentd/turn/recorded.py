"""What a log says about what came from outside: its lines turned back into the events that the runner fed. Pure.

Part of `turn.replay`. `answered` is for effects that the runner answers at once: their answer is in the lines that
follow, or nowhere, because a crash came. `given` is for everything else: what the next line itself brought.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

from msgspec import structs

from agentd.chain.frame import Line
from agentd.session.asking import Answered, Asked
from agentd.session.compactions import Compacted
from agentd.session.entries import (
    Assembled,
    Begun,
    Broke,
    Called,
    Changed,
    Decided,
    Done,
    Entry,
    Finished,
    Interrupted,
    Judged,
    Notice,
    Opened,
    PrefixRecorded,
    Replied,
    Requested,
    Resumed,
    Steered,
)
from agentd.session.reminders import Reminded
from agentd.session.revisions import Reverted, Reverting, Withdrawn
from agentd.session.state import SessionState
from agentd.turn.effects import BeginCalls, Effect, JudgeCalls, PrepareCall, ProbeCall, RestoreFiles
from agentd.turn.events import (
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
from agentd.turn.recover import undecided

__all__ = ["Ahead", "answered", "given"]

_FAR = 512
"""Lines in which the answer to one effect lies: a step has fewer calls than that."""


class Ahead:
    """The lines that are still to come; looking at them takes none."""

    def __init__(self, source: Iterator[Line[Entry]]) -> None:
        self._source = source
        self._seen: deque[Line[Entry]] = deque()

    @property
    def first(self) -> Line[Entry] | None:
        return next(iter(self.lines(1)), None)

    def lines(self, count: int) -> Iterator[Line[Entry]]:
        """The next `count` lines at most."""
        for index in range(count):
            if index == len(self._seen):
                line = next(self._source, None)
                if line is None:
                    return
                self._seen.append(line)
            yield self._seen[index]

    def entries(self) -> Iterator[Entry]:
        """The next entries up to a restart: what comes after that answers nothing of before."""
        for line in self.lines(_FAR):
            if isinstance(line.entry, Resumed):
                return
            yield line.entry

    def drop(self) -> None:
        self._seen.popleft()


def answered(effect: Effect, state: SessionState, ahead: Ahead) -> Event | None:
    """The runner's answer to `effect`; None when a crash kept it from being recorded."""
    match effect:
        case PrepareCall(step):
            return _prepared(step, ahead)
        case JudgeCalls(step):
            return _judged(step, state, ahead)
        case BeginCalls(step, calls):
            return _intended(step, calls, ahead)
        case ProbeCall(call):
            return _probed(call, ahead)
        case RestoreFiles():
            entry = next(ahead.entries(), None)
            return Restored(entry) if isinstance(entry, Reverted) else None
        case _:
            return None


def _prepared(step: str, ahead: Ahead) -> Event | None:
    notices: list[Notice] = []
    compacted: Compacted | None = None
    reminded: list[Reminded] = []
    prefix: PrefixRecorded | None = None
    assembled: Assembled | None = None
    for entry in ahead.entries():
        match entry:
            case Notice():
                notices.append(entry)
            case Compacted():
                compacted = entry
            case Reminded():
                reminded.append(entry)
            case PrefixRecorded():
                prefix = entry
            case Assembled():
                assembled = entry
            case Called() if assembled is not None:
                return Prepared(
                    step=step,
                    model=entry.model,
                    purpose=entry.purpose,
                    prefix_blob=entry.prefix,
                    messages=assembled.messages,
                    window=assembled.window,
                    input_tokens=entry.input_tokens,
                    output_tokens=entry.output_tokens,
                    usd_micros=entry.usd_micros,
                    reason=assembled.reason,
                    prefix=prefix,
                    notices=tuple(notices),
                    compacted=compacted,
                    reminded=tuple(reminded),
                )
            case Decided():
                return _refused(step, entry, ahead)
            case _:
                break
    if assembled is None and prefix is None and compacted is None and not notices and not reminded:
        return None
    # The rest was lost with the crash; what was to come of it is given up at the restart.
    return Prepared(
        step=step,
        model="",
        purpose="turn",
        prefix_blob="",
        messages=assembled.messages if assembled is not None else 0,
        window=assembled.window if assembled is not None else 0,
        input_tokens=assembled.input_tokens if assembled is not None else 0,
        output_tokens=0,
        usd_micros=0,
        reason=assembled.reason if assembled is not None else "",
        prefix=prefix,
        notices=tuple(notices),
        compacted=compacted,
        reminded=tuple(reminded),
    )


def _refused(step: str, decided: Decided, ahead: Ahead) -> Refused:
    finished = next((entry for entry in ahead.entries() if isinstance(entry, Finished)), None)
    remedy = finished.remedy if finished is not None and finished.remedy is not None else ""
    over = finished is not None and finished.stop == "budget"
    return Refused(step, decided.reason, remedy, over, finished is not None and finished.dropped)


def _judged(step: str, state: SessionState, ahead: Ahead) -> Event | None:
    owed = undecided(state)
    verdicts: list[tuple[Judged, Asked | None]] = []
    for entry in ahead.entries():
        if isinstance(entry, Judged) and entry.call in owed and len(verdicts) < len(owed):
            verdicts.append((entry, None))
        elif isinstance(entry, Asked) and verdicts and verdicts[-1][0].call == entry.call:
            verdicts[-1] = (verdicts[-1][0], structs.replace(entry, question=""))
        else:
            break
    return CallsJudged(step, tuple(verdicts)) if verdicts else None


def _intended(step: str, calls: tuple[str, ...], ahead: Ahead) -> Event | None:
    begun: list[Begun] = []
    for entry in ahead.entries():
        if not isinstance(entry, Begun) or entry.call not in calls:
            break
        begun.append(entry)
    if not begun:
        return None
    effects = frozenset(entry.call for entry in begun if entry.effect)
    return Intended(step, {entry.call: entry.before for entry in begun}, effects)


def _probed(call: str, ahead: Ahead) -> Event | None:
    for entry in ahead.entries():
        match entry:
            case Done() if entry.call == call:
                if entry.status == "interrupted":
                    return Probed(call, "not_done", "")
                outcome = "done" if entry.status == "ok" else "unknown"
                return Probed(call, outcome, entry.text, entry.changed, entry.modes)
            case Asked() if entry.call == call:
                return Probed(call, "unknown", "", entry.changed, entry.modes)
            case Begun() if entry.call == call:
                return Probed(call, "not_done", "")
            case _:
                continue
    return None


def given(state: SessionState, ahead: Ahead) -> Event | None:
    """The event that the next line came from; None when no event brings such a line."""
    line = ahead.first
    assert line is not None
    turn = state.turn
    match line.entry:
        case Opened() as e:
            return SessionMade(e)
        case Requested() as e:
            return UserSaid(e)
        case Steered() as e:
            return Speak(e)
        case Interrupted() as e:
            return Interrupt(e)
        case Answered() as e if e.decision != "closed":
            return Answer(e)
        case Changed() as e:
            return Change(e)
        case Withdrawn() as e:
            return Withdraw(e)
        case Reverting() as e:
            return Revert(e)
        case Replied() as e:
            return ModelReplied(e)
        case Broke() as e:
            wait_ms = e.wait_ms if e.again else None
            return ModelFailed(e.step, e.failure, e.text, e.remedy, e.kept, wait_ms, e.next_model)
        case Done() as e:
            return CallEnded(e)
        case Resumed() as e:
            return Recovered(e.product, e.reason, _kept(ahead), e.torn_bytes, e.saved_as, e.head_missing)
        case Notice() as e if turn is None or turn.phase != "preparing":
            return Happening(e)
        case Notice() | Compacted() | Reminded() | PrefixRecorded() | Assembled() | Decided() if (
            turn is not None and turn.phase == "preparing"
        ):
            return WaitOver(turn.step_id)
        case _:
            return None


def _kept(ahead: Ahead) -> str:
    """Streamed text of a call that a restart broke."""
    following = [line.entry for line in ahead.lines(2)][1:]
    return next((entry.kept for entry in following if isinstance(entry, Broke)), "")
