"""How many tokens a request has, estimated from its bytes, on the safe side. Pure.

Three bytes a token is below what the tokenizers of current model families need for English and code (3.3 to 4.5);
other scripts are counted by character, because a byte-level vocabulary may spend a token on each. Digits are another
matter: several families (Llama 2, Qwen, Gemma, DeepSeek) spend a token on each of them, and one on what stands between
two numbers, so tables of figures, logs full of times and hex digests have up to a token a byte. Each digit is therefore
counted as two tokens, itself and what may stand behind it, up to a token a byte; the few digits of an ordinary text are
covered by what three bytes are below 3.3.

Pictures are in a body as base64, which no model reads as text: their characters are taken out of the count, and what the
model sees of them is put on top (`context.pictures` knows how much).
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["BYTES_PER_TOKEN", "PLAIN", "WORDS_BYTES_PER_TOKEN", "Pictured", "estimate", "figures"]

BYTES_PER_TOKEN = 3.0
"""For a text as a whole, with the few digits that any text has."""

WORDS_BYTES_PER_TOKEN = 3.3
"""For what is left of a text when its numbers are counted by themselves: the least of the measured range."""

_DIGITS = b"0123456789"
_HIGH = bytes(range(128, 256))


@dataclass(frozen=True, slots=True)
class Pictured:
    """What of a body is pictures: so many characters of base64, so many of them digits; `tokens`: what a model sees."""

    chars: int = 0
    digits: int = 0
    tokens: int = 0


PLAIN = Pictured()
"""Of a body without pictures."""


def figures(text: bytes) -> int:
    """How many digits there are in it."""
    return len(text) - len(text.translate(None, _DIGITS))


def estimate(body: bytes, pictured: Pictured = PLAIN) -> int:
    """Tokens of the words of `body`, rounded up. Non-ASCII bytes count as half a token each. About 0.6 ms for a million
    bytes. `pictured`: what of it is not words."""
    high = 0 if body.isascii() else len(body) - len(body.translate(None, _HIGH))
    plain = len(body) - high - pictured.chars
    counted = min(2 * (figures(body) - pictured.digits), plain)
    tokens = max(plain / BYTES_PER_TOKEN, (plain - counted) / WORDS_BYTES_PER_TOKEN + counted)
    return int(tokens) + (high + 1) // 2 + 1
