"""A session's title, asked of a model when the session has been idle for a while: a side query, at most once a turn.

It decides when (30 s after a turn's end, if nobody has named the session and nothing was said since) and what of the
talk is shown (how it began, what was answered last). Whatever comes between ends it, and nothing waits for it. Callers:
`turn.runner`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from agentd.context.prompt_text import prompt
from agentd.context.reminders import escaped
from agentd.errors import AgentdError
from agentd.session.entries import Changed, Replied, Requested
from agentd.session.fold import first_title
from agentd.session.log import SessionLog
from agentd.turn.events import DAEMON, Change, Event
from agentd.turn.parts import Parts
from agentd.turn.side_query import SideQueries, SideQuery
from agentproto.content import text_of

__all__ = ["IDLE_MS", "Titles"]

IDLE_MS = 30_000
"""How long a session is left alone first: a person who goes on talking wants the model's cache, not a title."""
_SHOWN_CHARS = 2_000
"""Of the first message, and of the last answer: what it is about stands at the beginning."""
_LONGEST = 80
_SCHEMA = {
    "type": "object",
    "properties": {"title": {"type": "string"}},
    "required": ["title"],
    "additionalProperties": False,
}


class Titles:
    """One session's. `feed` gives the session an event."""

    def __init__(self, parts: Parts, log: SessionLog, feed: Callable[[Event], Awaitable[object]]) -> None:
        self._parts = parts
        self._log = log
        self._feed = feed
        self._queries = SideQueries(parts)
        self._task: asyncio.Task[None] | None = None

    def soon(self) -> None:
        """A turn has ended."""
        self.never_mind()
        if self._parts.settings().titles:
            self._task = self._parts.tasks.start(f"{self._log.session} title", self._make())

    def never_mind(self) -> None:
        """Something is said, or the session is put away: the session's title can wait."""
        if self._task is not None and self._task is not asyncio.current_task():
            self._task.cancel()
        self._task = None

    async def _make(self) -> None:
        await self._parts.world.clock.sleep(IDLE_MS)
        try:
            first, last = self._talk()
        except AgentdError:
            return  # what can't be read is told by whoever needs it
        state = self._log.state
        if first is None or state.title != first_title(first.prompt):
            return  # somebody has named it
        shown = f"It began:\n{escaped(first.prompt[:_SHOWN_CHARS])}\n\nAnswered last:\n{escaped(last[:_SHOWN_CHARS])}"
        model = first.model or state.model or self._parts.models.default()
        query = SideQuery("title", state.session, model, prompt("side/title"), shown, _SCHEMA)
        answer = await self._queries.ask(query)
        title = " ".join(str((answer or {}).get("title", "")).split())[:_LONGEST]
        if title:
            self._task = None  # its own entry is no reason to stop it
            try:
                await self._feed(Change(Changed(actor=DAEMON, title=title), instead_of=state.title))
            except AgentdError:
                return  # the daemon stops, or the session takes no more entries: it goes without

    def _talk(self) -> tuple[Requested | None, str]:
        """The first message, and the newest answer with words."""
        refs = self._log.all_refs()
        first = next((e for ref in refs if isinstance(e := self._log.entry_at(ref), Requested)), None)
        replies = (e for ref in reversed(refs) if isinstance(e := self._log.entry_at(ref), Replied))
        return first, next((text for reply in replies if (text := text_of(reply.blocks))), "")
