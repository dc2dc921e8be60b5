"""`agentd repair`: what can be had is kept, what is cut off is kept beside it, and a second run finds nothing."""

from __future__ import annotations

import pytest

from agentd.check import EXIT_DAMAGE, check
from agentd.errors import BusyError
from agentd.repair import repair
from agentd.session.store import SessionStore
from agentd.telemetry.eventlog import EventLog
from agentd.world.fake import FakeWorld
from agentd.world.faults import Crash, plans
from agentproto.endpoints import LOCK_FILE
from support.homes_with_logs import EVENTS, FOLDERS, REQUESTS, build, log_of, sessions_of


def mended(world: FakeWorld) -> tuple[int, list[str]]:
    lines: list[str] = []
    return repair(world, FOLDERS, lines.append), lines


def checked(world: FakeWorld) -> int:
    return check(world, FOLDERS.data, FOLDERS.state, lambda _: None)


def break_line(world: FakeWorld, path: str, number: int) -> tuple[bytes, bytes]:
    """(the good beginning, the whole damaged file) after the line `number` was changed."""
    lines = world.files.read(path).splitlines(keepends=True)
    lines[number] = lines[number].replace(b'"seq"', b'"sEq"', 1)
    world.files.add_file(path, b"".join(lines))
    return b"".join(lines[:number]), b"".join(lines)


def test_a_sound_home_is_left_as_it_is() -> None:
    world = build()
    before = world.files.paths()
    assert mended(world) == (0, ["there is no damage"])
    assert {path: data for path, data in world.files.paths().items() if not path.startswith("/h/run/")} == before


def test_a_damaged_log_is_cut_and_the_whole_is_kept_beside_it() -> None:
    world = build()
    session = sessions_of(world)[1]
    path = log_of(world, session)
    good, whole = break_line(world, path, 3)
    kept = f"{path}.damaged-{world.clock.now_ms()}"
    assert mended(world) == (
        0,
        [
            f"{path}: cut at byte {len(good)}; {len(whole) - len(good)} bytes from there on are in {kept}",
            "1 repaired, 0 left",
        ],
    )
    assert (world.files.read(path), world.files.read(kept)) == (good, whole)
    assert checked(world) == 0
    store = SessionStore(world, FOLDERS.data, FOLDERS.state)
    log = store.open(session)
    assert (log.problem, log.state.seq, log.head_missing) == (None, 3, 0)
    # a turn may have lost its end: the next start looks at this session
    assert store.marked_open() == [session]


def test_a_log_of_which_nothing_is_good_is_set_aside() -> None:
    world = build()
    session = sessions_of(world)[0]
    path = log_of(world, session)
    _, whole = break_line(world, path, 0)
    code, lines = mended(world)
    assert (code, world.files.info(path), checked(world)) == (0, None, 0)
    assert world.files.read(lines[0].rpartition(" ")[2]) == whole
    store = SessionStore(world, FOLDERS.data, FOLDERS.state)
    assert session not in [row.id for row in store.listed()]
    assert store.marked_open() == []


def test_a_missing_end_is_accepted_and_not_told_again() -> None:
    world = build()
    session = sessions_of(world)[0]
    path = log_of(world, session)
    world.files.add_file(path, b"".join(world.files.read(path).splitlines(keepends=True)[:-2]))
    code, lines = mended(world)
    assert code == 0
    assert lines[0].endswith("but 2 more had been written; they are lost, and the log goes on from here")
    assert checked(world) == 0


@pytest.mark.parametrize("path", [REQUESTS, f"{EVENTS}.1"])
def test_the_other_logs_keep_their_good_beginning(path: str) -> None:
    world = build()
    good, _ = break_line(world, path, 1)
    assert mended(world)[0] == 0
    assert (world.files.read(path), checked(world)) == (good, 0)


def test_events_go_on_after_a_repair_without_a_number_twice() -> None:
    world = build()
    break_line(world, EVENTS, 1)
    assert mended(world)[0] == 0
    log = EventLog(world, FOLDERS.state, 600, 2)
    log.load()
    rows = log.read_after(0, 100)
    assert [row.seq for row in rows] == sorted({row.seq for row in rows})
    assert log.set_aside is None


def test_what_cannot_be_mended_stays_and_is_said() -> None:
    world = build()
    path = log_of(world, sessions_of(world)[0])
    folder = path.rpartition("/")[0] + "/blobs"
    (name, _), *_ = world.files.list(folder)
    world.files.add_file(f"{folder}/{name}", b"changed")
    good, _ = break_line(world, path, 2)
    code, lines = mended(world)
    assert (code, lines[-1]) == (EXIT_DAMAGE, "1 repaired, 1 left")
    assert world.files.read(path) == good
    assert checked(world) == EXIT_DAMAGE


def test_a_full_disk_leaves_the_damaged_log_as_it_was() -> None:
    world = build()
    path = log_of(world, sessions_of(world)[0])
    _, whole = break_line(world, path, 2)
    world.files.disk.capacity = 0
    before = {*world.files.paths()}
    code, lines = mended(world)
    assert (code, lines[-1], world.files.read(path)) == (EXIT_DAMAGE, "0 repaired, 1 left", whole)
    assert lines[0].endswith("No space left on device")
    assert [name for name in {*world.files.paths()} - before if name.startswith(path)] == []


def test_it_never_runs_beside_a_daemon() -> None:
    world = build()
    world.files.make_folder(FOLDERS.run)
    path = log_of(world, sessions_of(world)[0])
    _, whole = break_line(world, path, 2)
    lock = world.files.lock(f"{FOLDERS.run}/{LOCK_FILE}")
    assert lock is not None
    with pytest.raises(BusyError):
        mended(world)
    assert world.files.read(path) == whole
    lock.release()
    assert mended(world)[0] == 0


@pytest.mark.parametrize("drop", [False, True])
def test_wherever_it_dies_nothing_is_lost_and_a_second_run_ends_it(drop: bool) -> None:
    counted = build()
    path = log_of(counted, sessions_of(counted)[0])
    break_line(counted, path, 3)
    before = len(counted.points.calls)
    mended(counted)
    crashes = list(plans(counted.points.calls[before:], only=("crash_before", "crash_after")))
    assert len(crashes) > 10
    for plan in crashes:
        world = build()
        good, whole = break_line(world, log_of(world, sessions_of(world)[0]), 3)
        assert len(world.points.calls) == before
        world.points.plan = plan
        with pytest.raises(Crash):
            mended(world)
        after = world.restart(drop_unsynced=drop)
        assert whole in after.files.paths().values(), plan
        assert after.files.info(path) is not None, plan
        assert mended(after)[0] == 0
        assert (after.files.read(path), checked(after)) == (good, 0)
        assert whole in after.files.paths().values(), plan
