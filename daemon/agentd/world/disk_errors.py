"""The one table that turns an OSError into a leaf of `DiskError`, and the block that applies it.

It decides which class an errno becomes and that each message names the path. It must never swallow an error and never
look at the disk. Every file door call, real and fake, goes through it.
"""

from __future__ import annotations

import errno
import os
from types import TracebackType

from agentd.errors import (
    BadInputError,
    DiskError,
    DiskFullError,
    FileExistsError_,
    ForbiddenFileError,
    LinkInPathError,
    MissingFileError,
    NotRegularFileError,
)

__all__ = ["LEAVES", "at_path", "disk_error"]

LEAVES: dict[int, type[DiskError]] = {
    errno.ENOENT: MissingFileError,
    errno.ENOTDIR: MissingFileError,
    errno.EACCES: ForbiddenFileError,
    errno.EPERM: ForbiddenFileError,
    errno.EROFS: ForbiddenFileError,
    errno.ENOSPC: DiskFullError,
    errno.EDQUOT: DiskFullError,
    errno.EEXIST: FileExistsError_,
    errno.ELOOP: LinkInPathError,
    # Not asked of the disk but of the name: a folder where a file is meant.
    errno.EISDIR: NotRegularFileError,
}
"""errno -> class; what is not listed is a plain `DiskError`."""


def disk_error(number: int, path: str, doing: str) -> DiskError:
    """The error for errno `number`, met while `doing` ("read", "write", ...) with `path`."""
    return LEAVES.get(number, DiskError)(
        f"cannot {doing} {path}: {os.strerror(number)}", why=errno.errorcode.get(number, str(number))
    )


class at_path:
    """A block whose OSErrors come out translated, naming `path`.

    A path that no file system can hold (a NUL, text that has no bytes) is a `BadInputError`: the caller's, not the
    disk's.
    """

    __slots__ = ("_doing", "_path")

    def __init__(self, path: str, doing: str) -> None:
        self._path = path
        self._doing = doing

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        if isinstance(error, OSError):
            raise disk_error(error.errno or 0, self._path, self._doing) from error
        if isinstance(error, ValueError):
            raise BadInputError(f"no file can have the name {self._path!r}", why=str(error), field="path") from error
