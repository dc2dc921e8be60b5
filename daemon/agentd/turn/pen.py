"""The pen of one reaction: collects effects and keeps the state that their records lead to. No decisions here.

Lives within one call of `machine.react`; nobody else holds one, so the machine stays a function of its arguments.
"""

from __future__ import annotations

from dataclasses import dataclass

from agentd.session.entries import Entry
from agentd.session.fold import fold
from agentd.session.state import SessionState
from agentd.turn.effects import Effect, Record

__all__ = ["Limits", "Pen"]


@dataclass(frozen=True, slots=True)
class Limits:
    """What settings say about turns. `default_model` serves where neither request nor session names one."""

    default_model: str = "offline"
    max_steps: int = 50
    max_faults: int = 3
    parallel_calls: int = 10


class Pen:
    """Collects effects while it keeps the state that they lead to. Lives within one `react`."""

    def __init__(self, state: SessionState, limits: Limits, at_ms: int) -> None:
        self.state = state
        self.limits = limits
        self.at_ms = at_ms
        self.effects: list[Effect] = []

    def record(self, *entries: Entry) -> None:
        """Neighbouring records become one, so that they share one append and one sync."""
        for entry in entries:
            self.state = fold(self.state, self.state.seq + 1, self.at_ms, entry)
        if self.effects and isinstance(self.effects[-1], Record):
            self.effects[-1] = Record(self.effects[-1].entries + entries)
        elif entries:
            self.effects.append(Record(entries))

    def do(self, effect: Effect) -> None:
        self.effects.append(effect)
