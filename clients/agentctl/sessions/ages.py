"""`--older-than 30d`: an age as days, and the sessions that the daemon finds to be that old.

The daemon decides which they are (it knows which run, and which were used last); asking it changes nothing. Callers:
`archiving`, `removing`.
"""

from __future__ import annotations

import re
from typing import Literal

import click

from agentclient.blocking import BlockingClient
from agentclient.errors import ClientError
from agentclient.keys import new_key
from agentproto.keeping import Retained, RetainParams, RetainResult

__all__ = ["as_days", "older"]

_AGE = re.compile(r"([1-9][0-9]{0,5})([dwy]?)\Z")
_DAYS = {"": 1, "d": 1, "w": 7, "y": 365}
_NEVER = 0
_NO_LIMIT = 0


def as_days(ctx: click.Context, param: click.Parameter, value: str | None) -> int | None:
    """Click's callback of the option: days from `30d`, `30`, `6w` or `1y`; at least one."""
    if value is None:
        return None
    found = _AGE.match(value)
    if found is None:
        raise click.BadParameter(f"{value!r} is no age; say 30d, 6w or 1y.", ctx, param)
    return int(found[1]) * _DAYS[found[2]]


def older(client: BlockingClient, days: int, action: Literal["archive", "remove"]) -> tuple[Retained, ...]:
    """What the daemon would archive or remove because of its age; nothing is done.

    ClientError when it would do anything else by that: then nothing should be built on its answer.
    """
    params = RetainParams(
        key=new_key(),
        dry_run=True,
        archive_after_days=days if action == "archive" else _NEVER,
        remove_after_days=days if action == "remove" else _NEVER,
        max_bytes=_NO_LIMIT,
    )
    found = client.call("session.retain", params, RetainResult).actions
    if any(one.action != action for one in found):
        raise ClientError(
            f"the daemon would not only {action}",
            why="It was asked about the age alone, and answers with something else too.",
            remedy="Name the sessions by their ids; agentctl version --daemon shows whether the two fit.",
        )
    return found
