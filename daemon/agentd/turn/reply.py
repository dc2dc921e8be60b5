"""A streaming reply, gathered: model events in, whole blocks and deltas out. Pure but for being a collector.

Items are named `<step>.<index>`, index being the block's place in the whole reply; when a call is made again, the
`step.retried` before it tells readers to begin its items anew. Callers: `turn.model_call`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from agentd.providers.base import Ended, Failure, ModelEvent, TextPiece, ThinkingPiece, ToolUse
from agentproto.api.turn import TurnUsage
from agentproto.content import Block, ProviderPart, TextBlock, ThinkingBlock, ToolUseBlock

__all__ = ["UNREADABLE", "Delta", "Kind", "Reply", "whole_text", "whole_value"]

Kind = Literal["text", "thinking", "output"]

UNREADABLE = "__unreadable__"
"""The key under which arguments that are no JSON object are kept, as the text that the model wrote."""


@dataclass(frozen=True, slots=True)
class Delta:
    """New text of an item; `offset` in UTF-8 bytes."""

    item: str
    kind: Kind
    offset: int
    text: str


class Reply:
    """Collects one model call's events."""

    def __init__(self, step: str) -> None:
        self._step = step
        self._blocks: list[Block] = []
        self._open: list[str] = []
        self._open_kind: Kind | None = None
        self._open_bytes = 0
        self._calls = 0
        self.bytes = 0
        self.ended: Ended | None = None
        self.failure: Failure | None = None

    def take(self, event: ModelEvent) -> Delta | None:
        """The delta to show, if the event has one."""
        self.bytes += _size(event)
        match event:
            case TextPiece(text):
                return self._piece("text", text)
            case ThinkingPiece(text, provider):
                delta = self._piece("thinking", text)
                if provider is not None:
                    if self._open_kind != "thinking":  # hidden thinking: there is a part, and nothing to read
                        self._close_item()
                        self._open_kind = "thinking"
                    self._close_item(provider)
                return delta
            case ToolUse():
                self._close_item()
                self._calls += 1
                given = event.arguments if event.arguments is not None else {UNREADABLE: event.raw}
                arguments = {whole_text(name): whole_value(value) for name, value in given.items()}
                self._blocks.append(
                    ToolUseBlock(
                        f"{self._step}.{self._calls}", event.name, arguments, event.model_id, provider=event.provider
                    )
                )
                return None
            case Ended():
                self.ended = event
                return None
            case Failure():
                self.failure = event
                return None

    def _piece(self, kind: Kind, text: str) -> Delta | None:
        if not text:
            return None
        text = whole_text(text)
        if kind != self._open_kind:
            self._close_item()
            self._open_kind = kind
        delta = Delta(self.item, kind, self._open_bytes, text)
        self._open.append(text)
        self._open_bytes += len(text.encode(errors="replace"))
        return delta

    @property
    def item(self) -> str:
        """Name of the item that is streaming now."""
        return f"{self._step}.{len(self._blocks)}"

    @property
    def live(self) -> Delta | None:
        """The streaming item's whole text so far, as one delta from its beginning."""
        if self._open_kind is None or not self._open:
            return None
        return Delta(self.item, self._open_kind, 0, "".join(self._open))

    def _close_item(self, provider: ProviderPart | None = None) -> None:
        text = "".join(self._open)
        if self._open_kind == "text" and text:
            self._blocks.append(TextBlock(text))
        elif self._open_kind == "thinking" and (text or provider is not None):
            self._blocks.append(ThinkingBlock(text, provider))
        self._open, self._open_kind, self._open_bytes = [], None, 0

    def blocks(self, *, interrupted: bool = False) -> tuple[Block, ...]:
        """The whole reply; of an interrupted one the calls are left out: nobody will run them."""
        self._close_item()
        if interrupted:
            return tuple(block for block in self._blocks if not isinstance(block, ToolUseBlock))
        return tuple(self._blocks)

    def text(self) -> str:
        """What was shown so far, for a reply that broke."""
        self._close_item()
        return "\n\n".join(block.text for block in self._blocks if isinstance(block, TextBlock))

    def usage(self, projected_input: int) -> TurnUsage:
        """As the server told it; else estimated: the projected input and a token for four bytes of text."""
        if self.ended is not None and not self.ended.usage.estimated:
            told = self.ended.usage
            return TurnUsage(
                input=told.input,
                output=told.output,
                cached=told.cached,
                cache_written=told.cache_written,
                reasoning=told.reasoning,
            )
        size = sum(len(block.text.encode()) for block in self._blocks if isinstance(block, TextBlock | ThinkingBlock))
        return TurnUsage(input=projected_input, output=(size + 3) // 4, estimated=True)


def _size(event: ModelEvent) -> int:
    """Bytes of what the model wrote."""
    match event:
        case TextPiece() | ThinkingPiece():
            return len(event.text.encode(errors="replace"))
        case ToolUse():
            return len(event.name) + len(event.raw.encode(errors="replace"))
        case _:
            return 0


def whole_text(text: str) -> str:
    """`text` without halves of surrogate pairs, which a JSON escape can make and no encoding can write."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")


def whole_value(value: object) -> object:
    """The same for every text in a value of JSON."""
    match value:
        case str():
            return whole_text(value)
        case dict():
            return {whole_value(key): whole_value(inner) for key, inner in value.items()}
        case list():
            return [whole_value(inner) for inner in value]
        case _:
            return value
