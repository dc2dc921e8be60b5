"""The paths that git tracks, read from the bytes of its index (versions 2 to 4, SHA-1 and SHA-256).

It decides what counts as a tracked file: submodules and folders of a sparse checkout do not. It must never read the
disk, and never fail: an index that cannot be understood names nothing, and a shared (split) one only what it holds
itself. Pure; called by `snapshot_jobs`, for the rare files that are tracked although an ignore rule names them.

The format: https://git-scm.com/docs/index-format
"""

from __future__ import annotations

import hashlib
import struct

__all__ = ["tracked_paths"]

_HEADER = struct.Struct(">4sII")
_STAT_BYTES = 40
_MODE_AT = 24
_FOLDER, _SUBMODULE = 0o040000, 0o160000
_EXTENDED = 0x4000
_LONGEST = 4_096  # bytes; each name of version 4 begins with the one before, so that long ones would fill the memory


def tracked_paths(data: bytes) -> list[str]:
    """Paths relative to the worktree's root, in the order of the index; a path in conflict comes once a side."""
    try:
        magic, version, count = _HEADER.unpack_from(data)
        return _paths(data, version, count) if magic == b"DIRC" and version in (2, 3, 4) else []
    except (struct.error, IndexError, ValueError):
        return []


def _paths(data: bytes, version: int, count: int) -> list[str]:
    hash_bytes = _hash_bytes(data)
    paths: list[str] = []
    name = b""
    at = _HEADER.size
    for _ in range(count):
        start = at
        flags_at = start + _STAT_BYTES + hash_bytes
        kind = int.from_bytes(data[start + _MODE_AT : start + _MODE_AT + 4], "big") & 0o170000
        flags = int.from_bytes(data[flags_at : flags_at + 2], "big")
        at = flags_at + (4 if version >= 3 and flags & _EXTENDED else 2)
        if version == 4:
            dropped, at = _varint(data, at)
            end = data.index(b"\0", at)
            name = name[: len(name) - dropped] + data[at:end]
            at = end + 1
        else:
            end = data.index(b"\0", at)
            name = data[at:end]
            # One to eight NULs, so that the next entry begins at a multiple of eight bytes.
            at = start + (end - start + 8) // 8 * 8
        if len(name) > _LONGEST:
            raise ValueError("a name that no file system takes")
        if kind not in (_FOLDER, _SUBMODULE):
            paths.append(name.decode("utf-8", "surrogateescape"))
    return paths


def _hash_bytes(data: bytes) -> int:
    """Length of an object's name. Nothing in the file says it but the checksum at its end (SHA-1 may be left out)."""
    return 32 if len(data) > 44 and hashlib.sha256(data[:-32]).digest() == data[-32:] else 20


def _varint(data: bytes, at: int) -> tuple[int, int]:
    byte = data[at]
    value = byte & 127
    while byte & 128:
        at += 1
        byte = data[at]
        value = ((value + 1) << 7) | (byte & 127)
    return value, at + 1
