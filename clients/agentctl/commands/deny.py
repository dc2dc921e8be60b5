"""`agentctl deny`: refuse what a question asks for; the model is told why."""

from __future__ import annotations

import click

from agentctl.commands.answer import give
from agentctl.options import json_option

__all__ = ["command"]


@click.command("deny", short_help="Refuse what a question asks for.")
@click.argument("id")
@click.option("--why", metavar="TEXT", default="", help="Words for the model.")
@json_option
def command(id: str, why: str, as_json: bool) -> int:
    """Refuse what question ID asks for; the turn goes on without it."""
    return give(id, "deny", as_json, text=why)
