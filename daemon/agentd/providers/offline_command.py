"""What a prompt asks the offline engine to do: a command that it knows, or a question.

It decides by the first words alone, never by guessing: what is not plainly a command is a question. Pure. Nothing here
acts; `offline_plan` turns the result into tool calls. The forms are listed to the user by the `help` text.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

__all__ = [
    "Ask",
    "Command",
    "Edit",
    "Find",
    "GitLog",
    "Grep",
    "List",
    "Read",
    "Recall",
    "Remember",
    "Run",
    "Talk",
    "Write",
    "read_command",
]


@dataclass(frozen=True, slots=True)
class Ask:
    """A question about the folder and the files that came with it."""

    text: str


@dataclass(frozen=True, slots=True)
class Run:
    """`command` is empty when it was not said exactly."""

    command: str


@dataclass(frozen=True, slots=True)
class Read:
    """Lines `first` to `last`, from 1, both included; None: to the end, or as many as the tool gives."""

    path: str
    first: int | None = None
    last: int | None = None


@dataclass(frozen=True, slots=True)
class List:
    path: str = ""


@dataclass(frozen=True, slots=True)
class Find:
    pattern: str


@dataclass(frozen=True, slots=True)
class Grep:
    pattern: str
    path: str = ""


@dataclass(frozen=True, slots=True)
class Write:
    """`text` is what was given, to the byte: no line end is added."""

    path: str
    text: str


@dataclass(frozen=True, slots=True)
class Edit:
    path: str
    old: str
    new: str
    everywhere: bool = False


@dataclass(frozen=True, slots=True)
class GitLog:
    """What changed of late."""


@dataclass(frozen=True, slots=True)
class Remember:
    text: str


@dataclass(frozen=True, slots=True)
class Recall:
    topic: str


@dataclass(frozen=True, slots=True)
class Talk:
    """Said to the engine itself; `about` is a key of the texts."""

    about: str


Command = Ask | Run | Read | List | Find | Grep | Write | Edit | GitLog | Remember | Recall | Talk

_PATH = r"(?:\"(?P<quoted_path>[^\"\n]+)\"|`(?P<ticked_path>[^`\n]+)`|(?P<path>[^\s:\"`]*[^\s:\"`,]))"
_TEXT = r"(?:\"(?P<{0}_double>(?:[^\"\\]|\\.)*)\"|'(?P<{0}_single>(?:[^'\\]|\\.)*)'|`(?P<{0}_ticked>[^`]*)`)"
_ARTICLE = re.compile(r"(the|a|an|my|our|all|your|this|that|these|it|some|any)\b", re.I)
_ESCAPE = re.compile(r"\\(.)", re.S)
_ESCAPED = {"n": "\n", "t": "\t", "r": "\r"}


def _path(match: re.Match[str]) -> str:
    return match["quoted_path"] or match["ticked_path"] or match["path"] or ""


def _quoted(match: re.Match[str], name: str) -> str:
    ticked = match[f"{name}_ticked"]
    if ticked is not None:
        return ticked
    text = match[f"{name}_double"] if match[f"{name}_double"] is not None else match[f"{name}_single"]
    return _ESCAPE.sub(lambda found: _ESCAPED.get(found[1], found[1]), text)


def _run(match: re.Match[str]) -> Command:
    command = match["command"].strip()
    if match["mark"] == "run " and _ARTICLE.match(command):
        return Run("")
    return Run(_unfenced(command))


def _unfenced(command: str) -> str:
    """A command in one pair of backticks is the command."""
    inside = command[1:-1]
    return inside if len(command) > 2 and command[0] == command[-1] == "`" and "`" not in inside else command


def _read(match: re.Match[str]) -> Command:
    first = int(match["first"]) if match["first"] else None
    last = int(match["last"]) if match["last"] else first
    if first is not None and last is not None and last < first:
        first, last = last, first
    return Read(_path(match), first, last)


def _edit(match: re.Match[str]) -> Command:
    return Edit(_path(match), _quoted(match, "old"), _quoted(match, "new"), bool(match["everywhere"]))


_Form = tuple[re.Pattern[str], Callable[[re.Match[str]], Command]]


def _form(pattern: str, build: Callable[[re.Match[str]], Command], flags: int = 0, *, tail: str = r"\s*") -> _Form:
    return re.compile(rf"\s*(?:please\s+)?(?:{pattern}){tail}\Z", re.I | flags), build


# The first that fits wins.
_FORMS: tuple[_Form, ...] = (
    _form(r"(?P<mark>run:|!|run )(?P<command>.*\S)", _run, re.S),
    _form(r"(?:run|run:|!)", lambda match: Run("")),
    _form(
        rf"(?:write|create)\s+(?:to\s+|the file\s+)?{_PATH}:[ \t\n]?(?P<text>.*)",
        lambda match: Write(_path(match), match["text"]),
        re.S,
        tail="",
    ),
    _form(
        rf"edit\s+{_PATH}:\s*replace\s+{_TEXT.format('old')}\s+(?:with|by)\s+{_TEXT.format('new')}"
        r"(?P<everywhere>\s+(?:everywhere|all))?\.?",
        _edit,
        re.S,
    ),
    _form(
        rf"(?:read|cat|(?:show|open)(?=.*[./]))\s+(?:the file\s+)?{_PATH}"
        r"(?:,?\s+(?:from\s+)?lines?\s+(?P<first>\d{1,9})(?:\s*(?:-|–|to|\.\.)\s*(?P<last>\d{1,9}))?)?",
        _read,
    ),
    _form(r"(?:list|ls)(?:\s+(?:the\s+)?(?:files|folder|directory))?(?:\s+(?:in|of))?", lambda match: List()),
    _form(
        rf"(?:list|ls)\s+(?:(?:the\s+)?(?:files|folder|directory)\s+)?(?:(?:in|of|below)\s+)?{_PATH}",
        lambda match: List(_path(match)),
    ),
    _form(r"what (?:files )?(?:is|are) (?:in )?here\??", lambda match: List()),
    _form(r"find\s+(?P<pattern>\S*[*?./\[]\S*)", lambda match: Find(match["pattern"])),
    _form(rf"grep\s+{_TEXT.format('what')}(?:\s+in\s+(?P<where>\S+))?", lambda match: _grep(match)),
    _form(
        r"grep\s+(?P<pattern>\S.*?)(?:\s+in\s+(?P<where>\S+))?",
        lambda match: Grep(match["pattern"], match["where"] or ""),
    ),
    _form(
        r"(?:show (?:me )?(?:the )?)?git (?:log|history)|what(?: has|'s)? (?:been )?changed"
        r"(?: (?:recently|lately|last|here|of late))*\??|(?:recent|latest|last) (?:changes|commits)\??",
        lambda match: GitLog(),
    ),
    _form(r"(?:remember|note)(?:\s+that\b|:)\s*(?P<text>.*\S)", lambda match: Remember(match["text"]), re.S),
    _form(
        r"what do (?:you|we) (?:know|remember) (?:about|of)\s+(?P<topic>.*?\S)\s*[?.!]*",
        lambda match: Recall(match["topic"]),
    ),
    _form(r"recall\s+(?P<topic>.*?\S)\s*[?.!]*", lambda match: Recall(match["topic"])),
    _form(
        r"(?:help|what can (?:you|i) (?:do|ask|say)(?: (?:here|for me))?|how does this work)\s*[?.!]*",
        lambda match: Talk("help"),
    ),
    _form(
        r"(?:hello|hi|hey|good (?:morning|afternoon|evening))\b[ ,]*(?:there|agentd)?\s*[?.!]*", lambda _: Talk("hello")
    ),
    _form(
        r"(?:(?:who|what) are you|(?:what|which) (?:language )?model (?:are you|is this|do you use)"
        r"|are you (?:an? )?(?:ai|llm|language model|human|real|robot|bot))\s*[?.!]*",
        lambda match: Talk("identity"),
    ),
)


def _grep(match: re.Match[str]) -> Command:
    return Grep(_quoted(match, "what"), match["where"] or "")


def read_command(prompt: str) -> Command:
    """What `prompt` asks for. Only `write`, `edit`, `run` and `remember` may go over several lines."""
    for pattern, build in _FORMS:
        if match := pattern.match(prompt):
            return build(match)
    return Ask(prompt)
