"""Events of a session as others may see them: without secrets, with the marks that a copy of the whole log would have.

It decides what of an event never goes out: streamed pieces (a secret may be split over two of them, and the reply has it
all), opaque parts of a maker, digests of what is cut. A page of events alone does not show all that is secret in it, so the
whole log is looked through first; what was seen of the last few logs is kept while the worker lives, because pages are asked
for one after the other. Called by `session.handover_jobs`.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec

from agentd.chain.file import scan_lines
from agentd.chain.frame import FIRST_LINK, Damage
from agentd.session.entries import Entry
from agentd.session.handover_survey import Survey
from agentd.session.log import LOG_FILE
from agentd.telemetry.detect_marks import Marks
from agentd.world.doors import Files, Handle

__all__ = ["LEFT_OUT", "redacted"]

LEFT_OUT = frozenset({"turn.delta"})
"""Events that no redacted page has."""

_KEPT = 2
"""Logs of which it is remembered what was seen: two people may read at a time."""
_EMPTIED: Mapping[str, str | None] = {"hash": "", "blob": None, "before": None, "after": None, "provider": None}
"""Fields that are emptied: names and digests of contents that are cut, and what only its maker can read."""
_LINE_END = b'"}\n'
_decoder: msgspec.json.Decoder[Entry] = msgspec.json.Decoder(Entry)


@dataclass(slots=True)
class _Seen:
    """How far a log was looked through. A log only grows, so the next look goes on from there."""

    marks: Marks
    survey: Survey
    offset: int = 0
    link: bytes = FIRST_LINK
    seq: int = 0


_seen: OrderedDict[tuple[str, tuple[str, ...]], _Seen] = OrderedDict()


def redacted(files: Files, folder: str, known: Sequence[str], values: Sequence[object]) -> list[object]:
    """`values` (`{"name", "body"}` each) as they may be shown; fewer than were given. `folder`: the session's, empty when
    its log is not at hand."""
    marks = _looked_at(files, folder, tuple(known)) if folder else Marks(known)
    shown = [_bare(value) for value in values if not (isinstance(value, Mapping) and value.get("name") in LEFT_OUT)]
    if not folder:
        for value in shown:
            marks.look_into(value)
    return [marks.cut_into(value) for value in shown]


def _looked_at(files: Files, folder: str, known: tuple[str, ...]) -> Marks:
    handle = files.open_read(f"{folder}/{LOG_FILE}")
    try:
        seen = _seen.pop((folder, known), None)
        if seen is None or not _goes_on(handle, seen):
            marks = Marks(known)
            seen = _Seen(marks, Survey(marks))
        for line in scan_lines(handle, seen.offset, seen.link, seen.seq + 1, _decoder):
            if isinstance(line, Damage):
                break  # an unfinished last line, or a session that can be read up to here
            seen.survey.see(line)
            seen.offset, seen.link, seen.seq = line.offset + line.length, line.crc, line.seq
    finally:
        handle.close()
    _seen[folder, known] = seen
    while len(_seen) > _KEPT:
        _seen.popitem(last=False)
    return seen.marks


def _goes_on(handle: Handle, seen: _Seen) -> bool:
    """Whether it is the same log still: the line that was seen last ends where it did."""
    end = seen.link + _LINE_END
    return not seen.offset or handle.read(seen.offset - len(end), len(end)) == end


def _bare(value: object) -> object:
    match value:
        case Mapping():
            return {
                name: inner if name == "arguments" else _EMPTIED[name] if name in _EMPTIED else _bare(inner)
                for name, inner in value.items()
            }
        case list() | tuple():
            return [_bare(inner) for inner in value]
        case _:
            return value
