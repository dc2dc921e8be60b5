"""Which places of a Markdown text are code: between fences, or between backticks of a line.

It decides this one thing, as the text comes, cut anywhere. It never holds a character back and never changes one.
Callers: `tool_text` (a marker in code is only mentioned), `repetition` (code may repeat itself more than prose may).
"""

from __future__ import annotations

import re

__all__ = ["Code"]

_TOKENS = re.compile(r"\n|`+|~+|[^\n`~]+")
_FENCE = 3  # marks that make a fence, at the least
_INDENT = 3  # spaces that may stand before a fence, at the most: one more is an indented block


class Code:
    """Give it every character in order. Inline code ends with its line: a lone backtick must not hide the rest."""

    def __init__(self) -> None:
        self._fence = ""
        self._naming = False  # in the line that opens a fence
        self._inline = 0
        self._blank: str | None = ""  # what the line has so far while it is blank
        self._run = ""

    @property
    def inside(self) -> bool:
        """Whether the next character would be code, when it is no mark itself."""
        self._close_run()
        return bool(self._fence) or self._inline > 0

    @property
    def fenced(self) -> bool:
        """The same, between fences alone."""
        self._close_run()
        return bool(self._fence)

    def take(self, text: str) -> None:
        for token in _TOKENS.findall(text):
            if token[0] in "`~":
                if self._run and self._run[0] != token[0]:
                    self._close_run()
                self._run += token
                continue
            self._close_run()
            if token == "\n":
                self._naming, self._inline, self._blank = False, 0, ""
            elif self._blank is not None:
                self._blank = self._blank + token[: _INDENT + 2] if not token.strip(" ") else None

    def _close_run(self) -> None:
        run, self._run = self._run, ""
        if not run:
            return
        at_start = self._blank is not None and len(self._blank) <= _INDENT
        self._blank = None
        if self._fence:
            if self._naming and run[0] == "`":
                # A fence's first line holds no backtick: it was inline code, and this run may close it.
                self._inline = 0 if len(run) == len(self._fence) else len(self._fence)
                self._fence, self._naming = "", False
            elif at_start and run[0] == self._fence[0] and len(run) >= len(self._fence):
                self._fence = ""
        elif self._inline:
            if run[0] == "`" and len(run) == self._inline:
                self._inline = 0
        elif at_start and len(run) >= _FENCE:
            self._fence, self._naming = run, True
        elif run[0] == "`":
            self._inline = len(run)
