"""Slash commands of `chat`: a line -> what is meant. Pure; `loop` does it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches

__all__ = ["SLASHES", "Slash", "Unknown", "help_text", "parse"]

SLASHES: dict[str, tuple[str, str]] = {
    "help": ("", "these commands and keys"),
    "mode": ("[ask|plan]", "show or change what is asked about"),
    "model": ("[NAME]", "list the connections, or use one in this session"),
    "status": ("", "this session, the daemon, the model, the sandbox"),
    "sessions": ("", "the latest sessions"),
    "undo": ("", "take back the last turn and its files; its text is back in the line"),
    "redo": ("", "bring back what the last undo or rewind took"),
    "rewind": ("[N]", "the turns by number, or take back those after turn N"),
    "fork": ("", "go on in a new session that has this talk so far"),
    "rename": ("TITLE", "give the session a title"),
    "workflow": ("", "calls that changed something, and their files"),
    "search": ("WORDS", "find words in all sessions"),
    "export": ("[FILE]", "write the session as Markdown into a new file"),
    "interrupt": ("", "stop the running turn"),
    "vim": ("", "vi keys on or off"),
    "quit": ("", "leave; the session stays"),
}
"""Command -> (its argument, one line of help)."""

_KEYS = (
    ("Enter", "send; while it works, steer it"),
    ("Alt-Enter", "a new line (pasted lines stay lines)"),
    ("@path", "give a file; Tab completes"),
    ("Esc, Ctrl-C", "take the message back before the model speaks; then stop the turn"),
    ("Ctrl-R", "search the history"),
    ("Ctrl-D", "leave"),
)


@dataclass(frozen=True, slots=True)
class Slash:
    name: str
    argument: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """No such command; `near` are names that look like it."""

    name: str
    near: Sequence[str]


def parse(line: str) -> Slash | Unknown | None:
    """What a line means; None when it is for the model. A path is no command: `/etc/hosts` goes to the model."""
    if not line.startswith("/"):
        return None
    name, _, argument = line[1:].strip().partition(" ")
    if not name or "/" in name or "\n" in line:
        return None
    if name in SLASHES:
        return Slash(name, argument.strip())
    if name in ("exit", "q"):
        return Slash("quit", "")
    return Unknown(name, get_close_matches(name, SLASHES, 3))


def help_text() -> str:
    rows = [(f"/{name} {argument}".strip(), line) for name, (argument, line) in SLASHES.items()]
    return "\n".join(f"  {left:<18} {right}" for left, right in [*rows, *_KEYS]) + "\n"
