"""The rows of the list: kept ones and those that the logs themselves say are the same, whatever became of the file."""

from __future__ import annotations

import random
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from agentd.chain.frame import encode_line
from agentd.session.actors import Actor
from agentd.session.entries import Changed, Entry, Finished, Notice, Opened, Requested, Started
from agentd.session.listing import Listed
from agentd.session.packing import member
from agentd.session.store import SessionStore
from agentd.world.fake import FakeWorld, fake_world
from agentd.world.tasks import Tasks
from agentproto.api.turn import TurnUsage

LISTING = "/h/state/listing"
PERSON = Actor("client")


def store_of(world: FakeWorld) -> SessionStore:
    return SessionStore(world, "/h/data", "/h/state")


def opened(session: str) -> Opened:
    return Opened(
        format=1, machine=1, session=session, kind="chat", product="1", workspace="/w", cwd="/w", mode="ask",
        actor=PERSON,
    )  # fmt: skip


def a_turn(session: str, number: int) -> list[Entry]:
    turn = f"{session}.t{number}"
    return [
        Requested(turn=turn, actor=PERSON, key=f"{turn}k", hash="h", prompt=f"question {number}"),
        Started(turn=turn, model="m", mode="ask"),
        Notice(code="n", text="words " * 20),
        Finished(turn=turn, stop="end", steps=1, usage=TurnUsage()),
    ]


async def talk(world: FakeWorld, store: SessionStore, turns: int, *more: Entry) -> str:
    """A session of so many turns, closed; its head is kept after each."""
    await world.clock.advance(1000)
    session = world.ids.session(world.clock.now_ms())
    log = store.create(session)
    await log.append([opened(session)], world.clock.now_ms())
    store.settle_folder(session)
    for number in range(turns):
        await world.clock.advance(10)
        await log.append(a_turn(session, number + 1), world.clock.now_ms())
        store.keep_head(session, log.head())
    if more:
        await log.append(more, world.clock.now_ms())
    log.close()
    store.release(log)
    return session


def a_home() -> FakeWorld:
    """Sessions of all kinds: with turns, renamed late, archived, damaged, torn, empty, never begun."""
    world = fake_world(seed=4)
    world.processes.on_job("pack", member)

    async def main() -> None:
        store = store_of(world)
        world.files.make_folder("/h/state")
        store.prepare()
        for turns in (0, 1, 3):
            await talk(world, store, turns)
        await talk(world, store, 2, Changed(actor=PERSON, title="renamed", model="other"))
        await store.archive(await talk(world, store, 2))
        damaged = f"{store.folder(await talk(world, store, 3))}/log.jsonl"
        lines = world.files.read(damaged).split(b"\n")
        lines[6] = lines[6].replace(b"turn", b"torn")
        world.files.add_file(damaged, b"\n".join(lines))
        torn = f"{store.folder(await talk(world, store, 1))}/log.jsonl"
        world.files.add_file(torn, world.files.read(torn) + b'{"seq":')
        empty = f"{store.folder(await talk(world, store, 1))}/log.jsonl"
        world.files.add_file(empty, b"")
        world.files.make_folder("/h/data/sessions/2026/01/lost+found")

    world.run(main())
    return world.restart()


def listed(world: FakeWorld) -> list[Listed]:
    """As the next process lists them first."""
    return list(store_of(world.restart()).listed())


def asked_of_the_logs(world: FakeWorld) -> list[Listed]:
    after = world.restart()
    after.files.remove(LISTING)
    return list(store_of(after).listed())


def test_rows_say_what_the_logs_say() -> None:
    rows = listed(a_home())
    assert [(r.turns, r.title, r.model, r.archived, r.problem is not None) for r in reversed(rows)] == [
        (0, "", None, False, False),
        (1, "question 1", None, False, False),
        (3, "question 1", None, False, False),
        (2, "renamed", "other", False, False),
        (2, "question 1", None, True, False),
        (2, "question 1", None, False, True),
        (1, "question 1", None, False, False),
        (0, "", None, False, True),
    ]
    assert [r.seq for r in reversed(rows)] == [1, 5, 13, 10, 9, 6, 5, 0]
    assert rows[0].problem == "the log is empty"


HOME = a_home()
TRUTH = asked_of_the_logs(HOME)


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 2**32))
def test_whatever_became_of_the_file_the_rows_are_the_same(seed: int) -> None:
    chance = random.Random(seed)
    world = HOME.restart()
    store_of(world).listed()
    world = world.restart()
    data = world.files.read(LISTING)
    for _ in range(chance.randint(1, 4)):
        data = harmed(data, chance)
    world.files.add_file(LISTING, data)
    assert listed(world) == TRUTH
    again = world.restart()
    assert (list(store_of(again).listed()), listed(again)) == (TRUTH, TRUTH)


def harmed(data: bytes, chance: random.Random) -> bytes:
    lines = data.split(b"\n")
    match chance.randint(0, 5):
        case 0:
            return data[: chance.randint(0, len(data))]
        case 1:
            return data[chance.randint(0, len(data)) :]
        case 2:
            chance.shuffle(lines)
            return b"\n".join(lines)
        case 3:
            return b"\n".join(chance.choices(lines, k=2 * len(lines)))
        case 4:
            changed = bytearray(data or b"x")
            changed[chance.randrange(len(changed))] ^= 1 << chance.randrange(8)
            return bytes(changed)
        case _:
            return data + chance.randbytes(chance.randint(1, 300))


def test_a_file_of_an_older_day_gives_no_older_rows() -> None:
    world = HOME.restart()
    store = store_of(world)
    old = world.files.read(LISTING)

    async def more() -> None:
        for row in TRUTH:
            if row.problem is None:
                log = store.open(row.id)
                await log.append(
                    [*a_turn(row.id, 9), Changed(actor=PERSON, title="later")], world.clock.now_ms() + 5000
                )
                log.close()
                store.release(log)

    world.run(more())
    world = world.restart()
    world.files.add_file(LISTING, old)
    rows = listed(world)
    assert rows == asked_of_the_logs(world)
    assert {row.title for row in rows if row.problem is None} == {"later"}
    assert [row for row in rows if row.archived] == []


def test_every_turn_s_end_is_kept_so_that_nothing_is_asked_of_the_logs_after_a_kill() -> None:
    world = fake_world(seed=4)

    async def main() -> None:
        store = store_of(world)
        world.files.make_folder("/h/state")
        store.prepare()
        for _ in range(5):
            await talk(world, store, 2)

    world.run(main())
    after = world.restart()
    before = len(after.calls)
    assert [row.turns for row in store_of(after).listed()] == [2] * 5
    assert [call for call in after.calls[before:] if call not in ("files.list", "files.read")] == []
    assert after.calls[before:].count("files.read") == 1


def test_a_row_that_knows_less_than_its_file_holds_is_not_kept_for_it() -> None:
    """An entry is in the file a moment before the state knows of it; a kill in that moment must not hide it."""
    world = fake_world(seed=4)

    async def main() -> None:
        store = store_of(world)
        world.files.make_folder("/h/state")
        store.prepare()
        log = store.open(await talk(world, store, 1))
        path = f"{log.folder}/log.jsonl"
        line, _ = encode_line(log.state.seq + 1, 2000, Notice(code="n", text="x"), log.head().crc.encode())
        world.files.open_append(path).append(line)
        store.keep_head(log.session, log.head())

    world.run(main())
    assert [row.seq for row in listed(world)] == [6]


def test_what_happens_while_the_logs_are_asked_is_not_forgotten_for_what_they_said_before() -> None:
    world = HOME.restart()
    world.files.remove(LISTING)
    tasks = Tasks(lambda _name, fault: None)
    sound = [row for row in TRUTH if row.problem is None and not row.archived]
    gone, renamed = sound[0], sound[1]  # the newest, which are asked first

    async def main() -> list[Listed]:
        store = store_of(world)
        store.prepare()
        asking = tasks.start("asking", store.look_through())
        for _ in range(6):
            await world.clock.sleep(0)
        assert not asking.done()
        await store.remove(gone.id)
        log = store.open(renamed.id)
        await log.append([Changed(actor=PERSON, title="new")], world.clock.now_ms())
        store.keep_head(log.session, log.head())
        log.close()
        store.release(log)
        await asking
        return list(store.listed())

    rows = {row.id: row for row in world.run(main())}
    assert set(rows) == {row.id for row in TRUTH} - {gone.id}
    assert rows[renamed.id].title == "new"
    assert {row.id: row for row in listed(world)} == rows


def test_a_disk_that_takes_nothing_does_not_keep_the_list_from_anybody() -> None:
    world = HOME.restart()
    world.files.remove(LISTING)
    world.files.disk.read_only = True
    assert listed(world) == TRUTH
    world = HOME.restart()
    world.files.disk.forbidden.add(LISTING)
    assert listed(world) == TRUTH


def test_the_file_does_not_grow_without_end() -> None:
    world = fake_world(seed=4)

    async def main() -> None:
        store = store_of(world)
        world.files.make_folder("/h/state")
        store.prepare()
        row = replace(listed_row(store, await talk(world, store, 1)))
        for number in range(5000):
            store.noted(replace(row, title=f"title {number}"))

    world.run(main())
    assert len(world.files.read(LISTING).split(b"\n")) < 2100


def listed_row(store: SessionStore, session: str) -> Listed:
    return next(row for row in store.listed() if row.id == session)
