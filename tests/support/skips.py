"""The one place that skips a test: its words say what is missing and how to get it.

With AGENTD_TEST_NO_SKIP=1 what is missing fails the test instead; `.ci/run` sets it after it has installed everything.
"""

from __future__ import annotations

import os

import pytest

__all__ = ["need"]


def need(condition: object, what: str, how: str) -> None:
    """Go on when `condition` is true; else skip with `what` is missing and `how` to get it."""
    if condition:
        return
    words = f"{what}: {how}"
    if os.environ.get("AGENTD_TEST_NO_SKIP") == "1":
        pytest.fail(f"this test may not be skipped here; missing: {words}", pytrace=False)
    pytest.skip(f"missing: {words}")
