"""session.*: conversations and their logs."""

from __future__ import annotations

from typing import Literal

import msgspec

from agentproto import keeping, revisions
from agentproto.api.question import Question
from agentproto.api.turn import Mode
from agentproto.method import Count, EventKind, Key, Method, Offset

__all__ = [
    "EVENTS",
    "METHODS",
    "ChangedEvent",
    "CreateParams",
    "CreateResult",
    "ItemsParams",
    "ItemsResult",
    "ListParams",
    "ListResult",
    "NoticeEvent",
    "OpenedEvent",
    "ReadParams",
    "ReadResult",
    "SessionState",
    "SessionSummary",
    "SetParams",
    "SetResult",
    "StreamedEvent",
    "Usage",
]

SessionState = Literal["idle", "running", "waiting", "read_only"]


class Usage(msgspec.Struct, frozen=True, omit_defaults=True):
    """What was used, in tokens and micro-dollars; `cached` and `cache_written` are parts of `input`."""

    calls: int = 0
    input: int = 0
    output: int = 0
    cached: int = 0
    cache_written: int = 0
    reasoning: int = 0
    usd_micros: int = 0


class SessionSummary(msgspec.Struct, frozen=True, omit_defaults=True):
    """One row of the list. `state` waiting: a question is open and nothing else can go on."""

    id: str
    title: str
    workspace: str
    state: SessionState
    created_at_ms: int
    updated_at_ms: int
    turns: int
    seq: int
    bytes: int
    parent: str | None = None
    kind: str = "chat"
    model: str | None = None
    damage: str | None = None
    archived: bool = False


class CreateParams(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`cwd` is absolute; its workspace is the git root above it, else itself."""

    key: Key
    cwd: str
    mode: Mode = "ask"
    model: str | None = None
    title: str | None = None


class CreateResult(msgspec.Struct, frozen=True):
    session: str
    workspace: str


class ListParams(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Newest first; `workspace` keeps those of one workspace (any folder in it may be named)."""

    cursor: str | None = None
    limit: Count = 50
    workspace: str | None = None


class ListResult(msgspec.Struct, frozen=True, omit_defaults=True):
    sessions: tuple[SessionSummary, ...]
    cursor: str | None = None


class ReadParams(msgspec.Struct, frozen=True):
    session: str


class ReadResult(msgspec.Struct, frozen=True, omit_defaults=True):
    """A session's present state. `state_fields` are the loop's own counters, for people who look inside."""

    summary: SessionSummary
    mode: Mode
    questions: tuple[Question, ...]
    queued: int
    usage: Usage
    state_fields: dict[str, object]
    log_file: str


class ItemsParams(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A page of a session's events from its log, oldest first, after a number. A page may be shorter than `limit`
    (a message has a size limit): go on with `next_seq` as `after_seq` for as long as there is one. `redacted`: secrets
    that the detector finds are replaced."""

    session: str
    after_seq: Offset = 0
    limit: Count = 100
    redacted: bool = False


class StreamedEvent(msgspec.Struct, frozen=True):
    """An event as it would have been streamed: its name and its body."""

    name: str
    body: dict[str, object]


class ItemsResult(msgspec.Struct, frozen=True, omit_defaults=True):
    events: tuple[StreamedEvent, ...]
    next_seq: int | None = None


class SetParams(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Change mode, model or title; what is not given stays."""

    key: Key
    session: str
    mode: Mode | None = None
    model: str | None = None
    title: str | None = None


class SetResult(msgspec.Struct, frozen=True):
    seq: int


class OpenedEvent(msgspec.Struct, frozen=True, omit_defaults=True):
    """The first event of each session's stream."""

    stream: str
    seq: int
    at_ms: int
    workspace: str
    cwd: str
    mode: Mode
    parent: str | None = None
    kind: str = "chat"


class ChangedEvent(msgspec.Struct, frozen=True, omit_defaults=True):
    stream: str
    seq: int
    at_ms: int
    actor: str
    mode: Mode | None = None
    model: str | None = None
    title: str | None = None


class NoticeEvent(msgspec.Struct, frozen=True, omit_defaults=True):
    """Something a person should know once. `code` is stable, `text` is for reading."""

    stream: str
    seq: int
    at_ms: int
    code: str
    text: str
    turn: str | None = None


METHODS = (
    Method("session.create", CreateParams, CreateResult, "Make a session.", mutates=True, role="editor"),
    Method("session.list", ListParams, ListResult, "List sessions, newest first."),
    Method("session.read", ReadParams, ReadResult, "A session's present state."),
    Method("session.items", ItemsParams, ItemsResult, "A page of a session's events from its log."),
    Method("session.set", SetParams, SetResult, "Change mode, model or title.", mutates=True, role="editor"),
    Method(
        "session.fork",
        revisions.ForkParams,
        revisions.ForkResult,
        "Begin anew from a turn.",
        mutates=True,
        role="editor",
    ),
    Method(
        "session.rewind",
        revisions.RewindParams,
        revisions.RevertResult,
        "Take back the turns after one, and their files.",
        mutates=True,
        role="editor",
    ),
    Method(
        "session.undo",
        revisions.UndoParams,
        revisions.RevertResult,
        "Take back a turn, a call, or an undo.",
        mutates=True,
        role="editor",
    ),
    Method("session.workflow", revisions.WorkflowParams, revisions.WorkflowResult, "A page of its mutating calls."),
    Method("session.replay", revisions.ReplayParams, revisions.ReplayResult, "Compare it with the machine of today."),
    Method("session.verify", revisions.VerifyParams, revisions.VerifyResult, "Read every byte of it."),
    Method("session.search", keeping.SearchParams, keeping.SearchResult, "Full text over all sessions."),
    Method(
        "session.archive",
        keeping.ArchiveParams,
        keeping.ArchiveResult,
        "Compress its log, or unpack it.",
        mutates=True,
        role="editor",
    ),
    Method(
        "session.remove", keeping.RemoveParams, keeping.RemoveResult, "Remove it for good.", mutates=True, role="owner"
    ),
    Method(
        "session.retain",
        keeping.RetainParams,
        keeping.RetainResult,
        "Archive and remove by age and size.",
        mutates=True,
        role="owner",
    ),
    Method(
        "session.redact",
        keeping.RedactParams,
        keeping.RedactResult,
        "A new session without its secrets.",
        mutates=True,
        role="editor",
    ),
    Method(
        "session.bundle",
        keeping.BundleParams,
        keeping.BundleResult,
        "Write it whole into one file.",
        mutates=True,
        role="owner",
    ),
    Method(
        "session.import",
        keeping.ImportParams,
        keeping.ImportResult,
        "Take one in from a bundle.",
        mutates=True,
        role="owner",
    ),
)
EVENTS = (
    EventKind("session.opened", OpenedEvent, "The session was made."),
    EventKind("session.changed", ChangedEvent, "Mode, model or title was changed."),
    EventKind("session.notice", NoticeEvent, "Something a person should know once."),
    EventKind("session.reverted", revisions.RevertedEvent, "Turns were taken back, or brought back."),
)
