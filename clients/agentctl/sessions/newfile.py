"""Files that a person names: an export is written only where nothing is, never over anything. Callers: `exporting`,
`importing`, `chat.revising`."""

from __future__ import annotations

import os

from agentclient.errors import ClientError

__all__ = ["absolute", "check_new", "write_new"]


def write_new(path: str, text: str) -> str:
    """Write a new file (`~` is the home); its absolute path. ClientError when it exists or can't be written."""
    path = os.path.abspath(os.path.expanduser(path))
    try:
        with open(path, "x", encoding="utf-8", errors="surrogateescape") as file:
            file.write(text)
    except FileExistsError:
        raise _exists(path) from None
    except OSError as fault:
        raise ClientError(
            f"{path} could not be written", why=f"{fault.strerror or fault}.", remedy="Choose another place."
        ) from None
    return path


def absolute(path: str) -> str:
    """The path as the daemon needs it, which works in another folder."""
    return os.path.abspath(path)


def check_new(path: str) -> None:
    """ClientError when something is there already (also a link that leads nowhere)."""
    if os.path.lexists(path):
        raise _exists(path)


def _exists(path: str) -> ClientError:
    return ClientError(
        f"{path} exists already", why="An export never overwrites a file.", remedy="Choose another name."
    )
