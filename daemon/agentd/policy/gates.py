"""The gates: everything that makes a call a question or a refusal, by name, with the sentence that people read.

It is a table and decides nothing by itself. `decide` names the gates that fired; questions, the audit and the manual
show their sentences.
"""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["DENYING", "GATES", "NEED_THEIR_NAME"]

GATES: Mapping[str, str] = {
    "read-only": "It only reads inside the workspace, and no secret: nothing stands against it.",
    "own-folders": "The agent's own settings, sessions, logs and keys are closed to its tools.",
    "plan-mode": "In plan mode nothing is changed, run or sent.",
    "deny-rule": "A rule forbids it.",
    "ask-rule": "A rule wants a question for it.",
    "not-read-only": "The tool is not known to be read-only.",
    "writes": "It writes a file.",
    "outside-workspace": "It reaches outside the workspace.",
    "git-folder": "It writes into .git, where programs that git runs are configured.",
    "agent-folder": "It writes into .agentd, where the agent's own rules for this workspace lie.",
    "secret": "It reaches something that holds secrets.",
    "runs-command": "It runs a command with your rights.",
    "network": "It speaks to another machine.",
    "unproven-rule": "A rule may forbid it, and the command's text does not show whether it does.",
}
"""name -> sentence."""

DENYING = frozenset({"own-folders", "plan-mode", "deny-rule"})
"""These refuse; no rule and no grant lifts them. All others but `read-only` ask."""

NEED_THEIR_NAME = frozenset({"git-folder", "agent-folder", "secret"})
"""A rule lifts these only when it spells the place out: `edit(**)` does not mean `.git/hooks`."""
