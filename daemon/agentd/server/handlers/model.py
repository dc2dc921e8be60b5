"""model.*: connections."""

from __future__ import annotations

from agentd.server.handling import Call, Handler
from agentd.server.once import once
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
        return api.UseResult(await call.services.models.use(params.name))

    return await once(call, params.key, params, "model.use", api.UseResult, do)


async def _test(call: Call, params: api.TestParams) -> api.TestResult:
    return await call.services.models.test(params.name)


HANDLERS: dict[str, Handler] = {
    "model.list": _list,
    "model.add": _add,
    "model.use": _use,
    "model.test": _test,
}
