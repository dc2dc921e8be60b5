"""gzip in pieces: a note at the front, members of bounded size after it, and all of it unpacked piece by piece. Pure.

Theory. A gzip file is any number of members in a row (RFC 1952, 2.2). Here the first is empty and carries a note in its
comment field, so that who wants to know what is packed reads the first bytes alone; each other member holds one piece,
packed by itself, so that no call takes long. `gunzip` and every other reader of gzip sees the plain bytes and nothing
else. It decides the format and what a damaged one is; it never touches a file. Callers: `session.archive`, and the
worker process (`member` is a job of it, so this module imports next to nothing).
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator

__all__ = ["NOTE_BYTES", "PIECE", "front", "front_end", "inflate", "member", "note_in"]

PIECE = 1024 * 1024
"""Plain bytes of one member: some 20 ms of packing, and larger ones would pack hardly better."""
NOTE_BYTES = 64 * 1024
"""The longest note, and so what has to be read of a file to have it."""

_STEP = 256 * 1024
"""Plain bytes that unpacking yields at most at a time: about a millisecond of work."""
_LEVEL = 6
_GZIP = zlib.MAX_WBITS + 16
_HEADER = b"\x1f\x8b\x08\x12" + bytes(5) + b"\xff"
"""Deflate; a comment and a checksum of the header follow; no time, no system: equal input gives equal bytes."""
_NOTHING = b"\x03\x00" + bytes(8)


def front(note: bytes) -> bytes:
    """The first member, which holds `note` (no NUL in it; ValueError when it is too long) and no data."""
    if b"\0" in note or len(note) > NOTE_BYTES - 64:
        raise ValueError("a note is text of bounded length")
    header = _HEADER + note + b"\0"
    return header + _header_sum(header) + _NOTHING


def note_in(start: bytes) -> bytes | None:
    """The note of a file that begins with `start` (NOTE_BYTES of it are enough); None when there is no whole one."""
    end = start.find(b"\0", len(_HEADER))
    header = start[: end + 1]
    if end < 0 or not header.startswith(_HEADER) or start[end + 1 : end + 3] != _header_sum(header):
        return None
    return header[len(_HEADER) : -1]


def front_end(start: bytes) -> int:
    """Where the members with data begin in a file that begins with `start` (NOTE_BYTES of it are enough): also when the
    note is damaged. 0 when no front is found."""
    at = start.find(_NOTHING, len(_HEADER))
    return 0 if at < 0 else at + len(_NOTHING)


def _header_sum(header: bytes) -> bytes:
    return (zlib.crc32(header) & 0xFFFF).to_bytes(2, "little")


def member(data: bytes) -> bytes:
    """`data` as one gzip member."""
    packer = zlib.compressobj(_LEVEL, zlib.DEFLATED, _GZIP)
    return packer.compress(data) + packer.flush()


def inflate(packed: Iterable[bytes]) -> Iterator[bytes]:
    """The plain bytes of gzip data that comes in chunks, in pieces of bounded size. ValueError for what is no gzip,
    fails its checksum or ends in the middle of a member; what came before that was yielded."""
    stream, begun = zlib.decompressobj(_GZIP), False
    for chunk in packed:
        rest = chunk
        while rest or begun:
            before = stream.copy()
            try:
                piece = stream.decompress(rest, _STEP)
            except zlib.error as fault:
                yield from _up_to_damage(before, rest)
                raise ValueError(str(fault)) from None
            begun = True
            if piece:
                yield piece
            if stream.eof:
                rest = stream.unused_data
                stream, begun = zlib.decompressobj(_GZIP), False
            else:
                rest = stream.unconsumed_tail
                if not rest and len(piece) < _STEP:
                    break
    if begun:
        raise ValueError("it ends in the middle")


def _up_to_damage(stream: zlib._Decompress, packed: bytes) -> Iterator[bytes]:
    """What there is before the byte at which unpacking fails: a call that fails gives nothing, so each byte gets one."""
    for at in range(len(packed)):
        try:
            piece = stream.decompress(packed[at : at + 1])
        except zlib.error:
            return
        if piece:
            yield piece
