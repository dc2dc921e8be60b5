"""The shipped prompts: Markdown in `prompts/`, read once each. It decides no words. Callers: `context.sections`,
`context.reminders`, `turn.side_query`."""

from __future__ import annotations

import functools
from importlib import resources

__all__ = ["prompt"]


@functools.cache
def prompt(name: str) -> str:
    """The text of `prompts/<name>.md`, without white space around it. `name` may have folders in it."""
    *folders, file = name.split("/")
    folder = resources.files("agentd.context").joinpath("prompts", *folders)
    return folder.joinpath(f"{file}.md").read_text(encoding="utf-8").strip()
