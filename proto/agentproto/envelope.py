"""The kinds of message, and the bodies of those that the link itself understands.

A message is (kind, id, name, body, blobs). Requests, replies, errors, cancels and pings carry an id; events and credit
carry 0. Numbers are retired, never reused.
"""

from __future__ import annotations

import enum
from typing import Annotated

import msgspec

from agentproto.versions import WIRE_MAX, WIRE_MIN, VersionRange

__all__ = ["Credit", "Hello", "Kind", "Message", "Ping", "ShortText", "Welcome"]

ShortText = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
"""A name or an id that a daemon keeps for as long as a client is there: 1 to 64 characters."""


class Kind(enum.IntEnum):
    """What a message is. HELLO is the client's first message, WELCOME the daemon's answer to it."""

    HELLO = 1
    WELCOME = 2
    REQUEST = 3
    REPLY = 4
    ERROR = 5
    EVENT = 6
    CANCEL = 7
    CREDIT = 8
    PING = 9
    PONG = 10


class Message(msgspec.Struct, frozen=True):
    """One decoded message. `size` is the number of bytes of its body."""

    kind: Kind
    id: int
    name: str
    body: dict[str, object]
    blobs: tuple[bytes, ...] = ()
    size: int = 0


class Hello(msgspec.Struct, frozen=True, omit_defaults=True):
    """The client's introduction. `product` is its own version, `client` its conversation's id: the same after a
    reconnect. `role` asks for less than the key grants: the lesser of the two holds. `credit_events` and
    `credit_bytes` are the window: how much may be in flight to this client (the daemon takes at most its own limit)."""

    product: str
    wire: VersionRange
    capabilities: tuple[str, ...]
    client: ShortText
    name: ShortText
    credit_events: int = 256
    credit_bytes: int = 1024 * 1024
    role: str | None = None


class Welcome(msgspec.Struct, frozen=True, omit_defaults=True):
    """The daemon's answer: who it is, what it can, what it wants to know of the client's environment.

    `wire` is the version agreed upon, `wire_range` what this daemon speaks, `daemon` its id (new at each start), `role`
    what it grants, `sandbox` the level that was proved, `model` the connection in use, `methods` what this role may
    call, `variables` the names that an owner sends with `daemon.environment`.
    """

    product: str
    wire: int
    capabilities: tuple[str, ...]
    daemon: str
    role: str
    pid: int
    sandbox: str
    model: str
    methods: tuple[str, ...]
    variables: tuple[str, ...] = ()
    heartbeat_ms: Annotated[int, msgspec.Meta(ge=10, le=3_600_000)] = 2000
    wire_range: VersionRange = VersionRange(WIRE_MIN, WIRE_MAX)


class Credit(msgspec.Struct, frozen=True):
    """All events and bytes of event bodies that this client has handled since hello (cumulative, so that a lost or
    doubled grant changes nothing)."""

    events: int
    bytes: int


class Ping(msgspec.Struct, frozen=True, omit_defaults=True):
    """Heartbeat. `active_at_ms` is the last key press of a person at that client (0: none): what "idle" means."""

    active_at_ms: int = 0
