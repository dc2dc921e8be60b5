"""Waiting for something that a foreign process does: by looking again, with a deadline, and words when it does not."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

__all__ = ["until"]

T = TypeVar("T")
STEP_S = 0.01


def until(condition: Callable[[], T], what: str, seconds: float = 15) -> T:
    """What `condition` gives as soon as that is true; AssertionError naming `what` when it never was."""
    end = time.monotonic() + seconds
    while True:
        late = time.monotonic() >= end  # looked at before the condition: a slow machine gets one last look
        found = condition()
        if found:
            return found
        if late:
            raise AssertionError(f"waited {seconds:g} s in vain for this: {what} (last seen: {found!r})")
        time.sleep(STEP_S)
