"""Whether a value is exactly what a malformed JSON text says, and in what the text differs from JSON.

The value, which a repair library proposed, is laid over the text from left to right: every name, text and number of it
has to be found there, whole and in order, and nothing may be left over but marks. It decides which differences are
harmless; a difference that is not in its list makes the whole answer None. Pure. Caller: `argument_repair`.
"""

from __future__ import annotations

import json
import re

__all__ = ["differences"]

_SPACE = re.compile(r"[ \t\r\n]*")
_CLOSERS = re.compile(r"[\]} \t\r\n]*")
_WORD = re.compile(r"[A-Za-z_][\w-]*")
_BARE = re.compile(r"[A-Za-z_/~.][\w./~-]*")
_NUMBER = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?(?![\w.])")
_QUOTES = {'"': '"', "'": "'", "“": "”", "`": "`"}
_ESCAPES = {'"': '"', "\\": "\\", "/": "/", "'": "'", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
_LETTERS = frozenset("bfnrtu")
# Words that are no texts without quotes: what they mean is another value, or nothing.
_NO_TEXTS = frozenset({"true", "false", "null", "none", "nil", "undefined", "nan", "infinity"})


class _DiffersError(Exception):
    """The text does not say this."""


def differences(raw: str, value: object) -> tuple[str, ...] | None:
    """In a few words each; None when the text does not certainly say the value."""
    walk = _Walk(raw)
    try:
        walk.value(value)
        end = _CLOSERS.match(raw, walk.at)
        assert end is not None
        if raw[walk.at : end.end()].strip():
            walk.note("a closing bracket too many was dropped")
        return tuple(walk.notes) if end.end() == len(raw) else None
    except (_DiffersError, RecursionError):
        return None


class _Walk:
    """One pass over the text."""

    def __init__(self, raw: str) -> None:
        self._raw = raw
        self.at = 0
        self.notes: list[str] = []

    def note(self, words: str) -> None:
        if words not in self.notes:
            self.notes.append(words)

    def value(self, value: object) -> None:
        self._skip()
        match value:
            case dict():
                self._expect("{")
                for index, (name, inner) in enumerate(value.items()):
                    self._comma(index)
                    self._text(name, _WORD)
                    self._skip()
                    self._expect(":")
                    self.value(inner)
                self._close("}", ("]",), bool(value))
            case list():
                self._expect("[")
                for index, inner in enumerate(value):
                    self._comma(index)
                    self.value(inner)
                self._close("]", ("}",), bool(value))
            case str():
                self._text(value, _BARE)
            case True | False | None:
                self._constant(value)
            case _:
                self._number(value)

    def _skip(self) -> None:
        match = _SPACE.match(self._raw, self.at)
        assert match is not None
        self.at = match.end()

    def _next(self) -> str:
        return self._raw[self.at : self.at + 1]

    def _expect(self, mark: str) -> None:
        if self._next() != mark:
            raise _DiffersError
        self.at += 1

    def _comma(self, index: int) -> None:
        if index:
            self._skip()
            self._expect(",")
        self._skip()

    def _close(self, mark: str, others: tuple[str, ...], filled: bool) -> None:
        self._skip()
        if filled and self._next() == ",":
            self.at += 1
            self.note("a comma before the end was dropped")
            self._skip()
        if self._next() == mark:
            self.at += 1
        elif self._next() == "" or self._next() in others:
            self.note("a bracket was closed")
        else:
            raise _DiffersError

    def _constant(self, value: object) -> None:
        match = _WORD.match(self._raw, self.at)
        word = match[0] if match else ""
        if value is None:
            fine = word.lower() in ("null", "none")
        else:
            fine = word.lower() == str(value).lower()
        if not fine:
            raise _DiffersError
        if word != json.dumps(value):
            self.note(f"{word} was read as {json.dumps(value)}")
        self.at += len(word)

    def _number(self, value: object) -> None:
        match = _NUMBER.match(self._raw, self.at)
        if match is None or repr(json.loads(match[0])) != repr(value):
            raise _DiffersError
        self.at = match.end()

    def _text(self, text: object, bare: re.Pattern[str]) -> None:
        quote = self._next()
        if not isinstance(text, str):
            raise _DiffersError
        if quote not in _QUOTES or not quote:
            match = bare.match(self._raw, self.at)
            if match is None or match[0] != text or text.lower() in _NO_TEXTS:
                raise _DiffersError
            self.at = match.end()
            self._skip()
            if bare is _BARE and self._next() not in (",", "}", "]"):
                raise _DiffersError
            self.note("missing quotes were added")
            return
        if quote != '"':
            self.note("quotes were changed to double ones")
        self.at += 1
        self._quoted(text, _QUOTES[quote])

    def _quoted(self, text: str, close: str) -> None:
        raw, at, done = self._raw, self.at, 0
        letters = kept = False
        while done < len(text):
            mark = raw[at : at + 1]
            if mark == "\\":
                piece, size, letter, lone = _escape(raw, at)
                letters, kept = letters or letter, kept or lone
            elif mark == close:
                raise _DiffersError
            else:
                piece, size = mark, 1
                if mark and mark < " ":
                    self.note("a line break or control character in a text was escaped")
            if not piece or not text.startswith(piece, done):
                raise _DiffersError
            at, done = at + size, done + len(piece)
        # Beside a backslash that JSON does not know, `\\n` or `\\t` may have been meant as two characters as well.
        if raw[at : at + 1] != close or (letters and kept):
            raise _DiffersError
        if kept:
            self.note("a lone backslash was doubled")
        self.at = at + 1


def _escape(raw: str, at: int) -> tuple[str, int, bool, bool]:
    """What an escape stands for, its length, whether a letter follows that JSON knows, whether JSON knows it not."""
    mark = raw[at + 1 : at + 2]
    if mark in _ESCAPES and mark:
        return _ESCAPES[mark], 2, mark in _LETTERS, False
    if mark == "u":
        found = re.compile(r"(?:\\u[0-9a-fA-F]{4})+").match(raw, at)
        if found is None:
            raise _DiffersError
        units = [int(found[0][i + 2 : i + 6], 16) for i in range(0, len(found[0]), 6)]
        pair = len(units) > 1 and 0xD800 <= units[0] < 0xDC00 <= units[1] < 0xE000
        if pair:
            return chr(0x10000 + ((units[0] - 0xD800) << 10) + (units[1] - 0xDC00)), 12, True, False
        return chr(units[0]), 6, True, False
    if not mark or mark in "\r\n":
        raise _DiffersError
    return "\\", 1, False, True
