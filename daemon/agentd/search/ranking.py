"""Which pieces come first. A piece's score is its own BM25 plus 0.6 x that of the document it stands in.

So one good line in a session that is about the matter comes before an equal line in one that is not. A document's score
is BM25 too, with pieces in place of words: in how many of its pieces each term occurs, against how many it has. Equal
scores: the newer first. What a document was copied from another is shown once. Numbers in, numbers out. Pure. Caller: `search.index`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

__all__ = ["DOCUMENT_WEIGHT", "Candidate", "Ranked", "document_scores", "ranked"]

DOCUMENT_WEIGHT = 0.6
"""What a document's score counts beside a piece's own: enough to decide between like pieces, too little to carry a poor
one to the top."""

_SATURATION = 1.2
_LENGTH = 0.75
"""BM25's k1 and b in their usual values (Robertson and Zaragoza, 2009), the same that the index takes for pieces."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A piece that fits. `own` is its own score, larger is better; `document` is its document's number; `digest` is equal
    for equal texts."""

    piece: int
    own: float
    document: int
    position: int
    at_ms: int
    kind: str
    digest: int


@dataclass(frozen=True, slots=True)
class Ranked:
    """A candidate with its whole score."""

    candidate: Candidate
    score: float


def document_scores(
    found: Sequence[Mapping[int, int]], sizes: Mapping[int, int], documents: int, pieces: int
) -> dict[int, float]:
    """document -> score. `found` holds for each term how many pieces of each document have it; `sizes` how many pieces
    each document has; `documents` and `pieces` are how many there are in all."""
    mean = pieces / documents if documents and pieces else 1.0
    scores: dict[int, float] = {}
    for counts in found:
        rarity = math.log(1 + (documents - len(counts) + 0.5) / (len(counts) + 0.5))
        for document, count in counts.items():
            length = 1 - _LENGTH + _LENGTH * sizes.get(document, 0) / mean
            part = rarity * count * (_SATURATION + 1) / (count + _SATURATION * length)
            scores[document] = scores.get(document, 0.0) + part
    return scores


def ranked(
    candidates: Iterable[Candidate], scores: Mapping[int, float], names: Mapping[int, str], limit: int
) -> list[Ranked]:
    """The best `limit`, best first; of pieces with one position the best alone, and of those that one document took over
    from another (same time, kind and text) as well. `scores` and `names` are documents': the name decides where nothing
    else does, so that the order does not depend on how the index was built."""
    best: dict[tuple[int, int], Ranked] = {}
    for candidate in candidates:
        score = candidate.own + DOCUMENT_WEIGHT * scores.get(candidate.document, 0.0)
        place = (candidate.document, candidate.position)
        if place not in best or score > best[place].score:
            best[place] = Ranked(candidate, score)
    out: list[Ranked] = []
    told: dict[tuple[str, int, int], int] = {}
    for row in sorted(best.values(), key=lambda row: _order(row, names)):
        one = row.candidate
        if told.setdefault((one.kind, one.at_ms, one.digest), one.document) == one.document:
            out.append(row)
            if len(out) == limit:
                break
    return out


def _order(row: Ranked, names: Mapping[int, str]) -> tuple[float, int, str, int]:
    # Equal pieces of unlike documents differ in the last bits, by the order in which numbers were added.
    one = row.candidate
    return (-round(row.score, 9), -one.at_ms, names.get(one.document, ""), -one.position)
