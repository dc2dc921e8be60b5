"""Bytes of a file <-> text that can be edited and written back without changing anything else.

It decides what is text: UTF-8 (with bytes that are none kept as they are) or UTF-16 with its mark; what holds a NUL is
not. It must never change line ends, marks or broken bytes of a part that nobody edited. Pure; called by the built-in
tools.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

__all__ = ["TextFile", "decode", "encode", "kind_of_binary", "lines_of", "newline_of", "printable", "sha256"]

_MARKS: tuple[tuple[bytes, Literal["utf-8", "utf-16-le", "utf-16-be"]], ...] = (
    (b"\xef\xbb\xbf", "utf-8"),
    (b"\xff\xfe", "utf-16-le"),
    (b"\xfe\xff", "utf-16-be"),
)

_BINARY: tuple[tuple[bytes, str], ...] = (
    (b"\x89PNG\r\n\x1a\n", "an image (PNG)"),
    (b"\xff\xd8\xff", "an image (JPEG)"),
    (b"GIF8", "an image (GIF)"),
    (b"%PDF-", "a PDF document"),
    (b"PK\x03\x04", "a ZIP archive or a document made of one"),
    (b"\x1f\x8b", "gzip-compressed data"),
    (b"\x28\xb5\x2f\xfd", "zstd-compressed data"),
    (b"\x7fELF", "a program (ELF)"),
    (b"\xcf\xfa\xed\xfe", "a program (Mach-O)"),
    (b"SQLite format 3\0", "an SQLite database"),
)


@dataclass(frozen=True, slots=True)
class TextFile:
    """`text` has the file's own line ends; bytes that are no UTF-8 are lone surrogates in it. `mark` is its BOM."""

    text: str
    encoding: Literal["utf-8", "utf-16-le", "utf-16-be"]
    mark: bytes


def decode(data: bytes) -> TextFile | None:
    """None when the bytes are no text."""
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            try:
                text = data[len(mark) :].decode(encoding, "surrogateescape" if encoding == "utf-8" else "strict")
            except UnicodeDecodeError:
                return None
            return None if "\0" in text else TextFile(text, encoding, mark)
    if b"\0" in data or kind_of_binary(data).startswith(("an image", "a PDF")):
        return None
    return TextFile(data.decode("utf-8", "surrogateescape"), "utf-8", b"")


def encode(file: TextFile, text: str) -> bytes:
    """`text` in the form of `file`. For what `decode` gave, the very bytes it came from."""
    return file.mark + text.encode(file.encoding, "surrogateescape" if file.encoding == "utf-8" else "strict")


def kind_of_binary(data: bytes) -> str:
    """What the first bytes say, in words."""
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "an image (WebP)"
    return next((words for magic, words in _BINARY if data.startswith(magic)), "a binary file")


def newline_of(text: str) -> Literal["\n", "\r\n"]:
    """The line end that most lines have; a new line gets the same."""
    windows = text.count("\r\n")
    return "\r\n" if windows * 2 > text.count("\n") else "\n"


def lines_of(text: str) -> Sequence[str]:
    """Lines without their ends; a last line end opens no further line."""
    lines = [line.removesuffix("\r") for line in text.split("\n")]
    if lines[-1] == "":
        lines.pop()
    return lines


def printable(text: str) -> str:
    """Text fit to be sent: bytes that were no UTF-8 become the replacement character."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def sha256(data: bytes) -> str:
    """Hex digest, as the log and the stale-edit check keep it."""
    return hashlib.sha256(data).hexdigest()
