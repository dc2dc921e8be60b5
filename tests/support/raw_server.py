"""A TCP server that plays a script: what it says, when it waits, when it hangs up. For faults that no library makes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

__all__ = ["RawServer", "raw_server"]


@dataclass(slots=True)
class RawServer:
    """Each request (up to its blank line, and its body by content-length) is answered by the next script: bytes are
    sent as they are, None waits for ever, and the end of a script marked by b"" hangs up."""

    scripts: list[Sequence[bytes | None]]
    port: int = 0
    requests: list[bytes] = field(default_factory=list)
    connections: int = 0
    hung_up: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when a client closes its side while a script waits."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while self.scripts:
                head = await reader.readuntil(b"\r\n\r\n")
                size = [int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
                self.requests.append(head + await reader.readexactly(sum(size)))
                for part in self.scripts.pop(0):
                    if part is None:
                        await reader.read()
                        self.hung_up.set()
                        return
                    if not part:
                        return
                    writer.write(part)
                    await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def raw_server(*scripts: Sequence[bytes | None]) -> AsyncIterator[RawServer]:
    played = RawServer(list(scripts))
    server = await asyncio.start_server(played.serve, "127.0.0.1", 0)
    played.port = server.sockets[0].getsockname()[1]
    try:
        yield played
    finally:
        server.close()
