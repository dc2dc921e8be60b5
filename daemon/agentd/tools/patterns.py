"""A search pattern -> the same pattern for ripgrep and for Python, so that both find the same lines.

It decides the language of `grep`: regular expressions that every engine without look-around has, line by line, with
Unicode classes. It must never hand an engine something that the other would read differently: what has no equal form is
refused with the place and what to write instead. Pure; called by the grep tool (for ripgrep) and by the worker's job.

Known and accepted: with `ignore_case`, Python takes the Turkish dotless i and the dotted capital I for an i; the
Unicode tables of the two may be a version apart.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from functools import cache
from typing import Literal

from agentd.errors import BadArgumentsError

__all__ = ["LONGEST", "MOST_REPEATS", "Engine", "Ranges", "ignores_case", "translate"]

Engine = Literal["rust", "wide", "narrow"]
"""`rust` for ripgrep, `wide` for Python on any text, `narrow` for Python on ASCII text (the same lines, faster)."""

Ranges = Sequence[tuple[int, int]]
"""First and last code point of each run, in order."""

LONGEST = 1_000
"""Characters of a pattern; a longer one is a list that belongs into several searches."""

MOST_REPEATS = 1_000
"""The highest count in `{n,m}`: engines unroll it."""

_META = frozenset("\\.+*?()|[]{}^$#&-~")
_CONTROL = {"t": "\t", "r": "\r", "f": "\f", "v": "\v"}
_POSIX = {
    "alpha": "A-Za-z",
    "digit": "0-9",
    "alnum": "A-Za-z0-9",
    "upper": "A-Z",
    "lower": "a-z",
    "xdigit": "A-Fa-f0-9",
    "word": "A-Za-z0-9_",
    "blank": r"\t ",
    "space": r"\t\n\v\f\r ",
    "punct": r"!-/:-@\[-`{-~",
}

_NARROW: dict[str, Ranges] = {
    "d": ((0x30, 0x39),),
    "w": ((0x30, 0x39), (0x41, 0x5A), (0x5F, 0x5F), (0x61, 0x7A)),
    "s": ((0x09, 0x0D), (0x20, 0x20)),
}
"""The same in ASCII; a text of ASCII alone needs no more, and Python is faster with less."""

# Python holds bytes that are no UTF-8 as U+DC80 to U+DCFF; no class of ripgrep matches such a byte.
_LINE_BEGIN = "(?:^\ufeff?)"
_LINE_END = r"(?:\r?$)"


def translate(pattern: str, engine: Engine, *, ignore_case: bool = False) -> str:
    """The pattern for one engine; BadArgumentsError, naming the place, for what cannot be said to every engine."""
    if len(pattern) > LONGEST:
        raise BadArgumentsError(
            f"the pattern has {len(pattern)} characters; at most {LONGEST} are taken", field="pattern"
        )
    return _Reader(pattern.removeprefix("(?i)"), engine, ignores_case(pattern, ignore_case)).whole()


def ignores_case(pattern: str, asked: bool) -> bool:
    """Whether letters match in both cases: when it is asked for, or said by `(?i)` at the beginning."""
    return asked or pattern.startswith("(?i)")


class _Reader:
    """One pass over a pattern, left to right; `at` is the next character."""

    def __init__(self, text: str, engine: Engine, ignore_case: bool) -> None:
        self._text = text
        self._engine = engine
        self._at = 0
        self._ignore_case = ignore_case

    def whole(self) -> str:
        found = self._alternatives(depth=0)
        if self._at < len(self._text):
            raise self._refused("a `)` without its `(`; write `\\)` for the character")
        return found

    def _alternatives(self, depth: int) -> str:
        if depth > 50:
            raise self._refused("groups lie too deep in each other")
        found = self._sequence(depth)
        while self._peek() == "|":
            self._at += 1
            found += "|" + self._sequence(depth)
        return found

    def _sequence(self, depth: int) -> str:
        found = ""
        while self._at < len(self._text) and self._peek() not in "|)":
            atom, repeatable = self._atom(depth)
            repeat = self._repeat()
            if repeat and not repeatable:
                raise self._refused("a repetition of something that has no width")
            found += atom + repeat
        return found

    def _atom(self, depth: int) -> tuple[str, bool]:
        character = self._next()
        match character:
            case "(":
                return self._group(depth), True
            case "[":
                return self._class(), True
            case ".":
                return ("[^\n\udc80-\udcff]" if self._engine == "wide" else "."), True
            case "^":
                return _LINE_BEGIN, False
            case "$":
                return _LINE_END, False
            case "*" | "+" | "?":
                raise self._refused(f"nothing stands before `{character}`; write `\\{character}` for the character")
            case "\\":
                return self._escape()
            case _:
                return _literal(character), True

    def _group(self, depth: int) -> str:
        if self._text.startswith(("?=", "?!", "?<=", "?<!"), self._at):
            raise self._refused("look-around is not known here; search for the rest and read what is found")
        if self._peek() == "?":
            name = next((form for form in ("?:", "?P<", "?<") if self._text.startswith(form, self._at)), None)
            if name is None:
                raise self._refused("this kind of group is not known here; use `( )`, and `(?i)` only at the beginning")
            self._at += len(name)
            if name != "?:":
                end = self._text.find(">", self._at)
                if end < 0:
                    raise self._refused("the group's name has no end")
                self._at = end + 1
        inner = self._alternatives(depth + 1)
        if self._peek() != ")":
            raise self._refused("a `(` without its `)`; write `\\(` for the character")
        self._at += 1
        return f"(?:{inner})"

    def _repeat(self) -> str:
        """The repetition that stands here, as both engines write it; empty when there is none."""
        found = ""
        if self._at < len(self._text) and self._peek() in "*+?":
            found = self._next()
        elif bounds := self._bounds():
            least, most = bounds
            found = f"{{{least}}}" if least == most else f"{{{least},{'' if most is None else most}}}"
        if found and self._peek() == "?":
            found += self._next()
        if found and (self._peek() in ("*", "+", "?") or self._bounds(look=True)):
            raise self._refused("a repetition of a repetition; put the first one into `( )`")
        return found

    def _bounds(self, *, look: bool = False) -> tuple[int, int | None] | None:
        """`{n}`, `{n,}`, `{,m}`, `{n,m}`; a brace that is none of these is a character."""
        end = self._text.find("}", self._at) if self._peek() == "{" else -1
        if end < 0:
            return None
        least, comma, most = self._text[self._at + 1 : end].partition(",")
        numbers = [number for number in (least, most) if number]
        if not numbers or not all(number.isascii() and number.isdigit() and len(number) < 6 for number in numbers):
            return None
        low = int(least or "0")
        high = low if not comma else int(most) if most else None
        if not look:
            if max(low, high or 0) > MOST_REPEATS or (high is not None and high < low):
                raise self._refused(f"a repetition has to be in order and at most {MOST_REPEATS}")
            self._at = end + 1
        return low, high

    def _escape(self) -> tuple[str, bool]:
        character = self._next("a lone `\\` at the end; write `\\\\` for the character")
        if character in "dDwWsS":
            return self._shorthand(character), True
        if character == "b":
            if self._engine != "wide":
                return r"\b", False
            word = _spelled(_word())
            edges = f"(?:(?<=[{word}])(?![{word}])|(?<![{word}])(?=[{word}]))"
            return self._as_is(edges), False
        if character == "A":
            return _LINE_BEGIN, False
        if character in "zZ":
            return _LINE_END, False
        return _literal(self._escaped_character(character)), True

    def _shorthand(self, letter: str) -> str:
        members = self._members(letter)
        return members if self._engine == "rust" else self._as_is(f"[{members}]")

    def _members(self, letter: str) -> str:
        """What `\\w` and its like hold, as it is written in a class."""
        match self._engine:
            case "rust":
                return f"\\{letter}"
            case "narrow":
                return _spelled(_NARROW[letter.lower()] if letter.islower() else _others(_NARROW[letter.lower()]))
            case "wide":
                held = {"d": _digits, "w": _word, "s": _spaces}[letter.lower()]()
                return _spelled(held if letter.islower() else _others(held))

    def _as_is(self, text: str) -> str:
        """These sets hold both cases anyway; without the flag Python compiles them a hundred times faster."""
        return f"(?-i:{text})" if self._ignore_case else text

    def _escaped_character(self, character: str) -> str:
        if character in _CONTROL:
            return _CONTROL[character]
        if character in "xu":
            size = 2 if character == "x" else 4
            digits = self._text[self._at : self._at + size]
            if len(digits) < size or not all(digit in "0123456789abcdefABCDEF" for digit in digits):
                raise self._refused(f"`\\{character}` needs {size} hexadecimal digits")
            self._at += size
            code = int(digits, 16)
            if code == 0x0A or 0xD800 <= code <= 0xDFFF:
                raise self._refused("no line holds this character")
            return chr(code)
        if character == "n":
            raise self._refused("the search goes line by line, so `\\n` never matches")
        if character in "<>":
            raise self._refused(f"write `\\b` for the edge of a word, or `{character}` for the character")
        if character.isalnum():
            raise self._refused(f"`\\{character}` is not known here")
        return character

    def _class(self) -> str:
        negated = self._peek() == "^"
        self._at += negated
        held = ""
        first = True
        while (character := self._next("a `[` without its `]`; write `\\[` for the character")) != "]" or first:
            first = False
            if character == "[" and self._peek() == ":":
                held += self._posix()
            elif character == "\\" and self._peek() and self._peek() in "dDwWsS":
                held += self._members(self._next())
            else:
                held += self._range(character)
        if not negated:
            return f"[{held}]"
        # Rust's class takes no part of a broken byte and, line by line, no line end.
        return f"[^{held}]" if self._engine == "rust" else f"[^{held}\n\udc80-\udcff]"

    def _range(self, character: str) -> str:
        low = high = self._member(character)
        if self._peek() == "-" and self._text[self._at + 1 : self._at + 2] not in ("]", ""):
            self._at += 1
            high = self._member(self._next())
            if high < low:
                raise self._refused(f"the range `{low}-{high}` is backwards")
        return _literal(low) if low == high else f"{_literal(low)}-{_literal(high)}"

    def _member(self, character: str) -> str:
        if character != "\\":
            return character
        escaped = self._next("a lone `\\` at the end")
        if escaped in "bdDwWsSAzZ":
            raise self._refused(f"`\\{escaped}` has no place in a range or class")
        return self._escaped_character(escaped)

    def _posix(self) -> str:
        end = self._text.find(":]", self._at)
        name = self._text[self._at + 1 : end] if end >= 0 else ""
        if name not in _POSIX:
            raise self._refused(f"`[:{name}:]` is not known; known are {', '.join(_POSIX)}")
        self._at = end + 2
        return _POSIX[name]

    def _peek(self) -> str:
        return self._text[self._at : self._at + 1]

    def _next(self, lacking: str = "the pattern ends too early") -> str:
        if self._at >= len(self._text):
            raise self._refused(lacking)
        self._at += 1
        return self._text[self._at - 1]

    def _refused(self, why: str) -> BadArgumentsError:
        shown = f"{self._text[: self._at]}⟨here⟩{self._text[self._at :]}"
        return BadArgumentsError(
            f"the pattern cannot be searched for: {why}",
            why=f"At {shown}",
            remedy='A right pattern is, for example, "def \\w+\\(self" or "TODO|FIXME".',
            field="pattern",
        )


def _literal(character: str) -> str:
    if character in _META:
        return "\\" + character
    return f"\\x{ord(character):02x}" if ord(character) < 0x20 else character


def _spelled(ranges: Ranges) -> str:
    return "".join(
        _literal(chr(low)) if low == high else f"{_literal(chr(low))}-{_literal(chr(high))}" for low, high in ranges
    )


@cache
def _digits() -> Ranges:
    return _runs(frozenset({"Nd"}))


@cache
def _word() -> Ranges:
    """Unicode's word characters (UTS 18, annex C): alphabetic, marks, decimal digits, connectors, joiners."""
    kinds = frozenset({"Lu", "Ll", "Lt", "Lm", "Lo", "Mn", "Mc", "Me", "Nd", "Nl", "Pc"})
    circled = ((0x24B6, 0x24E9), (0x1F130, 0x1F149), (0x1F150, 0x1F169), (0x1F170, 0x1F189))
    return _merged([*_runs(kinds), (0x200C, 0x200D), *circled])


@cache
def _spaces() -> Ranges:
    """Unicode's White_Space; unlike `str.isspace` without the four separators of ASCII."""
    return _merged([*_runs(frozenset({"Zs", "Zl", "Zp"})), (0x09, 0x0D), (0x85, 0x85)])


def _runs(kinds: frozenset[str]) -> Ranges:
    """The characters of these general categories, in the planes that have any."""
    codes = [*range(0x40000), *range(0xE0000, 0xE0200)]
    return _merged([(code, code) for code in codes if unicodedata.category(chr(code)) in kinds])


def _merged(ranges: Sequence[tuple[int, int]]) -> Ranges:
    found: list[tuple[int, int]] = []
    for low, high in sorted(ranges):
        if found and low <= found[-1][1] + 1:
            found[-1] = (found[-1][0], max(high, found[-1][1]))
        else:
            found.append((low, high))
    return tuple(found)


def _others(ranges: Ranges) -> Ranges:
    """Everything else that a line of text can hold: no line end, no broken byte, no half of a surrogate pair."""
    taken = sorted([*ranges, (0x0A, 0x0A), (0xD800, 0xDFFF)])
    found = []
    next_free = 0
    for low, high in taken:
        if low > next_free:
            found.append((next_free, low - 1))
        next_free = max(next_free, high + 1)
    found.append((next_free, 0x10FFFF))
    return found
