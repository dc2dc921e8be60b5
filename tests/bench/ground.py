"""Where measurements stand: a real daemon in a private home, on the disk or in memory, and what the kernel says of it."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from support.daemon import RealDaemon
from support.waiting import until

__all__ = [
    "PYTHON",
    "SCRIPTS",
    "WIDE",
    "cpu_ms",
    "daemon",
    "folder",
    "in_memory",
    "pause",
    "python",
    "resident_bytes",
]

PYTHON = sys.executable
SCRIPTS = Path(__file__).parent / "bare"
"""Programs that are started as processes of their own: the yardsticks, and crowds of clients."""
WIDE = "window = 9000000\n"
"""For `settings` behind replies or a server: a window that no history of the bench fills."""
_MEMORY = Path("/dev/shm")


def in_memory() -> Path | None:
    """A file system on which a sync costs nothing, to tell our own time from the disk's; None where there is none."""
    return _MEMORY if _MEMORY.is_dir() and os.access(_MEMORY, os.W_OK) else None


@contextmanager
def folder(where: Path | None = None) -> Iterator[Path]:
    """A new private folder below `where` (None: the temporary folder), removed afterwards. Its path is short: sockets
    lie in it."""
    path = Path(tempfile.mkdtemp(prefix="ab-", dir=where))
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


@contextmanager
def daemon(
    *replies: Mapping[str, object], server: str = "", settings: str = "", where: Path | None = None
) -> Iterator[RealDaemon]:
    """A daemon that answers. `replies`: what its scripted model says, over and over; `server`: the URL of a model
    server; without either it is the offline engine. `settings`: more of the settings file."""
    with folder(where) as root:
        home = RealDaemon(root, {})
        if replies:
            settings = '[models]\nuse = "script"\n' + home.model("script", *replies, loop=True) + settings
        elif server:
            fake = f'[models]\nuse = "fake"\n[models.fake]\nkind = "openai-chat"\nurl = "{server}"\nmodel = "m"\n'
            settings = fake + settings
        home.settings(settings)
        try:
            home.start()
            yield home
        finally:
            home.close()


def pause(seconds: float) -> None:
    """Let time pass for a process that is meant to be idle."""
    end = time.monotonic() + seconds
    until(lambda: time.monotonic() >= end, "time passes", seconds + 60)


def resident_bytes(pid: int) -> int:
    """Bytes of a process that are in memory now."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def cpu_ms(pid: int) -> float:
    """Time that all threads of a process have run, to the microsecond."""
    files = Path(f"/proc/{pid}/task").glob("*/schedstat")
    return sum(int(file.read_text().split()[0]) for file in files) / 1e6


def python(*arguments: str) -> list[str]:
    return [PYTHON, *arguments]
