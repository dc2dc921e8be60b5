"""`sessions search QUERY...`: full text over what people and models said, calls and their results."""

from __future__ import annotations

import sys

import click

from agentctl.exits import DONE
from agentctl.options import dial, json_option
from agentctl.render.machine import json_text
from agentctl.sessions.hits import listed, waiting_line
from agentctl.sessions.naming import named, this_folder
from agentctl.terminal import colours
from agentproto.keeping import SearchParams, SearchResult

__all__ = ["command"]


@click.command("search")
@click.argument("query", nargs=-1, required=True)
@click.option("--here", is_flag=True, help="Only sessions of this folder's workspace.")
@click.option("-s", "--session", metavar="ID", help="Only that session.")
@click.option("-n", "--limit", type=click.IntRange(min=1), default=20, help="At most so many (default 20).")
@json_option
def command(query: tuple[str, ...], here: bool, session: str | None, limit: int, as_json: bool) -> int:
    """Pieces that fit QUERY best, with the session and the number of the entry (#N) where they are.

    From there on it can be read with: agentctl attach ID --view --after N
    """
    words = " ".join(query)
    with dial() as client:
        params = SearchParams(
            query=words,
            limit=limit,
            workspace=this_folder() if here else None,
            session=named(client, session) if session is not None else None,
        )
        found = client.call("session.search", params, SearchResult)
    if as_json:
        sys.stdout.write(json_text(found))
    elif found.hits:
        sys.stdout.write(listed(found.hits, words, colour=colours(sys.stdout)))
    else:
        looked = f" in {found.sessions} session{'s' if found.sessions != 1 else ''}" if found.sessions else ""
        sys.stderr.write(f"Nothing fits{looked}.\n")
    waiting = waiting_line(found)
    if waiting:
        sys.stderr.write(f"- {waiting}\n")
    return DONE
