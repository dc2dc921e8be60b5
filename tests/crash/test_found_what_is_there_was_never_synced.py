"""What a start finds on the disk may be in the cache alone: it has to be synced before anybody is told of it.

An earlier process wrote it and failed, or was killed, before its sync. The next one reads it, takes it for durable and
answers clients from it; a power cut then takes it away. Three places: the end of a log that is opened for writing (one
sync at opening would do, or at `session.resumed`), a folder whose own sync failed (`make_folder` finds it there; taking
it away again after the failed sync would do), and the mark in `state/open`.
"""

from __future__ import annotations

import asyncio

import pytest

from agentd.errors import DiskError
from agentd.session.log import LOG_FILE, SessionLog
from agentd.session.store import SessionStore
from agentd.world.fake import fake_world
from agentd.world.faults import Plan
from crash.harness import Point, all_points, tried
from crash.stories import STORIES
from support.machine_play import SESSION, opened


def test_what_a_log_is_opened_with_is_durable() -> None:
    world = fake_world()
    world.files.add_file(f"/data/s/{LOG_FILE}", b"")
    rehearsal = world.restart()
    asyncio.run(SessionLog.open(rehearsal, "/data/s").append([opened()], 1))
    sync = next(call.number for call in rehearsal.points.calls[::-1] if call.name == "files.sync")
    world = world.restart(plan=Plan({sync: "EIO"}))
    with pytest.raises(DiskError):
        asyncio.run(SessionLog.open(world, "/data/s").append([opened()], 1))
    seen = SessionLog.open(world, "/data/s").state
    assert SessionLog.open(world.restart(drop_unsynced=True), "/data/s").state == seen


def test_a_folder_whose_sync_failed_is_durable_when_it_is_asked_for_again() -> None:
    for number in (2, 4):
        world = fake_world(plan=Plan({number: "EIO"}))
        with pytest.raises(DiskError):
            world.files.make_folder("/home/data")
        world.files.make_folder("/home/data")
        world.files.write_atomic("/home/data/x", b"x")
        assert world.restart(drop_unsynced=True).files.paths() == {"/home/data/x": b"x"}, number


def test_a_mark_whose_sync_failed_is_durable_when_it_is_made_again() -> None:
    world = fake_world()
    store = SessionStore(world, "/home/data", "/home/state")
    store.prepare()
    rehearsal = world.restart()
    SessionStore(rehearsal, "/home/data", "/home/state").mark_open(SESSION)
    sync = next(call.number for call in rehearsal.points.calls if call.name == "files.sync_folder")
    world = world.restart(plan=Plan({sync: "EIO"}))
    store = SessionStore(world, "/home/data", "/home/state")
    with pytest.raises(DiskError):
        store.mark_open(SESSION)
    store.mark_open(SESSION)
    assert SessionStore(world.restart(drop_unsynced=True), "/home/data", "/home/state").marked_open() == [SESSION]


def test_on_a_machine_that_stays_up_nothing_is_lost_whatever_call_failed() -> None:
    points = [point for point in all_points(STORIES[0], seeds=0) if point.fault in ("EIO", "ENOSPC")]
    assert [words for point in points if (words := tried(Point(STORIES[0], point.plan, stays_up=True)))] == []
