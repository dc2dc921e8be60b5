"""A key taken out of other people's words: some servers repeat it when they refuse it, plain or written otherwise.

It decides in which forms a key is recognised: as it is, as a URL or JSON writes it, in hexadecimal, in base64 at any
place of a longer text, and cut off by a text's end. Pure. Callers: `call`, `keys_programs`.
"""

from __future__ import annotations

import base64
import functools
import json
import re
from urllib.parse import quote, quote_plus

__all__ = ["MASK", "forms_of", "without", "without_in_bytes"]

MASK = "(key)"

_LEAST_CODED = 6
"""Characters of a key whose encoded forms are looked for: those of shorter ones are found everywhere."""

_LEAST_CUT = 8
"""Characters of a key's beginning that are taken for the key, cut off: words are shown shortened."""

_LEAST_IN_BYTES = 12
"""Characters of a key that is masked before a body is read: a shorter one ("none", "EMPTY", "error") may be a word of
the body itself, and is masked afterwards in what people are shown."""


@functools.lru_cache(maxsize=64)
def forms_of(key: str) -> tuple[str, ...]:
    """How a key may be written, longest first. Base64 three times: what stands before it decides where its bytes lie in
    a group of three, and the signs that it shares with its neighbours are left off."""
    forms = {key}
    if len(key) >= _LEAST_CODED:
        raw = key.encode()
        forms |= {quote(key, safe=""), quote_plus(key), json.dumps(key)[1:-1], raw.hex(), raw.hex().upper()}
        forms |= {re.sub("%..", lambda found: found[0].lower(), quote(key, safe=""))}
        for before in range(3):
            shifted = b"\0" * before + raw
            coded = base64.b64encode(shifted)[(before * 8 + 5) // 6 : len(shifted) * 8 // 6].decode()
            forms |= {coded, coded.replace("+", "-").replace("/", "_"), quote(coded, safe="")}
    return tuple(sorted(forms, key=lambda form: (-len(form), form)))


def without(key: str | None, text: str) -> str:
    """`text` with the key taken out, whole or cut off, in whatever form."""
    for form in forms_of(key) if key else ():
        text = text.replace(form, MASK)
    for form in forms_of(key) if key else ():
        text = _without_beginnings(form, text)
    return text


def _without_beginnings(form: str, text: str) -> str:
    begun = form[:_LEAST_CUT]
    if len(form) <= _LEAST_CUT or begun not in text:
        return text
    kept, rest = [], text
    while (at := rest.find(begun)) >= 0:
        end = at + _shared(form, rest[at:])
        kept += [rest[:at], MASK]
        rest = rest[end:]
    return "".join((*kept, rest))


def _shared(one: str, other: str) -> int:
    """Characters that both begin with."""
    return next((at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))


def without_in_bytes(key: str | None, data: bytes) -> bytes:
    """The same for a body that has not been read yet, so that nothing that is cut later holds a part of the key."""
    if key and len(key) >= _LEAST_IN_BYTES:
        for form in forms_of(key):
            data = data.replace(form.encode(), MASK.encode())
    return data
