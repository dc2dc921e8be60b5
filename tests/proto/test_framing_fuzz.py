"""Damaged golden frames: whatever arrives, nothing but RemoteProtocolError comes of it, and no link changes by it.

The seed is in the test's name and in a failure's words; the same seed gives the same damage.
"""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Sequence

import pytest

from agentproto.envelope import Kind
from agentproto.errors import RemoteProtocolError
from agentproto.framing import from_frames
from agentproto.link import Happened, Link, Replied, Requested
from agentproto.shape import request, typed
from agentproto.table import EVENTS, METHODS
from agentproto.testing import LinkPair
from golden.frames.regenerate import FOLDER

GOLDEN = [
    [bytes.fromhex(frame) for frame in json.loads(path.read_text(encoding="utf-8"))["frames"]]
    for path in sorted(FOLDER.glob("*.json"))
]
TAGS = bytes([0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, *range(0xC0, 0xE0), 0xFF, 0x7F])
LENGTHS = [b"\x00", b"\xff\xff", b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\x00\x00\x00\x01"]


def damaged(chance: random.Random) -> list[bytes]:
    """One golden message with one to four faults."""
    frames = list(chance.choice(GOLDEN))
    for _ in range(chance.randint(1, 4)):
        if chance.random() < 0.1:
            _shuffle(chance, frames)
        elif frames:
            where = chance.randrange(len(frames))
            frames[where] = _spoilt(chance, frames[where])
    return frames


def _shuffle(chance: random.Random, frames: list[bytes]) -> None:
    match chance.randrange(4):
        case 0 if frames:
            frames.pop(chance.randrange(len(frames)))
        case 1 if frames:
            frames.append(chance.choice(frames))
        case 2:
            frames += [b"blob"] * chance.randrange(20)
        case _:
            chance.shuffle(frames)


def _spoilt(chance: random.Random, frame: bytes) -> bytes:
    at = chance.randrange(len(frame) + 1)
    other = chance.choice(chance.choice(GOLDEN))
    match chance.randrange(9):
        case 0:
            return frame[:at]
        case 1:
            return frame[:at] + bytes([chance.randrange(256)]) + frame[at + 1 :]
        case 2:
            return frame[:at] + bytes([chance.choice(TAGS)]) + frame[at + 1 :]
        case 3:
            return frame[:at] + bytes([chance.choice(TAGS)]) + chance.choice(LENGTHS) + frame[at:]
        case 4:
            return frame[:at] + chance.choice(LENGTHS) + frame[at:]
        case 5:
            return frame[:at] + frame[at + chance.randrange(1, 9) :]
        case 6:
            return frame[:at] + other[chance.randrange(len(other) + 1) :]
        case 7:
            return frame[:at] + frame[at:] * chance.randrange(2, 5)
        case _:
            return frame + chance.randbytes(chance.randrange(1, 9))


def state_of(link: Link) -> dict[str, object]:
    return copy.deepcopy(vars(link))


def understood(frames: Sequence[bytes]) -> str:
    """What the two borders make of the frames: a kind's name, or `refused`."""
    try:
        message = from_frames(frames)
        if message.kind is Kind.REQUEST and message.name in METHODS:
            request(message.body, METHODS[message.name].params)
        elif message.kind is Kind.EVENT and message.name in EVENTS:
            typed(message.body, EVENTS[message.name].body)
    except RemoteProtocolError:
        return "refused"
    return message.kind.name


def fed(pair: LinkPair, frames: Sequence[bytes]) -> str:
    """What two open links make of the frames; a link that refuses must be as it was."""
    outcome = "refused"
    for link in (pair.client, pair.daemon):
        before = state_of(link)
        try:
            event = link.receive(frames, pair.now_ms)
        except RemoteProtocolError:
            assert state_of(link) == before
            continue
        outcome = type(event).__name__
        assert not isinstance(event, Requested | Replied | Happened) or isinstance(event.body, dict)
    return outcome


def run(seed: int, rounds: int) -> dict[str, int]:
    chance = random.Random(seed)
    outcomes: dict[str, int] = {}
    pair = LinkPair()
    for number in range(rounds):
        if number % 50 == 0:
            pair = LinkPair()
            pair.greet()
            for _ in range(7):
                pair.client.request("session.list", {})
        frames = damaged(chance)
        try:
            for outcome in (understood(frames), fed(pair, frames)):
                outcomes[outcome] = outcomes.get(outcome, 0) + 1
        except Exception as fault:
            fault.add_note(f"seed {seed}, round {number}: {[frame.hex() for frame in frames]}")
            raise
    return outcomes


@pytest.mark.parametrize("seed", [1, 2, 3, 4])
def test_five_thousand_damaged_messages_raise_nothing_else(seed: int) -> None:
    outcomes = run(seed, 5_000)
    # The damage is mild enough for some to pass and hard enough for most to fail: else this would show nothing.
    assert outcomes["refused"] > 5_000
    assert {"REQUEST", "REPLY", "EVENT", "Requested", "Happened"} <= outcomes.keys()


@pytest.mark.full
@pytest.mark.parametrize("seed", range(100, 120))
def test_a_million_damaged_messages_raise_nothing_else(seed: int) -> None:
    assert run(seed, 50_000)["refused"] > 50_000
