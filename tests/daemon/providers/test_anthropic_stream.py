"""The answer half of Anthropic Messages, beside the recorded streams: what other servers of the format send."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentd.providers.anthropic_stream import MessagesStream
from agentd.providers.base import Ended, Failure, ModelEvent, TextPiece, ThinkingPiece, ToolUse, Usage
from agentproto.content import ProviderPart
from support.fake_model_server import event
from support.model_dialects import named


def read(data: bytes) -> list[ModelEvent]:
    stream = MessagesStream("a.host")
    return [*stream.feed(data), *stream.end()]


def block(index: int, begun: dict[str, object], *deltas: dict[str, object], stop: bool = True) -> bytes:
    parts = [named("content_block_start", index=index, content_block=begun)]
    parts += [named("content_block_delta", index=index, delta=delta) for delta in deltas]
    return b"".join(parts) + (named("content_block_stop", index=index) if stop else b"")


def use(name: str, *pieces: str, **more: object) -> bytes:
    begun = {"type": "tool_use", "id": "toolu_1", "name": name, "input": {}, **more}
    return block(0, begun, *({"type": "input_json_delta", "partial_json": piece} for piece in pieces))


def ending(stop: str | None, **usage: int) -> bytes:
    return named("message_delta", delta={"stop_reason": stop}, usage=usage) + named("message_stop")


TEXT = block(0, {"type": "text", "text": ""}, {"type": "text_delta", "text": "x"})


@pytest.mark.parametrize(
    ("reason", "stop"),
    [
        ("end_turn", "end"),
        ("max_tokens", "length"),
        ("stop_sequence", "end"),
        ("refusal", "refused"),
        ("pause_turn", "end"),
        ("model_context_window_exceeded", "length"),
        ("tool_use", "end"),
        ("of_tomorrow", "end"),
        (None, "end"),
    ],
)
def test_stop_reasons(reason: str | None, stop: str) -> None:
    assert read(TEXT + ending(reason, output_tokens=3))[-1] == Ended(stop, Usage(output=3))  # type: ignore[arg-type]


def test_a_call_that_was_cut_off_keeps_its_raw_beginning() -> None:
    assert read(use("read", '{"path": "a')[: -len(named("content_block_stop", index=0))] + ending("max_tokens")) == [
        ToolUse("toolu_1", "read", None, '{"path": "a'),
        Ended("length", Usage(output=4, estimated=True)),
    ]


def test_a_call_whose_input_comes_whole_and_one_that_ends_its_turn_wrongly() -> None:
    assert read(use("read", input={"path": "é"}) + ending("end_turn", output_tokens=1)) == [
        ToolUse("toolu_1", "read", {"path": "é"}, '{"path":"é"}'),
        Ended("tool_use", Usage(output=1)),
    ]


def test_blocks_that_begin_with_their_words() -> None:
    data = block(0, {"type": "thinking", "thinking": "hm", "signature": "Eq="}) + block(
        1, {"type": "text", "text": "so"}
    )
    kept = {"host": "a.host", "block": {"type": "thinking", "thinking": "hm", "signature": "Eq="}}
    assert read(data + ending("end_turn"))[:-1] == [
        ThinkingPiece("hm"),
        ThinkingPiece("", ProviderPart("anthropic", kept)),
        TextPiece("so"),
    ]


def test_thinking_without_a_signature_is_shown_and_not_kept() -> None:
    data = block(0, {"type": "thinking", "thinking": ""}, {"type": "thinking_delta", "thinking": "hm"})
    assert read(data + ending("end_turn"))[:-1] == [ThinkingPiece("hm")]


def test_blocks_and_deltas_of_tomorrow_are_passed_by() -> None:
    data = block(0, {"type": "server_tool_use", "id": "s", "name": "search"}, {"type": "input_json_delta"})
    data += block(1, {"type": "text", "text": "x"}, {"type": "citations_delta", "citation": {}})
    assert read(data + b"data: [DONE]\n\n" + ending("end_turn", output_tokens=1)) == [
        TextPiece("x"),
        Ended("end", Usage(output=1)),
    ]


def test_the_counters_are_sums_so_far() -> None:
    start = {"input_tokens": 3, "cache_read_input_tokens": 10, "cache_creation_input_tokens": 5, "output_tokens": 1}
    data = named("message_start", message={"usage": start}) + TEXT
    assert read(data + ending("end_turn", output_tokens=8, input_tokens=0))[-1] == Ended(
        "end", Usage(input=18, output=8, cached=10, cache_written=5)
    )


def test_a_server_that_tells_no_usage_is_estimated() -> None:
    assert read(TEXT + ending("end_turn"))[-1] == Ended("end", Usage(output=1, estimated=True))


def test_a_stream_without_its_last_event_is_whole_when_it_said_why_it_stopped() -> None:
    data = TEXT + named("message_delta", delta={"stop_reason": "end_turn"}, usage={"output_tokens": 1})
    assert read(data)[-1] == Ended("end", Usage(output=1))


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "without a word"),
        (named("ping"), "without a word"),
        (named("message_start", message={}) + named("message_stop"), "without a word"),
        (TEXT, "before its answer was complete"),
        (use("read", "{}"), "before its answer was complete"),
    ],
)
def test_a_stream_that_ends_too_early_is_broken(data: bytes, words: str) -> None:
    assert read(data)[-1] == Failure("broken_stream", f"the server ended the stream {words}")


def test_a_server_that_does_not_stream_is_read_all_the_same() -> None:
    content = [{"type": "text", "text": "Hello"}, {"type": "tool_use", "id": "t", "name": "ls", "input": {}}]
    usage = {"input_tokens": 3, "output_tokens": 4}
    answer = {"type": "message", "content": content, "stop_reason": "tool_use", "usage": usage}
    assert read(json.dumps(answer).encode()) == [
        TextPiece("Hello"),
        ToolUse("t", "ls", {}, ""),
        Ended("tool_use", Usage(input=3, output=4)),
    ]


@pytest.mark.parametrize(
    ("kind", "found"),
    [
        ("overloaded_error", "overloaded"),
        ("rate_limit_error", "rate_limited"),
        ("api_error", "overloaded"),
        ("timeout_error", "network"),
        ("invalid_request_error", "bad_request"),
        ("authentication_error", "auth"),
        ("billing_error", "auth"),
        ("not_found_error", "not_found"),
        ("request_too_large", "overflow"),
    ],
)
def test_an_error_inside_a_200_is_classified(kind: str, found: str) -> None:
    error = {"type": "error", "error": {"type": kind, "message": "no"}}
    for data in (TEXT + named("error", error=error["error"]), event(error), json.dumps(error).encode()):
        last = read(data)[-1]
        assert isinstance(last, Failure)
        assert last.kind == found


def test_calls_and_blocks_without_end_are_stopped() -> None:
    assert read(use("a") * 200)[-1] == Failure("broken_stream", "the model asked for more than 128 tools at once")
    begun = b"".join(named("content_block_start", index=n, content_block={"type": "text"}) for n in range(1_100))
    assert read(begun)[-1] == Failure("broken_stream", "the answer has more than 1024 unfinished blocks")


KEYS = st.sampled_from(["type", "index", "text", "thinking", "signature", "name", "input", "usage", "input_tokens"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=3) | st.sampled_from(["thinking", "tool_use"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=6,
)
TYPES = st.sampled_from(
    ["message_start", "content_block_start", "content_block_delta", "content_block_stop", "message_delta", "x"]
)


@given(st.lists(st.tuples(TYPES, st.sampled_from(["message", "content_block", "delta", "usage", "index"]), JSON)))
def test_nothing_that_a_server_sends_raises(parts: list[tuple[str, str, object]]) -> None:
    events = read(b"".join(named(kind, **{field: value}) for kind, field, value in parts) + named("message_stop"))
    assert isinstance(events[-1], Ended | Failure)
    assert not any(isinstance(one, Ended | Failure) for one in events[:-1])
