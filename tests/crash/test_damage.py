"""Damage to what is on the disk: every cut and any flipped bit is found, what lies before it is kept, nobody else suffers.

`make test` flips 5,000 bits of a log, `make test-full` 100,000. Opening a log never raises: what is wrong with it is
said by the log (`problem`, `torn`, `head_missing`), and the valid prefix is there to be read.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
import pytest

from agentd.chain.frame import Line
from agentd.errors import AgentdError, NotFoundError
from agentd.session.entries import Changed, Entry
from agentd.session.log import LOG_FILE, SessionLog
from agentd.session.requests import Accepted, RequestRecord
from agentd.session.store import SessionStore
from agentd.turn.intake import NewTurn
from agentd.world.fake import FakeWorld, fake_world
from crash.stories import STORIES, Story, Told, a_world, tell
from support.household import PERSON, Household, ask
from support.machine_play import opened

STORY, LONG_STORY = (story for story in STORIES if story.name in ("shell, approved", "two shells and a read"))
SECTOR = 512


@dataclass
class Recorded:
    """A home after the story was told: where the log lies, its bytes and its entries."""

    world: FakeWorld
    session: str
    folder: str
    data: bytes
    lines: Sequence[Line[Entry]]

    @property
    def path(self) -> str:
        return f"{self.folder}/{LOG_FILE}"

    def whole_before(self, place: int) -> int:
        """How many lines end before the byte `place`."""
        return self.data[:place].count(b"\n")


def recorded(story: Story = STORY) -> Recorded:
    world, told = a_world(story), Told()
    world.run(tell(world, story, told))
    world = world.restart()
    store = SessionStore(world, "/home/data", "/home/state")
    log = store.open(told.session)
    folder = store.folder(told.session)
    data = world.files.read(f"{folder}/{LOG_FILE}")
    return Recorded(world, told.session, folder, data, log.lines_after(0, 1_000))


@pytest.mark.parametrize(
    "story", [STORY, pytest.param(LONG_STORY, marks=pytest.mark.full)], ids=lambda story: story.name
)
def test_after_a_cut_at_any_byte_the_whole_lines_are_there_and_the_rest_is_kept_beside(story: Story) -> None:
    home = recorded(story)
    for cut in range(len(home.data) + 1):
        home.world.files.add_file(home.path, home.data[:cut])
        log = SessionLog.open(home.world, home.folder)
        whole = home.whole_before(cut)
        end = home.lines[whole - 1].offset + home.lines[whole - 1].length if whole else 0
        assert (log.problem, log.state.seq, log.size) == (None, whole, end), cut
        assert log.torn[0] == cut - end, cut
        if log.torn[0]:
            assert home.world.files.read(f"{home.folder}/{log.torn[1]}") == home.data[end:cut], cut
            home.world.files.remove(f"{home.folder}/{log.torn[1]}")
        assert home.world.files.read(home.path) == home.data[:end], cut
        log.close()


@pytest.mark.parametrize("flips", [5_000, pytest.param(100_000, marks=[pytest.mark.full, pytest.mark.timeout(1_200)])])
def test_a_flipped_bit_is_found_and_what_lies_before_it_is_kept(flips: int) -> None:
    home, chance = recorded(LONG_STORY), random.Random(flips)
    for _ in range(flips):
        place, bit = chance.randrange(len(home.data)), chance.randrange(8)
        bad = bytearray(home.data)
        bad[place] ^= 1 << bit
        home.world.files.add_file(home.path, bytes(bad))
        log = SessionLog.open(home.world, home.folder, writable=False)
        whole = home.whole_before(place)
        said = f"bit {bit} of byte {place}"
        assert log.state.seq == whole, said
        # The last line's own newline is the one byte whose loss makes a torn tail of it.
        assert log.problem is not None or place == len(home.data) - 1, said
        assert log.lines_after(0, 1_000) == home.lines[:whole], said
        log.close()


@pytest.mark.parametrize("rounds", [1_000, pytest.param(100_000, marks=[pytest.mark.full, pytest.mark.timeout(1_200)])])
def test_a_log_of_damaged_pieces_opens_as_some_prefix_of_itself(rounds: int) -> None:
    """Fuzz: bytes cut out, doubled, exchanged, overwritten with garbage, and other lines put in."""
    home, chance = recorded(LONG_STORY), random.Random(rounds)
    for number in range(rounds):
        bad = bytearray(home.data)
        for _ in range(chance.randint(1, 3)):
            spoil(bad, chance)
        home.world.files.add_file(home.path, bytes(bad))
        log = SessionLog.open(home.world, home.folder, writable=False)
        found = log.lines_after(0, 1_000)
        assert found == list(home.lines[: len(found)]), f"round {number}"
        same = next((n for n, (a, b) in enumerate(zip(bad, home.data, strict=False)) if a != b), len(home.data))
        assert len(found) >= home.whole_before(min(same, len(bad))), f"round {number}"
        log.close()


def spoil(data: bytearray, chance: random.Random) -> None:
    at = chance.randrange(len(data) + 1)
    size = chance.choice((1, 2, 16, 300, 5_000))
    match chance.randrange(6):
        case 0:
            del data[at : at + size]
        case 1:
            data[at:at] = data[at : at + size]
        case 2:
            data[at : at + size] = chance.randbytes(min(size, len(data) - at))
        case 3:
            data[at : at + size] = bytes(min(size, len(data) - at))
        case 4:
            data[at:at] = b"\n" * chance.randint(1, 3)
        case _:
            other = chance.randrange(len(data) + 1)
            data[at:at] = data[other : other + size]


def spoiled_homes(count: int) -> list[tuple[str, bytes]]:
    """Damaged logs, with words for each."""
    home, chance = recorded(), random.Random(count)
    found: list[tuple[str, bytes]] = []
    for _ in range(count):
        bad, place = bytearray(home.data), chance.randrange(len(home.data))
        if chance.random() < 0.5:
            bad[place] ^= 1 << chance.randrange(8)
            found.append((f"a bit of byte {place}", bytes(bad)))
        else:
            found.append((f"cut at {place}", bytes(bad[:place])))
    return found


@pytest.mark.parametrize("count", [30, pytest.param(2_000, marks=[pytest.mark.full, pytest.mark.timeout(1_200)])])
def test_beside_a_damaged_session_every_other_one_works(count: int) -> None:
    for words, data in spoiled_homes(count):
        home = recorded_open()
        home.world.files.add_file(home.path, data)
        house = Household(home.world, ["fine"], sends=True)
        ends = home.world.run(a_turn_in_another_and_in(house, home.session))
        assert not house.faults, (words, house.faults)
        assert ends[0] == "end", words
        assert ends[1] in ("end", "it takes nothing more, and says so"), words


async def a_turn_in_another_and_in(house: Household, spoiled: str) -> list[str]:
    """How a new session's turn ends, and then one of the damaged session."""
    await house.start()
    house.store.listed()
    found = [await end_of(house, await ask(house, "and you?", "k9"))]
    try:
        await house.sessions.start(spoiled, "k10", "h", NewTurn("still there?"), PERSON)
        found.append(await end_of(house, spoiled))
    except AgentdError:
        found.append("it takes nothing more, and says so")
    await house.sessions.stop()
    return found


async def end_of(house: Household, session: str) -> str:
    runner = await house.sessions.get(session)
    for _ in range(1_000):
        if not runner.busy:
            return str(runner.state.last_stop)
        for question in house.sessions.questions():
            if question.session == session:
                await house.sessions.answer(question.id, f"key-{question.id}", "h", "deny", "once", "no", PERSON)
        await house.world.clock.sleep(10)
    raise AssertionError(f"the turn never ended: {runner.state.turn}")


def recorded_open() -> Recorded:
    """As if the daemon had died in the middle of the story's last turn: the session is marked open."""
    home = recorded()
    SessionStore(home.world, "/home/data", "/home/state").mark_open(home.session)
    return home


# -- the small files beside the logs ----------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(2))
def test_a_head_that_names_a_wrong_checkpoint_is_not_believed(seed: int) -> None:
    world, chance = fake_world(), random.Random(seed)
    world.files.add_folder("/data/s")
    log = SessionLog(world, "/data/s", world.files.open_append(f"/data/s/{LOG_FILE}", create=True))
    changes = [Changed(actor=PERSON, title=f"t{n}", key=f"k{n}", hash="h") for n in range(1_100)]
    asyncio.run(log.append([opened(), *changes], 1))
    checkpoint = log.checkpoint_due()
    assert checkpoint is not None
    asyncio.run(log.append([checkpoint, *changes[:3]], 2))
    head = log.head()
    for _ in range(12):
        wrong = msgspec.structs.replace(
            head,
            checkpoint_offset=chance.choice((head.checkpoint_offset, chance.randrange(-9, 2 * log.size), -1, 2**40)),
            checkpoint_link=chance.choice((head.checkpoint_link, "", "zzzzzzzz", "0" * 8)),
            checkpoint_seq=chance.choice((head.checkpoint_seq, chance.randrange(-3, 5_000))),
        )
        again = SessionLog.open(world, "/data/s", wrong)
        assert (again.problem, again.state) == (None, log.state), wrong
        again.close()


def test_a_changed_blob_is_never_given_out_as_the_one_that_was_kept() -> None:
    home, chance = recorded(), random.Random(4)
    store = SessionStore(home.world, "/home/data", "/home/state")
    digest = store.put_blob(home.session, b"what was cut off" * 40)
    path = f"{home.folder}/blobs/{digest}"
    good = home.world.files.read(path)
    for _ in range(500):
        bad = bytearray(good)
        bad[chance.randrange(len(bad))] ^= 1 << chance.randrange(8)
        home.world.files.add_file(path, bytes(bad[: chance.choice((len(bad), chance.randrange(len(bad))))]))
        with pytest.raises(NotFoundError):
            store.get_blob(home.session, digest)
    home.world.files.remove(path)
    with pytest.raises(NotFoundError):
        store.get_blob(home.session, digest)


def test_the_record_of_requests_keeps_what_was_synced_before_the_hole() -> None:
    world = fake_world()
    world.files.make_folder("/state")
    record = RequestRecord(world, "/state")
    record.load()
    for number in range(8):
        asyncio.run(record.record(Accepted(key=f"k{number}", hash="h" * 64, method="turn.start", made=f"s{number}")))
    path = next(path for path in world.files.paths() if path.startswith("/state/requests"))
    while True:  # until the last line lies in two sectors
        data = world.files.read(path)
        start = data.rindex(b"\n", 0, len(data) - 1) + 1
        if start // SECTOR != (len(data) - 2) // SECTOR:
            break
        asyncio.run(record.record(Accepted(key=f"k{len(data)}", hash="h", method="turn.start", made="s")))
    bad = bytearray(data)
    end = start - start % SECTOR + SECTOR
    bad[start:end] = bytes(end - start)
    world.files.add_file(path, bytes(bad))
    again = RequestRecord(world, "/state")
    again.load()
    found = again.find("k0", "h" * 64)
    assert found is not None
    assert found.made == "s0"
