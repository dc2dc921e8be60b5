"""What a power cut leaves of a disk that writes back in any order: whole sectors, zeros for those that never came."""

from __future__ import annotations

from agentd.world.fake import FakeWorld, fake_world

SYNCED = b"s" * 700
NEW = b"n" * 2_000


def torn(seed: int | bool, *, reorders: bool = True) -> bytes:
    """A log of 700 synced bytes and 2,000 that were not, after the power went."""
    world = fake_world()
    log = world.files.open_append("/log", create=True)
    log.append(SYNCED)
    log.sync()
    log.append(NEW)
    world.files.disk.reorders = reorders
    return after(world, seed).files.read("/log")


def after(world: FakeWorld, seed: int | bool) -> FakeWorld:
    return world.restart(drop_unsynced=seed)


def sectors(data: bytes) -> list[bytes]:
    """What came after the synced bytes, cut where sectors begin."""
    starts = [len(SYNCED), *range(1_024, len(data), 512)]
    return [data[a:b] for a, b in zip(starts, [*starts[1:], len(data)], strict=True)]


def test_synced_bytes_are_always_there_and_sectors_of_the_rest_are_whole_or_zeros() -> None:
    for seed in range(2, 200):
        data = torn(seed)
        assert data.startswith(SYNCED)
        for sector in sectors(data):
            # Besides, the end of a file may have its length without its data.
            assert set(sector) <= {ord("n"), 0}
            assert sector == sector.rstrip(b"\0") + bytes(len(sector) - len(sector.rstrip(b"\0")))


def test_a_later_sector_can_be_there_without_an_earlier_one() -> None:
    holes = [seed for seed in range(2, 100) if b"\0n" in torn(seed)]
    assert len(holes) > 20
    assert [seed for seed in range(2, 100) if b"\0n" in torn(seed, reorders=False)] == []


def test_kill_9_and_a_cut_that_loses_all_are_not_changed_by_it() -> None:
    assert torn(False) == SYNCED + NEW
    assert torn(True) == SYNCED


def test_the_same_seed_leaves_the_same_bytes() -> None:
    assert [torn(seed) for seed in (5, 6, 7)] == [torn(seed) for seed in (5, 6, 7)]


def test_a_disk_keeps_its_order_over_a_restart() -> None:
    world = fake_world()
    world.files.disk.reorders = True
    assert after(world, 3).files.disk.reorders
