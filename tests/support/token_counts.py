"""How model servers count the tokens of a request: each in its own way, and none as the daemon's estimator does.

A counter reads the body that was sent, in any of the four protocols, and counts what a chat template would make of it:
the texts, what calls were made with, the tools, and some tokens for each message, each tool and the whole. It knows
nothing of the estimator. The texts' own count is any function from a text to a number, also a real vocabulary's.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

__all__ = ["Count", "Counter", "answer_limit", "counters"]

Count = Callable[[str], int]

_NO_TEXT = frozenset(
    {"role", "type", "id", "tool_call_id", "call_id", "tool_use_id", "model", "cache_control", "status"}
)
"""Fields that no template puts into the prompt as they are."""
_KEPT_TEXTS = 20_000


@dataclass(slots=True)
class Counter:
    """`text` counts a text; the rest is what the template adds."""

    name: str
    text: Count
    per_message: int = 4
    per_tool: int = 8
    per_request: int = 3
    _known: dict[str, int] = field(default_factory=dict, repr=False)

    def count(self, body: bytes) -> int:
        """Tokens of a request's input."""
        request = json.loads(body)
        messages = request.get("messages", request.get("input", []))
        tools = request.get("tools", [])
        texts = [*_texts(messages), *_texts(request.get("system", [])), *_texts(request.get("instructions", []))]
        texts += [json.dumps(tool, ensure_ascii=False) for tool in tools]
        said = sum(map(self._of, texts))
        return said + self.per_request + self.per_message * len(messages) + self.per_tool * len(tools)

    def _of(self, text: str) -> int:
        found = self._known.get(text)
        if found is None:
            if len(self._known) > _KEPT_TEXTS:
                self._known.clear()
            found = self._known[text] = self.text(text)
        return found


def answer_limit(body: bytes) -> int:
    """The longest answer that a request asks for, whatever its protocol calls it."""
    request = json.loads(body)
    for name in ("max_tokens", "max_completion_tokens", "max_output_tokens"):
        if name in request:
            return int(request[name])
    return int(request.get("options", {}).get("num_predict", 0))


def _texts(value: object) -> Iterator[str]:
    match value:
        case str():
            yield value
        case list():
            for inner in value:
                yield from _texts(inner)
        case Mapping():
            for name, inner in value.items():
                if name in ("input", "arguments") and isinstance(inner, Mapping):
                    yield json.dumps(inner, ensure_ascii=False)
                elif name not in _NO_TEXT:
                    yield from _texts(inner)
        case _:
            pass


def _by_bytes(bytes_per_token: float) -> Count:
    return lambda text: math.ceil(len(text.encode(errors="replace")) / bytes_per_token)


_DIGIT = re.compile(r"[0-9]")
_FOREIGN = re.compile(r"[^\x00-\x7f]")
_PIECES = re.compile(r""" ?[A-Za-z]+|[0-9]{1,3}|\s*\n\s*| +(?= )|[ ]?[^\sA-Za-z0-9]["'(),:;.>}\]]?""", re.ASCII)


def _digit_by_digit(text: str) -> int:
    """Each digit is a token, and each stretch between two numbers at least one."""
    between = [len(part.encode(errors="replace")) for part in re.split("[0-9]+", text) if part]
    return len(_DIGIT.findall(text)) + sum(math.ceil(size / 3.6) for size in between)


def _dear_scripts(text: str) -> int:
    """A token and a half for each character of three bytes, one for the others that are not ASCII: dearer by half than
    the dearest vocabulary in wide use that was measured (SentencePiece of 32,000)."""
    foreign = _FOREIGN.findall(text)
    wide = sum(sign > "\u07ff" for sign in foreign)
    return math.ceil(wide * 1.5 + (len(foreign) - wide) + (len(text) - len(foreign)) / 4)


def _by_pieces(text: str) -> int:
    """Words of up to five letters, capitals of two, numbers of three digits, runs of white space, one to two signs."""
    tokens = 0
    for piece in _PIECES.findall(text):
        word = piece.strip()
        if word.isalpha() and word.isascii():
            capitals = sum(sign.isupper() for sign in word)
            tokens += math.ceil(capitals / 2 + (len(word) - capitals) / 5)
        else:
            tokens += 1 if piece.isascii() else len(piece)
    return tokens


def counters() -> tuple[Counter, ...]:
    """One of each kind, new: lean and dear ones, one that minds digits, one that minds scripts, one that minds words."""
    return (
        Counter("lean", _by_bytes(4.5), per_message=3, per_tool=6),
        Counter("dear", _by_bytes(3.1), per_message=8, per_tool=20, per_request=16),
        Counter("digits", _digit_by_digit, per_message=5, per_tool=10),
        Counter("scripts", _dear_scripts, per_message=4, per_tool=8),
        Counter("pieces", _by_pieces, per_message=6, per_tool=12, per_request=8),
    )
