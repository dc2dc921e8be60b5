"""A start records that sessions go on, and waits for nothing that follows from it."""

from __future__ import annotations

import dataclasses

from agentd.session.entries import Broke, Called, Entry, Finished, Resumed, Steered
from agentd.session.store import SessionStore
from agentd.turn.parts import ModelChoice
from agentd.turn.sessions import Sessions
from agentd.world.fake import FakeWorld
from agentd.world.faults import Plan
from support.gated import gated_world
from support.household import PERSON, Household, ask

SERVER_MS = 60_000
SAID = 2_000


class SlowModels:
    """A connection whose server takes a minute to say what it is."""

    def __init__(self, house: Household) -> None:
        self._house = house
        self._models = house.parts.models

    async def ready(self, name: str) -> None:
        await self._house.world.clock.sleep(SERVER_MS)

    def get(self, name: str) -> ModelChoice:
        return self._models.get(name)

    def default(self) -> str:
        return self._models.default()


def killed_in_a_reply(said: int = 0) -> tuple[FakeWorld, str]:
    """A world in which the daemon died while the model spoke; so often was spoken to it before."""
    world, _ = gated_world()

    async def first_life() -> str:
        house = Household(world, ["one two three"], slow_ms=1_000)
        await house.start()
        session = await ask(house, "count")
        await world.clock.sleep(1_500)
        return session

    session = world.run(first_life())
    world = world.restart()

    async def more() -> None:
        log = SessionStore(world, "/home/data", "/home/state").open(session)
        turn = f"{session}.t1"
        await log.append([Steered(turn=turn, actor=PERSON, text=f"word {n}", key="", hash="") for n in range(said)], 1)

    if said:
        world.run(more())
    return world, session


def entries(world: FakeWorld, session: str, after: int) -> list[Entry]:
    log = SessionStore(world, "/home/data", "/home/state").open(session, writable=False)
    return [line.entry for line in log.lines_after(after, 10_000)]


def length(world: FakeWorld, session: str) -> int:
    return SessionStore(world, "/home/data", "/home/state").open(session, writable=False).state.seq


def test_a_start_is_over_when_it_is_recorded_and_the_server_is_asked_afterwards() -> None:
    world, session = killed_in_a_reply()
    before = length(world, session)

    async def next_life() -> None:
        house = Household(world, ["one two three"])
        house.parts = dataclasses.replace(house.parts, models=SlowModels(house))
        house.sessions = Sessions(house.parts, house.requests)
        begun = world.clock.monotonic_ms()
        await house.start()
        assert world.clock.monotonic_ms() == begun
        assert [type(entry) for entry in entries(world, session, before)] == [Resumed, Broke]
        assert house.model.requests == []
        await world.clock.sleep(SERVER_MS + 1_000)
        await house.until_quiet(session)
        assert world.clock.monotonic_ms() - begun >= SERVER_MS
        await house.sessions.stop()

    world.run(next_life())
    ends = [entry.stop for entry in entries(world, session, before) if isinstance(entry, Finished)]
    assert ends == ["end"]


def test_who_asks_for_such_a_session_finds_it_and_what_they_want_is_done_after_what_was_cut_off() -> None:
    world, session = killed_in_a_reply()

    async def next_life() -> list[str]:
        house = Household(world, ["one two three"])
        await house.start()
        runner = await house.sessions.get(session)
        assert (runner.busy, runner.held) == (True, True)
        assert await house.sessions.interrupt(session, "k2", "h", "enough", PERSON)
        await house.until_quiet(session)
        await house.sessions.stop()
        return [type(line.entry).__name__ for line in house.heard.lines]

    told = world.run(next_life())
    assert told[:4] == ["Resumed", "Broke", "Assembled", "Called"]
    assert told[4] == "Interrupted"


def test_a_stop_does_not_wait_for_a_long_conversation_to_be_read() -> None:
    world, session = killed_in_a_reply(SAID)
    before = length(world, session)

    async def next_life() -> int:
        house = Household(world, ["one two three"])
        await house.start()
        return await house.sessions.stop()

    assert world.run(next_life()) == 1
    assert [type(entry) for entry in entries(world, session, before)] == [Resumed, Broke]
    later = world.restart()

    async def last_life() -> list[str]:
        house = Household(later, ["one two three"])
        await house.start()
        await house.until_quiet(session)
        await house.sessions.stop()
        (request,) = house.model.requests
        return [block.text for block in request.messages[-1].blocks]  # type: ignore[union-attr]

    assert later.run(last_life()) == ["count", *(f"word {n}" for n in range(SAID))]
    assert [type(entry) for entry in entries(later, session, before)].count(Called) == 1


def test_a_session_that_could_not_go_on_after_the_start_is_opened_anew() -> None:
    world, session = killed_in_a_reply()

    async def next_life() -> list[str]:
        house = Household(world, ["one two three"])
        await house.start()
        first = await house.sessions.get(session)
        world.points.plan = Plan({len(world.points.calls) + after: "EIO" for after in range(1, 6)})
        while session in house.sessions.loaded():
            await world.clock.sleep(1)
        world.points.plan = Plan()
        second = await house.sessions.get(session)
        assert (first is second, first.log.problem is None, second.log.problem) == (False, False, None)
        await house.until_quiet(session)
        await house.sessions.stop()
        return [name for name, _ in house.heard.happened if name.startswith("session.")]

    told = world.run(next_life())
    assert told == ["session.resumed", "session.read_only", "session.stopped", "session.resumed"]
