"""Who asks a model now: so that nothing that can wait is asked beside a turn of a server with one slot.

Such a server keeps the prompt of its latest call only; a side query in the middle of a turn would cost the session its
cache. It decides nothing: it counts the turns' calls, and tells whoever wants to give way. Callers: `turn.model_call`
(counts), `turn.side_query` (gives way).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

__all__ = ["Traffic"]


class Traffic:
    """Of all sessions, by connection."""

    def __init__(self) -> None:
        self._calls: dict[str, int] = {}
        self._yielding: dict[str, list[Callable[[], object]]] = {}

    def busy(self, connection: str) -> bool:
        """Whether a turn is asking it now."""
        return self._calls.get(connection, 0) > 0

    @contextmanager
    def calling(self, connection: str) -> Iterator[None]:
        """A turn asks it, for as long as the block lasts; who gives way is told first."""
        self._calls[connection] = self._calls.get(connection, 0) + 1
        for give_way in tuple(self._yielding.get(connection, ())):
            give_way()
        try:
            yield
        finally:
            self._calls[connection] -= 1
            if not self._calls[connection]:
                del self._calls[connection]

    @contextmanager
    def yielding(self, connection: str, give_way: Callable[[], object]) -> Iterator[None]:
        """Call `give_way` when a turn wants to ask it, for as long as the block lasts."""
        self._yielding.setdefault(connection, []).append(give_way)
        try:
            yield
        finally:
            self._yielding[connection].remove(give_way)
            if not self._yielding[connection]:
                del self._yielding[connection]
