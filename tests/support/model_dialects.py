"""Replies of the fake model server in every protocol: the same saying, the same calls, the same faults.

    dialect = DIALECTS["anthropic"]
    server.script(dialect.overflow(), dialect.say("Hello ", "there."))

What a dialect writes is what its public documentation shows, written by hand.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Protocol

from support import fake_model_server as chat
from support.fake_model_server import Reply, event, failure

__all__ = ["DIALECTS", "Counts", "Dialect", "Given", "named"]

Given = tuple[str, Mapping[str, object]]
Counts = tuple[int, int, int]
"""Tokens read (cached ones among them), written, cached."""

_CUT = 5  # characters of a piece of arguments


class Dialect(Protocol):
    """One protocol. `path` is below the server's origin; `finishes` are its words for being cut off by the limit."""

    kind: str
    path: str

    def say(self, *pieces: str, cut_off: bool = False, usage: Counts = (10, 5, 0)) -> Reply: ...

    def calls(self, *tools: Given, text: str = "", usage: Counts = (10, 5, 0)) -> Reply: ...

    def overflow(self) -> Reply: ...

    def rate_limited(self, retry_after: str) -> Reply: ...

    def unauthorized(self) -> Reply: ...

    def failing(self, *pieces: str) -> Reply:
        """A stream that began with 200 and says that the server is overloaded."""
        ...


def named(name: str, **fields: object) -> bytes:
    """A server-sent event that has its type as name and in its data."""
    return b"event: " + name.encode() + b"\n" + event({"type": name, **fields})


def _pieces(arguments: Mapping[str, object]) -> list[str]:
    raw = json.dumps(arguments)
    return [raw[at : at + _CUT] for at in range(0, len(raw), _CUT)]


class _Anthropic:
    kind = "anthropic"
    path = "/v1/messages"

    def say(self, *pieces: str, cut_off: bool = False, usage: Counts = (10, 5, 0)) -> Reply:
        stop = "max_tokens" if cut_off else "end_turn"
        return Reply([self._start(usage), *self._text(pieces), *self._stop(stop, usage)])

    def calls(self, *tools: Given, text: str = "", usage: Counts = (10, 5, 0)) -> Reply:
        parts = [self._start(usage), *(self._text((text,)) if text else ())]
        for index, (name, given) in enumerate(tools, 1):
            block = {"type": "tool_use", "id": f"toolu_{index}", "name": name, "input": {}}
            parts.append(named("content_block_start", index=index, content_block=block))
            for piece in _pieces(given):
                delta = {"type": "input_json_delta", "partial_json": piece}
                parts.append(named("content_block_delta", index=index, delta=delta))
            parts.append(named("content_block_stop", index=index))
        return Reply([*parts, *self._stop("tool_use", usage)])

    def overflow(self) -> Reply:
        return self._error(400, "invalid_request_error", "prompt is too long: 210000 tokens > 200000 maximum")

    def rate_limited(self, retry_after: str) -> Reply:
        reply = self._error(429, "rate_limit_error", "This request would exceed your organization's rate limit.")
        return Reply(reply.parts, reply.status, {**reply.headers, "retry-after": retry_after})

    def unauthorized(self) -> Reply:
        return self._error(401, "authentication_error", "invalid x-api-key")

    def failing(self, *pieces: str) -> Reply:
        error = {"type": "overloaded_error", "message": "Overloaded"}
        return Reply([self._start((1, 1, 0)), *self._text(pieces)[:-1], named("error", error=error)])

    def _error(self, status: int, kind: str, message: str) -> Reply:
        return failure(status, {"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_1"})

    def _start(self, usage: Counts) -> bytes:
        counted = {"input_tokens": usage[0] - usage[2], "cache_read_input_tokens": usage[2], "output_tokens": 1}
        message = {"id": "msg_1", "type": "message", "role": "assistant", "content": [], "usage": counted}
        return named("message_start", message=message) + named("ping")

    def _text(self, pieces: tuple[str, ...]) -> list[bytes]:
        return [
            named("content_block_start", index=0, content_block={"type": "text", "text": ""}),
            *(named("content_block_delta", index=0, delta={"type": "text_delta", "text": one}) for one in pieces),
            named("content_block_stop", index=0),
        ]

    def _stop(self, reason: str, usage: Counts) -> list[bytes]:
        delta = {"stop_reason": reason, "stop_sequence": None}
        return [named("message_delta", delta=delta, usage={"output_tokens": usage[1]}), named("message_stop")]


class _Responses:
    kind = "openai-responses"
    path = "/v1/responses"

    def say(self, *pieces: str, cut_off: bool = False, usage: Counts = (10, 5, 0)) -> Reply:
        return Reply([*self._start(), *self._text(pieces), self._end(usage, cut_off)])

    def calls(self, *tools: Given, text: str = "", usage: Counts = (10, 5, 0)) -> Reply:
        parts = [*self._start(), *(self._text((text,)) if text else ())]
        for index, (name, given) in enumerate(tools, 1):
            item = {"id": f"fc_{index}", "type": "function_call", "call_id": f"call_{index}", "name": name}
            about = {"item_id": f"fc_{index}", "output_index": index}
            parts.append(named("response.output_item.added", output_index=index, item={**item, "arguments": ""}))
            for piece in _pieces(given):
                parts.append(named("response.function_call_arguments.delta", **about, delta=piece))
            raw = json.dumps(given)
            parts.append(named("response.function_call_arguments.done", **about, arguments=raw))
            parts.append(named("response.output_item.done", output_index=index, item={**item, "arguments": raw}))
        return Reply([*parts, self._end(usage)])

    def overflow(self) -> Reply:
        said = "Your input exceeds the context window of this model. Please adjust your input and try again."
        return self._error(400, "invalid_request_error", "context_length_exceeded", said)

    def rate_limited(self, retry_after: str) -> Reply:
        return chat.rate_limited(retry_after)

    def unauthorized(self) -> Reply:
        return self._error(401, "invalid_request_error", "invalid_api_key", "Incorrect API key provided")

    def failing(self, *pieces: str) -> Reply:
        error = {"code": "server_error", "message": "The server is overloaded"}
        failed = {"id": "resp_1", "status": "failed", "error": error}
        return Reply([*self._start(), *self._text(pieces)[:-1], named("response.failed", response=failed)])

    def _error(self, status: int, kind: str, code: str, message: str) -> Reply:
        return failure(status, {"error": {"message": message, "type": kind, "param": None, "code": code}})

    def _start(self) -> list[bytes]:
        response = {"id": "resp_1", "object": "response", "status": "in_progress", "output": []}
        return [named(f"response.{word}", response=response) for word in ("created", "in_progress")]

    def _text(self, pieces: tuple[str, ...]) -> list[bytes]:
        about = {"item_id": "msg_1", "output_index": 0, "content_index": 0}
        item = {"id": "msg_1", "type": "message", "role": "assistant", "content": []}
        part = {"type": "output_text", "text": "".join(pieces), "annotations": []}
        return [
            named("response.output_item.added", output_index=0, item=item),
            named("response.content_part.added", **about, part={**part, "text": ""}),
            *(named("response.output_text.delta", **about, delta=one) for one in pieces),
            named("response.output_text.done", **about, text="".join(pieces)),
            named("response.content_part.done", **about, part=part),
            named("response.output_item.done", output_index=0, item={**item, "content": [part]}),
        ]

    def _end(self, usage: Counts, cut_off: bool = False) -> bytes:
        counted = {"input_tokens": usage[0], "input_tokens_details": {"cached_tokens": usage[2]}}
        written = {"output_tokens": usage[1], "output_tokens_details": {"reasoning_tokens": 0}}
        status = "incomplete" if cut_off else "completed"
        why = {"reason": "max_output_tokens"} if cut_off else None
        ended: dict[str, object] = {
            "id": "resp_1",
            "status": status,
            "incomplete_details": why,
            "output": [],
            "usage": counted | written,
        }
        return named(f"response.{status}", response=ended)


class _Ollama:
    kind = "ollama"
    path = "/api/chat"

    def say(self, *pieces: str, cut_off: bool = False, usage: Counts = (10, 5, 0)) -> Reply:
        return self._reply(*(self._line({"content": piece}) for piece in pieces), self._end(usage, cut_off))

    def calls(self, *tools: Given, text: str = "", usage: Counts = (10, 5, 0)) -> Reply:
        called = [{"function": {"name": name, "arguments": dict(given)}} for name, given in tools]
        return self._reply(self._line({"content": text, "tool_calls": called}), self._end(usage))

    def overflow(self) -> Reply:
        return failure(400, {"error": "the input length exceeds the context length"})

    def rate_limited(self, retry_after: str) -> Reply:
        return failure(429, {"error": "too many concurrent requests"}, {"retry-after": retry_after})

    def unauthorized(self) -> Reply:
        return failure(401, {"error": "unauthorized"})

    def failing(self, *pieces: str) -> Reply:
        told = json.dumps({"error": "llama runner process has terminated: exit status 2"}).encode() + b"\n"
        return self._reply(*(self._line({"content": piece}) for piece in pieces), told)

    def _reply(self, *parts: bytes) -> Reply:
        return Reply(parts, headers={"content-type": "application/x-ndjson"})

    def _line(self, message: Mapping[str, object], **more: object) -> bytes:
        line = {"model": "fake", "message": {"role": "assistant", **message}, "done": False, **more}
        return json.dumps(line, ensure_ascii=False).encode() + b"\n"

    def _end(self, usage: Counts, cut_off: bool = False) -> bytes:
        reason = "length" if cut_off else "stop"
        counted = {"prompt_eval_count": usage[0], "eval_count": usage[1], "total_duration": 9}
        return self._line({"content": ""}, done=True, done_reason=reason, **counted)


class _Chat:
    kind = "openai-chat"
    path = "/v1/chat/completions"

    def say(self, *pieces: str, cut_off: bool = False, usage: Counts = (10, 5, 0)) -> Reply:
        return chat.say(*pieces, finish="length" if cut_off else "stop", usage=usage)

    def calls(self, *tools: Given, text: str = "", usage: Counts = (10, 5, 0)) -> Reply:
        return chat.calls(*tools, text=text, usage=usage)

    def overflow(self) -> Reply:
        return chat.overflow("openai")

    def rate_limited(self, retry_after: str) -> Reply:
        return chat.rate_limited(retry_after)

    def unauthorized(self) -> Reply:
        return failure(401, {"error": {"message": "Incorrect API key provided", "code": "invalid_api_key"}})

    def failing(self, *pieces: str) -> Reply:
        told = event({"error": {"message": "Overloaded", "code": 503}})
        return Reply([*(chat.chunk({"content": piece}) for piece in pieces), told])


DIALECTS: Mapping[str, Dialect] = {one.kind: one for one in (_Anthropic(), _Chat(), _Ollama(), _Responses())}
