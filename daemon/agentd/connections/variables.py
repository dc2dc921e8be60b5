"""Which variables of a client's environment model connections need, and what of those that came is kept, in memory only.

It decides names, never values. Keys may be in variables, and a program that gives a key needs the user's own environment
(`providers.keys_programs`); the daemon was started with a clean one. Nothing of it is ever written down. Caller:
`agentd.app`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from agentd.config.detect import VARIABLES
from agentd.config.model import ConnectionSettings
from agentd.providers.keys_programs import VARIABLES as OF_PROGRAMS

__all__ = ["TOOLS", "ClientVariables", "wanted"]

TOOLS = ("PATH", "VIRTUAL_ENV", "LANG", "LC_ALL", "TZ", "HOME", "USER", "SHELL", "SSH_AUTH_SOCK")
"""What every client is asked for, because tools of its sessions run with it."""


def wanted(connections: Iterable[ConnectionSettings]) -> tuple[str, ...]:
    """What hello's answer asks an owner's client for."""
    keys = [connection.key for connection in connections]
    named = {key.removeprefix("env:") for key in keys if key.startswith("env:")}
    programs = OF_PROGRAMS if any(key.startswith(("cmd:", "keyring:")) for key in keys) else ()
    return tuple(sorted({*TOOLS, *VARIABLES, *programs, *named}))


class ClientVariables:
    """What clients sent, over the daemon's `own` environment. `learn` is told all of it, so that secrets are masked."""

    def __init__(self, own: Mapping[str, str], learn: Callable[[Mapping[str, str]], None]) -> None:
        self._own = own
        self._learn = learn
        self._given: dict[str, str] = {}
        self._of_sessions: dict[str, Mapping[str, str]] = {}

    def give(self, variables: Mapping[str, str]) -> None:
        """What an owner's client sent: connections may use it from now on. What only tools use they get otherwise."""
        self._learn(variables)
        self._given |= {name: value for name, value in variables.items() if name not in TOOLS or name in OF_PROGRAMS}

    def remember(self, session: str, variables: Mapping[str, str]) -> None:
        """What of a session's client its tools need and no log may hold."""
        if variables:
            self._of_sessions[session] = {name: one for name, one in variables.items() if name == "SSH_AUTH_SOCK"}

    def now(self) -> Mapping[str, str]:
        """The daemon's own variables, and over them what owners' clients sent."""
        return {**self._own, **self._given}

    def of_session(self, session: str) -> Mapping[str, str]:
        return self._of_sessions.get(session, {})
