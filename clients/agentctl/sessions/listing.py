"""`sessions list`: which sessions there are, newest first."""

from __future__ import annotations

import sys

import click

from agentctl.exits import DONE
from agentctl.options import dial, json_option
from agentctl.render.machine import json_text
from agentctl.render.table import moment, show
from agentctl.sessions.naming import this_folder
from agentproto.api import session
from agentproto.limits import LIMITS

__all__ = ["command"]


@click.command("list")
@click.option("--here", is_flag=True, help="Only those of this folder's workspace.")
@click.option("-n", "--limit", type=click.IntRange(min=1), default=50, help="At most so many (default 50).")
@click.option("--all", "everything", is_flag=True, help="All of them.")
@json_option
def command(here: bool, limit: int, everything: bool, as_json: bool) -> int:
    """Sessions, newest first."""
    found: list[session.SessionSummary] = []
    cursor: str | None = None
    with dial() as client:
        while everything or len(found) < limit:
            page = LIMITS.page if everything else min(LIMITS.page, limit - len(found))
            params = session.ListParams(cursor=cursor, limit=page, workspace=this_folder() if here else None)
            result = client.call("session.list", params, session.ListResult)
            found += result.sessions
            cursor = result.cursor
            if cursor is None:
                break
    if as_json:
        sys.stdout.write(json_text(found))
    else:
        rows = [
            (one.id, _state(one), _turns(one), moment(one.updated_at_ms), one.title, one.workspace) for one in found
        ]
        show(("session", "state", "turns", "last", "title", "workspace"), rows, empty="There are no sessions yet.")
    if cursor is not None:
        sys.stderr.write("there are more: --all\n")
    return DONE


def _state(one: session.SessionSummary) -> str:
    return "archived" if one.archived and one.state == "idle" else one.state


def _turns(one: session.SessionSummary) -> str:
    """Of a session that the daemon has not opened since it began nobody has counted the turns."""
    return str(one.turns) if one.seq else "-"
