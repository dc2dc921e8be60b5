"""Files below a root, reached without following a link: each component is opened by its own name, from the
descriptor of the folder before, so that nobody can exchange a folder for a link between a check and its use.

It decides what a relative path may look like. The root itself is trusted and may be reached by links. It must never
hand a joined path to the kernel. Used by `agentd.world.files` for everything inside a workspace.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager

from agentd.errors import ForbiddenFileError, LinkInPathError
from agentd.world.handles import sync_folder_at

__all__ = ["components", "enter_folder", "parent_below"]

# With O_PATH a folder that may be entered but not listed can be passed through; macOS has no such flag.
_ENTER = getattr(os, "O_PATH", os.O_RDONLY) | os.O_DIRECTORY | os.O_CLOEXEC


def components(relative: str) -> list[str]:
    """The names of a relative path. Absolute paths and `..` leave the root: `ForbiddenFileError`."""
    names = [name for name in relative.split("/") if name not in ("", ".")]
    if relative.startswith("/") or ".." in names or not names:
        raise ForbiddenFileError(f"{relative!r} does not name a file below its root")
    return names


def enter_folder(path: str) -> int:
    """A descriptor of the folder, fit for calls relative to it (not for reading it)."""
    return os.open(path, _ENTER)


@contextmanager
def parent_below(root: str, names: list[str], *, create: bool = False) -> Iterator[int]:
    """The descriptor of the folder that holds `names[-1]`. With `create`, folders that are missing are made, durably."""
    folder = enter_folder(root)
    try:
        for name in names[:-1]:
            inner = _enter(folder, name, create=create)
            os.close(folder)
            folder = inner
        yield folder
    finally:
        os.close(folder)


def _enter(folder: int, name: str, *, create: bool) -> int:
    try:
        return _enter_existing(folder, name)
    except FileNotFoundError:
        if not create:
            raise
    try:
        os.mkdir(name, 0o777, dir_fd=folder)
        sync_folder_at(".", folder=folder)
    except FileExistsError:
        pass  # made by somebody else meanwhile; what it is, is seen when it is entered
    return _enter_existing(folder, name)


def _enter_existing(folder: int, name: str) -> int:
    try:
        return os.open(name, _ENTER | os.O_NOFOLLOW, dir_fd=folder)
    except NotADirectoryError:
        # With O_DIRECTORY the kernel says the same of a link and of a file; only the words depend on this look.
        if stat.S_ISLNK(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode):
            raise LinkInPathError(f"{name} is a link") from None
        raise
