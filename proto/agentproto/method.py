"""What a method and an event are: rows of the table. No behaviour.

A method that changes something takes a client-made `key` (idempotence) and says so with `mutates`; the table's test
checks that its Params has that field. `role` is the least role that may call it. `feature` names a flag: while that is
off the method is absent from hello and its module is not imported.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import msgspec

__all__ = ["ROLES", "EventKind", "Method", "Role", "may"]

Role = Literal["owner", "editor", "observer", "worker"]
ROLES: dict[str, int] = {"observer": 1, "worker": 1, "editor": 2, "owner": 3}


@dataclass(frozen=True, slots=True)
class Method:
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


@dataclass(frozen=True, slots=True)
class EventKind:
    name: str
    body: type[msgspec.Struct]
    summary: str
    since: int = 1


def may(role: str, method: Method) -> bool:
    """Whether a bearer of `role` may call `method`. An unknown role may nothing."""
    return ROLES.get(role, 0) >= ROLES[method.role]
