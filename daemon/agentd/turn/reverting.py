"""What taking back means for files: which are brought back to which bytes, and which are left alone. Pure.

The rule: nobody's bytes are lost. A file is touched only when it holds exactly what this session left in it. Where
somebody else wrote in between two writes of the session, it goes back to what they wrote, no further. What was there
before has to be held in the session's blobs, else the file is left as it is, with the reason. Callers:
`turn.taking_back`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from agentd.session.asking import Asked
from agentd.session.entries import Done, Entry
from agentd.session.revisions import FileOutcome, FileStep, Reverted

__all__ = ["CANT_READ", "Plan", "Write", "expected", "plan", "plan_redo", "writes_of", "written"]

CANT_READ = "unreadable"
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
    """The writes of `calls`, and what earlier reverts did to the files that these calls wrote, in the log's order."""
    found: list[Write] = []
    mine: set[str] = set()
    for entry in entries:
        if isinstance(entry, Done | Asked) and entry.call in calls:
            own = [
                Write(path, before, after, entry.modes.get(path))
                for path, (before, after) in written(entry).items()
                if before != after or path in entry.modes
            ]
            mine.update(write.path for write in own)
            found += own
        elif isinstance(entry, Reverted) and calls.intersection(entry.calls):
            done = (one for one in entry.files if one.action != "kept" and one.path in mine)
            found += [Write(one.path, one.before, one.after, one.mode) for one in done]
    return tuple(found)


def written(entry: Done | Asked) -> dict[str, tuple[str | None, str | None]]:
    """Everything that a call is known to have written, or whose bits it changed."""
    return (entry.touched if isinstance(entry, Done) else {}) | entry.changed


def expected(writes: Sequence[Write]) -> tuple[str, ...]:
    """The paths that have to be looked at, in the order of their first write."""
    return tuple(dict.fromkeys(write.path for write in writes))


def plan(writes: Sequence[Write], now: Mapping[str, str | None], held: Callable[[str], bool]) -> Plan:
    """What to do so that each file is as it was before `writes`. `now`: sha256 of each path as it is."""
    steps: list[FileStep] = []
    kept: list[FileOutcome] = []
    refused: list[FileOutcome] = []
    for path, mine in _by_path(writes).items():
        there = now[path]
        run = _last_run(mine)
        wanted = run[0].before
        mode = next((write.mode for write in reversed(run) if write.mode is not None), None)
        if wanted == there and (mode is None or wanted is None):
            continue
        if not _is_known(mine[-1].after):
            kept.append(FileOutcome(path, "kept", "what it holds since is not known", there, there))
        elif there == CANT_READ:
            kept.append(FileOutcome(path, "kept", "it can't be read", there, there))
        elif there not in (mine[-1].after, wanted):
            refused.append(FileOutcome(path, "kept", "somebody else changed it since", there, there))
        elif not _is_known(wanted) or (wanted is not None and wanted != there and not held(wanted)):
            kept.append(FileOutcome(path, "kept", "what it held before is not kept", there, there))
        else:
            steps.append(FileStep(path, there, wanted, mode))
    paths = {step.path for step in steps}
    if any(folder in paths for step in steps for folder in _folders_of(step.path)):
        # What is in the way goes first: a file where a folder was, or the files of a folder where a file was.
        steps.sort(key=lambda step: step.then is not None)
    return Plan(tuple(steps), tuple(kept), tuple(refused))


def _by_path(writes: Iterable[Write]) -> dict[str, list[Write]]:
    """Each path's writes, the paths in the order of their first write: a turn can have changed thousands."""
    found: dict[str, list[Write]] = {}
    for write in writes:
        found.setdefault(write.path, []).append(write)
    return found


def _folders_of(path: str) -> Iterator[str]:
    while "/" in path:
        path = path.rpartition("/")[0]
        yield path


def _is_known(digest: str | None) -> bool:
    return digest is None or len(digest) == _DIGEST_CHARS


def _last_run(mine: Sequence[Write]) -> list[Write]:
    """The latest writes between which nobody else wrote: before the first of them lie somebody else's bytes."""
    run = [mine[-1]]
    for write in reversed(mine[:-1]):
        if write.after != run[0].before:
            break
        run.insert(0, write)
    return run


def plan_redo(undone: Reverted, now: Mapping[str, str | None], held: Callable[[str], bool]) -> Plan:
    """What to do so that each file is as it was before the revert `undone`."""
    writes = [Write(one.path, one.before, one.after, one.mode) for one in undone.files if one.action != "kept"]
    return plan(writes, now, held)
