"""Whole lists out of pages: sessions, a session's events, its mutating calls. Each comes as it is read, page by page.

Callers: the verbs of this room. Nothing is decided here.
"""

from __future__ import annotations

from collections.abc import Iterator

from agentclient.blocking import BlockingClient
from agentproto.api import session
from agentproto.limits import LIMITS
from agentproto.revisions import WorkflowParams, WorkflowResult, WorkflowStep

__all__ = ["events_of", "sessions_of", "steps_of"]


def sessions_of(client: BlockingClient, workspace: str | None = None) -> Iterator[session.SessionSummary]:
    """All sessions (of a workspace), newest first."""
    cursor: str | None = None
    while True:
        params = session.ListParams(cursor=cursor, limit=LIMITS.page, workspace=workspace)
        page = client.call("session.list", params, session.ListResult)
        yield from page.sessions
        cursor = page.cursor
        if cursor is None:
            return


def events_of(
    client: BlockingClient, id: str, *, after_seq: int = 0, redacted: bool = False
) -> Iterator[session.StreamedEvent]:
    """A session's logged events after a number, oldest first."""
    after: int | None = after_seq
    while after is not None:
        params = session.ItemsParams(session=id, after_seq=after, limit=LIMITS.page, redacted=redacted)
        page = client.call("session.items", params, session.ItemsResult)
        yield from page.events
        after = page.next_seq


def steps_of(client: BlockingClient, id: str) -> Iterator[WorkflowStep]:
    """A session's mutating calls, oldest first."""
    cursor: str | None = None
    while True:
        params = WorkflowParams(session=id, cursor=cursor, limit=LIMITS.page)
        page = client.call("session.workflow", params, WorkflowResult)
        yield from page.steps
        cursor = page.cursor
        if cursor is None:
            return
