"""Requests reach sessions once and only once; open sessions go on after a restart; idle ones leave the memory."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from collections.abc import Awaitable, Callable

import pytest

from agentd.errors import AgentdError, BadInputError, BusyError, ConflictError, NotFoundError
from agentd.session.entries import Changed, Requested
from agentd.session.store import SessionStore
from agentd.turn.intake import NewTurn
from agentd.world.fake import FakeWorld, fake_world
from agentd.world.fake_processes import Script
from agentd.world.faults import Crash, Plan, plans
from agentproto.content import ImageBlock
from support.drawn import png
from support.household import PERSON, WORKSPACE, Household, Reply, ask

LONG = 3_000
"""Entries of a log that is not opened in one go."""

SHELL: tuple[Reply, ...] = ((("shell", {"command": "make push"}),), "pushed")


def a_world(plan: Plan | None = None) -> FakeWorld:
    world = fake_world(seed=3, auto=True, plan=plan)
    world.files.make_folder(WORKSPACE)
    world.processes.on("bash", does=Script(output=b"pushed\n"))
    return world


def live(world: FakeWorld, story: Callable[[Household], Awaitable[None]], *replies: Reply, slow_ms: int = 0) -> None:
    async def main() -> None:
        house = Household(world, replies or ("fine",), slow_ms=slow_ms)
        await house.start()
        await story(house)
        assert house.faults == []
        await house.sessions.stop()

    world.run(main())


def test_a_given_picture_is_there_whenever_its_message_is() -> None:
    """Whatever breaks while it is taken: no message speaks of a picture that nobody has. Asked again, it is taken."""
    picture = ("/x.png", ImageBlock("image/png", hashlib.sha256(png(3, 3)).hexdigest(), 3, 3), png(3, 3))

    async def story(house: Household) -> None:
        new, turn = house.new_session(), NewTurn("look", pictures=(picture,))
        taken = await house.sessions.start_in_new("k", "h", new, turn, PERSON)
        await house.until_quiet(taken.session)
        assert house.store.get_blob(taken.session, picture[1].blob) == png(3, 3)

    world = a_world()
    begun = len(world.points.calls)
    live(world, story)
    faults = list(plans(world.points.calls[begun:], ("crash_before", "ENOSPC")))
    assert len(faults) > 20
    for plan in faults:
        broken = a_world(plan)
        with contextlib.suppress(Crash, AgentdError):
            live(broken, story)
        again = broken.restart(drop_unsynced=True)
        store = SessionStore(again, "/home/data", "/home/state")
        with contextlib.suppress(AgentdError):  # nothing of it may be there
            for session in store.ids():
                lines = store.open(session, writable=False).lines_after(0, 1_000)
                said = [line.entry for line in lines if isinstance(line.entry, Requested)]
                assert all(store.has_blob(session, image.blob) for entry in said for _, image in entry.pictures)
        live(again, story)


def test_the_same_key_gives_the_same_turn() -> None:
    async def story(house: Household) -> None:
        first = await house.sessions.start_in_new("k", "h", house.new_session(), NewTurn("do"), PERSON)
        again = await house.sessions.start_in_new("k", "h", house.new_session(), NewTurn("do"), PERSON)
        assert (again.session, again.made, again.seq) == (first.session, first.made, first.seq)
        await house.until_quiet(first.session)
        assert len(house.store.ids()) == 1

    live(a_world(), story)


def test_the_same_key_with_another_body_is_a_conflict() -> None:
    async def story(house: Household) -> None:
        session = await ask(house, "do")
        with pytest.raises(ConflictError) as caught:
            await house.sessions.start_in_new("k1", "other", house.new_session(), NewTurn("else"), PERSON)
        assert caught.value.field == "key"
        await house.sessions.start(session, "k2", "h", NewTurn("more"), PERSON)
        with pytest.raises(ConflictError):
            await house.sessions.start(session, "k2", "other", NewTurn("else"), PERSON)
        await house.until_quiet(session)

    live(a_world(), story)


def test_two_equal_requests_at_once_make_one_turn() -> None:
    async def story(house: Household) -> None:
        session = await ask(house, "do")
        tasks = [
            house.tasks.start("again", house.sessions.start(session, "k2", "h", NewTurn("more"), PERSON))
            for _ in range(5)
        ]
        made = {(await task).made for task in tasks}
        assert made == {f"{session}.t2"}
        await house.until_quiet(session)
        requested = [line for line in house.heard.lines if isinstance(line.entry, Requested)]
        assert len(requested) == 2

    live(a_world(), story, slow_ms=50)


def test_different_requests_at_once_get_turns_of_their_own() -> None:
    async def story(house: Household) -> None:
        session = await ask(house, "do")
        tasks = [
            house.tasks.start("more", house.sessions.start(session, f"key{n}", "h", NewTurn("more"), PERSON))
            for n in range(5)
        ]
        assert sorted([(await task).made for task in tasks]) == [f"{session}.t{n}" for n in range(2, 7)]
        await house.until_quiet(session)

    live(a_world(), story, slow_ms=50)


def test_the_first_answer_wins_and_the_second_is_told_who_decided() -> None:
    async def story(house: Household) -> None:
        session = await ask(house, "push")
        while not house.sessions.questions():
            await house.world.clock.sleep(10)
        (question,) = house.sessions.questions()
        taken = await house.sessions.answer(question.id, "a1", "h", "deny", "once", "not now", PERSON)
        again = await house.sessions.answer(question.id, "a1", "h", "deny", "once", "not now", PERSON)
        assert again.seq == taken.seq
        with pytest.raises(ConflictError) as caught:
            await house.sessions.answer(question.id, "a2", "h", "approve", "once", "", PERSON)
        assert caught.value.what == f"question {question.id} is already decided"
        assert caught.value.why.startswith("test: deny, at ")
        await house.until_quiet(session)
        assert house.world.processes.table.started == []

    live(a_world(), story, *SHELL)


def test_an_approval_for_the_session_is_not_asked_again() -> None:
    async def story(house: Household) -> None:
        session = await ask(house, "push")
        while not house.sessions.questions():
            await house.world.clock.sleep(10)
        (question,) = house.sessions.questions()
        await house.sessions.answer(question.id, "a1", "h", "approve", "session", "", PERSON)
        await house.until_quiet(session)
        await house.sessions.start(session, "k2", "h", NewTurn("push"), PERSON)
        await house.until_quiet(session, lambda question: pytest.fail(f"{question} was asked again"))
        assert len(house.world.processes.table.started) == 2

    live(a_world(), story, *SHELL)


def test_a_scope_that_was_not_offered_is_refused() -> None:
    async def story(house: Household) -> None:
        session = await ask(house, "push")
        while not house.sessions.questions():
            await house.world.clock.sleep(10)
        (question,) = house.sessions.questions()
        with pytest.raises(BadInputError, match="can't be for always"):
            await house.sessions.answer(question.id, "a1", "h", "approve", "always", "", PERSON)
        assert [open.id for open in house.sessions.questions()] == [question.id]
        await house.until_quiet(session)

    live(a_world(), story, *SHELL)


def test_what_is_not_there_is_named() -> None:
    async def story(house: Household) -> None:
        for id in ("s0000000000000000", "nonsense", "../../etc", ""):
            with pytest.raises(NotFoundError):
                await house.sessions.get(id)
        session = await ask(house, "do")
        with pytest.raises(NotFoundError, match="there is no question"):
            await house.sessions.answer(f"{session}.q9", "a", "h", "approve", "once", "", PERSON)
        await house.until_quiet(session)
        assert not await house.sessions.interrupt(session, "i", "h", "stop", PERSON)
        with pytest.raises(ConflictError, match="no turn is running"):
            await house.sessions.steer(session, "s", "h", "hurry", PERSON)

    live(a_world(), story)


def test_an_open_question_is_there_after_a_restart_with_the_same_id() -> None:
    world = a_world()
    seen: list[str] = []

    async def before(house: Household) -> None:
        await ask(house, "push")
        while not house.sessions.questions():
            await house.world.clock.sleep(10)
        seen.extend(question.id for question in house.sessions.questions())

    async def after(house: Household) -> None:
        assert [question.id for question in house.sessions.questions()] == seen
        await house.until_quiet(seen[0].partition(".")[0])
        assert len(house.world.processes.table.started) == 1

    live(world, before, *SHELL)
    live(world.restart(), after, *SHELL)


def test_an_idle_session_leaves_the_memory_and_comes_back() -> None:
    async def story(house: Household) -> None:
        session = await ask(house, "do")
        await house.until_quiet(session)
        assert await house.sessions.unload_idle(1000, frozenset()) == 0
        await house.world.clock.sleep(2000)
        assert await house.sessions.unload_idle(1000, frozenset({session})) == 0
        assert await house.sessions.unload_idle(1000, frozenset()) == 1
        assert house.sessions.loaded() == {}
        runner = await house.sessions.get(session)
        assert runner.state.turns == 1
        assert house.store.marked_open() == []

    live(a_world(), story)


def test_a_session_that_cannot_be_read_does_not_stop_the_others() -> None:
    world = a_world()
    sessions: list[str] = []

    async def before(house: Household) -> None:
        sessions.append(await ask(house, "push", "k1"))
        sessions.append(await ask(house, "push", "k2"))
        while len(house.sessions.questions()) < 2:
            await house.world.clock.sleep(10)

    live(world, before, *SHELL)
    world = world.restart()
    folder = f"/home/data/sessions/{'/'.join(folder_of(world, sessions[0]))}"
    data = bytearray(world.files.read(f"{folder}/log.jsonl"))
    data[40] ^= 1
    world.files.write_atomic(f"{folder}/log.jsonl", bytes(data))

    async def after(house: Household) -> None:
        assert {question.session for question in house.sessions.questions()} == {sessions[1]}
        assert "session.damaged" in [name for name, _ in house.heard.happened]
        await house.until_quiet(sessions[1])

    live(world, after, *SHELL)


def folder_of(world: FakeWorld, session: str) -> tuple[str, str, str]:
    root = "/home/data/sessions"
    for year, _ in world.files.list(root):
        for month, _ in world.files.list(f"{root}/{year}"):
            if any(name == session for name, _ in world.files.list(f"{root}/{year}/{month}")):
                return year, month, session
    raise AssertionError(session)


async def two_sessions(world: FakeWorld) -> tuple[str, str]:
    """A session whose log is long and has no checkpoint that is known, and a short one; nobody has them open."""
    house = Household(world, ("fine",))
    await house.start()
    long, short = await ask(house, "one", "k1"), await ask(house, "two", "k2")
    await house.until_quiet(long)
    await house.until_quiet(short)
    await house.sessions.stop()
    log = SessionStore(world, "/home/data", "/home/state").open(long)
    await log.append([Changed(actor=PERSON, title=f"t{n}") for n in range(LONG)], 1)
    log.close()
    return long, short


def test_while_a_long_log_is_opened_others_are_served_and_nobody_else_can_have_its_files() -> None:
    world = a_world()
    long, short = world.run(two_sessions(world))

    async def story(house: Household) -> None:
        opening = asyncio.ensure_future(house.sessions.get(long))
        await asyncio.sleep(0)
        with pytest.raises(BusyError, match=f"session {long} is being opened"):
            await house.store.archive(long)
        assert (await house.sessions.get(short)).state.session == short
        assert not opening.done()
        assert (await opening).state.title == f"t{LONG - 1}"

    live(world, story)


def test_a_long_log_whose_opening_was_given_up_is_opened_by_the_next() -> None:
    world = a_world()
    long, _ = world.run(two_sessions(world))

    async def story(house: Household) -> None:
        opening = asyncio.ensure_future(house.sessions.get(long))
        await asyncio.sleep(0)
        opening.cancel()
        await asyncio.wait([opening])
        assert (await house.sessions.get(long)).state.title == f"t{LONG - 1}"

    live(world, story)


def test_a_log_that_is_being_opened_when_the_daemon_stops_is_closed() -> None:
    world = a_world()
    long, _ = world.run(two_sessions(world))

    async def story(house: Household) -> None:
        opening = asyncio.ensure_future(house.sessions.get(long))
        await asyncio.sleep(0)
        await house.sessions.stop()
        with pytest.raises(BusyError, match="the daemon is stopping"):
            await opening
        assert house.sessions.loaded() == {}

    live(world, story)
