"""A text that is still coming, read by a reader that may have to wait: what the readers of `tool_text_formats` stand on.

A reader is a generator: it asks with a bare `yield` for more text. Whatever it has taken is kept, so that it can be
given back as it was when the text turns out to be none of its kind; what it only looked at stays in the window. Every
step takes time in proportion to the text that is new. Called by the formats, fed by `tool_text`.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Sequence
from typing import TypeVar

__all__ = ["Reading", "Tape"]

_T = TypeVar("_T")
Reading = Generator[None, None, _T]
"""A reader's steps; it returns what it found."""

_MARKS = re.compile(r"""[\\"'()\[\]{}]""")
_PAIRS = {"{": "}", "[": "]", "(": ")"}


class Tape:
    """`taken`: what readers have consumed; `window`: what came and was not; `ended`: nothing more will come; `cut`: and
    the end is not where the model wanted it, so that nothing may be thought complete that is not."""

    def __init__(self, text: str = "") -> None:
        self._taken: list[str] = []
        self.window = text
        self.ended = False
        self.cut = False

    @property
    def taken(self) -> str:
        return "".join(self._taken)

    @property
    def spent(self) -> bool:
        """Whether nothing is left and nothing will come."""
        return self.ended and not self.window

    def take(self, count: int) -> str:
        """The next characters, off the window."""
        text, self.window = self.window[:count], self.window[count:]
        self._taken.append(text)
        return text

    def more(self) -> Reading[bool]:
        """Wait until the window is not empty; False at the end of the text."""
        while not self.window and not self.ended:
            yield
        return bool(self.window)

    def spaces(self) -> Reading[str]:
        """Take white space, as much as there is."""
        found: list[str] = []
        while (yield from self.more()):
            count = len(self.window) - len(self.window.lstrip())
            found.append(self.take(count))
            if self.window:
                break
        return "".join(found)

    def word(self, *words: str) -> Reading[str]:
        """Take the longest of the words that comes next; empty, and nothing taken, when none does."""
        while not self.ended and any(len(word) > len(self.window) and word.startswith(self.window) for word in words):
            yield
        found = max((word for word in words if self.window.startswith(word)), key=len, default="")
        return self.take(len(found))

    def ahead(self, *words: str) -> Reading[bool]:
        """Whether one of the words comes next. Takes nothing."""
        while not self.ended and any(len(word) > len(self.window) and word.startswith(self.window) for word in words):
            if self.window.startswith(words):
                return True
            yield
        return self.window.startswith(words)

    def within(self, letters: re.Pattern[str], most: int) -> Reading[str]:
        """Take up to `most` characters of a class (`letters` matches any number of them)."""
        found = ""
        while (yield from self.more()):
            match = letters.match(self.window, 0, most - len(found))
            count = match.end() if match else 0
            found += self.take(count)
            if self.window or len(found) >= most:
                break
        return found

    def until(self, close: str) -> Reading[str | None]:
        """Take up to and with `close`, however far it is; what came before it, or None when it does not come."""
        found: list[str] = []
        while (at := self.window.find(close)) < 0:
            found.append(self.take(len(self.window) - self._overlap(close)))
            if self.ended:
                return None
            yield
        found.append(self.take(at))
        self.take(len(close))
        return "".join(found)

    def soon(self, close: str, most: int) -> Reading[str | None]:
        """The same, when `close` comes within `most` characters; else None, and nothing is taken."""
        while (at := self.window.find(close, 0, most + len(close))) < 0:
            if self.ended or len(self.window) >= most + len(close):
                return None
            yield
        found = self.take(at)
        self.take(len(close))
        return found

    def balanced(self, begun: str = "", closes: Sequence[str] = ()) -> Reading[str | None]:
        """Take brackets of any kind up to the one that closes the first; quoted text (`"` or `'`) counts for nothing.

        `begun` was taken before and is a part of it. When the text ends first: up to the first of `closes`, which is left
        where it is; without one all of it, unbalanced as it is, or None when the text was cut."""
        walk = _Brackets()
        found = [begun]
        walk.take(begun)
        while True:
            count = walk.take(self.window)
            found.append(self.take(count))
            if walk.done:
                return "".join(found)
            if self.ended:
                return self._up_to("".join(found), closes)
            yield

    def _up_to(self, text: str, closes: Sequence[str]) -> str | None:
        at = min((at for at in (text.find(close) for close in closes) if at >= 0), default=-1)
        if at < 0:
            return None if self.cut else text
        whole = self.taken
        keep = len(whole) - (len(text) - at)
        self._taken, self.window = [whole[:keep]], whole[keep:] + self.window
        return text[:at]

    def _overlap(self, close: str) -> int:
        """How many characters at the end of the window may be the beginning of `close`."""
        longest = min(len(close) - 1, len(self.window))
        return next((size for size in range(longest, 0, -1) if self.window.endswith(close[:size])), 0)


class _Brackets:
    """Where the first bracket is closed, as text comes."""

    def __init__(self) -> None:
        self._open: list[str] = []
        self._quote = ""
        self._escaped = False
        self.done = False

    def take(self, text: str) -> int:
        """How many characters belong to it."""
        at = 0
        if self._escaped and text:
            self._escaped, at = False, 1
        while (match := _MARKS.search(text, at)) is not None:
            mark, at = match[0], match.end()
            if mark == "\\":
                if not self._quote:
                    continue
                if at == len(text):
                    self._escaped = True
                at += 1
            elif self._quote:
                self._quote = "" if mark == self._quote else self._quote
            elif mark in "\"'":
                self._quote = mark
            elif mark in _PAIRS:
                self._open.append(_PAIRS[mark])
            else:
                # A wrong closing bracket closes too: what it means is for whoever reads the whole.
                if self._open:
                    self._open.pop()
                if not self._open:
                    self.done = True
                    return at
        return len(text)
