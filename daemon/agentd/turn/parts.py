"""What the turn's runner is given from outside its floor: small Protocols, handed in by `agentd.app`.

The runner never looks upward: it publishes into a Publisher, asks a Models for providers, and reports what happened.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from agentd.chain.frame import Line
from agentd.context.budget import Window
from agentd.context.prices import FREE, Prices
from agentd.context.sections import SessionFacts
from agentd.policy.rules import Rule
from agentd.providers.base import Effort, Provider
from agentd.session.entries import Entry
from agentd.session.store import SessionStore
from agentd.tools.base import Tool
from agentd.turn.own_writes import OwnWrites
from agentd.turn.pen import Limits
from agentd.turn.spending import Spending
from agentd.turn.traffic import Traffic
from agentd.world.doors import Box, World
from agentd.world.long_work import LongWork
from agentd.world.tasks import Tasks
from agentproto.api.turn import DeltaEvent

__all__ = ["ModelChoice", "Models", "Parts", "Publisher", "Reporter", "TurnSettings"]


@dataclass(frozen=True, slots=True)
class ModelChoice:
    """A connection ready to be asked: its provider, the model's name at the server, its window; what to say once; what
    its tokens cost (None: nobody knows). `local`: it works on this machine and costs time, no money; `calls_in_text`:
    its tool calls are looked for in its text; `slots`: requests that its server takes at a time (None: unknown);
    `effort`: how much it is asked to think; `images`: whether it is shown pictures."""

    provider: Provider
    model: str
    limits: Window
    notice: tuple[str, str] | None = None
    prices: Prices | None = FREE
    local: bool = False
    calls_in_text: bool = False
    slots: int | None = None
    effort: Effort = ""
    images: bool = False


class Models(Protocol):
    async def ready(self, name: str) -> None:
        """Learn what the connection's server says about itself, if that is to be had soon. Never raises."""
        ...

    async def count(self, name: str, body: bytes) -> int | None:
        """Tokens of `body` (what the connection's provider encoded) as its server counts them; None when it doesn't, or not
        within a second. Never raises."""
        ...

    def get(self, name: str) -> ModelChoice:
        """NotFoundError or BadInputError when there is no such connection or it can't be used."""
        ...

    def default(self) -> str:
        """The name of the connection that new turns use."""
        ...

    def stand_in(self, given_up: Sequence[str]) -> str:
        """The connection that goes on when these could not, the first being the turn's own; empty: there is none."""
        ...


class Publisher(Protocol):
    """Where a session's news goes. Never waits, never raises: a reader's trouble is not the turn's."""

    def lines(self, session: str, lines: Sequence[Line[Entry]]) -> None: ...

    def delta(self, delta: DeltaEvent) -> None: ...

    def stopped(self, session: str, text: str) -> None:
        """The session takes no more entries: nothing more will come, and there is no entry to say so."""
        ...


class Reporter(Protocol):
    def happened(
        self, category: str, name: str, text: str, session: str | None = None, details: Mapping[str, object] = ...
    ) -> None:
        """One line of the daemon's own event log."""
        ...

    def bug(self, where: str, fault: BaseException) -> str:
        """Log an exception that nobody expected; the id to quote."""
        ...


@dataclass(frozen=True, slots=True)
class TurnSettings:
    """The settings' snapshot for one decision. `rules` are the settings' own; a turn's own come on top. `image_bytes`:
    the largest before-image of a file that is kept; `images_bytes`: what a session keeps in blobs at most. `snapshot_*`:
    how many files, bytes and milliseconds a look at the workspace before a command may take (no files: no look).
    `*_usd_micros`: what a session, all of them on one day (UTC), and the scheduled turns of a day may spend (0: no
    limit); `background_share`: of the day's, for background work. `local_*`: tokens and milliseconds that models on this
    machine may take (0: no limit); `local_call_ms`: one call where the day's are limited. `side_model`: the connection
    for side queries (empty: the session's own); `titles`: whether it is asked for titles."""

    limits: Limits
    rules: tuple[Rule, ...] = ()
    partial_bytes: int = 2048
    partial_ms: int = 250
    step_chars: int = 100_000
    image_bytes: int = 8 * 1024 * 1024
    images_bytes: int = 256 * 1024 * 1024
    snapshot_files: int = 0
    snapshot_bytes: int = 0
    snapshot_ms: int = 5000
    session_usd_micros: int = 0
    day_usd_micros: int = 0
    schedule_usd_micros: int = 0
    background_share: float = 0.05
    local_session_tokens: int = 0
    local_day_tokens: int = 0
    local_day_ms: int = 0
    local_call_ms: int = 600_000
    side_model: str = ""
    titles: bool = False


@dataclass(frozen=True, slots=True)
class Parts:
    """Everything a session's runner needs."""

    world: World
    store: SessionStore
    tools: Mapping[str, Tool]
    models: Models
    publisher: Publisher
    reporter: Reporter
    tasks: Tasks
    box: Box
    own_folders: Sequence[str]
    home: str
    product: str
    settings: Callable[[], TurnSettings]
    facts: Callable[[str, str], SessionFacts]
    secrets: Callable[[str], Mapping[str, str]]
    """Variables of a session's client that are kept in memory only (by session id)."""
    spending: Spending = field(default_factory=Spending)
    traffic: Traffic = field(default_factory=Traffic)
    own_writes: OwnWrites = field(default_factory=OwnWrites)
    long_work: LongWork = field(default_factory=LongWork)
    cache: str = ""
    """The folder for what can be made anew."""
