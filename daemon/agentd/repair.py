"""`agentd repair`: keeps of damaged logs what can be had, and throws nothing away.

A damaged log is copied whole to `<name>.damaged-<ms>` beside it, and then replaced by its good beginning: at every
moment there is a log of that name. Of a damaged archive the good beginning becomes a plain log, and the archive is kept
under such a name too. A repaired session is marked open, so that the next start goes on with a turn that
the good beginning leaves unfinished. It decides nothing about what is damage (`agentd.check` does). It never runs
beside a daemon: it takes the home's lock. Caller: `agentd.cli`.
"""

from __future__ import annotations

from collections.abc import Callable

from agentd.check import EXIT_DAMAGE, Finding, examine
from agentd.errors import AgentdError, BusyError, DamagedLogError
from agentd.session.archive import ARCHIVE_FILE, ArchiveHandle, read_note, verify
from agentd.session.log import LOG_FILE
from agentd.session.store import SessionStore
from agentd.world.doors import Handle, World
from agentproto.endpoints import LOCK_FILE
from agentproto.homes import Folders

__all__ = ["repair"]

_CHUNK = 1024 * 1024


def repair(world: World, folders: Folders, say: Callable[[str], None]) -> int:
    """Repair what can be repaired, saying each; the exit code: 0, or 7 where damage is left.

    BusyError when a daemon holds this home.
    """
    world.files.make_folder(folders.run)
    lock = world.files.lock(f"{folders.run}/{LOCK_FILE}")
    if lock is None:
        raise BusyError(
            "a daemon holds this home", why="it may be writing these logs", remedy="Stop it: `agentctl daemon stop`."
        )
    try:
        left = 0
        damaged = [finding for finding in examine(world, folders.data, folders.state) if finding.is_damage]
        for finding in damaged:
            left += not _repaired(world, folders, finding, say)
    finally:
        lock.release()
    say(f"{len(damaged) - left} repaired, {left} left" if damaged else "there is no damage")
    return EXIT_DAMAGE if left else 0


def _repaired(world: World, folders: Folders, finding: Finding, say: Callable[[str], None]) -> bool:
    try:
        done = _mend(world, folders, finding)
    except AgentdError as fault:
        say(f"{finding.path}: could not be repaired: {fault.what}")
        return False
    say(f"{finding.path}: {done}" if done else f"{finding.line()}: nothing here can mend that")
    return bool(done)


def _mend(world: World, folders: Folders, finding: Finding) -> str:
    """What was done, in words; empty when nothing can be."""
    store = SessionStore(world, folders.data, folders.state)
    session = finding.session
    match finding.kind:
        case "log":
            assert finding.offset is not None
            if session is not None and _archive_has_more(world, store.folder(session), finding.offset):
                _look_again(store, session)
                kept = _set_aside(world, finding.path)
                _forget_end(world, folders, session)
                return f"its archive is whole and is used from now on; the damaged log is in {kept}"
            if finding.offset == 0 and session is not None:
                kept = _set_aside(world, finding.path)
                _forget_end(world, folders, session)
                store.mark_closed(session)
                return f"its first line is damaged, so nothing can be had; it is in {kept}"
            _look_again(store, session)
            kept, lost = _cut(world, finding.path, finding.offset)
            _forget_end(world, folders, session)
            return f"cut at byte {finding.offset}; {lost} bytes from there on are in {kept}"
        case "archive":
            assert finding.offset is not None
            assert session is not None
            if finding.offset == 0:
                kept = _set_aside(world, finding.path)
                _forget_end(world, folders, session)
                store.mark_closed(session)
                return f"nothing can be unpacked of it; it is in {kept}"
            _look_again(store, session)
            kept = _unpack(world, store.folder(session), finding.offset)
            _forget_end(world, folders, session)
            return f"{finding.offset} bytes were unpacked into {LOG_FILE}; the archive is in {kept}"
        case "end":
            # The missing entries are nowhere: what is left is a whole log, and only the note of its end is wrong.
            _look_again(store, session)
            _forget_end(world, folders, session)
            return f"{finding.reason}; they are lost, and the log goes on from here"
        case "blob" | "unreadable" | "notice":
            return ""


def _archive_has_more(world: World, folder: str, offset: int) -> bool:
    """Whether there is a whole archive beside a damaged log (of a packing that was interrupted) that holds more of it."""
    if world.files.info(f"{folder}/{ARCHIVE_FILE}") is None:
        return False
    try:
        verify(world.files, folder)
        return read_note(world.files, folder).size > offset
    except DamagedLogError:
        return False


def _set_aside(world: World, path: str) -> str:
    """Where the file is from now on: nothing of it is good, and an empty log would be no session either."""
    kept = _free_name(world, path)
    world.files.rename(path, kept)
    world.files.sync_folder(path.rpartition("/")[0])
    return kept


def _free_name(world: World, path: str) -> str:
    """A name that nothing has: what an interrupted repair left behind is not written over."""
    name = first = f"{path}.damaged-{world.clock.now_ms()}"
    count = 1
    while world.files.info(name) is not None:
        count += 1
        name = f"{first}-{count}"
    return name


def _cut(world: World, path: str, offset: int) -> tuple[str, int]:
    """(where the whole file was copied to, how many bytes of it were cut off)."""
    files = world.files
    kept = _free_name(world, path)
    fresh = f"{path}.repairing"
    folder = path.rpartition("/")[0]
    files.remove(fresh)  # of a repair that did not come to its end
    source = files.open_read(path)
    try:
        total = source.size()
        _copy(source, total, files.open_append(kept, create=True))
        _copy(source, offset, files.open_append(fresh, create=True))
    except AgentdError:
        files.remove(kept)
        files.remove(fresh)
        raise
    finally:
        source.close()
    files.rename(fresh, path)
    files.sync_folder(folder)
    return kept, total - offset


def _unpack(world: World, folder: str, offset: int) -> str:
    """Make the plain log of an archive's good beginning; where the archive is then."""
    files = world.files
    fresh = f"{folder}/{LOG_FILE}.repairing"
    files.remove(fresh)  # of a repair that did not come to its end
    try:
        _copy(ArchiveHandle(files, folder), offset, files.open_append(fresh, create=True))
    except AgentdError:
        files.remove(fresh)
        raise
    files.rename(fresh, f"{folder}/{LOG_FILE}")
    files.sync_folder(folder)
    return _set_aside(world, f"{folder}/{ARCHIVE_FILE}")


def _copy(source: Handle, size: int, target: Handle) -> None:
    """The first `size` bytes, durable when it returns; closes the target."""
    try:
        at = 0
        while at < size and (data := source.read(at, min(_CHUNK, size - at))):
            target.append(data)
            at += len(data)
        target.sync()
    finally:
        target.close()


def _look_again(store: SessionStore, session: str | None) -> None:
    """The next start looks at this session. Marked first: after a crash in between a mark too much costs nothing."""
    if session is not None:
        store.prepare()
        store.mark_open(session)


def _forget_end(world: World, folders: Folders, session: str | None) -> None:
    """The note of where the log ended is wrong now."""
    if session is not None:
        world.files.remove(f"{folders.state}/heads/{session}")
