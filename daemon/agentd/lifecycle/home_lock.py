"""The lock of a home: one daemon holds it for life, and the kernel lets go of it when the process ends.

Decides when a held lock means another daemon. The pid in the file is information for people, never the lock. Callers:
`agentd.app`.
"""

from __future__ import annotations

from agentd.errors import BusyError
from agentd.world.doors import Lock, World
from agentproto.endpoints import LOCK_FILE

__all__ = ["take_lock"]

_TRIES = 5
_WAIT_MS = 50


async def take_lock(world: World, run: str, pid: int) -> Lock:
    """Take the lock in the folder `run`; BusyError naming the pid when another daemon holds it."""
    path = f"{run}/{LOCK_FILE}"
    lock = world.files.lock(path)
    for _ in range(_TRIES):
        if lock is not None:
            break
        # A client that only looks whether the lock is free holds it for a moment.
        await world.clock.sleep(_WAIT_MS)
        lock = world.files.lock(path)
    if lock is None:
        holder = world.files.read(path, 64).decode("ascii", "replace").strip()
        raise BusyError(
            f"another daemon holds this home (pid {holder or 'unknown'})",
            why=f"it holds {path}",
            remedy="Use it, or stop it: `agentctl daemon stop`.",
        )
    handle = world.files.open_append(path)
    handle.truncate(0)
    handle.append(f"{pid}\n".encode())
    handle.close()
    return lock
