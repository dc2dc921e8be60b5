"""The next model call of a session, put together and checked: what it holds, what it may cost, what is left out.

Money is looked at and held in one breath: nobody else can spend what this call may cost. Answers with an event of the
machine; what can't be made is refused with the reason. Callers: `turn.runner`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import assert_never

from agentd.context.assemble import Assembler, Assembly, digest_of
from agentd.context.budget import usable_tokens
from agentd.context.reminders import Used, crossed, of_budget, reminder
from agentd.context.sections import SessionFacts
from agentd.errors import AgentdError, OverBudgetError
from agentd.providers.base import ToolDefinition
from agentd.providers.prepared import PreparedCall, Purpose
from agentd.session.breaker import judge
from agentd.session.entries import Notice
from agentd.session.log import SessionLog
from agentd.session.reminders import Reminded
from agentd.session.state import TurnState
from agentd.tools.schema import input_schema
from agentd.turn.allowance import Allowance, allowance
from agentd.turn.events import Event, Prepared, Refused
from agentd.turn.parts import ModelChoice, Parts
from agentd.turn.spending import Amount

__all__ = ["Preparing", "Ready", "call_of", "worst_of"]


def call_of(step: str, attempt: int) -> str:
    """The id of a model call in the ledger: its step's, and which attempt it is (from 1)."""
    return f"{step}#{attempt}"


_COUNT_FROM = 0.90
"""Share of what fits from which on a server is asked to count: below it the estimate's error changes nothing."""

_PURPOSES: Mapping[str, Purpose] = {"turn": "turn", "schedule": "schedule", "agent": "agent"}
"""What a request may be for, as its log says it."""


@dataclass(frozen=True, slots=True)
class Ready:
    """A call that may be sent: where, with which tools (name -> JSON Schema), and what it may cost at most."""

    call: PreparedCall
    choice: ModelChoice
    tools: Mapping[str, Mapping[str, object]]
    worst: Amount


class Preparing:
    """One session's."""

    def __init__(self, parts: Parts, log: SessionLog) -> None:
        self._parts = parts
        self._log = log
        self._assembler = Assembler(log, parts.store)
        self._ready: dict[str, Ready] = {}
        self._counted: dict[str, int] = {}
        self._is_near = False
        self._offers: dict[str, tuple[ToolDefinition, ...]] = {}

    def take(self, step: str) -> Ready:
        """What was prepared for `step`, once."""
        return self._ready.pop(step)

    def reading(self) -> Iterator[None]:
        """Read what a long next request is made of, in pieces of a few milliseconds. Never raises."""
        try:
            yield from self._assembler.reading()
        except Exception:  # noqa: BLE001 - `prepare` meets the same fault and tells it
            return

    async def prepare(self, turn: TurnState, step: str) -> Event:
        """`Prepared`, or `Refused` with words for a person. Where the estimate comes near to what fits, or past it, the
        model's server is asked to count, for no longer than a person would notice."""
        event = self._prepare(turn, step)
        if self._is_near and await self._count(turn):
            event = self._prepare(turn, step)
        return event

    async def _count(self, turn: TurnState) -> bool:
        """Whether the server said how many tokens the request has with nothing left out. Never raises."""
        if self._assembler.shows_pictures:
            return False  # servers count words
        try:
            choice = self._parts.models.get(turn.model)
            body, _ = self._assembler.body(
                choice.provider, choice.model, self._offer(turn), self._facts(), choice.limits, choice.effort
            )
            counted = await self._parts.models.count(choice.provider.name, body)
        except Exception:  # noqa: BLE001 - `_prepare` met the same fault and told it; without a count it is estimated
            return False
        self._counted = {} if counted is None else {digest_of(body): counted}
        return counted is not None

    def _prepare(self, turn: TurnState, step: str) -> Event:
        self._is_near = False
        try:
            choice = self._parts.models.get(turn.model)
            allowed = self._allowed(turn, choice)
            told = self._owed(turn, step)
            assembly = self._assemble(turn, step, choice, allowed, told)
            more = self._of_budgets(turn, step, assembly, allowed)
            if more:
                told += more
                assembly = self._assemble(turn, step, choice, allowed, told)
        except AgentdError as fault:
            self._is_near = isinstance(fault, OverBudgetError)
            text = f"{fault.what}: {fault.why}" if fault.why else fault.what
            over, too_long = isinstance(fault, OverBudgetError), fault.field == "window"
            return Refused(step, text, fault.remedy or fault.code.remedy, over, over and too_long)
        except Exception as fault:  # noqa: BLE001 - a bug ends the turn with an id to quote; it must not hang
            reference = self._parts.reporter.bug("prepare", fault)
            return Refused(step, f"the daemon has a bug (reference {reference})", "Please report it.", False)
        call = assembly.call
        near = _COUNT_FROM * usable_tokens(choice.limits, call.output_tokens)
        self._is_near = assembly.compacted is not None or call.input_tokens >= near
        worst = worst_of(call, allowed)
        self._parts.spending.hold(call_of(step, turn.attempts + 1), self._log.session, call.purpose, worst)
        schemas = {name: schema for name, _, schema in assembly.tools}
        self._ready = {step: Ready(call, choice, schemas, worst)}
        notices = () if choice.notice is None else (Notice(code=choice.notice[0], text=choice.notice[1], turn=turn.id),)
        return Prepared(
            step=step,
            model=choice.provider.name,
            purpose=call.purpose,
            prefix_blob=assembly.prefix,
            messages=assembly.messages,
            window=assembly.window,
            input_tokens=call.input_tokens,
            output_tokens=call.output_tokens,
            usd_micros=call.usd_micros,
            reason=assembly.reason,
            prefix=assembly.recorded,
            notices=notices,
            compacted=assembly.compacted,
            reminded=told,
        )

    def _facts(self) -> SessionFacts:
        return self._parts.facts(self._log.state.workspace, self._log.state.cwd)

    def _assemble(
        self, turn: TurnState, step: str, choice: ModelChoice, allowed: Allowance, told: tuple[Reminded, ...]
    ) -> Assembly:
        return self._assembler.assemble(
            provider=choice.provider,
            model=choice.model,
            tools=self._offer(turn),
            facts=self._facts(),
            limits=choice.limits,
            purpose=_purpose(turn),
            step=step,
            clearable={tool.spec.name for tool in self._parts.tools.values() if tool.spec.compactable},
            overflowed=turn.overflowed,
            money=allowed.money,
            factor=self._parts.spending.factor(choice.provider.name, self._log.session, _purpose(turn)),
            tokens_left=allowed.tokens_left,
            reminded=told,
            counted=self._counted,
            effort=choice.effort,
            images=choice.images,
        )

    # -- what the model is told ----------------------------------------------------------------------------------

    def _owed(self, turn: TurnState, step: str) -> tuple[Reminded, ...]:
        """What the model has to hear about its last step."""
        match turn.owed:
            case "":
                return ()
            case "stuck":
                reason = judge(turn.recent).reason
                text = reminder("stuck", reason=reason)
            case "cut":
                text, reason = reminder("cut"), "the answer was cut at the output limit, and goes on"
            case "repeated":
                text, reason = reminder("repeated"), "the answer repeated itself and was stopped; the model goes on"
            case _:
                assert_never(turn.owed)
        return (Reminded(turn=turn.id, step=step, code=turn.owed, text=text, reason=reason),)

    def _of_budgets(self, turn: TurnState, step: str, assembly: Assembly, allowed: Allowance) -> tuple[Reminded, ...]:
        """What the model has left, of each limit of which so much was used that it has to know."""
        tokens = assembly.call.input_tokens
        window = Used("tokens", tokens / max(1, assembly.window), str(tokens), str(assembly.window))
        told = self._log.state.counters
        found: list[Reminded] = []
        for used in (window, *allowed.used):
            level = crossed(used.share, told.get(f"told.{used.code}", 0))
            if level:
                found.append(Reminded(turn=turn.id, step=step, code=used.code, text=of_budget(used), level=level))
        return tuple(found)

    def _offer(self, turn: TurnState) -> tuple[ToolDefinition, ...]:
        """What the model is told of the tools: the same in every step of a mode, so made once."""
        if turn.mode not in self._offers:
            self._offers[turn.mode] = self._offer_in(turn)
        return self._offers[turn.mode]

    def _offer_in(self, turn: TurnState) -> tuple[ToolDefinition, ...]:
        specs = [tool.spec for tool in self._parts.tools.values() if tool.spec.read_only or turn.mode != "plan"]
        specs.sort(key=lambda spec: spec.name)
        return tuple(ToolDefinition(spec.name, spec.description, input_schema(spec)) for spec in specs)

    def _allowed(self, turn: TurnState, choice: ModelChoice) -> Allowance:
        """What the call may cost. OverBudgetError when there is a limit and nobody knows the price."""
        spending = self._parts.spending
        spending.let_go(self._log.session)
        return allowance(
            spending,
            self._parts.settings(),
            choice,
            purpose=_purpose(turn),
            session=self._log.session,
            turn=turn.id,
            turn_usd_micros=turn.request.max_usd_micros,
            now_ms=self._parts.world.clock.now_ms(),
        )


def _purpose(turn: TurnState) -> Purpose:
    return _PURPOSES.get(turn.request.purpose, "turn")


def worst_of(call: PreparedCall, allowed: Allowance) -> Amount:
    """What a call may cost at most, as the ledger holds it: tokens and time only where they are limited."""
    tokens = call.input_tokens + call.output_tokens if allowed.tokens_left is not None else 0
    return Amount(call.usd_micros, tokens, allowed.ms_left or 0)
