"""Brings files back, one by one, as a recorded revert says; performs, decides nothing.

Each step names the bytes that have to be there. A file that holds others by now is left alone, and said so. What is
replaced is kept first, so that the revert can be taken back. Going through the same steps again after a crash is safe:
what is done already is found done. Callers: `turn.runner`, and `turn.taking_back` to look.
"""

from __future__ import annotations

import hashlib
from typing import Literal

from agentd.errors import AgentdError, MissingFileError
from agentd.session.revisions import FileOutcome, FileStep, Reverted, Reverting
from agentd.session.store import SessionStore
from agentd.turn.reverting import CANT_READ
from agentd.world.doors import Files, World

__all__ = ["DIGEST_JOB", "digest_in", "digest_now", "look", "restore"]

_ROOT = "/"
_NO_BOUND = 1 << 62
DIGEST_JOB = "digest"
_LARGE_BYTES = 4 * 1024 * 1024
"""From here on reading and hashing a file takes more than some milliseconds."""
_JOB_MS = 30_000


def digest_now(world: World, path: str) -> str | None:
    """sha256 of what lies at the real path `path`, None when nothing does, CANT_READ when it can't be told."""
    return digest_in(world.files, path)


def digest_in(files: Files, path: str) -> str | None:
    """The same for who has no world: the worker process."""
    try:
        return _digest(_read(files, path))
    except AgentdError:
        return CANT_READ


async def look(world: World, path: str) -> str | None:
    """What `digest_now` says, without keeping the loop for a large file."""
    try:
        info = world.files.info(path)
        if info is not None and info.size > _LARGE_BYTES:
            found = await world.processes.job(DIGEST_JOB, {"path": path}, _JOB_MS)
            return found if found is None or isinstance(found, str) else CANT_READ
    except AgentdError:
        return CANT_READ
    return digest_now(world, path)


async def restore(
    world: World, store: SessionStore, session: str, entry: Reverting, most_bytes: int = _NO_BOUND
) -> Reverted:
    """Do what `entry` says; what became of each file. `most_bytes`: what the session may keep in blobs."""
    outcomes = list(entry.kept)
    for step in entry.files:
        outcomes.append(_one(world, store, session, step, most_bytes))
        await world.clock.sleep(0)
    return Reverted(
        kind=entry.kind,
        actor=entry.actor,
        turns=entry.turns,
        calls=entry.calls,
        files=tuple(outcomes),
        undoes=entry.undoes,
    )


def _one(world: World, store: SessionStore, session: str, step: FileStep, most_bytes: int) -> FileOutcome:
    try:
        return _bring_back(world, store, session, step, most_bytes)
    except AgentdError as fault:
        there = digest_now(world, step.path)
        if there == step.then:  # it is there, only whether it would outlast a power cut is not known
            action: Literal["removed", "restored"] = "removed" if step.then is None else "restored"
            return FileOutcome(step.path, action, fault.what, step.now, step.then, step.mode)
        return FileOutcome(step.path, "kept", fault.what, there, there)


def _bring_back(world: World, store: SessionStore, session: str, step: FileStep, most_bytes: int) -> FileOutcome:
    there = _read(world.files, step.path)
    digest = _digest(there)
    action: Literal["removed", "restored"] = "removed" if step.then is None else "restored"
    info = world.files.info(step.path)
    mode = info.mode if info is not None else step.mode
    if digest == step.then:
        if info is not None and step.mode is not None and info.mode != step.mode:
            world.files.set_mode(step.path, step.mode)
        return FileOutcome(step.path, action, "", step.now, step.then, mode)
    if digest != step.now:
        return FileOutcome(step.path, "kept", "somebody else changed it meanwhile", digest, digest)
    if there is not None:
        new = not store.has_blob(session, digest or "")
        if new and store.blob_bytes(session) + len(there) > most_bytes:
            reason = "there is no room to keep what it holds now (undo.session_bytes)"
            return FileOutcome(step.path, "kept", reason, digest, digest)
        store.put_blob(session, there)
    if _digest(_read(world.files, step.path)) != digest:
        return FileOutcome(step.path, "kept", "somebody else changed it meanwhile", digest, digest)
    if step.then is None:
        world.files.remove(step.path)
        world.files.sync_folder(step.path.rpartition("/")[0] or _ROOT)
    else:
        data = store.get_blob(session, step.then)
        if info is not None and info.kind == "dir":
            world.files.remove(step.path)  # only an empty one can be
        world.files.write_below(_ROOT, step.path.lstrip("/"), data, create=there is None, mode=step.mode)
        if there is not None and step.mode is not None and mode != step.mode:
            world.files.set_mode(step.path, step.mode)
    return FileOutcome(step.path, action, "", step.now, step.then, mode)


def _read(files: Files, path: str) -> bytes | None:
    """The bytes there; None when nothing is. No link is followed on the way: the path was real when it was recorded."""
    try:
        return files.read_below(_ROOT, path.lstrip("/"))
    except MissingFileError:
        return None
    except AgentdError:
        # No file lies at the path where a file stands in place of a folder on the way, or a folder in its own place.
        info = files.info(path)
        if info is None or info.kind == "dir":
            return None
        raise


def _digest(data: bytes | None) -> str | None:
    return None if data is None else hashlib.sha256(data).hexdigest()
