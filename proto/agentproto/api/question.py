"""question.*: open requests for permission or input; durable, answerable by any client with the right role.

The first answer wins; a second one gets `conflict` saying who decided what and when. A time-out or a disconnect is
never a yes.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from agentproto.method import EventKind, Key, Method

__all__ = [
    "EVENTS",
    "METHODS",
    "AnswerParams",
    "AnswerResult",
    "AnsweredEvent",
    "Decision",
    "ListParams",
    "ListResult",
    "OpenedEvent",
    "Question",
    "Scope",
]

Decision = Literal["approve", "deny", "answer", "closed"]
Scope = Literal["once", "session", "workspace", "always"]


class Question(msgspec.Struct, frozen=True, omit_defaults=True):
    """`command` is exactly what will run (or the diff of an edit); `hash` its sha256; `gates` why it is asked."""

    id: str
    session: str
    turn: str
    kind: Literal["permission", "input", "plan", "elicitation"]
    tool: str
    summary: str
    command: str
    hash: str
    gates: tuple[str, ...]
    at_ms: int
    sandbox: str = "none"
    origin: tuple[str, ...] = ()
    choices: tuple[str, ...] = ("once", "session")
    cwd: str = ""
    deadline_at_ms: int | None = None
    default: str | None = None


class ListParams(msgspec.Struct, frozen=True, omit_defaults=True):
    """All open questions, or those of one session. Not paged: only turns that wait have any, so they are few by nature."""

    session: str | None = None


class ListResult(msgspec.Struct, frozen=True):
    questions: tuple[Question, ...]


class AnswerParams(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`scope` says for how long an approval holds; `text` is the answer, or the words for the model when denying."""

    key: Key
    question: str
    decision: Literal["approve", "deny", "answer"]
    scope: Scope = "once"
    text: str = ""


class AnswerResult(msgspec.Struct, frozen=True):
    """Sent when the answer is durable; the turn goes on by itself."""

    question: str
    session: str
    turn: str
    seq: int


class OpenedEvent(msgspec.Struct, frozen=True):
    stream: str
    seq: int
    at_ms: int
    question: Question


class AnsweredEvent(msgspec.Struct, frozen=True, omit_defaults=True):
    """`decision` closed: the turn ended before anybody answered."""

    stream: str
    seq: int
    at_ms: int
    question: str
    turn: str
    decision: Decision
    actor: str
    scope: Scope = "once"
    text: str = ""


METHODS = (
    Method("question.list", ListParams, ListResult, "Open questions, oldest first."),
    Method("question.answer", AnswerParams, AnswerResult, "Approve, deny or answer.", mutates=True, role="editor"),
)
EVENTS = (
    EventKind("question.opened", OpenedEvent, "A question is open."),
    EventKind("question.answered", AnsweredEvent, "A question was decided."),
)
