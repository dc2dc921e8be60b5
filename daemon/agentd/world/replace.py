"""Replacing and making files so that at any instant either the old or the whole new content is there.

It decides the order (temporary file, bytes, sync, rename or link, folder sync) and the names of temporary files:
`.agentd-<16 hex>.tmp` beside the target, which only a killed process leaves behind. It works on an opened folder and a
name, so it can be used below a root without following links. Called by `agentd.world.files`.
"""

from __future__ import annotations

import errno
import os
import stat

from agentd.errors import FileExistsError_, LinkInPathError, NotRegularFileError
from agentd.world.handles import OPEN_FLAGS, sync_descriptor, sync_folder_at, write_all

__all__ = ["add_at", "exchange_at", "replace_at"]

_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | OPEN_FLAGS
_NO_HARD_LINKS = {errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK}


def replace_at(folder: int, name: str, data: bytes, mode: int, *, sync: bool = True) -> None:
    """Give `name` new content and exactly `mode`, whatever was there (a link is replaced, not followed)."""
    temporary = _temporary(folder, data, mode, sync=sync)
    _finish(folder, temporary, name, sync=sync)


def exchange_at(folder: int, name: str, data: bytes, path: str) -> None:
    """Give the regular file `name`, which has to be there, new content; its mode and (as far as may be) owner stay."""
    status = os.stat(name, dir_fd=folder, follow_symlinks=False)
    if stat.S_ISLNK(status.st_mode):
        raise LinkInPathError(f"{path} is a link")
    if not stat.S_ISREG(status.st_mode):
        raise NotRegularFileError(f"{path} is not a regular file")
    temporary = _temporary(folder, data, stat.S_IMODE(status.st_mode), owner=(status.st_uid, status.st_gid))
    _finish(folder, temporary, name, sync=True)


def add_at(folder: int, name: str, data: bytes, mode: int | None, path: str) -> None:
    """Make the new file `name`; `FileExistsError_` when something has that name. Mode None: 0o644 less the umask."""
    temporary = _temporary(folder, data, mode)
    try:
        # Unlike a rename, a link never replaces what somebody else made meanwhile.
        os.link(temporary, name, src_dir_fd=folder, dst_dir_fd=folder, follow_symlinks=False)
    except FileExistsError as error:
        raise FileExistsError_(f"{path} is there already") from error
    except OSError as error:
        if error.errno not in _NO_HARD_LINKS:
            raise
        _add_directly(folder, name, data, mode)
    finally:
        os.unlink(temporary, dir_fd=folder)
    sync_folder_at(".", folder=folder)


def _add_directly(folder: int, name: str, data: bytes, mode: int | None) -> None:
    """For file systems without hard links: exclusive, but a crash can leave part of the content."""
    descriptor = os.open(name, _NEW, 0o644 if mode is None else mode, dir_fd=folder)
    try:
        _fill(descriptor, data, mode, None, sync=True)
    except OSError:
        os.unlink(name, dir_fd=folder)
        raise
    finally:
        os.close(descriptor)


def _temporary(
    folder: int, data: bytes, mode: int | None, *, owner: tuple[int, int] | None = None, sync: bool = True
) -> str:
    name = f".agentd-{os.urandom(8).hex()}.tmp"
    descriptor = os.open(name, _NEW, 0o644 if mode is None else mode & 0o600, dir_fd=folder)
    try:
        _fill(descriptor, data, mode, owner, sync=sync)
    except OSError:
        os.unlink(name, dir_fd=folder)
        raise
    finally:
        os.close(descriptor)
    return name


def _fill(descriptor: int, data: bytes, mode: int | None, owner: tuple[int, int] | None, *, sync: bool) -> None:
    if owner is not None and owner != (os.geteuid(), os.getegid()):
        try:
            os.fchown(descriptor, *owner)
        except PermissionError:
            pass  # only root may give a file away; the content and the mode are what was asked for
    if mode is not None:
        os.fchmod(descriptor, mode)
    write_all(descriptor, data)
    if sync:
        sync_descriptor(descriptor)


def _finish(folder: int, temporary: str, name: str, *, sync: bool) -> None:
    try:
        os.rename(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)
    except OSError:
        os.unlink(temporary, dir_fd=folder)
        raise
    if sync:
        sync_folder_at(".", folder=folder)
