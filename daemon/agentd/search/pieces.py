"""What is indexed: documents made of pieces. How a long text becomes several pieces is decided here. Pure.

A piece is what a search finds: small enough that its score says something, large enough to hold words that belong
together. It never reads anything. Callers: whoever owns documents, `search.index`.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["PIECE_CHARS", "Document", "Hit", "Piece", "parts"]

PIECE_CHARS = 4_000
"""Characters of one piece: a page or two. In longer ones, words that stand far apart would count as neighbours."""

_ENDS = ("\n\n", "\n", ". ", " ")
"""Where a long text is best cut, best first."""


@dataclass(frozen=True, slots=True)
class Piece:
    """One text of a document. `position` is where to jump to (an entry's number, a line), and several pieces may share
    it; `at_ms` is when it came to be (ms since the epoch, UTC); `kind` is a word of the document's owner."""

    position: int
    at_ms: int
    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class Document:
    """What the index remembers of one document. `group` is what searches can be kept to; `mark` belongs to the owner:
    how far the document is indexed; `pieces` is how many there are."""

    name: str
    group: str
    title: str
    mark: bytes
    pieces: int


@dataclass(frozen=True, slots=True)
class Hit:
    """A piece that was found. `snippet` is one line, the found words in [ and ]."""

    document: str
    group: str
    title: str
    position: int
    at_ms: int
    kind: str
    snippet: str
    score: float


def parts(text: str, most: int = PIECE_CHARS) -> list[str]:
    """`text` in parts of at most `most` characters, cut where it hurts least; nothing of it is lost but white space at
    the cuts. A text of white space has no parts."""
    out: list[str] = []
    rest = text.strip()
    while len(rest) > most:
        cut = _cut(rest, most)
        out.append(rest[:cut].rstrip())
        rest = rest[cut:].lstrip()
    return [*out, rest] if rest else out


def _cut(text: str, most: int) -> int:
    """A good place to cut in the second half of the first `most` characters; in the middle of a word if need be."""
    for end in _ENDS:
        at = text.rfind(end, most // 2, most)
        if at > 0:
            return at + len(end.rstrip(" \n"))
    return most
