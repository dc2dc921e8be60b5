"""Tier micro: old results of tools that can be called again are cleared. No model call.

Nothing is touched before three quarters of the usable window are full: what was sent stays as it is, because servers
keep it cached. Then one batch clears down to a half, oldest first, so that the cache breaks once and not with every
step. The newest results stay, as long as it fits without them. Those of the latest step the model has not seen yet: they
go, the largest first, only where nothing could be asked at all with them; the model is told, and can ask for less.
"""

from __future__ import annotations

from dataclasses import dataclass

from agentd.context.tiers.base import Cut, Held, View

__all__ = ["BEGIN_AT", "CLEAR_TO", "NEWEST", "WORTH_TOKENS", "Micro"]

BEGIN_AT = 0.75
"""Share of the usable window from which on it clears: room for some more steps is left."""
CLEAR_TO = 0.50
"""Share that is left after a batch: the next one comes only after as much again was said."""
NEWEST = 3
"""Results that stay while others can go: what the model works with."""
WORTH_TOKENS = 60
"""A result that saves less than its own notice costs is not cleared."""


@dataclass(frozen=True, slots=True)
class Micro:
    """See `agentd.context.tiers.base.Tier`."""

    name: str = "micro"

    def cut(self, view: View, *, must: bool) -> Cut | None:
        if not must and view.tokens < BEGIN_AT * view.usable:
            return None
        worth = [one for one in view.results if _is_worth(one, view)]
        old, newest = worth[: max(0, len(worth) - NEWEST)], worth[max(0, len(worth) - NEWEST) :]
        wanted = view.tokens - int(CLEAR_TO * view.usable)
        chosen = _until(old, wanted)
        saved = sum(one.tokens for one in chosen)
        if must and (view.tokens - saved > view.usable or not chosen):
            # A server that refused what was counted to fit gets less in any case.
            chosen += _until(newest, max(1, wanted - saved))
            saved = sum(one.tokens for one in chosen)
        if must and view.tokens - saved > view.usable:
            latest = [one for one in view.results if _could_go(one) and one.step == view.latest_step]
            latest.sort(key=lambda one: -one.tokens)
            chosen += _until(latest, view.tokens - saved - view.usable)
            chosen = [one for one in view.results if one in chosen]
            saved = sum(one.tokens for one in chosen)
        if not chosen:
            return None
        full = round(100 * view.tokens / max(1, view.usable))
        why = "the request did not fit" if must else f"{full}% of the usable window were full"
        return Cut(
            self.name, tuple(one.call for one in chosen), saved, f"{why}: {len(chosen)} old results were cleared"
        )


def _is_worth(one: Held, view: View) -> bool:
    return _could_go(one) and one.step != view.latest_step


def _could_go(one: Held) -> bool:
    return one.clearable and one.tokens >= WORTH_TOKENS


def _until(results: list[Held], wanted: int) -> list[Held]:
    """As many of the oldest as save `wanted` tokens."""
    chosen: list[Held] = []
    for one in results:
        if wanted <= 0:
            break
        chosen.append(one)
        wanted -= one.tokens
    return chosen
