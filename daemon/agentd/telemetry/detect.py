"""Finds secrets in texts: the library `detect-secrets` with its plug-ins, and the forms and names that those miss.

It decides where a secret begins and ends and of which kind it is. It never asks anybody whether a secret is a live one,
and it is never imported by the daemon: the library costs a tenth of a second, so only the worker's jobs look for secrets
(`session.handover_jobs`). What it can't find is said in docs/sharing.md.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from agentd.telemetry.detect_forms import (
    ANCHORED,
    ANCHORS,
    ASSIGNED,
    BEFORE_KEY,
    OPTION,
    SPOKEN,
    Form,
    forms,
)
from agentd.telemetry.detect_judge import (
    assigned_secret,
    is_strong,
    looks_random,
    password_like,
    random_near_word,
)
from agentd.telemetry.detect_plugins import by_plugins, chance_like
from agentd.telemetry.detect_view import unescaped

__all__ = ["Found", "find", "find_in_field"]


@dataclass(frozen=True, slots=True)
class Found:
    """`text[start:end]` is a secret of `kind`."""

    start: int
    end: int
    kind: str


_FORMS = forms()
_BEHIND = {
    gate: [index for index, form in enumerate(_FORMS) if gate in form.gates] for one in _FORMS for gate in one.gates
}
_ANY_CASE = tuple(gate for gate in _BEHIND if gate == gate.lower())
_EXACT = tuple(gate for gate in _BEHIND if gate != gate.lower())
_LONG_WORD = re.compile(r"(?<![A-Za-z0-9+/_=-])[A-Za-z0-9+/_-]{20,512}={0,2}(?![A-Za-z0-9+/_-])")
_SHORTEST = 6
"""Characters of a text in which nothing is looked for: the shortest assignment of the shortest password is longer."""
_WINDOW = 64 * 1024
_OVERLAP = 8 * 1024
"""Characters looked at in one go, and how far one go reaches back into the one before: some of the library's patterns
look again from each place of a line, so that a line of megabytes would take minutes."""
_NEAR_CHARS = 48
"""Characters after a word like "api key" within which a long word belongs to it."""
_LONG_CHARS = 520
_NAME_CHARS = 40
_INDENT = 40
"""Characters before an assignment within which its line has to begin for it to be a line of its own."""
_ALONE = frozenset({"", "-", "+", "export", "set", "setenv", "env", "arg"})
"""What may stand before an assignment that is a line of a settings file."""


def find(text: str) -> list[Found]:
    """Every secret in `text`: apart from each other, in order. Escapes (JSON's, programs') are looked through."""
    if len(text) < _SHORTEST:
        return []
    spans = list(_windows(text))
    view = unescaped(text)
    if view is not None:
        plain, places = view
        spans += [Found(places[one.start], places[one.end], one.kind) for one in _windows(plain)]
    return _apart(spans)


def find_in_field(name: str, text: str) -> list[Found]:
    """The same for the value of a field: one whose name says that it holds a secret is one, as a whole."""
    lower = _lower(name)
    for begin, end in _names(lower):
        if assigned_secret(name, "=", text, quoted=True, alone=True, follows="\n"):
            return [Found(0, len(text), _kind_of(lower[begin:end]))]
    return find(text)


def _windows(text: str) -> Iterator[Found]:
    at = 0
    while True:
        part = text[at : at + _WINDOW] if len(text) > _WINDOW else text
        for one in _in_window(part):
            yield Found(one.start + at, one.end + at, one.kind)
        if at + _WINDOW >= len(text):
            return
        at += _WINDOW - _OVERLAP


def _in_window(text: str) -> Iterator[Found]:
    lower = _lower(text)
    # Few gates are open in an ordinary text: most forms cost one plain search, and none of its own.
    open_gates = [gate for gate in _ANY_CASE if gate in lower] + [gate for gate in _EXACT if gate in text]
    for index in sorted({index for gate in open_gates for index in _BEHIND[gate]}):
        yield from _by_form(_FORMS[index], text)
    for start, end, kind in by_plugins(text, lower):
        yield Found(start, end, kind)
    for begin, end in _names(lower):
        yield from _after_name(text, lower, begin, end)


def _lower(text: str) -> str:
    """In lower case, letter by letter: a few letters have two in lower case, which would shift all places."""
    lower = text.lower()
    return lower if len(lower) == len(text) else "".join(c.lower() if len(c.lower()) == 1 else c for c in text)


def _by_form(form: Form, text: str) -> Iterator[Found]:
    group = "s" if "s" in form.pattern.groupindex else 0
    for match in form.pattern.finditer(text):
        start, end = match.span(group)
        value = text[start:end].rstrip(".,;:!?") if form.judge in ("random", "password") else text[start:end]
        judged = {
            "any": True,
            "digit": any(c.isdigit() for c in value),
            "random": is_strong(value) if group else looks_random(value),
            "password": password_like(value),
        }[form.judge]
        if judged and "redacted:" not in value:
            yield Found(start, start + len(value), form.kind)


def _names(lower: str) -> Iterator[tuple[int, int]]:
    """Where names end that are followed by a secret: (begin, end) of the keyword in them."""
    for anchor in ANCHORS:
        at = lower.find(anchor)
        while at >= 0:
            word = ANCHORED.match(lower, at)
            if word is not None and _is_name(anchor, lower, at):
                yield word.span()
            at = lower.find(anchor, at + len(anchor))


def _is_name(anchor: str, lower: str, at: int) -> bool:
    """Whether the anchor is no accident of a longer word."""
    if anchor == "key":
        return BEFORE_KEY.search(lower, max(0, at - 16), at) is not None
    return anchor not in ("pw", "psk") or not lower[at - 1 : at].isalpha()


def _after_name(text: str, lower: str, begin: int, end: int) -> Iterator[Found]:
    first = begin
    while first > 0 and begin - first < _NAME_CHARS and (text[first - 1].isalnum() or text[first - 1] in "_-."):
        first -= 1
    match = ASSIGNED.match(text, end)
    if match is not None:
        yield from _assigned(text, text[first:end] + match["rest"], match, first)
    if text[first] == "-":
        option = OPTION.match(text, end)
        if option is not None and password_like(option["s"]) and not option["rest"].endswith(("file", "stdin", "name")):
            yield Found(option.start("s"), option.end("s"), "option-password")
    spoken = SPOKEN.match(lower, end)
    if spoken is not None:
        value = text[spoken.start("s") : spoken.end("s")].rstrip(".,;:!?)")
        if is_strong(value) and password_like(value):
            yield Found(spoken.start("s"), spoken.start("s") + len(value), "spoken-password")
    stop = text.find("\n", end, end + _NEAR_CHARS)
    word = _LONG_WORD.search(text, end, end + _NEAR_CHARS + _LONG_CHARS)
    if word is None or word.start() >= (end + _NEAR_CHARS if stop < 0 else stop):
        return
    if random_near_word(word.group(), text[end : word.start()]) and chance_like(word.group()):
        yield Found(word.start(), word.end(), "key")


def _assigned(text: str, name: str, match: re.Match[str], first: int) -> Iterator[Found]:
    quoted = match["qv"] is not None
    value = match["qv"] if quoted else match["bv"]
    start = match.start("qv" if quoted else "bv")
    before = text[max(0, first - _INDENT) : first].rpartition("\n")
    begins = bool(before[1]) or first <= _INDENT
    if match["op"].strip(" ") == "|" and not (begins and before[2].lstrip(" +-").startswith("|")):
        return  # a pipe of commands, not the edge between two cells of a table
    alone = (
        begins
        and before[2].strip().lower() in _ALONE
        and text[start + len(value) : start + len(value) + 1] in ("", "\n", "\r")
    )
    if not quoted and not (alone and match["op"] == "="):
        value = value.rstrip(",;.)]}")
        if "&" in value and "=" in value.partition("&")[2]:
            value = value.partition("&")[0]
    follows = text[start + len(value) : start + len(value) + 1] or "\n"
    if assigned_secret(name, match["op"], value, quoted=quoted, alone=alone, follows=follows):
        yield Found(start, start + len(value), _kind_of(name))


def _kind_of(name: str) -> str:
    lower = name.lower()
    if "aws" in lower and "secret" in lower:
        return "aws-secret"
    for part, kind in (("pass", "password"), ("pwd", "password"), ("token", "token"), ("key", "key")):
        if part in lower:
            return kind
    return "secret"


def _apart(spans: Sequence[Found]) -> list[Found]:
    """Spans that overlap become one, of the kind of the one that was found first: forms come before guesses."""
    ranked = sorted(enumerate(spans), key=lambda pair: (pair[1].start, -pair[1].end))
    out: list[Found] = []
    best = 0
    for rank, one in ranked:
        if out and one.start < out[-1].end:
            last = out[-1]
            out[-1] = Found(last.start, max(last.end, one.end), one.kind if rank < best else last.kind)
            best = min(rank, best)
        else:
            out.append(one)
            best = rank
    return out
