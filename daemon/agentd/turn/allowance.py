"""What the next model call may cost: the least that any limit leaves, in money, or in a local model's tokens and time.

It decides which limits count for a call and which of them is the nearest; what is done about it (a shorter answer, a
refusal) is the budget's. It must be asked in the same moment in which the call is held, so that nobody else spends the
same. Callers: `turn.preparing`, `turn.side_query`.
"""

from __future__ import annotations

from dataclasses import dataclass

from agentd.context.prices import FREE, Money
from agentd.context.purposes import cap_of
from agentd.context.reminders import Used, dollars
from agentd.errors import OverBudgetError
from agentd.providers.prepared import Purpose
from agentd.session.moments import day_of
from agentd.turn.parts import ModelChoice, TurnSettings
from agentd.turn.spending import Spending

__all__ = ["Allowance", "allowance"]

_LEAST_MS = 1_000
"""Less time than this is none: a local model needs as much to read a short prompt."""


@dataclass(frozen=True, slots=True)
class Allowance:
    """`money`: prices and what is left. `tokens_left`, `ms_left`: of a local model's limits (None: no limit); `ms_left`
    is what this one call may take. `used`: how much of each limit of money and tokens is used before it."""

    money: Money
    tokens_left: int | None = None
    ms_left: int | None = None
    used: tuple[Used, ...] = ()


@dataclass(frozen=True, slots=True)
class _Limit:
    code: str
    words: str
    most: int
    used: int

    @property
    def left(self) -> int:
        return self.most - self.used

    def told(self, unit: str) -> Used:
        used, most = (dollars(self.used), dollars(self.most)) if unit == "usd" else (str(self.used), str(self.most))
        return Used(f"{unit}.{self.code}", self.used / self.most if self.most else 1.0, used, most, self.words)


def allowance(
    spending: Spending,
    settings: TurnSettings,
    choice: ModelChoice,
    *,
    purpose: Purpose,
    session: str,
    turn: str,
    turn_usd_micros: int,
    now_ms: int,
) -> Allowance:
    """What a call may cost now. `turn_usd_micros`: the turn's own limit (0: none). OverBudgetError when there is a limit
    in money and nobody knows the price, or when a limit has nothing left at all."""
    if choice.local:
        return _local(spending, settings, session, now_ms)
    limits = _money(spending, settings, purpose, session, turn, turn_usd_micros, now_ms)
    if choice.prices is None and limits:
        name = choice.provider.name
        raise OverBudgetError(
            f"what {name} costs is not known, so no limit in money can be kept",
            remedy=f"Set models.{name}.price_in and price_out (dollars a million tokens).",
        )
    prices = choice.prices or FREE
    if not limits or prices == FREE:
        return Allowance(Money(prices))
    nearest = min(limits, key=lambda one: one.left)
    used = tuple(one.told("usd") for one in limits)
    return Allowance(Money(prices, nearest.left, f"limit: {nearest.words}"), used=used)


def _money(
    spending: Spending,
    settings: TurnSettings,
    purpose: Purpose,
    session: str,
    turn: str,
    turn_usd_micros: int,
    now_ms: int,
) -> list[_Limit]:
    limits: list[_Limit] = []
    if turn_usd_micros:
        words = "the turn was given a limit (--max-usd)"
        limits.append(_Limit("turn", words, turn_usd_micros, spending.of_turn(turn)))
    if settings.session_usd_micros:
        used = spending.of_session(session)
        limits.append(_Limit("session", "budget.session_usd", settings.session_usd_micros, used))
    if settings.day_usd_micros:
        used = spending.of_day(now_ms)
        limits.append(_Limit(f"day.{day_of(now_ms)}", "budget.day_usd", settings.day_usd_micros, used))
    cap = cap_of(purpose, settings.day_usd_micros, settings.background_share, settings.schedule_usd_micros)
    if cap.usd_micros is not None:
        used = spending.day(now_ms, cap.purposes).usd_micros
        limits.append(_Limit(f"purpose.{day_of(now_ms)}", cap.words, cap.usd_micros, used))
    return limits


def _local(spending: Spending, settings: TurnSettings, session: str, now_ms: int) -> Allowance:
    limits: list[_Limit] = []
    if settings.local_session_tokens:
        used = spending.session(session).tokens
        limits.append(_Limit("session", "budget.local_session_tokens", settings.local_session_tokens, used))
    if settings.local_day_tokens:
        used = spending.day(now_ms).tokens
        words = "budget.local_day_tokens"
        limits.append(_Limit(f"day.{day_of(now_ms)}", words, settings.local_day_tokens, used))
    nearest = min(limits, key=lambda one: one.left, default=None)
    return Allowance(
        Money(FREE, limit=f"limit: {nearest.words}" if nearest is not None else ""),
        tokens_left=None if nearest is None else nearest.left,
        ms_left=_time(spending, settings, now_ms),
        used=tuple(one.told("quota") for one in limits),
    )


def _time(spending: Spending, settings: TurnSettings, now_ms: int) -> int | None:
    if not settings.local_day_ms:
        return None
    left = settings.local_day_ms - spending.day(now_ms).ms
    if left < _LEAST_MS:
        raise OverBudgetError(
            f"models on this machine may work {settings.local_day_ms // 60_000} minutes a day, and have",
            why="limit: budget.local_day_minutes; calls that run now count as long as they may take",
            remedy="Raise the limit, or wait for the next day (UTC): `agentctl budget` shows what was used.",
        )
    return min(left, settings.local_call_ms)
