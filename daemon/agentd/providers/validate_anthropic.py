"""Is this body one that `POST /v1/messages` takes? The judge of Anthropic's format, a part of `validate`.

It decides validity alone and answers with the faults in words, in the order of the messages. It knows the public
contract, not our codec. Neighbours of one role, which the maker's own server joins, are a fault: not every server of
the format does. Pure. Caller: `validate.messages`.

Source: https://platform.claude.com/docs/en/api/messages
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from agentd.providers.validate_parts import (
    EFFORTS,
    base64_faults,
    head,
    mapping,
    maps,
    picture_faults,
    schema_faults,
    tool_names,
    used_before,
)

__all__ = ["faults"]

_ID = re.compile(r"[a-zA-Z0-9_-]+")
_CACHE_MARKS = 4
_LEAST = 1_024  # tokens of a budget for thinking


def faults(body: Mapping[str, object]) -> Iterator[str]:
    """What is wrong with a body, in words."""
    yield from head(body, ("max_tokens",), 1)
    if "max_tokens" not in body:
        yield "max_tokens is missing"
    temperature = body.get("temperature", 1)
    if not isinstance(temperature, int | float) or not 0 <= temperature <= 1:
        yield f"a temperature of {temperature!r}"
    yield from _thinking(body)
    yield from _format(body)
    thinks = mapping(body.get("thinking")).get("type") == "enabled"
    tools = maps(body.get("tools"))
    yield from tool_names([tool.get("name") for tool in tools])
    if isinstance(body.get("system"), list):
        yield from (f"system: {fault}" for part in maps(body["system"]) for fault in _text(part))
    found = maps(body.get("messages"))
    if not found:
        yield "there are no messages"
        return
    marked = [*tools, *maps(body.get("system"))]
    owed: list[object] = []
    used: set[str] = set()
    for number, message in enumerate(found):
        if message.get("role") != ("user", "assistant")[number % 2]:
            yield f"message {number} is of the role {message.get('role')!r}: they alternate, the user first"
        content = message.get("content")
        blocks = [{"type": "text", "text": content}] if isinstance(content, str) else maps(content)
        last = number == len(found) - 1
        if not blocks and not (last and message.get("role") == "assistant"):
            yield f"message {number} is empty"
        marked += blocks
        yield from _results(number, blocks, owed)
        yield from (f"message {number}: {fault}" for fault in _blocks(message.get("role"), blocks))
        owed = [block.get("id") for block in blocks if block.get("type") == "tool_use"]
        yield from used_before(number, owed, used)
        text = str(blocks[-1].get("text", "")) if blocks else ""
        if message.get("role") == "assistant" and last and text != text.rstrip():
            yield f"message {number} is the last, the assistant's, and ends in white space"
        if thinks and owed and number >= len(found) - 2 and blocks[0].get("type") not in _THINKING:
            yield f"message {number} calls tools and does not begin with thinking"
    if owed:
        yield f"the results of {owed} are missing"
    if sum("cache_control" in block for block in marked) > _CACHE_MARKS:
        yield f"more than {_CACHE_MARKS} cache marks"


def _thinking(body: Mapping[str, object]) -> Iterator[str]:
    thinking, most = mapping(body.get("thinking")), body.get("max_tokens")
    kind, budget = thinking.get("type"), thinking.get("budget_tokens")
    if "thinking" in body and kind not in _KINDS_OF_THINKING:
        yield f"thinking of the type {kind!r}"
    if kind == "enabled" and not (isinstance(budget, int) and isinstance(most, int) and _LEAST <= budget < most):
        yield f"a thinking budget of {budget!r} tokens"
    if kind in ("enabled", "adaptive") and body.get("temperature", 1) != 1:
        yield "a temperature beside thinking"
    effort = mapping(body.get("output_config")).get("effort", "low")
    if effort not in EFFORTS[2:]:
        yield f"an effort of {effort!r}"


def _format(body: Mapping[str, object]) -> Iterator[str]:
    output = mapping(body.get("output_config"))
    if "format" in output:
        form = mapping(output["format"])
        if form.get("type") != "json_schema":
            yield f"a format of the type {form.get('type')!r}"
        yield from schema_faults(form.get("schema"), closed=True)


_KINDS_OF_THINKING = ("enabled", "adaptive", "disabled", "between_tools")
_THINKING = ("thinking", "redacted_thinking")
_OF_ROLE: Mapping[str, tuple[str, ...]] = {
    "user": ("text", "image", "document", "search_result", "tool_result"),
    "assistant": ("text", "tool_use", *_THINKING),
}


def _results(number: int, blocks: Sequence[Mapping[str, object]], owed: Sequence[object]) -> Iterator[str]:
    results = [block.get("tool_use_id") for block in blocks if block.get("type") == "tool_result"]
    if any(block.get("type") != "tool_result" for block in blocks[: len(results)]):
        yield f"message {number} has a tool result behind other blocks"
    wrong = [call for call in owed if results.count(call) != 1] + [call for call in results if call not in owed]
    yield from (f"message {number} answers {call!r} never, twice, or without its being called" for call in wrong)


def _blocks(role: object, blocks: Sequence[Mapping[str, object]]) -> Iterator[str]:
    for place, block in enumerate(blocks):
        kind = block.get("type")
        if kind not in _OF_ROLE.get(str(role), ()):
            yield f"a block of type {kind!r} of the role {role!r}"
        if kind == "text":
            yield from _text(block)
        elif kind == "tool_use":
            if not isinstance(block.get("id"), str) or not _ID.fullmatch(str(block["id"])):
                yield f"the id {block.get('id')!r}"
            yield from tool_names([block.get("name")])
            if not isinstance(block.get("input"), Mapping):
                yield "a tool use without an input object"
        elif kind == "image":
            yield from _picture(block)
        elif kind == "tool_result" and not isinstance(block.get("content", ""), str):
            for part in maps(block["content"]):
                yield from _picture(part) if part.get("type") == "image" else _text(part)
                if block.get("is_error") and part.get("type") != "text":
                    yield f"a failed result with a part of type {part.get('type')!r}"
        elif kind in _THINKING:
            if kind == "thinking" and not (isinstance(block.get("thinking"), str) and block.get("signature")):
                yield "thinking without its signature"
            if place == len(blocks) - 1:
                yield "thinking comes last"
            if any(earlier.get("type") == "tool_use" for earlier in blocks[:place]):
                yield "thinking behind a tool use"
            if "cache_control" in block:
                yield "a cache mark on thinking"


def _picture(block: Mapping[str, object]) -> Iterator[str]:
    source = mapping(block.get("source"))
    match source.get("type"):
        case "base64":
            yield from base64_faults(source.get("media_type"), source.get("data"))
        case "url":
            yield from picture_faults(source.get("url"))
        case "file":
            pass
        case kind:
            yield f"a picture from {kind!r}"


def _text(part: Mapping[str, object]) -> Iterator[str]:
    if part.get("type") == "text" and not str(part.get("text", "")).strip():
        yield "a text of nothing"
