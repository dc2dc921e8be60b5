"""Keeping sessions: what crosses the wire for search, archive, removal, retention, redaction, hand-over.

Part of the resource `session` (`agentproto.api.session` holds its rows of the table); a file of its own for its size.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from agentproto.method import Count, Key

__all__ = [
    "ArchiveParams",
    "ArchiveResult",
    "BundleParams",
    "BundleResult",
    "Days",
    "ImportParams",
    "ImportResult",
    "RedactParams",
    "RedactResult",
    "RemoveParams",
    "RemoveResult",
    "RetainParams",
    "RetainResult",
    "Retained",
    "SearchHit",
    "SearchParams",
    "SearchResult",
]

Days = Annotated[int, msgspec.Meta(ge=0)]
"""0: never."""


class SearchParams(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Full text over what people and models said, calls and results; best first. `workspace`: any folder in it."""

    query: str
    limit: Count = 20
    workspace: str | None = None
    session: str | None = None


class SearchHit(msgspec.Struct, frozen=True, omit_defaults=True):
    """A piece that fits. `seq` is the entry to jump to; `snippet` marks the found words with [ and ]."""

    session: str
    seq: int
    at_ms: int
    kind: Literal["prompt", "answer", "tool", "title"]
    snippet: str
    score: float
    title: str = ""
    workspace: str = ""


class SearchResult(msgspec.Struct, frozen=True, omit_defaults=True):
    """`waiting`: sessions whose newest entries could not be indexed within the time a search may take; ask again."""

    hits: tuple[SearchHit, ...]
    sessions: int = 0
    waiting: int = 0


class ArchiveParams(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Compress a session's log; it is read as before. `restore` unpacks it for good."""

    key: Key
    session: str
    restore: bool = False


class ArchiveResult(msgspec.Struct, frozen=True):
    session: str
    before_bytes: int
    after_bytes: int


class RemoveParams(msgspec.Struct, frozen=True, kw_only=True):
    """Remove a session with everything that is kept for it. There is no way back."""

    key: Key
    session: str


class RemoveResult(msgspec.Struct, frozen=True):
    session: str
    bytes: int


class RetainParams(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Archive and remove by age and size; what is not given comes from the settings. `dry_run` changes nothing."""

    key: Key
    dry_run: bool = True
    archive_after_days: Days | None = None
    remove_after_days: Days | None = None
    max_bytes: Annotated[int, msgspec.Meta(ge=0)] | None = None


class Retained(msgspec.Struct, frozen=True):
    """One session that is archived or removed (or would be), and why."""

    session: str
    action: Literal["archive", "remove"]
    reason: str
    bytes: int
    title: str = ""


class RetainResult(msgspec.Struct, frozen=True):
    actions: tuple[Retained, ...]
    dry_run: bool


class RedactParams(msgspec.Struct, frozen=True, kw_only=True):
    """Write a new session in which secrets are replaced, with a note of the cut; the old one stays until removed."""

    key: Key
    session: str


class RedactResult(msgspec.Struct, frozen=True):
    """`replaced`: how many secrets of which kind."""

    session: str
    replaced: dict[str, int]


class BundleParams(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Write one file that holds a session whole: log, blobs, hashes. Secrets are removed unless `redacted` is false.
    `path` is absolute and must not exist."""

    key: Key
    session: str
    path: str
    redacted: bool = True


class BundleResult(msgspec.Struct, frozen=True):
    path: str
    bytes: int
    entries: int
    state_hash: str
    replaced: dict[str, int]


class ImportParams(msgspec.Struct, frozen=True, kw_only=True):
    """Take a session in from a bundle, under its own id. `path` is absolute."""

    key: Key
    path: str


class ImportResult(msgspec.Struct, frozen=True):
    session: str
    entries: int
    state_hash: str
