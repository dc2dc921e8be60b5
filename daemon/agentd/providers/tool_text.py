"""Tool calls that a model wrote as plain text, found in the stream and made into calls.

Small models and servers without a template for them write `<tool_call>{...}</tool_call>`, `[TOOL_CALLS][...]` and the
like into the answer. Between a codec's events and the turn this collector finds them; everything else goes through
unchanged and at once. It decides where a call may begin (not in code, not in what is merely mentioned) and holds back no
more than what may be the beginning of a marker, or a call that has begun. It must never lose a character of a text in
which no call is found, and never make a call of a tool that was not offered. Caller: the turn's model call.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import assert_never

from agentd.providers.base import Ended, Failure, ModelEvent, TextPiece, ThinkingPiece, ToolUse
from agentd.providers.tool_text_code import Code
from agentd.providers.tool_text_formats import OPENERS, STARTERS, Opener, Reader
from agentd.providers.tool_text_tape import Reading, Tape
from agentd.providers.tool_text_values import Written

__all__ = ["MOST_HELD", "ToolText"]

MOST_HELD = 1024 * 1024
"""Characters of one call: far more than a file that a model writes; beyond it the text is let go as a text."""

_MOST_CALLS = 128  # of one reply, as in the protocol's own form: babble must not fill the memory
_FIRST = re.compile("[" + re.escape("".join(sorted({opener.text[0] for opener in OPENERS}))) + "]")
_OPENER_CHARS = (
    max(len(opener.text) for opener in OPENERS) + 1
)  # enough to tell them apart; a copy of all is not needed
_LONGEST_SPACE = 256  # characters of white space at a reply's beginning that wait for what follows

_Block = tuple[Tape, Reading[list[Written] | None]]


class ToolText:
    """One reply's. `feed` takes each event in order and gives those that go on. `offered`: the names of the tools."""

    def __init__(self, offered: Iterable[str]) -> None:
        self._offered = frozenset(offered)
        self._code = Code()
        self._window = ""
        self._block: _Block | None = None
        self._held = 0
        self._at_start = True
        self._at_line_start = True
        self._space: str | None = ""  # white space at the start or behind a call; None: text goes on
        self._over: bool | None = None  # the text has ended; True: before the model wanted it to
        self.found: list[tuple[str, dict[str, object] | None]] = []
        """The calls that were found in text, in order: name and arguments."""

    def feed(self, event: ModelEvent) -> Iterator[ModelEvent]:
        """What goes on when `event` has come. After calls a stop of `end` becomes `tool_use`."""
        match event:
            case TextPiece(text):
                if self._offered:
                    self._window += text
                    yield from self._go()
                else:
                    yield event
            case ThinkingPiece(text):
                if text:
                    yield from self._close(cut=True)
                yield event
            case ToolUse():
                yield from self._close(cut=True)
                # Some servers give a call both as text and in the protocol's form.
                if (event.name, event.arguments) not in self.found:
                    yield event
            case Ended(stop):
                yield from self._close(cut=stop not in ("end", "tool_use"))
                changed = bool(self.found) and stop == "end"
                yield Ended("tool_use", event.usage) if changed else event
            case Failure():
                yield from self.rest()
                yield event
            case _:
                assert_never(event)

    def _go(self) -> Iterator[ModelEvent]:
        while self._block is not None or self._window:
            if self._block is None:
                text = self._prose()
                if text:
                    yield TextPiece(text)
                if self._block is None:
                    return
            found = self._read(self._block)
            if found is None:
                return
            tape, calls = found
            self._block, self._window = None, tape.window
            if calls and len(self.found) + len(calls) <= _MOST_CALLS:
                for call in calls:
                    self.found.append((call.name, call.arguments))
                    yield ToolUse("", call.name, call.arguments, call.raw)
                self._space = ""
            elif text := self._passed(tape.taken or tape.take(1)):
                self._window = tape.window
                yield TextPiece(text)

    def _read(self, block: _Block) -> tuple[Tape, list[Written] | None] | None:
        """Let the reader go on; None while it waits for more."""
        tape, reading = block
        self._held += len(self._window)
        tape.window, self._window = tape.window + self._window, ""
        tape.ended, tape.cut = self._over is not None, self._over is True
        if self._held > MOST_HELD:
            reading.close()
            tape.take(len(tape.window))
            return tape, None
        try:
            next(reading)
        except StopIteration as done:
            return tape, done.value
        return None

    def _begin(self, text: str, reader: Reader, opener: str = "") -> None:
        tape = Tape(text)
        if opener:
            tape.take(len(opener))
        self._block, self._window, self._held = (tape, reader(tape, self._offered)), "", len(text)

    def _prose(self) -> str:
        """The text that can go on now; a block is begun where the window comes to one."""
        if self._space is not None:
            text = self._window.lstrip()
            self._space += self._noted(self._window[: len(self._window) - len(text)])
            self._window = text
            if not text:
                return self._too_much_space()
            at_start, self._at_start = self._at_start, False
            if at_start and text[:1] in STARTERS:
                # What waits is kept: it belongs before the text, if this is one.
                self._begin(text, STARTERS[text[0]])
                return ""
        window, passed, done, at = self._window, "", 0, 0
        while (match := _FIRST.search(window, at)) is not None:
            passed += self._noted(window[done : match.start()])
            done, at = match.start(), match.end()
            if self._code.inside:
                continue
            opener, more = self._opener(window[done : done + _OPENER_CHARS])
            if opener is not None:
                self._begin(window[done:], opener.reader, opener.text)
                return self._with_space(passed)
            if more:
                self._window = window[done:]
                return self._with_space(passed)
        self._window = ""
        return self._with_space(passed + self._noted(window[done:]))

    def _too_much_space(self) -> str:
        """White space that has waited long enough; behind a call it is dropped."""
        if self._space is None or len(self._space) <= _LONGEST_SPACE:
            return ""
        space, self._space = self._space, ""
        return "" if self.found else space

    def _opener(self, text: str) -> tuple[Opener | None, bool]:
        """The opener that the text begins with; whether it may still become one."""
        rows = [row for row in OPENERS if self._at_line_start or not row.at_line_start]
        found = next((row for row in rows if text.startswith(row.text)), None)
        return found, found is None and self._over is None and any(row.text.startswith(text) for row in rows)

    def _noted(self, text: str) -> str:
        if text:
            self._code.take(text)
            self._at_line_start = text.endswith("\n")
        return text

    def _with_space(self, text: str) -> str:
        if not text or self._space is None:
            return text
        space, self._space = self._space, None
        return space + text

    def _passed(self, text: str) -> str:
        return self._with_space(self._noted(text))

    def _close(self, *, cut: bool) -> Iterator[ModelEvent]:
        """The text is over, at least for now: what waits is a call, or goes on."""
        self._over = cut
        yield from self._go()
        space = self._space if not self.found else ""
        if space:
            self._space = "" if self._at_start else None
            yield TextPiece(space)
        self._over = None

    def rest(self) -> Iterator[ModelEvent]:
        """What waits of a reply that broke or was broken off: nothing of it will be run, and it is a text."""
        tape = self._block[0] if self._block is not None else Tape()
        text = (self._space or "") + tape.taken + tape.window + self._window
        self._block, self._window, self._space = None, "", None
        if text:
            yield TextPiece(text)
