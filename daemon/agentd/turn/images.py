"""What is kept in a session's blobs beside its log: what files held before a tool wrote them, and pictures that a tool
shows.

Content-addressed, so the same bytes are kept once; bounded for a file and for a session. What could not be kept is no
error: the write goes on, and an undo says that the file is not held; a picture is not shown, and its result says so.
Callers: `turn.calls`, just before a write and when a call has ended.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from agentd.errors import AgentdError, TooLargeError
from agentd.session.log import SessionLog
from agentd.tools.base import ToolResult
from agentd.turn.parts import Parts

__all__ = ["Images"]

_ROOT = "/"


class Images:
    """One session's. Keeps no image in memory."""

    def __init__(self, parts: Parts, log: SessionLog) -> None:
        self._parts = parts
        self._log = log

    def keep(self, before: Mapping[str, str | None]) -> None:
        """Keep what lies at each real path under the sha256 that it is known by; durable when this returns."""
        for path, digest in before.items():
            if digest is None or not path.startswith(_ROOT):
                continue
            try:
                self._keep_one(path, digest)
            except AgentdError as fault:
                self._parts.reporter.happened(
                    "tool", "tool.image_lost", f"{path} can't be brought back later: {fault.what}", self._log.session
                )

    def _keep_one(self, path: str, digest: str) -> None:
        store, session = self._parts.store, self._log.session
        if store.has_blob(session, digest):
            return
        self._check_room()
        data = self._parts.world.files.read_below(_ROOT, path.lstrip(_ROOT), self._parts.settings().image_bytes)
        store.put_blob(session, data)

    def keep_shown(self, result: ToolResult) -> ToolResult:
        """The result with its pictures durable; one that can't be kept is taken out, and the text says so."""
        shown, words = [], [result.text]
        for image in result.images:
            try:
                if not self._parts.store.has_blob(self._log.session, image.blob):
                    self._check_room()
                self._parts.store.put_blob(self._log.session, result.blobs[image.blob])
                shown.append(image)
            except AgentdError as fault:
                words.append(f"[the picture is not shown, because it could not be kept: {fault.what}]")
        return replace(result, images=tuple(shown), text="\n".join(words)) if result.images else result

    def _check_room(self) -> None:
        bound = self._parts.settings().images_bytes
        if self._parts.store.blob_bytes(self._log.session) >= bound:
            raise TooLargeError(f"the session keeps {bound} bytes of earlier contents already")
