"""The one caller of model servers: a prepared call in, the codec's events out, over the world's http door.

It decides how what goes wrong below HTTP is told (`Failure`, never an exception) and when a connection is given up: at
once when the generator is closed, after `stall_ms` without a byte, when an answer never ends. It never retries
(the turn's machine does, by `failures`) but for one thing: a remembered key that a server takes for none is asked for
anew, and the call made with it once. It never follows a redirect, never sends a key elsewhere than to its connection's
url, and never lets a key into a failure's words. Callers: the turn's runner, `connections`.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from dataclasses import replace
from typing import Literal

from agentd.errors import AgentdError, DeadlineError, NetworkError
from agentd.providers.base import Codec, Ended, Failure, FailureClass, ModelEvent, ModelRequest
from agentd.providers.connection import Connection
from agentd.providers.counting import Step, steps
from agentd.providers.failures import classify
from agentd.providers.keys import KeyResolver
from agentd.providers.keys_masking import without, without_in_bytes
from agentd.providers.prepared import PreparedCall, Purpose
from agentd.providers.report import Report, questions, read_answers
from agentd.world.doors import HttpRequest, HttpResponse, World
from agentproto.__about__ import __version__

__all__ = ["HttpProvider", "ask_server", "count_tokens", "counted_by", "told", "user_agent"]

_ERROR_BODY = 64 * 1024
"""Bytes of an error's body that are read; the rest is a page that says nothing more."""

_LONGEST_ANSWER = 64 * 1024 * 1024
"""Bytes of one streamed answer. The largest real ones (128k tokens of output, framed) stay under 40 MiB."""

_LARGEST_REPORT = 8 * 1024 * 1024
"""Bytes of a list of models; the largest known one (all models of a router) has 1 MiB."""

_LARGEST_COUNT = 32 * 1024 * 1024
"""Bytes of an answer with a number for each of a million tokens, and of a prompt that has as many."""

_NO_SUCH_QUESTION = (404, 405, 501)

_REPORT_MS = 3_000
"""How long a server may take to say what it is; it answers from memory, and nothing is urgent about it."""

_NO_KEY = 401
"""The status by which a server says that it does not know the key; 403 says that the key may not, which no other
key of the same reference changes."""

_LAST_BYTES_MS = 200
"""How long the end of a finished answer is waited for, so that its connection can be used again."""


class HttpProvider:
    """A model server behind a codec."""

    def __init__(
        self, name: str, codec: Codec, connection: Connection, world: World, key_resolver: KeyResolver
    ) -> None:
        self.name = name
        self.kind = codec.kind
        self._codec = codec
        self._connection = connection
        self._world = world
        self._keys = key_resolver

    def encode(self, request: ModelRequest) -> bytes:
        return self._codec.encode(request)

    async def stream(self, call: PreparedCall) -> AsyncGenerator[ModelEvent, None]:
        reference = self._connection.key
        try:
            key = await self._keys.resolve(reference)
        except AgentdError as fault:
            yield _no_key(fault)
            return
        begun, refusal = False, None
        async with aclosing(self._asked(call, key)) as events:
            async for event in events:
                is_refusal = isinstance(event, Failure) and event.status == _NO_KEY and not begun
                if is_refusal and self._keys.refused(reference):
                    refusal = event
                    break
                begun = True
                yield event
        if refusal is None:
            return
        try:
            renewed = await self._keys.resolve(reference)
        except AgentdError as fault:
            yield _no_key(fault)
            return
        if renewed == key:
            yield refusal
            return
        async with aclosing(self._asked(call, renewed)) as events:
            async for event in events:
                yield event

    async def _asked(self, call: PreparedCall, key: str | None) -> AsyncGenerator[ModelEvent, None]:
        """One request with this key and its answer. No AgentdError leaves it."""
        seen = 0
        try:
            async with self._world.http.send(self._request(call, key)) as response:
                if response.status != 200:
                    yield await self._refusal(response, key)
                    return
                decoder = self._codec.decoder()
                chunks = response.chunks()
                async for chunk in chunks:
                    seen += len(chunk)
                    for event in decoder.feed(chunk):
                        if isinstance(event, Ended):
                            await self._read_on(chunks)
                        yield self._told(event, call, key, seen)
                        if isinstance(event, Ended | Failure):
                            return
                    if seen > _LONGEST_ANSWER:
                        yield Failure("broken_stream", f"the answer has more than {_LONGEST_ANSWER} bytes and no end")
                        return
                for event in decoder.end():
                    yield self._told(event, call, key, seen)
        except NetworkError as fault:
            yield told(_network_failure(fault, self._connection, seen), self._connection, key)
        except AgentdError as fault:
            kind: FailureClass = "broken_stream" if seen else "network"
            yield told(Failure(kind, fault.what, fault.remedy, details={"bytes_seen": seen}), self._connection, key)

    async def _refusal(self, response: HttpResponse, key: str | None) -> Failure:
        body = without_in_bytes(key, await _first_bytes(response, _ERROR_BODY))
        headers = {name: without(key, value) for name, value in response.headers.items()}
        failure = self._codec.failure(response.status, headers, body, self._world.clock.now_ms())
        return told(failure, self._connection, key)

    def _request(self, call: PreparedCall, key: str | None) -> HttpRequest:
        named = {"x-session-id": call.session} if self._connection.send_session_id and call.session else {}
        return HttpRequest(
            "POST",
            self._connection.url + self._codec.path(),
            headers={
                "content-type": "application/json",
                "accept": "text/event-stream",
                "user-agent": user_agent(call.purpose),
                **named,
                **self._codec.headers(key),
            },
            body=call.body,
            stall_ms=self._connection.stall_ms,
        )

    async def _read_on(self, chunks: AsyncIterator[bytes]) -> None:
        """Read what follows a finished answer, which is the end of the body and nothing else: only then is the
        connection kept. A server that leaves it open is not waited for."""
        try:
            async with self._world.clock.deadline(_LAST_BYTES_MS):
                async for _ in chunks:
                    pass
        except (DeadlineError, NetworkError):
            pass

    def _told(self, event: ModelEvent, call: PreparedCall, key: str | None, seen: int) -> ModelEvent:
        """The codec's event with what only the caller knows: the projected input where the server counted nothing,
        and no key in anybody's words."""
        match event:
            case Ended(usage=usage) if usage.estimated:
                return replace(event, usage=replace(usage, input=call.input_tokens))
            case Failure():
                return told(replace(event, details={**event.details, "bytes_seen": seen}), self._connection, key)
            case _:
                return event


def user_agent(purpose: Purpose) -> str:
    """What every request says of itself: the product, its version, and what it is for."""
    return f"agentd/{__version__} ({purpose})"


def told(failure: Failure, connection: Connection, key: str | None) -> Failure:
    """The failure as people may read it: without the key in any of its words, with the connection's name in its advice,
    and with how long its server asks to wait."""
    details = {name: without(key, one) if isinstance(one, str) else one for name, one in failure.details.items()}
    text = without(key, failure.text)
    if failure.retry_after_ms is not None and failure.retry_after_ms >= 1_000:
        text += f" (it asks to wait {_span(failure.retry_after_ms)})"
    remedy = without(key, failure.remedy).replace("NAME", connection.name)
    return replace(failure, text=text, remedy=remedy, details=details)


def _span(ms: int) -> str:
    """A time for people, rounded up."""
    for unit, size in (("h", 3_600_000), ("min", 60_000)):
        if ms >= 2 * size:
            return f"{-(-ms // size)} {unit}"
    return f"{-(-ms // 1_000)} s"


def _no_key(fault: AgentdError) -> Failure:
    return Failure("auth", f"{fault.what}: {fault.why}" if fault.why else fault.what, fault.remedy or fault.code.remedy)


def _network_failure(fault: NetworkError, connection: Connection, seen: int) -> Failure:
    """What broke below HTTP, in a person's words: which server, what it did, and what can be done."""
    kind: FailureClass = "network"
    remedy = "check that its server runs and that models.NAME.url names it"
    if fault.phase == "body":
        kind, what = "broken_stream", f"{connection.host} broke off its answer"
        remedy = "try again; look at the server's own log when it happens often"
        if fault.timeout:
            what = f"{connection.host} sent nothing for too long"
            remedy = f"try again, or give it more time: models.NAME.stall_ms is {connection.stall_ms}"
    elif fault.timeout:
        what = f"{connection.url} did not answer in time"
        remedy += "; models.NAME.stall_ms is how long it may take" if fault.phase == "headers" else ""
    elif fault.phase == "connect":
        what = f"nobody answers at {connection.url}"
    else:
        what = f"{connection.url} ended the connection without an answer"
    why = f" ({fault.why})" if fault.why and not fault.timeout else ""
    told = {"phase": fault.phase, "bytes_seen": max(seen, fault.bytes_seen), "timeout": fault.timeout}
    return Failure(kind, f"{what}{why}", fault.remedy or remedy, details=told)


async def _first_bytes(response: HttpResponse, limit: int) -> bytes:
    body = bytearray()
    async for chunk in response.chunks():
        body += chunk
        if len(body) >= limit:
            break
    return bytes(body[:limit])


async def ask_server(
    connection: Connection, world: World, key_resolver: KeyResolver, within_ms: int = _REPORT_MS
) -> Report | Failure:
    """What the server says about itself (`report.questions`); never raises for what it does.

    A server that knows none of the paths is a Report without facts; one that can't be reached, or refuses the key, is a
    Failure. No model is asked anything, so this needs no PreparedCall and costs nothing. It also leaves a warm connection.
    """
    try:
        key = await key_resolver.resolve(connection.key)
    except AgentdError as fault:
        return _no_key(fault)
    bodies: list[bytes] = []
    for asked in questions(connection, key):
        headers = {"user-agent": user_agent("test"), **asked.headers}
        limits = {"connect_ms": within_ms, "stall_ms": within_ms, "total_ms": within_ms}
        try:
            request = HttpRequest(asked.method, asked.url, headers, asked.body, **limits)
            async with world.http.send(request) as response:
                body = await _first_bytes(response, _LARGEST_REPORT)
                if response.status in (401, 403):
                    key_resolver.refused(connection.key)
                    body = without_in_bytes(key, body)
                    failure = classify(response.status, response.headers, body, world.clock.now_ms())
                    return told(failure, connection, key)
                bodies.append(body if response.status == 200 else b"")
        except NetworkError as fault:
            return told(_network_failure(fault, connection, 0), connection, key)
        except AgentdError as fault:
            return told(Failure("network", fault.what, fault.remedy), connection, key)
    return read_answers(connection, bodies)


async def count_tokens(
    connection: Connection, world: World, key_resolver: KeyResolver, body: bytes, within_ms: int
) -> int | None:
    """Tokens of `body` as the connection's server counts them (`counting`); None when it does not, or not in time."""
    counted = await counted_by(connection, world, key_resolver, body, within_ms)
    return counted if isinstance(counted, int) else None


async def counted_by(
    connection: Connection, world: World, key_resolver: KeyResolver, body: bytes, within_ms: int
) -> int | Literal["never", "not_now"]:
    """The same, telling a server that has no such question from one that did not answer it this time. Never raises for
    what a server does. No model is asked anything, so this needs no PreparedCall; nobody is asked to unlock a key."""
    if not key_resolver.at_hand(connection.key):
        return "not_now"
    try:
        async with world.clock.deadline(within_ms):
            key = await key_resolver.resolve(connection.key)
            for step in steps(connection, key, body):
                found = await _step(step, world, within_ms)
                if found != "never":
                    return found
    except AgentdError:
        return "not_now"
    return "never"


async def _step(step: Step, world: World, within_ms: int) -> int | Literal["never", "not_now"]:
    asked = step.question
    headers = {"user-agent": user_agent("test"), **asked.headers}
    request = HttpRequest(asked.method, asked.url, headers, asked.body, within_ms, within_ms, within_ms)
    async with world.http.send(request) as response:
        if response.status in _NO_SUCH_QUESTION:
            return "never"
        if response.status != 200:
            return "not_now"
        said = step.read(await response.read(_LARGEST_COUNT))
    if isinstance(said, Step):
        return await _step(said, world, within_ms)
    return "never" if said is None else said
