"""Two runs side by side: a pair a turn, also where the second ended early."""

from __future__ import annotations

from agentctl.sessions.contest import last_hashes, pairs, rows_of
from agentctl.sessions.turns import Turn
from agentproto.api.turn import TurnUsage
from agentproto.revisions import Touched, WorkflowStep

RECORDED = [
    Turn("t1", 1, "ann", "fix it", 1, (), "big", "end", 3, ("grep", "edit", "grep"), TurnUsage(100, 20), "\nDone.\nx"),
    Turn("t2", 2, "ann", "and?", 2, (), "big", "end", 1, (), TurnUsage(10, 2), "Yes."),
    Turn("t3", 3, "ann", "more", 3, (), "big", "end", 1, (), TurnUsage(10, 2), "No."),
]
REPLAYED = [
    Turn("r1", 4, "me", "fix it", 1, (), "small", "error", 1, (), TurnUsage(50, 1), "", "The model broke."),
    Turn("r2", 5, "me", "and?", 2, (), "small", "end", 1, ("read",), TurnUsage(10, 2), "Yes."),
]


def test_each_turn_has_two_rows() -> None:
    assert rows_of(pairs(RECORDED, REPLAYED)) == [
        ("1", "big", "end", "3", "grep x2, edit", "120", "Done."),
        ("", "small", "error", "1", "-", "51", "The model broke."),
        ("2", "big", "end", "1", "-", "12", "Yes."),
        ("", "small", "end", "1", "read", "12", "(the same)"),
        ("3", "big", "end", "1", "-", "12", "No."),
        ("", "(not reached)", "", "", "", "", ""),
    ]


def test_what_the_session_made_of_a_file_is_its_last_call_that_was_not_taken_back() -> None:
    def step(state: str, path: str, after: str | None) -> WorkflowStep:
        return WorkflowStep("c", "t", "edit", "x", state, 1, touched=(Touched(path, None, after),))  # type: ignore[arg-type]

    assert last_hashes(
        [step("done", "/a", "1"), step("done", "/a", "2"), step("compensated", "/a", "3"), step("done", "/b", None)]
    ) == {"/a": "2", "/b": None}
    assert last_hashes([step("failed", "/a", None), step("failed", "/b", "4")]) == {"/b": "4"}
