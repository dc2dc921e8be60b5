"""The bundle of parts that handlers are given: one frozen value, made by `agentd.app`.

Handlers know these and the wire; they never build a part themselves.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from agentd.session.requests import RequestRecord
from agentd.session.store import SessionStore
from agentd.tools.base import Tool
from agentd.turn.forking import Forking
from agentd.turn.parts import TurnSettings
from agentd.turn.sessions import Sessions
from agentd.turn.spending import Spending
from agentd.turn.taking_back import TakingBack
from agentd.world.doors import World
from agentproto.api.config import ReloadResult, SettingInfo
from agentproto.api.daemon import StatusResult
from agentproto.api.model import AddParams, ModelInfo, ModelRole, TestResult
from agentproto.homes import Folders
from agentproto.method import Role

__all__ = ["Caller", "ModelRoom", "Services", "SettingsRoom"]


@dataclass(slots=True)
class Caller:
    """Who asks: a conversation's id and name, its role, and the variables it gave (in memory only)."""

    client: str
    name: str
    role: Role
    variables: Mapping[str, str] = field(default_factory=dict)
    active_at_ms: int = 0


class SettingsRoom(Protocol):
    def show(self, prefix: str) -> Sequence[SettingInfo]: ...

    async def set(self, name: str, value: str) -> tuple[str, str, str]:
        """(file, old, new). SettingsError when the result would be refused; nothing is written then."""
        ...

    async def reload(self) -> ReloadResult: ...


class ModelRoom(Protocol):
    def check(self, name: str) -> None:
        """NotFoundError or BadInputError when a turn could not use the connection."""
        ...

    async def list(self) -> Sequence[ModelInfo]: ...

    async def add(self, params: AddParams) -> str:
        """The file that was written."""
        ...

    async def use(self, name: str, role: ModelRole = "main") -> str: ...

    async def test(self, name: str) -> TestResult: ...


@dataclass(frozen=True, slots=True)
class Services:
    world: World
    folders: Folders
    store: SessionStore
    sessions: Sessions
    taking_back: TakingBack
    forking: Forking
    requests: RequestRecord
    spending: Spending
    turn_settings: Callable[[], TurnSettings]
    tools: Mapping[str, Tool]
    settings: SettingsRoom
    models: ModelRoom
    status: Callable[[], StatusResult]
    stop: Callable[[bool], Awaitable[int]]
    """Begin the stop (with drain or without); how many turns are paused."""
    variables: Callable[[], Sequence[str]]
    """Names that hello's answer asks for: those of this moment, because a connection may be added at any time."""
    remember_variables: Callable[[str, Mapping[str, str]], None]
    """Keep a session's variables in memory."""
    give_variables: Callable[[Mapping[str, str]], None]
    """What an owner's client sent, for everything that asks model servers, from now on."""
    secrets: Callable[[], Sequence[str]]
    """Values that are known to be secrets, from every client's variables and the daemon's own."""
