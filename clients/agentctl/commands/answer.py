"""`agentctl answer`: answer a question in words. `give` sends any answer; `approve` and `deny` use it too."""

from __future__ import annotations

import sys
from typing import Literal

import click

from agentclient.keys import new_key
from agentctl.exits import DONE
from agentctl.options import dial, json_option
from agentctl.render.machine import json_text
from agentproto.api import question

__all__ = ["command", "give"]

_DONE = {"approve": "approved", "deny": "denied", "answer": "answered"}


def give(
    id: str,
    decision: Literal["approve", "deny", "answer"],
    as_json: bool,
    *,
    scope: question.Scope = "once",
    text: str = "",
) -> int:
    """Send an answer and say that it holds. RefusedError (`conflict`) when somebody else was first."""
    params = question.AnswerParams(key=new_key(), question=id, decision=decision, scope=scope, text=text)
    with dial() as client:
        result = client.call("question.answer", params, question.AnswerResult)
    if as_json:
        sys.stdout.write(json_text(result))
    else:
        sys.stderr.write(f"{_DONE[decision]}; watch it go on: agentctl attach {result.session}\n")
    return DONE


@click.command("answer", short_help="Answer a question in words.")
@click.argument("id")
@click.argument("text", nargs=-1, required=True)
@json_option
def command(id: str, text: tuple[str, ...], as_json: bool) -> int:
    """Answer question ID with TEXT."""
    return give(id, "answer", as_json, text=" ".join(text))
