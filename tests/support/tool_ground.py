"""Ground for tests of tools: the real world, a session's context in a folder, and one call run to its end."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from agentd.errors import ToolError
from agentd.tools.arguments import validate
from agentd.tools.base import Progress, Tool, ToolContext, ToolResult
from agentd.tools.output import words
from agentd.world.doors import NoBox, World
from agentd.world.real import real_world

T = TypeVar("T")


@dataclass
class Ground:
    """A workspace that tools run in. `hashes` is what the session has read; `call` keeps it as a session does."""

    workspace: Path
    run_folder: Path
    path: str = field(default_factory=lambda: os.environ["PATH"])
    cwd: Path | None = None
    hashes: dict[str, str] = field(default_factory=dict)
    env: dict[str, str] = field(default_factory=dict)
    world: World | None = None

    def context(self) -> ToolContext:
        assert self.world is not None, "only inside `Ground.run`"
        return ToolContext(
            world=self.world,
            session="s0",
            call="1.1.1",
            workspace=str(self.workspace),
            cwd=str(self.cwd or self.workspace),
            env={"PATH": self.path, "HOME": str(self.workspace.parent), **self.env},
            box=NoBox(),
            read_hashes=self.hashes,
        )

    def run(self, story: Callable[[], Awaitable[T]]) -> T:
        """Run a story in one loop, with a world that is closed after it."""

        async def told() -> T:
            self.world = real_world(str(self.run_folder))
            try:
                return await story()
            finally:
                await self.world.processes.end_all()

        return asyncio.run(told())

    async def events(self, tool: Tool, given: Mapping[str, object]) -> list[Progress | ToolResult]:
        """Everything that a call answers; what it touched is remembered as read."""
        events = [event async for event in tool.call(validate(tool.spec, given), self.context())]
        result = events[-1]
        assert isinstance(result, ToolResult)
        for path, (_, after) in result.touched.items():
            if after is None:
                self.hashes.pop(path, None)
            else:
                self.hashes[path] = after
        return events

    async def result(self, tool: Tool, given: Mapping[str, object]) -> ToolResult:
        last = (await self.events(tool, given))[-1]
        assert isinstance(last, ToolResult)
        return last

    def call(self, tool: Tool, **given: object) -> ToolResult:
        """One call alone."""
        return self.run(lambda: self.result(tool, given))

    def text(self, tool: Tool, **given: object) -> str:
        return self.call(tool, **given).text

    def refusal(self, tool: Tool, **given: object) -> str:
        """The words of the ToolError that a call ends with."""

        async def story() -> str:
            try:
                result = await self.result(tool, given)
            except ToolError as error:
                return words(error)
            raise AssertionError(f"it was not refused: {result.text}")

        return self.run(story)


def ground(home: Path) -> Ground:
    """An empty workspace below `home`."""
    workspace = home / "work"
    workspace.mkdir()
    return Ground(workspace, home / "run")


def plant(folder: Path, files: Mapping[str, str | bytes]) -> None:
    """Write files, with their folders."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
