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
from agentd.turn.reverting import UNREADABLE
from agentd.world.doors import World

__all__ = ["digest_now", "restore"]

_ROOT = "/"


def digest_now(world: World, path: str) -> str | None:
    """sha256 of what lies at the real path `path`, None when nothing does, UNREADABLE when it can't be told."""
    try:
        return _digest(_read(world, path))
    except AgentdError:
        return UNREADABLE


async def restore(world: World, store: SessionStore, session: str, entry: Reverting) -> Reverted:
    """Do what `entry` says; what became of each file."""
    outcomes = list(entry.kept)
    for step in entry.files:
        outcomes.append(_one(world, store, session, step))
        await world.clock.sleep(0)
    return Reverted(
        kind=entry.kind,
        actor=entry.actor,
        turns=entry.turns,
        calls=entry.calls,
        files=tuple(outcomes),
        undoes=entry.undoes,
    )


def _one(world: World, store: SessionStore, session: str, step: FileStep) -> FileOutcome:
    try:
        return _bring_back(world, store, session, step)
    except AgentdError as fault:
        there = digest_now(world, step.path)
        if there == step.then:  # it is there, only whether it would outlast a power cut is not known
            action: Literal["removed", "restored"] = "removed" if step.then is None else "restored"
            return FileOutcome(step.path, action, fault.what, step.now, step.then)
        return FileOutcome(step.path, "kept", fault.what, there, there)


def _bring_back(world: World, store: SessionStore, session: str, step: FileStep) -> FileOutcome:
    there = _read(world, step.path)
    digest = _digest(there)
    action: Literal["removed", "restored"] = "removed" if step.then is None else "restored"
    info = world.files.info(step.path)
    mode = info.mode if info is not None else None
    if digest == step.then:
        return FileOutcome(step.path, action, "", step.now, step.then, mode)
    if digest != step.now:
        return FileOutcome(step.path, "kept", "somebody else changed it meanwhile", digest, digest)
    if there is not None:
        store.put_blob(session, there)
    if step.then is None:
        world.files.remove(step.path)
        world.files.sync_folder(step.path.rpartition("/")[0] or _ROOT)
    else:
        data = store.get_blob(session, step.then)
        world.files.write_below(_ROOT, step.path.lstrip("/"), data, create=there is None, mode=step.mode)
    return FileOutcome(step.path, action, "", step.now, step.then, mode)


def _read(world: World, path: str) -> bytes | None:
    """The bytes there; None when nothing is. No link is followed on the way: the path was real when it was recorded."""
    try:
        return world.files.read_below(_ROOT, path.lstrip("/"))
    except MissingFileError:
        return None


def _digest(data: bytes | None) -> str | None:
    return None if data is None else hashlib.sha256(data).hexdigest()
