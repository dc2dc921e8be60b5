"""What a tool is: a name, prompt text, a schema, declared traits, and one async `call`.

A tool decides nothing about permission: it says what a call would touch (`access`), and policy decides. Traits default
to the careful side: not read-only, not concurrency-safe, outcome reported (never silently re-run) after a crash.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol

import msgspec

from agentd.policy.access import Access
from agentd.world.doors import Box, World
from agentproto.content import ImageBlock, ResultStatus

__all__ = ["Probe", "Progress", "Recovery", "Tool", "ToolContext", "ToolResult", "ToolSpec"]

Recovery = Literal["rerun", "probe", "ask", "probe_ask", "report"]


@dataclass(frozen=True, slots=True)
class ToolSpec:
    """`arguments` is a msgspec.Struct: validation, schema and the model's help come from it.

    `recovery`: what to do about a call that was begun and not ended when the daemon died: run it again (reads only),
    look at the world (`probe`), let a person decide (`ask`), look and then ask (`probe_ask`), or tell the model. `max_result_chars`: beyond
    it the model gets head, tail and how to read the rest. `changes_unseen`: it may change
    files that its arguments do not name, so the workspace is looked at before and after. `description` is prompt text, from a file in `prompts/`, and
    so are `argument_words`, one sentence for each argument that the schema shows.
    """

    name: str
    summary: str
    description: str
    arguments: type[msgspec.Struct]
    example: Mapping[str, object]
    access_words: str
    read_only: bool = False
    concurrency_safe: bool = False
    recovery: Recovery = "report"
    max_result_chars: int = 30_000
    compactable: bool = False
    timeout_ms: int = 120_000
    cancels_siblings: bool = False
    changes_unseen: bool = False
    argument_words: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ToolContext:
    """What a call may use. `workspace` and `cwd` are real absolute paths; `env` the session's variables.

    `read_hashes`: sha256 of each file as this session last read or wrote it (path -> hex), for the stale-edit check.
    """

    world: World
    session: str
    call: str
    workspace: str
    cwd: str
    env: Mapping[str, str]
    box: Box
    read_hashes: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Progress:
    """Output so far, for people who watch (`text` is new text only)."""

    text: str


@dataclass(frozen=True, slots=True)
class ToolResult:
    """How a call ended. `text` is for the model, whole (the result budget cuts it); `summary` one line for people.

    `touched`: path -> (sha256 before or None, sha256 after or None) for files read (equal hashes) or written.
    `images`: what the model is shown beside the text; `blobs` has their bytes, by their sha256.
    """

    text: str
    summary: str
    status: ResultStatus = "ok"
    images: tuple[ImageBlock, ...] = ()
    diff: str | None = None
    exit_code: int | None = None
    touched: Mapping[str, tuple[str | None, str | None]] = field(default_factory=dict)
    blobs: Mapping[str, bytes] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Probe:
    """What looking at the world after a crash showed about a begun call."""

    outcome: Literal["done", "not_done", "unknown"]
    text: str


class Tool(Protocol):
    """One file in `tools/builtin`. Arguments have been validated before any of these is called."""

    spec: ToolSpec

    def target(self, arguments: msgspec.Struct) -> str:
        """The one word or path that a person sees beside the tool's name."""
        ...

    def access(self, arguments: msgspec.Struct, context: ToolContext) -> tuple[Access, ...]:
        """Exactly what the call would touch, paths real and absolute."""
        ...

    async def preview(self, arguments: msgspec.Struct, context: ToolContext) -> str:
        """What a person is shown before approving: the exact command, the diff of an edit. Changes nothing."""
        ...

    def intent(self, arguments: msgspec.Struct, context: ToolContext) -> Mapping[str, str | None]:
        """Hashes before (path -> sha256 or None when missing) of what will be written; recorded before acting."""
        ...

    def call(self, arguments: msgspec.Struct, context: ToolContext) -> AsyncIterator[Progress | ToolResult]:
        """Any number of Progress, then one ToolResult. ToolError is answered to the model in its own words."""
        ...

    async def probe(self, arguments: msgspec.Struct, before: Mapping[str, str | None], context: ToolContext) -> Probe:
        """After a crash, for `recovery="probe"`: did the begun call happen?"""
        ...
