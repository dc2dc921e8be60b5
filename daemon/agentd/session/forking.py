"""What a fork is given of its parent: the entries of turns that are part of the talk, up to the end of one of them. Pure.

A fork is a session of its own from its first line: it shares no file with its parent, so either can be archived, redacted
or removed without the other. Entries keep their turns' and calls' ids. Left out: turns that were taken back, restarts,
streamed pieces, checkpoints; keys (a request belongs to the session it was sent to) and grants (a person gave them to
the parent). Callers: `turn.forking`.
"""

from __future__ import annotations

from collections.abc import Container, Iterable

from msgspec import structs

from agentd.session.asking import Answered, Asked
from agentd.session.entries import (
    Begun,
    Changed,
    Checkpoint,
    Done,
    Entry,
    Finished,
    Interrupted,
    Opened,
    Partial,
    PrefixRecorded,
    Requested,
    Resumed,
    Steered,
)
from agentd.session.revisions import Reverted, Reverting, Withdrawn

__all__ = ["blobs_of", "copied", "live_turns"]

_LEFT_OUT = (Opened, Resumed, Partial, Checkpoint, Withdrawn, Reverting, Reverted)


def live_turns(entries: Iterable[Entry]) -> tuple[str, ...]:
    """The turns that have ended and are part of the talk, in their order."""
    ended: dict[str, bool] = {}
    for entry in entries:
        match entry:
            case Finished() if entry.stop != "withdrawn":
                ended[entry.turn] = True
            case Reverted():
                ended.update((turn, entry.kind == "redo") for turn in entry.turns if turn in ended)
            case _:
                pass
    return tuple(turn for turn, live in ended.items() if live)


def copied(entry: Entry, turns: Container[str]) -> Entry | None:
    """What the fork has of `entry`, when its parent's `turns` are its own; None for nothing."""
    turn = getattr(entry, "turn", None)
    if isinstance(entry, Reverted) and not entry.turns and all(_turn_of(call) in turns for call in entry.calls):
        return entry  # files of single calls were brought back: the model was told, and the files are so
    if isinstance(entry, _LEFT_OUT) or (turn is not None and turn not in turns):
        return None
    return _own(entry)


def _turn_of(call: str) -> str:
    """The turn of a call named `<turn>.<step>.<number>`."""
    return call.rpartition(".")[0].rpartition(".")[0]


def _own(entry: Entry) -> Entry:
    match entry:
        case Answered():
            return structs.replace(entry, key="", hash="", scope="once")
        case Changed():
            return structs.replace(entry, key="", hash="", title=None)
        case Requested() | Steered() | Interrupted():
            return structs.replace(entry, key="", hash="")
        case _:
            return entry


def blobs_of(entry: Entry) -> tuple[str, ...]:
    """Digests of the blobs that an entry speaks of; not each of them is kept."""
    match entry:
        case PrefixRecorded():
            return (entry.blob,)
        case Begun():
            return tuple(digest for digest in entry.before.values() if digest is not None)
        case Reverted():
            return tuple(one.before for one in entry.files if one.before is not None)
        case Asked():
            return tuple(digest for digest, _ in entry.changed.values() if digest is not None)
        case Done():
            before = (digest for digest, _ in (entry.touched | entry.changed).values() if digest is not None)
            shown = tuple(image.blob for image in entry.images)
            return (*before, *shown, entry.blob) if entry.blob is not None else (*before, *shown)
        case Requested():
            return tuple(image.blob for _, image in entry.pictures)
        case _:
            return ()
