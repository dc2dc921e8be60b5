"""Session logs as the worker process reads them: which there are, and their verified lines in a stream.

It decides which file is a session's log (`log.jsonl`, else the archived `log.jsonl.gz`, the same bytes compressed),
whether a remembered place still fits, and where the valid prefix ends. It never writes, never follows a link, and never
holds more than a chunk and one line. The worker has no world, so this module reads the disk directly. Caller:
`session.search_jobs`.
"""

from __future__ import annotations

import os
import stat
import zlib
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass

import msgspec

from agentd.chain.frame import FIRST_LINK, Damage, decode_line, split_lines
from agentd.session.folders import SESSION_ID

__all__ = ["ARCHIVED", "PLAIN", "LogFile", "RawLine", "find_log", "find_logs", "read_lines"]

PLAIN, ARCHIVED = "log.jsonl", "log.jsonl.gz"

_CHUNK = 1024 * 1024
_MOST_LINE = 64 * 1024 * 1024
"""No entry is longer; a file without line ends is no log."""

_MOST_NUMBER = 1 << 62
_LINK_BYTES = 11
"""A line ends with its digits and `"}` and a newline."""


@dataclass(frozen=True, slots=True)
class LogFile:
    """One session's log. `stamp` changes whenever the file does: (form, size, mtime in ns, inode)."""

    session: str
    path: str
    archived: bool
    stamp: tuple[str, int, int, int]

    @property
    def changed_ns(self) -> int:
        return self.stamp[2]


@dataclass(frozen=True, slots=True)
class RawLine:
    """A verified line: its number, time (ms), entry's tag, bytes, where it ends, and its digits."""

    seq: int
    at_ms: int
    tag: str
    raw: bytes
    end: int
    link: bytes


class _Tag(msgspec.Struct, frozen=True):
    type: str = ""


_tags = msgspec.json.Decoder(_Tag)


def find_logs(data: str) -> list[LogFile]:
    """Every session's log below `data`, the one that changed last first. Empty ones are none: nothing of such a session
    was ever acknowledged."""
    found = [
        log
        for year in _folders(f"{data}/sessions")
        for month in _folders(year)
        for folder in _folders(month)
        if (log := find_log(folder)) is not None
    ]
    return sorted(found, key=lambda log: (log.changed_ns, log.session), reverse=True)


def find_log(folder: str) -> LogFile | None:
    """The log in a session's folder; the plain file wins over the archived one, which may be half made beside it."""
    session = folder.rpartition("/")[2]
    if not SESSION_ID.fullmatch(session):
        return None
    for name in (PLAIN, ARCHIVED):
        try:
            facts = os.lstat(f"{folder}/{name}")
        except OSError:
            continue
        if stat.S_ISREG(facts.st_mode) and facts.st_size:
            stamp = (name, facts.st_size, facts.st_mtime_ns, facts.st_ino)
            return LogFile(session, f"{folder}/{name}", name == ARCHIVED, stamp)
    return None


def read_lines(log: LogFile, offset: int = 0, link: bytes = FIRST_LINK, seq: int = 0) -> Iterator[RawLine] | None:
    """The lines after byte `offset` (of the uncompressed log), where line `seq` with the digits `link` ended. The stream
    ends where the log does or at the first damage. None when there is no such place: it is another log now."""
    try:
        source: _Plain | _Unpacked = _Unpacked(log.path) if log.archived else _Plain(log.path)
    except OSError:
        return iter(())
    try:
        if offset:
            source.skip(offset - _LINK_BYTES)
            if _exactly(source, _LINK_BYTES) != link + b'"}\n':
                source.close()
                return None
    except BaseException:
        source.close()
        raise
    return _lines(source, offset, link, seq)


def _exactly(source: _Plain | _Unpacked, size: int) -> bytes:
    """`size` bytes; fewer at the end."""
    out = b""
    while len(out) < size and (data := source.read(size - len(out))):
        out += data
    return out


def _lines(source: _Plain | _Unpacked, offset: int, link: bytes, seq: int) -> Iterator[RawLine]:
    with closing(source):
        rest = b""
        while data := source.read(_CHUNK):
            chunk, rest = rest + data, b""
            for place, raw in split_lines(chunk, offset):
                if not raw.endswith(b"\n"):
                    rest = raw
                    break
                # A log's first line may have any number: the chain says that nothing stands before it.
                line = decode_line(raw, place, link, seq + 1 if seq else None, _tags)
                if isinstance(line, Damage) or max(abs(line.seq), abs(line.at_ms)) > _MOST_NUMBER:
                    return
                seq, link, offset = line.seq, line.crc, place + len(raw)
                yield RawLine(seq, line.at_ms, line.entry.type, raw, offset, link)
            if len(rest) > _MOST_LINE:
                return


class _Plain:
    """A log as it is."""

    def __init__(self, path: str) -> None:
        self._descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOFOLLOW)

    def skip(self, size: int) -> None:
        os.lseek(self._descriptor, max(0, size), os.SEEK_CUR)

    def read(self, size: int) -> bytes:
        """Empty at the end, and where the disk gives no more."""
        try:
            return os.read(self._descriptor, size)
        except OSError:
            return b""

    def close(self) -> None:
        os.close(self._descriptor)


class _Unpacked:
    """An archived log, unpacked while it is read; also when it is several gzip members in a row."""

    def __init__(self, path: str) -> None:
        self._packed = _Plain(path)
        self._machine = _unpacker()
        self._waiting = b""

    def skip(self, size: int) -> None:
        while size > 0 and (data := self.read(min(size, _CHUNK))):
            size -= len(data)

    def read(self, size: int) -> bytes:
        """Empty at the end, and where the bytes are no gzip any more."""
        while True:
            if self._machine.eof:
                self._waiting, self._machine = self._machine.unused_data, _unpacker()
            packed = self._waiting or self._packed.read(_CHUNK)
            if not packed:
                return b""
            try:
                data = self._machine.decompress(packed, size)
            except zlib.error:
                self._waiting = b""
                return b""
            self._waiting = self._machine.unconsumed_tail
            if data:
                return data

    def close(self) -> None:
        self._packed.close()


def _unpacker() -> zlib._Decompress:
    return zlib.decompressobj(wbits=31)


def _folders(place: str) -> list[str]:
    try:
        with os.scandir(place) as entries:
            return [entry.path for entry in entries if entry.is_dir(follow_symlinks=False)]
    except OSError:
        return []
