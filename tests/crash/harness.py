"""Tell a story with a fault at one door call, restart until it is told to its end, and look what became of it.

After each: nothing acknowledged is lost, no effect is done twice, what is unknown is said to the model, open questions
kept their ids, every request was valid in all four forms (the model checks each), and the next turn runs without a
hand. Whatever is not so is a violation, in words.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

from agentd.errors import AgentdError
from agentd.session.asking import Answered, Asked
from agentd.session.entries import Begun, Done, Entry, Finished, Requested, Steered, durable
from agentd.session.store import SessionStore
from agentd.turn.intake import NewTurn
from agentd.turn.taking_back import TakenBack
from agentd.world.fake import FakeWorld
from agentd.world.faults import Crash, Fault, Plan, plans
from agentproto.content import ToolResultBlock
from crash.stories import STORIES, Story, Told, a_world, tell
from support.household import PERSON, WORKSPACE, Household, whole_log

Loss = Literal["kept", "dropped", "torn", "reordered"]
"""What becomes of bytes and names that were not synced: kept (kill -9), all dropped (a power cut), torn (each name and
each end of a file is there or not, or zeros), reordered (torn, and later sectors are there without earlier ones)."""

LOSSES: tuple[Loss, ...] = ("kept", "dropped", "torn", "reordered")
CRASHES: tuple[Fault, ...] = ("crash_before", "crash_after")
FAILURES: tuple[Fault, ...] = ("ENOSPC", "EIO", "EINTR", "short_write")
MOST_LIVES = 6


@dataclass(frozen=True)
class Point:
    """One fault at one call of one story, and what the restart after it finds. `seed` serves torn and reordered.

    `stays_up`: after a refusal the daemon starts anew on a machine that was not restarted, so that what could not be
    synced is in its cache alone, and goes when the power does at the end.
    """

    story: Story
    plan: Plan
    loss: Loss = "kept"
    seed: int = 1
    stays_up: bool = False

    @property
    def fault(self) -> Fault:
        return next(iter(self.plan.faults.values()))

    @property
    def dropped(self) -> bool | int:
        return {"kept": False, "dropped": True, "torn": self.seed, "reordered": self.seed}[self.loss]

    def __str__(self) -> str:
        return f"{self.story.name}: {self.plan.faults}, unsynced {self.loss} ({self.seed})"


@dataclass
class Tally:
    """How many points were tried of each story and kind, and what was wrong."""

    points: dict[tuple[str, str], int] = field(default_factory=dict)
    violations: dict[tuple[str, str], list[str]] = field(default_factory=dict)

    def add(self, point: Point, wrong: str | None) -> None:
        kind = f"{point.fault}, {point.loss}" if point.fault in CRASHES else point.fault
        key = (point.story.name, kind)
        self.points[key] = self.points.get(key, 0) + 1
        if wrong is not None:
            self.violations.setdefault(key, []).append(wrong)

    @property
    def wrong(self) -> list[str]:
        return [words for found in self.violations.values() for words in found]

    @property
    def count(self) -> int:
        return sum(self.points.values())


def calls_of(story: Story) -> list[Plan]:
    """A plan for each call of the story, told without any fault, and each fault that makes sense there."""
    world = a_world(story)
    world.run(tell(world, story, Told()))
    return list(plans(world.points.calls))


def all_points(story: Story, seeds: int) -> Iterator[Point]:
    """Every point of a story, crossed with every loss; torn and reordered with so many seeds."""
    for number, plan in enumerate(calls_of(story)):
        point = Point(story, plan)
        if point.fault not in CRASHES:
            yield point
            continue
        yield point
        yield Point(story, plan, "dropped")
        for loss in LOSSES[2:]:
            for seed in range(seeds):
                yield Point(story, plan, loss, 1_000 * number + seed + 1)


def some_points(story: Story) -> Iterator[Point]:
    """Each call once, before and after it and the four losses taking turns, and every sixth of the failing calls."""
    found = calls_of(story)
    crashes = [plan for plan in found if Point(story, plan).fault in CRASHES]
    failures = [plan for plan in found if Point(story, plan).fault not in CRASHES]
    turn = STORIES.index(story) if story in STORIES else 0
    # The two plans of a call are neighbours. After one call is as good as before the next.
    for call in range(len(crashes) // 2):
        loss = LOSSES[(turn + call // 2) % len(LOSSES)]
        yield Point(story, crashes[2 * call + call % 2], loss, call + 1)
    for plan in failures[turn % 6 :: 6]:
        yield Point(story, plan)


def run(points: Iterator[Point] | Sequence[Point], tally: Tally) -> None:
    """Try each point; nothing is raised, everything is counted."""
    for point in points:
        tally.add(point, tried(point))


def tried(point: Point, spoil: Callable[[FakeWorld], None] = lambda _: None) -> str | None:
    """What is wrong after this point, or None. `spoil` is done to each life's world: for tests of this harness."""
    try:
        world, told = live_through(point, spoil)
        check(point, world, told)
    except Exception as fault:  # noqa: BLE001 - whatever it is, this point showed it
        return f"{point}: {type(fault).__name__}: {fault}"
    return None


def live_through(point: Point, spoil: Callable[[FakeWorld], None] = lambda _: None) -> tuple[FakeWorld, Told]:
    """Tell the story until it is told; each crash or refusal is followed by a restart."""
    world, told = a_world(point.story, point.plan, reorders=point.loss == "reordered"), Told()
    why: BaseException | None = None
    for _ in range(MOST_LIVES):
        spoil(world)
        try:
            world.run(tell(world, point.story, told))
        except (Crash, AgentdError) as fault:
            why = fault
            if isinstance(fault, Crash) or not point.stays_up:
                world = world.restart(drop_unsynced=point.dropped)
        else:
            return world, told
    raise AssertionError(f"it needs a hand: {why!r}")


def check(point: Point, world: FakeWorld, told: Told) -> None:
    """The power goes once more after the story was told: all that was acknowledged has to be there."""
    story, may_fail = point.story, point.fault in ("ENOSPC", "EIO")
    world = world.restart(drop_unsynced=True)
    lines = whole_log(world, told.session)
    entries = [line.entry for line in lines]
    assert [line.seq for line in lines] == list(range(1, len(lines) + 1))
    by_number = {line.seq: line for line in lines}
    for life in told.lines():
        kept = [line for line in life if durable(line.entry)]
        lost = [line for line in kept if by_number.get(line.seq) != line]
        assert not lost, f"acknowledged entries were lost: {lost}"
    _check_turns(story, entries, told, may_fail)
    _check_effects(story, world, entries)
    _check_undone(story, world, told, may_fail)
    house = _one_more_turn(world, told.session)
    _check_unknown(entries, [*told.houses, house])


def _check_turns(story: Story, entries: Sequence[Entry], told: Told, may_fail: bool) -> None:
    requested = [entry.turn for entry in entries if isinstance(entry, Requested)]
    finished = {entry.turn: entry for entry in entries if isinstance(entry, Finished)}
    assert requested == [f"{told.session}.t{number + 1}" for number in range(len(story.stops))], requested
    assert len(finished) == sum(isinstance(entry, Finished) for entry in entries), "a turn has two ends"
    for turn, stops in zip(requested, story.stops, strict=True):
        end = finished[turn]
        if may_fail and end.stop == "error":
            assert end.error, f"an error without words: {end}"
            assert end.remedy, f"an error without a remedy: {end}"
        else:
            assert end.stop in stops, f"{turn} ended with {end.stop}: {end.error}"
    asked = [entry.question for entry in entries if isinstance(entry, Asked)]
    answered = [entry.question for entry in entries if isinstance(entry, Answered)]
    assert sorted(asked) == sorted(answered), f"asked {asked}, answered {answered}"
    assert told.questions <= set(asked), f"a question that was shown is not recorded: {told.questions} of {asked}"
    for act in story.acts:
        steered = [entry for entry in entries if isinstance(entry, Steered) and entry.key == act.key]
        assert len(steered) <= 1, f"it was steered twice: {steered}"


def _check_effects(story: Story, world: FakeWorld, entries: Sequence[Entry]) -> None:
    """`world.processes` is the remote that counts: what was started there stays done over all restarts."""
    done = [entry for entry in entries if isinstance(entry, Done)]
    outcomes = {entry.call: entry.status for entry in done}
    assert len(outcomes) == len(done), "a call has two outcomes"
    begun = [entry for entry in entries if isinstance(entry, Begun)]
    assert {entry.call for entry in begun} <= outcomes.keys(), "an effect has no outcome"
    started = [spawn.label for spawn in world.processes.table.started]
    assert set(started) <= {entry.call for entry in begun}, "something ran that was not recorded before"
    for call in {entry.call for entry in begun if entry.tool == "shell"}:
        assert started.count(call) <= 1, f"a command ran {started.count(call)} times"
        if outcomes[call] == "ok":
            assert started.count(call) == 1, "a command that never ran is told to have run"
        elif not started.count(call):
            assert outcomes[call] in ("unknown", "interrupted", "error"), (call, outcomes[call])
    store = SessionStore(world, "/home/data", "/home/state")
    for entry in done:
        if entry.blob is not None:
            whole = store.get_blob(entry.turn.partition(".")[0], entry.blob)
            assert story.output in whole, "what was cut from a result is not what is kept"
    for name, data in story.files.items():
        if any(entry.status == "ok" for entry in done if entry.tool in ("edit", "write")):
            assert world.files.read(f"{WORKSPACE}/{name}") == data, f"{name} is not what was told"


def _check_undone(story: Story, world: FakeWorld, told: Told, may_fail: bool) -> None:
    """Files are as before once the undo was acknowledged; where the disk failed, those that it says it restored."""
    back = told.acts.get("undo")
    if not isinstance(back, TakenBack):
        return
    found = {outcome.action for outcome in back.files}
    assert may_fail or found == {"restored", "removed"}, f"the undo did no more than this: {back.files}"
    for outcome in back.files:
        name = outcome.path.removeprefix(f"{WORKSPACE}/")
        path = f"{WORKSPACE}/{name}"
        if outcome.action == "kept" or (may_fail and outcome.reason):
            continue  # not done, or the disk would not say that it lasts
        data = world.files.read(path) if world.files.info(path) else None
        assert data == story.undone[name], f"{name} is {data!r} after the undo"


def _one_more_turn(world: FakeWorld, session: str) -> Household:
    """A session that takes no further turn needs a hand. What its model is asked is checked as every request is."""
    house = Household(world, ["here I am"], sends=True)

    async def again() -> None:
        await house.start()
        await house.sessions.start(session, "again", "h", NewTurn("are you there?"), PERSON)
        await house.until_quiet(session)
        await house.sessions.stop()

    world.run(again())
    assert not house.faults, house.faults
    stops = [line.entry.stop for line in house.heard.lines if isinstance(line.entry, Finished)]
    assert stops == ["end"], f"one more turn ended with {stops}"
    return house


def _check_unknown(entries: Sequence[Entry], houses: Sequence[Household]) -> None:
    """A call of unknown outcome is told to the model as that, in the last request at the latest."""
    unknown = {entry.call for entry in entries if isinstance(entry, Done) and entry.status == "unknown"}
    last = houses[-1].model.requests[-1]
    told = {
        block.call: block
        for message in last.messages
        for block in message.blocks
        if isinstance(block, ToolResultBlock) and block.status == "unknown"
    }
    assert told.keys() == unknown, f"unknown are {unknown}, the model was told of {told.keys()}"
    for block in told.values():
        assert "unknown" in block.text, block
