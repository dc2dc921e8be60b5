"""config.*: settings with their places."""

from __future__ import annotations

from agentd.server.handling import Call, Handler
from agentd.server.once import once
from agentproto.api import config as api

__all__ = ["HANDLERS"]


async def _show(call: Call, params: api.ShowParams) -> api.ShowResult:
    return api.ShowResult(tuple(call.services.settings.show(params.prefix)))


async def _set(call: Call, params: api.SetParams) -> api.SetResult:
    async def do() -> api.SetResult:
        return api.SetResult(*await call.services.settings.set(params.name, params.value))

    return await once(call, params.key, params, "config.set", api.SetResult, do)


async def _reload(call: Call, params: api.ReloadParams) -> api.ReloadResult:
    async def do() -> api.ReloadResult:
        return await call.services.settings.reload()

    return await once(call, params.key, params, "config.reload", api.ReloadResult, do)


HANDLERS: dict[str, Handler] = {"config.show": _show, "config.set": _set, "config.reload": _reload}
