"""Ollama's own `/api/chat`: a request to bytes; `ollama_stream` has the way back.

It decides the body's bytes (fixed order: model, options, tools, messages last). `num_ctx` is said in every request, the
same for a connection: without it the server takes a small window and cuts the prompt silently, and with another one it
loads the model anew. How long the model stays loaded is left to the server's own setting. Results are paired with calls
by their order and the tool's name, because the format has no ids. Thinking is not sent back: most templates drop it,
and it would fill a small window. Pure. Caller: `call.HttpProvider`.

Source: https://docs.ollama.com/api/chat, https://docs.ollama.com/context-length
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import assert_never

import msgspec

from agentd.providers.base import Decoder, Failure, ModelMessage, ModelRequest, ToolDefinition
from agentd.providers.failures import classify
from agentd.providers.ollama_stream import ChatLines
from agentd.providers.writing import CallIds, Pictures, image_behind, image_in_words, joined, kept_part
from agentproto.content import ImageBlock, TextBlock, ThinkingBlock, ToolResultBlock, ToolUseBlock

__all__ = ["OllamaChat"]

_TAKES_LEVELS = re.compile(r"(.*/)?gpt-oss")
"""Models that are told how much to think; all others only whether to. Source: https://docs.ollama.com/capabilities/thinking."""


class _Function(msgspec.Struct, frozen=True):
    name: str
    description: str
    parameters: Mapping[str, object]


class _Tool(msgspec.Struct, frozen=True):
    type: str
    function: _Function


class _CalledFunction(msgspec.Struct, frozen=True):
    name: str
    arguments: Mapping[str, object]


class _Call(msgspec.Struct, frozen=True):
    function: _CalledFunction


class _System(msgspec.Struct, frozen=True, tag="system", tag_field="role"):
    content: str


class _User(msgspec.Struct, frozen=True, tag="user", tag_field="role"):
    content: str
    images: list[str] | msgspec.UnsetType = msgspec.UNSET


class _Assistant(msgspec.Struct, frozen=True, tag="assistant", tag_field="role"):
    content: str
    tool_calls: tuple[_Call, ...] | msgspec.UnsetType = msgspec.UNSET


class _Result(msgspec.Struct, frozen=True, tag="tool", tag_field="role"):
    tool_name: str
    content: str


_Message = _User | _Assistant | _Result


class _Options(msgspec.Struct, frozen=True):
    num_ctx: int
    num_predict: int
    temperature: float | msgspec.UnsetType = msgspec.UNSET


class _Body(msgspec.Struct, frozen=True, kw_only=True):
    """The order of the fields is the order of the bytes."""

    model: str
    stream: bool = True
    think: bool | str | msgspec.UnsetType = msgspec.UNSET
    keep_alive: str | msgspec.UnsetType = msgspec.UNSET
    options: _Options
    format: Mapping[str, object] | msgspec.UnsetType = msgspec.UNSET
    tools: tuple[_Tool, ...] | msgspec.UnsetType = msgspec.UNSET
    messages: tuple[_Message, ...] = ()


@dataclass(frozen=True, slots=True)
class OllamaChat:
    """The codec. `num_ctx`: the connection's window in tokens. `keep_alive`: how long the model stays loaded after an
    answer, like "30m"; None leaves it to the server (`OLLAMA_KEEP_ALIVE`, else five minutes)."""

    num_ctx: int
    keep_alive: str | None = None
    kind: str = "ollama"

    def path(self) -> str:
        return "/api/chat"

    def headers(self, key: str | None) -> Mapping[str, str]:
        return {"accept": "application/x-ndjson"} | ({"authorization": f"Bearer {key}"} if key else {})

    def encode(self, request: ModelRequest) -> bytes:
        """The body. Keys of schemas and arguments keep the order they have in the request."""
        temperature = msgspec.UNSET if request.temperature is None else request.temperature
        body = _Body(
            model=request.model,
            think=_think(request) if request.effort else msgspec.UNSET,
            keep_alive=self.keep_alive or msgspec.UNSET,
            options=_Options(self.num_ctx, request.max_output, temperature),
            format=msgspec.UNSET if request.schema is None else request.schema,
            tools=tuple(_tool(tool) for tool in request.tools) or msgspec.UNSET,
        )
        head = msgspec.json.encode(body)[:-2]
        settled = max(0, len(request.messages) - 1)
        write = partial(_messages, pictures=Pictures(request))
        first, ids = kept_part(request, self, settled, write)
        return joined(head, (_system(request), first, write(request.messages[settled:], ids)))

    def decoder(self) -> Decoder:
        return ChatLines()

    def failure(self, status: int, headers: Mapping[str, str], body: bytes, now_ms: int) -> Failure:
        return classify(status, headers, body, now_ms)


def _think(request: ModelRequest) -> bool | str:
    return request.effort if _TAKES_LEVELS.match(request.model) else True


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
    """Results first, because they have to follow the message that called; then what was said, as one message. It has the
    pictures of the results, too: not every model's template looks for one elsewhere."""
    said: list[str] = []
    shown: list[str] = []
    for block in message.blocks:
        match block:
            case ToolResultBlock():
                words = [block.text]
                for image in block.images:
                    if data := pictures.data(image):
                        shown.append(data)
                    words.append(image_behind(image, len(shown)) if data else image_in_words(image))
                yield _Result(ids.name_of(block.call), "\n\n".join(word for word in words if word))
            case TextBlock():
                said.append(block.text)
            case ImageBlock():
                if data := pictures.data(block):
                    shown.append(data)
                else:
                    said.append(image_in_words(block))
            case ThinkingBlock() | ToolUseBlock():
                pass  # never a user's
            case _:
                assert_never(block)
    if said or shown:
        yield _User("\n\n".join(said), shown or msgspec.UNSET)


def _answered(message: ModelMessage, ids: CallIds) -> _Assistant:
    said: list[str] = []
    calls: list[_Call] = []
    for block in message.blocks:
        match block:
            case TextBlock():
                said.append(block.text)
            case ToolUseBlock():
                ids.new(block)
                calls.append(_Call(_CalledFunction(block.name, block.arguments)))
            case ThinkingBlock() | ImageBlock() | ToolResultBlock():
                pass  # thinking is not sent back; the others are never an assistant's
            case _:
                assert_never(block)
    return _Assistant("\n\n".join(said), tuple(calls) or msgspec.UNSET)
