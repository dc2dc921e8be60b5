"""`agentctl pending`: the questions that wait for an answer, oldest first, of all sessions or of one."""

from __future__ import annotations

import sys

import click

from agentctl.exits import DONE
from agentctl.options import dial, json_option, session_id
from agentctl.render.machine import json_text
from agentctl.render.table import moment, show
from agentproto.api import question

__all__ = ["command"]


@click.command("pending", short_help="Open questions.")
@click.option("-s", "--session", metavar="ID", help="Only those of one session.")
@json_option
def command(session: str | None, as_json: bool) -> int:
    """Questions that wait for an answer, oldest first."""
    if session is not None:
        session = session_id(session)
    with dial() as client:
        found = client.call(
            "question.list",
            question.ListParams(session),
            question.ListResult,
        ).questions
    if as_json:
        sys.stdout.write(json_text(found))
    else:
        rows = [(one.id, one.session, one.tool, one.summary, one.command, moment(one.at_ms)) for one in found]
        show(("question", "session", "tool", "summary", "command", "asked"), rows, empty="No question is open.")
    return DONE
