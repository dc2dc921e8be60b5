"""config.*: settings with their places."""

from __future__ import annotations

from agentd.server.handling import Call, Handler
from agentproto.api import config as api

__all__ = ["HANDLERS"]


async def _show(call: Call, params: api.ShowParams) -> api.ShowResult:
    return api.ShowResult(tuple(call.services.settings.show(params.prefix)))


async def _set(call: Call, params: api.SetParams) -> api.SetResult:
    file, old, new = await call.services.settings.set(params.name, params.value)
    return api.SetResult(file, old, new)


async def _reload(call: Call, params: api.ReloadParams) -> api.ReloadResult:
    return await call.services.settings.reload()


HANDLERS: dict[str, Handler] = {"config.show": _show, "config.set": _set, "config.reload": _reload}
