"""What a search found, as plain data, and as the text that the model reads.

It decides order, format and where a result is cut, for both ways of searching; neither may add anything of its own.
Pure; called by the grep tool.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

__all__ = ["LINE_CHARS", "MOST_FILE_BYTES", "MOST_RULE_BYTES", "FileHits", "Line", "Mode", "in_order", "render"]

Mode = Literal["content", "files", "count"]

LINE_CHARS = 400
"""Characters of a found line that are shown: enough for any line that people wrote."""


MOST_FILE_BYTES = 4 * 1024 * 1024
"""A larger file is not searched: it is data or made by a machine."""

MOST_RULE_BYTES = 1024 * 1024
"""An ignore file beyond this holds something else than rules."""


@dataclass(frozen=True, slots=True)
class Line:
    """`hit`: it matches; otherwise it is context."""

    number: int
    text: str
    hit: bool


@dataclass(frozen=True, slots=True)
class FileHits:
    """`count` matching lines; `lines` only where content was asked for."""

    path: str
    count: int
    lines: tuple[Line, ...] = ()


def in_order(found: Iterable[FileHits]) -> list[FileHits]:
    """By path, folder by folder."""
    return sorted(found, key=lambda file: file.path.split("/"))


def render(found: Sequence[FileHits], mode: Mode, limit: int, stopped: str = "") -> str:
    """`found` in order. `limit` counts matching lines, or files where only these are asked for; `stopped`: why the
    search ended early, as words in brackets at the end."""
    if mode == "content":
        lines, cut = _content(found, limit)
    else:
        lines = [file.path if mode == "files" else f"{file.path}:{file.count}" for file in found[:limit]]
        cut = len(found) > limit
    if cut:
        unit = "matching lines" if mode == "content" else "files"
        lines.append(f"[cut at {limit} {unit}; there are more: narrow pattern, glob or path, or raise limit]")
    elif stopped:
        lines.append(f"[{stopped}]")
    return "\n".join(lines) if lines else "nothing found"


def _content(found: Sequence[FileHits], limit: int) -> tuple[list[str], bool]:
    lines: list[str] = []
    seen = 0
    for file in found:
        for line in file.lines:
            if line.hit:
                seen += 1
                if seen > limit:
                    return lines, True
            mark = ":" if line.hit else "-"
            lines.append(f"{file.path}{mark}{line.number}{mark}{_short(line.text)}")
    return lines, False


def _short(text: str) -> str:
    return text if len(text) <= LINE_CHARS else f"{text[:LINE_CHARS]}… [line cut]"
