"""The production world, built in one place.

It decides which implementation stands behind each door. Importing it, and building a world, opens nothing, starts
nothing and reads nothing. Called by `agentd.app` and by the commands of `agentd` that work without a daemon.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from agentd.world.clock import RealClock
from agentd.world.doors import Http, HttpRequest, HttpResponse, World
from agentd.world.files import RealFiles
from agentd.world.ids import RealIds
from agentd.world.journal import ThreadJournal
from agentd.world.processes import RealProcesses

__all__ = ["LazyHttp", "real_world"]


class LazyHttp:
    """The network, imported when something is first sent."""

    def __init__(self, *, proxy: str | None = None) -> None:
        self._proxy = proxy
        self._http: Http | None = None

    @asynccontextmanager
    async def send(self, request: HttpRequest) -> AsyncIterator[HttpResponse]:
        if self._http is None:
            # The one import that is not at the top: httpx is 100 ms and 10 MB of a start that has 400 ms, and a daemon
            # that nobody asked anything yet needs neither.
            from agentd.world.http import HttpxHttp

            self._http = HttpxHttp(proxy=self._proxy)
        async with self._http.send(request) as response:
            yield response

    async def close(self) -> None:
        if self._http is not None:
            await self._http.close()


def real_world(run_folder: str, *, proxy: str | None = None) -> World:
    """The machine itself. `run_folder` is the home's `run/`: running children are recorded in `run/children/` (made
    with the first child). `proxy`: a URL, from settings only."""
    return World(
        clock=RealClock(),
        ids=RealIds(),
        files=RealFiles(),
        journal=ThreadJournal(),
        processes=RealProcesses(f"{run_folder}/children"),
        http=LazyHttp(proxy=proxy),
    )
