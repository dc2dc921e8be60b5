"""The answer half of OpenAI Responses, beside the recorded streams: what other servers of the format send."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentd.providers.base import Ended, Failure, ModelEvent, TextPiece, ThinkingPiece, ToolUse, Usage
from agentd.providers.openai_responses_stream import ResponsesStream
from agentproto.content import ProviderPart
from support.fake_model_server import event
from support.model_dialects import named

USAGE = {"input_tokens": 3, "output_tokens": 4}
COUNTED = Usage(input=3, output=4)


def read(data: bytes) -> list[ModelEvent]:
    stream = ResponsesStream("a.host")
    return [*stream.feed(data), *stream.end()]


def completed(**more: object) -> bytes:
    return named("response.completed", response={"status": "completed", "usage": USAGE, **more})


def spoken(words: str, **where: object) -> bytes:
    return named("response.output_text.delta", **{"output_index": 0, **where}, delta=words)


def call(item: str, **more: object) -> dict[str, object]:
    return {"type": "function_call", "id": item, "call_id": f"call_{item}", "name": "read", **more}


def test_what_was_streamed_is_not_read_again_at_the_end() -> None:
    message = {"type": "message", "id": "m", "content": [{"type": "output_text", "text": "Hello"}]}
    data = spoken("Hel") + spoken("lo") + named("response.output_item.done", output_index=0, item=message)
    assert read(data + completed(output=[message, call("a", arguments="{}")])) == [
        TextPiece("Hel"),
        TextPiece("lo"),
        Ended("end", COUNTED),
    ]


def test_an_item_that_is_done_twice_is_given_once() -> None:
    done = named("response.output_item.done", output_index=1, item=call("a", arguments="{}"))
    assert read(done + done + completed()) == [ToolUse("call_a", "read", {}, "{}"), Ended("tool_use", COUNTED)]


OUTPUT = [
    {"type": "reasoning", "id": "r", "summary": [{"text": "hm"}, {"text": "so"}], "encrypted_content": "gA="},
    {"type": "message", "content": [{"type": "output_text", "text": "Hello"}, {"type": "output_text", "text": " you"}]},
    call("a", arguments='{"n":1}'),
]
READ = [
    ThinkingPiece("hm\n\nso"),
    ThinkingPiece("", ProviderPart("openai-responses", {"host": "a.host", "item": OUTPUT[0]})),
    TextPiece("Hello"),
    TextPiece(" you"),
    ToolUse("call_a", "read", {"n": 1}, '{"n":1}'),
    Ended("tool_use", COUNTED),
]


def test_a_server_that_streams_only_the_end_or_nothing_is_read_all_the_same() -> None:
    assert read(named("response.created", response={}) + completed(output=OUTPUT)) == READ
    whole = {"object": "response", "status": "completed", "output": OUTPUT, "usage": USAGE}
    assert read(json.dumps(whole).encode()) == READ


def test_items_that_come_whole_at_their_end() -> None:
    done = [named("response.output_item.done", output_index=n, item=item) for n, item in enumerate(OUTPUT)]
    assert read(b"".join(done) + completed()) == READ


def test_calls_without_their_done_are_taken_from_their_pieces() -> None:
    data = b"".join(named("response.output_item.added", item=call(item)) for item in "ab")
    for item, piece in (("a", '{"n"'), ("b", "{}"), ("a", ":1}")):
        data += named("response.function_call_arguments.delta", item_id=item, delta=piece)
    assert read(data + completed()) == [
        ToolUse("call_a", "read", {"n": 1}, '{"n":1}'),
        ToolUse("call_b", "read", {}, "{}"),
        Ended("tool_use", COUNTED),
    ]


def test_raw_reasoning_of_open_models_is_shown() -> None:
    data = named("response.reasoning_text.delta", output_index=0, content_index=0, delta="hm")
    done = named("response.output_item.done", output_index=0, item={"type": "reasoning", "summary": []})
    assert read(data + done + completed()) == [ThinkingPiece("hm"), Ended("end", COUNTED)]


@pytest.mark.parametrize(
    ("ended", "stop"),
    [
        ({"status": "incomplete", "incomplete_details": {"reason": "content_filter"}}, "filtered"),
        ({"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}}, "length"),
        ({"status": "incomplete", "incomplete_details": None}, "length"),
        ({"status": "completed", "incomplete_details": None}, "end"),
    ],
)
def test_how_an_answer_ends(ended: dict[str, object], stop: str) -> None:
    assert read(spoken("x") + named("response.incomplete", response={**ended, "usage": USAGE}))[-1] == Ended(
        stop,  # type: ignore[arg-type]
        COUNTED,
    )


def test_a_refusal_that_comes_whole_is_shown_and_told() -> None:
    item = {"type": "message", "content": [{"type": "refusal", "refusal": "No."}]}
    assert read(named("response.output_item.done", output_index=0, item=item) + completed()) == [
        TextPiece("No."),
        Ended("refused", COUNTED),
    ]


def test_a_server_that_tells_no_usage_is_estimated() -> None:
    assert read(spoken("four") + named("response.completed", response={}))[-1] == Ended(
        "end", Usage(output=2, estimated=True)
    )


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "without a word"),
        (b"data: [DONE]\n\n", "without a word"),
        (named("response.created", response={}), "without a word"),
        (spoken("x") + b"data: [DONE]\n\n", "before its answer was complete"),
        (b'{"object":"response"}', "without a word"),
    ],
)
def test_a_stream_that_ends_too_early_is_broken(data: bytes, words: str) -> None:
    assert read(data)[-1] == Failure("broken_stream", f"the server ended the stream {words}")


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ("server_error", "overloaded"),
        ("rate_limit_exceeded", "rate_limited"),
        ("context_length_exceeded", "overflow"),
        ("insufficient_quota", "auth"),
        ("invalid_prompt", "bad_request"),
        ("bio_policy", "refused"),
        ("of_tomorrow", "overloaded"),
    ],
)
def test_an_error_inside_a_200_is_classified(code: str, found: str) -> None:
    error = {"code": code, "message": "no"}
    failed = {"status": "failed", "error": error, "output": []}
    datas = (
        spoken("x") + named("response.failed", response=failed),
        spoken("x") + named("error", **error),
        event({"type": "error", "error": error}),
        json.dumps(failed).encode(),
    )
    for data in datas:
        last = read(data)[-1]
        assert isinstance(last, Failure)
        assert last.kind == found


def test_calls_and_items_without_end_are_stopped() -> None:
    added = b"".join(named("response.output_item.added", output_index=n, item=call("a")) for n in range(200))
    assert read(added)[-1] == Failure("broken_stream", "the model asked for more than 128 tools at once")
    items = b"".join(spoken("", output_index=n) for n in range(5_000))
    assert read(items)[-1] == Failure("broken_stream", "the answer has more than 4096 items")


KEYS = st.sampled_from(
    ["type", "id", "call_id", "name", "arguments", "text", "content", "summary", "encrypted_content"]
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=3) | st.sampled_from(["reasoning", "message"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=6,
)
TYPES = st.sampled_from(
    [
        "response.output_item.added",
        "response.output_item.done",
        "response.output_text.delta",
        "response.reasoning_summary_text.delta",
        "response.function_call_arguments.delta",
        "response.function_call_arguments.done",
        "response.completed",
    ]
)


@given(st.lists(st.tuples(TYPES, st.sampled_from(["item", "output_index", "delta", "arguments", "response"]), JSON)))
def test_nothing_that_a_server_sends_raises(parts: list[tuple[str, str, object]]) -> None:
    events = read(b"".join(named(kind, **{field: value}) for kind, field, value in parts) + completed())
    assert isinstance(events[-1], Ended | Failure)
    assert not any(isinstance(one, Ended | Failure) for one in events[:-1])
