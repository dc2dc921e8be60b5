"""Files named with @ in a message: which they are, and how a half-typed one goes on."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator

__all__ = ["completions", "named"]

_NAMED = re.compile(r"(?:^|(?<=\s))@(\S+)")
_MOST = 200
"""Entries of one folder that are offered; more can't be read in a menu."""


def named(text: str, cwd: str) -> tuple[str, ...]:
    """Absolute paths of the regular files that `text` names with @, each once; other words with @ are just words."""
    found: dict[str, None] = {}
    for word in _NAMED.findall(text):
        for candidate in (word, word.rstrip(".,;:!?)")):
            path = os.path.join(cwd, os.path.expanduser(candidate))
            if os.path.isfile(path):
                found[os.path.abspath(path)] = None
                break
    return tuple(found)


def completions(word: str, cwd: str) -> Iterator[str]:
    """How `word` (without its @) can go on: names in its folder, folders with a slash; hidden ones only when asked."""
    folder, _, start = word.rpartition("/")
    place = os.path.join(cwd, os.path.expanduser(folder + "/")) if folder or word.startswith("/") else cwd
    try:
        entries = sorted(os.scandir(place), key=lambda entry: entry.name)
    except OSError:
        return
    shown = 0
    for entry in entries:
        if not entry.name.startswith(start) or (entry.name.startswith(".") and not start.startswith(".")):
            continue
        shown += 1
        if shown > _MOST:
            return
        prefix = f"{folder}/" if folder or word.startswith("/") else ""
        yield prefix + entry.name + ("/" if entry.is_dir() else "")
