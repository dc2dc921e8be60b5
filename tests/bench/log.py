"""The log: append, sync and acknowledge beside a bare write and fdatasync of the same bytes; opening a large log."""

from __future__ import annotations

import asyncio
import os
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from agentd.session.entries import Actor, Entry, Notice, Requested
from agentd.session.log import SessionLog
from agentd.session.store import SessionStore
from agentd.world.doors import World
from agentd.world.real import real_world
from bench.ground import folder
from bench.history import grow
from bench.rows import Row, interleaved, ratio_of_pairs

__all__ = ["measure"]

_ROUNDS = 300
_LARGE = 100_000_000
_OPENINGS = 7


def measure() -> list[Row]:
    with folder() as root:
        return [_append(root / "a"), *_open(root / "o")]


def _append(root: Path) -> Row:
    """On the disk, one entry that has to be durable at a time: the worst case, since nothing shares a sync."""
    world, store = _store(root)
    log = store.create("s1")
    # Synced by its type (`durable`), as what a client's request becomes.
    entry: Entry = Requested(turn="s1.t1", actor=Actor("client", "c1"), key="k" * 32, hash="h" * 32, prompt="p" * 200)
    with asyncio.Runner() as runner:
        size = _one(runner, log, entry)
        bare = os.open(root / "bare", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        data = b"x" * size

        def limit() -> float:
            begun = time.perf_counter_ns()
            os.write(bare, data)
            os.fdatasync(bare)
            return (time.perf_counter_ns() - begun) / 1000

        async def many() -> tuple[list[float], list[float]]:
            """In one loop that goes on, as the daemon's does."""
            ours: list[float] = []
            bares: list[float] = []
            for _ in range(_ROUNDS):
                bares.append(limit())
                begun = time.perf_counter_ns()
                await log.append((entry,), 1)
                ours.append((time.perf_counter_ns() - begun) / 1000)
            return ours, bares

        ours, bares = runner.run(many())
        runner.run(world.journal.close())
        os.close(bare)
    own, disk = statistics.median(ours), statistics.median(bares)
    ratio = ratio_of_pairs(ours, bares)
    return Row(
        f"append, sync, acknowledge one entry of {size} bytes",
        f"write + fdatasync: {disk:.0f} us",
        f"{own:.0f} us",
        f"{ratio:.2f}x, +{own - disk:.0f} us",
        "<= 1.3x or +150 us",
        ratio <= 1.3 or own - disk <= 150,
    )


def _one(runner: asyncio.Runner, log: SessionLog, entry: Entry) -> int:
    before = log.size
    runner.run(log.append((entry,), 1))
    return log.size - before


def _open(root: Path) -> list[Row]:
    """The state of the head of a log of 100 MB, with a checkpoint at the end of every thousandth entry or so."""
    world, store = _store(root)
    with asyncio.Runner() as runner:
        runner.run(grow(store, "s1", bytes=_LARGE, text="word " * 1500))
        runner.run(world.journal.close())
    path = root / "data" / "sessions"
    (file,) = path.glob("*/*/s1/log.jsonl")

    def read() -> float:
        begun = time.perf_counter()
        with file.open("rb", buffering=0) as whole:
            while whole.read(1024 * 1024):
                pass
        return (time.perf_counter() - begun) * 1000

    def opened() -> float:
        begun = time.perf_counter()
        log = store.open("s1")
        found = (time.perf_counter() - begun) * 1000
        assert log.problem is None
        log.close()
        return found

    bare, ours = interleaved(_OPENINGS, read, opened)
    limit, own = statistics.median(bare), statistics.median(ours)
    begun = time.perf_counter()
    SessionLog.open(world, str(file.parent)).close()
    whole = (time.perf_counter() - begun) * 1000
    size = file.stat().st_size / 1e6
    return [
        Row(
            f"opening a log of {size:.0f} MB with checkpoints",
            f"reading it whole from the cache: {limit:.0f} ms",
            f"{own:.1f} ms",
            f"{own / limit:.2f}x",
            "<= 300 ms",
            own <= 300,
        ),
        Row("the same without a checkpoint: all of it verified", f"{limit:.0f} ms", f"{whole:.0f} ms", f"{whole / limit:.0f}x"),
    ]


def _store(root: Path) -> tuple[World, SessionStore]:
    world = real_world(str(root / "run"))
    store = SessionStore(world, str(root / "data"), str(root / "state"))
    store.prepare()
    return world, store
