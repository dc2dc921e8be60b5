"""Floor 7: the process itself: its home's folders, its address, what it tells the service manager, its signals.

`agentd.app` calls these in order at start and stop; nothing here knows a session or a client.
"""

from __future__ import annotations

__all__: list[str] = []
