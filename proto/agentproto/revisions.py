"""Taking back and trying again: what crosses the wire for fork, rewind, undo, workflow, replay and verify.

Part of the resource `session` (`agentproto.api.session` holds its rows of the table); a file of its own for its size.
Hashes are sha256 in lower-case hex; times are milliseconds since the epoch, UTC.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from agentproto.method import Count, Key

__all__ = [
    "FileRevision",
    "ForkParams",
    "ForkResult",
    "ReplayDifference",
    "ReplayParams",
    "ReplayResult",
    "RevertResult",
    "RevertedEvent",
    "RewindParams",
    "Touched",
    "UndoParams",
    "VerifyParams",
    "VerifyResult",
    "WorkflowParams",
    "WorkflowResult",
    "WorkflowState",
    "WorkflowStep",
]

WorkflowState = Literal["planned", "approved", "begun", "done", "failed", "unknown", "compensated"]


class ForkParams(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A new session with this one's conversation up to the end of `after_turn` (default: its last finished turn)."""

    key: Key
    session: str
    after_turn: str | None = None
    title: str | None = None


class ForkResult(msgspec.Struct, frozen=True):
    session: str
    parent: str
    turns: int


class RewindParams(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Take back every turn after `to_turn` (none: all of them), and the files that they changed unless `files` is keep.

    Where a file was changed by somebody else since, everything is refused, or with `skip_changed` that file alone is
    left as it is. `dry_run` says what would be done and changes nothing.
    """

    key: Key
    session: str
    to_turn: str | None = None
    files: Literal["restore", "keep"] = "restore"
    skip_changed: bool = False
    dry_run: bool = False


class UndoParams(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Take back the last turn; with `call` the files of that one tool call; with `redo` the last undo or rewind."""

    key: Key
    session: str
    call: str | None = None
    redo: bool = False
    files: Literal["restore", "keep"] = "restore"
    skip_changed: bool = False
    dry_run: bool = False


class FileRevision(msgspec.Struct, frozen=True, omit_defaults=True):
    """What became of one file. `kept`: left as it is, and why. `before` and `after` are the hashes of what was there
    and what is there now; None means that there was, or is, no file."""

    path: str
    action: Literal["restored", "removed", "kept"]
    reason: str = ""
    before: str | None = None
    after: str | None = None


class RevertResult(msgspec.Struct, frozen=True, omit_defaults=True):
    """`turns` left the conversation, or with redo came back; `prompt` is the first of them, for editing it anew."""

    seq: int
    turns: tuple[str, ...]
    files: tuple[FileRevision, ...]
    prompt: str = ""


class RevertedEvent(msgspec.Struct, frozen=True, omit_defaults=True):
    """Turns were taken back (or with kind redo brought back), with what became of their files."""

    stream: str
    seq: int
    at_ms: int
    actor: str
    kind: Literal["undo", "rewind", "redo", "call"]
    turns: tuple[str, ...]
    files: tuple[FileRevision, ...] = ()


class WorkflowParams(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A page of the session's mutating calls, oldest first."""

    session: str
    cursor: str | None = None
    limit: Count = 100


class Touched(msgspec.Struct, frozen=True, omit_defaults=True):
    """A file that a call wrote: its hash before and after (None: no file; "unknown": a content that nobody knows).
    `held`: what it held before is kept."""

    path: str
    before: str | None = None
    after: str | None = None
    held: bool = False


class WorkflowStep(msgspec.Struct, frozen=True, omit_defaults=True):
    """One mutating call. `id` is its idempotency key; `compensated`: its files were brought back since."""

    id: str
    turn: str
    tool: str
    target: str
    state: WorkflowState
    planned_at_ms: int
    approved_at_ms: int | None = None
    begun_at_ms: int | None = None
    ended_at_ms: int | None = None
    attempts: int = 0
    reason: str = ""
    exit_code: int | None = None
    touched: tuple[Touched, ...] = ()


class WorkflowResult(msgspec.Struct, frozen=True, omit_defaults=True):
    steps: tuple[WorkflowStep, ...]
    cursor: str | None = None


class ReplayParams(msgspec.Struct, frozen=True):
    """Run the turn machine over the session's recorded outcomes and compare what it would record."""

    session: str


class ReplayDifference(msgspec.Struct, frozen=True, omit_defaults=True):
    """Where the machine came to something else: the entry's number, what is recorded, what it would record now."""

    seq: int
    recorded: str
    replayed: str


class ReplayResult(msgspec.Struct, frozen=True, omit_defaults=True):
    """`identical`: every entry came out byte for byte. `recorded_by` and `machine` are versions of the machine;
    between different ones differences are decisions that changed, not faults."""

    identical: bool
    entries: int
    recorded_by: int
    machine: int
    differences: tuple[ReplayDifference, ...] = ()
    events_hash: str = ""


class VerifyParams(msgspec.Struct, frozen=True):
    """Read every byte of a session: chain, numbers, entries, blobs."""

    session: str


class VerifyResult(msgspec.Struct, frozen=True, omit_defaults=True):
    """`state_hash` is the sha256 of the folded state: the same log gives the same on every machine."""

    session: str
    ok: bool
    entries: int
    bytes: int
    blobs: int
    state_hash: str
    findings: tuple[str, ...] = ()
