"""Packing, unpacking and removing, killed before and after every door call and refused at every one: no entry is ever
lost, no session is ever half there, and a second try ends what the first began."""

from __future__ import annotations

import pytest

from agentd.errors import AgentdError, DiskError, NotFoundError
from agentd.session.actors import Actor
from agentd.session.entries import Changed, Notice
from agentd.session.packing import member
from agentd.session.store import SessionStore
from agentd.world.fake import FakeWorld
from agentd.world.faults import Fault
from support.homes_with_logs import sessions_of
from support.packed import Deed, digits, faults_of, files_of, home, live, rows

CRASHES: tuple[Fault, ...] = ("crash_before", "crash_after")
REFUSALS: tuple[Fault, ...] = ("ENOSPC", "EIO", "short_write")
ENTRIES = 6


async def nothing(world: FakeWorld, store: SessionStore, session: str) -> None:
    return


async def archive(world: FakeWorld, store: SessionStore, session: str) -> None:
    await store.archive(session)


async def restore(world: FakeWorld, store: SessionStore, session: str) -> None:
    await store.restore(session)


async def read(world: FakeWorld, store: SessionStore, session: str) -> None:
    log = store.open(session)
    assert len(log.lines_after(0, 100)) >= ENTRIES
    log.close()
    store.release(log)


async def read_apart(world: FakeWorld, store: SessionStore, session: str) -> None:
    await store.ready(session)
    await read(world, store, session)


async def append(world: FakeWorld, store: SessionStore, session: str) -> None:
    log = store.open(session)
    await log.append([Notice(code="more", text="more"), Notice(code="more", text="more")], world.clock.now_ms())
    log.close()
    store.release(log)


async def append_synced(world: FakeWorld, store: SessionStore, session: str) -> None:
    log = store.open(session)
    await log.append([Changed(actor=Actor("client"), title="renamed")], world.clock.now_ms())
    log.close()
    store.release(log)


DEEDS: list[tuple[str, Deed, Deed]] = [
    ("archive", nothing, archive),
    ("restore", archive, restore),
    ("read", archive, read),
    ("read apart", archive, read_apart),
    ("append", archive, append_synced),
]
named = pytest.mark.parametrize(("before", "deed"), [deed[1:] for deed in DEEDS], ids=[deed[0] for deed in DEEDS])


def check_whole(world: FakeWorld, session: str, original: list[bytes], where: object) -> None:
    """The session holds what it held, and perhaps one entry more; it is listed so, and can be packed and read."""
    world.processes.on_job("pack", home().processes.table.jobs["pack"])
    now = digits(world, session)
    assert (now[:ENTRIES], len(now) <= ENTRIES + 1) == (original, True), where
    row = rows(world)[session]
    assert (row.seq, row.problem, row.workspace) == (len(now), None, "/w"), where
    live(world, read, session)  # as whoever archives: a torn tail is cut off first
    live(world, archive, session)
    assert [name for name in files_of(world, session) if not name.startswith("torn-")] == ["log.jsonl.gz"], where
    assert rows(world)[session].archived, where
    assert digits(world, session) == now, where


@named
@pytest.mark.parametrize("drop", [False, True, 5])
def test_killed_at_any_call_nothing_is_lost(before: Deed, deed: Deed, drop: bool | int) -> None:
    original = digits(home(), sessions_of(home())[1])
    count = 0
    for world, session, plan, died in faults_of(before, deed, CRASHES):
        assert died, plan
        after = world.restart(drop_unsynced=drop)
        assert digits(after, session)[:ENTRIES] == original, plan
        live(after, nothing, session)
        assert len(files_of(after, session)) == 1, (plan, files_of(after, session))
        check_whole(after, session, original, plan)
        count += 1
    assert count > 10


@named
def test_refused_at_any_call_nothing_is_lost(before: Deed, deed: Deed) -> None:
    original = digits(home(), sessions_of(home())[1])
    count = 0
    for world, session, plan, died in faults_of(before, deed, REFUSALS):
        assert not died, plan
        assert digits(world, session)[:ENTRIES] == original, plan
        after = world.restart()
        live(after, nothing, session)
        check_whole(after, session, original, plan)
        count += 1
    assert count > 10


def test_what_is_only_read_stays_archived_and_leaves_nothing_beside() -> None:
    world = home()
    session = sessions_of(world)[1]
    live(world, archive, session)
    before = but_for_the_listing(world)
    for deed in (read, read_apart):
        live(world, deed, session)
        assert but_for_the_listing(world) == before
    assert len(digits(world, session)) == ENTRIES
    assert but_for_the_listing(world) == before


def but_for_the_listing(world: FakeWorld) -> dict[str, bytes]:
    return {path: data for path, data in world.files.paths().items() if not path.endswith("/listing")}


def test_what_was_appended_to_is_no_longer_archived() -> None:
    world = home()
    session = sessions_of(world)[1]
    live(world, archive, session)
    live(world, append, session)
    assert files_of(world, session) == ["log.jsonl"]
    assert (rows(world)[session].archived, rows(world)[session].seq) == (False, ENTRIES + 2)


def test_what_is_read_when_the_daemon_dies_is_archived_after_the_next_start() -> None:
    async def killed(world: FakeWorld, store: SessionStore, session: str) -> None:
        store.open(session)

    async def killed_writing(world: FakeWorld, store: SessionStore, session: str) -> None:
        await store.open(session).append([Notice(code="more", text="more")], world.clock.now_ms())

    for deed, names in ((killed, ["log.jsonl.gz"]), (killed_writing, ["log.jsonl"])):
        world = home()
        session = sessions_of(world)[1]
        live(world, archive, session)
        live(world, deed, session)
        assert files_of(world, session) == ["log.jsonl", "log.jsonl.gz"]
        after = world.restart()
        live(after, nothing, session)
        assert files_of(after, session) == names


@pytest.mark.parametrize("lie", [member(b""), member(b"other bytes"), b"no gzip at all"])
def test_what_does_not_read_back_the_same_never_replaces_the_log(lie: bytes) -> None:
    world = home()
    session = sessions_of(world)[1]
    original = digits(world, session)
    world.processes.on_job("pack", lambda data: lie)

    async def tried(world: FakeWorld, store: SessionStore, session: str) -> None:
        with pytest.raises(DiskError, match=r"log\.jsonl was not archived") as caught:
            await store.archive(session)
        assert caught.value.why == "the archive did not read back as what was packed"

    live(world, tried, session)
    assert (files_of(world, session), digits(world, session)) == (["log.jsonl"], original)


def test_after_a_crash_a_log_that_was_damaged_meanwhile_does_not_take_its_good_archive_with_it() -> None:
    async def killed(world: FakeWorld, store: SessionStore, session: str) -> None:
        store.open(session)

    world = home()
    session = sessions_of(world)[1]
    live(world, archive, session)
    live(world, killed, session)
    path = next(path for path in world.files.paths() if session in path and path.endswith("log.jsonl"))
    data = bytearray(world.files.read(path))
    data[100] ^= 1
    world.files.add_file(path, bytes(data))
    after = world.restart()
    live(after, nothing, session)
    assert files_of(after, session) == ["log.jsonl", "log.jsonl.gz"]


def test_a_damaged_archive_is_named_and_the_others_are_listed() -> None:
    world = home()
    first, session, last = sessions_of(world)
    live(world, archive, session)
    path = next(path for path in world.files.paths() if path.endswith(".gz"))
    data = bytearray(world.files.read(path))
    data[-9] ^= 1
    world.files.add_file(path, bytes(data))

    async def opened(world: FakeWorld, store: SessionStore, session: str) -> None:
        for writable in (True, False):
            with pytest.raises(AgentdError) as caught:
                store.open(session, writable=writable)
            assert path in caught.value.what
        with pytest.raises(AgentdError):
            await store.ready(session)

    live(world, opened, session)
    assert files_of(world, session) == ["log.jsonl.gz"]
    assert sorted(rows(world)) == sorted([first, session, last])


def test_an_archive_whose_note_is_damaged_is_in_the_list_with_its_damage() -> None:
    world = home()
    session = sessions_of(world)[1]
    live(world, archive, session)
    path = next(path for path in world.files.paths() if path.endswith(".gz"))
    data = bytearray(world.files.read(path))
    data[20] ^= 1
    world.files.add_file(path, bytes(data))
    assert rows(world)[session].problem == f"the archive {path} is damaged"


async def remove(world: FakeWorld, store: SessionStore, session: str) -> None:
    await store.remove(session)


@pytest.mark.parametrize("before", [nothing, archive], ids=["plain", "archived"])
@pytest.mark.parametrize("drop", [False, True, 3])
def test_killed_at_any_call_a_removal_is_done_or_not_begun(before: Deed, drop: bool | int) -> None:
    outcomes = set()
    for world, session, plan, died in faults_of(before, remove, CRASHES):
        assert died, plan
        after = world.restart(drop_unsynced=drop)
        live(after, nothing, session)
        there = session in rows(after)
        outcomes.add(there)
        if there:
            assert len(digits(after, session)) == ENTRIES, plan
            after.processes.on_job("pack", home().processes.table.jobs["pack"])
            live(after, remove, session)
        check_gone(after, session, plan)
    assert outcomes == {True, False}


@pytest.mark.parametrize("before", [nothing, archive], ids=["plain", "archived"])
def test_refused_at_any_call_a_removal_is_done_or_not_begun(before: Deed) -> None:
    for world, session, plan, died in faults_of(before, remove, REFUSALS):
        assert not died, plan
        after = world.restart()
        live(after, nothing, session)
        if session in rows(after):
            assert len(digits(after, session)) == ENTRIES, plan
            live(after, remove, session)
        check_gone(after, session, plan)


def check_gone(world: FakeWorld, session: str, where: object) -> None:
    left = [path for path in world.files.paths() if session in path]
    assert left == [], where
    assert len(rows(world)) == 2, where

    async def asked(world: FakeWorld, store: SessionStore, session: str) -> None:
        assert (store.exists(session), store.was_removed(session), store.count()) == (False, True, 2)
        for ask in (
            lambda: store.open(session),
            lambda: store.get_blob(session, "0" * 64),
            lambda: store.size_of(session),
        ):
            with pytest.raises(NotFoundError):
                ask()
        for wish in (store.remove, store.archive, store.restore):
            with pytest.raises(NotFoundError):
                await wish(session)

    live(world, asked, session)
