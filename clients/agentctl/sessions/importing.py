"""`sessions import FILE`: take in a session that `sessions export --format bundle` wrote."""

from __future__ import annotations

import sys

import click

from agentclient.keys import new_key
from agentctl.exits import DONE
from agentctl.options import dial, json_option
from agentctl.render.machine import json_text
from agentctl.sessions.newfile import absolute
from agentproto.keeping import ImportParams, ImportResult

__all__ = ["command"]


@click.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False))
@json_option
def command(file: str, as_json: bool) -> int:
    """Take in the session of a bundle, under its own id, and print that."""
    with dial() as client:
        params = ImportParams(key=new_key(), path=absolute(file))
        made = client.call("session.import", params, ImportResult)
    sys.stdout.write(json_text(made) if as_json else made.session + "\n")
    sys.stderr.write(f"- {made.entries} entries; state {made.state_hash}\n")
    return DONE
