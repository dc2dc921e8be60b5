"""A model that does what it is told, event by event, and a household that lives with one or several of them."""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from agentd.errors import NotFoundError
from agentd.providers import canonical
from agentd.providers.base import Ended, Failure, ModelEvent, ModelRequest, TextPiece, ToolUse, Usage
from agentd.providers.prepared import PreparedCall
from agentd.session.entries import Entry
from agentd.turn.intake import NewTurn
from agentd.turn.parts import ModelChoice, TurnSettings
from agentd.turn.pen import Limits
from agentd.turn.sessions import Sessions
from agentd.turn.spending import Spending
from agentd.world.fake import FakeWorld, fake_world
from support.household import PERSON, WORKSPACE, Household, ask, check_request, whole_log

__all__ = ["Act", "ActingModel", "Chosen", "Life", "called", "fresh_world", "live", "say", "scrap"]

K = TypeVar("K")
Act = Sequence[ModelEvent]
USAGE = Usage(10, 2)


def say(*pieces: str, stop: str = "end") -> Act:
    """A text, piece by piece."""
    return (*(TextPiece(piece) for piece in pieces), Ended(stop, USAGE))  # type: ignore[arg-type]


def called(name: str, arguments: dict[str, object] | None, raw: str = "", stop: str = "tool_use") -> Act:
    """One tool call; `arguments` None: they could not be read."""
    return (ToolUse("m1", name, arguments, raw), Ended(stop, USAGE))  # type: ignore[arg-type]


def scrap(kind: str, text: str = "it broke", **more: object) -> Act:
    """A failure."""
    return (Failure(kind, text, **more),)  # type: ignore[arg-type]


@dataclass
class ActingModel:
    """Does one act a call, in order, and the last one for ever. `took_ms`: how long each takes to begin."""

    acts: Sequence[Act]
    world: FakeWorld
    name: str = "talk"
    took_ms: int = 0
    kind: str = "scripted"
    requests: list[ModelRequest] = field(default_factory=list)
    calls: list[PreparedCall] = field(default_factory=list)

    def encode(self, request: ModelRequest) -> bytes:
        return canonical.encode(request)

    async def stream(self, call: PreparedCall) -> AsyncIterator[ModelEvent]:
        request = canonical.decode(call.body)
        check_request(request)
        act = self.acts[min(len(self.requests), len(self.acts) - 1)]
        self.requests.append(request)
        self.calls.append(call)
        if self.took_ms:
            await self.world.clock.sleep(self.took_ms)
        for event in act:
            yield event


@dataclass
class Chosen:
    """Several connections by name. `counts`: what a server counts for any body."""

    choices: Mapping[str, ModelChoice]
    chain: Mapping[str, Sequence[str]] = field(default_factory=dict)
    counts: int | None = None
    asked_to_count: int = 0

    async def ready(self, name: str) -> None:
        return

    async def count(self, name: str, body: bytes) -> int | None:
        self.asked_to_count += 1
        return self.counts

    def stand_in(self, given_up: Sequence[str]) -> str:
        return next((name for name in self.chain.get(given_up[0], ()) if name not in given_up), "")

    def get(self, name: str) -> ModelChoice:
        if name not in self.choices:
            raise NotFoundError(f"there is no model connection {name!r}")
        return self.choices[name]

    def default(self) -> str:
        return next(iter(self.choices))


@dataclass
class Life:
    """What was left of it: the session's id, the log's entries, and what the models were sent."""

    session: str
    entries: list[Entry]
    spending: Spending
    happened: list[tuple[str, str]]

    def of(self, kind: type[K]) -> list[K]:
        """The entries of one kind."""
        return [entry for entry in self.entries if isinstance(entry, kind)]


def live(
    world: FakeWorld,
    models: Chosen,
    *prompts: str,
    settings: TurnSettings | None = None,
    files: Mapping[str, str] | None = None,
    idle_ms: int = 0,
    max_usd_micros: int = 0,
) -> Life:
    """Say each prompt in one session, wait for each turn's end and `idle_ms` more; the log replays to the byte."""
    world.files.make_folder(WORKSPACE)
    for name, text in (files or {}).items():
        world.files.write_atomic(f"{WORKSPACE}/{name}", text.encode())
    spending = Spending(world, "/home/state")
    made = settings or TurnSettings(Limits(default_model=models.default()))

    async def main() -> tuple[str, Household]:
        house = Household(world, ["unused"])
        house.parts = dataclasses.replace(house.parts, models=models, spending=spending, settings=lambda: made)
        house.sessions = Sessions(house.parts, house.requests)
        await house.start()
        spending.load()
        session = ""
        for number, prompt in enumerate(prompts, 1):
            if not session and not max_usd_micros:
                session = await ask(house, prompt)
            elif not session:
                turn = NewTurn(prompt, max_usd_micros=max_usd_micros)
                session = (await house.sessions.start_in_new("k1", "h", house.new_session(), turn, PERSON)).session
            else:
                await house.sessions.start(session, f"k{number}", "h", NewTurn(prompt), PERSON)
            await house.until_quiet(session, step_ms=500)
        if idle_ms:
            await world.clock.sleep(idle_ms)
        assert house.faults == []
        await house.sessions.stop()
        return session, house

    session, house = world.run(main())
    return Life(session, [line.entry for line in whole_log(world, session)], spending, house.heard.happened)


def fresh_world(seed: int = 3) -> FakeWorld:
    """A world whose clock runs by itself."""
    return fake_world(seed=seed, auto=True)
