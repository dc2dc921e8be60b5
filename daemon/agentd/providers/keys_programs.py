"""Keys that a program gives: a command of the user's own (`cmd:`), or the desktop's keyring (`keyring:`).

It decides what such a program is given of the environment, how long it may take, and how its failure is told: with what
it wrote on stderr, never with anything of its stdout, where the key is. No shell reads the command. Both are children
behind the world's door, because the keyring's library may block for as long as a person looks at its dialogue.
Caller: `keys`, which remembers what they gave.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence

from agentd.errors import AgentdError, MissingProgramError, SettingsError
from agentd.providers.keys_keyring import LOCKED, NO_KEYRING, NOT_THERE
from agentd.providers.keys_masking import without
from agentd.world.doors import Exit, NoBox, Spawn, World

__all__ = ["DEADLINE_MS", "VARIABLES", "from_command", "from_keyring"]

DEADLINE_MS = 10_000
"""A password manager that is unlocked answers in some 100 ms; so long a person may take to unlock it."""

_MOST_BYTES = 64 * 1024  # of stdout and stderr: a key has one line, a complaint a few
_SHOWN = 300  # characters of a complaint

VARIABLES: Mapping[str, str] = {
    "PATH": "where programs are looked for",
    "HOME": "where every tool has its store and its settings",
    "USER": "whose keychain it is",
    "LOGNAME": "the same for some tools",
    "LANG": "the language and the signs of what they say",
    "LC_ALL": "the same",
    "TMPDIR": "where gpg and others put what is short-lived",
    "SSH_AUTH_SOCK": "keys that an agent holds",
    "SSH_AGENT_PID": "the same for older tools",
    "GPG_TTY": "where gpg's agent asks for a passphrase",
    "GNUPGHOME": "another place of gpg's keys",
    "PASSWORD_STORE_DIR": "another place of pass's store",
    "DBUS_SESSION_BUS_ADDRESS": "the bus on which a desktop's keyring is spoken to",
    "XDG_RUNTIME_DIR": "sockets of agents, and of that bus",
    "XDG_CONFIG_HOME": "another place of settings",
    "XDG_DATA_HOME": "another place of stores",
    "DISPLAY": "where a dialogue to unlock is shown",
    "WAYLAND_DISPLAY": "the same",
    "PYTHON_KEYRING_BACKEND": "which keyring the user wants, where there are several",
}
"""Variables that a program for keys is given, with what for. Nothing else of the environment reaches it."""


async def from_command(world: World, environment: Mapping[str, str], command: str) -> str:
    """The first line of what `command` prints. SettingsError saying which program failed and with what words."""
    try:
        argv = shlex.split(command)
    except ValueError as fault:
        raise SettingsError(
            "the command of the connection's key can't be read", why=str(fault), remedy="Mend its quotes."
        ) from None
    if not argv:
        raise SettingsError(
            "the connection's key is cmd: without a command", remedy="Write it as cmd:PROGRAM ARGUMENT."
        )
    done = await _run(world, environment, argv, f"the key command {argv[0]}")
    if done.code != 0:
        raise _failed(
            f"the key command {argv[0]} ended with exit code {done.code}",
            done,
            "Run it by hand in a terminal. It gets no shell, no input and few variables (docs/providers.md).",
        )
    return _first_line(done)


async def from_keyring(world: World, environment: Mapping[str, str], place: str) -> str:
    """What the desktop's keyring has for `SERVICE/USER`. SettingsError when there is none, or no keyring at all."""
    service, _, user = place.rpartition("/")
    if not service or not user:
        raise SettingsError("the connection's key is keyring: without a place", remedy="Write keyring:SERVICE/USER.")
    argv = (*world.processes.program("agentd.providers.keys_keyring"), service, user)
    done = await _run(world, environment, argv, "the keyring")
    match done.code:
        case 0:
            return _first_line(done)
        case code if code == NOT_THERE:
            raise SettingsError(
                f"the keyring has nothing for service {service!r} and user {user!r}",
                remedy=f"Put it there: keyring set {shlex.quote(service)} {shlex.quote(user)}",
            )
        case code if code == NO_KEYRING:
            raise SettingsError(
                "there is no keyring on this machine that could be asked",
                why="no desktop's keyring answers the daemon, which is usual without a desktop",
                remedy="Use env:NAME, file:PATH or cmd:COMMAND for the key.",
            )
        case code if code == LOCKED:
            raise _failed("the keyring is locked", done, "Unlock it, and try again.")
        case _:
            raise _failed("the keyring failed", done, "Use env:NAME, file:PATH or cmd:COMMAND for the key.")


async def _run(world: World, environment: Mapping[str, str], argv: Sequence[str], who: str) -> Exit:
    spawn = Spawn(
        argv=argv,
        cwd="/",
        env={name: environment[name] for name in VARIABLES if environment.get(name)},
        box=NoBox(),
        timeout_ms=DEADLINE_MS,
        output_limit=_MOST_BYTES,
        merge_stderr=False,
        label="key",
    )
    try:
        done = await world.processes.run(spawn)
    except MissingProgramError as fault:
        raise SettingsError(
            f"{who} can't be run: {fault.what}",
            why=f"looked for in {fault.why}" if fault.why else "",
            remedy="Give its whole path, or install it.",
        ) from None
    except AgentdError as fault:
        raise SettingsError(f"{who} can't be run: {fault.what}", why=fault.why, remedy=fault.remedy) from None
    if done.ended_by == "timeout":
        raise _failed(f"{who} gave nothing within {DEADLINE_MS // 1000} s", done, "Unlock the store that it reads.")
    if done.ended_by != "itself":
        raise SettingsError(
            f"{who} was ended by us: {done.ended_by.replace('_', ' ')}",
            why=f"it may print {_MOST_BYTES} bytes",
            remedy="Print the key alone.",
        )
    return done


def _first_line(done: Exit) -> str:
    return done.output.decode("utf-8", "replace").partition("\n")[0].strip()


def _failed(what: str, done: Exit, remedy: str) -> SettingsError:
    """With what it complained of, and without anything that its stdout holds."""
    words = done.errors.decode("utf-8", "replace")
    for line in done.output.decode("utf-8", "replace").split("\n"):
        words = without(line.strip(), words)
    words = "".join(sign if sign.isprintable() else " " for sign in words)
    words = " ".join(words.split())
    why = f"it says: {words[:_SHOWN]}" if words else "it says nothing on stderr"
    return SettingsError(what, why=why, remedy=remedy)
