"""Taking back: messages before the model speaks, turns with their files, one call's files, and a revert itself."""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable, Sequence

import pytest

from agentd.errors import AgentdError, ConflictError, NotFoundError
from agentd.session.entries import Finished
from agentd.session.revisions import Reverted
from agentd.turn.intake import NewTurn
from agentd.turn.taking_back import Asking, TakenBack, TakingBack
from agentd.world.fake import FakeWorld, fake_world
from agentd.world.faults import Crash, Plan, plans
from agentproto.content import TextBlock
from support.household import PERSON, WORKSPACE, Household, Reply, ask, whole_log

A, NEW = f"{WORKSPACE}/a.txt", f"{WORKSPACE}/new.txt"
EDITS: tuple[Reply, ...] = (
    (("read", {"path": "a.txt"}),),
    (("edit", {"path": "a.txt", "old_string": "one", "new_string": "two"}),),
    (("write", {"path": "new.txt", "content": "made\n"}),),
    "done",
)


def asking(key: str = "u", **more: bool) -> Asking:
    return Asking(key, "h", PERSON, **more)


class Scene:
    """A household after its first turn, which edited `a.txt` and made `new.txt`."""

    def __init__(self, house: Household, session: str) -> None:
        self.house = house
        self.session = session
        self.back = TakingBack(house.parts, house.sessions)

    def file(self, path: str) -> bytes | None:
        files = self.house.world.files
        return files.read(path) if files.info(path) is not None else None

    async def turn(self, key: str, prompt: str = "again") -> None:
        await self.house.sessions.start(self.session, key, "h", NewTurn(prompt), PERSON)
        await self.house.until_quiet(self.session)

    async def undo(self, key: str = "u", call: str | None = None, redo: bool = False, **more: bool) -> TakenBack:
        return await self.back.undo(self.session, call, redo, asking(key, **more))

    async def prompts(self, key: str) -> list[str]:
        """What the model is given of the talk, in its next turn."""
        await self.turn(key, "what now?")
        request = self.house.model.requests[-1]
        return [b.text for m in request.messages if m.role == "user" for b in m.blocks if isinstance(b, TextBlock)]


Story = Callable[[Scene], Awaitable[None]]


def world_with_a_file(plan: Plan | None = None) -> FakeWorld:
    world = fake_world(seed=5, auto=True, plan=plan)
    world.files.make_folder(WORKSPACE)
    world.files.write_atomic(A, b"one\n", mode=0o755)
    return world


def tell(story: Story, replies: Sequence[Reply] = EDITS) -> FakeWorld:
    world = world_with_a_file()

    async def main() -> str:
        house = Household(world, replies)
        await house.start()
        session = await ask(house, "change it")
        await house.until_quiet(session)
        await story(Scene(house, session))
        assert house.faults == []
        await house.sessions.stop()
        return session

    whole_log(world, world.run(main()))
    return world


def outcome(taken: TakenBack) -> list[tuple[str, str]]:
    return [(one.path, one.action) for one in taken.files]


def test_an_undo_brings_every_file_back_byte_for_byte_and_the_turn_leaves_the_talk() -> None:
    async def story(scene: Scene) -> None:
        assert (scene.file(A), scene.file(NEW)) == (b"two\n", b"made\n")
        taken = await scene.undo()
        assert (scene.file(A), scene.file(NEW)) == (b"one\n", None)
        info = scene.house.world.files.info(A)
        assert info is not None
        assert info.mode == 0o755
        assert outcome(taken) == [(A, "restored"), (NEW, "removed")]
        assert (taken.turns, taken.prompt) == ((f"{scene.session}.t1",), "change it")
        assert await scene.prompts("k2") == ["what now?"]

    tell(story)


def test_an_undo_is_taken_back_and_then_taken_again() -> None:
    async def story(scene: Scene) -> None:
        await scene.undo("u1")
        again = await scene.undo("u2", redo=True)
        assert outcome(again) == [(A, "restored"), (NEW, "restored")]
        assert (scene.file(A), scene.file(NEW)) == (b"two\n", b"made\n")
        await scene.undo("u3")
        assert (scene.file(A), scene.file(NEW)) == (b"one\n", None)
        await scene.undo("u4", redo=True)
        assert await scene.prompts("k2") == ["change it", "what now?"]

    tell(story)


def test_a_file_that_somebody_else_changed_stops_the_whole_undo_and_is_named() -> None:
    async def story(scene: Scene) -> None:
        scene.house.world.files.write_atomic(A, b"mine\n")
        with pytest.raises(ConflictError) as refusal:
            await scene.undo("u1")
        assert refusal.value.what == f"nothing was taken back: {A} (somebody else changed it since)"
        assert (scene.file(A), scene.file(NEW)) == (b"mine\n", b"made\n")
        taken = await scene.undo("u2", skip_changed=True)
        assert outcome(taken) == [(A, "kept"), (NEW, "removed")]
        assert (scene.file(A), scene.file(NEW)) == (b"mine\n", None)

    tell(story)


def test_what_somebody_wrote_between_two_turns_is_where_a_rewind_goes_back_to() -> None:
    replies: tuple[Reply, ...] = (
        (("read", {"path": "a.txt"}),),
        (("write", {"path": "a.txt", "content": "model\n"}),),
        "done",
    )

    async def story(scene: Scene) -> None:
        scene.house.world.files.write_atomic(A, b"a person's\n")
        await scene.turn("k2")
        assert scene.file(A) == b"model\n"
        taken = await scene.back.rewind(scene.session, None, asking())
        assert taken.turns == (f"{scene.session}.t1", f"{scene.session}.t2")
        assert scene.file(A) == b"a person's\n"

    tell(story, replies)


def test_one_calls_files_are_taken_back_and_the_model_is_told() -> None:
    async def story(scene: Scene) -> None:
        taken = await scene.undo(call=f"{scene.session}.t1.2.1")
        assert (outcome(taken), taken.turns) == ([(A, "restored")], ())
        assert (scene.file(A), scene.file(NEW)) == (b"one\n", b"made\n")
        said = await scene.prompts("k2")
        assert (said[0], said[-1], A in said[1]) == ("change it", "what now?", True)
        await scene.undo("u2")
        await scene.undo("u3")
        assert (scene.file(A), scene.file(NEW)) == (b"one\n", None)

    tell(story)


def test_files_may_be_kept_and_a_dry_run_changes_nothing() -> None:
    async def story(scene: Scene) -> None:
        before = scene.house.sessions.loaded()[scene.session].state
        foreseen = await scene.undo("u1", dry_run=True)
        assert (foreseen.seq, outcome(foreseen)) == (0, [(A, "restored"), (NEW, "removed")])
        assert scene.house.sessions.loaded()[scene.session].state == before
        assert outcome(await scene.undo("u2", keep_files=True)) == []
        assert (scene.file(A), scene.file(NEW)) == (b"two\n", b"made\n")
        assert await scene.prompts("k2") == ["what now?"]

    tell(story)


def test_a_restored_file_has_to_be_read_again_before_it_is_changed() -> None:
    async def story(scene: Scene) -> None:
        await scene.undo()
        assert A not in scene.house.sessions.loaded()[scene.session].state.read_hashes

    tell(story)


def test_sent_again_an_undo_answers_the_same_and_takes_back_no_more() -> None:
    async def story(scene: Scene) -> None:
        await scene.turn("k2")
        first = await scene.undo("u")
        assert await scene.undo("u") == first
        assert scene.house.sessions.loaded()[scene.session].state.finished == (f"{scene.session}.t1",)

    tell(story)


def test_a_rewind_goes_to_a_turn_that_is_there_and_to_no_other() -> None:
    async def story(scene: Scene) -> None:
        await scene.turn("k2", "second")
        await scene.turn("k3", "third")
        first = f"{scene.session}.t1"
        taken = await scene.back.rewind(scene.session, first, asking())
        assert (taken.turns, taken.prompt) == ((f"{scene.session}.t2", f"{scene.session}.t3"), "second")
        with pytest.raises(NotFoundError):
            await scene.back.rewind(scene.session, f"{scene.session}.t3", asking("u2"))
        assert await scene.prompts("k4") == ["change it", "what now?"]

    tell(story)


def test_nothing_is_taken_back_while_a_turn_is_open_and_nothing_where_there_is_nothing() -> None:
    async def story(scene: Scene) -> None:
        await scene.house.sessions.start(scene.session, "k2", "h", NewTurn("more"), PERSON)
        with pytest.raises(ConflictError, match="a turn is open"):
            await scene.undo("u1")
        await scene.house.until_quiet(scene.session)
        for number in range(2):
            await scene.undo(f"v{number}")
        with pytest.raises(ConflictError, match="no turn to take back"):
            await scene.undo("u2")
        with pytest.raises(NotFoundError, match="there is no call"):
            await scene.undo("u3", call="nonsense")

    tell(story)


def test_a_new_turn_settles_what_was_taken_back() -> None:
    async def story(scene: Scene) -> None:
        await scene.undo("u1")
        await scene.turn("k2")
        with pytest.raises(ConflictError, match="nothing to bring back"):
            await scene.undo("u2", redo=True)

    tell(story)


def test_a_link_in_the_way_is_not_followed() -> None:
    async def story(scene: Scene) -> None:
        files = scene.house.world.files
        files.write_atomic("/elsewhere.txt", b"two\n")
        files.remove(A)
        files.add_link(A, "/elsewhere.txt")
        taken = await scene.undo()
        (first, *_) = taken.files
        assert (first.path, first.action, first.reason) == (A, "kept", "it can't be read")
        assert scene.file("/elsewhere.txt") == b"two\n"

    tell(story)


def slow(world: FakeWorld, *words: str) -> Household:
    return Household(world, (" ".join(words),), slow_ms=100)


def test_a_message_that_is_withdrawn_before_the_first_token_leaves_no_trace_in_the_talk() -> None:
    world = world_with_a_file()

    async def main() -> str:
        house = slow(world, "one", "two")
        await house.start()
        session = await ask(house, "oops")
        back = TakingBack(house.parts, house.sessions)
        turn, seq, prompt = await back.withdraw(session, None, "w", "h", PERSON)
        assert (turn, prompt) == (f"{session}.t1", "oops")
        assert await back.withdraw(session, None, "w", "h", PERSON) == (turn, seq, prompt)
        await house.until_quiet(session)
        scene = Scene(house, session)
        assert await scene.prompts("k2") == ["what now?"]
        await house.sessions.stop()
        return session

    entries = [line.entry for line in whole_log(world, world.run(main()))]
    assert [entry.stop for entry in entries if isinstance(entry, Finished)] == ["withdrawn", "end"]


def test_a_message_that_waits_can_be_withdrawn_and_one_that_is_being_answered_cannot() -> None:
    world = world_with_a_file()

    async def main() -> str:
        house = slow(world, "one", "two", "three")
        await house.start()
        session = await ask(house, "first")
        await house.sessions.start(session, "k2", "h", NewTurn("second"), PERSON)
        await world.clock.sleep(250)
        back = TakingBack(house.parts, house.sessions)
        with pytest.raises(ConflictError, match="can't be taken back any more"):
            await back.withdraw(session, f"{session}.t1", "w1", "h", PERSON)
        assert (await back.withdraw(session, None, "w2", "h", PERSON))[2] == "second"
        await house.until_quiet(session)
        with pytest.raises(ConflictError, match="no message to take back"):
            await back.withdraw(session, None, "w3", "h", PERSON)
        assert len(house.model.requests) == 1
        await house.sessions.stop()
        return session

    entries = [line.entry for line in whole_log(world, world.run(main()))]
    ends = [(entry.turn[-2:], entry.stop) for entry in entries if isinstance(entry, Finished)]
    assert ends == [("t2", "withdrawn"), ("t1", "end")]


def test_wherever_a_crash_comes_an_undo_that_is_asked_again_is_done_once_and_whole() -> None:
    calls: list[int] = []
    sessions: list[str] = []

    async def life(world: FakeWorld) -> None:
        house = Household(world, EDITS)
        await house.start()
        session = await ask(house, "change it")
        await house.until_quiet(session)
        sessions.append(session)
        calls.append(len(world.points.calls))
        await Scene(house, session).undo()
        calls.append(len(world.points.calls))
        await house.sessions.stop()

    world = world_with_a_file()
    world.run(life(world))
    first, last = calls[:2]
    tried = 0
    for plan in plans(world.points.calls[first:last], ("crash_before", "ENOSPC", "EIO")):
        tried += 1
        world = world_with_a_file(plan)
        with contextlib.suppress(Crash, AgentdError):
            world.run(life(world))
        lives = 0
        while lives < 3:  # a full disk leaves files as they were and says so; a redo and a new undo are for a person
            lives += 1
            world = world.restart(drop_unsynced=True)
            with contextlib.suppress(AgentdError):
                world.run(life(world))
                break
        world = world.restart()
        entries = [line.entry for line in whole_log(world, sessions[-1])]
        (outcome,) = [entry for entry in entries if isinstance(entry, Reverted)]
        there = {path: world.files.info(path) and world.files.read(path) for path in (A, NEW)}
        for one in outcome.files:
            if one.action != "kept" and one.reason:
                continue  # done, but the disk would not say that it would last
            wanted = {A: b"one\n", NEW: None} if one.action != "kept" else {A: b"two\n", NEW: b"made\n"}
            assert there[one.path] == wanted[one.path], (plan, outcome)
    assert tried > 40
