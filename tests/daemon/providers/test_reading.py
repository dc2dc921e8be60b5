"""What the decoders share: forms of a body, bounds, and what of a server's values is believed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pytest

from agentd.providers.base import Ended, Failure, ModelEvent, TextPiece, ThinkingPiece, ToolUse, Usage
from agentd.providers.reading import MOST_ARGUMENT_CHARS, Answer, EventStream, count, mapping, text, tool_arguments
from agentd.providers.sse import LIMIT
from agentproto.content import ProviderPart
from support.fake_model_server import event


class Echo(EventStream):
    """Says what each event says; ends at `end`, or with the body of a stream that said something."""

    def _take(self, value: Mapping[str, object], name: str) -> Iterator[ModelEvent]:
        yield from self._say(text(value.get("say")) + name)
        if value.get("end"):
            yield from self._finished("end", Usage(1, 1))

    def _take_whole(self, value: Mapping[str, object]) -> Iterator[ModelEvent]:
        yield from self._take(value, "")

    def _owed(self) -> Iterator[ModelEvent]:
        return iter(())


def read(data: bytes, *, size: int = 0) -> list[ModelEvent]:
    stream = Echo()
    pieces = [data[at : at + size] for at in range(0, len(data), size)] if size else [data]
    return [found for piece in pieces for found in stream.feed(piece)] + list(stream.end())


ENDED = Ended("end", Usage(1, 1))


@pytest.mark.parametrize(
    ("data", "events"),
    [
        (event({"say": "a"}) + event({"end": True}), [TextPiece("a"), ENDED]),
        (b"event: b\n" + event({"say": "a", "end": True}) + event({"say": "never"}), [TextPiece("ab"), ENDED]),
        (b'data: {"say": "a", "end": 1}', [TextPiece("a"), ENDED]),
        (b"data: [DONE]\n\n: comment\n\ndata: 3\n\n" + event({"say": "a", "end": True}), [TextPiece("a"), ENDED]),
        (b'\xef\xbb\xbf \n {"say": "a", "end": true}', [TextPiece("a"), ENDED]),
        (b'[{"say": "a", "end": true}]', [TextPiece("a"), ENDED]),
        (b"{", [Failure("broken_stream", "the server's answer is neither an event stream nor whole JSON")]),
        (b"[]", [Failure("broken_stream", "the server ended the stream without a word")]),
        (b"data: {oops\n\n", [Failure("broken_stream", "the server sent an event that is no JSON: '{oops'")]),
        (event({"say": "a"}), [TextPiece("a"), Failure("broken_stream", "the server ended the stream before its answer was complete")]),
    ],
)  # fmt: skip
def test_forms_of_a_body_wherever_it_is_cut(data: bytes, events: list[ModelEvent]) -> None:
    assert read(data) == read(data, size=1) == events


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"<!doctype html><title>Sign in</title>", "not_found"),
        (b"event: error\ndata: out of memory\n\n", "overloaded"),
        (b"data: " + b"x" * (LIMIT + 1), "broken_stream"),
        (b"{" + b" " * LIMIT, "broken_stream"),
    ],
    ids=["page", "words", "event", "whole"],
)
def test_what_is_no_answer_is_classified(data: bytes, kind: str) -> None:
    [failure] = read(data)
    assert isinstance(failure, Failure)
    assert failure.kind == kind


@pytest.mark.parametrize(
    ("raw", "arguments"),
    [
        ("", {}),
        (" \n", {}),
        ('{"a":1}', {"a": 1}),
        ("[1]", None),
        ("{", None),
        ('{"a":NaN}', None),
        ('{"a":"\\ud800"}', None),
        ("[" * 3_000, None),
    ],
)
def test_arguments_are_an_object_or_nothing(raw: str, arguments: dict[str, object] | None) -> None:
    assert tool_arguments(raw) == arguments


def test_what_is_of_another_type_counts_as_nothing() -> None:
    assert [count(value) for value in (3, 0, -1, True, 2.5, "3", None)] == [3, 0, 0, 0, 0, 0, 0]
    assert [text(value) for value in ("a", 3, None)] == ["a", "", ""]
    assert [mapping(value) for value in ({"a": 1}, [], None)] == [{"a": 1}, {}, {}]


class Told(Answer):
    """An answer that is told by hand."""

    def many(self) -> Iterator[ModelEvent]:
        yield from self._call("1", "", "{}")
        yield from self._call("1", "a", "{}")
        yield from self._keep("maker", {"x": "y"})
        yield from self._keep("maker", {"x": "\ud800"})
        yield from self._gather("x" * MOST_ARGUMENT_CHARS)
        yield from self._gather("x")
        yield from self._finished("end", None)


def test_bounds_and_what_is_kept() -> None:
    assert list(Told().many()) == [
        ToolUse("1", "a", {}, "{}"),
        ThinkingPiece("", ProviderPart("maker", {"x": "y"})),
        Failure("broken_stream", f"a tool's arguments pass {MOST_ARGUMENT_CHARS} characters"),
    ]
