"""Forks: a new session that begins where a turn of another ended.

The new log is written apart and gets its place by one rename, so that there is a whole fork or none; asked again with
the same key the same fork is the answer. Work is done in pieces: a long parent stalls nobody. Callers:
`server.revising`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

from msgspec import structs

from agentd.chain.frame import FIRST_LINK, Line, encode_line
from agentd.errors import ConflictError, NotFoundError
from agentd.session.actors import Actor
from agentd.session.entries import Entry, Finished, Opened
from agentd.session.fold import MACHINE
from agentd.session.forking import blobs_of, copied, live_turns
from agentd.session.log import LOG_FILE, SessionLog
from agentd.session.removal import emptying
from agentd.session.revisions import Reverted
from agentd.turn.parts import Parts
from agentd.turn.sessions import Sessions

__all__ = ["Fork", "Forking"]

_LINES = 256
"""Entries that are read and written in one go."""


@dataclass(frozen=True, slots=True)
class Fork:
    """`turns` of the parent's are in it."""

    session: str
    parent: str
    turns: int


class Forking:
    def __init__(self, parts: Parts, sessions: Sessions) -> None:
        self._parts = parts
        self._sessions = sessions
        self._at_work: dict[str, asyncio.Lock] = {}

    async def fork(
        self, parent: str, after_turn: str | None, title: str | None, key: str, hash: str, actor: Actor
    ) -> Fork:
        """Fork `parent` behind `after_turn` (None: its last finished turn)."""
        async with self._sessions.making:
            known = self._sessions.requests.find(key, hash)
            log = None if known is not None else (await self._sessions.get(parent)).log
            session = await self._sessions.claim(key, hash, "session.fork")
        # Others may be made meanwhile; the same one only once.
        async with self._at_work.setdefault(session, asyncio.Lock()):
            try:
                if not await self._sessions.is_empty(session):
                    return Fork(session, parent, await self._given(session))
                if log is None:
                    log = (await self._sessions.get(parent)).log
                turns = await self._turns(log, after_turn)
                await self._write(log, session, turns, title, actor)
            finally:
                self._at_work.pop(session, None)
        self._parts.reporter.happened("session", "session.opened", f"a fork of {parent}", session)
        return Fork(session, parent, len(turns))

    async def _given(self, session: str) -> int:
        """How many turns a fork was given."""
        log = (await self._sessions.get(session)).log
        ended = [line.entry.turn async for line in self._lines(log) if isinstance(line.entry, Finished)]
        return sum(not turn.startswith(f"{session}.") for turn in ended)

    async def _turns(self, log: SessionLog, after_turn: str | None) -> tuple[str, ...]:
        turns = live_turns(
            [line.entry async for line in self._lines(log) if isinstance(line.entry, Finished | Reverted)]
        )
        if not turns:
            raise ConflictError("there is no finished turn to fork from", remedy="Wait for the end of the first turn.")
        if after_turn is None:
            return turns
        if after_turn not in turns:
            raise NotFoundError(
                f"turn {after_turn} is no finished turn of this conversation",
                remedy="An export of the session names its turns.",
                field="after_turn",
            )
        return turns[: turns.index(after_turn) + 1]

    async def _lines(self, log: SessionLog) -> AsyncIterator[Line[Entry]]:
        seq = 0
        while lines := log.lines_after(seq, _LINES):
            for line in lines:
                yield line
            seq = lines[-1].seq
            await self._parts.world.clock.sleep(0)

    async def _write(
        self, log: SessionLog, session: str, turns: tuple[str, ...], title: str | None, actor: Actor
    ) -> None:
        files, store = self._parts.world.files, self._parts.store
        apart = store.incoming(session)
        if files.info(apart) is not None:  # a crash, or a full disk, left it half done
            for _ in emptying(files, apart):
                await self._parts.world.clock.sleep(0)
        files.make_folder(f"{apart}/blobs")
        handle = files.open_append(f"{apart}/{LOG_FILE}", create=True)
        try:
            link, seq = FIRST_LINK, 0
            async for at_ms, entry in self._entries(log, session, turns, title, actor):
                seq += 1
                raw, link = encode_line(seq, at_ms, entry, link)
                handle.append(raw)
                for digest in blobs_of(entry):
                    self._copy_blob(log.session, digest, f"{apart}/blobs/{digest}")
            await self._parts.world.journal.append(handle, b"", sync=True)
        finally:
            handle.close()
        store.take_in(session)

    async def _entries(
        self, log: SessionLog, session: str, turns: tuple[str, ...], title: str | None, actor: Actor
    ) -> AsyncIterator[tuple[int, Entry]]:
        """(time in ms, entry) of the fork's log."""
        mine, behind = frozenset(turns), False
        async for line in self._lines(log):
            entry = line.entry
            if isinstance(entry, Opened):
                parent = (entry.session, log.state.seq)
                now_ms = self._parts.world.clock.now_ms()
                title = title or log.state.title
                product = self._parts.product
                yield (
                    now_ms,
                    structs.replace(
                        entry,
                        machine=MACHINE,
                        session=session,
                        product=product,
                        title=title,
                        parent=parent,
                        actor=actor,
                    ),
                )
            elif (not behind or isinstance(entry, Reverted)) and (kept := copied(entry, mine)) is not None:
                yield line.at_ms, kept
            # Behind the last turn only what became of its files concerns the fork.
            behind = behind or (isinstance(entry, Finished) and entry.turn == turns[-1])

    def _copy_blob(self, parent: str, digest: str, path: str) -> None:
        """What the parent has not kept, or what was changed, the fork has not either."""
        files, store = self._parts.world.files, self._parts.store
        if files.info(path) is None and store.has_blob(parent, digest):
            try:
                files.create_exclusive(path, store.get_blob(parent, digest))
            except NotFoundError as fault:
                self._parts.reporter.happened("session", "session.blob_lost", fault.what, parent)
