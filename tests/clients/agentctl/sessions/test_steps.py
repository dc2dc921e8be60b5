"""Mutating calls as rows: state, tries, exit code, files with their hashes before and after."""

from __future__ import annotations

from agentctl.sessions.steps import rows_of
from clients.stage import STEPS


def test_a_row_says_what_a_call_did_to_which_files() -> None:
    assert rows_of(STEPS, "/w") == [
        ("t1.1.1", "done", "edit", "a.py", "1", "", "a.py 1a2b3c4d -> 5e6f7a8b"),
        (
            "t1.2.1",
            "failed: exit code 2",
            "bash",
            "make all " + "x" * 50 + "…",
            "2",
            "2",
            "new none -> 5e6f7a8b; /else/old 1a2b3c4d -> none (before not kept)",
        ),
        ("t1.3.1", "unknown: the daemon ended", "bash", "sleep", "1", "", ""),
        ("t1.4.1", "compensated", "write", "b", "1", "", ""),
    ]
