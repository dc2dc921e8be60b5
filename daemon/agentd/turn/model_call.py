"""One model call, performed: stream, publish deltas, keep partial text, say how it ended.

Answers the machine with exactly one event, `ModelReplied` or `ModelFailed`, also when it is interrupted. Deltas are not
logged one by one: every 250 ms or 2 KiB of streamed text goes into a `partial` entry without a sync of its own, so that
a half-streamed answer survives a kill. Callers: `turn.runner`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import aclosing

from agentd.context.prices import FREE
from agentd.context.tokens import shape_of
from agentd.errors import DeadlineError, DiskError
from agentd.providers.base import Failure
from agentd.providers.failures import POLICIES, retry_wait
from agentd.providers.repetition import Repetition
from agentd.providers.tool_text import ToolText
from agentd.session.entries import Partial, Replied
from agentd.session.fold import REPEATED
from agentd.session.state import TurnState
from agentd.turn.billing import usage_of, usage_of_failure
from agentd.turn.events import Event, ModelFailed, ModelReplied
from agentd.turn.mending import mend_calls, without_end
from agentd.turn.parts import Parts
from agentd.turn.preparing import Ready, call_of
from agentd.turn.reply import Delta, Reply
from agentd.turn.spending import Booked, Settled
from agentproto.api.turn import DeltaEvent, TurnUsage
from agentproto.errors import ErrorCode

__all__ = ["ModelCall", "died", "no_reply"]

_Keep = Callable[[Partial], Awaitable[None]]


class ModelCall:
    """`run` performs it; `interrupt` was asked for when its task is cancelled with `interrupted` set."""

    def __init__(self, parts: Parts, ready: Ready, turn: TurnState, keep: _Keep) -> None:
        self._parts = parts
        self._ready = ready
        self._provider = ready.choice.provider
        self._prices = ready.choice.prices or FREE
        self._prepared = ready.call
        self._turn = turn
        self._keep = keep
        self._reply = Reply(ready.call.call)
        self._in_text = ToolText(ready.tools) if ready.choice.calls_in_text else None
        self._repetition = {"text": Repetition(), "thinking": Repetition()}
        self._unkept: list[str] = []
        self._unkept_bytes = 0
        self._unkept_from: Delta | None = None
        self._kept_ms = self._began_ms = parts.world.clock.monotonic_ms()
        self.interrupted = False

    @property
    def live(self) -> Delta | None:
        """The item that is streaming, whole, for a client that joins now."""
        return self._reply.live

    async def run(self) -> Event:
        """Reserve, send, stream, settle, and say how it ended. Cancellation without `interrupted` goes through (the daemon
        stops): then the call stays reserved, because a server may have billed it."""
        spending, call, worst = self._parts.spending, self._prepared, self._ready.worst
        facts = (call_of(call.call, self._turn.attempts), call.session, call.purpose, call.provider, worst.usd_micros)
        self._began_ms = self._parts.world.clock.monotonic_ms()
        try:
            await spending.book(Booked(*facts, tokens=worst.tokens, ms=worst.ms))
        except DiskError as fault:
            text = f"nothing was asked: what it may cost could not be written down ({fault.what})"
            return self._failed(Failure("bad_request", text, fault.remedy))
        except asyncio.CancelledError:
            await self._settle(TurnUsage(estimated=True))  # it was booked, and is not made
            raise
        try:
            with self._parts.traffic.calling(call.provider):
                event = await self._within(worst.ms)
        except DiskError:
            await self._settle(usage_of_failure(self._reply, call, self._prices))
            raise
        try:
            await self._settle(
                event.entry.usage
                if isinstance(event, ModelReplied)
                else usage_of_failure(self._reply, call, self._prices)
            )
        except asyncio.CancelledError:
            if not self.interrupted:
                raise
        return event  # what was answered before the interrupt came is not lost with it

    async def _settle(self, usage: TurnUsage) -> None:
        call = self._prepared
        settled = Settled(
            call_of(call.call, self._turn.attempts),
            call.session,
            call.purpose,
            call.provider,
            usage.usd_micros,
            usage=usage,
            at_most=call.usd_micros if usage.estimated and usage.usd_micros else 0,
            estimated_input=call.estimated_tokens,
            ms=self._parts.world.clock.monotonic_ms() - self._began_ms,
            local=self._ready.choice.local,
            shape=shape_of(call.body) if call.estimated_tokens else None,
        )
        try:
            await self._parts.spending.settle(settled)
        except DiskError as fault:
            self._parts.reporter.happened("model", "model.cost_lost", fault.what, call.session)

    async def _within(self, ms: int) -> Event:
        """Ask, for as long as the budget has time for it (0: no limit); then what was said is an answer that was cut."""
        if not ms:
            return await self._ask()
        try:
            async with self._parts.world.clock.deadline(ms):
                return await self._ask()
        except DeadlineError:
            return self._replied(stop="length")

    async def _ask(self) -> Event:
        try:
            async with aclosing(self._provider.stream(self._prepared)) as stream:
                async for event in stream:
                    given = (event,) if self._in_text is None else self._in_text.feed(event)
                    # All of it is taken before anything is waited for: an end that comes meanwhile must lose nothing.
                    for delta in tuple(map(self._reply.take, given)):
                        if delta is not None:
                            self._show(delta)
                            await self._keep_some(delta)
                            if self._repeats(delta):
                                return self._replied(stop=REPEATED)
        except asyncio.CancelledError:
            if not self.interrupted:
                raise
            return self._replied(stop="interrupted", interrupted=True)
        except (DiskError, DeadlineError):
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

    def _repeats(self, delta: Delta) -> bool:
        """Whether the reply has begun to repeat itself without end; then nothing more of it is waited for."""
        why = self._repetition[delta.kind].feed(delta.text) if delta.kind in self._repetition else None
        if why is not None:
            self._parts.reporter.happened(
                "model", "model.repeats", f"{self._provider.name}: {why}", self._prepared.session
            )
        return why is not None

    def _replied(self, *, stop: str, interrupted: bool = False) -> Event:
        self._take_rest()
        blocks = self._reply.blocks(interrupted=interrupted or stop == REPEATED)
        if stop == REPEATED:
            blocks = without_end(blocks)
        blocks, mended = mend_calls(blocks, self._parts.tools, self._ready.tools, cut=stop == "length")
        return ModelReplied(
            Replied(
                turn=self._turn.id,
                step=self._prepared.call,
                blocks=blocks,
                stop=stop,
                usage=usage_of(self._reply, self._prepared, self._prices),
                interrupted=interrupted,
                mended=mended,
            )
        )

    def _take_rest(self) -> None:
        """Text that waited for the end of a call, when the reply ended without saying so."""
        if self._in_text is not None and self._reply.ended is None:
            for event in self._in_text.rest():
                self._reply.take(event)

    def _failed(self, failure: Failure) -> Event:
        self._take_rest()
        turn = self._turn
        next_model = ""
        if POLICIES[failure.kind].fall_back:
            next_model = self._parts.models.stand_in((*turn.given_up, turn.model))
        wait = retry_wait(
            failure.kind,
            turn.attempts - turn.attempts_before,
            failure.retry_after_ms,
            self._parts.world.ids.jitter(),
            waited_ms=turn.waited_ms,
            stands_in=bool(next_model),
            reached=turn.reached,
        )
        if wait is not None:
            next_model = ""
        return ModelFailed(
            step=self._prepared.call,
            failure=failure.kind,
            text=failure.text,
            remedy=failure.remedy,
            kept=self._reply.text(),
            wait_ms=0 if next_model else wait,
            next_model=next_model,
        )

    def _show(self, delta: Delta) -> None:
        self._parts.publisher.delta(
            DeltaEvent(
                stream=self._prepared.session,
                seq=0,
                turn=self._turn.id,
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
            await self._keep(
                Partial(turn=self._turn.id, item=start.item, kind=start.kind, offset=start.offset, text=text)
            )


def no_reply(turn: str, step: str) -> ModelReplied:
    """The answer of a call that an interrupt ended before it could begin."""
    usage = TurnUsage(estimated=True)
    return ModelReplied(Replied(turn=turn, step=step, blocks=(), stop="interrupted", usage=usage, interrupted=True))


def died(step: str) -> ModelFailed:
    """The answer of a call that a bug ended."""
    text = "the model call ended by a bug in the daemon, which its log shows"
    return ModelFailed(step=step, failure="bad_request", text=text, remedy="Please report it.", kept="", wait_ms=None)
