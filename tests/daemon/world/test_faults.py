"""Numbered calls and planned faults: what each does, and that nothing of a dead process moves."""

from __future__ import annotations

import asyncio

import pytest

from agentd.errors import DiskError, DiskFullError
from agentd.world.fake import FakeWorld, fake_world
from agentd.world.faults import FAULTS_BY_CALL, Call, Crash, Fault, Plan, Points, plans


def with_fault(number: int, fault: Fault) -> FakeWorld:
    return fake_world(plan=Plan({number: fault}))


def test_every_call_gets_the_next_number() -> None:
    world = fake_world()
    world.files.write_atomic("/a", b"x")
    world.files.read("/a")
    assert world.points.calls == [
        Call(1, "files.create", "/a"),
        Call(2, "files.write", "/a"),
        Call(3, "files.sync", "/a"),
        Call(4, "files.rename", "/a"),
        Call(5, "files.sync_folder", "/a"),
        Call(6, "files.read", "/a"),
    ]
    assert world.calls[3] == "files.rename"


@pytest.mark.parametrize(
    ("number", "fault", "names"),
    [
        (2, "crash_before", {"/.agentd-0000000000000001.tmp": b""}),
        (2, "crash_after", {"/.agentd-0000000000000001.tmp": b"new"}),
        (4, "crash_before", {"/.agentd-0000000000000001.tmp": b"new"}),
        (4, "crash_after", {"/a": b"new"}),
    ],
)
def test_a_crash_leaves_what_was_done_until_then(number: int, fault: Fault, names: dict[str, bytes]) -> None:
    world = with_fault(number, fault)
    with pytest.raises(Crash, match=f"number={number}"):
        world.files.write_atomic("/a", b"new")
    assert world.restart().files.paths() == names


@pytest.mark.parametrize(("fault", "error"), [("ENOSPC", DiskFullError), ("EIO", DiskError)])
@pytest.mark.parametrize("number", [1, 2, 3, 4])
def test_a_failed_step_of_a_write_is_raised_and_cleaned_up(number: int, fault: Fault, error: type[DiskError]) -> None:
    world = with_fault(number, fault)
    with pytest.raises(error, match="/a"):
        world.files.write_atomic("/a", b"new")
    assert world.files.paths() == {}


def test_an_interrupted_call_is_seen_by_nobody() -> None:
    world = with_fault(2, "EINTR")
    world.files.write_atomic("/a", b"new")
    assert world.files.paths() == {"/a": b"new"}


def test_a_short_write_is_finished_by_another_call() -> None:
    world = with_fault(2, "short_write")
    world.files.write_atomic("/a", b"12345")
    assert (world.calls[1:4], world.files.read("/a")) == (["files.write", "files.write", "files.sync"], b"12345")


def test_a_crash_fits_between_the_two_halves_of_a_short_write() -> None:
    world = fake_world(plan=Plan({5: "short_write", 6: "crash_before"}))
    log = world.files.open_append("/log", create=True)
    with pytest.raises(Crash):
        log.append(b"abcd")
    assert world.restart().files.paths() == {"/log": b"ab"}


def test_a_disk_that_fills_during_a_short_write_leaves_no_half() -> None:
    world = fake_world(plan=Plan({5: "short_write", 6: "ENOSPC"}))
    log = world.files.open_append("/log", create=True)
    with pytest.raises(DiskFullError):
        log.append(b"abcd")
    assert (log.append(b"z"), world.files.read("/log")) == (0, b"z")


def test_a_dead_process_does_nothing_more() -> None:
    world = with_fault(1, "crash_before")
    with pytest.raises(Crash):
        world.files.write_atomic("/a", b"x")
    log = world.files
    for use in (
        lambda: log.write_atomic("/b", b"x"),
        lambda: log.read("/a"),
        lambda: log.info("/a"),
        lambda: asyncio.run(world.clock.sleep(1)),
        world.processes.sweep,
    ):
        with pytest.raises(Crash):
            use()
    assert world.restart().files.paths() == {}


def test_nothing_that_catches_exceptions_survives_a_crash() -> None:
    assert not issubclass(Crash, Exception)
    assert not isinstance(Crash(), asyncio.CancelledError)


def test_an_unknown_name_of_a_call_is_refused() -> None:
    with pytest.raises(KeyError, match="FAULTS_BY_CALL"), Points().call("files.unheard", "/a"):
        pass


def test_plans_name_each_fault_that_makes_sense_at_each_call() -> None:
    calls = [Call(1, "files.read", "/a"), Call(2, "files.write", "/a")]
    assert [dict(plan.faults) for plan in plans(calls)] == [
        *({1: fault} for fault in ("EIO", "EINTR")),
        *({2: fault} for fault in ("crash_before", "crash_after", "ENOSPC", "EIO", "EINTR", "short_write")),
    ]
    assert [dict(plan.faults) for plan in plans(calls, only=["crash_after"])] == [{2: "crash_after"}]
    assert {fault for faults in FAULTS_BY_CALL.values() for fault in faults} == {
        "crash_before",
        "crash_after",
        "ENOSPC",
        "EIO",
        "EINTR",
        "short_write",
    }
