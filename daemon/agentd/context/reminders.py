"""What the model is told beside the conversation: reminders, in a tag that nobody else can write.

It decides how a reminder looks, when the use of a budget is worth one, and how text that contains the tag is kept from
posing as one. The words are Markdown in `prompts/reminders`; they are recorded as they were sent, so that a later
wording changes no earlier byte. It never decides what happens next. Callers: `context.conversation` (`escaped`),
`turn.preparing` (the rest).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from agentd.context.prompt_text import prompt
from agentd.providers.base import REMINDER_TAG as TAG

__all__ = ["LEVELS", "Used", "crossed", "dollars", "escaped", "of_budget", "reminder"]

LEVELS = (50, 75, 90, 95)
"""Percent of a budget at which the model is told what is left."""

_BRACKET = re.compile(rf"<(?=\s*/?\s*{TAG})", re.I)
_KINDS: Mapping[str, str] = {"tokens": "tokens", "usd": "usd", "quota": "budget_tokens"}


@dataclass(frozen=True, slots=True)
class Used:
    """How much of one limit is used. `code`: `tokens` (of the window), `usd.<of what>`, `quota.<of what>`; amounts in
    words; `share` from 0 to 1."""

    code: str
    share: float
    used: str
    limit: str
    limit_name: str = ""


def crossed(share: float, told: int) -> int:
    """The level to tell: the highest that `share` has reached, if it is above the one that was told; else 0."""
    reached = max((level for level in LEVELS if 100 * share >= level), default=0)
    return reached if reached > told else 0


def of_budget(used: Used) -> str:
    """The reminder for what is used of a limit."""
    kind = _KINDS[used.code.partition(".")[0]]
    percent = int(100 * used.share)
    return reminder(kind, used=used.used, limit=used.limit, limit_name=used.limit_name, percent=percent)


def reminder(name: str, **values: object) -> str:
    """The reminder `prompts/reminders/<name>.md` with its blanks filled, in the tag."""
    words = prompt(f"reminders/{name}")
    return f"<{TAG}>\n{words.format(**values)}\n</{TAG}>"


def escaped(text: str) -> str:
    """`text` of anybody else, which can't pose as a reminder: the tag's bracket is written as `&lt;`. Models read a tag
    in capitals or with blanks in it as the same."""
    return _BRACKET.sub("&lt;", text) if "<" in text else text


def dollars(usd_micros: int) -> str:
    """An amount as a person writes it: `$0.5`, `$10`, `$0.0123`."""
    return f"${usd_micros / 1_000_000:.4f}".rstrip("0").rstrip(".")
