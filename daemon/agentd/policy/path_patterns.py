"""Patterns over paths, component by component: `src/**`, `/etc/*.conf`, `~/notes/**`.

It decides what a pattern covers. `*`, `?` and `[...]` stay within one name; `**` is anything at and below where it
stands; a pattern that begins neither with `/` nor with `~` is relative to the workspace and covers nothing outside. It
must never look at the disk: paths come in real and absolute. Pure; called by `rules` and `decide`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import translate
from functools import lru_cache

from agentd.errors import BadInputError

__all__ = ["PathPattern", "inside", "names_of", "parse"]

_WILD = frozenset("*?[")


@dataclass(frozen=True, slots=True)
class PathPattern:
    """`names`: the components; `**` is one of its own. `begins`: what they are relative to."""

    begins: str  # "workspace", "root" or "home"
    names: tuple[str, ...]

    def covers(self, path: str, workspace: str, home: str, *, fold: bool = False) -> bool:
        """Whether the path, and so whatever it names, is meant. `fold`: letters without case, as some disks compare;
        for rules that forbid, where too much is better than too little."""
        names = self._relative(path, workspace, home, fold=fold)
        return names is not None and _matches(self._folded(fold), names)

    def covers_tree(self, folder: str, workspace: str, home: str) -> bool:
        """Whether everything at and below the folder is meant."""
        if not self.names or self.names[-1] != "**":
            return False
        names = self._relative(folder, workspace, home, fold=False)
        return names is not None and _matches(self.names, names)

    def reaches(self, folder: str, workspace: str, home: str) -> bool:
        """Whether something at or below the folder may be meant; in doubt, yes."""
        names = self._relative(folder, workspace, home, fold=True)
        literal = self._literal_part()
        if names is None:
            # The folder is not below where the pattern begins; the pattern may lie below the folder.
            anchor = {"workspace": workspace, "home": home, "root": "/"}[self.begins]
            return inside(anchor, folder, fold=True)
        return all(one == other for one, other in zip(names, literal, strict=False))

    def spells_out(self, path: str, name_index: int, workspace: str, home: str) -> bool:
        """Whether the pattern covers the path with its components up to `name_index` of the path written out."""
        if not self.covers(path, workspace, home):
            return False
        skipped = len(names_of(path)) - len(self._relative(path, workspace, home, fold=False) or ())
        wanted = name_index - skipped + 1
        return wanted <= 0 or len(self._written_out()) >= wanted

    def _written_out(self) -> tuple[str, ...]:
        for index, name in enumerate(self.names):
            if _WILD & set(name):
                return self.names[:index]
        return self.names

    def _literal_part(self) -> tuple[str, ...]:
        return tuple(map(_fold, self._written_out()))

    def _folded(self, fold: bool) -> tuple[str, ...]:
        return tuple(map(_fold, self.names)) if fold else self.names

    def _relative(self, path: str, workspace: str, home: str, *, fold: bool) -> tuple[str, ...] | None:
        """The path's components from where the pattern begins, None when it lies elsewhere."""
        anchor = names_of({"workspace": workspace, "home": home, "root": "/"}[self.begins])
        names = names_of(path)
        if fold:
            anchor, names = tuple(map(_fold, anchor)), tuple(map(_fold, names))
        if self.begins == "home" and not home:
            return None
        return names[len(anchor) :] if names[: len(anchor)] == anchor else None


def parse(text: str) -> PathPattern:
    """BadInputError, saying what is wrong, for a text that is no pattern."""
    if not text.strip():
        raise BadInputError("the path pattern is empty")
    if "\0" in text:
        raise BadInputError("no path holds a NUL")
    begins, rest = "workspace", text
    if text == "~" or text.startswith("~/"):
        begins, rest = "home", text[1:]
    elif text.startswith("~"):
        raise BadInputError("`~name` is not known; write the folder in full")
    elif text.startswith("/"):
        begins = "root"
    names = [name for name in rest.split("/") if name not in ("", ".")]
    if ".." in names:
        raise BadInputError("`..` has no place in a path pattern; write where it leads to")
    for name in names:
        if "**" in name and name != "**":
            raise BadInputError(f"`**` has to be a component of its own, not {name!r}")
    if rest.endswith("/") and (not names or names[-1] != "**"):
        # A folder is meant with what is in it.
        names.append("**")
    return PathPattern(begins, tuple(names))


def inside(path: str, folder: str, *, fold: bool = False) -> bool:
    """Whether the path is the folder or lies below it; whole components."""
    names, above = names_of(path), names_of(folder)
    if fold:
        names, above = tuple(map(_fold, names)), tuple(map(_fold, above))
    return names[: len(above)] == above


def names_of(path: str) -> tuple[str, ...]:
    return tuple(name for name in path.split("/") if name)


def _matches(pattern: Sequence[str], names: Sequence[str]) -> bool:
    """Every way at once, so that many `**` cost no more than their number: `reached` are the places in the pattern."""
    reached = _past_stars(pattern, {0})
    for name in names:
        next_reached = set()
        for at in reached:
            if at < len(pattern) and pattern[at] == "**":
                next_reached.add(at)
            elif at < len(pattern) and _one(pattern[at]).fullmatch(name):
                next_reached.add(at + 1)
        reached = _past_stars(pattern, next_reached)
        if not reached:
            return False
    return len(pattern) in reached


def _past_stars(pattern: Sequence[str], reached: set[int]) -> set[int]:
    """`**` may stand for nothing at all."""
    found = set(reached)
    for at in sorted(reached):
        while at < len(pattern) and pattern[at] == "**":
            at += 1
            found.add(at)
    return found


@lru_cache(maxsize=1024)
def _one(name: str) -> re.Pattern[str]:
    return re.compile(translate(name))


@lru_cache(maxsize=4096)
def _fold(name: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())
