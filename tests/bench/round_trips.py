"""Request and reply through the whole stack, beside a bare DEALER and ROUTER that echo."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import msgspec

from agentproto.api.daemon import StatusParams, StatusResult
from agentproto.api.log import UnsubscribeParams, UnsubscribeResult
from bench.ground import daemon
from bench.peers import bare_router
from bench.rows import Row, p99

__all__ = ["measure"]

_ROUNDS = 40
_EACH = 50


def measure() -> list[Row]:
    with daemon() as home, bare_router() as bare, home.client("bench") as client:
        dealer = bare.dealer()

        def echo() -> None:
            dealer.send_multipart([b"echo", b"x" * 40])
            dealer.recv_multipart()

        def ask(method: str, params: msgspec.Struct, result: type[object]) -> Callable[[], None]:
            def call() -> None:
                client.call(method, params, result)

            return call

        small = ask("log.unsubscribe", UnsubscribeParams("none"), UnsubscribeResult)
        status = ask("daemon.status", StatusParams(), StatusResult)
        limits, smalls, statuses = _times(echo, small, status)
    return [
        _row("request and reply, small (`log.unsubscribe`), p50", limits, smalls, statistics.median, 300),
        _row("the same, p99", limits, smalls, p99, 1000),
        _row("`daemon.status`, p50", limits, statuses, statistics.median, 300),
        _row("the same, p99", limits, statuses, p99, 1000),
    ]


def _times(*calls: Callable[[], None]) -> list[list[float]]:
    """Microseconds of each call, in blocks by turns."""
    found: list[list[float]] = [[] for _ in calls]
    for call in calls:
        for _ in range(_EACH):
            call()
    for _ in range(_ROUNDS):
        for values, call in zip(found, calls, strict=True):
            for _ in range(_EACH):
                begun = time.perf_counter_ns()
                call()
                values.append((time.perf_counter_ns() - begun) / 1000)
    return found


def _row(what: str, limits: list[float], ours: list[float], figure: Callable[[list[float]], float], most: int) -> Row:
    bare, own = figure(limits), figure(ours)
    return Row(what, f"bare echo: {bare:.0f} us", f"{own:.0f} us", f"{own / bare:.1f}x", f"<= {most} us", own <= most)
