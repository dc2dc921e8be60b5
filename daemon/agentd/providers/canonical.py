"""A model request as bytes and back, for the providers that answer by themselves.

It decides the one canonical form: JSON with the fields in a fixed order, tools before messages, messages last, so that
a longer conversation begins with the bytes of the shorter one. It loses nothing (`decode(encode(r)) == r`) but the bytes
of pictures, which nobody here looks at, and never invents a field. Callers: `offline`, `scripted`, and tests that look at what was sent.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from agentd.errors import BadInputError
from agentd.providers.base import REMINDER_TAG, Effort, ModelMessage, ModelRequest, ToolDefinition
from agentproto.content import TextBlock

__all__ = ["decode", "encode", "estimate", "last_user_text", "said"]

_BYTES_A_TOKEN = 3
"""On the safe side for text and code in every tokenizer that is in wide use; Chinese and Japanese take 3 bytes a sign."""


class _Form(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """ModelRequest with the messages last."""

    model: str
    max_output: int
    temperature: float | None
    effort: Effort = ""
    schema: Mapping[str, object] | None = None
    system: tuple[tuple[str, str], ...]
    tools: tuple[ToolDefinition, ...]
    messages: tuple[ModelMessage, ...]


def encode(request: ModelRequest) -> bytes:
    """The request's canonical bytes."""
    return msgspec.json.encode(
        _Form(
            model=request.model,
            max_output=request.max_output,
            temperature=request.temperature,
            effort=request.effort,
            schema=request.schema,
            system=request.system,
            tools=request.tools,
            messages=request.messages,
        )
    )


def decode(body: bytes) -> ModelRequest:
    """The request in `body`; BadInputError when it is none."""
    try:
        form = msgspec.json.decode(body, type=_Form)
    except msgspec.DecodeError as fault:
        raise BadInputError("these bytes are no model request", why=str(fault)) from None
    return ModelRequest(
        form.model,
        form.system,
        form.tools,
        form.messages,
        form.max_output,
        form.temperature,
        form.effort,
        form.schema,
    )


def estimate(size: int) -> int:
    """Tokens that `size` bytes of text have at most, roughly; never less than one for anything."""
    return -(-size // _BYTES_A_TOKEN)


def last_user_text(request: ModelRequest) -> str:
    """The texts of the newest user message that has any, joined by blank lines; empty when there is none."""
    for message in reversed(request.messages):
        if message.role == "user":
            texts = said(message)
            if texts:
                return "\n\n".join(texts)
    return ""


def said(message: ModelMessage) -> list[str]:
    """The texts of a message that its speaker said: without the daemon's reminders."""
    texts = (block.text for block in message.blocks if isinstance(block, TextBlock))
    return [text for text in texts if not text.startswith(f"<{REMINDER_TAG}>")]
