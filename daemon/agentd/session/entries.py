"""The log's entry types: what one line can say. The log's own version lives here.

An entry is a fact that has happened, or the intent of an effect about to happen; it is never edited. Decisions carry
their reason, calls their purpose and usage, everything its actor. `at_ms` and `seq` belong to the line, not to the
entry (`session.frame`). Fields may be added with a default; a meaning never changes: that takes a new type.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from agentd.session.actors import Actor
from agentd.session.asking import Answered, Asked
from agentd.session.compactions import Compacted
from agentd.session.reminders import Reminded
from agentd.session.revisions import Reverted, Reverting, Withdrawn
from agentproto.api.turn import Mode, StopReason, TurnUsage
from agentproto.content import Block, ImageBlock, ResultStatus

__all__ = [
    "DURABLE",
    "FORMAT",
    "PHASES",
    "Assembled",
    "Begun",
    "Broke",
    "Called",
    "Changed",
    "Checkpoint",
    "Decided",
    "Done",
    "Entry",
    "Finished",
    "Interrupted",
    "Judged",
    "Notice",
    "Opened",
    "Partial",
    "PrefixRecorded",
    "Replied",
    "Requested",
    "Resumed",
    "Started",
    "Steered",
    "durable",
    "entry_type",
]

FORMAT = 1
"""Version of this file format; the first line of each log names it."""


class _Entry(msgspec.Struct, frozen=True, omit_defaults=True, tag_field="type"): ...


class Opened(_Entry, frozen=True, tag="session.opened"):
    """The first line. `env` holds what is not secret (PATH, LANG ...); `parent` is (session, seq) of a fork."""

    format: int
    machine: int
    session: str
    kind: str
    product: str
    workspace: str
    cwd: str
    mode: Mode
    actor: Actor
    model: str | None = None
    title: str | None = None
    parent: tuple[str, int] | None = None
    env: dict[str, str] = {}


class Requested(_Entry, frozen=True, tag="turn.requested"):
    """A user's message was accepted. `key`/`hash`: idempotent; `files`: (path, sha256, text); `pictures`: by paths."""

    turn: str
    actor: Actor
    key: str
    hash: str
    prompt: str
    purpose: str = "turn"
    files: tuple[tuple[str, str, str], ...] = ()
    mode: Mode | None = None
    model: str | None = None
    max_steps: int = 0
    allow: tuple[str, ...] = ()
    deny: tuple[str, ...] = ()
    max_usd_micros: int = 0
    pictures: tuple[tuple[str, ImageBlock], ...] = ()


class Started(_Entry, frozen=True, tag="turn.started"):
    """A turn begins. Its limits are settled here: what settings say later is for later turns (0: not recorded)."""

    turn: str
    model: str
    mode: Mode
    max_steps: int = 0
    max_faults: int = 0
    parallel_calls: int = 0


class PrefixRecorded(_Entry, frozen=True, tag="prefix.recorded"):
    """System sections, tool definitions and parameters as first sent: blob `blob`, re-sent as recorded."""

    blob: str
    model: str
    sections: tuple[str, ...]
    tools: tuple[str, ...]
    reason: str


class Assembled(_Entry, frozen=True, tag="context.assembled"):
    turn: str
    step: str
    messages: int
    input_tokens: int
    window: int
    reason: str


class Called(_Entry, frozen=True, tag="model.called"):
    turn: str
    step: str
    purpose: str
    model: str
    prefix: str
    input_tokens: int
    output_tokens: int
    usd_micros: int = 0
    attempt: int = 1


class Partial(_Entry, frozen=True, tag="partial"):
    turn: str
    item: str
    kind: Literal["text", "thinking", "output"]
    offset: int
    text: str


class Replied(_Entry, frozen=True, tag="model.replied"):
    turn: str
    step: str
    blocks: tuple[Block, ...]
    stop: str
    usage: TurnUsage
    interrupted: bool = False
    purpose: str = "turn"
    mended: dict[str, tuple[str, ...]] = {}
    """Call -> what of its arguments was mended before they were recorded."""


class Broke(_Entry, frozen=True, tag="model.broke"):
    """A model call ended without a reply. `kept`: text that had been shown; `again`: it is tried again, by the connection
    `next_model` where there is one."""

    turn: str
    step: str
    failure: str
    text: str
    remedy: str = ""
    kept: str = ""
    again: bool = False
    wait_ms: int = 0
    attempt: int = 1
    next_model: str = ""


class Judged(_Entry, frozen=True, tag="call.judged"):
    """The verdict over one call, with its reason. `fault` holds the words for the model when arguments are wrong."""

    turn: str
    call: str
    tool: str
    verdict: Literal["allow", "ask", "deny", "fault"]
    reason: str
    target: str = ""
    rule: str = ""
    gates: tuple[str, ...] = ()
    concurrency_safe: bool = False
    recovery: str = "report"
    fault: str = ""
    touches: str = ""
    """Digest of what the call would touch when it was judged: what is approved is what runs."""


class Begun(_Entry, frozen=True, tag="call.begun"):
    """Intent of a tool call. `before`: path -> sha256 (null: missing) of what it will write. `call` is its
    idempotency key; `attempt` counts what a crash made necessary."""

    turn: str
    call: str
    tool: str
    attempt: int = 1
    before: dict[str, str | None] = {}
    effect: bool = True
    target: str = ""
    verdict: str = ""
    reason: str = ""


class Done(_Entry, frozen=True, tag="call.done"):
    """Outcome of a tool call. `text` is what the model is given; `blob` holds the whole output where it was cut.
    `touched`: path -> (sha256 before, after) of what it read or wrote, so that the model knows it; `changed`: the same of
    what a command changed beside, unseen. "unknown" stands for a content that nobody knows. `modes`: bits before.
    `seen`: digests of what was asked and of what came, for `session.breaker`."""

    turn: str
    call: str
    tool: str
    status: ResultStatus
    text: str
    summary: str
    bytes: int = 0
    blob: str | None = None
    diff: str | None = None
    exit_code: int | None = None
    touched: dict[str, tuple[str | None, str | None]] = {}
    changed: dict[str, tuple[str | None, str | None]] = {}
    modes: dict[str, int] = {}
    duration_ms: int = 0
    seen: tuple[str, str] | None = None
    images: tuple[ImageBlock, ...] = ()


class Decided(_Entry, frozen=True, tag="step.decided"):
    turn: str
    step: str
    next: Literal["step", "end", "wait"]
    reason: str


class Steered(_Entry, frozen=True, tag="turn.steered"):
    """`after`: the step whose reply was streaming then; the model gets these words behind that reply."""

    turn: str
    actor: Actor
    text: str
    key: str = ""
    hash: str = ""
    after: str = ""


class Interrupted(_Entry, frozen=True, tag="turn.interrupted"):
    """`turn` empty: none was running; recorded for its key alone, so that sent again it stops no later one."""

    turn: str
    actor: Actor
    reason: str
    key: str = ""
    hash: str = ""


class Finished(_Entry, frozen=True, tag="turn.finished"):
    """The turn's end. `text` is the final answer once more, so that a late client needs this line alone. `dropped`: its
    message did not fit the window, and is no part of what models are given later."""

    turn: str
    stop: StopReason
    steps: int
    usage: TurnUsage
    text: str = ""
    error: str | None = None
    remedy: str | None = None
    dropped: bool = False


class Notice(_Entry, frozen=True, tag="notice"):
    code: str
    text: str
    turn: str | None = None


class Changed(_Entry, frozen=True, tag="session.changed"):
    actor: Actor
    mode: Mode | None = None
    model: str | None = None
    title: str | None = None
    key: str = ""
    hash: str = ""


class Resumed(_Entry, frozen=True, tag="session.resumed"):
    """The log was opened again after an end that was not clean. `torn_bytes` were cut off and kept as `saved_as`."""

    product: str
    reason: str
    torn_bytes: int = 0
    saved_as: str = ""
    head_missing: int = 0


class Checkpoint(_Entry, frozen=True, tag="checkpoint"):
    """The folded state up to here, so that opening reads the tail alone. No texts: written between turns only.

    `refs` index the transcript since the checkpoint before, whose place is `previous` (offset, length).
    """

    state: dict[str, object]
    refs: tuple[tuple[int, int, int], ...]
    previous: tuple[int, int] | None = None


Entry = (
    Opened
    | Requested
    | Started
    | PrefixRecorded
    | Assembled
    | Called
    | Partial
    | Replied
    | Broke
    | Judged
    | Asked
    | Answered
    | Begun
    | Done
    | Decided
    | Steered
    | Interrupted
    | Finished
    | Notice
    | Changed
    | Resumed
    | Checkpoint
    | Withdrawn
    | Reverting
    | Reverted
    | Compacted
    | Reminded
)

DURABLE: frozenset[type] = frozenset(
    {Opened, Requested, Asked, Answered, Done, Steered, Interrupted, Finished, Changed, Withdrawn, Reverting, Reverted}
)
"""Synced before anything goes on; a model call's or a read's intent shares the sync before it (`durable` below)."""

PHASES: dict[type, str] = {
    Started: "prepare",
    Assembled: "process",
    Called: "request",
    Replied: "stream",
    Judged: "tools",
    Begun: "tools",
    Done: "tools",
    Decided: "decide",
    Finished: "end",
}
"""The loop's phases as the entries that show them; `Decided(next="step")` is the loop's turning back."""


def entry_type(entry: Entry) -> str:
    """The entry's tag, e.g. `turn.requested`."""
    tag = type(entry).__struct_config__.tag
    assert isinstance(tag, str)
    return tag


def durable(entry: Entry) -> bool:
    """Whether `entry` is synced before anything goes on."""
    return (
        type(entry) in DURABLE
        or (isinstance(entry, Begun) and entry.effect)
        or (isinstance(entry, Called) and entry.usd_micros > 0)
    )
