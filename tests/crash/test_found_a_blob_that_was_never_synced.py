"""`put_blob` answers that a blob is durable; when an earlier try failed at its last sync, that has to be made up for.

The first try renames the blob into place and fails (EIO) at the folder's sync: the turn ends with an error, rightly. The
second finds the name there and believes it durable. After a power cut the log names a blob that is gone, and every later
turn of the session fails. The same with the folder `blobs/` itself, whose parent was not synced.
"""

from __future__ import annotations

import pytest

from agentd.errors import DiskError
from agentd.session.store import SessionStore
from agentd.world.fake import FakeWorld, fake_world
from agentd.world.faults import Plan
from support.machine_play import SESSION


def home(plan: Plan | None = None) -> tuple[FakeWorld, SessionStore]:
    world = fake_world()
    store = SessionStore(world, "/home/data", "/home/state")
    world.files.add_folder(store.folder(SESSION))
    world = world.restart(plan=plan)
    return world, SessionStore(world, "/home/data", "/home/state")


def test_a_blob_is_durable_when_a_second_try_says_so() -> None:
    rehearsal, store = home()
    store.put_blob(SESSION, b"sections")
    syncs = [call.number for call in rehearsal.points.calls if call.name == "files.sync_folder"]
    assert len(syncs) == 3
    for number in syncs:
        world, store = home(Plan({number: "EIO"}))
        with pytest.raises(DiskError):
            store.put_blob(SESSION, b"sections")
        digest = store.put_blob(SESSION, b"sections")
        world = world.restart(drop_unsynced=True)
        assert SessionStore(world, "/home/data", "/home/state").get_blob(SESSION, digest) == b"sections", number
