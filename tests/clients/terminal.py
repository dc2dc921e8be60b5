"""A command line on a real pseudo-terminal: type keys, wait for text, see all that was written."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from clients.scene import environment


class Terminal:
    """`shown` is everything that was written so far, escapes and all."""

    def __init__(self, leader: int, running: subprocess.Popen[bytes]) -> None:
        self.shown = ""
        self._leader = leader
        self._running = running
        self._mark = 0

    def type(self, keys: str) -> None:
        os.write(self._leader, keys.encode())

    def until(self, text: str, wait_s: float = 30) -> str:
        """Everything since the last `until`, up to and with `text`."""
        deadline = time.monotonic() + wait_s
        while text not in self.shown[self._mark :]:
            more = time.monotonic() < deadline and self._more(wait_s)
            assert more, f"{text!r} did not come; this did: {self.shown[self._mark :]!r}"
        begin, self._mark = self._mark, self.shown.index(text, self._mark) + len(text)
        return self.shown[begin : self._mark]

    def end(self) -> int:
        """Wait for the program to end by itself; its exit code."""
        while self._more(30):
            pass
        return self._running.wait(30)

    def _more(self, wait_s: float) -> bool:
        if not select.select([self._leader], [], [], wait_s)[0]:
            return False
        try:
            data = os.read(self._leader, 65536)
        except OSError:  # the other side is closed
            return False
        self.shown += data.decode("utf-8", "replace")
        if "\x1b[6n" in data.decode("utf-8", "replace"):
            self.type("\x1b[1;1R")  # a terminal tells where its cursor is when it is asked
        return bool(data)


@contextmanager
def terminal(home: Path, *arguments: str, columns: int = 90, **more: str) -> Iterator[Terminal]:
    """`python -m ...` on a terminal of 24 lines; `arguments` begin with the module."""
    leader, follower = pty.openpty()
    termios.tcsetwinsize(follower, (24, columns))
    running = subprocess.Popen(
        [sys.executable, "-m", *arguments],
        stdin=follower,
        stdout=follower,
        stderr=follower,
        env=environment(home, TERM="xterm-256color", **more),
        cwd=home,
        start_new_session=True,
    )
    os.close(follower)
    try:
        yield Terminal(leader, running)
    finally:
        running.kill()
        running.wait(30)
        os.close(leader)
