"""Taking back at the worst moments: what else was under way, what a crash hid, what the disk would not say."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest

from agentd.context.budget import Window
from agentd.errors import AgentdError, ConflictError
from agentd.server.handling import body_hash
from agentd.session.compactions import Compacted
from agentd.session.entries import Begun, Done, Entry, Judged
from agentd.session.revisions import FileOutcome, FileStep, Reverted, Reverting
from agentd.session.store import SessionStore
from agentd.session.workflow import workflow
from agentd.turn.forking import Forking
from agentd.turn.intake import NewTurn
from agentd.turn.parts import ModelChoice
from agentd.turn.restoring import restore
from agentd.turn.reverting import CANT_READ, Write, plan
from agentd.turn.sessions import Sessions
from agentd.turn.taking_back import Asking, TakingBack
from agentd.world.fake import FakeWorld
from agentd.world.fake_processes import FakeProcesses, Script
from agentd.world.faults import Call, Crash, Fault, Plan
from agentproto.api.turn import WithdrawParams
from agentproto.content import ToolResultBlock
from agentproto.revisions import UndoParams
from daemon.turn.test_taking_back import EDITS, NEW, A, Scene, asking, outcome, tell, world_with_a_file
from support.daemon import RealDaemon, real_daemon, repository
from support.household import PERSON, WORKSPACE, Household, Reply, ask, whole_log
from support.waiting import until

ONE, TWO = hashlib.sha256(b"one\n").hexdigest(), hashlib.sha256(b"two\n").hexdigest()
OTHER = f"{WORKSPACE}/other.txt"


def always(digest: str) -> bool:
    return True


# -- an outcome that was not recorded by the tool itself -------------------------------------------------------------


async def edited(world: FakeWorld, undo: bool) -> tuple[bytes | None, bytes | None]:
    house = Household(world, EDITS)
    await house.start()
    session = await ask(house, "change it")
    await house.until_quiet(session)
    scene = Scene(house, session)
    if undo:
        await scene.undo()
    await house.sessions.stop()
    return scene.file(A), scene.file(NEW)


def where(wanted: Callable[[Call], bool]) -> int:
    """The number of the last door call of an undisturbed story that is `wanted`."""
    world = world_with_a_file()
    world.run(edited(world, undo=False))
    return max(call.number for call in world.points.calls if wanted(call))


@pytest.mark.parametrize(("name", "path"), [("files.rename", A), ("files.link", NEW)])
def test_a_write_that_a_crash_cut_off_from_its_outcome_is_undone_too(name: str, path: str) -> None:
    fault: Fault = "crash_after"
    world = world_with_a_file(Plan({where(lambda call: (call.name, call.subject) == (name, path)): fault}))
    with contextlib.suppress(Crash):
        world.run(edited(world, undo=False))
    world = world.restart()
    assert world.run(edited(world, undo=True)) == (b"one\n", None)


@pytest.mark.parametrize("path", [A, NEW])
def test_a_write_that_the_disk_would_not_say_is_durable_is_undone_too(path: str) -> None:
    number = where(lambda call: (call.name, call.subject) == ("files.sync_folder", path))
    world = world_with_a_file(Plan({number: "EIO"}))
    assert world.run(edited(world, undo=True)) == (b"one\n", None)


# -- what belongs to a call or a turn --------------------------------------------------------------------------------


def test_one_calls_undo_touches_no_file_of_another_call_whose_turn_was_taken_back_with_it() -> None:
    async def story(scene: Scene) -> None:
        await scene.undo("u1")
        with contextlib.suppress(AgentdError):
            await scene.undo("u2", call=f"{scene.session}.t1.2.1")  # that call's file is a.txt
        assert (scene.file(A), scene.file(NEW)) == (b"one\n", None)

    tell(story)


def test_one_calls_undo_is_not_refused_for_a_file_of_another_call() -> None:
    async def story(scene: Scene) -> None:
        await scene.undo("u1")
        await scene.undo("u2", redo=True)
        scene.house.world.files.write_atomic(NEW, b"a person's\n")
        taken = await scene.undo("u3", call=f"{scene.session}.t1.2.1")
        assert (outcome(taken), scene.file(A), scene.file(NEW)) == ([(A, "restored")], b"one\n", b"a person's\n")

    tell(story)


def test_an_undo_touches_no_file_of_an_earlier_turn_that_was_brought_back_without_its_files() -> None:
    async def story(scene: Scene) -> None:
        scene.house.model.replies = ((("write", {"path": "other.txt", "content": "other\n"}),), "done")
        await scene.turn("k2")
        await scene.back.rewind(scene.session, None, asking("r1"))
        await scene.undo("r2", redo=True, keep_files=True)
        await scene.undo("u")  # the second turn, which never touched these two
        assert (scene.file(A), scene.file(NEW), scene.file(OTHER)) == (b"one\n", None, None)

    tell(story)


# -- which files can be brought back ---------------------------------------------------------------------------------


def test_a_file_whose_new_content_nobody_knows_is_named_and_stops_no_undo() -> None:
    writes = [Write("/link", None, "unknown"), Write("/f", ONE, TWO)]
    found = plan(writes, {"/link": CANT_READ, "/f": TWO}, always)
    assert [(one.path, one.action) for one in found.kept] == [("/link", "kept")]
    assert (found.refused, [step.path for step in found.steps]) == ((), ["/f"])


def test_a_file_that_somebody_brought_back_already_stops_no_undo() -> None:
    assert plan([Write("/f", ONE, TWO)], {"/f": ONE}, always).refused == ()


def test_a_removed_file_gets_its_bits_back_also_when_it_was_edited_before() -> None:
    writes = [Write("/f", ONE, TWO), Write("/f", TWO, None, 0o755)]
    assert [step.mode for step in plan(writes, {"/f": None}, always).steps] == [0o755]


class _SavedMeanwhile(SessionStore):
    """A person saves the file while what it held is being made durable."""

    def put_blob(self, session: str, data: bytes) -> str:
        digest = super().put_blob(session, data)
        self._world.files.write_atomic(A, b"a person's\n")
        return digest


def test_what_a_person_saves_while_a_file_is_being_brought_back_is_not_overwritten() -> None:
    async def story(scene: Scene) -> None:
        world = scene.house.world
        store = _SavedMeanwhile(world, "/home/data", "/home/state")
        entry = Reverting(kind="undo", actor=PERSON, turns=(), files=(FileStep(A, TWO, ONE),))
        await restore(world, store, scene.session, entry)
        assert scene.file(A) == b"a person's\n"

    tell(story)


def test_a_redo_gives_a_file_its_bits_again_also_when_a_crash_came_into_the_undo() -> None:
    async def life(world: FakeWorld, redo: bool) -> None:
        house = Household(world, EDITS)
        await house.start()
        session = await ask(house, "change it")
        await house.until_quiet(session)
        if not redo:
            world.files.set_mode(NEW, 0o755)
        await Scene(house, session).undo("r" if redo else "u", redo=redo)
        await house.sessions.stop()

    world = world_with_a_file()
    world.run(life(world, redo=False))
    number = max(call.number for call in world.points.calls if (call.name, call.subject) == ("files.unlink", NEW))
    world = world_with_a_file(Plan({number: "crash_after"}))
    with contextlib.suppress(Crash):
        world.run(life(world, redo=False))
    world = world.restart()
    world.run(life(world, redo=True))
    info = world.files.info(NEW)
    assert info is not None
    assert info.mode == 0o755


def test_a_failed_step_is_a_failed_step_again_when_its_files_are_brought_back() -> None:
    call = "s.t1.1.1"
    undo, redo = (
        Reverted(kind, PERSON, ("s.t1",), (call,), (FileOutcome(A, "restored"),)) for kind in ("undo", "redo")
    )
    entries: list[Entry] = [
        Judged("s.t1", call, "shell", "allow", "because"),
        Begun("s.t1", call, "shell"),
        Done("s.t1", call, "shell", "error", "no", "exit code 1", exit_code=1, changed={A: (ONE, TWO)}),
        undo,
        redo,
    ]
    (step,) = workflow(((0, entry) for entry in entries), always)
    assert step.state == "failed"


# -- messages --------------------------------------------------------------------------------------------------------


async def withdrawn(scene: Scene, key: str) -> None:
    """A message is sent and taken back before the model speaks."""
    scene.house.model.slow_ms, scene.house.model.replies = 100, ("one two",)
    await scene.house.sessions.start(scene.session, f"t-{key}", "h", NewTurn("oops"), PERSON)
    await scene.back.withdraw(scene.session, None, key, "h", PERSON)
    await scene.house.until_quiet(scene.session)


def test_a_message_that_was_withdrawn_takes_no_redo_away() -> None:
    async def story(scene: Scene) -> None:
        await scene.undo("u")
        await withdrawn(scene, "w")
        await scene.undo("r", redo=True)
        assert (scene.file(A), scene.file(NEW)) == (b"two\n", b"made\n")

    tell(story)


def test_a_withdrawal_that_was_refused_takes_no_later_message_back_when_it_is_sent_again() -> None:
    async def story(scene: Scene) -> None:
        with pytest.raises(ConflictError):
            await scene.back.withdraw(scene.session, None, "w", "h", PERSON)
        with pytest.raises(ConflictError):
            await withdrawn(scene, "w")
        await scene.house.until_quiet(scene.session)

    tell(story)


# -- forks -----------------------------------------------------------------------------------------------------------


def test_in_a_fork_too_a_turn_that_was_brought_back_is_the_latest() -> None:
    async def story(scene: Scene) -> None:
        for number in range(2, 5):
            await scene.turn(f"k{number}")
        await scene.back.rewind(scene.session, f"{scene.session}.t1", asking("r"))
        for number in range(5, 8):
            await scene.turn(f"k{number}")
        made = await Forking(scene.house.parts, scene.house.sessions).fork(scene.session, None, None, "f", "h", PERSON)
        fork = Scene(scene.house, made.session)
        await fork.turn("own", "the fork's own")
        first = await fork.undo("f1")
        await fork.undo("f2", redo=True)
        assert (await fork.undo("f3")).turns == first.turns

    tell(story)


def test_a_fork_has_the_title_that_it_is_given_whatever_its_parent_was_renamed_to() -> None:
    async def story(scene: Scene) -> None:
        await scene.house.sessions.change(scene.session, "c", "h", PERSON, None, None, "renamed")
        await scene.turn("k2")
        made = await Forking(scene.house.parts, scene.house.sessions).fork(
            scene.session, None, "mine", "f", "h", PERSON
        )
        assert (await scene.house.sessions.get(made.session)).state.title == "mine"

    tell(story)


def test_a_fork_knows_that_one_calls_files_were_taken_back() -> None:
    async def story(scene: Scene) -> None:
        await scene.undo("u1", call=f"{scene.session}.t1.2.1")
        made = await Forking(scene.house.parts, scene.house.sessions).fork(scene.session, None, None, "f", "h", PERSON)
        fork = Scene(scene.house, made.session)
        assert any(A in text for text in await fork.prompts("now"))
        await fork.undo("f1")
        await fork.undo("f2")
        assert (scene.file(A), scene.file(NEW)) == (b"one\n", None)

    tell(story)


def test_a_fork_that_is_asked_for_again_gets_the_first_answer_whatever_was_done_since() -> None:
    async def story(scene: Scene) -> None:
        forking = Forking(scene.house.parts, scene.house.sessions)
        first = await forking.fork(scene.session, None, None, "f", "h", PERSON)
        await Scene(scene.house, first.session).turn("own")
        assert await forking.fork(scene.session, None, None, "f", "h", PERSON) == first

    tell(story)


def test_a_fork_that_is_asked_for_again_is_the_answer_also_when_its_parent_is_gone() -> None:
    world = world_with_a_file()

    async def main() -> None:
        house = Household(world, EDITS)
        await house.start()
        parent = await ask(house, "change it")
        await house.until_quiet(parent)
        forking = Forking(house.parts, house.sessions)
        first = await forking.fork(parent, None, None, "f", "h", PERSON)
        await house.sessions.put_away(parent)
        await house.store.remove(parent)
        assert await forking.fork(parent, None, None, "f", "h", PERSON) == first
        await house.sessions.stop()

    world.run(main())


def test_a_long_fork_keeps_nobody_from_making_a_session() -> None:
    async def story(scene: Scene) -> None:
        scene.house.model.replies = ("ok",)
        for number in range(150):
            await scene.turn(f"k{number}")
        house = scene.house
        forked = house.tasks.start(
            "fork", Forking(house.parts, house.sessions).fork(scene.session, None, None, "f", "h", PERSON)
        )
        await house.world.clock.sleep(0)
        await house.sessions.create("c", "h", house.new_session(), PERSON)
        assert not forked.done()
        await forked

    tell(story)


# -- keys ------------------------------------------------------------------------------------------------------------


def test_a_key_of_an_undo_answers_no_other_method() -> None:
    async def story(scene: Scene) -> None:
        undo = UndoParams(key="k" * 22, session=scene.session)
        withdrawal = WithdrawParams(key="k" * 22, session=scene.session)
        await scene.back.undo(scene.session, None, False, Asking(undo.key, body_hash(undo), PERSON))
        with pytest.raises(ConflictError):
            await scene.back.withdraw(scene.session, None, withdrawal.key, body_hash(withdrawal), PERSON)

    tell(story)


# -- long sessions ---------------------------------------------------------------------------------------------------


def test_a_rewind_of_everything_says_so_only_when_nothing_of_the_talk_is_left() -> None:
    async def story(scene: Scene) -> None:
        scene.house.model.replies = ("ok",)
        for number in range(2, 1006):
            await scene.turn(f"k{number}")
        await scene.back.rewind(scene.session, f"{scene.session}.t10", asking("r1"))
        with contextlib.suppress(ConflictError):
            await scene.back.rewind(scene.session, None, asking("r2"))
            assert await scene.prompts("now") == ["what now?"]

    tell(story)


# -- compaction ------------------------------------------------------------------------------------------------------


class _Small:
    def __init__(self, house: Household) -> None:
        self._choice = ModelChoice(house.model, "m", Window(30_000, 2_000))

    def get(self, name: str) -> ModelChoice:
        return self._choice

    def default(self) -> str:
        return "talk"

    def stand_in(self, given_up: Sequence[str]) -> str:
        return ""

    async def ready(self, name: str) -> None:
        return

    async def count(self, name: str, body: bytes) -> int | None:
        return None


def test_what_was_left_out_for_a_request_that_was_never_sent_is_not_left_out_unrecorded() -> None:
    world = world_with_a_file()
    world.files.write_atomic(f"{WORKSPACE}/big.txt", b"".join(b"line %d of many words\n" % n for n in range(300)))
    read: Reply = (("read", {"path": "big.txt"}),)

    async def main() -> str:
        house = Household(world, (read, read, "done"))
        house.parts = dataclasses.replace(house.parts, models=_Small(house))
        house.sessions = Sessions(house.parts, house.requests)
        await house.start()
        session = await ask(house, "read it")
        await house.until_quiet(session)
        await house.sessions.start(session, "k2", "h", NewTurn("word " * 40_000), PERSON)  # more than fits: refused
        await house.until_quiet(session)
        await TakingBack(house.parts, house.sessions).undo(session, None, False, asking())
        house.model.replies = ("ok",)
        await house.sessions.start(session, "k3", "h", NewTurn("short"), PERSON)
        await house.until_quiet(session)
        await house.sessions.stop()
        blocks = [block for message in house.model.requests[-1].messages for block in message.blocks]
        cleared = {b.call for b in blocks if isinstance(b, ToolResultBlock) and b.text.startswith("[This result of")}
        entries = [line.entry for line in whole_log(world, session)]
        assert cleared == {call for entry in entries if isinstance(entry, Compacted) for call in entry.calls}
        return session

    world.run(main())


# -- an interrupt behind a command ------------------------------------------------------------------------------------


class _SlowLooks(FakeProcesses):
    """Looking at the workspace after a command takes a second."""

    async def job(self, name: str, arguments: Mapping[str, object], timeout_ms: int) -> object:
        if name == "snapshot-compare":
            await self._clock.sleep(1_000)
        return await super().job(name, arguments, timeout_ms)


def _noted(store: str, manifest: str, world: FakeWorld) -> dict[str, object]:
    world.files.make_folder(store)
    world.files.write_atomic(manifest, b"")
    return {}


def test_a_command_that_has_run_is_never_called_not_run_by_an_interrupt_that_comes_behind_it() -> None:
    base = world_with_a_file()
    slow = _SlowLooks(base.points, base.clock, base.files, base.processes.table)
    world = dataclasses.replace(base, processes=slow)
    slow.on("bash", does=Script(output=b"pushed\n"))
    slow.on_job("snapshot-take", lambda **given: _noted(str(given["store"]), str(given["manifest"]), world))
    slow.on_job("snapshot-compare", lambda **given: {"touched": [[A, ONE, TWO, True, 0o644]], "more": 0})

    async def main() -> str:
        house = Household(world, ((("shell", {"command": "git push"}),), "done"))
        settings = dataclasses.replace(house.parts.settings(), snapshot_files=10)
        house.parts = dataclasses.replace(house.parts, cache="/home/cache", settings=lambda: settings)
        house.sessions = Sessions(house.parts, house.requests)
        await house.start()
        session = await ask(house, "push")
        await world.clock.sleep(100)
        (question,) = house.sessions.questions()
        await house.sessions.answer(question.id, "a", "h", "approve", "once", "", PERSON)
        await world.clock.sleep(300)  # it has ended; what it changed is being looked for
        assert len(slow.table.started) == 1
        await house.sessions.interrupt(session, "i", "h", "stop", PERSON)
        await house.until_quiet(session)
        await house.sessions.stop()
        return session

    (done,) = (line.entry for line in whole_log(world, world.run(main())) if isinstance(line.entry, Done))
    assert ("Not run" in done.text, done.changed) == (False, {A: (ONE, TWO)})


# -- commands, with a real daemon ------------------------------------------------------------------------------------


def a_daemon(root: Path, command: str, settings: str = "") -> RealDaemon:
    """Not started; the model `runner` runs `command`, `writer` rewrites README.md."""
    daemon = RealDaemon(root, {})
    steps = ({"tools": [{"name": "shell", "arguments": {"command": command}}]}, {"text": "Done."})
    writes = (
        {"tools": [{"name": "read", "arguments": {"path": "README.md"}}]},
        {"tools": [{"name": "write", "arguments": {"path": "README.md", "content": "of the other session\n"}}]},
        {"text": "Done."},
    )
    models = daemon.model("runner", *steps, by="step") + daemon.model("writer", *writes, by="step")
    daemon.settings(settings + models)
    return daemon


def told(model: str, tool: str) -> tuple[str, ...]:
    return ("ask", "change it", "--model", model, "--json", "--no-input", "--allow", tool)


def work_in(home: Path) -> Path:
    return repository(home / "work", {"README.md": "A small thing.\n", "lib/x.txt": "x\n"})


def tree(folder: Path) -> dict[str, tuple[bytes, int]]:
    files = (path for path in sorted(folder.rglob("*")) if path.is_file() and ".git" not in path.parts)
    return {str(path.relative_to(folder)): (path.read_bytes(), path.stat().st_mode & 0o777) for path in files}


@pytest.mark.parametrize(
    "command",
    [
        "chmod 755 README.md",
        "rm -r lib; echo a-file > lib",
        "ln -s README.md a-link; echo two > README.md",
        "head -c 70000000 /dev/zero > big.bin; echo two > README.md",
        "for i in $(seq 1200); do echo $i > n$i; done",
    ],
)
def test_what_a_command_changed_is_brought_back_or_named(home: Path, command: str) -> None:
    daemon = a_daemon(home, command)
    with real_daemon(home):
        work = work_in(home)
        before = tree(work)
        session = str(daemon.agentctl(*told("runner", "shell"), cwd=work).fields["session"])
        undone = daemon.agentctl("sessions", "undo", session)
        after = tree(work)
        different = {name for name in before | after if before.get(name) != after.get(name)}
        assert (undone.code, different - {"a-link", "big.bin"}) == (0, set()), undone


def test_what_a_command_changed_before_the_daemon_was_killed_is_undone_or_named(home: Path) -> None:
    daemon = a_daemon(home, "echo two > README.md; touch ../began; sleep 60")
    with real_daemon(home) as running:
        work = work_in(home)
        asked = running.spawn(*told("runner", "shell"), cwd=work)
        until(lambda: (home / "began").exists(), "the command runs", 20)
        running.kill()
        asked.kill()
        asked.communicate()
        running.start()
        session = str(daemon.agentctl("sessions", "list", "--json").rows[0]["id"])
        (question,) = daemon.agentctl("pending", "--json").rows
        daemon.agentctl("deny", str(question["id"]))
        until(lambda: any(line["type"] == "turn.finished" for line in daemon.lines(session)), "the turn ends", 20)
        undone = daemon.agentctl("sessions", "undo", session)
        assert (work / "README.md").read_text() == "A small thing.\n" or "README.md" in undone.out + undone.err, undone


def test_an_undo_of_a_command_leaves_what_another_session_wrote_meanwhile(home: Path) -> None:
    daemon = a_daemon(home, "touch ../began; until [ -e ../go-on ]; do sleep 0.05; done")
    with real_daemon(home):
        work = work_in(home)
        asked = daemon.spawn(*told("runner", "shell"), cwd=work)
        until(lambda: (home / "began").exists(), "the command runs", 20)
        daemon.agentctl(*told("writer", "write"), cwd=work)
        (home / "go-on").touch()
        out, _ = asked.communicate(timeout=30)
        daemon.agentctl("sessions", "undo", str(json.loads(out)["session"]))
        assert (work / "README.md").read_text() == "of the other session\n"


def test_an_undo_of_a_command_leaves_what_another_sessions_command_wrote_meanwhile(home: Path) -> None:
    first, second = "touch ../began; until [ -e ../go-on ]; do sleep 0.05; done", "echo theirs > README.md"
    daemon = a_daemon(home, f'if [ "$(ls ..| grep -c began)" = 0 ]; then {first}; else {second}; fi')
    with real_daemon(home):
        work = work_in(home)
        asked = daemon.spawn(*told("runner", "shell"), cwd=work)
        until(lambda: (home / "began").exists(), "the command runs", 20)
        daemon.agentctl(*told("runner", "shell"), cwd=work)
        (home / "go-on").touch()
        out, _ = asked.communicate(timeout=30)
        daemon.agentctl("sessions", "undo", str(json.loads(out)["session"]))
        assert (work / "README.md").read_text() == "theirs\n"


def test_a_redo_puts_a_file_again_where_a_folder_was(home: Path) -> None:
    daemon = a_daemon(home, "rm -r lib; echo a-file > lib")
    with real_daemon(home):
        work = work_in(home)
        session = str(daemon.agentctl(*told("runner", "shell"), cwd=work).fields["session"])
        after = tree(work)
        daemon.agentctl("sessions", "undo", session)
        redone = daemon.agentctl("sessions", "undo", session, "--redo")
        assert tree(work) == after, redone


def test_an_undo_keeps_to_the_bound_of_what_a_session_keeps(home: Path) -> None:
    daemon = a_daemon(
        home, "for i in 1 2 3 4; do head -c 1000000 /dev/urandom > $i; done", "[undo]\nsession_bytes = 2000000\n"
    )
    with real_daemon(home):
        work = work_in(home)
        session = str(daemon.agentctl(*told("runner", "shell"), cwd=work).fields["session"])
        daemon.agentctl("sessions", "undo", session)
        kept = sum(path.stat().st_size for path in Path(daemon.folders.data).glob(f"sessions/*/*/{session}/blobs/*"))
        assert kept <= 2_000_000 + 100_000
