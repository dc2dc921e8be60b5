"""Fifty scripts, and a death after each record of each: the remote that counts sees no effect twice.

A script is a turn of one to three steps with reads, writes and commands; every command has a name of its own, and the
remote (`world.processes`) counts by call and by name. What is in doubt is reported or asked, never repeated.
`make test` takes every thirtieth record, `make test-full` all.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator

import pytest

from agentd.world.faults import Plan
from crash.harness import Point, check, live_through
from crash.stories import Story, Told, a_world, tell
from support.household import Reply

SCRIPTS = 50


def script(seed: int) -> Story:
    """Some turn; the same for the same seed."""
    chance = random.Random(seed)
    replies: list[Reply] = []
    for step in range(chance.randint(1, 3)):
        calls: list[tuple[str, dict[str, object]]] = []
        for number in range(chance.randint(1, 3)):
            name = f"{seed}-{step}-{number}"
            calls.append(
                chance.choice(
                    (
                        ("shell", {"command": f"make {name}"}),
                        ("shell", {"command": f"make {name}"}),
                        ("write", {"path": f"out/{name}.txt", "content": name}),
                        ("read", {"path": "a.txt"}),
                    )
                )
            )
        replies.append(tuple(calls))
    return Story(f"script {seed}", [*replies, "that is all"], takes_ms=chance.choice((0, 30)))


def records(story: Story) -> list[int]:
    """Numbers of the calls after which another record of the session is on its way, or on the disk."""
    world = a_world(story)
    world.run(tell(world, story, Told()))
    return [
        call.number
        for call in world.points.calls
        if call.name in ("files.write", "files.sync") and call.subject.endswith("/log.jsonl")
    ]


def deaths(every: int) -> Iterator[Point]:
    for seed in range(SCRIPTS):
        story = script(seed)
        for number in records(story)[seed % every :: every]:
            yield Point(story, Plan({number: "crash_after"}), "dropped" if number % 2 else "kept")


def no_effect_twice(every: int) -> int:
    chosen = list(deaths(every))
    for point in chosen:
        world, told = live_through(point)
        check(point, world, told)
        commands = Counter(spawn.argv[-1] for spawn in world.processes.table.started)
        assert [command for command, runs in commands.items() if runs > 1] == [], str(point)
    return len(chosen)


def test_no_effect_is_done_twice_whatever_record_was_the_last() -> None:
    assert no_effect_twice(30) > 40


@pytest.mark.full
@pytest.mark.timeout(1_200)
def test_no_effect_is_done_twice_after_any_record_at_all() -> None:
    assert no_effect_twice(1) > 1_000
