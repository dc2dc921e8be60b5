"""What can go wrong, as it crosses the wire: stable codes, each with its owner and a remedy.

Codes are retired, never reused. A ProtocolError belongs to one side: `LocalProtocolError` means that this program
misused the link, `RemoteProtocolError` that the peer broke the rules. Whoever reads a reply looks at `code` and
shows `message`, `why`, `remedy` in three lines. Any other exception out of this package is a bug.
"""

from __future__ import annotations

import enum
from typing import Literal

import msgspec

__all__ = ["ErrorCode", "LocalProtocolError", "Owner", "ProtocolError", "RemoteProtocolError", "WireError"]

Owner = Literal["client", "daemon", "model", "tool", "user", "environment"]


class ErrorCode(enum.Enum):
    """code -> (owner, what the reader can do). The value is the text on the wire."""

    owner: Owner
    remedy: str

    def __new__(cls, value: str, owner: Owner, remedy: str) -> ErrorCode:
        member = object.__new__(cls)
        member._value_ = value
        member.owner = owner
        member.remedy = remedy
        return member

    BAD_FRAME = ("bad_frame", "client", "Send messages as docs/protocol.md describes them.")
    BAD_VERSION = ("bad_version", "client", "Upgrade the older of the two; `agentctl version --daemon` shows both.")
    NOT_GREETED = ("not_greeted", "client", "Send hello before anything else.")
    UNKNOWN_METHOD = ("unknown_method", "client", "The hello answer lists the methods this daemon has.")
    UNKNOWN_FIELD = ("unknown_field", "client", "Leave the field out, or upgrade the daemon.")
    BAD_INPUT = ("bad_input", "client", "Mend the field that is named and send it again.")
    NOT_FOUND = ("not_found", "client", "List what there is, and use one of those names.")
    CONFLICT = ("conflict", "client", "Look at the present state before sending it again.")
    FORBIDDEN = ("forbidden", "client", "Use a connection file with a wider role.")
    TOO_LARGE = ("too_large", "client", "Send less, or put it into a file and name the file.")
    BAD_SETTING = ("bad_setting", "user", "Mend the line that is named; `agentctl config show` lists every key.")
    DISK = ("disk", "environment", "Look at the disk: `agentctl doctor`.")
    NO_FILE = ("no_file", "environment", "Check the path.")
    NO_ACCESS = ("no_access", "environment", "Check owner and rights of the path.")
    EXISTS = ("exists", "environment", "Choose another name, or remove what is there.")
    DISK_FULL = ("disk_full", "environment", "Free some space; what was acknowledged before is safe.")
    LINK_IN_PATH = ("link_in_path", "environment", "Name the real file instead of the link.")
    NOT_REGULAR = ("not_regular", "environment", "Only regular files can be read here.")
    READ_ONLY = ("read_only", "environment", "Look at the disk, then restart the daemon: `agentctl daemon restart`.")
    DAMAGED = ("damaged", "environment", "`agentd check` names every damaged byte; other sessions work on.")
    BAD_HOME = ("bad_home", "environment", "Run the command that is named, then start again.")
    BUSY = ("busy", "daemon", "Try again in a moment.")
    DEADLINE = ("deadline", "daemon", "Try again; if it stays so, `agentctl doctor`.")
    NETWORK = ("network", "environment", "Check that the server runs and the address is right: `agentctl models test`.")
    MODEL = ("model", "model", "`agentctl models test` shows what the model server answers.")
    OVER_BUDGET = ("over_budget", "user", "Ask for less, or choose a model with a larger window.")
    TOOL = ("tool", "tool", "Look at the tool's output.")
    BAD_ARGUMENTS = ("bad_arguments", "model", "Call the tool again with arguments as its schema says.")
    NO_PROGRAM = ("no_program", "environment", "Install the program, or put it on PATH.")
    WORKER = ("worker", "daemon", "Try again; `agentctl daemon logs` has the details.")
    STOPPING = ("stopping", "daemon", "The daemon is stopping; connect again, it starts anew.")
    CANCELLED = ("cancelled", "client", "The request was cancelled by its sender.")
    INTERNAL = ("internal", "daemon", "This is a bug. Please report it with the id that is quoted.")


class WireError(msgspec.Struct, frozen=True, omit_defaults=True):
    """The body of an error frame. `field` is a dotted path; `reference` is an id to quote for `internal`."""

    code: str
    owner: Owner
    message: str
    why: str = ""
    remedy: str = ""
    field: str | None = None
    retry_after_ms: int | None = None
    reference: str | None = None


class ProtocolError(Exception):
    """Abstract: raise one of its two children."""

    def __init__(self, code: ErrorCode, message: str, *, field: str | None = None) -> None:
        if type(self) is ProtocolError:
            raise TypeError("raise LocalProtocolError or RemoteProtocolError")
        super().__init__(message)
        self.code = code
        self.message = message
        self.field = field

    def to_wire(self) -> WireError:
        return WireError(
            code=self.code.value,
            owner=self.code.owner,
            message=self.message,
            remedy=self.code.remedy,
            field=self.field,
        )


class LocalProtocolError(ProtocolError):
    """This program asked the link for something that is not allowed now. Nothing was sent."""


class RemoteProtocolError(ProtocolError):
    """The peer sent something that breaks the rules. It is answered with this error, or muted if it has no id."""
