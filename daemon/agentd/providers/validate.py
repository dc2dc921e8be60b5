"""Is this request one that its provider takes? Four checks: our canonical form, and the three public JSON formats.

Each decides validity alone and answers with the faults in words, in the order of the messages (empty: valid). They
know the public contracts (named above each), not our codecs: a codec's fault is found here, not repeated. They never
change a request, never raise for what is in one, and know nothing of a model's own limits (window, price). Pure.
Callers: the crash harness, which asks all four about every request of every recorded turn; tests of codecs.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

import msgspec

from agentd.providers.base import ModelMessage, ModelRequest
from agentproto.content import ImageBlock, TextBlock, ThinkingBlock, ToolResultBlock, ToolUseBlock

__all__ = ["Body", "canonical", "chat_completions", "messages", "responses"]

Body = bytes | Mapping[str, object]

_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")  # a tool's name, in all three formats
_ANTHROPIC_ID = re.compile(r"[a-zA-Z0-9_-]+")
_CHAT_ID_CHARS = 40
_RESPONSES_ID_CHARS = 64
_RESPONSES_LEAST_OUTPUT = 16
_CACHE_MARKS = 4
_OF_USER = (TextBlock, ImageBlock, ToolResultBlock)
_OF_ASSISTANT = (TextBlock, ThinkingBlock, ToolUseBlock)
_LEAST_THINKING = 1_024


def canonical(request: ModelRequest) -> tuple[str, ...]:
    """Faults of a normalised conversation: what every codec may rely upon."""
    return tuple(_canonical(request))


def _canonical(request: ModelRequest) -> Iterator[str]:
    if not request.model:
        yield "no model is named"
    if request.max_output < 1:
        yield f"an output of {request.max_output} tokens"
    yield from _tool_names([tool.name for tool in request.tools])
    if not request.messages:
        yield "there are no messages"
        return
    used: set[str] = set()
    owed: list[str] = []
    for number, message in enumerate(request.messages):
        if message.role != ("user", "assistant")[number % 2]:
            yield f"message {number} is the {message.role}'s: they alternate, the user first"
        yield from _blocks(number, message)
        results = [block.call for block in message.blocks if isinstance(block, ToolResultBlock)]
        if results != owed:
            yield f"message {number} answers {results}, the message before it called {owed}"
        owed = [block.call for block in message.blocks if isinstance(block, ToolUseBlock)]
        yield from _used_before(number, owed, used)
    if request.messages[-1].role != "user":
        yield "the last message is the assistant's: there is nothing to answer"


def _blocks(number: int, message: ModelMessage) -> Iterator[str]:
    if not message.blocks:
        yield f"message {number} is empty"
    others, allowed = False, _OF_USER if message.role == "user" else _OF_ASSISTANT
    for block in message.blocks:
        if not isinstance(block, allowed):
            yield f"message {number} of the {message.role} has a {type(block).__name__}"
        if isinstance(block, TextBlock) and not block.text.strip() and block.provider is None:
            yield f"message {number} has a text of nothing"
        if isinstance(block, ToolUseBlock) and not _NAME.fullmatch(block.name):
            yield f"message {number} calls {block.name!r}, which can't be a tool's name"
        if isinstance(block, ToolResultBlock) and others:
            yield f"message {number} has a tool result behind other blocks"
        others = others or not isinstance(block, ToolResultBlock)
    if message.blocks and all(isinstance(block, ThinkingBlock) for block in message.blocks):
        yield f"message {number} is thinking and nothing else"


def _used_before(number: int, calls: Sequence[object], used: set[str]) -> Iterator[str]:
    for call in calls:
        if repr(call) in used or not call:
            yield f"message {number} has the call id {call!r}, which is empty or was used before"
        used.add(repr(call))


def _tool_names(names: Sequence[object]) -> Iterator[str]:
    for number, name in enumerate(names):
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            yield f"tool {number} has the name {name!r}"
        elif name in names[:number]:
            yield f"two tools have the name {name}"


def chat_completions(body: Body) -> tuple[str, ...]:
    """Faults of a body for `POST /chat/completions`.

    Source: https://developers.openai.com/api/reference (chat, create). Beyond it, what the chat templates of local
    servers refuse is refused too: system messages that are not in front, two messages of one role running.
    """
    plain = _plain(body)
    return ("the body is no JSON object",) if plain is None else tuple(_chat(plain))


def _chat(body: Mapping[str, object]) -> Iterator[str]:
    yield from _head(body, ("max_tokens", "max_completion_tokens"), 1)
    if "max_tokens" in body and "max_completion_tokens" in body:
        yield "max_tokens and max_completion_tokens are both given"
    if "stream_options" in body and body.get("stream") is not True:
        yield "stream_options without stream"
    if "tools" in body:
        if not _list(body["tools"]):
            yield "tools is empty"
        functions = [_map(tool.get("function")) for tool in _maps(body["tools"])]
        yield from _tool_names([function.get("name") for function in functions])
    found = _maps(body.get("messages"))
    if not found:
        yield "there are no messages"
    owed: list[object] = []
    used: set[str] = set()
    before = ""
    for number, message in enumerate(found):
        role = message.get("role")
        if role != "tool" and owed:
            yield f"message {number} comes before the results of {owed}"
            owed = []
        match role:
            case "system" | "developer":
                if before not in ("", "system"):
                    yield f"message {number} is the system's and not in front"
                yield from _said(number, message.get("content"), ("text",))
            case "user":
                if before == "user":
                    yield f"message {number} is a user's behind a user's"
                yield from _said(number, message.get("content"), ("text", "image_url", "input_audio", "file"))
            case "assistant":
                if before not in ("user", "tool"):
                    yield f"message {number} is the assistant's and answers nothing"
                yield from _chat_calls(number, message)
                owed = [call.get("id") for call in _maps(message.get("tool_calls"))]
                yield from _used_before(number, owed, used)
            case "tool":
                call = message.get("tool_call_id")
                if call not in owed:
                    yield f"message {number} answers {call!r}, which was not called just before"
                else:
                    owed.remove(call)
                if not isinstance(message.get("content"), str | list):
                    yield f"message {number} has no content"
            case _:
                yield f"message {number} has the role {role!r}"
        before = "system" if role == "developer" else str(role)
    if owed:
        yield f"the results of {owed} are missing"
    elif found and before not in ("user", "tool"):
        yield f"the last message is of the role {before}: there is nothing to answer"


def _chat_calls(number: int, message: Mapping[str, object]) -> Iterator[str]:
    if "tool_calls" in message and not _list(message["tool_calls"]):
        yield f"message {number} has an empty tool_calls"
    for call in _maps(message.get("tool_calls")):
        id = call.get("id")
        if not isinstance(id, str) or not 0 < len(id) <= _CHAT_ID_CHARS:
            yield f"message {number} has the call id {id!r}"
        if call.get("type") != "function":
            yield f"message {number} has a call of type {call.get('type')!r}"
        yield from _called(number, _map(call.get("function")))
    if "tool_calls" not in message or message.get("content") is not None:
        yield from _said(number, message.get("content"), ("text", "refusal"))


def responses(body: Body) -> tuple[str, ...]:
    """Faults of a body for `POST /responses`, whose conversation is the list `input`.

    Source: https://developers.openai.com/api/reference (responses, create).
    """
    plain = _plain(body)
    return ("the body is no JSON object",) if plain is None else tuple(_responses(plain))


def _responses(body: Mapping[str, object]) -> Iterator[str]:
    yield from _head(body, ("max_output_tokens",), _RESPONSES_LEAST_OUTPUT)
    for name in ("messages", "max_tokens", "max_completion_tokens"):
        if name in body:
            yield f"{name} is a field of another format"
    tools = _maps(body.get("tools"))
    yield from _tool_names([tool.get("name") for tool in tools if tool.get("type") == "function"])
    if isinstance(body.get("input"), str) and body["input"]:
        return
    items = _maps(body.get("input"))
    if not items:
        yield "input is empty"
    called: dict[str, bool] = {}
    ids: set[str] = set()
    thinking = False
    for number, item in enumerate(items):
        kind = item.get("type", "message" if "role" in item else None)
        if thinking and kind not in ("reasoning", "function_call") and item.get("role") != "assistant":
            yield f"item {number} parts reasoning from what it belongs to"
        thinking = kind == "reasoning"
        if "id" in item:
            yield from _used_before(number, [item["id"]], ids)
        call, key = item.get("call_id"), repr(item.get("call_id"))
        match kind:
            case "message":
                yield from _item_message(number, item)
            case "function_call":
                if not isinstance(call, str) or not 0 < len(call) <= _RESPONSES_ID_CHARS:
                    yield f"item {number} has the call_id {call!r}"
                if key in called:
                    yield f"item {number} has the call_id {call!r}, which was used before"
                called[key] = False
                yield from _called(number, item)
            case "function_call_output":
                if called.get(key) is not False:
                    yield f"item {number} answers {call!r}, which was not called or was answered before"
                called[key] = True
                if not isinstance(item.get("output"), str | list):
                    yield f"item {number} has no output"
            case "reasoning":
                if not isinstance(item.get("summary"), list):
                    yield f"item {number} is reasoning without a summary"
            case _:
                yield f"item {number} is of the type {kind!r}"
    yield from (f"there is no output for the call {key}" for key, answered in called.items() if not answered)
    if thinking:
        yield "the last item is reasoning without what it belongs to"
    last = items[-1] if items else {}
    if last.get("role") == "assistant" or last.get("type") == "function_call":
        yield "the last item is the assistant's: there is nothing to answer"


def _item_message(number: int, item: Mapping[str, object]) -> Iterator[str]:
    match item.get("role"):
        case "user" | "system" | "developer":
            yield from _said(number, item.get("content"), ("input_text", "input_image", "input_file"))
        case "assistant":
            yield from _said(number, item.get("content"), ("output_text", "refusal"))
        case role:
            yield f"item {number} has the role {role!r}"


def messages(body: Body) -> tuple[str, ...]:
    """Faults of a body for `POST /v1/messages`. Source: https://platform.claude.com/docs/en/api/messages.

    Neighbours of one role, which the maker's own server joins, are a fault: not every server of the format does.
    """
    plain = _plain(body)
    return ("the body is no JSON object",) if plain is None else tuple(_messages(plain))


def _messages(body: Mapping[str, object]) -> Iterator[str]:
    yield from _head(body, ("max_tokens",), 1)
    if "max_tokens" not in body:
        yield "max_tokens is missing"
    temperature = body.get("temperature", 1)
    if not isinstance(temperature, int | float) or not 0 <= temperature <= 1:
        yield f"a temperature of {temperature!r}"
    thinks = _map(body.get("thinking")).get("type") == "enabled"
    if thinks:
        budget, most = _map(body.get("thinking")).get("budget_tokens"), body.get("max_tokens")
        if not isinstance(budget, int) or not isinstance(most, int) or not _LEAST_THINKING <= budget < most:
            yield f"a thinking budget of {budget!r} tokens"
    tools = _maps(body.get("tools"))
    yield from _tool_names([tool.get("name") for tool in tools])
    if isinstance(body.get("system"), list):
        yield from (f"system: {fault}" for part in _maps(body["system"]) for fault in _anthropic_text(part))
    found = _maps(body.get("messages"))
    if not found:
        yield "there are no messages"
        return
    marked = [*tools, *_maps(body.get("system"))]
    owed: list[object] = []
    used: set[str] = set()
    for number, message in enumerate(found):
        if message.get("role") != ("user", "assistant")[number % 2]:
            yield f"message {number} is of the role {message.get('role')!r}: they alternate, the user first"
        content = message.get("content")
        blocks = [{"type": "text", "text": content}] if isinstance(content, str) else _maps(content)
        last = number == len(found) - 1
        if not blocks and not (last and message.get("role") == "assistant"):
            yield f"message {number} is empty"
        marked += blocks
        yield from _anthropic_results(number, blocks, owed)
        yield from (f"message {number}: {fault}" for fault in _anthropic_blocks(message.get("role"), blocks))
        owed = [block.get("id") for block in blocks if block.get("type") == "tool_use"]
        yield from _used_before(number, owed, used)
        text = str(blocks[-1].get("text", "")) if blocks else ""
        if message.get("role") == "assistant" and last and text != text.rstrip():
            yield f"message {number} is the last, the assistant's, and ends in white space"
        if thinks and owed and number >= len(found) - 2 and blocks[0].get("type") not in _THINKING:
            yield f"message {number} calls tools and does not begin with thinking"
    if owed:
        yield f"the results of {owed} are missing"
    if sum("cache_control" in block for block in marked) > _CACHE_MARKS:
        yield f"more than {_CACHE_MARKS} cache marks"


_THINKING = ("thinking", "redacted_thinking")
_OF_ROLE: Mapping[str, tuple[str, ...]] = {
    "user": ("text", "image", "document", "search_result", "tool_result"),
    "assistant": ("text", "tool_use", *_THINKING),
}


def _anthropic_results(number: int, blocks: Sequence[Mapping[str, object]], owed: Sequence[object]) -> Iterator[str]:
    results = [block.get("tool_use_id") for block in blocks if block.get("type") == "tool_result"]
    if any(block.get("type") != "tool_result" for block in blocks[: len(results)]):
        yield f"message {number} has a tool result behind other blocks"
    wrong = [call for call in owed if results.count(call) != 1] + [call for call in results if call not in owed]
    yield from (f"message {number} answers {call!r} never, twice, or without its being called" for call in wrong)


def _anthropic_blocks(role: object, blocks: Sequence[Mapping[str, object]]) -> Iterator[str]:
    for place, block in enumerate(blocks):
        kind = block.get("type")
        if kind not in _OF_ROLE.get(str(role), ()):
            yield f"a block of type {kind!r} of the role {role!r}"
        if kind == "text":
            yield from _anthropic_text(block)
        elif kind == "tool_use":
            if not isinstance(block.get("id"), str) or not _ANTHROPIC_ID.fullmatch(str(block["id"])):
                yield f"the id {block.get('id')!r}"
            yield from _tool_names([block.get("name")])
            if not isinstance(block.get("input"), Mapping):
                yield "a tool use without an input object"
        elif kind == "tool_result" and not isinstance(block.get("content", ""), str):
            yield from (fault for part in _maps(block["content"]) for fault in _anthropic_text(part))
        elif kind in _THINKING:
            if kind == "thinking" and not (isinstance(block.get("thinking"), str) and block.get("signature")):
                yield "thinking without its signature"
            if place == len(blocks) - 1:
                yield "thinking comes last"
            if any(earlier.get("type") == "tool_use" for earlier in blocks[:place]):
                yield "thinking behind a tool use"
            if "cache_control" in block:
                yield "a cache mark on thinking"


def _anthropic_text(part: Mapping[str, object]) -> Iterator[str]:
    if part.get("type") == "text" and not str(part.get("text", "")).strip():
        yield "a text of nothing"


def _plain(body: Body) -> Mapping[str, object] | None:
    if not isinstance(body, bytes):
        return body
    try:
        return msgspec.json.decode(body, type=dict[str, object])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _head(body: Mapping[str, object], limits: Sequence[str], least: int) -> Iterator[str]:
    if not isinstance(body.get("model"), str) or not body["model"]:
        yield "no model is named"
    for name in limits:
        value = body.get(name, least)
        if type(value) is not int or value < least:
            yield f"{name} is {value!r}"


def _said(number: int, content: object, kinds: Sequence[str]) -> Iterator[str]:
    """Words: a text that is not empty, or parts of the given kinds."""
    if isinstance(content, str):
        if not content:
            yield f"message {number} says nothing"
        return
    if not _list(content):
        yield f"message {number} says nothing"
    for part in _maps(content):
        if part.get("type") not in kinds:
            yield f"message {number} has a part of type {part.get('type')!r}"
        elif part.get("text") == "":
            yield f"message {number} has an empty part"


def _called(number: int, function: Mapping[str, object]) -> Iterator[str]:
    """A function's name, and arguments that are the text of a JSON object (templates of local servers read it)."""
    name, arguments = function.get("name"), function.get("arguments")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        yield f"message {number} calls {name!r}, which can't be a tool's name"
    if not isinstance(arguments, str) or _plain(arguments.encode(errors="replace")) is None:
        yield f"message {number} calls with arguments that are no JSON object"


def _list(value: object) -> Sequence[object]:
    return value if isinstance(value, list | tuple) else ()


def _maps(value: object) -> list[Mapping[str, object]]:
    """The items of a list; what is no object counts as one without any field, so that it is found faulty."""
    return [_map(item) for item in _list(value)]


def _map(value: object) -> Mapping[str, object]:
    return value if isinstance(value, Mapping) else {}
