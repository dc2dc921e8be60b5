"""Streamed text: pieces a second from a scripted model to one client, beside bare sockets that carry the same maps."""

from __future__ import annotations

import statistics
import time

import msgpack

from bench.ground import daemon, in_memory
from bench.peers import Bare, bare_router
from bench.rows import Row
from bench.talk import one_turn

__all__ = ["measure"]

_PIECES = 40_000
_ROUNDS = 3


def measure() -> list[Row]:
    pieces = [f"word{number} " for number in range(_PIECES)]
    with daemon({"pieces": pieces}, where=in_memory()) as home, bare_router() as bare, home.client("bench") as client:
        limits: list[float] = []
        ours: list[float] = []
        messages = 0
        for _ in range(_ROUNDS):
            limits.append(_bare(bare))
            turn = one_turn(client, str(home.user))
            assert "".join(turn.pieces) == "".join(pieces), f"{turn.size} characters of the stream came"
            ours.append(_PIECES / (turn.at[-1] - turn.at[0]))
            messages = turn.deltas
    own, limit = statistics.median(ours), statistics.median(limits)
    return [
        Row(
            f"deltas a second to one client ({_PIECES} pieces in {messages} messages)",
            f"bare sockets: {limit:,.0f}",
            f"{own:,.0f}",
            f"{own / limit:.2f}x",
            ">= 20,000",
            own >= 20_000,
        )
    ]


def _bare(bare: Bare) -> float:
    dealer = bare.dealer()
    dealer.send_multipart([b"stream", str(_PIECES).encode()])
    first = 0.0
    while True:
        word, body = dealer.recv_multipart()
        if word == b"end":
            break
        msgpack.unpackb(body)
        first = first or time.perf_counter()
    found = _PIECES / (time.perf_counter() - first)
    dealer.close(0)
    return found
