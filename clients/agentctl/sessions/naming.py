"""Which session a person means: its id, the beginning or the end of it, or `latest`.

A whole id is taken as it is and costs nothing. `latest` is this workspace's newest; four characters or more are looked
up in the list of sessions, beginnings first (ids begin with the time, so a fresh one is told apart by its end). What
fits nothing is left as it is: the daemon then says that there is no such session. Callers: every command that takes ID.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable

from agentclient.blocking import BlockingClient
from agentclient.errors import ClientError
from agentctl.options import dial
from agentctl.sessions.paging import sessions_of
from agentproto.api import session

__all__ = ["LATEST", "chosen", "looked_up", "named", "this_folder"]

LATEST = "latest"
_WHOLE = re.compile(r"s[0-9a-z]{16}\Z")
_PART = re.compile(r"[0-9a-z]{4,16}\Z")


def named(client: BlockingClient, text: str) -> str:
    """The id that `text` stands for. ClientError when several fit, or when this workspace has no session."""
    if text == LATEST:
        params = session.ListParams(limit=1, workspace=this_folder())
        found = client.call("session.list", params, session.ListResult).sessions
        if not found:
            raise ClientError(
                "there is no latest session",
                why="This folder's workspace has no session yet.",
                remedy="agentctl sessions list",
            )
        return found[0].id
    if _WHOLE.match(text) or not _PART.match(text):
        return text
    return chosen(text, sessions_of(client))


def looked_up(text: str) -> str:
    """`named` by a connection of its own, where one is needed at all: for commands whose own client comes later."""
    if _WHOLE.match(text) or (text != LATEST and not _PART.match(text)):
        return text
    with dial() as client:
        return named(client, text)


def chosen(text: str, sessions: Iterable[session.SessionSummary]) -> str:
    """The one id that begins with `text`, else the one that ends with it; `text` itself when there is none.

    ClientError naming them when there are several.
    """
    known = list(sessions)
    fitting = [one for one in known if one.id.startswith(text)] or [one for one in known if one.id.endswith(text)]
    if len(fitting) > 1:
        names = ", ".join(one.id for one in fitting[:5]) + (", ..." if len(fitting) > 5 else "")
        raise ClientError(
            f"{len(fitting)} sessions are meant by {text!r}", why=f"They are {names}.", remedy="Give more of the id."
        )
    return fitting[0].id if fitting else text


def this_folder() -> str:
    """The folder in which the command was called: its workspace is meant by `--here` and `latest`."""
    return os.getcwd()
