"""`ls`: one folder, folders first, with sizes.

It decides the form of the list and where a long one is cut. It must never look into what it lists.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Annotated

import msgspec

from agentd.errors import AgentdError, ToolError
from agentd.policy.access import Access, Read
from agentd.tools.arguments import narrow
from agentd.tools.base import Probe, Progress, ToolContext, ToolResult, ToolSpec
from agentd.tools.places import in_words, resolve, size_words
from agentd.tools.prompt_text import prompt_text
from agentd.tools.text_file import printable
from agentd.world.doors import FileInfo

__all__ = ["MOST_ENTRIES", "LsArguments", "LsTool"]

MOST_ENTRIES = 1_000
"""Entries that are shown; whoever has more wants glob."""

_MARKS = {"dir": "/", "link": "@", "pipe": "|", "socket": "=", "device": "%"}


class LsArguments(msgspec.Struct, frozen=True):
    path: Annotated[str, msgspec.Meta(min_length=1)] = "."


class LsTool:
    """See `agentd.tools.base.Tool`."""

    def __init__(self) -> None:
        text = prompt_text("ls")
        self.spec = ToolSpec(
            name="ls",
            summary="List a folder",
            description=text.description,
            arguments=LsArguments,
            example={"path": "src"},
            access_words="lists one folder",
            read_only=True,
            concurrency_safe=True,
            recovery="rerun",
            compactable=True,
            timeout_ms=30_000,
            argument_words=text.arguments,
        )

    def target(self, arguments: msgspec.Struct) -> str:
        return narrow(arguments, LsArguments).path

    def access(self, arguments: msgspec.Struct, context: ToolContext) -> tuple[Access, ...]:
        return (Read(resolve(narrow(arguments, LsArguments).path, context).real, contents="names"),)

    async def preview(self, arguments: msgspec.Struct, context: ToolContext) -> str:
        return f"ls {resolve(narrow(arguments, LsArguments).path, context).real}"

    def intent(self, arguments: msgspec.Struct, context: ToolContext) -> Mapping[str, str | None]:
        return {}

    async def call(self, arguments: msgspec.Struct, context: ToolContext) -> AsyncIterator[Progress | ToolResult]:
        place = resolve(narrow(arguments, LsArguments).path, context)
        info = context.world.files.info(place.real, follow=True)
        if info is not None and info.kind != "dir":
            raise ToolError(f"{place.shown} is no folder", remedy="Use read for a file.")
        try:
            entries = context.world.files.list(place.real)
        except AgentdError as error:
            raise in_words(error, place, context) from None
        ordered = sorted(entries, key=lambda entry: (entry[1].kind != "dir", entry[0]))
        rows = [_row(name, info) for name, info in ordered[:MOST_ENTRIES]]
        if len(ordered) > MOST_ENTRIES:
            rows.append(f"[cut at {MOST_ENTRIES} of {len(ordered)} entries; use glob to find by name]")
        count = "1 entry" if len(ordered) == 1 else f"{len(ordered)} entries"
        yield ToolResult(text="\n".join(rows) or f"[{place.shown} is empty]", summary=f"{count} in {place.shown}")

    async def probe(self, arguments: msgspec.Struct, before: Mapping[str, str | None], context: ToolContext) -> Probe:
        return Probe("not_done", "nothing was changed; it can be listed again")


def _row(name: str, info: FileInfo) -> str:
    shown = printable(name) + _MARKS.get(info.kind, "")
    return f"{shown}  {size_words(info.size)}" if info.kind == "file" else shown
