"""Who caused an entry: part of many entry types, and of what is remembered of them. No behaviour."""

from __future__ import annotations

from typing import Literal

import msgspec

__all__ = ["Actor"]


class Actor(msgspec.Struct, frozen=True, omit_defaults=True):
    """`id` is a client's, a job's or a session's id; `role` what it was allowed."""

    kind: Literal["client", "schedule", "watch", "agent", "daemon"]
    id: str = ""
    role: str = ""
    name: str = ""
