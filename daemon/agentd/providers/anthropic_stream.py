"""The answer half of Anthropic Messages: bytes of a streamed body -> events.

It decides when a block is whole, what a stop reason means and which counters add up to our usage: the maker counts
what was read from and written to its cache apart from `input_tokens`, we count both as parts of the input. Thinking is
kept with its signature as it came, redacted thinking too, for the codec to send back. Events and blocks that it does
not know are passed by, as the contract asks. Pure, and never raises for what a server sends. Caller: `anthropic`.

Source: https://platform.claude.com/docs/en/build-with-claude/streaming
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import msgspec

from agentd.providers.base import Failure, ModelEvent, StopCause, Usage
from agentd.providers.failure_body import read_error
from agentd.providers.failures import from_error
from agentd.providers.reading import EventStream, count, mapping, text

__all__ = ["KIND", "MessagesStream"]

KIND = "anthropic"

_MOST_OPEN = 1_024
"""Blocks that have begun and not ended; a real answer has one."""

_STOPS: Mapping[str, StopCause] = {
    "end_turn": "end",
    "tool_use": "tool_use",
    "max_tokens": "length",
    "stop_sequence": "end",
    "refusal": "refused",
    "pause_turn": "end",  # only tools that run at the maker's pause, and none is asked for
    "model_context_window_exceeded": "length",
}

_COUNTERS = ("input_tokens", "output_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")


@dataclass(slots=True)
class _Block:
    """A content block as far as it has come."""

    kind: str
    model_id: str = ""
    name: str = ""
    given: object = None
    data: str = ""
    signature: str = ""
    pieces: list[str] = field(default_factory=list)


class MessagesStream(EventStream):
    """The decoder of one response. `host`: whose thinking this is, kept beside it."""

    def __init__(self, host: str = "") -> None:
        super().__init__()
        self._host = host
        self._open: dict[int, _Block] = {}
        self._stop: str | None = None
        self._counted: dict[str, int] = {}

    def _take(self, value: Mapping[str, object], name: str) -> Iterator[ModelEvent]:
        match text(value.get("type")) or name:
            case "message_start":
                self._count(mapping(value.get("message")).get("usage"))
            case "content_block_start":
                yield from self._begin(_index(value), mapping(value.get("content_block")))
            case "content_block_delta":
                yield from self._delta(_index(value), mapping(value.get("delta")))
            case "content_block_stop":
                yield from self._close(_index(value))
            case "message_delta":
                self._stop = text(mapping(value.get("delta")).get("stop_reason")) or self._stop
                self._count(value.get("usage"))
            case "message_stop":
                if self._stop is None and not self._any:
                    yield self._broke()
                else:
                    yield from self._end()
            case "error":
                yield self._fail(from_error(read_error(dict(value))))
            case _:
                pass  # ping, and whatever is added one day

    def _take_whole(self, value: Mapping[str, object]) -> Iterator[ModelEvent]:
        if value.get("error") or value.get("type") == "error":
            yield self._fail(from_error(read_error(dict(value))))
            return
        content = value.get("content")
        for index, block in enumerate(content if isinstance(content, list) else ()):
            yield from self._begin(index, mapping(block))
            yield from self._close(index)
        self._stop = text(value.get("stop_reason")) or None
        self._count(value.get("usage"))

    def _owed(self) -> Iterator[ModelEvent]:
        if self._stop is not None:
            yield from self._end()

    def _begin(self, index: int, begun: Mapping[str, object]) -> Iterator[ModelEvent]:
        yield from self._close(index)
        if len(self._open) >= _MOST_OPEN:
            yield self._fail(Failure("broken_stream", f"the answer has more than {_MOST_OPEN} unfinished blocks"))
            return
        block = self._open[index] = _Block(
            kind=text(begun.get("type")),
            model_id=text(begun.get("id")),
            name=text(begun.get("name")),
            given=begun.get("input"),
            data=text(begun.get("data")),
            signature=text(begun.get("signature")),
        )
        if block.kind == "text":
            yield from self._say(text(begun.get("text")))
        elif block.kind == "thinking":
            yield from self._thought(block, text(begun.get("thinking")))

    def _delta(self, index: int, delta: Mapping[str, object]) -> Iterator[ModelEvent]:
        block = self._open.get(index)
        match text(delta.get("type")):
            case "text_delta":
                yield from self._say(text(delta.get("text")))
            case "thinking_delta" if block is not None:
                yield from self._thought(block, text(delta.get("thinking")))
            case "signature_delta" if block is not None:
                block.signature += text(delta.get("signature"))
            case "input_json_delta" if block is not None:
                piece = text(delta.get("partial_json"))
                block.pieces.append(piece)
                yield from self._gather(piece)
            case _:
                pass  # citations, and whatever is added one day

    def _thought(self, block: _Block, words: str) -> Iterator[ModelEvent]:
        block.pieces.append(words)
        yield from self._think(words)

    def _close(self, index: int) -> Iterator[ModelEvent]:
        block = self._open.pop(index, None)
        if block is None:
            return
        match block.kind:
            case "tool_use":
                raw = "".join(block.pieces)
                if not raw and isinstance(block.given, dict) and block.given:
                    raw = _written(block.given)  # a server that sends a call whole
                yield from self._call(block.model_id, block.name, raw)
            case "thinking" if block.signature:
                kept = {"type": "thinking", "thinking": "".join(block.pieces), "signature": block.signature}
                yield from self._keep(KIND, {"host": self._host, "block": kept})
            case "redacted_thinking" if block.data:
                redacted = {"type": "redacted_thinking", "data": block.data}
                yield from self._keep(KIND, {"host": self._host, "block": redacted})
            case _:
                pass

    def _end(self) -> Iterator[ModelEvent]:
        for index in list(self._open):
            yield from self._close(index)
            if self.over:
                return
        yield from self._finished(_STOPS.get(self._stop or "end_turn", "end"), self._usage())

    def _count(self, told: object) -> None:
        """Counters only grow: a later event has the sum so far, and some servers leave out what does not change."""
        usage = mapping(told)
        for name in _COUNTERS:
            if name in usage:
                self._counted[name] = max(self._counted.get(name, 0), count(usage[name]))
        details = mapping(usage.get("output_tokens_details"))
        self._counted["thinking"] = max(self._counted.get("thinking", 0), count(details.get("thinking_tokens")))

    def _usage(self) -> Usage | None:
        read, written, cached, stored = (self._counted.get(name, 0) for name in _COUNTERS)
        if not (read or written or cached or stored):
            return None
        return Usage(
            input=read + cached + stored,
            output=written,
            cached=cached,
            cache_written=stored,
            reasoning=self._counted.get("thinking", 0),
        )


def _index(value: Mapping[str, object]) -> int:
    index = value.get("index")
    return index if isinstance(index, int) else 0


def _written(given: Mapping[str, object]) -> str:
    try:
        return msgspec.json.encode(given).decode()
    except (ValueError, RecursionError):
        return "{"  # half a character in it: told as arguments that can't be read
