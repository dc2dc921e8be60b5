"""Kill the daemon before and after every door call of recorded turns, fail every call, lose what was not synced.

After each: nothing acknowledged is lost, no effect is done twice, what is unknown is said, open questions are alive
with their ids, every request to the model was valid (the model checks each), and no hand was needed. The stories are
told by a client that sends the same keys again, as one that lost its connection does.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest

from agentd.errors import AgentdError
from agentd.session.entries import Answered, Asked, Begun, Done, Entry, Finished, Requested
from agentd.world.doors import Spawn
from agentd.world.fake import FakeWorld, fake_world
from agentd.world.fake_files import FakeFiles
from agentd.world.fake_processes import Script
from agentd.world.faults import Crash, Fault, Plan, plans
from support.household import WORKSPACE, Household, Reply, ask, whole_log

CRASHES: tuple[Fault, ...] = ("crash_before", "crash_after")


@dataclass(frozen=True)
class Story:
    """What the model replies, and what must be true of the world at the end. `interrupt`: after so many ms."""

    name: str
    replies: Sequence[Reply]
    slow_ms: int = 0
    interrupt_ms: int = 0
    files: dict[str, bytes] = field(default_factory=dict)


READ = ("read", {"path": "a.txt"})
STORIES = (
    Story("text", ["a plain answer of some words"]),
    Story("reads", [(READ, ("read", {"path": "b.txt"})), "both read"]),
    Story(
        "edit",
        [(READ,), (("edit", {"path": "a.txt", "old_string": "one", "new_string": "uno"}),), "edited"],
        files={"a.txt": b"uno\n"},
    ),
    Story(
        "write", [(("write", {"path": "new/c.txt", "content": "fresh\n"}),), "written"], files={"new/c.txt": b"fresh\n"}
    ),
    Story("shell", [(("shell", {"command": "make push"}),), "pushed"]),
    Story("interrupted", ["words that take their time to come out"], slow_ms=100, interrupt_ms=350),
)


def a_world(plan: Plan | None = None) -> FakeWorld:
    world = fake_world(seed=7, auto=True)
    world.files.make_folder(WORKSPACE)
    world.files.write_atomic(f"{WORKSPACE}/a.txt", b"one\n")
    world.files.write_atomic(f"{WORKSPACE}/b.txt", b"two\n")

    def push(spawn: Spawn, files: FakeFiles) -> Script:
        return Script(output=b"pushed\n")

    world.processes.on("bash", does=push)
    return world.restart(plan=plan)


@dataclass
class Told:
    """What the client was told is done, over all lives of the daemon."""

    session: str = ""
    turn: str = ""
    questions: set[str] = field(default_factory=set)
    answers: set[str] = field(default_factory=set)


async def tell(world: FakeWorld, story: Story, told: Told) -> None:
    """One life: the client begins the story anew with its keys and goes on until the turn has ended."""
    house = Household(world, story.replies, slow_ms=story.slow_ms, partial_bytes=8)
    await house.start()
    if told.session:
        runner = await house.sessions.get(told.session)
        assert any(record.made == told.turn for record in runner.state.keys.values()), "an accepted turn was lost"
        open_now = {question.id for question in house.sessions.questions()}
        for question in told.questions - told.answers:
            decided = question in runner.state.answers
            assert question in open_now or decided, f"the open question {question} was lost"
        for question in told.answers:
            assert runner.state.answers[question].decision == "approve", "an accepted answer was lost"
    session = await ask(house, "do it", "k1")
    told.session, told.turn = session, f"{session}.t1"
    if story.interrupt_ms:
        await world.clock.sleep(story.interrupt_ms)
        runner = await house.sessions.get(session)
        await house.sessions.interrupt(session, "stop", "h", "enough", runner.state.actor)

    def approve(question: str) -> bool:
        told.questions.add(question)
        return True

    await house.until_quiet(session, approve)
    for question in told.questions:
        told.answers.add(question)
    assert not house.faults, house.faults
    await house.sessions.stop()


def live_through(story: Story, plan: Plan, drop: bool | int) -> tuple[FakeWorld, Told, int]:
    """Tell the story until it is told; each crash or refusal is followed by a restart. How many lives it took."""
    world, told, lives = a_world(plan), Told(), 1
    while True:
        try:
            world.run(tell(world, story, told))
        except (Crash, AgentdError):
            pass
        else:
            return world, told, lives
        lives += 1
        assert lives < 6, "it never ends"
        world = world.restart(drop_unsynced=drop)


def check(story: Story, world: FakeWorld, told: Told, where: str, may_fail: bool) -> None:
    world = world.restart()
    lines = whole_log(world, told.session)
    entries = [line.entry for line in lines]
    assert [line.seq for line in lines] == list(range(1, len(lines) + 1)), where
    assert len([e for e in entries if isinstance(e, Requested)]) == 1, where
    finished = [e for e in entries if isinstance(e, Finished)]
    assert len(finished) == 1, where
    if may_fail and finished[0].stop == "error":
        assert finished[0].error, where
        assert finished[0].remedy, where
    elif story.interrupt_ms == 0:
        assert finished[0].stop == "end", (where, finished[0])
    asked = [e.question for e in entries if isinstance(e, Asked)]
    answered = [e.question for e in entries if isinstance(e, Answered)]
    assert sorted(asked) == sorted(answered), where
    _check_effects(story, world, entries, where)


def _check_effects(story: Story, world: FakeWorld, entries: Sequence[Entry], where: str) -> None:
    done = [e for e in entries if isinstance(e, Done)]
    assert len({e.call for e in done}) == len(done), f"{where}: a call has two outcomes"
    begun = [e for e in entries if isinstance(e, Begun)]
    assert {e.call for e in begun} <= {e.call for e in done}, f"{where}: an effect has no outcome"
    for call in {e.call for e in begun if e.tool == "shell"}:
        runs = world.processes.runs(call)
        outcome = next(e.status for e in done if e.call == call)
        assert runs <= 1, f"{where}: a command ran {runs} times"
        assert outcome in ("ok", "unknown") if runs else outcome == "unknown", (where, outcome, runs)
    for name, data in story.files.items():
        outcome = next((e.status for e in done if e.tool in ("edit", "write")), "none")
        if outcome == "ok":
            assert world.files.read(f"{WORKSPACE}/{name}") == data, where


def points(story: Story, only: Sequence[Fault] | None) -> list[Plan]:
    world = a_world()
    world.run(tell(world, story, Told()))
    return list(plans(world.points.calls, only))


FULL = os.environ.get("AGENTD_TEST_FULL") == "1"


def run_all(story: Story, only: Sequence[Fault] | None, drop: bool | int, every: int) -> int:
    chosen = points(story, only)[::every]
    for plan in chosen:
        where = f"{story.name}: {plan.faults}, unsynced {'dropped' if drop is True else drop}"
        world, told, _ = live_through(story, plan, drop)
        check(story, world, told, where, may_fail=only is not CRASHES)
    return len(chosen)


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.name)
def test_killed_at_any_call_the_story_is_told_to_its_end(story: Story) -> None:
    assert run_all(story, CRASHES, False, 1) > 50


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.name)
def test_at_a_power_cut_nothing_acknowledged_is_lost(story: Story) -> None:
    assert run_all(story, CRASHES, True, 1 if FULL else 2) > 25


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.name)
def test_any_part_of_what_was_not_synced_may_be_there(story: Story) -> None:
    count = 0
    for seed in range(8 if FULL else 1):
        count += run_all(story, CRASHES, seed + 11, 1 if FULL else 3)
    assert count > 15


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.name)
def test_any_call_may_fail(story: Story) -> None:
    assert run_all(story, ("ENOSPC", "EIO", "EINTR", "short_write"), False, 1 if FULL else 2) > 50
