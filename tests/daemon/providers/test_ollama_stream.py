"""The answer half of Ollama's own protocol, beside the recorded streams."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentd.providers.base import Ended, Failure, ModelEvent, TextPiece, ThinkingPiece, ToolUse, Usage
from agentd.providers.ollama_stream import ChatLines
from agentd.providers.sse import LIMIT


def read(data: bytes) -> list[ModelEvent]:
    stream = ChatLines()
    return [*stream.feed(data), *stream.end()]


def line(message: object = None, **more: object) -> bytes:
    return json.dumps({"message": message or {}, "done": False, **more}).encode() + b"\n"


def done(reason: str | None = "stop", **counts: int) -> bytes:
    return line(done=True, done_reason=reason, **counts)


@pytest.mark.parametrize(
    ("reason", "stop"), [("stop", "end"), ("length", "length"), (None, "end"), ("of_tomorrow", "end"), ("load", "end")]
)
def test_how_an_answer_ends(reason: str | None, stop: str) -> None:
    assert read(line({"content": "x"}) + done(reason, prompt_eval_count=2, eval_count=1))[-1] == Ended(
        stop,  # type: ignore[arg-type]
        Usage(2, 1),
    )


@pytest.mark.parametrize("reason", ["load", "unload"])
def test_a_server_that_only_loaded_the_model_answered_nothing(reason: str) -> None:
    assert read(done(reason)) == [Failure("broken_stream", f"the server answered nothing (its reason: {reason})")]


def test_a_prompt_that_was_not_counted_makes_an_estimate() -> None:
    assert read(line({"content": "x"}) + done(eval_count=7))[-1] == Ended("end", Usage(output=7, estimated=True))
    assert read(line({"content": "four"}) + done())[-1] == Ended("end", Usage(output=2, estimated=True))


def test_everything_in_one_line_that_does_not_end() -> None:
    calls = [{"function": {"name": "read", "arguments": '{"n":1}'}}, {"function": {"name": "ls"}}, "junk", {}]
    message = {"thinking": "hm", "content": "so", "tool_calls": calls}
    assert read(b"\xef\xbb\xbf\n" + line(message, done=True, prompt_eval_count=1, eval_count=1)[:-1]) == [
        ThinkingPiece("hm"),
        TextPiece("so"),
        ToolUse("", "read", {"n": 1}, '{"n":1}'),
        ToolUse("", "ls", {}, ""),
        Ended("tool_use", Usage(1, 1)),
    ]


@pytest.mark.parametrize(
    ("data", "failure"),
    [
        (b"", "the server ended the stream without a word"),
        (line({"content": "x"}), "the server ended the stream before its answer was complete"),
        (line({"content": "x"})[:20], 'the server sent a line that is no JSON: \'{"message": {"conten\''),
        (b"data: {}\n", "the server sent a line that is no JSON: 'data: {}'"),
        (b"[1]\n3\n", "the server ended the stream without a word"),
    ],
)
def test_a_stream_that_ends_too_early_is_broken(data: bytes, failure: str) -> None:
    assert read(data)[-1] == Failure("broken_stream", failure)


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        ("the input length exceeds the context length", "overflow"),
        ("prompt too long; exceeded max context length by 12 tokens", "overflow"),
        ("model 'x' not found", "not_found"),
        ("model requires more system memory (9 GiB) than is available (4 GiB)", "bad_request"),
        ("llama runner process has terminated", "overloaded"),
    ],
)
def test_an_error_line_inside_a_200_is_classified(words: str, kind: str) -> None:
    last = read(line({"content": "x"}) + json.dumps({"error": words}).encode() + b"\n" + done())[-1]
    assert isinstance(last, Failure)
    assert (last.kind, last.text) == (kind, words)


def test_a_page_is_no_answer() -> None:
    last = read(b"<html><title>Sign in</title>\n</html>")[-1]
    assert isinstance(last, Failure)
    assert last.kind == "not_found"


def test_what_has_no_end_is_stopped() -> None:
    calls = {"tool_calls": [{"function": {"name": "a", "arguments": {}}}] * 200}
    assert read(line(calls))[-1] == Failure("broken_stream", "the model asked for more than 128 tools at once")
    assert read(b"{" * (LIMIT + 1)) == [Failure("broken_stream", f"one line of the stream has more than {LIMIT} bytes")]


KEYS = st.sampled_from(["content", "thinking", "tool_calls", "function", "name", "arguments", "id"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=6,
)


@given(st.lists(JSON), st.dictionaries(st.sampled_from(["done_reason", "eval_count", "error"]), JSON))
def test_nothing_that_a_server_sends_raises(messages: list[object], more: dict[str, object]) -> None:
    events = read(b"".join(line(message) for message in messages) + line(**more) + done())
    assert isinstance(events[-1], Ended | Failure)
    assert not any(isinstance(one, Ended | Failure) for one in events[:-1])
