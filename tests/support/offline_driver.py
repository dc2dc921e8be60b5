"""A turn with the offline engine and a folder, without a daemon: small read-only tools of its own, in a loop.

The tools answer in the form that the real ones promise (`path:count`, `path:line:text`, `   12\\ttext`); what a test
needs beyond them is given as `more`. Not a stand-in for the tools' own tests.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from agentd.providers.base import Ended, ModelMessage, ModelRequest, TextPiece, ToolDefinition, ToolUse
from agentd.providers.offline import reply
from agentproto.content import Block, ResultStatus, TextBlock, ToolResultBlock, ToolUseBlock

__all__ = ["Answer", "Folder", "converse", "request_of", "tool"]

Answerer = Callable[[Mapping[str, object]], tuple[str, ResultStatus]]

_UNSEEN = {"__pycache__", "node_modules"}


def tool(name: str, *properties: str) -> ToolDefinition:
    return ToolDefinition(name, f"{name} something", {"type": "object", "properties": {one: {} for one in properties}})


def request_of(messages: tuple[ModelMessage, ...], tools: tuple[ToolDefinition, ...]) -> ModelRequest:
    return ModelRequest("offline", (("identity", "You work in a folder."),), tools, messages, 4_000)


class Folder:
    """grep, glob, ls and read below a folder; hidden names are not seen. `without`: paths that are not seen either."""

    def __init__(self, root: Path, without: tuple[str, ...] = ()) -> None:
        self._texts: dict[str, list[str]] = {}
        for folder, folders, names in os.walk(root):
            folders[:] = sorted(name for name in folders if not name.startswith(".") and name not in _UNSEEN)
            for name in sorted(names):
                path = Path(folder, name)
                place = path.relative_to(root).as_posix()
                if name.startswith(".") or place.startswith(without):
                    continue
                try:
                    self._texts[place] = path.read_text("utf-8").splitlines()
                except (UnicodeDecodeError, FileNotFoundError):
                    continue

    def tools(self) -> dict[str, Answerer]:
        return {"glob": self.glob, "grep": self.grep, "ls": self.ls, "read": self.read}

    def grep(self, arguments: Mapping[str, object]) -> tuple[str, ResultStatus]:
        pattern = re.compile(str(arguments["pattern"]), re.I if arguments.get("ignore_case") else 0)
        only, context = arguments.get("path"), arguments.get("context", 0)
        assert isinstance(context, int)
        out: list[str] = []
        for path, lines in sorted(self._texts.items()):
            if only is not None and path != only:
                continue
            hits = {number for number, line in enumerate(lines, 1) if pattern.search(line)}
            if not hits:
                continue
            if arguments.get("mode") == "count":
                out.append(f"{path}:{len(hits)}")
                continue
            for number, line in enumerate(lines, 1):
                if number in hits:
                    out.append(f"{path}:{number}:{line}")
                elif any(abs(number - hit) <= context for hit in hits):
                    out.append(f"{path}-{number}-{line}")
        return "\n".join(out), "ok"

    def glob(self, arguments: Mapping[str, object]) -> tuple[str, ResultStatus]:
        pattern = re.escape(str(arguments["pattern"])).replace(r"\*\*/", "(.*/)?").replace(r"\*", "[^/]*")
        return "\n".join(path for path in sorted(self._texts) if re.fullmatch(pattern, path)), "ok"

    def ls(self, arguments: Mapping[str, object]) -> tuple[str, ResultStatus]:
        prefix = f"{arguments['path']}/" if arguments.get("path") else ""
        inside = [path.removeprefix(prefix) for path in self._texts if path.startswith(prefix)]
        return "\n".join(sorted({path.partition("/")[0] + "/" * ("/" in path) for path in inside})), "ok"

    def read(self, arguments: Mapping[str, object]) -> tuple[str, ResultStatus]:
        lines = self._texts.get(str(arguments["path"]))
        if lines is None:
            return f"{arguments['path']} is not there", "error"
        first, most = arguments.get("offset", 1), arguments.get("limit", 2_000)
        assert isinstance(first, int)
        assert isinstance(most, int)
        shown = enumerate(lines[first - 1 : first - 1 + most], first)
        return "\n".join(f"{number:>5}\t{line}" for number, line in shown), "ok"


@dataclass(frozen=True, slots=True)
class Answer:
    """How the turn ended. `calls`: (tool, arguments) in order; `steps`: how many model calls asked for tools."""

    text: str
    calls: list[tuple[str, dict[str, object]]] = field(default_factory=list)
    steps: int = 0
    messages: tuple[ModelMessage, ...] = ()

    @property
    def files(self) -> list[str]:
        """The files it names, best first."""
        lead, also = re.match(r"Most likely: (\S+)", self.text), re.search(r"^Also: (.*)$", self.text, re.M)
        return ([lead[1]] if lead else []) + (also[1].split(", ") if also else [])


def converse(
    prompt: str | tuple[Block, ...],
    tools: Mapping[str, Answerer],
    *,
    schemas: Mapping[str, tuple[str, ...]] | None = None,
    before: tuple[ModelMessage, ...] = (),
) -> Answer:
    """One whole turn. Tools are offered sorted by name; `schemas` gives the argument names of those that need them."""
    offered = tuple(tool(name, *(schemas or {}).get(name, ())) for name in sorted(tools))
    said = (TextBlock(prompt),) if isinstance(prompt, str) else prompt
    messages = (*before, ModelMessage("user", said))
    calls: list[tuple[str, dict[str, object]]] = []
    for step in range(1, 20):
        events = reply(request_of(messages, offered))
        assert isinstance(events[-1], Ended)
        uses = [event for event in events if isinstance(event, ToolUse)]
        text = "".join(event.text for event in events if isinstance(event, TextPiece))
        if not uses:
            assert events[-1].stop == "end"
            return Answer(text, calls, step - 1, (*messages, ModelMessage("assistant", (TextBlock(text),))))
        assert (events[-1].stop, text) == ("tool_use", "")
        blocks: list[Block] = []
        results: list[Block] = []
        for number, use in enumerate(uses, 1):
            assert use.arguments is not None
            calls.append((use.name, use.arguments))
            call = f"t1.{step}.{number}"
            blocks.append(ToolUseBlock(call, use.name, use.arguments, use.model_id))
            result, status = tools[use.name](use.arguments)
            results.append(ToolResultBlock(call, result, status))
        messages = (*messages, ModelMessage("assistant", tuple(blocks)), ModelMessage("user", tuple(results)))
    raise AssertionError("the turn does not end")
