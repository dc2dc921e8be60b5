"""When events leave: a few at a time, then everybody else has the loop.

Of a thousand clients that are attached to one session each piece of its text goes to all of them. Sent in one go that
would hold the loop for 15 ms, and the turn that makes the text would wait as long for every step it takes. So what is
to be sent is cut into rounds: a round sends so many events at most and then lets the loop look at everything else.
First come, first served; who has more than fits goes to the end of the line. Callers: `server.conversation`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

__all__ = ["EVENTS", "Rounds"]

EVENTS = 64
"""Events of one round: about a millisecond, which no turn feels, and few enough rounds to cost nothing."""

_Pump = Callable[[int], int]
"""Sends at most so many events; how many it sent."""


class Rounds:
    """Shared by all conversations of one loop. `soon` has a call made once the loop comes round."""

    def __init__(self, soon: Callable[[Callable[[], None]], object]) -> None:
        self._soon = soon
        self._waiting: deque[_Pump] = deque()
        self._scheduled = False

    def join(self, pump: _Pump) -> None:
        """Call `pump` once, in a round soon."""
        self._waiting.append(pump)
        self._schedule()

    def _schedule(self) -> None:
        if not self._scheduled:
            self._scheduled = True
            self._soon(self._round)

    def _round(self) -> None:
        self._scheduled = False
        left = EVENTS
        try:
            while self._waiting and left > 0:
                left -= max(1, self._waiting.popleft()(left))
        finally:
            # Also when a pump had a bug: the others must not wait for it for ever.
            if self._waiting:
                self._schedule()
