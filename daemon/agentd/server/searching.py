"""session.search: full text over all sessions, asked of the worker process.

It decides what a search may ask for, how long it may index before it answers, and what a person is told when it can't.
It never reads a log itself: what was acknowledged is in the files, and the job indexes them before it looks. Its row is
part of `server.handlers.session`.
"""

from __future__ import annotations

import msgspec

from agentd.errors import BadInputError, DeadlineError, NotFoundError, WorkerError
from agentd.search.query import parse
from agentd.server.handling import Call, Handler
from agentd.server.places import place, workspace_of
from agentd.session.folders import time_of
from agentd.session.pieces import INDEX_FILE
from agentproto.keeping import SearchHit, SearchParams, SearchResult
from agentproto.limits import LIMITS

__all__ = ["DEADLINE_MS", "JOB", "ROWS", "SLICES", "SLICE_MS"]

JOB = "search-sessions"

SLICE_MS = 1_500
"""Of indexing in one job. Between two, other jobs have the worker: a turn's grep must not wait for a whole search."""

SLICES = 5
"""Jobs of one search while logs wait to be indexed: some eight seconds, and nobody waits longer for an answer that may
be half of it."""

DEADLINE_MS = 30_000
"""A job that takes this long hangs (a disk that does not answer); its worker is ended, the index stays good."""


class _Found(msgspec.Struct, frozen=True):
    """What the job answers."""

    hits: tuple[SearchHit, ...]
    sessions: int
    waiting: int
    known: bool


async def _search(call: Call, params: SearchParams) -> SearchResult:
    services = call.services
    if params.limit > LIMITS.page:
        raise BadInputError(f"limit is {params.limit}; it has to be 1 to {LIMITS.page}", field="limit")
    if not parse(params.query).terms:
        raise BadInputError(
            "there is no word to search for",
            why="only letters and digits are indexed",
            remedy='Give words, "a phrase", or the beginning of a word with a star: log*.',
            field="query",
        )
    if params.session is not None:
        time_of(params.session)
    workspace = ""
    if params.workspace is not None:
        workspace = workspace_of(services.world.files, place(services.world.files, params.workspace))
    arguments: dict[str, object] = {
        "data": services.folders.data,
        "index": f"{services.folders.cache}/{INDEX_FILE}",
        "query": params.query,
        "limit": params.limit,
        "session": params.session or "",
        "workspace": workspace,
        "budget_ms": SLICE_MS,
    }
    found = await _ask(call, arguments)
    for _ in range(SLICES - 1):
        if not found.waiting:
            break
        found = await _ask(call, arguments)
    if params.session is not None and not found.known:
        raise NotFoundError(
            f"there is no session {params.session}", remedy="`agentctl sessions list` shows them.", field="session"
        )
    return SearchResult(found.hits, found.sessions, found.waiting)


async def _ask(call: Call, arguments: dict[str, object]) -> _Found:
    try:
        return msgspec.convert(await call.services.world.processes.job(JOB, arguments, DEADLINE_MS), _Found)
    except DeadlineError:
        raise DeadlineError(
            f"the search took longer than {DEADLINE_MS // 1000} s and was ended",
            why="the disk or the machine is very busy, or the index can't be read",
            remedy=f"Search again: it goes on where it was. If it stays so, delete {arguments['index']} and search "
            "again: the index is rebuilt from the sessions.",
        ) from None
    except WorkerError as fault:
        raise WorkerError(
            "the search failed",
            why=fault.why or fault.what,
            remedy=f"Search again. If it stays so, delete {arguments['index']} (it is rebuilt) or look at the disk: "
            "`agentctl doctor`.",
        ) from fault


ROWS: dict[str, Handler] = {"session.search": _search}
