"""Exceptions -> exit code and the three lines that a person gets: what, why, what to do. Never a traceback.

Called by `cli` alone, when something was raised. An exception that is in nobody's tree is a bug and says so.
"""

from __future__ import annotations

import click

from agentclient.errors import ClientError, HomeError, NoDaemonError, RefusedError
from agentctl.exits import ERROR_CODES, FAILED, NO_DAEMON, USAGE
from agentctl.render.safe import safe
from agentproto.errors import ProtocolError

__all__ = ["Explained", "explain", "three_lines"]

Explained = tuple[int, str, str, str]
"""(exit code, what, why, what to do)."""


def explain(fault: BaseException) -> Explained:
    match fault:
        case RefusedError():
            return ERROR_CODES.get(fault.code, FAILED), fault.what, fault.why, fault.remedy
        case NoDaemonError() | HomeError():
            return NO_DAEMON, fault.what, fault.why, fault.remedy
        case ClientError():
            return FAILED, fault.what, fault.why, fault.remedy
        case ProtocolError():
            return FAILED, fault.message, "This client and the daemon do not understand each other.", fault.code.remedy
        case click.UsageError():
            where = fault.ctx.command_path if fault.ctx is not None else "agentctl"
            return USAGE, fault.format_message(), f"`{where}` does not take that.", f"{where} --help"
        case click.ClickException():
            return fault.exit_code, fault.format_message(), "The command could not go on.", "agentctl --help"
        case OSError():
            where = f": {fault.filename}" if fault.filename else ""
            return FAILED, f"{fault.strerror or fault}{where}", "The system refused it.", "agentctl doctor"
        case _:
            text = f"{type(fault).__name__}: {fault}"
            return FAILED, "agentctl has a bug", text, "Report it with what AGENTD_DEBUG=1 shows."


def three_lines(explained: Explained) -> str:
    """The lines for stderr. A reason of several lines (the end of a log) stays one block."""
    _, what, why, remedy = explained
    reason = safe(why).replace("\n", "\n       ")
    return f"error: {safe(what)}\n  why: {reason}\n   do: {safe(remedy)}\n"
