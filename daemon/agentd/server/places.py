"""Where a client wants to work, checked: absolute folders that are there, the git root above, given files' texts.

Everything a client names is looked at before anything is made; each fault names the path. Callers: handlers.
"""

from __future__ import annotations

import hashlib

from agentd.errors import BadInputError, MissingFileError, NotRegularFileError, TooLargeError
from agentd.world.doors import Files
from agentproto.limits import LIMITS

__all__ = ["FILE_LIMIT", "given_files", "place", "workspace_of"]

FILE_LIMIT = 256 * 1024
"""Bytes of one file that is given with a prompt: more does not fit most windows; the model can read it in parts."""


def place(files: Files, cwd: str) -> str:
    """The real path of `cwd`. BadInputError when it is not absolute or no folder."""
    if not cwd.startswith("/") or "\0" in cwd:
        raise BadInputError(f"the folder {cwd[:200]!r} is not an absolute path", field="cwd")
    real = files.real(cwd)
    info = files.info(real, follow=True)
    if info is None:
        raise MissingFileError(f"there is no folder {cwd}", remedy="Check --cwd.", field="cwd")
    if info.kind != "dir":
        raise NotRegularFileError(f"{cwd} is not a folder", remedy="Check --cwd.", field="cwd")
    return real


def workspace_of(files: Files, cwd: str) -> str:
    """The nearest folder above (or at) `cwd` that holds `.git`, else `cwd` itself."""
    folder = cwd
    while True:
        if files.info(f"{folder.rstrip('/')}/.git") is not None:
            return folder
        if folder == "/":
            return cwd
        folder = folder.rsplit("/", 1)[0] or "/"


def given_files(files: Files, paths: tuple[str, ...]) -> tuple[tuple[str, str, str], ...]:
    """(real path, sha256, text) of each; refuses what is missing, too large or not text."""
    out: list[tuple[str, str, str]] = []
    total = 0
    for path in paths:
        if not path.startswith("/") or "\0" in path:
            raise BadInputError(f"the file {path[:200]!r} is not an absolute path", field="files")
        real = files.real(path)
        info = files.info(real)
        if info is None:
            raise MissingFileError(f"there is no file {path}", field="files")
        if info.kind != "file":
            raise NotRegularFileError(f"{path} is not a regular file", field="files")
        total += info.size
        if info.size > FILE_LIMIT or total > LIMITS.prompt_bytes:
            raise TooLargeError(
                f"{path} has {info.size} bytes; {FILE_LIMIT} can be given with a prompt",
                remedy="Name it in the prompt instead: the model reads the parts it needs.",
                field="files",
            )
        data = files.read(real, FILE_LIMIT)
        try:
            text = data.decode()
        except UnicodeDecodeError:
            text = "\0"
        if "\0" in text:
            raise BadInputError(f"{path} is not text", why="it holds bytes that no text has", field="files")
        out.append((real, hashlib.sha256(data).hexdigest(), text))
    return tuple(out)
