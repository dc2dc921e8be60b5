"""A moment as people read it, in words of the log: UTC, to the second. Pure."""

from __future__ import annotations

from datetime import UTC, datetime

__all__ = ["day_of", "moment"]


def moment(at_ms: int) -> str:
    """Milliseconds since the epoch as `2026-11-21 05:12:00 UTC`."""
    return f"{datetime.fromtimestamp(at_ms / 1000, UTC):%Y-%m-%d %H:%M:%S} UTC"


def day_of(at_ms: int) -> str:
    """The day of a moment, `2026-11-21`, in UTC."""
    return f"{datetime.fromtimestamp(at_ms / 1000, UTC):%Y-%m-%d}"
