"""Server-sent events: every cut gives the same events, and httpx-sse, which others wrote, reads them the same way."""

from __future__ import annotations

import httpx
import pytest
from httpx_sse import EventSource
from hypothesis import given
from hypothesis import strategies as st

from agentd.errors import TooLargeError
from agentd.providers.sse import LIMIT, Event, Events


def read(data: bytes, *cuts: int) -> list[Event]:
    events = Events()
    found: list[Event] = []
    for start, end in zip((0, *cuts), (*cuts, len(data)), strict=True):
        found += events.feed(data[start:end])
    return found + list(events.end())


STREAM = (
    "\ufeff: hello\n\nevent: note\r\ndata: Grüße 日本語\r\ndata:  two spaces\r\n\r\n"
    "data\n\nid: 7\nretry: 10\nunknown: x\ndata:{}\r\rdata: 🦜 [DONE]\n\n"
).encode()
EVENTS = [Event("note", "Grüße 日本語\n two spaces"), Event("", ""), Event("", "{}"), Event("", "🦜 [DONE]")]


def test_a_stream_is_read() -> None:
    assert read(STREAM) == EVENTS


def test_a_cut_anywhere_changes_nothing() -> None:
    assert [cut for cut in range(len(STREAM) + 1) if read(STREAM, cut) != EVENTS] == []


def test_single_bytes_change_nothing() -> None:
    assert read(STREAM, *range(1, len(STREAM))) == EVENTS


def test_the_last_event_needs_no_blank_line() -> None:
    assert read(b"data: a\n\ndata: b") == [Event("", "a"), Event("", "b")]


def test_bytes_that_are_no_text_are_replaced() -> None:
    assert read(b"data: a\xff\xfeb\n\n") == [Event("", "a\ufffd\ufffdb")]


LINES = st.sampled_from(
    ["data: x", "data:", "data", ": c", "event: e", "data: é\u2028z", "\x0bdata: y", "foo: bar", ""]
)
ENDS = st.sampled_from(["\n", "\r\n", "\r"])


@given(st.lists(st.tuples(LINES, ENDS), max_size=20), st.lists(st.integers(0, 300), max_size=6))
def test_it_reads_what_httpx_sse_reads(parts: list[tuple[str, str]], cuts: list[int]) -> None:
    data = ("".join(line + end for line, end in parts) + "\n\n").encode()
    response = httpx.Response(200, headers={"content-type": "text/event-stream; charset=utf-8"}, content=data)
    theirs = [Event(one.event.replace("message", ""), one.data) for one in EventSource(response).iter_sse()]
    # they also give events without any data, which the specification drops
    ours = read(data, *sorted(cut for cut in cuts if cut <= len(data)))
    assert [one for one in ours if one.data] == [one for one in theirs if one.data]


@pytest.mark.parametrize("piece", [b"x" * 65_536, b"data: " + b"x" * 65_536 + b"\n"], ids=["one line", "many lines"])
def test_an_event_without_an_end_is_refused(piece: bytes) -> None:
    events = Events()
    with pytest.raises(TooLargeError):
        feed_for_ever(events, piece)


def feed_for_ever(events: Events, piece: bytes) -> None:
    for _ in range(LIMIT // len(piece) + 2):
        assert list(events.feed(piece)) == []
