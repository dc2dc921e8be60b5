"""The answer half of OpenAI Responses: bytes of a streamed body -> events.

It decides when an output item is whole (a call is given once, at its `done`; text at once), what the end means and
which usage counts. A reasoning item with encrypted content is kept as it came, for the codec to send back. The order of
the stream is the order of events: `sequence_number` is not looked at, because several servers count badly. What was
streamed is never read again from the whole response at the end, so nothing is doubled. Events that it does not know
are passed by. Pure, and never raises for what a server sends. Caller: `openai_responses`.

Source: https://developers.openai.com/docs/guides/streaming-responses
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from agentd.providers.base import Failure, ModelEvent, StopCause, Usage
from agentd.providers.failure_body import read_error
from agentd.providers.failures import from_error
from agentd.providers.reading import MOST_CALLS, EventStream, count, mapping, text

__all__ = ["KIND", "ResponsesStream"]

KIND = "openai-responses"

_MOST_ITEMS = 4_096
"""Output items of one answer. The longest real ones have some hundreds of reasoning steps and calls."""

_INCOMPLETE: Mapping[str, StopCause] = {"max_output_tokens": "length", "content_filter": "filtered"}


@dataclass(slots=True)
class _Item:
    """An output item as far as it has come. `shown`: some of its words have been given."""

    kind: str = ""
    call_id: str = ""
    name: str = ""
    pieces: list[str] = field(default_factory=list)
    shown: bool = False
    done: bool = False
    summary: object = None


class ResponsesStream(EventStream):
    """The decoder of one response. `host`: whose reasoning this is, kept beside it."""

    def __init__(self, host: str = "") -> None:
        super().__init__()
        self._host = host
        self._items: dict[object, _Item] = {}
        self._refused = False

    def _take(self, value: Mapping[str, object], name: str) -> Iterator[ModelEvent]:
        match text(value.get("type")) or name:
            case "response.output_item.added":
                yield from self._begin(value)
            case "response.output_item.done":
                yield from self._done(self._item(value), mapping(value.get("item")))
            case "response.output_text.delta":
                yield from self._spoken(self._item(value), text(value.get("delta")))
            case "response.refusal.delta":
                self._refused = True
                yield from self._spoken(self._item(value), text(value.get("delta")))
            case "response.reasoning_summary_text.delta" | "response.reasoning_text.delta":
                yield from self._thought(self._item(value), value)
            case "response.function_call_arguments.delta":
                item, piece = self._item(value), text(value.get("delta"))
                item.pieces.append(piece)
                yield from self._gather(piece)
            case "response.function_call_arguments.done" if isinstance(value.get("arguments"), str):
                self._item(value).pieces = [text(value["arguments"])]
            case "response.completed" | "response.incomplete":
                yield from self._end(mapping(value.get("response")))
            case "response.failed":
                yield self._fail(from_error(read_error(mapping(value.get("response")).get("error"))))
            case "error":
                yield self._fail(from_error(read_error(dict(value))))
            case _:
                pass
        if len(self._items) > _MOST_ITEMS and not self.over:
            yield self._fail(Failure("broken_stream", f"the answer has more than {_MOST_ITEMS} items"))

    def _take_whole(self, value: Mapping[str, object]) -> Iterator[ModelEvent]:
        if value.get("error") or value.get("status") == "failed":
            yield self._fail(from_error(read_error(value.get("error") or dict(value))))
        elif isinstance(value.get("output"), list):
            yield from self._end(value)

    def _owed(self) -> Iterator[ModelEvent]:
        return iter(())  # only `completed` and its like end an answer

    def _item(self, value: Mapping[str, object]) -> _Item:
        """The item that an event is about, by its place in the output, else by its id."""
        index = value.get("output_index")
        by_id = text(value.get("item_id")) or text(mapping(value.get("item")).get("id"))
        return self._items.setdefault(index if isinstance(index, int) else by_id, _Item())

    def _begin(self, value: Mapping[str, object]) -> Iterator[ModelEvent]:
        item, begun = self._item(value), mapping(value.get("item"))
        item.kind = text(begun.get("type"))
        item.call_id, item.name = text(begun.get("call_id")), text(begun.get("name"))
        if item.kind == "function_call":
            self._any = True
            if sum(one.kind == "function_call" for one in self._items.values()) > MOST_CALLS:
                yield self._fail(Failure("broken_stream", f"the model asked for more than {MOST_CALLS} tools at once"))

    def _spoken(self, item: _Item, words: str) -> Iterator[ModelEvent]:
        item.shown = True
        yield from self._say(words)

    def _thought(self, item: _Item, value: Mapping[str, object]) -> Iterator[ModelEvent]:
        part = value.get("summary_index", value.get("content_index"))
        if item.shown and part != item.summary:
            yield from self._think("\n\n")  # another part of the summary
        item.shown, item.summary = True, part
        yield from self._think(text(value.get("delta")))

    def _done(self, item: _Item, told: Mapping[str, object]) -> Iterator[ModelEvent]:
        """An item is whole: give what was not given yet."""
        if item.done:
            return
        item.done = True
        match text(told.get("type")) or item.kind:
            case "message" if not item.shown:
                for part in _parts(told.get("content")):
                    self._refused = self._refused or "refusal" in part
                    yield from self._say(text(part.get("text")) or text(part.get("refusal")))
            case "function_call":
                raw = told.get("arguments")
                raw = raw if isinstance(raw, str) and raw else "".join(item.pieces)
                yield from self._call(
                    text(told.get("call_id")) or item.call_id, text(told.get("name")) or item.name, raw
                )
            case "reasoning":
                if not item.shown:
                    words = [text(part.get("text")) for part in _parts(told.get("summary"))]
                    yield from self._think("\n\n".join(word for word in words if word))
                if text(told.get("encrypted_content")):
                    kept = {name: part for name, part in told.items() if name != "status"}  # the server's, not ours
                    yield from self._keep(KIND, {"host": self._host, "item": kept})
            case _:
                pass

    def _end(self, response: Mapping[str, object]) -> Iterator[ModelEvent]:
        told = list(_parts(response.get("output")))
        if told and not any(item.shown or item.done or item.pieces for item in self._items.values()):
            for item in told:  # a server that streams only the end, or nothing
                yield from self._done(_Item(), item)
        else:
            for begun in list(self._items.values()):
                if begun.kind == "function_call":
                    yield from self._done(begun, {})
        if self.over:
            return
        reason = text(mapping(response.get("incomplete_details")).get("reason"))
        stop: StopCause = "refused" if self._refused else "end"
        if response.get("status") == "incomplete" or reason:
            stop = _INCOMPLETE.get(reason, "length")
        yield from self._finished(stop, _usage(response.get("usage")))


def _parts(value: object) -> Iterator[Mapping[str, object]]:
    yield from (part for part in (value if isinstance(value, list) else ()) if isinstance(part, dict))


def _usage(told: object) -> Usage | None:
    usage = mapping(told)
    if not usage:
        return None
    read, written = mapping(usage.get("input_tokens_details")), mapping(usage.get("output_tokens_details"))
    return Usage(
        input=count(usage.get("input_tokens")),
        output=count(usage.get("output_tokens")),
        cached=count(read.get("cached_tokens")),
        cache_written=count(read.get("cache_write_tokens")),
        reasoning=count(written.get("reasoning_tokens")),
    )
