"""When events leave: a few at a time, then everybody else has the loop.

Of a thousand clients that are attached to one session each piece of its text goes to all of them. Sent in one go that
would hold the loop for 15 ms, and the turn that makes the text would wait as long for every step it takes. So what is
to be sent is cut into rounds: a round sends so many events at most and then lets the loop look at everything else.
First come, first served; who has more than fits goes to the end of the line.

Streamed text that many wait for may wait a little longer: between its rounds is a pause, in which the pieces that come
join those that wait. What is numbered does not wait (`hurry`). Callers: `server.conversation`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

__all__ = ["EVENTS", "PAUSE_MS", "Rounds"]

EVENTS = 64
"""Events of one round: about a millisecond, which no turn feels, and few enough rounds to cost nothing."""
PAUSE_MS = 2
"""Between rounds of mere text while the line is longer than a round: a third of the loop at most, and a thousand
readers still have each piece within 50 ms."""

_Pump = Callable[[int], int]
"""Sends at most so many events; how many it sent."""
_Later = Callable[[int, Callable[[], None]], object]


class Rounds:
    """Shared by all conversations of one loop. `later` has a call made after so many milliseconds (0: as soon as the
    loop comes round)."""

    def __init__(self, later: _Later) -> None:
        self._later = later
        self._waiting: deque[_Pump] = deque()
        self._next = 0
        """1: a round comes as soon as the loop does; 2: one comes after a pause; 0: none."""
        self._hurried = False

    def join(self, pump: _Pump) -> None:
        """Call `pump` once, in a round soon."""
        self._waiting.append(pump)
        if not self._next:
            self._schedule()

    def hurry(self) -> None:
        """Something in the line is more than streamed text: no pauses until the line is through."""
        self._hurried = True
        if self._next == 2:
            self._schedule()

    def _schedule(self) -> None:
        paused = len(self._waiting) > EVENTS and not self._hurried
        self._next = 2 if paused else 1
        self._later(PAUSE_MS if paused else 0, self._round)

    def _round(self) -> None:
        # One that was hurried past its pause finds the pause's own call coming after it: that one is a round more.
        self._next = 0
        left = EVENTS
        try:
            while self._waiting and left > 0:
                left -= max(1, self._waiting.popleft()(left))
        finally:
            # Also when a pump had a bug: the others must not wait for it for ever.
            if not self._waiting:
                self._hurried = False
            elif not self._next:
                self._schedule()
