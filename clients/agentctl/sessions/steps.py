"""A session's mutating calls as rows: what state each is in, how often it was tried, which files it changed. Pure.

Callers: `showing` (`--workflow`), `chat.revising` (`/workflow`).
"""

from __future__ import annotations

from collections.abc import Iterable

from agentctl.render.safe import one_line
from agentctl.sessions.reverts import near
from agentctl.sessions.turns import short
from agentproto.revisions import Touched, WorkflowStep

__all__ = ["EMPTY", "HEADERS", "rows_of", "short_hash"]

HEADERS = ("call", "state", "tool", "target", "tries", "exit", "files")
EMPTY = "It has changed nothing outside."
_TARGET = 60
_HASH = 8
"""Hexadecimal digits that tell two states of one file apart; `--json` has them all."""


def rows_of(steps: Iterable[WorkflowStep], base: str = "") -> list[tuple[str, ...]]:
    """A row a call; paths are relative to the folder `base` where they lie in it."""
    return [
        (
            short(one.id),
            one.state + (f": {one_line(one.reason)}" if one.reason and one.state in ("failed", "unknown") else ""),
            one.tool,
            one_line(near(one.target, base), _TARGET),
            str(one.attempts),
            "" if one.exit_code is None else str(one.exit_code),
            "; ".join(_file(each, base) for each in one.touched),
        )
        for one in steps
    ]


def _file(one: Touched, base: str) -> str:
    lost = "" if one.held or one.before is None else " (before not kept)"
    return f"{near(one.path, base)} {short_hash(one.before)} -> {short_hash(one.after)}{lost}"


def short_hash(hash: str | None) -> str:
    """The first digits of a hash; `none` where there is no file."""
    return "none" if hash is None else hash[:_HASH]
