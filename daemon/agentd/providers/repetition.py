"""Whether a reply has begun to repeat itself without end, seen while it streams.

It decides from the text alone when to stop: the end of it is one piece over and over (a sign, a token, a phrase, a
block), or its last lines are few sentences in turn. It must never take for that what people ask for: tables, code with
equal lines, drawings, number arrays, long lists; so how often is too often grows with how plain the piece is, and code
may repeat itself more than prose. Exact equality only: a list that counts on is never stopped. Bounded memory; each
character costs the same however long the reply is. Caller: the turn's model call, for text and thinking apart.
"""

from __future__ import annotations

import re
from collections import deque
from dataclasses import dataclass

from agentd.providers.tool_text_code import Code

__all__ = ["LINES", "ROWS", "WINDOW", "Repetition", "Row", "SentenceRow", "without_repetition"]


@dataclass(frozen=True, slots=True)
class Row:
    """Stop when a piece of `least` to `most` characters stands at the end `times` over, filling `chars` (in code, tables
    and data: so often and so much times `in_code`). `words`: only a piece with so many words of letters; `blank`: only
    white space."""

    kind: str
    least: int
    most: int
    times: int
    chars: int
    in_code: int
    words: int = 0
    blank: bool = False
    reason: str = ""


WINDOW = 65_536
"""Characters that are kept of the end: no row asks for more."""

ROWS: tuple[Row, ...] = (
    Row(
        "white space", 1, 200, 8, 1_500, 1, blank=True,
        reason="nobody reads a hundred empty lines; the widest drawing has a few hundred blanks in a row",
    ),
    Row(
        "a phrase", 12, 400, 10, 900, 4, words=3,
        reason="a sentence ten times running is said by nobody; code has equal lines, so there it takes 40",
    ),
    Row(
        "a block", 401, 3_000, 4, 1_604, 4, words=20,
        reason="a paragraph four times running; a file with four equal blocks is written in code",
    ),
    Row(
        "a token", 1, 40, 100, 4_000, 2,
        reason="an array of 1,000 zeros or a ruled line has 3,000 characters; a model that hangs passes 4,000 in a minute",
    ),
    Row(
        "a line", 41, 400, 60, 6_000, 2,
        reason="rows of a table without words in them may be equal; sixty are more than a person looks at",
    ),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class SentenceRow:
    """Stop when the last `lines` lines of prose, `chars` characters together, are no more than `different` ones."""

    lines: int
    different: int
    chars: int
    words: int
    reason: str


LINES = SentenceRow(
    40, 4, 1_200, 4, "a loop need not keep its order; forty lines of four words and more, out of four, are one"
)

_EVERY = 64  # characters between two looks at the end
_PROBE = 48  # characters that are searched for, to find where the end stood before
_TRIES = 4  # earlier places that are tried: a block may hold its own end twice
_WORD = re.compile(r"[^\W\d_]{2,}")
_LINE_CHARS = 400  # of a line that are kept
_LONGEST = max(row.most for row in ROWS)
# How lines begin that are data or code, also without a fence around them.
_NO_PROSE = ("|", "+", "{", "}", "[", "]", "<", '"', "//", "/*", "*/", "    ", "\t")


class Repetition:
    """One reply's text, or its thinking."""

    def __init__(self) -> None:
        self._tail = ""
        self._unseen: list[str] = []  # joined to the tail at the next look: a long text is not copied for each token
        self._unseen_chars = 0
        self._code = Code()
        self._line = ""
        self._data = False  # the last line that was not empty is no prose
        self._lines: deque[str] = deque(maxlen=LINES.lines)

    def feed(self, text: str) -> str | None:
        """Why to stop, in words for a person; None while all is well. After a reason nothing more need be fed."""
        for start in range(0, len(text), _EVERY):
            why = self._take(text[start : start + _EVERY])
            if why is not None:
                return why
        return None

    def _take(self, text: str) -> str | None:
        self._code.take(text)
        self._unseen.append(text)
        self._unseen_chars += len(text)
        why = None
        if "\n" in text:
            *ended, rest = (self._line + text).split("\n")
            self._line = rest[:_LINE_CHARS]
            why = self._by_lines(ended)
        elif len(self._line) < _LINE_CHARS:
            self._line += text
        if why is None and self._unseen_chars >= _EVERY:
            self._tail += "".join(self._unseen)
            if len(self._tail) > WINDOW + WINDOW // 2:
                self._tail = self._tail[-WINDOW:]
            self._unseen, self._unseen_chars = [], 0
            why = self._by_period()
        return why

    def _by_lines(self, ended: list[str]) -> str | None:
        for line in ended:
            if not line.strip():
                continue
            self._data = line.startswith(_NO_PROSE)
            if self._data or self._code.fenced or len(_WORD.findall(line)) < LINES.words:
                self._lines.clear()
            else:
                self._lines.append(line.strip()[:_LINE_CHARS])
        full = len(self._lines) == LINES.lines and sum(map(len, self._lines)) >= LINES.chars
        if full and len(set(self._lines)) <= LINES.different:
            return f"the last {LINES.lines} lines are the same {len(set(self._lines))} over and over"
        return None

    def _by_period(self) -> str | None:
        tail = self._tail
        if len(tail) < 2 * _PROBE:
            return None
        probe = tail[-_PROBE:]
        at = len(tail) - _PROBE
        for _ in range(_TRIES):
            at = tail.rfind(probe, max(0, len(tail) - _LONGEST - _PROBE), at + _PROBE - 1)
            if at < 0:
                return None
            period = len(tail) - _PROBE - at
            why = self._judge(tail, period)
            if why is not None:
                return why
        return None

    def _judge(self, tail: str, period: int) -> str | None:
        piece = tail[-period:]
        if len(tail) < 3 * period or tail[-2 * period :] != tail[-3 * period : -period]:
            return None
        blank = not piece.strip()
        words = len(_WORD.findall(piece))
        data = self._code.fenced or self._data or self._line.startswith(_NO_PROSE)
        for row in ROWS:
            if not row.least <= period <= row.most or words < row.words or (row.blank and not blank):
                continue
            size = max(row.times * period, row.chars) * (row.in_code if data else 1)
            if len(tail) >= size + period and tail[-size:] == tail[-size - period : -period]:
                return f"{row.kind} of {period} characters comes again and again ({(size + period) // period} times)"
        return None


def without_repetition(text: str) -> str:
    """`text` with the piece that its end consists of once, or with each of the few lines of its end once."""
    probe = text[-_PROBE:]
    at = text.rfind(probe, 0, len(text) - 1) if len(text) > _PROBE else -1
    period = len(text) - len(probe) - at
    piece = text[-period:] if at >= 0 and period <= _LONGEST else ""
    if piece and text.endswith(piece * 2):
        end = len(text)
        while text.endswith(piece * 2, 0, end):
            end -= period
        return text[:end]
    return _each_line_once(text)


def _each_line_once(text: str) -> str:
    lines = text.split("\n")
    kinds: set[str] = set()
    start = len(lines)
    while start:
        line = lines[start - 1].strip()
        if line and line not in kinds:
            if len(kinds) == LINES.different:
                break
            kinds.add(line)
        start -= 1
    if len(lines) - start < LINES.lines:
        return text
    seen: set[str] = set()
    for number in range(start, len(lines)):
        line = lines[number].strip()
        if line in seen:
            return "\n".join(lines[:number])
        if line:
            seen.add(line)
    return text
