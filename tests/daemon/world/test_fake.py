"""The whole fake world: stories in it, deaths in any task, and a small crash harness over every one of its calls."""

from __future__ import annotations

import asyncio

import pytest

from agentd.errors import AgentdError
from agentd.world.doors import HttpRequest, NoBox, Spawn
from agentd.world.fake import FakeWorld, fake_world
from agentd.world.fake_http import Answer
from agentd.world.fake_processes import Script
from agentd.world.faults import Crash, Plan, plans
from agentd.world.tasks import Tasks

TOOL = Spawn(argv=("tool",), cwd="/", env={}, box=NoBox(), timeout_ms=1_000, label="key")


def fresh(plan: Plan | None = None) -> FakeWorld:
    world = fake_world(auto=True, plan=plan)
    world.processes.on("tool", does=Script(b"done", takes_ms=10))
    world.http.on(lambda _: Answer(parts=(b"yes",)))
    return world


async def workflow(world: FakeWorld) -> None:
    """Ask, then run a tool exactly once: intent, effect, outcome, each recorded before the next. What began and did not
    end is recorded as unknown instead of being run again."""
    log = world.files.open_append("/log", create=True)
    text = log.read(0, log.size())
    torn = len(text) - len(text.rpartition(b"\n")[2])
    if torn < len(text):
        log.truncate(torn)
    lines = text[:torn].split()
    if b"intent" not in lines:
        async with world.http.send(HttpRequest("GET", "http://model")) as response:
            await response.read()
        await world.journal.append(log, b"intent\n", sync=True)
        ended = await world.processes.run(TOOL)
        await world.journal.append(log, ended.output + b"\n", sync=True)
    elif len(lines) == 1:
        await world.journal.append(log, b"unknown\n", sync=True)


def test_results_and_errors_of_a_story_come_out() -> None:
    async def seven() -> int:
        return 7

    async def fail() -> None:
        raise ValueError("mine")

    assert fake_world().run(seven()) == 7
    with pytest.raises(ValueError, match="mine"):
        fake_world().run(fail())


def test_a_death_in_any_task_ends_the_story() -> None:
    world = fake_world(auto=True, plan=Plan({1: "crash_before"}))
    reports: list[str] = []
    said: list[str] = []

    async def background() -> None:
        await world.clock.sleep(5)
        world.files.write_atomic("/a", b"x")

    async def story() -> None:
        tasks = Tasks(lambda name, error: reports.append(f"{name}: {type(error).__name__}"))
        tasks.start("background", background())
        try:
            await world.clock.sleep(1_000)
        finally:
            try:
                world.files.write_atomic("/b", b"tidied")
            except Exception as error:  # noqa: BLE001 - the point is that it catches nothing
                said.append(f"survived {error!r}")

    with pytest.raises(Crash, match=r"files\.create"):
        world.run(story())
    assert (reports, said, world.clock.monotonic_ms()) == (["background: Crash"], [], 5)
    assert world.restart().files.paths() == {}


def test_a_restart_keeps_time_programs_and_network() -> None:
    world = fresh()
    world.run(workflow(world))
    again = world.restart(drop_unsynced=True)
    assert (again.clock.now_ms(), again.processes.runs("key")) == (world.clock.now_ms(), 1)
    assert len(again.http.network.sent) == 1
    assert again.files.paths() == {"/log": b"intent\ndone\n"}
    assert again.calls == []
    assert again.ids.token(8) != fake_world().ids.token(8)


def test_the_calls_of_a_story_can_be_listed() -> None:
    world = fresh()
    world.run(workflow(world))
    assert world.calls == [
        *("files.open", "files.create", "files.sync", "files.sync_folder", "files.read"),
        *("http.send", "files.write", "files.sync", "processes.spawn", "files.write", "files.sync"),
    ]


@pytest.mark.parametrize("drop_unsynced", [True, False, 11, 12, 13])
def test_every_fault_at_every_call_leaves_a_workflow_that_ends_and_never_runs_twice(drop_unsynced: bool | int) -> None:
    world = fresh()
    world.run(workflow(world))
    seen: dict[str, int] = {}
    for plan in plans(world.points.calls):
        broken = fresh(plan)
        try:
            broken.run(workflow(broken))
        except (Crash, AgentdError):
            pass
        again = broken.restart(drop_unsynced=drop_unsynced)
        again.run(workflow(again))
        content = again.files.read("/log").decode()
        runs = again.processes.runs("key")
        assert content in ("intent\ndone\n", "intent\nunknown\n"), plan
        assert runs == 1 or (runs == 0 and "unknown" in content), plan
        seen[content] = seen.get(content, 0) + 1
    assert set(seen) == {"intent\ndone\n", "intent\nunknown\n"}


def test_stories_do_not_share_anything() -> None:
    one, two = fake_world(), fake_world()
    one.files.write_atomic("/a", b"x")
    assert (two.files.paths(), two.calls) == ({}, [])


def test_it_is_a_world_like_the_real_one_in_any_loop() -> None:
    world = fresh()
    world.clock.auto = False

    async def story() -> bytes:
        task = asyncio.ensure_future(world.processes.run(TOOL))
        await world.clock.advance(10)
        return (await task).output

    assert asyncio.run(story()) == b"done"
