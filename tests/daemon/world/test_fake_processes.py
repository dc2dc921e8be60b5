"""Scripted children: how each run ends, what is counted, and what a dead daemon leaves."""

from __future__ import annotations

import asyncio

import pytest

from agentd.errors import BusyError, MissingProgramError, WorkerError
from agentd.world.doors import Exit, NoBox, Spawn
from agentd.world.fake import FakeWorld, fake_world
from agentd.world.fake_files import FakeFiles
from agentd.world.fake_processes import Script
from agentd.world.faults import Crash, Plan


def spawn(*argv: str, **changes: object) -> Spawn:
    settings: dict[str, object] = {"cwd": "/", "env": {"PATH": "/bin"}, "box": NoBox(), "timeout_ms": 1_000}
    return Spawn(argv=argv, **{**settings, **changes})  # type: ignore[arg-type]


def world_with(script: Script, plan: Plan | None = None) -> FakeWorld:
    world = fake_world(auto=True, plan=plan)
    world.processes.on("tool", does=script)
    return world


@pytest.mark.parametrize(
    ("script", "changes", "ended"),
    [
        (Script(b"o", b"e", 3, 20), {}, Exit(3, b"oe", b"", 20)),
        (Script(b"o", b"e"), {"merge_stderr": False}, Exit(0, b"o", b"e", 0)),
        (Script(b"o", takes_ms=2_000), {}, Exit(-15, b"o", b"", 1_000, "timeout")),
        (Script(b"12345"), {"output_limit": 3}, Exit(-15, b"123", b"", 0, "output_limit")),
        (Script(b"123", b"45"), {"output_limit": 4, "merge_stderr": False}, Exit(-15, b"123", b"4", 0, "output_limit")),
    ],
)
def test_a_run_ends_as_its_script_and_its_limits_say(script: Script, changes: dict[str, object], ended: Exit) -> None:
    world = world_with(script)
    assert world.run(world.processes.run(spawn("tool", **changes))) == ended


def test_the_longest_match_answers_and_strangers_are_missing() -> None:
    world = world_with(Script(b"any"))
    world.processes.on("/opt/tool", "status", does=Script(b"status"))

    async def story() -> list[bytes]:
        runs = [spawn("tool"), spawn("/usr/bin/tool", "status", "-s"), spawn("tool", "push")]
        outputs = [(await world.processes.run(run)).output for run in runs]
        with pytest.raises(MissingProgramError, match="other is not on the PATH"):
            await world.processes.run(spawn("other"))
        return outputs

    assert world.run(story()) == [b"any", b"status", b"any"]
    assert (world.processes.find("tool", ".:/bin"), world.processes.find("other", "/bin")) == ("/bin/tool", None)


def test_a_handler_has_its_effect_on_the_disk_when_it_starts() -> None:
    world = fake_world(auto=True)

    def commit(asked: Spawn, files: FakeFiles) -> Script:
        files.write_atomic("/commit", asked.stdin)
        return Script(takes_ms=10_000)

    world.processes.on("git", "commit", does=commit)
    ended = world.run(world.processes.run(spawn("git", "commit", stdin=b"text")))
    assert (ended.ended_by, world.files.read("/commit")) == ("timeout", b"text")


def test_output_is_heard_while_it_runs() -> None:
    world = world_with(Script(b"x", takes_ms=500))
    heard: list[tuple[bytes, int]] = []
    world.run(world.processes.run(spawn("tool"), lambda data: heard.append((data, world.clock.monotonic_ms()))))
    assert heard == [(b"x", 0)]


def test_cancelling_and_ending_all_stop_the_runs() -> None:
    world = world_with(Script(takes_ms=900))

    async def story() -> list[bool]:
        tasks = [asyncio.ensure_future(world.processes.run(spawn("tool", label=f"call-{n}"))) for n in range(3)]
        await asyncio.sleep(0)
        assert [run.label for run in world.processes.running()] == ["call-0", "call-1", "call-2"]
        tasks[0].cancel()
        await asyncio.wait(tasks[:1])
        await world.processes.end_all()
        assert world.processes.running() == []
        return [task.cancelled() for task in tasks]

    assert world.run(story()) == [True, True, True]


def test_an_effect_is_counted_over_restarts() -> None:
    world = world_with(Script(takes_ms=5), Plan({2: "crash_before"}))

    async def story() -> None:
        await world.processes.run(spawn("tool", label="key-1"))
        await world.processes.run(spawn("tool", label="key-2"))

    with pytest.raises(Crash):
        world.run(story())
    again = world.restart()
    again.run(again.processes.run(spawn("tool", label="key-1")))
    assert [again.processes.runs(label) for label in ("key-1", "key-2")] == [2, 0]


def test_what_a_dead_daemon_left_running_is_swept_once() -> None:
    world = world_with(Script(takes_ms=500), Plan({2: "crash_after"}))

    async def story() -> None:
        await asyncio.gather(world.processes.run(spawn("tool")), world.processes.run(spawn("tool")))

    with pytest.raises(Crash):
        world.run(story())
    again = world.restart()
    assert (again.processes.sweep(), again.processes.sweep()) == (2, 0)


def test_a_spawn_that_fails_had_no_effect() -> None:
    world = world_with(Script(), Plan({1: "EIO"}))
    with pytest.raises(BusyError, match="cannot start tool now"):
        world.run(world.processes.run(spawn("tool", label="key")))
    assert world.processes.runs("key") == 0


def test_jobs_are_functions_of_the_table() -> None:
    world = fake_world()

    def fail() -> None:
        raise KeyError("x")

    world.processes.on_job("double", lambda number: number * 2)
    world.processes.on_job("fail", fail)

    async def story() -> object:
        for name, why in (("none", "LookupError: there is no job 'none'"), ("fail", "KeyError: 'x'")):
            with pytest.raises(WorkerError, match=f"the job {name} failed") as caught:
                await world.processes.job(name, {}, 1_000)
            assert caught.value.why == why
        return await world.processes.job("double", {"number": 4}, 1_000)

    assert world.run(story()) == 8
