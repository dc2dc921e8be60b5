"""Which file a question is about: pure arithmetic over what grep counted and quoted.

It decides the order of the files and which lines are worth quoting. Rare words count more than common ones, files that
have several of them on one line more than files that have them apart, a file's name more than a mention, the place of a
definition more than talk about it when that was asked for. The weights stand in one table with their reasons. Callers:
`offline_plan` (whom to read), `offline_answer` (what to quote).
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from agentd.providers.offline_words import Question, Term, Want, stem, table

__all__ = ["Counts", "Line", "Scored", "kind_factor", "path_bonus", "rank", "rank_lines", "score_line"]

Counts = Mapping[str, int]
"""Path -> how many lines of it fit one pattern."""

_COVERAGE = 2.5  # a file that has all the words beats one that has a single word often
_PAIR = 1.2  # two of the words on one line: they are spoken of together
_TRIPLE = 2.0  # three on one line hardly happens by chance
_IN_STEM = 2.2  # a file is named after what it is for
_IN_FOLDER = 0.5  # a folder's name is shared by all its files
_DEFINITION = 1.6  # `class Limits`, `def limits`, `[limits]`: where the thing is made
_HEAD = 2.0  # the first lines say what a file is for
_DOCSTRING = 1.25  # a sentence about the code beside it
_LINES = 1.5  # what was read says more than what was counted
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
    if _name_has(name.partition(".")[0], term):
        return _IN_STEM
    return _IN_FOLDER if _name_has(folder, term) else 0.0


def _name_has(name: str, term: Term) -> bool:
    words = {stem(part.lower()) for part in _PARTS.findall(name)}
    return bool(term.stems) and (term.stems[0] in words or (not term.exact and bool(words & set(term.stems))))


def rank(
    question: Question, counts: Sequence[tuple[Term, Counts]], pairs: Counts, triples: Counts
) -> tuple[Scored, ...]:
    """All files that were counted, best first; equal scores by path."""
    files = sorted({path for _, found in counts for path in found})
    rarity = {term.text: term.weight * _rarity(len(files), len(found)) for term, found in counts}
    whole = sum(rarity.values()) or 1.0
    scored = []
    for path in files:
        mine = [(term, found[path]) for term, found in counts if path in found]
        score = sum(rarity[term.text] * (1 - 0.6**count) * 2 for term, count in mine)
        share = sum(rarity[term.text] for term, _ in mine) / whole
        score += _COVERAGE * whole * share * share
        score += _PAIR * math.log1p(pairs.get(path, 0)) + _TRIPLE * math.log1p(triples.get(path, 0))
        score += sum(rarity[term.text] * path_bonus(path, term) for term, _ in counts)
        has = frozenset(term.text for term, _ in mine)
        scored.append(Scored(path, score * kind_factor(path, question.want), has))
    return tuple(sorted(scored, key=lambda one: (-one.score, one.path)))


def _rarity(files: int, having: int) -> float:
    return math.log(1 + files / having) if having else 0.0


def score_line(line: Line, terms: Sequence[Term]) -> float:
    """How well one line answers: the distinct terms in it, more when it defines, heads or explains."""
    found = [term for term in terms if _in_line(term, line.text)]
    if not found:
        return 0.0
    score = math.pow(sum(term.weight for term in found), 1.5)
    if _IMPORTS.match(line.text):
        return score * _IMPORT
    if _DEFINES.match(line.text):
        score *= _DEFINITION
    elif line.number <= 3:
        score *= _HEAD
    elif _PROSE_LINE.match(line.text):
        score *= _DOCSTRING
    return score


def _in_line(term: Term, text: str) -> bool:
    if term.exact:
        return term.text in text or re.search(term.loose, text, re.I) is not None
    return re.search(term.pattern, text, re.I) is not None


def rank_lines(
    question: Question, first: Sequence[Scored], lines: Iterable[Line]
) -> tuple[tuple[Scored, ...], Mapping[str, tuple[Line, ...]]]:
    """The files in the order that their lines speak for, and each file's lines, best first.

    `first`: the order by counts. One sentence that has all the words says more than many lines that have one each.
    """
    by_file: dict[str, list[Line]] = {}
    for line in lines:
        by_file.setdefault(line.path, []).append(line)
    top = max((one.score for one in first), default=1.0) or 1.0
    best = {path: _best(question.terms, mine) for path, mine in by_file.items()}
    most = max(best.values(), default=1.0) or 1.0
    again = [
        Scored(
            one.path,
            one.score / top + _LINES * kind_factor(one.path, question.want) * best.get(one.path, 0.0) / most,
            one.has,
        )
        for one in first
    ]
    ordered = tuple(sorted(again, key=lambda one: (-one.score, one.path)))
    sorted_lines = {
        path: tuple(sorted(mine, key=lambda line: (-score_line(line, question.terms), line.number)))
        for path, mine in by_file.items()
    }
    return ordered, sorted_lines


def _best(terms: Sequence[Term], lines: Sequence[Line]) -> float:
    """The three best lines of a file, the first counting most."""
    scores = sorted((score_line(line, terms) for line in lines), reverse=True)[:3]
    return sum(score * share for score, share in zip(scores, (1.0, 0.3, 0.15), strict=False))
