"""The offline engine and the tools that it will meet: arguments are taken, results are read."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from agentd.errors import ToolError
from agentd.tools.arguments import validate
from agentd.tools.base import Tool, ToolContext, ToolResult
from agentd.tools.registry import built_in
from agentd.world.doors import NoBox
from agentd.world.real import real_world
from agentproto.content import ResultStatus
from support.offline_driver import Answer, Answerer, converse
from support.skips import need

ROOT = Path(__file__).resolve().parents[3]


class Session:
    """Turns in one folder with the built-in tools, on one loop."""

    def __init__(self, runner: asyncio.Runner, home: Path, folder: Path, path: str) -> None:
        self._runner = runner
        self._world = real_world(str(home))
        self._folder = folder
        self._env = {"PATH": path}
        self._hashes: dict[str, str] = {}

    def ask(self, prompt: str) -> Answer:
        return converse(prompt, {tool.spec.name: self._answerer(tool) for tool in built_in()})

    def _answerer(self, tool: Tool) -> Answerer:
        return lambda arguments: self._runner.run(self._call(tool, arguments))

    async def _call(self, tool: Tool, given: Mapping[str, object]) -> tuple[str, ResultStatus]:
        folder = str(self._folder)
        context = ToolContext(self._world, "s", "c", folder, folder, self._env, NoBox(), dict(self._hashes))
        try:
            async for event in tool.call(validate(tool.spec, given), context):
                if isinstance(event, ToolResult):
                    self._hashes |= {path: after for path, (_, after) in event.touched.items() if after is not None}
                    return event.text, event.status
        except ToolError as fault:
            return fault.what, "error"
        raise AssertionError("a call has one result")

    def close(self) -> None:
        self._runner.run(self._world.processes.end_all())


@pytest.fixture(params=["ripgrep", "worker"])
def path(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A PATH with ripgrep, and one without."""
    if request.param == "ripgrep":
        found = shutil.which("rg")
        need(found, "ripgrep", "install it, for example `apt-get install ripgrep`")
        return f"{Path(str(found)).parent}:/usr/bin:/bin"
    links = tmp_path / "bin"
    links.mkdir()
    for name in ("sh", "bash", "echo"):
        if program := shutil.which(name):
            (links / name).symlink_to(program)
    return str(links)


@pytest.fixture
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as made:
        yield made


def test_questions_about_this_repository(runner: asyncio.Runner, home: Path, path: str) -> None:
    session = Session(runner, home, ROOT, path)
    try:
        limits = session.ask("which file defines the wire's size limits?")
        assert limits.files[0] == "proto/agentproto/limits.py"
        assert "proto/agentproto/limits.py:1: " in limits.text
        named = session.ask("what does endpoints.py contain?")
        assert named.text.startswith("proto/agentproto/endpoints.py begins:")
    finally:
        session.close()


def test_commands_in_a_folder(runner: asyncio.Runner, home: Path, path: str, tmp_path: Path) -> None:
    folder = tmp_path / "work"
    folder.mkdir()
    session = Session(runner, home, folder.resolve(), path)
    try:
        assert session.ask("write a.txt: one two\nthree").steps == 1
        assert (folder / "a.txt").read_text() == "one two\nthree"
        session.ask('edit a.txt: replace "two" with "2"')
        assert (folder / "a.txt").read_text() == "one 2\nthree"
        assert "1\tone 2" in session.ask("read a.txt").text
        assert "a.txt:2:three" in session.ask("grep thr").text
        assert "a.txt" in session.ask("list").text
        assert "a.txt" in session.ask("find *.txt").text
        ran = session.ask("run: echo hi; exit 3").text
        assert ran.startswith("`echo hi; exit 3` ended with exit code 3:\n\n```\nhi\n```")
        assert session.ask("who plays the xylophone?").text.startswith("Nothing in this folder mentions")
        assert session.ask("read none.txt").text.startswith("`read` did not succeed.")
    finally:
        session.close()
