"""A change outside any session, made once: the key and the answer are recorded, and a repeat gets the same answer.

The change itself has to be harmless to make twice (setting a value, naming a connection): a crash between the change
and its record makes it again. Callers: handlers of settings and connections.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

import msgspec

from agentd.server.handling import Call, body_hash
from agentd.session.requests import Accepted

__all__ = ["once"]

R = TypeVar("R", bound=msgspec.Struct)


async def once(
    call: Call, key: str, params: msgspec.Struct, method: str, kind: type[R], do: Callable[[], Awaitable[R]]
) -> R:
    """The first answer to `key`, now or then."""
    hash = body_hash(params)
    known = call.services.requests.find(key, hash)
    if known is not None:
        return msgspec.json.decode(known.made, type=kind)
    result = await do()
    made = msgspec.json.encode(result).decode()
    await call.services.requests.record(Accepted(key=key, hash=hash, method=method, made=made))
    return result
