"""`agentctl approve`: allow what a question asks for, once or for longer."""

from __future__ import annotations

from typing import cast, get_args

import click

from agentctl.commands.answer import give
from agentctl.options import json_option
from agentproto.api import question

__all__ = ["command"]


@click.command("approve", short_help="Allow what a question asks for.")
@click.argument("id")
@click.option(
    "--for", "scope", type=click.Choice(get_args(question.Scope)), default="once", help="For how long (default: once)."
)
@json_option
def command(id: str, scope: str, as_json: bool) -> int:
    """Allow what question ID asks for. The first answer wins; `agentctl pending` lists the questions."""
    return give(id, "approve", as_json, scope=cast("question.Scope", scope))
