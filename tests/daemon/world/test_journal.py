"""The journal: order, group commit, poison, and what a sync costs over the bare system calls."""

from __future__ import annotations

import asyncio
import os
import statistics
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from agentd.errors import BusyError, DiskError, DiskFullError, ReadOnlyLogError
from agentd.world.doors import Files, Handle, Journal
from agentd.world.fake import FakeJournal, FakeWorld, fake_world
from agentd.world.faults import Plan
from agentd.world.files import RealFiles
from agentd.world.journal import ThreadJournal
from support.disks import small_disk

Make = Callable[[], tuple[Journal, Files, str]]


@pytest.fixture(params=["real", "fake"])
def make(request: pytest.FixtureRequest, home: Path) -> Make:
    def real() -> tuple[Journal, Files, str]:
        return ThreadJournal(), RealFiles(), f"{home}/log"

    def fake() -> tuple[Journal, Files, str]:
        world = fake_world()
        return world.journal, world.files, "/log"

    return real if request.param == "real" else fake


class Gate:
    """A handle whose syncs wait for a permit, and may be told to fail; it notes what is asked of it."""

    def __init__(self, inner: Handle) -> None:
        self.inner = inner
        self.asked: list[str] = []
        self.reached = threading.Semaphore(0)
        self.permits = threading.Semaphore(0)
        self.failing = False
        self.no_more_files = False

    def read(self, offset: int, size: int) -> bytes:
        return self.inner.read(offset, size)

    def append(self, data: bytes) -> int:
        self.asked.append(f"append {data.decode()}")
        return self.inner.append(data)

    def truncate(self, size: int) -> None:
        self.inner.truncate(size)

    def size(self) -> int:
        return self.inner.size()

    def sync(self) -> None:
        self.asked.append("sync")
        self.reached.release()
        assert self.permits.acquire(timeout=10)
        if self.failing:
            raise DiskError("cannot sync the log: Input/output error", why="EIO")
        self.inner.sync()

    def duplicate(self) -> Gate:
        """Shares everything but the closing."""
        if self.no_more_files:
            raise DiskError("cannot open the log: Too many open files", why="EMFILE")
        twin = Gate(self.inner.duplicate())
        twin.asked, twin.reached, twin.permits, twin.failing = self.asked, self.reached, self.permits, self.failing
        return twin

    def close(self) -> None:
        self.asked.append("close")
        self.inner.close()


async def until(semaphore: threading.Semaphore) -> None:
    """Wait for the journal's thread without holding up the loop."""
    assert await asyncio.to_thread(semaphore.acquire, timeout=10)


def test_entries_keep_the_order_of_their_calls(make: Make) -> None:
    async def story() -> tuple[list[int], bytes]:
        journal, files, path = make()
        log = files.open_append(path, create=True)
        parts = [b"%03d\n" % n for n in range(200)]
        appends = (journal.append(log, part, sync=n % 3 == 0) for n, part in enumerate(parts))
        offsets = await asyncio.gather(*appends)
        await journal.close()
        log.close()
        return offsets, files.read(path)

    offsets, content = asyncio.run(story())
    assert offsets == [4 * n for n in range(200)]
    assert content == b"".join(b"%03d\n" % n for n in range(200))


def test_a_closed_journal_takes_nothing(make: Make) -> None:
    async def story() -> None:
        journal, files, path = make()
        log = files.open_append(path, create=True)
        await journal.append(log, b"x", sync=True)
        await journal.close()
        await journal.close()
        with pytest.raises(ReadOnlyLogError, match="closed"):
            await journal.append(log, b"y", sync=True)
        log.close()
        assert files.read(path) == b"x"

    asyncio.run(story())


def test_a_closed_handle_is_refused_and_others_go_on(make: Make) -> None:
    async def story() -> None:
        journal, files, path = make()
        log, other = files.open_append(path, create=True), files.open_append(path + "2", create=True)
        log.close()
        with pytest.raises(DiskError, match="closed"):
            await journal.append(log, b"x", sync=True)
        assert await journal.append(other, b"x", sync=True) == 0
        await journal.close()
        other.close()

    asyncio.run(story())


def test_entries_that_wait_share_one_sync(home: Path) -> None:
    async def story() -> list[str]:
        journal = ThreadJournal()
        gate = Gate(RealFiles().open_append(f"{home}/log", create=True))
        first = asyncio.ensure_future(journal.append(gate, b"1", sync=True))
        await until(gate.reached)
        rest = [asyncio.ensure_future(journal.append(gate, b"%d" % n, sync=True)) for n in (2, 3, 4)]
        await asyncio.sleep(0)
        gate.permits.release(2)
        offsets = await asyncio.gather(first, *rest)
        assert offsets == [0, 1, 2, 3]
        await journal.close()
        gate.close()
        return gate.asked

    assert asyncio.run(story()) == ["append 1", "sync", "append 234", "sync", "close"]


def test_an_entry_without_sync_does_not_wait_for_one(home: Path) -> None:
    async def story() -> None:
        journal = ThreadJournal()
        gate = Gate(RealFiles().open_append(f"{home}/log", create=True))
        first = asyncio.ensure_future(journal.append(gate, b"1", sync=True))
        await until(gate.reached)
        synced = asyncio.ensure_future(journal.append(gate, b"2", sync=True))
        loose = asyncio.ensure_future(journal.append(gate, b"3", sync=False))
        await asyncio.sleep(0)
        gate.permits.release()
        assert await loose == 2
        assert not synced.done()
        gate.permits.release()
        assert await asyncio.gather(first, synced) == [0, 1]
        await journal.close()
        gate.close()

    asyncio.run(story())


def test_a_failed_sync_poisons_its_handle_and_no_other(home: Path) -> None:
    async def story() -> None:
        journal, files = ThreadJournal(), RealFiles()
        gate = Gate(files.open_append(f"{home}/log", create=True))
        other = files.open_append(f"{home}/other", create=True)
        gate.failing = True
        gate.permits.release(9)
        with pytest.raises(DiskError, match="cannot sync"):
            await journal.append(gate, b"1", sync=True)
        gate.failing = False
        for sync in (True, False):
            with pytest.raises(ReadOnlyLogError) as caught:
                await journal.append(gate, b"2", sync=sync)
            assert caught.value.why == "cannot sync the log: Input/output error"
        assert await journal.append(other, b"3", sync=True) == 0
        await journal.close()
        gate.close()
        other.close()
        assert files.read(f"{home}/log") == b"1"

    asyncio.run(story())


def test_everyone_who_shared_a_failed_sync_hears_of_it(home: Path) -> None:
    async def story() -> None:
        journal = ThreadJournal()
        gate = Gate(RealFiles().open_append(f"{home}/log", create=True))
        first = asyncio.ensure_future(journal.append(gate, b"1", sync=True))
        await until(gate.reached)
        rest = [asyncio.ensure_future(journal.append(gate, b"x", sync=True)) for _ in range(3)]
        await asyncio.sleep(0)
        gate.failing = True
        gate.permits.release(9)
        outcomes = await asyncio.gather(first, *rest, return_exceptions=True)
        assert [type(outcome) for outcome in outcomes] == [
            DiskError,
            ReadOnlyLogError,
            ReadOnlyLogError,
            ReadOnlyLogError,
        ]
        assert len({id(outcome) for outcome in outcomes}) == 4
        await journal.close()
        gate.close()

    asyncio.run(story())


def test_a_full_disk_poisons_the_log_and_tears_nothing(home: Path) -> None:
    async def story() -> None:
        journal, files = ThreadJournal(), RealFiles()
        with small_disk(home / "small") as root:
            log = files.open_append(f"{root}/log", create=True)
            assert await journal.append(log, b"kept", sync=True) == 0
            with pytest.raises(DiskFullError):
                await journal.append(log, bytes(1_000_000), sync=True)
            with pytest.raises(ReadOnlyLogError):
                await journal.append(log, b"x", sync=True)
            await journal.close()
            log.close()
            assert files.read(f"{root}/log") == b"kept"

    asyncio.run(story())


def test_a_failed_sync_poisons_in_the_fake_too() -> None:
    async def story() -> None:
        world = fake_world(plan=Plan({5: "EIO"}))
        assert isinstance(world.journal, FakeJournal)
        log = world.files.open_append("/log", create=True)
        with pytest.raises(DiskError, match="cannot append"):
            await world.journal.append(log, b"1", sync=True)
        with pytest.raises(ReadOnlyLogError):
            await world.journal.append(log, b"2", sync=True)
        assert world.files.read("/log") == b""

    asyncio.run(story())


def test_a_cancelled_caller_leaves_its_entry_in_place(home: Path) -> None:
    async def story() -> None:
        journal, files = ThreadJournal(), RealFiles()
        gate = Gate(files.open_append(f"{home}/log", create=True))
        first = asyncio.ensure_future(journal.append(gate, b"1", sync=True))
        await until(gate.reached)
        second = asyncio.ensure_future(journal.append(gate, b"2", sync=True))
        third = asyncio.ensure_future(journal.append(gate, b"3", sync=True))
        await asyncio.sleep(0)
        second.cancel()
        gate.permits.release(9)
        assert await asyncio.gather(first, third) == [0, 2]
        await journal.close()
        gate.close()
        assert files.read(f"{home}/log") == b"123"

    asyncio.run(story())


def test_a_queue_that_is_full_is_busy(home: Path) -> None:
    async def story() -> None:
        journal = ThreadJournal(queue_limit=4)
        gate = Gate(RealFiles().open_append(f"{home}/log", create=True))
        first = asyncio.ensure_future(journal.append(gate, b"larger than the limit", sync=True))
        await until(gate.reached)
        with pytest.raises(BusyError, match="21 bytes wait"):
            await journal.append(gate, b"x", sync=True)
        gate.permits.release(9)
        await first
        assert await journal.append(gate, b"x", sync=True) == 21
        await journal.close()
        gate.close()

    asyncio.run(story())


def test_one_journal_serves_one_loop_after_another(home: Path) -> None:
    journal = ThreadJournal()
    log = RealFiles().open_append(f"{home}/log", create=True)
    assert asyncio.run(journal.append(log, b"a", sync=True)) == 0
    assert asyncio.run(journal.append(log, b"b", sync=True)) == 1
    asyncio.run(journal.close())
    log.close()


# -- durability level `interval` ------------------------------------------------------------------------------------------


def relaxed(within_ms: int) -> tuple[ThreadJournal, list[str]]:
    """A journal whose syncs may be owed so long, and what it says of those that failed."""
    journal, told = ThreadJournal(), list[str]()
    journal.relax(lambda: within_ms, lambda fault: told.append(fault.what))
    return journal, told


def test_an_owed_sync_is_not_waited_for_and_is_done_in_time(home: Path) -> None:
    async def story() -> float:
        journal, _ = relaxed(400)
        gate = Gate(RealFiles().open_append(f"{home}/log", create=True))
        begun = time.monotonic()
        assert [await journal.append(gate, part, sync=True) for part in (b"1", b"2", b"3")] == [0, 1, 2]
        assert gate.asked == ["append 1", "append 2", "append 3"]
        gate.permits.release(9)
        await until(gate.reached)
        took = time.monotonic() - begun
        await journal.close()
        assert gate.asked == ["append 1", "append 2", "append 3", "sync", "close"]
        gate.close()
        return took

    assert asyncio.run(story()) >= 0.2  # half the time: the other half is the disk's


def test_nothing_is_owed_for_entries_that_ask_for_no_sync(home: Path) -> None:
    async def story() -> list[str]:
        journal, _ = relaxed(60_000)
        gate = Gate(RealFiles().open_append(f"{home}/log", create=True))
        await journal.append(gate, b"1", sync=False)
        await journal.close()
        return gate.asked

    assert asyncio.run(story()) == ["append 1"]


def test_the_end_syncs_what_is_owed_though_its_file_was_closed(home: Path) -> None:
    async def story() -> list[str]:
        journal, told = relaxed(60_000)
        gate = Gate(RealFiles().open_append(f"{home}/log", create=True))
        gate.permits.release(9)
        await journal.append(gate, b"1", sync=True)
        gate.close()
        await journal.close()
        assert told == []
        return gate.asked

    assert asyncio.run(story()) == ["append 1", "close", "sync", "close"]


def test_the_level_may_change_between_two_entries(home: Path) -> None:
    async def story() -> list[str]:
        within = [60_000]
        journal = ThreadJournal()
        journal.relax(lambda: within[0], lambda _: None)
        gate = Gate(RealFiles().open_append(f"{home}/log", create=True))
        gate.permits.release(9)
        await journal.append(gate, b"1", sync=True)
        within[0] = 0
        await journal.append(gate, b"2", sync=True)
        assert gate.asked == ["append 1", "append 2", "sync"]
        within[0] = 2  # a shorter time holds for what was written under the longer one too
        await journal.append(gate, b"3", sync=True)
        for _ in range(2):
            await until(gate.reached)
        await journal.close()
        return gate.asked

    assert asyncio.run(story()) == ["append 1", "append 2", "sync", "append 3", "sync", "close"]


def test_an_owed_sync_that_fails_poisons_its_handle_and_is_told(home: Path) -> None:
    async def story() -> None:
        journal, told = relaxed(2)
        files = RealFiles()
        gate, other = (Gate(files.open_append(f"{home}/{name}", create=True)) for name in ("log", "other"))
        gate.failing = True
        gate.permits.release(9)
        other.permits.release(9)
        assert await journal.append(gate, b"1", sync=True) == 0
        await until(gate.reached)
        await journal.append(other, b"1", sync=True)  # so that the thread is past what followed the failure
        assert told == ["cannot sync the log: Input/output error"]
        with pytest.raises(ReadOnlyLogError) as caught:
            await journal.append(gate, b"2", sync=True)
        assert caught.value.why == "cannot sync the log: Input/output error"
        assert await journal.append(other, b"2", sync=True) == 1
        await journal.close()

    asyncio.run(story())


def test_a_failure_at_the_very_end_is_told_before_the_end_is(home: Path) -> None:
    async def story() -> list[str]:
        journal, told = relaxed(60_000)
        gate = Gate(RealFiles().open_append(f"{home}/log", create=True))
        gate.failing = True
        gate.permits.release(9)
        await journal.append(gate, b"1", sync=True)
        await journal.close()
        return told

    assert asyncio.run(story()) == ["cannot sync the log: Input/output error"]


def test_a_sync_that_can_not_be_owed_is_made_at_once(home: Path) -> None:
    async def story() -> list[str]:
        journal, _ = relaxed(60_000)
        gate = Gate(RealFiles().open_append(f"{home}/log", create=True))
        gate.no_more_files = True
        gate.permits.release(9)
        await journal.append(gate, b"1", sync=True)
        asked = list(gate.asked)
        await journal.close()
        return asked

    assert asyncio.run(story()) == ["append 1", "sync"]


def test_what_is_owed_is_lost_in_a_power_cut_and_after_its_time_it_is_not() -> None:
    async def story(world: FakeWorld, wait_ms: int) -> None:
        world.journal.relax(lambda: 100, lambda _: None)
        log = world.files.open_append("/log", create=True)
        await world.journal.append(log, b"1", sync=True)
        log.close()
        await world.clock.advance(wait_ms)

    for wait_ms, left in ((99, b""), (100, b"1")):
        world = fake_world()
        world.run(story(world, wait_ms))
        assert world.restart(drop_unsynced=True).files.read("/log") == left
        assert world.restart().files.read("/log") == b"1"


def test_an_owed_sync_that_fails_poisons_in_the_fake_too() -> None:
    async def story(world: FakeWorld) -> list[str]:
        told: list[str] = []
        world.journal.relax(lambda: 100, lambda fault: told.append(fault.what))
        log = world.files.open_append("/log", create=True)
        await world.journal.append(log, b"1", sync=True)
        world.points.plan = Plan({len(world.points.calls) + 1: "EIO"})
        await world.clock.advance(100)
        with pytest.raises(ReadOnlyLogError):
            await world.journal.append(log, b"2", sync=True)
        return told

    world = fake_world()
    assert world.run(story(world)) == ["cannot sync /log: Input/output error"]


def test_an_append_costs_little_over_the_bare_system_calls(home: Path) -> None:
    """The promise is 1.3 times the bare write and fdatasync, or 150 us over them, whichever is more."""
    data = b"x" * 300

    def bare(descriptor: int) -> float:
        begun = time.perf_counter()
        os.write(descriptor, data)
        os.fdatasync(descriptor)
        return time.perf_counter() - begun

    async def round_of(count: int) -> tuple[float, float]:
        journal = ThreadJournal()
        log = RealFiles().open_append(f"{home}/log", create=True)
        descriptor = os.open(home / "bare", os.O_CREAT | os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
        ours, theirs = [], []
        for _ in range(count):
            theirs.append(bare(descriptor))
            begun = time.perf_counter()
            await journal.append(log, data, sync=True)
            ours.append(time.perf_counter() - begun)
        await journal.close()
        log.close()
        os.close(descriptor)
        return statistics.quantiles(ours, n=10)[0], statistics.quantiles(theirs, n=10)[0]

    # Other programs share this machine and the promise is about the code: the quiet tenth of a quiet round counts.
    rounds: list[tuple[float, float]] = []
    while len(rounds) < 40:
        ours, theirs = asyncio.run(round_of(50))
        rounds.append((ours, theirs))
        if ours <= max(1.3 * theirs, theirs + 150e-6):
            return
    pytest.fail(f"seconds, ours and theirs: {rounds}")
