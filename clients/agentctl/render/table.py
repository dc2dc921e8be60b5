"""Rows -> aligned text. On a terminal rich draws it (`render.grid`), folded to the width; in a pipe nothing is cut."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from typing import cast

from agentctl.lazy import load
from agentctl.render.safe import one_line

__all__ = ["aligned", "moment", "show", "size_text"]

_UNITS = ("B", "KiB", "MiB", "GiB", "TiB")


def show(headers: Sequence[str], rows: Sequence[Sequence[str]], *, empty: str) -> None:
    """Print a table to stdout; `empty` goes to stderr when there are no rows."""
    if not rows:
        sys.stderr.write(empty + "\n")
    elif sys.stdout.isatty():
        draw = cast("Callable[[Sequence[str], Sequence[Sequence[str]]], None]", load("agentctl.render.grid", "draw"))
        draw(headers, rows)
    else:
        sys.stdout.write(aligned(headers, rows))


def aligned(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Columns two spaces apart, whole, a line each row; the last column is not padded."""
    cells = [[name.upper() for name in headers], *([one_line(cell) for cell in row] for row in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(headers))]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in cells)
    return "\n".join(lines) + "\n"


def moment(at_ms: int) -> str:
    """A time for people: local, to the minute."""
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(at_ms / 1000)) if at_ms else "-"


def size_text(count: int) -> str:
    """Bytes for people: 999 B, 1.2 KiB, 34 MiB."""
    if count < 1024:
        return f"{count} B"
    power = min((count.bit_length() - 1) // 10, 4)
    value = count / 1024**power
    return f"{value:.1f} {_UNITS[power]}" if value < 10 else f"{value:.0f} {_UNITS[power]}"
