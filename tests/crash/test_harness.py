"""The harness sees what it has to see: each promise, broken on purpose, is a violation with its own words."""

from __future__ import annotations

import pytest

from agentd.session.log import LOG_FILE
from agentd.session.store import SessionStore
from agentd.world.fake import FakeWorld
from agentd.world.faults import Plan
from crash.harness import CRASHES, Point, check, live_through, some_points, tried
from crash.stories import STORIES

TEXT = STORIES[0]
SHELL = next(story for story in STORIES if story.name == "shell, approved")
AT_ONCE = Point(SHELL, Plan({1: "EINTR"}))


def acknowledge_too_early(world: FakeWorld) -> None:
    world.journal.relax(lambda: 60_000, lambda fault: None)


def test_what_is_acknowledged_before_it_is_synced_is_lost_and_seen() -> None:
    points = [point for point in some_points(TEXT) if point.fault in CRASHES and point.loss == "dropped"]
    found = [words for point in points if (words := tried(point, acknowledge_too_early))]
    assert len(found) > 3
    assert any("was lost" in words or "were lost" in words for words in found)
    assert [tried(point) for point in points] == [None] * len(points)


def test_an_effect_that_was_done_twice_is_seen() -> None:
    world, told = live_through(AT_ONCE)
    check(AT_ONCE, world, told)
    world, told = live_through(AT_ONCE)
    world.processes.table.started.append(world.processes.table.started[0])
    with pytest.raises(AssertionError, match="a command ran 2 times"):
        check(AT_ONCE, world, told)


def test_an_effect_without_a_record_is_seen() -> None:
    world, told = live_through(AT_ONCE)
    world.processes.table.started[0] = world.processes.table.started[0].__class__(
        argv=("bash",), cwd="/", env={}, box=world.processes.table.started[0].box, timeout_ms=1, label="unheard of"
    )
    with pytest.raises(AssertionError, match="something ran that was not recorded before"):
        check(AT_ONCE, world, told)


def test_an_entry_that_is_gone_is_seen() -> None:
    world, told = live_through(AT_ONCE)
    world = world.restart()
    store = SessionStore(world, "/home/data", "/home/state")
    last = store.open(told.session).lines_after(0, 1_000)[-1]
    handle = world.files.open_append(f"{store.folder(told.session)}/{LOG_FILE}")
    handle.truncate(last.offset)
    handle.sync()
    with pytest.raises(AssertionError, match="acknowledged entries were lost"):
        check(AT_ONCE, world, told)


def test_a_session_that_needs_a_hand_is_seen() -> None:
    def forbid(world: FakeWorld) -> None:
        world.files.disk.read_only = True

    assert "it needs a hand" in str(tried(AT_ONCE, forbid))
