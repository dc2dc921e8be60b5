"""What must not be written down, and how it is masked: values of secret variables, and words that look like keys.

It decides by two tables: names of variables whose values are secrets, and forms that keys of known makers have. It
masks rather too much than too little, and is no proof: a secret of an unknown form that no variable holds passes.
Applied to everything before it reaches the event log or stderr. Callers: `eventlog`, `logs`, `agentd.app` (`learn`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

__all__ = ["FORMS", "MASK", "SECRET_NAMES", "Redactor", "is_secret_name"]

MASK = "(secret)"

SECRET_NAMES: Sequence[tuple[str, str]] = (
    (r"(^|_)API_?KEY$", "keys of model servers and most services"),
    (r"(^|_)(ACCESS|SECRET|PRIVATE|SIGNING|ENCRYPTION)_?KEY(_ID)?$", "cloud credentials"),
    (r"(^|_)TOKEN$", "access tokens of code hosts and package indexes"),
    (r"(^|_)(SECRET|CLIENT_SECRET)$", "application secrets"),
    (r"(^|_)(PASSWORD|PASSWD|PASSPHRASE|PGPASSWORD|PWD_HASH)$", "passwords"),
    (r"(^|_)CREDENTIALS?$", "whole credentials in one variable"),
    (r"(^|_)AUTH(ORIZATION)?$", "headers for authorization"),
    (r"(^|_)(DATABASE|REDIS|MONGO(DB)?|AMQP|BROKER)_URL$", "addresses that hold a password"),
)
"""Pattern of a variable's name (case does not count) -> what is in it."""

FORMS: Sequence[tuple[str, str]] = (
    (r"\bsk-[A-Za-z0-9_-]{16,}", "OpenAI, Anthropic, OpenRouter and compatible makers"),
    (r"\bAIza[A-Za-z0-9_-]{30,}", "Google"),
    (r"\b(gh[opusr]_|github_pat_)[A-Za-z0-9_]{20,}", "GitHub"),
    (r"\bglpat-[A-Za-z0-9_-]{16,}", "GitLab"),
    (r"\bhf_[A-Za-z0-9]{20,}", "Hugging Face"),
    (r"\bxox[abeoprs]-[A-Za-z0-9-]{10,}", "Slack"),
    (r"\b(AKIA|ASIA)[A-Z0-9]{16}\b", "Amazon's key ids"),
    (r"\bpypi-[A-Za-z0-9_-]{40,}", "the Python package index"),
    (r"\bnpm_[A-Za-z0-9]{30,}", "the npm registry"),
    (r"\beyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]*", "JSON web tokens"),
    (r"-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(-----END [A-Z ]*PRIVATE KEY-----|\Z)", "private keys"),
    (r"(?i)(?<=\bbearer )[A-Za-z0-9._~+/=-]{8,}", "authorization headers"),
    (r"(?<=://)[^/\s:@]*:[^/\s@]+(?=@)", "user and password in an address"),
)
"""Form of a key -> whose keys look so. Only what matches is masked, so the rest of a line can still be read."""

_SHORTEST_VALUE = 8  # characters; masking every "1" or "dev" of a badly named variable would leave nothing to read

_NAMES = re.compile("|".join(pattern for pattern, _ in SECRET_NAMES), re.IGNORECASE)
_FORMS = re.compile("|".join(f"(?:{pattern})" for pattern, _ in FORMS if not pattern.startswith("(?i)")))
_LOOSE_FORMS = re.compile(
    "|".join(pattern.removeprefix("(?i)") for pattern, _ in FORMS if pattern.startswith("(?i)")), re.IGNORECASE
)


def is_secret_name(name: str) -> bool:
    """Whether a variable of this name, or a field of this name in some detail, holds a secret."""
    return _NAMES.search(name.replace("-", "_")) is not None


class Redactor:
    """Masks secrets in texts and plain values. Knows the values that `learn` was given, and the forms of keys."""

    def __init__(self, environment: Mapping[str, str] | None = None) -> None:
        self._values: set[str] = set()
        self._known: re.Pattern[str] | None = None
        if environment:
            self.learn(environment)

    def learn(self, environment: Mapping[str, str]) -> None:
        """From now on the values of its secret variables are masked too; values are kept, never names with them."""
        self.know(*(value for name, value in environment.items() if is_secret_name(name)))

    def know(self, *secrets: str) -> None:
        """From now on these are masked too; what is too short to be told from a word is not."""
        values = {value.strip() for value in secrets if len(value.strip()) >= _SHORTEST_VALUE}
        if values - self._values:
            self._values |= values
            longest_first = sorted(self._values, key=len, reverse=True)
            self._known = re.compile("|".join(map(re.escape, longest_first)))

    def values(self) -> tuple[str, ...]:
        """The values that it was given to know."""
        return tuple(sorted(self._values))

    def text(self, text: str) -> str:
        """The text with every secret in it replaced by `MASK`."""
        if self._known is not None:
            text = self._known.sub(MASK, text)
        return _LOOSE_FORMS.sub(MASK, _FORMS.sub(MASK, text))

    def value(self, value: object, depth: int = 6) -> object:
        """A plain value (what JSON can hold) with the texts in it masked, whole where the name of a field says that it
        is a secret. What is no plain value comes as its text; what is nested deeper than `depth` as `...`."""
        match value:
            case None | bool() | int() | float():
                return value
            case str():
                return self.text(value)
            case Mapping() | list() | tuple() | set() | frozenset() if depth == 0:
                return "..."
            case Mapping():
                return {
                    str(name): MASK if is_secret_name(str(name)) and inner else self.value(inner, depth - 1)
                    for name, inner in value.items()
                }
            case list() | tuple():
                return [self.value(inner, depth - 1) for inner in value]
            case set() | frozenset():
                return sorted(self.text(str(inner)) for inner in value)
            case _:
                return self.text(str(value))
