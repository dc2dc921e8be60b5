"""Reads the prompt text of a tool from `prompts/<name>.md`: what the tool does, then one sentence for each argument.

It decides the form of these files and refuses one that has another. It must never change a text. Called by the
built-in tools when the registry makes them.

    What the tool does, in Markdown.

    ## Arguments

    - `path`: one sentence
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources

__all__ = ["PromptText", "parse", "prompt_text"]

_HEADING = "\n## Arguments\n"
_ARGUMENT = re.compile(r"- `(\w+)`: (\S.*)")


@dataclass(frozen=True, slots=True)
class PromptText:
    """`description` for the tool's definition, `arguments` (name -> sentence) for its schema."""

    description: str
    arguments: Mapping[str, str]


def prompt_text(name: str) -> PromptText:
    """The text of the tool `name`, from the package."""
    return parse((resources.files("agentd.tools") / "prompts" / f"{name}.md").read_text(encoding="utf-8"))


def parse(text: str) -> PromptText:
    """ValueError when the part about the arguments is missing or has a line that is no argument."""
    description, heading, rest = text.partition(_HEADING)
    if not heading:
        raise ValueError("the prompt text has no part '## Arguments'")
    arguments = {}
    for line in filter(None, map(str.strip, rest.splitlines())):
        found = _ARGUMENT.fullmatch(line)
        if found is None:
            raise ValueError(f"not a line about an argument: {line!r}")
        arguments[found[1]] = found[2]
    return PromptText(description.strip(), arguments)
