"""Replaces secrets by marks, the same secret by the same mark: `[redacted:aws-key#2]`.

It decides which found values are replaced wherever they stand (also where nothing beside them gives them away), and what
is done about a secret of which only a part is left where a text was cut. Texts are shown to it first, all of them
(`look`); then they are cut (`cut`). It holds secrets in memory and must never print, keep or hand out one. Callers: the
worker's jobs (`session.handover_jobs`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from urllib.parse import quote

from agentd.errors import TooLargeError
from agentd.telemetry.detect import Found, find, find_in_field
from agentd.telemetry.detect_judge import reusable
from agentd.telemetry.detect_view import unescaped

__all__ = ["MOST_SECRETS", "Marks"]

MOST_SECRETS = 20_000
"""Different secrets of one session: more is a file of keys, and looking for each of them everywhere would take hours."""

_LEAST_KNOWN = 6
"""Characters of a value that is known to be a secret: shorter ones would be found in ordinary words."""
_LEAST_PART = 6
"""Characters of a secret's beginning or end that count as a part of it at a place where a text was cut."""
_WHOLE_WORD = 12
"""Characters below which a value is only replaced where no letter or digit stands beside it."""
_MOST_PART = 512
_CUT_NOTE = re.compile(r"\n?\[\.\.\. (?:cut: )?[\d,]+ (?:of [\d,]+ )?characters[^\]]*\]\n?|\u2026|\.{3,}")
"""What a text says where something was left out (`tools.output` for one): both sides of it are edges too."""
_TRAILING = " \t\r\n\"'`)]}>,;:"
_OPTION_NAME = re.compile(r"--?[\w-]{1,40}")


class Marks:
    """`known`: values that are secrets because a variable or a file of keys holds them. TooLargeError beyond `most`
    different secrets."""

    def __init__(self, known: Iterable[str] = (), most: int = MOST_SECRETS) -> None:
        self._most = most
        self._marks: dict[str, str] = {}
        self._count: dict[str, int] = {}
        self._used: set[str] = set()
        self._everywhere: dict[str, str] = {}
        self._heads: dict[str, list[tuple[str, str]]] = {}
        self._tails: dict[str, list[tuple[str, str]]] = {}
        self._known = sorted({value for value in known if len(value) >= _LEAST_KNOWN}, key=len, reverse=True)

    @property
    def counts(self) -> dict[str, int]:
        """How many different secrets of each kind were replaced."""
        out: dict[str, int] = {}
        for mark in self._used:
            kind = mark.removeprefix("[redacted:").partition("#")[0]
            out[kind] = out.get(kind, 0) + 1
        return dict(sorted(out.items()))

    # -- looking -----------------------------------------------------------------------------------------------

    def look(self, text: str, name: str = "") -> bool:
        """Remember the secrets in `text` (the value of a field `name`); whether there are any."""
        spans = _found(text, name)
        for one in spans:
            self._remember(text[one.start : one.end], one.kind)
        present = [value for value in self._known if value in text]
        for value in present:
            self._remember(value, "known", known=True)
        return bool(spans or present)

    def look_into(self, value: object) -> bool:
        """The same for every text in a plain value, the names of its fields taken into account."""
        # All of them are looked at, also after the first that has one.
        return sum(self.look(text, name) for text, name in _texts(value)) > 0

    def _remember(self, raw: str, kind: str, *, known: bool = False) -> str:
        value = _meant(raw)
        mark = self._marks.get(value)
        if mark is None:
            if len(self._marks) >= self._most:
                raise TooLargeError(
                    f"there are more than {self._most} different secrets in this session",
                    remedy="Hand it over by hand.",
                )
            self._count[kind] = self._count.get(kind, 0) + 1
            mark = self._marks[value] = f"[redacted:{kind}#{self._count[kind]}]"
        if known or reusable(value):
            for form in {raw, value, json.dumps(value)[1:-1], quote(value, safe="")} - self._everywhere.keys():
                self._everywhere[form] = mark
                self._heads.setdefault(form[:_LEAST_PART], []).append((form, mark))
                self._tails.setdefault(form[-_LEAST_PART:], []).append((form, mark))
        return mark

    # -- cutting -----------------------------------------------------------------------------------------------

    def cut(self, text: str, name: str = "", *, deep: bool = True) -> str:
        """`text` with marks for secrets: those that stand anywhere, and with `deep` those that only this place gives
        away. Where a text begins or ends, or says that something was left out, a part of a secret is cut too."""
        spans = [(start, end, mark) for value, mark in self._everywhere.items() for start, end in _places(value, text)]
        if deep:
            for one in _found(text, name):
                spans.append((one.start, one.end, self._remember(text[one.start : one.end], one.kind)))
        if self._heads:
            spans += self._at_edges(text)
        return self._replaced(text, spans) if spans else text

    def cut_into(self, value: object, name: str = "", *, deep: bool = True) -> object:
        """A plain value with all its texts, the names of fields too, cut."""
        match value:
            case str():
                return self.cut(value, name, deep=deep)
            case Mapping():
                return {
                    self.cut(str(field), deep=deep): self.cut_into(inner, str(field), deep=deep)
                    for field, inner in value.items()
                }
            case list() | tuple():
                names = zip(value, _names_in(list(value), name), strict=True)
                return [self.cut_into(inner, before, deep=deep) for inner, before in names]
            case _:
                return value

    def _replaced(self, text: str, spans: list[tuple[int, int, str]]) -> str:
        out: list[str] = []
        at = 0
        for start, end, mark in _merged(spans):
            self._used.add(mark)
            out += (text[at:start], mark)
            at = end
        return "".join((*out, text[at:]))

    def _at_edges(self, text: str) -> Iterator[tuple[int, int, str]]:
        """Beginnings of secrets right before a place where a text was cut, and ends right after it."""
        notes = [note.span() for note in _CUT_NOTE.finditer(text)]
        last = len(text.rstrip(_TRAILING))
        for edge in {last, len(text), *(start for start, _ in notes)}:
            for at in range(max(0, edge - _MOST_PART), edge - _LEAST_PART + 1):
                for value, mark in self._heads.get(text[at : at + _LEAST_PART], ()):
                    if _is_part(value, edge - at) and value.startswith(text[at:edge]):
                        yield at, edge, mark
        for edge in {0, *(end for _, end in notes)}:
            for end in range(edge + _LEAST_PART, min(len(text), edge + _MOST_PART) + 1):
                for value, mark in self._tails.get(text[end - _LEAST_PART : end], ()):
                    if _is_part(value, end - edge) and value.endswith(text[edge:end]):
                        yield edge, end, mark


def _is_part(value: str, size: int) -> bool:
    """Whether `size` characters of a secret tell something of it: more than what all secrets of a kind begin with."""
    return min(len(value), max(_LEAST_PART, min(len(value) // 3, 2 * _LEAST_PART))) <= size < len(value)


def _meant(raw: str) -> str:
    view = unescaped(raw)
    return raw if view is None else view[0]


def _found(text: str, name: str) -> list[Found]:
    return find_in_field(name, text) if name else find(text)


def _texts(value: object, name: str = "") -> Iterator[tuple[str, str]]:
    """Each text in a plain value with the name of its field."""
    match value:
        case str():
            yield value, name
        case Mapping():
            for field, inner in value.items():
                if isinstance(field, str):
                    yield field, ""
                yield from _texts(inner, str(field))
        case list() | tuple():
            for inner, before in zip(value, _names_in(list(value), name), strict=True):
                yield from _texts(inner, before)
        case _:
            return


def _names_in(items: list[object], name: str) -> list[str]:
    """What names each item of a list: the option before it (`--password x`), else the list's own name."""
    before = ["", *(item if isinstance(item, str) and _OPTION_NAME.fullmatch(item) else "" for item in items)]
    return [option.lstrip("-") or name for option in before[: len(items)]]


def _places(value: str, text: str) -> Iterator[tuple[int, int]]:
    at = text.find(value)
    while at >= 0:
        end = at + len(value)
        if len(value) >= _WHOLE_WORD or not (text[at - 1 : at].isalnum() or text[end : end + 1].isalnum()):
            yield at, end
        at = text.find(value, end)


def _merged(spans: list[tuple[int, int, str]]) -> list[tuple[int, int, str]]:
    """Spans that overlap as one, with the mark of the longest."""
    out: list[tuple[int, int, str]] = []
    longest = 0
    for start, end, mark in sorted(spans, key=lambda one: (one[0], -one[1])):
        if out and start < out[-1][1]:
            first, last, old = out[-1]
            longer = end - start > longest
            out[-1] = (first, max(last, end), mark if longer else old)
            longest = max(longest, end - start)
        else:
            out.append((start, end, mark))
            longest = end - start
    return out
