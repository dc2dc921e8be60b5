"""Kill the daemon before and after every door call of recorded turns, fail every call, lose what was not synced.

`crash.harness` says what must be true after each. `make test` kills once at each call, with before and after and the
four ways of losing what was not synced taking turns, and fails every sixth that can; `make test-full` crosses all.
"""

from __future__ import annotations

import pytest

from crash.harness import CRASHES, Tally, all_points, run, some_points
from crash.stories import STORIES, Story, Told, a_world, tell

by_name = pytest.mark.parametrize("story", STORIES, ids=lambda story: story.name)


@by_name
def test_whatever_call_fails_or_is_the_last_one_the_story_is_told_to_its_end(story: Story) -> None:
    tally = Tally()
    run(some_points(story), tally)
    assert tally.wrong == []
    assert tally.count > 60


@pytest.mark.full
@pytest.mark.timeout(3_600)
@by_name
def test_the_same_for_every_fault_at_every_call_and_every_loss(story: Story) -> None:
    tally = Tally()
    run(all_points(story, seeds=3), tally)
    assert tally.wrong == []
    assert tally.count > 500


def test_more_than_a_thousand_points_are_tried() -> None:
    chosen = [point for story in STORIES for point in some_points(story)]
    assert len(chosen) >= 1_000
    assert {point.loss for point in chosen if point.fault in CRASHES} == {"kept", "dropped", "torn", "reordered"}
    names = {call.name for story in STORIES for call in calls(story)}
    assert names >= {"files.write", "files.sync", "files.rename", "files.unlink", "processes.spawn", "http.send"}


def calls(story: Story) -> list[object]:
    world = a_world(story)
    world.run(tell(world, story, Told()))
    return list(world.points.calls)
