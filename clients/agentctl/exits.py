"""Exit codes of agentctl, and the code for each way in which a turn or a request can end. Tables, no behaviour.

They are documented in docs/commands.md and never change their meaning.
"""

from __future__ import annotations

__all__ = [
    "BUDGET",
    "CODES",
    "DAMAGED",
    "DENIED",
    "DONE",
    "ERROR_CODES",
    "FAILED",
    "INTERRUPTED",
    "NO_DAEMON",
    "QUESTION_OPEN",
    "STOP_CODES",
    "USAGE",
]

DONE = 0
FAILED = 1
USAGE = 2
NO_DAEMON = 3
QUESTION_OPEN = 4
BUDGET = 5
DENIED = 6
DAMAGED = 7
INTERRUPTED = 130

CODES: dict[int, str] = {
    DONE: "done",
    FAILED: "the turn or the command failed",
    USAGE: "wrong usage",
    NO_DAEMON: "no daemon, and none could be started",
    QUESTION_OPEN: "a question is open and nobody can be asked (--no-input)",
    BUDGET: "refused by a budget",
    DENIED: "denied by a rule",
    DAMAGED: "damaged data",
    INTERRUPTED: "interrupted",
}

STOP_CODES: dict[str, int] = {
    "end": DONE,
    "max_steps": FAILED,
    "budget": BUDGET,
    "interrupted": INTERRUPTED,
    "refused": FAILED,
    "error": FAILED,
    "denied": DENIED,
    "withdrawn": INTERRUPTED,
}
"""A turn's stop reason -> exit code; a reason that is not here (a newer daemon's) counts as failed."""

ERROR_CODES: dict[str, int] = {"over_budget": BUDGET, "damaged": DAMAGED}
"""The code of a wire error -> exit code; all others count as failed."""
