"""Which files version control ignores: `.gitignore` of every folder, `.git/info/exclude`, by the rules of git.

It decides whether one entry is ignored, given the texts of these files; it must never read them (the caller does). The
library says what a pattern matches, but counts what lies below a matched folder as matched too; a walk judges the
folder itself before it goes in, so here a pattern has to match the very entry. Pure; used by the worker's walk and, for
the folders above a search, by the grep tool.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pathspec import GitIgnoreSpec
from pathspec.patterns.gitignore import GitIgnorePatternError

__all__ = ["Layer", "Pattern", "ignored", "layer"]


@dataclass(frozen=True, slots=True)
class Pattern:
    """One line. `end`: what the last `length` components have to match; None where anything will do (`a/**`)."""

    whole: GitIgnoreSpec
    end: GitIgnoreSpec | None
    length: int
    exactly: bool
    negated: bool

    def matches(self, path: str) -> bool:
        """Whether it is about this very entry; folders end with a slash."""
        if self.whole.check_file(path).include is None:
            return False
        if self.end is None:
            return True
        names = path.rstrip("/").split("/")
        if len(names) < self.length or (self.exactly and len(names) != self.length):
            return False
        last = "/".join(names[-self.length :]) + ("/" if path.endswith("/") else "")
        return self.end.check_file(last).include is not None


@dataclass(frozen=True, slots=True)
class Layer:
    """The rules of one file. `folder`: what they are relative to, as a path from the walk's top ("" or "a/b/")."""

    folder: str
    spec: GitIgnoreSpec
    patterns: tuple[Pattern, ...]


def layer(folder: str, text: str) -> Layer | None:
    """None when the text holds no rule. A line that is no pattern is skipped, as git does."""
    lines = []
    patterns = []
    for line in text.removeprefix("\ufeff").split("\n"):
        kept = line.removesuffix("\r")
        if not kept or kept.startswith("#"):
            continue
        try:
            made = _pattern(kept)
        except GitIgnorePatternError:
            continue
        if made is not None:
            lines.append(kept)
            patterns.append(made)
    return Layer(folder, GitIgnoreSpec.from_lines(lines), tuple(patterns)) if lines else None


def ignored(layers: Sequence[Layer], path: str, *, folder: bool) -> bool:
    """Whether the entry itself is ignored. `layers`: weakest first. The folders above it have to be judged before."""
    for one in reversed(layers):
        inside = path[len(one.folder) :] + ("/" if folder else "")
        # One look with all patterns together settles most entries.
        if one.spec.check_file(inside).include is None:
            continue
        last = next((pattern for pattern in reversed(one.patterns) if pattern.matches(inside)), None)
        if last is not None:
            return not last.negated
    return False


def _pattern(line: str) -> Pattern | None:
    whole = GitIgnoreSpec.from_lines([line])
    if not any(pattern.include is not None for pattern in whole.patterns):
        return None
    bare = _without_spaces(line)
    negated = bare.startswith("!")
    bare = bare[negated:]
    anchored = "/" in bare.rstrip("/")
    folder = bare.endswith("/")
    names = [name for name in bare.split("/") if name]
    stars = [index for index, name in enumerate(names) if name == "**"]
    end = names[stars[-1] + 1 :] if stars else names
    if not end:
        return Pattern(whole, None, 0, exactly=False, negated=negated)
    return Pattern(
        whole,
        GitIgnoreSpec.from_lines(["/" + "/".join(end) + ("/" if folder else "")]),
        len(end),
        exactly=anchored and not stars,
        negated=negated,
    )


def _without_spaces(line: str) -> str:
    """Spaces at the end do not count unless a backslash stands before them."""
    bare = line.rstrip(" ")
    escaped = (len(bare) - len(bare.rstrip("\\"))) % 2 == 1
    return bare + " " if escaped and len(bare) < len(line) else bare
