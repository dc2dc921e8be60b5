"""What a tool call wants to touch: plain data, made by the tool from its arguments, judged by `policy.decide`.

Paths are absolute and real (links resolved as far as the path exists): the tool resolves them through the world's
files, so that judging is pure.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["Access", "Net", "Read", "Run", "Write"]


@dataclass(frozen=True, slots=True)
class Read:
    """A file is read, or a folder is listed or searched (`tree`: everything below it).

    `contents` "names": only what things are called is seen; "no_secrets": of what lies below, the files that
    `agentd.policy.secrets` names are passed by.
    """

    path: str
    tree: bool = False
    contents: Literal["all", "names", "no_secrets"] = "all"


@dataclass(frozen=True, slots=True)
class Write:
    """A file is made or changed."""

    path: str
    how: Literal["create", "change", "remove"] = "change"


@dataclass(frozen=True, slots=True)
class Run:
    """A command line is run by the user's shell in `cwd`."""

    command: str
    cwd: str


@dataclass(frozen=True, slots=True)
class Net:
    """A host is spoken to."""

    host: str
    port: int


Access = Read | Write | Run | Net
