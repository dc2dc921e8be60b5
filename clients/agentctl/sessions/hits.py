"""What a search found, for people: title, place, and the words in their surroundings. Pure.

The daemon marks found words with [ and ]. On a terminal with colour they are shown in colour instead, but only where a
word of the query stands in the brackets: `rows[0]` is code and stays as it is. Callers: `searching`, `chat.revising`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

from agentctl.render.safe import one_line
from agentctl.render.table import moment
from agentproto.keeping import SearchHit, SearchResult

__all__ = ["listed", "waiting_line"]

_MARK = re.compile(r"\[([^\[\]]+)\]")
_WORD = re.compile(r"\w+")
_STEM = 3
"""First letters that a found word shares with what was asked: the index finds words by their stems."""
_ON, _OFF, _DIM, _BOLD = "\x1b[1;33m", "\x1b[0m", "\x1b[2m", "\x1b[1m"


def listed(hits: Iterable[SearchHit], query: str, *, colour: bool = False) -> str:
    """Two lines a hit: `ID #SEQ  title  (what, when, where)` and the snippet."""
    lines = []
    for one in hits:
        title = one_line(one.title) or "(no title)"
        head = f"{one.session} #{one.seq}"
        facts = f"({one.kind}, {moment(one.at_ms)}{f', {one_line(one.workspace)}' if one.workspace else ''})"
        snippet = one_line(one.snippet)
        if colour:
            title, facts, snippet = f"{_BOLD}{title}{_OFF}", f"{_DIM}{facts}{_OFF}", _highlighted(snippet, query)
        lines += [f"{head}  {title}  {facts}", f"  {snippet}"]
    return "".join(line + "\n" for line in lines)


def waiting_line(found: SearchResult) -> str:
    """What a search could not look at yet; empty when it has seen everything."""
    if not found.waiting:
        return ""
    some = "1 session waits" if found.waiting == 1 else f"{found.waiting} sessions wait"
    return f"{some} for indexing; ask again in a moment"


def _highlighted(snippet: str, query: str) -> str:
    stems = {word[:_STEM] for word in _words(query)}

    def marked(found: re.Match[str]) -> str:
        wanted = any(word[:_STEM] in stems for word in _words(found[1]))
        return f"{_ON}{found[1]}{_OFF}" if wanted else found[0]

    return _MARK.sub(marked, snippet)


def _words(text: str) -> list[str]:
    """Lower-case words without accents: `resume` finds "résumé"."""
    bare = (sign for sign in unicodedata.normalize("NFKD", text.lower()) if not unicodedata.combining(sign))
    return _WORD.findall("".join(bare))
