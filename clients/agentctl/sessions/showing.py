"""`sessions show ID`: what a session is, or one view of it: its turns, its calls, its latest turn's times, its forks."""

from __future__ import annotations

import sys

import click

from agentclient.blocking import BlockingClient
from agentctl.exits import DONE
from agentctl.options import dial, json_option
from agentctl.render.machine import json_text, plain
from agentctl.render.safe import one_line, safe
from agentctl.render.table import moment, show, size_text
from agentctl.sessions import steps
from agentctl.sessions import timeline as times
from agentctl.sessions.family import drawn, family
from agentctl.sessions.naming import named
from agentctl.sessions.paging import events_of, sessions_of, steps_of
from agentctl.sessions.turns import short, turns_of
from agentproto.api import session

__all__ = ["command"]

_BACK = 500
"""Entries at the log's end in which the latest turn is looked for first; then ever more."""
_PROMPT = 80


@click.command("show")
@click.argument("id")
@click.option("--turns", "view", flag_value="turns", help="Its turns by number: what was asked, how it ended.")
@click.option("--tree", "view", flag_value="tree", help="Its forks, and what it was forked from.")
@click.option("--workflow", "view", flag_value="workflow", help="Calls that change something, and their files.")
@click.option("--trace", "view", flag_value="trace", help="Where the latest turn's time went.")
@click.option("--state", "view", flag_value="state", help="Also the loop's own counters.")
@json_option
def command(id: str, view: str | None, as_json: bool) -> int:
    """One session's present state, its open questions and what it used; or one view of it."""
    with dial() as client:
        id = named(client, id)
        match view:
            case "turns":
                return _turns(client, id, as_json)
            case "tree":
                return _tree(client, id, as_json)
            case "workflow":
                return _workflow(client, id, as_json)
            case "trace":
                return _trace(client, id, as_json)
            case _:
                return _facts(client, id, as_json, state=view == "state")


def _facts(client: BlockingClient, id: str, as_json: bool, *, state: bool) -> int:
    found = client.call("session.read", session.ReadParams(id), session.ReadResult)
    if as_json:
        sys.stdout.write(json_text(found))
        return DONE
    one = found.summary
    facts = [
        ("title", one.title),
        ("workspace", one.workspace),
        ("state", one.state + (f", {found.queued} queued" if found.queued else "") + _archived(one)),
        ("mode", found.mode),
        *((("model", one.model),) if one.model else ()),
        *((("fork of", one.parent),) if one.parent else ()),
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


def _archived(one: session.SessionSummary) -> str:
    return ", archived" if one.archived else ""


def _turns(client: BlockingClient, id: str, as_json: bool) -> int:
    found = turns_of(events_of(client, id))
    if as_json:
        sys.stdout.write(json_text(found))
        return DONE
    rows = [
        (str(one.number), short(one.id), moment(one.at_ms), one.stop or "open", one_line(one.prompt, _PROMPT))
        for one in found
    ]
    show(("n", "turn", "asked", "ended", "message"), rows, empty="It has no turns.")
    return DONE


def _tree(client: BlockingClient, id: str, as_json: bool) -> int:
    found = family(id, sessions_of(client))
    if not found:
        client.call("session.read", session.ReadParams(id), session.ReadResult)  # says that there is none
    sys.stdout.write(json_text(found) if as_json else drawn(found))
    return DONE


def _workflow(client: BlockingClient, id: str, as_json: bool) -> int:
    found = list(steps_of(client, id))
    if as_json:
        sys.stdout.write(json_text(found))
        return DONE
    workspace = client.call("session.read", session.ReadParams(id), session.ReadResult).summary.workspace
    show(steps.HEADERS, steps.rows_of(found, workspace), empty=steps.EMPTY)
    return DONE


def _trace(client: BlockingClient, id: str, as_json: bool) -> int:
    head = client.call("session.read", session.ReadParams(id), session.ReadResult).summary.seq
    found: times.Timeline | None = None
    back = _BACK
    while found is None:
        events = list(events_of(client, id, after_seq=max(0, head - back)))
        turn = times.latest_turn(events)
        found = times.timeline(turn, events) if turn is not None else None
        if back >= head:
            break
        back *= 4
    if as_json:
        sys.stdout.write(json_text(found))
        return DONE
    if found is None:
        sys.stderr.write("It has no turn that began.\n")
        return DONE
    sys.stdout.write(f"turn {found.turn}, {moment(found.at_ms)}: {found.ms} ms, {found.stop or 'it runs still'}\n")
    show(times.HEADERS, times.rows_of(found), empty="Nothing of it is recorded yet.")
    return DONE
