"""What a command changes in the workspace, seen by looking before it and after it, in the worker process.

What was there before is kept in the session's blobs where limits allow, so that an undo brings it back; what is not
kept is named. A look that fails is reported and costs the undo, never the command. Callers: `turn.calls`, around tools
that may change what their arguments do not name.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import msgspec

from agentd.errors import AgentdError
from agentd.session.log import SessionLog
from agentd.turn.parts import Parts
from agentd.turn.restoring import digest_now

__all__ = ["UNKNOWN", "Changes", "Snapshots"]

UNKNOWN = "unknown"
"""Stands for the hash of a content of which nobody knows whose it is."""
_SYNC_MS = 30_000
"""Beside the looking itself: contents are made durable."""
_NAMED = 5000
"""Changed files that one call's outcome names; of the others only the number is told."""


class _Compared(msgspec.Struct, frozen=True):
    touched: list[tuple[str, str | None, str | None, bool, int]]
    more: int
    modes: list[tuple[str, int, int]] = []


@dataclass(frozen=True, slots=True)
class Changes:
    """path -> (sha256 before, after), None for no file, "unknown" for a content that nobody knows; and bits before."""

    files: dict[str, tuple[str | None, str | None]]
    modes: dict[str, int]


class Snapshots:
    """One session's."""

    def __init__(self, parts: Parts, log: SessionLog) -> None:
        self._parts = parts
        self._log = log

    async def take(self, call: str) -> str | None:
        """Look before the call; the name of what was noted, None when nothing could be."""
        settings = self._parts.settings()
        if not self._parts.cache or not settings.snapshot_files:
            return None
        self._parts.own_writes.begin(self._log.state.workspace, self._log.session)
        manifest = f"{self._store}/{call}.manifest"
        arguments = {
            "root": self._log.state.workspace,
            "store": self._store,
            "manifest": manifest,
            "most_files": settings.snapshot_files,
            "most_bytes": settings.snapshot_bytes,
            "most_image": settings.image_bytes,
            "budget_ms": settings.snapshot_ms,
            "skip": list(self._parts.own_folders),
        }
        try:
            await self._parts.world.processes.job("snapshot-take", arguments, settings.snapshot_ms + _SYNC_MS)
        except AgentdError as fault:
            self._parts.own_writes.end(self._log.state.workspace, self._log.session)
            self._lost(fault)
            return None
        return manifest

    def left_by(self, call: str) -> str | None:
        """What was noted before a call that a crash cut off, when it is still there."""
        manifest = f"{self._store}/{call}.manifest"
        return manifest if self._parts.cache and self._parts.world.files.info(manifest) is not None else None

    async def compare(self, manifest: str | None, since_ms: int) -> Changes:
        """Look after the call, which began at `since_ms` (monotonic): what other sessions wrote since is theirs."""
        if manifest is None:
            return Changes({}, {})
        store, settings = self._parts.store, self._parts.settings()
        session = self._log.session
        mixed = self._parts.own_writes.end(self._log.state.workspace, session)
        arguments = {
            "root": self._log.state.workspace,
            "store": self._store,
            "manifest": manifest,
            "blobs": f"{self._log.folder}/blobs",
            "most_touched": _NAMED,
            "most_bytes": max(0, settings.images_bytes - store.blob_bytes(session)),
            "budget_ms": settings.snapshot_ms,
            "skip": list(self._parts.own_folders),
        }
        try:
            answer = await self._parts.world.processes.job(
                "snapshot-compare", arguments, settings.snapshot_ms + _SYNC_MS
            )
            found = msgspec.convert(answer, _Compared)
            self._parts.world.files.remove(manifest)
        except AgentdError as fault:
            self._lost(fault)
            return Changes({}, {})
        if found.more:
            text = f"{found.more} more files were changed than an outcome names; an undo leaves them as they are"
            self._parts.reporter.happened("tool", "tool.image_lost", text, session)
        others = self._parts.own_writes.of_others(session, since_ms)
        rows = [row for row in found.touched if row[0] not in others]
        files = {path: (before, after) for path, before, after, _, _ in rows}
        modes = {path: mode for path, before, _, _, mode in rows if before is not None}
        for path, was, _ in found.modes:  # the same content with other bits
            digest = digest_now(self._parts.world, path)
            if path not in others and digest is not None:
                files[path], modes[path] = (digest, digest), was
        if mixed:  # it may be the other command's work: it is named, and left alone
            files = {path: (before, UNKNOWN) for path, (before, _) in files.items()}
        return Changes(files, modes)

    def _lost(self, fault: AgentdError) -> None:
        text = f"what the command changed is not known, so it can't be undone: {fault.what}"
        self._parts.reporter.happened("tool", "tool.image_lost", text, self._log.session)

    @property
    def _store(self) -> str:
        """A folder for this workspace alone."""
        name = hashlib.sha256(self._log.state.workspace.encode(errors="surrogateescape")).hexdigest()[:16]
        return f"{self._parts.cache}/snapshots/{name}"
