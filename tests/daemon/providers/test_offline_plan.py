"""Commands become calls of tools that are offered, and their results are reported."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from agentd.providers.base import ModelMessage
from agentd.providers.offline_answer import say
from agentproto.content import ResultStatus, TextBlock
from support.offline_driver import Answer, converse

BEFORE = (ModelMessage("user", (TextBlock("x"),)), ModelMessage("assistant", (TextBlock("y"),)))
ALL = ("edit", "glob", "grep", "ls", "read", "shell", "write")


def told(
    prompt: str,
    text: str = "fine",
    status: ResultStatus = "ok",
    tools: tuple[str, ...] = ALL,
    **schemas: tuple[str, ...],
) -> Answer:
    def answered(arguments: Mapping[str, object]) -> tuple[str, ResultStatus]:
        return text, status

    return converse(prompt, dict.fromkeys(tools, answered), before=BEFORE, schemas=schemas)


@pytest.mark.parametrize(
    ("prompt", "calls"),
    [
        ("run: make", [("shell", {"command": "make"})]),
        ("read a.py lines 3-5", [("read", {"path": "a.py", "offset": 3, "limit": 3})]),
        ("read a.py", [("read", {"path": "a.py"})]),
        ("list", [("ls", {})]),
        ("list src", [("ls", {"path": "src"})]),
        ("find *.toml", [("glob", {"pattern": "**/*.toml"})]),
        ("find src/*.toml", [("glob", {"pattern": "src/*.toml"})]),
        ("grep x in src", [("grep", {"pattern": "x", "path": "src", "mode": "content", "limit": 100})]),
        ("write a: b", [("write", {"path": "a", "content": "b"})]),
        (
            'edit a: replace "x" with "y" everywhere',
            [("read", {"path": "a"}), ("edit", {"path": "a", "old_string": "x", "new_string": "y", "all": True})],
        ),
        ("git log", [("shell", {"command": "git log --oneline -n 10"})]),
    ],
)
def test_calls(prompt: str, calls: list[tuple[str, dict[str, object]]]) -> None:
    answer = told(prompt)
    assert (answer.calls, answer.steps) == (calls, len(calls))
    assert "fine" in answer.text


@pytest.mark.parametrize("prompt", ["run: make", "read a.py", "list", "find *.x", "grep x", "write a: b", "git log"])
def test_a_tool_that_is_not_offered_is_not_called(prompt: str) -> None:
    answer = told(prompt, tools=())
    assert answer.calls == []
    assert "which is not offered in this session" in answer.text


def test_a_command_that_failed_is_a_result() -> None:
    assert (
        told("run: make", "exit code: 2\nno rule", "error").text
        == "`make` ended with exit code 2:\n\n```\nno rule\n```"
    )


def test_a_denial_is_told_and_ends_the_turn() -> None:
    answer = told('edit a: replace "x" with "y"', "The owner said no.", "denied")
    assert answer.text == "Not done: the call of `read` was denied.\n\nThe owner said no."
    assert answer.steps == 1


def test_memory_is_used_when_it_is_there_and_missed_when_not() -> None:
    assert told("remember that x").text == say("no_memory", verb="keep")
    assert told("what do you know about x?").text == say("no_memory", verb="search")
    tools = ("recall", "remember")
    assert told("remember that x", tools=tools, remember=("note", "tags")).calls == [("remember", {"note": "x"})]
    assert told("what do you know about x?", tools=tools, recall=("query",)).calls == [("recall", {"query": "x"})]
    assert told("recall x", tools=tools).calls == [("recall", {"text": "x"})]


@pytest.mark.parametrize(
    ("prompt", "text"),
    [("hello", "hello"), ("help", "help"), ("who are you?", "identity"), ("run the tests", "run_what")],
)
def test_talk(prompt: str, text: str) -> None:
    assert told(prompt).text == say(text)
