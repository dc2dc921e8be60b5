"""The mapping of OSErrors: every errno becomes one class, and every message names the path."""

from __future__ import annotations

import errno
import os

import pytest

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
from agentd.world.disk_errors import at_path, disk_error

EXPECTED = {
    "ENOENT": MissingFileError,
    "ENOTDIR": MissingFileError,
    "EACCES": ForbiddenFileError,
    "EPERM": ForbiddenFileError,
    "EROFS": ForbiddenFileError,
    "ENOSPC": DiskFullError,
    "EDQUOT": DiskFullError,
    "EEXIST": FileExistsError_,
    "ELOOP": LinkInPathError,
    "EISDIR": NotRegularFileError,
}


@pytest.mark.parametrize("number", sorted(errno.errorcode))
def test_every_errno_becomes_one_class_that_names_the_path(number: int) -> None:
    name = errno.errorcode[number]
    error = disk_error(number, "/a/path", "read")
    assert type(error) is EXPECTED.get(name, DiskError)
    assert (error.what, error.why) == (f"cannot read /a/path: {os.strerror(number)}", name)


def test_an_oserror_leaves_the_block_translated_with_its_cause() -> None:
    cause = OSError(errno.EIO, "Input/output error")
    with pytest.raises(DiskError, match="cannot sync /log") as caught, at_path("/log", "sync"):
        raise cause
    assert caught.value.__cause__ is cause


def test_a_name_that_no_file_can_have_is_the_callers_fault() -> None:
    with pytest.raises(BadInputError, match="no file can have the name"), at_path("/a\0b", "read"):
        os.stat("/a\0b")


def test_other_exceptions_pass_untouched() -> None:
    with pytest.raises(KeyError), at_path("/x", "read"):
        raise KeyError("x")
