"""One line from a piece, so that a person sees why it was found. Pure.

It decides how long that line is and how found words are marked. The index marks what fits by stem; what it can't mark is
looked for here by its letters. Caller: `search.index`.
"""

from __future__ import annotations

from collections.abc import Sequence

from agentd.search.words import BREAK

__all__ = ["END", "MARK", "SNIPPET_CHARS", "marked", "shown"]

MARK, END = "\x02", "\x03"
"""Around found words inside the daemon: signs that no text has. `shown` makes [ and ] of them."""

SNIPPET_CHARS = 240
"""Three lines of a terminal. Words can be long, so counting them bounds nothing."""

_BEFORE = 60
"""Characters kept before the first found word when the line has to be cut."""


def marked(text: str, forms: Sequence[str]) -> str:
    """`text` with the first place of the first form that is in it marked, in whatever letters; without one as it is."""
    text = text.replace(BREAK, "")
    # Not casefold: it changes lengths, and places are wanted.
    lower = text.lower()
    if len(lower) == len(text):
        for form in forms:
            at = lower.find(form.lower())
            if at >= 0:
                return f"{text[:at]}{MARK}{text[at : at + len(form)]}{END}{text[at + len(form) :]}"
    return text


def shown(text: str) -> str:
    """A marked text as people get it: one line of at most `SNIPPET_CHARS` around the first mark, marks as [ and ]."""
    line = " ".join(text.replace(BREAK, "").split())
    if len(line) > SNIPPET_CHARS:
        first = max(0, line.find(MARK))
        start = max(0, min(first - _BEFORE, len(line) - SNIPPET_CHARS))
        cut = line[start : start + SNIPPET_CHARS]
        if cut.count(MARK) > cut.count(END):
            cut += END
        line = ("…" if start else "") + cut.strip() + ("…" if start + SNIPPET_CHARS < len(line) else "")
    return line.replace(MARK, "[").replace(END, "]")
