"""The one file that a session is handed over in: a gzipped tar of `manifest.json`, `log.jsonl`, `blobs/<sha256>`.

It decides the bytes (no times, no owners, one order: the same session gives the same file) and what is believed of a file
from elsewhere: nothing but what the manifest lists, in its order, with its sizes and digests, under names that lead
nowhere; no links, no other kinds, no more than the limits. Headers are read one at a time, never by a library that
unpacks by itself. It knows nothing of what a log says. Caller: `session.handover_jobs`.
"""

from __future__ import annotations

import hashlib
import re
import tarfile
import zlib
from collections.abc import Iterator, Mapping, Sequence

import msgspec

from agentd.errors import BadInputError, TooLargeError
from agentd.session.folders import SESSION_ID
from agentd.session.handover_copy import BLOB_BYTES
from agentd.session.handover_survey import ModelUse
from agentd.world.doors import Files, Handle

__all__ = ["FORMAT", "LIMITS", "LOG_MEMBER", "MANIFEST", "Bundle", "Manifest", "Member", "pack"]

FORMAT = 1
MANIFEST, LOG_MEMBER = "manifest.json", "log.jsonl"
_KIND = "agentd session"

LIMITS: Mapping[str, tuple[int, str]] = {
    "manifest": (32 * 1024 * 1024, "100,000 members have a line of some 150 bytes each"),
    "log": (2 * 1024**3, "twenty times the longest log that has to open quickly"),
    "line": (64 * 1024 * 1024, "no entry is longer; without an end of line all of it would have to be held"),
    "blob": (BLOB_BYTES, "what is read of a blob at once"),
    "members": (100_000, "a blob for each call of the longest session"),
    "all": (8 * 1024**3, "bytes when unpacked: what a home can take in before anybody has looked at it"),
}
"""Most bytes (or members), and why. They are checked while unpacking, before anything is kept."""

_BLOCK = 512
_CHUNK = 1024 * 1024
_MEMBER = re.compile(r"log\.jsonl|blobs/[0-9a-f]{64}")
_GZIP = 31  # zlib's word for: with a gzip header (which has no time then)
_PADDING = 64 * 1024


class Member(msgspec.Struct, frozen=True):
    name: str
    bytes: int
    sha256: str


class Manifest(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the file says of itself. `models`, `settings` and `rules` are what was in force as far as the log shows."""

    kind: str
    format: int
    product: str
    machine: int
    session: str
    entries: int
    state_hash: str
    redacted: bool
    members: tuple[Member, ...]
    replaced: dict[str, int] = {}
    left_out: dict[str, int] = {}
    models: dict[str, ModelUse] = {}
    settings: dict[str, str | int] = {}
    rules: tuple[tuple[str, str], ...] = ()


def pack(files: Files, folder: str, path: str, manifest: Manifest) -> int:
    """Write the bundle of the session in `folder` as the new file `path`, synced; its bytes. `manifest` comes without
    members: they are what lies in the folder."""
    members = tuple(_member(files, folder, name) for name in _names(files, folder))
    plain = msgspec.json.format(msgspec.json.encode(msgspec.structs.replace(manifest, kind=_KIND, members=members)))
    files.create_exclusive(path)
    handle = files.open_append(path)
    try:
        machine = zlib.compressobj(6, zlib.DEFLATED, _GZIP)
        for piece in _tar(files, folder, plain, members):
            data = machine.compress(piece)
            if data:
                handle.append(data)
        handle.append(machine.flush())
        handle.sync()
        return handle.size()
    finally:
        handle.close()


def _names(files: Files, folder: str) -> list[str]:
    has_blobs = files.info(f"{folder}/blobs") is not None
    blobs = [f"blobs/{name}" for name, _ in files.list(f"{folder}/blobs")] if has_blobs else []
    return [LOG_MEMBER, *blobs]


def _pieces(files: Files, path: str) -> Iterator[bytes]:
    handle = files.open_read(path)
    try:
        at = 0
        while data := handle.read(at, _CHUNK):
            at += len(data)
            yield data
    finally:
        handle.close()


def _member(files: Files, folder: str, name: str) -> Member:
    digest, size = hashlib.sha256(), 0
    for data in _pieces(files, f"{folder}/{name}"):
        digest.update(data)
        size += len(data)
    return Member(name, size, digest.hexdigest())


def _tar(files: Files, folder: str, manifest: bytes, members: Sequence[Member]) -> Iterator[bytes]:
    yield from (_header(MANIFEST, len(manifest)), manifest, _filling(len(manifest)))
    for member in members:
        yield _header(member.name, member.bytes)
        yield from _pieces(files, f"{folder}/{member.name}")
        yield _filling(member.bytes)
    yield bytes(2 * _BLOCK)


def _header(name: str, size: int) -> bytes:
    info = tarfile.TarInfo(name)
    info.size, info.mode = size, 0o600
    return info.tobuf(tarfile.USTAR_FORMAT, "ascii", "strict")


def _filling(size: int) -> bytes:
    return bytes(-size % _BLOCK)


class Bundle:
    """A bundle that is being read: its manifest first, then each member in order. BadInputError, with the reason, for
    whatever it is not; TooLargeError at a limit."""

    def __init__(self, handle: Handle) -> None:
        self._handle = handle
        self._at = 0
        self._given = 0
        self._machine = zlib.decompressobj(_GZIP)
        self.manifest = self._read_manifest()

    def _read_manifest(self) -> Manifest:
        name, size = self._next()
        if name != MANIFEST:
            raise _bad(f"its first member is {name[:60]!r}, not {MANIFEST}")
        _within("manifest", size, name)
        data = b"".join(self._content(size))
        try:
            manifest = msgspec.json.decode(data, type=Manifest)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as fault:
            raise _bad(f"its manifest can't be read: {fault}") from None
        if manifest.kind != _KIND:
            raise _bad(f"its kind is {manifest.kind[:60]!r}")
        if manifest.format != FORMAT:
            raise _bad(f"its format is {manifest.format}; this version reads {FORMAT}")
        if not SESSION_ID.fullmatch(manifest.session):
            raise _bad(f"{manifest.session[:40]!r} is no session id")
        _check_members(manifest.members)
        return manifest

    def members(self) -> Iterator[tuple[Member, Iterator[bytes]]]:
        """Each member with its bytes, which have to be taken before the next one; its digest is checked at their end."""
        for member in self.manifest.members:
            name, size = self._next()
            if (name, size) != (member.name, member.bytes):
                raise _bad(
                    f"it holds {name[:80]!r} of {size} bytes where the manifest has {member.name} of {member.bytes}"
                )
            yield member, self._checked(member)
        left = b"".join(self._bytes(None))
        if len(left) < _BLOCK or any(left) or self._machine.unused_data or self._handle.size() != self._at:
            raise _bad("something follows its last member")

    def _checked(self, member: Member) -> Iterator[bytes]:
        digest = hashlib.sha256()
        for data in self._content(member.bytes):
            digest.update(data)
            yield data
        if digest.hexdigest() != member.sha256:
            raise _bad(f"{member.name} is not what the manifest says: its digest differs")

    def _next(self) -> tuple[str, int]:
        raw = b"".join(self._bytes(_BLOCK))
        try:
            info = tarfile.TarInfo.frombuf(raw, "ascii", "strict")
        except (tarfile.HeaderError, UnicodeDecodeError) as fault:
            raise _bad(f"a header in it can't be read: {fault}") from None
        if info.type != tarfile.REGTYPE:
            raise _bad(f"{info.name[:60]!r} in it is no regular file")
        return info.name, info.size

    def _content(self, size: int) -> Iterator[bytes]:
        yield from self._bytes(size)
        if any(b"".join(self._bytes(-size % _BLOCK))):
            raise _bad("there is something between its members")

    def _bytes(self, size: int | None) -> Iterator[bytes]:
        """The next `size` unpacked bytes, in pieces; None: what is left, which may only be padding."""
        left = _PADDING if size is None else size
        while left:
            piece = self._unpacked(min(left, _CHUNK))
            if not piece:
                if size is None:
                    return
                raise _bad("it is cut off")
            left -= len(piece)
            yield piece

    def _unpacked(self, most: int) -> bytes:
        while not self._machine.eof:
            packed = self._machine.unconsumed_tail
            if not packed:
                packed = self._handle.read(self._at, _CHUNK)
                self._at += len(packed)
            try:
                data = self._machine.decompress(packed, most)
            except zlib.error as fault:
                raise _bad(f"it is no gzip file: {fault}") from None
            if data:
                self._given += len(data)
                _within("all", self._given, "its contents")
                return data
            if not packed:
                return b""
        return b""


def _check_members(members: Sequence[Member]) -> None:
    _within("members", len(members), "its manifest")
    names = [member.name for member in members]
    if len(set(names)) != len(names) or names[:1] != [LOG_MEMBER]:
        raise _bad("its manifest does not list one log and then different blobs")
    for member in members:
        if not _MEMBER.fullmatch(member.name):
            raise _bad(f"it lists {member.name[:80]!r}, which is no part of a session")
        is_log = member.name == LOG_MEMBER
        _within("log" if is_log else "blob", member.bytes, member.name)
        if member.bytes < 0 or (not is_log and member.name != f"blobs/{member.sha256}"):
            raise _bad(f"the name of {member.name} does not fit its digest")
    _within("all", sum(member.bytes for member in members), "its contents")


def _within(limit: str, size: int, what: str) -> None:
    most, _ = LIMITS[limit]
    if size > most:
        raise TooLargeError(f"{what} has {size}; {most} are allowed", why=LIMITS[limit][1], field="path")


def _bad(why: str) -> BadInputError:
    return BadInputError(
        "this file is no session that can be taken in",
        why=why,
        remedy="Let it be made anew: `agentctl sessions export`.",
        field="path",
    )
