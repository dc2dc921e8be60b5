"""Floor 1, the one door: time, chance, disk, processes and network enter the daemon here and nowhere else.

`doors` declares the Protocols, `real` builds the production world, `fake` a deterministic one in memory, `faults`
makes any call of the fake fail or crash, `tasks` supervises asyncio tasks. Nothing is re-exported: importing this
package must cost nothing.
"""

from __future__ import annotations

__all__: list[str] = []
