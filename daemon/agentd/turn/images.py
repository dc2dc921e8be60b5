"""Before-images: what a file held before a tool writes it, kept in the session's blobs so that it can be brought back.

Content-addressed, so the same bytes are kept once; bounded for a file and for a session. What could not be kept is no
error: the write goes on, and an undo says that the file is not held. Callers: `turn.calls`, just before a write.
"""

from __future__ import annotations

from collections.abc import Mapping

from agentd.errors import AgentdError, TooLargeError
from agentd.session.log import SessionLog
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
        settings = self._parts.settings()
        if store.blob_bytes(session) >= settings.images_bytes:
            raise TooLargeError(f"the session keeps {settings.images_bytes} bytes of earlier contents already")
        data = self._parts.world.files.read_below(_ROOT, path.lstrip(_ROOT), settings.image_bytes)
        store.put_blob(session, data)
