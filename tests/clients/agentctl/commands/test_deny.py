"""`agentctl deny`: the words for the model go along."""

from __future__ import annotations

from pathlib import Path

from agentproto.api import question
from clients.scene import SESSION, Ran, ctl, double


def test_it_denies_with_words(home: Path) -> None:
    result = question.AnswerResult("q1", SESSION, "t1", 9)
    with double(home, {"question.answer": lambda call: result}) as served:
        ran = ctl(home, "deny", "q1", "--why", "too rash")
    assert ran == Ran(0, "", f"denied; watch it go on: agentctl attach {SESSION}\n")
    params = served.calls[0].params
    assert isinstance(params, question.AnswerParams)
    assert params == question.AnswerParams(key=params.key, question="q1", decision="deny", text="too rash")
