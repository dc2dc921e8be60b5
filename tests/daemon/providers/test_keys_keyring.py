"""The program that asks the keyring: its exit code says what was found (with a real process: `test_keys_programs`)."""

from __future__ import annotations

import keyring
import pytest
from keyring.backends import fail

from agentd.providers.keys_keyring import LOCKED, NO_KEYRING, NOT_THERE, look_up
from support.keyring_double import Keyring


@pytest.mark.parametrize(
    ("service", "user", "code", "printed"),
    [
        ("agentd", "me", 0, ("sesame of me\n", "")),
        ("agentd", "nobody", NOT_THERE, ("", "")),
        ("locked", "me", LOCKED, ("", "KeyringLocked: nobody unlocked it\n")),
        ("broken", "me", 1, ("", "OSError: the bus is gone\n")),
    ],
)
def test_what_is_found_is_the_exit_code(
    service: str, user: str, code: int, printed: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    keyring.set_keyring(Keyring())
    assert look_up((service, user)) == code
    assert tuple(capsys.readouterr()) == printed


def test_without_a_keyring_nothing_is_printed_but_the_reason(capsys: pytest.CaptureFixture[str]) -> None:
    keyring.set_keyring(fail.Keyring())
    assert look_up(("agentd", "me")) == NO_KEYRING
    printed = capsys.readouterr()
    assert (printed.out, printed.err.partition(":")[0]) == ("", "NoKeyringError")
