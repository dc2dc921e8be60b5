"""Every error that the daemon raises on purpose, drawn once; each leaf has a wire code, an owner and an advice.

    AgentdError
    ├── BadInputError            what a client, a file or a setting said is wrong        client
    │   ├── NotFoundError        no session, question, tool, model or stream of that name
    │   ├── ConflictError        known key with another body; already decided; already ended
    │   ├── ForbiddenError       the client's role may not
    │   ├── TooLargeError        over a stated limit
    │   └── SettingsError        a settings file or value; names file and line
    ├── DiskError                environment
    │   ├── MissingFileError · ForbiddenFileError · FileExistsError_ · DiskFullError
    │   ├── LinkInPathError · NotRegularFileError
    │   └── ReadOnlyLogError     a sync failed or the log is damaged: this session takes no more entries
    ├── DamagedLogError          environment; names the byte
    ├── HomeError                environment; owner, links or rights of a folder
    ├── BusyError                daemon; waiting helps
    ├── DeadlineError            daemon; something took longer than it may
    ├── NetworkError             environment; connect, headers or body broke
    ├── ModelError               model; a class of `agentd.providers.failures`
    │   └── OverBudgetError      user; the projected call does not fit
    ├── ToolError                tool; the words are for the model
    │   └── BadArgumentsError    which field, what was given, what is allowed, one example
    ├── MissingProgramError      environment
    └── WorkerError              daemon

Anything else that escapes is a bug: it is logged with its traceback and answered as `internal` with an id to quote.
"""

from __future__ import annotations

from typing import ClassVar

from agentproto.errors import ErrorCode, WireError

__all__ = [
    "AgentdError",
    "BadArgumentsError",
    "BadInputError",
    "BusyError",
    "ConflictError",
    "DamagedLogError",
    "DeadlineError",
    "DiskError",
    "DiskFullError",
    "FileExistsError_",
    "ForbiddenError",
    "ForbiddenFileError",
    "HomeError",
    "LinkInPathError",
    "MissingFileError",
    "MissingProgramError",
    "ModelError",
    "NetworkError",
    "NotFoundError",
    "NotRegularFileError",
    "OverBudgetError",
    "ReadOnlyLogError",
    "SettingsError",
    "TooLargeError",
    "ToolError",
    "WorkerError",
]


class AgentdError(Exception):
    """The root. `what` says what happened, `why` the reason, `remedy` what the reader can do about it."""

    code: ClassVar[ErrorCode] = ErrorCode.INTERNAL

    def __init__(
        self,
        what: str,
        *,
        why: str = "",
        remedy: str = "",
        field: str | None = None,
        retry_after_ms: int | None = None,
    ) -> None:
        super().__init__(what)
        self.what = what
        self.why = why
        self.remedy = remedy
        self.field = field
        self.retry_after_ms = retry_after_ms

    def to_wire(self) -> WireError:
        """The same error as clients see it; the code's own remedy serves where none was given."""
        return WireError(
            code=self.code.value,
            owner=self.code.owner,
            message=self.what,
            why=self.why,
            remedy=self.remedy or self.code.remedy,
            field=self.field,
            retry_after_ms=self.retry_after_ms,
        )


class BadInputError(AgentdError):
    code = ErrorCode.BAD_INPUT


class NotFoundError(BadInputError):
    code = ErrorCode.NOT_FOUND


class ConflictError(BadInputError):
    code = ErrorCode.CONFLICT


class ForbiddenError(BadInputError):
    code = ErrorCode.FORBIDDEN


class TooLargeError(BadInputError):
    code = ErrorCode.TOO_LARGE


class SettingsError(BadInputError):
    code = ErrorCode.BAD_SETTING


class DiskError(AgentdError):
    code = ErrorCode.DISK


class MissingFileError(DiskError):
    code = ErrorCode.NO_FILE


class ForbiddenFileError(DiskError):
    code = ErrorCode.NO_ACCESS


class FileExistsError_(DiskError):
    code = ErrorCode.EXISTS


class DiskFullError(DiskError):
    code = ErrorCode.DISK_FULL


class LinkInPathError(DiskError):
    code = ErrorCode.LINK_IN_PATH


class NotRegularFileError(DiskError):
    code = ErrorCode.NOT_REGULAR


class ReadOnlyLogError(DiskError):
    code = ErrorCode.READ_ONLY


class DamagedLogError(AgentdError):
    code = ErrorCode.DAMAGED


class HomeError(AgentdError):
    code = ErrorCode.BAD_HOME


class BusyError(AgentdError):
    code = ErrorCode.BUSY


class DeadlineError(AgentdError):
    code = ErrorCode.DEADLINE


class NetworkError(AgentdError):
    """`phase` is connect, headers or body; `bytes_seen` how much of the body had come; `timeout`: nothing went wrong but
    that it took too long."""

    code = ErrorCode.NETWORK

    def __init__(
        self, what: str, *, phase: str, bytes_seen: int = 0, why: str = "", remedy: str = "", timeout: bool = False
    ) -> None:
        super().__init__(what, why=why, remedy=remedy)
        self.timeout = timeout
        self.phase = phase
        self.bytes_seen = bytes_seen


class ModelError(AgentdError):
    code = ErrorCode.MODEL


class OverBudgetError(ModelError):
    code = ErrorCode.OVER_BUDGET


class ToolError(AgentdError):
    code = ErrorCode.TOOL


class BadArgumentsError(ToolError):
    code = ErrorCode.BAD_ARGUMENTS


class MissingProgramError(AgentdError):
    code = ErrorCode.NO_PROGRAM


class WorkerError(AgentdError):
    code = ErrorCode.WORKER
