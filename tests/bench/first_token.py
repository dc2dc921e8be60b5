"""What the daemon adds to the time to the first token, beside a bare httpx call of the same bytes to the same server.

One client, one warm session that grows. After each turn the very body that the server was sent is streamed by httpx alone,
from the same process; the difference of the two is one figure. The clock of a turn runs from the sending of `turn.start`
to the first delta that the client holds, so it has the client, the wire, the log's syncs and the assembling in it.
"""

from __future__ import annotations

import statistics
import time
from pathlib import Path

import httpx

from agentclient.blocking import BlockingClient
from bench.ground import WIDE, daemon, in_memory
from bench.rows import Row, p99
from bench.talk import one_turn
from support.daemon import RealDaemon
from support.fake_model_server import FakeModelServer, Reply, Request, say

__all__ = ["measure"]

_TURNS = 330
_WARM = 10
_PROMPT = "And what does the next one of them do, and where is it used?"


def measure() -> list[Row]:
    return [
        *_rows("time to the first token, beside httpx", None, promised=True),
        *_rows("the same without syncs", in_memory(), promised=False),
    ]


def _rows(what: str, where: Path | None, *, promised: bool) -> list[Row]:
    bodies: list[bytes] = []

    def answer(request: Request) -> Reply:
        bodies.append(request.body)
        return say("It ", "reads ", "the ", "file.")

    with (
        FakeModelServer(answer, window=9_000_000) as server,
        daemon(server=server.url, settings=WIDE, where=where) as home,
        httpx.Client(trust_env=False) as bare,
        home.client("bench") as client,
    ):
        session = one_turn(client, str(home.user)).session
        ours: list[float] = []
        limits: list[float] = []
        for number in range(_TURNS):
            one = _first_token(client, home, session)
            two = _first_byte(bare, server, bodies[-1])
            if number >= _WARM:
                ours.append(one)
                limits.append(two)
    added = [one - two for one, two in zip(ours, limits, strict=True)]
    middle, worst = statistics.median(added), p99(added)
    limit = f"bare httpx: {statistics.median(limits):.1f} ms, p99 {p99(limits):.1f}"
    kept = (middle <= 10, worst <= 25) if promised else (None, None)
    return [
        Row(
            f"{what}: added, p50 of {len(added)} turns (bodies to {len(bodies[-1]) / 1000:.0f} kB)",
            limit,
            f"{middle:.1f} ms",
            f"{statistics.median(ours):.1f} ms together",
            "<= 10 ms" if promised else "",
            kept[0],
        ),
        Row(f"{what}: added, p99", limit, f"{worst:.1f} ms", "-", "<= 25 ms" if promised else "", kept[1]),
    ]


def _first_token(client: BlockingClient, home: RealDaemon, session: str) -> float:
    """Milliseconds from the request to the first delta."""
    begun = time.perf_counter()
    return (one_turn(client, str(home.user), session, _PROMPT).at[0] - begun) * 1000


def _first_byte(client: httpx.Client, server: FakeModelServer, body: bytes) -> float:
    """Milliseconds from the call to the first bytes of the answer's body."""
    headers = {"content-type": "application/json", "accept": "text/event-stream"}
    begun = time.perf_counter()
    with client.stream("POST", f"{server.url}/chat/completions", content=body, headers=headers) as response:
        pieces = response.iter_raw()
        next(pieces)
        found = (time.perf_counter() - begun) * 1000
        for _ in pieces:
            pass
    return found
