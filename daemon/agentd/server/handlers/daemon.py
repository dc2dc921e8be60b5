"""daemon.*: condition, stop, the variables that hello asked for."""

from __future__ import annotations

from agentd.errors import TooLargeError
from agentd.server.handling import Call, Handler
from agentproto.api import daemon as api

__all__ = ["HANDLERS"]

_VALUE_BYTES = 32 * 1024


async def _status(call: Call, params: api.StatusParams) -> api.StatusResult:
    return call.services.status()


async def _stop(call: Call, params: api.StopParams) -> api.StopResult:
    return api.StopResult(turns_paused=await call.services.stop(params.drain))


async def _environment(call: Call, params: api.EnvironmentParams) -> api.EnvironmentResult:
    wanted = set(call.services.variables())
    taken = {name: value for name, value in params.variables.items() if name in wanted}
    for name, value in taken.items():
        if len(value) > _VALUE_BYTES:
            raise TooLargeError(f"the variable {name} has {len(value)} characters", field=f"variables.{name}")
    call.caller.variables = taken
    call.services.give_variables(taken)
    return api.EnvironmentResult(taken=tuple(sorted(taken)))


HANDLERS: dict[str, Handler] = {
    "daemon.status": _status,
    "daemon.stop": _stop,
    "daemon.environment": _environment,
}
