"""question.*: open questions and their answers."""

from __future__ import annotations

import hashlib

import pytest

from agentd.errors import BadInputError
from agentd.world.fake_processes import Script
from agentproto.api import question as api
from support.household import WORKSPACE
from support.reception import Reception, a_world, receive

SHELL = ((("shell", {"command": "make push"}),), "pushed")


def test_a_question_says_exactly_what_will_run_and_why_it_is_asked() -> None:
    async def story(desk: Reception) -> None:
        started = await desk.ask("turn.start", key="k", prompt="push", cwd=WORKSPACE)
        session = started.session  # type: ignore[attr-defined]
        while not desk.house.sessions.questions():
            await desk.house.world.clock.sleep(10)
        listed = await desk.ask("question.list", session=session)
        assert isinstance(listed, api.ListResult)
        (question,) = listed.questions
        assert (question.command, question.hash, question.gates, question.sandbox, question.cwd) == (
            "make push",
            hashlib.sha256(b"make push").hexdigest(),
            ("runs-command",),
            "none",
            WORKSPACE,
        )
        assert (question.id, question.origin, question.choices) == (f"{session}.q1", (session,), ("once", "session"))
        elsewhere = await desk.ask("question.list", session="s0000000000000000")
        assert elsewhere == api.ListResult(())
        with pytest.raises(BadInputError, match="needs a text"):
            await desk.ask("question.answer", key="a", question=question.id, decision="answer")
        answered = await desk.ask("question.answer", key="b", question=question.id, decision="approve")
        assert isinstance(answered, api.AnswerResult)
        assert (answered.session, answered.turn) == (session, f"{session}.t1")
        await desk.house.until_quiet(session)
        assert await desk.ask("question.list") == api.ListResult(())

    world = a_world()
    world.processes.on("bash", does=Script(output=b"ok\n"))
    receive(story, *SHELL, world=world)
