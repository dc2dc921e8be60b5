"""A session's workflow, apart from its talk: what each mutating call was meant to do, did, and touched. Pure.

Folded from the log alone. A step's id is its call's, which is its idempotency key: whatever is begun under it is begun
at most once unless a person says otherwise. States: planned -> approved -> begun -> done | failed | unknown, and
compensated when its files were brought back since. Callers: `turn.log_jobs`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from agentd.session.asking import Answered, Asked
from agentd.session.entries import Begun, Done, Entry, Judged
from agentd.session.revisions import Reverted
from agentproto.revisions import Touched, WorkflowState, WorkflowStep

__all__ = ["UNKNOWN", "workflow"]

UNKNOWN = "unknown"
"""Stands for the hash of a content that nobody knows."""


@dataclass(slots=True)
class _Step:
    """A step while the log is read."""

    turn: str
    tool: str
    target: str
    planned_at_ms: int
    reason: str
    state: WorkflowState = "planned"
    was: WorkflowState = "done"
    approved_at_ms: int | None = None
    begun_at_ms: int | None = None
    ended_at_ms: int | None = None
    attempts: int = 0
    exit_code: int | None = None
    before: dict[str, str | None] = field(default_factory=dict)
    touched: dict[str, tuple[str | None, str | None]] = field(default_factory=dict)


def workflow(entries: Iterable[tuple[int, Entry]], held: Callable[[str], bool]) -> tuple[WorkflowStep, ...]:
    """The mutating calls of `entries`, given as (time in ms, entry), oldest first. `held`: whether the content with this
    sha256 is kept."""
    steps: dict[str, _Step] = {}
    asked: dict[str, str] = {}
    for at_ms, entry in entries:
        match entry:
            case Judged() if entry.recovery != "rerun" and entry.verdict != "fault":
                _judge(steps, entry, at_ms)
            case Asked():
                asked[entry.question] = entry.call
            case Answered():
                _answer(steps.get(asked.get(entry.question, "")), entry, at_ms)
            case Begun() if (step := steps.get(entry.call)) is not None:
                step.state, step.begun_at_ms, step.attempts = "begun", step.begun_at_ms or at_ms, entry.attempt
                step.before = dict(entry.before)
            case Done() if (step := steps.get(entry.call)) is not None:
                _end(step, entry, at_ms)
            case Reverted():
                _revert(steps, entry)
            case _:
                pass
    return tuple(_shown(id, step, held) for id, step in steps.items())


def _judge(steps: dict[str, _Step], entry: Judged, at_ms: int) -> None:
    step = _Step(entry.turn, entry.tool, entry.target, at_ms, entry.reason)
    if entry.verdict == "allow":
        step.state, step.approved_at_ms = "approved", at_ms
    elif entry.verdict == "deny":
        step.state = "failed"
    steps.setdefault(entry.call, step)


def _answer(step: _Step | None, entry: Answered, at_ms: int) -> None:
    if step is None or entry.decision == "closed":
        return
    who = entry.actor.name or entry.actor.kind
    if entry.decision == "approve":
        step.state, step.approved_at_ms = "approved", at_ms
        step.reason = f"approved by {who} for {entry.scope}"
    else:
        step.reason = f"denied by {who}" + (f": {entry.text}" if entry.text else "")


def _end(step: _Step, entry: Done, at_ms: int) -> None:
    step.state = "done" if entry.status == "ok" else "unknown" if entry.status == "unknown" else "failed"
    step.ended_at_ms, step.exit_code = at_ms, entry.exit_code
    step.touched = {path: pair for path, pair in (entry.touched | entry.changed).items() if pair[0] != pair[1]}
    if entry.status != "ok":
        step.reason = entry.summary


def _revert(steps: dict[str, _Step], entry: Reverted) -> None:
    brought_back = {one.path for one in entry.files if one.action != "kept"}
    for call in entry.calls:
        step = steps.get(call)
        if step is None or not brought_back.intersection(step.touched):
            continue
        if entry.kind != "redo" and brought_back.issuperset(step.touched) and step.state != "compensated":
            step.was, step.state = step.state, "compensated"
        elif entry.kind == "redo" and step.state == "compensated":
            step.state = step.was


def _shown(id: str, step: _Step, held: Callable[[str], bool]) -> WorkflowStep:
    # What was begun and whose outcome nobody knows may have written these.
    doubtful = {path: (before, UNKNOWN) for path, before in step.before.items()}
    files = doubtful if step.state in ("begun", "unknown") and not step.touched else step.touched
    return WorkflowStep(
        id=id,
        turn=step.turn,
        tool=step.tool,
        target=step.target,
        state=step.state,
        planned_at_ms=step.planned_at_ms,
        approved_at_ms=step.approved_at_ms,
        begun_at_ms=step.begun_at_ms,
        ended_at_ms=step.ended_at_ms,
        attempts=step.attempts,
        reason=step.reason,
        exit_code=step.exit_code,
        touched=tuple(
            Touched(path, before, after, before is None or held(before)) for path, (before, after) in files.items()
        ),
    )
