"""All sessions of one home: making, opening, listing, archiving, removing, and the small files that make a restart quick.

    data/sessions/<yyyy>/<mm>/<id>/log.jsonl (+ blobs/)     the truth; archived: log.jsonl.gz
    state/open/<id>       there while a turn is open: what a start has to look at
    state/heads/<id>      seq, digits, last checkpoint and title after each turn: finds a cut at a line's end
    state/listing         rows of the list (`session.listing`); archives and their marks: `session.shelf`

Decides nothing about turns, and nothing about which sessions are kept (`session.retention`). One session that can't be
opened never stops the others. A log that is open is never packed, and one that is being packed never opened. Callers:
`turn.sessions`, handlers for lists and keeping, `agentd check`.
"""

from __future__ import annotations

import hashlib
import weakref
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

import msgspec

from agentd.errors import (
    AgentdError,
    BusyError,
    ConflictError,
    DiskError,
    MissingFileError,
    NotFoundError,
)
from agentd.session.folders import SESSION_ID, session_folder
from agentd.session.listing import Listed, Listing, ids_below
from agentd.session.log import LOG_FILE, Head, SessionLog
from agentd.session.removal import GRAVES, emptying, size_of, sweep, take_out
from agentd.session.shelf import Shelf
from agentd.world.doors import World
from agentd.world.long_work import at_once

__all__ = ["INCOMING", "SessionStore"]

_SETTLED = 10_000
"""Names of small files that are known to be durable; beyond it they are synced once more."""
INCOMING = "incoming"
"""The folder in `data/` for sessions that are being put together."""


class SessionStore:
    def __init__(self, world: World, data: str, state: str) -> None:
        self._world = world
        self._data = data
        self._state = state
        self._count: int | None = None
        self._shelf = Shelf(world, data, state)
        self._listing = Listing(world.files, f"{state}/listing", self._shelf.place, self._look)
        self._logs: weakref.WeakValueDictionary[str, SessionLog] = weakref.WeakValueDictionary()
        self._at_work: dict[str, str] = {}
        self._settled: set[str] = set()

    def prepare(self) -> None:
        """Make the folders that every session needs, and end what a crash left half done."""
        files = self._world.files
        for folder in (f"{self._data}/sessions", f"{self._state}/open", f"{self._state}/heads"):
            files.make_folder(folder)
        self._shelf.prepare()
        sweep(files, self._data, self._world.clock.now_ms(), self._forget)
        half_done = f"{self._data}/{INCOMING}"
        for name, _ in files.list(half_done) if files.info(half_done) is not None else ():
            for _ in emptying(files, f"{half_done}/{name}"):
                pass
            files.remove(f"{half_done}/{name}")

    # -- one session -------------------------------------------------------------------------------------------

    def folder(self, session: str) -> str:
        return session_folder(self._data, session)

    def exists(self, session: str) -> bool:
        return self._shelf.place(session) is not None

    def was_removed(self, session: str) -> bool:
        """Whether there was such a session, as far back as requests are remembered: it is not to be made again."""
        grave = f"{self._data}/{GRAVES}/{session}"
        return (
            bool(SESSION_ID.fullmatch(session))
            and self._world.files.info(grave) is not None
            and not self.exists(session)
        )

    def size_of(self, session: str) -> int:
        """Bytes of everything that is kept for it. NotFoundError when there is none."""
        try:
            return size_of(self._world.files, self.folder(session))
        except MissingFileError:
            raise _no_session(session) from None

    def create(self, session: str) -> SessionLog:
        """A new, empty log. Its folder is durable once the first entry is synced and `settle_folder` was called.

        NotFoundError when there was such a session and it was removed: a late repeat of what made it makes no other.
        """
        if self.was_removed(session):
            raise NotFoundError(f"session {session} was removed", remedy="Make a new one.", field="session")
        files = self._world.files
        folder = self.folder(session)
        files.make_folder(folder)
        handle = files.open_append(f"{folder}/{LOG_FILE}", create=True)
        self._count = None
        log = self._logs[session] = SessionLog(self._world, folder, handle)
        return log

    def settle_folder(self, session: str) -> None:
        """Sync the folders above a new log: a file is durable only when its name is."""
        files = self._world.files
        folder = self.folder(session)
        files.sync_folder(folder)
        month = folder.rsplit("/", 1)[0]
        files.sync_folder(month)
        if len(files.list(month)) == 1:
            files.sync_folder(month.rsplit("/", 1)[0])
            files.sync_folder(f"{self._data}/sessions")

    def incoming(self, session: str) -> str:
        """Where a session is put together that is to be there whole or not at all; `take_in` gives it its place."""
        return f"{self._data}/{INCOMING}/{session}"

    def take_in(self, session: str) -> None:
        """Give the session that was put together in `incoming` its place, durably."""
        files, folder = self._world.files, self.folder(session)
        files.sync_folder(self.incoming(session))
        files.make_folder(folder.rpartition("/")[0])
        files.rename(self.incoming(session), folder)
        self.settle_folder(session)
        self.found(session)

    def open(self, session: str, *, writable: bool = True) -> SessionLog:
        """NotFoundError when there is none; damage is in the log's `problem`, not raised. An archived log is unpacked
        first (`ready` does that without stopping everybody else); one that is not `writable` leaves nothing of it
        behind. DamagedLogError when that can't be done, BusyError while the session is packed, removed or opened."""
        return at_once(self.opening(session, writable=writable))

    def opening(self, session: str, *, writable: bool = True) -> Generator[None, None, SessionLog]:
        """The same in pieces of a few milliseconds; nobody else can have the session's files meanwhile."""
        self._check_free(session)
        folder, head = self.folder(session), self.head(session)
        self._at_work[session] = "opened"
        try:
            found = self._shelf.place(session)
            if found is not None and found[1]:
                if not writable:
                    return self._shelf.open_copy(session, head)
                self._shelf.unpack(session)
            log = yield from SessionLog.opening(self._world, folder, head, writable=writable)
        except MissingFileError:
            raise _no_session(session) from None
        finally:
            del self._at_work[session]
        if writable:
            self._logs[session] = log
        return log

    def release(self, log: SessionLog) -> None:
        """`log` was closed by who opened it. A log that was unpacked to be read goes again, its archive goes when there
        is more in it now. Never raises: what can't be done now is done at the next start."""
        if self._logs.get(log.session) is log:  # else it was opened anew meanwhile
            del self._logs[log.session]
            if self._shelf.let_go(log):
                self._listing.refresh(log.session)

    def head(self, session: str) -> Head | None:
        try:
            return msgspec.json.decode(self._world.files.read(f"{self._state}/heads/{session}"), type=Head)
        except (MissingFileError, msgspec.MsgspecError, UnicodeDecodeError):
            return None

    def keep_head(self, session: str, head: Head) -> None:
        """Written without a sync: what it may lose is only the finding of a cut at a line's end."""
        self._world.files.write_scratch(f"{self._state}/heads/{session}", msgspec.json.encode(head))
        log = self._logs.get(session)
        if log is not None:
            problem = None if log.problem is None else log.problem.what
            self._listing.note(Listed.of(session, log.state, log.size, problem))

    def mark_open(self, session: str) -> None:
        """Before a turn's first entry, synced: a start looks at these sessions alone."""
        path = f"{self._state}/open/{session}"
        if path in self._settled:
            return
        if self._world.files.info(path) is None:
            self._world.files.create_exclusive(path)
        else:
            self._world.files.sync_folder(f"{self._state}/open")
        self._note_settled(path)

    def mark_closed(self, session: str) -> None:
        self._settled.discard(f"{self._state}/open/{session}")
        self._world.files.remove(f"{self._state}/open/{session}")

    def marked_open(self) -> list[str]:
        return [name for name, _ in self._world.files.list(f"{self._state}/open")]

    # -- archives ----------------------------------------------------------------------------------------------

    def archived(self, session: str) -> bool:
        """Whether it is kept as an archive, also while its log is unpacked for somebody who has only read so far."""
        return self._shelf.is_packed(session)

    async def ready(self, session: str) -> None:
        """Unpack an archived log in small pieces, so that `open` is quick. Nothing to do for any other."""
        found = self._shelf.place(session)
        if found is not None and found[1]:
            with self._working(session, "unpacked"):
                await self._shelf.unpack_apart(session)

    async def archive(self, session: str) -> tuple[int, int]:
        """Pack a log that nobody has open: (bytes before, bytes after). An archive stays what it is.

        NotFoundError; ConflictError, with the reason, for a session that is not at rest or is damaged.
        """
        with self._working(session, "archived"):
            found = self._shelf.place(session)
            if found is None:
                raise _no_session(session)
            if found[1]:
                return self._shelf.note(session).size, found[0].size
            sizes = await self._shelf.pack(session, self.head(session))
        self._listing.refresh(session)
        return sizes

    async def restore(self, session: str) -> tuple[int, int]:
        """Unpack for good a log that nobody has open: (bytes before, bytes after). A plain log stays what it is."""
        with self._working(session, "unpacked"):
            before = self._shelf.place(session)
            if before is None:
                raise _no_session(session)
            if before[1]:
                await self._shelf.unpack_apart(session)
            self._shelf.keep_plain(session)
            after = self._shelf.place(session)
        self._listing.refresh(session)
        return before[0].size, before[0].size if after is None else after[0].size

    # -- removal -----------------------------------------------------------------------------------------------

    async def remove(self, session: str) -> None:
        """Remove a session that nobody has open, with everything kept for it. NotFoundError when there is none."""
        files, folder = self._world.files, self.folder(session)
        with self._working(session, "removed"):
            if files.info(folder) is None:
                raise _no_session(session)
            try:
                grave = take_out(files, self._data, folder)
            finally:
                self.found(session)
            try:
                self._forget(session)
                for _ in emptying(files, grave):
                    await self._world.clock.sleep(0)
            except DiskError:
                return  # there is no such session any more; the next start deletes the rest

    def _forget(self, session: str) -> None:
        self.mark_closed(session)
        self._world.files.remove(f"{self._state}/heads/{session}")
        self._shelf.forget(session)

    # -- who may -----------------------------------------------------------------------------------------------

    @contextmanager
    def _working(self, session: str, what: str) -> Iterator[None]:
        """Keep everybody else from the session's files."""
        self._check_free(session)
        if session in self._logs:
            raise ConflictError(f"session {session} can't be {what} now", why="it is in use")
        self._at_work[session] = what
        try:
            yield
        finally:
            del self._at_work[session]

    def _check_free(self, session: str) -> None:
        what = self._at_work.get(session)
        if what is not None:
            raise BusyError(f"session {session} is being {what}", remedy="Try again in a moment.", retry_after_ms=200)

    # -- blobs -------------------------------------------------------------------------------------------------

    def put_blob(self, session: str, data: bytes) -> str:
        """Keep `data` under its sha256 in the session's `blobs/`; the digest. Durable when it returns."""
        digest = hashlib.sha256(data).hexdigest()
        folder = f"{self.folder(session)}/blobs"
        path = f"{folder}/{digest}"
        if path in self._settled:
            return digest
        if self._world.files.info(path) is None:
            self._world.files.make_folder(folder)
            self._world.files.write_atomic(path, data)
        else:  # an earlier try may have failed at its last sync
            self._world.files.sync_folder(folder)
        if folder not in self._settled:
            self._world.files.sync_folder(self.folder(session))
            self._note_settled(folder)
        self._note_settled(path)
        return digest

    def _note_settled(self, path: str) -> None:
        """The name is known to be durable; only this process can know that."""
        if len(self._settled) >= _SETTLED:
            self._settled.clear()
        self._settled.add(path)

    def has_blob(self, session: str, digest: str) -> bool:
        return self._world.files.info(f"{self.folder(session)}/blobs/{digest}") is not None

    def blob_bytes(self, session: str) -> int:
        """How many bytes its blobs have together."""
        try:
            return sum(info.size for _, info in self._world.files.list(f"{self.folder(session)}/blobs"))
        except MissingFileError:
            return 0

    def get_blob(self, session: str, digest: str) -> bytes:
        """NotFoundError when it is not there; a changed blob is an error too: its name is its content."""
        try:
            data = self._world.files.read(f"{self.folder(session)}/blobs/{digest}")
        except MissingFileError:
            raise NotFoundError(f"session {session} has no blob {digest[:12]}") from None
        if hashlib.sha256(data).hexdigest() != digest:
            raise NotFoundError(
                f"blob {digest[:12]} of session {session} was changed", why="its bytes do not fit its name"
            )
        return data

    # -- all of them -------------------------------------------------------------------------------------------

    def count(self) -> int:
        """How many sessions there are; looked for again only when one was made or removed."""
        if self._count is None:
            self._count = len(self.ids())
        return self._count

    def ids(self) -> list[str]:
        """Every session's id, newest first (ids sort by time)."""
        return ids_below(self._world.files, f"{self._data}/sessions")

    def listed(self) -> Sequence[Listed]:
        """All sessions but those that are loaded and new, newest change first. Later changes come by `keep_head` and
        `noted`; a log that was made without a runner by `found`."""
        rows = self._listing.rows(self._session_ids)
        return sorted(rows.values(), key=lambda row: (row.updated_at_ms, row.id), reverse=True)

    async def look_through(self) -> None:
        """Make `listed` quick without keeping anybody waiting, also when all logs have to be asked."""
        await self._listing.load(self._session_ids, lambda: self._world.clock.sleep(0))

    def _session_ids(self) -> list[str]:
        return [id for id in self.ids() if SESSION_ID.fullmatch(id)]

    def noted(self, row: Listed) -> None:
        """A session that was loaded may have changed: keep its row current."""
        self._listing.note(row)

    def found(self, session: str) -> None:
        """The session's log was made or replaced by other means than a runner: look at it."""
        self._count = None
        self._listing.refresh(session)

    def _look(self, id: str) -> Generator[None, None, Listed | None]:
        """The row as the log itself says it."""
        try:
            return (yield from self._look_into(id))
        except AgentdError as fault:
            return Listed(id, problem=fault.what)

    def _look_into(self, id: str) -> Generator[None, None, Listed | None]:
        found = self._shelf.place(id)
        if found is None:
            return None
        info, archived = found
        if archived:
            row = self._shelf.note(id).row
            return replace(row, bytes=info.size, archived=True)
        head = self.head(id)
        if info.size == 0 and head is None:
            return None  # nothing of it ever became durable
        log = yield from SessionLog.opening(self._world, self.folder(id), head, writable=False)
        try:
            problem = None if log.problem is None else log.problem.what
            row = Listed.of(id, log.state, info.size, problem)
        finally:
            log.close()
        if row.seq:
            return row
        return replace(row, updated_at_ms=info.mtime_ns // 1_000_000, problem=row.problem or "the log is empty")


def _no_session(session: str) -> NotFoundError:
    return NotFoundError(
        f"there is no session {session}", remedy="`agentctl sessions list` shows them.", field="session"
    )
