"""Stimuli of the turn machine: what has happened, as plain values. Ids, times and prices come inside.

Deltas are no events: the runner merges and publishes them; the machine hears the whole reply, or the break with what
was kept, or the interrupt.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from agentd.session.actors import Actor
from agentd.session.asking import Answered, Asked
from agentd.session.compactions import Compacted
from agentd.session.entries import (
    Changed,
    Done,
    Interrupted,
    Judged,
    Notice,
    Opened,
    PrefixRecorded,
    Replied,
    Requested,
    Steered,
)
from agentd.session.reminders import Reminded
from agentd.session.revisions import Reverted, Reverting, Withdrawn

__all__ = [
    "DAEMON",
    "Answer",
    "CallEnded",
    "CallsJudged",
    "Change",
    "Event",
    "Happening",
    "Intended",
    "Interrupt",
    "ModelFailed",
    "ModelReplied",
    "Prepared",
    "Probed",
    "Recovered",
    "Refused",
    "Restored",
    "Revert",
    "SessionMade",
    "Speak",
    "UserSaid",
    "WaitOver",
    "Withdraw",
]


@dataclass(frozen=True, slots=True)
class SessionMade:
    entry: Opened


@dataclass(frozen=True, slots=True)
class UserSaid:
    """A message was accepted; it starts a turn, or waits for the running one. `pictures`: the bytes of those that were
    given with it, to be kept before it is recorded."""

    entry: Requested
    pictures: tuple[bytes, ...] = field(default=(), repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Prepared:
    """The next request is put together and checked: what it holds, what was reserved. `prefix` when newly recorded;
    `compacted` when something was left out to make it fit; `reminded`: what the model is told beside."""

    step: str
    model: str
    purpose: str
    prefix_blob: str
    messages: int
    window: int
    input_tokens: int
    output_tokens: int
    usd_micros: int
    reason: str
    prefix: PrefixRecorded | None = None
    notices: tuple[Notice, ...] = ()
    compacted: Compacted | None = None
    reminded: tuple[Reminded, ...] = ()


@dataclass(frozen=True, slots=True)
class Refused:
    """The request can't be made (budget, window, a model that is not there). `too_long`: it does not fit the window."""

    step: str
    text: str
    remedy: str
    over_budget: bool
    too_long: bool = False


@dataclass(frozen=True, slots=True)
class ModelReplied:
    entry: Replied


@dataclass(frozen=True, slots=True)
class ModelFailed:
    """The call ended without a whole reply. `wait_ms` None: policy says not again. `next_model`: the connection that goes
    on in its place."""

    step: str
    failure: str
    text: str
    remedy: str
    kept: str
    wait_ms: int | None
    next_model: str = ""


@dataclass(frozen=True, slots=True)
class WaitOver:
    """The pause before the next attempt is over."""

    step: str


@dataclass(frozen=True, slots=True)
class CallsJudged:
    """Verdicts in call order; an Asked goes with each `ask` (its question id is still empty)."""

    step: str
    verdicts: tuple[tuple[Judged, Asked | None], ...]


@dataclass(frozen=True, slots=True)
class Intended:
    """Just before running: hashes of what each call will write; `effects` names the calls that change the outside."""

    step: str
    before: Mapping[str, Mapping[str, str | None]]
    effects: frozenset[str]


@dataclass(frozen=True, slots=True)
class CallEnded:
    entry: Done


@dataclass(frozen=True, slots=True)
class Answer:
    entry: Answered


@dataclass(frozen=True, slots=True)
class Speak:
    entry: Steered


@dataclass(frozen=True, slots=True)
class Interrupt:
    entry: Interrupted


@dataclass(frozen=True, slots=True)
class Withdraw:
    """A message is taken back before its model has spoken."""

    entry: Withdrawn


@dataclass(frozen=True, slots=True)
class Revert:
    """Turns, or one call's files, are taken back or brought back; everything to do is in the entry."""

    entry: Reverting


@dataclass(frozen=True, slots=True)
class Restored:
    """What became of the files of the revert that was begun."""

    entry: Reverted


@dataclass(frozen=True, slots=True)
class Change:
    """`instead_of`: a title; only where it is the session's still, and no turn runs."""

    entry: Changed
    instead_of: str | None = None


@dataclass(frozen=True, slots=True)
class Recovered:
    """The session was opened again by a daemon that did not see its turn's end. `kept` is streamed text."""

    product: str
    reason: str
    kept: str = ""
    torn_bytes: int = 0
    saved_as: str = ""
    head_missing: int = 0


@dataclass(frozen=True, slots=True)
class Probed:
    """What looking at the world showed about a call that was begun when the daemon died; `changed` and `modes` as in its
    outcome."""

    call: str
    outcome: str
    text: str
    changed: Mapping[str, tuple[str | None, str | None]] = field(default_factory=dict)
    modes: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Happening:
    """Something a person should know, recorded once a session."""

    entry: Notice


Event = (
    SessionMade
    | UserSaid
    | Prepared
    | Refused
    | ModelReplied
    | ModelFailed
    | WaitOver
    | CallsJudged
    | Intended
    | CallEnded
    | Answer
    | Speak
    | Interrupt
    | Change
    | Recovered
    | Probed
    | Happening
    | Withdraw
    | Revert
    | Restored
)

DAEMON = Actor(kind="daemon")
"""The actor of what nobody asked for."""
