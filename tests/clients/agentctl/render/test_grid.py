"""Tables on a terminal fold to its width, and never take a cell for markup."""

from __future__ import annotations

import io

from rich.console import Console

from agentctl.render.grid import draw


def test_long_cells_fold_so_that_nothing_is_lost() -> None:
    file = io.StringIO()
    draw(("id", "title"), [("s0000000000000001", "[red]no[/red] \x1b[2J")], Console(file=file, width=30))
    assert [line.rstrip() for line in file.getvalue().splitlines()] == [
        "ID              TITLE",
        "s0000000000000  [red]no[/red]",
        "001             \\x1b[2J",
    ]
