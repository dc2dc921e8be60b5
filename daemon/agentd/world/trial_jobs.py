"""Two jobs that the worker can always do: to see that it works, and that it is ended when it takes too long.

Named in `agentd.worker.JOBS`; `agentctl doctor` and the tests run them. They must stay free of imports that cost time.
"""

from __future__ import annotations

import time

__all__ = ["echo", "wait"]


def echo(value: object) -> object:
    """The value, unchanged."""
    return value


def wait(ms: int) -> int:
    """`ms`, after that many milliseconds."""
    time.sleep(ms / 1_000)
    return ms
