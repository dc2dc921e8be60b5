"""A path as a model wrote it -> one real place, and the reading of it, with errors in words for the model.

It decides what a path means (relative to the session's folder, `~`, absolute) and through which root a file is opened,
so that no link below the root can be exchanged between the judgement and the use. It must never say whether a place may
be touched: that is policy. Called by the built-in tools.
"""

from __future__ import annotations

import difflib
import posixpath
from dataclasses import dataclass

from agentd.errors import (
    AgentdError,
    DiskError,
    ForbiddenFileError,
    LinkInPathError,
    MissingFileError,
    NotRegularFileError,
    TooLargeError,
    ToolError,
)
from agentd.tools.base import ToolContext

__all__ = ["READ_LIMIT", "Place", "below", "in_words", "read_place", "resolve", "size_words", "well_formed"]

READ_LIMIT = 16 * 1024 * 1024
"""Bytes of a file that the tools take as a whole: hashing and splitting more would hold up everybody else."""

_KINDS = {
    "dir": "a folder; use ls to see what is in it",
    "device": "a device; devices are not read or written",
    "pipe": "a named pipe; pipes are not read or written",
    "socket": "a socket; sockets are not read or written",
    "link": "a link that leads nowhere",
}


@dataclass(frozen=True, slots=True)
class Place:
    """`real`: absolute, links resolved. `shown`: as the model should name it. `root` and `relative`: the same place for
    link-free opening; `relative` is empty for a root itself."""

    real: str
    shown: str
    root: str
    relative: str


def resolve(path: str, context: ToolContext) -> Place:
    """ToolError for a path that no file can have."""
    if "\0" in path or not well_formed(path):
        raise ToolError(f"no file can have the name {path!r}")
    wanted = path or "."
    if wanted == "~" or wanted.startswith("~/"):
        home = context.env.get("HOME", "")
        if not home.startswith("/"):
            raise ToolError(f"the home folder is not known here, so {path} cannot be found", remedy="Write it in full.")
        wanted = home + wanted[1:]
    # Not normalised as text: `link/..` is where the link leads to, not where it stands.
    real = context.world.files.real(posixpath.join(context.cwd, wanted))
    if not well_formed(real):
        raise ToolError(f"{path} leads to a name that is no UTF-8; such names are not handled")
    inside = below(real, context.workspace)
    if inside is None or real == context.workspace:
        root, relative = posixpath.split(real)
    else:
        root, relative = context.workspace, inside
    return Place(real, below(real, context.cwd) or ("." if real == context.cwd else real), root, relative)


def below(path: str, folder: str) -> str | None:
    """The part of `path` below `folder` ("" for the folder itself), None when it is elsewhere; whole components."""
    if path == folder:
        return ""
    prefix = folder if folder.endswith("/") else folder + "/"
    return path[len(prefix) :] if path.startswith(prefix) else None


def well_formed(text: str) -> bool:
    """Whether the text has a UTF-8 form: half a surrogate pair has none."""
    return not any("\ud800" <= character <= "\udfff" for character in text)


def read_place(place: Place, context: ToolContext, limit: int = READ_LIMIT) -> bytes:
    """The bytes of a regular file; ToolError in every other case."""
    if not place.relative:
        raise ToolError(f"{place.shown} is {_KINDS['dir']}")
    try:
        return context.world.files.read_below(place.root, place.relative, limit)
    except TooLargeError:
        info = context.world.files.info(place.real, follow=True)
        raise ToolError(
            f"{place.shown} is too large to be read as a whole ({size_words(info.size) if info else 'many bytes'})",
            why=f"Files up to {size_words(limit)} are read.",
            remedy="Search in it with grep, or take a part of it with a shell command such as head, tail or sed -n.",
        ) from None
    except (AgentdError, DiskError) as error:
        raise in_words(error, place, context) from None


def in_words(error: AgentdError, place: Place, context: ToolContext) -> ToolError:
    """What the disk said about a place, for the model."""
    if isinstance(error, ToolError):
        return error
    if isinstance(error, MissingFileError):
        near = _near(place, context)
        return ToolError(
            f"there is no file {place.shown}",
            remedy="Did you mean " + " or ".join(near) + "?" if near else "Look with ls or glob for its name.",
        )
    if isinstance(error, NotRegularFileError):
        info = context.world.files.info(place.real)
        kind = _KINDS.get(info.kind, "no regular file") if info else "no regular file"
        return ToolError(f"{place.shown} is {kind}")
    if isinstance(error, ForbiddenFileError):
        return ToolError(f"{place.shown}: this user may not do that with it", why=error.what)
    if isinstance(error, LinkInPathError):
        return ToolError(f"{place.shown}: a part of the path became a link meanwhile; nothing was done", why=error.what)
    return ToolError(f"{place.shown}: {error.what}", why=error.why, remedy=error.remedy)


def size_words(size: int) -> str:
    """Bytes for people: 512 bytes, 1.5 KiB, 20.0 MiB."""
    if size < 1024:
        return f"{size} bytes"
    value = float(size)
    for unit in ("KiB", "MiB", "GiB"):
        value /= 1024
        if value < 1024:
            return f"{value:.1f} {unit}"
    return f"{value / 1024:.1f} TiB"


def _near(place: Place, context: ToolContext) -> list[str]:
    """Up to three names beside the missing one that look like it."""
    folder, name = posixpath.split(place.real)
    try:
        names = [entry for entry, _ in context.world.files.list(folder)]
    except DiskError:
        return []
    by_lower = {entry.lower(): entry for entry in names if well_formed(entry)}
    shown = posixpath.dirname(place.shown)
    return [posixpath.join(shown, by_lower[near]) for near in difflib.get_close_matches(name.lower(), by_lower, n=3)]
