"""log.*: subscriptions to streams."""

from __future__ import annotations

from agentd.server.handling import Call, Handler
from agentproto.api import log as api

__all__ = ["HANDLERS"]


async def _subscribe(call: Call, params: api.SubscribeParams) -> api.SubscribeResult:
    if params.stream != api.DAEMON_STREAM:
        await call.services.sessions.get(params.stream)
    if call.conversation.closed:  # it went while the session was opened: nobody would ever unsubscribe it
        return api.SubscribeResult(params.stream, 0)
    head = call.streams.subscribe(call.conversation, params.stream, params.after_seq)
    return api.SubscribeResult(params.stream, head)


async def _unsubscribe(call: Call, params: api.UnsubscribeParams) -> api.UnsubscribeResult:
    return api.UnsubscribeResult(call.streams.unsubscribe(call.conversation, params.stream))


HANDLERS: dict[str, Handler] = {"log.subscribe": _subscribe, "log.unsubscribe": _unsubscribe}
