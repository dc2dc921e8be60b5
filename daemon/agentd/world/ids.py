"""Names and chance: sortable session ids, unguessable bytes, retry jitter.

It decides the shape of a session id. Chance comes from the kernel alone, never from a seeded generator; the seeded
double is in `agentd.world.fake`, and shares `session_id` with this file so that both make the same shape.
"""

from __future__ import annotations

import os

__all__ = ["RealIds", "session_id", "unit_fraction"]

# Crockford's base 32 (no i, l, o, u: nothing that can be misread), in ascending ASCII order, so that text sorts as time.
_DIGITS = "0123456789abcdefghjkmnpqrstvwxyz"
_TIME_DIGITS = 9  # 45 bits of milliseconds: good to the year 3084
_CHANCE_DIGITS = 7  # 35 bits: two sessions of one millisecond meet once in 3e10


def session_id(now_ms: int, chance: int) -> str:
    """'s', nine digits of `now_ms`, seven of the low 35 bits of `chance`."""
    return "s" + _digits(now_ms, _TIME_DIGITS) + _digits(chance, _CHANCE_DIGITS)


def unit_fraction(random_bytes: bytes) -> float:
    """A float in [0, 1) from the first 53 bits of seven bytes."""
    return (int.from_bytes(random_bytes[:7], "big") >> 3) / (1 << 53)


def _digits(number: int, count: int) -> str:
    return "".join(_DIGITS[(number >> shift) & 31] for shift in range(5 * (count - 1), -1, -5))


class RealIds:
    """See `agentd.world.doors.Ids`."""

    __slots__ = ()

    def session(self, now_ms: int) -> str:
        return session_id(now_ms, int.from_bytes(os.urandom(5), "big"))

    def token(self, size: int) -> bytes:
        return os.urandom(size)

    def jitter(self) -> float:
        return unit_fraction(os.urandom(7))
