"""What model calls are made for: a table of purposes, and what each may spend of a day's money.

It decides which purposes are background work (nobody waits for them), which may hold up a turn, which go on from the
session's own prefix, and the cap of each. Policy as data: nothing here calls a model. Callers: `turn.preparing`,
`turn.side_query`, `turn.spending`, `agentctl cost`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from agentd.providers.prepared import Purpose

__all__ = ["BACKGROUND", "PURPOSES", "Cap", "Facts", "cap_of"]


@dataclass(frozen=True, slots=True)
class Facts:
    """`blocks`: the turn waits for it. `shares_prefix`: it sends the session's own bytes and one message more. `tools`:
    it may call them. `background`: nobody waits for it, so it has a small share of the day. `trigger`: when it is made."""

    blocks: bool
    shares_prefix: bool
    tools: bool
    background: bool
    trigger: str


PURPOSES: Mapping[Purpose, Facts] = {
    "turn": Facts(True, True, True, False, "a person's message, and each step that follows"),
    "schedule": Facts(True, True, True, False, "a job's time has come"),
    "agent": Facts(True, True, True, False, "a turn hands work to an agent"),
    "compaction": Facts(True, True, False, False, "the window is nearly full"),
    "extraction": Facts(False, True, True, True, "a turn has ended and the session is idle"),
    "dream": Facts(False, True, True, True, "nothing has happened for hours"),
    "side_query": Facts(False, False, False, True, "a small question beside a turn, like a title"),
    "test": Facts(True, False, True, False, "`agentctl models test`"),
}

BACKGROUND = frozenset(name for name, facts in PURPOSES.items() if facts.background)
"""The purposes that share the cap of background work."""


@dataclass(frozen=True, slots=True)
class Cap:
    """What a purpose may spend a day: micro-dollars (None: only the general limits count), together with all of
    `purposes`; `words` say where that comes from."""

    usd_micros: int | None
    purposes: frozenset[str]
    words: str


def cap_of(purpose: Purpose, day_usd_micros: int, background_share: float, schedule_usd_micros: int) -> Cap:
    """The cap of a purpose for a model that costs money. `day_usd_micros`: what all may spend a day (0: no limit)."""
    if purpose == "schedule" and schedule_usd_micros:
        return Cap(schedule_usd_micros, frozenset({"schedule"}), "budget.schedule_usd")
    if not PURPOSES[purpose].background:
        return Cap(None, frozenset(), "")
    if not day_usd_micros:
        return Cap(0, BACKGROUND, "background work may cost nothing as long as budget.day_usd is not set")
    return Cap(int(day_usd_micros * background_share), BACKGROUND, "budget.background_share of budget.day_usd")
