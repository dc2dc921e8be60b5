"""Archives on a real disk, packed by the real worker: any gzip reads them, and what comes back is what was there."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path

import pytest

from agentd.errors import ConflictError, DamagedLogError, DiskError
from agentd.session.actors import Actor
from agentd.session.archive import ARCHIVE_FILE, ArchiveHandle, read_note, verify
from agentd.session.entries import Changed, Notice, Opened, Requested
from agentd.session.store import SessionStore
from agentd.world.doors import World
from agentd.world.real import real_world
from agentd.world.tasks import Tasks

TASKS = Tasks(lambda _name, _fault: None)

Story = Callable[[World, SessionStore, str], Awaitable[None]]


def in_a_real_home(root: Path, story: Story, *, megabytes: float = 2.5) -> Path:
    """A session of so many MB on the disk, closed; then the story. The session's folder."""
    world = real_world(str(root / "run"))
    folders: list[Path] = []

    async def main() -> None:
        (root / "state").mkdir(mode=0o700)
        store = SessionStore(world, str(root / "data"), str(root / "state"))
        store.prepare()
        session = world.ids.session(world.clock.now_ms())
        log = store.create(session)
        await log.append([opened(session)], 1000)
        text = "".join(chr(33 + n % 90) for n in range(20_000))
        while log.size < megabytes * 1_000_000:
            await log.append([Notice(code="n", text=f"{log.size} {text}")], 2000)
        store.settle_folder(session)
        store.keep_head(session, log.head())
        log.close()
        store.release(log)
        folders.append(Path(store.folder(session)))
        try:
            await story(world, store, session)
        finally:
            await world.processes.end_all()
            await world.journal.close()

    asyncio.run(main())
    return folders[0]


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def data_of(path: Path) -> bytes:
    return path.read_bytes()


def put(path: Path, data: bytes) -> None:
    path.write_bytes(data)


def mode_of(path: Path) -> int:
    return path.stat().st_mode & 0o777


def opened(session: str) -> Opened:
    return Opened(
        format=1, machine=1, session=session, kind="chat", product="1", workspace="/w", cwd="/w", mode="ask",
        actor=Actor("client"), title="a title \x00 \N{SNOWMAN} " + "long " * 400,
    )  # fmt: skip


def test_any_gzip_reads_it_and_it_comes_back_byte_for_byte(tmp_path: Path) -> None:
    plain: list[bytes] = []

    async def story(world: World, store: SessionStore, session: str) -> None:
        folder = Path(store.folder(session))
        plain.append(data_of(folder / "log.jsonl"))
        before, after = await store.archive(session)
        assert names(folder) == [ARCHIVE_FILE]
        packed = data_of(folder / ARCHIVE_FILE)
        assert (before, after) == (len(plain[0]), len(packed))
        assert gzip.decompress(packed) == plain[0]
        assert mode_of(folder / ARCHIVE_FILE) == 0o600
        verify(world.files, str(folder))
        assert read_note(world.files, str(folder)).row.seq > 100
        assert await store.restore(session) == (after, before)

    folder = in_a_real_home(tmp_path, story)
    assert names(folder) == ["log.jsonl"]
    assert data_of(folder / "log.jsonl") == plain[0]


def test_reading_leaves_it_archived_and_appending_does_not(tmp_path: Path) -> None:
    async def story(world: World, store: SessionStore, session: str) -> None:
        folder = Path(store.folder(session))
        await store.archive(session)
        for writable in (False, True):
            if writable:
                await store.ready(session)
            log = store.open(session, writable=writable)
            first, last = log.lines_after(0, 1)[0], log.lines_after(log.state.seq - 1, 1)[0]
            assert (first.seq, last.seq, store.archived(session)) == (1, log.state.seq, True)
            log.close()
            store.release(log)
            assert names(folder) == [ARCHIVE_FILE]
        assert store.listed()[0].archived
        log = store.open(session)
        await log.append([Changed(actor=Actor("client"), title="new")], 3000)
        assert not store.archived(session)
        log.close()
        store.release(log)
        assert names(folder) == ["log.jsonl"]
        assert [(row.title, row.archived) for row in store.listed()] == [("new", False)]

    in_a_real_home(tmp_path, story)
    assert list((tmp_path / "state" / "reading").iterdir()) == []
    assert list((tmp_path / "state" / "packing").iterdir()) == []


def test_it_is_read_at_any_place_as_the_log_was(tmp_path: Path) -> None:
    async def story(world: World, store: SessionStore, session: str) -> None:
        folder = store.folder(session)
        plain = data_of(Path(folder, "log.jsonl"))
        await store.archive(session)
        handle = ArchiveHandle(world.files, folder)
        places = [
            (0, 10),
            (5, 300_000),
            (1_000_000, 1_500_000),
            (2_000_000, 7),
            (3, 4),
            (len(plain) - 5, 50),
            (1 << 40, 5),
        ]
        for offset, size in places:
            assert handle.read(offset, size) == plain[offset : offset + size], (offset, size)
        other = handle.duplicate()
        assert (handle.size(), other.read(0, 4), handle.read(9, 9)) == (len(plain), plain[:4], plain[9:18])
        for refused in (lambda: handle.append(b"x"), lambda: handle.truncate(0), handle.sync):
            with pytest.raises(DiskError):
                refused()
        handle.close()
        other.close()

    in_a_real_home(tmp_path, story)


def test_a_changed_byte_is_named_and_the_archive_left_alone(tmp_path: Path) -> None:
    async def story(world: World, store: SessionStore, session: str) -> None:
        path = Path(store.folder(session), ARCHIVE_FILE)
        await store.archive(session)
        data = bytearray(data_of(path))
        data[len(data) // 2] ^= 1
        put(path, data)
        for attempt in (lambda: store.open(session), lambda: store.open(session, writable=False)):
            with pytest.raises(DamagedLogError, match=f"the archive {path} is damaged"):
                attempt()
        for wish in (store.ready, store.restore):
            with pytest.raises(DamagedLogError):
                await wish(session)
        assert data_of(path) == data
        assert names(path.parent) == [ARCHIVE_FILE]

    in_a_real_home(tmp_path, story)


def test_what_is_not_at_rest_or_damaged_is_not_packed(tmp_path: Path) -> None:
    async def story(world: World, store: SessionStore, session: str) -> None:
        path = Path(store.folder(session), "log.jsonl")
        log = store.open(session)
        with pytest.raises(ConflictError) as caught:
            await store.archive(session)
        assert caught.value.why == "it is in use"
        size = log.size
        request = Requested(turn=f"{session}.t1", actor=Actor("client"), key="k", hash="h", prompt="do")
        await log.append([request], 3000)
        log.close()
        store.release(log)
        whole = data_of(path)
        for data, why in (
            (whole, "a turn is open"),
            (whole[:size] + b'{"seq":', "its last line is unfinished"),
            (whole[:size].replace(b"title", b"tit1e", 1), "is damaged at byte 0"),
            (b"", "there is nothing in it"),
        ):
            put(path, data)
            with pytest.raises(ConflictError) as caught:
                await store.archive(session)
            assert why in caught.value.why
            assert data_of(path) == data

    in_a_real_home(tmp_path, story, megabytes=0.01)


def test_who_gives_up_while_it_is_packed_finds_the_log_as_it_was(tmp_path: Path) -> None:
    async def story(world: World, store: SessionStore, session: str) -> None:
        folder = Path(store.folder(session))
        plain = data_of(folder / "log.jsonl")
        work = TASKS.start("archive", store.archive(session))
        while world.files.info(f"{folder}/{ARCHIVE_FILE}.packing") is None:
            await world.clock.sleep(0)
        work.cancel()
        with pytest.raises(asyncio.CancelledError):
            await work
        assert names(folder) == ["log.jsonl"]
        assert data_of(folder / "log.jsonl") == plain
        assert (await store.archive(session))[0] == len(plain)

    in_a_real_home(tmp_path, story)


def test_other_sessions_go_on_while_one_is_packed_and_unpacked(tmp_path: Path) -> None:
    """Nobody waits longer than a few pieces take: counted in turns of the loop, which no busy machine changes."""

    async def story(world: World, store: SessionStore, session: str) -> None:
        both: list[Coroutine[object, object, object]] = [store.archive(session), store.ready(session)]
        for work in both:
            task = TASKS.start("work", work)
            turns = 0
            while not task.done():
                turns += 1
                await world.clock.sleep(0)
            await task
            assert turns > 8  # one for each 256 KiB

    in_a_real_home(tmp_path, story)
