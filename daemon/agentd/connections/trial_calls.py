"""One call of a test: through the budget, booked and settled in the ledger like every other, and what was seen of it.

It decides what a call of a test may cost (what the day's limit leaves) and how its usage is told where the server told
none; it never retries. A call that is cancelled stays booked at its worst case, because a server may have billed it.
Caller: `trial`.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass, field

from agentd.context.budget import output_limit, prepare
from agentd.context.prices import FREE
from agentd.context.tokens import shape_of
from agentd.errors import AgentdError, DiskError, OverBudgetError
from agentd.providers.base import Ended, Failure, ModelRequest, TextPiece, ThinkingPiece, ToolUse
from agentd.providers.prepared import PreparedCall
from agentd.providers.tool_text import ToolText
from agentd.turn.allowance import Allowance, allowance
from agentd.turn.billing import usage_of, usage_of_failure
from agentd.turn.parts import ModelChoice, Reporter, TurnSettings
from agentd.turn.preparing import worst_of
from agentd.turn.reply import Reply
from agentd.turn.spending import Booked, Settled, Spending
from agentd.world.doors import World
from agentproto.api.turn import TurnUsage
from agentproto.errors import ErrorCode

__all__ = ["Bench", "Tried"]


@dataclass(slots=True)
class Tried:
    """What was seen of one call. `called`: names of the calls in the protocol's own form; `written`: of those that the
    model wrote as text. Times in microseconds."""

    body: bytes = b""
    text: str = ""
    called: list[str] = field(default_factory=list)
    written: list[str] = field(default_factory=list)
    thought: bool = False
    failure: Failure | None = None
    ended: Ended | None = None
    usage: TurnUsage | None = None
    first_us: int = 0
    total_us: int = 0


class Bench:
    """One test's calls. `settings`: the limits of this moment."""

    def __init__(
        self, world: World, spending: Spending, reporter: Reporter, settings: Callable[[], TurnSettings]
    ) -> None:
        self._world = world
        self._spending = spending
        self._reporter = reporter
        self._settings = settings
        self._name = f"test-{world.ids.token(6).hex()}"
        self.usages: list[TurnUsage] = []
        """Of every call that was made, in order."""

    def trying(self, model: str, what: str) -> None:
        """Say what comes next, for whoever watches."""
        self._reporter.happened("model", "model.trying", f"{model}: {what}", None, {"model": model, "what": what})

    async def ask(self, choice: ModelChoice, request: ModelRequest) -> Tried:
        """Make the call, if it may be made."""
        tried = Tried()
        provider, spending = choice.provider, self._spending
        most = min(request.max_output, output_limit(choice.limits))
        try:
            tried.body = provider.encode(request)
            allowed = self._allowed(choice)
            call = prepare(
                provider=provider.name,
                body=tried.body,
                purpose="test",
                session="",
                call=f"{self._name}.{len(self.usages) + 1}",
                limits=choice.limits,
                max_output=most,
                money=allowed.money,
                tokens_left=allowed.tokens_left,
                factor=spending.calibration.factor(provider.name),
            )
            facts = (f"{call.call}#1", "", "test", provider.name)
            worst = worst_of(call, allowed)
            spending.hold(facts[0], facts[0], "test", worst)
            await spending.book(Booked(*facts, worst.usd_micros, tokens=worst.tokens, ms=worst.ms))
        except OverBudgetError as fault:
            tried.failure = Failure("refused", f"{fault.what} ({fault.why})" if fault.why else fault.what, fault.remedy)
            return tried
        except AgentdError as fault:
            tried.failure = Failure("bad_request", f"nothing was asked: {fault.what}", fault.remedy)
            return tried
        reply = await self._stream(choice, call, request, tried)
        prices = choice.prices or FREE
        tried.usage = (usage_of if tried.failure is None else usage_of_failure)(reply, call, prices)
        self.usages.append(tried.usage)
        settled = Settled(
            *facts,
            tried.usage.usd_micros,
            usage=tried.usage,
            at_most=call.usd_micros if tried.usage.estimated and tried.usage.usd_micros else 0,
            estimated_input=call.estimated_tokens,
            shape=shape_of(call.body) if call.estimated_tokens else None,
            ms=tried.total_us // 1_000,
            local=choice.local,
        )
        try:
            await spending.settle(settled)
        except DiskError as fault:
            self._reporter.happened("model", "model.cost_lost", fault.what)
        return tried

    def _allowed(self, choice: ModelChoice) -> Allowance:
        now_ms = self._world.clock.now_ms()
        return allowance(
            self._spending,
            self._settings(),
            choice,
            purpose="test",
            session="",
            turn="",
            turn_usd_micros=0,
            now_ms=now_ms,
        )

    async def _stream(self, choice: ModelChoice, call: PreparedCall, request: ModelRequest, tried: Tried) -> Reply:
        reply, finder = Reply(call.call), ToolText(tool.name for tool in request.tools)
        clock = self._world.clock
        began = clock.perf_us()
        try:
            async with aclosing(choice.provider.stream(call)) as stream:
                async for event in stream:
                    if not tried.first_us and isinstance(event, TextPiece | ThinkingPiece | ToolUse):
                        tried.first_us = clock.perf_us() - began
                    reply.take(event)
                    tried.thought = tried.thought or isinstance(event, ThinkingPiece)
                    if isinstance(event, ToolUse):
                        tried.called.append(event.name)
                    for _ in finder.feed(event):
                        pass
        except Exception as fault:  # noqa: BLE001 - a bug in a provider breaks the test, not the daemon
            reference = self._reporter.bug(f"provider {choice.provider.name}", fault)
            tried.failure = Failure(
                "bad_request", f"the call met a bug (reference {reference})", ErrorCode.INTERNAL.remedy
            )
        tried.total_us = clock.perf_us() - began
        tried.failure = tried.failure or reply.failure
        tried.ended = reply.ended
        if tried.failure is None and tried.ended is None:
            tried.failure = Failure("broken_stream", "the stream ended without saying that it was complete")
        tried.text = reply.text()
        tried.written = [name for name, _ in finder.found]
        return reply
