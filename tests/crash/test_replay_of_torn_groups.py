"""Entries that are appended together may be torn apart by a power cut; replaying such a log ends, without a difference.

`prefix.recorded`, `context.assembled` and `model.called` share one append without a sync.
"""

from __future__ import annotations

import pytest

from agentd.session.entries import Finished, PrefixRecorded, Resumed, Started
from agentd.session.log import LOG_FILE
from agentd.session.store import SessionStore
from agentd.turn.replay import replay
from crash.stories import STORIES, Told, a_world, tell
from support.household import Household


@pytest.mark.parametrize("last", [Started, PrefixRecorded])
def test_a_log_in_which_a_group_was_torn_is_replayed_without_a_difference(last: type) -> None:
    world, told = a_world(STORIES[0]), Told()
    world.run(tell(world, STORIES[0], told))
    world = world.restart()
    store = SessionStore(world, "/home/data", "/home/state")
    log = store.open(told.session)
    end = next(line.offset + line.length for line in log.lines_after(0, 100) if isinstance(line.entry, last))
    log.close()
    handle = world.files.open_append(f"{store.folder(told.session)}/{LOG_FILE}")
    handle.truncate(end)
    store.mark_open(told.session)

    async def goes_on() -> None:
        house = Household(world, STORIES[0].replies, sends=True)
        await house.start()
        await house.until_quiet(told.session)
        await house.sessions.stop()

    world.run(goes_on())
    lines = store.open(told.session).lines_after(0, 100)
    assert [type(line.entry) for line in lines if isinstance(line.entry, Resumed | Finished)] == [Resumed, Finished]
    assert replay(lines).differences == ()
