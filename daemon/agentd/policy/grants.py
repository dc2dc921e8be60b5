"""What an approval "for the session" or longer remembers: exactly the command, or exactly the file.

It decides how little an answer opens: no prefix, no folder, no other place. It must never grant what the person did not
see. Pure; called when a question is answered, and by `decide`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from agentd.policy.access import Access, Net, Read, Run, Write

__all__ = ["Grant", "covers", "grants_for"]


@dataclass(frozen=True, slots=True)
class Grant:
    """`pattern`: the command, the real path, or the host, exactly; `actor` who answered, at `at_ms` (Unix epoch).

    `cwd`: for a command, the folder in which it was approved; elsewhere it may do something else.
    """

    tool: str
    pattern: str
    scope: Literal["session", "workspace", "always"]
    at_ms: int
    actor: str
    cwd: str = ""


def grants_for(
    tool: str, accesses: Sequence[Access], scope: Literal["session", "workspace", "always"], at_ms: int, actor: str
) -> tuple[Grant, ...]:
    """What approving this call for longer than once grants. A search through a folder is granted once only: what will
    lie in it tomorrow was not seen."""
    grants = []
    for access in accesses:
        match access:
            case Run(command, cwd):
                grants.append(Grant(tool, command, scope, at_ms, actor, cwd))
            case Write(path) | Read(path, tree=False):
                grants.append(Grant(tool, path, scope, at_ms, actor))
            case Net(host, port):
                grants.append(Grant(tool, f"{host}:{port}", scope, at_ms, actor))
            case Read():
                pass
    return tuple(grants)


def covers(grant: Grant, tool: str, access: Access) -> bool:
    """Whether the grant was given for exactly this."""
    if grant.tool != tool:
        return False
    match access:
        case Run(command, cwd):
            return (grant.pattern, grant.cwd) == (command, cwd)
        case Write(path):
            return grant.pattern == path
        case Read(path, tree):
            return grant.pattern == path and not tree
        case Net(host, port):
            return grant.pattern == f"{host}:{port}"
