"""msgpack bytes <-> plain values, with every limit checked on the bytes before an object is made.

`scan` walks the bytes once without building anything: depth, number of values, lengths of texts, binaries, maps and
arrays, keys that are no texts, no extension types but the timestamp, nothing after the value. Only then does the
library decode; duplicate keys are refused while the maps are built. What is sent goes through the same scan, so that
a sender learns of a broken limit before its peer does. Callers: `framing`; whoever makes an event's body once for
many readers calls `encode_map` itself.
"""

from __future__ import annotations

import struct

import msgpack

from agentproto.errors import ErrorCode, LocalProtocolError, RemoteProtocolError
from agentproto.limits import LIMITS, Limits

__all__ = ["decode_map", "encode_map", "scan"]

_FIXED = {0xC0: 0, 0xC2: 0, 0xC3: 0, 0xCA: 4, 0xCB: 8, 0xCC: 1, 0xCD: 2, 0xCE: 4, 0xCF: 8}
_FIXED |= {0xD0: 1, 0xD1: 2, 0xD2: 4, 0xD3: 8}
_SIZED = {0xC4: 1, 0xC5: 2, 0xC6: 4, 0xD9: 1, 0xDA: 2, 0xDB: 4}  # bin 8-32 and str 8-32: bytes of the length
_COUNTED = {0xDC: 2, 0xDD: 4, 0xDE: 2, 0xDF: 4}  # array 16-32 and map 16-32: bytes of the count
_EXTENDED = {0xC7: 1, 0xC8: 2, 0xC9: 4}  # ext 8-32: bytes of the length
_TIMESTAMP = -1


def _step(tag: int) -> int:
    """Bytes from this tag to the next value when the tag alone says so; 0 when more has to be read."""
    if tag <= 0x7F or tag >= 0xE0 or tag in (0x80, 0x90):
        return 1
    if 0xA0 <= tag <= 0xBF:
        return 1 + (tag & 0x1F)
    return 1 + _FIXED[tag] if tag in _FIXED else 0


# Two look-ups a value instead of a chain of comparisons: the walk costs about 0.1 us a value.
_STEPS = tuple(map(_step, range(256)))
_IS_TEXT = tuple(0xA0 <= tag <= 0xBF or 0xD9 <= tag <= 0xDB for tag in range(256))


def _bad(message: str, code: ErrorCode = ErrorCode.BAD_FRAME) -> RemoteProtocolError:
    return RemoteProtocolError(code, message)


def scan(data: bytes, limits: Limits = LIMITS) -> None:
    """Raise RemoteProtocolError unless `data` is exactly one msgpack value within the limits."""
    end = len(data)
    if end > limits.body_bytes:
        raise _bad(f"the body has {end} bytes; at most {limits.body_bytes} are taken", ErrorCode.TOO_LARGE)
    at = 0
    elements = 1
    left = 1  # values that the innermost open container still lacks; in a map the even ones are keys
    keyed = False
    outside: list[tuple[int, bool]] = []
    try:
        while True:
            tag = data[at]
            if keyed and not left & 1 and not _IS_TEXT[tag]:
                raise _bad("a map's key is not a text")
            if step := _STEPS[tag]:
                at += step
            elif tag in _SIZED:
                at = _after_sized(data, at, tag, limits)
            elif tag <= 0x9F or tag in _COUNTED:
                at, opened, mapped = _open(data, at, tag)
                elements += opened
                if elements > limits.elements:
                    raise _bad(f"the body holds more than {limits.elements} values", ErrorCode.TOO_LARGE)
                if opened > end - at:  # each value takes a byte at least: a lie about the length ends here
                    raise _bad("a map or array claims more values than there are bytes")
                if opened:
                    outside.append((left - 1, keyed))
                    if len(outside) > limits.depth:
                        raise _bad(f"the body is nested deeper than {limits.depth}", ErrorCode.TOO_LARGE)
                    left, keyed = opened, mapped
                    continue
            else:
                at = _after_extension(data, at, tag)
            left -= 1
            while not left and outside:
                left, keyed = outside.pop()
            if not left:
                break
    except IndexError:
        raise _bad("the body ends inside a value") from None
    if at > end:
        raise _bad("the body ends inside a value")
    if at != end:
        raise _bad(f"{end - at} bytes follow the body's value")


def _after_sized(data: bytes, at: int, tag: int, limits: Limits) -> int:
    begin = at + 1 + _SIZED[tag]
    size = int.from_bytes(data[at + 1 : begin], "big")
    kind, most = ("text", limits.string_bytes) if tag >= 0xD9 else ("binary value", limits.binary_bytes)
    if size > most:
        raise _bad(f"a {kind} in the body has {size} bytes; at most {most} are taken", ErrorCode.TOO_LARGE)
    return begin + size


def _open(data: bytes, at: int, tag: int) -> tuple[int, int, bool]:
    """(where the first value begins, how many values there are, whether it is a map)."""
    if tag <= 0x9F:
        mapped, begin, count = tag <= 0x8F, at + 1, tag & 0x0F
    else:
        mapped, begin = tag >= 0xDE, at + 1 + _COUNTED[tag]
        count = int.from_bytes(data[at + 1 : begin], "big")
    return begin, count * 2 if mapped else count, mapped


def _after_extension(data: bytes, at: int, tag: int) -> int:
    if tag == 0xC1:
        raise _bad("0xc1 is no msgpack value")
    at += 1
    if tag in _EXTENDED:
        width = _EXTENDED[tag]
        size = int.from_bytes(data[at : at + width], "big")
        at += width
    else:
        size = 1 << (tag - 0xD4)
    kind = int.from_bytes(data[at : at + 1], "big", signed=True)
    if kind != _TIMESTAMP or size not in (4, 8, 12):
        raise _bad(f"extension type {kind} is not taken")
    return at + 1 + size


def _pairs(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """The map of these pairs; `scan` has seen that the keys are texts."""
    out = dict(pairs)
    if len(out) != len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise _bad(f"the key {key[:64]!r} stands twice in one map")
            seen.add(key)
    return out


def decode_map(data: bytes, limits: Limits = LIMITS) -> dict[str, object]:
    """The one map in `data`; RemoteProtocolError for anything else."""
    scan(data, limits)
    try:
        value = msgpack.unpackb(data, raw=False, strict_map_key=True, timestamp=1, object_pairs_hook=_pairs)
    except RemoteProtocolError:
        raise
    except (ValueError, TypeError, OverflowError, RecursionError, msgpack.UnpackException) as fault:
        raise _bad(f"the body can't be read: {fault}") from None
    if not isinstance(value, dict):
        raise _bad("the body is not a map")
    return value


def encode_map(value: dict[str, object], limits: Limits = LIMITS) -> bytes:
    """msgpack bytes of one map; LocalProtocolError when it can't be written or the peer would refuse it."""
    try:
        data: bytes = msgpack.packb(value, use_bin_type=True)
    except (ValueError, TypeError, OverflowError, struct.error) as fault:
        raise LocalProtocolError(ErrorCode.BAD_INPUT, f"the body can't be written: {fault}") from None
    try:
        scan(data, limits)
    except RemoteProtocolError as fault:
        code = ErrorCode.TOO_LARGE if fault.code is ErrorCode.TOO_LARGE else ErrorCode.BAD_INPUT
        raise LocalProtocolError(code, f"the body can't be sent: {fault.message}") from None
    return data
