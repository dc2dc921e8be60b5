"""What a handler is: an async function from a call and its parameters to a result; and how they are collected.

Callers: `handlers/<resource>` (their type), `agentd.app` (the collection).
"""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from agentd.server.conversation import Conversation
from agentd.server.streams import Streams
from agentd.services import Caller, Services
from agentd.session.actors import Actor
from agentproto.method import Method
from agentproto.table import METHODS

__all__ = ["Call", "Handler", "actor_of", "body_hash", "collect"]


@dataclass(frozen=True, slots=True)
class Call:
    """One request: the parts, who asks, and the conversation it came by (for subscriptions)."""

    services: Services
    caller: Caller
    conversation: Conversation
    streams: Streams


# A handler takes its own method's parameters; which those are, the table says and a test compares.
Handler = Callable[[Call, Any], Awaitable[msgspec.Struct]]


def collect(
    handlers: Mapping[str, Handler], features: frozenset[str], table: Mapping[str, Method] = METHODS
) -> dict[str, tuple[Method, Handler]]:
    """Methods with their handlers; those whose feature is off are absent, as if they had never been."""
    return {
        name: (table[name], handler)
        for name, handler in sorted(handlers.items())
        if table[name].feature is None or table[name].feature in features
    }


def actor_of(caller: Caller) -> Actor:
    """Who an entry is recorded for."""
    return Actor(kind="client", id=caller.client, role=caller.role, name=caller.name)


def body_hash(params: msgspec.Struct) -> str:
    """Hash of a request without its key: equal for one that is sent again, and for no other method."""
    plain = msgspec.to_builtins(params)
    assert isinstance(plain, dict)
    plain.pop("key", None)
    plain["method"] = type(params).__name__
    return hashlib.sha256(msgspec.msgpack.encode(plain, order="sorted")).hexdigest()[:32]
