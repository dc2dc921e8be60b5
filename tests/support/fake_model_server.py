"""A scripted model server on a loopback port: real HTTP and server-sent events, every fault on demand.

    with FakeModelServer() as server:
        server.script(rate_limited("2"), say("Hello ", "there."))
        ...                                    # a client talks to server.url + "/chat/completions"
        assert server.requests[0].headers["user-agent"].startswith("agentd/")

Each POST takes the next reply of the script; `answer` may be given instead, a function from the request to a reply. The
replies made here are chat completions; `support.model_dialects` makes those of the other protocols. It runs in a thread
of its own, so that the client under test may be anything. Requests are recorded whole, also when and whether the client
hung up.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import TracebackType

__all__ = [
    "HANGS_UP",
    "Break",
    "FakeModelServer",
    "Pause",
    "Reply",
    "Request",
    "calls",
    "chunk",
    "event",
    "failure",
    "overflow",
    "rate_limited",
    "say",
    "tool_call",
    "trickled",
]


@dataclass(frozen=True, slots=True)
class Pause:
    """Nothing is sent for `ms`, or until the client hangs up."""

    ms: int = 3_600_000


@dataclass(frozen=True, slots=True)
class Break:
    """The connection is cut off here, in the middle of the body."""


@dataclass(frozen=True, slots=True)
class Reply:
    """Each part is sent by itself. `before_ms`: nothing, not even headers, for so long. `hangs_up`: the connection is
    closed in place of an answer, as by a server that was tired of waiting in the moment in which it was asked."""

    parts: Sequence[bytes | Pause | Break] = ()
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=lambda: {"content-type": "text/event-stream"})
    before_ms: int = 0
    hangs_up: bool = False


@dataclass(slots=True)
class Request:
    """What a client sent; `hung_up` is set when it left before the reply was through."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    hung_up: threading.Event = field(default_factory=threading.Event)

    @property
    def json(self) -> dict[str, object]:
        value = json.loads(self.body)
        assert isinstance(value, dict)
        return value


# --- replies ---


def event(value: object) -> bytes:
    """One server-sent event with JSON data."""
    return b"data: " + json.dumps(value, ensure_ascii=False).encode() + b"\n\n"


def chunk(delta: Mapping[str, object], finish: str | None = None) -> bytes:
    """One chat completion chunk."""
    choice = {"index": 0, "delta": dict(delta), "finish_reason": finish}
    return event({"id": "c1", "object": "chat.completion.chunk", "model": "fake", "choices": [choice]})


def _ending(finish: str, usage: tuple[int, int, int] | None, done: bool) -> list[bytes]:
    parts = [chunk({}, finish)]
    if usage is not None:
        read, written, cached = usage
        counted = {"prompt_tokens": read, "completion_tokens": written, "total_tokens": read + written}
        details = {"prompt_tokens_details": {"cached_tokens": cached}}
        parts.append(event({"id": "c1", "object": "chat.completion.chunk", "choices": [], "usage": counted | details}))
    return [*parts, b"data: [DONE]\n\n"] if done else parts


def say(
    *pieces: str,
    thinking: str = "",
    finish: str = "stop",
    usage: tuple[int, int, int] | None = (10, 5, 0),
    done: bool = True,
) -> Reply:
    """A text, piece by piece. `usage`: tokens read, written, cached."""
    thought = [chunk({"reasoning_content": thinking})] if thinking else []
    spoken = [chunk({"content": piece}) for piece in pieces]
    return Reply([chunk({"role": "assistant"}), *thought, *spoken, *_ending(finish, usage, done)])


def tool_call(name: str, arguments: Mapping[str, object] | str, *, index: int = 0, cut: int = 5) -> list[bytes]:
    """The chunks of one call, its arguments in pieces of `cut` characters; a text is sent as it is."""
    raw = arguments if isinstance(arguments, str) else json.dumps(arguments)
    begin = {"index": index, "id": f"call_{index}", "type": "function", "function": {"name": name, "arguments": ""}}
    pieces = [raw[at : at + cut] for at in range(0, len(raw), cut)]
    more = [chunk({"tool_calls": [{"index": index, "function": {"arguments": piece}}]}) for piece in pieces]
    return [chunk({"tool_calls": [begin]}), *more]


def calls(
    *tools: tuple[str, Mapping[str, object] | str], text: str = "", usage: tuple[int, int, int] | None = (10, 5, 0)
) -> Reply:
    """Tool calls, in parallel when there are several."""
    spoken = [chunk({"content": text})] if text else []
    called = [part for index, (name, given) in enumerate(tools) for part in tool_call(name, given, index=index)]
    return Reply([*spoken, *called, *_ending("tool_calls", usage, True)])


def failure(status: int, body: object, headers: Mapping[str, str] | None = None) -> Reply:
    """An answer that is no stream; a text is sent as it is, everything else as JSON."""
    is_text = isinstance(body, str)
    data = body.encode() if isinstance(body, str) else json.dumps(body).encode()
    kind = {"content-type": "text/html" if is_text else "application/json"}
    return Reply([data], status, kind | dict(headers or {}))


HANGS_UP = Reply(hangs_up=True)
"""The connection is closed in place of an answer."""


def rate_limited(retry_after: str | None = None) -> Reply:
    """429, with what Retry-After says (seconds or a date)."""
    body = {"error": {"message": "Rate limit reached", "type": "requests", "code": "rate_limit_exceeded"}}
    return failure(429, body, {"retry-after": retry_after} if retry_after else None)


_OVERFLOWS: Mapping[str, object] = {
    "llama.cpp": {
        "error": {
            "code": 400,
            "message": "request (6007 tokens) exceeds the available context size (2048 tokens), try increasing it",
            "type": "exceed_context_size_error",
            "n_prompt_tokens": 6007,
            "n_ctx": 2048,
        }
    },
    "openai": {
        "error": {
            "message": "This model's maximum context length is 8192 tokens. However, your messages resulted in 9000 tokens.",
            "type": "invalid_request_error",
            "param": "messages",
            "code": "context_length_exceeded",
        }
    },
    "vllm": {
        "object": "error",
        "message": "This model's maximum context length is 4096 tokens. However, you requested 5000 tokens (4000 in the "
        "messages, 1000 in the completion). Please reduce the length of the messages or completion.",
        "type": "BadRequestError",
        "param": None,
        "code": 400,
    },
}


def overflow(server: str = "llama.cpp") -> Reply:
    """The prompt is too long, in a server's own words: llama.cpp, openai or vllm."""
    return failure(400, _OVERFLOWS[server])


def trickled(reply: Reply, size: int = 1) -> Reply:
    """The same bytes, sent `size` at a time."""
    whole = b"".join(part for part in reply.parts if isinstance(part, bytes))
    return replace(reply, parts=[whole[at : at + size] for at in range(0, len(whole), size)])


# --- the server ---

NO_REPLY = failure(500, {"error": {"message": "the script of the fake server has no reply left"}})


class FakeModelServer:
    """`url` is up to and with `/v1`, `origin` without it. `body_limit`: larger requests are answered with 413; `port`:
    one that is known to be free (0: any). `sees`: whether it says that its model takes pictures."""

    def __init__(
        self,
        answer: Callable[[Request], Reply] | None = None,
        *,
        body_limit: int | None = None,
        window: int = 8_192,
        port: int = 0,
        sees: bool = False,
    ) -> None:
        self.requests: list[Request] = []
        self.url = ""
        self.connections = 0
        self._answer = answer
        self._script: list[Reply] = []
        self._body_limit = body_limit
        self._window = window
        self._port = port
        self._sees = sees
        self._lock = threading.Lock()
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._stop = asyncio.Event()
        self._thread = threading.Thread(target=self._run, name="fake-model-server", daemon=True)

    @property
    def origin(self) -> str:
        return self.url.removesuffix("/v1")

    def script(self, *replies: Reply) -> None:
        """The replies to the next POSTs, in order, after those that wait already."""
        with self._lock:
            self._script += replies

    def __enter__(self) -> FakeModelServer:
        self._thread.start()
        assert self._ready.wait(10), "the fake server did not come up"
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)
        assert not self._thread.is_alive(), "the fake server did not end"

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_until_complete(self._serve())
        finally:
            self._loop.close()

    async def _serve(self) -> None:
        tasks: set[asyncio.Task[None]] = set()

        async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            assert task is not None
            tasks.add(task)
            self.connections += 1
            try:
                while await self._one(reader, writer):
                    pass
            except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
                pass
            finally:
                tasks.discard(task)
                writer.close()

        server = await asyncio.start_server(connected, "127.0.0.1", self._port)
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
        self._ready.set()
        await self._stop.wait()
        server.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """One request and its reply; whether the connection goes on."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        first, *lines = head.rstrip("\r\n").split("\r\n")
        method, path, _ = first.split(" ", 2)
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        request = Request(method, path, headers, body)
        self.requests.append(request)
        return await self._send(self._reply_to(request), request, reader, writer)

    def _reply_to(self, request: Request) -> Reply:
        if request.method == "GET" or request.path == "/api/show":
            return self._told(request.path)
        if self._body_limit is not None and len(request.body) > self._body_limit:
            return failure(413, {"error": {"message": "Request body too large", "type": "invalid_request_error"}})
        if self._answer is not None:
            return self._answer(request)
        with self._lock:
            return self._script.pop(0) if self._script else NO_REPLY

    def _told(self, path: str) -> Reply:
        """What the server says about itself, in the words of llama.cpp, and below /api in those of Ollama."""
        if path == "/v1/models":
            model = {"id": "fake", "object": "model", "owned_by": "tests", "meta": {"n_ctx_train": self._window}}
            return failure(200, {"object": "list", "data": [model]})
        if path == "/props":
            told = {"default_generation_settings": {"n_ctx": self._window}, "total_slots": 1}
            return failure(200, told | {"modalities": {"vision": self._sees, "audio": False}})
        if path == "/api/tags":
            return failure(200, {"models": [{"name": "fake", "model": "fake", "size": 1}]})
        if path == "/api/show":
            info = {"general.architecture": "fake", "fake.context_length": self._window}
            sees = ["vision"] if self._sees else []
            return failure(200, {"model_info": info, "capabilities": ["completion", "tools", *sees]})
        return failure(404, {"error": {"message": f"nothing is at {path}", "type": "not_found_error", "code": 404}})

    async def _send(
        self, reply: Reply, request: Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bool:
        try:
            await _wait(reply.before_ms, reader)
            if reply.hangs_up:
                return False
            lines = [f"HTTP/1.1 {reply.status} Scripted", "transfer-encoding: chunked"]
            lines += [f"{name}: {value}" for name, value in reply.headers.items()]
            writer.write(("\r\n".join(lines) + "\r\n\r\n").encode())
            for part in reply.parts:
                match part:
                    case bytes():
                        if part:
                            writer.write(f"{len(part):x}\r\n".encode() + part + b"\r\n")
                            await writer.drain()
                            await asyncio.sleep(0)
                    case Pause(ms):
                        await _wait(ms, reader)
                    case Break():
                        writer.transport.abort()
                        return False
                if _has_left(reader):
                    request.hung_up.set()
                    return False
            writer.write(b"0\r\n\r\n")
            await writer.drain()
        except ConnectionError:
            request.hung_up.set()
            return False
        return True


def _has_left(reader: asyncio.StreamReader) -> bool:
    return reader.at_eof() or reader.exception() is not None


async def _wait(ms: int, reader: asyncio.StreamReader) -> None:
    """Wait, but not for a client that has left."""
    until = asyncio.get_running_loop().time() + ms / 1_000
    while not _has_left(reader) and (left := until - asyncio.get_running_loop().time()) > 0:  # noqa: ASYNC110 - streams tell of an end only when asked
        await asyncio.sleep(min(0.005, left))
