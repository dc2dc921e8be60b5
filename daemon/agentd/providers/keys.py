"""Keys by reference: `env:NAME`, `file:PATH`, `cmd:COMMAND`, `keyring:SERVICE/USER` -> the secret, when it is needed.

It decides where a key may come from, what is no key (empty, several lines, a file that others may read), and how long
one that a program gave is remembered. A key is never stored on a disk, never logged and never part of a message.
Theory: variables and files are read anew at each call. A program may ask a person (to unlock, to touch a token), so what
it gave is kept in memory for some minutes, is forgotten when a server refuses it, and calls at the same time wait for
one run of it. Callers: `call`, and `connections.room`, which holds the one resolver of the daemon.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Protocol

from agentd.errors import AgentdError, SettingsError
from agentd.providers.connection import FORMS
from agentd.providers.keys_programs import from_command, from_keyring
from agentd.world.doors import World

__all__ = ["FAILED_MS", "KEEP_MS", "KeyResolver", "Keys"]

KEEP_MS = 5 * 60_000
"""How long a key that a program gave is remembered: a turn of many steps asks a person once, and a key that was changed
where it is kept counts soon, also at a server that takes the old one for a while."""

FAILED_MS = 2_000
"""How long a program that failed is not run again: the question about a server's window, and the call itself, which
follow each other at once, are one wish of a person."""

_PROGRAMS = ("cmd", "keyring")
_OTHERS_MAY_READ = 0o077
_LONGEST = 16 * 1024


class KeyResolver(Protocol):
    """Whoever turns a reference into a key."""

    async def resolve(self, reference: str) -> str | None:
        """The key; None when the reference is empty. SettingsError, or a DiskError, when it can't be had."""
        ...

    def refused(self, reference: str) -> bool:
        """A server took the key for none: a remembered one is forgotten. Whether there was one, so that asking anew may
        give another."""
        ...

    def at_hand(self, reference: str) -> bool:
        """Whether `resolve` would run no program, which might ask a person something."""
        ...


class Keys:
    """`environment` is looked up at each call: the daemon's own, or the variables that an owner's client sent.
    `learned` is told each key that was found, so that it can be masked wherever it may turn up."""

    def __init__(
        self, environment: Mapping[str, str], world: World, learned: Callable[[str], None] = lambda _: None
    ) -> None:
        self._environment = environment
        self._world = world
        self._learned = learned
        self._running: dict[str, asyncio.Lock] = {}
        self._kept: dict[str, tuple[int, str]] = {}
        self._failed: dict[str, tuple[int, AgentdError]] = {}

    async def resolve(self, reference: str) -> str | None:
        if not reference:
            return None
        form, _, rest = reference.partition(":")
        match form:
            case "env":
                key = self._variable(rest)
            case "file":
                key = self._file(rest)
            case "cmd" | "keyring":
                key = await self._program(reference, form, rest)
            case _:
                # the reference may be a secret pasted in the wrong place, so it is not repeated
                raise SettingsError("the connection's key is no reference", remedy=f"Use {FORMS}.")
        self._learned(key)
        return key

    def refused(self, reference: str) -> bool:
        return self._kept.pop(reference, None) is not None

    def at_hand(self, reference: str) -> bool:
        return not reference.startswith(tuple(f"{form}:" for form in _PROGRAMS)) or self._remembered(reference)

    def _variable(self, name: str) -> str:
        key = self._environment.get(name, "").strip()
        if not key:
            raise SettingsError(
                f"the variable {name} is not set, and the connection's key is env:{name}",
                remedy=f"Set {name} where the client runs, or name another key with `agentctl models add`.",
            )
        return _checked(key, f"the variable {name}")

    def _file(self, path: str) -> str:
        files = self._world.files
        info = files.info(path, follow=True)
        if info is not None and info.mode & _OTHERS_MAY_READ:
            raise SettingsError(
                f"the key file {path} can be read by others (mode {info.mode & 0o777:o})",
                remedy=f"Make it private: chmod 600 {path}",
            )
        return _checked(files.read(path, _LONGEST).decode("utf-8", "replace").strip(), f"the key file {path}")

    def _remembered(self, reference: str) -> bool:
        kept = self._kept.get(reference)
        if kept is not None and self._world.clock.monotonic_ms() >= kept[0]:
            del self._kept[reference]
            kept = None
        return kept is not None

    async def _program(self, reference: str, form: str, rest: str) -> str:
        async with self._running.setdefault(reference, asyncio.Lock()):
            if self._remembered(reference):
                return self._kept[reference][1]
            failed = self._failed.pop(reference, None)
            if failed is not None and self._world.clock.monotonic_ms() < failed[0]:
                self._failed[reference] = failed
                raise failed[1]
            ask = from_command if form == "cmd" else from_keyring
            try:
                key = _checked(await ask(self._world, self._environment, rest), f"what {form}: gave")
            except AgentdError as fault:
                self._failed[reference] = (self._world.clock.monotonic_ms() + FAILED_MS, fault)
                raise
            self._kept[reference] = (self._world.clock.monotonic_ms() + KEEP_MS, key)
            return key


def _checked(key: str, where: str) -> str:
    if not key or not key.isascii() or not key.isprintable() or " " in key:
        raise SettingsError(
            f"{where} holds no key", why="a key is one line of ASCII without spaces", remedy="Put the bare key there."
        )
    return key
