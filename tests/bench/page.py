"""The table of figures, for a terminal and for docs/benchmarks.md: machine, versions, command, rows."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

import zmq

from agentproto.__about__ import __version__
from bench.rows import Row

__all__ = ["PAGE", "text"]

PAGE = Path(__file__).resolve().parents[2] / "docs" / "benchmarks.md"
_HEAD = ("what", "this machine's limit", "ours", "ratio", "promise", "met")
_LIBRARIES = ("pyzmq", "msgpack", "msgspec", "httpx", "click")


def text(rows: Sequence[Row], *, load: tuple[float, float], seconds: float) -> str:
    """The whole page. `load`: the machine's load average before and after."""
    return f"""# Benchmarks

Made by `BENCH_WRITE=1 make bench`; never edited. Each figure stands beside a bare yardstick that was measured in the
same run, turn by turn with it, so that a ratio still means something on a machine that is slow or busy. Medians unless
a row says otherwise.

| | |
|---|---|
| when | {datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")}, {seconds:.0f} s |
| machine | {_processor()}, {os.cpu_count()} cores, {_memory()}; load {load[0]:.1f} before, {load[1]:.1f} after |
| system | {platform.system()} {platform.release()}, Python {platform.python_version()} |
| versions | agentd {__version__}, {_versions()} |

{table(rows)}{_unmet(rows)}"""


def table(rows: Sequence[Row]) -> str:
    """The rows as Markdown, columns aligned so that a terminal can show it too."""
    cells = [_HEAD, *(_cells(row) for row in rows)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(_HEAD))]
    lines = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |" for line in cells
    ]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(lines) + "\n"


def _cells(row: Row) -> tuple[str, ...]:
    met = {None: "", True: "yes", False: "**no**"}[row.met]
    return row.what, row.limit, row.ours, row.compared, row.promise, met


def _unmet(rows: Sequence[Row]) -> str:
    missed = [f"* {row.what}: {row.ours} ({row.compared}); promised: {row.promise}" for row in rows if row.met is False]
    if not missed:
        return "\nEvery promise in this table was met in this run.\n"
    return "\nNot met in this run:\n\n" + "\n".join(missed) + "\n"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.machine()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


def _memory() -> str:
    return f"{os.sysconf('SC_PHYS_PAGES') * os.sysconf('SC_PAGE_SIZE') / 2**30:.0f} GiB"


def _versions() -> str:
    found = [f"{name} {metadata.version(name)}" for name in _LIBRARIES]
    return ", ".join([*found, f"libzmq {zmq.zmq_version()}"])
