"""A `Dealer` under an event loop: waiting for frames without a thread.

libzmq's descriptor is edge-triggered and may fire for reasons of its own, so the rule is: after every wake-up, and after
every send, try to receive until nothing is left. Caller: `client`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from agentclient.sockets import Dealer

__all__ = ["AsyncSocket", "connected"]


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


async def connected(how: Callable[[], Dealer]) -> AsyncSocket:
    """A socket that `how` makes in a thread, because that may take seconds. Nothing is left open when this is cancelled."""
    making = asyncio.get_running_loop().run_in_executor(None, how)
    try:
        return AsyncSocket(await asyncio.shield(making))
    except asyncio.CancelledError:
        # The thread goes on, and what it comes back with is nobody's.
        making.add_done_callback(lambda done: None if done.exception() else done.result().close())
        raise
