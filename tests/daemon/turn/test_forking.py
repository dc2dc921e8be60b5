"""Forks: a session of its own that begins where a turn of another ended."""

from __future__ import annotations

import contextlib

import pytest

from agentd.errors import AgentdError, ConflictError, NotFoundError
from agentd.session.entries import Opened, Requested
from agentd.turn.forking import Fork, Forking
from agentd.turn.intake import NewTurn
from agentd.turn.taking_back import Asking, TakingBack
from agentd.world.fake import FakeWorld
from agentd.world.faults import Crash, plans
from agentproto.content import TextBlock
from daemon.turn.test_taking_back import EDITS, A, world_with_a_file
from support.household import PERSON, Household, ask, whole_log


async def a_house(world: FakeWorld, turns: int) -> tuple[Household, str]:
    """A session with `turns` turns, the first of which edits files."""
    house = Household(world, EDITS)
    await house.start()
    session = await ask(house, "turn 1")
    await house.until_quiet(session)
    for number in range(2, turns + 1):
        await house.sessions.start(session, f"k{number}", "h", NewTurn(f"turn {number}"), PERSON)
        await house.until_quiet(session)
    return house, session


async def prompts(house: Household, session: str) -> list[str]:
    """What the model is given of the talk in the session's next turn."""
    await house.sessions.start(session, f"now-{session}", "h", NewTurn("now"), PERSON)
    await house.until_quiet(session)
    request = house.model.requests[-1]
    return [b.text for m in request.messages if m.role == "user" for b in m.blocks if isinstance(b, TextBlock)]


def test_a_fork_goes_on_from_a_turn_and_its_parent_does_not_notice() -> None:
    world = world_with_a_file()

    async def main() -> tuple[str, str]:
        house, parent = await a_house(world, 3)
        before = house.sessions.loaded()[parent].state
        fork = await Forking(house.parts, house.sessions).fork(parent, f"{parent}.t2", None, "f", "h", PERSON)
        assert (fork.parent, fork.turns) == (parent, 2)
        assert house.sessions.loaded()[parent].state == before
        assert await prompts(house, fork.session) == ["turn 1", "turn 2", "now"]
        assert await prompts(house, parent) == ["turn 1", "turn 2", "turn 3", "now"]
        await house.sessions.stop()
        return parent, fork.session

    parent, fork = world.run(main())
    entries = [line.entry for line in whole_log(world, fork)]
    opened = entries[0]
    assert isinstance(opened, Opened)
    assert (opened.session, opened.parent, opened.title) == (
        fork,
        (parent, opened.parent[1] if opened.parent else 0),
        "turn 1",
    )
    assert [entry.key for entry in entries if isinstance(entry, Requested)] == ["", "", f"now-{fork}"]


def test_asked_again_the_same_fork_is_the_answer_over_a_restart_too() -> None:
    world = world_with_a_file()
    found: list[Fork] = []

    async def life(world: FakeWorld) -> None:
        house, parent = await a_house(world, 1)
        fork = await Forking(house.parts, house.sessions).fork(parent, None, "tried another way", "f", "h", PERSON)
        found.append(fork)
        assert len(house.store.ids()) == 2
        assert house.store.open(fork.session).state.title == "tried another way"
        await house.sessions.stop()

    world.run(life(world))
    again = world.restart()
    again.run(life(again))
    assert found[0] == found[1]


def test_turns_that_were_taken_back_are_not_forked_and_the_others_can_be_taken_back_there() -> None:
    world = world_with_a_file()

    async def main() -> None:
        house, parent = await a_house(world, 2)
        back = TakingBack(house.parts, house.sessions)
        await back.undo(parent, None, False, Asking("u", "h", PERSON))
        fork = await Forking(house.parts, house.sessions).fork(parent, None, None, "f", "h", PERSON)
        assert fork.turns == 1
        taken = await back.undo(fork.session, None, False, Asking("u", "h", PERSON))
        assert (taken.files[0].path, taken.files[0].action) == (A, "restored")
        assert world.files.read(A) == b"one\n"
        await house.sessions.stop()

    world.run(main())


def test_there_has_to_be_a_finished_turn_to_fork_from() -> None:
    world = world_with_a_file()

    async def main() -> None:
        house = Household(world, ("one two three",), slow_ms=100)
        await house.start()
        session = await ask(house, "slowly")
        forking = Forking(house.parts, house.sessions)
        with pytest.raises(ConflictError, match="no finished turn"):
            await forking.fork(session, None, None, "f1", "h", PERSON)
        await house.until_quiet(session)
        with pytest.raises(NotFoundError, match="no finished turn of this conversation"):
            await forking.fork(session, "t99", None, "f2", "h", PERSON)
        await house.sessions.stop()

    world.run(main())


def test_a_fork_is_whole_or_not_there_wherever_a_crash_comes() -> None:
    calls: list[int] = []

    async def life(world: FakeWorld) -> None:
        house, parent = await a_house(world, 1)
        calls.append(len(world.points.calls))
        fork = await Forking(house.parts, house.sessions).fork(parent, None, None, "f", "h", PERSON)
        calls.append(len(world.points.calls))
        runner = await house.sessions.get(fork.session)
        assert runner.state.finished == (f"{parent}.t1",)
        await house.sessions.stop()

    world = world_with_a_file()
    world.run(life(world))
    first, last = calls[0], calls[1]
    assert last - first > 10
    faults = plans(world.points.calls[first:last], ("crash_before", "ENOSPC"))
    for plan in faults:
        world = world_with_a_file(plan)
        with contextlib.suppress(Crash, AgentdError):
            world.run(life(world))
        again = world.restart(drop_unsynced=True)
        again.run(life(again))
        assert again.files.list("/home/data/incoming") == []
