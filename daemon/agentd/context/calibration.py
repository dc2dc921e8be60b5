"""How far the estimator is off for each model, learnt from what servers counted. Pure but for being a collector.

The estimator is the same for all models and on the safe side; a model's own tokenizer may need much less, or, for a
script that it does not know, more. After each call the server's count is compared with the estimate of the same bytes.
The greatest ratio of the latest calls, and a little more, is the factor for the next one: it errs on the safe side, and
it comes down again when the talk changes. Before there are enough calls nothing is scaled down. Callers:
`turn.spending`, `context.budget` through its factor.
"""

from __future__ import annotations

from collections import deque

__all__ = ["AHEAD", "CALLS", "ENOUGH", "Calibration"]

CALLS = 16
"""Latest calls of a model that count: a session's worth of steps, so that an odd one is forgotten."""
ENOUGH = 3
"""Calls before the factor may be under 1: one or two may have been of one kind."""
AHEAD = 1.01
"""What is put on top of the greatest ratio: the next request may be a little worse than any before."""
_LEAST_TOKENS = 64
"""Of a request that says something about a ratio."""
_BOUNDS = (0.2, 5.0)
"""Ratios beyond come from a server that counts something else."""


class Calibration:
    def __init__(self) -> None:
        self._ratios: dict[str, deque[float]] = {}

    def learn(self, model: str, estimated: int, counted: int) -> None:
        """A server counted `counted` tokens in a request that was estimated at `estimated`."""
        if estimated < _LEAST_TOKENS or counted <= 0:
            return
        ratio = counted / estimated
        if _BOUNDS[0] <= ratio <= _BOUNDS[1]:
            self._ratios.setdefault(model, deque(maxlen=CALLS)).append(ratio)

    def factor(self, model: str) -> float:
        """What an estimate for `model` is multiplied with."""
        ratios = self._ratios.get(model)
        if not ratios:
            return 1.0
        worst = max(ratios) * AHEAD
        return worst if len(ratios) >= ENOUGH else max(1.0, worst)

    def models(self) -> tuple[str, ...]:
        """The models of which anything is known."""
        return tuple(sorted(self._ratios))

    def error(self, model: str) -> tuple[int, float, float] | None:
        """(calls, least, greatest) of counted to estimated; None when nothing is known."""
        ratios = self._ratios.get(model)
        return (len(ratios), min(ratios), max(ratios)) if ratios else None
