"""A step: from a tool's end to the first byte of the next request at the model server, beside a bare httpx call to it.

The tool's end is the time that its result was recorded with, so the bound holds without the disk: the home is in
memory. The server is a thread of this process and notes when a request has come whole.
"""

from __future__ import annotations

import asyncio
import statistics
import time

import httpx

from agentclient.blocking import BlockingClient
from bench.ground import WIDE, daemon, in_memory
from bench.history import grow, seed
from bench.rows import Row
from bench.talk import one_turn
from support.daemon import RealDaemon
from support.fake_model_server import FakeModelServer, Reply, Request, calls, say

__all__ = ["measure"]

_TURNS = 6
_STEPS = 6
_WORDS = 4_000
_HISTORY = 10_000


def measure() -> list[Row]:
    came: list[float] = []
    size = 0

    def answer(request: Request) -> Reply:
        nonlocal size
        came.append(time.time() * 1000)
        size = max(size, len(request.body))
        messages = request.json["messages"]
        assert isinstance(messages, list)
        if "stream" in str(messages[-1]):
            return say(*(f"word{number} " for number in range(_WORDS)))
        done = 0
        for message in reversed(messages):
            if message["role"] == "user":
                break
            done += message["role"] == "tool"
        return calls(("ls", {"path": "./" * done + "."})) if done < _STEPS else say("done")

    with (
        FakeModelServer(answer, window=9_000_000) as server,
        daemon(server=server.url, settings=WIDE, where=in_memory()) as home,
        httpx.Client(trust_env=False) as bare,
        home.client("bench") as client,
    ):
        limits: list[float] = []
        ours: list[float] = []
        first: list[float] = []
        for _ in range(_TURNS):
            for _ in range(_STEPS):
                limits.append(_bare(bare, server, came))
            begun = time.time() * 1000
            ours += _steps(home, client, came)
            first.append(came[0] - begun)
        tokens = [one_turn(client, str(home.user), prompt="stream") for _ in range(3)]
        bares = [_read(bare, server) for _ in range(3)]
        long = _long(server.url, came)
        upload = statistics.median(_bare(bare, server, came, size) for _ in range(_STEPS))
    own, limit = statistics.median(ours), statistics.median(limits)
    rate = statistics.median(_WORDS / (turn.at[-1] - turn.at[0]) for turn in tokens)
    return [
        Row(
            "from a tool's end to the next request at the server, p50",
            f"bare httpx: {limit:.1f} ms",
            f"{own:.1f} ms",
            f"{own / limit:.2f}x",
            "<= 5 ms",
            own <= 5,
        ),
        Row(
            f"the same behind {_HISTORY:,} entries of history (a request of {size / 1000:.0f} kB, whole)",
            f"bare httpx of as many bytes: {upload:.1f} ms",
            f"{long:.1f} ms",
            f"{long - own:+.1f} ms for the history",
        ),
        Row(
            "from `turn.start` in a new session to the request at the server",
            f"bare httpx: {limit:.1f} ms",
            f"{statistics.median(first):.1f} ms",
            f"+{statistics.median(first) - limit:.1f} ms",
        ),
        Row(
            f"tokens a second, model server to client ({_WORDS:,} in {tokens[1].deltas:,} messages)",
            f"bare httpx: {statistics.median(bares):,.0f}",
            f"{rate:,.0f}",
            f"{rate / statistics.median(bares):.2f}x",
            ">= 2,000",
            rate >= 2_000,
        ),
    ]


def _steps(home: RealDaemon, client: BlockingClient, came: list[float], session: str | None = None) -> list[float]:
    """One turn: milliseconds from each tool's end to the next request at the server."""
    came.clear()
    turn = one_turn(client, str(home.user), session)
    return [at - ended for ended, at in zip(_tool_ends(home, turn.session)[-_STEPS:], came[1:], strict=True)]


def _long(server: str, came: list[float]) -> float:
    """The same in a session that has gone on for weeks; the turn that reads its log is left out."""
    with daemon(server=server, settings=WIDE, where=in_memory()) as home:
        session = seed(home)
        asyncio.run(grow(home, session, entries=_HISTORY))
        home.start()
        with home.client("bench") as client:
            _steps(home, client, came, session)
            return statistics.median(one for _ in range(_TURNS) for one in _steps(home, client, came, session))


def _bare(client: httpx.Client, server: FakeModelServer, came: list[float], size: int = 8_000) -> float:
    """From the call until the server has a request of a step's size."""
    body = {"messages": [{"role": "user", "content": "x" * size}], "stream": True}
    begun = time.time() * 1000
    with client.stream("POST", f"{server.url}/chat/completions", json=body) as response:
        response.read()
    return came[-1] - begun


def _read(client: httpx.Client, server: FakeModelServer) -> float:
    """Server-sent events a second that httpx alone reads as lines."""
    body = {"messages": [{"role": "user", "content": "stream"}], "stream": True}
    count, first = 0, 0.0
    with client.stream("POST", f"{server.url}/chat/completions", json=body) as response:
        for line in response.iter_lines():
            if line:
                first = first or time.perf_counter()
                count += 1
    return count / (time.perf_counter() - first)


def _tool_ends(home: RealDaemon, session: str) -> list[float]:
    """Wall-clock milliseconds of the session's tool results, as its log has them."""
    return [float(str(line["at_ms"])) for line in home.lines(session) if line["type"] == "call.done"]
