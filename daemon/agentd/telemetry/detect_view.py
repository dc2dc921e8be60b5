"""A text with its escapes looked through: `\\u0041` and `\\x41` as the letter they mean, with the place of each.

It decides which escapes hide a secret from a pattern: those of JSON and of programs that stand for letters, digits and
signs, and the percent signs of addresses. Line ends that are written as two characters stay: the patterns know them. Pure.
Caller: `telemetry.detect`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

__all__ = ["unescaped"]

_ESCAPE = re.compile(r"\\{1,2}u00([2-7][0-9a-fA-F])|\\{1,2}x([2-7][0-9a-fA-F])|\\(/)|%([2-7][0-9A-Fa-f])|=\r?\n")


def unescaped(text: str) -> tuple[str, Sequence[int]] | None:
    """(the text as it is meant, for each place in it the place in `text`, one more for its end); None when nothing is
    escaped."""
    first = _ESCAPE.search(text)
    if first is None:
        return None
    out: list[str] = []
    places: list[int] = []
    at = 0
    for match in _ESCAPE.finditer(text):
        start, end = match.span()
        out.append(text[at:start])
        places.extend(range(at, start))
        digits = match[1] or match[2] or match[4]
        if digits is not None:
            out.append(chr(int(digits, 16)))
            places.append(start)
        elif match[3] is not None:
            out.append("/")
            places.append(start)
        at = end
    out.append(text[at:])
    places.extend(range(at, len(text) + 1))
    return "".join(out), places
