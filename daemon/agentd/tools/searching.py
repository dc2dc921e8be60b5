"""Runs a search: asks the worker process, and turns what can go wrong there into words for the model.

It decides how long a search may take and where the rules of version control begin. It must never search by itself.
Called by the tools that look through folders.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from agentd.errors import DeadlineError, ToolError, WorkerError
from agentd.tools.base import ToolContext
from agentd.tools.places import Place, below

__all__ = ["BUDGET_MS", "DEADLINE_MS", "FoundFiles", "FoundPaths", "run_grep_job", "run_paths_job", "top_of"]

BUDGET_MS = 15_000
"""After this a search answers with what it has."""

DEADLINE_MS = 20_000
"""After this the worker is ended: a pattern that takes for ever in one file cannot be asked to stop."""


class FoundFiles(msgspec.Struct, frozen=True):
    """What the grep job answers: (path, count, lines as (number, text, hit)) for each file."""

    files: tuple[tuple[str, int, tuple[tuple[int, str, bool], ...]], ...]
    stopped: str


class FoundPaths(msgspec.Struct, frozen=True):
    """What the glob and ls-tree jobs answer."""

    paths: tuple[str, ...]
    stopped: str


async def run_grep_job(context: ToolContext, arguments: Mapping[str, object]) -> FoundFiles:
    """ToolError when the search failed or took too long."""
    return msgspec.convert(await _run(context, "grep", arguments), FoundFiles)


async def run_paths_job(context: ToolContext, name: str, arguments: Mapping[str, object]) -> FoundPaths:
    """The same for the jobs that answer with paths."""
    return msgspec.convert(await _run(context, name, arguments), FoundPaths)


def top_of(place: Place, context: ToolContext) -> str:
    """The folder from which on ignore files count: the workspace, or what is searched when it lies elsewhere."""
    return context.workspace if below(place.real, context.workspace) is not None else place.real


async def _run(context: ToolContext, name: str, arguments: Mapping[str, object]) -> object:
    try:
        return await context.world.processes.job(name, dict(arguments) | {"budget_ms": BUDGET_MS}, DEADLINE_MS)
    except DeadlineError:
        raise ToolError(
            f"the search took longer than {DEADLINE_MS // 1000} s and was ended",
            remedy="Search in a smaller folder, with a glob, or with a simpler pattern.",
        ) from None
    except WorkerError as error:
        raise ToolError("the search failed", why=error.why or error.what) from None
