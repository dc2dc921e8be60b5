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

import msgspec

from agentd.providers.base import Failure, ModelEvent, StopCause, ThinkingPiece, ToolUse, Usage
from agentd.providers.failure_body import read_error
from agentd.providers.failures import from_error
from agentd.providers.reading import MOST_CALLS, EventStream, count, mapping, text, tool_arguments

__all__ = ["ChatStream"]

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
class _Call:
    """A tool call as far as it has come."""

    index: int | None
    model_id: str = ""
    name: str = ""
    pieces: list[str] = field(default_factory=list)

    def whole(self) -> ToolUse:
        raw = "".join(self.pieces)
        return ToolUse(self.model_id, self.name, tool_arguments(raw), raw)


class ChatStream(EventStream):
    """The decoder of one response."""

    def __init__(self) -> None:
        super().__init__()
        self._open: list[_Call] = []
        self._finish: str | None = None
        self._refused = False
        self._usage: Usage | None = None

    def _take(self, value: Mapping[str, object], name: str) -> Iterator[ModelEvent]:
        if name == "error" or value.get("error") or value.get("object") == "error":
            yield self._fail(from_error(read_error(dict(value))))
            return
        usage = value.get("usage")
        if isinstance(usage, dict):
            self._usage = _usage(usage)
        choices = value.get("choices")
        if not isinstance(choices, list) or not choices or not isinstance(choices[0], dict):
            return
        choice = choices[0]
        yield from self._delta(mapping(choice.get("delta") or choice.get("message")))
        finish = choice.get("finish_reason")
        if finish == "error":
            yield self._fail(from_error(read_error(choice)))
        elif isinstance(finish, str) and finish:
            self._finish = finish

    def _take_whole(self, value: Mapping[str, object]) -> Iterator[ModelEvent]:
        """A server that did not stream: one completion, or an error with status 200."""
        return self._take(value, "")

    def _told_done(self) -> Iterator[ModelEvent]:
        if self._finish is None and not self._any:
            yield self._broke()
        else:
            yield from self._end()

    def _owed(self) -> Iterator[ModelEvent]:
        return iter(()) if self._finish is None else self._end()

    def _delta(self, delta: Mapping[str, object]) -> Iterator[ModelEvent]:
        thought = delta.get("reasoning_content") or delta.get("reasoning")
        if thought == "":
            self._any = True  # a model that is asked to think and has begun with nothing
            yield ThinkingPiece("")
        yield from self._think(text(thought))
        content = delta.get("content")
        if isinstance(content, list):
            yield from self._parts(content)
        yield from self._say(text(content))
        refusal = text(delta.get("refusal"))
        self._refused = self._refused or bool(refusal)
        yield from self._say(refusal)
        calls = delta.get("tool_calls")
        for call in calls if isinstance(calls, list) else ():
            if isinstance(call, dict):
                self._any = True
                yield from self._piece(call)

    def _parts(self, parts: list[object]) -> Iterator[ModelEvent]:
        """Content as a list of parts (Mistral's form): text, and thinking as a list of text parts."""
        for part in map(mapping, parts):
            yield from self._say(text(part.get("text")))
            thought = part.get("thinking")
            words = [
                str(word["text"])
                for word in map(mapping, thought if isinstance(thought, list) else ())
                if "text" in word
            ]
            yield from self._think("".join(words))

    def _piece(self, call: dict[str, object]) -> Iterator[ModelEvent]:
        function = mapping(call.get("function"))
        name, model_id = text(function.get("name")), text(call.get("id"))
        index = call.get("index")
        so_far = self._so_far(index if isinstance(index, int) else None, model_id, name)
        if so_far is None:
            yield self._fail(Failure("broken_stream", f"the model asked for more than {MOST_CALLS} tools at once"))
            return
        so_far.model_id = so_far.model_id or model_id
        if name and name != so_far.name and not so_far.pieces:
            so_far.name += name
        arguments = function.get("arguments")
        piece = msgspec.json.encode(arguments).decode() if isinstance(arguments, dict) else text(arguments)
        if piece:
            so_far.pieces.append(piece)
            yield from self._gather(piece)

    def _so_far(self, index: int | None, model_id: str, name: str) -> _Call | None:
        """The call that a piece belongs to; a new one when none fits; None when there are too many.

        Without an index, and where whole calls all carry index 0, another id beside a name begins another call.
        """
        if index is None:
            old = self._open[-1] if self._open else None
        else:
            old = next((call for call in reversed(self._open) if call.index == index), None)
        begins = bool(name) and (
            (bool(model_id) and old is not None and old.model_id not in ("", model_id))
            or (index is None and not model_id)
        )
        if old is not None and not begins:
            return old
        if len(self._open) >= MOST_CALLS:
            return None
        self._open.append(_Call(index))
        return self._open[-1]

    def _end(self) -> Iterator[ModelEvent]:
        calls = [call.whole() for call in self._open if call.name]
        yield from calls
        self._calls = len(calls)  # several local servers say "stop" after a call
        self._size += self._argument_chars
        yield from self._finished(
            "refused" if self._refused else _STOPS.get(self._finish or "stop", "end"), self._usage
        )


def _usage(told: Mapping[str, object]) -> Usage:
    prompt, completion = mapping(told.get("prompt_tokens_details")), mapping(told.get("completion_tokens_details"))
    return Usage(
        input=count(told.get("prompt_tokens")),
        output=count(told.get("completion_tokens")),
        cached=count(prompt.get("cached_tokens")) or count(told.get("prompt_cache_hit_tokens")),
        reasoning=count(completion.get("reasoning_tokens")),
    )
