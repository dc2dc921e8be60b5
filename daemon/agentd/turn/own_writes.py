"""Which files the sessions' own tools wrote lately, so that a command is not taken for their writer.

A command is watched by looking at the workspace before and after it; what another session's tool wrote meanwhile looks
the same. Callers: `turn.calls` tells, `turn.snapshots` asks.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

__all__ = ["MOST_WRITES", "OwnWrites"]

MOST_WRITES = 10_000
"""Latest writes that are remembered; far more than all sessions make while one command runs."""


class OwnWrites:
    def __init__(self) -> None:
        self._writes: deque[tuple[int, str, str]] = deque(maxlen=MOST_WRITES)

    def note(self, session: str, paths: Iterable[str], now_ms: int) -> None:
        """`session` has just written these real paths (`now_ms`: monotonic)."""
        self._writes.extend((now_ms, session, path) for path in paths)

    def of_others(self, session: str, since_ms: int) -> frozenset[str]:
        """Paths that sessions other than this one wrote since then."""
        return frozenset(path for at_ms, owner, path in self._writes if owner != session and at_ms >= since_ms)
