"""The numbered calls of the in-memory disk: each is one step that can fail, or be the last thing a process did.

It decides what a full, read-only or failing disk answers, as plain OSErrors. `agentd.world.fake_files` makes the door's
calls out of these in the same order as the production files do, so that a crash point here is one there.
"""

from __future__ import annotations

import errno
import random
from collections.abc import Callable

from agentd.world.fake_paths import check_name, oserror, resolve
from agentd.world.fake_tree import FileNode, FolderNode, Node, Tree
from agentd.world.faults import Points

__all__ = ["FakeDisk"]

_SECTOR = 512
"""Bytes that reach a disk together or not at all."""


class FakeDisk:
    """One disk of one simulated process. `now_ns` stamps what is written."""

    def __init__(self, points: Points, now_ns: Callable[[], int], tree: Tree) -> None:
        self.points = points
        self.tree = tree
        self.now_ns = now_ns
        self.capacity: int | None = None
        """Bytes that all files together may have; None: no end."""
        self.read_only = False
        """Every change answers EROFS."""
        self.forbidden: set[str] = set()
        """Paths that answer EACCES, as they are spelt."""
        self.reorders = False
        """What a power cut leaves of bytes that were not synced may lack sectors that lie before others it has."""

    def look(self, name: str, path: str) -> None:
        """A call that changes nothing."""
        with self.points.call(name, path):
            self._check(path)

    def create(self, folder: FolderNode, name: str, mode: int, path: str) -> FileNode:
        with self.points.call("files.create", path):
            self._check_change(path)
            if name in folder.live:
                raise oserror(errno.EEXIST)
            node = FileNode(self.tree.new_inode(), mode, self.now_ns())
            self._name((folder, name, node))
            return node

    def write(self, node: FileNode, data: bytes, path: str) -> None:
        """Append all of `data`; in two calls when the first is made a short one."""
        rest = b""
        with self.points.call("files.write", path) as fault:
            self._check_change(path)
            if self.capacity is not None and self.tree.used_bytes() + len(data) > self.capacity:
                raise oserror(errno.ENOSPC)
            if fault == "short_write":
                data, rest = data[: len(data) // 2], data[len(data) // 2 :]
            node.live += data
            node.mtime_ns = self.now_ns()
        if rest:
            self.write(node, rest, path)

    def truncate(self, node: FileNode, size: int, path: str) -> None:
        with self.points.call("files.truncate", path):
            self._check_change(path)
            del node.live[size:]
            node.live += bytes(size - len(node.live))
            node.mtime_ns = self.now_ns()

    def sync(self, node: FileNode, path: str) -> None:
        with self.points.call("files.sync", path):
            node.durable = bytes(node.live)

    def sync_folder(self, folder: FolderNode, path: str) -> None:
        with self.points.call("files.sync_folder", path):
            self._check(path)
            self.tree.sync_folder(folder)

    def make_folder(self, folder: FolderNode, name: str, mode: int, path: str) -> FolderNode:
        with self.points.call("files.mkdir", path):
            self._check_change(path)
            node = FolderNode(self.tree.new_inode(), mode, self.now_ns())
            self._name((folder, name, node))
            return node

    def link(self, node: Node, folder: FolderNode, name: str, path: str) -> None:
        with self.points.call("files.link", path):
            self._check_change(path)
            if name in folder.live:
                raise oserror(errno.EEXIST)
            self._name((folder, name, node))

    def rename(self, old: tuple[FolderNode, str], new: tuple[FolderNode, str], path: str) -> None:
        with self.points.call("files.rename", path):
            self._check_change(path)
            node = old[0].live.get(old[1])
            if node is None:
                raise oserror(errno.ENOENT)
            there = new[0].live.get(new[1])
            if isinstance(there, FolderNode) and not isinstance(node, FolderNode):
                raise oserror(errno.EISDIR)
            if isinstance(node, FolderNode) and there is not None:
                if not isinstance(there, FolderNode):
                    raise oserror(errno.ENOTDIR)
                if there.live and there is not node:
                    raise oserror(errno.ENOTEMPTY)
            if there is not node:
                self._name((*old, None), (*new, node))

    def unlink(self, folder: FolderNode, name: str, path: str) -> None:
        """A file, a link, or an empty folder."""
        with self.points.call("files.unlink", path):
            self._check_change(path)
            node = folder.live.get(name)
            if node is None:
                raise oserror(errno.ENOENT)
            if isinstance(node, FolderNode) and node.live:
                raise oserror(errno.ENOTEMPTY)
            self._name((folder, name, None))

    def set_mode(self, node: FileNode | FolderNode, mode: int, path: str) -> None:
        with self.points.call("files.set_mode", path):
            self._check_change(path)
            node.mode = mode

    def set_mtime(self, node: FileNode | FolderNode, mtime_ns: int, path: str) -> None:
        with self.points.call("files.set_mtime", path):
            self._check_change(path)
            node.mtime_ns = mtime_ns

    def scatter(self, chance: random.Random) -> None:
        """The power is gone: some sectors of what was not synced never reached the disk, and are zeros there."""
        waiting: list[Node] = [self.tree.root]
        while waiting:
            node = waiting.pop()
            if isinstance(node, FolderNode):
                waiting += (node.live[name] for name in sorted(node.live))
            elif isinstance(node, FileNode) and node.live.startswith(node.durable):
                at = len(node.durable)
                while at < len(node.live):
                    end = min(len(node.live), at - at % _SECTOR + _SECTOR)
                    if chance.random() < 0.5:
                        node.live[at:end] = bytes(end - at)
                    at = end

    def folder(self, path: str) -> FolderNode:
        """The folder at `path`, links followed."""
        node = resolve(self.tree, path, follow=True).node
        if node is None:
            raise oserror(errno.ENOENT)
        if not isinstance(node, FolderNode):
            raise oserror(errno.ENOTDIR)
        return node

    def _name(self, *change: tuple[FolderNode, str, Node | None]) -> None:
        for _, name, _ in change:
            check_name(name)
        self.tree.apply(change)
        for folder, _, _ in change:
            folder.mtime_ns = self.now_ns()

    def _check(self, path: str) -> None:
        if path in self.forbidden:
            raise oserror(errno.EACCES)

    def _check_change(self, path: str) -> None:
        self._check(path)
        if self.read_only:
            raise oserror(errno.EROFS)
