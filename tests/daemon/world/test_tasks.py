"""Supervised tasks: none is lost, every escaped exception is reported once, all end in time or are named."""

from __future__ import annotations

import asyncio
import gc

from agentd.world.tasks import Tasks


class Reports:
    def __init__(self) -> None:
        self.heard: list[tuple[str, str]] = []

    def __call__(self, name: str, error: BaseException) -> None:
        self.heard.append((name, repr(error)))


async def fail(error: BaseException) -> None:
    raise error


async def wait_for_ever() -> None:
    await asyncio.Event().wait()


def test_a_result_comes_back_and_is_no_death() -> None:
    reports = Reports()

    async def story() -> int:
        async def seven() -> int:
            return 7

        tasks = Tasks(reports)
        result = await tasks.start("seven", seven())
        await asyncio.sleep(0)
        assert tasks.names() == []
        return result

    assert (asyncio.run(story()), reports.heard) == (7, [])


def test_an_exception_that_nobody_awaits_is_reported() -> None:
    reports = Reports()
    deaths: list[str] = []

    async def story() -> None:
        tasks = Tasks(reports)
        tasks.start("a", fail(ValueError("x")), on_death=lambda error: deaths.append(repr(error)))
        tasks.start("b", fail(KeyError("y")))
        for _ in range(3):
            await asyncio.sleep(0)

    asyncio.run(story())
    gc.collect()
    assert reports.heard == [("a", "ValueError('x')"), ("b", "KeyError('y')")]
    assert deaths == ["ValueError('x')"]


def test_a_death_of_the_undertaker_is_reported_too() -> None:
    reports = Reports()

    def bury(error: BaseException) -> None:
        raise RuntimeError("no place")

    async def story() -> None:
        Tasks(reports).start("a", fail(ValueError("x")), on_death=bury)
        for _ in range(3):
            await asyncio.sleep(0)

    asyncio.run(story())
    assert reports.heard == [("a", "ValueError('x')"), ("a: on_death", "RuntimeError('no place')")]


def test_a_task_that_is_not_kept_by_its_caller_runs_on() -> None:
    async def story() -> list[str]:
        tasks = Tasks(Reports())
        tasks.start("kept", wait_for_ever())
        gc.collect()
        await asyncio.sleep(0)
        names = tasks.names()
        await tasks.stop_all(1_000)
        return names

    assert asyncio.run(story()) == ["kept"]


def test_stopping_cancels_all_and_waits_for_their_last_words() -> None:
    said: list[str] = []

    async def tidy(name: str) -> None:
        try:
            await wait_for_ever()
        finally:
            await asyncio.sleep(0)
            said.append(name)

    async def story() -> tuple[list[str], list[str]]:
        reports = Reports()
        tasks = Tasks(reports)
        for name in ("b", "a", "b"):
            tasks.start(name, tidy(name))
        await asyncio.sleep(0)
        names = tasks.names()
        left = await tasks.stop_all(1_000)
        assert reports.heard == []
        return names, left

    assert asyncio.run(story()) == (["a", "b", "b"], [])
    assert sorted(said) == ["a", "b", "b"]


def test_who_does_not_end_in_time_is_named() -> None:
    async def stubborn(release: asyncio.Event) -> None:
        while not release.is_set():
            try:
                await release.wait()
            except asyncio.CancelledError:
                continue

    async def story() -> list[str]:
        release = asyncio.Event()
        tasks = Tasks(Reports())
        tasks.start("stubborn", stubborn(release))
        tasks.start("easy", wait_for_ever())
        await asyncio.sleep(0)
        left = await tasks.stop_all(20)
        release.set()
        assert await tasks.stop_all(1_000) == []
        return left

    assert asyncio.run(story()) == ["stubborn"]


def test_a_task_that_is_started_while_all_are_stopped_ends_too() -> None:
    async def story() -> list[str]:
        tasks = Tasks(Reports())

        async def leave_another() -> None:
            try:
                await wait_for_ever()
            finally:
                tasks.start("late", wait_for_ever())

        tasks.start("first", leave_another())
        await asyncio.sleep(0)
        return await tasks.stop_all(1_000)

    assert asyncio.run(story()) == []


def test_a_task_may_stop_all_others() -> None:
    async def story() -> list[str]:
        tasks = Tasks(Reports())
        tasks.start("other", wait_for_ever())

        async def stop() -> list[str]:
            return await tasks.stop_all(1_000)

        return await tasks.start("stopper", stop())

    assert asyncio.run(story()) == []
