"""The list of built-in tools, and where a tool is found by name.

It decides that a name is one tool's alone: a clash is an error at start, never a silent winner. It must never find
tools by looking around: a new one is one line in `built_in`. Called by `agentd.app` and by what answers `tool.*`.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator

from agentd.errors import ConflictError, NotFoundError
from agentd.tools.base import Tool
from agentd.tools.builtin.edit import EditTool
from agentd.tools.builtin.glob import GlobTool
from agentd.tools.builtin.grep import GrepTool
from agentd.tools.builtin.ls import LsTool
from agentd.tools.builtin.read import ReadTool
from agentd.tools.builtin.shell import ShellTool
from agentd.tools.builtin.write import WriteTool
from agentd.tools.schema import OUTPUT, input_schema
from agentproto.api.tool import ToolInfo

__all__ = ["Registry", "built_in", "info"]


class Registry:
    """Tools by name, in the order of names: that order is the one models see."""

    def __init__(self, tools: Iterable[Tool]) -> None:
        """ConflictError when two tools have one name."""
        found: dict[str, Tool] = {}
        for tool in tools:
            name = tool.spec.name
            if name in found:
                raise ConflictError(
                    f"two tools are named {name!r}",
                    why=f"{type(found[name]).__name__} and {type(tool).__name__}",
                    remedy="Rename one of them.",
                )
            found[name] = tool
        self._tools = dict(sorted(found.items()))

    def __iter__(self) -> Iterator[Tool]:
        return iter(self._tools.values())

    def names(self) -> tuple[str, ...]:
        return tuple(self._tools)

    def get(self, name: str) -> Tool:
        """NotFoundError with the nearest name."""
        if name in self._tools:
            return self._tools[name]
        near = difflib.get_close_matches(name.lower(), self._tools, n=1)
        raise NotFoundError(
            f"there is no tool named {name[:80]!r}",
            why=f"Tools: {', '.join(self._tools)}.",
            remedy=f"Did you mean {near[0]}?" if near else "Use one of these names.",
        )


def built_in() -> Registry:
    """The tools that come with the daemon."""
    return Registry((EditTool(), GlobTool(), GrepTool(), LsTool(), ReadTool(), ShellTool(), WriteTool()))


def info(tool: Tool, out: str = "") -> ToolInfo:
    """A tool as clients see it; `out`: why a session does not get it."""
    spec = tool.spec
    return ToolInfo(
        name=spec.name,
        summary=spec.summary,
        description=spec.description,
        read_only=spec.read_only,
        concurrency_safe=spec.concurrency_safe,
        access=spec.access_words,
        recovery=spec.recovery,
        compactable=spec.compactable,
        timeout_ms=spec.timeout_ms,
        max_result_chars=spec.max_result_chars,
        input_schema=input_schema(spec),
        output_schema=dict(OUTPUT),
        out=out,
    )
