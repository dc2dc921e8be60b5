"""Archives under `agentd check` and `agentd repair`: every damage is found, and what can be unpacked is kept."""

from __future__ import annotations

import gzip

import pytest

from agentd.check import EXIT_DAMAGE, check
from agentd.repair import repair
from agentd.session.packing import front_end
from agentd.session.store import SessionStore
from agentd.world.fake import FakeWorld
from agentd.world.faults import Crash, plans
from support.homes_with_logs import FOLDERS, log_of, sessions_of
from support.packed import digits, home, live, store_of


async def archive(world: FakeWorld, store: SessionStore, session: str) -> None:
    await store.archive(session)


def archived() -> tuple[FakeWorld, str, str]:
    """A home with one archive: world, session, path of the archive."""
    world = home()
    session = sessions_of(world)[1]
    live(world, archive, session)
    return world.restart(), session, f"{log_of(world, session)}.gz"


def checked(world: FakeWorld) -> tuple[int, list[str]]:
    lines: list[str] = []
    before = world.files.paths()
    code = check(world, FOLDERS.data, FOLDERS.state, lines.append)
    assert world.files.paths() == before
    return code, lines


def mended(world: FakeWorld) -> tuple[int, list[str]]:
    lines: list[str] = []
    return repair(world, FOLDERS, lines.append), lines


def change(world: FakeWorld, path: str, at: int) -> bytes:
    data = bytearray(world.files.read(path))
    data[at] ^= 0x04
    world.files.add_file(path, bytes(data))
    return bytes(data)


def test_a_sound_archive_is_no_damage_and_nothing_to_repair() -> None:
    world, _, _ = archived()
    assert checked(world) == (0, ["3 sessions: no damage"])
    before = world.files.paths()
    assert mended(world) == (0, ["there is no damage"])
    assert {path: data for path, data in world.files.paths().items() if "/run/" not in path} == before


def test_every_byte_of_an_archive_counts() -> None:
    world, _, path = archived()
    sound = world.files.read(path)
    harmless = set(range(front_end(sound) + 4, front_end(sound) + 10))  # time, flags and system of a gzip header
    for at in range(0, len(sound), 3):
        world.files.add_file(path, sound)
        change(world, path, at)
        code, lines = checked(world)
        if at in harmless and code == 0:
            continue
        assert (code, lines[0].startswith(f"{path}: byte ")) == (EXIT_DAMAGE, True), (at, lines)


def test_a_cut_archive_gives_back_its_good_beginning() -> None:
    world, session, path = archived()
    original = digits(world, session)
    whole = world.files.read(path)
    cut = whole[:-40]
    world.files.add_file(path, cut)
    code, lines = checked(world)
    assert (code, len(lines)) == (EXIT_DAMAGE, 2)
    assert lines[0].endswith(": it ends in the middle")
    code, lines = mended(world)
    assert code == 0
    kept = lines[0].rpartition(" ")[2]
    assert world.files.read(kept) == cut
    assert checked(world) == (0, ["3 sessions: no damage"])
    assert world.files.info(path) is None
    left = digits(world, session)
    assert left == original[: len(left)]
    assert store_of(world).marked_open() == [session]


def test_with_the_note_alone_damaged_everything_is_had() -> None:
    world, session, path = archived()
    original = digits(world, session)
    change(world, path, 20)
    assert checked(world)[0] == EXIT_DAMAGE
    assert mended(world)[0] == 0
    assert (digits(world, session), checked(world)[0]) == (original, 0)


def test_an_archive_of_which_nothing_is_good_is_set_aside() -> None:
    world, session, path = archived()
    world.files.add_file(path, b"this is no archive")
    code, lines = mended(world)
    assert (code, world.files.info(path)) == (0, None)
    assert world.files.read(lines[0].rpartition(" ")[2]) == b"this is no archive"
    assert session not in [row.id for row in store_of(world).listed()]


def test_damage_that_was_packed_is_damage() -> None:
    world, session, path = archived()
    plain = gzip.decompress(world.files.read(path))
    lines = plain.splitlines(keepends=True)
    lines[2] = lines[2].replace(b'"seq"', b'"sEq"', 1)
    world.files.add_file(
        path, world.files.read(path)[: front_end(world.files.read(path))] + gzip.compress(b"".join(lines))
    )
    code, words = checked(world)
    assert (code, words[0]) == (
        EXIT_DAMAGE,
        f"{path}: byte {sum(map(len, lines[:2]))}: what it holds is not what was packed",
    )
    assert mended(world)[0] == 0
    assert len(digits(world, session)) == 2


def test_a_missing_end_is_found_in_an_archive_too() -> None:
    world, session, path = archived()
    store = store_of(world)
    head = store.head(session)
    assert head is not None
    store.keep_head(session, type(head)(head.seq + 2, "00000000"))
    code, lines = checked(world)
    assert code == EXIT_DAMAGE
    assert lines[0].startswith(f"{path}: byte ")
    assert lines[0].endswith(f"the log ends with entry {head.seq}, but 2 more had been written")
    assert mended(world)[0] == 0
    assert checked(world) == (0, ["3 sessions: no damage"])


def test_where_both_are_there_the_log_counts_and_it_is_said() -> None:
    world, session, path = archived()
    plain = log_of(world, session)
    world.files.add_file(plain, gzip.decompress(world.files.read(path)))
    change(world, path, 30)
    code, lines = checked(world)
    assert (code, lines[0].partition(":")[0], len(lines)) == (0, path, 2)


def test_a_damaged_log_with_a_whole_archive_beside_it_loses_nothing() -> None:
    world, session, path = archived()
    original = digits(world, session)
    plain = log_of(world, session)
    world.files.add_file(plain, gzip.decompress(world.files.read(path)))
    damaged = change(world, plain, 300)
    assert checked(world)[0] == EXIT_DAMAGE
    code, lines = mended(world)
    assert (code, world.files.read(lines[0].rpartition(" ")[2])) == (0, damaged)
    assert (digits(world, session), checked(world)) == (original, (0, ["3 sessions: no damage"]))


def test_what_cannot_be_read_is_damage_that_stays() -> None:
    world, _, path = archived()
    world.files.disk.forbidden.add(path)
    assert checked(world)[0] == EXIT_DAMAGE
    assert mended(world)[0] == EXIT_DAMAGE


@pytest.mark.parametrize("drop", [False, True])
def test_wherever_a_repair_dies_nothing_is_lost(drop: bool) -> None:
    counted, _, path = archived()
    change(counted, path, len(counted.files.read(path)) - 4)
    before = len(counted.points.calls)
    mended(counted)
    crashes = list(plans(counted.points.calls[before:], only=("crash_before", "crash_after")))
    assert len(crashes) > 10
    for plan in crashes:
        world, session, path = archived()
        damaged = change(world, path, len(world.files.read(path)) - 4)
        world.points.plan = plan
        with pytest.raises(Crash):
            mended(world)
        after = world.restart(drop_unsynced=drop)
        assert damaged in after.files.paths().values(), plan
        mended(after)
        assert (checked(after)[0], len(digits(after, session))) == (0, 6), plan
        assert damaged in after.files.paths().values(), plan
