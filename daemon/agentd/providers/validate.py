"""Is this request one that its provider takes? Four checks: our canonical form, and the three public JSON formats.

Each decides validity alone and answers with the faults in words, in the order of the messages (empty: valid). They
know the public contracts (named above each), not our codecs: a codec's fault is found here, not repeated. They never
change a request, never raise for what is in one, and know nothing of a model's own limits (window, price). Pure.
Callers: the crash harness, which asks all four about every request of every recorded turn; tests of codecs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from agentd.providers import validate_anthropic
from agentd.providers.base import ModelMessage, ModelRequest
from agentd.providers.validate_parts import (
    EFFORTS,
    NAME,
    Body,
    called,
    head,
    listed,
    mapping,
    maps,
    plain,
    said,
    schema_faults,
    tool_names,
    used_before,
)
from agentproto.content import ImageBlock, TextBlock, ThinkingBlock, ToolResultBlock, ToolUseBlock

__all__ = ["canonical", "chat_completions", "messages", "responses"]

_CHAT_ID_CHARS = 40
_RESPONSES_ID_CHARS = 64
_RESPONSES_LEAST_OUTPUT = 16
_INPUT_PARTS = ("input_text", "input_image", "input_file")
_OF_USER = (TextBlock, ImageBlock, ToolResultBlock)
_OF_ASSISTANT = (TextBlock, ThinkingBlock, ToolUseBlock)


def canonical(request: ModelRequest) -> tuple[str, ...]:
    """Faults of a normalised conversation: what every codec may rely upon."""
    return tuple(_canonical(request))


def _canonical(request: ModelRequest) -> Iterator[str]:
    if not request.model:
        yield "no model is named"
    if request.max_output < 1:
        yield f"an output of {request.max_output} tokens"
    yield from tool_names([tool.name for tool in request.tools])
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
        yield from used_before(number, owed, used)
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
        if isinstance(block, ToolUseBlock) and not NAME.fullmatch(block.name):
            yield f"message {number} calls {block.name!r}, which can't be a tool's name"
        if isinstance(block, ToolResultBlock) and others:
            yield f"message {number} has a tool result behind other blocks"
        others = others or not isinstance(block, ToolResultBlock)
    if message.blocks and all(isinstance(block, ThinkingBlock) for block in message.blocks):
        yield f"message {number} is thinking and nothing else"


def chat_completions(body: Body) -> tuple[str, ...]:
    """Faults of a body for `POST /chat/completions`.

    Source: https://developers.openai.com/api/reference (chat, create). Beyond it, what the chat templates of local
    servers refuse is refused too: system messages that are not in front, two messages of one role running.
    """
    found = plain(body)
    return ("the body is no JSON object",) if found is None else tuple(_chat(found))


def _chat(body: Mapping[str, object]) -> Iterator[str]:
    yield from head(body, ("max_tokens", "max_completion_tokens"), 1)
    if "max_tokens" in body and "max_completion_tokens" in body:
        yield "max_tokens and max_completion_tokens are both given"
    if "stream_options" in body and body.get("stream") is not True:
        yield "stream_options without stream"
    if body.get("reasoning_effort", "none") not in EFFORTS:
        yield f"an effort of {body['reasoning_effort']!r}"
    if "response_format" in body:
        yield from _format(mapping(body["response_format"]), "json_schema")
    if "tools" in body:
        if not listed(body["tools"]):
            yield "tools is empty"
        functions = [mapping(tool.get("function")) for tool in maps(body["tools"])]
        yield from tool_names([function.get("name") for function in functions])
    found = maps(body.get("messages"))
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
                yield from said(number, message.get("content"), ("text",))
            case "user":
                if before == "user":
                    yield f"message {number} is a user's behind a user's"
                yield from said(number, message.get("content"), ("text", "image_url", "input_audio", "file"))
            case "assistant":
                if before not in ("user", "tool"):
                    yield f"message {number} is the assistant's and answers nothing"
                yield from _chat_calls(number, message)
                owed = [call.get("id") for call in maps(message.get("tool_calls"))]
                yield from used_before(number, owed, used)
            case "tool":
                call = message.get("tool_call_id")
                if call not in owed:
                    yield f"message {number} answers {call!r}, which was not called just before"
                else:
                    owed.remove(call)
                if isinstance(message.get("content"), list):
                    yield from said(number, message["content"], ("text",))
                elif not isinstance(message.get("content"), str):
                    yield f"message {number} has no content"
            case _:
                yield f"message {number} has the role {role!r}"
        before = "system" if role == "developer" else str(role)
    if owed:
        yield f"the results of {owed} are missing"
    elif found and before not in ("user", "tool"):
        yield f"the last message is of the role {before}: there is nothing to answer"


def _chat_calls(number: int, message: Mapping[str, object]) -> Iterator[str]:
    if "tool_calls" in message and not listed(message["tool_calls"]):
        yield f"message {number} has an empty tool_calls"
    for call in maps(message.get("tool_calls")):
        id = call.get("id")
        if not isinstance(id, str) or not 0 < len(id) <= _CHAT_ID_CHARS:
            yield f"message {number} has the call id {id!r}"
        if call.get("type") != "function":
            yield f"message {number} has a call of type {call.get('type')!r}"
        yield from called(number, mapping(call.get("function")))
    if "tool_calls" not in message or message.get("content") is not None:
        yield from said(number, message.get("content"), ("text", "refusal"))


def responses(body: Body) -> tuple[str, ...]:
    """Faults of a body for `POST /responses`, whose conversation is the list `input`.

    Source: https://developers.openai.com/api/reference (responses, create).
    """
    found = plain(body)
    return ("the body is no JSON object",) if found is None else tuple(_responses(found))


def _responses(body: Mapping[str, object]) -> Iterator[str]:
    yield from head(body, ("max_output_tokens",), _RESPONSES_LEAST_OUTPUT)
    for name in ("messages", "max_tokens", "max_completion_tokens"):
        if name in body:
            yield f"{name} is a field of another format"
    effort = mapping(body.get("reasoning")).get("effort", "none")
    if effort not in EFFORTS:
        yield f"an effort of {effort!r}"
    if "format" in mapping(body.get("text")):
        yield from _format(mapping(mapping(body["text"]).get("format")), "")
    tools = maps(body.get("tools"))
    yield from tool_names([tool.get("name") for tool in tools if tool.get("type") == "function"])
    if isinstance(body.get("input"), str) and body["input"]:
        return
    items = maps(body.get("input"))
    if not items:
        yield "input is empty"
    calls: dict[str, bool] = {}
    ids: set[str] = set()
    thinking = False
    for number, item in enumerate(items):
        kind = item.get("type", "message" if "role" in item else None)
        if thinking and kind not in ("reasoning", "function_call") and item.get("role") != "assistant":
            yield f"item {number} parts reasoning from what it belongs to"
        thinking = kind == "reasoning"
        if "id" in item:
            yield from used_before(number, [item["id"]], ids)
        call, key = item.get("call_id"), repr(item.get("call_id"))
        match kind:
            case "message":
                yield from _item_message(number, item)
            case "function_call":
                if not isinstance(call, str) or not 0 < len(call) <= _RESPONSES_ID_CHARS:
                    yield f"item {number} has the call_id {call!r}"
                if key in calls:
                    yield f"item {number} has the call_id {call!r}, which was used before"
                calls[key] = False
                yield from called(number, item)
            case "function_call_output":
                if calls.get(key) is not False:
                    yield f"item {number} answers {call!r}, which was not called or was answered before"
                calls[key] = True
                if isinstance(item.get("output"), list):
                    yield from said(number, item["output"], _INPUT_PARTS)
                elif not isinstance(item.get("output"), str):
                    yield f"item {number} has no output"
            case "reasoning":
                if not isinstance(item.get("summary"), list):
                    yield f"item {number} is reasoning without a summary"
            case _:
                yield f"item {number} is of the type {kind!r}"
    yield from (f"there is no output for the call {key}" for key, answered in calls.items() if not answered)
    if thinking:
        yield "the last item is reasoning without what it belongs to"
    last = items[-1] if items else {}
    if last.get("role") == "assistant" or last.get("type") == "function_call":
        yield "the last item is the assistant's: there is nothing to answer"


def _item_message(number: int, item: Mapping[str, object]) -> Iterator[str]:
    match item.get("role"):
        case "user" | "system" | "developer":
            yield from said(number, item.get("content"), _INPUT_PARTS)
        case "assistant":
            yield from said(number, item.get("content"), ("output_text", "refusal"))
        case role:
            yield f"item {number} has the role {role!r}"


def _format(given: Mapping[str, object], inside: str) -> Iterator[str]:
    """The format of the answer; `inside`: the field of it that has the schema with its name."""
    if given.get("type") != "json_schema":
        if given.get("type") not in ("text", "json_object"):
            yield f"a format of the type {given.get('type')!r}"
        return
    about = mapping(given.get(inside)) if inside else given
    if not isinstance(name := about.get("name"), str) or not NAME.fullmatch(name):
        yield f"a format of the name {name!r}"
    strict = about.get("strict") is True
    yield from schema_faults(about.get("schema"), closed=strict, complete=strict)


def messages(body: Body) -> tuple[str, ...]:
    """Faults of a body for `POST /v1/messages`. Source: https://platform.claude.com/docs/en/api/messages."""
    found = plain(body)
    return ("the body is no JSON object",) if found is None else tuple(validate_anthropic.faults(found))
