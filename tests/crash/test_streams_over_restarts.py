"""Numbered events, replayed from any number over restarts: who was away hears what those heard who stayed.

The one who stayed takes what is published in each life, and after a restart what follows the last number it has; the
other one comes back after two kills and asks for everything. One hash over names and values of all events.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterable, Sequence

import pytest

from agentd.chain.frame import Line
from agentd.errors import AgentdError
from agentd.session.entries import Entry
from agentd.session.projection import project
from agentd.session.store import SessionStore
from agentd.world.fake import FakeWorld
from agentd.world.faults import Crash, Plan
from crash.stories import STORIES, Story, Told, a_world, tell


def fingerprint(session: str, lines: Iterable[Line[Entry]]) -> str:
    return hashlib.sha256(repr([project(session, line) for line in lines]).encode()).hexdigest()


def all_lines(world: FakeWorld, session: str, after: int = 0) -> list[Line[Entry]]:
    log = SessionStore(world, "/home/data", "/home/state").open(session, writable=False)
    try:
        return log.lines_after(after, 100_000)
    finally:
        log.close()


def heard_by_who_stayed(world: FakeWorld, told: Told) -> Sequence[Line[Entry]]:
    """What each life published, joined by number; a number that was heard twice was the same event."""
    heard: dict[int, Line[Entry]] = {}
    for line in (line for life in told.lines() for line in life):
        assert heard.setdefault(line.seq, line) == line, f"event {line.seq} was another one after a restart"
    # What was recorded and not published before a kill is asked for after it.
    missing = [line for line in all_lines(world, told.session) if line.seq not in heard]
    return [heard.get(line.seq, line) for line in sorted([*heard.values(), *missing], key=lambda line: line.seq)]


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.name)
def test_who_was_away_over_two_kills_hears_what_those_heard_who_stayed(story: Story) -> None:
    chance = random.Random(story.name)
    for _ in range(8):
        world = a_world(story, Plan({chance.randint(45, 110): "crash_after"}))
        told, kills = Told(), 0
        for _ in range(4):
            try:
                world.run(tell(world, story, told))
            except (Crash, AgentdError):
                kills += 1
                plan = Plan({chance.randint(20, 70): "crash_before"} if kills < 2 else {})
                world = world.restart(plan=plan)
            else:
                break
        world = world.restart()
        stayed = heard_by_who_stayed(world, told)
        away = all_lines(world, told.session)
        assert fingerprint(told.session, stayed) == fingerprint(told.session, away)
        assert [line.seq for line in away] == list(range(1, len(away) + 1))
        half = len(away) // 2
        assert all_lines(world, told.session, half) == away[half:]
