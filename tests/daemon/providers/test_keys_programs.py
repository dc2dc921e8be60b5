"""What a program for keys is given, how it is bounded, and how its failure is told without the key."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path

import pytest

from agentd.errors import SettingsError
from agentd.providers.keys_keyring import LOCKED, NO_KEYRING, NOT_THERE
from agentd.providers.keys_programs import DEADLINE_MS, from_command, from_keyring
from agentd.world.doors import NoBox, Spawn
from agentd.world.fake import fake_world
from agentd.world.fake_processes import Script
from agentd.world.real import real_world
from support import keyring_double

ENVIRONMENT = {"PATH": "/bin", "HOME": "/h", "GPG_TTY": "", "SECRET": "x", "SSH_AUTH_SOCK": "/s", "PYTHONPATH": "/p"}


def test_a_command_is_split_without_a_shell_and_gets_no_more_than_it_needs() -> None:
    world = fake_world(auto=True)
    world.processes.on("pass", does=Script(b"sesame\nurl: https://x\n", b"a warning"))
    assert world.run(from_command(world, ENVIRONMENT, "pass show 'my key' $HOME;ls")) == "sesame"
    assert world.processes.table.started == [
        Spawn(
            argv=["pass", "show", "my key", "$HOME;ls"],
            cwd="/",
            env={"PATH": "/bin", "HOME": "/h", "SSH_AUTH_SOCK": "/s"},
            box=NoBox(),
            timeout_ms=10_000,
            output_limit=65_536,
            merge_stderr=False,
            label="key",
        )
    ]


@pytest.mark.parametrize(
    ("script", "told"),
    [
        (
            Script(b"sesame-street\n", b"gpg: decrypted\r\nsesame-street: no pinentry\x1b[0m", 2),
            ("the key command pass ended with exit code 2", "it says: gpg: decrypted (key): no pinentry [0m"),
        ),
        (Script(b"sesame-street\n", b"", 1), ("the key command pass ended with exit code 1", "it says nothing on stderr")),
        (
            Script(b"sesame-street\n", takes_ms=DEADLINE_MS + 1),
            ("the key command pass gave nothing within 10 s", "it says nothing on stderr"),
        ),
        (
            Script(b"sesame-street" * 10_000),
            ("the key command pass was ended by us: output limit", "it may print 65536 bytes"),
        ),
    ],
)  # fmt: skip
def test_a_failure_is_told_by_stderr_and_never_by_stdout(script: Script, told: tuple[str, str]) -> None:
    world = fake_world(auto=True)
    world.processes.on("pass", does=script)
    with pytest.raises(SettingsError) as caught:
        world.run(from_command(world, ENVIRONMENT, "pass show x"))
    assert (caught.value.what, caught.value.why) == told
    assert caught.value.remedy != ""


def test_a_program_that_is_not_there_is_named_with_where_it_was_looked_for(home: Path) -> None:
    world = real_world(str(home))
    with pytest.raises(SettingsError) as caught:
        asyncio.run(from_command(world, {"PATH": "/nowhere"}, "no-such-program show"))
    assert (caught.value.what, caught.value.why) == (
        "the key command no-such-program can't be run: no-such-program is not on the PATH",
        "looked for in /nowhere",
    )


def test_a_real_command_gives_its_first_line(home: Path) -> None:
    world = real_world(str(home))
    command = """/bin/sh -c 'printf "%s\\n%s\\n" sesame "$0 $HOME $OTHER"'"""
    assert asyncio.run(from_command(world, {"PATH": "/bin", "HOME": "/h", "OTHER": "x"}, command)) == "sesame"


# --- the keyring ---


@pytest.mark.parametrize(
    ("code", "what"),
    [
        (NOT_THERE, "the keyring has nothing for service 'a/b' and user 'me'"),
        (NO_KEYRING, "there is no keyring on this machine that could be asked"),
        (LOCKED, "the keyring is locked"),
        (1, "the keyring failed"),
    ],
)
def test_what_the_keyring_can_not_give_is_told_with_a_remedy(code: int, what: str) -> None:
    world = fake_world(auto=True)
    world.processes.on("python", "agentd.providers.keys_keyring", "a/b", "me", does=Script(code=code))
    with pytest.raises(SettingsError) as caught:
        world.run(from_keyring(world, ENVIRONMENT, "a/b/me"))
    assert (caught.value.what, caught.value.remedy != "") == (what, True)


def really(home: Path, place: str, more: Mapping[str, str]) -> str:
    """Ask the library itself, in a process of its own."""
    return asyncio.run(from_keyring(real_world(str(home)), {"HOME": str(home), "PATH": "/bin", **more}, place))


def test_the_library_is_asked_in_a_process_of_its_own(home: Path) -> None:
    ours = {"PYTHON_KEYRING_BACKEND": f"{keyring_double.__name__}.Keyring"}
    assert really(home, "agentd/me", ours) == "sesame of me"
    with pytest.raises(SettingsError, match="nothing for service 'agentd' and user 'nobody'"):
        really(home, "agentd/nobody", ours)
    with pytest.raises(SettingsError, match="the keyring is locked"):
        really(home, "locked/me", ours)
    with pytest.raises(SettingsError, match="the keyring failed"):
        really(home, "broken/me", ours)


def test_without_a_keyring_it_says_so_and_what_else_there_is(home: Path) -> None:
    with pytest.raises(SettingsError) as caught:
        really(home, "agentd/me", {"PYTHON_KEYRING_BACKEND": "keyring.backends.fail.Keyring"})
    assert caught.value.what == "there is no keyring on this machine that could be asked"
    assert caught.value.remedy == "Use env:NAME, file:PATH or cmd:COMMAND for the key."
