"""Which file a question is about: pure arithmetic over what grep counted and quoted.

It decides the order of the files and which lines are worth quoting. Rare words count more than common ones (in texts and,
by themselves, in names), files that have several of them on one line more than files that have them apart, a file's name
and what it opens with more than a mention, the place of a definition more than talk about it when that was asked for.
The weights stand in one table with their reasons. Callers: `offline_search` (whom to read), `offline_answer` (what to
quote).
"""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from agentd.providers.offline_words import Question, Term, Want, stem, table

__all__ = ["Counts", "Line", "Scored", "kind_factor", "path_bonus", "rank", "rank_lines", "score_line", "worths"]

Counts = Mapping[str, int]
"""Path -> how many lines of it fit one pattern."""

_COVERAGE = 2.5  # a file that has all the words beats one that has a single word often
_PAIR = 1.2  # two of the words on one line: they are spoken of together
_HEADED = 3.0  # two in a remark at a line's first column, where files say what they are for
_IN_STEM = 2.2  # a file is named after what it is for
_IN_FOLDER = 0.5  # a folder's name is shared by all its files
_DEFINITION = 1.6  # `class Limits`, `def limits`, `[limits]`: where the thing is made
_HEAD = 2.0  # the first lines say what a file is for
_HEAD_LINES = 3  # a first line, or the one below a licence's or an interpreter's
_OPENING = 0.6  # all the words in what a file opens with, however they are spread over it
_OPENING_LINES = 12  # a docstring, or the paragraph below a heading
_DOCSTRING = 1.25  # a sentence about the code beside it
_LINES = 1.0  # what was read says more than what was counted
_INSIDE = 0.4  # a word within another, as in `checkpoint`, is seldom the word that was asked for
_IMPORT = 0.25  # brings the thing in from where it is made

_DEFINES = re.compile(
    r"\s*(?:export\s+|pub(?:\([a-z]+\))?\s+|public\s+|private\s+|static\s+|async\s+|abstract\s+|final\s+)*"
    r"(?:def|class|fn|func|function|struct|enum|interface|trait|type|impl|module|const|let|var|val|object|record)\s+\w"
    r"|\s*[A-Z][A-Z0-9_]{2,}\s*(?::[^=]*)?=(?!=)|\s*\[\[?[\w.\"-]+\]\]?\s*$|\s*(?:self\.)?\w+\s*:\s*[\w\[\]., |]+=(?!=)"
)
_IMPORTS = re.compile(r"\s*(?:import\b|from\s+\S+\s+import\b|#include\b|use\s+\w+(::|\s*;)|require\b|.*\brequire\()")
_PROSE_LINE = re.compile(r"\s*(?:\"\"\"|'''|r\"\"\"|#|//|/\*|\*|--|;)|[^=(){}]*[.:,]\s*$")
_TESTED = re.compile(r"(?:^|/)(?:tests?|testing|specs?|__tests__|fixtures|examples?|benchmarks?|bench)/")
_TEST_NAME = re.compile(r"(?:^test_|_test$|[._-]spec$|[._-]test$|^conftest$)")
_PARTS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")

# kind of file -> how much its score counts, by what was asked
_FACTORS: Mapping[str, Mapping[Want, float]] = {
    "source": {"definition": 1.0, "any": 1.0, "prose": 0.7, "test": 0.6},
    "prose": {"definition": 0.45, "any": 0.75, "prose": 1.2, "test": 0.5},  # speaks of everything, makes nothing
    "test": {"definition": 0.4, "any": 0.5, "prose": 0.3, "test": 1.2},  # repeats the words of what it tests
    "data": {"definition": 0.2, "any": 0.25, "prose": 0.2, "test": 0.2},  # generated or listed, seldom decided there
}


@dataclass(frozen=True, slots=True)
class Line:
    """A quoted line. `hit`: it fits the pattern; else it stands beside one that does."""

    path: str
    number: int
    text: str
    hit: bool = True


@dataclass(frozen=True, slots=True)
class Scored:
    """A file with its score, and which of the terms (by their text) it has."""

    path: str
    score: float
    has: frozenset[str]


def kind_factor(path: str, want: Want) -> float:
    """How much a file of this kind counts for what was asked."""
    return _FACTORS[_kind(path)][want]


def _kind(path: str) -> str:
    name = path.rpartition("/")[2].lower()
    bare, _, ending = name.rpartition(".")
    kinds = table().kinds
    if _TESTED.search(path.lower()) or _TEST_NAME.search(bare):
        return "test"
    if ending in kinds["data"].split() or "lock" in bare.split("-") or name.endswith((".min.js", ".min.css")):
        return "data"
    if ending in kinds["prose"].split() or (not bare and ending in table().words.bare_files.split()):
        return "data" if name.startswith(("license", "changelog", "requirements")) else "prose"
    return "source"


def path_bonus(path: str, term: Term) -> float:
    """What a term in the file's name, or in a folder's, is worth (in units of the term's own weight)."""
    folder, _, name = path.rpartition("/")
    if _name_has(_name_words(name.partition(".")[0]), term):
        return _IN_STEM
    return _IN_FOLDER if _name_has(_name_words(folder), term) else 0.0


@functools.lru_cache(4_096)
def _name_words(name: str) -> frozenset[str]:
    return frozenset(stem(part.lower()) for part in _PARTS.findall(name))


def _name_has(words: frozenset[str], term: Term) -> bool:
    return bool(term.stems) and (term.stems[0] in words or (not term.exact and not words.isdisjoint(term.stems)))


def rank(
    question: Question,
    counts: Sequence[tuple[Term, Counts]],
    pairs: Counts,
    headed: Counts,
) -> tuple[Scored, ...]:
    """All files that were counted, best first; equal scores by path."""
    files = sorted({path for _, found in counts for path in found})
    rarity = worths(counts)
    named = _named(files, counts)
    whole = sum(rarity.values()) or 1.0
    scored = []
    for path in files:
        mine = [(term, found[path]) for term, found in counts if path in found]
        score = sum(rarity[term.text] * (1 - 0.6**count) * 2 for term, count in mine)
        share = sum(rarity[term.text] for term, _ in mine) / whole
        score += _COVERAGE * whole * share * share
        score += _PAIR * math.log1p(pairs.get(path, 0))
        score += _HEADED * math.log1p(headed.get(path, 0))
        score += _named_after(path, [term for term, _ in counts], rarity, named)
        has = frozenset(term.text for term, _ in mine)
        scored.append(Scored(path, score * kind_factor(path, question.want), has))
    return tuple(sorted(scored, key=lambda one: (-one.score, one.path)))


def worths(counts: Sequence[tuple[Term, Counts]]) -> Mapping[str, float]:
    """What each term counts, by its text: the rarer over the files, the more."""
    files = len({path for _, found in counts for path in found})
    return {term.text: term.weight * _rarity(files, len(found)) for term, found in counts}


def _named(files: Sequence[str], counts: Sequence[tuple[Term, Counts]]) -> Mapping[str, float]:
    """The rarity of each term among the names of files: a word that is in most texts may name only one."""
    having = {term.text: sum(path_bonus(path, term) == _IN_STEM for path in files) for term, _ in counts}
    return {term.text: term.weight * _rarity(len(files), having[term.text]) for term, _ in counts}


def _named_after(path: str, terms: Sequence[Term], rarity: Mapping[str, float], named: Mapping[str, float]) -> float:
    """What the terms in a path are worth."""
    total = 0.0
    for term in terms:
        bonus = path_bonus(path, term)
        total += bonus * (named if bonus == _IN_STEM else rarity)[term.text]
    return total


def _rarity(files: int, having: int) -> float:
    return math.log(1 + files / having) if having else 0.0


def score_line(line: Line, terms: Sequence[Term], worth: Mapping[str, float] = MappingProxyType({})) -> float:
    """How well one line answers: the distinct terms in it, more when it defines, heads or explains.

    `worth`: what each term counts, by its text; else its weight.
    """
    return _score(line, _terms_in(line.text, terms), terms, worth)


def _score(line: Line, found: Mapping[str, float], terms: Sequence[Term], worth: Mapping[str, float]) -> float:
    if not found:
        return 0.0
    score = math.pow(sum(worth.get(one.text, one.weight) * found.get(one.text, 0.0) for one in terms), 1.5)
    if _IMPORTS.match(line.text):
        return score * _IMPORT
    if _DEFINES.match(line.text):
        score *= _DEFINITION
    elif line.number <= _HEAD_LINES:
        score *= _HEAD
    elif _PROSE_LINE.match(line.text):
        score *= _DOCSTRING
    return score


def _terms_in(text: str, terms: Sequence[Term]) -> Mapping[str, float]:
    """How surely each term that is in a line is meant there."""
    shares = ((term.text, _share_in(term, text)) for term in terms)
    return {name: share for name, share in shares if share}


def _share_in(term: Term, text: str) -> float:
    if term.exact:
        return float(term.text in text or re.search(term.loose, text, re.I) is not None)
    most = 0.0
    for match in re.finditer(term.pattern, text, re.I):
        at = match.start()
        first, before = text[at : at + 1], text[at - 1 : at]
        if not before.isalnum() or not first.isalnum() or (first.isupper() and not before.isupper()):
            return 1.0
        most = _INSIDE
    return most


def rank_lines(
    question: Question,
    first: Sequence[Scored],
    lines: Iterable[Line],
    worth: Mapping[str, float] = MappingProxyType({}),
) -> tuple[tuple[Scored, ...], Mapping[str, tuple[Line, ...]]]:
    """The files in the order that their lines speak for, and each file's lines, best first.

    `first`: the order by counts. One sentence that has all the words says more than many lines that have one each.
    `worth`: what each term counts, by its text; else its weight.
    """
    by_file: dict[str, list[Line]] = {}
    for line in lines:
        by_file.setdefault(line.path, []).append(line)
    top = max((one.score for one in first), default=1.0) or 1.0
    read = {path: _read(question.terms, mine, worth) for path, mine in by_file.items()}
    most = max((one.best for one in read.values()), default=1.0) or 1.0
    again = []
    for one in first:
        said = read.get(one.path, _Read(0.0, 0.0, ()))
        more = _LINES * said.best / most + _OPENING * said.opening
        again.append(Scored(one.path, one.score / top + kind_factor(one.path, question.want) * more, one.has))
    ordered = tuple(sorted(again, key=lambda one: (-one.score, one.path)))
    return ordered, {path: one.lines for path, one in read.items()}


@dataclass(frozen=True, slots=True)
class _Read:
    """What a file's lines say. `best`: of its best lines; `opening`: the share of the terms that it opens with;
    `lines`: best first."""

    best: float
    opening: float
    lines: tuple[Line, ...]


def _read(terms: Sequence[Term], lines: Sequence[Line], worth: Mapping[str, float]) -> _Read:
    """The three best lines of a file, the first counting most; and what it opens with."""
    found = [_terms_in(line.text, terms) for line in lines]
    scores = [_score(line, mine, terms, worth) for line, mine in zip(lines, found, strict=True)]
    best = sum(score * share for score, share in zip(sorted(scores, reverse=True), (1.0, 0.3, 0.15), strict=False))
    opens: dict[str, float] = {}
    for line, mine in zip(lines, found, strict=True):
        if line.number <= _OPENING_LINES:
            opens |= {name: max(share, opens.get(name, 0.0)) for name, share in mine.items()}
    whole = sum(worth.get(term.text, term.weight) for term in terms) or 1.0
    opening = sum(worth.get(term.text, term.weight) * opens.get(term.text, 0.0) for term in terms) / whole
    order = sorted(range(len(lines)), key=lambda at: (-scores[at], lines[at].number))
    return _Read(best, opening, tuple(lines[at] for at in order))
