"""Fuzz over the real socket: whatever bytes a client with a good key sends, it gets clean errors or silence.

Valid messages are taken apart and put together wrongly, frames are multiplied, shortened and made huge, bodies lie about
their lengths. Meanwhile another client lists sessions: each of its requests is answered, and none waits longer than a
heartbeat. The seed is printed; `make test` sends 3,000 messages, `make test-full` 100,000.
"""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import msgpack
import pytest

from agentclient.keys import new_key
from agentclient.sockets import Dealer
from agentproto.api import session
from agentproto.envelope import Hello, Kind
from agentproto.errors import RemoteProtocolError
from agentproto.framing import MAGIC, from_frames, to_frames
from agentproto.limits import LIMITS
from agentproto.shape import to_plain
from agentproto.table import METHODS
from agentproto.versions import VersionRange
from support.daemon import RealDaemon

HEARTBEAT_MS = 2_000
A_CONVERSATION = 40
"""Messages before the fuzzer comes back as somebody else: one that was muted would be heard no more."""
UNTOUCHED = frozenset({"daemon.stop", "daemon.restart", "config.set"})
"""Asked for rightly, these would end or change the daemon, which is no fault of its."""
NO_SESSION = "s0000000000000000"


@dataclass
class Bystander:
    """Another client, that asks without rest. What it waited for each answer, in ms."""

    daemon: RealDaemon
    waits: list[float] = field(default_factory=list)
    faults: list[BaseException] = field(default_factory=list)
    _over: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def __enter__(self) -> Bystander:
        self._thread = threading.Thread(target=self._ask, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        assert self._thread is not None
        self._thread.join(30)
        assert not self._thread.is_alive(), "the bystander waits for an answer that does not come"

    def _ask(self) -> None:
        try:
            with self.daemon.client("a bystander") as client:
                while not self._over.wait(0.005):
                    begun = time.monotonic()
                    client.call("session.list", session.ListParams(), session.ListResult)
                    self.waits.append((time.monotonic() - begun) * 1_000)
        except BaseException as fault:  # noqa: BLE001 - told to the test after the run
            self.faults.append(fault)


def valid(chance: random.Random) -> list[bytes]:
    """A message that a client may send: requests of every method with plausible fields, and the link's own kinds."""
    kind = chance.choice((Kind.REQUEST,) * 6 + (Kind.CANCEL, Kind.CREDIT, Kind.PING, Kind.HELLO, Kind.EVENT))
    if kind is not Kind.REQUEST:
        return to_frames(kind, chance.randrange(5), "", {"events": chance.randrange(9), "bytes": chance.randrange(99)})
    name = chance.choice(sorted(METHODS.keys() - UNTOUCHED))
    fields: dict[str, object] = {
        "key": new_key(),
        "session": NO_SESSION,
        "stream": NO_SESSION,
        "question": f"{NO_SESSION}.q1",
        "prompt": "x",
        "cwd": "/nowhere",
        "name": "none",
        "limit": 3,
        "call": f"{NO_SESSION}.t1.1.1",
        "decision": "deny",
        "path": "/nowhere/at/all",
        "query": "x",
        "text": "x",
        "after_seq": 0,
        "dry_run": True,
    }
    known = METHODS[name].params.__struct_fields__
    body = {field: value for field, value in fields.items() if field in known or chance.random() < 0.02}
    return to_frames(Kind.REQUEST, chance.randrange(1, 2**31), name, body)


def spoilt(chance: random.Random) -> list[bytes]:
    """What is sent: one valid message with faults, garbage, and now and then a message without any fault."""
    frames = list(valid(chance))
    match chance.randrange(11):
        case 0:
            return [chance.randbytes(chance.randrange(200)) for _ in range(chance.randrange(1, 40))]
        case 1:
            return frames + [b"blob"] * chance.choice((1, 14, 15, 16, 300))
        case 2:
            return [frames[0], b"\x81\xa5limit" + liar(chance)]
        case 3:
            return [frames[0], liar(chance) + frames[1]]
        case 4:
            return [MAGIC + bytes([chance.randrange(256)]) + chance.randbytes(chance.randrange(600)), *frames[1:]]
        case 5:
            return [frames[0], chance.choice((b"\x91", b"\x81\x01")) * chance.choice((10, 100, 60_000)) + b"\xc0"]
        case 6:
            return [frames[0], bytes(msgpack.packb({"prompt": "x" * chance.choice((10**5, 2 * 10**6, 3 * 10**6))}))]
        case 7:
            chance.shuffle(frames)
            return frames
        case 8:
            return frames
        case _:
            for _ in range(chance.randint(1, 4)):
                where = chance.randrange(len(frames))
                frames[where] = bent(chance, frames[where])
            return frames


def liar(chance: random.Random) -> bytes:
    """The head of a msgpack value with a length that is not there."""
    tag = chance.choice((0xC4, 0xC5, 0xC6, 0xC7, 0xC9, 0xD9, 0xDA, 0xDB, 0xDC, 0xDD, 0xDE, 0xDF))
    return bytes([tag]) + chance.choice((b"\x7f\xff\xff\xff", b"\xff\xff\xff\xff", b"\x00\x00\x00\x01"))


def bent(chance: random.Random, frame: bytes) -> bytes:
    at = chance.randrange(len(frame) + 1)
    match chance.randrange(5):
        case 0:
            return frame[:at]
        case 1:
            return frame[:at] + bytes([chance.randrange(256)]) + frame[at + 1 :]
        case 2:
            return frame[:at] + chance.randbytes(chance.randrange(9)) + frame[at:]
        case 3:
            return frame[:at] + frame[at + chance.randrange(1, 5) :]
        case _:
            return frame[:at] + frame[at:] * chance.randrange(2, 4)


def heard(dealer: Dealer, wait_ms: int) -> list[str]:
    """Names of the kinds, and codes of the errors, that came within `wait_ms` of the last."""
    found: list[str] = []
    dealer.wait(wait_ms)
    while (frames := dealer.receive()) is not None:
        message = from_frames(frames)
        found.append(str(message.body["code"]) if message.kind is Kind.ERROR else message.kind.name)
        dealer.wait(1)
    return found


def greeted(daemon: RealDaemon, number: int) -> Dealer:
    dealer = Dealer(daemon.connection)
    hello = Hello("0", VersionRange(1, 1), (), f"cfuzz{number}", "a fuzzer")
    dealer.send(to_frames(Kind.HELLO, 0, "", to_plain(hello)))
    assert "WELCOME" in heard(dealer, 10_000)
    return dealer


@pytest.mark.parametrize(
    "messages", [3_000, pytest.param(100_000, marks=[pytest.mark.full, pytest.mark.timeout(3_000)])]
)
def test_whatever_is_sent_gets_clean_errors_and_nobody_else_waits(daemon: RealDaemon, messages: int) -> None:
    seed = time.time_ns()
    print(f"seed {seed}")
    chance, answers, pid = random.Random(seed), Counter[str](), daemon.pid
    with Bystander(daemon) as bystander:
        for number in range(messages // A_CONVERSATION):
            dealer = greeted(daemon, number)
            try:
                for _ in range(A_CONVERSATION):
                    dealer.send(spoilt(chance))
                answers.update(heard(dealer, 50))
            finally:
                dealer.close()

    print(f"{sum(answers.values())} answers: {answers.most_common()}")
    print(f"{len(bystander.waits)} requests of the bystander, the longest took {max(bystander.waits):.0f} ms")
    assert bystander.faults == []
    assert len(bystander.waits) > 50
    assert max(bystander.waits) < HEARTBEAT_MS
    assert "internal" not in answers
    # The damage is mild enough for some to be understood and hard enough for most to fail: else this shows nothing.
    assert {"bad_frame", "too_large", "bad_input", "unknown_field", "REPLY"} <= answers.keys()
    assert (daemon.answers, daemon.pid) == (True, pid)
    assert "Traceback" not in daemon.log


def test_the_messages_are_damaged_as_they_should_be() -> None:
    chance, understood, refused = random.Random(1), 0, 0
    for _ in range(2_000):
        frames: Sequence[bytes] = spoilt(chance)
        assert sum(map(len, frames)) < LIMITS.frame_bytes
        try:
            from_frames(frames)
        except RemoteProtocolError:
            refused += 1
        else:
            understood += 1
    assert (understood > 200, refused > 800) == (True, True), (understood, refused)
