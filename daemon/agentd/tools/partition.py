"""Which calls of one step run together.

It decides the batches and nothing else: neighbouring calls of concurrency-safe tools share a batch, up to a cap; every
other call is alone. The order of the calls is kept, so a read after a write sees what was written. Pure; called by the
turn.
"""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["CAP", "partition"]

CAP = 10
"""Calls at a time: enough to hide the wait for the disk, few enough for a small machine."""


def partition(safe: Sequence[bool], cap: int = CAP) -> tuple[tuple[int, ...], ...]:
    """`safe[i]`: whether call i may run beside others. Batches of indexes, in order; each runs when the one before has
    ended. ValueError when `cap` is below 1."""
    if cap < 1:
        raise ValueError(f"a batch holds at least one call, not {cap}")
    batches: list[list[int]] = []
    open_to_more = False
    for index, together in enumerate(safe):
        if together and open_to_more and len(batches[-1]) < cap:
            batches[-1].append(index)
        else:
            batches.append([index])
        open_to_more = together
    return tuple(tuple(batch) for batch in batches)
