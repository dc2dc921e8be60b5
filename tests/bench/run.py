"""Which measurements there are, in which order, and what becomes of their rows."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
import time
from collections.abc import Sequence

from bench import page
from bench.rows import Row

__all__ = ["MEASUREMENTS", "main"]

MEASUREMENTS: dict[str, str] = {
    "commands": "agentctl's own time: ask, version, help",
    "start": "from a cold start to the first answer",
    "idle": "memory and processor of a daemon that has nothing to do",
    "round_trips": "request and reply",
    "deltas": "streamed text",
    "many_clients": "a thousand clients",
    "log": "append, sync, acknowledge; opening a large log",
    "many_sessions": "a thousand sessions: ready after kill -9, listed",
    "waits": "what others wait for while something long is done",
    "turns": "a turn's own overhead, with a short and a long history",
    "estimator": "projected tokens beside what servers count",
    "over_limit": "requests over the window",
    "first_token": "from a message to the first token",
    "steps": "from a tool's end to the next request",
}
"""File -> what it measures."""


def main(arguments: Sequence[str]) -> int:
    """0, also when a promise is not met: the table says so, and a busy machine is no fault of the tree."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench")
    parser.add_argument("only", nargs="*", metavar="FILE", help=", ".join(MEASUREMENTS))
    parser.add_argument("--write", action="store_true", default=os.environ.get("BENCH_WRITE") == "1")
    chosen = parser.parse_args(arguments)
    unknown = set(chosen.only) - set(MEASUREMENTS)
    if unknown or (chosen.write and chosen.only):
        parser.error(f"unknown: {sorted(unknown)}" if unknown else "the page is written from a whole run only")
    begun, load = time.monotonic(), os.getloadavg()[0]
    rows: list[Row] = []
    for name in chosen.only or MEASUREMENTS:
        at = time.monotonic()
        print(f"{name}: {MEASUREMENTS[name]} ...", end=" ", file=sys.stderr, flush=True)
        rows += importlib.import_module(f"bench.{name}").measure()
        print(f"{time.monotonic() - at:.0f} s", file=sys.stderr)
    whole = page.text(rows, load=(load, os.getloadavg()[0]), seconds=time.monotonic() - begun)
    print(whole)
    if chosen.write:
        page.PAGE.write_text(whole)
    return 0
