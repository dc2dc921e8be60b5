"""The runner: deltas and partial text, output that is too long, interrupts that reach everything, retries."""

from __future__ import annotations

from collections.abc import AsyncIterator

import msgspec
import pytest

from agentd.session.entries import Done, Finished, Interrupted, Partial, Replied
from agentd.tools.base import Progress, ToolContext, ToolResult
from agentd.tools.builtin.read import ReadTool
from agentd.turn.intake import NewTurn
from agentd.world.fake import fake_world
from agentd.world.fake_processes import Script
from support.household import PERSON, WORKSPACE, Household, ask, whole_log


def test_streamed_text_is_published_with_offsets_and_kept_in_pieces() -> None:
    world = fake_world(auto=True)
    world.files.make_folder(WORKSPACE)

    async def story() -> str:
        house = Household(world, ["wörds that stream"], partial_bytes=8)
        await house.start()
        session = await ask(house, "go")
        await house.until_quiet(session)
        await house.sessions.stop()
        step = f"{session}.t1.1"
        assert [(d.item, d.offset, d.text) for d in house.heard.deltas] == [
            (f"{step}.0", 0, "wörds "),
            (f"{step}.0", 7, "that "),
            (f"{step}.0", 12, "stream "),
        ]
        return session

    session = world.run(story())
    partial = [line.entry for line in whole_log(world, session) if isinstance(line.entry, Partial)]
    assert [(p.offset, p.text) for p in partial] == [(0, "wörds that ")]


def test_an_interrupt_keeps_what_was_said_and_ends_the_turn_within_its_time() -> None:
    world = fake_world(auto=True)
    world.files.make_folder(WORKSPACE)

    async def story() -> str:
        house = Household(world, ["one two three four five six"], slow_ms=100)
        await house.start()
        session = await ask(house, "go")
        await world.clock.sleep(350)
        before = world.clock.monotonic_ms()
        assert await house.sessions.interrupt(session, "i", "h", "enough", PERSON)
        await house.until_quiet(session)
        assert world.clock.monotonic_ms() - before <= 250
        await house.sessions.stop()
        return session

    session = world.run(story())
    entries = [line.entry for line in whole_log(world, session)]
    (replied,) = [entry for entry in entries if isinstance(entry, Replied)]
    assert (replied.interrupted, [block.text for block in replied.blocks]) == (True, ["one two three "])  # type: ignore[union-attr]
    assert any(isinstance(entry, Interrupted) for entry in entries)
    assert [entry.stop for entry in entries if isinstance(entry, Finished)] == ["interrupted"]


def test_an_interrupt_ends_a_command_and_says_so() -> None:
    world = fake_world(auto=True)
    world.files.make_folder(WORKSPACE)
    world.processes.on("bash", does=Script(output=b"x", takes_ms=60_000))

    async def story() -> str:
        house = Household(world, [(("shell", {"command": "sleep 60"}),), "and on"])
        await house.start()
        session = await ask(house, "go")
        while not house.sessions.questions():
            await world.clock.sleep(10)
        (question,) = house.sessions.questions()
        await house.sessions.answer(question.id, "a", "h", "approve", "once", "", PERSON)
        while not world.processes.running():
            await world.clock.sleep(10)
        await house.sessions.interrupt(session, "i", "h", "enough", PERSON)
        await house.until_quiet(session)
        assert world.processes.running() == []
        await house.sessions.stop()
        return session

    session = world.run(story())
    done = [line.entry for line in whole_log(world, session) if isinstance(line.entry, Done)]
    assert [(entry.status, entry.text) for entry in done] == [("interrupted", "The call was interrupted while it ran.")]


def test_output_that_is_too_long_is_cut_for_the_model_and_kept_whole() -> None:
    world = fake_world(auto=True)
    world.files.make_folder(WORKSPACE)
    output = b"".join(b"line %d\n" % n for n in range(100_000))
    world.processes.on("bash", does=Script(output=output))

    async def story() -> tuple[str, bytes]:
        house = Household(world, [(("shell", {"command": "seq"}),), "done"])
        await house.start()
        session = await ask(house, "go")
        await house.until_quiet(session)
        (done,) = [line.entry for line in house.heard.lines if isinstance(line.entry, Done)]
        assert done.blob is not None
        assert len(done.text) <= 30_000
        assert f"agentctl tools output {done.call}" in done.text
        whole = house.store.get_blob(session, done.blob)
        await house.sessions.stop()
        return session, whole

    _, whole = world.run(story())
    assert whole == b"exit code: 0\n" + output


def test_a_second_turn_runs_after_the_first_and_sees_its_conversation() -> None:
    world = fake_world(auto=True)
    world.files.make_folder(WORKSPACE)

    async def story() -> None:
        house = Household(world, ["fine"], slow_ms=20)
        await house.start()
        session = await ask(house, "first")
        taken = await house.sessions.start(session, "k2", "h", NewTurn("second"), PERSON)
        assert taken.queued
        await house.until_quiet(session)
        said = [[block.text for block in m.blocks] for m in house.model.requests[-1].messages]  # type: ignore[union-attr]
        assert said == [["first"], ["fine "], ["second"]]
        first, second = (house.model.encode(request) for request in house.model.requests)
        shared = len(first) - len(b"]}")
        assert second[:shared] == first[:shared], "the second request begins with the bytes of the first"
        await house.sessions.stop()

    world.run(story())


class Clumsy(ReadTool):
    """A tool with a bug in one of its methods."""

    def __init__(self, where: str) -> None:
        super().__init__()
        self.where = where

    def target(self, arguments: msgspec.Struct) -> str:
        if self.where == "target":
            raise ZeroDivisionError
        return super().target(arguments)

    async def call(self, arguments: msgspec.Struct, context: ToolContext) -> AsyncIterator[Progress | ToolResult]:
        if self.where == "call":
            raise ZeroDivisionError
        async for piece in super().call(arguments, context):
            yield piece


@pytest.mark.parametrize("where", ["target", "call", "model"])
def test_a_bug_in_a_tool_or_a_provider_ends_in_words_and_never_hangs_the_turn(where: str) -> None:
    world = fake_world(auto=True)
    world.files.make_folder(WORKSPACE)
    bugs: list[str] = []

    async def story() -> None:
        house = Household(world, [(("read", {"path": "a"}),), "done"])
        house.parts.tools["read"] = Clumsy(where)  # type: ignore[index]
        house.parts.reporter.bug = lambda place, fault: bugs.append(place) or "bug-1"  # type: ignore[method-assign]
        if where == "model":
            house.model.encode = lambda request: 1 // 0  # type: ignore[method-assign]
        await house.start()
        session = await ask(house, "go")
        await house.until_quiet(session)
        (finished,) = [line.entry for line in house.heard.lines if isinstance(line.entry, Finished)]
        if where == "model":
            assert (finished.stop, finished.error) == ("error", "the daemon has a bug (reference bug-1)")
        else:
            (done,) = [line.entry for line in house.heard.lines if isinstance(line.entry, Done)]
            assert (done.status, finished.stop) == ("error", "end")
            assert "The tool read has a bug and could not answer (reference bug-1)." in done.text
        await house.sessions.stop()

    world.run(story())
    assert bugs == ["prepare" if where == "model" else "tool read"]
