"""`shell`: one command line, run by bash in the session's folder, to its end.

It decides what the command sees (folder, variables without this daemon's own) and how its end is told. After a crash a
plain `git commit` is looked for in the repository; of every other command it is said that its end is unknown. What may
run is policy's business.
"""

from __future__ import annotations

import asyncio
import codecs
from collections.abc import AsyncIterator, Mapping
from typing import Annotated, assert_never

import msgspec

from agentd.errors import ToolError
from agentd.policy.access import Access, Run
from agentd.tools.arguments import narrow
from agentd.tools.base import Probe, Progress, ToolContext, ToolResult, ToolSpec
from agentd.tools.git_commits import commit_intent, commit_probe
from agentd.tools.places import size_words, well_formed
from agentd.tools.programs import USUAL_PATH, find_program
from agentd.tools.prompt_text import prompt_text
from agentd.world.doors import Exit, Spawn
from agentd.world.tasks import Tasks

__all__ = ["LONGEST_MS", "OUTPUT_BYTES", "ShellArguments", "ShellTool"]

LONGEST_MS = 600_000
"""Ten minutes: what builds and tests need; a longer command belongs into the background."""

OUTPUT_BYTES = 16 * 1024 * 1024
"""Kept of one command's output; one that prints more is ended."""

_HIDDEN_PREFIX = "AGENTD_"
# Files that a non-interactive shell would run before the command that a person has seen.
_STARTUP = frozenset({"BASH_ENV", "ENV"})


class ShellArguments(msgspec.Struct, frozen=True):
    command: Annotated[str, msgspec.Meta(min_length=1)]
    timeout_ms: Annotated[int, msgspec.Meta(ge=1, le=LONGEST_MS)] = 120_000
    description: str = ""

    def __post_init__(self) -> None:
        if not self.command.strip():
            raise ValueError("the argument `command` is empty; it has to be a command line")
        if "\0" in self.command or not well_formed(self.command):
            raise ValueError("the argument `command` holds a character that no command line can hold")


class ShellTool:
    """See `agentd.tools.base.Tool`."""

    def __init__(self) -> None:
        text = prompt_text("shell")
        self.spec = ToolSpec(
            name="shell",
            summary="Run a command",
            description=text.description,
            arguments=ShellArguments,
            example={"command": "python -m pytest -q tests/test_app.py", "timeout_ms": 120000},
            access_words="runs a command with the user's rights",
            recovery="probe_ask",
            changes_unseen=True,
            compactable=True,
            # The command's own limit comes first; what is added is for ending its group.
            timeout_ms=LONGEST_MS + 10_000,
            argument_words=text.arguments,
        )

    def target(self, arguments: msgspec.Struct) -> str:
        return narrow(arguments, ShellArguments).command

    def access(self, arguments: msgspec.Struct, context: ToolContext) -> tuple[Access, ...]:
        return (Run(narrow(arguments, ShellArguments).command, context.cwd),)

    async def preview(self, arguments: msgspec.Struct, context: ToolContext) -> str:
        return narrow(arguments, ShellArguments).command

    def intent(self, arguments: msgspec.Struct, context: ToolContext) -> Mapping[str, str | None]:
        return commit_intent(narrow(arguments, ShellArguments).command, context)

    async def call(self, arguments: msgspec.Struct, context: ToolContext) -> AsyncIterator[Progress | ToolResult]:
        given = narrow(arguments, ShellArguments)
        spawn = _spawn(given, context)
        heard: asyncio.Queue[bytes] = asyncio.Queue()
        # Whatever ends the run badly is raised where it is awaited below; nobody else has to hear of it.
        tasks = Tasks(lambda name, error: None)
        running = tasks.start(f"shell {context.call}", context.world.processes.run(spawn, heard.put_nowait))
        running.add_done_callback(lambda _: heard.put_nowait(b""))
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        try:
            while not (running.done() and heard.empty()):
                parts = [await heard.get()]
                while not heard.empty():
                    parts.append(heard.get_nowait())
                text = decoder.decode(b"".join(parts))
                if text:
                    yield Progress(text)
            done = await running
        finally:
            if not running.done():
                running.cancel()
                await asyncio.wait([running])
        yield _result(given, done)

    async def probe(self, arguments: msgspec.Struct, before: Mapping[str, str | None], context: ToolContext) -> Probe:
        return await commit_probe(narrow(arguments, ShellArguments).command, before, context)


def _spawn(given: ShellArguments, context: ToolContext) -> Spawn:
    env = {
        name: value
        for name, value in context.env.items()
        if not name.startswith(_HIDDEN_PREFIX) and name not in _STARTUP
    }
    path = env.get("PATH") or USUAL_PATH
    # The system's own first: which bash reads the command is no matter of the session's PATH.
    program = find_program("bash", context, f"{USUAL_PATH}:{path}") or find_program("sh", context, USUAL_PATH)
    if program is None:
        raise ToolError("there is neither bash nor sh on this machine, so no command can be run")
    return Spawn(
        argv=(program, "-c", "--", given.command),
        cwd=context.cwd,
        env=env | {"PATH": path},
        box=context.box,
        timeout_ms=given.timeout_ms,
        output_limit=OUTPUT_BYTES,
        label=context.call,
    )


def _result(given: ShellArguments, done: Exit) -> ToolResult:
    output = done.output.decode("utf-8", "replace")
    match done.ended_by:
        case "itself":
            head = (
                f"exit code: {done.code}" if done.code >= 0 else f"exit code: {128 - done.code} (signal {-done.code})"
            )
        case "timeout":
            head = f"ended by timeout after {given.timeout_ms} ms"
        case "output_limit":
            head = f"ended because it printed more than {size_words(OUTPUT_BYTES)}"
        case "cancelled":
            head = "ended because it was cancelled"
        case _:
            assert_never(done.ended_by)
    fine = done.ended_by == "itself" and done.code == 0
    return ToolResult(
        text=f"{head}\n{output}" if output else f"{head}\n(no output)",
        summary=f"{head}, {done.duration_ms} ms",
        status="ok" if fine else "interrupted" if done.ended_by == "cancelled" else "error",
        exit_code=done.code,
    )
