"""Instructions of the turn machine: what somebody else has to do, as plain values.

`Record` always comes before the effect that it announces; the runner performs effects in order and waits for each
Record to be as durable as its entries ask for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from agentd.session.entries import Entry

__all__ = [
    "BeginCalls",
    "CallModel",
    "Cancel",
    "Effect",
    "JudgeCalls",
    "PrepareCall",
    "ProbeCall",
    "Record",
    "RestoreFiles",
    "RunCalls",
    "TurnEnded",
    "Wait",
    "records_first",
]


@dataclass(frozen=True, slots=True)
class Record:
    """Append these entries, together, before anything after them is done."""

    entries: tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class PrepareCall:
    """Put the step's request together and check it; answers `Prepared` or `Refused`."""

    step: str


@dataclass(frozen=True, slots=True)
class CallModel:
    """Send what was prepared; answers `ModelReplied` or `ModelFailed`."""

    step: str


@dataclass(frozen=True, slots=True)
class Wait:
    """Wait before the next attempt; answers `WaitOver`."""

    step: str
    ms: int


@dataclass(frozen=True, slots=True)
class JudgeCalls:
    """Validate the step's calls and decide about each; answers `CallsJudged`."""

    step: str


@dataclass(frozen=True, slots=True)
class BeginCalls:
    """Look at what these calls are about to change; answers `Intended`."""

    step: str
    calls: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RunCalls:
    """Run them side by side; answers `CallEnded` for each, as each ends."""

    calls: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ProbeCall:
    """Look whether a begun call happened; answers `Probed`."""

    call: str


@dataclass(frozen=True, slots=True)
class RestoreFiles:
    """Bring back the files of the revert that was begun (`SessionState.reverting`); answers `Restored`."""


@dataclass(frozen=True, slots=True)
class Cancel:
    """Stop tokens, waits and children of the turn; each still answers in its own way."""

    step: str


@dataclass(frozen=True, slots=True)
class TurnEnded:
    """No turn is open and none waits: the session is idle."""


Effect = (
    Record
    | PrepareCall
    | CallModel
    | Wait
    | JudgeCalls
    | BeginCalls
    | RunCalls
    | ProbeCall
    | RestoreFiles
    | Cancel
    | TurnEnded
)


def records_first(effects: Sequence[Effect]) -> list[Effect]:
    """Join records that have nothing but records before them with the next, so that one sync serves them all.

    The order of effects is kept: a Record never moves over an effect that is not a Record.
    """
    out: list[Effect] = []
    for effect in effects:
        if isinstance(effect, Record) and out and isinstance(out[-1], Record):
            out[-1] = Record(out[-1].entries + effect.entries)
        else:
            out.append(effect)
    return out
