"""`agentctl answer`: words are sent as they are."""

from __future__ import annotations

from pathlib import Path

from agentproto.api import question
from clients.scene import SESSION, Ran, ctl, double


def test_words_are_one_text(home: Path) -> None:
    result = question.AnswerResult("q1", SESSION, "t1", 9)
    with double(home, {"question.answer": lambda call: result}) as served:
        ran = ctl(home, "answer", "q1", "the", "second one")
    assert ran == Ran(0, "", f"answered; watch it go on: agentctl attach {SESSION}\n")
    params = served.calls[0].params
    assert isinstance(params, question.AnswerParams)
    assert params == question.AnswerParams(key=params.key, question="q1", decision="answer", text="the second one")


def test_without_words_it_is_wrong_usage(home: Path) -> None:
    assert ctl(home, "answer", "q1").code == 2
