"""A daemon that has nothing to do: what it holds in memory, what a session in it costs, what it spends on nothing."""

from __future__ import annotations

import os
import subprocess

from bench.ground import cpu_ms, daemon, in_memory, pause, python, resident_bytes
from bench.rows import Row
from bench.talk import one_turn
from support.daemon import RealDaemon

__all__ = ["measure"]

_MIB = 1024 * 1024
_SESSIONS = 200
_WARM = 20
_LIBRARIES = "import asyncio, zmq, msgpack, msgspec, click, os; print(open('/proc/self/statm').read().split()[1])"


def measure() -> list[Row]:
    with daemon() as home:
        done = home.agentctl("ask", "hello")
        assert done.code == 0, done
        pid = home.pid
        assert pid is not None
        pause(5)
        resident = resident_bytes(pid)
        before = cpu_ms(pid)
        pause(10)
        share = (cpu_ms(pid) - before) / 10_000
    bare = _bare(home)
    each = _session()
    return [
        Row(
            "idle daemon, resident, after one `ask` and 5 s",
            f"the libraries alone: {bare / _MIB:.0f} MiB",
            f"{resident / _MIB:.1f} MiB",
            f"{resident / bare:.2f}x",
            "<= 60 MB",
            resident <= 60_000_000,
        ),
        Row(
            f"an idle session, over {_SESSIONS} of one turn each",
            "-",
            f"{each / 1000:.0f} kB",
            "-",
            "<= 200 KB",
            each <= 200_000,
        ),
        Row("processor of an idle daemon over 10 s", "-", f"{share:.3%}", "-", "< 0.1%", share < 0.001),
    ]


def _bare(home: RealDaemon) -> int:
    done = subprocess.run(python("-c", _LIBRARIES), env=home.environment, capture_output=True, text=True, check=True)
    return int(done.stdout) * os.sysconf("SC_PAGE_SIZE")


def _session() -> float:
    """Resident bytes that each of many sessions adds, once the first ones have made the daemon's pools grow."""
    with daemon({"text": "This is an answer of some words, as short answers are."}, where=in_memory()) as home:
        pid = home.pid
        assert pid is not None
        with home.client("bench") as client:
            for _ in range(_WARM):
                one_turn(client, str(home.user))
            before = resident_bytes(pid)
            for _ in range(_SESSIONS):
                one_turn(client, str(home.user))
            return (resident_bytes(pid) - before) / _SESSIONS
