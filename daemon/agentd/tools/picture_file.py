"""Bytes of a picture file -> its type and its size in pixels, read from its header.

It decides what counts as a picture that a model can be shown: PNG, JPEG, GIF or WebP, told by the first bytes and never
by a name, and not larger than the makers' servers take. It decodes nothing: whether the rest is a picture is the
server's to say. Whatever the bytes are, it reads no further than they go and never raises. Pure. Callers: the tool
`read`, and `server.places` for files that are given with a prompt.

Source: the formats' own descriptions (https://www.w3.org/TR/png-3/#11IHDR, ITU-T T.81 annex B,
https://www.w3.org/Graphics/GIF/spec-gif89a.txt, https://developers.google.com/speed/webp/docs/riff_container).
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["MOST_BYTES", "MOST_SIDE", "Picture", "look", "too_large"]

MOST_BYTES = 5 * 1024 * 1024
"""Bytes of one picture: what Anthropic's server takes; others take more."""

MOST_SIDE = 8_000
"""Pixels of a side: beyond it Anthropic's server refuses the whole request."""


@dataclass(frozen=True, slots=True)
class Picture:
    """`width` and `height` in pixels, both at least 1."""

    media_type: str
    width: int
    height: int


def look(data: bytes) -> Picture | None:
    """None when it is no picture of the four types, or its header does not tell a size."""
    if data[:8] == b"\x89PNG\r\n\x1a\n" and data[12:16] == b"IHDR":
        return _picture("image/png", _big(data, 16, 4), _big(data, 20, 4))
    if data[:6] in (b"GIF87a", b"GIF89a"):
        return _picture("image/gif", _little(data, 6, 2), _little(data, 8, 2))
    if data[:3] == b"\xff\xd8\xff":
        return _picture("image/jpeg", *_jpeg(data))
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return _picture("image/webp", *_webp(data))
    return None


def too_large(data: bytes, picture: Picture) -> str:
    """Why it can't be shown, in words for the model and for people; empty when it can."""
    if len(data) > MOST_BYTES:
        return f"pictures of up to {MOST_BYTES // 1024 // 1024} MiB are shown"
    if max(picture.width, picture.height) > MOST_SIDE:
        return f"pictures of up to {MOST_SIDE} pixels a side are shown"
    return ""


def _picture(media_type: str, width: int, height: int) -> Picture | None:
    return Picture(media_type, width, height) if width and height else None


def _big(data: bytes, at: int, size: int) -> int:
    """A number; 0 where the bytes end before it does."""
    return int.from_bytes(data[at : at + size], "big") if len(data) >= at + size else 0


def _little(data: bytes, at: int, size: int) -> int:
    return int.from_bytes(data[at : at + size], "little") if len(data) >= at + size else 0


_NO_FRAME = frozenset({0xC4, 0xC8, 0xCC})  # tables, an extension, arithmetic coding: not the frame's header
_MOST_SEGMENTS = 2_000  # before the frame; a colour profile has some hundreds at most
_ALONE = frozenset({0x01, *range(0xD0, 0xD8)})  # markers without a length


def _jpeg(data: bytes) -> tuple[int, int]:
    """From the header of the first frame, which comes after any number of other segments."""
    at = 2
    for _ in range(_MOST_SEGMENTS):
        if at + 1 >= len(data) or data[at] != 0xFF:
            break
        marker = data[at + 1]
        if marker == 0xFF:  # a fill byte
            at += 1
        elif marker in _ALONE:
            at += 2
        elif 0xC0 <= marker <= 0xCF and marker not in _NO_FRAME:
            return _big(data, at + 7, 2), _big(data, at + 5, 2)
        elif marker in (0xD9, 0xDA):  # the end, or a scan before any frame
            break
        else:
            at += 2 + max(2, _big(data, at + 2, 2))
    return 0, 0


def _webp(data: bytes) -> tuple[int, int]:
    match data[12:16]:
        case b"VP8 " if data[23:26] == b"\x9d\x01\x2a":
            return _little(data, 26, 2) & 0x3FFF, _little(data, 28, 2) & 0x3FFF
        case b"VP8L" if data[20:21] == b"\x2f" and len(data) >= 25:
            bits = _little(data, 21, 4)
            return (bits & 0x3FFF) + 1, ((bits >> 14) & 0x3FFF) + 1
        case b"VP8X" if len(data) >= 30:
            return _little(data, 24, 3) + 1, _little(data, 27, 3) + 1
        case _:
            return 0, 0
