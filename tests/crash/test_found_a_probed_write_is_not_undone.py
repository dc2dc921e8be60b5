"""A write that a crash cut off after it was done is found done at the next start, and an undo has to take it back too.

The `call.done` that the probe comes to has no `touched`, so the undo passes over the call without a word: it says that it
took the turn back, and the file keeps what the turn wrote.
"""

from __future__ import annotations

from agentd.turn.taking_back import TakenBack
from agentd.world.faults import Plan
from crash.harness import Point, live_through
from crash.stories import STORIES, Told, a_world, tell
from support.household import WORKSPACE


def test_files_that_were_written_before_a_crash_are_brought_back_by_an_undo() -> None:
    story = next(story for story in STORIES if story.name == "undone")
    rehearsal = a_world(story)
    rehearsal.run(tell(rehearsal, story, Told()))
    renames = [
        call.number
        for call in rehearsal.points.calls
        if call.name == "files.rename" and call.subject == f"{WORKSPACE}/a.txt"
    ]
    world, told = live_through(Point(story, Plan({renames[0]: "crash_after"})))
    back = told.acts["undo"]
    assert isinstance(back, TakenBack)
    assert {(file.path, file.action) for file in back.files} == {
        (f"{WORKSPACE}/a.txt", "restored"),
        (f"{WORKSPACE}/new/c.txt", "removed"),
    }
    assert world.files.read(f"{WORKSPACE}/a.txt") == b"one\n"
