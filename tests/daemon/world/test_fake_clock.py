"""Fake time: who wakes when and in which order, by hand and by itself; deadlines; walls that are shifted."""

from __future__ import annotations

import asyncio

import pytest

from agentd.errors import DeadlineError
from agentd.world.fake import FakeWorld, fake_world
from agentd.world.fake_clock import START_MS


async def note(world: FakeWorld, said: list[tuple[str, int]], name: str, *waits: int) -> None:
    for ms in waits:
        await world.clock.sleep(ms)
        said.append((name, world.clock.monotonic_ms()))


def test_time_stands_until_it_is_moved() -> None:
    world = fake_world()
    said: list[tuple[str, int]] = []

    async def story() -> None:
        task = asyncio.ensure_future(note(world, said, "a", 5))
        await world.clock.settle()
        assert (said, world.clock.monotonic_ms()) == ([], 0)
        await world.clock.advance(4)
        assert (said, world.clock.monotonic_ms()) == ([], 4)
        await world.clock.advance(1)
        assert said == [("a", 5)]
        await task

    world.run(story())


@pytest.mark.parametrize("run", ["own loop", "any loop"])
def test_each_sleeper_wakes_at_its_own_time_with_all_its_work_done(run: str) -> None:
    world = fake_world()
    said: list[tuple[str, int]] = []

    async def story() -> None:
        tasks = [
            asyncio.ensure_future(note(world, said, "a", 10, 10, 10)),
            asyncio.ensure_future(note(world, said, "b", 25)),
            asyncio.ensure_future(note(world, said, "c", 10)),
        ]
        await world.clock.advance(100)
        await asyncio.gather(*tasks)

    if run == "own loop":
        world.run(story())
    else:
        asyncio.run(story())
    assert said == [("a", 10), ("c", 10), ("a", 20), ("b", 25), ("a", 30)]
    assert world.clock.now_ms() == START_MS + 100


def test_by_itself_time_jumps_only_when_everybody_waits() -> None:
    world = fake_world(auto=True)
    said: list[tuple[str, int]] = []

    async def busy() -> None:
        for _ in range(1_000):
            await asyncio.sleep(0)
        said.append(("busy", world.clock.monotonic_ms()))

    async def story() -> None:
        await asyncio.gather(note(world, said, "day", 86_400_000), note(world, said, "hour", 3_600_000), busy())

    world.run(story())
    assert said == [("busy", 0), ("hour", 3_600_000), ("day", 86_400_000)]


def test_by_itself_time_needs_the_worlds_own_loop() -> None:
    with pytest.raises(RuntimeError, match=r"FakeWorld\.run"):
        asyncio.run(fake_world(auto=True).clock.sleep(1))


def test_a_cancelled_sleeper_leaves_no_trace() -> None:
    world = fake_world(auto=True)

    async def story() -> int:
        task = asyncio.ensure_future(world.clock.sleep(1_000))
        await asyncio.sleep(0)
        task.cancel()
        await world.clock.sleep(2_000)
        return world.clock.monotonic_ms()

    assert world.run(story()) == 2_000


def test_real_sockets_still_work_while_time_is_fake() -> None:
    world = fake_world(auto=True)

    async def story() -> tuple[bytes, int]:
        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(await reader.readline())
            writer.close()

        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        writer.write(b"hello\n")
        heard = await reader.read()
        writer.close()
        server.close()
        return heard, world.clock.monotonic_ms()

    assert world.run(story()) == (b"hello\n", 0)


def test_a_deadline_ends_its_block_on_fake_time() -> None:
    world = fake_world(auto=True)

    async def story() -> int:
        async with world.clock.deadline(1_000):
            await world.clock.sleep(999)
        with pytest.raises(DeadlineError, match="longer than 50 ms"):
            async with world.clock.deadline(50):
                await world.clock.sleep(1_000)
        return world.clock.monotonic_ms()

    assert world.run(story()) == 1_049


def test_the_nearer_of_two_deadlines_ends_its_own_block() -> None:
    world = fake_world(auto=True)

    said: list[str] = []

    async def both() -> None:
        async with world.clock.deadline(20):
            try:
                async with world.clock.deadline(10):
                    await world.clock.sleep(100)
            except DeadlineError as error:
                said.append(error.what)
            await world.clock.sleep(100)

    with pytest.raises(DeadlineError, match="20 ms"):
        world.run(both())
    assert said == ["it took longer than 10 ms"]


def test_cancelling_from_outside_is_not_taken_for_the_deadline() -> None:
    world = fake_world(auto=True)

    async def inner() -> None:
        async with world.clock.deadline(1_000):
            await world.clock.sleep(500)

    async def story() -> bool:
        task = asyncio.ensure_future(inner())
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
        return task.cancelled()

    assert world.run(story())


def test_the_wall_may_be_shifted_and_the_machine_may_sleep() -> None:
    clock = fake_world().clock
    clock.shift_wall(-3_600_000)
    clock.suspend(600_000)
    assert (clock.now_ms(), clock.monotonic_ms(), clock.boot_ms(), clock.perf_us()) == (
        START_MS - 3_000_000,
        0,
        600_000,
        0,
    )


def test_the_same_story_goes_the_same_way_every_time() -> None:
    def told() -> list[tuple[str, int]]:
        world = fake_world(seed=3, auto=True)
        said: list[tuple[str, int]] = []

        async def story() -> None:
            waits = [[int(world.ids.jitter() * 50) for _ in range(20)] for _ in range(20)]
            await asyncio.gather(*(note(world, said, str(n), *w) for n, w in enumerate(waits)))

        world.run(story())
        return said

    assert told() == told()
