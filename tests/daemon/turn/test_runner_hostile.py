"""What comes at the worst moment: a request given up while its entry is written, an interrupt as something ends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import msgspec

from agentd.errors import AgentdError, ConflictError
from agentd.session.entries import Done, Finished, Opened, Replied, Requested, Steered
from agentd.tools.base import Progress, ToolContext, ToolResult
from agentd.tools.builtin.read import ReadTool
from agentd.turn.sessions import NewTurn
from agentd.world.fake import FakeWorld
from agentd.world.fake_processes import Script
from support.gated import gated_world
from support.household import PERSON, Household, Reply, ask, whole_log

Story = Callable[[Household], Awaitable[str]]


def tell(world: FakeWorld, story: Story, *replies: Reply, slow_ms: int = 0) -> list[object]:
    """The entries of the session that `story` names."""

    async def main() -> str:
        house = Household(world, replies or ("fine",), slow_ms=slow_ms)
        await house.start()
        session = await story(house)
        await house.until_quiet(session)
        assert house.faults == []
        await house.sessions.stop()
        return session

    session = world.run(main())
    return [line.entry for line in whole_log(world, session)]


def test_a_command_that_ends_while_the_interrupt_is_written_is_not_called_unrun() -> None:
    world, journal = gated_world(Script(output=b"pushed\n", takes_ms=200))

    async def story(house: Household) -> str:
        session = await ask(house, "go")
        while not house.sessions.questions():
            await world.clock.sleep(10)
        (question,) = house.sessions.questions()
        await house.sessions.answer(question.id, "a", "h", "approve", "once", "", PERSON)
        await world.clock.sleep(50)
        journal.hold(b'"turn.interrupted"')
        stopping = house.tasks.start("stop", house.sessions.interrupt(session, "i", "h", "enough", PERSON))
        await journal.until_held()
        await world.clock.sleep(1000)
        journal.open()
        assert await stopping
        return session

    entries = tell(world, story, (("shell", {"command": "make push"}),), "done")
    (done,) = [entry for entry in entries if isinstance(entry, Done)]
    assert (done.status, done.exit_code) == ("ok", 0)
    assert [entry.stop for entry in entries if isinstance(entry, Finished)] == ["interrupted"]


def test_words_that_come_too_late_for_their_turn_are_refused_and_not_lost() -> None:
    world, journal = gated_world()
    refused: list[AgentdError] = []

    async def story(house: Household) -> str:
        journal.hold(b'"turn.finished"')
        session = await ask(house, "go")
        await journal.until_held()

        async def speak() -> None:
            try:
                await house.sessions.steer(session, "s", "h", "this too", PERSON)
            except ConflictError as fault:
                refused.append(fault)

        speaking = house.tasks.start("steer", speak())
        await asyncio.sleep(0)
        journal.open()
        await speaking
        return session

    entries = tell(world, story)
    assert not [entry for entry in entries if isinstance(entry, Steered)]
    assert [fault.what.startswith("no turn is running") for fault in refused] == [True]


def test_an_interrupt_that_comes_too_late_spares_the_next_turn() -> None:
    world, journal = gated_world()

    async def story(house: Household) -> str:
        journal.hold(b'"turn.finished"')
        session = await ask(house, "first")
        await house.sessions.start(session, "k2", "h", NewTurn("second"), PERSON)
        await journal.until_held()
        stopping = house.tasks.start("stop", house.sessions.interrupt(session, "i", "h", "enough", PERSON))
        await asyncio.sleep(0)
        journal.open()
        assert not await stopping
        return session

    entries = tell(world, story, "one two three", slow_ms=50)
    assert [entry.interrupted for entry in entries if isinstance(entry, Replied)] == [False, False]
    assert [entry.stop for entry in entries if isinstance(entry, Finished)] == ["end", "end"]


class Stuck(ReadTool):
    """A tool that lets nobody stop it."""

    def __init__(self) -> None:
        super().__init__()
        self.free = asyncio.Event()

    async def call(self, arguments: msgspec.Struct, context: ToolContext) -> AsyncIterator[Progress | ToolResult]:
        while not self.free.is_set():
            try:
                await self.free.wait()
            except asyncio.CancelledError:
                continue
        yield ToolResult("at last", "at last")


def test_a_tool_that_does_not_let_go_holds_the_stop_for_a_stated_time_only() -> None:
    world, _ = gated_world()

    async def main() -> int:
        house = Household(world, [(("read", {"path": "a.txt"}),), "done"])
        tool = Stuck()
        assert isinstance(house.parts.tools, dict)
        house.parts.tools["read"] = tool
        await house.start()
        await ask(house, "go")
        await world.clock.sleep(100)
        before = world.clock.monotonic_ms()
        await house.sessions.stop()
        took = world.clock.monotonic_ms() - before
        tool.free.set()
        await world.clock.sleep(10)
        return took

    assert 0 < world.run(main()) <= 5_000


def test_requests_that_come_during_the_stop_are_refused() -> None:
    world, _ = gated_world()
    outcomes: list[str] = []

    async def main() -> None:
        house = Household(world, ["one two three"], slow_ms=100)
        await house.start()
        for number in range(5):
            await ask(house, "go", f"k{number}")
        late = [house.tasks.start("late", ask(house, "go", f"late{number}")) for number in range(3)]
        assert await house.sessions.stop() == 5
        for task in late:
            try:
                outcomes.append(await task)
            except AgentdError as fault:
                outcomes.append(type(fault).__name__)
        assert house.sessions.loaded() == {}

    world.run(main())
    assert outcomes == ["BusyError"] * 3


def test_a_request_that_is_given_up_while_its_entry_is_written_leaves_a_whole_log() -> None:
    world, journal = gated_world()

    async def story(house: Household) -> str:
        session = await ask(house, "first")
        await house.until_quiet(session)
        journal.hold(b'"key":"k2"')
        given_up = house.tasks.start("start", house.sessions.start(session, "k2", "h", NewTurn("second"), PERSON))
        await journal.until_held()
        given_up.cancel()
        again = house.tasks.start("again", house.sessions.start(session, "k2", "h", NewTurn("second"), PERSON))
        await asyncio.sleep(0)
        journal.open()
        assert (await again).made == f"{session}.t2"
        assert given_up.cancelled()
        return session

    entries = tell(world, story)
    assert [entry.key for entry in entries if isinstance(entry, Requested)] == ["k1", "k2"]


def test_a_session_whose_making_is_given_up_is_made_once() -> None:
    world, journal = gated_world()
    found: list[str] = []

    async def story(house: Household) -> str:
        journal.hold(b'"type":"session.opened"')
        given_up = house.tasks.start("ask", ask(house, "first"))
        await journal.until_held()
        given_up.cancel()
        again = house.tasks.start("again", ask(house, "first"))
        await asyncio.sleep(0)
        journal.open()
        found.append(await again)
        return found[0]

    entries = tell(world, story)
    assert [entry.session for entry in entries if isinstance(entry, Opened)] == found
    assert [entry.key for entry in entries if isinstance(entry, Requested)] == ["k1"]


def test_an_interrupt_that_is_sent_again_stops_no_later_turn() -> None:
    world, _ = gated_world()

    async def story(house: Household) -> str:
        session = await ask(house, "first")
        await house.until_quiet(session)
        assert not await house.sessions.interrupt(session, "i", "h", "enough", PERSON)
        await house.sessions.start(session, "k2", "h", NewTurn("second"), PERSON)
        assert not await house.sessions.interrupt(session, "i", "h", "enough", PERSON)
        return session

    entries = tell(world, story, "one two three", slow_ms=50)
    assert [entry.stop for entry in entries if isinstance(entry, Finished)] == ["end", "end"]
