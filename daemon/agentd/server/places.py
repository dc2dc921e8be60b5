"""Where a client wants to work, checked: absolute folders that are there, the git root above, given texts and pictures.

Everything a client names is looked at before anything is made; each fault names the path. Callers: handlers.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from agentd.errors import BadInputError, MissingFileError, NotRegularFileError, TooLargeError
from agentd.tools.picture_file import MOST_BYTES, Picture, look, too_large
from agentd.world.doors import Files
from agentproto.content import ImageBlock
from agentproto.limits import LIMITS

__all__ = ["FILE_LIMIT", "PICTURES_LIMIT", "Given", "given_files", "place", "workspace_of"]

FILE_LIMIT = 256 * 1024
"""Bytes of one text that is given with a prompt: more does not fit most windows; the model can read it in parts."""

PICTURES_LIMIT = 20 * 1024 * 1024
"""Bytes of all pictures that are given with a prompt: as base64 they are below what the makers' servers take."""


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


@dataclass(frozen=True, slots=True)
class Given:
    """What was given with a prompt. `texts`: (real path, sha256, text); `pictures`: (real path, what it is, its bytes)."""

    texts: tuple[tuple[str, str, str], ...]
    pictures: tuple[tuple[str, ImageBlock, bytes], ...]


def given_files(files: Files, paths: tuple[str, ...]) -> Given:
    """Read each; refuses what is missing, too large, or neither text nor picture."""
    texts: list[tuple[str, str, str]] = []
    pictures: list[tuple[str, ImageBlock, bytes]] = []
    text_bytes = picture_bytes = 0
    for path in paths:
        real, data = _read(files, path)
        digest = hashlib.sha256(data).hexdigest()
        if (picture := look(data)) is not None:
            picture_bytes += len(data)
            _check_picture(path, data, picture, picture_bytes)
            pictures.append((real, ImageBlock(picture.media_type, digest, picture.width, picture.height), data))
        else:
            text_bytes += len(data)
            if len(data) > FILE_LIMIT or text_bytes > LIMITS.prompt_bytes:
                raise _too_long(path, len(data))
            texts.append((real, digest, _text(path, data)))
    return Given(tuple(texts), tuple(pictures))


def _check_picture(path: str, data: bytes, picture: Picture, together: int) -> None:
    why = too_large(data, picture)
    if together > PICTURES_LIMIT:
        why = f"all pictures together may have {PICTURES_LIMIT} bytes"
    if why:
        raise TooLargeError(
            f"{path} is a picture of {picture.width}x{picture.height} pixels and {len(data)} bytes: that is too much",
            why=why,
            remedy="Give a smaller copy of it, or fewer at once.",
            field="files",
        )


def _read(files: Files, path: str) -> tuple[str, bytes]:
    """(real path, all of a regular file)."""
    if not path.startswith("/") or "\0" in path:
        raise BadInputError(f"the file {path[:200]!r} is not an absolute path", field="files")
    real = files.real(path)
    info = files.info(real)
    if info is None:
        raise MissingFileError(f"there is no file {path}", field="files")
    if info.kind != "file":
        raise NotRegularFileError(f"{path} is not a regular file", field="files")
    if info.size > MOST_BYTES:
        raise _too_long(path, info.size)
    return real, files.read(real, MOST_BYTES)


def _text(path: str, data: bytes) -> str:
    try:
        text = data.decode()
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        raise BadInputError(
            f"{path} is not text, and no picture that can be shown",
            why="it holds bytes that no text has",
            field="files",
        )
    return text


def _too_long(path: str, size: int) -> TooLargeError:
    most = f"{FILE_LIMIT} of a text and {MOST_BYTES} of a picture can be given with a prompt"
    return TooLargeError(
        f"{path} has {size} bytes; {most}",
        remedy="Name it in the prompt instead: the model reads the parts it needs.",
        field="files",
    )
