"""daemon.*: the process itself, its condition, its end; and what happens to it (stream `daemon`)."""

from __future__ import annotations

from typing import Literal

import msgspec

from agentproto.method import EventKind, Key, Method

__all__ = [
    "EVENTS",
    "METHODS",
    "Category",
    "EnvironmentParams",
    "EnvironmentResult",
    "HappenedEvent",
    "StatusParams",
    "StatusResult",
    "StopParams",
    "StopResult",
]

Category = Literal[
    "daemon",
    "context",
    "registry",
    "routing",
    "permission",
    "model",
    "tool",
    "settings",
    "session",
    "wire",
    "memory",
    "dream",
    "schedule",
    "watch",
]


class StatusParams(msgspec.Struct, frozen=True):
    """Asks for nothing in particular."""


class StatusResult(msgspec.Struct, frozen=True, omit_defaults=True):
    """`sandbox` is the level that was proved, not the one asked for; `durability` what an acknowledgement means."""

    pid: int
    version: str
    daemon: str
    home: str
    endpoint: str
    sandbox: str
    model: str
    sessions: int
    turns_running: int
    questions_open: int
    clients: int
    started_at_ms: int
    now_ms: int
    durability: str
    log_file: str
    resident_bytes: int
    features: tuple[str, ...] = ()
    tools: dict[str, str] = {}
    notices: tuple[str, ...] = ()


class StopParams(msgspec.Struct, frozen=True, kw_only=True):
    """`drain`: running turns are paused, and the next start goes on with them; without it they are ended where they are.
    Then children are ended, and the daemon stops (10 s at most)."""

    key: Key
    drain: bool = True


class StopResult(msgspec.Struct, frozen=True):
    turns_paused: int


class EnvironmentParams(msgspec.Struct, frozen=True):
    """What hello's answer asked for. Kept in memory for this client's sessions; values are never logged. It carries no
    idempotence key, because a key is recorded with its request: sending it again sets the same values again."""

    variables: dict[str, str]


class EnvironmentResult(msgspec.Struct, frozen=True):
    taken: tuple[str, ...]


class HappenedEvent(msgspec.Struct, frozen=True, omit_defaults=True):
    """One line of the daemon's own event log."""

    stream: str
    seq: int
    at_ms: int
    category: Category
    name: str
    text: str
    session: str | None = None
    details: dict[str, object] = {}


METHODS = (
    Method("daemon.status", StatusParams, StatusResult, "Condition of the daemon."),
    Method("daemon.stop", StopParams, StopResult, "Drain and stop the daemon.", mutates=True, role="owner"),
    Method(
        "daemon.environment",
        EnvironmentParams,
        EnvironmentResult,
        "Give the daemon the variables that hello's answer asked for.",
        role="owner",
    ),
)
EVENTS = (EventKind("daemon.happened", HappenedEvent, "Something happened to the daemon or one of its parts."),)
