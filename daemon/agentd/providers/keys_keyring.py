"""A program of its own that reads one password from the desktop's keyring and prints it: `SERVICE USER`.

It decides nothing but the exit code: 0 and the password on stdout; `NOT_THERE`, `NO_KEYRING`, `LOCKED`, and 1 for every
other fault, with words on stderr. It runs apart from the daemon because the keyring's library waits for D-Bus and for
people, can't be given a deadline, and brings a dozen modules that nobody else needs. Run by `keys_programs`.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

__all__ = ["LOCKED", "NOT_THERE", "NO_KEYRING", "look_up", "main"]

NOT_THERE, NO_KEYRING, LOCKED = 3, 4, 5


def look_up(arguments: Sequence[str]) -> int:
    """Print what the keyring has; the exit code."""
    # The one late import: whoever imports this module for its exit codes runs no keyring.
    import keyring
    from keyring.errors import InitError, KeyringLocked, NoKeyringError

    service, user = arguments
    try:
        password = keyring.get_password(service, user)
    except NoKeyringError as fault:
        return _complain(fault, NO_KEYRING)
    except (KeyringLocked, InitError) as fault:
        return _complain(fault, LOCKED)
    except Exception as fault:  # noqa: BLE001 - backends are other people's, and raise what they like
        return _complain(fault, 1)
    if password is None:
        return NOT_THERE
    sys.stdout.write(password + "\n")
    return 0


def _complain(fault: Exception, code: int) -> int:
    sys.stderr.write(f"{type(fault).__name__}: {fault}\n")
    return code


def main() -> None:
    """Serve one question, from the command line."""
    sys.exit(look_up(sys.argv[1:]))
