"""The terminal as a device: is it one, how wide, and single keys from it. No rendering, no meaning of keys."""

from __future__ import annotations

import os
import select
import sys
import termios
from collections.abc import Mapping
from typing import TextIO

__all__ = ["Keyboard", "colours", "is_terminal", "moves", "reachable", "width"]


def is_terminal(stream: TextIO) -> bool:
    try:
        return stream.isatty()
    except ValueError:
        return False  # closed


def colours(stream: TextIO, environment: Mapping[str, str] = os.environ) -> bool:
    """Colour only on a terminal that knows it and whose owner wants it (https://no-color.org)."""
    return moves(stream, environment) and not environment.get("NO_COLOR")


def moves(stream: TextIO, environment: Mapping[str, str] = os.environ) -> bool:
    """Whether a line can be drawn over."""
    return is_terminal(stream) and environment.get("TERM", "dumb") != "dumb"


def width(stream: TextIO) -> int:
    """Columns; 80 where nobody knows."""
    try:
        return os.get_terminal_size(stream.fileno()).columns or 80
    except (OSError, ValueError):
        return 80


class Keyboard:
    """Single keys, unechoed, for the length of a `with` block; Ctrl-C stays a signal. `descriptor` can be waited for.

    Reads stdin where that is a terminal, else the process's own terminal (`agentctl ask -` has its prompt in stdin).
    """

    def __init__(self) -> None:
        self._own = not is_terminal(sys.stdin)
        self.descriptor = os.open("/dev/tty", os.O_RDWR | os.O_CLOEXEC) if self._own else sys.stdin.fileno()
        self._before: list[object] | None = None

    def __enter__(self) -> Keyboard:
        self._before = termios.tcgetattr(self.descriptor)
        changed = termios.tcgetattr(self.descriptor)
        changed[3] &= ~(termios.ICANON | termios.ECHO)
        # What was typed before the question was shown is no answer to it.
        termios.tcsetattr(self.descriptor, termios.TCSAFLUSH, changed)
        return self

    def __exit__(self, *_: object) -> None:
        if self._before is not None:
            termios.tcsetattr(self.descriptor, termios.TCSAFLUSH, self._before)  # type: ignore[arg-type]
        if self._own:
            os.close(self.descriptor)

    def pressed(self) -> bool:
        """Whether `read` would return at once."""
        return bool(select.select([self.descriptor], [], [], 0)[0])

    def read(self) -> str:
        """The keys that were pressed (an empty text when the terminal is gone)."""
        return os.read(self.descriptor, 256).decode("utf-8", "replace")


def reachable() -> bool:
    """Whether there is somebody at a terminal who can be asked."""
    if is_terminal(sys.stdin):
        return True
    try:
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_CLOEXEC))
    except OSError:
        return False
    return True
