"""Which variables of a client's environment model connections need, and which of those that came are kept for them.

It decides names, never values. Keys may be in variables, and a program that gives a key needs the user's own environment
(`providers.keys_programs`); the daemon was started with a clean one. Pure. Caller: `agentd.app`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from agentd.config.detect import VARIABLES
from agentd.config.model import ConnectionSettings
from agentd.providers.keys_programs import VARIABLES as OF_PROGRAMS

__all__ = ["TOOLS", "kept", "wanted"]

TOOLS = ("PATH", "VIRTUAL_ENV", "LANG", "LC_ALL", "TZ", "HOME", "USER", "SHELL", "SSH_AUTH_SOCK")
"""What every client is asked for, because tools of its sessions run with it."""


def wanted(connections: Iterable[ConnectionSettings]) -> tuple[str, ...]:
    """What hello's answer asks an owner's client for."""
    keys = [connection.key for connection in connections]
    named = {key.removeprefix("env:") for key in keys if key.startswith("env:")}
    programs = OF_PROGRAMS if any(key.startswith(("cmd:", "keyring:")) for key in keys) else ()
    return tuple(sorted({*TOOLS, *VARIABLES, *programs, *named}))


def kept(variables: Mapping[str, str]) -> dict[str, str]:
    """Of what a client sent: what connections may use from now on. A session's tools get theirs from its log."""
    return {name: value for name, value in variables.items() if name not in TOOLS or name in OF_PROGRAMS}
