"""Forks as an indented tree: the oldest ancestor first, each fork below what it was made from. Pure.

A session whose parent was removed keeps its place under that parent's id. Callers: `showing`.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from agentctl.render.safe import one_line
from agentctl.render.table import moment
from agentproto.api import session

__all__ = ["Relative", "drawn", "family"]


class Relative(msgspec.Struct, frozen=True):
    """One line of the tree. `this`: the session that was asked about; `removed`: only its id is known."""

    id: str
    parent: str | None
    depth: int
    this: bool
    removed: bool
    title: str
    state: str
    updated_at_ms: int


def family(id: str, sessions: Iterable[session.SessionSummary]) -> list[Relative]:
    """Everything that shares an ancestor with `id`, parents before their forks, older forks first."""
    known = {one.id: one for one in sessions}
    if id not in known:
        return []
    forks: dict[str, list[session.SessionSummary]] = {}
    for one in sorted(known.values(), key=lambda one: (one.created_at_ms, one.id)):
        if one.parent is not None:
            forks.setdefault(one.parent, []).append(one)
    root, above = id, {id}
    while root in known and (parent := known[root].parent) is not None and parent not in above:
        root = parent
        above.add(root)
    found: list[Relative] = []
    waiting = [(root, 0)]
    seen: set[str] = set()
    while waiting:
        name, depth = waiting.pop()
        if name in seen:
            continue  # a damaged header must not make it go round for ever
        seen.add(name)
        found.append(_relative(name, known.get(name), depth, name == id))
        waiting += [(one.id, depth + 1) for one in reversed(forks.get(name, []))]
    return found


def _relative(id: str, one: session.SessionSummary | None, depth: int, this: bool) -> Relative:
    if one is None:
        return Relative(id, None, depth, this, True, "", "", 0)
    return Relative(id, one.parent, depth, this, False, one.title, one.state, one.updated_at_ms)


def drawn(relatives: Iterable[Relative]) -> str:
    """A line each, two spaces deeper for each fork; `*` marks the session that was asked about."""
    lines = []
    for one in relatives:
        facts = "(removed)" if one.removed else f"{moment(one.updated_at_ms)}  {one_line(one.title)}".rstrip()
        lines.append(f"{'*' if one.this else ' '} {'  ' * one.depth}{one.id}  {facts}\n")
    return "".join(lines)
