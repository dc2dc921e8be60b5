"""The event log: numbered without end, put aside when large, never in anybody's way."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from agentd.telemetry.eventlog import Event, EventLog, Happened, event_files
from agentd.telemetry.redact import MASK, Redactor
from agentd.world.fake import FakeWorld, fake_world
from agentd.world.fake_clock import START_MS
from agentd.world.faults import Crash, plans
from agentd.world.real import real_world
from agentd.world.tasks import Tasks

PATH = "/s/events.jsonl"


def happened(number: int, size: int = 0) -> Happened:
    return Happened("daemon", "daemon.notice", f"event {number}" + "." * size)


def opened(world: FakeWorld, file_bytes: int = 1_000_000, older: int = 3) -> EventLog:
    world.files.add_folder("/s")
    log = EventLog(world, "/s", file_bytes, older)
    log.load()
    return log


async def fill(log: EventLog, first: int, last: int, size: int = 0) -> None:
    for number in range(first, last + 1):
        await log.append([happened(number, size)])


def texts(rows: Sequence[Event]) -> list[tuple[int, str]]:
    return [(row.seq, row.entry.text.rstrip(".")) for row in rows]


def wanted(first: int, last: int) -> list[tuple[int, str]]:
    return [(number, f"event {number}") for number in range(first, last + 1)]


def test_events_are_numbered_kept_and_read_again() -> None:
    world = fake_world()
    log = opened(world)
    event = Happened("tool", "tool.output_lost", "words", "s1", {"call": "c1"})
    rows = world.run(log.append([event, happened(2)]))
    assert rows == [Event(1, START_MS, event), Event(2, START_MS, happened(2))]
    assert (log.seq, log.lost) == (2, 0)
    assert world.run(log.append([])) == []
    first = json.loads(world.files.read(PATH).splitlines()[0])
    assert {key: value for key, value in first.items() if key != "crc"} == {
        "seq": 1,
        "at_ms": START_MS,
        "type": "happened",
        "category": "tool",
        "name": "tool.output_lost",
        "text": "words",
        "session": "s1",
        "details": {"call": "c1"},
    }
    again = opened(world.restart())
    assert again.seq == 2
    assert again.read_after(0, 10) == rows
    assert again.read_after(1, 10) == [rows[1]]
    assert again.read_after(2, 10) == ()


@pytest.mark.parametrize("restarted", [False, True])
def test_numbers_go_on_over_files_and_only_so_many_are_kept(restarted: bool) -> None:
    world = fake_world()
    log = opened(world, file_bytes=1_000, older=2)
    world.run(fill(log, 1, 40))
    if restarted:
        world = world.restart()
        log = opened(world, file_bytes=1_000, older=2)
    assert log.seq == 40
    assert event_files(world, PATH, 9) == [f"{PATH}.2", f"{PATH}.1", PATH]
    assert all(len(data) < 1_400 for data in world.files.paths().values())
    if not restarted:
        # what is in memory serves whoever was away for a moment
        assert texts(log.read_after(30, 5)) == wanted(31, 35)
        return
    oldest = log.read_after(0, 1)[0].seq
    assert 1 < oldest < 31
    assert texts(log.read_after(0, 100)) == wanted(oldest, 40)
    assert texts(log.read_after(30, 5)) == wanted(31, 35)
    assert [texts(log.read_after(seq, 3)) for seq in range(oldest - 1, 41)] == [
        wanted(seq + 1, min(seq + 3, 40)) for seq in range(oldest - 1, 41)
    ]


def test_a_page_after_another_reads_each_file_once() -> None:
    world = fake_world()
    log = opened(world, file_bytes=20_000, older=3)
    world.run(fill(log, 1, 300))
    world = world.restart()
    log = opened(world, file_bytes=20_000, older=3)
    before = world.calls.count("files.read")
    seq, seen = 0, 0
    while rows := log.read_after(seq, 10):
        seq, seen = rows[-1].seq, seen + len(rows)
    assert seen == 300
    opens = world.calls.count("files.read") - before
    assert opens < 200  # two small reads to find the file and few to read it, not the whole of all for each page


def test_without_older_files_the_large_one_is_dropped() -> None:
    world = fake_world()
    log = opened(world, file_bytes=1_000, older=0)
    world.run(fill(log, 1, 30))
    assert list(world.files.paths()) == [PATH]
    assert opened(world.restart(), older=0).seq == 30


def small_run(world: FakeWorld) -> EventLog:
    log = opened(world, file_bytes=700, older=2)
    world.run(fill(log, 1, 12))
    return log


def rightly(rows: list[tuple[int, str]], *, whole: bool) -> list[tuple[int, str]]:
    """The same numbers with the texts that belong to them; `whole`: all from the first to the last."""
    if not rows:
        return []
    numbers = range(rows[0][0], rows[-1][0] + 1) if whole else sorted({number for number, _ in rows})
    return [(number, f"event {number}") for number in numbers]


@pytest.mark.parametrize("drop", [False, True, 1])
def test_wherever_it_dies_what_is_kept_is_numbered_rightly_and_goes_on(drop: bool | int) -> None:
    """Killed before and after each changing call of a run that puts files aside."""
    counted = fake_world()
    small_run(counted)
    crashes = [plan for plan in plans(counted.points.calls) if str(*plan.faults.values()).startswith("crash")]
    assert len(crashes) > 40
    for plan in crashes:
        world = fake_world(plan=plan)
        with pytest.raises(Crash):
            small_run(world)
        after = world.restart(drop_unsynced=drop)
        log = opened(after, file_bytes=700, older=2)
        rows = texts(log.read_after(0, 100))
        assert rows == rightly(rows, whole=drop is False)
        assert rows == [] or rows[-1][0] == log.seq
        after.run(fill(log, log.seq + 1, log.seq + 3))
        assert log.lost == 0
        final = opened(after.restart(), file_bytes=700, older=2)
        kept = texts(final.read_after(0, 100))
        assert kept[-3:] == wanted(log.seq - 2, log.seq)
        assert kept == rightly(kept, whole=drop is False)


@pytest.mark.parametrize("fault", ["EIO", "ENOSPC", "short_write", "EINTR"])
def test_whichever_call_fails_nobody_is_hurt_and_numbers_stay_right(fault: str) -> None:
    counted = fake_world()
    small_run(counted)
    faulty = [plan for plan in plans(counted.points.calls) if list(plan.faults.values()) == [fault]]
    assert faulty != []
    for plan in faulty:
        world = fake_world(plan=plan)
        log = small_run(world)
        assert (log.seq, fault in ("EIO", "ENOSPC") or log.lost == 0) == (12, True)
        assert texts(log.read_after(0, 100)) == wanted(1, 12)
        kept = texts(opened(world.restart(), file_bytes=700, older=2).read_after(0, 100))
        assert [number for number, _ in kept] == sorted({number for number, _ in kept})
        assert [row for row in kept if row != (row[0], f"event {row[0]}")] == []


def test_a_damaged_file_is_set_aside_and_no_number_is_given_twice() -> None:
    world = fake_world()
    log = opened(world)
    world.run(fill(log, 1, 10))
    data = bytearray(world.files.read(PATH))
    data[data.index(b"event 6")] ^= 1
    world = world.restart()
    world.files.add_file(PATH, bytes(data))
    log = opened(world)
    assert log.set_aside is not None
    assert world.files.read(log.set_aside) == bytes(data)
    assert log.seq == 10
    world.run(fill(log, 11, 12))
    assert texts(opened(world.restart()).read_after(0, 10)) == wanted(11, 12)


def test_a_disk_that_is_full_for_a_while_hurts_nobody() -> None:
    world = fake_world(auto=True)
    said: list[str] = []
    world.files.add_folder("/s")
    log = EventLog(world, "/s", 1_000_000, 3, report=said.append)
    log.load()

    async def story() -> None:
        await fill(log, 1, 3)
        world.files.disk.capacity = 0
        await fill(log, 4, 8)
        assert (log.seq, log.lost) == (8, 5)
        world.files.disk.capacity = None
        await fill(log, 9, 9)  # too soon to try again
        await world.clock.sleep(10_000)
        await fill(log, 10, 12)

    world.run(story())
    assert (log.seq, log.lost) == (12, 6)
    # those in memory are all there, also the lost ones; on disk are the others, with their own numbers
    assert texts(log.read_after(0, 100)) == wanted(1, 12)
    assert texts(opened(world.restart()).read_after(0, 100)) == [*wanted(1, 3), *wanted(10, 12)]
    assert said == [
        "events can't be written: cannot append to /s/events.jsonl: No space left on device",
        "events are written again; 6 were lost",
    ]


def test_a_log_that_cannot_be_opened_stops_no_start() -> None:
    world = fake_world(auto=True)
    log = opened(world)
    world.run(fill(log, 1, 5))
    world = world.restart()
    world.files.disk.forbidden.add(PATH)
    log = opened(world)

    async def story() -> None:
        await log.append([happened(0)])
        assert (log.seq, log.lost) == (1, 1)
        world.files.disk.forbidden.clear()
        await world.clock.sleep(10_000)
        await log.append([happened(6)])

    world.run(story())
    assert log.seq == 6  # the disk knew more, so numbers go on from there
    assert texts(opened(world.restart()).read_after(0, 100)) == wanted(1, 6)


def test_secrets_and_what_is_too_large_are_not_kept() -> None:
    world = fake_world()
    world.files.add_folder("/s")
    log = EventLog(world, "/s", 1_000_000, 3, redactor=Redactor({"A_TOKEN": "hunter2hunter2"}))
    log.load()
    events = [
        Happened("tool", "tool.x", "it is hunter2hunter2", details={"k": "hunter2hunter2", "o": ValueError("x")}),
        Happened("tool", "tool.x", "a" * 10_000, details={"k": "b" * 10_000}),
    ]
    first, second = world.run(log.append(events))
    assert first.entry == Happened("tool", "tool.x", f"it is {MASK}", details={"k": MASK, "o": "x"})
    assert (len(second.entry.text), second.entry.text[-4:]) == (2_000, " ...")
    assert second.entry.details == {"left_out": "the details were too large"}
    assert b"hunter2" not in world.files.read(PATH)


def test_many_at_once_keep_their_order_on_a_real_disk(tmp_path: Path) -> None:
    world = real_world(str(tmp_path / "run"))
    log = EventLog(world, str(tmp_path), 5_000, 3)
    log.load()
    seen: list[int] = []

    async def one(number: int) -> None:
        for row in await log.append([happened(number)]):
            seen.append(row.seq)

    async def story() -> None:
        tasks = Tasks(lambda _name, error: seen.append(-1) if error else None)
        running = []
        for number in range(1, 501):
            running.append(tasks.start("event", one(number)))
            if number % 50 == 0:
                await asyncio.sleep(0)
        for task in running:
            await task
        await world.journal.close()

    asyncio.run(story())
    log.close()
    assert seen == list(range(1, 501))
    again = EventLog(real_world(str(tmp_path / "run")), str(tmp_path), 5_000, 3)
    again.load()
    rows = texts(again.read_after(0, 1_000))
    again.close()
    assert rows == wanted(rows[0][0], 500)
    assert len(rows) > 50


def test_one_that_is_given_up_while_it_is_written_holds_up_no_other() -> None:
    world = fake_world(auto=True)
    log = opened(world)

    async def story() -> None:
        tasks = Tasks(lambda _name, _error: None)
        first = tasks.start("first", log.append([happened(1)]))
        await asyncio.sleep(0)
        first.cancel()
        await fill(log, 2, 3)
        await tasks.stop_all(1_000)

    world.run(story())
    assert texts(log.read_after(0, 10)) == wanted(1, 3)
