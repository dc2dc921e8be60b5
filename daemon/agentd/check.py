"""`agentd check`: reads every log of a home from its first byte to its last, changes nothing, names each damage.

It looks at session logs, archived or not (chain, numbers, entries that this version can read, and whether the end that
was known is there; of an archive that it holds what was packed), at their blobs (a blob's name is the hash of its bytes), and at the logs of requests and events. It decides what
counts as damage and what is only worth a word: an unfinished last line is what a crash leaves, and the next start cuts
it off. It takes no lock, so a daemon may be at work meanwhile. Callers: `agentd.cli`, `agentd.repair`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

import msgspec

from agentd.chain.file import is_torn_tail, scan_lines
from agentd.chain.frame import FIRST_LINK, Damage
from agentd.errors import AgentdError, DamagedLogError, MissingFileError
from agentd.session.archive import ARCHIVE_FILE, ArchiveHandle, verify
from agentd.session.entries import Entry
from agentd.session.folders import SESSION_ID
from agentd.session.log import LOG_FILE
from agentd.session.requests import Accepted
from agentd.session.store import SessionStore
from agentd.telemetry.eventlog import EVENTS_FILE, EventLine
from agentd.world.doors import Handle, World

__all__ = ["EXIT_DAMAGE", "Finding", "Kind", "check", "examine"]

EXIT_DAMAGE = 7

_CHUNK = 1024 * 1024
_REQUESTS_FILE = "requests.jsonl"

Kind = Literal["log", "archive", "end", "blob", "unreadable", "notice"]
"""`log`: bytes that can't be trusted, from `offset` on. `archive`: the same of a packed log, `offset` in what can be
unpacked. `end`: entries are missing at a line's end. `blob`: its bytes
do not fit its name. `unreadable`: the file can't be opened or read. `notice`: no damage."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing about one file; `offset` in bytes where that says something. `session`: whose file it is."""

    path: str
    kind: Kind
    reason: str
    offset: int | None = None
    session: str | None = None

    @property
    def is_damage(self) -> bool:
        return self.kind != "notice"

    def line(self) -> str:
        """`path: byte N: reason`."""
        place = "" if self.offset is None else f"byte {self.offset}: "
        return f"{self.path}: {place}{self.reason}"


def check(world: World, data: str, state: str, say: Callable[[str], None]) -> int:
    """Say every finding and a last line with the sum; the exit code (0, or 7 where there is damage). `data` and
    `state` are the home's folders, which may be missing."""
    findings = list(examine(world, data, state))
    for finding in findings:
        say(finding.line())
    damaged = {finding.path for finding in findings if finding.is_damage}
    count = len(SessionStore(world, data, state).ids()) if _is_there(world, f"{data}/sessions") else 0
    if not damaged:
        say(f"{count} sessions: no damage")
        return 0
    say(f"{count} sessions: {len(damaged)} damaged files; `agentd repair` keeps what can be had")
    return EXIT_DAMAGE


def examine(world: World, data: str, state: str) -> Iterator[Finding]:
    """Every finding, session by session (newest first), then the logs of `state/`."""
    store = SessionStore(world, data, state)
    if _is_there(world, f"{data}/sessions"):
        for session in store.ids():
            yield from _session(world, store, data, session)
    for name in _names_in(world, state):
        path = f"{state}/{name}"
        if name == _REQUESTS_FILE:
            yield from _log(world, path, msgspec.json.Decoder(Accepted), None)[0]
        elif name == EVENTS_FILE or (
            name.startswith(f"{EVENTS_FILE}.") and name.removeprefix(f"{EVENTS_FILE}.").isdigit()
        ):
            yield from _log(world, path, msgspec.json.Decoder(EventLine), None)[0]


def _session(world: World, store: SessionStore, data: str, session: str) -> Iterator[Finding]:
    if not SESSION_ID.fullmatch(session):
        yield Finding(f"{data}/sessions/.../{session}", "notice", "this is no session; it is left alone")
        return
    folder = store.folder(session)
    path = f"{folder}/{LOG_FILE}"
    packed = f"{folder}/{ARCHIVE_FILE}"
    if _is_there(world, path):
        findings, last_seq, size = _log(world, path, msgspec.json.Decoder(Entry), session)
        if _is_there(world, packed):
            reason = "the log itself is there too, and is what counts: this is left of a packing that was interrupted"
            findings.append(Finding(packed, "notice", reason, session=session))
    elif _is_there(world, packed):
        path = packed
        findings, last_seq, size = _archive(world, folder, session)
    else:
        yield Finding(
            path, "notice", "there is no log: the session was never begun, or none of it could be kept", session=session
        )
        return
    yield from findings
    if not any(finding.is_damage for finding in findings):
        head = store.head(session)
        if head is not None and head.seq > last_seq:
            missing = head.seq - last_seq
            reason = f"the log ends with entry {last_seq}, but {missing} more had been written"
            yield Finding(path, "end", reason, size, session)
    yield from _blobs(world, f"{folder}/blobs", session)


def _log(
    world: World, path: str, decoder: msgspec.json.Decoder[Any], session: str | None
) -> tuple[list[Finding], int, int]:
    """(findings, number of the last good line, where it ends)."""
    try:
        handle = world.files.open_read(path)
    except AgentdError as fault:
        return [Finding(path, "unreadable", fault.what, None, session)], 0, 0
    return _lines(handle, path, decoder, session)


def _lines(
    handle: Handle, path: str, decoder: msgspec.json.Decoder[Any], session: str | None
) -> tuple[list[Finding], int, int]:
    last_seq, end = 0, 0
    try:
        for line in scan_lines(handle, 0, FIRST_LINK, 1, decoder):
            if isinstance(line, Damage):
                total = handle.size()
                if is_torn_tail(handle, line.offset, total):
                    reason = f"the last line is unfinished ({total - line.offset} bytes); the next start cuts it off"
                    return [Finding(path, "notice", reason, line.offset, session)], last_seq, end
                return [Finding(path, "log", line.reason, line.offset, session)], last_seq, end
            last_seq, end = line.seq, line.offset + line.length
    except AgentdError as fault:
        return [Finding(path, "unreadable", fault.what, None, session)], last_seq, end
    finally:
        handle.close()
    return [], last_seq, end


def _archive(world: World, folder: str, session: str) -> tuple[list[Finding], int, int]:
    """The same for a packed log: damaged as an archive, or packed damage, it is good up to the last good line."""
    path = f"{folder}/{ARCHIVE_FILE}"
    findings, last_seq, end = _lines(ArchiveHandle(world.files, folder), path, msgspec.json.Decoder(Entry), session)
    if any(finding.kind == "unreadable" for finding in findings):
        return findings, last_seq, end
    try:
        verify(world.files, folder)
    except DamagedLogError as fault:
        return [Finding(path, "archive", fault.why, end, session)], last_seq, end
    except AgentdError as fault:
        return [Finding(path, "unreadable", fault.what, None, session)], last_seq, end
    return [Finding(path, "archive", finding.reason, end, session) for finding in findings], last_seq, end


def _blobs(world: World, folder: str, session: str) -> Iterator[Finding]:
    for name in _names_in(world, folder):
        path = f"{folder}/{name}"
        if len(name) != 64:
            yield Finding(path, "notice", "this is no blob; it is left alone", session=session)
            continue
        try:
            digest = _digest(world, path)
        except AgentdError as fault:
            yield Finding(path, "unreadable", fault.what, session=session)
            continue
        if digest != name:
            yield Finding(path, "blob", "its bytes do not fit its name: it was changed", session=session)


def _digest(world: World, path: str) -> str:
    handle = world.files.open_read(path)
    try:
        digest, at = hashlib.sha256(), 0
        while data := handle.read(at, _CHUNK):
            digest.update(data)
            at += len(data)
    finally:
        handle.close()
    return digest.hexdigest()


def _names_in(world: World, folder: str) -> list[str]:
    try:
        return [name for name, _ in world.files.list(folder)]
    except MissingFileError:
        return []


def _is_there(world: World, path: str) -> bool:
    return world.files.info(path) is not None
