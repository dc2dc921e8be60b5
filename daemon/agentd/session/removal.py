"""A session leaves the home: its folder is renamed out of the sessions, then emptied; what is left names what was there.

    data/removed/<id>     what a removed session's folder is called; empty, when all is done

Theory. The rename is the removal: before it the session is whole, after it there is none, and one name changes at a
time, so a crash finds one or the other. What is noted of it elsewhere is deleted next, and its folder is emptied last:
while there is something in it, a start goes on. The empty folder stays as
long as requests are remembered, so that a request that is sent again does not make anew what was removed.

It decides nothing about which sessions go. Caller: `session.store`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from agentd.errors import DiskError
from agentd.session.folders import SESSION_ID
from agentd.session.requests import KEEP_MS
from agentd.world.doors import Files

__all__ = ["GRAVES", "emptying", "size_of", "sweep", "take_out"]

GRAVES = "removed"
"""The folder in `data/` for what was removed."""


def take_out(files: Files, data: str, folder: str) -> str:
    """Rename a session's folder out of the sessions, durably; where it is now."""
    graves = f"{data}/{GRAVES}"
    grave = f"{graves}/{folder.rpartition('/')[2]}"
    files.make_folder(graves)
    if files.info(grave) is not None:  # a session of this id was removed before, and taken in again since
        for _ in emptying(files, grave):
            pass
    files.rename(folder, grave)
    files.sync_folder(folder.rpartition("/")[0])
    files.sync_folder(graves)
    return grave


def emptying(files: Files, folder: str) -> Iterator[None]:
    """Delete what is in `folder`, with a pause after each name. The folder itself stays."""
    for name, info in files.list(folder):
        path = f"{folder}/{name}"
        if info.kind == "dir":
            yield from emptying(files, path)
        files.remove(path)
        yield


def sweep(files: Files, data: str, now_ms: int, forget: Callable[[str], None]) -> None:
    """Go on with what a crash interrupted; `forget` deletes what is noted of a session elsewhere. Never raises: what
    can't be deleted now is deleted at a next start."""
    graves = f"{data}/{GRAVES}"
    try:
        rows = files.list(graves) if files.info(graves) is not None else ()
        for name, info in rows:
            if not SESSION_ID.fullmatch(name) or info.kind != "dir":
                continue
            if files.list(f"{graves}/{name}"):
                forget(name)
                for _ in emptying(files, f"{graves}/{name}"):
                    pass
            elif now_ms - info.mtime_ns // 1_000_000 > KEEP_MS:
                files.remove(f"{graves}/{name}")
    except DiskError:
        return


def size_of(files: Files, folder: str) -> int:
    """Bytes of all files below `folder`."""
    size = 0
    for name, info in files.list(folder):
        size += size_of(files, f"{folder}/{name}") if info.kind == "dir" else info.size
    return size
