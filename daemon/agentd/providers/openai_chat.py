"""OpenAI Chat Completions, and every server that speaks it: a request to bytes, streamed bytes to events.

It decides the body's bytes (fixed order: model, stream, parameters, tools, messages last); what each chunk of the
answer means is `openai_chat_stream`'s. Pure: it never waits, never keeps a key, and never changes an earlier message's
bytes when the conversation grows, so that servers reuse their prompt cache. Caller: `call.HttpProvider`.

Source: https://developers.openai.com/api/reference (chat completions: create, and the chunk object).
Thinking is not sent back: the format has no field for it. Pictures of results go into the user's message behind them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Literal, assert_never

import msgspec

from agentd.providers.base import Decoder, Failure, ModelMessage, ModelRequest, ToolDefinition
from agentd.providers.failures import classify
from agentd.providers.openai_chat_stream import ChatStream
from agentd.providers.writing import NEVER_REASONS, CallIds, Pictures, image_behind, image_in_words, joined, kept_part
from agentd.providers.writing_schema import NAME, is_strict
from agentproto.content import ImageBlock, TextBlock, ThinkingBlock, ToolResultBlock, ToolUseBlock

__all__ = ["OpenAIChat"]


_MOST_ID_CHARS = 40
"""OpenAI refuses a longer id of a call, also in what was said long ago."""


class _Function(msgspec.Struct, frozen=True):
    name: str
    description: str
    parameters: Mapping[str, object]


class _Tool(msgspec.Struct, frozen=True):
    type: str
    function: _Function


class _CalledFunction(msgspec.Struct, frozen=True):
    name: str
    arguments: str


class _Call(msgspec.Struct, frozen=True):
    id: str
    type: str
    function: _CalledFunction


class _System(msgspec.Struct, frozen=True, tag="system", tag_field="role"):
    content: str


class _Text(msgspec.Struct, frozen=True, tag="text", tag_field="type"):
    text: str


class _Url(msgspec.Struct, frozen=True):
    url: str


class _Image(msgspec.Struct, frozen=True, tag="image_url", tag_field="type"):
    image_url: _Url


class _User(msgspec.Struct, frozen=True, tag="user", tag_field="role"):
    content: str | list[_Text | _Image]


class _Assistant(msgspec.Struct, frozen=True, tag="assistant", tag_field="role"):
    content: str | None
    tool_calls: tuple[_Call, ...] | msgspec.UnsetType = msgspec.UNSET


class _Result(msgspec.Struct, frozen=True, tag="tool", tag_field="role"):
    tool_call_id: str
    content: str


class _StreamOptions(msgspec.Struct, frozen=True):
    include_usage: bool


_Message = _System | _User | _Assistant | _Result


class _Schema(msgspec.Struct, frozen=True):
    name: str
    schema: Mapping[str, object]
    strict: bool


class _Format(msgspec.Struct, frozen=True):
    type: str
    json_schema: _Schema


class _Body(msgspec.Struct, frozen=True, kw_only=True):
    """The order of the fields is the order of the bytes."""

    model: str
    stream: bool = True
    stream_options: _StreamOptions = _StreamOptions(True)
    max_tokens: int | msgspec.UnsetType = msgspec.UNSET
    max_completion_tokens: int | msgspec.UnsetType = msgspec.UNSET
    temperature: float | msgspec.UnsetType = msgspec.UNSET
    reasoning_effort: str | msgspec.UnsetType = msgspec.UNSET
    response_format: _Format | msgspec.UnsetType = msgspec.UNSET
    tools: tuple[_Tool, ...] | msgspec.UnsetType = msgspec.UNSET
    messages: tuple[_Message, ...] = ()


@dataclass(frozen=True, slots=True)
class OpenAIChat:
    """The codec. `limit_field`: all servers know `max_tokens`; OpenAI's own newer models want the other name, which is
    how it knows that it talks to them."""

    limit_field: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    kind: str = "openai-chat"

    def path(self) -> str:
        return "/chat/completions"

    def headers(self, key: str | None) -> Mapping[str, str]:
        return {"authorization": f"Bearer {key}"} if key else {}

    def encode(self, request: ModelRequest) -> bytes:
        """The body. Keys of schemas and arguments keep the order they have in the request: models write arguments in
        the order of the schema, and what they wrote comes back to them unchanged."""
        old_name = self.limit_field == "max_tokens"
        effort = "" if not old_name and NEVER_REASONS.match(request.model) else request.effort
        warmth = None if effort and not old_name else request.temperature  # OpenAI's models refuse both together
        body = _Body(
            model=request.model,
            max_tokens=request.max_output if old_name else msgspec.UNSET,
            max_completion_tokens=msgspec.UNSET if old_name else request.max_output,
            temperature=msgspec.UNSET if warmth is None else warmth,
            reasoning_effort=effort or msgspec.UNSET,
            response_format=msgspec.UNSET if request.schema is None else _format(request.schema),
            tools=tuple(_tool(tool) for tool in request.tools) or msgspec.UNSET,
        )
        head = msgspec.json.encode(body)[:-2]
        settled = max(0, len(request.messages) - 1)
        write = partial(_messages, pictures=Pictures(request))
        first, ids = kept_part(request, self, settled, write, _Ids)
        return joined(head, (_system(request), first, write(request.messages[settled:], ids)))

    def decoder(self) -> Decoder:
        return ChatStream()

    def failure(self, status: int, headers: Mapping[str, str], body: bytes, now_ms: int) -> Failure:
        return classify(status, headers, body, now_ms)


def _format(schema: Mapping[str, object]) -> _Format:
    return _Format("json_schema", _Schema(NAME, schema, is_strict(schema)))


def _tool(tool: ToolDefinition) -> _Tool:
    return _Tool("function", _Function(tool.name, tool.description, tool.schema))


def _system(request: ModelRequest) -> bytes:
    sections = [text for _, text in request.system if text]
    return msgspec.json.encode(_System("\n\n".join(sections))) if sections else b""


def _messages(messages: tuple[ModelMessage, ...], ids: CallIds, pictures: Pictures) -> bytes:
    out: list[_Message] = []
    for message in messages:
        if message.role == "user":
            out += _asked(message, ids, pictures)
        else:
            out.append(_answered(message, ids))
    return msgspec.json.encode(out)[1:-1]


def _asked(message: ModelMessage, ids: CallIds, pictures: Pictures) -> Iterator[_Message]:
    """Results first, because they have to follow the message that called; then what was said, as one message. It begins
    with the pictures of the results, which hold words alone."""
    behind: list[_Text | _Image] = []
    said: list[str | _Image] = []
    for block in message.blocks:
        match block:
            case ToolResultBlock():
                words = [block.text]
                for image in block.images:
                    if url := pictures.url(image):
                        behind.append(_Image(_Url(url)))
                    words.append(image_behind(image, len(behind)) if url else image_in_words(image))
                yield _Result(ids.of(block.call), "\n\n".join(word for word in words if word))
            case TextBlock():
                said.append(block.text)
            case ImageBlock():
                url = pictures.url(block)
                said.append(_Image(_Url(url)) if url else image_in_words(block))
            case ThinkingBlock() | ToolUseBlock():
                pass  # never a user's
            case _:
                assert_never(block)
    if behind or any(isinstance(one, _Image) for one in said):
        parts = (_Text(one) if isinstance(one, str) else one for one in said if one)
        yield _User([*behind, *parts])
    elif said:
        yield _User("\n\n".join(one for one in said if isinstance(one, str)))


def _answered(message: ModelMessage, ids: CallIds) -> _Assistant:
    said: list[str] = []
    calls: list[_Call] = []
    for block in message.blocks:
        match block:
            case TextBlock():
                said.append(block.text)
            case ToolUseBlock():
                arguments = msgspec.json.encode(block.arguments).decode()
                calls.append(_Call(ids.new(block), "function", _CalledFunction(block.name, arguments)))
            case ThinkingBlock() | ImageBlock() | ToolResultBlock():
                pass  # thinking has no field in this format; the others are never an assistant's
            case _:
                assert_never(block)
    text = "\n\n".join(said)
    return _Assistant(text or (None if calls else ""), tuple(calls) or msgspec.UNSET)


class _Ids(CallIds):
    """The model's own id goes back as it is, whatever its characters, where it is short enough and not taken yet; else
    our own name for the call, which every server of this format takes."""

    def _choose(self, use: ToolUseBlock) -> str:
        usable = 0 < len(use.model_id) <= _MOST_ID_CHARS and not self._is_taken(use.model_id)
        return use.model_id if usable else use.call

    def _unwritten(self, call: str) -> str:
        return call
