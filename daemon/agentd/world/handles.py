"""Opened files: positioned reads, whole appends, the right sync for the platform.

It decides the open flags (close-on-exec, non-blocking, no link at the end) and what a short or failed write leaves
behind. It must never keep a shared offset. Used by `agentd.world.files`; the journal's thread writes through it.
"""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import sys
import threading

from agentd.errors import DiskError, NotRegularFileError
from agentd.world.disk_errors import at_path

__all__ = ["OPEN_FLAGS", "RealHandle", "open_regular", "sync_descriptor", "sync_folder_at", "write_all"]

OPEN_FLAGS = os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY
"""On every open: not inherited by children; no wait for a pipe's other end; no terminal taken over."""


def sync_descriptor(descriptor: int) -> None:
    """Make the file's bytes durable. On macOS fsync only reaches the drive's cache; F_FULLFSYNC reaches the medium."""
    if sys.platform == "darwin":
        fcntl.fcntl(descriptor, fcntl.F_FULLFSYNC)
    else:
        os.fdatasync(descriptor)


def sync_folder_at(path: str, *, folder: int | None = None) -> None:
    """Make the names in a folder durable. `path` is relative to the descriptor `folder` when that is given."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=folder)
    try:
        os.fsync(descriptor)
    except OSError as error:
        # Some network and FUSE file systems know no sync of folders; there the rename itself is all there is.
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise
    finally:
        os.close(descriptor)


def write_all(descriptor: int, data: bytes) -> None:
    """Write every byte; the kernel may take fewer at a time than it is given."""
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def open_regular(path: str, flags: int, *, folder: int | None = None) -> int:
    """Open a regular file, relative to the descriptor `folder` when given; `NotRegularFileError` for anything else.

    What a name stands for is only certain once it is open, so the opened descriptor is judged, not the name.
    """
    try:
        descriptor = os.open(path, flags | OPEN_FLAGS, dir_fd=folder)
    except OSError as error:
        # A socket, or a pipe without a reader, cannot be opened at all (macOS says EOPNOTSUPP of a socket).
        if error.errno in (errno.ENXIO, errno.EOPNOTSUPP):
            raise NotRegularFileError(f"{path} is not a regular file") from error
        raise
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise NotRegularFileError(f"{path} is not a regular file")
    return descriptor


class RealHandle:
    """See `agentd.world.doors.Handle`. Owns `descriptor`.

    Appending, syncing and closing exclude each other: the journal's thread may be inside a write when the loop closes
    the file, and a closed descriptor's number could already belong to another file.
    """

    __slots__ = ("__weakref__", "_descriptor", "_lock", "_path")

    def __init__(self, descriptor: int, path: str) -> None:
        self._descriptor = descriptor
        self._path = path
        self._lock = threading.Lock()

    def read(self, offset: int, size: int) -> bytes:
        with at_path(self._path, "read"):
            return os.pread(self._opened(), size, offset)

    def append(self, data: bytes) -> int:
        with self._lock, at_path(self._path, "append to"):
            descriptor = self._opened()
            start = os.fstat(descriptor).st_size
            try:
                write_all(descriptor, data)
            except OSError:
                self._cut_back(descriptor, start)
                raise
            return start

    def truncate(self, size: int) -> None:
        with self._lock, at_path(self._path, "truncate"):
            os.ftruncate(self._opened(), size)

    def size(self) -> int:
        with at_path(self._path, "look at"):
            return os.fstat(self._opened()).st_size

    def sync(self) -> None:
        with self._lock, at_path(self._path, "sync"):
            sync_descriptor(self._opened())

    def duplicate(self) -> RealHandle:
        with self._lock, at_path(self._path, "open"):
            return RealHandle(os.dup(self._opened()), self._path)

    def close(self) -> None:
        with self._lock:
            descriptor, self._descriptor = self._descriptor, -1
            if descriptor >= 0:
                with at_path(self._path, "close"):
                    os.close(descriptor)

    def _opened(self) -> int:
        if self._descriptor < 0:
            raise DiskError(f"{self._path} is closed")
        return self._descriptor

    @staticmethod
    def _cut_back(descriptor: int, size: int) -> None:
        # Half an entry must not stay before what comes later. If this fails too the first error is the one to tell;
        # whoever opens the file next finds the torn tail by its checksum.
        try:
            os.ftruncate(descriptor, size)
        except OSError:
            pass
