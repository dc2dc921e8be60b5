"""The in-memory disk behind the door: the same calls, errors and steps as the production files.

It decides nothing that `agentd.world.files` decides otherwise; one contract suite runs against both. Besides the door
it has what tests need: links, pipes and devices (`add_link`, `add_special`), a disk that fills up or is read-only
(`disk.capacity`, `disk.read_only`, `disk.forbidden`, `disk.reorders`), and `tree`, which knows what a crash would leave.
"""

from __future__ import annotations

import errno
import os
import random
from collections.abc import Callable, Sequence
from typing import Literal

from agentd.errors import FileExistsError_, LinkInPathError, NotRegularFileError, TooLargeError
from agentd.world.below import components
from agentd.world.disk_errors import at_path
from agentd.world.doors import FileInfo
from agentd.world.fake_disk import FakeDisk
from agentd.world.fake_handles import FakeHandle, FakeLock
from agentd.world.fake_paths import Place, oserror, resolve, resolve_text
from agentd.world.fake_tree import FileNode, FolderNode, LinkNode, Node, SpecialNode, Tree
from agentd.world.faults import Points
from agentd.world.files import READ_LIMIT

__all__ = ["FakeFiles"]

_USER = 1000
_MUCH = 1 << 40


class FakeFiles:
    """See `agentd.world.doors.Files`."""

    def __init__(self, points: Points, now_ms: Callable[[], int], tree: Tree | None = None) -> None:
        self.tree = tree or Tree()
        self.disk = FakeDisk(points, lambda: now_ms() * 1_000_000, self.tree)
        self.network: str | None = None
        """What `network_kind` answers."""
        self._locked: set[int] = set()
        self._temporaries = 0

    def successor(self, points: Points, now_ms: Callable[[], int], drop_unsynced: bool | int) -> FakeFiles:
        """The disk as the next process finds it; see `Tree.after_crash`. Locks died with their process."""
        if self.disk.reorders and drop_unsynced is not False and drop_unsynced is not True:
            self.disk.scatter(random.Random(drop_unsynced))
        files = FakeFiles(points, now_ms, self.tree.after_crash(drop_unsynced))
        files.disk.capacity = self.disk.capacity
        files.disk.read_only = self.disk.read_only
        files.disk.forbidden = set(self.disk.forbidden)
        files.disk.reorders = self.disk.reorders
        files.network = self.network
        files._temporaries = self._temporaries
        return files

    # --- scenery: as if it had always been there ---

    def add_link(self, path: str, target: str) -> None:
        self._place_scenery(path, LinkNode(self.tree.new_inode(), target))

    def add_special(self, path: str, kind: Literal["device", "pipe", "socket"]) -> None:
        self._place_scenery(path, SpecialNode(self.tree.new_inode(), kind))

    def add_file(self, path: str, data: bytes, mode: int = 0o644) -> None:
        """With all its folders, durable, and without a numbered call."""
        folder, _, name = path.rpartition("/")
        node = FileNode(self.tree.new_inode(), mode, self.disk.now_ns(), bytearray(data), data)
        self.tree.settle(((self.add_folder(folder), name, node),))

    def add_folder(self, path: str) -> FolderNode:
        folder = self.tree.root
        for name in filter(None, path.split("/")):
            if name not in folder.live:
                self.tree.settle(((folder, name, FolderNode(self.tree.new_inode(), 0o755, self.disk.now_ns())),))
            inner = folder.live[name]
            assert isinstance(inner, FolderNode), f"{name} in {path} is no folder"
            folder = inner
        return folder

    def paths(self) -> dict[str, bytes]:
        """Every regular file with its (live) content, by path: for comparing whole disks."""
        found: dict[str, bytes] = {}
        waiting: list[tuple[str, FolderNode]] = [("", self.tree.root)]
        while waiting:
            at, folder = waiting.pop()
            for name, node in folder.live.items():
                if isinstance(node, FolderNode):
                    waiting.append((f"{at}/{name}", node))
                elif isinstance(node, FileNode):
                    found[f"{at}/{name}"] = bytes(node.live)
        return dict(sorted(found.items()))

    # --- whole files ---

    def read(self, path: str, limit: int = READ_LIMIT) -> bytes:
        with at_path(path, "read"):
            self.disk.look("files.read", path)
            return _within(self._regular(path, follow=True), path, limit)

    def read_below(self, root: str, relative: str, limit: int = READ_LIMIT) -> bytes:
        path = f"{root}/{relative}"
        with at_path(path, "read"):
            self.disk.look("files.read", path)
            folder, name = self._below(root, components(relative), create=False)
            return _within(_regular_in(folder, name, path), path, limit)

    def write_below(self, root: str, relative: str, data: bytes, *, create: bool, mode: int | None = None) -> None:
        path = f"{root}/{relative}"
        with at_path(path, "write"):
            folder, name = self._below(root, components(relative), create=create)
            if not create:
                old = _regular_in(folder, name, path)
                self._replace(folder, name, data, old.mode, path)
                return
            temporary, node = self._temporary(folder, data, 0o644 if mode is None else mode, path)
            try:
                self.disk.link(node, folder, name, path)
            except FileExistsError as error:
                raise FileExistsError_(f"{path} is there already") from error
            finally:
                if not self.disk.points.crashed:
                    self.disk.unlink(folder, temporary, path)
            self.disk.sync_folder(folder, path)

    def write_atomic(self, path: str, data: bytes, mode: int = 0o600) -> None:
        with at_path(path, "write"):
            folder, name = os.path.split(path)
            self._replace(self.disk.folder(folder), name, data, mode, path)

    def write_scratch(self, path: str, data: bytes, mode: int = 0o600) -> None:
        with at_path(path, "write"):
            folder, name = os.path.split(path)
            self._replace(self.disk.folder(folder), name, data, mode, path, sync=False)

    def create_exclusive(self, path: str, data: bytes = b"", mode: int = 0o600) -> None:
        with at_path(path, "create"):
            self._create(path, data, mode)

    # --- opened files and locks ---

    def open_append(self, path: str, *, create: bool = False) -> FakeHandle:
        with at_path(path, "open"):
            self.disk.look("files.open", path)
            if create and resolve(self.tree, path, follow=False).node is None:
                self._create(path, b"", 0o600)
            return FakeHandle(self.disk, self._regular(path, follow=False), path, writable=True)

    def open_read(self, path: str) -> FakeHandle:
        with at_path(path, "open"):
            self.disk.look("files.open", path)
            return FakeHandle(self.disk, self._regular(path, follow=True), path, writable=False)

    def lock(self, path: str) -> FakeLock | None:
        with at_path(path, "lock"):
            self.disk.look("files.lock", path)
            place = resolve(self.tree, path, follow=False)
            if place.node is None:
                node = self.disk.create(place.folder, place.name, 0o600, path)
            else:
                node = self._regular(path, follow=False)
            if node.inode in self._locked:
                return None
            self._locked.add(node.inode)
            return FakeLock(self._locked, node.inode)

    # --- looking ---

    def info(self, path: str, *, follow: bool = False) -> FileInfo | None:
        with at_path(path, "look at"):
            self.disk.points.check_alive()
            try:
                node = resolve(self.tree, path, follow=follow).node
            except (FileNotFoundError, NotADirectoryError):
                return None
            return None if node is None else _info(node)

    def list(self, path: str) -> Sequence[tuple[str, FileInfo]]:
        with at_path(path, "list"):
            self.disk.look("files.list", path)
            return [(name, _info(node)) for name, node in sorted(self.disk.folder(path).live.items())]

    def real(self, path: str) -> str:
        with at_path(path, "resolve"):
            return resolve_text(self.tree, path)

    def user_id(self) -> int:
        return _USER

    def network_kind(self, path: str) -> str | None:
        return self.network

    def free_bytes(self, path: str) -> int:
        with at_path(path, "look at"):
            self._found(path, follow=True)
            capacity = self.disk.capacity
            return _MUCH if capacity is None else max(0, capacity - self.tree.used_bytes())

    # --- names ---

    def make_folder(self, path: str, mode: int = 0o700) -> None:
        with at_path(path, "make the folder"):
            found = self.info(path, follow=True)
            if found is not None and found.kind == "dir":
                return
            if found is not None or self.info(path) is not None:
                raise FileExistsError_(f"{path} is there and is no folder")
            self.make_folder(os.path.dirname(path.rstrip("/")), mode)
            place = resolve(self.tree, path, follow=False)
            self.disk.make_folder(place.folder, place.name, mode, path)
            try:
                self.disk.sync_folder(place.folder, path)
            except OSError:
                self.disk.unlink(place.folder, place.name, path)  # as the real door does
                raise

    def sync_folder(self, path: str) -> None:
        with at_path(path, "sync"):
            self.disk.sync_folder(self.disk.folder(path), path)

    def rename(self, old: str, new: str) -> None:
        with at_path(old, f"rename to {new}"):
            source = resolve(self.tree, old, follow=False)
            target = resolve(self.tree, new, follow=False)
            self.disk.rename((source.folder, source.name), (target.folder, target.name), old)

    def remove(self, path: str) -> None:
        with at_path(path, "remove"):
            try:
                place = resolve(self.tree, path, follow=False)
            except (FileNotFoundError, NotADirectoryError):
                return
            if place.node is not None:
                self.disk.unlink(place.folder, place.name, path)

    def set_mode(self, path: str, mode: int) -> None:
        with at_path(path, "set the mode of"):
            self.disk.set_mode(self._with_times(path), mode, path)

    def set_mtime(self, path: str, mtime_ns: int) -> None:
        with at_path(path, "set the time of"):
            self.disk.set_mtime(self._with_times(path), mtime_ns, path)

    # --- steps ---

    def _place_scenery(self, path: str, node: Node) -> None:
        place = resolve(self.tree, path, follow=False)
        self.tree.settle(((place.folder, place.name, node),))

    def _temporary(
        self, folder: FolderNode, data: bytes, mode: int, path: str, *, sync: bool = True
    ) -> tuple[str, FileNode]:
        self._temporaries += 1
        name = f".agentd-{self._temporaries:016x}.tmp"
        node = self.disk.create(folder, name, mode, path)
        try:
            self.disk.write(node, data, path)
            if sync:
                self.disk.sync(node, path)
        except OSError:
            self.disk.unlink(folder, name, path)
            raise
        return name, node

    def _replace(self, folder: FolderNode, name: str, data: bytes, mode: int, path: str, *, sync: bool = True) -> None:
        temporary, _ = self._temporary(folder, data, mode, path, sync=sync)
        try:
            self.disk.rename((folder, temporary), (folder, name), path)
        except OSError:
            self.disk.unlink(folder, temporary, path)
            raise
        if sync:
            self.disk.sync_folder(folder, path)

    def _create(self, path: str, data: bytes, mode: int) -> None:
        place = resolve(self.tree, path, follow=False)
        node = self.disk.create(place.folder, place.name, mode, path)
        try:
            if data:
                self.disk.write(node, data, path)
            self.disk.sync(node, path)
        except OSError:
            self.disk.unlink(place.folder, place.name, path)
            raise
        self.disk.sync_folder(place.folder, path)

    def _below(self, root: str, names: Sequence[str], *, create: bool) -> tuple[FolderNode, str]:
        folder = self.disk.folder(root)
        for name in names[:-1]:
            inner = folder.live.get(name)
            if inner is None and create:
                inner = self.disk.make_folder(folder, name, 0o755, f"{root}/{'/'.join(names)}")
                self.disk.sync_folder(folder, root)
            if inner is None:
                raise oserror(errno.ENOENT)
            if isinstance(inner, LinkNode):
                raise LinkInPathError(f"{name} is a link")
            if not isinstance(inner, FolderNode):
                raise oserror(errno.ENOTDIR)
            folder = inner
        return folder, names[-1]

    def _found(self, path: str, *, follow: bool) -> Node:
        node = resolve(self.tree, path, follow=follow).node
        if node is None:
            raise oserror(errno.ENOENT)
        return node

    def _regular(self, path: str, *, follow: bool) -> FileNode:
        place = resolve(self.tree, path, follow=follow)
        return _regular_at(place, path)

    def _with_times(self, path: str) -> FileNode | FolderNode:
        node = self._found(path, follow=True)
        if not isinstance(node, FileNode | FolderNode):
            raise oserror(errno.EPERM)
        return node


def _within(node: FileNode, path: str, limit: int) -> bytes:
    if len(node.live) > limit:
        raise TooLargeError(f"{path} has more than {limit} bytes")
    return bytes(node.live)


def _regular_in(folder: FolderNode, name: str, path: str) -> FileNode:
    return _regular_at(Place(folder, name, folder.live.get(name)), path)


def _regular_at(place: Place, path: str) -> FileNode:
    match place.node:
        case FileNode():
            return place.node
        case None:
            raise oserror(errno.ENOENT)
        case LinkNode():
            raise LinkInPathError(f"{path} is a link")
        case FolderNode() | SpecialNode():
            raise NotRegularFileError(f"{path} is not a regular file")


def _info(node: Node) -> FileInfo:
    match node:
        case FileNode():
            return FileInfo("file", len(node.live), node.mtime_ns, node.mode, _USER, 1, node.inode)
        case FolderNode():
            return FileInfo("dir", 4_096, node.mtime_ns, node.mode, _USER, 1, node.inode)
        case LinkNode():
            return FileInfo("link", len(node.target), 0, 0o777, _USER, 1, node.inode)
        case SpecialNode():
            return FileInfo(node.kind, 0, 0, 0o600, _USER, 1, node.inode)
