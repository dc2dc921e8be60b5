"""What counts as a word, beyond what the index's tokenizer knows: parts of identifiers, signs of Chinese and Japanese.

The tokenizer (unicode61, then Porter's stemmer) splits at everything that is neither letter nor digit, so `snake_case`
and paths fall apart by themselves. It leaves `parseHttpHeader` whole, and a Chinese sentence too. Here such texts get a
break at each hump and between signs; the whole identifier is indexed beside, because people also type it in small
letters. The same is done to queries, so both sides agree. Pure. Callers: `search.query`, `search.index`.
"""

from __future__ import annotations

import re

__all__ = ["BREAK", "STOP_WORDS", "broken", "clean", "has_word", "whole"]

BREAK = "\x1f"
"""Stands in the index where a word was broken; no text brings its own, because `clean` takes control characters out."""

_SIGN = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
# Capitals are rare, and a pattern that begins with one is run through by the regular expression's fast search.
_HUMP = re.compile("[A-Z](?:(?<=[a-z].)|(?<=[A-Z0-9].)(?=[a-z]))")
_BETWEEN_SIGNS = re.compile(f"(?<=[{_SIGN}])(?=[{_SIGN}])")
_WHOLE = re.compile(f"[A-Za-z0-9]+(?:{BREAK}[A-Za-z0-9]+)+")
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
_LONGEST = 64
"""Characters: what is longer is no name but a key or encoded bytes, and nobody types it."""

STOP_WORDS = frozenset(
    {
        *("a", "about", "an", "and", "are", "as", "at", "be", "been", "but", "by", "can", "could", "did", "do", "does"),
        *("for", "from", "had", "has", "have", "how", "i", "if", "in", "is", "it", "its", "me", "my", "of", "on", "or"),
        *("our", "so", "than", "that", "the", "their", "then", "there", "these", "they", "this", "to", "was", "we"),
        *("were", "what", "when", "where", "which", "who", "why", "will", "with", "would", "you", "your"),
    }
)
"""Words that a question has and an answer need not have. Only queries lose them: the index holds every word, so that
quoted phrases find them. `not`, `no` and `off` are no stop words: in errors they are what is looked for."""


def clean(text: str) -> str:
    """`text` without control characters (but tab and line ends) and lone surrogates: a space for each."""
    return _CONTROL.sub(" ", text)


def broken(text: str) -> str:
    """`text` with a `BREAK` at each hump of an identifier and between signs that are written without spaces."""
    if not text.isascii():
        text = _BETWEEN_SIGNS.sub(BREAK, text)
    return _HUMP.sub(_before, text)


def _before(found: re.Match[str]) -> str:
    return BREAK + found[0]


def whole(text: str) -> str:
    """The identifiers of a `broken` text once more, unbroken, each once, with spaces between."""
    if BREAK not in text:
        return ""
    runs = (run for run in text.split(" ") if BREAK in run)
    names = (name.replace(BREAK, "") for run in runs for name in _WHOLE.findall(run))
    return " ".join(dict.fromkeys(name for name in names if len(name) <= _LONGEST))


def has_word(text: str) -> bool:
    """Whether there is a letter or digit in it; all else the tokenizer passes over."""
    return any(character.isalnum() for character in text)
