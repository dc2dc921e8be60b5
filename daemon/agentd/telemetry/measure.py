"""How long each part of a start took: `agentd run --profile-start` prints it.

It decides nothing and costs a clock read for each milestone. Callers: `agentd.cli` begins and prints, `agentd.app`
names what it has reached.
"""

from __future__ import annotations

from agentd.world.doors import Clock

__all__ = ["Milestones"]


class Milestones:
    """Names with times, in the order in which they were reached. `before_us`: microseconds that had already passed in
    this process when it was made (the interpreter's own start, where somebody knows it)."""

    def __init__(self, clock: Clock, before_us: int = 0) -> None:
        self._clock = clock
        self._begin_us = clock.perf_us() - before_us
        self._reached: list[tuple[str, int]] = [("interpreter", before_us)] if before_us else []

    def reached(self, name: str) -> None:
        self._reached.append((name, self._clock.perf_us() - self._begin_us))

    def rows(self) -> list[tuple[str, int, int]]:
        """(name, microseconds since the begin, microseconds since the one before)."""
        found: list[tuple[str, int, int]] = []
        last = 0
        for name, at in self._reached:
            found.append((name, at, at - last))
            last = at
        return found

    def report(self) -> str:
        """The rows for people, in milliseconds; the slowest step is marked."""
        rows = self.rows()
        if not rows:
            return "no milestone was reached\n"
        width = max(len(name) for name, _, _ in rows)
        slowest = max(step for _, _, step in rows)
        return "".join(
            f"{name:<{width}}  {at / 1000:8.1f} ms  {'+' + format(step / 1000, '.1f'):>8}"
            f"{'  slowest' if step == slowest else ''}\n"
            for name, at, step in rows
        )
