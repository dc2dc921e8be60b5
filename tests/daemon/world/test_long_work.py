"""Long work in pieces: others have some rounds between two; what is short waits for nobody."""

from __future__ import annotations

import asyncio
from collections.abc import Generator

import pytest

from agentd.world.long_work import LongWork, at_once

OTHERS = "others"


def rounds_apart(done: list[str]) -> list[list[str]]:
    """What was done in one round of the loop, round by round, without those in which only others had a turn."""
    found: list[list[str]] = [[]]
    for one in done:
        if one == OTHERS:
            found.append([])
        else:
            found[-1].append(one)
    return [together for together in found if together]


def pieces(name: str, count: int, done: list[str]) -> Generator[None, None, str]:
    try:
        for number in range(1, count + 1):
            done.append(f"{name}{number}")
            yield
    finally:
        done.append(f"{name} closed")
    return name


def test_everybody_has_a_turn_between_two_pieces_and_later_work_waits_for_earlier() -> None:
    done: list[str] = []

    async def story() -> list[str]:
        long_work = LongWork()
        both = asyncio.gather(long_work.through(pieces("a", 3, done)), long_work.through(pieces("b", 2, done)))
        while not both.done():
            done.append(OTHERS)
            await asyncio.sleep(0)
        return await both

    assert asyncio.run(story()) == ["a", "b"]
    assert rounds_apart(done) == [["a1", "b1"], ["a2"], ["a3"], ["a closed"], ["b2"], ["b closed"]]


def test_work_of_one_piece_waits_for_nobody() -> None:
    done: list[str] = []

    async def story() -> None:
        long_work = LongWork()
        first = asyncio.ensure_future(long_work.through(pieces("a", 3, done)))
        await asyncio.sleep(0)
        assert await long_work.through(pieces("b", 0, done)) == "b"
        assert await first == "a"

    asyncio.run(story())
    assert done == ["a1", "b closed", "a2", "a3", "a closed"]


def test_what_fails_or_is_cancelled_is_closed_and_the_next_goes_on() -> None:
    done: list[str] = []

    def failing() -> Generator[None, None, str]:
        yield
        raise ValueError("bad")

    async def story() -> str:
        long_work = LongWork()
        cancelled = asyncio.ensure_future(long_work.through(pieces("a", 9, done)))
        failed = asyncio.ensure_future(long_work.through(failing()))
        last = asyncio.ensure_future(long_work.through(pieces("b", 2, done)))
        await asyncio.sleep(0)
        cancelled.cancel()
        with pytest.raises(ValueError, match="bad"):
            await failed
        return await last

    assert asyncio.run(story()) == "b"
    assert done == ["a1", "b1", "a closed", "b2", "b closed"]


def test_many_that_wait_for_a_turn_have_a_round_each() -> None:
    done: list[str] = []

    async def one(name: str, long_work: LongWork) -> None:
        await long_work.turn()
        done.append(name)

    async def story() -> None:
        long_work = LongWork()
        together = asyncio.gather(*(one(name, long_work) for name in "abc"))
        while not together.done():
            done.append(OTHERS)
            await asyncio.sleep(0)

    asyncio.run(story())
    assert rounds_apart(done) == [["a"], ["b"], ["c"]]


def test_at_once_is_all_of_it() -> None:
    done: list[str] = []
    assert at_once(pieces("a", 2, done)) == "a"
    assert done == ["a1", "a2", "a closed"]
