"""How a model counts, learnt from what its server counted. Pure but for being a collector.

Two things make a projection good. (1) A talk grows: all of the next request but its end was counted already, to the
token, so only what differs has to be estimated. (2) What a byte costs differs from vocabulary to vocabulary, and by kind:
a digit is a token or a third of one, a small letter a quarter, a line's end one or two. Those rates are learnt.

Theory. The rates are found by recursive least squares (a Bayesian linear regression). They begin with what the
vocabularies in wide use have in common, and with how far those differ; each counted request corrects them in proportion
to what it says about each kind of byte, and what it says nothing about stays as unsure as it was. Texts deviate from
their rates, too: how far is learnt, and taken to be by itself for each piece of a talk, so that it evens out in a long
one. A projection is the mean and `SURE` deviations of both kinds. So it errs on the safe side, by more where more is new.

Of a model that nobody counted for yet the estimate of `context.tokens` is taken, which holds for all. Callers:
`turn.spending` teaches it, `context.budget` asks, through a `Factor`.
"""

from __future__ import annotations

import math
from collections import OrderedDict, deque
from dataclasses import dataclass, field

from agentd.context.tokens import PLAIN, Pictured, Shape, estimate, estimate_of, shape_of, words_of

__all__ = ["CALLS", "CERTAIN", "SURE", "UNKNOWN", "Calibration", "Factor"]

CALLS = 16
"""Latest calls of a model by which it is told how good its projections are."""
SURE = 1.1
"""Deviations on top of the mean. So a projection is too small for about one call in a hundred, by a percent or two, where
the safety buffer of the window is ten. With 2.2 it would be too large by twice as much for all the others."""
CERTAIN = 5.0
"""The same where it is about money: what is reserved has to hold, also for a text that is unlike any before."""
_UNKNOWN_MORE = 1.25
"""What is put on top of the estimate there, of a model that nobody counted for yet."""
_PIECE_TOKENS = 1_000.0
"""What deviates from the rates by itself: about a tool's result. Ten of them deviate by three times as much as one."""
_TALKS = 512
"""Talks whose latest request is remembered; of an older one the whole is estimated again."""
_LEAST_TOKENS = 24.0
"""Of a difference that says something about rates."""
_BOUNDS = (0.15, 6.0)
"""Counted to estimated: ratios beyond come from a server that counts something else."""

# Tokens a byte, by kind, and how far vocabularies differ in it: from regressions over texts of many kinds with a
# SentencePiece of 32,000, a byte-level one of 131,000 and small ones. Behind a number most line ends cost two.
_RATES = (0.26, 0.50, 1.05, 0.06, 0.55, 0.05, 1.40, 0.42)
_SPREADS = (0.06, 0.25, 0.35, 0.12, 0.25, 0.50, 0.80, 0.25)
# Text that is hardly any has another price: signs in a row, and packed data, in which capitals stand among small letters.
# Beyond the share that ordinary text has of them, each costs so much more. No rate can tell: a text's sum is not linear.
_SIGNS_SHARE, _SIGNS_MORE = 0.30, 0.30
_PACKED_SHARE, _PACKED_MORE = 0.10, 0.80
_DEVIATION = 0.08
_DEVIATIONS = (0.03, 0.20)
_LATEST_WEIGH = 0.05
_ROUNDING = 9.0
"""Variance of a count by itself: templates put a token or three between messages."""


@dataclass(slots=True)
class _Rates:
    """What is known of one model. `cover`: the covariance of `rates`; `variance`: of a piece of one token's length."""

    rates: list[float] = field(default_factory=lambda: list(_RATES))
    cover: list[list[float]] = field(
        default_factory=lambda: [
            [s * s if row == at else 0.0 for at in range(len(_SPREADS))] for row, s in enumerate(_SPREADS)
        ]
    )
    variance: float = _DEVIATION**2
    calls: int = 0

    def project(self, counts: list[int]) -> tuple[float, float]:
        """Tokens of so many bytes of each kind, and how far that may be off (one deviation)."""
        mean = _dot(self.rates, counts) + _odd(counts)
        unsure = max(0.0, _dot([_dot(row, counts) for row in self.cover], counts))
        return mean, math.sqrt(unsure + self._own(counts))

    def _own(self, counts: list[int]) -> float:
        """Variance that texts have by themselves."""
        size = _dot(self.rates, [abs(count) for count in counts])
        return self.variance * size * min(size, _PIECE_TOKENS) + _ROUNDING

    def learn(self, counts: list[int], tokens: int) -> None:
        """So many bytes of each kind (a difference: also negative) were `tokens` tokens."""
        size = _dot(self.rates, [abs(count) for count in counts])
        if size < _LEAST_TOKENS:
            return
        self.calls += 1
        seen = [_dot(row, counts) for row in self.cover]
        unsure = max(0.0, _dot(seen, counts))
        missed = tokens - _dot(self.rates, counts) - _odd(counts)
        whole = unsure + self._own(counts)
        for row, one in enumerate(seen):
            self.rates[row] = max(0.0, self.rates[row] + one / whole * missed)
            for at, other in enumerate(seen):
                self.cover[row][at] -= one * other / whole
        low, high = (bound**2 for bound in _DEVIATIONS)
        own = max(0.0, missed * missed - unsure) / (size * min(size, _PIECE_TOKENS))
        weight = max(_LATEST_WEIGH, 1 / (self.calls + 4))
        self.variance = max(low, (1 - weight) * self.variance + weight * min(own, high))


@dataclass(frozen=True, slots=True)
class Factor:
    """What brings an estimate to a model's own count. `before`: the talk's latest request and what was counted for it."""

    rates: _Rates | None = None
    before: tuple[Shape, int] | None = None

    def tokens(self, body: bytes, pictured: Pictured = PLAIN) -> int:
        """Tokens of a request, projected, on the safe side."""
        return self.of(words_of(body, pictured)) + pictured.tokens

    def most(self, body: bytes, pictured: Pictured = PLAIN) -> int:
        """What they will be at most, as far as one can know: money is reserved for so many."""
        shape = words_of(body, pictured)
        words = math.ceil(_UNKNOWN_MORE * estimate_of(shape)) if self.rates is None else self.of(shape, CERTAIN)
        return words + pictured.tokens

    def of(self, shape: Shape, sure: float = SURE) -> int:
        """Tokens of a request of this shape; `sure`: how many deviations on top of the mean."""
        if self.rates is None:
            return estimate_of(shape)
        mean, deviation = self.rates.project(list(shape))
        found = mean + sure * deviation
        if self.before is not None:
            known, counted = self.before
            mean, deviation = self.rates.project(_difference(shape, known))
            # Both are safe; of what was mostly left out since then, little may be known from the difference.
            of_talk = counted + mean + sure * deviation
            found = min(found, of_talk) if mean < 0 else of_talk
        return max(1, math.ceil(found))

    def saved(self, text: str) -> int:
        """Tokens that a text inside a request has, as likely too few as too many."""
        data = text.encode(errors="replace").replace(b'"', b'\\"').replace(b"\n", b"\\n")  # as it stands in a request
        return estimate(data) if self.rates is None else max(0, round(self.rates.project(list(shape_of(data)))[0]))


UNKNOWN = Factor()
"""Of a model that nobody counted for yet."""


class Calibration:
    """What was learnt, by model; and each talk's latest request, by the talk's name (a session's, and what it is for)."""

    def __init__(self) -> None:
        self._rates: dict[str, _Rates] = {}
        self._before: OrderedDict[tuple[str, str], tuple[Shape, int]] = OrderedDict()
        self._ratios: dict[str, deque[tuple[float, float]]] = {}

    def learn(self, model: str, talk: str, shape: Shape, counted: int) -> None:
        """A server counted `counted` tokens in a request of the talk that had this shape."""
        estimated = estimate_of(shape)
        if counted <= 0 or not _BOUNDS[0] <= counted / estimated <= _BOUNDS[1]:
            return
        projected = self.factor(model, talk).of(shape)
        self._ratios.setdefault(model, deque(maxlen=CALLS)).append((counted / projected, projected / estimated))
        before = self._before.get((model, talk))
        rates = self._rates.setdefault(model, _Rates())
        if before is None:
            rates.learn(list(shape), counted)
        else:
            rates.learn(_difference(shape, before[0]), counted - before[1])
        self._before[model, talk] = (shape, counted)
        self._before.move_to_end((model, talk))
        if len(self._before) > _TALKS:
            self._before.popitem(last=False)

    def factor(self, model: str, talk: str = "") -> Factor:
        """For the next request of the talk; without a talk for any request."""
        return Factor(self._rates.get(model), self._before.get((model, talk)))

    def models(self) -> tuple[str, ...]:
        """The models of which anything is known."""
        return tuple(sorted(self._rates))

    def error(self, model: str) -> tuple[int, float, float, float] | None:
        """(calls, least, greatest) of counted to projected, and what the latest estimate was multiplied with; None when
        nothing is known."""
        ratios = self._ratios.get(model)
        if not ratios:
            return None
        counted = [ratio for ratio, _ in ratios]
        return len(ratios), min(counted), max(counted), ratios[-1][1]


def _difference(now: Shape, before: Shape) -> list[int]:
    return [one - other for one, other in zip(now, before, strict=True)]


def _odd(counts: list[int]) -> float:
    """What signs in a row and packed data cost beside the rates of their bytes."""
    small, capitals, digits, spaces, signs, quotes, _, _ = counts
    plain = small + capitals + digits + spaces + signs + quotes
    if plain < 0:
        return -_odd([-count for count in counts])
    return _SIGNS_MORE * max(0.0, signs - _SIGNS_SHARE * plain) + _PACKED_MORE * max(
        0.0, min(capitals, small) - _PACKED_SHARE * plain
    )


def _dot(one: list[float], other: list[int]) -> float:
    return sum(a * b for a, b in zip(one, other, strict=True))
