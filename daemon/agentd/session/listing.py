"""The rows of the list of sessions, and the one file that makes the first list after a start a quick one.

    state/listing      a line a row: checksum, what the log's file was then, the row; the last line of a session counts

Theory. A row is a function of its log, so it may be kept beside what the log's file looked like (size, times, inode):
while the file looks the same the row holds, and else the log is asked again. Rows are appended as turns end, without a
sync: after kill -9 they are all there, and what a power cut takes is asked of the logs. So the file may be missing,
old, cut or changed at any byte, and the rows are the same; only the time they take is not.

It decides when a kept row still holds. It never deletes a session, and never fails for want of its file. Caller:
`session.store`.
"""

from __future__ import annotations

import zlib
from collections.abc import Awaitable, Callable, Generator, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

import msgspec

from agentd.errors import AgentdError, DiskError
from agentd.session.state import SessionState
from agentd.world.doors import FileInfo, Files, Handle
from agentd.world.long_work import at_once

__all__ = ["Listed", "Listing", "ids_below"]

_SPARE_LINES = 1000
"""Lines beyond one a row before the file is written anew: some 300 kB, which take a few milliseconds to read."""


@dataclass(frozen=True, slots=True)
class Listed:
    """A session as the list shows it. `bytes` is what its log takes on the disk; `problem` what is wrong with it."""

    id: str
    workspace: str = ""
    title: str = ""
    created_at_ms: int = 0
    updated_at_ms: int = 0
    bytes: int = 0
    kind: str = "chat"
    parent: str | None = None
    model: str | None = None
    problem: str | None = None
    turns: int = 0
    seq: int = 0
    archived: bool = False

    @classmethod
    def of(cls, id: str, state: SessionState, size: int, problem: str | None) -> Listed:
        """A session's row by its state. A state that could not be read to its first line does not know its id."""
        return cls(
            id=id,
            workspace=state.workspace,
            title=state.title or "",
            created_at_ms=state.created_at_ms,
            updated_at_ms=state.updated_at_ms,
            bytes=size,
            kind=state.kind,
            parent=state.parent[0] if state.parent else None,
            model=state.model,
            problem=problem,
            turns=state.turns,
            seq=state.seq,
        )


class _Stamp(msgspec.Struct, frozen=True, array_like=True):
    """What the file that holds a log looked like."""

    size: int
    mtime_ns: int
    inode: int
    archived: bool


class _Kept(msgspec.Struct, frozen=True, array_like=True):
    stamp: _Stamp
    row: Listed


_encode = msgspec.json.Encoder().encode
_decoder: msgspec.json.Decoder[_Kept] = msgspec.json.Decoder(_Kept)


class Listing:
    """`places` finds the file that holds a session's log (and whether it is an archive); `look` reads a row from it, in
    pieces of a few milliseconds; None when nothing of the session ever became durable."""

    def __init__(
        self,
        files: Files,
        path: str,
        place: Callable[[str], tuple[FileInfo, bool] | None],
        look: Callable[[str], Generator[None, None, Listed | None]],
    ) -> None:
        self._files = files
        self._path = path
        self._place = place
        self._look = look
        self._rows: dict[str, Listed] | None = None
        self._news: dict[str, Listed | None] = {}
        self._lines = 0
        self._handle: Handle | None = None
        self._written: dict[str, _Kept] = {}

    def rows(self, ids: Callable[[], Iterable[str]]) -> Mapping[str, Listed]:
        """Rows by id. `ids`, all there are, is asked once; later changes come by `note`, `refresh` and `drop`."""
        if self._rows is None:
            for _ in self._loading(ids()):
                pass
        assert self._rows is not None
        return self._rows

    async def load(self, ids: Callable[[], Iterable[str]], pause: Callable[[], Awaitable[None]]) -> None:
        """Get ready for `rows`, with a pause after each piece of a log that had to be asked."""
        if self._rows is None:
            for _ in self._loading(ids()):
                await pause()
                if self._rows is not None:
                    return  # somebody could not wait

    def note(self, row: Listed) -> None:
        """The session's row as it is now. Never raises: a row that could not be kept is asked of its log again."""
        try:
            found = self._place(row.id)
        except AgentdError:
            found = None
        if found is not None:
            stamp = _stamp(*found)
            whole = stamp.archived or stamp.size == row.bytes
            row = replace(row, bytes=stamp.size, archived=stamp.archived)
            kept = _Kept(stamp, row)
            # A file that is longer than the row knows is not kept: its row would hold for bytes that it has not seen.
            if whole and row.seq and self._written.get(row.id) != kept:
                self._append({row.id: kept})
        self._settle(row.id, row)

    def refresh(self, id: str) -> None:
        """The session's files changed: ask them. Never raises."""
        row = at_once(self._look(id))
        if row is None:
            self.drop(id)
        else:
            self.note(row)

    def drop(self, id: str) -> None:
        """The session is gone."""
        self._written.pop(id, None)
        self._settle(id, None)

    def _settle(self, id: str, row: Listed | None) -> None:
        if self._rows is None:
            self._news[id] = row
        elif row is None:
            self._rows.pop(id, None)
        else:
            self._rows[id] = row

    def _loading(self, ids: Iterable[str]) -> Iterator[None]:
        """Find all rows; pauses at each that is not kept. What is told meanwhile is newer than what was found."""
        self._read()
        rows: dict[str, Listed] = {}
        fresh: dict[str, _Kept] = {}
        for id in ids:
            try:
                found = self._place(id)
            except AgentdError as fault:
                rows[id] = Listed(id, problem=fault.what)
                continue
            if found is None:
                continue
            stamp = _stamp(*found)
            kept = self._written.get(id)
            if kept is not None and kept.stamp == stamp:
                rows[id] = kept.row
                continue
            row = yield from self._look(id)
            if row is not None:
                rows[id] = row
                if row.seq:
                    fresh[id] = _Kept(stamp, row)
            yield
        self._rows = rows
        for id, told in self._news.items():
            self._settle(id, told)
            fresh.pop(id, None)
        self._news = {}
        self._written = {id: kept for id, kept in self._written.items() if id in rows}
        if self._lines + len(fresh) > len(rows) + _SPARE_LINES:
            self._write_anew(fresh)
        elif fresh:
            self._append(fresh)

    # -- the file ----------------------------------------------------------------------------------------------

    def _read(self) -> None:
        try:
            data = self._files.read(self._path)
        except AgentdError:
            return
        lines = data.split(b"\n")
        self._lines = len(lines)
        found: dict[str, _Kept] = {}
        for line in lines:
            if zlib.crc32(line[8:]) == _digits(line[:8]):
                try:
                    kept = _decoder.decode(line[8:])
                except msgspec.MsgspecError:
                    continue  # of another version
                found[kept.row.id] = kept
        self._written = {**found, **self._written}

    def _append(self, fresh: Mapping[str, _Kept]) -> None:
        self._written |= fresh
        self._lines += len(fresh)
        if self._lines > len(self._written) + 2 * _SPARE_LINES:
            self._write_anew({})
            return
        try:
            if self._handle is None:
                self._handle = self._files.open_append(self._path, create=True)
            self._handle.append(b"".join(map(_line, fresh.values())))
        except DiskError:
            self._close()

    def _write_anew(self, fresh: Mapping[str, _Kept]) -> None:
        self._written |= fresh
        self._close()
        try:
            self._files.write_scratch(self._path, b"".join(map(_line, self._written.values())))
        except DiskError:
            return  # a full disk: the old file serves as far as it goes
        self._lines = len(self._written)

    def _close(self) -> None:
        if self._handle is not None:
            self._handle.close()
            self._handle = None


def ids_below(files: Files, root: str) -> list[str]:
    """The names of all folders below year and month, the newest first (ids sort by time)."""
    months = (month for year in _folders_in(files, root) for month in _folders_in(files, year))
    found = (folder for month in months for folder in _folders_in(files, month))
    return sorted((folder.rpartition("/")[2] for folder in found), reverse=True)


def _folders_in(files: Files, place: str) -> list[str]:
    return [f"{place}/{name}" for name, info in files.list(place) if info.kind == "dir"]


def _stamp(info: FileInfo, archived: bool) -> _Stamp:
    return _Stamp(info.size, info.mtime_ns, info.inode, archived)


def _line(kept: _Kept) -> bytes:
    """A line begins with its break: so it is whole behind whatever a crash left without one."""
    body = _encode(kept)
    return b"\n%08x" % zlib.crc32(body) + body


def _digits(text: bytes) -> int:
    try:
        return int(text, 16)
    except ValueError:
        return -1
