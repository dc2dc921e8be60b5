"""Keys by reference: `env:NAME` and `file:PATH` -> the secret, at the moment of the call.

It decides where a key may come from and refuses what is no key (empty, several lines, a file that others may read). A
key is never stored, never logged and never part of a message; `without` takes it out of a server's words. `cmd:` and
`keyring:` are not built. Caller: `call.HttpProvider`, at each call, so that a changed key needs no restart.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from agentd.errors import SettingsError
from agentd.world.doors import Files

__all__ = ["KeyResolver", "Keys", "without"]

_OTHERS_MAY_READ = 0o077
_LONGEST = 16 * 1024


class KeyResolver(Protocol):
    """Whoever turns a reference into a key."""

    def resolve(self, reference: str) -> str | None:
        """The key; None when the reference is empty. SettingsError, or a DiskError, when it can't be had."""
        ...


class Keys:
    """`environment` is looked up at each call: the daemon's own, or the variables that an owner's client sent."""

    def __init__(self, environment: Mapping[str, str], files: Files) -> None:
        self._environment = environment
        self._files = files

    def resolve(self, reference: str) -> str | None:
        if not reference:
            return None
        form, _, rest = reference.partition(":")
        match form:
            case "env":
                return self._variable(rest)
            case "file":
                return self._file(rest)
            case "cmd" | "keyring":
                raise SettingsError(f"a key by {form}: is not built yet", remedy="Use env:NAME or file:PATH.")
            case _:
                # the reference may be a secret pasted in the wrong place, so it is not repeated
                raise SettingsError("the connection's key is no reference", remedy="Use env:NAME or file:PATH.")

    def _variable(self, name: str) -> str:
        key = self._environment.get(name, "").strip()
        if not key:
            raise SettingsError(
                f"the variable {name} is not set, and the connection's key is env:{name}",
                remedy=f"Set {name} where the client runs, or name another key with `agentctl models add`.",
            )
        return _checked(key, f"the variable {name}")

    def _file(self, path: str) -> str:
        info = self._files.info(path, follow=True)
        if info is not None and info.mode & _OTHERS_MAY_READ:
            raise SettingsError(
                f"the key file {path} can be read by others (mode {info.mode & 0o777:o})",
                remedy=f"Make it private: chmod 600 {path}",
            )
        return _checked(self._files.read(path, _LONGEST).decode("utf-8", "replace").strip(), f"the key file {path}")


def _checked(key: str, where: str) -> str:
    if not key or not key.isascii() or not key.isprintable() or " " in key:
        raise SettingsError(
            f"{where} holds no key", why="a key is one line of ASCII without spaces", remedy="Put the bare key there."
        )
    return key


def without(key: str | None, text: str) -> str:
    """`text` with the key taken out: some servers repeat it when they refuse it."""
    return text.replace(key, "(key)") if key else text
