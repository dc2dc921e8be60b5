"""What a slow client is owed stays bounded, deltas are merged, and a gap says where to go on."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from agentd.server.outbox import Outbox, encode_event
from agentproto.api.log import GapEvent
from agentproto.api.turn import DeltaEvent
from agentproto.codec import decode_map
from agentproto.limits import LIMITS
from agentproto.shape import typed

SMALL = replace(LIMITS, queue_events=8, queue_bytes=4000)


def delta(text: str, offset: int, item: str = "i", stream: str = "s") -> DeltaEvent:
    return DeltaEvent(stream=stream, seq=3, turn="t", item=item, kind="text", offset=offset, text=text)


def read_delta(body: bytes) -> DeltaEvent:
    return typed(decode_map(body), DeltaEvent)


def test_events_leave_in_the_order_they_came() -> None:
    box = Outbox()
    for seq in range(5):
        box.put("x", "s", seq, b"%d" % seq)
    assert [box.pop() for _ in range(5)] == [("x", b"%d" % seq) for seq in range(5)]
    with pytest.raises(IndexError):
        box.pop()


def test_deltas_that_touch_are_joined_while_they_wait() -> None:
    box = Outbox()
    box.put_delta(delta("hä", 0))
    box.put_delta(delta("llo", 3))
    box.put_delta(delta("other", 0, item="j"))
    assert len(box) == 2
    assert read_delta(box.pop()[1]) == delta("hällo", 0)
    assert read_delta(box.pop()[1]) == delta("other", 0, item="j")


def test_deltas_that_do_not_touch_are_not_joined() -> None:
    box = Outbox()
    box.put_delta(delta("a", 0))
    box.put_delta(delta("c", 2))
    assert len(box) == 2


def test_when_it_is_full_deltas_go_first_and_numbered_events_stay() -> None:
    box = Outbox(SMALL)
    for seq in range(8):
        box.put("x", "s", seq, b"n")
    box.put_delta(delta("a", 0))
    assert [box.pop()[0] for _ in range(len(box))] == ["x"] * 8
    assert box.cut_off == []


def test_when_that_is_not_enough_each_stream_gets_one_gap_with_its_number() -> None:
    box = Outbox(SMALL)
    for seq in range(10, 15):
        box.put("x", "s", seq, b"n")
    for seq in range(70, 74):
        box.put("x", "other", seq, b"n")
    events = [box.pop() for _ in range(len(box))]
    assert [(name, typed(decode_map(body), GapEvent)) for name, body in events] == [
        ("log.gap", GapEvent("s", 9)),
        ("log.gap", GapEvent("other", 69)),
    ]
    assert box.cut_off == ["s", "other"]
    assert box.waiting_bytes == 0


def test_one_huge_event_is_a_gap_and_not_memory() -> None:
    box = Outbox(SMALL)
    box.put("x", "s", 5, b"n" * 5000)
    assert [box.pop()[0]] == ["log.gap"]


@given(st.lists(st.tuples(st.sampled_from("abd"), st.integers(0, 600)), max_size=80))
def test_it_never_holds_more_than_its_limits(steps: list[tuple[str, int]]) -> None:
    box = Outbox(SMALL)
    for seq, (kind, size) in enumerate(steps):
        if kind == "d":
            box.put_delta(delta("x" * size, seq * 1000))
        else:
            box.put("x", kind, seq, b"n" * size)
        assert len(box) <= SMALL.queue_events
        assert box.waiting_bytes <= SMALL.queue_bytes + 200
    while len(box):
        box.pop()
    assert box.waiting_bytes == 0


def test_an_event_is_encoded_as_the_codec_reads_it() -> None:
    gap = GapEvent("s", 3)
    assert decode_map(encode_event(gap)) == msgspec.to_builtins(gap)
