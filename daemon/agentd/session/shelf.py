"""The archives of a home: which sessions are packed, which are unpacked for somebody who only reads, what a crash left.

    state/packing/<id>    there while plain log and archive may both be there: a start keeps one of them
    state/reading/<id>/   a copy that is being opened; it has no name any more when it is open

Decides which of plain log and archive goes when both are there: the plain one only when it is known to hold the same
bytes; the archive when the log is longer; neither when they are equally long and differ, for one of them is damaged. It does not know who has a log open: `session.store` does, its one caller.
"""

from __future__ import annotations

from agentd.errors import AgentdError, ConflictError, DiskError
from agentd.session.archive import ARCHIVE_FILE, Note, Unpacking, is_copy, pack, read_note, tidy
from agentd.session.folders import session_folder
from agentd.session.listing import Listed
from agentd.session.log import LOG_FILE, Head, SessionLog
from agentd.session.removal import emptying
from agentd.world.doors import FileInfo, World

__all__ = ["Shelf"]

_COMPARED_AT_START = 64 * 1024 * 1024
"""Plain bytes that a start compares with their archives, some 300 ms; what is beyond waits for the next one."""


class Shelf:
    def __init__(self, world: World, data: str, state: str) -> None:
        self._world = world
        self._data = data
        self._marks = f"{state}/packing"
        self._copies = f"{state}/reading"
        self._unpacked: dict[str, int] = {}

    def prepare(self) -> None:
        """Make what it needs, and end what a crash left half done."""
        files = self._world.files
        files.make_folder(self._marks)
        left = _COMPARED_AT_START
        for session, _ in files.list(self._marks):
            try:
                left -= self._settle(session, left)
            except AgentdError:
                continue  # it stays marked: both files are there, and the plain one is the truth
        try:
            for session, _ in files.list(self._copies) if files.info(self._copies) is not None else ():
                for _ in emptying(files, f"{self._copies}/{session}"):
                    pass
                files.remove(f"{self._copies}/{session}")
        except DiskError:
            return  # they are in nobody's way

    def _settle(self, session: str, allowed: int) -> int:
        """Keep one of plain log and archive; how many bytes were compared for it."""
        files, folder = self._world.files, self._folder(session)
        info = files.info(f"{folder}/{LOG_FILE}")
        both = info is not None and files.info(f"{folder}/{ARCHIVE_FILE}") is not None
        size = info.size if info is not None and both else 0
        if size > allowed:
            return 0
        if files.info(folder) is not None:
            tidy(files, folder, lambda: is_copy(files, folder))
        self.unmark(session)
        return size

    def _folder(self, session: str) -> str:
        return session_folder(self._data, session)

    def place(self, session: str) -> tuple[FileInfo, bool] | None:
        """What the file that holds the log looks like, and whether it is an archive; None when there is no log."""
        files, folder = self._world.files, self._folder(session)
        info = files.info(f"{folder}/{LOG_FILE}")
        if info is not None:
            return info, False
        info = files.info(f"{folder}/{ARCHIVE_FILE}")
        return None if info is None else (info, True)

    def is_packed(self, session: str) -> bool:
        """Whether it is kept as an archive, also while its log is unpacked for somebody who has only read so far."""
        found = self.place(session)
        return found is not None and (found[1] or found[0].size == self._unpacked.get(session))

    def note(self, session: str) -> Note:
        return read_note(self._world.files, self._folder(session))

    def _mark(self, session: str) -> None:
        self._world.files.make_folder(self._marks)
        if self._world.files.info(f"{self._marks}/{session}") is None:
            self._world.files.create_exclusive(f"{self._marks}/{session}")

    def unmark(self, session: str) -> None:
        self._world.files.remove(f"{self._marks}/{session}")

    # -- packing -----------------------------------------------------------------------------------------------

    async def pack(self, session: str, head: Head | None) -> tuple[int, int]:
        """Pack a plain log that nobody has open: (bytes before, bytes after). ConflictError, with the reason, when the
        session is not at rest or is damaged."""
        folder = self._folder(session)
        row = self._at_rest(session, head)
        self._mark(session)
        note = await pack(self._world, folder, row)
        self.unmark(session)
        info = self._world.files.info(f"{folder}/{ARCHIVE_FILE}")
        return note.size, 0 if info is None else info.size

    def _at_rest(self, session: str, head: Head | None) -> Listed:
        log = SessionLog.open(self._world, self._folder(session), head, writable=False)
        log.close()
        state, info = log.state, self._world.files.info(f"{self._folder(session)}/{LOG_FILE}")
        if state.questions:
            reason = f"question {state.questions[0][0].question} is open"
        elif state.turn is not None or state.queue:
            reason = "a turn is open"
        elif state.reverting is not None:
            reason = "taking back has begun and not ended"
        elif log.problem is not None:
            reason = log.problem.what
        elif info is None or log.size != info.size:
            reason = "its last line is unfinished"
        elif not state.seq:
            reason = "there is nothing in it"
        else:
            return Listed.of(session, state, log.size, None)
        raise ConflictError(f"session {session} can't be archived", why=reason, remedy="Archive it when it is at rest.")

    # -- unpacking ---------------------------------------------------------------------------------------------

    async def unpack_apart(self, session: str) -> None:
        """The plain log is there when this returns; everybody else goes on meanwhile."""
        work = self._begin(session)
        try:
            for _ in work.pieces():
                await self._world.clock.sleep(0)
            await self._world.journal.append(work.handle, b"", sync=True)
            work.finish()
        except BaseException:
            work.drop()
            raise
        self._unpacked[session] = work.note.size

    def unpack(self, session: str) -> None:
        """The same, at once."""
        work = self._begin(session)
        try:
            for _ in work.pieces():
                pass
            work.handle.sync()
            work.finish()
        except BaseException:
            work.drop()
            raise
        self._unpacked[session] = work.note.size

    def _begin(self, session: str) -> Unpacking:
        self._mark(session)
        return Unpacking(self._world.files, self._folder(session))

    def open_copy(self, session: str, head: Head | None) -> SessionLog:
        """For who only reads: a copy without a name, which is gone with its last reader, however that one ends."""
        files, place = self._world.files, f"{self._copies}/{session}"
        files.make_folder(place)
        try:
            work = Unpacking(files, self._folder(session), f"{place}/{LOG_FILE}")
            try:
                for _ in work.pieces():
                    pass
                work.finish()
                log = SessionLog.open(self._world, place, head, writable=False)
            finally:
                work.drop()
                files.remove(f"{place}/{LOG_FILE}")
        finally:
            files.remove(place)
        log.folder = self._folder(session)
        return log

    def let_go(self, log: SessionLog) -> bool:
        """`log` was closed. One that was unpacked to be read goes again; its archive goes when there is more in it now.
        Whether it was such a one. Never raises: what can't be done now is done at the next start."""
        size = self._unpacked.pop(log.session, None)
        if size is None:
            return False
        files, folder = self._world.files, self._folder(log.session)
        try:
            info = files.info(f"{folder}/{LOG_FILE}")
            same = log.problem is None and info is not None and info.size == log.size == size
            tidy(files, folder, lambda: same)  # unpacking has read the archive whole and compared it
            self.unmark(log.session)
        except DiskError:
            pass
        return True

    def keep_plain(self, session: str) -> None:
        """The plain log stays, and its archive goes."""
        tidy(self._world.files, self._folder(session), lambda: False)
        self.forget(session)

    def forget(self, session: str) -> None:
        self._unpacked.pop(session, None)
        self.unmark(session)
