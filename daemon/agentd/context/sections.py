"""The named sections of the system prompt, in their fixed order. Computed once a session, then re-sent as recorded.

Nothing here may change during a session: no time, no git state, no counters. What changes goes into message content.
A section that must be volatile would need a reason in code; there is none yet. Callers: `context.prefix`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from agentd.context.prompt_text import prompt

__all__ = ["SECTIONS", "Section", "SessionFacts", "stable_section"]


@dataclass(frozen=True, slots=True)
class SessionFacts:
    """What sections may speak of: facts that hold for the whole session."""

    workspace: str
    cwd: str
    platform: str
    shell: str


@dataclass(frozen=True, slots=True)
class Section:
    """`compute` makes the text, once a session."""

    name: str
    compute: Callable[[SessionFacts], str]


def stable_section(name: str, compute: Callable[[SessionFacts], str]) -> Section:
    """A section whose text survives clear and compact unchanged."""
    return Section(name, compute)


def _environment(facts: SessionFacts) -> str:
    where = f"Workspace: {facts.workspace}\nWorking folder: {facts.cwd}"
    return f"{where}\nPlatform: {facts.platform}\nShell: {facts.shell}\nRelative paths start at the working folder."


SECTIONS: tuple[Section, ...] = (
    stable_section("identity", lambda _: prompt("identity")),
    stable_section("behaviour", lambda _: prompt("behaviour")),
    stable_section("environment", _environment),
)
