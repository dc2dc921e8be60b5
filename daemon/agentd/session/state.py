"""What is known of a session: plain frozen values, folded from its entries (`session.fold`).

Nothing here holds a text of the conversation: those stay in the log and are found by the transcript's references.
`turn` holds what the running turn needs to decide what comes next, its open calls included.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from agentd.session.actors import Actor
from agentd.session.asking import Asked
from agentd.session.breaker import Recent
from agentd.session.entries import Requested
from agentd.session.revisions import Reverting
from agentproto.api.turn import Mode, StopReason, TurnUsage

__all__ = [
    "CALL_ENDED",
    "Answer",
    "CallState",
    "CallStatus",
    "Grant",
    "KeyRecord",
    "Owed",
    "PrefixRef",
    "SessionState",
    "StepPhase",
    "TurnState",
]

CallStatus = Literal[
    "planned", "allowed", "asking", "approved", "denied", "faulty", "begun", "unknown", "done", "failed"
]
"""planned -> judged (allowed, asking, denied, faulty) -> begun -> done | failed | unknown. `denied` and `faulty` calls
still owe the model a result; `done`, `failed` and `unknown` have one."""

CALL_ENDED: frozenset[CallStatus] = frozenset({"done", "failed", "unknown"})

Owed = Literal["", "cut", "repeated", "stuck"]
"""What the model is told before its next step: its answer was cut, or repeated itself, or its calls got nowhere."""

StepPhase = Literal["preparing", "calling", "judging", "tools", "deciding"]


@dataclass(frozen=True, slots=True)
class CallState:
    """One tool call of the running step."""

    call: str
    tool: str
    arguments: Mapping[str, object]
    status: CallStatus = "planned"
    question: str | None = None
    words: str = ""
    target: str = ""
    verdict: str = ""
    touches: str = ""
    concurrency_safe: bool = False
    recovery: str = "report"
    attempt: int = 0
    before: Mapping[str, str | None] = field(default_factory=dict)
    mended: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TurnState:
    """The running turn. `attempts` counts model calls of this step; `faults` steps running whose every call was
    malformed; `wait_ms` is the pause before the next attempt, `waited_ms` all pauses of this step; `spoken_to`: a person spoke since the last model call;
    `denied`: a rule refused a call and no call succeeded since. The three limits are those of its start (0: not
    recorded); `withdrawn`: the message was taken back, and the turn only has to end.
    `overflowed`: a server said that this step's request is too long; `compacted`: how often its context was made smaller.

    `cuts`: answers running that the output limit cut; `owed`: what the model has to be told before its next step;
    `recent`: what its calls came to (`session.breaker`); `given_up`: connections that could not go on with the turn, the
    first one being the turn's own, and `attempts_before` the calls of this step that were theirs; `reached`: the model's
    server has answered something in this turn; `restarts`: how many of this step's calls a restart cut off."""

    request: Requested
    model: str
    mode: Mode
    phase: StepPhase = "preparing"
    step: int = 0
    steps_done: int = 0
    calls: tuple[CallState, ...] = ()
    attempts: int = 0
    wait_ms: int = 0
    waited_ms: int = 0
    faults: int = 0
    usage: TurnUsage = field(default_factory=TurnUsage)
    interrupted: str | None = None
    failure: tuple[str, str] | None = None
    stop: str = ""
    last_text: str = ""
    spoken_to: bool = False
    denied: bool = False
    withdrawn: bool = False
    overflowed: bool = False
    compacted: int = 0
    cuts: int = 0
    owed: Owed = ""
    recent: Recent = field(default_factory=Recent)
    given_up: tuple[str, ...] = ()
    attempts_before: int = 0
    reached: bool = False
    restarts: int = 0
    max_steps: int = 0
    max_faults: int = 0
    parallel_calls: int = 0
    partial: Mapping[str, int] = field(default_factory=dict)
    started_at_ms: int = 0

    @property
    def id(self) -> str:
        return self.request.turn

    @property
    def step_id(self) -> str:
        return f"{self.request.turn}.{self.step}"


@dataclass(frozen=True, slots=True)
class KeyRecord:
    """An idempotent request that was accepted: hash of its body, number of its entry, what it made; `queued`: a turn
    that had to wait for another one."""

    hash: str
    seq: int
    made: str
    queued: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """A decided question: who decided what, and when."""

    decision: str
    actor: str
    at_ms: int


@dataclass(frozen=True, slots=True)
class Grant:
    """An approval that outlives its call: exactly this text or path, for this tool, in this session."""

    tool: str
    exact: str
    cwd: str
    question: str
    actor: str
    at_ms: int


@dataclass(frozen=True, slots=True)
class PrefixRef:
    """What was sent first: blob of sections, tools and parameters; the model and the tools it was recorded for."""

    blob: str
    model: str
    tools: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SessionState:
    """The whole. `seq` is the last entry's number (0: nothing yet).

    `finished`: the latest turns that have ended and are part of the conversation, oldest first, and how many more there
    were before; `undone`: reverts that a
    redo can take back, as (number of the `Reverted` entry, its turns); `reverting`: one that was begun and not ended.
    """

    session: str = ""
    seq: int = 0
    updated_at_ms: int = 0
    created_at_ms: int = 0
    kind: str = "chat"
    product: str = ""
    machine: int = 1
    workspace: str = ""
    cwd: str = ""
    mode: Mode = "ask"
    model: str | None = None
    title: str | None = None
    parent: tuple[str, int] | None = None
    env: Mapping[str, str] = field(default_factory=dict)
    actor: Actor = field(default_factory=lambda: Actor(kind="daemon"))
    turns: int = 0
    turn: TurnState | None = None
    queue: tuple[Requested, ...] = ()
    questions: tuple[tuple[Asked, int], ...] = ()
    question_count: int = 0
    answers: Mapping[str, Answer] = field(default_factory=dict)
    keys: Mapping[str, KeyRecord] = field(default_factory=dict)
    grants: tuple[Grant, ...] = ()
    read_hashes: Mapping[str, str] = field(default_factory=dict)
    prefix: PrefixRef | None = None
    notices: tuple[str, ...] = ()
    finished: tuple[str, ...] = ()
    forgotten: int = 0
    undone: tuple[tuple[int, tuple[str, ...]], ...] = ()
    reverting: Reverting | None = None
    usage: TurnUsage = field(default_factory=TurnUsage)
    model_calls: int = 0
    last_stop: StopReason | None = None
    counters: Mapping[str, int] = field(default_factory=dict)
