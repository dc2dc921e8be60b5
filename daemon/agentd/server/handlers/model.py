"""model.*: connections, and what they cost."""

from __future__ import annotations

from collections.abc import Sequence

from agentd.context.purposes import PURPOSES, cap_of
from agentd.providers.prepared import Purpose
from agentd.server.handling import Call, Handler
from agentd.server.once import once
from agentd.session.moments import day_of
from agentd.turn.parts import TurnSettings
from agentd.turn.spending import Settled, Spending, Spent
from agentproto.api import model as api

__all__ = ["HANDLERS"]


async def _list(call: Call, params: api.ListParams) -> api.ListResult:
    return api.ListResult(tuple(await call.services.models.list()))


async def _add(call: Call, params: api.AddParams) -> api.AddResult:
    async def do() -> api.AddResult:
        return api.AddResult(await call.services.models.add(params))

    return await once(call, params.key, params, "model.add", api.AddResult, do)


async def _use(call: Call, params: api.UseParams) -> api.UseResult:
    async def do() -> api.UseResult:
        return api.UseResult(await call.services.models.use(params.name, params.role))

    return await once(call, params.key, params, "model.use", api.UseResult, do)


async def _test(call: Call, params: api.TestParams) -> api.TestResult:
    return await call.services.models.test(params.name)


async def _costs(call: Call, params: api.CostsParams) -> api.CostsResult:
    groups: dict[str, list[Spent]] = {}
    rows = list(call.services.spending.since(params.since_at_ms))
    for spent in rows:
        groups.setdefault(_name_of(spent, params.by), []).append(spent)
    costs = [_sum(name, group) for name, group in groups.items()]
    costs.sort(key=lambda cost: (-cost.usd_micros, -cost.input, cost.name))
    return api.CostsResult(tuple(costs), _sum("total", rows))


def _name_of(spent: Spent, by: str) -> str:
    match by:
        case "session":
            return spent.line.session
        case "model":
            return spent.line.model
        case "day":
            return day_of(spent.at_ms)
        case _:
            return spent.line.purpose


def _sum(name: str, rows: Sequence[Spent]) -> api.Cost:
    used = [spent.line.usage for spent in rows if isinstance(spent.line, Settled)]
    return api.Cost(
        name=name,
        calls=len(rows),
        input=sum(usage.input for usage in used),
        output=sum(usage.output for usage in used),
        cached=sum(usage.cached for usage in used),
        usd_micros=sum(spent.line.usd_micros for spent in rows),
        unsettled=len(rows) - len(used),
        estimated=sum(usage.estimated for usage in used),
    )


async def _budget(call: Call, params: api.BudgetParams) -> api.BudgetResult:
    services = call.services
    spending, settings = services.spending, services.turn_settings()
    calibration = spending.calibration
    known = [(model, error) for model in calibration.models() if (error := calibration.error(model)) is not None]
    now_ms = services.world.clock.now_ms()
    today = spending.day(now_ms)
    return api.BudgetResult(
        session_usd_micros=settings.session_usd_micros,
        day_usd_micros=settings.day_usd_micros,
        spent_today_usd_micros=today.usd_micros,
        estimates=tuple(api.Estimates(model, *error) for model, error in known),
        purposes=tuple(_purpose(purpose, spending, settings, now_ms) for purpose in PURPOSES),
        local_session_tokens=settings.local_session_tokens,
        local_day_tokens=settings.local_day_tokens,
        local_day_ms=settings.local_day_ms,
        local_tokens_today=today.tokens,
        local_ms_today=today.ms,
    )


def _purpose(purpose: Purpose, spending: Spending, settings: TurnSettings, now_ms: int) -> api.PurposeBudget:
    cap = cap_of(purpose, settings.day_usd_micros, settings.background_share, settings.schedule_usd_micros)
    return api.PurposeBudget(
        purpose=purpose,
        usd_micros=cap.usd_micros,
        spent_usd_micros=spending.day(now_ms, {purpose}).usd_micros,
        words=cap.words,
        with_purposes=tuple(sorted(cap.purposes - {purpose})),
        blocks=PURPOSES[purpose].blocks,
    )


HANDLERS: dict[str, Handler] = {
    "model.list": _list,
    "model.add": _add,
    "model.budget": _budget,
    "model.costs": _costs,
    "model.use": _use,
    "model.test": _test,
}
