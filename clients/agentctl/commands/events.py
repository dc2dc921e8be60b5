"""`agentctl events`: what happened to the daemon and its parts, from its own log, and live with --follow."""

from __future__ import annotations

import sys
import time
from typing import get_args

import click

from agentclient.turn_stream import is_unknown_word
from agentctl.exits import DONE
from agentctl.options import dial, json_option
from agentctl.render.machine import json_line
from agentctl.render.safe import one_line
from agentproto.api import daemon, log
from agentproto.errors import RemoteProtocolError
from agentproto.link import Happened
from agentproto.shape import typed

__all__ = ["CATEGORIES", "command"]

CATEGORIES: tuple[str, ...] = get_args(daemon.Category)
_REST_MS = 1000
"""How long the end of the log is waited for when the last number has no event of this stream."""


@click.command("events", short_help="What happened to the daemon.")
@click.option("-f", "--follow", is_flag=True, help="Go on with what happens from now.")
@click.option("--category", type=click.Choice(CATEGORIES), multiple=True, help="Only these (may be repeated).")
@click.option("--after", type=click.IntRange(min=0), default=0, metavar="SEQ", help="Only after this number.")
@json_option
def command(follow: bool, category: tuple[str, ...], after: int, as_json: bool) -> int:
    """What happened to the daemon and its parts; one line of JSON each with --json."""
    with dial() as client:
        params = log.SubscribeParams(stream=log.DAEMON_STREAM, after_seq=after)
        head = client.call("log.subscribe", params, log.SubscribeResult).head_seq
        seq = after
        while follow or seq < head:
            event = client.next_event(_REST_MS)
            if event is None and not follow:
                break
            if event is None or event.name != "daemon.happened":
                continue
            try:
                happened = typed(event.body, daemon.HappenedEvent)
            except RemoteProtocolError as fault:
                if not is_unknown_word(fault):
                    raise
                seq = _print_raw(event, as_json)  # a newer daemon's category: told as it came, whatever was asked for
                continue
            seq = happened.seq
            if not category or happened.category in category:
                _print(happened, as_json)
    return DONE


def _print(happened: daemon.HappenedEvent, as_json: bool) -> None:
    if as_json:
        sys.stdout.write(json_line(happened))
    else:
        at = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(happened.at_ms / 1000))
        where = f" [{happened.session}]" if happened.session else ""
        sys.stdout.write(f"{at}  {happened.category:<10}  {happened.name:<18}  {one_line(happened.text)}{where}\n")
    sys.stdout.flush()


def _print_raw(event: Happened, as_json: bool) -> int:
    line = json_line(event.body)
    sys.stdout.write(line if as_json else f"{one_line(line)}\n")
    sys.stdout.flush()
    seq = event.body.get("seq")
    return seq if isinstance(seq, int) else 0
