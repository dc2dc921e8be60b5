"""The pump for asyncio: the same conversation as `blocking`, for programs that do other things meanwhile.

One task moves the frames. Finding, starting and greeting a daemon may take seconds, so it happens in a thread and by
the same code as in the blocking pump. Cancelling a `call` cancels the request. Callers: `agentctl chat`, scripts.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import TypeVar

import msgspec

from agentclient.async_socket import AsyncSocket, connected
from agentclient.conversation import Answered, Refused
from agentclient.discover import READY_MS
from agentclient.errors import ClientError, RefusedError
from agentclient.greeting import now_ms, result_of
from agentclient.meeting import Meeting
from agentclient.sockets import Dealer
from agentclient.starting import DAEMON_COMMAND
from agentproto.envelope import Welcome
from agentproto.link import Happened
from agentproto.shape import to_plain

__all__ = ["Client", "connect"]

R = TypeVar("R")


@asynccontextmanager
async def connect(
    name: str,
    *,
    environment: Mapping[str, str] = os.environ,
    start: bool = True,
    give_variables: bool = False,
    command: Sequence[str] = DAEMON_COMMAND,
    ready_ms: int = READY_MS,
) -> AsyncIterator[Client]:
    """A client of this home's daemon for the length of a block; the arguments are those of `Meeting`."""
    meeting = Meeting(name, environment, start=start, give_variables=give_variables, command=command, ready_ms=ready_ms)
    client = Client(meeting)
    await client.meet(meeting.first)
    pump = asyncio.create_task(client.run(), name="agentclient pump")
    try:
        yield client
    finally:
        pump.cancel()
        await asyncio.gather(pump, return_exceptions=True)
        client.close()


class Client:
    """Use `connect`. `active_at_ms` is the last key press of a person here; heartbeats carry it."""

    def __init__(self, meeting: Meeting) -> None:
        self.folders = meeting.folders
        self.active_at_ms = 0
        self._meeting = meeting
        self._conversation = meeting.conversation
        self._socket: AsyncSocket | None = None
        self._met = asyncio.Event()
        self._answers: dict[int, asyncio.Future[Answered | Refused]] = {}
        self._events: asyncio.Queue[Happened | ClientError] = asyncio.Queue()
        self._gone: ClientError | None = None

    @property
    def welcome(self) -> Welcome:
        assert self._conversation.welcome is not None  # `connect` has waited for it
        return self._conversation.welcome

    async def call(self, method: str, params: msgspec.Struct, result: type[R]) -> R:
        """Send and wait. `method`, `params` and `result` are a row of the table. RefusedError when it is an error."""
        await self._met.wait()  # a conversation that is being taken up again is another thread's
        if self._gone is not None:
            raise self._gone
        ticket = self._conversation.ask(method, to_plain(params))
        future = self._answers[ticket] = asyncio.get_running_loop().create_future()
        self._flush()
        try:
            answer = await future
        except asyncio.CancelledError:
            if self._met.is_set():  # else it is asked once more, and nobody hears the answer
                self._conversation.cancel(ticket)
                self._flush()
            raise
        finally:
            del self._answers[ticket]
        return result_of(answer, result)

    async def events(self) -> AsyncIterator[Happened]:
        """Events in order, over reconnects, for ever. A ClientError when the daemon is gone for good."""
        while not isinstance(event := await self._events.get(), ClientError):
            yield event
            self._conversation.handled(event)
            self._flush()
        raise event

    async def run(self) -> None:
        """Move frames until cancelled. `connect` runs it."""
        try:
            while True:
                await self._pump()
        except ClientError as fault:
            self._gone = fault
            self._met.set()
            self._events.put_nowait(fault)
            for future in (one for one in self._answers.values() if not one.done()):
                future.set_exception(fault)

    def close(self) -> None:
        self._met.clear()
        socket, self._socket = self._socket, None
        if socket is not None:
            socket.close()

    def _flush(self) -> None:
        if self._socket is not None and not self._meeting.forgotten:  # else the pump meets it again first
            for frames in self._conversation.outgoing(now_ms(), self.active_at_ms):
                self._socket.send(frames)
                self._meeting.sent()

    async def _pump(self) -> None:
        assert self._socket is not None
        quiet = True
        while (frames := self._socket.receive()) is not None:
            quiet = False
            event = self._conversation.receive(frames, now_ms())
            if isinstance(event, Happened):
                self._events.put_nowait(event)
            elif isinstance(event, Refused) and event.ticket == 0:
                self._events.put_nowait(RefusedError(event.error))
            elif isinstance(event, Answered | Refused) and (one := self._answers.get(event.ticket)) and not one.done():
                one.set_result(event)
        self._flush()
        if self._meeting.forgotten or (quiet and self._meeting.over):
            await self.meet(self._meeting.again)
        await self._socket.wait(self._meeting.slice_ms)

    async def meet(self, how: Callable[[], Dealer]) -> None:
        """Greet a daemon and take over its socket. `connect` does it."""
        self.close()
        self._socket = await connected(how)
        self._met.set()
        self._flush()
