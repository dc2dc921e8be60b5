"""Which files the sessions' own tools wrote lately, and which commands ran at once: a command is not taken for the writer
of what another session did.

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
        self._commands: dict[str, dict[str, int]] = {}
        self._mixed: set[tuple[str, str]] = set()

    def note(self, session: str, paths: Iterable[str], now_ms: int) -> None:
        """`session` has just written these real paths (`now_ms`: monotonic)."""
        self._writes.extend((now_ms, session, path) for path in paths)

    def begin(self, workspace: str, session: str) -> None:
        """A command of `session` begins in `workspace`; every command of another session that runs there meanwhile can't
        be told from it."""
        running = self._commands.setdefault(workspace, {})
        for other in running:
            if other != session:
                self._mixed |= {(workspace, other), (workspace, session)}
        running[session] = running.get(session, 0) + 1

    def end(self, workspace: str, session: str) -> bool:
        """It has ended; whether another session's command ran at the same time."""
        running = self._commands.get(workspace, {})
        running[session] = running.get(session, 1) - 1
        if running[session] <= 0:
            running.pop(session, None)
        mixed = (workspace, session) in self._mixed
        self._mixed.discard((workspace, session))
        return mixed

    def of_others(self, session: str, since_ms: int) -> frozenset[str]:
        """Paths that sessions other than this one wrote since then."""
        return frozenset(path for at_ms, owner, path in self._writes if owner != session and at_ms >= since_ms)
