"""The log: append, sync and acknowledge beside a bare write and fdatasync of the same bytes; opening a large log."""

from __future__ import annotations

import asyncio
import os
import statistics
import time
from pathlib import Path

from agentd.errors import DiskError
from agentd.session.actors import Actor
from agentd.session.entries import Entry, Requested
from agentd.session.log import LOG_FILE, Head, SessionLog
from agentd.session.store import SessionStore
from agentd.world.doors import World
from agentd.world.real import real_world
from bench.ground import WIDE, daemon, folder
from bench.history import grow, open_store, seed
from bench.rows import Row, interleaved, ratio_of_pairs

__all__ = ["measure"]

_ROUNDS = 300
_INTERVAL_MS = 100
_LARGE = 100_000_000
_OPENINGS = 7


def measure() -> list[Row]:
    with folder() as root, folder() as other:
        bares, ours, size = _appended(root, within_ms=0)
        _, owed, _ = _appended(other, within_ms=_INTERVAL_MS)
    own, disk = statistics.median(ours), statistics.median(bares)
    ratio = ratio_of_pairs(ours, bares)
    append = Row(
        f"append, sync, acknowledge an entry of {size} bytes",
        f"write + fdatasync: {disk:.0f} us",
        f"{own:.0f} us",
        f"{ratio:.2f}x, +{own - disk:.0f} us",
        "<= 1.3x or +150 us",
        ratio <= 1.3 or own - disk <= 150,
    )
    late = statistics.median(owed)
    interval = Row(
        f'the same with durability "interval" (synced within {_INTERVAL_MS} ms)',
        f"write + fdatasync: {disk:.0f} us",
        f"{late:.0f} us",
        f"{late / disk:.2f}x",
    )
    return [append, interval, *_open()]


def _appended(root: Path, within_ms: int) -> tuple[list[float], list[float], int]:
    """On the disk, one entry at a time that has to be durable: the worst case, since nothing shares its sync."""
    world = real_world(str(root / "run"))
    world.journal.relax(lambda: within_ms, _failed)
    store = SessionStore(world, str(root / "data"), str(root / "state"))
    store.prepare()
    log = store.create("s1m7y6ch3wjm1m61g")
    entry: Entry = Requested(turn="s1.t1", actor=Actor("client", "c1"), key="k" * 32, hash="h" * 32, prompt="p" * 200)
    found = asyncio.run(_appends(world, log, entry, root / "bare"))
    log.close()
    return found


def _failed(fault: DiskError) -> None:
    raise fault


async def _appends(world: World, log: SessionLog, entry: Entry, place: Path) -> tuple[list[float], list[float], int]:
    await log.append((entry,), 1)
    data = b"x" * log.size
    bare = os.open(place, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    bares: list[float] = []
    ours: list[float] = []
    for _ in range(_ROUNDS):
        begun = time.perf_counter_ns()
        os.write(bare, data)
        os.fdatasync(bare)
        between = time.perf_counter_ns()
        await log.append((entry,), 1)
        ours.append((time.perf_counter_ns() - between) / 1000)
        bares.append((between - begun) / 1000)
    os.close(bare)
    await world.journal.close()
    return bares, ours, len(data)


def _open() -> list[Row]:
    """The state of the head of a log of 100 MB. Its turns are large, so that few entries fill it."""
    with daemon({"text": " ".join(f"word{number}" for number in range(4_000)), "match": "."}, settings=WIDE) as home:
        session = seed(home)
        asyncio.run(grow(home, session, size=_LARGE))
        world, store = open_store(home)
        place = store.folder(session)

        def read() -> float:
            begun = time.perf_counter()
            with open(f"{place}/{LOG_FILE}", "rb", buffering=0) as file:
                while file.read(1024 * 1024):
                    pass
            return (time.perf_counter() - begun) * 1000

        def opened(head: Head | None) -> float:
            begun = time.perf_counter()
            log = SessionLog.open(world, place, head)
            found = (time.perf_counter() - begun) * 1000
            assert log.problem is None
            sizes.append(log.size)
            log.close()
            return found

        sizes: list[int] = []
        bare, ours = interleaved(_OPENINGS, read, lambda: opened(store.head(session)))
        whole = opened(None)
    limit, own = statistics.median(bare), statistics.median(ours)
    name = f"read whole, from the cache: {limit:.0f} ms"
    return [
        Row(
            f"opening a log of {sizes[0] / 1e6:.0f} MB by its checkpoint",
            name,
            f"{own:.0f} ms",
            f"{own / limit:.2f}x",
            "<= 300 ms",
            own <= 300,
        ),
        Row("the same without a checkpoint, all of it verified", name, f"{whole:.0f} ms", f"{whole / limit:.0f}x"),
    ]
