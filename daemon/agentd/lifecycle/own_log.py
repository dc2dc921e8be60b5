"""The daemon's own log file, kept bounded: what it has of one file's length is put aside, and it begins anew.

The file is this process's stderr, opened for append by whoever started it; so it is copied and truncated, never renamed
away from under its descriptor. A line that is written between the two is lost; nothing but these lines is in it.
Callers: `agentd.app`, once a minute or so.
"""

from __future__ import annotations

from agentd.errors import DiskError
from agentd.world.doors import Files

__all__ = ["LOG_BYTES", "trim"]

LOG_BYTES = 8 * 1024 * 1024
"""Bytes at which the log is put aside as `<name>.1`: some 80,000 lines. One older file is kept."""


def trim(files: Files, path: str, limit: int = LOG_BYTES) -> bool:
    """Whether the log at `path` was over `limit` and begins anew. A disk that refuses is left alone."""
    try:
        info = files.info(path)
        if info is None or info.kind != "file" or info.size <= limit:
            return False
        handle = files.open_append(path)
        try:
            files.write_scratch(f"{path}.1", handle.read(max(0, info.size - limit), limit))
            handle.truncate(0)
        finally:
            handle.close()
    except DiskError:
        return False
    return True
