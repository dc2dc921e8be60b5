"""Which key made what, kept over a restart, within bounds."""

from __future__ import annotations

import asyncio

import pytest

from agentd.errors import ConflictError
from agentd.session.requests import FORGET_AT, KEEP_MS, Accepted, RequestRecord
from agentd.world.fake import FakeWorld, fake_world


def a_world() -> FakeWorld:
    world = fake_world()
    world.files.make_folder("/state")
    return world


def loaded(world: FakeWorld) -> RequestRecord:
    record = RequestRecord(world, "/state")
    record.load()
    return record


def test_a_key_is_found_after_a_restart_and_another_body_is_a_conflict() -> None:
    world = a_world()
    asyncio.run(loaded(world).record(Accepted(key="k", hash="h", method="turn.start", made="s1")))
    again = loaded(world.restart(drop_unsynced=True))
    found = again.find("k", "h")
    assert found == Accepted(key="k", hash="h", method="turn.start", made="s1")
    assert again.find("other", "h") is None
    with pytest.raises(ConflictError) as caught:
        again.find("k", "x")
    assert caught.value.why == "it was a turn.start that made s1"


def test_keys_are_forgotten_after_thirty_days() -> None:
    world = a_world()
    asyncio.run(loaded(world).record(Accepted(key="k", hash="h", method="m", made="s1")))
    asyncio.run(world.clock.advance(KEEP_MS + 1))
    assert loaded(world).find("k", "h") is None


def test_the_file_does_not_grow_for_ever() -> None:
    world = a_world()
    record = loaded(world)
    for n in range(FORGET_AT + 5):
        asyncio.run(record.record(Accepted(key=f"k{n}", hash="h", method="m", made="s")))
    asyncio.run(world.clock.advance(KEEP_MS + 1))
    record = loaded(world)
    asyncio.run(record.record(Accepted(key="new", hash="h", method="m", made="s2")))
    assert len(world.files.read("/state/requests.jsonl").splitlines()) == 1
    again = loaded(world)
    assert (again.find("k1", "h"), again.find("new", "h")) == (None, Accepted("new", "h", "m", "s2"))
