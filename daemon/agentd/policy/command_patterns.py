"""Patterns over command lines: `git status:*`, an exact text, `*`.

It decides what a pattern covers, in the safest simple form: a prefix covers a command only when every word of it is
plainly literal. For rules that forbid, whatever is not plain is answered with "perhaps". It must never try to
understand a shell. Pure; called by `rules` and `decide`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from agentd.errors import BadInputError

__all__ = ["Answer", "CommandPattern", "names_folder", "parse", "plain_words"]

Answer = Literal["yes", "no", "perhaps"]

# No character here means anything to a shell wherever it stands, but for `=` in the first word and `~` (left out).
_PLAIN = re.compile(r"[A-Za-z0-9_@%+=:,./-]+( +[A-Za-z0-9_@%+=:,./-]+)*")


@dataclass(frozen=True, slots=True)
class CommandPattern:
    """`kind` any: every command; exact: this text; prefix: commands that begin with these words."""

    kind: Literal["any", "exact", "prefix"]
    text: str = ""

    def allows(self, command: str) -> bool:
        """Whether a rule that permits covers the command for certain."""
        match self.kind:
            case "any":
                return True
            case "exact":
                return command == self.text
            case "prefix":
                words = plain_words(command)
                return words is not None and _begins(words, self.text.split())

    def forbids(self, command: str) -> Answer:
        """Whether a rule that forbids or asks covers the command."""
        if self.kind == "any" or command.strip() == self.text:
            return "yes"
        wanted = self.text.split()
        words = plain_words(command)
        if words is not None:
            found = _begins(words, wanted) if self.kind == "prefix" else words == wanted
            # The same program by its path is the same program.
            bare = [words[0].rpartition("/")[2], *words[1:]]
            again = _begins(bare, wanted) if self.kind == "prefix" else bare == wanted
            if found or again:
                return "yes"
            # Behind another program's name it may be what that one runs: env rm, xargs rm.
            return "perhaps" if self.kind == "prefix" and wanted[0] in bare[1:] else "no"
        # Quotes and backslashes taken away, the words may stand anywhere in the line.
        flat = re.sub(r"[\"'\\]", "", command)
        loose = r"\s+".join(map(re.escape, wanted))
        return "yes" if re.search(rf"(?<![\w.-]){loose}(?![\w-])", flat) else "perhaps"


def parse(text: str) -> CommandPattern:
    """BadInputError, saying what is wrong, for a text that is no pattern."""
    if not text.strip():
        raise BadInputError("the command pattern is empty")
    if text == "*":
        return CommandPattern("any")
    if text.endswith(":*"):
        prefix = text[:-2]
        words = plain_words(prefix)
        if words is None:
            raise BadInputError(
                f"{prefix!r} is no plain prefix", remedy="Write plain words without quotes, for example git status:*"
            )
        return CommandPattern("prefix", " ".join(words))
    if text.endswith(" *"):
        raise BadInputError(
            f"{text!r} would be an exact text with a star in it", remedy=f"Write {text[:-2]}:* for a prefix."
        )
    return CommandPattern("exact", text)


def plain_words(command: str) -> list[str] | None:
    """The words of a command in which no character means anything to a shell; None for every other command."""
    text = command.strip(" ")
    if not _PLAIN.fullmatch(text):
        return None
    words = text.split()
    # A word with `=` in front of the program sets a variable, which can change what runs.
    return None if "=" in words[0] else words


def names_folder(command: str, folder: str, home: str) -> bool:
    """Whether the folder, or something in it, stands in the command by its path; in full, from `~` or from $HOME.

    No proof of the contrary: a command can come to a path in many ways. It catches the plain ones.
    """
    flat = re.sub(r"[\"'\\]", "", command).casefold()
    spellings = [folder]
    if home and folder.startswith(home.rstrip("/") + "/"):
        rest = folder[len(home.rstrip("/")) :]
        spellings += ["~" + rest, "$HOME" + rest, "${HOME}" + rest]
    return any(
        re.search(rf"(?<![\w./-]){re.escape(spelling.rstrip('/').casefold())}(?![\w.-])", flat)
        for spelling in spellings
    )


def _begins(words: list[str], wanted: list[str]) -> bool:
    return words[: len(wanted)] == wanted
