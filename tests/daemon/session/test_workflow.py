"""A session's workflow: what each mutating call was meant to do, did, and touched."""

from __future__ import annotations

import hashlib

from agentd.session.entries import Done
from agentd.session.workflow import workflow
from agentd.turn.taking_back import Asking, TakingBack
from agentd.world.fake_processes import Script
from agentproto.revisions import Touched, WorkflowStep
from daemon.turn.test_taking_back import A, world_with_a_file
from support.household import PERSON, Household, Reply, ask, whole_log

REPLIES: tuple[Reply, ...] = (
    (("read", {"path": "a.txt"}),),
    (("edit", {"path": "a.txt", "old_string": "one", "new_string": "two"}),),
    (("shell", {"command": "make push"}),),
    (("shell", {"command": "make clean"}),),
    "done",
)
ONE, TWO = hashlib.sha256(b"one\n").hexdigest(), hashlib.sha256(b"two\n").hexdigest()


def told(undo: bool) -> tuple[str, tuple[WorkflowStep, ...]]:
    world = world_with_a_file()
    world.processes.on("bash", does=Script(output=b"no\n", code=3))

    async def main() -> str:
        house = Household(world, REPLIES)
        await house.start()
        session = await ask(house, "go")
        await house.until_quiet(session, lambda question: not question.endswith("q3"))
        if undo:
            await TakingBack(house.parts, house.sessions).undo(session, None, False, Asking("u", "h", PERSON))
        await house.sessions.stop()
        return session

    session = world.run(main())
    lines = whole_log(world, session)
    assert [line.entry.tool for line in lines if isinstance(line.entry, Done)] == ["read", "edit", "shell", "shell"]
    return session, workflow(((line.at_ms, line.entry) for line in lines), lambda digest: digest == ONE)


def facts(step: WorkflowStep) -> tuple[object, ...]:
    return step.id, step.tool, step.target, step.state, step.attempts, step.exit_code, step.touched


def test_every_mutating_call_is_a_step_with_its_state_and_what_it_touched_and_reads_are_none() -> None:
    session, steps = told(undo=False)
    assert [facts(step) for step in steps] == [
        (f"{session}.t1.2.1", "edit", "a.txt", "done", 1, None, (Touched(A, ONE, TWO, True),)),
        (f"{session}.t1.3.1", "shell", "make push", "failed", 1, 3, ()),
        (f"{session}.t1.4.1", "shell", "make clean", "failed", 0, None, ()),
    ]
    assert [step.reason for step in steps][:1] == ["approved by test for once"]
    assert [(step.approved_at_ms is None, step.begun_at_ms is None) for step in steps] == [
        (False, False),
        (False, False),
        (True, True),
    ]


def test_a_step_whose_files_were_brought_back_is_compensated() -> None:
    _, steps = told(undo=True)
    assert [step.state for step in steps] == ["compensated", "failed", "failed"]
