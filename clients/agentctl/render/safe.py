"""Text of models, tools and files -> text that a terminal can be given: nothing in it can move the cursor or lie.

Control characters and those that turn the direction of writing are shown as their escapes. What goes into a pipe or
into JSON is not touched by this.
"""

from __future__ import annotations

import re

__all__ = ["one_line", "safe"]

_UNSAFE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def _escape(found: re.Match[str]) -> str:
    number = ord(found.group())
    return f"\\x{number:02x}" if number < 256 else f"\\u{number:04x}"


def safe(text: str) -> str:
    """`text` with line feeds and tabs as they are, every other control character visible; CR LF counts as a line."""
    return _UNSAFE.sub(_escape, text.replace("\r\n", "\n"))


def one_line(text: str, width: int = 0) -> str:
    """`text` on one line, cut to `width` characters with an ellipsis (0: not cut)."""
    flat = " ".join(safe(text).split())
    return flat if not width or len(flat) <= width else flat[: max(0, width - 1)] + "…"
