"""How the offline engine answers a question: count the words everywhere, quote from the best files, answer.

Step 1 counts each word, and lines that have two of them, anywhere and in remarks at the first column, with `grep`
(and looks for files that were named, with `glob`). When nothing at all was found, the words are loosened once. The next
step quotes from the best few files, the last answers. It decides each step from the calls made so far and nothing else.
Pure. Caller: `offline_plan`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from agentd.providers.offline_answer import (
    answer,
    not_offered,
    nothing_found,
    overview,
    report_trouble,
    say,
    show_heads,
)
from agentd.providers.offline_rank import Counts, Line, Scored, rank, rank_lines, worths
from agentd.providers.offline_turn import Call, Calls, Done, GivenFile, Move, Say, Turn
from agentd.providers.offline_words import Question, Term, read_question

__all__ = ["search"]

_READ_FILES = 4
"""Files that are quoted from: each is one call, and more make the answer longer, not better."""

_PAIRED = 5  # terms in the pattern for two on a line: 20 orders
_LONGEST_PATTERN = 1_000  # characters that the grep tool takes
_COUNTED_FILES = 1_000  # a word that is in more of them says nothing about any
_NEAR = ".{0,80}"  # between two terms: one sentence, and no long walk through a line of a megabyte
_REMARK = "^(r?\"\"\"|r?'''|#|//|/[*]|<!--|--|;).{0,120}"
"""How a line begins that says what a file, or a part of it, is for; headings of prose too. A cheap search: it begins
at one place of a line."""

_HEAD_LINES = 40  # of a file that was asked for as a whole
_CONTENT_LIMIT = 200  # lines of one file; more are no quotation
_SEVERAL_FILES = 3  # of one name

_COUNT = re.compile(r"(?P<path>.+):(?P<count>\d+)\s*")
_CUT = re.compile(r"^\[.*\]\s*$", re.M)  # the notice that more was found than is told
_NUMBERED = re.compile(r"\s*(?P<number>\d+)\t(?P<text>.*)")


def search(turn: Turn, *, last: bool) -> Move:
    """The next step of a question. `last`: answer now, with what there is."""
    question = read_question(turn.prompt)
    if question.overview:
        return _overview(turn, last)
    if not question.terms and not question.paths:
        return Say(say("no_words"))
    if "grep" not in turn.tools and not turn.files:
        return Say(not_offered("grep"))
    trouble = _trouble(turn)
    if trouble is not None:
        return Say(report_trouble(trouble))
    found = _found(turn, question)
    if not turn.steps and not last and (calls := _first_calls(turn, question)):
        return Calls(calls)
    if not found.anything and not last and _can_loosen(turn, question):
        return Calls(_counting(turn, question, loose=True))
    if found.anything and not last and not _quoted_yet(turn) and (calls := _quoting(turn, question, found)):
        return Calls(calls)
    return Say(_answer(turn, question, found))


@dataclass(frozen=True, slots=True)
class _Found:
    """What the searches have shown. `named`: files that the question names; `ranked`: all others, by counts."""

    ranked: tuple[Scored, ...]
    named: tuple[str, ...]
    missing: tuple[str, ...]
    worth: Mapping[str, float]

    @property
    def anything(self) -> bool:
        return bool(self.ranked or self.named)


def _trouble(turn: Turn) -> Done | None:
    """A denial ends the turn; so does a step in which everything failed."""
    if not turn.steps:
        return None
    denied = next((done for done in turn.steps[-1] if done.result is not None and done.result.status == "denied"), None)
    if denied is not None:
        return denied
    return None if any(done.ok for done in turn.steps[-1]) else turn.steps[-1][0]


# --- the calls ---


def _first_calls(turn: Turn, question: Question) -> tuple[Call, ...]:
    globs = [Call("glob", {"pattern": _glob(path), "limit": 20}) for path in question.paths if "glob" in turn.tools]
    return (*globs, *_counting(turn, question, loose=False))


def _glob(path: str) -> str:
    path = path.removeprefix("./")
    if "." not in path.rpartition("/")[2]:
        path += "*"
    return path if path.startswith(("/", "**/")) else f"**/{path}"


def _counting(turn: Turn, question: Question, *, loose: bool) -> tuple[Call, ...]:
    if "grep" not in turn.tools:
        return ()
    patterns = [(_pattern(term, loose), not term.exact or loose) for term in question.terms]
    if not loose:
        patterns += [(several, True) for several in (_pairs(question), _headed(question)) if several]
    return tuple(
        Call("grep", {"pattern": pattern, "mode": "count", "ignore_case": ignore, "limit": _COUNTED_FILES})
        for pattern, ignore in patterns
    )


def _pattern(term: Term, loose: bool) -> str:
    return term.loose if loose else term.pattern


def _pairs(question: Question, longest: int = _LONGEST_PATTERN) -> str:
    """Two terms near each other, in any order; of as many terms as a pattern holds."""
    patterns = [term.pattern for term in question.terms[:_PAIRED]]
    while len(patterns) > 1:
        found = "|".join(f"{one}{_NEAR}({_either(patterns, one)})" for one in patterns)
        if len(found) <= longest:
            return found
        patterns.pop()
    return ""


def _headed(question: Question) -> str:
    """Two terms in a remark at a line's first column."""
    pairs = _pairs(question, _LONGEST_PATTERN - len(_REMARK) - 2)
    return f"{_REMARK}({pairs})" if pairs else ""


def _either(patterns: Sequence[str], without: str) -> str:
    return "|".join(pattern for pattern in patterns if pattern != without)


def _any_of(question: Question, loose: bool) -> str:
    """Any of the terms; the least telling are left out when a pattern can't hold them all."""
    patterns = [_pattern(term, loose) for term in question.terms]
    while len(patterns) > 1 and len("|".join(patterns)) > _LONGEST_PATTERN:
        patterns.pop()
    return "|".join(patterns)


def _can_loosen(turn: Turn, question: Question) -> bool:
    return len(turn.steps) == 1 and any(term.loose != term.pattern or term.exact for term in question.terms)


def _quoted_yet(turn: Turn) -> bool:
    return any(done.use.arguments.get("mode") == "content" for done in turn.calls("grep")) or bool(turn.calls("read"))


def _quoting(turn: Turn, question: Question, found: _Found) -> tuple[Call, ...]:
    given = {file.path for file in turn.files}
    named = found.named[:_SEVERAL_FILES]
    if not question.terms:
        reads = [Call("read", {"path": path, "limit": _HEAD_LINES}) for path in named]
        return tuple(reads) if "read" in turn.tools else ()
    if "grep" not in turn.tools:
        return ()
    paths = [*named, *(one.path for one in found.ranked if one.path not in named)]
    pattern = _any_of(question, _loosened(turn))
    return tuple(
        Call(
            "grep",
            {
                "pattern": pattern,
                "path": path,
                "mode": "content",
                "ignore_case": True,
                "context": 1,
                "limit": _CONTENT_LIMIT,
            },
        )
        for path in paths[:_READ_FILES]
        if path not in given
    )


def _loosened(turn: Turn) -> bool:
    return sum(any(done.use.arguments.get("mode") == "count" for done in step) for step in turn.steps) > 1


# --- what came back ---


def _found(turn: Turn, question: Question) -> _Found:
    texts = {
        str(done.use.arguments.get("pattern")): done.text
        for done in turn.calls("grep")
        if done.ok and done.use.arguments.get("mode") == "count"
    }
    counted = {pattern: _read_counts(text) for pattern, text in texts.items()}
    loose = _loosened(turn)
    counts: list[tuple[Term, dict[str, int]]] = []
    common: set[str] = set()
    for term in question.terms:
        flags = 0 if term.exact and not loose else re.I
        pattern = _pattern(term, loose)
        found = {**counted.get(pattern, {}), **_count_given(turn.files, pattern, flags)}
        counts.append((term, found))
        if _CUT.search(texts.get(pattern, "")):
            common.add(term.text)
    # a word that is in more files than can be told is taken to be in all: who was left out is not to be seen
    everywhere = dict.fromkeys((path for _, found in counts for path in found), 1)
    counts = [(term, everywhere | found if term.text in common else found) for term, found in counts]
    pairs = _several(turn, counted, _pairs(question))
    headed = _several(turn, counted, _headed(question))
    ranked = rank(question, counts, pairs, headed)
    named = _named(turn, question)
    missing = tuple(term.text for term, files in counts if not files)
    return _Found(ranked, named, missing, worths(counts))


def _several(turn: Turn, counted: Mapping[str, Counts], pattern: str) -> Counts:
    return {**counted.get(pattern, {}), **_count_given(turn.files, pattern, re.I)} if pattern else {}


def _read_counts(text: str) -> dict[str, int]:
    found = (_COUNT.fullmatch(line) for line in text.splitlines())
    return {_relative(match["path"]): int(match["count"]) for match in found if match and int(match["count"])}


def _relative(path: str) -> str:
    return path.strip().removeprefix("./")


def _count_given(files: Iterable[GivenFile], pattern: str, flags: int) -> dict[str, int]:
    counts = {
        file.path: sum(bool(re.search(pattern, line, flags)) for line in file.text.splitlines()) for file in files
    }
    return {path: count for path, count in counts.items() if count}


def _named(turn: Turn, question: Question) -> tuple[str, ...]:
    """Files that the question names and that are there, shortest paths first: the nearest is the likeliest."""
    endings = [path.removeprefix("./") for path in question.paths]
    listed = [_relative(line) for done in turn.calls("glob") if done.ok for line in done.text.splitlines()]
    listed += [file.path for file in turn.files]
    mine = {path for path in listed if any(_is_named(path, ending) for ending in endings)}
    return tuple(sorted(mine, key=lambda path: (path.count("/"), path)))


def _is_named(path: str, ending: str) -> bool:
    if "." in ending.rpartition("/")[2]:
        return path == ending or path.endswith("/" + ending)
    return path.rpartition("/")[2].lower().startswith(ending.rpartition("/")[2].lower())


def _quoted(turn: Turn, question: Question) -> list[Line]:
    lines: list[Line] = []
    for done in turn.calls("grep"):
        path = done.use.arguments.get("path")
        if done.ok and done.use.arguments.get("mode") == "content" and isinstance(path, str):
            lines += _read_lines(done.text, path)
    pattern = _any_of(question, _loosened(turn))
    for file in turn.files if question.terms else ():
        for number, text in enumerate(file.text.splitlines(), 1):
            if re.search(pattern, text, re.I):
                lines.append(Line(file.path, number, text))
    return lines


def _read_lines(text: str, path: str) -> Iterable[Line]:
    """`path:line:text`, and `path-line-text` for lines that stand beside a hit."""
    shape = re.compile(rf"(?:\./)?{re.escape(_relative(path))}(?P<mark>[:-])(?P<number>\d+)(?P=mark)(?P<text>.*)")
    for line in text.splitlines():
        if match := shape.fullmatch(line):
            yield Line(_relative(path), int(match["number"]), match["text"], match["mark"] == ":")


def _heads(turn: Turn, question: Question) -> list[Line]:
    """The beginnings of files that were read or came with the prompt."""
    lines: list[Line] = []
    for done in turn.calls("read"):
        if done.ok:
            path = str(done.use.arguments.get("path", ""))
            found = (_NUMBERED.fullmatch(line) for line in done.text.splitlines())
            lines += [Line(path, int(match["number"]), match["text"]) for match in found if match]
    wanted = set(_named(turn, question))
    for file in turn.files:
        if file.path in wanted:
            lines += [
                Line(file.path, number, text) for number, text in enumerate(file.text.splitlines()[:_HEAD_LINES], 1)
            ]
    return lines


def _answer(turn: Turn, question: Question, found: _Found) -> str:
    if not found.anything:
        return nothing_found(question)
    if not question.terms:
        return show_heads(found.named, _heads(turn, question))
    ordered, lines = rank_lines(question, found.ranked, _quoted(turn, question), found.worth)
    if found.named:
        in_front = [one for one in ordered if one.path in found.named]
        ordered = (*in_front, *(one for one in ordered if one.path not in found.named))
    return answer(question, ordered, lines, found.missing)


def _overview(turn: Turn, last: bool) -> Move:
    """What the folder is: its listing, and the beginning of what introduces it."""
    if "ls" not in turn.tools:
        return Say(not_offered("ls"))
    trouble = _trouble(turn)
    if trouble is not None:
        return Say(report_trouble(trouble))
    if not turn.steps:
        look = [Call("ls", {})]
        if {"glob", "read"} <= set(turn.tools):
            look.append(Call("glob", {"pattern": "README*", "limit": 5}))
        return Calls(tuple(look))
    readmes = [_relative(line) for done in turn.calls("glob") if done.ok for line in done.text.splitlines()]
    readme = next((path for path in readmes if path.lower().startswith("readme")), None)
    if readme is not None and not turn.calls("read") and not last:
        return Calls((Call("read", {"path": readme, "limit": _HEAD_LINES}),))
    listing: Sequence[Done] = turn.calls("ls")
    return Say(overview(listing[0].text if listing and listing[0].ok else "", _heads(turn, Question((), (), "any"))))
