"""Opened files and held locks of the in-memory disk.

It decides nothing that `agentd.world.handles` decides otherwise. Made by `agentd.world.fake_files`.
"""

from __future__ import annotations

import errno

from agentd.errors import DiskError
from agentd.world.disk_errors import at_path
from agentd.world.fake_disk import FakeDisk
from agentd.world.fake_paths import oserror
from agentd.world.fake_tree import FileNode

__all__ = ["FakeHandle", "FakeLock"]


class FakeHandle:
    """See `agentd.world.doors.Handle`."""

    __slots__ = ("__weakref__", "_disk", "_node", "_path", "_writable")

    def __init__(self, disk: FakeDisk, node: FileNode, path: str, *, writable: bool) -> None:
        self._disk = disk
        self._node: FileNode | None = node
        self._path = path
        self._writable = writable

    def read(self, offset: int, size: int) -> bytes:
        with at_path(self._path, "read"):
            node = self._opened()
            self._disk.look("files.read", self._path)
            return bytes(node.live[offset : offset + size])

    def append(self, data: bytes) -> int:
        with at_path(self._path, "append to"):
            node = self._for_writing()
            start = len(node.live)
            try:
                self._disk.write(node, data, self._path)
            except OSError:
                del node.live[start:]
                raise
            return start

    def truncate(self, size: int) -> None:
        with at_path(self._path, "truncate"):
            self._disk.truncate(self._for_writing(), size, self._path)

    def size(self) -> int:
        return len(self._opened().live)

    def sync(self) -> None:
        with at_path(self._path, "sync"):
            self._disk.sync(self._opened(), self._path)

    def duplicate(self) -> FakeHandle:
        with at_path(self._path, "open"):
            return FakeHandle(self._disk, self._opened(), self._path, writable=self._writable)

    def close(self) -> None:
        self._node = None

    def _opened(self) -> FileNode:
        if self._node is None:
            raise DiskError(f"{self._path} is closed")
        return self._node

    def _for_writing(self) -> FileNode:
        node = self._opened()
        if not self._writable:
            raise oserror(errno.EBADF)
        return node


class FakeLock:
    """See `agentd.world.doors.Lock`."""

    def __init__(self, held: set[int], inode: int) -> None:
        self._held = held
        self._inode = inode

    def release(self) -> None:
        self._held.discard(self._inode)
