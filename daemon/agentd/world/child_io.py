"""The bytes between the daemon and a child: output collected up to a limit, input fed as fast as it is taken.

It decides how much is kept and when reading stops. Everything is driven by the loop's readiness callbacks; nothing here
awaits or blocks. Used by `agentd.world.processes`.
"""

from __future__ import annotations

import asyncio
import os
import termios
from collections.abc import Callable
from types import TracebackType

__all__ = ["Collector", "Ends", "Feeder"]

_CHUNK = 65_536
_WINDOW = (24, 80)  # what programs assume when nobody tells them otherwise


class Collector:
    """Keeps at most `limit` bytes of output and errors together; `on_full` is called once when there is more."""

    def __init__(self, limit: int, on_output: Callable[[bytes], None] | None, on_full: Callable[[], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._left = limit
        self._on_output = on_output
        self._on_full = on_full
        self._streams: dict[int, list[bytes]] = {}
        self._output: list[bytes] = []
        self._errors: list[bytes] = []
        self._feeder: Feeder | None = None
        self.failure: Exception | None = None
        """What `on_output` raised; the run is ended and raises it."""

    def listen(self, descriptor: int, *, apart: bool = False) -> None:
        """Collect from `descriptor` (which blocks nobody) and close it at its end; `apart`: as errors, unheard by
        `on_output`."""
        self._streams[descriptor] = self._errors if apart else self._output
        self._loop.add_reader(descriptor, self._take, descriptor)

    def feed(self, feeder: Feeder) -> None:
        self._feeder = feeder

    def finish(self) -> None:
        """The child is gone: take what the kernel still holds, close everything."""
        for descriptor in list(self._streams):
            while descriptor in self._streams and self._take(descriptor):
                pass
            self._close(descriptor)
        if self._feeder is not None:
            self._feeder.close()

    def output(self) -> bytes:
        return b"".join(self._output)

    def errors(self) -> bytes:
        return b"".join(self._errors)

    def _take(self, descriptor: int) -> bool:
        """Read once; whether there may be more."""
        try:
            data = os.read(descriptor, _CHUNK)
        except BlockingIOError:
            return False
        except OSError:
            data = b""  # a terminal whose last user is gone says EIO instead of an end
        if not data:
            self._close(descriptor)
            return False
        kept = data[: self._left]
        self._left -= len(kept)
        parts = self._streams[descriptor]
        if kept:
            parts.append(kept)
            if parts is self._output:
                self._tell(kept)
        if len(kept) < len(data):
            self._stop()
            return False
        return True

    def _tell(self, data: bytes) -> None:
        if self._on_output is None or self.failure is not None:
            return
        try:
            self._on_output(data)
        except Exception as error:  # noqa: BLE001 - raised to the caller of the run, from where it can be seen
            self.failure = error
            self._stop()

    def _stop(self) -> None:
        for descriptor in list(self._streams):
            self._close(descriptor)
        self._on_full()

    def _close(self, descriptor: int) -> None:
        if self._streams.pop(descriptor, None) is not None:
            self._loop.remove_reader(descriptor)
            os.close(descriptor)


class Feeder:
    """Writes `data` to `descriptor` (which blocks nobody) as it is taken, then closes it."""

    def __init__(self, descriptor: int, data: bytes) -> None:
        self._loop = asyncio.get_running_loop()
        self._descriptor = descriptor
        self._left = memoryview(data)
        self._loop.add_writer(descriptor, self._give)

    def close(self) -> None:
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            self._loop.remove_writer(descriptor)
            os.close(descriptor)

    def _give(self) -> None:
        try:
            self._left = self._left[os.write(self._descriptor, self._left[:_CHUNK]) :]
        except BlockingIOError:
            return
        except OSError:
            self._left = self._left[:0]  # it does not want the rest; that is its right
        if not self._left:
            self.close()


class Ends:
    """The descriptors of a child that is about to be started, all opened before it is, so that nothing can be missing
    once it runs. Leaving the block closes the child's ends, and ours too when it is left by an exception."""

    def __init__(self) -> None:
        self._ours: list[int] = []
        self._theirs: list[int] = []

    def __enter__(self) -> Ends:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        for descriptor in self._theirs if error is None else (*self._theirs, *self._ours):
            os.close(descriptor)

    def from_child(self) -> tuple[int, int]:
        """(our end to read, the child's to write)."""
        ours, theirs = self._keep(os.pipe())
        return ours, theirs

    def to_child(self) -> tuple[int, int]:
        """(our end to write, the child's to read)."""
        theirs, ours = os.pipe()
        self._keep((ours, theirs))
        return ours, theirs

    def nothing(self) -> int:
        """An empty standard input."""
        theirs = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
        self._theirs.append(theirs)
        return theirs

    def terminal(self) -> tuple[int, int, int]:
        """(our end to read, the same to write, the child's terminal). It does not echo: what is fed must not look like
        output."""
        ours, theirs = self._keep(os.openpty())
        attributes = termios.tcgetattr(theirs)
        attributes[3] &= ~termios.ECHO
        termios.tcsetattr(theirs, termios.TCSANOW, attributes)
        termios.tcsetwinsize(theirs, _WINDOW)
        again = os.dup(ours)
        self._ours.append(again)
        os.set_blocking(again, False)
        return ours, again, theirs

    def _keep(self, ends: tuple[int, int]) -> tuple[int, int]:
        self._ours.append(ends[0])
        self._theirs.append(ends[1])
        os.set_blocking(ends[0], False)
        return ends
