"""`models test`: a real round trip with a connection, told line by line. Goes through the budget like any call.

Tries a short answer (latency, tokens a second), a tool call, and says what was seen. Never changes settings. Callers:
`connections.room`.
"""

from __future__ import annotations

from contextlib import aclosing

from agentd.context.budget import Window, prepare
from agentd.errors import AgentdError
from agentd.providers.base import (
    Ended,
    Failure,
    ModelMessage,
    ModelRequest,
    Provider,
    TextPiece,
    ThinkingPiece,
    ToolDefinition,
    ToolUse,
)
from agentd.world.doors import Clock
from agentproto.api.model import TestCheck, TestResult
from agentproto.content import TextBlock

__all__ = ["try_connection"]

_ANSWER_TOKENS = 64
_QUESTION = "Say hello in one short sentence."
_TOOL_QUESTION = "List the folder `src` with the tool."
_TOOL = ToolDefinition(
    "ls",
    "List a folder.",
    {"type": "object", "properties": {"path": {"type": "string"}}, "required": ["path"], "additionalProperties": False},
)


class _Trial:
    """One call and what was seen of it."""

    def __init__(self) -> None:
        self.text = ""
        self.tools: list[str] = []
        self.failure: Failure | None = None
        self.ended: Ended | None = None
        self.first_us = 0
        self.total_us = 0


async def try_connection(clock: Clock, name: str, provider: Provider, model: str, limits: Window) -> TestResult:
    """Every check with what was seen; `ok` when all that a turn needs holds."""
    checks: list[TestCheck] = []
    plain = await _ask(clock, provider, model, limits, _QUESTION, ())
    checks.append(_said("answers", plain))
    if plain.failure is not None:
        return TestResult(name=name, ok=False, checks=tuple(checks))
    usage = plain.ended.usage if plain.ended is not None else None
    tokens = usage.output if usage is not None else 0
    if usage is None or usage.estimated:
        checks.append(TestCheck("counts tokens", True, "no: usage is estimated"))
    else:
        checks.append(TestCheck("counts tokens", True, f"{usage.input} in, {usage.output} out"))
    tool = await _ask(clock, provider, model, limits, _TOOL_QUESTION, (_TOOL,))
    if tool.failure is not None:
        checks.append(TestCheck("calls tools", False, tool.failure.text))
    else:
        seen = f"called {', '.join(tool.tools)}" if tool.tools else "took the tools, called none this time"
        checks.append(TestCheck("calls tools", True, seen))
    checks.append(TestCheck("window", True, f"{limits.window} tokens"))
    streaming_us = plain.total_us - plain.first_us
    rate = tokens * 1_000_000 / streaming_us if streaming_us > 0 and tokens > 1 else 0.0
    return TestResult(
        name=name,
        ok=all(check.ok for check in checks),
        checks=tuple(checks),
        first_token_ms=plain.first_us // 1000,
        tokens_per_second=round(rate, 1),
    )


def _said(what: str, trial: _Trial) -> TestCheck:
    if trial.failure is not None:
        return TestCheck(what, False, f"{trial.failure.kind}: {trial.failure.text}")
    words = " ".join(trial.text.split())[:80] or "(nothing but thinking)"
    return TestCheck(what, True, words)


async def _ask(
    clock: Clock, provider: Provider, model: str, limits: Window, question: str, tools: tuple[ToolDefinition, ...]
) -> _Trial:
    trial = _Trial()
    request = ModelRequest(
        model=model,
        system=(("identity", "You are being tested for a moment."),),
        tools=tools,
        messages=(ModelMessage("user", (TextBlock(question),)),),
        max_output=_ANSWER_TOKENS,
    )
    began = clock.perf_us()
    try:
        call = prepare(
            provider=provider.name,
            body=provider.encode(request),
            purpose="test",
            session="",
            call="test",
            limits=limits,
            max_output=_ANSWER_TOKENS,
        )
    except AgentdError as fault:
        trial.failure = Failure("overflow", fault.what, fault.remedy)
        return trial
    async with aclosing(provider.stream(call)) as stream:
        async for event in stream:
            if not trial.first_us and isinstance(event, TextPiece | ThinkingPiece | ToolUse):
                trial.first_us = clock.perf_us() - began
            if isinstance(event, TextPiece):
                trial.text += event.text
            elif isinstance(event, ToolUse):
                trial.tools.append(event.name)
            elif isinstance(event, Failure):
                trial.failure = event
            elif isinstance(event, Ended):
                trial.ended = event
    trial.total_us = clock.perf_us() - began
    return trial
