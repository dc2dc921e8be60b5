"""`agentctl pending`: the questions, as a table or as JSON."""

from __future__ import annotations

import json
from pathlib import Path

from agentctl.render.table import moment
from agentproto.api import question
from clients.scene import SESSION, Ran, a_question, ctl, double


def test_questions_are_a_table(home: Path) -> None:
    asked = moment(1_700_000_000_000)
    with double(home, {"question.list": lambda call: question.ListResult((a_question(),))}) as served:
        assert ctl(home, "pending", "-s", SESSION) == Ran(
            0,
            "QUESTION  SESSION            TOOL  SUMMARY        COMMAND       ASKED\n"
            f"q1        {SESSION}  bash  run a command  rm -rf build  {asked}\n",
            "",
        )
    assert [call.params for call in served.calls] == [question.ListParams(SESSION)]


def test_json_has_the_documented_fields(home: Path) -> None:
    with double(home, {"question.list": lambda call: question.ListResult((a_question(),))}):
        found = json.loads(ctl(home, "pending", "--json").out)
    documented = {name: found[0][name] for name in ("id", "session", "tool", "summary", "command", "gates", "at_ms")}
    assert documented == {
        "id": "q1",
        "session": SESSION,
        "tool": "bash",
        "summary": "run a command",
        "command": "rm -rf build",
        "gates": ["writes"],
        "at_ms": 1_700_000_000_000,
    }


def test_none_is_said_on_stderr_and_an_empty_list_in_json(home: Path) -> None:
    with double(home, {"question.list": lambda call: question.ListResult(())}):
        assert ctl(home, "pending") == Ran(0, "", "No question is open.\n")
        assert ctl(home, "pending", "--json") == Ran(0, "[]\n", "")
