"""What a question is about: its informative words, and the pattern to search for each.

It decides which words ask and which are asked about, cuts light inflection off, keeps quoted texts, identifiers and
file names as they are, and says whether the place of a definition, prose or a test is wanted. Pure and deterministic;
the word lists are `offline.toml`. Patterns use only what every regular-expression engine knows. Callers: `offline_plan`,
`offline_rank`.
"""

from __future__ import annotations

import functools
import importlib.resources
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

import msgspec

__all__ = ["MOST_TERMS", "Question", "Table", "Term", "Want", "read_question", "stem", "table"]

MOST_TERMS = 6
"""Terms of one question: each is one search, and all go out in one step beside two more."""

Want = Literal["definition", "prose", "test", "any"]


class _Words(msgspec.Struct, frozen=True):
    stop: str
    defining: str
    telling: str
    testing: str
    overview: str
    same: tuple[tuple[str, ...], ...]
    bare_files: str
    endings: str


class Table(msgspec.Struct, frozen=True):
    """`offline.toml` as it was read."""

    text: Mapping[str, str]
    words: _Words
    kinds: Mapping[str, str]


@functools.cache
def table() -> Table:
    """The shipped texts and words."""
    text = importlib.resources.files("agentd.providers").joinpath("offline.toml").read_text("utf-8")
    return msgspec.convert(tomllib.loads(text), Table)


@functools.cache
def _set(name: str) -> frozenset[str]:
    return frozenset(getattr(table().words, name).split())


@dataclass(frozen=True, slots=True)
class Term:
    """`text`: as the user wrote it. `pattern`: what is searched (case ignored unless `exact`). `loose`: the pattern
    that is tried when nothing at all was found. `stems`: what counts in a file's name. `weight`: 1 for a word."""

    text: str
    pattern: str
    loose: str
    stems: tuple[str, ...]
    weight: float = 1.0
    exact: bool = False


@dataclass(frozen=True, slots=True)
class Question:
    """`paths`: words that name files. `overview`: it is about the folder as a whole."""

    terms: tuple[Term, ...]
    paths: tuple[str, ...]
    want: Want
    overview: bool = False


_QUOTED = re.compile(r"`([^`\n]{1,120})`|\"([^\"\n]{1,120})\"|(?:(?<=\s)|^)'([^'\n]{2,120})'(?=[\s.,;:?!]|$)")
_TOKEN = re.compile(r"[A-Za-z0-9_À-￿][\w./\-À-￿]*(?:\(\))?")
_CAMEL = re.compile(r"[a-z0-9][A-Z]|[A-Z]{2}[a-z]")
_PARTS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_CONTRACTED = re.compile(r"\b\w+n't\b|'(s|re|ve|ll|d|m)\b", re.I)
_FINDING = re.compile(r"\A\s*(please\s+)?(find|locate|search( for)?|look( for)?|show( me)?)\b", re.I)
_ASKS_FOR_A_PLACE = re.compile(r"\b(where|which|what)\s+(file|files|module|function|class|method)\b|\bwhere\b", re.I)
_ASKS_HOW = re.compile(r"^\s*how\s+(does|do|is|are|did)\b(?!\s+(i|you|we|one)\b)", re.I)
_ASKS_WHAT_TO_DO = re.compile(r"\bhow\s+(do|can|should)\s+(i|you|we|one)\b|\bhow\s+to\b", re.I)


def read_question(text: str) -> Question:
    """What to search for. No term and no path: there is nothing to search for."""
    terms: dict[str, Term] = {}
    paths: list[str] = []
    seen: set[str] = set()
    for quoted in _QUOTED.finditer(text):
        words = next(group for group in quoted.groups() if group)
        if _is_path(words):
            paths.append(words)
        else:
            terms.setdefault(words.lower(), Term(words, _literal(words), _literal(words), _stems(words), 3.0, True))
    unquoted = _FINDING.sub("", _CONTRACTED.sub(" ", _QUOTED.sub(" ", text.replace("’", "'"))))
    for token in _TOKEN.findall(unquoted):
        word = token.rstrip("./-")
        seen.add(word.lower())
        if _is_path(word):
            paths.append(word)
            continue
        for term in _terms_of(word):
            terms.setdefault(term.pattern.lower(), term)
    ordered = sorted(terms.values(), key=lambda term: -term.weight)  # stable: else as asked
    overview = not ordered and not paths and bool(seen & _set("overview"))
    return Question(tuple(ordered[:MOST_TERMS]), tuple(dict.fromkeys(paths))[:3], _want(text, seen), overview)


def _want(text: str, words: set[str]) -> Want:
    if words & _set("testing"):
        return "test"
    if words & _set("telling") or _ASKS_WHAT_TO_DO.search(text):
        return "prose"
    if words & _set("defining") or _ASKS_FOR_A_PLACE.search(text) or _ASKS_HOW.search(text):
        return "definition"
    return "any"


def _is_path(word: str) -> bool:
    name = word.rpartition("/")[2]
    ending = name.rpartition(".")[2].lower()
    named = "." in name and ending in _set("endings") and len(name) > len(ending) + 1
    return " " not in word and (named or name.lower() in _set("bare_files"))


def _terms_of(word: str) -> Iterator[Term]:
    bare = word.removesuffix("()")
    if bare != word or "_" in bare.strip("_") or _CAMEL.search(bare) or re.search(r"\w\.[A-Za-z_]\w", bare):
        yield Term(bare, _literal(bare), _spaced(bare), _stems(bare), 2.0, True)
        return
    pieces = [piece for piece in re.split(r"[./]", bare) if piece]
    for piece in pieces:
        if "-" in piece.strip("-"):
            pattern = "[-_ ]?".join(_literal(part) for part in piece.split("-") if part)
            yield Term(piece, pattern, pattern, _stems(piece), 1.5)
            continue
        lower = piece.lower().strip("-_")
        asked_with = _set("stop") | _set("defining") | _set("telling") | _set("testing")
        if lower in asked_with or (len(lower) < 3 and not lower.isdigit() and not piece.isupper()) or len(lower) < 2:
            continue
        yield _word(piece, lower)


def _word(text: str, lower: str) -> Term:
    stems = tuple(dict.fromkeys([stem(lower), *(stem(other) for other in _same(lower))]))
    forms = [_form(one) for one in stems]
    pattern = forms[0] if len(forms) == 1 else f"({'|'.join(forms)})"
    loose = _literal(stems[0][: max(4, len(stems[0]) - 2)])
    return Term(text, pattern, loose, stems)


@functools.cache
def _same(word: str) -> tuple[str, ...]:
    """Other names of the same thing, by the table's groups."""
    own = stem(word)
    for group in table().words.same:
        if own in {stem(member) for member in group}:
            return group
    return ()


def stem(word: str) -> str:
    """A lower-case word without light inflection: limits, limit; retries, retry -> retr(y); sizing -> siz."""
    if len(word) <= 3 or not word.isascii() or not word.isalpha():
        return word
    if word.endswith(("ies", "ied")) and len(word) > 4:
        return word[:-3] + "y"
    if word.endswith("es") and word[:-2].endswith(("s", "x", "z", "ch", "sh")):
        word = word[:-2]
    elif word.endswith("s") and not word.endswith(("ss", "us", "is")):
        word = word[:-1]
    for ending in ("ing", "ed"):
        if word.endswith(ending) and len(word) >= len(ending) + 3:
            cut = word[: -len(ending)]
            if word.endswith("eed") or not re.search("[aeiouy]", cut):
                return word
            if len(cut) > 3 and cut[-1] == cut[-2] and cut[-1] not in "aeiouls":
                cut = cut[:-1]
            return cut
    if word.endswith("e") and len(word) >= 5:
        return word[:-1]
    return word


def _literal(text: str) -> str:
    """`text` as a pattern; only what every engine takes for a sign of its own is escaped."""
    return re.sub(r"[\\.+*?()|\[\]{}^$]", r"\\\g<0>", text)


def _form(one: str) -> str:
    """The pattern of a stem: short ones must begin a word, so that `log` is not found in `catalog`."""
    body = _literal(one)
    if one.endswith("y") and len(one) >= 4 and one[-2] not in "aeiou":
        body = _literal(one[:-1]) + "(y|ie)"
    return rf"(\b|_){body}" if len(one) <= 4 else body


def _spaced(identifier: str) -> str:
    """An identifier's parts in a row, however they are joined."""
    return "[-_ .]?".join(_literal(part) for part in _PARTS.findall(identifier)) or _literal(identifier)


def _stems(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(stem(part.lower()) for part in _PARTS.findall(text)))
