"""The table of events and what the code says are the same."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import get_args

from agentd.telemetry.events import EVENTS
from agentproto.api.daemon import Category

DAEMON = Path(__file__).resolve().parents[3] / "daemon" / "agentd"


def said(tree: ast.AST) -> set[tuple[str, str]]:
    """(category, name) of every event with a literal name that is reported somewhere in a module."""
    found: set[tuple[str, str]] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "happened":
            texts = [one.value for one in node.args[:2] if isinstance(one, ast.Constant)]
            if len(texts) == 2:
                found.add((str(texts[0]), str(texts[1])))
    return found


def everything() -> set[tuple[str, str]]:
    return {pair for path in DAEMON.rglob("*.py") for pair in said(ast.parse(path.read_text()))}


def test_everything_that_is_said_is_in_the_table() -> None:
    table = {(known.category, name) for name, known in EVENTS.items()}
    assert sorted(everything() - table) == []


def test_every_row_has_a_category_of_the_wire_and_a_meaning() -> None:
    categories = get_args(Category)
    assert [name for name, known in EVENTS.items() if known.category not in categories or len(known.meaning) < 20] == []
    assert [name for name, known in EVENTS.items() if not name.startswith(known.category + ".")] == []


def test_a_new_event_is_found() -> None:
    assert said(ast.parse("self.reporter.happened('tool', 'tool.new', text, session)")) == {("tool", "tool.new")}
