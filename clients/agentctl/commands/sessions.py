"""`agentctl sessions list|show|export`: conversations, as the daemon has them in their logs."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator

import click

from agentclient.blocking import BlockingClient
from agentclient.errors import ClientError
from agentctl.exits import DONE
from agentctl.options import dial, json_option
from agentctl.render.export import as_document, as_markdown
from agentctl.render.machine import json_text, plain
from agentctl.render.safe import safe
from agentctl.render.table import moment, show, size_text
from agentproto.api import session
from agentproto.limits import LIMITS

__all__ = ["command"]


@click.group("sessions", short_help="Conversations.")
def command() -> None:
    """Conversations and their logs."""


@command.command("list")
@click.option("--here", is_flag=True, help="Only those of this folder's workspace.")
@click.option("-n", "--limit", type=click.IntRange(min=1), default=50, help="At most so many (default 50).")
@click.option("--all", "everything", is_flag=True, help="All of them.")
@json_option
def list_(here: bool, limit: int, everything: bool, as_json: bool) -> int:
    """Sessions, newest first."""
    found: list[session.SessionSummary] = []
    cursor: str | None = None
    with dial() as client:
        while everything or len(found) < limit:
            page = LIMITS.page if everything else min(LIMITS.page, limit - len(found))
            params = session.ListParams(cursor=cursor, limit=page, workspace=os.getcwd() if here else None)
            result = client.call("session.list", params, session.ListResult)
            found += result.sessions
            cursor = result.cursor
            if cursor is None:
                break
    if as_json:
        sys.stdout.write(json_text(found))
    else:
        rows = [
            (one.id, one.state, str(one.turns), moment(one.updated_at_ms), one.title, one.workspace) for one in found
        ]
        show(("session", "state", "turns", "last", "title", "workspace"), rows, empty="There are no sessions yet.")
    if cursor is not None:
        sys.stderr.write("there are more: --all\n")
    return DONE


@command.command("show")
@click.argument("id")
@click.option("--state", is_flag=True, help="Also the loop's own counters.")
@json_option
def show_(id: str, state: bool, as_json: bool) -> int:
    """One session's present state, its open questions and what it used."""
    with dial() as client:
        found = client.call("session.read", session.ReadParams(id), session.ReadResult)
    if as_json:
        sys.stdout.write(json_text(found))
        return DONE
    one = found.summary
    facts = [
        ("title", one.title),
        ("workspace", one.workspace),
        ("state", one.state + (f", {found.queued} queued" if found.queued else "")),
        ("mode", found.mode),
        *((("model", one.model),) if one.model else ()),
        ("turns", str(one.turns)),
        ("begun", moment(one.created_at_ms)),
        ("last", moment(one.updated_at_ms)),
        ("used", f"{found.usage.calls} calls, {found.usage.input} tokens in, {found.usage.output} out"),
        ("log", f"{found.log_file} ({one.seq} entries, {size_text(one.bytes)})"),
        *((("DAMAGED", one.damage),) if one.damage else ()),
        *(("question", f"{opened.id}: {opened.summary}") for opened in found.questions),
    ]
    if state:
        facts += [(f"  {name}", str(plain(value))) for name, value in sorted(found.state_fields.items())]
    sys.stdout.write(f"session {one.id}\n" + "".join(f"  {name:<10}  {safe(value)}\n" for name, value in facts))
    return DONE


@command.command("export")
@click.argument("id")
@click.option("--format", "form", type=click.Choice(["md", "json"]), default="md", help="Default: md.")
@click.option("-o", "--output", type=click.Path(dir_okay=False), help="Write a new file instead of stdout.")
def export(id: str, form: str, output: str | None) -> int:
    """A whole session as Markdown or JSON."""
    with dial() as client:
        found = client.call("session.read", session.ReadParams(id), session.ReadResult)
        events = list(_events(client, id))
    text = json_text(as_document(found, events)) if form == "json" else as_markdown(found, events)
    if output is None:
        sys.stdout.write(text)
        return DONE
    try:
        with open(output, "x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise ClientError(
            f"{output} exists already", why="An export never overwrites a file.", remedy="Choose another name."
        ) from None
    return DONE


def _events(client: BlockingClient, id: str) -> Iterator[session.StreamedEvent]:
    after: int | None = 0
    while after is not None:
        params = session.ItemsParams(session=id, after_seq=after, limit=LIMITS.page)
        page = client.call("session.items", params, session.ItemsResult)
        yield from page.events
        after = page.next_seq
