"""How ripgrep is asked, and what its answer means.

It decides the options that make ripgrep search exactly the files and lines that the worker's job searches: no settings
of the user, no other ignore files, hidden files in, `.git` out, no guess of encodings. It must never start anything.
Pure; called by the grep tool.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence

import msgspec

from agentd.tools.hits import MOST_FILE_BYTES, FileHits, Line
from agentd.tools.text_file import printable

__all__ = ["awkward", "awkward_argv", "parse", "search_argv"]

_WALK = (
    *("--no-config", "--no-messages", "--color=never", "--threads=2", "--hidden", "--glob=!.git", "--no-require-git"),
    *("--no-ignore-global", "--no-ignore-dot", "--no-ignore-parent", "--no-mmap", "--encoding=none"),
)

# Lines of ignore files that ripgrep, git and pathspec read alike. Braces, for one, are a choice for ripgrep alone.
_ATOM = r"[\w.@+~%=,:()'-]|\*\*?|\?|\[[A-Za-z0-9]+\]"
_PLAIN_RULE = rf"^(#.*|!?/?({_ATOM})({_ATOM}|/| )*)?\r?$"


class _Text(msgspec.Struct, frozen=True):
    """Text, or in base64 what is no UTF-8."""

    text: str | None = None
    bytes: str | None = None

    def value(self) -> str:
        return (
            self.text
            if self.text is not None
            else base64.b64decode(self.bytes or "").decode("utf-8", "surrogateescape")
        )


class _Data(msgspec.Struct, frozen=True):
    path: _Text = _Text(text="")
    lines: _Text = _Text(text="")
    line_number: int = 0
    binary_offset: int | None = None


class _Event(msgspec.Struct, frozen=True):
    type: str
    data: _Data


def search_argv(
    program: str, pattern: str, target: str, *, ignore_case: bool, context: int, ignore_files: Sequence[str]
) -> list[str]:
    """`target`: "." or "./name", relative to where it is started. `ignore_files`: of the folders above, weakest first."""
    return [
        program,
        *_WALK,
        "--json",
        f"--max-filesize={MOST_FILE_BYTES}",
        "--ignore-case" if ignore_case else "--case-sensitive",
        f"--context={context}",
        *(f"--ignore-file={path}" for path in ignore_files),
        f"--regexp={pattern}",
        "--",
        target,
    ]


def awkward_argv(program: str, target: str) -> list[str]:
    """Names the ignore files below `target` that hold a line which the engines read differently."""
    looking = ("--files-with-matches", "--text", "--invert-match", "--glob=.gitignore", f"--regexp={_PLAIN_RULE}")
    return [program, *_WALK, *looking, "--", target]


def awkward(rules: str) -> bool:
    """The same question about rules at hand."""
    return not all(re.fullmatch(_PLAIN_RULE, line, re.ASCII) for line in rules.split("\n"))


def parse(output: bytes) -> list[FileHits] | None:
    """What was found, in no order; None when the answer is not whole. A file with a NUL in it is no text and is left
    out."""
    found = []
    lines: list[Line] = []
    whole = False
    decoder = msgspec.json.Decoder(_Event)
    for row in output.splitlines():
        try:
            event = decoder.decode(row)
        except msgspec.MsgspecError:
            return None
        data = event.data
        match event.type:
            case "begin":
                lines = []
            case "match" | "context":
                text = printable(data.lines.value()).removesuffix("\n").removesuffix("\r")
                lines.append(Line(data.line_number, text.removeprefix("\ufeff"), event.type == "match"))
            case "end" if data.binary_offset is None and lines:
                path = printable(data.path.value()).removeprefix("./")
                found.append(FileHits(path, sum(line.hit for line in lines), tuple(lines)))
            case "summary":
                whole = True
            case _:
                pass
    return found if whole else None
