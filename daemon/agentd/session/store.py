"""All sessions of one home: making, opening, listing, closing, and the small files that make a restart quick.

    data/sessions/<yyyy>/<mm>/<id>/log.jsonl (+ blobs/)     the truth
    state/open/<id>       there while a turn is open: what a start has to look at
    state/heads/<id>      seq, digits, last checkpoint and title after each turn: finds a cut at a line's end

Decides nothing about turns. One session that can't be opened never stops the others. Callers: `turn.sessions`,
handlers for lists, `agentd check`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from agentd.chain.file import scan_lines
from agentd.chain.frame import FIRST_LINK, Damage
from agentd.errors import AgentdError, MissingFileError, NotFoundError
from agentd.session.entries import Changed, Entry, Opened, Requested
from agentd.session.folders import session_folder
from agentd.session.log import LOG_FILE, Head, SessionLog
from agentd.session.state import SessionState
from agentd.world.doors import Handle, World

__all__ = ["Listed", "SessionStore"]

_decoder: msgspec.json.Decoder[Entry] = msgspec.json.Decoder(Entry)
_FIRST_BYTES = 16 * 1024
"""What the list reads of a log: a title is near its beginning, and a thousand logs are looked at in one go."""


@dataclass(frozen=True, slots=True)
class Listed:
    """What the list needs of a session that is not loaded: from the first lines of its log and the file's own facts."""

    id: str
    workspace: str
    title: str
    created_at_ms: int
    updated_at_ms: int
    bytes: int
    kind: str
    parent: str | None
    model: str | None
    problem: str | None = None

    @classmethod
    def of(cls, id: str, state: SessionState, size: int, problem: str | None) -> Listed:
        """A loaded session's row. A state that could not be read to its first line does not know its id."""
        return cls(
            id=id,
            workspace=state.workspace,
            title=state.title or "",
            created_at_ms=state.created_at_ms,
            updated_at_ms=state.updated_at_ms,
            bytes=size,
            kind=state.kind,
            parent=state.parent[0] if state.parent else None,
            model=state.model,
            problem=problem,
        )


class SessionStore:
    def __init__(self, world: World, data: str, state: str) -> None:
        self._world = world
        self._data = data
        self._state = state
        self._listed: dict[str, Listed] | None = None
        self._count: int | None = None

    def prepare(self) -> None:
        """Make the folders that every session needs."""
        for folder in (f"{self._data}/sessions", f"{self._state}/open", f"{self._state}/heads"):
            self._world.files.make_folder(folder)

    # -- one session -------------------------------------------------------------------------------------------

    def folder(self, session: str) -> str:
        return session_folder(self._data, session)

    def exists(self, session: str) -> bool:
        return self._world.files.info(f"{self.folder(session)}/{LOG_FILE}") is not None

    def create(self, session: str) -> SessionLog:
        """A new, empty log. Its folder is durable once the first entry is synced and `settle_folder` was called."""
        files = self._world.files
        folder = self.folder(session)
        files.make_folder(folder)
        handle = files.open_append(f"{folder}/{LOG_FILE}", create=True)
        self._count = None
        return SessionLog(self._world, folder, handle)

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

    def open(self, session: str, *, writable: bool = True) -> SessionLog:
        """NotFoundError when there is none; damage is in the log's `problem`, not raised."""
        try:
            return SessionLog.open(self._world, self.folder(session), self.head(session), writable=writable)
        except MissingFileError:
            raise NotFoundError(
                f"there is no session {session}", remedy="`agentctl sessions list` shows them.", field="session"
            ) from None

    def head(self, session: str) -> Head | None:
        try:
            return msgspec.json.decode(self._world.files.read(f"{self._state}/heads/{session}"), type=Head)
        except (MissingFileError, msgspec.MsgspecError):
            return None

    def keep_head(self, session: str, head: Head) -> None:
        """Written without a sync: what it may lose is only the finding of a cut at a line's end."""
        self._world.files.write_scratch(f"{self._state}/heads/{session}", msgspec.json.encode(head))

    def mark_open(self, session: str) -> None:
        """Before a turn's first entry, synced: a start looks at these sessions alone."""
        path = f"{self._state}/open/{session}"
        if self._world.files.info(path) is None:
            self._world.files.create_exclusive(path)

    def mark_closed(self, session: str) -> None:
        self._world.files.remove(f"{self._state}/open/{session}")

    def marked_open(self) -> list[str]:
        return [name for name, _ in self._world.files.list(f"{self._state}/open")]

    # -- blobs -------------------------------------------------------------------------------------------------

    def put_blob(self, session: str, data: bytes) -> str:
        """Keep `data` under its sha256 in the session's `blobs/`; the digest. Durable when it returns."""
        digest = hashlib.sha256(data).hexdigest()
        folder = f"{self.folder(session)}/blobs"
        path = f"{folder}/{digest}"
        if self._world.files.info(path) is None:
            self._world.files.make_folder(folder)
            self._world.files.write_atomic(path, data)
        return digest

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
        """How many sessions there are; looked for again only when one was made."""
        if self._count is None:
            self._count = len(self.ids())
        return self._count

    def ids(self) -> list[str]:
        """Every session's id, newest first (ids sort by time)."""
        files = self._world.files
        root = f"{self._data}/sessions"
        found: list[str] = []
        for year, info in files.list(root):
            if info.kind != "dir":
                continue
            for month, inner in files.list(f"{root}/{year}"):
                if inner.kind == "dir":
                    found += [name for name, kind in files.list(f"{root}/{year}/{month}") if kind.kind == "dir"]
        return sorted(found, reverse=True)

    def listed(self) -> Sequence[Listed]:
        """All sessions but those that are loaded and new, newest change first. Reads the start of each log once; later
        changes come by `noted`, when a session is unloaded."""
        if self._listed is None:
            self._listed = {id: row for id in self.ids() if (row := self._look(id)) is not None}
        return sorted(self._listed.values(), key=lambda row: (row.updated_at_ms, row.id), reverse=True)

    def noted(self, row: Listed) -> None:
        """A session that was loaded may have changed: keep its row current."""
        if self._listed is not None:
            self._listed[row.id] = row

    def _look(self, id: str) -> Listed | None:
        try:
            path = f"{self.folder(id)}/{LOG_FILE}"
            info = self._world.files.info(path)
            if info is None or (info.size == 0 and self.head(id) is None):
                return None  # nothing of it ever became durable
            handle = self._world.files.open_read(path)
        except AgentdError as fault:
            return Listed(id, "", "", 0, 0, 0, "chat", None, None, fault.what)
        try:
            return self._first_lines(id, handle, info.size, info.mtime_ns // 1_000_000)
        finally:
            handle.close()

    def _first_lines(self, id: str, handle: Handle, size: int, mtime_ms: int) -> Listed:
        opened: Opened | None = None
        created, title, problem = 0, None, None
        head = self.head(id)
        for line in scan_lines(handle, 0, FIRST_LINK, 1, _decoder, _FIRST_BYTES):
            if isinstance(line, Damage):
                problem = line.reason if line.offset + 1 < size else None
                break
            if isinstance(line.entry, Opened):
                opened, created, title = line.entry, line.at_ms, line.entry.title
            elif isinstance(line.entry, Changed) and line.entry.title is not None:
                title = line.entry.title
            elif isinstance(line.entry, Requested) and title is None:
                title = " ".join(line.entry.prompt.split())[:80]
            if line.seq >= 8:
                break
        if opened is None:
            return Listed(id, "", "", created, mtime_ms, size, "chat", None, None, problem or "the log is empty")
        parent = opened.parent[0] if opened.parent else None
        title = (head.title if head is not None else "") or title
        return Listed(
            id, opened.workspace, title or "", created, mtime_ms, size, opened.kind, parent, opened.model, problem
        )
