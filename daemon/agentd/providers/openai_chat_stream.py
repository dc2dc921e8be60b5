"""The answer half of OpenAI Chat Completions: bytes of a streamed body -> events.

It decides when a tool call is whole, what a finish reason means, which usage counts and when a stream was broken. It
takes what servers really send: calls in pieces or whole, with or without index and id, arguments as text or as an
object, thinking under two names or as content parts, usage in every chunk or never, errors inside a 200, one plain
JSON answer where a stream was asked for, no `[DONE]`. Pure, and never raises for what a server sends. Caller:
`openai_chat`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

import msgspec

from agentd.errors import TooLargeError
from agentd.providers.base import (
    Ended,
    Failure,
    ModelEvent,
    StopCause,
    TextPiece,
    ThinkingPiece,
    ToolUse,
    Usage,
)
from agentd.providers.canonical import estimate
from agentd.providers.failure_body import read_body, read_error
from agentd.providers.failures import classify, from_error
from agentd.providers.sse import LIMIT, Event, Events

__all__ = ["ChatStream"]

_MOST_CALLS = 128
"""Tool calls of one answer; models that babble indices must not fill the memory."""

_MOST_ARGUMENT_CHARS = 8 * 1024 * 1024
"""Characters of all arguments of one answer."""

_STOPS: Mapping[str, StopCause] = {
    "stop": "end",
    "length": "length",
    "max_tokens": "length",
    "tool_calls": "tool_use",
    "function_call": "tool_use",
    "content_filter": "filtered",
    "refusal": "refused",
}


@dataclass(slots=True)
class _CallSoFar:
    """A tool call as far as it has come."""

    index: int | None
    model_id: str = ""
    name: str = ""
    pieces: list[str] = field(default_factory=list)

    def whole(self) -> ToolUse:
        raw = "".join(self.pieces)
        return ToolUse(self.model_id, self.name, _arguments(raw), raw)


def _arguments(raw: str) -> dict[str, object] | None:
    if not raw.strip():
        return {}  # many servers send nothing for a tool without arguments
    try:
        value = msgspec.json.decode(raw.encode("utf-8", "replace"))
        msgspec.json.encode(value)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


class ChatStream:
    """The decoder of one response."""

    def __init__(self) -> None:
        self._events = Events()
        self._form: Literal["unknown", "stream", "whole", "page"] = "unknown"
        self._body = bytearray()
        self._calls: list[_CallSoFar] = []
        self._argument_chars = 0
        self._finish: str | None = None
        self._refused = False
        self._usage: Usage | None = None
        self._text_bytes = 0
        self._any = False
        self._over = False

    def feed(self, data: bytes) -> Iterator[ModelEvent]:
        """Events that `data` completes. Nothing more comes after `Ended` or `Failure`."""
        if self._over:
            return
        if self._form == "unknown":
            self._body += data
            first = bytes(self._body.lstrip(b"\xef\xbb\xbf \t\r\n")[:1])
            if not first:
                return
            self._form = "whole" if first in (b"{", b"[") else "page" if first == b"<" else "stream"
            data = bytes(self._body)
            self._body.clear()
        if self._form == "stream":
            yield from self._stream(data)
            return
        self._body += data[: LIMIT + 1 - len(self._body)]
        if len(self._body) > LIMIT:
            yield self._fail(Failure("broken_stream", f"the server's answer has more than {LIMIT} bytes"))

    def end(self) -> Iterator[ModelEvent]:
        """What is owed when the body has ended."""
        if self._over:
            return
        if self._form == "page":
            yield self._fail(classify(200, {}, bytes(self._body), 0))
            return
        if self._form == "whole":
            yield from self._whole()
        else:
            yield from self._stream_end()
        if self._over:
            return
        if self._finish is None:
            what = "before its answer was complete" if self._any else "without a word"
            yield self._fail(Failure("broken_stream", f"the server ended the stream {what}"))
        else:
            yield from self._finished()

    def _stream(self, data: bytes) -> Iterator[ModelEvent]:
        try:
            for event in self._events.feed(data):
                yield from self._event(event)
        except TooLargeError as fault:
            yield self._fail(Failure("broken_stream", fault.what))

    def _stream_end(self) -> Iterator[ModelEvent]:
        try:
            for event in self._events.end():
                yield from self._event(event)
        except TooLargeError as fault:
            yield self._fail(Failure("broken_stream", fault.what))

    def _event(self, event: Event) -> Iterator[ModelEvent]:
        if self._over or not event.data:
            return
        if event.data.strip() == "[DONE]":
            if self._finish is None and not self._any:
                yield self._fail(Failure("broken_stream", "the server ended the stream without a word"))
                return
            yield from self._finished()
            return
        try:
            chunk = msgspec.json.decode(event.data.encode("utf-8", "replace"))
        except (msgspec.MsgspecError, ValueError, RecursionError):
            if event.name == "error":
                yield self._fail(from_error(read_body(event.data.encode())))
                return
            shown = event.data[:80]
            yield self._fail(Failure("broken_stream", f"the server sent an event that is no JSON: {shown!r}"))
            return
        if isinstance(chunk, dict):
            yield from self._chunk(chunk, event.name == "error")

    def _whole(self) -> Iterator[ModelEvent]:
        """A server that did not stream: one completion, or an error with status 200."""
        try:
            answer = msgspec.json.decode(bytes(self._body))
        except (msgspec.MsgspecError, ValueError, RecursionError):
            yield self._fail(Failure("broken_stream", "the server's answer is neither an event stream nor whole JSON"))
            return
        if isinstance(answer, list):
            answer = answer[0] if answer and isinstance(answer[0], dict) else {}
        yield from self._chunk(answer, False)

    def _chunk(self, chunk: dict[str, object], named_error: bool) -> Iterator[ModelEvent]:
        if named_error or chunk.get("error") or chunk.get("object") == "error":
            yield self._fail(from_error(read_error(chunk)))
            return
        usage = chunk.get("usage")
        if isinstance(usage, dict):
            self._usage = _usage(usage)
        choices = chunk.get("choices")
        if not isinstance(choices, list) or not choices or not isinstance(choices[0], dict):
            return
        choice = choices[0]
        delta = choice.get("delta") or choice.get("message")
        if isinstance(delta, dict):
            for event in self._delta(delta):
                self._any = True
                yield event
                if self._over:
                    return
        finish = choice.get("finish_reason")
        if isinstance(finish, str) and finish:
            if finish == "error":
                yield self._fail(from_error(read_error(choice)))
                return
            self._finish = finish

    def _delta(self, delta: dict[str, object]) -> Iterator[ModelEvent]:
        thought = delta.get("reasoning_content") or delta.get("reasoning")
        if isinstance(thought, str):
            yield self._think(thought)
        content = delta.get("content")
        if isinstance(content, str) and content:
            yield self._say(content)
        elif isinstance(content, list):
            yield from self._parts(content)
        refusal = delta.get("refusal")
        if isinstance(refusal, str) and refusal:
            self._refused = True
            yield self._say(refusal)
        calls = delta.get("tool_calls")
        if isinstance(calls, list):
            for call in calls:
                if isinstance(call, dict):
                    self._any = True
                    yield from self._call(call)

    def _parts(self, parts: list[object]) -> Iterator[ModelEvent]:
        """Content as a list of parts (Mistral's form): text, and thinking as a list of text parts."""
        for part in parts:
            if not isinstance(part, dict):
                continue
            text, thought = part.get("text"), part.get("thinking")
            if isinstance(text, str) and text:
                yield self._say(text)
            if isinstance(thought, list):
                words = "".join(str(word["text"]) for word in thought if isinstance(word, dict) and "text" in word)
                if words:
                    yield self._think(words)

    def _say(self, text: str) -> TextPiece:
        self._text_bytes += len(text.encode("utf-8", "replace"))
        return TextPiece(text)

    def _think(self, text: str) -> ThinkingPiece:
        self._text_bytes += len(text.encode("utf-8", "replace"))
        return ThinkingPiece(text)

    def _call(self, call: dict[str, object]) -> Iterator[ModelEvent]:
        function = call.get("function")
        function = function if isinstance(function, dict) else {}
        name, model_id = _text(function.get("name")), _text(call.get("id"))
        index = call.get("index")
        so_far = self._so_far(index if isinstance(index, int) else None, model_id, name)
        if so_far is None:
            yield self._fail(Failure("broken_stream", f"the model asked for more than {_MOST_CALLS} tools at once"))
            return
        so_far.model_id = so_far.model_id or model_id
        if name and name != so_far.name and not so_far.pieces:
            so_far.name += name
        arguments = function.get("arguments")
        piece = arguments if isinstance(arguments, str) else ""
        if isinstance(arguments, dict):
            piece = msgspec.json.encode(arguments).decode()
        if piece:
            so_far.pieces.append(piece)
            self._argument_chars += len(piece)
        if self._argument_chars > _MOST_ARGUMENT_CHARS:
            yield self._fail(Failure("broken_stream", f"a tool's arguments pass {_MOST_ARGUMENT_CHARS} characters"))

    def _so_far(self, index: int | None, model_id: str, name: str) -> _CallSoFar | None:
        """The call that a piece belongs to; a new one when none fits; None when there are too many.

        Without an index, and where whole calls all carry index 0, another id beside a name begins another call.
        """
        if index is None:
            old = self._calls[-1] if self._calls else None
        else:
            old = next((call for call in reversed(self._calls) if call.index == index), None)
        begins = bool(name) and (
            (bool(model_id) and old is not None and old.model_id not in ("", model_id))
            or (index is None and not model_id)
        )
        if old is not None and not begins:
            return old
        if len(self._calls) >= _MOST_CALLS:
            return None
        self._calls.append(_CallSoFar(index))
        return self._calls[-1]

    def _finished(self) -> Iterator[ModelEvent]:
        calls = [call.whole() for call in self._calls if call.name]
        yield from calls
        stop = "refused" if self._refused else _STOPS.get(self._finish or "stop", "end")
        if calls and stop == "end":
            stop = "tool_use"  # several local servers say "stop" after a call
        elif stop == "tool_use" and not calls:
            stop = "end"
        self._over = True
        yield Ended(stop, self._usage or self._estimated())

    def _estimated(self) -> Usage:
        return Usage(output=estimate(self._text_bytes + self._argument_chars), estimated=True)

    def _fail(self, failure: Failure) -> Failure:
        self._over = True
        return failure


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _usage(usage: dict[str, object]) -> Usage:
    prompt, completion = usage.get("prompt_tokens_details"), usage.get("completion_tokens_details")
    prompt = prompt if isinstance(prompt, dict) else {}
    completion = completion if isinstance(completion, dict) else {}
    return Usage(
        input=_count(usage.get("prompt_tokens")),
        output=_count(usage.get("completion_tokens")),
        cached=_count(prompt.get("cached_tokens")) or _count(usage.get("prompt_cache_hit_tokens")),
        reasoning=_count(completion.get("reasoning_tokens")),
    )


def _count(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0
