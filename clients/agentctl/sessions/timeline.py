"""Where a turn's time went: each phase with its begin and its milliseconds, out of the events' times. Pure.

    queued -> started            queue     waiting for another turn, and the start itself
    (nothing runs)               daemon    deciding and assembling between two steps
    started or tools -> replied  model     one model call, with what it used
    tool.started -> finished     tool      one call; several may run at once
    question -> answer           question  waiting for a person

A model call has no event of its own for its begin: it counts from the end of what came before it in the turn, so the
daemon's own work just before it is in it. Callers: `showing` (`--trace`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

import msgspec

from agentclient.turn_stream import Change, TurnStream
from agentctl.render.safe import one_line
from agentctl.sessions.turns import short
from agentproto.api import question, session, turn
from agentproto.link import Happened

__all__ = ["HEADERS", "Phase", "Timeline", "latest_turn", "rows_of", "timeline"]

HEADERS = ("from_ms", "ms", "phase", "what", "when")
_BAR = 24
_WHAT = 60
_PhaseName = Literal["queue", "model", "tool", "question", "daemon"]


class Phase(msgspec.Struct, frozen=True, omit_defaults=True):
    """`from_ms` counts from the moment at which the message was accepted."""

    phase: _PhaseName
    from_ms: int
    ms: int
    what: str = ""
    status: str = ""


class Timeline(msgspec.Struct, frozen=True):
    """One turn. `stop` None: it runs still; `ms` is then up to its last event."""

    turn: str
    stop: str | None
    at_ms: int
    ms: int
    phases: tuple[Phase, ...]


def latest_turn(events: Iterable[session.StreamedEvent]) -> str | None:
    """The turn that was started last among these events."""
    found: str | None = None
    for event in events:
        if event.name == "turn.started":
            found = str(event.body.get("turn"))
    return found


def timeline(turn_id: str, events: Iterable[session.StreamedEvent]) -> Timeline | None:
    """The turn's phases in the order of their begins; None when these events do not have its begin."""
    course = _Course(turn_id)
    stream = TurnStream()
    for event in events:
        for change in stream.take(Happened(event.name, event.body)):
            course.take(change)
    return course.told()


class _Course:
    """What is known of the turn so far. `_free` is the moment since which nothing but the model (or the daemon) works."""

    def __init__(self, turn_id: str) -> None:
        self._turn = turn_id
        self._begun: int | None = None
        self._free = 0
        self._last = 0
        self._stop: str | None = None
        self._open: dict[str, tuple[_PhaseName, int, str]] = {}
        self._phases: list[Phase] = []

    def take(self, change: Change) -> None:
        id = change.question.turn if isinstance(change, question.OpenedEvent) else getattr(change, "turn", None)
        at = getattr(change, "at_ms", None)
        if id != self._turn or at is None:
            return
        if isinstance(change, turn.QueuedEvent):
            self._begun = self._free = at
        if self._begun is None:
            return
        self._last = max(self._last, at)
        match change:
            case turn.StartedEvent():
                self._add("queue", self._begun, at)
                self._free = at
            case turn.RepliedEvent(step=step, usage=usage, interrupted=cut):
                cached = f" ({usage.cached} cached)" if usage.cached else ""
                words = f"{short(step)}: {usage.input} tokens in{cached}, {usage.output} out"
                self._add("model", self._free, at, words, "interrupted" if cut else "")
                self._free = at
            case turn.RetryEvent(step=step, reason=reason):
                self._add("model", self._free, at, f"{short(step)}: {reason}", "retried" if change.again else "failed")
                self._free = at
            case turn.ToolStartedEvent(call=call, tool=tool, target=target):
                self._daemon(at)
                self._open[call] = "tool", at, f"{tool} {one_line(target, _WHAT)}".rstrip()
            case question.OpenedEvent(question=opened):
                self._daemon(at)
                self._open[opened.id] = "question", at, one_line(opened.summary, _WHAT)
            case turn.ToolFinishedEvent(call=call):
                self._close(call, at, change.status)
            case question.AnsweredEvent(question=asked):
                self._close(asked, at, change.decision)
            case turn.FinishedEvent(stop=stop):
                self._daemon(at)
                self._stop = stop
            case _:
                pass

    def _daemon(self, at: int) -> None:
        """The time before `at` in which nothing ran was the daemon's."""
        if not self._open:
            self._add("daemon", self._free, at)
            self._free = at

    def _close(self, id: str, at: int, status: str) -> None:
        phase, begun, what = self._open.pop(id, ("tool", at, ""))
        self._add(phase, begun, at, what, status)
        self._free = at

    def _add(self, phase: _PhaseName, begin: int, end: int, what: str = "", status: str = "") -> None:
        assert self._begun is not None
        if end > begin or phase != "daemon":
            self._phases.append(Phase(phase, begin - self._begun, end - begin, what, status))

    def told(self) -> Timeline | None:
        if self._begun is None:
            return None
        for phase, begun, what in self._open.values():
            status = "open" if phase == "question" else "running"
            self._phases.append(Phase(phase, begun - self._begun, self._last - begun, what, status))
        ordered = tuple(sorted(self._phases, key=lambda one: (one.from_ms, one.from_ms + one.ms)))
        return Timeline(self._turn, self._stop, self._begun, self._last - self._begun, ordered)


def rows_of(found: Timeline) -> Sequence[tuple[str, ...]]:
    """A row a phase, with a bar that shows when in the turn it was."""
    whole = max(1, found.ms)
    rows = []
    for one in found.phases:
        begin = min(_BAR - 1, one.from_ms * _BAR // whole)
        bar = " " * begin + "=" * max(1, one.ms * _BAR // whole)
        status = f" [{one.status}]" if one.status not in ("", "ok") else ""
        rows.append((str(one.from_ms), str(one.ms), one.phase, one.what + status, "|" + bar[:_BAR]))
    return rows
