"""Path resolution in the in-memory tree, as the kernel does it: links, `..`, loops, missing ends.

It decides what a path stands for and raises plain OSErrors, as a system call would; `agentd.world.fake_files`
translates them. See path_resolution(7).
"""

from __future__ import annotations

import errno
import os
from collections import deque
from dataclasses import dataclass

from agentd.world.fake_tree import FolderNode, LinkNode, Node, Tree

__all__ = ["Place", "check_name", "oserror", "resolve", "resolve_text"]

_MOST_LINKS = 40
_LONGEST_NAME = 255


@dataclass(frozen=True, slots=True)
class Place:
    """Where a path leads: the folder that holds it, its name there, and the node (None: nothing has that name yet)."""

    folder: FolderNode
    name: str
    node: Node | None


def oserror(number: int) -> OSError:
    return OSError(number, os.strerror(number))


def check_name(name: str) -> None:
    """Refuse one component as the kernel does: a NUL, or more than 255 bytes."""
    if "\0" in name:
        raise ValueError("embedded null byte")
    if len(os.fsencode(name)) > _LONGEST_NAME:
        raise oserror(errno.ENAMETOOLONG)


def resolve(tree: Tree, path: str, *, follow: bool) -> Place:
    """Follow `path` (absolute); the last name's link only with `follow`. Everything but the last name must exist."""
    if not path.startswith("/"):
        raise ValueError(f"the path {path!r} is not absolute")
    way: list[FolderNode] = []
    todo = deque(_names(path))
    # "x/" and "x/." mean the folder x, through a link if need be.
    folder_meant = path.endswith(("/", "/."))
    follow = follow or folder_meant
    links = 0
    place = Place(tree.root, "", tree.root)
    while todo:
        name = todo.popleft()
        here = way[-1] if way else tree.root
        if name == "..":
            if way:
                way.pop()
            above = way[-1] if way else tree.root
            place = Place(above, "", above)
            continue
        check_name(name)
        node = here.live.get(name)
        place = Place(here, name, node)
        if node is None:
            if todo:
                raise oserror(errno.ENOENT)
            return place
        if isinstance(node, LinkNode) and (todo or follow):
            links += 1
            if links > _MOST_LINKS:
                raise oserror(errno.ELOOP)
            if node.target.startswith("/"):
                way.clear()
            todo.extendleft(reversed(_names(node.target)))
            at = way[-1] if way else tree.root
            place = Place(at, "", at)
            continue
        if isinstance(node, FolderNode):
            way.append(node)
        elif todo or folder_meant:
            raise oserror(errno.ENOTDIR)
    return place


def resolve_text(tree: Tree, path: str) -> str:
    """The path with links resolved as far as it exists; what comes after that is taken as it is written."""
    done: list[str] = []
    todo = deque(_names(path))
    links = 0
    while todo:
        name = todo.popleft()
        if name == "..":
            del done[-1:]
            continue
        check_name(name)
        node = _descend(tree, [*done, name])
        if isinstance(node, LinkNode) and links < _MOST_LINKS:
            links += 1
            if node.target.startswith("/"):
                done.clear()
            todo.extendleft(reversed(_names(node.target)))
        else:
            done.append(name)
    return "/" + "/".join(done)


def _descend(tree: Tree, names: list[str]) -> Node | None:
    """The node at canonical names, None when something on the way is no folder."""
    node: Node | None = tree.root
    for name in names:
        node = node.live.get(name) if isinstance(node, FolderNode) else None
    return node


def _names(path: str) -> list[str]:
    return [name for name in path.split("/") if name not in ("", ".")]
