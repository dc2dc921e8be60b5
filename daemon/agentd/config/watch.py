"""Whether a settings file changed since it was last looked at.

It decides nothing about content: a file that was written again with the same text counts as changed, and `load.reload`
then answers `unchanged`. `changed` is pure; `look` asks the disk once for each file and never waits. Caller: the
daemon, every two seconds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from agentd.errors import AgentdError
from agentd.world.doors import Files

__all__ = ["Stamp", "changed", "look"]

Stamp = tuple[int, int, int] | None
"""(mtime in ns, size, inode), or None where there is no file. The inode tells a file that was put in its place."""


def look(files: Files, paths: Sequence[str]) -> dict[str, Stamp]:
    """The present stamp of each path; one that can't be looked at counts as missing."""
    return {path: _stamp(files, path) for path in paths}


def changed(old: Mapping[str, Stamp], new: Mapping[str, Stamp]) -> tuple[str, ...]:
    """Paths whose stamp is another, or that only one of the two has, sorted."""
    return tuple(
        sorted(
            path for path in old.keys() | new.keys() if old.get(path) != new.get(path) or (path in old) != (path in new)
        )
    )


def _stamp(files: Files, path: str) -> Stamp:
    try:
        info = files.info(path, follow=True)
    except AgentdError:
        return None
    return None if info is None else (info.mtime_ns, info.size, info.inode)
