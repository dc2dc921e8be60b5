"""Message <-> list of frames: a header frame, a body frame, blobs.

Header: the four bytes `A G D` + wire version, then a msgpack array [kind, id, name]. Body: one msgpack map. The first
four bytes alone tell a stranger from a friend, before anything is decoded. Callers: `link`.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import msgpack

from agentproto.codec import decode_map, encode_map
from agentproto.envelope import Kind, Message
from agentproto.errors import ErrorCode, LocalProtocolError, RemoteProtocolError
from agentproto.limits import LIMITS, Limits
from agentproto.versions import WIRE_MAX

__all__ = ["MAGIC", "decode_header", "from_frames", "to_frames"]

MAGIC = b"AGD"
_KINDS = {int(kind): kind for kind in Kind}
_EMPTY = b"\x80"
_IDS_END = 2**63


def to_frames(
    kind: Kind,
    id: int = 0,
    name: str = "",
    body: dict[str, object] | bytes | None = None,
    blobs: Sequence[bytes] = (),
    *,
    version: int = WIRE_MAX,
    limits: Limits = LIMITS,
) -> list[bytes]:
    """Frames of one message. `body` may be bytes that `codec.encode_map` made (one event for many clients).

    LocalProtocolError when a limit is passed; nothing has been sent then.
    """
    if not 0 <= id < _IDS_END:
        raise LocalProtocolError(ErrorCode.BAD_INPUT, f"{id} is no id: 0 to 2**63 - 1")
    try:
        name_bytes = len(name) if name.isascii() else len(name.encode())
    except UnicodeEncodeError:
        raise LocalProtocolError(ErrorCode.BAD_INPUT, f"the name {name[:32]!r} can't be written as UTF-8") from None
    if name_bytes > limits.name_bytes:
        raise LocalProtocolError(ErrorCode.BAD_INPUT, f"the name {name[:32]!r}... is too long")
    header = _unnumbered(kind, name, version) if id == 0 else _header(kind, id, name, version)
    data = _EMPTY if body is None else body if isinstance(body, bytes) else encode_map(body, limits)
    if len(data) > limits.body_bytes:
        raise LocalProtocolError(
            ErrorCode.TOO_LARGE, f"the body has {len(data)} bytes; at most {limits.body_bytes} are taken"
        )
    if len(blobs) > limits.frames_per_message - 2:
        raise LocalProtocolError(ErrorCode.TOO_LARGE, f"{len(blobs)} blobs; at most {limits.frames_per_message - 2}")
    total = len(header) + len(data) + sum(map(len, blobs))
    if total > limits.message_bytes or any(len(blob) > limits.frame_bytes for blob in blobs):
        raise LocalProtocolError(ErrorCode.TOO_LARGE, f"the message has {total} bytes; at most {limits.message_bytes}")
    return [header, data, *blobs]


def _header(kind: Kind, id: int, name: str, version: int) -> bytes:
    packed: bytes = msgpack.packb([int(kind), id, name])
    return MAGIC + bytes((version,)) + packed


@lru_cache(maxsize=64)
def _unnumbered(kind: Kind, name: str, version: int) -> bytes:
    """Events have no number: one header serves each of a kind, for every reader."""
    return _header(kind, 0, name, version)


def decode_header(header: bytes, limits: Limits = LIMITS) -> tuple[int, int, int, str]:
    """(version, kind number, id, name) of a header frame; RemoteProtocolError for anything else.

    An unknown version or kind number is not an error here: the caller may still want to answer it.
    """
    if len(header) > limits.header_bytes or header[:3] != MAGIC or len(header) < 5:
        raise RemoteProtocolError(ErrorCode.BAD_FRAME, "the first frame is not a header of this protocol")
    try:
        value = msgpack.unpackb(
            header[4:], raw=False, max_array_len=3, max_map_len=0, max_str_len=limits.name_bytes, max_ext_len=0
        )
    except (ValueError, TypeError, msgpack.UnpackException) as fault:
        raise RemoteProtocolError(ErrorCode.BAD_FRAME, f"the header can't be read: {fault}") from None
    match value:
        case [int() as kind, int() as id, str() as name] if bool not in (type(kind), type(id)) and 0 <= id < _IDS_END:
            return header[3], kind, id, name
    raise RemoteProtocolError(ErrorCode.BAD_FRAME, "the header is not [kind, id, name]")


def from_frames(frames: Sequence[bytes], limits: Limits = LIMITS) -> Message:
    """The message in `frames`; RemoteProtocolError for anything that breaks the rules."""
    if len(frames) < 2:
        raise RemoteProtocolError(ErrorCode.BAD_FRAME, "a message has a header and a body frame")
    if len(frames) > limits.frames_per_message:
        raise RemoteProtocolError(ErrorCode.TOO_LARGE, f"more than {limits.frames_per_message} frames")
    if sum(map(len, frames)) > limits.message_bytes:
        raise RemoteProtocolError(ErrorCode.TOO_LARGE, f"the message has more than {limits.message_bytes} bytes")
    version, number, id, name = decode_header(frames[0], limits)
    kind = _KINDS.get(number)
    if kind is None:
        raise RemoteProtocolError(ErrorCode.BAD_FRAME, f"{number} is no kind of message")
    if version != WIRE_MAX and kind not in (Kind.HELLO, Kind.WELCOME, Kind.ERROR):
        raise RemoteProtocolError(ErrorCode.BAD_VERSION, f"wire version {version} was not agreed upon")
    body = decode_map(frames[1], limits)
    return Message(kind, id, name, body, tuple(frames[2:]), len(frames[1]))
