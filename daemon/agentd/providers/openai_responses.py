"""OpenAI Responses: a request to bytes; `openai_responses_stream` has the way back.

It decides the body's bytes (fixed order: model, parameters, tools, instructions, input last). Nothing is stored at the
server (`store: false`): the whole conversation goes along each time, as items, and a longer one begins with the bytes
of the shorter one. Reasoning is sent back encrypted, as it came, only to the host that made it, and only where what it
led to follows. Pure. Caller: `call.HttpProvider`.

Source: https://developers.openai.com/api/reference (responses: create), .../docs/guides/reasoning,
.../docs/guides/images-vision
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import assert_never

import msgspec

from agentd.providers.base import Decoder, Failure, ModelMessage, ModelRequest, ToolDefinition
from agentd.providers.failures import classify
from agentd.providers.openai_responses_stream import KIND, ResponsesStream
from agentd.providers.writing import NEVER_REASONS, NOTHING, CallIds, Pictures, image_in_words, joined, kept_part
from agentd.providers.writing_schema import NAME, is_strict
from agentproto.content import ImageBlock, ProviderPart, TextBlock, ThinkingBlock, ToolResultBlock, ToolUseBlock

__all__ = ["OpenAIResponses"]

_LEAST_OUTPUT = 16
"""Tokens; the server refuses a smaller limit."""


class _Part(msgspec.Struct, frozen=True):
    type: str
    text: str


class _Image(msgspec.Struct, frozen=True):
    image_url: str
    type: str = "input_image"
    detail: str = "auto"


class _Said(msgspec.Struct, frozen=True, tag="message", tag_field="type"):
    role: str
    content: list[_Part | _Image] | str


class _Call(msgspec.Struct, frozen=True, tag="function_call", tag_field="type"):
    call_id: str
    name: str
    arguments: str


class _Result(msgspec.Struct, frozen=True, tag="function_call_output", tag_field="type"):
    call_id: str
    output: str | list[_Part | _Image]


_Item = _Said | _Call | _Result | Mapping[str, object]


class _Tool(msgspec.Struct, frozen=True):
    type: str
    name: str
    description: str
    parameters: Mapping[str, object]
    strict: bool = False  # the server's default asks more of a schema than most have


class _Format(msgspec.Struct, frozen=True):
    type: str
    name: str
    schema: Mapping[str, object]
    strict: bool


class _Text(msgspec.Struct, frozen=True):
    format: _Format


class _Reasoning(msgspec.Struct, frozen=True):
    effort: str


class _Body(msgspec.Struct, frozen=True, kw_only=True):
    """The order of the fields is the order of the bytes."""

    model: str
    stream: bool = True
    store: bool = False
    include: tuple[str, ...] | msgspec.UnsetType = msgspec.UNSET
    prompt_cache_key: str | msgspec.UnsetType = msgspec.UNSET
    max_output_tokens: int
    temperature: float | msgspec.UnsetType = msgspec.UNSET
    reasoning: _Reasoning | msgspec.UnsetType = msgspec.UNSET
    text: _Text | msgspec.UnsetType = msgspec.UNSET
    tools: tuple[_Tool, ...] | msgspec.UnsetType = msgspec.UNSET
    instructions: str | msgspec.UnsetType = msgspec.UNSET
    input: tuple[_Item, ...] = ()


@dataclass(frozen=True, slots=True)
class OpenAIResponses:
    """The codec. `host`: the server's; reasoning of another one is not sent to it. `cache_key`: what groups requests at
    the server's cache; a session's id only where the user lets it leave, None: nothing is sent."""

    host: str = ""
    cache_key: str | None = None
    kind: str = KIND

    def path(self) -> str:
        return "/responses"

    def headers(self, key: str | None) -> Mapping[str, str]:
        return {"authorization": f"Bearer {key}"} if key else {}

    def encode(self, request: ModelRequest) -> bytes:
        """The body. Keys of schemas and arguments keep the order they have in the request."""
        reasons = not NEVER_REASONS.match(request.model)
        effort = request.effort if reasons else ""
        warmth = None if effort else request.temperature  # models that reason refuse it
        body = _Body(
            model=request.model,
            include=("reasoning.encrypted_content",) if reasons else msgspec.UNSET,
            prompt_cache_key=self.cache_key or msgspec.UNSET,
            max_output_tokens=max(_LEAST_OUTPUT, request.max_output),
            temperature=msgspec.UNSET if warmth is None else warmth,
            reasoning=_Reasoning(effort) if effort else msgspec.UNSET,
            text=msgspec.UNSET if request.schema is None else _text(request.schema),
            tools=tuple(_tool(tool) for tool in request.tools) or msgspec.UNSET,
            instructions="\n\n".join(text for _, text in request.system if text) or msgspec.UNSET,
        )
        head = msgspec.json.encode(body)[:-2]
        settled = max(0, len(request.messages) - 1)
        write = partial(self._items, reasons=reasons, pictures=Pictures(request))
        first, ids = kept_part(request, (self, reasons), settled, write)
        return joined(head, (first, write(request.messages[settled:], ids)))

    def decoder(self) -> Decoder:
        return ResponsesStream(self.host)

    def failure(self, status: int, headers: Mapping[str, str], body: bytes, now_ms: int) -> Failure:
        return classify(status, headers, body, now_ms)

    def _items(self, messages: tuple[ModelMessage, ...], ids: CallIds, *, reasons: bool, pictures: Pictures) -> bytes:
        items: list[_Item] = []
        for message in messages:
            if message.role == "user":
                items += _asked(message, ids, pictures)
            else:
                items += self._answered(message, ids, reasons)
        return msgspec.json.encode(items)[1:-1]

    def _answered(self, message: ModelMessage, ids: CallIds, reasons: bool) -> list[_Item]:
        items: list[_Item] = []
        for block in message.blocks:
            match block:
                case TextBlock():
                    if block.text.strip():
                        items.append(_Said("assistant", block.text))
                case ToolUseBlock():
                    arguments = msgspec.json.encode(block.arguments).decode()
                    items.append(_Call(ids.new(block), block.name, arguments))
                case ThinkingBlock():
                    own = self._own(block.provider) if reasons else None
                    if own is not None and ids.claim(str(own.get("id"))):
                        items.append(own)
                case ImageBlock() | ToolResultBlock():
                    pass  # never an assistant's
                case _:
                    assert_never(block)
        while items and isinstance(items[-1], Mapping):
            items.pop()  # what it led to is not there, and without that the server refuses it
        return items

    def _own(self, part: ProviderPart | None) -> Mapping[str, object] | None:
        """The reasoning item as it came, when it came from this very host."""
        if part is None or part.maker != self.kind or part.data.get("host") != self.host:
            return None
        item = part.data.get("item")
        sound = isinstance(item, dict) and item.get("type") == "reasoning" and isinstance(item.get("summary"), list)
        return item if sound and isinstance(item, dict) else None


def _text(schema: Mapping[str, object]) -> _Text:
    return _Text(_Format("json_schema", NAME, schema, is_strict(schema)))


def _tool(tool: ToolDefinition) -> _Tool:
    return _Tool("function", tool.name, tool.description, tool.schema)


def _asked(message: ModelMessage, ids: CallIds, pictures: Pictures) -> Iterator[_Item]:
    """Results first, then what was said, as one message."""
    said: list[_Part | _Image] = []
    answers = False
    for block in message.blocks:
        match block:
            case ToolResultBlock():
                answers = True
                yield _result(block, ids, pictures)
            case TextBlock():
                if block.text.strip():
                    said.append(_Part("input_text", block.text))
            case ImageBlock():
                url = pictures.url(block)
                said.append(_Image(url) if url else _Part("input_text", image_in_words(block)))
            case ThinkingBlock() | ToolUseBlock():
                pass  # never a user's
            case _:
                assert_never(block)
    if said or not answers:
        yield _Said("user", said or [_Part("input_text", NOTHING)])


def _result(block: ToolResultBlock, ids: CallIds, pictures: Pictures) -> _Result:
    words = [block.text]
    shown: list[_Part | _Image] = []
    for image in block.images:
        if url := pictures.url(image):
            shown.append(_Image(url))
        else:
            words.append(image_in_words(image))
    text = "\n\n".join(word for word in words if word)
    if not shown:
        return _Result(ids.of(block.call), text)
    return _Result(ids.of(block.call), [*([_Part("input_text", text)] if text else []), *shown])
