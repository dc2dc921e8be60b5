"""Streams as the public documentation of each protocol shows them, cut anywhere, give the recorded events.

A folder of `streams/` is a kind; beside each stream lie its events. All are written by hand.
"""

from __future__ import annotations

import itertools
import json
import pathlib
from collections.abc import Callable, Iterable

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentd.providers.anthropic import AnthropicMessages
from agentd.providers.base import Decoder, Ended, Failure, ModelEvent
from agentd.providers.ollama import OllamaChat
from agentd.providers.openai_responses import OpenAIResponses

FOLDER = pathlib.Path(__file__).parent / "streams"
STREAMS = sorted(path for path in FOLDER.glob("*/*") if path.suffix in (".sse", ".ndjson"))

DECODERS: dict[str, Callable[[], Decoder]] = {
    "anthropic": AnthropicMessages("a.host").decoder,
    "ollama": OllamaChat(8_192).decoder,
    "openai-responses": OpenAIResponses("a.host").decoder,
}


def read(kind: str, data: bytes, cuts: Iterable[int] = ()) -> list[ModelEvent]:
    decoder = DECODERS[kind]()
    places = [0, *cuts, len(data)]
    found: list[ModelEvent] = []
    for start, end in itertools.pairwise(places):
        found += decoder.feed(data[start:end])
    return [*found, *decoder.end()]


def plain(event: ModelEvent) -> dict[str, object]:
    return {"event": type(event).__name__, **msgspec.to_builtins(event)}


def test_every_kind_has_streams() -> None:
    assert {path.parent.name for path in STREAMS} == set(DECODERS)


@pytest.mark.parametrize("path", STREAMS, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_a_stream_gives_its_events_wherever_it_is_cut(path: pathlib.Path) -> None:
    kind, data = path.parent.name, path.read_bytes()
    events = read(kind, data)
    assert [plain(event) for event in events] == json.loads(path.with_name(f"{path.stem}.events.json").read_bytes())
    assert [cut for cut in range(len(data) + 1) if read(kind, data, [cut]) != events] == []
    assert read(kind, data, range(len(data))) == events


@pytest.mark.parametrize("path", STREAMS, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_line_ends_do_not_matter(path: pathlib.Path) -> None:
    kind, data = path.parent.name, path.read_bytes()
    other = data.replace(b"\n", b"\r\n")
    assert [cut for cut in range(0, len(other), 7) if read(kind, other, [cut]) != read(kind, data)] == []


@pytest.mark.parametrize("path", STREAMS, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_a_stream_that_breaks_anywhere_never_ends_well_too_early(path: pathlib.Path) -> None:
    """Whatever is missing: the events are a beginning of the whole ones, then a failure, or they are the whole ones."""
    kind, data = path.parent.name, path.read_bytes()
    whole = read(kind, data)
    for size in range(len(data)):
        events = read(kind, data[:size])
        if events != whole:
            assert events[:-1] == whole[: len(events) - 1]
            assert isinstance(events[-1], Failure)


@pytest.mark.parametrize("kind", DECODERS)
@given(st.lists(st.binary(max_size=60) | st.sampled_from([b"data: ", b"\n\n", b"{", b'"type":', b"event: error\n"])))
def test_no_bytes_raise(kind: str, pieces: list[bytes]) -> None:
    decoder = DECODERS[kind]()
    events = [event for piece in pieces for event in decoder.feed(piece)] + list(decoder.end())
    assert isinstance(events[-1], Ended | Failure)
    assert not any(isinstance(one, Ended | Failure) for one in events[:-1])


@pytest.mark.parametrize("path", STREAMS, ids=lambda path: f"{path.parent.name}-{path.stem}")
@given(data=st.data())
def test_no_damage_raises(path: pathlib.Path, data: st.DataObject) -> None:
    whole = path.read_bytes()
    start = data.draw(st.integers(0, len(whole)))
    end = data.draw(st.integers(start, min(len(whole), start + 40)))
    put = data.draw(st.sampled_from([b"", b"\n", b"null", b"[]", b'{"a":1}', b"9" * 400, b'"', b"\xff"]))
    events = read(path.parent.name, whole[:start] + put + whole[end:])
    assert isinstance(events[-1], Ended | Failure)
    assert not any(isinstance(one, Ended | Failure) for one in events[:-1])
