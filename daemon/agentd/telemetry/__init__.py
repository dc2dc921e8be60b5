"""Floor 2: what happened, written down: the daemon's event log, its lines on stderr, and what must never be in either.

Nothing here can hurt what it reports on: a line that can't be written is counted and said, and the work goes on.
"""

from __future__ import annotations

__all__: list[str] = []
