"""The answer half of the codec: what servers send, cut anywhere, becomes the same events."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentd.providers.base import Ended, Failure, ModelEvent, TextPiece, ThinkingPiece, ToolUse, Usage
from agentd.providers.openai_chat_stream import ChatStream
from support.fake_model_server import Reply, calls, chunk, event, say, tool_call

DONE = b"data: [DONE]\n\n"


def bytes_of(reply: Reply) -> bytes:
    return b"".join(part for part in reply.parts if isinstance(part, bytes))


def read(data: bytes, *cuts: int) -> list[ModelEvent]:
    stream = ChatStream()
    found: list[ModelEvent] = []
    for start, end in zip((0, *cuts), (*cuts, len(data)), strict=True):
        found += stream.feed(data[start:end])
    return found + list(stream.end())


def last_of(data: bytes) -> ModelEvent:
    return read(data)[-1]


def test_a_text_with_thinking_and_usage() -> None:
    assert read(bytes_of(say("Grüße, ", "日本🦜", thinking="hm", usage=(12, 3, 8)))) == [
        ThinkingPiece("hm"),
        TextPiece("Grüße, "),
        TextPiece("日本🦜"),
        Ended("end", Usage(input=12, output=3, cached=8)),
    ]


PARALLEL = bytes_of(calls(("read", {"path": "ä b"}), ("glob", {"pattern": "*"}), text="Both: é", usage=(1, 2, 0)))
PARALLEL_EVENTS = [
    TextPiece("Both: é"),
    ToolUse("call_0", "read", {"path": "ä b"}, '{"path": "\\u00e4 b"}'),
    ToolUse("call_1", "glob", {"pattern": "*"}, '{"pattern": "*"}'),
    Ended("tool_use", Usage(input=1, output=2)),
]


def test_parallel_calls_are_gathered_by_index() -> None:
    assert read(PARALLEL) == PARALLEL_EVENTS


def test_a_cut_anywhere_changes_nothing() -> None:
    assert [cut for cut in range(len(PARALLEL) + 1) if read(PARALLEL, cut) != PARALLEL_EVENTS] == []


@given(st.lists(st.integers(0, len(PARALLEL)), max_size=30))
def test_any_number_of_cuts_changes_nothing(cuts: list[int]) -> None:
    assert read(PARALLEL, *sorted(cuts)) == PARALLEL_EVENTS


def test_interleaved_pieces_of_two_calls() -> None:
    one, two = tool_call("a", {"x": 1}, index=0), tool_call("b", {"y": 2}, index=1)
    mixed = [part for pair in zip(one, two, strict=True) for part in pair]
    assert read(b"".join([*mixed, chunk({}, "tool_calls"), DONE]))[:2] == [
        ToolUse("call_0", "a", {"x": 1}, '{"x": 1}'),
        ToolUse("call_1", "b", {"y": 2}, '{"y": 2}'),
    ]


def whole(name: str, arguments: object, **more: object) -> dict[str, object]:
    return {"type": "function", "function": {"name": name, "arguments": arguments}, **more}


@pytest.mark.parametrize(
    "sent",
    [
        [[whole("a", "{}", index=0, id="1")], [whole("b", "{}", index=1, id="2")]],
        [[whole("a", "{}", index=0, id="1"), whole("b", "{}", index=1, id="2")]],
        [[whole("a", "{}", index=0, id="1")], [whole("b", "{}", index=0, id="2")]],
        [[whole("a", "{}", id="1"), whole("b", "{}", id="2")]],
        [[whole("a", {}, id="1")], [whole("b", {}, id="2")]],
        [[whole("a", "", index=0, id="1")], [whole("b", "", index=1, id="2")]],
    ],
    ids=["chunk each", "one chunk", "all index 0", "no index", "objects", "no arguments"],
)
def test_calls_that_are_sent_whole(sent: list[list[dict[str, object]]]) -> None:
    data = b"".join(chunk({"tool_calls": pieces}) for pieces in sent) + chunk({}, "stop") + DONE
    uses = [one for one in read(data) if isinstance(one, ToolUse)]
    assert [(use.model_id, use.name, use.arguments) for use in uses] == [("1", "a", {}), ("2", "b", {})]
    assert last_of(data) == Ended("tool_use", Usage(output=read(data)[-1].usage.output, estimated=True))  # type: ignore[union-attr]


def test_whole_calls_without_index_and_id() -> None:
    data = chunk({"tool_calls": [whole("a", "{}"), whole("a", '{"n":1}')]}, "tool_calls") + DONE
    assert [use.arguments for use in read(data) if isinstance(use, ToolUse)] == [{}, {"n": 1}]


def test_a_name_and_an_id_that_are_repeated_in_each_piece() -> None:
    pieces = ['{"a"', ":1}"]
    data = b"".join(chunk({"tool_calls": [whole("read", piece, index=0, id="1")]}) for piece in pieces)
    assert read(data + chunk({}, "tool_calls") + DONE)[0] == ToolUse("1", "read", {"a": 1}, '{"a":1}')


@pytest.mark.parametrize("raw", ["{", "[1]", "nonsense", '{"a": NaN}', '{"a": "\\ud800"}', "[" * 3_000])
def test_arguments_that_are_no_object_are_kept_raw(raw: str) -> None:
    assert read(bytes_of(calls(("read", raw))))[0] == ToolUse("call_0", "read", None, raw)


@pytest.mark.parametrize(
    ("finish", "stop"),
    [
        ("stop", "end"),
        ("length", "length"),
        ("content_filter", "filtered"),
        ("tool_calls", "end"),
        ("eos", "end"),
    ],
)
def test_finish_reasons(finish: str, stop: str) -> None:
    last = last_of(bytes_of(say("x", finish=finish)))
    assert isinstance(last, Ended)
    assert last.stop == stop


def test_a_refusal_is_shown_and_told() -> None:
    assert read(chunk({"refusal": "I won't."}, "stop") + DONE)[:1] == [TextPiece("I won't.")]
    last = last_of(chunk({"refusal": "I won't."}, "stop") + DONE)
    assert isinstance(last, Ended)
    assert last.stop == "refused"


def test_no_usage_is_estimated_on_the_safe_side() -> None:
    assert last_of(bytes_of(say("four", "teen bytes", usage=None))) == Ended("end", Usage(output=5, estimated=True))


def test_the_last_usage_counts_when_every_chunk_has_one() -> None:
    data = b"".join(
        event({"choices": [{"delta": {"content": "x"}, "finish_reason": finish}], "usage": {"completion_tokens": n}})
        for n, finish in ((1, None), (2, "stop"))
    )
    assert last_of(data) == Ended("end", Usage(output=2))


def test_the_counters_of_other_servers() -> None:
    usage = {
        "prompt_tokens": 10,
        "completion_tokens": 4,
        "prompt_cache_hit_tokens": 6,
        "completion_tokens_details": {"reasoning_tokens": 3},
        "prompt_tokens_details": None,
    }
    data = chunk({"reasoning": "hm"}) + chunk({"content": "x"}, "stop") + event({"choices": [], "usage": usage}) + DONE
    assert read(data) == [
        ThinkingPiece("hm"),
        TextPiece("x"),
        Ended("end", Usage(input=10, output=4, cached=6, reasoning=3)),
    ]


def test_content_in_parts() -> None:
    parts = [
        {"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]},
        {"type": "text", "text": "so"},
        "junk",
    ]
    assert read(chunk({"content": parts}, "stop"))[:2] == [ThinkingPiece("hm"), TextPiece("so")]


def test_a_stream_without_done_is_whole_when_it_was_finished() -> None:
    assert last_of(bytes_of(say("x", done=False))) == Ended("end", Usage(input=10, output=5))


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"", "the server ended the stream without a word"),
        (DONE, "the server ended the stream without a word"),
        (b": ping\n\n", "the server ended the stream without a word"),
        (chunk({"content": "x"}), "the server ended the stream before its answer was complete"),
        (b"data: {oops\n\n", "the server sent an event that is no JSON: '{oops'"),
        (b'{"choices": [', "the server's answer is neither an event stream nor whole JSON"),
    ],
)
def test_a_stream_that_ends_too_early_is_broken(data: bytes, text: str) -> None:
    assert last_of(data) == Failure("broken_stream", text)


def test_a_broken_line_ends_the_stream_for_good() -> None:
    data = chunk({"content": "x"}) + b"data: {oops\n\n" + bytes_of(say("never shown"))
    assert [type(one) for one in read(data)] == [TextPiece, Failure]


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (event({"error": {"message": "Overloaded", "type": "overloaded_error"}}), "overloaded"),
        (event({"error": {"message": "no", "code": 429}}), "rate_limited"),
        (b"event: error\ndata: out of memory\n\n", "overloaded"),
        (event({"object": "error", "message": "This model's maximum context length is 10 tokens"}), "overflow"),
        (json.dumps({"error": {"message": "the request exceeds the available context size"}}).encode(), "overflow"),
        (
            event({"choices": [{"delta": {}, "finish_reason": "error", "error": {"message": "x", "code": 502}}]}),
            "overloaded",
        ),
        (b"<!doctype html><title>Sign in</title>", "not_found"),
    ],
)
def test_an_error_inside_a_200_is_classified(data: bytes, kind: str) -> None:
    last = last_of(chunk({"content": "so far"}) + data if not data.startswith((b"<", b"{")) else data)
    assert isinstance(last, Failure)
    assert last.kind == kind


def test_a_server_that_does_not_stream_is_read_all_the_same() -> None:
    message = {"role": "assistant", "content": "Hello", "tool_calls": [whole("read", '{"path":"a"}', id="1")]}
    answer = {
        "object": "chat.completion",
        "choices": [{"index": 0, "message": message, "finish_reason": "tool_calls"}],
        "usage": {"prompt_tokens": 3, "completion_tokens": 4},
    }
    assert read(b" \n" + json.dumps(answer).encode(), 1, 5, 20) == [
        TextPiece("Hello"),
        ToolUse("1", "read", {"path": "a"}, '{"path":"a"}'),
        Ended("tool_use", Usage(input=3, output=4)),
    ]


def test_a_mark_of_utf8_before_a_whole_answer_is_passed_by() -> None:
    answer = {"choices": [{"message": {"content": "Hello"}, "finish_reason": "stop"}]}
    events = [TextPiece("Hello"), Ended("end", Usage(output=2, estimated=True))]
    assert read(b"\xef\xbb\xbf" + json.dumps(answer).encode(), 1, 2) == events


def test_thinking_that_begins_with_nothing_is_a_beginning() -> None:
    assert read(chunk({"reasoning": ""}) + DONE) == [
        ThinkingPiece(""),
        Ended("end", Usage(output=0, estimated=True)),
    ]


def test_what_a_nameless_call_wrote_counts_and_calls_nothing() -> None:
    data = chunk({"tool_calls": [{"function": {"arguments": '{"a":1}'}}]}) + DONE
    assert read(data) == [Ended("end", Usage(output=3, estimated=True))]


def test_indices_without_end_are_stopped() -> None:
    data = b"".join(part for n in range(200) for part in tool_call("a", {}, index=n)[:1])
    assert last_of(data) == Failure("broken_stream", "the model asked for more than 128 tools at once")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "index", "id", "name"]), inner),
    max_leaves=5,
)
KEYS = st.sampled_from(["delta", "content", "tool_calls", "function", "arguments", "finish_reason", "message", "index"])


@given(st.lists(st.dictionaries(KEYS, JSON | st.lists(st.dictionaries(KEYS, JSON), max_size=2)) | JSON, max_size=6))
def test_nothing_that_a_server_sends_raises(chunks: list[object]) -> None:
    data = b"".join(event({"choices": [one], "usage": one}) + event(one) for one in chunks)
    events = read(data + DONE)
    assert isinstance(events[-1], Ended | Failure)
    assert not any(isinstance(one, Ended | Failure) for one in events[:-1])


@given(st.binary(max_size=200))
def test_no_bytes_raise(data: bytes) -> None:
    events = read(data)
    assert isinstance(events[-1], Ended | Failure)
