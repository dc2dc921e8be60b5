"""From the spawn of `python -m agentd run` to a hello that is answered, beside the interpreter's own start and imports."""

from __future__ import annotations

import os
import socket
import statistics
import subprocess
import time
from pathlib import Path

from bench.ground import daemon, python
from bench.rows import Row, interleaved
from support.daemon import RealDaemon

__all__ = ["measure", "ready_ms"]

_ROUNDS = 9
_LIBRARIES = "import asyncio, zmq, msgpack, msgspec, click, logging, hashlib, subprocess"


def measure() -> list[Row]:
    with daemon() as home:
        home.stop()

        def bare() -> float:
            return _import(_LIBRARIES, home)

        def imports() -> float:
            return _import("import agentd.cli", home)

        libraries, own, ready = interleaved(_ROUNDS, bare, imports, lambda: _ready_and_stopped(home))
    middle = statistics.median(ready)
    return [
        Row(
            "cold start to a hello answered",
            f"Python and the libraries: {statistics.median(libraries):.0f} ms; `import agentd.cli`: "
            f"{statistics.median(own):.0f} ms",
            f"{middle:.0f} ms",
            f"{middle / statistics.median(libraries):.2f}x",
            "<= 400 ms",
            middle <= 400,
        )
    ]


def _import(statement: str, home: RealDaemon) -> float:
    begun = time.perf_counter()
    subprocess.run(python("-c", statement), env=home.environment, check=True)
    return (time.perf_counter() - begun) * 1000


def _ready_and_stopped(home: RealDaemon) -> float:
    found = ready_ms(home)
    assert home.stop() == 0
    return found


def ready_ms(home: RealDaemon) -> float:
    """Start a daemon and wait for it: it tells its readiness as it does a service manager; then a client says hello."""
    place = str(Path(home.root, "notify"))
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as told:
        told.bind(place)
        told.settimeout(30)
        home.environment["NOTIFY_SOCKET"] = place
        begun = time.perf_counter()
        home.process = home.launch()
        while b"READY=1" not in told.recv(4096):
            pass
        with home.client() as client:
            found = (time.perf_counter() - begun) * 1000
            assert client.welcome.pid == home.process.pid
    os.unlink(place)
    return found
