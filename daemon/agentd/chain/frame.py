"""One entry <-> one line of bytes, chained.

    {"seq":7,"at_ms":1790000000000,"type":"turn.started",...,"crc":"9f1c04ab"}

`crc` is always the last field: eight lower-case hex digits, CRC-32 (zlib) over the digits of the line before (eight
zeros before the first) and this line's bytes up to `,"crc"`. A damaged, missing, doubled or exchanged line breaks the
chain, and so does any cut inside a line. A cut at a line's end is found by the head kept elsewhere (`session.heads`).
Pure. Callers: `chain.file`, `session.log`.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import Generic, TypeVar

import msgspec

__all__ = ["FIRST_LINK", "Damage", "Line", "decode_line", "encode_line", "line_crc", "split_lines"]

E = TypeVar("E", covariant=True)

FIRST_LINK = b"00000000"
_TAIL = b',"crc":"'
_TAIL_SIZE = len(_TAIL) + 8 + 2


@dataclass(frozen=True, slots=True)
class Line(Generic[E]):
    """One entry with its number, time (ms, UTC), place in the file and chain digits."""

    seq: int
    at_ms: int
    entry: E
    offset: int
    length: int
    crc: bytes


@dataclass(frozen=True, slots=True)
class Damage:
    """The first byte (from the file's start) from which nothing can be trusted, and why."""

    offset: int
    reason: str


class _Head(msgspec.Struct):
    seq: int
    at_ms: int


_encoder = msgspec.json.Encoder()
_decode_head = msgspec.json.Decoder(_Head)


def encode_line(seq: int, at_ms: int, entry: msgspec.Struct, link: bytes) -> tuple[bytes, bytes]:
    """(line with its newline, this line's chain digits)."""
    body = _encoder.encode(entry)
    start = b'{"seq":%d,"at_ms":%d,' % (seq, at_ms) + body[1:-1]
    crc = line_crc(link, start)
    return start + _TAIL + crc + b'"}\n', crc


def line_crc(link: bytes, start: bytes) -> bytes:
    """Chain digits of a line: over the digits before and the bytes up to `,"crc"`."""
    return b"%08x" % zlib.crc32(start, zlib.crc32(link))


def decode_line(
    data: bytes, offset: int, link: bytes, expected_seq: int | None, decoder: msgspec.json.Decoder[E]
) -> Line[E] | Damage:
    """The entry in `data` (one line with its newline, found at `offset`), or what is wrong with it.

    `expected_seq` None takes any number (the first line read after a checkpoint's own).
    """
    if not data.endswith(b"\n"):
        return Damage(offset, "the line has no end")
    if len(data) < _TAIL_SIZE + 2 or data[-3:-1] != b'"}' or data[-_TAIL_SIZE - 1 : -11] != _TAIL:
        return Damage(offset, "the line does not end with a checksum")
    start, crc = data[: -_TAIL_SIZE - 1], data[-11:-3]
    if line_crc(link, start) != crc:
        return Damage(offset, "the line's checksum does not fit its bytes or the line before")
    body = start + b"}"
    try:
        head = _decode_head.decode(body)
        entry = decoder.decode(body)
    except msgspec.MsgspecError as fault:
        return Damage(offset, f"the line's checksum fits but this version can't read it: {fault}")
    if expected_seq is not None and head.seq != expected_seq:
        return Damage(offset, f"entry {head.seq} stands where {expected_seq} belongs")
    return Line(head.seq, head.at_ms, entry, offset, len(data), crc)


def split_lines(data: bytes, offset: int) -> list[tuple[int, bytes]]:
    """(offset, line with newline) of each line in `data`; the last may lack its newline."""
    out: list[tuple[int, bytes]] = []
    at = 0
    while at < len(data):
        end = data.find(b"\n", at)
        stop = len(data) if end < 0 else end + 1
        out.append((offset + at, data[at:stop]))
        at = stop
    return out
