"""Whether the home's folders are ours alone, before anything is read from them.

It decides what is refused (another owner, a link, write permission for others, a network file system), each with the
exact command that cures it, and what is only tightened (folders to 0700, files that others could read to 0600; told
once). It looks at the five folders, at what lies directly in them, and at everything in the folders of `config/` that
tell the daemon what to do; deeper in `data/` nobody else can reach anything, because the folders above are closed. It
never changes an owner, never removes anything, never follows a link. Caller: `agentd.app`, first of all.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from agentd.errors import HomeError
from agentd.world.doors import FileInfo, Files
from agentproto.homes import Folders

__all__ = ["check_home"]

_FOR_OTHERS = 0o077
_WRITE_FOR_OTHERS = 0o022
_READ_WHOLE = ("agents", "commands", "plugins", "rules", "skills")
"""Folders of config/ that are looked at to their ends: what is in them tells the daemon what to do."""
_MOST_ENTRIES = 5_000  # of those folders; looking at one takes some 20 us, and a start has 400 ms


def check_home(files: Files, folders: Folders, uid: int) -> list[str]:
    """Make, verify and tighten the home's folders. What was tightened, in words for its owner.

    HomeError naming the path, the reason and the command that cures it; nothing was changed then but what had been
    found good before.
    """
    if folders.home is not None:
        _made(files, folders.home)
        _verify(files, folders.home, uid)
    told: list[str] = []
    for path in dict.fromkeys((folders.config, folders.data, folders.state, folders.cache, folders.run)):
        _made(files, path)
        info = _verify(files, path, uid)
        if kind := files.network_kind(path):
            raise HomeError(
                f"{path} lies on a network file system ({kind})",
                why="locks and syncs promise too little there: two machines could write one session",
                remedy="Keep the home on a local disk: AGENTD_HOME=/a/local/folder agentd run",
            )
        if info.mode & _FOR_OTHERS:
            files.set_mode(path, 0o700)
    for path, info in _inside(files, folders):
        _verify(files, path, uid, info)
        if info.kind == "file" and info.mode & _FOR_OTHERS:
            mode = info.mode & 0o700
            files.set_mode(path, mode)
            told.append(f"{path} could be read by others (mode {info.mode & 0o777:o}); it is {mode:o} now")
        elif info.kind == "dir" and info.mode & _FOR_OTHERS:
            files.set_mode(path, 0o700)
    return told


def _made(files: Files, path: str) -> None:
    if files.info(path) is None:
        files.make_folder(path, 0o700)


def _verify(files: Files, path: str, uid: int, info: FileInfo | None = None) -> FileInfo:
    """The path's facts when it is ours alone to write. With `info` it may be a file, a socket or a pipe too."""
    must_be_folder = info is None
    info = info or files.info(path)
    quoted = shlex.quote(path)
    if info is None:
        raise HomeError(f"{path} could not be made", remedy=f"Make it: mkdir -m 700 -p {quoted}")
    if info.kind == "link":
        real = files.real(path)
        there = files.info(real) is not None
        raise HomeError(
            f"{path} is a link",
            why="whoever can change the link could give the daemon other settings, keys and sessions",
            remedy=f"Put the real one there: rm {quoted}" + (f" && mv {shlex.quote(real)} {quoted}" if there else ""),
        )
    if must_be_folder and info.kind != "dir":
        raise HomeError(
            f"{path} is no folder", why=f"it is a {info.kind}", remedy=f"Move it away: mv {quoted} {quoted}.old"
        )
    if info.uid != uid:
        raise HomeError(
            f"{path} belongs to somebody else (user {info.uid})",
            why=f"this daemon runs as user {uid}, and an owner can always change a file",
            remedy=f"Make it yours: sudo chown -R {uid} {quoted}",
        )
    if info.mode & _WRITE_FOR_OTHERS:
        raise HomeError(
            f"others can write to {path} (mode {info.mode & 0o7777:o})",
            why="they could give the daemon other settings, keys and sessions",
            remedy=f"Take that from them: chmod {'-R ' if info.kind == 'dir' else ''}go-w {quoted}",
        )
    return info


def _inside(files: Files, folders: Folders) -> Iterator[tuple[str, FileInfo]]:
    """What lies directly in the five (which may be one, or lie in one another), and everything in `_READ_WHOLE`."""
    fives = dict.fromkeys((folders.config, folders.data, folders.state, folders.cache, folders.run))
    whole = {f"{folders.config}/{name}" for name in _READ_WHOLE}
    waiting = [*fives]
    left = _MOST_ENTRIES
    while waiting and left > 0:
        folder = waiting.pop()
        for name, info in files.list(folder):
            path = f"{folder}/{name}"
            if path in fives:
                continue
            yield path, info
            if info.kind == "dir" and (folder not in fives or path in whole):
                waiting.append(path)
                left -= 1
            elif folder not in fives:
                left -= 1
