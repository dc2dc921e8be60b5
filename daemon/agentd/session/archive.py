"""A session's log as a gzip file beside it: packed, unpacked, compared; each step safe against a crash at any call.

Theory. Where `log.jsonl` is there it is the truth, else `log.jsonl.gz` is. Each is made under another name, synced and
renamed, so a name never stands for half a file. The plain log goes only when the archive was read back from the disk,
unpacked, and had the plain log's sha256. So at every moment one of the two is whole.

Work comes in pieces of a few milliseconds, with a pause after each; packing is done by the worker process. It decides
how files are made and compared, not whether they may be: `session.store` does, which calls it. `ArchiveHandle` also
serves `agentd check`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Generator, Iterator
from dataclasses import replace

import msgspec

from agentd.errors import DamagedLogError, DiskError
from agentd.session.listing import Listed
from agentd.session.log import LOG_FILE
from agentd.session.packing import NOTE_BYTES, PIECE, front, front_end, inflate, note_in
from agentd.world.doors import Files, Handle, World

__all__ = [
    "ARCHIVE_FILE",
    "ArchiveHandle",
    "Note",
    "Unpacking",
    "is_copy",
    "pack",
    "read_note",
    "tidy",
    "verify",
]

ARCHIVE_FILE = "log.jsonl.gz"

_HALF_PACKED = f"{ARCHIVE_FILE}.packing"
_UNPACKING = ".unpacking"
_TITLE_CHARS = 1000
"""What the note keeps of a title: a note has to stay short."""
_CHUNK = 256 * 1024
_OTHER = "what it holds is not what was packed"
_PACK_MS = 60_000
"""How long one piece may take: it is 20 ms of work, on a machine that may have nothing left for a nice worker."""


class Note(msgspec.Struct, frozen=True):
    """What an archive says of itself: size and sha256 of the plain log, and its row in the list."""

    size: int
    sha256: str
    row: Listed


_note_decoder: msgspec.json.Decoder[Note] = msgspec.json.Decoder(Note)


def read_note(files: Files, folder: str) -> Note:
    """The note at the archive's front. DamagedLogError, naming the file, when it can't be read."""
    path = f"{folder}/{ARCHIVE_FILE}"
    handle = files.open_read(path)
    try:
        start = handle.read(0, NOTE_BYTES)
    finally:
        handle.close()
    try:
        return _note_decoder.decode(note_in(start) or b"")
    except msgspec.MsgspecError:
        raise _damaged(path, "the note at its front is damaged") from None


def _damaged(path: str, why: str) -> DamagedLogError:
    return DamagedLogError(
        f"the archive {path} is damaged",
        why=why,
        remedy="`agentd repair` keeps what can be had (stop the daemon first); other sessions work.",
    )


# -- reading ---------------------------------------------------------------------------------------------------


def _chunks(handle: Handle, at: int = 0) -> Iterator[bytes]:
    while data := handle.read(at, _CHUNK):
        yield data
        at += len(data)


def _plain(files: Files, path: str) -> Generator[bytes, None, None]:
    """The unpacked bytes of the archive at `path`. DamagedLogError where it is damaged. The note is passed by: with it
    alone damaged all the rest can be had."""
    handle = files.open_read(path)
    try:
        yield from inflate(_chunks(handle, front_end(handle.read(0, NOTE_BYTES))))
    except ValueError as fault:
        raise _damaged(path, str(fault)) from None
    finally:
        handle.close()


def verify(files: Files, folder: str) -> None:
    """Read the whole archive. DamagedLogError, naming the file, when it does not hold what was packed."""
    note, path = read_note(files, folder), f"{folder}/{ARCHIVE_FILE}"
    if _sum(_plain(files, path)) != (note.size, note.sha256):
        raise _damaged(path, _OTHER)


class ArchiveHandle:
    """An archive as if it were the plain log's file (see `agentd.world.doors.Handle`). Reading forward is quick; a step
    back begins anew. Damage ends it early, as if the file were shorter: `damage` says then what it is."""

    def __init__(self, files: Files, folder: str) -> None:
        self._files = files
        self._folder = folder
        self._path = f"{folder}/{ARCHIVE_FILE}"
        self._begin()
        self.damage: DamagedLogError | None = None

    def _begin(self) -> None:
        self._pieces = _plain(self._files, self._path)
        self._at = 0
        self._have = b""

    def read(self, offset: int, size: int) -> bytes:
        if offset < self._at:
            self._begin()
        while self._at + len(self._have) < offset + size:
            skipped = min(offset - self._at, len(self._have))
            piece = self._next()
            if not piece:
                break
            self._at += skipped
            self._have = self._have[skipped:] + piece
        start = offset - self._at
        return self._have[start : start + size]

    def _next(self) -> bytes:
        try:
            return next(self._pieces, b"")
        except DamagedLogError as fault:
            self.damage = fault
            return b""

    def size(self) -> int:
        at = self._at + len(self._have)
        while data := self.read(at, _CHUNK):
            at += len(data)
        return at

    def append(self, data: bytes) -> int:
        raise DiskError(f"{self._path} takes no entries", why="it is an archive")

    def truncate(self, size: int) -> None:
        raise DiskError(f"{self._path} is never cut", why="it is an archive")

    def sync(self) -> None:
        raise DiskError(f"{self._path} has nothing to sync", why="it is an archive")

    def duplicate(self) -> ArchiveHandle:
        return ArchiveHandle(self._files, self._folder)

    def close(self) -> None:
        self._pieces.close()


# -- unpacking -------------------------------------------------------------------------------------------------


class Unpacking:
    """The archive in `folder` becomes the plain log at `target` (default: in its place). First all `pieces`, then
    `handle.sync()` where it has to be durable, then `finish`; `drop` when any of it failed."""

    def __init__(self, files: Files, folder: str, target: str | None = None) -> None:
        self.note = read_note(files, folder)
        self._files = files
        self._source = f"{folder}/{ARCHIVE_FILE}"
        self._target = target or f"{folder}/{LOG_FILE}"
        self._half = f"{self._target}{_UNPACKING}"
        files.remove(self._half)
        self.handle = files.open_append(self._half, create=True)

    def pieces(self) -> Iterator[None]:
        """Pauses between pieces of a millisecond or two. DamagedLogError when the archive is not what was packed."""
        digest, size = hashlib.sha256(), 0
        for data in _plain(self._files, self._source):
            self.handle.append(data)
            digest.update(data)
            size += len(data)
            yield
        if (size, digest.hexdigest()) != (self.note.size, self.note.sha256):
            raise _damaged(self._source, _OTHER)

    def finish(self) -> None:
        """The plain log is there from now on."""
        self.handle.close()
        self._files.rename(self._half, self._target)
        self._files.sync_folder(self._target.rpartition("/")[0])

    def drop(self) -> None:
        self.handle.close()
        self._files.remove(self._half)


# -- packing ---------------------------------------------------------------------------------------------------


async def pack(world: World, folder: str, row: Listed) -> Note:
    """The plain log in `folder` becomes an archive, and goes. Nobody may write to it meanwhile.

    AgentdError when it could not be made or did not read back the same: the plain log is as it was then.
    """
    files, plain, half = world.files, f"{folder}/{LOG_FILE}", f"{folder}/{_HALF_PACKED}"
    files.remove(half)
    source = files.open_read(plain)
    try:
        size, sha256 = await _digest(world, _chunks(source))
        note = Note(size, sha256, replace(row, title=row.title[:_TITLE_CHARS], archived=True))
        target = files.open_append(half, create=True)
        try:
            await world.journal.append(target, front(msgspec.json.encode(note)), sync=False)
            at = 0
            while data := source.read(at, PIECE):
                packed = await world.processes.job("pack", {"data": data}, _PACK_MS)
                assert isinstance(packed, bytes)
                at += len(data)
                await world.journal.append(target, packed, sync=False)
            await world.journal.append(target, b"", sync=True)
        finally:
            target.close()
        try:
            same = await _digest(world, _plain(files, half)) == (size, sha256) and source.size() == size
        except DamagedLogError:
            same = False
        if not same:
            raise DiskError(f"{plain} was not archived", why="the archive did not read back as what was packed")
    except BaseException:
        files.remove(half)
        raise
    finally:
        source.close()
    files.rename(half, f"{folder}/{ARCHIVE_FILE}")
    files.sync_folder(folder)
    files.remove(plain)
    files.sync_folder(folder)
    return note


async def _digest(world: World, pieces: Iterator[bytes]) -> tuple[int, str]:
    digest, size = hashlib.sha256(), 0
    for data in pieces:
        digest.update(data)
        size += len(data)
        await world.clock.sleep(0)
    return size, digest.hexdigest()


# -- after a crash ---------------------------------------------------------------------------------------------


def is_copy(files: Files, folder: str) -> bool | None:
    """Whether plain log and archive hold the same bytes, all of them read. None when they are equally long and differ:
    then the plain log is damaged, for nothing ever changes a byte of a log."""
    info = files.info(f"{folder}/{LOG_FILE}")
    try:
        note = read_note(files, folder)
        if info is None or info.size != note.size:
            return False
        verify(files, folder)
    except DamagedLogError:
        return False
    handle = files.open_read(f"{folder}/{LOG_FILE}")
    try:
        return True if _sum(_chunks(handle)) == (note.size, note.sha256) else None
    finally:
        handle.close()


def _sum(pieces: Iterator[bytes]) -> tuple[int, str]:
    digest, size = hashlib.sha256(), 0
    for data in pieces:
        digest.update(data)
        size += len(data)
    return size, digest.hexdigest()


def tidy(files: Files, folder: str, same: Callable[[], bool | None]) -> None:
    """Where both are there one goes: the plain log when `same` (they hold the same bytes), else the archive; none where
    that is not known (None). What was left half made goes too."""
    for name in (_HALF_PACKED, f"{LOG_FILE}{_UNPACKING}"):
        files.remove(f"{folder}/{name}")
    plain, packed = f"{folder}/{LOG_FILE}", f"{folder}/{ARCHIVE_FILE}"
    if files.info(plain) is None or files.info(packed) is None:
        return
    answer = same()
    if answer is not None:
        files.remove(plain if answer else packed)
        files.sync_folder(folder)
