"""What each provider's server answers in place of a stream, in its own words, and which class of failure that is.

Written by hand from the public documentation of the APIs and from what the servers print.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from support.fake_model_server import Reply, event
from support.model_dialects import named

__all__ = ["IN_THE_STREAM", "REFUSALS"]

Refusal = tuple[str, int, object]
"""Class, status, body."""


def _anthropic(kind: str, message: str) -> object:
    return {"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_011CSHoEeqs5C35K2UUqR7Fy"}


def _openai(message: str, kind: str, code: str | None = None, param: str | None = None) -> object:
    return {"error": {"message": message, "type": kind, "param": param, "code": code}}


_PAGE = "<html><head><title>502 Bad Gateway</title></head><body><center><h1>502 Bad Gateway</h1></center></body></html>"

_OPENAI: Sequence[Refusal] = (
    (
        "bad_request",
        400,
        _openai("Invalid 'messages[2].tool_call_id'.", "invalid_request_error", "invalid_value", "messages"),
    ),
    (
        "overflow",
        400,
        _openai(
            "This model's maximum context length is 8192 tokens. However, your messages resulted in 9000 tokens.",
            "invalid_request_error",
            "context_length_exceeded",
            "messages",
        ),
    ),
    (
        "refused",
        400,
        _openai("The response was filtered due to the prompt.", "invalid_request_error", "content_filter"),
    ),
    ("auth", 401, _openai("Incorrect API key provided: sk-1***9.", "invalid_request_error", "invalid_api_key")),
    ("auth", 403, _openai("Country, region, or territory not supported", "request_forbidden", "unsupported_country")),
    (
        "not_found",
        404,
        _openai(
            "The model `x` does not exist or you do not have access to it.", "invalid_request_error", "model_not_found"
        ),
    ),
    (
        "rate_limited",
        429,
        _openai("Rate limit reached for x in organization o on tokens per min.", "tokens", "rate_limit_exceeded"),
    ),
    (
        "auth",
        429,
        _openai("You exceeded your current quota, please check your plan.", "insufficient_quota", "insufficient_quota"),
    ),
    (
        "overloaded",
        500,
        _openai("The server had an error while processing your request. Sorry about that!", "server_error"),
    ),
    ("overloaded", 502, _PAGE),
    ("overloaded", 503, _openai("The engine is currently overloaded, please try again later", "engine_overloaded")),
    ("network", 408, _openai("Request timed out.", "timeout")),
)

REFUSALS: Mapping[str, Sequence[Refusal]] = {
    "anthropic": (
        (
            "bad_request",
            400,
            _anthropic("invalid_request_error", "messages.3: tool_use ids were found without results"),
        ),
        ("overflow", 400, _anthropic("invalid_request_error", "prompt is too long: 210000 tokens > 200000 maximum")),
        (
            "overflow",
            400,
            _anthropic(
                "invalid_request_error",
                "input length and `max_tokens` exceed context limit: 190000 + 32000 > 200000, decrease one of them",
            ),
        ),
        (
            "auth",
            400,
            _anthropic("invalid_request_error", "Your credit balance is too low to access the Anthropic API."),
        ),
        ("auth", 401, _anthropic("authentication_error", "invalid x-api-key")),
        ("auth", 402, _anthropic("billing_error", "There's an issue with your billing or payment information.")),
        ("auth", 403, _anthropic("permission_error", "Your API key does not have permission to use this resource.")),
        ("not_found", 404, _anthropic("not_found_error", "model: claude-none")),
        ("overflow", 413, _anthropic("request_too_large", "Request exceeds the maximum size")),
        (
            "rate_limited",
            429,
            _anthropic("rate_limit_error", "This request would exceed your organization's rate limit."),
        ),
        ("overloaded", 500, _anthropic("api_error", "Internal server error")),
        ("overloaded", 502, _PAGE),
        ("overloaded", 504, _anthropic("timeout_error", "The request timed out while processing.")),
        ("overloaded", 529, _anthropic("overloaded_error", "Overloaded")),
    ),
    "openai-chat": (
        *_OPENAI,
        (
            "overflow",
            400,
            {
                "object": "error",
                "message": "This model's maximum context length is 4096 tokens. However, you requested 5000 tokens.",
                "type": "BadRequestError",
                "param": None,
                "code": 400,
            },
        ),
        (
            "not_found",
            404,
            {"object": "error", "message": "The model `x` does not exist.", "type": "NotFoundError", "code": 404},
        ),
        (
            "overflow",
            400,
            {
                "error": {
                    "code": 400,
                    "message": "request (6007 tokens) exceeds the available context size (2048 tokens), try increasing it",
                    "type": "exceed_context_size_error",
                    "n_prompt_tokens": 6007,
                    "n_ctx": 2048,
                }
            },
        ),
        ("overloaded", 503, {"error": {"code": 503, "message": "Loading model", "type": "unavailable_error"}}),
        ("auth", 401, {"error": {"code": 401, "message": "Invalid API Key", "type": "authentication_error"}}),
        (
            "rate_limited",
            429,
            [{"error": {"code": 429, "message": "Resource exhausted", "status": "RESOURCE_EXHAUSTED"}}],
        ),
        ("bad_request", 422, {"detail": [{"loc": ["body", "messages"], "msg": "field required"}]}),
    ),
    "openai-responses": _OPENAI,
    "ollama": (
        ("overflow", 400, {"error": "the input length exceeds the context length"}),
        ("bad_request", 400, {"error": "registry.ollama.ai/library/x:latest does not support tools"}),
        ("auth", 401, {"error": "unauthorized"}),
        ("not_found", 404, {"error": "model 'x' not found"}),
        ("rate_limited", 429, {"error": "you have reached your hourly usage limit"}),
        ("bad_request", 500, {"error": "model requires more system memory (9.8 GiB) than is available (6.1 GiB)"}),
        ("overloaded", 500, {"error": "llama runner process has terminated: signal: killed"}),
        ("overloaded", 502, _PAGE),
        ("overloaded", 503, {"error": "server busy, please try again.  maximum pending requests exceeded"}),
    ),
}
"""By kind of provider."""


def _lines(*values: object) -> Reply:
    parts = [json.dumps(value).encode() + b"\n" for value in values]
    return Reply(parts, headers={"content-type": "application/x-ndjson"})


def _failed(code: str, message: str) -> Reply:
    begun = {"id": "resp_1", "status": "in_progress", "output": []}
    ended = {"id": "resp_1", "status": "failed", "error": {"code": code, "message": message}}
    return Reply([named("response.created", response=begun), named("response.failed", response=ended)])


IN_THE_STREAM: Mapping[str, Sequence[tuple[str, Reply]]] = {
    "anthropic": (
        ("overloaded", Reply([named("error", error={"type": "overloaded_error", "message": "Overloaded"})])),
        ("rate_limited", Reply([named("error", error={"type": "rate_limit_error", "message": "Number of tokens"})])),
        ("overflow", Reply([named("error", error={"type": "invalid_request_error", "message": "prompt is too long"})])),
    ),
    "openai-chat": (
        ("overloaded", Reply([event({"error": {"message": "Overloaded", "code": 503}})])),
        ("rate_limited", Reply([event({"error": {"message": "Slow down", "code": "rate_limit_exceeded"}})])),
        ("overflow", Reply([event({"error": {"message": "context too long", "code": "context_length_exceeded"}})])),
        (
            "overloaded",
            Reply([b"event: error\n" + event({"error": {"message": "worker died", "type": "server_error"}})]),
        ),
    ),
    "openai-responses": (
        ("overloaded", _failed("server_error", "The server had an error")),
        ("rate_limited", _failed("rate_limit_exceeded", "Rate limit reached")),
        ("overflow", _failed("context_length_exceeded", "Your input exceeds the context window of this model.")),
        ("overloaded", Reply([named("error", code="server_error", message="An error occurred", param=None)])),
    ),
    "ollama": (
        ("overloaded", _lines({"error": "llama runner process has terminated: exit status 2"})),
        ("overflow", _lines({"error": "the input length exceeds the context length"})),
    ),
}
"""Streams that begin with 200 and say in place of an answer that there is none."""
