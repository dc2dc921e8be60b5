"""session.archive, session.remove, session.retain as a client sees them, sent once, sent again, and after a crash."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from agentd.errors import AgentdError, BusyError, ConflictError, NotFoundError
from agentd.server.handlers.session import HANDLERS
from agentd.session.packing import member
from agentd.turn.intake import NewTurn
from agentd.world.fake import FakeWorld
from agentd.world.fake_processes import Script
from agentd.world.faults import Crash, plans
from agentproto import keeping as api
from agentproto.api import session as sessions_api
from support.household import PERSON, WORKSPACE, Household, Reply, ask
from support.reception import Reception, a_world, receive

DAY = 24 * 3600 * 1000
SHELL: tuple[Reply, ...] = ((("shell", {"command": "make push"}),), "pushed")


def packing_world() -> FakeWorld:
    world = a_world()
    world.processes.on_job("pack", member)
    world.processes.on("bash", does=Script(output=b"pushed\n"))
    return world


async def a_session(desk: Reception, key: str = "k1", prompt: str = "a question of some length " * 40) -> str:
    session = await ask(desk.house, prompt, key)
    await desk.house.until_quiet(session)
    return session


async def rows(desk: Reception) -> Mapping[str, sessions_api.SessionSummary]:
    result = await desk.ask("session.list")
    assert isinstance(result, sessions_api.ListResult)
    return {row.id: row for row in result.sessions}


def test_the_rows_are_in_the_table() -> None:
    assert {"session.archive", "session.remove", "session.retain"} <= set(HANDLERS)


def test_an_archived_session_is_listed_read_and_gone_on_with_as_before() -> None:
    async def story(desk: Reception) -> None:
        session = await a_session(desk)
        before = await desk.ask("session.items", session=session)
        result = await desk.ask("session.archive", key="a", session=session)
        assert isinstance(result, api.ArchiveResult)
        assert 0 < result.after_bytes < result.before_bytes
        assert await desk.ask("session.archive", key="a", session=session) == result
        assert await desk.ask("session.archive", key="b", session=session) == result
        row = (await rows(desk))[session]
        assert (row.archived, row.turns, row.bytes, row.state) == (True, 1, result.after_bytes, "idle")
        # read: archived before, while it is loaded, and after
        assert await desk.ask("session.items", session=session) == before
        assert (await rows(desk))[session].archived
        await desk.house.sessions.put_away(session)
        assert [name for name, _ in files(desk, session)] == ["blobs", "log.jsonl.gz"]
        # gone on with: archived no more
        await desk.house.sessions.start(session, "k2", "h", NewTurn("more"), PERSON)
        await desk.house.until_quiet(session)
        row = (await rows(desk))[session]
        assert (row.archived, row.turns) == (False, 2)
        await desk.house.sessions.put_away(session)
        assert [name for name, _ in files(desk, session)] == ["blobs", "log.jsonl"]
        assert (await rows(desk))[session].archived is False

    receive(story, world=packing_world())


def files(desk: Reception, session: str) -> list[tuple[str, int]]:
    return [(name, info.size) for name, info in desk.house.world.files.list(desk.house.store.folder(session))]


def test_an_archive_is_unpacked_for_good_when_that_is_asked_for() -> None:
    async def story(desk: Reception) -> None:
        session = await a_session(desk)
        packed = await desk.ask("session.archive", key="a", session=session)
        plain = await desk.ask("session.archive", key="b", session=session, restore=True)
        assert isinstance(packed, api.ArchiveResult)
        assert plain == api.ArchiveResult(session, packed.after_bytes, packed.before_bytes)
        assert [name for name, _ in files(desk, session)] == ["blobs", "log.jsonl"]
        assert (await rows(desk))[session].archived is False
        again = await desk.ask("session.archive", key="c", session=session, restore=True)
        assert again == api.ArchiveResult(session, packed.before_bytes, packed.before_bytes)

    receive(story, world=packing_world())


def test_what_is_in_use_is_neither_archived_nor_removed_and_the_reason_is_said() -> None:
    async def story(desk: Reception) -> None:
        session = await ask(desk.house, "push it")
        for _ in range(200):
            await desk.house.world.clock.sleep(10)
            if desk.house.sessions.questions():
                break
        question = desk.house.sessions.questions()[0].id
        for method in ("session.archive", "session.remove"):
            with pytest.raises(ConflictError) as caught:
                await desk.ask(method, key=method, session=session)
            assert caught.value.why == f"question {question} is open"
        assert [q.id for q in desk.house.sessions.questions()] == [question]
        await desk.house.until_quiet(session)
        # with the same key, now that it may
        assert isinstance(await desk.ask("session.remove", key="session.remove", session=session), api.RemoveResult)

    receive(story, *SHELL, world=packing_world())


def test_a_removed_session_is_gone_everywhere_and_its_removal_is_answered_again() -> None:
    async def story(desk: Reception) -> None:
        session, other = await a_session(desk, "k1"), await a_session(desk, "k2")
        size = desk.house.store.size_of(session)
        result = await desk.ask("session.remove", key="r", session=session)
        assert result == api.RemoveResult(session, size)
        assert await desk.ask("session.remove", key="r", session=session) == result
        assert list(await rows(desk)) == [other]
        for method, more in (
            ("session.read", {}),
            ("session.items", {}),
            ("session.archive", {"key": "a"}),
            ("session.remove", {"key": "b"}),
        ):
            with pytest.raises(NotFoundError):
                await desk.ask(method, session=session, **more)
        assert [path for path in desk.house.world.files.paths() if session in path] == []

    receive(story, world=packing_world())


def test_what_made_a_removed_session_makes_it_no_second_time() -> None:
    async def story(desk: Reception) -> None:
        made = await desk.ask("session.create", key="c", cwd=WORKSPACE)
        started = await desk.ask("turn.start", key="t", prompt="hello", cwd=WORKSPACE)
        assert isinstance(made, sessions_api.CreateResult)
        second = str(started.session)  # type: ignore[attr-defined]
        await desk.house.until_quiet(second)
        for session in (made.session, second):
            await desk.ask("session.remove", key=session, session=session)
        with pytest.raises(NotFoundError, match="was removed"):
            await desk.ask("session.create", key="c", cwd=WORKSPACE)
        with pytest.raises(NotFoundError, match="was removed"):
            await desk.ask("turn.start", key="t", prompt="hello", cwd=WORKSPACE)
        assert (await rows(desk), desk.house.store.ids()) == ({}, [])

    receive(story, world=packing_world())


def test_a_removal_that_was_answered_takes_nothing_that_came_later() -> None:
    async def story(desk: Reception) -> None:
        session = await a_session(desk)
        store, files = desk.house.store, desk.house.world.files
        await desk.house.sessions.put_away(session)
        log = files.read(f"{store.folder(session)}/log.jsonl")
        result = await desk.ask("session.remove", key="r", session=session)
        files.make_folder(store.folder(session))  # the same session, taken in again from elsewhere
        files.write_atomic(f"{store.folder(session)}/log.jsonl", log)
        store.found(session)
        assert await desk.ask("session.remove", key="r", session=session) == result
        assert list(await rows(desk)) == [session]
        assert isinstance(await desk.ask("session.remove", key="s", session=session), api.RemoveResult)
        assert await rows(desk) == {}

    receive(story, world=packing_world())


def test_while_it_is_packed_nobody_opens_it() -> None:
    async def story(desk: Reception) -> None:
        session = await a_session(desk)
        work = desk.house.tasks.start("archive", desk.ask("session.archive", key="a", session=session))
        while desk.house.world.files.info(f"/home/state/packing/{session}") is None:
            await desk.house.world.clock.sleep(0)
        with pytest.raises(BusyError) as caught:
            await desk.house.sessions.start(session, "k2", "h", NewTurn("more"), PERSON)
        assert (caught.value.what, caught.value.retry_after_ms) == (f"session {session} is being archived", 200)
        assert not work.done()
        await work
        await desk.house.sessions.start(session, "k2", "h", NewTurn("more"), PERSON)
        await desk.house.until_quiet(session)
        assert (await rows(desk))[session].turns == 2

    receive(story, world=packing_world())


def test_retention_says_what_it_would_do_and_does_it_only_then() -> None:
    async def story(desk: Reception) -> None:
        old = await a_session(desk, "k1", "the old one")
        await desk.house.world.clock.sleep(40 * DAY)
        young = await a_session(desk, "k2", "the young one")
        size = desk.house.store.size_of(old)
        reason = "unchanged for 40 days; after 30 a session is archived"
        would = api.Retained(old, "archive", reason, size, "the old one")
        nothing = await desk.ask("session.retain", key="r")
        assert nothing == api.RetainResult((), True)
        plan = await desk.ask("session.retain", key="r", archive_after_days=30)
        assert plan == api.RetainResult((would,), True)
        assert not any(row.archived for row in (await rows(desk)).values())
        done = await desk.ask("session.retain", key="r", archive_after_days=30, dry_run=False)
        assert done == api.RetainResult((would,), False)
        assert {id: row.archived for id, row in (await rows(desk)).items()} == {old: True, young: False}
        assert await desk.ask("session.retain", key="r", archive_after_days=30, dry_run=False) == done
        gone = await desk.ask("session.retain", key="s", max_bytes=1, dry_run=False)
        assert isinstance(gone, api.RetainResult)
        assert [(one.session, one.action) for one in gone.actions] == [(old, "remove")]
        assert list(await rows(desk)) == [young]

    receive(story, world=packing_world())


def test_what_is_not_given_comes_from_the_settings() -> None:
    world = packing_world()
    world.files.write_atomic("/home/config/settings.toml", b"[sessions]\nremove_after_days = 20\n")

    async def story(desk: Reception) -> None:
        old = await a_session(desk)
        await desk.house.world.clock.sleep(21 * DAY)
        plan = await desk.ask("session.retain", key="r")
        assert isinstance(plan, api.RetainResult)
        assert [(one.session, one.action) for one in plan.actions] == [(old, "remove")]
        assert await desk.ask("session.retain", key="r", remove_after_days=0) == api.RetainResult((), True)

    receive(story, world=world)


@pytest.mark.parametrize("drop", [False, True])
@pytest.mark.parametrize("method", ["session.archive", "session.remove"])
def test_killed_at_any_call_the_same_key_brings_it_to_its_end(method: str, drop: bool) -> None:
    """The client sends its request again to the next daemon, and gets the answer that the first would have given."""

    async def once(world: FakeWorld, told: dict[str, object]) -> None:
        house = Household(world, ["fine"])
        await house.start()
        desk = Reception(house)
        session = str(told.setdefault("session", house.store.ids()[0] if house.store.ids() else ""))
        told["answer"] = await desk.ask(method, key="once", session=session)
        listed = await rows(desk)
        assert listed[session].archived if method == "session.archive" else listed == {}
        await house.sessions.stop()

    def lived_in() -> FakeWorld:
        world = packing_world()

        async def main() -> None:
            house = Household(world, ["fine"])
            await house.start()
            await a_session(Reception(house))
            await house.sessions.stop()

        world.run(main())
        return world

    counted = lived_in().restart()
    expected: dict[str, object] = {}
    counted.run(once(counted, expected))
    chosen = list(plans(counted.points.calls, ("crash_before", "crash_after")))
    assert len(chosen) > 20
    for plan in chosen[:: 1 if method == "session.remove" else 2]:
        world = lived_in().restart(plan=plan)
        told: dict[str, object] = {}
        with pytest.raises(Crash):
            world.run(once(world, told))
        told.setdefault("session", expected["session"])
        after = world.restart(drop_unsynced=drop)
        after.run(once(after, told))
        assert told["answer"] == expected["answer"], plan


def test_a_disk_that_is_full_leaves_everything_as_it_was() -> None:
    async def story(desk: Reception) -> None:
        session = await a_session(desk)
        files_now = desk.house.world.files
        await desk.house.sessions.put_away(session)
        files_now.disk.capacity = files_now.tree.used_bytes() + 100
        before = {path: data for path, data in files_now.paths().items() if "/sessions/" in path}
        with pytest.raises(AgentdError):
            await desk.ask("session.archive", key="a", session=session)
        assert {path: data for path, data in files_now.paths().items() if "/sessions/" in path} == before
        files_now.disk.capacity = None
        assert isinstance(await desk.ask("session.archive", key="a", session=session), api.ArchiveResult)

    receive(story, world=packing_world())


def test_an_unknown_session_is_named() -> None:
    async def story(desk: Reception) -> None:
        for method in ("session.archive", "session.remove"):
            for name in ("s0000000000000000", "nonsense"):
                with pytest.raises(NotFoundError):
                    await desk.ask(method, key=f"{method}{name}", session=name)

    receive(story, world=packing_world())
