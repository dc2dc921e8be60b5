"""What a method and an event are: rows of the table. No behaviour. Structs, because every client imports them (see
`agentproto.link`).

A method that changes something takes a client-made `key` (idempotence) and says so with `mutates`; the table's test
checks that its Params has that field. `role` is the least role that may call it. `feature` names a flag: while that is
off the method is absent from hello and its module is not imported.
"""

from __future__ import annotations

from typing import Annotated, Literal, get_args

import msgspec

__all__ = ["ROLES", "Count", "EventKind", "Key", "Method", "Offset", "Role", "may", "shrink"]

Key = Annotated[str, msgspec.Meta(min_length=1, max_length=128)]
"""A client-made idempotence key: sent again with the same body it gets the first answer and does nothing twice."""
Count = Annotated[int, msgspec.Meta(ge=1)]
"""How many are wanted; a list method gives fewer where its page limit or a message's size says so."""
Offset = Annotated[int, msgspec.Meta(ge=0)]
"""Bytes or numbers to pass over."""
Role = Literal["owner", "editor", "observer", "worker"]
ROLES: dict[str, int] = {"observer": 1, "worker": 1, "editor": 2, "owner": 3}


class Method(msgspec.Struct, frozen=True):
    name: str
    params: type[msgspec.Struct]
    result: type[msgspec.Struct]
    summary: str
    mutates: bool = False
    role: Role = "observer"
    since: int = 1
    stability: Literal["stable", "experimental"] = "stable"
    feature: str | None = None

    @property
    def resource(self) -> str:
        return self.name.partition(".")[0]


class EventKind(msgspec.Struct, frozen=True):
    name: str
    body: type[msgspec.Struct]
    summary: str
    since: int = 1


def shrink(granted: Role, asked: str | None) -> Role:
    """The role of a conversation: what the key grants, or the lesser one that hello asks for. It never widens, and an
    unknown wish changes nothing."""
    lesser = next((role for role in get_args(Role) if role == asked and ROLES[role] <= ROLES[granted]), None)
    return lesser or granted


def may(role: str, method: Method) -> bool:
    """Whether a bearer of `role` may call `method`. An unknown role may nothing."""
    return ROLES.get(role, 0) >= ROLES[method.role]
