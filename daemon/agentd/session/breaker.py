"""Whether a turn's calls still get anywhere: go on, warn the model, or stop.

It decides from digests alone. A call is *new* unless, since something last changed, this turn has made it before and had
the same result the last time; only a row of calls of which none is new can be stopped. So polling that sees another result, a
retry after an edit and the next page of a file are progress. The same change made again is none (two edits that undo
each other in turn), nor is a call that only differs in white space or in its description. It must never look at a text
of the conversation, and it holds a bounded number of digests, so that it can be folded from the log. Pure. Callers: the
fold of a session (`seen`, `after`), the turn machine (`judge`).
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

__all__ = ["LIMITS", "Limits", "Recent", "Seen", "Verdict", "after", "judge", "seen"]


@dataclass(frozen=True, slots=True)
class Limits:
    """Calls running of which none is new. `warn_*`: the model is told; `stop_*`: the turn ends. By how many different
    calls the row is made of."""

    warn_one: int = 2
    """The same call a third time, same result: some models look twice to be sure, none has a reason to look three times."""
    stop_one: int = 4
    """The fifth equal call: the recorded runs had 300 and 364 of them."""
    warn_two: int = 2
    """A, B, A, B: the second round is the first that shows it."""
    stop_two: int = 3
    """A, B, A, B, A."""
    warn_more: int = 4
    """A round of three and more is slower to show itself; looking over a few files again happens after a long turn."""
    stop_more: int = 8
    """Eight answers running that were all known: nothing will come of a ninth."""


LIMITS = Limits()

_MOST_KEPT = 64
"""Calls that are remembered; a round of more different calls is not seen, and ends with the steps."""

_MOST_CHANGES = 32
_IGNORED: Mapping[str, frozenset[str]] = {"shell": frozenset({"description"})}
"""Arguments that change nothing of what a call does: models word them anew each time."""

_EXACT = frozenset({"edit", "write"})
"""Tools in whose texts white space is what is written."""

# How long something took and what time it is: the one thing in which two equal results always differ.
_TIMES = re.compile(
    r"\b\d+(?:[.,]\d+)?\s?(?:ns|[mµu]s|s|secs?|seconds?|minutes?)\b"
    r"|\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?(?:Z|[+-]\d\d:?\d\d)?|\b\d\d:\d\d:\d\d(?:[.,]\d+)?\b"
)


@dataclass(frozen=True, slots=True)
class Seen:
    """One ended call: digest of what was asked, of that with what came, and whether it changed anything."""

    call: str
    outcome: str
    changed: bool = False


@dataclass(frozen=True, slots=True)
class Recent:
    """What is kept of a turn's calls. `outcomes`: each call's last one since the last new change, as pairs of digests;
    `changes`: outcomes of the turn's changing calls; `row`: the calls running of which none was new, newest last."""

    outcomes: tuple[tuple[str, str], ...] = ()
    changes: tuple[str, ...] = ()
    row: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Verdict:
    """`reason` is for the model and the person; empty with `go`."""

    kind: Literal["go", "warn", "stop"]
    reason: str = ""


def seen(tool: str, arguments: Mapping[str, object], status: str, result: str, *, changed: bool) -> Seen:
    """The digests of a call that has ended. `result`: what the model is given; `changed`: whether any file differs now
    from before the call. Durations and times of day in the result count for nothing."""
    asked = {name: value for name, value in arguments.items() if name not in _IGNORED.get(tool, frozenset())}
    plain = json.dumps(asked if tool in _EXACT else _plain(asked), sort_keys=True, default=repr)
    call = _digest(tool, plain)
    return Seen(call, _digest(call, status, " ".join(_TIMES.sub("", result).split())), changed)


def after(recent: Recent, one: Seen) -> Recent:
    """What is kept when one more call has ended."""
    last = (one.call, one.outcome)
    if one.changed and one.outcome not in recent.changes:
        # Something is different now, so what was known may be asked for again.
        return Recent(outcomes=(last,), changes=(*recent.changes, one.outcome)[-_MOST_CHANGES:])
    if last in recent.outcomes or one.outcome in recent.changes:
        return Recent(recent.outcomes, recent.changes, (*recent.row, one.call)[-LIMITS.stop_more :])
    others = tuple(pair for pair in recent.outcomes if pair[0] != one.call)
    return Recent((*others, last)[-_MOST_KEPT:], recent.changes)


def judge(recent: Recent, limits: Limits = LIMITS) -> Verdict:
    """Whether the turn may go on after the calls that have ended."""
    different = len(set(recent.row))
    if different <= 1:
        warn, stop, what = limits.warn_one, limits.stop_one, "the same call was made again and had the same result"
    elif different == 2:
        warn, stop, what = (
            limits.warn_two,
            limits.stop_two,
            "the same two calls were made in turn, with the same results",
        )
    else:
        warn, stop, what = limits.warn_more, limits.stop_more, "calls were made again that had been answered already"
    running = len(recent.row)
    if running >= stop:
        return Verdict("stop", f"{what}: {running} running brought nothing new")
    if running >= warn:
        advice = "Do something else, or say what is missing."
        return Verdict("warn", f"{what}: {running} running brought nothing new, and {stop} end the turn. {advice}")
    return Verdict("go")


def _plain(value: object) -> object:
    match value:
        case str():
            return " ".join(value.split())
        case Mapping():
            return {str(name): _plain(inner) for name, inner in value.items()}
        case list() | tuple():
            return [_plain(inner) for inner in value]
        case _:
            return value


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode("utf-8", "replace")).hexdigest()[:16]
