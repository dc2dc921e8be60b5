"""A provider that plays a script: for tests, and for demonstrations that must go the same way each time.

It decides which reply of the script a call gets, and plays it: text in pieces, thinking, tool calls, a failure, a break
after some pieces, a stall, a wait for a file to appear. Ships, so that plug-in authors can test with it. It never
improvises: a script that has no reply left fails the call and says so. Callers: the registry (`kind = "scripted"`,
`url = "file:/path/script.json"`), tests (`ScriptedProvider(name, Script((...)), clock)`).
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import AsyncGenerator, Sequence
from typing import Literal

import msgspec

from agentd.errors import BadInputError, SettingsError
from agentd.providers import canonical
from agentd.providers.base import (
    Ended,
    Failure,
    FailureClass,
    ModelEvent,
    ModelRequest,
    StopCause,
    TextPiece,
    ThinkingPiece,
    ToolUse,
    Usage,
)
from agentd.providers.prepared import PreparedCall
from agentd.world.doors import Clock, Files

__all__ = [
    "KIND",
    "Script",
    "ScriptedFailure",
    "ScriptedProvider",
    "ScriptedReply",
    "ScriptedTool",
    "choose",
    "read_script",
]

KIND = "scripted"

_KEPT_REQUESTS = 1_000  # for tests to look at; a demonstration that runs for weeks must not grow
_LOOK_AGAIN_MS = 5  # between two looks for the file that a reply waits for


class ScriptedTool(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A tool call. `raw`: what the model wrote, when it is no JSON object (`arguments` is then ignored)."""

    name: str
    arguments: dict[str, object] = {}
    raw: str | None = None


class ScriptedFailure(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A call that fails. `times`: only the first so many of these; 0: always."""

    kind: FailureClass
    text: str = "the script says so"
    retry_after_ms: int | None = None
    times: int = 0


class ScriptedReply(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One reply.

    `match`: a regular expression; the reply is for turns whose prompt it is found in. `pieces`: the text as it streams
    (else `text` a word at a time). `piece_ms`: between pieces. `break_after`: the stream breaks after so many pieces.
    `stall_ms`: after all pieces nothing comes for so long, then the stream breaks. `wait_for`: nothing is sent before
    a file of this path exists. `stop`: how it ends; None: as its content says.
    """

    text: str = ""
    pieces: tuple[str, ...] = ()
    thinking: str = ""
    tools: tuple[ScriptedTool, ...] = ()
    failure: ScriptedFailure | None = None
    match: str | None = None
    piece_ms: int = 0
    break_after: int | None = None
    stall_ms: int | None = None
    wait_for: str | None = None
    stop: StopCause | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None


class Script(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`by`: which reply is next. "call": counted by calls of this provider. "step": counted by the answers that the
    request holds already, so that a script goes on where it was after a restart. Replies with `match` are always
    counted by the answers since the prompt. `loop`: begin anew after the last."""

    replies: tuple[ScriptedReply, ...]
    by: Literal["call", "step"] = "call"
    loop: bool = False


def read_script(data: bytes, where: str = "the script") -> Script:
    """The script in a JSON file's bytes; SettingsError naming what is wrong in it."""
    try:
        script = msgspec.json.decode(data, type=Script)
        for reply in script.replies:
            re.compile(reply.match or "")
    except (msgspec.DecodeError, re.error) as fault:
        raise SettingsError(
            f"{where} can't be read", why=str(fault), remedy="See docs/providers.md for its form."
        ) from None
    return script


def choose(script: Script, request: ModelRequest, call: int) -> ScriptedReply | None:
    """The reply for a request; `call` counts this provider's calls from 0. None: the script has none left."""
    prompt = canonical.last_user_text(request)
    matching = [reply for reply in script.replies if reply.match is not None and re.search(reply.match, prompt)]
    if matching:
        return _at(matching, _answers_since_prompt(request), script.loop)
    others = [reply for reply in script.replies if reply.match is None]
    answers = sum(message.role == "assistant" for message in request.messages)
    return _at(others, call if script.by == "call" else answers, script.loop)


def _at(replies: Sequence[ScriptedReply], index: int, loop: bool) -> ScriptedReply | None:
    if loop and replies:
        index %= len(replies)
    return replies[index] if index < len(replies) else None


def _answers_since_prompt(request: ModelRequest) -> int:
    answers = 0
    for message in reversed(request.messages):
        if message.role == "assistant":
            answers += 1
        elif canonical.said(message):
            break
    return answers


class ScriptedProvider:
    """Plays `script`. `requests` are the newest requests it got, as they were sent. `files` only serves `wait_for`."""

    kind = KIND

    def __init__(self, name: str, script: Script, clock: Clock, files: Files | None = None) -> None:
        self.name = name
        self.requests: deque[ModelRequest] = deque(maxlen=_KEPT_REQUESTS)
        self._script = script
        self._clock = clock
        self._files = files
        self._calls = 0
        self._failed: dict[int, int] = {}

    def encode(self, request: ModelRequest) -> bytes:
        return canonical.encode(request)

    async def stream(self, call: PreparedCall) -> AsyncGenerator[ModelEvent, None]:
        try:
            request = canonical.decode(call.body)
        except BadInputError as fault:
            yield Failure("bad_request", fault.what, fault.remedy)
            return
        self.requests.append(request)
        reply = choose(self._script, request, self._calls)
        if reply is None:
            yield Failure("bad_request", "the script has no reply left for this call", "Add one, or set loop to true.")
            return
        if reply.failure is not None and self._still_fails(reply, reply.failure):
            failure = reply.failure
            self._calls += failure.times == 0
            yield Failure(failure.kind, failure.text, retry_after_ms=failure.retry_after_ms)
            return
        self._calls += 1
        await self._wait(reply.wait_for)
        async for event in self._play(reply, len(call.body)):
            yield event

    def _still_fails(self, reply: ScriptedReply, failure: ScriptedFailure) -> bool:
        index = self._script.replies.index(reply)
        self._failed[index] = self._failed.get(index, 0) + 1
        return failure.times == 0 or self._failed[index] <= failure.times

    async def _wait(self, path: str | None) -> None:
        while path is not None and self._files is not None and self._files.info(path) is None:
            await self._clock.sleep(_LOOK_AGAIN_MS)

    async def _play(self, reply: ScriptedReply, body_bytes: int) -> AsyncGenerator[ModelEvent, None]:
        if reply.thinking:
            yield ThinkingPiece(reply.thinking)
        for number, piece in enumerate(reply.pieces or _words(reply.text)):
            if number == reply.break_after:
                yield Failure("broken_stream", "the script breaks the stream here")
                return
            if reply.piece_ms:
                await self._clock.sleep(reply.piece_ms)
            yield TextPiece(piece)
        if reply.break_after is not None:
            yield Failure("broken_stream", "the script breaks the stream here")
            return
        if reply.stall_ms is not None:
            await self._clock.sleep(reply.stall_ms)
            yield Failure("broken_stream", f"nothing came for {reply.stall_ms} ms")
            return
        for number, tool in enumerate(reply.tools, 1):
            yield _use(tool, f"scripted-{self._calls}-{number}")
        written = len(reply.text) + sum(map(len, reply.pieces)) + len(msgspec.json.encode(reply.tools))
        usage = Usage(
            input=canonical.estimate(body_bytes) if reply.input_tokens is None else reply.input_tokens,
            output=canonical.estimate(written) if reply.output_tokens is None else reply.output_tokens,
            estimated=reply.input_tokens is None or reply.output_tokens is None,
        )
        yield Ended(reply.stop or ("tool_use" if reply.tools else "end"), usage)


def _use(tool: ScriptedTool, model_id: str) -> ToolUse:
    if tool.raw is not None:
        return ToolUse(model_id, tool.name, None, tool.raw)
    return ToolUse(model_id, tool.name, tool.arguments, msgspec.json.encode(tool.arguments).decode())


def _words(text: str) -> list[str]:
    return re.findall(r"\s*\S+\s*\Z|\s*\S+", text) or ([text] if text else [])
