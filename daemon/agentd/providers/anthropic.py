"""Anthropic Messages: a request to bytes; `anthropic_stream` has the way back.

It decides the body's bytes (fixed order: model, parameters, tools, system, messages last) and where the cache marks
stand: one after tools and system, and one on the last block of each of the last two user messages, all of the format's
default life of five minutes. A longer conversation therefore begins with the bytes of the shorter one but for those
two marks, which move on. It never alters thinking that it sends back, sends it only to the host that made it, and never
sends a message that the format refuses: no empty text, no thinking at an end or behind a call, ids of `[a-zA-Z0-9_-]`.
Pure. Caller: `call.HttpProvider`.

Source: https://platform.claude.com/docs/en/api/messages, .../build-with-claude/prompt-caching,
.../build-with-claude/extended-thinking, .../build-with-claude/vision
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import assert_never

import msgspec

from agentd.providers.anthropic_stream import KIND, MessagesStream
from agentd.providers.base import Decoder, Failure, ModelMessage, ModelRequest
from agentd.providers.failures import classify
from agentd.providers.writing import NOTHING, CallIds, Pictures, image_in_words, joined, kept_part
from agentd.providers.writing_schema import narrowed
from agentproto.content import ImageBlock, ProviderPart, TextBlock, ThinkingBlock, ToolResultBlock, ToolUseBlock

__all__ = ["VERSION", "AnthropicMessages"]

VERSION = "2023-06-01"
"""Of the protocol, sent with every request."""

_MARKED_MESSAGES = 2
"""The newest mark writes the cache; the one before it is where the last request wrote, so that it is found again even
when a step had more blocks than a server looks back over."""

_LARGEST_TEMPERATURE = 1.0

_THINKING = ("thinking", "redacted_thinking")

_THINKING_SHARE: Mapping[str, float] = {"low": 1 / 8, "medium": 1 / 3, "high": 2 / 3}
"""Of the output's limit, which thinking counts against: little thought leaves nearly all of it for the answer, and much
thought still leaves room for a file."""

_LEAST_THINKING = 1_024
"""Tokens; the server refuses a smaller budget."""

_LEAST_ANSWER = 512
"""Tokens that are left for the answer, else thinking is not asked for: less than that is no answer."""

_BY_BUDGET = re.compile(r".*claude-(instant|2|3|[a-z]+-4(?!-[6-9](?!\d)))|(?!.*claude)")
"""Models that are given a budget for thinking: Claude up to 4.5, and other makers' behind this format. Later ones decide
by themselves, and are told the effort."""


class _Mark(msgspec.Struct, frozen=True):
    type: str = "ephemeral"


_MARK = _Mark()


class _Text(msgspec.Struct, frozen=True, tag="text", tag_field="type"):
    text: str
    cache_control: _Mark | msgspec.UnsetType = msgspec.UNSET


class _Source(msgspec.Struct, frozen=True):
    type: str
    media_type: str
    data: str


class _Image(msgspec.Struct, frozen=True, tag="image", tag_field="type"):
    source: _Source
    cache_control: _Mark | msgspec.UnsetType = msgspec.UNSET


class _Use(msgspec.Struct, frozen=True, tag="tool_use", tag_field="type"):
    id: str
    name: str
    input: Mapping[str, object]


class _Result(msgspec.Struct, frozen=True, tag="tool_result", tag_field="type"):
    tool_use_id: str
    content: str | list[_Text | _Image] | msgspec.UnsetType = msgspec.UNSET
    is_error: bool | msgspec.UnsetType = msgspec.UNSET
    cache_control: _Mark | msgspec.UnsetType = msgspec.UNSET


_Part = _Text | _Image | _Use | _Result | Mapping[str, object]


class _Message(msgspec.Struct, frozen=True):
    role: str
    content: list[_Part]


class _Tool(msgspec.Struct, frozen=True):
    name: str
    description: str
    input_schema: Mapping[str, object]
    cache_control: _Mark | msgspec.UnsetType = msgspec.UNSET


class _Thinking(msgspec.Struct, frozen=True):
    type: str
    budget_tokens: int | msgspec.UnsetType = msgspec.UNSET


class _Format(msgspec.Struct, frozen=True):
    type: str
    schema: Mapping[str, object]


class _Output(msgspec.Struct, frozen=True):
    effort: str | msgspec.UnsetType = msgspec.UNSET
    format: _Format | msgspec.UnsetType = msgspec.UNSET


class _Body(msgspec.Struct, frozen=True, kw_only=True):
    """The order of the fields is the order of the bytes."""

    model: str
    max_tokens: int
    stream: bool = True
    temperature: float | msgspec.UnsetType = msgspec.UNSET
    thinking: _Thinking | msgspec.UnsetType = msgspec.UNSET
    output_config: _Output | msgspec.UnsetType = msgspec.UNSET
    tools: list[_Tool] | msgspec.UnsetType = msgspec.UNSET
    system: list[_Text] | msgspec.UnsetType = msgspec.UNSET
    messages: tuple[_Message, ...] = ()


@dataclass(frozen=True, slots=True)
class AnthropicMessages:
    """The codec. `host`: the server's; thinking that another one signed is not sent to it."""

    host: str = ""
    kind: str = KIND

    def path(self) -> str:
        return "/v1/messages"

    def headers(self, key: str | None) -> Mapping[str, str]:
        return {"anthropic-version": VERSION} | ({"x-api-key": key} if key else {})

    def encode(self, request: ModelRequest) -> bytes:
        """The body. Keys of schemas and arguments keep the order they have in the request."""
        tools = [_Tool(tool.name, tool.description, tool.schema) for tool in request.tools]
        system = [_Text(text) for _, text in request.system if text.strip()]
        if system:
            system[-1] = msgspec.structs.replace(system[-1], cache_control=_MARK)
        elif tools:
            tools[-1] = msgspec.structs.replace(tools[-1], cache_control=_MARK)
        thinking = self._thinking(request)
        temperature = request.temperature if thinking is None else None  # the two are refused together
        output = _Output(
            effort=request.effort if thinking is not None and thinking.type == "adaptive" else msgspec.UNSET,
            format=msgspec.UNSET if request.schema is None else _Format("json_schema", narrowed(request.schema)),
        )
        body = _Body(
            model=request.model,
            max_tokens=request.max_output,
            temperature=msgspec.UNSET if temperature is None else min(temperature, _LARGEST_TEMPERATURE),
            thinking=thinking or msgspec.UNSET,
            output_config=msgspec.UNSET if output == _Output() else output,
            tools=tools or msgspec.UNSET,
            system=system or msgspec.UNSET,
        )
        head = msgspec.json.encode(body)[:-2]
        first_marked, pictures = _first_marked(request.messages), Pictures(request)
        settled, ids = kept_part(request, self, first_marked, partial(self._settled, pictures=pictures))
        return joined(head, (settled, self._moving(request.messages[first_marked:], ids, pictures)))

    def decoder(self) -> Decoder:
        return MessagesStream(self.host)

    def failure(self, status: int, headers: Mapping[str, str], body: bytes, now_ms: int) -> Failure:
        return classify(status, headers, body, now_ms)

    def _thinking(self, request: ModelRequest) -> _Thinking | None:
        """How thinking is asked for; None where it is not, or where this request would be refused for it."""
        if not request.effort:
            return None
        if not _BY_BUDGET.match(request.model):
            return _Thinking("adaptive")
        budget = max(_LEAST_THINKING, int(_THINKING_SHARE[request.effort] * request.max_output))
        if budget + _LEAST_ANSWER > request.max_output or not self._may_think(request.messages[-2:-1]):
            return None
        return _Thinking("enabled", budget)

    def _may_think(self, answered: tuple[ModelMessage, ...]) -> bool:
        """With a budget, calls that are answered now have to begin with thinking, which is there only when it was asked
        for then: a turn that began without goes on without."""
        blocks = [block for message in answered for block in message.blocks]
        if not any(isinstance(block, ToolUseBlock) for block in blocks):
            return True
        for block in blocks:
            if isinstance(block, ToolUseBlock) or (isinstance(block, TextBlock) and block.text.strip()):
                return False
            if isinstance(block, ThinkingBlock) and self._own(block.provider) is not None:
                return True
        return False

    def _settled(self, messages: tuple[ModelMessage, ...], ids: CallIds, pictures: Pictures) -> bytes:
        return msgspec.json.encode([self._message(message, ids, pictures) for message in messages])[1:-1]

    def _moving(self, messages: tuple[ModelMessage, ...], ids: CallIds, pictures: Pictures) -> bytes:
        """The end of the conversation: every user's message of it carries a mark."""
        written = [self._message(message, ids, pictures) for message in messages]
        marked = [_marked(message) if message.role == "user" else message for message in written]
        return msgspec.json.encode(marked)[1:-1]

    def _message(self, message: ModelMessage, ids: CallIds, pictures: Pictures) -> _Message:
        if message.role == "user":
            results = [block for block in message.blocks if isinstance(block, ToolResultBlock)]
            content: list[_Part] = [*(_result(block, ids, pictures) for block in results), *_said(message, pictures)]
        else:
            content = self._answer(message, ids)
        return _Message(message.role, content or [_Text(NOTHING)])

    def _answer(self, message: ModelMessage, ids: CallIds) -> list[_Part]:
        content: list[_Part] = []
        called = False
        for block in message.blocks:
            match block:
                case TextBlock():
                    if block.text.strip():
                        content.append(_Text(block.text))
                case ToolUseBlock():
                    called = True
                    content.append(_Use(ids.new(block), block.name, block.arguments))
                case ThinkingBlock():
                    own = self._own(block.provider)
                    if own is not None and not called:
                        content.append(own)
                case ImageBlock() | ToolResultBlock():
                    pass  # never an assistant's
                case _:
                    assert_never(block)
        while content and isinstance(content[-1], Mapping):
            content.pop()
        return content

    def _own(self, part: ProviderPart | None) -> Mapping[str, object] | None:
        """The block as it came, when it came from this very host."""
        if part is None or part.maker != self.kind or part.data.get("host") != self.host:
            return None
        block = part.data.get("block")
        return block if isinstance(block, dict) and block.get("type") in _THINKING else None


def _first_marked(messages: tuple[ModelMessage, ...]) -> int:
    """Where the last two user messages begin; what is before them never changes again."""
    users = [number for number, message in enumerate(messages[-2 * _MARKED_MESSAGES :]) if message.role == "user"]
    skipped = max(0, len(messages) - 2 * _MARKED_MESSAGES)
    return skipped + (users[-_MARKED_MESSAGES:][0] if users else 0)


def _marked(message: _Message) -> _Message:
    last = message.content[-1]
    if isinstance(last, _Text | _Image | _Result):
        return _Message(message.role, [*message.content[:-1], msgspec.structs.replace(last, cache_control=_MARK)])
    return message


def _said(message: ModelMessage, pictures: Pictures) -> Iterator[_Part]:
    for block in message.blocks:
        match block:
            case TextBlock():
                if block.text.strip():
                    yield _Text(block.text)
            case ImageBlock():
                yield _picture(block, pictures) or _Text(image_in_words(block))
            case ThinkingBlock() | ToolUseBlock() | ToolResultBlock():
                pass  # results are in front already, the others never a user's
            case _:
                assert_never(block)


def _picture(image: ImageBlock, pictures: Pictures) -> _Image | None:
    data = pictures.data(image)
    return None if data is None else _Image(_Source("base64", image.media_type, data))


def _result(block: ToolResultBlock, ids: CallIds, pictures: Pictures) -> _Result:
    failed = block.status != "ok"
    words, shown = [block.text], list[_Text | _Image]()
    for image in block.images:
        picture = None if failed else _picture(image, pictures)  # a failed one may hold text alone
        if picture is None:
            words.append(image_in_words(image))
        else:
            shown.append(picture)
    text = "\n\n".join(word for word in words if word)
    content = text if not shown else [_Text(text), *shown] if text.strip() else shown
    return _Result(ids.of(block.call), content or msgspec.UNSET, True if failed else msgspec.UNSET)
