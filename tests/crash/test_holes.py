"""A power cut may leave later sectors of what was not synced without earlier ones: that is a torn tail like any other.

Nothing in it was ever acknowledged, so it is cut off, kept beside the log and reported, and the session goes on.
"""

from __future__ import annotations

import asyncio

from agentd.session.entries import Notice
from agentd.session.log import LOG_FILE, SessionLog
from agentd.world.fake import FakeWorld, fake_world
from support.machine_play import opened

FOLDER = "/data/s"
SECTOR = 512


def hole_in_the_last_line(world: FakeWorld, path: str) -> int:
    """Make zeros of the last line's first sector, as far as its bytes lie in it; where the line begins."""
    data = bytearray(world.files.read(path))
    start = data.rindex(b"\n", 0, len(data) - 1) + 1
    end = start - start % SECTOR + SECTOR
    assert start < end < len(data), "the line has to lie in two sectors"
    data[start:end] = bytes(end - start)
    world.files.write_atomic(path, bytes(data))
    return start


def test_a_log_whose_unsynced_end_has_a_hole_goes_on_without_a_hand() -> None:
    world = fake_world()
    world.files.make_folder(FOLDER)
    log = SessionLog(world, FOLDER, world.files.open_append(f"{FOLDER}/{LOG_FILE}", create=True))
    asyncio.run(log.append([opened()], 1))
    asyncio.run(log.append([Notice(code="x", text="y" * SECTOR)], 2))
    start = hole_in_the_last_line(world, f"{FOLDER}/{LOG_FILE}")
    again = SessionLog.open(world, FOLDER)
    assert (again.problem, again.state.seq, again.size) == (None, 1, start)
    assert again.torn[0] > SECTOR // 2
