"""Tokens of a request's body, counted by the server that would answer it: what to ask, and what its answers mean.

It decides which question a server of each kind is asked about a body that is ready to be sent (nothing that makes a
model answer), in which order where the kind does not say which program it is, and which answer is a count. Only what the
question takes goes with it: limits of the answer and streaming are left out. Pure; `call.count_tokens` asks.

    anthropic      POST /v1/messages/count_tokens   {"input_tokens": n}
    llama.cpp      POST /apply-template             {"prompt": text}, then
                   POST /tokenize                   {"tokens": [...]} of that prompt, read as chat completions does
    vLLM           POST /tokenize with messages     {"count": n}

Nothing else has a question. Sources: https://platform.claude.com/docs/en/api/messages/count_tokens,
https://github.com/ggml-org/llama.cpp/tree/master/tools/server (README), https://docs.vllm.ai (online serving: tokenizer).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import msgspec

from agentd.providers.anthropic import AnthropicMessages
from agentd.providers.connection import Connection
from agentd.providers.report import Question

__all__ = ["Step", "steps"]

_OF_MESSAGES = ("model", "system", "tools", "tool_choice", "thinking", "output_config", "messages")
"""Fields of Messages that count; the endpoint refuses the others."""
_NOT_IN_TEMPLATE = ("max_tokens", "max_completion_tokens", "stream", "stream_options", "temperature")
"""Fields of chat completions that no template sees."""
_OF_VLLM = ("model", "tools", "chat_template", "chat_template_kwargs", "messages")
_PICTURES = (b'"image_url"', b'"input_audio"', b'"file"')
"""Parts of messages that are counted by other rules than text: then nobody is asked."""

_Body = Mapping[str, msgspec.Raw]


@dataclass(frozen=True, slots=True)
class Step:
    """One question, and how its answer is read: a count, the next step, or None when it says neither."""

    question: Question
    read: Callable[[bytes], int | Step | None]


def steps(connection: Connection, key: str | None, body: bytes) -> Sequence[Step]:
    """The questions about `body` (what the connection's codec encoded), to be tried in this order until one is answered.
    Empty: no such server can be asked."""
    fields = _fields(body)
    origin = connection.url.rstrip("/").removesuffix("/v1")
    if not fields:
        return ()
    match connection.kind:
        case "anthropic":
            headers = {"content-type": "application/json", **AnthropicMessages().headers(key)}
            asked = _only(fields, _OF_MESSAGES)
            return (Step(_post(f"{origin}/v1/messages/count_tokens", headers, asked), _named("input_tokens")),)
        case "openai-chat" if not any(picture in body for picture in _PICTURES):
            headers = {"content-type": "application/json", **({"authorization": f"Bearer {key}"} if key else {})}
            template = {name: value for name, value in fields.items() if name not in _NOT_IN_TEMPLATE}
            return (
                Step(_post(f"{origin}/apply-template", headers, template), _tokenized(origin, headers)),
                Step(_post(f"{origin}/tokenize", headers, _only(fields, _OF_VLLM)), _named("count")),
            )
        case _:
            return ()


def _post(url: str, headers: Mapping[str, str], body: object) -> Question:
    return Question("POST", url, headers, msgspec.json.encode(body))


def _only(fields: _Body, names: Sequence[str]) -> _Body:
    return {name: fields[name] for name in names if name in fields}


def _fields(body: bytes) -> _Body:
    """The body's fields, their values as they were written."""
    try:
        return msgspec.json.decode(body, type=dict[str, msgspec.Raw])
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return {}


def _named(field: str) -> Callable[[bytes], int | None]:
    def read(answer: bytes) -> int | None:
        return _count(_read(answer).get(field))

    return read


def _tokenized(origin: str, headers: Mapping[str, str]) -> Callable[[bytes], Step | None]:
    """A prompt made by the template -> the question for its tokens."""

    def read(answer: bytes) -> Step | None:
        prompt = _read(answer).get("prompt")
        if not isinstance(prompt, str):
            return None
        asked = {"content": prompt, "add_special": True, "parse_special": True}
        return Step(_post(f"{origin}/tokenize", headers, asked), _length)

    return read


def _length(answer: bytes) -> int | None:
    tokens = _read(answer).get("tokens")
    return _count(len(tokens)) if isinstance(tokens, list) else None


def _read(answer: bytes) -> Mapping[str, object]:
    try:
        value = msgspec.json.decode(answer)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else None
