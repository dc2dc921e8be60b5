"""One model call, performed: stream, publish deltas, keep partial text, say how it ended.

Answers the machine with exactly one event, `ModelReplied` or `ModelFailed`, also when it is interrupted. Deltas are not
logged one by one: every 250 ms or 2 KiB of streamed text goes into a `partial` entry without a sync of its own, so that
a half-streamed answer survives a kill. Callers: `turn.runner`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import aclosing

import msgspec

from agentd.context.prices import FREE, cost_of, worst_case
from agentd.errors import DiskError
from agentd.providers.base import Failure
from agentd.providers.failures import retry_wait
from agentd.providers.prepared import PreparedCall
from agentd.session.entries import Partial, Replied
from agentd.turn.events import Event, ModelFailed, ModelReplied
from agentd.turn.parts import ModelChoice, Parts
from agentd.turn.preparing import call_of
from agentd.turn.reply import Delta, Reply
from agentd.turn.spending import Booked, Settled
from agentproto.api.turn import DeltaEvent, TurnUsage
from agentproto.errors import ErrorCode

__all__ = ["ModelCall", "died", "no_reply"]

_ON_ITS_WAY_TOKENS = 256
"""Tokens that a server may have made and billed before it noticed that nobody reads any more."""

_Keep = Callable[[Partial], Awaitable[None]]


class ModelCall:
    """`run` performs it; `interrupt` was asked for when its task is cancelled with `interrupted` set."""

    def __init__(
        self,
        parts: Parts,
        choice: ModelChoice,
        prepared: PreparedCall,
        *,
        turn: str,
        attempt: int,
        waited_ms: int,
        keep: _Keep,
    ) -> None:
        self._parts = parts
        self._provider = choice.provider
        self._prices = choice.prices or FREE
        self._prepared = prepared
        self._turn = turn
        self._attempt = attempt
        self._waited_ms = waited_ms
        self._keep = keep
        self._reply = Reply(prepared.call)
        self._unkept: list[str] = []
        self._unkept_bytes = 0
        self._unkept_from: Delta | None = None
        self._kept_ms = parts.world.clock.monotonic_ms()
        self.interrupted = False

    @property
    def live(self) -> Delta | None:
        """The item that is streaming, whole, for a client that joins now."""
        return self._reply.live

    async def run(self) -> Event:
        """Reserve, send, stream, settle, and say how it ended. Cancellation without `interrupted` goes through (the daemon
        stops): then the call stays reserved, because a server may have billed it."""
        spending, call = self._parts.spending, self._prepared
        facts = (call_of(call.call, self._attempt), call.session, call.purpose, call.provider)
        try:
            await spending.book(Booked(*facts, call.usd_micros))
        except DiskError as fault:
            text = f"nothing was asked: what it may cost could not be written down ({fault.what})"
            return self._failed(Failure("bad_request", text, fault.remedy))
        event = await self._ask()
        usage = event.entry.usage if isinstance(event, ModelReplied) else self._usage_of_failure()
        settled = Settled(*facts, usage.usd_micros, usage=usage, estimated_input=call.estimated_tokens)
        try:
            await spending.settle(settled)
        except DiskError as fault:
            self._parts.reporter.happened("model", "model.cost_lost", fault.what, call.session)
        return event

    def _usage_of_failure(self) -> TurnUsage:
        """What a call that failed may have cost: nothing when not a byte was answered."""
        failure = self._reply.failure
        seen = failure.details.get("bytes_seen", 0) if failure is not None else 0
        shown = len(self._reply.text().encode(errors="replace"))
        if not seen and not shown:
            return TurnUsage(estimated=True)
        return self._at_most(max(shown, seen if isinstance(seen, int) else 0))

    def _at_most(self, seen_bytes: int) -> TurnUsage:
        """Of a call whose server told no usage: all of its input, a token for each byte that was seen, and what was on
        its way. On the safe side: money that may have been spent can't be spent again."""
        call = self._prepared
        output = min(call.output_tokens, seen_bytes + _ON_ITS_WAY_TOKENS)
        usd_micros = worst_case(self._prices, call.input_tokens, output)
        return TurnUsage(input=call.input_tokens, output=output, usd_micros=usd_micros, estimated=True)

    def _usage(self) -> TurnUsage:
        usage = self._reply.usage(self._prepared.input_tokens)
        if not usage.estimated or self._prices == FREE:
            return msgspec.structs.replace(usage, usd_micros=cost_of(self._prices, usage))
        return self._at_most(self._reply.bytes)

    async def _ask(self) -> Event:
        try:
            async with aclosing(self._provider.stream(self._prepared)) as stream:
                async for event in stream:
                    delta = self._reply.take(event)
                    if delta is not None:
                        self._show(delta)
                        await self._keep_some(delta)
        except asyncio.CancelledError:
            if not self.interrupted:
                raise
            return self._replied(stop="interrupted", interrupted=True)
        except DiskError:
            raise
        except Exception as fault:  # noqa: BLE001 - a bug in a provider breaks the call, not the daemon's hold on the turn
            reference = self._parts.reporter.bug(f"provider {self._provider.name}", fault)
            return self._failed(
                Failure("bad_request", f"the call met a bug (reference {reference})", ErrorCode.INTERNAL.remedy)
            )
        failure = self._reply.failure
        if failure is not None:
            return self._failed(failure)
        if self._reply.ended is None:
            return self._failed(Failure("broken_stream", "the stream ended without saying that it was complete"))
        return self._replied(stop=self._reply.ended.stop)

    def _replied(self, *, stop: str, interrupted: bool = False) -> Event:
        return ModelReplied(
            Replied(
                turn=self._turn,
                step=self._prepared.call,
                blocks=self._reply.blocks(interrupted=interrupted),
                stop=stop,
                usage=self._usage(),
                interrupted=interrupted,
            )
        )

    def _failed(self, failure: Failure) -> Event:
        wait = retry_wait(
            failure.kind,
            self._attempt,
            failure.retry_after_ms,
            self._parts.world.ids.jitter(),
            waited_ms=self._waited_ms,
        )
        return ModelFailed(
            step=self._prepared.call,
            failure=failure.kind,
            text=failure.text,
            remedy=failure.remedy,
            kept=self._reply.text(),
            wait_ms=wait,
        )

    def _show(self, delta: Delta) -> None:
        self._parts.publisher.delta(
            DeltaEvent(
                stream=self._prepared.session,
                seq=0,
                turn=self._turn,
                item=delta.item,
                kind=delta.kind,
                offset=delta.offset,
                text=delta.text,
            )
        )

    async def _keep_some(self, delta: Delta) -> None:
        if self._unkept_from is not None and self._unkept_from.item != delta.item:
            await self._keep_now()
        if self._unkept_from is None:
            self._unkept_from = delta
        self._unkept.append(delta.text)
        self._unkept_bytes += len(delta.text)
        settings = self._parts.settings()
        now = self._parts.world.clock.monotonic_ms()
        if self._unkept_bytes >= settings.partial_bytes or now - self._kept_ms >= settings.partial_ms:
            self._kept_ms = now
            await self._keep_now()

    async def _keep_now(self) -> None:
        start, text = self._unkept_from, "".join(self._unkept)
        self._unkept, self._unkept_bytes, self._unkept_from = [], 0, None
        if start is not None and text:
            await self._keep(Partial(turn=self._turn, item=start.item, kind=start.kind, offset=start.offset, text=text))


def no_reply(turn: str, step: str) -> ModelReplied:
    """The answer of a call that an interrupt ended before it could begin."""
    usage = TurnUsage(estimated=True)
    return ModelReplied(Replied(turn=turn, step=step, blocks=(), stop="interrupted", usage=usage, interrupted=True))


def died(step: str) -> ModelFailed:
    """The answer of a call that a bug ended."""
    text = "the model call ended by a bug in the daemon, which its log shows"
    return ModelFailed(step=step, failure="bad_request", text=text, remedy="Please report it.", kept="", wait_ms=None)
