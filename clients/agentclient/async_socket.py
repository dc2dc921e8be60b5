"""A `Dealer` under an event loop: waiting for frames without a thread.

libzmq's descriptor is edge-triggered and may fire for reasons of its own, so the rule is: after every wake-up, and after
every send, try to receive until nothing is left. Caller: `client`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from agentclient.sockets import Dealer

__all__ = ["AsyncSocket"]


class AsyncSocket:
    """Owns the dealer. Make it inside the running loop that will use it."""

    def __init__(self, dealer: Dealer) -> None:
        self._dealer = dealer
        self._loop = asyncio.get_running_loop()
        self._ready = asyncio.Event()
        self._ready.set()
        self._loop.add_reader(dealer.descriptor, self._ready.set)

    def send(self, frames: Sequence[bytes]) -> bool:
        sent = self._dealer.send(frames)
        self._ready.set()  # a send may have swallowed the edge that a message caused
        return sent

    def receive(self) -> list[bytes] | None:
        return self._dealer.receive()

    def wake(self) -> None:
        """End a `wait` early."""
        self._ready.set()

    async def wait(self, wait_ms: int) -> None:
        """Until there may be something to receive, or `wait_ms` are over."""
        try:
            async with asyncio.timeout(wait_ms / 1000):
                await self._ready.wait()
        except TimeoutError:
            pass
        self._ready.clear()

    def close(self) -> None:
        self._loop.remove_reader(self._dealer.descriptor)
        self._dealer.close()
