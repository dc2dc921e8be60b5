"""Between what is recorded of a session that goes on after a crash and what is done about it.

Before it: that the session goes on, what became of what was under way as far as the log alone tells, and the questions
that calls without a verdict lead to; all that is durable before anybody is served. Behind it: whatever looks at files or
repositories, asks a server, reads a long conversation, or runs something; no start waits for that. The session's lock is
held all the while, so nobody's request comes in between. Callers: `turn.sessions` makes one for each such session,
`turn.runner` waits at it.
"""

from __future__ import annotations

import asyncio

__all__ = ["Threshold"]


class Threshold:
    """One session's. `passable` is set when the daemon has started."""

    def __init__(self, passable: asyncio.Event) -> None:
        self._passable = passable
        self._reached: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def reached(self) -> None:
        """Returns when what the session owes to its log is durable; raises what `failed` was given."""
        await self._reached

    def reach(self) -> None:
        if not self._reached.done():
            self._reached.set_result(None)

    def failed(self, fault: BaseException) -> bool:
        """Tell who waits why it will not be reached; false when nobody waits any more."""
        if self._reached.done():
            return False
        if isinstance(fault, asyncio.CancelledError):
            return self._reached.cancel()
        self._reached.set_exception(fault)
        return True

    async def step_over(self) -> None:
        """It is reached; returns when one may go on."""
        self.reach()
        await self._passable.wait()
