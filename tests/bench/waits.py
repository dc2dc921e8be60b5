"""What another client waits for while the daemon has something long to do: the longest of its requests.

The client asks `daemon.status` over and over; beside it turns go on after kill -9, a long log without a checkpoint is
opened, an undo of many files is planned.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from agentclient.keys import new_key
from agentd.session.folders import session_folder, time_of
from agentd.session.log import LOG_FILE
from agentd.world.ids import session_id
from agentproto.api.daemon import StatusParams, StatusResult
from agentproto.api.session import ReadParams, ReadResult
from agentproto.api.turn import StartParams, StartResult
from agentproto.revisions import RevertResult, UndoParams
from bench.ground import WIDE, daemon, in_memory, pause
from bench.history import grow, seed
from bench.many_sessions import copies
from bench.rows import Row, at_most
from bench.talk import one_turn
from support.daemon import RealDaemon
from support.waiting import until

__all__ = ["measure"]

_RUNNING = 8
_LARGE = 10_000_000
_HUGE = 40_000_000
_FILES = 2_000
_ALONE_S = 2
_BOUND_MS = 50


def measure() -> list[Row]:
    command = f"for i in $(seq {_FILES}); do head -c 20000 /dev/zero > made-$i; echo $i >> made-$i; done"
    shell = {"tools": [{"name": "shell", "arguments": {"command": command}}], "match": "make files"}
    replies = (
        {"text": "never said", "match": "wait", "wait_for": "/nowhere/at/all"},
        shell,
        {"text": "Made.", "match": "make files"},
        {"text": "An answer of some words."},
    )
    with daemon(*replies, settings=WIDE, where=in_memory()) as home:
        template = seed(home)
        made_ms = time_of(template)
        large = [session_id(made_ms - number * 60_000, number) for number in range(1, _RUNNING + 1)]
        asyncio.run(grow(home, template, size=_LARGE))
        copies(home, template, large)
        asyncio.run(grow(home, template, size=_HUGE))
        Path(home.folders.state, "heads", template).unlink()
        home.start()
        with _asking(home) as alone:
            pause(_ALONE_S)
        rows = [
            (f"an undo of {_FILES:,} files is planned", _undo(home)),
            (f"a log of {_HUGE // 1_000_000} MB without a checkpoint is opened", _open(home, template)),
            (f"{_RUNNING} turns of {_LARGE // 1_000_000} MB go on after kill -9", _go_on(home, large)),
        ]
    limit = ("nothing else goes on", max(alone))
    return [
        at_most(f"the longest request of another client while {what}", limit, max(waits), "ms", _BOUND_MS, "<= 50 ms")
        for what, waits in rows
    ]


@contextmanager
def _asking(home: RealDaemon) -> Iterator[list[float]]:
    """Ask as long as the block lasts; the list has the milliseconds of each request when it is over."""
    waits: list[float] = []
    over, begun = threading.Event(), threading.Event()

    def ask() -> None:
        with home.client("other") as client:
            while not over.is_set():
                at = time.perf_counter()
                client.call("daemon.status", StatusParams(), StatusResult)
                waits.append((time.perf_counter() - at) * 1000)
                begun.set()

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        begun.wait(10)
        yield waits
    finally:
        over.set()
        thread.join()


def _undo(home: RealDaemon) -> list[float]:
    with home.client("bench") as client:
        made = one_turn(client, str(home.user), prompt="make files", allow=("shell",))
        asked = UndoParams(session=made.session, key=new_key(), dry_run=True)
        with _asking(home) as waits:
            found = client.call("session.undo", asked, RevertResult)
    assert len(found.files) == _FILES, len(found.files)
    return waits


def _open(home: RealDaemon, session: str) -> list[float]:
    with home.client("bench") as client, _asking(home) as waits:
        client.call("session.read", ReadParams(session), ReadResult)
    return waits


def _go_on(home: RealDaemon, sessions: list[str]) -> list[float]:
    with home.client("bench") as client:
        for session in sessions:
            client.call("turn.start", StartParams(key=new_key(), prompt="wait", session=session), StartResult)
    home.restart()
    with _asking(home) as waits:
        until(lambda: all(map(_is_called, (_end_of(home, session) for session in sessions))), "all turns go on", 30)
    return waits


def _end_of(home: RealDaemon, session: str) -> bytes:
    with Path(session_folder(home.folders.data, session), LOG_FILE).open("rb") as log:
        log.seek(-2_000, 2)
        return log.read().splitlines()[-1]


def _is_called(line: bytes) -> bool:
    return b'"type":"model.called"' in line
