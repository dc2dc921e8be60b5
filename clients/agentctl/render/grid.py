"""Tables on a terminal, drawn by rich. Loaded by `render.table` only when stdout is one."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from agentctl.render.safe import safe

__all__ = ["draw"]


def draw(headers: Sequence[str], rows: Sequence[Sequence[str]], console: Console | None = None) -> None:
    """Cells are text, never markup; long ones fold, so that an id can be copied whole at any width."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for header in headers:
        table.add_column(header.upper(), overflow="fold")
    for row in rows:
        table.add_row(*(Text(safe(cell)) for cell in row))
    (console or Console()).print(table)
