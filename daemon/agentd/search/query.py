"""A person's words -> expressions for the full-text index. Any text at all is safe: none of it is ever an operator.

Words are looked for together; the caller falls back to any of them when that finds nothing. `"quoted phrases"` are kept,
`prefix*` is allowed, stop words are left out unless there is nothing else. It never fails: a text without words is a
query without terms, which finds nothing. Pure. Callers: `search.index`, tests.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from agentd.search.words import BREAK, STOP_WORDS, broken, clean, has_word

__all__ = ["MOST_TERMS", "Query", "Term", "parse"]

MOST_TERMS = 32
"""Terms that count; a whole page as a query would match everything a little."""

_MOST_CHARS = 400
"""Of one word or phrase."""

_TOKEN = re.compile(r'"([^"]*)"(\*?)|([^\s"]+)')

_STEM_ENDS = ("e", "ed", "er", "ing", "ion", "ions", "ity", "ies", "ment", "ness", "or", "y")
"""Endings that are tried behind a prefix: the index holds stems, and `configurat*` is longer than that of
"configuration"."""


@dataclass(frozen=True, slots=True)
class Term:
    """One thing looked for. `match` is its expression; `texts` are the forms in which a person would see it."""

    match: str
    texts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Query:
    """What is looked for. Without terms nothing is found, and the expressions are empty."""

    terms: tuple[Term, ...]

    @property
    def all(self) -> str:
        """An expression that fits what has every term."""
        return " AND ".join(term.match for term in self.terms)

    @property
    def any(self) -> str:
        """An expression that fits what has any of them."""
        return " OR ".join(term.match for term in self.terms)


def parse(text: str) -> Query:
    """What `text` asks for; at most `MOST_TERMS` terms, each once."""
    kept: dict[str, Term] = {}
    dropped: dict[str, Term] = {}
    for phrase, star, word in _TOKEN.findall(clean(text)):
        quoted = word == ""
        prefix = star == "*" or (not quoted and word.endswith("*"))
        given = (phrase if quoted else word)[:_MOST_CHARS].strip("*")
        # A star behind a sign that is no part of a word (`a/*`) asks for no prefix.
        term = _term(given, prefix=prefix and given[-1:].isalnum())
        if term is not None:
            stop = not quoted and not prefix and _bare(given) in STOP_WORDS
            (dropped if stop else kept).setdefault(term.match.casefold(), term)
    return Query(tuple((kept or dropped).values())[:MOST_TERMS])


def _term(given: str, *, prefix: bool) -> Term | None:
    if not has_word(given):
        return None
    parted = broken(given)
    forms = [parted.replace(BREAK, " "), given] if BREAK in parted else [given]
    expressions = [_quoted(form) + ("*" if prefix else "") for form in forms]
    if prefix:
        expressions += [_quoted(form + end) for form in forms[:1] for end in _STEM_ENDS if form[-1].isascii()]
    match = expressions[0] if len(expressions) == 1 else f"({' OR '.join(expressions)})"
    return Term(match, (given.strip(),))


def _quoted(text: str) -> str:
    """A string of the index's language; whatever is in it is text."""
    return '"' + text.replace('"', '""') + '"'


def _bare(word: str) -> str:
    """A word without the punctuation around it, in small letters."""
    return re.sub(r"^\W+|\W+$", "", word).casefold()
