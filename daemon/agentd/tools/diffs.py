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

_Step = tuple[str, int, int, int, int]  # what happens, lines from and to in the old and in the new text

_NO_END = "\\ No newline at end of file"


def unified(path: str, before: str | None, after: str) -> str:
    """Unified diff of two texts, empty when they are equal; `before` None: the file is new."""
    old = _lines(before or "")
    new = _lines(after)
    if before is not None and old == new:
        return ""
    out = [f"--- {'/dev/null' if before is None else 'a/' + path}", f"+++ b/{path}"]
    for group in _groups(_steps(old, new)):
        out.append(_header(group[0][1], group[-1][2], group[0][3], group[-1][4]))
        for tag, i, j, k, m in group:
            if tag == "equal":
                out += _marked(" ", old[i:j])
            else:
                out += _marked("-", old[i:j]) + _marked("+", new[k:m])
    return "\n".join(out) + "\n"


def _steps(old: Sequence[str], new: Sequence[str]) -> list[_Step]:
    """From the old lines to the new ones. Only the middle between equal beginnings and ends is compared."""
    first = _equal(old, new)
    last = _equal(old[first:][::-1], new[first:][::-1])
    end, new_end = len(old) - last, len(new) - last
    if min(end, new_end) - first > MOST_LINES:
        middle: list[_Step] = [("replace", first, end, first, new_end)]
    else:
        compared = difflib.SequenceMatcher(None, old[first:end], new[first:new_end]).get_opcodes()
        middle = [(tag, i + first, j + first, k + first, m + first) for tag, i, j, k, m in compared]
    return [("equal", 0, first, 0, first), *middle, ("equal", end, len(old), new_end, len(new))]


def _groups(steps: Sequence[_Step]) -> list[list[_Step]]:
    """Changes that lie near each other, each group with its context before and after."""
    groups: list[list[_Step]] = [[]]
    for at, (tag, i, j, k, m) in enumerate(steps):
        if tag != "equal":
            groups[-1].append((tag, i, j, k, m))
            continue
        if at == 0:
            groups[-1].append((tag, max(i, j - CONTEXT), j, max(k, m - CONTEXT), m))
        elif at == len(steps) - 1:
            groups[-1].append((tag, i, min(j, i + CONTEXT), k, min(m, k + CONTEXT)))
        elif j - i > 2 * CONTEXT:
            groups[-1].append((tag, i, i + CONTEXT, k, k + CONTEXT))
            groups.append([(tag, j - CONTEXT, j, m - CONTEXT, m)])
        else:
            groups[-1].append((tag, i, j, k, m))
    return groups


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
