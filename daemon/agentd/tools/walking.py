"""The walk over a folder that the worker's jobs share: what version control ignores, and `.git`, are passed by.

It decides the order of a walk (name by name, a folder before what is in it), where the rules of version control come
from, and when the time is over. It must never follow a link below its root or let one broken folder end it. It runs in
the worker process, which has no doors, and therefore reads the disk and the clock directly. Called by `search_jobs` and
`snapshot_jobs`.
"""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from agentd.tools.hits import MOST_RULE_BYTES
from agentd.tools.ignoring import Layer, ignored, layer

__all__ = ["FolderRules", "RecordedRules", "Seen", "Until", "WalkNotes", "git_places", "read_regular", "walk"]

_RULE_FILE = ".gitignore"


@dataclass(frozen=True, slots=True)
class Seen:
    """An entry of the walk; `path` is relative to its root. `other`: a link, a pipe, a socket, a device."""

    path: str
    kind: Literal["file", "dir", "other"]


@dataclass(frozen=True, slots=True)
class FolderRules:
    """What one folder adds. `begins`: a repository begins here, so that nothing from above counts. `texts`: of
    `info/exclude` and `.gitignore`, weakest first."""

    begins: bool
    texts: tuple[str, ...]

    def over(self, place: str, above: Sequence[Layer]) -> Sequence[Layer]:
        """All rules that hold in the folder. `place`: its path from the walk's top, "" or ending with a slash."""
        made = (layer(place, text) for text in self.texts)
        return [*([] if self.begins else above), *(one for one in made if one is not None)]


@dataclass(frozen=True, slots=True)
class WalkNotes:
    """What a walk writes down for whoever hands it in. `rules`: place -> what the folder adds, where it adds anything.
    `closed`: paths that could not be looked at; what lies below them was not seen."""

    rules: dict[str, FolderRules]
    closed: list[str]


class Until:
    """The end of a job's time. One that reaches it answers with what it has; `reached` is then `words`."""

    def __init__(self, budget_ms: int, words: str) -> None:
        self._end = time.monotonic() + budget_ms / 1_000
        self._words = words
        self.reached = ""

    def over(self) -> bool:
        if not self.reached and time.monotonic() > self._end:
            self.reached = self._words
        return bool(self.reached)


class RecordedRules:
    """Rules as an earlier walk found them; says what that walk passed by."""

    def __init__(self, rules: Mapping[str, FolderRules]) -> None:
        self._rules = rules
        self._layers: dict[str, Sequence[Layer]] = {}

    def passed_by(self, path: str) -> bool:
        """Whether a file of this path was, or would have been, ignored. `path`: relative to the walk's root and top."""
        names = path.split("/")
        layers: Sequence[Layer] = []
        place = ""
        for number, name in enumerate(names, 1):
            layers = self._holding(place, layers)
            if ignored(layers, place + name, folder=number < len(names)):
                return True
            place += name + "/"
        return False

    def _holding(self, place: str, above: Sequence[Layer]) -> Sequence[Layer]:
        if place not in self._rules:
            return above
        if place not in self._layers:
            self._layers[place] = self._rules[place].over(place, above)
        return self._layers[place]


def walk(
    root: str,
    top: str,
    until: Until,
    *,
    depth: int | None = None,
    skip: Collection[str] = (),
    notes: WalkNotes | None = None,
) -> Iterator[Seen]:
    """Every entry below `root` that is not ignored. `top`: the folder from which on rules count. `depth`: how many
    folders deep (None: all). `skip`: absolute paths of folders that are passed by."""
    prefix, above = _above(root, top)
    stack = [iter(_entries(root, prefix, "", above, notes))]
    while stack and not until.over():
        entry = next(stack[-1], None)
        if entry is None:
            stack.pop()
            continue
        seen, layers = entry
        if seen.kind == "dir":
            folder = os.path.join(root, seen.path)
            if folder in skip:
                continue
            yield seen
            if depth is None or len(stack) < depth:
                stack.append(iter(_entries(folder, prefix, seen.path + "/", layers, notes)))
        else:
            yield seen


def _entries(
    folder: str, prefix: str, inside: str, above: Sequence[Layer], notes: WalkNotes | None
) -> Iterator[tuple[Seen, Sequence[Layer]]]:
    """The entries of one folder and the rules that hold in it. `prefix` leads from the walk's top to its root."""
    try:
        with os.scandir(folder) as listing:
            entries = sorted(listing, key=lambda entry: entry.name)
    except OSError:
        if notes is not None:
            notes.closed.append(inside.removesuffix("/"))
        return
    rules = _rules_in(folder)
    layers = above if rules is None else rules.over(prefix + inside, above)
    if notes is not None and rules is not None:
        notes.rules[prefix + inside] = rules
    for entry in entries:
        if entry.name == ".git":
            continue
        path = inside + entry.name
        try:
            is_folder = entry.is_dir(follow_symlinks=False)
            is_file = not is_folder and entry.is_file(follow_symlinks=False)
        except OSError:
            if notes is not None:
                notes.closed.append(path)
            continue
        if not layers or not ignored(layers, prefix + path, folder=is_folder):
            yield Seen(path, "dir" if is_folder else "file" if is_file else "other"), layers


def _above(root: str, top: str) -> tuple[str, Sequence[Layer]]:
    """The way from `top` to `root`, and the rules of the folders on it; none when `root` itself is ignored, because
    then it was named on purpose."""
    if not root.startswith(top.rstrip("/") + "/"):
        return "", []
    names = root[len(top.rstrip("/")) + 1 :].split("/")
    layers: Sequence[Layer] = []
    place, folder = "", top
    for name in names:
        rules = _rules_in(folder)
        layers = layers if rules is None else rules.over(place, layers)
        if ignored(layers, place + name, folder=True):
            layers = []
            break
        place, folder = f"{place}{name}/", os.path.join(folder, name)
    return "/".join(names) + "/", layers


def _rules_in(folder: str) -> FolderRules | None:
    """What a folder adds: a repository's beginning and private rules, its own `.gitignore`; None for nothing."""
    git = git_places(folder)
    texts = [] if git is None else [_text(os.path.join(git[1], "info", "exclude"))]
    texts.append(_text(os.path.join(folder, _RULE_FILE)))
    return FolderRules(git is not None, tuple(texts)) if git is not None or texts[-1] else None


def git_places(folder: str) -> tuple[str, str] | None:
    """Where the repository that begins in `folder` keeps what is this worktree's own (HEAD, index), and what all its
    worktrees share (`info/exclude`); None when none begins here."""
    git = os.path.join(folder, ".git")
    if os.path.isdir(git):
        return git, git
    pointer = _text(git)
    if not pointer.startswith("gitdir: "):
        return (git, git) if os.path.exists(git) else None
    # A worktree: its `.git` is a file that names its folder, which names the folder that all worktrees share.
    own = os.path.join(folder, pointer[len("gitdir: ") :].split("\n")[0].strip())
    shared = _text(os.path.join(own, "commondir")).strip()
    return own, os.path.join(own, shared) if shared else own


def _text(path: str) -> str:
    data = read_regular(path, MOST_RULE_BYTES, follow=True)
    return "" if data is None else data.decode("utf-8", "replace")


def read_regular(path: str, limit: int, *, follow: bool) -> bytes | None:
    """A regular file of at most `limit` bytes; None for everything else."""
    flags = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | (0 if follow else os.O_NOFOLLOW)
    try:
        descriptor = os.open(path, flags)
    except (OSError, ValueError):
        return None
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or status.st_size > limit:
            return None
        with os.fdopen(os.dup(descriptor), "rb") as file:
            data = file.read(limit + 1)
        return data if len(data) <= limit else None
    except OSError:
        return None
    finally:
        os.close(descriptor)
