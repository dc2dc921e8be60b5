"""Two runs of the same messages, turn by turn: what was recorded, and what another model made of it. Pure.

Callers: `replaying`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import zip_longest

import msgspec

from agentctl.render.safe import one_line
from agentctl.sessions.turns import Turn
from agentproto.revisions import WorkflowStep

__all__ = ["HEADERS", "Pair", "Side", "last_hashes", "pairs", "rows_of"]

HEADERS = ("turn", "by", "ended", "steps", "tools", "tokens", "answer")
_ANSWER = 60


class Side(msgspec.Struct, frozen=True):
    """One turn of one run. `answer` is the first line of the final text."""

    turn: str
    model: str
    stop: str | None
    steps: int
    tools: tuple[str, ...]
    tokens: int
    answer: str
    error: str | None


class Pair(msgspec.Struct, frozen=True):
    """The same message twice. `replayed` None: the replay ended before it."""

    number: int
    prompt: str
    recorded: Side
    replayed: Side | None
    same_answer: bool


def pairs(recorded: Sequence[Turn], replayed: Sequence[Turn]) -> list[Pair]:
    """Turn by turn, in the recorded order."""
    found = []
    for was, now in zip_longest(recorded, replayed[: len(recorded)]):
        assert was is not None
        same = now is not None and now.stop is not None and now.text == was.text
        found.append(Pair(was.number, was.prompt, _side(was), None if now is None else _side(now), same))
    return found


def _side(one: Turn) -> Side:
    tokens = one.usage.input + one.usage.output
    first = next((line for line in one.text.splitlines() if line.strip()), "")
    return Side(one.id, one.model, one.stop, one.steps, one.tools, tokens, first.strip(), one.error)


def rows_of(found: Iterable[Pair]) -> list[tuple[str, ...]]:
    """Two rows a turn."""
    rows = []
    for pair in found:
        rows.append(_row(str(pair.number), pair.recorded, ""))
        if pair.replayed is None:
            rows.append(("", "(not reached)", "", "", "", "", ""))
        else:
            rows.append(_row("", pair.replayed, "(the same)" if pair.same_answer else ""))
    return rows


def _row(number: str, side: Side, answer: str) -> tuple[str, ...]:
    words = answer or one_line(side.answer or side.error or "", _ANSWER)
    tools = _counted(side.tools) or "-"
    return number, side.model or "-", side.stop or "open", str(side.steps), tools, str(side.tokens), words


def _counted(tools: Iterable[str]) -> str:
    """`grep x2, read`, in the order of the first calls."""
    counts: dict[str, int] = {}
    for tool in tools:
        counts[tool] = counts.get(tool, 0) + 1
    return ", ".join(tool if count == 1 else f"{tool} x{count}" for tool, count in counts.items())


def last_hashes(steps: Iterable[WorkflowStep]) -> Mapping[str, str | None]:
    """What the session made of each file in the end: path -> sha256, None where it removed it. Calls whose files were
    brought back since don't count; of one that failed only what it is known to have left."""
    return {
        one.path: one.after
        for step in steps
        if step.state != "compensated"
        for one in step.touched
        if step.state != "failed" or one.after is not None
    }
