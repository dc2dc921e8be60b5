"""Arbitrary conversations for codecs: whatever a normalised history may hold, and how it grows from step to step.

`histories` gives a request that `validate.canonical` finds nothing against, with calls whose ids no provider would have
made, parts of every maker, half empty messages and pictures. `wishes` are such requests that ask for more: thinking, an
answer of some form, pictures that are shown.
`steps` are the same conversation's requests in order.
"""

from __future__ import annotations

import dataclasses
import itertools
from typing import get_args

from hypothesis import strategies as st

from agentd.providers.base import Effort, ModelMessage, ModelRequest, ToolDefinition
from agentproto.content import (
    Block,
    ImageBlock,
    ProviderPart,
    TextBlock,
    ThinkingBlock,
    ToolResultBlock,
    ToolUseBlock,
)

__all__ = ["HOST", "histories", "pictures", "steps", "wishes"]

HOST = "a.host"

_WORDS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8)
_TEXTS = _WORDS.filter(str.strip).map(TextBlock)
_IMAGES = st.builds(
    ImageBlock,
    st.sampled_from(["image/png", "image/webp", "image/bmp"]),
    st.sampled_from(["ab", "cd"]),
    st.integers(0, 2),
    st.just(2),
)
_IDS = st.sampled_from(["", "call_0", "toolu_1", "a.b", "a b", "t1_2e1", "x" * 90, "é", "_", "-2"])
_HOSTS = st.sampled_from([HOST, "b.host", ""])
_NAMES = st.sampled_from(["read", "write", "mcp__x__y"])
_ARGUMENTS = st.dictionaries(_WORDS, st.integers(-9, 9) | _WORDS | st.none() | st.lists(_WORDS, max_size=2), max_size=3)


def _part(maker: str, name: str, data: dict[str, object]) -> st.SearchStrategy[ProviderPart]:
    return st.builds(lambda host: ProviderPart(maker, {"host": host, name: data}), _HOSTS)


_PARTS = st.one_of(
    st.none(),
    _part("anthropic", "block", {"type": "thinking", "thinking": "hm", "signature": "Eq+/="}),
    _part("anthropic", "block", {"type": "redacted_thinking", "data": "Em+/="}),
    _part("anthropic", "block", {"type": "text", "text": "no thinking"}),
    st.builds(
        lambda id, host: ProviderPart(
            "openai-responses",
            {"host": host, "item": {"id": id, "type": "reasoning", "summary": [], "encrypted_content": "gA=="}},
        ),
        st.sampled_from(["rs_1", "rs_2", "call_0"]),
        _HOSTS,
    ),
    st.just(ProviderPart("openai-responses", {"host": HOST, "item": []})),
    st.just(ProviderPart("elsewhere", {"x": 1})),
)
_THINKING = st.builds(ThinkingBlock, st.sampled_from(["", "hm"]), _PARTS)
_MAKERS_TEXT = st.builds(TextBlock, st.just(""), st.just(ProviderPart("elsewhere", {})))


@st.composite
def _conversation(draw: st.DrawFn) -> tuple[ModelMessage, ...]:
    numbers = itertools.count(1)
    messages: list[ModelMessage] = []
    owed: list[str] = []
    for _ in range(draw(st.integers(0, 4))):
        messages.append(_user(draw, owed))
        blocks: list[Block] = draw(st.lists(st.one_of(_TEXTS, _THINKING, _MAKERS_TEXT), max_size=3))
        calls = draw(st.lists(st.tuples(_NAMES, _ARGUMENTS, _IDS), max_size=3))
        uses = [
            ToolUseBlock(draw(st.sampled_from(["t1.{}.1", "call_{}", "é {}"])).format(next(numbers)), *call)
            for call in calls
        ]
        owed = [use.call for use in uses]
        blocks = [*blocks, *uses]
        if uses and draw(st.booleans()):
            blocks.append(draw(st.one_of(_TEXTS, _THINKING)))
        if all(isinstance(block, ThinkingBlock) for block in blocks):
            blocks.append(draw(_TEXTS | _MAKERS_TEXT))
        messages.append(ModelMessage("assistant", tuple(blocks)))
    return (*messages, _user(draw, owed))


def _user(draw: st.DrawFn, owed: list[str]) -> ModelMessage:
    statuses = st.sampled_from(["ok", "error", "denied", "interrupted", "unknown"])
    pictures = st.lists(_IMAGES, max_size=1).map(tuple)
    results = [ToolResultBlock(call, draw(st.text("ab", max_size=2)), draw(statuses), draw(pictures)) for call in owed]
    said = draw(st.lists(st.one_of(_TEXTS, _IMAGES, _MAKERS_TEXT), min_size=0 if results else 1, max_size=3))
    return ModelMessage("user", (*results, *said))


_TOOLS = (
    ToolDefinition("read", "Reads.", {"type": "object", "properties": {"path": {"type": "string"}}}),
    ToolDefinition("write", "", {"type": "object"}),
)
_SYSTEMS = st.sampled_from([(), (("identity", "You are."),), (("a", " "), ("b", "Be."), ("c", ""))])


def histories() -> st.SearchStrategy[ModelRequest]:
    """Any valid request."""
    return st.builds(
        ModelRequest,
        model=st.sampled_from(["m", "gpt-4o"]),
        system=_SYSTEMS,
        tools=st.sampled_from([(), _TOOLS]),
        messages=_conversation(),
        max_output=st.integers(1, 4_000),
        temperature=st.none() | st.sampled_from([0.0, 0.7, 2.0]),
    )


_MODELS = ("m", "gpt-4o", "gpt-5", "gpt-oss:20b", "claude-sonnet-4-5", "claude-opus-5")


_TEXT = {"type": "string", "minLength": 1}
_SCHEMAS: tuple[dict[str, object] | None, ...] = (
    None,
    {"type": "object", "properties": {"a": _TEXT}, "required": ["a"], "additionalProperties": False},
    {"type": "object", "properties": {"a": {"type": ["array", "null"], "items": {"type": "object"}}}},
    {"anyOf": [_TEXT, {"type": "object", "additionalProperties": _TEXT}]},
)


def pictures() -> st.SearchStrategy[dict[str, bytes]]:
    """Bytes of some of the pictures that histories have."""
    return st.sampled_from(
        [{}, {"ab": b"first picture"}, {"cd": b"second picture"}, {"ab": b"first picture", "cd": b"second picture"}]
    )


def wishes() -> st.SearchStrategy[ModelRequest]:
    """Any valid request, of any model, with what may be asked for beside the conversation."""
    return st.builds(
        lambda request, **wished: dataclasses.replace(request, **wished),
        histories(),
        model=st.sampled_from(_MODELS),
        effort=st.sampled_from(get_args(Effort)),
        schema=st.sampled_from(_SCHEMAS),
        images=pictures(),
    )


def steps(request: ModelRequest) -> list[ModelRequest]:
    """The requests that the conversation was made by: each ends where the model was asked."""
    messages = request.messages
    return [dataclasses.replace(request, messages=messages[:end]) for end in range(1, len(messages) + 1, 2)]
