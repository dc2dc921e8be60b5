"""Long sessions: a daemon's own log with its last turn recorded again and again, as if it had gone on for weeks.

The entries are the daemon's, the log and its checkpoints are written by the daemon's own code; only the turns did not
run.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from agentd.session.entries import Checkpoint, Entry, Requested
from agentd.session.log import SessionLog
from agentd.session.store import SessionStore
from agentd.world.doors import World
from agentd.world.real import real_world
from bench.talk import one_turn
from support.daemon import RealDaemon

__all__ = ["grow", "open_store", "seed"]

_decoder: msgspec.json.Decoder[Entry] = msgspec.json.Decoder(Entry)
_AT_ONCE = 40
"""Turns of one append: making a history must not cost a sync for each."""


def seed(home: RealDaemon) -> str:
    """A session of two turns in a daemon that is stopped then; its id."""
    with home.client("bench") as client:
        first = one_turn(client, str(home.user))
        one_turn(client, str(home.user), first.session)
    assert home.stop() == 0
    return first.session


def open_store(home: RealDaemon) -> tuple[World, SessionStore]:
    world = real_world(home.folders.run)
    return world, SessionStore(world, home.folders.data, home.folders.state)


async def grow(home: RealDaemon, session: str, *, entries: int = 0, size: int = 0) -> None:
    """Repeat the session's last turn until its log has so many `entries` or bytes. No daemon may run."""
    world, store = open_store(home)
    log = store.open(session)
    turn = _last_turn(log)
    number = log.state.turns
    while log.state.seq < entries or log.size < size:
        more: list[Entry] = []
        for _ in range(_AT_ONCE):
            number += 1
            more += _again(turn, number)
        await log.append(more, log.state.updated_at_ms + 1)
        checkpoint = log.checkpoint_due()
        if checkpoint is not None:
            await log.append((checkpoint,), log.state.updated_at_ms)
    assert log.problem is None
    store.keep_head(session, log.head())
    log.close()
    await world.journal.close()


def _last_turn(log: SessionLog) -> Sequence[Entry]:
    lines = [line.entry for line in log.lines_after(0, 1_000) if not isinstance(line.entry, Checkpoint)]
    start = max(at for at, entry in enumerate(lines) if isinstance(entry, Requested))
    return lines[start:]


def _again(turn: Sequence[Entry], number: int) -> list[Entry]:
    """The turn's entries under another number, with another key."""
    said = turn[0]
    assert isinstance(said, Requested)
    session, _, _ = said.turn.rpartition(".")
    old, new = f'"{said.turn}'.encode(), f'"{session}.t{number}'.encode()
    key = said.key.encode()
    return [
        _decoder.decode(msgspec.json.encode(entry).replace(old, new).replace(key, b"bench%d" % number))
        for entry in turn
    ]
