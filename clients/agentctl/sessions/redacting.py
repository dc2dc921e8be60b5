"""`sessions redact ID`: a new session in which secrets are replaced. The old one stays until it is removed."""

from __future__ import annotations

import sys

import click

from agentclient.keys import new_key
from agentctl.exits import DONE
from agentctl.options import dial, json_option
from agentctl.render.machine import json_text
from agentctl.sessions.naming import named
from agentproto.keeping import RedactParams, RedactResult

__all__ = ["command", "counted"]


@click.command("redact")
@click.argument("id")
@json_option
def command(id: str, as_json: bool) -> int:
    """Print the id of a copy of session ID without its secrets."""
    with dial() as client:
        id = named(client, id)
        made = client.call("session.redact", RedactParams(key=new_key(), session=id), RedactResult)
    sys.stdout.write(json_text(made) if as_json else made.session + "\n")
    sys.stderr.write(f"- {counted(made.replaced)}; the old one is still there: agentctl sessions rm {id}\n")
    return DONE


def counted(replaced: dict[str, int]) -> str:
    """How many secrets of which kind were replaced."""
    if not replaced:
        return "no secrets were found"
    return "replaced: " + ", ".join(f"{count} {kind}" for kind, count in sorted(replaced.items()))
