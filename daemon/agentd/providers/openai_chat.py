"""OpenAI Chat Completions, and every server that speaks it: a request to bytes, streamed bytes to events.

It decides the body's bytes (fixed order: model, stream, parameters, tools, messages last); what each chunk of the
answer means is `openai_chat_stream`'s. Pure: it never waits, never keeps a key, and never changes an earlier message's
bytes when the conversation grows, so that servers reuse their prompt cache. For the same reason it need not encode them
again: with `ModelRequest.encoded` it keeps the bytes of all messages but the last. Caller: `call.HttpProvider`.

Source: https://developers.openai.com/api/reference (chat completions: create, and the chunk object).
Thinking is not sent back: the format has no field for it. Images are told in words: their bytes are not in a request.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from operator import is_
from typing import Literal, assert_never

import msgspec

from agentd.providers.base import Decoder, Encoded, Failure, ModelMessage, ModelRequest, ToolDefinition
from agentd.providers.failures import classify
from agentd.providers.openai_chat_stream import ChatStream
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


class _User(msgspec.Struct, frozen=True, tag="user", tag_field="role"):
    content: str


class _Assistant(msgspec.Struct, frozen=True, tag="assistant", tag_field="role"):
    content: str | None
    tool_calls: tuple[_Call, ...] | msgspec.UnsetType = msgspec.UNSET


class _Result(msgspec.Struct, frozen=True, tag="tool", tag_field="role"):
    tool_call_id: str
    content: str


class _StreamOptions(msgspec.Struct, frozen=True):
    include_usage: bool


_Message = _System | _User | _Assistant | _Result


class _Body(msgspec.Struct, frozen=True, kw_only=True):
    """The order of the fields is the order of the bytes."""

    model: str
    stream: bool = True
    stream_options: _StreamOptions = _StreamOptions(True)
    max_tokens: int | msgspec.UnsetType = msgspec.UNSET
    max_completion_tokens: int | msgspec.UnsetType = msgspec.UNSET
    temperature: float | msgspec.UnsetType = msgspec.UNSET
    tools: tuple[_Tool, ...] | msgspec.UnsetType = msgspec.UNSET
    messages: tuple[_Message, ...] = ()


@dataclass(frozen=True, slots=True)
class OpenAIChat:
    """The codec. `limit_field`: all servers know `max_tokens`; OpenAI's own newer models want the other name."""

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
        body = _Body(
            model=request.model,
            max_tokens=request.max_output if old_name else msgspec.UNSET,
            max_completion_tokens=msgspec.UNSET if old_name else request.max_output,
            temperature=msgspec.UNSET if request.temperature is None else request.temperature,
            tools=tuple(_tool(tool) for tool in request.tools) or msgspec.UNSET,
        )
        parts: list[bytes | bytearray] = [msgspec.json.encode(body)[:-2]]
        for messages in (_system(request), *_conversation(request)):
            if messages:
                parts += (messages, b",")
        if len(parts) > 1:
            parts.pop()
        return b"".join((*parts, b"]}"))  # one copy of what may be megabytes

    def decoder(self) -> Decoder:
        return ChatStream()

    def failure(self, status: int, headers: Mapping[str, str], body: bytes, now_ms: int) -> Failure:
        return classify(status, headers, body, now_ms)


def _tool(tool: ToolDefinition) -> _Tool:
    return _Tool("function", _Function(tool.name, tool.description, tool.schema))


def _system(request: ModelRequest) -> bytes:
    sections = [text for _, text in request.system if text]
    return msgspec.json.encode(_System("\n\n".join(sections))) if sections else b""


class _Kept:
    """The beginning of a conversation: its messages, their bytes with commas between, and the ids given in them."""

    def __init__(self) -> None:
        self.messages: list[ModelMessage] = []
        self.data = bytearray()
        self.ids = _CallIds()

    def begins(self, messages: tuple[ModelMessage, ...]) -> bool:
        """By identity: equal arguments of a call may have their keys in another order, which is other bytes."""
        return len(self.messages) <= len(messages) and all(map(is_, self.messages, messages))

    def grow(self, messages: tuple[ModelMessage, ...]) -> None:
        more = _encoded(messages, self.ids)
        if more:
            self.data += b"," + more if self.data else more
        self.messages += messages


def _conversation(request: ModelRequest) -> tuple[bytes | bytearray, bytes]:
    """All messages: those that are kept, and what may still change, which is the last one."""
    messages, encoded = request.messages, request.encoded or Encoded()
    kept, encoded.kept = encoded.kept, None  # what fails half-way is not used again
    if not isinstance(kept, _Kept) or not kept.begins(messages):
        kept = _Kept()
    kept.grow(messages[len(kept.messages) : -1])
    last = _encoded(messages[len(kept.messages) :], _CallIds(kept.ids))
    encoded.kept = kept
    return kept.data, last


def _encoded(messages: tuple[ModelMessage, ...], ids: _CallIds) -> bytes:
    """Messages with commas between; empty when nothing of them is sent."""
    out: list[_Message] = []
    for message in messages:
        if message.role == "user":
            out += _user(message, ids)
        else:
            out.append(_assistant(message, ids))
    return msgspec.json.encode(out)[1:-1]


def _user(message: ModelMessage, ids: _CallIds) -> Iterator[_Message]:
    """Results first, because they have to follow the message that called; then what was said, as one message."""
    said: list[str] = []
    for block in message.blocks:
        match block:
            case ToolResultBlock():
                words = [block.text, *(_image(image) for image in block.images)]
                yield _Result(ids.of(block.call), "\n\n".join(word for word in words if word))
            case TextBlock():
                said.append(block.text)
            case ImageBlock():
                said.append(_image(block))
            case ThinkingBlock() | ToolUseBlock():
                pass  # never a user's
            case _:
                assert_never(block)
    if said:
        yield _User("\n\n".join(said))


def _assistant(message: ModelMessage, ids: _CallIds) -> _Assistant:
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


def _image(image: ImageBlock) -> str:
    size = f" of {image.width}x{image.height} pixels" if image.width and image.height else ""
    return f"[an image ({image.media_type}){size}, which this connection can't show to the model]"


class _CallIds:
    """Our call -> the id that stands in the request: the model's own where it gave one that is not taken yet.

    Some local servers give every call the same id, and a second model did not make the first one's ids; both must not
    confuse the pairing. An id depends on earlier messages only, so a growing conversation keeps its bytes.
    `before`: the ids of what was said before, which are asked and not changed.
    """

    def __init__(self, before: _CallIds | None = None) -> None:
        self._before = before
        self._given: dict[str, str] = {}
        self._taken: set[str] = set()

    def new(self, use: ToolUseBlock) -> str:
        usable = 0 < len(use.model_id) <= _MOST_ID_CHARS and not self._is_taken(use.model_id)
        chosen = use.model_id if usable else use.call
        self._given[use.call] = chosen
        self._taken.add(chosen)
        return chosen

    def of(self, call: str) -> str:
        if call in self._given or self._before is None:
            return self._given.get(call, call)
        return self._before.of(call)

    def _is_taken(self, id: str) -> bool:
        return id in self._taken or (self._before is not None and self._before._is_taken(id))
