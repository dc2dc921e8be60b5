"""`write`: a whole file, new or in place of one that this session has read and nobody has changed since.

It decides whether replacing is safe for other people's changes. It must never overwrite what was not seen, and never
follow a link below the workspace.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Annotated

import msgspec

from agentd.policy.access import Access, Write
from agentd.tools.arguments import narrow
from agentd.tools.base import Probe, Progress, ToolContext, ToolResult, ToolSpec
from agentd.tools.diffs import unified
from agentd.tools.places import read_place, resolve, well_formed
from agentd.tools.prompt_text import prompt_text
from agentd.tools.text_file import decode, lines_of, printable, sha256
from agentd.tools.writing import hash_now, put, unchanged

__all__ = ["WriteArguments", "WriteTool"]


class WriteArguments(msgspec.Struct, frozen=True):
    path: Annotated[str, msgspec.Meta(min_length=1)]
    content: str

    def __post_init__(self) -> None:
        if not well_formed(self.content):
            raise ValueError(
                "the argument `content` holds half a surrogate pair (\\ud800 to \\udfff), which no file can hold"
            )


class WriteTool:
    """See `agentd.tools.base.Tool`."""

    def __init__(self) -> None:
        text = prompt_text("write")
        self.spec = ToolSpec(
            name="write",
            summary="Write a whole file",
            description=text.description,
            arguments=WriteArguments,
            example={"path": "notes/todo.md", "content": "# To do\n"},
            access_words="makes or replaces one file",
            recovery="probe",
            timeout_ms=30_000,
            argument_words=text.arguments,
        )

    def target(self, arguments: msgspec.Struct) -> str:
        return narrow(arguments, WriteArguments).path

    def access(self, arguments: msgspec.Struct, context: ToolContext) -> tuple[Access, ...]:
        place = resolve(narrow(arguments, WriteArguments).path, context)
        there = context.world.files.info(place.real) is not None
        return (Write(place.real, "change" if there else "create"),)

    async def preview(self, arguments: msgspec.Struct, context: ToolContext) -> str:
        given = narrow(arguments, WriteArguments)
        place = resolve(given.path, context)
        before = _before(given, context)
        old = None if before is None else _shown(before)
        return unified(place.shown, old, given.content) or f"{place.shown} stays as it is"

    def intent(self, arguments: msgspec.Struct, context: ToolContext) -> Mapping[str, str | None]:
        place = resolve(narrow(arguments, WriteArguments).path, context)
        return {place.real: hash_now(place, context)}

    async def call(self, arguments: msgspec.Struct, context: ToolContext) -> AsyncIterator[Progress | ToolResult]:
        given = narrow(arguments, WriteArguments)
        place = resolve(given.path, context)
        before = _before(given, context)
        data = given.content.encode("utf-8")
        if before != data:
            put(place, data, context, create=before is None)
        diff = unified(place.shown, None if before is None else _shown(before), given.content)
        count = len(lines_of(given.content))
        lines = "1 line" if count == 1 else f"{count} lines"
        done = "made" if before is None else "replaced" if before != data else "already as asked:"
        yield ToolResult(
            text=f"{done} {place.shown} ({lines})",
            summary=f"{done} {place.shown} ({lines})",
            diff=diff or None,
            touched={place.real: (None if before is None else sha256(before), sha256(data))},
        )

    async def probe(self, arguments: msgspec.Struct, before: Mapping[str, str | None], context: ToolContext) -> Probe:
        given = narrow(arguments, WriteArguments)
        place = resolve(given.path, context)
        now = hash_now(place, context)
        if now == sha256(given.content.encode("utf-8")):
            return Probe("done", f"{place.shown} holds what was to be written")
        if place.real in before and now == before[place.real]:
            return Probe("not_done", f"{place.shown} is as it was before")
        return Probe("unknown", f"{place.shown} is neither as before nor as it was to be written; look at it")


def _before(given: WriteArguments, context: ToolContext) -> bytes | None:
    """What the file holds; ToolError when it may not be replaced."""
    place = resolve(given.path, context)
    if context.world.files.info(place.real) is None:
        return None
    data = read_place(place, context)
    unchanged(place, data, context, "replaced")
    return data


def _shown(data: bytes) -> str:
    file = decode(data)
    return "(binary)\n" if file is None else printable(file.text)
