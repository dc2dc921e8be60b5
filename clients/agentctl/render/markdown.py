"""Markdown that streams -> whole blocks, each drawn once: no flicker, and the scrollback is never rewritten.

A block is complete when a blank line follows it outside a fence, or when the item ends. What is not complete yet is
`tail`, for a status line. Loaded by `chat` only.
"""

from __future__ import annotations

import io
from typing import ClassVar

from rich.console import Console, ConsoleOptions, RenderResult
from rich.markdown import CodeBlock, Markdown, MarkdownElement
from rich.syntax import Syntax

from agentctl.render.plain import Sink
from agentctl.render.safe import safe

__all__ = ["Blocks", "MarkdownWriter", "drawn"]


class Blocks:
    """Cuts a stream of Markdown into blocks. Feed it pieces of any size; `end` gives what is left."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._partial = ""
        self._fence = ""

    @property
    def tail(self) -> str:
        """The last line so far of what is not complete."""
        return self._partial or (self._lines[-1] if self._lines else "")

    def feed(self, text: str) -> list[str]:
        """The blocks that `text` completes."""
        *lines, self._partial = (self._partial + text).split("\n")
        blocks: list[str] = []
        for line in lines:
            bare = line.strip()
            if self._fence:
                self._lines.append(line)
                if bare.startswith(self._fence) and not bare.strip(self._fence[0]):
                    self._fence = ""
                    blocks += self._complete()
            elif not bare:
                blocks += self._complete()
            else:
                self._lines.append(line)
                if bare.startswith(("```", "~~~")):
                    self._fence = bare[: len(bare) - len(bare.lstrip(bare[0]))]
        return blocks

    def end(self) -> list[str]:
        """The last block; the next piece begins anew."""
        if self._partial:
            self._lines.append(self._partial)
        self._partial, self._fence = "", ""
        return self._complete()

    def _complete(self) -> list[str]:
        lines, self._lines = self._lines, []
        return ["\n".join(lines)] if lines else []


class _Code(CodeBlock):
    """Code in the terminal's own colours, without a box of blanks around it: it has to be copied from there."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield Syntax(str(self.text).rstrip(), self.lexer_name, theme="ansi_dark", word_wrap=True, padding=(0, 2))


class _Drawn(Markdown):
    elements: ClassVar[dict[str, type[MarkdownElement]]] = Markdown.elements | {"fence": _Code, "code_block": _Code}


def drawn(block: str, width: int, *, colour: bool) -> str:
    """One block as text for a terminal of `width` columns, with a line feed at its end."""
    file = io.StringIO()
    console = Console(file=file, width=max(20, width), force_terminal=colour, no_color=not colour, highlight=False)
    console.print(_Drawn(safe(block), hyperlinks=False))
    lines = [line.rstrip() for line in file.getvalue().splitlines()]
    return "\n".join(lines).strip("\n") + "\n"


class MarkdownWriter:
    """A stream for `render.plain`: takes the model's words, writes drawn blocks to `below`.

    `plain` leaves the words as they are, a line at a time (for screen readers, and where nothing can be drawn).
    """

    def __init__(self, below: Sink, width: int, *, colour: bool, plain: bool = False) -> None:
        self._below = below
        self.width = width
        self._colour = colour
        self._plain = plain
        self._blocks = Blocks()
        self._wrote = False

    @property
    def tail(self) -> str:
        return self._blocks.tail

    def write(self, text: str) -> int:
        if self._plain:
            self._below.write(safe(text))
        else:
            for block in self._blocks.feed(text):
                self._draw(block)
        return len(text)

    def flush(self) -> None:
        self._below.flush()

    def end(self) -> None:
        """The item is whole: draw what is left."""
        if self._plain:
            self._below.write("\n")
        for block in self._blocks.end():
            self._draw(block)
        self._wrote = False

    def _draw(self, block: str) -> None:
        gap = "\n" if self._wrote else ""
        self._wrote = True
        self._below.write(gap + drawn(block, self.width, colour=self._colour))
