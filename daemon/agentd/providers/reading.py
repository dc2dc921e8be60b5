"""What the decoders of streamed answers have in common: forms of a body, bounds, counters, a tool's arguments.

It decides whether a body is an event stream, one whole JSON value or a page, when a stream counts as broken, and what
of a server's numbers and arguments can be believed. What an event means is the codec's. Nothing here raises for what a
server sends. Pure. Callers: the codecs' `_stream` modules.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from typing import Literal

import msgspec

from agentd.errors import TooLargeError
from agentd.providers.base import Ended, Failure, ModelEvent, StopCause, TextPiece, ThinkingPiece, ToolUse, Usage
from agentd.providers.canonical import estimate
from agentd.providers.failure_body import read_body
from agentd.providers.failures import classify, from_error
from agentd.providers.sse import LIMIT, Event, Events
from agentproto.content import ProviderPart

__all__ = ["MOST_ARGUMENT_CHARS", "MOST_CALLS", "Answer", "EventStream", "count", "mapping", "text", "tool_arguments"]

MOST_CALLS = 128
"""Tool calls of one answer; models that babble must not fill the memory."""

MOST_ARGUMENT_CHARS = 8 * 1024 * 1024
"""Characters of all arguments of one answer."""


_BLANK = b"\xef\xbb\xbf \t\r\n"  # a mark of UTF-8 among it


def tool_arguments(raw: str) -> dict[str, object] | None:
    """What a model wrote as arguments, or None when that is no JSON object that can be written again."""
    if not raw.strip():
        return {}  # many servers send nothing for a tool without arguments
    try:
        value = msgspec.json.decode(raw.encode("utf-8", "replace"))
        msgspec.json.encode(value)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def count(value: object) -> int:
    """A counter, or 0 for what is none."""
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0


def text(value: object) -> str:
    """A text, or nothing for what is none."""
    return value if isinstance(value, str) else ""


def mapping(value: object) -> Mapping[str, object]:
    """A JSON object, or an empty one for what is none."""
    return value if isinstance(value, dict) else {}


class Answer:
    """One response as far as it has come: what was said, called and counted. `over` when nothing more may come."""

    def __init__(self) -> None:
        self.over = False
        self._any = False
        self._size = 0
        self._calls = 0
        self._argument_chars = 0

    def _say(self, words: str) -> Iterator[ModelEvent]:
        if words:
            self._any = True
            self._size += len(words.encode("utf-8", "replace"))
            yield TextPiece(words)

    def _think(self, words: str) -> Iterator[ModelEvent]:
        if words:
            self._any = True
            self._size += len(words.encode("utf-8", "replace"))
            yield ThinkingPiece(words)

    def _keep(self, maker: str, data: dict[str, object]) -> Iterator[ModelEvent]:
        """The end of a thinking block with what its maker wants back; left out when no log could hold it."""
        self._any = True
        try:
            msgspec.json.encode(data)
        except (ValueError, RecursionError):
            return
        yield ThinkingPiece("", ProviderPart(maker, data))

    def _call(self, model_id: str, name: str, raw: str) -> Iterator[ModelEvent]:
        """A whole call. One without a name is nobody's."""
        if name:
            self._any = True
            self._calls += 1
            self._size += len(raw.encode("utf-8", "replace"))
            if self._calls > MOST_CALLS:
                yield self._fail(Failure("broken_stream", f"the model asked for more than {MOST_CALLS} tools at once"))
                return
            yield ToolUse(model_id, name, tool_arguments(raw), raw)

    def _gather(self, piece: str) -> Iterator[ModelEvent]:
        """Count a piece of arguments that is about to be kept; a failure when it is one too many."""
        self._any = True
        self._argument_chars += len(piece)
        if self._argument_chars > MOST_ARGUMENT_CHARS:
            yield self._fail(Failure("broken_stream", f"a tool's arguments pass {MOST_ARGUMENT_CHARS} characters"))

    def _finished(self, stop: StopCause, usage: Usage | None) -> Iterator[ModelEvent]:
        """The end. The calls that came decide between "end" and "tool_use", whatever the server says."""
        if self.over:
            return
        self.over = True
        if stop in ("end", "tool_use"):
            stop = "tool_use" if self._calls else "end"
        yield Ended(stop, usage or Usage(output=estimate(self._size), estimated=True))

    def _fail(self, failure: Failure) -> Failure:
        self.over = True
        return failure

    def _broke(self) -> Failure:
        what = "before its answer was complete" if self._any else "without a word"
        return self._fail(Failure("broken_stream", f"the server ended the stream {what}"))


class EventStream(Answer, ABC):
    """An answer as server-sent events with JSON data. `feed` and `end` as `base.Decoder` has them."""

    def __init__(self) -> None:
        super().__init__()
        self._events = Events()
        self._form: Literal["unknown", "stream", "whole", "page"] = "unknown"
        self._body = bytearray()

    @abstractmethod
    def _take(self, value: Mapping[str, object], name: str) -> Iterator[ModelEvent]:
        """One event: its data, and its name where the server gave one."""

    @abstractmethod
    def _take_whole(self, value: Mapping[str, object]) -> Iterator[ModelEvent]:
        """A whole answer of a server that did not stream."""

    @abstractmethod
    def _owed(self) -> Iterator[ModelEvent]:
        """What comes when the body has ended; nothing, when the answer was not complete."""

    def _told_done(self) -> Iterator[ModelEvent]:
        """What `[DONE]` means. Where the format has an end of its own it says nothing."""
        return iter(())

    def feed(self, data: bytes) -> Iterator[ModelEvent]:
        if self.over:
            return
        if self._form == "unknown":
            self._body += data
            first = bytes(self._body.lstrip(_BLANK)[:1])
            if not first:
                return
            self._form = "whole" if first in (b"{", b"[") else "page" if first == b"<" else "stream"
            data = bytes(self._body)
            self._body.clear()
        if self._form == "stream":
            yield from self._stream(self._events.feed(data))
            return
        self._body += data[: LIMIT + 1 - len(self._body)]
        if len(self._body) > LIMIT:
            yield self._fail(Failure("broken_stream", f"the server's answer has more than {LIMIT} bytes"))

    def end(self) -> Iterator[ModelEvent]:
        if self.over:
            return
        if self._form == "page":
            yield self._fail(classify(200, {}, bytes(self._body), 0))
        elif self._form == "whole":
            yield from self._whole()
        else:
            yield from self._stream(self._events.end())
        if not self.over:
            yield from self._owed()
        if not self.over:
            yield self._broke()

    def _stream(self, events: Iterator[Event]) -> Iterator[ModelEvent]:
        try:
            for event in events:
                if not self.over and event.data:
                    yield from self._told_done() if event.data.strip() == "[DONE]" else self._event(event)
        except TooLargeError as fault:
            yield self._fail(Failure("broken_stream", fault.what))

    def _event(self, event: Event) -> Iterator[ModelEvent]:
        try:
            value = msgspec.json.decode(event.data.encode("utf-8", "replace"))
        except (msgspec.MsgspecError, ValueError, RecursionError):
            if event.name == "error":
                yield self._fail(from_error(read_body(event.data.encode("utf-8", "replace"))))
                return
            shown = event.data[:80]
            yield self._fail(Failure("broken_stream", f"the server sent an event that is no JSON: {shown!r}"))
            return
        if isinstance(value, dict):
            for found in self._take(value, event.name):
                yield found
                if self.over:
                    return

    def _whole(self) -> Iterator[ModelEvent]:
        try:
            value = msgspec.json.decode(bytes(self._body.lstrip(_BLANK)))
        except (msgspec.MsgspecError, ValueError, RecursionError):
            yield self._fail(Failure("broken_stream", "the server's answer is neither an event stream nor whole JSON"))
            return
        if isinstance(value, list):
            value = value[0] if value else {}
        if isinstance(value, dict):
            for found in self._take_whole(value):
                yield found
                if self.over:
                    return
