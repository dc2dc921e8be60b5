"""A reader of JSON that is forgiving where forgiving is certain, and says what it forgave.

It reads from left to right, once, and takes in proportion to the text's length whatever stands in it. Forgiven is what
can mean one thing only: brackets that were not closed or stand too many at the end, other quotes or none around a plain
word, a comma before the end, white space in a text that was not escaped, a lone backslash, Python's true, false and
null. Everything else ends the reading: a text without its end is never closed, inner quotes are never guessed at, a name
never comes twice. So every character of a value was written by the model, in that order. Pure. Caller: `argument_repair`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from agentd.errors import BadInputError

__all__ = ["read"]

_DEEPEST = 64  # brackets inside brackets; no tool's arguments have so many
_SPACE = re.compile(r"[ \t\r\n]*")
_CLOSERS = re.compile(r"[\]} \t\r\n]*")
_NAME = re.compile(r"[A-Za-z_][\w-]*")
_BARE = re.compile(r"[A-Za-z_/~.][\w./~-]*")
_NUMBER = re.compile(r"-?(?:0|[1-9]\d{0,300})(?:\.\d+)?(?:[eE][+-]?\d+)?(?![\w.])")
_PLAIN = {close: re.compile(rf"[^\\{close}\x00-\x1f]+") for close in ('"', "'", "”", "`")}
_QUOTES = {'"': '"', "'": "'", "“": "”", "`": "`"}
_ESCAPES = {'"': '"', "\\": "\\", "/": "/", "'": "'", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
_UNICODE = re.compile(r"\\u([0-9a-fA-F]{4})")
_LETTERS = frozenset("bfnrtu")
# What a backslash and one of these stand for in other languages: a model may have meant that, or the two characters.
_ELSEWHERE = frozenset("xUNav0123456789\n\r")
_CONSTANTS: Mapping[str, object] = {"true": True, "false": False, "null": None, "none": None}
# Words that are no texts without quotes: what they mean is another value, or nothing.
_NO_TEXTS = frozenset({"nil", "undefined", "nan", "infinity", "..."})


def read(raw: str) -> tuple[object, tuple[str, ...]] | None:
    """The value, and what was forgiven in a few words each; None when the text is not certain."""
    reader = _Reader(raw)
    try:
        value = reader.value(0)
        reader.end()
    except BadInputError:
        return None
    return value, tuple(reader.notes)


def _uncertain() -> BadInputError:
    return BadInputError("this could mean something else")


class _Reader:
    def __init__(self, raw: str) -> None:
        self._raw = raw
        self._at = 0
        self.notes: list[str] = []

    def _note(self, words: str) -> None:
        if words not in self.notes:
            self.notes.append(words)

    def value(self, depth: int) -> object:
        if depth > _DEEPEST:
            raise _uncertain()
        self._skip()
        match self._next:
            case "{":
                return self._object(depth)
            case "[":
                return self._list(depth)
            case mark if mark in _QUOTES:
                return self._quoted()
            case mark if mark == "-" or mark.isdecimal():
                return self._number()
            case _:
                return self._word()

    def end(self) -> None:
        """Nothing but closing brackets may follow."""
        found = self._take(_CLOSERS)
        if found.strip():
            self._note("a closing bracket too many was dropped")
        if self._at != len(self._raw):
            raise _uncertain()

    @property
    def _next(self) -> str:
        return self._raw[self._at : self._at + 1]

    def _take(self, pattern: re.Pattern[str]) -> str:
        match = pattern.match(self._raw, self._at)
        if match is None:
            raise _uncertain()
        self._at = match.end()
        return match[0]

    def _skip(self) -> None:
        self._take(_SPACE)

    def _object(self, depth: int) -> dict[str, object]:
        found: dict[str, object] = {}
        self._at += 1
        while not self._closed("}", "]", bool(found)):
            name = self._quoted() if self._next in _QUOTES and self._next else self._bare_name()
            self._skip()
            if self._next != ":" or name in found:
                raise _uncertain()
            self._at += 1
            found[name] = self.value(depth + 1)
        return found

    def _list(self, depth: int) -> list[object]:
        found: list[object] = []
        self._at += 1
        while not self._closed("]", "}", bool(found)):
            found.append(self.value(depth + 1))
        return found

    def _closed(self, mark: str, other: str, filled: bool) -> bool:
        """Whether the bracket is closed here; if not, the next item begins."""
        self._skip()
        comma = filled and self._next == ","
        if comma:
            self._at += 1
            self._skip()
        if self._next == mark:
            self._at += 1
        elif self._next in ("", other):
            self._note("a bracket was closed")
        elif filled and not comma:
            raise _uncertain()
        else:
            return False
        if comma:
            self._note("a comma before the end was dropped")
        return True

    def _bare_name(self) -> str:
        name = self._take(_NAME)
        self._note("missing quotes were added")
        return name

    def _number(self) -> object:
        value: object = json.loads(self._take(_NUMBER))
        return value

    def _word(self) -> object:
        word = self._take(_BARE)
        if word.lower() in _CONSTANTS:
            value = _CONSTANTS[word.lower()]
            if word != json.dumps(value):
                self._note(f"{word} was read as {json.dumps(value)}")
            return value
        self._skip()
        if word.lower() in _NO_TEXTS or self._next not in (",", "}", "]") or not self._next:
            raise _uncertain()
        self._note("missing quotes were added")
        return word

    def _quoted(self) -> str:
        close = _QUOTES[self._next]
        if close != '"':
            self._note("quotes were changed to double ones")
        self._at += 1
        parts: list[str] = []
        letters = kept = False
        while (mark := self._next) != close:
            if mark == "":
                raise _uncertain()
            if mark == "\\":
                piece, letter, known = self._escape()
                letters, kept = letters or letter, kept or not known
                parts.append(piece)
            elif mark < " ":
                self._note("a line break or control character in a text was escaped")
                parts.append(mark)
                self._at += 1
            else:
                parts.append(self._take(_PLAIN[close]))
        if kept:
            # Beside a backslash that JSON does not know, `\n` or `\t` may have been meant as two characters as well.
            if letters:
                raise _uncertain()
            self._note("a lone backslash was doubled")
        self._at += 1
        return "".join(parts)

    def _escape(self) -> tuple[str, bool, bool]:
        """What a backslash stands for, whether a letter is behind it that JSON knows, whether JSON knows the whole."""
        mark = self._raw[self._at + 1 : self._at + 2]
        if mark == "u":
            first = self._unit()
            if 0xD800 <= first < 0xDC00 and _UNICODE.match(self._raw, self._at):
                start, second = self._at, self._unit()
                if 0xDC00 <= second < 0xE000:
                    return chr(0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00)), True, True
                self._at = start
            return chr(first), True, True
        if mark in _ESCAPES:
            self._at += 2
            return _ESCAPES[mark], mark in _LETTERS, True
        if mark in _ELSEWHERE or not mark:
            raise _uncertain()
        self._at += 1
        return "\\", False, False

    def _unit(self) -> int:
        return int(self._take(_UNICODE)[2:], 16)
