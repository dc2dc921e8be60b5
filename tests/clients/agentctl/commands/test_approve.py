"""`agentctl approve`: what is sent, and what is said when somebody else was first."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from agentproto.api import question
from agentproto.errors import WireError
from clients.scene import SESSION, Ran, ctl, double

RESULT = question.AnswerResult("q1", SESSION, "t1", 9)


@pytest.mark.parametrize(
    ("arguments", "scope"), [([], "once"), (["--for", "session"], "session"), (["--for", "always"], "always")]
)
def test_it_approves_for_as_long_as_is_said(home: Path, arguments: list[str], scope: question.Scope) -> None:
    with double(home, {"question.answer": lambda call: RESULT}) as served:
        ran = ctl(home, "approve", "q1", *arguments)
    assert ran == Ran(0, "", f"approved; watch it go on: agentctl attach {SESSION}\n")
    params = served.calls[0].params
    assert isinstance(params, question.AnswerParams)
    assert params == question.AnswerParams(key=params.key, question="q1", decision="approve", scope=scope)


def test_the_answer_as_json(home: Path) -> None:
    with double(home, {"question.answer": lambda call: RESULT}):
        assert json.loads(ctl(home, "approve", "q1", "--json").out) == {
            "question": "q1",
            "session": SESSION,
            "turn": "t1",
            "seq": 9,
        }


def test_the_second_answer_is_told_who_was_first(home: Path) -> None:
    error = WireError("conflict", "client", "q1 was decided", "denied by other", "agentctl pending")
    with double(home, {"question.answer": lambda call: error}):
        assert ctl(home, "approve", "q1") == Ran(
            1, "", "error: q1 was decided\n  why: denied by other\n   do: agentctl pending\n"
        )


def test_a_scope_that_is_none_is_wrong_usage(home: Path) -> None:
    assert ctl(home, "approve", "q1", "--for", "ever").code == 2
