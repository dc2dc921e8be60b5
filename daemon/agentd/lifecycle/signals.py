"""What signals mean: SIGTERM and SIGINT drain, SIGHUP reads the settings anew, SIGPIPE is nothing.

It decides that mapping and nothing about what draining is. Handlers run on the loop, between two tasks, never inside
one. A second SIGTERM calls `stop` again: whoever is told has to bear that. Caller: `agentd.app` or `agentd.cli`, once
the loop runs.
"""

from __future__ import annotations

import signal
from collections.abc import Callable
from typing import Protocol

__all__ = ["SignalLoop", "listen"]

_STOP = (signal.SIGTERM, signal.SIGINT)


class SignalLoop(Protocol):
    """The two methods of an asyncio event loop that are used here."""

    def add_signal_handler(self, sig: int, callback: Callable[[], object], /) -> None: ...

    def remove_signal_handler(self, sig: int, /) -> bool: ...


def listen(loop: SignalLoop, *, stop: Callable[[], object], reload: Callable[[], object]) -> Callable[[], None]:
    """From now on signals call `stop` and `reload`; the result takes that back.

    SIGPIPE is ignored for good: a client that hangs up is an error of that write, not the end of the daemon.
    """
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    for number in _STOP:
        loop.add_signal_handler(number, stop)
    loop.add_signal_handler(signal.SIGHUP, reload)

    def remove() -> None:
        for number in (*_STOP, signal.SIGHUP):
            loop.remove_signal_handler(number)

    return remove
