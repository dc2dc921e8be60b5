"""What changes in a file, as a unified diff.

It decides how much context is shown and bounds the work for large changes. It must never leave a change out. Pure;
called by the tools that write files, for the question, the result and people.
"""

from __future__ import annotations

import difflib
from collections.abc import Sequence

__all__ = ["CONTEXT", "MOST_LINES", "unified"]

CONTEXT = 3
"""Unchanged lines around a change, as everywhere else."""

MOST_LINES = 4_000
"""A changed middle with more lines than this on both sides is shown as one exchange: comparing is quadratic."""

_NO_END = "\\ No newline at end of file"


def unified(path: str, before: str | None, after: str) -> str:
    """Unified diff of two texts, empty when they are equal; `before` None: the file is new."""
    old = _lines(before or "")
    new = _lines(after)
    if before is not None and old == new:
        return ""
    first = _equal(old, new)
    last = _equal(old[first:][::-1], new[first:][::-1])
    # Only the differing middle is compared, with the context that is shown around it.
    begin = max(first - CONTEXT, 0)
    end = max(last - CONTEXT, 0)
    old_middle, new_middle = old[begin : len(old) - end], new[begin : len(new) - end]
    out = [f"--- {'/dev/null' if before is None else 'a/' + path}", f"+++ b/{path}"]
    if len(old_middle) > MOST_LINES and len(new_middle) > MOST_LINES:
        groups = [[("replace", 0, len(old_middle), 0, len(new_middle))]]
    else:
        matcher = difflib.SequenceMatcher(None, old_middle, new_middle)
        groups = [list(group) for group in matcher.get_grouped_opcodes(CONTEXT)]
    for group in groups:
        out.append(_header(group[0][1] + begin, group[-1][2] + begin, group[0][3] + begin, group[-1][4] + begin))
        for tag, i, j, k, m in group:
            if tag == "equal":
                out += _marked(" ", old_middle[i:j])
            else:
                out += _marked("-", old_middle[i:j]) + _marked("+", new_middle[k:m])
    return "\n".join(out) + "\n"


def _lines(text: str) -> list[str]:
    """Lines with their ends, cut at newlines alone."""
    parts = text.split("\n")
    return [part + "\n" for part in parts[:-1]] + ([parts[-1]] if parts[-1] else [])


def _equal(one: Sequence[str], other: Sequence[str]) -> int:
    """How many lines are equal from the beginning on."""
    count = 0
    for left, right in zip(one, other, strict=False):
        if left != right:
            break
        count += 1
    return count


def _header(old_begin: int, old_end: int, new_begin: int, new_end: int) -> str:
    return f"@@ -{_range(old_begin, old_end)} +{_range(new_begin, new_end)} @@"


def _range(begin: int, end: int) -> str:
    """As diff writes it: an empty range names the line before it."""
    length = end - begin
    if length == 1:
        return f"{begin + 1}"
    return f"{begin if length == 0 else begin + 1},{length}"


def _marked(mark: str, lines: Sequence[str]) -> list[str]:
    out = []
    for line in lines:
        out.append(mark + line.removesuffix("\n"))
        if not line.endswith("\n"):
            out.append(_NO_END)
    return out
