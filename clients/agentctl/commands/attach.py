"""`agentctl attach ID`: join a session. On a terminal it is `chat` in that session; in a pipe, or with --view, items so
far and then live. Several may be attached; each sees the same items in the same order."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import cast

import click

from agentctl.commands.ask import screen
from agentctl.follow import Follower, Interrupts
from agentctl.lazy import load
from agentctl.options import dial, session_id
from agentctl.render.machine import json_line
from agentctl.render.plain import Plain
from agentctl.terminal import is_terminal, moves, reachable
from agentproto.api import log
from agentproto.link import Happened

__all__ = ["command"]


@click.command("attach", short_help="Join a session.")
@click.argument("id")
@click.option("--view", is_flag=True, help="Only show (and answer questions); do not open a prompt.")
@click.option(
    "--after", type=click.IntRange(min=-1), default=0, metavar="SEQ", help="Only after this number; -1: live."
)
@click.option("--jsonl", "as_jsonl", is_flag=True, help="Print every event as a line of JSON.")
@click.option("--no-input", is_flag=True, help="Never ask.")
def command(id: str, view: bool, after: int, as_jsonl: bool, no_input: bool) -> int:
    """Items of session ID so far, then live. Ctrl-C leaves; the session goes on."""
    id = session_id(id)
    on_terminal = moves(sys.stdin) and moves(sys.stdout)
    if on_terminal and not (view or after or as_jsonl or no_input):
        return cast("Callable[[str], int]", load("agentctl.commands.chat", "talk"))(id)
    interrupts = Interrupts()
    with dial(give_variables=True) as client, interrupts.watched():
        client.call("log.subscribe", log.SubscribeParams(stream=id, after_seq=after), log.SubscribeResult)
        plain = Plain(screen(answer=not as_jsonl), prompts=True)
        may_ask = not no_input and is_terminal(sys.stderr) and reachable()
        follower = Follower(client, plain, may_ask=may_ask, each=_print if as_jsonl else None)
        return follower.follow(id, None, interrupts).code


def _print(event: Happened) -> None:
    sys.stdout.write(json_line({"event": event.name, **event.body}))
    sys.stdout.flush()
