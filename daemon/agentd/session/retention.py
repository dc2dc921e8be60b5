"""Which sessions are archived or removed by age and size, and why. Pure: rows, policy and time in, actions out.

By age first: what is older than `remove_after_days` goes, what is older than `archive_after_days` is packed. Then, while
all that stays is larger than `max_bytes`, the oldest go. Never a session that is in use, that is damaged (a person has
to look at it) or that changed within a day, whatever the policy. It performs nothing. Caller: `turn.housekeeping`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

__all__ = ["MOST_ACTIONS", "Action", "Candidate", "Policy", "decide"]

MOST_ACTIONS = 1000
"""Actions of one run; what is beyond waits for the next one. A run stays short, and its answer fits a message."""

_DAY_MS = 24 * 3600 * 1000
_PACKED_SHARE = 4
"""An archive is taken to be a fourth of its log: conversations pack to a fifth or less, and what is thought too large
would be removed without need. The next run knows better."""


@dataclass(frozen=True, slots=True)
class Policy:
    """In days since the last entry, and in bytes of everything that is kept; 0: never."""

    archive_after_days: int = 0
    remove_after_days: int = 0
    max_bytes: int = 0

    @property
    def asks_for_something(self) -> bool:
        return bool(self.archive_after_days or self.remove_after_days or self.max_bytes)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A session. `bytes`: of everything that is kept for it; `spared`: why nothing may be done with it, if so."""

    id: str
    title: str
    updated_at_ms: int
    bytes: int
    archived: bool
    spared: str = ""


@dataclass(frozen=True, slots=True)
class Action:
    session: str
    action: Literal["archive", "remove"]
    reason: str
    bytes: int
    title: str = ""


def decide(rows: Sequence[Candidate], policy: Policy, now_ms: int) -> tuple[Action, ...]:
    """What is to be done, in the order in which it is done: oldest first, by age and then by size."""
    actions: list[Action] = []
    staying: list[Candidate] = []
    total = 0
    for row in sorted(rows, key=lambda row: (row.updated_at_ms, row.id)):
        action = None if _spared(row, now_ms) else _by_age(row, policy, now_ms)
        if action is not None:
            actions.append(action)
        if action is None or action.action == "archive":
            total += row.bytes if action is None else row.bytes // _PACKED_SHARE
        if action is None and not _spared(row, now_ms):
            staying.append(row)
    for row in staying:
        if not policy.max_bytes or total <= policy.max_bytes:
            break
        reason = f"all sessions have {total:,} bytes, and {policy.max_bytes:,} are kept; this is the oldest"
        actions.append(Action(row.id, "remove", reason, row.bytes, row.title))
        total -= row.bytes
    return tuple(actions[:MOST_ACTIONS])


def _spared(row: Candidate, now_ms: int) -> bool:
    return bool(row.spared) or now_ms - row.updated_at_ms < _DAY_MS


def _by_age(row: Candidate, policy: Policy, now_ms: int) -> Action | None:
    days = (now_ms - row.updated_at_ms) // _DAY_MS
    if policy.remove_after_days and days >= policy.remove_after_days:
        reason = f"unchanged for {days} days; after {policy.remove_after_days} a session is removed"
        return Action(row.id, "remove", reason, row.bytes, row.title)
    if policy.archive_after_days and days >= policy.archive_after_days and not row.archived:
        reason = f"unchanged for {days} days; after {policy.archive_after_days} a session is archived"
        return Action(row.id, "archive", reason, row.bytes, row.title)
    return None
