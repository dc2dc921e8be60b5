"""What the tools that write files have in common: the stale-edit check and the writing itself.

It decides that a file is replaced only when this session has seen exactly the bytes that are there now. It must never
write through a link below the root of the place. Called by `edit` and `write`.
"""

from __future__ import annotations

import posixpath

from agentd.errors import AgentdError, FileExistsError_, ToolError
from agentd.tools.base import ToolContext
from agentd.tools.places import Place, in_words, read_place
from agentd.tools.text_file import sha256

__all__ = ["hash_now", "put", "unchanged"]


def unchanged(place: Place, data: bytes, context: ToolContext, verb: str) -> None:
    """ToolError unless `data`, what the file holds now, is what this session last read or wrote there."""
    seen = context.read_hashes.get(place.real)
    if seen is None:
        raise ToolError(
            f"{place.shown} was not read in this session, so it cannot be {verb}",
            remedy="Read it first, then try again.",
        )
    if seen != sha256(data):
        raise ToolError(
            f"{place.shown} has changed since it was read, so it cannot be {verb}",
            why="Somebody or something else wrote to it.",
            remedy="Read it again, then make the change to what is there now.",
        )


def hash_now(place: Place, context: ToolContext) -> str | None:
    """sha256 of what is there, None when nothing is, or nothing that could be read."""
    try:
        return sha256(read_place(place, context))
    except ToolError:
        return None


def put(place: Place, data: bytes, context: ToolContext, *, create: bool) -> None:
    """Replace the file, or make it with the folders that lead to it; durable when it returns."""
    if not place.relative:
        raise ToolError(f"{place.shown} is a folder")
    root, relative = place.root, place.relative
    if create:
        # Outside the workspace the root is the file's own folder, which may have to be made too.
        while root != "/" and context.world.files.info(root) is None:
            root, name = posixpath.split(root)
            relative = f"{name}/{relative}"
    try:
        context.world.files.write_below(root, relative, data, create=create)
    except FileExistsError_:
        raise ToolError(f"{place.shown} was made by somebody else meanwhile", remedy="Read it first.") from None
    except AgentdError as error:
        raise in_words(error, place, context) from None
