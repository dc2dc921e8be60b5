"""Small chained logs: they go on after a torn end, are set aside when damaged, and never keep a start from starting."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Callable

import msgspec
import pytest

from agentd.chain.file import ChainFile
from agentd.errors import BusyError, DiskError, ReadOnlyLogError
from agentd.world.doors import Handle, Journal
from agentd.world.fake import FakeWorld, fake_world
from agentd.world.faults import Plan

PATH = "/state/x.jsonl"


class Word(msgspec.Struct, frozen=True, tag="word", tag_field="type"):
    text: str


def a_file(world: FakeWorld) -> ChainFile[Word]:
    return ChainFile(world, PATH, msgspec.json.Decoder(Word))


def a_world(plan: Plan | None = None) -> FakeWorld:
    world = fake_world(plan=plan)
    world.files.make_folder("/state")
    return world


def write(world: FakeWorld, *words: str) -> ChainFile[Word]:
    file = a_file(world)
    file.load()
    for word in words:
        asyncio.run(file.append([Word(word)], 1, sync=True))
    return file


def texts(file: ChainFile[Word]) -> list[str]:
    return [line.entry.text for line in file.load()]


def test_what_was_appended_is_loaded_and_numbers_go_on() -> None:
    world = a_world()
    write(world, "a", "b")
    again = a_file(world)
    assert texts(again) == ["a", "b"]
    (line,) = asyncio.run(again.append([Word("c")], 2, sync=True))
    assert (line.seq, texts(a_file(world))) == (3, ["a", "b", "c"])
    assert [row.entry.text for row in again.read_after(1, 10)] == ["b", "c"]
    assert [row.entry.text for row in again.read_after(0, 1)] == ["a"]


def test_several_lines_in_one_append_are_one_chain() -> None:
    world = a_world()
    file = write(world)
    lines = asyncio.run(file.append([Word("a"), Word("b"), Word("c")], 1, sync=True))
    assert [(line.seq, line.offset) for line in lines] == [(1, 0), (2, lines[0].length), (3, lines[0].length * 2)]
    assert texts(a_file(world)) == ["a", "b", "c"]


def test_an_unfinished_last_line_is_cut_off() -> None:
    world = a_world()
    write(world, "a", "b")
    data = world.files.read(PATH)
    world.files.write_atomic(PATH, data[:-5])
    again = a_file(world)
    assert (texts(again), again.set_aside) == (["a"], None)
    asyncio.run(again.append([Word("c")], 2, sync=True))
    assert texts(a_file(world)) == ["a", "c"]


def test_a_damaged_file_is_set_aside_whole_and_a_new_one_begins() -> None:
    world = a_world()
    write(world, "a", "b", "c")
    data = bytearray(world.files.read(PATH))
    data[10] ^= 1
    world.files.write_atomic(PATH, bytes(data))
    again = a_file(world)
    assert texts(again) == []
    assert again.set_aside is not None
    assert world.files.read(again.set_aside) == bytes(data)
    asyncio.run(again.append([Word("d")], 2, sync=True))
    assert texts(a_file(world)) == ["d"]


def test_after_a_failed_append_nothing_more_is_taken() -> None:
    counting = a_world()
    write(counting, "a")
    world = a_world(Plan({len(counting.calls): "EIO"}))
    file = a_file(world)
    file.load()
    with pytest.raises(DiskError):
        asyncio.run(file.append([Word("a")], 1, sync=True))
    with pytest.raises(ReadOnlyLogError):
        asyncio.run(file.append([Word("b")], 1, sync=True))


class BusyOnce:
    """A journal that refuses the second entry at once, as one does whose disk is too slow."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._calls = 0

    async def append(self, handle: Handle, data: bytes, *, sync: bool) -> int:
        self._calls += 1
        if self._calls == 2:
            raise BusyError("64 bytes wait to be written")
        return await self._journal.append(handle, data, sync=sync)

    def relax(self, within_ms: Callable[[], int], lost: Callable[[DiskError], None]) -> None:
        self._journal.relax(within_ms, lost)

    async def close(self) -> None:
        await self._journal.close()


def test_a_line_that_was_refused_at_once_leaves_no_gap() -> None:
    world = a_world()
    slow = dataclasses.replace(world, journal=BusyOnce(world.journal))  # type: ignore[arg-type]
    file = a_file(slow)
    file.load()

    async def story() -> None:
        await file.append([Word("one")], 1, sync=True)
        with pytest.raises(BusyError):
            await file.append([Word("two")], 2, sync=True)
        await file.append([Word("three")], 3, sync=True)

    asyncio.run(story())
    again = a_file(world)
    assert [line.entry.text for line in again.load()] == ["one", "three"]
    assert again.set_aside is None
