"""The wire's own version and how two programs agree on one; not the product's version, which moves at its own pace.

Both sides name the range they speak in hello; the highest common one is used. Features are not inferred from a
version: they are named as capabilities and hold when both sides name them.
"""

from __future__ import annotations

import msgspec

__all__ = ["CAPABILITIES", "WIRE_MAX", "WIRE_MIN", "VersionRange", "negotiate"]

WIRE_MIN = 1
WIRE_MAX = 1

CAPABILITIES: tuple[str, ...] = ("credit", "partial", "resume")
"""credit: event flow control; partial: deltas carry item and offset; resume: subscriptions from a number."""


class VersionRange(msgspec.Struct, frozen=True, array_like=True):
    """Lowest and highest wire version that a program speaks."""

    lowest: int
    highest: int


def negotiate(ours: VersionRange, theirs: VersionRange) -> int | None:
    """The highest version in both ranges, or None when they do not meet."""
    best = min(ours.highest, theirs.highest)
    return best if best >= max(ours.lowest, theirs.lowest) else None
