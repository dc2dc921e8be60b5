"""`sessions rename ID TITLE`: what lists show it as."""

from __future__ import annotations

import sys

import click

from agentclient.keys import new_key
from agentctl.exits import DONE
from agentctl.options import dial, json_option
from agentctl.render.machine import json_text
from agentctl.sessions.naming import named
from agentproto.api import session

__all__ = ["command"]


@click.command("rename")
@click.argument("id")
@click.argument("title")
@json_option
def command(id: str, title: str, as_json: bool) -> int:
    """Give session ID the title TITLE."""
    title = " ".join(title.split())
    if not title:
        raise click.UsageError("The title is empty.")
    with dial() as client:
        id = named(client, id)
        params = session.SetParams(key=new_key(), session=id, title=title)
        result = client.call("session.set", params, session.SetResult)
    if as_json:
        sys.stdout.write(json_text({"session": id, "title": title, "seq": result.seq}))
    return DONE
