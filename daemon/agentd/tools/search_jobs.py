"""The searches that run in the worker process: lines by pattern, paths by glob, the tree of a folder.

It decides which files a search sees: what version control ignores, `.git` and links are passed by, and so are, where
content is read, secrets, large files and files with a NUL. It must never write, follow a link below the searched folder
or let one broken folder end a search. Named in `agentd.worker.JOBS`; the worker has no doors, so this module reads the
disk directly.

Results are plain values: `{"files": [[path, count, [[number, text, hit], ...]], ...], "stopped": words}` for `grep`,
`{"paths": [path, ...], "stopped": words}` for the others. Paths are relative to `root`; "" is a file that is itself the
root.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence

from agentd.policy.secrets import secret
from agentd.tools.globs import compiled
from agentd.tools.hits import LINE_CHARS, MOST_FILE_BYTES
from agentd.tools.patterns import ignores_case, translate
from agentd.tools.text_file import printable
from agentd.tools.walking import Until, read_regular, walk

__all__ = ["glob", "grep", "ls_tree"]


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
    until = _until(budget_ms)
    wanted = compiled(glob) if glob else None
    files: list[list[object]] = []
    hits = 0
    for path in _files_of(root, top, until):
        if path and ((wanted is not None and not wanted.fullmatch(path)) or (skip_secrets and secret(path))):
            continue
        data = read_regular(os.path.join(root, path) if path else root, MOST_FILE_BYTES, follow=False)
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
    until = _until(budget_ms)
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
    until = _until(budget_ms)
    paths: list[str] = []
    for seen in walk(root, top, until, depth=depth):
        if seen.kind == "other":
            continue
        paths.append(printable(seen.path) + ("/" if seen.kind == "dir" else ""))
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


def _files_of(root: str, top: str, until: Until) -> Iterator[str]:
    """Paths of the files below `root`, in order; "" when it is a file itself."""
    if not os.path.isdir(root):
        yield ""
        return
    for seen in walk(root, top, until):
        if seen.kind == "file":
            yield seen.path


def _until(budget_ms: int) -> Until:
    return Until(budget_ms, f"stopped after {budget_ms / 1_000:g} s; narrow pattern, glob or path")
