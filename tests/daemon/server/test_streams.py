"""Subscriptions: from any number, first from the log, then live; no gap and no doubling, whatever comes between."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from agentd.server.outbox import Outbox
from agentd.server.streams import CATCH_UP, Numbered, Streams
from agentproto.api.daemon import HappenedEvent
from agentproto.api.turn import DeltaEvent
from agentproto.codec import decode_map


def row(seq: int) -> Numbered:
    if seq % 5 == 0:
        return Numbered(seq, "", None)
    return Numbered(seq, "daemon.happened", HappenedEvent("s", seq, 1, "daemon", "x", "y"))


class Log:
    def __init__(self) -> None:
        self.rows: list[Numbered] = []
        self.item: DeltaEvent | None = None

    def grow(self) -> Numbered:
        self.rows.append(row(len(self.rows) + 1))
        return self.rows[-1]

    def after(self, stream: str, seq: int, limit: int) -> Sequence[Numbered]:
        return self.rows[seq : seq + limit]

    def head(self, stream: str) -> int:
        return len(self.rows)

    def live(self, stream: str) -> DeltaEvent | None:
        return self.item


class Reader:
    def __init__(self) -> None:
        self.outbox = Outbox()
        self.woken = 0
        self.got: list[int] = []
        self.names: list[str] = []

    def wake(self) -> None:
        self.woken += 1

    def take(self, count: int) -> None:
        for _ in range(min(count, len(self.outbox))):
            name, body = self.outbox.pop()
            self.names.append(name)
            if name == "daemon.happened":
                self.got.append(int(str(decode_map(body)["seq"])))


def numbers(first: int, last: int) -> list[int]:
    return [seq for seq in range(first, last + 1) if seq % 5]


@given(
    st.integers(0, 400),
    st.integers(0, 420),
    st.lists(st.one_of(st.just("publish"), st.integers(1, 60)), max_size=120),
)
def test_a_reader_gets_everything_after_its_number_once(before: int, after_seq: int, steps: list[str | int]) -> None:
    log, reader = Log(), Reader()
    for _ in range(before):
        log.grow()
    streams = Streams(log, lambda: 0)
    head = streams.subscribe(reader, "s", after_seq)
    assert head == before
    for step in steps:
        if step == "publish":
            streams.publish("s", log.grow())
        else:
            streams.catch_up(reader)
            reader.take(int(step))
    for _ in range(20):
        streams.catch_up(reader)
        reader.take(1000)
    assert reader.got == numbers(min(after_seq, before) + 1, len(log.rows))


def test_from_now_on_means_nothing_of_before() -> None:
    log, reader = Log(), Reader()
    for _ in range(7):
        log.grow()
    streams = Streams(log, lambda: 0)
    streams.subscribe(reader, "s", -1)
    streams.catch_up(reader)
    streams.publish("s", log.grow())
    reader.take(10)
    assert reader.got == [8]


def test_a_late_reader_gets_the_streaming_item_so_far_and_then_its_deltas() -> None:
    log, reader = Log(), Reader()
    log.grow()
    log.item = DeltaEvent("s", 1, "t", "i", "text", 0, "half a ")
    streams = Streams(log, lambda: 0)
    streams.subscribe(reader, "s", 0)
    streams.delta(DeltaEvent("s", 0, "t", "i", "text", 5, "lost while behind"))
    streams.catch_up(reader)
    streams.delta(DeltaEvent("s", 0, "t", "i", "text", 7, "sentence"))
    reader.take(1)
    name, body = reader.outbox.pop()
    assert (name, decode_map(body)["text"], decode_map(body)["seq"]) == ("turn.delta", "half a sentence", 1)


def test_only_so_much_is_read_ahead_for_one_reader() -> None:
    log, reader = Log(), Reader()
    for _ in range(1000):
        log.grow()
    streams = Streams(log, lambda: 0)
    streams.subscribe(reader, "s", 0)
    for _ in range(10):
        streams.catch_up(reader)
    assert len(reader.outbox) < 2 * CATCH_UP


def test_a_reader_that_left_gets_nothing_and_its_lonely_streams_are_told() -> None:
    log, one, two = Log(), Reader(), Reader()
    streams = Streams(log, lambda: 0)
    streams.subscribe(one, "s", -1)
    streams.subscribe(two, "s", -1)
    streams.subscribe(one, "other", -1)
    assert streams.wanted() == {"s", "other"}
    assert streams.leave(one) == ["other"]
    assert streams.leave(two) == ["s"]
    streams.publish("s", log.grow())
    assert (len(one.outbox), len(two.outbox), streams.wanted()) == (0, 0, frozenset())


def test_a_session_that_takes_no_more_tells_everybody_who_waits() -> None:
    log, reader = Log(), Reader()
    streams = Streams(log, lambda: 9)
    streams.subscribe(reader, "s", -1)
    streams.stopped("s", "no space")
    name, body = reader.outbox.pop()
    assert name == "session.notice"
    assert decode_map(body) == {
        "stream": "s",
        "seq": 0,
        "at_ms": 9,
        "code": "read_only",
        "text": "this session takes no more entries: no space",
    }
