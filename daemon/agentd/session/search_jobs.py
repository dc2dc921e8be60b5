"""The job that searches all sessions: it brings the index up to date with the logs, then asks it.

It decides what of each log is indexed already (the mark in the index), in which order the rest is (the log that changed
last first) and for how long. It must never write anything but the index, and never fail over a log: of a damaged one the
valid prefix is searched. Named in `agentd.worker.JOBS`; the worker has no doors, so clock and disk are read directly.
Every batch is one transaction, so a worker that is killed goes on where it was.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence

import msgspec

from agentd.chain.frame import FIRST_LINK
from agentd.search.index import Index, using
from agentd.search.pieces import Document, Piece
from agentd.search.query import parse
from agentd.session.folders import session_folder
from agentd.session.log_stream import LogFile, RawLine, find_log, find_logs, read_lines
from agentd.session.pieces import TELLING, Gathered, Telling, gather

__all__ = ["search_sessions"]

_BATCH_BYTES = 4 * 1024 * 1024
"""Of log in one transaction: what a killed worker does again, and what is in memory at most beside one line."""

_BATCH_CHARS = 1024 * 1024

_telling: msgspec.json.Decoder[Telling] = msgspec.json.Decoder(Telling)


class _Mark(msgspec.Struct, frozen=True, omit_defaults=True):
    """How far a log is indexed: up to byte `offset`, where line `seq` with the digits `link` ended. `stamp` is the file's
    when its end was reached, empty while it was not."""

    stamp: tuple[str, int, int, int] | None = None
    offset: int = 0
    seq: int = 0
    link: str = FIRST_LINK.decode()
    gathered: Gathered = Gathered()


def search_sessions(
    data: str, index: str, query: str, limit: int, session: str, workspace: str, budget_ms: int
) -> dict[str, object]:
    """`{"hits": [...], "sessions": n, "waiting": n, "known": bool}`, hits as maps of `agentproto.keeping.SearchHit`.

    `index` is the file; `session` and `workspace` keep the search to one ("": all). Indexing stops after `budget_ms`,
    but does at least one batch; `waiting` are the sessions that were not brought up to date. `known` is false when
    `session` is none.
    """
    if session:
        log = find_log(session_folder(data, session))
        logs = [] if log is None else [log]
    else:
        logs = find_logs(data)
    # Counted from here, not from when a damaged index is begun anew: the caller's time is what is bounded.
    over = _after(budget_ms)
    return using(index, lambda opened: _answer(opened, logs, query, limit, session, workspace, over))


def _answer(
    index: Index,
    logs: Sequence[LogFile],
    query: str,
    limit: int,
    session: str,
    workspace: str,
    over: Callable[[], bool],
) -> dict[str, object]:
    waiting = _catch_up(index, logs, index.documents(), over)
    there = {log.session for log in logs}
    if not session:
        _forget(index, there, over)
    among = {
        document.name
        for document in index.documents().values()
        if document.name in there and workspace in ("", document.group)
    }
    hits = index.search(parse(query), limit, among)
    return {
        "hits": [
            {
                "session": hit.document,
                "seq": hit.position,
                "at_ms": hit.at_ms,
                "kind": hit.kind,
                "snippet": hit.snippet,
                "score": hit.score,
                "title": hit.title,
                "workspace": hit.group,
            }
            for hit in hits
        ],
        "sessions": len(among),
        "waiting": waiting,
        "known": bool(logs),
    }


def _after(budget_ms: int) -> Callable[[], bool]:
    end = time.monotonic() + budget_ms / 1_000
    return lambda: time.monotonic() >= end


def _forget(index: Index, there: set[str], over: Callable[[], bool]) -> None:
    """Removed sessions leave the index, for which there is always time for one; until then no search shows them."""
    for name in index.documents():
        if name not in there:
            index.drop(name)
            if over():
                return


def _catch_up(index: Index, logs: Sequence[LogFile], indexed: Mapping[str, Document], over: Callable[[], bool]) -> int:
    """Index what is new; how many logs could not be brought up to date."""
    waiting = 0
    begun = False
    for log in logs:
        mark = _mark_of(indexed.get(log.session))
        if mark is not None and mark.stamp == log.stamp:
            continue
        if begun and over():
            waiting += 1
            continue
        begun = True
        if not _index_log(index, log, mark, over):
            waiting += 1
    return waiting


def _index_log(index: Index, log: LogFile, mark: _Mark | None, over: Callable[[], bool]) -> bool:
    """Index one log from its mark on; whether its end was reached."""
    mark = mark or _Mark()
    lines = read_lines(log, mark.offset, mark.link.encode(), mark.seq)
    if lines is None or not mark.offset:
        # Another log than the one that was indexed, or a mark that can't be read: whatever is there goes.
        index.drop(log.session)
    if lines is None:
        mark = _Mark()
        lines = read_lines(log) or iter(())
    gathered, last = mark.gathered, mark
    pieces: list[Piece] = []
    size = chars = 0
    for line in lines:
        entry = _entry(line)
        if isinstance(entry, type):
            break
        if entry is not None:
            gathered, found = gather(gathered, line.seq, line.at_ms, entry)
            pieces += found
            chars += sum(len(piece.text) for piece in found)
        last = _Mark(None, line.end, line.seq, line.link.decode(), gathered)
        size += len(line.raw)
        if size >= _BATCH_BYTES or chars >= _BATCH_CHARS:
            _keep(index, log.session, last, pieces)
            pieces, size, chars = [], 0, 0
            if over():
                return False
    _keep(index, log.session, msgspec.structs.replace(last, stamp=log.stamp), pieces)
    return True


class _Unreadable:
    """An entry that this version can't read: nothing after it is searched, as nothing after it is shown."""


def _entry(line: RawLine) -> Telling | type[_Unreadable] | None:
    if line.tag not in TELLING:
        return None
    try:
        return _telling.decode(line.raw)
    except msgspec.MsgspecError:
        return _Unreadable


def _keep(index: Index, session: str, mark: _Mark, pieces: Sequence[Piece]) -> None:
    known = mark.gathered
    index.extend(session, known.workspace, known.title or "", msgspec.json.encode(mark), pieces)


def _mark_of(document: Document | None) -> _Mark | None:
    """None when there is none, or none that can be read."""
    if document is None:
        return None
    try:
        return msgspec.json.decode(document.mark, type=_Mark)
    except msgspec.MsgspecError:
        return None
