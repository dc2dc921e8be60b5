"""Readers that are slow, that ask twice, that catch up with large things: nothing lost, nothing twice, no going round."""

from __future__ import annotations

from collections.abc import Sequence

from agentd.server.outbox import Outbox
from agentd.server.streams import Numbered, Streams
from agentproto.api.daemon import HappenedEvent
from agentproto.api.turn import DeltaEvent
from agentproto.codec import decode_map
from agentproto.limits import Limits


class Log:
    def __init__(self, size: int = 1) -> None:
        self.rows: list[Numbered] = []
        self.size = size

    def grow(self) -> Numbered:
        seq = len(self.rows) + 1
        body = HappenedEvent("s", seq, 1, "daemon", "x", "y" * self.size)
        self.rows.append(Numbered(seq, "daemon.happened", body))
        return self.rows[-1]

    def after(self, stream: str, seq: int, limit: int) -> Sequence[Numbered]:
        return self.rows[seq : seq + limit]

    def head(self, stream: str) -> int:
        return len(self.rows)

    def live(self, stream: str) -> DeltaEvent | None:
        return None


class Reader:
    def __init__(self, outbox: Outbox | None = None) -> None:
        self.outbox = Outbox() if outbox is None else outbox

    def wake(self) -> None:
        return

    def take(self) -> tuple[str, int]:
        name, body = self.outbox.pop()
        return name, int(str(decode_map(body)["resume_after" if name == "log.gap" else "seq"]))

    def take_all(self) -> list[tuple[str, int]]:
        return [self.take() for _ in range(len(self.outbox))]


def overrun() -> tuple[Log, Reader, Streams]:
    log, reader = Log(), Reader(Outbox(Limits(queue_events=300)))
    streams = Streams(log, lambda: 0)
    streams.subscribe(reader, "s", 0)
    streams.catch_up(reader)
    for _ in range(700):
        streams.publish("s", log.grow())
    return log, reader, streams


def test_nothing_comes_after_a_gap() -> None:
    _, reader, _ = overrun()
    assert reader.take_all() == [("log.gap", 0)]


def test_who_subscribes_again_at_once_after_a_gap_gets_the_rest_and_stays() -> None:
    log, reader, streams = overrun()
    _, resume_after = reader.take()
    streams.subscribe(reader, "s", resume_after)
    got: list[int] = []
    for _ in range(20):
        streams.forget_cut_off(reader)
        streams.catch_up(reader)
        got += [seq for _, seq in reader.take_all()]
    streams.publish("s", log.grow())
    got += [seq for _, seq in reader.take_all()]
    assert got == list(range(1, 702))


def test_lines_that_are_large_together_are_caught_up_with_in_portions() -> None:
    log, reader = Log(size=100_000), Reader()
    for _ in range(200):
        log.grow()
    streams = Streams(log, lambda: 0)
    streams.subscribe(reader, "s", 0)
    got: list[tuple[str, int]] = []
    for _ in range(50):
        streams.catch_up(reader)
        got += reader.take_all()
    assert got == [("daemon.happened", seq) for seq in range(1, 201)]


def test_subscribing_again_doubles_nothing_that_still_waits() -> None:
    log, reader = Log(), Reader()
    streams = Streams(log, lambda: 0)
    streams.subscribe(reader, "s", 0)
    streams.catch_up(reader)
    for _ in range(3):
        streams.publish("s", log.grow())
    streams.subscribe(reader, "s", 0)
    streams.catch_up(reader)
    assert [seq for _, seq in reader.take_all()] == [1, 2, 3]
