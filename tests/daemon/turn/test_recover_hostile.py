"""A power cut may leave any line as the last one, and an upgrade may take a tool away: every turn still ends."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import pytest

from agentd.errors import ConflictError
from agentd.session.asking import Answered, Asked
from agentd.session.entries import Begun, Done, Finished, Judged, Requested
from agentd.session.store import SessionStore
from agentd.turn.sessions import NewTurn
from agentd.world.fake import FakeWorld
from support.gated import gated_world
from support.household import PERSON, Household, Reply, ask, whole_log

READ = ("read", {"path": "a.txt"})
STORIES: dict[str, Sequence[Reply]] = {
    "text": ["hello there"],
    "reads": [(READ, READ, READ), "read"],
    "everything": [
        (
            READ,
            ("shell", {"command": "make 1"}),
            ("nosuch", {}),
            ("write", {"path": "n.txt", "content": "x"}),
            ("shell", {"command": "make 2"}),
        ),
        "done",
    ],
    "edit": [(READ,), (("edit", {"path": "a.txt", "old_string": "one", "new_string": "uno"}), READ), "edited"],
}


def cut(world: FakeWorld, session: str, size: int) -> None:
    """As a power cut would have left the log."""
    handle = world.files.open_append(f"{SessionStore(world, '/home/data', '/home/state').folder(session)}/log.jsonl")
    handle.truncate(size)
    handle.sync()
    handle.close()


def tell(replies: Sequence[Reply], end: str) -> tuple[FakeWorld, str]:
    world, _ = gated_world()

    async def main() -> str:
        house = Household(world, replies, slow_ms=20, partial_bytes=1)
        await house.start()
        session = await ask(house, "go")
        await house.sessions.start(session, "k2", "h", NewTurn("again"), PERSON)
        await house.sessions.steer(session, "s", "h", "mind this", PERSON)
        if end == "interrupt":
            await world.clock.sleep(30)
            await house.sessions.interrupt(session, "i", "h", "enough", PERSON)
        await house.until_quiet(session, lambda question: end != "deny")
        await house.sessions.stop()
        return session

    return world, world.run(main())


@pytest.mark.parametrize("end", ["approve", "deny", "interrupt"])
@pytest.mark.parametrize("name", STORIES)
def test_any_line_may_be_the_last(name: str, end: str) -> None:
    told, session = tell(STORIES[name], end)
    lines = whole_log(told, session)
    log_path = f"{SessionStore(told, '/home/data', '/home/state').folder(session)}/log.jsonl"
    data, requests = told.files.read(log_path), told.files.read("/home/state/requests.jsonl")
    for last in lines:
        where = f"the last line is {last.seq}, {type(last.entry).__name__}"
        world, _ = gated_world()
        store = SessionStore(world, "/home/data", "/home/state")
        store.prepare()
        world.files.write_atomic("/home/state/requests.jsonl", requests)
        store.create(session).close()
        world.files.write_scratch(log_path, data[: last.offset + last.length])
        store.mark_open(session)

        async def main(world: FakeWorld = world, where: str = where) -> None:
            house = Household(world, STORIES[name])
            await house.start()
            for _ in range(2):
                await house.until_quiet(session, lambda question: end != "deny")
                await ask(house, "go")
                await house.sessions.start(session, "k2", "h", NewTurn("again"), PERSON)
            await house.until_quiet(session, lambda question: end != "deny")
            assert house.faults == [], where
            await house.sessions.stop()

        world.run(main())
        entries = [line.entry for line in whole_log(world, session)]
        kinds = Counter(type(entry) for entry in entries)
        assert (kinds[Requested], kinds[Finished], kinds[Asked]) == (2, 2, kinds[Answered]), where
        done = Counter(entry.call for entry in entries if isinstance(entry, Done))
        assert set(done.values()) <= {1}, where


def test_a_question_that_was_asked_twice_runs_its_command_once() -> None:
    replies: Sequence[Reply] = [tuple(("shell", {"command": f"make {number}"}) for number in range(2)), "done"]
    world, _ = gated_world()

    async def begin() -> str:
        house = Household(world, replies)
        await house.start()
        session = await ask(house, "go")
        while not house.sessions.questions():
            await world.clock.sleep(10)
        return session

    session = world.run(begin())
    world = world.restart()
    first = next(line for line in whole_log(world, session) if isinstance(line.entry, Asked))
    cut(world, session, first.offset + first.length)

    async def go_on() -> None:
        house = Household(world, replies)
        await house.start()
        for question in house.sessions.questions():
            try:
                await house.sessions.answer(question.id, f"a{question.id}", "h", "approve", "once", "", PERSON)
            except ConflictError:
                continue
            await world.clock.sleep(500)
        await house.until_quiet(session)
        await house.sessions.stop()

    world.run(go_on())
    begun = [line.entry.call for line in whole_log(world, session) if isinstance(line.entry, Begun)]
    assert begun == [f"{session}.t1.1.1", f"{session}.t1.1.2"]
    assert len(world.processes.table.started) == 2


def test_a_verdict_whose_question_was_lost_is_asked_again() -> None:
    replies: Sequence[Reply] = [(("shell", {"command": "make"}),), "done"]
    told, session = tell(replies, "approve")
    world = told.restart()
    judged = next(line for line in whole_log(world, session) if isinstance(line.entry, Judged))
    cut(world, session, judged.offset + judged.length)
    SessionStore(world, "/home/data", "/home/state").mark_open(session)

    async def go_on() -> None:
        house = Household(world, replies)
        await house.start()
        assert [question.command for question in house.sessions.questions()] == ["make"]
        await house.until_quiet(session)
        await house.sessions.stop()

    world.run(go_on())


def test_an_approved_call_whose_tool_is_gone_keeps_nobody_from_starting() -> None:
    replies: Sequence[Reply] = [(("shell", {"command": "make"}),), "done"]
    told, session = tell(replies, "approve")
    world = told.restart()
    answered = next(line for line in whole_log(world, session) if isinstance(line.entry, Answered))
    cut(world, session, answered.offset + answered.length)
    SessionStore(world, "/home/data", "/home/state").mark_open(session)

    async def go_on() -> None:
        house = Household(world, replies)
        assert isinstance(house.parts.tools, dict)
        del house.parts.tools["shell"]
        await house.start()
        await house.until_quiet(session)
        await house.sessions.stop()

    world.run(go_on())
    done = [line.entry for line in whole_log(world, session) if isinstance(line.entry, Done)]
    assert [(entry.status, entry.text) for entry in done[:1]] == [
        ("error", "Not run: the tool shell is not there any more.")
    ]
