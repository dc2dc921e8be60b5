"""Picture files for tests, made here: whole ones (PNG, GIF), and headers with nothing behind them (JPEG, WebP)."""

from __future__ import annotations

import struct
import zlib

__all__ = ["gif", "jpeg", "png", "webp_extended", "webp_lossless", "webp_lossy"]


def png(width: int, height: int, shade: int = 128) -> bytes:
    """A grey picture."""
    rows = (b"\0" + bytes([shade]) * width) * height
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    chunks = (b"IHDR", header), (b"IDAT", zlib.compress(rows, 9)), (b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in chunks
    )


def gif(width: int, height: int) -> bytes:
    """A frame of one pixel on a screen of the given size."""
    screen = struct.pack("<HHBBB", width, height, 0x80, 0, 0)
    frame = b"," + struct.pack("<HHHHB", 0, 0, 1, 1, 0) + b"\x02\x02D\x01\x00"
    return b"GIF89a" + screen + b"\0\0\0\xff\xff\xff" + frame + b";"


def jpeg(width: int, height: int, *before: bytes, frame: int = 0xC0) -> bytes:
    """The segments up to the frame's header; `before`: whole ones that stand in front of it."""
    app = b"\xff\xe0\x00\x10JFIF\0\x01\x01\0\0\x01\0\x01\0\0"
    return b"\xff\xd8" + app + b"".join(before) + struct.pack(">BBHBHH", 0xFF, frame, 11, 8, height, width) + b"\x01"


def _riff(chunk: bytes) -> bytes:
    return b"RIFF" + struct.pack("<I", len(chunk) + 4) + b"WEBP" + chunk


def webp_lossy(width: int, height: int) -> bytes:
    """A key frame's header."""
    return _riff(b"VP8 " + struct.pack("<I", 10) + b"\x10\x02\0\x9d\x01\x2a" + struct.pack("<HH", width, height))


def webp_lossless(width: int, height: int) -> bytes:
    """A lossless picture's header."""
    bits = (width - 1) | ((height - 1) << 14)
    return _riff(b"VP8L" + struct.pack("<I", 5) + b"\x2f" + struct.pack("<I", bits))


def webp_extended(width: int, height: int) -> bytes:
    """The header of one with more than a picture in it."""
    sides = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    return _riff(b"VP8X" + struct.pack("<I", 10) + b"\x10\0\0\0" + sides)
