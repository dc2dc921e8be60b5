"""`agentctl chat` needs a terminal, and says what to use without one. What it does on one: chat/test_loop.py."""

from __future__ import annotations

from pathlib import Path

from clients.scene import Ran, ctl


def test_without_a_terminal_it_says_what_to_use(home: Path) -> None:
    assert ctl(home, "chat") == Ran(
        1,
        "",
        "error: chat needs a terminal\n"
        "  why: stdin or stdout is not one, or TERM says that it can't move its cursor.\n"
        "   do: agentctl ask PROMPT, or: agentctl attach --view ID\n",
    )
