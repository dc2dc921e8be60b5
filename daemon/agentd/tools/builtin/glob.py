"""`glob`: files by name, through the worker's walk.

It decides what is asked of the walk and how the answer reads. It must never walk by itself.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Annotated

import msgspec

from agentd.errors import ToolError
from agentd.policy.access import Access, Read
from agentd.tools.arguments import narrow
from agentd.tools.base import Probe, Progress, ToolContext, ToolResult, ToolSpec
from agentd.tools.globs import compiled
from agentd.tools.places import resolve
from agentd.tools.prompt_text import prompt_text
from agentd.tools.searching import run_paths_job, top_of

__all__ = ["GlobArguments", "GlobTool"]


class GlobArguments(msgspec.Struct, frozen=True):
    pattern: Annotated[str, msgspec.Meta(min_length=1)]
    path: Annotated[str, msgspec.Meta(min_length=1)] = "."
    limit: Annotated[int, msgspec.Meta(ge=1, le=5_000)] = 200


class GlobTool:
    """See `agentd.tools.base.Tool`."""

    def __init__(self) -> None:
        text = prompt_text("glob")
        self.spec = ToolSpec(
            name="glob",
            summary="Find files by name",
            description=text.description,
            arguments=GlobArguments,
            example={"pattern": "src/**/*.py"},
            access_words="sees the names of everything below one folder",
            read_only=True,
            concurrency_safe=True,
            recovery="rerun",
            compactable=True,
            timeout_ms=30_000,
            argument_words=text.arguments,
        )

    def target(self, arguments: msgspec.Struct) -> str:
        given = narrow(arguments, GlobArguments)
        return given.pattern if given.path == "." else f"{given.pattern} in {given.path}"

    def access(self, arguments: msgspec.Struct, context: ToolContext) -> tuple[Access, ...]:
        place = resolve(narrow(arguments, GlobArguments).path, context)
        return (Read(place.real, tree=True, contents="names"),)

    async def preview(self, arguments: msgspec.Struct, context: ToolContext) -> str:
        given = narrow(arguments, GlobArguments)
        return f"glob {given.pattern} in {resolve(given.path, context).real}"

    def intent(self, arguments: msgspec.Struct, context: ToolContext) -> Mapping[str, str | None]:
        return {}

    async def call(self, arguments: msgspec.Struct, context: ToolContext) -> AsyncIterator[Progress | ToolResult]:
        given = narrow(arguments, GlobArguments)
        # Read here too, so that a glob that cannot be read is answered without the worker.
        compiled(given.pattern)
        place = resolve(given.path, context)
        info = context.world.files.info(place.real)
        if info is None:
            raise ToolError(f"there is no folder {place.shown}", remedy="Look with ls for its name.")
        if info.kind != "dir":
            raise ToolError(f"{place.shown} is no folder", remedy="Give the folder to search in.")
        found = await run_paths_job(
            context,
            "glob",
            {"root": place.real, "top": top_of(place, context), "glob": given.pattern, "limit": given.limit},
        )
        prefix = "" if place.shown == "." else place.shown.rstrip("/") + "/"
        rows = [prefix + path for path in found.paths[: given.limit]]
        if len(found.paths) > given.limit:
            rows.append(f"[cut at {given.limit} files; there are more: narrow pattern or path, or raise limit]")
        elif found.stopped:
            rows.append(f"[{found.stopped}]")
        count = min(len(found.paths), given.limit)
        yield ToolResult(text="\n".join(rows) or "nothing found", summary=f"{count} files fit {given.pattern}")

    async def probe(self, arguments: msgspec.Struct, before: Mapping[str, str | None], context: ToolContext) -> Probe:
        return Probe("not_done", "nothing was changed; it can be searched again")
