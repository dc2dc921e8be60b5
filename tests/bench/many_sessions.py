"""A home of a thousand sessions, a hundred of them of 10 MB: ready again after kill -9 with turns running, and listed.

The sessions are copies of two that a daemon made, with other names and their own chain of checksums. The home is in
memory where there is such a place: what is measured is our own time, and a gigabyte need not wear out a disk.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from pathlib import Path

import msgspec

from agentclient.blocking import BlockingClient
from agentclient.keys import new_key
from agentd.chain.frame import FIRST_LINK, line_crc
from agentd.session.folders import session_folder, time_of
from agentd.session.log import LOG_FILE, Head
from agentd.world.ids import session_id
from agentproto.api.daemon import StatusParams, StatusResult
from agentproto.api.session import ListParams, ListResult
from agentproto.api.turn import StartParams, StartResult
from agentproto.limits import LIMITS
from bench.ground import WIDE, daemon, in_memory
from bench.history import grow, open_store, seed
from bench.rows import Row
from bench.start import ready_ms
from support.daemon import RealDaemon

__all__ = ["copies", "measure"]

_SMALL = 900
_LARGE = 100
_LARGE_BYTES = 10_000_000
_RUNNING = 8
"""Turns that wait for their model when the daemon is killed, each in a large session."""
_ROUNDS = 5
_CRC = len(b',"crc":"01234567"}\n')


def measure() -> list[Row]:
    never = {"text": "never said", "match": "wait", "wait_for": "/nowhere/at/all"}
    with daemon(
        {"text": "An answer of some words.", "match": "go on"}, never, settings=WIDE, where=in_memory()
    ) as home:
        template = seed(home)
        empty = statistics.median(_killed_and_ready(home) for _ in range(_ROUNDS))
        home.stop()
        large = _fill(home, template)
        home.start()
        with home.client("bench") as client:
            for session in large[:_RUNNING]:
                params = StartParams(key=new_key(), prompt="wait", session=session)
                client.call("turn.start", params, StartResult)
        full = [_killed_and_ready(home) for _ in range(_ROUNDS)]
        with home.client("bench") as client:
            running = client.call("daemon.status", StatusParams(), StatusResult).turns_running
            assert running == _RUNNING, running  # turns that ended would cost a start nothing
        first, later = [], []
        for _ in range(_ROUNDS):
            home.restart()
            with home.client("bench") as client:
                first.append(_listed(client))
                later += [_listed(client) for _ in range(_ROUNDS)]
        bare = _bare_ms(home)
    return [
        Row(
            f"ready after kill -9: 1,000 sessions, {_LARGE} of 10 MB, {_RUNNING} turns running (worst of {_ROUNDS})",
            f"two sessions, none running: {empty:.0f} ms",
            f"{max(full):.0f} ms",
            f"{max(full) / empty:.2f}x",
            "< 2,000 ms",
            max(full) < 2_000,
        ),
        _list_row("1,000 sessions listed, all pages, first time after a start", bare, first),
        _list_row("the same, later", bare, later),
    ]


def _list_row(what: str, bare: float, ours: list[float]) -> Row:
    own = statistics.median(ours)
    limit = f"each log opened, 16 KiB read: {bare:.1f} ms"
    return Row(what, limit, f"{own:.1f} ms", f"{own / bare:.2f}x", "<= 50 ms", own <= 50)


def _killed_and_ready(home: RealDaemon) -> float:
    home.kill()
    return ready_ms(home)


def _listed(client: BlockingClient) -> float:
    """Milliseconds for all rows, page by page."""
    begun = time.perf_counter()
    count, cursor = 0, None
    while True:
        page = client.call("session.list", ListParams(cursor=cursor, limit=LIMITS.page), ListResult)
        count, cursor = count + len(page.sessions), page.cursor
        if cursor is None:
            break
    took = (time.perf_counter() - begun) * 1000
    assert count == _SMALL + _LARGE + 1, count
    return took


def _bare_ms(home: RealDaemon) -> float:
    begun = time.perf_counter()
    for path in Path(home.folders.data).glob(f"sessions/*/*/*/{LOG_FILE}"):
        with path.open("rb") as file:
            file.read(16 * 1024)
    return (time.perf_counter() - begun) * 1000


def _fill(home: RealDaemon, template: str) -> list[str]:
    """Make the sessions; the ids of the large ones. No daemon may run."""
    made_ms = time_of(template)
    small = [session_id(made_ms - number * 60_000, number) for number in range(1, _SMALL + 1)]
    large = [session_id(made_ms - number * 61_000, number) for number in range(_SMALL + 1, _SMALL + _LARGE + 1)]
    copies(home, template, small)
    asyncio.run(grow(home, template, size=_LARGE_BYTES))
    copies(home, template, large)
    _, store = open_store(home)
    for session in (small[-1], large[-1]):
        log = store.open(session)
        assert (log.problem, log.head_missing) == (None, 0), session
        log.close()
    return large


def copies(home: RealDaemon, template: str, ids: list[str]) -> None:
    """Make sessions `ids` that hold what `template` holds. No daemon may run."""
    _, store = open_store(home)
    head = store.head(template)
    assert head is not None
    data = Path(store.folder(template), LOG_FILE).read_bytes()
    for id in ids:
        folder = Path(session_folder(home.folders.data, id))
        folder.mkdir(mode=0o700, parents=True)
        log, link, checkpoint_link = _renamed(data.replace(template.encode(), id.encode()), head)
        (folder / LOG_FILE).write_bytes(log)
        store.keep_head(id, msgspec.structs.replace(head, crc=link, checkpoint_link=checkpoint_link))


def _renamed(data: bytes, head: Head) -> tuple[bytes, str, str]:
    """A log whose ids were replaced by others as long, with the checksums that belong to it; its last one, and the one
    before the checkpoint that `head` names."""
    link, checkpoint_link, offset = FIRST_LINK, "", 0
    out: list[bytes] = []
    for line in data.splitlines(keepends=True):
        if head.checkpoint_offset and offset == head.checkpoint_offset:
            checkpoint_link = link.decode()
        start = line[:-_CRC]
        link = line_crc(link, start)
        out += (start, b',"crc":"', link, b'"}\n')
        offset += len(line)
    return b"".join(out), link.decode(), checkpoint_link
