"""Side queries: one small question to a model beside a turn, whose answer is used only if it comes.

One call, no tools, a short prefix of its own, a line of its own in the ledger, a cap of its own (`context.purposes`). It
never blocks a turn, never retries, never raises: without an answer things go on as if nothing had been asked, and the
event log says why. On a server with one slot it waits for nobody and gives way to any turn. It decides nothing about
what is asked or what the answer means. Callers: `turn.titles`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import ExitStack, aclosing
from dataclasses import dataclass

from agentd.context.budget import output_limit, prepare
from agentd.context.prices import FREE
from agentd.context.tokens import shape_of
from agentd.errors import AgentdError, DeadlineError
from agentd.providers.argument_repair import certain
from agentd.providers.base import ModelMessage, ModelRequest
from agentd.providers.prepared import Purpose
from agentd.turn.allowance import allowance
from agentd.turn.billing import usage_of, usage_of_failure
from agentd.turn.parts import ModelChoice, Parts
from agentd.turn.preparing import Ready, worst_of
from agentd.turn.reply import Reply
from agentd.turn.spending import Booked, Settled
from agentproto.api.turn import TurnUsage
from agentproto.content import TextBlock

__all__ = ["SideQueries", "SideQuery"]

_MOST_MS = 60_000
"""How long an answer is waited for: what nobody waits for must not hang about either."""

_NO_MODEL = frozenset({"offline", "scripted"})
"""Kinds that are no language model, and have nothing to say beside a turn."""


@dataclass(frozen=True, slots=True)
class SideQuery:
    """`name`: what it is for, in a word. `model`: the session's connection, where settings name none for side queries.
    `schema`: JSON Schema of the answer, an object. `max_tokens`: of the answer."""

    name: str
    session: str
    model: str
    system: str
    text: str
    schema: Mapping[str, object]
    max_tokens: int = 200
    purpose: Purpose = "side_query"


class SideQueries:
    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._made = 0

    async def ask(self, query: SideQuery) -> Mapping[str, object] | None:
        """The answer as an object of JSON; None when there is none, for whatever reason. Only a cancellation goes
        through."""
        try:
            return await self._ask(query)
        except DeadlineError:
            self._told(query, f"no answer within {_MOST_MS // 1000} s")
        except AgentdError as fault:
            self._told(query, f"not asked: {fault.what}")
        except Exception as fault:  # noqa: BLE001 - whatever it is, nobody's turn may suffer from it
            self._told(query, f"a bug (reference {self._parts.reporter.bug(f'side query {query.name}', fault)})")
        return None

    async def _ask(self, query: SideQuery) -> Mapping[str, object] | None:
        models, name = self._parts.models, self._parts.settings().side_model or query.model
        await models.ready(name)
        choice = models.get(name)
        if choice.provider.kind in _NO_MODEL:
            return None
        one_slot = choice.slots == 1 or (choice.slots is None and choice.local)
        if one_slot and self._parts.traffic.busy(name):
            self._told(query, f"not asked: {name} answers one at a time, and a turn is waiting for it")
            return None
        ready = self._prepare(query, choice)
        with ExitStack() as stack:
            task = asyncio.current_task()
            assert task is not None
            if one_slot:
                stack.enter_context(self._parts.traffic.yielding(name, task.cancel))
            async with self._parts.world.clock.deadline(_MOST_MS):
                return await self._send(query, ready)

    def _prepare(self, query: SideQuery, choice: ModelChoice) -> Ready:
        """Checked by the budget, and held in the same breath."""
        spending, now_ms = self._parts.spending, self._parts.world.clock.now_ms()
        allowed = allowance(
            spending,
            self._parts.settings(),
            choice,
            purpose=query.purpose,
            session=query.session,
            turn="",
            turn_usd_micros=0,
            now_ms=now_ms,
        )
        self._made += 1
        most = min(query.max_tokens, output_limit(choice.limits))
        request = _request(query, choice, most)
        call = prepare(
            provider=choice.provider.name,
            body=choice.provider.encode(request),
            purpose=query.purpose,
            session=query.session,
            call=f"{query.session}.side.{now_ms}-{self._made}",
            limits=choice.limits,
            max_output=most,
            money=allowed.money,
            factor=spending.calibration.factor(choice.provider.name),
            tokens_left=allowed.tokens_left,
        )
        ready = Ready(call, choice, {}, worst_of(call, allowed))
        spending.hold(f"{call.call}#1", query.session, query.purpose, ready.worst)
        return ready

    async def _send(self, query: SideQuery, ready: Ready) -> Mapping[str, object] | None:
        call, worst, clock = ready.call, ready.worst, self._parts.world.clock
        facts = (f"{call.call}#1", call.session, call.purpose, call.provider, worst.usd_micros)
        try:
            await self._parts.spending.book(Booked(*facts, tokens=worst.tokens, ms=worst.ms))
        except asyncio.CancelledError:
            nothing = TurnUsage(estimated=True)  # it was booked, and is not made
            await self._parts.spending.settle(Settled(*facts[:4], usage=nothing, local=ready.choice.local))
            raise
        began_ms, reply = clock.monotonic_ms(), Reply(call.call)
        try:
            async with aclosing(ready.choice.provider.stream(call)) as stream:
                async for event in stream:
                    reply.take(event)
        finally:
            usage = self._usage(reply, ready)
            settled = Settled(
                *facts[:4],
                usage.usd_micros,
                usage=usage,
                at_most=call.usd_micros if usage.estimated and usage.usd_micros else 0,
                estimated_input=call.estimated_tokens,
                shape=shape_of(call.body) if call.estimated_tokens else None,
                ms=clock.monotonic_ms() - began_ms,
                local=ready.choice.local,
            )
            await self._parts.spending.settle(settled)
        if reply.failure is not None:
            self._told(query, f"no answer: {reply.failure.text}")
            return None
        found = certain(reply.text())
        outcome = "answered" if found is not None else "the answer is no object of JSON"
        self._told(query, f"{outcome} ({usage.input} tokens in, {usage.output} out)")
        return None if found is None else found.arguments

    def _usage(self, reply: Reply, ready: Ready) -> TurnUsage:
        prices = ready.choice.prices or FREE
        # One that was given up in the middle was sent: its server may bill it.
        return (usage_of_failure if reply.failure is not None else usage_of)(reply, ready.call, prices)

    def _told(self, query: SideQuery, text: str) -> None:
        self._parts.reporter.happened("model", "model.side_query", f"{query.name}: {text}", query.session)


def _request(query: SideQuery, choice: ModelChoice, most: int) -> ModelRequest:
    return ModelRequest(
        model=choice.model,
        system=((query.name, query.system),),
        tools=(),
        messages=(ModelMessage("user", (TextBlock(query.text),)),),
        max_output=most,
        schema=query.schema,
    )
