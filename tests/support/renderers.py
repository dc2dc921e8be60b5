"""A canonical request as a body of OpenAI Responses and of Anthropic Messages: the least that a codec has to do.

These are no codecs: they stream nothing, keep no provider's own parts, mark no cache. They exist so that the validators
of both formats are exercised over real histories; the real codecs take their place when they come.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import msgspec

from agentd.providers.base import ModelMessage, ModelRequest
from agentproto.content import Block, TextBlock, ToolResultBlock, ToolUseBlock

__all__ = ["messages_body", "responses_body"]

Plain = dict[str, object]


def responses_body(request: ModelRequest) -> bytes:
    """For `POST /responses`: each call and each result is an item of its own, paired by our call ids."""
    body: Plain = {
        "model": request.model,
        "max_output_tokens": max(16, request.max_output),
        "tools": [
            {"type": "function", "name": tool.name, "description": tool.description, "parameters": tool.schema}
            for tool in request.tools
        ],
        "instructions": "\n\n".join(text for _, text in request.system),
        "input": [item for message in request.messages for item in _items(message)],
    }
    return msgspec.json.encode(body)


def _items(message: ModelMessage) -> Iterator[Plain]:
    for block in message.blocks:
        match block:
            case TextBlock():
                kind = "input_text" if message.role == "user" else "output_text"
                yield {"type": "message", "role": message.role, "content": [{"type": kind, "text": block.text}]}
            case ToolUseBlock():
                arguments = msgspec.json.encode(block.arguments).decode()
                yield {"type": "function_call", "call_id": block.call, "name": block.name, "arguments": arguments}
            case ToolResultBlock():
                yield {"type": "function_call_output", "call_id": block.call, "output": block.text}
            case _:
                pass  # thinking needs its maker's part, an image its bytes


def messages_body(request: ModelRequest) -> bytes:
    """For `POST /v1/messages`. Our call ids have dots, which the format forbids; they become hyphens."""
    body: Plain = {
        "model": request.model,
        "max_tokens": request.max_output,
        "tools": [
            {"name": tool.name, "description": tool.description, "input_schema": tool.schema} for tool in request.tools
        ],
        "system": [{"type": "text", "text": text} for _, text in request.system if text],
        "messages": [
            {"role": message.role, "content": [*filter(None, map(_part, message.blocks))]}
            for message in request.messages
        ],
    }
    return msgspec.json.encode(body)


def _part(block: Block) -> Mapping[str, object] | None:
    match block:
        case TextBlock():
            return {"type": "text", "text": block.text}
        case ToolUseBlock():
            return {"type": "tool_use", "id": _hyphened(block.call), "name": block.name, "input": block.arguments}
        case ToolResultBlock():
            failed = {"is_error": True} if block.status != "ok" else {}
            return {"type": "tool_result", "tool_use_id": _hyphened(block.call), "content": block.text, **failed}
        case _:
            return None


def _hyphened(call: str) -> str:
    return call.replace(".", "-")
