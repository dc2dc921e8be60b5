"""Which file is run when a tool itself needs a program (bash, ripgrep).

It decides that none is taken from the workspace: a repository must not get its own `rg` run by a search that nobody is
asked about. It must never search a relative entry. Called by `grep` and `shell`.
"""

from __future__ import annotations

from agentd.tools.base import ToolContext
from agentd.tools.places import below

__all__ = ["USUAL_PATH", "find_program"]

USUAL_PATH = "/usr/local/bin:/usr/bin:/bin"
"""Where a session without a PATH looks."""


def find_program(name: str, context: ToolContext, path: str | None = None) -> str | None:
    """The absolute path of the program on `path` (the session's PATH when left out), None when there is none outside
    of the workspace."""
    real = context.world.files.real
    for folder in (context.env.get("PATH", "") if path is None else path).split(":"):
        if not folder.startswith("/") or below(real(folder), context.workspace) is not None:
            continue
        found = context.world.processes.find(name, folder)
        if found is not None and below(real(found), context.workspace) is None:
            return found
    return None
