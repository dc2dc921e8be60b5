"""What a snapshot keeps on disk: contents named by their sha256, and manifests that say which file held which.

    <store>/<sha256>            a content, 0600, by temporary file and rename, not synced: all of it may be lost
    <store>/<name>.manifest     one look at a workspace (msgpack); `latest.manifest` is the newest, kept as a cache

It decides how these files look, that a content is believed only when its bytes fit its name, and what is removed:
contents that no manifest names, manifests of yesterday, and the oldest manifests when together they name more than the
store may hold. It must never touch anything outside the store but the blobs folder that it is told to fill. Part of
`snapshot_jobs`; it runs in the worker process, one job at a time, and reads the disk directly.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import NamedTuple

import msgpack

from agentd.tools.walking import FolderRules, read_regular
from agentd.world.handles import sync_folder_at
from agentd.world.replace import replace_at

__all__ = ["LATEST", "MOST_AGE_NS", "STORE_FACTOR", "SUFFIX", "Blobs", "Contents", "Manifest", "Noted", "trim"]

SUFFIX = ".manifest"
LATEST = f"latest{SUFFIX}"

STORE_FACTOR = 4
"""The contents that all manifests of a store name together are at most this many times what one snapshot may hold: a
few sessions at work in one workspace, and the contents that they have in common count once."""

MOST_AGE_NS = 24 * 3_600 * 1_000_000_000
"""A manifest older than a day belongs to a call that nobody will compare any more (a command runs ten minutes)."""

_FORMAT = 1
_MOST_MANIFEST_BYTES = 512 * 1024 * 1024
_MOST_CONTENT_BYTES = 1024 * 1024 * 1024
_CONTENT = re.compile(r"[0-9a-f]{64}")


class Noted(NamedTuple):
    """What was seen of one name. `mode`: type and permission bits; `sha256`: "" where the content is not held."""

    size: int
    mtime_ns: int
    ctime_ns: int
    inode: int
    mode: int
    sha256: str

    @classmethod
    def of(cls, status: os.stat_result, sha256: str = "") -> Noted:
        times = (status.st_mtime_ns, status.st_ctime_ns)
        return cls(status.st_size, *times, status.st_ino, status.st_mode, sha256)

    def regular(self) -> bool:
        return stat.S_ISREG(self.mode)


@dataclass(frozen=True, slots=True)
class Manifest:
    """One look at the workspace `root`, begun at `taken_ns` of wall time.

    `files`: relative path -> what was there (everything but folders). `reached`: the last path, when the look ended
    before it had seen all; `closed`: paths that could not be looked at; `rules`: what folders said about ignoring.
    """

    root: str
    taken_ns: int
    reached: str | None
    closed: tuple[str, ...]
    rules: Mapping[str, FolderRules]
    files: Mapping[str, Noted]

    def packed(self) -> bytes:
        rules = {place: (rules.begins, rules.texts) for place, rules in self.rules.items()}
        value = (_FORMAT, self.root, self.taken_ns, self.reached, self.closed, rules, self.files)
        packed = msgpack.packb(value, unicode_errors="surrogateescape")
        assert isinstance(packed, bytes)
        return packed

    @staticmethod
    def read(path: str) -> Manifest | None:
        """None when it is missing, damaged, or of another format."""
        data = read_regular(path, _MOST_MANIFEST_BYTES, follow=False)
        if data is None:
            return None
        try:
            number, root, taken_ns, reached, closed, rules, files = msgpack.unpackb(
                data, use_list=False, unicode_errors="surrogateescape"
            )
            if number != _FORMAT:
                return None
            made = {place: FolderRules(begins, texts) for place, (begins, texts) in rules.items()}
            noted = {name: Noted(*one) for name, one in files.items()}
        except (ValueError, TypeError, AttributeError, msgpack.exceptions.UnpackException):
            return None
        return Manifest(root, taken_ns, reached, closed, made, noted)


class _Folder:
    """A folder of contents named by their sha256."""

    def __init__(self, folder: str) -> None:
        self._folder = folder
        os.makedirs(folder, mode=0o700, exist_ok=True)
        self._descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)

    def close(self) -> None:
        os.close(self._descriptor)


class Contents(_Folder):
    """The contents of a store. Losing any of them costs a reading, or an undo that says so; never a wrong one."""

    def __init__(self, folder: str) -> None:
        super().__init__(folder)
        os.chmod(folder, 0o700)
        self._names = set(os.listdir(folder))

    def __contains__(self, sha256: str) -> bool:
        return sha256 in self._names

    def put(self, data: bytes) -> str:
        """Its sha256. OSError when the disk does not take it."""
        sha256 = hashlib.sha256(data).hexdigest()
        if sha256 not in self._names:
            replace_at(self._descriptor, sha256, data, 0o600, sync=False)
            self._names.add(sha256)
        return sha256

    def get(self, sha256: str) -> bytes | None:
        """None when it is gone. What does not fit its name (a power cut) is removed, so that it is read anew."""
        data = read_regular(f"{self._folder}/{sha256}", _MOST_CONTENT_BYTES, follow=False)
        if data is not None and hashlib.sha256(data).hexdigest() == sha256:
            return data
        with suppress(OSError):
            os.unlink(sha256, dir_fd=self._descriptor)
        self._names.discard(sha256)
        return None

    def write_manifest(self, name: str, packed: bytes) -> None:
        replace_at(self._descriptor, name, packed, 0o600, sync=False)

    def keep_only(self, sha256s: Iterable[str]) -> None:
        """Remove every content, and everything a killed job left, that is not named."""
        kept = set(sha256s)
        for name in self._names - kept:
            if not name.endswith(SUFFIX):
                with suppress(OSError):
                    os.unlink(name, dir_fd=self._descriptor)


class Blobs(_Folder):
    """A session's before-images: each durable, by its bytes and by its name, when `finish` has returned."""

    def has(self, sha256: str, data: bytes) -> bool:
        """Whether it was kept before; each of them was made durable then."""
        try:
            return os.stat(sha256, dir_fd=self._descriptor, follow_symlinks=False).st_size == len(data)
        except OSError:
            return False

    def put(self, sha256: str, data: bytes) -> None:
        """OSError when the disk does not take it."""
        replace_at(self._descriptor, sha256, data, 0o600)

    def finish(self) -> None:
        """The folder's own name has to last too: this may be the session's first blob."""
        sync_folder_at(self._folder)
        sync_folder_at(os.path.dirname(self._folder))


def trim(store: str, contents: Contents, current: Manifest, name: str, most_bytes: int) -> None:
    """Remove what the docstring of this module says. `current`: the manifest just written as `name`; `most_bytes`: what
    one snapshot may hold."""
    named = {one.sha256: one.size for one in current.files.values() if one.sha256}
    total = sum(named.values())
    for path in _others_newest_first(store, {name, LATEST}):
        manifest = Manifest.read(path)
        if manifest is not None and current.taken_ns - manifest.taken_ns <= MOST_AGE_NS:
            more = {one.sha256: one.size for one in manifest.files.values() if one.sha256 and one.sha256 not in named}
            if total + sum(more.values()) <= STORE_FACTOR * most_bytes:
                named |= more
                total += sum(more.values())
                continue
        with suppress(OSError):
            os.unlink(path)
    contents.keep_only(named)


def _others_newest_first(store: str, but: set[str]) -> list[str]:
    found = []
    for name in os.listdir(store):
        if name.endswith(SUFFIX) and name not in but:
            with suppress(OSError):
                path = f"{store}/{name}"
                found.append((os.lstat(path).st_mtime_ns, path))
    return [path for _, path in sorted(found, reverse=True)]
