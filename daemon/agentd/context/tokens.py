"""How many tokens a request has, estimated from its bytes, on the safe side. Pure.

A text is measured once, as its `Shape`: how many bytes of which kind it has. From the shape comes an estimate that holds
for every model of which nothing is known yet; what is known of one is `context.calibration`'s.

Three bytes a token is below what the tokenizers of current model families need for English and code (3.3 to 4.5); other
scripts are counted by character. Three things are dearer. Several families (Llama 2, Qwen, Gemma, DeepSeek) spend a token
on each digit, and one on what stands between two numbers: each digit is counted as two tokens, itself and what may stand
behind it, up to a token a byte. Signs in a row have a token for one to two of them. Packed data (base64, keys) has no
words in it and a token for less than two bytes; it shows by having as many capitals as small letters.

Pictures are in a body as base64, which no model reads as text: their bytes are taken out of the shape, and what the model
sees of them is put on top (`context.pictures` knows how much).
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import NamedTuple

__all__ = [
    "BYTES_PER_TOKEN",
    "PLAIN",
    "WORDS_BYTES_PER_TOKEN",
    "Pictured",
    "Shape",
    "estimate",
    "estimate_of",
    "shape_of",
    "words_of",
]

BYTES_PER_TOKEN = 3.0
"""For a text as a whole, with the few digits that any text has."""

WORDS_BYTES_PER_TOKEN = 3.3
"""For what is left of a text when its numbers are counted by themselves: the least of the measured range."""

_SMALL = bytes(range(ord("a"), ord("z") + 1))
_CAPITALS = bytes(range(ord("A"), ord("Z") + 1))
_DIGITS = b"0123456789"
_HIGH = bytes(range(128, 256))
_LEAST_KNOWN = 4_096
"""Bytes of a beginning that is worth being looked for."""


class Shape(NamedTuple):
    """Bytes of a request by kind; `lines` are line ends as JSON writes them (`\\n`), whose two bytes are counted among
    signs and small letters too; `signs` is all that is none of the others."""

    small: int
    capitals: int
    digits: int
    spaces: int
    signs: int
    quotes: int
    lines: int
    foreign: int

    @property
    def plain(self) -> int:
        """Bytes that are ASCII."""
        return self.small + self.capitals + self.digits + self.spaces + self.signs + self.quotes


_DEAR = Shape(27, 60, 110, 8, 72, 15, 90, 0)
"""Hundredths of a token that a byte costs, by the dearest of the vocabularies in wide use (SentencePiece of 32,000)."""
_PACKED = 80
"""The same for a pair of a capital and a small letter, on top."""


_LATEST: deque[tuple[bytes, Shape]] = deque(maxlen=4)
"""Bodies that were measured, newest last. A talk's next request begins with the bytes of the one before it, and a request
is looked at several times before it is sent; remembered or not, the answer is the same."""


def shape_of(body: bytes) -> Shape:
    """Measure `body`. About 4 ms for a million bytes that no talk of late began with."""
    for known, shape in reversed(_LATEST):
        if known is body or known == body:
            return shape
        if body.startswith(known[: len(known) // 2]) and len(known) >= _LEAST_KNOWN:
            begun = _common(known, body)
            found = _sum(shape, _measured(known[begun:]), _measured(body[begun:]))
            break
    else:
        found = _measured(body)
    _LATEST.append((body, found))
    return found


def _common(one: bytes, other: bytes) -> int:
    """How many bytes both begin with; it never parts a line end's two."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        if one[low:middle] == other[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low - 1 if one[low - 1 : low] == b"\\" else low


def _sum(whole: Shape, less: Shape, more: Shape) -> Shape:
    return Shape(*(a - b + c for a, b, c in zip(whole, less, more, strict=True)))


def _measured(body: bytes) -> Shape:
    rest, counts = body, []
    for kind in (_SMALL, b" ", _DIGITS, b'"', _CAPITALS):  # the most frequent first: less is left to look at
        shorter = rest.translate(None, kind)
        counts.append(len(rest) - len(shorter))
        rest = shorter
    small, spaces, digits, quotes, capitals = counts
    foreign = 0 if rest.isascii() else len(rest) - len(rest.translate(None, _HIGH))
    return Shape(small, capitals, digits, spaces, len(rest) - foreign, quotes, body.count(b"\\n"), foreign)


def estimate(body: bytes) -> int:
    """Tokens of `body`, rounded up."""
    return estimate_of(shape_of(body))


def estimate_of(shape: Shape) -> int:
    """Tokens of a text of this shape. Non-ASCII bytes count as half a token each."""
    plain = shape.plain
    figures = min(2 * shape.digits, plain)
    by_kind = sum(count * rate for count, rate in zip(shape, _DEAR, strict=True))
    packed = _PACKED * min(shape.capitals, shape.small)
    tokens = max(
        plain / BYTES_PER_TOKEN,
        (plain - figures) / WORDS_BYTES_PER_TOKEN + figures,
        min(plain, (by_kind + packed) / 100),
    )
    return int(tokens) + (shape.foreign + 1) // 2 + 1


_NOTHING = Shape(0, 0, 0, 0, 0, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class Pictured:
    """What of a body is pictures: the shape of their base64; `tokens`: what a model sees."""

    shape: Shape = _NOTHING
    tokens: int = 0

    def __add__(self, other: Pictured) -> Pictured:
        return Pictured(
            Shape(*(one + more for one, more in zip(self.shape, other.shape, strict=True))), self.tokens + other.tokens
        )


PLAIN = Pictured()
"""Of a body without pictures."""


def words_of(body: bytes, pictured: Pictured = PLAIN) -> Shape:
    """The shape of what is left of `body` without its pictures."""
    whole = shape_of(body)
    if pictured.shape == _NOTHING:
        return whole
    return Shape(*(max(0, one - less) for one, less in zip(whole, pictured.shape, strict=True)))
