"""Slash commands that take back, branch, name, find and hand over: what each asks of the daemon, and what is shown.

What was taken back is shown by the session's own event, to everybody who watches; here is only what the person who asked
gets besides: the message, back in the line. Callers: `loop`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

from agentclient.client import Client
from agentclient.keys import new_key
from agentctl.chat.talk import Talk
from agentctl.render.export import as_markdown
from agentctl.render.safe import one_line
from agentctl.render.table import aligned, moment
from agentctl.sessions import steps
from agentctl.sessions.hits import listed, waiting_line
from agentctl.sessions.newfile import write_new
from agentctl.sessions.turns import picked, turns_of
from agentproto.api import session
from agentproto.keeping import SearchParams, SearchResult
from agentproto.limits import LIMITS
from agentproto.revisions import (
    ForkParams,
    ForkResult,
    RevertResult,
    RewindParams,
    UndoParams,
    WorkflowParams,
    WorkflowResult,
)

__all__ = ["revise"]

_PROMPT = 70
_HITS = 10


async def revise(talk: Talk, name: str, argument: str, refill: Callable[[str], None]) -> None:
    """Do `/name argument`. `refill` puts a text back into the line. ClientError when the daemon refuses."""
    if name == "search":
        await _search(talk, argument)
        return
    id = talk.session
    if id is None:
        talk.plain.note("nothing has been said here yet")
        return
    match name:
        case "undo" | "redo":
            params = UndoParams(key=new_key(), session=id, redo=name == "redo")
            result = await talk.client.call("session.undo", params, RevertResult)
            if name == "undo" and result.prompt:
                refill(result.prompt)
        case "rewind":
            await _rewind(talk, id, argument, refill)
        case "fork":
            made = await talk.client.call("session.fork", ForkParams(key=new_key(), session=id), ForkResult)
            await talk.switch(made.session)
            talk.plain.note(f"this is now session {made.session}, a fork of {id} with {_turns(made.turns)}")
        case "rename":
            title = " ".join(argument.split())
            if not title:
                talk.plain.note("say the title: /rename TITLE")
                return
            set_ = session.SetParams(key=new_key(), session=id, title=title)
            await talk.client.call("session.set", set_, session.SetResult)
            talk.plain.note(f"its title is now: {title}")
        case "workflow":
            await _workflow(talk, id)
        case "export":
            await _export(talk, id, argument)
        case _:
            raise AssertionError(name)  # `parse` knows no other


def _turns(count: int) -> str:
    return f"{count} turn{'s' if count != 1 else ''}"


async def _rewind(talk: Talk, id: str, argument: str, refill: Callable[[str], None]) -> None:
    turns = turns_of([event async for event in _events(talk.client, id)])
    if not argument:
        rows = [(str(one.number), moment(one.at_ms), one_line(one.prompt, _PROMPT)) for one in turns]
        talk.plain.block(aligned(("n", "asked", "message"), rows) if rows else "  no turns\n")
        talk.plain.note("/rewind N takes back the turns after turn N; 0: all of them")
        return
    to = None if argument in ("0", "start") else picked(turns, argument, id).id
    params = RewindParams(key=new_key(), session=id, to_turn=to)
    result = await talk.client.call("session.rewind", params, RevertResult)
    if result.prompt:
        refill(result.prompt)


async def _workflow(talk: Talk, id: str) -> None:
    found: list[tuple[str, ...]] = []
    cursor: str | None = None
    while True:
        params = WorkflowParams(session=id, cursor=cursor, limit=LIMITS.page)
        page = await talk.client.call("session.workflow", params, WorkflowResult)
        found += steps.rows_of(page.steps, talk.workspace)
        cursor = page.cursor
        if cursor is None:
            break
    talk.plain.block(aligned(steps.HEADERS, found) if found else f"  {steps.EMPTY}\n")


async def _search(talk: Talk, words: str) -> None:
    if not words:
        talk.plain.note("say what to look for: /search WORDS")
        return
    found = await talk.client.call("session.search", SearchParams(query=words, limit=_HITS), SearchResult)
    talk.plain.block(listed(found.hits, words, colour=talk.plain.colour) or "  nothing fits\n")
    waiting = waiting_line(found)
    if waiting:
        talk.plain.note(waiting)


async def _export(talk: Talk, id: str, argument: str) -> None:
    found = await talk.client.call("session.read", session.ReadParams(id), session.ReadResult)
    text = as_markdown(found, [event async for event in _events(talk.client, id)])
    talk.plain.note(f"written: {write_new(argument or f'{id}.md', text)}")


async def _events(client: Client, id: str) -> AsyncIterator[session.StreamedEvent]:
    after: int | None = 0
    while after is not None:
        params = session.ItemsParams(session=id, after_seq=after, limit=LIMITS.page)
        page = await client.call("session.items", params, session.ItemsResult)
        for event in page.events:
            yield event
        after = page.next_seq
