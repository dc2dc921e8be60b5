"""One large file's hash, in the worker process: reading and hashing it would keep the loop.

It must never write. Named in `agentd.worker.JOBS`; asked for by `turn.restoring`.
"""

from __future__ import annotations

from agentd.turn.restoring import digest_in
from agentd.world.files import RealFiles

__all__ = ["digest"]


def digest(path: str) -> str | None:
    """sha256 of what lies at the real path `path`; None when nothing does, CANT_READ when it can't be told."""
    return digest_in(RealFiles(), path)
