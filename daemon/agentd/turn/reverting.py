"""What taking back means for files: which are brought back to which bytes, and which are left alone. Pure.

The rule: nobody's bytes are lost. A file is touched only when it holds exactly what this session left in it. Where
somebody else wrote in between two writes of the session, it goes back to what they wrote, no further. What was there
before has to be held in the session's blobs, else the file is left as it is, with the reason. Callers:
`turn.taking_back`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from agentd.session.entries import Done, Entry
from agentd.session.revisions import FileOutcome, FileStep, Reverted

__all__ = ["UNREADABLE", "Plan", "Write", "expected", "plan", "plan_redo", "writes_of"]

UNREADABLE = "unreadable"
"""Stands for the hash of a file that is there and can't be read."""

_DIGEST_CHARS = 64


@dataclass(frozen=True, slots=True)
class Write:
    """One change of one file by this session: sha256 before and after, None for no file. What is no sha256 is a
    content that nobody knows."""

    path: str
    before: str | None
    after: str | None
    mode: int | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """`steps` to do, `kept` to leave with the reason, `refused`: somebody else changed them since."""

    steps: tuple[FileStep, ...]
    kept: tuple[FileOutcome, ...]
    refused: tuple[FileOutcome, ...]


def writes_of(entries: Iterable[Entry], calls: frozenset[str]) -> tuple[Write, ...]:
    """The writes of `calls` and of earlier reverts of them, in the log's order."""
    found: list[Write] = []
    for entry in entries:
        if isinstance(entry, Done) and entry.call in calls:
            found += [
                Write(path, before, after, entry.modes.get(path))
                for path, (before, after) in (entry.touched | entry.changed).items()
                if before != after
            ]
        elif isinstance(entry, Reverted) and calls.intersection(entry.calls):
            found += [Write(one.path, one.before, one.after, one.mode) for one in entry.files if one.action != "kept"]
    return tuple(found)


def expected(writes: Sequence[Write]) -> tuple[str, ...]:
    """The paths that have to be looked at, in the order of their first write."""
    return tuple(dict.fromkeys(write.path for write in writes))


def plan(writes: Sequence[Write], now: Mapping[str, str | None], held: Callable[[str], bool]) -> Plan:
    """What to do so that each file is as it was before `writes`. `now`: sha256 of each path as it is."""
    steps: list[FileStep] = []
    kept: list[FileOutcome] = []
    refused: list[FileOutcome] = []
    for path in expected(writes):
        mine = [write for write in writes if write.path == path]
        there = now[path]
        if there != mine[-1].after:
            reason = "it can't be read" if there == UNREADABLE else "somebody else changed it since"
            refused.append(FileOutcome(path, "kept", reason, there, there))
            continue
        first = _first_of_the_last_run(mine)
        wanted = first.before
        if wanted == there:
            continue
        if wanted is not None and not (len(wanted) == _DIGEST_CHARS and held(wanted)):
            kept.append(FileOutcome(path, "kept", "what it held before is not kept", there, there))
            continue
        steps.append(FileStep(path, there, wanted, first.mode))
    return Plan(tuple(steps), tuple(kept), tuple(refused))


def _first_of_the_last_run(mine: Sequence[Write]) -> Write:
    """The earliest write from which on nobody else wrote: before it lie somebody else's bytes."""
    first = mine[-1]
    for write in reversed(mine[:-1]):
        if write.after != first.before:
            break
        first = write
    return first


def plan_redo(undone: Reverted, now: Mapping[str, str | None], held: Callable[[str], bool]) -> Plan:
    """What to do so that each file is as it was before the revert `undone`."""
    writes = [Write(one.path, one.before, one.after, one.mode) for one in undone.files if one.action != "kept"]
    return plan(writes, now, held)
