"""What a call may cost, and what one did cost. Pure; every amount in whole micro-dollars, rounded up.

A price is in US dollars a million tokens, which is micro-dollars a token. The worst case of a call is its whole input at
the dearest price of input (nothing found in the cache, all of it written to it) and the longest answer that it may have.
A price counts as it is written, a tenth as a tenth: with binary fractions a call's parts could cost a micro-dollar more
than the call. Callers: `context.budget` before a call, `turn.model_call` after it.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from fractions import Fraction

from agentproto.api.turn import TurnUsage

__all__ = ["FREE", "LEAST_OUTPUT", "Money", "Prices", "cost_of", "output_for", "worst_case"]

LEAST_OUTPUT = 512
"""Tokens. An answer that has to be shorter is of no use; rather nothing is asked."""


@dataclass(frozen=True, slots=True)
class Prices:
    """US dollars a million tokens. `cache_write`: of input that a server keeps for later."""

    input: float = 0.0
    output: float = 0.0
    cached: float = 0.0
    cache_write: float = 0.0

    @property
    def dearest_input(self) -> float:
        return max(self.input, self.cached, self.cache_write)


FREE = Prices()


@dataclass(frozen=True, slots=True)
class Money:
    """What the next call may cost: its prices, and the micro-dollars left (None: no limit), with the words for it."""

    prices: Prices = FREE
    left: int | None = None
    limit: str = ""


def worst_case(prices: Prices, input_tokens: int, output_tokens: int) -> int:
    """Micro-dollars that a call costs at most."""
    return math.ceil(input_tokens * _exact(prices.dearest_input)) + math.ceil(output_tokens * _exact(prices.output))


def output_for(prices: Prices, left: int, input_tokens: int, most: int) -> int:
    """Tokens that the answer may have so that the worst case stays within `left`; at most `most`, 0 for none."""
    rest = left - math.ceil(input_tokens * _exact(prices.dearest_input))
    if rest < 0:
        return 0
    if prices.output <= 0:
        return most
    return min(most, math.floor(rest / _exact(prices.output)))


def cost_of(prices: Prices, usage: TurnUsage) -> int:
    """Micro-dollars of a call with this usage; `cached` and `cache_written` are parts of its input."""
    plain = max(0, usage.input - usage.cached - usage.cache_written)
    parts = (
        plain * _exact(prices.input),
        usage.cached * _exact(prices.cached),
        usage.cache_written * _exact(prices.cache_write),
        usage.output * _exact(prices.output),
    )
    return math.ceil(sum(parts))


@functools.lru_cache(maxsize=256)
def _exact(price: float) -> Fraction:
    return Fraction(repr(float(price)))
