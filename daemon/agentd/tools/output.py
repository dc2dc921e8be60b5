"""How much of a result the model gets: head, tail, size and how to read the rest.

It decides where a text is cut and how a step's budget is shared. It must never lose anything silently and never store
anything: the whole text is handed back as bytes, and the caller keeps it as a blob. Pure and deterministic, because the
cut text becomes a part of every later request. Called by the turn when a call has ended.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from agentd.errors import ToolError

__all__ = ["STEP_CHARS", "Cut", "cut", "share", "words"]

STEP_CHARS = 100_000
"""Characters that all results of one step have together: some 25,000 tokens, an eighth of a window of 200,000."""

_HEAD = 0.7  # of what is kept: what a thing is stands at its top; how it ended at its end
_SLACK = 200  # characters that may be given up to cut at the end of a line


@dataclass(frozen=True, slots=True)
class Cut:
    """`text` is what the model gets; `whole` the bytes to keep as a blob, None when nothing was left out."""

    text: str
    whole: bytes | None


def cut(text: str, limit: int, call: str) -> Cut:
    """`text` in at most `limit` characters. `call` is the id by which people ask for the whole output."""
    if len(text) <= limit:
        return Cut(text, None)
    # A text from outside may hold half a surrogate pair, which no byte form has.
    whole = text.encode("utf-8", "replace")
    room = limit - len(_notice(len(text), len(text), text.count("\n"), call))
    if room <= 0:
        short = f"[... cut: {len(text):,} characters; agentctl tools output {call}]"
        return Cut((text[: max(limit - len(short), 0)] + short)[: max(limit, 0)], whole)
    head = _head(text, int(room * _HEAD))
    tail = _tail(text, room - int(room * _HEAD))
    left_out = text[len(head) : len(text) - len(tail)]
    return Cut(head + _notice(len(left_out), len(text), left_out.count("\n"), call) + tail, whole)


def share(sizes: Sequence[int], budget: int) -> tuple[int, ...]:
    """How many characters each result may have so that all together stay within `budget`.

    Small ones stay whole; what they leave is shared equally by the big ones.
    """
    given = [0] * len(sizes)
    left = max(budget, 0)
    order = sorted(range(len(sizes)), key=lambda index: (sizes[index], index))
    for done, index in enumerate(order):
        given[index] = min(sizes[index], left // (len(order) - done))
        left -= given[index]
    return tuple(given)


def words(error: ToolError) -> str:
    """An error as the model reads it: what happened, why, what to do; a line each."""
    return "\n".join(filter(None, (error.what, error.why, error.remedy)))


def _notice(chars: int, of: int, lines: int, call: str) -> str:
    return (
        f"\n[... {chars:,} of {of:,} characters ({lines:,} lines) are left out here. To see them, read with `offset` "
        f"and `limit`, search more narrowly, or print less. People see it all by: agentctl tools output {call} ...]\n"
    )


def _head(text: str, size: int) -> str:
    end = text.rfind("\n", max(size - _SLACK, 0), size)
    return text[: end if end > 0 else size]


def _tail(text: str, size: int) -> str:
    begin = len(text) - size
    line = text.find("\n", begin, begin + _SLACK)
    return text[line + 1 if line >= 0 else begin :]
