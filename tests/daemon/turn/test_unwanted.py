"""Turns that nobody wants any more are ended: their client vanished, or the daemon stops now."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from agentd.session.entries import Finished, Interrupted
from agentd.turn.intake import NewTurn
from agentd.turn.taking_back import TakingBack
from agentd.turn.unwanted import Unwanted
from agentd.world.fake import fake_world
from support.household import PERSON, WORKSPACE, Household, ask, whole_log

Story = Callable[[Household, Unwanted, str], Awaitable[None]]


def tell(story: Story) -> tuple[list[tuple[str, str]], list[str]]:
    """((turn, how it ended) in order, who interrupted) of a session in which one turn runs and one waits."""
    world = fake_world(seed=2, auto=True)
    world.files.make_folder(WORKSPACE)

    async def main() -> str:
        house = Household(world, ("one two three four",), slow_ms=100)
        await house.start()
        session = await ask(house, "first")
        await house.sessions.start(session, "k2", "h", NewTurn("second"), PERSON)
        await world.clock.sleep(150)
        unwanted = Unwanted(house.parts, house.sessions, TakingBack(house.parts, house.sessions))
        await story(house, unwanted, session)
        await house.until_quiet(session)
        assert house.faults == []
        await house.sessions.stop()
        return session

    entries = [line.entry for line in whole_log(world, world.run(main()))]
    ends = [(entry.turn.rpartition(".")[2], entry.stop) for entry in entries if isinstance(entry, Finished)]
    return ends, [entry.actor.name for entry in entries if isinstance(entry, Interrupted)]


def test_a_running_turn_whose_client_vanished_is_interrupted_and_the_next_one_goes_on() -> None:
    async def story(house: Household, unwanted: Unwanted, session: str) -> None:
        unwanted.gone(f"{session}.t1")

    assert tell(story) == ([("t1", "interrupted"), ("t2", "end")], ["the client vanished"])


def test_a_waiting_turn_whose_client_vanished_is_taken_back() -> None:
    async def story(house: Household, unwanted: Unwanted, session: str) -> None:
        unwanted.gone(f"{session}.t2")

    assert tell(story) == ([("t2", "withdrawn"), ("t1", "end")], [])


def test_a_turn_that_has_ended_or_was_never_there_is_left_alone() -> None:
    async def story(house: Household, unwanted: Unwanted, session: str) -> None:
        unwanted.gone(f"{session}.t9")
        unwanted.gone("s0000000000000000.t1")
        await house.until_quiet(session)
        unwanted.gone(f"{session}.t1")

    assert tell(story) == ([("t1", "end"), ("t2", "end")], [])


def test_a_stop_now_ends_what_runs_and_what_waits() -> None:
    async def story(house: Household, unwanted: Unwanted, session: str) -> None:
        await unwanted.end_all()

    assert tell(story) == ([("t2", "withdrawn"), ("t1", "interrupted")], ["the daemon stops"])
