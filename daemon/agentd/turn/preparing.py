"""The next model call of a session, put together and checked: what it holds, what it may cost, what is left out.

Money is looked at and held in one breath: nobody else can spend what this call may cost. Answers with an event of the
machine; what can't be made is refused with the reason. Callers: `turn.runner`.
"""

from __future__ import annotations

from agentd.context.assemble import Assembler, Assembly
from agentd.context.prices import FREE, Money
from agentd.errors import AgentdError, OverBudgetError
from agentd.providers.base import ToolDefinition
from agentd.session.entries import Notice
from agentd.session.log import SessionLog
from agentd.session.state import TurnState
from agentd.tools.schema import input_schema
from agentd.turn.events import Event, Prepared, Refused
from agentd.turn.parts import ModelChoice, Parts

__all__ = ["Preparing", "call_of"]


def call_of(step: str, attempt: int) -> str:
    """The id of a model call in the ledger: its step's, and which attempt it is (from 1)."""
    return f"{step}#{attempt}"


class Preparing:
    """One session's."""

    def __init__(self, parts: Parts, log: SessionLog) -> None:
        self._parts = parts
        self._log = log
        self._assembler = Assembler(log, parts.store)
        self._ready: dict[str, tuple[Assembly, ModelChoice]] = {}
        self._offers: dict[str, tuple[ToolDefinition, ...]] = {}

    def take(self, step: str) -> tuple[Assembly, ModelChoice]:
        """What was prepared for `step`, once."""
        return self._ready.pop(step)

    def prepare(self, turn: TurnState, step: str) -> Event:
        """`Prepared`, or `Refused` with words for a person."""
        try:
            choice = self._parts.models.get(turn.model)
            assembly = self._assembler.assemble(
                provider=choice.provider,
                model=choice.model,
                tools=self._offer(turn),
                facts=self._parts.facts(self._log.state.workspace, self._log.state.cwd),
                limits=choice.limits,
                purpose="turn",
                step=step,
                clearable={tool.spec.name for tool in self._parts.tools.values() if tool.spec.compactable},
                overflowed=turn.overflowed,
                money=self._money(turn, choice),
                factor=self._parts.spending.calibration.factor(choice.provider.name),
                effort=choice.effort,
                images=choice.images,
            )
        except AgentdError as fault:
            text = f"{fault.what}: {fault.why}" if fault.why else fault.what
            return Refused(step, text, fault.remedy or fault.code.remedy, isinstance(fault, OverBudgetError))
        except Exception as fault:  # noqa: BLE001 - a bug ends the turn with an id to quote; it must not hang
            reference = self._parts.reporter.bug("prepare", fault)
            return Refused(step, f"the daemon has a bug (reference {reference})", "Please report it.", False)
        attempt = turn.attempts + 1
        self._parts.spending.hold(call_of(step, attempt), self._log.session, assembly.call.usd_micros)
        self._ready = {step: (assembly, choice)}
        notices = () if choice.notice is None else (Notice(code=choice.notice[0], text=choice.notice[1], turn=turn.id),)
        return Prepared(
            step=step,
            model=choice.provider.name,
            purpose=assembly.call.purpose,
            prefix_blob=assembly.prefix,
            messages=assembly.messages,
            window=assembly.window,
            input_tokens=assembly.call.input_tokens,
            output_tokens=assembly.call.output_tokens,
            usd_micros=assembly.call.usd_micros,
            reason=assembly.reason,
            prefix=assembly.recorded,
            notices=notices,
            compacted=assembly.compacted,
        )

    def _offer(self, turn: TurnState) -> tuple[ToolDefinition, ...]:
        """What the model is told of the tools: the same in every step of a mode, so made once."""
        if turn.mode not in self._offers:
            self._offers[turn.mode] = self._offer_in(turn)
        return self._offers[turn.mode]

    def _offer_in(self, turn: TurnState) -> tuple[ToolDefinition, ...]:
        specs = [tool.spec for tool in self._parts.tools.values() if tool.spec.read_only or turn.mode != "plan"]
        specs.sort(key=lambda spec: spec.name)
        return tuple(ToolDefinition(spec.name, spec.description, input_schema(spec)) for spec in specs)

    def _money(self, turn: TurnState, choice: ModelChoice) -> Money:
        """What the call may cost: the least that any limit leaves. OverBudgetError when there is a limit and nobody knows
        the price."""
        spending, settings = self._parts.spending, self._parts.settings()
        session = self._log.session
        spending.let_go(session)
        limits: list[tuple[int, str]] = []
        if turn.request.max_usd_micros:
            left = turn.request.max_usd_micros - spending.of_turn(turn.id)
            limits.append((left, "the turn was given a limit (--max-usd)"))
        if settings.session_usd_micros:
            limits.append((settings.session_usd_micros - spending.of_session(session), "budget.session_usd"))
        if settings.day_usd_micros:
            today = self._parts.world.clock.now_ms()
            limits.append((settings.day_usd_micros - spending.of_day(today), "budget.day_usd"))
        if not limits:
            return Money(choice.prices or FREE)
        if choice.prices is None:
            raise OverBudgetError(
                f"what {choice.provider.name} costs is not known, so no limit in money can be kept",
                remedy=f"Set models.{choice.provider.name}.price_in and price_out (dollars a million tokens).",
            )
        left, words = min(limits)
        return Money(choice.prices, left, f"limit: {words}")
