"""Whether something that stands where a secret would stand is one: chance or a word, a value or a reference.

It decides by the look of a value and of the name before it, and gives way to doubt on the side of a secret. It must keep
what merely names a thing: digests, ids, paths, versions, code, placeholders. Pure. Caller: `telemetry.detect`.
"""

from __future__ import annotations

import math
import re
from collections import Counter

from agentd.telemetry.detect_forms import NOT_SECRET_NAMES, WEAK_NAMES

__all__ = ["assigned_secret", "entropy", "is_strong", "looks_random", "password_like", "random_near_word", "reusable"]

_MARK = re.compile(r"\[?redacted:[a-z-]+#?\d*|\(secret\)|\*{3,}|^[*x.•_-]+$", re.IGNORECASE)
_PLACEHOLDER = re.compile(
    r"<.*>?|\$.*|\{.*|\[.*|%[(s{<A-Z].*|#\{.*|@.*|(?:env|file|cmd|vault|ssm|secret|op|keyring)[:/].*|\(.*|\.{2,}.*|-+|"
    r"(?:your|my|the|some|an?|new|old)[ _-].*|xxx+.*|none|null|nil|true|false|undefined|required|optional|"
    r"str|string|text|bytes|int|bool|object|any|optional\[.*|password\d?|passwd|passphrase|pwd|pass|pw|secrets?|tokens?|"
    r"keys?|api[_-]?keys?|credentials?|placeholder|redacted|hidden|empty|unset|missing|invalid|unknown|self|this|value|"
    r"user(?:name)?|example\w*|dummy|const|let|var|and|or|not|is|if|in|for|to",
    re.IGNORECASE | re.DOTALL,
)
_CODE = re.compile(
    r"[A-Za-z_][\w]*(?:\.[A-Za-z_]\w*)*(?:\(.*|\[.*|->.*|::.*|\)|\.$)|(?:self|this|os|process|settings|config|ctx|args|params|"
    r"request|req|environ|env|secrets)\.\w.*|len\(|.*\(\)?.*\)|.*[{}].*"
)
_WORDS = re.compile(r"[A-Za-z]+(?:[_. -][A-Za-z]+)*[.,;:!?]?")
_PATH = re.compile(
    r"(?:[.~]{0,2}/|[A-Za-z]:\\)[\w. @+-]+(?:[/\\][\w. @+-]*)*|[\w-]+(?:/[\w.-]+)+\.\w{1,5}|[A-Za-z._-]+\d{0,4}(?:/[A-Za-z._-]+\d{0,4})+"
)
_PLAIN_WORD = re.compile(r"[a-z]{3,}|[A-Z][a-z]{2,}|\.[a-z]{2,}")
_NUMBERS = re.compile(r"[\d.,:_/ %+-]+(?:[a-zA-Z]{1,3})?")
_VERSION = re.compile(r"v?\d+(?:\.\d+)+[\w.+-]{0,12}")
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE)
_HEX = re.compile(r"(?:0x)?[0-9a-fA-F]+")
_URL = re.compile(r"[a-z][a-z0-9+.-]*://[^\s@]*", re.IGNORECASE)
_SENTENCE = re.compile(
    r"\b(?:is|are|the|must|be|an?|for|your|you|of|not|enter|field|please|this|and|or|with|to|in|at|least|should|can|no)\b",
    re.IGNORECASE,
)
_NAMED_OTHERWISE = re.compile(
    r"sha-?\d|md5|digest|commit|hash|checksum|revision|uuid|session|blob|cache|\bid\b", re.IGNORECASE
)


def entropy(text: str) -> float:
    """Bits a character, by the counts of the text's own characters (Shannon)."""
    if not text:
        return 0.0
    size = len(text)
    return -sum(count / size * math.log2(count / size) for count in Counter(text).values())


def _mixed(value: str) -> int:
    """How many of: lower case, upper case, digit, other."""
    return (
        any(c.islower() for c in value)
        + any(c.isupper() for c in value)
        + any(c.isdigit() for c in value)
        + any(not c.isalnum() for c in value)
    )


def _is_path(value: str) -> bool:
    """Whether a value names a place: base64 has slashes too, but no words between them."""
    if _PATH.fullmatch(value) is None:
        return False
    parts = [part for part in re.split(r"[/\\]", value) if part]
    if len(value) < 20 or _mixed(value) < 3:
        return True
    random = any(len(part) >= 16 and _mixed(part) >= 3 and entropy(part) >= 3.2 for part in parts)
    return not random and any(_PLAIN_WORD.fullmatch(part) for part in parts)


def is_strong(value: str) -> bool:
    """Whether a value has the look of something made up to be hard to guess: letters and digits or signs, no word, no
    path, no version, no number."""
    if len(value) < 6 or _MARK.search(value) or _WORDS.fullmatch(value) or _NUMBERS.fullmatch(value):
        return False
    if _VERSION.fullmatch(value) or _is_path(value) or _URL.fullmatch(value):
        return False
    letters = any(c.isalpha() for c in value)
    digits = any(c.isdigit() for c in value)
    return letters and (digits or (_mixed(value) >= 3 and len(value) >= 8)) and entropy(value) >= 2.0


def looks_random(value: str) -> bool:
    """Whether a long word looks like chance, with nothing but itself to go by."""
    if _MARK.search(value) or _is_path(value) or _URL.fullmatch(value) or not is_strong(value):
        return False
    return (len(value) >= 16 and entropy(value) >= 3.0) or (_mixed(value) >= 3 and entropy(value) >= 2.5)


def password_like(value: str) -> bool:
    """Whether what stands in a password's place is a password and no stand-in for one."""
    if len(value) < 3 or _MARK.search(value) or _PLACEHOLDER.fullmatch(value):
        return False
    return not _CODE.fullmatch(value)


def random_near_word(value: str, between: str) -> bool:
    """Whether a long word shortly after a word like "api key" is one: chance, and not named otherwise in `between`."""
    if _NAMED_OTHERWISE.search(between) or _UUID.fullmatch(value) or _is_path(value):
        return False
    if _HEX.fullmatch(value):
        return len(value) >= 24 and entropy(value) >= 2.8
    return _mixed(value) >= 3 and entropy(value) >= 3.3 and any(c.isdigit() for c in value)


def reusable(value: str) -> bool:
    """Whether a found secret may be replaced wherever its value stands, also without its name: never an ordinary word."""
    # An address of a webhook is a secret as a whole, and no word either.
    return is_strong(value) or (len(value) >= 20 and " " not in value and any(c.isdigit() for c in value))


def assigned_secret(name: str, operator: str, value: str, *, quoted: bool, alone: bool, follows: str) -> bool:
    """Whether `name operator value` gives a secret away. `alone`: the assignment is a whole line, as in a settings file;
    `follows` is the character after the value."""
    called = operator.strip().endswith("(")
    if alone and not quoted and operator == "=" and name.isupper() and "redacted:" not in value:
        # A line of a file of variables: nothing there is code.
        return is_strong(value) or (password_like(value) and NOT_SECRET_NAMES.search(name) is None)
    if not password_like(value) or (called and not quoted):
        return False
    about = NOT_SECRET_NAMES.search(name) is not None
    if value.strip().lower().replace("-", "_") == name.lower().rpartition(".")[2].replace("-", "_"):
        return False
    if " " in value.strip():
        spoken = not about and not called and quoted and re.search(r"pass|pwd", name, re.IGNORECASE)
        return bool(spoken) and not _SENTENCE.search(value) and not value.strip().endswith((".", ":", "!", "?"))
    if about or called:
        return looks_random(value) and not _UUID.fullmatch(value) and not _NAMED_OTHERWISE.search(name)
    if is_strong(value):
        return quoted or not (follows in "([" or _CODE.fullmatch(value))
    if WEAK_NAMES.search(name) or _is_path(value) or _URL.fullmatch(value):
        return False
    if quoted:
        return len(value) >= 4
    return alone and len(value) >= 4 and follows not in "([" and not value.endswith((",", ":", "(", ";", ")", "."))
