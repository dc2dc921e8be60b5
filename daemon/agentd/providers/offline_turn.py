"""The current turn as the offline engine sees it: the prompt, the files that came with it, the calls made so far; and
the values of a next step, which is to call tools or to say something and end.

It decides what of a conversation is the newest prompt: the last user text that is neither a reminder nor a file. It
keeps nothing between calls: the request is all there is, so an answer after a restart is the same answer. Pure. Callers:
`offline_plan`, `offline_search`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from agentd.providers.base import REMINDER_TAG, ModelRequest, ToolDefinition
from agentproto.content import Block, TextBlock, ToolResultBlock, ToolUseBlock

__all__ = ["Call", "Calls", "Done", "GivenFile", "Move", "Say", "Turn", "read_turn"]

_REMINDER = re.compile(rf"<{REMINDER_TAG}>.*?(?:</{REMINDER_TAG}>|\Z)", re.S)
_FILE = re.compile(r"\A\s*<file path=\"(?P<path>[^\"\n]*)\">\n?(?P<text>.*?)\n?(?:</file>\s*)?\Z", re.S)


@dataclass(frozen=True, slots=True)
class Call:
    """One tool call."""

    name: str
    arguments: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Calls:
    """Tool calls of one step; they don't depend on each other."""

    calls: tuple[Call, ...]


@dataclass(frozen=True, slots=True)
class Say:
    """The turn's answer."""

    text: str


Move = Calls | Say


@dataclass(frozen=True, slots=True)
class GivenFile:
    """A file that came with the prompt."""

    path: str
    text: str


@dataclass(frozen=True, slots=True)
class Done:
    """One call of this turn and its result; None while none is in the conversation."""

    use: ToolUseBlock
    result: ToolResultBlock | None

    @property
    def ok(self) -> bool:
        return self.result is not None and self.result.status == "ok"

    @property
    def text(self) -> str:
        """The result's own text, without what the daemon has added for models."""
        return _REMINDER.sub("", self.result.text) if self.result is not None else ""


@dataclass(frozen=True, slots=True)
class Turn:
    """`steps`: this turn's calls, a tuple a step. `first`: nothing was answered before in what is left of the session."""

    prompt: str
    files: tuple[GivenFile, ...]
    steps: tuple[tuple[Done, ...], ...]
    first: bool
    tools: Mapping[str, ToolDefinition]

    def calls(self, name: str) -> tuple[Done, ...]:
        """Every call of one tool in this turn, in order."""
        return tuple(done for step in self.steps for done in step if done.use.name == name)


@dataclass(frozen=True, slots=True)
class _Placed:
    """A block with who said it, in which message."""

    message: int
    role: str
    block: Block


def read_turn(request: ModelRequest) -> Turn:
    """The newest prompt and what was done about it."""
    placed = [
        _Placed(number, message.role, block)
        for number, message in enumerate(request.messages)
        for block in message.blocks
    ]
    tools = {tool.name: tool for tool in request.tools}
    at = next((index for index in reversed(range(len(placed))) if _said(placed[index])), None)
    if at is None:
        return Turn("", _files(placed), (), True, tools)
    begin = next((index + 1 for index in reversed(range(at)) if _ends_earlier(placed[index])), 0)
    first = not any(one.role == "assistant" for one in placed[:at])
    return Turn(_said(placed[at]), _files(placed[begin:at]), _steps(placed[at + 1 :]), first, tools)


def _said(one: _Placed) -> str:
    """What a person said in this block; empty for everything else."""
    if one.role != "user" or not isinstance(one.block, TextBlock) or _FILE.match(one.block.text):
        return ""
    text = _REMINDER.sub("", one.block.text)
    return text if text.strip() else ""


def _ends_earlier(one: _Placed) -> bool:
    """Whether what stands before the newest prompt belongs to something older."""
    return one.role == "assistant" or isinstance(one.block, ToolResultBlock) or bool(_said(one))


def _files(placed: Sequence[_Placed]) -> tuple[GivenFile, ...]:
    texts = [one.block.text for one in placed if one.role == "user" and isinstance(one.block, TextBlock)]
    return tuple(GivenFile(match["path"], match["text"]) for match in map(_FILE.match, texts) if match)


def _steps(placed: Sequence[_Placed]) -> tuple[tuple[Done, ...], ...]:
    results = {one.block.call: one.block for one in placed if isinstance(one.block, ToolResultBlock)}
    steps: dict[int, list[Done]] = {}
    for one in placed:
        if isinstance(one.block, ToolUseBlock):
            steps.setdefault(one.message, []).append(Done(one.block, results.get(one.block.call)))
    return tuple(tuple(step) for step in steps.values())
