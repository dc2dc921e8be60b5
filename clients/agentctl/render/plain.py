"""A turn as plain text: the answer to one stream, progress to another, both as they come.

On a terminal there is one line that is drawn over and says what is being waited for and for how long; tools show as one
line each when they end. In a pipe there is neither colour nor a line drawn over, and stdout gets the model's words byte
for byte. Callers: `ask`, `attach`; it never reads keys and never talks to a daemon.
"""

from __future__ import annotations

from typing import Protocol

import msgspec

from agentclient.turn_stream import Added, Change, Replaced, Unknown
from agentctl.render.safe import one_line, safe
from agentctl.render.table import size_text
from agentctl.sessions.reverts import file_line, happened
from agentproto.api import question, session, turn
from agentproto.content import ToolUseBlock
from agentproto.revisions import RevertedEvent

__all__ = ["Plain", "Screen", "Sink"]

_SPIN = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
_SPIN_ASCII = "|/-\\"
_RESET = "\x1b[0m"
_STYLES = {"dim": "\x1b[2m", "red": "\x1b[31m", "green": "\x1b[32m", "yellow": "\x1b[33m", "cyan": "\x1b[36m"}
_BAD = {"error": "red", "denied": "yellow", "interrupted": "yellow", "unknown": "red"}
_AGAIN = "asking the model again"
_DIFF_LINES = 40
_TARGET = 50
"""Characters of what a call is about that its line shows; a search's pattern can be as long as a page."""
_PIPE_LINE = 160
"""Characters of a call's line where nobody knows how wide the reader is."""


class Sink(Protocol):
    """Where text goes."""

    def write(self, text: str, /) -> object: ...

    def flush(self) -> object: ...


class Screen(msgspec.Struct, frozen=True):
    """Where a turn is shown. `draws`: stderr is a terminal whose line can be drawn over; `answer_on_terminal`: stdout
    is one too (then control characters in the answer are made visible, and the two streams share the cursor);
    `for_person`: stderr is read while it is written (lines are cut to `width`, diffs are shown)."""

    out: Sink
    err: Sink
    answer_on_terminal: bool = False
    draws: bool = False
    for_person: bool = False
    colour: bool = False
    unicode: bool = True
    width: int = 80


class Plain:
    """`thinking` also shows what the model thinks, `prompts` what people said (both on stderr). Call `tick` about ten
    times a second while waiting."""

    def __init__(self, screen: Screen, *, thinking: bool = False, prompts: bool = False) -> None:
        self._screen = screen
        self._thinking = thinking
        self._prompts = prompts
        self._targets: dict[str, str] = {}
        self._waiting = ""
        self._since_ms = 0
        self._until_ms = 0
        self._drawn = False
        self._line_open = False
        self._said = False
        self._goes_on = False
        self._aside_open = False

    @property
    def colour(self) -> bool:
        """Whether what is shown beside the answer may have colour."""
        return self._screen.colour

    # -- changes -----------------------------------------------------------------------------------------------

    def show(self, change: Change, now_ms: int) -> None:
        match change:
            case Added(kind="text", text=text, first=first):
                self._answer(text, first)
                self._wait_for("model", now_ms)
            case Added(kind="thinking", text=text):
                self._wait_for("thinking", now_ms)
                if self._thinking:
                    self._clear()
                    self._screen.err.write(self._styled("dim", safe(text)))
                    self._aside_open = not text.endswith("\n")
            case Added():
                pass
            case Replaced(kind="text", text=text):
                self.note("the answer came out different from what was streamed; here it is again", "yellow")
                self._answer(text, first=True)
            case turn.QueuedEvent():
                if self._prompts:
                    self.note(f"{change.actor} says: {change.prompt}", "cyan")
                self._wait_for("its turn", now_ms)
            case turn.StartedEvent():
                self._wait_for(f"model {change.model}", now_ms)
            case turn.RepliedEvent(stop="length", items=items) if not any(
                isinstance(one, ToolUseBlock) for one in items
            ):
                self._goes_on = True  # the next words belong to the same sentence
                self._wait_for("the rest of the answer", now_ms)
            case turn.RepliedEvent():
                self.end_line()
                self._wait_for("the next step", now_ms)
            case turn.RetryEvent():
                again = f"; asked again in {change.wait_ms / 1000:.1f} s" if change.wait_ms else "; asked again at once"
                reason = change.reason.replace("_", " ")
                self.note(f"{reason}: {change.text}{again if change.again else ''}", "yellow")
                self._wait_for(_AGAIN if change.again else "the end", now_ms, now_ms + change.wait_ms)
            case turn.ToolStartedEvent():
                self._targets[change.call] = change.target
                self._wait_for(f"{change.tool} {change.target}", now_ms)
            case turn.ToolFinishedEvent():
                self._tool(change, self._targets.pop(change.call, ""))
                self._wait_for("model", now_ms)
            case turn.SteeredEvent():
                self.note(f"{change.actor} says: {change.text}", "cyan")
            case question.OpenedEvent():
                self._wait_for("an answer to the question", now_ms)
            case question.AnsweredEvent():
                words = f": {change.text}" if change.text else ""
                self.note(f"{change.question}: {change.decision} by {change.actor}{words}", "cyan")
                self._wait_for("the next step", now_ms)
            case session.NoticeEvent(code="told.cut"):
                pass  # it would stand in the middle of the sentence
            case session.NoticeEvent():
                self.note(change.text, "yellow")
            case turn.WithdrawnEvent():
                self.note(f"{change.actor} withdrew the message before the model spoke", "yellow")
                self._waiting = ""
            case RevertedEvent():
                self.note(happened(change), "yellow")
                for one in change.files:
                    self.detail(file_line(one))
            case turn.FinishedEvent():
                self.end_line()
                self._waiting = ""
            case Unknown():
                self.note(change.text, "yellow")
            case _:
                pass

    def note(self, text: str, style: str = "dim") -> None:
        """One line of progress."""
        self.end_line()
        self._screen.err.write(self._styled(style, f"- {one_line(text)}") + "\n")
        self._screen.err.flush()

    def stopping(self, now_ms: int) -> None:
        """Somebody here pressed Ctrl-C."""
        self.note("stopping the turn; Ctrl-C again leaves at once", "yellow")
        self._wait_for("its end", now_ms)

    def detail(self, text: str) -> None:
        """One line below a note that says more of it."""
        self.end_line()
        self._screen.err.write(self._styled("dim", f"  {safe(text)}") + "\n")
        self._screen.err.flush()

    def block(self, text: str) -> None:
        """Lines for a person that are not progress (a question). They end with a line feed or a prompt."""
        self.end_line()
        self._screen.err.write(text)
        self._screen.err.flush()

    def end_line(self) -> None:
        """Leave the cursor at the start of a line."""
        self._clear()
        if self._line_open:
            self._screen.out.write("\n")
            self._screen.out.flush()
            self._line_open = False
        if self._aside_open:
            self._screen.err.write("\n")
            self._aside_open = False

    # -- the line that is drawn over ---------------------------------------------------------------------------

    def tick(self, now_ms: int) -> None:
        """Draw what is being waited for. Nothing while the answer's line is open, and nothing in a pipe."""
        if not self._screen.draws or not self._waiting or self._line_open or self._aside_open:
            return
        left_ms = self._until_ms - now_ms
        passed = now_ms - (self._since_ms if left_ms > 0 else max(self._since_ms, self._until_ms))
        if passed < 300:
            return  # what is over at once must not flicker
        signs = _SPIN if self._screen.unicode else _SPIN_ASCII
        sign = signs[now_ms // 100 % len(signs)]
        words = f"in {-(-left_ms // 1000)} s; Ctrl-C stops the turn" if left_ms > 0 else f"{passed // 1000} s"
        text = one_line(f"{sign} {self._waiting} {words}", self._screen.width - 1)
        self._screen.err.write("\r\x1b[K" + self._styled("dim", text))
        self._screen.err.flush()
        self._drawn = True

    def _wait_for(self, what: str, now_ms: int, until_ms: int = 0) -> None:
        """`until_ms`: when it will be there, where that is known."""
        self._waiting = what
        self._since_ms = now_ms
        self._until_ms = until_ms

    def _clear(self) -> None:
        if self._drawn:
            self._screen.err.write("\r\x1b[K")
            self._screen.err.flush()
            self._drawn = False

    # -- pieces ------------------------------------------------------------------------------------------------

    def _answer(self, text: str, first: bool) -> None:
        self._clear()
        if first and not self._goes_on:
            self.end_line()
            if self._said:
                self._screen.out.write("\n")
        self._goes_on = False
        self._screen.out.write(safe(text) if self._screen.answer_on_terminal else text)
        self._screen.out.flush()
        self._said = True
        self._line_open = not text.endswith("\n")

    def _tool(self, done: turn.ToolFinishedEvent, target: str) -> None:
        facts = f"{done.duration_ms} ms, {size_text(done.bytes)}"
        bad = f" [{done.status}]" if done.status != "ok" else ""
        known = target in done.summary  # many summaries name their target themselves
        head = done.tool if known else f"{done.tool} {one_line(target, _TARGET)}:"
        what = f"{head} {done.summary}" if done.summary else head.rstrip(":")
        room = max(10, self._screen.width - len(facts) - len(bad) - 6) if self._screen.for_person else _PIPE_LINE
        line = f"* {one_line(what, room)} ({facts}){bad}"
        self.end_line()
        self._screen.err.write(self._styled(_BAD.get(done.status, "dim"), line) + "\n")
        if done.diff and self._screen.for_person:
            self._diff(done.diff)
        self._screen.err.flush()

    def _diff(self, diff: str) -> None:
        lines = safe(diff).splitlines()
        for line in lines[:_DIFF_LINES]:
            style = "green" if line.startswith("+") else "red" if line.startswith("-") else "dim"
            self._screen.err.write("  " + self._styled(style, line) + "\n")
        if len(lines) > _DIFF_LINES:
            self._screen.err.write(self._styled("dim", f"  ... {len(lines) - _DIFF_LINES} more lines") + "\n")

    def _styled(self, style: str, text: str) -> str:
        return f"{_STYLES[style]}{text}{_RESET}" if self._screen.colour else text
