"""The answer half of Ollama's `/api/chat`: lines of JSON -> events.

It decides what a line means, when the answer is whole and what counts as usage. Calls come whole; an error may come as
a line inside a 200. A prompt that the server had in its cache may be counted as nothing, which is told as an estimate.
Pure, and never raises for what a server sends. Caller: `ollama`.

Source: https://docs.ollama.com/api/chat, https://docs.ollama.com/api/streaming
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import msgspec

from agentd.providers.base import Failure, ModelEvent, StopCause, Usage
from agentd.providers.failure_body import read_error
from agentd.providers.failures import classify, from_error
from agentd.providers.reading import Answer, count, mapping, text
from agentd.providers.sse import LIMIT

__all__ = ["ChatLines"]

_STOPS: Mapping[str, StopCause] = {"stop": "end", "length": "length"}

_LOADED = frozenset({"load", "unload"})
"""Reasons of an end that is no answer: the server only loaded the model, or let go of it."""


class ChatLines(Answer):
    """The decoder of one response. `feed` and `end` as `base.Decoder` has them."""

    def __init__(self) -> None:
        super().__init__()
        self._rest = bytearray()
        self._is_page: bool | None = None

    def feed(self, data: bytes) -> Iterator[ModelEvent]:
        if self.over:
            return
        self._rest += data
        if self._is_page is None and (begun := bytes(self._rest.lstrip(b"\xef\xbb\xbf \t\r\n")[:1])):
            self._is_page = begun == b"<"
            if not self._is_page:
                del self._rest[: self._rest.index(begun)]
        if not self._is_page and b"\n" in data:
            *lines, rest = bytes(self._rest).split(b"\n")
            self._rest = bytearray(rest)
            for line in lines:
                yield from self._line(line)
                if self.over:
                    return
        if len(self._rest) > LIMIT:
            yield self._fail(Failure("broken_stream", f"one line of the stream has more than {LIMIT} bytes"))

    def end(self) -> Iterator[ModelEvent]:
        if self.over:
            return
        if self._is_page:
            yield self._fail(classify(200, {}, bytes(self._rest), 0))
            return
        yield from self._line(bytes(self._rest))
        if not self.over:
            yield self._broke()

    def _line(self, line: bytes) -> Iterator[ModelEvent]:
        if not line.strip():
            return
        try:
            value = msgspec.json.decode(line.decode("utf-8", "replace").encode())
        except (msgspec.MsgspecError, ValueError, RecursionError):
            shown = line[:80].decode("utf-8", "replace").strip()
            yield self._fail(Failure("broken_stream", f"the server sent a line that is no JSON: {shown!r}"))
            return
        if isinstance(value, dict):
            for found in self._take(value):
                yield found
                if self.over:
                    return

    def _take(self, value: dict[str, object]) -> Iterator[ModelEvent]:
        if value.get("error"):
            yield self._fail(from_error(read_error(value)))
            return
        message = mapping(value.get("message"))
        yield from self._think(text(message.get("thinking")))
        yield from self._say(text(message.get("content")))
        calls = message.get("tool_calls")
        for call in calls if isinstance(calls, list) else ():
            yield from self._called(mapping(call))
        if value.get("done") is True:
            yield from self._end(value)

    def _called(self, call: Mapping[str, object]) -> Iterator[ModelEvent]:
        function = mapping(call.get("function"))
        given = function.get("arguments")
        raw = given if isinstance(given, str) else _written(given)
        yield from self._call(text(call.get("id")), text(function.get("name")), raw)

    def _end(self, value: Mapping[str, object]) -> Iterator[ModelEvent]:
        reason = text(value.get("done_reason"))
        if reason in _LOADED and not self._any:
            yield self._fail(Failure("broken_stream", f"the server answered nothing (its reason: {reason})"))
            return
        read, written = count(value.get("prompt_eval_count")), count(value.get("eval_count"))
        usage = Usage(input=read, output=written, estimated=not read) if read or written else None
        yield from self._finished(_STOPS.get(reason, "end"), usage)


def _written(given: object) -> str:
    try:
        return "" if given is None else msgspec.json.encode(given).decode()
    except (ValueError, RecursionError):
        return "{"  # half a character in it: told as arguments that can't be read
