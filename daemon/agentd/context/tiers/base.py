"""What a tier of compaction is given and what it answers. Pure values; the tiers know nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

__all__ = ["Cut", "Held", "Tier", "View"]


@dataclass(frozen=True, slots=True)
class Held:
    """One tool result of the conversation, in its order. `tokens`: what clearing it would save. `clearable`: its tool
    says that it can be had again."""

    call: str
    step: str
    tool: str
    tokens: int
    clearable: bool


@dataclass(frozen=True, slots=True)
class View:
    """A conversation as a tier sees it: its results, oldest first, which are still there; what the next request has,
    in tokens; what fits; and the step whose results the model has not seen yet (empty: it has seen all)."""

    results: Sequence[Held]
    tokens: int
    usable: int
    latest_step: str


@dataclass(frozen=True, slots=True)
class Cut:
    """What a tier leaves out: results of `calls`, which saves about `tokens`, because of `reason`."""

    tier: str
    calls: tuple[str, ...]
    tokens: int
    reason: str


class Tier(Protocol):
    """One file of this folder. It never calls a model and never reads a text."""

    name: str

    def cut(self, view: View, *, must: bool) -> Cut | None:
        """What to leave out now; None when it is not time, or there is nothing. `must`: the request does not fit, or a
        server said so, whatever the count."""
        ...
