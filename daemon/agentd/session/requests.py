"""Idempotence for requests that belong to no session yet: which key made what, kept over a crash.

A request that makes a session is recorded here, with the id it is going to make, before anything is made. Sent again
(after a reconnect, a restart, a crash in between) it finds its id and either answers or finishes making it; nothing is
made twice. Kept: 30 days or 100,000 lines, whichever is less.
"""

from __future__ import annotations

import msgspec

from agentd.chain.file import ChainFile
from agentd.errors import ConflictError
from agentd.world.doors import World

__all__ = ["FORGET_AT", "KEEP_LINES", "KEEP_MS", "Accepted", "RequestRecord"]

KEEP_MS = 30 * 24 * 3600 * 1000
KEEP_LINES = 100_000
FORGET_AT = 1000
"""Lines that may be forgotten before the file is written anew without them."""


class Accepted(msgspec.Struct, frozen=True, tag="request.accepted", tag_field="type"):
    """`made` is what the answer names (a session's id, a settings file)."""

    key: str
    hash: str
    method: str
    made: str


class RequestRecord:
    """`state/requests.jsonl`."""

    def __init__(self, world: World, state_folder: str) -> None:
        self._world = world
        self._file: ChainFile[Accepted] = ChainFile(
            world, f"{state_folder}/requests.jsonl", msgspec.json.Decoder(Accepted)
        )
        self._known: dict[str, Accepted] = {}

    def load(self) -> list[str]:
        """Open and read it; what a person should know of it."""
        oldest = self._world.clock.now_ms() - KEEP_MS
        lines = self._file.load()
        kept = [line for line in lines[-KEEP_LINES:] if line.at_ms >= oldest]
        aside, self._file.set_aside = self._file.set_aside, None
        if len(lines) - len(kept) >= FORGET_AT or (aside is not None and kept):
            self._file.replace([(line.at_ms, line.entry) for line in kept])
        self._known = {line.entry.key: line.entry for line in kept}
        if aside is None:
            return []
        return [f"the record of requests was damaged: it is kept as {aside}, {len(lines)} of its lines were read"]

    def find(self, key: str, hash: str) -> Accepted | None:
        """The record of `key`; ConflictError when it was used for another body."""
        known = self._known.get(key)
        if known is not None and known.hash != hash:
            raise ConflictError(
                "this key was already used for another request",
                why=f"it was a {known.method} that made {known.made}",
                remedy="Make a new key for each new request.",
                field="key",
            )
        return known

    async def record(self, accepted: Accepted) -> None:
        """Durable when it returns. After a disk that was full the file is read and begun again: one failure must not
        keep every new session out until a restart."""
        if self._file.closed:
            self.load()
        await self._file.append([accepted], self._world.clock.now_ms(), sync=True)
        self._known[accepted.key] = accepted

    def close(self) -> None:
        self._file.close()
