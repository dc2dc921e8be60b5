"""Every error that a client raises on purpose, drawn once; each says what, why, and what the reader can do.

    ClientError
    ├── NoDaemonError            none answers and none could be started         environment
    │   ├── DaemonSilentError    one holds the home and does not answer; names its pid
    │   └── DaemonStartError     the one that was started ended at once; shows the end of its log
    ├── HomeError                a folder or file of the home is not ours, or can't be made or read
    └── RefusedError             the daemon answered with an error; `code` and `owner` are the wire's

Callers show `what`, `why` and `remedy` in three lines. Anything else that escapes is a bug.
"""

from __future__ import annotations

from agentproto.errors import WireError

__all__ = ["ClientError", "DaemonSilentError", "DaemonStartError", "HomeError", "NoDaemonError", "RefusedError"]


class ClientError(Exception):
    """The root. `what` happened, `why`, and `remedy`: what to do about it."""

    def __init__(self, what: str, *, why: str, remedy: str) -> None:
        super().__init__(what)
        self.what = what
        self.why = why
        self.remedy = remedy


class NoDaemonError(ClientError):
    """Nobody answers, and starting a daemon was not wanted or not possible."""


class DaemonSilentError(NoDaemonError):
    """A daemon holds the home's lock and does not answer. `pid` is what it wrote down (None: unreadable)."""

    def __init__(self, what: str, *, why: str, remedy: str, pid: int | None) -> None:
        super().__init__(what, why=why, remedy=remedy)
        self.pid = pid


class DaemonStartError(NoDaemonError):
    """A daemon was started and ended before it was ready, or never became ready."""


class HomeError(ClientError):
    """A folder or file of the home has a wrong owner, or can't be made or read."""


class RefusedError(ClientError):
    """The daemon's own error. `error` is its body as it crossed the wire."""

    def __init__(self, error: WireError) -> None:
        super().__init__(
            error.message,
            why=error.why or f"The daemon answered {error.code}; this one is for the {error.owner}.",
            remedy=error.remedy or "agentctl doctor",
        )
        self.error = error
        self.code = error.code
