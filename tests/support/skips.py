"""The one place that skips a test: its words say what is missing and how to get it.

With AGENTD_TEST_NO_SKIP=1 what is missing fails the test instead; `.ci/run` sets it after it has installed everything. What
that machine cannot have (root, the right to trace) `.ci/run` finds out first, prints, and names in AGENTD_TEST_EXCUSED.
"""

from __future__ import annotations

import os

import pytest

__all__ = ["excused", "need"]


def excused(words: str) -> bool:
    """Whether `.ci/run` found that what `words` begin with cannot be had on this machine."""
    given = os.environ.get("AGENTD_TEST_EXCUSED", "")
    return any(words.startswith(prefix) for prefix in given.split(";") if prefix)


def need(condition: object, what: str, how: str) -> None:
    """Go on when `condition` is true; else skip with `what` is missing and `how` to get it."""
    if condition:
        return
    words = f"{what}: {how}"
    if excused(words):
        pytest.skip(f"cannot be had here: {words}")
    if os.environ.get("AGENTD_TEST_NO_SKIP") == "1":
        pytest.fail(f"this test may not be skipped here; missing: {words}", pytrace=False)
    pytest.skip(f"missing: {words}")
