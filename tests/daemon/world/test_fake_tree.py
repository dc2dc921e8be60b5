"""What a crash leaves of a disk: synced bytes always, unsynced ones by the way of the crash."""

from __future__ import annotations

import pytest

from agentd.errors import MissingFileError
from agentd.world.fake import FakeWorld, fake_world


def survivors(world: FakeWorld, drop_unsynced: bool | int) -> dict[str, bytes]:
    return world.restart(drop_unsynced=drop_unsynced).files.paths()


def test_bytes_are_safe_after_their_sync_and_not_before() -> None:
    world = fake_world()
    log = world.files.open_append("/log", create=True)
    log.append(b"safe")
    log.sync()
    log.append(b" gone")
    assert survivors(world, True) == {"/log": b"safe"}


def test_a_kill_loses_nothing_that_was_written() -> None:
    world = fake_world()
    world.files.write_scratch("/a", b"1")
    log = world.files.open_append("/log", create=True)
    log.append(b"x")
    world.files.rename("/a", "/b")
    world.files.remove("/log")
    assert survivors(world, False) == {"/b": b"1"}


def test_a_name_is_safe_after_the_sync_of_its_folder() -> None:
    world = fake_world()
    world.files.create_exclusive("/a", b"1")
    world.files.rename("/a", "/b")
    assert survivors(world, True) == {"/a": b"1"}
    world = fake_world()
    world.files.create_exclusive("/a", b"1")
    world.files.rename("/a", "/b")
    world.files.sync_folder("/")
    assert survivors(world, True) == {"/b": b"1"}


def test_a_removed_file_comes_back_without_a_sync() -> None:
    world = fake_world()
    world.files.create_exclusive("/a", b"1")
    world.files.remove("/a")
    assert world.files.info("/a") is None
    assert survivors(world, True) == {"/a": b"1"}


def test_an_atomic_write_is_whole_and_durable_and_a_scratch_one_is_not() -> None:
    world = fake_world()
    world.files.write_atomic("/a", b"old")
    world.files.write_atomic("/a", b"new")
    world.files.write_scratch("/b", b"lost")
    assert survivors(world, True) == {"/a": b"new"}


def test_a_rename_between_folders_is_there_or_not_but_never_half() -> None:
    seen = set()
    for seed in range(2, 40):
        world = fake_world()
        for folder in ("/x", "/y"):
            world.files.make_folder(folder)
        world.files.create_exclusive("/x/a", b"1")
        world.files.rename("/x/a", "/y/a")
        seen.add(tuple(survivors(world, seed)))
    assert seen == {("/x/a",), ("/y/a",)}


def test_a_sync_of_a_folder_brings_what_it_builds_on() -> None:
    world = fake_world()
    for folder in ("/x", "/y"):
        world.files.make_folder(folder)
    world.files.write_scratch("/y/a", b"first")
    world.files.write_scratch("/x/a", b"second")
    world.files.rename("/x/a", "/y/a")
    world.files.sync_folder("/x")
    assert sorted(survivors(world, True)) == ["/y/a"]


def test_an_unsynced_end_is_cut_at_any_byte_or_left_as_zeros() -> None:
    seen = set()
    for seed in range(2, 400):
        world = fake_world()
        log = world.files.open_append("/log", create=True)
        log.append(b"ab")
        log.sync()
        log.append(b"cd")
        seen.add(survivors(world, seed)["/log"])
    assert seen == {b"ab", b"abc", b"abcd", b"abc\0", b"ab\0\0"}


def test_a_cut_that_was_not_synced_happened_or_did_not() -> None:
    seen = set()
    for seed in range(2, 40):
        world = fake_world()
        log = world.files.open_append("/log", create=True)
        log.append(b"abcd")
        log.sync()
        log.truncate(1)
        log.append(b"z")
        seen.add(survivors(world, seed)["/log"])
    assert seen == {b"abcd", b"az"}


def test_a_seed_leaves_the_same_every_time_and_leaves_the_old_disk_alone() -> None:
    world = fake_world()
    for name in "abcdefgh":
        world.files.write_scratch(f"/{name}", name.encode() * 100)
    first = survivors(world, 7)
    assert first == survivors(world, 7)
    assert first != survivors(world, 8)
    assert len(survivors(world, False)) == 8


def test_locks_and_handles_end_with_their_process() -> None:
    world = fake_world()
    assert world.files.lock("/lock") is not None
    again = world.restart()
    assert again.files.lock("/lock") is not None


def test_a_folder_that_was_never_synced_takes_its_files_with_it() -> None:
    world = fake_world()
    world.files.add_folder("/safe")
    world.files.disk.make_folder(world.files.disk.folder("/safe"), "lost", 0o700, "/safe/lost")
    world.files.create_exclusive("/safe/lost/a", b"1")
    again = world.restart(drop_unsynced=True)
    with pytest.raises(MissingFileError):
        again.files.read("/safe/lost/a")
