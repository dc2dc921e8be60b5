"""turn.*: from a user's message to the final answer, and the items that clients see on the way.

A turn's items arrive as: `turn.started`, then for each step deltas of the streaming item, `step.replied` with the
whole items, `tool.started`/`tool.finished` for each call, and at last `turn.finished`. Deltas are not numbered of
their own: they carry the number of the last logged event, an item and a UTF-8 offset, so that a late or returning
client can join without gap or doubling.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from agentproto.content import Block, ResultStatus
from agentproto.method import Count, EventKind, Key, Method

__all__ = [
    "EVENTS",
    "METHODS",
    "DeltaEvent",
    "FinishedEvent",
    "InterruptParams",
    "InterruptResult",
    "Mode",
    "QueuedEvent",
    "RepliedEvent",
    "RetryEvent",
    "StartParams",
    "StartResult",
    "StartedEvent",
    "SteerParams",
    "SteerResult",
    "SteeredEvent",
    "StopReason",
    "ToolFinishedEvent",
    "ToolStartedEvent",
    "TurnUsage",
    "WithdrawParams",
    "WithdrawResult",
    "WithdrawnEvent",
]

Mode = Literal["ask", "plan", "auto", "accept-edits"]
StopReason = Literal["end", "max_steps", "budget", "interrupted", "refused", "error", "denied", "withdrawn"]


class TurnUsage(msgspec.Struct, frozen=True, omit_defaults=True):
    """A turn's or call's usage in tokens; `cached` is a part of `input`; `estimated` when the server told none."""

    input: int = 0
    output: int = 0
    cached: int = 0
    cache_written: int = 0
    reasoning: int = 0
    usd_micros: int = 0
    estimated: bool = False


class StartParams(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Start a turn. Without `session` (and `continue_latest`) a new one is made for `cwd`.

    `allow`, `deny`: rules for this turn, `Tool(pattern)`. `files`: absolute paths of texts and pictures to
    give with the prompt.
    `max_usd_micros`: what the turn may cost; it stops before a call that might cost more.
    `subscribe`: also send this session's events to the caller, from the turn's first entry on.
    `on_disconnect`: stop ends the turn when the caller vanishes and nobody else is attached.
    """

    key: Key
    prompt: str
    session: str | None = None
    continue_latest: bool = False
    cwd: str | None = None
    mode: Mode | None = None
    model: str | None = None
    max_steps: Count | None = None
    allow: tuple[str, ...] = ()
    deny: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    max_usd_micros: Count | None = None
    subscribe: bool = False
    on_disconnect: Literal["continue", "stop"] = "continue"


class StartResult(msgspec.Struct, frozen=True, omit_defaults=True):
    """`seq` is the number of the entry that made the request durable; `queued` when another turn runs."""

    session: str
    turn: str
    seq: int
    workspace: str
    queued: bool = False


class SteerParams(msgspec.Struct, frozen=True, kw_only=True):
    """Speak to the running turn; delivered before its next step."""

    key: Key
    session: str
    text: str


class SteerResult(msgspec.Struct, frozen=True):
    seq: int


class InterruptParams(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`turn`: only if that one is running; without it whichever runs."""

    key: Key
    session: str
    turn: str | None = None


class InterruptResult(msgspec.Struct, frozen=True):
    """`interrupted` is false when no turn was running; then nothing happened."""

    interrupted: bool


class WithdrawParams(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Take back a message before the model's first token: `turn`, or the last one that can be."""

    key: Key
    session: str
    turn: str | None = None


class WithdrawResult(msgspec.Struct, frozen=True):
    """`prompt` is the message, for editing it anew."""

    turn: str
    seq: int
    prompt: str


class WithdrawnEvent(msgspec.Struct, frozen=True):
    """A message was taken back; it leaves no trace in what the model is given."""

    stream: str
    seq: int
    at_ms: int
    turn: str
    actor: str


class QueuedEvent(msgspec.Struct, frozen=True, omit_defaults=True):
    """A user's message was accepted. It starts at once when no turn is running."""

    stream: str
    seq: int
    at_ms: int
    turn: str
    actor: str
    prompt: str
    files: tuple[str, ...] = ()


class StartedEvent(msgspec.Struct, frozen=True, omit_defaults=True):
    stream: str
    seq: int
    at_ms: int
    turn: str
    model: str
    mode: Mode


class DeltaEvent(msgspec.Struct, frozen=True, omit_defaults=True):
    """New text of a streaming item; `offset` counts UTF-8 bytes of what came before."""

    stream: str
    seq: int
    turn: str
    item: str
    kind: Literal["text", "thinking", "output"]
    offset: int
    text: str


class RepliedEvent(msgspec.Struct, frozen=True, omit_defaults=True):
    """A model call ended. `items` supersede every delta whose item is `<step>.<index>`. `purpose` says what the call
    was for: "turn", or the background work that made it."""

    stream: str
    seq: int
    at_ms: int
    turn: str
    step: str
    items: tuple[Block, ...]
    stop: str
    usage: TurnUsage
    interrupted: bool = False
    purpose: str = "turn"


class RetryEvent(msgspec.Struct, frozen=True, omit_defaults=True):
    """A model call failed and is tried again. Text that was shown is kept in the log and restarted visibly."""

    stream: str
    seq: int
    at_ms: int
    turn: str
    step: str
    reason: str
    text: str
    wait_ms: int = 0
    again: bool = True


class ToolStartedEvent(msgspec.Struct, frozen=True, omit_defaults=True):
    stream: str
    seq: int
    at_ms: int
    turn: str
    call: str
    tool: str
    target: str
    verdict: str
    reason: str


class ToolFinishedEvent(msgspec.Struct, frozen=True, omit_defaults=True):
    """`text` is what the model is given; `blob` names the whole output where it was cut; `diff` for edits."""

    stream: str
    seq: int
    at_ms: int
    turn: str
    call: str
    tool: str
    status: ResultStatus
    summary: str
    text: str
    bytes: int
    duration_ms: int = 0
    blob: str | None = None
    diff: str | None = None


class SteeredEvent(msgspec.Struct, frozen=True):
    stream: str
    seq: int
    at_ms: int
    turn: str
    actor: str
    text: str


class FinishedEvent(msgspec.Struct, frozen=True, omit_defaults=True):
    """`text` is the final answer (the last reply's text); `error` says what and what to do when `stop` is error."""

    stream: str
    seq: int
    at_ms: int
    turn: str
    stop: StopReason
    text: str
    steps: int
    usage: TurnUsage
    error: str | None = None
    remedy: str | None = None


METHODS = (
    Method("turn.start", StartParams, StartResult, "Start a turn, or queue it.", mutates=True, role="editor"),
    Method("turn.steer", SteerParams, SteerResult, "Speak to the running turn.", mutates=True, role="editor"),
    Method("turn.interrupt", InterruptParams, InterruptResult, "Stop the running turn.", mutates=True, role="editor"),
    Method(
        "turn.withdraw",
        WithdrawParams,
        WithdrawResult,
        "Take back a message before the model speaks.",
        mutates=True,
        role="editor",
    ),
)
EVENTS = (
    EventKind("turn.queued", QueuedEvent, "A message was accepted."),
    EventKind("turn.started", StartedEvent, "The turn's work began."),
    EventKind("turn.delta", DeltaEvent, "New text of a streaming item (not logged one by one)."),
    EventKind("turn.steered", SteeredEvent, "Somebody spoke to the running turn."),
    EventKind("turn.withdrawn", WithdrawnEvent, "A message was taken back before the model spoke."),
    EventKind("step.replied", RepliedEvent, "A model call ended; its items are whole."),
    EventKind("step.retried", RetryEvent, "A model call failed; it is tried again or given up."),
    EventKind("tool.started", ToolStartedEvent, "A tool call begins."),
    EventKind("tool.finished", ToolFinishedEvent, "A tool call ended."),
    EventKind("turn.finished", FinishedEvent, "The turn ended."),
)
