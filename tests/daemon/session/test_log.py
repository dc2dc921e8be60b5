"""The log's promises: chain, torn tails, damage, checkpoints, reading from a number."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentd.chain.frame import FIRST_LINK, encode_line
from agentd.errors import DamagedLogError, DiskError, ReadOnlyLogError
from agentd.session.entries import Changed, Checkpoint, Entry, Finished, Notice, Partial
from agentd.session.log import CHECKPOINT_EVERY, LOG_FILE, SessionLog
from agentd.session.state import SessionState
from agentd.world.doors import World
from agentd.world.fake import FakeWorld, fake_world
from agentd.world.faults import Plan
from agentproto.api.turn import TurnUsage
from support.machine_play import PERSON, SESSION, Play, opened, said

FOLDER = "/data/s"


def entries_of_a_turn() -> list[Entry]:
    play = Play([("read", "edit"), "done"]).begin()
    play.feed(said())
    return play.entries


def write(world: World, entries: list[Entry]) -> SessionLog:
    world.files.make_folder(FOLDER)
    handle = world.files.open_append(f"{FOLDER}/{LOG_FILE}", create=True)
    log = SessionLog(world, FOLDER, handle)
    asyncio.run(log.append(entries, 1))
    return log


def bytes_of(entries: list[Entry]) -> bytes:
    data, link = b"", FIRST_LINK
    for seq, entry in enumerate(entries, 1):
        raw, link = encode_line(seq, 1, entry, link)
        data += raw
    return data


def opened_from(data: bytes) -> tuple[FakeWorld, SessionLog]:
    world = fake_world()
    world.files.make_folder(FOLDER)
    world.files.write_atomic(f"{FOLDER}/{LOG_FILE}", data)
    return world, SessionLog.open(world, FOLDER)


def test_what_was_appended_is_read_again_with_the_same_state() -> None:
    world = fake_world()
    entries = entries_of_a_turn()
    log = write(world, entries)
    again = SessionLog.open(world, FOLDER)
    assert again.state == log.state
    assert [line.entry for line in again.lines_after(0, 100)] == entries
    assert again.problem is None


def test_the_file_is_what_the_page_says() -> None:
    world = fake_world()
    write(world, [opened(), Notice(code="x", text="y")])
    data = world.files.read(f"{FOLDER}/{LOG_FILE}")
    assert data == bytes_of([opened(), Notice(code="x", text="y")])
    assert data.splitlines()[1].startswith(b'{"seq":2,"at_ms":1,"type":"notice","code":"x","text":"y","crc":"')


def test_a_cut_inside_the_last_line_is_cut_off_and_kept() -> None:
    data = bytes_of([opened(), Notice(code="x", text="y")])
    first = len(bytes_of([opened()]))
    for cut in range(first + 1, len(data)):
        world, log = opened_from(data[:cut])
        assert (log.problem, log.state.seq) == (None, 1), cut
        size, name = log.torn
        assert size == cut - first
        assert world.files.read(f"{FOLDER}/{name}") == data[first:cut]
        assert world.files.read(f"{FOLDER}/{LOG_FILE}") == data[:first]
        again = SessionLog.open(world, FOLDER)
        assert (again.torn, again.state.seq) == ((0, ""), 1)


def test_a_cut_at_a_line_s_end_is_found_by_the_head() -> None:
    world = fake_world()
    log = write(world, [opened(), Notice(code="x", text="y")])
    head = log.head()
    world.files.write_atomic(f"{FOLDER}/{LOG_FILE}", bytes_of([opened()]))
    assert SessionLog.open(world, FOLDER, head).head_missing == 1


@settings(max_examples=400)
@given(st.data())
def test_any_flipped_bit_is_found_and_the_prefix_kept(data: st.DataObject) -> None:
    entries = entries_of_a_turn()
    good = bytes_of(entries)
    place = data.draw(st.integers(0, len(good) - 1))
    bad = bytearray(good)
    bad[place] ^= 1 << data.draw(st.integers(0, 7))
    _, log = opened_from(bytes(bad))
    line = good[:place].count(b"\n")
    assert log.state.seq == line
    assert log.problem is not None or log.torn[0] > 0
    assert [row.entry for row in log.lines_after(0, 1000)] == entries[:line]


def test_lines_that_are_missing_doubled_or_exchanged_are_found() -> None:
    lines = bytes_of(entries_of_a_turn()).splitlines(keepends=True)
    for changed in (
        [lines[0], *lines[2:]],
        [lines[0], lines[1], lines[1], *lines[2:]],
        [lines[0], lines[2], lines[1], *lines[3:]],
    ):
        _, log = opened_from(b"".join(changed))
        assert log.problem is not None


def test_a_damaged_log_is_read_only() -> None:
    data = bytearray(bytes_of(entries_of_a_turn()))
    data[len(data) // 2] ^= 1
    world, log = opened_from(bytes(data))
    before = world.files.read(f"{FOLDER}/{LOG_FILE}")
    with pytest.raises(DamagedLogError, match=f"session {SESSION} takes no more entries"):
        asyncio.run(log.append([Notice(code="x", text="y")], 2))
    assert world.files.read(f"{FOLDER}/{LOG_FILE}") == before


def test_garbage_that_is_no_log_at_all_opens_as_nothing() -> None:
    _, log = opened_from(b"\x00\xff garbage\n more \n")
    assert (log.state, log.problem is None) == (SessionState(), False)


def test_after_a_failed_write_or_sync_nothing_more_is_taken() -> None:
    calls = fake_world()
    write(calls, [opened()])
    for number in (len(calls.calls) - 1, len(calls.calls)):
        world = fake_world(plan=Plan({number: "EIO"}))
        world.files.make_folder(FOLDER)
        log = SessionLog(world, FOLDER, world.files.open_append(f"{FOLDER}/{LOG_FILE}", create=True))
        with pytest.raises(DiskError):
            asyncio.run(log.append([opened()], 1))
        with pytest.raises(ReadOnlyLogError):
            asyncio.run(log.append([opened()], 1))
        assert log.state == SessionState()


def many(count: int) -> list[Entry]:
    rest: list[Entry] = [Changed(actor=PERSON, title=f"t{n}", key=f"k{n}", hash="h") for n in range(count)]
    return [opened(), *rest]


def test_a_checkpoint_is_due_between_turns_and_holds_no_texts() -> None:
    world = fake_world()
    log = write(world, many(10))
    assert log.checkpoint_due() is None
    turn = entries_of_a_turn()[1:]
    asyncio.run(log.append([*many(CHECKPOINT_EVERY)[1:], *turn], 2))
    checkpoint = log.checkpoint_due()
    assert isinstance(checkpoint, Checkpoint)
    assert "do it" not in str(checkpoint.refs)
    assert log.state.turn is None


def test_opening_from_a_checkpoint_gives_the_same_state_and_the_whole_conversation() -> None:
    world = fake_world()
    log = write(world, [*entries_of_a_turn(), *many(CHECKPOINT_EVERY)[1:]])
    for _ in range(2):
        checkpoint = log.checkpoint_due()
        assert checkpoint is not None
        asyncio.run(log.append([checkpoint], 3))
        asyncio.run(log.append([Notice(code=f"n{log.state.seq}", text="later"), *many(CHECKPOINT_EVERY)[1:]], 4))
    again = SessionLog.open(world, FOLDER, log.head())
    assert again.state == log.state
    assert len(list(again.reading_refs())) == 2, "a pause after each checkpoint"
    assert again.all_refs() == log.all_refs()
    assert [line.seq for line in again.lines_after(0, 10_000)] == list(range(1, log.state.seq + 1))
    assert [line.seq for line in again.lines_after(log.state.seq - 3, 2)] == [log.state.seq - 2, log.state.seq - 1]
    for seq in (0, 1, 63, 64, 65, 700, 1500):
        assert [line.seq for line in again.lines_after(seq, 3)] == [seq + 1, seq + 2, seq + 3]


def test_a_long_log_is_opened_in_pieces_and_is_the_same_as_if_it_had_been_opened_at_once() -> None:
    world = fake_world()
    whole = write(world, many(2000))
    work = SessionLog.opening(world, FOLDER)
    pieces = 0
    try:
        while True:
            next(work)
            pieces += 1
    except StopIteration as end:
        log = end.value
    assert (pieces, log.state, log.refs, log.size) == (2001 // 64, whole.state, whole.refs, whole.size)


def test_reading_after_any_number_gives_exactly_the_rest() -> None:
    log = write(fake_world(), many(300))
    for seq in (0, 1, 63, 64, 65, 128, 299, 300, 301, 400):
        assert [line.seq for line in log.lines_after(seq, 1000)] == list(range(seq + 1, 302))
        assert [line.seq for line in log.lines_after(seq, 2)] == list(range(seq + 1, 302))[:2]


def streaming() -> tuple[str, list[Entry]]:
    """A turn, and its entries up to some pieces of its reply."""
    play = Play(["x"], hold=(type(None),)).begin()
    play.feed(said())
    turn = f"{SESSION}.t1"
    entries = [entry for entry in play.entries if not isinstance(entry, Finished)]
    upto = next(i for i, entry in enumerate(entries) if type(entry).__name__ == "Replied")
    pieces: list[Entry] = [
        Partial(turn=turn, item="i", kind="text", offset=0, text="häl"),
        Partial(turn=turn, item="i", kind="text", offset=4, text="f"),
        Partial(turn=turn, item="i", kind="text", offset=5, text=" a"),
    ]
    return turn, [*entries[:upto], *pieces]


def test_streamed_text_is_kept_as_far_as_it_was_written() -> None:
    turn, entries = streaming()
    log = write(fake_world(), entries)
    assert log.kept_text(turn) == {"i": "hälf a"}
    assert log.state.turn is not None
    assert log.state.turn.usage == TurnUsage()


def test_streamed_text_is_found_without_reading_what_lies_before_the_checkpoint() -> None:
    turn, (first, *entries) = streaming()
    world = fake_world()
    log = write(world, [first, *many(CHECKPOINT_EVERY)[1:]])
    checkpoint = log.checkpoint_due()
    assert checkpoint is not None
    asyncio.run(log.append([checkpoint], 2))
    asyncio.run(log.append(entries, 3))
    data = world.files.read(f"{FOLDER}/{LOG_FILE}")
    world.files.write_atomic(f"{FOLDER}/{LOG_FILE}", b"x" * 1000 + data[1000:])
    again = SessionLog.open(world, FOLDER, log.head())
    assert (again.problem, again.lines_after(0, 1)) == (None, [])
    assert again.kept_text(turn) == {"i": "hälf a"}
