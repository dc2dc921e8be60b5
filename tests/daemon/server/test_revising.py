"""session.*: taking back and trying again, as the wire asks for it."""

from __future__ import annotations

from typing import NoReturn

import pytest

from agentd.errors import BadInputError, ConflictError, DeadlineError, NotFoundError
from agentproto import revisions as api
from agentproto.api import turn
from support.household import WORKSPACE
from support.reception import Reception, a_world, receive

EDIT = (("write", {"path": "new.txt", "content": "made\n"}),)


async def a_session(desk: Reception, prompt: str = "go") -> str:
    result = await desk.ask("turn.start", key=f"k-{prompt}", prompt=prompt, cwd=WORKSPACE)
    assert isinstance(result, turn.StartResult)
    await desk.house.until_quiet(result.session)
    return result.session


def test_an_undo_and_its_redo_answer_with_turns_files_and_the_message() -> None:
    async def story(desk: Reception) -> None:
        session = await a_session(desk)
        path = f"{WORKSPACE}/new.txt"
        made = next(iter(desk.house.sessions.loaded()[session].state.read_hashes.values()))
        undone = await desk.ask("session.undo", key="u", session=session)
        assert isinstance(undone, api.RevertResult)
        assert (undone.turns, undone.prompt) == ((f"{session}.t1",), "go")
        assert undone.files == (api.FileRevision(path, "removed", "", made, None),)
        redone = await desk.ask("session.undo", key="r", session=session, redo=True)
        assert isinstance(redone, api.RevertResult)
        assert redone.files == (api.FileRevision(path, "restored", "", None, made),)

    receive(story, EDIT, "fine")


def test_a_rewind_to_the_beginning_takes_everything_back_and_a_dry_run_nothing() -> None:
    async def story(desk: Reception) -> None:
        session = await a_session(desk)
        dry = await desk.ask("session.rewind", key="d", session=session, dry_run=True)
        done = await desk.ask("session.rewind", key="u", session=session)
        assert isinstance(dry, api.RevertResult)
        assert isinstance(done, api.RevertResult)
        assert (dry.seq, dry.files) == (0, done.files)

    receive(story, EDIT, "fine")


def test_what_can_t_be_meant_is_refused_with_the_field() -> None:
    async def story(desk: Reception) -> None:
        session = await a_session(desk)
        with pytest.raises(BadInputError, match="either call or redo"):
            await desk.ask("session.undo", key="u1", session=session, redo=True, call="x")
        with pytest.raises(NotFoundError) as fault:
            await desk.ask("session.rewind", key="u2", session=session, to_turn="t9")
        assert fault.value.field == "to_turn"
        with pytest.raises(BadInputError, match="limit is 1000"):
            await desk.ask("session.workflow", session=session, limit=1000)
        for method in ("session.workflow", "session.replay", "session.verify", "session.fork", "session.undo"):
            with pytest.raises(NotFoundError):
                await desk.ask(
                    method, session="s0000000000000000", **({"key": "n"} if method[8:] in ("fork", "undo") else {})
                )

    receive(story)


def test_a_message_that_waits_is_given_back_to_be_edited() -> None:
    async def story(desk: Reception) -> None:
        first = await desk.ask("turn.start", key="k1", prompt="one", cwd=WORKSPACE)
        assert isinstance(first, turn.StartResult)
        await desk.ask("turn.start", key="k2", prompt="oops", session=first.session)
        taken = await desk.ask("turn.withdraw", key="w", session=first.session)
        assert isinstance(taken, turn.WithdrawResult)
        assert (taken.turn, taken.prompt) == (f"{first.session}.t2", "oops")
        await desk.house.until_quiet(first.session)
        with pytest.raises(ConflictError):
            await desk.ask("turn.withdraw", key="w2", session=first.session)

    receive(story, "one two three", slow_ms=100)


def test_an_interrupt_for_another_turn_stops_nothing() -> None:
    async def story(desk: Reception) -> None:
        first = await desk.ask("turn.start", key="k1", prompt="one", cwd=WORKSPACE)
        assert isinstance(first, turn.StartResult)
        result = await desk.ask("turn.interrupt", key="i", session=first.session, turn="other")
        assert result == turn.InterruptResult(False)
        await desk.house.until_quiet(first.session)
        assert desk.house.sessions.loaded()[first.session].state.last_stop == "end"

    receive(story, "one two three", slow_ms=100)


def test_a_log_that_takes_too_long_to_read_says_what_to_do() -> None:
    world = a_world()

    def slow(folder: str) -> NoReturn:
        raise TimeoutError

    world.processes.on_job("session-verify", slow)

    async def story(desk: Reception) -> None:
        session = await a_session(desk)
        with pytest.raises(DeadlineError) as fault:
            await desk.ask("session.verify", session=session)
        assert fault.value.remedy == "`agentd check` reads every log without a time limit."

    receive(story, world=world)


def test_entries_that_were_known_and_are_missing_are_a_finding() -> None:
    world = a_world()
    found = {"entries": 1, "end": 9, "bytes": 9, "blobs": 0, "state_hash": "h", "findings": []}
    world.processes.on_job("session-verify", lambda folder: found)

    async def story(desk: Reception) -> None:
        session = await a_session(desk)
        result = await desk.ask("session.verify", session=session)
        assert isinstance(result, api.VerifyResult)
        missing = desk.house.sessions.loaded()[session].state.seq - 1
        assert (result.ok, result.findings) == (
            False,
            (f"the log ends with entry 1, but {missing} more had been written",),
        )

    receive(story, world=world)
