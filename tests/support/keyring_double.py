"""A keyring for tests: knows everybody but `nobody`; the service `locked` is locked, and `broken` is what it says.

The keyring library loads it by its name in PYTHON_KEYRING_BACKEND, in the process that asks.
"""

from __future__ import annotations

from keyring.backend import KeyringBackend
from keyring.errors import KeyringLocked

__all__ = ["Keyring"]


class Keyring(KeyringBackend):
    priority = 1  # type: ignore[assignment]

    def get_password(self, service: str, username: str) -> str | None:
        if service == "locked":
            raise KeyringLocked("nobody unlocked it")
        if service == "broken":
            raise OSError("the bus is gone")
        return None if username == "nobody" else f"sesame of {username}"

    def set_password(self, service: str, username: str, password: str) -> None:
        raise NotImplementedError

    def delete_password(self, service: str, username: str) -> None:
        raise NotImplementedError
