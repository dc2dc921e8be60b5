"""A log that can't be read for a moment: the next request holds everything, once."""

from __future__ import annotations

from agentd.session.entries import Finished, Requested
from agentd.turn.sessions import NewTurn
from agentd.world.fake import FakeWorld
from agentd.world.faults import Plan
from support.gated import gated_world
from support.household import PERSON, Household, ask


async def two_turns(world: FakeWorld, plan: Plan | None) -> tuple[list[int], list[str], list[str]]:
    """(the log's reads of the second turn, how the turns ended, what the third one says); `plan` is for the second."""
    house = Household(world, ["fine"])
    await house.start()
    session = await ask(house, "first")
    await house.until_quiet(session)
    before = len(world.points.calls)
    world.points.plan = plan or Plan()
    await house.sessions.start(session, "k2", "h", NewTurn("second"), PERSON)
    await house.until_quiet(session)
    world.points.plan = Plan()
    reads = [call.number for call in world.points.calls[before:] if call.name == "files.read" and "log" in call.subject]
    await house.sessions.start(session, "k3", "h", NewTurn("third"), PERSON)
    await house.until_quiet(session)
    stops = [str(line.entry.stop) for line in house.heard.lines if isinstance(line.entry, Finished)]
    assert len([line for line in house.heard.lines if isinstance(line.entry, Requested)]) == 3
    await house.sessions.stop()
    said = [block.text for m in house.model.requests[-1].messages for block in m.blocks]  # type: ignore[union-attr]
    return reads, stops, said


def test_what_could_not_be_read_is_read_later_and_nothing_is_said_twice() -> None:
    world, _ = gated_world()
    reads, stops, said = world.run(two_turns(world, None))
    assert (stops, said) == (["end"] * 3, ["first", "fine ", "second", "fine ", "third"])
    assert len(reads) > 1
    for failing in reads:
        world, _ = gated_world()
        _, stops, said = world.run(two_turns(world, Plan({failing: "EIO"})))
        assert (stops, said) == (["end", "error", "end"], ["first", "fine ", "second", "third"]), failing
