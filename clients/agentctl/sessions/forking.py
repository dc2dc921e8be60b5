"""`sessions fork ID`: a new session that begins where a turn of another ended."""

from __future__ import annotations

import sys

import click

from agentclient.keys import new_key
from agentctl.exits import DONE
from agentctl.options import dial, json_option
from agentctl.render.machine import json_text
from agentctl.sessions.naming import named
from agentctl.sessions.paging import events_of
from agentctl.sessions.turns import picked, turns_of
from agentproto.revisions import ForkParams, ForkResult

__all__ = ["command"]


@click.command("fork")
@click.argument("id")
@click.option("--after", metavar="TURN", help="With everything up to this turn (a number or an id); default: the last.")
@click.option("--title", help="A title for the new one.")
@json_option
def command(id: str, after: str | None, title: str | None, as_json: bool) -> int:
    """A new session with the conversation of session ID so far. Its files on disk stay as they are."""
    with dial() as client:
        id = named(client, id)
        turn = picked(turns_of(events_of(client, id)), after, id).id if after is not None else None
        params = ForkParams(key=new_key(), session=id, after_turn=turn, title=title)
        made = client.call("session.fork", params, ForkResult)
    sys.stdout.write(json_text(made) if as_json else made.session + "\n")
    turns = f"{made.turns} turn{'s' if made.turns != 1 else ''}"
    sys.stderr.write(f"- forked from {made.parent} with {turns}; go on: agentctl attach {made.session}\n")
    return DONE
