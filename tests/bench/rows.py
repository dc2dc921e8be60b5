"""What a measurement answers: rows of figures, each beside its yardstick, and what was promised.

A yardstick is the bare thing of the same machine in the same run: an import, a write with its sync, a ROUTER without a
daemon. Values are kept as numbers; how they are printed is `page`'s.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass

__all__ = ["Row", "at_most", "interleaved", "p99", "ratio_of_pairs"]


@dataclass(frozen=True, slots=True)
class Row:
    """One figure. `compared`: ours against the limit, in words (`1.8x`). `met` None: nothing was promised."""

    what: str
    limit: str
    ours: str
    compared: str
    promise: str = ""
    met: bool | None = None


def at_most(
    what: str, limit: tuple[str, float], ours: float, unit: str, bound: float, promise: str, digits: int = 1
) -> Row:
    """A row whose promise is an absolute bound on `ours`, in the same unit as the yardstick `limit` (its name, value)."""
    name, value = limit
    compared = f"{ours / value:.2f}x" if value else "-"
    shown = f"{name}: {value:.{digits}f} {unit}" if name else "-"
    return Row(what, shown, f"{ours:.{digits}f} {unit}", compared, promise, ours <= bound)


def interleaved(rounds: int, *measures: Callable[[], float], warm: int = 1) -> list[list[float]]:
    """Each measure `rounds` times, A B A B, so that a noisy minute meets all of them alike."""
    for _ in range(warm):
        for measure in measures:
            measure()
    found: list[list[float]] = [[] for _ in measures]
    for _ in range(rounds):
        for values, measure in zip(found, measures, strict=True):
            values.append(measure())
    return found


def ratio_of_pairs(ours: Sequence[float], bare: Sequence[float]) -> float:
    """The median of ours / bare, pair by pair: neighbours in time share the machine's mood."""
    return statistics.median(a / b for a, b in zip(ours, bare, strict=True))


def p99(values: Sequence[float]) -> float:
    return sorted(values)[min(len(values) - 1, round(len(values) * 0.99))]
