"""Recorded turns that a daemon is killed in: what the model says, what the client does, and one life of the telling.

The client is one that lost its connection: in each life it sends everything again with the same keys and must get the
first answer, and it remembers what it was told (`Told`). To add a story, add a row to STORIES; what a client does
beside asking is an `Act` with a time and a key of its own.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from agentd.chain.frame import Line
from agentd.errors import BusyError, ConflictError
from agentd.session.entries import Entry
from agentd.turn.intake import NewTurn
from agentd.turn.runner import Runner
from agentd.turn.taking_back import Asking, TakingBack
from agentd.world.doors import Spawn
from agentd.world.fake import FakeWorld, fake_world
from agentd.world.fake_files import FakeFiles
from agentd.world.fake_http import Answer
from agentd.world.fake_processes import Script
from agentd.world.faults import Plan
from support.household import PERSON, WORKSPACE, Cut, Household, Reply, ask

PROMPT = "do it"
UNKNOWN = "unknown outcome"
"""The gate of a question about a call that was begun when the daemon died."""


@dataclass(frozen=True)
class Act:
    """What the client does `at_ms` after it asked: `do(house, session, key)`; its answer must stay the same for ever."""

    at_ms: int
    key: str
    do: Callable[[Household, str, str], Awaitable[object]]


@dataclass(frozen=True)
class Story:
    """`files`: what must be in the workspace when the call that wrote it says ok; `undone`: what
    must be there after the undo (None: no file). `stops`: how each turn may end when no
    call of the disk failed. `denies`: the person says no."""

    name: str
    replies: Sequence[Reply]
    acts: tuple[Act, ...] = ()
    slow_ms: int = 0
    takes_ms: int = 0
    output: bytes = b"pushed\n"
    files: dict[str, bytes] = field(default_factory=dict)
    undone: dict[str, bytes | None] = field(default_factory=dict)
    stops: tuple[tuple[str, ...], ...] = (("end",),)
    denies: bool = False


async def _interrupt(house: Household, session: str, key: str) -> object:
    return await house.sessions.interrupt(session, key, "h", "enough", PERSON)


async def _steer(house: Household, session: str, key: str) -> object:
    return await house.sessions.steer(session, key, "h", f"rather so ({key})", PERSON)


async def _withdraw(house: Household, session: str, key: str) -> object:
    return await TakingBack(house.parts, house.sessions).withdraw(session, f"{session}.t1", key, "h", PERSON)


async def _undo(house: Household, session: str, key: str) -> object:
    return await TakingBack(house.parts, house.sessions).undo(session, None, False, Asking(key, "h", PERSON))


async def _ask_more(house: Household, session: str, key: str) -> object:
    return await house.sessions.start(session, key, "h", NewTurn(f"then this ({key})"), PERSON)


READ = ("read", {"path": "a.txt"})
PUSH = ("shell", {"command": "make push"})
WRITES = (
    ("write", {"path": "a.txt", "content": "other\n"}),
    ("write", {"path": "new/c.txt", "content": "fresh\n"}),
)
STOPPED = ("interrupted", "end")
STORIES = (
    Story("text", ["a plain answer of some words"]),
    Story("parallel reads", [(READ, ("read", {"path": "b.txt"})), "both read"]),
    Story(
        "edit",
        [(READ,), (("edit", {"path": "a.txt", "old_string": "one", "new_string": "uno"}),), "edited"],
        files={"a.txt": b"uno\n"},
    ),
    Story(
        "write", [(("write", {"path": "new/c.txt", "content": "fresh\n"}),), "written"], files={"new/c.txt": b"fresh\n"}
    ),
    Story("shell, approved", [(PUSH,), "pushed"]),
    Story("shell, denied", [(PUSH,), "not pushed"], denies=True),
    Story("two shells and a read", [(PUSH, READ, ("shell", {"command": "make tag"})), "all done"], takes_ms=50),
    Story("long output", [(PUSH,), "read"], output=b"one more line\n" * 8_000),
    Story(
        "interrupted stream",
        ["words that take their time to come out"],
        (Act(350, "stop", _interrupt),),
        slow_ms=100,
        stops=(STOPPED,),
    ),
    Story("interrupted shell", [(PUSH,), "pushed"], (Act(200, "stop", _interrupt),), takes_ms=1_000, stops=(STOPPED,)),
    Story("steered", [(READ,), "as you say"], (Act(20, "s1", _steer), Act(50, "s2", _steer)), slow_ms=30),
    Story(
        "withdrawn",
        ["words that take their time"],
        (Act(20, "w", _withdraw),),
        slow_ms=100,
        stops=(("withdrawn", "end"),),
    ),
    Story(
        "undone",
        [(READ,), WRITES, "done"],
        (Act(0, "undo", _undo),),
        undone={"a.txt": b"one\n", "new/c.txt": None},
    ),
    Story("cut answer", [(READ,), Cut("half of what"), Cut("there is"), "to say"], slow_ms=20),
    Story("two queued", ["one two three"], (Act(20, "k2", _ask_more),), slow_ms=30, stops=(("end",), ("end",))),
)


def a_world(story: Story, plan: Plan | None = None, *, reorders: bool = False) -> FakeWorld:
    """The machine as it is before the story; its first call has the number 1."""
    world = fake_world(seed=7, auto=True)
    world.files.add_file(f"{WORKSPACE}/a.txt", b"one\n")
    world.files.add_file(f"{WORKSPACE}/b.txt", b"two\n")

    def push(spawn: Spawn, files: FakeFiles) -> Script:
        return Script(output=story.output, takes_ms=story.takes_ms)

    world.processes.on("bash", does=push)
    world.http.on(lambda request: Answer())
    world.files.disk.reorders = reorders
    return world.restart(plan=plan)


@dataclass
class Told:
    """What the client was told is so, over all lives of the daemon."""

    session: str = ""
    turn: str = ""
    questions: set[str] = field(default_factory=set)
    answers: dict[str, str] = field(default_factory=dict)
    acts: dict[str, object] = field(default_factory=dict)
    refused: set[str] = field(default_factory=set)
    houses: list[Household] = field(default_factory=list)

    def lines(self) -> list[list[Line[Entry]]]:
        """What was published in each life."""
        return [house.heard.lines for house in self.houses]


async def tell(world: FakeWorld, story: Story, told: Told) -> None:
    """One life: the client begins the story anew with its keys and goes on until everything has ended."""
    house = Household(world, story.replies, slow_ms=story.slow_ms, partial_bytes=8, sends=True)
    told.houses.append(house)
    await house.start()
    if told.session:
        _still_known(house, await house.sessions.get(told.session), told)
    session = await ask(house, PROMPT, "k1")
    assert told.session in ("", session), f"asked again with its key, {told.session} became {session}"
    told.session, told.turn = session, f"{session}.t1"
    began = world.clock.monotonic_ms()
    for act in story.acts:
        await world.clock.sleep(max(0, began + act.at_ms - world.clock.monotonic_ms()))
        await _perform(house, act, told)
    await _until_quiet(house, story, told)
    for act in story.acts:
        await _perform(house, act, told)
    assert not house.faults, house.faults
    await house.sessions.stop()


def _still_known(house: Household, runner: Runner, told: Told) -> None:
    """At the beginning of a life: nothing that the client was told is gone."""
    assert any(record.made == told.turn for record in runner.state.keys.values()), "an accepted turn was lost"
    open_now = {question.id for question in house.sessions.questions()}
    for question in told.questions - told.answers.keys():
        assert question in open_now or question in runner.state.answers, f"the open question {question} was lost"
    decided = {question: runner.state.answers[question].decision for question in told.answers}
    assert decided == told.answers, f"an accepted answer was lost: {decided}"


async def _perform(house: Household, act: Act, told: Told) -> None:
    try:
        answer = await act.do(house, told.session, act.key)
    except ConflictError:
        assert act.key not in told.acts, f"what {act.key} did was accepted and is not known any more"
        told.refused.add(act.key)  # it came too late: the turn had ended
        return
    assert told.acts.get(act.key, answer) == answer, f"{act.key}, sent again, is answered {answer}"
    told.acts[act.key] = answer


async def _until_quiet(house: Household, story: Story, told: Told) -> None:
    runner = await house.sessions.get(told.session)
    for _ in range(4_000):
        if runner.log.problem is not None:
            raise runner.log.problem
        if not runner.busy:
            return
        for question in house.sessions.questions():
            told.questions.add(question.id)
            decision = "deny" if story.denies or UNKNOWN in question.gates else "approve"
            try:
                await house.sessions.answer(question.id, f"key-{question.id}", "h", decision, "once", "no", PERSON)
            except (ConflictError, BusyError):
                continue
            told.answers[question.id] = decision
        await house.world.clock.sleep(10)
    raise AssertionError(f"the turn never ended: {runner.state.turn}")
