"""`agentctl chat`: talk, and steer it while it works. The terminal itself is `agentctl.chat.loop`."""

from __future__ import annotations

import asyncio
import sys

import click

from agentclient.errors import ClientError
from agentctl.chat.loop import converse
from agentctl.options import session_id
from agentctl.terminal import moves
from agentproto.api import turn

__all__ = ["command", "talk"]


@click.command("chat", short_help="Talk with it.")
@click.option("-c", "--continue", "latest", is_flag=True, help="Go on with this workspace's latest session.")
@click.option("-s", "--session", metavar="ID", help="Go on with that session.")
@click.option("--mode", type=click.Choice(["ask", "plan"]), default="ask", help="What is asked about.")
@click.option("--model", "model_name", metavar="NAME", help="Connection to use for a new session.")
@click.option("--vi", is_flag=True, help="vi keys (/vim changes it).")
@click.option("--plain", is_flag=True, help="The model's words as they are, for screen readers.")
def command(latest: bool, session: str | None, mode: turn.Mode, model_name: str | None, vi: bool, plain: bool) -> int:
    """Talk in this folder. /help lists commands and keys."""
    session = session_id(session) if session is not None else None
    return talk(session, latest=latest, mode=mode, model_name=model_name, vi=vi, plain=plain)


def talk(
    session: str | None,
    *,
    latest: bool = False,
    mode: turn.Mode = "ask",
    model_name: str | None = None,
    vi: bool = False,
    plain: bool = False,
) -> int:
    """Open the conversation on this terminal; the exit code."""
    if not moves(sys.stdin) or not moves(sys.stdout):
        raise ClientError(
            "chat needs a terminal",
            why="stdin or stdout is not one, or TERM says that it can't move its cursor.",
            remedy="agentctl ask PROMPT, or: agentctl attach --view ID",
        )
    return asyncio.run(converse(session, latest=latest, mode=mode, model_name=model_name, vi=vi, plain=plain))
