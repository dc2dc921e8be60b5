"""What is read out of a whole log, in the worker process: its replay, its verification, its workflow.

Each reads a session's log once, from the first byte to the last, archived or not, and answers with plain values. It
must never write. The worker has no doors, so this module reads the disk directly. Named in `agentd.worker.JOBS`.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator

import msgspec

from agentd.chain.frame import Line
from agentd.session.entries import Entry
from agentd.session.fold import fold
from agentd.session.log_stream import LogFile, RawLine, find_log, read_lines
from agentd.session.state import SessionState
from agentd.session.state_hash import state_hash
from agentd.session.workflow import workflow
from agentd.turn.replay import replay

__all__ = ["run_replay", "run_verify", "run_workflow"]

_CHUNK = 1024 * 1024
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_decoder: msgspec.json.Decoder[Entry] = msgspec.json.Decoder(Entry)


def run_replay(folder: str) -> dict[str, object]:
    """Replay the session in `folder`: `{entries, recorded_by, machine, hash, damaged_at, differences}`. `differences` are
    `[seq, recorded, replayed]`; `damaged_at` is the byte from which on the log can't be read, or None."""
    end = 0

    def lines() -> Iterator[Line[Entry]]:
        nonlocal end
        for raw in _lines(folder):
            yield Line(raw.seq, raw.at_ms, _decoder.decode(raw.raw), 0, 0, raw.link)
            end = raw.end

    found = replay(lines())
    return {
        "entries": found.entries,
        "recorded_by": found.recorded_by,
        "machine": found.machine,
        "hash": found.hash,
        "damaged_at": end if _is_damaged(find_log(folder), end) else None,
        "differences": [[one.seq, one.recorded, one.replayed] for one in found.differences],
    }


def _is_damaged(log: LogFile | None, end: int) -> bool:
    """Whether more follows byte `end` than a last line that is just being written."""
    if log is None or log.archived or end >= log.stamp[1]:
        return False
    descriptor = os.open(log.path, _READ)
    try:
        return b"\n" in os.pread(descriptor, log.stamp[1] - end, end)
    finally:
        os.close(descriptor)


def run_workflow(folder: str, after: str, limit: int) -> list[object]:
    """At most `limit` steps behind the one named `after` ("": from the first), as the wire has them."""
    entries = ((raw.at_ms, _decoder.decode(raw.raw)) for raw in _lines(folder))
    steps = workflow(entries, lambda digest: os.path.exists(f"{folder}/blobs/{digest}"))
    ids = [step.id for step in steps]
    start = ids.index(after) + 1 if after in ids else 0
    return [msgspec.to_builtins(step) for step in steps[start : start + limit]]


def run_verify(folder: str) -> dict[str, object]:
    """Read every byte of the session in `folder`: `{entries, end, bytes, blobs, state_hash, findings}`. `end`: where the
    last good line ends; `bytes`: the size of the log's file."""
    state = SessionState()
    end = 0
    findings: list[str] = []
    log = find_log(folder)
    for raw in _lines(folder):
        try:
            entry = _decoder.decode(raw.raw)
        except msgspec.MsgspecError as fault:
            findings.append(f"{log.path if log else folder}: byte {end}: this version can't read the entry: {fault}")
            break
        state = fold(state, raw.seq, raw.at_ms, entry)
        end = raw.end
    size = log.stamp[1] if log is not None else 0
    if log is not None and not findings and _is_damaged(log, end):
        findings.append(f"{log.path}: byte {end}: what follows can't be trusted ({size - end} bytes)")
    blobs = _blobs(f"{folder}/blobs", findings)
    return {
        "entries": state.seq,
        "end": end,
        "bytes": size,
        "blobs": blobs,
        "state_hash": state_hash(state),
        "findings": findings,
    }


def _lines(folder: str) -> Iterator[RawLine]:
    log = find_log(folder)
    lines = read_lines(log) if log is not None else None
    return iter(()) if lines is None else lines


def _blobs(folder: str, findings: list[str]) -> int:
    """How many there are; those whose bytes do not fit their name are told in `findings`."""
    try:
        names = sorted(name for name in os.listdir(folder) if len(name) == hashlib.sha256().digest_size * 2)
    except FileNotFoundError:
        return 0
    for name in names:
        try:
            digest = _digest(f"{folder}/{name}")
        except OSError as fault:
            findings.append(f"{folder}/{name}: it can't be read: {fault.strerror}")
            continue
        if digest != name:
            findings.append(f"{folder}/{name}: its bytes do not fit its name: it was changed")
    return len(names)


def _digest(path: str) -> str:
    descriptor = os.open(path, _READ)
    try:
        digest = hashlib.sha256()
        while data := os.read(descriptor, _CHUNK):
            digest.update(data)
        return digest.hexdigest()
    finally:
        os.close(descriptor)
