"""The entry type of what was left out of the conversation to make room. A member of `session.entries.Entry`."""

from __future__ import annotations

import msgspec

__all__ = ["Compacted"]


class Compacted(msgspec.Struct, frozen=True, omit_defaults=True, tag_field="type", tag="context.compacted"):
    """A tier of compaction cleared the results of `calls`, about `tokens`; they stay so in every later request."""

    turn: str
    step: str
    tier: str
    calls: tuple[str, ...]
    tokens: int
    reason: str
