"""Rules as people write them: `Tool` or `Tool(pattern)`, to allow, ask or deny.

It decides what a rule's text means and refuses, naming the rule, what has no meaning: a rule that silently covers
nothing is worse than none. It must never judge a call: that is `decide`. Pure; called by whoever takes rules from
settings, flags and sessions.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from agentd.errors import BadInputError
from agentd.policy import command_patterns, path_patterns
from agentd.policy.command_patterns import CommandPattern
from agentd.policy.path_patterns import PathPattern

__all__ = ["SUBJECTS", "HostPattern", "Pattern", "Rule", "Subject", "Verdict", "parse"]

Verdict = Literal["allow", "ask", "deny"]
Subject = Literal["read", "write", "command", "host"]

SUBJECTS: Mapping[str, Subject] = {
    "read": "read",
    "ls": "read",
    "glob": "read",
    "grep": "read",
    "edit": "write",
    "write": "write",
    "shell": "command",
    "net": "host",
}
"""tool -> what its pattern is about. A tool that is not here has rules without a pattern."""

_RULE = re.compile(r"(?P<tool>[A-Za-z][\w-]*)(?:\((?P<pattern>.*)\))?", re.DOTALL)
_OUTSIDE_TOOL = re.compile(r"mcp__[\w-]+__[\w-]+")
_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*")


@dataclass(frozen=True, slots=True)
class HostPattern:
    """One host, exactly."""

    host: str


Pattern = PathPattern | CommandPattern | HostPattern


@dataclass(frozen=True, slots=True)
class Rule:
    """`text` as it was written, `source` where (a file and line, a flag, a session). No pattern: every call of it."""

    verdict: Verdict
    text: str
    tool: str
    pattern: Pattern | None
    source: str = ""

    @property
    def shown(self) -> str:
        """How a decision names it."""
        return f"{self.verdict} {self.text}" + (f" ({self.source})" if self.source else "")


def parse(verdict: Verdict, text: str, source: str = "") -> Rule:
    """BadInputError naming the rule and what is wrong with it."""
    written = text.strip()
    found = _RULE.fullmatch(written)
    if found is None:
        raise _wrong(written, "a rule is a tool's name, or a name with a pattern in round brackets", source)
    tool, inner = found["tool"], found["pattern"]
    subject = SUBJECTS.get(tool)
    if subject is None:
        if not _OUTSIDE_TOOL.fullmatch(tool):
            near = difflib.get_close_matches(tool.lower(), SUBJECTS, n=1)
            meant = f"; did you mean {near[0]}?" if near else f"; known are {', '.join(SUBJECTS)}"
            raise _wrong(written, f"there is no tool {tool!r}{meant}", source)
        if inner is not None:
            raise _wrong(written, f"rules for {tool} have no pattern", source)
    if inner is None or subject is None:
        return Rule(verdict, written, tool, None, source)
    try:
        return Rule(verdict, written, tool, _pattern(subject, inner), source)
    except BadInputError as error:
        raise _wrong(written, error.what, source, error.remedy) from None


def _pattern(subject: Subject, text: str) -> Pattern:
    match subject:
        case "read" | "write":
            return path_patterns.parse(text)
        case "command":
            return command_patterns.parse(text)
        case "host":
            if not _HOST.fullmatch(text):
                raise BadInputError(f"{text!r} is no host's name", remedy="For example net(example.org)")
            return HostPattern(text.lower())


def _wrong(text: str, why: str, source: str, remedy: str = "") -> BadInputError:
    place = f" in {source}" if source else ""
    return BadInputError(
        f"the rule {text!r}{place} cannot be read: {why}",
        remedy=remedy or "Write, for example, shell(git status:*), edit(src/**) or read(/usr/share/**).",
        field="rule",
    )
