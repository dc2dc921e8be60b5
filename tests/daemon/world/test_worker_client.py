"""The worker process for real: started when needed, kept while busy, ended when idle, replaced when it is stuck."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import msgspec
import pytest

from agentd.errors import DeadlineError, WorkerError
from agentd.world import process_table
from agentd.world.processes import RealProcesses
from agentd.world.records import Record


def workers(home: Path) -> list[int]:
    folder = home / "children"
    names = os.listdir(folder) if folder.exists() else []
    return [msgspec.json.decode((folder / name).read_bytes(), type=Record).pid for name in names]


async def ended(pid: int) -> None:
    """Wait until the process is gone. The loop has to run meanwhile, for it is the loop that reaps."""
    descriptor = os.pidfd_open(pid)
    gone = asyncio.Event()
    asyncio.get_running_loop().add_reader(descriptor, gone.set)
    await asyncio.wait_for(gone.wait(), 20)
    asyncio.get_running_loop().remove_reader(descriptor)
    os.close(descriptor)


def test_plain_values_come_back_as_they_went(home: Path) -> None:
    value = {"text": "ä", "bytes": b"\x00\xff", "list": [1, 2.5, None, True], "big": "x" * 3_000_000}

    async def story() -> object:
        processes = RealProcesses(f"{home}/children")
        result = await processes.job("echo", {"value": value}, 20_000)
        await processes.end_all()
        assert workers(home) == []
        return result

    assert asyncio.run(story()) == value


def test_one_worker_serves_all_jobs_one_after_another(home: Path) -> None:
    async def story() -> tuple[list[object], int]:
        processes = RealProcesses(f"{home}/children")
        jobs = (processes.job("echo", {"value": n}, 20_000) for n in range(20))
        results = await asyncio.gather(*jobs)
        count = len(workers(home))
        await processes.end_all()
        return results, count

    assert asyncio.run(story()) == (list(range(20)), 1)


def test_it_is_nice_and_leads_its_own_session(home: Path) -> None:
    async def story() -> None:
        processes = RealProcesses(f"{home}/children")
        await processes.job("echo", {"value": 1}, 20_000)
        (pid,) = workers(home)
        assert (os.getpriority(os.PRIO_PROCESS, pid), os.getsid(pid)) == (os.getpriority(os.PRIO_PROCESS, 0) + 10, pid)
        await processes.end_all()

    asyncio.run(story())


def test_a_fault_of_a_job_is_told_and_the_worker_lives(home: Path) -> None:
    async def story() -> list[str]:
        processes = RealProcesses(f"{home}/children")
        whys = []
        jobs: list[tuple[str, dict[str, object]]] = [("none", {}), ("echo", {}), ("wait", {"ms": "long"})]
        for name, arguments in jobs:
            with pytest.raises(WorkerError, match=f"the job {name} failed") as caught:
                await processes.job(name, arguments, 20_000)
            whys.append(caught.value.why.split(":")[0])
        before = workers(home)
        assert await processes.job("echo", {"value": 1}, 20_000) == 1
        assert workers(home) == before
        await processes.end_all()
        return whys

    assert asyncio.run(story()) == ["LookupError", "TypeError", "TypeError"]


def test_arguments_that_cannot_be_sent_are_refused_and_harm_nobody(home: Path) -> None:
    async def story() -> None:
        processes = RealProcesses(f"{home}/children")
        await processes.job("echo", {"value": 1}, 20_000)
        before = workers(home)
        for odd in (object(), "\udcff", 1 << 70):
            with pytest.raises(WorkerError) as caught:
                await processes.job("echo", {"value": odd}, 20_000)
            assert caught.value.why.startswith("its arguments cannot be sent: ")
        assert workers(home) == before
        await processes.end_all()

    asyncio.run(story())


def test_a_job_that_takes_too_long_costs_the_worker_its_life(home: Path) -> None:
    async def story() -> None:
        processes = RealProcesses(f"{home}/children")
        await processes.job("echo", {"value": 1}, 20_000)
        (first,) = workers(home)
        with pytest.raises(DeadlineError, match="wait took longer than 50 ms"):
            await processes.job("wait", {"ms": 600_000}, 50)
        assert await processes.job("echo", {"value": 2}, 20_000) == 2
        entry = process_table.entry(first)
        assert entry is None or entry.zombie
        await processes.end_all()
        assert workers(home) == []

    asyncio.run(story())


def test_cancelling_the_caller_ends_the_job(home: Path) -> None:
    async def story() -> None:
        processes = RealProcesses(f"{home}/children")
        await processes.job("echo", {"value": 1}, 20_000)
        (first,) = workers(home)
        task = asyncio.ensure_future(processes.job("wait", {"ms": 600_000}, 600_000))
        waiting = asyncio.ensure_future(processes.job("echo", {"value": 2}, 20_000))
        await asyncio.sleep(0)
        task.cancel()
        assert await waiting == 2
        assert (task.cancelled(), workers(home) == [first]) == (True, False)
        await processes.end_all()
        assert process_table.entry(first) is None

    asyncio.run(story())


def test_a_worker_that_dies_is_told_and_replaced(home: Path) -> None:
    async def story() -> str:
        processes = RealProcesses(f"{home}/children")
        await processes.job("echo", {"value": 1}, 20_000)
        (first,) = workers(home)
        task = asyncio.ensure_future(processes.job("wait", {"ms": 600_000}, 600_000))
        await asyncio.sleep(0)
        os.kill(first, 9)
        with pytest.raises(WorkerError, match="the worker process failed") as caught:
            await task
        assert await processes.job("echo", {"value": 2}, 20_000) == 2
        await processes.end_all()
        return caught.value.why

    assert asyncio.run(story()) == "it ended with -9: "


def test_an_idle_worker_is_ended(home: Path) -> None:
    async def story() -> None:
        processes = RealProcesses(f"{home}/children", worker_idle_ms=20)
        await processes.job("echo", {"value": 1}, 20_000)
        (pid,) = workers(home)
        await ended(pid)
        assert await processes.job("echo", {"value": 2}, 20_000) == 2
        await processes.end_all()

    asyncio.run(story())


def test_a_run_of_jobs_leaves_no_descriptor(home: Path) -> None:
    async def story() -> tuple[int, int]:
        processes = RealProcesses(f"{home}/children")
        await processes.job("echo", {"value": 1}, 20_000)
        await processes.end_all()
        before = len(os.listdir("/proc/self/fd"))
        for _ in range(3):
            with pytest.raises(DeadlineError):
                await processes.job("wait", {"ms": 600_000}, 30)
        await processes.end_all()
        return before, len(os.listdir("/proc/self/fd"))

    before, after = asyncio.run(story())
    assert before == after
