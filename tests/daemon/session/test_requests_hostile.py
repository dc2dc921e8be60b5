"""The record of requests on a disk that fills up, and with a damaged line: keys stay known, new ones are taken."""

from __future__ import annotations

import pytest

from agentd.errors import DiskFullError
from agentd.session.requests import Accepted, RequestRecord
from agentd.world.fake import FakeWorld, fake_world

STATE = "/home/state"


def a_record(world: FakeWorld) -> RequestRecord:
    world.files.make_folder(STATE)
    record = RequestRecord(world, STATE)
    record.load()
    return record


def accepted(number: int) -> Accepted:
    return Accepted(key=f"k{number}", hash="h", method="session.create", made=f"s{number}")


def test_a_disk_that_was_full_once_keeps_no_later_request_out() -> None:
    world = fake_world()
    record = a_record(world)

    async def main() -> None:
        await record.record(accepted(1))
        world.files.disk.capacity = 10
        with pytest.raises(DiskFullError):
            await record.record(accepted(2))
        world.files.disk.capacity = None
        await record.record(accepted(3))

    world.run(main())
    again = a_record(world)
    assert [again.find(f"k{number}", "h") for number in (1, 2, 3)] == [accepted(1), None, accepted(3)]


def test_keys_before_a_damaged_line_stay_known_over_every_later_start() -> None:
    world = fake_world()
    record = a_record(world)

    async def main() -> None:
        for number in (1, 2, 3):
            await record.record(accepted(number))

    world.run(main())
    record.close()
    path = f"{STATE}/requests.jsonl"
    world.files.write_scratch(path, world.files.read(path).replace(b'"k2"', b'"kX"'))
    record = RequestRecord(world, STATE)
    (notice,) = record.load()
    assert notice.startswith("the record of requests was damaged: it is kept as /home/state/requests.jsonl.damaged-")
    record.close()
    again = a_record(world)
    assert [again.find(f"k{number}", "h") for number in (1, 2, 3)] == [accepted(1), None, None]
