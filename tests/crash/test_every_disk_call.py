"""Storage under fault injection: the n-th call of the disk fails for n = 1, 2, ... until the story comes through clean.

Once, from there on for ever, and by a disk that is full at every size. Whatever had been acknowledged is there after the
restart, and the story is told to its end as soon as the disk works again.
"""

from __future__ import annotations

from typing import Literal

import pytest

from agentd.errors import AgentdError
from agentd.world.fake import FakeWorld
from agentd.world.faults import Fault, Plan
from crash.harness import Point, check
from crash.stories import STORIES, Story, Told, a_world, tell

STORY = next(story for story in STORIES if story.name == "edit")
MANY = 10_000


def told_in_spite_of(world: FakeWorld, story: Story) -> tuple[FakeWorld, Told, bool]:
    """Tell it on this disk; when that fails, restart on a disk that works. Whether it came through clean."""
    told = Told()
    try:
        world.run(tell(world, story, told))
    except AgentdError:
        world = world.restart()
        world.files.disk.capacity = None
        world.run(tell(world, story, told))
        return world, told, False
    return world, told, not world.points.plan.faults or len(world.points.calls) < min(world.points.plan.faults)


@pytest.mark.parametrize(
    ("fault", "lasts"),
    [
        ("EIO", "once"),
        ("ENOSPC", "from there on"),
        pytest.param("ENOSPC", "once", marks=pytest.mark.full),
        pytest.param("EIO", "from there on", marks=pytest.mark.full),
    ],
)
def test_the_nth_call_of_the_disk_fails_until_it_comes_through_clean(
    fault: Literal["EIO", "ENOSPC"], lasts: str
) -> None:
    number, clean = 0, False
    while not clean:
        number += 1
        plan: dict[int, Fault] = dict.fromkeys(range(number, number + (1 if lasts == "once" else MANY)), fault)
        world, told, clean = told_in_spite_of(a_world(STORY, Plan(plan)), STORY)
        check(Point(STORY, Plan({number: fault})), world, told)
        assert number < MANY
    assert number > 100


def test_a_disk_that_is_full_at_any_size_loses_nothing_that_was_acknowledged() -> None:
    size, clean, refused = 0, False, 0
    empty = a_world(STORY)
    while not clean:
        size += 97
        world = a_world(STORY)
        world.files.disk.capacity = empty.files.tree.used_bytes() + size
        world, told, _ = told_in_spite_of(world, STORY)
        clean = world.files.disk.capacity is not None
        refused += not clean
        world.files.disk.capacity = None
        check(Point(STORY, Plan({1: "ENOSPC"})), world, told)
    assert refused > 10
