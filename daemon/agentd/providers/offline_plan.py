"""What the offline engine does next: call tools, or answer. One pure decision from the turn so far.

It decides the calls for each command and hands questions to `offline_search`. It calls only tools that are offered,
goes at most `MOST_STEPS` steps, and ends the turn when a result is denied or failed, in that result's own words.
Caller: `offline`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import assert_never

from agentd.providers.base import ToolDefinition
from agentd.providers.offline_answer import no_memory, not_offered, report, report_trouble, say
from agentd.providers.offline_command import (
    Ask,
    Command,
    Edit,
    Find,
    GitLog,
    Grep,
    List,
    Read,
    Recall,
    Remember,
    Run,
    Talk,
    Write,
    read_command,
)
from agentd.providers.offline_search import search
from agentd.providers.offline_turn import Call, Calls, Move, Say, Turn

__all__ = ["MOST_STEPS", "next_move"]

MOST_STEPS = 4
"""Model calls with tools in one turn; a search that has found nothing by then has nothing to find."""

_TEXT_NAMES = ("text", "note", "content", "body", "query", "topic", "about", "question")
"""What the one text argument of `remember` and `recall` may be called; the offered schema says which it is."""


def next_move(turn: Turn) -> Move:
    """The next step of the turn."""
    command = read_command(turn.prompt)
    if isinstance(command, Talk):
        return Say(say(command.about))
    if isinstance(command, Ask):
        return search(turn, last=len(turn.steps) >= MOST_STEPS)
    calls = _calls(command, turn)
    if isinstance(calls, Say):
        return calls
    done = [one for step in turn.steps for one in step]
    trouble = next((one for one in done if not one.ok and not _is_exit(one.text)), None)
    if trouble is not None:
        return Say(report_trouble(trouble))
    if len(done) < len(calls):
        return Calls((calls[len(done)],))
    return Say(report(command, done[-1]))


def _is_exit(text: str) -> bool:
    """A command that ran and ended badly is a result, no trouble."""
    return text.startswith("exit code:")


def _calls(command: Command, turn: Turn) -> tuple[Call, ...] | Say:
    """The calls of a command, in order; or what to say when it can't be done."""
    calls: tuple[Call, ...]
    match command:
        case Run(""):
            return Say(say("run_what"))
        case Run(line):
            calls = (Call("shell", {"command": line}),)
        case Read(path, first, last):
            span: dict[str, object] = {}
            if first is not None and last is not None:
                span = {"offset": first, "limit": last - first + 1}
            calls = (Call("read", {"path": path, **span}),)
        case List(path):
            calls = (Call("ls", {"path": path} if path else {}),)
        case Find(pattern):
            calls = (Call("glob", {"pattern": _anywhere(pattern)}),)
        case Grep(pattern, path):
            where = {"path": path} if path else {}
            calls = (Call("grep", {"pattern": pattern, **where, "mode": "content", "limit": 100}),)
        case Write(path, text):
            calls = (Call("write", {"path": path, "content": text}),)
        case Edit(path, old, new, everywhere):
            change: dict[str, object] = {"path": path, "old_string": old, "new_string": new}
            if everywhere:
                change["all"] = True
            # an edit of a file that was not read is refused, so it is read first
            calls = (Call("read", {"path": path}), Call("edit", change))
        case GitLog():
            calls = (Call("shell", {"command": "git log --oneline -n 10"}),)
        case Remember(text):
            return _memory("remember", text, turn.tools)
        case Recall(topic):
            return _memory("recall", topic, turn.tools)
        case Ask() | Talk():
            return ()
        case _:
            assert_never(command)
    missing = next((call.name for call in calls if call.name not in turn.tools), None)
    return Say(not_offered(missing)) if missing else calls


def _memory(name: str, text: str, tools: Mapping[str, ToolDefinition]) -> tuple[Call, ...] | Say:
    if name not in tools:
        return Say(no_memory(name))
    properties = tools[name].schema.get("properties")
    known = properties if isinstance(properties, dict) else {}
    return (Call(name, {next((one for one in _TEXT_NAMES if one in known), "text"): text}),)


def _anywhere(pattern: str) -> str:
    return pattern if "/" in pattern else f"**/{pattern}"
