"""A file tree in memory that remembers which of its bytes and names have reached the disk.

Theory. A file has live bytes (what processes see) and durable bytes (what a power cut leaves). A folder has live names
and durable names; each change of names waits in one list until a sync of a folder it touches. A rename is one change:
it reaches the disk whole or not at all. `after_crash` builds what a machine finds when it starts again.

It decides nothing about doors, numbers or errors; `agentd.world.fake_disk` does. Pure data and pure functions.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Literal, assert_never

__all__ = ["Change", "FileNode", "FolderNode", "LinkNode", "Node", "SpecialNode", "Tree"]


@dataclass(eq=False, slots=True)
class FileNode:
    inode: int
    mode: int
    mtime_ns: int
    live: bytearray = field(default_factory=bytearray)
    durable: bytes = b""


@dataclass(eq=False, slots=True)
class FolderNode:
    inode: int
    mode: int
    mtime_ns: int
    live: dict[str, Node] = field(default_factory=dict)
    durable: dict[str, Node] = field(default_factory=dict)


@dataclass(eq=False, slots=True)
class LinkNode:
    inode: int
    target: str


@dataclass(eq=False, slots=True)
class SpecialNode:
    inode: int
    kind: Literal["device", "pipe", "socket"]


Node = FileNode | FolderNode | LinkNode | SpecialNode

Change = tuple[tuple[FolderNode, str, Node | None], ...]
"""Names that change together: (folder, name, what it names from now on or None)."""


class Tree:
    """The whole disk. `root` is the folder `/`."""

    def __init__(self) -> None:
        self._inodes = 0
        self.root = FolderNode(self.new_inode(), 0o755, 0)
        self._pending: list[Change] = []

    def new_inode(self) -> int:
        self._inodes += 1
        return self._inodes

    def apply(self, change: Change) -> None:
        """Change names for processes; the disk learns of it by a sync."""
        _set(change, durable=False)
        self._pending.append(change)

    def settle(self, change: Change) -> None:
        """Change names as if that had happened long ago: for the scenery of a test."""
        _set(change, durable=False)
        _set(change, durable=True)

    def sync_folder(self, folder: FolderNode) -> None:
        """Make durable what waits for this folder, and whatever those changes build on."""
        keys: set[tuple[int, str]] = set()
        chosen: list[Change] = []
        left: list[Change] = []
        for change in reversed(self._pending):
            its_keys = {(id(where), name) for where, name, _ in change}
            if any(where is folder for where, _, _ in change) or its_keys & keys:
                keys |= its_keys
                chosen.append(change)
            else:
                left.append(change)
        self._pending = left[::-1]
        for change in reversed(chosen):
            _set(change, durable=True)

    def used_bytes(self) -> int:
        return sum(len(node.live) for node in _walk(self.root, {}) if isinstance(node, FileNode))

    def after_crash(self, drop_unsynced: bool | int) -> Tree:
        """The tree as the next process finds it; everything in it is durable.

        True: what was not synced is lost (a power cut). False: all is there (kill -9). A seed: each change of names
        is there or not; each file's unsynced end is cut at some byte, or has its length but zeros instead of data.
        """
        chance = None if drop_unsynced is True or drop_unsynced is False else random.Random(drop_unsynced)
        lucky: dict[int, dict[str, Node | None]] = {}
        for change in self._pending:
            if drop_unsynced is False or (chance is not None and chance.random() < 0.5):
                for folder, name, node in change:
                    lucky.setdefault(id(folder), {})[name] = node
        copies: dict[int, Node] = {}

        def copy(node: Node) -> Node:
            made: Node
            if id(node) not in copies:
                match node:
                    case FileNode():
                        content = _surviving(node, drop_unsynced, chance)
                        made = FileNode(node.inode, node.mode, node.mtime_ns, bytearray(content), content)
                    case FolderNode():
                        names = {**node.durable, **lucky.get(id(node), {})}
                        inner = {
                            name: copy(child)
                            for name, child in sorted(names.items(), key=_by_name)
                            if child is not None
                        }
                        made = FolderNode(node.inode, node.mode, node.mtime_ns, inner, dict(inner))
                    case LinkNode() | SpecialNode():
                        made = node
                    case _:
                        assert_never(node)
                copies[id(node)] = made
            return copies[id(node)]

        tree = Tree()
        root = copy(self.root)
        assert isinstance(root, FolderNode)
        tree.root = root
        tree._inodes = self._inodes
        return tree


def _by_name(named: tuple[str, Node | None]) -> str:
    return named[0]


def _set(change: Change, *, durable: bool) -> None:
    for folder, name, node in change:
        names = folder.durable if durable else folder.live
        if node is None:
            names.pop(name, None)
        else:
            names[name] = node


def _surviving(node: FileNode, drop_unsynced: bool | int, chance: random.Random | None) -> bytes:
    live = bytes(node.live)
    if drop_unsynced is False or live == node.durable:
        return live
    if chance is None:
        return node.durable
    if not live.startswith(node.durable):
        # It was cut or rewritten: either state of it, but no mixture that no file system makes.
        return chance.choice((node.durable, live))
    synced = len(node.durable)
    cut = chance.randint(synced, len(live))
    if chance.random() < 0.25:
        return live[:cut] + bytes(len(live) - cut)
    return live[:cut]


def _walk(node: Node, seen: dict[int, Node]) -> list[Node]:
    if id(node) in seen:
        return []
    seen[id(node)] = node
    if not isinstance(node, FolderNode):
        return [node]
    return [node, *(inner for child in node.live.values() for inner in _walk(child, seen))]
