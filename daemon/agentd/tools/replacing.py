"""Exact replacement in a text, whatever its line ends.

It decides where an old text stands and what exactly is put there; not found, or found too often, is told with the lines
to look at. It must never touch a character outside of what was asked. Pure; called by the `edit` tool.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from agentd.errors import ToolError
from agentd.tools.text_file import lines_of, newline_of, printable

__all__ = ["MOST_TRIES", "Replacement", "apply", "undone"]

MOST_TRIES = 200
"""Texts that `undone` makes at most: it is a look after a crash, not a search."""

_SHOWN_LINES = 10  # of the places of a text that is not unique
_SEARCHED_LINES = 20_000  # in which the nearest line is looked for


@dataclass(frozen=True, slots=True)
class Replacement:
    """One exchange; `every` one of them, or the only one."""

    old: str
    new: str
    every: bool = False


def apply(text: str, replacements: Sequence[Replacement], shown: str) -> tuple[str, tuple[int, ...]]:
    """The text after all replacements, one after the other, and the line of each first change (from 1).

    ToolError when one does not fit; then nothing has happened. `shown` names the file.
    """
    lines = []
    for number, replacement in enumerate(replacements, 1):
        which = f"{shown}: " if len(replacements) == 1 else f"{shown}, edit {number}: "
        if replacement.old == replacement.new:
            raise ToolError(f"{which}old_string and new_string are the same; nothing would change")
        places = list(_places(text, replacement.old))
        if not places:
            raise _not_found(text, replacement.old, which)
        if len(places) > 1 and not replacement.every:
            raise _not_unique(text, places, which)
        lines.append(text.count("\n", 0, places[0].start()) + 1)
        new = _with_ends(replacement.new, newline_of(text))
        text = _expression(replacement.old).sub(lambda _, new=new: new, text)  # type: ignore[misc]
    return text, tuple(lines)


def undone(text: str, replacements: Sequence[Replacement]) -> Iterator[str]:
    """Texts from which the replacements could have made `text`; not all of them, and at most MOST_TRIES for each
    kind of line end."""
    for newline in ("\n", "\r\n"):
        # With its last line end a text can lose the sign of which kind it had.
        yield from _undone(text, replacements, newline)


def _undone(text: str, replacements: Sequence[Replacement], newline: str) -> Sequence[str]:
    found = [text]
    for replacement in reversed(replacements):
        old, new = _with_ends(replacement.old, newline), _with_ends(replacement.new, newline)
        if not new:
            # Where something was deleted cannot be seen.
            return []
        earlier: list[str] = []
        for one in found:
            if replacement.every:
                earlier.append(one.replace(new, old))
            else:
                earlier += [one[:at] + old + one[at + len(new) :] for at in _each(one, new)]
            if len(earlier) >= MOST_TRIES:
                break
        found = earlier[:MOST_TRIES]
    return found


def _each(text: str, part: str) -> Iterator[int]:
    at = text.find(part)
    while at >= 0:
        yield at
        at = text.find(part, at + 1)


def _expression(old: str) -> re.Pattern[str]:
    """The old text, each of its line ends standing for either kind."""
    return re.compile(r"(?:\r\n|(?<!\r)\n)".join(re.escape(line) for line in _unix(old).split("\n")))


def _places(text: str, old: str) -> Iterator[re.Match[str]]:
    """Overlapping ones too: a place that could be meant is one too many."""
    expression = _expression(old)
    found = expression.search(text)
    while found is not None:
        yield found
        found = expression.search(text, found.start() + 1)


def _unix(text: str) -> str:
    return text.replace("\r\n", "\n")


def _with_ends(text: str, newline: str) -> str:
    return _unix(text).replace("\n", newline)


def _not_unique(text: str, places: Sequence[re.Match[str]], which: str) -> ToolError:
    numbers = [text.count("\n", 0, place.start()) + 1 for place in places[:_SHOWN_LINES]]
    more = f" and {len(places) - _SHOWN_LINES} more" if len(places) > _SHOWN_LINES else ""
    return ToolError(
        f"{which}old_string is there {len(places)} times, in lines {', '.join(map(str, numbers))}{more}",
        remedy="Add lines around it until it is unique, or set all=true to replace every one.",
    )


def _not_found(text: str, old: str, which: str) -> ToolError:
    wanted = next((line for line in _unix(old).split("\n") if line.strip()), "")
    lines = lines_of(text)[:_SEARCHED_LINES]
    if not wanted or not lines:
        return ToolError(f"{which}old_string was not found", why="The file is empty." if not lines else "")
    stripped = [line.strip() for line in lines]
    if wanted.strip() in stripped:
        number = stripped.index(wanted.strip())
        why = f"Line {number + 1} is like its first line: {_quoted(lines[number])}"
        if lines[number] == wanted:
            why += ". What comes after it differs"
        else:
            why += ". The spaces or tabs around it differ"
    else:
        near = difflib.get_close_matches(wanted.strip(), dict.fromkeys(stripped), n=1, cutoff=0.4)
        if not near:
            return ToolError(
                f"{which}old_string was not found", remedy="Read the file again and copy the text exactly."
            )
        number = stripped.index(near[0])
        why = f"The nearest line is {number + 1}: {_quoted(lines[number])}"
    return ToolError(
        f"{which}old_string was not found", why=why + ".", remedy="Copy the text exactly, without line numbers."
    )


def _quoted(line: str) -> str:
    shown = printable(line)
    return repr(shown if len(shown) <= 200 else shown[:200] + "…")
