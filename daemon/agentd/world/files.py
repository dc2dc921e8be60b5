"""The production disk: every file of the daemon is opened, listed, locked and replaced here.

It decides nothing about content; how a file is replaced is in `replace`, how one below a root is reached in `below`,
how one is appended to in `handles`. It must never let an OSError pass and never leave a descriptor to children. Built
by `agentd.world.real`; all calls block, so they have to be short.
"""

from __future__ import annotations

import fcntl
import os
import stat
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Literal

from agentd.errors import FileExistsError_, TooLargeError
from agentd.world.below import components, enter_folder, parent_below
from agentd.world.disk_errors import at_path
from agentd.world.doors import FileInfo
from agentd.world.handles import OPEN_FLAGS, RealHandle, open_regular, sync_descriptor, sync_folder_at, write_all
from agentd.world.mounts import NETWORK_TYPES, kind_of, parse_mount_command, parse_mountinfo
from agentd.world.replace import add_at, exchange_at, replace_at

__all__ = ["READ_LIMIT", "RealFiles", "RealLock"]

READ_LIMIT = 64 * 1024 * 1024
"""Bytes that a whole-file read takes into memory unless the caller says otherwise."""

_CHUNK = 1024 * 1024


class RealLock:
    """See `agentd.world.doors.Lock`. The descriptor is the lock: closing it, or dying, releases."""

    __slots__ = ("_descriptor",)

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def release(self) -> None:
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)


class RealFiles:
    """See `agentd.world.doors.Files`."""

    __slots__ = ()

    # --- whole files ---

    def read(self, path: str, limit: int = READ_LIMIT) -> bytes:
        with at_path(path, "read"), _closing(open_regular(path, os.O_RDONLY)) as descriptor:
            return _read_whole(descriptor, path, limit)

    def read_below(self, root: str, relative: str, limit: int = READ_LIMIT) -> bytes:
        path = f"{root}/{relative}"
        with at_path(path, "read"):
            names = components(relative)
            with (
                parent_below(root, names) as folder,
                _closing(open_regular(names[-1], os.O_RDONLY | os.O_NOFOLLOW, folder=folder)) as descriptor,
            ):
                return _read_whole(descriptor, path, limit)

    def write_below(self, root: str, relative: str, data: bytes, *, create: bool, mode: int | None = None) -> None:
        path = f"{root}/{relative}"
        with at_path(path, "write"):
            names = components(relative)
            with parent_below(root, names, create=create) as folder:
                if create:
                    add_at(folder, names[-1], data, mode, path)
                else:
                    exchange_at(folder, names[-1], data, path)

    def write_atomic(self, path: str, data: bytes, mode: int = 0o600) -> None:
        with at_path(path, "write"), _closing(enter_folder(os.path.dirname(path))) as folder:
            replace_at(folder, os.path.basename(path), data, mode)

    def write_scratch(self, path: str, data: bytes, mode: int = 0o600) -> None:
        with at_path(path, "write"), _closing(enter_folder(os.path.dirname(path))) as folder:
            replace_at(folder, os.path.basename(path), data, mode, sync=False)

    def create_exclusive(self, path: str, data: bytes = b"", mode: int = 0o600) -> None:
        with at_path(path, "create"):
            _create(path, data, mode)

    # --- opened files and locks ---

    def open_append(self, path: str, *, create: bool = False) -> RealHandle:
        with at_path(path, "open"):
            flags = os.O_RDWR | os.O_APPEND | os.O_NOFOLLOW
            try:
                return RealHandle(open_regular(path, flags), path)
            except FileNotFoundError:
                if not create:
                    raise
            try:
                _create(path, b"", 0o600)
            except FileExistsError:
                pass  # made by somebody else meanwhile; it is opened as it is
            return RealHandle(open_regular(path, flags), path)

    def open_read(self, path: str) -> RealHandle:
        with at_path(path, "open"):
            return RealHandle(open_regular(path, os.O_RDONLY), path)

    def lock(self, path: str) -> RealLock | None:
        with at_path(path, "lock"):
            while True:
                descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | OPEN_FLAGS, 0o600)
                try:
                    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    if _names(path, descriptor):
                        return RealLock(descriptor)
                except BlockingIOError:
                    os.close(descriptor)
                    return None
                except OSError:
                    os.close(descriptor)
                    raise
                # The file was removed or replaced between open and lock: a lock on a nameless file keeps nobody out.
                os.close(descriptor)

    # --- looking ---

    def info(self, path: str, *, follow: bool = False) -> FileInfo | None:
        with at_path(path, "look at"):
            try:
                return _info(os.stat(path, follow_symlinks=follow))
            except (FileNotFoundError, NotADirectoryError):
                return None

    def list(self, path: str) -> Sequence[tuple[str, FileInfo]]:
        found = []
        with at_path(path, "list"), os.scandir(path) as entries:
            for entry in entries:
                try:
                    found.append((entry.name, _info(entry.stat(follow_symlinks=False))))
                except FileNotFoundError:
                    continue  # removed between the listing and the look
        return sorted(found, key=lambda pair: pair[0])

    def real(self, path: str) -> str:
        with at_path(path, "resolve"):
            return os.path.realpath(path)

    def user_id(self) -> int:
        return os.geteuid()

    def network_kind(self, path: str) -> str | None:
        with at_path(path, "look at the file system of"):
            if sys.platform == "linux":
                with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as listing:
                    mounts = parse_mountinfo(listing.read())
            else:
                output = subprocess.run(["/sbin/mount"], capture_output=True, check=False, timeout=5).stdout
                mounts = parse_mount_command(os.fsdecode(output))
            kind = kind_of(os.path.realpath(path), mounts)
        return kind if kind in NETWORK_TYPES else None

    def free_bytes(self, path: str) -> int:
        with at_path(path, "look at"):
            status = os.statvfs(path)
            return status.f_bavail * status.f_frsize

    # --- names ---

    def make_folder(self, path: str, mode: int = 0o700) -> None:
        with at_path(path, "make the folder"):
            if os.path.isdir(path):
                return
            parent = os.path.dirname(path.rstrip("/"))
            self.make_folder(parent, mode)
            try:
                os.mkdir(path, mode)
            except FileExistsError as error:
                if os.path.isdir(path):
                    return
                raise FileExistsError_(f"{path} is there and is no folder") from error
            try:
                sync_folder_at(parent)
            except OSError:
                os.rmdir(path)  # found there the next time, it would be taken for durable
                raise

    def sync_folder(self, path: str) -> None:
        with at_path(path, "sync"):
            sync_folder_at(path)

    def rename(self, old: str, new: str) -> None:
        with at_path(old, f"rename to {new}"):
            os.rename(old, new)

    def remove(self, path: str) -> None:
        with at_path(path, "remove"):
            try:
                if stat.S_ISDIR(os.lstat(path).st_mode):
                    os.rmdir(path)
                else:
                    os.unlink(path)
            except (FileNotFoundError, NotADirectoryError):
                return

    def set_mode(self, path: str, mode: int) -> None:
        with at_path(path, "set the mode of"):
            os.chmod(path, mode)

    def set_mtime(self, path: str, mtime_ns: int) -> None:
        with at_path(path, "set the time of"):
            os.utime(path, ns=(mtime_ns, mtime_ns))


@contextmanager
def _closing(descriptor: int) -> Iterator[int]:
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _read_whole(descriptor: int, path: str, limit: int) -> bytes:
    parts = []
    left = limit + 1
    while left and (part := os.read(descriptor, min(left, _CHUNK))):
        parts.append(part)
        left -= len(part)
    if not left:
        raise TooLargeError(f"{path} has more than {limit} bytes")
    return b"".join(parts)


def _create(path: str, data: bytes, mode: int) -> None:
    """A new file and its name, both durable."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | OPEN_FLAGS, mode)
    try:
        os.fchmod(descriptor, mode)
        write_all(descriptor, data)
        sync_descriptor(descriptor)
    except OSError:
        os.unlink(path)
        raise
    finally:
        os.close(descriptor)
    sync_folder_at(os.path.dirname(path))


def _names(path: str, descriptor: int) -> bool:
    """Whether `path` still names the opened file."""
    try:
        return os.path.samestat(os.lstat(path), os.fstat(descriptor))
    except FileNotFoundError:
        return False


_KINDS: dict[int, Literal["file", "dir", "link", "device", "pipe", "socket"]] = {
    stat.S_IFREG: "file",
    stat.S_IFDIR: "dir",
    stat.S_IFLNK: "link",
    stat.S_IFCHR: "device",
    stat.S_IFBLK: "device",
    stat.S_IFIFO: "pipe",
    stat.S_IFSOCK: "socket",
}


def _info(status: os.stat_result) -> FileInfo:
    return FileInfo(
        kind=_KINDS[stat.S_IFMT(status.st_mode)],
        size=status.st_size,
        mtime_ns=status.st_mtime_ns,
        mode=stat.S_IMODE(status.st_mode),
        uid=status.st_uid,
        device=status.st_dev,
        inode=status.st_ino,
    )
