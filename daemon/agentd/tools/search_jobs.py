"""The searches that run in the worker process: lines by pattern, paths by glob, the tree of a folder.

It decides which files a search sees: what version control ignores, `.git` and links are passed by, and so are, where
content is read, secrets, large files and files with a NUL. It must never write, follow a link below the searched folder
or let one broken folder end a search. Named in `agentd.worker.JOBS`; the worker has no doors, so this module reads the
disk and the clock directly.

Results are plain values: `{"files": [[path, count, [[number, text, hit], ...]], ...], "stopped": words}` for `grep`,
`{"paths": [path, ...], "stopped": words}` for the others. Paths are relative to `root`; "" is a file that is itself the
root.
"""

from __future__ import annotations

import os
import re
import stat
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from agentd.policy.secrets import secret
from agentd.tools.globs import compiled
from agentd.tools.hits import LINE_CHARS, MOST_FILE_BYTES, MOST_RULE_BYTES
from agentd.tools.ignoring import Layer, ignored, layer
from agentd.tools.patterns import ignores_case, translate
from agentd.tools.text_file import printable

__all__ = ["glob", "grep", "ls_tree"]

_RULE_FILE = ".gitignore"


@dataclass(frozen=True, slots=True)
class _Seen:
    """An entry of the walk; `path` is relative to the searched folder."""

    path: str
    folder: bool


class _Until:
    """The end of a search's time. A search that reaches it answers with what it has."""

    def __init__(self, budget_ms: int) -> None:
        self._end = time.monotonic() + budget_ms / 1_000
        self._words = f"stopped after {budget_ms / 1_000:g} s; narrow pattern, glob or path"
        self.reached = ""

    def over(self) -> bool:
        if not self.reached and time.monotonic() > self._end:
            self.reached = self._words
        return bool(self.reached)


def grep(
    root: str,
    top: str,
    pattern: str,
    ignore_case: bool,
    glob: str,
    mode: str,
    context: int,
    limit: int,
    skip_secrets: bool,
    budget_ms: int,
) -> dict[str, object]:
    """Lines that match. `root`: a folder or a file; `top`: the folder from which on rules of version control count."""
    search = _Search(pattern, ignore_case, mode == "content", context)
    until = _Until(budget_ms)
    wanted = compiled(glob) if glob else None
    files: list[list[object]] = []
    hits = 0
    for path in _files_of(root, top, until):
        if path and ((wanted is not None and not wanted.fullmatch(path)) or (skip_secrets and secret(path))):
            continue
        data = _read(os.path.join(root, path) if path else root, MOST_FILE_BYTES, follow=False)
        if data is None or b"\0" in data:
            continue
        most = limit + 1 - hits if mode == "content" else None
        count, lines = search.through(data, most)
        if count:
            files.append([printable(path), count, lines])
            hits += count if mode == "content" else 1
            if hits > limit:
                break
    return {"files": files, "stopped": until.reached}


def glob(root: str, top: str, glob: str, limit: int, budget_ms: int) -> dict[str, object]:
    """Paths of files that fit the glob, at most `limit` + 1, so that the caller sees that there are more."""
    until = _Until(budget_ms)
    wanted = compiled(glob)
    paths: list[str] = []
    for path in _files_of(root, top, until):
        if wanted.fullmatch(path):
            paths.append(printable(path))
            if len(paths) > limit:
                break
    return {"paths": paths, "stopped": until.reached}


def ls_tree(root: str, top: str, depth: int, limit: int, budget_ms: int) -> dict[str, object]:
    """Everything down to `depth` folders deep, folders with a slash at the end; at most `limit` + 1 paths."""
    until = _Until(budget_ms)
    paths: list[str] = []
    for seen in _walk(root, top, until, depth):
        paths.append(printable(seen.path) + ("/" if seen.folder else ""))
        if len(paths) > limit:
            break
    return {"paths": paths, "stopped": until.reached}


class _Search:
    """One pattern, run over many files line by line."""

    def __init__(self, pattern: str, ignore_case: bool, content: bool, context: int) -> None:
        self._pattern = pattern
        self._ignore_case = ignores_case(pattern, ignore_case)
        self._flags = re.MULTILINE | (re.IGNORECASE if self._ignore_case else 0)
        self._content = content
        self._context = context
        self._compiled: dict[bool, re.Pattern[str]] = {}

    def through(self, data: bytes, most: int | None) -> tuple[int, list[list[object]]]:
        """How many lines match (at most `most`), and these lines with their context."""
        text = data.decode("utf-8", "surrogateescape")
        expression = self._for(text)
        # A line that matches makes the whole text match, never the other way round: most files end here.
        if not expression.search(text):
            return 0, []
        lines = text.split("\n")
        if lines[-1] == "":
            lines.pop()
        hits = []
        for index, line in enumerate(lines):
            if expression.search(line):
                hits.append(index)
                if len(hits) == most:
                    break
        return len(hits), self._shown(lines, hits) if self._content else []

    def _for(self, text: str) -> re.Pattern[str]:
        narrow = text.isascii() and self._pattern.isascii()
        if narrow not in self._compiled:
            made = translate(self._pattern, "narrow" if narrow else "wide", ignore_case=self._ignore_case)
            self._compiled[narrow] = re.compile(made, self._flags)
        return self._compiled[narrow]

    def _shown(self, lines: Sequence[str], hits: Sequence[int]) -> list[list[object]]:
        near = {
            index
            for hit in hits
            for index in range(max(hit - self._context, 0), min(hit + self._context + 1, len(lines)))
        }
        matching = set(hits)
        return [[index + 1, _line(lines[index]), index in matching] for index in sorted(near)]


def _line(text: str) -> str:
    # One character more than is shown tells the reader of the result that the line was longer.
    return printable(text).removesuffix("\r").removeprefix("\ufeff")[: LINE_CHARS + 1]


def _files_of(root: str, top: str, until: _Until) -> Iterator[str]:
    """Paths of the files below `root`, in order; "" when it is a file itself."""
    if not os.path.isdir(root):
        yield ""
        return
    for seen in _walk(root, top, until, None):
        if not seen.folder:
            yield seen.path


def _walk(root: str, top: str, until: _Until, depth: int | None) -> Iterator[_Seen]:
    """Every entry that is not ignored, name by name, a folder before what is in it."""
    prefix, above = _above(root, top)
    stack = [iter(_entries(root, prefix, "", above))]
    while stack and not until.over():
        entry = next(stack[-1], None)
        if entry is None:
            stack.pop()
            continue
        seen, layers = entry
        yield seen
        if seen.folder and (depth is None or len(stack) < depth):
            stack.append(iter(_entries(os.path.join(root, seen.path), prefix, seen.path + "/", layers)))


def _entries(folder: str, prefix: str, inside: str, above: Sequence[Layer]) -> Iterator[tuple[_Seen, Sequence[Layer]]]:
    """The entries of one folder and the rules that hold in it. `prefix` leads from the walk's top to its root."""
    try:
        with os.scandir(folder) as listing:
            entries = sorted(listing, key=lambda entry: entry.name)
    except OSError:
        return
    layers = _layers(folder, prefix + inside, above)
    for entry in entries:
        if entry.name == ".git":
            continue
        try:
            is_folder = entry.is_dir(follow_symlinks=False)
            if not is_folder and not entry.is_file(follow_symlinks=False):
                continue
        except OSError:
            continue
        path = inside + entry.name
        if not ignored(layers, prefix + path, folder=is_folder):
            yield _Seen(path, is_folder), layers


def _layers(folder: str, place: str, above: Sequence[Layer]) -> list[Layer]:
    """The rules in a folder: those from above (unless a repository begins here), its own repository's, its own."""
    git = _git_folder(folder)
    layers = list(above) if git is None else []
    texts = [] if git is None else [_rules(os.path.join(git, "info", "exclude"))]
    for text in (*texts, _rules(os.path.join(folder, _RULE_FILE))):
        made = layer(place, text)
        if made is not None:
            layers.append(made)
    return layers


def _above(root: str, top: str) -> tuple[str, Sequence[Layer]]:
    """The way from `top` to `root`, and the rules of the folders on it; none when `root` itself is ignored, because
    then it was named on purpose."""
    if not root.startswith(top.rstrip("/") + "/"):
        return "", []
    names = root[len(top.rstrip("/")) + 1 :].split("/")
    layers: Sequence[Layer] = []
    place, folder = "", top
    for name in names:
        layers = _layers(folder, place, layers)
        if ignored(layers, place + name, folder=True):
            layers = []
            break
        place, folder = f"{place}{name}/", os.path.join(folder, name)
    return "/".join(names) + "/", layers


def _git_folder(folder: str) -> str | None:
    """Where the repository that begins here keeps its `info/exclude`; None when none begins here."""
    git = os.path.join(folder, ".git")
    if os.path.isdir(git):
        return git
    pointer = _rules(git)
    if not pointer.startswith("gitdir: "):
        return git if os.path.exists(git) else None
    # A worktree: its `.git` is a file that names its folder, which names the folder that all worktrees share.
    own = os.path.join(folder, pointer[len("gitdir: ") :].split("\n")[0].strip())
    shared = _rules(os.path.join(own, "commondir")).strip()
    return os.path.join(own, shared) if shared else own


def _rules(path: str) -> str:
    data = _read(path, MOST_RULE_BYTES, follow=True)
    return "" if data is None else data.decode("utf-8", "replace")


def _read(path: str, limit: int, *, follow: bool) -> bytes | None:
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
