"""Chance for clients: idempotency keys and conversation ids. Nothing here is secret; all of it must be unique."""

from __future__ import annotations

import os

__all__ = ["new_client", "new_key"]


def new_key() -> str:
    """A fresh idempotency key: 32 hexadecimal digits. One for each wish, the same one for each resend of it."""
    return os.urandom(16).hex()


def new_client() -> str:
    """A fresh conversation id. It stays the same over every reconnect."""
    return "c" + os.urandom(8).hex()
