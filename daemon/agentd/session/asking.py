"""The entry types of questions and their answers. Members of `session.entries.Entry`."""

from __future__ import annotations

from typing import Literal

import msgspec

from agentd.session.actors import Actor
from agentproto.api.question import Scope

__all__ = ["Answered", "Asked"]


class _Entry(msgspec.Struct, frozen=True, omit_defaults=True, tag_field="type"): ...


class Asked(_Entry, frozen=True, tag="question.opened"):
    """A question, durable before anybody is shown it. `command` is exactly what will run, `hash` its sha256; `changed`,
    `modes`: what a call that a crash cut off was seen to have changed, as in `Done`."""

    question: str
    turn: str
    call: str
    kind: Literal["permission", "input", "plan", "elicitation"]
    tool: str
    summary: str
    command: str
    hash: str
    gates: tuple[str, ...]
    cwd: str
    sandbox: str
    origin: tuple[str, ...] = ()
    choices: tuple[str, ...] = ("once", "session")
    deadline_at_ms: int | None = None
    default: str | None = None
    grants: tuple[tuple[str, str, str], ...] = ()
    """What an approval for the session would grant: (tool, exact command or path, folder)."""
    changed: dict[str, tuple[str | None, str | None]] = {}
    modes: dict[str, int] = {}


class Answered(_Entry, frozen=True, tag="question.answered"):
    """`closed`: the turn ended before anybody answered."""

    question: str
    turn: str
    decision: Literal["approve", "deny", "answer", "closed"]
    actor: Actor
    scope: Scope = "once"
    text: str = ""
    key: str = ""
    hash: str = ""
