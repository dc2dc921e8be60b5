"""Chained lines in a file: reading them with verification, and small logs that are kept whole in memory order.

Decides where the valid prefix of a file ends and whether what follows is merely an unfinished last line. Never edits a
line. Callers: `session.log` (its own file), `session.requests`, `telemetry.eventlog`, `agentd check`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Generic, Literal, TypeVar

import msgspec

from agentd.chain.frame import FIRST_LINK, Damage, Line, decode_line, encode_line, split_lines
from agentd.errors import BusyError, DiskError, ReadOnlyLogError
from agentd.world.doors import Handle, World

__all__ = ["HOLE_BYTES", "SECTOR", "ChainFile", "is_torn_tail", "scan_lines", "torn_tail"]

E = TypeVar("E", bound=msgspec.Struct)
T = TypeVar("T")
_CHUNK = 1024 * 1024
SECTOR = 512
"""Bytes that a disk writes at once, at least."""
HOLE_BYTES = 1024 * 1024
"""How far back a hole may lie from the end: between two syncs there is streamed text, or what the
durability level `interval` lets wait. Farther it is damage."""


def scan_lines(
    handle: Handle,
    offset: int,
    link: bytes,
    first_seq: int | None,
    decoder: msgspec.json.Decoder[T],
    chunk_bytes: int = _CHUNK,
) -> Iterator[Line[T] | Damage]:
    """Lines from `offset` on, verified; ends after the first Damage. `chunk_bytes` are read at a time: who wants the
    first lines only says so."""
    rest = b""
    at = offset
    while True:
        data = handle.read(at + len(rest), chunk_bytes)
        chunk = rest + data
        if not chunk:
            return
        rest = b""
        for place, raw in split_lines(chunk, at):
            if data and not raw.endswith(b"\n"):
                rest = raw
                at = place
                break
            line = decode_line(raw, place, link, first_seq, decoder)
            yield line
            if isinstance(line, Damage):
                return
            link = line.crc
            first_seq = line.seq + 1
            at = place + len(raw)
        if not data:
            return


def torn_tail(handle: Handle, offset: int, total: int) -> Literal["line", "hole"] | None:
    """What a crash may have left from byte `offset`, the first that can't be read, to `total`; None: it is damage.

    `line`: one unfinished line. `hole`: a power cut kept later sectors of what was not synced and lost earlier ones. A
    line of JSON never holds a raw NUL, so a hole is told from flipped bits; what lies behind it was not synced either.
    """
    first = b""
    at = offset
    while at < total and b"\n" not in first:
        data = handle.read(at, _CHUNK)
        if not data:
            break
        first += data[: data.find(b"\n") + 1] if b"\n" in data else data
        at += len(data)
    if b"\n" not in first:
        return "line"
    if total - offset > HOLE_BYTES:
        return None
    start = offset + first.find(b"\0") if b"\0" in first else -1
    return "hole" if start >= 0 and _is_hole(handle, offset, start, total) else None


def _is_hole(handle: Handle, offset: int, start: int, total: int) -> bool:
    """Whether zeros from `start` on are sectors that never reached the disk: they begin where a sector or the unsynced
    end begins, and go on to a sector's end. A flipped bit in a line that was written whole never looks so."""
    if start != offset and start % SECTOR:
        return False
    data = handle.read(start, total - start)
    end = start + len(data) - len(data.lstrip(b"\0"))
    return end == total or end % SECTOR == 0


def is_torn_tail(handle: Handle, offset: int, total: int) -> bool:
    """Whether the bytes from `offset` to `total` are what a crash leaves: only such a tail may be cut off."""
    return torn_tail(handle, offset, total) is not None


class ChainFile(Generic[E]):
    """A small append-only log of one entry type. Damage sets the file aside (kept, reported) and a new one begins:
    these logs are records for later, and none of them may keep the daemon from starting."""

    def __init__(self, world: World, path: str, decoder: msgspec.json.Decoder[E]) -> None:
        self._world = world
        self._path = path
        self._decoder = decoder
        self._handle: Handle | None = None
        self._link = FIRST_LINK
        self.seq = 0
        self.size = 0
        self.set_aside: str | None = None

    def load(self) -> list[Line[E]]:
        """Open (making the file when it is missing) and return every line of it; of one that is set aside those before
        the damage, which the new file does not have."""
        files = self._world.files
        handle = files.open_append(self._path, create=True)
        lines: list[Line[E]] = []
        damage: Damage | None = None
        for line in scan_lines(handle, 0, FIRST_LINK, 1, self._decoder):
            if isinstance(line, Damage):
                damage = line
                break
            lines.append(line)
        total = handle.size()
        if damage is not None:
            if is_torn_tail(handle, damage.offset, total):
                handle.truncate(damage.offset)
                handle.sync()
            else:
                handle.close()
                self.set_aside = f"{self._path}.damaged-{self._world.clock.now_ms()}"
                files.rename(self._path, self.set_aside)
                self._handle = files.open_append(self._path, create=True)
                self._link, self.seq, self.size = FIRST_LINK, 0, 0
                return lines
        self._handle = handle
        if lines:
            self._link, self.seq = lines[-1].crc, lines[-1].seq
            self.size = lines[-1].offset + lines[-1].length
        return lines

    @property
    def closed(self) -> bool:
        """Whether it takes no lines: not loaded, closed, or a write to it failed. `load` opens it again."""
        return self._handle is None

    async def append(self, entries: Sequence[E], at_ms: int, *, sync: bool) -> list[Line[E]]:
        """Record `entries`; with `sync` they are durable when this returns."""
        if self._handle is None:
            raise ReadOnlyLogError(f"{self._path} takes no more lines", why="an earlier write to it failed")
        lines: list[Line[E]] = []
        data = bytearray()
        link, seq, offset = self._link, self.seq, self.size
        for entry in entries:
            seq += 1
            raw, link = encode_line(seq, at_ms, entry, link)
            lines.append(Line(seq, at_ms, entry, offset + len(data), len(raw), link))
            data += raw
        before = (self._link, self.seq, self.size)
        self._link, self.seq, self.size = link, seq, offset + len(data)
        try:
            await self._world.journal.append(self._handle, bytes(data), sync=sync)
        except BusyError:
            self._link, self.seq, self.size = before  # refused at once: nothing was written, and nothing came after it
            raise
        except DiskError:
            self._handle = None
            raise
        return lines

    def replace(self, rows: Sequence[tuple[int, E]]) -> None:
        """Write the file anew with these (time in ms, entry) alone, numbered from 1: all or nothing, durable."""
        data = bytearray()
        link, seq = FIRST_LINK, 0
        for at_ms, entry in rows:
            seq += 1
            raw, link = encode_line(seq, at_ms, entry, link)
            data += raw
        self.close()
        self._world.files.write_atomic(self._path, bytes(data))
        self._handle = self._world.files.open_append(self._path)
        self._link, self.seq, self.size = link, seq, len(data)

    def read_after(self, seq: int, limit: int) -> list[Line[E]]:
        """At most `limit` lines with a number above `seq`, read from the file."""
        out: list[Line[E]] = []
        if self._handle is None or seq >= self.seq:
            return out
        for line in scan_lines(self._handle, 0, FIRST_LINK, 1, self._decoder):
            if isinstance(line, Damage) or len(out) >= limit:
                break
            if line.seq > seq:
                out.append(line)
        return out

    def close(self) -> None:
        if self._handle is not None:
            self._handle.close()
            self._handle = None
